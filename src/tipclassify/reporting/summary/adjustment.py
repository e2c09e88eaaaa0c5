"""How many passages truly have a label, when a model that errs tagged so many of them.

A model that misses some passages and tags others wrongly also counts wrongly, the more so the rarer the label. How
often it does either is in its error table (`evidence.error_table`, counted on passages held out). From
sensitivity `se` (share of passages with the label that are tagged) and specificity `sp` (share of those without it that
are not), the share p of tagged passages becomes the adjusted share (p + sp - 1) / (se + sp - 1), held to 0..1: Rogan and
Gladen 1978 (American Journal of Epidemiology 107:71-76), for classifiers "adjusted classify and count", Forman 2008
(Data Mining and Knowledge Discovery 17:164-206).

The 95% interval holds every true count T of these n passages with which the number tagged agrees: it lies within 1.96
standard errors of T se + (n - T)(1 - sp), what the model would tag, where the variance is

    d * [T se (1 - se) + (n - T) sp (1 - sp) + T² var(se) + (n - T)² var(sp)]

and var(se), var(sp) say how well the table knows them (Jeffreys posteriors). To solve the quadratic equation for T, not
to take the standard error at the estimate, is what Wilson 1927 did for a proportion (JASA 22:209-212); it holds up with
few passages. The interval of Lang and Reiczigel 2014 (Preventive Veterinary Medicine 113:13-22) answers another
question, the share in a population from which passages were drawn: as an interval for a count it is up to twice as wide,
since the passages of a report are all there are. `d` is the dispersion: errors in one report go together. The error table of
a model may tell its own; `DISPERSION` is that of the others.

All this takes for granted that the model errs on these reports as on the passages held out. `ASSUMPTION` says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tipclassify.labels import LABELS

__all__ = ["ASSUMPTION", "DISPERSION", "FEW", "NOTES", "Estimate", "Rates", "adjust", "error_rates"]

FEW: Final = 30
"""Passages from which the note "few" is no longer given: intervals of smaller groups say little."""

NOTES: Final = {
    "few": f"fewer than {FEW} passages",
    "weak": "the model can hardly tell this label (sensitivity + specificity - 1 is below 0.3)",
    "unlike": "tagged so seldom or so often that the model's known error rates cannot hold here: trust neither figure",
    "unclear": "over a third of the sentences are in words that the model does not know: not English, or lists of names",
}
"""Why an adjusted count may not be relied on."""

ASSUMPTION: Final = (
    "Adjusted figures, with 95% intervals, take for granted that the model errs on these reports as it did on the passages "
    "held out when it was trained. That is not known: label a sample and run 'tipclassify evaluate' to find out."
)
"""To stand under every table of adjusted counts."""

DISPERSION: Final = 4 / 3
"""Mean square of the standardised error of a count, over policies and labels, in 100 narratives of the corpus out of fold;
it would be 1 if errors were independent. With it the intervals cover 95% of those counts, without it 92%. The factor is
that of quasi-likelihood (McCullagh and Nelder 1989, section 4.5)."""

_Z: Final = 1.959964  # 97.5% quantile of the normal distribution
_LEAST_INFORMED: Final = 0.3  # se + sp - 1; below it, one passage tagged more moves the adjusted count by over three


@dataclass(frozen=True, slots=True)
class Rates:
    """How often one label was given rightly and wrongly to passages whose labels are known.

    `dispersion` is how many times the variance of independent errors that of a count is: 1 if they were independent.

    >>> Rates(tp=90, fn=10, fp=5, tn=95).sensitivity
    0.9
    """

    tp: float
    fn: float
    fp: float
    tn: float
    dispersion: float = DISPERSION

    @property
    def sensitivity(self) -> float:
        """Share tagged of the passages with the label; NaN for none."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else math.nan

    @property
    def specificity(self) -> float:
        """Share not tagged of the passages without the label; NaN for none."""
        return self.tn / (self.fp + self.tn) if self.fp + self.tn else math.nan

    @property
    def informedness(self) -> float:
        """Sensitivity + specificity - 1: what remains of a difference in prevalence (Youden 1950)."""
        return self.sensitivity + self.specificity - 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many passages truly have a label.

    Attributes
    ----------
    count : float
        Adjusted count of passages; ``low <= count <= high``.
    low, high : float
        Limits of its 95% interval.
    notes : tuple of str
        Keys of `NOTES`, where it may not be relied on.
    """

    count: float
    low: float
    high: float
    notes: tuple[str, ...] = ()


def error_rates(
    meta: Mapping[str, Any], policy: str = "balanced", moved: Mapping[str, float] | None = None
) -> dict[str, Rates] | None:
    """The error rates of each label that a model's `meta` tells; None where it has no error table.

    Parameters
    ----------
    moved : mapping of str to float, optional
        Labels whose threshold is not that of the policy. Theirs come from the histogram of out-of-fold probabilities, in
        which passages are taken to lie evenly within a step.
    """
    table = meta.get("error_table")
    if not table:
        return None
    dispersion = float(table.get("dispersion", DISPERSION))
    rates = {label: Rates(**table["policies"][policy][label], dispersion=dispersion) for label in LABELS}
    for label, threshold in (moved or {}).items():
        counts = table["histogram"][label]
        steps = len(counts["with"])
        given = [min(max(step + 1 - threshold * steps, 0.0), 1.0) for step in range(steps)]
        tp, fp = (sum(w * n for w, n in zip(given, counts[kind], strict=True)) for kind in ("with", "without"))
        rates[label] = Rates(tp, sum(counts["with"]) - tp, fp, sum(counts["without"]) - fp, dispersion)
    return rates


def adjust(tagged: int, passages: int, rates: Rates) -> Estimate:
    """The adjusted count and its 95% interval for `tagged` of so many `passages`.

    Where the rates say nothing of the label, the count is the one tagged and the interval everything. Where so few (or
    many) are tagged that not even a count of nil (or all) agrees with the rates, the interval reaches from nil to what
    could be there if no tag were wrong (or from what must be there if none were missed, to all).

    >>> round(adjust(40, 100, Rates(tp=900, fn=100, fp=50, tn=950)).count, 1)
    41.2
    """
    notes: tuple[str, ...] = ("few",) if passages < FEW else ()
    if not passages:
        return Estimate(0.0, 0.0, 0.0, notes)
    informedness = rates.informedness
    if not informedness >= _LEAST_INFORMED:  # NaN too
        notes += ("weak",)
    if not informedness > 0:
        return Estimate(float(tagged), 0.0, float(passages), notes)
    false_alarms = passages * (1 - rates.specificity)
    count = min(max((tagged - false_alarms) / informedness, 0.0), float(passages))
    se, var_se = _posterior(rates.tp, rates.fn)
    sp, var_sp = _posterior(rates.tn, rates.fp)
    z2 = _Z**2 * rates.dispersion
    low, high = _limits(tagged, passages, se, sp, var_se, var_sp, z2)
    if high < 0:
        notes += ("unlike",)
        low, high = 0.0, _limits(tagged, passages, se, 1.0, var_se, 0.0, z2)[1]
    elif low > passages:
        notes += ("unlike",)
        low, high = _limits(tagged, passages, 1.0, sp, 0.0, var_sp, z2)[0], float(passages)
    # The estimate is by the observed rates, the limits by their posterior means: with few passages one may pass the other.
    return Estimate(count, min(max(low, 0.0), count), max(min(high, float(passages)), count), notes)


def _posterior(right: float, wrong: float) -> tuple[float, float]:
    """Mean and variance of a rate under Jeffreys' prior."""
    total = right + wrong + 1
    mean = (right + 0.5) / total
    return mean, mean * (1 - mean) / (total + 1)


def _limits(x: int, n: int, se: float, sp: float, var_se: float, var_sp: float, z2: float) -> tuple[float, float]:
    """The two counts T at which (x - T se - (n - T)(1 - sp))² is z² times the variance; may lie outside 0..n.

    The variance is that of independent errors: their dispersion is in `z2`.
    """
    informedness, surplus = se + sp - 1, x - n * (1 - sp)
    right, wrong = se * (1 - se), sp * (1 - sp)
    a = informedness**2 - z2 * (var_se + var_sp)
    b = 2 * informedness * surplus + z2 * (right - wrong - 2 * n * var_sp)
    c = surplus**2 - z2 * (n * wrong + n**2 * var_sp)
    if a <= 0:  # the rates are so uncertain that the model may as well guess
        return 0.0, float(n)
    root = math.sqrt(max(b**2 - 4 * a * c, 0.0))
    return (b - root) / (2 * a), (b + root) / (2 * a)
