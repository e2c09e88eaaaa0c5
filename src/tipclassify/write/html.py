"""HTML writer: one self-contained page of reports in full, with findings, reasons, error rates."""

from __future__ import annotations

import json
import re
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import IO, Final, NamedTuple

from markupsafe import Markup

from tipclassify.labels import LABELS
from tipclassify.records import Report, section_name
from tipclassify.reports.finding_row import finding_row
from tipclassify.reports.group import Group
from tipclassify.reports.particulars import FindingKindCounts
from tipclassify.reports.report import findings_of
from tipclassify.reports.subject import (
    ReportSubject,
    are_report_tags_meaningless,
    count_unknown_report_sentences,
    report_passages_about_trafficking,
)
from tipclassify.write.file_findings import FileFindings
from tipclassify.write.first_screen import FirstScreen, first_screen_constants
from tipclassify.write.marking import MarkedPassage, PageMarker, element_id_prefix
from tipclassify.write.output import Output
from tipclassify.write.templating import render_template

__all__ = ["write_findings_html"]

# of a report without findings
_NOT_CITED: Final = dict.fromkeys(("publication", "publisher", "date", "address"), "")
# link to itself, which pages put after a heading
_ANCHOR_SYMBOL: Final = re.compile(r"\s*[#¶§]+\s*$")
_READ_AT_ONCE: Final = 1 << 16  # characters of staged articles


def write_findings_html(reports: Iterable[Report], out: IO[str], output: Output) -> None:
    """Write one page for all reports. The same input gives the same bytes."""
    page = _ReportsPage(output)
    # Articles are staged, since the page's header has totals; of earlier reports only findings that
    # the first screen may show stay in memory.
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as staged:
        for report in reports:
            staged.writelines(page.article(report))
        staged.seek(0)
        out.writelines(page.rendered(staged))


class LongReport(NamedTuple):
    """A report that is shown in parts."""

    title: str
    parts: int


class _ReportsPage:
    """What the head of a page says of its reports, gathered while their articles are written."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._marker = PageMarker(output)
        self._first_screen = FirstScreen()
        self._summaries: list[FileFindings] = []  # of each article
        # of each input
        self._subjects: defaultdict[str, ReportSubject] = defaultdict(ReportSubject)
        self._long_reports: dict[str, LongReport] = {}  # by file
        self._batches: Counter[str] = Counter()  # of each input of rows, which come in batches

    def article(self, report: Report) -> Iterator[str]:
        """Count a report, and write its article in fragments."""
        summary = FileFindings.of(report)
        summary.count(report)
        part = self._part(report)
        if report.document is not None:
            summary.file = report.document.source
        if report.part or part > 1:
            summary.title = f"{report.title}, part {part}{_extent_shown_in_report_title(report)}"
        self._subjects[report.file] += summary.subject
        self._summaries.append(summary)
        number = len(self._summaries)
        marks = self._marker.marked(report, number)
        summary.count_kinds(report, [mark.nature for mark in marks])
        self._first_screen.add(report.country or report.file, marks)
        return _render_article(report, number, summary, self._output, marks)

    def _part(self, report: Report) -> int:
        """Return the number of a report's part or batch; 0 for a whole report."""
        if report.document is None:
            self._batches[report.file] += 1
        if report.part == 1:
            message = f"{report.file}: long; shown in parts, with reasons for what is tagged"
            warnings.warn(message, stacklevel=4)
        part = self._batches[report.file] if report.document is None else report.part
        if report.part:
            self._long_reports[report.file] = LongReport(report.title, part)
        return part

    def rendered(self, staged: IO[str]) -> Iterator[str]:
        """Write the page around the articles that were staged."""
        summaries = self._summaries
        articles = iter(partial(staged.read, _READ_AT_ONCE), "")
        return render_template(
            "report.html",
            articles=map(Markup, articles),
            summaries=summaries,
            total=sum((summary.total for summary in summaries), Group(())),
            kinds=sum((summary.total_kinds for summary in summaries), FindingKindCounts()),
            sole=summaries[0] if len(summaries) == 1 else None,
            subjects=list(self._subjects.values()),
            long_reports=list(self._long_reports.values()),
            boxes={label: self._first_screen.box(label) for label in LABELS},
            constants=first_screen_constants(),
            output=self._output,
        )


