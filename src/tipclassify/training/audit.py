"""Audit a corpus for suspect passages before training; findings are plain values, worst first.

The doubt in a label is cleanlab's. Near-identical passages with different labels, or on both sides
of a split, contrast pairs and sections are of this corpus's rows, which cleanlab does not know.
"""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from tipclassify.arrays import Bools
from tipclassify.corpus.loading import Row, group_rows, text_key
from tipclassify.corpus.near_duplicates import (
    CONFLICT_SIMILARITY,
    LEAK_SIMILARITY,
    near_duplicate_pairs,
)
from tipclassify.errors import CorpusError, needs_extra
from tipclassify.formatting import format_columns, format_value
from tipclassify.labels import LABELS
from tipclassify.progress import Progress
from tipclassify.resources import cache_folder_of_package
from tipclassify.text.segmentation.sections import heading_without_enumerator
from tipclassify.training.adapt_heads import adapt_to_own
from tipclassify.training.examples import Examples, country_groups, headings_of, labels_of
from tipclassify.training.fit_heads import HeadSettings, load_encoder

__all__ = [
    "audit_corpus",
    "audit_rows",
    "audit_table",
    "find_label_errors",
    "find_near_identical_pairs",
    "find_same_pairs",
    "section_balance",
]

_NONE: Final = "(none)"
_PAIR_COLUMNS: Final = ("similarity", "id", "labels", "text")
_PARTS: Final = {
    "label_errors": ("likely label errors", ("quality", "id", "labels", "suggested", "text")),
    "conflicts": (
        f"near-identical pairs with different labels (similarity {CONFLICT_SIMILARITY} or more)",
        _PAIR_COLUMNS,
    ),
    "same_pairs": ("pairs whose labels do not differ", ("pair", "id", "labels", "text")),
    "leaks": (
        f"near-identical pairs in different groups (similarity {LEAK_SIMILARITY} or more)",
        _PAIR_COLUMNS,
    ),
    "balance": ("sections", ("section", "passages", *LABELS, _NONE)),
}

AuditFinding = dict[str, Any]  # plain values, as in the JSON lines
Audit = Mapping[str, Sequence[AuditFinding]]  # by the names in `_PARTS`


def audit_corpus(
    rows: Sequence[Row], *, folds: int = 5, seed: int = 0, progress: Progress | None = None
) -> Audit:
    """Run every audit on `rows` (from `corpus.read_rows`) and return the findings by audit name."""
    errors = find_label_errors(rows, folds=folds, seed=seed, progress=progress)
    conflicts, leaks = find_near_identical_pairs(rows)
    return {
        "label_errors": errors,
        "conflicts": conflicts,
        "same_pairs": find_same_pairs(rows),
        "leaks": leaks,
        "balance": section_balance(rows),
    }


def find_label_errors(
    rows: Sequence[Row], *, folds: int = 5, seed: int = 0, progress: Progress | None = None
) -> list[AuditFinding]:
    """Find passages whose labels are likely wrong, by confident learning.

    Northcutt, Jiang and Chuang 2021 (JAIR 70, arXiv:1911.00068), each label alone as in Thyagarajan
    et al. 2022 (arXiv:2211.13895), on out-of-fold probabilities of the default, whose heads learn
    the other passages (`training.adapt_heads.adapt_to_own`). ``quality``, 0 to 1, is the agreement
    of the labels with the probabilities; ``suggested`` has every suspect label flipped. Raises
    `MissingExtraError` when cleanlab is not installed, `CorpusError` when the corpus is too small
    for cross-validation.
    """
    # cleanlab 2.9 silences all of the process
    with needs_extra("the audit", "audit"), warnings.catch_warnings():
        from cleanlab.multilabel_classification.filter import find_multilabel_issues_per_class
        from cleanlab.multilabel_classification.rank import get_label_quality_scores

    y_true = labels_of(rows)
    texts = [row["text"] for row in rows]
    examples = Examples.of(texts, y_true, country_groups(rows), headings=headings_of(rows))
    settings = HeadSettings(folds=folds, seed=seed, cache=cache_folder_of_package("pooled"))
    try:
        scores = adapt_to_own(load_encoder(), examples, settings, progress).scores
    except ValueError as error:
        raise CorpusError([f"too small to audit: {error}"]) from error
    # a constant label has no contradicting example
    varied = np.flatnonzero(y_true.any(axis=0) & ~y_true.all(axis=0))
    if not len(varied):
        return []
    doubted = np.zeros_like(y_true)
    doubted[:, varied] = find_multilabel_issues_per_class(
        _label_numbers_for_cleanlab(y_true[:, varied]), scores[:, varied], n_jobs=1
    )
    quality = get_label_quality_scores(_label_numbers_for_cleanlab(y_true), scores)
    suggested = y_true ^ doubted
    return [
        {
            "quality": round(float(quality[i]), 4),
            **_audited_passage(rows[i]),
            "suggested": tuple(label for j, label in enumerate(LABELS) if suggested[i, j]),
        }
        for i in np.argsort(quality, kind="stable")
        if doubted[i].any()
    ]


