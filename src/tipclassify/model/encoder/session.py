"""Run the encoder's ONNX graph on the CPU, after a check of the graph.

Rows of token ids come in, pooled vectors go out.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
import numpy.typing as npt

from tipclassify.errors import ModelError
from tipclassify.isolation import Child, ChildDiedError
from tipclassify.model.encoder.files import EncoderModel
from tipclassify.model.encoder.graph_check import graph_problem
from tipclassify.model.encoder.onnx_worker import (
    POOLED,
    TOKENS,
    pack_tokens_for_onnx,
    unpack_graph_vectors,
)

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["LocalGraph", "OnnxSession", "disable_onnx_telemetry", "onnx_thread_count"]

Vectors = npt.NDArray[np.float32]
Given = TypeVar("Given")
Result = TypeVar("Result")

# the fused operator is five times slower than its parts
_SLOW_FUSIONS: Final = ["SkipLayerNormFusion"]
# Seconds that a graph of others may take: to load, and for some rows, besides those for each row.
# The default takes 0.004 s for a row; an encoder of 24 layers in floats about one.
_PATIENCE: Final = 60.0
_PATIENCE_FOR_A_ROW: Final = 2.0


def onnx_thread_count() -> int:
    """Return the threads per process.

    That is ``OMP_NUM_THREADS``, as joblib and Dask set it for workers, or all cores.
    """
    limit = os.environ.get("OMP_NUM_THREADS", "")
    if limit.isdigit() and int(limit):
        return int(limit)
    has_affinity = hasattr(os, "sched_getaffinity")  # not on macOS and Windows
    return len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1


def disable_onnx_telemetry() -> None:
    """Switch the telemetry of ONNX Runtime off, which some builds have; it is read at import."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


class OnnxSession:
    """ONNX Runtime session of an encoder.

    The graph that comes with tipclassify runs in this process. Any other is checked, then runs in a
    child process: it may crash, use up its memory or hang, and that ends with a `ModelError`,
    within 60 seconds and two for each window of text. So does a graph that ONNX Runtime cannot run,
    or whose output does not fit the heads.
    """

    def __init__(self, model: EncoderModel) -> None:
        from tipclassify.model.find import is_shipped_graph

        disable_onnx_telemetry()
        self._graph: LocalGraph | RemoteGraph
        if is_shipped_graph(hashlib.sha256(model.graph).hexdigest()):
            self._graph = LocalGraph(model.graph)
        else:
            # where it is missing, say so before a child is started
            import onnxruntime  # noqa: F401

            if problem := graph_problem(model.graph):
                raise ModelError(f"the encoder's graph {problem}; get the model anew")
            self._graph = RemoteGraph(model.graph)
        inputs = sorted(self._graph.inputs)
        outputs = self._graph.outputs
        if inputs != ["attention_mask", "input_ids"] or outputs != ["pooled", "tokens"]:
            signature = f"takes {', '.join(inputs)} and gives {', '.join(outputs)}"
            wanted = "not tokens to a pooled vector and token vectors"
            raise ModelError(f"the encoder's graph {signature}, {wanted}; get the model anew")
        self._width = model.heads.weights.shape[1]
        # in this process, where vectors of tokens cost no transfer
        self.is_local = isinstance(self._graph, LocalGraph)

    def pooled(self, rows: Sequence[Sequence[int]]) -> Vectors:
        """Compute the pooled vector of each row of token ids, float32 (n, width).

        Rows have the special tokens. Equal rows are computed once.
        """
        distinct: dict[tuple[int, ...], int] = {}
        at = [distinct.setdefault(tuple(row), len(distinct)) for row in rows]
        if not rows:
            return np.zeros((0, self._width), np.float32)
        vectors = self._graph.pooled(list(distinct))
        if vectors.shape != (len(distinct), self._width) or not np.isfinite(vectors).all():
            raise ModelError(
                "the encoder's graph does not give a vector of finite numbers; get the model anew"
            )
        return vectors[at]

    def token_vectors(self, rows: Sequence[Sequence[int]]) -> list[tuple[Vectors, Vectors]]:
        """Compute the pooled vector of each row and those of its tokens.

        They are float32 (width,) and (t, width).
        """
        row_vectors = self._graph.token_vectors(rows) if rows else []
        for row, vectors in zip(rows, row_vectors, strict=True):
            if vectors.shape != (1 + len(row), self._width) or not np.isfinite(vectors).all():
                raise ModelError(
                    "the encoder's graph does not give finite vectors of tokens; get the model anew"
                )
        return [(vectors[0], vectors[1:]) for vectors in row_vectors]


