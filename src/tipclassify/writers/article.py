"""One tagged report as an HTML article: counts by section, the whole text with its passages marked, a map, reasons.

Used by `tipclassify.writers.html`, which makes the page around it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from tipclassify.document import Passage
from tipclassify.explanation import Explanation
from tipclassify.furniture import is_prose
from tipclassify.labels import LABELS
from tipclassify.subject import Subject, count_unknown, is_unknown, is_unread, subject_line
from tipclassify.writers import Run, TaggedReport
from tipclassify.writers.cards import card
from tipclassify.writers.markup import attribute, content
from tipclassify.writers.reasons import explain_shown, labels_shown
from tipclassify.writers.wording import LETTERS, NAMES, badge, probability, section_name

__all__ = ["Summary", "article", "summarize"]

_LINK_MARK: Final = re.compile(r"\s*[#¶§]+\s*$")  # what pages put after a heading to link to it
_MAP_HEIGHT: Final = 1000
_LEAST_MARK: Final = 4  # height in the map at which a mark can still be seen and hit


@dataclass(frozen=True, slots=True)
class Piece:
    """A block of a report (or a ready split row) and the passages in it, whose offsets count from `start`."""

    text: str
    start: int
    passages: Sequence[tuple[int, Passage]]
    section: str | None
    heading: bool = False
    page: int | None = None


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

    def facts(self) -> str:
        """Country, year and source in one line of HTML; addresses on the web are links."""
        source = content(self.source)
        link = self.source.lower().startswith(("http://", "https://"))
        if link:
            source = f'<a href="{attribute(self.source)}" rel="noopener noreferrer">{source}</a>'
        known = [content(str(fact)) for fact in (self.country, self.year) if fact]
        named = [f'<span class="source">{source}</span>'] if link or self.source != self.title else []
        return " · ".join(known + named)


def summarize(report: TaggedReport, number: int, part: int) -> Summary:
    """What there is to say of the `number`-th report, which is part `part` of its input (0 where it is all of it)."""
    document = report.document
    labels: Counter[str] = Counter()
    for passage in report.passages:
        labels.update(passage.labels)
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
        labels,
    )


def article(report: TaggedReport, summary: Summary, run: Run, first: int = 1) -> Iterator[str]:
    """The article, piece by piece.

    Parameters
    ----------
    first : int
        Number of the first passage: above 1 where earlier parts of the input were written.
    """
    title = attribute(summary.title)
    known = {"title": report.document and summary.title, "country": summary.country, "year": summary.year}
    data = "".join(f' data-{name}="{attribute(str(value))}"' for name, value in known.items() if value)
    rows = "" if report.document else " data-rows"
    heading = f"r{summary.number}"
    yield f'<article id="{heading}" aria-labelledby="{heading}h" data-source="{attribute(summary.source)}"{data}{rows}>\n'
    yield f'<header>\n<h2 id="{heading}h">{content(summary.title)}</h2>\n<p class="facts">{summary.facts()}</p>\n'
    thresholds = dict(zip(LABELS, run.classifier.thresholds(run.policy).tolist(), strict=True))
    shown = [entry for entry in enumerate(report.passages, first) if labels_shown(entry[1], thresholds)]
    reasons = explain_shown([passage for _, passage in shown], run.classifier)
    why = {number: found for (number, passage), found in zip(shown, reasons, strict=True) if found or passage.labels}
    yield from _cautions(summary, sum(found is None for found in why.values()))
    yield "</header>\n"
    pieces = list(_pieces(report, first))
    anchors = {section: f"{summary.prefix}s{n}" for n, section in enumerate(_sections(pieces), 1)}
    of = title if summary.number == 1 else f"report {summary.number}, {title}"
    yield from _counts(report.passages, anchors, f"Sections of {of}")
    yield '<div class="text">\n'
    opened: set[str | None] = set()
    page = None
    for section, of_section in groupby(pieces, key=lambda piece: piece.section):
        anchor = "" if section in opened else f' id="{anchors[section]}"'
        opened.add(section)
        yield f'<section{anchor} data-name="{attribute(section_name(section))}">\n'
        if report.document is None and section:
            yield f'<h3 class="added">{content(section_name(section))}</h3>\n'
        for piece in of_section:
            yield from _block(piece, summary.prefix, run, why, piece.page if piece.page != page else None)
            page = piece.page
        yield "</section>\n"
    yield "</div>\n"
    yield from _map(pieces, summary.prefix)
    yield "</article>\n"


def _cautions(summary: Summary, unexplained: int) -> Iterator[str]:
    """What to know of a report before it is read; so many of its findings have no reasons."""
    if is_unread(summary.unknown, summary.sentences):
        yield (
            f'<p class="caution"><strong>{summary.unknown} of {summary.sentences} sentences are in words that the model does '
            "not know.</strong> Is this report in English? If not, its tags mean nothing.</p>\n"
        )
    elif line := subject_line([summary.subject]):
        yield f'<p class="caution subject">{line}</p>\n'  # of a page's only report it stands at the top of the page
    if unexplained:
        yield (
            f"<p>Reasons are given for the {summary.findings - unexplained} most probable of {summary.findings} marked "
            "passages; “tipclassify review” gives those of any passage.</p>\n"
        )


# --------------------------------------------------------------------------------------------- text


def _pieces(report: TaggedReport, first: int) -> Iterator[Piece]:
    numbered = list(enumerate(report.passages, first))
    if report.document is None:
        for number, passage in numbered:
            yield Piece(passage.text, passage.start, [(number, passage)], passage.section, page=passage.page)
        return
    numbered.sort(key=lambda entry: entry[1].start)
    at = 0
    for block in report.document.blocks:
        inside = []
        while at < len(numbered) and numbered[at][1].start < block.end:
            inside.append(numbered[at])
            at += 1
        text = report.document.text[block.start : block.end]
        yield Piece(text, block.start, inside, block.section, block.heading, block.page)


def _sections(pieces: Sequence[Piece]) -> dict[str | None, None]:
    """Sections in the order of the text, each once."""
    return dict.fromkeys(piece.section for piece in pieces)


def _block(
    piece: Piece, prefix: str, run: Run, why: Mapping[int, Mapping[str, Explanation] | None], new_page: int | None
) -> Iterator[str]:
    page = f' data-page="{new_page}"' if new_page else ""
    if piece.heading:
        shown = _LINK_MARK.sub("", piece.text) or piece.text
        rest = piece.text[len(shown) :]
        hidden = f"<span hidden>{content(rest)}</span>" if rest else ""
        yield f"<h3{page}>{content(shown)}{hidden}</h3>\n"
        return
    html, reasons, at = [], [], 0
    for number, passage in piece.passages:
        start, end = passage.start - piece.start, passage.end - piece.start
        html.append(content(piece.text[at:start]))
        html.append(_passage(piece.text[start:end], passage, f"{prefix}p{number}"))
        if number in why and not passage.labels:
            html.append(_why_not(f"{prefix}p{number}"))
        if number in why:
            reasons.append(card(passage, why[number], number, f"{prefix}p{number}", run))
        at = end
    html.append(content(piece.text[at:]))
    yield f"<p{page}>{''.join(html)}</p>\n"
    yield from reasons


def _passage(text: str, passage: Passage, name: str) -> str:
    marked = content(text)
    if not passage.labels:
        # A figure or a name alone is plainly nothing; a sentence the model cannot read must be seen to be one.
        doubt = is_unknown(passage) and is_prose(passage)
        return f'{marked}<i class="tag"> low confidence</i>' if doubt else marked
    for label in reversed(passage.labels):
        marked = f'<u class="{LETTERS[label]}">{marked}</u>'
    letters = "".join(LETTERS[label] for label in passage.labels)
    scores = " ".join(f"{passage.scores[label]:.4f}" for label in passage.labels)
    data = f' data-labels="{letters}" data-scores="{scores}" data-at="{passage.start}-{passage.end}"'
    if passage.page:
        data += f' data-page="{passage.page}"'
    said = "".join(
        f'{badge(label)}<span class="vh"> {NAMES[label]}</span><small> {probability(passage.scores[label])} </small>'
        for label in passage.labels
    )
    doubt_said = "<i> low confidence</i>" if passage.low_confidence else ""
    return (
        f'<mark id="{name}" class="{letters}"{data}>{marked}</mark><button type="button" class="tag" '
        f'popovertarget="{name}w" aria-describedby="{name}s">{said}{doubt_said}</button>'
    )


def _why_not(name: str) -> str:
    """The button behind a passage that nearly has a label, which opens its card; the browser's own popover does."""
    return (
        f'<button type="button" class="tag screen" id="{name}" popovertarget="{name}w">'
        '<span class="vh">Why not tagged</span>?</button>'
    )


