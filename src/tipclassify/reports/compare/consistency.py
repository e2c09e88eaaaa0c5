"""Sentences that stand in several places of one report and are not tagged alike there.

The model reads the heading above a passage too, and a threshold may lie between two probabilities:
whoever counts or cites such a sentence should know that it has been decided both ways.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tipclassify.labels import label_name
from tipclassify.probability import probability
from tipclassify.records import Passage, Report, section_name
from tipclassify.reports.common_phrases import wording_identity

__all__ = ["SplitDecisionInReport", "split_decisions_of_report"]

_MIN_WORDS: Final = 4  # shorter texts recur by chance


@dataclass(frozen=True, slots=True)
class SplitDecisionInReport:
    """A sentence of a report, in all its places, which have different labels."""

    report: str  # its name, such as the year
    places: tuple[Passage, ...]  # in the order of the text

    @property
    def text(self) -> str:
        """The sentence, as it stands first."""
        return self.places[0].text

    def describe_places_in_report(self) -> list[str]:
        """Say of each place what its labels are: "Prosecution, page 4: failure (0.61)"."""
        return [_describe_place_of_sentence(place) for place in self.places]

    def to_dict(self) -> dict[str, object]:
        """Convert to plain values for JSON, each place as in ``score --format jsonl``."""
        places = [place.to_dict() for place in self.places]
        return {"kind": "tagged_both_ways", "report": self.report, "places": places}


def _describe_place_of_sentence(place: Passage) -> str:
    page = f", page {place.page}" if place.page else ""
    labels = ", ".join(
        f"{label_name(label)} ({probability(place.scores[label])})" for label in place.labels
    )
    return f"{section_name(place.section)}{page}: {labels or 'no label'}"


def split_decisions_of_report(report: Report, name: str) -> list[SplitDecisionInReport]:
    """List the sentences of a report that stand in places with different labels.

    `name` is what the report is called. Input rows are passages of their own, however alike.
    """
    if report.document is None:
        return []
    places: defaultdict[int, list[Passage]] = defaultdict(list)
    for passage in _sentences_to_compare(report.passages):
        places[wording_identity(passage.text)].append(passage)
    return [
        SplitDecisionInReport(name, tuple(alike))
        for alike in places.values()
        if len({passage.labels for passage in alike}) > 1
    ]


def _sentences_to_compare(passages: Iterable[Passage]) -> Iterable[Passage]:
    for passage in passages:
        if passage.kind == "sentence" and len(passage.text.split()) >= _MIN_WORDS:
            yield passage
