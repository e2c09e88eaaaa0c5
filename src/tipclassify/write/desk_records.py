"""Files of a desk: the data of its reports, as named records here and as JSON on disk.

In: the records of a report's passages. Out: ``data/PAGE.json``, which the next run reads again, and
from which the scripts of the index page are made. A passage is an array there, so that 100,000 of
them load at once; `desk_script_constants` tells the scripts which value has which place.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from enum import IntFlag
from pathlib import Path
from typing import IO, Final
from urllib.parse import unquote

import msgspec

from tipclassify.formatting import json_line, load_json
from tipclassify.labels import LABELS
from tipclassify.records import Document, Passage, Report, is_link
from tipclassify.reports.findings import RECURRING_COUNTRIES
from tipclassify.text.words import BRITISH, MAX_RESPELLED, american
from tipclassify.write.output import Output

__all__ = [
    "DeskPassage",
    "DeskPassageFile",
    "DeskPassageFlag",
    "DeskPlace",
    "DeskReport",
    "DeskReportFiles",
    "OpenFile",
    "desk_script_constants",
    "index_desk_words",
    "read_desk_record_file",
]

OpenFile = Callable[[Path], AbstractContextManager[IO[str]]]
"""Opens a file that takes its place when it is complete."""

# of exported CSV, in order: fields of `tipclassify.reports.cite.Citation`
_CITATION_COLUMNS: Final = (
    "title",
    "publication",
    "publisher",
    "date",
    "country",
    "year",
    "section",
    "page",
    "paragraph",
    "characters",
    "quote",
    "labels",
    "address",
    "read",
    "model",
    "key",
)


class DeskPassageFlag(IntFlag):
    """What kind of finding a passage is (`tipclassify.reports.particulars`)."""

    TABLE_ROW = 1
    SAID_BEFORE = 2  # earlier in its report
    TEMPLATE = 4  # stands in many countries' reports
    ON_SUBJECT = 8


class DeskPlace(msgspec.Struct, frozen=True, array_like=True):
    """Where passages stand. Many share a place, so a file has each once."""

    country: str | None
    year: int | None
    section: str | None  # as the model reads it
    cited_section: str  # as citations name it
    folded_section: str  # of the few that all reports are counted by; "" without a heading
    publication: str


class DeskPassage(msgspec.Struct, frozen=True, array_like=True):
    """A passage: what the desk shows, cites, ranks and compares."""

    place: int  # index in the places of its file
    start: int  # characters in the text of the report
    end: int
    page: int | None
    paragraph: str
    label_bits: int  # bit n: has the label `LABELS[n]`
    scores: tuple[float, ...]  # probabilities, in the order of `LABELS`
    low_confidence: bool
    key: str  # of its citation
    anchor: str  # id on the report's page; "" without a label
    text: str
    flags: int  # of `DeskPassageFlag`
    rank: float  # the more particular, the higher

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of its labels."""
        return tuple(label for n, label in enumerate(LABELS) if self.label_bits >> n & 1)


class DeskReport(msgspec.Struct, frozen=True):
    """A report of the desk, without its passages."""

    page: str  # address of its page, relative to the index
    source: str | None  # hash by which a later run recognises the input
    title: str
    publication: str  # as citations name it: "" where the title does
    series: str  # the publication in any case
    publisher: str
    date: str
    country: str
    year: int | None
    address: str
    read: str  # day
    model: str
    files: int  # of its data
    counts: tuple[int, ...]  # sentences with each label
    rows: tuple[int, ...]  # table rows with each label
    on_subject: int  # sentences about trafficking
    total: int  # passages


class DeskPassageFile(msgspec.Struct, frozen=True):
    """Content of a data file; a long report has several, and its `report` in the first."""

    page: str
    words: str  # distinct words, separated by spaces
    numbers: str  # for each word, the numbers of its passages, separated by commas
    places: tuple[DeskPlace, ...]
    passages: tuple[DeskPassage, ...]
    report: DeskReport | None = None


