"""Find a model by name or folder, and load it; the only module that knows all kinds of models."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tipclassify.errors import ModelError
from tipclassify.model.folder import load_model_head
from tipclassify.model.metadata import HEAD, LINEAR, Head, hashed_model_files, model_kind
from tipclassify.model.replacement import recover_model_folder
from tipclassify.resources import (
    checkout_folder_of_package,
    resource_folder_in_user_cache,
    resource_path,
)

if TYPE_CHECKING:
    from tipclassify.model.scoring import Scorer

__all__ = [
    "DEFAULT",
    "SHIPPED",
    "InstalledModel",
    "cached_model_scorer",
    "describe_model_folder",
    "installed_models",
    "is_model_name",
    "is_shipped_graph",
    "load_scorer",
    "model_folder",
    "models_folder",
]

DEFAULT: Final = "default"
SHIPPED: Final = (DEFAULT, "fast")

_MOVED: Final = re.compile(r"\.(.+)-old-[a-z0-9_]{8}")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """Installed model; `head` is its ``model.json``, unchecked, or empty if unreadable."""

    name: str
    folder: Path
    head: Head

    @property
    def kind(self) -> str:
        """Kind of the model."""
        return model_kind(self.head) if self.head else "unreadable"


def load_scorer(name: str | os.PathLike[str] | None = None) -> Scorer:
    """Load a model, ready for scoring; the shipped default for None.

    Raises `ModelError` when the model is missing, damaged, of another format or for other labels,
    or a library cannot be imported.
    """
    folder = model_folder(name).resolve()
    file = folder / HEAD
    return cached_model_scorer(folder, file.stat().st_mtime_ns if file.is_file() else None)


@lru_cache(maxsize=3)  # loading takes some tenths of a second, and up to 100 MB each
def cached_model_scorer(folder: Path, stamp: int | None) -> Scorer:  # noqa: ARG001
    """Load a model; the time `stamp` of its head keeps a replaced one out of the cache."""
    kind = model_kind(load_model_head(folder))
    if kind == LINEAR:
        from tipclassify.model.linear import LinearScorer
        from tipclassify.model.linear_model import read_linear_model

        return LinearScorer(read_linear_model(folder))
    if kind != "encoder":
        raise ModelError(f"{folder / HEAD}: a model of kind {kind!r}; install a newer tipclassify")
    from tipclassify.model.encoder.files import read_encoder_model
    from tipclassify.model.encoder.scoring import EncoderScorer

    return EncoderScorer(read_encoder_model(folder))


def model_folder(name: str | os.PathLike[str] | None) -> Path:
    """Find the folder of a model by name or path; the default model for None.

    Raises `ModelError` when there is no such model; the message gives the remedy.
    """
    if isinstance(name, os.PathLike):
        return _recover_model_folder(Path(name))
    name = name or DEFAULT
    places = [Path()]
    if name in SHIPPED:  # inside the installed package, or in the checkout
        places += _shipped_model_places()
    elif is_model_name(name):
        places += _model_folders()
    for place in places:
        if (_recover_model_folder(place / name) / HEAD).is_file():
            return place / name
    if name in SHIPPED:
        problem = f"the shipped model {name!r} is missing: reinstall tipclassify"
    elif Path(name).is_dir():
        problem = (
            f"{name}: no model there (no {HEAD}); "
            f"train one with 'tipclassify train --data FILE --output {name}'"
        )
    elif is_model_name(name):
        problem = (
            f"no model {name!r} here: get it with 'tipclassify models add FOLDER-OR-URL "
            f"--name {name}' (its folder or address); 'tipclassify models list' shows what is here"
        )
    else:
        problem = (
            f"{name}: no such model: give the folder of one, "
            "or a name that 'tipclassify models list' shows"
        )
    raise ModelError(problem)


def _shipped_model_places() -> list[Path]:
    """List the folders in which the shipped models may lie: of the package, and of a checkout."""
    places = [resource_path("models")]
    if root := checkout_folder_of_package():
        places.append(root / "models")
    return places


@lru_cache(maxsize=1)
def _shipped_graph_digest() -> str | None:
    """Return the SHA-256 of the graph that comes with tipclassify, wherever it is run."""
    for place in _shipped_model_places():
        with contextlib.suppress(ModelError, OSError, ValueError):
            return hashed_model_files(load_model_head(place / DEFAULT)).get("model.onnx")
    return None


def is_shipped_graph(sha256: str) -> bool:
    """Test whether this is the hash of the graph that comes with tipclassify."""
    return sha256 == _shipped_graph_digest()


def _recover_model_folder(folder: Path) -> Path:
    """Return the folder of a model, put back where a killed process had just moved it away."""
    if not os.path.lexists(folder):
        recover_model_folder(folder)
    return folder


def is_model_name(name: str) -> bool:
    """Test whether a model may be installed under this name.

    >>> is_model_name("ours-2026"), is_model_name("../ours"), is_model_name("fast")
    (True, False, False)
    """
    return bool(_NAME.fullmatch(name)) and name not in SHIPPED


def installed_models() -> list[InstalledModel]:
    """List the installed models by name; of equal names, the one that `model_folder` returns."""
    models: dict[str, InstalledModel] = {}
    for place in _model_folders():
        for folder in list(place.iterdir()) if place.is_dir() else ():
            if moved := _MOVED.fullmatch(folder.name):
                folder = _recover_model_folder(place / moved[1])
            name = folder.name
            with contextlib.suppress(OSError):  # a folder of another user
                if is_model_name(name) and name not in models and (folder / HEAD).is_file():
                    models[name] = describe_model_folder(name, folder)
    return [models[name] for name in sorted(models)]


def describe_model_folder(name: str, folder: Path) -> InstalledModel:
    """Describe a model's folder, which may be unreadable."""
    try:
        return InstalledModel(name, folder, load_model_head(folder))
    except ModelError:
        return InstalledModel(name, folder, {})


def models_folder() -> Path | None:
    """Return the folder of added models; None without a home folder."""
    if chosen := os.environ.get("TIPCLASSIFY_MODELS"):
        return Path(chosen).expanduser()
    return resource_folder_in_user_cache("models")


def _model_folders() -> list[Path]:
    return [place for place in (models_folder(), _checkout_models_folder()) if place is not None]


def _checkout_models_folder() -> Path | None:
    """Return ``models/`` of the checkout; None for an installed package."""
    root = checkout_folder_of_package()
    return root / "models" if root else None
