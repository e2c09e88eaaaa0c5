"""Read the structure tree of a tagged PDF, and group the words of a page by its blocks.

The tree is that of ISO 32000-1, 14.8.4.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ctypes import Array, c_ulong, c_ushort
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Final

from tipclassify.readers.pdf.layout.grouping import LineGroup, group_pdf_lines, mark_ends_of_column
from tipclassify.readers.pdf.layout.lines import PdfLine, make_lines_of_pdf_cell, make_pdf_lines
from tipclassify.readers.pdf.layout.pages import (
    PageLayout,
    PdfFragment,
    PdfTag,
    PdfWord,
    Row,
    group_pdf_rows,
    make_pdf_fragments,
)

if TYPE_CHECKING:
    from pypdfium2 import PdfPage
    from pypdfium2.raw import FPDF_PAGEOBJECT, FPDF_STRUCTELEMENT

__all__ = [
    "has_usable_structure_tree",
    "line_groups_by_structure_tree",
    "pdf_tag_of",
    "read_pdf_tags",
]

# page numbers and other text that the file declares no part of the report
_ARTIFACT: Final = PdfTag(0, "artifact")
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


def read_pdf_tags(raw: ModuleType, page: PdfPage) -> dict[int, PdfTag]:
    """Return the tag of each marked-content id of a page.

    Empty if the page has no structure tree.
    """
    walk = _StructureTreeWalk(raw)
    tree = raw.FPDF_StructTree_GetForPage(page.raw)
    try:
        count = raw.FPDF_StructTree_CountChildren(tree) if tree else 0
        for at in range(count):
            root = raw.FPDF_StructTree_GetChildAtIndex(tree, at)
            if root:
                walk.visit(root, outer=None, depth=0)
    finally:
        raw.FPDF_StructTree_Close(tree)
    return walk.tags


class _StructureTreeWalk:
    """Collect the tags of a page's text from its structure tree, and number its blocks."""

    def __init__(self, raw: ModuleType) -> None:
        self.tags: dict[int, PdfTag] = {}  # by marked-content id
        self._raw = raw
        self._block_count = 0

    def visit(self, element: FPDF_STRUCTELEMENT, outer: PdfTag | None, depth: int) -> None:
        """Visit an element and those in it; `outer` is the block that it is in."""
        raw = self._raw
        tag = _tag_of_element(self._role(element), outer, self._block_count + 1)
        if tag is not None:
            self._block_count = max(self._block_count, tag.block)
        if depth == _MAX_DEPTH:
            return
        for at in range(raw.FPDF_StructElement_CountChildren(element)):
            content = raw.FPDF_StructElement_GetChildMarkedContentID(element, at)
            if content >= 0:
                if tag is not None and tag.kind != "row":
                    self.tags[content] = tag
                continue
            child = raw.FPDF_StructElement_GetChildAtIndex(element, at)
            if child:
                self.visit(child, tag, depth + 1)

    def _role(self, element: FPDF_STRUCTELEMENT) -> str:
        """Return the type of an element, such as "P"."""
        role = (c_ushort * _MAX_NAME)()
        size = self._raw.FPDF_StructElement_GetType(element, role, 2 * _MAX_NAME)
        return _decode_pdfium_name(role, size)


def _tag_of_element(role: str, outer: PdfTag | None, block: int) -> PdfTag | None:
    """Return the block with a number that an element opens, or `outer`."""
    outer_kind = outer.kind if outer else ""
    if outer_kind == "cell":
        return outer  # whatever is in it is one cell
    if role == "TR":
        return PdfTag(block, "row", row=block)
    heading = _HEADING.fullmatch(role)
    if heading is not None:
        level = int(heading[1]) if heading[1] else None
        return PdfTag(block, "heading", level)
    # The first paragraph of a list entry or note is a part of it, as its marker is.
    opened = outer is not None and outer_kind in ("text", "note") and outer.block == block - 1
    kind = _KINDS.get(role, "")
    if not kind or (opened and role in ("P", "LBody")):
        return None if role in ("L", "Table") else outer
    return PdfTag(
        block,
        kind="note" if outer_kind == "note" else kind,
        row=outer.row if outer else 0,
        header=role == "TH",
    )


def pdf_tag_of(
    raw: ModuleType, text_object: FPDF_PAGEOBJECT, tags: Mapping[int, PdfTag]
) -> PdfTag | None:
    """Return the tag of a text object of a page with `tags`."""
    content = raw.FPDFPageObj_GetMarkedContentID(text_object)
    if content >= 0:
        return tags.get(content)
    name = (c_ushort * _MAX_NAME)()
    size = c_ulong()
    for at in range(raw.FPDFPageObj_CountMarks(text_object)):
        mark = raw.FPDFPageObj_GetMark(text_object, at)
        if not mark or not raw.FPDFPageObjMark_GetName(mark, name, 2 * _MAX_NAME, size):
            continue
        if _decode_pdfium_name(name, size.value) == "Artifact":
            return _ARTIFACT
    return None


def _decode_pdfium_name(name: Array[c_ushort], size: int) -> str:
    """Return a name of PDFium, whose size in bytes counts the zero at its end."""
    return bytes(name)[: max(0, size - 2)].decode("utf-16-le", "replace")


