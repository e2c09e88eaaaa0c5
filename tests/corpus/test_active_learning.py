"""Active learning ranks first the passages whose labels teach most, and near duplicates last."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from hypothesis import given, settings
from hypothesis import strategies as st

from tipclassify import LABELS, Classifier, CorpusError, Passage
from tipclassify.corpus.active_learning import Pick, rank
from tipclassify.corpus.loading import read_rows

ROOT = Path(__file__).resolve().parents[2]
HALF = [0.5, 0.5, 0.5]
PLACES = "harbor market factory farm mine school temple office ranch quarry forest bakery".split()
TEXTS = [f"Inspectors visited the {a} and later the {b}." for a in PLACES for b in PLACES if a != b]


def tagged(
    texts: list[str], logits: np.ndarray, doubtful: Sequence[bool] | np.ndarray = ()
) -> list[Passage]:
    scores = (1 / (1 + np.exp(-np.asarray(logits)))).tolist()
    return [
        Passage(
            text,
            0,
            len(text),
            scores=dict(zip(LABELS, row, strict=True)),
            low_confidence=bool(doubt),
        )
        for text, row, doubt in zip(
            texts, scores, doubtful if len(doubtful) else [False] * len(texts), strict=True
        )
    ]


def order(texts: list[str], logits: np.ndarray, n: int, **more: object) -> list[Pick]:
    return rank(tagged(texts, logits), HALF, n, **more)  # type: ignore[arg-type]


def test_the_least_sure_come_first() -> None:
    logits = np.full((len(TEXTS), 3), -6.0)
    unsure = np.random.default_rng(1).permutation(len(TEXTS))[:10]
    logits[unsure, 1] = 0.1
    picks = order(TEXTS, logits, 10)
    assert {pick.index for pick in picks} == set(unsure.tolist())
    assert all(pick.why.startswith("failure 0.52 near its threshold 0.50") for pick in picks)
    assert all(0 < pick.score <= 1 for pick in picks)


def test_unsure_is_measured_from_the_threshold_not_from_one_half() -> None:
    logits = np.full((2, 3), -6.0)
    logits[0, 2], logits[1, 2] = 0.0, -2.2  # 0.5 and 0.1
    picks = rank(
        tagged(["Police left the port.", "Guards sold visas."], logits), [0.5, 0.5, 0.1], 2
    )
    assert [pick.index for pick in picks] == [1, 0]


def test_annotators_who_differ_make_a_passage_worth_reading() -> None:
    logits = np.full((len(TEXTS), 3), -6.0)
    agreed = np.zeros((len(TEXTS), 3))
    differs = agreed.copy()
    differs[7, 0] = 1
    differs[8] = np.nan  # said nothing
    (pick,) = order(TEXTS, logits, 1, others=[agreed, differs])
    assert pick.index == 7
    assert "labels differ on positive_effort" in pick.why
    assert "many words unknown" in rank(tagged(TEXTS, logits, [True] * len(TEXTS)), HALF, 1)[0].why


def test_near_duplicates_of_picks_and_of_labelled_passages_come_last() -> None:
    texts = [
        "The ministry opened 12 shelters in Valdoria for victims of forced labor.",
        "The ministry opened 30 shelters in Karvonia for victims of forced labor.",
        "Guards at the southern border sold visas to recruiters of domestic workers.",
        "Courts have not convicted any official who took part in these crimes.",
    ]
    logits = np.full((4, 3), 0.2)
    picks = order(
        texts,
        logits,
        4,
        known=["Courts have not convicted any official who took part in these crimes!"],
    )
    assert {pick.index for pick in picks[:2]} & {0, 1}
    assert {pick.index for pick in picks[:2]} & {2}
    assert {pick.index for pick in picks[2:]} == {
        3,
        0 if picks[0].index == 1 or picks[1].index == 1 else 1,
    }
    assert all(pick.score == 0 and "already" in pick.why for pick in picks[2:])


def test_scraps_are_put_back() -> None:
    picks = order(["Page 3", "", "Guards sold visas to recruiters."], np.zeros((3, 3)), 3)
    assert picks[0].index == 2
    assert [pick.score for pick in picks[1:]] == [0, 0]


@given(
    st.lists(st.tuples(st.text(max_size=40), st.floats(-9, 9), st.booleans()), max_size=25),
    st.integers(1, 30),
    st.integers(0, 3),
)
@settings(max_examples=25)
def test_each_passage_is_picked_once_and_the_same_seed_gives_the_same_order(
    passages: list[tuple[str, float, bool]], n: int, seed: int
) -> None:
    texts = [text for text, _, _ in passages]
    logits = np.array([[x, -x, x / 2] for _, x, _ in passages]).reshape(-1, 3)
    doubtful = [doubt for _, _, doubt in passages]
    asked = tagged(texts, logits, doubtful)
    picks = rank(asked, HALF, n, known=texts[:2], seed=seed)
    assert picks == rank(asked, HALF, n, known=texts[:2], seed=seed)
    assert len({pick.index for pick in picks}) == len(picks) == min(n, len(texts))
    scores = [pick.score > 0 for pick in picks]
    assert scores == sorted(scores, reverse=True)


# ---------------------------------------------------------------------------------------------
# corpus queue


def test_queue_writes_rows_that_training_refuses_until_they_are_labelled(
    cli: Run, tmp_path: Path
) -> None:
    report, todo, known = (
        tmp_path / "Karvonia.txt",
        tmp_path / "todo.jsonl",
        tmp_path / "known.jsonl",
    )
    text = (
        "PROSECUTION\n\nPolice arrested nine traffickers. Courts postponed most hearings. "
        "The mayor thanked the visitors."
    )
    report.write_text(text, "utf-8")
    known.write_text(
        json.dumps({"text": "police arrested  nine traffickers.", "labels": []}) + "\n", "utf-8"
    )
    done = cli(
        "corpus",
        "queue",
        report,
        report,
        "--model",
        "fast",
        "-n",
        5,
        "--out",
        todo,
        "--against",
        known,
    )
    assert (done.returncode, done.stdout) == (0, b"")
    rows = [json.loads(line) for line in todo.read_text("utf-8").splitlines()]
    assert sorted(row["text"] for row in rows) == [
        "Courts postponed most hearings.",
        "The mayor thanked the visitors.",
    ]
    for row in rows:
        assert row["labels"] is None
        assert list(row["scores"]) == ["positive_effort", "failure", "complicity"]
        assert text[row["start"] : row["end"]] == row["text"]
        assert (row["report"], row["section"]) == (str(report), "prosecution")
        assert row["why"]
    with pytest.raises(CorpusError) as caught:
        read_rows(todo)
    assert [problem.removeprefix(f"{todo}:")[:20] for problem in caught.value.problems] == [
        "1: not labelled yet;",
        "2: not labelled yet;",
    ]
    todo.write_text("".join(json.dumps({**row, "labels": []}) + "\n" for row in rows), "utf-8")
    assert [row["labels"] for row in read_rows(todo)] == [(), ()]


def test_queue_takes_ready_rows_and_names_what_it_cannot_read(cli: Run, tmp_path: Path) -> None:
    rows, todo = tmp_path / "rows.jsonl", tmp_path / "todo.jsonl"
    row = {"id": "k7", "text": "Courts postponed most hearings.", "labels": ["failure"], "doc": "K"}
    rows.write_text(json.dumps(row) + "\n", "utf-8")
    done = cli("corpus", "queue", rows, tmp_path / "gone.txt", "--model", "fast", "--out", todo)
    assert done.returncode == 1
    assert b"gone.txt" in done.stderr
    (found,) = (json.loads(line) for line in todo.read_text("utf-8").splitlines())
    assert (found["id"], found["doc"], found["labels"]) == ("k7", "K", None)


def test_what_a_second_model_sees_otherwise_comes_first(
    cli: Run, tmp_path: Path, fast: Classifier
) -> None:
    report, todo = ROOT / "data" / "samples" / "karvonia-2024.html", tmp_path / "todo.jsonl"
    done = cli("corpus", "queue", report, "--other", "fast", "-n", 1_000, "--out", todo)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in todo.read_text("utf-8").splitlines()]
    scores = fast.predict_proba(
        [Passage(row["text"], row["start"], row["end"], row["section"]) for row in rows]
    )
    for row, chances in zip(rows, scores, strict=True):
        assert list(row["other_scores"].values()) == chances.round(4).tolist()
        assert row["other_labels"] == [
            label
            for label, given in zip(LABELS, chances >= fast.thresholds(), strict=True)
            if given
        ]
        assert ("labels differ" in row["why"]) == (row["other_labels"] != row["predicted"]) or row[
            "why"
        ].startswith(("says what", "too short"))
    differ = [
        row["other_labels"] != row["predicted"] for row in rows if "labels differ" in row["why"]
    ]
    order = [
        "labels differ" in row["why"]
        for row in rows
        if not row["why"].startswith(("says what", "too short"))
    ]
    assert 3 < len(differ) < len(rows) / 2
    near = order.index(False)
    # one that is unsure to the hair may stand among them
    assert sum(order[:near]) > 0.9 * sum(order)


def test_a_second_model_that_is_missing_is_reported(cli: Run, tmp_path: Path) -> None:
    report = ROOT / "data" / "samples" / "excerpt.txt"
    done = cli(
        "corpus",
        "queue",
        report,
        "--model",
        "fast",
        "--other",
        tmp_path / "gone",
        "--out",
        tmp_path / "todo.jsonl",
    )
    assert done.returncode == 3
    assert b"gone" in done.stderr
    assert not (tmp_path / "todo.jsonl").exists()


# ---------------------------------------------------------------------------------------------
# benchmark


@pytest.mark.slow
def test_the_benchmark_prints_figures_that_can_be_true() -> None:
    data = [ROOT / "data" / "corpus" / f"{name}.jsonl" for name in ("assessment", "prevention")]
    command = [
        sys.executable,
        ROOT / "benchmarks" / "active.py",
        "--runs",
        2,
        "--most",
        560,
        "--batch",
        40,
        "--json",
    ]
    done = subprocess.run(
        [*map(str, command), *(str(part) for file in data for part in ("--data", file))],
        capture_output=True,
        encoding="utf-8",
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["sizes"] == [500, 540, 560]
    assert {"random", "uncertainty", "tipclassify"} <= found["macro_f1"].keys()
    starts = {tuple(curve[0] for curve in runs) for runs in found["macro_f1"].values()}
    assert len(starts) == 1  # all begin with the same passages
    assert all(
        0.3 < value < 1 for runs in found["macro_f1"].values() for curve in runs for value in curve
    )
    rows = {row["strategy"]: row for row in found["figures"]}
    assert rows["random"]["mean_f1_over_random"][0] == 0
