"""Test the finding of models by name."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from model_heads import change_head, head_of

import tipclassify
from tipclassify import Classifier, ModelError
from tipclassify.model.find import load_scorer, model_folder
from tipclassify.model.folder import kind_of_model, models_folder, read_metadata

INSTALLED = Path(tipclassify.__file__).resolve().parent / "models"
SHIPPED = (
    INSTALLED if INSTALLED.is_dir() else Path(__file__).resolve().parents[2] / "models"
)  # of the wheel, or of the checkout
TINY = Path(__file__).parents[1] / "files" / "tiny_encoder"
HASH = head_of(TINY)["sha256"]

Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty the cache, and let the checkout have no further models."""
    monkeypatch.setenv("TIPCLASSIFY_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


# -------------------------------------------------------------------------------------------- names


def test_default_and_fast_come_with_the_library(models: Path) -> None:
    for name in ("default", "fast"):
        shutil.copytree(TINY, models / name)  # no model of the cache stands in for one
        assert model_folder(name).resolve() == SHIPPED / name
    assert model_folder(None) == model_folder("default")
    assert model_folder(models / "fast") == models / "fast"  # a path is that path
    assert kind_of_model(read_metadata(SHIPPED / "default")) == "encoder"
    assert kind_of_model(read_metadata(SHIPPED / "fast")) == "linear"
    assert load_scorer() is load_scorer("default")
    assert load_scorer("fast").methods == ("additive",)
    assert Classifier.load().scorer.methods == ("occlusion",)


def test_a_missing_model_is_reported_with_how_to_get_it() -> None:
    with pytest.raises(
        ModelError, match="small: no such model: give the folder of one, or default"
    ):
        Classifier.load("small")


def test_a_kind_of_a_later_version_is_reported(models: Path) -> None:
    shutil.copytree(TINY, models / "odd")
    change_head(models / "odd", kind="oracle")
    with pytest.raises(ModelError, match="a model of kind 'oracle'; install a newer tipclassify"):
        Classifier.load(models / "odd")


def test_models_are_kept_where_the_system_has_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIPCLASSIFY_MODELS", "/m")
    assert models_folder() == Path("/m")
    monkeypatch.delenv("TIPCLASSIFY_MODELS")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda: Path("/c").absolute())
    assert models_folder() == Path("/c").absolute() / "tipclassify" / "models"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda: Path("~/.cache"))
    assert models_folder() is None
