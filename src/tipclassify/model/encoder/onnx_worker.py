"""Run graphs that are not ours in a child process.

The graph comes in first, then rows of token ids; vectors go out.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from tipclassify.isolation import limit_memory, serve

if TYPE_CHECKING:
    from tipclassify.model.encoder.session import LocalGraph

__all__ = ["POOLED", "TOKENS", "pack_tokens_for_onnx", "unpack_graph_vectors"]

Vectors = npt.NDArray[np.float32]

_COUNT: Final = struct.Struct("<Q")
_MEMORY: Final = 4_000_000_000  # bytes of address space, besides four times the graph
POOLED: Final = b"p"
"""First byte of a request for the pooled vector of each row."""
TOKENS: Final = b"t"
"""First byte of a request for the pooled vector of each row, followed by those of its tokens."""
_VECTORS: Final = b"v"  # first byte of an answer
_ERROR: Final = b"e"


def pack_tokens_for_onnx(rows: Sequence[Sequence[int]]) -> bytes:
    """Write rows of token ids as bytes: the number of rows, their lengths, their ids."""
    lengths = np.array([len(row) for row in rows], "<i8")
    ids = np.array([token_id for row in rows for token_id in row], "<i8")
    return _COUNT.pack(len(rows)) + lengths.tobytes() + ids.tobytes()


def _unpack_tokens_for_onnx(data: bytes) -> list[list[int]]:
    (count,) = _COUNT.unpack_from(data)
    numbers = np.frombuffer(data, "<i8", offset=_COUNT.size)
    ends = np.cumsum(numbers[:count])[:-1]
    return [row.tolist() for row in np.split(numbers[count:], ends)]


def unpack_graph_vectors(data: bytes) -> Vectors:
    """Read the answer for some rows, float32 (n, width).

    Raises `ValueError` with the error in it, if it has one.
    """
    kind = data[:1]
    content = data[1:]
    if kind != _VECTORS:
        raise ValueError(content.decode("utf-8", "replace"))
    (count,) = _COUNT.unpack_from(content)
    return np.frombuffer(content, "<f4", offset=_COUNT.size).reshape(count, -1).astype(np.float32)


def main() -> None:
    """Serve one graph: its signature, or why it cannot be loaded, then vectors."""
    loaded: list[LocalGraph] = []

    def answer_graph_request(request: bytes) -> bytes:
        from tipclassify.errors import ModelError
        from tipclassify.model.encoder.session import LocalGraph

        try:
            if not loaded:
                limit_memory(_MEMORY + 4 * len(request))
                loaded.append(LocalGraph(request))
                signature = {
                    "inputs": loaded[0].inputs,
                    "outputs": loaded[0].outputs,
                }
                return json.dumps(signature).encode()
            rows = _unpack_tokens_for_onnx(request[1:])
            if request[:1] == TOKENS:
                vectors = np.concatenate(loaded[0].token_vectors(rows))
            else:
                vectors = loaded[0].pooled(rows)
            return _VECTORS + _COUNT.pack(len(vectors)) + vectors.astype("<f4").tobytes()
        except (ModelError, MemoryError) as error:
            message = str(error) or "out of memory"
            return _ERROR + message.encode() if loaded else json.dumps({"error": message}).encode()

    serve(answer_graph_request)
