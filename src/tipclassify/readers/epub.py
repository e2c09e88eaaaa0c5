"""Read an EPUB book into a `Document`: its chapters, in spine order, are read as web pages and concatenated."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple
from urllib.parse import unquote
from xml.parsers import expat

from tipclassify.errors import InputError
from tipclassify.readers.html.nesting import check_nesting
from tipclassify.readers.limits import open_zip, read_member
from tipclassify.readers.text import decode
from tipclassify.text.document import Block, Document

__all__ = ["read_epub"]

_CONTAINER: Final = "META-INF/container.xml"
_DRM_FILES: Final = ("META-INF/encryption.xml", "META-INF/rights.xml")
_CHAPTER_TYPES: Final = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
_ENCODING: Final = re.compile(rb"""\s*<\?xml[^>]{0,200}encoding\s*=\s*["']([\w.-]+)""")
# HTML parsers read a self-closed XML element as an open one, which would contain all that follows.
_SELF_CLOSED: Final = re.compile(r"""<([A-Za-z][\w:-]*)((?:\s(?:[^<>"']|"[^"<]*"|'[^'<]*')*?)?)/>""")
_VOID: Final = frozenset("area base br col embed hr img input link meta param source track wbr".split())


def read_epub(data: bytes, source: str) -> Document:
    """Read all chapters; a chapter without a section heading continues the section before.

    Raises `InputError` when the book is damaged, locked, too large, or has no text.
    """
    archive = open_zip(data, source)
    container = _parse_elements(read_member(archive, _CONTAINER, source), source)
    root = next((found.attributes.get("full-path", "") for found in container if found.name == "rootfile"), "")
    if not root:
        raise InputError(f"{source}: incomplete, it names no book; download it or convert it again")
    package = _parse_elements(read_member(archive, root, source), source)
    title = next(("".join(found.texts) for found in package if found.name == "title"), "")
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
    return Document("\n\n".join(texts), tuple(blocks), source, " ".join(title.split()) or None)


def _chapters(archive: zipfile.ZipFile, package: list[_Element], root: str, source: str) -> Iterator[Document]:
    """Yield chapters with text, in reading order."""
    from tipclassify.readers.html.reader import read_html

    files = {found.attributes.get("id"): found.attributes for found in package if found.name == "item"}
    members = frozenset(archive.namelist())
    # A book names each chapter once; a hostile one could name a long one a million times.
    for reference in dict.fromkeys(found.attributes.get("idref", "") for found in package if found.name == "itemref"):
        item = files.get(reference, {})
        member = posixpath.normpath(posixpath.join(posixpath.dirname(root), unquote(item.get("href", ""))))
        is_chapter = item.get("media-type") in _CHAPTER_TYPES and "nav" not in item.get("properties", "").split()
        if not is_chapter or member not in members:
            continue
        page = read_member(archive, member, source)
        declared = _ENCODING.match(page)
        text = decode(page, declared[1].decode("ascii") if declared else None, source)
        page = _SELF_CLOSED.sub(lambda m: m[0] if m[1].lower() in _VOID else f"<{m[1]}{m[2]}></{m[1]}>", text).encode()
        check_nesting(page, source)
        try:
            yield read_html(page, source, "utf-8")
        except InputError:  # a cover or another page without text
            continue


class _Element(NamedTuple):
    """An XML element: its local name, attributes, and text up to the next start tag."""

    name: str
    attributes: dict[str, str]
    texts: list[str]


def _parse_elements(xml: bytes, source: str) -> list[_Element]:
    """Parse an XML file into a flat list of elements, without document type: nested entities can expand to gigabytes."""
    found: list[_Element] = []

    def refuse(*_: object) -> None:
        raise InputError(f"{source}: its XML has a document type, which no EPUB needs; convert it to EPUB again")

    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, given: found.append(_Element(name.rpartition(":")[2], given, []))
    parser.CharacterDataHandler = lambda text: found[-1].texts.append(text)
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(xml, True)
    except (expat.ExpatError, ValueError, LookupError):  # the last two: an unknown encoding
        raise InputError(f"{source}: damaged EPUB file; download it or convert it again") from None
    return found
