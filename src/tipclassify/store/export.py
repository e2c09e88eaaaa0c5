"""Corpus file of a review: what the annotators agree on, as ``train --data`` reads it.

It is written whole. A file in its place with rows that were not decided here is moved aside.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path

from tipclassify.corpus.rows import LONGEST, row_key
from tipclassify.errors import InputError, OutputError, reason_of_error
from tipclassify.formatting import json_line, load_json
from tipclassify.store import Store, plain
from tipclassify.store.state import Decision, Place, Shown, State
from tipclassify.whole_files import open_whole_file

Row = dict[str, object]
Passages = Mapping[Place, Shown]


def rows(states: Mapping[Place, State], passages: Passages) -> Iterator[Row]:
    """Yield the rows of a store's corpus, in the order of the passages' first events.

    If one text under one heading has different labels in several places, which a corpus does not
    distinguish, those of the last decision count, and places that differ are left out; so are
    passages longer than a corpus allows.
    """
    finals = {place: final for place, state in states.items() if (final := state.final)}
    latest: dict[tuple[str, str], Decision] = {}  # by text and heading
    for place, final in finals.items():
        text_and_heading = row_key(passages[place].row)
        if text_and_heading not in latest or latest[text_and_heading].id < final.id:
            latest[text_and_heading] = final
    learned = []
    for place, final in finals.items():
        text = str(passages[place].row["text"])
        last = latest[row_key(passages[place].row)]
        if text.strip() and len(text) <= LONGEST and final.labels == last.labels:
            learned.append(final)
    is_one_report = len({final.place.report for final in learned}) < 2
    for final in learned:
        notes = {name: str(event.note) for name, event in states[final.place].notes.items()}
        yield _row(final, passages[final.place], is_one_report, notes)


def read_decided(path: Path) -> tuple[list[Row], int]:
    """Return the rows of a store's corpus, and how many passages annotators differ on.

    Raises `InputError` for a file that is no store.
    """
    remedy = "give the store of 'review' or 'desk'"
    if not path.is_file() or not path.stat().st_size:  # which `Store` would make
        raise InputError(f"{path}: no such file, or an empty one; {remedy}")
    store = Store(path, remedy)
    try:
        with store.reading():
            states = store.now()
            decided = list(rows(states, store.passages()))
    finally:
        store.close()
    return decided, sum(state.is_disputed for state in states.values())


def _row(event: Decision, passage: Shown, is_one_report: bool, notes: Mapping[str, str]) -> Row:
    """Make a row; of one report, its paragraphs are the groups of rows."""
    report = event.place.report[:16]
    block = passage.row.get("block")
    first = next((tags for tags in passage.tags if tags.model == event.model), None)
    row = {
        "id": f"{report}-{event.place.start}-{event.place.end}",
        "text": passage.row["text"],
        "labels": list(event.labels),
        "section": passage.row.get("section"),
        "acronyms": passage.row.get("acronyms"),
        # the group that no split parts
        "doc": f"{report}-{block}" if is_one_report and block is not None else report,
        "source": "review",
        "annotator": event.annotator,
        "time": event.at,
        "event": event.id,
        "adjudicated": True if event.kind == "settle" else None,
        "blind": None if event.blind is None else list(event.blind),
        "note": notes.get(event.annotator),
        "notes": {name: note for name, note in notes.items() if name != event.annotator} or None,
        "start": event.place.start,
        "end": event.place.end,
        "page": passage.row.get("page"),
        "block": block,
        "report": passage.name,
        "report_id": report,
        "model": event.model,
        "model_labels": list(first.labels) if first else None,
        "scores": dict(first.scores) if first else None,
    }
    return {
        # a lone surrogate, which no table can store, becomes "?"
        name: plain(value) if isinstance(value, str) else value
        for name, value in row.items()
        if value is not None
    }


def export(store: Store, corpus: Path) -> str | None:
    """Write the corpus file of a store; return a line where another file was moved aside.

    Nothing is written while it is up to date, or while there is nothing to write. Raises
    `OutputError` when it cannot be written, `InputError` when something else is in its place.
    """
    moved = None
    with store.writing():  # of several processes, the last has all events
        states = store.now()
        passages = store.passages()
        data = "".join(map(json_line, rows(states, passages))).encode()
        try:
            there = _read(corpus)
            if there == data or not (data or there):
                return None
            events = {event.id: event for state in states.values() for event in state.events}
            if not all(
                _is_ours(line, events, states, passages)
                for line in there.splitlines()
                if line.strip()
            ):
                numbered = (corpus.with_name(f"{corpus.name}.edited-{n}") for n in count(1))
                aside = next(file for file in numbered if not file.exists())
                os.rename(corpus, aside)
                what = "held rows that were not decided here"
                moved = f"{corpus}: {what}; they are in {aside.name}, untouched"
            with open_whole_file(corpus, binary=True) as out:
                out.write(data)
        except OSError as error:
            kept = f"the decisions are safe in {store.path.name}; free some space"
            raise OutputError(
                f"{corpus}: not up to date ({reason_of_error(error)}); {kept}"
            ) from None
    return moved


def _read(corpus: Path) -> bytes:
    if corpus.is_symlink() or (corpus.exists() and not corpus.is_file()):
        what = "a link, which is not followed" if corpus.is_symlink() else "no plain file"
        raise InputError(f"{corpus}: cannot be written ({what})")
    with suppress(FileNotFoundError):
        return corpus.read_bytes()
    return b""


def _is_ours(
    line: bytes, events: Mapping[int, Decision], states: Mapping[Place, State], shown: Passages
) -> bool:
    """Return whether a row is, or was, that of an event: no edit by hand."""
    try:
        row = load_json(line)
        event = events[row["event"]]
        notes = dict(row.get("notes", {}))
        if "note" in row:
            notes[event.annotator] = row["note"]
        noted = {(each.annotator, each.note) for each in states[event.place].events}
        if not noted.issuperset(notes.items()):
            return False
        return any(row == _row(event, shown[event.place], one, notes) for one in (True, False))
    except (ValueError, TypeError, KeyError, AttributeError):
        return False
