"""Find data that comes with the package, and the folder of what it keeps for a user.

The data are files in the package's folders, and folders that a checkout keeps elsewhere.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).resolve().parent


def resource_path(name: str) -> Path:
    """Return the path of a file or folder of the package, such as ``cli/examples.txt``."""
    return PACKAGE / name


def read_resource(name: str) -> str:
    """Read a text file of the package.

    >>> read_resource("cli/examples.txt").startswith("tipclassify")
    True
    """
    return resource_path(name).read_text("utf-8")


def checkout_folder_of_package() -> Path | None:
    """Return the checkout that the package is run from; None for an installed package."""
    folder = PACKAGE.parents[1]
    return folder if (folder / "pyproject.toml").is_file() else None


def shipped_data_folder(installed: str, in_checkout: str, holds: str) -> Path | None:
    """Find a folder of data by what it `holds`; None where there is none.

    It is `installed` in the package, or lies at `in_checkout` in a checkout.
    """
    places = [PACKAGE / installed]
    if root := checkout_folder_of_package():
        places.append(root / in_checkout)
    return next((place for place in places if (place / holds).exists()), None)


def cache_folder(name: str) -> Path | None:
    """Return folder `name` in ``TIPCLASSIFY_CACHE``, else in the user's cache; None without a home."""
    if chosen := os.environ.get("TIPCLASSIFY_CACHE"):
        return Path(os.path.expanduser(chosen), name)
    import platformdirs  # slow to import

    folder = platformdirs.user_cache_path() / "tipclassify" / name
    return folder if folder.is_absolute() else None
