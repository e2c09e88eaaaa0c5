"""A line of a web page: what its tags are read into, and what the site's lines are told from the author's by."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

__all__ = ["Line", "is_sentence"]

_SENTENCE_END: Final = re.compile(r"[.!?…:;][\"”’')\]]*$")
_SENTENCE_MARKS: Final = frozenset(".!?…:;")


class Line(NamedTuple):
    """A block of text as the page has it.

    Attributes
    ----------
    text : str
        White space folded.
    kind : str
        "heading", "title" (a heading by its class), "text", "item" (of a list) or "row" (of a table).
    linked : float
        Share of it that is link.
    bold : bool
        All of it is bold.
    notes : bool
        It stands among footnotes.
    level : int
        Of a heading: 1 to 6.
    """

    text: str
    kind: str = "text"
    linked: float = 0.0
    bold: bool = False
    notes: bool = False
    level: int = 0


def is_sentence(text: str) -> bool:
    """Whether a line ends as sentences do.

    >>> is_sentence("No shelter opened.”"), is_sentence("Conduct of Officials")
    (True, False)
    """
    return text[-1:] in _SENTENCE_MARKS or _SENTENCE_END.search(text[-6:]) is not None
