"""Files, links and standard input in, `Document`s out: one reader a format, chosen here."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tipclassify.errors import InputError
from tipclassify.readers.formats import SUFFIXES, Kind, is_blank, is_gzip, is_link, kind_of, suffix_of
from tipclassify.text.document import Document

if TYPE_CHECKING:
    from tipclassify.download import Download

__all__ = ["SUFFIXES", "ReadOptions", "is_link", "is_report", "read_bytes", "read_download", "read_report"]

_OPENING: Final = 2_000  # characters that may tell country and year


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


def is_report(name: str) -> bool:
    """Whether a file's suffix says that a reader knows it, packed with gzip or not.

    >>> is_report("karvonia.PDF"), is_report("karvonia.txt.gz"), is_report("figures.xlsx")
    (True, True, False)
    """
    return suffix_of(name) in SUFFIXES


def read_report(path: str | os.PathLike[str], options: ReadOptions = ReadOptions()) -> Document:
    """Read one report: a file, a link, or standard input for ``-``.

    Content decides what it is where that is unmistakable (a PDF is read as one whatever its name), else the media type
    that the server names, then the suffix. Files packed with gzip are unpacked.

    Raises
    ------
    InputError
        With one line that says what is wrong with the file and what to do.
    """
    name = os.fspath(path)
    if not is_link(name):
        from tipclassify.readers.limits import read_bounded

        return read_bytes(read_bounded(name), name, options)
    from tipclassify.download import download

    return read_download(download(name, allow_private=options.allow_private, refresh=options.refresh), name, options)


def read_download(got: Download, name: str, options: ReadOptions = ReadOptions()) -> Document:
    """Read a report that was fetched from the link `name`, as `read_report` does.

    Raises
    ------
    InputError
        With one line that says what is wrong with it and what to do.
    """
    suffix = suffix_of(got.url) or suffix_of(name)
    return _read(got.data, name, suffix, options.encoding, got.content_type, got.encoding)


def read_bytes(
    data: bytes, name: str, options: ReadOptions = ReadOptions(), content_type: str | None = None
) -> Document:
    """Read a report that is in memory, as `read_report` would read it from a file of that name.

    >>> read_bytes(b"<!doctype html><h1>Karvonia</h1><p>Police arrested nine.", "page").title
    'Karvonia'

    Raises
    ------
    InputError
        With one line that says what is wrong with it and what to do.
    """
    return _read(data, name, suffix_of(name), options.encoding, content_type)


def _read(
    data: bytes,
    source: str,
    suffix: str,
    encoding: str | None,
    content_type: str | None = None,
    declared: str | None = None,
) -> Document:
    """The document in `data`, with the country and year that title, name or opening tell; `declared` is a server's encoding."""
    from tipclassify.readers.countries import country_and_year

    if is_gzip(data):
        from tipclassify.readers.limits import gunzip

        data = gunzip(data, source)
    if is_blank(data):
        raise InputError(f"{source}: empty; give a file with text")
    kind = kind_of(data, source, suffix, content_type)
    try:
        document = _document(kind, data, source, encoding, declared)
    except RecursionError:
        raise InputError(f"{source}: nested too deeply to be a report; save it as text") from None
    if all(block.heading for block in document.blocks):
        raise InputError(f"{source}: no readable text in it; give a file with text")
    country, year = country_and_year(document.title, source, document.text[:_OPENING])
    return replace(document, country=document.country or country, year=document.year or year)


def _document(kind: Kind, data: bytes, source: str, encoding: str | None, declared: str | None) -> Document:
    """What the reader of a kind makes of `data`; a reader, and what it is built on, is imported when it is needed."""
    match kind:
        case "pdf":
            from tipclassify.readers.pdf.reader import read_pdf

            return read_pdf(data, source)
        case "docx":
            from tipclassify.readers.office import read_docx

            return read_docx(data, source)
        case "epub":
            from tipclassify.readers.epub import read_epub

            return read_epub(data, source)
        case "rtf":
            from tipclassify.readers.rtf import read_rtf

            return read_rtf(data, source)
        case "mhtml":
            from tipclassify.readers.html.mhtml import read_mhtml

            return read_mhtml(data, source)
        case "markdown":
            from tipclassify.readers.markdown import read_markdown

            return read_markdown(data, source, encoding, declared)
        case "html":
            from tipclassify.readers.html.nesting import refuse_deep
            from tipclassify.readers.html.reader import read_html
            from tipclassify.readers.text import decode_text, refuse_binary

            refuse_deep(data, source)
            if encoding or declared:  # both go before the page's own word
                return read_html(decode_text(data, source, encoding, declared).encode(), source, "utf-8")
            refuse_binary(data, source)
            return read_html(data, source)
        case "text":
            from tipclassify.readers.text import read_text

            return read_text(data, source, encoding, declared)
