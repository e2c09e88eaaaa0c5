"""With what a bundle was made: versions and platform, by which the same passage may be read or rounded otherwise."""

from __future__ import annotations

import contextlib
import platform
import sys
from importlib import metadata
from typing import Final

__all__ = ["platform_name", "versions"]

_LIBRARIES: Final = (
    "numpy", "sentencex", "selectolax", "charset-normalizer", "markdown-it-py", "pypdfium2", "python-docx", "striprtf",
)  # fmt: skip


def versions() -> dict[str, str | None]:
    """Versions of Python and of the libraries that read, split and score; None for one that is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in _LIBRARIES:
        found[name] = None
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def platform_name() -> str:
    """System and processor family, as ``linux-x86_64``; nothing that tells one machine from another."""
    return f"{sys.platform}-{platform.machine() or 'unknown'}"
