"""A tagged passage as a row of typed values: what CSV, Excel and Parquet share."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from tipclassify.reporting.writers import Finding

__all__ = ["COLUMNS", "Row", "row_of"]

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")  # from JSON escapes and odd file names; no encoding has them
_LARGEST: Final = 2**31


class Row(NamedTuple):
    """Columns of CSV, Excel and Parquet, in their order. Fields of an input row fill what the document does not tell.

    Attributes
    ----------
    labels : tuple of str
        Labels given, joined by ``;`` where a cell holds no list.
    positive_effort, failure, complicity : float
        Probability of each label, four decimals.
    """

    file: str
    country: str | None
    year: int | None
    page: int | None
    block: int | None
    start: int
    end: int
    section: str | None
    text: str
    labels: tuple[str, ...]
    positive_effort: float
    failure: float
    complicity: float
    low_confidence: bool


COLUMNS: Final = Row._fields


def row_of(finding: Finding) -> Row:
    """A finding as a row: the same values as in JSONL, each of its column's type."""
    row = finding.to_dict()
    return Row(
        file=_sound(row["file"]),
        country=_text(row["country"]),
        year=_whole(row["year"]),
        page=_whole(row["page"]),
        block=_whole(row["block"]),
        start=row["start"],
        end=row["end"],
        section=_text(row["section"]),
        text=_sound(row["text"]),
        labels=tuple(row["labels"]),
        low_confidence=bool(row["low_confidence"]),
        **row["scores"],
    )


def _sound(text: str) -> str:
    return _LONE_SURROGATE.sub("\ufffd", text)


def _text(value: Any) -> str | None:
    return _sound(value) if isinstance(value, str) else None


def _whole(value: Any) -> int | None:
    """A whole number that every format can hold, also where an input row has it as text (``"2024"``)."""
    if isinstance(value, str) and len(value) < 10 and value.isascii() and value.isdigit():
        return int(value)
    return value if type(value) is int and -_LARGEST <= value < _LARGEST else None
