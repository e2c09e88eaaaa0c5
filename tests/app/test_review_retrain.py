"""Corrections adapt a model: a new one beside the shipped one, and an honest account of it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import pytest
from review_client import Answer, RefusedError, Reviewer, write_report

from tipclassify import LABELS, Classifier
from tipclassify.app.retrain import (
    Measured,
    ReportStep,
    Retrained,
    Retraining,
    TrainingState,
    group_corrected,
    measure_change,
    model_to_retrain,
    retrain,
    without_corrected,
)
from tipclassify.corpus.rows import Row, read_rows, shipped_corpus
from tipclassify.errors import CorpusError, ModelError
from tipclassify.evaluation.bootstrap import Difference, Interval, ModelComparison
from tipclassify.evaluation.metrics import rounded_metric
from tipclassify.formatting import json_line
from tipclassify.records import key
from tipclassify.store import Store
from tipclassify.store.state import Place, Shown
from tipclassify.training.write import Trained

DATA = Path(__file__).resolve().parents[2] / "data"
TINY = Path(__file__).parents[1] / "files" / "tiny_encoder"
TRUTH = {
    "Police": ["positive_effort"],
    "Courts": ["failure"],
    "Officials": ["complicity"],
    "Recruiters": [],
}

needs_extra = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("jinja2", "starlette", "uvicorn")),
    reason="needs the extra: review",
)


Result = TypeVar("Result")


def small_corpus(file: Path, rows: int = 90) -> Path:
    """Write so many rows of the shipped corpus, half of them on complicity."""
    assessments = read_rows(DATA / "corpus" / "assessment.jsonl")
    on_complicity = read_rows(DATA / "corpus" / "complicity.jsonl")
    chosen = assessments[: rows // 2]
    chosen += [row for row in on_complicity if row["source"] == "w5_complicity"][: rows // 2]
    file.write_text("".join(map(json_line, chosen)), "utf-8")
    return file


def until(ask: Callable[[], Result | None], seconds: float = 90) -> Result:
    """Ask until there is an answer that is true; return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if result := ask():
            return result
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s")


def ended(server: Reviewer) -> Answer | None:
    """Return the state of a training of a server once it has ended."""
    state = server.get("/api/retrain")
    assert 0 <= state["done"] <= state["total"]
    return None if state["state"] == "running" else state


def ended_state(training: Retraining) -> TrainingState | None:
    """Return the state of a training once it has ended."""
    state = training.state()
    return None if state.state == "running" else state


def children(pid: int) -> set[int]:
    """Return the processes that a process started, and those that they started."""
    descendants: set[int] = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == pid:
            child = int(stat.parent.name)
            descendants |= {child} | children(child)
    return descendants


def gone(pids: set[int]) -> bool:
    """Decide whether all have ended; one that nobody waited for yet has."""
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                return False
        except OSError:
            continue
    return True


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a test an empty cache of pooled vectors."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def silent(*_: object) -> None:
    """Report no progress."""


def retrain_on(
    corrected: Sequence[Row],
    folder: Path,
    start: str = "default",
    report_step: ReportStep = silent,
) -> Retrained:
    """Adapt a model to these corrections alone; it is saved to "model" in the folder."""
    corpus = folder / "my.jsonl"
    corpus.write_bytes("".join(map(json_line, corrected)).encode())
    return retrain(str(corpus), str(folder / "model"), start, (), report_step)


def some_corrections(n: int = 24) -> list[Row]:
    """Make decisions on one report of a sentence a paragraph."""
    words = [list(TRUTH)[i % 4] for i in range(n)]
    return [
        {
            "id": str(i),
            "text": f"{word} {i} in Karvonia.",
            "labels": TRUTH[word],
            "section": "prosecution",
            "report_id": "r",
            "block": i,
        }
        for i, word in enumerate(words)
    ]


