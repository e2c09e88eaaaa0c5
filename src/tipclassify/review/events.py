"""What annotators did, as events in the order they did it, and what holds after all of them.

Three kinds: a decision gives a passage its labels in one annotator's eyes, an adjudication settles a passage on which
annotators differ, an undo takes back one earlier event (an undo too: that is a redo). Nothing is ever erased.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from tipclassify.labels import indicator

__all__ = ["Event", "History", "Kind", "event_line", "parse_event", "plain_line"]

Kind = Literal["decision", "adjudication", "undo"]


class Event(msgspec.Struct, frozen=True):
    """One thing that an annotator did.

    Attributes
    ----------
    number : int
        From 1, the line of the log that it stands in.
    key : str
        The passage (`opened.passage_key`).
    time : str
        UTC, ISO 8601.
    undoes : int or None
        Number of the event that an undo takes back.
    request : str or None
        The name that the page gave it. The same request again, as after an answer that was lost, is the same event.
    about : dict
        Where the passage is from and what the model had said of it, for decisions and adjudications: plain JSON values.
    """

    number: int = msgspec.field(name="event")
    kind: Kind
    key: str = msgspec.field(name="id")
    annotator: str
    time: str
    labels: tuple[str, ...] = ()
    undoes: int | None = None
    note: str | None = None
    request: str | None = None
    about: dict[str, Any] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        indicator(self.labels)  # raises for an unknown one
        if (self.kind == "undo") != (self.undoes is not None):
            raise ValueError("an undo says what it undoes, and nothing else does")
        if self.kind != "undo" and not isinstance(self.about.get("text"), str):
            raise ValueError("no text")

    def plain(self) -> dict[str, Any]:
        """Return what the page is sent of it."""
        row = {
            "id": self.number,
            "kind": self.kind,
            "key": self.key,
            "labels": list(self.labels),
            "annotator": self.annotator,
            "time": self.time,
        }
        more = {"undoes": self.undoes, "note": self.note}
        return row | {name: value for name, value in more.items() if value is not None}


class History:
    """All events so far and what holds after them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._undone: set[int] = set()  # numbers of events that were taken back
        self._of: dict[str, list[Event]] = {}  # passage -> its decisions and adjudications
        self._requests: dict[tuple[str, str], Event] = {}  # annotator, request -> its event

    def __len__(self) -> int:
        return len(self.events)

    def check(self, event: Event) -> None:
        """Raise where an event cannot be the next.

        Raises
        ------
        ValueError
            When its number is not the next, or it undoes what is no earlier event of its passage.
        """
        if event.number != len(self.events) + 1:
            raise ValueError(f"event {event.number} after event {len(self.events)}")
        if event.undoes is not None and (
            not 0 < event.undoes < event.number or self.events[event.undoes - 1].key != event.key
        ):
            raise ValueError(f"event {event.number} undoes {event.undoes}, which is no earlier event of its passage")

    def add(self, event: Event) -> None:
        """Let one more event take effect; raises as `check`."""
        self.check(event)
        self.events.append(event)
        if event.request is not None:
            self._requests.setdefault((event.annotator, event.request), event)
        if event.undoes is None:
            self._of.setdefault(event.key, []).append(event)
            return
        undone, at = True, event.undoes
        while True:  # an undo that no longer holds gives back what it undid, and so on
            (self._undone.add if undone else self._undone.discard)(at)
            before = self.events[at - 1].undoes
            if before is None:
                return
            undone, at = not undone, before

    def holds(self, number: int) -> bool:
        """Whether an event was not taken back."""
        return number not in self._undone

    def requested(self, annotator: str, request: str | None) -> Event | None:
        """The event that a request of an annotator made."""
        return None if request is None else self._requests.get((annotator, request))

    def passages(self) -> Iterator[str]:
        """Passages that anybody ever decided, in the order of their first decision."""
        return iter(self._of)

    def decisions(self, key: str) -> dict[str, Event]:
        """The decision on a passage that holds, of each annotator who has one."""
        return {e.annotator: e for e in self._of.get(key, ()) if e.kind == "decision" and self.holds(e.number)}

    def settled(self, key: str) -> Event | None:
        """The adjudication that holds."""
        found = [e for e in self._of.get(key, ()) if e.kind == "adjudication" and self.holds(e.number)]
        return found[-1] if found else None

    def final(self, key: str) -> Event | None:
        """What the passage's labels are: its adjudication, else whichever decision that holds came last."""
        return self.settled(key) or max(self.decisions(key).values(), key=lambda e: e.number, default=None)

    def differ(self, key: str) -> bool:
        """Whether annotators differ on a passage and nobody has settled it."""
        return self.settled(key) is None and len({e.labels for e in self.decisions(key).values()}) > 1


# --------------------------------------------------------------------------------------------- lines of the log


def event_line(event: Event) -> bytes:
    """The event as one line; `parse_event` reads it back."""
    row = msgspec.to_builtins(event)
    about = row.pop("about")
    return plain_line({name: value for name, value in {**row, **about}.items() if value is not None})


def plain_line(row: Mapping[str, Any]) -> bytes:
    """A JSON object as one line of UTF-8; what UTF-8 cannot hold (half a surrogate pair) stays escaped."""
    try:
        return json.dumps(row, ensure_ascii=False).encode("utf-8") + b"\n"
    except UnicodeEncodeError:
        return json.dumps(row).encode("ascii") + b"\n"


def parse_event(line: bytes) -> Event:
    """The event of a line.

    >>> event = Event(1, "decision", "k", "ann", "2025-03-01T10:00:00.000Z", ("failure",), about={"text": "Courts slept."})
    >>> parse_event(event_line(event)) == event
    True

    Raises
    ------
    ValueError
        With what is wrong with it.
    """
    row = json.loads(line.decode("utf-8"))
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    own = {name: row.pop(name) for name in Event.__struct_encode_fields__ if name != "about" and name in row}
    return msgspec.convert({**own, "about": row}, Event)
