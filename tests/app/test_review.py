"""Corrections on a local page: decisions, undoing, and the corpus that results."""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
import time
from collections.abc import Iterator
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli
from hypothesis import given, settings
from hypothesis import strategies as st
from review_client import Answer, Reviewer, dataset_rows, write_report

from tipclassify import LABELS, Classifier
from tipclassify.app.agreement_answer import agreement_figures_in_review
from tipclassify.app.opened import OpenReport, open_reports_for_review
from tipclassify.app.page_answers import (
    answer_about,
    answer_agreement,
    answer_changes,
    answer_disagreements,
    answer_history,
    answer_queue,
    answer_reasons,
    answer_report,
    answer_search,
)
from tipclassify.app.refusal import RefusedError
from tipclassify.app.session import ReviewSession
from tipclassify.corpus.rows import LONGEST, load_corpus, read_rows
from tipclassify.evaluation.agreement import agreement
from tipclassify.store.derived import ReviewCorpusFile
from tipclassify.store.events import Event, History, Kind, event_line, parse_event
from tipclassify.tagging import Tagging

EFFORT, FAILURE, COMPLICITY = LABELS
WHEN = "2025-03-01T10:00:00.000Z"

needs_extra = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("jinja2", "starlette", "uvicorn")),
    reason="needs the extra: review",
)


def deciding(
    number: int,
    key: str,
    labels: tuple[str, ...],
    annotator: str = "ann",
    kind: Kind = "decision",
    text: str = "",
    report: str = "r",
) -> Event:
    """Make a decision, or an event of another kind, on a passage of its own paragraph."""
    passage = {
        "text": text or f"Text of {key}.",
        "report": report,
        "report_id": report,
        "block": int(number),
    }
    return Event(number, kind, key, annotator, WHEN, labels, about=passage)


def undoing(number: int, undoes: int, key: str = "k", annotator: str = "ann") -> Event:
    """Make an event that takes an earlier one back."""
    return Event(number, "undo", key, annotator, WHEN, undoes=undoes)


def history_of(*events: Event) -> History:
    """Make a history of these events."""
    history = History()
    for event in events:
        history.add(event)
    return history


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("report") / "report.txt", 24)


@pytest.fixture(scope="module")
def reports(report: Path) -> list[OpenReport]:
    opened, failures = open_reports_for_review([str(report)], Tagging(model="fast"))
    assert failures == []
    return opened


@pytest.fixture
def session(tmp_path: Path, fast: Classifier, reports: list[OpenReport]) -> ReviewSession:
    return ReviewSession(fast, reports, tmp_path / "my.jsonl", "ann")


def colleague(
    session: ReviewSession, reports: list[OpenReport], name: str = "ben"
) -> ReviewSession:
    """Open a session of another annotator on the same corpus."""
    return ReviewSession(session.classifier, reports, session.corpus, name)


# ------------------------------------------------------------------------------------------- events


def test_the_last_decision_of_an_annotator_holds() -> None:
    history = history_of(
        deciding(1, "k", (FAILURE,)), deciding(2, "k", ()), deciding(3, "k", (EFFORT,), "ben")
    )
    assert {name: event.labels for name, event in history.decisions("k").items()} == {
        "ann": (),
        "ben": (EFFORT,),
    }
    assert history.differ("k")
    history.add(undoing(4, 3, annotator="ben"))
    assert history.final("k") == history.events[1]


def test_a_passage_on_which_annotators_differ_has_no_labels_until_it_is_settled() -> None:
    history = history_of(deciding(1, "k", (FAILURE,)), deciding(2, "k", (EFFORT,), "ben"))
    assert history.final("k") is None  # the later decision does not win
    history.add(deciding(3, "k", (EFFORT,), "eve", "adjudication"))
    assert [row["labels"] for row in dataset_rows(history)] == [[EFFORT]]


def test_undo_gives_back_what_held_before_and_its_undo_is_a_redo() -> None:
    history = history_of(deciding(1, "k", (FAILURE,)), deciding(2, "k", ()), undoing(3, 2))
    assert history.decisions("k")["ann"].number == 1
    history.add(undoing(4, 3))
    assert history.decisions("k")["ann"].number == 2
    history.add(undoing(5, 4))
    assert history.decisions("k")["ann"].number == 1
    history.add(undoing(6, 1))
    assert history.decisions("k") == {}
    assert history.final("k") is None
    assert len(history.events) == 6  # and all of it is still there


def test_undo_and_redo_may_go_on_for_as_long_as_somebody_likes() -> None:
    history = history_of(deciding(1, "k", (FAILURE,)), deciding(2, "k", ()))
    for number in range(3, 1_100):
        history.add(undoing(number, number - 1))
        assert history.decisions("k")["ann"].number == (1 if number % 2 else 2)


def test_an_undo_of_what_is_no_earlier_event_of_the_passage_is_refused() -> None:
    history = history_of(deciding(1, "k", ()), deciding(2, "l", ()))
    for undoes in (0, 2, 3, 4, -1):
        with pytest.raises(ValueError, match="no earlier event"):
            history.add(undoing(3, undoes))
    assert len(history) == 2


def test_an_adjudication_wins_over_earlier_and_later_decisions_until_it_is_undone() -> None:
    history = history_of(
        deciding(1, "k", (FAILURE,)),
        deciding(2, "k", (), "ben"),
        deciding(3, "k", (EFFORT,), "eve", "adjudication"),
        deciding(4, "k", (COMPLICITY,)),
    )
    assert history.final("k") == history.events[2]
    assert not history.differ("k")
    history.add(undoing(5, 3, annotator="eve"))
    assert history.final("k") is None
    assert history.differ("k")
    history.add(deciding(6, "k", (COMPLICITY,), "ben"))
    assert history.final("k") == history.events[5]


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("kl"), st.sampled_from("ab"), st.integers(0, 7), st.integers(0, 30)
        ),
        max_size=25,
    )
)
def test_undo_is_as_if_the_event_had_not_been(steps: list[tuple[str, str, int, int]]) -> None:
    """A step is a passage, an annotator, the bits of labels, and a number.

    A number divisible by three chooses an earlier decision of the annotator, to take it back.
    """
    history = History()
    kept: list[Event] = []
    for number, (key, name, bits, choice) in enumerate(steps, 1):
        own = [event for event in kept if event.annotator == name]
        if choice % 3 == 0 and own:
            undone = own[choice % len(own)]
            history.add(undoing(number, undone.number, undone.key, name))
            kept.remove(undone)
        else:
            labels = tuple(label for i, label in enumerate(LABELS) if bits >> i & 1)
            decision = deciding(number, key, labels, name)
            history.add(decision)
            kept.append(decision)
    for key in "kl":
        of_passage = [event for event in kept if event.key == key]
        assert history.decisions(key) == {event.annotator: event for event in of_passage}
        agreed = len({event.labels for event in history.decisions(key).values()}) == 1
        assert history.final(key) == (of_passage[-1] if agreed else None)


