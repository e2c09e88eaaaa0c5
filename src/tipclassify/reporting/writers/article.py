"""One tagged report as an HTML article: counts by section, the whole text with its passages marked, a map, reasons.

Used by `tipclassify.reporting.writers.html`, which makes the page around it; ``templates/article.html`` has the layout.
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
from tipclassify.reporting.writers import Run, TaggedReport
from tipclassify.reporting.writers.reasons import Reason, explain_shown, labels_shown, reason_of
from tipclassify.reporting.writers.templating import rendered
from tipclassify.reporting.writers.wording import LETTERS, section_name
from tipclassify.text.document import Passage
from tipclassify.text.furniture import is_prose

__all__ = ["Summary", "article", "summarize"]

_LINK_MARK: Final = re.compile(r"\s*[#¶§]+\s*$")  # what pages put after a heading to link to it
_MAP_HEIGHT: Final = 1000
_LEAST_MARK: Final = 4  # height in the map at which a mark can still be seen and hit


@dataclass(frozen=True, slots=True)
class Summary:
    """What the page says of a report outside its article.

    Attributes
    ----------
    prefix : str
        What ids of this report begin with; empty for the first.
    passages, findings : int
        Passages that are prose, and those with a label.
    subject : Subject
        How many are about trafficking.
    unknown, sentences : int
        Sentences in words that the model does not know, and all.
    labels : Counter
        Passages of each label.
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
        """Country and year, as far as they are known."""
        return [str(fact) for fact in (self.country, self.year) if fact]

    @property
    def linked(self) -> bool:
        """Whether the source is an address on the web."""
        return self.source.lower().startswith(("http://", "https://"))

    @property
    def named(self) -> bool:
        """Whether the source says more than the title."""
        return self.linked or self.source != self.title

    @property
    def unread(self) -> bool:
        """Whether the report is in words that the model does not know."""
        return is_unread(self.unknown, self.sentences)

    @property
    def subject_line(self) -> str:
        """One line where most of the report is on other subjects, else nothing."""
        return subject_line([self.subject]) or ""


