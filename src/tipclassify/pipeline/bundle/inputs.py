"""Inputs of a bundle: their bytes, and the passages read from these bytes, for writing and for verifying a bundle.

The passages equal those of ``tipclassify score``.
"""

from __future__ import annotations

import hashlib
import io
import re
from functools import partial
from pathlib import PurePath
from typing import Any, Final

from tipclassify.download import Download, download
from tipclassify.pipeline.batch import ROWS as ROW_FILES
from tipclassify.pipeline.batch import read_with_notes
from tipclassify.pipeline.bundle.manifest import ROWS, Figures, Input, Link
from tipclassify.readers import ReadOptions, is_link, read_download
from tipclassify.readers.formats import detect_format, is_gzip, suffix_of
from tipclassify.readers.jsonl import parse_row
from tipclassify.readers.limits import gunzip, read_bounded
from tipclassify.text.document import Document, Passage
from tipclassify.text.segmentation.passages import Unit, split_passages

__all__ = ["bundled_name", "get_original", "public_name", "read_original", "sha256_of"]

_ODD: Final = re.compile(r"[^A-Za-z0-9._-]+")


def get_original(file: str, options: ReadOptions) -> Download:
    """Read a file, a link, or standard input for ``-``, as a download; raise `InputError` when that fails."""
    if is_link(file):
        return download(file, allow_private=options.allow_private, refresh=options.refresh)
    return Download(read_bounded(file), None, None, public_name(file), "")


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


def sha256_of(data: bytes) -> str:
    """Hash bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def read_original(
    name: str, got: Download, encoding: str | None, unit: Unit
) -> tuple[Input, Document | None, list[Passage]]:
    """Read and split an input; raise `InputError` when it cannot be read.

    Return its entry in the manifest, without figures; its document, None for rows; and its passages, without scores.
    """
    link = Link(got.url, got.fetched, got.content_type, got.encoding) if is_link(name) else None
    about: dict[str, Any] = dict.fromkeys(Input.__struct_fields__)
    about |= {"name": name, "link": link, "kind": ROWS, "notes": ()}
    about |= {"sha256": sha256_of(got.data), "size": len(got.data), "figures": Figures(0, 0, {}, {})}
    if PurePath(name).suffix.lower() in ROW_FILES and not link:
        lines = ((number, line) for number, line in enumerate(io.BytesIO(got.data), 1) if line.strip())
        rows = [parse_row(line, f"{name}:{number}") for number, line in lines]
        passages = [Passage(row["text"], 0, len(row["text"]), row.get("section")) for row in rows]
        return Input(**about), None, passages
    document, about["notes"] = read_with_notes(partial(read_download, got, name, ReadOptions(encoding)))
    plain = gunzip(got.data, name) if is_gzip(got.data) else got.data
    about["kind"] = detect_format(plain, name, suffix_of(got.url) or suffix_of(name), got.content_type)
    about |= {key: getattr(document, key) for key in ("title", "country", "year")}
    about["text_sha256"] = sha256_of(document.text.encode("utf-8", "surrogatepass"))  # JSON may have lone surrogates
    about["characters"] = len(document.text)
    return Input(**about), document, split_passages(document, unit)
