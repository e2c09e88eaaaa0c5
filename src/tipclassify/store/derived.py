"""Corpus derived from the events, as ``train.py --data`` reads it.

A decision changes the rows of its own sentence only: the row that held before is overwritten with
spaces, a blank line to readers of JSON lines, and the new row is appended. The whole file is
written when it is opened, and when it is not as this process and other annotators' processes left
it. A file that was edited by hand is moved aside.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, Final

from tipclassify.corpus.rows import LONGEST, row_key
from tipclassify.errors import InputError, OutputError, reason_of_error
from tipclassify.formatting import json_line, load_json
from tipclassify.store.events import Event, History
from tipclassify.store.log import open_regular_review_file
from tipclassify.whole_files import hidden_name

# bytes of blank lines that are left standing, however short the rows are
_MIN_BLANK: Final = 1 << 20
_LABELLING: Final = ("decision", "adjudication")


def events_path(corpus: Path) -> Path:
    """Return the path of a corpus's event log, whose suffix is not read in a corpus folder."""
    return corpus.with_suffix(".events")


@dataclass(frozen=True, slots=True)
class _StoredCorpusRow:
    """A row as it stands in the file."""

    offset: int
    line: bytes
    report: object  # id of its report


class _OutOfStepError(Exception):
    """The file is not as the processes that share it left it, or all its rows change."""


