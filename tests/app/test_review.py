"""Review of reports: what is shown, what is hidden, what is decided, and the command."""

from __future__ import annotations

import json
import signal
import socket
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli
from review_client import Answer, Reviewer, write_report

from tipclassify import LABELS, Classifier
from tipclassify.app.agreement import figures
from tipclassify.app.refusal import RefusedError
from tipclassify.app.review import OpenReport, Review, open_reports
from tipclassify.corpus.rows import read_rows
from tipclassify.evaluation.agreement import agreement
from tipclassify.store import RequestReusedError, Store
from tipclassify.store.export import rows
from tipclassify.tagging import Tagging

EFFORT, FAILURE, COMPLICITY = LABELS
FAST = Tagging(model="fast")

needs_extra = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("jinja2", "starlette", "uvicorn")),
    reason="needs the extra: review",
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("report") / "report.txt", 24)


@pytest.fixture(scope="module")
def reports(report: Path) -> list[OpenReport]:
    return opened(report)


def opened(*files: Path) -> list[OpenReport]:
    """Open reports with the fast model."""
    reports, failures = open_reports([str(file) for file in files], FAST)
    assert failures == []
    return reports


def review_of(
    classifier: Classifier, reports: list[OpenReport], store: Store, name: str = "ann", **more: Any
) -> Review:
    """Make the review of an annotator."""
    return Review(classifier, reports, store, name, FAST.run(), **more)


@pytest.fixture
def session(tmp_path: Path, fast: Classifier, reports: list[OpenReport]) -> Review:
    return review_of(fast, reports, Store(tmp_path / "my.sqlite"))


def colleague(session: Review, name: str = "ben", **more: Any) -> Review:
    """Open a review of another annotator on the same store."""
    return review_of(
        session.classifier, list(session.reports), Store(session.store.path), name, **more
    )


def learned(session: Review) -> list[Answer]:
    """Return the rows of the corpus."""
    return list(rows(session.store.now(), session.store.passages()))


# ---------------------------------------------------------------------------------------- a session


def test_a_row_says_who_decided_what_when_and_what_the_model_had_said(
    session: Review, reports: list[OpenReport]
) -> None:
    passage = reports[0].passages[5]
    session.decide(passage.id, labels=[COMPLICITY, FAILURE], note="why not")
    (row,) = learned(session)
    assert (row["id"], row["text"]) == (passage.id, passage.passage.text)
    assert row["labels"] == [FAILURE, COMPLICITY]
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
    session: Review, reports: list[OpenReport]
) -> None:
    shown = session.report(reports[0].id)["passages"]
    assert [p["number"] for p in shown] == list(range(1, 25))
    assert [p["labels"] for p in shown] == [list(p.passage.labels) for p in reports[0].passages]
    assert {p["section"] for p in shown} == {"prosecution"}
    keys = {p["key"] for p in shown}
    assert len(keys) == 24


def test_a_session_resumes(session: Review, reports: list[OpenReport], report: Path) -> None:
    session.decide(reports[0].passages[3].id, labels=[FAILURE])
    again = opened(report)
    resumed = colleague(session, "ann")
    assert resumed.about()["reports"][0]["decided"] == 1
    shown = resumed.report(again[0].id)["passages"]
    assert [p["decision"]["labels"] for p in shown if p["decision"]] == [[FAILURE]]
    assert shown[3]["decision"]
    assert resumed.about()["events"] == 1


def test_undo_is_ones_own_and_once(session: Review, reports: list[OpenReport]) -> None:
    key = reports[0].passages[0].id
    session.decide(key, labels=[FAILURE])
    session.decide(key, labels=[])
    with pytest.raises(RefusedError, match="nothing to take back"):
        colleague(session).undo()
    assert session.undo()["passage"]["decision"]["labels"] == [FAILURE]
    assert session.undo()["passage"]["decision"] is None
    with pytest.raises(RefusedError, match="nothing to take back"):
        session.undo()
    assert learned(session) == []
    assert len(session.changes(0)["events"]) == 4


