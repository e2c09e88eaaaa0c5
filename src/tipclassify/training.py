"""From labelled passages to a `Model`: fit, calibrate and threshold each label on its own.

Everything that is chosen (regularisation, calibration, thresholds) is chosen on out-of-fold scores, with
folds by group; the figures reported are cross-fitted once more, so that no passage is judged with a
calibration or threshold that saw it.

Two parts score each passage, and the calibration weighs them on held-out scores (stacking, Wolpert 1992): a linear one over
n-grams, and the detectors of `windows`. The linear score is the sum over a passage plus the sum over its best clause, and
which clause that is depends on the weights: fitting starts from whole passages and then alternates, as multiple-instance learning does.

Sources: Platt 1999 for the calibration; one-vs-rest logistic regression by LIBLINEAR's trust region Newton
method (Lin, Weng and Keerthi 2008), which draws no random numbers, so the same corpus gives the same bytes; Andrews,
Tsochantaridis and Hofmann 2002 (NeurIPS 15) for the alternation.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.evaluation import Metrics, measure
from tipclassify.features import Features, best_clauses, feature_keys, featurize, length_scale
from tipclassify.labels import LABELS, POLICIES
from tipclassify.model_file import PLACE_BITS, STEPS, Model
from tipclassify.tokens import Tokens, known_words
from tipclassify.windows import Windows
from tipclassify.windows_training import fit_windows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["ENOUGH_FOR_WINDOWS", "STRENGTHS", "Fitted", "fit_model"]

STRENGTHS: Final = (2.0,)
"""Inverse regularisation strengths tried for each label; see docs/experiments.md for the others."""

ENOUGH_FOR_WINDOWS: Final = 500
"""Passages without which there are no detectors: fewer cannot teach vectors of words."""

_LEAST_USE: Final = 2  # a feature of one passage teaches that passage only
_ROUNDS: Final = 2  # fits after the first; more change next to nothing
_SURE: Final = 0.95  # recall of `screen`, precision of `cite`

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
    design, hashes = _design(features)
    fold = _folds(np.asarray(groups), folds, seed)
    raw = _out_of_fold(design, truth, weights, fold, strengths, jobs, progress)
    chosen = [
        min(range(len(strengths)), key=lambda s: _log_loss(raw[s, used, j], truth[used, j])) for j in range(len(LABELS))
    ]
    parts = [np.stack([raw[chosen[j], :, j] for j in range(len(LABELS))], axis=1)]
    windows: Windows | None = None
    if detectors and len(texts) >= ENOUGH_FOR_WINDOWS:
        held_out, windows, windows_bias = _fitted_windows(features.tokens, truth, weights, fold, seed, jobs, progress)
        parts.append(held_out)
    raw = np.stack(parts, axis=2)

    scores, given = _cross_fitted(raw, truth, used, fold)
    slope, shift = _calibrations(raw[used], truth[used])
    calibrated = _logistic((raw * slope).sum(axis=2) + shift)
    points = [operating_points(truth[used, j], calibrated[used, j]) for j in range(len(LABELS))]
    thresholds = {policy: tuple(point[policy] for point in points) for policy in POLICIES}

    table = np.zeros((len(hashes), len(LABELS)))
    bias = np.zeros(len(LABELS))
    for j, (w, b) in enumerate(_fits(design, truth, weights, [strengths[s] for s in chosen], jobs)):
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


def operating_points(truth: Bools, scores: Floats) -> dict[str, float]:
    """Threshold of each policy for one label.

    ``balanced`` has the best F1; ``screen`` the highest threshold with recall of at least 0.95; ``cite`` the lowest
    with precision of at least 0.95, or the one of best precision where none has that.

    >>> points = operating_points(np.array([False, True, True]), np.array([0.2, 0.6, 0.9]))
    >>> points["screen"] <= points["balanced"] <= points["cite"]
    True
    """
    if not truth.any():
        return dict.fromkeys(POLICIES, 0.5)
    order = np.argsort(-scores, kind="stable")
    ranked, value = truth[order], scores[order]
    last = np.append(value[1:] != value[:-1], True)  # a threshold cannot part equal scores
    hits = np.cumsum(ranked)[last]
    precision, recall = hits / (np.flatnonzero(last) + 1), hits / truth.sum()
    cut = (value[last] + np.append(value[last][1:], 0.0)) / 2  # halfway to the next score down
    balanced = int(np.argmax(2 * precision * recall / np.maximum(precision + recall, 1e-12)))
    screen = int(np.argmax(recall >= _SURE))
    enough = np.flatnonzero((precision >= _SURE) & (hits >= min(10, hits[-1])))
    cite = int(enough[-1]) if len(enough) else int(np.argmax(np.where(hits >= min(10, hits[-1]), precision, 0)))
    return {
        "screen": float(cut[max(screen, balanced)]),
        "balanced": float(cut[balanced]),
        "cite": float(cut[min(cite, balanced)]),
    }


# --------------------------------------------------------------------------------------------- features, folds


@dataclass(frozen=True)
class _Design:
    """Feature counts, scaled for length, of passages (n, m) and of their clauses (k, m)."""

    passages: csr_matrix
    clauses: csr_matrix
    clause_row: Ints

    def take(self, chosen: Bools) -> _Design:
        """The design of some of the passages."""
        number = np.cumsum(chosen) - 1
        kept = chosen[self.clause_row]
        return _Design(self.passages[chosen], self.clauses[kept], number[self.clause_row[kept]])

    def scores(self, weights: Floats) -> tuple[Floats, Ints]:
        """Score of each passage before the bias, and its best clause (-1 for none)."""
        parts = self.clauses @ weights
        best = best_clauses(parts, self.clause_row, self.passages.shape[0])
        return self.passages @ weights + np.where(best >= 0, parts[best], 0.0), best

    def with_clauses(self, best: Ints) -> csr_matrix:
        """Passages with the counts of one clause of each added."""
        from scipy.sparse import csr_matrix

        has = np.flatnonzero(best >= 0)
        shape = (len(best), self.clauses.shape[0])
        return self.passages + csr_matrix((np.ones(len(has)), (has, best[has])), shape=shape) @ self.clauses


def _design(features: Features) -> tuple[_Design, npt.NDArray[np.uint32]]:
    """The design of all passages, and the hash of each of its columns."""
    from scipy.sparse import csr_matrix

    passages_in_all = len(features.words)
    hashes, column = np.unique(feature_keys(features.hash), return_inverse=True)

    def counts(row: Ints, column: Ints, number: int) -> csr_matrix:
        scale = length_scale(np.bincount(row, minlength=number))
        matrix = csr_matrix((scale[row], (row, column)), shape=(number, len(hashes)))
        matrix.sum_duplicates()
        return matrix

    passages = counts(features.row, column, passages_in_all)
    inside = features.clause >= 0
    clauses = counts(features.clause[inside], column[inside], len(features.clause_row))
    uses = np.bincount(passages.indices, minlength=len(hashes))
    used = _apart(hashes, np.flatnonzero(uses >= _LEAST_USE), uses)
    passages, clauses = passages[:, used].tocsr(), clauses[:, used].tocsr()
    for matrix in (passages, clauses):
        matrix.sum_duplicates()  # canonical now: worker processes share it read-only and cannot sort it
    return _Design(passages, clauses, features.clause_row), hashes[used]


def _apart(hashes: npt.NDArray[np.uint32], used: Ints, uses: Ints) -> Ints:
    """Of the `used` features the most used at each place of the table that scoring looks them up in."""
    place = hashes[used] >> np.uint32(32 - PLACE_BITS)
    order = np.lexsort((-uses[used], place))
    first = np.diff(place[order].astype(np.int64), prepend=-1) > 0
    return np.sort(used[order[first]])


def _folds(groups: Ints, folds: int, seed: int) -> Ints:
    """Fold number of each passage."""
    from sklearn.model_selection import GroupKFold

    count = len(np.unique(groups))
    if count < 2:
        raise ValueError("needs passages of at least two groups to hold some out; add rows of another narrative")
    fold = np.zeros(len(groups), np.int64)
    splitter = GroupKFold(n_splits=min(folds, count), shuffle=True, random_state=seed)
    for number, (_, held) in enumerate(splitter.split(groups, groups=groups)):
        fold[held] = number
    return fold


def _out_of_fold(
    design: _Design,
    truth: Bools,
    weights: Floats,
    fold: Ints,
    strengths: Sequence[float],
    jobs: int,
    progress: Progress | None,
) -> Floats:
    """Raw scores (strengths, n, 3) of each passage by the model that did not see its fold."""
    from joblib import Parallel, delayed

    tasks = [(s, k, j) for k in range(int(np.max(fold)) + 1) for s in range(len(strengths)) for j in range(len(LABELS))]
    raw = np.zeros((len(strengths), *truth.shape))
    results = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(_held_out)(design, truth[:, j], weights, fold == k, strengths[s]) for s, k, j in tasks
    )
    for done, ((s, k, j), scores) in enumerate(zip(tasks, results, strict=True), 1):
        raw[s, fold == k, j] = scores
        if progress:
            progress(done, len(tasks))
    return raw


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


def _held_out(design: _Design, truth: Bools, weights: Floats, held: Bools, strength: float) -> Floats:
    table, bias = _fit_label(*_taught(design, truth, weights, ~held), strength)
    return design.take(held).scores(table)[0] + bias


def _fits(
    design: _Design, truth: Bools, weights: Floats, strengths: Sequence[float], jobs: int
) -> list[tuple[Floats, float]]:
    from joblib import Parallel, delayed

    everything = np.ones(len(weights), bool)
    fits = Parallel(n_jobs=jobs)(
        delayed(_fit_label)(*_taught(design, truth[:, j], weights, everything), c) for j, c in enumerate(strengths)
    )
    return list(fits)


def _taught(design: _Design, truth: Bools, weights: Floats, chosen: Bools) -> tuple[_Design, Bools, Floats]:
    """What a fit learns from: those of the chosen passages that weigh anything."""
    taken = chosen & (weights > 0)
    return (design if taken.all() else design.take(taken)), truth[taken], weights[taken]


def _fit_label(design: _Design, truth: Bools, weights: Floats, strength: float) -> tuple[Floats, float]:
    """Weights and bias of one label; a label all or none of whose passages have it gets its log-odds as bias."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    if truth.all() or not truth.any():
        return np.zeros(design.passages.shape[1]), float(np.log((truth.sum() + 0.5) / ((~truth).sum() + 0.5)))
    matrix = design.passages
    for _ in range(1 + _ROUNDS):
        # With a clause added the counts are about twice as large: half the strength is as strong.
        scaled = strength if matrix is design.passages else strength / 2
        with threadpool_limits(1):  # LIBLINEAR calls BLAS on short vectors: threads only get in each other's way
            fitted = LogisticRegression(C=scaled, solver="liblinear", tol=1e-2).fit(matrix, truth, weights)
        matrix = design.with_clauses(design.scores(fitted.coef_[0])[1])
    return fitted.coef_[0], float(fitted.intercept_[0])


