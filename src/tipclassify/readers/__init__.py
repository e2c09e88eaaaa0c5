"""Files in, `Document`s out: one reader a format."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tipclassify.document import Document
from tipclassify.errors import InputError

__all__ = ["SUFFIXES", "ReadOptions", "is_link", "read_report"]

LARGEST: Final = 100_000_000
"""Bytes of a report; the longest real one has two million."""

_TEXT: Final = (".txt", ".text", ".md", "")
_HTML: Final = (".html", ".htm", ".xhtml")

SUFFIXES: Final = (".txt", ".md", ".html", ".htm")
"""Suffixes of files that are read as reports."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the user says of inputs.

    Attributes
    ----------
    encoding : str or None
        Encoding of text and HTML; None detects it.
    allow_private : bool
        Links may lead to private and loopback addresses.
    refresh : bool
        Links are fetched anew though today's copy is in the cache.
    """

    encoding: str | None = None
    allow_private: bool = False
    refresh: bool = False


def is_link(name: str) -> bool:
    """Whether an input is an address on the web."""
    return name.lower().startswith(("http://", "https://"))


def read_report(path: str | os.PathLike[str], options: ReadOptions = ReadOptions()) -> Document:  # noqa: ARG001
    """Read one report: plain text or HTML by its suffix, standard input (as text or HTML) for ``-``.

    Raises
    ------
    InputError
        With one line that says what is wrong with the file and what to do.
    """
    name = os.fspath(path)
    file = Path(name)
    suffix = file.suffix.lower()
    if name != "-" and suffix not in (*_TEXT, *_HTML):
        raise InputError(f"{name}: cannot read {suffix} files; give text (.txt, .md) or HTML (.html)")
    data = _read_bytes(name)
    if not data.strip():
        raise InputError(f"{name}: empty; give a file with text")
    if suffix in _HTML or (name == "-" and _looks_like_html(data)):
        from tipclassify.readers.html import read_html

        return read_html(data, name)
    if _looks_binary(data):
        raise InputError(f"{name}: not text (binary data); give text or HTML")
    from tipclassify.readers.text import read_text

    return read_text(data, name)


def _read_bytes(name: str) -> bytes:
    try:
        if name == "-":
            data = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with open(name, "rb") as file:
                data = file.read(LARGEST + 1)
    except OSError as error:
        raise InputError(f"{name}: {(error.strerror or str(error)).lower()}; check the path") from None
    if len(data) > LARGEST:
        raise InputError(f"{name}: over {LARGEST // 1_000_000} MB; split it")
    return data


def _looks_like_html(data: bytes) -> bool:
    head = data[:2_000].lstrip().lower()
    return head.startswith((b"<!doctype html", b"<html")) or b"<html" in head or b"<body" in head


def _looks_binary(data: bytes) -> bool:
    utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    return not utf16 and b"\x00" in data[:8_000]
