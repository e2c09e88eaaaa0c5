"""Session of one person on a desk: findings confirmed, rejected and noted, in a log beside it.

The log is that of the review page: an event is on disk before it is confirmed, and none is ever
erased.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from tipclassify.app.refusal import RefusedError, refuse_reused_request
from tipclassify.errors import InputError, reason_of_error
from tipclassify.formatting import json_line, load_json
from tipclassify.store.events import Event, History, Kind
from tipclassify.store.log import EventLog, now, open_regular_review_file
from tipclassify.write.desk_records import (
    DeskPassageFile,
    DeskReport,
    read_desk_record_file,
)

__all__ = ["DeskFindingToCheck", "DeskSession", "read_findings_to_check"]

LOG: Final = "desk.events"
_SAVED: Final = "desk-saved.json"
_MAX_SAVED: Final = 5_000  # findings

SavedFinding = dict[str, str]  # citation, note, tags and folder, as the page has them
PersonCheck = dict[str, str]  # verdict, note and time of one person, as the page reads them


@dataclass(frozen=True, slots=True)
class DeskFindingToCheck:
    """A tagged passage of the desk."""

    key: str  # of its citation
    text: str
    start: int  # characters in the text of its report
    end: int
    labels: tuple[str, ...]
    page: str  # of its report
    report: str  # its title

    def stored(self) -> dict[str, object]:
        """Return what an event says of it, so that a check is understood without the desk."""
        return {
            "text": self.text,
            "start": self.start,
            "end": self.end,
            "report": self.report,
            "page": self.page,
            "tagged": list(self.labels),
        }


@dataclass(frozen=True, slots=True)
class DeskState:
    """Answer of the server: what is decided and noted, by finding and person."""

    annotator: str
    next: int  # events so far
    checks: dict[str, dict[str, PersonCheck]]


@dataclass(frozen=True, slots=True)
class SavedCheck:
    """Answer of the server to a check that is on disk."""

    key: str
    check: dict[str, PersonCheck]
    next: int
    saved: bool = True


def read_findings_to_check(
    folder: Path, notify: Callable[[str], None]
) -> dict[str, DeskFindingToCheck]:
    """Read the tagged passages of a desk, by the key of their citation.

    `notify` is called with a line for each data file that is not whole. Raises `InputError` when
    the folder is no desk.
    """
    if not (folder / "index.html").is_file() or not (folder / "data").is_dir():
        what = "no desk: there is no index.html with data/ in it"
        remedy = "make one with 'tipclassify score … --format html --output-dir'"
        raise InputError(f"{folder}: {what}; {remedy}")
    files: list[DeskPassageFile] = []
    reports: dict[str, DeskReport] = {}  # by page
    for file in sorted((folder / "data").glob("*.json")):
        data = read_desk_record_file(file)
        if data is None:
            notify(f"{file}: not whole; its report cannot be checked until it is scored again")
            continue
        files.append(data)
        if data.report is not None:
            reports[data.page] = data.report
    findings = {}
    for data in files:
        title = reports[data.page].title if data.page in reports else ""
        for row in data.passages:
            if row.labels:
                findings[row.key] = DeskFindingToCheck(
                    row.key, row.text, row.start, row.end, row.labels, data.page, title
                )
    return findings


class DeskSession:
    """Checks of the findings in a desk's `folder` by `annotator`, one of several people.

    Raises `InputError` when the folder is no desk or its log cannot be used.
    """

    def __init__(
        self, folder: Path, annotator: str, notify: Callable[[str], None] = lambda _: None
    ) -> None:
        self.folder = folder
        self.annotator = annotator
        self._findings = read_findings_to_check(folder, notify)
        self._log = EventLog(folder / LOG, notify, remedy="choose another FOLDER")

    @property
    def checked(self) -> int:
        """Number of findings that somebody confirmed or rejected."""
        with self._log.reading() as history:
            return sum(bool(history.decisions(key)) for key in history.by_passage)

    def state(self, since: int = 0) -> DeskState:
        """Answer ``GET api/checks``: what was decided and noted by the events after `since`."""
        with self._log.reading() as history:
            checks = {}
            for key in dict.fromkeys(event.key for event in history.events[since:]):
                if finding := self._findings.get(key):
                    checks[key] = checks_of_desk_finding(key, history, finding.labels)
            return DeskState(self.annotator, len(history), checks)

    def check(self, key: str, confirmed: bool, request: str | None = None) -> SavedCheck:
        """Answer ``POST api/checks``: confirm the labels of a finding, or reject them."""
        labels = self._finding(key).labels if confirmed else ()
        return self._add("decision", key, request, labels=labels)

    def note(self, key: str, note: str, request: str | None = None) -> SavedCheck:
        """Answer ``POST api/notes``: replace one's note on a finding; "" removes it."""
        return self._add("note", key, request, note=note)

    def withdraw(self, key: str, request: str | None = None) -> SavedCheck:
        """Answer ``POST api/withdraw``: take back one's own check of a finding."""
        return self._add("undo", key, request)

    def saved(self) -> list[SavedFinding]:
        """Answer ``GET api/saved``: the saved findings, in their order."""
        with (
            contextlib.suppress(OSError, ValueError, KeyError, TypeError),
            open_regular_review_file(self.folder / _SAVED, "rb") as file,
        ):
            content = load_json(file.read())
            return msgspec.convert(content["findings"], list[SavedFinding])
        return []

    def save(self, findings: Sequence[SavedFinding]) -> None:
        """Answer ``POST api/saved``: replace the saved findings."""
        if len(findings) > _MAX_SAVED:
            raise RefusedError(
                413, f"over {_MAX_SAVED:,} saved findings; export some, and remove them"
            )
        file = self.folder / _SAVED
        staged = file.with_name(f".{_SAVED}.new")
        try:
            with self._log.guard:
                staged.unlink(missing_ok=True)
                with open_regular_review_file(staged, "xb") as out:
                    out.write(json_line({"findings": list(findings)}).encode())
                    out.flush()
                    os.fsync(out.fileno())
                os.replace(staged, file)
        except OSError as error:
            raise InputError(
                f"{file}: not saved ({reason_of_error(error)}); free some space"
            ) from None

    def _add(
        self,
        kind: Kind,
        key: str,
        request: str | None,
        labels: tuple[str, ...] = (),
        note: str | None = None,
    ) -> SavedCheck:
        """Append an event, once for each `request`; an undo is of one's own check in effect."""
        finding = self._finding(key)
        with self._log.exclusive() as append:
            history = self._log.history
            earlier = history.requests.get((self.annotator, request)) if request else None
            if earlier is not None and (
                (earlier.kind, earlier.key, earlier.labels, earlier.note)
                != (kind, key, labels, note)
            ):
                raise refuse_reused_request(request)
            if earlier is None:
                mine = history.decisions(key).get(self.annotator)
                if kind == "undo" and mine is None:
                    raise RefusedError(409, "you have not checked this finding")
                event = Event(
                    number=len(history) + 1,
                    kind=kind,
                    key=key,
                    annotator=self.annotator,
                    time=now(),
                    labels=labels,
                    undoes=mine.number if mine and kind == "undo" else None,
                    note=note,
                    request=request,
                    about={} if kind == "undo" else finding.stored(),
                )
                append(event)
            checks = checks_of_desk_finding(key, history, finding.labels)
            return SavedCheck(key, checks, len(history))

    def _finding(self, key: str) -> DeskFindingToCheck:
        if (finding := self._findings.get(key)) is None:
            raise RefusedError(404, "no such finding is on this desk")
        return finding


def checks_of_desk_finding(
    key: str, history: History, labels: tuple[str, ...]
) -> dict[str, PersonCheck]:
    """Return what each person decided and noted on a finding with `labels`, by their initials.

    Decisions on other tags are left out: the desk was scored again since.
    """
    checks: dict[str, PersonCheck] = {}
    for name, event in history.decisions(key).items():
        if event.about.get("tagged") != list(labels):
            continue
        verdict = "confirmed" if event.labels else "rejected"
        checks[name] = {"verdict": verdict, "time": event.time}
    for name, event in history.notes(key).items():
        check = checks.setdefault(name, {"verdict": "", "time": event.time})
        check["note"] = event.note or ""
    return checks
