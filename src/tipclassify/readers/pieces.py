"""Paragraphs and headings in, one `Document` out: what readers of marked-up formats share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from tipclassify.text.document import Block, Document
from tipclassify.text.segmentation.sections import Outline, named_section, run_in_section

__all__ = ["Piece", "could_be_heading", "document_of", "table_row"]

_HEADING_WORDS: Final = 14
_UNSEEN: Final = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))  # where a line may break, or may not


class Piece(NamedTuple):
    """Text of a paragraph, list entry, table row or heading.

    Attributes
    ----------
    section : str or None
        Its section where the headings before it do not tell.
    level : int or None
        Of a heading, from 1; None where the source gives it none.
    entry : bool
        Of a list or table: a name before its colon opens no section.
    """

    text: str
    heading: bool = False
    section: str | None = None
    level: int | None = None
    entry: bool = False


def document_of(pieces: Iterable[Piece], source: str, title: str | None = None) -> Document:
    """Pieces one after the other, an empty line between them; each stands in the section of the last heading.

    A piece that says nothing but the name of a standard section is a heading, however it looks.

    >>> document_of([Piece("Protection", heading=True), Piece("No shelter  opened.")], "x.md").text
    'Protection\\n\\nNo shelter opened.'
    """
    texts: list[str] = []
    blocks: list[Block] = []
    at, section, outline = 0, None, Outline()
    for piece in pieces:
        text = " ".join(piece.text.translate(_UNSEEN).split())
        if not text:
            continue
        heading = piece.heading or named_section(text) is not None
        if heading:
            section = outline.section(text, piece.level)
        elif not piece.entry:
            section = run_in_section(text) or section
        blocks.append(Block(at, at + len(text), piece.section or section, heading))
        texts.append(text)
        at += len(text) + 2
    return Document("\n\n".join(texts), tuple(blocks), source, " ".join((title or "").split()) or None)


def could_be_heading(text: str) -> bool:
    """Whether a paragraph is as short as a heading and does not end as a sentence does.

    >>> could_be_heading("Conduct of Officials"), could_be_heading("No shelter opened.")
    (True, False)
    """
    return not text.rstrip().endswith((".", ";", ",", "!", "?")) and 0 < len(text.split()) <= _HEADING_WORDS


def table_row(cells: Iterable[str]) -> str:
    """The cells of a row as one text; empty ones are left out.

    >>> table_row(["Victims", "", " 73 "])
    'Victims | 73'
    """
    return " | ".join(cell.strip() for cell in cells if cell.strip())
