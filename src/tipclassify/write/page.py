"""Pages of reports: each report in full, its findings marked, with reasons and error rates.

One self-contained page for all reports of an output. Passages are marked, and explained, before
the text is laid out in blocks; the first screen has the most specific findings.
"""

from __future__ import annotations

import hashlib
import math
import re
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import IO, Any, Final, NamedTuple

from markupsafe import Markup

from tipclassify.errors import InputError
from tipclassify.readers.limits import read_bounded
from tipclassify.records import Report, Run, section_name
from tipclassify.reports.adjust import FEWEST_POSITIVES
from tipclassify.reports.counts import Group
from tipclassify.reports.findings import (
    MIN_WORDS,
    is_template,
    is_unknown,
    rank,
    wording,
)
from tipclassify.text.kinds import kind_warning
from tipclassify.text.split import PART
from tipclassify.write.file_findings import FileFindings, Mark, Marker, id_prefix
from tipclassify.write.output import Output
from tipclassify.write.reasons import doubtful, labels_with_reasons, summarize
from tipclassify.write.templating import render_template

_STRONGEST: Final = 3  # findings of each label, on the first screen
# masked for each label: as faithful as masking every word, for a sixth of the runs
_MAX_PHRASES: Final = 4
# link to itself, which pages put after a heading
_ANCHOR_SYMBOL: Final = re.compile(r"\s*[#¶§]+\s*$")
_READ_AT_ONCE: Final = 1 << 16  # characters of staged articles


def write_html(reports: Iterable[Report], out: IO[str], output: Output) -> None:
    """Write one page for all reports. The same input gives the same bytes."""
    page = _Page(output)
    # Articles are staged, since the page's header has totals; of earlier reports only findings that
    # the first screen may show stay in memory.
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as staged:
        for report in reports:
            staged.writelines(page.article(report))
        staged.seek(0)
        out.writelines(page.whole(staged))


