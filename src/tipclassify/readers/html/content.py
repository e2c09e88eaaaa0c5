"""Choose the main content of a web page: what trafilatura extracts, and what it lost between."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import compress, groupby, islice
from typing import Final

from lxml import etree

from tipclassify.readers.html.elements import HEADINGS, is_sentence, traits_of
from tipclassify.readers.html.lines import Line
from tipclassify.text.prose import is_stock_phrase
from tipclassify.text.sections import section_named_by

_WORD: Final = re.compile(r"\w+")
_LINE_OR_CELL_END: Final = re.compile(r"[\n|]")
_GRAM: Final = 4  # words compared at once
_MAX_ELEMENTS: Final = 20_000  # more than an article has; the library takes seconds for them
# Shares of the prose outside navigation; where the library extracts less, it has lost the page. A
# text that opens the page may be short: what follows are comments of readers, and teasers. One
# below other prose is a section of the report.
_MIN_SHARE: Final = 0.1
_MIN_SHARE_BELOW: Final = 0.4
_MIN_PROSE_WORDS: Final = 8
# Share of a line's characters in links, from which it is navigation if it is no sentence.
_MOSTLY_LINKED: Final = 0.6
_MIN_MENU_HEADINGS: Final = 3
_MIN_LINKED_SENTENCE: Final = 120  # characters of a sentence that is a link, and no entry of a menu
_MAX_TEASER: Final = 3  # lines, with the heading
_MAX_BOX: Final = 30  # words of a notice or an advertisement
_MIN_LOST: Final = 3  # paragraphs of prose in a row: too many for a box in the text
_MIN_WORDS: Final = 4  # of a caption
_MIN_PARAGRAPHS: Final = 3  # of a page with edges
_NAMELESS: Final = HEADINGS | {"p", "li", "td", "th", "tr"}


def find_main_content(lines: Sequence[Line], page: etree._Element) -> list[Line]:
    """Return the lines that are main content, by the text that trafilatura finds on the page."""
    is_small = next(islice(page.iter(), _MAX_ELEMENTS, None), None) is None
    extract = _Extract(_extract_text(page) if is_small else "")
    # in an element that is called navigation, content must be long, and extracted
    lines = [
        line
        for line in without_site_navigation(lines)
        if not line.doubtful or (line.text.count(" ") > _MAX_BOX and extract.holds(line.text))
    ]
    kept = [extract.holds(line.text) for line in lines]
    kept_size = _prose_size(compress(lines, kept))
    # whether hardly any prose stands above the first prose that the library extracted
    is_kept_prose = (keep for line, keep in zip(lines, kept, strict=True) if _is_prose(line))
    opens_page = any(islice(is_kept_prose, _MIN_LOST))
    share = _MIN_SHARE if opens_page else _MIN_SHARE_BELOW
    if kept_size and kept_size >= _prose_size(lines) * share:
        lines = _with_gaps_filled(lines, kept)
    return _without_teasers(trim_edges_of_page(lines))


def without_site_navigation(lines: Iterable[Line]) -> list[Line]:
    """Return lines without menus (runs of links and of linked headings) and stock phrases."""
    outside: list[Line] = []
    for linked, group in groupby(lines, key=lambda line: line.is_link and not line.notes):
        run = list(group)
        if linked:
            outside += _content_of_links(run)
            continue
        for line in run:
            if line.linked < _MOSTLY_LINKED or line.notes or is_sentence(line.text):
                outside.append(line)
    return [line for line in outside if not is_stock_phrase(line.text)]


def _content_of_links(run: Sequence[Line]) -> list[Line]:
    """Return what is content among consecutive lines that are links."""
    first = run[0]
    if len(run) < _MIN_MENU_HEADINGS and all(line.kind == "heading" for line in run):
        return [*run]
    if len(run) == 1 and section_named_by(first.text):
        return [replace(first, linked=0.0)]  # the heading of a panel
    if run[-1].kind == "heading":  # it may be that of the text below the menu
        return [run[-1]]
    is_long = len(first.text) >= _MIN_LINKED_SENTENCE
    return [first] if len(run) == 1 and is_long and is_sentence(first.text) else []


def _extract_text(page: etree._Element) -> str:
    """Return the main text of a page as trafilatura extracts it; it changes the page."""
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
    markup = etree.tostring(page, encoding="unicode", method="html")
    return extract(markup, include_comments=False) or ""


class _Extract:
    """Text that the library extracted, for questions whether a line stands in it."""

    def __init__(self, text: str) -> None:
        folded = text.casefold()
        self.grams = set(_grams(_WORD.findall(folded)))
        self.lines = {" ".join(_WORD.findall(line)) for line in _LINE_OR_CELL_END.split(folded)}

    def holds(self, line: str) -> bool:
        """Return whether most words of a line stand in the text; a shorter line must be one."""
        words = _WORD.findall(line.casefold())
        grams = list(_grams(words))
        held = sum(gram in self.grams for gram in grams)
        return 2 * held > len(grams) or " ".join(words) in self.lines


def _grams(words: list[str]) -> Iterator[tuple[str, ...]]:
    """Return each `_GRAM` consecutive words."""
    return zip(*[words[first:] for first in range(_GRAM)], strict=False)


def _with_gaps_filled(lines: Sequence[Line], kept: Sequence[bool]) -> list[Line]:
    """Return the title, the kept lines, and what the library lost beside or between them."""
    kept_numbers = [number for number, keep in enumerate(kept) if keep]
    prose = [number for number in kept_numbers if _is_prose(lines[number])]
    groups = {lines[number].group for number in prose}
    wanted = [
        keep or line.notes or (line.group in groups and _is_content(line))
        for line, keep in zip(lines, kept, strict=True)
    ]
    title = _find_title(lines[: prose[0]])
    below_title = 0 if title is None else title + 1
    gaps: list[list[int]] = [[]]  # lines with text between wanted ones
    for number in range(below_title, kept_numbers[-1]):
        if wanted[number]:
            gaps.append([])
        elif _is_content(lines[number]):
            gaps[-1].append(number)
    for gap in gaps:
        # many are no box in the text
        if gap and (len(gap) >= _MIN_LOST or gap[-1] < prose[0]):
            for number in gap:
                wanted[number] = True
    _choose_headings(lines, wanted)
    text = list(compress(lines[below_title:], wanted[below_title:]))
    if title is None:
        return text
    heading = lines[title]
    heading.kind = "title" if heading.level == 1 else "heading"
    return [heading, *text]


def _choose_headings(lines: Sequence[Line], wanted: list[bool]) -> None:
    """Want those headings under which text is wanted; one of subheadings has theirs."""
    has_text = False  # whether text below this line, up to the next section, is wanted
    is_above_heading = False
    for number in reversed(range(len(lines))):
        if lines[number].kind == "heading":
            wanted[number] = has_text
            is_above_heading = True
        else:
            has_text = wanted[number] or (has_text and not is_above_heading)
            is_above_heading = False


def _find_title(lines: Sequence[Line]) -> int | None:
    """Return the number of the title before the text: the last of the highest headings."""
    for level in (1, 2):
        for number in reversed(range(len(lines))):
            if lines[number].level == level and not lines[number].linked:
                return number
    return None


def trim_edges_of_page(lines: list[Line]) -> list[Line]:
    """Remove fragments before the first sentence and after the last text.

    Such are dates, names and captions.
    """
    prose = (number for number, line in enumerate(lines) if _is_prose(line))
    first_paragraphs = list(islice(prose, _MIN_PARAGRAPHS))
    if len(first_paragraphs) < _MIN_PARAGRAPHS:
        return lines
    first = first_paragraphs[0]
    last = next(number for number in reversed(range(len(lines))) if _may_end_text(lines[number]))
    return list(_without_fragments(lines[:first])) + lines[first : last + 1]


def _without_fragments(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield the headings, sentences and lists of prose among the lines above the text."""
    for listed, run in groupby(lines, key=lambda line: line.kind in ("item", "row")):
        group = list(run)
        if listed:  # not a list of names and dates
            longest = max(line.text.count(" ") for line in group)
            if longest >= _MIN_PROSE_WORDS:
                yield from group
            continue
        for line in group:
            if line.kind in ("heading", "title") or is_sentence(line.text):
                yield line


