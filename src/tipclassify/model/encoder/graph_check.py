"""Check the bytes of an ONNX graph before ONNX Runtime sees them: arithmetic on numbers of its own, and nothing else.

Reads the few protobuf fields that matter, since ``onnx`` is not installed with the package.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

__all__ = ["graph_problem"]

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


def graph_problem(graph: bytes) -> str | None:
    """Describe what a graph has that no encoder needs, or why it cannot be read; None for a sound one.

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
