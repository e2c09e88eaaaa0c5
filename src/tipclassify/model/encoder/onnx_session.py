"""Run the encoder's ONNX graph on the CPU, after a check of the graph: rows of token ids to pooled vectors."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from tipclassify.errors import ModelError
from tipclassify.model.encoder.folder import EncoderModel

__all__ = ["OnnxSession", "graph_problem", "thread_count"]

Vectors = npt.NDArray[np.float32]
Given = TypeVar("Given")
Result = TypeVar("Result")

_SLOW_FUSIONS: Final = ["SkipLayerNormFusion"]  # the fused operator is five times slower than its parts
_DOMAINS: Final = (b"", b"ai.onnx", b"com.microsoft")  # built into ONNX Runtime
_VARINT, _BYTES, _SIZES = 0, 2, {1: 8, 5: 4}  # wire types: a number, bytes after their number, and 8 or 4 bytes
_LONGEST_VARINT: Final = 10

# Field numbers of onnx.proto: the messages within each message, and what no encoder needs.
_INSIDE: Final = {
    ("model", 7): "graph",
    ("graph", 1): "node",
    ("graph", 5): "tensor",
    ("node", 5): "attribute",
    ("attribute", 5): "tensor",
    ("attribute", 10): "tensor",
}
_REFUSED: Final = {
    ("model", 20): "training steps",
    ("model", 25): "functions",
    ("graph", 15): "sparse tensors",
    ("attribute", 6): "loops or branches",
    ("attribute", 11): "loops or branches",
    ("attribute", 22): "sparse tensors",
    ("attribute", 23): "sparse tensors",
    ("tensor", 13): "data outside the file",
    ("tensor", 14): "data outside the file",  # the place of it; 0 is inside
}
_NODE_DOMAIN: Final = ("node", 7)
_DIMENSIONS: Final = 1


def thread_count() -> int:
    """Return the threads per process: ``OMP_NUM_THREADS``, as joblib and Dask set it for workers, or all cores."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    if limit.isdigit() and int(limit):
        return int(limit)
    has_affinity = hasattr(os, "sched_getaffinity")  # not on macOS and Windows
    return len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1


