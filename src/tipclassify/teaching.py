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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.labels import LABELS
from tipclassify.sketches import sketches_of, triples_of, words_of

__all__ = ["Pick", "rank"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_LOOKED_AT: Final = 2_500  # passages looked at beside those picked: the rest are too sure to be picked at all
_FEWEST_WORDS: Final = 3  # what is shorter is a heading or a scrap of a table, and teaches nothing
_SAME: Final = 1.0  # share of word triples that stand elsewhere: one other word may be the one that turns a label
_VARIETY: Final = 0.02  # power of what a passage has that picks before it lack
_UNLIKE: Final = 0.02  # how much a passage gains whose word triples are all new


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
    words = [words_of(text) for text in texts]
    unsure = _unsure(logits - cut)
    split = _split_votes(logits >= cut, others)
    repeated = _repeated(texts, known)
    unlike = np.zeros(len(texts)) if known is None else 1 - repeated
    enough = np.fromiter((len(w) >= _FEWEST_WORDS for w in words), bool, len(words))
    worth = _worth(np.maximum(unsure, split), np.maximum(unlike, doubts)) * enough
    chosen, back = _pick(texts, worth, repeated >= _SAME, n, seed)
    said = _Reasons(logits, np.asarray(thresholds, np.float64), unsure, split, unlike, doubts, known is not None)
    picks = [Pick(i, round(score, 4), said.of(i)) for i, score in chosen]
    return picks + [Pick(i, 0.0, why) for i, why in back[: max(0, n - len(picks))]]


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


def _repeated(texts: Sequence[str], known: Sequence[str] | None) -> Floats:
    """Share of each passage's word triples that stand in labelled passages, (m,); 0 for a passage without words."""
    seen = np.unique(np.concatenate([np.zeros(1, np.uint64), *map(triples_of, known or ())]))
    grams = [triples_of(text) for text in texts]
    size = np.fromiter(map(len, grams), np.int64, len(grams))
    flat = np.concatenate(grams)
    has = seen[np.minimum(np.searchsorted(seen, flat), len(seen) - 1)] == flat
    return np.bincount(np.repeat(np.arange(len(grams)), size), has, len(grams)) / np.maximum(size, 1)


def _worth(label: Floats, unlike: Floats) -> Floats:
    """One number a passage, 0 to 1: how much the label in most doubt is, raised where its wording is new."""
    return np.asarray(label.max(axis=1) * (1 - _UNLIKE + _UNLIKE * unlike))


# --------------------------------------------------------------------------------------------- one after the other


def _pick(
    texts: Sequence[str], worth: Floats, repeats: Bools, n: int, seed: int
) -> tuple[list[tuple[int, float]], list[tuple[int, str]]]:
    """Picks with their scores, and what was put back and why, in order."""
    mixed = np.random.default_rng(seed).permutation(len(worth))
    order = mixed[np.argsort(-worth[mixed], kind="stable")]
    looked_at = order[worth[order] > 0][: n + _LOOKED_AT]
    value = worth[looked_at]
    sketches = sketches_of([words_of(texts[i]) for i in looked_at])
    lacking = np.ones(len(looked_at))  # what a passage has that the picks lack
    seen: set[int] = set()
    chosen: list[tuple[int, float]] = []
    put_back: list[tuple[int, str]] = []
    for _ in looked_at:
        best = int(np.argmax(value * lacking**_VARIETY))
        value[best] = -1
        i = int(looked_at[best])
        mine = triples_of(texts[i]).tolist()
        if repeats[i] or sum(gram in seen for gram in mine) >= _SAME * len(mine):
            put_back.append((i, "says what is picked or labelled already"))
            continue
        chosen.append((i, float(worth[i] * lacking[best] ** _VARIETY)))
        if len(chosen) == n:
            break
        seen.update(mine)
        lacking = np.minimum(lacking, np.clip(1 - sketches @ sketches[best], 1e-6, 1))
    put_back += [(int(i), "too short to teach") for i in np.flatnonzero(worth <= 0)]
    return chosen, put_back


# --------------------------------------------------------------------------------------------- reasons

_CLOSE: Final = 0.5  # uncertainty from which a label counts as near its threshold: 1.1 in log-odds


@dataclass(frozen=True)
class _Reasons:
    logits: Floats
    thresholds: Floats
    unsure: Floats
    split: Floats
    unlike: Floats
    doubtful: Bools
    compared: bool

    def of(self, i: int) -> str:
        """What speaks for labelling passage `i`, in a few words."""
        chances = 1 / (1 + np.exp(-np.clip(self.logits[i], -50, 50)))
        near = [j for j in np.argsort(-self.unsure[i], kind="stable").tolist() if self.unsure[i, j] >= _CLOSE]
        said = [f"{LABELS[j]} {chances[j]:.2f} near its threshold {self.thresholds[j]:.2f}" for j in near]
        said += [f"labels differ on {LABELS[j]}" for j in np.flatnonzero(self.split[i] > 0)]
        if self.doubtful[i]:
            said.append("many words unknown to the model")
        if self.compared and self.unlike[i] >= 0.9:
            said.append("unlike the labelled passages")
        if not said:
            j = int(np.argmax(self.unsure[i]))
            said.append(f"{LABELS[j]} {chances[j]:.2f} is nearest to its threshold {self.thresholds[j]:.2f}")
        return "; ".join(said)


def _log_odds(probability: Floats) -> Floats:
    return np.asarray(np.log(probability) - np.log1p(-probability))
