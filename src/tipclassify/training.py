"""From labelled passages to a `Model`: fit, calibrate and threshold each label on its own.

Everything that is chosen (regularisation, calibration, thresholds) is chosen on out-of-fold scores, with
folds by group; the figures reported are cross-fitted once more, so that no passage is judged with a
calibration or threshold that saw it.

Two parts score each passage, and the calibration weighs them on held-out scores: a linear one over n-grams
(`linear_training`), and the detectors of `windows`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.calibration import Calibrated, calibrate, log_loss, operating_points
from tipclassify.evaluation import Metrics, measure
from tipclassify.features import featurize
from tipclassify.labels import LABELS
from tipclassify.linear_training import fit_all, lay_out, out_of_fold
from tipclassify.model_file import STEPS, Model
from tipclassify.tokens import Tokens, known_words
from tipclassify.windows import Windows
from tipclassify.windows_training import fit_windows

__all__ = ["ENOUGH_FOR_WINDOWS", "STRENGTHS", "Calibrated", "Fitted", "calibrate", "fit_model", "group_folds"]
__all__ += ["operating_points"]

STRENGTHS: Final = (2.0,)
"""Inverse regularisation strengths tried for each label; see docs/experiments.md for the others."""

ENOUGH_FOR_WINDOWS: Final = 500
"""Passages without which there are no detectors: fewer cannot teach vectors of words."""


Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Fitted:
    """A model and what was learned about it.

    Attributes
    ----------
    model : Model
    scores : float (n, 3)
        Out-of-fold calibrated probabilities of the training passages.
    given : mapping of str to bool (n, 3)
        Policy → labels given to them at cross-fitted thresholds.
    metrics : Metrics
    strengths : tuple of float
        Chosen inverse regularisation strength of each label.
    """

    model: Model
    scores: Floats
    given: Mapping[str, Bools]
    metrics: Metrics
    strengths: tuple[float, ...]


def fit_model(
    texts: Sequence[str],
    truth: Bools,
    groups: Sequence[int] | Ints,
    *,
    strengths: Sequence[float] = STRENGTHS,
    folds: int = 5,
    seed: int = 0,
    jobs: int = 1,
    detectors: bool = True,
    weights: Floats | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Train on `texts`, whose labels are the rows of `truth` (bool, (n, 3)).

    Parameters
    ----------
    groups : sequence of int (n,)
        Passages of one group are never split between folds.
    detectors : bool
        Learn `windows` too, where there are at least 500 passages: minutes for a large corpus where the linear part alone
        takes seconds.
    weights : float (n,), optional
        How much each passage counts in the fits, 1 by default; the detectors, which see whole passages only, see it as many
        times as the weight rounds to, and once at least. A passage of weight 0 teaches nothing, not even the calibration
        and the thresholds, but is scored like any other. Calibration and thresholds count all others alike.
    progress : callable, optional
        Called with (fits done, fits in all), for each part.

    Raises
    ------
    ValueError
        When there are fewer than two groups, or no passage has a label.

    Warns
    -----
    UserWarning
        When a label has too few examples to be learned or calibrated.
    """
    if not truth.any():
        raise ValueError("no passage has a label: nothing to learn; label some")
    weights = np.ones(len(texts)) if weights is None else np.asarray(weights, np.float64)
    if len(weights) != len(texts) or not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise ValueError("weights: give a number of 0 or more for each passage, and more than 0 for one")
    used = weights > 0
    _warn_of_rare_labels(truth[used], folds)
    vocabulary = known_words(texts)
    features = featurize(texts, vocabulary)
    design, hashes = lay_out(features)
    fold = group_folds(np.asarray(groups), folds, seed)
    raw = out_of_fold(design, truth, weights, fold, strengths, jobs, progress)
    chosen = [
        min(range(len(strengths)), key=lambda s: log_loss(raw[s, used, j], truth[used, j])) for j in range(len(LABELS))
    ]
    parts = [np.stack([raw[chosen[j], :, j] for j in range(len(LABELS))], axis=1)]
    windows: Windows | None = None
    if detectors and len(texts) >= ENOUGH_FOR_WINDOWS:
        held_out, windows, windows_bias = _fitted_windows(features.tokens, truth, weights, fold, seed, jobs, progress)
        parts.append(held_out)
    raw = np.stack(parts, axis=2)

    calibrated = calibrate(raw, truth, fold, used)
    slope, shift, thresholds = calibrated.slope, calibrated.shift, calibrated.thresholds
    scores, given = calibrated.scores, calibrated.given

    table = np.zeros((len(hashes), len(LABELS)))
    bias = np.zeros(len(LABELS))
    for j, (w, b) in enumerate(fit_all(design, truth, weights, [strengths[s] for s in chosen], jobs)):
        table[:, j], bias[j] = w * slope[j, 0], b * slope[j, 0] + shift[j]
    kept = np.abs(table).max(axis=1) > 0
    units = np.maximum(np.abs(table).max(axis=0, initial=0.0), 1e-9) / STEPS
    stored = np.rint(table[kept] / units).astype(np.int16)  # as the file holds them: what is measured is what ships
    if windows is not None:
        bias += windows_bias * slope[:, 1]
        windows = windows.scaled(slope[:, 1]).as_stored()
    model = Model(hashes[kept], stored, units, bias, vocabulary, thresholds, {}, windows)
    metrics = measure(truth[used], scores[used], given["balanced"][used], np.array(thresholds["balanced"]))
    return Fitted(model, scores, given, metrics, tuple(strengths[s] for s in chosen))


