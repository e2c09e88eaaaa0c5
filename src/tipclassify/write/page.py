"""Pages of reports: each report in full, its findings marked, with reasons and error rates.

One self-contained page for all reports of an output. What it says of a passage is gathered in a
`Mark`, before the text is laid out in blocks; its first screen has the most particular findings.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import compress, groupby
from operator import attrgetter
from typing import IO, Any, Final, NamedTuple

from markupsafe import Markup

from tipclassify.errors import InputError
from tipclassify.readers.limits import read_bounded
from tipclassify.records import Passage, Report, Run, section_name
from tipclassify.reports.adjust import kind_of_publication
from tipclassify.reports.cite import Citation, cite
from tipclassify.reports.counts import Group
from tipclassify.reports.findings import (
    MIN_WORDS,
    RECURRING_COUNTRIES,
    KindCounts,
    Nature,
    Natures,
    Subject,
    is_unknown,
    wording,
)
from tipclassify.text.split import PART
from tipclassify.write.file_findings import FileFindings
from tipclassify.write.output import Output
from tipclassify.write.reasons import Reason, doubtful, explain, labels_with_reasons, summarize
from tipclassify.write.templating import render_template

_STRONGEST: Final = 3  # findings of each label, on the first screen
# kept of each label, since what recurs among the reports is known at the end
_CANDIDATES: Final = 60
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


class Mark(NamedTuple):
    """A passage of a page, with all that the page says of it."""

    passage: Passage
    number: int  # in its input, from 1
    name: str  # prefix of its element ids
    reasons: Mapping[str, Reason] | None  # by label that its card shows; None if there is no card
    in_doubt: tuple[str, ...]  # labels near their threshold, whose rule the card shows
    cited: Citation | None  # if it has a label
    nature: Nature
    same_words: Mapping[tuple[str, ...], Mark]  # first place of its words in the article, by labels


class _Page:
    """A page, gathered while the articles of its reports are written."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._run = output.run
        self._first_screen = _FirstScreen(output.run)
        self._summaries: list[FileFindings] = []  # of each article
        self._subjects: defaultdict[str, Subject] = defaultdict(Subject)  # of each input
        self._long_reports: dict[str, tuple[str, int]] = {}  # title and parts, by file
        self._batches: Counter[str] = Counter()  # of each input of rows, which come in batches
        self._read: Counter[str] = Counter()  # rows read before, of each input of rows
        # of the findings, for the menus of the filters
        self._countries: set[str] = set()
        self._years: set[str] = set()
        self._sections: dict[str, str] = {}  # as first written, by the lower-case name
        # of the input that is read
        self._file = ""
        self._digest = ""
        self._natures = Natures()

    def article(self, report: Report) -> Iterator[str]:
        """Count a report, and write its article in fragments."""
        summary = FileFindings.of(report)
        part = self._part(report)
        if report.document is not None:
            summary.file = report.document.source
        if report.part or part > 1:
            summary.title = f"{report.title}, part {part}{_extent(report)}"
        self._summaries.append(summary)
        number = len(self._summaries)
        marks = self._marks(report, number)
        summary.add(report, [mark.nature for mark in marks])
        self._subjects[report.file] += summary.subject
        self._first_screen.add(report.country or report.file, marks)
        for mark in marks:
            if mark.cited is not None:
                self._countries.add(mark.cited.country)
                self._years.add(mark.cited.year)
                name = section_name(mark.passage.section)
                self._sections.setdefault(name.lower(), name)
        blocks = list(_blocks(report, marks))
        sections = dict.fromkeys(block.section for block in blocks)
        return render_template(
            "article.html",
            output=self._output,
            number=number,
            summary=summary,
            digest=self._digest,
            rows=report.document is None,
            is_unknown=is_unknown,
            anchors={section: f"{_prefix(number)}s{n}" for n, section in enumerate(sections, 1)},
            # An iterator, so that Jinja, which keeps its values for a while, keeps no text.
            sections=((name, list(part)) for name, part in groupby(blocks, attrgetter("section"))),
        )

    def _part(self, report: Report) -> int:
        """Return the number of a report's part or batch; 0 for a whole report."""
        if report.document is None:
            self._batches[report.file] += 1
            return self._batches[report.file]
        if report.part == 1:
            message = f"{report.file}: long; shown in parts, with reasons for what is tagged"
            warnings.warn(message, stacklevel=4)
        if report.part:
            self._long_reports[report.file] = (report.title, report.part)
        return report.part

    def whole(self, staged: IO[str]) -> Iterator[str]:
        """Write the page around the articles that were staged."""
        summaries = self._summaries
        total = sum((summary.total for summary in summaries), Group(()))
        articles = iter(partial(staged.read, _READ_AT_ONCE), "")
        kind_measured, points = _error_rates(self._run, kind_of_publication(total.publication))
        return render_template(
            "report.html",
            output=self._output,
            articles=map(Markup, articles),
            summaries=summaries,
            total=total,
            kinds=sum((summary.total_kinds for summary in summaries), KindCounts()),
            sole=summaries[0] if len(summaries) == 1 else None,
            subjects=list(self._subjects.values()),
            long_reports=list(self._long_reports.values()),
            strongest={label: self._first_screen.strongest(label) for label in self._run.labels},
            points=points,
            kind_measured=kind_measured,
            countries=list(dict.fromkeys(filter(None, map(attrgetter("country"), summaries)))),
            years=sorted(set(filter(None, map(attrgetter("year"), summaries)))),
            menus={
                "country": sorted(self._countries - {""}),
                "year": sorted(self._years - {""}),
                "section": list(self._sections.values()),
            },
        )

    def _marks(self, report: Report, number: int) -> list[Mark]:
        """Mark the passages of a report, the page's `number`, and explain those near a label."""
        is_rows = report.document is None
        if report.file != self._file:
            self._file = report.file
            self._digest = report_digest(report)
            self._natures = Natures(rows=is_rows)
        passages = report.passages
        first = 1 + self._read[report.file]
        if is_rows:
            self._read[report.file] += len(passages)
        numbers = range(first, first + len(passages))
        names = [f"{_prefix(number)}p{place}" for place in numbers]
        if not is_rows and (report.part or len(passages) >= PART):  # a long one
            shown = [passage.labels for passage in passages]
        else:
            shown = [labels_with_reasons(passage, self._run.thresholds) for passage in passages]
        explanations = explain(list(compress(passages, shown)), self._run)
        natures = self._natures.of(passages, names)
        by_words: defaultdict[object, dict[tuple[str, ...], Mark]] = defaultdict(dict)
        marks = []
        for place, name, passage, labels, nature in zip(
            numbers, names, passages, shown, natures, strict=True
        ):
            reasons = None
            if labels:
                explained = next(explanations)
                reasons = {label: summarize(passage.text, explained.get(label)) for label in labels}
            is_long_enough = not is_rows and len(passage.text.split()) >= MIN_WORDS
            same_words = by_words[wording(passage.text) if is_long_enough else name]
            mark = Mark(
                passage=passage,
                number=place,
                name=name,
                reasons=reasons,
                in_doubt=doubtful(passage, labels, self._run.thresholds),
                cited=cite(report, passage) if passage.labels else None,
                nature=nature,
                same_words=same_words,
            )
            same_words.setdefault(passage.labels, mark)
            marks.append(mark)
        return marks


