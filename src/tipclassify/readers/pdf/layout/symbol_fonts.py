"""Put bullets for the marks of symbol fonts, whose characters have the names of letters.

"b In March" is "• In March".
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from tipclassify.readers.pdf.layout.pages import PageLayout, PdfWord, make_page_layout

__all__ = ["put_bullets_for_symbol_fonts"]

_NAME: Final = re.compile(r"wingding|webding|dingbat|bullet", re.IGNORECASE)
_MIN_MARKS: Final = 3  # of a font whose name says nothing
_MAX_FORMS: Final = 2  # unlike marks of such a font
_WORDS: Final = frozenset("AIaOo")  # letters that are words, and may begin many lines
_SAME_LINE: Final = 0.35  # em between baselines of one line
_BULLET: Final = "•"


class _PlacedPdfWord(NamedTuple):
    """Hold a word, and whether it begins a line, before a word in another font."""

    word: PdfWord
    opens_line: bool


def put_bullets_for_symbol_fonts(pages: Sequence[PageLayout]) -> list[PageLayout]:
    """Put a bullet in place of each mark of a symbol font.

    A font is one by its name, or if all that the file has in it is one letter or two, each alone at
    the beginning of a line, before a word in another font.
    """
    fonts = _symbol_fonts(pages)
    if not fonts:
        return list(pages)
    marked: list[PageLayout] = []
    for page in pages:
        has_marks = any(word.font in fonts for word in page.words)
        marked.append(_page_with_bullets(page, fonts) if has_marks else page)
    return marked


def _symbol_fonts(pages: Sequence[PageLayout]) -> set[str]:
    """Return the names of the symbol fonts of a document."""
    all_fonts = {word.font for page in pages for word in page.words}
    # fonts with a text of several letters; the others may be of marks
    word_fonts = {word.font for page in pages for word in page.words if len(word.text) > 1}
    letter_fonts = all_fonts - word_fonts - {""}
    symbol_fonts = {font for font in word_fonts if _NAME.search(font)}
    if not letter_fonts:
        return symbol_fonts
    words_by_font: dict[str, list[_PlacedPdfWord]] = defaultdict(list)
    for page in pages:
        for placed in _place_pdf_words(page.words):
            words_by_font[placed.word.font].append(placed)
    for font in letter_fonts:
        if _NAME.search(font) or _are_symbol_font_marks(words_by_font[font]):
            symbol_fonts.add(font)
    return symbol_fonts


def _place_pdf_words(words: Sequence[PdfWord]) -> Iterator[_PlacedPdfWord]:
    """Yield each word with whether it begins a line, before a word in another font."""
    for at, word in enumerate(words):
        begins = at == 0 or not _is_left_of_pdf_word(words[at - 1], word)
        after = words[at + 1] if at + 1 < len(words) else None
        is_before_other_font = (
            after is not None and _is_left_of_pdf_word(word, after) and after.font != word.font
        )
        yield _PlacedPdfWord(word, begins and is_before_other_font)


def _is_left_of_pdf_word(word: PdfWord, other: PdfWord) -> bool:
    on_line = abs(word.y - other.y) < _SAME_LINE * max(word.size, other.size)
    return on_line and word.x1 <= other.x0 + _SAME_LINE * word.size


def _are_symbol_font_marks(words: Sequence[_PlacedPdfWord]) -> bool:
    """Return whether the words of a font are marks only."""
    if len(words) < _MIN_MARKS:
        return False
    if not all(placed.opens_line and len(placed.word.text) == 1 for placed in words):
        return False
    forms = {placed.word.text for placed in words}
    return len(forms) <= _MAX_FORMS and all(form.isalpha() and form not in _WORDS for form in forms)


def _page_with_bullets(page: PageLayout, fonts: set[str]) -> PageLayout:
    """Return a page with bullets for the marks of these fonts."""
    words: list[PdfWord] = []
    for word in page.words:
        is_mark = word.font in fonts and len(word.text) == 1 and word.text.isalnum()
        words.append(word._replace(text=_BULLET) if is_mark else word)
    return make_page_layout(page.number, page.width, page.height, words, page.shapes, page.problem)
