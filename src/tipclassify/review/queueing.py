"""What to show an annotator next: the undecided passages that teach most, in the order of `teaching.rank`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tipclassify.labels import LABELS, indicator
from tipclassify.pipeline.active_learning import Pick
from tipclassify.pipeline.annotation_queue import rank_passages
from tipclassify.text.document import Passage

__all__ = ["next_passages"]


def next_passages(
    passages: Sequence[Passage],
    others: Sequence[Mapping[str, tuple[str, ...]]],
    known: Sequence[str],
    thresholds: npt.NDArray[np.float64],
    n: int,
    second: npt.NDArray[np.bool_] | None = None,
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
    second : bool (m, 3), optional
        Labels that a second model gives.
    """
    names = sorted({name for said in others for name in said})
    votes: list[npt.ArrayLike] = [
        np.array([indicator(said[name]) if name in said else [np.nan] * len(LABELS) for said in others], np.float64)
        for name in names
    ]
    if second is not None:
        votes.append(second)
    return rank_passages(passages, thresholds, n, known=known, others=votes)
