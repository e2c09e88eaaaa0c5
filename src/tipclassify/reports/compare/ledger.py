"""Ledger of a country and publication: a line for each passage that persists over the years.

A passage is followed from each year to the next by its words
(`tipclassify.reports.compare.alignment`): "the same sentence since 2016". What a report says
again year after year, an obligation not met, say, is a finding of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tipclassify.labels import LABELS
from tipclassify.records import Report, Run
from tipclassify.reports.compare.alignment import Alignment, align_reports
from tipclassify.reports.compare.changed_words import ComparedWords, changed_words
from tipclassify.reports.compare.consistency import (
    SplitDecisionInReport,
    split_decisions_of_report,
)
from tipclassify.reports.compare.identity import (
    ReportIdentity,
    identity_of_report,
    refusals_by_subject,
)
from tipclassify.reports.compare.normalization import ReportSides, normalize_wording
from tipclassify.reports.compare.terms import extract_compared_terms
from tipclassify.reports.compare.wording import has_shared_wording_of_part
from tipclassify.reports.report import Finding, findings_of

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

    reports: tuple[Report, ...]
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


def sort_reports_by_year(reports: Sequence[Report]) -> list[Report]:
    """Sort reports by year; those of unknown years stay where they are, if any is unknown."""
    years = [identity_of_report(report).year for report in reports]
    if not all(years):
        return list(reports)
    return sorted(reports, key=lambda report: identity_of_report(report).year or 0)


def ledger_refusals(reports: Sequence[Report]) -> list[str]:
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


def build_ledger(reports: Sequence[Report], run: Run, everything: bool = False) -> Ledger:
    """Follow the passages of reports, in the order of their years.

    With `everything`, those that stand in one year only are kept, too.

    >>> from tipclassify import Classifier
    >>> from tipclassify.text.split import text_document
    >>> run = Run(Classifier.load())
    >>> texts = [f"Courts convicted {number} traffickers." for number in ("nine", "nine", "two")]
    >>> documents = [text_document(text) for text in texts]
    >>> reports = [Report("x", d, run.classifier.tag(d)) for d in documents]
    >>> [(line.years, line.same_since) for line in build_ledger(reports, run).lines]
    [(['1', '2', '3'], '3')]
    """
    years = _name_ledger_years(reports)
    vocabulary = run.vocabulary
    followed = _FollowedPassages(vocabulary)
    earlier: Report | None = None
    for year, report in zip(years, reports, strict=True):
        alignment = None
        if earlier:
            alignment = align_reports(earlier.passages, report.passages, vocabulary)
        followed.add_year(year, list(findings_of(report)), alignment)
        earlier = report
    lines = [line for line in followed.lines() if everything or len(line.standings) > 1]
    return Ledger(tuple(reports), tuple(years), tuple(_sort_ledger_lines(lines, years)))


@dataclass(eq=False, slots=True)
class _FollowedPassage:
    """A passage of one year, and what it continues and is continued by in other years.

    Two passages that name each other belong to one line. Where a sentence was split, each part
    names the whole, which names one of them; where sentences were joined, each names the whole,
    which names one of them. So a passage has one line, however often its sentence is split, joined
    or said twice.
    """

    year: str
    finding: Finding
    earlier: _FollowedPassage | None = None
    later: _FollowedPassage | None = None
    # what this one is to `earlier`, and `later` to this one: "repeated", "moved" or "reworded"
    status: str = "first"
    status_of_later: str = ""

    @property
    def begins_line(self) -> bool:
        """Whether the passage that it continues, if any, is continued by another one."""
        return self.earlier is None or self.earlier.later is not self

    def standing(self) -> LedgerStanding:
        """Return where it stands."""
        return LedgerStanding(self.year, self.finding, self.status)


class _FollowedPassages:
    """Passages of all years while reports are added year by year."""

    def __init__(self, vocabulary: frozenset[str]) -> None:
        self._vocabulary = vocabulary  # tells names apart
        self._all: list[_FollowedPassage] = []
        self._of_last_year: list[_FollowedPassage] = []
        # the last that has these words, to find what comes back after a year
        self._by_words: dict[str, _FollowedPassage] = {}

    def add_year(self, year: str, findings: Sequence[Finding], alignment: Alignment | None) -> None:
        """Add a report and its alignment to the one before, if there is one."""
        added = [_FollowedPassage(year, finding) for finding in findings]
        if alignment:
            for passage, continuation in zip(added, alignment.new, strict=True):
                if continuation:
                    passage.earlier = self._of_last_year[continuation.index]
                    passage.status = continuation.status
            for passage, continuation in zip(self._of_last_year, alignment.old, strict=True):
                if continuation:
                    passage.later = added[continuation.index]
                    passage.status_of_later = continuation.status
        self._continue_by_part_said_before(added)
        for passage in added:
            if passage.earlier is None:
                self._take_up_again(passage)
        for passage in added:
            self._by_words[normalize_wording(passage.finding.passage.text)] = passage
        self._all += added
        self._of_last_year = added

    def _take_up_again(self, passage: _FollowedPassage) -> None:
        """Continue a passage of an earlier year with the same words, if there is one."""
        earlier = self._by_words.get(normalize_wording(passage.finding.passage.text))
        if earlier is None:
            return
        passage.earlier = earlier
        passage.status = "repeated"
        if earlier.later is None:
            earlier.later = passage
            earlier.status_of_later = "repeated"

    def _continue_by_part_said_before(self, added: Sequence[_FollowedPassage]) -> None:
        """Continue a sentence that was split by the part that stood in the year before it, too.

        The most similar part may be what the sentence had only just been given.
        """
        for part in added:
            whole = part.earlier
            if whole is None or whole.later is None or whole.later is part or not whole.earlier:
                continue
            is_closest_said_before = self._is_part_in(whole.later, whole, whole.earlier)
            if not is_closest_said_before and self._is_part_in(part, whole, whole.earlier):
                whole.later = part
                whole.status_of_later = part.status

    def lines(self) -> list[LedgerLine]:
        """Return the line of each passage, once each."""
        return [self._line_of(passage) for passage in self._all if passage.begins_line]

    def _line_of(self, begun: _FollowedPassage) -> LedgerLine:
        """Return the line that a passage begins, with what is before a split and after a join."""
        before = self._standings_before_split(begun)
        standings = [begun.standing()]
        passage = begun
        while passage.later and passage.later.earlier is passage:
            passage = passage.later
            standings.append(passage.standing())
        return LedgerLine((*before, *standings, *self._standings_after_join(passage)))

    def _standings_before_split(self, part: _FollowedPassage) -> list[LedgerStanding]:
        """List where the whole sentence stood, from the year on in which it had this part."""
        if part.earlier is None:
            return []
        standings = []
        whole: _FollowedPassage | None = part.earlier
        while whole and self._is_part_in(part, part.earlier, whole):
            standings.append(whole.standing())
            whole = whole.earlier
        standings[-1] = replace(standings[-1], status="first")
        return standings[::-1]

    def _standings_after_join(self, part: _FollowedPassage) -> list[LedgerStanding]:
        """List where the whole sentence stands, up to the year in which it has this part."""
        if part.later is None:
            return []
        standings = []
        status = part.status_of_later
        whole: _FollowedPassage | None = part.later
        while whole and self._is_part_in(part, part.later, whole):
            standings.append(LedgerStanding(whole.year, whole.finding, status))
            status = whole.status_of_later
            whole = whole.later
        return standings

    def _is_part_in(
        self, part: _FollowedPassage, whole: _FollowedPassage, other: _FollowedPassage
    ) -> bool:
        """Test whether a passage of another year says what a part says of the whole sentence."""
        texts = [passage.finding.passage.text for passage in (part, whole, other)]
        terms = extract_compared_terms(texts, self._vocabulary)
        return has_shared_wording_of_part(*terms.words)


def _name_ledger_years(reports: Sequence[Report]) -> list[str]:
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
