"""Writers of a ledger: a table for the terminal, CSV, Excel, JSON, or an HTML page of timelines."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import IO, Final

from rich.console import Console
from rich.text import Text

from tipclassify.formatting import csv_cell, json_line, one_line
from tipclassify.labels import LABELS, label_name
from tipclassify.records import section_name
from tipclassify.reports.citation import Citation, cite
from tipclassify.reports.compare.ledger import Ledger, LedgerLine, LedgerStanding
from tipclassify.reports.palette import TERMINAL
from tipclassify.write.compared import write_split_decisions_of_reports
from tipclassify.write.output import Output
from tipclassify.write.table import console_of_report_table_writer
from tipclassify.write.templating import render_template

__all__ = [
    "write_ledger_csv",
    "write_ledger_html",
    "write_ledger_json",
    "write_ledger_table",
    "write_ledger_xlsx",
]

_WORDS: Final = {
    "first": "stood first",
    "repeated": "same words",
    "moved": "same words, moved",
    "reworded": "reworded",
}


def describe_ledger_line(line: LedgerLine, latest: str) -> str:
    """Say in words how long a passage has stood; `latest` is the year of the last report.

    "the same sentence since 2016", "since 2016, reworded in 2021 and 2023", "2016 to 2019, the same
    sentence".
    """
    span = f"from {line.first.year} to {line.last.year}"
    if line.last.year == latest:
        span = f"since {line.first.year}"
    reworded = [standing.year for standing in line.standings if standing.status == "reworded"]
    if not reworded:
        return f"the same sentence {span}"
    return f"{span}, reworded in {', '.join(reworded)}"


Row = dict[str, str | int]
"""Cells of a line, by column."""


def ledger_rows(ledger: Ledger, output: Output) -> Iterator[Row]:
    """Yield a row a line: years, wording then and now, tags, citations, then a column a year."""
    for line in ledger.lines:
        first = cite(line.first.finding.report, line.first.finding.passage, output.run)
        last = cite(line.last.finding.report, line.last.finding.passage, output.run)
        row: Row = {
            "years": len(line.years),
            "first": line.first.year,
            "last": line.last.year,
            "still in the last report": "yes" if line.last.year == ledger.years[-1] else "no",
            "same words since": line.same_since,
            "labels": "; ".join(map(label_name, line.labels)),
            "labels changed": "yes" if line.is_retagged else "no",
            "section": section_name(line.last.finding.passage.section),
            "wording then": first.quote,
            "wording now": last.quote,
            "citation then": first.source,
            "citation now": last.source,
            "link": last.link,
        }
        standings = {standing.year: standing for standing in line.standings}
        row |= {year: _ledger_cell(standings.get(year)) for year in ledger.years}
        yield row


def _ledger_cell(standing: LedgerStanding | None) -> str:
    """Describe where a passage stands in a year: "reworded: failure"; empty if it does not."""
    if standing is None:
        return ""
    labels = ", ".join(map(label_name, standing.finding.passage.labels)) or "no label"
    return f"{_WORDS[standing.status]}: {labels}"


def write_ledger_csv(ledger: Ledger, out: IO[str], output: Output) -> None:
    """Write a row for each line (RFC 4180), with ``'`` before what would run as a formula."""
    writer = csv.writer(out, lineterminator="\r\n")
    rows = list(ledger_rows(ledger, output))
    writer.writerow(rows[0] if rows else ["years", "first", "last"])
    writer.writerows([csv_cell(value) for value in row.values()] for row in rows)


def write_ledger_xlsx(ledger: Ledger, out: IO[bytes], output: Output) -> None:
    """Write a sheet with a row for each line, and one about the reports and the model."""
    from tipclassify.write.workbook import open_output_workbook

    rows = list(ledger_rows(ledger, output))
    with open_output_workbook(out, output) as book:
        lines = book.table("Ledger", list(rows[0]) if rows else ["years", "first", "last"])
        for row in rows:
            lines.append(list(row.values()))
        facts = book.table("About", ("what", "value"))
        facts.append(("reports", ledger.subject or "of one country and publication"))
        for year, report in zip(ledger.years, ledger.reports, strict=True):
            facts.append((year, report.address or report.title))
        for name, value in output.run.about().items():
            facts.append((name, value))


def write_ledger_json(ledger: Ledger, out: IO[str], output: Output) -> None:
    """Write one object: the reports, and each line with all its passages and their citations."""
    lines = []
    for line in ledger.lines:
        standings = [_cited_ledger_standing(standing, output) for standing in line.standings]
        lines.append({**line.to_dict(), "standings": standings})
    out.write(json_line({**ledger.to_dict(), "lines": lines, "about": output.run.about()}))


def _cited_ledger_standing(standing: LedgerStanding, output: Output) -> dict[str, object]:
    return {**standing.to_dict(), "citation": _cite_standing(standing, output).source}


def _cite_standing(standing: LedgerStanding, output: Output) -> Citation:
    """Cite a passage as of the day on which its report was read."""
    return cite(
        standing.finding.report, standing.finding.passage, standing.finding.report.run or output.run
    )


def write_ledger_html(ledger: Ledger, out: IO[str], output: Output) -> None:
    """Write one page. It has no script: CSS reads its filters."""

    def cite_standing(standing: LedgerStanding) -> Citation:
        return _cite_standing(standing, output)

    out.writelines(
        render_template(
            "ledger.html",
            ledger=ledger,
            output=output,
            cite=cite_standing,
            describe=describe_ledger_line,
        )
    )


def write_ledger_table(ledger: Ledger, out: IO[str], everything: bool = False) -> None:
    """Write the lines that have a label, or with `everything` all, most years first."""
    console = console_of_report_table_writer(out, 120)
    subject = ledger.subject or "Passages that persist"
    title = one_line(f"{subject}, {ledger.years[0]} to {ledger.years[-1]}")
    console.print(Text(title, style="bold"))
    shown = [line for line in ledger.lines if line.labels or everything]
    for line in shown:
        _write_ledger_line(line, ledger.years[-1], console)
    write_split_decisions_of_reports(ledger.split_decisions, console)
    counts = {label: sum(label in line.labels for line in shown) for label in LABELS}
    tagged = ", ".join(f"{label_name(label)} {count}" for label, count in counts.items())
    counted = f"{len(shown)} passages stood in two years or more ({tagged})"
    left_out = len(ledger.lines) - len(shown)
    if left_out:
        counted = f"{counted}; {left_out} more without a label, which --all shows"
    console.print(Text(f"\n{counted}."))


def _write_ledger_line(line: LedgerLine, latest: str, console: Console) -> None:
    labels = Text(", ").join(
        Text(label_name(label), style=TERMINAL[label]) for label in line.labels
    )
    heading = (
        Text("\n").append(f"{describe_ledger_line(line, latest)}  ", style="bold").append(labels)
    )
    heading.append(f"  {len(line.years)} years: {', '.join(line.years)}")
    console.print(heading)
    first_words = line.first.finding.passage.text
    last_words = line.last.finding.passage.text
    if first_words != last_words:
        console.print(Text(f"{line.first.year}  {one_line(first_words)}", style="dim"))
    console.print(Text(f"{line.last.year}  {one_line(last_words)}"))
