"""How many passages have each label, and how many truly would if the model's errors were set right.

Tagged reports come in one at a time, and only counts are kept; what goes out is a `Summary`: passages of each label by
file, country, year or section, and of all together.

A model that misses some passages and tags others wrongly also counts wrongly, the more so the rarer the label. How
often it does either is in its error table (`recipe.error_table`, counted out of fold on whole narratives). From
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
since the passages of a report are all there are. `d` is the dispersion: errors in one narrative go together.

All this takes for granted that the model errs on these reports as on its own narratives. `ASSUMPTION` says so.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tipclassify.labels import LABELS
from tipclassify.writers import Finding, Run, TaggedReport

__all__ = ["ASSUMPTION", "DIMENSIONS", "FEW", "NONE", "NOTES", "OVERLAP"]
__all__ += ["Estimate", "Group", "Key", "Name", "Rates", "Summary", "adjust", "error_rates", "in_order", "summarize"]

DIMENSIONS: Final = ("file", "country", "year", "section")
"""What passages can be counted by."""

NONE: Final = "(none)"
"""Stands where a label would, for passages without any."""

FEW: Final = 30
"""Passages from which the note "few" is no longer given: intervals of smaller groups say little."""

NOTES: Final = {
    "few": f"fewer than {FEW} passages",
    "weak": "the model can hardly tell this label (sensitivity + specificity - 1 is below 0.3)",
    "unlike": "tagged so seldom or so often that the model's known error rates cannot hold here: trust neither figure",
    "unclear": "over a third of the passages have too few known words to judge: not English, or lists of names",
}
"""Why an adjusted count may not be relied on."""

ASSUMPTION: Final = (
    "Adjusted figures, with 95% intervals, take for granted that the model errs on these reports as it did, out of fold, "
    "on the narratives of its corpus. That is not known: label a sample and run 'tipclassify evaluate' to find out."
)

OVERLAP: Final = "A passage may have several labels: shares need not add up to 100%."

_Z: Final = 1.959964  # 97.5% quantile of the normal distribution
_DISPERSION: Final = 4 / 3
"""Mean square of the standardised error of a count, over policies and labels, in 100 narratives of the corpus out of fold;
it would be 1 if errors were independent. With it the intervals cover 95% of those counts, without it 92%. The factor is
that of quasi-likelihood (McCullagh and Nelder 1989, section 4.5)."""

_LEAST_INFORMED: Final = 0.3  # se + sp - 1; below it, one passage tagged more moves the adjusted count by over three
_MOST_DOUBTFUL: Final = 1 / 3
_STEPS: Final = 100  # of probability, in the histogram of the error table

Name = str | int | None
Key = tuple[Name, ...]


# --------------------------------------------------------------------------------------------- adjusting a count


@dataclass(frozen=True, slots=True)
class Rates:
    """How often one label was given rightly and wrongly to passages whose labels are known.

    >>> Rates(tp=90, fn=10, fp=5, tn=95).sensitivity
    0.9
    """

    tp: float
    fn: float
    fp: float
    tn: float

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
        which passages are taken to lie evenly within a step of 0.01.
    """
    table = meta.get("error_table")
    if not table:
        return None
    rates = {label: Rates(**table["policies"][policy][label]) for label in LABELS}
    for label, threshold in (moved or {}).items():
        given = [min(max(step + 1 - threshold * _STEPS, 0.0), 1.0) for step in range(_STEPS)]
        counts = table["histogram"][label]
        tp, fp = (sum(w * n for w, n in zip(given, counts[kind], strict=True)) for kind in ("with", "without"))
        rates[label] = Rates(tp, sum(counts["with"]) - tp, fp, sum(counts["without"]) - fp)
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
    low, high = _limits(tagged, passages, se, sp, var_se, var_sp)
    if high < 0:
        notes += ("unlike",)
        low, high = 0.0, _limits(tagged, passages, se, 1.0, var_se, 0.0)[1]
    elif low > passages:
        notes += ("unlike",)
        low, high = _limits(tagged, passages, 1.0, sp, 0.0, var_sp)[0], float(passages)
    # The estimate is by the observed rates, the limits by their posterior means: with few passages one may pass the other.
    return Estimate(count, min(max(low, 0.0), count), max(min(high, float(passages)), count), notes)


