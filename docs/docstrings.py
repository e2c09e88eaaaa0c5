"""Fence the examples in docstrings as code blocks, for griffe.

Markdown would read them as prose otherwise.
"""

from __future__ import annotations

import re

from griffe import Extension, Object

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

    def on_object(self, *, obj: Object, **_: object) -> None:
        """Fence the examples of `obj`."""
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)
