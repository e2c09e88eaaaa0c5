"""What may change between two reports, OLD and NEW: a passage, its words, its place, its labels.

A passage is repeated, moved, reworded, new or gone by its text alone; where the tag alone differs,
that is said. Sentences that one report has in several places with different labels are listed
apart: whoever counts or cites one should know that it has been decided both ways.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tipclassify.labels import LABELS, label_name
from tipclassify.probability import probability
from tipclassify.records import Passage, Report, section_name
from tipclassify.reports.compare.cause import Cause, cause, moved_to
from tipclassify.reports.compare.outline import Status
from tipclassify.reports.compare.wording import Words, changed_words
from tipclassify.reports.findings import MIN_WORDS, wording

MARGIN: Final = 1.0
"""Distance from the threshold, in log-odds, within which a label change is borderline.

Of the labels that an empty clause ("during the reporting period") changes, two or three of a
hundred, nine in ten lie within 1.0 before and after with `fast`, four in ten with the default.
"""


# title and meaning of a kind of change, with placeholders for the reports' names
_REPORTED: Final = {
    "new_failure": (
        "Failures newly reported",
        "passages of {new} tagged as failure, whose text {old} does not have",
    ),
    "effort_gone": (
        "Efforts no longer reported",
        "passages of {old} tagged as effort, whose text {new} does not have",
    ),
    "new_complicity": (
        "Complicity newly reported",
        "passages of {new} on complicity, whose text {old} does not have",
    ),
    "complicity_gone": (
        "Complicity no longer reported",
        "passages of {old} on complicity, whose text {new} does not have",
    ),
    "failure_gone": (
        "Failures no longer reported",
        "passages of {old} tagged as failure, whose text {new} does not have",
    ),
    "new_effort": (
        "Efforts newly reported",
        "passages of {new} tagged as effort, whose text {old} does not have",
    ),
}
_OTHERS: Final = {
    "retagged": (
        "Reworded, and tagged otherwise",
        "under the same heading; the words that changed, which are marked, changed the tag too",
    ),
    "moved_retagged": (
        "Moved, and tagged otherwise",
        "no change by its words: they are the same, under another heading, which the model reads "
        "too",
    ),
    "both_retagged": (
        "Moved and reworded, tagged otherwise",
        "heading and words are others; which of them changed the tag is not known",
    ),
    "section_break": (
        "In sections that only one of them writes",
        "no change: the other report has no such section, or only refers elsewhere there",
    ),
    "reworded": (
        "Reworded, same tags",
        "figures or words changed, tags did not; those of a sentence that was split or joined are "
        "compared with those of all its parts",
    ),
    "moved": ("Moved", "the same words under another heading, with the same tags"),
    "new": (
        "Other new passages",
        "passages of {new} without a tag, whose text {old} does not have",
    ),
    "gone": (
        "Other passages that are gone",
        "passages of {old} without a tag, whose text {new} does not have",
    ),
    "repeated": ("Repeated word for word", "equal but for white space, quotation marks and case"),
}


def kinds(labels: Sequence[str] = LABELS) -> dict[str, tuple[str, str]]:
    """Return title and meaning of each kind of change, the most important first."""
    own = _REPORTED
    if tuple(labels) != LABELS:
        own = {}
        for label in labels:
            name = label_name(label)
            own[_kind(label, came=True)] = (
                f"Newly reported: {name}",
                f"passages of {{new}} tagged as {name}, whose text {{old}} does not have",
            )
            own[_kind(label, came=False)] = (
                f"No longer reported: {name}",
                f"passages of {{old}} tagged as {name}, whose text {{new}} does not have",
            )
    return {**own, **_OTHERS}


def _kind(label: str, came: bool) -> str:
    name = "effort" if label == "positive_effort" else label
    return f"new_{name}" if came else f"{name}_gone"


@dataclass(frozen=True, slots=True)
class LabelChange:
    """A label that only one passage of a change has."""

    label: str
    came: bool  # NEW has it, else OLD
    old: float | None  # probability on each side, None without a passage
    new: float | None
    borderline: bool

    @property
    def kind(self) -> str:
        """Its key in `kinds`."""
        return _kind(self.label, self.came)

    def to_dict(self) -> dict[str, object]:
        """Convert to plain values for JSON."""
        return {
            "label": self.label,
            "change": "came" if self.came else "went",
            "old": rounded(self.old),
            "new": rounded(self.new),
            "borderline": self.borderline,
        }


@dataclass(frozen=True, slots=True)
class Change:
    """A passage of OLD and what continues it in NEW, or either alone."""

    alignment: str  # "repeated", "moved", "reworded", "new" or "gone"
    old: Passage | None
    new: Passage | None
    similarity: float | None = None  # 0 to 1; None for one that is alone
    labels: tuple[LabelChange, ...] = ()  # for a passage that is alone, its labels
    # whether one of them stands in another change, too: a sentence split, joined or said twice
    shared: bool = False
    # for one that is alone: the most similar passage of the other report, if any is
    nearest: Passage | None = None
    nearness: float | None = None  # its similarity
    instead: bool = False  # whether that one stands in its place, on the same matter in other words
    # what the section of OLD's passage is in NEW; None without one, or where outlines differ
    section_in_newer: Status | None = None
    is_break: bool = False  # alone, in a section that the other report does not write
    law_year: int | None = None  # of the law that a new passage names, where it is older

    @property
    def kind(self) -> str:
        """Its key in `kinds`: by its text, then by its first label or change of labels."""
        if self.is_break:
            return "section_break"
        if not self.labels:
            return self.alignment
        if len(self.sides) == 1:
            return self.labels[0].kind
        return {"words": "retagged", "heading": "moved_retagged"}.get(
            self.cause or "", "both_retagged"
        )

    @property
    def cause(self) -> Cause | None:
        """By what its labels changed; None where they did not, or it is alone."""
        return cause(self.old, self.new) if self.labels and self.old and self.new else None

    @property
    def moved_to(self) -> str:
        """Where it has moved, in words; empty where it has not, or its tags have not changed."""
        return moved_to(self.old, self.new) if self.labels and self.old and self.new else ""

    @property
    def borderline(self) -> bool:
        """Whether labels changed, and all of these changes are borderline."""
        return bool(self.labels) and self.labels[0].borderline

    @property
    def sides(self) -> list[Passage]:
        """Its passages: of OLD, of NEW or of both."""
        return [side for side in (self.old, self.new) if side]

    def words(self) -> tuple[list[Words], list[Words]]:
        """Segment both texts into changed and unchanged words; one that is alone is unchanged."""
        if self.old and self.new:
            return changed_words(self.old.text, self.new.text)
        old = self.old.text if self.old else ""
        new = self.new.text if self.new else ""
        return [(old, False)], [(new, False)]


@dataclass(frozen=True, slots=True)
class BothWays:
    """A sentence of a report, in all its places, which have different labels."""

    report: str  # its name, such as the year
    places: tuple[Passage, ...]  # in the order of the text

    @property
    def text(self) -> str:
        """The sentence, as it stands first."""
        return self.places[0].text

    def describe(self) -> list[str]:
        """Say of each place what its labels are: "Prosecution, page 4: failure (0.61)"."""
        described = []
        for place in self.places:
            page = f", page {place.page}" if place.page else ""
            labels = ", ".join(
                f"{label_name(label)} ({probability(place.scores[label])})"
                for label in place.labels
            )
            described.append(f"{section_name(place.section)}{page}: {labels or 'no label'}")
        return described

    def to_dict(self) -> dict[str, object]:
        """Convert to plain values for JSON, each place as in ``score --format jsonl``."""
        places = [place.to_dict() for place in self.places]
        return {"kind": "tagged_both_ways", "report": self.report, "places": places}


def tagged_both_ways(report: Report, name: str) -> list[BothWays]:
    """List the sentences of a report that stand in places with different labels.

    `name` is what the report is called. Input rows are passages of their own, however alike.
    """
    if report.document is None:
        return []
    places: defaultdict[int, list[Passage]] = defaultdict(list)
    for passage in report.passages:
        if passage.kind == "sentence" and len(passage.text.split()) >= MIN_WORDS:
            places[wording(passage.text)].append(passage)
    return [
        BothWays(name, tuple(alike))
        for alike in places.values()
        if len({passage.labels for passage in alike}) > 1
    ]


def rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 4)
