"""HTML writer: one self-contained page with each report's full text, its findings, their reasons and error rates.

``templates/`` has the layout; the content security policy allows our script only.
"""

from __future__ import annotations

import re
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import compress, groupby
from operator import attrgetter
from typing import IO, Any, Final

from markupsafe import Markup

from tipclassify.reporting.subject import Subject, count_unknown, is_unknown, is_unread, subject_line
from tipclassify.reporting.writers import ScoringContext, TaggedReport
from tipclassify.reporting.writers.reasons import Reason, explain_shown, labels_shown, reason_of
from tipclassify.reporting.writers.templating import rendered
from tipclassify.text.document import Passage
from tipclassify.text.furniture import is_prose
from tipclassify.text.segmentation.passages import PART

__all__ = ["write_html"]

_ANCHOR_SYMBOL: Final = re.compile(r"\s*[#¶§]+\s*$")  # link to itself, which pages put after a heading


@dataclass(frozen=True, slots=True)
class ReportSummary:
    """Facts of a report for its article and for the page around it; passages are those of prose."""

    number: int  # in the page, from 1
    title: str
    source: str
    country: str | None
    year: int | None
    passages: int
    findings: int  # passages with a label
    subject: Subject
    labels: Counter[str] = field(hash=False)


def write_html(reports: Iterable[TaggedReport], out: IO[str], context: ScoringContext) -> None:
    """Write one page for all reports. The same input gives the same bytes."""
    summaries: list[ReportSummary] = []
    parts: Counter[str] = Counter()  # of an input of rows, which come in batches
    rows: Counter[str] = Counter()
    # Articles are staged, since the page's header has totals: memory does not grow with the number of reports.
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as staged:
        for number, report in enumerate(reports, 1):
            parts[report.file] += report.document is None
            summary = _summarize(report, number, max(parts[report.file], report.part))
            if report.part == 2:
                warnings.warn(f"{report.file}: long; shown in parts, with reasons for what is tagged", stacklevel=2)
            staged.writelines(_article(report, summary, context, rows[report.file] + 1))
            rows[report.file] += len(report.passages) if report.document is None else 0
            summaries.append(summary)
        staged.seek(0)
        page = rendered(
            "report.html",
            articles=map(Markup, iter(partial(staged.read, 1 << 16), "")),
            summaries=summaries,
            one=summaries[0] if len(summaries) == 1 else None,
            subject_line=subject_line(summary.subject for summary in summaries),
            legend=_legend(summaries, context),
            methods=context.classifier.scorer.methods,
            model=str(context.classifier.meta.get("sha256", "unknown")),
            policy=context.policy,
        )
        out.writelines(page)


def _legend(summaries: Sequence[ReportSummary], context: ScoringContext) -> list[dict[str, Any]]:
    """List the labels: number here, threshold, and precision and recall with their intervals if measured at it."""
    points = context.classifier.meta.get("operating_points", {}).get(context.policy, {})
    legend = []
    for label, threshold in context.thresholds.items():
        point = points.get(label, {})
        measured = abs(point.get("threshold", -1) - threshold) < 1e-4  # else the user set the threshold
        rates = {name: point.get(name, ()) if measured else () for name in ("precision", "recall")}
        here = sum(summary.labels[label] for summary in summaries)
        legend.append({"label": label, "here": here, "threshold": threshold, **rates})
    return legend


def _summarize(report: TaggedReport, number: int, part: int) -> ReportSummary:
    """Summarize the `number`-th report, which is part `part` of its input (at most 1 if it is all of it)."""
    prose = [passage for passage in report.passages if is_prose(passage)]
    return ReportSummary(
        number,
        report.title if part < 2 else f"{report.title}, part {part}",
        report.document.source if report.document else report.file,
        report.country,
        report.year,
        len(prose),
        sum(bool(passage.labels) for passage in prose),
        Subject.of(prose),
        Counter(label for passage in report.passages for label in passage.labels),
    )


