"""Data classes of the package: a `Document` consists of `Block`s and is split into `Passage`s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Block", "Document", "Passage"]


@dataclass(frozen=True, slots=True)
class Block:
    """Paragraph, list item, table cell or heading of a document.

    Attributes
    ----------
    start, end : int
        Character offsets in the document's text.
    section : str or None
        One of `tipclassify.labels.SECTIONS`, or the text of the nearest heading.
    heading : bool
        True for a heading, which is not tagged.
    page : int or None
        First page, from 1, if the source has pages.
    country : str or None
        Country of the narrative that it belongs to, if the document has narratives of several.
    """

    start: int
    end: int
    section: str | None = None
    heading: bool = False
    page: int | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """Text of a source, and its blocks.

    Attributes
    ----------
    source : str
        Path or URL of the source.
    title : str or None
        Title that the source gives.
    country : str or None
        English name of the country that the report covers, if title or address contain it.
    year : int or None
        Year of the report, if title or address contain it.
    """

    text: str
    blocks: tuple[Block, ...]
    source: str = "<text>"
    title: str | None = None
    country: str | None = None
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """Sentence or clause of a text, with its scores and labels.

    Attributes
    ----------
    text : str
        Text of the passage, verbatim.
    start, end : int
        Character offsets in the source text.
    section : str or None
        Section of the report, if it has headings.
    labels : tuple of str
        Labels with a probability of at least the policy's threshold, in the order of ``LABELS``.
    scores : mapping of str to float
        Calibrated probability of each label, 0 to 1.
    low_confidence : bool
        Too few known words for a reliable score (`Classifier.low_confidence`): a person must decide.
    page : int or None
        First page, from 1, if the source has pages.
    block : int or None
        Index in ``Document.blocks``.
    country : str or None
        Country of its block, if the document has narratives of several.
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
    country: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain JSON values; probabilities are rounded to four decimals."""
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
