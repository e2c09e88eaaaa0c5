"""A text in, a `Document` and its `Passage`s out: paragraphs, the sentences of those, or the clauses of sentences.

The blocks of a plain text are found by line breaks alone. A hard-wrapped paragraph is one block; of other lines each is one. A
line that names a standard section of a report, such a name in capitals at the head of a paragraph, and a lettered title or a
line in capitals between blank lines is a heading.

Where sentences end is for `tipclassify.text.segmentation.sentences` to say, where clauses part for `tipclassify.text.segmentation.clauses`. Offsets always point
into the text as given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal

from tipclassify.text.document import Block, Document, Passage
from tipclassify.text.segmentation.clauses import clause_spans
from tipclassify.text.segmentation.sections import (
    Outline,
    named_section,
    run_in_section,
    section_of_heading,
    without_enumerator,
)
from tipclassify.text.segmentation.sentences import NO_INK, heading_run_in, sentence_spans

__all__ = ["Unit", "split_passages", "text_document"]

Unit = Literal["sentence", "clause"]
"""How far a document is split."""

_LIST_MARK: Final = re.compile(r"\s*(?:[•●▪◦‣*·–—-]|\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)])\s")
_SENTENCE_END: Final = re.compile(r"[.!?:;][\"”’')\]]*\s*$")
_INK: Final = re.compile(f"[^{NO_INK}]")
_HEADING_WORDS: Final = 8
_TITLE_WORDS: Final = 14  # of a lettered title; as in pages of the web
_SMALL_IN_TITLES: Final = frozenset("a against an and as at by for from in into of on or the to under with".split())
_SHORTEST_CAPITALISED: Final = 4  # "of", "and" and "the" are small in titles too


def split_passages(document: Document, unit: Unit = "sentence") -> list[Passage]:
    """Sentences of every block that is not a heading, in reading order.

    With ``unit="clause"`` the entries of a list inside a sentence are passages of their own: see
    `tipclassify.text.segmentation.clauses.clause_spans` for what is split. A sentence is never cut for its length.

    >>> text = "PROTECTION\\nThe U.S.-funded shelter closed. No. 12/2015 lapsed."
    >>> [(p.section, p.text) for p in split_passages(text_document(text))]
    [('protection', 'The U.S.-funded shelter closed.'), ('protection', 'No. 12/2015 lapsed.')]
    >>> text = "The ministry should: (1) fund two shelters; (2) train judges on the law."
    >>> [p.text for p in split_passages(text_document(text), unit="clause")]
    ['The ministry should: (1) fund two shelters;', '(2) train judges on the law.']
    """
    text = document.text
    return [
        Passage(text[start:end], start, end, block.section, page=block.page, block=number)
        for number, block in enumerate(document.blocks)
        if not block.heading
        for start, end in _spans(text, block.start, block.end, unit)
    ]


def _spans(text: str, start: int, end: int, unit: Unit) -> Iterable[tuple[int, int]]:
    sentences = sentence_spans(text, start, end)
    if unit == "sentence":
        return sentences
    return (span for a, b in sentences for span in clause_spans(text, a, b))


def text_document(text: str, source: str = "<text>") -> Document:
    """Plain text as a document: paragraphs and list entries are blocks, known section names are headings.

    >>> document = text_document("PROTECTION\\nThe shelter closed.\\n\\nIt had no funds.")
    >>> [(block.start, block.end, block.section, block.heading) for block in document.blocks]
    [(0, 11, 'protection', True), (11, 31, 'protection', False), (32, 48, 'protection', False)]
    """
    blocks: list[Block] = []
    section: str | None = None
    outline = Outline()
    spans = list(_paragraphs(text))
    for start, end, alone in spans:
        name = _section_name(text[start:end])
        heading = name is not None or (alone and end < spans[-1][1] and _is_title(text[start:end].strip()))
        if heading:
            section = outline.section(" ".join(text[start:end].split()))
        elif (head := heading_run_in(text, start, end)) and (name := _section_name(text[start:head])):
            section = name
            blocks.append(Block(start, head, section, heading=True))
            start = head
        else:
            section = run_in_section(text[start:end].lstrip()) or section
        blocks.append(Block(start, end, section, heading))
    return Document(text, tuple(blocks), source)


def _paragraphs(text: str) -> Iterator[tuple[int, int, bool]]:
    """Spans of paragraphs, and whether each is a line between blank ones; a hard-wrapped paragraph is one span."""
    run: list[tuple[int, int]] = []
    at = 0
    for line in [*text.splitlines(keepends=True), ""]:
        if _INK.search(line):
            run.append((at, at + len(line)))
        elif run:
            yield from ((start, end, len(run) == 1) for start, end in _blocks_of_run(text, run))
            run = []
        at += len(line)


def _blocks_of_run(text: str, lines: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    wrapped = _is_wrapped([text[a:b] for a, b in lines])
    start, end = lines[0]
    for a, b in lines[1:]:
        if wrapped and not _LIST_MARK.match(text, a, b) and not _section_name(text[start:end]):
            end = b
        else:
            yield start, end
            start, end = a, b
    yield start, end


def _is_wrapped(lines: list[str]) -> bool:
    """Lines of like length, most of which break off inside a sentence."""
    body = [line.strip() for line in lines[:-1]]
    if not body:
        return False
    broken = sum(not _SENTENCE_END.search(line) for line in body)
    if broken * 2 < len(body) or max(map(len, body)) > 140:
        return False
    from statistics import median  # takes longer to import than to tag a sentence, and few texts come here

    return 40 <= median(map(len, body)) <= 120


def _is_title(line: str) -> bool:
    """Whether a line is a lettered title or in capitals.

    >>> [_is_title(line) for line in ("b. Prison Conditions", "THE PRESS", "b. train judges", "24 June 2024", "Photo by Ann Lee")]
    [True, True, False, False, False]
    """
    words, title = line.split(), without_enumerator(line).split()
    if not 2 <= len(words) <= _TITLE_WORDS or words[0].isdecimal() or line.endswith((".", ";", ",", "!", "?")):
        return False
    lettered = 0 < len(title) < len(words)
    return line.isupper() or (lettered and not any(word[0].islower() for word in title if word not in _SMALL_IN_TITLES))


def _section_name(paragraph: str) -> str | None:
    """Section that a short line names, if it is one of the standard sections."""
    line = " ".join(paragraph.split())
    words = line.split()
    if len(words) > _HEADING_WORDS or line.endswith((".", ";", ",")):
        return None
    name = section_of_heading(line)
    if name == line.rstrip(" :."):
        return None
    title = not any(word[0].islower() for word in words if len(word) >= _SHORTEST_CAPITALISED)
    return name if title or named_section(line) else None  # "law enforcement efforts were weak" is no heading
