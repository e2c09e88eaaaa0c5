"""A Word file (.docx) in, `Document` out: paragraphs, tables and text boxes in reading order, notes at the end.

The file is read as its reader sees it: with what was inserted under tracked changes, without what was deleted; without
headers, footers, comments, hidden text and tables of contents. It has no pages: Word makes them anew on every screen.
Converters to HTML or Markdown (pandoc, mammoth, kreuzberg) each show some of what is deleted or hidden, or lose notes,
text boxes or the levels of headings, so the XML that python-docx opens is read here.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from tipclassify.errors import InputError, MissingExtraError
from tipclassify.readers.limits import open_zip
from tipclassify.readers.pieces import Piece, could_be_heading, document_of, table_row
from tipclassify.text.document import Document

if TYPE_CHECKING:
    from docx.document import Document as WordDocument

__all__ = ["read_docx"]

_NAMESPACES: Final = {
    "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
}
_W: Final = f"{{{_NAMESPACES['w']}}}"
_PARAGRAPH: Final = f"{_W}p"
_TABLE: Final = f"{_W}tbl"
_RUN_TEXT: Final = f"{_W}t"
_TEXT_BOX: Final = f"{_W}txbxContent"
_SIGNS: Final = {f"{_W}{name}": " " for name in ("tab", "br", "cr", "ptab")} | {f"{_W}noBreakHyphen": "-"}
_OFF: Final = ("0", "false", "off", "none")
_DELETED_ENDS: Final = ("w:pPr/w:rPr/w:del", "w:pPr/w:rPr/w:moveFrom")
# Deleted and moved text, all but the first of several forms of one thing, contents, merged cells, readings, hidden text.
_UNSEEN: Final = f"""
    .//w:del[not(parent::w:rPr)] | .//w:moveFrom[not(parent::w:rPr)] | .//w:tr[w:trPr/w:del] | .//mc:AlternateContent/*[position() > 1]
    | .//w:sdt[w:sdtPr/w:docPartObj/w:docPartGallery/@w:val = "Table of Contents"]
    | .//w:tc[w:tcPr/w:vMerge[not(@w:val = "restart")]] | .//w:rt
    | .//w:r[w:rPr/w:vanish[not({" or ".join(f'@w:val = "{value}"' for value in _OFF)})]]"""
_BODY_LEVEL: Final = 9  # the outline level that means "no heading"
_TITLE_LEVEL: Final = 0  # above heading 1
_LAYOUT_WORDS: Final = 40  # a cell of several paragraphs and more words holds running text: the table only places it
_NOTES: Final = "Notes"
_PLACEHOLDERS: Final = ("word document", "document", "untitled")  # titles that programs fill in


def read_docx(data: bytes, source: str) -> Document:
    """Blocks of a Word file; sections from its heading styles, or short bold paragraphs.

    Raises
    ------
    InputError
        When it is damaged, locked or too large.
    MissingExtraError
        When python-docx is not installed.
    """
    open_zip(data, source)  # refuses what is not safe to unpack
    try:
        import docx
    except ModuleNotFoundError:
        raise MissingExtraError(f"{source}: reading Word files", "docx") from None
    try:
        word = docx.Document(io.BytesIO(data))
        styles = _styles(word)
        pieces = list(_pieces(_without_unseen(word.element.body), styles))
        title = next((piece.text for piece in pieces if piece.level == _TITLE_LEVEL), word.core_properties.title)
        pieces += _notes(word, styles)
    except Exception as error:  # python-docx and lxml raise all sorts of errors over altered files
        template = isinstance(error, ValueError) and "content type" in str(error)
        what = "a Word template or a file with macros" if template else "damaged Word file"
        raise InputError(f"{source}: {what}; open it in Word and save it as .docx") from None
    return document_of(pieces, source, None if title.strip().lower() in _PLACEHOLDERS else title)


def _without_unseen(root: Any) -> Any:
    """Remove from a body or from notes all that Word does not show."""
    from lxml import etree

    for element in etree.XPath(_UNSEEN, namespaces=_NAMESPACES)(root):
        element.getparent().remove(element)
    return root


def _notes(word: WordDocument, styles: dict[str, _Style]) -> Iterator[Piece]:
    """Footnotes, then endnotes; python-docx has no door to them, so their parts are read as they are."""
    from docx.oxml import parse_xml

    parts = {rel.reltype.rsplit("/", 1)[-1]: rel.target_part for rel in word.part.rels.values() if not rel.is_external}
    for kind in ("footnote", "endnote"):
        part = parts.get(f"{kind}s")
        for note in () if part is None else _without_unseen(parse_xml(part.blob)).iter(f"{_W}{kind}"):
            if note.get(f"{_W}type") in (None, "normal"):  # the others are the lines that part notes from text
                yield Piece(" ".join(piece.text for piece in _pieces(note, styles)), section=_NOTES)


# --------------------------------------------------------------------------------------------- styles


@dataclass(frozen=True, slots=True)
class _Style:
    """What a paragraph or character style says of its text."""

    level: int | None = None  # of the headings that it makes
    bold: bool = False
    contents: bool = False  # an entry of a table of contents