class LocalGraph:
    """Graph that runs in this process; `ModelError` when ONNX Runtime cannot load or run it."""

    def __init__(self, graph: bytes) -> None:
        disable_onnx_telemetry()
        import onnxruntime

        self._threads = onnx_thread_count()
        options = onnxruntime.SessionOptions()
        # the threads share the rows instead
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        # failures are raised; warnings of ONNX Runtime are not for the user
        options.log_severity_level = 4
        # The fallback would print the failure on standard output, then try again with other
        # optimizers.
        chosen = {"providers": ["CPUExecutionProvider"], "enable_fallback": False}
        try:
            self._session: onnxruntime.InferenceSession = onnxruntime.InferenceSession(
                graph, options, disabled_optimizers=_SLOW_FUSIONS, **chosen
            )
        except Exception as error:  # a dozen exception classes without common base
            version = onnxruntime.__version__
            reason = _first_line_of_onnx_error(error)
            raise ModelError(f"ONNX Runtime {version} cannot load the encoder ({reason})") from None
        self.inputs = [str(node.name) for node in self._session.get_inputs()]
        self.outputs = [str(node.name) for node in self._session.get_outputs()]

    def pooled(self, rows: Sequence[Sequence[int]]) -> Vectors:
        """Compute the vector of each row, float32 (n, width).

        Each row runs alone, since dynamic quantisation scales activations by the largest value in a
        batch: batching would move a probability by up to 0.2.
        """
        vectors = self._in_onnx_threads(self._pooled, rows)
        if len({vector.shape for vector in vectors}) > 1:
            raise ModelError(
                "the encoder's graph gives vectors of several sizes; get the model anew"
            )
        return np.stack(vectors)

    def token_vectors(self, rows: Sequence[Sequence[int]]) -> list[Vectors]:
        """Compute the vectors of each row, float32 (1 + t, width).

        The pooled one is the first, those of its tokens follow.
        """
        return self._in_onnx_threads(self._with_tokens, rows)

    def _in_onnx_threads(
        self, run: Callable[[Given], Result], inputs: Sequence[Given]
    ) -> list[Result]:
        """Run a function on each input, in the threads that this process may use.

        ONNX Runtime leaves them the lock.
        """
        workers = min(self._threads, len(inputs))
        if workers < 2:
            return [run(given) for given in inputs]
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(run, inputs))

    def _pooled(self, row: Sequence[int]) -> Vectors:
        (pooled,) = self._run_onnx(row, ["pooled"])
        if pooled.ndim != 2 or len(pooled) != 1:
            raise ModelError("the encoder's graph does not give a vector; get the model anew")
        return np.asarray(pooled[0], np.float32)

    def _with_tokens(self, row: Sequence[int]) -> Vectors:
        pooled, tokens = self._run_onnx(row, ["pooled", "tokens"])
        if (
            pooled.ndim != 2
            or len(pooled) != 1
            or tokens.ndim != 3
            or tokens.shape != (1, len(row), pooled.shape[1])
        ):
            raise ModelError(
                "the encoder's graph does not give vectors of tokens; get the model anew"
            )
        return np.concatenate([pooled, tokens[0]]).astype(np.float32)

    def _run_onnx(self, row: Sequence[int], names: Sequence[str]) -> list[Vectors]:
        ids = np.array([row], np.int64)
        try:
            outputs: list[Vectors] = self._session.run(
                names, {"input_ids": ids, "attention_mask": np.ones_like(ids)}
            )
        except Exception as error:
            reason = _first_line_of_onnx_error(error)
            raise ModelError(f"the encoder's graph fails ({reason}); get the model anew") from None
        return outputs


class RemoteGraph:
    """Graph that runs in a child process, which is killed when it takes too long.

    Raises `ModelError` then.
    """

    def __init__(self, graph: bytes) -> None:
        self._bytes = graph
        self._child = self._start_graph_process()

    def _start_graph_process(self) -> Child:
        try:
            child = Child("tipclassify.model.encoder.onnx_worker")
        except OSError as error:
            raise ModelError(
                f"no process can be started for the encoder ({error}); free some memory"
            ) from None
        signature = json.loads(_answer_of_graph_process(child, self._bytes, _PATIENCE))
        if "error" in signature:
            raise ModelError(signature["error"])
        self.inputs: list[str] = signature["inputs"]
        self.outputs: list[str] = signature["outputs"]
        return child

    def pooled(self, rows: Sequence[Sequence[int]]) -> Vectors:
        """Compute the vector of each row, float32 (n, width)."""
        return self._ask_graph_process(POOLED, rows)

    def token_vectors(self, rows: Sequence[Sequence[int]]) -> list[Vectors]:
        """Compute the vectors of each row, float32 (1 + t, width).

        The pooled one is the first, those of its tokens follow.
        """
        vectors = self._ask_graph_process(TOKENS, rows)
        lengths = [1 + len(row) for row in rows]
        if len(vectors) != sum(lengths):
            raise ModelError(
                "the encoder's graph does not give vectors of tokens; get the model anew"
            )
        return np.split(vectors, np.cumsum(lengths)[:-1])

    def _ask_graph_process(self, kind: bytes, rows: Sequence[Sequence[int]]) -> Vectors:
        if self._child.owner != os.getpid():  # this is a fork, and the child its parent's
            self._child = self._start_graph_process()
        seconds = _PATIENCE + _PATIENCE_FOR_A_ROW * len(rows)
        try:
            return unpack_graph_vectors(
                _answer_of_graph_process(self._child, kind + pack_tokens_for_onnx(rows), seconds)
            )
        except ValueError as error:
            raise ModelError(str(error)) from None


def _answer_of_graph_process(child: Child, request: bytes, seconds: float) -> bytes:
    try:
        return child.ask(request, seconds)
    except ChildDiedError as error:
        why = f"took over {seconds:,.0f} s" if error.timed_out else f"cannot be run: {error}"
        raise ModelError(f"the encoder's graph {why}; get the model anew") from None


def _first_line_of_onnx_error(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
