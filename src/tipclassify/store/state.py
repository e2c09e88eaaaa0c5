"""What is decided on a passage: events as they are kept, and what holds after them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, Literal, NamedTuple

Kind = Literal["label", "settle", "note", "look", "undo"]
Judgment = Literal["confirmed", "rejected", "corrected"]
Hidden = Literal["colleagues", "model"]

_id: Final = attrgetter("id")


class Place(NamedTuple):
    """Where a passage stands; rows of data have their number for both offsets."""

    report: str  # SHA-256 of its bytes
    start: int  # characters
    end: int


class Tags(NamedTuple):
    """What a model said of a passage."""

    model: str
    policy: str
    labels: Sequence[str]
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Shown:
    """A passage as it is shown to whoever decides, so that a decision can be understood later.

    `row` has its "text", and whatever else a row of it has. The first of `tags` are those of the
    model whose tags are decided on.
    """

    place: Place
    key: str  # of its text (`tipclassify.records.key`)
    row: Mapping[str, object]
    name: str = ""  # of the report's file
    title: str = ""  # of the report
    tags: Sequence[Tags] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """An event: what an annotator did on a place.

    "label" gives one annotator's labels, "settle" final ones where annotators differ. "look" is
    that colleagues' decisions were shown before one's own. "undo" takes back the event `undoes`, or
    does it again.
    """

    id: int
    place: Place
    kind: Kind
    annotator: str
    labels: tuple[str, ...] = ()
    unsure: bool = False  # a decision without labels, which is not trained on
    note: str | None = None  # "" removes the annotator's note
    blind: tuple[Hidden, ...] | None = (
        None  # made without seeing these; None: on a desk, which hides nothing
    )
    model: str | None = None  # whose tags were shown
    undoes: int | None = None
    request: str | None = None  # a request repeated after a lost answer makes no second event
    at: str = ""  # UTC, ISO 8601
    live: bool = True  # not taken back


class Check(NamedTuple):
    """What one person decided or noted on a finding."""

    report: str  # SHA-256 of its bytes
    start: int
    end: int
    key: str
    annotator: str
    note: str
    labels: tuple[str, ...] | None  # that it should have; None of a note alone
    at: str


def judge(tagged: Sequence[str], right: Sequence[str]) -> Judgment:
    """Say what a person's labels of a finding make of those that it was tagged with."""
    if set(tagged) == set(right):
        return "confirmed"
    return "corrected" if right else "rejected"


class State:
    """What holds on a passage after its events, given in order."""

    def __init__(self, events: Iterable[Decision] = ()) -> None:
        self.events: list[Decision] = []  # all of them
        self.answered: set[str] = set()  # annotators who decided ever, undone or not
        self.seen: set[str] = set()  # annotators who were shown a colleague's decision
        in_effect: dict[int, Decision] = {}
        # event -> the event at the end of its chain of undos, and whether it puts that in effect
        ends: dict[int, tuple[Decision, bool]] = {}
        deciders: Counter[str] = Counter()  # decisions in effect, by annotator
        speakers: Counter[str] = Counter()  # decisions and notes in effect
        for event in events:
            self.events.append(event)
            end, holds = event, True
            if event.undoes is not None:
                end, held = ends.get(event.undoes, (event, True))
                holds = not held
            ends[event.id] = end, holds
            if holds != (end.id in in_effect):
                change = 1 if holds else -1
                deciders[end.annotator] += change * (end.kind == "label")
                speakers[end.annotator] += change * (end.kind == "label" or bool(end.note))
            if holds:
                in_effect[end.id] = end
            else:
                in_effect.pop(end.id, None)
            if event.kind == "label":
                self.answered.add(event.annotator)
            if event.kind in ("settle", "look"):
                self.seen.add(event.annotator)
            if len(+speakers) > 1 and not self.seen.issuperset(+deciders):
                # a note that its author removed says nothing
                notes: dict[str, str] = {}
                for _, earlier in sorted(in_effect.items()):
                    if earlier.note is not None:
                        notes[earlier.annotator] = earlier.note
                noted = {name for name, note in notes.items() if note}
                if len(noted.union(+deciders)) > 1:
                    self.seen.update(+deciders)
        self._in_effect = [in_effect[number] for number in sorted(in_effect)]

    def _latest(self, kind: Kind) -> dict[str, Decision]:
        """Return each annotator's latest event in effect, in the order of their first."""
        return {event.annotator: event for event in self._in_effect if event.kind == kind}

    @property
    def decisions(self) -> dict[str, Decision]:
        """Each annotator's labels."""
        return self._latest("label")

    @property
    def independent(self) -> dict[str, Decision]:
        """Each annotator's last labels that were given without seeing a colleague's."""
        return {
            event.annotator: event
            for event in self._in_effect
            if event.kind == "label" and "colleagues" in (event.blind or ())
        }

    @property
    def notes(self) -> dict[str, Decision]:
        """The event of each annotator's note."""
        noted = {event.annotator: event for event in self._in_effect if event.note is not None}
        return {name: event for name, event in noted.items() if event.note}

    @property
    def settled(self) -> Decision | None:
        """The latest settlement of all annotators."""
        return max(self._latest("settle").values(), key=_id, default=None)

    @property
    def is_disputed(self) -> bool:
        """Whether annotators gave different labels, and nobody settled it."""
        sure = {event.labels for event in self.decisions.values() if not event.unsure}
        return len(sure) > 1 and self.settled is None

    @property
    def differs(self) -> bool:
        """Whether annotators differ, "unsure" counted as an answer, and nobody settled it."""
        answers = {(event.labels, event.unsure) for event in self.decisions.values()}
        return len(answers) > 1 and self.settled is None

    @property
    def final(self) -> Decision | None:
        """The event that decides the labels: the settlement, else a decision nobody disputes.

        None where annotators differ: nothing is learned from such a passage until somebody settles
        it. Of two, one of whom is unsure, the other decides.
        """
        if settled := self.settled:
            return settled
        if self.is_disputed:
            return None
        sure = [event for event in self.decisions.values() if not event.unsure]
        return max(sure, key=_id, default=None)

    def hidden_from(self, annotator: str, hides_model: bool) -> tuple[Hidden, ...]:
        """Say what a decision is made without seeing."""
        hidden: list[Hidden] = []
        if annotator not in self.seen:
            hidden.append("colleagues")
        if hides_model and annotator not in self.answered:
            hidden.append("model")
        return tuple(hidden)
