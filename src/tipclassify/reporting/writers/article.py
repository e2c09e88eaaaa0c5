"""HTML article of one tagged report: counts by section, the full text with marked passages, a minimap, reasons.

`tipclassify.reporting.writers.html` makes the page around it; ``templates/article.html`` has the layout.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final

from tipclassify.model.explanation import Explanation
from tipclassify.reporting.subject import Subject, count_unknown, is_unknown, is_unread, subject_line
from tipclassify.reporting.writers import ScoringContext, TaggedReport
from tipclassify.reporting.writers.reasons import Reason, explain_shown, labels_shown, reason_of
from tipclassify.reporting.writers.templating import rendered
from tipclassify.reporting.writers.wording import LETTERS, section_name
from tipclassify.text.document import Passage
from tipclassify.text.furniture import is_prose

__all__ = ["ReportSummary", "article", "summarize_report"]

_ANCHOR_SYMBOL: Final = re.compile(r"\s*[#¶§]+\s*$")  # link to itself, which pages put after a heading
_MAP_HEIGHT: Final = 1000  # units of the SVG's viewBox
_MIN_MARK_HEIGHT: Final = 4  # in the minimap, so that a mark can be seen and clicked


@dataclass(frozen=True, slots=True)
class ReportSummary:
    """ReportSummary of a report, for its article's header and for the page around it.

    Attributes
    ----------
    number : int
        Number of the report in the page, from 1.
    prefix : str
        Prefix of this report's element ids; empty for the first report.
    passages, findings : int
        Number of prose passages, and of those with a label.
    subject : Subject
        Number of passages about trafficking.
    unknown, sentences : int
        Number of sentences with unknown words, and of all sentences.
    labels : Counter
        Number of passages of each label.
    """

    number: int
    prefix: str
    title: str
    source: str
    country: str | None
    year: int | None
    passages: int
    findings: int
    subject: Subject
    unknown: int
    sentences: int
    labels: Counter[str] = field(hash=False)

    @property
    def known(self) -> list[str]:
        """Country and year, if known."""
        return [str(fact) for fact in (self.country, self.year) if fact]

    @property
    def linked(self) -> bool:
        """Whether the source is a web address."""
        return self.source.lower().startswith(("http://", "https://"))

    @property
    def named(self) -> bool:
        """Whether to show the source: it is a link, or differs from the title."""
        return self.linked or self.source != self.title

    @property
    def unread(self) -> bool:
        """Whether the model does not know the report's language."""
        return is_unread(self.unknown, self.sentences)

    @property
    def subject_line(self) -> str:
        """The line that says that most of the report is on other subjects, or an empty string."""
        return subject_line([self.subject]) or ""


def summarize_report(report: TaggedReport, number: int, part: int) -> ReportSummary:
    """Summarize the `number`-th report, which is part `part` of its input (0 if it is all of it)."""
    document = report.document
    prose = [passage for passage in report.passages if is_prose(passage)]
    title = (document.title if document else None) or report.file
    return ReportSummary(
        number,
        "" if number == 1 else f"r{number}",
        title if part < 2 else f"{title}, part {part}",
        document.source if document else report.file,
        document.country if document else None,
        document.year if document else None,
        len(prose),
        sum(bool(passage.labels) for passage in prose),
        Subject.of(prose),
        *count_unknown(prose),
        Counter(label for passage in report.passages for label in passage.labels),
    )


@dataclass(frozen=True, slots=True)
class MarkedPassage:
    """A passage within its block.

    Attributes
    ----------
    before : str
        Text between the previous passage and this one.
    number : int
        Number of the passage in its input, from 1.
    name : str
        Prefix of its element ids.
    shown : tuple of str
        Labels whose reasons its card shows.
    reasons : mapping of str to Reason, or None
        The reasons by label; empty if left out, None if there is no card.
    """

    before: str
    text: str
    passage: Passage
    number: int
    name: str
    shown: tuple[str, ...]
    reasons: Mapping[str, Reason] | None

    @property
    def letters(self) -> str:
        """Letters of its labels, for CSS classes."""
        return "".join(LETTERS[label] for label in self.passage.labels)

    @property
    def scores(self) -> str:
        """Probabilities of its labels, separated by spaces."""
        return " ".join(f"{self.passage.scores[label]:.4f}" for label in self.passage.labels)

    @property
    def unreadable(self) -> bool:
        """Whether it is a prose sentence with many unknown words."""
        return is_unknown(self.passage) and is_prose(self.passage)


@dataclass(frozen=True, slots=True)
class ArticleBlock:
    """A block of a report, or an input row.

    Attributes
    ----------
    start, length : int
        Offset of its first character, and its number of characters.
    marks : sequence of MarkedPassage
        Its passages in order.
    heading, rest : str
        Of a heading: its text, and the anchor symbol after it. Of others: empty, and the text after the last passage.
    new_page : int or None
        Its page number, if the previous block is on another page.
    """

    section: str | None
    start: int
    length: int
    marks: Sequence[MarkedPassage]
    heading: str
    rest: str
    new_page: int | None