def test_a_request_that_comes_again_is_not_done_again(
    session: Review, reports: list[OpenReport]
) -> None:
    key, other = (passage.id for passage in reports[0].passages[:2])
    session.decide(key, labels=[])
    first = session.decide(key, labels=[FAILURE], note="hm", request="r-1")
    # its answer was lost, so the page asks again
    again = session.decide(key, labels=[FAILURE], note="hm", request="r-1")
    assert again == first
    assert session.undo(request="r-2") == session.undo(request="r-2")
    settled = session.decide(key, "settle", [EFFORT], request="r-3")
    restarted = colleague(session, "ann")
    repeated = restarted.decide(key, labels=[FAILURE], note="hm", request="r-1")
    assert repeated["event"] == first["event"]
    assert restarted.undo(request="r-2")["passage"]["decision"]["labels"] == []
    assert restarted.decide(key, "settle", [EFFORT], request="r-3")["event"] == settled["event"]
    kinds = [event["kind"] for event in restarted.changes(0)["events"]]
    assert kinds == ["label", "label", "undo", "settle"]
    assert [row["labels"] for row in learned(session)] == [[EFFORT]]
    for other_request in (
        lambda: restarted.decide(key, labels=[], request="r-1"),
        lambda: restarted.decide(other, labels=[FAILURE], request="r-1"),
        lambda: restarted.decide(key, "settle", [FAILURE], request="r-1"),
        lambda: restarted.undo(request="r-1"),
        lambda: restarted.decide(key, "note", note="hm", request="r-1"),
    ):
        with pytest.raises(RequestReusedError, match="was another one before"):
            other_request()
    session.undo()  # of the settlement
    session.undo()  # of the first decision: nobody has decided
    repeated = restarted.decide(key, "settle", [EFFORT], request="r-3")
    assert repeated["event"]["id"] == settled["event"]["id"]
    # names of requests are one's own
    of_ben = colleague(session).decide(key, labels=[], request="r-1")
    assert of_ben["event"]["annotator"] == "ben"
    assert len(session.changes(0)["events"]) == 7


def test_annotators_see_each_other_differ_and_settle(
    session: Review, reports: list[OpenReport]
) -> None:
    ben = colleague(session)
    key = reports[0].passages[2].id
    session.decide(key, labels=[FAILURE])
    ben.decide(reports[0].passages[3].id, labels=[])
    ben.decide(key, labels=[])
    (passage,) = session.disagreements()["passages"]
    assert (passage["key"], passage["report"]) == (key, reports[0].id)
    assert passage["decision"]["labels"] == [FAILURE]
    assert passage["others"][0]["labels"] == []
    assert [row["id"] for row in learned(session)] == [reports[0].passages[3].id]
    assert session.agreement()["disputed"] == 1
    assert ben.agreement()["disputed"] == 1
    session.decide(key, "settle", [EFFORT])
    assert ben.disagreements() == {"passages": []}
    assert ben.report(reports[0].id)["passages"][2]["settled"]["labels"] == [EFFORT]
    ben.decide(key, labels=[COMPLICITY])
    (row,) = (row for row in learned(session) if row["id"] == key)
    assert (row["labels"], row["adjudicated"], row["annotator"]) == ([EFFORT], True, "ann")
    with pytest.raises(RefusedError, match="nothing to settle"):
        session.decide(reports[0].passages[9].id, "settle")


def test_changes_come_since_the_last_that_was_seen(
    session: Review, reports: list[OpenReport]
) -> None:
    ben = colleague(session)
    key = reports[0].passages[0].id
    session.decide(key, labels=[])
    seen = session.changes(0)["next"]
    ben.decide(key, labels=[FAILURE])
    changes = session.changes(seen)
    (decision,) = changes["events"]
    assert decision["annotator"] == "ben"
    assert (decision["key"], decision["labels"]) == (key, [FAILURE])
    assert [p["others"][0]["labels"] for p in changes["passages"]] == [[FAILURE]]
    assert session.changes(changes["next"]) == {"next": 2, "events": [], "passages": []}
    ben.undo()
    later = session.changes(changes["next"])
    (undone,) = later["events"]
    (passage,) = later["passages"]
    assert (undone["kind"], undone["undoes"], passage["others"]) == ("undo", 2, [])
    assert session.changes(10**9)["events"] == []


def test_the_queue_shows_the_undecided_most_instructive_first(
    session: Review, reports: list[OpenReport]
) -> None:
    queue = session.queue(500)
    assert {p["key"] for p in queue["passages"]} == {p.id for p in reports[0].passages}
    assert all(p["why"] and p["report"] == reports[0].id for p in queue["passages"])
    first = queue["passages"][0]["key"]
    session.decide(first, labels=[])
    assert first not in {p["key"] for p in session.queue(500)["passages"]}
    assert first in {p["key"] for p in colleague(session).queue(500)["passages"]}
    assert len(session.queue(3)["passages"]) == 3


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
    (report,) = opened(file)
    session = review_of(fast, [report], Store(tmp_path / "my.sqlite"))
    (shown,) = session.report(report.id)["passages"]
    assert shown["section"] == "Forced Labor: Description"
    queue = session.queue()
    assert [p["key"] for p in queue["passages"]] == [shown["key"]]


