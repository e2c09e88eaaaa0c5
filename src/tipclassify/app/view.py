"""What an annotator is shown: passages and events as JSON values, without what is hidden from them.

What colleagues decided on a passage is hidden until the annotator decided on it, or asked to see
it; with ``--blind``, so are the model's suggestions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from tipclassify.app.opened import OpenPassage
from tipclassify.store.events import Event, EventRow, History

__all__ = ["ModelTags", "Progress", "ShownPassage", "View", "count_review_progress"]


class ModelTags(TypedDict):
    """Labels and scores of a passage by a second model."""

    labels: list[str]
    scores: dict[str, float]


class Progress(TypedDict):
    """Passages on which an annotator has done something."""

    decided: int
    unsure: int  # of those decided
    noted: int


class ShownNote(TypedDict):
    """A note on a passage."""

    note: str | None
    time: str


class HiddenParts(TypedDict):
    """What an annotator is not shown of a passage."""

    model: bool  # the model's suggestions
    colleagues: int  # the number of decisions


class ShownPassage(TypedDict):
    """A passage, as an annotator may see it."""

    start: int
    end: int
    page: int | None
    block: int | None
    text: str
    section: str | None
    labels: list[str]
    scores: dict[str, float]
    low_confidence: bool

    key: str
    report: str  # id
    number: int  # in the report, from 1
    second: ModelTags | None  # by the second model
    decision: EventRow | None  # the annotator's own
    others: list[EventRow]
    settled: EventRow | None
    notes: dict[str, ShownNote]  # by annotator
    hidden: HiddenParts


@dataclass(frozen=True, slots=True)
class View:
    """What `annotator` may see after the events of `history`."""

    annotator: str
    blind: bool  # whether the model's suggestions are hidden until a decision
    second: Mapping[str, ModelTags]  # by passage key
    history: History

    def hides_model(self, key: str) -> bool:
        """Return whether the model's suggestions on a passage are hidden."""
        return self.blind and (key, self.annotator) not in self.history.answered

    def hides_colleagues(self, key: str) -> bool:
        """Return whether the decisions of colleagues on a passage are hidden."""
        if (key, self.annotator) in self.history.seen:
            return False
        return self.annotator not in self.history.decisions(key)

    def event(self, event: Event) -> EventRow:
        """Convert an event, without what a colleague said of a passage where that is hidden."""
        shown = event.plain()
        if event.annotator != self.annotator and self.hides_colleagues(event.key):
            shown["labels"] = []
            shown["note"] = None
            shown["unsure"] = None
            shown["hidden"] = True
        return shown

    def passage(self, passage: OpenPassage) -> ShownPassage:
        """Convert a passage: predictions, the annotator's own decision, and those of others."""
        key = passage.key
        decisions = self.history.decisions(key)
        mine = decisions.pop(self.annotator, None)
        settled = self.history.settled(key)
        notes = self.history.notes(key)
        no_model = self.hides_model(key)
        no_colleagues = self.hides_colleagues(key)
        if no_colleagues:
            if settled and settled.annotator != self.annotator:
                settled = None
            notes = {name: event for name, event in notes.items() if name == self.annotator}
        shown = passage.passage.to_dict()
        # not rounded: the page compares them with thresholds
        shown["scores"] = dict(passage.passage.scores)
        if no_model:
            shown["scores"] = {}
            shown["labels"] = []
            shown["low_confidence"] = False
        return {
            **shown,  # type: ignore[typeddict-item]
            "key": key,
            "report": passage.report,
            "number": passage.number,
            "second": None if no_model else self.second.get(key),
            "decision": mine.plain() if mine else None,
            "others": [] if no_colleagues else [event.plain() for event in decisions.values()],
            "settled": settled.plain() if settled else None,
            "notes": {
                name: {"note": event.note, "time": event.time} for name, event in notes.items()
            },
            "hidden": {"model": no_model, "colleagues": len(decisions) if no_colleagues else 0},
        }


def count_review_progress(
    passages: Sequence[OpenPassage], annotator: str, history: History
) -> Progress:
    """Count the passages that an annotator decided, is unsure of, and noted something on."""
    progress = Progress(decided=0, unsure=0, noted=0)
    for passage in passages:
        decision = history.decisions(passage.key).get(annotator)
        if decision:
            progress["decided"] += 1
            progress["unsure"] += bool(decision.unsure)
        progress["noted"] += annotator in history.notes(passage.key)
    return progress
