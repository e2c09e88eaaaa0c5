"""Rows of a desk: a row for each passage of a page, as data for the next run and as scripts.

``data/PAGE.json`` has the rows of a page and the facts of its report. A page opened from a disk may
read no files, but may run scripts beside it, so what it shows is written again as scripts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from tipclassify.formatting import json_line, load_json
from tipclassify.probability import probability
from tipclassify.records import Passage, Report, Run, cells, row, section_name
from tipclassify.reports.cite import cite, said
from tipclassify.reports.findings import (
    RECURRING_COUNTRIES,
    KindCounts,
    Nature,
    Natures,
    wording,
)
from tipclassify.text.sections import fold_section
from tipclassify.write.page import report_digest

_ROWS_A_CALL: Final = 500  # of a script, about 300,000 characters
# what the page shows of a report, and of a passage beside the probabilities of its labels
_SHOWN_OF_REPORT: Final = ("page", "sha256", "title", "publication", "country", "year")
_SHOWN: Final = (
    *("text", "start", "end", "key", "labels", "tags", "kind", "country", "year", "publication"),
    *("part", "rank", "anchor", "facts", "source"),
)

_NO_YEAR: Final = 9999  # of a report without one, which is no earlier year

Row = dict[str, Any]
"""Row of a passage: columns of tables but its file's name, and what the desk shows of it.

What is empty, or the same as of its report, is left out. Of the desk: `publication`, `paragraph`
(under its heading, where there are no pages), `again` (said before in its report); of a finding
`part` (the heading, folded to those of the genre), `template`, `rank`, `anchor` (on its page), and
as the desk writes them `tags` (probabilities by label), `facts` and `source` (of its citation).
"""


class DeskReport(msgspec.Struct, frozen=True):
    """A report of the desk, without its passages."""

    page: str  # address of its page, relative to the index
    sha256: str
    source: str | None  # hash by which a later run recognises the input
    title: str
    publication: str  # or ""
    publisher: str
    date: str
    country: str
    year: int | None
    address: str
    read: str  # day
    model: str
    counts: dict[str, int]  # sentences with each label
    rows: int  # tags of table rows
    on_subject: int  # sentences about trafficking
    total: int  # passages


class DeskData(msgspec.Struct):
    """Content of a data file."""

    rows: list[Row]
    report: DeskReport


def read_data(file: Path) -> DeskData | None:
    """Read a data file; None if it is not whole, or not ours."""
    with suppress(OSError, ValueError):
        return msgspec.convert(load_json(file.read_bytes(), strict=False), DeskData)
    return None


class GatheredRows:
    """What is gathered of a page's reports while their rows are written."""

    def __init__(self, first: Report, run: Run) -> None:
        self.first = first
        self.total = 0  # passages
        self._run = run
        self._digest = report_digest(first)
        self._natures = Natures(rows=first.document is None)
        self._kinds = KindCounts()
        self._reports = 0  # of the input: parts of a book, batches of rows
        self._coverages: set[tuple[str, int | None, str]] = set()  # country, year, publication

    def rows(self, report: Report) -> Iterator[Row]:
        """Yield the rows of a report."""
        self._reports += 1
        prefix = "p" if self._reports == 1 else f"r{self._reports}p"
        first = 1 if report.document else 1 + self.total
        anchors = [f"{prefix}{n}" for n in range(first, first + len(report.passages))]
        natures = self._natures.of(report.passages, anchors)
        for anchor, passage, nature in zip(anchors, report.passages, natures, strict=True):
            self.total += 1
            self._kinds.add(passage, nature)
            yield self._row(report, passage, nature, anchor)

    def _row(self, report: Report, passage: Passage, nature: Nature, anchor: str) -> Row:
        columns: Row = dict(cells(row(report, passage), self._run.labels))
        del columns["file"]  # a desk is passed on
        country, year = columns["country"] or "", columns["year"]
        publication = said(report, passage, "publication") or ""
        self._coverages.add((country, year, publication))
        if report.document is None:  # the place of an input row is its number
            columns["start"] = columns["end"] = self.total
        columns |= {
            "country": country if country != report.country else "",
            "year": year if year != report.year else None,
            "publication": publication if publication != report.publication else "",
            "paragraph": None if columns["page"] else report.paragraph(passage),
            "again": nature.first is not None,
            "kind": "table row" if nature.kind == "table row" else "",
        }
        if passage.labels:
            section = columns["section"]
            facts = [
                country,
                str(year or ""),
                section_name(section) if section else "",
                f"p. {columns['page']}" if columns["page"] else "",
                "low confidence" if passage.low_confidence else "",
                columns["kind"],
            ]
            columns |= {
                "part": fold_section(section) if section else section_name(None),
                "facts": " · ".join(filter(None, facts)),
                "template": nature.template,
                "rank": nature.rank(max(passage.scores[label] for label in passage.labels)),
                "anchor": anchor,
                "tags": {label: probability(passage.scores[label]) for label in passage.labels},
                "source": cite(report, passage).source,
            }
        return {
            name: value
            for name, value in columns.items()
            if value is not None and value is not False and value not in ("", [])
        }

    def report(self, page: str, source: str | None) -> DeskReport:
        """Return the facts of the report, once its rows are written."""
        first = self.first
        country, year, publication = first.country or "", first.year, first.publication or ""
        if len(self._coverages) == 1:  # rows, or narratives, of one country and year
            ((country, year, publication),) = self._coverages
        cited = cite(first, Passage("", 0, 0))
        return DeskReport(
            page=page,
            sha256=self._digest,
            source=source,
            title=cited.title,
            publication=publication,
            publisher=cited.publisher,
            date=cited.date,
            country=country,
            year=year,
            address=cited.address,
            read=cited.read,
            model=cited.model,
            counts=dict(self._kinds.sentences),
            rows=sum(self._kinds.rows.values()),
            on_subject=self._kinds.on_subject,
            total=self.total,
        )


