"""Read files, links and standard input into `Document`s, by the reader of the detected format."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tipclassify.errors import InputError, TipclassifyError, package_of, unreadable
from tipclassify.readers.formats import SUFFIXES, detect_format, reader_of, suffix_of
from tipclassify.readers.limits import gunzip, read_bounded
from tipclassify.records import Document, is_link

if TYPE_CHECKING:
    from tipclassify.download.cache import Download

RULES: Final = 2
"""Number of the rules by which files become passages.

It goes up with a change that moves passages of labelled reports or their headings, so that labels
of other rules can be told (`corpus.real`).
"""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Options for reading inputs."""

    encoding: str | None = None  # of text and HTML; None detects it
    allow_private: bool = False  # links to private and loopback addresses
    text_column: str = "text"  # column of tables, or field of JSON Lines, with the text of a row


def has_report_suffix(name: str) -> bool:
    """Return whether a file's suffix is that of a supported format, with or without ``.gz``.

    >>> [has_report_suffix(name) for name in ("karvonia.PDF", "karvonia.txt.gz", "figures.xlsx")]
    [True, True, False]
    """
    return suffix_of(name) in SUFFIXES


def read_report(path: str | os.PathLike[str], options: ReadOptions = ReadOptions()) -> Document:
    """Read one report: `path` is a file, a link, or ``-`` for standard input.

    Raises `InputError` when the file is unreadable, damaged, empty or of an unsupported format.

    The format is detected from the content where its signature is unambiguous (a PDF is read as one
    under any name), else from the media type that the server declares, then from the suffix. Gzip
    files are decompressed.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = Path(folder, "report.txt")
    ...     _ = report.write_text("Prosecution\\n\\nPolice arrested nine traffickers.")
    ...     read_report(report).blocks[1].section
    'prosecution'
    """
    name = os.fspath(path)
    data, got = read_source_bytes(name, options)
    return read_bytes(data, name, options, got)


def read_source_bytes(
    name: str, options: ReadOptions = ReadOptions()
) -> tuple[bytes, Download | None]:
    """Read the bytes of a file or standard input, or download those of a link.

    Raises `InputError` when that fails.
    """
    if not is_link(name):
        return read_bounded(name), None
    from tipclassify.download import download

    got = download(name, allow_private=options.allow_private)
    return got.data, got


def read_bytes(
    data: bytes, name: str, options: ReadOptions = ReadOptions(), got: Download | None = None
) -> Document:
    """Read a report from memory, as `read_report` does from a file of that name.

    For `data` of a link, `got` has the address that it was found at, and what the server says of
    its format.

    >>> read_bytes(b"<!doctype html><h1>Karvonia</h1><p>Police arrested nine.", "page").title
    'Karvonia'
    """
    try:
        document = _read_document(data, name, options, got)
        return replace(document, sha256=hashlib.sha256(data).hexdigest())
    except ImportError as error:  # after ``pip install --no-deps``
        remedy = "'pip install tipclassify' without --no-deps brings it"
        raise InputError(
            f"{name}: reading it needs {package_of(error)}, which is not installed here; {remedy}"
        ) from None


def format_of(data: bytes, name: str, got: Download | None = None) -> str:
    """Detect the format of a file, unpacked by `gunzip`, or of a download.

    Raises `InputError` for an unsupported one.
    """
    suffix = (suffix_of(got.url) if got else "") or suffix_of(name)
    return detect_format(data, name, suffix, got.content_type if got else None)


def _read_document(data: bytes, name: str, options: ReadOptions, got: Download | None) -> Document:
    """Read a report, and complete its country, year and bibliographic fields."""
    from tipclassify.readers.about.subject import detect_country_and_year, with_block_countries
    from tipclassify.readers.about.titles import with_publication

    data = gunzip(data, name)
    if not data.strip(b" \t\r\n\f\v\0"):
        raise InputError(f"{name}: empty; give a file with text")
    kind = format_of(data, name, got)
    try:
        if kind in ("text", "markdown", "html"):
            declared = got.encoding if got else None
            document = reader_of(kind)(data, name, options.encoding, declared)
        else:
            document = reader_of(kind)(data, name)
    except RecursionError:
        raise InputError(f"{name}: nested too deeply to be a report; save it as text") from None
    except (TipclassifyError, ImportError):
        raise
    # a hostile or damaged file may break any reader: it must not end a batch
    except Exception as error:
        raise unreadable(name, error) from None
    if all(block.heading for block in document.blocks):
        raise InputError(f"{name}: no readable text in it; give a file with text")
    opening = document.text[document.blocks[0].start :]
    country, year = detect_country_and_year(document.title, name, opening, document.address)
    document = replace(document, country=document.country or country, year=document.year or year)
    return with_publication(with_block_countries(document), got.url if got else None)
