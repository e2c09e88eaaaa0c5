"""Group the words of a page by the blocks of its structure tree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from tipclassify.readers.pdf.layout.grouping import LineGroup, group_lines
from tipclassify.readers.pdf.layout.lines import Line, cell_lines, make_lines
from tipclassify.readers.pdf.layout.pages import Page, Row, Word, group_rows, make_fragments
from tipclassify.readers.pdf.tags import ARTIFACT, Tag

__all__ = ["is_tagged", "tagged_groups"]

_MIN_SHARE: Final = 0.8  # of a page's letters in blocks of the tree
_MAX_LINES: Final = 80  # of a paragraph; a tree with a longer one is of no use
_SAME_LINE: Final = 0.75  # em between baselines, for raised marks


def is_tagged(page: Page) -> bool:
    """Return whether the structure tree decides: it has most of the page's text, in blocks as long as paragraphs."""
    if not page.tags:
        return False
    inside = total = 0
    heights: dict[int, set[float]] = defaultdict(set)
    for word in page.words:
        if word.content != ARTIFACT:
            total += len(word.text)
            tag = page.tags.get(word.content)
            if tag is not None:
                inside += len(word.text)
                heights[tag.block].add(word.y)
    return inside > 0 and inside >= _MIN_SHARE * total and max(map(len, heights.values())) <= _MAX_LINES


def tagged_groups(page: Page, body: float) -> list[LineGroup]:
    """Return the paragraphs, headings, notes and table rows of a tagged page in the order of the tree.

    Text outside the tree is grouped by layout, and follows the text before it in the file.
    """
    blocks: dict[Tag, list[Word]] = defaultdict(list)
    loose = []
    ends: dict[int, int] = {}  # index of the last fragment by block
    for fragment in page.fragments:
        rest = [word for word in fragment.words if word.content not in page.tags and word.content != ARTIFACT]
        if len(rest) == len(fragment.words):
            loose.append(fragment)
        for word in fragment.words:
            if word.content in page.tags:
                tag = page.tags[word.content]
                blocks[tag].append(word)
                ends[tag.row or tag.block] = fragment.order
    placed: list[tuple[float, LineGroup]] = []
    rows: dict[int, list[tuple[Tag, list[Line]]]] = defaultdict(list)
    for tag in sorted(blocks):
        lines = cell_lines(_rows(blocks[tag]))
        if lines and tag.row:
            rows[tag.row].append((tag, lines))
        elif lines:
            margin = max(line.x1 for line in lines)
            group = LineGroup(lines, page.number, page.number, margin, False, False, kind=tag.kind, level=tag.level)
            placed.append((tag.block, group))
    for row, cells in rows.items():
        header = all(tag.header for tag, _ in cells)
        texts = [lines for _, lines in cells]
        group = LineGroup(texts[0], page.number, page.number, 0.0, False, False, header=header, cells=texts)
        placed.append((row, group))
    for group in group_lines(make_lines(group_rows(loose)), page.number, body) if loose else ():
        at = next(f.order for f in loose if f.y == group.lines[0].y or f is loose[-1])
        placed.append((max((block for block, end in ends.items() if end < at), default=0) + 0.5, group))
    groups = [group for _, group in sorted(placed, key=lambda pair: pair[0])]
    text = [group for group in groups if not group.is_table and group.kind != "note"]
    for group in text:
        group.first, group.last = group is text[0], group is text[-1]
    return groups


def _rows(words: Iterable[Word]) -> list[Row]:
    """Group words into rows in file order: a block may go on in the next column."""
    rows: list[Row] = []
    for fragment in make_fragments(list(words)):
        last = rows[-1][-1] if rows else None
        if last is not None and fragment.x0 > last.x0 and abs(fragment.y - last.y) < _SAME_LINE * last.size:
            rows[-1].append(fragment)
        else:
            rows.append([fragment])
    return rows