def report_digest(report: Report) -> str:
    """Return the SHA-256 of a report's bytes, or of its text where it has no file; in hex.

    Decisions find the report by it.
    """
    document = report.document
    if document is not None and document.sha256 is not None:
        return document.sha256
    if document is None and report.file != "-":
        with suppress(InputError):  # a file of rows comes in batches
            return hashlib.sha256(read_bounded(report.file)).hexdigest()
    text = document.text if document else "\n".join(passage.text for passage in report.passages)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class _Page:
    """A page, gathered while the articles of its reports are written."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._run = output.run
        self._marker = Marker()
        # findings of each label on the first screen: the most specific, each text once
        self._strongest: dict[str, list[Mark]] = {label: [] for label in self._run.labels}
        self._summaries: list[FileFindings] = []  # of each article
        self._subjects: defaultdict[str, Group] = defaultdict(Group)  # of each input
        self._kinds: dict[str, str | None] = {}  # of text, of each input; None if it is unknown
        self._is_measured = True  # whether the model was measured on such text as all inputs have
        self._long_reports: dict[str, tuple[str, int]] = {}  # title and parts, by file
        self._digests: dict[str, str] = {}  # of each input
        # of the findings, for the menus of the filters; as first written, by the lower-case name
        self._menus: dict[str, dict[str, str]] = {"country": {}, "year": {}, "section": {}}

    def article(self, report: Report) -> Iterator[str]:
        """Count a report, and write its article in fragments."""
        marks = self._marks(report)
        number = self._marker.reports
        summary = FileFindings.of(report)
        summary.add(report, marks)
        self._summaries.append(summary)
        if report.document is not None:
            summary.file = report.document.source
        part = report.part or (self._marker.parts if report.document is None else 1)
        if report.part or part > 1:
            summary.title = f"{report.title}, part {part}{_extent(report)}"
        if report.part == 1:
            message = f"{report.file}: long; shown in parts, with reasons for what is tagged"
            warnings.warn(message, stacklevel=3)
        if report.part:
            self._long_reports[report.file] = (report.title, report.part)
        if report.file not in self._digests:
            self._digests[report.file] = report_digest(report)
        self._subjects[report.file] += summary.total
        self._kinds[report.file] = report.reads_like
        self._is_measured &= report.is_measured
        for label, strongest in self._strongest.items():
            found = [mark for mark in marks if label in mark.passage.labels and mark.nature.counts]
            found = sorted(strongest + found, key=partial(_order_on_first_screen, label))
            by_words: dict[int, Mark] = {}
            for mark in found:
                by_words.setdefault(wording(mark.passage.text), mark)
            self._strongest[label] = list(by_words.values())[:_STRONGEST]
        for mark in marks:
            if mark.cited is not None:
                section = section_name(mark.passage.section)
                cited = mark.cited
                for name, value in (
                    ("country", cited.country),
                    ("year", cited.year),
                    ("section", section),
                ):
                    self._menus[name].setdefault(value.lower(), value)
        blocks = list(_blocks(report, marks))
        prefix = id_prefix(number)
        sections = dict.fromkeys(block.section for block in blocks)
        return render_template(
            "article.html",
            output=self._output,
            number=number,
            summary=summary,
            digest=self._digests[report.file],
            rows=report.document is None,
            is_unknown=is_unknown,
            doubt="" if report.is_measured else kind_warning(report.reads_like or ""),
            anchors={section: f"{prefix}s{n}" for n, section in enumerate(sections, 1)},
            # An iterator, so that Jinja, which keeps its values for a while, keeps no text.
            sections=((name, list(part)) for name, part in groupby(blocks, attrgetter("section"))),
        )

    def whole(self, staged: IO[str]) -> Iterator[str]:
        """Write the page around the articles that were staged."""
        summaries = self._summaries
        total = sum((summary.total for summary in summaries), Group(()))
        articles = iter(partial(staged.read, _READ_AT_ONCE), "")
        is_unread = any(subject.is_unread for subject in self._subjects.values())
        kind_measured = ""
        points: dict[str, Any] = {}
        if self._is_measured and not is_unread:
            kind_measured, points = _error_rates(self._run, set(self._kinds.values()))
        return render_template(
            "report.html",
            output=self._output,
            articles=map(Markup, articles),
            summaries=summaries,
            total=total,
            sole=summaries[0] if len(summaries) == 1 else None,
            subjects=list(self._subjects.values()),
            long_reports=list(self._long_reports.values()),
            strongest=self._strongest,
            points=points,
            is_measured=self._is_measured,
            kind_measured=kind_measured,
            countries=list(dict.fromkeys(filter(None, map(attrgetter("country"), summaries)))),
            years=sorted(set(filter(None, map(attrgetter("year"), summaries)))),
            menus=self._menus,
        )

    def _marks(self, report: Report) -> list[Mark]:
        """Mark the passages of a report, and explain those near a label."""
        thresholds = self._run.thresholds
        is_rows = report.document is None
        is_long = not is_rows and (report.part or len(report.passages) >= PART)
        marks = self._marker.marks(report)
        by_words: defaultdict[object, dict[tuple[str, ...], Mark]] = defaultdict(dict)
        explained: list[tuple[Mark, tuple[str, ...]]] = []
        for mark in marks:
            passage = mark.passage
            labels = passage.labels if is_long else labels_with_reasons(passage, thresholds)
            if labels:
                explained.append((mark, labels))
                mark.in_doubt = doubtful(passage, labels, thresholds)
            is_long_enough = not is_rows and len(passage.text.split()) >= MIN_WORDS
            mark.same_words = by_words[wording(passage.text) if is_long_enough else mark.name]
            mark.same_words.setdefault(passage.labels, mark)
        explanations: list[dict[str, Any]] = [{} for _ in explained]
        if self._run.explain is not None:  # the model is at hand
            passages = [mark.passage for mark, _ in explained]
            explanations = self._run.explain(passages, _MAX_PHRASES)
        for (mark, labels), found in zip(explained, explanations, strict=True):
            text = mark.passage.text
            mark.reasons = {label: summarize(text, found.get(label)) for label in labels}
        return marks


def _extent(report: Report) -> str:
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


def _error_rates(run: Run, kinds: Collection[str | None]) -> tuple[str, dict[str, Any]]:
    """Return the error rates of each label, and the kind of text that they were measured on.

    `kinds` are those of the reports, None where unknown; of several, the rates are those of all
    kinds, and the kind returned is empty. A label that few passages of the kind had, or whose
    threshold was moved, has none.
    """
    by_kind = run.meta.get("operating_points_by_kind", {}).get(run.policy, {})
    kind = next(iter(kinds)) if len(kinds) == 1 else None
    of_kind = by_kind.get(kind, {})
    measured = of_kind or run.meta.get("operating_points", {}).get(run.policy, {})
    points = {}
    for label in run.labels:
        point = measured.get(label)
        if point is None or (of_kind and point.get("support", math.inf) < FEWEST_POSITIVES):
            continue
        if abs(point["threshold"] - run.thresholds[label]) < 0.0001:
            points[label] = point
    return kind if kind and of_kind else "", points


class _Block(NamedTuple):
    """A block of a report, or an input row."""

    section: str | None
    page: int | None
    heading: str  # its text, without the anchor symbol; empty for others
    # each with the text between the passage before it, or the start of the block, and itself
    marks: list[tuple[str, Mark]]
    rest: str  # text after the heading or the last passage


def _blocks(report: Report, marks: Sequence[Mark]) -> Iterator[_Block]:
    if report.document is None:
        for mark in marks:
            yield _Block(mark.passage.section, mark.passage.page, "", [("", mark)], "")
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
            inside.append((text[end : mark.passage.start], mark))
            end = mark.passage.end
        yield _Block(block.section, block.page, heading, inside, text[end : block.end])


def _order_on_first_screen(label: str, mark: Mark) -> tuple[bool, bool, bool, float, float]:
    passage = mark.passage
    place = -rank(passage, mark.nature), -passage.scores[label]
    return is_template(passage.text), mark.is_doubtful, label in mark.in_doubt, *place
