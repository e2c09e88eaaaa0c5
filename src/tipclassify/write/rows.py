"""Rows as JSON Lines, CSV and Parquet: of passages, of a summary, of a comparison, of a ledger."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import IO, Final

from tipclassify.formatting import csv_cell, json_line
from tipclassify.labels import label_name
from tipclassify.records import Cell, Report, cells, columns, row, section_name
from tipclassify.reports.cite import cite
from tipclassify.reports.compare.comparison import Comparison
from tipclassify.reports.compare.ledger import Ledger, Standing
from tipclassify.reports.counts import Summary
from tipclassify.write.output import Output

_ROWS_A_GROUP: Final = 10_000  # of Parquet, held in memory at a time
_STATUS: Final = {
    "first": "stood first",
    "repeated": "same words",
    "moved": "same words, moved",
    "reworded": "reworded",
}


def write_jsonl(reports: Iterable[Report], out: IO[str], output: Output) -> None:  # noqa: ARG001
    """Write the row of each passage as a JSON object a line."""
    for report in reports:
        out.writelines(json_line(row(report, passage)) for passage in report.passages)


def write_csv(reports: Iterable[Report], out: IO[str], output: Output) -> None:
    """Write the columns of tables as CSV (RFC 4180), with ``'`` before what would be a formula."""
    if output.bom:
        out.write("\ufeff")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns(output.run.labels))
    for table_row in _table_rows(reports, output):
        writer.writerow([_csv_cell(cell) for cell in table_row.values()])


def _csv_cell(cell: Cell) -> object:
    return f"{cell:.4f}" if isinstance(cell, float) else csv_cell(cell)


def write_parquet(reports: Iterable[Report], out: IO[bytes], output: Output) -> None:
    """Write the columns of tables as Parquet; the schema's metadata say what tagged them."""
    import pyarrow as pa
    from pyarrow import parquet

    types = {
        name: pa.list_(pa.string()) if kind == "list" else kind
        for name, kind in columns(output.run.labels).items()
    }
    facts = output.run.about()
    metadata = {f"tipclassify.{name.replace(' ', '.')}": value for name, value in facts.items()}
    schema = pa.schema(types, metadata)
    rows = _table_rows(reports, output)
    with parquet.ParquetWriter(out, schema) as writer:
        while batch := list(islice(rows, _ROWS_A_GROUP)):
            writer.write_table(pa.Table.from_pylist(batch, schema))


def _table_rows(reports: Iterable[Report], output: Output) -> Iterator[dict[str, Cell]]:
    for report in reports:
        for passage in report.passages:
            yield cells(row(report, passage), output.run.labels)


def write_summary_jsonl(summary: Summary, out: IO[str]) -> None:
    """Write one object for each group, and one with ``"total": true``."""
    out.writelines(map(json_line, summary.rows()))


def write_summary_csv(summary: Summary, out: IO[str]) -> None:
    """Write the same rows with columns ``failure``, ``failure_share``, …; notes joined by ``;``."""
    write_csv_rows([flat(group) for group in summary.rows()], out)


def flat(group: Mapping[str, object]) -> dict[str, object]:
    """Put the figures of each label, which have an object of their own, into columns.

    >>> flat({"passages": 4, "labels": {"failure": {"count": 1, "share": 0.25}}, "model": "0123"})
    {'passages': 4, 'failure': 1, 'failure_share': 0.25, 'model': '0123'}
    """
    flat: dict[str, object] = {}
    for name, value in group.items():
        if not isinstance(value, dict):
            flat[name] = value
            continue
        for label, figures in value.items() if name == "labels" else [(name, value)]:
            for figure, number in figures.items():
                flat[label if figure == "count" else f"{label}_{figure}"] = number
    return flat


def write_csv_rows(
    rows: Sequence[Mapping[str, object]], out: IO[str], no_rows: Sequence[str] = ()
) -> None:
    """Write rows (RFC 4180) with their names, or `no_rows`; no cell runs as a formula."""
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(rows[0] if rows else no_rows)
    writer.writerows([csv_cell(value) for value in row.values()] for row in rows)


def write_comparison_jsonl(comparison: Comparison, out: IO[str], repeated: bool = False) -> None:
    """Write an object a break, then a change, in the table's order, then a sentence tagged both ways.

    Repeated passages are written only if `repeated`.
    """
    out.writelines(json_line(each.to_dict(*comparison.names)) for each in comparison.breaks)
    for group in comparison.groups(repeated):
        out.writelines(json_line(comparison.row(change)) for change in group.changes)
    out.writelines(json_line(sentence.to_dict()) for sentence in comparison.both_ways)


LEDGER_COLUMNS: Final = ("years", "first", "last")
"""Columns of a ledger without a line."""


def ledger_rows(ledger: Ledger) -> list[dict[str, str | int]]:
    """Make a row a line: years, wording then and now, tags, citations, then a column a year."""
    rows = []
    for line in ledger.lines:
        first = cite(line.first.report, line.first.passage)
        last = cite(line.last.report, line.last.passage)
        made: dict[str, str | int] = {
            "years": len(line.years),
            "first": line.first.year,
            "last": line.last.year,
            "still in the last report": "yes" if line.last.year == ledger.years[-1] else "no",
            "same words since": line.same_since,
            "labels": "; ".join(map(label_name, line.labels)),
            "labels changed": "; ".join(
                f"{year} by {by}" for year, by in line.retagged_by().items()
            ),
            "section": section_name(line.last.passage.section),
            "wording then": first.quote,
            "wording now": last.quote,
            "citation then": first.source,
            "citation now": last.source,
            "link": last.link,
        }
        standings = {standing.year: standing for standing in line.standings}
        made |= dict.fromkeys(ledger.years, "")
        made |= dict.fromkeys(line.break_years, "section not written")
        made |= {year: _status(standing) for year, standing in standings.items()}
        rows.append(made)
    return rows


def _status(standing: Standing) -> str:
    """Describe how a passage stands in a year: "reworded: failure"."""
    labels = ", ".join(map(label_name, standing.passage.labels)) or "no label"
    return f"{_STATUS[standing.status]}: {labels}"


def write_ledger_csv(ledger: Ledger, out: IO[str]) -> None:
    """Write a row for each line (RFC 4180), with ``'`` before what would run as a formula."""
    write_csv_rows(ledger_rows(ledger), out, LEDGER_COLUMNS)


def write_ledger_json(ledger: Ledger, out: IO[str]) -> None:
    """Write one object: the reports, and each line with all its passages and their citations."""
    lines = []
    for line in ledger.lines:
        standings = [
            {**standing.to_dict(), "citation": cite(standing.report, standing.passage).source}
            for standing in line.standings
        ]
        lines.append({**line.to_dict(), "standings": standings})
    out.write(json_line({**ledger.to_dict(), "lines": lines, "about": ledger.run.about()}))
