"""Convert plain text to a `Document`, and split a document into `Passage`s.

A passage is a sentence, or a clause of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Final, get_args

from tipclassify.records import CELL_BAR, Block, Document, Passage, Unit
from tipclassify.text.acronyms import find_acronyms, used_acronyms
from tipclassify.text.lexicon import CLASSES, WORDS, class_of
from tipclassify.text.prose import is_non_prose
from tipclassify.text.sections import (
    HeadingOutline,
    run_in_section,
    section_named_by,
    section_of_heading,
    without_enumerator,
)
from tipclassify.text.sentences import (
    BLANK,
    enclosed_spans,
    is_enclosed,
    run_in_heading,
    sentence_spans,
)

_UNITS: Final[tuple[str, ...]] = get_args(Unit)

PART: Final = 4_000
"""Passages from which a long document is cut: between countries, or else between sections."""

# lines of a run without blank lines that are read together, for constant memory
_MOST_LINES: Final = 1_000
_LIST_ENUMERATOR: Final = re.compile(
    r"\s*(?:[•●▪◦‣*·–—-]|\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)])\s"
)
_BULLET: Final = re.compile(r"\s*[•●▪◦‣*·–—-]\s+")
_HEADING_MARKS: Final = re.compile(r"#{1,6}\s+(?=\S)")  # of Markdown
SENTENCE_END: Final = re.compile(r"[.!?:;][\"”’')\]]*\s*$")
# Lines as of str.splitlines.
_LINE_ENDS: Final = r"\n-\r\x1c-\x1e\x85\u2028\u2029"
_LINE: Final = re.compile(rf"[^{_LINE_ENDS}]*(?:\r\n|[{_LINE_ENDS}])|[^{_LINE_ENDS}]+\Z")
_VISIBLE: Final = re.compile(f"[^{BLANK}]")
_MAX_WRAPPED: Final = 140  # characters of a line that is hard-wrapped
_MIN_WRAPPED: Final = 40  # the same; a shorter one may be an entry of a list
_MIN_FULL: Final = 0.6  # of a full line; letters are of many widths
_MIN_PROSE_WORDS: Final = 12  # of the sentence below a heading without marks
# a line that says something, or stops inside a sentence
_NO_HEADING: Final = re.compile(
    r"[.;,!?\d]|\b(?:is|are|was|were|be|been|has|have|had|do|does|did|will|would|can|could|may|must"
    r"|should|said|not)\b|\b(?:a|an|and|as|at|by|for|from|in|of|on|or|the|to|with)\W*$",
)
_MAX_HEADING_WORDS: Final = 8
_MAX_TITLE_WORDS: Final = 14  # of a lettered title; the same limit as for web pages
_MIN_TITLE_LETTERS: Final = 6  # of a title of one word; most acronyms have fewer
_GENERIC_WORDS: Final = frozenset(WORDS["generic"])
_NO_TITLES: Final = (0, CLASSES.index("un_ngo") + 1)  # unknown words, names of organizations
_LOWER_IN_TITLES: Final = frozenset(
    "a against an and as at by for from in into of on or the to under with".split()
)
_MIN_CAPITALISED: Final = 4  # letters; "of", "and" and "the" are lower-case in titles too

# words above which one semicolon suffices: two self-contained statements
_LONG_SENTENCE: Final = 40
_MIN_WORDS: Final = 3  # a shorter clause means little alone, and would be of low confidence

_SEMICOLON: Final = re.compile(r";[\"”’')\]]*\s+(?=\S)")
# "(1)", "1)", "(a)", "a)", "(ii)", "ii)", with a preceding "and", which belongs to the new clause.
_ENUMERATOR: Final = re.compile(
    r"(?<=\s)(?:(?:and|or|but|as well as)\s+)?\(?(?P<number>\d{1,2}|[a-z]|[ivx]{2,5})\)\s+(?=\S)"
)
_SERIES: Final = (
    [str(number) for number in range(1, 100)],
    list("abcdefghijklmnopqrstuvwxyz"),
    "i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx".split(),
)


def check_unit(unit: str) -> None:
    """Raise `ValueError` for a unit that is none."""
    if unit not in _UNITS:
        raise ValueError(f"unknown unit {unit!r}: use {', '.join(_UNITS)}")


def split_passages(document: Document, unit: Unit = "sentence") -> list[Passage]:
    """Split all blocks but headings into sentences, in reading order.

    References and the like (`is_non_prose`) are no passages.

    With ``unit="clause"``, each item of a list inside a sentence is a passage: lists are split at
    semicolons (three items or more, or two if the sentence has over 40 words), and enumerations at
    consecutive enumerators, "(1) … (2) …", "a) … b) …", "(i) … (ii) …". The introduction of a list
    belongs to its first clause; brackets and quotations are not split; a clause of under three
    words is joined to the next one, the last to the previous one. Commas, "but" and "although" are
    no boundaries: the text after them is seldom self-contained. Sentences are never split for their
    length.

    >>> text = "PROTECTION\\nThe U.S.-funded shelter closed. No. 12/2015 lapsed."
    >>> [(p.section, p.text) for p in split_passages(text_document(text))]
    [('protection', 'The U.S.-funded shelter closed.'), ('protection', 'No. 12/2015 lapsed.')]
    >>> text = "The ministry should: (1) fund two shelters; (2) train judges on the law."
    >>> [p.text for p in split_passages(text_document(text), unit="clause")]
    ['The ministry should: (1) fund two shelters;', '(2) train judges on the law.']
    """
    return [
        passage for _, passages in split_passages_in_parts(document, unit) for passage in passages
    ]


def split_passages_in_parts(
    document: Document, unit: Unit = "sentence"
) -> Iterator[tuple[Document, list[Passage]]]:
    """Yield the document with its passages; a long one in parts, for constant memory.

    A part of `PART` passages ends with its country, or its section where the document has no
    countries, but at the latest with the block in which it has half as many again. Each part has the
    blocks of its passages; `Passage.block` counts from the start of the whole document.
    """
    check_unit(unit)
    blocks = document.blocks
    acronyms = find_acronyms(document.text)
    first_block = 0  # of the part
    passages: list[Passage] = []
    for number, block in enumerate(blocks):
        if len(passages) >= PART:
            above = blocks[number - 1]
            new_country = block.country != above.country
            new_section = not block.country and block.section != above.section
            if new_country or new_section or len(passages) >= 1.5 * PART:
                yield replace(document, blocks=blocks[first_block:number]), passages
                first_block = number
                passages = []
        if not block.heading:
            passages += _passages_of_block(document.text, block, number, unit, acronyms)
    if first_block:
        document = replace(document, blocks=blocks[first_block:])
    yield document, passages


def _passages_of_block(
    text: str, block: Block, number: int, unit: Unit, acronyms: Mapping[str, str]
) -> Iterator[Passage]:
    """Yield the passages of block `number`.

    The block is a row of a table if its first sentence holds the bar between two cells, or stands
    before it; a bar further on may stand in prose. A bar before a cell is no part of its sentence.
    """
    in_row: bool | None = None
    for sentence_start, sentence_end in sentence_spans(text, block.start, block.end):
        if in_row is None:
            in_row = CELL_BAR in text[sentence_start : sentence_end + len(CELL_BAR)]
        elif text.startswith(CELL_BAR, sentence_start - 1):
            sentence_start += len(CELL_BAR) - 1
        spans: Iterable[tuple[int, int]] = [(sentence_start, sentence_end)]
        if unit == "clause":
            spans = _clauses(text, sentence_start, sentence_end)
        for start, end in spans:
            if not is_non_prose(text[start:end], block.section):
                yield Passage(
                    text[start:end],
                    start,
                    end,
                    block.section,
                    page=block.page_at(start),
                    block=number,
                    country=block.country,
                    acronyms=used_acronyms(text[start:end], acronyms),
                    in_row=in_row,
                )


def _clauses(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the trimmed spans of the clauses of the sentence text[start:end]."""
    sentence = text[start:end]
    cuts = _clause_cuts(sentence) if ";" in sentence or ")" in sentence else []
    for at, cut in pairwise([0, *cuts, len(sentence)]):
        yield start + at, start + at + len(sentence[at:cut].rstrip())


