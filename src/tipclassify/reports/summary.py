"""Summary of reports: passages by label, by file, country, publication, year or section, in total.

Publications are not added up unless somebody asks for it: a country's page in one and its narrative
in another count different things, and a year that has both would look like a leap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypedDict

from tipclassify.labels import LABELS
from tipclassify.records import Report, Run, source_name
from tipclassify.reports.adjustment import (
    NOTES,
    AdjustedCount,
    AdjustmentRates,
    adjust_count,
    kind_of_publication,
    read_adjustment_rates,
    read_adjustment_rates_by_kind,
)
from tipclassify.reports.dimensions import DIMENSIONS, Name
from tipclassify.reports.group import NONE, Group
from tipclassify.reports.grouping import GroupCounter
from tipclassify.reports.report import run_of
from tipclassify.reports.subject import ReportSubject, are_report_tags_meaningless

__all__ = ["OVERLAP", "LabelCount", "Summary", "SummaryRow", "summarize"]

OVERLAP: Final = "A passage may have several labels: shares need not add up to 100%."
"""Note below every table of shares."""


class _CountAndShare(TypedDict):
    count: int
    share: float | None  # None of no passages


class LabelCount(_CountAndShare, total=False):
    """Count of a label and its share; the other fields if it is adjusted for errors."""

    adjusted: float
    low: float
    high: float
    adjusted_share: float | None
    notes: list[str]


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """Plain values of a group, or of a total."""

    names: Mapping[str, Name]  # by dimension
    is_total: bool
    passages: int
    low_confidence: int
    labels: dict[str, LabelCount]
    none: LabelCount  # of passages without a label
    facts: Mapping[str, str]  # policy, threshold overrides and model

    def nested(self) -> dict[str, object]:
        """Return the row as it stands in JSON, where each label has an object of figures."""
        return {
            **self.names,
            "total": self.is_total,
            "passages": self.passages,
            "low_confidence": self.low_confidence,
            "labels": self.labels,
            "none": self.none,
            **self.facts,
        }

    def flat(self) -> dict[str, object]:
        """Return the row as it stands in CSV: columns ``failure``, ``failure_share``, …"""
        columns: dict[str, object] = {
            **self.names,
            "total": self.is_total,
            "passages": self.passages,
            "low_confidence": self.low_confidence,
        }
        for label, counted in {**self.labels, "none": self.none}.items():
            for name, figure in counted.items():
                columns[label if name == "count" else f"{label}_{name}"] = figure
        return {**columns, **self.facts}


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
    rates: Mapping[str, AdjustmentRates] | None = None
    # the same of each kind of report by itself, for groups of one publication that is of a kind
    rates_by_kind: Mapping[str, Mapping[str, AdjustmentRates]] = field(
        default_factory=dict, hash=False
    )
    # policy, threshold overrides and model
    about: Mapping[str, str] = field(default_factory=dict, hash=False)
    # for each file, the number of its passages about trafficking
    subjects: tuple[ReportSubject, ...] = ()
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
        plain_names = [None if file is None else source_name(str(file)) for file in files]
        files_of_name = Counter(plain_names)
        seen: Counter[Name] = Counter()
        names: dict[Name, Name] = {}
        for file, name in zip(files, plain_names, strict=True):
            seen[name] += 1
            is_shared = files_of_name[name] > 1
            names[file] = f"{name} ({seen[name]})" if is_shared else name
        return names

    def estimate(self, group: Group, label: str) -> AdjustedCount | None:
        """Adjust the count of a label in a group; None without error rates, or for ``NONE``."""
        if self.rates is None or label == NONE:
            return None
        kind = kind_of_publication(group.publication)
        rates = self.rates_by_kind.get(kind, self.rates) if kind else self.rates
        estimate = adjust_count(group.count(label), group.passages, rates[label])
        if are_report_tags_meaningless(group.unknown, group.sentences):
            return replace(estimate, notes=(*estimate.notes, "unclear"))
        return estimate

    def rates_note(self) -> str | None:
        """Say of which kinds of report the error rates are; None where of all kinds together."""
        kinds = set()
        for group in (*self.groups, *self.shown_totals):
            kind = kind_of_publication(group.publication)
            if kind in self.rates_by_kind:
                kinds.add(str(kind))
        if not kinds:
            return None
        named = " and ".join(sorted(kinds))
        return f"Error rates of {named} are those on such reports alone."

    def notes(self) -> list[str]:
        """List the keys of `NOTES` that any adjusted count has."""
        notes: set[str] = set()
        for group in (*self.groups, *self.shown_totals):
            for label in LABELS:
                if estimate := self.estimate(group, label):
                    notes.update(estimate.notes)
        return [note for note in NOTES if note in notes]

    def rows(self) -> Iterator[dict[str, object]]:
        """Yield plain values of each group, then of the totals, for JSON.

        A share of no passages is None.
        """
        for row in self.summary_rows():
            yield row.nested()

    def summary_rows(self) -> Iterator[SummaryRow]:
        """Yield a row for each group, then for each total."""
        file_names = self.file_names
        for group in self.groups:
            yield self._row(group, self._names(group, file_names), is_total=False)
        for total in self.shown_totals:
            names: dict[str, Name] = dict.fromkeys(self.by)
            if total.key and "publication" in names:
                names["publication"] = total.key[0]
            yield self._row(total, names, is_total=True)

    def _names(self, group: Group, file_names: Mapping[Name, Name]) -> dict[str, Name]:
        """Name the dimensions of a group, files without their folders."""
        names = dict(zip(self.by, group.key, strict=True))
        if "file" in names:
            names["file"] = file_names[names["file"]]
        return names

    def _row(self, group: Group, names: Mapping[str, Name], is_total: bool) -> SummaryRow:
        return SummaryRow(
            names=names,
            is_total=is_total,
            passages=group.passages,
            low_confidence=group.low_confidence,
            labels={label: self._label_count(group, label) for label in LABELS},
            none=self._label_count(group, NONE),
            facts=self.about,
        )

    def _label_count(self, group: Group, label: str) -> LabelCount:
        count = group.count(label)
        counted = LabelCount(count=count, share=_rounded_summary_share(count, group))
        if estimate := self.estimate(group, label):
            counted["adjusted"] = round(estimate.count, 2)
            counted["low"] = round(estimate.low, 2)
            counted["high"] = round(estimate.high, 2)
            counted["adjusted_share"] = _rounded_summary_share(estimate.count, group)
            counted["notes"] = list(estimate.notes)
        return counted


def _rounded_summary_share(count: float, group: Group) -> float | None:
    return round(count / group.passages, 4) if group.passages else None


def summarize(
    reports: Report | Iterable[Report],
    run: Run | None = None,
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
    threshold overrides, by label, found by themselves if omitted. `run` is the model and policy
    that tagged the reports; what `tag_report` noted if omitted.

    Raises `ValueError` when there is no report, `by` has an unknown name, or reports were tagged
    differently.

    >>> from tipclassify import Document, tag_report
    >>> text = "Police arrested nine traffickers. Courts convicted none of them."
    >>> summary = summarize(tag_report(Document.from_text(text, "a.txt")))
    >>> [(group.key, group.passages, group.count("failure")) for group in summary.groups]
    [(('a.txt',), 2, 1)]
    """
    for name in by:
        if name not in DIMENSIONS:
            raise ValueError(f"unknown field {name!r}: use {', '.join(DIMENSIONS)}")
    if isinstance(reports, Report):
        reports = [reports]
    if run is None:
        reports = list(reports)
        run = run_of(None, reports)
    if overrides is None:
        overrides = run.moved
    counter = GroupCounter(by, publication)
    for report in reports:
        counter.add(report)
    counted = counter.in_order(add_up)
    moved_thresholds = [f"{label}={value:g}" for label, value in overrides.items()]
    return Summary(
        by=counted.by,
        groups=counted.groups,
        total=sum(counted.groups, Group(())),
        rates=read_adjustment_rates(run.meta, run.policy, overrides),
        rates_by_kind=read_adjustment_rates_by_kind(run.meta, run.policy, overrides),
        about={
            "policy": ", ".join([run.policy, *moved_thresholds]),
            "model": run.about()["model"][:12],
        },
        subjects=tuple(counter.subjects.values()),
        totals=counted.totals,
    )
