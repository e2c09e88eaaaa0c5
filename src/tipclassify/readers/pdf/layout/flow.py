"""Pages in, paragraphs of the document out: rejoined across columns and pages, headings marked.

A paragraph that a column or page breaks off goes on in the next column that takes it up. Small print at the foot of a
page is kept out of its paragraphs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tipclassify.readers.pdf.layout.columns import reading_order
from tipclassify.readers.pdf.layout.hyphens import are_divided, join_lines, whole_words
from tipclassify.readers.pdf.layout.lines import Line, lines_of
from tipclassify.readers.pdf.layout.pages import Page
from tipclassify.readers.pdf.layout.running import drop_running_rows
from tipclassify.readers.pdf.layout.runs import BULLET, ENDED, LARGE, Run, are_alike, runs_of
from tipclassify.text.segmentation.sections import named_section

__all__ = ["Paragraph", "body_size", "read_paragraphs"]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A block of a document.

    Attributes
    ----------
    page : int
        On which it begins, from 1.
    size : float
        Of its type, in points.
    aside : bool
        It is of a box beside the text, whose headings are not the text's.
    """

    text: str
    page: int
    heading: bool
    size: float
    aside: bool = False


_SENTENCE_ENDED: Final = re.compile(r"[.!?][\"”’')\]»]*$")
_NOTE_START: Final = re.compile(r"[\[(]?(?:\d{1,3}|[*†‡§¶]{1,3})[\])]?[.)]?\s?(?=[^\W\d_]|[“\"‘(])")
_SMALL_PRINT: Final = 0.93  # of the body's size
_HEADING_WORDS: Final = 14  # of a bold or capital line; as in pages of the web
_HEADING_LINES: Final = 10
_TITLE_WORDS: Final = 30  # of a line in larger type
_NUMBERED: Final = 3  # words of a heading that ends in a full stop: "Section 2."
_LOOK_AHEAD: Final = 8  # paragraphs that may stand between the two parts of one: boxes, tables, captions


def read_paragraphs(pages: Sequence[Page]) -> list[Paragraph]:
    """Blocks of a document in reading order; the notes of a page follow its text."""
    body = body_size(pages)
    bold_body = _is_mostly_bold(pages, body)
    runs: list[Run] = []
    notes: list[Run] = []
    for page in drop_running_rows(pages):
        parts = [(lines_of(part.rows), part.aside) for part in reading_order(page)]
        floor = max((line.y for lines, _ in parts for line in lines if line.size > _SMALL_PRINT * body), default=0.0)
        for lines, aside in parts:
            start = len(lines) if aside else _start_of_notes(lines, body, floor)
            runs += runs_of(lines[:start], page.number, body, aside=aside)
            notes += runs_of(lines[start:], page.number, body, opens=_begins_note)
    for run in runs:
        run.heading = _is_heading(run, body, bold_body)
    ordered = sorted([*_stitch(runs), *notes], key=lambda run: run.page)  # stable: text before notes of its page
    texts = [[line.text for line in run.lines] for run in ordered]
    words, divided = whole_words(texts), are_divided(texts)
    return [
        Paragraph(text, run.page, run.heading, run.lines[0].size, run.aside)
        for run, lines in zip(ordered, texts, strict=True)
        if (text := BULLET.sub("", join_lines(lines, words, divided)))
    ]


