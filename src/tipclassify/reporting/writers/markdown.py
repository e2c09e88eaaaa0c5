"""Markdown writer: counts, then the tagged passages as quotes, section by section.

Text of reports is never markup: all that is special is escaped, and a passage is one line, which begins no block.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import IO, Final

from tipclassify.formatting import one_line
from tipclassify.labels import LABELS
from tipclassify.reporting.subject import Subject, subject_line
from tipclassify.reporting.writers import ScoringContext, TaggedReport
from tipclassify.text.document import Passage
from tipclassify.text.furniture import is_prose

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
        out.writelines(f"{line}\n" for line in _file(file, batches, context))
    if file is None:
        out.write("\nNo reports.\n")
    out.write("\n---\n\nHow they were tagged:\n\n")
    out.writelines(f"- {_escaped(name)}: {_escaped(value)}\n" for name, value in context.about().items())
    out.write("\nA tag says what a passage claims, not whether it is true.\n")


def _file(file: str, batches: Iterable[TaggedReport], context: ScoringContext) -> Iterator[str]:
    """Yield the lines of one file, whose tagged passages are kept in memory, since the counts come first."""
    counts: defaultdict[str | None, Counter[str]] = defaultdict(Counter)  # by section, in the order in which they come
    tagged: defaultdict[str | None, list[Passage]] = defaultdict(list)
    notes: list[str] = []
    subject = Subject()
    document = None
    for report in batches:
        document = document or report.document
        notes += report.notes
        subject += Subject.of(report.passages)
        for passage in filter(is_prose, report.passages):
            counts[passage.section].update(("passages", *(passage.labels or ("(none)",))))
            if passage.labels:
                tagged[passage.section].append(passage)
    link = context.link(file)
    name = "standard input" if file == "-" else _escaped(file)
    source = name if link is None else f"[{name}](<{link.replace('&', '&amp;')}>)"
    known = [str(value) for value in (document.country, document.year) if value] if document else []
    yield f"\n## {_escaped((document and document.title) or '') or name}\n"
    yield " · ".join([source, *map(_escaped, known)]) + "\n"
    yield from (f"Not read in full: {_escaped(note)}\n" for note in notes)
    yield from _table(counts)
    if line := subject_line([subject]):
        yield f"\n{_escaped(line)}"
    if not tagged:
        yield "\nNo passage has a label."
    for section, passages in tagged.items():
        yield f"\n### {_name(section)}"
        for passage in passages:
            yield f"\n> {_escaped(passage.text)}\n"
            yield " · ".join(_facts(passage))


def _table(counts: dict[str | None, Counter[str]]) -> Iterator[str]:
    """Yield the lines of the table of counts: a row for each section and one for all."""
    columns = ("passages", *LABELS, "(none)")
    yield "| section | " + " | ".join(map(_escaped, columns)) + " |"
    yield "| --- |" + " ---: |" * len(columns)
    rows = [(_name(section), counted) for section, counted in counts.items()]
    for name, counted in (*rows, ("all", sum(counts.values(), Counter()))):
        yield f"| {name} | " + " | ".join(str(counted[column]) for column in columns) + " |"


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
