"""Markdown writer: counts, then the tagged passages as quotes, section by section.

Text of reports is never markup: all that is special is escaped, and a passage is one line, which begins no block.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import IO, Final

from tipclassify.formatting import one_line
from tipclassify.labels import LABELS
from tipclassify.reporting.subject import subject_line
from tipclassify.reporting.writers import ScoringContext, TaggedReport
from tipclassify.reporting.writers.findings import FileFindings
from tipclassify.text.document import Passage

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
    out.write("# Tagged passages\n")
    file = None
    for file, batches in groupby(reports, key=attrgetter("file")):  # rows of one file come in batches
        out.writelines(f"{line}\n" for line in _file(FileFindings.of(file, batches), context.link(file)))
    if file is None:
        out.write("\nNo reports.\n")
    out.write("\n---\n\nHow they were tagged:\n\n")
    out.writelines(f"- {_escaped(name)}: {_escaped(value)}\n" for name, value in context.about().items())
    out.write("\nA tag says what a passage claims, not whether it is true.\n")


def _file(found: FileFindings, link: str | None) -> Iterator[str]:
    """Yield the lines of one file."""
    name = _escaped(found.name)
    source = name if link is None else f"[{name}](<{link.replace('&', '&amp;')}>)"
    yield f"\n## {_escaped(found.title) or name}\n"
    yield " · ".join([source, *map(_escaped, found.known)]) + "\n"
    yield from (f"Not read in full: {_escaped(note)}\n" for note in found.notes)
    columns = ("passages", *LABELS, "(none)")
    yield "| section | " + " | ".join(map(_escaped, columns)) + " |"
    yield "| --- |" + " ---: |" * len(columns)
    for section, counted in found.table():
        yield f"| {_name(section)} | " + " | ".join(str(counted[column]) for column in columns) + " |"
    if line := subject_line([found.subject]):
        yield f"\n{_escaped(line)}"
    if not found.tagged:
        yield "\nNo passage has a label."
    for section, passages in found.tagged.items():
        yield f"\n### {_name(section)}"
        for passage in passages:
            yield f"\n> {_escaped(passage.text)}\n"
            yield " · ".join(_facts(passage))


def _facts(passage: Passage) -> Iterator[str]:
    for label in passage.labels:
        yield f"**{_escaped(label)}** {passage.scores[label]:.2f}"
    if passage.page is not None:
        yield f"page {passage.page}"
    yield f"characters {passage.start}–{passage.end}"
    if passage.low_confidence:
        yield "low confidence: read it before you use it"


def _name(section: str | None) -> str:
    return _escaped(section or "") or "no section"


def _escaped(text: str) -> str:
    """Escape a text so that it renders literally.

    >>> print(_escaped("1. <b>[x](y)</b> | https://z"))
    1\\. \\<b\\>\\[x\\](y)\\</b\\> \\| https\\://z
    """
    return _NUMBERED.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", one_line(text)))
