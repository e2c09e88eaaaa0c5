"""Run the encoder's ONNX graph on the CPU: rows of token ids to pooled vectors.

Each row runs alone, and threads share the rows: dynamic quantisation scales activations by the largest value in a batch,
so that batching would move a probability by up to 0.2.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.errors import ModelError
from tipclassify.model.encoder.folder import EncoderModel
from tipclassify.model.encoder.graph_check import graph_problem

__all__ = ["OnnxSession", "thread_count"]

Vectors = npt.NDArray[np.float32]

_SLOW_FUSIONS: Final = ["SkipLayerNormFusion"]  # the fused operator is five times slower than its parts


def thread_count() -> int:
    """Return the threads per process: ``OMP_NUM_THREADS``, as joblib and Dask set it for workers, or all cores."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    if limit.isdigit() and int(limit):
        return int(limit)
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


class OnnxSession:
    """ONNX Runtime session of an encoder.

    Raises `ModelError` when ONNX Runtime cannot run the graph, or its output does not fit the heads.
    """

    def __init__(self, model: EncoderModel) -> None:
        import onnxruntime

        if problem := graph_problem(model.graph):
            raise ModelError(f"the encoder's graph {problem}; get the model anew")
        self._threads = thread_count()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # the threads share the rows instead
        options.use_deterministic_compute = True
        options.log_severity_level = 4  # failures are raised; warnings of ONNX Runtime are not for the user
        try:
            self._session: Any = onnxruntime.InferenceSession(
                model.graph, options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOW_FUSIONS
            )
        except Exception as error:  # a dozen exception classes without common base
            version = onnxruntime.__version__
            raise ModelError(f"ONNX Runtime {version} cannot load the encoder ({_first_line(error)})") from None
        inputs = {one.name for one in self._session.get_inputs()}
        outputs = [one.name for one in self._session.get_outputs()]
        if inputs != {"input_ids", "attention_mask"} or outputs != ["pooled"]:
            signature = f"takes {', '.join(sorted(inputs))} and gives {', '.join(outputs)}"
            raise ModelError(f"the encoder's graph {signature}, not tokens to a pooled vector; get the model anew")
        self._width = model.heads.weights.shape[1]

    def pooled(self, rows: Sequence[Sequence[int]]) -> Vectors:
        """Compute the pooled vector of each row of token ids, special tokens included, float32 (n, width).

        Equal rows are computed once.
        """
        distinct: dict[tuple[int, ...], int] = {}
        at = [distinct.setdefault(tuple(row), len(distinct)) for row in rows]
        workers = min(self._threads, len(distinct))
        if workers < 2:
            found = [self._run(row) for row in distinct]
        else:
            with ThreadPoolExecutor(workers) as pool:
                found = list(pool.map(self._run, distinct))
        return np.array(found, np.float32).reshape(-1, self._width)[at]

    def _run(self, row: Sequence[int]) -> Vectors:
        ids = np.array([row], np.int64)
        try:
            (pooled,) = self._session.run(["pooled"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        except Exception as error:
            raise ModelError(f"the encoder's graph fails ({_first_line(error)}); get the model anew") from None
        if pooled.shape != (1, self._width) or not np.isfinite(pooled).all():
            raise ModelError("the encoder's graph does not give a vector of finite numbers; get the model anew")
        return np.asarray(pooled[0], np.float32)


def _first_line(error: Exception) -> str:
    """Return the first line of an error message of ONNX Runtime, at most 200 characters."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
