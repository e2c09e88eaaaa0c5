"""Test the linear model's folder: it round-trips, and a damaged one is refused in one line."""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from model_heads import change_head

from tipclassify import ModelError
from tipclassify.model import folder as replacement
from tipclassify.model.linear import (
    LinearModel,
    LinearScorer,
    read_linear_model,
    write_linear_model,
)
from tipclassify.training.examples import Examples
from tipclassify.training.linear import fit_linear

TEXTS = ["Police arrested a trafficker.", "No one was convicted.", "Police took bribes."]
HEADINGS = ["Courts", "Courts", "Courts"]


@pytest.fixture(scope="module")
def model() -> LinearModel:
    truth = np.tile(np.eye(3, dtype=bool), (8, 1))
    examples = Examples.of(TEXTS * 8, truth, range(24), headings=HEADINGS * 8)
    fitted = fit_linear(examples, folds=2)
    return replace(fitted.model, meta={"seed": 0, "corpus": {"passages": 24}})


@pytest.fixture(scope="module")
def written(model: LinearModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "model"
    write_linear_model(model, folder)
    return folder


def test_a_model_that_cannot_be_replaced_stays(
    model: LinearModel, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {file.name: file.read_bytes() for file in copy.iterdir()}
    # as on a system that cannot
    monkeypatch.setattr(replacement, "exchange", lambda *_: False)
    rename = os.replace
    moves_back: list[Path] = []

    def fails(source: Path, target: Path) -> None:
        if Path(target) == copy and not moves_back.append(source) and len(moves_back) == 1:
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="No space left"):
        write_linear_model(replace(model, meta={"seed": 1}), copy)
    assert {file.name: file.read_bytes() for file in copy.iterdir()} == before
    assert list(copy.parent.iterdir()) == [copy]


@pytest.fixture
def copy(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "model"))


def test_writing_and_reading_gives_the_same_model(
    model: LinearModel, written: Path, tmp_path: Path
) -> None:
    again = read_linear_model(written)
    assert np.array_equal(again.hashes, model.hashes)
    assert np.array_equal(again.weights, model.weights)
    assert again.vocabulary == model.vocabulary
    assert again.thresholds == model.thresholds
    assert {key: again.meta[key] for key in model.meta} == model.meta
    scores_again = LinearScorer(again).score_texts(TEXTS, HEADINGS)
    scores = LinearScorer(model).score_texts(TEXTS, HEADINGS)
    assert (scores_again.logits == scores.logits).all()
    write_linear_model(again, tmp_path / "m")
    for name in ("model.json", "weights.npz"):
        assert (tmp_path / "m" / name).read_bytes() == (written / name).read_bytes()


def test_a_model_is_pickled_without_its_caches(model: LinearModel) -> None:
    scorer = LinearScorer(model)
    before = scorer.score_texts(TEXTS, HEADINGS).logits
    data = pickle.dumps(scorer)
    assert len(data) < 100_000  # the hash table alone has 8 MB
    unpickled = pickle.loads(data)
    assert (unpickled.score_texts(TEXTS, HEADINGS).logits == before).all()


def test_writing_replaces_a_model_and_leaves_nothing_else(
    model: LinearModel, tmp_path: Path
) -> None:
    for _ in range(2):
        write_linear_model(model, tmp_path / "m", {"README.md": "card"})
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == [
        "README.md",
        "model.json",
        "weights.npz",
    ]


def test_writing_never_replaces_a_folder_that_is_no_model(
    model: LinearModel, tmp_path: Path
) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(ModelError, match="in the way"):
        write_linear_model(model, tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter.txt").exists()


@pytest.mark.parametrize("name", ["model.json", "weights.npz"])
def test_a_truncated_file_is_refused(copy: Path, name: str) -> None:
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match=f"{name}.*truncated"):
        read_linear_model(copy)


def test_one_changed_byte_of_the_weights_is_refused(copy: Path) -> None:
    data = bytearray((copy / "weights.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (copy / "weights.npz").write_bytes(bytes(data))
    with pytest.raises(ModelError, match="changed since training"):
        read_linear_model(copy)


def test_a_model_of_older_features_must_be_retrained(copy: Path) -> None:
    change_head(copy, features=2)
    with pytest.raises(ModelError, match="older features; retrain"):
        read_linear_model(copy)
    change_head(copy, format=3)
    with pytest.raises(ModelError, match=r"older tipclassify \(format 3\); retrain it"):
        read_linear_model(copy)


def test_a_pickle_in_the_weights_is_never_run(copy: Path) -> None:
    trap = np.array([print], dtype=object)
    np.savez(copy / "weights.npz", hashes=trap, weights=trap, words=trap)
    change_head(
        copy, weights_sha256=hashlib.sha256((copy / "weights.npz").read_bytes()).hexdigest()
    )
    with pytest.raises(ModelError, match="not a weight table"):
        read_linear_model(copy)
