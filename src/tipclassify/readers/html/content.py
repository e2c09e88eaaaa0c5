"""Choose the lines of a web page that are its main content.

They are those that stand in the text that trafilatura extracts.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import compress, groupby, islice
from typing import Final

from lxml import etree

from tipclassify.readers.html.elements import HEADINGS, traits_of
from tipclassify.readers.html.lines import Line, is_sentence
from tipclassify.text.furniture import is_stock
from tipclassify.text.segmentation.sections import named_section

__all__ = ["main_content", "trim_edges", "without_furniture"]

_WORD: Final = re.compile(r"\w+")
_GRAM: Final = 4  # words compared at once
_MAX_ELEMENTS: Final = 20_000  # more than an article has; the library takes seconds for them
# Shares of the text outside furniture; where the library finds less, it has lost the page. A text
# that opens the page may be short: what follows are comments of readers, and teasers. One below
# other prose is a section of the report.
_MIN_SHARE: Final = 0.1
_MIN_SHARE_BELOW: Final = 0.4
_MIN_PROSE_WORDS: Final = 8
_LINKED: Final = 0.95  # of a line's characters
_MAX_TEASER: Final = 3  # lines, with the heading
_MAX_BOX: Final = 30  # words of a notice or an advertisement
_MIN_LOST: Final = 3  # paragraphs of prose in a row: too many for a box in the text
_MIN_WORDS: Final = 4  # of a caption
_MIN_PARAGRAPHS: Final = 3  # of a page with edges
_NAMELESS: Final = frozenset(f"p li td th tr {' '.join(HEADINGS)}".split())


def main_content(lines: Sequence[Line], page: etree._Element) -> list[Line]:
    """Return the lines that are main content, by the text that trafilatura finds on the page."""
    lines = without_furniture(lines)
    small = next(islice(page.iter(), _MAX_ELEMENTS, None), None) is None
    found = _Found(_extract(page) if small else "")
    lines = [
        line
        for line in lines
        if not line.doubtful or (line.text.count(" ") > _MAX_BOX and found.has(line.text))
    ]
    kept = [found.has(line.text) for line in lines]
    found_prose = _prose(compress(lines, kept))
    if found_prose and found_prose >= _prose(lines) * (
        _MIN_SHARE if _opens_page(lines, kept) else _MIN_SHARE_BELOW
    ):
        lines = _fill_gaps(lines, kept)
    return _without_teasers(trim_edges(lines))


def without_furniture(lines: Iterable[Line]) -> list[Line]:
    """Return lines without menus and stock phrases of websites."""
    return [line for line in _drop_link_lists(lines) if not is_stock(line.text)]


def _extract(page: etree._Element) -> str:
    """Return the main text of a page as trafilatura extracts it."""
    from trafilatura import extract

    # it warns of what it then works around
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    for element in page.iter(etree.Element):
        hidden = traits_of(element).hidden
        if element.tag in _NAMELESS:  # a paragraph's class must not decide
            element.attrib.pop("class", None)
            element.attrib.pop("id", None)
        if not hidden:  # a panel that a button shows is no hidden text
            for name in ("style", "hidden", "aria-hidden"):
                element.attrib.pop(name, None)
    return (
        extract(etree.tostring(page, encoding="unicode", method="html"), include_comments=False)
        or ""
    )


def _opens_page(lines: Sequence[Line], kept: Sequence[bool]) -> bool:
    """Return whether hardly any prose stands above the first prose that the library found."""
    found = (keep for line, keep in zip(lines, kept, strict=True) if _is_prose(line))
    return any(islice(found, _MIN_LOST))


class _Found:
    """Text that the library found, for questions whether a line stands in it."""

    def __init__(self, text: str) -> None:
        words = _WORD.findall(text.casefold())
        self.grams = set(zip(*(words[at:] for at in range(_GRAM)), strict=False))
        self.lines = {" ".join(_WORD.findall(cell)) for cell in re.split(r"[\n|]", text.casefold())}

    def has(self, text: str) -> bool:
        """Return whether most words of a line stand in the text.

        A shorter line must be one there.
        """
        words = _WORD.findall(text.casefold())
        grams = list(zip(*(words[at:] for at in range(_GRAM)), strict=False))
        return (
            2 * sum(gram in self.grams for gram in grams) > len(grams)
            or " ".join(words) in self.lines
        )


def _fill_gaps(lines: Sequence[Line], kept: Sequence[bool]) -> list[Line]:
    """Return the title, the kept lines, and what the library lost beside or between them."""
    first = next(number for number, keep in enumerate(kept) if keep and _is_prose(lines[number]))
    last = max(number for number, keep in enumerate(kept) if keep)
    title = _title(lines[:first])
    groups = {
        line.group for line, keep in zip(lines, kept, strict=True) if keep and _is_prose(line)
    }
    wanted = [
        keep or line.notes or (line.group in groups and _says_something(line))
        for line, keep in zip(lines, kept, strict=True)
    ]
    for lost, run in groupby(range(title + 1, last), key=lambda number: not wanted[number]):
        numbers = [number for number in run if lost and _says_something(lines[number])]
        if len(numbers) >= _MIN_LOST or max(numbers, default=first) < first:
            for number in numbers:
                wanted[number] = True
    # whether text under the heading is kept; whether the line below is a heading
    follows = fresh = False
    for number in range(len(lines) - 1, -1, -1):
        if lines[number].kind == "heading":
            wanted[number] = follows
            fresh = True
        else:
            follows = wanted[number] or (follows and not fresh)
            fresh = False
    text = list(compress(lines[title + 1 :], wanted[title + 1 :]))
    if title < 0:
        return text
    lines[title].kind = "title" if lines[title].level == 1 else "heading"
    return [lines[title], *text]


def _title(lines: Sequence[Line]) -> int:
    """Return the number of the title among the lines before the text.

    It is the last of the highest headings, or -1.
    """
    for level in (1, 2):
        found = [
            number for number, line in enumerate(lines) if line.level == level and not line.linked
        ]
        if found:
            return found[-1]
    return -1


def trim_edges(lines: list[Line]) -> list[Line]:
    """Remove fragments before the first sentence and after the last text.

    Such are dates, names and captions.
    """
    prose = list(
        islice((number for number, line in enumerate(lines) if _is_prose(line)), _MIN_PARAGRAPHS)
    )
    if len(prose) < _MIN_PARAGRAPHS:
        return lines
    head: list[Line] = []
    for listed, run in groupby(lines[: prose[0]], key=lambda line: line.kind in ("item", "row")):
        group = list(run)
        if not listed:
            head += (
                line
                for line in group
                if line.kind in ("heading", "title") or is_sentence(line.text)
            )
        # no list of names and dates
        elif max(line.text.count(" ") for line in group) >= _MIN_PROSE_WORDS:
            head += group
    last = next(
        number
        for number, line in reversed(list(enumerate(lines)))
        if line.kind not in ("heading", "text")
        or is_sentence(line.text)
        or line.text.count(" ") >= _MIN_PROSE_WORDS
    )
    return head + lines[prose[0] : last + 1]


def _without_teasers(lines: list[Line]) -> list[Line]:
    """Remove teasers of other pages at the end.

    Such are headings that are links, with a paragraph or two each.
    """
    starts = [number for number, line in enumerate(lines) if line.kind == "heading"]
    end, teasers = len(lines), 0
    while starts and lines[starts[-1]].linked > _LINKED and end - starts[-1] <= _MAX_TEASER:
        end, teasers = starts.pop(), teasers + 1
    return trim_edges(lines[:end]) if teasers > 1 else lines


def _prose(lines: Iterable[Line]) -> int:
    return sum(len(line.text) for line in lines if _is_prose(line))


def _says_something(line: Line) -> bool:
    """Return whether a line is a sentence, or an entry of a list or table."""
    return line.kind in ("item", "row") or _is_prose(line, _MIN_WORDS)


def _is_prose(line: Line, words: int = _MIN_PROSE_WORDS) -> bool:
    return line.kind != "heading" and is_sentence(line.text) and line.text.count(" ") >= words - 1


def _drop_link_lists(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield lines outside menus: no runs of links, and no runs of linked headings."""
    for linked, group in groupby(lines, key=lambda line: line.linked > _LINKED and not line.notes):
        run = list(group)
        if not linked:
            yield from (
                line for line in run if line.linked < 0.6 or line.notes or is_sentence(line.text)
            )
        elif all(line.kind == "heading" for line in run) and len(run) < 3:
            yield from run
        elif len(run) == 1 and named_section(run[0].text):
            yield replace(run[0], linked=0.0)  # the heading of a panel
        elif (
            len(run) == 1
            and run[0].kind != "heading"
            and len(run[0].text) >= 120
            and is_sentence(run[0].text)
        ):
            yield run[0]
        else:
            yield from (line for line in run[-1:] if line.kind == "heading")
