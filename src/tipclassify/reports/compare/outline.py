"""Outlines of two reports: which sections of one the other still writes.

A section that a report leaves out, or only refers elsewhere in, takes all its findings along: that
is a break in the series, and no change of what a government does.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Literal

from tipclassify.formatting import count_with_noun
from tipclassify.records import Passage
from tipclassify.reports.compare.wording import heading
from tipclassify.text.sections import fold_section

if TYPE_CHECKING:
    from tipclassify.reports.compare.align import Side

Status = Literal["written", "emptied", "absent"]

_EMPTIED: Final = 0.1  # of a section's words that remain where only a stub does
# of the headings of either outline that the other one has, too; over 0.85 from year to year, and
# under 0.4 where the publication has a new outline
_CORRESPOND: Final = 0.5
_RENAMED: Final = 0.5  # of the longer words of two headings
_MAX_RENAMED: Final = 100  # headings: time must not grow with their square
_LONG_WORD: Final = re.compile(r"\w{4,}")
_REFERENCE: Final = re.compile(
    r"(?:(?:also|please|for [^.]{1,60},) )?(?:see|refer to|consult)(?: also)? ", re.IGNORECASE
)
_LINK: Final = re.compile(r"(?: at)? ?https?://\S+")


@dataclass(frozen=True, slots=True)
class Break:
    """A section with findings that only one of two reports writes."""

    section: str  # its heading
    status: Status  # what it is in the report that does not write it
    is_newer: bool  # whether that is the newer report
    findings: int  # passages with a label that stand in it in the other
    refers_to: str = ""  # what it refers to there, in its words

    def describe(self, old: str, new: str) -> str:
        """Say it of reports of these names.

        >>> Break("7.c", "emptied", True, 15, "the List of Goods").describe("2021", "2022")
        '7.c is no longer written in 2022; it refers to the List of Goods (15 findings of 2021)'
        """
        other, writer = (new, old) if self.is_newer else (old, new)
        said = f"{self.section} is {'no longer' if self.is_newer else 'not yet'} written in {other}"
        if self.refers_to:
            said += f"; it refers to {self.refers_to}"
        elif self.status == "emptied":
            said += "; a tenth of its words is there"
        return f"{said} ({count_with_noun(self.findings, 'finding')} of {writer})"

    def to_dict(self, old: str, new: str) -> dict[str, object]:
        """Convert to plain values for JSON."""
        return {
            "kind": "break",
            "section": self.section,
            "status": self.status,
            "report": new if self.is_newer else old,
            "findings": self.findings,
            "refers_to": self.refers_to or None,
        }


@dataclass(slots=True)
class Section:
    """What an outline holds of a section."""

    name: str  # its heading
    passages: int = 0
    words: int = 0
    findings: int = 0  # passages with a label
    references: int = 0  # passages that say only where to read on
    refers_to: str = ""  # what the first of these refers to

    @property
    def only_refers(self) -> bool:
        return self.references == self.passages


Outline = dict[str, Section]
"""Sections of a report by their folded headings, in their order."""


@dataclass(frozen=True, slots=True)
class Outlines:
    """What two reports make of each other's sections, by folded heading."""

    old_in_new: dict[str, Status]
    new_in_old: dict[str, Status]
    correspond: bool  # otherwise the two can be compared as wholes only
    breaks: tuple[Break, ...]  # none where the outlines do not correspond

    def section_in_newer(self, section: str, is_newer: bool) -> Status | None:
        """Say what a section is in NEW, which has it itself if `is_newer`.

        None where the outlines do not correspond.
        """
        if not self.correspond:
            return None
        return "written" if is_newer else self.old_in_new[section]

    def is_break(self, section: str, is_newer: bool) -> bool:
        """Test whether what is alone under a heading says nothing of a change.

        `is_newer`: it stands in NEW.
        """
        statuses = self.new_in_old if is_newer else self.old_in_new
        return not self.correspond or statuses[section] != "written"


def read_outlines(
    before: Side, after: Side, old: Sequence[Passage], new: Sequence[Passage]
) -> Outlines:
    """Read from two aligned reports which sections of one the other writes."""
    return compare_outlines(
        outline_of(old),
        outline_of(new),
        Counter(before.headings[index] for index in before.links),
        Counter(after.headings[index] for index in after.links),
    )


