"""Annotation events in order, and the current state after them (event sourcing).

Nothing is ever erased: what an annotator takes back is undone by a further event.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from operator import attrgetter
from typing import Any, Final, Literal, TypedDict, cast

import msgspec

from tipclassify.formatting import json_line, load_json
from tipclassify.labels import label_indicator

Kind = Literal["decision", "adjudication", "undo", "note", "reveal"]
Hidden = Literal["colleagues", "model"]

_LOOKS: Final = ("adjudication", "reveal")  # events of somebody who was shown all decisions
_number: Final = attrgetter("number")
_SHOWN: Final = ("kind", "key", "annotator", "time", "undoes", "note", "unsure", "blind")


class EventRow(TypedDict, total=False):
    """Plain values of an event for the page, without those that are None."""

    kind: Kind
    key: str  # of the passage
    annotator: str
    time: str
    undoes: int
    note: str | None
    unsure: bool | None
    blind: tuple[Hidden, ...]
    id: int  # of the event
    labels: list[str]
    hidden: bool  # whether labels and note are held back


class Event(msgspec.Struct, frozen=True):
    """An action of an annotator.

    A decision gives a passage one annotator's labels. An adjudication gives it final labels where
    annotators disagree. An undo revokes an earlier event; undoing an undo is a redo. A note
    replaces the annotator's note on a passage; a reveal shows them their colleagues' decisions
    before they made one of their own.
    """

    number: int = msgspec.field(name="event")  # of its line in the log, from 1
    kind: Kind
    key: str = msgspec.field(name="id")  # of the passage (`opened.review_passage_id`)
    annotator: str
    time: str  # UTC, ISO 8601
    labels: tuple[str, ...] = ()
    undoes: int | None = None  # number of the event that an undo revokes
    note: str | None = None  # "" removes it
    # idempotency key: a request repeated after a lost answer makes no second event
    request: str | None = None
    # text, source and predictions of the passage
    about: dict[str, Any] = msgspec.field(default_factory=dict)
    # of a decision without labels: the answer "unsure", which is not trained on
    unsure: bool | None = None
    # what a decision was made without seeing; None: unknown, by older logs
    blind: tuple[Hidden, ...] | None = None

    def __post_init__(self) -> None:
        label_indicator(self.labels)  # raises for an unknown one
        if (self.kind == "undo") != (self.undoes is not None):
            raise ValueError("an undo says what it undoes, and nothing else does")
        if self.unsure and (self.labels or self.kind != "decision"):
            raise ValueError("unsure is a decision without labels")
        if self.kind not in ("undo", "reveal") and not isinstance(self.about.get("text"), str):
            raise ValueError("no text")

    def plain(self) -> EventRow:
        """Convert to plain values for the page."""
        row = {name: getattr(self, name) for name in _SHOWN}
        row |= {"id": self.number, "labels": list(self.labels)}
        known = {name: value for name, value in row.items() if value is not None}
        return cast("EventRow", known)


class _EventsInEffect:
    """The events of one kind on one passage that are in effect, by annotator, each in order."""

    def __init__(self) -> None:
        self._of_annotator: dict[str, list[Event]] = {}

    def put(self, event: Event) -> None:
        """Add an event: the last of all, or one that was undone and now is not."""
        insort(self._of_annotator.setdefault(event.annotator, []), event, key=_number)

    def take(self, event: Event) -> None:
        """Remove an event, if it is in effect."""
        events = self._of_annotator.get(event.annotator, [])
        at = bisect_left(events, event.number, key=_number)
        if at < len(events) and events[at].number == event.number:
            del events[at]
            if not events:
                del self._of_annotator[event.annotator]

    def latest_by_annotator(self) -> dict[str, Event]:
        """Return each annotator's latest event; annotators in the order of their first."""
        in_order = sorted(self._of_annotator.items(), key=lambda named: named[1][0].number)
        return {annotator: events[-1] for annotator, events in in_order}

    def latest(self) -> Event | None:
        """Return the latest event of all annotators."""
        last_ones = (events[-1] for events in self._of_annotator.values())
        return max(last_ones, key=_number, default=None)


