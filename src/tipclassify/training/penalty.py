"""Choose the penalty of the heads: what the user's rows gain by it against what it costs elsewhere.

Each penalty of a log scale is tried twice. Cross-validation on the user's own rows, grouped by
document, says how well the heads then know what is in these rows; the fixed set says what they
forget of real passages left out of training. Among the penalties that cost at most 0.01 of macro-F1
there, the largest is taken whose sum of both is within one standard error of the lowest (Breiman et
al. 1984, on paired differences by document): a dozen rows prove little, and move little. Log losses
are compared, since they change smoothly where F1 jumps with a passage or two.

A rule of the user's own that contradicts the model contradicts the labels of the fixed set as well.
Passages there that are like the rows of such a rule, label by label, are left out of the price, and
the rest may cost 0.035 where less does not teach the rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints, Vectors
from tipclassify.formatting import format_columns, format_figure
from tipclassify.model.encoder.files import EncoderHeads, EncoderModel
from tipclassify.training.examples import Examples
from tipclassify.training.fixed_set import FixedSet, false_tag_rate
from tipclassify.training.heads import Fit, balanced_labels, probabilities

PENALTIES: Final = (1_000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0)
"""Penalties that are tried, largest first: the heads move further with each."""

MOST_LOST: Final = 0.01
"""Macro-F1 on real passages of the fixed set that a choice may cost."""
MOST_LOST_BY_A_RULE: Final = 0.035
"""The same where the user's rows follow a rule that contradicts the model."""
ELSEWHERE: Final = 2.0
"""Weight of a passage of the fixed set against one of the user's: reports have more of these."""
# Probability from which the model's answer contradicts a label, and how rows of one rule are told
# from wrong labels, which lie scattered: most of the nearest rows contradict the model, too.
_SURE: Final = 0.8
_NEIGHBOURS: Final = 5
_FEWEST_OF_A_RULE: Final = 30
_FOLLOWED: Final = 0.9  # share of a rule that is to be followed before a lower price is taken

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
    rule: str = ""  # what of the rows contradicts the model, in a line

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
        lines = [*format_columns(rows), f"* taken: {self.reason}"]
        if self.rule:
            lines.append(self.rule)
        return "\n".join(lines)


def choose_penalty(
    model: EncoderModel,
    own: Examples,
    pooled: Vectors,
    fits: Sequence[Fit],
    fixed: FixedSet | None,
) -> PenaltyChoice:
    """Choose a penalty for heads that learn the user's examples `own`, of vectors `pooled`.

    `model` has the heads before, the calibration and thresholds; `fits` are under `PENALTIES`.
    """
    first = own.first
    real = fixed.take(fixed.real) if fixed else None
    ruled, priced = _rule(model, own, pooled, real)
    loss_before, f1_before, _ = _measure(model.heads, model, real, priced)
    points = []
    losses = []  # of each of the user's examples, out of fold
    followed = []  # share of the rows and labels of a rule that are right, out of fold
    for penalty, (heads, raw) in zip(PENALTIES, fits, strict=True):
        losses.append(_log_loss(raw, own.y_true, model, own.known))
        right = balanced_labels(model, raw[first]) == own.y_true[first]
        followed.append(float(right[ruled].mean()) if ruled.any() else 1.0)
        loss, f1, false_tags = _measure(heads, model, real, priced)
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

    measured = not np.isnan(points[0].rise)
    sums = [point.loss + (ELSEWHERE * point.rise if measured else 0.0) for point in points]

    def largest(most_lost: float) -> int | None:
        """Find the largest penalty within a standard error of the best of those allowed."""
        allowed = [i for i, point in enumerate(points) if not point.cost > most_lost]
        if not allowed:
            return None
        best = min(allowed, key=lambda i: sums[i])
        # Penalties come largest first, and the best one is within its own error.
        return next(
            i
            for i in allowed
            if sums[i] - sums[best]
            <= standard_error(losses[i] - losses[best], own.groups, own.weights)
        )

    most_lost = MOST_LOST
    chosen = largest(most_lost)
    if ruled.any() and (chosen is None or followed[chosen] < _FOLLOWED):
        most_lost = MOST_LOST_BY_A_RULE
        chosen = largest(most_lost)
    rule = _rule_line(ruled, priced)
    if chosen is None:
        least = min(points, key=lambda point: point.cost)
        reason = f"each costs more than {most_lost:g} macro-F1 on real passages, this one least"
        return PenaltyChoice(least.penalty, reason, points, rule)
    reason = "the largest within a standard error of the lowest loss on your rows"
    if measured:
        reason += (
            f" plus {ELSEWHERE:g} times its rise on real passages, "
            f"of those that cost at most {most_lost:g} macro-F1 there"
        )
    else:
        reason += "; what it costs elsewhere is not known: this model has no fixed set"
    if rule:
        rule += f"; {followed[chosen]:.0%} are followed out of fold"
        if chosen + 1 < len(points):
            rule += f"; --penalty {points[chosen + 1].penalty:g} goes further, at the cost above"
    return PenaltyChoice(points[chosen].penalty, reason, points, rule)


