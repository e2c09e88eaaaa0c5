"""Choose the penalty of the heads: what the user's rows gain by it against what it costs elsewhere.

Each penalty of a log scale is tried twice. Cross-validation on the user's own rows, grouped by
document, says how well the heads then know what is in these rows; the fixed set says what they
forget of real passages left out of training. Among the penalties that cost at most 0.01 of macro-F1
there, the largest is taken whose sum of both is within one standard error of the lowest (Breiman et
al. 1984, on paired differences by document): a dozen rows prove little, and move little. Log losses
are compared, since they change smoothly where F1 jumps with a passage or two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints, logistic
from tipclassify.evaluation.metrics import rounded_metric
from tipclassify.formatting import format_columns
from tipclassify.model.encoder.files import EncoderHeads, EncoderModel
from tipclassify.model.scoring import apply_thresholds
from tipclassify.training.examples import Examples, Vectors
from tipclassify.training.fit_heads import Prior, fit_heads, out_of_fold_logits
from tipclassify.training.fixed_set import FixedSet, false_tag_rate

__all__ = [
    "ELSEWHERE",
    "MOST_LOST",
    "PENALTIES",
    "PenaltyChoice",
    "PenaltyPoint",
    "choose_penalty",
    "labels_given_by_fitted_heads",
    "measure_on_fixed",
]

PENALTIES: Final = (1_000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0)
"""Penalties that are tried, largest first: the heads move further with each."""

MOST_LOST: Final = 0.01
"""Macro-F1 on real passages of the fixed set that a choice may cost."""
ELSEWHERE: Final = 2.0
"""Weight of a passage of the fixed set against one of the user's: reports have more of these."""

_COLUMNS: Final = (
    "penalty",
    "your rows: loss",
    "macro-F1",
    "real: loss",
    "F1 lost",
    "false alarms",
    "invented: F1 lost",
)


@dataclass(frozen=True)
class PenaltyPoint:
    """What one penalty brings and costs."""

    penalty: float
    loss: float  # mean log loss of a row and label, out of fold, on the user's rows
    macro_f1: float  # on the user's rows, out of fold
    rise: float  # of the mean log loss on real passages of the fixed set; NaN without one
    cost: float  # macro-F1 lost on real passages of the fixed set; NaN without one
    cost_invented: float  # the same on its invented passages
    false_tags: float  # share of its real passages without a label that are tagged

    def cells(self, taken: bool) -> tuple[str, ...]:
        """Format as a row of the table; the penalty taken has an asterisk."""
        return (
            f"{self.penalty:g}{' *' if taken else ''}",
            f"{self.loss:.4f}",
            f"{self.macro_f1:.3f}",
            _penalty_cell(self.rise, "+.4f"),
            _penalty_cell(round(self.cost, 3) + 0.0, ".3f"),  # never -0.000
            _penalty_cell(self.false_tags, ".1%"),
            _penalty_cell(round(self.cost_invented, 3) + 0.0, ".3f"),
        )


def _penalty_cell(value: float, form: str) -> str:
    return "–" if np.isnan(value) else f"{value:{form}}"


@dataclass(frozen=True)
class PenaltyChoice:
    """The penalty taken, why, and the curve it was taken from; a given penalty has no curve."""

    penalty: float
    reason: str
    curve: tuple[PenaltyPoint, ...] = ()

    def table(self) -> str:
        """Format as aligned plain text, the penalty taken marked by an asterisk."""
        if not self.curve:
            return f"penalty {self.penalty:g}: {self.reason}"
        rows = [point.cells(taken=point.penalty == self.penalty) for point in self.curve]
        return "\n".join([*format_columns([_COLUMNS, *rows]), f"* taken: {self.reason}"])

    def to_dict(self) -> dict[str, object]:
        """Return plain values for ``model.json``."""
        curve = [asdict(point) for point in self.curve]
        return dict(rounded_metric({"chosen": self.penalty, "reason": self.reason, "curve": curve}))


def choose_penalty(
    prior: Prior,
    model: EncoderModel,
    own: Examples,
    pooled: Vectors,
    fold: Ints,
    fixed: FixedSet | None,
) -> PenaltyChoice:
    """Choose a penalty for heads that learn the user's examples `own`, of vectors `pooled`.

    `model` has the calibration and thresholds; `fold`, int (n,), never parts a document.
    """
    first = own.first
    points = []
    losses = []
    before = measure_on_fixed(fixed, prior.heads, model)
    for penalty in PENALTIES:
        raw = out_of_fold_logits(prior, pooled, own.y_true, own.weights, fold, penalty)
        loss = _log_loss_by_example(raw * model.scale + model.shift, own.y_true)
        losses.append(loss)
        heads = fit_heads(prior, pooled, own.y_true, own.weights, penalty)
        after = measure_on_fixed(fixed, heads, model)
        points.append(
            PenaltyPoint(
                penalty=penalty,
                loss=float(np.average(loss, weights=own.weights)),
                macro_f1=macro_f1_of_heads(
                    own.y_true[first], labels_given_by_fitted_heads(raw[first], model)
                ),
                rise=after.loss - before.loss,
                cost=before.macro_f1_real - after.macro_f1_real,
                cost_invented=before.macro_f1_invented - after.macro_f1_invented,
                false_tags=after.false_tags,
            )
        )
    return _choose_penalty_point(points, losses, own)


