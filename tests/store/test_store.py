"""What people decide is kept: events and what holds after them, the corpus file, old logs."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tipclassify.corpus.rows import LONGEST, load_corpus, read_rows
from tipclassify.errors import InputError, TipclassifyError
from tipclassify.labels import LABELS
from tipclassify.records import key
from tipclassify.store import Store, refuse_old_log
from tipclassify.store.checks import read_checks
from tipclassify.store.export import export, rows
from tipclassify.store.state import Decision, Kind, Place, Shown, State, Tags

EFFORT, FAILURE, COMPLICITY = LABELS
REPORT = "ab" * 32
posix = pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")


def shown(number: int, text: str = "", report: str = REPORT, section: str | None = None) -> Shown:
    """Make a passage of its own paragraph."""
    text = text or f"Text of {number}."
    row = {"text": text, "section": section, "block": number}
    tags = [Tags("m", "balanced", [FAILURE], {FAILURE: 0.5})]
    return Shown(Place(report, number, number + 5), key(text), row, "r.txt", "R", tags=tags)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "my.sqlite")


def exported(store: Store) -> list[dict[str, object]]:
    """Return the rows of the corpus of a store."""
    return list(rows(store.now(), store.passages()))


# ------------------------------------------------------------------------------- what holds


def event(
    id: int,
    labels: tuple[str, ...] = (),
    annotator: str = "ann",
    kind: Kind = "label",
    **more: Any,
) -> Decision:
    """Make an event on one passage."""
    return Decision(id, Place(REPORT, 1, 6), kind, annotator, labels, **more)


def undo(id: int, undoes: int, annotator: str = "ann") -> Decision:
    """Make an event that takes an earlier one back."""
    return event(id, annotator=annotator, kind="undo", undoes=undoes)


def held(state: State) -> dict[str, int]:
    """Return the numbers of the decisions that hold, by annotator."""
    return {name: decision.id for name, decision in state.decisions.items()}


def test_the_last_decision_of_an_annotator_holds() -> None:
    events = [event(1, (FAILURE,)), event(2), event(3, (EFFORT,), "ben")]
    assert held(State(events)) == {"ann": 2, "ben": 3}
    assert State(events).differs
    after = State([*events, undo(4, 3, "ben")])
    assert after.final is not None
    assert after.final.id == 2


def test_a_note_that_its_author_removed_shows_nobody_anything() -> None:
    noted = event(1, annotator="ben", kind="note", note="Hm.")
    removed = event(2, annotator="ben", kind="note", note="")
    assert State([noted, event(3, (FAILURE,))]).seen == {"ann"}
    assert State([noted, removed, event(3, (FAILURE,))]).seen == set()


def test_undo_gives_back_what_held_before_and_its_undo_is_a_redo() -> None:
    events = [event(1, (FAILURE,)), event(2), undo(3, 2)]
    for undone, holds in ((None, 1), (3, 2), (4, 1)):
        if undone:
            events.append(undo(len(events) + 1, undone))
        assert held(State(events)) == {"ann": holds}
    assert held(State([*events, undo(6, 1)])) == {}


def test_a_settlement_wins_over_earlier_and_later_decisions_until_it_is_undone() -> None:
    events = [
        event(1, (FAILURE,)),
        event(2, (), "ben"),
        event(3, (EFFORT,), "eve", "settle"),
        event(4, (COMPLICITY,)),
    ]
    assert State(events[:2]).final is None  # the later decision does not win
    assert State(events).final == events[2]
    assert not State(events).differs
    after = State([*events, undo(5, 3, "eve")])
    assert (after.final, after.differs, after.is_disputed) == (None, True, True)
    assert State([*events, undo(5, 3, "eve"), event(6, (COMPLICITY,), "ben")]).final


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 7), st.integers(0, 30)), max_size=25)
)
def test_undo_is_as_if_the_event_had_not_been(steps: list[tuple[str, int, int]]) -> None:
    """A step is an annotator, the bits of labels, and a number.

    A number divisible by three chooses an earlier decision of the annotator, to take it back.
    """
    events: list[Decision] = []
    kept: list[Decision] = []
    for number, (name, bits, choice) in enumerate(steps, 1):
        own = [each for each in kept if each.annotator == name]
        if choice % 3 == 0 and own:
            undone = own[choice % len(own)]
            events.append(undo(number, undone.id, name))
            kept.remove(undone)
        else:
            labels = tuple(label for i, label in enumerate(LABELS) if bits >> i & 1)
            events.append(event(number, labels, name))
            kept.append(events[-1])
    state = State(events)
    assert state.decisions == {each.annotator: each for each in kept}
    agreed = len({each.labels for each in state.decisions.values()}) == 1
    assert state.final == (kept[-1] if agreed else None)


def test_a_passage_of_20000_events_is_opened_in_time() -> None:
    """Decided again and again by two annotators; decided, then undone and redone without end."""
    decisions = [event(n, (FAILURE,), "ann" if n % 2 else "bob") for n in range(1, 20_001)]
    undos = [event(1), *(undo(n, n - 1) for n in range(2, 20_001))]
    began = time.process_time()
    assert held(State(decisions)) == {"ann": 19_999, "bob": 20_000}
    assert State(undos).final is None
    assert time.process_time() - began < 5


# ----------------------------------------------------------------------------- the store


def test_an_event_is_there_when_the_store_is_opened_again(store: Store) -> None:
    decision = store.decide(shown(1), "label", "ann\ud800\u2028", labels=[FAILURE], note="\u202ex")
    again = Store(store.path)
    assert again.since(0) == [decision]
    assert decision.annotator == "ann?\u2028"
    assert (decision.labels, decision.blind, decision.model) == ((FAILURE,), ("colleagues",), "m")
    assert again.passages()[shown(1).place].tags == [
        Tags("m", "balanced", [FAILURE], {FAILURE: 0.5})
    ]


def test_what_is_taken_back_is_no_longer_live_and_done_again_it_is(store: Store) -> None:
    first = store.decide(shown(1), "label", "ann", labels=[FAILURE])
    second = store.decide(shown(2), "note", "ann", note="Hm.")
    assert store.to_take_back("ann") == second
    assert store.to_take_back("ben") is None
    undone = store.undo(second.id, "ann")
    assert store.to_take_back("ann") == first
    assert [each.live for each in store.since(0)] == [True, False, True]
    store.undo(undone.id, "ann")
    assert [each.live for each in store.since(0)] == [True, True, False, True]
    assert store.to_take_back("ann") == second


def test_events_cannot_be_changed(store: Store) -> None:
    store.decide(shown(1), "label", "ann")
    with contextlib.closing(sqlite3.connect(store.path)) as database:
        for change in ("delete from event", "update event set labels = '[]'"):
            with pytest.raises(sqlite3.IntegrityError, match="events stay"):
                database.execute(change)


def test_two_stores_of_one_file_see_each_other(store: Store) -> None:
    other = Store(store.path)
    store.decide(shown(1), "label", "ann", labels=[FAILURE])
    other.decide(shown(1), "label", "ben", labels=[])
    assert held(store.on(shown(1).place)) == {"ann": 1, "ben": 2}
    assert store.on(shown(1).place).seen == {"ann", "ben"}
    assert store.last == 2


def test_a_decision_takes_as_long_in_a_store_of_many(store: Store) -> None:
    """The number of steps of SQLite counts, not the time."""

    def steps() -> int:
        counted = 0

        def count() -> None:
            nonlocal counted
            counted += 1

        store._database.set_progress_handler(count, 100)
        store.decide(shown(1), "label", "ann")
        store._database.set_progress_handler(None, 0)
        return counted

    few = steps()
    with store.writing():
        for number in range(2, 3_000):
            store.decide(shown(number), "label", "ann")
    assert steps() <= few + 5


# -------------------------------------------------------------------------- hostile stores


def refused(path: Path) -> str:
    """Return the one line by which a store is refused."""
    with pytest.raises(InputError) as caught:
        Store(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "content", [b"Dear diary,\nI began this years ago", b"\0\x01\x02" * 100, b"SQLite format 3\0"]
)
def test_a_file_that_is_no_store_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "my.sqlite"
    path.write_bytes(content)
    assert "my.sqlite: is " in refused(path)
    assert path.read_bytes() == content


@posix
def test_links_pipes_and_folders_are_refused(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_bytes(b"")
    (tmp_path / "a.sqlite").symlink_to(mine)
    assert "a link, which is not followed" in refused(tmp_path / "a.sqlite")
    os.mkfifo(tmp_path / "b.sqlite")
    assert "no plain file" in refused(tmp_path / "b.sqlite")
    (tmp_path / "c.sqlite").mkdir()
    assert "no plain file" in refused(tmp_path / "c.sqlite")
    assert "unable to open" in refused(tmp_path / "none" / "d.sqlite")
    assert mine.read_bytes() == b""
    assert stat.S_ISFIFO((tmp_path / "b.sqlite").stat().st_mode)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("pragma application_id = 7", "no store of decisions"),
        ("pragma user_version = 2", "by a later version"),
        ("create trigger evil after insert on report begin select 1; end", "by another program"),
        ("create view v as select 1", "by another program"),
        ("drop index passage_key", "by another program"),
        ("create table t (x)", "by another program"),
    ],
)
def test_a_store_that_was_changed_is_refused(store: Store, change: str, line: str) -> None:
    store.decide(shown(1), "label", "ann")
    store.close()
    database = sqlite3.connect(store.path)
    database.execute(change)
    database.commit()
    database.close()
    assert line in refused(store.path)


@pytest.mark.parametrize(
    "change",
    [
        "event set labels = 'nonsense'",
        "event set labels = x'00ff'",
        "event set labels = '[1]'",
        "event set blind = '[\"all\"]'",
        "event set at = x'00'",
        "passage set row = '{}'",
        "passage set row = '[[[['",
        'tags set scores = \'{"failure": "high"}\'',
        "report set title = x'ff'",
    ],
)
def test_values_that_no_version_writes_are_one_line(store: Store, change: str) -> None:
    store.decide(shown(1), "label", "ann", labels=[FAILURE])
    database = sqlite3.connect(store.path)
    database.execute("drop trigger event_fixed")
    database.execute(f"update {change}")
    database.commit()
    database.close()
    with pytest.raises(InputError, match="is damaged") as caught:
        exported(store)
    assert "\n" not in str(caught.value)


def test_a_statement_that_is_no_text_is_one_line(store: Store) -> None:
    store.close()
    whole = store.path.read_bytes()
    altered = whole.replace(b"create trigger event_stays", b"create trigger \xff\xfeent_stays")
    altered = altered.replace(b"CREATE TRIGGER event_stays", b"CREATE TRIGGER \xff\xfeent_stays")
    assert altered != whole
    store.path.write_bytes(altered)
    assert "damaged" in refused(store.path)


def test_a_torn_store_is_one_line(store: Store) -> None:
    for number in range(200):
        store.decide(shown(number, "word " * 50), "label", "ann")
    store.close()
    whole = store.path.read_bytes()
    outcomes = []
    for at in range(4096, len(whole), 4096 * 3):
        store.path.write_bytes(whole[:at] + b"\xff" * 512 + whole[at + 512 :])
        with contextlib.suppress(TipclassifyError):  # in a page that nothing uses
            Store(store.path).close()
            continue
        outcomes.append(refused(store.path))
    assert len(outcomes) > 3
    assert all("damaged" in line for line in outcomes)
    store.path.write_bytes(whole[: len(whole) // 2])
    assert "damaged" in refused(store.path)


@posix
@pytest.mark.parametrize("removed", [True, False])
def test_a_store_that_is_replaced_while_in_use_is_noticed(store: Store, removed: bool) -> None:
    store.decide(shown(1), "label", "ann")
    copy = store.path.with_name("copy")
    copy.write_bytes(store.path.read_bytes())

    # as a synchronised folder may, between reading and writing
    def decide_while_it_is_replaced() -> None:
        with store.writing():
            store.decide(shown(2), "label", "ann")
            if removed:
                store.path.unlink()
            else:
                os.replace(copy, store.path)

    with pytest.raises(InputError, match="not saved"):
        decide_while_it_is_replaced()
    for use in (lambda: store.last, lambda: store.decide(shown(3), "label", "ann")):
        with pytest.raises(InputError, match="while in use"):
            use()


# ------------------------------------------------------------------------------- the corpus


def test_the_corpus_has_each_passage_once_with_what_holds(store: Store) -> None:
    store.decide(shown(1), "label", "ann", labels=[FAILURE])
    taken_back = store.decide(shown(2), "label", "ann")
    store.decide(shown(1), "label", "ben", labels=[FAILURE])
    store.undo(taken_back.id, "ann")
    (row,) = exported(store)
    assert (row["id"], row["labels"]) == (f"{REPORT[:16]}-1-6", [FAILURE])
    assert (row["annotator"], row["event"]) == ("ben", 3)
    assert (row["model"], row["model_labels"], row["scores"]) == ("m", [FAILURE], {FAILURE: 0.5})
    store.decide(shown(1), "label", "ben", labels=[])
    assert exported(store) == []  # disputed
    store.decide(shown(1), "settle", "eve", labels=[EFFORT])
    assert [(row["labels"], row["adjudicated"]) for row in exported(store)] == [([EFFORT], True)]


def test_one_sentence_decided_differently_in_two_places_has_one_say(store: Store) -> None:
    for number, text, labels in (
        (1, "Courts slept.", [FAILURE]),
        (2, "courts  slept.", []),
        (3, "Courts slept.", []),
    ):
        store.decide(shown(number, text), "label", "ann", labels=labels)
    assert [row["start"] for row in exported(store)] == [2, 3]
    # under another heading it may have others
    store.decide(shown(4, "Courts slept.", section="Wages"), "label", "ann", labels=[EFFORT])
    assert [row["start"] for row in exported(store)] == [2, 3, 4]


def test_what_no_corpus_takes_is_left_out_of_it(store: Store, tmp_path: Path) -> None:
    for number, text in ((1, "x" * (LONGEST + 1)), (2, " "), (3, "a\ud800b")):
        store.decide(shown(number, text), "label", "ann")
    store.decide(shown(4), "label", "ann", unsure=True)
    export(store, tmp_path / "my.jsonl")
    assert [row["text"] for row in load_corpus(tmp_path / "my.jsonl")] == ["a?b"]


def test_cross_validation_never_splits_a_report_once_there_are_two(store: Store) -> None:
    store.decide(shown(1), "label", "ann")
    store.decide(shown(2), "label", "ann")
    assert [row["doc"] for row in exported(store)] == [f"{REPORT[:16]}-1", f"{REPORT[:16]}-2"]
    store.decide(shown(3, report="cd" * 32), "label", "ann")
    assert [row["doc"] for row in exported(store)] == ["ab" * 8, "ab" * 8, "cd" * 8]


def test_notes_go_with_the_decision_into_the_corpus(store: Store) -> None:
    store.decide(shown(1), "note", "ann", note="First.")
    store.decide(shown(1), "label", "ann", labels=[FAILURE])
    changed = store.decide(shown(1), "note", "ann", note="Second.\nMore.")
    store.decide(shown(1), "note", "ben", note="Mine.")
    (row,) = exported(store)
    assert (row["note"], row["notes"]) == ("Second.\nMore.", {"ben": "Mine."})
    store.undo(changed.id, "ann")
    assert exported(store)[0]["note"] == "First."
    store.decide(shown(1), "note", "ann", note="")
    assert "note" not in exported(store)[0]


def test_a_file_with_rows_that_were_not_decided_here_is_moved_aside(
    store: Store, tmp_path: Path
) -> None:
    corpus = tmp_path / "my.jsonl"
    store.decide(shown(1, section="COURTS"), "label", "ann", labels=[FAILURE])
    store.decide(shown(2), "note", "ann", note="A doubt.")
    store.decide(shown(2), "label", "ann")
    assert export(store, corpus) is None
    ours = corpus.read_text("utf-8")
    edits = (
        ours + '{"text": "By hand.", "labels": []}\n',
        ours.replace("COURTS", "POLICE"),
        ours.replace('["failure"]', "[]", 1),
        ours.replace("A doubt", "A dream"),
        ours.replace('"doc": "ab', '"doc": "cd', 1),
        "nonsense",
    )
    for number, edited in enumerate(edits, 1):
        corpus.write_text(edited, "utf-8")
        line = export(store, corpus)
        assert line is not None
        assert f"my.jsonl.edited-{number}" in line
        assert (tmp_path / f"my.jsonl.edited-{number}").read_text("utf-8") == edited
        assert corpus.read_text("utf-8") == ours
    # what held once is no edit by hand
    store.decide(shown(1), "label", "ann", labels=[])
    store.decide(shown(2), "note", "ann", note="Another doubt.")
    assert export(store, corpus) is None
    assert [row["labels"] for row in read_rows(corpus)] == [(), ()]


@posix
def test_a_corpus_that_is_a_link_or_a_pipe_stays(store: Store, tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_bytes(b"mine")
    (tmp_path / "a.jsonl").symlink_to(mine)
    os.mkfifo(tmp_path / "b.jsonl")
    store.decide(shown(1), "label", "ann")
    for name in ("a.jsonl", "b.jsonl"):
        with pytest.raises(InputError, match="cannot be written"):
            export(store, tmp_path / name)
    assert mine.read_bytes() == b"mine"


# ------------------------------------------------------------------------------- old logs


def test_a_log_of_before_there_were_stores_is_named_in_one_line(tmp_path: Path) -> None:
    log = tmp_path / "my.events"
    refuse_old_log(log, tmp_path / "my.sqlite")
    log.write_text('{"event": 1, "kind": "decision"}\n', "utf-8")
    with pytest.raises(InputError, match=r"my\.events: has decisions of a version before"):
        refuse_old_log(log, tmp_path / "my.sqlite")
    Store(tmp_path / "my.sqlite")  # what it had was taken in, or it was left aside
    refuse_old_log(log, tmp_path / "my.sqlite")


def test_checks_are_read_of_a_desk_and_of_its_store(tmp_path: Path) -> None:
    store = Store(tmp_path / "tipclassify.sqlite")
    store.decide(shown(1), "label", "ann", labels=[FAILURE])
    store.decide(shown(1), "note", "ben", note="Hm.")
    told: list[str] = []
    with pytest.raises(InputError, match="no finding is checked"):
        read_checks(tmp_path, told.append)
    assert "no longer on the desk" in told[0]  # which has no data
    checks = read_checks(tmp_path / "tipclassify.sqlite", told.append)
    assert [(each.report, each.annotator, each.labels, each.note) for each in checks] == [
        (REPORT, "ben", None, "Hm."),
        (REPORT, "ann", (FAILURE,), ""),
    ]
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "desk.events").touch()
    with pytest.raises(InputError, match=r"before 0\.1\.0"):
        read_checks(tmp_path / "old", told.append)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no such file; check findings with"):
        read_checks(tmp_path / "empty", told.append)