@settings(max_examples=30)
@given(
    st.text(max_size=30),
    st.text(max_size=30),
    st.none() | st.text(max_size=30),
    st.lists(st.sampled_from(LABELS), unique=True, max_size=3),
)
def test_any_event_is_one_line_that_reads_back(
    text: str, name: str, note: str | None, labels: list[str]
) -> None:
    event = Event(
        number=3,
        kind="decision",
        key="k",
        annotator=name,
        time="t",
        labels=tuple(labels),
        note=note,
        request="r-1",
        about={"text": text, "page": 2, "scores": {"failure": 0.25}},
    )
    line = event_line(event)
    assert parse_event(line) == event
    assert line.count(b"\n") == 1
    assert parse_event(event_line(undoing(4, 3))) == undoing(4, 3)


# --------------------------------------------------------------------------------------- the corpus


def test_the_corpus_has_each_passage_once_with_what_holds() -> None:
    history = history_of(
        deciding(1, "k", (FAILURE,)),
        deciding(2, "l", ()),
        deciding(3, "k", (FAILURE,), "ben"),
        undoing(4, 2, "l"),
    )
    (row,) = dataset_rows(history)
    assert (row["id"], row["labels"]) == ("k", [FAILURE])
    assert (row["annotator"], row["event"]) == ("ben", 3)


def test_one_sentence_decided_differently_in_two_places_has_one_say(tmp_path: Path) -> None:
    history = history_of(
        deciding(1, "k", (FAILURE,), text="Courts slept."),
        deciding(2, "l", (), text="courts  slept."),
        deciding(3, "m", (), text="Courts slept."),
    )
    ReviewCorpusFile(tmp_path / "my.jsonl").write(history)
    assert [row["id"] for row in read_rows(tmp_path / "my.jsonl")] == ["l", "m"]


def test_the_same_sentence_under_two_headings_of_a_report_may_have_other_labels(
    tmp_path: Path,
) -> None:
    def decision(number: int, heading: str, labels: tuple[str, ...]) -> Event:
        passage = {
            "text": "The law was not enforced.",
            "section": heading,
            "report_id": "r",
            "block": number,
        }
        return Event(number, "decision", f"k{number}", "ann", WHEN, labels, about=passage)

    history = history_of(
        decision(1, "Forced Labor", (FAILURE,)),
        decision(2, "Wages", ()),
        decision(3, "wages", (EFFORT,)),
    )
    ReviewCorpusFile(tmp_path / "my.jsonl").write(history)
    rows = read_rows(tmp_path / "my.jsonl")
    assert [(row["section"], row["labels"]) for row in rows] == [
        ("Forced Labor", (FAILURE,)),
        ("wages", (EFFORT,)),
    ]


def test_what_no_corpus_takes_is_left_out_of_it(tmp_path: Path) -> None:
    history = history_of(
        deciding(1, "k", (), text="x" * (LONGEST + 1)),
        deciding(2, "l", (), text=" "),
        deciding(3, "m", (), text="a\ud800b"),
    )
    ReviewCorpusFile(tmp_path / "my.jsonl").write(history)
    assert [row["text"] for row in load_corpus(tmp_path / "my.jsonl")] == ["a?b"]


def test_cross_validation_never_splits_a_report_once_there_are_two() -> None:
    history = history_of(deciding(1, "k", ()), deciding(2, "l", ()))
    assert [row["doc"] for row in dataset_rows(history)] == ["r-1", "r-2"]
    history.add(deciding(3, "m", (), report="s"))
    assert [row["doc"] for row in dataset_rows(history)] == ["r", "r", "s"]


def test_a_corpus_that_somebody_edited_is_moved_aside_and_not_overwritten(tmp_path: Path) -> None:
    corpus = tmp_path / "my.jsonl"
    reported: list[str] = []
    history = history_of(deciding(1, "k", ()))
    file = ReviewCorpusFile(corpus, reported.append)
    file.write(history)
    mine = corpus.read_text("utf-8") + '{"text": "By hand.", "labels": []}\n'
    corpus.write_text(mine, "utf-8")
    history.add(deciding(2, "l", ()))
    file.write(history)
    assert (tmp_path / "my.jsonl.edited-1").read_text("utf-8") == mine
    assert [row["id"] for row in read_rows(corpus)] == ["k", "l"]
    corpus.write_text(mine.replace("[]", '["failure"]'), "utf-8")
    ReviewCorpusFile(corpus, reported.append).write(history)
    assert (tmp_path / "my.jsonl.edited-2").is_file()
    assert len(reported) == 2


