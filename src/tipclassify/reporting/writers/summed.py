"""Writers of a `Summary`: a table for the terminal, CSV or JSON Lines, with a row for each group and for the total."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import IO, Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tipclassify.formatting import csv_cell, json_line, one_line
from tipclassify.labels import LABELS
from tipclassify.reporting.subject import subject_line
from tipclassify.reporting.summary import ASSUMPTION, NONE, NOTES, OVERLAP, Group, Summary

__all__ = ["write_csv", "write_jsonl", "write_table"]

_NOTE_SYMBOLS: Final = {"few": "*", "weak": "†", "unlike": "‡", "unclear": "?"}
_WIDTH: Final = 120  # columns, if the output is no terminal


def write_table(summary: Summary, out: IO[str]) -> None:
    """Write count and share of each label by group, below them the adjusted count with its interval, then caveats."""
    console = Console(file=out, highlight=False, width=None if out.isatty() else _WIDTH)
    table = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
    for name in summary.by:
        table.add_column(name, overflow="fold", vertical="top")
    for column in ("passages", *LABELS, NONE):
        table.add_column(column, justify="right", no_wrap=True)
    above: Sequence[Any] = ()
    for group in summary.groups:
        names = [
            "" if group.key[: i + 1] == above[: i + 1] and i + 1 < len(summary.by) else _shown(value, name)
            for i, (name, value) in enumerate(zip(summary.by, group.key, strict=True))
        ]
        table.add_row(*map(Text, names), *_cells(summary, group))
        above = group.key
    total = [Text("total"), *[Text()] * (len(summary.by) - 1)]
    table.add_section()
    table.add_row(*total, *_cells(summary, summary.total), style="bold")
    console.print(table)

    console.print()
    if line := subject_line(summary.subjects):
        console.print(Text(line))
    console.print(Text(OVERLAP))
    if summary.rates is not None:
        console.print(Text(f"Second lines: adjusted for the model's errors. {ASSUMPTION}"))
        for note in summary.notes():
            console.print(Text(f"{_NOTE_SYMBOLS[note]} {NOTES[note]}"))
    console.print(Text("   ".join(f"{name} {value}" for name, value in summary.about.items())))


def _cells(summary: Summary, group: Group) -> list[Text]:
    cells = [Text(f"{group.passages:,}")]
    for label in (*LABELS, NONE):
        share = f"{group.share(label):4.0%}" if group.passages else "   –"
        cell = Text(f"{group.count(label):,} {share}")
        estimate = summary.estimate(group, label) if label != NONE else None
        if estimate is not None:
            marks = "".join(_NOTE_SYMBOLS[note] for note in estimate.notes)
            adjusted = f"\n{marks}{estimate.count:,.0f} ({estimate.low:,.0f}–{estimate.high:,.0f})"
            cell.append(adjusted, style="dim")
        cells.append(cell)
    return cells


def _shown(value: Any, name: str) -> str:
    return f"(no {name})" if value is None else one_line(str(value))


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
        if name not in ("labels", "none"):
            flat[name] = value
            continue
        for label, figures in (value if name == "labels" else {name: value}).items():
            flat |= {label if key == "count" else f"{label}_{key}": figure for key, figure in figures.items()}
    return flat
