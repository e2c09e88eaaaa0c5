"""Read a web page saved as one file (MHTML) into a `Document`, without images and styles."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import Message

from tipclassify.errors import InputError
from tipclassify.readers.text import decode
from tipclassify.text.document import Document

__all__ = ["read_mhtml"]


def read_mhtml(data: bytes, source: str) -> Document:
    """Read the first page in the file.

    Raises
    ------
    InputError
        When there is no page in it, or the page has no text.
    """
    from tipclassify.readers.html.reader import read_html

    message = message_from_bytes(data, policy=policy.compat32)
    page = next((part for part in message.walk() if part.get_content_type() == "text/html"), None)
    content = page.get_payload(decode=True) if isinstance(page, Message) else None
    if page is None or not isinstance(content, bytes):
        raise InputError(f"{source}: no page in this saved web page; save it complete, or as text")
    text = decode(content, page.get_content_charset(), source)
    return read_html(text.encode(), source, "utf-8")