def test_a_decision_changes_its_own_rows_and_leaves_the_others_where_they_stand(
    tmp_path: Path,
) -> None:
    corpus = tmp_path / "my.jsonl"
    history = History()
    file = ReviewCorpusFile(corpus)
    for number in range(1, 40):
        history.add(deciding(number, f"k{number}", (FAILURE,)))
        file.write(history)
    inode = corpus.stat().st_ino
    before = corpus.read_bytes()

    history.add(deciding(40, "k7", (EFFORT,)))
    file.write(history)

    after = corpus.read_bytes()
    pairs_of_bytes = enumerate(zip(before, after, strict=False))
    changed = [place for place, (old, new) in pairs_of_bytes if old != new]
    line = before.splitlines(keepends=True)[6]
    start = before.index(line)
    assert corpus.stat().st_ino == inode  # the same file: not written anew
    assert start <= changed[0] <= changed[-1] < start + len(line)
    rows = read_rows(corpus)
    assert len(rows) == 39
    assert {row["id"]: row["labels"] for row in rows}["k7"] == (EFFORT,)
    file.compact(history)
    assert b"\n " not in corpus.read_bytes()
    assert [row["id"] for row in read_rows(corpus)][:8] == [f"k{number}" for number in range(1, 9)]


def test_ten_thousand_decisions_do_not_slow_the_next_one(tmp_path: Path) -> None:
    def spent(passages: int) -> float:
        """Return the processor time of fifty changes after so many decisions."""
        history = History()
        for number in range(1, passages + 1):
            history.add(deciding(number, f"k{number}", (FAILURE,)))
        file = ReviewCorpusFile(tmp_path / f"{passages}.jsonl")
        file.write(history)
        began = time.process_time()
        for more in range(50):
            history.add(deciding(passages + 1 + more, f"k{1 + more}", (EFFORT,)))
            file.write(history)
        return time.process_time() - began

    assert spent(10_000) < 50 * 0.05 / 4  # of 50 ms for a key, a quarter


def test_two_processes_write_one_corpus_by_turns(tmp_path: Path) -> None:
    corpus = tmp_path / "my.jsonl"
    history = History()
    reported: list[str] = []
    files = {name: ReviewCorpusFile(corpus, reported.append) for name in ("ann", "ben")}
    for number in range(1, 60):
        name = "ann" if number % 2 else "ben"
        labels = (FAILURE,) if number % 5 else ()
        history.add(deciding(number, f"k{number % 13}", labels, name))
        files[name].write(history)
    expected = {key: event.labels for key in history.by_passage if (event := history.final(key))}
    assert {row["id"]: row["labels"] for row in read_rows(corpus)} == expected
    assert 0 < len(expected) < 13
    assert reported == []


def test_a_row_that_was_appended_by_hand_is_moved_aside_while_the_page_runs(tmp_path: Path) -> None:
    corpus = tmp_path / "my.jsonl"
    reported: list[str] = []
    history = history_of(deciding(1, "k", ()))
    file = ReviewCorpusFile(corpus, reported.append)
    file.write(history)
    with corpus.open("a", encoding="utf-8") as out:
        out.write('{"text": "By hand.", "labels": []}\n')
    history.add(deciding(2, "l", ()))
    file.write(history)
    assert "By hand." in (tmp_path / "my.jsonl.edited-1").read_text("utf-8")
    assert [row["id"] for row in read_rows(corpus)] == ["k", "l"]
    assert len(reported) == 1


def test_a_corpus_from_elsewhere_is_not_lost(
    tmp_path: Path, fast: Classifier, reports: list[OpenReport]
) -> None:
    corpus = tmp_path / "mine.jsonl"
    corpus.write_text('{"id": "1", "text": "Police acted.", "labels": []}\n', "utf-8")
    reported: list[str] = []
    session = ReviewSession(fast, reports, corpus, "ann", notify=reported.append)
    session.decide(reports[0].passages[0].key, [])
    assert "Police acted." in (tmp_path / "mine.jsonl.edited-1").read_text("utf-8")
    assert len(read_rows(corpus)) == 1
    assert len(reported) == 1


def test_a_folder_of_corpora_is_read_without_the_log(
    session: ReviewSession, reports: list[OpenReport]
) -> None:
    session.decide(reports[0].passages[0].key, [FAILURE])
    event = session.decide(reports[0].passages[0].key, [EFFORT])["event"]
    session.undo(event["id"])
    folder = session.corpus.parent / "folder"
    folder.mkdir()
    for file in (session.corpus, session.corpus.with_suffix(".events")):
        (folder / file.name).write_bytes(file.read_bytes())
    assert [row["labels"] for row in read_rows(folder)] == [(FAILURE,)]


# ---------------------------------------------------------------------------------------- a session


def test_a_row_says_who_decided_what_when_and_what_the_model_had_said(
    session: ReviewSession, reports: list[OpenReport]
) -> None:
    passage = reports[0].passages[5]
    session.decide(passage.key, [COMPLICITY, FAILURE], "why not")
    (row,) = read_rows(session.corpus)
    assert (row["id"], row["text"]) == (passage.key, passage.passage.text)
    assert row["labels"] == (FAILURE, COMPLICITY)
    assert row["annotator"] == "ann"
    assert row["note"] == "why not"
    assert row["time"].endswith("Z")
    assert row["model"] == session.classifier.meta["sha256"]
    assert row["model_labels"] == list(passage.passage.labels)
    rounded = {label: round(score, 4) for label, score in passage.passage.scores.items()}
    assert row["scores"] == rounded
    assert (row["report"], row["report_id"], row["event"]) == ("report.txt", reports[0].id, 1)
    assert (row["start"], row["end"]) == (passage.passage.start, passage.passage.end)
    assert (row["source"], row["section"]) == ("review", "prosecution")


def test_passages_are_what_the_classifier_tags_with_their_place(
    session: ReviewSession, reports: list[OpenReport]
) -> None:
    shown = answer_report(session, reports[0].id)["passages"]
    assert [p["number"] for p in shown] == list(range(1, 25))
    assert [p["labels"] for p in shown] == [list(p.passage.labels) for p in reports[0].passages]
    assert {p["section"] for p in shown} == {"prosecution"}
    assert [p["block"] for p in shown[:5]] == [1, 1, 1, 1, 2]
    keys = {p["key"] for p in shown}
    assert len(keys) == 24
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{24}", key) for key in keys)


