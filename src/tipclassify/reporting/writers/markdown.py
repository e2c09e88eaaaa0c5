"""Markdown writer: counts, then the tagged passages as quotes, section by section, each with its citation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import IO, Any, Final

from markupsafe import Markup

from tipclassify.formatting import one_line
from tipclassify.reporting.subject import subject_line
from tipclassify.reporting.writers import ScoringContext, TaggedReport
from tipclassify.reporting.writers.findings import by_file
from tipclassify.reporting.writers.templating import rendered

__all__ = ["write_markdown"]

_MARKUP: Final = re.compile(
    r"[\\`*{}\[\]<>|~&$@^#=]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # an underscore inside a word is no markup
    r"|(?<=[A-Za-z]):(?=//)|(?<=[wW]{3})\."  # addresses that GitHub would turn into links
    r"|^[+\-:]"
)
_NUMBERED: Final = re.compile(r"^(\d{1,9})([.)])(?!\S)")


def write_markdown(reports: Iterable[TaggedReport], out: IO[str], context: ScoringContext) -> None:
    """Write title, counts and tagged passages of each file, then model and policy."""
    values = {"files": by_file(reports), "context": context, "subject_line": subject_line}
    out.writelines(rendered("findings.md", escape=_escaped, **values))


def _escaped(value: Any) -> Markup:
    """Escape a text so that it renders literally: in one line, which begins no block.

    >>> print(_escaped("1. <b>[x](y)</b> | https://z"))
    1\\. \\<b\\>\\[x\\](y)\\</b\\> \\| https\\://z
    """
    if isinstance(value, Markup):
        return value
    return Markup(_NUMBERED.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", one_line(str(value)))))
