"""The records that everything else passes on: documents, passages, reports and what tagged them.

A `Document` is the text of a source in `Block`s; it is split into `Passage`s, which a model scores
and labels as a `Run` says. A `Report` holds them together; a `Failure` stands where there is none.
`row` is the one form in which a passage is written: tables, pages, bundles and queues are made of
it, and `passage_of` reads back what a model scores. `key` is the one name of a passage's words:
labels, checks and comparisons go by it.
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import groupby
from operator import attrgetter, itemgetter
from pathlib import Path, PurePath
from typing import Any, Final, Literal, NamedTuple

from tipclassify._version import __version__
from tipclassify.formatting import load_json
from tipclassify.labels import LABELS, SECTIONS, Policy, Style, styles
from tipclassify.notebook import passages_html

Unit = Literal["sentence", "clause"]
"""What a text is split into."""

Kind = Literal["sentence", "table row"]
"""What a passage is: a row of a table, or a sentence of its cells, is another kind."""

Cell = str | int | float | bool | list[str] | None
"""Value in a column of a table."""

LONGEST_NAME: Final = 160
"""Characters of what an acronym stands for, at most."""

CELL_BAR: Final = " | "
"""What readers put between two cells of a row of a table."""

# from JSON escapes and file names; UTF-8 cannot encode them
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# how a sentence begins that is about what stands before it
_LEANS: Final = re.compile(
    r"\W*(?:(?:this|that|these|those)\b(?! (?:year|month|report|section)\b)"
    r"|(?:it|they|he|she|its|their|his|her|such|both|neither|the (?:former|latter))\b)",
    re.IGNORECASE,
)
_INT32_LIMIT: Final = 2**31
_MAX_DIGITS: Final = 9  # of a whole number below that limit


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
        later = bisect_right(self.later_pages, offset, key=attrgetter("offset"))
        return self.later_pages[later - 1].page if later else self.page


@dataclass(frozen=True, slots=True)
class Document:
    """Text of a source, and its blocks.

    `source` is its path or URL. The other fields are bibliographic; each is None where it is not
    known, and none is ever a path or a file's name. `title` is the one that the source gives,
    `publication` the series or work that it belongs to, without the year ("Trafficking in Persons
    Report"), `publisher` the body that issued it. `country` (its English name) and `year` are what
    the report covers, `date` the day, month or year of its publication (``2024-06-24``, ``2024-06``
    or ``2024``), `address` its web address. `sha256` is that of the bytes it was read from.
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
    sha256: str | None = field(default=None, repr=False, compare=False)

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


_UNKNOWN: Final = Document("", ())  # of which nothing is known


@dataclass(frozen=True, slots=True)
class Passage:
    """Sentence or clause of a text, verbatim, with its scores and labels.

    `start` and `end` are character offsets in the source text; `scores` has the calibrated
    probability of each label, 0 to 1, `labels` those with at least the policy's threshold, in the
    order of the model's. `low_confidence`: too few known words for a reliable score
    (`Classifier.low_confidence`), so that a person must decide. `page` is the one on which it
    begins, from 1; `section`, `block` (its index in ``Document.blocks``) and `country` are those of
    its block; each if known. `acronyms` are those that it uses and its document spells out, with
    their names, which models read in their place. `extra` has the fields of the input row that the
    passage was read from, if it is of a file of rows.
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
    acronyms: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    # whether its block is a row of a table, whose cells may hold several sentences
    in_row: bool = field(default=False, repr=False, compare=False)
    extra: Mapping[str, object] = field(default_factory=dict, repr=False, hash=False, compare=False)

    @property
    def kind(self) -> Kind:
        """Kind of text: a row of a table or a sentence of its cells, or a sentence or clause."""
        return "table row" if self.in_row or CELL_BAR in self.text else "sentence"

    @property
    def key(self) -> str:
        """Name of its words, by which labels, checks and comparisons find it: `key` of its text."""
        return key(self.text)

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

    def _repr_html_(self) -> str:
        return Passages([self])._repr_html_()


class Passages(list[Passage]):
    """Passages of a text: a list that a notebook shows in the colours of the labels."""

    def _repr_html_(self, title: str = "") -> str:
        shown = ((passage.text, passage.labels, passage.scores) for passage in self)
        return passages_html(shown, len(self), title)


@dataclass(frozen=True, slots=True)
class Run:
    """Model and policy that tagged reports, which every output records.

    `thresholds` has the probability threshold of each of the model's labels, in their order, and
    `moved` those that differ from the model's own. `day` (YYYY-MM-DD) is the one on which the
    inputs were read, for citations; empty leaves it out. `meta` is the model's metadata
    (``model.json``), `vocabulary` the words that it knows, by which comparisons tell names from
    words. `Classifier.run` makes one.
    """

    policy: Policy = "balanced"
    thresholds: Mapping[str, float] = field(
        default_factory=lambda: dict.fromkeys(LABELS, 0.5), hash=False
    )
    moved: Mapping[str, float] = field(default_factory=dict, hash=False)
    unit: Unit = "sentence"
    day: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)
    vocabulary: frozenset[str] = field(default=frozenset(), hash=False, repr=False, compare=False)
    # how the model's reasons are measured: names of methods, of `tipclassify.model.scoring`
    methods: tuple[str, ...] = field(default=(), repr=False, compare=False)
    # `Classifier.explain_all` of the model that tagged, for pages; None where it is not at hand
    explain: Callable[..., list[dict[str, Any]]] | None = field(
        default=None, repr=False, compare=False
    )

    @property
    def labels(self) -> tuple[str, ...]:
        """The model's labels, in the order of its scores."""
        return tuple(self.thresholds)

    @property
    def model(self) -> str:
        """SHA-256 of the model."""
        return str(self.meta.get("sha256", "not recorded"))

    @property
    def styles(self) -> dict[str, Style]:
        """How each of the model's labels is shown."""
        return styles(self.labels, self.meta.get("meanings"))

    def about(self) -> dict[str, str]:
        """Describe the model and policy as names and values.

        There is no timestamp among them, so that output is reproducible.
        """
        facts = {
            "tool": f"tipclassify {__version__}",
            "model": self.model,
            "corpus": str(self.meta.get("corpus", {}).get("sha256", "not recorded")),
            "policy": self.policy,
        }
        for label, threshold in self.thresholds.items():
            facts[f"threshold {label}"] = f"{threshold:.4f}"
        return facts


@dataclass(frozen=True)  # without slots, for the cached paragraphs
class Report:
    """A report, a part of a long one, or a batch of input rows, with all its passages.

    Title, country and so on are those of its document.
    """

    file: str  # as the user named it
    document: Document | None  # None for input rows
    passages: Sequence[Passage]
    notes: tuple[str, ...] = ()  # the reader's warnings, one line each, such as pages without text
    part: int = 0  # number of the part of a long report, from 1; 0 for a whole one
    # kind of text by its publication, or by its words: "" for one unlike all, None if too few
    reads_like: str | None = field(default=None, repr=False, compare=False)
    # False where the model was not measured on such text: its tags have low confidence
    is_measured: bool = field(default=True, repr=False, compare=False)
    run: Run | None = field(default=None, repr=False, compare=False)  # what tagged it, if known

    def __repr__(self) -> str:
        tagged = sum(bool(passage.labels) for passage in self.passages)
        passages = f"{len(self.passages):,} passages, {tagged:,} of them tagged"
        return f"Report({self.file!r}, {passages})"

    def _repr_html_(self) -> str:
        tagged = Passages(passage for passage in self.passages if passage.labels)
        title = f"{self.title}: {len(tagged):,} of {len(self.passages):,} passages tagged"
        return tagged._repr_html_(title)

    @property
    def title(self) -> str:
        """The document's title.

        If it has none: the display name of the file (`source_name`).
        """
        title = self._about.title or ""
        return title if title.strip() else source_name(self.file)

    @property
    def country(self) -> str | None:
        return self._about.country

    @property
    def year(self) -> int | None:
        return self._about.year

    @property
    def publication(self) -> str | None:
        return self._about.publication

    @property
    def publisher(self) -> str | None:
        return self._about.publisher

    @property
    def date(self) -> str | None:
        """The day, month or year on which the document was published."""
        return self._about.date

    @property
    def address(self) -> str | None:
        """Web address of the document: its own, or the link that was read."""
        return self._about.address or (self.file if is_link(self.file) else None)

    @property
    def _about(self) -> Document:
        """The document; one of which nothing is known for input rows."""
        return self.document or _UNKNOWN

    def is_doubtful(self, passage: Passage) -> bool:
        """Test whether a person must decide: low confidence, or a tag on text of no measured kind."""
        return passage.low_confidence or bool(passage.labels and not self.is_measured)

    def before(self, passage: Passage) -> str:
        """Return what stands before a passage under its heading: a sentence, or "".

        Input rows have none.
        """
        at = self._numbers.get((passage.start, passage.end), 0)
        if self.document is None or not at:
            return ""
        earlier = self.passages[at - 1]
        is_near = earlier.section == passage.section and earlier.country == passage.country
        return earlier.text if is_near and not earlier.in_row and not passage.in_row else ""

    @cached_property
    def _numbers(self) -> dict[tuple[int, int], int]:
        """Number of each passage, by its characters."""
        places = [(passage.start, passage.end) for passage in self.passages]
        return {place: number for number, place in enumerate(places)}

    def place_of_words(self, passage: Passage) -> int:
        """Return which of the places where the report says these words a passage is, from 1."""
        return self._places_of_words.get(_place(passage), 1)

    @cached_property
    def _places_of_words(self) -> dict[tuple[str, int, int, str], int]:
        """Number of each place among those of the same words."""
        counts = Counter[str]()
        numbers = {}
        for place in dict.fromkeys(map(_place, self.passages)):
            words = place[0]
            counts[words] += 1
            numbers[place] = counts[words]
        return numbers

    def paragraph(self, passage: Passage) -> int | None:
        """Return the number of a passage's paragraph under its heading, from 1, as a reader counts.

        None for an input row.
        """
        # those that begin where it does, or before
        begun = bisect_right(self._paragraphs, passage.start, key=itemgetter(0))
        return self._paragraphs[begun - 1][1] if begun else None

    @cached_property
    def _paragraphs(self) -> list[tuple[int, int]]:
        """Start of each paragraph, and its number under its heading."""
        paragraphs: list[tuple[int, int]] = []
        for _, under_heading in groupby(self._about.blocks, attrgetter("country", "section")):
            starts = (block.start for block in under_heading if not block.heading)
            paragraphs += [(start, number) for number, start in enumerate(starts, 1)]
        return paragraphs


def _place(passage: Passage) -> tuple[str, int, int, str]:
    """Where a passage stands: rows, which all begin at 0, are told apart by their ids."""
    return passage.key, passage.start, passage.end, repr(passage.extra.get("id"))


@dataclass(frozen=True, slots=True)
class Failure:
    """An input, or a row of one, that could not be read: why, in one line."""

    input: str
    error: str


def is_link(name: str) -> bool:
    """Return whether an input is a web address."""
    return name.lower().startswith(("http://", "https://"))


def key(text: str) -> str:
    """Make the key of a text: 16 hex digits of the SHA-256 of its lower-case words.

    White space and case make no difference, all else does.

    >>> key("Police  arrested nine.") == key("police arrested\\nNINE."), len(key("a"))
    (True, 16)
    """
    words = " ".join(text.lower().split())
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def row(report: Report, passage: Passage) -> dict[str, Any]:
    """Make the row of a passage of a report: a line of JSON Lines, of which all outputs are made.

    Fields of the input row follow ours and replace only nulls. `cells` has it as a table does.

    >>> passage = Passage("Police acted.", 0, 13, scores={"failure": 0.12345})
    >>> list(row(Report("a.txt", None, [passage]), passage).items())[:5]
    [('file', 'a.txt'), ('country', None), ('year', None), ('start', 0), ('end', 13)]
    """
    made: dict[str, Any] = {
        "file": public_name(report.file),
        "country": passage.country or report.country,
        "year": report.year,
        **passage.to_dict(),
        "low_confidence": report.is_doubtful(passage),
        "kind": passage.kind,
        "key": passage.key,
        "before": report.before(passage) or None if passage.labels else None,
    }
    made["leans"] = bool(made["before"]) and leans(passage.text)
    made["publication"] = report.publication
    made["acronyms"] = dict(passage.acronyms)
    for name, value in passage.extra.items():
        if made.get(name) is None:
            made[name] = value
    return made


@lru_cache
def columns(labels: tuple[str, ...]) -> Mapping[str, str]:
    """Return the columns of tables, in order, with their types in Parquet.

    A label's column has its probability, with four decimals.
    """
    return {
        "file": "string",
        "country": "string",
        "year": "int32",
        "page": "int32",
        "block": "int32",
        "start": "int64",
        "end": "int64",
        "section": "string",
        "text": "string",
        "labels": "list",
        **dict.fromkeys(labels, "float32"),
        "low_confidence": "bool",
        "kind": "string",  # "sentence" or "table row"
        "key": "string",
        "before": "string",  # the sentence before a finding
        "leans": "bool",  # whether the finding is about what stands there: "This …", "It …"
        "publication": "string",
        "acronyms": "string",  # JSON of an object: those that the report spells out, with names
    }


def passage_of(row: Mapping[str, Any]) -> Passage:
    """Make the passage of a row as a model reads it: ``text``, ``section`` and ``acronyms``.

    It has the scores that the passage had in its report. Raises `ValueError` where the acronyms
    are no object of names (`acronyms_of`).

    >>> passage = Passage("The MoM acted.", 9, 23, "protection", acronyms={"MoM": "mine board"})
    >>> in_table = cells(row(Report("a.txt", None, [passage]), passage), ())
    >>> again = passage_of(in_table)
    >>> (again.text, again.section, again.acronyms) == ("The MoM acted.", "protection", passage.acronyms)
    True
    """
    text = row["text"]
    return Passage(text, 0, len(text), row.get("section") or None, acronyms=acronyms_of(row))


_NO_NAMES: Final = '"acronyms" is no object of names; write {"MoM": "ministry of mines"}'


def acronyms_of(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the acronyms of a row and their names: of an object, or of a cell with its JSON.

    Raises `ValueError` for anything else, or a name of over 160 characters.
    """
    acronyms = row.get("acronyms")
    if not acronyms:
        return {}
    if isinstance(acronyms, str):
        with suppress(ValueError):  # what is no JSON is refused below
            acronyms = load_json(acronyms)
    if not isinstance(acronyms, Mapping):
        raise ValueError(_NO_NAMES)
    # Arrow gives each row the names of all rows, null where it has none
    names = {acronym: name for acronym, name in acronyms.items() if name is not None}
    if not all(isinstance(name, str) and len(name) <= LONGEST_NAME for name in names.values()):
        raise ValueError(_NO_NAMES)
    return names


WITHOUT_ACRONYMS: Final = (
    'rows without "acronyms", those that their report spells out: they are scored as they stand; '
    "score the report again for its own probabilities"
)
"""What is said once of a table of which `lacks_acronyms` holds."""


def lacks_acronyms(row: Mapping[str, Any]) -> bool:
    """Test whether a row has its place in a report, but not which acronyms that spells out."""
    start, end = (whole_number(row.get(name)) for name in ("start", "end"))
    has_place = start is not None and end is not None and end - start == len(row["text"])
    return has_place and "acronyms" not in row


def cells(row: Mapping[str, Any], labels: tuple[str, ...]) -> dict[str, Cell]:
    """Return a row's values by column of a table; None where one is not of its column's type.

    A file is named without its folder: people pass tables on.
    """
    values = {**row, **row["scores"], "file": source_name(row["file"])}
    in_table: dict[str, Cell] = {}
    for name, kind in columns(labels).items():
        value = values[name]
        if name == "acronyms":
            value = json.dumps(value, ensure_ascii=False) if value else None
        elif kind == "string" and value is not None:
            value = encodable(value) if isinstance(value, str) else None
        elif kind == "int32" and value is not None:
            value = whole_number(value)
        in_table[name] = value
    return in_table


def encodable(text: str) -> str:
    """Replace what UTF-8 cannot encode."""
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


def whole_number(value: object) -> int | None:
    """Return a number of 32 bits, also one that is written as text; None for anything else."""
    if isinstance(value, str):
        is_number = len(value) <= _MAX_DIGITS and value.isascii() and value.isdigit()
        return int(value) if is_number else None
    if type(value) is int and -_INT32_LIMIT <= value < _INT32_LIMIT:  # True is no number
        return value
    return None


def leans(text: str) -> bool:
    """Test whether a sentence begins with a word for what stands before it.

    >>> leans("This left them without help."), leans("This year, police acted.")
    (True, False)
    """
    return _LEANS.match(text) is not None


@lru_cache
def public_name(file: str) -> str:
    """Make the name of an input in what is passed on: no folder above the working folder is in it.

    A file in a zip archive has its path from there.

    >>> public_name("/home/jane/secret/qatar.html"), public_name("../qatar.html")
    ('qatar.html', 'qatar.html')
    >>> public_name("reports/qatar.html"), public_name("/home/jane/all.zip/2023/qatar.html")
    ('reports/qatar.html', 'all.zip/2023/qatar.html')
    """
    path = PurePath(file)
    if is_link(file) or not (path.anchor or ".." in path.parts):
        return file
    archives = (n for n, part in enumerate(path.parts[:-1]) if part.lower().endswith(".zip"))
    return "/".join(path.parts[next(archives, len(path.parts) - 1) :])


@lru_cache
def source_name(file: str) -> str:
    """Make the display name of an input: a link as it is, a file without its folders.

    >>> source_name("/home/ana/reports/togo.html")
    'togo.html'
    >>> source_name("https://example.org/togo")
    'https://example.org/togo'
    """
    if file == "-":
        return "standard input"
    name = file if is_link(file) else Path(file).name or file
    # a name may be of any bytes
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def section_name(section: str | None) -> str:
    """Make the display name of a section."""
    if not section or section.isspace():
        return "No section"
    return section.capitalize() if section in SECTIONS else section


def known(*values: object) -> list[str]:
    """Convert the known ones of some values, such as country and year, to text."""
    return [str(value) for value in values if value]
