"""What flows through the package: a `Document` of `Block`s goes in, `Passage`s come out.

Every offset counts characters (code points) of ``Document.text``, half-open, so that
``document.text[p.start:p.end] == p.text`` for each passage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Block", "Document", "Passage", "block_of", "passage_of"]


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

    def __reduce__(self) -> tuple[type[Block], tuple[Any, ...]]:
        # Between processes go hundreds a report; pickle on its own would look up the fields of each, twice over.
        return Block, (self.start, self.end, self.section, self.heading, self.page)


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

    def __reduce__(self) -> tuple[type[Passage], tuple[Any, ...]]:
        place = (self.text, self.start, self.end, self.section)
        return Passage, (*place, self.labels, self.scores, self.low_confidence, self.page, self.block)

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


class _FillingBlock:
    """A block that is still being filled in: the same slots, not frozen."""

    __slots__ = Block.__slots__


class _FillingPassage:
    """The same for a passage."""

    __slots__ = Passage.__slots__


def block_of(start: int, end: int, section: str | None, heading: bool, page: int | None = None) -> Block:
    """``Block(start, …)`` in a third of the time, for those who make a hundred a page: see `passage_of`.

    >>> block_of(0, 13, "protection", False) == Block(0, 13, "protection")
    True
    """
    made: Any = _FillingBlock()
    made.start = start
    made.end = end
    made.section = section
    made.heading = heading
    made.page = page
    made.__class__ = Block
    return made  # type: ignore[no-any-return]


def passage_of(
    text: str,
    start: int,
    end: int,
    section: str | None,
    labels: tuple[str, ...],
    scores: Mapping[str, float],
    low_confidence: bool,
    page: int | None,
    block: int | None,
) -> Passage:
    """``Passage(text, start, …)`` in a quarter of the time, for those who make hundreds a page.

    A frozen class sets each field by a call that looks it up by its name; this one is frozen when all are set.

    >>> passage_of("Police slept.", 0, 13, None, (), {}, False, None, 0) == Passage("Police slept.", 0, 13, block=0)
    True
    """
    made: Any = _FillingPassage()
    made.text = text
    made.start = start
    made.end = end
    made.section = section
    made.labels = labels
    made.scores = scores
    made.low_confidence = low_confidence
    made.page = page
    made.block = block
    made.__class__ = Passage
    return made  # type: ignore[no-any-return]
