"""Choose the unlabelled passages that teach most, with the scores that models give them.

A network that has learned the labels for some epochs begins to learn them by heart: its loss on
passages left out rises. The scores of models on text that nobody labelled are further targets
(Hinton et al. 2015, arXiv:1503.02531), and the mean of two networks errs less than either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.special import expit, logit

from tipclassify.arrays import Floats, Ints
from tipclassify.corpus.holdout import REPORT_FAMILIES, source_family
from tipclassify.corpus.rows import Row
from tipclassify.model.classifier import Classifier
from tipclassify.progress import Progress
from tipclassify.records import Passage
from tipclassify.training.fast import score_unlabelled
from tipclassify.training.linear import SoftPassage

_TELLING: Final = 0.02  # highest probability from which a passage says something of a label


def passages_of_teachers(
    teachers: Sequence[Classifier],
    pool: Sequence[Row],
    most: int,
    seed: int,
    progress: Progress | None = None,
) -> list[SoftPassage]:
    """Choose up to `most` passages of a pool, each with the mean of the teachers' log-odds.

    The first teacher scores all of them. Those to which it gives some label more than 0.02 come
    first, others at random. Further teachers score passages of reports alone, and those whose
    source is not known: our second one had hardly learned from other genres.
    """
    first, *others = teachers
    soft = score_unlabelled(first, pool, progress)
    scores = np.array([passage.scores for passage in soft])
    chosen = _choose(scores, most, seed)
    logits = logit(scores[chosen])
    of_reports = [place for place, i in enumerate(chosen.tolist()) if _may_be_of_report(pool[i])]
    passages = [_passage(soft[chosen[place]]) for place in of_reports]
    logits[of_reports] = np.mean(
        [logits[of_reports], *(teacher.logits(passages) for teacher in others)], axis=0
    )
    return [
        SoftPassage(soft[i].text, soft[i].heading, row)
        for i, row in zip(chosen.tolist(), expit(logits).tolist(), strict=True)
    ]


def _choose(scores: Floats, most: int, seed: int) -> Ints:
    """Choose positions, int (m,) in order: the telling passages first, others at random."""
    telling = scores.max(axis=1) > _TELLING
    rng = np.random.default_rng(seed)
    others = rng.permutation(np.flatnonzero(~telling))[: max(0, most - telling.sum())]
    return np.sort(np.concatenate([np.flatnonzero(telling)[:most], others]))


def _may_be_of_report(row: Row) -> bool:
    return not row["source"] or source_family(row["source"]) in REPORT_FAMILIES


def _passage(soft: SoftPassage) -> Passage:
    return Passage(soft.text, 0, len(soft.text), soft.heading)
