"""Active learning: choose the passages to label next.

They are ranked by how much a label for each would improve the model.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import PurePath
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Bools, Floats
from tipclassify.corpus.curate import word_shingles
from tipclassify.corpus.rows import text_key
from tipclassify.labels import LABELS, Policy
from tipclassify.model.classifier import Classifier
from tipclassify.model.scoring import apply_thresholds
from tipclassify.probability import probability
from tipclassify.records import Passage, Report

_MIN_WORDS: Final = 3  # a shorter passage is a heading or a table fragment, not worth a label
# uncertainty from which a label counts as near its threshold: 1.1 in log-odds
_NEAR_THRESHOLD: Final = 0.5
_EPSILON: Final = 1e-12  # a probability of exactly 1 has no log-odds
_WORD: Final = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Pick:
    """A passage to label."""

    index: int  # into the ranked passages
    score: float  # expected benefit, 0 to 1; 0 for a redundant or too short passage
    why: str  # the reason, for the annotator: "failure 0.44 near its threshold 0.41"


def rank_to_label(
    passages: Sequence[Passage],
    thresholds: Floats | Sequence[float],
    n: int,
    *,
    known: Sequence[str] = (),
    others: Sequence[npt.ArrayLike] = (),
    seed: int = 0,
) -> list[Pick]:
    """Rank passages for annotation; return the first `n`, the most informative first.

    Fewer are returned where there are fewer. A passage ranks high when a label's log-odds lie near
    its threshold (uncertainty sampling, Lewis and Gale 1994, by the most uncertain label) or when
    models or annotators disagree on it (query by committee, Dagan and Engelson 1995). Passages that
    differ from an earlier one in names and figures only come last. Passages that differ in one
    other word do not: that word often decides the label.

    `thresholds` are the labels' (3,), `known` the texts of labelled passages, `others` labels by
    other models or annotators, each (m, 3), 0 or 1 or NaN for no vote; `seed` orders equal scores.

    >>> texts = {
    ...     "Police arrested a recruiter.": 0.98,
    ...     "A new unit was formed.": 0.52,
    ...     "A new unit was formed!": 0.82,
    ... }
    >>> tagged = []
    >>> for text, score in texts.items():
    ...     scores = {"positive_effort": score, "failure": 0.02, "complicity": 0.02}
    ...     tagged.append(Passage(text, 0, len(text), scores=scores))
    >>> for pick in rank_to_label(tagged, [0.5, 0.5, 0.5], 3):
    ...     print(pick.index, pick.why)
    1 positive_effort 0.52 near its threshold 0.50
    0 positive_effort 0.98 is nearest to its threshold 0.50
    2 says what is picked or labelled already
    """
    if not passages or n < 1:
        return []
    scores = np.array([[passage.scores[label] for label in LABELS] for passage in passages])
    cutoffs = np.asarray(thresholds, np.float64)
    probabilities = np.clip(scores, _EPSILON, 1 - _EPSILON)
    distance = np.log(probabilities / (1 - probabilities)) - np.log(cutoffs / (1 - cutoffs))
    uncertainty = 2 / (1 + np.exp(np.abs(distance)))  # (m, 3), 1 at the threshold
    own_labels = apply_thresholds(scores, cutoffs).astype(np.float64)
    votes = np.stack([own_labels, *(np.asarray(labels, np.float64) for labels in others)])
    share = np.nanmean(votes, axis=0)  # never empty: the model always votes
    disagreement = 4 * share * (1 - share)  # (m, 3), 0 for a unanimous vote, 1 for an even split
    words = [_words_for_active_learning(passage.text) for passage in passages]
    is_long = np.array([len(passage_words) >= _MIN_WORDS for passage_words in words])
    benefit = np.maximum(uncertainty, disagreement).max(axis=1) * is_long

    def reason_to_label(i: int) -> str:
        order = np.argsort(-uncertainty[i], kind="stable").tolist()
        near = [j for j in order if uncertainty[i, j] >= _NEAR_THRESHOLD]
        each = [
            f"{label} {probability(score)}" for label, score in zip(LABELS, scores[i], strict=True)
        ]
        reasons = [f"{each[j]} near its threshold {cutoffs[j]:.2f}" for j in near]
        reasons += [f"labels differ on {LABELS[j]}" for j in np.flatnonzero(disagreement[i] > 0)]
        if passages[i].low_confidence:
            reasons.append("many words unknown to the model")
        if not reasons:
            nearest = order[0]
            return f"{each[nearest]} is nearest to its threshold {cutoffs[nearest]:.2f}"
        return "; ".join(reasons)

    seen = {gram for text in known for gram in word_shingles(_words_for_active_learning(text))}
    picks: list[Pick] = []
    last: list[Pick] = []
    tie_break = np.random.default_rng(seed).permutation(len(passages))
    for i in np.lexsort((tie_break, -benefit)).tolist():
        if benefit[i] == 0:
            last.append(Pick(i, 0.0, "too short to be worth a label"))
        elif (grams := word_shingles(words[i])) <= seen:
            last.append(Pick(i, 0.0, "says what is picked or labelled already"))
        elif len(picks) < n:
            picks.append(Pick(i, round(float(benefit[i]), 4), reason_to_label(i)))
            seen |= grams
    return [*picks, *last][:n]


def _words_for_active_learning(text: str) -> list[str]:
    """Split into lower-case words, with figures replaced by "0" and names by "A".

    A name is a run of words inside the passage that begin with a capital.

    >>> _words_for_active_learning("In 2020 police met 9 men of New Valdoria.")
    ['in', '0', 'police', 'met', '0', 'men', 'of', 'A']
    """
    words: list[str] = []
    for number, written in enumerate(_WORD.findall(text)):
        word = written.lower()
        if written[0].isdigit():
            word = "0"
        elif number and written[0].isupper():
            word = "A"
        is_repeated = bool(words) and word == words[-1]
        if not (is_repeated and word in ("0", "A")):  # a run of names is one name
            words.append(word)
    return words


_OWN: Final = frozenset(
    "text label labels predicted scores other_labels other_scores why low_confidence".split()
)


@dataclass(frozen=True, slots=True)
class _QueueCandidate:
    """A passage that may be queued, and its source."""

    passage: Passage
    id: str  # of the input row, or made from the report's name; may be that of another passage too
    source: dict[str, object]  # further fields of its row


def queue_rows(
    reports: Iterable[Report],
    thresholds: Floats,
    n: int,
    *,
    known: Sequence[str] = (),
    other: Classifier | None = None,
    policy: Policy = "balanced",
    seed: int = 0,
) -> list[dict[str, object]]:
    """Choose the `n` passages to label next, as rows; fewer if the reports have fewer.

    A passage with the text of a `known` one is left out. Passages on whose labels the model and the
    `other` one disagree, each at its thresholds of `policy`, come first.
    """
    candidates = _queue_candidates(reports, known)
    passages = [candidate.passage for candidate in candidates]
    other_labels: Bools | None = None
    other_scores: Floats | None = None
    if other is not None and passages:
        other_scores = other.predict_proba(passages)
        other_labels = apply_thresholds(other_scores, other.thresholds(policy))
    rows: list[dict[str, object]] = []
    ids = _QueueIds()
    others = [] if other_labels is None else [other_labels]
    for pick in rank_to_label(passages, thresholds, n, known=known, others=others, seed=seed):
        candidate = candidates[pick.index]
        row = {
            "id": ids.next_for(candidate),
            "text": candidate.passage.text,
            "labels": None,
            "predicted": list(candidate.passage.labels),
            "scores": _queue_row_scores(candidate.passage.scores.values()),
        }
        if other_labels is not None and other_scores is not None:
            row["other_labels"] = list(compress(LABELS, other_labels[pick.index]))
            row["other_scores"] = _queue_row_scores(other_scores[pick.index].tolist())
        rows.append({**row, "why": pick.why, **candidate.source})
    return rows


def random_queue_rows(
    reports: Iterable[Report], n: int, *, known: Sequence[str] = (), seed: int = 0
) -> list[dict[str, object]]:
    """Draw `n` passages at random, as rows; all, in random order, if the reports have fewer.

    Each sentence is as likely as any other, however often the reports repeat it; those with the
    text of a `known` one are left out. The rows have no predictions, so that whoever labels them
    in an editor does not see what a model says.
    """
    candidates = _queue_candidates(reports, known)
    order = np.random.default_rng(seed).permutation(len(candidates))
    rows: list[dict[str, object]] = []
    ids = _QueueIds()
    for index in order[:n].tolist():
        candidate = candidates[index]
        row = {"id": ids.next_for(candidate), "text": candidate.passage.text, "labels": None}
        rows.append({**row, "why": "drawn at random", **candidate.source})
    return rows


def _queue_candidates(reports: Iterable[Report], known: Sequence[str]) -> list[_QueueCandidate]:
    """List the passages that may be queued: each text once, and none that is known."""
    seen = {text_key(text) for text in known}
    candidates: list[_QueueCandidate] = []
    for report in reports:
        for number, passage in enumerate(report.passages):
            key = text_key(passage.text)
            if key and key not in seen:
                seen.add(key)
                candidates.append(_queue_candidate(report, passage, number))
    return candidates


class _QueueIds:
    """Ids of the rows of a queue, each given once."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def next_for(self, candidate: _QueueCandidate) -> str:
        """Return a candidate's id, numbered where an earlier row has it."""
        self._taken[candidate.id] += 1
        number = self._taken[candidate.id]
        return candidate.id if number == 1 else f"{candidate.id}-{number}"


