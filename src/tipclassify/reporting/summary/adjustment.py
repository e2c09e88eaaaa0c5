"""Prevalence adjustment: the number of tagged passages and the model's error rates in, the adjusted count out.

It assumes that the model errs on these reports as on the passages held out when it was trained (`ASSUMPTION`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tipclassify.labels import LABELS

__all__ = ["ASSUMPTION", "DISPERSION", "FEW", "NOTES", "Estimate", "Rates", "adjust", "error_rates"]

FEW: Final = 30
"""Number of passages below which a count has the note "few": intervals of small groups say little."""

NOTES: Final = {
    "few": f"fewer than {FEW} passages",
    "weak": "the model can hardly tell this label (sensitivity + specificity - 1 is below 0.3)",
    "unlike": "tagged so seldom or so often that the model's known error rates cannot hold here: trust neither figure",
    "unclear": "over a third of the sentences are in words that the model does not know: "
    "not English, or lists of names",
}
"""Notes on adjusted counts that may be unreliable."""

ASSUMPTION: Final = (
    "Adjusted figures, with 95% intervals, take for granted that the model errs on these reports as it did on the "
    "passages held out when it was trained. That is not known: label a sample and run 'tipclassify evaluate' "
    "to find out."
)
"""Caveat to print under every table of adjusted counts."""

DISPERSION: Final = 4 / 3
"""Variance of a count's error relative to independent errors, for models that do not record their own.

It is the mean square of the standardised error in 100 narratives out of fold (McCullagh and Nelder 1989, section 4.5).
"""

_Z: Final = 1.959964  # 97.5% quantile of the normal distribution
_MIN_INFORMEDNESS: Final = 0.3  # se + sp - 1; below it, one more tag moves the adjusted count by over three


@dataclass(frozen=True, slots=True)
class Rates:
    """Confusion matrix of one label on held-out passages, and the dispersion of a count's error (`DISPERSION`)."""

    tp: float
    fn: float
    fp: float
    tn: float
    dispersion: float = DISPERSION

    @property
    def sensitivity(self) -> float:
        """Tagged share of the passages with the label; NaN for none."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else math.nan

    @property
    def specificity(self) -> float:
        """Untagged share of the passages without the label; NaN for none."""
        return self.tn / (self.fp + self.tn) if self.fp + self.tn else math.nan


@dataclass(frozen=True, slots=True)
class Estimate:
    """Adjusted number of passages, the limits of its 95% interval, and keys of `NOTES` if it may be unreliable."""

    count: float
    low: float
    high: float
    notes: tuple[str, ...] = ()


def error_rates(
    meta: Mapping[str, Any], policy: str = "balanced", overrides: Mapping[str, float] | None = None
) -> dict[str, Rates] | None:
    """Read the error rates of each label at a policy, or threshold overrides, from a model's `meta`; None without any."""
    table = meta.get("error_table")
    if not table:
        return None
    dispersion = float(table.get("dispersion", DISPERSION))
    rates = {label: Rates(**table["policies"][policy][label], dispersion=dispersion) for label in LABELS}
    for label, threshold in (overrides or {}).items():  # by the histogram, as if passages lay evenly within a bin
        counts = table["histogram"][label]
        steps = len(counts["with"])
        given = [min(max(step + 1 - threshold * steps, 0.0), 1.0) for step in range(steps)]
        tp, fp = (sum(w * n for w, n in zip(given, counts[kind], strict=True)) for kind in ("with", "without"))
        rates[label] = Rates(tp, sum(counts["with"]) - tp, fp, sum(counts["without"]) - fp, dispersion)
    return rates


def adjust(tagged: int, passages: int, rates: Rates) -> Estimate:
    """Adjust a count of tagged passages for the model's errors, with a 95% interval (docs/figures.md derives both).

    The adjusted share is (p + sp - 1) / (se + sp - 1), clipped to 0..1, with the share p of tagged passages, sensitivity
    `se` and specificity `sp` (Rogan and Gladen 1978). The interval has every true count T of these n passages for which
    the number tagged lies within 1.96 standard errors of its expectation T se + (n - T)(1 - sp), with the variance

        d * [T se (1 - se) + (n - T) sp (1 - sp) + T² var(se) + (n - T)² var(sp)]

    where `d` is the dispersion, since errors within a report are correlated. Without usable rates (se + sp - 1 not above
    0) the interval is 0 to n. If fewer (more) are tagged than a true count of 0 (n) explains, it is computed as if no
    tag were wrong (missing), and starts at 0 (ends at n).

    >>> round(adjust(40, 100, Rates(tp=900, fn=100, fp=50, tn=950)).count, 1)
    41.2
    """
    notes: tuple[str, ...] = ("few",) if passages < FEW else ()
    if not passages:
        return Estimate(0.0, 0.0, 0.0, notes)
    informedness = rates.sensitivity + rates.specificity - 1  # Youden 1950
    if not informedness >= _MIN_INFORMEDNESS:  # NaN too
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
    # The estimate uses observed rates, the limits posterior means: with few passages they may cross.
    return Estimate(count, min(max(low, 0.0), count), max(min(high, float(passages)), count), notes)


def _posterior(right: float, wrong: float) -> tuple[float, float]:
    """Return the mean and variance of a rate's posterior under Jeffreys' prior."""
    total = right + wrong + 1
    mean = (right + 0.5) / total
    return mean, mean * (1 - mean) / (total + 1)


def _limits(x: int, n: int, se: float, sp: float, var_se: float, var_sp: float, z2: float) -> tuple[float, float]:
    """Solve (x - T se - (n - T)(1 - sp))² = z² variance for T, outside 0..n too; `z2` includes the dispersion."""
    informedness, surplus = se + sp - 1, x - n * (1 - sp)
    right, wrong = se * (1 - se), sp * (1 - sp)
    a = informedness**2 - z2 * (var_se + var_sp)
    b = 2 * informedness * surplus + z2 * (right - wrong - 2 * n * var_sp)
    c = surplus**2 - z2 * (n * wrong + n**2 * var_sp)
    if a <= 0:  # the rates are so uncertain that the model may be no better than chance
        return 0.0, float(n)
    root = math.sqrt(max(b**2 - 4 * a * c, 0.0))
    return (b - root) / (2 * a), (b + root) / (2 * a)