# --------------------------------------------------------------------------------------------- counts and map


def _counts(passages: Sequence[Passage], anchors: dict[str | None, str], name: str) -> Iterator[str]:
    """Findings by section, which is the table of contents too."""
    counts: dict[str | None, Counter[str]] = {section: Counter() for section in anchors}
    for passage in passages:
        counts.setdefault(passage.section, Counter()).update(passage.labels)
    yield f'<nav class="sections" aria-label="{name}">\n<details open>\n<summary>Findings by section</summary>\n'
    heads = "".join(f'<th scope="col">{badge(label)}<span class="vh"> {NAMES[label]}</span></th>' for label in LABELS)
    yield f'<table>\n<thead><tr><th scope="col">Section</th>{heads}</tr></thead>\n<tbody>\n'
    for section, anchor in anchors.items():
        found = counts[section]
        empty = "" if found else ' class="none"'
        cells = "".join(f"<td>{found[label] or ('–' if found else '')}</td>" for label in LABELS)
        link = f'<a href="#{anchor}">{content(section_name(section))}</a>'
        yield f'<tr{empty}><th scope="row">{link}</th>{cells}</tr>\n'
    totals = "".join(f"<td>{sum(found[label] for found in counts.values())}</td>" for label in LABELS)
    yield f'</tbody>\n<tfoot><tr><th scope="row">All</th>{totals}</tr></tfoot>\n</table>\n</details>\n</nav>\n'


