"""Assemble paragraphs of a document from its pages, joined across columns and pages; detect headings.

A paragraph interrupted by a column or page break continues in the next matching column. Footnotes are kept separate.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, Literal

from tipclassify.readers.pdf.layout.columns import reading_order
from tipclassify.readers.pdf.layout.grouping import BULLET, ENDED, LineGroup, group_lines, same_size
from tipclassify.readers.pdf.layout.headings import is_caption, is_heading, is_sentence
from tipclassify.readers.pdf.layout.hyphens import count_whole_words, hyphenates, join_lines
from tipclassify.readers.pdf.layout.lines import Line, make_lines
from tipclassify.readers.pdf.layout.pages import Page
from tipclassify.readers.pdf.layout.running_headers import drop_running_headers
from tipclassify.readers.pdf.layout.tables import place_tables
from tipclassify.readers.pdf.layout.tagged import is_tagged, tagged_groups
from tipclassify.readers.source_blocks import table_row

__all__ = ["Paragraph", "body_size", "read_paragraphs"]

ParagraphKind = Literal["text", "row", "header", "caption"]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Hold a paragraph of a document.

    Attributes
    ----------
    page : int
        Page on which it begins, from 1.
    size : float
        Type size, in points.
    aside : bool
        Whether it is in a sidebar, whose headings do not apply to the text.
    level : int or None
        Level of a heading, if the file gives it.
    kind : str
        "row" of a table, its "header" or "caption", or else "text".
    """

    text: str
    page: int
    heading: bool
    size: float
    aside: bool = False
    level: int | None = None
    kind: ParagraphKind = "text"


_SENTENCE_END: Final = re.compile(r"[.!?][\"”’')\]»]*$")
_NOTE_START: Final = re.compile(r"[\[(]?(?:\d{1,3}|[*†‡§¶]{1,3})[\])]?[.)]?\s?(?=[^\W\d_]|[“\"‘(])")
_MAX_NOTE_SIZE: Final = 0.93  # of the size of body text
_LOOK_AHEAD: Final = 8  # paragraphs between the parts of an interrupted one: sidebars, tables, captions


def read_paragraphs(pages: Sequence[Page]) -> list[Paragraph]:
    """Read the paragraphs of a document in reading order; footnotes follow the text of their page.

    The structure tree of the file decides where it has most of a page's text; elsewhere, the layout does.
    """
    by_tree = {page.number for page in pages if is_tagged(page)}
    pages = [page if page.number in by_tree else place_tables(page) for page in pages]
    body = body_size(pages)
    bold_body = _is_mostly_bold(pages, body)
    groups: list[LineGroup] = []
    notes: list[LineGroup] = []
    for page in drop_running_headers(pages):
        if page.number in by_tree:
            for group in tagged_groups(page, body):
                (notes if group.kind == "note" else groups).append(group)
            continue
        parts = [(make_lines(part.rows), part.aside) for part in reading_order(page)]
        floor = max((line.y for lines, _ in parts for line in lines if line.size > _MAX_NOTE_SIZE * body), default=0.0)
        for lines, aside in parts:
            start = len(lines) if aside else _start_of_notes(lines, body, floor)
            groups += group_lines(lines[:start], page.number, body, aside=aside)
            notes += group_lines(lines[start:], page.number, body, starts_group=_begins_note)
    _find_headings(groups, body, bold_body)
    # A stable sort: text precedes the footnotes of its page.
    ordered = sorted([*_join_continuations(groups), *notes], key=lambda group: group.page)
    cells = [[[line.text for line in lines] for lines in group.cells or [group.lines]] for group in ordered]
    texts = [lines for found in cells for lines in found]
    words, hyphenated = count_whole_words(texts), hyphenates(texts)
    return [
        Paragraph(text, group.page, group.heading, group.lines[0].size, group.aside, group.level, _kind(group))
        for group, found in zip(ordered, cells, strict=True)
        if (text := BULLET.sub("", table_row(join_lines(lines, words, hyphenated) for lines in found)))
    ]


def body_size(pages: Iterable[Page]) -> float:
    """Return the type size of running text, in points: the main one of most pages, outside of ruled tables."""
    votes: Counter[float] = Counter()
    letters: Counter[float] = Counter()
    for page in pages:
        sizes: Counter[float] = Counter()
        for fragment in page.fragments:
            for word in fragment.words:
                sizes[word.size] += len(word.text)
        letters += sizes
        if sizes:
            votes[sizes.most_common(1)[0][0]] += 1
    return max(votes, key=lambda size: (votes[size], letters[size])) if votes else 0.0