def test_a_session_resumes(session: ReviewSession, reports: list[OpenReport], report: Path) -> None:
    session.decide(reports[0].passages[3].key, [FAILURE])
    again, _ = open_reports_for_review([str(report)], Tagging(model="fast", policy="cite"))
    resumed = ReviewSession(session.classifier, again, session.corpus, "ann", policy="cite")
    assert answer_about(resumed)["reports"][0]["decided"] == 1
    shown = answer_report(resumed, again[0].id)["passages"]
    assert [p["decision"]["labels"] for p in shown if p["decision"]] == [[FAILURE]]
    assert shown[3]["decision"]
    assert answer_about(resumed)["events"] == 1


def test_undo_is_ones_own_and_once(session: ReviewSession, reports: list[OpenReport]) -> None:
    key = reports[0].passages[0].key
    session.decide(key, [FAILURE])
    event = session.decide(key, [])["event"]["id"]
    with pytest.raises(RefusedError, match="ann's"):
        colleague(session, reports).undo(event)
    assert session.undo(event)["decision"]["labels"] == [FAILURE]
    with pytest.raises(RefusedError, match="taken back already"):
        session.undo(event)
    with pytest.raises(RefusedError, match="no event 99"):
        session.undo(99)
    assert session.undo(1)["decision"] is None
    assert session.corpus.read_bytes() == b""
    assert len(answer_changes(session, 0)["events"]) == 4


def test_a_request_that_comes_again_is_not_done_again(
    session: ReviewSession, reports: list[OpenReport]
) -> None:
    key, other = (passage.key for passage in reports[0].passages[:2])
    session.decide(key, [])
    first = session.decide(key, [FAILURE], "hm", "r-1")
    number = first["event"]["id"]
    # its answer was lost, so the page asks again
    again = session.decide(key, [FAILURE], "hm", "r-1")
    assert again == first
    assert session.undo(number, "r-2") == session.undo(number, "r-2")
    settled = session.adjudicate(key, [EFFORT], request="r-3")
    restarted = colleague(session, reports, "ann")
    assert restarted.decide(key, [FAILURE], "hm", "r-1")["event"] == first["event"]
    assert restarted.undo(number, "r-2")["decision"]["labels"] == []
    assert restarted.adjudicate(key, [EFFORT], request="r-3")["event"] == settled["event"]
    kinds = [event["kind"] for event in answer_changes(restarted, 0)["events"]]
    assert kinds == ["decision", "decision", "undo", "adjudication"]
    assert [row["labels"] for row in read_rows(session.corpus)] == [(EFFORT,)]
    for other_request in (
        lambda: restarted.decide(key, [], request="r-1"),
        lambda: restarted.decide(other, [FAILURE], request="r-1"),
        lambda: restarted.adjudicate(key, [FAILURE], request="r-1"),
        lambda: restarted.undo(1, "r-2"),
        lambda: restarted.note(key, "hm", "r-1"),
    ):
        with pytest.raises(RefusedError, match="was another one before"):
            other_request()
    # names of requests are one's own
    of_ben = colleague(session, reports).decide(key, [], request="r-1")
    assert of_ben["event"]["annotator"] == "ben"
    assert len(answer_changes(session, 0)["events"]) == 5


def test_annotators_see_each_other_differ_and_settle(
    session: ReviewSession, reports: list[OpenReport]
) -> None:
    ben = colleague(session, reports)
    key = reports[0].passages[2].key
    session.decide(key, [FAILURE])
    ben.decide(reports[0].passages[3].key, [])
    ben.decide(key, [])
    (passage,) = answer_disagreements(session)["passages"]
    assert (passage["key"], passage["report"]) == (key, reports[0].id)
    assert passage["decision"]["labels"] == [FAILURE]
    assert passage["others"][0]["labels"] == []
    assert [row["id"] for row in read_rows(session.corpus)] == [reports[0].passages[3].key]
    assert (session.disputed, session.decided) == (1, 1)
    assert answer_agreement(ben)["disputed"] == 1
    session.adjudicate(key, [EFFORT])
    assert answer_disagreements(ben) == {"passages": []}
    assert answer_report(ben, reports[0].id)["passages"][2]["settled"]["labels"] == [EFFORT]
    ben.decide(key, [COMPLICITY])
    (row,) = (row for row in read_rows(session.corpus) if row["id"] == key)
    assert (row["labels"], row["adjudicated"], row["annotator"]) == ((EFFORT,), True, "ann")
    with pytest.raises(RefusedError, match="nothing to settle"):
        session.adjudicate(reports[0].passages[9].key, [])


def test_changes_come_since_the_last_that_was_seen(
    session: ReviewSession, reports: list[OpenReport]
) -> None:
    ben = colleague(session, reports)
    key = reports[0].passages[0].key
    session.decide(key, [])
    seen = answer_changes(session, 0)["next"]
    event = ben.decide(key, [FAILURE])["event"]["id"]
    changes = answer_changes(session, seen)
    (decision,) = changes["events"]
    assert decision["annotator"] == "ben"
    assert (decision["key"], decision["labels"]) == (key, [FAILURE])
    assert [p["others"][0]["labels"] for p in changes["passages"]] == [[FAILURE]]
    assert answer_changes(session, changes["next"]) == {"next": 2, "events": [], "passages": []}
    ben.undo(event)
    later = answer_changes(session, changes["next"])
    (undone,) = later["events"]
    (passage,) = later["passages"]
    assert (undone["kind"], undone["undoes"], passage["others"]) == ("undo", 2, [])
    assert answer_changes(session, 10**9)["events"] == []


def test_the_queue_shows_the_undecided_most_instructive_first(
    session: ReviewSession, reports: list[OpenReport]
) -> None:
    queue = answer_queue(session, 500)
    assert queue["left"] == 24
    assert {p["key"] for p in queue["passages"]} == {p.key for p in reports[0].passages}
    scores = [p["score"] for p in queue["passages"]]
    assert scores[0] > scores[-1]
    assert all(p["why"] and p["report"] == reports[0].id for p in queue["passages"])
    first = queue["passages"][0]["key"]
    session.decide(first, [])
    assert first not in {p["key"] for p in answer_queue(session, 500)["passages"]}
    assert first in {p["key"] for p in answer_queue(colleague(session, reports), 500)["passages"]}
    assert len(answer_queue(session, 3)["passages"]) == 3