def _choose_penalty_point(
    points: Sequence[PenaltyPoint], losses: Sequence[Floats], own: Examples
) -> PenaltyChoice:
    """Take the largest penalty within a standard error of the best of those that are allowed.

    `losses` has, for each penalty, the out-of-fold loss of each of the user's examples.
    """
    measured = not np.isnan(points[0].rise)
    allowed = [i for i, point in enumerate(points) if not point.cost > MOST_LOST]
    if not allowed:
        least = min(points, key=lambda point: point.cost)
        reason = f"each costs more than {MOST_LOST:g} macro-F1 on real passages, this one least"
        return PenaltyChoice(least.penalty, reason, tuple(points))
    sums = [point.loss + (ELSEWHERE * point.rise if measured else 0.0) for point in points]
    best = min(allowed, key=lambda i: sums[i])
    # Penalties come largest first, and the best one is within its own error.
    chosen = next(
        i
        for i in allowed
        if sums[i] - sums[best] <= _standard_error_of_penalty_loss(losses[i] - losses[best], own)
    )
    reason = "the largest within a standard error of the lowest loss on your rows"
    if measured:
        reason += (
            f" plus {ELSEWHERE:g} times its rise on real passages, "
            f"of those that cost at most {MOST_LOST:g} macro-F1 there"
        )
    else:
        reason += "; what it costs elsewhere is not known: this model has no fixed set"
    return PenaltyChoice(points[chosen].penalty, reason, tuple(points))


def _standard_error_of_penalty_loss(difference: Floats, own: Examples) -> float:
    """Compute the standard error of the weighted mean of differences, float (n,), by document."""
    _, number = np.unique(own.groups, return_inverse=True)
    weight = np.bincount(number, own.weights)
    documents = len(weight)
    if documents < 2:
        return 0.0
    centred = difference - np.average(difference, weights=own.weights)
    total = np.bincount(number, own.weights * centred)
    return float(np.sqrt(documents / (documents - 1) * (total @ total))) / float(weight.sum())


def _log_loss_by_example(logits: Floats, y_true: Bools) -> Floats:
    return np.asarray(np.logaddexp(0, np.where(y_true, -1.0, 1.0) * logits).mean(axis=1))


def labels_given_by_fitted_heads(raw: Floats, model: EncoderModel) -> Bools:
    """Return the labels that a model gives raw logits, float (n, 3), under ``balanced``."""
    scores = logistic(raw * model.scale + model.shift)
    return apply_thresholds(scores, np.array(model.thresholds["balanced"]))


def macro_f1_of_heads(y_true: Bools, y_pred: Bools) -> float:
    """Compute the mean F1 of the labels that occur; NaN if none does."""
    right = (y_true & y_pred).sum(axis=0)
    total = y_true.sum(axis=0) + y_pred.sum(axis=0)
    occurs = y_true.any(axis=0)
    return float((2 * right[occurs] / total[occurs]).mean()) if occurs.any() else float("nan")


@dataclass(frozen=True)
class FixedFigures:
    """Figures of heads on a fixed set; NaN for an empty part."""

    macro_f1_real: float
    macro_f1_invented: float
    false_tags: float  # of the real part
    loss: float  # mean log loss of a real passage and label


def measure_on_fixed(
    fixed: FixedSet | None, heads: EncoderHeads, model: EncoderModel
) -> FixedFigures:
    """Measure heads, with the calibration and thresholds of `model`, on a fixed set."""
    undefined = float("nan")
    if fixed is None or not len(fixed.keys):
        return FixedFigures(undefined, undefined, undefined, undefined)
    raw = heads.logits(fixed.pooled)
    y_pred = labels_given_by_fitted_heads(raw, model)
    real = fixed.real
    loss = _log_loss_by_example(raw * model.scale + model.shift, fixed.y_true)
    return FixedFigures(
        macro_f1_real=macro_f1_of_heads(fixed.y_true[real], y_pred[real]),
        macro_f1_invented=macro_f1_of_heads(fixed.y_true[~real], y_pred[~real]),
        false_tags=false_tag_rate(fixed.y_true[real], y_pred[real]),
        loss=float(loss[real].mean()) if real.any() else undefined,
    )
