"""A model folder round-trips, and a bad one is refused in one clear line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tipclassify import Classifier, ModelError
from tipclassify.model_file import default_model_path, read_model, write_model
from tipclassify.model_folder import digest


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(default_model_path(), tmp_path / "model"))


def edit(folder: Path, **changes: object) -> None:
    file = folder / "model.json"
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **changes}), "utf-8")


def test_writing_and_reading_gives_the_same_model(tmp_path: Path) -> None:
    model = read_model(default_model_path())
    write_model(model, tmp_path / "m")
    again = read_model(tmp_path / "m")
    assert np.array_equal(again.hashes, model.hashes)
    assert np.array_equal(again.weights, model.weights)
    assert again.vocabulary == model.vocabulary
    assert again.thresholds == model.thresholds
    assert (tmp_path / "m" / "weights.npz").read_bytes() == (default_model_path() / "weights.npz").read_bytes()


def test_writing_replaces_a_model_and_leaves_nothing_else(tmp_path: Path) -> None:
    model = read_model(default_model_path())
    for _ in range(2):
        write_model(model, tmp_path / "m", {"README.md": "card"})
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == ["README.md", "model.json", "weights.npz"]


def test_writing_never_replaces_a_folder_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(ModelError, match="in the way"):
        write_model(read_model(default_model_path()), tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter.txt").exists()


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model there"):
        Classifier.load(tmp_path / "none")


@pytest.mark.parametrize("name", ["model.json", "weights.npz"])
def test_a_truncated_file_is_refused(copy: Path, name: str) -> None:
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match=f"{name}.*truncated"):
        Classifier.load(copy)


def test_missing_weights_are_refused(copy: Path) -> None:
    (copy / "weights.npz").unlink()
    with pytest.raises(ModelError, match=r"weights\.npz"):
        Classifier.load(copy)


def test_one_changed_byte_of_the_weights_is_refused(copy: Path) -> None:
    data = bytearray((copy / "weights.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (copy / "weights.npz").write_bytes(bytes(data))
    with pytest.raises(ModelError, match="changed since training"):
        Classifier.load(copy)


def test_a_changed_threshold_is_refused(copy: Path) -> None:
    thresholds = json.loads((copy / "model.json").read_text("utf-8"))["thresholds"]
    thresholds["balanced"][0] = 0.01
    edit(copy, thresholds=thresholds)
    with pytest.raises(ModelError, match="changed since training"):
        Classifier.load(copy)


def test_a_newer_format_is_refused_with_the_way_out(copy: Path) -> None:
    edit(copy, format=99)
    with pytest.raises(ModelError, match="pip install -U tipclassify"):
        Classifier.load(copy)


def test_other_labels_are_refused(copy: Path) -> None:
    edit(copy, labels=["spam", "ham", "eggs"])
    with pytest.raises(ModelError, match="made for the labels"):
        Classifier.load(copy)


def test_a_pickle_in_the_weights_is_never_run(copy: Path) -> None:
    import hashlib

    trap = np.array([print], dtype=object)
    np.savez(copy / "weights.npz", hashes=trap, weights=trap, words=trap)
    head = json.loads((copy / "model.json").read_text("utf-8"))
    head["weights_sha256"] = hashlib.sha256((copy / "weights.npz").read_bytes()).hexdigest()
    head["sha256"] = digest(head)
    (copy / "model.json").write_text(json.dumps(head), "utf-8")
    with pytest.raises(ModelError, match="not a weight table"):
        Classifier.load(copy)


def test_the_golden_passages_score_as_stored(classifier: Classifier) -> None:
    lines = (default_model_path() / "golden.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) >= 50
    expected = [list(row["scores"].values()) for row in rows]
    assert np.allclose(classifier.predict_proba([row["text"] for row in rows]), expected, atol=2e-3)