def test_the_queue_does_not_show_what_a_colleague_decided(
    session: Review, reports: list[OpenReport]
) -> None:
    before = session.queue(24)["passages"]
    ben = colleague(session)
    for passage in reports[0].passages:
        ben.decide(
            passage.id, labels=[label for label in LABELS if label not in passage.passage.labels]
        )
    assert session.queue(24)["passages"] == before


def test_rows_that_read_the_same_are_passages_of_their_own(
    tmp_path: Path, fast: Classifier
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "Police acted."}\n' * 3, "utf-8")
    reports = opened(file)
    assert len({passage.id for passage in reports[0].passages}) == 3
    session = review_of(fast, reports, Store(tmp_path / "my.sqlite"))
    for passage in reports[0].passages:
        session.decide(passage.id, labels=[])
    assert len(learned(session)) == 3


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
    assert len(opened(first, second)) == 1


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


def shown_to(session: Review, number: int) -> Answer:
    """Return what a session shows of a passage of its first report."""
    report = session.reports[0].id
    passage: Answer = session.report(report)["passages"][number]
    return passage


def test_what_colleagues_decided_and_noted_is_hidden_until_one_decided(
    session: Review, reports: list[OpenReport]
) -> None:
    ben = colleague(session)
    key = reports[0].passages[0].id
    ben.decide(key, labels=[FAILURE])
    ben.decide(key, "note", note="Clearly failure.")
    before = shown_to(session, 0)
    assert (before["others"], before["notes"]) == ([], {})
    assert before["hidden"]["colleagues"] == 1
    events = session.changes(0)["events"]
    assert FAILURE not in repr(events)
    assert "Clearly" not in repr(events)
    answer = session.decide(key, labels=[])
    assert answer["event"]["blind"] == ("colleagues",)
    passage = answer["passage"]
    assert passage["others"][0]["labels"] == [FAILURE]
    assert passage["notes"]["ben"]["note"] == "Clearly failure."
    assert passage == shown_to(session, 0)
    assert session.decide(key, labels=[FAILURE])["event"]["blind"] == ()  # now it was seen
    session.undo()
    session.undo()
    assert shown_to(session, 0)["others"]  # what was seen stays in sight


def test_who_looks_at_colleagues_decisions_first_is_logged_and_no_longer_blind(
    session: Review, reports: list[OpenReport]
) -> None:
    ben = colleague(session)
    key = reports[0].passages[0].id
    ben.decide(key, labels=[FAILURE])
    colleague(session, "eve").decide(key, labels=[])
    (differs,) = session.disagreements()["passages"]
    assert (differs["others"], differs["hidden"]["colleagues"]) == ([], 2)
    revealed = session.decide(key, "look")["passage"]
    assert {other["annotator"] for other in revealed["others"]} == {"ben", "eve"}
    assert session.decide(key, labels=[])["event"]["blind"] == ()
    assert colleague(session, "ann").report(reports[0].id)["passages"][0]["others"]


def test_blind_to_the_model_until_decided(session: Review, reports: list[OpenReport]) -> None:
    blind = colleague(session, "ann", blind=True)
    number = next(i for i, p in enumerate(reports[0].passages) if p.passage.labels)
    key = reports[0].passages[number].id
    passage = shown_to(blind, number)
    assert (passage["labels"], passage["scores"]) == ([], {})
    assert passage["hidden"]["model"] is True
    assert not any("why" in row or "score" in row for row in blind.queue()["passages"])
    with pytest.raises(RefusedError, match="hidden until you have decided"):
        blind.reasons(key)
    answer = blind.decide(key, labels=[FAILURE])
    assert answer["event"]["blind"] == ("colleagues", "model")
    assert answer["passage"]["labels"] == list(reports[0].passages[number].passage.labels)
    assert blind.reasons(key)["labels"]
    assert blind.decide(key, labels=[])["event"]["blind"] == ("colleagues",)
    assert learned(session)[0]["blind"] == ["colleagues"]


