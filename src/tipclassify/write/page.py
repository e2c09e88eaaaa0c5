"""Pages of reports: each report in full, its findings marked, with reasons and error rates.

One self-contained page for all reports of an output. What it says of a passage is gathered in a
`Mark`, before the text is laid out in blocks; its first screen has the most particular findings.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import compress, groupby
from operator import attrgetter
from typing import IO, Any, Final, NamedTuple

from markupsafe import Markup

from tipclassify.errors import InputError
from tipclassify.formatting import count_with_noun
from tipclassify.readers.limits import read_bounded
from tipclassify.records import Passage, Report, Run, row, section_name, whole_number
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

_MOST_PLACES: Final = 3  # named on a card
# of a card, which must fit beside its passage: phrases for a label, and against it
_MOST_FOR: Final = 3
_MOST_AGAINST_ONLY_LABEL: Final = 2
_MOST_AGAINST: Final = 1  # where a card has several labels
_STRONGEST: Final = 3  # findings of each label, on the first screen
_FOLDED: Final = 40  # links below a folded line
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


class Place(NamedTuple):
    """A place of a report where a sentence stands."""

    name: str  # of its element on the page
    number: int  # of the passage, from 1
    passage: Passage
    is_linked: bool  # whether the page has an element of this name


class Mark(NamedTuple):
    """A passage of a page, with all that the page says of it."""

    passage: Passage
    number: int  # in its input, from 1
    name: str  # prefix of its element ids
    # characters in the text of its report; of an input row, which has none, its number
    start: int
    end: int
    shown: tuple[str, ...]  # labels whose reasons its card shows
    # those of them that lie near their threshold, or below it, whose rule the card shows
    in_doubt: tuple[str, ...]
    reasons: dict[str, Reason] | None  # by label; None if there is no card
    cited: Citation | None  # if it has a label
    is_unreadable: bool  # whether it is a prose sentence of unknown words
    nature: Nature
    elsewhere: tuple[Place, ...] = ()  # further places of the same words
    more_elsewhere: int = 0  # places that a card does not name

    @property
    def rank(self) -> float:
        """How particular and probable it is; 0 for templates, rows and what was said before."""
        passage = self.passage
        return self.nature.rank(max((passage.scores[label] for label in passage.labels), default=0))

    @property
    def place(self) -> Place:
        """Where it stands."""
        is_linked = bool(self.passage.labels) or self.reasons is not None
        return Place(self.name, self.number, self.passage, is_linked)


class LongReport(NamedTuple):
    """A report that is shown in parts."""

    title: str
    parts: int


class _Page:
    """A page, gathered while the articles of its reports are written."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._run = output.run
        self._first_screen = _FirstScreen(output.run)
        self._summaries: list[FileFindings] = []  # of each article
        self._subjects: defaultdict[str, Subject] = defaultdict(Subject)  # of each input
        self._long_reports: dict[str, LongReport] = {}  # by file
        self._batches: Counter[str] = Counter()  # of each input of rows, which come in batches
        self._read: Counter[str] = Counter()  # rows read before, of each input of rows
        self._countries: set[str] = set()
        self._years: set[str] = set()
        self._sections: dict[str, str] = {}  # names of those with findings, by lower case
        self._lowest = 0.99  # probability of a label that was given
        # of the input that is read
        self._file = ""
        self._digest = ""
        self._natures = Natures()
        self._places: defaultdict[int, list[Place]] = defaultdict(list)  # by what a sentence says
        self._in_doubt: dict[str, tuple[str, ...]] = {}  # labels of each place, by its name

    def article(self, report: Report) -> Iterator[str]:
        """Count a report, and write its article in fragments."""
        summary = FileFindings.of(report)
        summary.count(report)
        part = self._part(report)
        if report.document is not None:
            summary.file = report.document.source
        if report.part or part > 1:
            summary.title = f"{report.title}, part {part}{_extent(report)}"
        self._subjects[report.file] += summary.subject
        self._summaries.append(summary)
        number = len(self._summaries)
        marks = self._marks(report, number)
        summary.count_kinds(report, [mark.nature for mark in marks])
        self._first_screen.add(report.country or report.file, marks)
        groups = _count_groups(report, marks)
        self._note_filters(groups, marks)
        blocks = list(_blocks(report, marks))
        sections = dict.fromkeys(block.section for block in blocks)
        counted = summary.total
        return render_template(
            "article.html",
            output=self._output,
            number=number,
            summary=summary,
            digest=self._digest,
            rows=report.document is None,
            unknown=counted.unknown if counted.is_unread else 0,
            sentences=counted.sentences,
            passages=json.dumps(groups, ensure_ascii=False),
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
            self._long_reports[report.file] = LongReport(report.title, report.part)
        return report.part

    def _note_filters(self, groups: Sequence[dict[str, Any]], marks: Sequence[Mark]) -> None:
        """Note what the menus of the filters and their slider offer."""
        self._countries.update(group["country"] for group in groups)
        self._years.update(group["year"] for group in groups)
        for mark in marks:
            for label in mark.passage.labels:
                section = section_name(mark.passage.section)
                self._sections.setdefault(section.lower(), section)
                self._lowest = min(self._lowest, mark.passage.scores[label])

    def whole(self, staged: IO[str]) -> Iterator[str]:
        """Write the page around the articles that were staged."""
        summaries = self._summaries
        total = sum((summary.total for summary in summaries), Group(()))
        articles = iter(partial(staged.read, _READ_AT_ONCE), "")
        countries = sorted(self._countries - {""})
        years = sorted(self._years - {""})
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
            boxes={label: self._first_screen.box(label) for label in self._run.labels},
            most_strongest=_STRONGEST,
            most_folded=_FOLDED,
            points=points,
            kind_measured=kind_measured,
            least=f"{int(100 * self._lowest) / 100:g}" if self._sections else "0",
            countries=list(dict.fromkeys(filter(None, map(attrgetter("country"), summaries)))),
            years=sorted(set(filter(None, map(attrgetter("year"), summaries)))),
            menus={
                "country": [(name, name) for name in countries],
                "year": [(year, year) for year in years],
                "report": [(f"r{n}", summary.title) for n, summary in enumerate(summaries, 1)],
                "section": list(self._sections.items()),
            },
        )

    def _marks(self, report: Report, number: int) -> list[Mark]:
        """Mark the passages of a report, the page's `number`, and explain those near a label."""
        is_rows = report.document is None
        if report.file != self._file:
            self._file = report.file
            self._digest = report_digest(report)
            self._natures = Natures(rows=is_rows)
            self._places.clear()
            self._in_doubt.clear()
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
        marks = []
        for place, name, passage, labels, nature in zip(
            numbers, names, passages, shown, natures, strict=True
        ):
            in_doubt = self._newly_in_doubt(name, nature, passage, labels)
            reasons = None
            if labels:
                explained = next(explanations)
                most_against = _MOST_AGAINST_ONLY_LABEL if len(labels) == 1 else _MOST_AGAINST
                reasons = {
                    label: summarize(passage, explained[label], _MOST_FOR, most_against)
                    for label in labels
                    if label in explained
                }
            mark = Mark(
                passage=passage,
                number=place,
                name=name,
                start=place if is_rows else passage.start,
                end=place if is_rows else passage.end,
                shown=labels,
                in_doubt=in_doubt,
                reasons=reasons,
                cited=cite(report, passage) if passage.labels else None,
                is_unreadable=is_unknown(passage),
                nature=nature,
            )
            marks.append(mark)
        return marks if is_rows else self._with_places(marks)

    def _newly_in_doubt(
        self, name: str, nature: Nature, passage: Passage, labels: tuple[str, ...]
    ) -> tuple[str, ...]:
        """List the labels in doubt, without those in doubt at the first place of the same words.

        The card links that place, where the rule stands.
        """
        in_doubt = doubtful(passage, labels, self._run.thresholds)
        self._in_doubt[name] = in_doubt
        explained = self._in_doubt.get(nature.first, ()) if nature.first is not None else ()
        return tuple(label for label in in_doubt if label not in explained)

    def _with_places(self, marks: list[Mark]) -> list[Mark]:
        """Add to each mark the other places where its words stand."""
        identities = []
        for mark in marks:
            text = mark.passage.text
            identity = wording(text) if len(text.split()) >= MIN_WORDS else None
            identities.append(identity)
            if identity is not None:
                self._places[identity].append(mark.place)
        placed = []
        for mark, identity in zip(marks, identities, strict=True):
            if identity is not None and mark.reasons is not None:
                others = [place for place in self._places[identity] if place.name != mark.name]
                shown = tuple(others[:_MOST_PLACES])
                mark = mark._replace(elsewhere=shown, more_elsewhere=len(others) - len(shown))
            placed.append(mark)
        return placed


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


