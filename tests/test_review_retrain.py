"""Corrections teach: a new model beside the shipped one, and an honest before and after."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from review_client import RefusedError, Reviewer, write_report

import tipclassify
from tipclassify import Classifier
from tipclassify.corpus import read_rows
from tipclassify.model_file import default_model_path
from tipclassify.review.events import plain_line
from tipclassify.review.learning import Job, grouped, merged, relearn
from tipclassify.review.retraining import Retraining, checkout_data

DATA = Path(__file__).resolve().parents[1] / "data"
TRUTH = {"Police": ["positive_effort"], "Courts": ["failure"], "Officials": ["complicity"], "Recruiters": []}

needs_extra = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("jinja2", "starlette", "uvicorn")), reason="needs the extra: review"
)


def small_corpus(file: Path, rows: int = 90) -> Path:
    found = read_rows(DATA / "w1_assessment.jsonl")[: rows // 2] + read_rows(DATA / "w5_complicity.jsonl")[: rows // 2]
    file.write_bytes(b"".join(plain_line(row) for row in found))
    return file


def until(what: Callable[[], Any], seconds: float = 90) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s")


def ended(server: Reviewer) -> dict[str, Any] | None:
    state: dict[str, Any] = server.get("/api/retrain")
    assert 0 <= state["done"] <= 1
    return None if state["state"] == "running" else state


def children(pid: int) -> set[int]:
    """Processes that a process started, and those that they started."""
    found: set[int] = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == pid:
            child = int(stat.parent.name)
            found |= {child} | children(child)
    return found


def gone(pids: set[int]) -> bool:
    """Whether all have ended; one that nobody waited for yet has."""
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                return False
        except OSError:
            continue
    return True


@needs_extra
def test_a_retraining_from_start_to_result(tmp_path: Path) -> None:
    report, corpus, data = (
        write_report(tmp_path / "report.txt", 40),
        tmp_path / "my.jsonl",
        small_corpus(tmp_path / "d.jsonl"),
    )
    (tmp_path / "my-model-1").mkdir()
    shipped = (default_model_path() / "model.json").read_bytes()
    with Reviewer(report, "--corpus", corpus, "--train-data", data) as server:
        with pytest.raises(RefusedError, match="409: no passage is decided yet"):
            server.post("/api/retrain")
        for passage in server.passages():
            server.post("/api/decisions", key=passage["key"], labels=TRUTH[passage["text"].split()[0]])
        assert server.post("/api/retrain") == {"started": True}
        with pytest.raises(RefusedError, match="409: a training is running"):
            server.post("/api/retrain")
        key = server.passages()[0]["key"]
        server.post("/api/decisions", key=key, labels=["failure"])  # the page goes on meanwhile
        state = until(lambda: ended(server))
        assert server.end().count("Traceback") == 0
    assert (state["state"], state["error"], state["done"], state["seconds_left"]) == ("done", None, 1, None)
    assert state["data"] == [str(data)]
    result = state["result"]
    assert result["detectors"] is False  # fewer than 500 passages cannot teach them
    assert 0 < result["seconds"] < 90
    assert result["out"] == str(tmp_path / "my-model-2")  # 1 is taken: nothing is overwritten
    assert (result["added"], result["trained_on"], result["groups"], result["grouping"]) == (40, 130, 10, "paragraphs")
    for side in ("before", "after"):
        assert list(result[side]["labels"]) == ["positive_effort", "failure", "complicity"]
        assert 0 <= result[side]["macro_f1"] <= 1
    assert result["difference"] == pytest.approx(result["after"]["macro_f1"] - result["before"]["macro_f1"], abs=2e-4)
    assert result["low"] <= result["difference"] <= result["high"]
    assert result["difference"] > 0  # four wordings, ten times each: to learn them helps
    assert "Linear part" in result["note"]
    taught = Classifier.load(result["out"])
    assert taught.model.meta["corpus"]["passages"] == 130
    assert (default_model_path() / "model.json").read_bytes() == shipped


@needs_extra
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at /proc")
@pytest.mark.parametrize("how", ["stop", "terminate", "kill"])
def test_a_training_ends_with_the_button_and_with_the_server(tmp_path: Path, how: str) -> None:
    report, data = write_report(tmp_path / "report.txt", 8), small_corpus(tmp_path / "d.jsonl")
    with Reviewer(report, "--corpus", tmp_path / "my.jsonl", "--train-data", data) as server:
        for passage in server.passages():
            server.post("/api/decisions", key=passage["key"], labels=TRUTH[passage["text"].split()[0]])
        server.post("/api/retrain")
        started = until(lambda: children(server.process.pid))
        if how == "stop":
            assert server.post("/api/retrain/stop") == {"stopped": True}
            assert server.get("/api/retrain")["state"] == "idle"
            assert server.post("/api/retrain/stop") == {"stopped": False}
        elif how == "terminate":
            server.process.terminate()
        else:
            time.sleep(2)  # it must have begun to watch over its parent
            server.process.kill()
        until(lambda: gone(started), 20)
    assert not list(tmp_path.glob("my-model-*"))


@needs_extra
def test_bad_training_data_is_told_in_one_line(tmp_path: Path) -> None:
    report, data = write_report(tmp_path / "report.txt", 4), tmp_path / "d.jsonl"
    data.write_text('{"text": "Police acted.", "labels": ["bold"]}\n{"text": 7}\n', "utf-8")
    with Reviewer(report, "--corpus", tmp_path / "my.jsonl", "--train-data", data) as server:
        server.post("/api/decisions", key=server.passages()[0]["key"], labels=["failure"])
        server.post("/api/retrain")
        state = until(lambda: ended(server))
    assert state["state"] == "failed"
    assert state["error"].startswith(f"{data}:1: unknown label 'bold'")
    assert state["error"].endswith("(and 1 more)")
    assert state["result"] is None


def test_a_process_that_dies_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "sitecustomize.py").write_text("import os; os._exit(9)", "utf-8")
    training = Retraining(lambda: b"{}\n", tmp_path / "my.jsonl")
    training.start()
    state = until(lambda: training.state() if training.state()["state"] != "running" else None, 20)
    assert (state["state"], state["error"]) == ("failed", "the training ended with code 9")


def test_where_both_have_a_text_the_correction_speaks() -> None:
    base = [{"id": "1", "text": "Courts slept.", "labels": ()}, {"id": "2", "text": "Police acted.", "labels": ()}]
    corrected = [
        {"id": "k", "text": "courts  slept.", "labels": ("failure",)},
        {"id": "2", "text": "New.", "labels": ()},
    ]
    assert [(row["id"], row["text"]) for row in merged(base, corrected)] == [("k", "courts  slept."), ("2", "New.")]


def test_reports_are_held_out_whole_once_there_are_enough_of_them() -> None:
    rows = [
        {"id": f"{r}{b}{i}", "text": f"{r} {b} {i}", "labels": (), "report_id": r, "block": b}
        for r in "pqrst"
        for b in (1, 2)
        for i in (1, 2)
    ]
    five, kind = grouped(rows)
    assert (len({row["doc"] for row in five}), kind) == (5, "reports")
    four, kind = grouped(rows[:-4])
    assert (len({row["doc"] for row in four}), kind) == (8, "paragraphs")
    assert {len({row["block"] for row in four if row["doc"] == doc}) for doc in {row["doc"] for row in four}} == {1}


def test_a_checkout_trains_on_its_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DATA.parent)
    assert checkout_data() == [DATA]
    monkeypatch.chdir(tmp_path)
    installed_from_here = Path(tipclassify.__file__).resolve().parents[2] == DATA.parent
    assert checkout_data() == ([DATA] if installed_from_here else [])


def test_corrections_alone_are_learned_and_the_result_says_so(tmp_path: Path) -> None:
    rows = [
        {
            "id": str(i),
            "text": f"{word} {i} in Karvonia.",
            "labels": TRUTH[word],
            "report_id": "r",
            "block": i,
            "doc": f"r-{i}",
        }
        for i in range(24)
        for word in [list(TRUTH)[i % 4]]
    ]
    (tmp_path / "my.jsonl").write_bytes(b"".join(map(plain_line, rows)))
    told: list[float] = []
    job = Job(str(tmp_path / "my.jsonl"), (), str(tmp_path / "model"))
    with pytest.warns(UserWarning, match="too few"):
        result = relearn(job, lambda _, done: told.append(done))
    assert (result["trained_on"], result["difference"]) == (24, None)
    assert "corrections alone" in result["note"]
    assert told == sorted(told)
    assert Classifier.load(result["out"]).predict(["Police 7 in Karvonia."]).tolist() == [[True, False, False]]