def article(report: TaggedReport, summary: ReportSummary, context: ScoringContext, first: int = 1) -> Iterator[str]:
    """Render the article; yield its HTML in fragments.

    Parameters
    ----------
    first : int
        Number of the first passage: above 1 if earlier parts of the input were written.
    """
    thresholds = context.thresholds
    shown = {n: labels for n, p in enumerate(report.passages) if (labels := labels_shown(p, thresholds))}
    found = explain_shown([report.passages[n] for n in shown], context.classifier)
    why = {n: one for n, one in zip(shown, found, strict=True) if one or report.passages[n].labels}
    marks = []
    for n, passage in enumerate(report.passages):
        reasons = _reasons_of(passage, shown[n], why[n]) if n in why else None
        number = first + n
        marks.append(
            MarkedPassage("", passage.text, passage, number, f"{summary.prefix}p{number}", shown.get(n, ()), reasons)
        )
    blocks = list(_article_blocks(report, marks))
    contents = {s: (f"{summary.prefix}s{n}", Counter[str]()) for n, s in enumerate(_sections(blocks), 1)}
    for passage in report.passages:
        if passage.section in contents:
            contents[passage.section][1].update(passage.labels)
    return rendered(
        "article.html",
        summary=summary,
        rows=report.document is None,
        unexplained=sum(one is None for one in why.values()),
        contents=contents,
        sections=_in_sections(blocks, {section: anchor for section, (anchor, _) in contents.items()}),
        map=_map(blocks),
        thresholds=thresholds,
        policy=context.policy,
        points=_points,
    )


def _reasons_of(
    passage: Passage, labels: Sequence[str], explanations: Mapping[str, Explanation] | None
) -> dict[str, Reason]:
    most = (4, 2) if len(labels) == 1 else (3, 1)  # a card must fit beside its passage
    return {label: reason_of(passage.text, explanations[label], *most) for label in labels} if explanations else {}


def _points(reason: Reason, section: str | None) -> list[tuple[str, float]]:
    """List the points of a card: contributions that add up to the log-odds, the last, or the drops by occlusion."""
    points = [(f"“{phrase.text}”", _rounded(phrase.weight)) for phrase in reason.phrases]
    if section and round(reason.heading, 1):
        points.append((f"the heading “{section_name(section)}”", _rounded(reason.heading)))
    total = _rounded(reason.logit)
    if not reason.additive:
        return [*points, ("points of the whole passage", total)]
    bias = _rounded(reason.bias)
    # "All other words" absorbs the rounding, so that the displayed numbers add up.
    others = _rounded(total - bias - sum(shown for _, shown in points))
    return [*points, ("all other words", others), ("before any word is read", bias), ("together", total)]


def _rounded(weight: float) -> float:
    return round(weight, 1) + 0.0  # turns −0.0 into 0.0


# --------------------------------------------------------------------------------------------- text and map


def _article_blocks(report: TaggedReport, marks: Sequence[MarkedPassage]) -> Iterator[ArticleBlock]:
    """Yield the blocks of the report, or its input rows."""
    page = None
    if report.document is None:
        for mark in marks:
            passage = mark.passage
            new_page = passage.page if passage.page != page else None
            page = passage.page
            yield ArticleBlock(passage.section, passage.start, len(passage.text), [mark], "", "", new_page)
        return
    waiting = sorted(marks, key=lambda mark: mark.passage.start)[::-1]
    for block in report.document.blocks:
        text, at, inside = report.document.text[block.start : block.end], 0, []
        while waiting and waiting[-1].passage.start < block.end:
            mark = waiting.pop()
            start, end = mark.passage.start - block.start, mark.passage.end - block.start
            inside.append(replace(mark, before=text[at:start], text=text[start:end]))
            at = end
        heading = (_ANCHOR_SYMBOL.sub("", text) or text) if block.heading else ""
        new_page = block.page if block.page != page else None
        page = block.page
        yield ArticleBlock(
            block.section, block.start, len(text), inside, heading, text[max(at, len(heading)) :], new_page
        )


def _sections(blocks: Sequence[ArticleBlock]) -> dict[str | None, None]:
    """List the sections in the order of the text, each once."""
    return dict.fromkeys(block.section for block in blocks)


def _in_sections(
    blocks: Sequence[ArticleBlock], anchors: dict[str | None, str]
) -> Iterator[tuple[str | None, str, list[ArticleBlock]]]:
    """Yield each sequence of blocks of one section, with the section's anchor the first time it occurs."""
    for section, in_section in groupby(blocks, key=lambda block: block.section):
        yield section, anchors.pop(section, ""), list(in_section)


def _map(blocks: Sequence[ArticleBlock]) -> Iterator[tuple[MarkedPassage, float, float]]:
    """Yield top and height of each finding in the minimap, by characters; the page's script refines them by layout."""
    scale = _MAP_HEIGHT / (sum(block.length for block in blocks) or 1)
    before = 0
    for block in blocks:
        for mark in block.marks:
            start, end = mark.passage.start, mark.passage.end
            if mark.passage.labels:
                yield mark, (before + start - block.start) * scale, max((end - start) * scale, _MIN_MARK_HEIGHT)
        before += block.length