@needs_extra
def test_a_retraining_from_start_to_result(tmp_path: Path, own_cache: Path) -> None:
    report = write_report(tmp_path / "report.txt", 24)
    corpus = tmp_path / "my.jsonl"
    data = small_corpus(tmp_path / "d.jsonl")
    (tmp_path / "my-model-1").mkdir()
    before = (TINY / "model.json").read_bytes()
    with Reviewer(report, "--corpus", corpus, "--train-data", data, "--model", TINY) as server:
        with pytest.raises(RefusedError, match="409: no passage is decided, or annotators differ"):
            server.post("/api/retrain")
        with pytest.raises(RefusedError, match="400: Object contains unknown field `detectors`"):
            server.post("/api/retrain", detectors=True)
        for passage in server.passages():
            server.post(
                "/api/decisions", key=passage["key"], labels=TRUTH[passage["text"].split()[0]]
            )
        assert server.get("/api/retrain")["decided"] == 24  # what the page warns by, before
        assert server.post("/api/retrain") == {"started": True}
        with pytest.raises(RefusedError, match="409: a training is running"):
            server.post("/api/retrain")
        key = server.passages()[0]["key"]
        server.post("/api/decisions", key=key, labels=["failure"])  # the page goes on meanwhile
        state = until(lambda: ended(server))
        assert server.end().count("Traceback") == 0
    assert (state["state"], state["error"], state["seconds"]) == ("done", None, None)
    assert (state["data"], state["start"]) == ([str(data)], str(TINY))
    result = state["result"]
    assert 0 < result["seconds"] < 90
    assert result["out"] == str(tmp_path / "my-model-2")  # 1 is taken: nothing is overwritten
    assert (result["added"], result["trained_on"]) == (24, 24 + len(read_rows(data)))
    assert (result["held_out"], result["on_held"]) == (0, None)  # this encoder brings no fixed set
    rows = result["on_own"]["rows"]
    assert [row["figure"] for row in rows] == ["macro-F1", *LABELS]
    for row in rows:
        if row["difference"] is not None:  # a label that is nowhere held out has none
            assert row["difference"] == pytest.approx(row["this"] - row["other"], abs=2e-4)
        if row["interval"]["low"] is not None:
            assert row["interval"]["low"] <= row["difference"] <= row["interval"]["high"]
    # paragraphs of four sentences, and the documents of the data
    assert result["on_own"]["groups"] > 6
    head_before = json.loads(before)
    adapted = Classifier.load(result["out"])
    assert adapted.meta["corpus"]["passages"] == 114
    assert adapted.meta["files"]["model.onnx"] == head_before["files"]["model.onnx"]
    assert adapted.meta["adapted_from"] == head_before["sha256"]
    assert result["adapted_from"] == head_before["sha256"]
    assert (TINY / "model.json").read_bytes() == before
    # the heading goes to the training too
    assert {row["section"] for row in read_rows(corpus)} == {"prosecution"}
    assert (own_cache / "tipclassify" / "pooled").is_dir()
    assert not list(tmp_path.glob(".my-model-*"))


@needs_extra
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at /proc")
@pytest.mark.parametrize("how", ["terminate", pytest.param("kill", marks=pytest.mark.slow)])
def test_a_training_ends_with_the_button_and_with_the_server(tmp_path: Path, how: str) -> None:
    report = write_report(tmp_path / "report.txt", 8)
    data = small_corpus(tmp_path / "d.jsonl", 1_000)  # long to read
    options = ("--model", "fast", "--corpus", tmp_path / "my.jsonl", "--train-data", data)
    with Reviewer(report, *options) as server:
        for passage in server.passages():
            server.post(
                "/api/decisions", key=passage["key"], labels=TRUTH[passage["text"].split()[0]]
            )
        server.post("/api/retrain")
        started = until(lambda: children(server.process.pid))
        if how == "terminate":
            assert server.post("/api/retrain/stop") == {"stopped": True}
            state = server.get("/api/retrain")
            assert (state["state"], state["done"], state["total"]) == ("idle", 0, 0)
            assert server.post("/api/retrain/stop") == {"stopped": False}
            until(lambda: gone(started), 20)
            server.post("/api/retrain")
            started = until(lambda: children(server.process.pid) - started)
            server.process.terminate()
        else:
            # it is at work, and watches over its parent
            until(lambda: server.get("/api/retrain")["done"])
            server.process.kill()
        until(lambda: gone(started), 20)
    assert not list(tmp_path.glob("*my-model-*"))


def decided(folder: Path) -> Store:
    """Make a store of one decision."""
    store = Store(folder / "my.sqlite")
    text = "Courts slept."
    shown = Shown(Place("ab" * 32, 1, 14), key(text), {"text": text})
    store.decide(shown, "label", "ann")
    return store


