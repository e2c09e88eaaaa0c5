"""Read an EPUB book into a `Document`.

Its chapters, in spine order, are read as web pages and concatenated.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from lxml import etree

from tipclassify.errors import InputError
from tipclassify.readers.html.reader import declared_encoding, read_whole_page
from tipclassify.readers.limits import open_zip, read_member
from tipclassify.readers.source_blocks import build_document
from tipclassify.readers.text import decode
from tipclassify.text.document import Document

__all__ = ["read_epub"]

_CONTAINER: Final = "META-INF/container.xml"
_DRM_FILES: Final = ("META-INF/encryption.xml", "META-INF/rights.xml")
_CHAPTER_TYPES: Final = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
# HTML parsers read a self-closed XML element as an open one, which would contain all that follows.
_SELF_CLOSED: Final = re.compile(
    r"""<([A-Za-z][\w:-]*)((?:\s(?:[^<>"']|"[^"<]*"|'[^'<]*')*?)?)/>"""
)
_VOID: Final = frozenset(
    "area base br col embed hr img input link meta param source track wbr".split()
)


def read_epub(data: bytes, source: str) -> Document:
    """Read all chapters; one without a heading continues the section before.

    Raises `InputError` if there is no text.
    """
    archive = open_zip(data, source)
    root = next(
        (
            file.get("full-path", "")
            for file in _parse(archive, _CONTAINER, source).iter("{*}rootfile")
        ),
        "",
    )
    if not root:
        raise InputError(f"{source}: incomplete, it names no book; download it or convert it again")
    package = _parse(archive, root, source)
    title = next((title.text or "" for title in package.iter("{*}title")), "")
    blocks = [
        block
        for page in _chapters(archive, package, root, source)
        for block in read_whole_page(page, source)
    ]
    if all(block.kind == "heading" for block in blocks):
        locked = any(name in archive.namelist() for name in _DRM_FILES)
        why = "locked against copying (DRM); give" if locked else "no readable text in it; give"
        raise InputError(f"{source}: {why} the report in another format")
    return build_document(blocks, source, title)


def _chapters(
    archive: zipfile.ZipFile, package: etree._Element, root: str, source: str
) -> Iterator[str]:
    files = {item.get("id"): item.attrib for item in package.iter("{*}item")}
    members = frozenset(archive.namelist())
    # A book names each chapter once; a hostile one could name a long one a million times.
    for reference in dict.fromkeys(item.get("idref") for item in package.iter("{*}itemref")):
        item = files.get(reference, {})
        member = posixpath.normpath(
            posixpath.join(posixpath.dirname(root), unquote(item.get("href", "")))
        )
        is_chapter = (
            item.get("media-type") in _CHAPTER_TYPES
            and "nav" not in item.get("properties", "").split()
        )
        if is_chapter and member in members:
            page = read_member(archive, member, source)
            text = decode(page, declared_encoding(page), source)
            yield _SELF_CLOSED.sub(
                lambda m: m[0] if m[1].lower() in _VOID else f"<{m[1]}{m[2]}></{m[1]}>", text
            )


def _parse(archive: zipfile.ZipFile, member: str, source: str) -> etree._Element:
    """Parse an XML file, tolerantly.

    Its entities, which could expand to gigabytes, are left as they are.
    """
    parser = etree.XMLParser(recover=True, resolve_entities=False, load_dtd=False, no_network=True)
    try:
        tree = etree.fromstring(read_member(archive, member, source), parser)
    except (etree.XMLSyntaxError, ValueError):
        tree = None
    if tree is None:
        raise InputError(f"{source}: damaged EPUB file; download it or convert it again")
    return tree
