"""Build a `Document` from paragraphs and headings, for the readers of marked-up formats."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tipclassify.records import CELL_BAR, Block, Document
from tipclassify.text.sections import HeadingOutline, run_in_section, section_named_by

BETWEEN_BLOCKS: Final = "\n\n"
"""What stands in the text of a `Document` between two blocks."""

LAST_CHARACTERS: Final = 8
"""Characters before a superscript that show whether it is an exponent: "10", "km"."""

MAX_CARRIED: Final = 150
"""Characters that the cells of rows above add to a table row."""

_HEADING_WORDS: Final = 14
# Soft hyphen, zero-width and direction marks, word joiner, byte-order mark.
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_NOTE_NUMBERS: Final = re.compile(r"[\d\s,;*†‡§¶–-]+")
_BRACKETED: Final = re.compile(r"[\[(][^\])]{1,20}[\])]")
_LISTED: Final = re.compile(r"\d\s*[,;]")
# what is raised to a power: units, and the numbers that powers are given of
_BASE: Final = re.compile(r"(?:(?<![\d.,])(?:10|2)|(?:\b|\d)(?:[kcdm]?m|ft|CO|x))$")


@dataclass(slots=True)
class SourceBlock:
    """The text of a paragraph, list entry, table row or heading."""

    text: str  # as `clean_text` returns it
    # "text"; "heading"; "item" or "row", in which a section name before a colon opens no section;
    # "title" of the document, under which the rest stands, but which is no part of the text
    kind: str = "text"
    section: str | None = None  # where it does not follow from the headings before it
    level: int | None = (
        None  # of a heading, from 1, or 0 of a title; None where the source gives none
    )


def join_blocks(
    source_blocks: Iterable[SourceBlock], source: str, title: str | None = None
) -> Document:
    """Join blocks with empty lines between them, each in the section of the last heading.

    A block whose whole text is the name of a standard section is a heading, whatever its style.

    >>> blocks = [SourceBlock("Protection", "heading"), SourceBlock("No shelter opened.")]
    >>> join_blocks(blocks, "x.md").text
    'Protection\\n\\nNo shelter opened.'
    """
    texts: list[str] = []
    blocks: list[Block] = []
    start = 0
    section: str | None = None
    outline = HeadingOutline()
    for source_block in source_blocks:
        text = source_block.text
        if not text:
            continue
        if source_block.kind == "title":
            section = outline.section(text, source_block.level)
            continue
        heading = source_block.kind == "heading" or section_named_by(text) is not None
        if heading:
            section = outline.section(text, source_block.level)
        elif source_block.kind == "text":
            section = run_in_section(text) or section
        end = start + len(text)
        blocks.append(Block(start, end, source_block.section or section, heading))
        texts.append(text)
        start = end + len(BETWEEN_BLOCKS)
    clean_title = clean_text(title or "") or None
    return Document(BETWEEN_BLOCKS.join(texts), tuple(blocks), source, clean_title)


def clean_text(text: str) -> str:
    """Return text without invisible characters, with white space collapsed."""
    if text.isprintable() and "  " not in text:  # of white space, only the space is printable
        return text.strip()
    text = " ".join(text.split())
    if text.isascii() or text.isprintable():
        return text
    return " ".join(_INVISIBLE.sub("", text).split())


def could_be_heading(text: str) -> bool:
    """Return whether a paragraph is as short as a heading and lacks the end of a sentence.

    >>> [could_be_heading(text) for text in ("Conduct of Officials", "No shelter opened.")]
    [True, False]
    """
    if text.rstrip().endswith((".", ";", ",", "!", "?")):
        return False
    return 0 < len(text.split()) <= _HEADING_WORDS


def join_cells(cells: Iterable[str]) -> str:
    """Join the cells of a table row into one text, without empty ones.

    >>> join_cells(["Victims", "", " 73 "])
    'Victims | 73'
    """
    return CELL_BAR.join(cell.strip() for cell in cells if cell.strip())


def carried_cells(cells: Iterable[str]) -> list[str]:
    """Return the texts that a table row repeats of the cells that reach into it from rows above.

    They have 150 characters in all; a text that is longer than what is left of these is empty.

    >>> carried_cells(["Courts", "Cases that prosecutors opened " * 5, "2023"])
    ['Courts', '', '2023']
    """
    carried: list[str] = []
    size_left = MAX_CARRIED
    for cell in cells:
        is_carried = len(cell) <= size_left
        carried.append(cell if is_carried else "")
        if is_carried:
            size_left -= len(cell)
    return carried


def is_note_mark(text: str, text_before: str, text_after: str = "") -> bool:
    """Return whether a superscript is the mark of a footnote.

    A number after a unit, after 10 or after 2 is an exponent, unless it is one of a list or in
    brackets; one before a slash is part of a fraction.

    >>> marks = (("2", "fined 14"), ("2", "9 km"), ("6", "10"), ("3,4", "10"), ("st", "1"))
    >>> [is_note_mark(text, text_before) for text, text_before in marks]
    [True, False, False, True, False]
    """
    text = text.strip()
    if _BRACKETED.fullmatch(text):
        return True
    if not _NOTE_NUMBERS.fullmatch(text) or text_after.startswith(("/", "⁄")):
        return False
    return _LISTED.search(text) is not None or not _BASE.search(text_before)
