"""Ledger of a country and publication: a line for each passage that persists over the years.

A passage is followed from each year to the next by its words
(`tipclassify.reports.compare.align`): "the same sentence since 2016". What a report says again year
after year, an obligation not met, say, is a finding of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from tipclassify.records import Passage, Report, Run, source_name
from tipclassify.reports.cite import run_of
from tipclassify.reports.compare.align import align
from tipclassify.reports.compare.changes import BothWays, tagged_both_ways
from tipclassify.reports.compare.identity import refusals_by_subject, subject, year_of
from tipclassify.reports.compare.wording import Words, changed_words, fold, has_part, terms_of

_FIRST: Final = ("failure", "complicity", "positive_effort")  # in a ledger; other labels follow


@dataclass(slots=True, eq=False)
class Standing:
    """A passage as it stands in the report of one year."""

    year: str
    report: Report
    passage: Passage
    status: str  # "first", or what it is to the year before it: "repeated", "moved" or "reworded"
    earlier: Standing | None = field(default=None, repr=False)  # what it continues
    later: Standing | None = field(default=None, repr=False)  # what continues it
    later_status: str = ""  # what that one is to it

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

    def words(self) -> tuple[list[Words], list[Words]]:
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
        return subject(self.reports)

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
    found = refusals_by_subject(reports)
    years = list(map(year_of, reports))
    if None in years:
        unknown = source_name(reports[years.index(None)].file)
        found.append(f"the year of {unknown} is not known: the order would be that of the command")
    twice = sorted({year for year in years if year and years.count(year) > 1})
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
    # named by their years if these are known and differ, else by their number
    years = [str(number) for number in range(1, len(reports) + 1)]
    if all(map(year_of, reports)):
        reports.sort(key=lambda report: year_of(report) or 0)
        known_years = list(map(str, map(year_of, reports)))
        if len(set(known_years)) == len(years):
            years = known_years
    standings: list[Standing] = []
    last_year: list[Standing] = []
    # the last that has these words, to find what comes back after a year
    by_words: dict[str, Standing] = {}
    for year, report in zip(years, reports, strict=True):
        last_year = _stand(year, report, last_year, by_words)
        by_words |= {fold(standing.passage.text): standing for standing in last_year}
        standings += last_year
    lines = []
    for standing in standings:
        # what another passage continues does not begin a line of its own
        if not standing.earlier or standing.earlier.later is not standing:
            line = _line(standing)
            if everything or len(line.standings) > 1:
                lines.append(line)
    return Ledger(tuple(reports), tuple(years), tuple(_sorted(lines, years, run)), run)


# Two passages that name each other as earlier and later belong to one line. Where a sentence was
# split, each part names the whole, which names one of them; where sentences were joined, each names
# the whole, which names one of them. So a passage has one line, however often its sentence is
# split, joined or said twice.


def _stand(
    year: str, report: Report, last_year: Sequence[Standing], by_words: Mapping[str, Standing]
) -> list[Standing]:
    """Link the passages of a year to those of the last, or to equal ones of a year before that."""
    before = [standing.passage for standing in last_year]
    old, new = align(before, report.passages, run_of(report).vocabulary)
    standings = []
    for index, passage in enumerate(report.passages):
        standing = Standing(year, report, passage, "first")
        standings.append(standing)
        if link := new.links.get(index):
            standing.status = link.status
            standing.earlier = last_year[link.index]
        elif equal := by_words.get(fold(passage.text)):
            standing.status = "repeated"
            standing.earlier = equal
    for index, link in old.in_order():
        last_year[index].later = standings[link.index]
        last_year[index].later_status = link.status
    for index, standing in enumerate(standings):
        earlier = standing.earlier
        if not earlier:
            continue
        comes_back = index not in new.links
        if not earlier.later if comes_back else _is_said_before(standing, earlier):
            earlier.later = standing
            earlier.later_status = standing.status
    return standings


def _is_said_before(part: Standing, whole: Standing) -> bool:
    """Test whether a part of a sentence that was split stood in the year before it, too.

    The most similar part may be what the sentence had only just been given.
    """
    closest = whole.later
    before = whole.earlier
    if not closest or not before or closest is part:
        return False
    return not _is_part_in(closest, whole, before) and _is_part_in(part, whole, before)


def _line(begun: Standing) -> Line:
    """Return the line that a passage begins, with what is before a split and after a join."""
    standings = [*_before_split(begun), begun]
    while (later := standings[-1].later) and later.earlier is standings[-1]:
        standings.append(later)
    return Line((*standings, *_after_join(standings[-1])))


def _before_split(part: Standing) -> list[Standing]:
    """List where the whole sentence stood, from the year on in which it had this part."""
    standings: list[Standing] = []
    whole = at = part.earlier
    while whole and at and _is_part_in(part, whole, at):
        standings.insert(0, at)
        at = at.earlier
    if standings:
        standings[0] = replace(standings[0], status="first")
    return standings


def _after_join(part: Standing) -> list[Standing]:
    """List where the whole sentence stands, up to the year in which it has this part."""
    standings: list[Standing] = []
    whole = part.later
    at = part
    while whole and (later := at.later) and _is_part_in(part, whole, later):
        standings.append(replace(later, status=at.later_status))
        at = later
    return standings


def _is_part_in(part: Standing, whole: Standing, other: Standing) -> bool:
    """Test whether a passage of another year says what a part says of the whole sentence."""
    texts = [standing.passage.text for standing in (part, whole, other)]
    terms = terms_of(texts, run_of(part.report).vocabulary)
    return has_part(*(of_text.words for of_text in terms))


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
