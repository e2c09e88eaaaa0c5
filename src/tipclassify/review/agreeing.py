"""How far any number of annotators agree, label by label, with intervals: quick enough to ask after every decision.

A figure needs only how many passages got each pattern of votes, and there are few patterns: a draw of the bootstrap is one
multinomial over them.

Sources: kappa, Cohen 1960, for more than two annotators the mean over their pairs (Light 1971); alpha, Krippendorff 2011, nominal,
with missing votes; percentile intervals, Efron and Tibshirani 1993, chapter 13.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.evaluation import rounded
from tipclassify.labels import LABELS

__all__ = ["agreement_intervals", "alphas", "kappas"]

_DRAWS: Final = 1_000
_LEVEL: Final = 0.95
_FEWEST: Final = 10  # passages below which an interval would only look like one

Floats = npt.NDArray[np.float64]


def agreement_intervals(decided: Mapping[str, Mapping[str, Sequence[str]]], seed: int = 0) -> dict[str, Any]:
    """Kappa and alpha of each label over the passages that two or more annotators decided.

    Parameters
    ----------
    decided : mapping
        Passage → annotator → labels.

    Returns
    -------
    dict
        ``annotators``, ``passages`` and ``labels``: plain values, None where there is too little to say.

    Examples
    --------
    >>> both = {str(i): {"ann": ["failure"] * (i % 2), "ben": ["failure"] * (i % 2)} for i in range(20)}
    >>> found = agreement_intervals(both)
    >>> found["passages"], found["labels"]["failure"]["kappa"], found["labels"]["complicity"]["kappa"]
    (20, 1.0, None)
    """
    shared = [said for said in decided.values() if len(said) > 1]
    names = sorted({name for said in shared for name in said})
    labels = {}
    for label in LABELS:
        votes = np.array([[label in said[name] if name in said else np.nan for name in names] for said in shared])
        labels[label] = _of_label(votes.reshape(len(shared), len(names)), seed)
    return {"annotators": names, "passages": len(shared), "labels": labels}


def _of_label(votes: Floats, seed: int) -> dict[str, Any]:
    """Figures of one label from votes (n, annotators): 1 given, 0 not, NaN no vote."""
    n = len(votes)
    patterns, times = np.unique(votes, axis=0, return_counts=True) if n else (votes, np.zeros(0, np.int64))
    draws = np.zeros((0, len(patterns)))
    if n >= _FEWEST:
        draws = np.random.default_rng(seed).multinomial(n, times / n, _DRAWS).astype(np.float64)
    found: dict[str, Any] = {}
    for name, figure in (("kappa", kappas), ("alpha", alphas)):
        value = figure(patterns, times[None].astype(np.float64))[0] if n else float("nan")
        sample = figure(patterns, draws) if len(draws) else np.zeros(0)
        sample = sample[~np.isnan(sample)]
        sides = [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2]
        low, high = np.quantile(sample, sides).tolist() if len(sample) and value == value else (float("nan"),) * 2
        found |= {name: float(value), f"{name}_low": low, f"{name}_high": high}
    plain: dict[str, Any] = rounded(found)
    return {**plain, "n": n}


def kappas(patterns: Floats, counts: Floats) -> Floats:
    """Cohen's kappa, the mean over pairs of annotators, for each row of counts; NaN where no pair has one.

    Parameters
    ----------
    patterns : float (k, annotators)
        Votes, NaN for none.
    counts : float (draws, k)
        How many passages have each pattern.
    """
    pairs = []
    for a, b in combinations(range(patterns.shape[1]), 2):
        both = ~np.isnan(patterns[:, [a, b]]).any(axis=1)
        x, y, count = patterns[both, a], patterns[both, b], counts[:, both]
        n = np.maximum(count.sum(axis=1), 1)
        same, p, q = count @ (x == y) / n, count @ x / n, count @ y / n
        chance = p * q + (1 - p) * (1 - q)
        defined = (chance < 1 - 1e-12) & (count.sum(axis=1) > 0)
        pairs.append(np.where(defined, (same - chance) / np.where(defined, 1 - chance, 1), np.nan))
    if not pairs:
        return np.full(len(counts), np.nan)
    table = np.stack(pairs)
    known = (~np.isnan(table)).sum(axis=0)
    return np.asarray(np.where(known > 0, np.nansum(table, axis=0) / np.maximum(known, 1), np.nan))


def alphas(patterns: Floats, counts: Floats) -> Floats:
    """Krippendorff's alpha for two values, of each row of counts, laid out as for `kappas`; NaN where all votes are the same."""
    given, votes = np.nansum(patterns, axis=1), (~np.isnan(patterns)).sum(axis=1)
    pairable = votes > 1
    given, votes, counts = given[pairable], votes[pairable], counts[:, pairable]
    ones, zeros = counts @ given, counts @ (votes - given)
    observed = counts @ (given * (votes - given) / np.maximum(votes - 1, 1))
    expected = ones * zeros
    defined = expected > 0
    return np.asarray(np.where(defined, 1 - (ones + zeros - 1) * observed / np.where(defined, expected, 1), np.nan))
