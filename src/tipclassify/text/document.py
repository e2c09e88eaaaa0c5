"""What flows through the package: a `Document` of `Block`s goes in, `Passage`s come out.

Every offset counts characters (code points) of ``Document.text``, half-open, so that
``document.text[p.start:p.end] == p.text`` for each passage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Block", "Document", "Passage"]


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list entry, table cell or heading of a document.

    Attributes
    ----------
    start, end : int
        Its characters in the document's text.
    section : str or None
        One of `tipclassify.labels.SECTIONS`, or the text of the heading it stands under.
    heading : bool
        True for a heading: it names a section and is not tagged.
    page : int or None
        Page it begins on, from 1, where the source has pages.
    """

    start: int
    end: int
    section: str | None = None
    heading: bool = False
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """The readable text of one source and where its blocks are.

    Attributes
    ----------
    source : str
        Path or address it was read from.
    title : str or None
        What the source calls itself.
    country : str or None
        English name of the country it is about, where title or address tell it.
    year : int or None
        Year of the report, where title or address tell it.
    """

    text: str
    blocks: tuple[Block, ...]
    source: str = "<text>"
    title: str | None = None
    country: str | None = None
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence of a text with what the model says of it.

    Attributes
    ----------
    text : str
        The passage, word for word.
    start, end : int
        Its characters in the source text.
    section : str or None
        Section of the report, where headings tell it.
    labels : tuple of str
        Labels whose probability reaches the threshold of the policy, in the order of ``LABELS``.
    scores : mapping of str to float
        Calibrated probability of every label, 0 to 1.
    low_confidence : bool
        The model has too little to go by (`Classifier.doubtful`): a reader must decide.
    page : int or None
        Page it begins on, from 1, where the source has pages.
    block : int or None
        Index of its block in ``Document.blocks``.
    """

    text: str
    start: int
    end: int
    section: str | None = None
    labels: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict, hash=False)
    low_confidence: bool = False
    page: int | None = None
    block: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; probabilities rounded to four decimals."""
        return {
            "start": self.start,
            "end": self.end,
            "page": self.page,
            "block": self.block,
            "text": self.text,
            "section": self.section,
            "labels": list(self.labels),
            "scores": {label: round(score, 4) for label, score in self.scores.items()},
            "low_confidence": self.low_confidence,
        }