def _find_headings(groups: list[LineGroup], body: float, bold_body: bool) -> None:
    """Mark headings and captions: those that the tree names, if it names any, else by layout."""
    named = sum(group.kind == "heading" for group in groups) > 1
    for group, following in zip_longest(groups, groups[1:]):
        if group.kind == "heading":
            group.heading = not is_sentence(group.text)
        elif not (named and group.kind):
            group.heading = is_heading(group, body, bold_body)
        group.caption = is_caption(group, following) or group.kind == "caption"
        group.heading |= group.caption


def _kind(group: LineGroup) -> ParagraphKind:
    return "caption" if group.caption else "header" if group.header else "row" if group.is_table else "text"


def _is_mostly_bold(pages: Iterable[Page], body: float) -> bool:
    bold = [word.bold for page in pages for word in page.words if word.size == body]
    return sum(bold) * 2 > len(bold)


# --------------------------------------------------------------------------------------------- notes


def _start_of_notes(lines: list[Line], body: float, floor: float) -> int:
    """Return the index of the first footnote line at the end of a column; the line count if there is none.

    Small print beside or above text, which reaches down to `floor`, is a sidebar or a caption.
    """
    at = len(lines)
    while at and lines[at - 1].size <= _MAX_NOTE_SIZE * body and lines[at - 1].cells == 1:
        at -= 1
    if at == len(lines) or not any(map(_begins_note, lines[at:])) or (at == 0 and lines[0].y <= floor):
        return len(lines)
    while at > 0 and not _begins_note(lines[at]) and lines[at].y - lines[at - 1].y < 1.6 * lines[at].size:
        at += 1  # the last lines of a caption or table above the notes
    return at


def _begins_note(line: Line) -> bool:
    return line.starts_with_note_mark or _NOTE_START.match(line.text) is not None


# --------------------------------------------------------------------------------------------- across columns and pages


def _join_continuations(groups: list[LineGroup]) -> list[LineGroup]:
    """Join paragraphs interrupted by column and page breaks."""
    whole = [group for group in groups if len(group.lines) > 1 and not group.heading and not group.is_entry]
    indented = sum(group.is_indented for group in whole) * 2 > len(whole)
    joined: list[LineGroup] = []
    taken: set[int] = set()
    for at, group in enumerate(groups):
        if at in taken:
            continue
        joined.append(group)
        position: int | None = at
        while position is not None and group.last:
            position = _find_continuation(groups, group, position, taken, indented)
            if position is not None:
                rest = groups[position]
                group.lines += rest.lines
                group.last_page, group.margin, group.last = rest.last_page, rest.margin, rest.last
                taken.add(position)
    return joined


def _find_continuation(
    groups: list[LineGroup], group: LineGroup, at: int, taken: set[int], indented: bool
) -> int | None:
    """Return the index of the continuation of `group` after index `at`, or None."""
    for found in range(at + 1, min(at + 1 + _LOOK_AHEAD, len(groups))):
        other = groups[found]
        if other.page > group.last_page + 1:
            return None
        fits = found not in taken and other.first and other.aside == group.aside
        if fits and _continues(group, other, found == at + 1, indented):
            return found
    return None


def _continues(group: LineGroup, other: LineGroup, beside: bool, indented: bool) -> bool:
    """Return whether `other` continues `group`: it begins in lower case, or after a full line.

    Where paragraphs are `indented`, one that is not continues the last even after a sentence end.
    """
    last, line = group.end, other.lines[0]
    if group.is_table or other.is_table or other.heading != group.heading or not same_size(line, last):
        return False
    full = group.room_for(line) < 0
    if group.heading:
        alike = line.bold == last.bold and line.text.isupper() == last.text.isupper()
        return beside and full and alike and not ENDED.search(last.text)
    if other.is_entry and not last.text.endswith("-"):
        return False
    if _SENTENCE_END.search(last.text):
        return beside and indented and full and len(other.lines) > 1 and not other.is_indented
    if line.text[:1].islower():
        return True
    return beside and not ENDED.search(last.text) and (full or last.text.endswith("-"))
