"""Rows as lines of JSON that every reader of JSON lines takes for one line each."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from tipclassify.labels import LABELS

if TYPE_CHECKING:
    from tipclassify.document import Passage
    from tipclassify.writers import TaggedReport

__all__ = ["json_line", "report_lines"]

_NOT_RAW: Final = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # line ends to some readers, or not encodable
_PLAIN: Final = bytes(code for code in range(ord(" "), 127) if chr(code) not in '"\\')
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
    told = _told(report.passages)
    if not report.extras:
        for passage, said in zip(report.passages, told, strict=True):
            page, block, section = passage.page, passage.block, passage.section
            yield (
                f'{head}{passage.start}, "end": {passage.end}, "page": {"null" if page is None else page}, '
                f'"block": {"null" if block is None else block}, "text": {_quoted(passage.text)}, '
                f'"section": {"null" if section is None else _name(section)}, {said}}}\n'
            )
        return
    for passage, extra, said in zip(report.passages, report.extras, told, strict=True):
        own = {
            "country": country,
            "year": year,
            "page": passage.page,
            "block": passage.block,
            "section": passage.section,
        }
        fields = {name: _value(extra.get(name) if value is None else value) for name, value in own.items()}
        line = (
            f'{{"file": {file}, "country": {fields["country"]}, "year": {fields["year"]}, "start": {passage.start}, '
            f'"end": {passage.end}, "page": {fields["page"]}, "block": {fields["block"]}, "text": {_quoted(passage.text)}, '
            f'"section": {fields["section"]}, {said}'
        )
        for name, value in extra.items():
            if name not in _OWN:
                line += f", {_name(name)}: {_value(value)}"
        yield f"{line}}}\n"


def _told(passages: Sequence[Passage]) -> list[str]:
    """What the model says of each passage."""
    return [
        f'"labels": {_labels(passage.labels)}, "scores": {{{scores}}}, '
        f'"low_confidence": {"true" if passage.low_confidence else "false"}'
        for passage, scores in zip(passages, _all_scores([passage.scores for passage in passages]), strict=True)
    ]


def _all_scores(found: Sequence[Mapping[str, float]]) -> list[str]:
    """`_scores` of each passage; all together they are rounded in a third of the time.

    To print a number and look its digits up takes twice as long as to count its ten-thousandths.
    """
    if set(map(tuple, found)) != {LABELS}:
        return [_scores(scores) for scores in found]
    import numpy as np

    values = chain.from_iterable([scores.values() for scores in found])
    given = np.fromiter(values, np.float64, len(found) * len(LABELS))
    exact = np.where((given >= 0) & (given <= 1), given, 0.5 / 10_000) * 10_000  # what is no probability is not clear
    rounded = np.rint(exact)
    counted = map(_TEN_THOUSANDTHS.__getitem__, rounded.astype(np.int64).tolist())
    first, second, third = _BEFORE_SCORES
    lines = [f"{first}{a}{second}{b}{third}{c}" for a, b, c in zip(counted, counted, counted, strict=True)]
    for number in np.flatnonzero(abs(exact - rounded) >= _CLEAR).tolist():
        lines[number // len(LABELS)] = _scores(found[number // len(LABELS)])
    return lines


def _scores(scores: Mapping[str, float]) -> str:
    """Labels and probabilities as JSON, rounded to four decimals."""
    return ", ".join([f"{_name(name)}: {_json(float(f'{score:.4f}'))}" for name, score in scores.items()])


def _value(value: Any) -> str:
    if value is None:
        return "null"
    if type(value) is int:  # not a bool
        return str(value)
    return _quoted(value) if isinstance(value, str) else _json(value)


def _quoted(text: str) -> str:
    """A text as JSON. What is printable and holds no mark of JSON stands as it is, and nearly every passage is so."""
    if text.isascii():  # one look at each character, not three
        plain = not text.encode().translate(None, _PLAIN)
    else:
        plain = text.isprintable() and '"' not in text and "\\" not in text
    return f'"{text}"' if plain else _json(text)


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
_BEFORE_SCORES: Final = tuple(f"{', ' if number else ''}{_quoted(label)}: " for number, label in enumerate(LABELS))
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
