"""Audit a corpus for suspect passages before training; findings are plain values, worst first.

The doubt in a label is cleanlab's. Near-identical passages with different labels, or on both sides
of a split, contrast pairs and sections are of this corpus's rows, which cleanlab does not know.
"""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypedDict, TypeVar

import numpy as np

from tipclassify.arrays import Bools
from tipclassify.corpus.curate import (
    CONFLICT_SIMILARITY,
    LEAK_SIMILARITY,
    near_duplicate_pairs,
)
from tipclassify.corpus.rows import Row, group_rows, text_key
from tipclassify.errors import CorpusError, needs_extra
from tipclassify.formatting import format_columns, format_value
from tipclassify.labels import LABELS
from tipclassify.progress import Progress
from tipclassify.resources import resource_folder_in_user_cache
from tipclassify.text.sections import without_enumerator
from tipclassify.training.adapt_heads import adapt_to_own
from tipclassify.training.examples import (
    Examples,
    headings_for_training,
    label_matrix_for_training,
    training_groups_by_country,
)
from tipclassify.training.fit_heads import HeadSettings, load_encoder_to_fit_heads

__all__ = [
    "audit_corpus",
    "audit_label_errors",
    "audit_near_identical_pairs",
    "audit_pairs_with_same_labels",
    "audit_rows",
    "audit_section_balance",
    "format_corpus_audit",
]

_NONE: Final = "(none)"


class AuditedPassage(TypedDict):
    """A passage of the corpus."""

    id: str
    text: str
    labels: tuple[str, ...]


class LabelErrorFinding(TypedDict):
    """A passage whose labels are likely wrong."""

    quality: float  # 0 to 1, agreement of the labels with the probabilities
    id: str
    text: str
    labels: tuple[str, ...]
    suggested: tuple[str, ...]  # the labels with every suspect one flipped


class NearIdenticalFinding(TypedDict):
    """Two near-identical passages."""

    similarity: float
    first: AuditedPassage
    second: AuditedPassage


class SamePairFinding(TypedDict):
    """A contrast pair whose passages all have the same labels."""

    pair: str
    labels: tuple[str, ...]
    passages: tuple[AuditedPassage, ...]


class SectionFinding(TypedDict):
    """Passages of a section, by label and without labels."""

    section: str | None
    passages: int
    counts: dict[str, int]
    shares: dict[str, float]


class Audit(TypedDict):
    """Findings of every audit, the worst first."""

    label_errors: Sequence[LabelErrorFinding]
    conflicts: Sequence[NearIdenticalFinding]
    same_pairs: Sequence[SamePairFinding]
    leaks: Sequence[NearIdenticalFinding]
    balance: Sequence[SectionFinding]


AuditFinding = TypeVar(
    "AuditFinding", LabelErrorFinding, NearIdenticalFinding, SamePairFinding, SectionFinding
)

TableRows: TypeAlias = list[tuple[str, ...]]
"""Rows of a table, of one finding or of several."""


@dataclass(frozen=True)
class _TableHeading:
    """Title and columns of the table of one audit."""

    title: str
    columns: tuple[str, ...]
    left: int  # columns that are flush left; numbers among them are padded already


_LABEL_ERRORS: Final = _TableHeading(
    "likely label errors", ("quality", "id", "labels", "suggested", "text"), left=5
)
_CONFLICTS: Final = _TableHeading(
    f"near-identical pairs with different labels (similarity {CONFLICT_SIMILARITY} or more)",
    ("similarity", "id", "labels", "text"),
    left=4,
)
_SAME_PAIRS: Final = _TableHeading(
    "pairs whose labels do not differ", ("pair", "id", "labels", "text"), left=4
)
_LEAKS: Final = _TableHeading(
    f"near-identical pairs in different groups (similarity {LEAK_SIMILARITY} or more)",
    ("similarity", "id", "labels", "text"),
    left=4,
)
_BALANCE: Final = _TableHeading("sections", ("section", "passages", *LABELS, _NONE), left=1)


