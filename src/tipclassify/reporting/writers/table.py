"""Table writer: tagged passages for reading in a terminal, and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import IO, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tipclassify.formatting import one_line
from tipclassify.labels import LABELS
from tipclassify.reporting.subject import Subject, subject_line
from tipclassify.reporting.writers import ScoringContext, TaggedReport
from tipclassify.text.document import Passage
from tipclassify.text.furniture import is_prose

__all__ = ["COLOURS", "console_of", "write_table"]

COLOURS: Final = {"positive_effort": "green", "failure": "yellow", "complicity": "red"}


def console_of(out: IO[str], width: int) -> Console:
    """Make a console as wide as the terminal, or `width` columns if the output is none."""
    stream = getattr(out, "stream", out)  # a terminal takes colours here; all text has been through `one_line`
    return Console(file=stream, highlight=False, width=None if out.isatty() else width)


def write_table(reports: Iterable[TaggedReport], out: IO[str], context: ScoringContext) -> None:  # noqa: ARG001
    """Write labels (with ``?`` for low confidence), probability, page and text of every tagged passage, then counts.

    Colours are used on a terminal only, and never if ``NO_COLOR`` is set.
    """
    console = console_of(out, 110)
    counts: Counter[str] = Counter()
    subjects: list[Subject] = []
    for _, batches in groupby(reports, key=attrgetter("file")):  # rows of one file come in batches
        table, section = None, None
        subjects.append(Subject())
        for report in batches:
            subjects[-1] += Subject.of(report.passages)
            for passage in filter(is_prose, report.passages):
                counts.update(("passages", *(passage.labels or ("(none)",))))
                if not passage.labels:
                    continue
                if table is None:
                    table = _empty_table(report)
                if passage.section != section or not table.row_count:
                    section = passage.section
                    name = Text(f"[{one_line(section or '') or 'no section'}]", style="bold")
                    table.add_row(*[""] * (len(table.columns) - 1), name)
                _add(table, passage)
        if table is not None:
            console.print(table)
    if any(counts[label] for label in LABELS):
        console.print()
    shown = "   ".join(f"{label} {counts[label]}" for label in (*LABELS, "(none)"))
    console.print(Text(f"{counts['passages']} passages: {shown}"))
    if line := subject_line(subjects):
        console.print(Text(line))


def _empty_table(report: TaggedReport) -> Table:
    about = one_line(report.country_and_year)
    title = Text(one_line(report.file) + (f"  ({about})" if about else ""))
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, show_edge=False)
    table.add_column("label", no_wrap=True)
    table.add_column("prob.", justify="right", no_wrap=True)
    if any(passage.page is not None for passage in report.passages):
        table.add_column("page", justify="right", no_wrap=True)
    table.add_column("passage", overflow="fold")
    return table


def _add(table: Table, passage: Passage) -> None:
    doubt = " ?" if passage.low_confidence else ""
    labels = Text("\n").join(Text(label + doubt, style=COLOURS[label]) for label in passage.labels)
    scores = "\n".join(f"{passage.scores[label]:.2f}" for label in passage.labels)
    page = () if len(table.columns) == 3 else ("" if passage.page is None else str(passage.page),)
    table.add_row(labels, scores, *page, Text(one_line(passage.text)))
