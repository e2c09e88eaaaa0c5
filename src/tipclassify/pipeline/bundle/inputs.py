"""Inputs of a bundle: their bytes, and the passages read from these bytes, for writing and for verifying a bundle.

The passages equal those of ``tipclassify score``.
"""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final

from tipclassify.download import Download, download
from tipclassify.pipeline.bundle.manifest import ROWS, Link
from tipclassify.readers import ReadOptions, is_link, read_bytes, read_download
from tipclassify.readers.formats import detect_format, is_gzip, suffix_of
from tipclassify.readers.jsonl import parse_row
from tipclassify.readers.limits import gunzip, read_bounded
from tipclassify.text.document import Document, Passage
from tipclassify.text.segmentation.passages import Unit, split_passages

__all__ = ["Original", "ParsedInput", "bundled_name", "get_original", "public_name", "read_original"]

_ROW_FILES: Final = (".jsonl", ".ndjson")
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Original:
    """The bytes of an input."""

    name: str  # `public_name`; its suffix may decide the format
    data: bytes
    link: Link | None = None

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes, in hex."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class ParsedInput:
    """An input read and split."""

    about: dict[str, Any]  # fields of `Input` derived from the content: kind, title, country, …
    document: Document | None  # None for rows
    passages: list[Passage]  # not scored
    notes: tuple[str, ...] = ()  # the reader's warnings


def get_original(file: str, options: ReadOptions) -> Original:
    """Read the bytes of a file, a link, or standard input for ``-``; raise `InputError` when that fails."""
    if not is_link(file):
        return Original(public_name(file), read_bounded(file))
    got = download(file, allow_private=options.allow_private, refresh=options.refresh)
    return Original(file, got.data, Link(got.url, got.fetched, got.content_type, got.encoding))


def public_name(file: str) -> str:
    """Make an input's public name: only the last part of a path that is absolute or leads out of the working folder.

    >>> public_name("/home/jane/secret/qatar.html"), public_name("reports/qatar.html"), public_name("../qatar.html")
    ('qatar.html', 'reports/qatar.html', 'qatar.html')
    """
    if is_link(file) or file == "-":
        return file
    path = PurePath(file)
    return path.name if path.anchor or ".." in path.parts else path.as_posix()


def bundled_name(number: int, name: str) -> str:
    """Make the path of an input in a bundle: valid on every system, and unique by its number.

    >>> bundled_name(3, "reports/Côte d'Ivoire.html")
    'sources/0003-C-te-d-Ivoire.html'
    """
    end = name.rstrip("/").split("/")[-1]
    return f"sources/{number:04}-{_ODD.sub('-', end).strip('-')[-80:].lstrip('.') or 'input'}"


def read_original(original: Original, encoding: str | None, unit: Unit) -> ParsedInput:
    """Read and split an input; raise `InputError` when it cannot be read."""
    if Path(original.name).suffix.lower() in _ROW_FILES and not is_link(original.name):
        return ParsedInput(_about(ROWS, None), None, _rows(original))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        kind, document = _read(original, ReadOptions(encoding))
    notes = tuple(str(warning.message) for warning in caught if warning.category is UserWarning)
    return ParsedInput(_about(kind, document), document, split_passages(document, unit), notes)


def _read(original: Original, options: ReadOptions) -> tuple[str, Document]:
    data, name, link = original.data, original.name, original.link
    if link is None:
        document = read_bytes(data, name, options)
    else:
        got = Download(data, link.content_type, link.encoding, link.url, link.fetched)
        document = read_download(got, name, options)
    suffix = (suffix_of(link.url) if link else "") or suffix_of(name)
    plain = gunzip(data, name) if is_gzip(data) else data
    return detect_format(plain, name, suffix, link.content_type if link else None), document


def _about(kind: str, document: Document | None) -> dict[str, Any]:
    if document is None:
        return {"kind": kind, **dict.fromkeys(("title", "country", "year", "text_sha256", "characters"))}
    text = document.text.encode("utf-8", "surrogatepass")  # text from JSON may have lone surrogates
    return {
        "kind": kind,
        "title": document.title,
        "country": document.country,
        "year": document.year,
        "text_sha256": hashlib.sha256(text).hexdigest(),
        "characters": len(document.text),
    }


def _rows(original: Original) -> list[Passage]:
    lines = ((number, line) for number, line in enumerate(io.BytesIO(original.data), 1) if line.strip())
    rows = (parse_row(line, f"{original.name}:{number}") for number, line in lines)
    return [Passage(row["text"], 0, len(row["text"]), row.get("section")) for row in rows]
