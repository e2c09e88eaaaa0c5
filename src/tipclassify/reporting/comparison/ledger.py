"""Ledger of a country and publication: a line for each passage that persists over the years.

A passage is followed from each year to the next by its words
(`tipclassify.reporting.comparison.alignment`): "the same sentence since 2016". What a report says
again year after year, an obligation not met, say, is a finding of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from tipclassify.labels import LABELS
from tipclassify.reporting.comparison.alignment import align_reports
from tipclassify.reporting.comparison.changed_words import ComparedWords, changed_words
from tipclassify.reporting.comparison.consistency import (
    SplitDecisionInReport,
    split_decisions_of_report,
)
from tipclassify.reporting.comparison.identity import (
    ReportIdentity,
    identity_of_report,
    refusals_by_subject,
)
from tipclassify.reporting.comparison.normalization import ReportSides, normalize_wording
from tipclassify.reporting.report import Finding, ScoringContext, TaggedReport

__all__ = [
    "Ledger",
    "LedgerLine",
    "LedgerStanding",
    "build_ledger",
    "ledger_refusals",
    "sort_reports_by_year",
]


@dataclass(frozen=True, slots=True)
class LedgerStanding:
    """A passage as it stands in the report of one year."""

    year: str
    finding: Finding
    status: str  # "first", or what it is to the year before it: "repeated", "moved" or "reworded"

    def to_dict(self) -> dict[str, object]:
        """Convert to plain values for JSON, the passage as in ``score --format jsonl``."""
        return {"year": self.year, "status": self.status, **self.finding.passage.to_dict()}


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """A passage in all years in which it stood, in their order."""

    standings: tuple[LedgerStanding, ...]

    @property
    def first(self) -> LedgerStanding:
        """Where it stood first."""
        return self.standings[0]

    @property
    def last(self) -> LedgerStanding:
        """Where it stood last."""
        return self.standings[-1]

    @property
    def years(self) -> list[str]:
        """Years in which it stood."""
        return [standing.year for standing in self.standings]

    @property
    def same_since(self) -> str:
        """First of the years since which it has had the words that it has in the last."""
        since = self.last.year
        for later, earlier in pairwise(reversed(self.standings)):
            if later.status == "reworded":
                break
            since = earlier.year
        return since

    @property
    def is_retagged(self) -> bool:
        """Whether its labels are not the same in all years."""
        return len({standing.finding.passage.labels for standing in self.standings}) > 1

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels that it has in its last year or, if it has none there, that it had in any."""
        if self.last.finding.passage.labels:
            return self.last.finding.passage.labels
        ever = {label for standing in self.standings for label in standing.finding.passage.labels}
        return tuple(label for label in LABELS if label in ever)

    def words(self) -> ReportSides[list[ComparedWords]]:
        """Segment its first and last wording into words that both have and words that differ."""
        return changed_words(self.first.finding.passage.text, self.last.finding.passage.text)

    def to_dict(self) -> dict[str, object]:
        """Convert to plain values for JSON."""
        return {
            "years": self.years,
            "first": self.first.year,
            "last": self.last.year,
            "same_since": self.same_since,
            "labels": list(self.labels),
            "retagged": self.is_retagged,
            "standings": [standing.to_dict() for standing in self.standings],
        }


