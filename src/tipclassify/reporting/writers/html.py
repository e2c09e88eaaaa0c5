"""HTML writer: one self-contained page with each report's full text, its findings, their reasons
and error rates."""

from __future__ import annotations

import json
import re
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import compress, groupby
from operator import attrgetter
from typing import IO, Final, NamedTuple

from markupsafe import Markup

from tipclassify.labels import LABELS
from tipclassify.reporting.citation import Citation, cite
from tipclassify.reporting.common_phrases import text_identity
from tipclassify.reporting.finding_row import finding_row
from tipclassify.reporting.particulars import FindingNature, KindCounts, Natures
from tipclassify.reporting.report import ScoringContext, TaggedReport, section_name
from tipclassify.reporting.subject import (
    Subject,
    about_trafficking,
    count_unknown,
    is_unknown,
    is_unread,
)
from tipclassify.reporting.summary import Group
from tipclassify.reporting.writers.findings import FileFindings
from tipclassify.reporting.writers.reasons import (
    Reason,
    explain_shown,
    labels_shown,
    summarize_explanation,
)
from tipclassify.reporting.writers.templating import rendered
from tipclassify.text.document import Passage
from tipclassify.text.segmentation.passages import PART

__all__ = ["write_html"]

_STRONGEST: Final = 3  # findings of each label, on the first screen
# kept of each label, since what recurs among the reports is known at the end
_CANDIDATES: Final = 60
# countries, or reports without one, in which a sentence is common to the reports at hand
_RECURRING: Final = 3
_FOLDED: Final = 40  # links below a folded line
# of a report without findings
_NOT_CITED: Final = dict.fromkeys(("publication", "publisher", "date", "address"), "")
# link to itself, which pages put after a heading
_ANCHOR_SYMBOL: Final = re.compile(r"\s*[#¶§]+\s*$")


def write_html(reports: Iterable[TaggedReport], out: IO[str], context: ScoringContext) -> None:
    """Write one page for all reports. The same input gives the same bytes."""
    summaries: list[FileFindings] = []
    subjects: defaultdict[str, Subject] = defaultdict(Subject)  # of each input
    parts: dict[str, tuple[str, int]] = {}  # title and number of parts of each long report
    batches: Counter[str] = Counter()  # of each input of rows, which come in batches
    rows: Counter[str] = Counter()
    first_screen = FirstScreen()
    natures = "", Natures()  # of the input that is read
    # Articles are staged, since the page's header has totals: memory does not grow with the number
    # of reports.
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as staged:
        for number, report in enumerate(reports, 1):
            summary, part = FileFindings.of(report), report.part
            summary.count(report)
            if report.document is None:
                part = batches[report.file] = batches[report.file] + 1
            else:
                summary.file = report.document.source
            if report.part == 1:
                warnings.warn(
                    f"{report.file}: long; shown in parts, with reasons for what is tagged",
                    stacklevel=2,
                )
            if report.part:
                parts[report.file] = report.title, part
            if report.part or part > 1:
                summary.title = f"{report.title}, part {part}{_extent(report)}"
            subjects[report.file] += summary.subject
            summaries.append(summary)
            if natures[0] != report.file:
                natures = report.file, Natures(rows=report.document is None)
            marks = _marks(report, number, context, 1 + rows[report.file], natures[1])
            summary.kinds.add(report.passages, [mark.nature for mark in marks])
            first_screen.add(report.country or report.file, marks)
            staged.writelines(_article(report, number, summary, context, marks))
            rows[report.file] += 0 if report.document else len(report.passages)
        staged.seek(0)
        page = rendered(
            "report.html",
            articles=map(Markup, iter(partial(staged.read, 1 << 16), "")),
            summaries=summaries,
            total=sum((summary.total for summary in summaries), Group(())),
            kinds=sum((summary.kinds for summary in summaries), KindCounts()),
            one=summaries[0] if len(summaries) == 1 else None,
            subjects=list(subjects.values()),
            parts=list(parts.values()),
            boxes={label: first_screen.box(label) for label in LABELS},
            context=context,
        )
        out.writelines(page)


