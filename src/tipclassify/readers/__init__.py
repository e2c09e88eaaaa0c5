"""Read files, links and standard input into `Document`s, by the reader of the detected format."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tipclassify.errors import InputError, TipclassifyError, broken_input
from tipclassify.readers.formats import SUFFIXES, detect_format, is_blank, is_gzip, is_link, reader_of, suffix_of
from tipclassify.readers.limits import gunzip, read_bounded
from tipclassify.text.document import Document

if TYPE_CHECKING:
    from tipclassify.download import Download

__all__ = ["SUFFIXES", "ReadOptions", "is_link", "is_report", "read_bytes", "read_download", "read_report"]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Options for reading inputs."""

    encoding: str | None = None  # of text and HTML; None detects it
    allow_private: bool = False  # links to private and loopback addresses
    refresh: bool = False  # fetch links again although today's copy is in the cache
    text_column: str = "text"  # column of tables, or field of JSON Lines, with the text of a row


def is_report(name: str) -> bool:
    """Return whether a file's suffix is that of a supported format, with or without ``.gz``.

    >>> is_report("karvonia.PDF"), is_report("karvonia.txt.gz"), is_report("figures.xlsx")
    (True, True, False)
    """
    return suffix_of(name) in SUFFIXES


def read_report(path: str | os.PathLike[str], options: ReadOptions = ReadOptions()) -> Document:
    """Read one report: a file, a link, or standard input for ``-``.

    Raises `InputError` when the file is unreadable, damaged, empty or of an unsupported format.

    The format is detected from the content where its signature is unambiguous (a PDF is read as one under any name),
    else from the media type that the server declares, then from the suffix. Gzip files are decompressed.
    """
    name = os.fspath(path)
    if not is_link(name):
        return read_bytes(read_bounded(name), name, options)
    from tipclassify.download import download

    return read_download(download(name, allow_private=options.allow_private, refresh=options.refresh), name, options)


def read_download(got: Download, name: str, options: ReadOptions = ReadOptions()) -> Document:
    """Read a report downloaded from the link `name`, as `read_report` does, with the same errors."""
    suffix = suffix_of(got.url) or suffix_of(name)
    return _read(got.data, name, suffix, options.encoding, got.content_type, got.encoding)


def read_bytes(data: bytes, name: str, options: ReadOptions = ReadOptions()) -> Document:
    """Read a report from memory, as `read_report` does from a file of that name, with the same errors.

    >>> read_bytes(b"<!doctype html><h1>Karvonia</h1><p>Police arrested nine.", "page").title
    'Karvonia'
    """
    return _read(data, name, suffix_of(name), options.encoding, None, None)


def _read(
    data: bytes, source: str, suffix: str, encoding: str | None, content_type: str | None, declared: str | None
) -> Document:
    """Read `data`, whose encoding a server may have `declared`; detect country and year by title, name or opening."""
    from tipclassify.readers.countries import country_and_year, with_countries

    if is_gzip(data):
        data = gunzip(data, source)
    if is_blank(data):
        raise InputError(f"{source}: empty; give a file with text")
    kind = detect_format(data, source, suffix, content_type)
    try:
        document = reader_of(kind)(
            data, source, *((encoding, declared) if kind in ("text", "markdown", "html") else ())
        )
    except RecursionError:
        raise InputError(f"{source}: nested too deeply to be a report; save it as text") from None
    except TipclassifyError:
        raise
    except Exception as error:  # a hostile or damaged file may break any reader: it must not end a batch
        raise broken_input(source, error) from None
    if all(block.heading for block in document.blocks):
        raise InputError(f"{source}: no readable text in it; give a file with text")
    country, year = country_and_year(document.title, source, document.text)
    return with_countries(replace(document, country=document.country or country, year=document.year or year))
