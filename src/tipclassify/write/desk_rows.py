"""Rows of a desk: a row for each passage of a page, as data for the next run and as scripts.

``data/PAGE.json`` has the rows of a page and the facts of its report. A page opened from a disk may
read no files, but may run scripts beside it, so what it shows is written again as scripts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from tipclassify.formatting import json_line, load_json
from tipclassify.probability import probability
from tipclassify.records import Report, cells, row, section_name
from tipclassify.reports.cite import said
from tipclassify.reports.findings import RECURRING_COUNTRIES, is_template, rank, wording
from tipclassify.text.sections import fold_section
from tipclassify.write.file_findings import Mark

# what the page shows of a report, and of a passage beside the probabilities of its labels
_SHOWN_OF_REPORT: Final = ("page", "sha256", "title", "publication", "country", "year")
_SHOWN: Final = (
    *("text", "start", "end", "key", "labels", "tags", "kind", "country", "year", "publication"),
    *("part", "rank", "anchor", "facts", "source", "before"),
)

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
    is_measured: bool = True  # `Report.is_measured`


class DeskData(msgspec.Struct):
    """Content of a data file."""

    rows: list[Row]
    report: DeskReport


def read_data(file: Path) -> DeskData | None:
    """Read a data file; None if it is not whole, or not ours."""
    with suppress(OSError, ValueError):
        return msgspec.convert(load_json(file.read_bytes(), strict=False), DeskData)
    return None


def desk_row(report: Report, mark: Mark, labels: tuple[str, ...]) -> Row:
    """Make the row of a passage of a page; what is empty, or as of its report, is left out."""
    passage = mark.passage
    columns: Row = dict(cells(row(report, passage), labels))
    del columns["file"]  # a desk is passed on
    country, year, section = columns["country"], columns["year"], columns["section"]
    publication = said(report, passage, "publication")
    if report.document is None:  # the place of an input row is its number
        columns["start"] = columns["end"] = mark.number
    columns |= {
        "country": country if country != report.country else "",
        "year": year if year != report.year else None,
        "publication": publication if publication != report.publication else "",
        "paragraph": None if columns["page"] else report.paragraph(passage),
        "again": mark.nature.first is not None,
        "kind": "table row" if mark.nature.kind == "table row" else "",
    }
    if mark.cited is not None:
        facts = [
            country,
            str(year or ""),
            section_name(section) if section else "",
            f"p. {columns['page']}" if columns["page"] else "",
            "leans on the sentence before" if columns["leans"] else "",
            "doubtful" if mark.is_doubtful else "",
            columns["kind"],
        ]
        columns |= {
            "part": fold_section(section) if section else section_name(None),
            "facts": " · ".join(filter(None, facts)),
            "template": is_template(passage.text),
            "rank": rank(passage, mark.nature),
            "anchor": mark.name,
            "tags": {label: probability(passage.scores[label]) for label in passage.labels},
            "source": mark.cited.source,
        }
    return {
        name: value
        for name, value in columns.items()
        if value is not None and value is not False and value not in ("", [])
    }


class Survey:
    """What all reports of a desk have: what its menus offer, and which sentences recur."""

    def __init__(self) -> None:
        # number of rows of each choice, by menu
        self._choices: defaultdict[str, Counter[str]] = defaultdict(Counter)
        # countries, or reports without one, that have a sentence; by its words
        self._places: defaultdict[int, set[str]] = defaultdict(set)

    def add(self, report: DeskReport, rows: Iterable[Row]) -> None:
        """Add the rows of a report."""
        of_report = {
            "country": report.country,
            "year": report.year,
            "publication": report.publication,
        }
        for each in rows:
            known = {**of_report, **each}
            for name in of_report:
                self._choices[name][str(known[name] or "")] += 1
            if each.get("labels"):
                self._choices["section"][each["part"]] += 1
                self._places[wording(each["text"])].add(known["country"] or report.page)

    def ranked(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Rank the findings of a report among all, without those that are said again.

        A sentence that many countries share is a template.
        """
        for each in rows:
            if each.get("labels") and "again" not in each:
                if len(self._places[wording(each["text"])]) >= RECURRING_COUNTRIES:
                    each["rank"] = 0
                yield each

    def menus(self) -> dict[str, list[str]]:
        """List what each menu offers."""
        choices = self._choices
        return {
            "country": sorted(filter(None, choices["country"])),
            "publication": sorted(filter(None, choices["publication"])),
            "year": sorted(filter(None, choices["year"]), reverse=True),
            "section": [part for part, _ in choices["section"].most_common()],
        }


def script_of(report: DeskReport, findings: Iterable[Row]) -> str:
    """Write a script that hands the findings of a report to the page; empty if there is none.

    They are in a string, which browsers read faster than an object.
    """
    rows = []
    for each in findings:
        columns = [*_SHOWN, *each["labels"]]
        rows.append({name: each[name] for name in columns if name in each})
    if not rows:
        return ""
    facts = {name: getattr(report, name) for name in _SHOWN_OF_REPORT}
    data = json_line({"report": facts, "rows": rows}).rstrip()
    written = data.replace("\\", "\\\\").replace("'", "\\'")
    return f"tipclassify.add('{written}');\n"
