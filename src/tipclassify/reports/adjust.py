"""Adjustment of counts for a model's errors: tagged passages and error rates in, an interval out.

The derivation stands in docs/explanation/methods.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tipclassify.arrays import NORMAL_975
from tipclassify.text.kinds import UNMEASURED

FEW: Final = 30
"""Number of passages below which a count has the note "few": small groups have wide intervals."""

FEWEST_POSITIVES: Final = 20
"""Labelled passages of a kind of text with a label from which its error rates are shown."""

NOTES: Final = {
    "few": f"fewer than {FEW} passages",
    "weak": "the model can hardly tell this label (sensitivity + specificity - 1 is below 0.3)",
    "unlike": "tagged so seldom or so often that the model's known error rates cannot hold here: "
    "trust neither figure",
    "unclear": "over a third of the sentences are in words that the model does not know: "
    "not English, or lists of names",
    "unmeasured": f"{UNMEASURED}: what is tagged there is counted, but not adjusted",
}
"""Notes on adjusted counts that may be unreliable."""

ASSUMED: Final = (
    "Adjusted figures, with 95% intervals, take for granted that the model errs on these reports "
    "as it did on the passages held out when it was trained."
)
ASSUMPTION: Final = (
    f"{ASSUMED} That is not known: label a sample and run 'tipclassify evaluate' to find out."
)
"""Caveat to print under every table of adjusted counts."""

DISPERSION: Final = 4 / 3
"""Variance of a count's error relative to independent errors.

It is the mean square of the standardised error in 100 narratives out of fold (McCullagh and Nelder
1989, section 4.5).
"""

_Rate = tuple[float, float]  # mean and variance of one that is uncertain
_CERTAIN: Final[_Rate] = (1.0, 0.0)

# se + sp - 1; below it, one more tag moves the adjusted count by over three
_MIN_INFORMEDNESS: Final = 0.3


@dataclass(frozen=True, slots=True)
class Rates:
    """Confusion matrix of one label on held-out passages."""

    tp: float
    fn: float
    fp: float
    tn: float
    dispersion: float = DISPERSION  # of a count's error

    @property
    def sensitivity(self) -> float:
        """Tagged share of the passages with the label; NaN for none."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else math.nan

    @property
    def specificity(self) -> float:
        """Untagged share of the passages without the label; NaN for none."""
        return self.tn / (self.fp + self.tn) if self.fp + self.tn else math.nan


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Adjusted number of passages, and the limits of its 95% interval."""

    count: float
    low: float
    high: float
    notes: tuple[str, ...] = ()  # keys of `NOTES`, if it may be unreliable


# What ``model.json`` records under ``error_table``: ``policies`` has the counts tp, fn, fp and tn by
# policy and label; ``histogram`` by label the held-out passages "with" and "without" it, by their
# probability in bins of equal width; ``kinds`` the same two of each kind of report.
_Table = Mapping[str, Any]


def rates_of(
    meta: Mapping[str, Any], policy: str = "balanced", moved: Mapping[str, float] = {}
) -> dict[str, Rates] | None:
    """Read a model's error rates by label at a policy or moved thresholds; None if it has none."""
    table = meta.get("error_table")
    return _rates_at(table, policy, moved) if table else None


def rates_by_kind(
    meta: Mapping[str, Any], policy: str = "balanced", moved: Mapping[str, float] = {}
) -> dict[str, dict[str, Rates]]:
    """Read a model's error rates of each kind of report, by label; of none if it records none."""
    table = meta.get("error_table") or {}
    return {
        kind: _rates_at(of_kind, policy, moved) for kind, of_kind in table.get("kinds", {}).items()
    }


def _rates_at(table: _Table, policy: str, moved: Mapping[str, float]) -> dict[str, Rates]:
    rates = {label: Rates(**counts) for label, counts in table["policies"][policy].items()}
    for label, threshold in moved.items():
        with_label = table["histogram"][label]["with"]
        without_label = table["histogram"][label]["without"]
        tp = _count_tagged(threshold, with_label)
        fp = _count_tagged(threshold, without_label)
        rates[label] = Rates(tp=tp, fn=sum(with_label) - tp, fp=fp, tn=sum(without_label) - fp)
    return rates