def _clause_cuts(sentence: str) -> list[int]:
    """Return the start of each clause but the first."""
    enclosed = enclosed_spans(sentence)
    items = _enumeration_cuts(sentence, enclosed)
    semicolons = [
        match.end()
        for match in _SEMICOLON.finditer(sentence)
        if not is_enclosed(enclosed, match.start())
    ]
    least = 1 if len(sentence.split()) > _LONG_SENTENCE else 2
    if len(semicolons) < least and not items:
        return []
    return _drop_short(sentence, sorted(set(items[1:] + semicolons)))


def _enumeration_cuts(sentence: str, enclosed: list[tuple[int, int]]) -> list[int]:
    """Return the start of each item of an enumeration of at least two items.

    Each item has `_MIN_WORDS` words or more.
    """
    best: list[int] = []
    enumerators = [
        match
        for match in _ENUMERATOR.finditer(sentence)
        if not is_enclosed(enclosed, match.start())
    ]
    for series in _SERIES:
        entries: list[re.Match[str]] = []
        for enumerator in enumerators:
            if len(entries) < len(series) and series[len(entries)] == enumerator["number"]:
                entries.append(enumerator)
        ends = [*(entry.start() for entry in entries[1:]), len(sentence)]
        wordy = all(
            len(sentence[entry.end() : end].split()) >= _MIN_WORDS
            for entry, end in zip(entries, ends, strict=False)
        )
        if len(entries) > max(1, len(best)) and wordy:
            best = [entry.start() for entry in entries]
    return best