@dataclass(frozen=True, slots=True)
class DeskReportFiles:
    """Files of a desk in `folder`."""

    folder: Path
    open_file: OpenFile

    @property
    def index(self) -> Path:
        """The index page."""
        return self.folder / "index.html"

    def data_file(self, page: str, number: int = 1) -> Path:
        """Name a data file of a page."""
        middle = f".{number}" if number > 1 else ""
        return self.folder / "data" / f"{page}{middle}.json"

    def parts(self, report: DeskReport) -> list[Path]:
        """List the data files of a report in the order of its text: the first was written last."""
        page = unquote(report.page)
        return [self.data_file(page, number) for number in (*range(2, report.files + 1), 1)]

    def write(self, file: Path, data: DeskPassageFile) -> None:
        """Write a data file."""
        with self.open_file(file) as out:
            out.write(json_line(msgspec.to_builtins(data)))

    def read_report(self, report: DeskReport, output: Output) -> Report:
        """Read the passages of a report again; it is cited as read on the day it was scored."""
        passages = []
        for file in self.parts(report):
            data = read_desk_record_file(file)
            if data is None:
                continue
            for row in data.passages:
                passage = Passage(
                    text=row.text,
                    start=row.start,
                    end=row.end,
                    section=data.places[row.place].section,
                    labels=row.labels,
                    scores=dict(zip(LABELS, row.scores, strict=True)),
                    low_confidence=row.low_confidence,
                    page=row.page,
                    in_row=bool(row.flags & DeskPassageFlag.TABLE_ROW),
                )
                passages.append(passage)
        document = Document(
            "",
            (),
            title=report.title,
            country=report.country or None,
            year=report.year,
            publication=report.series or None,
            publisher=report.publisher or None,
            date=report.date or None,
            address=report.address if is_link(report.address) else None,
        )
        read_then = replace(output.run, day=report.read)
        return Report(unquote(report.page), document, passages, run=read_then)


def read_desk_record_file(file: Path) -> DeskPassageFile | None:
    """Read a data file; None if it is not whole, or not ours."""
    with suppress(OSError, ValueError):
        return msgspec.convert(load_json(file.read_bytes(), strict=False), DeskPassageFile)
    return None


def desk_script_constants() -> dict[str, object]:
    """Return the constants of the desk's scripts: places in arrays, columns, flags, spellings."""
    return {
        "PASSAGE": _array_places_for_desk_script(DeskPassage),
        "PLACE": _array_places_for_desk_script(DeskPlace),
        "FLAG": {flag.name: flag.value for flag in DeskPassageFlag},
        "CITATION_COLUMNS": _CITATION_COLUMNS,
        "RECURRING_COUNTRIES": RECURRING_COUNTRIES,
        "LONGEST_RESPELLED": MAX_RESPELLED,
        "BRITISH_PATTERNS": [
            _desk_script_pattern(pattern.pattern, plain) for pattern, plain in BRITISH
        ],
    }


def _array_places_for_desk_script(record: type[msgspec.Struct]) -> dict[str, int]:
    return {name: place for place, name in enumerate(record.__struct_fields__)}


def _desk_script_pattern(pattern: str, replacement: str) -> list[str]:
    r"""Write a pattern and its replacement as JavaScript has them.

    >>> _desk_script_pattern(r"(\w)our$", r"\1or")
    ['([\\p{L}\\p{N}_])our$', '$1or']
    """
    return [pattern.replace(r"\w", r"[\p{L}\p{N}_]"), replacement.replace("\\", "$")]


def index_desk_words(texts: Sequence[str]) -> tuple[str, str]:
    """Index the words of texts: the fields `words` and `numbers` of a `DeskPassageFile`.

    >>> index_desk_words(["Two inspectors", "Labour inspectors"])
    ('inspectors two labor labour', '0 1,0,1,1')
    """
    numbers: defaultdict[str, list[str]] = defaultdict(list)
    for number, text in enumerate(texts):
        words = set(_desk_search_words(text))
        # "labour" is found by "labor", and so on
        for word in sorted(words.union(map(american, words))):
            numbers[word].append(str(number))
    return " ".join(numbers), ",".join(map(" ".join, numbers.values()))


def _desk_search_words(text: str) -> list[str]:
    """Split a text to words, in lower case and without accents, as ``desk_data.js`` does."""
    lower = unicodedata.normalize("NFKD", text.lower())
    letters = (char for char in lower if not unicodedata.category(char).startswith("M"))
    return re.findall(r"[^\W_]+", "".join(letters))
