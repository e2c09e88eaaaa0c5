"""Brief on a country over the years: counts, breaks, and the strongest findings that differ.

What people decided on findings stands in place of the tags; what is quoted is new or gone by its
words, in a section that both years write, and no borderline tag.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, NamedTuple

from tipclassify.labels import label_name
from tipclassify.records import Passage, Report, Run
from tipclassify.reports.cite import Citation, cite, run_of
from tipclassify.reports.compare.comparison import Comparison, compare
from tipclassify.reports.compare.identity import subject, year_of
from tipclassify.reports.counts import Group
from tipclassify.reports.findings import Nature, natures_of, rank, wording

_STRONGEST: Final = 5  # findings of a label that are quoted
_SENTENCE: Final = Nature("sentence", None, on_subject=True)


class Place(NamedTuple):
    """Where a finding stands, and the key of its words."""

    key: str
    start: int
    end: int

    @classmethod
    def of(cls, passage: Passage) -> Place:
        return cls(passage.key, passage.start, passage.end)


class Decided(NamedTuple):
    """The labels that people gave a finding, and who they are."""

    labels: tuple[str, ...]
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A finding that is new or gone by its words."""

    when: str  # "newly reported in 2022"
    cited: Citation
    people: tuple[str, ...]  # who decided on it

    @property
    def checked(self) -> str:
        """Say who checked it."""
        return f"checked by {', '.join(self.people)}" if self.people else "not checked"


@dataclass(frozen=True, slots=True)
class Brief:
    """Reports of one country and publication, in the order of their years."""

    reports: tuple[Report, ...]
    run: Run
    tagged: tuple[Group, ...]  # counts of each report, as tagged
    checked: tuple[Group, ...]  # the same with what people decided
    comparisons: tuple[Comparison, ...]  # of each two years in a row, as checked
    decided: Mapping[Place, Decided]  # findings of these reports

    @property
    def years(self) -> list[str]:
        """Years of the reports."""
        return [str(year_of(report)) for report in self.reports]

    @property
    def title(self) -> str:
        """Name publication, country and years."""
        return f"{subject(self.reports)}, {self.years[0]} to {self.years[-1]}"

    def breaks(self) -> list[str]:
        """Say in a line each what makes two years differ, though nothing changed."""
        lines = []
        for comparison in self.comparisons:
            lines += comparison.break_lines()
            if comparison.is_of_wholes:
                old, new = comparison.names
                lines.append(f"the outlines of {old} and {new} do not correspond: none is compared")
        return lines

    def counts(self, label: str) -> list[str]:
        """Count the sentences with a label by year: as tagged and, where it differs, as checked."""
        cells = []
        for tagged, checked in zip(self.tagged, self.checked, strict=True):
            cell = f"{tagged.count(label):,}"
            if checked.count(label) != tagged.count(label):
                cell += f" ({checked.count(label):,} as checked)"
            cells.append(cell)
        return cells

    def checks(self) -> str:
        """Say how many findings people checked, and who."""
        findings = sum(group.tagged for group in self.tagged)
        people = sorted({name for each in self.decided.values() for name in each.people})
        if not people:
            return f"None of the {findings:,} findings was checked by a person."
        number = f"{len(self.decided):,} of the {findings:,} findings"
        return f"{number} were checked, by {', '.join(people)}; the others are a program’s alone."

    def differences(self, label: str) -> list[Difference]:
        """List the strongest findings with a label that differ between two years in a row."""
        ranked: dict[int, tuple[float, int, Difference]] = {}
        for number, comparison in enumerate(self.comparisons):
            for report, passage, when in _alone(comparison, label):
                strength = rank(passage, _SENTENCE)
                words = wording(passage.text)
                if strength and (words not in ranked or ranked[words][0] < strength):
                    decided = self.decided.get(Place.of(passage), Decided((), ()))
                    found = Difference(when, cite(report, passage), decided.people)
                    ranked[words] = strength, number, found
        strongest = sorted(ranked.values(), key=lambda each: (-each[0], each[1]))[:_STRONGEST]
        return [found for _, _, found in sorted(strongest, key=lambda each: each[1])]


def _alone(comparison: Comparison, label: str) -> Iterator[tuple[Report, Passage, str]]:
    """Yield the sentences with a label that only one of two years has, and when they came or went."""
    if comparison.is_of_wholes:
        return
    _, new = comparison.names
    for change in comparison.changes:
        labels = {of_label.label for of_label in change.labels if not of_label.borderline}
        if len(change.sides) == 2 or change.is_break or label not in labels:
            continue
        report = comparison.new if change.new else comparison.old
        when = f"newly reported in {new}" if change.new else f"no longer reported in {new}"
        (passage,) = change.sides
        if passage.kind == "sentence" and not report.is_doubtful(passage):
            yield report, passage, when


def briefs(
    reports: Iterable[Report], decided: Mapping[Place, Decided] = {}
) -> tuple[list[Brief], list[str]]:
    """Make a brief of each country and publication with two years; name the reports left out.

    >>> from tipclassify import Document, tag_report
    >>> texts = {2023: "Courts convicted nine men.", 2024: "Courts freed nine men of Salwen."}
    >>> reports = [
    ...     tag_report(replace(Document.from_text(text), country="Karvonia", year=year))
    ...     for year, text in texts.items()
    ... ]
    >>> (brief,), left_out = briefs(reports)
    >>> brief.title, left_out
    ('Karvonia, 2023 to 2024', [])
    """
    series: defaultdict[tuple[str, str], dict[int, Report]] = defaultdict(dict)
    left_out = []
    for report in reports:
        year = year_of(report)
        of_series = series[report.country or "", report.publication or ""]
        if not report.country or not year or year in of_series:
            left_out.append(report.file)
        else:
            of_series[year] = report
    made = []
    for (country, _), of_series in sorted(series.items()):
        in_order = [of_series[year] for year in sorted(of_series)]
        if len(in_order) > 1:
            made.append(_brief(in_order, decided))
        elif country:
            left_out += [report.file for report in in_order]
    return made, left_out


def _brief(reports: Sequence[Report], decided: Mapping[Place, Decided]) -> Brief:
    checked = []
    here = {}
    for report in reports:
        passages = []
        for passage in report.passages:
            found = decided.get(Place.of(passage))
            if found is not None:
                here[Place.of(passage)] = found
            passages.append(replace(passage, labels=found.labels) if found else passage)
        checked.append(replace(report, passages=passages))
    return Brief(
        reports=tuple(reports),
        run=run_of(*reports),
        tagged=tuple(map(_counts, reports)),
        checked=tuple(map(_counts, checked)),
        comparisons=tuple(compare(old, new) for old, new in pairwise(checked)),
        decided=here,
    )


def _counts(report: Report) -> Group:
    return Group.of((), report.passages, natures_of(report, {}), report.publication)


def table(brief: Brief) -> Iterator[list[str]]:
    """Yield the rows of the counts: a header of years, then one for each label."""
    yield ["sentences about trafficking", *brief.years]
    for label in brief.run.labels:
        yield [label_name(label), *brief.counts(label)]
