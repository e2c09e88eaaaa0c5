"""Audit a corpus for suspect passages before training; findings are plain values, worst first.

The doubt in a label is cleanlab's. Near-identical passages with different labels, or on both sides
of a split, contrast pairs and sections are of this corpus's rows, which cleanlab does not know.
"""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from tipclassify.arrays import Bools
from tipclassify.corpus.curate import CONFLICT_SIMILARITY, LEAK_SIMILARITY, near_duplicate_pairs
from tipclassify.corpus.rows import Row, group_rows, text_key
from tipclassify.errors import CorpusError, needs_extra
from tipclassify.formatting import format_columns, format_value
from tipclassify.labels import LABELS
from tipclassify.progress import Progress
from tipclassify.resources import resource_folder_in_user_cache
from tipclassify.text.sections import without_enumerator
from tipclassify.training.default import adapt
from tipclassify.training.examples import Examples, country_groups, label_matrix, row_headings
from tipclassify.training.heads import load_encoder

# As its JSON line has it, of whatever the part of the audit is about.
Finding = dict[str, Any]
Audit = dict[str, list[Finding]]
"""Findings by part of the audit, the worst of each first."""

_NONE: Final = "(none)"
_PASSAGES_LEFT: Final = 4  # columns that are flush left; numbers among them are padded already
_TABLES: Final = {
    "label_errors": ("likely label errors", ("quality", "id", "labels", "suggested", "text"), 5),
    "conflicts": (
        f"near-identical pairs with different labels (similarity {CONFLICT_SIMILARITY} or more)",
        ("similarity", "id", "labels", "text"),
        _PASSAGES_LEFT,
    ),
    "same_pairs": (
        "pairs whose labels do not differ",
        ("pair", "id", "labels", "text"),
        _PASSAGES_LEFT,
    ),
    "leaks": (
        f"near-identical pairs in different groups (similarity {LEAK_SIMILARITY} or more)",
        ("similarity", "id", "labels", "text"),
        _PASSAGES_LEFT,
    ),
    "balance": ("sections", ("section", "passages", *LABELS, _NONE), 1),
}
"""Title, columns and columns flush left of each part's table."""


def audit_corpus(
    rows: Sequence[Row], *, folds: int = 5, seed: int = 0, progress: Progress | None = None
) -> Audit:
    """Run every audit on `rows` (from `corpus.read_rows`) and return the findings by part."""
    errors = find_label_errors(rows, folds=folds, seed=seed, progress=progress)
    conflicts, leaks = find_near_identical(rows)
    return {
        "label_errors": errors,
        "conflicts": conflicts,
        "same_pairs": find_same_pairs(rows),
        "leaks": leaks,
        "balance": count_sections(rows),
    }


def find_label_errors(
    rows: Sequence[Row], *, folds: int = 5, seed: int = 0, progress: Progress | None = None
) -> list[Finding]:
    """Find passages whose labels are likely wrong, by confident learning.

    Northcutt, Jiang and Chuang 2021 (JAIR 70, arXiv:1911.00068), each label alone as in Thyagarajan
    et al. 2022 (arXiv:2211.13895), on out-of-fold probabilities of the default, whose heads learn
    the other passages (`default.adapt`). ``quality``, 0 to 1, is the agreement of the labels with
    the probabilities; ``suggested`` has every suspect label flipped. Raises `MissingExtraError`
    when cleanlab is not installed, `CorpusError` when the corpus is too small for cross-validation.
    """
    # cleanlab 2.9 silences all of the process
    with needs_extra("the audit", "audit"), warnings.catch_warnings():
        from cleanlab.multilabel_classification.filter import find_multilabel_issues_per_class
        from cleanlab.multilabel_classification.rank import get_label_quality_scores

    y_true = label_matrix(rows)
    texts = [row["text"] for row in rows]
    examples = Examples.of(texts, y_true, country_groups(rows), headings=row_headings(rows))
    cache = resource_folder_in_user_cache("pooled")
    try:
        heads = adapt(
            load_encoder(), examples, folds=folds, seed=seed, cache=cache, progress=progress
        )
    except ValueError as error:
        raise CorpusError([f"too small to audit: {error}"]) from error
    scores = heads.scores
    # a constant label has no contradicting example
    varied = np.flatnonzero(y_true.any(axis=0) & ~y_true.all(axis=0))
    if not len(varied):
        return []
    doubted = np.zeros_like(y_true)
    doubted[:, varied] = find_multilabel_issues_per_class(
        _label_numbers(y_true[:, varied]), scores[:, varied], n_jobs=1
    )
    quality = get_label_quality_scores(_label_numbers(y_true), scores)
    suggested = y_true ^ doubted
    return [
        {
            "quality": round(float(quality[i]), 4),
            **_passage(rows[i]),
            "suggested": tuple(label for j, label in enumerate(LABELS) if suggested[i, j]),
        }
        for i in np.argsort(quality, kind="stable")
        if doubted[i].any()
    ]