def _rule(
    model: EncoderModel, own: Examples, pooled: Vectors, real: FixedSet | None
) -> tuple[Bools, Bools]:
    """Find the user's rows that follow a rule against the model, and what is like them.

    Returns which labels of the rows, (rows, labels), contradict the model so, and which labels of
    the real passages of the fixed set are priced, (n, labels): of those most of whose nearest rows
    contradict the model on a label, that one is not.
    """
    first = own.first
    y_true = own.y_true[first]
    ruled = np.zeros_like(y_true)
    priced = np.ones(real.y_true.shape if real else (0, y_true.shape[1]), bool)
    if real is None or not len(real.keys) or len(first) <= _NEIGHBOURS:
        return ruled, priced
    score = probabilities(model, model.heads.logits(pooled[first]))
    contradicts = own.known[first] & np.where(y_true, score < 1 - _SURE, score > _SURE)
    middle = real.pooled.mean(axis=0)
    unit, unit_of_real = (
        centred / np.linalg.norm(centred, axis=1, keepdims=True)
        for centred in (pooled[first] - middle, real.pooled - middle)
    )
    similarity = unit @ unit.T
    np.fill_diagonal(similarity, -np.inf)
    near = np.argsort(-similarity, axis=1)[:, :_NEIGHBOURS]
    near_real = np.argsort(-(unit_of_real @ unit.T), axis=1)[:, :_NEIGHBOURS]
    for j, side in product(range(y_true.shape[1]), (True, False)):
        against = contradicts[:, j] & (y_true[:, j] == side)
        together = against & (against[near].mean(axis=1) > 0.5)
        if together.sum() >= _FEWEST_OF_A_RULE:
            ruled[:, j] |= against
            priced[:, j] &= against[near_real].mean(axis=1) <= 0.5
    return ruled, priced


def _rule_line(ruled: Bools, priced: Bools) -> str:
    if not ruled.any():
        return ""
    return (
        f"{ruled.any(axis=1).sum():,} of your rows contradict the model's labels by a rule; "
        f"{(~priced).any(axis=1).sum():,} passages of the fixed set are like them "
        "and are left out of the price"
    )


def _measure(
    heads: EncoderHeads, model: EncoderModel, real: FixedSet | None, priced: Bools
) -> tuple[float, float, float]:
    """Measure heads, with the calibration and thresholds of `model`, on real passages.

    Of these, the labels `priced`, (n, labels), count. Returns their mean log loss, macro-F1, and the
    share of those without a label that are tagged; NaN without passages.
    """
    if real is None or not len(real.keys):
        return float("nan"), float("nan"), float("nan")
    raw = heads.logits(real.pooled)
    y_pred = balanced_labels(model, raw) & priced
    loss = float(_log_loss(raw, real.y_true, model, priced).mean())
    return loss, _macro_f1(real.y_true & priced, y_pred), false_tag_rate(real.y_true, y_pred)


def _log_loss(raw: Floats, y_true: Bools, model: EncoderModel, known: Bools) -> Floats:
    """Compute the mean log loss of the known labels of each passage, float (n,), calibrated."""
    logits = raw * model.scale + model.shift
    loss = known * np.logaddexp(0, np.where(y_true, -1.0, 1.0) * logits)
    return np.asarray(loss.sum(axis=1) / np.maximum(1, known.sum(axis=1)))


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