def _queue_row_scores(scores: Iterable[float]) -> dict[str, float]:
    return {label: round(score, 4) for label, score in zip(LABELS, scores, strict=True)}


def _queue_candidate(report: Report, passage: Passage, number: int) -> _QueueCandidate:
    """Describe a passage with its source: report, section, page and offsets.

    An input row keeps its own fields; `number` is its place in the batch of rows.
    """
    stem = PurePath(report.file.rstrip("/")).stem or "input"
    if report.document is None:
        own = {
            name: value
            for name, value in passage.extra.items()
            if name not in _OWN and value is not None
        }
        own_id = own.pop("id", None)
        made_id = f"{stem}-{number + 1}"
        row_id = made_id if own_id in (None, "") else str(own_id)
        return _QueueCandidate(passage, row_id, {"report": report.file, **own})
    source = {
        "report": report.file,
        "doc": report.file,  # passages of one report stay on one side of a split
        "country": report.document and report.document.country,
        "year": report.document and report.document.year,
        "section": passage.section,
        "page": passage.page,
        "start": passage.start,
        "end": passage.end,
    }
    known: dict[str, object] = {}
    for name, value in source.items():
        if value is not None:
            known[name] = value
    return _QueueCandidate(passage, f"{stem}-{passage.start}", known)
