"""Read Markdown into a `Document`: the rendered text, without markup.

Fenced code, HTML comments and front matter are left out. Indented text is kept: for Markdown it is code, for authors of
reports a paragraph.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tipclassify.errors import InputError
from tipclassify.readers.limits import LARGEST_MARKUP
from tipclassify.readers.source_blocks import SourceBlock, build_document, could_be_heading, table_row
from tipclassify.readers.text import decode_text
from tipclassify.text.document import Document

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["read_markdown"]

_FRONT_MATTER: Final = re.compile(r"(---|\+\+\+)[ \t]*\r?\n(?=[\w-]+\s*[:=])(.*?\n)\1[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_TITLE: Final = re.compile(r"^title\s*[:=]\s*(.+)$", re.MULTILINE)
_NOTE_MARK: Final = re.compile(r"\[\^[^\]\s]{1,40}\]:?")
_INVISIBLE: Final = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_BLOCKS: Final = r"</?(?:p|div|section|article|li|ul|ol|table|tr|h\d|hr|details|summary)\b[^<>]*>"
_BLOCK_TAG: Final = re.compile(_BLOCKS, re.IGNORECASE)
_TAG: Final = re.compile(r"<[^<>]*>")


def read_markdown(data: bytes, source: str, encoding: str | None = None, declared: str | None = None) -> Document:
    """Read Markdown; offsets count the characters of the rendered text.

    Raises `InputError` when it is binary or too large.
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
    return build_document(_source_blocks(tokens), source, title or _first_title(tokens))


def _tokens(text: str) -> list[Token]:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable("code").parse(text)


def _first_title(tokens: list[Token]) -> str | None:
    tops = (inline for opened, inline in pairwise(tokens) if opened.type == "heading_open" and opened.tag == "h1")
    return next((_visible_text(inline) for inline in tops), None)


def _source_blocks(tokens: list[Token]) -> Iterator[SourceBlock]:
    cells: list[str] = []
    for opened, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "html_block":
            for part in _BLOCK_TAG.split(_INVISIBLE.sub("", token.content)):
                yield SourceBlock(html.unescape(_TAG.sub("", part)))
        elif token.type == "tr_close":
            yield SourceBlock(table_row(cells))
            cells.clear()
        elif token.type == "inline":
            text = _visible_text(token)
            if opened and opened.type in ("td_open", "th_open"):
                cells.append(text)
            elif opened and opened.type == "heading_open":
                # Hyphens under a paragraph make it a setext heading, which authors seldom intend.
                heading = opened.markup.startswith("#") or could_be_heading(text)
                yield SourceBlock(text, heading, level=int(opened.tag[1]))
            else:
                yield SourceBlock(text, heading=_is_bold(token) and could_be_heading(text))


def _visible_text(inline: Token) -> str:
    """Return the text of inline tokens, without markup, link targets and images."""
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
