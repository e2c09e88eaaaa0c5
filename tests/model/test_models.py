"""Test the registry: finding models by name, and adding them from a folder."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from model_heads import change_head, head_of

import tipclassify
from tipclassify import Classifier, ModelError
from tipclassify.model import find
from tipclassify.model.find import add_model, installed_models, load_scorer, model_folder
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
    monkeypatch.setattr(find, "_checkout_models_folder", lambda: None)
    return tmp_path / "models"


# -------------------------------------------------------------------------------------------- names


def test_a_name_is_a_folder_then_one_of_the_cache_then_one_of_the_checkout(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = Path(shutil.copytree(TINY, tmp_path / "checkout" / "encoder"))
    monkeypatch.setattr(find, "_checkout_models_folder", lambda: tmp_path / "checkout")
    assert model_folder("encoder") == checkout
    cached = Path(shutil.copytree(TINY, models / "encoder"))
    assert model_folder("encoder") == cached
    monkeypatch.chdir(shutil.copytree(TINY, tmp_path / "work" / "encoder").parent)
    assert model_folder("encoder") == Path("encoder")
    assert model_folder(str(tmp_path / "checkout" / "encoder")) == checkout


def test_a_folder_that_is_no_model_does_not_hide_one(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(TINY, models / "encoder")
    (tmp_path / "work" / "encoder").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    assert model_folder("encoder") == models / "encoder"


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
    remedy = "get it with 'tipclassify models add FOLDER --name small'"
    with pytest.raises(ModelError, match=f"^no model 'small' here: {remedy}"):
        Classifier.load("small")
    with pytest.raises(ModelError, match="no such model: give the folder"):
        Classifier.load("No/Such/Model")


def test_a_kind_of_a_later_version_is_reported(models: Path) -> None:
    shutil.copytree(TINY, models / "odd")
    change_head(models / "odd", kind="oracle")
    with pytest.raises(ModelError, match="a model of kind 'oracle'; install a newer tipclassify"):
        Classifier.load("odd")


def test_models_are_kept_where_the_system_has_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIPCLASSIFY_MODELS", "/m")
    assert models_folder() == Path("/m")
    monkeypatch.delenv("TIPCLASSIFY_MODELS")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda: Path("/c").absolute())
    assert models_folder() == Path("/c").absolute() / "tipclassify" / "models"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda: Path("~/.cache"))
    assert models_folder() is None


# ------------------------------------------------------------------------------------ from a folder


def test_a_folder_is_added_whole_and_listed(models: Path) -> None:
    added = add_model(str(TINY))
    assert (added.name, added.kind, added.folder) == ("encoder", "encoder", models / "encoder")
    files = {file.name for file in added.folder.iterdir()}
    assert files == {"model.json", "model.onnx", "tokenizer.json", "words.txt", "heads.npz"}
    assert (added.folder / "model.json").read_bytes() == (TINY / "model.json").read_bytes()
    (installed,) = installed_models()
    assert (installed.name, installed.metadata["sha256"]) == ("encoder", HASH)
    assert [path.name for path in models.iterdir()] == ["encoder"]  # nothing half done is left
    assert add_model(str(TINY / "model.json"), "small").name == "small"
    assert [model.name for model in installed_models()] == ["encoder", "small"]


def test_a_linear_model_is_added_under_the_name_of_its_folder(models: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="say under which --name"):
        add_model(str(SHIPPED / "fast"))
    added = add_model(str(SHIPPED / "fast"), "copy")
    text = ["Police arrested nine traffickers."]
    logits = Classifier.load("fast").logits(text)
    assert Classifier.load("copy").logits(text).tolist() == logits.tolist()
    assert added.folder == models / "copy"
    assert add_model(str(shutil.copytree(SHIPPED / "fast", tmp_path / "Ours"))).name == "ours"


@pytest.mark.parametrize("name", ["default", "fast", "../up", "a/b", "UPPER", ".hidden", ""])
def test_names_that_would_mislead_are_refused(name: str) -> None:
    with pytest.raises(ModelError, match="no name for a model"):
        add_model(str(TINY), name)
    assert installed_models() == []


def test_a_model_with_another_hash_than_the_one_given_is_refused(models: Path) -> None:
    with pytest.raises(ModelError, match=f"is the model {HASH}, not 00ff; nothing was added"):
        add_model(str(TINY), sha256="00ff")
    assert add_model(str(TINY), sha256=HASH.upper()).name == "encoder"
    assert models.is_dir()


def test_a_damaged_folder_is_refused_and_the_model_there_stays(
    models: Path, tmp_path: Path
) -> None:
    add_model(str(TINY))
    bad = Path(shutil.copytree(TINY, tmp_path / "bad"))
    (bad / "model.onnx").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"model\.onnx: truncated or changed since training"):
        add_model(str(bad))
    (bad / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"model\.onnx: missing"):
        add_model(str(bad))
    files = head_of(bad)["files"]
    change_head(bad, files={**files, "../evil": files["model.onnx"]})
    with pytest.raises(ModelError, match="no file with its hash"):
        add_model(str(bad))
    (bad / "model.json").write_text("[]", "utf-8")
    with pytest.raises(ModelError, match="truncated or not a model"):
        add_model(str(bad))
    assert (models / "encoder" / "model.onnx").read_bytes() == (TINY / "model.onnx").read_bytes()


# ------------------------------------------------------------------------------------- command line


def test_models_are_added_and_listed_on_the_command_line(cli: Run, models: Path) -> None:
    env = {"TIPCLASSIFY_MODELS": str(models)}
    done = cli("models", "add", TINY, "--sha256", HASH, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().strip() == HASH
    rows = [line.split() for line in cli("models", "list", env=env).stdout.decode().splitlines()]
    assert [row[:2] for row in rows[:2]] == [["default", "encoder"], ["fast", "linear"]]
    assert [Path(row[3]).resolve() for row in rows[:2]] == [SHIPPED / "default", SHIPPED / "fast"]
    assert ["encoder", "encoder", HASH[:12], str(models / "encoder")] in rows[2:]
    done = cli("models", "add", "https://models.example/mine", env=env)
    assert done.returncode == 3
    assert done.stderr.endswith(b"an address; download its files, and give their folder\n")
