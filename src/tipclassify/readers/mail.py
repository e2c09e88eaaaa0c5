"""Read a mail (.eml), or a web page saved as one file (.mhtml), into a `Document`."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Final

from tipclassify.errors import InputError
from tipclassify.formatting import one_line
from tipclassify.readers.about.metadata import absolute_address
from tipclassify.readers.blocks import clean_text, join_blocks
from tipclassify.readers.encodings import decode, marked_as_utf_8
from tipclassify.readers.html.page import read_all_lines, read_page
from tipclassify.records import Document
from tipclassify.text.split import text_document

_LONG_HEADER: Final = re.compile(
    rb"^content-[a-z-]{1,30}:(?:[^\n]|\n[ \t]){20000}", re.IGNORECASE | re.MULTILINE
)
_MAX_HEADER: Final = 1_000  # characters of a subject, a date or a file's name
_MAX_NAMED: Final = 5  # attached files in a warning
_QUOTATION_MARKS: Final = re.compile(r"^(?:>[ \t]?)+", re.MULTILINE)
# up to an empty line or one of another quotation, since a forwarded text may follow
_SIGNATURE: Final = re.compile(
    r"^(?P<marks>(?:>[ \t]?)*)-- \n(?:(?P=marks)[^>\s].*(?:\n|\Z))*", re.MULTILINE
)


def read_mhtml(data: bytes, source: str) -> Document:
    """Read the first page in a web page saved as one file.

    Raises `InputError` when there is none, or no text in it.
    """
    message = _parse(data, source)
    pages = (part for part in message.walk() if part.get_content_type() == "text/html")
    page = next(pages, None)
    content = None if page is None else page.get_payload(decode=True)
    if page is None or not isinstance(content, bytes):
        raise InputError(f"{source}: no page in this saved web page; save it complete, or as text")
    document = read_page(decode(content, page.get_content_charset(), source), source)
    address = (
        document.address
        or absolute_address(message["Snapshot-Content-Location"])
        or absolute_address(page["Content-Location"])
    )
    return replace(document, address=address)


def read_eml(data: bytes, source: str) -> Document:
    """Read the text of a mail: its page, or its plain text.

    Files attached to it are named in a warning. Raises `InputError` when it has neither.
    """
    message = _parse(data, source)
    bodies: dict[str, Message] = {}  # the first of each type
    attached: list[str] = []
    for part in _leaf_parts(message):
        kind = part.get_content_type()
        is_text = kind in ("text/html", "text/plain")
        if is_text and part.get_content_disposition() != "attachment":
            bodies.setdefault(kind, part)
        elif part.get("Content-ID") is None:  # others are pictures in the page
            attached.append(_header(part.get_filename() or kind))
    document = _read_body(bodies, source)
    if attached:
        names = ", ".join(attached[:_MAX_NAMED])
        if len(attached) > _MAX_NAMED:
            names += ", …"
        warnings.warn(
            f"{source}: {len(attached)} attached files are not read: {names}; save them",
            stacklevel=2,
        )
    date = document.date
    if date is None:
        with suppress(ValueError, TypeError, OverflowError):
            written = str(message["Date"])[:_MAX_HEADER]
            date = parsedate_to_datetime(written).date().isoformat()
    title = clean_text(_header(message["Subject"])) or document.title
    return replace(document, title=title, date=date)


def _parse(data: bytes, source: str) -> Message:
    """Parse a mail, or a page saved as one.

    The library takes time that grows with the square of a header's length.
    """
    data = marked_as_utf_8(data)
    if _LONG_HEADER.search(data):
        raise InputError(f"{source}: a header longer than any program writes; save its text")
    # other policies take such time for short headers, too
    return message_from_bytes(data, policy=policy.compat32)


def _leaf_parts(message: Message) -> Iterator[Message]:
    """Yield the parts of a mail that have no parts; a mail attached to it is one."""
    parts = message.get_payload() if message.get_content_maintype() == "multipart" else None
    if not isinstance(parts, list):
        yield message
        return
    for part in parts:
        if isinstance(part, Message):
            yield from _leaf_parts(part)


def _read_body(bodies: Mapping[str, Message], source: str) -> Document:
    """Read the page of a mail, or its plain text without marks of quotation and signatures.

    A mail is all text: it has no menus, though it is laid out with their elements.
    """
    for kind in ("text/html", "text/plain"):
        part = bodies.get(kind)
        if part is None:  # a part without headers, which is plain text, counts as false
            continue
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes) or not content.strip():
            continue
        text = decode(content, part.get_content_charset(), source)
        if kind == "text/plain":
            unsigned = _SIGNATURE.sub("", text.replace("\r\n", "\n"))
            return text_document(_QUOTATION_MARKS.sub("", unsigned), source)
        document = join_blocks(read_all_lines(text, source), source)
        if not all(block.heading for block in document.blocks):
            return document  # of a page without text the plain one may have it
    raise InputError(
        f"{source}: no text in this mail; save the report that is attached to it, or linked in it"
    )


def _header(value: object) -> str:
    """Return a header in one line, with its encoded words decoded."""
    written = str(value or "")[:_MAX_HEADER]
    with suppress(ValueError, LookupError, HeaderParseError):
        written = str(make_header(decode_header(written)))
    return one_line(written)
