"""Which passages to label next: those whose labels would teach the model most.

Tagged passages come in, picks go out, best first. A passage is worth labelling when the model is unsure of a label (its log-odds
lie near the threshold) and when annotators or models disagree on it. One that says what labelled passages or other picks say
brings little more: picks are made one by one, a passage is worth a little less the more of its word triples stand elsewhere, and
those that differ in names and figures only come last. Uncertainty does nearly all (benchmarks/active.py): more weight on novelty
made a worse model there, and so did putting back passages that differ in one other word, which is often the word that turns a label.

Sources: uncertainty sampling, Lewis and Gale 1994 (SIGIR), by the label in most doubt; disagreement by vote, Dagan and Engelson
1995 (ICML, query by committee); relevance against novelty in a greedy order, Carbonell and Goldstein 1998 (SIGIR, maximal marginal
relevance), with lazy evaluation, Minoux 1978.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.corpus.near_duplicates import trigrams
from tipclassify.labels import LABELS
from tipclassify.text.document import Passage

__all__ = ["Pick", "rank"]

Floats = npt.NDArray[np.float64]

_FEWEST_WORDS: Final = 3  # what is shorter is a heading or a scrap of a table, and teaches nothing
_NOVELTY: Final = 0.02  # what a passage loses whose word triples were all seen; one of many unknown words loses nothing
_CLOSE: Final = 0.5  # uncertainty from which a label counts as near its threshold: 1.1 in log-odds
_SUREST: Final = 1e-12  # a probability of exactly 1 has no log-odds
_WORD: Final = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Pick:
    """A passage to label.

    Attributes
    ----------
    index : int
        Which of the passages.
    score : float
        What it is worth beside the picks before it; 0 for what was put back.
    why : str
        The reason, for the annotator: ``"failure 0.44 near its threshold 0.41"``.
    """

    index: int
    score: float
    why: str


def rank(
    passages: Sequence[Passage],
    thresholds: Floats | Sequence[float],
    n: int,
    *,
    known: Sequence[str] | None = None,
    others: Sequence[npt.ArrayLike] = (),
    seed: int = 0,
) -> list[Pick]:
    """The `n` passages to label next, the most instructive first; all of them where there are no more.

    Parameters
    ----------
    passages : sequence of Passage (m,)
        Tagged: with scores.
    thresholds : float (3,)
        Probability from which each label is given (`Classifier.thresholds`).
    known : sequence of str, optional
        Passages that are labelled already.
    others : sequence of array (m, 3)
        Labels that other models or annotators give (0 or 1); NaN where one says nothing.
    seed : int
        Orders passages that are worth the same.

    Examples
    --------
    >>> texts = {"Police arrested a recruiter.": 0.98, "A new unit was formed.": 0.52, "A new unit was formed!": 0.82}
    >>> tagged = [
    ...     Passage(text, 0, len(text), scores={"positive_effort": score, "failure": 0.02, "complicity": 0.02})
    ...     for text, score in texts.items()
    ... ]
    >>> for pick in rank(tagged, [0.5] * 3, 3):
    ...     print(pick.index, pick.why)
    1 positive_effort 0.52 near its threshold 0.50
    0 positive_effort 0.98 is nearest to its threshold 0.50
    2 says what is picked or labelled already
    """
    if not passages or n < 1:
        return []
    scores = np.array([[passage.scores[label] for label in LABELS] for passage in passages])
    limits = np.asarray(thresholds, np.float64)
    unsure = _uncertainty(scores, limits)
    split = _disagreement(scores >= limits, others)
    doubtful = np.array([passage.low_confidence for passage in passages])
    words = [_words(passage.text) for passage in passages]
    grams = [trigrams(of_text) for of_text in words]
    seen = {gram for text in known or () for gram in trigrams(_words(text))}
    unlike = known is not None and [_share_new(row, seen) >= 0.9 for row in grams]
    worth = np.maximum(unsure, split).max(axis=1) * [len(of_text) >= _FEWEST_WORDS for of_text in words]

    def why(i: int) -> str:
        """What speaks for labelling passage `i`, in a few words."""
        order = np.argsort(-unsure[i], kind="stable").tolist()
        chances = [f"{label} {score:.2f}" for label, score in zip(LABELS, scores[i], strict=True)]
        said = [f"{chances[j]} near its threshold {limits[j]:.2f}" for j in order if unsure[i, j] >= _CLOSE]
        said += [f"labels differ on {LABELS[j]}" for j in np.flatnonzero(split[i] > 0)]
        said += ["many words unknown to the model"] if doubtful[i] else []
        said += ["unlike the labelled passages"] if unlike and unlike[i] else []
        return "; ".join(said) or f"{chances[order[0]]} is nearest to its threshold {limits[order[0]]:.2f}"

    def value(i: int) -> float:
        """What passage `i` is worth beside those seen; 0 where it says nothing new."""
        new = _share_new(grams[i], seen)
        return float(worth[i] * (1 - _NOVELTY * (1 - max(new, doubtful[i])))) if new else 0.0

    # Values only fall as picks are made: a passage that still leads when its value is brought up to date is the next.
    mixed = np.random.default_rng(seed).permutation(len(passages)).tolist()
    heap = [(-value(i), mixed[i], i) for i in range(len(passages)) if worth[i] > 0]
    heapq.heapify(heap)
    picks: list[Pick] = []
    put_back: list[Pick] = []
    while heap and len(picks) < n:
        before, tie, i = heapq.heappop(heap)
        score = value(i)
        if score == 0:
            put_back.append(Pick(i, 0.0, "says what is picked or labelled already"))
        elif score < -before:
            heapq.heappush(heap, (-score, tie, i))
        else:
            picks.append(Pick(i, round(score, 4), why(i)))
            seen |= grams[i]
    put_back += [Pick(int(i), 0.0, "too short to teach") for i in np.flatnonzero(worth == 0)]
    return [*picks, *put_back][:n]


def _words(text: str) -> list[str]:
    """Words in lower case; all figures are one word, and so are all names (capitals inside the passage).

    >>> _words("In 2020 police met 9 men of New Valdoria.")
    ['in', '0', 'police', 'met', '0', 'men', 'of', 'A']
    """
    found: list[str] = []
    for number, word in enumerate(_WORD.findall(text)):
        word = "0" if word[0].isdigit() else "A" if number and word[0].isupper() else word.lower()
        if not (found and word == found[-1] and word in "0A"):  # a run of names is one name
            found.append(word)
    return found


def _share_new(grams: set[tuple[str, ...]], seen: set[tuple[str, ...]]) -> float:
    """Share of a passage's word triples that were not seen; 0 for a passage without words."""
    return len(grams - seen) / max(len(grams), 1)


def _uncertainty(scores: Floats, limits: Floats) -> Floats:
    """Uncertainty of each label, (m, 3): 1 at the threshold, twice the odds of its other side for a distance in log-odds."""
    chances = np.clip(scores, _SUREST, 1 - _SUREST)
    distance = np.log(chances / (1 - chances)) - np.log(limits / (1 - limits))
    return np.asarray(2 / (1 + np.exp(np.abs(distance))))


def _disagreement(given: npt.NDArray[np.bool_], others: Sequence[npt.ArrayLike]) -> Floats:
    """How evenly the model and the others are split over each label, (m, 3): 0 all agree, 1 half and half."""
    votes = [given.astype(np.float64), *(np.asarray(one, np.float64) for one in others)]
    share = np.nanmean(votes, axis=0)  # never empty: the model always votes
    return np.asarray(4 * share * (1 - share))