def _label_numbers_for_cleanlab(y_true: Bools) -> list[list[int]]:
    """Return the numbers of the labels of each passage, as cleanlab takes them."""
    return [np.flatnonzero(row).tolist() for row in y_true]


def find_near_identical_pairs(rows: Sequence[Row]) -> tuple[list[AuditFinding], list[AuditFinding]]:
    """Find near-identical passages with different labels, and those in different groups.

    The former are under one heading, and no contrast pair.
    """
    groups = group_rows(rows)
    headings = [heading_without_enumerator(row.get("section") or "").lower() for row in rows]
    # Copies of a text share a group and, under one heading, their labels: comparing them would
    # repeat findings.
    firsts: dict[tuple[str, str], int] = {}
    for number, row in enumerate(rows):
        firsts.setdefault((text_key(row["text"]), _audited_pair(row)), number)
    kept = sorted(firsts.values())
    pairs = near_duplicate_pairs([rows[i]["text"] for i in kept], CONFLICT_SIMILARITY)
    conflicts = []
    leaks = []
    for first, second, similarity in sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1])):
        i = kept[first]
        j = kept[second]
        finding = {
            "similarity": round(similarity, 4),
            "first": _audited_passage(rows[i]),
            "second": _audited_passage(rows[j]),
        }
        contrast = rows[i].get("pair") and _audited_pair(rows[i]) == _audited_pair(rows[j])
        if rows[i]["labels"] != rows[j]["labels"] and headings[i] == headings[j] and not contrast:
            conflicts.append(finding)
        if similarity >= LEAK_SIMILARITY and groups[i] != groups[j]:
            leaks.append(finding)
    return conflicts, leaks


def find_same_pairs(rows: Sequence[Row]) -> list[AuditFinding]:
    """Find contrast pairs whose passages all have the same labels, and so show no contrast.

    >>> rows = [{"id": name, "text": name, "labels": (), "pair": "p"} for name in "ab"]
    >>> [finding["pair"] for finding in find_same_pairs(rows)]
    ['p']
    """
    pairs: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.get("pair"):
            pairs[_audited_pair(row)].append(row)
    return [
        {
            "pair": pair,
            "labels": members[0]["labels"],
            "passages": tuple(map(_audited_passage, members)),
        }
        for pair, members in pairs.items()
        if len({row["labels"] for row in members}) == 1
    ]


def section_balance(rows: Sequence[Row]) -> list[AuditFinding]:
    """Count the passages of each section by label and without labels, largest section first."""
    names = [str(row["section"]) if row.get("section") else None for row in rows]
    sections = Counter(names)
    labels = Counter(
        (name, label)
        for name, row in zip(names, rows, strict=True)
        for label in row["labels"] or (_NONE,)
    )
    balance = []
    for section, n in sections.most_common():
        counts = {label: labels[section, label] for label in (*LABELS, _NONE)}
        shares = {label: round(count / n, 4) for label, count in counts.items()}
        balance.append({"section": section, "passages": n, "counts": counts, "shares": shares})
    return balance


def _audited_pair(row: Row) -> str:
    return str(row.get("pair") or "")


def _audited_passage(row: Row) -> AuditFinding:
    return {name: row[name] for name in ("id", "text", "labels")}


def audit_rows(audit: Audit, most: int) -> Iterator[AuditFinding]:
    """Yield for each audit a row with its ``count``, then its first `most` findings."""
    for part, findings in audit.items():
        yield {"part": part, "count": len(findings)}
        yield from ({"part": part, **finding} for finding in findings[:most])


def audit_table(audit: Audit, most: int) -> str:
    """Format the findings as aligned plain text, one table for each audit."""
    tables = []
    for part, (title, columns) in _PARTS.items():
        findings = audit[part]
        rest = f", first {most} shown" if len(findings) > most else ""
        lines = [f"{title}: {len(findings)}{rest}"]
        rows = [
            cells for finding in findings[:most] for cells in _cells_of_audit_finding(part, finding)
        ]
        if rows:
            left = 1 if part == "balance" else len(columns)  # columns that are no numbers
            lines += format_columns([columns, *rows], left=left)
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def _cells_of_audit_finding(part: str, finding: AuditFinding) -> list[tuple[str, ...]]:
    """Format a finding as rows of its table: one, or one for each of its passages."""
    if part == "balance":
        shares = finding["shares"]
        counts = [f"{n} ({shares[label]:.0%})" for label, n in finding["counts"].items()]
        section = finding["section"] or "(no section)"
        return [(format_value(section), str(finding["passages"]), *counts)]
    if part == "label_errors":
        names = ("id", "labels", "suggested", "text")
        return [(f"{finding['quality']:7.3f}", *(format_value(finding[name]) for name in names))]
    if part == "same_pairs":
        opening = format_value(finding["pair"])
        passages = finding["passages"]
    else:
        opening = f"{finding['similarity']:10.2f}"
        passages = (finding["first"], finding["second"])
    return [
        (
            "" if number else opening,
            format_value(passage["id"]),
            format_value(passage["labels"]),
            format_value(passage["text"]),
        )
        for number, passage in enumerate(passages)
    ]
