"""Table writer: tagged passages for reading in a terminal, and counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import IO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tipclassify.formatting import count_with_noun, one_line
from tipclassify.labels import LABELS
from tipclassify.probability import probability
from tipclassify.records import Passage, Report, known
from tipclassify.reports.palette import TERMINAL
from tipclassify.reports.particulars import FindingKindCounts
from tipclassify.reports.subject import ReportSubject, subject_line
from tipclassify.write.file_findings import FileFindings, findings_by_file
from tipclassify.write.output import Output

__all__ = ["console_of_report_table_writer", "report_table_heading", "write_findings_table"]


def console_of_report_table_writer(out: IO[str], width: int) -> Console:
    """Make a console as wide as the terminal, or `width` columns if the output is none."""
    # a terminal takes colours here; all text has been through `one_line`
    stream = getattr(out, "stream", out)
    return Console(file=stream, highlight=False, width=None if out.isatty() else width)


def report_table_heading(report: Report | FileFindings) -> str:
    """Make the line of a report's file, with country and year as far as they are known."""
    country_and_year = one_line(" ".join(known(report.country, report.year)))
    return one_line(report.file) + (f"  ({country_and_year})" if country_and_year else "")


def write_findings_table(
    reports: Iterable[Report],
    out: IO[str],
    output: Output,  # noqa: ARG001
) -> None:
    """Write label (``?``: low confidence), probability, page and text of tagged passages; counts.

    Colours are used on a terminal only, and never if ``NO_COLOR`` is set.
    """
    console = console_of_report_table_writer(out, 110)
    passages = 0
    kinds = FindingKindCounts()
    subjects = defaultdict[str, ReportSubject](ReportSubject)
    # by part: a table holds many times the memory of its text
    for file_findings in findings_by_file(reports, parts=True):
        passages += file_findings.total.passages
        kinds += file_findings.total_kinds
        subjects[file_findings.file] += file_findings.subject
        if file_findings.tagged:
            console.print(_findings_table(file_findings))
    if not subjects:  # no input could be read, which is said elsewhere
        return
    if kinds.tagged_sentences or kinds.tagged_rows:
        console.print()
    for line in _finding_count_lines(passages, kinds):
        console.print(Text(line))
    if line_on_subject := subject_line(subjects.values()):
        console.print(Text(line_on_subject))


def _finding_count_lines(passages: int, kinds: FindingKindCounts) -> list[str]:
    """Say how many sentences have each label, their share, and what is counted apart.

    >>> from collections import Counter
    >>> kinds = FindingKindCounts(Counter(failure=1), tagged_sentences=1, on_subject=2)
    >>> _finding_count_lines(3, kinds)
    ['3 passages, 2 on trafficking: positive_effort 0   failure 1 (50%)   complicity 0']
    """
    counts = "   ".join(f"{label} {kinds.count_and_share(label)}" for label in LABELS)
    base = f"{count_with_noun(passages, 'passage')}, {kinds.on_subject:,} on trafficking"
    return [f"{base}: {counts}", *kinds.beside()]


def _findings_table(file_findings: FileFindings) -> Table:
    table = Table(
        title=Text(report_table_heading(file_findings)),
        title_justify="left",
        box=None,
        pad_edge=False,
        show_edge=False,
    )
    table.add_column("label", no_wrap=True)
    table.add_column("prob.", justify="right", no_wrap=True)
    sections = file_findings.tagged
    has_pages = any(listed.passage.page for findings in sections.values() for listed in findings)
    if has_pages:
        table.add_column("page", justify="right", no_wrap=True)
    table.add_column("passage", overflow="fold")
    for section, findings in sections.items():
        name = f"[{one_line(section or '') or 'no section'}]"
        other_cells = ["" for _ in table.columns[1:]]
        table.add_row(*other_cells, Text(name, style="bold"))
        for listed in findings:
            table.add_row(*_findings_table_cells(listed.passage, has_pages))
    return table


def _findings_table_cells(passage: Passage, has_pages: bool) -> list[str | Text]:
    doubt = " ?" if passage.low_confidence else ""
    labels = Text("\n").join(Text(label + doubt, style=TERMINAL[label]) for label in passage.labels)
    scores = "\n".join(probability(passage.scores[label]) for label in passage.labels)
    cells: list[str | Text] = [labels, scores]
    if has_pages:
        cells.append(str(passage.page or ""))
    return [*cells, Text(one_line(passage.text))]
