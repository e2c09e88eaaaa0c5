"""Jinja2 environment of the pages: text of reports, shown unchanged, is never run as markup."""

from __future__ import annotations

import hashlib
import html
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Final

import jinja2
from markupsafe import Markup

from tipclassify._version import __version__
from tipclassify.labels import Style, label_name
from tipclassify.probability import probability
from tipclassify.records import section_name, source_name
from tipclassify.reports.counts import COUNTED, subject_line
from tipclassify.resources import read_resource, resource_path
from tipclassify.text.kinds import UNMEASURED
from tipclassify.write.output import Output

# HTML cannot have NUL, UTF-8 no lone surrogates. Replaced one for one, so that offsets stay valid.
_IMPOSSIBLE: Final = re.compile("[\x00\ud800-\udfff]")

# Explicit directional formatting (Unicode Annex 9) can reorder a text, or the text after it, on
# screen. Isolated in a <bdi>, each character stays in place without effect.
_DIRECTION: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")


def escape_content(value: object) -> Markup:
    """Escape a value as element content, such that the browser's ``textContent`` equals it.

    >>> print(escape_content("<script>alert('x')</script>"))
    &lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;
    """
    if isinstance(value, Markup):
        return value
    return Markup(_DIRECTION.sub(r"<bdi>\g<0></bdi>", _escaped(str(value))))


def escape_attribute(value: object) -> Markup:
    """Escape a value for a quoted attribute or a title; directional formatting becomes U+FFFD.

    >>> print(escape_attribute('a" onclick="x'))
    a&quot; onclick=&quot;x
    """
    return Markup(_DIRECTION.sub("\ufffd", _escaped(str(value))))


def _escaped(text: str) -> str:
    # An HTML parser would turn "\r" into "\n", and "\r\n" into one character.
    return html.escape(_IMPOSSIBLE.sub("\ufffd", text)).replace("\r", "&#13;")


def render_template(
    name: str,
    escape: Callable[[object], Markup] = escape_content,
    *,
    output: Output,
    **values: object,
) -> Iterator[str]:
    """Render a template in fragments; each expression passes `escape` or `escape_attribute`.

    Beside `values` it has the output and its run, and the run's labels and their styles.
    """
    run = output.run
    values |= {"output": output, "run": run, "labels": run.labels, "styles": run.styles}
    return _environment(escape).get_template(name).generate(**values)


@cache
def _environment(escape: Callable[[object], Markup]) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource_path("write/templates")),
        autoescape=True,
        finalize=escape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters = (
        asset,
        capital,
        escape_attribute,
        label_name,
        letter,
        policy_hash,
        probability,
        section_name,
        source_name,
    )
    environment.filters |= {function.__name__: function for function in filters}
    environment.tests["contains"] = lambda values, value: value in values
    environment.tests["sized"] = lambda values, size: len(values) == size
    environment.globals |= {
        "asset": asset,
        "COUNTED": COUNTED,
        "UNMEASURED": UNMEASURED,
        "subject_line": subject_line,
        "version": __version__,
    }
    return environment


def asset(name: str) -> Markup:
    """Read a style sheet or script that comes with the package, without comments and indents."""
    lines = map(str.strip, read_resource(f"write/assets/{name}").splitlines())
    return Markup("\n".join(line for line in lines if line and not line.startswith("//")))


def letter(label: str, styles: Mapping[str, Style]) -> str:
    """Return the letter of a label."""
    return styles[label].letter


def policy_hash(text: str) -> str:
    """Compute the hash by which a content security policy allows a script (W3C CSP 3, 8.3)."""
    return "sha256-" + b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def capital(text: str) -> str:
    """Begin a text with a capital.

    >>> capital("since 2016")
    'Since 2016'
    """
    return text[:1].upper() + text[1:]
