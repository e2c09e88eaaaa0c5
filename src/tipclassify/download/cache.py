"""Cache downloads on disk: ``SHA256(address)-YYYY-MM-DD.json``, with the body's, beside the body."""

from __future__ import annotations

import contextlib
import hashlib
import json
import warnings
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from tipclassify.errors import reason_of_error
from tipclassify.formatting import load_json
from tipclassify.resources import cache_folder
from tipclassify.whole_files import open_whole_file

MEDIA_TYPES: Final = {
    "text/html": ".html",
    "application/xhtml+xml": ".xhtml",
    "application/pdf": ".pdf",
    "application/x-pdf": ".pdf",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/x-markdown": ".md",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/epub+zip": ".epub",
    "message/rfc822": ".eml",
    # Generic types, of files whose format readers detect.
    "application/gzip": "",
    "application/x-gzip": "",
    "application/octet-stream": "",
    "application/force-download": "",
    "application/x-download": "",
    "binary/octet-stream": "",
}
"""Supported media types, with their file suffixes."""


@dataclass(frozen=True, slots=True)
class Download:
    """A downloaded file."""

    data: bytes  # decompressed
    content_type: str | None  # as declared by the server, in lower case, without parameters
    encoding: str | None  # the declared charset, if Python knows it
    url: str  # after redirects
    fetched: str  # day (UTC), as YYYY-MM-DD


def read_cached(url: str, day: str = "*", allow_private: bool = True) -> Download | None:
    """Read the newest valid copy of an address, or that of a day (``YYYY-MM-DD``).

    Downloads made with `allow_private` are returned only with it.
    """
    folder = cache_folder("links")
    if folder is None:
        return None
    for entry in sorted(folder.glob(f"{_sha256(url.encode())}-{day}.json"), reverse=True):
        # a damaged entry, or one of another version, is none
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            if not entry.is_file():  # a pipe is never at its end
                continue
            metadata = load_json(entry.read_bytes())
            without_body = Download(
                data=b"",
                content_type=metadata["content_type"],
                encoding=metadata["encoding"],
                url=metadata["final_url"],
                fetched=entry.stem[-len("YYYY-MM-DD") :],
            )
            file = entry.with_suffix(_suffix(without_body))
            body = file.read_bytes() if file.is_file() else b""
            if metadata["url"] != url or metadata["sha256"] != _sha256(body):
                continue
            if allow_private or not metadata["allow_private"]:
                return replace(without_body, data=body)
    return None


def write_cached(url: str, download: Download, allow_private: bool) -> None:
    """Write a download to the cache under the requested address.

    Warn if the folder is not writable.
    """
    folder = cache_folder("links")
    metadata = {
        "url": url,
        "final_url": download.url,
        "allow_private": allow_private,
        "content_type": download.content_type,
        "encoding": download.encoding,
        "sha256": _sha256(download.data),
    }
    try:
        if folder is None:
            raise FileNotFoundError("no home folder")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        entry = folder / f"{_sha256(url.encode())}-{download.fetched}.json"
        body = entry.with_suffix(_suffix(download))
        # The JSON is written last: it marks the body as complete.
        with open_whole_file(body, binary=True, private=True) as out:
            out.write(download.data)
        with open_whole_file(entry, binary=True, private=True) as out:
            out.write(json.dumps(metadata, indent=1).encode())
    except OSError as error:
        where = folder or "cache of links"
        warnings.warn(
            f"{where}: cannot be written ({reason_of_error(error)}), "
            "so links are fetched each time; set TIPCLASSIFY_CACHE to a folder that can",
            stacklevel=3,
        )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _suffix(download: Download) -> str:
    """Return the suffix of a download's body: that of its media type, or else of its address."""
    if suffix := MEDIA_TYPES.get(download.content_type or ""):
        return suffix
    suffix_in_url = PurePosixPath(urlsplit(download.url).path).suffix.lower()
    if suffix_in_url and suffix_in_url in MEDIA_TYPES.values():
        return suffix_in_url
    return ".bin"
