"""The row of a finding, as tables and citations have it: columns of a known type, in order."""

from __future__ import annotations

import re
from typing import Any, Final

from tipclassify.labels import LABELS
from tipclassify.reporting.report import Finding

__all__ = ["COLUMNS", "finding_row"]

COLUMNS: Final = {
    "file": "string",
    "country": "string",
    "year": "int32",
    "page": "int32",
    "block": "int32",
    "start": "int64",
    "end": "int64",
    "section": "string",
    "text": "string",
    "labels": "list",
    **dict.fromkeys(LABELS, "float32"),  # probabilities, four decimals
    "low_confidence": "bool",
    "kind": "string",  # "sentence" or "table row"
}
"""Columns of CSV, Excel and Parquet, in order, with their types in Parquet."""

# from JSON escapes and file names; UTF-8 cannot encode them
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_INT32_LIMIT: Final = 2**31


def finding_row(finding: Finding) -> dict[str, Any]:
    """Make the row of a finding, by column: the values of JSONL, or None for one that is not of
    its column's type."""
    row = finding.to_dict()
    row |= row.pop("scores")
    return {name: _typed(row[name], kind) for name, kind in COLUMNS.items()}


def _typed(value: Any, kind: str) -> Any:
    if kind == "string":
        return _LONE_SURROGATE.sub("\ufffd", value) if isinstance(value, str) else None
    if kind == "int32":
        if isinstance(value, str) and len(value) < 10 and value.isascii() and value.isdigit():
            return int(value)
        return value if type(value) is int and -_INT32_LIMIT <= value < _INT32_LIMIT else None
    return value
