"""Corpus derived from the events, as ``train.py --data`` reads it; a file edited by hand is moved aside."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from tipclassify.corpus.loading import LONGEST, row_key
from tipclassify.errors import InputError, OutputError, reason_of
from tipclassify.formatting import json_line
from tipclassify.review.events import Event, History
from tipclassify.review.log import open_plain


def events_path(corpus: Path) -> Path:
    """Return the path of a corpus's event log, whose suffix is not read in a corpus folder."""
    return corpus.with_suffix(".events")


class CorpusFile:
    """Corpus file at `path`, kept in step with a `History`; `notify` is called when a file edited by hand is moved."""

    def __init__(self, path: Path, notify: Callable[[str], None] = lambda _: None) -> None:
        self.path = path
        self._notify = notify
        self._written = b""  # content last written by this process
        self._lines: dict[tuple[object, ...], bytes] = {}  # cache: making 5,000 rows takes a third of a second

    def write(self, history: History) -> None:
        """Bring the file up to date. Hold the log's lock, or two processes could write out of order.

        Raises `InputError` if something else is in its place, `OutputError` if it cannot be written now.
        """
        events = _corpus_events(history)
        one_report = len({event.about.get("report_id") for event in events}) < 2
        data = b"".join(self._line(event, one_report, history.note_states[event.key][-1]) for event in events)
        try:
            there = None
            with suppress(FileNotFoundError), open_plain(self.path, "rb") as file:
                there = file.read()
            if there and there not in (data, self._written) and not self._is_ours(there, history):
                numbered = (self.path.with_name(f"{self.path.name}.edited-{number}") for number in count(1))
                aside = next(file for file in numbered if not file.exists())
                os.rename(self.path, aside)
                what = f"held rows that were not decided here; they are in {aside.name}, untouched"
                self._notify(f"{self.path}: {what}")
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({reason_of(error)})") from None
        if there != data and (data or there is not None):
            self._replace(data)
        self._written = data

    def _replace(self, data: bytes) -> None:
        """Write the content; `OutputError` if the disk is full, with nothing left of what was written."""
        # The writer holds the log's lock, so a fixed name is safe, and killed processes leave one file at most.
        staged = self.path.with_name(f".{self.path.name}.new")
        try:
            staged.unlink(missing_ok=True)
            with open_plain(staged, "xb") as out:
                out.write(data)
            os.replace(staged, self.path)
        except OSError as error:
            with suppress(OSError):
                staged.unlink(missing_ok=True)
            kept = f"the decisions are safe in {events_path(self.path).name}; free some space"
            raise OutputError(f"{self.path}: not up to date ({reason_of(error)}); {kept}") from None

    def _line(self, event: Event, one_report: bool, notes: dict[str, str]) -> bytes:
        key = event.number, one_report, tuple(notes.items())
        if key not in self._lines:
            self._lines[key] = json_line(_row(event, one_report, notes)).encode()
        return self._lines[key]

    def _is_ours(self, data: bytes, history: History) -> bool:
        """Return whether every row derives from an event: an earlier state of the file, not a manual edit."""
        events = [event for event in history.events if event.kind in ("decision", "adjudication")]
        pairs = [(e, one, notes) for e in events for one in (False, True) for notes in history.note_states[e.key]]
        return {*data.splitlines(keepends=True)} <= {self._line(*pair) for pair in pairs}


def _corpus_events(history: History) -> list[Event]:
    """Select the events whose labels go into the corpus, in the order in which passages were first decided.

    If the same sentence has different labels in several places that a corpus does not distinguish, those of the last
    event count, and places that differ are left out; so are passages longer than a corpus allows.
    """
    events = [event for key in history.by_passage if (event := history.final(key))]
    latest = {row_key(event.about): event.labels for event in sorted(events, key=lambda event: event.number)}
    current = [event for event in events if event.labels == latest[row_key(event.about)]]
    return [event for event in current if event.about["text"].strip() and len(event.about["text"]) <= LONGEST]


def _row(event: Event, one_report: bool, notes: dict[str, str]) -> dict[str, Any]:
    about = event.about
    doc, block = about.get("report_id"), about.get("block")
    row = {
        "id": event.key,
        "text": about["text"],
        "labels": list(event.labels),
        "section": about.get("section"),
        "doc": f"{doc}-{block}" if one_report and block is not None else doc,  # the group that no split parts
        "source": "review",
        "annotator": event.annotator,
        "time": event.time,
        "event": event.number,
        "adjudicated": True if event.kind == "adjudication" else None,
        "blind": event.blind,
        "note": notes.get(event.annotator),
        "notes": {name: note for name, note in notes.items() if name != event.annotator} or None,  # of colleagues
    }
    row |= {name: value for name, value in about.items() if name not in row}
    return {  # a lone surrogate, which no table can store, becomes "?"
        name: value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
        for name, value in row.items()
        if value is not None
    }