def _extent(report: TaggedReport) -> str:
    """Name the first and last country of a part, or its first section: " (Karvonia to Zembla)"."""
    blocks = report.document.blocks if report.document else ()
    if countries := [block.country for block in blocks if block.country]:
        return f" ({' to '.join(dict.fromkeys((countries[0], countries[-1])))})"
    return f" (from {section_name(blocks[0].section)})" if blocks and blocks[0].section else ""


class MarkedPassage(NamedTuple):
    """A passage within its block."""

    passage: Passage
    number: int  # in its input, from 1
    name: str  # prefix of its element ids
    shown: tuple[str, ...]  # labels whose reasons its card shows
    reasons: dict[str, Reason] | None  # by label; None if there is no card
    cited: Citation | None  # if it has a label
    unreadable: bool  # whether it is a prose sentence of unknown words
    nature: FindingNature

    @property
    def rank(self) -> float:
        """How particular and probable it is; 0 for templates, rows of tables and what was said
        before."""
        return self.nature.rank(
            max((self.passage.scores[label] for label in self.passage.labels), default=0.0)
        )


class LabelBox(NamedTuple):
    """Findings of a label on the first screen: the most particular ones, and those that are
    folded."""

    strongest: list[MarkedPassage]
    templates: list[MarkedPassage]  # sentences that stand in many reports
    rows: list[MarkedPassage]  # of tables

    def folded(self) -> str:
        """Say what is folded: "and 7 sentences that stand in many reports, 23 table rows"; empty
        for nothing."""
        parts = []
        if number := len(self.templates):
            parts.append(
                f"{number:,} sentence{'s that stand' if number > 1 else ' that stands'} in many reports"
            )
        if number := len(self.rows):
            parts.append(f"{number:,} table row{'s' if number > 1 else ''}")
        return f"and {', '.join(parts)}" if parts else ""

    def links(self) -> list[MarkedPassage]:
        """List the first folded findings."""
        return [*self.templates, *self.rows][:_FOLDED]


class FirstScreen:
    """Gathers the findings of all reports, of which the first screen shows the most particular."""

    def __init__(self) -> None:
        self._candidates: dict[str, list[MarkedPassage]] = {label: [] for label in LABELS}
        self._templates: dict[str, list[MarkedPassage]] = {label: [] for label in LABELS}
        self._rows: dict[str, list[MarkedPassage]] = {label: [] for label in LABELS}
        # countries of each tagged sentence
        self._where: defaultdict[int, set[str]] = defaultdict(set)

    def add(self, country: str, marks: Iterable[MarkedPassage]) -> None:
        """Add the passages of a report of a country."""
        for mark in marks:
            if not mark.passage.labels or mark.nature.first is not None:
                continue
            self._where[text_identity(mark.passage.text)].add(country)
            for label in mark.passage.labels:
                if mark.nature.kind == "table row":
                    self._rows[label].append(mark)
                elif mark.nature.template:
                    self._templates[label].append(mark)
                else:
                    self._candidates[label].append(mark)
        for label, found in self._candidates.items():
            found.sort(
                key=lambda mark: (
                    mark.passage.low_confidence,
                    -mark.rank,
                    -mark.passage.scores[label],
                )
            )
            del found[_CANDIDATES:]

    def box(self, label: str) -> LabelBox:
        """Choose the most particular findings of a label; sentences that recur among the reports
        are templates."""
        once: dict[int, MarkedPassage] = {}
        common = list(self._templates[label])
        for mark in self._candidates[label]:
            identity = text_identity(mark.passage.text)
            if len(self._where[identity]) >= _RECURRING:
                common.append(mark)
            else:
                once.setdefault(identity, mark)
        best = list(once.values())[:_STRONGEST]
        shared: dict[int, MarkedPassage] = {}
        for mark in sorted(common, key=lambda mark: -mark.passage.scores[label]):
            shared.setdefault(text_identity(mark.passage.text), mark)
        templates = list(shared.values())
        missing = _STRONGEST - len(best)
        return LabelBox([*best, *templates[:missing]], templates[missing:], self._rows[label])


def _prefix(number: int) -> str:  # of the element ids of a report
    return "" if number == 1 else f"r{number}"


