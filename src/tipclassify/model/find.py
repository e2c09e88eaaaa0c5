"""Find a model by name or folder, load it, and install one."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tipclassify.errors import InputError, ModelError, reason_of_error
from tipclassify.model.folder import (
    LINEAR,
    METADATA,
    check_metadata,
    hashed_files,
    kind_of_model,
    models_folder,
    read_files,
    read_metadata,
    write_model,
)
from tipclassify.resources import checkout_folder_of_package, resource_path

if TYPE_CHECKING:
    from tipclassify.model.encoder.scoring import EncoderScorer
    from tipclassify.model.linear import LinearScorer

    Scorer = LinearScorer | EncoderScorer

DEFAULT: Final = "default"
SHIPPED: Final = (DEFAULT, "fast")
_LOADING: Final = threading.Lock()

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """Installed model; `metadata` are its ``model.json``, unchecked, or empty if unreadable."""

    name: str
    folder: Path
    metadata: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return kind_of_model(self.metadata) if self.metadata else "unreadable"


def load_scorer(name: str | os.PathLike[str] | None = None) -> Scorer:
    """Load a model, ready for scoring; the shipped default for None.

    Raises `ModelError` when the model is missing, damaged or of another format, or a
    library cannot be imported.
    """
    folder = model_folder(name).resolve()
    file = folder / METADATA
    stamp = file.stat().st_mtime_ns if file.is_file() else None
    with _LOADING:  # threads that ask at the same time get one
        return cached_scorer(folder, stamp)


@lru_cache(maxsize=3)  # loading takes some tenths of a second, and up to 100 MB each
def cached_scorer(folder: Path, stamp: int | None) -> Scorer:  # noqa: ARG001
    """Load a model; the time `stamp` of its head keeps a replaced one out of the cache."""
    kind = kind_of_model(read_metadata(folder))
    if kind == LINEAR:
        from tipclassify.model.linear import LinearScorer, read_linear_model

        return LinearScorer(read_linear_model(folder))
    if kind != "encoder":
        raise ModelError(
            f"{folder / METADATA}: a model of kind {kind!r}; install a newer tipclassify"
        )
    from tipclassify.model.encoder.files import read_encoder_model
    from tipclassify.model.encoder.scoring import EncoderScorer

    return EncoderScorer(read_encoder_model(folder))


def model_folder(name: str | os.PathLike[str] | None) -> Path:
    """Find the folder of a model by name or path; the default model for None.

    Raises `ModelError` when there is no such model; the message gives the remedy.
    """
    if isinstance(name, os.PathLike):
        return Path(name)
    name = name or DEFAULT
    places = [Path()]
    if name in SHIPPED:  # inside the installed package, or in the checkout
        places.append(resource_path("models"))
        if root := checkout_folder_of_package():
            places.append(root / "models")
    elif is_model_name(name):
        places += _places_of_added()
    for place in places:
        if (place / name / METADATA).is_file():
            return place / name
    if name in SHIPPED:
        problem = f"the shipped model {name!r} is missing: reinstall tipclassify"
    elif Path(name).is_dir():
        problem = (
            f"{name}: no model there (no {METADATA}); "
            f"train one with 'tipclassify train --data FILE --output {name}'"
        )
    elif is_model_name(name):
        problem = (
            f"no model {name!r} here: get it with 'tipclassify models add FOLDER "
            f"--name {name}'; 'tipclassify models list' shows what is here"
        )
    else:
        problem = (
            f"{name}: no such model: give the folder of one, "
            "or a name that 'tipclassify models list' shows"
        )
    raise ModelError(problem)


def is_model_name(name: str) -> bool:
    """Test whether a model may be installed under this name.

    >>> is_model_name("ours-2026"), is_model_name("../ours"), is_model_name("fast")
    (True, False, False)
    """
    return bool(_NAME.fullmatch(name)) and name not in SHIPPED


def installed_models() -> list[InstalledModel]:
    """List the installed models by name; of equal names, the one that `model_folder` returns."""
    models: dict[str, InstalledModel] = {}
    for place in _places_of_added():
        for folder in list(place.iterdir()) if place.is_dir() else ():
            name = folder.name
            with contextlib.suppress(OSError):  # a folder of another user
                if is_model_name(name) and name not in models and (folder / METADATA).is_file():
                    models[name] = describe_model_folder(name, folder)
    return [models[name] for name in sorted(models)]


def describe_model_folder(name: str, folder: Path) -> InstalledModel:
    """Describe a model's folder, which may be unreadable."""
    try:
        return InstalledModel(name, folder, read_metadata(folder))
    except ModelError:
        return InstalledModel(name, folder, {})


def _places_of_added() -> list[Path]:
    return [place for place in (models_folder(), _checkout_models_folder()) if place is not None]


def _checkout_models_folder() -> Path | None:
    """Return ``models/`` of the checkout; None for an installed package."""
    root = checkout_folder_of_package()
    return root / "models" if root else None


def add_model(
    source: str | os.PathLike[str], name: str | None = None, *, sha256: str | None = None
) -> InstalledModel:
    """Install a model where `model_folder` finds it, replacing one of the same name.

    `source` is the folder of the model, or its ``model.json``; `name` by default its kind, or for a
    linear model the name of its folder. Raises `ModelError`, and installs nothing, when the model
    does not fit this version, has another hash than `sha256`, if given, or a file of it differs
    from the hash in its head; `InputError` when it cannot be written.
    """
    root = models_folder()
    if root is None:
        raise ModelError("no home folder to keep models in: set TIPCLASSIFY_MODELS to a folder")
    if str(source).lower().startswith(("http://", "https://")):
        raise ModelError(f"{source}: an address; download its files, and give their folder")
    folder = Path(source).parent if Path(source).name == METADATA else Path(source)
    file = folder / METADATA
    metadata = read_metadata(folder)
    check_metadata(file, metadata, kind_of_model(metadata), metadata["format"])
    if sha256 is not None and metadata["sha256"] != sha256.strip().lower():
        raise ModelError(
            f"{file}: is the model {metadata['sha256']}, not {sha256.strip()}; nothing was added"
        )
    name = _name_of_added(folder, name, metadata)
    files = read_files(folder, metadata, hashed_files(metadata))
    try:
        write_model(root / name, metadata, files)
    except OSError as error:
        remedy = "set TIPCLASSIFY_MODELS to a folder that can"
        raise InputError(
            f"{root}: cannot be written ({reason_of_error(error)}); {remedy}"
        ) from None
    return InstalledModel(name, root / name, metadata)


def _name_of_added(folder: Path, name: str | None, metadata: Mapping[str, Any]) -> str:
    if name is None:
        kind = kind_of_model(metadata)
        name = folder.resolve().name.lower() if kind == LINEAR else kind
        if not is_model_name(name):
            raise ModelError(f"{folder}: say under which --name to keep it")
    if not is_model_name(name):
        raise ModelError(
            f"{name!r}: no name for a model: small letters, digits, '.', '_' and '-', "
            "and not a taken one"
        )
    return name
