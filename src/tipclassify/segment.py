"""Text to blocks, blocks to passages, with offsets that always point into the text as given.

Sentence boundaries are sentencex's. Three habits of reports are mended on top: the number of a list
entry stays with its sentence, recommendations run together ("accountable;Amend") are parted, and a line
break inside a hard-wrapped paragraph ends nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from statistics import median
from typing import Final, Literal

from tipclassify.document import Block, Document, Passage
from tipclassify.sections import section_of_heading

__all__ = ["Unit", "split_passages", "text_document"]

Unit = Literal["sentence", "clause"]
"""How far a document is split."""

_LIST_MARK: Final = re.compile(r"\s*(?:[•●▪◦‣*·–—-]|\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)])\s")
_MARK_ALONE: Final = re.compile(r"\W*(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)]\W*|[•●▪◦‣*·–—-]+\s*")
_RUN_TOGETHER: Final = re.compile(r"(?<=[a-z)”\"’'][.;!?])(?=[A-Z][a-z])|(?:…|\.\.\.)[\"”’)]*\s+(?=[A-Z])")
_SENTENCE_END: Final = re.compile(r"[.!?:;][\"”’')\]]*\s*$")
_BREAKS: Final = str.maketrans(dict.fromkeys("\n\r\t\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029", " "))
_HEADING_WORDS: Final = 8


def text_document(text: str, source: str = "<text>") -> Document:
    """Plain text as a document: paragraphs and list entries are blocks, known section names are headings."""
    blocks: list[Block] = []
    section: str | None = None
    for start, end in _paragraphs(text):
        name = _section_name(text[start:end])
        if name:
            section = name
        blocks.append(Block(start, end, section, heading=bool(name)))
    return Document(text, tuple(blocks), source)


def split_passages(document: Document, unit: Unit = "sentence") -> list[Passage]:  # noqa: ARG001
    """Sentences of every block that is not a heading, in reading order.

    >>> text = "PROTECTION\\nThe U.S.-funded shelter closed. No. 12/2015 lapsed."
    >>> [(p.section, p.text) for p in split_passages(text_document(text))]
    [('protection', 'The U.S.-funded shelter closed.'), ('protection', 'No. 12/2015 lapsed.')]
    """
    return [
        Passage(document.text[start:end], start, end, block.section, page=block.page, block=number)
        for number, block in enumerate(document.blocks)
        if not block.heading
        for start, end in _sentences(document.text, block.start, block.end)
    ]


# --------------------------------------------------------------------------------------------- blocks


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Spans of paragraphs; the lines of a hard-wrapped paragraph are one span."""
    run: list[tuple[int, int]] = []
    at = 0
    for line in [*text.splitlines(keepends=True), ""]:
        if line.strip():
            run.append((at, at + len(line)))
        elif run:
            yield from _blocks_of_run(text, run)
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
    return 40 <= median(map(len, body)) <= 120 and max(map(len, body)) <= 140 and broken * 2 >= len(body)


def _section_name(paragraph: str) -> str | None:
    """Section that a short line names, if it is one of the standard sections."""
    line = paragraph.strip()
    if len(line.split()) > _HEADING_WORDS or line.endswith((".", ";", ",")):
        return None
    name = section_of_heading(line)
    return None if name == line.rstrip(" :.") or name == " ".join(line.split()).rstrip(" :.") else name


# --------------------------------------------------------------------------------------------- sentences


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Trimmed spans of the sentences in text[start:end]."""
    held: int | None = None
    for a, b in _cuts(text[start:end]):
        a, b = _trim(text, start + a, start + b)
        if a == b:
            continue
        if held is not None:
            a, held = held, None
        if _MARK_ALONE.fullmatch(text, a, b):
            held = a  # "1." belongs to the sentence that follows
            continue
        yield a, b
    if held is not None:
        yield _trim(text, held, end)


def _cuts(block: str) -> Iterator[tuple[int, int]]:
    from sentencex import segment

    flat = block.translate(_BREAKS)  # same length; a line break inside a block is a space
    at = 0
    for sentence in segment("en", flat):
        found = flat.find(sentence, at)
        if not sentence or found < 0:
            continue
        for cut in (*(found + m.end() for m in _RUN_TOGETHER.finditer(sentence)), found + len(sentence)):
            yield at, cut
            at = cut
    if at < len(block):
        yield at, len(block)


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