class ArticleBlock(NamedTuple):
    """A block of a report, or an input row."""

    section: str | None
    page: int | None
    heading: str  # its text, without the anchor symbol; empty for others
    marks: list[tuple[str, MarkedPassage]]  # each with the text before it
    rest: str  # text after the heading or the last passage


def _article(
    report: TaggedReport,
    number: int,
    summary: FileFindings,
    context: ScoringContext,
    marks: list[MarkedPassage],
) -> Iterator[str]:
    blocks = list(_blocks(report, marks))
    sections = dict.fromkeys(block.section for block in blocks)
    unknown = count_unknown(report.passages)
    return rendered(
        "article.html",
        number=number,
        summary=summary,
        title=report.title,
        cited=next((mark.cited.fields for mark in marks if mark.cited), _NOT_CITED),
        rows=report.document is None,
        unknown=unknown if is_unread(*unknown) else None,
        passages=json.dumps(_counted(report, marks), ensure_ascii=False),
        anchors={section: f"{_prefix(number)}s{n}" for n, section in enumerate(sections, 1)},
        # An iterator, so that Jinja, which keeps its values for a while, does not keep the text.
        sections=((name, list(part)) for name, part in groupby(blocks, attrgetter("section"))),
        marks=marks,
        context=context,
    )


def _counted(
    report: TaggedReport, marks: Sequence[MarkedPassage]
) -> list[tuple[str, str, str, int, int]]:
    """Count the passages, and the sentences on the subject, by country, year and section."""
    passages: Counter[tuple[str, str, str]] = Counter()
    on_subject: Counter[tuple[str, str, str]] = Counter()
    about = about_trafficking(report.passages)
    for finding, mark, is_about in zip(report.findings(), marks, about, strict=True):
        row = finding_row(finding)
        place = row["country"] or "", str(row["year"] or ""), section_name(finding.passage.section)
        passages[place] += 1
        on_subject[place] += is_about and mark.nature.counts
    return [(*place, count, on_subject[place]) for place, count in passages.items()]


def _marks(
    report: TaggedReport, number: int, context: ScoringContext, first: int, natures: Natures
) -> list[MarkedPassage]:
    """Explain the passages that have a label or nearly have one."""
    long = report.document is not None and (report.part or len(report.passages) >= PART)
    passages = report.passages
    shown = [
        passage.labels if long else labels_shown(passage, context.thresholds)
        for passage in passages
    ]
    explained = explain_shown(list(compress(passages, shown)), context.classifier)
    names = [f"{_prefix(number)}p{at}" for at in range(first, first + len(passages))]
    found = natures.of(passages, names)
    marks = []
    for at, (finding, labels, nature) in enumerate(
        zip(report.findings(), shown, found, strict=True), first
    ):
        passage = finding.passage
        most = (3, 2) if len(labels) == 1 else (3, 1)  # a card must fit beside its passage
        card = None
        if labels:
            explanation = next(explained)
            card = {
                label: summarize_explanation(passage, explanation[label], *most) for label in labels
            }
        cited = cite(finding, context) if passage.labels else None
        name = f"{_prefix(number)}p{at}"
        marks.append(
            MarkedPassage(passage, at, name, labels, card, cited, is_unknown(passage), nature)
        )
    return marks


def _blocks(report: TaggedReport, marks: Sequence[MarkedPassage]) -> Iterator[ArticleBlock]:
    if report.document is None:
        for mark in marks:
            yield ArticleBlock(mark.passage.section, mark.passage.page, "", [("", mark)], "")
        return
    text = report.document.text
    waiting = sorted(marks, key=lambda mark: mark.passage.start, reverse=True)
    for block in report.document.blocks:
        whole = text[block.start : block.end]
        heading = (_ANCHOR_SYMBOL.sub("", whole) or whole) if block.heading else ""
        at, inside = block.start + len(heading), []
        while waiting and waiting[-1].passage.start < block.end:
            mark = waiting.pop()
            inside.append((text[at : mark.passage.start], mark))
            at = mark.passage.end
        yield ArticleBlock(block.section, block.page, heading, inside, text[at : block.end])