def _may_end_text(line: Line) -> bool:
    """Return whether a text may end with this line: no heading, and no fragment."""
    if line.kind not in ("heading", "text"):
        return True
    return is_sentence(line.text) or line.text.count(" ") >= _MIN_PROSE_WORDS


def _without_teasers(lines: list[Line]) -> list[Line]:
    """Remove teasers of other pages at the end: linked headings with a paragraph or two each."""
    headings = [number for number, line in enumerate(lines) if line.kind == "heading"]
    end = len(lines)
    teasers = 0
    for heading in reversed(headings):
        if not lines[heading].is_link or end - heading > _MAX_TEASER:
            break
        end = heading
        teasers += 1
    return trim_edges_of_page(lines[:end]) if teasers > 1 else lines


def _prose_size(lines: Iterable[Line]) -> int:
    """Return the number of characters of the paragraphs among the lines."""
    return sum(len(line.text) for line in lines if _is_prose(line))


def _is_content(line: Line) -> bool:
    """Return whether a line is a sentence, or an entry of a list or table."""
    return line.kind in ("item", "row") or _is_prose(line, _MIN_WORDS)


def _is_prose(line: Line, words: int = _MIN_PROSE_WORDS) -> bool:
    """Return whether a line is a sentence of as many words, and no heading."""
    if line.kind == "heading" or not is_sentence(line.text):
        return False
    return line.text.count(" ") >= words - 1
