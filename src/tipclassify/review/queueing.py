"""What to show an annotator next: the undecided passages that teach most, in the order of `teaching.rank`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.document import Passage
from tipclassify.labels import LABELS, indicator
from tipclassify.teaching import Pick, rank

__all__ = ["next_passages"]

_SUREST: Final = 1e-12  # a probability of exactly 1 has no log-odds


def next_passages(
    passages: Sequence[Passage],
    others: Sequence[Mapping[str, tuple[str, ...]]],
    known: Sequence[str],
    thresholds: npt.NDArray[np.float64],
    n: int,
) -> list[Pick]:
    """The `n` passages to decide next, most instructive first.

    Parameters
    ----------
    passages : sequence of Passage (m,)
        Tagged and undecided.
    others : sequence of mapping (m,)
        What other annotators decided of each: name → labels.
    known : sequence of str
        Texts of the corpus so far.
    thresholds : float (3,)
        Probability from which each label is given.
    """
    if not passages:
        return []
    scores = np.array([[passage.scores[label] for label in LABELS] for passage in passages])
    chance = np.clip(scores, _SUREST, 1 - _SUREST)
    names = sorted({name for said in others for name in said})
    votes = [
        np.array([indicator(said[name]) if name in said else [np.nan] * len(LABELS) for said in others], np.float64)
        for name in names
    ]
    return rank(
        [passage.text for passage in passages],
        np.log(chance) - np.log1p(-chance),
        thresholds,
        [passage.low_confidence for passage in passages],
        n,
        known=known or None,
        others=votes,
    )
