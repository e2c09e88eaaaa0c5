"""Read the structure tree of a tagged PDF: which marked content is a paragraph, heading, list entry, cell or note.

PDFium gives the tree of a page with standard roles (ISO 32000-1, 14.8.4); custom ones are mapped by the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ctypes import c_ulong, c_ushort, create_string_buffer
from typing import Any, Final, NamedTuple

__all__ = ["ARTIFACT", "UNTAGGED", "Tag", "content_id", "read_tags"]

UNTAGGED: Final = -1
"""Content id of text outside the tree."""

ARTIFACT: Final = -2
"""Content id of running headers, page numbers and other text that the file declares no part of the report."""

_MAX_DEPTH: Final = 60
_MAX_NAME: Final = 200  # bytes
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
    tree = raw.FPDF_StructTree_GetForPage(page.raw)
    if not tree:
        return {}
    walk = _Walk(raw)
    try:
        for at in range(raw.FPDF_StructTree_CountChildren(tree)):
            walk.visit(raw.FPDF_StructTree_GetChildAtIndex(tree, at), None, 0)
    finally:
        raw.FPDF_StructTree_Close(tree)
    return walk.tags


def content_id(raw: Any, text_object: Any) -> int:
    """Return the marked-content id of a text object, `ARTIFACT` or `UNTAGGED`."""
    found: int = raw.FPDFPageObj_GetMarkedContentID(text_object)
    return ARTIFACT if found < 0 and "Artifact" in _mark_names(raw, text_object) else max(found, UNTAGGED)


def _mark_names(raw: Any, text_object: Any) -> Iterator[str]:
    name, size = (c_ushort * _MAX_NAME)(), c_ulong()
    for at in range(raw.FPDFPageObj_CountMarks(text_object)):
        mark = raw.FPDFPageObj_GetMark(text_object, at)
        if mark and raw.FPDFPageObjMark_GetName(mark, name, 2 * _MAX_NAME, size):
            yield bytes(name)[: max(0, size.value - 2)].decode("utf-16-le", "replace")


class _Walk:
    """Number the blocks of a tree and collect their marked content."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._count = 0
        self.tags: dict[int, Tag] = {}

    def visit(self, element: Any, outer: Tag | None, depth: int) -> None:
        """Collect the content of an element, whose nearest block is `outer`."""
        if not element or depth > _MAX_DEPTH:
            return
        tag = self._tag(self._role(element), outer)
        for at in range(self._raw.FPDF_StructElement_CountChildren(element)):
            content = self._raw.FPDF_StructElement_GetChildMarkedContentID(element, at)
            if content < 0:
                self.visit(self._raw.FPDF_StructElement_GetChildAtIndex(element, at), tag, depth + 1)
            elif tag is not None and tag.kind != "row":
                self.tags[content] = tag

    def _tag(self, role: str, outer: Tag | None) -> Tag | None:
        """Return the block that an element opens, or `outer`."""
        if outer is not None and outer.kind == "cell":
            return outer  # whatever is in it is one cell
        heading, kind = _HEADING.fullmatch(role), _KINDS.get(role)
        if role == "TR":
            self._count += 1
            return Tag(self._count, "row", row=self._count)
        if heading is None and (kind is None or (role in ("P", "LBody") and self._is_new_entry(outer))):
            return None if role in ("L", "Table") else outer
        self._count += 1
        if heading is not None:
            return Tag(self._count, "heading", int(heading[1] or 0) or None)
        row = outer.row if outer is not None else 0
        inside_note = outer is not None and outer.kind == "note"
        return Tag(self._count, "note" if inside_note else kind or "text", row=row, header=role == "TH")

    def _is_new_entry(self, outer: Tag | None) -> bool:
        """Return whether `outer` is a list entry or note whose first paragraph this is: its marker belongs to it."""
        return outer is not None and outer.kind in ("text", "note") and outer.block == self._count

    def _role(self, element: Any) -> str:
        name = create_string_buffer(_MAX_NAME)
        size = self._raw.FPDF_StructElement_GetType(element, name, _MAX_NAME)
        return name.raw[: max(0, size - 2)].decode("utf-16-le", "replace")
