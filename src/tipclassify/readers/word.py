"""Read a Word file (.docx): paragraphs, tables and text boxes in reading order, then notes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby, islice, pairwise, takewhile
from typing import TYPE_CHECKING, Final

from lxml import etree

from tipclassify.errors import InputError, needs_extra
from tipclassify.readers.about.publishers import known_publisher
from tipclassify.readers.about.titles import TitleLine, is_stale_title, title_of_first_page
from tipclassify.readers.blocks import (
    LAST_CHARACTERS,
    SourceBlock,
    carried_cells,
    clean_text,
    could_be_heading,
    is_note_mark,
    join_blocks,
    join_cells,
)
from tipclassify.readers.limits import open_zip
from tipclassify.records import Document

if TYPE_CHECKING:
    from docx.document import Document as WordDocument

# Converters (pandoc, mammoth, kreuzberg) keep deleted or hidden text, or lose notes, text boxes or
# heading levels.
_NAMESPACES: Final = {
    "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
    "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
}
_W: Final = f"{{{_NAMESPACES['w']}}}"
_PARAGRAPH: Final = f"{_W}p"
_TABLE: Final = f"{_W}tbl"
_RUN_TEXT: Final = (f"{_W}t", f"{{{_NAMESPACES['m']}}}t")  # of words, of formulas
_TEXT_BOX: Final = f"{_W}txbxContent"
_CHARACTER_ELEMENTS: Final = {f"{_W}{name}": " " for name in ("tab", "br", "cr", "ptab")} | {
    f"{_W}noBreakHyphen": "-"
}
_FALSE_VALUES: Final = ("0", "false", "off", "none")
_DELETED_ENDS: Final = ("w:pPr/w:rPr/w:del", "w:pPr/w:rPr/w:moveFrom")
_IS_FALSE: Final = " or ".join(f'@w:val = "{value}"' for value in _FALSE_VALUES)
# Deleted and moved text, fallback renderings, tables of contents, ruby annotations, hidden text.
_INVISIBLE: Final = f"""
    .//w:del[not(parent::w:rPr)] | .//w:moveFrom[not(parent::w:rPr)] | .//w:tr[w:trPr/w:del]
    | .//mc:AlternateContent/*[position() > 1]
    | .//w:sdt[w:sdtPr/w:docPartObj/w:docPartGallery/@w:val = "Table of Contents"]
    | .//w:rt
    | .//w:r[w:rPr/w:vanish[not({_IS_FALSE})]]"""
_MAX_BASES: Final = 12  # Word allows eleven styles based on each other
_BODY_LEVEL: Final = 9  # the outline level that means "no heading"
_TITLE_LEVEL: Final = 0  # above heading 1
_OPENING_BLOCKS: Final = 40  # of a file without pages: about those of its first page
# a cell of several paragraphs and more words is prose in a layout table
_MIN_LAYOUT_WORDS: Final = 40
_MAX_OPENING_WORDS: Final = 40  # a paragraph of more words is prose, and a title is above it
_NOTES: Final = "Notes"
_PLACEHOLDERS: Final = ("word document", "document", "untitled")  # titles that programs fill in


@dataclass(frozen=True, slots=True)
class _Style:
    """What a style says of its paragraphs or runs."""

    level: int | None = None  # of its headings
    bold: bool = False
    contents: bool = False  # an entry of a table of contents
    superscript: bool = False


_Styles = dict[str, _Style]  # by their ids


def read_docx(data: bytes, source: str) -> Document:
    """Read a Word file; headings come from styles, outline levels or short bold paragraphs.

    Tracked insertions are kept; deletions, headers, footers, comments, hidden text and tables of
    contents are not.

    Raises `InputError` for a damaged, encrypted or too large file, `MissingExtraError` without
    python-docx.
    """
    open_zip(data, source)  # raises for unsafe archives
    with needs_extra(f"{source}: reading Word files", "docx"):
        import docx
    try:
        word = docx.Document(io.BytesIO(data))
        styles = _read_styles(word)
        blocks = list(_blocks(_without_invisible(word.element.body), styles))
        title = _title(blocks, word.core_properties.title)
        publisher = known_publisher(word.core_properties.author or "")
        blocks += _notes(word, styles)
    except Exception as error:  # python-docx and lxml raise all sorts of errors over altered files
        template = isinstance(error, ValueError) and "content type" in str(error)
        what = "a Word template or a file with macros" if template else "damaged Word file"
        raise InputError(f"{source}: {what}; open it in Word and save it as .docx") from None
    return replace(join_blocks(blocks, source, title), publisher=publisher)


