"""Jinja2 environment of the pages: text of reports, shown unchanged, is never run as markup."""

from __future__ import annotations

import hashlib
import html
import json
import re
from base64 import b64encode
from collections.abc import Callable, Container, Iterator, Mapping, Sized
from dataclasses import asdict
from functools import cache
from typing import Final

import jinja2
from markupsafe import Markup

from tipclassify._version import __version__
from tipclassify.labels import LABELS, MEANINGS, label_name
from tipclassify.probability import (
    NEARLY_CERTAIN,
    NEARLY_CERTAIN_IN_WORDS,
    NEARLY_CERTAIN_SHOWN,
    NEARLY_IMPOSSIBLE,
    NEARLY_IMPOSSIBLE_IN_WORDS,
    NEARLY_IMPOSSIBLE_SHOWN,
    probability,
)
from tipclassify.records import section_name, source_name
from tipclassify.reports import palette
from tipclassify.reports.adjustment import kind_of_publication
from tipclassify.reports.citation import (
    BIBTEX_FIELDS,
    FRAGMENT_WORDS,
    RIS_TAGS,
    SENTENCES,
    TEX_ESCAPES,
)
from tipclassify.reports.subject import subject_line
from tipclassify.resources import read_resource, resource_path
from tipclassify.write.script_modules import join_modules

__all__ = [
    "LETTERS",
    "NAMES",
    "constants_module",
    "escape_attribute",
    "escape_content",
    "module_reader",
    "render_template",
]

LETTERS: Final = {label: label[0].upper() for label in LABELS}
"""Letters of the labels on pages, so that colour is not needed."""

NAMES: Final = {label: label_name(label).capitalize() for label in LABELS}
"""Names of the labels on pages."""

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
    name: str, escape: Callable[[object], Markup] = escape_content, **values: object
) -> Iterator[str]:
    """Render a template in fragments; each expression passes `escape` or `escape_attribute`."""
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
        begin_sentence_on_report_page,
        escape_attribute,
        label_name,
        page_policy_hash,
        probability,
        section_name,
        source_name,
    )
    environment.tests |= {
        "sized": _is_sized_in_report_template,
        "contains": _contains_in_report_template,
    }
    environment.filters |= {function.__name__: function for function in filters}
    environment.globals |= {
        "asset": asset,
        "kind_of_publication": kind_of_publication,
        "page_script": page_script,
        "palette": palette,
        "subject_line": subject_line,
        "version": __version__,
        "LABELS": LABELS,
        "LETTERS": LETTERS,
        "MEANINGS": MEANINGS,
        "NAMES": NAMES,
    }
    return environment


def _is_sized_in_report_template(values: Sized, size: int) -> bool:
    return len(values) == size


def _contains_in_report_template(values: Container[object], value: object) -> bool:
    return value in values


def asset(name: str) -> Markup:
    """Read a bundled style sheet."""
    return Markup(read_resource(f"write/assets/{name}"))


def page_script(entry: str, constants: Mapping[str, object]) -> Markup:
    """Join the scripts of a page; what they share with Python is `constants` and that of all."""
    return Markup(join_modules(entry, module_reader(constants)))


def module_reader(constants: Mapping[str, object]) -> Callable[[str], str]:
    """Make the function that returns a module by its name: a file, or ``names.js``, made here."""
    names = constants_module({**_shared_constants(), **constants})

    def read(file: str) -> str:
        return names if file == "names.js" else read_resource(f"write/assets/{file}")

    return read


def constants_module(constants: Mapping[str, object]) -> str:
    """Write constants as a module, so that Python and JavaScript have one list of names.

    >>> print(constants_module({"LETTERS": ["P", "F"]}), end="")
    export const LETTERS = ["P","F"];
    """
    lines = []
    for name, value in constants.items():
        written = json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
        lines.append(f"export const {name} = {written};\n")
    return "".join(lines)


def _shared_constants() -> dict[str, object]:
    """Return what the scripts of all pages share with Python: labels, and parts of citations."""
    return {
        "LABELS": LABELS,
        "LABEL_NAMES": {label: label_name(label) for label in LABELS},
        "LETTERS": list(LETTERS.values()),
        "NAMES": {LETTERS[label]: NAMES[label] for label in LABELS},
        "NO_SECTION": section_name(None),
        "NEARLY_CERTAIN": NEARLY_CERTAIN,
        "NEARLY_CERTAIN_SHOWN": NEARLY_CERTAIN_SHOWN,
        "NEARLY_IMPOSSIBLE": NEARLY_IMPOSSIBLE,
        "NEARLY_IMPOSSIBLE_SHOWN": NEARLY_IMPOSSIBLE_SHOWN,
        "NEARLY_IMPOSSIBLE_IN_WORDS": NEARLY_IMPOSSIBLE_IN_WORDS,
        "NEARLY_CERTAIN_IN_WORDS": NEARLY_CERTAIN_IN_WORDS,
        "SENTENCES": asdict(SENTENCES),
        "BIBTEX_FIELDS": BIBTEX_FIELDS,
        "RIS_TAGS": RIS_TAGS,
        "FRAGMENT_WORDS": FRAGMENT_WORDS,
        "TEX_ESCAPES": TEX_ESCAPES,
    }


def page_policy_hash(text: str) -> str:
    """Compute the hash by which a content security policy allows a script (W3C CSP 3, 8.3)."""
    return "sha256-" + b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def begin_sentence_on_report_page(text: str) -> str:
    """Begin a text with a capital.

    >>> begin_sentence_on_report_page("since 2016")
    'Since 2016'
    """
    return text[:1].upper() + text[1:]
