"""From a response to a `Download`: status, media type, and no more bytes than it may have."""

from __future__ import annotations

import email.utils
import re
import time
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from tipclassify.download.cache import MEDIA_TYPES, Download
from tipclassify.download.limits import SAVE_IT, Limits, LinkError

if TYPE_CHECKING:
    import httpx

__all__ = ["check_status", "read_response"]

_FAILURES: Final = {
    **dict.fromkeys((401, 402, 403, 406, 451), f"the site refuses programs ({{}}); {SAVE_IT}"),
    **dict.fromkeys((404, 410), "no such page ({}); check the address"),
}


def read_response(response: httpx.Response, limits: Limits, day: str) -> Download:
    """Read the body of a response whose status, media type and size are fit.

    Raises
    ------
    LinkError
        With what is wrong and what to do.
    """
    check_status(response, limits)
    told = re.match(r"\s*([\w!#$&^.+-]+/[\w!#$&^.+-]+)", response.headers.get("content-type", ""), re.ASCII)
    media_type = told[1].lower() if told else None
    if media_type is not None and media_type not in MEDIA_TYPES:
        raise LinkError(f"holds {media_type:.160}, which we do not read; give a page, PDF, Word, EPUB, RTF or text")
    data = b"".join(_decompressed(response, limits.largest))
    return Download(data, media_type, _charset(response), str(response.url), day)


def check_status(response: httpx.Response, limits: Limits) -> None:
    """Raise `LinkError` for a response that is not 200, with what to do."""
    status = response.status_code
    if status == 200:
        return
    if status != 429 and status < 500:
        reason = _FAILURES.get(status, f"the site answers with status {{}} and no page; {SAVE_IT}")
        raise LinkError(reason.format(status), status=status)
    wait = _retry_after(response.headers.get("retry-after", ""))
    later = f"in {wait:.0f} s" if wait is not None and wait > limits.longest_pause else "later"
    what = "wants fewer requests" if status == 429 else "is in trouble"
    if wait is None and status in (502, 503, 504):
        wait = limits.pause  # not for 429: asking again at once is what it complains of
    reason = f"the site {what} ({status}); try again {later}, or {SAVE_IT}"
    raise LinkError(reason, status=status, passing=True, retry_after=wait)


def _retry_after(header: str) -> float | None:
    """Seconds to wait; the header holds seconds or a date."""
    if re.fullmatch(r"[0-9]{1,9}", header):
        return float(header)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _charset(response: httpx.Response) -> str | None:
    """The charset of the Content-Type header, if Python can decode text with it."""
    charset = response.charset_encoding
    try:
        b" ".decode(charset or "ascii", "replace")  # Python has encodings that are not of text, such as "hex"
    except (LookupError, ValueError):
        return None
    return charset


def _decompressed(response: httpx.Response, largest: int) -> Iterator[bytes]:
    """The body by parts, decompressed; stops where it would pass `largest` bytes, without unpacking the rest."""
    too_large = LinkError(f"over {largest / 1e6:g} MB; download it with a browser and split it")
    length = response.headers.get("content-length", "")
    if length.isdigit() and int(length) > largest:
        raise too_large
    coding = response.headers.get("content-encoding", "").strip().lower()
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
