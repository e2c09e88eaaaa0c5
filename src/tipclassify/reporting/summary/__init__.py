"""Summary of reports: passages counted by label, by file, country, year or section, and in total.

Each count comes with the count adjusted for the model's errors, and its interval (`adjustment`).
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
from tipclassify.reporting.subject import Subject, is_unknown, is_unread
from tipclassify.reporting.summary.adjustment import ASSUMPTION, FEW, NOTES, Estimate, Rates, adjust, error_rates
from tipclassify.reporting.writers import ScoringContext, TaggedReport
from tipclassify.text.document import Passage
from tipclassify.text.furniture import is_prose

__all__ = ["ASSUMPTION", "DIMENSIONS", "FEW", "NONE", "NOTES", "OVERLAP", "SORTED"]
__all__ += [
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

DIMENSIONS: Final = ("file", "country", "year", "section")
"""Fields that passages can be grouped by."""

SORTED: Final = ("country", "year")
"""Dimensions sorted by `rank`; the others are in order of appearance."""

NONE: Final = "(none)"
"""Pseudo-label of passages without a label."""

OVERLAP: Final = "A passage may have several labels: shares need not add up to 100%."
"""Note below every table of shares."""

Name = str | int | None  # a file, country, section or year; None if unknown
Key = tuple[Name, ...]  # of a group, by dimension


@dataclass(frozen=True, slots=True)
class Group:
    """Passages counted together, by label set (``()`` for no label); `key` is empty for the total."""

    key: Key
    sets: Mapping[tuple[str, ...], int] = field(default_factory=dict, hash=False)
    low_confidence: int = 0  # passages of few words, or of many that the model does not know
    unknown: int = 0  # those among them that are sentences (`tipclassify.reporting.subject.is_unknown`)

    @classmethod
    def of(cls, key: Key, passages: Sequence[Passage]) -> Group:
        """Count the passages."""
        sets = Counter(passage.labels for passage in passages)
        return cls(key, sets, sum(passage.low_confidence for passage in passages), sum(map(is_unknown, passages)))

    def __add__(self, other: Group) -> Group:
        sets = Counter(self.sets) + Counter(other.sets)
        return Group(self.key, sets, self.low_confidence + other.low_confidence, self.unknown + other.unknown)

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
        return sum(n for labels, n in self.sets.items() if label in labels or (label == NONE and not labels))

    def share(self, label: str) -> float:
        """Return the count as a share of passages, 0 to 1; NaN for no passages."""
        return self.count(label) / self.passages if self.passages else math.nan


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of passages by group, and in total.

    Files and sections are in order of appearance, countries by name, years ascending, and those without a name last.
    """

    by: tuple[str, ...]  # dimensions of the groups, of `DIMENSIONS`
    groups: tuple[Group, ...]
    total: Group
    rates: Mapping[str, Rates] | None = None  # error rates of the model by label, if it records them
    about: Mapping[str, str] = field(default_factory=dict, hash=False)  # policy, threshold overrides and model
    subjects: tuple[Subject, ...] = ()  # for each file, the number of its passages about trafficking

    def estimate(self, group: Group, label: str) -> Estimate | None:
        """Adjust the count of a label, each group by itself; None if the error rates are unknown, or for ``NONE``."""
        if self.rates is None or label == NONE:
            return None
        found = adjust(group.count(label), group.passages, self.rates[label])
        unread = is_unread(group.unknown, group.passages - group.low_confidence + group.unknown)
        return replace(found, notes=(*found.notes, "unclear")) if unread else found

    def notes(self) -> list[str]:
        """List the keys of `NOTES` that any adjusted count has."""
        estimates = [self.estimate(group, label) for group in (*self.groups, self.total) for label in LABELS]
        return [note for note in NOTES if any(found and note in found.notes for found in estimates)]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield plain values of each group and, last, of the total, for JSON; a share of no passages is None."""
        for group in (*self.groups, self.total):
            figures = {label: self._figures(group, label) for label in (*LABELS, NONE)}
            names = dict(zip(self.by, group.key or (None,) * len(self.by), strict=True))
            counts = {"passages": group.passages, "low_confidence": group.low_confidence}
            none = figures.pop(NONE)
            yield {**names, "total": group is self.total, **counts, "labels": figures, "none": none, **self.about}

    def _figures(self, group: Group, label: str) -> dict[str, Any]:
        n = group.passages
        figures: dict[str, Any] = {"count": group.count(label), "share": round(group.share(label), 4) if n else None}
        if found := self.estimate(group, label):
            figures |= {"adjusted": round(found.count, 2), "low": round(found.low, 2), "high": round(found.high, 2)}
            figures |= {"adjusted_share": round(found.count / n, 4) if n else None, "notes": list(found.notes)}
        return figures


def summarize(
    reports: Iterable[TaggedReport],
    context: ScoringContext,
    by: Sequence[str] = ("file",),
    overrides: Mapping[str, float] | None = None,
) -> Summary:
    """Count the passages of `reports` by label, without page furniture (`tipclassify.text.furniture`).

    Input rows are counted under their own file, country, year and section. There is a group for every combination of
    `by`, some of ``DIMENSIONS``, that occurs; `overrides` are the classifier's threshold overrides, by label.

    >>> from tipclassify import Classifier
    >>> from tipclassify.text.segmentation.passages import text_document
    >>> document = text_document("Police arrested nine traffickers. Courts convicted none of them.")
    >>> classifier = Classifier.load()
    >>> report = TaggedReport("a.txt", document, classifier.tag(document))
    >>> found = summarize([report], ScoringContext(classifier))
    >>> [(group.key, group.passages, group.count("failure")) for group in found.groups]
    [(('a.txt',), 2, 1)]
    """
    groups: dict[Key, Group] = {}
    subjects = defaultdict[str, Subject](Subject)
    for report in reports:
        passages: defaultdict[Key, list[Passage]] = defaultdict(list)
        for finding in report.findings():
            if is_prose(finding.passage):
                row, section = finding.extra, finding.passage.section
                country, year = finding.country or row.get("country"), finding.year or row.get("year")
                passages[_key(by, row.get("file") or finding.file, country, year, section)].append(finding.passage)
        if not report.passages and set(by) != {"section"}:  # show a report without passages, but no section for it
            passages[_key(by, report.file, report.country, report.year, None)] = []
        for key, found in passages.items():
            groups[key] = groups.get(key, Group(key)) + Group.of(key, found)
        subjects[report.file] += Subject.of(report.passages)
    moved = [f"{label}={value:g}" for label, value in (overrides or {}).items()]
    about = {"policy": ", ".join([context.policy, *moved]), "model": context.about()["model"][:12]}
    rates = error_rates(context.classifier.meta, context.policy, overrides)
    first: dict[Key, int] = {}  # place of each group, and of each group of groups, by order of appearance
    for n, key in enumerate(groups):
        for end in range(len(key)):
            first.setdefault(key[: end + 1], n)

    def place(group: Group) -> list[tuple[int, int, str]]:
        parts = enumerate(zip(by, group.key, strict=True), 1)
        return [rank(name) if one in SORTED else (first[group.key[:end]], 0, "") for end, (one, name) in parts]

    in_order, total = tuple(sorted(groups.values(), key=place)), sum(groups.values(), Group(()))
    return Summary(tuple(by), in_order, total, rates, about, tuple(subjects.values()))


def _key(by: Sequence[str], file: Any, country: Any, year: Any, section: Any) -> Key:
    if isinstance(year, float) and year.is_integer():
        year = int(year)
    text = _text(year)
    year = int(text) if text and len(text) < 10 and text.isascii() and text.isdigit() else text
    names = {"file": _text(file), "country": _text(country), "year": year, "section": _text(section)}
    return tuple(names[name] for name in by)


def _text(value: Any) -> str | None:
    """Convert a name to text that any encoding can write; None for None, NaN and blanks."""
    text = "" if value is None or value != value else str(value).strip()
    return text.encode("utf-8", "backslashreplace").decode() or None


def shown_name(name: Name, dimension: str) -> str:
    """Make the display name of a file, country, year or section."""
    return f"(no {dimension})" if name is None else one_line(str(name))


def rank(name: Name) -> tuple[int, int, str]:
    """Make the sort key of a country or year: numbers, then text, then None; text without case and accents."""
    if isinstance(name, int):
        return 0, name, ""
    if name is None:
        return 2, 0, ""
    plain = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    return 1, 0, f"{plain.casefold()}\0{name}"
