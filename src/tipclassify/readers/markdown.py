"""Read Markdown into a `Document`: it is rendered, without fenced code and front matter, and the page is read."""

from __future__ import annotations

import re
from typing import Final

from tipclassify.errors import InputError
from tipclassify.readers.limits import LARGEST_MARKUP
from tipclassify.readers.source_blocks import build_document, could_be_heading
from tipclassify.readers.text import decode_text
from tipclassify.text.document import Document

__all__ = ["read_markdown"]

_FRONT_MATTER: Final = re.compile(r"(---|\+\+\+)[ \t]*\r?\n(?=[\w-]+\s*[:=])(.*?\n)\1[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_TITLE: Final = re.compile(r"^title\s*[:=]\s*(.+)$", re.MULTILINE)
_NOTE_MARK: Final = re.compile(r"\[\^[^\]\s]{1,40}\]:?")


def read_markdown(data: bytes, source: str, encoding: str | None = None, declared: str | None = None) -> Document:
    """Read Markdown; offsets count the rendered text; raise `InputError` when it is binary or too large."""
    from markdown_it import MarkdownIt

    from tipclassify.readers.html.reader import read_whole_page

    if len(data) > LARGEST_MARKUP:
        raise InputError(f"{source}: over {LARGEST_MARKUP / 1e6:.0f} MB of Markdown; split it")
    text = decode_text(data, source, encoding, declared)
    matter = _FRONT_MATTER.match(text)
    title = matter and _TITLE.search(matter[2])
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable("code")
    parsed = parser.parse(_NOTE_MARK.sub("", text[matter.end() if matter else 0 :]))
    tokens = [token for token in parsed if token.type != "fence"]
    for opened, inline, closed in zip(tokens, tokens[1:], tokens[2:], strict=False):
        # Hyphens under a paragraph make it a setext heading, which authors seldom intend.
        if opened.type == "heading_open" and opened.markup == "-" and not could_be_heading(inline.content):
            opened.tag = closed.tag = "p"
    blocks = read_whole_page(parser.renderer.render(tokens, parser.options, {}), source)
    headings = sorted((block for block in blocks if block.kind == "heading"), key=lambda block: block.level or 7)
    name = title[1].strip().strip("\"'") if title else headings[0].text if headings else None
    return build_document(blocks, source, name)
