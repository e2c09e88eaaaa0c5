"""Ledger of a country and publication: reports of several years in, a line for each passage that
persists out.

A passage is followed from each year to the next by its words
(`tipclassify.reporting.comparison.alignment`): "the same sentence since 2016". What a report says
again year after year, an obligation not met, say, is a finding of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tipclassify.labels import LABELS
from tipclassify.reporting.comparison.alignment import (
    Segment,
    changed_words,
    continuations,
    normalize,
)
from tipclassify.reporting.comparison.identity import Identity, identity_of, subject_refusals
from tipclassify.reporting.report import Finding, ScoringContext, TaggedReport

__all__ = ["Ledger", "LedgerLine", "Standing", "build_ledger", "in_order", "ledger_refusals"]


@dataclass(frozen=True, slots=True)
class Standing:
    """A passage as it stands in the report of one year."""

    year: str
    finding: Finding
    status: str  # "first", or what it is to the year before it: "repeated", "moved" or "reworded"


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """A passage in all years in which it stood, in their order."""

    standings: tuple[Standing, ...]

    @property
    def first(self) -> Standing:
        """Where it stood first."""
        return self.standings[0]

    @property
    def last(self) -> Standing:
        """Where it stood last."""
        return self.standings[-1]

    @property
    def years(self) -> list[str]:
        """Years in which it stood."""
        return [standing.year for standing in self.standings]

    @property
    def same_since(self) -> str:
        """First of the years in which it had the words that it has in the last, without a change
        between."""
        since = self.last.year
        for before, after in pairwise(reversed(self.standings)):
            if before.status == "reworded":
                break
            since = after.year
        return since

    @property
    def is_retagged(self) -> bool:
        """Whether its labels are not the same in all years."""
        return len({standing.finding.passage.labels for standing in self.standings}) > 1

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels that it has in its last year or, if it has none there, those that it had in
        any."""
        if self.last.finding.passage.labels:
            return self.last.finding.passage.labels
        ever = {label for standing in self.standings for label in standing.finding.passage.labels}
        return tuple(label for label in LABELS if label in ever)

    def words(self) -> tuple[list[Segment], list[Segment]]:
        """Segment its first and its last wording into words that both have and words that
        differ."""
        return changed_words(self.first.finding.passage.text, self.last.finding.passage.text)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Reports of one country and publication, their years in order, and the passages that
    persist in them."""

    reports: tuple[TaggedReport, ...]
    years: tuple[str, ...]
    lines: tuple[LedgerLine, ...]  # those that stood in most years first

    @property
    def identities(self) -> list[Identity]:
        """Country, publication and year of each report."""
        return [identity_of(report) for report in self.reports]

    @property
    def subject(self) -> str:
        """What the reports are of, in words: publication and country, as far as they are known
        and the same."""
        publications = {one.publication for one in self.identities}
        countries = {one.country for one in self.identities}
        sole = [values.pop() if len(values) == 1 else None for values in (publications, countries)]
        return ": ".join(part for part in sole if part)

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain values for JSON: each line with all its passages, as in ``score
        --format jsonl``."""
        return {
            "subject": self.subject,
            "years": list(self.years),
            "reports": [
                {
                    "year": year,
                    "title": report.title,
                    "address": report.address,
                    "passages": len(report.passages),
                }
                for year, report in zip(self.years, self.reports, strict=True)
            ],
            "lines": [_line_to_dict(line) for line in self.lines],
        }


def _line_to_dict(line: LedgerLine) -> dict[str, Any]:
    standings = []
    for standing in line.standings:
        passage = standing.finding.passage.to_dict()
        standings.append({"year": standing.year, "status": standing.status, **passage})
    return {
        "years": line.years,
        "first": line.first.year,
        "last": line.last.year,
        "same_since": line.same_since,
        "labels": list(line.labels),
        "retagged": line.is_retagged,
        "standings": standings,
    }


def in_order(reports: Sequence[TaggedReport]) -> list[TaggedReport]:
    """Sort reports by year; those of unknown years stay where they are, if any is unknown."""
    years = [identity_of(report).year for report in reports]
    if not all(years):
        return list(reports)
    return sorted(reports, key=lambda report: identity_of(report).year or 0)


def ledger_refusals(reports: Sequence[TaggedReport]) -> list[str]:
    """List why the reports are not different years of one country and publication."""
    identities = [identity_of(report) for report in reports]
    refusals = subject_refusals(identities)
    unknown = [one.name for one in identities if not one.year]
    if unknown:
        refusals.append(
            f"the year of {unknown[0]} is not known: the order would be that of the command"
        )
    years = [one.year for one in identities if one.year]
    twice = sorted({year for year in years if years.count(year) > 1})
    if twice:
        refusals.append(f"two are of {twice[0]}: a year has one report of a publication")
    return refusals