def audit_corpus(
    rows: Sequence[Row], *, folds: int = 5, seed: int = 0, progress: Progress | None = None
) -> Audit:
    """Run every audit on `rows` (from `corpus.read_rows`) and return the findings by audit name."""
    errors = audit_label_errors(rows, folds=folds, seed=seed, progress=progress)
    conflicts, leaks = audit_near_identical_pairs(rows)
    return {
        "label_errors": errors,
        "conflicts": conflicts,
        "same_pairs": audit_pairs_with_same_labels(rows),
        "leaks": leaks,
        "balance": audit_section_balance(rows),
    }


def audit_label_errors(
    rows: Sequence[Row], *, folds: int = 5, seed: int = 0, progress: Progress | None = None
) -> list[LabelErrorFinding]:
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

    y_true = label_matrix_for_training(rows)
    texts = [row["text"] for row in rows]
    examples = Examples.of(
        texts, y_true, training_groups_by_country(rows), headings=headings_for_training(rows)
    )
    settings = HeadSettings(folds=folds, seed=seed, cache=resource_folder_in_user_cache("pooled"))
    try:
        scores = adapt_to_own(load_encoder_to_fit_heads(), examples, settings, progress).scores
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
        LabelErrorFinding(
            quality=round(float(quality[i]), 4),
            id=rows[i]["id"],
            text=rows[i]["text"],
            labels=rows[i]["labels"],
            suggested=tuple(label for j, label in enumerate(LABELS) if suggested[i, j]),
        )
        for i in np.argsort(quality, kind="stable")
        if doubted[i].any()
    ]


def _label_numbers_for_cleanlab(y_true: Bools) -> list[list[int]]:
    """Return the numbers of the labels of each passage, as cleanlab takes them."""
    return [np.flatnonzero(row).tolist() for row in y_true]


def audit_near_identical_pairs(
    rows: Sequence[Row],
) -> tuple[list[NearIdenticalFinding], list[NearIdenticalFinding]]:
    """Find near-identical passages with different labels, and those in different groups.

    The former are under one heading, and no contrast pair.
    """
    groups = group_rows(rows)
    headings = [without_enumerator(row.get("section") or "").lower() for row in rows]
    # Copies of a text share a group and, under one heading, their labels: comparing them would
    # repeat findings.
    firsts: dict[tuple[str, str, str], int] = {}
    for number, row in enumerate(rows):
        firsts.setdefault((text_key(row["text"]), headings[number], _audited_pair(row)), number)
    kept = sorted(firsts.values())
    pairs = near_duplicate_pairs([rows[i]["text"] for i in kept], CONFLICT_SIMILARITY)
    conflicts: list[NearIdenticalFinding] = []
    leaks: list[NearIdenticalFinding] = []
    leaked: set[frozenset[str]] = set()
    for first, second, similarity in sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1])):
        i = kept[first]
        j = kept[second]
        finding = NearIdenticalFinding(
            similarity=round(similarity, 4),
            first=_audited_passage(rows[i]),
            second=_audited_passage(rows[j]),
        )
        contrast = rows[i].get("pair") and _audited_pair(rows[i]) == _audited_pair(rows[j])
        if rows[i]["labels"] != rows[j]["labels"] and headings[i] == headings[j] and not contrast:
            conflicts.append(finding)
        if similarity >= LEAK_SIMILARITY and groups[i] != groups[j]:
            # once, though the texts may stand under several headings
            texts = frozenset((text_key(rows[i]["text"]), text_key(rows[j]["text"])))
            if texts not in leaked:
                leaked.add(texts)
                leaks.append(finding)
    return conflicts, leaks


def audit_pairs_with_same_labels(rows: Sequence[Row]) -> list[SamePairFinding]:
    """Find contrast pairs whose passages all have the same labels, and so show no contrast.

    >>> rows = [{"id": name, "text": name, "labels": (), "pair": "p"} for name in "ab"]
    >>> [finding["pair"] for finding in audit_pairs_with_same_labels(rows)]
    ['p']
    """
    pairs: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.get("pair"):
            pairs[_audited_pair(row)].append(row)
    return [
        SamePairFinding(
            pair=pair,
            labels=members[0]["labels"],
            passages=tuple(map(_audited_passage, members)),
        )
        for pair, members in pairs.items()
        if len({row["labels"] for row in members}) == 1
    ]


