"""Writers of a `Summary`: a table for the terminal, CSV or JSON Lines, with a row for each group
and for the total."""

from __future__ import annotations

import csv
from typing import IO, Any, Final

from rich.table import Table
from rich.text import Text

from tipclassify.formatting import csv_cell, json_line
from tipclassify.labels import LABELS
from tipclassify.reporting.subject import subject_line
from tipclassify.reporting.summary import (
    ASSUMPTION,
    NONE,
    NOTES,
    OVERLAP,
    Group,
    Key,
    Summary,
    shown_name,
)
from tipclassify.reporting.writers.table import console_of

__all__ = ["write_csv", "write_jsonl", "write_table"]

_NOTE_SYMBOLS: Final = {"few": "*", "weak": "†", "unlike": "‡", "unclear": "?"}


def write_table(summary: Summary, out: IO[str]) -> None:
    """Write count and share of each label by group, below them the adjusted count with its
    interval, then caveats."""
    console = console_of(out, 120)
    table = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
    for name in summary.by:
        table.add_column(name, overflow="fold", vertical="top")
    for column in ("passages", *LABELS, NONE):
        table.add_column(column, justify="right", no_wrap=True)
    above: Key = ()
    last = len(summary.by) - 1
    for group in summary.groups:
        key = [
            summary.file_names[one] if by == "file" else one
            for one, by in zip(group.key, summary.by, strict=True)
        ]
        names = [Text(shown_name(*named)) for named in zip(key, summary.by, strict=True)]
        repeated = [i < last and group.key[: i + 1] == above[: i + 1] for i in range(last + 1)]
        table.add_row(
            *("" if r else n for n, r in zip(names, repeated, strict=True)), *_cells(summary, group)
        )
        above = group.key
    table.add_section()
    for total in summary.shown_totals:
        total_name = f"total, {shown_name(total.key[0], 'publication')}" if total.key else "total"
        table.add_row(Text(total_name), *[""] * last, *_cells(summary, total), style="bold")
    console.print(table)

    lines = ["", subject_line(summary.subjects), OVERLAP]
    if summary.rates is not None:
        lines.append(f"Second lines: adjusted for the model's errors. {ASSUMPTION}")
        lines += [f"{_NOTE_SYMBOLS[note]} {NOTES[note]}" for note in summary.notes()]
    lines.append("   ".join(f"{name} {value}" for name, value in summary.about.items()))
    console.print(Text("\n".join(line for line in lines if line is not None)))


def _cells(summary: Summary, group: Group) -> list[Text]:
    cells = [Text(f"{group.passages:,}")]
    for label in (*LABELS, NONE):
        share = f"{group.share(label):4.0%}" if group.passages else "   –"
        cell = Text(f"{group.count(label):,} {share}")
        if estimate := summary.estimate(group, label):
            marks = "".join(_NOTE_SYMBOLS[note] for note in estimate.notes)
            cell.append(
                f"\n{marks}{estimate.count:,.0f} ({estimate.low:,.0f}–{estimate.high:,.0f})",
                style="dim",
            )
        cells.append(cell)
    return cells


def write_jsonl(summary: Summary, out: IO[str]) -> None:
    """Write one object for each group, and one with ``"total": true``."""
    out.writelines(map(json_line, summary.rows()))


def write_csv(summary: Summary, out: IO[str]) -> None:
    """Write the same rows with columns ``failure``, ``failure_share``, …; notes joined by ``;``."""
    writer = csv.writer(out, lineterminator="\r\n")
    rows = list(map(_flat, summary.rows()))
    writer.writerow(rows[0])
    writer.writerows(map(csv_cell, row.values()) for row in rows)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        figures = value if name == "labels" else {name: value} if name == "none" else {}
        for label, counted in figures.items():
            flat |= {
                label if key == "count" else f"{label}_{key}": figure
                for key, figure in counted.items()
            }
        if not figures:
            flat[name] = value
    return flat
