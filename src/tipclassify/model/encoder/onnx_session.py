"""The encoder's graph at work: rows of tokens in, pooled vectors out, by ONNX Runtime on the processor.

Each row goes through the graph alone. What flows between layers is brought to whole numbers of 8 bits by the largest value of all that is
in the graph at a time: in a batch, a passage's probability would move by up to 0.2 with the company it is in. Alone it has the
same bits in any company, and no padding; threads take rows in turn, which keeps the cores as busy as a batch does.
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

__all__ = ["Graph", "threads"]

Vectors = npt.NDArray[np.float32]

_SLOWER: Final = ["SkipLayerNormFusion"]  # sum and normalisation in one operator take five times as long as one by one


def threads() -> int:
    """Threads of one process: ``OMP_NUM_THREADS``, as joblib and Dask set it where processes share the processor, else all."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdigit() and int(told):
        return int(told)
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


class Graph:
    """An ONNX session.

    Raises
    ------
    ModelError
        When ONNX Runtime cannot run the graph, or the graph does not give a vector as wide as the heads.
    """

    def __init__(self, model: EncoderModel) -> None:
        import onnxruntime

        self._threads = threads()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # the rows are what threads share
        options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.log_severity_level = 4  # what fails is raised; what only worries ONNX Runtime is not for the user
        try:
            self._session: Any = onnxruntime.InferenceSession(
                model.graph, options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOWER
            )
        except Exception as error:  # it has a dozen kinds, which have no base of their own
            raise ModelError(
                f"ONNX Runtime {onnxruntime.__version__} cannot load the encoder ({_first(error)})"
            ) from None
        wanted = {one.name for one in self._session.get_inputs()}
        given = [one.name for one in self._session.get_outputs()]
        if wanted != {"input_ids", "attention_mask"} or given != ["pooled"]:
            told = f"takes {', '.join(sorted(wanted))} and gives {', '.join(given)}"
            raise ModelError(f"the encoder's graph {told}, not tokens to a pooled vector; get the model anew")
        self._width = model.heads.weights.shape[1]

    def pooled(self, rows: Sequence[Sequence[int]]) -> Vectors:
        """Pooled vector of each row of tokens, specials included, float32 (n, width); equal rows are read once."""
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
            raise ModelError(f"the encoder's graph fails ({_first(error)}); get the model anew") from None
        if pooled.shape != (1, self._width) or not np.isfinite(pooled).all():
            raise ModelError("the encoder's graph does not give a vector of finite numbers; get the model anew")
        return np.asarray(pooled[0], np.float32)


def _first(error: Exception) -> str:
    """The first line of an error of ONNX Runtime, which may have many."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
