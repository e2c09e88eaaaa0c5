"""Markdown in, `Document` out: the text that a reader of the finished page sees, without its marks.

Code between fences, HTML comments and what stands before the text between two ``---`` are left out. Indented text is
kept: Markdown calls it code, authors of reports mean a paragraph.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tipclassify.errors import InputError
from tipclassify.readers.limits import LARGEST_MARKUP
from tipclassify.readers.pieces import Piece, could_be_heading, document_of, table_row
from tipclassify.readers.text import decode_text
from tipclassify.text.document import Document

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["read_markdown"]

_FRONT_MATTER: Final = re.compile(r"(---|\+\+\+)[ \t]*\r?\n(?=[\w-]+\s*[:=])(.*?\n)\1[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_TITLE: Final = re.compile(r"^title\s*[:=]\s*(.+)$", re.MULTILINE)
_NOTE_MARK: Final = re.compile(r"\[\^[^\]\s]{1,40}\]:?")
_UNSEEN: Final = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_BLOCK_TAG: Final = re.compile(
    r"</?(?:p|div|section|article|li|ul|ol|table|tr|h\d|hr|details|summary)\b[^<>]*>", re.IGNORECASE
)
_TAG: Final = re.compile(r"<[^<>]*>")


def read_markdown(data: bytes, source: str, encoding: str | None = None, declared: str | None = None) -> Document:
    """Blocks of a Markdown text; offsets count the characters of its readable text.

    Raises
    ------
    InputError
        When it is no text, or too large.
    """
    if len(data) > LARGEST_MARKUP:
        raise InputError(f"{source}: over {LARGEST_MARKUP / 1e6:.0f} MB of Markdown; split it")
    text = decode_text(data, source, encoding, declared)
    title = None
    matter = _FRONT_MATTER.match(text)
    if matter:
        text = text[matter.end() :]
        named = _TITLE.search(matter[2])
        title = named[1].strip().strip("\"'") if named else None
    tokens = _tokens(_NOTE_MARK.sub("", text))
    return document_of(_pieces(tokens), source, title or _first_title(tokens))


def _tokens(text: str) -> list[Token]:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable("code").parse(text)


def _first_title(tokens: list[Token]) -> str | None:
    tops = (inline for opened, inline in pairwise(tokens) if opened.type == "heading_open" and opened.tag == "h1")
    return next((_seen(inline) for inline in tops), None)


def _pieces(tokens: list[Token]) -> Iterator[Piece]:
    cells: list[str] = []
    for opened, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "html_block":
            for part in _BLOCK_TAG.split(_UNSEEN.sub("", token.content)):
                yield Piece(html.unescape(_TAG.sub("", part)))
        elif token.type == "tr_close":
            yield Piece(table_row(cells))
            cells.clear()
        elif token.type == "inline":
            text = _seen(token)
            if opened and opened.type in ("td_open", "th_open"):
                cells.append(text)
            elif opened and opened.type == "heading_open":
                # A line of hyphens right under a paragraph makes it a heading, which its author seldom wanted.
                heading = opened.markup.startswith("#") or could_be_heading(text)
                yield Piece(text, heading, level=int(opened.tag[1]))
            else:
                yield Piece(text, heading=_is_bold(token) and could_be_heading(text))


def _seen(inline: Token) -> str:
    """Text of a line or paragraph without its marks; what a link leads to and pictures are dropped."""
    parts = []
    for token in inline.children or ():
        if token.type in ("text", "code_inline"):
            parts.append(token.content)
        elif token.type in ("softbreak", "hardbreak") or token.content.startswith("<br"):
            parts.append(" ")
    return "".join(parts)


def _is_bold(inline: Token) -> bool:
    inside = 0
    for token in inline.children or ():
        inside += token.nesting * (token.type in ("strong_open", "strong_close"))
        if token.type in ("text", "code_inline") and token.content.strip() and not inside:
            return False
    return True