def summarize(report: TaggedReport, number: int, part: int) -> Summary:
    """Sum up the `number`-th report, which is part `part` of its input (0 where it is all of it)."""
    document = report.document
    prose = [passage for passage in report.passages if is_prose(passage)]
    title = (document.title if document else None) or report.file
    return Summary(
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
class Mark:
    """A passage as it stands in its block.

    Attributes
    ----------
    before : str
        Text between it and the passage before.
    name : str
        What its ids begin with.
    shown : tuple of str
        Labels whose reasons its card shows.
    reasons : mapping of str to Reason, or None
        The reasons; empty where they were left out, None where there is no card.
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
        """Letters of its labels."""
        return "".join(LETTERS[label] for label in self.passage.labels)

    @property
    def scores(self) -> str:
        """Probabilities of its labels."""
        return " ".join(f"{self.passage.scores[label]:.4f}" for label in self.passage.labels)

    @property
    def unreadable(self) -> bool:
        """Whether it is a sentence that the model cannot read: a figure or a name alone is plainly nothing."""
        return is_unknown(self.passage) and is_prose(self.passage)


@dataclass(frozen=True, slots=True)
class Piece:
    """A block of a report, or a ready split row.

    Attributes
    ----------
    start, length : int
        Its first character, from which offsets of its passages count, and how many it has.
    heading, rest : str
        The text of a heading without a mark that links to it, and that mark; of others, what follows the last passage.
    new_page : int or None
        Its page, where the piece before is not on it.
    """

    section: str | None
    start: int
    length: int
    marks: Sequence[Mark]
    heading: str
    rest: str
    new_page: int | None


def article(report: TaggedReport, summary: Summary, run: Run, first: int = 1) -> Iterator[str]:
    """Render the article, piece by piece.

    Parameters
    ----------
    first : int
        Number of the first passage: above 1 where earlier parts of the input were written.
    """
    thresholds = run.thresholds
    shown = {n: labels for n, p in enumerate(report.passages) if (labels := labels_shown(p, thresholds))}
    found = explain_shown([report.passages[n] for n in shown], run.classifier)
    why = {n: one for n, one in zip(shown, found, strict=True) if one or report.passages[n].labels}
    marks = []
    for n, passage in enumerate(report.passages):
        reasons = _reasons_of(passage, shown[n], why[n]) if n in why else None
        number = first + n
        marks.append(Mark("", passage.text, passage, number, f"{summary.prefix}p{number}", shown.get(n, ()), reasons))
    pieces = list(_pieces(report, marks))
    contents = {s: (f"{summary.prefix}s{n}", Counter[str]()) for n, s in enumerate(_sections(pieces), 1)}
    for passage in report.passages:
        if passage.section in contents:
            contents[passage.section][1].update(passage.labels)
    return rendered(
        "article.html",
        summary=summary,
        rows=report.document is None,
        unexplained=sum(one is None for one in why.values()),
        contents=contents,
        sections=_in_sections(pieces, {section: anchor for section, (anchor, _) in contents.items()}),
        map=_map(pieces),
        thresholds=thresholds,
        policy=run.policy,
        points=_points,
    )


def _reasons_of(
    passage: Passage, labels: Sequence[str], explanations: Mapping[str, Explanation] | None
) -> dict[str, Reason]:
    most = (4, 2) if len(labels) == 1 else (3, 1)  # a card is to fit beside its passage
    return {label: reason_of(passage.text, explanations[label], *most) for label in labels} if explanations else {}


def _points(reason: Reason, section: str | None) -> list[tuple[str, float]]:
    """Points that add up to the last, the log-odds; or how far those fall with a part masked."""
    points = [(f"“{phrase.text}”", _rounded(phrase.weight)) for phrase in reason.phrases]
    if section and round(reason.heading, 1):
        points.append((f"the heading “{section_name(section)}”", _rounded(reason.heading)))
    total = _rounded(reason.logit)
    if not reason.additive:
        return [*points, ("points of the whole passage", total)]
    bias = _rounded(reason.bias)
    # The rest takes up what rounding leaves, so that the numbers shown add up to the last.
    others = _rounded(total - bias - sum(shown for _, shown in points))
    return [*points, ("all other words", others), ("before any word is read", bias), ("together", total)]


def _rounded(weight: float) -> float:
    return round(weight, 1) + 0.0  # which makes −0.0 a plain zero


# --------------------------------------------------------------------------------------------- text and map


def _pieces(report: TaggedReport, marks: Sequence[Mark]) -> Iterator[Piece]:
    """The blocks of the report, or its rows."""
    page = None
    if report.document is None:
        for mark in marks:
            passage = mark.passage
            new_page = passage.page if passage.page != page else None
            page = passage.page
            yield Piece(passage.section, passage.start, len(passage.text), [mark], "", "", new_page)
        return
    waiting = sorted(marks, key=lambda mark: mark.passage.start)[::-1]
    for block in report.document.blocks:
        text, at, inside = report.document.text[block.start : block.end], 0, []
        while waiting and waiting[-1].passage.start < block.end:
            mark = waiting.pop()
            start, end = mark.passage.start - block.start, mark.passage.end - block.start
            inside.append(replace(mark, before=text[at:start], text=text[start:end]))
            at = end
        heading = (_LINK_MARK.sub("", text) or text) if block.heading else ""
        new_page = block.page if block.page != page else None
        page = block.page
        yield Piece(block.section, block.start, len(text), inside, heading, text[max(at, len(heading)) :], new_page)


def _sections(pieces: Sequence[Piece]) -> dict[str | None, None]:
    """Sections in the order of the text, each once."""
    return dict.fromkeys(piece.section for piece in pieces)


def _in_sections(
    pieces: Sequence[Piece], anchors: dict[str | None, str]
) -> Iterator[tuple[str | None, str, list[Piece]]]:
    """Each run of pieces of one section, with the anchor where the section comes first."""
    for section, of_section in groupby(pieces, key=lambda piece: piece.section):
        yield section, anchors.pop(section, ""), list(of_section)


def _map(pieces: Sequence[Piece]) -> Iterator[tuple[Mark, float, float]]:
    """Where in the text the findings are, by characters: top and height; the script refines it to lines as shown."""
    scale = _MAP_HEIGHT / (sum(piece.length for piece in pieces) or 1)
    before = 0
    for piece in pieces:
        for mark in piece.marks:
            start, end = mark.passage.start, mark.passage.end
            if mark.passage.labels:
                yield mark, (before + start - piece.start) * scale, max((end - start) * scale, _LEAST_MARK)
        before += piece.length
