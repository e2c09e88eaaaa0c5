"""From a response to a `Download`: its status, what it says it is, and no more bytes than it may have."""

from __future__ import annotations

import email.utils
import re
import time
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from tipclassify.links.cache import Download
from tipclassify.links.rules import SAVE_IT, Limits, LinkError

if TYPE_CHECKING:
    import httpx

__all__ = ["check_status", "received"]

_TYPES: Final = {
    "text/html", "application/xhtml+xml", "application/pdf", "application/x-pdf", "text/plain", "text/markdown",
    "text/x-markdown", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/epub+zip", "application/rtf", "text/rtf", "application/gzip", "application/x-gzip",
    # What servers call a file that they do not know: readers look into it.
    "application/octet-stream", "binary/octet-stream", "application/force-download", "application/x-download",
}  # fmt: skip
_TRANSIENT: Final = (502, 503, 504)


def received(response: httpx.Response, limits: Limits) -> Download:
    """The body of a response whose status, type and size are fit; ``fetched`` is left empty.

    Raises
    ------
    LinkError
        With what is wrong and what to do.
    """
    check_status(response, limits)
    content_type, encoding = _content_type(response.headers.get("content-type", ""))
    if content_type is not None and content_type not in _TYPES:
        raise LinkError(f"holds {content_type}, which we do not read; give a page, PDF, Word, EPUB, RTF or text")
    return Download(b"".join(_inflated(response, limits.largest)), content_type, encoding, str(response.url), "")


def check_status(response: httpx.Response, limits: Limits) -> None:
    """Raise `LinkError` for a response that is not 200, with what to do."""
    status = response.status_code
    if status == 200:
        return
    if status in (404, 410):
        raise LinkError(f"no such page ({status}); check the address", status=status)
    asked = _retry_after(response.headers.get("retry-after", ""))
    later = f"in {asked:.0f} s" if asked is not None and asked > limits.retry_after else "later"
    if status == 429:
        reason = f"the site wants fewer requests (429); try again {later}, or {SAVE_IT}"
        # Without a time of the site's own, asking again at once is what it complains of.
        raise LinkError(reason, status=status, passing=True, again=asked)
    if status in (401, 402, 403, 406, 451):
        raise LinkError(f"the site refuses programs ({status}); {SAVE_IT}", status=status)
    if status in _TRANSIENT:
        reason = f"the site is in trouble ({status}); try again {later}, or {SAVE_IT}"
        raise LinkError(reason, status=status, passing=True, again=limits.pause if asked is None else asked)
    if status >= 500:
        raise LinkError(f"the site is in trouble ({status}); try again later", status=status, passing=True)
    raise LinkError(f"the site answers with status {status} and no page; {SAVE_IT}", status=status)


def _retry_after(told: str) -> float | None:
    """Seconds to wait: the header holds seconds or a date."""
    if re.fullmatch(r"[0-9]{1,9}", told):
        return float(told)
    try:
        date = email.utils.parsedate_to_datetime(told)
    except ValueError:
        return None
    return max(0.0, date.timestamp() - time.time())


def _content_type(told: str) -> tuple[str | None, str | None]:
    """Media type and charset of a header; None for what is not told, malformed or unknown.

    >>> _content_type('Text/HTML; charset="UTF-8"'), _content_type("html; charset=klingon")
    (('text/html', 'UTF-8'), (None, None))
    """
    kind = told.partition(";")[0].strip().lower()
    charset = re.search(r";\s*charset\s*=\s*[\"']?([A-Za-z0-9._:+-]+)", told, re.IGNORECASE)
    encoding = charset[1] if charset else None
    try:
        # Python has encodings that are not of text ("hex"): only decoding tells.
        b" ".decode(encoding or "ascii", "replace")
    except (LookupError, ValueError):
        encoding = None
    return (kind if re.fullmatch(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,100}", kind) else None), encoding


def _inflated(response: httpx.Response, largest: int) -> Iterator[bytes]:
    """The body by parts, decompressed; stops where it would pass `largest` bytes, without unpacking what lies behind."""
    too_large = LinkError(f"over {largest / 1e6:g} MB; download it with a browser and split it")
    length = response.headers.get("content-length", "")
    if length.isdigit() and int(length) > largest:
        raise too_large
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity", "gzip", "x-gzip"):
        raise LinkError(f"is compressed in a way that we did not ask for; {SAVE_IT}")
    unzip = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS) if coding.endswith("gzip") else None
    wire = room = largest
    for part in response.iter_raw():
        wire -= len(part)  # what comes after the end of a compressed stream counts too
        if wire < 0:
            raise too_large
        try:
            data = unzip.decompress(part, room + 1) if unzip else part
        except zlib.error:
            raise LinkError(f"its compression is damaged; try again later, or {SAVE_IT}", passing=True) from None
        room -= len(data)
        if room < 0:
            raise too_large
        yield data
    if unzip and not unzip.eof:
        raise LinkError(f"its compressed data ends too early; try again later, or {SAVE_IT}", passing=True)
