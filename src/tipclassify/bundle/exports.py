"""Compare the tables that a bundle has as exports with its passages: counts, and findings."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from tipclassify.bundle.manifest import ROWS, Manifest, summary_rates
from tipclassify.formatting import count_with_noun, csv_cell, load_json
from tipclassify.records import Report, Run, cells, row, source_name
from tipclassify.reports.counts import DIMENSIONS, summarize
from tipclassify.write.rows import flat

_ALONE: Final = "is known by its SHA-256 alone"
# columns of findings; rows that came ready split may have others from elsewhere
_OF_FINDINGS: Final = ("start", "end", "section", "text", "labels", "key")
_OF_READ: Final = ("file", "year", "page", "block", "kind")

_Row = Mapping[str, object]


class NotComparedError(Exception):
    """A table cannot be compared with the passages of a bundle; the message says why."""


def differences_of_table(
    name: str, data: bytes, manifest: Manifest, reports: Callable[[], Iterable[Report]]
) -> list[str]:
    """Describe each row of an export that does not follow from the passages.

    `reports` makes those of the bundle, tagged, one at a time. Raises `NotComparedError`.
    """
    try:
        table = list(_rows(name, data))
    except (ValueError, csv.Error):  # no UTF-8, or no JSON
        table = []
    if table and {"total", "passages"} <= table[0].keys():
        return list(_differences_of_counts(table, manifest, reports()))
    if table and {*_OF_FINDINGS, *manifest.thresholds} <= table[0].keys():
        return _differences_of_findings(table, manifest, reports())
    raise NotComparedError(_ALONE)


def _rows(name: str, data: bytes) -> Iterator[_Row]:
    """Read a table as rows of one level; none where it is of another format."""
    if name.lower().endswith(".csv"):
        yield from csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    elif name.lower().endswith(".jsonl"):
        for line in io.BytesIO(data):
            values = load_json(line)
            scores = values.get("scores") if isinstance(values, dict) else None
            yield {**flat(values), **(scores if isinstance(scores, dict) else {})}


def _differences_of_counts(
    table: Sequence[_Row], manifest: Manifest, reports: Iterable[Report]
) -> Iterator[str]:
    """Count the passages by the columns that a summary was counted by, and compare its rows."""
    by = [name for name in table[0] if name in DIMENSIONS]
    totals = sum(_shown(row["total"]) == "true" for row in table)
    run = Run(manifest.policy, manifest.thresholds, manifest.moved)
    summary = summarize(reports, by, add_up=totals == 1, run=run)
    about = {**summary.about, "model": manifest.model.sha256[:12]}
    again = replace(
        summary, about=about, **summary_rates(manifest.error_rates, manifest.error_rates_by_kind)
    )
    counted = [flat(row) for row in again.rows()]
    names = [[_shown(row.get(name)) for name in (*by, "total")] for row in table]
    if names != [[_shown(row[name]) for name in (*by, "total")] for row in counted]:
        raise NotComparedError(f"{_ALONE}: its rows count other groups than the bundle has")
    for number, (old, new) in enumerate(zip(table, counted, strict=True), 1):
        wrong = [
            f"{name} is {_shown(old.get(name)):.40}, not {_shown(new.get(name)):.40}"
            for name in {**old, **new}
            if _shown(old.get(name)) != _shown(new.get(name))
        ]
        if wrong:
            yield f"row {number}: {'; '.join(wrong[:3])} by the passages"


def _differences_of_findings(
    table: Sequence[_Row], manifest: Manifest, reports: Iterable[Report]
) -> list[str]:
    """Look up each row of a table of passages among those of the bundle, each once."""
    labels = tuple(manifest.thresholds)
    from_rows = any(recorded.kind == ROWS for recorded in manifest.inputs)
    columns: tuple[str, ...] = _OF_FINDINGS if from_rows else _OF_FINDINGS + _OF_READ
    if not from_rows and all(recorded.country for recorded in manifest.inputs):
        columns += ("country",)  # a book has one for each narrative

    def compared(values: _Row) -> int:
        """Hash what is compared: a bundle may have 400,000 passages."""
        values = {**values, "file": source_name(str(values["file"]))}
        shown = [_shown(values.get(name)) for name in columns]
        return hash((*shown, *(f"{float(str(values[label])):.4f}" for label in labels)))

    unlisted = Counter(
        compared(cells(row(report, passage), labels))
        for report in reports
        for passage in report.passages
    )
    wrong = []
    for number, values in enumerate(table, 1):
        try:
            passage = compared(values)
        except (KeyError, ValueError):  # no probability
            passage = None
        if passage is not None and unlisted[passage]:
            unlisted[passage] -= 1
        else:
            wrong.append(str(number))
    if wrong:
        rows = count_with_noun(len(wrong), "row")
        what = "of no passage of the bundle, as it is tagged there"
        return [f"{rows} {what}, or of one listed before: {', '.join(wrong[:5])}"]
    if missing := unlisted.total():
        raise NotComparedError(
            f"its {len(table):,} rows are as the passages give them; it leaves out {missing:,}"
        )
    return []


def _shown(value: object) -> str:
    """Format a value as its cell of a CSV file is read."""
    return "" if value is None else str(csv_cell(value))
