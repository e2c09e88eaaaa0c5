"""Which passages to label next: those whose labels would teach the model most.

Passages and the model's log-odds come in, picks go out, best first. A passage is worth labelling when the model is unsure
of a label (its log-odds lie near the threshold), when annotators or models disagree on it, and when it says what labelled
passages do not. One that says what another pick says brings little more, so picks are made one by one, a passage is worth less
the more it is like picks before it, and those that differ in names and figures only come last. How much each of these counts was
chosen with benchmarks/active.py: uncertainty does nearly all. More weight on novelty or variety made a worse model there, and so
did putting back passages that differ in one other word, which is often the word that turns a label.

Sources: uncertainty sampling, Lewis and Gale 1994 (SIGIR), by the label in most doubt; disagreement
by vote, Dagan and Engelson 1995 (ICML, query by committee); relevance against novelty in a greedy order, Carbonell and Goldstein 1998
(SIGIR, maximal marginal relevance).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.corpus.near_duplicates import tfidf, trigrams
from tipclassify.labels import LABELS

__all__ = ["Pick", "rank"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_LOOKED_AT: Final = 2_500  # passages looked at beside those picked: the rest are too sure to be picked at all
_FEWEST_WORDS: Final = 3  # what is shorter is a heading or a scrap of a table, and teaches nothing
_SAME: Final = 1.0  # share of word triples that stand elsewhere: one other word may be the one that turns a label
_VARIETY: Final = 0.02  # power of what a passage has that picks before it lack
_UNLIKE: Final = 0.02  # how much a passage gains whose word triples are all new
_CLOSE: Final = 0.5  # uncertainty from which a label counts as near its threshold: 1.1 in log-odds
_WORD: Final = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Pick:
    """A passage to label.

    Attributes
    ----------
    index : int
        Which of the passages.
    score : float
        What it is worth beside the picks before it, 0 to 1; 0 for what was put back.
    why : str
        The reason, for the annotator: ``"failure 0.44 near its threshold 0.41"``.
    """

    index: int
    score: float
    why: str


def rank(
    texts: Sequence[str],
    logits: Floats,
    thresholds: Floats | Sequence[float],
    doubtful: Bools | Sequence[bool],
    n: int,
    *,
    known: Sequence[str] | None = None,
    others: Sequence[npt.ArrayLike] | None = None,
    seed: int = 0,
) -> list[Pick]:
    """The `n` passages to label next, the most instructive first; all of them where there are no more.

    Parameters
    ----------
    texts : sequence of str (m,)
    logits : float (m, 3)
        Calibrated log-odds (`Classifier.logits`), columns in the order of ``LABELS``.
    thresholds : float (3,)
        Probability from which each label is given (`Classifier.thresholds`).
    doubtful : bool (m,)
        Passages the model has too little to go by (`Classifier.doubtful`).
    known : sequence of str, optional
        Passages that are labelled already.
    others : sequence of array (m, 3), optional
        What other models or annotators say: labels given (bool) or probabilities; NaN where one says nothing.
    seed : int
        Orders passages that are worth the same.

    Raises
    ------
    ValueError
        When shapes differ.

    Examples
    --------
    >>> logits = np.array([[4.0, -4.0, -4.0], [0.1, -4.0, -4.0], [1.5, -4.0, -4.0]])
    >>> texts = ["Police arrested a recruiter.", "A new unit was formed.", "A new unit was formed!"]
    >>> for pick in rank(texts, logits, [0.5] * 3, [False] * 3, 3):
    ...     print(pick.index, pick.why)
    1 positive_effort 0.52 near its threshold 0.50
    0 positive_effort 0.98 is nearest to its threshold 0.50
    2 says what is picked or labelled already
    """
    logits = np.asarray(logits, np.float64).reshape(-1, len(LABELS))
    cut = _log_odds(np.asarray(thresholds, np.float64))
    doubts = np.asarray(doubtful, bool)
    if not len(texts) == len(logits) == len(doubts):
        raise ValueError(
            f"{len(texts)} texts, {len(logits)} rows of log-odds, {len(doubts)} doubts: give one a passage"
        )
    if not len(texts) or n < 1:
        return []
    words = [_words(text) for text in texts]
    grams = [trigrams(of_text) for of_text in words]
    unsure = _unsure(logits - cut)
    split = _split_votes(logits >= cut, others)
    repeated = _repeated(grams, known)
    unlike = np.zeros(len(texts)) if known is None else 1 - repeated
    worth = np.maximum(unsure, split).max(axis=1) * (1 - _UNLIKE + _UNLIKE * np.maximum(unlike, doubts))
    worth *= np.array([len(of_text) >= _FEWEST_WORDS for of_text in words])

    def why(i: int) -> str:
        """What speaks for labelling passage `i`, in a few words."""
        chances = [
            f"{label} {1 / (1 + np.exp(-x)):.2f}" for label, x in zip(LABELS, logits[i].clip(-50, 50), strict=True)
        ]
        order = np.argsort(-unsure[i], kind="stable").tolist()
        said = [f"{chances[j]} near its threshold {thresholds[j]:.2f}" for j in order if unsure[i, j] >= _CLOSE]
        said += [f"labels differ on {LABELS[j]}" for j in np.flatnonzero(split[i] > 0)]
        said += ["many words unknown to the model"] if doubts[i] else []
        said += ["unlike the labelled passages"] if unlike[i] >= 0.9 else []
        return "; ".join(said) or f"{chances[order[0]]} is nearest to its threshold {thresholds[order[0]]:.2f}"

    chosen, back = _pick(words, grams, worth, repeated >= _SAME, n, seed)
    picks = [Pick(i, round(score, 4), why(i)) for i, score in chosen]
    return picks + [Pick(i, 0.0, reason) for i, reason in back[: max(0, n - len(picks))]]


@lru_cache(maxsize=100_000)  # a pool is ranked again after every batch of labels
def _words(text: str) -> tuple[str, ...]:
    """Words in lower case; all figures are one word, and so are all names (capitals inside the passage).

    >>> _words("In 2020 police met 9 men of New Valdoria.")
    ('in', '0', 'police', 'met', '0', 'men', 'of', 'A')
    """
    found: list[str] = []
    for number, word in enumerate(_WORD.findall(text)):
        word = "0" if word[0].isdigit() else "A" if number and word[0].isupper() else word.lower()
        if not (found and word == found[-1] and word in "0A"):  # a run of names is one name
            found.append(word)
    return tuple(found)


# --------------------------------------------------------------------------------------------- what a passage is worth


def _unsure(distance: Floats) -> Floats:
    """Uncertainty of each label, (m, 3): 1 at the threshold, twice the odds of its other side for a distance in log-odds."""
    return np.asarray(2 / (1 + np.exp(np.minimum(np.abs(distance), 50))))


def _split_votes(given: Bools, others: Sequence[npt.ArrayLike] | None) -> Floats:
    """How evenly the model and the others are split over each label, (m, 3): 0 all agree, 1 half and half."""
    votes = [given.astype(np.float64)]
    for one in others or ():
        said = np.asarray(one, np.float64)
        if said.shape != given.shape:
            raise ValueError(f"other labels have shape {said.shape}, not {given.shape}: give one row a passage")
        votes.append(np.where(np.isnan(said), np.nan, said >= 0.5))
    share = np.nanmean(np.stack(votes), axis=0)  # never empty: the model always votes
    return np.asarray(4 * share * (1 - share))


def _repeated(grams: Sequence[set[tuple[str, ...]]], known: Sequence[str] | None) -> Floats:
    """Share of each passage's word triples that stand in labelled passages, (m,); 0 for a passage without words."""
    seen = {gram for text in known or () for gram in trigrams(_words(text))}
    return np.array([len(row & seen) / max(len(row), 1) for row in grams])


