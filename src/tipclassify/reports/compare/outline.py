"""Outlines of two reports: which sections of one the other still writes.

A section that a report leaves out, or only refers elsewhere in, takes all its findings along: that
is a break in the series, and no change of what a government does.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tipclassify.formatting import count_with_noun
from tipclassify.records import Passage
from tipclassify.reports.compare.align import Side

Status = Literal["written", "emptied", "absent"]

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


def sections_in(
    side: Side, other: Side, passages: Sequence[Passage], others: Sequence[Passage]
) -> dict[str, Status]:
    """Say of each folded heading of a report what it is in the other one.

    A section whose heading is not there is written all the same if a heading is there that has most
    of its words, or half of its passages are: it was renamed, or joined with another. Text without a
    heading is written.
    """
    own = _by_heading(side, passages)
    theirs = _by_heading(other, others)
    only_theirs = [name for name in theirs if name not in own][:_MAX_RENAMED]
    linked = defaultdict[str, int](int)
    for index in side.links:
        linked[side.headings[index]] += 1
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


def correspond(side: Side, other: Side, statuses: dict[str, Status]) -> bool:
    """Test whether two reports have one outline, of which `statuses` are those of a side.

    A report without headings has none, and is compared by its words.
    """
    shorter = min(len(set(names) - {""}) for names in (side.headings, other.headings))
    kept = sum(status != "absent" for heading, status in statuses.items() if heading)
    return not shorter or kept >= _CORRESPOND * shorter


def breaks_in(
    statuses: dict[str, Status],
    side: Side,
    other: Side,
    passages: Sequence[Passage],
    others: Sequence[Passage],
    is_newer: bool,
) -> list[Break]:
    """List the sections with findings that the other report does not write, in their order."""
    theirs = _by_heading(other, others)
    breaks = []
    for heading, section in _by_heading(side, passages).items():
        findings = sum(bool(passage.labels) for passage in section)
        if statuses[heading] == "written" or not findings:
            continue
        references = [passage.text for passage in theirs.get(heading, ()) if is_reference(passage)]
        refers_to = _REFERENCE.sub("", _LINK.sub("", references[0]), count=1) if references else ""
        name = section[0].section or ""
        refers_to = refers_to.rstrip(" .")
        breaks.append(Break(name, statuses[heading], is_newer, findings, refers_to))
    return breaks


def is_reference(passage: Passage) -> bool:
    """Test whether a passage says only where to read on: "See the List of Goods"."""
    return _REFERENCE.match(passage.text) is not None


def are_alike(first: str, second: str) -> bool:
    """Test whether two headings have half of their longer words in common."""
    words, others = (set(_LONG_WORD.findall(name)) for name in (first, second))
    return 2 * len(words & others) >= _RENAMED * (len(words) + len(others)) > 0


def _by_heading(side: Side, passages: Sequence[Passage]) -> dict[str, list[Passage]]:
    sections: defaultdict[str, list[Passage]] = defaultdict(list)
    for heading, passage in zip(side.headings, passages, strict=True):
        sections[heading].append(passage)
    return sections


def _words(passages: Sequence[Passage]) -> int:
    return sum(len(passage.text.split()) for passage in passages)
