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
from tipclassify.reports.compare.cause import cause, moved_to
from tipclassify.reports.compare.changes import BothWays, tagged_both_ways
from tipclassify.reports.compare.identity import refusals_by_subject, subject, year_of
from tipclassify.reports.compare.outline import Break, Outlines, read_outlines
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
    # years before and after it that do not write its section, where nothing there says the same
    break_years: tuple[str, ...] = ()

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

    def retagged_by(self) -> dict[str, str]:
        """Say for each year in which its labels changed by what: "its words".

        A heading that is another is named.
        """
        causes = {
            "words": "its words",
            "heading": "its heading",
            "both": "its words or its heading",
        }
        changes = {}
        for before, after in pairwise(self.standings):
            earlier, later = before.passage, after.passage
            if earlier.labels != later.labels:
                moved = moved_to(earlier, later)
                by = causes[cause(earlier, later)]
                changes[after.year] = f"{by}: {moved}" if moved else by
        return changes

    @property
    def break_years(self) -> list[str]:
        """Years beside its own that do not write its section."""
        years = {year for standing in self.standings for year in standing.break_years}
        return sorted(years.difference(self.years))

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
        said = f"{span}, reworded in {', '.join(reworded)}"
        if not reworded:
            said = f"the same sentence {span}"
        if self.break_years:
            said += f"; its section is not written in {', '.join(self.break_years)}"
        return said

    def to_dict(self) -> dict[str, object]:
        """Convert to plain values for JSON."""
        return {
            "years": self.years,
            "first": self.first.year,
            "last": self.last.year,
            "same_since": self.same_since,
            "labels": list(self.labels),
            "retagged": bool(self.retagged_by()),
            "retagged_by": self.retagged_by(),
            "breaks": self.break_years,
            "standings": [standing.to_dict() for standing in self.standings],
        }


@dataclass(frozen=True, slots=True)
class Ledger:
    """Reports of one country and publication, by year, and the passages that persist in them."""

    reports: tuple[Report, ...]
    years: tuple[str, ...]
    lines: tuple[Line, ...]  # those that stood in most years first
    run: Run
    # year of the earlier report, of the later, and a section that only one of them writes
    breaks: tuple[tuple[str, str, Break], ...] = ()
    # years of two reports in a row whose outlines do not correspond
    other_outlines: tuple[tuple[str, str], ...] = ()

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

    def break_lines(self) -> list[str]:
        """Say in a line of each break in the series what it is."""
        return [
            *(each.describe(earlier, later) for earlier, later, each in self.breaks),
            *(
                f"the outlines of {earlier} and {later} do not correspond: what ends or begins "
                "there is no change"
                for earlier, later in self.other_outlines
            ),
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
            "breaks": [each.to_dict(earlier, later) for earlier, later, each in self.breaks],
            "other_outlines": [list(years) for years in self.other_outlines],
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
    breaks: list[tuple[str, str, Break]] = []
    other_outlines = []
    for year, report in zip(years, reports, strict=True):
        earlier = last_year[0].year if last_year else ""
        last_year, outlines = _stand(year, report, last_year, by_words)
        if earlier and last_year:
            breaks += [(earlier, year, each) for each in outlines.breaks]
            if not outlines.correspond:
                other_outlines.append((earlier, year))
        by_words |= {fold(standing.passage.text): standing for standing in last_year}
        standings += last_year
    lines = []
    for standing in standings:
        # what another passage continues does not begin a line of its own
        if not standing.earlier or standing.earlier.later is not standing:
            line = _line(standing)
            if everything or len(line.standings) > 1:
                lines.append(line)
    return Ledger(
        reports=tuple(reports),
        years=tuple(years),
        lines=tuple(_sorted(lines, years, run)),
        run=run,
        breaks=tuple(breaks),
        other_outlines=tuple(other_outlines),
    )


# Two passages that name each other as earlier and later belong to one line. Where a sentence was
# split, each part names the whole, which names one of them; where sentences were joined, each names
# the whole, which names one of them. So a passage has one line, however often its sentence is
# split, joined or said twice.


def _stand(
    year: str, report: Report, last_year: Sequence[Standing], by_words: Mapping[str, Standing]
) -> tuple[list[Standing], Outlines]:
    """Link the passages of a year to those of the last, or to equal ones of a year before that.

    What has no link, in a section that one of the two years does not write, notes the other year.
    """
    before = [standing.passage for standing in last_year]
    old, new = align(before, report.passages, run_of(report).vocabulary)
    outlines = read_outlines(old, new, before, report.passages)
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
        is_alone = last_year and index not in new.links
        if is_alone and outlines.is_break(new.headings[index], is_newer=True):
            standing.break_years = (last_year[0].year,)
    for index, standing in enumerate(last_year):
        if index not in old.links and outlines.is_break(old.headings[index], is_newer=False):
            standing.break_years = (*standing.break_years, year)
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
    return standings, outlines


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
