"""Typed rows of tagged passages, shared by CSV, Excel and Parquet."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from tipclassify.reporting.writers import Finding

__all__ = ["COLUMNS", "Row", "row_of"]

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")  # from JSON escapes and file names; UTF-8 cannot encode them
_INT32_LIMIT: Final = 2**31


class Row(NamedTuple):
    """Columns of CSV, Excel and Parquet, in order; fields of an input row fill those that a document lacks.

    Attributes
    ----------
    labels : tuple of str
        Labels of the passage; joined by ``;`` in formats without lists.
    positive_effort, failure, complicity : float
        Probability of each label, 0 to 1, four decimals.
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
    """Convert a finding to a row: the values of JSONL, each of its column's type."""
    row = finding.to_dict()
    return Row(
        file=_replace_surrogates(row["file"]),
        country=_text(row["country"]),
        year=_whole(row["year"]),
        page=_whole(row["page"]),
        block=_whole(row["block"]),
        start=row["start"],
        end=row["end"],
        section=_text(row["section"]),
        text=_replace_surrogates(row["text"]),
        labels=tuple(row["labels"]),
        low_confidence=bool(row["low_confidence"]),
        **row["scores"],
    )


def _replace_surrogates(text: str) -> str:
    return _LONE_SURROGATE.sub("\ufffd", text)


def _text(value: Any) -> str | None:
    return _replace_surrogates(value) if isinstance(value, str) else None


def _whole(value: Any) -> int | None:
    """Convert to a 32-bit integer, also from text (``"2024"``); None for anything else."""
    if isinstance(value, str) and len(value) < 10 and value.isascii() and value.isdigit():
        return int(value)
    return value if type(value) is int and -_INT32_LIMIT <= value < _INT32_LIMIT else None
