"""Summary of reports: passages by label, by file, country, publication, year or section, in total.

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
from tipclassify.reporting.adjustment import NOTES, Estimate, Rates, adjust, error_rates
from tipclassify.reporting.report import (
    Finding,
    ScoringContext,
    TaggedReport,
    context_of,
    source_name,
)
from tipclassify.reporting.subject import Subject, is_unknown, is_unread
from tipclassify.text.document import Passage
from tipclassify.text.segmentation.sections import FOLDED, fold_section

__all__ = [
    "DIMENSIONS",
    "NONE",
    "OVERLAP",
    "SORTED",
    "Group",
    "Key",
    "Name",
    "Summary",
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


@dataclass(frozen=True, slots=True)
class Group:
    """Passages counted together."""

    key: Key  # empty for the total
    # passages by their labels; ``()`` for no label
    sets: Mapping[tuple[str, ...], int] = field(default_factory=dict, hash=False)
    low_confidence: int = 0  # passages of few words, or of many that the model does not know
    # those among them that are sentences (`tipclassify.reporting.subject.is_unknown`)
    unknown: int = 0

    @classmethod
    def of(cls, key: Key, passages: Sequence[Passage]) -> Group:
        """Count the passages."""
        return cls(
            key,
            Counter(passage.labels for passage in passages),
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
        if label == NONE:
            return self.sets.get((), 0)
        return sum(number for labels, number in self.sets.items() if label in labels)

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
        """The totals to show: one for each publication, or a single one."""
        return self.totals or (self.total,)

    @property
    def file_names(self) -> dict[Name, Name]:
        """Names of the files without their folders; files of one name are numbered."""
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
        """Adjust the count of a label in a group; None without error rates, or for ``NONE``."""
        if self.rates is None or label == NONE:
            return None
        estimate = adjust(group.count(label), group.passages, self.rates[label])
        sentences = group.passages - group.low_confidence + group.unknown
        if is_unread(group.unknown, sentences):
            return replace(estimate, notes=(*estimate.notes, "unclear"))
        return estimate

    def notes(self) -> list[str]:
        """List the keys of `NOTES` that any adjusted count has."""
        notes: set[str] = set()
        for group in (*self.groups, *self.shown_totals):
            for label in LABELS:
                if estimate := self.estimate(group, label):
                    notes.update(estimate.notes)
        return [note for note in NOTES if note in notes]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield plain values of each group, then of the totals, for JSON.

        A share of no passages is None.
        """
        for group in self.groups:
            yield self._row(group, self._names(group), is_total=False)
        for total in self.shown_totals:
            names: dict[str, Name] = dict.fromkeys(self.by)
            if total.key and "publication" in names:
                names["publication"] = total.key[0]
            yield self._row(total, names, is_total=True)

    def _names(self, group: Group) -> dict[str, Name]:
        """Name the dimensions of a group, files without their folders."""
        names = dict(zip(self.by, group.key, strict=True))
        if "file" in names:
            names["file"] = self.file_names[names["file"]]
        return names

    def _row(self, group: Group, names: Mapping[str, Name], is_total: bool) -> dict[str, Any]:
        return {
            **names,
            "total": is_total,
            "passages": group.passages,
            "low_confidence": group.low_confidence,
            "labels": {label: self._figures(group, label) for label in LABELS},
            "none": self._figures(group, NONE),
            **self.about,
        }

    def _figures(self, group: Group, label: str) -> dict[str, Any]:
        figures: dict[str, Any] = {
            "count": group.count(label),
            "share": round(group.share(label), 4) if group.passages else None,
        }
        if estimate := self.estimate(group, label):
            share = round(estimate.count / group.passages, 4) if group.passages else None
            figures["adjusted"] = round(estimate.count, 2)
            figures["low"] = round(estimate.low, 2)
            figures["high"] = round(estimate.high, 2)
            figures["adjusted_share"] = share
            figures["notes"] = list(estimate.notes)
        return figures


