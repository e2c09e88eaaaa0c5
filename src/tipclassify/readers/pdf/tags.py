"""Read the structure tree of a tagged PDF, and group the words of a page by its blocks.

The tree is that of ISO 32000-1, 14.8.4.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ctypes import Array, c_ulong, c_ushort
from functools import partial
from itertools import pairwise
from types import ModuleType
from typing import TYPE_CHECKING, Final

from tipclassify.readers.pdf.groups import Group, group_lines, mark_ends
from tipclassify.readers.pdf.lines import (
    Page,
    Row,
    Tag,
    Word,
    cell_lines,
    group_rows,
    make_fragments,
    make_lines,
)

if TYPE_CHECKING:
    from pypdfium2 import PdfPage
    from pypdfium2.raw import FPDF_PAGEOBJECT, FPDF_STRUCTELEMENT

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


def read_tags(raw: ModuleType, page: PdfPage) -> dict[int, Tag]:
    """Return the tag of each marked-content id of a page.

    Empty if the page has no structure tree.
    """
    tags: dict[int, Tag] = {}
    block = 0  # number of the last one

    def visit(element: FPDF_STRUCTELEMENT, outer: Tag | None, depth: int) -> None:
        nonlocal block
        role = (c_ushort * _MAX_NAME)()
        size = raw.FPDF_StructElement_GetType(element, role, 2 * _MAX_NAME)
        tag = _tag_of_role(_decode(role, size), outer, block + 1)
        if tag is not None:
            block = max(block, tag.block)
        if depth == _MAX_DEPTH:
            return
        for at in range(raw.FPDF_StructElement_CountChildren(element)):
            content = raw.FPDF_StructElement_GetChildMarkedContentID(element, at)
            if content >= 0:
                if tag is not None and tag.kind != "row":
                    tags[content] = tag
                continue
            child = raw.FPDF_StructElement_GetChildAtIndex(element, at)
            if child:
                visit(child, tag, depth + 1)

    tree = raw.FPDF_StructTree_GetForPage(page.raw)
    try:
        count = raw.FPDF_StructTree_CountChildren(tree) if tree else 0
        for at in range(count):
            root = raw.FPDF_StructTree_GetChildAtIndex(tree, at)
            if root:
                visit(root, outer=None, depth=0)
    finally:
        raw.FPDF_StructTree_Close(tree)
    return tags


def _tag_of_role(role: str, outer: Tag | None, block: int) -> Tag | None:
    """Return the block with a number that an element such as "P" opens, or `outer`."""
    outer_kind = outer.kind if outer else ""
    if outer_kind == "cell":
        return outer  # whatever is in it is one cell
    if role == "TR":
        return Tag(block, "row", row=block)
    heading = _HEADING.fullmatch(role)
    if heading is not None:
        return Tag(block, "heading", int(heading[1]) if heading[1] else None)
    # The first paragraph of a list entry or note is a part of it, as its marker is.
    opened = outer is not None and outer_kind in ("text", "note") and outer.block == block - 1
    kind = _KINDS.get(role, "")
    if not kind or (opened and role in ("P", "LBody")):
        return None if role in ("L", "Table") else outer
    return Tag(
        block,
        kind="note" if outer_kind == "note" else kind,
        row=outer.row if outer else 0,
        header=role == "TH",
    )


def tag_of(raw: ModuleType, text_object: FPDF_PAGEOBJECT, tags: Mapping[int, Tag]) -> Tag | None:
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
        if _decode(name, size.value) == "Artifact":
            return _ARTIFACT
    return None


def _decode(name: Array[c_ushort], size: int) -> str:
    """Return a name of PDFium, whose size in bytes counts the zero at its end."""
    return bytes(name)[: max(0, size - 2)].decode("utf-16-le", "replace")


def has_usable_tree(page: Page) -> bool:
    """Return whether the structure tree decides.

    It has most of the page's text, in blocks as long as paragraphs.
    """
    blocks = _words_by_block(page.words)
    all_letters = sum(len(word.text) for word in page.words if word.tag != _ARTIFACT)
    block_letters = sum(len(word.text) for words in blocks.values() for word in words)
    if block_letters < _MIN_SHARE * all_letters:
        return False
    line_counts = [len({word.y for word in words}) for words in blocks.values()]
    return 0 < max(line_counts, default=0) <= _MAX_LINES


def _words_by_block(words: Iterable[Word]) -> dict[Tag, list[Word]]:
    """Group words by their block; those outside of all blocks are left out."""
    blocks: dict[Tag, list[Word]] = defaultdict(list)
    for word in words:
        if word.tag is not None and word.tag != _ARTIFACT:
            blocks[word.tag].append(word)
    return blocks


def groups_of_tree(page: Page, body: float) -> list[Group]:
    """Return the groups of a tagged page in the order of the tree.

    Other text follows what is before it in the file.
    """
    placed = [*_block_groups(page), *_loose_groups(page, body)]
    placed.sort(key=lambda place_and_group: place_and_group[0])
    return mark_ends([group for _, group in placed])


def _block_groups(page: Page) -> Iterator[tuple[float, Group]]:
    """Yield a group for each block and each table row of the tree, after its number."""
    rows: dict[int, Group] = {}
    blocks = _words_by_block(word for fragment in page.fragments for word in fragment.words)
    for tag, words in sorted(blocks.items()):
        lines = cell_lines(_rows_in_file_order(words))
        if not lines:
            continue
        margin = max(line.x1 for line in lines)
        make_group = partial(Group, page=page.number, margin=margin, kind=tag.kind, level=tag.level)
        if tag.row:
            row = rows.get(tag.row)
            if row is None:
                row = make_group(lines)
                rows[tag.row] = row
                yield tag.row, row
            # a row is a header if all of its cells are
            row.kind = "header" if tag.header and row.kind != "row" else "row"
            row.cells.append([line.text for line in lines])
        elif tag.kind in ("text", "note"):
            # some trees have all notes of a page in one block
            starts = [at for at in range(1, len(lines)) if lines[at].begins_raised]
            for start, end in pairwise([0, *starts, len(lines)]):
                yield tag.block, make_group(lines[start:end])
        else:
            yield tag.block, make_group(lines)


def _loose_groups(page: Page, body: float) -> Iterator[tuple[float, Group]]:
    """Yield the groups of the text outside of the tree, each after the block before it."""
    loose = [f for f in page.fragments if all(word.tag is None for word in f.words)]
    for group in group_lines(make_lines(group_rows(loose)), page.number, body):
        # the baselines of a row's fragments may differ
        y = group.lines[0].y
        order = next((f.order for f in loose if f.y == y), loose[-1].order)
        before = [f for f in page.fragments if f.order < order]
        tags = _words_by_block(word for fragment in before for word in fragment.words)
        yield max((tag.row or tag.block for tag in tags), default=0) + 0.5, group


def _rows_in_file_order(words: Sequence[Word]) -> list[Row]:
    """Group words into rows in file order: a block may go on in the next column."""
    rows: list[Row] = []
    for fragment in make_fragments(words):
        if rows:
            last = rows[-1][-1]
            is_right = fragment.x0 > last.x0
            if is_right and abs(fragment.y - last.y) < _SAME_LINE * last.size:
                rows[-1].append(fragment)
                continue
        rows.append([fragment])
    return rows
