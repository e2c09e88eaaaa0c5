"""Alter files at random, for `fuzz.py`: bytes, members of archives, JSON values, fields of graphs.

A file that is altered as what it is, and written anew, passes the first checks of its reader: so
the code behind them is reached, too.
"""

from __future__ import annotations

import copy
import io
import json
import random
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_NASTY: Final = (
    b"\0", b"\xff\xfe", b"1e999", b"9" * 5_000, b"[" * 2_000, b'{"a":' * 500, b"<table>" * 300,
    b"<!--", b"]]>", b"-1", b"#" * 3_000, b'"' * 3_000, b"\r\n\r\n", b"&#x110000;",
    b"\xed\xa0\x80", b"PK\x05\x06", b"4294967295", b"null",
)  # fmt: skip
_ODD_VALUES: Final[tuple[Json, ...]] = (
    None, True, False, 0, -1, 1, 7, 2**31, 2**63 - 1, -(2**63), 1e308, 1e-308, 0.5,
    "", "\0", "a", "a" * 5_000, "\u202e", "é", "\U0001f600",
    [], {}, [[]], [0], ["a", "a"], {"type": "Sequence"},
)  # fmt: skip
_NUMBERS: Final = (0, 1, -1, 2, 3, 7, 8, 64, 255, 2**16, 2**31 - 1, 2**31, 2**62, -(2**62))
_FLOATS: Final = (0.0, -0.0, 1.0, -1.0, 1e-38, 1e38, float("inf"), float("-inf"), float("nan"))
_MOST_COPIES: Final = 50


def altered(data: bytes, chance: random.Random) -> bytes:
    """Alter bytes in one to four places.

    They are cut off, overwritten, left out, doubled, or have something nasty put in.
    """
    for _ in range(chance.randint(1, 4)):
        start, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
        end = min(end, start + 400)
        replacements = {
            "flip": chance.randbytes(chance.randint(1, 4)),
            "drop": b"",
            "double": data[start:end] * chance.choice((2, 2, _MOST_COPIES)),
            "insert": chance.choice(_NASTY),
        }
        part = replacements[chance.choice(("flip", "flip", "drop", "double", "insert"))]
        if len(part) < 5:
            end = min(end, start + len(part))
        data = data[:start] + part + data[end:]
        if chance.random() < 0.05:
            data = data[:start]
    return data


def altered_zip(
    data: bytes, chance: random.Random, seal: Callable[[dict[str, bytes]], None] | None = None
) -> bytes:
    """Alter the bytes of a zip file, or more often one file in it.

    In the second case, `seal` makes the hashes in the other files fit.
    """
    if chance.random() < 0.2:
        return altered(data, chance)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice(sorted(members))
    members[name] = altered(members[name], chance)
    if seal:
        seal(members)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


# ------------------------------------------------------------------------------------------ JSON


def altered_json(data: bytes, chance: random.Random, parts: Sequence[Json] = ()) -> bytes:
    """Alter one to three values of a JSON document, some to one of `parts`, which fit into it."""
    document: Json = json.loads(data)
    for _ in range(chance.randint(1, 3)):
        containers = [inner for inner in _containers(document) if inner]
        if containers:
            _alter_container(chance.choice(containers), document, parts, chance)
    return json.dumps(document).encode()


def _containers(value: Json) -> Iterator[list[Json] | dict[str, Json]]:
    """Yield all lists and objects of a document."""
    left = [value]
    while left:
        current = left.pop()
        if isinstance(current, list):
            yield current
            left += current
        elif isinstance(current, dict):
            yield current
            left += current.values()


