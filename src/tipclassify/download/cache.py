"""Downloads kept on disk by address and day, so that a second run reads the same bytes and asks no one.

Two files an entry, ``SHA256(address)-YYYY-MM-DD.json`` and the body beside it with a suffix that readers know. The JSON
holds the hash of the body: a body with another one counts as none. Nothing is ever deleted here; the folder may be removed
at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import warnings
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import urlsplit

__all__ = ["MEDIA_TYPES", "Download", "cache_folder", "platform_cache", "read_copy", "write_copy"]

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
    "application/rtf": ".rtf",
    "text/rtf": ".rtf",
    **dict.fromkeys(("application/gzip", "application/x-gzip"), ""),
    # What servers call a file that they do not know: readers look into it.
    **dict.fromkeys(("application/octet-stream", "binary/octet-stream"), ""),
    **dict.fromkeys(("application/force-download", "application/x-download"), ""),
}
"""Media types that are read, and the suffix of a file of each; none where the type does not decide it."""


@dataclass(frozen=True, slots=True)
class Download:
    """What a link led to.

    Attributes
    ----------
    data : bytes
        The body, decompressed.
    content_type : str or None
        Media type that the server names, in lower case, without parameters.
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


def platform_cache() -> Path | None:
    """The folder that the operating system has for caches of the user; None without a home."""
    import platformdirs

    with contextlib.suppress(RuntimeError):
        folder = platformdirs.user_cache_path()
        return folder if folder.is_absolute() else None
    return None


def cache_folder() -> Path | None:
    """The folder of downloads: in ``TIPCLASSIFY_CACHE``, else in the user's cache folder; None without a home."""
    if chosen := os.environ.get("TIPCLASSIFY_CACHE"):
        return Path(os.path.expanduser(chosen), "links")
    root = platform_cache()
    return root and root / "tipclassify" / "links"


def read_copy(url: str, day: str = "*", allow_private: bool = True) -> tuple[Download, Path] | None:
    """Read the newest sound copy of an address, or that of a day (``YYYY-MM-DD``), and say which file holds its body.

    None where there is no such copy. What was fetched while private addresses were allowed is given only if they are.
    """
    folder = cache_folder()
    for entry in sorted(folder.glob(f"{_key(url)}-{day}.json"), reverse=True) if folder else ():
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            told = json.loads(entry.read_bytes())
            fetched = entry.stem[-len("YYYY-MM-DD") :]
            found = Download(b"", told["content_type"], told["encoding"], told["final_url"], fetched)
            body = entry.with_suffix(_suffix(found))
            found = replace(found, data=body.read_bytes())
            sound = told["url"] == url and told["sha256"] == hashlib.sha256(found.data).hexdigest()
            if sound and (allow_private or not told["allow_private"]):
                return found, body
    return None


def write_copy(url: str, download: Download, now: datetime, allow_private: bool) -> None:
    """Keep a download under the address that was asked for; a folder that cannot be written is a warning, no more."""
    folder = cache_folder()
    told = {
        "url": url,
        "final_url": download.url,
        "content_type": download.content_type,
        "encoding": download.encoding,
        "fetched": now.isoformat(timespec="seconds"),
        "sha256": hashlib.sha256(download.data).hexdigest(),
        "allow_private": allow_private,
    }
    try:
        if folder is None:
            raise FileNotFoundError("no home folder")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        entry = folder / f"{_key(url)}-{download.fetched}.json"
        # The JSON comes last: it says that the body is whole.
        _write(entry.with_suffix(_suffix(download)), download.data)
        _write(entry, json.dumps(told, indent=1).encode())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        warnings.warn(
            f"{folder or 'cache of links'}: cannot be written ({reason}), so links are fetched each time; "
            "set TIPCLASSIFY_CACHE to a folder that can",
            stacklevel=3,
        )


def _key(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def _suffix(download: Download) -> str:
    told = PurePosixPath(urlsplit(download.url).path).suffix.lower()
    return MEDIA_TYPES.get(download.content_type or "") or (told if told in MEDIA_TYPES.values() else "") or ".bin"


def _write(path: Path, data: bytes) -> None:
    handle, staged = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(staged, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(staged)
