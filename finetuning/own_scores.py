"""Choose the unlabelled passages that teach most, by the scores of a first network.

A network that has learned the labels for some epochs begins to learn them by heart: its loss on
passages left out rises. Its own scores of text that nobody labelled are further targets, for a
second network that starts anew from the same base (Furlanello et al. 2018, ICML).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from tipclassify.corpus.rows import Row
from tipclassify.model.classifier import Classifier
from tipclassify.progress import Progress
from tipclassify.training.fast import score_unlabelled
from tipclassify.training.linear import SoftPassage

_TELLING: Final = 0.02  # highest probability from which a passage says something of a label


def choose_scored(
    first: Classifier, pool: Sequence[Row], most: int, seed: int, progress: Progress | None = None
) -> list[SoftPassage]:
    """Choose up to `most` passages of a pool, in its order, each with the first network's scores.

    Those to which it gives some label more than 0.02 come first, others at random.
    """
    soft = score_unlabelled(first, pool, progress)
    telling = np.array([max(passage.scores) > _TELLING for passage in soft], bool)
    shuffled = np.random.default_rng(seed).permutation(len(soft))
    by_use = shuffled[np.argsort(~telling[shuffled], kind="stable")]
    return [soft[i] for i in np.sort(by_use[:most])]
