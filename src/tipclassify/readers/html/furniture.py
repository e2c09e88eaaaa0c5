"""Which lines of a web page are the site's: lists of links and names, stock lines, what stands before and after the text.

Lines are judged by their links and wording, the same for every site.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import Final

from tipclassify.readers.html.lines import Line, is_sentence
from tipclassify.readers.html.stock import is_stock, without_notices
from tipclassify.text.segmentation.sections import named_section

__all__ = ["without_furniture"]

_EDGE: Final = 15  # lines
_SECTION_NUMBER: Final = re.compile(r"(?:section|chapter|part)\s+(?:\d+|[ivx]+)\W*", re.IGNORECASE)
_PROSE_WORDS: Final = 8
_LIST_OF_NAMES: Final = 15  # short entries in a row that make a picker of countries, not a list in a report


def without_furniture(lines: Sequence[Line]) -> list[Line]:
    """The lines of a page that are its text.

    >>> [line.text for line in without_furniture([Line("Back to top"), Line("Police arrested nine traffickers.")])]
    ['Police arrested nine traffickers.']
    """
    kept = [line for line in _without_links(lines) if not is_stock(line.text) and not _is_part_number(line)]
    # Notices stand at the edges of a page; the body of a long one need not be searched.
    kept = [*without_notices(kept[:_EDGE]), *kept[_EDGE:-_EDGE], *without_notices(kept[_EDGE:][-_EDGE:])]
    kept = [line for run in _runs_of_names(kept) for line in run]
    return _without_ends(kept)


def _without_links(lines: Sequence[Line]) -> Iterator[Line]:
    """Lines but for menus: links alone, and several headings of links one after another."""
    for linked, group in groupby(lines, key=lambda line: line.linked > 0.95 and not line.notes):
        run = list(group)
        if not linked:
            yield from (line for line in run if line.linked < 0.6 or line.notes or is_sentence(line.text))
        elif all(line.kind == "heading" for line in run) and len(run) < 3:
            yield from run
        elif len(run) == 1 and named_section(run[0].text):
            yield run[0]._replace(linked=0.0)  # the head of a panel
        elif len(run) == 1 and run[0].kind != "heading" and len(run[0].text) >= 120 and is_sentence(run[0].text):
            yield run[0]
        else:
            yield from (line for line in run[-1:] if line.kind == "heading")


def _is_part_number(line: Line) -> bool:
    return line.kind == "text" and len(line.text) < 20 and _SECTION_NUMBER.fullmatch(line.text) is not None


def _runs_of_names(lines: Sequence[Line]) -> Iterator[list[Line]]:
    for names, group in groupby(lines, key=_is_name):
        run = list(group)
        if not names or len(run) < _LIST_OF_NAMES:
            yield [line for line in run if not _is_string_of_names(line)]


def _is_name(line: Line) -> bool:
    text = line.text
    return line.kind in ("text", "item") and len(text) <= 45 and text[:1].isupper() and not is_sentence(text)


def _is_string_of_names(line: Line) -> bool:
    if is_sentence(line.text) or line.kind in ("row", "heading"):
        return False
    words = line.text.split()
    return (
        len(words) >= _LIST_OF_NAMES
        and not re.search(r"[.;:!?]", line.text)
        and sum(word[:1].isupper() for word in words) >= 0.85 * len(words)
    )


def _is_prose(text: str) -> bool:
    return is_sentence(text) and text.count(" ") >= _PROSE_WORDS - 1


def _without_ends(lines: list[Line]) -> list[Line]:
    """Lines but for what stands before the first heading or sentence and after the last: dates, names, captions."""
    firm = list(islice(_firm(lines, range(len(lines))), 3))
    if len(firm) < 3:
        return lines
    first, last = firm[0], next(_firm(lines, range(len(lines) - 1, -1, -1)))
    title = next((number for number, line in enumerate(lines) if line.kind == "heading"), first)
    head = [line for line in lines[: min(title, first)] if not _is_loose(line) and line.kind not in ("item", "row")]
    under = [
        line for line in lines[title:first] if not _is_loose(line) and (line.kind != "row" or is_sentence(line.text))
    ]
    tail = [line for line in lines[last + 1 :] if not _is_loose(line)]
    while tail and tail[-1].kind == "heading":
        tail.pop()
    return head + under + lines[first : last + 1] + tail


def _firm(lines: Sequence[Line], numbers: Iterable[int]) -> Iterator[int]:
    """Numbers of the lines of prose, in the order asked for: what lies between the first and the last is not looked at."""
    return (number for number in numbers if lines[number].kind != "heading" and _is_prose(lines[number].text))


def _is_loose(line: Line) -> bool:
    plain = line.kind == "text" and not line.bold and not line.notes
    return plain and not is_sentence(line.text) and line.text.count(" ") < _PROSE_WORDS