def _drop_short(sentence: str, cuts: list[int]) -> list[int]:
    """Return the cuts without those that leave a clause of under `_MIN_WORDS` words."""
    kept: list[int] = []
    for cut in cuts:
        start = kept[-1] if kept else 0
        if len(sentence[start:cut].split()) >= _MIN_WORDS:
            kept.append(cut)
    if kept and len(sentence[kept[-1] :].split()) < _MIN_WORDS:
        kept.pop()
    return kept


def text_document(text: str, source: str = "<text>") -> Document:
    """Convert plain text to a document of paragraphs, list items and headings.

    >>> document = text_document("PROTECTION\\nThe shelter closed.\\n\\nIt had no funds.")
    >>> [(block.start, block.end, block.section, block.heading) for block in document.blocks]
    [(0, 11, 'protection', True), (11, 31, 'protection', False), (32, 48, 'protection', False)]
    """
    blocks: list[Block] = []
    section: str | None = None
    outline = HeadingOutline()
    paragraphs = list(_paragraphs(text))
    ended = True  # whether the paragraph above is a heading, or ends as a sentence does
    for number, (start, end, alone) in enumerate(paragraphs, 1):
        written = text[start:end]
        line = written.strip()
        marks = _HEADING_MARKS.match(line)
        level = None
        is_heading = _section_named_by_line(written) is not None
        if marks:
            line = line[marks.end() :]
            level = len(marks[0].rstrip())
            is_heading = True
        elif number < len(paragraphs) and not is_heading:
            # the first line may be a name, of which all that follows says something
            is_title = _is_title(line) or (number > 1 and _is_title_of_one_word(line))
            below = text[slice(*paragraphs[number][:2])]
            is_heading = (alone and is_title) or (ended and _is_above_text(line, below))
        heading_end = None if is_heading else run_in_heading(text, start, end)
        heading_name = _section_named_by_line(text[start:heading_end]) if heading_end else None
        if is_heading:
            section = outline.section(" ".join(line.split()), level)
        elif heading_end and heading_name:
            section = heading_name
            blocks.append(Block(start, heading_end, section, heading=True))
            start = heading_end
        else:
            section = run_in_section(written.lstrip()) or section
            bullet = _BULLET.match(written)
            start += bullet.end() if bullet and bullet.end() < len(written) else 0
        blocks.append(Block(start, end, section, is_heading))
        ended = is_heading or SENTENCE_END.search(line) is not None
    return Document(text, tuple(blocks), source)


