"""Choose the main content of a web page: its lines without navigation, teasers and fragments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from typing import Final

from tipclassify.readers.html.elements import is_sentence
from tipclassify.readers.html.lines import Line
from tipclassify.text.prose import is_stock_phrase
from tipclassify.text.sections import section_named_by

_MIN_SHARE_BELOW_TITLE: Final = 0.7  # of the page's prose
_MIN_PROSE_WORDS: Final = 8
# Share of a line's characters in links, from which it is navigation if it is no sentence.
_MOSTLY_LINKED: Final = 0.6
_MIN_MENU_HEADINGS: Final = 3
_MIN_LINKED_SENTENCE: Final = 120  # characters of a sentence that is a link, and no entry of a menu
_MAX_TEASER: Final = 3  # lines, with the heading
_MIN_PARAGRAPHS: Final = 3  # of a page with edges


def find_main_content(lines: Iterable[Line]) -> list[Line]:
    """Return the lines that are main content: from the title on, without navigation and teasers."""
    certain = [line for line in without_site_navigation(lines) if not line.doubtful]
    return _without_teasers(trim_edges_of_page(_from_title_on(certain)))


def _from_title_on(lines: list[Line]) -> list[Line]:
    """Return the lines below the title: the last heading of the first level above most prose."""
    size = _prose_size(lines)
    below = 0
    for number in reversed(range(len(lines))):
        line = lines[number]
        below += _prose_size([line])
        if line.level == 1 and not line.linked and size and below >= _MIN_SHARE_BELOW_TITLE * size:
            line.kind = "title"
            return lines[number:]
    return lines


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


def _is_prose(line: Line) -> bool:
    """Return whether a line is a sentence of some words, and no heading."""
    if line.kind == "heading" or not is_sentence(line.text):
        return False
    return line.text.count(" ") >= _MIN_PROSE_WORDS - 1
