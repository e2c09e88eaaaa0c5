"""Data classes of the package: a `Document` consists of `Block`s and is split into `Passage`s."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypedDict

__all__ = ["CELL_BAR", "Block", "Document", "PageStart", "Passage", "PassageRow"]

CELL_BAR: Final = " | "
"""What readers put between two cells of a row of a table."""


class PageStart(NamedTuple):
    """Place in a document's text at which a page begins."""

    offset: int
    page: int


@dataclass(frozen=True, slots=True)
class Block:
    """Paragraph, list item, table cell or heading of a document; headings are not tagged.

    `start` and `end` are character offsets in the document's text. `section` is one of
    `tipclassify.labels.SECTIONS`, or the text of the nearest heading; `page` the first page, from
    1, if the source has pages, and `later_pages` where in the block the others begin; `country`
    that of its narrative, if the document has narratives of several.
    """

    start: int
    end: int
    section: str | None = None
    heading: bool = False
    page: int | None = None
    country: str | None = None
    later_pages: tuple[PageStart, ...] = ()

    def page_at(self, offset: int) -> int | None:
        """Return the page of the character at an offset, if the source has pages.

        >>> block = Block(0, 90, page=4, later_pages=(PageStart(50, 5),))
        >>> block.page_at(0), block.page_at(49), block.page_at(50)
        (4, 4, 5)
        """
        later = bisect_right(self.later_pages, offset, key=_offset_of_page_start)
        return self.later_pages[later - 1].page if later else self.page


def _offset_of_page_start(page_start: PageStart) -> int:
    return page_start.offset


@dataclass(frozen=True, slots=True)
class Document:
    """Text of a source, and its blocks.

    `source` is its path or URL. The other fields are bibliographic; each is None where it is not
    known, and none is ever a path or a file's name. `title` is the one that the source gives,
    `publication` the series or work that it belongs to, without the year ("Trafficking in Persons
    Report"), `publisher` the body that issued it. `country` (its English name) and `year` are what
    the report covers, `date` the day, month or year of its publication (``2024-06-24``, ``2024-06``
    or ``2024``), `address` its web address.
    """

    text: str
    blocks: tuple[Block, ...]
    source: str = "<text>"
    title: str | None = None
    country: str | None = None
    year: int | None = None
    publication: str | None = None
    publisher: str | None = None
    date: str | None = None
    address: str | None = None

    @classmethod
    def from_text(cls, text: str, source: str = "<text>") -> Document:
        """Make a document of plain text: paragraphs and headings by its blank and short lines.

        Raises `TypeError` when `text` is not a `str`.

        >>> document = Document.from_text("Prosecution\\n\\nPolice arrested nine traffickers.")
        >>> document.blocks[1].section
        'prosecution'
        """
        from tipclassify.text.split import text_document

        if not isinstance(text, str):
            raise TypeError(
                f"text is not a str but {type(text).__name__}; give the text of a report"
            )
        return text_document(text, source)

    def __repr__(self) -> str:
        return (
            f"Document(source={self.source!r}, title={self.title!r}, country={self.country!r}, "
            f"year={self.year!r}, {len(self.text):,} characters, {len(self.blocks):,} blocks)"
        )


class PassageRow(TypedDict, total=False):  # not total: writers leave fields out
    """Plain JSON values of a `Passage`."""

    start: int
    end: int
    page: int | None
    block: int | None
    text: str
    section: str | None
    labels: list[str]
    scores: dict[str, float]
    low_confidence: bool


@dataclass(frozen=True, slots=True)
class Passage:
    """Sentence or clause of a text, verbatim, with its scores and labels.

    `start` and `end` are character offsets in the source text; `scores` has the calibrated
    probability of each label, 0 to 1, `labels` those with at least the policy's threshold, in the
    order of ``LABELS``. `low_confidence`: too few known words for a reliable score
    (`Classifier.low_confidence`), so that a person must decide. `page` is the one on which it
    begins, from 1; `section`, `block` (its index in ``Document.blocks``) and `country` are those of
    its block; each if known.
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
    # whether its block is a row of a table, whose cells may hold several sentences
    in_row: bool = field(default=False, repr=False, compare=False)

    @property
    def kind(self) -> Literal["sentence", "table row"]:
        """Kind of text: a row of a table or a sentence of its cells, or a sentence or clause."""
        return "table row" if self.in_row or CELL_BAR in self.text else "sentence"

    def to_dict(self) -> PassageRow:
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
