"""Text of reports made safe for HTML: it stays as it is for the reader and inert for the browser."""

from __future__ import annotations

import html
import re
from importlib.resources import files
from typing import Final

__all__ = ["asset", "attribute", "content"]

# HTML cannot hold NUL, UTF-8 cannot hold half a surrogate pair. One character for one: offsets stay right.
_IMPOSSIBLE: Final = re.compile("[\x00\ud800-\udfff]")

# Explicit directional formatting (Unicode Annex 9) can show a text, or what stands after it, in another order than it is
# stored in. Alone in a <bdi> each is where it was and does nothing.
_DIRECTION: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")


def content(text: str) -> str:
    """`text` as the content of an element: the browser's ``textContent`` is `text`, character for character.

    >>> content("<script>alert('x')</script>")
    '&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;'
    """
    return _DIRECTION.sub(r"<bdi>\g<0></bdi>", _escaped(text))


def attribute(text: str) -> str:
    """`text` as the value of an attribute in quotes, or of a title; directional formatting becomes U+FFFD.

    >>> attribute('a" onclick="x')
    'a&quot; onclick=&quot;x'
    """
    return _DIRECTION.sub("\ufffd", _escaped(text))


def _escaped(text: str) -> str:
    # A parser would make a carriage return a line feed, and two characters one.
    return html.escape(_IMPOSSIBLE.sub("\ufffd", text)).replace("\r", "&#13;")


def asset(name: str) -> str:
    """A file of ours that pages hold: style, script, skeleton."""
    return files("tipclassify.writers").joinpath("assets", name).read_text("utf-8")
