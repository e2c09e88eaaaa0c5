"""Tell the headings among the lines of a web page from its text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from tipclassify.readers.html.line_builder import HtmlLine
from tipclassify.readers.source_blocks import could_be_source_heading
from tipclassify.text.sections import standard_section_of_line

__all__ = ["html_line_is_sentence", "mark_html_headings"]

_SENTENCE_END: Final = re.compile(r"[.!?…:;][\"”’')\]]*$")
_MAX_HEADING_WORDS: Final = 30
_MAX_SENTENCE_WORDS: Final = 14  # of a heading that ends as a sentence does
_MIN_CAPITALS: Final = 3  # characters of a heading in capitals; it has more
_MAX_BOLD_SHARE: Final = 0.4  # above this share of bold text, bold lines are no headings


def html_line_is_sentence(text: str) -> bool:
    """Return whether a line ends with sentence punctuation.

    >>> html_line_is_sentence("No shelter opened.”"), html_line_is_sentence("Conduct of Officials")
    (True, False)
    """
    return _SENTENCE_END.search(text[-6:]) is not None


def mark_html_headings(lines: Sequence[HtmlLine]) -> None:
    """Set the kind and level of each line of a page by whether it is a heading."""
    size = sum([len(line.text) for line in lines])
    bold_size = sum([len(line.text) for line in lines if line.bold and line.kind != "heading"])
    bold_is_heading = bold_size < _MAX_BOLD_SHARE * size
    for line in lines:
        if _is_html_heading(line, bold_is_heading):
            line.kind = "heading"
        else:
            line.level = None
            if line.kind in ("heading", "title"):
                line.kind = "text"


def _is_html_heading(line: HtmlLine, bold_is_heading: bool) -> bool:
    """Return whether a line is a heading, by its markup, its words and its bold type."""
    text = line.text
    if line.kind == "row":
        return False
    if line.kind == "heading":
        words = text.count(" ") + 1
        return words <= _MAX_HEADING_WORDS and (
            could_be_source_heading(text)
            or words <= _MAX_SENTENCE_WORDS
            or not html_line_is_sentence(text)
        )
    if standard_section_of_line(text) is not None:
        return True
    if line.kind == "item":
        return False
    emphasized = (
        line.kind == "title"
        or (line.bold and bold_is_heading)
        or (text.isupper() and len(text) > _MIN_CAPITALS)
    )
    return emphasized and could_be_source_heading(text)