def _label_numbers(y_true: Bools) -> list[list[int]]:
    """Return the numbers of the labels of each passage, as cleanlab takes them."""
    return [np.flatnonzero(row).tolist() for row in y_true]


def find_near_identical(rows: Sequence[Row]) -> tuple[list[Finding], list[Finding]]:
    """Find near-identical passages with different labels, and those in different groups.

    The former are under one heading, and no contrast pair.
    """
    groups = group_rows(rows)
    headings = [without_enumerator(row.get("section") or "").lower() for row in rows]
    pair_names = [str(row.get("pair") or "") for row in rows]
    # Copies of a text share a group and, under one heading, their labels: comparing them would
    # repeat findings.
    firsts: dict[tuple[str, str, str], int] = {}
    for number, row in enumerate(rows):
        firsts.setdefault((text_key(row["text"]), headings[number], pair_names[number]), number)
    kept = sorted(firsts.values())
    pairs = near_duplicate_pairs([rows[i]["text"] for i in kept], CONFLICT_SIMILARITY)
    conflicts: list[Finding] = []
    leaks: list[Finding] = []
    leaked: set[frozenset[str]] = set()
    for first, second, similarity in sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1])):
        i = kept[first]
        j = kept[second]
        finding = {
            "similarity": round(similarity, 4),
            "first": _passage(rows[i]),
            "second": _passage(rows[j]),
        }
        contrast = pair_names[i] and pair_names[i] == pair_names[j]
        if rows[i]["labels"] != rows[j]["labels"] and headings[i] == headings[j] and not contrast:
            conflicts.append(finding)
        if similarity >= LEAK_SIMILARITY and groups[i] != groups[j]:
            # once, though the texts may stand under several headings
            texts = frozenset((text_key(rows[i]["text"]), text_key(rows[j]["text"])))
            if texts not in leaked:
                leaked.add(texts)
                leaks.append(finding)
    return conflicts, leaks


def find_same_pairs(rows: Sequence[Row]) -> list[Finding]:
    """Find contrast pairs whose passages all have the same labels, and so show no contrast.

    >>> rows = [{"id": name, "text": name, "labels": (), "pair": "p"} for name in "ab"]
    >>> [finding["pair"] for finding in find_same_pairs(rows)]
    ['p']
    """
    pairs: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.get("pair"):
            pairs[str(row["pair"])].append(row)
    return [
        {
            "pair": pair,
            "labels": members[0]["labels"],
            "passages": tuple(map(_passage, members)),
        }
        for pair, members in pairs.items()
        if len({row["labels"] for row in members}) == 1
    ]


def count_sections(rows: Sequence[Row]) -> list[Finding]:
    """Count the passages of each section by label and without labels, largest section first."""
    names = [str(row["section"]) if row.get("section") else None for row in rows]
    labels = Counter(
        (name, label)
        for name, row in zip(names, rows, strict=True)
        for label in row["labels"] or (_NONE,)
    )
    balance: list[Finding] = []
    for section, n in Counter(names).most_common():
        counts = {label: labels[section, label] for label in (*LABELS, _NONE)}
        shares = {label: round(count / n, 4) for label, count in counts.items()}
        balance.append({"section": section, "passages": n, "counts": counts, "shares": shares})
    return balance


def _passage(row: Row) -> Finding:
    return {"id": row["id"], "text": row["text"], "labels": row["labels"]}


def audit_rows(audit: Audit, most: int) -> Iterator[dict[str, object]]:
    """Yield for each part a row with its ``count``, then its first `most` findings."""
    for part, findings in audit.items():
        yield {"part": part, "count": len(findings)}
        for finding in findings[:most]:
            yield {"part": part, **finding}


def audit_table(audit: Audit, most: int) -> str:
    """Format the first `most` findings as aligned plain text, one table for each part."""
    tables = []
    for part, findings in audit.items():
        title, columns, left = _TABLES[part]
        rest = f", first {most} shown" if len(findings) > most else ""
        lines = [f"{title}: {len(findings)}{rest}"]
        rows = [cells for finding in findings[:most] for cells in _cells(part, finding)]
        if rows:
            lines += format_columns([columns, *rows], left=left)
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def _cells(part: str, finding: Finding) -> list[tuple[str, ...]]:
    """Format a finding as a row of its table, or as one for each of its passages."""
    if part == "label_errors":
        values = [format_value(finding[name]) for name in ("id", "labels", "suggested", "text")]
        return [(f"{finding['quality']:7.3f}", *values)]
    if part == "balance":
        section = format_value(finding["section"] or "(no section)")
        shares = finding["shares"]
        counts = [f"{count} ({shares[label]:.0%})" for label, count in finding["counts"].items()]
        return [(section, str(finding["passages"]), *counts)]
    if part == "same_pairs":
        opening = format_value(finding["pair"])
        passages = finding["passages"]
    else:
        opening = f"{finding['similarity']:10.2f}"
        passages = [finding["first"], finding["second"]]
    return [
        (
            "" if number else opening,
            *(format_value(passage[name]) for name in ("id", "labels", "text")),
        )
        for number, passage in enumerate(passages)
    ]
