"""Summary of reports: passages counted by label, by file, country, publication, year or section,
and in total.

Publications are not added up unless somebody asks for it: a country's page in one and its narrative
in another count different things, and a year that has both would look like a leap.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tipclassify.formatting import one_line
from tipclassify.labels import LABELS
from tipclassify.reporting.report import ScoringContext, TaggedReport, context_of, source_name
from tipclassify.reporting.subject import Subject, is_unknown, is_unread
from tipclassify.text.document import Passage
from tipclassify.text.segmentation.sections import FOLDED, fold_section

__all__ = [
    "ASSUMPTION",
    "DIMENSIONS",
    "DISPERSION",
    "FEW",
    "NONE",
    "NOTES",
    "OVERLAP",
    "SORTED",
    "Estimate",
    "Group",
    "Key",
    "Name",
    "Rates",
    "Summary",
    "adjust",
    "error_rates",
    "rank",
    "shown_name",
    "summarize",
]

DIMENSIONS: Final = ("file", "country", "publication", "year", "section")
"""Fields that passages can be grouped by; sections are folded to `FOLDED`."""

SORTED: Final = ("country", "publication", "year", "section")
"""Dimensions sorted by `rank`; files are in order of appearance."""

NONE: Final = "(none)"
"""Pseudo-label of passages without a label."""

OVERLAP: Final = "A passage may have several labels: shares need not add up to 100%."
"""Note below every table of shares."""

Name = str | int | None
"""Value of a dimension: a file, country, section or year; None if unknown."""

Key = tuple[Name, ...]
"""Values of the dimensions of a group."""

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
# se + sp - 1; below it, one more tag moves the adjusted count by over three
_MIN_INFORMEDNESS: Final = 0.3


@dataclass(frozen=True, slots=True)
class Group:
    """Passages counted together, by label set (``()`` for no label); `key` is empty for the
    total."""

    key: Key
    sets: Mapping[tuple[str, ...], int] = field(default_factory=dict, hash=False)
    low_confidence: int = 0  # passages of few words, or of many that the model does not know
    # those among them that are sentences (`tipclassify.reporting.subject.is_unknown`)
    unknown: int = 0

    @classmethod
    def of(cls, key: Key, passages: Sequence[Passage]) -> Group:
        """Count the passages."""
        sets = Counter(passage.labels for passage in passages)
        return cls(
            key,
            sets,
            sum(passage.low_confidence for passage in passages),
            sum(map(is_unknown, passages)),
        )

    def __add__(self, other: Group) -> Group:
        sets = Counter(self.sets) + Counter(other.sets)
        return Group(
            self.key, sets, self.low_confidence + other.low_confidence, self.unknown + other.unknown
        )

    @property
    def passages(self) -> int:
        """Number of passages."""
        return sum(self.sets.values())

    @property
    def tagged(self) -> int:
        """Number of passages with a label."""
        return self.passages - self.sets.get((), 0)

    def count(self, label: str) -> int:
        """Count the passages with `label`; ``NONE`` for those without any."""
        return sum(
            n
            for labels, n in self.sets.items()
            if label in labels or (label == NONE and not labels)
        )

    def share(self, label: str) -> float:
        """Return the count as a share of passages, 0 to 1; NaN for no passages."""
        return self.count(label) / self.passages if self.passages else math.nan


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of passages by group, and in total.

    Files are in order of appearance, countries by name, years ascending, sections as in `FOLDED`,
    those without a name last.
    """

    by: tuple[str, ...]  # dimensions of the groups, of `DIMENSIONS`
    groups: tuple[Group, ...]
    total: Group
    # error rates of the model by label, if it records them
    rates: Mapping[str, Rates] | None = None
    # policy, threshold overrides and model
    about: Mapping[str, str] = field(default_factory=dict, hash=False)
    # for each file, the number of its passages about trafficking
    subjects: tuple[Subject, ...] = ()
    # of each publication, by whose name they go, where they are not added up
    totals: tuple[Group, ...] = ()

    @property
    def shown_totals(self) -> tuple[Group, ...]:
        """The totals to show: one for each publication or, where they are added up or there is
        one, a single one."""
        return self.totals or (self.total,)

    @property
    def file_names(self) -> dict[Name, Name]:
        """Names of the files without the folders that they lie in; files of one name are
        numbered."""
        if "file" not in self.by:
            return {}
        place = self.by.index("file")
        files = list(dict.fromkeys(group.key[place] for group in self.groups))
        plain = [file if file is None else source_name(str(file)) for file in files]
        seen: Counter[Name] = Counter()
        names: dict[Name, Name] = {}
        for file, name in zip(files, plain, strict=True):
            seen[name] += 1
            names[file] = f"{name} ({seen[name]})" if plain.count(name) > 1 else name
        return names

    def estimate(self, group: Group, label: str) -> Estimate | None:
        """Adjust the count of a label, each group by itself; None if the error rates are
        unknown, or for ``NONE``."""
        if self.rates is None or label == NONE:
            return None
        found = adjust(group.count(label), group.passages, self.rates[label])
        unread = is_unread(group.unknown, group.passages - group.low_confidence + group.unknown)
        return replace(found, notes=(*found.notes, "unclear")) if unread else found

    def notes(self) -> list[str]:
        """List the keys of `NOTES` that any adjusted count has."""
        estimates = [
            self.estimate(group, label)
            for group in (*self.groups, *self.shown_totals)
            for label in LABELS
        ]
        return [note for note in NOTES if any(found and note in found.notes for found in estimates)]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield plain values of each group and, last, of the total, for JSON; a share of no
        passages is None."""
        for group in (*self.groups, *self.shown_totals):
            is_total = any(group is total for total in self.shown_totals)
            figures = {label: self._figures(group, label) for label in (*LABELS, NONE)}
            names = self._names(group, is_total)
            counts = {"passages": group.passages, "low_confidence": group.low_confidence}
            none = figures.pop(NONE)
            yield {
                **names,
                "total": is_total,
                **counts,
                "labels": figures,
                "none": none,
                **self.about,
            }

    def _names(self, group: Group, is_total: bool) -> dict[str, Name]:
        """Name the dimensions of a group; a total has no more than its publication."""
        if not is_total:
            names = dict(zip(self.by, group.key, strict=True))
            return names | ({"file": self.file_names[names["file"]]} if "file" in names else {})
        publication = group.key[0] if group.key else None
        return {
            dimension: publication if dimension == "publication" else None for dimension in self.by
        }

    def _figures(self, group: Group, label: str) -> dict[str, Any]:
        n = group.passages
        figures: dict[str, Any] = {
            "count": group.count(label),
            "share": round(group.share(label), 4) if n else None,
        }
        if found := self.estimate(group, label):
            figures |= {
                "adjusted": round(found.count, 2),
                "low": round(found.low, 2),
                "high": round(found.high, 2),
            }
            figures |= {
                "adjusted_share": round(found.count / n, 4) if n else None,
                "notes": list(found.notes),
            }
        return figures


def summarize(
    reports: TaggedReport | Iterable[TaggedReport],
    context: ScoringContext | None = None,
    by: Sequence[str] = ("file",),
    overrides: Mapping[str, float] | None = None,
    publication: str | None = None,
    add_up: bool = False,
) -> Summary:
    """Count the passages of `reports` by label; with `publication`, those of one that is called so
    or contains this.

    Where there are several publications, each has groups and a total of its own, also if `by` does
    not name them; `add_up` leaves it at that what `by` names.

    Input rows are counted under their own file, country, year and section. There is a group for
    every combination of `by`, some of ``DIMENSIONS``, that occurs; `overrides` are the classifier's
    threshold overrides, by label, found by themselves if omitted. `context` is the model and policy
    that tagged the reports; what `tag_report` noted if omitted.

    Raises `ValueError` when there is no report, `by` has an unknown name, or reports were tagged
    differently.

    >>> from tipclassify import Document, tag_report
    >>> text = "Police arrested nine traffickers. Courts convicted none of them."
    >>> found = summarize(tag_report(Document.from_text(text, "a.txt")))
    >>> [(group.key, group.passages, group.count("failure")) for group in found.groups]
    [(('a.txt',), 2, 1)]
    """
    if unknown := [name for name in by if name not in DIMENSIONS]:
        raise ValueError(f"unknown field {unknown[0]!r}: use {', '.join(DIMENSIONS)}")
    if isinstance(reports, TaggedReport):
        reports = [reports]
    if context is None:
        reports = list(reports)
        context = context_of(None, reports)
    overrides = context.overrides if overrides is None else overrides
    groups: dict[Key, Group] = {}  # by the dimensions, then by publication
    subjects = defaultdict[str, Subject](Subject)
    for report in reports:
        passages: defaultdict[Key, list[Passage]] = defaultdict(list)
        for finding in report.findings():
            row, section = finding.extra, finding.passage.section
            country, year = finding.country or row.get("country"), finding.year or row.get("year")
            if not _is_called(finding.publication, publication):
                continue
            file = row.get("file") or finding.file
            key = _key((*by, "publication"), file, country, year, section, finding.publication)
            passages[key].append(finding.passage)
        shown = _is_called(report.publication, publication)
        # show a report without passages, but no section
        if shown and not report.passages and set(by) != {"section"}:
            key = _key(
                (*by, "publication"),
                report.file,
                report.country,
                report.year,
                None,
                report.publication,
            )
            passages[key] = []
        for key, found in passages.items():
            groups[key] = groups.get(key, Group(key)) + Group.of(key, found)
        if passages:
            subjects[report.file] += Subject.of(report.passages)
    by, groups, totals = _by_publication(by, groups, add_up)
    moved = [f"{label}={value:g}" for label, value in overrides.items()]
    about = {"policy": ", ".join([context.policy, *moved]), "model": context.about()["model"][:12]}
    rates = error_rates(context.classifier.meta, context.policy, overrides)
    # place of each group, and of each group of groups, by order of appearance
    first: dict[Key, int] = {}
    for n, key in enumerate(groups):
        for end in range(len(key)):
            first.setdefault(key[: end + 1], n)

    def place(group: Group) -> list[tuple[int, int, str]]:
        parts = enumerate(zip(by, group.key, strict=True), 1)
        return [
            rank(name) if one in SORTED else (first[group.key[:end]], 0, "")
            for end, (one, name) in parts
        ]

    in_order, total = tuple(sorted(groups.values(), key=place)), sum(groups.values(), Group(()))
    return Summary(tuple(by), in_order, total, rates, about, tuple(subjects.values()), totals)


def _is_called(publication: str | None, wanted: str | None) -> bool:
    """Return whether a publication is the one that is wanted: has these words in its name."""
    return wanted is None or wanted.casefold() in (publication or "").casefold()


def _by_publication(
    by: Sequence[str], groups: Mapping[Key, Group], add_up: bool
) -> tuple[Sequence[str], dict[Key, Group], tuple[Group, ...]]:
    """Take the publication, the last part of each key, out again, or to its place where there are
    several.

    Returns the dimensions, the groups, and the total of each publication where they are not added
    up.
    """
    publications = sorted({key[-1] for key in groups}, key=rank)
    several = len(publications) > 1
    apart = several and not add_up and "publication" not in by
    # Behind the country, whose rows it parts; else first, so that the rows of a publication stand
    # together.
    place = next((by.index(name) + 1 for name in ("country", "file") if name in by), 0)
    found: dict[Key, Group] = {}
    for key, group in groups.items():
        kept = (*key[:place], key[-1], *key[place:-1]) if apart else key[:-1]
        found[kept] = found.get(kept, Group(kept)) + group
    named = (*by[:place], "publication", *by[place:]) if apart else by
    totals: list[Group] = []
    if several and not add_up:
        for publication in publications:
            of_it = (group for key, group in groups.items() if key[-1] == publication)
            totals.append(sum(of_it, Group((publication,))))
    return named, found, tuple(totals)


def _key(
    by: Sequence[str], file: Any, country: Any, year: Any, section: Any, publication: Any
) -> Key:
    if isinstance(year, float) and year.is_integer():
        year = int(year)
    text = _text(year)
    year = int(text) if text and len(text) < 10 and text.isascii() and text.isdigit() else text
    section = _text(section)
    folded = section and fold_section(section)
    names = {"file": _text(file), "country": _text(country), "publication": _text(publication)}
    names |= {"year": year, "section": folded}
    return tuple(names[name] for name in by)


def _text(value: Any) -> str | None:
    """Convert a name to text that any encoding can write; None for None, NaN and blanks."""
    text = "" if value is None or value != value else str(value).strip()
    return text.encode("utf-8", "backslashreplace").decode() or None


def shown_name(name: Name, dimension: str) -> str:
    """Make the display name of a file, country, year or section."""
    return f"(no {dimension})" if name is None else one_line(str(name))


def rank(name: Name) -> tuple[int, int, str]:
    """Make the sort key of a country, year or section: numbers, then text without case and
    accents, then None."""
    if isinstance(name, int) or name in FOLDED:
        return 0, name if isinstance(name, int) else FOLDED.index(name), ""
    if name is None:
        return 2, 0, ""
    plain = "".join(
        char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char)
    )
    return 1, 0, f"{plain.casefold()}\0{name}"


@dataclass(frozen=True, slots=True)
class Rates:
    """Confusion matrix of one label on held-out passages, and the dispersion of a count's error
    (`DISPERSION`)."""

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
    """Adjusted number of passages, the limits of its 95% interval, and keys of `NOTES` if it may
    be unreliable."""

    count: float
    low: float
    high: float
    notes: tuple[str, ...] = ()


def error_rates(
    meta: Mapping[str, Any], policy: str = "balanced", overrides: Mapping[str, float] | None = None
) -> dict[str, Rates] | None:
    """Read the error rates of each label at a policy, or threshold overrides, from a model's
    `meta`; None if none."""
    table = meta.get("error_table")
    if not table:
        return None
    dispersion = float(table.get("dispersion", DISPERSION))
    rates = {
        label: Rates(**table["policies"][policy][label], dispersion=dispersion) for label in LABELS
    }
    # by the histogram, as if passages lay evenly within a bin
    for label, threshold in (overrides or {}).items():
        counts = table["histogram"][label]
        steps = len(counts["with"])
        given = [min(max(step + 1 - threshold * steps, 0.0), 1.0) for step in range(steps)]
        tp, fp = (
            sum(w * n for w, n in zip(given, counts[kind], strict=True))
            for kind in ("with", "without")
        )
        rates[label] = Rates(
            tp, sum(counts["with"]) - tp, fp, sum(counts["without"]) - fp, dispersion
        )
    return rates


def adjust(tagged: int, passages: int, rates: Rates) -> Estimate:
    """Adjust a count of tagged passages for the model's errors, with a 95% interval
    (docs/explanation/methods.md derives both).

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
    # The estimate uses observed rates, the limits posterior means: with few passages they may
    # cross.
    return Estimate(count, min(max(low, 0.0), count), max(min(high, float(passages)), count), notes)


def _posterior(right: float, wrong: float) -> tuple[float, float]:
    """Return the mean and variance of a rate's posterior under Jeffreys' prior."""
    total = right + wrong + 1
    mean = (right + 0.5) / total
    return mean, mean * (1 - mean) / (total + 1)


def _limits(
    x: int, n: int, se: float, sp: float, var_se: float, var_sp: float, z2: float
) -> tuple[float, float]:
    """Solve (x - T se - (n - T)(1 - sp))² = z² variance for T, outside 0..n too; `z2` includes
    the dispersion."""
    informedness, surplus = se + sp - 1, x - n * (1 - sp)
    right, wrong = se * (1 - se), sp * (1 - sp)
    a = informedness**2 - z2 * (var_se + var_sp)
    b = 2 * informedness * surplus + z2 * (right - wrong - 2 * n * var_sp)
    c = surplus**2 - z2 * (n * wrong + n**2 * var_sp)
    if a <= 0:  # the rates are so uncertain that the model may be no better than chance
        return 0.0, float(n)
    root = math.sqrt(max(b**2 - 4 * a * c, 0.0))
    return (b - root) / (2 * a), (b + root) / (2 * a)