def test_references_are_not_asked_for_and_the_heading_is_that_which_scoring_reads(
    tmp_path: Path, fast: Classifier
) -> None:
    file = tmp_path / "report.html"
    file.write_text(
        "<h1>Karvonia</h1><h2>Forced Labor</h2><h3>Description</h3>"
        "<p>Courts convicted none of the recruiters.</p>"
        "<h2>References</h2><p>Police arrested nine recruiters in the north.</p>",
        "utf-8",
    )
    (report,), _ = open_reports_for_review([str(file)], Tagging(model="fast"))
    session = ReviewSession(fast, [report], tmp_path / "my.jsonl", "ann")
    (shown,) = answer_report(session, report.id)["passages"]
    assert shown["section"] == "Forced Labor: Description"
    queue = answer_queue(session)
    assert [p["key"] for p in queue["passages"]] == [shown["key"]]
    assert queue["left"] == 1


def test_the_queue_does_not_show_what_a_colleague_decided(
    session: ReviewSession, reports: list[OpenReport]
) -> None:
    before = answer_queue(session, 24)["passages"]
    ben = colleague(session, reports)
    for passage in reports[0].passages:
        ben.decide(passage.key, [label for label in LABELS if label not in passage.passage.labels])
    assert answer_queue(session, 24)["passages"] == before


