"""Downloads kept on disk by address and day, so that a second run reads the same bytes and asks no one.

Two files an entry, ``SHA256(address)-YYYY-MM-DD.json`` and the body beside it with a suffix that readers know. The JSON
holds the hash of the body: an entry that does not fit is as good as none. Nothing is ever deleted here; the folder may be
removed at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

__all__ = ["Download", "cache_folder", "newest_copy", "platform_cache", "read_copy", "write_copy"]

_SUFFIXES: Final = {
    "text/html": ".html",
    "application/xhtml+xml": ".xhtml",
    "application/pdf": ".pdf",
    "application/x-pdf": ".pdf",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/x-markdown": ".md",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/epub+zip": ".epub",
    "application/rtf": ".rtf",
    "text/rtf": ".rtf",
}


@dataclass(frozen=True, slots=True)
class Download:
    """What a link led to.

    Attributes
    ----------
    data : bytes
        The body, decompressed.
    content_type : str or None
        Media type as the server tells it, in lower case, without parameters.
    encoding : str or None
        Its ``charset``, where Python knows such an encoding.
    url : str
        Where it was found, after redirects.
    fetched : str
        Day it was fetched (UTC), as ``YYYY-MM-DD``.
    """

    data: bytes
    content_type: str | None
    encoding: str | None
    url: str
    fetched: str


def cache_folder() -> Path | None:
    """Where downloads are kept: ``TIPCLASSIFY_CACHE``, else under the platform's folder for caches; None without a home."""
    chosen = os.environ.get("TIPCLASSIFY_CACHE")
    if chosen:
        with contextlib.suppress(RuntimeError):
            return Path(chosen).expanduser() / "links"
        return None
    root = platform_cache()
    return None if root is None else root / "tipclassify" / "links"


def platform_cache() -> Path | None:
    """The folder that the platform has for caches of the user; None without a home."""
    try:
        if sys.platform == "win32":
            return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches"
        # A relative path there is to be ignored, says the XDG base directory specification.
        given = os.environ.get("XDG_CACHE_HOME", "")
        return Path(given) if os.path.isabs(given) else Path.home() / ".cache"
    except RuntimeError:
        return None


def read_copy(folder: Path | None, url: str, day: str, allow_private: bool = False) -> Download | None:
    """The download of an address on a day (``YYYY-MM-DD``); None where there is none, or a damaged one.

    What was fetched while private addresses were allowed is given only while they are.
    """
    if folder is None:
        return None
    read = _read(folder / f"{_key(url)}-{day}.json", url)
    if read is None or (read[0]["allow_private"] and not allow_private):
        return None
    return read[1]


def newest_copy(folder: Path | None, url: str) -> tuple[str, Path] | None:
    """Day and body file of the last sound download of an address; None where there is none."""
    if folder is None:
        return None
    for told in sorted(folder.glob(f"{_key(url)}-*.json"), reverse=True):
        read = _read(told, url)
        if read is not None:
            return read[1].fetched, told.with_suffix(_suffix(read[1]))
    return None


def write_copy(folder: Path | None, url: str, download: Download, time: str, allow_private: bool = False) -> None:
    """Keep a download under the address that was asked for; a folder that cannot be written is a warning, no more."""
    stem = f"{_key(url)}-{download.fetched}"
    told = {
        "url": url,
        "final_url": download.url,
        "content_type": download.content_type,
        "encoding": download.encoding,
        "fetched": time,
        "sha256": hashlib.sha256(download.data).hexdigest(),
        "allow_private": allow_private,
    }
    try:
        if folder is None:
            raise FileNotFoundError("no home folder")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The JSON comes last: it says that the body is whole.
        _put(folder / (stem + _suffix(download)), download.data)
        _put(folder / f"{stem}.json", json.dumps(told, indent=1).encode())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        where = folder or "cache of links"
        warnings.warn(
            f"{where}: cannot be written ({reason}), so links are fetched each time; set TIPCLASSIFY_CACHE to a folder "
            "that can",
            stacklevel=3,
        )


def _key(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def _suffix(download: Download) -> str:
    known = _SUFFIXES.get(download.content_type or "")
    told = PurePosixPath(urlsplit(download.url).path).suffix.lower()
    return known or (told if told in _SUFFIXES.values() else ".bin")


def _read(path: Path, url: str) -> tuple[dict[str, Any], Download] | None:
    try:
        told = json.loads(path.read_bytes())
        day = path.stem[-len("YYYY-MM-DD") :]
        found = Download(b"", told["content_type"], told["encoding"], told["final_url"], day)
        data = path.with_suffix(_suffix(found)).read_bytes()
        sound = told["url"] == url and told["sha256"] == hashlib.sha256(data).hexdigest()
        told["allow_private"] = bool(told["allow_private"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return (told, Download(data, found.content_type, found.encoding, found.url, day)) if sound else None


def _put(path: Path, data: bytes) -> None:
    handle, staged = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(staged, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(staged)
