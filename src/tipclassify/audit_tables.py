"""The findings of an audit as rows for JSON and as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from tipclassify.findings import Audit, LabelError, NearTwins, SamePair, SectionBalance
from tipclassify.labels import LABELS
from tipclassify.nearness import ALIKE, LEAKED

__all__ = ["NONE", "audit_rows", "audit_table"]

NONE: Final = "(none)"
"""Name of no label at all."""

Finding = LabelError | NearTwins | SamePair | SectionBalance

_TWINS: Final = ("similarity", "id", "labels", "text")
_PARTS: Final = {
    "label_errors": ("likely label errors", ("quality", "id", "labels", "suggested", "text")),
    "conflicts": (f"near twins with different labels (similarity {ALIKE} or more)", _TWINS),
    "same_pairs": ("pairs whose labels do not differ", ("pair", "id", "labels", "text")),
    "leaks": (f"near twins in different groups (similarity {LEAKED} or more)", _TWINS),
    "balance": ("sections", ("section", "passages", *LABELS, NONE)),
}
_FIGURES: Final = ("quality", "similarity", "passages", *LABELS, NONE)  # columns set to the right


def audit_rows(audit: Audit, most: int) -> Iterator[dict[str, Any]]:
    """Plain values for JSON: for each part a row with its ``count``, then its first `most` findings."""
    for part in _PARTS:
        findings = getattr(audit, part)
        yield {"part": part, "count": len(findings)}
        yield from ({"part": part, **asdict(finding)} for finding in findings[:most])


def audit_table(audit: Audit, most: int) -> str:
    """The same as aligned plain text, a table a part."""
    tables = []
    for part, (title, columns) in _PARTS.items():
        findings: Sequence[Finding] = getattr(audit, part)
        shown = [cells for finding in findings[:most] for cells in _cells(finding)]
        rest = f", first {most} shown" if len(findings) > most else ""
        tables.append("\n".join([f"{title}: {len(findings)}{rest}", *_aligned(columns, shown)]))
    return "\n\n".join(tables)


def _cells(finding: Finding) -> list[tuple[str, ...]]:
    """Lines of a finding: one, or one for each of its passages."""
    if isinstance(finding, LabelError):
        named = (finding.id, _names(finding.labels), _names(finding.suggested), _line(finding.text))
        return [(f"{finding.quality:.3f}", *named)]
    if isinstance(finding, SectionBalance):
        counts = (f"{n} ({finding.shares[label]:.0%})" for label, n in finding.counts.items())
        return [(_line(finding.section or "(no section)"), str(finding.passages), *counts)]
    head, passages = (
        (_line(finding.pair), finding.passages)
        if isinstance(finding, SamePair)
        else (f"{finding.similarity:.2f}", (finding.first, finding.second))
    )
    return [("" if n else head, p.id, _names(p.labels), _line(p.text)) for n, p in enumerate(passages)]


def _aligned(columns: Sequence[str], lines: Sequence[tuple[str, ...]]) -> list[str]:
    if not lines:
        return []
    widths = [max(map(len, column)) for column in zip(columns, *lines, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if column in _FIGURES else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        ).rstrip()
        for line in (columns, *lines)
    ]


def _names(labels: Sequence[str]) -> str:
    return ", ".join(labels) or NONE


def _line(text: str) -> str:
    return " ".join(text.split())