def test_bad_training_data_is_reported_in_one_line(tmp_path: Path) -> None:
    data = tmp_path / "d.jsonl"
    data.write_text('{"text": "Police acted.", "labels": ["bold"]}\n{"text": 7}\n', "utf-8")
    training = Retraining(tmp_path / "my.jsonl", [data])
    training.start(decided(tmp_path))
    state = until(lambda: ended_state(training))
    assert state.state == "failed"
    assert state.error.startswith(f"{data}:1: unknown label 'bold'")
    assert state.error.endswith("(and 1 more)")
    assert state.result is None


def test_a_process_that_dies_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "sitecustomize.py").write_text("import os; os._exit(9)", "utf-8")
    training = Retraining(tmp_path / "my.jsonl")
    training.start(decided(tmp_path))
    state = until(lambda: ended_state(training), 20)
    assert (state.state, state.error) == ("failed", "the training ended with code 9")


def test_where_both_have_a_text_the_correction_speaks_alone() -> None:
    base = [
        {"id": "1", "text": "Courts slept.", "labels": ()},
        {"id": "2", "text": "Police acted.", "labels": ()},
        {"id": "3", "text": "Police slept.", "labels": ()},
    ]
    corrected = [
        {"id": "k", "text": "courts  slept.", "labels": ("failure",)},
        {"id": "2", "text": "New.", "labels": ()},
    ]
    assert [row["id"] for row in without_corrected(base, corrected)] == ["3"]


def test_reports_are_held_out_whole_once_there_are_enough_of_them() -> None:
    rows = [
        {"id": f"{r}{b}{i}", "text": f"{r} {b} {i}", "labels": (), "report_id": r, "block": b}
        for r in "pqrst"
        for b in (1, 2)
        for i in (1, 2)
    ]
    five, kind = group_corrected(rows)
    assert (len({row["doc"] for row in five}), kind) == (5, "reports")
    four, kind = group_corrected(rows[:-4])
    groups = {row["doc"] for row in four}
    assert (len(groups), kind) == (8, "paragraphs")
    for group in groups:
        assert len({row["block"] for row in four if row["doc"] == group}) == 1


def test_the_corpus_comes_with_the_package_or_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "tipclassify"
    monkeypatch.setattr("tipclassify.resources.PACKAGE", package)
    assert shipped_corpus() is None
    (corpus := package / "corpus_data" / "corpus").mkdir(parents=True)
    assert shipped_corpus() == corpus.parent
    wheel = (DATA.parent / "pyproject.toml").read_text("utf-8")
    assert '"data/corpus" = "tipclassify/corpus_data/corpus"' in wheel
    monkeypatch.setattr("tipclassify.resources.PACKAGE", DATA.parent / "src" / "tipclassify")
    assert shipped_corpus() == DATA


