"""Group the words of a page by the blocks of its structure tree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from tipclassify.readers.pdf.layout.grouping import LineGroup, group_lines
from tipclassify.readers.pdf.layout.lines import cell_lines, make_lines
from tipclassify.readers.pdf.layout.pages import Page, Row, Word, group_rows, make_fragments
from tipclassify.readers.pdf.tags import ARTIFACT, Tag

__all__ = ["is_tagged", "tagged_groups"]

_MIN_SHARE: Final = 0.8  # of a page's letters in blocks of the tree
_MAX_LINES: Final = 80  # of a paragraph; a tree with a longer one is of no use
_SAME_LINE: Final = 0.75  # em between baselines, for raised marks


def is_tagged(page: Page) -> bool:
    """Return whether the structure tree decides: it has most of the page's text, in blocks as long as paragraphs."""
    blocks = _blocks(page.words, page) if page.tags else {}
    total = sum(len(word.text) for word in page.words if word.content != ARTIFACT)
    inside = sum(len(word.text) for words in blocks.values() for word in words)
    lines = [len({word.y for word in words}) for words in blocks.values()]
    return inside >= _MIN_SHARE * total and 0 < max(lines, default=0) <= _MAX_LINES


def _blocks(words: Iterable[Word], page: Page) -> dict[Tag, list[Word]]:
    blocks: dict[Tag, list[Word]] = defaultdict(list)
    for word in words:
        if word.content in page.tags:
            blocks[page.tags[word.content]].append(word)
    return blocks


def tagged_groups(page: Page, body: float) -> list[LineGroup]:
    """Return the paragraphs, headings, notes and table rows of a tagged page in the order of the tree.

    Text outside the tree is grouped by layout, and follows the text before it in the file.
    """
    placed: list[tuple[float, LineGroup]] = []
    rows: dict[int, LineGroup] = {}
    for tag, words in sorted(_blocks((word for f in page.fragments for word in f.words), page).items()):
        lines = cell_lines(_rows(words))
        if lines and tag.row in rows:
            row = rows[tag.row]
            row.cells.append([line.text for line in lines])
            row.kind = row.kind if tag.header else "row"
        elif lines:
            group = LineGroup(lines, page.number, max(line.x1 for line in lines), kind=tag.kind, level=tag.level)
            if tag.row:
                group.kind, group.cells = "header" if tag.header else "row", [[line.text for line in lines]]
                rows[tag.row] = group
            placed.append((tag.row or tag.block, group))
    loose = [f for f in page.fragments if all(w.content not in page.tags and w.content != ARTIFACT for w in f.words)]
    for group in group_lines(make_lines(group_rows(loose)), page.number, body):
        at = next(f.order for f in loose if f.y == group.lines[0].y or f is loose[-1])
        before = _blocks((word for f in page.fragments if f.order < at for word in f.words), page)
        placed.append((max((tag.row or tag.block for tag in before), default=0) + 0.5, group))
    groups = [group for _, group in sorted(placed, key=lambda pair: pair[0])]
    text = [group for group in groups if not group.is_table and group.kind != "note"]
    for group in text:
        group.first, group.last = group is text[0], group is text[-1]
    return groups


def _rows(words: Sequence[Word]) -> list[Row]:
    """Group words into rows in file order: a block may go on in the next column."""
    rows: list[Row] = []
    for fragment in make_fragments(words):
        last = rows[-1][-1] if rows else None
        if last is not None and fragment.x0 > last.x0 and abs(fragment.y - last.y) < _SAME_LINE * last.size:
            rows[-1].append(fragment)
        else:
            rows.append([fragment])
    return rows
