"""JSON lines and CSV, one row a passage."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable
from typing import IO, Any, Final

from tipclassify.writers import Run, TaggedReport, findings
from tipclassify.writers.cells import COLUMNS, looks_like_a_formula, row_of

__all__ = ["write_csv", "write_jsonl"]

_NOT_RAW: Final = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # line ends to some readers, or not encodable


def write_jsonl(reports: Iterable[TaggedReport], out: IO[str], run: Run) -> None:  # noqa: ARG001
    """``{"file", "country", "year", "start", "end", "page", "block", "text", "section", "labels", "scores"}``, one object a line."""
    for finding in findings(reports):
        out.write(_NOT_RAW.sub(lambda char: f"\\u{ord(char[0]):04x}", _json(finding.to_dict())) + "\n")


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


def _json(row: dict[str, Any]) -> str:
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False)
    except ValueError:  # an input row may hold NaN, which Python reads and JSON does not know
        return json.dumps(_finite(row), ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
