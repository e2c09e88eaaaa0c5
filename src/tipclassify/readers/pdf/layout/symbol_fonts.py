"""Read the marks of symbol fonts, whose characters have the names of letters.

"b In March" is "• In March".
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from tipclassify.readers.pdf.layout.pages import Page, Word, make_page

__all__ = ["mark_bullets"]

_NAME: Final = re.compile(r"wingding|webding|dingbat|bullet", re.IGNORECASE)
_MIN_MARKS: Final = 3  # of a font whose name says nothing
_MAX_FORMS: Final = 2  # unlike marks of such a font
_WORDS: Final = frozenset("AIaOo")  # letters that are words, and may begin many lines
_SAME_LINE: Final = 0.35  # em between baselines of one line
_BULLET: Final = "•"


def mark_bullets(pages: Sequence[Page]) -> list[Page]:
    """Put a bullet in place of each mark of a symbol font.

    A font is one by its name, or if all that the file has in it is one letter or two, each alone at
    the beginning of a line, before a word in another font.
    """
    of_words = {word.font for page in pages for word in page.words if len(word.text) > 1}
    of_marks = {word.font for page in pages for word in page.words} - of_words - {""}
    found: dict[str, list[tuple[Word, bool]]] = defaultdict(list)
    for page in pages if of_marks else ():
        for word, opens in _with_places(page.words):
            found[word.font].append((word, opens))
    fonts = {font for font in of_words if _NAME.search(font)}
    fonts |= {font for font in of_marks if _NAME.search(font) or _are_marks(found[font])}
    if not fonts:
        return list(pages)
    return [
        _with_bullets(page, fonts) if any(word.font in fonts for word in page.words) else page
        for page in pages
    ]


def _with_places(words: Sequence[Word]) -> Iterator[tuple[Word, bool]]:
    """Yield each word with whether it begins a line, before a word in another font."""
    for before, word, after in zip([None, *words], words, [*words[1:], None], strict=False):
        begins = before is None or not _is_left_of(before, word)
        yield (
            word,
            begins and after is not None and _is_left_of(word, after) and after.font != word.font,
        )


def _is_left_of(word: Word, other: Word) -> bool:
    same_line = abs(word.y - other.y) < _SAME_LINE * max(word.size, other.size)
    return same_line and word.x1 <= other.x0 + _SAME_LINE * word.size


def _are_marks(words: Sequence[tuple[Word, bool]]) -> bool:
    """Return whether the words of a font, each with whether it opens a line, are marks only."""
    if len(words) < _MIN_MARKS or not all(opens and len(word.text) == 1 for word, opens in words):
        return False
    forms = {word.text for word, _ in words}
    return len(forms) <= _MAX_FORMS and all(form.isalpha() and form not in _WORDS for form in forms)


def _with_bullets(page: Page, fonts: set[str]) -> Page:
    words = [
        word._replace(text=_BULLET)
        if word.font in fonts and len(word.text) == 1 and word.text.isalnum()
        else word
        for word in page.words
    ]
    return make_page(page.number, page.width, page.height, words, page.shapes, page.problem)
