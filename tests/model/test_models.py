"""Test how a model is found: by its folder, or as one of the shipped two."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import let_tiny_encoder_be_known
from model_heads import change_head

import tipclassify
from tipclassify import Classifier, ModelError
from tipclassify.model.find import load_scorer, model_folder
from tipclassify.model.folder import kind_of_model, read_metadata

INSTALLED = Path(tipclassify.__file__).resolve().parent / "models"
SHIPPED = (
    INSTALLED if INSTALLED.is_dir() else Path(__file__).resolve().parents[2] / "models"
)  # of the wheel, or of the checkout
TINY = Path(__file__).parents[1] / "files" / "tiny_encoder"


def test_a_model_is_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Path(shutil.copytree(TINY, tmp_path / "mine"))
    assert model_folder(str(mine)) == mine
    monkeypatch.chdir(tmp_path)
    assert model_folder("mine") == Path("mine")


def test_default_and_fast_come_with_the_library(tmp_path: Path) -> None:
    for name in ("default", "fast"):
        assert model_folder(name).resolve() == SHIPPED / name
    assert model_folder(None) == model_folder("default")
    assert model_folder(tmp_path / "fast") == tmp_path / "fast"  # a path is that path
    assert kind_of_model(read_metadata(SHIPPED / "default")) == "encoder"
    assert kind_of_model(read_metadata(SHIPPED / "fast")) == "linear"
    assert load_scorer() is load_scorer("default")
    assert load_scorer("fast").methods == ("additive",)
    assert Classifier.load().scorer.methods == ("occlusion",)


def test_a_missing_model_is_reported_with_how_to_get_it() -> None:
    for name in ("small", "No/Such/Model"):
        with pytest.raises(ModelError, match=f"^{name}: no such model: give 'default', 'fast', or"):
            Classifier.load(name)


def test_a_kind_of_a_later_version_is_reported(tmp_path: Path) -> None:
    odd = Path(shutil.copytree(TINY, tmp_path / "odd"))
    change_head(odd, kind="oracle")
    with pytest.raises(ModelError, match="a model of kind 'oracle'; install a newer tipclassify"):
        Classifier.load(odd)


def test_known_graphs_are_listed_where_the_system_has_caches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TIPCLASSIFY_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda: tmp_path)
    let_tiny_encoder_be_known()
    assert (tmp_path / "tipclassify" / "models" / "known.json").is_file()
    monkeypatch.setattr("platformdirs.user_cache_path", lambda: Path("~/.cache"))
    with pytest.raises(ModelError, match="no home folder to list graphs in"):
        let_tiny_encoder_be_known()