def _title(blocks: list[SourceBlock], property_title: str) -> str | None:
    """Return the title of a Word file: a paragraph in the style of one, if any.

    Else that of the properties if the opening has it, else a heading.
    """
    styled = next((block.text for block in blocks if block.level == _TITLE_LEVEL), None)
    if styled:
        return styled
    opening = list(islice((block for block in blocks if block.text), _OPENING_BLOCKS))
    named = clean_text(property_title or "")
    is_placeholder = not named or named.lower() in _PLACEHOLDERS
    if not is_placeholder and not is_stale_title(named, " ".join(b.text for b in opening)):
        return named
    lines: list[TitleLine] = []
    for block in takewhile(lambda b: len(b.text.split()) <= _MAX_OPENING_WORDS, opening):
        level = _BODY_LEVEL if block.level is None else block.level
        # higher for higher headings, and 0 for text
        lines.append(TitleLine(block.text, block.kind == "heading", size=_BODY_LEVEL - level))
    return title_of_first_page(lines, body_size=0.0)


def _without_invisible(root: etree._Element) -> etree._Element:
    """Remove what a reader of the document does not see."""
    for element in etree.XPath(_INVISIBLE, namespaces=_NAMESPACES)(root):
        element.getparent().remove(element)
    return root


def _notes(word: WordDocument, styles: _Styles) -> Iterator[SourceBlock]:
    """Yield footnotes, then endnotes, parsed from their parts, for which python-docx has no API."""
    from docx.oxml import parse_xml

    parts = {
        relation.reltype.rsplit("/", 1)[-1]: relation.target_part
        for relation in word.part.rels.values()
        if not relation.is_external
    }
    for kind in ("footnote", "endnote"):
        part = parts.get(f"{kind}s")
        if part is None:
            continue
        for note in _without_invisible(parse_xml(part.blob)).iter(f"{_W}{kind}"):
            if note.get(f"{_W}type") in (None, "normal"):  # the others are separator lines
                text = " ".join(block.text for block in _blocks(note, styles))
                yield SourceBlock(text, section=_NOTES)


# ------------------------------------------------------------------------------------ styles


def _read_styles(word: WordDocument) -> _Styles:
    """Map style ids to styles; what a style leaves open is that of its base."""
    elements = {
        style.get(f"{_W}styleId"): style for style in word.styles.element.iter(f"{_W}style")
    }
    styles: _Styles = {}
    for key, style in elements.items():
        name = _value(style, "w:name").lower()
        level: int | None = None
        bold: bool | None = None
        position = ""
        for _ in range(_MAX_BASES):  # a damaged file may have a circular base
            level = _level_of_style(style) if level is None else level
            bold = _bold(style) if bold is None else bold
            position = position or _value(style, "w:rPr/w:vertAlign")
            style = elements.get(_value(style, "w:basedOn"), style)
        contents = name.startswith("toc ") or name == "table of figures"
        styles[key] = _Style(level, bool(bold), contents, position == "superscript")
    return styles


def _level_of_style(style: etree._Element) -> int | None:
    """Return a style's heading level by its name or outline level; None for body text."""
    name = _value(style, "w:name").lower()
    if name == "title":
        return _TITLE_LEVEL
    if name.startswith("heading "):
        return int(name[8]) if name[8:9].isdecimal() else 1
    return _outline_level(style)


def _outline_level(holder: etree._Element) -> int | None:
    """Return the outline level, from 1, in the paragraph properties; None for body text."""
    level = _value(holder, "w:pPr/w:outlineLvl")
    if not level.isdecimal() or int(level) >= _BODY_LEVEL:
        return None
    return int(level) + 1


def _value(element: etree._Element, path: str) -> str:
    """Return the value of the property at a path below an element, or an empty string."""
    found = element.find(path, _NAMESPACES)
    return "" if found is None else str(found.get(f"{_W}val") or "")


def _bold(holder: etree._Element) -> bool | None:
    """Return whether the run properties of `holder` are bold; None where the style decides."""
    bold = holder.find("w:rPr/w:b", _NAMESPACES)
    return None if bold is None else bold.get(f"{_W}val") not in _FALSE_VALUES


def _style_of(element: etree._Element, path: str, styles: _Styles) -> _Style:
    """Return the style that an element names in the property at a path."""
    return styles.get(_value(element, path), _Style())


# -------------------------------------------------------------------------------- paragraphs


def _blocks(parent: etree._Element, styles: _Styles) -> Iterator[SourceBlock]:
    """Yield paragraphs and table rows of a body, cell, note or text box, in reading order."""
    elements = list(_outermost(parent, _PARAGRAPH, _TABLE))
    paragraphs = [element for element in elements if element.tag == _PARAGRAPH]
    for paragraph, following in pairwise(paragraphs):
        # a deleted paragraph mark joins the two: the runs move, and an empty paragraph is left
        if any(paragraph.find(path, _NAMESPACES) is not None for path in _DELETED_ENDS):
            following[:0] = [child for child in paragraph if child.tag != f"{_W}pPr"]
    for element in elements:
        read = _blocks_of_table if element.tag == _TABLE else _blocks_of_paragraph
        yield from read(element, styles)