@dataclass(frozen=True, slots=True)
class Ledger:
    """Reports of one country and publication, by year, and the passages that persist in them."""

    reports: tuple[TaggedReport, ...]
    years: tuple[str, ...]
    lines: tuple[LedgerLine, ...]  # those that stood in most years first

    @property
    def identities(self) -> list[ReportIdentity]:
        """Country, publication and year of each report."""
        return [identity_of_report(report) for report in self.reports]

    @property
    def subject(self) -> str:
        """Publication and country, in words, as far as they are known and the same."""
        publication = _value_shared_by_reports(
            {identity.publication for identity in self.identities}
        )
        country = _value_shared_by_reports({identity.country for identity in self.identities})
        return ": ".join(part for part in (publication, country) if part)

    @property
    def split_decisions(self) -> list[SplitDecisionInReport]:
        """Sentences that stand in several places of one report, with different labels."""
        return [
            decision
            for year, report in zip(self.years, self.reports, strict=True)
            for decision in split_decisions_of_report(report, year)
        ]

    def to_dict(self) -> dict[str, object]:
        """Convert to plain values for JSON, with passages as in ``score --format jsonl``."""
        reports = []
        for year, report in zip(self.years, self.reports, strict=True):
            facts = {
                "year": year,
                "title": report.title,
                "address": report.address,
                "passages": len(report.passages),
            }
            reports.append(facts)
        return {
            "subject": self.subject,
            "years": list(self.years),
            "reports": reports,
            "lines": [line.to_dict() for line in self.lines],
            "tagged_both_ways": [decision.to_dict() for decision in self.split_decisions],
        }


def _value_shared_by_reports(values: set[str | None]) -> str | None:
    """Return the value of a set that has one; else None."""
    return next(iter(values)) if len(values) == 1 else None


def sort_reports_by_year(reports: Sequence[TaggedReport]) -> list[TaggedReport]:
    """Sort reports by year; those of unknown years stay where they are, if any is unknown."""
    years = [identity_of_report(report).year for report in reports]
    if not all(years):
        return list(reports)
    return sorted(reports, key=lambda report: identity_of_report(report).year or 0)


def ledger_refusals(reports: Sequence[TaggedReport]) -> list[str]:
    """List why the reports are not different years of one country and publication."""
    identities = [identity_of_report(report) for report in reports]
    refusals = refusals_by_subject(identities)
    unknown = [identity.name for identity in identities if not identity.year]
    if unknown:
        refusals.append(
            f"the year of {unknown[0]} is not known: the order would be that of the command"
        )
    years = [identity.year for identity in identities if identity.year]
    twice = sorted({year for year in years if years.count(year) > 1})
    if twice:
        refusals.append(f"two are of {twice[0]}: a year has one report of a publication")
    return refusals


def build_ledger(
    reports: Sequence[TaggedReport], context: ScoringContext, everything: bool = False
) -> Ledger:
    """Follow the passages of reports, in the order of their years.

    With `everything`, those that stand in one year only are kept, too.

    >>> from tipclassify import Classifier
    >>> from tipclassify.text.segmentation.passages import text_document
    >>> context = ScoringContext(Classifier.load())
    >>> texts = [f"Courts convicted {number} traffickers." for number in ("nine", "nine", "two")]
    >>> documents = [text_document(text) for text in texts]
    >>> reports = [TaggedReport("x", d, context.classifier.tag(d)) for d in documents]
    >>> [(line.years, line.same_since) for line in build_ledger(reports, context).lines]
    [(['1', '2', '3'], '3')]
    """
    years = _name_ledger_years(reports)
    threads = _LedgerThreads()
    earlier: TaggedReport | None = None
    for year, report in zip(years, reports, strict=True):
        links = _link_passages_of_years(earlier, report, context) if earlier else []
        threads.add_year(year, list(report.findings()), links)
        earlier = report
    lines = [
        LedgerLine(tuple(thread.standings))
        for thread in threads.threads
        if everything or len(thread.standings) > 1
    ]
    in_reading_order = _sort_ledger_lines(_drop_joined_ledger_lines(lines), years)
    return Ledger(tuple(reports), tuple(years), tuple(in_reading_order))


class _PassageLink(NamedTuple):
    """Two passages of successive reports that continue each other."""

    old: int
    new: int
    status: str  # "repeated", "moved" or "reworded"


