"""What people decide: labels, settlements, checks and notes, in one SQLite file.

A decision is an event on a place: a report (by the SHA-256 of its bytes) and its characters. Events
are never changed or erased; an undo is a further event. `State` is what holds on a place after its
events. An event is on disk when `Store.decide` returns, and several processes may share a file.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import stat
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from tipclassify.errors import InputError, OutputError, reason_of_error
from tipclassify.store.state import Check, Decision, Kind, Place, Shown, State, Tags

_APPLICATION: Final = 0x74697063  # "tipc"
_VERSION: Final = 1
_HEADER: Final = b"SQLite format 3\0"
_PATIENCE: Final = 10  # seconds for which other processes are waited for
_PRAGMAS: Final = (
    "journal_mode=delete",  # WAL leaves two files beside it, and fails on shared folders
    "synchronous=extra",
    "foreign_keys=on",
    "trusted_schema=off",
    "cell_size_check=on",
    "mmap_size=0",
    f"busy_timeout={_PATIENCE * 1_000}",
)
_SCHEMA: Final = (  # nothing uses `fields`, 'check' and `verdict` any more; a change needs version 2
    "create table report (id integer primary key, sha256 text not null unique, "
    "name text not null, title text not null, fields text not null)",
    "create table passage (id integer primary key, report integer not null references report, "
    'start integer not null, "end" integer not null, key text not null, row text not null, '
    'unique (report, start, "end"))',
    "create table tags (passage integer not null references passage, model text not null, "
    "policy text not null, labels text not null, scores text not null, "
    "primary key (passage, model, policy)) without rowid",
    "create table event (id integer primary key autoincrement, "
    "passage integer not null references passage, annotator text not null, "
    "kind text not null check (kind in ('label', 'settle', 'check', 'note', 'look', 'undo')), "
    "labels text, unsure integer not null default 0, "
    "verdict text check (verdict in ('confirmed', 'rejected')), note text, blind text, "
    "model text, undoes integer references event, request text, at text not null, "
    "live integer not null default 1, check ((kind = 'undo') = (undoes is not null)))",
    "create unique index event_request on event (annotator, request) where request is not null",
    "create index event_now on event (passage, kind, annotator, id) where live",
    "create index event_passage on event (passage, id)",
    "create index passage_key on passage (key)",
    "create trigger event_stays before delete on event "
    "begin select raise(abort, 'events stay'); end",
    "create trigger event_fixed before update of id, passage, annotator, kind, labels, unsure, "
    "verdict, note, blind, model, undoes, request, at on event "
    "begin select raise(abort, 'events stay'); end",
)
_FIELDS: Final = (  # of a `Decision`, and columns of an event
    "id",
    "kind",
    "annotator",
    "labels",
    "unsure",
    "note",
    "blind",
    "model",
    "undoes",
    "request",
    "at",
    "live",
)
_EVENT: Final = (
    f'select r.sha256, p.start, p."end", {", ".join(f"e.{name}" for name in _FIELDS)} '
    "from event e join passage p on p.id = e.passage join report r on r.id = p.report"
)
_PASSAGE: Final = "from passage p join report r on r.id = p.report"
_AT: Final = 'where r.sha256 = ? and p.start = ? and p."end" = ?'


class RequestReusedError(InputError):
    """A request that has the name of another one before; each has its own."""

    def __init__(self, request: str | None) -> None:
        super().__init__(f"request {request} was another one before; give each its own name")


class Store:
    """Store at `path`, made if missing.

    Threads may share it. Raises `InputError` when the file is no store, is damaged, or cannot be
    opened; `remedy` says what to do then.
    """

    def __init__(self, path: Path, remedy: str = "choose another file") -> None:
        self.path = path
        self._guard = threading.RLock()
        not_ours = f"{path}: is no store of decisions; {remedy}"
        try:
            if path.is_symlink():
                raise OSError(0, "a link, which is not followed")
            if path.exists():
                if not stat.S_ISREG(path.stat().st_mode):
                    raise OSError(0, "no plain file")
                with path.open("rb") as file:
                    start = file.read(len(_HEADER))
                if start and start != _HEADER:
                    raise InputError(not_ours)
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            file_status = path.stat()
        except (OSError, sqlite3.Error) as error:
            raise InputError(f"{path}: {reason_of_error(error)}; {remedy}") from None
        self._file = file_status.st_dev, file_status.st_ino
        # Who forgets `close`, or ends in an error, leaves no open file behind.
        self.close = weakref.finalize(self, self._database.close)
        try:
            for pragma in _PRAGMAS:
                self._database.execute(f"pragma {pragma}").fetchall()
            if not _statements_of(self._database):
                with self.writing():
                    if not _statements_of(self._database):  # no other process was first
                        _make(self._database)
            if self._pragma("application_id") != _APPLICATION:
                raise InputError(not_ours)
            if self._pragma("user_version") > _VERSION:
                what = "was made by a later version of tipclassify, which opens it"
                raise InputError(f"{path}: {what}; update this one")
            with contextlib.closing(sqlite3.connect(":memory:")) as expected:
                _make(expected)
                is_ours = _statements_of(self._database) == _statements_of(expected)
            if not is_ours or self._pragma("quick_check(1)") != "ok":
                what = "is damaged, or was changed by another program"
                raise InputError(f"{path}: {what}; put a copy in its place")
        except sqlite3.OperationalError as error:
            raise InputError(f"{path}: {reason_of_error(error)}; {remedy}") from None
        except (sqlite3.Error, UnicodeDecodeError):  # the latter of a statement that is no UTF-8
            raise InputError(f"{path}: is damaged; put a copy in its place") from None

    def _pragma(self, name: str) -> Any:  # of the type of this pragma
        return self._database.execute(f"pragma {name}").fetchone()[0]

    # ---- Transactions

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Keep all others from writing; what is decided in the block is on disk at its end, or not.

        Raises `OutputError` when it cannot be saved. Blocks may be nested.
        """
        with self._transaction(self._begin_writing, "not saved", "free some space, or start again"):
            yield

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Give the state of one moment to all that the block asks; others may write meanwhile."""
        begin = partial(self._database.execute, "begin")
        with self._transaction(begin, "cannot be read", "start again"):
            yield

    def _begin_writing(self) -> None:
        """Wait for other writers; SQLite itself waits longer each time, while others overtake."""
        deadline = time.monotonic() + _PATIENCE
        self._database.execute("pragma busy_timeout=0")
        try:
            while not self._database.in_transaction:
                try:
                    self._database.execute("begin immediate")
                except sqlite3.OperationalError as error:
                    if "locked" not in str(error) or time.monotonic() > deadline:
                        raise
                    time.sleep(0.002)
        finally:
            self._database.execute(f"pragma busy_timeout={_PATIENCE * 1_000}")

    @contextlib.contextmanager
    def _transaction(self, begin: Callable[[], object], failed: str, remedy: str) -> Iterator[None]:
        with self._guard:
            if self._database.in_transaction:
                yield
                return
            try:
                self._check_file(failed)
                begin()
                try:
                    yield
                    self._check_file(failed)
                    self._database.execute("commit")
                finally:
                    if self._database.in_transaction:
                        with contextlib.suppress(sqlite3.Error):
                            self._database.execute("rollback")
            except (sqlite3.Error, UnicodeDecodeError) as error:
                reason = str(error)
                if "full" in reason or "disk I/O" in reason:
                    reason = "the disk is full, or does not answer"
                raise OutputError(f"{self.path}: {failed} ({reason}); {remedy}") from None

    def _check_file(self, failed: str) -> None:
        """Raise `InputError` if the file was removed or replaced, as by a synchronised folder."""
        file = None
        with contextlib.suppress(OSError):
            file_status = self.path.stat()
            file = file_status.st_dev, file_status.st_ino
        if file != self._file:
            what = "its file was removed or replaced while in use"
            raise InputError(f"{self.path}: {failed}: {what}; put it back and start again")

    # ---- Deciding

    def decide(
        self,
        shown: Shown,
        kind: Kind,
        annotator: str,
        *,
        labels: Sequence[str] = (),
        unsure: bool = False,
        note: str | None = None,
        hides_model: bool | None = False,
        request: str | None = None,
    ) -> Decision:
        """Save what an annotator decides on a passage.

        `hides_model`: whether a passage's tags are hidden from the annotator until they decided on
        it; None where colleagues' decisions are shown, too. A `request` that came before, and whose
        answer was lost, is not done again. Raises `OutputError` if it is not saved, `RequestReusedError`
        if the request was another one.
        """
        with self.writing():
            if earlier := self.of_request(annotator, request):
                said = (earlier.kind, earlier.place, earlier.unsure, earlier.note)
                same = said == (kind, shown.place, unsure, note)
                if not same or earlier.labels != tuple(labels):
                    raise RequestReusedError(request)
                return earlier
            blind = None
            if kind == "label" and hides_model is not None:
                blind = self.on(shown.place).hidden_from(annotator, hides_model)
            return self.add(
                self.keep(shown),
                kind=kind,
                annotator=annotator,
                labels=_as_json(labels) if kind in ("label", "settle") else None,
                unsure=int(unsure),
                note=note,
                blind=None if blind is None else _as_json(blind),
                model=shown.tags[0].model if shown.tags else None,
                request=request,
            )

    def undo(self, id: int, annotator: str, request: str | None = None) -> Decision:
        """Take back an event in effect; take back an undo, and what it had undone holds again."""
        with self.writing():
            ((passage,),) = self._rows("select passage from event where id = ?", id)
            return self.add(passage, kind="undo", annotator=annotator, undoes=id, request=request)

    def of_request(self, annotator: str, request: str | None) -> Decision | None:
        """Return the event of a request that came before, and whose answer was lost."""
        if request is None:
            return None
        found = self._decisions("where e.annotator = ? and e.request = ?", annotator, request)
        return found[0] if found else None

    def add(self, passage: int, **columns: object) -> Decision:
        """Add an event on a passage (`keep`), with the values of its columns."""
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        columns.setdefault("at", now.replace("+00:00", "Z"))
        names = ", ".join(columns)
        values = ", ".join("?" * len(columns))
        added = self._database.execute(
            f"insert into event (passage, {names}) values (?, {values})",
            (passage, *(plain(v) if isinstance(v, str) else v for v in columns.values())),
        ).lastrowid
        if columns["kind"] == "undo":
            self._database.execute(
                "with recursive chain(id, undoes, live) as ("
                "select id, undoes, 0 from event where id = ? union all "
                "select e.id, e.undoes, 1 - c.live from event e join chain c on e.id = c.undoes) "
                "update event set live = (select live from chain where chain.id = event.id) "
                "where id in (select id from chain)",
                (columns["undoes"],),
            )
        return self._decisions("where e.id = ?", added)[0]

    def keep(self, shown: Shown) -> int:
        """Keep a passage, its report and its tags, once each; return its number."""
        place = shown.place
        execute = self._database.execute
        execute(
            "insert or ignore into report (sha256, name, title, fields) values (?, ?, ?, '{}')",
            (place.report, plain(shown.name), plain(shown.title)),
        )
        execute(
            'insert or ignore into passage (report, start, "end", key, row) '
            "select id, ?, ?, ?, ? from report where sha256 = ?",
            (place.start, place.end, shown.key, _as_json(shown.row), place.report),
        )
        passage: int = execute(f"select p.id {_PASSAGE} {_AT}", place).fetchone()[0]
        for tags in shown.tags:
            execute(
                "insert or ignore into tags values (?, ?, ?, ?, ?)",
                (passage, tags.model, tags.policy, _as_json(tags.labels), _as_json(tags.scores)),
            )
        return passage

    # ---- What was decided

    def _decisions(self, where: str, *values: object) -> list[Decision]:
        """Read events; raises `InputError` for values that no version writes."""
        with self.reading():
            rows = self._database.execute(f"{_EVENT} {where}", values).fetchall()
        with self._intact():
            return [_decision(row) for row in rows]

    @contextlib.contextmanager
    def _intact(self) -> Iterator[None]:
        """Raise one line for values that no version writes."""
        try:
            yield
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            what = "is damaged: it has values that this version does not write"
            raise InputError(f"{self.path}: {what}; put a copy in its place") from None

    def on(self, place: Place) -> State:
        """Return what holds on a place."""
        return State(self._decisions(f"{_AT} order by e.id", *place))

    def now(self, report: str | None = None) -> dict[Place, State]:
        """Return what holds on each place with events, of one report or of all.

        Places are in the order of their first event.
        """
        if report is None:
            events = self._decisions("order by e.id")
        else:
            events = self._decisions("where r.sha256 = ? order by e.id", report)
        by_place: dict[Place, list[Decision]] = {}
        for event in events:
            by_place.setdefault(event.place, []).append(event)
        return {place: State(of_place) for place, of_place in by_place.items()}

    def since(self, id: int) -> list[Decision]:
        """Return the events after one, in order."""
        return self._decisions("where e.id > ? order by e.id", id)

    def to_take_back(self, annotator: str) -> Decision | None:
        """Return an annotator's last event in effect, but for a look or an undo."""
        found = self._decisions(
            "where e.annotator = ? and e.live and e.undoes is null and e.kind <> 'look' "
            "order by e.id desc limit 1",
            annotator,
        )
        return found[0] if found else None

    @property
    def last(self) -> int:
        """Number of the last event."""
        return self._rows("select ifnull(max(id), 0) from event")[0][0]  # type: ignore[no-any-return]

    def passages(self) -> dict[Place, Shown]:
        """Return all passages with events, as they were shown first."""
        with self.reading(), self._intact():
            tags: dict[int, list[Tags]] = {}
            for passage, model, policy, labels, scores in self._rows("select * from tags"):
                given = (model, policy, json.loads(labels), json.loads(scores))
                tags.setdefault(passage, []).append(msgspec.convert(given, Tags))
            passages = {}
            for number, *place, key, row, name, title in self._rows(
                f'select p.id, r.sha256, p.start, p."end", p.key, p.row, r.name, r.title {_PASSAGE}'
            ):
                shown = Shown(Place(*place), key, _row(row), name, title, tags=tags.get(number, ()))
                if not all(isinstance(each, str) for each in (key, name, title)):
                    raise ValueError("no text")
                passages[shown.place] = shown
            return passages

    def checks(self) -> list[Check]:
        """Return what people decided and noted on findings, place by place."""
        with self.reading():
            states = self.now()
            passages = self._rows(f'select r.sha256, p.start, p."end", p.key {_PASSAGE}')
        keys = {Place(*place): key for *place, key in passages}
        checks = []
        for place, state in states.items():
            notes = state.notes
            for name, event in {**notes, **state.decisions}.items():
                checks.append(
                    Check(
                        *place,
                        key=keys[place],
                        annotator=name,
                        note=str(notes[name].note) if name in notes else "",
                        labels=event.labels if event.kind == "label" else None,
                        at=event.at,
                    )
                )
        return checks

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self.reading():
            return self._database.execute(query, values).fetchall()