def _paragraphs(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield the span of each paragraph, and whether it is a single line between blank lines."""
    run: list[tuple[int, int]] = []  # spans of lines with text, one after the other
    for line in _LINE.finditer(text):
        visible = _VISIBLE.search(text, *line.span())
        if visible:
            run.append(line.span())
        if run and (not visible or len(run) == _MOST_LINES or line.end() == len(text)):
            for start, end in _blocks_of_lines(text, run):
                yield start, end, len(run) == 1
            run = []


def _blocks_of_lines(text: str, spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Split consecutive lines into blocks; the lines of a hard-wrapped paragraph are one block."""
    lines = [text[line_start:line_end].strip() for line_start, line_end in spans]
    width = _width_of_wrapping(lines)
    start = spans[0][0]
    for (line, following), (end, _) in zip(pairwise(lines), spans[1:], strict=True):
        goes_on = (
            _goes_on(line, following, width)
            and not _LIST_ENUMERATOR.match(following + " ")
            and not _HEADING_MARKS.match(line)
            and not _HEADING_MARKS.match(following)
            and not _section_named_by_line(text[start:end])
        )
        if not goes_on:
            yield start, end
            start = end  # a line begins where the last ended: one number in memory for both
    yield start, spans[-1][1]


def _goes_on(line: str, following: str, width: int) -> bool:
    """Test whether the next line goes on with a paragraph in lines of a width, 0 for none."""
    if len(line) > _MAX_WRAPPED or not width:
        return (
            following[:1].islower() and len(line) > _MIN_WRAPPED and not SENTENCE_END.search(line)
        )
    if following[:1].islower() or _LIST_ENUMERATOR.fullmatch(line + " "):
        return True
    if SENTENCE_END.search(line) and len(following) < _MIN_FULL * width:
        return False  # it may be a heading
    # the next word would have had room below a heading
    first_word = following.split(maxsplit=1)[0]
    return len(line) + len(first_word) >= _MIN_FULL * len(following)


def _width_of_wrapping(lines: list[str]) -> int:
    """Return the characters of a full line, or 0 for lines that are not hard-wrapped.

    Wrapped are lines of similar length, most of which end inside a sentence.
    """
    body = [line for line in lines[:-1] if len(line) <= _MAX_WRAPPED]
    unfinished = sum(not SENTENCE_END.search(line) for line in body)
    if not body or unfinished * 2 < len(body):
        return 0
    from statistics import median  # imports slower than a sentence is tagged, and few texts need it

    # Lines that begin in lower case show that a sentence goes on; others may be a list.
    lower_case = sum(line[:1].islower() for line in lines[1:])
    shortest = 25 if lower_case * 2 > len(body) else _MIN_WRAPPED
    return max(map(len, body)) if shortest <= median(map(len, body)) <= 120 else 0


def _is_above_text(line: str, below: str) -> bool:
    """Test whether a line is a heading by what stands below it: a sentence, longer than it.

    >>> below = "Inspectors found nine fishermen, whom the owner of the boat had not paid for a year."
    >>> [_is_above_text(line, below) for line in ("Rights of migrants", "No one was charged", "Po")]
    [True, False, False]
    """
    words = line.split()
    below_size = len(below.split(maxsplit=_MIN_PROSE_WORDS))
    return (
        line[:1].isupper()
        and _MIN_TITLE_LETTERS <= len(line) <= _MAX_WRAPPED
        and len(words) <= _MAX_HEADING_WORDS
        and below_size > max(_MIN_PROSE_WORDS - 1, len(words))
        and SENTENCE_END.search(below[-_MAX_WRAPPED:]) is not None
        and not _NO_HEADING.search(line)
        and not is_non_prose(line)
    )


def _is_title(line: str) -> bool:
    """Test whether a line is a lettered title or in capitals."""
    words = line.split()
    title = without_enumerator(line).split()
    if (
        not 2 <= len(words) <= _MAX_TITLE_WORDS
        or words[0].isdecimal()
        or line.endswith((".", ";", ",", "!", "?"))
    ):
        return False
    lettered = 0 < len(title) < len(words)
    lower_case = any(word[0].islower() for word in title if word not in _LOWER_IN_TITLES)
    return line.isupper() or (lettered and not lower_case)


def _is_title_of_one_word(line: str) -> bool:
    """Test whether a line is one known word in capitals, and no phrase of websites.

    A word that the package does not know could be an acronym, so that it is no title either.

    >>> [_is_title_of_one_word(line) for line in ("PRISONS", "UNICEF", "FRONTEX", "TORTURE")]
    [True, False, False, False]
    """
    if not (line.isalpha() and line.isupper() and len(line) >= _MIN_TITLE_LETTERS):
        return False
    word = line.lower()
    forms = (word, word.removesuffix("s"))
    is_known = word in _GENERIC_WORDS or any(class_of(form) not in _NO_TITLES for form in forms)
    return is_known and not is_non_prose(line)


def _section_named_by_line(paragraph: str) -> str | None:
    """Return the standard section that a short line names, if any."""
    words = paragraph.split(maxsplit=_MAX_HEADING_WORDS)  # of a long one only the first
    line = " ".join(words)
    if len(words) > _MAX_HEADING_WORDS or line.endswith((".", ";", ",")):
        return None
    name = section_of_heading(line)
    if name == line.rstrip(" :."):
        return None
    title = not any(word[0].islower() for word in words if len(word) >= _MIN_CAPITALISED)
    # "law enforcement efforts were weak" is no heading
    return name if title or section_named_by(line) else None
