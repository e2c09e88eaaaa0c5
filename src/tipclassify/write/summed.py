"""Writers of a `Summary`: a table for the terminal, CSV or JSON Lines, a row a group and total."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import IO, Final

from rich.table import Table
from rich.text import Text

from tipclassify.formatting import csv_cell, json_line
from tipclassify.labels import LABELS
from tipclassify.reports.adjustment import ASSUMPTION, NOTES
from tipclassify.reports.dimensions import Key, Name, shown_dimension_name
from tipclassify.reports.group import NONE, Group
from tipclassify.reports.subject import subject_line
from tipclassify.reports.summary import OVERLAP, Summary
from tipclassify.reports.summary_names import summary_total_names
from tipclassify.write.table import console_of_report_table_writer

__all__ = ["write_summary_csv", "write_summary_jsonl", "write_summary_table"]

_NOTE_SYMBOLS: Final = {"few": "*", "weak": "†", "unlike": "‡", "unclear": "?"}


def write_summary_table(summary: Summary, out: IO[str]) -> None:
    """Write counts and shares by group, adjusted ones with intervals below, then caveats."""
    console = console_of_report_table_writer(out, 120)
    table = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
    for name in summary.by:
        table.add_column(name, overflow="fold", vertical="top")
    for column in ("passages", *LABELS, NONE):
        table.add_column(column, justify="right", no_wrap=True)
    file_names = summary.file_names
    above: Key = ()
    for group in summary.groups:
        names = _names_of_summary_row(summary.by, file_names, group, above)
        table.add_row(*names, *_cells_of_summary_row(summary, group))
        above = group.key
    table.add_section()
    no_names = ["" for _ in summary.by[1:]]
    for name, total in zip(summary_total_names(summary), summary.shown_totals, strict=True):
        table.add_row(Text(name), *no_names, *_cells_of_summary_row(summary, total), style="bold")
    console.print(table)
    console.print(Text("\n".join(["", *_summary_caveats(summary)])))


def _names_of_summary_row(
    dimensions: Sequence[str], file_names: Mapping[Name, Name], group: Group, above: Key
) -> list[Text]:
    """Name the dimensions of a group; names that the group above has, too, are left out."""
    last = len(dimensions) - 1
    names = []
    for place, (dimension, value) in enumerate(zip(dimensions, group.key, strict=True)):
        name = file_names[value] if dimension == "file" else value
        is_repeated = place < last and group.key[: place + 1] == above[: place + 1]
        names.append(Text("" if is_repeated else shown_dimension_name(name, dimension)))
    return names


def _summary_caveats(summary: Summary) -> list[str]:
    lines = []
    if on_subject := subject_line(summary.subjects):
        lines.append(on_subject)
    lines.append(OVERLAP)
    if summary.rates is not None:
        lines.append(f"Second lines: adjusted for the model's errors. {ASSUMPTION}")
        if rates_note := summary.rates_note():
            lines.append(rates_note)
        lines += [f"{_NOTE_SYMBOLS[note]} {NOTES[note]}" for note in summary.notes()]
    lines.append("   ".join(f"{name} {value}" for name, value in summary.about.items()))
    return lines


def _cells_of_summary_row(summary: Summary, group: Group) -> list[Text]:
    cells = [Text(f"{group.passages:,}")]
    for label in (*LABELS, NONE):
        share = f"{group.share(label):4.0%}" if group.passages else "   –"
        cell = Text(f"{group.count(label):,} {share}")
        if estimate := summary.estimate(group, label):
            symbols = "".join(_NOTE_SYMBOLS[note] for note in estimate.notes)
            interval = f"({estimate.low:,.0f}–{estimate.high:,.0f})"
            cell.append(f"\n{symbols}{estimate.count:,.0f} {interval}", style="dim")
        cells.append(cell)
    return cells


def write_summary_jsonl(summary: Summary, out: IO[str]) -> None:
    """Write one object for each group, and one with ``"total": true``."""
    out.writelines(map(json_line, summary.rows()))


def write_summary_csv(summary: Summary, out: IO[str]) -> None:
    """Write the same rows with columns ``failure``, ``failure_share``, …; notes joined by ``;``."""
    writer = csv.writer(out, lineterminator="\r\n")
    rows = [row.flat() for row in summary.summary_rows()]
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow([csv_cell(value) for value in row.values()])
