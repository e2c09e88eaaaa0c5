"""JSON lines and CSV, one row a passage."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from typing import Final, TextIO

from tipclassify.labels import LABELS
from tipclassify.writers import Finding

__all__ = ["write_csv", "write_jsonl"]

_COLUMNS: Final = ("file", "start", "end", "section", "text", "labels", *LABELS, "low_confidence")


def write_jsonl(findings: Iterable[Finding], out: TextIO) -> None:
    """``{"file", "start", "end", "text", "section", "labels", "scores"}``, one object a line."""
    for finding in findings:
        out.write(json.dumps(finding.to_dict(), ensure_ascii=False) + "\n")


def write_csv(findings: Iterable[Finding], out: TextIO) -> None:
    """One column for each probability; several labels are joined by ``;``."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for finding in findings:
        p = finding.passage
        scores = [f"{p.scores[label]:.4f}" for label in LABELS]
        cells = (
            finding.file,
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