def _posterior(right: float, wrong: float) -> tuple[float, float]:
    """Mean and variance of a rate under Jeffreys' prior."""
    total = right + wrong + 1
    mean = (right + 0.5) / total
    return mean, mean * (1 - mean) / (total + 1)


def _limits(x: int, n: int, se: float, sp: float, var_se: float, var_sp: float) -> tuple[float, float]:
    """The two counts T at which (x - T se - (n - T)(1 - sp))² is z² times the variance; may lie outside 0..n."""
    z2 = _Z**2 * _DISPERSION
    informedness, surplus = se + sp - 1, x - n * (1 - sp)
    right, wrong = se * (1 - se), sp * (1 - sp)
    a = informedness**2 - z2 * (var_se + var_sp)
    b = 2 * informedness * surplus + z2 * (right - wrong - 2 * n * var_sp)
    c = surplus**2 - z2 * (n * wrong + n**2 * var_sp)
    if a <= 0:  # the rates are so uncertain that the model may as well guess
        return 0.0, float(n)
    root = math.sqrt(max(b**2 - 4 * a * c, 0.0))
    return (b - root) / (2 * a), (b + root) / (2 * a)


# --------------------------------------------------------------------------------------------- counting


@dataclass(frozen=True, slots=True)
class Group:
    """Passages counted together.

    Attributes
    ----------
    key : tuple
        Its file, country, year, section, as far as passages are counted by them; None where a passage has none. Empty
        for the total.
    sets : mapping of (tuple of str) to int
        Passages by the set of their labels, in the order of ``LABELS``; the empty one for none.
    low_confidence : int
        Passages that the model has too little to go by.
    """

    key: Key
    sets: Mapping[tuple[str, ...], int] = field(default_factory=dict, hash=False)
    low_confidence: int = 0

    @property
    def passages(self) -> int:
        """All of them."""
        return sum(self.sets.values())

    def count(self, label: str) -> int:
        """Passages that were given `label`; ``NONE`` for those without any.

        >>> Group((), {("failure",): 2, ("failure", "complicity"): 1, (): 4}).count("failure")
        3
        """
        if label == NONE:
            return self.sets.get((), 0)
        return sum(n for labels, n in self.sets.items() if label in labels)

    def share(self, label: str) -> float:
        """The count as a share of passages; NaN for no passages."""
        return self.count(label) / self.passages if self.passages else math.nan


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of passages by group.

    Attributes
    ----------
    by : tuple of str
        What passages are counted by, of ``DIMENSIONS``.
    groups : tuple of Group
        Files and sections in order of appearance, countries by name, years ascending; those without a name last.
    total : Group
        All passages.
    rates : mapping of str to Rates, or None
        Error rates of the model, where it knows them.
    about : mapping of str to str
        What tagged the passages: policy, thresholds in place of it, model.
    """

    by: tuple[str, ...]
    groups: tuple[Group, ...]
    total: Group
    rates: Mapping[str, Rates] | None = None
    about: Mapping[str, str] = field(default_factory=dict, hash=False)

    def estimate(self, group: Group, label: str) -> Estimate | None:
        """The adjusted count of a label; None where the error rates are not known.

        Counts are adjusted group by group: they add up to the adjusted total but where one was held to 0..n.
        """
        if self.rates is None:
            return None
        found = adjust(group.count(label), group.passages, self.rates[label])
        if group.low_confidence <= group.passages * _MOST_DOUBTFUL:
            return found
        return Estimate(found.count, found.low, found.high, (*found.notes, "unclear"))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Plain values of each group and, last, of the total, for JSON. A share of no passages is None."""
        for group in (*self.groups, self.total):
            names = group.key or (None,) * len(self.by)
            labels = {label: self._figures(group, label) for label in (*LABELS, NONE)}
            yield {
                **dict(zip(self.by, names, strict=True)),
                "total": group is self.total,
                "passages": group.passages,
                "low_confidence": group.low_confidence,
                "labels": {label: labels[label] for label in LABELS},
                "none": labels[NONE],
                **self.about,
            }

    def _figures(self, group: Group, label: str) -> dict[str, Any]:
        counted = {"count": group.count(label), "share": _share(group.count(label), group.passages)}
        found = None if label == NONE else self.estimate(group, label)
        if found is None:
            return counted
        return {
            **counted,
            "adjusted": round(found.count, 2),
            "low": round(found.low, 2),
            "high": round(found.high, 2),
            "adjusted_share": _share(found.count, group.passages),
            "notes": list(found.notes),
        }