def _outermost(parent: etree._Element, *tags: str) -> Iterator[etree._Element]:
    """Yield elements of these tags at any depth, but none nested in another."""
    for child in parent:
        if child.tag in tags:
            yield child
        else:
            yield from _outermost(child, *tags)


def _blocks_of_paragraph(paragraph: etree._Element, styles: _Styles) -> Iterator[SourceBlock]:
    """Yield a paragraph, then the text boxes anchored in it."""
    style = _style_of(paragraph, "w:pPr/w:pStyle", styles)
    if style.contents:
        return
    boxes = list(_outermost(paragraph, _TEXT_BOX))
    for box in boxes:
        box.getparent().remove(box)
    text = clean_text(_text(paragraph, styles))
    level = _outline_level(paragraph) if style.level is None else style.level
    if text:
        heading = level is not None or (
            could_be_heading(text) and _is_bold(paragraph, style, styles)
        )
        yield SourceBlock(text, "heading" if heading else "text", level=level)
    for box in boxes:
        yield from _blocks(box, styles)


def _text(paragraph: etree._Element, styles: _Styles) -> str:
    """Return the text of a paragraph without note marks that are written as superscripts."""
    stretches: list[tuple[bool, str]] = []  # whether superscript, and text
    for is_raised, parts in groupby(
        paragraph.iter(*_RUN_TEXT, *_CHARACTER_ELEMENTS), key=lambda part: _is_raised(part, styles)
    ):
        text = "".join([_CHARACTER_ELEMENTS.get(part.tag) or part.text or "" for part in parts])
        stretches.append((is_raised, text))
    kept = ""
    for (is_raised, text), (_, after) in pairwise([*stretches, (False, "")]):
        if is_raised and is_note_mark(text, kept[-LAST_CHARACTERS:], after):
            text = " " if text != text.strip() else ""
        kept += text
    return kept


def _is_raised(part: etree._Element, styles: _Styles) -> bool:
    """Return whether a part of a run is superscript, by its run or the style of it."""
    run = part.getparent()
    position = _value(run, "w:rPr/w:vertAlign")
    if position:
        return position == "superscript"
    return _style_of(run, "w:rPr/w:rStyle", styles).superscript


def _is_bold(paragraph: etree._Element, style: _Style, styles: _Styles) -> bool:
    """Return whether all text of a paragraph is bold: by its runs, their styles or its own."""
    for part in paragraph.iter(*_RUN_TEXT):
        if not (part.text or "").strip():
            continue
        run = part.getparent()
        bold = _bold(run)
        if bold is None:
            bold = style.bold or _style_of(run, "w:rPr/w:rStyle", styles).bold
        if not bold:
            return False
    return True


# ------------------------------------------------------------------------------------ tables


def _blocks_of_table(table: etree._Element, styles: _Styles) -> Iterator[SourceBlock]:
    """Yield the rows of a table, or the paragraphs of a row that lays out prose."""
    texts_above: dict[int, str] = {}  # of the cells that may reach into the next row, by column
    for row in _outermost(table, f"{_W}tr"):
        own_cells: list[list[SourceBlock]] = []
        text_by_column: dict[int, str] = {}  # of all cells, also those that reach in from above
        covered_columns: list[int] = []
        column = _column_count(row, "w:trPr/w:gridBefore", default=0)
        for cell in _outermost(row, f"{_W}tc"):
            merge = cell.find("w:tcPr/w:vMerge", _NAMESPACES)
            if merge is not None and merge.get(f"{_W}val") != "restart":
                text_by_column[column] = ""
                covered_columns.append(column)
            else:
                blocks = list(_blocks(cell, styles))
                text_by_column[column] = " ".join(block.text for block in blocks)
                texts_above[column] = text_by_column[column]
                if blocks:
                    own_cells.append(blocks)
            column += _column_count(cell, "w:tcPr/w:gridSpan", default=1)
        carried = carried_cells(texts_above.get(column, "") for column in covered_columns)
        text_by_column.update(zip(covered_columns, carried, strict=True))
        texts = text_by_column.values()
        is_one_cell = sum(map(bool, texts)) == 1
        if is_one_cell or any(map(_is_prose, own_cells)):
            for blocks in own_cells:
                yield from blocks
        elif own_cells:
            yield SourceBlock(join_cells(texts))


def _column_count(element: etree._Element, path: str, default: int) -> int:
    """Return the number of columns in the property at a path below a row or a cell."""
    columns = _value(element, path)
    return (int(columns[:4]) if columns.isdecimal() else 0) or default


def _is_prose(cell: list[SourceBlock]) -> bool:
    """Return whether a cell has several paragraphs, and many words."""
    return len(cell) > 1 and sum(len(block.text.split()) for block in cell) > _MIN_LAYOUT_WORDS
