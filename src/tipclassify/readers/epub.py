"""An EPUB book in, `Document` out: its chapters, in the order of its spine, read as web pages and put end to end."""

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
from tipclassify.readers.html.nesting import refuse_deep
from tipclassify.readers.limits import open_zip, read_member
from tipclassify.readers.text import decode
from tipclassify.text.document import Block, Document

__all__ = ["read_epub"]

_CONTAINER: Final = "META-INF/container.xml"
_LOCKS: Final = ("META-INF/encryption.xml", "META-INF/rights.xml")
_PAGES: Final = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
_ENCODING: Final = re.compile(rb"""\s*<\?xml[^>]{0,200}encoding\s*=\s*["']([\w.-]+)""")
# XML closes an empty element with "/>", which HTML takes for an opening: all that follows would be inside it.
_CLOSED: Final = re.compile(r"""<([A-Za-z][\w:-]*)((?:\s(?:[^<>"']|"[^"<]*"|'[^'<]*')*?)?)/>""")
_VOID: Final = frozenset("area base br col embed hr img input link meta param source track wbr".split())


def read_epub(data: bytes, source: str) -> Document:
    """Blocks of all chapters; a chapter that opens no section goes on with the last one.

    Raises
    ------
    InputError
        When the book is damaged, locked, too large, or has no text.
    """
    archive = open_zip(data, source)
    container = _elements(read_member(archive, _CONTAINER, source), source)
    root = next((found.attributes.get("full-path", "") for found in container if found.name == "rootfile"), "")
    if not root:
        raise InputError(f"{source}: incomplete, it names no book; download it or convert it again")
    package = _elements(read_member(archive, root, source), source)
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
        locked = any(name in archive.namelist() for name in _LOCKS)
        why = "locked against copying (DRM); give" if locked else "no readable text in it; give"
        raise InputError(f"{source}: {why} the report in another format")
    return Document("\n\n".join(texts), tuple(blocks), source, " ".join(title.split()) or None)


def _chapters(archive: zipfile.ZipFile, package: list[_Element], root: str, source: str) -> Iterator[Document]:
    """Chapters with text, in reading order."""
    from tipclassify.readers.html.reader import read_html

    files = {found.attributes.get("id"): found.attributes for found in package if found.name == "item"}
    there = frozenset(archive.namelist())
    # A book names each chapter once; a hostile one could name a long one a million times.
    for reference in dict.fromkeys(found.attributes.get("idref", "") for found in package if found.name == "itemref"):
        item = files.get(reference, {})
        member = posixpath.normpath(posixpath.join(posixpath.dirname(root), unquote(item.get("href", ""))))
        if item.get("media-type") not in _PAGES or "nav" in item.get("properties", "").split() or member not in there:
            continue
        page = read_member(archive, member, source)
        declared = _ENCODING.match(page)
        text = decode(page, declared[1].decode("ascii") if declared else None, source)
        page = _CLOSED.sub(lambda m: m[0] if m[1].lower() in _VOID else f"<{m[1]}{m[2]}></{m[1]}>", text).encode()
        refuse_deep(page, source)
        try:
            yield read_html(page, source, "utf-8")
        except InputError:  # a cover or another page without text
            continue


class _Element(NamedTuple):
    """An element of an XML file: its local name, and the text from its start to that of the next one."""

    name: str
    attributes: dict[str, str]
    texts: list[str]


def _elements(xml: bytes, source: str) -> list[_Element]:
    """Elements of an XML file in order, without their nesting.

    Raises
    ------
    InputError
        When it is no XML, or defines entities: a few lines of them can swell to gigabytes.
    """
    found: list[_Element] = []

    def refuse(*_: object) -> None:
        raise InputError(f"{source}: its XML has a document type, which no EPUB needs; convert it to EPUB again")

    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, attributes: found.append(
        _Element(name.rpartition(":")[2], attributes, [])
    )
    parser.CharacterDataHandler = lambda text: found[-1].texts.append(text)
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(xml, True)
    except (expat.ExpatError, ValueError, LookupError):  # the last two: an encoding that does not exist
        raise InputError(f"{source}: damaged EPUB file; download it or convert it again") from None
    return found
