"""Table writer: tagged passages for reading in a terminal, and counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import IO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tipclassify.formatting import one_line
from tipclassify.labels import LABELS
from tipclassify.reporting.palette import TERMINAL
from tipclassify.reporting.report import ScoringContext, TaggedReport, known
from tipclassify.reporting.subject import Subject, subject_line
from tipclassify.reporting.summary import NONE, Group
from tipclassify.reporting.writers.findings import FileFindings, by_file

__all__ = ["console_of", "heading_of", "write_table"]


def console_of(out: IO[str], width: int) -> Console:
    """Make a console as wide as the terminal, or `width` columns if the output is none."""
    # a terminal takes colours here; all text has been through `one_line`
    stream = getattr(out, "stream", out)
    return Console(file=stream, highlight=False, width=None if out.isatty() else width)


def heading_of(report: TaggedReport | FileFindings) -> str:
    """Make the line of a report's file, with country and year as far as they are known."""
    about = one_line(" ".join(known(report.country, report.year)))
    return one_line(report.file) + (f"  ({about})" if about else "")


def write_table(reports: Iterable[TaggedReport], out: IO[str], context: ScoringContext) -> None:  # noqa: ARG001
    """Write labels (with ``?`` for low confidence), probability, page and text of every tagged
    passage, then counts.

    Colours are used on a terminal only, and never if ``NO_COLOR`` is set.
    """
    console = console_of(out, 110)
    total, subjects = Group(()), defaultdict[str, Subject](Subject)
    for found in by_file(reports, parts=True):  # a table holds many times the memory of its text
        total += found.total
        subjects[found.file] += found.subject
        if found.tagged:
            console.print(_table(found))
    if not subjects:  # no input could be read, which is said elsewhere
        return
    if total.tagged:
        console.print()
    counts = "   ".join(f"{label} {total.count(label)}" for label in (*LABELS, NONE))
    console.print(Text(f"{total.passages} passages: {counts}"))
    if line := subject_line(subjects.values()):
        console.print(Text(line))


def _table(found: FileFindings) -> Table:
    table = Table(
        title=Text(heading_of(found)),
        title_justify="left",
        box=None,
        pad_edge=False,
        show_edge=False,
    )
    table.add_column("label", no_wrap=True)
    table.add_column("prob.", justify="right", no_wrap=True)
    paged = any(finding.passage.page for findings in found.tagged.values() for finding in findings)
    if paged:
        table.add_column("page", justify="right", no_wrap=True)
    table.add_column("passage", overflow="fold")
    for section, findings in found.tagged.items():
        name = f"[{one_line(section or '') or 'no section'}]"
        table.add_row(*[""] * (len(table.columns) - 1), Text(name, style="bold"))
        for passage in (finding.passage for finding in findings):
            doubt = " ?" if passage.low_confidence else ""
            labels = Text("\n").join(
                Text(label + doubt, style=TERMINAL[label]) for label in passage.labels
            )
            scores = "\n".join(f"{passage.scores[label]:.2f}" for label in passage.labels)
            page = [str(passage.page or "")] if paged else []
            table.add_row(labels, scores, *page, Text(one_line(passage.text)))
    return table
