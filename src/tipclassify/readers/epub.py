"""Read an EPUB book into a `Document`: its chapters, in spine order, are read as web pages and concatenated."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from tipclassify.errors import InputError
from tipclassify.readers.html.nesting import check_nesting
from tipclassify.readers.limits import open_zip, read_member
from tipclassify.readers.text import decode
from tipclassify.text.document import Block, Document

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser

__all__ = ["read_epub"]

_CONTAINER: Final = "META-INF/container.xml"
_DRM_FILES: Final = ("META-INF/encryption.xml", "META-INF/rights.xml")
_CHAPTER_TYPES: Final = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
_ENCODING: Final = re.compile(rb"""\s*<\?xml[^>]{0,200}encoding\s*=\s*["']([\w.-]+)""")
# HTML parsers read a self-closed XML element as an open one, which would contain all that follows.
_SELF_CLOSED: Final = re.compile(r"""<([A-Za-z][\w:-]*)((?:\s(?:[^<>"']|"[^"<]*"|'[^'<]*')*?)?)/>""")
_VOID: Final = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_PREFIX: Final = re.compile(r"(</?)[\w.-]+:")


def read_epub(data: bytes, source: str) -> Document:
    """Read all chapters; one without a heading continues the section before; raise `InputError` if there is no text."""
    archive = open_zip(data, source)
    container = _elements(archive, _CONTAINER, source).css_first("rootfile")
    root = (container.attributes.get("full-path") if container else None) or ""
    if not root:
        raise InputError(f"{source}: incomplete, it names no book; download it or convert it again")
    package = _elements(archive, root, source)
    title = package.css_first("title")
    texts: list[str] = []
    blocks: list[Block] = []
    at, section = 0, None
    for chapter in _chapters(archive, package, root, source):
        for block in chapter.blocks:
            section = block.section or section
            blocks.append(replace(block, start=block.start + at, end=block.end + at, section=section))
        texts.append(chapter.text)
        at += len(chapter.text) + 2
    if not blocks:
        locked = any(name in archive.namelist() for name in _DRM_FILES)
        why = "locked against copying (DRM); give" if locked else "no readable text in it; give"
        raise InputError(f"{source}: {why} the report in another format")
    return Document("\n\n".join(texts), tuple(blocks), source, " ".join(title.text().split()) if title else None)


def _chapters(archive: zipfile.ZipFile, package: LexborHTMLParser, root: str, source: str) -> Iterator[Document]:
    """Yield chapters with text, in reading order."""
    from tipclassify.readers.html.reader import read_html

    files = {item.attributes.get("id"): item.attributes for item in package.css("item")}
    members = frozenset(archive.namelist())
    # A book names each chapter once; a hostile one could name a long one a million times.
    for reference in dict.fromkeys(item.attributes.get("idref") for item in package.css("itemref")):
        item = files.get(reference, {})
        member = posixpath.normpath(posixpath.join(posixpath.dirname(root), unquote(item.get("href") or "")))
        is_chapter = item.get("media-type") in _CHAPTER_TYPES and "nav" not in (item.get("properties") or "").split()
        if is_chapter and member in members:
            page = _markup(archive, member, source).encode()
            with suppress(InputError):  # a cover or another page without text
                yield read_html(page, source, "utf-8")


def _elements(archive: zipfile.ZipFile, member: str, source: str) -> LexborHTMLParser:
    """Parse an XML file, without the prefixes of its elements, as HTML, which has no entities that could expand."""
    from selectolax.lexbor import LexborHTMLParser

    return LexborHTMLParser(_PREFIX.sub(r"\1", _markup(archive, member, source)))


def _markup(archive: zipfile.ZipFile, member: str, source: str) -> str:
    """Return the markup of an XML file as HTML parsers read it; raise `InputError` when it is nested too deeply."""
    page = read_member(archive, member, source)
    declared = _ENCODING.match(page)
    text = decode(page, declared[1].decode("ascii") if declared else None, source)
    text = _SELF_CLOSED.sub(lambda m: m[0] if m[1].lower() in _VOID else f"<{m[1]}{m[2]}></{m[1]}>", text)
    check_nesting(text.encode(), source)
    return text
