"""Outlines of two reports: which sections of one the other still writes.

A section that a report leaves out, or only refers elsewhere in, takes all its findings along: that
is a break in the series, and no change of what a government does.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tipclassify.formatting import count_with_noun
from tipclassify.records import Passage
from tipclassify.reports.compare.align import Side

Status = Literal["written", "emptied", "absent"]
_Sections = dict[str, list[Passage]]  # of a report, by their folded headings

_EMPTIED: Final = 0.1  # of a section's words that remain where only a stub does
_CORRESPOND: Final = 0.5  # of the headings of the shorter outline that the other one has, too
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


@dataclass(frozen=True, slots=True)
class Outlines:
    """What two reports make of each other's sections, by folded heading."""

    old_in_new: dict[str, Status]
    new_in_old: dict[str, Status]
    correspond: bool  # otherwise the two can be compared as wholes only
    breaks: tuple[Break, ...]  # none where the outlines do not correspond

    def section_in_newer(self, heading: str, is_newer: bool) -> Status | None:
        """Say what a section is in NEW, which has it itself if `is_newer`.

        None where the outlines do not correspond.
        """
        if not self.correspond:
            return None
        return "written" if is_newer else self.old_in_new[heading]

    def is_break(self, heading: str, is_newer: bool) -> bool:
        """Test whether what is alone under a heading says nothing of a change.

        `is_newer`: it stands in NEW.
        """
        statuses = self.new_in_old if is_newer else self.old_in_new
        return not self.correspond or statuses[heading] != "written"


def read_outlines(
    before: Side, after: Side, old: Sequence[Passage], new: Sequence[Passage]
) -> Outlines:
    """Read from two aligned reports which sections of one the other writes.

    They correspond where the shorter outline has half of its headings, or such as were renamed, in
    the other. A report without headings has no outline, and is compared by its words.
    """
    old_sections = _by_heading(before, old)
    new_sections = _by_heading(after, new)
    old_in_new = _statuses(before, old_sections, new_sections)
    new_in_old = _statuses(after, new_sections, old_sections)
    shorter = min(len(sections.keys() - {""}) for sections in (old_sections, new_sections))
    kept = sum(status != "absent" for heading, status in old_in_new.items() if heading)
    if shorter and kept < _CORRESPOND * shorter:
        return Outlines(old_in_new, new_in_old, correspond=False, breaks=())
    breaks = (
        *_breaks(old_in_new, old_sections, new_sections, is_newer=True),
        *_breaks(new_in_old, new_sections, old_sections, is_newer=False),
    )
    return Outlines(old_in_new, new_in_old, correspond=True, breaks=breaks)


def _statuses(side: Side, own: _Sections, theirs: _Sections) -> dict[str, Status]:
    """Say of each section of a report what it is in the other one.

    A section whose heading is not there is written all the same if a heading is there that has most
    of its words, or half of its passages are: it was renamed, or joined with another. Text without a
    heading is written.
    """
    only_theirs = [name for name in theirs if name not in own][:_MAX_RENAMED]
    linked = Counter(side.headings[index] for index in side.links)
    statuses: dict[str, Status] = {}
    for heading, section in own.items():
        there = theirs.get(heading)
        statuses[heading] = "written"
        if not heading or all(map(is_reference, section)):
            continue
        if there is None:
            is_renamed = any(are_alike(heading, name) for name in only_theirs)
            if not is_renamed and 2 * linked[heading] < len(section):
                statuses[heading] = "absent"
        elif all(map(is_reference, there)) or _words(there) <= _EMPTIED * _words(section):
            statuses[heading] = "emptied"
    return statuses


def _breaks(
    statuses: Mapping[str, Status], own: _Sections, theirs: _Sections, is_newer: bool
) -> Iterator[Break]:
    """Yield the sections with findings that the other report does not write, in their order."""
    for heading, section in own.items():
        findings = sum(bool(passage.labels) for passage in section)
        if statuses[heading] == "written" or not findings:
            continue
        references = [passage.text for passage in theirs.get(heading, ()) if is_reference(passage)]
        refers_to = _REFERENCE.sub("", _LINK.sub("", references[0]), count=1) if references else ""
        name = section[0].section or ""
        yield Break(name, statuses[heading], is_newer, findings, refers_to.rstrip(" ."))


def is_reference(passage: Passage) -> bool:
    """Test whether a passage says only where to read on: "See the List of Goods"."""
    return _REFERENCE.match(passage.text) is not None


def are_alike(first: str, second: str) -> bool:
    """Test whether two headings have half of their longer words in common."""
    words, others = (set(_LONG_WORD.findall(name)) for name in (first, second))
    return 2 * len(words & others) >= _RENAMED * (len(words) + len(others)) > 0


def _by_heading(side: Side, passages: Sequence[Passage]) -> _Sections:
    sections: defaultdict[str, list[Passage]] = defaultdict(list)
    for heading, passage in zip(side.headings, passages, strict=True):
        sections[heading].append(passage)
    return sections


def _words(passages: Sequence[Passage]) -> int:
    return sum(len(passage.text.split()) for passage in passages)