class OnnxSession:
    """ONNX Runtime session of an encoder.

    Raises `ModelError` when ONNX Runtime cannot run the graph, or its output does not fit the heads.
    """

    def __init__(self, model: EncoderModel) -> None:
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read at the import: some builds would report their use
        import onnxruntime

        if problem := graph_problem(model.graph):
            raise ModelError(f"the encoder's graph {problem}; get the model anew")
        self._threads = thread_count()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # the threads share the rows instead
        options.use_deterministic_compute = True
        options.log_severity_level = 4  # failures are raised; warnings of ONNX Runtime are not for the user
        # The fallback would print the failure on standard output, then try again with other optimizers.
        chosen = {"providers": ["CPUExecutionProvider"], "enable_fallback": False}
        try:
            self._session: Any = onnxruntime.InferenceSession(
                model.graph, options, disabled_optimizers=_SLOW_FUSIONS, **chosen
            )
        except Exception as error:  # a dozen exception classes without common base
            version = onnxruntime.__version__
            raise ModelError(f"ONNX Runtime {version} cannot load the encoder ({_first_line(error)})") from None
        inputs = {one.name for one in self._session.get_inputs()}
        outputs = [one.name for one in self._session.get_outputs()]
        if inputs != {"input_ids", "attention_mask"} or outputs != ["pooled", "tokens"]:
            signature = f"takes {', '.join(sorted(inputs))} and gives {', '.join(outputs)}"
            wanted = "not tokens to a pooled vector and token vectors"
            raise ModelError(f"the encoder's graph {signature}, {wanted}; get the model anew")
        self._width = model.heads.weights.shape[1]

    def pooled(self, rows: Sequence[Sequence[int]]) -> Vectors:
        """Compute the pooled vector of each row of token ids, special tokens included, float32 (n, width).

        Equal rows are computed once. Each row runs alone, since dynamic quantisation scales activations by the largest
        value in a batch: batching would move a probability by up to 0.2.
        """
        distinct: dict[tuple[int, ...], int] = {}
        at = [distinct.setdefault(tuple(row), len(distinct)) for row in rows]
        found = self.in_threads(self._run, list(distinct))
        return np.array(found, np.float32).reshape(-1, self._width)[at]

    def in_threads(self, run: Callable[[Given], Result], inputs: Sequence[Given]) -> list[Result]:
        """Run a function on each input, in the threads that this process may use; ONNX Runtime leaves them the lock."""
        workers = min(self._threads, len(inputs))
        if workers < 2:
            return [run(one) for one in inputs]
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(run, inputs))

    def token_vectors(self, row: Sequence[int]) -> tuple[Vectors, Vectors]:
        """Compute the pooled vector of a row of token ids, float32 (width,), and those of its tokens, (t, width)."""
        pooled, tokens = self._outputs(row, ["pooled", "tokens"])
        if tokens.shape != (1, len(row), self._width) or not np.isfinite(tokens).all():
            raise ModelError("the encoder's graph does not give finite vectors of tokens; get the model anew")
        return self._pooled_vector(pooled), np.asarray(tokens[0], np.float32)

    def _run(self, row: Sequence[int]) -> Vectors:
        (pooled,) = self._outputs(row, ["pooled"])
        return self._pooled_vector(pooled)

    def _outputs(self, row: Sequence[int], names: Sequence[str]) -> list[Vectors]:
        ids = np.array([row], np.int64)
        try:
            outputs: list[Vectors] = self._session.run(names, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        except Exception as error:
            raise ModelError(f"the encoder's graph fails ({_first_line(error)}); get the model anew") from None
        return outputs

    def _pooled_vector(self, pooled: Vectors) -> Vectors:
        if pooled.shape != (1, self._width) or not np.isfinite(pooled).all():
            raise ModelError("the encoder's graph does not give a vector of finite numbers; get the model anew")
        return np.asarray(pooled[0], np.float32)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def graph_problem(graph: bytes) -> str | None:
    """Describe the disallowed content of a graph, or why it cannot be read; None for a valid one.

    Tensors must lie in the graph, with bytes for all their elements; there may be no loops, branches, functions or
    operators that are not built into ONNX Runtime.
    """
    try:
        return _problem(memoryview(graph), "model")
    except ValueError as error:
        return f"is not one ({error})"


def _problem(data: memoryview, message: str) -> str | None:
    elements = 1
    for field, value in _fields(data):
        if (what := _REFUSED.get((message, field))) and value != 0:
            return f"has {what}"
        if (message, field) == _NODE_DOMAIN and isinstance(value, memoryview) and bytes(value) not in _DOMAINS:
            return "has operators that are not built into ONNX Runtime"
        if message == "tensor" and field == _DIMENSIONS:
            elements *= math.prod(_varints(value)) if isinstance(value, memoryview) else value
        inside = _INSIDE.get((message, field))
        if inside and isinstance(value, memoryview) and (found := _problem(value, inside)):
            return found
    if message == "tensor" and elements > 2 * len(data):  # the smallest have four bits
        return "has a tensor of more elements than bytes"
    return None


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the number and value of each field: an int, or the bytes of text, numbers or a message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        value: int | memoryview
        if wire == _VARINT:
            value, at = _varint(data, at)
        elif wire == _BYTES or wire in _SIZES:
            size, at = _varint(data, at) if wire == _BYTES else (_SIZES[wire], at)
            value = data[at : at + size]
            if len(value) < size:
                raise ValueError("truncated")
            at += size
        else:
            raise ValueError("no protobuf")
        yield key >> 3, value


def _varints(data: memoryview) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Read a number, seven bits a byte, the lowest first; return it and the place after it."""
    value = 0
    for index, byte in enumerate(data[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise ValueError("truncated")
