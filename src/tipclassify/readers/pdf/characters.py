"""Normalize the characters of PDF files: ligatures, bullets, hyphens, and those without a name."""

from __future__ import annotations

import re
from typing import Final
from unicodedata import normalize

__all__ = ["normalize_pdf_text"]

_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_CHARACTER_MAP: Final = {
    **dict.fromkeys([*range(0x1B), *range(0x7F, 0xA0)], None),
    # zero width, or unknown
    **dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff\ufffc\ufffd"), None),
    **dict.fromkeys(map(ord, "\x02\ufffe\u2010\u2011"), "-"),
    # Symbol and Wingdings
    **dict.fromkeys(map(ord, "\uf0b7\uf0a7\uf06e\uf076\uf0d8\uf0fc\uf0a8■➢❖"), "•"),
    **dict(zip(range(0x10, 0x17), "“”„«»–—", strict=True)),  # TeX fonts without character names
    **dict(zip(range(0x1B, 0x20), ("ff", "fi", "fl", "ffi", "ffl"), strict=True)),
    **dict(zip(range(0xFB00, 0xFB07), ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True)),
}


def normalize_pdf_text(text: str) -> str:
    """Normalize text: expand ligatures, remove soft hyphens and zero-width characters.

    >>> normalize_pdf_text("tra\ufb03ckers")
    'traffickers'
    """
    if text.isascii() and text.isprintable():
        return text
    if text.endswith("\u00ad"):  # a visible one, at a line's end
        text = text[:-1] + "-"
    if _SURROGATE.search(text):  # builds with 16-bit characters
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return normalize("NFC", text.translate(_CHARACTER_MAP))
