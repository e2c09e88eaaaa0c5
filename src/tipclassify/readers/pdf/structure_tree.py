"""Read the structure tree of a tagged PDF (ISO 32000-1, 14.8.4).

The words of a page are grouped by its blocks.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from ctypes import c_ulong, c_ushort
from dataclasses import replace
from typing import Any, Final

from tipclassify.readers.pdf.layout.grouping import LineGroup, group_lines, mark_ends
from tipclassify.readers.pdf.layout.lines import Line, cell_lines, make_lines
from tipclassify.readers.pdf.layout.pages import Page, Row, Tag, Word, group_rows, make_fragments

__all__ = ["is_tagged", "read_tags", "tag_of", "tagged_groups"]

# page numbers and other text that the file declares no part of the report
_ARTIFACT: Final = Tag(0, "artifact")
_MAX_DEPTH: Final = 60
_MAX_NAME: Final = 100  # letters
_HEADING: Final = re.compile(r"H([1-6]?)|Title")
_KINDS: Final = {
    **dict.fromkeys(["P", "BlockQuote", "BibEntry", "Formula", "LI", "TOCI", "LBody"], "text"),
    **dict.fromkeys(["TD", "TH"], "cell"),
    **dict.fromkeys(["Note", "FENote"], "note"),
    "Caption": "caption",
}
_MIN_SHARE: Final = 0.8  # of a page's letters in blocks of the tree
_MAX_LINES: Final = 80  # of a paragraph; a tree with a longer one is of no use
_SAME_LINE: Final = 0.75  # em between baselines, for raised marks


def read_tags(raw: Any, page: Any) -> dict[int, Tag]:
    """Return the tag of each marked-content id of a page.

    Empty if the page has no structure tree.
    """
    tags: dict[int, Tag] = {}
    count = 0  # blocks so far

    def visit(element: Any, outer: Tag | None, depth: int) -> None:
        nonlocal count
        role = (c_ushort * _MAX_NAME)()
        tag = _tag(
            _decoded(role, raw.FPDF_StructElement_GetType(element, role, 2 * _MAX_NAME)),
            outer,
            count + 1,
        )
        count = max(count, tag.block if tag else 0)
        for at in range(raw.FPDF_StructElement_CountChildren(element) if depth < _MAX_DEPTH else 0):
            content = raw.FPDF_StructElement_GetChildMarkedContentID(element, at)
            child = raw.FPDF_StructElement_GetChildAtIndex(element, at)
            if content < 0 and child:
                visit(child, tag, depth + 1)
            elif content >= 0 and tag is not None and tag.kind != "row":
                tags[content] = tag

    tree = raw.FPDF_StructTree_GetForPage(page.raw)
    try:
        for at in range(raw.FPDF_StructTree_CountChildren(tree) if tree else 0):
            if root := raw.FPDF_StructTree_GetChildAtIndex(tree, at):
                visit(root, None, 0)
    finally:
        raw.FPDF_StructTree_Close(tree)
    return tags


def _tag(role: str, outer: Tag | None, block: int) -> Tag | None:
    """Return the block with a number that an element opens, or `outer`."""
    around, heading, kind = (
        outer.kind if outer else "",
        _HEADING.fullmatch(role),
        _KINDS.get(role, ""),
    )
    if around == "cell":
        return outer  # whatever is in it is one cell
    if role == "TR":
        return Tag(block, "row", row=block)
    if heading is not None:
        return Tag(block, "heading", int(heading[1] or 0) or None)
    # The first paragraph of a list entry or note is a part of it, as its marker is.
    opened = outer is not None and around in ("text", "note") and outer.block == block - 1
    if not kind or (opened and role in ("P", "LBody")):
        return None if role in ("L", "Table") else outer
    return Tag(
        block,
        "note" if around == "note" else kind,
        row=outer.row if outer else 0,
        header=role == "TH",
    )


def tag_of(raw: Any, text_object: Any, tags: Mapping[int, Tag]) -> Tag | None:
    """Return the tag of a text object of a page with `tags`."""
    content = raw.FPDFPageObj_GetMarkedContentID(text_object)
    if content >= 0:
        return tags.get(content)
    name, size = (c_ushort * _MAX_NAME)(), c_ulong()
    for at in range(raw.FPDFPageObj_CountMarks(text_object)):
        mark = raw.FPDFPageObj_GetMark(text_object, at)
        named = mark and raw.FPDFPageObjMark_GetName(mark, name, 2 * _MAX_NAME, size)
        if named and _decoded(name, size.value) == "Artifact":
            return _ARTIFACT
    return None


def _decoded(name: Any, size: int) -> str:
    return bytes(name)[: max(0, size - 2)].decode("utf-16-le", "replace")


def is_tagged(page: Page) -> bool:
    """Return whether the structure tree decides.

    It has most of the page's text, in blocks as long as paragraphs.
    """
    blocks = _blocks(page.words)
    total = sum(len(word.text) for word in page.words if word.tag != _ARTIFACT)
    inside = sum(len(word.text) for words in blocks.values() for word in words)
    lines = [len({word.y for word in words}) for words in blocks.values()]
    return inside >= _MIN_SHARE * total and 0 < max(lines, default=0) <= _MAX_LINES


def _blocks(words: Iterable[Word]) -> dict[Tag, list[Word]]:
    blocks: dict[Tag, list[Word]] = defaultdict(list)
    for word in words:
        if word.tag is not None and word.tag != _ARTIFACT:
            blocks[word.tag].append(word)
    return blocks


def tagged_groups(page: Page, body: float) -> list[LineGroup]:
    """Return the groups of a tagged page in the order of the tree.

    Other text follows what is before it in the file.
    """
    placed: list[tuple[float, LineGroup]] = []
    rows: dict[int, LineGroup] = {}
    for tag, words in sorted(_blocks(word for f in page.fragments for word in f.words).items()):
        lines = cell_lines(_rows(words))
        if not lines:
            continue
        group = rows.get(tag.row)
        if group is None:
            group = LineGroup(
                lines, page.number, max(line.x1 for line in lines), kind=tag.kind, level=tag.level
            )
            placed.append((tag.row or tag.block, group))
        if tag.row:
            rows[tag.row] = group
            group.kind = "header" if tag.header and group.kind != "row" else "row"
            group.cells.append([line.text for line in lines])
        elif tag.kind in ("text", "note"):
            placed[-1:] = [(tag.block, replace(group, lines=part)) for part in _split_notes(lines)]
    loose = [f for f in page.fragments if all(word.tag is None for word in f.words)]
    for group in group_lines(make_lines(group_rows(loose)), page.number, body):
        at = next(f.order for f in loose if f.y == group.lines[0].y or f is loose[-1])
        before = _blocks(word for f in page.fragments if f.order < at for word in f.words)
        placed.append((max((tag.row or tag.block for tag in before), default=0) + 0.5, group))
    return mark_ends([group for _, group in sorted(placed, key=lambda pair: pair[0])])


def _split_notes(lines: Sequence[Line]) -> list[list[Line]]:
    """Split a block before each note that begins with a raised mark.

    Some trees have all notes of a page in one.
    """
    parts = [list(lines[:1])]
    for line in lines[1:]:
        if line.begins_raised:
            parts.append([])
        parts[-1].append(line)
    return parts


def _rows(words: Sequence[Word]) -> list[Row]:
    """Group words into rows in file order: a block may go on in the next column."""
    rows: list[Row] = []
    for fragment in make_fragments(words):
        last = rows[-1][-1] if rows else None
        if (
            last is not None
            and fragment.x0 > last.x0
            and abs(fragment.y - last.y) < _SAME_LINE * last.size
        ):
            rows[-1].append(fragment)
        else:
            rows.append([fragment])
    return rows
