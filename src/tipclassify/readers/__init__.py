"""Read files, links and standard input into `Document`s.

The format is detected from the content, the media type or the suffix, and its reader is imported when it is needed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tipclassify.errors import InputError, TipclassifyError, broken_input
from tipclassify.readers.formats import SUFFIXES, InputFormat, detect_format, is_blank, is_gzip, is_link, suffix_of
from tipclassify.text.document import Document

if TYPE_CHECKING:
    from tipclassify.download import Download

__all__ = ["SUFFIXES", "ReadOptions", "is_link", "is_report", "read_bytes", "read_download", "read_report"]

_OPENING: Final = 2_000  # characters searched for the country and the year


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Hold the user's options for reading inputs.

    Attributes
    ----------
    encoding : str or None
        Encoding of text and HTML; None detects it.
    allow_private : bool
        Allow links to private and loopback addresses.
    refresh : bool
        Fetch links again although today's copy is in the cache.
    """

    encoding: str | None = None
    allow_private: bool = False
    refresh: bool = False


def is_report(name: str) -> bool:
    """Return whether a file's suffix is that of a supported format, with or without ``.gz``.

    >>> is_report("karvonia.PDF"), is_report("karvonia.txt.gz"), is_report("figures.xlsx")
    (True, True, False)
    """
    return suffix_of(name) in SUFFIXES


def read_report(path: str | os.PathLike[str], options: ReadOptions = ReadOptions()) -> Document:
    """Read one report: a file, a link, or standard input for ``-``.

    The format is detected from the content where its signature is unambiguous (a PDF is read as one under any name),
    else from the media type that the server declares, then from the suffix. Gzip files are decompressed.

    Raises
    ------
    InputError
        When the file is unreadable, damaged, empty or of an unsupported format.
    """
    name = os.fspath(path)
    if not is_link(name):
        from tipclassify.readers.limits import read_bounded

        return read_bytes(read_bounded(name), name, options)
    from tipclassify.download import download

    return read_download(download(name, allow_private=options.allow_private, refresh=options.refresh), name, options)


def read_download(got: Download, name: str, options: ReadOptions = ReadOptions()) -> Document:
    """Read a report downloaded from the link `name`, as `read_report` does.

    Raises
    ------
    InputError
        When it is damaged, empty or of an unsupported format.
    """
    suffix = suffix_of(got.url) or suffix_of(name)
    return _read(got.data, name, suffix, options.encoding, got.content_type, got.encoding)


def read_bytes(
    data: bytes, name: str, options: ReadOptions = ReadOptions(), content_type: str | None = None
) -> Document:
    """Read a report from memory, as `read_report` does from a file of that name.

    >>> read_bytes(b"<!doctype html><h1>Karvonia</h1><p>Police arrested nine.", "page").title
    'Karvonia'

    Raises
    ------
    InputError
        When it is damaged, empty or of an unsupported format.
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
    """Read `data` into a document; detect its country and year from title, name or opening.

    `declared` is the encoding that a server declares.
    """
    from tipclassify.readers.countries import country_and_year

    if is_gzip(data):
        from tipclassify.readers.limits import gunzip

        data = gunzip(data, source)
    if is_blank(data):
        raise InputError(f"{source}: empty; give a file with text")
    kind = detect_format(data, source, suffix, content_type)
    try:
        document = _document(kind, data, source, encoding, declared)
    except RecursionError:
        raise InputError(f"{source}: nested too deeply to be a report; save it as text") from None
    except TipclassifyError:
        raise
    except Exception as error:  # a hostile or damaged file may break any reader: it must not end a batch
        raise broken_input(source, error) from None
    if all(block.heading for block in document.blocks):
        raise InputError(f"{source}: no readable text in it; give a file with text")
    country, year = country_and_year(document.title, source, document.text[:_OPENING])
    return replace(document, country=document.country or country, year=document.year or year)


def _document(kind: InputFormat, data: bytes, source: str, encoding: str | None, declared: str | None) -> Document:
    """Read `data` with the reader of its format; readers and their dependencies are imported on demand."""
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
            from tipclassify.readers.html.nesting import check_nesting
            from tipclassify.readers.html.reader import read_html
            from tipclassify.readers.text import check_is_text, decode_text

            check_nesting(data, source)
            if encoding or declared:  # both override the page's own declaration
                return read_html(decode_text(data, source, encoding, declared).encode(), source, "utf-8")
            check_is_text(data, source)
            return read_html(data, source)
        case "text":
            from tipclassify.readers.text import read_text

            return read_text(data, source, encoding, declared)
