"""JSON lines and CSV, one row a passage."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from typing import IO, Final

from tipclassify.labels import LABELS
from tipclassify.writers import Run, TaggedReport, findings

__all__ = ["write_csv", "write_jsonl"]

_COLUMNS: Final = (
    "file",
    "country",
    "year",
    "page",
    "block",
    "start",
    "end",
    "section",
    "text",
    "labels",
    *LABELS,
    "low_confidence",
)


def write_jsonl(reports: Iterable[TaggedReport], out: IO[str], run: Run) -> None:  # noqa: ARG001
    """``{"file", "country", "year", "start", "end", "page", "block", "text", "section", "labels", "scores"}``, one object a line."""
    for finding in findings(reports):
        out.write(json.dumps(finding.to_dict(), ensure_ascii=False) + "\n")


def write_csv(reports: Iterable[TaggedReport], out: IO[str], run: Run) -> None:  # noqa: ARG001
    """One column for each probability; several labels are joined by ``;``."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for finding in findings(reports):
        p = finding.passage
        scores = [f"{p.scores[label]:.4f}" for label in LABELS]
        cells = (
            finding.file,
            finding.country or "",
            finding.year or "",
            p.page or "",
            "" if p.block is None else p.block,
            p.start,
            p.end,
            p.section or "",
            p.text,
            ";".join(p.labels),
            *scores,
            str(p.low_confidence).lower(),
        )
        writer.writerow([_inert(cell) if isinstance(cell, str) else cell for cell in cells])


def _inert(cell: str) -> str:
    """A cell that a spreadsheet would run as a formula, made text (CWE-1236)."""
    return "'" + cell if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