def _map(pieces: Sequence[Piece], prefix: str) -> Iterator[str]:
    """Where in the text the findings are, a lane a label, by characters; the script refines it to lines as shown."""
    total = sum(len(piece.text) for piece in pieces) or 1
    lanes = "".join(f'<b class="{letter}">{letter}</b>' for letter in LETTERS.values())
    yield f'<div class="map" aria-hidden="true">\n<p>{lanes}</p>\n'
    yield f'<svg viewBox="0 0 3 {_MAP_HEIGHT}" preserveAspectRatio="none">\n'
    yield '<rect class="view" x="0" y="0" width="3" height="0"/>\n'
    before = 0
    for piece in pieces:
        for number, passage in piece.passages:
            if not passage.labels:
                continue
            top = (before + passage.start - piece.start) / total * _MAP_HEIGHT
            height = max((passage.end - passage.start) / total * _MAP_HEIGHT, _LEAST_MARK)
            yield (
                f'<a href="#{prefix}p{number}" tabindex="-1">'
                + "".join(
                    f'<rect class="{LETTERS[label]}" x="{LABELS.index(label) + 0.1:.1f}" y="{top:.1f}" width="0.8" '
                    f'height="{height:.1f}"/>'
                    for label in passage.labels
                )
                + "</a>\n"
            )
        before += len(piece.text)
    yield "</svg>\n</div>\n"