# --------------------------------------------------------------------------------------------- calibration


def _calibrations(raw: Floats, truth: Bools) -> tuple[Floats, Floats]:
    """Slopes (3, parts) and shift (3,) of each label such that ``logistic((raw * slopes).sum(2) + shift)`` is calibrated.

    `raw`, float (n, 3, parts), has the scores of the parts of the model; a part that does not help gets slope 0.
    """
    fits = [_platt(raw[:, j], truth[:, j]) for j in range(truth.shape[1])]
    return np.array([slopes for slopes, _ in fits]), np.array([shift for _, shift in fits])


def _platt(raw: Floats, truth: Bools) -> tuple[Floats, float]:
    """Slopes (parts,) and shift for the scores `raw` (n, parts) of one label."""
    from sklearn.linear_model import LogisticRegression

    parts = raw.shape[1]
    slopes = np.zeros(parts)
    used = np.arange(parts)
    while truth.sum() >= 2 and (~truth).sum() >= 2 and len(used):
        fitted = LogisticRegression(C=1e3).fit(raw[:, used], truth)
        if (fitted.coef_[0] > 0).all():
            slopes[used] = fitted.coef_[0]
            return slopes, float(fitted.intercept_[0])
        used = used[fitted.coef_[0] > 0]
    slopes[0] = 1.0
    return slopes, 0.0


def _cross_fitted(raw: Floats, truth: Bools, used: Bools, fold: Ints) -> tuple[Floats, dict[str, Bools]]:
    """Probabilities and labels of each fold by the calibration and threshold of the other folds."""
    scores = np.zeros(truth.shape)
    given = {policy: np.zeros(truth.shape, bool) for policy in POLICIES}
    for k in np.unique(fold):
        held = fold == k
        taught = used & ~held
        slope, shift = _calibrations(raw[taught], truth[taught])
        scores[held] = _logistic((raw[held] * slope).sum(axis=2) + shift)
        others = _logistic((raw[taught] * slope).sum(axis=2) + shift)
        for j in range(truth.shape[1]):
            for policy, threshold in operating_points(truth[taught, j], others[:, j]).items():
                given[policy][held, j] = scores[held, j] >= threshold
    return scores, given


def _logistic(logit: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logit)))


def _log_loss(raw: Floats, truth: Bools) -> float:
    """Log loss after calibration: what the choice of strength is judged by."""
    slope, shift = _platt(raw[:, None], truth)
    logit = raw * slope[0] + shift
    return float(np.mean(np.logaddexp(0, np.where(truth, -logit, logit))))


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