def body_size(pages: Iterable[Page]) -> float:
    """Type size in points of most of the text."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for word in page.words:
            sizes[word.size] += len(word.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _is_mostly_bold(pages: Iterable[Page], body: float) -> bool:
    bold = [word.bold for page in pages for word in page.words if word.size == body]
    return sum(bold) * 2 > len(bold)


# --------------------------------------------------------------------------------------------- notes


def _start_of_notes(lines: list[Line], body: float, floor: float) -> int:
    """Index of the first of the small lines at the foot of a column, if they begin as notes do.

    Small print beside or above text, which reaches down to `floor`, is a box or a caption.
    """
    at = len(lines)
    while at and lines[at - 1].size <= _SMALL_PRINT * body and lines[at - 1].cells == 1:
        at -= 1
    if at == len(lines) or not any(map(_begins_note, lines[at:])) or (at == 0 and lines[0].y <= floor):
        return len(lines)
    while at > 0 and not _begins_note(lines[at]) and lines[at].y - lines[at - 1].y < 1.6 * lines[at].size:
        at += 1  # the last lines of a caption or table above the notes
    return at


def _begins_note(line: Line) -> bool:
    return line.noted or _NOTE_START.match(line.text) is not None


# --------------------------------------------------------------------------------------------- headings


def _is_heading(run: Run, body: float, bold_body: bool) -> bool:
    """Whether a short paragraph stands out by size, weight or capitals, or is the name of a section."""
    if run.is_table or len(run.lines) > _HEADING_LINES:
        return False
    text = " ".join(line.text for line in run.lines)
    count, letters = len(text.split()), [c for c in text if c.isalpha()]
    if len(letters) < 3 or BULLET.match(text) or text.count("(") > text.count(")"):
        return False
    if text.endswith((";", ",")) or (text.endswith(".") and count > _NUMBERED):
        return False
    size = run.lines[0].size
    if size >= LARGE * body:
        return count <= _TITLE_WORDS
    if count > _HEADING_WORDS or text.endswith(("!", "?")) or (size < 0.9 * body and not run.aside):
        return False
    bold = not bold_body and all(line.bold == "all" for line in run.lines)
    capitals = len(letters) > 3 and all(c.isupper() for c in letters)
    return bold or capitals or named_section(text) is not None


# --------------------------------------------------------------------------------------------- across columns and pages


def _stitch(runs: list[Run]) -> list[Run]:
    """Paragraphs that a column or page breaks off, joined to their rest."""
    whole = [run for run in runs if len(run.lines) > 1 and not run.heading and not run.is_entry]
    indented = sum(run.is_indented for run in whole) * 2 > len(whole)
    done: list[Run] = []
    taken: set[int] = set()
    for at, run in enumerate(runs):
        if at in taken:
            continue
        done.append(run)
        here: int | None = at
        while here is not None and run.last:
            here = _rest(runs, run, here, taken, indented)
            if here is not None:
                rest = runs[here]
                run.lines += rest.lines
                run.last_page, run.margin, run.last = rest.last_page, rest.margin, rest.last
                taken.add(here)
    return done


def _rest(runs: list[Run], run: Run, at: int, taken: set[int], indented: bool) -> int | None:
    """Index of the paragraph that takes up `run` after its column ended at `at`."""
    for found in range(at + 1, min(at + 1 + _LOOK_AHEAD, len(runs))):
        other = runs[found]
        if other.page > run.last_page + 1:
            return None
        fits = found not in taken and other.first and other.aside == run.aside
        if fits and _takes_up(run, other, found == at + 1, indented):
            return found
    return None


def _takes_up(run: Run, other: Run, beside: bool, indented: bool) -> bool:
    """Whether `other` begins in the middle of `run`: in small letters, or after a line that was full.

    Where paragraphs are `indented`, one that is not goes on even after the end of a sentence.
    """
    last, line = run.end, other.lines[0]
    if run.is_table or other.is_table or other.heading != run.heading or not are_alike(line, last):
        return False
    full = run.room_for(line) < 0
    if run.heading:
        alike = line.bold == last.bold and line.text.isupper() == last.text.isupper()
        return beside and full and alike and not ENDED.search(last.text)
    if other.is_entry and not last.text.endswith("-"):
        return False
    if _SENTENCE_ENDED.search(last.text):
        return beside and indented and full and len(other.lines) > 1 and not other.is_indented
    if line.text[:1].islower():
        return True
    return beside and not ENDED.search(last.text) and (full or last.text.endswith("-"))
