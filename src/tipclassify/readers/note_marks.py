"""Recognize the marks of footnotes among the superscripts of web pages and Word files."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["LAST_CHARACTERS", "is_superscript_note_mark"]

LAST_CHARACTERS: Final = 8
"""Characters before a superscript that show whether it is an exponent: "10", "km"."""

_NUMBERS: Final = re.compile(r"[\d\s,;*†‡§¶–-]+")
_BRACKETED: Final = re.compile(r"[\[(][^\])]{1,20}[\])]")
_LISTED: Final = re.compile(r"\d\s*[,;]")
# what is raised to a power: units, and the numbers that powers are given of
_BASE: Final = re.compile(r"(?:(?<![\d.,])(?:10|2)|(?:\b|\d)(?:[kcdm]?m|ft|CO|x))$")


def is_superscript_note_mark(text: str, text_before: str, text_after: str = "") -> bool:
    """Return whether a superscript is the mark of a footnote.

    A number after a unit, after 10 or after 2 is an exponent, unless it is one of a list or in
    brackets; one before a slash is part of a fraction.

    >>> marks = (("2", "fined 14"), ("2", "9 km"), ("6", "10"), ("3,4", "10"), ("st", "1"))
    >>> [is_superscript_note_mark(text, text_before) for text, text_before in marks]
    [True, False, False, True, False]
    """
    text = text.strip()
    if _BRACKETED.fullmatch(text):
        return True
    if not _NUMBERS.fullmatch(text) or text_after.startswith(("/", "⁄")):
        return False
    return _LISTED.search(text) is not None or not _BASE.search(text_before)
