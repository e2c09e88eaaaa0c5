"""JSON lines and CSV, one row a passage."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import IO

from tipclassify.writers import Run, TaggedReport, findings
from tipclassify.writers.cells import COLUMNS, looks_like_a_formula, row_of
from tipclassify.writers.lines import report_lines

__all__ = ["write_csv", "write_jsonl"]


def write_jsonl(reports: Iterable[TaggedReport], out: IO[str], run: Run) -> None:  # noqa: ARG001
    """``{"file", "country", "year", "start", "end", "page", "block", "text", "section", "labels", "scores"}``, one object a line."""
    for report in reports:
        out.write("".join(report_lines(report)))  # a line at a time would be encoded a line at a time


def write_csv(reports: Iterable[TaggedReport], out: IO[str], run: Run) -> None:
    """RFC 4180 with the columns of `cells.Row`; several labels are joined by ``;``.

    A cell that a spreadsheet would run as a formula begins with ``'`` (CWE-1236).
    """
    if run.bom:
        out.write("\ufeff")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for finding in findings(reports):
        writer.writerow(map(_cell, row_of(finding)))


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, tuple):
        return ";".join(value)
    return _inert(value) if isinstance(value, str) else value


def _inert(text: str) -> str:
    text = text.replace("\0", "\ufffd")  # readers stop at NUL
    return "'" + text if looks_like_a_formula(text) else text
