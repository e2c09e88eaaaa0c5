"""Read the structure tree of a tagged PDF: which marked content is a paragraph, heading, list entry, cell or note.

PDFium gives the tree of a page with standard roles (ISO 32000-1, 14.8.4); custom ones are mapped by the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ctypes import c_ulong, c_ushort
from typing import Any, Final, NamedTuple

__all__ = ["ARTIFACT", "UNTAGGED", "Tag", "content_id", "read_tags"]

UNTAGGED: Final = -1  # content id of text outside the tree
ARTIFACT: Final = -2
"""Content id of running headers, page numbers and other text that the file declares no part of the report."""

_MAX_DEPTH: Final = 60
_MAX_NAME: Final = 100  # letters
_HEADING: Final = re.compile(r"H([1-6]?)|Title")
_KINDS: Final = {
    **dict.fromkeys(["P", "BlockQuote", "BibEntry", "Formula", "LI", "TOCI", "LBody"], "text"),
    **dict.fromkeys(["TD", "TH"], "cell"),
    **dict.fromkeys(["Note", "FENote"], "note"),
    "Caption": "caption",
}


class Tag(NamedTuple):
    """Hold the innermost block of the tree around a piece of text; blocks and rows are numbered in reading order.

    `kind` is "text", "heading", "caption", "cell" or "note"; `row` is 0 outside of tables.
    """

    block: int
    kind: str
    level: int | None = None
    row: int = 0
    header: bool = False


def read_tags(raw: Any, page: Any) -> dict[int, Tag]:
    """Return the tag of each marked-content id of a page; empty if the page has no structure tree."""
    tags: dict[int, Tag] = {}
    count = 0  # blocks so far

    def visit(element: Any, outer: Tag | None, depth: int) -> None:
        """Collect the content of an element, whose nearest block is `outer`."""
        nonlocal count
        role = (c_ushort * _MAX_NAME)()
        tag = _tag(_decoded(role, raw.FPDF_StructElement_GetType(element, role, 2 * _MAX_NAME)), outer, count + 1)
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
    around, heading, kind = outer.kind if outer else "", _HEADING.fullmatch(role), _KINDS.get(role, "")
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
    return Tag(block, "note" if around == "note" else kind, row=outer.row if outer else 0, header=role == "TH")


def content_id(raw: Any, text_object: Any) -> int:
    """Return the marked-content id of a text object, `ARTIFACT` or `UNTAGGED`."""
    found: int = raw.FPDFPageObj_GetMarkedContentID(text_object)
    return ARTIFACT if found < 0 and "Artifact" in _mark_names(raw, text_object) else max(found, UNTAGGED)


def _mark_names(raw: Any, text_object: Any) -> Iterator[str]:
    name, size = (c_ushort * _MAX_NAME)(), c_ulong()
    for at in range(raw.FPDFPageObj_CountMarks(text_object)):
        mark = raw.FPDFPageObj_GetMark(text_object, at)
        if mark and raw.FPDFPageObjMark_GetName(mark, name, 2 * _MAX_NAME, size):
            yield _decoded(name, size.value)


def _decoded(name: Any, size: int) -> str:
    return bytes(name)[: max(0, size - 2)].decode("utf-16-le", "replace")