def test_agreement_counts_the_last_decision_before_anybody_saw_the_other(
    session: Review, reports: list[OpenReport]
) -> None:
    ben = colleague(session)
    keys = [p.id for p in reports[0].passages]
    for key in keys[:4]:
        ben.decide(key, labels=[FAILURE])
        session.decide(key, labels=[])
    for key in keys[:3]:
        session.decide(key, labels=[FAILURE])  # having seen ben's
    agreement = session.agreement()
    assert agreement["decisions"] == {"passages": 4, "of": 8, "blind": 5, "model": 0}
    assert agreement["passages"] == 4
    assert agreement["labels"][FAILURE]["alpha"] < 0  # of their first answers, which differ
    ben.decide(keys[5], labels=[], unsure=True)
    session.decide(keys[5], labels=[])
    assert session.agreement()["decisions"]["passages"] == 4  # unsure gives no labels to compare
    assert session.agreement()["progress"] == [
        {"annotator": "ann", "decided": 5, "unsure": 0, "noted": 0},
        {"annotator": "ben", "decided": 5, "unsure": 1, "noted": 0},
    ]


# --------------------------------------------------------------------------- unsure


def test_unsure_is_an_answer_that_no_corpus_takes(
    session: Review, reports: list[OpenReport]
) -> None:
    key = reports[0].passages[0].id
    session.decide(key, labels=[FAILURE])
    assert session.decide(key, labels=[], unsure=True)["passage"]["decision"]["unsure"] is True
    assert learned(session) == []
    counts = session.about()["reports"][0]
    assert (counts["decided"], counts["unsure"]) == (1, 1)
    colleague(session).decide(key, labels=[EFFORT])
    # who is sure decides
    assert [row["labels"] for row in learned(session)] == [[EFFORT]]
    assert session.disagreements()["passages"]
    for wrong in (
        lambda: session.decide(key, labels=[FAILURE], unsure=True),
        lambda: session.decide(key, "settle", [], unsure=True),
    ):
        with pytest.raises(RefusedError, match="unsure is a decision without labels"):
            wrong()


# ---------------------------------------------------------------------------------------- agreement


def test_kappa_and_alpha_are_those_of_the_agreement_command() -> None:
    rng = np.random.default_rng(1)
    a = {str(i): [label for label in LABELS if rng.random() < 0.4] for i in range(120)}
    b = {
        key: [label for label in LABELS if (label in labels) != (rng.random() < 0.15)]
        for key, labels in a.items()
    }
    found = figures({key: {"ann": a[key], "ben": b[key]} for key in a}, LABELS)
    assert (found["annotators"], found["passages"]) == (["ann", "ben"], 120)
    for row in agreement(a, b):
        mine = found["labels"][row.label]
        assert mine["kappa"] == pytest.approx(row.kappa, abs=1e-4)
        assert mine["alpha"] == pytest.approx(row.alpha, abs=1e-4)
        assert mine["kappa_low"] < mine["kappa"] < mine["kappa_high"]
        assert mine["alpha_low"] < mine["alpha"] < mine["alpha_high"]
        assert mine["n"] == 120


def test_agreement_says_nothing_where_there_is_too_little() -> None:
    nothing = figures({"k": {"ann": [FAILURE]}}, LABELS)
    assert (nothing["annotators"], nothing["passages"]) == ([], 0)
    assert nothing["labels"][FAILURE]["kappa"] is None
    decided = {}
    for number in range(5):
        labels = [FAILURE] if number % 2 else []
        decided[str(number)] = {"ann": labels, "ben": labels}
    few = figures(decided, LABELS)
    assert (few["labels"][FAILURE]["kappa"], few["labels"][FAILURE]["kappa_low"]) == (1.0, None)
    assert few["labels"][EFFORT]["alpha"] is None


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
    key = server.get("/api/queue")["passages"][0]["key"]
    saved = server.post("/api/decisions", key=key, labels=["failure"], note="hm")
    assert (saved["saved"], saved["event"]["id"]) == (True, 1)
    assert not (tmp_path / "review.jsonl").exists()
    assert server.post("/api/undo")["passage"]["decision"] is None
    server.post("/api/decisions", key=key, labels=["failure"], note="hm")
    assert list(server.get(f"/api/reasons/{key}")["labels"]) == list(LABELS)
    assert server.get("/api/agreement")["passages"] == 0
    command = "tipclassify train --data review.jsonl --output models/mine"
    assert command in server.get("/api/agreement")["html"]

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
    assert [row["labels"] for row in read_rows(tmp_path / "review.jsonl")] == [("failure",)]
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
    assert cli("review", report, *fast, "--corpus", tmp_path / "no" / "my.jsonl").returncode == 1
    (tmp_path / "folder.sqlite").mkdir()
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
    assert not (tmp_path / "my.sqlite").exists()
