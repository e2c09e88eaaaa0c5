"""Choose the main content of a web page: what trafilatura extracts, and what it lost between."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from itertools import compress, groupby, islice
from typing import Final

from lxml import etree

from tipclassify.readers.html.elements import HEADINGS, is_sentence
from tipclassify.readers.html.lines import Line
from tipclassify.text.prose import is_stock_phrase
from tipclassify.text.sections import section_named_by

_WORD: Final = re.compile(r"\w+")
_LINE_OR_CELL_END: Final = re.compile(r"[\n|]")
_GRAM: Final = 4  # words compared at once
_MAX_ELEMENTS: Final = 20_000  # more than an article has; the library takes seconds for them
# Shares of the prose outside navigation; where the library extracts less, it has lost the page. A
# text that opens the page may be short: what follows are comments of readers.
_MIN_SHARE: Final = 0.4
_MIN_SHARE_OF_OPENING: Final = 0.1
_OPENING: Final = 3  # paragraphs, of which the library extracted one
_MIN_PROSE_WORDS: Final = 8
# Share of a line's characters in links, from which it is navigation if it is no sentence.
_MOSTLY_LINKED: Final = 0.6
_MIN_MENU: Final = 3  # lines
_MIN_LINKED_SENTENCE: Final = 120  # characters of a sentence that is a link, and no entry of a menu
_MAX_TEASER: Final = 3  # lines, with the heading
_MIN_WORDS: Final = 4  # of a caption
_MIN_PARAGRAPHS: Final = 3  # of a page with edges
_NAMELESS: Final = HEADINGS | {"p", "li", "td", "th", "tr"}


def find_main_content(lines: Sequence[Line], page: etree._Element) -> list[Line]:
    """Return the lines that are main content, by the text that trafilatura finds on the page."""
    is_small = next(islice(page.iter(), _MAX_ELEMENTS, None), None) is None
    extract = _extract_text(page).casefold() if is_small else ""
    extracted_grams = _grams(_WORD.findall(extract))
    extracted_lines = {" ".join(_WORD.findall(line)) for line in _LINE_OR_CELL_END.split(extract)}
    lines = [line for line in without_site_navigation(lines) if not line.doubtful]
    kept: list[bool] = []
    for line in lines:
        words = _WORD.findall(line.text.casefold())
        grams = _grams(words)
        most_are_extracted = 2 * len(grams & extracted_grams) > len(grams)
        kept.append(most_are_extracted or " ".join(words) in extracted_lines)
    kept_prose = (keep for line, keep in zip(lines, kept, strict=True) if _is_prose(line))
    opens_page = any(islice(kept_prose, _OPENING))
    share = _MIN_SHARE_OF_OPENING if opens_page else _MIN_SHARE
    if _prose_size(compress(lines, kept)) > share * _prose_size(lines):
        lines = _with_gaps_filled(lines, kept)
    return _without_teasers(trim_edges_of_page(lines))


def without_site_navigation(lines: Iterable[Line]) -> list[Line]:
    """Return lines without menus (runs of links and of linked headings) and stock phrases."""
    outside: list[Line] = []
    for linked, group in groupby(lines, key=lambda line: line.is_link and not line.notes):
        run = list(group)
        if linked:
            # the heading below a menu may be that of the text
            shown = run if len(run) < _MIN_MENU else run[-1:]
            outside += filter(_is_linked_content, shown)
            continue
        for line in run:
            if line.linked < _MOSTLY_LINKED or line.notes or is_sentence(line.text):
                outside.append(line)
    return [line for line in outside if not is_stock_phrase(line.text)]


def _is_linked_content(line: Line) -> bool:
    """Return whether a link is a heading or a sentence, and no entry of a menu."""
    if line.kind == "heading" or section_named_by(line.text):
        return True
    return len(line.text) >= _MIN_LINKED_SENTENCE and is_sentence(line.text)


def _extract_text(page: etree._Element) -> str:
    """Return the main text of a page as trafilatura extracts it; it changes the page."""
    from trafilatura import extract

    # it warns of what it then works around
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    for element in page.iter(etree.Element):
        misleading = ["style", "hidden", "aria-hidden"]  # of a panel that a button shows
        if element.tag in _NAMELESS:  # a paragraph's class must not decide
            misleading += ["class", "id"]
        for name in misleading:
            element.attrib.pop(name, None)
    markup = etree.tostring(page, encoding="unicode", method="html")
    return extract(markup, include_comments=False) or ""


def _grams(words: list[str]) -> set[tuple[str, ...]]:
    """Return each `_GRAM` consecutive words."""
    return set(zip(*[words[first:] for first in range(_GRAM)], strict=False))


def _with_gaps_filled(lines: Sequence[Line], kept: Sequence[bool]) -> list[Line]:
    """Return the title, the kept lines, and what the library lost beside or between them."""
    kept_numbers = [number for number, keep in enumerate(kept) if keep]
    prose = [number for number in kept_numbers if _is_prose(lines[number])]
    groups = {lines[number].group for number in prose}
    title = _find_title(lines[: prose[0]])
    below_title = 0 if title is None else title + 1
    wanted: list[bool] = []
    for number, line in enumerate(lines):
        is_between = below_title <= number < kept_numbers[-1]
        is_lost = (is_between or line.group in groups) and _is_content(line)
        wanted.append(kept[number] or line.notes or is_lost)
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
    prose = [number for number, line in enumerate(lines) if _is_prose(line)]
    if len(prose) < _MIN_PARAGRAPHS:
        return lines
    first = prose[0]
    above = lines[:first]
    opening = [line for line in above if line.kind in ("heading", "title") or _is_text(line)]
    endings = (line.kind in ("item", "row") or _is_text(line) for line in reversed(lines))
    after_text = next(number for number, ends in enumerate(endings) if ends)
    return opening + lines[first : len(lines) - after_text]


def _is_text(line: Line) -> bool:
    """Return whether a line is no heading, and a sentence or as long as one."""
    is_long = line.text.count(" ") >= _MIN_PROSE_WORDS
    return line.kind != "heading" and (is_long or is_sentence(line.text))


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