def summarize(
    reports: TaggedReport | Iterable[TaggedReport],
    context: ScoringContext | None = None,
    by: Sequence[str] = ("file",),
    overrides: Mapping[str, float] | None = None,
    publication: str | None = None,
    add_up: bool = False,
) -> Summary:
    """Count the passages of `reports` by label.

    With `publication`, only those of publications that have these words in their name. Where there
    are several publications, each has groups and a total of its own, also if `by` does not name
    them; with `add_up` there are only the groups that `by` names.

    Input rows are counted under their own file, country, year and section. There is a group for
    every combination of `by`, some of ``DIMENSIONS``, that occurs; `overrides` are the classifier's
    threshold overrides, by label, found by themselves if omitted. `context` is the model and policy
    that tagged the reports; what `tag_report` noted if omitted.

    Raises `ValueError` when there is no report, `by` has an unknown name, or reports were tagged
    differently.

    >>> from tipclassify import Document, tag_report
    >>> text = "Police arrested nine traffickers. Courts convicted none of them."
    >>> summary = summarize(tag_report(Document.from_text(text, "a.txt")))
    >>> [(group.key, group.passages, group.count("failure")) for group in summary.groups]
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
    counter = _Counter(by, publication)
    for report in reports:
        counter.add(report)
    counted = _by_publication(by, counter.groups, add_up)
    moved = [f"{label}={value:g}" for label, value in overrides.items()]
    about = {"policy": ", ".join([context.policy, *moved]), "model": context.about()["model"][:12]}
    return Summary(
        counted.by,
        tuple(_in_order(counted.groups, counted.by)),
        sum(counted.groups.values(), Group(())),
        error_rates(context.classifier.meta, context.policy, overrides),
        about,
        tuple(counter.subjects.values()),
        counted.totals,
    )


class _Counter:
    """Groups of passages while reports are added, by the dimensions, then by publication."""

    def __init__(self, by: Sequence[str], publication: str | None) -> None:
        self._by = by
        self._publication = publication
        self.groups: dict[Key, Group] = {}
        self.subjects: defaultdict[str, Subject] = defaultdict(Subject)  # of each file

    def add(self, report: TaggedReport) -> None:
        """Add the passages of a report, as far as they are of the publication that is wanted."""
        by_key: defaultdict[Key, list[Passage]] = defaultdict(list)
        for finding in report.findings():
            if _is_called(finding.publication, self._publication):
                by_key[self._key_of_finding(finding)].append(finding.passage)
        # show a report without passages, but no section
        is_shown = _is_called(report.publication, self._publication) and set(self._by) != {
            "section"
        }
        if is_shown and not report.passages:
            by_key[self._key_of_report(report)] = []
        for key, passages in by_key.items():
            self.groups[key] = self.groups.get(key, Group(key)) + Group.of(key, passages)
        if by_key:
            self.subjects[report.file] += Subject.of(report.passages)

    def _key_of_finding(self, finding: Finding) -> Key:
        """Make the key of a passage; rows have their own file, country and year in columns."""
        row = finding.extra
        names: dict[str, Name] = {
            "file": _text(row.get("file") or finding.file),
            "country": _text(finding.country or row.get("country")),
            "publication": _text(finding.publication),
            "year": _year(finding.year or row.get("year")),
            "section": _section(finding.passage.section),
        }
        return self._key(names)

    def _key_of_report(self, report: TaggedReport) -> Key:
        names: dict[str, Name] = {
            "file": _text(report.file),
            "country": _text(report.country),
            "publication": _text(report.publication),
            "year": _year(report.year),
            "section": None,
        }
        return self._key(names)

    def _key(self, names: Mapping[str, Name]) -> Key:
        return (*(names[dimension] for dimension in self._by), names["publication"])


def _is_called(publication: str | None, wanted: str | None) -> bool:
    """Return whether a publication is the one that is wanted: has these words in its name."""
    return wanted is None or wanted.casefold() in (publication or "").casefold()


def _in_order(groups: Mapping[Key, Group], by: Sequence[str]) -> list[Group]:
    """Sort groups by their dimensions: by `rank`, or in order of appearance."""
    # place of each group, and of each group of groups, by order of appearance
    first: dict[Key, int] = {}
    for number, key in enumerate(groups):
        for length in range(1, len(key) + 1):
            first.setdefault(key[:length], number)

    def place(group: Group) -> list[tuple[int, int, str]]:
        ranks = []
        for at, (dimension, name) in enumerate(zip(by, group.key, strict=True)):
            if dimension in SORTED:
                ranks.append(rank(name))
            else:
                ranks.append((first[group.key[: at + 1]], 0, ""))
        return ranks

    return sorted(groups.values(), key=place)


@dataclass(frozen=True, slots=True)
class _ByPublication:
    """Groups by the dimensions `by`, and the total of each publication, unless added up."""

    by: tuple[str, ...]
    groups: Mapping[Key, Group]
    totals: tuple[Group, ...]


def _by_publication(by: Sequence[str], groups: Mapping[Key, Group], add_up: bool) -> _ByPublication:
    """Take the publication out of the keys, whose last part it is, or to its place if several."""
    publications = sorted({key[-1] for key in groups}, key=rank)
    has_several = len(publications) > 1
    is_apart = has_several and not add_up and "publication" not in by
    # Behind the country, whose rows it parts; else first, so that the rows of a publication stand
    # together.
    place = next((by.index(name) + 1 for name in ("country", "file") if name in by), 0)
    regrouped: dict[Key, Group] = {}
    for key, group in groups.items():
        new_key = (*key[:place], key[-1], *key[place:-1]) if is_apart else key[:-1]
        regrouped[new_key] = regrouped.get(new_key, Group(new_key)) + group
    dimensions = (*by[:place], "publication", *by[place:]) if is_apart else tuple(by)
    totals: list[Group] = []
    if has_several and not add_up:
        for publication in publications:
            of_publication = (group for key, group in groups.items() if key[-1] == publication)
            totals.append(sum(of_publication, Group((publication,))))
    return _ByPublication(dimensions, regrouped, tuple(totals))


def _year(value: object) -> Name:
    """Convert a year to a whole number, if it is one; else to text."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = _text(value)
    is_number = text and len(text) < 10 and text.isascii() and text.isdigit()
    return int(text) if text and is_number else text


def _section(name: str | None) -> str | None:
    """Fold a section to one of `FOLDED`."""
    text = _text(name)
    return fold_section(text) if text else None


def _text(value: object) -> str | None:
    """Convert a name to text that any encoding can write; None for None, NaN and blanks."""
    text = "" if value is None or value != value else str(value).strip()
    return text.encode("utf-8", "backslashreplace").decode() or None


def shown_name(name: Name, dimension: str) -> str:
    """Make the display name of a file, country, year or section."""
    return f"(no {dimension})" if name is None else one_line(str(name))


def rank(name: Name) -> tuple[int, int, str]:
    """Make the sort key of a country, year or section: numbers, plain text, then None.

    Text is compared without case and accents.
    """
    if isinstance(name, int) or name in FOLDED:
        return 0, name if isinstance(name, int) else FOLDED.index(name), ""
    if name is None:
        return 2, 0, ""
    plain = "".join(
        char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char)
    )
    return 1, 0, f"{plain.casefold()}\0{name}"
