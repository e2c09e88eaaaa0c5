"""What the writers share: a tagged passage as a row of typed values, and text that a terminal or spreadsheet cannot run."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from tipclassify.writers import Finding

__all__ = ["COLUMNS", "Row", "csv_cell", "looks_like_a_formula", "one_line", "row_of"]

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")  # from JSON escapes and odd file names; no encoding has them
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_FORMULA: Final = re.compile(r"[\t\r\n]|[\s\ufeff]*[=+\-@＝＋－＠]")
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


def looks_like_a_formula(text: str) -> bool:
    """Whether a spreadsheet may run a cell with this text (CWE-1236).

    >>> looks_like_a_formula(" ＝HYPERLINK(A1)"), looks_like_a_formula("A = B")
    (True, False)
    """
    return _FORMULA.match(text) is not None


def csv_cell(value: object) -> object:
    """Return the value as a CSV cell: lists joined by ``;``, text that no spreadsheet runs.

    >>> csv_cell(["failure", "complicity"]), csv_cell(True), csv_cell("=1+1")
    ('failure;complicity', 'true', "'=1+1")
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ";".join(value)
    if not isinstance(value, str):
        return value
    text = value.replace("\0", "\ufffd")  # readers stop at NUL
    return "'" + text if looks_like_a_formula(text) else text


def one_line(text: str) -> str:
    """Text for one line of a terminal or report: white space collapsed, control characters shown as ``\\ufffd``.

    >>> one_line("two\\n  lines \\x1b[31m")
    'two lines �[31m'
    """
    return _CONTROL.sub("\ufffd", " ".join(text.split()))


def _sound(text: str) -> str:
    return _LONE_SURROGATE.sub("\ufffd", text)


def _text(value: Any) -> str | None:
    return _sound(value) if isinstance(value, str) else None


def _whole(value: Any) -> int | None:
    """A whole number that every format can hold, also where an input row has it as text (``"2024"``)."""
    if isinstance(value, str) and len(value) < 10 and value.isascii() and value.isdigit():
        return int(value)
    return value if type(value) is int and -_LARGEST <= value < _LARGEST else None
