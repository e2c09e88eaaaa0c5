"""Plain text in, `Document` out."""

from __future__ import annotations

from tipclassify.document import Document
from tipclassify.segment import text_document

__all__ = ["decode", "read_text"]

_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def read_text(data: bytes, source: str) -> Document:
    """Decode and split into paragraphs; offsets count the decoded characters, line ends as they are."""
    return text_document(decode(data), source)


def decode(data: bytes, declared: str | None = None) -> str:
    """Text of `data`: by its byte-order mark, the declared encoding, UTF-8, or else Windows-1252.

    >>> decode(b"caf\\xe9")
    'café'
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    for name in (declared, "utf-8"):
        if name:
            try:
                return data.decode(name)
            except (UnicodeDecodeError, LookupError):
                continue
    return data.decode("cp1252", "replace")
