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
from dataclasses import dataclass
from typing import Final

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints, Vectors
from tipclassify.formatting import format_columns, format_figure
from tipclassify.model.encoder.files import EncoderHeads, EncoderModel
from tipclassify.training.examples import Examples
from tipclassify.training.fixed_set import FixedSet, false_tag_rate
from tipclassify.training.heads import Prior, balanced_labels, fit_heads, out_of_fold_logits

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
)


@dataclass(frozen=True)
class PenaltyPoint:
    """What one penalty brings and costs; what is measured on the fixed set is NaN without one."""

    penalty: float
    loss: float  # mean log loss of a row and label, out of fold, on the user's rows
    macro_f1: float  # on the user's rows, out of fold
    rise: float  # of the mean log loss on real passages of the fixed set
    cost: float  # macro-F1 lost on these
    false_tags: float  # share of those among them without a label that are tagged


@dataclass(frozen=True)
class PenaltyChoice:
    """The penalty taken, why, and the curve it was taken from; a given penalty has no curve."""

    penalty: float
    reason: str
    curve: Sequence[PenaltyPoint] = ()

    def table(self) -> str:
        """Format as aligned plain text, the penalty taken marked by an asterisk."""
        if not self.curve:
            return f"penalty {self.penalty:g}: {self.reason}"
        rows = [_COLUMNS]
        for point in self.curve:
            cells = (
                f"{point.penalty:g}{' *' if point.penalty == self.penalty else ''}",
                f"{point.loss:.4f}",
                f"{point.macro_f1:.3f}",
                format_figure(point.rise, "+.4f"),
                format_figure(point.cost),
                format_figure(point.false_tags, ".1%"),
            )
            rows.append(cells)
        return "\n".join([*format_columns(rows), f"* taken: {self.reason}"])


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
    real = fixed.take(fixed.real) if fixed else None
    loss_before, f1_before, _ = _measure(prior.heads, model, real)
    points = []
    losses = []  # of each of the user's examples, out of fold
    for penalty in PENALTIES:
        raw = out_of_fold_logits(prior, pooled, own.y_true, own.label_weights, fold, penalty)
        losses.append(_log_loss(raw, own.y_true, model, own.known))
        heads = fit_heads(prior, pooled, own.y_true, own.label_weights, penalty)
        loss, f1, false_tags = _measure(heads, model, real)
        points.append(
            PenaltyPoint(
                penalty=penalty,
                loss=float(np.average(losses[-1], weights=own.weights)),
                macro_f1=_macro_f1(
                    own.y_true[first], own.known[first] & balanced_labels(model, raw[first])
                ),
                rise=loss - loss_before,
                cost=f1_before - f1,
                false_tags=false_tags,
            )
        )

    # Take the largest penalty within a standard error of the best of those that are allowed.
    allowed = [i for i, point in enumerate(points) if not point.cost > MOST_LOST]
    if not allowed:
        least = min(points, key=lambda point: point.cost)
        reason = f"each costs more than {MOST_LOST:g} macro-F1 on real passages, this one least"
        return PenaltyChoice(least.penalty, reason, points)
    measured = not np.isnan(points[0].rise)
    sums = [point.loss + (ELSEWHERE * point.rise if measured else 0.0) for point in points]
    best = min(allowed, key=lambda i: sums[i])
    # Penalties come largest first, and the best one is within its own error.
    chosen = next(
        i
        for i in allowed
        if sums[i] - sums[best] <= standard_error(losses[i] - losses[best], own.groups, own.weights)
    )
    reason = "the largest within a standard error of the lowest loss on your rows"
    if measured:
        reason += (
            f" plus {ELSEWHERE:g} times its rise on real passages, "
            f"of those that cost at most {MOST_LOST:g} macro-F1 there"
        )
    else:
        reason += "; what it costs elsewhere is not known: this model has no fixed set"
    return PenaltyChoice(points[chosen].penalty, reason, points)


def _measure(
    heads: EncoderHeads, model: EncoderModel, real: FixedSet | None
) -> tuple[float, float, float]:
    """Measure heads, with the calibration and thresholds of `model`, on real passages.

    Returns their mean log loss, macro-F1, and the share of those without a label that are tagged;
    NaN without passages.
    """
    if real is None or not len(real.keys):
        return float("nan"), float("nan"), float("nan")
    raw = heads.logits(real.pooled)
    y_pred = balanced_labels(model, raw)
    loss = float(_log_loss(raw, real.y_true, model, np.ones_like(real.y_true)).mean())
    return loss, _macro_f1(real.y_true, y_pred), false_tag_rate(real.y_true, y_pred)


def _log_loss(raw: Floats, y_true: Bools, model: EncoderModel, known: Bools) -> Floats:
    """Compute the mean log loss of the known labels of each passage, float (n,), calibrated."""
    logits = raw * model.scale + model.shift
    loss = known * np.logaddexp(0, np.where(y_true, -1.0, 1.0) * logits)
    return np.asarray(loss.sum(axis=1) / known.sum(axis=1))


def _macro_f1(y_true: Bools, y_pred: Bools) -> float:
    """Compute the mean F1 of the labels that occur; NaN if none does."""
    right = (y_true & y_pred).sum(axis=0)
    total = y_true.sum(axis=0) + y_pred.sum(axis=0)
    occurs = y_true.any(axis=0)
    return float((2 * right[occurs] / total[occurs]).mean()) if occurs.any() else float("nan")


def standard_error(values: Floats, groups: Ints, weights: Floats) -> float:
    """Compute the standard error of a weighted mean whose values are correlated within groups.

    It is 0 where there are fewer than two groups.
    """
    _, number = np.unique(groups, return_inverse=True)
    group_weights = np.bincount(number, weights)
    count = len(group_weights)
    if count < 2:
        return 0.0
    centred = values - np.average(values, weights=weights)
    sums = np.bincount(number, weights * centred)
    return float(np.sqrt(count / (count - 1) * (sums @ sums))) / float(group_weights.sum())