def summarize(
    reports: Iterable[TaggedReport], run: Run, by: Sequence[str] = ("file",), moved: Mapping[str, float] | None = None
) -> Summary:
    """Count the passages of `reports` by label.

    Rows of input that came ready split are counted under the file, country, year and section that they name themselves.

    Parameters
    ----------
    run : Run
        The classifier and the policy by which the reports were tagged.
    by : sequence of str
        Of ``DIMENSIONS``; passages are counted by every combination that occurs.
    moved : mapping of str to float, optional
        Labels that the classifier gives from another threshold than the policy's.

    Examples
    --------
    >>> from tipclassify import Classifier
    >>> from tipclassify.segment import text_document
    >>> document = text_document("Police arrested nine traffickers. Courts convicted none of them.")
    >>> classifier = Classifier.load()
    >>> report = TaggedReport("a.txt", document, classifier.tag(document))
    >>> found = summarize([report], Run(classifier))
    >>> [(group.key, group.passages, group.count("failure")) for group in found.groups]
    [(('a.txt',), 2, 1)]
    """
    sets: defaultdict[Key, Counter[tuple[str, ...]]] = defaultdict(Counter)
    doubtful: Counter[Key] = Counter()
    for report in reports:
        for finding in report.findings():
            key = _key_of(finding, by)
            sets[key][finding.passage.labels] += 1
            doubtful[key] += finding.passage.low_confidence
        if not report.passages and set(by) != {"section"}:  # such a report is news, such a section is none
            document = report.document
            about = (document.country, document.year) if document else (None, None)
            _ = sets[_key(by, report.file, *about, None)]
    groups = tuple(Group(key, dict(sets[key]), doubtful[key]) for key in _in_order(list(sets), by))
    total = Group((), dict(sum(sets.values(), Counter())), sum(doubtful.values()))
    meta = run.classifier.model.meta
    tagged_by = {
        "policy": ", ".join([run.policy, *(f"{label}={value:g}" for label, value in (moved or {}).items())]),
        "model": str(meta.get("sha256", "not recorded"))[:12],
    }
    return Summary(tuple(by), groups, total, error_rates(meta, run.policy, moved), tagged_by)


def _key_of(finding: Finding, by: Sequence[str]) -> Key:
    row = finding.extra
    country, year = finding.country or row.get("country"), finding.year or row.get("year")
    return _key(by, row.get("file") or finding.file, country, year, finding.passage.section)


def _key(by: Sequence[str], file: Any, country: Any, year: Any, section: Any) -> Key:
    names = {"file": _text(file), "country": _text(country), "year": _year(year), "section": _text(section)}
    return tuple(names[name] for name in by)


def _text(value: Any) -> str | None:
    """A name as text that any encoding can write; None for nothing, and for the NaN that tables have for it."""
    if value is None or value != value:
        return None
    return str(value).strip().encode("utf-8", "backslashreplace").decode() or None


def _year(value: Any) -> Name:
    """2024 also for ``"2024"`` and ``2024.0``; what is no number stays text."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    text = _text(value)
    return int(text) if text and len(text) < 10 and text.isascii() and text.isdigit() else text


def in_order(names: Iterable[Name], dimension: str) -> list[Name]:
    """Countries by name, years ascending, what has none last; files and sections as they come.

    >>> in_order(["Zambia", None, "Åland"], "country")
    ['Åland', 'Zambia', None]
    """
    return sorted(names, key=_rank) if dimension in ("country", "year") else list(names)


def _in_order(keys: Sequence[Key], by: Sequence[str], depth: int = 0) -> list[Key]:
    """Keys, which are in order of appearance, in order of their first name, and so on within each name."""
    if depth == len(by):
        return list(keys)
    parts: dict[Name, list[Key]] = {}
    for key in keys:
        parts.setdefault(key[depth], []).append(key)
    return [key for name in in_order(parts, by[depth]) for key in _in_order(parts[name], by, depth + 1)]


def _rank(name: Name) -> tuple[int, int, str]:
    """Numbers before text before nothing; text without regard to case and accents (Åland at A)."""
    if isinstance(name, int):
        return 0, name, ""
    if name is None:
        return 2, 0, ""
    plain = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    return 1, 0, plain.casefold()


def _share(count: float, passages: int) -> float | None:
    return round(count / passages, 4) if passages else None