def _extent_shown_in_report_title(report: Report) -> str:
    """Name the first and last country of a part, or its first section: " (Karvonia to Zembla)"."""
    blocks = report.document.blocks if report.document else ()
    countries = [block.country for block in blocks if block.country]
    if countries and countries[0] == countries[-1]:
        return f" ({countries[0]})"
    if countries:
        return f" ({countries[0]} to {countries[-1]})"
    if blocks and blocks[0].section:
        return f" (from {section_name(blocks[0].section)})"
    return ""


class MarkInText(NamedTuple):
    """A marked passage in its block."""

    before: str  # text between the passage before it, or the start of the block, and itself
    mark: MarkedPassage


class ArticleBlock(NamedTuple):
    """A block of a report, or an input row."""

    section: str | None
    page: int | None
    heading: str  # its text, without the anchor symbol; empty for others
    marks: list[MarkInText]
    rest: str  # text after the heading or the last passage


def _render_article(
    report: Report,
    number: int,
    summary: FileFindings,
    output: Output,
    marks: list[MarkedPassage],
) -> Iterator[str]:
    blocks = list(_article_blocks_with_findings(report, marks))
    sections = dict.fromkeys(block.section for block in blocks)
    unknown, sentences = count_unknown_report_sentences(report.passages)
    return render_template(
        "article.html",
        number=number,
        summary=summary,
        title=report.title,
        cited=next((mark.cited.fields for mark in marks if mark.cited), _NOT_CITED),
        rows=report.document is None,
        unknown=unknown if are_report_tags_meaningless(unknown, sentences) else 0,
        sentences=sentences,
        passages=json.dumps(_count_article_passages(report, marks), ensure_ascii=False),
        anchors={
            section: f"{element_id_prefix(number)}s{n}" for n, section in enumerate(sections, 1)
        },
        # An iterator, so that Jinja, which keeps its values for a while, does not keep the text.
        sections=((name, list(part)) for name, part in groupby(blocks, attrgetter("section"))),
        marks=marks,
        output=output,
    )


class _CountryYearSection(NamedTuple):
    """What passages of a report are counted by."""

    country: str
    year: str
    section: str


class PassageCount(NamedTuple):
    """Passages of a country, year and section; the page's script reads an array of these."""

    country: str
    year: str
    section: str
    passages: int
    on_subject: int  # sentences about trafficking, each once


def _count_article_passages(report: Report, marks: Sequence[MarkedPassage]) -> list[PassageCount]:
    """Count the passages, and the sentences on the subject, by country, year and section."""
    passages: Counter[_CountryYearSection] = Counter()
    on_subject: Counter[_CountryYearSection] = Counter()
    is_about = report_passages_about_trafficking(report.passages)
    for finding, mark, counts_as_about in zip(findings_of(report), marks, is_about, strict=True):
        row = finding_row(finding)
        group = _CountryYearSection(
            country=row.country or "",
            year=str(row.year or ""),
            section=section_name(finding.passage.section),
        )
        passages[group] += 1
        on_subject[group] += counts_as_about and mark.nature.counts
    return [
        PassageCount(group.country, group.year, group.section, count, on_subject[group])
        for group, count in passages.items()
    ]


def _article_blocks_with_findings(
    report: Report, marks: Sequence[MarkedPassage]
) -> Iterator[ArticleBlock]:
    if report.document is None:
        for mark in marks:
            inside = [MarkInText("", mark)]
            yield ArticleBlock(mark.passage.section, mark.passage.page, "", inside, "")
        return
    text = report.document.text
    waiting = sorted(marks, key=lambda mark: mark.passage.start, reverse=True)
    for block in report.document.blocks:
        whole = text[block.start : block.end]
        heading = (_ANCHOR_SYMBOL.sub("", whole) or whole) if block.heading else ""
        end = block.start + len(heading)  # of what has been laid out
        inside = []
        while waiting and waiting[-1].passage.start < block.end:
            mark = waiting.pop()
            inside.append(MarkInText(text[end : mark.passage.start], mark))
            end = mark.passage.end
        yield ArticleBlock(block.section, block.page, heading, inside, text[end : block.end])