def audit_section_balance(rows: Sequence[Row]) -> list[SectionFinding]:
    """Count the passages of each section by label and without labels, largest section first."""
    names = [str(row["section"]) if row.get("section") else None for row in rows]
    sections = Counter(names)
    labels = Counter(
        (name, label)
        for name, row in zip(names, rows, strict=True)
        for label in row["labels"] or (_NONE,)
    )
    balance: list[SectionFinding] = []
    for section, n in sections.most_common():
        counts = {label: labels[section, label] for label in (*LABELS, _NONE)}
        shares = {label: round(count / n, 4) for label, count in counts.items()}
        balance.append(SectionFinding(section=section, passages=n, counts=counts, shares=shares))
    return balance


def _audited_pair(row: Row) -> str:
    return str(row.get("pair") or "")


def _audited_passage(row: Row) -> AuditedPassage:
    return AuditedPassage(id=row["id"], text=row["text"], labels=row["labels"])


def audit_rows(audit: Audit, most: int) -> Iterator[dict[str, object]]:
    """Yield for each audit a row with its ``count``, then its first `most` findings."""
    findings_by_part: dict[str, Sequence[Mapping[str, object]]] = {
        "label_errors": audit["label_errors"],
        "conflicts": audit["conflicts"],
        "same_pairs": audit["same_pairs"],
        "leaks": audit["leaks"],
        "balance": audit["balance"],
    }
    for part, findings in findings_by_part.items():
        yield {"part": part, "count": len(findings)}
        for finding in findings[:most]:
            yield {"part": part, **finding}


def format_corpus_audit(audit: Audit, most: int) -> str:
    """Format the findings as aligned plain text, one table for each audit."""
    tables = [
        _format_training_audit_table(
            _LABEL_ERRORS, audit["label_errors"], _audit_rows_of_label_error, most
        ),
        _format_training_audit_table(
            _CONFLICTS, audit["conflicts"], _audit_rows_of_near_identical, most
        ),
        _format_training_audit_table(
            _SAME_PAIRS, audit["same_pairs"], _audit_rows_of_same_pair, most
        ),
        _format_training_audit_table(_LEAKS, audit["leaks"], _audit_rows_of_near_identical, most),
        _format_training_audit_table(_BALANCE, audit["balance"], _audit_rows_of_section, most),
    ]
    return "\n\n".join(tables)


def _format_training_audit_table(
    heading: _TableHeading,
    findings: Sequence[AuditFinding],
    to_rows: Callable[[AuditFinding], TableRows],
    most: int,
) -> str:
    """Format the first `most` findings of one audit."""
    rest = f", first {most} shown" if len(findings) > most else ""
    lines = [f"{heading.title}: {len(findings)}{rest}"]
    rows: TableRows = []
    for finding in findings[:most]:
        rows += to_rows(finding)
    if rows:
        lines += format_columns([heading.columns, *rows], left=heading.left)
    return "\n".join(lines)


def _audit_rows_of_label_error(finding: LabelErrorFinding) -> TableRows:
    cells = (
        f"{finding['quality']:7.3f}",
        format_value(finding["id"]),
        format_value(finding["labels"]),
        format_value(finding["suggested"]),
        format_value(finding["text"]),
    )
    return [cells]


def _audit_rows_of_near_identical(finding: NearIdenticalFinding) -> TableRows:
    similarity = f"{finding['similarity']:10.2f}"
    return _audit_rows_of_passages(similarity, [finding["first"], finding["second"]])


def _audit_rows_of_same_pair(finding: SamePairFinding) -> TableRows:
    return _audit_rows_of_passages(format_value(finding["pair"]), finding["passages"])


def _audit_rows_of_passages(opening: str, passages: Sequence[AuditedPassage]) -> TableRows:
    """Format a row for each passage; `opening` stands before the first of them."""
    rows: TableRows = []
    for passage in passages:
        rows.append(
            (
                "" if rows else opening,
                format_value(passage["id"]),
                format_value(passage["labels"]),
                format_value(passage["text"]),
            )
        )
    return rows


def _audit_rows_of_section(finding: SectionFinding) -> TableRows:
    section = finding["section"] or "(no section)"
    cells = [format_value(section), str(finding["passages"])]
    for label, count in finding["counts"].items():
        cells.append(f"{count} ({finding['shares'][label]:.0%})")
    return [tuple(cells)]
