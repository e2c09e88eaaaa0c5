"""Event logs of reviews and desks, which versions before the first release kept.

A log has a JSON object a line. It is imported once, whole, into a store without events, and stays
as it is. Logs know a report by the start of its SHA-256, or by the file of its page on a desk;
`Store.adopt` and `place_findings` give them their place when the report is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from tipclassify.errors import CorpusError, InputError, reason_of_error
from tipclassify.formatting import load_json
from tipclassify.records import key
from tipclassify.store import Store, text
from tipclassify.store.state import Place, Shown, Tags

_KINDS: Final = {
    "decision": "label",
    "adjudication": "settle",
    "undo": "undo",
    "note": "note",
    "reveal": "look",
}
_START: Final = b'{"event": 1, '  # of every log
UNPLACED: Final = "?"  # begins the report of a finding whose desk was not opened since


class _Logged(msgspec.Struct, frozen=True):
    """Fields of an event in a log, without what it says of its passage."""

    event: int
    kind: str
    id: str
    annotator: str
    time: str
    labels: tuple[str, ...] = ()
    undoes: int | None = None
    note: str | None = None
    request: str | None = None
    unsure: bool | None = None
    blind: tuple[str, ...] | None = None


def import_log(store: Store, log: Path) -> bool:
    """Import a log of a review or desk, if there is one and the store has no events.

    A last line that was cut off is left out, as it was never confirmed. Raises `CorpusError` for
    another line that is no event.
    """
    if store.last or not log.is_file():
        return False
    if log.is_symlink():
        raise InputError(f"{log}: a link, which is not followed")
    try:
        data = log.read_bytes()
    except OSError as error:
        raise InputError(f"{log}: {reason_of_error(error)}") from None
    if not data:
        return False
    if data[: len(_START)] != _START[: len(data)]:
        raise InputError(f"{log}: is no log of decisions (see its first line); move it elsewhere")
    with store.writing():
        if store.last:  # another process was first
            return False
        _import_lines(store, log, data.splitlines(keepends=True))
    return True


def _import_lines(store: Store, log: Path, lines: list[bytes]) -> None:
    """Add events with the numbers that they had."""
    passages: dict[str, int] = {}  # number of each passage by its key in the log
    for number, line in enumerate(lines, 1):
        try:
            row = load_json(line, strict=False)
            event = msgspec.convert(row, _Logged)
            kind = _KINDS.get(event.kind)
            if kind is None:
                raise ValueError(f"unknown kind {event.kind}")
            if event.event != number:
                raise ValueError(f"event {event.event} after event {number - 1}")
            if (kind == "undo") != (event.undoes is not None):
                raise ValueError("an undo says what it undoes, and nothing else does")
            if kind not in ("undo", "look") or (kind == "look" and event.id not in passages):
                passages[event.id] = store.keep(_shown(row, number))
            undoes_earlier = event.undoes is None or 0 < event.undoes < number
            if event.id not in passages or not undoes_earlier:
                raise ValueError("it undoes no earlier event of its passage")
        except (ValueError, TypeError, OverflowError) as error:
            if number == len(lines) and not line.endswith(b"\n"):  # cut off
                return
            what = f"not an event ({error}); correct this line, from a copy if there is one"
            raise CorpusError([f"{log}:{number}: {what}"]) from None
        columns: dict[str, object] = {
            "id": number,
            "kind": kind,
            "annotator": event.annotator,
            "note": event.note,
            "request": event.request,
            "at": event.time,
            "model": row.get("model"),
            "undoes": event.undoes,
        }
        if "tagged" in row and kind == "label":
            columns["kind"] = "check"
            columns["labels"] = text(row["tagged"])
            columns["verdict"] = "confirmed" if event.labels else "rejected"
        elif kind in ("label", "settle"):
            columns["labels"] = text(event.labels)
            columns["unsure"] = int(bool(event.unsure))
            columns["blind"] = None if event.blind is None else text(event.blind)
        store.add(passages[event.id], **columns)


def _shown(row: Mapping[str, Any], number: int) -> Shown:
    """Make the passage of what an event says of it."""
    if not isinstance(row.get("text"), str):
        raise ValueError("no text")
    start = row.get("start")
    end = row.get("end")
    if not isinstance(start, int) or not isinstance(end, int):
        start = end = -number  # of a test version: a place of its own
    name = title = str(row.get("report", ""))
    report = str(row.get("report_id", ""))
    if "page" in row and "tagged" in row:
        report = UNPLACED + str(row["page"])
    tags = []
    if isinstance(row.get("model"), str):
        scores = row.get("scores") or {}
        tags.append(Tags(row["model"], "", tuple(row.get("model_labels", ())), scores))
    kept = ("text", "section", "page", "block")
    about = {name: row[name] for name in kept if row.get(name) is not None}
    place = Place(report, start, end)
    return Shown(place, key(row["text"]), about, name, title, tags=tags)


def place_findings(store: Store, findings: Iterable[Shown]) -> None:
    """Give imported checks the report of the finding with the same key and characters."""
    by_key = {(shown.key, shown.place.start, shown.place.end): shown for shown in findings}
    moves = [
        (passage, by_key[name].place.report)
        for place, passage in store.passages().items()
        if place.report.startswith(UNPLACED)
        and (name := (passage.key, place.start, place.end)) in by_key
    ]
    if moves:
        with store.writing():
            for passage, report in moves:
                store.move(passage, report)