def has_usable_structure_tree(page: PageLayout) -> bool:
    """Return whether the structure tree decides.

    It has most of the page's text, in blocks as long as paragraphs.
    """
    blocks = _words_by_pdf_block(page.words)
    all_letters = sum(len(word.text) for word in page.words if word.tag != _ARTIFACT)
    block_letters = sum(len(word.text) for words in blocks.values() for word in words)
    line_counts = [len({word.y for word in words}) for words in blocks.values()]
    if block_letters < _MIN_SHARE * all_letters:
        return False
    return 0 < max(line_counts, default=0) <= _MAX_LINES


def _words_by_pdf_block(words: Iterable[PdfWord]) -> dict[PdfTag, list[PdfWord]]:
    """Group words by their block; those outside of all blocks are left out."""
    blocks: dict[PdfTag, list[PdfWord]] = defaultdict(list)
    for word in words:
        if word.tag is not None and word.tag != _ARTIFACT:
            blocks[word.tag].append(word)
    return blocks


@dataclass(frozen=True, slots=True)
class _PlacedLineGroup:
    """Hold a group, and its place in the order of the tree."""

    place: float  # number of its block or table row; text outside of the tree is between two
    group: LineGroup


def line_groups_by_structure_tree(page: PageLayout, body: float) -> list[LineGroup]:
    """Return the groups of a tagged page in the order of the tree.

    Other text follows what is before it in the file.
    """
    placed = [*_line_groups_of_pdf_blocks(page), *_line_groups_outside_tree(page, body)]
    placed.sort(key=lambda placed_group: placed_group.place)
    return mark_ends_of_column([placed_group.group for placed_group in placed])


def _line_groups_of_pdf_blocks(page: PageLayout) -> Iterator[_PlacedLineGroup]:
    """Yield a group for each block and each table row of the tree."""
    rows: dict[int, LineGroup] = {}
    blocks = _words_by_pdf_block(word for fragment in page.fragments for word in fragment.words)
    for tag, words in sorted(blocks.items()):
        lines = make_lines_of_pdf_cell(_group_pdf_words_by_row(words))
        if not lines:
            continue
        if tag.row:
            row = rows.get(tag.row)
            if row is None:
                row = _line_group_of_pdf_tag(tag, lines, page.number)
                rows[tag.row] = row
                yield _PlacedLineGroup(tag.row, row)
            # a row is a header if all of its cells are
            row.kind = "header" if tag.header and row.kind != "row" else "row"
            row.cells.append([line.text for line in lines])
        elif tag.kind in ("text", "note"):
            group = _line_group_of_pdf_tag(tag, lines, page.number)
            for part in _split_off_pdf_notes(lines):
                yield _PlacedLineGroup(tag.block, replace(group, lines=part))
        else:
            yield _PlacedLineGroup(tag.block, _line_group_of_pdf_tag(tag, lines, page.number))


def _line_group_of_pdf_tag(tag: PdfTag, lines: list[PdfLine], page: int) -> LineGroup:
    margin = max(line.x1 for line in lines)
    return LineGroup(lines, page, margin, kind=tag.kind, level=tag.level)


def _line_groups_outside_tree(page: PageLayout, body: float) -> Iterator[_PlacedLineGroup]:
    """Yield the groups of the text outside of the tree, each after the block before it."""
    loose = [f for f in page.fragments if all(word.tag is None for word in f.words)]
    for group in group_pdf_lines(make_pdf_lines(group_pdf_rows(loose)), page.number, body):
        order = _order_of_line_group(group, loose)
        before: list[int] = []
        for fragment in page.fragments:
            if fragment.order < order:
                before += [tag.row or tag.block for tag in _words_by_pdf_block(fragment.words)]
        yield _PlacedLineGroup(max(before, default=0) + 0.5, group)


def _order_of_line_group(group: LineGroup, fragments: Sequence[PdfFragment]) -> int:
    """Return the index in the file of a group's first line, which is among fragments."""
    for fragment in fragments:
        if fragment.y == group.lines[0].y:
            return fragment.order
    return fragments[-1].order  # the baselines of a row's fragments may differ


def _split_off_pdf_notes(lines: Sequence[PdfLine]) -> list[list[PdfLine]]:
    """Split a block before each note that begins with a raised mark.

    Some trees have all notes of a page in one.
    """
    parts: list[list[PdfLine]] = []
    for line in lines:
        if line.begins_raised or not parts:
            parts.append([])
        parts[-1].append(line)
    return parts


def _group_pdf_words_by_row(words: Sequence[PdfWord]) -> list[Row]:
    """Group words into rows in file order: a block may go on in the next column."""
    rows: list[Row] = []
    for fragment in make_pdf_fragments(words):
        if rows and _is_right_of_fragment(rows[-1][-1], fragment):
            rows[-1].append(fragment)
        else:
            rows.append([fragment])
    return rows


def _is_right_of_fragment(last: PdfFragment, fragment: PdfFragment) -> bool:
    return fragment.x0 > last.x0 and abs(fragment.y - last.y) < _SAME_LINE * last.size