def _alter_container(
    container: list[Json] | dict[str, Json],
    document: Json,
    parts: Sequence[Json],
    chance: random.Random,
) -> None:
    """Replace, remove, copy or nest one entry of a list or object that is not empty."""
    keys = list(range(len(container))) if isinstance(container, list) else list(container)
    key = chance.choice(keys)
    change = chance.choice(("odd", "odd", "part", "part", "other", "remove", "copy", "nest"))
    if change == "odd":
        container[key] = copy.deepcopy(chance.choice(_ODD_VALUES))
    elif change == "part":
        container[key] = copy.deepcopy(chance.choice(parts or _ODD_VALUES))
    elif change == "other":
        others = list(_containers(document))
        container[key] = copy.deepcopy(chance.choice(others))
    elif change == "remove":
        del container[key]
    elif change == "nest":
        container[key] = [container[key]]
    elif isinstance(container, list):
        copies = chance.choice((1, _MOST_COPIES))
        container += [container[key]] * copies
    else:
        container[f"{key}2"] = container[key]


# --------------------------------------------------------------------------------------- graphs


def altered_graph(graph: bytes, operators: Sequence[str], chance: random.Random) -> bytes:
    """Alter one to three fields of an ONNX graph; the bytes are as protobuf writes them.

    `operators` are names that a node may get.
    """
    from tipclassify.model.encoder.graph_check import onnx_model_class

    model = onnx_model_class().FromString(graph)
    for _ in range(chance.randint(1, 3)):
        _alter_message(chance.choice(list(_messages(model))), operators, chance)
    written: bytes = model.SerializeToString(deterministic=True)
    return written


def _messages(message: Message) -> Iterator[Message]:
    """Yield a message of protobuf, and all within it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        inner = [value] if hasattr(value, "ListFields") else value
        for each in inner:
            yield from _messages(each)


def _alter_message(message: Message, operators: Sequence[str], chance: random.Random) -> None:
    """Change one field of a message: clear it, give it another value, copy or move its entries."""
    field = chance.choice(message.DESCRIPTOR.fields)
    value = getattr(message, field.name)
    if field.name == "op_type":
        message.op_type = chance.choice(operators).encode()
    elif chance.random() < 0.2:
        message.ClearField(field.name)
    elif isinstance(value, bytes):
        setattr(message, field.name, _other_bytes(value, message, chance))
    elif isinstance(value, int):
        setattr(message, field.name, _number_for(field, chance))
    elif isinstance(value, float):
        setattr(message, field.name, chance.choice(_FLOATS))
    elif hasattr(value, "ListFields"):
        value.SetInParent()
    else:
        _alter_entries(value, field, chance)


def _alter_entries(entries: Any, field: FieldDescriptor, chance: random.Random) -> None:
    """Change a repeated field of a message."""
    change = chance.choice(("add", "copy", "remove", "reverse"))
    if change == "add" or not len(entries):
        if field.message_type is not None:
            entries.add()
        elif field.cpp_type == field.CPPTYPE_STRING:
            entries.append(chance.choice((b"", b"input_ids", b"pooled", b"tokens", b"x")))
        elif field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
            entries.append(chance.choice(_FLOATS))
        else:
            entries.append(_number_for(field, chance))
    elif change == "copy":
        copied = chance.choice(entries)
        copies = chance.choice((1, 2, _MOST_COPIES))
        entries.extend([copied] * copies)
    elif change == "remove":
        del entries[chance.randrange(len(entries))]
    else:
        reversed_entries = list(entries)[::-1]
        del entries[:]
        entries.extend(reversed_entries)


def _number_for(field: FieldDescriptor, chance: random.Random) -> int:
    """Return a number that a field of whole numbers holds."""
    number = chance.choice(_NUMBERS)
    if field.cpp_type in (field.CPPTYPE_UINT32, field.CPPTYPE_UINT64):
        number = abs(number)
    if field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_UINT32):
        number = max(-(2**31), min(2**31 - 1, number))
    return number


def _other_bytes(value: bytes, message: Message, chance: random.Random) -> bytes:
    """Return other bytes: altered, or the name of something else in the graph."""
    if value and chance.random() < 0.5:
        return altered(value, chance)[: 2 * len(value) + 8]
    names = [b"", b"input_ids", b"attention_mask", b"pooled", b"tokens", b"com.microsoft"]
    names += getattr(message, "input", []) if message.DESCRIPTOR.name == "Node" else []
    return chance.choice(names)
