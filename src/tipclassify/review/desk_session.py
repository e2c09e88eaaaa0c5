"""Session of one person on a desk: findings confirmed, rejected and noted, in a log beside the
index page.

The log is that of the review page: an event is on disk before it is confirmed, and none is ever
erased.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tipclassify.errors import InputError, reason_of
from tipclassify.formatting import json_line, load_json
from tipclassify.labels import LABELS
from tipclassify.review.events import Event, History, Kind
from tipclassify.review.log import EventLog, now, open_plain
from tipclassify.review.session import RefusedError

__all__ = ["DeskSession"]

_LOG: Final = "desk.events"
_SAVED: Final = "desk-saved.json"
_KEY, _TEXT, _BITS = 8, 10, 5  # places in a row of a data file, see reporting/writers/desk.py
_MAX_SAVED: Final = 5_000  # findings

Plain = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeskFinding:
    """A tagged passage of the desk."""

    text: str
    labels: tuple[str, ...]
    page: str  # of its report
    report: str  # its title


class DeskSession:
    """Checks of the findings in a desk's `folder` by `annotator`; several people may work on one at
    a time.

    Raises `InputError` when the folder is no desk or its log cannot be used.
    """

    def __init__(
        self, folder: Path, annotator: str, notify: Callable[[str], None] = lambda _: None
    ) -> None:
        self.folder = folder
        self.annotator = annotator
        if not (folder / "index.html").is_file() or not (folder / "data").is_dir():
            what = "no desk: there is no index.html with data/ in it"
            raise InputError(
                f"{folder}: {what}; make one with 'tipclassify score … --format html --output-dir'"
            )
        self.pages = ["index.html"]
        self._findings: dict[str, DeskFinding] = {}
        self._read_data(notify)
        self._log = EventLog(folder / _LOG, notify)

    def _read_data(self, notify: Callable[[str], None]) -> None:
        titles: dict[str, str] = {}
        for file in sorted((self.folder / "data").glob("*.json")):
            try:
                data = load_json(file.read_bytes(), strict=False)
                titles.setdefault(data["page"], data.get("title", ""))
                for row in data["passages"]:
                    labels = tuple(
                        label for number, label in enumerate(LABELS) if row[_BITS] >> number & 1
                    )
                    if labels:
                        found = DeskFinding(row[_TEXT], labels, data["page"], titles[data["page"]])
                        self._findings[row[_KEY]] = found
            except (OSError, ValueError, TypeError, KeyError, IndexError):
                notify(f"{file}: not whole; its report cannot be checked until it is scored again")

    @property
    def checked(self) -> int:
        """Number of findings that somebody confirmed or rejected."""
        with self._reading() as history:
            return sum(bool(history.decisions(key)) for key in history.by_passage)

    def state(self, since: int = 0) -> Plain:
        """Answer ``GET api/checks``: what was decided and noted on the findings of the events
        after `since`."""
        with self._reading() as history:
            keys = dict.fromkeys(event.key for event in history.events[since:])
            checks = {key: self._shown(key, history) for key in keys}
            return {"annotator": self.annotator, "next": len(history), "checks": checks}

    def check(self, key: str, confirmed: bool, request: str | None = None) -> Plain:
        """Answer ``POST api/checks``: confirm the labels of a finding, or reject them."""
        labels = self._finding(key).labels if confirmed else ()
        return self._add("decision", key, request, labels=labels)

    def note(self, key: str, note: str, request: str | None = None) -> Plain:
        """Answer ``POST api/notes``: replace one's note on a finding; "" removes it."""
        return self._add("note", key, request, note=note)

    def withdraw(self, key: str, request: str | None = None) -> Plain:
        """Answer ``POST api/withdraw``: take back one's own check of a finding."""
        return self._add("undo", key, request)

    def saved(self) -> list[Any]:
        """Answer ``GET api/saved``: the saved findings, in their order."""
        with (
            contextlib.suppress(OSError, ValueError, KeyError, TypeError),
            open_plain(self.folder / _SAVED, "rb") as file,
        ):
            found = load_json(file.read())
            return list(found["findings"]) if isinstance(found, dict) else []
        return []

    def save(self, findings: Sequence[dict[str, str]]) -> Plain:
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
                with open_plain(staged, "xb") as out:
                    out.write(json_line({"findings": list(findings)}).encode())
                    out.flush()
                    os.fsync(out.fileno())
                os.replace(staged, file)
        except OSError as error:
            raise InputError(f"{file}: not saved ({reason_of(error)}); free some space") from None
        return {"saved": True, "findings": len(findings)}

    def _add(self, kind: Kind, key: str, request: str | None, **fields: Any) -> Plain:
        """Append an event, once for each `request`."""
        finding = self._finding(key)
        about = {
            "text": finding.text,
            "report": finding.report,
            "page": finding.page,
            "tagged": list(finding.labels),
        }
        with self._log.exclusive() as append:
            history = self._log.history
            known = history.requests.get((self.annotator, request)) if request else None
            if known is not None and (known.kind, known.key) != (kind, key):
                raise RefusedError(
                    409, f"request {request} was another one before; give each its own name"
                )
            if known is None:
                if kind == "undo":
                    mine = history.decisions(key).get(self.annotator)
                    if mine is None:
                        raise RefusedError(409, "you have not checked this finding")
                    fields["undoes"] = mine.number
                else:
                    fields["about"] = about
                append(
                    Event(
                        len(history) + 1,
                        kind,
                        key,
                        self.annotator,
                        now(),
                        request=request,
                        **fields,
                    )
                )
            return {
                "saved": True,
                "key": key,
                "check": self._shown(key, history),
                "next": len(history),
            }

    def _shown(self, key: str, history: History) -> Plain:
        """Convert what each person decided and noted on a finding."""
        found: dict[str, Plain] = {}
        for name, event in history.decisions(key).items():
            verdict = "confirmed" if event.labels else "rejected"
            found[name] = {"verdict": verdict, "time": event.time}
        for name, event in history.notes(key).items():
            found.setdefault(name, {"verdict": "", "time": event.time})["note"] = event.note
        return found

    def _finding(self, key: str) -> DeskFinding:
        if (finding := self._findings.get(key)) is None:
            raise RefusedError(404, "no such finding is on this desk")
        return finding

    @contextlib.contextmanager
    def _reading(self) -> Iterator[History]:
        with self._log.guard:
            self._log.refresh()
            yield self._log.history
