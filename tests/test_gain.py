"""What added rows change is measured on passages that no model saw, and weights count as copies would."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tipclassify import Classifier, CorpusError
from tipclassify.corpus import group_rows, read_rows, row_weights
from tipclassify.features import featurize
from tipclassify.gain import Gain, chosen_weights, gain, gain_table
from tipclassify.labels import indicator
from tipclassify.tokens import known_words
from tipclassify.training import _repeated, fit_model

ROOT = Path(__file__).resolve().parents[1]
PLACES = "harbor market factory farm mine school temple office ranch quarry forest bakery".split()
Row = dict[str, Any]


def row(number: int, kind: str, text: str, *labels: str, **more: Any) -> Row:
    return {"id": f"{kind}-{number}", "text": text, "labels": tuple(labels), **more}


def invented(kind: str, verb: str, *labels: str) -> list[Row]:
    """Forty sentences of one wording, told apart by places and figures."""
    return [
        row(n, f"{kind}-{labels}", f"Near the {PLACES[n % 12]} and the {PLACES[n % 11]} {verb} on day {n}.", *labels)
        for n in range(40)
    ]


BASE = [
    *invented("base", "police arrested a recruiter", "positive_effort"),
    *invented("base", "courts did not convict anybody", "failure"),
    *invented("base", "officials took bribes", "complicity"),
    *invented("base", "girls begged"),
]
ADDED = [
    *invented("new", "the magistrate slumbered while petitions gathered dust", "failure"),
    *invented("new", "weavers hummed quietly beside their looms"),
]


def test_rows_of_a_new_wording_help_on_their_own_kind_and_the_table_says_so() -> None:
    told: list[tuple[int, int]] = []
    found = gain(BASE, ADDED, 2, folds=2, draws=200, progress=lambda done, total: told.append((done, total)))
    failure = found.on_added.differences[2]
    assert (failure.figure, failure.other < 0.6, failure.this > 0.9) == ("failure", True, True)
    assert (found.base, found.added, found.weight) == (160, 80, 2.0)
    assert found.on_base.groups == 160
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len({total for _, total in told}) == 1
    table = gain_table(found)
    assert table.startswith("what 80 added rows changed, each counted 2 times (linear part alone, 2 folds by group)")
    assert "The added rows help on added rows: macro-F1 rises by" in table


def test_rows_that_bring_nothing_change_nothing_that_can_be_told() -> None:
    more = [row(n, "more", f"Lanterns hung over the {PLACES[n % 12]} for {n} nights.") for n in range(30)]
    found = gain(BASE, more, folds=2, draws=200)
    macro = found.on_base.differences[0]
    assert macro.interval.low <= 0 <= macro.interval.high
    assert "No difference can be told on base rows: the interval of macro-F1" in gain_table(found)


def test_the_model_without_the_added_rows_never_saw_them() -> None:
    wrong = [{**one, "labels": ("complicity",)} for one in ADDED]
    one, other = (gain(BASE, added, folds=2, draws=0) for added in (ADDED, wrong))
    without = [[d.other for d in found.on_base.differences] for found in (one, other)]
    assert without[0] == pytest.approx(without[1], nan_ok=True)


def test_the_same_seed_gives_the_same_figures() -> None:
    one, other = (gain(BASE, ADDED, folds=2, draws=50) for _ in range(2))
    assert str(one) == str(other)  # NaN is not equal to itself


def test_what_cannot_be_compared_is_told() -> None:
    one_doc = [{**one, "doc": "A"} for one in ADDED]
    with pytest.raises(CorpusError, match="the added rows are not of two groups at least"):
        gain(BASE, one_doc)
    with pytest.raises(CorpusError, match="the base rows are not"):
        gain([], ADDED)
    with pytest.raises(CorpusError, match="a weight is 0: give a number above 0"):
        gain(BASE, ADDED, 0)


def test_few_groups_are_called_few() -> None:
    docs = [{**one, "doc": f"{one['labels']}-{n % 4}"} for n, one in enumerate(ADDED)]
    found = gain(BASE, docs, folds=2, draws=50)
    assert isinstance(found, Gain)
    assert f"Few groups ({found.on_added.groups}) make the interval too narrow." in gain_table(found)


# --------------------------------------------------------------------------------------------- weights in training


def test_no_weights_and_weights_of_one_are_the_same_model() -> None:
    rows = read_rows(ROOT / "data" / "w2_prosecution.jsonl")[:200]
    texts, groups = [one["text"] for one in rows], group_rows(rows)
    truth = np.array([indicator(one["labels"]) for one in rows])
    plain, weighted = (
        fit_model(texts, truth, groups, folds=2, detectors=False, weights=w) for w in (None, np.ones(len(rows)))
    )
    assert np.array_equal(plain.model.weights, weighted.model.weights)
    assert plain.metrics == weighted.metrics


def test_a_heavier_passage_pulls_harder_and_one_of_no_weight_not_at_all() -> None:
    texts = [one["text"] for one in BASE]
    truth = np.array([indicator(one["labels"]) for one in BASE])
    odd = "Zeppelins drifted over the zeppelin dock."
    texts, truth = [*texts, odd, odd + " Zeppelins!"], np.append(truth, [[False, True, False]] * 2, axis=0)
    last = {}
    for weight in (0.0, 1.0, 5.0):
        weights = np.append(np.ones(len(BASE)), [weight] * 2)
        fitted = fit_model(texts, truth, range(len(texts)), folds=2, detectors=False, weights=weights)
        last[weight] = Classifier(fitted.model).logits([odd])[0, 1]
    assert last[0.0] < last[1.0] < last[5.0]
    with pytest.raises(ValueError, match="weights: give a number of 0 or more"):
        fit_model(texts, truth, range(len(texts)), weights=-np.ones(len(texts)))


def test_detectors_see_a_heavier_passage_more_than_once() -> None:
    texts = ["Police acted.", "", "Courts slept for years.", "Guards sold visas."]
    tokens = featurize(texts, known_words(texts)).tokens
    again, source = _repeated(tokens, np.array([1, 2, 0, 3]))
    assert source.tolist() == [0, 1, 2, 3, 1, 3, 3]
    for number, passage in enumerate(source.tolist()):
        assert np.array_equal(again.word[again.row == number], tokens.word[tokens.row == passage])
        assert np.array_equal(again.edge[again.row == number], tokens.edge[tokens.row == passage])
    assert (np.diff(again.row) >= 0).all()
    same, every = _repeated(tokens, np.array([1, 0, 1, 1]))
    assert same is tokens
    assert every.tolist() == [0, 1, 2, 3]


def test_weights_go_to_the_rows_of_their_file(tmp_path: Path) -> None:
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for file in files:
        file.write_text(f'{{"text": "Of {file.name}.", "labels": []}}\n', "utf-8")
    assert row_weights(read_rows(*files), {str(files[1]): 3.0}) == [1.0, 3.0]
    with pytest.raises(CorpusError, match="1 of its passages are not in the corpus; name it with --data as well"):
        row_weights(read_rows(files[0]), {str(files[1]): 3.0})
    for bad in ("b.jsonl", "b.jsonl=", "b.jsonl=0", "b.jsonl=-1", "=3", "b.jsonl=nan", "b.jsonl=inf"):
        with pytest.raises(CorpusError, match="give FILE=WEIGHT"):
            chosen_weights([bad])


def test_train_py_weighs_a_file_records_it_and_says_what_it_changed(tmp_path: Path) -> None:
    mine = tmp_path / "mine.jsonl"
    mine.write_text("".join(json.dumps({**one, "id": f"m{n}"}) + "\n" for n, one in enumerate(ADDED)), "utf-8")
    base = tmp_path / "base.jsonl"
    base.write_text("".join(json.dumps({**one, "id": f"b{n}"}) + "\n" for n, one in enumerate(BASE)), "utf-8")

    def train(*args: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, ROOT / "train.py", "--folds", 2, "--jobs", 1, "--linear", *args]
        return subprocess.run([*map(str, command)], capture_output=True, encoding="utf-8", timeout=200, check=False)

    done = train("--data", base, "--data", mine, "--weight", f"{mine}=3", "--out", tmp_path / "m")
    assert done.returncode == 0, done.stderr
    assert "what 80 added rows changed, each counted 3 times (linear part alone, 2 folds by group)" in done.stdout
    meta = json.loads((tmp_path / "m" / "model.json").read_text("utf-8"))
    assert meta["row_weights"] == {"mine.jsonl": 3.0}
    refused = train("--data", base, "--weight", f"{mine}=3", "--out", tmp_path / "n")
    assert refused.returncode == 1
    assert "name it with --data as well" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "n").exists()
