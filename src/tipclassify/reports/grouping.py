"""Groups of passages in a summary: the values they are grouped by, how they are named and sorted."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from tipclassify.formatting import one_line
from tipclassify.records import Passage, Report, whole_number
from tipclassify.reports.cite import said
from tipclassify.text.sections import FOLDED, fold_section

Name = str | int | None
"""Value of a dimension, such as a country or a year; None if unknown."""

Key = tuple[Name, ...]
"""Values of the dimensions of a group."""

Rank = tuple[int, int, str]
"""Sort key of a name: its kind, then a number, then a text."""


def key_of(report: Report, passage: Passage, by: Sequence[str]) -> Key:
    """Make the key of a passage; rows have their own file, country and year in columns."""
    extra = passage.extra
    section = text_of(passage.section)
    names: dict[str, Name] = {
        "file": text_of(extra.get("file") or report.file),
        "country": text_of(passage.country or report.country or extra.get("country")),
        "publication": text_of(said(report, passage, "publication")),
        "year": _year(report.year or extra.get("year")),
        "section": fold_section(section) if section else None,
    }
    return tuple(names[dimension] for dimension in by)


def text_of(value: object) -> str | None:
    """Convert a name to text that any encoding can write; None for None, NaN and blanks."""
    is_missing = value is None or value != value  # NaN
    text = "" if is_missing else str(value).strip()
    return text.encode("utf-8", "backslashreplace").decode() or None


def _year(value: object) -> Name:
    """Convert a year to a whole number, if it is one; else to text."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = text_of(value)
    number = whole_number(text)
    return text if number is None else number


def shown_name(name: Name, dimension: str) -> str:
    """Make the display name of a value of a dimension."""
    return f"(no {dimension})" if name is None else one_line(str(name))


def rank_of(name: Name) -> Rank:
    """Make the sort key of a name: numbers, plain text, then None.

    Text is compared without case and accents.
    """
    if name is None:
        return 2, 0, ""
    if isinstance(name, int):
        return 0, name, ""
    if name in FOLDED:
        return 0, FOLDED.index(name), ""
    decomposed = unicodedata.normalize("NFKD", name)
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    return 1, 0, f"{plain.casefold()}\0{name}"
