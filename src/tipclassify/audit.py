"""What is suspect in a labelled corpus: the passages to look at before a model is trained on them.

Rows of a corpus come in, findings go out, worst first: labels that a model which never saw the passage doubts,
near twins with different labels, pairs that should differ and do not, near twins on both sides of a split, and how
the labels spread over the sections. A finding is a reason to look, not a verdict.

Sources: confident learning, Northcutt, Jiang and Chuang 2021 (JAIR 70, arXiv:1911.00068), for each label on its own as
in Thyagarajan et al. 2022 (arXiv:2211.13895); near twins as `nearness` finds them.
"""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tipclassify.audit_tables import NONE, audit_rows, audit_table
from tipclassify.corpus import Row, group_rows, text_key
from tipclassify.errors import CorpusError, MissingExtraError
from tipclassify.findings import Audit, LabelError, Labelled, NearTwins, SamePair, SectionBalance
from tipclassify.labels import LABELS, indicator
from tipclassify.nearness import ALIKE, LEAKED, near_pairs
from tipclassify.sections import without_enumerator
from tipclassify.training import Progress, fit_model

__all__ = [
    "Audit",
    "LabelError",
    "Labelled",
    "NearTwins",
    "SamePair",
    "SectionBalance",
    "audit_corpus",
    "audit_rows",
    "audit_table",
    "find_conflicts",
    "find_label_errors",
    "find_leaks",
    "find_same_pairs",
    "near_pairs",
    "section_balance",
]


def audit_corpus(
    rows: Sequence[Row], *, folds: int = 5, seed: int = 0, jobs: int = 1, progress: Progress | None = None
) -> Audit:
    """Everything that is suspect in `rows`, which `corpus.read_rows` has read; see `find_label_errors` for the rest."""
    return Audit(
        tuple(find_label_errors(rows, folds=folds, seed=seed, jobs=jobs, progress=progress)),
        tuple(find_conflicts(rows)),
        tuple(find_same_pairs(rows)),
        tuple(find_leaks(rows)),
        tuple(section_balance(rows)),
    )


# --------------------------------------------------------------------------------------------- labels that a model doubts


def find_label_errors(
    rows: Sequence[Row], *, folds: int = 5, seed: int = 0, jobs: int = 1, progress: Progress | None = None
) -> list[LabelError]:
    """Passages whose labels confident learning doubts, on probabilities of a model that saw no passage of their group.

    Parameters
    ----------
    folds, seed, jobs, progress
        As in `training.fit_model`.

    Raises
    ------
    MissingExtraError
        When cleanlab is not installed.
    CorpusError
        When the corpus is too small to hold some of it out.
    """
    try:
        with warnings.catch_warnings():  # importing cleanlab 2.9 silences every warning of the process
            from cleanlab.multilabel_classification.filter import find_multilabel_issues_per_class
            from cleanlab.multilabel_classification.rank import get_label_quality_scores
    except ImportError as error:
        raise MissingExtraError("the audit", "audit") from error

    truth = np.array([indicator(row["labels"]) for row in rows], bool)
    texts, headings = [row["text"] for row in rows], [row.get("section") or None for row in rows]
    try:
        fitted = fit_model(
            texts, truth, group_rows(rows), headings=headings, folds=folds, seed=seed, jobs=jobs, progress=progress
        )
    except ValueError as error:
        raise CorpusError([f"too small to audit: {error}"]) from error
    varied = np.flatnonzero(truth.any(axis=0) & ~truth.all(axis=0))  # nothing contradicts a label that all have or none
    if not len(varied):
        return []
    doubted = np.zeros_like(truth)
    doubted[:, varied] = find_multilabel_issues_per_class(
        _numbers(truth[:, varied]), fitted.scores[:, varied], n_jobs=1
    )
    quality = get_label_quality_scores(_numbers(truth), fitted.scores)
    found = np.flatnonzero(doubted.any(axis=1))
    return [
        LabelError(
            round(float(quality[i]), 4),
            rows[i]["id"],
            rows[i]["text"],
            rows[i]["labels"],
            tuple(label for label, turned in zip(LABELS, truth[i] ^ doubted[i], strict=True) if turned),
        )
        for i in found[np.argsort(quality[found], kind="stable")]
    ]


