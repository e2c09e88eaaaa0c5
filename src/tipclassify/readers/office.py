"""A Word file (.docx) in, `Document` out: paragraphs, tables and text boxes in reading order, notes at the end.

The file is read as its reader sees it: with what was inserted under tracked changes, without what was deleted; without
headers, footers, comments, hidden text and tables of contents. It has no pages: Word makes them anew on every screen.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tipclassify.errors import InputError, MissingExtraError
from tipclassify.readers.limits import open_zip
from tipclassify.readers.pieces import Piece, could_be_heading, document_of, table_row
from tipclassify.text.document import Document

if TYPE_CHECKING:
    from docx.document import Document as WordDocument

__all__ = ["read_docx"]

_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_ALTERNATES: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_TRACKED_OUT: Final = frozenset((f"{_W}del", f"{_W}moveFrom"))
_BREAKS: Final = frozenset(f"{_W}{name}" for name in ("tab", "br", "cr", "ptab"))
_PROPERTIES: Final = frozenset(
    f"{_W}{name}" for name in ("pPr", "rPr", "sdtPr", "tblPr", "trPr", "tcPr", "sectPr", "rt")
)
_PARAGRAPH: Final = f"{_W}p"
_TABLE: Final = f"{_W}tbl"
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
        pieces, title = _read(word)
    except Exception as error:  # python-docx and lxml raise all sorts of errors over altered files
        raise InputError(f"{source}: {_what_is_wrong(error)}; open it in Word and save it as .docx") from None
    return document_of(pieces, source, title)


def _what_is_wrong(error: Exception) -> str:
    template = isinstance(error, ValueError) and "content type" in str(error)
    return "a Word template or a file with macros" if template else "damaged Word file"


def _read(word: WordDocument) -> tuple[list[Piece], str | None]:
    styles = _Styles.of(word)
    pieces = [piece for piece in _pieces(word.element.body, styles) if piece.text]
    named = next((piece.text for piece in pieces if piece.level == _TITLE_LEVEL), None)
    title = named or word.core_properties.title
    if title and title.strip().lower() in _PLACEHOLDERS:
        title = None
    notes = (Piece(text, section=_NOTES) for text in _notes(word, styles))
    return [*(Piece(piece.text, piece.heading, level=piece.level) for piece in pieces), *notes], title


# --------------------------------------------------------------------------------------------- styles


@dataclass(frozen=True, slots=True)
class _Styles:
    """Ids of the paragraph and character styles that matter; of those of headings, the level."""

    headings: dict[str, int]
    contents: frozenset[str]
    bold: frozenset[str]

    @classmethod
    def of(cls, word: WordDocument) -> _Styles:
        elements = {_value(style, "styleId"): style for style in word.styles.element.iter(f"{_W}style")}
        headings, contents, bold = dict[str, int](), set[str](), set[str]()
        for key, style in elements.items():
            line = list(_ancestry(style, elements))
            if levels := [level for one in line if (level := _style_level(one)) is not None]:
                headings[key] = levels[0]
            if _style_name(style).startswith("toc ") or _style_name(style) == "table of figures":
                contents.add(key)
            if next((flag for one in line if (flag := _flag(one.find(f"{_W}rPr"), "b")) is not None), False):
                bold.add(key)
        return cls(headings, frozenset(contents), frozenset(bold))


def _ancestry(style: Any, elements: dict[str, Any]) -> Iterator[Any]:
    """A style and what it is based on, nearest first."""
    seen: list[Any] = []
    while style is not None and style not in seen:  # a damaged file may have a style based on itself
        seen.append(style)
        yield style
        style = elements.get(_value(style.find(f"{_W}basedOn"), "val"))


def _style_name(style: Any) -> str:
    return _value(style.find(f"{_W}name"), "val").lower()


def _style_level(style: Any) -> int | None:
    """Level of the headings that a style makes by its name or its place in the outline; None where it makes none."""
    name = _style_name(style)
    if name == "title":
        return _TITLE_LEVEL
    if name.startswith("heading "):
        return int(name[8]) if name[8:9].isdecimal() else 1
    return _outline_level(style)


def _outline_level(holder: Any) -> int | None:
    """Level, from 1, that paragraph properties in `holder` give; None where they give none or that of the body."""
    level = _value(holder.find(f"{_W}pPr/{_W}outlineLvl"), "val")
    return int(level) + 1 if level.isdecimal() and int(level) < _BODY_LEVEL else None


def _value(element: Any, attribute: str) -> str:
    return "" if element is None else str(element.get(f"{_W}{attribute}") or "")


def _flag(properties: Any, name: str) -> bool | None:
    """A property of a run that is on, off or not given."""
    element = None if properties is None else properties.find(f"{_W}{name}")
    return None if element is None else _value(element, "val") not in ("0", "false", "off", "none")


# --------------------------------------------------------------------------------------------- paragraphs


@dataclass(frozen=True, slots=True)
class _Paragraph:
    text: str
    heading: bool = False
    level: int | None = None  # of a heading that has one


def _pieces(parent: Any, styles: _Styles) -> Iterator[_Paragraph]:
    """What stands in a body, cell, note or text box, in reading order."""
    held = ""  # text of a paragraph whose end was deleted under tracked changes
    for child in _children(parent):
        if child.tag == _PARAGRAPH:
            mark = child.find(f"{_W}pPr/{_W}rPr")
            if mark is not None and any(mark.find(tag) is not None for tag in _TRACKED_OUT):
                held += "".join(_Line.of(child, styles).texts)
                continue
            yield from _of_paragraph(child, styles, held)
            held = ""
        elif child.tag == _TABLE:
            yield from _rows(child, styles)
    if held.strip():
        yield _Paragraph(" ".join(held.split()))


def _children(parent: Any) -> Iterator[Any]:
    """Paragraphs, tables, rows or cells in an element, through whatever wraps them."""
    for child in parent:
        if child.tag in (_PARAGRAPH, _TABLE, f"{_W}tr", f"{_W}tc"):
            yield child
        elif _is_kept(child):
            yield from _children(_chosen(child))


def _is_kept(element: Any) -> bool:
    if not isinstance(element.tag, str) or element.tag in _TRACKED_OUT or element.tag in _PROPERTIES:
        return False
    gallery = element.find(f"{_W}sdtPr/{_W}docPartObj/{_W}docPartGallery") if element.tag == f"{_W}sdt" else None
    return _value(gallery, "val") != "Table of Contents"


def _chosen(element: Any) -> Any:
    """Of the same content in several forms, for newer and older programs, the first."""
    if element.tag != f"{_ALTERNATES}AlternateContent":
        return element
    forms = (element.find(f"{_ALTERNATES}{name}") for name in ("Choice", "Fallback"))
    return next((form for form in forms if form is not None), ())


def _of_paragraph(paragraph: Any, styles: _Styles, held: str) -> Iterator[_Paragraph]:
    style = _style_of(paragraph)
    if style in styles.contents:
        return
    line = _Line.of(paragraph, styles)
    text = " ".join((held + "".join(line.texts)).split())
    level = styles.headings.get(style, _outline_level(paragraph))
    heading = level is not None or (line.all_bold and could_be_heading(text))
    if text:
        yield _Paragraph(text, heading, level)
    for box in line.boxes:
        yield from _pieces(box, styles)


def _style_of(paragraph: Any) -> str:
    return _value(paragraph.find(f"{_W}pPr/{_W}pStyle"), "val")


class _Line:
    """What is collected along the runs of one paragraph."""

    def __init__(self, styles: _Styles, bold: bool) -> None:
        self.texts: list[str] = []
        self.boxes: list[Any] = []
        self.all_bold = True
        self._styles = styles
        self._bold = bold

    @classmethod
    def of(cls, paragraph: Any, styles: _Styles) -> _Line:
        line = cls(styles, _style_of(paragraph) in styles.bold)
        line._collect(paragraph, line._bold)
        return line

    def _collect(self, element: Any, bold: bool) -> None:
        for child in element:
            if child.tag == f"{_W}t":
                self.texts.append(child.text or "")
                self.all_bold &= bold or not (child.text or "").strip()
            elif child.tag in _BREAKS:
                self.texts.append(" ")
            elif child.tag == f"{_W}noBreakHyphen":
                self.texts.append("-")
            elif child.tag == f"{_W}txbxContent":
                self.boxes.append(child)
            elif child.tag == f"{_W}r":
                properties = child.find(f"{_W}rPr")
                if not _flag(properties, "vanish"):
                    self._collect(child, self._is_bold(properties))
            elif _is_kept(child):
                self._collect(_chosen(child), bold)

    def _is_bold(self, properties: Any) -> bool:
        direct = _flag(properties, "b")
        if direct is not None:
            return direct
        style = "" if properties is None else _value(properties.find(f"{_W}rStyle"), "val")
        return self._bold or style in self._styles.bold


# --------------------------------------------------------------------------------------------- tables and notes


def _rows(table: Any, styles: _Styles) -> Iterator[_Paragraph]:
    """Each row of a table, or the paragraphs in it where the table only places running text."""
    for row in _children(table):
        if row.find(f"{_W}trPr/{_W}del") is not None:
            continue
        cells = [list(_pieces(cell, styles)) for cell in _children(row) if not _is_covered(cell)]
        cells = [cell for cell in cells if cell]
        if len(cells) == 1 or any(_is_running_text(cell) for cell in cells):
            yield from (paragraph for cell in cells for paragraph in cell)
        elif cells:
            yield _Paragraph(table_row(" ".join(paragraph.text for paragraph in cell) for cell in cells))


def _is_covered(cell: Any) -> bool:
    """Whether the cell above is merged with this one and covers it."""
    merge = cell.find(f"{_W}tcPr/{_W}vMerge")
    return merge is not None and _value(merge, "val") != "restart"


def _is_running_text(cell: list[_Paragraph]) -> bool:
    return len(cell) > 1 and sum(len(paragraph.text.split()) for paragraph in cell) > _LAYOUT_WORDS


def _notes(word: WordDocument, styles: _Styles) -> Iterator[str]:
    """Footnotes, then endnotes; python-docx has no door to them, so their parts are read as they are."""
    from docx.oxml import parse_xml

    parts = {rel.reltype.rsplit("/", 1)[-1]: rel.target_part for rel in word.part.rels.values() if not rel.is_external}
    for kind in ("footnote", "endnote"):
        part = parts.get(f"{kind}s")
        if part is None:
            continue
        for note in parse_xml(part.blob).iter(f"{_W}{kind}"):
            if _value(note, "type") in ("", "normal"):  # the others are the lines that part notes from text
                text = " ".join(paragraph.text for paragraph in _pieces(note, styles))
                if text:
                    yield text
