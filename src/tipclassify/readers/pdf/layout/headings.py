"""Tell headings and captions from text by type size, weight, capitals and wording; a sentence is never a heading."""

from __future__ import annotations

import re
from typing import Final

from tipclassify.readers.pdf.layout.grouping import BULLET, LARGE, LineGroup
from tipclassify.readers.pdf.layout.tables import CAPTION
from tipclassify.text.segmentation.sections import named_section, without_enumerator

__all__ = ["is_caption", "is_heading", "is_sentence"]

_MAX_WORDS: Final = 14  # words of a bold or capitalized heading; as for web pages
_MAX_LINES: Final = 10
_MAX_TITLE_WORDS: Final = 30  # words of a heading in larger type
_MAX_NUMBERED_WORDS: Final = 3  # words of a heading that ends in a full stop, such as "Section 2."
_NOTES: Final = re.compile(r"(?:\s*[(\[]\d{1,3}(?:[,;–-]\s?\d{1,3})*[)\]])+$")
_END_INSIDE: Final = re.compile(r"[a-z]{3}[\"”’)\]]*[.!](?:\s[(\[][\d,; –-]+[)\]])*\s+[\"“(\[]?[A-Z]")


def is_sentence(text: str) -> bool:
    """Return whether a text begins in lower case, ends like a sentence, or has the end of one inside.

    >>> is_sentence("The unit lacked staff. (3,46)"), is_sentence("resource allocation"), is_sentence("b. Slavery")
    (True, True, False)
    """
    text = _NOTES.sub("", text)
    plain = without_enumerator(text)
    ended = text.endswith((";", ",")) or (text.endswith(".") and len(text.split()) > _MAX_NUMBERED_WORDS)
    return ended or plain[:1].islower() or _END_INSIDE.search(plain) is not None


def is_heading(group: LineGroup, body: float, bold_body: bool) -> bool:
    """Return whether a paragraph is short and large, bold or capitalized, or is the name of a section."""
    text, size = group.text, group.lines[0].size
    count, letters = len(text.split()), [c for c in text if c.isalpha()]
    if len(letters) < 3 or BULLET.match(text) or text.count("(") > text.count(")") or is_sentence(text):
        return False
    if size >= LARGE * body:
        return count <= _MAX_TITLE_WORDS and len(group.lines) <= _MAX_LINES
    if count > _MAX_WORDS or text.endswith(("!", "?")) or (size < 0.9 * body and not group.aside):
        return False
    bold = not bold_body and all(line.bold == "all" for line in group.lines)
    capitals = len(letters) > 3 and all(c.isupper() for c in letters)
    return bold or capitals or named_section(text) is not None


def is_caption(group: LineGroup, heading: bool, following: LineGroup | None) -> bool:
    """Return whether a paragraph is the caption of a table or drawing: bold, or with cells below it."""
    if CAPTION.match(group.text) is None or len(group.text.split()) > _MAX_TITLE_WORDS:
        return False
    return heading or (following is not None and following.is_table)
