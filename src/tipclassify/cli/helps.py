"""Help texts from docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Callable

__all__ = ["flowing"]


def flowing(function: Callable[..., None]) -> str:
    """The docstring with each paragraph on one line: the terminal wraps it, not the source."""
    paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
