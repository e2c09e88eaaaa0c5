"""Find models by name: a folder as such, else a shipped model, else the user's cache, else ``models/`` of the checkout.

The cache is ``TIPCLASSIFY_MODELS``, else ``tipclassify/models`` in the platform's folder for caches.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tipclassify.errors import ModelError
from tipclassify.model.folder import HEAD, kind_of, load_head

__all__ = ["DEFAULT", "SHIPPED", "Installed", "cached", "find_folder", "installed", "is_name", "models_folder"]

DEFAULT: Final = "default"
SHIPPED: Final = (DEFAULT, "fast")

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_PACKAGE: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Installed:
    """A model that has a name here; `head` is its ``model.json``, unchecked, empty where it cannot be read."""

    name: str
    folder: Path
    head: dict[str, Any]

    @property
    def kind(self) -> str:
        """What kind of model it is."""
        return kind_of(self.head) if self.head else "unreadable"


def is_name(name: str) -> bool:
    """Whether a model may be kept under this name.

    >>> is_name("ours-2026"), is_name("../ours"), is_name("fast")
    (True, False, False)
    """
    return bool(_NAME.fullmatch(name)) and name not in SHIPPED


def cached(name: str) -> Path | None:
    """Return the folder `name` of tipclassify where the system keeps caches; None where it has none."""
    from tipclassify.download.cache import platform_cache  # what links need takes a while to import

    root = platform_cache()
    return root / "tipclassify" / name if root else None


def models_folder() -> Path | None:
    """Where models that were added are kept; None without a home folder."""
    if chosen := os.environ.get("TIPCLASSIFY_MODELS"):
        return Path(chosen).expanduser()
    return cached("models")


def find_folder(name: str) -> Path:
    """Find the folder of the model `name`.

    Raises
    ------
    ModelError
        When there is none, with how to get it.
    """
    folder = Path(name)
    if (folder / HEAD).is_file():
        return folder
    if name in SHIPPED:  # inside the installed package, or in the checkout that it runs from
        places = [_PACKAGE / "models", _PACKAGE.parents[1] / "models"]
    else:
        places = _places() if is_name(name) else []
    for place in places:
        if (place / name / HEAD).is_file():
            return place / name
    if name in SHIPPED:
        remedy = "reinstall tipclassify, or train it with 'python train.py'"
        raise ModelError(f"the shipped model {name!r} is missing: {remedy}")
    if folder.is_dir():
        load_head(folder)  # raises, and says what the folder lacks
    if not is_name(name):
        remedy = "give the folder of one, or a name that 'tipclassify models list' shows"
        raise ModelError(f"{name}: no such model: {remedy}")
    remedy = f"get it with 'tipclassify models add FOLDER-OR-URL --name {name}' (its folder or address)"
    raise ModelError(f"no model {name!r} here: {remedy}; 'tipclassify models list' shows what is here")


def installed() -> list[Installed]:
    """List every model that has a name here, in the order of names; of two with one name the one that is found."""
    found: dict[str, Installed] = {}
    for place in _places():
        for folder in place.iterdir() if place.is_dir() else ():
            if is_name(folder.name) and folder.name not in found and (folder / HEAD).is_file():
                try:
                    head = load_head(folder)
                except ModelError:
                    head = {}
                found[folder.name] = Installed(folder.name, folder, head)
    return [found[name] for name in sorted(found)]


def _places() -> list[Path]:
    return [place for place in (models_folder(), _checkout()) if place is not None]


def _checkout() -> Path | None:
    """``models/`` of the checkout that this runs from; None where it is installed."""
    root = _PACKAGE.parents[1]
    return root / "models" if (root / "pyproject.toml").is_file() else None
