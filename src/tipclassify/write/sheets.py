"""Excel writer: findings with citations, counts by file and section, all passages, metadata."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import IO, Final

from tipclassify.labels import LABELS, MEANINGS, label_name
from tipclassify.probability import NEARLY_CERTAIN
from tipclassify.records import Report, source_name
from tipclassify.reports.citation import Citation, cite
from tipclassify.reports.finding_row import COLUMNS, Cell, FindingRow, finding_row
from tipclassify.reports.group import NONE, Group
from tipclassify.reports.report import Finding, findings_of
from tipclassify.write.file_findings import FileFindings
from tipclassify.write.output import Output
from tipclassify.write.workbook import MOST_LINKS, ExcelTable, open_output_workbook

__all__ = ["write_findings_xlsx"]

_SHARES: Final = {label: f"{label} share" for label in (*LABELS, NONE)}
_COUNTS: Final = (
    "file",
    "country",
    "year",
    "section",
    "passages",
    "low_confidence",
    *chain.from_iterable(_SHARES.items()),  # each label, and its share beside it
    "notes",
)
_FINDINGS: Final = (
    "report",
    "country",
    "year",
    "section",
    "page",
    "passage",
    "label",
    "probability",
    "citation",
)
_PROBABILITY: Final = f'[>={NEARLY_CERTAIN}]">99%";0%'  # never as 100%
_REMARKS: Final = {
    "column file": "name of the input, without its folder; a link to its address, "
    "or to it where it lies beside this",
    "column label, probability": "labels of the finding, with “?” for low confidence; "
    "the highest probability of them",
    "column country, year": "what the report is about, where title or address tell it",
    "column page": "page on which the passage begins, where the source has pages",
    "column block": "paragraph of the report, from 0",
    "column start, end": "characters of the passage in the report's text, from 0, end not included",
    "column section": "section of the report, where headings tell it",
    "column text": "the passage, word for word",
    "column labels": "labels whose probability reaches the threshold; "
    "none of references, notes, contents, dates and addresses",
    f"column {', '.join(LABELS)}": "calibrated probability of each label; "
    "coloured and bold where the label is given",
    "column kind": "sentence, or table row: a row of a table, which is no sentence "
    "and counts apart on the pages",
    "column low_confidence": "TRUE where the model has too little to go by: "
    "read the passage before you use it",
    "sheet Counts": "of passages: rows of tables and sentences that are said again among them",
    "links": f"the first {MOST_LINKS:,} rows of a sheet have one, the most that Excel takes",
    "note": "A tag says what a passage claims, not whether it is true. "
    "Read the passage before you cite it.",
}


def write_findings_xlsx(reports: Iterable[Report], out: IO[bytes], output: Output) -> None:
    """Write the sheets *Findings*, *Counts*, *All passages* and *About*.

    One that is full is continued on another sheet, after these. No cell is ever a formula. Rows are
    streamed to disk: memory grows only with the links of a sheet.
    """
    with open_output_workbook(out, output) as book:
        findings = book.table("Findings", _FINDINGS, {"probability": _PROBABILITY})
        counts = book.table("Counts", _COUNTS, dict.fromkeys(_SHARES.values(), "0%"))
        passages = book.table("All passages", list(COLUMNS), dict.fromkeys(LABELS, "0.0%"))
        facts = book.table("About", ("what", "value"))
        files = _write_passage_sheets(findings, passages, reports, output)
        _write_counts_sheet(counts, files, output)
        for name, value in output.run.about().items():
            facts.append((name, value))
        for label, meaning in MEANINGS.items():
            facts.append((f"label {label_name(label)}", meaning))
        for name, remark in _REMARKS.items():
            facts.append((name, remark))


def _write_passage_sheets(
    findings: ExcelTable,
    passages: ExcelTable,
    reports: Iterable[Report],
    output: Output,
) -> Iterable[FileFindings]:
    """Write a row for each passage, and one for each finding; return the counts of each file."""
    files: dict[str, FileFindings] = {}
    for report in reports:
        file_findings = files.setdefault(report.file, FileFindings.of(report))
        file_findings.count(report)
        link = output.link(report.address or report.file)
        for finding in findings_of(report):
            row = finding_row(finding)
            cells = row.cells()
            cells["file"] = source_name(finding.file)
            own_colours = {label: label for label in row.labels}
            passages.append(list(cells.values()), link, own_colours)
            if row.labels:
                citation = cite(finding.report, finding.passage, output.run)
                findings.append(
                    _finding_cells(finding, row, citation),
                    citation.link or link,
                    {"label": row.labels[0]},
                )
    return files.values()


def _finding_cells(finding: Finding, row: FindingRow, citation: Citation) -> list[Cell]:
    """Return the cells of a finding, in the order of `_FINDINGS`."""
    doubt = "?" if row.low_confidence else ""
    return [
        finding.title,
        row.country,
        row.year,
        row.section,
        row.page,
        finding.passage.text,
        "\n".join(label_name(label) + doubt for label in row.labels),
        max(row.scores[label] for label in row.labels),
        citation.source,
    ]


def _write_counts_sheet(table: ExcelTable, files: Iterable[FileFindings], output: Output) -> None:
    """Write a row for each section, each file and all files."""
    everything = Group(())
    for file in files:
        place = [source_name(file.file), file.country, file.year]
        link = output.link(file.address or file.file)
        for section, group in file.counts.items():
            table.append(
                [*place, section or "(no section)", *_figures_of_counts_sheet(group), ""], link
            )
        notes = "; ".join(file.notes)
        table.append(
            [*place, "(all sections)", *_figures_of_counts_sheet(file.total), notes],
            link,
            bold=True,
        )
        everything += file.total
    table.append(
        ["(all files)", None, None, "(all sections)", *_figures_of_counts_sheet(everything), ""],
        bold=True,
    )


def _figures_of_counts_sheet(group: Group) -> list[float | None]:
    figures: list[float | None] = [group.passages, group.low_confidence]
    for label in _SHARES:
        figures.append(group.count(label))
        figures.append(round(group.share(label), 4) if group.passages else None)
    return figures
