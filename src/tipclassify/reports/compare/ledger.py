"""Ledger of a country and publication: a line for each passage that persists over the years.

A passage is followed from each year to the next by its words
(`tipclassify.reports.compare.align`): "the same sentence since 2016". What a report says again year
after year, an obligation not met, say, is a finding of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from tipclassify.records import Passage, Report, Run
from tipclassify.reports.cite import run_of
from tipclassify.reports.compare.align import align
from tipclassify.reports.compare.changes import BothWays, tagged_both_ways
from tipclassify.reports.compare.identity import identity, refusals_by_subject, subject
from tipclassify.reports.compare.wording import (
    Sides,
    Words,
    changed_words,
    fold,
    has_part,
    terms_of,
)

_FIRST: Final = ("failure", "complicity", "positive_effort")  # in a ledger; other labels follow


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """A passage as it stands in the report of one year."""

    year: str
    report: Report
    passage: Passage
    status: str  # "first", or what it is to the year before it: "repeated", "moved" or "reworded"

    def to_dict(self) -> dict[str, object]:
        """Convert to plain values for JSON, the passage as in ``score --format jsonl``."""
        return {"year": self.year, "status": self.status, **self.passage.to_dict()}


@dataclass(frozen=True, slots=True)
class Line:
    """A passage in all years in which it stood, in their order."""

    standings: tuple[Standing, ...]

    @property
    def first(self) -> Standing:
        return self.standings[0]

    @property
    def last(self) -> Standing:
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
        return len({standing.passage.labels for standing in self.standings}) > 1

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels that it has in its last year or, if it has none there, that it had in any."""
        last = self.last.passage
        if last.labels:
            return last.labels
        ever = {label for standing in self.standings for label in standing.passage.labels}
        return tuple(label for label in last.scores if label in ever)

    def words(self) -> Sides[list[Words]]:
        """Segment its first and last wording into words that both have and words that differ."""
        return changed_words(self.first.passage.text, self.last.passage.text)

    def describe(self, latest: str) -> str:
        """Say in words how long it has stood; `latest` is the year of the last report.

        "the same sentence since 2016", "since 2016, reworded in 2021 and 2023", "2016 to 2019, the
        same sentence".
        """
        span = f"from {self.first.year} to {self.last.year}"
        if self.last.year == latest:
            span = f"since {self.first.year}"
        reworded = [standing.year for standing in self.standings if standing.status == "reworded"]
        if not reworded:
            return f"the same sentence {span}"
        return f"{span}, reworded in {', '.join(reworded)}"

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
    lines: tuple[Line, ...]  # those that stood in most years first
    run: Run

    @property
    def subject(self) -> str:
        """Publication and country, in words, as far as they are known and the same."""
        return subject(list(map(identity, self.reports)))

    @property
    def both_ways(self) -> list[BothWays]:
        """Sentences that stand in several places of one report, with different labels."""
        return [
            sentence
            for year, report in zip(self.years, self.reports, strict=True)
            for sentence in tagged_both_ways(report, year)
        ]

    def to_dict(self) -> dict[str, object]:
        """Convert to plain values for JSON, with passages as in ``score --format jsonl``."""
        reports = [
            {
                "year": year,
                "title": report.title,
                "address": report.address,
                "passages": len(report.passages),
            }
            for year, report in zip(self.years, self.reports, strict=True)
        ]
        return {
            "subject": self.subject,
            "years": list(self.years),
            "reports": reports,
            "lines": [line.to_dict() for line in self.lines],
            "tagged_both_ways": [sentence.to_dict() for sentence in self.both_ways],
        }


def refusals(reports: Sequence[Report]) -> list[str]:
    """List why the reports are not different years of one country and publication."""
    identities = list(map(identity, reports))
    found = refusals_by_subject(identities)
    unknown = [each.name for each in identities if not each.year]
    if unknown:
        found.append(
            f"the year of {unknown[0]} is not known: the order would be that of the command"
        )
    years = [each.year for each in identities if each.year]
    twice = sorted({year for year in years if years.count(year) > 1})
    if twice:
        found.append(f"two are of {twice[0]}: a year has one report of a publication")
    return found


def follow(reports: Iterable[Report], everything: bool = False) -> Ledger:
    """Follow the passages of reports over the years; with `everything`, those of one year, too.

    Where a year is unknown, the reports are taken in the order in which they are given. Raises
    `ValueError` when it is not known what tagged them, or they were tagged differently.

    >>> from tipclassify import Document, tag_report
    >>> texts = [f"Courts convicted {number} traffickers." for number in ("nine", "nine", "two")]
    >>> reports = [tag_report(Document.from_text(text)) for text in texts]
    >>> [(line.years, line.same_since) for line in follow(reports).lines]
    [(['1', '2', '3'], '3')]
    """
    reports = list(reports)
    run = run_of(*reports)
    known_years = [identity(report).year for report in reports]
    if all(known_years):
        reports.sort(key=lambda report: identity(report).year or 0)
    # named by their years if these are known and differ, else by their number
    years = [str(number) for number in range(1, len(reports) + 1)]
    if all(known_years) and len(set(known_years)) == len(known_years):
        years = [str(identity(report).year) for report in reports]
    followed = _Years(run.vocabulary)
    for year, report in zip(years, reports, strict=True):
        followed.add(year, report)
    lines = [line for line in followed.lines() if everything or len(line.standings) > 1]
    return Ledger(tuple(reports), tuple(years), tuple(_sorted(lines, years, run)), run)


