"""Run the encoder's ONNX graph on the CPU: rows of token ids come in, vectors go out.

Only known graphs are run. ONNX Runtime and the tokenizer library are not made for files that mean
harm: a graph may loop for hours, or ask for terabytes. A graph is known by the hash of all of it
but the numbers in its tensors, so that time and memory are those of the known one, and a tokenizer
by the hash of its file. ``known.json`` beside this module lists ours; fine-tuning adds its own to
the list of the user's.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import numpy as np

from tipclassify.arrays import Vectors
from tipclassify.errors import ModelError
from tipclassify.formatting import load_json
from tipclassify.model.encoder.files import EncoderModel
from tipclassify.model.folder import read_file
from tipclassify.resources import cache_folder
from tipclassify.whole_files import open_whole_file

if TYPE_CHECKING:
    import onnxruntime

Given = TypeVar("Given")
Result = TypeVar("Result")

# the fused operator is five times slower than its parts
_SLOW_FUSIONS: Final = ["SkipLayerNormFusion"]
_KNOWN: Final = "known.json"
_LARGEST_LIST: Final = 1_000_000  # bytes; an entry takes 150

# wire types of protobuf
_VARINT: Final = 0
_FIXED_64: Final = 1
_LENGTH: Final = 2
_FIXED_32: Final = 5
# numbers of fields in onnx.proto
_GRAPH_OF_MODEL: Final = 7
_TENSOR_OF_GRAPH: Final = 5
_TYPE_OF_TENSOR: Final = 2
_DATA_OF_TENSOR: Final = (4, 5, 9)  # float_data, int32_data, raw_data
_WEIGHT_TYPES: Final = (1, 2, 3)  # float, uint8, int8; int64 are shapes and indices


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


# ------------------------------------------------------------------------------------ known graphs


def structure_hash(graph: bytes) -> str:
    """Compute the SHA-256 of a graph without the data of its float, uint8 and int8 tensors.

    Which bytes are left out is decided by the bytes before them alone, which are hashed: two graphs
    of the same hash are equal byte by byte but for these numbers. Raises `ValueError` for bytes
    that are no message of protobuf.
    """
    digest = hashlib.sha256()
    hashed = 0  # all bytes before this offset are, or are left out
    for model in _fields(graph, 0, len(graph)):
        if (model.number, model.wire_type) != (_GRAPH_OF_MODEL, _LENGTH):
            continue
        for tensor in _fields(graph, model.start, model.end):
            if (tensor.number, tensor.wire_type) != (_TENSOR_OF_GRAPH, _LENGTH):
                continue
            data_type = None
            for field in _fields(graph, tensor.start, tensor.end):
                if (field.number, field.wire_type) == (_TYPE_OF_TENSOR, _VARINT):
                    data_type = field.value
                is_data = field.number in _DATA_OF_TENSOR and field.wire_type == _LENGTH
                if is_data and data_type in _WEIGHT_TYPES:
                    digest.update(graph[hashed : field.start])
                    hashed = field.end
    digest.update(graph[hashed:])
    return digest.hexdigest()


class _Field(NamedTuple):
    """A field of a message of protobuf."""

    number: int
    wire_type: int
    value: int  # of a varint
    start: int  # of its content
    end: int


def _fields(message: bytes, start: int, end: int) -> Iterator[_Field]:
    """Yield the fields of the message that lies between two offsets."""
    while start < end:
        key, at = _varint(message, start, end)
        wire_type = key & 7
        value = 0
        content = at
        if wire_type == _VARINT:
            value, at = _varint(message, at, end)
        elif wire_type == _LENGTH:
            size, content = _varint(message, at, end)
            at = content + size
        elif wire_type in (_FIXED_64, _FIXED_32):
            at += 8 if wire_type == _FIXED_64 else 4
        else:
            raise ValueError("not a field")
        if at > end:
            raise ValueError("truncated")
        yield _Field(key >> 3, wire_type, value, content, at)
        start = at


def _varint(message: bytes, start: int, end: int) -> tuple[int, int]:
    """Read a number in base 128, lowest digit first; return it and the offset behind it."""
    value = 0
    for place, byte in enumerate(message[start : min(end, start + 10)]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, start + place + 1
    raise ValueError("truncated")


def add_known_graph(graph: bytes, tokenizer: str) -> None:
    """Add a graph and its tokenizer to the user's list.

    Raises `ModelError` without a home folder, or where the list there cannot be read, `OSError`
    where it cannot be written.
    """
    folder = cache_folder("models")
    if folder is None:
        raise ModelError("no home folder to list graphs in: set TIPCLASSIFY_CACHE to a folder")
    file = folder / _KNOWN
    entry = (structure_hash(graph), hashlib.sha256(tokenizer.encode()).hexdigest())
    known = _read_known(file) if file.exists() else []
    if entry in known:
        return
    folder.mkdir(parents=True, exist_ok=True)
    entries = [{"graph": pair[0], "tokenizer": pair[1]} for pair in [*known, entry]]
    with open_whole_file(file) as out:
        out.write(json.dumps(entries, indent=1) + "\n")


def _check_known(graph: bytes, tokenizer: str) -> None:
    """Raise `ModelError` unless a list has the graph with the tokenizer."""
    try:
        structure = structure_hash(graph)
    except ValueError as error:
        raise ModelError(f"the encoder's graph is not one ({error}); get the model anew") from None
    entry = (structure, hashlib.sha256(tokenizer.encode("utf-8", "replace")).hexdigest())
    if entry in _read_known(Path(__file__).with_name(_KNOWN)):
        return
    folder = cache_folder("models")
    if folder and (folder / _KNOWN).exists() and entry in _read_known(folder / _KNOWN):
        return
    raise ModelError(
        f"the encoder's graph and tokenizer are none that tipclassify knows ({structure[:12]}): "
        "use a model that was fine-tuned here, or, if you trust where it comes from, copy "
        f"{_KNOWN} from there into {folder or 'TIPCLASSIFY_CACHE'}"
    )


def _read_known(file: Path) -> list[tuple[str, str]]:
    """Read the hashes of graphs and tokenizers in a list."""
    data = read_file(file, _LARGEST_LIST)
    try:
        entries = load_json(data)
        return [(str(entry["graph"]), str(entry["tokenizer"])) for entry in entries]
    except (ValueError, TypeError, KeyError):
        raise ModelError(f"{file}: not a list of known graphs; remove it") from None


# ------------------------------------------------------------------------------------------ running


class OnnxSession:
    """ONNX Runtime session of an encoder.

    Raises `ModelError` for a graph or tokenizer that is not known, one that ONNX Runtime cannot
    run, or whose output does not fit the heads.
    """

    def __init__(self, model: EncoderModel) -> None:
        _check_known(model.graph, model.tokenizer)
        disable_onnx_telemetry()
        import onnxruntime

        self._width = model.heads.weights.shape[1]
        self._threads = onnx_thread_count()
        options = onnxruntime.SessionOptions()
        # the threads share the rows instead
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        # failures are raised; warnings of ONNX Runtime are not for the user
        options.log_severity_level = 4
        try:
            self._session: onnxruntime.InferenceSession = onnxruntime.InferenceSession(
                model.graph,
                options,
                disabled_optimizers=_SLOW_FUSIONS,
                providers=["CPUExecutionProvider"],
                # it would print the failure, then try again with other optimizers
                enable_fallback=False,
            )
        except Exception as error:  # a dozen exception classes without common base
            version = onnxruntime.__version__
            reason = _first_line(error)
            raise ModelError(f"ONNX Runtime {version} cannot load the encoder ({reason})") from None

    def pooled(self, rows: Sequence[Sequence[int]]) -> Vectors:
        """Compute the pooled vector of each row of token ids, float32 (n, width).

        Rows have the special tokens. Equal rows are computed once. Each row runs alone, since
        dynamic quantisation scales activations by the largest value in a batch: batching would move
        a probability by up to 0.2.
        """
        distinct: dict[tuple[int, ...], int] = {}
        at = [distinct.setdefault(tuple(row), len(distinct)) for row in rows]
        if not rows:
            return np.zeros((0, self._width), np.float32)
        vectors = np.stack(self._in_threads(self._pooled, list(distinct)))
        return vectors[at]

    def token_vectors(self, rows: Sequence[Sequence[int]]) -> list[tuple[Vectors, Vectors]]:
        """Compute the pooled vector of each row and those of its tokens.

        They are float32 (width,) and (t, width).
        """
        return self._in_threads(self._with_tokens, rows)

    def _in_threads(self, run: Callable[[Given], Result], inputs: Sequence[Given]) -> list[Result]:
        """Run a function on each input, in the threads that this process may use.

        ONNX Runtime leaves them the lock.
        """
        workers = min(self._threads, len(inputs))
        if workers < 2:
            return [run(given) for given in inputs]
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(run, inputs))

    def _pooled(self, row: Sequence[int]) -> Vectors:
        return self._run(row, "pooled")[0]

    def _with_tokens(self, row: Sequence[int]) -> tuple[Vectors, Vectors]:
        pooled, tokens = self._run(row, "pooled", "tokens")
        return pooled, tokens

    def _run(self, row: Sequence[int], *names: str) -> list[Vectors]:
        """Compute outputs of the graph for a row; refuse those of another shape, and NaN."""
        ids = np.array([row], np.int64)
        try:
            outputs = self._session.run(
                names, {"input_ids": ids, "attention_mask": np.ones_like(ids)}
            )
        except Exception as error:
            raise ModelError(
                f"the encoder's graph fails ({_first_line(error)}); get the model anew"
            ) from None
        shapes = {"pooled": (1, self._width), "tokens": (1, len(row), self._width)}
        for name, output in zip(names, outputs, strict=True):
            if output.shape != shapes[name] or not np.isfinite(output).all():
                raise ModelError(
                    "the encoder's graph does not give vectors of finite numbers that its heads "
                    "take; get the model anew"
                )
        return [np.asarray(output[0], np.float32) for output in outputs]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