class Survey:
    """What all reports of a desk have: what its menus offer, and which sentences recur."""

    def __init__(self) -> None:
        self._countries: set[str] = set()
        self._years: set[int] = set()
        self._publications: set[str] = set()
        self._parts: Counter[str] = Counter()  # findings under each heading
        # the first year of each country, or report without one, that has a sentence; by its words
        self._first_years: defaultdict[int, dict[str, int]] = defaultdict(dict)

    def add(self, report: DeskReport, rows: Iterable[Row]) -> None:
        """Add the rows of a report."""
        for each in rows:
            country = each.get("country", report.country)
            year = each.get("year", report.year)
            self._countries.add(country)
            self._years.add(year or 0)
            self._publications.add(each.get("publication", report.publication))
            if not each.get("labels"):
                continue
            self._parts[each["part"]] += 1
            if "again" not in each:
                years = self._first_years[wording(each["text"])]
                place = country or report.page
                years[place] = min(years.get(place, _NO_YEAR), year or _NO_YEAR)

    def ranked(self, report: DeskReport, rows: Iterable[Row]) -> Iterator[Row]:
        """Rank the findings of a report among all, without those that are said again.

        A sentence that many countries share is a template; one that stood in an earlier report of
        the country counts half.
        """
        for each in rows:
            if not each.get("labels") or "again" in each:
                continue
            years = self._first_years[wording(each["text"])]
            year = each.get("year", report.year)
            if "template" in each or len(years) >= RECURRING_COUNTRIES:
                each["rank"] = 0
            elif year and years[each.get("country", report.country) or report.page] < year:
                each["rank"] /= 2
            yield each

    def menus(self) -> dict[str, list[str]]:
        """List what each menu offers."""
        years = sorted(filter(None, self._years), reverse=True)
        return {
            "country": sorted(filter(None, self._countries)),
            "publication": sorted(filter(None, self._publications)),
            "year": list(map(str, years)),
            "section": [part for part, _ in self._parts.most_common()],
        }


def script_calls(report: DeskReport, findings: Iterable[Row]) -> Iterator[str]:
    """Yield lines of a script that hand the findings of a report to the page, some in each.

    They are in a string, which browsers read faster than an object.
    """
    facts = {name: getattr(report, name) for name in _SHOWN_OF_REPORT}
    waiting = iter(findings)
    while some := list(islice(waiting, _ROWS_A_CALL)):
        rows = []
        for each in some:
            columns = [*_SHOWN, *each["labels"]]
            rows.append({name: each[name] for name in columns if name in each})
        data = json_line({"report": facts, "rows": rows}).rstrip()
        written = data.replace("\\", "\\\\").replace("'", "\\'")
        yield f"tipclassify.add('{written}');\n"
