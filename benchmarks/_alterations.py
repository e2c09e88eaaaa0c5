"""Alter files at random, for `fuzz.py`: bytes, members of archives, JSON values.

A file that is altered as what it is, and written anew, passes the first checks of its reader: so
the code behind them is reached, too.
"""

from __future__ import annotations

import copy
import io
import json
import random
import zipfile
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

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


def altered_json(data: bytes, chance: random.Random) -> bytes:
    """Alter one to three values of a JSON document."""
    document: Json = json.loads(data)
    for _ in range(chance.randint(1, 3)):
        containers = [inner for inner in _containers(document) if inner]
        if containers:
            _alter_container(chance.choice(containers), document, chance)
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
    chance: random.Random,
) -> None:
    """Replace, remove, copy or nest one entry of a list or object that is not empty."""
    keys = list(range(len(container))) if isinstance(container, list) else list(container)
    key = chance.choice(keys)
    change = chance.choice(("odd", "odd", "odd", "odd", "other", "remove", "copy", "nest"))
    if change == "odd":
        container[key] = copy.deepcopy(chance.choice(_ODD_VALUES))
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
