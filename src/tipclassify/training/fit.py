"""Fit a linear `Model` on labelled passages: weights, calibration and thresholds of each label separately.

Calibration and thresholds are chosen on out-of-fold scores, with folds by group. The reported metrics are cross-fitted
once more, so no passage is evaluated with a calibration or threshold that was fitted on it. Unlabelled passages with a
teacher's probabilities (soft targets) help to fit the weights only.
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
from tipclassify.training.linear import build_design, fit_labels, out_of_fold

__all__ = ["Fitted", "fit_model", "group_folds", "model_meta"]

_TRAIN_ONLY: Final = -1  # fold of passages that are in every training set: those with soft targets

SoftPassage = tuple[str, str | None, Sequence[float]]
"""Text, heading, and the teacher's probability of each label."""


@dataclass(frozen=True)
class Fitted:
    """A model, and its cross-validated scores and metrics.

    Attributes
    ----------
    scores : float (n, 3)
        Calibrated out-of-fold probabilities of the training passages; of the `held` passages, if there are any.
    y_pred : mapping of str to bool (n, 3)
        Policy → predicted labels at cross-fitted thresholds.
    """

    model: Model
    scores: Floats
    y_pred: Mapping[str, Bools]
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
    """Fit the linear model on `texts` with the labels `y_true`, bool (n, 3).

    Parameters
    ----------
    groups : sequence of int (n,)
        Passages of one group are never split between folds.
    headings : sequence of str or None (n,), optional
        Heading of the section of each passage.
    weights : float (n,), optional
        Sample weights, 0 or more; 1 by default. A passage of weight 0 is scored, but excluded from the fit, the
        calibration and the thresholds. Calibration and thresholds weight all others equally.
    soft : sequence of (text, heading, probabilities), optional
        Further passages with a teacher's probabilities. They are in every training set, and excluded from calibration,
        thresholds and metrics.
    held : bool (n,), optional
        Held-out passages, on which the model is calibrated and evaluated, with sample weights `held_weights`, float
        (held,). Without them all passages are scored out of fold.
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
    n, all_texts = len(texts), [*texts, *(text for text, _, _ in soft)]
    weights = check_weights(weights, n, "weights")
    soft_targets = np.array([row for _, _, row in soft], np.float64).reshape(-1, len(LABELS))
    if len(soft_targets) != len(soft) or not ((soft_targets >= 0) & (soft_targets <= 1)).all():
        raise ValueError(f"soft: give {len(LABELS)} probabilities for each passage")
    if headings is not None and len(headings) != n:
        raise ValueError(f"headings: {len(headings)} for {n} passages; give one for each, or None")
    all_headings = [*(headings or [None] * n), *(heading for _, heading, _ in soft)]
    if held is not None:
        weights = np.where(held, 0.0, weights)
    used = weights > 0
    _warn_of_rare_labels(y_true[used], folds)
    vocabulary = known_words(all_texts) if vocabulary is None else vocabulary
    design, hashes = build_design(featurize(all_texts, vocabulary), all_headings)

    fold = group_folds(np.asarray(groups) if held is None else np.asarray(groups)[held], folds, seed)
    target = np.concatenate([y_true, soft_targets])
    all_weights = np.concatenate([weights, np.ones(len(soft))])
    if held is None:
        all_folds = np.concatenate([fold, np.full(len(soft), _TRAIN_ONLY)])
        raw = out_of_fold(design, target, all_weights, all_folds, jobs, progress)[:n]
    fits = fit_labels(design, target, all_weights, jobs)
    if held is not None:
        raw = np.stack([design.scores(w)[0][:n][held] + b for w, b in fits], axis=1)
        y_true, used = y_true[held], np.ones(len(raw), bool)
    calibrated = calibrate(raw, y_true, fold, used, held_weights)

    table = np.stack([w * scale for (w, _), scale in zip(fits, calibrated.scale, strict=True)], axis=1)
    bias = np.array([b for _, b in fits]) * calibrated.scale + calibrated.shift
    nonzero = np.abs(table).max(axis=1) > 0
    units = np.maximum(np.abs(table).max(axis=0, initial=0.0), 1e-9) / MAX_WEIGHT
    stored = np.rint(table[nonzero] / units).astype(np.int16)  # quantized as in the file: evaluate what ships
    model = Model(hashes[nonzero], stored, units, bias, vocabulary, calibrated.thresholds, {})
    scores, y_pred = calibrated.scores, calibrated.y_pred
    metrics = measure(y_true[used], scores[used], y_pred["balanced"][used], np.array(model.thresholds["balanced"]))
    return Fitted(model, scores, y_pred, metrics)


def check_weights(weights: Any, n: int, name: str) -> Floats:
    """Validate the sample weights of `n` passages, 1 by default; raise `ValueError` for negative or missing ones."""
    found = np.ones(n) if weights is None else np.asarray(weights, np.float64)
    if len(found) != n or not np.isfinite(found).all() or (found < 0).any() or not found.any():
        raise ValueError(f"{name}: give a number of 0 or more for each passage, and more than 0 for one")
    return found


def group_folds(groups: Ints, folds: int, seed: int) -> Ints:
    """Assign each passage to a fold by `seed`, without splitting a group.

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
            message = f"label {label} {what}: too few to learn and calibrate it; add at least {2 * folds}"
            warnings.warn(message, stacklevel=3)
        elif count == len(y_true):
            warnings.warn(f"every passage has label {label}: add passages without it", stacklevel=3)


def model_meta(**meta: Any) -> dict[str, Any]:
    """Add the library versions to the metadata of a ``model.json``."""
    versions = {name: version(name) for name in ("numpy", "scipy", "scikit-learn", "sentencex")}
    return {**meta, "versions": {"tipclassify": __version__, **versions}}
