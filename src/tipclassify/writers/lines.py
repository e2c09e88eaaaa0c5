"""Rows as lines of JSON that every reader of JSON lines takes for one line each."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from tipclassify.labels import LABELS

if TYPE_CHECKING:
    from tipclassify.document import Passage
    from tipclassify.writers import TaggedReport

__all__ = ["json_line", "report_lines"]

_NOT_RAW: Final = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # line ends to some readers, or not encodable
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False)  # json.dumps would make one for every row
_OWN: Final = frozenset("file country year start end page block text section labels scores low_confidence".split())


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
    head = f'{{"file": {file}, "country": {_value(country)}, "year": {_value(year)}, "start": '
    if not report.extras:
        for passage in report.passages:
            page, block, section = passage.page, passage.block, passage.section
            yield (
                f'{head}{passage.start}, "end": {passage.end}, "page": {"null" if page is None else page}, '
                f'"block": {"null" if block is None else block}, "text": {_quoted(passage.text)}, '
                f'"section": {"null" if section is None else _name(section)}, {_told(passage)}}}\n'
            )
        return
    for passage, extra in zip(report.passages, report.extras, strict=True):
        own = {
            "country": country,
            "year": year,
            "page": passage.page,
            "block": passage.block,
            "section": passage.section,
        }
        told = {name: _value(extra.get(name) if value is None else value) for name, value in own.items()}
        line = (
            f'{{"file": {file}, "country": {told["country"]}, "year": {told["year"]}, "start": {passage.start}, '
            f'"end": {passage.end}, "page": {told["page"]}, "block": {told["block"]}, "text": {_quoted(passage.text)}, '
            f'"section": {told["section"]}, {_told(passage)}'
        )
        for name, value in extra.items():
            if name not in _OWN:
                line += f", {_name(name)}: {_value(value)}"
        yield f"{line}}}\n"


def _told(passage: Passage) -> str:
    """What the model says of a passage."""
    low = "true" if passage.low_confidence else "false"
    return f'"labels": {_labels(passage.labels)}, "scores": {{{_scores(passage.scores)}}}, "low_confidence": {low}'


def _scores(scores: Mapping[str, float]) -> str:
    """Labels and probabilities as JSON, rounded to four decimals."""
    if tuple(scores) == LABELS:
        a, b, c = scores.values()
        if 0 <= a <= 1 and 0 <= b <= 1 and 0 <= c <= 1:
            # To print a number and look its digits up takes twice as long as to count its ten-thousandths.
            x, y, z = a * 10_000, b * 10_000, c * 10_000
            i, j, k = round(x), round(y), round(z)
            if -_CLEAR < x - i < _CLEAR and -_CLEAR < y - j < _CLEAR and -_CLEAR < z - k < _CLEAR:
                return _ALL_SCORES % (_TEN_THOUSANDTHS[i], _TEN_THOUSANDTHS[j], _TEN_THOUSANDTHS[k])
    return ", ".join([f"{_name(name)}: {_json(float(f'{score:.4f}'))}" for name, score in scores.items()])


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


@lru_cache(maxsize=1_024)  # of labels, sections and fields, whose number an input may make large
def _name(name: str) -> str:
    return _quoted(name)


class _TenThousandths(dict[int, str]):
    """A probability as JSON by its ten-thousandths: ``5000`` is 0.5."""

    def __missing__(self, number: int) -> str:
        self[number] = repr(number / 10_000)
        return self[number]


_TEN_THOUSANDTHS: Final = _TenThousandths()
_ALL_SCORES: Final = ", ".join(f"{_quoted(label)}: %s" for label in LABELS)
_CLEAR: Final = 0.4999  # of the half at which rounding turns: a product of floats is nearer to the true one than that


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
