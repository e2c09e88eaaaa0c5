"""An extension of griffe: examples in docstrings become code blocks, so that Markdown does not read them as prose."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension

SESSION = re.compile(r"^([ ]*)>>> .*\n?(?:\1\S.*\n?)*", re.MULTILINE)
LITERAL = re.compile(r"::\n\n((?:    .*\n?|\n)+)")


def fenced(docstring: str) -> str:
    """Sessions up to their empty line, and what is indented after a double colon, between fences."""
    text = LITERAL.sub(
        lambda m: ":\n\n```python\n" + re.sub("(?m)^    ", "", m[1]).strip("\n") + "\n```\n\n", docstring
    )
    return SESSION.sub(lambda m: f"{m[1]}```pycon\n{m[0].rstrip()}\n{m[1]}```\n", text)


class Examples(Extension):
    """Applied to each object once its docstring is known."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Fence the examples of `obj`."""
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)