# --------------------------------------------------------------------------------------------- one after the other


def _pick(
    words: Sequence[tuple[str, ...]],
    grams: Sequence[set[tuple[str, ...]]],
    worth: Floats,
    repeats: Bools,
    n: int,
    seed: int,
) -> tuple[list[tuple[int, float]], list[tuple[int, str]]]:
    """Picks with their scores, and what was put back and why, in order."""
    mixed = np.random.default_rng(seed).permutation(len(worth))
    order = mixed[np.argsort(-worth[mixed], kind="stable")]
    looked_at = order[worth[order] > 0][: n + _LOOKED_AT].tolist()
    value = worth[looked_at]
    vectors = tfidf([[*words[i], *map(" ".join, zip(words[i], words[i][1:], strict=False))] for i in looked_at])
    lacking = np.ones(len(looked_at))  # what a passage has that the picks lack
    seen: set[tuple[str, ...]] = set()
    chosen: list[tuple[int, float]] = []
    put_back: list[tuple[int, str]] = []
    for _ in looked_at:
        best = int(np.argmax(value * lacking**_VARIETY))
        value[best] = -1
        i = looked_at[best]
        if repeats[i] or len(grams[i] & seen) >= _SAME * len(grams[i]):
            put_back.append((i, "says what is picked or labelled already"))
            continue
        chosen.append((i, float(worth[i] * lacking[best] ** _VARIETY)))
        if len(chosen) == n:
            break
        seen |= grams[i]
        similarity = vectors @ vectors[[best]].toarray()[0]
        lacking = np.minimum(lacking, np.clip(1 - similarity, 1e-6, 1))
    put_back += [(int(i), "too short to teach") for i in np.flatnonzero(worth <= 0)]
    return chosen, put_back


def _log_odds(probability: Floats) -> Floats:
    return np.asarray(np.log(probability) - np.log1p(-probability))