def test_a_second_model_is_shown_and_what_it_sees_otherwise_comes_first(
    session: ReviewSession, reports: list[OpenReport]
) -> None:
    of_one_model = answer_report(session, reports[0].id)["passages"]
    scores = sorted(passage["scores"][COMPLICITY] for passage in of_one_model)
    # sees complicity in every other passage
    wary = session.classifier.with_thresholds({COMPLICITY: scores[len(scores) // 2]})
    both = ReviewSession(
        session.classifier, reports, session.corpus, "ann", second=wary, second_name="wary"
    )
    assert (answer_about(session)["second"], answer_about(both)["second"]) == (None, "wary")
    shown = answer_report(both, reports[0].id)["passages"]
    assert {COMPLICITY in passage["second"]["labels"] for passage in shown} == {True, False}
    assert all(passage["second"]["scores"] == passage["scores"] for passage in shown)
    assert all(passage["second"] is None for passage in of_one_model)
    differ = {
        passage["key"] for passage in shown if passage["second"]["labels"] != passage["labels"]
    }
    assert 0 < len(differ) < len(shown)
    # the rest says the same again
    first = [pick for pick in answer_queue(both, 500)["passages"] if pick["score"] > 0]
    seen_otherwise = [pick["key"] in differ for pick in first]
    assert seen_otherwise == sorted(seen_otherwise, reverse=True)
    assert 0 < sum(seen_otherwise) < len(first)
    assert ["labels differ on complicity" in pick["why"] for pick in first] == seen_otherwise
    both.decide(first[0]["key"], [])
    assert answer_queue(both, 500)["left"] == len(shown) - 1
    (row,) = read_rows(session.corpus)
    assert (row["other_model"], COMPLICITY in row["other_labels"]) == ("wary", True)


def test_similar_passages_do_not_stand_side_by_side_in_the_queue(
    session: ReviewSession, reports: list[OpenReport]
) -> None:
    """The report has four wordings, each six times; the queue begins with one of each."""
    text = {p.key: p.passage.text for p in reports[0].passages}
    kinds = [text[p["key"]].split()[0] for p in answer_queue(session, 4)["passages"]]
    assert len(set(kinds)) == 4


def test_reasons_add_up_to_the_log_odds(tmp_path: Path, fast: Classifier) -> None:
    file = write_report(tmp_path / "report.txt", 4)
    (report,), _ = open_reports_for_review([str(file)], Tagging(model="fast"))
    passage = report.passages[1]
    length = len(passage.passage.text)
    session = ReviewSession(fast, [report], tmp_path / "my.jsonl", "ann")
    reasons = answer_reasons(session, passage.key)["labels"]
    assert list(reasons) == list(LABELS)
    for label, reason in reasons.items():
        total = reason["bias"] + reason["heading"] + sum(span["weight"] for span in reason["spans"])
        assert reason["total"] == pytest.approx(total)
        assert reason["probability"] == pytest.approx(1 / (1 + np.exp(-total)))
        assert reason["probability"] == pytest.approx(passage.passage.scores[label], abs=1e-4)
        assert all(0 <= span["start"] < span["end"] <= length for span in reason["spans"])
    assert any(reason["heading"] for reason in reasons.values())  # it stands under "PROSECUTION"


def test_rows_that_read_the_same_are_passages_of_their_own(
    tmp_path: Path, fast: Classifier
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "Police acted."}\n' * 3, "utf-8")
    opened, _ = open_reports_for_review([str(file)], Tagging(model="fast"))
    assert len({passage.key for passage in opened[0].passages}) == 3
    session = ReviewSession(fast, opened, tmp_path / "my.jsonl", "ann")
    for passage in opened[0].passages:
        session.decide(passage.key, [])
    assert len(load_corpus(session.corpus)) == 3


@needs_extra
def test_the_corpus_in_a_reviewed_folder_is_no_report(tmp_path: Path) -> None:
    write_report(tmp_path / "report.txt", 4)
    for decided in (0, 1):
        with Reviewer(".", "--model", "fast", cwd=tmp_path) as server:
            (report,) = server.get("/api/session")["reports"]
            assert (report["name"], report["decided"]) == ("report.txt", decided)
            server.post("/api/decisions", key=server.passages()[0]["key"], labels=[])


def test_the_same_report_twice_is_one(tmp_path: Path) -> None:
    first = write_report(tmp_path / "a.txt", 8)
    second = write_report(tmp_path / "b.txt", 8)
    opened, failures = open_reports_for_review([str(first), str(second)], Tagging(model="fast"))
    assert (len(opened), failures) == (1, [])


def test_the_rules_shown_beside_a_passage_are_well_formed_and_cover_each_label() -> None:
    codebook = files("tipclassify.app").joinpath("codebook.json").read_text("utf-8")
    rules = json.loads(codebook)["labels"]
    assert list(rules) == list(LABELS)
    for label, entry in rules.items():
        assert len(entry["rule"]) > 200
        given_labels = [labels for _, labels in entry["examples"]]
        assert all(set(labels) <= set(LABELS) for labels in given_labels)
        assert any(label in labels for labels in given_labels)
        assert any(label not in labels for labels in given_labels)


# ----------------------------------------------------------------------------------- what is hidden


def shown_to(session: ReviewSession, number: int) -> Answer:
    """Return what a session shows of a passage of its first report."""
    report = session.reports[0].id
    passage: Answer = answer_report(session, report)["passages"][number]
    # every way to a passage hides the same
    assert passage in answer_search(session, passage["text"])["passages"]
    return passage


def test_what_colleagues_decided_and_noted_is_hidden_until_one_decided(
    session: ReviewSession, reports: list[OpenReport]
) -> None:
    ben = colleague(session, reports)
    key = reports[0].passages[0].key
    ben.decide(key, [FAILURE])
    ben.note(key, "Clearly failure.")
    before = shown_to(session, 0)
    assert (before["others"], before["notes"]) == ([], {})
    assert before["hidden"]["colleagues"] == 1
    events = [*answer_changes(session, 0)["events"], *answer_history(session)["events"]]
    assert FAILURE not in repr(events)
    assert "Clearly" not in repr(events)
    answer = session.decide(key, [])
    assert answer["event"]["blind"] == ("colleagues",)
    passage = answer["passage"]
    assert passage["others"][0]["labels"] == [FAILURE]
    assert passage["notes"]["ben"]["note"] == "Clearly failure."
    assert passage == shown_to(session, 0)
    assert session.decide(key, [FAILURE])["event"]["blind"] == ()  # now it was seen
    session.undo(4)
    session.undo(3)
    assert shown_to(session, 0)["others"]  # what was seen stays in sight


def test_who_looks_at_colleagues_decisions_first_is_logged_and_no_longer_blind(
    session: ReviewSession, reports: list[OpenReport]
) -> None:
    ben = colleague(session, reports)
    key = reports[0].passages[0].key
    ben.decide(key, [FAILURE])
    colleague(session, reports, "eve").decide(key, [])
    (differs,) = answer_disagreements(session)["passages"]
    assert (differs["others"], differs["hidden"]["colleagues"]) == ([], 2)
    revealed = session.reveal(key)["passage"]
    assert {other["annotator"] for other in revealed["others"]} == {"ben", "eve"}
    assert session.decide(key, [])["event"]["blind"] == ()
    assert answer_report(colleague(session, reports, "ann"), reports[0].id)["passages"][0]["others"]


def test_blind_to_the_model_until_decided(
    session: ReviewSession, reports: list[OpenReport]
) -> None:
    blind = ReviewSession(session.classifier, reports, session.corpus, "ann", blind=True)
    number = next(i for i, p in enumerate(reports[0].passages) if p.passage.labels)
    key = reports[0].passages[number].key
    passage = shown_to(blind, number)
    assert (passage["labels"], passage["scores"], passage["second"]) == ([], {}, None)
    assert passage["hidden"]["model"] is True
    assert not any("why" in row or "score" in row for row in answer_queue(blind)["passages"])
    with pytest.raises(RefusedError, match="hidden until you have decided"):
        answer_reasons(blind, key)
    answer = blind.decide(key, [FAILURE])
    assert answer["event"]["blind"] == ("colleagues", "model")
    assert answer["passage"]["labels"] == list(reports[0].passages[number].passage.labels)
    assert answer_reasons(blind, key)["labels"]
    assert blind.decide(key, [])["event"]["blind"] == ("colleagues",)
    assert read_rows(session.corpus)[0]["blind"] == ["colleagues"]


def test_agreement_counts_the_last_decision_before_anybody_saw_the_other(
    session: ReviewSession, reports: list[OpenReport]
) -> None:
    ben = colleague(session, reports)
    keys = [p.key for p in reports[0].passages]
    for key in keys[:4]:
        ben.decide(key, [FAILURE])
        session.decide(key, [])
    for key in keys[:3]:
        session.decide(key, [FAILURE])  # having seen ben's
    agreement = answer_agreement(session)
    assert agreement["decisions"] == {"of": 8, "blind": 5, "unknown": 0, "model": 0}
    assert (agreement["passages"], agreement["all"]["passages"]) == (4, 4)
    assert agreement["labels"][FAILURE]["alpha"] < agreement["all"]["labels"][FAILURE]["alpha"]
    ben.decide(keys[5], [], unsure=True)
    session.decide(keys[5], [])
    assert answer_agreement(session)["all"]["passages"] == 4  # unsure gives no labels to compare
    assert answer_agreement(session)["progress"] == [
        {"annotator": "ann", "decided": 5, "unsure": 0, "noted": 0},
        {"annotator": "ben", "decided": 5, "unsure": 1, "noted": 0},
    ]


def test_an_older_log_opens_and_its_independence_is_unknown(
    session: ReviewSession, reports: list[OpenReport], tmp_path: Path
) -> None:
    lines = []
    for number, name in enumerate(("ann", "ben"), 1):
        event = deciding(number, reports[0].passages[0].key, (FAILURE,), name)
        lines.append(event_line(event))
    assert b"blind" not in b"".join(lines)
    (tmp_path / "old.events").write_bytes(b"".join(lines))
    old = ReviewSession(session.classifier, reports, tmp_path / "old.jsonl", "ann")
    agreement = answer_agreement(old)
    assert agreement["decisions"] == {"of": 2, "blind": 0, "unknown": 2, "model": 0}
    assert (agreement["passages"], agreement["all"]["passages"]) == (0, 1)
    eve = ReviewSession(session.classifier, reports, tmp_path / "old.jsonl", "eve")
    # older versions showed all to everybody
    assert "blind" not in eve.decide(reports[0].passages[0].key, [])["event"]


# --------------------------------------------------------------------------- unsure, notes, history


def test_unsure_is_an_answer_that_no_corpus_takes(
    session: ReviewSession, reports: list[OpenReport]
) -> None:
    key = reports[0].passages[0].key
    session.decide(key, [FAILURE])
    assert session.decide(key, [], unsure=True)["passage"]["decision"]["unsure"] is True
    assert session.corpus.read_bytes() == b""
    counts = answer_about(session)["reports"][0]
    assert (counts["decided"], counts["unsure"]) == (1, 1)
    colleague(session, reports).decide(key, [EFFORT])
    # who is sure decides
    assert [row["labels"] for row in read_rows(session.corpus)] == [(EFFORT,)]
    assert answer_disagreements(session)["passages"]
    for wrong in (
        lambda: session.decide(key, [FAILURE], unsure=True),
        lambda: session.adjudicate(key, [], unsure=True),
    ):
        with pytest.raises(RefusedError, match="unsure is a decision without labels"):
            wrong()


def test_notes_go_with_the_decision_into_the_corpus_and_every_version_is_kept(
    session: ReviewSession, reports: list[OpenReport]
) -> None:
    ben = colleague(session, reports)
    key = reports[0].passages[0].key
    session.note(key, "First.")
    session.decide(key, [FAILURE])
    changed = session.note(key, "Second.\nMore.")["event"]["id"]
    ben.note(key, "Mine.")
    (row,) = read_rows(session.corpus)
    assert (row["note"], row["notes"]) == ("Second.\nMore.", {"ben": "Mine."})
    session.undo(changed)
    assert read_rows(session.corpus)[0]["note"] == "First."
    session.note(key, "")
    assert "note" not in read_rows(session.corpus)[0]
    notes_of_ann = [
        event["of"]["note"]
        for event in answer_history(session)["events"]
        if event["kind"] == "note" and event["annotator"] == "ann"
    ]
    assert notes_of_ann == ["", "Second.\nMore.", "First."]


def test_a_corpus_from_before_a_note_is_no_edit_by_hand_and_one_with_another_note_is(
    session: ReviewSession, reports: list[OpenReport]
) -> None:
    key = reports[0].passages[0].key
    session.decide(key, [FAILURE])
    before = session.corpus.read_bytes()
    session.note(key, "A doubt.")
    noted = session.corpus.read_bytes()
    by_hand = noted.replace(b"doubt", b"dream")

    def open_again(corpus: bytes) -> list[str]:
        """Open a session on a corpus; return what it reports."""
        reported: list[str] = []
        session.corpus.write_bytes(corpus)
        ReviewSession(session.classifier, reports, session.corpus, "ann", notify=reported.append)
        assert session.corpus.read_bytes() == noted.lstrip()
        return reported

    assert open_again(before) == []  # as after a kill between the log and the corpus
    assert len(open_again(by_hand)) == 1


def test_the_history_says_what_an_undo_took_back_and_a_redo_did_again(
    session: ReviewSession, reports: list[OpenReport]
) -> None:
    key = reports[0].passages[0].key
    session.decide(key, [FAILURE])
    for number in (1, 2):
        session.undo(number)
    events = answer_history(session)["events"]
    assert [(event["id"], event["kind"], event["steps"]) for event in events] == [
        (3, "undo", 2),
        (2, "undo", 1),
        (1, "decision", 0),
    ]
    assert all(event["of"]["labels"] == [FAILURE] for event in events)
    assert {e["text"] for e in events} == {reports[0].passages[0].passage.text}
    assert {e["report"] for e in events} == {reports[0].id}
    assert [e["id"] for e in answer_history(session, before=3, n=1)["events"]] == [2]
    assert answer_history(session, before=3, n=1)["more"] is True


def test_search_finds_words_in_all_reports_however_they_are_written(
    tmp_path: Path, fast: Classifier, reports: list[OpenReport]
) -> None:
    shelter = "The first  SHELTER closed."
    file = tmp_path / "two.txt"
    file.write_text(f"{shelter}\n\nPolice arrested 2 Karvonian recruiters.", "utf-8")
    other, _ = open_reports_for_review([str(file)], Tagging(model="fast"))
    session = ReviewSession(fast, [*reports, *other], tmp_path / "my.jsonl", "ann")
    results = answer_search(session, "first shelter")
    assert [p["text"] for p in results["passages"]] == [shelter]
    results = answer_search(session, "  karvonian RECRUITERS")
    assert {p["report"] for p in results["passages"]} == {reports[0].id, other[0].id}
    results = answer_search(session, "karvonian", most=2)
    assert len(results["passages"]) == 2
    assert results["found"] > 2
    assert answer_search(session, " ") == {"found": 0, "passages": []}


# ---------------------------------------------------------------------------------------- agreement


def test_kappa_and_alpha_are_those_of_the_agreement_command() -> None:
    rng = np.random.default_rng(1)
    a = {str(i): [label for label in LABELS if rng.random() < 0.4] for i in range(120)}
    b = {
        key: [label for label in LABELS if (label in labels) != (rng.random() < 0.15)]
        for key, labels in a.items()
    }
    figures = agreement_figures_in_review({key: {"ann": a[key], "ben": b[key]} for key in a})
    assert (figures["annotators"], figures["passages"]) == (["ann", "ben"], 120)
    for row in agreement(a, b):
        mine = figures["labels"][row.label]
        assert mine["kappa"] == pytest.approx(row.kappa, abs=1e-4)
        assert mine["alpha"] == pytest.approx(row.alpha, abs=1e-4)
        assert mine["kappa_low"] < mine["kappa"] < mine["kappa_high"]
        assert mine["alpha_low"] < mine["alpha"] < mine["alpha_high"]
        assert mine["n"] == 120


def test_agreement_says_nothing_where_there_is_too_little() -> None:
    nothing = agreement_figures_in_review({"k": {"ann": [FAILURE]}})
    assert (nothing["annotators"], nothing["passages"]) == ([], 0)
    assert nothing["labels"][FAILURE]["kappa"] is None
    decided = {}
    for number in range(5):
        labels = [FAILURE] if number % 2 else []
        decided[str(number)] = {"ann": labels, "ben": labels}
    few = agreement_figures_in_review(decided)
    assert (few["labels"][FAILURE]["kappa"], few["labels"][FAILURE]["kappa_low"]) == (1.0, None)
    assert few["labels"][EFFORT]["alpha"] is None


def test_agreement_is_quick_enough_to_show_live() -> None:
    rng = np.random.default_rng(3)
    decided = {
        str(i): {
            name: [label for label in LABELS if rng.random() < 0.4]
            for name in ("ann", "ben", "eve")
        }
        for i in range(5_000)
    }
    began = time.process_time()
    agreement_figures_in_review(decided)
    assert time.process_time() - began < 2


# -------------------------------------------------------------------------------------- the command


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Reviewer]:
    (tmp_path / "empty.txt").write_bytes(b"")
    report = write_report(tmp_path / "report.txt", 8)
    inputs = (report, tmp_path / "gone.txt", tmp_path / "empty.txt")
    with Reviewer(*inputs, "--queue", "--annotator", "ann", cwd=tmp_path) as running:
        yield running


@needs_extra
def test_a_working_day_by_http_ends_with_a_summary_of_decisions_and_unread_inputs(
    server: Reviewer, tmp_path: Path
) -> None:
    session_answer = server.get("/api/session")
    assert (session_answer["annotator"], session_answer["queue"]) == ("ann", True)
    assert session_answer["corpus"] == "review.jsonl"
    assert list(session_answer["thresholds"]) == list(LABELS)
    assert session_answer["labels"] == list(LABELS)
    key = server.get("/api/queue?n=1")["passages"][0]["key"]
    saved = server.post("/api/decisions", key=key, labels=["failure"], note="hm")
    assert (saved["saved"], saved["event"]["id"]) == (True, 1)
    assert [row["labels"] for row in read_rows(tmp_path / "review.jsonl")] == [("failure",)]
    assert server.post("/api/undo", event=1)["decision"] is None
    assert (tmp_path / "review.jsonl").read_bytes() == b""
    assert server.post("/api/undo", event=2)["decision"]["labels"] == ["failure"]
    assert list(server.get(f"/api/reasons/{key}")["labels"]) == list(LABELS)
    assert list(server.get("/api/codebook")["labels"]) == list(LABELS)
    assert server.get("/api/agreement")["passages"] == 0
    assert server.get("/api/retrain") == {
        "state": "idle",
        "step": "",
        "done": 0,
        "total": 0,
        "result": None,
        "error": None,
        "seconds": None,
        "data": [],
        "start": "default",
        "decided": 1,
        "disputed": 0,
    }
    server.post("/api/retrain/stop")

    if sys.platform == "win32":  # no SIGINT for one process there
        return
    server.line.close()
    server.process.send_signal(signal.SIGINT)
    _, reported = server.process.communicate(timeout=20)
    assert server.process.returncode == 1  # two inputs failed, the rest was done
    lines = reported.decode().splitlines()
    assert all(line.startswith("tipclassify:") for line in lines)
    assert sum("gone.txt: no such file" in line for line in lines) == 1
    assert sum("empty.txt: empty" in line for line in lines) == 1
    assert lines[-1] == "tipclassify: decided passages in review.jsonl: 1"


@needs_extra
def test_nothing_readable_a_taken_port_a_missing_model(cli: Cli, tmp_path: Path) -> None:
    report = write_report(tmp_path / "report.txt", 4)
    fast = ("--no-browser", "--model", "fast")
    done = cli("review", tmp_path / "gone.txt", *fast, "--corpus", tmp_path / "my.jsonl")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert list(tmp_path.iterdir()) == [report]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = cli("review", report, *fast, "--port", port, "--corpus", tmp_path / "my.jsonl")
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        f"tipclassify: port {port} is in use; give another --port, or none for any that is free"
    ]
    assert cli("review", report, "--no-browser", "--model", tmp_path / "none").returncode == 3
    assert cli("review", report, "--port", "70000").returncode == 2
    assert cli("review", report, "--train-data", tmp_path / "none").returncode == 2
    assert cli("review", report, *fast, "--corpus", tmp_path / "no" / "my.jsonl").returncode == 1
    (tmp_path / "folder.events").mkdir()
    assert cli("review", report, *fast, "--corpus", tmp_path / "folder.jsonl").returncode == 1
    assert cli("review", report, *fast, "--corpus", tmp_path / "my.csv").returncode == 2


def test_without_the_extra_one_line_says_what_to_install(tmp_path: Path, cli: Cli) -> None:
    report = write_report(tmp_path / "report.txt", 4)
    (tmp_path / "uvicorn.py").write_text("raise ImportError\n", "utf-8")
    options = ("--no-browser", "--corpus", tmp_path / "my.jsonl")
    done = cli("review", report, *options, env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        "tipclassify: the review page needs an extra: pip install 'tipclassify[review]'"
    ]
    assert not (tmp_path / "my.events").exists()


@needs_extra
def test_the_first_page_and_sixty_decisions_cost_little(tmp_path: Path) -> None:
    """Under a second to the first page on a quiet machine.

    Counted in processor time, since a machine may be busy.
    """
    resource = pytest.importorskip("resource")

    def spent() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return float(used.ru_utime + used.ru_stime)

    report = write_report(tmp_path / "report.txt", 60)
    before = spent()
    began = time.perf_counter()
    with Reviewer(report, "--corpus", tmp_path / "my.jsonl") as running:
        assert running.raw("GET", "/", headers=running.own())[0] == 200
        first_page = time.perf_counter() - began
        times = []
        for passage in running.passages():
            start = time.perf_counter()
            running.post("/api/decisions", key=passage["key"], labels=["failure"])
            times.append(time.perf_counter() - start)
    milliseconds = 1_000 * np.array(times)
    print(f"first page {first_page:.2f} s")
    print(f"a decision {np.median(milliseconds):.1f} ms (worst {milliseconds.max():.1f})")
    assert spent() - before < 4
