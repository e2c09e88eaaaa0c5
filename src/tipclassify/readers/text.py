"""Read plain text or Markdown into a `Document`.

Plain text is split into paragraphs, and its pages end with form feeds;
Markdown is rendered, without fenced code and front matter, and the page is read.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from tipclassify.errors import InputError
from tipclassify.readers.blocks import could_be_heading, join_blocks
from tipclassify.readers.encodings import decode_file
from tipclassify.readers.limits import LARGEST_MARKUP
from tipclassify.records import Block, Document, PageStart
from tipclassify.text.prose import is_non_prose
from tipclassify.text.sections import without_enumerator
from tipclassify.text.split import SENTENCE_END, text_document

_MAX_LINES_ABOVE_TITLE: Final = 12  # lines above the title of a page
_MIN_TITLE_WORDS: Final = 5
_MAX_TITLE: Final = 300  # characters
_PAGE_BREAK: Final = re.compile(r"\f\s*")
_FRONT_MATTER: Final = re.compile(
    r"(---|\+\+\+)[ \t]*\r?\n(?=[\w-]+\s*[:=])(.*?\n)\1[ \t]*(?:\r?\n|\Z)", re.DOTALL
)
# A field of front matter, with the lines that go on with it.
_FIELD: Final = re.compile(r"^([\w-]+)[ \t]*[:=][ \t]*(.*(?:\n[ \t]+\S.*)*)$", re.MULTILINE)
# of YAML, in double quotes; those without a number are spaces and line ends
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|_|\r?\n[ \t]*\\?)")
_LOWEST_LEVEL: Final = 7  # of a heading whose element gives none: below h1 to h6
_NOTE_MARK: Final = re.compile(r"\[\^[^\]\s]{1,40}\]:?")


def read_text(
    data: bytes, source: str, encoding: str | None = None, declared: str | None = None
) -> Document:
    """Decode text and split it into paragraphs.

    Offsets count decoded characters, line ends unchanged. If the user gives an `encoding`, no other
    is tried; one `declared` by a server is often wrong. Raises `InputError` when the bytes are no
    text, or not in `encoding`.
    """
    text = decode_file(data, source, encoding, declared, words=True)
    document = _from_title_on(text_document(text, source))
    return _with_pages(document) if "\f" in text else document


def _from_title_on(document: Document) -> Document:
    """Return a text copied from a web page from its title on: the first long line below menus."""
    for number, block in enumerate(document.blocks[:_MAX_LINES_ABOVE_TITLE]):
        text = document.text[block.start : block.end].strip()
        if is_non_prose(text) or (number and len(text.split()) < _MIN_TITLE_WORDS):
            continue
        is_entry = without_enumerator(text) != text
        if number == 0 or is_entry or SENTENCE_END.search(text) or len(text) > _MAX_TITLE:
            break
        title = replace(block, heading=True)
        rest = document.blocks[number + 1 :]
        return replace(document, title=text, blocks=(title, *rest))
    return document


def _with_pages(document: Document) -> Document:
    """Return a document with page numbers.

    A sentence split by a page break is rejoined into one block.
    """
    text = document.text
    page = 1
    counted_to = 0  # offset up to which form feeds are counted
    page_above = page  # on which the block before began
    blocks: list[Block] = []
    for block in document.blocks:
        page += text.count("\f", counted_to, block.start)
        above = blocks[-1] if blocks else None
        if above and page > page_above and _is_continued(text, above, block):
            later_pages = [*above.later_pages, PageStart(block.start, page)]
            block = replace(above, end=block.end)
            blocks.pop()
        else:
            later_pages = []
            block = replace(block, page=page)
        page_above = page
        begin = later_pages[-1].offset if later_pages else block.start
        for page_break in _PAGE_BREAK.finditer(text, begin, block.end):
            page += page_break[0].count("\f")
            if page_break.end() < block.end:
                later_pages.append(PageStart(page_break.end(), page))
        blocks.append(replace(block, later_pages=tuple(later_pages)))
        counted_to = block.end
    return replace(document, blocks=tuple(blocks))


def _is_continued(text: str, block: Block, following: Block) -> bool:
    """Return whether a block ends inside a sentence, with which the following one begins."""
    if block.heading or following.heading:
        return False
    begins_in_lower_case = text[following.start : following.end].lstrip()[:1].islower()
    return begins_in_lower_case and not SENTENCE_END.search(text, block.start, block.end)


def read_markdown(
    data: bytes, source: str, encoding: str | None = None, declared: str | None = None
) -> Document:
    """Read Markdown; offsets count the rendered text.

    Raises `InputError` when it is binary or too large.
    """
    from markdown_it import MarkdownIt

    from tipclassify.readers.about.metadata import front_matter_metadata
    from tipclassify.readers.html.page import read_all_lines

    if len(data) > LARGEST_MARKUP:
        raise InputError(f"{source}: over {LARGEST_MARKUP / 1e6:.0f} MB of Markdown; split it")
    text = decode_file(data, source, encoding, declared)
    fields: dict[str, str] = {}
    if matter := _FRONT_MATTER.match(text):
        text = text[matter.end() :]
        for name, written in _FIELD.findall(matter[2]):
            value = written.strip()
            if value.startswith('"'):
                value = _ESCAPE.sub(lambda code: chr(int(code[1] or "20", 16)), value)
            fields.setdefault(name.lower(), " ".join(value.split()).strip("\"'"))
    metadata = front_matter_metadata(fields)
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable("code")
    parsed = parser.parse(_NOTE_MARK.sub("", text))
    tokens = [token for token in parsed if token.type != "fence"]
    for opening, inline, closing in zip(tokens, tokens[1:], tokens[2:], strict=False):
        # Hyphens under a paragraph make it a heading, which authors seldom intend.
        is_underlined = opening.type == "heading_open" and opening.markup == "-"
        if is_underlined and not could_be_heading(inline.content):
            opening.tag = "p"
            closing.tag = "p"
    blocks = read_all_lines(parser.renderer.render(tokens, parser.options, {}), source)
    headings = [block for block in blocks if block.kind == "heading"]
    highest = min(headings, key=lambda block: block.level or _LOWEST_LEVEL, default=None)
    title = metadata.title or (highest.text if highest else None)
    return replace(
        join_blocks(blocks, source, title),
        publication=metadata.publication,
        publisher=metadata.publisher,
        date=metadata.date,
        address=metadata.address,
    )