def _styles(word: WordDocument) -> dict[str, _Style]:
    """Styles by their ids."""
    elements = {style.get(f"{_W}styleId"): style for style in word.styles.element.iter(f"{_W}style")}
    return {key: _style(list(_ancestry(style, elements))) for key, style in elements.items()}


def _ancestry(style: Any, elements: dict[str, Any]) -> Iterator[Any]:
    """A style and what it is based on, nearest first."""
    seen: list[Any] = []
    while style is not None and style not in seen:  # a damaged file may have a style based on itself
        seen.append(style)
        yield style
        style = elements.get(_value(style, "w:basedOn"))


def _style(ancestry: list[Any]) -> _Style:
    name = _value(ancestry[0], "w:name").lower()
    levels = (level for style in ancestry if (level := _style_level(style)) is not None)
    bold = (is_bold for style in ancestry if (is_bold := _run_is_bold(style)) is not None)
    return _Style(next(levels, None), next(bold, False), name.startswith("toc ") or name == "table of figures")


def _style_level(style: Any) -> int | None:
    """Level of the headings that a style makes by its name or its place in the outline; None where it makes none."""
    name = _value(style, "w:name").lower()
    if name == "title":
        return _TITLE_LEVEL
    if name.startswith("heading "):
        return int(name[8]) if name[8:9].isdecimal() else 1
    return _outline_level(style)


def _outline_level(holder: Any) -> int | None:
    """Level, from 1, that paragraph properties in `holder` give; None where they give none or that of the body."""
    level = _value(holder, "w:pPr/w:outlineLvl")
    return int(level) + 1 if level.isdecimal() and int(level) < _BODY_LEVEL else None


def _value(element: Any, path: str) -> str:
    """The value of the property at a path below an element, or nothing."""
    found = element.find(path, _NAMESPACES)
    return "" if found is None else str(found.get(f"{_W}val") or "")


def _run_is_bold(holder: Any) -> bool | None:
    """Whether run properties in `holder` make text bold; None where they leave it to a style."""
    bold = holder.find("w:rPr/w:b", _NAMESPACES)
    return None if bold is None else bold.get(f"{_W}val") not in _OFF


# --------------------------------------------------------------------------------------------- paragraphs and tables


def _pieces(parent: Any, styles: dict[str, _Style]) -> Iterator[Piece]:
    """Paragraphs and table rows in a body, cell, note or text box, in reading order."""
    elements = list(_outermost(parent, _PARAGRAPH, _TABLE))
    for paragraph, following in pairwise(element for element in elements if element.tag == _PARAGRAPH):
        if any(paragraph.find(path, _NAMESPACES) is not None for path in _DELETED_ENDS):
            following[:0] = [child for child in paragraph if child.tag != f"{_W}pPr"]  # they are one now
    for element in elements:
        yield from (_of_table if element.tag == _TABLE else _of_paragraph)(element, styles)


def _outermost(parent: Any, *tags: str) -> Iterator[Any]:
    """Elements of these tags through whatever wraps them, but not one inside another."""
    for child in parent:
        if child.tag in tags:
            yield child
        else:
            yield from _outermost(child, *tags)


def _of_paragraph(paragraph: Any, styles: dict[str, _Style]) -> Iterator[Piece]:
    """A paragraph, then the text boxes that hang on it."""
    style = styles.get(_value(paragraph, "w:pPr/w:pStyle"), _Style())
    if style.contents:
        return
    boxes = list(_outermost(paragraph, _TEXT_BOX))
    for box in boxes:
        box.getparent().remove(box)
    parts = [_SIGNS.get(part.tag) or part.text or "" for part in paragraph.iter(_RUN_TEXT, *_SIGNS)]
    text = " ".join("".join(parts).split())
    level = _outline_level(paragraph) if style.level is None else style.level
    if text:
        heading = level is not None or (could_be_heading(text) and _is_bold(paragraph, style, styles))
        yield Piece(text, heading, level=level)
    for box in boxes:
        yield from _pieces(box, styles)


def _is_bold(paragraph: Any, style: _Style, styles: dict[str, _Style]) -> bool:
    """Whether all text of a paragraph is bold: by its runs, by their styles, or by its own style."""
    for run in (part.getparent() for part in paragraph.iter(_RUN_TEXT) if (part.text or "").strip()):
        bold = _run_is_bold(run)
        if bold is None:
            bold = style.bold or styles.get(_value(run, "w:rPr/w:rStyle"), _Style()).bold
        if not bold:
            return False
    return True


def _of_table(table: Any, styles: dict[str, _Style]) -> Iterator[Piece]:
    """Each row of a table, or the paragraphs in it where the table only places running text."""
    for row in _outermost(table, f"{_W}tr"):
        cells = [cell for element in _outermost(row, f"{_W}tc") if (cell := list(_pieces(element, styles)))]
        if len(cells) == 1 or any(map(_is_running_text, cells)):
            yield from (piece for cell in cells for piece in cell)
        elif cells:
            yield Piece(table_row(" ".join(piece.text for piece in cell) for cell in cells))


def _is_running_text(cell: list[Piece]) -> bool:
    return len(cell) > 1 and sum(len(piece.text.split()) for piece in cell) > _LAYOUT_WORDS
