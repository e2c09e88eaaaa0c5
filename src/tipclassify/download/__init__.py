"""Download links safely: URLs in, bytes out, with a cache of today's downloads; no credentials."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Final

from tipclassify.download.cache import Download, read_cached_download, write_cached_download
from tipclassify.download.request import (
    DownloadLimits,
    open_download,
    parse_url,
    read_http_response,
    retry_request,
)
from tipclassify.errors import LinkError

__all__ = ["Download", "DownloadLimits", "LinkError", "download"]

_HEADERS: Final = {
    "Accept": "text/html,application/xhtml+xml,application/pdf;q=0.9,*/*;q=0.5",
    "Accept-Encoding": "gzip",  # the one compression whose output `read_http_response` limits
    "Accept-Language": "en",
}
_LIMITS: Final = DownloadLimits()


def download(
    url: str,
    *,
    allow_private: bool = False,
    refresh: bool = False,
    limits: DownloadLimits = _LIMITS,
) -> Download:
    """Download a link, or, without `refresh`, take today's copy (UTC) from the cache.

    `allow_private` allows private, loopback and other non-public addresses.

    Raises
    ------
    LinkError
        An `InputError` that names the link, the problem and the remedy.
    MissingExtraError
        When httpx is not installed.
    """
    address = parse_url(url)
    today = _time_of_download().date().isoformat()
    if not refresh and (kept := read_cached_download(str(address), today, allow_private)):
        return kept

    def attempt(deadline: float) -> Download:
        with open_download(address, deadline, limits, allow_private, _HEADERS) as response:
            return read_http_response(response, limits, today)

    fetched = retry_request(url, attempt, limits)
    write_cached_download(str(address), fetched, allow_private)
    return fetched


def _time_of_download() -> datetime:
    return datetime.now(timezone.utc)
