"""Desk: the index page of a folder of report pages, to search and filter them, with the changes
from year to year."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import unicodedata
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from itertools import accumulate, groupby
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import quote, unquote

from tipclassify.errors import OutputError
from tipclassify.formatting import json_line, load_json
from tipclassify.labels import LABELS
from tipclassify.readers.formats import is_link
from tipclassify.reporting.citation import cite
from tipclassify.reporting.finding_row import finding_row
from tipclassify.reporting.particulars import FindingNature, KindCounts, Natures
from tipclassify.reporting.report import Finding, ScoringContext, TaggedReport
from tipclassify.reporting.subject import about_trafficking
from tipclassify.reporting.writers.desk_changes import write_changes
from tipclassify.reporting.writers.templating import rendered
from tipclassify.text.document import Document, Passage
from tipclassify.text.features.vocabulary import american
from tipclassify.text.segmentation.sections import fold_section

__all__ = ["Desk"]

# flags of a passage: see reporting/particulars.py
_ROW, _AGAIN, _TEMPLATE, _ON_SUBJECT = 1, 2, 4, 8
_TEXT: Final = 10  # place of the text in a row
# of a data file, as estimated: a script, which may get one more, stays under 2 MB
_MOST_BYTES: Final = 900_000
_ID: Final = re.compile(r'data-desk="([0-9a-f]{16})"')

Data = dict[str, Any]
OpenFile = Callable[[Path], AbstractContextManager[IO[str]]]


class Desk:
    """The index of the pages in ``context.folder``; passages of two reports at most are in memory
    at a time.

    ``data/`` has the passages of each report with an index of their words, from which the next
    index page is made. A page opened from a disk may read no files, but may run scripts beside it,
    which bring the same. `open_file` opens a file that takes its place when it is complete. With
    `resume`, reports of earlier runs stay.
    """

    def __init__(self, context: ScoringContext, open_file: OpenFile, resume: bool) -> None:
        self._context, self._open, self._resume = context, open_file, resume
        self._folder = context.folder or Path()
        self.index: Final = self._folder / "index.html"
        if self.index.is_file() and not _ID.search(self.index.read_text("utf-8", "replace")):
            raise OutputError(
                f"{self.index}: not an index that tipclassify wrote, so it stays; choose another folder"
            )
        self.heads: dict[Path, Data] = {}  # of each page: its data without the passages
        for name in ("data", "changes"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        for file in sorted((self._folder / "data").glob("*.html.json")) if resume else ():
            page = self._folder / file.name.removesuffix(".json")
            if data := _load(file):
                kept = {
                    name: data[name]
                    for name in data
                    if name not in ("places", "passages", "words", "found")
                }
                self.heads |= {page: kept} if page.is_file() else {}
            else:
                warnings.warn(
                    f"{file}: not whole; its report is left out until it is scored again",
                    stacklevel=2,
                )

    def page_of(self, file: str, named: Path, same: Callable[[str, Path], bool]) -> Path:
        """Choose the page of an input: that of an earlier run, or `named` unless another input has
        it.

        ``same(file, named)`` tests whether that page was made of the same bytes.
        """
        source = self._source(file)
        if earlier := [
            page for page, head in self.heads.items() if source and head.get("source") == source
        ]:
            return earlier[0]
        if named != self.index and (named not in self.heads or same(file, named)):
            return named
        return named.with_name(
            f"{named.stem}-{_digest(file.encode('utf-8', 'backslashreplace'))}.html"
        )

    def _source(self, file: str) -> str | None:
        """Make the mark of an input, by which a later run knows it again; it does not tell where
        the input lies."""
        if file in ("-", "<text>", ""):
            return None
        with suppress(ValueError):  # another drive of a Windows machine
            file = file if is_link(file) else os.path.relpath(file, self._folder)
        return hashlib.sha256(file.encode("utf-8", "surrogateescape")).hexdigest()[:16]

    def files(self, page: Path) -> list[Path]:
        """List the files of a page."""
        return [page, self._data(page), self._folder / "changes" / page.name, self.index]

    def _data(self, page: Path, number: int = 1) -> Path:
        return self._folder / "data" / f"{page.name}.{f'{number}.' if number > 1 else ''}json"

    def gather(self, page: Path, reports: Iterable[TaggedReport]) -> Iterator[TaggedReport]:
        """Pass the reports of an input on to the writer of its page, then write their data."""
        head = Data()
        rows: list[list[Any]] = []
        size = 0  # of the rows, in bytes, as estimated
        passages = 0
        kinds = KindCounts()
        about: set[Any] = set()  # countries and years
        natures: Natures | None = None
        for number, report in enumerate(reports, 1):
            head = head or self._head(page, report)
            prefix = "p" if number == 1 else f"r{number}p"  # of the ids in the page
            first = 1 if report.document else 1 + passages
            natures = natures or Natures(rows=report.document is None)
            names = [f"{prefix}{at}" for at in range(first, first + len(report.passages))]
            found = list(natures.of(report.passages, names))
            kinds.add(report.passages, found)
            on_subject = about_trafficking(report.passages)
            for name, finding, nature, is_about in zip(
                names, report.findings(), found, on_subject, strict=True
            ):
                if size > _MOST_BYTES:
                    head["files"] += 1
                    self._write(self._data(page, head["files"]), {"page": head["page"]}, rows)
                    rows, size = [], 0
                rows.append(self._row(finding, name, nature, is_about))
                size += 2 * len(rows[-1][_TEXT].encode()) + 150
                about.add((*rows[-1][0][:2], rows[-1][0][5]))
            passages += len(report.passages)
            yield report
        if head:
            if len(about) == 1:  # rows, or narratives, of one country and year
                head["country"], head["year"], head["series"] = about.pop()
            head |= {"counts": [kinds.sentences[label] for label in LABELS], "total": passages}
            head |= {
                "rows": [kinds.rows[label] for label in LABELS],
                "on_subject": kinds.on_subject,
            }
            self._write(self._data(page), head, rows)
            self.heads[page] = head

    def _head(self, page: Path, report: TaggedReport) -> Data:
        none = Passage("", 0, 0, scores=dict.fromkeys(LABELS, 0.0))
        whole = Finding(
            report.file,
            none,
            {},
            report.country,
            report.year,
            report.title,
            publication=report.publication,
            publisher=report.publisher,
            date=report.date,
            address=report.address,
        )
        cited = cite(whole, self._context).fields
        names = ("title", "publication", "publisher", "date", "country", "address", "read", "model")
        head: Data = {name: cited[name] for name in names}
        head |= {
            "page": quote(page.name),
            "source": self._source(report.file),
            "series": report.publication or "",
        }
        return {**head, "name": cited["title"], "year": report.year, "files": 1}

    def _row(
        self, finding: Finding, name: str, nature: FindingNature, on_subject: bool
    ) -> list[Any]:
        """Make the row of a passage: what the desk shows, cites, ranks and compares."""
        row, cited = finding_row(finding), cite(finding, self._context)
        bits = sum(1 << n for n, label in enumerate(LABELS) if label in row["labels"])
        folded = fold_section(row["section"]) if row["section"] else ""
        place = (
            row["country"],
            row["year"],
            row["section"],
            cited.section,
            folded,
            finding.publication or "",
        )
        scores, identity = [row[label] for label in LABELS], (cited.key, name if bits else "")
        span = row["start"], row["end"], row["page"], cited.paragraph
        flags = _ROW * (nature.kind == "table row") + _AGAIN * (nature.first is not None)
        flags += _TEMPLATE * nature.template + _ON_SUBJECT * on_subject
        rank = nature.rank(max((row[label] for label in row["labels"]), default=0.0))
        return [
            place,
            *span,
            bits,
            scores,
            int(row["low_confidence"]),
            *identity,
            cited.quote,
            flags,
            rank,
        ]

    def _write(self, file: Path, data: Data, rows: list[list[Any]]) -> None:
        """Write passages, each of their places once, and the index of their words."""
        places: dict[Any, int] = {}
        passages = [[places.setdefault(place, len(places)), *row] for place, *row in rows]
        found: defaultdict[str, list[str]] = defaultdict(list)
        for number, row in enumerate(rows):
            words = set(_words(row[_TEXT]))
            # "labour" is found by "labor", and so on
            for word in sorted(words.union(map(american, words))):
                found[word].append(str(number))
        data = {**data, "words": " ".join(found), "found": ",".join(map(" ".join, found.values()))}
        with self._open(file) as out:
            out.write(json_line({**data, "places": list(places), "passages": passages}))

    def write_index(self) -> str:
        """Write what changed from year to year, then the index page; return a line that says
        what is in it."""
        heads = sorted(
            self.heads.values(),
            key=lambda head: (head["country"] or head["name"], head["year"] or 0),
        )
        write_changes(
            heads, self._folder, self._context, self._open, self._parts, self._report, self._resume
        )
        known = _ID.search(self.index.read_text("utf-8")) if self.index.is_file() else None
        # under which the browser keeps the saved findings
        desk = known[1] if known else secrets.token_hex(8)
        scripts = list(self._scripts(heads))
        with self._open(self.index) as out:
            out.writelines(
                rendered(
                    "desk.html",
                    reports=heads,
                    scripts=[script.name for script in scripts],
                    desk=desk,
                )
            )
        for script in {*(self._folder / "data").glob("????????.js")} - {*scripts}:
            # of an earlier index page, and nobody else's
            if script.stem == _digest(script.read_bytes()):
                script.unlink()
        return f"open {self.index}: {len(heads):,} reports"

    def _scripts(self, heads: list[Data]) -> Iterator[Path]:
        """Join the data of all reports to few scripts, named by their hash: an index page finds
        its own or none."""
        files = [file for head in heads for file in self._parts(head)]
        sizes = accumulate(file.stat().st_size for file in files)
        for _, group in groupby(zip(files, sizes, strict=True), lambda one: one[1] // _MOST_BYTES):
            # As a string, which browsers read faster than an object.
            data = [
                file.read_text("utf-8").rstrip().replace("\\", "\\\\").replace("'", "\\'")
                for file, _ in group
            ]
            text = "".join(f"tipclassify.add('{one}');\n" for one in data)
            script = self._folder / "data" / f"{_digest(text.encode())}.js"
            with self._open(script) as out:
                out.write(text)
            yield script

    def _parts(self, head: Data) -> list[Path]:
        """List the data files of a report in the order of its text: the first was written last."""
        page = self._folder / unquote(head["page"])
        return [self._data(page, number) for number in (*range(2, head["files"] + 1), 1)]

    def _report(self, head: Data) -> TaggedReport:
        passages = []
        for file in self._parts(head):
            data = _load(file) or {"passages": []}
            for place, start, end, at, _, bits, scores, low, _, _, text, *_ in data["passages"]:
                labels = tuple(label for n, label in enumerate(LABELS) if bits >> n & 1)
                section, tags = data["places"][place][2], dict(zip(LABELS, scores, strict=True))
                passages.append(Passage(text, start, end, section, labels, tags, bool(low), at))
        document = Document(
            "",
            (),
            title=head["title"],
            country=head["country"] or None,
            year=head["year"],
            publication=head.get("series") or None,
            publisher=head.get("publisher") or None,
            date=head.get("date") or None,
            address=head["address"] if is_link(head["address"]) else None,
        )
        return TaggedReport(unquote(head["page"]), document, passages)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:8]


def _words(text: str) -> list[str]:
    """Split a text to words, in lower case and without accents, as ``desk_data.js`` does."""
    lower = unicodedata.normalize("NFKD", text.lower())
    return re.findall(
        r"[^\W_]+", "".join(c for c in lower if not unicodedata.category(c).startswith("M"))
    )


def _load(file: Path) -> Data | None:
    """Read data of a report; None if they are not whole."""
    with suppress(OSError, ValueError):
        data = load_json(file.read_bytes(), strict=False)
        return data if isinstance(data, dict) and data.keys() >= {"page", "passages"} else None
    return None