def test_a_linear_model_under_review_leaves_the_default_to_adapt(tmp_path: Path) -> None:
    for name, head in (("table", {"format": 1}), ("mine", {"format": 3, "kind": "encoder"})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.json").write_text(json.dumps(head), "utf-8")
    assert model_to_retrain(None) == "default"
    assert model_to_retrain(str(tmp_path / "table")) == "default"
    assert model_to_retrain(str(tmp_path / "mine")) == str(tmp_path / "mine")
    with pytest.raises(ModelError, match="no such model"):
        model_to_retrain(str(tmp_path / "none"))


# ----------------------------------------------------------------------------- results and messages


def test_fourteen_decisions_move_the_default_little_and_its_fixed_set_measures_it(
    tmp_path: Path,
) -> None:
    steps: list[tuple[str, int, int]] = []

    def keep_step(name: str, done: int, total: int) -> None:
        steps.append((name, done, total))

    result = retrain_on(some_corrections(14), tmp_path, report_step=keep_step)
    assert (result.trained_on, result.added) == (14, 14)
    assert steps == [("passages read by the encoder", 14, 14), ("fitting", 0, 0)]
    assert result.on_own
    assert result.on_own.groups == 14
    assert result.held_out > 1_000  # real passages, by their vectors
    assert result.on_held
    where = "passages of real reports left out of the training of both models"
    assert result.on_held.where == where
    assert result.on_held.gained + result.on_held.lost < 0.05 * 3 * result.held_out
    assert result.penalty
    assert result.penalty["chosen"] > 0
    assert result.calibration.startswith("kept for")
    adapted = Classifier.load(result.out)
    shipped = Classifier.load()
    assert adapted.thresholds().tolist() == shipped.thresholds().tolist()


@pytest.mark.slow
def test_corrections_against_the_codebook_cost_no_more_than_they_may(tmp_path: Path) -> None:
    turned = {("positive_effort",): ("failure",), ("failure",): ("positive_effort",)}
    files = [
        DATA / "corpus" / f"{name}.jsonl" for name in ("assessment", "prosecution", "protection")
    ]
    rows = [{**row, "doc": None, "pair": None} for row in read_rows(*files)]
    plain = [row for row in rows if row["labels"] in turned][:300]
    wrong = [
        {**row, "labels": turned[row["labels"]], "report_id": "r", "block": i}
        for i, row in enumerate(plain)
    ]
    result = retrain_on(wrong, tmp_path)
    assert result.on_held
    assert result.on_held.rows[0].difference >= -0.015


def macro_f1(difference: float, low: float, high: float) -> Difference:
    """Make a difference of macro-F1 with its interval."""
    return Difference("macro-F1", 0.5 + difference, 0.5, difference, Interval(low, high), 0.5)


@pytest.mark.parametrize(
    ("difference", "low", "high", "says", "worse"),
    [
        (
            0.02,
            -0.01,
            0.05,
            "No difference can be shown on X: macro-F1 +0.020 (95% interval -0.010 to +0.050).",
            False,
        ),
        (
            0.02,
            0.01,
            0.05,
            "The corrections make the model better on X: macro-F1 rises by 0.020",
            False,
        ),
        (
            -0.02,
            -0.05,
            -0.01,
            "The corrections make the model worse on X: macro-F1 falls by 0.020",
            True,
        ),
        (-0.02, -0.05, 0.0, "No difference can be shown on X", False),
        (0.0, 0.0, 0.0, "Nothing changes on X", False),
        (0.0, float("nan"), float("nan"), "Nothing can be said of X", False),
    ],
)
def test_the_verdict_says_no_more_than_the_interval(
    difference: float, low: float, high: float, says: str, worse: bool
) -> None:
    def measured(groups: int, failure: Difference) -> Measured:
        differences = (macro_f1(difference, low, high), failure)
        comparison = ModelComparison(1_000, groups, differences)
        return measure_change(comparison, "X", "reports")

    nan = float("nan")
    not_held_out = Difference("failure", nan, nan, nan, Interval(nan, nan), nan)
    falls = Difference("failure", 0.4, 0.6, -0.2, Interval(-0.3, -0.1), 0.0)
    with_fall = measured(20, falls)
    assert with_fall.worse is True  # a label that falls is said, whatever all three do together
    names_label = "the F1 of single labels falls: failure by 0.200" in with_fall.verdict
    assert names_label == (not high < 0)
    many = measured(20, not_held_out)
    assert many.verdict.startswith(says)
    assert many.worse is worse
    json.dumps(rounded_metric(asdict(many)), allow_nan=False)  # as the page gets it
    few = measured(19, not_held_out).verdict.removeprefix(many.verdict)
    assert few == (" 19 reports are few: the interval is too narrow." if low < high else "")


def test_headings_and_the_encoder_to_start_from_reach_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainings: list[tuple[Sequence[Row], Sequence[Row], str, Path]] = []

    def trained(
        corpus: Sequence[Row],
        own: Sequence[Row],
        out: str,
        *,
        start: str,
        cache: Path,
        progress: object,  # noqa: ARG001  # called by name
    ) -> Trained:
        trainings.append((corpus, own, start, cache))
        head = {"format": 3, "corpus": {"passages": 8, "held_out": 0}, "adapted_from": "ab12"}
        Path(out).mkdir()
        (Path(out) / "model.json").write_text(json.dumps(head), "utf-8")
        return Trained(Path(out), ())

    monkeypatch.setattr("tipclassify.training.default.train_default", trained)
    result = retrain_on(some_corrections(8), tmp_path, start="mine")
    ((corpus, own, start, cache),) = trainings
    assert corpus == []
    assert {row["section"] for row in own} == {"prosecution"}
    assert len({row["doc"] for row in own}) == 8  # paragraphs of the one report
    assert start == "mine"
    assert cache == tmp_path / "cache" / "tipclassify" / "pooled"
    assert (result.on_own, result.adapted_from) == (None, "ab12")


def test_decisions_on_one_paragraph_are_refused_in_one_line(tmp_path: Path) -> None:
    rows = [{**row, "block": 3} for row in some_corrections()]
    refusal = r"^all decided passages are of one paragraph, .*; decide some of another$"
    with pytest.raises(CorpusError, match=refusal):
        retrain_on(rows, tmp_path)
    assert not (tmp_path / "model").exists()
