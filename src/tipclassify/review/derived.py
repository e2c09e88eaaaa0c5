"""Corpus derived from the events: each passage once, with its current labels, as ``train.py --data`` reads it.

It can always be rebuilt from the log. A file edited by hand is moved aside, never overwritten.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tipclassify.corpus.loading import LONGEST, row_key
from tipclassify.errors import InputError
from tipclassify.formatting import load_json
from tipclassify.review.events import Event, History, plain_line
from tipclassify.review.log import open_plain

__all__ = ["CorpusFile", "corpus_rows", "events_path"]


def events_path(corpus: Path) -> Path:
    """Return the path of a corpus's event log, whose suffix is not read in a corpus folder."""
    return corpus.with_suffix(".events")


def corpus_rows(history: History) -> list[dict[str, Any]]:
    """Derive the rows of the corpus, in the order in which passages were first decided."""
    events, one_report = _corpus_events(history)
    return [_row(event, one_report) for event in events]


def _corpus_events(history: History) -> tuple[list[Event], bool]:
    """Select the events whose labels go into the corpus; return them and whether all are of one report.

    If the same sentence has different labels in several places that a corpus does not distinguish, those of the last
    event count, and places that differ are left out; so are passages longer than a corpus allows.
    """
    events = [event for key in history.passages() if (event := history.final(key))]
    latest = {row_key(event.about): event.labels for event in sorted(events, key=lambda event: event.number)}
    one_report = len({event.about.get("report_id") for event in events}) < 2
    current = [event for event in events if event.labels == latest[row_key(event.about)]]
    valid = [event for event in current if event.about["text"].strip() and len(event.about["text"]) <= LONGEST]
    return valid, one_report


def _row(event: Event, one_report: bool) -> dict[str, Any]:
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
        "note": event.note,
    }
    row |= {name: value for name, value in about.items() if name not in row}
    return {  # a lone surrogate, which no table can store, becomes "?"
        name: value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
        for name, value in row.items()
        if value is not None
    }


class CorpusFile:
    """Corpus file at `path`, kept in step with a `History`; calls `notify` when a file edited by hand is moved aside."""

    def __init__(self, path: Path, notify: Callable[[str], None] = lambda _: None) -> None:
        self.path = path
        self._notify = notify
        self._written = b""  # content last written by this process
        self._lines: dict[tuple[int, bool], bytes] = {}  # cache: making 5,000 rows takes a third of a second

    def write(self, history: History) -> None:
        """Bring the file up to date. Hold the log's lock, or two processes could write out of order."""
        events, one_report = _corpus_events(history)
        for event in events:
            if (event.number, one_report) not in self._lines:
                self._lines[event.number, one_report] = plain_line(_row(event, one_report))
        data = b"".join(self._lines[event.number, one_report] for event in events)
        try:
            there = _content(self.path)
            if there and there not in (data, self._written) and not _is_ours(there, history):
                self._move_away()
            if there != data and (data or there is not None):
                # The writer holds the log's lock, so a fixed name is safe, and killed processes leave one file at most.
                staged = self.path.with_name(f".{self.path.name}.new")
                staged.unlink(missing_ok=True)
                with open_plain(staged, "xb") as out:
                    out.write(data)
                os.replace(staged, self.path)
            self._written = data
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({(error.strerror or str(error)).lower()})") from None

    def _move_away(self) -> None:
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}.edited-{number}")).exists():
            number += 1
        os.rename(self.path, aside)
        self._notify(f"{self.path}: held rows that were not decided here; they are in {aside.name}, untouched")


def _content(path: Path) -> bytes | None:
    """Read the file, None if there is none; links are not followed."""
    try:
        with open_plain(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _is_ours(data: bytes, history: History) -> bool:
    """Return whether every row derives from an event: an earlier state of the file, not a manual edit."""
    try:
        rows = [load_json(line, strict=False) for line in data.splitlines() if line.strip()]
        return all(
            row in [_row(history.events[row["event"] - 1], one_report) for one_report in (False, True)] for row in rows
        )
    except (ValueError, KeyError, TypeError, IndexError):
        return False
