"""Active learning ranks first the passages whose labels teach most, and near duplicates last."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli
from hypothesis import given, settings
from hypothesis import strategies as st

from tipclassify import LABELS, CorpusError, Passage
from tipclassify.arrays import Floats, logistic
from tipclassify.corpus.next import rank_to_label
from tipclassify.corpus.rows import read_rows

ROOT = Path(__file__).resolve().parents[2]
HALF = [0.5, 0.5, 0.5]
PLACES = "harbor market factory farm mine school temple office ranch quarry forest bakery".split()
TEXTS = [f"Inspectors visited the {a} and later the {b}." for a in PLACES for b in PLACES if a != b]


def tagged(texts: Sequence[str], logits: Floats) -> list[Passage]:
    """Make passages with the probabilities of these logits."""
    passages = []
    for text, row in zip(texts, logistic(logits).tolist(), strict=True):
        passages.append(Passage(text, 0, len(text), scores=dict(zip(LABELS, row, strict=True))))
    return passages


def order(
    texts: Sequence[str],
    logits: Floats,
    n: int,
    *,
    known: Sequence[str] = (),
) -> list[tuple[int, str]]:
    """Rank texts with these logits."""
    return rank_to_label(tagged(texts, logits), HALF, n, known=known)


def test_the_least_sure_come_first() -> None:
    logits = np.full((len(TEXTS), 3), -6.0)
    unsure = np.random.default_rng(1).permutation(len(TEXTS))[:10]
    logits[unsure, 1] = 0.1
    picks = order(TEXTS, logits, 10)
    assert {index for index, _ in picks} == set(unsure.tolist())
    assert all(why.startswith("failure 0.52 near its threshold 0.50") for _, why in picks)


def test_unsure_is_measured_from_the_threshold_not_from_one_half() -> None:
    logits = np.full((2, 3), -6.0)
    logits[0, 2] = 0.0  # a probability of 0.5
    logits[1, 2] = -2.2  # of 0.1
    passages = tagged(["Police left the port.", "Guards sold visas."], logits)
    picks = rank_to_label(passages, [0.5, 0.5, 0.1], 2)
    assert [index for index, _ in picks] == [1, 0]


def test_unknown_words_are_a_reason() -> None:
    logits = np.full((len(TEXTS), 3), -6.0)
    doubted = [replace(passage, low_confidence=True) for passage in tagged(TEXTS, logits)]
    assert "many words unknown" in rank_to_label(doubted, HALF, 1)[0][1]


def test_no_reason_calls_a_model_certain() -> None:
    logits = np.full((2, 3), -13.0)
    logits[:, 0] = 12.0
    texts = ["Police arrested a recruiter of farm hands.", "Courts have convicted nobody yet."]
    picks = order(texts, logits, 2)
    assert picks[0][1] == "positive_effort >0.99 is nearest to its threshold 0.50"


def test_near_duplicates_of_picks_and_of_labelled_passages_come_last() -> None:
    texts = [
        "The ministry opened 12 shelters in Valdoria for victims of forced labor.",
        "The ministry opened 30 shelters in Karvonia for victims of forced labor.",
        "Guards at the southern border sold visas to recruiters of domestic workers.",
        "Courts have not convicted any official who took part in these crimes.",
    ]
    logits = np.full((4, 3), 0.2)
    labelled = "Courts have not convicted any official who took part in these crimes!"
    picks = order(texts, logits, 4, known=[labelled])
    first_two = {index for index, _ in picks[:2]}
    assert first_two in ({0, 2}, {1, 2})  # either of the two on shelters
    assert {index for index, _ in picks[2:]} == {0, 1, 2, 3} - first_two
    assert all("already" in why for _, why in picks[2:])


def test_scraps_are_put_back() -> None:
    picks = order(["Page 3", "", "Guards sold visas to recruiters."], np.zeros((3, 3)), 3)
    assert picks[0][0] == 2
    assert all("too short" in why for _, why in picks[1:])


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
    candidates = [
        replace(passage, low_confidence=doubtful)
        for passage, (_, _, doubtful) in zip(tagged(texts, logits), passages, strict=True)
    ]
    picks = rank_to_label(candidates, HALF, n, known=texts[:2], seed=seed)
    assert picks == rank_to_label(candidates, HALF, n, known=texts[:2], seed=seed)
    assert len({index for index, _ in picks}) == len(picks) == min(n, len(texts))


# ------------------------------------------------------------------------------------- corpus queue


def test_queue_writes_rows_that_training_refuses_until_they_are_labelled(
    cli: Cli, tmp_path: Path
) -> None:
    report = tmp_path / "Karvonia.txt"
    todo = tmp_path / "todo.jsonl"
    known = tmp_path / "known.jsonl"
    text = (
        "PROSECUTION\n\nPolice arrested nine traffickers. Courts postponed most hearings. "
        "The mayor thanked the visitors."
    )
    report.write_text(text, "utf-8")
    known_row = {"text": "police arrested  nine traffickers.", "labels": []}
    known.write_text(json.dumps(known_row) + "\n", "utf-8")
    options = ("--model", "fast", "-n", 5, "--out", todo, "--against", known)
    done = cli("corpus", "queue", report, report, *options)
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
        assert (row["report"], row["section"]) == (report.name, "prosecution")
        assert row["why"]
    with pytest.raises(CorpusError) as caught:
        read_rows(todo)
    of_first, of_second = caught.value.problems
    assert of_first.startswith(f"{todo}:1: not labelled yet;")
    assert of_second.startswith(f"{todo}:2: not labelled yet;")
    todo.write_text("".join(json.dumps({**row, "labels": []}) + "\n" for row in rows), "utf-8")
    assert [row["labels"] for row in read_rows(todo)] == [(), ()]


def test_queue_takes_ready_rows_and_names_what_it_cannot_read(cli: Cli, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    todo = tmp_path / "todo.jsonl"
    row = {"id": "k7", "text": "Courts postponed most hearings.", "labels": ["failure"], "doc": "K"}
    rows.write_text(json.dumps(row) + "\n", "utf-8")
    done = cli("corpus", "queue", rows, tmp_path / "gone.txt", "--model", "fast", "--out", todo)
    assert done.returncode == 1
    assert b"gone.txt" in done.stderr
    queued = json.loads(todo.read_text("utf-8"))  # a single line
    assert (queued["id"], queued["doc"], queued["labels"]) == ("k7", "K", None)


def test_a_random_sample_has_every_sentence_once_and_no_answer_of_a_model(
    cli: Cli, tmp_path: Path
) -> None:
    report = ROOT / "data" / "samples" / "excerpt.txt"
    known = tmp_path / "known.jsonl"

    def drawn(number: int, seed: int) -> list[dict[str, object]]:
        sample = tmp_path / "sample.jsonl"
        options = ("--random", "--model", "fast", "-n", number, "--seed", seed, "--out", sample)
        against = ("--against", known) if known.exists() else ()
        done = cli("corpus", "queue", report, report, *options, *against)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in sample.read_text("utf-8").splitlines()]

    every = drawn(1_000, 0)
    text = report.read_text("utf-8")
    assert len({row["text"] for row in every}) == len(every) > 5
    for row in every:
        assert text[row["start"] : row["end"]] == row["text"]
        assert row["labels"] is None
        assert not {"predicted", "scores"} & set(row)
    assert drawn(3, 0) == every[:3]
    assert drawn(1_000, 1) != every
    known.write_text(json.dumps({**every[0], "labels": []}) + "\n", "utf-8")
    left = {row["text"] for row in drawn(1_000, 0)}
    assert left == {row["text"] for row in every[1:]}
