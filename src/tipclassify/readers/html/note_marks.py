"""Recognize the marks of footnotes in the text of a web page."""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from tipclassify.readers.note_marks import is_superscript_note_mark

__all__ = ["is_html_note_mark"]

_MAX_MARK: Final = 30  # characters
_NUMBER_OR_SIGN: Final = r"[\[(]?(?:\d{1,3}|[*†‡§¶^↑↩⇑#]+\ufe0e?)[\])]?"
_LETTER_OR_NOTE: Final = r"[\[(](?:[a-z]|[ivx]{1,4}|note \d+)[\])]"
_FOOTNOTE: Final = re.compile(rf"{_NUMBER_OR_SIGN}|{_LETTER_OR_NOTE}")


def is_html_note_mark(element: etree._Element, text: str | None, text_before: str) -> bool:
    """Return whether a link or superscript is the mark of a footnote.

    An exponent or ordinal is none (`is_superscript_note_mark`).

    >>> mark = etree.XML("<sup>2</sup>")
    >>> is_html_note_mark(mark, "2", "slept."), is_html_note_mark(mark, "2", "9 km")
    (True, False)
    """
    if text is None or len(text) > _MAX_MARK:
        return False
    if element.tag == "a":
        return element.get("href") is not None and _FOOTNOTE.fullmatch(text) is not None
    if element.find(".//a") is not None:
        return True
    return is_superscript_note_mark(text, text_before, element.tail or "")
