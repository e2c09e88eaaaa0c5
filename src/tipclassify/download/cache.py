"""Cache downloads on disk.

Each is ``SHA256(address)-YYYY-MM-DD.json``, with the SHA-256 of the body, beside the body.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import warnings
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from tipclassify.errors import reason_of
from tipclassify.formatting import load_json
from tipclassify.scrap import open_whole

MEDIA_TYPES: Final = {  # supported, with their file suffixes
    "text/html": ".html",
    "application/xhtml+xml": ".xhtml",
    "application/pdf": ".pdf",
    "application/x-pdf": ".pdf",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/x-markdown": ".md",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/epub+zip": ".epub",
    # Generic types, of files whose format readers detect.
    **dict.fromkeys(("application/gzip", "application/x-gzip", "application/octet-stream"), ""),
    **dict.fromkeys(
        ("application/force-download", "application/x-download", "binary/octet-stream"), ""
    ),
}


@dataclass(frozen=True, slots=True)
class Download:
    """A downloaded file."""

    data: bytes  # decompressed
    content_type: str | None  # as declared by the server, in lower case, without parameters
    encoding: str | None  # the declared charset, if Python knows it
    url: str  # after redirects
    fetched: str  # day (UTC), as YYYY-MM-DD


def cache_path(name: str) -> Path | None:
    """Return tipclassify's folder `name` in the user's cache folder.

    None without a home.
    """
    import platformdirs

    folder = platformdirs.user_cache_path() / "tipclassify" / name
    return folder if folder.is_absolute() else None


def cache_folder() -> Path | None:
    """Return the folder of downloads: in ``TIPCLASSIFY_CACHE``, else in the user's cache.

    None without a home.
    """
    if chosen := os.environ.get("TIPCLASSIFY_CACHE"):
        return Path(os.path.expanduser(chosen), "links")
    return cache_path("links")


def read_cached(url: str, day: str = "*", allow_private: bool = True) -> Download | None:
    """Read the newest valid copy of an address, or that of a day (``YYYY-MM-DD``).

    Downloads made with `allow_private` are returned only with it.
    """
    folder, key = cache_folder(), hashlib.sha256(url.encode()).hexdigest()
    for entry in sorted(folder.glob(f"{key}-{day}.json"), reverse=True) if folder else ():
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            metadata = load_json(entry.read_bytes())
            fetched = entry.stem[-len("YYYY-MM-DD") :]
            found = Download(
                b"", metadata["content_type"], metadata["encoding"], metadata["final_url"], fetched
            )
            found = replace(found, data=entry.with_suffix(_suffix(found)).read_bytes())
            sound = (
                metadata["url"] == url
                and metadata["sha256"] == hashlib.sha256(found.data).hexdigest()
            )
            if sound and (allow_private or not metadata["allow_private"]):
                return found
    return None


def write_cached(url: str, download: Download, allow_private: bool) -> None:
    """Write a download to the cache under the requested address.

    Warn if the folder is not writable.
    """
    folder = cache_folder()
    asked = {"url": url, "final_url": download.url, "allow_private": allow_private}
    declared = {"content_type": download.content_type, "encoding": download.encoding}
    metadata = {**asked, **declared, "sha256": hashlib.sha256(download.data).hexdigest()}
    try:
        if folder is None:
            raise FileNotFoundError("no home folder")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        entry = folder / f"{hashlib.sha256(url.encode()).hexdigest()}-{download.fetched}.json"
        # The JSON is written last: it marks the body as complete.
        with open_whole(entry.with_suffix(_suffix(download)), binary=True) as out:
            out.write(download.data)
        with open_whole(entry, binary=True) as out:
            out.write(json.dumps(metadata, indent=1).encode())
    except OSError as error:
        problem = f"{folder or 'cache of links'}: cannot be written ({reason_of(error)}), so links are fetched each time"
        warnings.warn(f"{problem}; set TIPCLASSIFY_CACHE to a folder that can", stacklevel=3)


def _suffix(download: Download) -> str:
    in_url = PurePosixPath(urlsplit(download.url).path).suffix.lower()
    in_url = in_url if in_url in MEDIA_TYPES.values() else ""
    return MEDIA_TYPES.get(download.content_type or "") or in_url or ".bin"
