"""Plain text in, `Document` out: whatever the encoding, with the pages that form feeds part."""

from __future__ import annotations

import codecs
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tipclassify.errors import InputError
from tipclassify.readers.encodings import BYTE_ORDER_MARKS, guess_encoding, is_binary, wide_encoding
from tipclassify.text.document import Block, Document
from tipclassify.text.segmentation.passages import text_document

__all__ = ["decode", "decode_as", "decode_text", "read_text", "refuse_binary"]

# Codecs of Python for other things than files; a hostile page could name one.
_NOT_OF_FILES: Final = ("idna", "punycode", "raw-unicode-escape", "unicode-escape", "utf-7")
_BEYOND_ASCII: Final = re.compile(r"[^\x00-\x7f]")
_ENDS_SENTENCE: Final = re.compile(r"[.!?:;][\"”’')\]]*\s*$")


def read_text(data: bytes, source: str, encoding: str | None = None, declared: str | None = None) -> Document:
    """Decode and split into paragraphs; offsets count the decoded characters, line ends as they are.

    Parameters
    ----------
    encoding : str or None
        What the user says; nothing else is tried.
    declared : str or None
        What a server says; often wrong.

    Raises
    ------
    InputError
        When the bytes are no text, or not in `encoding`.
    """
    text = decode_text(data, source, encoding, declared)
    document = text_document(text, source)
    return replace(document, blocks=tuple(_paged(document))) if "\f" in text else document


def decode_text(data: bytes, source: str, encoding: str | None = None, declared: str | None = None) -> str:
    """Text of a file: in the encoding that the user names (`decode_as`) or in the one it seems to have (`decode`).

    Raises
    ------
    InputError
        When the bytes are no text, or not in `encoding`.
    """
    if not encoding:
        refuse_binary(data, source)
        return decode(data, declared, source)
    text = decode_as(data, encoding, source)
    if is_binary(text.encode("latin-1", "replace")):
        raise _binary(source)
    return text


def refuse_binary(data: bytes, source: str) -> None:
    """Do nothing for text in any encoding.

    Raises
    ------
    InputError
        When `data` has bytes that no text has.
    """
    marked = any(data.startswith(mark) for mark, _ in BYTE_ORDER_MARKS)
    if is_binary(data) and not marked and not wide_encoding(data):
        raise _binary(source)


def _binary(source: str) -> InputError:
    return InputError(f"{source}: not text (binary data); give PDF, Word, HTML, EPUB, RTF or text")


def decode_as(data: bytes, encoding: str, source: str) -> str:
    """Text of `data` in the encoding that the user names; a byte-order mark is dropped.

    Raises
    ------
    InputError
        When there is no such encoding, or `data` is not in it.

    >>> decode_as(b"caf\\x8e", "macintosh", "menu.txt")
    'café'
    """
    codec = _codec(encoding)
    if codec is None:
        raise InputError(f"{source}: no encoding is called {encoding!r}; try utf-8, cp1252 or macintosh")
    try:
        return data.decode(codec).removeprefix("\ufeff")
    except UnicodeError:
        raise InputError(f"{source}: not in {encoding}; give another encoding, or none to detect it") from None


def decode(data: bytes, declared: str | None = None, source: str = "<text>") -> str:
    """Text of `data`: by its byte-order mark, as UTF-8, as declared, or by what makes most sense of it.

    A file that is UTF-8 but for some bytes is read as UTF-8. Bytes that mean nothing become U+FFFD, with a warning.

    >>> decode(b"caf\\xe9")
    'café'
    """
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _warned(data[len(mark) :], encoding, source)
    wide = wide_encoding(data)
    if wide:
        return _warned(data, wide, source)
    for codec in ("utf-8", _codec(declared)):  # what happens to be valid UTF-8 is UTF-8, whatever a server says
        if codec:
            try:
                return data.decode(codec)
            except UnicodeError:
                continue
    return _warned(data, "utf-8" if _mostly_utf8(data) else guess_encoding(data) or "cp1252", source)


def _codec(encoding: str | None) -> str | None:
    """Python's codec of that name. Latin-1 is read as its superset Windows-1252, as browsers do."""
    try:
        name = codecs.lookup(encoding or "").name
        " ".encode(name)  # fails for codecs of bytes to bytes
    except (LookupError, ValueError):
        return None
    if name in _NOT_OF_FILES:
        return None
    return "cp1252" if name in ("iso8859-1", "ascii") else name


def _warned(data: bytes, encoding: str, source: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeError:
        text = data.decode(encoding, "replace")
        lost = text.count("\ufffd")
        warnings.warn(
            f"{source}: not quite {encoding}; {lost} characters are lost (\ufffd); name the encoding if it is another",
            stacklevel=2,
        )
        return text


def _mostly_utf8(data: bytes) -> bool:
    """Whether far more letters beyond ASCII are valid UTF-8 than not: text in another encoding has hardly any."""
    text = data.decode("utf-8", "replace")
    lost = text.count("\ufffd")
    return len(_BEYOND_ASCII.findall(text)) > 3 * lost


def _paged(document: Document) -> Iterator[Block]:
    """Blocks with their pages; the halves of a sentence that a page break parted are one block again."""
    text, page, at = document.text, 1, 0
    last: Block | None = None
    for block in document.blocks:
        feeds = text.count("\f", at, block.start)
        page, at = page + feeds, block.start
        if last and feeds and _goes_on(text, last, block):
            last = replace(last, end=block.end)
            continue
        if last:
            yield last
        last = replace(block, page=page)
    if last:
        yield last


def _goes_on(text: str, last: Block, block: Block) -> bool:
    heading = last.heading or block.heading
    first = text[block.start : block.end].lstrip()[:1]
    return not heading and first.islower() and not _ENDS_SENTENCE.search(text, last.start, last.end)