def _link_passages_of_years(
    old: TaggedReport, new: TaggedReport, context: ScoringContext
) -> list[_PassageLink]:
    """List the passages of two reports that continue each other, each pair once."""
    alignment = align_reports(old.passages, new.passages, context.classifier.vocabulary)
    links: dict[tuple[int, int], _PassageLink] = {}  # by the places of the passages
    for new_place, continuation in enumerate(alignment.new):
        if continuation:
            link = _PassageLink(continuation.index, new_place, continuation.status)
            links[link.old, link.new] = link
    for old_place, continuation in enumerate(alignment.old):
        if continuation:
            link = _PassageLink(old_place, continuation.index, continuation.status)
            links.setdefault((link.old, link.new), link)
    return list(links.values())


@dataclass(slots=True)
class _LedgerThread:
    """A line while it is followed."""

    standings: list[LedgerStanding] = field(default_factory=list)


class _LedgerThreads:
    """Lines while reports are added year by year."""

    def __init__(self) -> None:
        self.threads: list[_LedgerThread] = []
        # by the place of their passage in the report added last
        self._last: dict[int, list[_LedgerThread]] = {}
        # by their last words, to find what comes back after a year
        self._by_words: dict[str, _LedgerThread] = {}

    def add_year(
        self, year: str, findings: Sequence[Finding], links: Sequence[_PassageLink]
    ) -> None:
        """Add a report; `links` lead from the passages of the report before to its own."""
        current: defaultdict[int, list[_LedgerThread]] = defaultdict(list)
        for link in links:
            for thread in self._last.get(link.old, ()):
                standing = LedgerStanding(year, findings[link.new], link.status)
                current[link.new].append(self._continued(thread, standing))
        for place, finding in enumerate(findings):
            if place not in current:
                current[place].append(self._begun(year, finding))
        for at_place in current.values():
            for thread in at_place:
                words = normalize_wording(thread.standings[-1].finding.passage.text)
                self._by_words[words] = thread
        self._last = current

    def _continued(self, thread: _LedgerThread, standing: LedgerStanding) -> _LedgerThread:
        """Add where a passage stands; one that stands twice in a year has two lines from then.

        A sentence that was split stands twice.
        """
        if thread.standings[-1].year == standing.year:
            thread = _LedgerThread(thread.standings[:-1])
            self.threads.append(thread)
        thread.standings.append(standing)
        return thread

    def _begun(self, year: str, finding: Finding) -> _LedgerThread:
        """Return the line of a passage that comes back, or begin one."""
        earlier = self._by_words.get(normalize_wording(finding.passage.text))
        if earlier and earlier.standings[-1].year != year:
            earlier.standings.append(LedgerStanding(year, finding, "repeated"))
            return earlier
        thread = _LedgerThread([LedgerStanding(year, finding, "first")])
        self.threads.append(thread)
        return thread


def _drop_joined_ledger_lines(lines: list[LedgerLine]) -> list[LedgerLine]:
    """Keep the longest of lines that end in the same passage, since sentences were joined."""
    longest: dict[tuple[str, int, int], LedgerLine] = {}
    for line in lines:
        passage = line.last.finding.passage
        end = (line.last.year, passage.start, passage.end)
        if end not in longest or len(line.standings) > len(longest[end].standings):
            longest[end] = line
    return list(longest.values())


def _name_ledger_years(reports: Sequence[TaggedReport]) -> list[str]:
    """Name the reports by their years if these are known and differ, else by their number."""
    years = [identity_of_report(report).year for report in reports]
    if all(years) and len(set(years)) == len(years):
        return [str(year) for year in years]
    return [str(number) for number in range(1, len(reports) + 1)]


def _sort_ledger_lines(lines: list[LedgerLine], years: Sequence[str]) -> list[LedgerLine]:
    """Sort lines: most years first, then failures, complicity, efforts, then in reading order."""
    ranks = {"failure": 0, "complicity": 1, "positive_effort": 2}

    def rank_of_line(line: LedgerLine) -> tuple[int, int, int, int]:
        most_years_first = -len(line.standings)
        rank_of_label = min((ranks[label] for label in line.labels), default=len(ranks))
        latest_first = -years.index(line.last.year)
        return most_years_first, rank_of_label, latest_first, line.last.finding.passage.start

    return sorted(lines, key=rank_of_line)