def _numbers(truth: npt.NDArray[np.bool_]) -> list[list[int]]:
    """Labels of each passage as numbers, which is how cleanlab takes them."""
    return [np.flatnonzero(row).tolist() for row in truth]


# --------------------------------------------------------------------------------------------- near twins


def find_conflicts(rows: Sequence[Row], least: float = ALIKE) -> list[NearTwins]:
    """Passages of nearly the same text under the same heading with different labels; those of one pair differ on purpose."""
    return [
        twins
        for i, j, twins in _near_twins(rows, least)
        if rows[i]["labels"] != rows[j]["labels"]
        and _heading(rows[i]) == _heading(rows[j])
        and not (rows[i].get("pair") and _pair(rows[i]) == _pair(rows[j]))
    ]


def _heading(row: Row) -> str:
    return without_enumerator(row.get("section") or "").lower()


def find_leaks(rows: Sequence[Row], least: float = LEAKED) -> list[NearTwins]:
    """Passages of nearly the same text in different groups: folds by group may hold out one and train on the other."""
    groups = group_rows(rows)
    return [twins for i, j, twins in _near_twins(rows, least) if groups[i] != groups[j]]


def _near_twins(rows: Sequence[Row], least: float) -> Iterator[tuple[int, int, NearTwins]]:
    """Row numbers and passages, most alike first."""
    # A text that stands there twice has one group, and under one heading one set of labels: its copies would find the same again.
    firsts = {(text_key(row["text"]), _pair(row)): i for i, row in reversed([*enumerate(rows)])}
    kept = sorted(firsts.values())
    found = near_pairs([rows[i]["text"] for i in kept], least)
    for i, j, similarity in sorted(found, key=lambda pair: (-pair[2], pair[0], pair[1])):
        first, second = kept[i], kept[j]
        yield first, second, NearTwins(round(similarity, 4), _labelled(rows[first]), _labelled(rows[second]))


# --------------------------------------------------------------------------------------------- pairs, balance


def find_same_pairs(rows: Sequence[Row]) -> list[SamePair]:
    """Pairs in which all passages have the same labels: they teach no difference.

    >>> [found.pair for found in find_same_pairs([{"id": i, "text": i, "labels": (), "pair": "p"} for i in "ab"])]
    ['p']
    """
    pairs: defaultdict[str, list[Labelled]] = defaultdict(list)
    for row in rows:
        if row.get("pair"):
            pairs[_pair(row)].append(_labelled(row))
    return [
        SamePair(pair, passages[0].labels, tuple(passages))
        for pair, passages in pairs.items()
        if len({passage.labels for passage in passages}) == 1
    ]


def section_balance(rows: Sequence[Row]) -> list[SectionBalance]:
    """How many passages of each section have each label, the largest section first."""
    sections: defaultdict[str | None, list[Row]] = defaultdict(list)
    for row in rows:
        sections[str(row["section"]) if row.get("section") else None].append(row)
    balance = []
    for section, passages in sorted(sections.items(), key=lambda entry: -len(entry[1])):
        count = Counter(label for row in passages for label in row["labels"] or (NONE,))
        counts = {label: count[label] for label in (*LABELS, NONE)}
        shares = {label: round(n / len(passages), 4) for label, n in counts.items()}
        balance.append(SectionBalance(section, len(passages), counts, shares))
    return balance


def _pair(row: Row) -> str:
    return str(row.get("pair") or "")


def _labelled(row: Row) -> Labelled:
    return Labelled(row["id"], row["text"], row["labels"])