# --------------------------------------------------------------------------------------------- folds


def group_folds(groups: Ints, folds: int, seed: int) -> Ints:
    """Fold number of each passage: passages of one group are of one fold, and `seed` draws which.

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


def _fitted_windows(
    tokens: Tokens, truth: Bools, weights: Floats, fold: Ints, seed: int, jobs: int, progress: Progress | None
) -> tuple[Floats, Windows, Floats]:
    """Raw scores (n, 3) of each passage by the detectors that did not see its fold; the detectors of all, and their bias."""
    from joblib import Parallel, delayed

    folds = range(int(np.max(fold)) + 1)
    helds = [np.zeros(len(fold), bool), *(fold == k for k in folds)]
    fits = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(_fit_windows)(tokens, truth, weights, held, seed) for held in helds
    )
    raw = np.zeros(truth.shape)
    done: list[tuple[Windows, Floats]] = []
    for number, (held, (windows, bias, scores)) in enumerate(zip(helds, fits, strict=True), 1):
        raw[held] = scores
        done = done or [(windows, bias)]
        if progress:
            progress(number, len(helds))
    return raw, *done[0]


def _fit_windows(
    tokens: Tokens, truth: Bools, weights: Floats, held: Bools, seed: int
) -> tuple[Windows, Floats, Floats]:
    """Detectors learned from what is not held out, their bias, and their scores of what is."""
    from threadpoolctl import threadpool_limits

    times = np.where(held | (weights == 0), 0, np.maximum(np.rint(weights), 1)).astype(np.int64)
    seen, row = _repeated(tokens, times)

    with threadpool_limits(1):  # one process a core is faster, and the sums have one order
        windows, bias = fit_windows(seen, truth[row], times[row] > 0, seed=seed)
        scores = np.tile(bias, (len(held), 1))
        rows, begin = tokens.passages()
        scores[rows] += windows.scores(tokens.stem, tokens.kind, tokens.edge, begin)
        return windows, bias, scores[held]


def _repeated(tokens: Tokens, times: Ints) -> tuple[Tokens, Ints]:
    """The tokens with further copies of passages to be seen more than once, and which passage each then is."""
    copies = [np.flatnonzero(times > n) for n in range(1, int(np.max(times)))]
    if not copies:
        return tokens, np.arange(len(times))
    row = np.concatenate([np.arange(len(times)), *copies])
    begin = np.searchsorted(tokens.row, np.arange(len(times) + 1))
    length = np.diff(begin)[row]
    at = np.repeat(begin[row] - np.cumsum(length) + length, length) + np.arange(length.sum())
    taken = {field.name: getattr(tokens, field.name)[at] for field in fields(tokens)}
    return Tokens(**{**taken, "row": np.repeat(np.arange(len(row)), length)}), row


def _warn_of_rare_labels(truth: Bools, folds: int) -> None:
    for label, count in zip(LABELS, truth.sum(axis=0), strict=True):
        if count < 2 * folds:
            what = "is absent" if not count else f"has {count} passages"
            warnings.warn(
                f"label {label} {what}: too few to learn and calibrate it; add at least {2 * folds}", stacklevel=3
            )
        elif count == len(truth):
            warnings.warn(f"every passage has label {label}: add passages without it", stacklevel=3)


def model_meta(**meta: Any) -> dict[str, Any]:
    """Versions of what trained the model, for its ``model.json``."""
    from importlib.metadata import version

    from tipclassify._version import __version__

    versions = {name: version(name) for name in ("numpy", "scipy", "scikit-learn", "sentencex")}
    return {**meta, "versions": {"tipclassify": __version__, **versions}}
