"""Fit a linear `Model` on labelled passages: fit, calibrate and threshold each label on its own.

Calibration and thresholds are chosen on out-of-fold scores, with folds by group; the metrics reported are cross-fitted
once more, so that no passage is judged with a calibration or threshold that saw it.

Unlabelled passages may teach too, with the probabilities of a teacher as soft targets: they help to fit the weights, and count
in nothing else.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

import numpy as np

from tipclassify._version import __version__
from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.evaluation.metrics import Metrics, measure
from tipclassify.labels import LABELS
from tipclassify.model.linear.model import MAX_WEIGHT, Model
from tipclassify.progress import Progress
from tipclassify.text.features.hashing import featurize
from tipclassify.text.features.tokenizer import known_words
from tipclassify.training.calibration import calibrate
from tipclassify.training.linear import fit_labels, lay_out, out_of_fold

__all__ = ["Fitted", "fit_model", "group_folds", "model_meta"]

_ALWAYS: Final = -1  # fold of passages that teach every fold: those with soft targets

SoftPassage = tuple[str, str | None, Sequence[float]]
"""Text, heading, and a teacher's probability of each label."""


@dataclass(frozen=True)
class Fitted:
    """A model, and its cross-validated scores and metrics.

    Attributes
    ----------
    scores : float (n, 3)
        Calibrated probabilities of the training passages, out of fold; or of the passages held, if some were.
    given : mapping of str to bool (n, 3)
        Policy → labels given to them at cross-fitted thresholds.
    """

    model: Model
    scores: Floats
    given: Mapping[str, Bools]
    metrics: Metrics


def fit_model(
    texts: Sequence[str],
    y_true: Bools,
    groups: Sequence[int] | Ints,
    *,
    headings: Sequence[str | None] | None = None,
    weights: Floats | None = None,
    soft: Sequence[SoftPassage] = (),
    held: Bools | None = None,
    held_weights: Floats | None = None,
    vocabulary: frozenset[str] | None = None,
    folds: int = 5,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Fitted:
    """Fit the linear model on `texts`, whose labels are the rows of `y_true` (bool, (n, 3)).

    Parameters
    ----------
    groups : sequence of int (n,)
        Passages of one group are never split between folds.
    headings : sequence of str or None (n,), optional
        Heading of the section of each passage.
    weights : float (n,), optional
        Weight of each passage in the fits, 1 by default. A passage of weight 0 teaches nothing, not even the calibration
        and the thresholds, but is scored like any other. Calibration and thresholds count all others alike.
    soft : sequence of (text, heading, probabilities), optional
        Further passages with the probability of each label that a teacher gives. They teach every fold and never count
        in calibration, thresholds or metrics.
    held : bool (n,), optional
        Passages that teach nothing and on which the model is calibrated and judged, each counting `held_weights`, float
        (held,). Without, all passages are scored out of fold.
    vocabulary : frozenset of str, optional
        Words known in lower case; by default those of all texts (`tokenizer.known_words`).
    progress : callable, optional
        Called with (fits done, fits in all).

    Raises
    ------
    ValueError
        When there are fewer than two groups, no passage has a label, or arguments do not match in length or range.

    Warns
    -----
    UserWarning
        When a label has too few examples to be learned or calibrated.
    """
    if not y_true.any():
        raise ValueError("no passage has a label: nothing to learn; label some")
    n, every = len(texts), [*texts, *(text for text, _, _ in soft)]
    weights = checked_weights(weights, n, "weights")
    taught = np.array([row for _, _, row in soft], np.float64).reshape(-1, len(LABELS))
    if len(taught) != len(soft) or not ((taught >= 0) & (taught <= 1)).all():
        raise ValueError(f"soft: give {len(LABELS)} probabilities for each passage")
    if headings is not None and len(headings) != n:
        raise ValueError(f"headings: {len(headings)} for {n} passages; give one for each, or None")
    under = [*(headings or [None] * n), *(heading for _, heading, _ in soft)]
    if held is not None:
        weights = np.where(held, 0.0, weights)
    used = weights > 0
    _warn_of_rare_labels(y_true[used], folds)
    vocabulary = known_words(every) if vocabulary is None else vocabulary
    design, hashes = lay_out(featurize(every, vocabulary), under)

    fold = group_folds(np.asarray(groups) if held is None else np.asarray(groups)[held], folds, seed)
    target = np.concatenate([y_true, taught])
    every_weight = np.concatenate([weights, np.ones(len(soft))])
    if held is None:
        every_fold = np.concatenate([fold, np.full(len(soft), _ALWAYS)])
        raw = out_of_fold(design, target, every_weight, every_fold, jobs, progress)[:n]
    fits = fit_labels(design, target, every_weight, jobs)
    if held is not None:
        raw = np.stack([design.scores(w)[0][:n][held] + b for w, b in fits], axis=1)
        y_true, used = y_true[held], np.ones(len(raw), bool)
    calibrated = calibrate(raw, y_true, fold, used, held_weights)

    table = np.stack([w * scale for (w, _), scale in zip(fits, calibrated.scale, strict=True)], axis=1)
    bias = np.array([b for _, b in fits]) * calibrated.scale + calibrated.shift
    kept = np.abs(table).max(axis=1) > 0
    units = np.maximum(np.abs(table).max(axis=0, initial=0.0), 1e-9) / MAX_WEIGHT
    stored = np.rint(table[kept] / units).astype(np.int16)  # as the file holds them: what is measured is what ships
    model = Model(hashes[kept], stored, units, bias, vocabulary, calibrated.thresholds, {})
    scores, given = calibrated.scores, calibrated.given
    metrics = measure(y_true[used], scores[used], given["balanced"][used], np.array(model.thresholds["balanced"]))
    return Fitted(model, scores, given, metrics)


def checked_weights(weights: Any, n: int, name: str) -> Floats:
    """Return the weights of `n` passages, 1 by default, or raise `ValueError`."""
    found = np.ones(n) if weights is None else np.asarray(weights, np.float64)
    if len(found) != n or not np.isfinite(found).all() or (found < 0).any() or not found.any():
        raise ValueError(f"{name}: give a number of 0 or more for each passage, and more than 0 for one")
    return found


def group_folds(groups: Ints, folds: int, seed: int) -> Ints:
    """Draw the fold number of each passage by `seed`; passages of one group are of one fold.

    Raises
    ------
    ValueError
        When there are fewer than two groups.
    """
    from sklearn.model_selection import GroupKFold

    count = len(np.unique(groups))
    if count < 2:
        raise ValueError("needs passages of at least two groups to hold some out; add rows of another narrative")
    fold = np.zeros(len(groups), np.int64)
    splitter = GroupKFold(n_splits=min(folds, count), shuffle=True, random_state=seed)
    for number, (_, held) in enumerate(splitter.split(groups, groups=groups)):
        fold[held] = number
    return fold


def _warn_of_rare_labels(y_true: Bools, folds: int) -> None:
    for label, count in zip(LABELS, y_true.sum(axis=0), strict=True):
        if count < 2 * folds:
            what = "is absent" if not count else f"has {count} passages"
            told = f"label {label} {what}: too few to learn and calibrate it; add at least {2 * folds}"
            warnings.warn(told, stacklevel=3)
        elif count == len(y_true):
            warnings.warn(f"every passage has label {label}: add passages without it", stacklevel=3)


def model_meta(**meta: Any) -> dict[str, Any]:
    """Add the versions of the libraries that trained a model, for its ``model.json``."""
    versions = {name: version(name) for name in ("numpy", "scipy", "scikit-learn", "sentencex")}
    return {**meta, "versions": {"tipclassify": __version__, **versions}}
