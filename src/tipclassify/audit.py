"""What is suspect in a labelled corpus: the passages to look at before a model is trained on them.

Rows of a corpus come in, findings go out, worst first: labels that a model which never saw the passage doubts,
near twins with different labels, pairs that should differ and do not, near twins on both sides of a split, and how
the labels spread over the sections. A finding is a reason to look, not a verdict.

Sources: confident learning, Northcutt, Jiang and Chuang 2021 (JAIR 70, arXiv:1911.00068), for each label on its own as
in Thyagarajan et al. 2022 (arXiv:2211.13895); similarity of texts as Jaccard similarity of their word 3-grams, Broder
1997; the exact search for it by prefix filtering, Bayardo, Ma and Srikant 2007 (WWW).
"""

from __future__ import annotations

import math
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.corpus import Row, group_rows, text_key
from tipclassify.errors import CorpusError, MissingExtraError
from tipclassify.labels import LABELS, indicator
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

_ALIKE: Final = 0.6  # one word of 14 or more changed: near enough that other labels want a reason
_LEAKED: Final = 0.8  # one word of 29 or more changed: a model that knows the one knows the other
_GRAM: Final = 3  # words of a gram
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
    texts = [row["text"] for row in rows]
    try:
        fitted = fit_model(texts, truth, group_rows(rows), folds=folds, seed=seed, jobs=jobs, progress=progress)
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


def find_conflicts(rows: Sequence[Row], least: float = _ALIKE) -> list[NearTwins]:
    """Passages of the same or nearly the same text with different labels; those of one pair differ on purpose."""
    return [
        twins
        for i, j, twins in _near_twins(rows, least)
        if rows[i]["labels"] != rows[j]["labels"] and not (rows[i].get("pair") and _pair(rows[i]) == _pair(rows[j]))
    ]


def find_leaks(rows: Sequence[Row], least: float = _LEAKED) -> list[NearTwins]:
    """Passages of nearly the same text in different groups: folds by group may hold out one and train on the other."""
    groups = group_rows(rows)
    return [twins for i, j, twins in _near_twins(rows, least) if groups[i] != groups[j]]


def near_pairs(texts: Sequence[str], least: float) -> Iterator[tuple[int, int, float]]:
    """Pairs ``(i, j, similarity)``, i < j, of texts whose word 3-grams have a Jaccard similarity of `least` or more; in no order.

    Case and punctuation count for nothing, and a text of one or two words is one gram. A text without a word is like no
    other. The search is exact: with grams in order of rarity, two sets of at least that similarity share one among the
    first ``n - ceil(least * n) + 1`` of each, so only texts that share a rare gram are compared.

    >>> list(near_pairs(["Police arrested nine men.", "police arrested NINE men", "Courts slept."], 0.6))
    [(0, 1, 1.0)]
    """
    grams = [_grams(text) for text in texts]
    use = Counter(gram for row in grams for gram in row)
    rarity = {gram: number for number, gram in enumerate(sorted(use, key=use.__getitem__))}
    ranked = [sorted(rarity[gram] for gram in row) for row in grams]
    sets = [frozenset(row) for row in ranked]
    index: defaultdict[int, list[int]] = defaultdict(list)
    for i in sorted(range(len(texts)), key=lambda i: len(ranked[i])):
        size = len(ranked[i])
        shortest = math.ceil(least * size - 1e-9)  # 0.6 * 5 is a shade over 3 in some products
        prefix = ranked[i][: size - shortest + 1]
        for j in {j for gram in prefix for j in index[gram] if len(ranked[j]) >= shortest}:
            common = len(sets[i] & sets[j])
            similarity = common / (size + len(sets[j]) - common)
            if similarity >= least:
                yield min(i, j), max(i, j), similarity
        for gram in prefix:
            index[gram].append(i)


def _near_twins(rows: Sequence[Row], least: float) -> Iterator[tuple[int, int, NearTwins]]:
    """Row numbers and passages, most alike first."""
    # A text that stands there twice has one set of labels and one group: its copies would find the same again.
    firsts = {(text_key(row["text"]), _pair(row)): i for i, row in reversed([*enumerate(rows)])}
    kept = sorted(firsts.values())
    found = near_pairs([rows[i]["text"] for i in kept], least)
    for i, j, similarity in sorted(found, key=lambda pair: (-pair[2], pair[0], pair[1])):
        first, second = kept[i], kept[j]
        yield first, second, NearTwins(round(similarity, 4), _labelled(rows[first]), _labelled(rows[second]))


def _grams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[i : i + _GRAM]) for i in range(max(bool(words), len(words) - _GRAM + 1))}


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

Finding = LabelError | NearTwins | SamePair | SectionBalance

_TWINS: Final = ("similarity", "id", "labels", "text")
_PARTS: Final = {
    "label_errors": ("likely label errors", ("quality", "id", "labels", "suggested", "text")),
    "conflicts": (f"near twins with different labels (similarity {_ALIKE} or more)", _TWINS),
    "same_pairs": ("pairs whose labels do not differ", ("pair", "id", "labels", "text")),
    "leaks": (f"near twins in different groups (similarity {_LEAKED} or more)", _TWINS),
    "balance": ("sections", ("section", "passages", *LABELS, _NONE)),
}
_FIGURES: Final = ("quality", "similarity", "passages", *LABELS, _NONE)  # columns set to the right


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
    return ", ".join(labels) or _NONE


def _line(text: str) -> str:
    return " ".join(text.split())
