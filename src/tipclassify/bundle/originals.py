"""Bundle inputs: their bytes fetched, then read and split into passages."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath

from tipclassify.bundle.manifest import ROWS, BundleFigures, Input, Link
from tipclassify.download import download
from tipclassify.download.cache import Download
from tipclassify.readers import ReadOptions
from tipclassify.readers.child import read_bytes_isolated
from tipclassify.readers.formats import detect_format, suffix_of
from tipclassify.readers.limits import gunzip, read_bounded
from tipclassify.readers.rows import parse_row
from tipclassify.records import Passage, Unit, is_link
from tipclassify.tagging import read_with_notes
from tipclassify.tagging.inputs import ROWS as ROW_FILES
from tipclassify.text.split import split_passages

__all__ = [
    "OriginalText",
    "fetch_bundle_original",
    "public_name_of_bundle_input",
    "read_bundle_original",
]


def fetch_bundle_original(file: str, options: ReadOptions) -> Download:
    """Read a file, a link, or standard input for ``-``, as a download.

    Raises `InputError` when that fails.
    """
    if is_link(file):
        return download(file, allow_private=options.allow_private)
    return Download(read_bounded(file), None, None, public_name_of_bundle_input(file), "")


def public_name_of_bundle_input(file: str) -> str:
    """Make an input's public name: no folder above the working folder is in it.

    >>> public_name_of_bundle_input("/home/jane/secret/qatar.html")
    'qatar.html'
    >>> public_name_of_bundle_input("../qatar.html")
    'qatar.html'
    >>> public_name_of_bundle_input("reports/qatar.html")
    'reports/qatar.html'
    """
    if is_link(file) or file == "-":
        return file
    path = PurePath(file)
    return path.name if path.anchor or ".." in path.parts else path.as_posix()


@dataclass(frozen=True, slots=True)
class OriginalText:
    """An input as it was read and split, without scores; None for what rows do not have."""

    name: str
    sha256: str
    size: int  # bytes
    kind: str
    passages: list[Passage]
    link: Link | None = None
    notes: tuple[str, ...] = ()
    title: str | None = None
    country: str | None = None
    year: int | None = None
    publication: str | None = None
    text_sha256: str | None = None
    characters: int | None = None

    def recorded(self, source: str | None, counted: BundleFigures) -> Input:
        """Make the entry of the manifest."""
        return Input(
            name=self.name,
            sha256=self.sha256,
            size=self.size,
            kind=self.kind,
            title=self.title,
            country=self.country,
            year=self.year,
            publication=self.publication,
            text_sha256=self.text_sha256,
            characters=self.characters,
            notes=self.notes,
            link=self.link,
            source=source,
            figures=counted,
        )


def read_bundle_original(
    name: str, original: Download, encoding: str | None, unit: Unit
) -> OriginalText:
    """Read and split an input; raise `InputError` when it cannot be read."""
    sha256 = hashlib.sha256(original.data).hexdigest()
    size = len(original.data)
    if PurePath(name).suffix.lower() in ROW_FILES and not is_link(name):
        return OriginalText(
            name, sha256, size, ROWS, _passages_of_bundled_rows(name, original.data)
        )
    document, notes = read_with_notes(
        partial(read_bytes_isolated, original.data, name, ReadOptions(encoding), original)
    )
    suffix = suffix_of(original.url) or suffix_of(name)
    kind = detect_format(gunzip(original.data, name), name, suffix, original.content_type)
    written = document.text.encode("utf-8", "surrogatepass")  # JSON may have lone surrogates
    link = None
    if is_link(name):
        link = Link(original.url, original.fetched, original.content_type, original.encoding)
    return OriginalText(
        name=name,
        sha256=sha256,
        size=size,
        kind=kind,
        passages=split_passages(document, unit),
        link=link,
        notes=notes,
        title=document.title,
        country=document.country,
        year=document.year,
        publication=document.publication,
        text_sha256=hashlib.sha256(written).hexdigest(),
        characters=len(document.text),
    )


def _passages_of_bundled_rows(name: str, data: bytes) -> list[Passage]:
    passages = []
    for number, line in enumerate(io.BytesIO(data), 1):
        if line.strip():
            row = parse_row(line, f"{name}:{number}")
            passages.append(Passage(row["text"], 0, len(row["text"]), row.get("section")))
    return passages
