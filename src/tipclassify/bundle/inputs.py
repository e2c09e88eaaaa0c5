"""Inputs of a bundle: their bytes as they came, and what is read from those bytes, now and when somebody checks it.

What `tipclassify score` reads from an input and what is read from its bytes here are the same.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

from tipclassify.bundle.manifest import Link
from tipclassify.document import Document, Passage
from tipclassify.errors import InputError
from tipclassify.readers import ReadOptions, is_link, read_bytes
from tipclassify.readers.kinds import Kind, is_blank, is_gzip, kind_of, suffix_of
from tipclassify.readers.limits import gunzip, read_bounded
from tipclassify.readers.text import decode
from tipclassify.segment import split_passages

if TYPE_CHECKING:
    from tipclassify.segment import Unit

__all__ = [
    "ROWS",
    "Original",
    "Reading",
    "bundled_name",
    "get_original",
    "read_original",
    "sha256_of_text",
    "told_name",
]

ROWS: Final = "rows"
"""Stands where the kind of a report would, for passages that came ready split."""

_ROW_FILES: Final = (".jsonl", ".ndjson")
_MEDIA_TYPES: Final[dict[Kind, str]] = {"text": "text/plain", "markdown": "text/markdown", "html": "text/html"}
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Original:
    """An input as it came.

    Attributes
    ----------
    name : str
        What the bundle calls it (`told_name`); its suffix may say what it is.
    """

    name: str
    data: bytes
    link: Link | None = None

    @property
    def sha256(self) -> str:
        """Of its bytes."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read from an input.

    Attributes
    ----------
    kind : str
        Which reader read it, or `ROWS`.
    document : Document or None
        None for rows.
    passages : list of Passage
        Split, not scored.
    notes : tuple of str
        What could not be read in full.
    """

    kind: str
    document: Document | None
    passages: list[Passage]
    notes: tuple[str, ...]


def get_original(file: str, options: ReadOptions) -> Original:
    """The bytes of a file, a link, or standard input for ``-``.

    Raises
    ------
    InputError
        With one line that says what is wrong and what to do.
    """
    if not is_link(file):
        return Original(told_name(file), read_bounded(file))
    from tipclassify.links import download

    got = download(file, allow_private=options.allow_private, refresh=options.refresh)
    return Original(file, got.data, Link(got.url, got.fetched, got.content_type, got.encoding))


def told_name(file: str) -> str:
    """The name of an input for others: of a path that leads through the whole machine or out of the folder, its end.

    >>> told_name("/home/jane/secret/qatar.html"), told_name("reports/qatar.html"), told_name("../qatar.html")
    ('qatar.html', 'reports/qatar.html', 'qatar.html')
    """
    if is_link(file) or file == "-":
        return file
    path = PurePath(file)
    return path.name if path.anchor or ".." in path.parts else path.as_posix()


def bundled_name(number: int, name: str) -> str:
    """Where the bytes of an input lie in a bundle: a name that every system can have, and no two inputs share.

    >>> bundled_name(3, "reports/Côte d'Ivoire.html")
    'sources/0003-C-te-d-Ivoire.html'
    """
    end = name.rstrip("/").split("/")[-1]
    return f"sources/{number:04}-{_ODD.sub('-', end).strip('-')[-80:].lstrip('.') or 'input'}"


def sha256_of_text(text: str) -> str:
    """SHA-256 of a text in UTF-8; halves of characters, which UTF-8 has not, are taken as if it had them."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_original(original: Original, encoding: str | None, unit: Unit) -> Reading:
    """Read and split an input.

    Raises
    ------
    InputError
        With one line that says what is wrong and what to do.
    """
    if Path(original.name).suffix.lower() in _ROW_FILES and not is_link(original.name):
        return Reading(ROWS, None, list(_rows(original)), ())
    with warnings.catch_warnings(record=True) as doubts:
        warnings.simplefilter("always", UserWarning)
        kind, document = _read(original, encoding)
    notes = tuple(str(doubt.message) for doubt in doubts if doubt.category is UserWarning)
    return Reading(kind, document, split_passages(document, unit), notes)


def _read(original: Original, encoding: str | None) -> tuple[Kind, Document]:
    data, name, link = original.data, original.name, original.link
    media = link.content_type if link else None
    if is_gzip(data):
        data = gunzip(data, name)
    if is_blank(data):
        raise InputError(f"{name}: empty; give a file with text")
    suffix = (suffix_of(link.url) if link else "") or suffix_of(name)
    kind = kind_of(data, name, suffix, media)
    if not link:
        return kind, read_bytes(data, name, ReadOptions(encoding))
    if link.encoding and not encoding and kind in _MEDIA_TYPES:  # a server's word goes before the page's own
        data, encoding = decode(data, link.encoding, name).encode(), "utf-8"
    return kind, read_bytes(data, name, ReadOptions(encoding), _MEDIA_TYPES.get(kind))


def _rows(original: Original) -> Iterator[Passage]:
    for number, line in enumerate(io.BytesIO(original.data), 1):
        if not line.strip():
            continue
        where = f"{original.name}:{number}"
        try:
            row = json.loads(line.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            raise InputError(f"{where}: broken JSON, or not UTF-8; write one object a line") from None
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise InputError(f'{where}: no "text" field; write {{"text": "…"}}')
        section = row.get("section")
        yield Passage(row["text"], 0, len(row["text"]), section if isinstance(section, str) else None)
