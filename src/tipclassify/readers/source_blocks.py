"""Build a `Document` from paragraphs and headings, for the readers of marked-up formats."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tipclassify.text.document import CELL_BAR, Block, Document
from tipclassify.text.sections import (
    HeadingOutline,
    run_in_section,
    standard_section_of_line,
)

__all__ = [
    "BETWEEN_BLOCKS",
    "SourceBlock",
    "carried_source_cells",
    "clean_source_text",
    "could_be_source_heading",
    "document_of_source_blocks",
    "join_source_cells",
]

BETWEEN_BLOCKS: Final = "\n\n"
"""What stands in the text of a `Document` between two blocks."""

_HEADING_WORDS: Final = 14
_MAX_CARRIED: Final = 150  # characters that the cells of rows above add to a table row
# Soft hyphen, zero-width and direction marks, word joiner, byte-order mark.
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")


@dataclass(slots=True)
class SourceBlock:
    """The text of a paragraph, list entry, table row or heading."""

    text: str  # as `clean_source_text` returns it
    # "text"; "heading"; "item" or "row", in which a section name before a colon opens no section;
    # "title" of the document, under which the rest stands, but which is no part of the text
    kind: str = "text"
    section: str | None = None  # where it does not follow from the headings before it
    level: int | None = None  # of a heading, from 1; None where the source gives none


def document_of_source_blocks(
    source_blocks: Iterable[SourceBlock], source: str, title: str | None = None
) -> Document:
    """Join blocks with empty lines between them, each in the section of the last heading.

    A block whose whole text is the name of a standard section is a heading, whatever its style.

    >>> blocks = [SourceBlock("Protection", "heading"), SourceBlock("No shelter opened.")]
    >>> document_of_source_blocks(blocks, "x.md").text
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
        heading = source_block.kind == "heading" or standard_section_of_line(text) is not None
        if heading:
            section = outline.section(text, source_block.level)
        elif source_block.kind == "text":
            section = run_in_section(text) or section
        end = start + len(text)
        blocks.append(Block(start, end, source_block.section or section, heading))
        texts.append(text)
        start = end + len(BETWEEN_BLOCKS)
    clean_title = clean_source_text(title or "") or None
    return Document(BETWEEN_BLOCKS.join(texts), tuple(blocks), source, clean_title)


def clean_source_text(text: str) -> str:
    """Return text without invisible characters, with white space collapsed."""
    if text.isprintable() and "  " not in text:  # of white space, only the space is printable
        return text.strip()
    text = " ".join(text.split())
    if text.isascii() or text.isprintable():
        return text
    return " ".join(_INVISIBLE.sub("", text).split())


def could_be_source_heading(text: str) -> bool:
    """Return whether a paragraph is as short as a heading and lacks the end of a sentence.

    >>> [could_be_source_heading(text) for text in ("Conduct of Officials", "No shelter opened.")]
    [True, False]
    """
    if text.rstrip().endswith((".", ";", ",", "!", "?")):
        return False
    return 0 < len(text.split()) <= _HEADING_WORDS


def join_source_cells(cells: Iterable[str]) -> str:
    """Join the cells of a table row into one text, without empty ones.

    >>> join_source_cells(["Victims", "", " 73 "])
    'Victims | 73'
    """
    return CELL_BAR.join(cell.strip() for cell in cells if cell.strip())


def carried_source_cells(cells: Iterable[str]) -> list[str]:
    """Return the texts that a table row repeats of the cells that reach into it from rows above.

    They have 150 characters in all; a text that is longer than what is left of these is empty.

    >>> carried_source_cells(["Courts", "Cases that prosecutors opened " * 5, "2023"])
    ['Courts', '', '2023']
    """
    carried: list[str] = []
    size_left = _MAX_CARRIED
    for cell in cells:
        is_carried = len(cell) <= size_left
        carried.append(cell if is_carried else "")
        if is_carried:
            size_left -= len(cell)
    return carried
