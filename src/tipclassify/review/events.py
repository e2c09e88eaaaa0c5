"""What annotators did, as events in the order they did it, and what holds after all of them.

Three kinds: a decision gives a passage its labels in one annotator's eyes, an adjudication settles a passage on which
annotators differ, an undo takes back one earlier event (an undo too: that is a redo). Nothing is ever erased.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tipclassify.labels import LABELS

__all__ = ["Event", "History", "Kind", "event_line", "parse_event"]

Kind = Literal["decision", "adjudication", "undo"]
_KINDS: Final = ("decision", "adjudication", "undo")


@dataclass(frozen=True, slots=True)
class Event:
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
    about : mapping
        Where the passage is from and what the model had said of it, for decisions and adjudications: plain JSON values.
    """

    number: int
    kind: Kind
    key: str
    annotator: str
    time: str
    labels: tuple[str, ...] = ()
    undoes: int | None = None
    note: str | None = None
    request: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def plain(self) -> dict[str, Any]:
        """What the page is told of it."""
        row: dict[str, Any] = {
            "id": self.number,
            "kind": self.kind,
            "key": self.key,
            "labels": list(self.labels),
            "annotator": self.annotator,
            "time": self.time,
        }
        row |= {} if self.undoes is None else {"undoes": self.undoes}
        return row | ({} if self.note is None else {"note": self.note})


class History:
    """All events so far and what holds after them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._idle: set[int] = set()  # numbers of events that were taken back
        self._of: dict[str, list[Event]] = {}  # passage -> its decisions and adjudications
        self._asked: dict[tuple[str, str], Event] = {}  # annotator, request -> its event
        self._final: dict[str, Event | None] = {}

    def __len__(self) -> int:
        return len(self.events)

    def add(self, event: Event) -> None:
        """Let one more event take effect.

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
        self.events.append(event)
        if event.request is not None:
            self._asked.setdefault((event.annotator, event.request), event)
        if event.undoes is None:
            self._of.setdefault(event.key, []).append(event)
        else:
            self._take_back(event.undoes)
        said = self.decisions(event.key).values()
        self._final[event.key] = self.settled(event.key) or max(said, key=lambda e: e.number, default=None)

    def _take_back(self, number: int) -> None:
        """Let an event no longer hold; one that is an undo thereby gives back what it undid, and so on."""
        on, at = False, number
        while True:
            (self._idle.discard if on else self._idle.add)(at)
            undone = self.events[at - 1].undoes
            if undone is None:
                return
            on, at = not on, undone

    def holds(self, number: int) -> bool:
        """Whether an event was not taken back."""
        return number not in self._idle

    def asked(self, annotator: str, request: str | None) -> Event | None:
        """The event that a request of an annotator made."""
        return None if request is None else self._asked.get((annotator, request))

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
        return self._final.get(key)

    def differ(self, key: str) -> bool:
        """Whether annotators differ on a passage and nobody has settled it."""
        return self.settled(key) is None and len({e.labels for e in self.decisions(key).values()}) > 1


# --------------------------------------------------------------------------------------------- lines of the log


def event_line(event: Event) -> bytes:
    """The event as one line; `parse_event` reads it back."""
    row = {
        "event": event.number,
        "kind": event.kind,
        "id": event.key,
        "labels": list(event.labels),
        "annotator": event.annotator,
        "time": event.time,
        "undoes": event.undoes,
        "note": event.note,
        "request": event.request,
        **event.about,
    }
    return plain_line({name: value for name, value in row.items() if value is not None})


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
    names = ("event", "kind", "id", "labels", "annotator", "time", "undoes", "note", "request")
    own = {name: row.pop(name, None) for name in names}
    number, undoes = own["event"], own["undoes"]
    if type(number) is not int or own["kind"] not in _KINDS:
        raise ValueError("no event number or kind")
    if not all(isinstance(own[name], str) for name in ("id", "annotator", "time")):
        raise ValueError("no id, annotator or time")
    labels = own["labels"]
    if not isinstance(labels, list) or any(label not in LABELS for label in labels):
        raise ValueError(f"labels are not a list of {', '.join(LABELS)}")
    if (own["kind"] == "undo") != (type(undoes) is int):
        raise ValueError("an undo says what it undoes, and nothing else does")
    if not all(own[name] is None or isinstance(own[name], str) for name in ("note", "request")):
        raise ValueError("a note or request that is no text")
    if own["kind"] != "undo" and not isinstance(row.get("text"), str):
        raise ValueError("no text")
    who = (own["id"], own["annotator"], own["time"])
    return Event(number, own["kind"], *who, tuple(labels), undoes, own["note"], own["request"], row)