def _prefix(number: int) -> str:
    """Return the prefix of the element ids of a page's report, by its number from 1."""
    return "" if number == 1 else f"r{number}"


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


def _error_rates(run: Run, kind: str | None) -> tuple[str, dict[str, Any]]:
    """Return the error rates of each label, and the kind of report that they were measured on.

    Of a label whose threshold was moved, nothing is known. The kind is empty for all kinds.
    """
    by_kind = run.meta.get("operating_points_by_kind", {}) if run.policy == "balanced" else {}
    measured = by_kind.get(kind or "") or run.meta.get("operating_points", {}).get(run.policy, {})
    points = {
        label: measured[label]
        for label in run.labels
        if label in measured and abs(measured[label]["threshold"] - run.thresholds[label]) < 0.0001
    }
    return kind if kind and kind in by_kind else "", points


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


class _FirstScreen:
    """Gathers the findings of all reports, of which the first screen shows the most particular."""

    def __init__(self, run: Run) -> None:
        self._candidates: dict[str, list[Mark]] = {label: [] for label in run.labels}
        # countries of each tagged sentence
        self._countries: defaultdict[int, set[str]] = defaultdict(set)

    def add(self, country: str, marks: Iterable[Mark]) -> None:
        """Add the sentences of a report of a country."""
        for mark in marks:
            if not mark.passage.labels or not mark.nature.counts:
                continue
            self._countries[wording(mark.passage.text)].add(country)
            for label in mark.passage.labels:
                self._candidates[label].append(mark)
        for label, candidates in self._candidates.items():
            candidates.sort(key=partial(_order_on_first_screen, label))
            del candidates[_CANDIDATES:]

    def strongest(self, label: str) -> list[Mark]:
        """Choose the most particular findings, each text once; what many reports have comes last."""
        particular: dict[int, Mark] = {}
        recurring: dict[int, Mark] = {}
        for mark in self._candidates[label]:
            identity = wording(mark.passage.text)
            is_recurring = len(self._countries[identity]) >= RECURRING_COUNTRIES
            kind = recurring if is_recurring or mark.nature.template else particular
            kind.setdefault(identity, mark)
        return [*particular.values(), *recurring.values()][:_STRONGEST]


def _order_on_first_screen(label: str, mark: Mark) -> tuple[bool, float, float]:
    scores = mark.passage.scores
    rank = mark.nature.rank(max(scores[given] for given in mark.passage.labels))
    return mark.passage.low_confidence, -rank, -scores[label]