@dataclass(slots=True)
class _Thread:
    """A line while it is followed."""

    standings: list[Standing] = field(default_factory=list)


def build_ledger(
    reports: Sequence[TaggedReport], context: ScoringContext, everything: bool = False
) -> Ledger:
    """Follow the passages of reports, given in the order of their years; `everything` keeps those
    of one year too.

    >>> from tipclassify import Classifier
    >>> from tipclassify.text.segmentation.passages import text_document
    >>> context = ScoringContext(Classifier.load())
    >>> documents = [text_document(f"Courts convicted {n} traffickers.") for n in ("nine", "nine", "two")]
    >>> reports = [TaggedReport("x", d, context.classifier.tag(d)) for d in documents]
    >>> [(line.years, line.same_since) for line in build_ledger(reports, context).lines]
    [(['1', '2', '3'], '3')]
    """
    years = _names(reports)
    threads: list[_Thread] = []
    # threads by their place in the report before
    ends: defaultdict[int, list[_Thread]] = defaultdict(list)
    # threads by their last words, to find what comes back after a year
    earlier: dict[str, _Thread] = {}
    for at, report in enumerate(reports):
        findings = list(report.findings())
        now: defaultdict[int, list[_Thread]] = defaultdict(list)
        if at:
            links = _links(reports[at - 1], report, context)
            for before, after, status in links:
                for thread in ends[before]:
                    _follow(
                        thread, after, Standing(years[at], findings[after], status), threads, now
                    )
        for place, finding in enumerate(findings):
            if place in now:
                continue
            back = earlier.get(normalize(finding.passage.text))
            if back and back.standings[-1].year != years[at]:
                back.standings.append(Standing(years[at], finding, "repeated"))
                now[place].append(back)
            else:
                begun = _Thread([Standing(years[at], finding, "first")])
                threads.append(begun)
                now[place].append(begun)
        for followed in now.values():
            for thread in followed:
                earlier[normalize(thread.standings[-1].finding.passage.text)] = thread
        ends = now
    lines = [
        LedgerLine(tuple(thread.standings))
        for thread in threads
        if everything or len(thread.standings) > 1
    ]
    lines = _without_joined(lines)
    return Ledger(tuple(reports), tuple(years), tuple(_sorted(lines, years)))


def _follow(
    thread: _Thread,
    place: int,
    standing: Standing,
    threads: list[_Thread],
    now: dict[int, list[_Thread]],
) -> None:
    """Add where a passage stands; one that stands twice in a year, as a split sentence does, has
    two lines from then."""
    if thread.standings[-1].year == standing.year:
        thread = _Thread(thread.standings[:-1])
        threads.append(thread)
    thread.standings.append(standing)
    now[place].append(thread)


def _links(
    old: TaggedReport, new: TaggedReport, context: ScoringContext
) -> list[tuple[int, int, str]]:
    """List what continues what: places in OLD and NEW, and how."""
    alignment = continuations(old.passages, new.passages, context.classifier.vocabulary)
    links = [
        (found.index, place, found.status) for place, found in enumerate(alignment.new) if found
    ]
    known = {(before, after) for before, after, _ in links}
    for place, found in enumerate(alignment.old):
        if found and (place, found.index) not in known:
            links.append((place, found.index, found.status))
    return links


def _without_joined(lines: list[LedgerLine]) -> list[LedgerLine]:
    """Keep, of lines that end in the same passage, since sentences were joined, the one that
    stood longest."""
    longest: dict[tuple[str, int, int], LedgerLine] = {}
    for line in lines:
        passage = line.last.finding.passage
        end = line.last.year, passage.start, passage.end
        if end not in longest or len(line.standings) > len(longest[end].standings):
            longest[end] = line
    return list(longest.values())


def _names(reports: Sequence[TaggedReport]) -> list[str]:
    """Name the reports by their years if these are known and differ, else by their number."""
    years = [identity_of(report).year for report in reports]
    if all(years) and len(set(years)) == len(years):
        return [str(year) for year in years]
    return [str(number) for number in range(1, len(reports) + 1)]


def _sorted(lines: list[LedgerLine], years: Sequence[str]) -> list[LedgerLine]:
    """Sort lines: those of most years first, then failures, complicity, efforts, and the order
    of the last report."""
    ranks = {"failure": 0, "complicity": 1, "positive_effort": 2}

    def key(line: LedgerLine) -> tuple[int, int, int, int]:
        rank = min((ranks[label] for label in line.labels), default=len(ranks))
        last = line.last
        return -len(line.standings), rank, -years.index(last.year), last.finding.passage.start

    return sorted(lines, key=key)
