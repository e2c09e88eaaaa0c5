"""Fence the examples in docstrings as code blocks, so that Markdown does not read them as prose
(griffe extension)."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension

SESSION = re.compile(r"^([ ]*)>>> .*\n?(?:\1\S.*\n?)*", re.MULTILINE)
LITERAL = re.compile(r"::\n\n((?:    .*\n?|\n)+)")


def fenced(docstring: str) -> str:
    """Fence sessions up to their empty line, and indented text after a double colon."""
    text = LITERAL.sub(
        lambda m: ":\n\n```python\n" + re.sub("(?m)^    ", "", m[1]).strip("\n") + "\n```\n\n",
        docstring,
    )
    return SESSION.sub(lambda m: f"{m[1]}```pycon\n{m[0].rstrip()}\n{m[1]}```\n", text)


class Examples(Extension):
    """Fence the examples of each object when griffe has read its docstring."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Fence the examples of `obj`."""
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)
