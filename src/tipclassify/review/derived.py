"""The corpus that follows from the events: each passage once, with the labels that hold, as ``train.py --data`` reads it.

It is written anew, whole or not at all, after every event: whoever reads it sees all that was acknowledged, and nothing that
was typed depends on it. A corpus that somebody edited by hand is moved out of the way, never overwritten.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tipclassify.corpus.loading import LONGEST, row_key
from tipclassify.errors import InputError
from tipclassify.review.events import Event, History, plain_line

__all__ = ["CorpusFile", "corpus_rows", "events_path"]


def events_path(corpus: Path) -> Path:
    """The log beside a corpus file. Its suffix is none that a corpus folder is read by: the events are no corpus.

    >>> events_path(Path("mine/review.jsonl")).name
    'review.events'
    """
    return corpus.with_suffix(".events")


def corpus_rows(history: History) -> list[dict[str, Any]]:
    """The rows of the corpus, in the order in which passages were first decided.

    Where one sentence stands in several places with different labels, under headings that a corpus does not tell apart, the
    event that came last speaks for all of them and the places that say otherwise are left out. Passages longer than a corpus
    takes are left out too. ``doc``, which cross-validation never splits, is the report; while there is only one, its paragraphs.
    """
    events, one_report = _speaking(history)
    return [_row(event, one_report) for event in events]


def _speaking(history: History) -> tuple[list[Event], bool]:
    """The events whose labels the corpus has, and whether they are all of one report."""
    events = [event for key in history.passages() if (event := history.final(key))]
    latest = {row_key(event.about): event.labels for event in sorted(events, key=lambda event: event.number)}
    one_report = len({event.about.get("report_id") for event in events}) < 2
    said = [event for event in events if event.labels == latest[row_key(event.about)]]
    return [event for event in said if event.about["text"].strip() and len(event.about["text"]) <= LONGEST], one_report


def _row(event: Event, one_report: bool) -> dict[str, Any]:
    about = event.about
    doc, block = about.get("report_id"), about.get("block")
    row = {
        "id": event.key,
        "text": about["text"],
        "labels": list(event.labels),
        "section": about.get("section"),
        "doc": f"{doc}-{block}" if one_report and block is not None else doc,
        "source": "review",
        "annotator": event.annotator,
        "time": event.time,
        "event": event.number,
        "adjudicated": True if event.kind == "adjudication" else None,
        "note": event.note,
    }
    row |= {name: value for name, value in about.items() if name not in row}
    return {name: _sound(value) for name, value in row.items() if value is not None}


def _sound(value: Any) -> Any:
    """Half a surrogate pair, which no table can hold, becomes "?"."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


class CorpusFile:
    """The corpus file at `path`, kept up with a `History`.

    Parameters
    ----------
    tell : callable
        Called with one line when a file edited by hand was moved out of the way.
    """

    def __init__(self, path: Path, tell: Callable[[str], None] = lambda _: None) -> None:
        self.path = path
        self._tell = tell
        self._written = b""  # by this process
        self._lines: dict[tuple[int, bool], bytes] = {}  # making rows takes a third of a second for 5,000

    def write(self, history: History) -> None:
        """Bring the file up to date. Call it with the log held, or two processes could write it in the wrong order.

        Raises
        ------
        InputError
            When it cannot be written.
        """
        events, one_report = _speaking(history)
        for event in events:
            if (event.number, one_report) not in self._lines:
                self._lines[event.number, one_report] = plain_line(_row(event, one_report))
        data = b"".join(self._lines[event.number, one_report] for event in events)
        try:
            there = self.path.read_bytes() if self.path.exists() else None
            if there and there not in (data, self._written) and not _is_ours(there, history):
                self._move_away()
            if there != data and (data or there is not None):
                # Whoever writes holds the log, so one name will do, and a killed process leaves one file, not hundreds.
                staged = self.path.with_name(f".{self.path.name}.new")
                staged.unlink(missing_ok=True)
                staged.write_bytes(data)
                os.replace(staged, self.path)
            self._written = data
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({(error.strerror or str(error)).lower()})") from None

    def _move_away(self) -> None:
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}.edited-{number}")).exists():
            number += 1
        os.rename(self.path, aside)
        self._tell(f"{self.path}: held rows that were not decided here; they are in {aside.name}, untouched")


def _is_ours(data: bytes, history: History) -> bool:
    """Whether every row is one that an event gave: the file of an earlier moment, not what somebody typed."""
    try:
        rows = [{**json.loads(line), "doc": None} for line in data.splitlines() if line.strip()]
        return all(row == {**_row(history.events[row["event"] - 1], False), "doc": None} for row in rows)
    except (ValueError, KeyError, TypeError, IndexError):
        return False
