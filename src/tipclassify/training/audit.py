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
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.corpus.loading import Row, group_rows, text_key
from tipclassify.corpus.near_duplicates import ALIKE, LEAKED, near_pairs
from tipclassify.errors import CorpusError, MissingExtraError
from tipclassify.formatting import aligned
from tipclassify.labels import LABELS, indicator
from tipclassify.text.segmentation.sections import without_enumerator
from tipclassify.training.fit import Progress, fit_model

__all__ = ["Audit", "LabelError", "Labelled", "NearTwins", "SamePair", "SectionBalance"]
__all__ += ["audit_corpus", "audit_rows", "audit_table", "find_conflicts", "find_label_errors", "find_leaks"]
__all__ += ["find_same_pairs", "near_pairs", "section_balance"]

_NONE: Final = "(none)"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A passage of the corpus as a finding shows it."""

    id: str
    text: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelError:
    """A passage whose labels are likely wrong.

    Attributes
    ----------
    quality : float
        Label quality, 0 to 1: how well the labels given agree with the out-of-fold probabilities.
    suggested : tuple of str
        The labels given with every doubted one turned.
    """

    quality: float
    id: str
    text: str
    labels: tuple[str, ...]
    suggested: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NearTwins:
    """Two passages that say nearly the same in nearly the same words."""

    similarity: float
    first: Labelled
    second: Labelled


@dataclass(frozen=True, slots=True)
class SamePair:
    """A pair whose passages all have the same labels, or that is one passage only."""

    pair: str
    labels: tuple[str, ...]
    passages: tuple[Labelled, ...]


@dataclass(frozen=True, slots=True)
class SectionBalance:
    """Passages of a section with each label and with none, as counts and as shares of `passages`."""

    section: str | None
    passages: int
    counts: dict[str, int]
    shares: dict[str, float]


@dataclass(frozen=True, slots=True)
class Audit:
    """All findings of one corpus, each part worst (or largest) first."""

    label_errors: tuple[LabelError, ...]
    conflicts: tuple[NearTwins, ...]
    same_pairs: tuple[SamePair, ...]
    leaks: tuple[NearTwins, ...]
    balance: tuple[SectionBalance, ...]


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
        count = Counter(label for row in passages for label in row["labels"] or (_NONE,))
        counts = {label: count[label] for label in (*LABELS, _NONE)}
        shares = {label: round(n / len(passages), 4) for label, n in counts.items()}
        balance.append(SectionBalance(section, len(passages), counts, shares))
    return balance


def _pair(row: Row) -> str:
    return str(row.get("pair") or "")


def _labelled(row: Row) -> Labelled:
    return Labelled(row["id"], row["text"], row["labels"])


# --------------------------------------------------------------------------------------------- rows and tables

_TWINS: Final = ("similarity", "id", "labels", "text")
_PARTS: Final = {
    "label_errors": ("likely label errors", ("quality", "id", "labels", "suggested", "text")),
    "conflicts": (f"near twins with different labels (similarity {ALIKE} or more)", _TWINS),
    "same_pairs": ("pairs whose labels do not differ", ("pair", "id", "labels", "text")),
    "leaks": (f"near twins in different groups (similarity {LEAKED} or more)", _TWINS),
    "balance": ("sections", ("section", "passages", *LABELS, _NONE)),
}


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
        findings = getattr(audit, part)
        shown = [cells for finding in findings[:most] for cells in _cells(finding)]
        rest = f", first {most} shown" if len(findings) > most else ""
        lines = aligned([columns, *shown], left=1 if part == "balance" else len(columns)) if shown else []
        tables.append("\n".join([f"{title}: {len(findings)}{rest}", *lines]))
    return "\n\n".join(tables)


def _cells(finding: LabelError | NearTwins | SamePair | SectionBalance) -> list[tuple[str, ...]]:
    """Lines of a finding: one, or one for each of its passages."""
    if isinstance(finding, LabelError):
        named = (_names(finding.labels), _names(finding.suggested), _line(finding.text))
        return [(f"{finding.quality:7.3f}", finding.id, *named)]
    if isinstance(finding, SectionBalance):
        counts = (f"{n} ({finding.shares[label]:.0%})" for label, n in finding.counts.items())
        return [(_line(finding.section or "(no section)"), str(finding.passages), *counts)]
    if isinstance(finding, SamePair):
        head, passages = _line(finding.pair), finding.passages
    else:
        head, passages = f"{finding.similarity:10.2f}", (finding.first, finding.second)
    return [("" if n else head, p.id, _names(p.labels), _line(p.text)) for n, p in enumerate(passages)]


def _names(labels: Sequence[str]) -> str:
    return ", ".join(labels) or _NONE


def _line(text: str) -> str:
    return " ".join(text.split())
