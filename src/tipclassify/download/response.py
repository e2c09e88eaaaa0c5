"""Read an HTTP response into a `Download`: check status, media type and size before and after decompression."""

from __future__ import annotations

import re
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
    """Read the body of a response of permitted status, media type and size; raise `LinkError` for any other."""
    check_status(response)
    match = re.match(r"\s*([\w!#$&^.+-]+/[\w!#$&^.+-]+)", response.headers.get("content-type", ""), re.ASCII)
    media_type = match[1].lower() if match else None
    if media_type is not None and media_type not in MEDIA_TYPES:
        raise LinkError(f"holds {media_type:.160}, which we do not read; give a page, PDF, Word, EPUB or text")
    data = b"".join(_decompressed(response, limits.largest))
    return Download(data, media_type, _charset(response), str(response.url), day)


def check_status(response: httpx.Response) -> None:
    """Raise `LinkError` for a status other than 200."""
    status = response.status_code
    if status == 200:
        return
    if status != 429 and status < 500:
        reason = _FAILURES.get(status, f"the site answers with status {{}} and no page; {SAVE_IT}")
        raise LinkError(reason.format(status), status=status)
    what = "wants fewer requests" if status == 429 else "is in trouble"
    reason = f"the site {what} ({status}); try again later, or {SAVE_IT}"
    again = status in (502, 503, 504) and "retry-after" not in response.headers  # which asks for a longer pause
    raise LinkError(reason, status=status, transient=True, retry=again)


def _charset(response: httpx.Response) -> str | None:
    """Return the charset of the Content-Type header, if Python can decode text with it."""
    charset = response.charset_encoding
    try:
        b" ".decode(charset or "ascii", "replace")  # Python also has bytes-to-bytes codecs, such as "hex"
    except (LookupError, ValueError):
        return None
    return charset


def _decompressed(response: httpx.Response, largest: int) -> Iterator[bytes]:
    """Yield the decompressed body in parts; raise before it exceeds `largest` bytes."""
    too_large = LinkError(f"over {largest / 1e6:g} MB; download it with a browser and split it")
    length = response.headers.get("content-length", "")
    if length.isdigit() and int(length) > largest:
        raise too_large
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity", "gzip", "x-gzip"):
        raise LinkError(f"is compressed in a way that we did not ask for; {SAVE_IT}")
    unzip = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS) if coding.endswith("gzip") else None
    wire_left = output_left = largest
    for part in response.iter_raw():
        wire_left -= len(part)  # includes bytes after the end of a compressed stream
        if wire_left < 0:
            raise too_large
        try:
            data = unzip.decompress(part, output_left + 1) if unzip else part
        except zlib.error:
            raise LinkError(f"its compression is damaged; try again later, or {SAVE_IT}", transient=True) from None
        output_left -= len(data)
        if output_left < 0:
            raise too_large
        if unzip and unzip.unused_data:
            raise LinkError(f"has other bytes after its compressed data; {SAVE_IT}")
        yield data
    if unzip and not unzip.eof:
        raise LinkError(f"its compressed data ends too early; try again later, or {SAVE_IT}", transient=True)