class _Years:
    """Passages of all years while reports are added year by year.

    Two passages that name each other belong to one line. Where a sentence was split, each part
    names the whole, which names one of them; where sentences were joined, each names the whole,
    which names one of them. So a passage has one line, however often its sentence is split, joined
    or said twice.
    """

    def __init__(self, vocabulary: frozenset[str]) -> None:
        self._vocabulary = vocabulary  # tells names apart
        self._all: list[Standing] = []
        self._last_year: list[Standing] = []
        self._earlier: dict[Standing, Standing] = {}  # what it continues; its status says how
        self._later: dict[Standing, Standing] = {}  # what continues it
        self._status_of_later: dict[Standing, str] = {}
        # the last that has these words, to find what comes back after a year
        self._by_words: dict[str, Standing] = {}

    def add(self, year: str, report: Report) -> None:
        """Add a report: what continues the one before, or comes back after a year."""
        before = [standing.passage for standing in self._last_year]
        alignment = align(before, report.passages, self._vocabulary)
        added = []
        continued = []
        back = []
        for passage, link in zip(report.passages, alignment.new, strict=True):
            if link:
                standing = Standing(year, report, passage, link.status)
                self._earlier[standing] = self._last_year[link.index]
                continued.append(standing)
            elif found := self._by_words.get(fold(passage.text)):
                standing = Standing(year, report, passage, "repeated")
                self._earlier[standing] = found
                back.append(standing)
            else:
                standing = Standing(year, report, passage, "first")
            added.append(standing)
        for standing, link in zip(self._last_year, alignment.old, strict=True):
            if link:
                self._continue(standing, added[link.index], link.status)
        for standing in continued:
            self._continue_by_part_said_before(standing)
        for standing in back:
            if self._earlier[standing] not in self._later:
                self._continue(self._earlier[standing], standing, "repeated")
        self._by_words |= {fold(standing.passage.text): standing for standing in added}
        self._all += added
        self._last_year = added

    def _continue(self, standing: Standing, later: Standing, status: str) -> None:
        self._later[standing] = later
        self._status_of_later[standing] = status

    def _continue_by_part_said_before(self, part: Standing) -> None:
        """Continue a sentence that was split by the part that stood in the year before it, too.

        The most similar part may be what the sentence had only just been given.
        """
        whole = self._earlier.get(part)
        closest = self._later.get(whole) if whole else None
        before = self._earlier.get(whole) if whole else None
        if not whole or not closest or not before or closest is part:
            return
        is_closest_said_before = self._is_part_in(closest, whole, before)
        if not is_closest_said_before and self._is_part_in(part, whole, before):
            self._continue(whole, part, part.status)

    def lines(self) -> list[Line]:
        """Return the line of each passage, once each."""
        lines = []
        for standing in self._all:
            earlier = self._earlier.get(standing)
            # what another passage continues does not begin a line of its own
            if not earlier or self._later.get(earlier) is not standing:
                lines.append(self._line(standing))
        return lines

    def _line(self, begun: Standing) -> Line:
        """Return the line that a passage begins, with what is before a split and after a join."""
        standings = [*self._before_split(begun), begun]
        while later := self._later.get(standings[-1]):
            if self._earlier.get(later) is not standings[-1]:
                break
            standings.append(later)
        return Line((*standings, *self._after_join(standings[-1])))

    def _before_split(self, part: Standing) -> list[Standing]:
        """List where the whole sentence stood, from the year on in which it had this part."""
        standings: list[Standing] = []
        whole = at = self._earlier.get(part)
        while whole and at and self._is_part_in(part, whole, at):
            standings.insert(0, at)
            at = self._earlier.get(at)
        if standings:
            standings[0] = replace(standings[0], status="first")
        return standings

    def _after_join(self, part: Standing) -> list[Standing]:
        """List where the whole sentence stands, up to the year in which it has this part."""
        standings: list[Standing] = []
        whole = self._later.get(part)
        at = part
        while whole and (later := self._later.get(at)) and self._is_part_in(part, whole, later):
            standings.append(replace(later, status=self._status_of_later[at]))
            at = later
        return standings

    def _is_part_in(self, part: Standing, whole: Standing, other: Standing) -> bool:
        """Test whether a passage of another year says what a part says of the whole sentence."""
        texts = [standing.passage.text for standing in (part, whole, other)]
        return has_part(*terms_of(texts, self._vocabulary).words)


def _sorted(lines: Sequence[Line], years: Sequence[str], run: Run) -> list[Line]:
    """Sort lines: most years first, then failures, complicity, efforts, then in reading order."""
    ranked = dict.fromkeys((*_FIRST, *run.labels))
    ranks = {label: rank for rank, label in enumerate(ranked)}

    def rank(line: Line) -> tuple[int, int, int, int]:
        most_years_first = -len(line.standings)
        rank_of_label = min((ranks[label] for label in line.labels), default=len(ranks))
        latest_first = -years.index(line.last.year)
        return most_years_first, rank_of_label, latest_first, line.last.passage.start

    return sorted(lines, key=rank)
