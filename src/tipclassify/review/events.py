"""Annotation events in order, and the current state after all of them (event sourcing): nothing
is ever erased."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from tipclassify.formatting import json_line, load_json
from tipclassify.labels import indicator

Kind = Literal["decision", "adjudication", "undo", "note", "reveal"]
Hidden = Literal["colleagues", "model"]

_LOOKS: Final = ("adjudication", "reveal")  # events of somebody who was shown all decisions
_SHOWN: Final = ("kind", "key", "annotator", "time", "undoes", "note", "unsure", "blind")


class Event(msgspec.Struct, frozen=True):
    """An action of an annotator.

    A decision gives a passage one annotator's labels. An adjudication gives it final labels where
    annotators disagree. An undo revokes an earlier event; undoing an undo is a redo. A note
    replaces the annotator's note on a passage; a reveal shows them their colleagues' decisions
    before they made one of their own.
    """

    number: int = msgspec.field(name="event")  # of its line in the log, from 1
    kind: Kind
    key: str = msgspec.field(name="id")  # of the passage (`opened.passage_id`)
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
        indicator(self.labels)  # raises for an unknown one
        if (self.kind == "undo") != (self.undoes is not None):
            raise ValueError("an undo says what it undoes, and nothing else does")
        if self.unsure and (self.labels or self.kind != "decision"):
            raise ValueError("unsure is a decision without labels")
        if self.kind not in ("undo", "reveal") and not isinstance(self.about.get("text"), str):
            raise ValueError("no text")

    def plain(self) -> dict[str, Any]:
        """Convert to plain values for the page."""
        row = {name: getattr(self, name) for name in _SHOWN}
        row |= {"id": self.number, "labels": list(self.labels)}
        return {name: value for name, value in row.items() if value is not None}


class History:
    """All events so far, and the current state after them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.undone: set[int] = set()  # numbers of revoked events
        # passage key -> its decisions, adjudications and notes
        self.by_passage: dict[str, list[Event]] = {}
        # passage key -> its notes by annotator, ever
        self.note_states: dict[str, list[dict[str, str]]] = {}
        # (passage key, annotator) of all decisions, undone ones too
        self.answered: set[tuple[str, str]] = set()
        # (passage key, annotator) who was shown a colleague's decision
        self.seen: set[tuple[str, str]] = set()
        self.requests: dict[tuple[str, str | None], Event] = {}  # (annotator, request) -> its event

    def __len__(self) -> int:
        return len(self.events)

    def check(self, event: Event) -> None:
        """Raise `ValueError` unless the event has the next number, and undoes an earlier one of
        its passage if any."""
        if event.number != len(self.events) + 1:
            raise ValueError(f"event {event.number} after event {len(self.events)}")
        if (at := event.undoes) is not None and not (
            0 < at < event.number and self.events[at - 1].key == event.key
        ):
            raise ValueError(
                f"event {event.number} undoes {at}, which is no earlier event of its passage"
            )

    def add(self, event: Event) -> None:
        """Append a checked event and apply it."""
        self.check(event)
        self.events.append(event)
        if event.request is not None:
            self.requests.setdefault((event.annotator, event.request), event)
        if event.kind not in ("undo", "reveal"):
            self.by_passage.setdefault(event.key, []).append(event)
        undone, at = True, event.undoes
        # revoking an undo restores the event that it revoked, and so on down the chain
        while at is not None:
            (self.undone.add if undone else self.undone.discard)(at)
            undone, at = not undone, self.events[at - 1].undoes
        if event.kind == "decision":
            self.answered.add((event.key, event.annotator))
        deciders, notes = self.decisions(event.key), self.notes(event.key)
        shown = deciders if len({*deciders, *notes}) > 1 else ()
        self.seen |= {
            (event.key, name) for name in (*shown, *[event.annotator] * (event.kind in _LOOKS))
        }
        states = self.note_states.setdefault(event.key, [{}])
        state = {name: str(e.note).encode("utf-8", "replace").decode() for name, e in notes.items()}
        if state != states[-1]:
            states.append(state)

    def _holding(self, key: str, kind: Kind) -> list[Event]:
        return [
            e
            for e in self.by_passage.get(key, ())
            if e.kind == kind and e.number not in self.undone
        ]

    def decisions(self, key: str) -> dict[str, Event]:
        """Return each annotator's latest decision in effect on a passage."""
        return {e.annotator: e for e in self._holding(key, "decision")}

    def independent(self, key: str) -> dict[str, Event]:
        """Return each annotator's latest decision in effect that was made without seeing a
        colleague's."""
        return {
            e.annotator: e
            for e in self._holding(key, "decision")
            if "colleagues" in (e.blind or ())
        }

    def notes(self, key: str) -> dict[str, Event]:
        """Return the event of each annotator's note in effect; older logs have notes on
        decisions."""
        events = [e for e in self.by_passage.get(key, ()) if e.number not in self.undone]
        noted = {e.annotator: e for e in events if e.note is not None}
        return {name: event for name, event in noted.items() if event.note}

    def settled(self, key: str) -> Event | None:
        """Return the latest adjudication in effect on a passage, if any."""
        return next(reversed(self._holding(key, "adjudication")), None)

    def final(self, key: str) -> Event | None:
        """Return the event that decides a passage's labels: its adjudication, else a decision
        nobody disputes.

        None where annotators differ: nothing is learned from such a passage until somebody settles
        it. Of two, one of whom is unsure, the other decides.
        """
        if settled := self.settled(key):
            return settled
        if self.disputed(key):
            return None
        sure = [event for event in self.decisions(key).values() if not event.unsure]
        return max(sure, key=lambda event: event.number, default=None)

    def disputed(self, key: str) -> bool:
        """Return whether annotators gave different labels to a passage, without an adjudication."""
        sure = {event.labels for event in self.decisions(key).values() if not event.unsure}
        return len(sure) > 1 and self.settled(key) is None

    def differ(self, key: str) -> bool:
        """Return whether annotators disagree on a passage without an adjudication."""
        return (
            self.settled(key) is None
            and len({(e.labels, e.unsure) for e in self.decisions(key).values()}) > 1
        )


def event_line(event: Event) -> bytes:
    """Serialize an event as one line; `parse_event` is the inverse."""
    row = msgspec.to_builtins(event)
    row |= row.pop("about")
    return json_line({name: value for name, value in row.items() if value is not None}).encode()


def parse_event(line: bytes) -> Event:
    """Parse an event from a line of the log; raise `ValueError`, which says why, if it is
    invalid."""
    row = load_json(line, strict=False)
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    own = {
        name: row.pop(name)
        for name in Event.__struct_encode_fields__
        if name != "about" and name in row
    }
    return msgspec.convert({**own, "about": row}, Event)
