"""Read an EPUB book into a `Document`: its chapters, in their order, are read as web pages."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from lxml import etree

from tipclassify.errors import InputError
from tipclassify.readers.blocks import join_blocks
from tipclassify.readers.encodings import decode
from tipclassify.readers.html.lines import Line
from tipclassify.readers.html.page import declared_encoding, read_all_lines
from tipclassify.readers.limits import open_zip, read_zip_member
from tipclassify.records import Document

_CONTAINER: Final = "META-INF/container.xml"
_DRM_FILES: Final = ("META-INF/encryption.xml", "META-INF/rights.xml")
_CHAPTER_TYPES: Final = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
# HTML parsers read a self-closed XML element as an open one, which would contain all that follows.
_SELF_CLOSED: Final = re.compile(
    r"""<(?P<name>[A-Za-z][\w:-]*)
    (?P<attributes>(?:\s(?:[^<>"']|"[^"<]*"|'[^'<]*')*?)?)/>""",
    re.VERBOSE,
)
_VOID: Final = frozenset(
    "area base br col embed hr img input link meta param source track wbr".split()
)


def read_epub(data: bytes, source: str) -> Document:
    """Read all chapters; one without a heading continues the section before.

    Raises `InputError` if there is no text.
    """
    archive = open_zip(data, source)
    root_file = next(_parse_xml(archive, _CONTAINER, source).iter("{*}rootfile"), None)
    root = "" if root_file is None else root_file.get("full-path", "")
    if not root:
        raise InputError(f"{source}: incomplete, it names no book; download it or convert it again")
    package = _parse_xml(archive, root, source)
    blocks: list[Line] = []
    for page in _chapters(archive, package, root, source):
        blocks += read_all_lines(page, source)
    if all(block.kind == "heading" for block in blocks):
        locked = any(name in archive.namelist() for name in _DRM_FILES)
        why = "locked against copying (DRM); give" if locked else "no readable text in it; give"
        raise InputError(f"{source}: {why} the report in another format")
    title = next(package.iter("{*}title"), None)
    return join_blocks(blocks, source, None if title is None else title.text)


def _chapters(
    archive: zipfile.ZipFile, package: etree._Element, root: str, source: str
) -> Iterator[str]:
    """Yield the pages of the chapters in the order of the book, but for its table of contents."""
    items = {item.get("id"): item for item in package.iter("{*}item")}
    members = frozenset(archive.namelist())
    folder = posixpath.dirname(root)
    # A book names each chapter once; a hostile one could name a long one a million times.
    for name in dict.fromkeys(reference.get("idref") for reference in package.iter("{*}itemref")):
        item = items.get(name)
        if item is None or item.get("media-type") not in _CHAPTER_TYPES:
            continue
        if "nav" in item.get("properties", "").split():
            continue
        member = posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
        if member in members:
            page = read_zip_member(archive, member, source)
            yield _SELF_CLOSED.sub(_with_end_tag, decode(page, declared_encoding(page), source))


def _with_end_tag(element: re.Match[str]) -> str:
    """Write a self-closed element with an end tag, unless HTML knows it as empty."""
    if element["name"].lower() in _VOID:
        return element[0]
    return f"<{element['name']}{element['attributes']}></{element['name']}>"


def _parse_xml(archive: zipfile.ZipFile, member: str, source: str) -> etree._Element:
    """Parse an XML file, tolerantly.

    Its entities, which could expand to gigabytes, are left as they are.
    """
    parser = etree.XMLParser(recover=True, resolve_entities=False, load_dtd=False, no_network=True)
    try:
        tree = etree.fromstring(read_zip_member(archive, member, source), parser)
    except (etree.XMLSyntaxError, ValueError):
        tree = None
    if tree is None:
        raise InputError(f"{source}: damaged EPUB file; download it or convert it again")
    return tree