@dataclass(frozen=True, slots=True)
class MarkedPassage:
    """A passage within its block."""

    before: str  # text between the previous passage and this one
    text: str
    passage: Passage
    number: int  # in its input, from 1
    name: str  # prefix of its element ids
    shown: tuple[str, ...]  # labels whose reasons its card shows
    reasons: dict[str, Reason] | None  # by label; {} if left out, None if there is no card

    @property
    def unreadable(self) -> bool:
        """Whether it is a prose sentence with many unknown words."""
        return is_unknown(self.passage) and is_prose(self.passage)


@dataclass(frozen=True, slots=True)
class ArticleBlock:
    """A block of a report, or an input row."""

    section: str | None
    marks: Sequence[MarkedPassage]
    heading: str  # its text, without the anchor symbol; empty for others
    rest: str  # text after the heading or the last passage
    new_page: int | None  # page number, if the previous block is on another page


def _article(report: TaggedReport, summary: ReportSummary, context: ScoringContext, first: int) -> Iterator[str]:
    """Render the article, whose first passage has the number `first` in its input; yield its HTML in fragments."""
    prefix = "" if summary.number == 1 else f"r{summary.number}"  # of this report's element ids
    marks = _marks(report, prefix, context, first)
    blocks = list(_blocks(report, marks))
    sections = dict.fromkeys(block.section for block in blocks)
    anchors = {section: f"{prefix}s{n}" for n, section in enumerate(sections, 1)}
    contents = {section: (anchor, Counter[str]()) for section, anchor in anchors.items()}
    for passage in report.passages:
        if passage.section in contents:
            contents[passage.section][1].update(passage.labels)
    unknown = count_unknown(list(filter(is_prose, report.passages)))
    return rendered(
        "article.html",
        summary=summary,
        rows=report.document is None,
        unknown=unknown if is_unread(*unknown) else None,
        subject_line=subject_line([summary.subject]),
        unexplained=sum(mark.reasons == {} for mark in marks),
        contents=contents,
        # An iterator, so that Jinja, which keeps its values for a while, does not keep the text.
        sections=((name, anchors.pop(name, ""), list(part)) for name, part in groupby(blocks, attrgetter("section"))),
        marks=marks,
        thresholds=context.thresholds,
        policy=context.policy,
    )


def _marks(report: TaggedReport, prefix: str, context: ScoringContext, first: int) -> list[MarkedPassage]:
    """Explain the passages that have a label or nearly have one; a card lists reasons, or says that they are left out."""
    long = report.document is not None and (report.part > 1 or len(report.passages) >= PART)
    passages = report.passages
    shown = [passage.labels if long else labels_shown(passage, context.thresholds) for passage in passages]
    explained = explain_shown(list(compress(passages, shown)), context.classifier)
    marks = []
    for number, (passage, labels) in enumerate(zip(passages, shown, strict=True), first):
        found = next(explained) if labels else None
        most = (4, 2) if len(labels) == 1 else (3, 1)  # a card must fit beside its passage
        reasons = {label: reason_of(passage, found[label], *most) for label in labels} if found else {}
        card = reasons if reasons or passage.labels else None
        marks.append(MarkedPassage("", passage.text, passage, number, f"{prefix}p{number}", labels, card))
    return marks


def _blocks(report: TaggedReport, marks: Sequence[MarkedPassage]) -> Iterator[ArticleBlock]:
    """Yield the blocks of the report, or its input rows."""
    page = None
    if report.document is None:
        for mark in marks:
            passage = mark.passage
            yield ArticleBlock(passage.section, [mark], "", "", passage.page if passage.page != page else None)
            page = passage.page
        return
    waiting = sorted(marks, key=lambda mark: mark.passage.start, reverse=True)
    for block in report.document.blocks:
        text, at, inside = report.document.text[block.start : block.end], 0, []
        while waiting and waiting[-1].passage.start < block.end:
            mark = waiting.pop()
            start, end = mark.passage.start - block.start, mark.passage.end - block.start
            inside.append(replace(mark, before=text[at:start], text=text[start:end]))
            at = end
        heading = (_ANCHOR_SYMBOL.sub("", text) or text) if block.heading else ""
        rest = text[max(at, len(heading)) :]
        yield ArticleBlock(block.section, inside, heading, rest, block.page if block.page != page else None)
        page = block.page