class ReviewCorpusFile:
    """Corpus file at `path`, kept in step with a `History`.

    `notify` is called when a file that was edited by hand is moved aside.
    """

    def __init__(self, path: Path, notify: Callable[[str], None] = lambda _: None) -> None:
        self.path = path
        self._notify = notify
        # cache: 5,000 rows take a third of a second
        self._lines: dict[tuple[object, ...], bytes] = {}
        # text and heading -> passage keys
        self._places: dict[tuple[str, str], dict[str, None]] = {}
        self._followed = 0  # events of the history that the file reflects
        self._stored: dict[str, _StoredCorpusRow] = {}  # by passage key
        self._reports: Counter[object] = Counter()  # stored rows by the id of their report
        self._inode: int | None = None  # of the file as this process left it
        self._size = 0  # in bytes
        self._filled = 0  # bytes of it that are rows, not blank lines

    def write(self, history: History) -> None:
        """Bring the file up to date.

        Hold the log's lock, or two processes could write out of order. Raises `InputError` if
        something else is in its place, `OutputError` if it cannot be written now.
        """
        fresh = history.events[self._followed :]
        for event in fresh:
            if event.kind not in ("undo", "reveal"):
                self._places.setdefault(row_key(event.about), {})[event.key] = None
        self._followed = len(history)
        try:
            try:
                self._change_rows(history, fresh)
            # a full disk, too: the whole file is written beside the old one
            except (_OutOfStepError, OSError):
                self._inode = None  # what stands there is unknown until it is written
                self._write_whole(history)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({reason_of_error(error)})") from None

    def _replace(self, data: bytes) -> None:
        """Write the content; `OutputError`, with nothing left of it, if the disk is full."""
        # The writer holds the log's lock, so a fixed name is safe, and killed processes leave one
        # file at most.
        staged = hidden_name(self.path, ".new")
        try:
            staged.unlink(missing_ok=True)
            with open_regular_review_file(staged, "xb") as out:
                out.write(data)
            os.replace(staged, self.path)
        except OSError as error:
            with suppress(OSError):
                staged.unlink(missing_ok=True)
            kept = f"the decisions are safe in {events_path(self.path).name}; free some space"
            raise OutputError(
                f"{self.path}: not up to date ({reason_of_error(error)}); {kept}"
            ) from None

    def compact(self, history: History) -> None:
        """Write the whole file, without the blank lines of rows that changed.

        Hold the log's lock.
        """
        self._inode = None
        self.write(history)

    # ---- The rows of a few passages

    def _change_rows(self, history: History, fresh: Iterable[Event]) -> None:
        """Write the rows that `fresh` events change.

        Raises `_OutOfStepError` where that is not enough.
        """
        if self._inode is None:
            raise _OutOfStepError
        texts = {
            row_key(seen[0].about) for event in fresh if (seen := history.by_passage.get(event.key))
        }
        keys = [key for text in texts for key in self._places[text]]
        rows = {
            event.key: event
            for text in texts
            for event in _events_to_learn(history, self._places[text])
        }
        with open_regular_review_file(self.path, "r+b") as file:
            self._follow_others(file, history, keys)
            one_report = self._is_one_report()
            new_reports = self._reports.copy()
            new_reports.subtract(self._stored[key].report for key in keys if key in self._stored)
            new_reports.update(event.about.get("report_id") for event in rows.values())
            if (sum(number > 0 for number in new_reports.values()) < 2) != one_report:
                raise _OutOfStepError  # the "doc" of every row changes
            for key in keys:
                line = b""
                if event := rows.get(key):
                    line = self._line(event, one_report, history.note_states[key][-1])
                if key in self._stored and self._stored[key].line != line:
                    self._blank(file, key)
                if line and key not in self._stored:
                    self._append(file, key, line, rows[key])
            if not self._stored:
                file.truncate(0)
                self._size = 0
        if self._size - self._filled > max(_MIN_BLANK, self._size // 2):
            raise _OutOfStepError

    def _follow_others(self, file: IO[bytes], history: History, keys: list[str]) -> None:
        """Learn which rows of the passages `keys` other processes wrote.

        Raises `_OutOfStepError` for any other difference.
        """
        status = os.fstat(file.fileno())
        if status.st_ino != self._inode or status.st_size < self._size:
            raise _OutOfStepError
        for key in keys:
            if key in self._stored:
                row = self._stored[key]
                file.seek(row.offset)
                there = file.read(len(row.line))
                if not there.strip():
                    self._forget(key)
                elif there != row.line:
                    raise _OutOfStepError
        file.seek(self._size)
        for line in file.read().splitlines(keepends=True):
            if line.strip():
                self._take(line, history, keys)
            self._size += len(line)

    def _take(self, line: bytes, history: History, keys: list[str]) -> None:
        """Note a row that another process appended."""
        with suppress(ValueError, TypeError, KeyError):
            key = load_json(line)["id"]
            if key in keys and key not in self._stored and line in self._lines_of(key, history):
                report = history.by_passage[key][0].about.get("report_id")
                self._store(key, _StoredCorpusRow(self._size, line, report))
                return
        raise _OutOfStepError

    def _blank(self, file: IO[bytes], key: str) -> None:
        row = self._stored[key]
        file.seek(row.offset)
        file.write(b" " * (len(row.line) - 1))
        self._forget(key)

    def _append(self, file: IO[bytes], key: str, line: bytes, event: Event) -> None:
        file.seek(self._size)
        file.write(line)
        file.flush()
        self._store(key, _StoredCorpusRow(self._size, line, event.about.get("report_id")))
        self._size += len(line)

    def _store(self, key: str, row: _StoredCorpusRow) -> None:
        self._stored[key] = row
        self._filled += len(row.line)
        self._reports[row.report] += 1

    def _forget(self, key: str) -> None:
        row = self._stored.pop(key)
        self._filled -= len(row.line)
        self._reports[row.report] -= 1

    def _is_one_report(self) -> bool:
        return sum(number > 0 for number in self._reports.values()) < 2

    # ---- The whole file

    def _write_whole(self, history: History) -> None:
        """Write all rows, in the order of first decisions, without blank lines."""
        rows = {
            event.key: event
            for keys in self._places.values()
            for event in _events_to_learn(history, keys)
        }
        events = [rows[key] for key in history.by_passage if key in rows]
        one_report = len({event.about.get("report_id") for event in events}) < 2
        lines = [
            self._line(event, one_report, history.note_states[event.key][-1]) for event in events
        ]
        data = b"".join(lines)
        there = None
        with suppress(FileNotFoundError), open_regular_review_file(self.path, "rb") as file:
            there = file.read()
        if there and there != data and not self._is_ours(there, lines, history):
            numbered = (
                self.path.with_name(f"{self.path.name}.edited-{number}") for number in count(1)
            )
            aside = next(file for file in numbered if not file.exists())
            os.rename(self.path, aside)
            what = f"held rows that were not decided here; they are in {aside.name}, untouched"
            self._notify(f"{self.path}: {what}")
        if there != data and (data or there is not None):
            self._replace(data)
        self._inode = self.path.stat().st_ino if self.path.exists() else None
        self._size = 0
        self._filled = 0
        self._stored.clear()
        self._reports.clear()
        for event, line in zip(events, lines, strict=True):
            self._store(event.key, _StoredCorpusRow(self._size, line, event.about.get("report_id")))
            self._size += len(line)

    def _line(self, event: Event, one_report: bool, notes: dict[str, str]) -> bytes:
        key = event.number, one_report, tuple(notes.items())
        if key not in self._lines:
            self._lines[key] = json_line(_row_of_event(event, one_report, notes)).encode()
        return self._lines[key]

    def _lines_of(self, key: str, history: History) -> Iterator[bytes]:
        """Yield every row that a passage has had or could have had."""
        for event in history.by_passage[key]:
            if event.kind in _LABELLING:
                for notes in history.note_states[key]:
                    yield self._line(event, False, notes)
                    yield self._line(event, True, notes)

    def _is_ours(self, data: bytes, current: Iterable[bytes], history: History) -> bool:
        """Return whether every row derives from an event, and none is a manual edit."""
        others = {line for line in data.splitlines(keepends=True) if line.strip()}.difference(
            current
        )
        for line in others:
            try:
                key = load_json(line)["id"]
                if line not in self._lines_of(key, history):
                    return False
            # no row, or not of a passage that was decided here
            except (ValueError, TypeError, KeyError):
                return False
        return True


def _events_to_learn(history: History, keys: Iterable[str]) -> list[Event]:
    """Select the events whose labels go into the corpus, among passages of one text and heading.

    If these have different labels in several places, which a corpus does not distinguish, those of
    the last event count, and places that differ are left out; so are passages longer than a corpus
    allows.
    """
    events = [event for key in keys if (event := history.final(key))]
    if not events:
        return []
    latest = max(events, key=lambda event: event.number)
    text = latest.about["text"]
    if not text.strip() or len(text) > LONGEST:
        return []
    return [event for event in events if event.labels == latest.labels]


def _row_of_event(event: Event, one_report: bool, notes: dict[str, str]) -> dict[str, object]:
    """Make the row of the corpus; of one report, its paragraphs are the groups of rows."""
    stored = event.about
    doc = stored.get("report_id")
    block = stored.get("block")
    colleagues = {name: note for name, note in notes.items() if name != event.annotator}
    row = {
        "id": event.key,
        "text": stored["text"],
        "labels": list(event.labels),
        "section": stored.get("section"),
        # the group that no split parts
        "doc": f"{doc}-{block}" if one_report and block is not None else doc,
        "source": "review",
        "annotator": event.annotator,
        "time": event.time,
        "event": event.number,
        "adjudicated": True if event.kind == "adjudication" else None,
        "blind": event.blind,
        "note": notes.get(event.annotator),
        "notes": colleagues or None,
    }
    for name, value in stored.items():
        row.setdefault(name, value)
    return {name: _storable_review_text(value) for name, value in row.items() if value is not None}


def _storable_review_text(value: object) -> object:
    """Replace a lone surrogate, which no table can store, by "?"."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "replace").decode("utf-8")
    return value
