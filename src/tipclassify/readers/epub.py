"""An EPUB book in, `Document` out: its chapters, in the order of its spine, read as web pages and put end to end."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final
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
    container = _parsed(read_member(archive, _CONTAINER, source), source)
    root = next((marks.get("full-path", "") for name, marks in container.elements if name == "rootfile"), "")
    if not root:
        raise InputError(f"{source}: incomplete, it names no book; download it or convert it again")
    book = _parsed(read_member(archive, root, source), source)
    texts: list[str] = []
    blocks: list[Block] = []
    at, section = 0, None
    for chapter in _chapters(archive, book, root, source):
        for block in chapter.blocks:
            section = block.section or section
            blocks.append(replace(block, start=block.start + at, end=block.end + at, section=section))
        texts.append(chapter.text)
        at += len(chapter.text) + 2
    if not blocks:
        locked = any(name in archive.namelist() for name in _LOCKS)
        why = "locked against copying (DRM); give" if locked else "no readable text in it; give"
        raise InputError(f"{source}: {why} the report in another format")
    return Document("\n\n".join(texts), tuple(blocks), source, " ".join(book.title.split()) or None)


def _chapters(archive: zipfile.ZipFile, book: _Package, root: str, source: str) -> Iterator[Document]:
    from tipclassify.readers.html.reader import read_html

    files = {marks.get("id", ""): marks for name, marks in book.elements if name == "item"}
    there = frozenset(archive.namelist())
    for name, marks in book.elements:
        item = files.get(marks.get("idref", "")) if name == "itemref" else None
        if not item or item.get("media-type") not in _PAGES or "nav" in item.get("properties", "").split():
            continue
        member = posixpath.normpath(posixpath.join(posixpath.dirname(root), unquote(item.get("href", ""))))
        if member not in there:
            continue
        page = read_member(archive, member, source)
        declared = _ENCODING.match(page)
        text = _as_html(decode(page, declared[1].decode("ascii") if declared else None, source))
        refuse_deep(text.encode(), source)
        try:
            yield read_html(text.encode(), source, "utf-8")
        except InputError:  # a cover or another page without text
            continue


def _as_html(text: str) -> str:
    return _CLOSED.sub(lambda m: m[0] if m[1].lower() in _VOID else f"<{m[1]}{m[2]}></{m[1]}>", text)


@dataclass(slots=True)
class _Package:
    """The elements of one of the book's XML files in order, without their nesting, and the first title."""

    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    title: str = ""


def _parsed(xml: bytes, source: str) -> _Package:
    """Elements of an XML file by their local names.

    Raises
    ------
    InputError
        When it is no XML, or defines entities: a few lines of them can swell to gigabytes.
    """
    package = _Package()
    titles = 0
    inside = False

    def start(name: str, marks: dict[str, str]) -> None:
        nonlocal inside, titles
        local = name.rpartition(":")[2]
        package.elements.append((local, marks))
        if local == "title":
            titles += 1
            inside = titles == 1

    def end(name: str) -> None:  # noqa: ARG001
        nonlocal inside
        inside = False

    def text(found: str) -> None:
        if inside:
            package.title += found

    def refuse(*declaration: object) -> None:  # noqa: ARG001
        raise InputError(f"{source}: its XML has a document type, which no EPUB needs; convert it to EPUB again")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(xml, True)
    except (expat.ExpatError, ValueError, LookupError):  # the last two: an encoding that does not exist
        raise InputError(f"{source}: damaged EPUB file; download it or convert it again") from None
    return package