def _count_groups(report: Report, marks: Sequence[Mark]) -> list[dict[str, Any]]:
    """Count the sentences on the subject by country, year and section: what shares are of."""
    about: Counter[tuple[str, str, str]] = Counter()
    for mark in marks:
        columns = row(report, mark.passage)
        country = columns["country"] if isinstance(columns["country"], str) else ""
        year = str(whole_number(columns["year"]) or "")
        group = (country, year, section_name(mark.passage.section))
        about[group] += mark.nature.on_subject and mark.nature.counts
    return [
        {"country": country, "year": year, "section": section, "about": count}
        for (country, year, section), count in about.items()
    ]


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


class _Box(NamedTuple):
    """Findings of a label on the first screen."""

    strongest: list[Mark]  # the most particular ones
    folded: list[Mark]  # the first of those below
    in_words: str  # what is folded: "and 7 sentences that stand in many reports, 23 table rows"


class _FirstScreen:
    """Gathers the findings of all reports, of which the first screen shows the most particular."""

    def __init__(self, run: Run) -> None:
        self._candidates: dict[str, list[Mark]] = {label: [] for label in run.labels}
        self._templates: dict[str, list[Mark]] = {label: [] for label in run.labels}
        self._rows: dict[str, list[Mark]] = {label: [] for label in run.labels}
        self._row_counts: Counter[str] = Counter()
        # countries of each tagged sentence
        self._countries: defaultdict[int, set[str]] = defaultdict(set)

    def add(self, country: str, marks: Iterable[Mark]) -> None:
        """Add the passages of a report of a country."""
        for mark in marks:
            if not mark.passage.labels or mark.nature.first is not None:
                continue
            self._countries[wording(mark.passage.text)].add(country)
            for label in mark.passage.labels:
                if mark.nature.kind == "table row":
                    self._row_counts[label] += 1
                    if len(self._rows[label]) < _FOLDED:
                        self._rows[label].append(mark)
                elif mark.nature.template:
                    self._templates[label].append(mark)
                else:
                    self._candidates[label].append(mark)
        for label in self._candidates:
            self._keep_best(label)

    def _keep_best(self, label: str) -> None:
        def rank(mark: Mark) -> tuple[bool, float, float]:
            return mark.passage.low_confidence, -mark.rank, -mark.passage.scores[label]

        candidates = self._candidates[label]
        candidates.sort(key=rank)
        del candidates[_CANDIDATES:]

    def box(self, label: str) -> _Box:
        """Choose the most particular findings; sentences that recur among reports are templates."""
        particular: dict[int, Mark] = {}
        recurring = list(self._templates[label])
        for mark in self._candidates[label]:
            identity = wording(mark.passage.text)
            if len(self._countries[identity]) >= RECURRING_COUNTRIES:
                recurring.append(mark)
            else:
                particular.setdefault(identity, mark)
        recurring.sort(key=lambda mark: -mark.passage.scores[label])
        by_text: dict[int, Mark] = {}
        for mark in recurring:
            by_text.setdefault(wording(mark.passage.text), mark)
        templates = list(by_text.values())
        best = list(particular.values())[:_STRONGEST]
        missing = _STRONGEST - len(best)  # which the most probable templates fill
        folded = templates[missing:]
        parts = []
        if folded:
            verb = "stand" if len(folded) > 1 else "stands"
            parts.append(f"{count_with_noun(len(folded), 'sentence')} that {verb} in many reports")
        if self._row_counts[label]:
            parts.append(count_with_noun(self._row_counts[label], "table row"))
        return _Box(
            strongest=best + templates[:missing],
            folded=[*folded, *self._rows[label]][:_FOLDED],
            in_words=f"and {', '.join(parts)}" if parts else "",
        )
