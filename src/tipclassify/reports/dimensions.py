"""What passages are grouped by in counts: file, country, publication, year and section.

Values come from reports, or from columns of input rows, which may be of any type; here they become
a text, a year, or None where nothing is known.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from tipclassify.formatting import one_line
from tipclassify.text.sections import FOLDED, fold_section

__all__ = [
    "DIMENSIONS",
    "SORTED",
    "Key",
    "Name",
    "Rank",
    "rank_in_dimension",
    "section_of_dimension",
    "shown_dimension_name",
    "text_of_dimension",
    "year_of_dimension",
]

DIMENSIONS: Final = ("file", "country", "publication", "year", "section")
"""Fields that passages can be grouped by; sections are folded to `FOLDED`."""

SORTED: Final = ("country", "publication", "year", "section")
"""Dimensions sorted by `rank_in_dimension`; files are in order of appearance."""

Name = str | int | None
"""Value of a dimension, such as a country or a year; None if unknown."""

Key = tuple[Name, ...]
"""Values of the dimensions of a group."""

Rank = tuple[int, int, str]
"""Sort key of a name: its kind, then a number, then a text."""

_MAX_DIGITS: Final = 9  # of a year


def text_of_dimension(value: object) -> str | None:
    """Convert a name to text that any encoding can write; None for None, NaN and blanks."""
    is_missing = value is None or value != value  # NaN
    text = "" if is_missing else str(value).strip()
    return text.encode("utf-8", "backslashreplace").decode() or None


def year_of_dimension(value: object) -> Name:
    """Convert a year to a whole number, if it is one; else to text."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = text_of_dimension(value)
    if text and len(text) <= _MAX_DIGITS and text.isascii() and text.isdigit():
        return int(text)
    return text


def section_of_dimension(name: str | None) -> str | None:
    """Fold a section to one of `FOLDED`."""
    text = text_of_dimension(name)
    return fold_section(text) if text else None


def shown_dimension_name(name: Name, dimension: str) -> str:
    """Make the display name of a value of a dimension."""
    return f"(no {dimension})" if name is None else one_line(str(name))


def rank_in_dimension(name: Name) -> Rank:
    """Make the sort key of a value of a `SORTED` dimension: numbers, plain text, then None.

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
