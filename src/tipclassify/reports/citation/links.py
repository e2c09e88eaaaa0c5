"""Links that open a source at the words of a passage."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urldefrag, urlsplit

from tipclassify.records import CELL_BAR

FRAGMENT_WORDS: Final = 6
"""Words at either end of a passage in a link to it; the browser finds what lies between."""


def link_to(address: str, text: str, page: str = "") -> str:
    """Make the link that opens an address at a page of a PDF, or at the words themselves.

    The latter are URL Fragment Text Directives (WICG). Cells of a table, which ``|`` separates, are
    not side by side in the source: the first and the last are searched for.

    >>> link_to("https://example.org/a#top", "Courts, at last, convicted nine.")
    'https://example.org/a#:~:text=Courts%2C%20at%20last%2C%20convicted%20nine.'
    """
    without_fragment = urldefrag(address).url
    if page:
        return f"{without_fragment}#page={page}"
    cells = [cell.split() for cell in text.split(CELL_BAR)]
    ends = [cells[0][:FRAGMENT_WORDS], cells[-1][-FRAGMENT_WORDS:]]
    if len(cells) == 1 and len(cells[0]) <= 2 * FRAGMENT_WORDS:
        ends = [cells[0]]  # the passage, which is short, is searched for as a whole
    quoted_ends = [quote(" ".join(words), safe="!~*'()") for words in ends if words]
    directive = ",".join(end.replace("-", "%2D") for end in quoted_ends)
    return f"{without_fragment}#:~:text={directive}"


_NO_URI: Final = re.compile(r"[^A-Za-z0-9\-._~:/?@!$&'()*+,;=%]|%(?![0-9A-Fa-f]{2})")


def ascii_link(link: str) -> str | None:
    """Quote the characters that a URI may not have; None for a bad host.

    Excel rejects a workbook with one bad URI.
    """
    try:
        host = urlsplit(link).netloc
    except ValueError:
        return None
    if not re.fullmatch(r"[A-Za-z0-9.-]+(:[0-9]+)?", host):
        return None
    address, mark, fragment = link.partition("#")
    return mark.join(
        _NO_URI.sub(lambda bad: quote(bad[0], errors="replace"), part)
        for part in (address, fragment)
    )