class _StateOfPassage:
    """What is in effect on one passage."""

    def __init__(self) -> None:
        self.decisions = _EventsInEffect()
        self.independent = _EventsInEffect()  # decisions made without seeing a colleague's
        self.adjudications = _EventsInEffect()
        self.noted = _EventsInEffect()  # events with a note; older logs have notes on decisions

    def holders(self, event: Event) -> list[_EventsInEffect]:
        """Return where an event counts while it is in effect."""
        holders = []
        if event.kind == "decision":
            holders.append(self.decisions)
            if "colleagues" in (event.blind or ()):
                holders.append(self.independent)
        elif event.kind == "adjudication":
            holders.append(self.adjudications)
        if event.note is not None and event.kind not in ("undo", "reveal"):
            holders.append(self.noted)
        return holders


class History:
    """All events so far, and the current state after them.

    An event takes as long to add as the passage has annotators, however many events it has.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        # passage key -> its decisions, adjudications and notes
        self.by_passage: dict[str, list[Event]] = {}
        # passage key -> its notes by annotator, ever
        self.note_states: dict[str, list[dict[str, str]]] = {}
        # (passage key, annotator) of all decisions, undone ones too
        self.answered: set[tuple[str, str]] = set()
        # (passage key, annotator) who was shown a colleague's decision
        self.seen: set[tuple[str, str]] = set()
        self.requests: dict[tuple[str, str | None], Event] = {}  # (annotator, request) -> its event
        # passage keys; kept, since looking through 100,000 passages takes a second
        self.decided_keys: set[str] = set()
        self.disputed_keys: set[str] = set()
        self._states: dict[str, _StateOfPassage] = {}  # by passage key
        self._undos: dict[str, list[Event]] = {}  # by passage key
        # number of an undo -> the event at the end of its chain, and the steps to it
        self._chain_ends: dict[int, Event] = {}
        self._chain_steps: dict[int, int] = {}
        self._revoked: set[int] = set()  # numbers of undone events that are no undos

    def __len__(self) -> int:
        return len(self.events)

    def check(self, event: Event) -> None:
        """Raise `ValueError` if the event has not the next number, or undoes no other.

        What it undoes must be an earlier event of its passage.
        """
        if event.number != len(self.events) + 1:
            raise ValueError(f"event {event.number} after event {len(self.events)}")
        undone = event.undoes
        if undone is None:
            return
        if not 0 < undone < event.number or self.events[undone - 1].key != event.key:
            raise ValueError(
                f"event {event.number} undoes {undone}, which is no earlier event of its passage"
            )

    def add(self, event: Event) -> None:
        """Check an event, append it and apply it."""
        self.check(event)
        self.events.append(event)
        if event.request is not None:
            self.requests.setdefault((event.annotator, event.request), event)
        state = self._states.setdefault(event.key, _StateOfPassage())
        changed = event
        if event.undoes is not None:
            changed = self._undo(event, event.undoes, state)
        else:
            for holder in state.holders(event):
                holder.put(event)
        if event.kind not in ("undo", "reveal"):
            self.by_passage.setdefault(event.key, []).append(event)
        if event.kind == "decision":
            self.answered.add((event.key, event.annotator))
        self._note_who_saw(event)
        self._note_the_notes(event.key, changed)
        self._note_the_outcome(event.key)

    def _undo(self, undo: Event, undone: int, state: _StateOfPassage) -> Event:
        """Apply an undo; return the event that it takes out of effect, or puts back into it.

        An undo of an undo restores what that had revoked, and so on down the chain. At its end is
        an event that is no undo, which is out of effect after an odd number of steps.
        """
        revoked = self.events[undone - 1]
        steps = 1
        if undone in self._chain_ends:
            revoked = self._chain_ends[undone]
            steps += self._chain_steps[undone]
        self._chain_ends[undo.number] = revoked
        self._chain_steps[undo.number] = steps
        self._undos.setdefault(undo.key, []).append(undo)
        was_revoked = revoked.number in self._revoked
        is_revoked = steps % 2 == 1
        if is_revoked and not was_revoked:
            self._revoked.add(revoked.number)
            for holder in state.holders(revoked):
                holder.take(revoked)
        elif was_revoked and not is_revoked:
            self._revoked.discard(revoked.number)
            for holder in state.holders(revoked):
                holder.put(revoked)
        return revoked

    def _note_who_saw(self, event: Event) -> None:
        """Note which annotators have now been shown a colleague's decision."""
        if event.kind in _LOOKS:
            self.seen.add((event.key, event.annotator))
        deciders = self.decisions(event.key)
        if len({*deciders, *self.notes(event.key)}) > 1:
            self.seen.update((event.key, name) for name in deciders)

    def _note_the_notes(self, key: str, changed: Event) -> None:
        """Keep the notes on a passage, if a change of this event's effect changed them."""
        states = self.note_states.setdefault(key, [{}])
        if changed.note is None:
            return
        notes = {
            name: str(noted.note).encode("utf-8", "replace").decode()
            for name, noted in self.notes(key).items()
        }
        if notes != states[-1]:
            states.append(notes)

    def _note_the_outcome(self, key: str) -> None:
        """Note whether a passage is now decided or disputed."""
        if self.final(key) is None:
            self.decided_keys.discard(key)
        else:
            self.decided_keys.add(key)
        if self.disputed(key):
            self.disputed_keys.add(key)
        else:
            self.disputed_keys.discard(key)

    def is_undone(self, number: int) -> bool:
        """Return whether an event was undone, by an undo that was not undone itself."""
        event = self.events[number - 1]
        if event.kind != "undo":
            return number in self._revoked
        steps = {number: 0}  # from each undo of this chain to the event
        latest = number
        for undo in self._undos[event.key]:
            if undo.undoes in steps:
                steps[undo.number] = steps[undo.undoes] + 1
                latest = undo.number
        return steps[latest] % 2 == 1

    def _state(self, key: str) -> _StateOfPassage:
        return self._states.get(key) or _StateOfPassage()

    def decisions(self, key: str) -> dict[str, Event]:
        """Return each annotator's latest decision in effect on a passage."""
        return self._state(key).decisions.latest_by_annotator()

    def independent(self, key: str) -> dict[str, Event]:
        """Return each annotator's latest decision in effect that was made without a colleague's."""
        return self._state(key).independent.latest_by_annotator()

    def notes(self, key: str) -> dict[str, Event]:
        """Return the event of each annotator's note in effect; an empty note removes one."""
        noted = self._state(key).noted.latest_by_annotator()
        return {name: event for name, event in noted.items() if event.note}

    def settled(self, key: str) -> Event | None:
        """Return the latest adjudication in effect on a passage, if any."""
        return self._state(key).adjudications.latest()

    def final(self, key: str) -> Event | None:
        """Return the event that decides a passage's labels.

        That is its adjudication, else a decision nobody disputes. None where annotators differ:
        nothing is learned from such a passage until somebody settles it. Of two, one of whom is
        unsure, the other decides.
        """
        if settled := self.settled(key):
            return settled
        if self.disputed(key):
            return None
        sure = [event for event in self.decisions(key).values() if not event.unsure]
        return max(sure, key=_number, default=None)

    def disputed(self, key: str) -> bool:
        """Return whether annotators gave different labels to a passage, without an adjudication."""
        decisions = self.decisions(key).values()
        sure = {event.labels for event in decisions if not event.unsure}
        return len(sure) > 1 and self.settled(key) is None

    def differ(self, key: str) -> bool:
        """Return whether annotators disagree on a passage without an adjudication."""
        answers = {(event.labels, event.unsure) for event in self.decisions(key).values()}
        return len(answers) > 1 and self.settled(key) is None


def event_line(event: Event) -> bytes:
    """Serialize an event as one line; `parse_event` is the inverse."""
    row = msgspec.to_builtins(event)
    row |= row.pop("about")
    return json_line({name: value for name, value in row.items() if value is not None}).encode()


def parse_event(line: bytes) -> Event:
    """Parse an event from a line of the log.

    Raises `ValueError`, which says why, if it is invalid.
    """
    row = load_json(line, strict=False)
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    own = {
        name: row.pop(name)
        for name in Event.__struct_encode_fields__
        if name != "about" and name in row
    }
    return msgspec.convert({**own, "about": row}, Event)
