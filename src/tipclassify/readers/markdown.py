"""Read Markdown into a `Document`.

It is rendered, without fenced code and front matter, and the page is read.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from tipclassify.errors import InputError
from tipclassify.readers.limits import LARGEST_MARKUP
from tipclassify.readers.publication import metadata_in_front_matter
from tipclassify.readers.source_blocks import could_be_source_heading, document_of_source_blocks
from tipclassify.readers.text import decode_text_file
from tipclassify.text.document import Document

__all__ = ["read_markdown"]

_FRONT_MATTER: Final = re.compile(
    r"(---|\+\+\+)[ \t]*\r?\n(?=[\w-]+\s*[:=])(.*?\n)\1[ \t]*(?:\r?\n|\Z)", re.DOTALL
)
# A field of front matter, with the lines that go on with it.
_FIELD: Final = re.compile(r"^([\w-]+)[ \t]*[:=][ \t]*(.*(?:\n[ \t]+\S.*)*)$", re.MULTILINE)
# of YAML, in double quotes
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|_|\r?\n[ \t]*\\?)")
_LOWEST_LEVEL: Final = 7  # of a heading whose element gives none: below h1 to h6
_NOTE_MARK: Final = re.compile(r"\[\^[^\]\s]{1,40}\]:?")


def read_markdown(
    data: bytes, source: str, encoding: str | None = None, declared: str | None = None
) -> Document:
    """Read Markdown; offsets count the rendered text.

    Raises `InputError` when it is binary or too large.
    """
    from markdown_it import MarkdownIt

    from tipclassify.readers.html.reader import read_all_html_lines

    if len(data) > LARGEST_MARKUP:
        raise InputError(f"{source}: over {LARGEST_MARKUP / 1e6:.0f} MB of Markdown; split it")
    text = decode_text_file(data, source, encoding, declared)
    fields: dict[str, str] = {}
    if matter := _FRONT_MATTER.match(text):
        fields = _fields_of_front_matter(matter[2])
        text = text[matter.end() :]
    metadata = metadata_in_front_matter(fields)
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable("code")
    parsed = parser.parse(_NOTE_MARK.sub("", text))
    tokens = [token for token in parsed if token.type != "fence"]
    for opening, inline, closing in zip(tokens, tokens[1:], tokens[2:], strict=False):
        # Hyphens under a paragraph make it a heading, which authors seldom intend.
        is_underlined = opening.type == "heading_open" and opening.markup == "-"
        if is_underlined and not could_be_source_heading(inline.content):
            opening.tag = "p"
            closing.tag = "p"
    blocks = read_all_html_lines(parser.renderer.render(tokens, parser.options, {}), source)
    headings = [block for block in blocks if block.kind == "heading"]
    highest = min(headings, key=lambda block: block.level or _LOWEST_LEVEL, default=None)
    title = metadata.title or (highest.text if highest else None)
    return replace(
        document_of_source_blocks(blocks, source, title),
        publication=metadata.publication,
        publisher=metadata.publisher,
        date=metadata.date,
        address=metadata.address,
    )


def _fields_of_front_matter(matter: str) -> dict[str, str]:
    """Return the fields of front matter (YAML or TOML) that hold one text each.

    Their names are in lower case.
    """
    fields: dict[str, str] = {}
    for name, value in _FIELD.findall(matter):
        text = value.strip()
        if text.startswith('"'):
            text = _ESCAPE.sub(_unescape_front_matter, text)
        fields.setdefault(name.lower(), " ".join(text.split()).strip("\"'"))
    return fields


def _unescape_front_matter(escape: re.Match[str]) -> str:
    """Return the character of an escape; those without a number are spaces and line ends."""
    code = escape[1]
    return chr(int(code, 16)) if code else " "
