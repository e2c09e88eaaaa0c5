"""Choose the penalty of the heads: what the user's rows gain by it against what it costs elsewhere.

Each penalty of a log scale is tried twice. Cross-validation on the user's own rows, grouped by
document, says how well the heads then know what these rows teach; the fixed set says what macro-F1
the heads lose on passages that teach nothing. Among the penalties that cost at most 0.01 there, the
largest is taken whose out-of-fold loss is within one standard error of the lowest (Breiman et al.
1984, the one-standard-error rule, on paired differences by document).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints, logistic
from tipclassify.evaluation.metrics import rounded
from tipclassify.formatting import aligned
from tipclassify.model.encoder.folder import EncoderModel, Heads
from tipclassify.model.linear.scoring import apply_thresholds
from tipclassify.training.examples import Examples, Vectors
from tipclassify.training.fit_heads import Prior, fit_heads, out_of_fold_logits
from tipclassify.training.fixed_set import FixedSet, false_tag_rate

__all__ = ["PENALTIES", "PenaltyChoice", "PenaltyPoint", "choose_penalty", "given_labels"]

PENALTIES: Final = (1_000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0)
"""Penalties that are tried, largest first: the heads move further with each."""

MOST_LOST: Final = 0.01  # macro-F1 on real passages of the fixed set, which a choice may cost


@dataclass(frozen=True)
class PenaltyPoint:
    """What one penalty brings and costs."""

    penalty: float
    loss: float  # mean log loss of a row and label, out of fold, on the user's rows
    macro_f1: float  # on the user's rows, out of fold
    cost: float  # macro-F1 lost on the fixed set; NaN without one
    false_tags: float  # share of its passages without a label that are tagged


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
        lines = [("penalty", "your rows: loss", "macro-F1", "fixed set: lost", "tagged without cause")]
        for point in self.curve:
            mark = " *" if point.penalty == self.penalty else ""
            lines.append(
                (
                    f"{point.penalty:g}{mark}",
                    f"{point.loss:.4f}",
                    f"{point.macro_f1:.3f}",
                    "–" if np.isnan(point.cost) else f"{round(point.cost, 3) + 0.0:.3f}",
                    "–" if np.isnan(point.false_tags) else f"{point.false_tags:.1%}",
                )
            )
        return "\n".join([*aligned(lines), f"* taken: {self.reason}"])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for ``model.json``."""
        curve = [asdict(point) for point in self.curve]
        return dict(rounded({"chosen": self.penalty, "reason": self.reason, "curve": curve}))


def choose_penalty(
    prior: Prior,
    model: EncoderModel,
    own: Examples,
    pooled: Vectors,
    fold: Ints,
    fixed: FixedSet | None,
    penalties: Sequence[float] = PENALTIES,
) -> PenaltyChoice:
    """Choose a penalty for heads that learn the user's examples `own`, of vectors `pooled`.

    `model` has the calibration and thresholds; `fold`, int (n,), never parts a document.
    """
    first = own.first
    losses = []
    points = []
    before = _macro_f1(fixed, prior.heads, model)
    for penalty in penalties:
        raw = out_of_fold_logits(prior, pooled, own.y_true, own.weights, fold, penalty)
        loss = _log_loss(raw * model.scale + model.shift, own.y_true)
        losses.append(loss)
        heads = fit_heads(prior, pooled, own.y_true, own.weights, penalty)
        y_pred = given_labels(raw[first], model)
        points.append(
            PenaltyPoint(
                penalty=penalty,
                loss=float(np.average(loss, weights=own.weights)),
                macro_f1=macro_f1(own.y_true[first], y_pred),
                cost=before - _macro_f1(fixed, heads, model),
                false_tags=_false_tags(fixed, heads, model),
            )
        )
    return _choose(points, losses, own)


def _choose(points: Sequence[PenaltyPoint], losses: Sequence[Floats], own: Examples) -> PenaltyChoice:
    allowed = [i for i, point in enumerate(points) if not point.cost > MOST_LOST]
    measured = not np.isnan(points[0].cost)
    if not allowed:
        least = min(range(len(points)), key=lambda i: points[i].cost)
        reason = f"each costs more than {MOST_LOST:g} macro-F1 on the fixed set, this one least"
        return PenaltyChoice(points[least].penalty, reason, tuple(points))
    best = min(allowed, key=lambda i: points[i].loss)
    chosen = best
    for i in allowed:  # largest penalty first
        if points[i].loss - points[best].loss <= _standard_error(losses[i] - losses[best], own):
            chosen = i
            break
    reason = "the largest whose loss on your rows is within a standard error of the lowest"
    if measured:
        reason += f", of those that cost at most {MOST_LOST:g} macro-F1 on the fixed set"
    else:
        reason += "; what it costs elsewhere is not known, since this model has no fixed set"
    return PenaltyChoice(points[chosen].penalty, reason, tuple(points))


def _standard_error(difference: Floats, own: Examples) -> float:
    """Compute the standard error of a weighted mean difference, by document."""
    _, number = np.unique(own.groups, return_inverse=True)
    weight = np.bincount(number, own.weights)
    centred = difference - np.average(difference, weights=own.weights)
    total = np.bincount(number, own.weights * centred)
    documents = len(weight)
    if documents < 2:
        return 0.0
    return float(np.sqrt(documents / (documents - 1) * (total @ total)) / weight.sum())


def _log_loss(logits: Floats, y_true: Bools) -> Floats:
    return np.asarray(np.logaddexp(0, np.where(y_true, -1.0, 1.0) * logits).mean(axis=1))


def given_labels(raw: Floats, model: EncoderModel) -> Bools:
    """Return the labels that a model gives uncalibrated logits, float (n, 3), under ``balanced``."""
    scores = logistic(raw * model.scale + model.shift)
    return np.asarray(apply_thresholds(scores, np.array(model.thresholds["balanced"])), bool)


def macro_f1(y_true: Bools, y_pred: Bools) -> float:
    """Compute the mean F1 of the labels that occur; NaN if none does."""
    right = (y_true & y_pred).sum(axis=0)
    total = y_true.sum(axis=0) + y_pred.sum(axis=0)
    occurs = y_true.any(axis=0)
    return float((2 * right[occurs] / total[occurs]).mean()) if occurs.any() else float("nan")


def _macro_f1(fixed: FixedSet | None, heads: Heads, model: EncoderModel) -> float:
    """Compute macro-F1 on the real passages of the fixed set, on all where none is real."""
    part = _measured(fixed)
    if part is None:
        return float("nan")
    return macro_f1(part.y_true, given_labels(heads.logits(part.pooled), model))


def _false_tags(fixed: FixedSet | None, heads: Heads, model: EncoderModel) -> float:
    part = _measured(fixed)
    if part is None:
        return float("nan")
    return false_tag_rate(part.y_true, given_labels(heads.logits(part.pooled), model))


def _measured(fixed: FixedSet | None) -> FixedSet | None:
    if fixed is None or not len(fixed.keys):
        return None
    return fixed.take(fixed.real) if fixed.real.any() else fixed