def refuse_old_log(log: Path, store: Path) -> None:
    """Raise `InputError` for decisions in a log, as before there were stores, unless both are."""
    if log.is_file() and not store.exists():
        what = "has decisions of a version before 0.1.0, which are no longer read"
        raise InputError(f"{log}: {what}; move it elsewhere to start without them")


def _make(database: sqlite3.Connection) -> None:
    database.execute(f"pragma application_id={_APPLICATION}")
    database.execute(f"pragma user_version={_VERSION}")
    for statement in _SCHEMA:
        database.execute(statement)


def _statements_of(database: sqlite3.Connection) -> set[tuple[Any, ...]]:
    """Return what SQLite keeps of the statements that made a database."""
    return set(database.execute("select type, name, tbl_name, sql from sqlite_master"))


def _row(written: str) -> dict[str, Any]:
    """Read the row of a passage; raise `ValueError` or `LookupError` for one without a text."""
    row: dict[str, Any] = json.loads(written)  # which takes lone surrogates
    if not isinstance(row["text"], str):
        raise ValueError("no text")
    return row


def _decision(row: Sequence[Any]) -> Decision:
    event = dict(zip(_FIELDS, row[3:], strict=True))
    event["place"] = row[:3]
    event["labels"] = json.loads(event["labels"] or "[]")
    if event["blind"] is not None:
        event["blind"] = json.loads(event["blind"])
    for name in ("unsure", "live"):
        event[name] = bool(event[name])
    return msgspec.convert(event, Decision)


def _as_json(value: object) -> str:
    """Write a value of a column as JSON, in ASCII: SQLite takes no lone surrogates."""
    return json.dumps(value, default=dict)


def plain(text: str) -> str:
    """Replace lone surrogates, which SQLite takes as little as UTF-8 does, by "?"."""
    return text.encode("utf-8", "replace").decode()
