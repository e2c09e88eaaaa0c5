"""Jinja2 templates of HTML pages. Text of reports stays as it is for the reader and inert for the browser.

Whatever a template prints is escaped: as the content of an element by `content`, or, with the filter of that name, as the
value of an `attribute`.
"""

from __future__ import annotations

import hashlib
import html
import re
from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any, Final

import jinja2
from markupsafe import Markup

from tipclassify._version import __version__
from tipclassify.labels import LABELS, MEANINGS
from tipclassify.reporting.writers.wording import LETTERS, NAMES, probability, section_name

__all__ = ["asset", "attribute", "content", "policy_hash", "rendered"]

# HTML cannot hold NUL, UTF-8 cannot hold half a surrogate pair. One character for one: offsets stay right.
_IMPOSSIBLE: Final = re.compile("[\x00\ud800-\udfff]")

# Explicit directional formatting (Unicode Annex 9) can show a text, or what stands after it, in another order than it is
# stored in. Alone in a <bdi> each is where it was and does nothing.
_DIRECTION: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")


def content(value: Any) -> Markup:
    """Escape a value as the content of an element: the browser's ``textContent`` is it, character for character.

    >>> print(content("<script>alert('x')</script>"))
    &lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;
    """
    return value if isinstance(value, Markup) else Markup(_DIRECTION.sub(r"<bdi>\g<0></bdi>", _escaped(str(value))))


def attribute(value: Any) -> Markup:
    """Escape a value as that of an attribute in quotes, or as a title; directional formatting becomes U+FFFD.

    >>> print(attribute('a" onclick="x'))
    a&quot; onclick=&quot;x
    """
    return Markup(_DIRECTION.sub("\ufffd", _escaped(str(value))))


def _escaped(text: str) -> str:
    # A parser would make a carriage return a line feed, and two characters one.
    return html.escape(_IMPOSSIBLE.sub("\ufffd", text)).replace("\r", "&#13;")


def rendered(name: str, **values: Any) -> Iterator[str]:
    """Render a template, piece by piece."""
    return _environment().get_template(name).generate(**values)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tipclassify.reporting.writers"),
        autoescape=True,
        finalize=content,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["attribute"] = attribute
    environment.globals.update(
        LABELS=LABELS,
        LETTERS=LETTERS,
        MEANINGS=MEANINGS,
        NAMES=NAMES,
        probability=probability,
        section_name=section_name,
        version=__version__,
    )
    return environment


def asset(name: str) -> Markup:
    """Read a style sheet or script of ours."""
    return Markup(files("tipclassify.reporting.writers").joinpath("assets", name).read_text("utf-8"))


def policy_hash(text: str) -> str:
    """Hash by which a content security policy knows an inline script or style (W3C CSP 3, section 8.3)."""
    return "sha256-" + b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
