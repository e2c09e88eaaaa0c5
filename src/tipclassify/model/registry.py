"""Find models by name: as a folder, a shipped model, in the user's cache, or in ``models/`` of the checkout.

The cache is ``TIPCLASSIFY_MODELS``, or else ``tipclassify/models`` in the platform's cache folder.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tipclassify.errors import ModelError
from tipclassify.model.folder import HEAD, kind_of, load_head

__all__ = ["DEFAULT", "SHIPPED", "Installed", "cache_path", "find_folder", "installed", "is_name", "models_folder"]

DEFAULT: Final = "default"
SHIPPED: Final = (DEFAULT, "fast")

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_PACKAGE: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Installed:
    """Installed model; `head` is its ``model.json``, unchecked, or empty if unreadable."""

    name: str
    folder: Path
    head: dict[str, Any]

    @property
    def kind(self) -> str:
        """Kind of the model."""
        return kind_of(self.head) if self.head else "unreadable"


def is_name(name: str) -> bool:
    """Test whether a model may be installed under this name.

    >>> is_name("ours-2026"), is_name("../ours"), is_name("fast")
    (True, False, False)
    """
    return bool(_NAME.fullmatch(name)) and name not in SHIPPED


def cache_path(name: str) -> Path | None:
    """Return tipclassify's folder `name` in the platform's cache folder; None if the platform has none."""
    from tipclassify.download.cache import platform_cache  # slow to import

    root = platform_cache()
    return root / "tipclassify" / name if root else None


def models_folder() -> Path | None:
    """Return the folder of added models; None without a home folder."""
    if chosen := os.environ.get("TIPCLASSIFY_MODELS"):
        return Path(chosen).expanduser()
    return cache_path("models")


def find_folder(name: str) -> Path:
    """Find the folder of the model `name`.

    Raises
    ------
    ModelError
        When there is no such model; the message gives the remedy.
    """
    folder = Path(name)
    if (folder / HEAD).is_file():
        return folder
    if name in SHIPPED:  # inside the installed package, or in the checkout
        places = [_PACKAGE / "models", _PACKAGE.parents[1] / "models"]
    else:
        places = _model_folders() if is_name(name) else []
    for place in places:
        if (place / name / HEAD).is_file():
            return place / name
    if name in SHIPPED:
        remedy = "reinstall tipclassify, or train it with 'python train.py'"
        raise ModelError(f"the shipped model {name!r} is missing: {remedy}")
    if folder.is_dir():
        load_head(folder)  # raises an error about the missing file
    if not is_name(name):
        remedy = "give the folder of one, or a name that 'tipclassify models list' shows"
        raise ModelError(f"{name}: no such model: {remedy}")
    remedy = f"get it with 'tipclassify models add FOLDER-OR-URL --name {name}' (its folder or address)"
    raise ModelError(f"no model {name!r} here: {remedy}; 'tipclassify models list' shows what is here")


def installed() -> list[Installed]:
    """List the installed models by name; of two with the same name, the one that `find_folder` returns."""
    found: dict[str, Installed] = {}
    for place in _model_folders():
        for folder in place.iterdir() if place.is_dir() else ():
            if is_name(folder.name) and folder.name not in found and (folder / HEAD).is_file():
                try:
                    head = load_head(folder)
                except ModelError:
                    head = {}
                found[folder.name] = Installed(folder.name, folder, head)
    return [found[name] for name in sorted(found)]


def _model_folders() -> list[Path]:
    return [place for place in (models_folder(), _checkout()) if place is not None]


def _checkout() -> Path | None:
    """Return ``models/`` of the checkout; None for an installed package."""
    root = _PACKAGE.parents[1]
    return root / "models" if (root / "pyproject.toml").is_file() else None