def _count_tagged(threshold: float, histogram: Sequence[float]) -> float:
    """Count the passages of a histogram of probabilities that reach a threshold.

    Within a bin they are taken to lie evenly.
    """
    bins = len(histogram)
    shares_above = [min(max(number + 1 - threshold * bins, 0.0), 1.0) for number in range(bins)]
    return sum(share * passages for share, passages in zip(shares_above, histogram, strict=True))


def adjust(tagged: int, passages: int, rates: Rates) -> Adjusted:
    """Adjust a count of tagged passages for the model's errors, with a 95% interval.

    The adjusted share is (p + sp - 1) / (se + sp - 1), clipped to 0..1, with the share p of tagged
    passages, sensitivity `se` and specificity `sp` (Rogan and Gladen 1978). The interval has every
    true count T of these n passages for which the number tagged lies within 1.96 standard errors of
    its expectation T se + (n - T)(1 - sp), with the variance

        d * [T se (1 - se) + (n - T) sp (1 - sp) + T² var(se) + (n - T)² var(sp)]

    where `d` is the dispersion, since errors within a report are correlated. Without usable rates
    (se + sp - 1 not above 0) the interval is 0 to n. If fewer (more) are tagged than a true count
    of 0 (n) explains, it is computed as if no tag were wrong (missing), and starts at 0 (ends at
    n).

    >>> round(adjust(40, 100, Rates(tp=900, fn=100, fp=50, tn=950)).count, 1)
    41.2
    """
    notes: tuple[str, ...] = ("few",) if passages < FEW else ()
    if not passages:
        return Adjusted(0.0, 0.0, 0.0, notes)
    informedness = rates.sensitivity + rates.specificity - 1  # Youden 1950
    if not informedness >= _MIN_INFORMEDNESS:  # NaN too
        notes += ("weak",)
    if not informedness > 0:
        return Adjusted(float(tagged), 0.0, float(passages), notes)
    false_alarms = passages * (1 - rates.specificity)
    count = min(max((tagged - false_alarms) / informedness, 0.0), float(passages))
    sensitivity = _posterior(rates.tp, rates.fn)
    specificity = _posterior(rates.tn, rates.fp)
    z2 = NORMAL_975**2 * rates.dispersion
    low, high = _limits(tagged, passages, sensitivity, specificity, z2)
    if high < 0:
        notes += ("unlike",)
        _, if_no_tag_is_wrong = _limits(tagged, passages, sensitivity, _CERTAIN, z2)
        low, high = 0.0, if_no_tag_is_wrong
    elif low > passages:
        notes += ("unlike",)
        if_no_tag_is_missing, _ = _limits(tagged, passages, _CERTAIN, specificity, z2)
        low, high = if_no_tag_is_missing, float(passages)
    low = max(low, 0.0)
    high = min(high, float(passages))
    # The estimate uses observed rates, the limits posterior means: with few passages they may
    # cross.
    return Adjusted(count, min(low, count), max(high, count), notes)


def _posterior(right: float, wrong: float) -> _Rate:
    """Return mean and variance of a rate's posterior under Jeffreys' prior."""
    total = right + wrong + 1
    mean = (right + 0.5) / total
    return mean, mean * (1 - mean) / (total + 1)


def _limits(
    tagged: int, passages: int, sensitivity: _Rate, specificity: _Rate, z2: float
) -> tuple[float, float]:
    """Solve (x - T se - (n - T)(1 - sp))² = z² variance for T, outside 0..n too.

    `z2` includes the dispersion. It is a quadratic equation, a T² - b T + c = 0.
    """
    n = passages
    se, var_se = sensitivity
    sp, var_sp = specificity
    informedness = se + sp - 1
    surplus = tagged - n * (1 - sp)  # over the expected false alarms
    with_label = se * (1 - se)  # variance of the tag of a passage
    without = sp * (1 - sp)
    a = informedness**2 - z2 * (var_se + var_sp)
    b = 2 * informedness * surplus + z2 * (with_label - without - 2 * n * var_sp)
    c = surplus**2 - z2 * (n * without + n**2 * var_sp)
    if a <= 0:  # the rates are so uncertain that the model may be no better than chance
        return 0.0, float(n)
    root = math.sqrt(max(b**2 - 4 * a * c, 0.0))
    return (b - root) / (2 * a), (b + root) / (2 * a)
