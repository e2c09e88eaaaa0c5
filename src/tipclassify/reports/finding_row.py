"""The row of a finding, as tables and citations have it: columns of a known type, in order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tipclassify.labels import LABELS
from tipclassify.reports.report import Finding

__all__ = ["COLUMNS", "Cell", "FindingRow", "finding_row"]

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

Cell = str | int | float | bool | list[str] | None
"""Value in a column of `COLUMNS`."""

# from JSON escapes and file names; UTF-8 cannot encode them
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_INT32_LIMIT: Final = 2**31
_MAX_DIGITS: Final = 9  # of a whole number below that limit


@dataclass(frozen=True, slots=True)
class FindingRow:
    """The values of JSONL that tables have; None where one is not of its column's type."""

    file: str
    country: str | None
    year: int | None
    page: int | None
    block: int | None
    start: int
    end: int
    section: str | None
    text: str
    labels: list[str]
    scores: dict[str, float]  # probabilities by label, each a column of its own in tables
    low_confidence: bool
    kind: str

    def cells(self) -> dict[str, Cell]:
        """Return the values by column, in the order of `COLUMNS`."""
        return {
            "file": self.file,
            "country": self.country,
            "year": self.year,
            "page": self.page,
            "block": self.block,
            "start": self.start,
            "end": self.end,
            "section": self.section,
            "text": self.text,
            "labels": self.labels,
            **{label: self.scores[label] for label in LABELS},
            "low_confidence": self.low_confidence,
            "kind": self.kind,
        }


def finding_row(finding: Finding) -> FindingRow:
    """Make the row of a finding; what is not known of it is taken from the input row."""
    passage = finding.passage.to_dict()
    extra = finding.extra
    return FindingRow(
        file=_encodable_finding_text(finding.file),
        country=_finding_text(_known_in_finding(finding.country, extra.get("country"))),
        year=_finding_whole_number(_known_in_finding(finding.year, extra.get("year"))),
        page=_finding_whole_number(_known_in_finding(passage["page"], extra.get("page"))),
        block=_finding_whole_number(_known_in_finding(passage["block"], extra.get("block"))),
        start=passage["start"],
        end=passage["end"],
        section=_finding_text(_known_in_finding(passage["section"], extra.get("section"))),
        text=_encodable_finding_text(passage["text"]),
        labels=passage["labels"],
        scores=passage["scores"],
        low_confidence=passage["low_confidence"],
        kind=finding.passage.kind,
    )


def _known_in_finding(own: object, of_input_row: object) -> object:
    return of_input_row if own is None else own


def _encodable_finding_text(text: str) -> str:
    """Replace what UTF-8 cannot encode."""
    return _LONE_SURROGATE.sub("\ufffd", text)


def _finding_text(value: object) -> str | None:
    return _encodable_finding_text(value) if isinstance(value, str) else None


def _finding_whole_number(value: object) -> int | None:
    """Return a number of 32 bits, also one that is written as text; None for anything else."""
    if isinstance(value, str):
        is_number = len(value) <= _MAX_DIGITS and value.isascii() and value.isdigit()
        return int(value) if is_number else None
    if type(value) is int and -_INT32_LIMIT <= value < _INT32_LIMIT:  # True is no number
        return value
    return None