def compare_outlines(
    old: Outline,
    new: Outline,
    old_linked: Mapping[str, int] = {},
    new_linked: Mapping[str, int] = {},
) -> Outlines:
    """Say which sections of one report the other writes.

    They correspond where each has half of its headings, or such as were renamed, in the other. A
    report without headings has no outline, and is compared by its words. `old_linked` and
    `new_linked` count the passages of a section that the other report has, if it is known.
    """
    old_in_new = _statuses(old, new, old_linked)
    new_in_old = _statuses(new, old, new_linked)
    has_outlines = all(outline.keys() - {""} for outline in (old, new))
    if has_outlines and min(map(_share_kept, (old_in_new, new_in_old))) < _CORRESPOND:
        return Outlines(old_in_new, new_in_old, correspond=False, breaks=())
    breaks = (
        *_breaks(old_in_new, old, new, is_newer=True),
        *_breaks(new_in_old, new, old, is_newer=False),
    )
    return Outlines(old_in_new, new_in_old, correspond=True, breaks=breaks)


def series_breaks(outlines: Mapping[int, Outline]) -> Iterator[tuple[int, str]]:
    """Yield each break between two years in a row: the year that does not write, and a line.

    By headings alone a section that is not there may have been joined with another; it is named
    where it is about trafficking, forced labor or child labor.
    """
    for earlier, later in pairwise(sorted(outlines)):
        found = compare_outlines(outlines[earlier], outlines[later])
        names = str(earlier), str(later)
        if not found.correspond:
            yield later, f"the outlines of {earlier} and {later} do not correspond"
        for each in found.breaks:
            if each.status == "emptied" or fold_section(each.section) != "other":
                yield (later if each.is_newer else earlier), each.describe(*names)


def outline_of(passages: Sequence[Passage], outline: Outline | None = None) -> Outline:
    """Make the outline of a report, or add one of its parts to it."""
    made: Outline = {} if outline is None else outline
    for name, of_section in groupby(passages, attrgetter("section")):
        of_heading = list(of_section)
        section = made.setdefault(heading(of_heading[0]), Section(name or ""))
        for passage in of_heading:
            section.passages += 1
            section.words += len(passage.text.split())
            section.findings += bool(passage.labels)
            if _REFERENCE.match(passage.text):
                section.references += 1
                section.refers_to = section.refers_to or _referred_to(passage.text)
    return made


def _statuses(own: Outline, theirs: Outline, linked: Mapping[str, int]) -> dict[str, Status]:
    """Say of each section of a report what it is in the other one.

    A section whose heading is not there is written all the same if a heading is there that has most
    of its words, or half of its passages are: it was renamed, or joined with another. Text without a
    heading is written.
    """
    only_theirs = [name for name in theirs if name not in own][:_MAX_RENAMED]
    statuses: dict[str, Status] = {}
    for name, section in own.items():
        there = theirs.get(name)
        statuses[name] = "written"
        if not name or section.only_refers:
            continue
        if there is None:
            is_renamed = any(are_alike(name, other) for other in only_theirs)
            if not is_renamed and 2 * linked.get(name, 0) < section.passages:
                statuses[name] = "absent"
        elif there.only_refers or there.words <= _EMPTIED * section.words:
            statuses[name] = "emptied"
    return statuses


def _share_kept(statuses: Mapping[str, Status]) -> float:
    """Compute the share of the headings of a report, 0 to 1, that the other report has, too."""
    kept = [status != "absent" for name, status in statuses.items() if name]
    return sum(kept) / len(kept)


def _breaks(
    statuses: Mapping[str, Status], own: Outline, theirs: Outline, is_newer: bool
) -> Iterator[Break]:
    """Yield the sections with findings that the other report does not write, in their order."""
    for name, section in own.items():
        if statuses[name] != "written" and section.findings:
            refers_to = theirs[name].refers_to if name in theirs else ""
            yield Break(section.name, statuses[name], is_newer, section.findings, refers_to)


def _referred_to(text: str) -> str:
    """Return what a passage says to read: "See the List of Goods at https://…" -> "the List …"."""
    return _REFERENCE.sub("", _LINK.sub("", text), count=1).rstrip(" .")


def are_alike(first: str, second: str) -> bool:
    """Test whether two headings have half of their longer words in common."""
    words, others = (set(_LONG_WORD.findall(name)) for name in (first, second))
    return 2 * len(words & others) >= _RENAMED * (len(words) + len(others)) > 0
