"""Rows as lines of JSON that every reader of JSON lines takes for one line each."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tipclassify.document import Passage
    from tipclassify.writers import TaggedReport

__all__ = ["json_line", "report_lines"]

_NOT_RAW: Final = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # line ends to some readers, or not encodable
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False)  # json.dumps would make one for every row
_PLACE: Final = frozenset("country year page block".split())  # what an input row may tell where we have null
_OWN: Final = _PLACE | frozenset("file start end text section labels scores low_confidence".split())
_NOTHING: Final[dict[str, Any]] = {}


def json_line(row: dict[str, Any]) -> str:
    r"""The row with its line break.

    >>> json_line({"text": "café", "score": float("nan")})
    '{"text": "café", "score": null}\n'
    """
    return _json(row) + "\n"


def report_lines(report: TaggedReport) -> Iterator[str]:
    """The line of each finding of a report: ``json_line(finding.to_dict())``, put together several times as quickly.

    Fields of an input row come after ours and replace nothing but nulls.
    """
    document = report.document
    country, year = (document.country, document.year) if document else (None, None)
    file = _quoted(report.file)
    head = f'{{"file": {file}, "country": {_value(country)}, "year": {_value(year)}, '
    extras = report.extras or [_NOTHING] * len(report.passages)
    for passage, extra in zip(report.passages, extras, strict=True):
        page, block, section = passage.page, passage.block, passage.section
        if _PLACE.isdisjoint(extra):
            places = ("null" if page is None else page, "null" if block is None else block)
            line = f"{head}{_members(passage, *places, _value(extra.get('section') if section is None else section))}"
        else:
            own = {"country": country, "year": year, "page": page, "block": block, "section": section}
            told = {name: _value(extra.get(name) if value is None else value) for name, value in own.items()}
            line = f'{{"file": {file}, "country": {told["country"]}, "year": {told["year"]}, '
            line += _members(passage, told["page"], told["block"], told["section"])
        for name, value in extra.items():
            if name not in _OWN:
                line += f", {_name(name)}: {_value(value)}"
        yield f"{line}}}\n"


def _members(passage: Passage, page: str | int, block: str | int, section: str) -> str:
    """What a line says of the passage; page, block and section as JSON."""
    scores = [f"{_name(name)}: {_DECIMALS[f'{score:.4f}']}" for name, score in passage.scores.items()]
    return (
        f'"start": {passage.start}, "end": {passage.end}, "page": {page}, "block": {block}, '
        f'"text": {_quoted(passage.text)}, "section": {section}, "labels": {_labels(passage.labels)}, '
        f'"scores": {{{", ".join(scores)}}}, "low_confidence": {"true" if passage.low_confidence else "false"}'
    )


def _value(value: Any) -> str:
    if value is None:
        return "null"
    if type(value) is int:  # not a bool
        return str(value)
    return _quoted(value) if isinstance(value, str) else _json(value)


def _quoted(text: str) -> str:
    """A text as JSON. What is printable and holds no mark of JSON stands as it is, and nearly every passage is so."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return _json(text)


@lru_cache(maxsize=256)  # of the few that there are
def _labels(labels: tuple[str, ...]) -> str:
    return _json(list(labels))


@lru_cache(maxsize=256)
def _name(label: str) -> str:
    return _quoted(label)


class _Decimals(dict[str, str]):
    """A probability with four decimals as JSON writes it, ``"0.5000"`` as 0.5: looked up in half the time of rounding."""

    def __missing__(self, decimals: str) -> str:
        shortest = _json(float(decimals))
        if len(self) <= 10_000:  # those from 0 to 1
            self[decimals] = shortest
        return shortest


_DECIMALS: Final = _Decimals()


def _json(value: Any) -> str:
    try:
        found = _ENCODER.encode(value)
    except ValueError:  # an input row may hold NaN, which Python reads and JSON does not know
        found = json.dumps(_finite(value), ensure_ascii=False)
    return found if found.isprintable() else _NOT_RAW.sub(lambda char: f"\\u{ord(char[0]):04x}", found)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
