#!/usr/bin/env python3
"""Count what goes wrong when reports are read: ``python benchmarks/reading.py FILE ...``.

Out: a Markdown table with a row for each file, and their sums. No figure needs a labelled text:
each counts a trace that a paragraph cut in two, or an endnote taken for text, leaves in the
passages.

- lower case: passages that begin in lower case, as the second half of a cut sentence does. Entries
  of a list may, too.
- marked: paragraphs that begin with a mark of two numbers or more ("136.32"), as recommendations
  do; cut: those with their text in another paragraph, or in a table cell.
- endnotes: passages that are nothing but a place in a document ("CCPR/C/SVN/CO/3, paras. 27–28.").
- opening: the first page has a paragraph without a sentence's end, before its first table or list
  (1 if so).
"""

from __future__ import annotations

import re
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from _measure import markdown

from tipclassify.errors import TipclassifyError
from tipclassify.readers import read_report
from tipclassify.records import Block, Document, Passage
from tipclassify.text.split import split_passages

COLUMNS: Final = (
    "file",
    "passages",
    "lower case",
    "%",
    "marked",
    "cut",
    "endnotes",
    "opening",
    "seconds",
)
# "a) Fund shelters" is an entry of a list
_LOWER: Final = re.compile(r"[\"“‘(\[]*[a-zß-öø-ÿ](?!\w?[.)])")
_MARK: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){1,3}\.?(?=\s|$)")
# note marks may follow
_SENTENCE_END: Final = re.compile(r"[.!?:;…][\"”’')\]»]*(?:\s*[(\[][\d,;\s–-]+[)\]])*$")
_MIN_OPENING_WORDS: Final = 6
# An endnote: a document symbol, "Ibid." or a submission, and the words that say where in it.
_SYMBOL: Final = r"[A-Z]+(?:\.\d+)?/[\w.()-]+(?:/[\w.()-]+)*"
_PLACE: Final = (
    r"(?:for (?:the )?(?:full text|relevant (?:the )?recommendations?),?"
    r"|(?:see )?also|see|ibid\.?|and|in|at|of the|or"
    r"|para(?:graph)?s?\.?|pp?\.?|chap\.?|annex|art(?:icle)?s?\.?|recommendations?|submission"
    r"|[\d.,;:()–-]+)"
)
_ENDNOTE: Final = re.compile(rf"(?:\W*(?:{_SYMBOL}|(?i:{_PLACE})(?=\W|$)))+\W*")
_MUST_HAVE: Final = re.compile(rf"{_SYMBOL}|[Ii]bid\b|\bparas?\. \d|\bp\. \d")


@dataclass(frozen=True)
class Reading:
    """Counts of a file."""

    file: str
    passages: int
    lower_case: int
    marked: int
    cut: int
    endnotes: int
    opening: int
    seconds: float


def measure(file: Path) -> Reading:
    """Read a file and count the traces of bad reading."""
    start = time.perf_counter()
    document = read_report(file)
    seconds = time.perf_counter() - start
    passages = split_passages(document)
    marked = [
        number
        for number, block in enumerate(document.blocks)
        if _MARK.match(_text(document, block))
    ]
    return Reading(
        file.name,
        len(passages),
        sum(_LOWER.match(passage.text) is not None for passage in passages),
        len(marked),
        sum(_is_cut(document, number) for number in marked),
        sum(is_endnote(passage.text) for passage in passages),
        int(_has_cut_opening(document, passages)),
        seconds,
    )


def is_endnote(text: str) -> bool:
    """Test whether a passage is only a place in a document.

    >>> is_endnote("For relevant recommendations, see A/HRC/28/15, paras. 115.1–115.4.")
    True
    >>> is_endnote("The Committee asked for a report (A/HRC/28/15, para. 4).")
    False
    """
    return _MUST_HAVE.search(text) is not None and _ENDNOTE.fullmatch(text) is not None


def _text(document: Document, block: Block) -> str:
    return document.text[block.start : block.end]


def _is_cut(document: Document, number: int) -> bool:
    """Return whether a marked paragraph has lost its text, whole or in part."""
    text = _text(document, document.blocks[number])
    mark = _MARK.match(text)
    rest = text[mark.end() :].strip() if mark else text
    following = ""
    if number + 1 < len(document.blocks):
        following = _text(document, document.blocks[number + 1])
    goes_on = following[:1].islower() and not _SENTENCE_END.search(text)
    return not rest or rest.startswith("|") or goes_on


def _has_cut_opening(document: Document, passages: list[Passage]) -> bool:
    """Test whether a paragraph of page 1, before any table or list, ends inside a sentence."""
    for passage in passages:
        if passage.page != 1 or " | " in passage.text:
            return False
        block = document.blocks[passage.block or 0]
        is_last = passage.end == block.end
        is_prose = len(_text(document, block).split()) >= _MIN_OPENING_WORDS
        if is_last and is_prose and not _SENTENCE_END.search(passage.text):
            return True
    return False


def main(
    files: Annotated[list[Path], typer.Argument(help="reports, of any format that is read")],
) -> None:
    """Print the table; what cannot be read is named below it."""
    readings: list[Reading] = []
    failed: list[str] = []
    for file in files:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                readings.append(measure(file))
        except TipclassifyError as error:
            failed.append(str(error))
    rows = [_cells(reading) for reading in readings]
    if readings:
        rows.append(_cells(_total(readings)))
    print(markdown(COLUMNS, rows))
    for line in failed:
        print(line)


def _total(readings: list[Reading]) -> Reading:
    return Reading(
        file=f"all ({len(readings)})",
        passages=sum(reading.passages for reading in readings),
        lower_case=sum(reading.lower_case for reading in readings),
        marked=sum(reading.marked for reading in readings),
        cut=sum(reading.cut for reading in readings),
        endnotes=sum(reading.endnotes for reading in readings),
        opening=sum(reading.opening for reading in readings),
        seconds=sum(reading.seconds for reading in readings),
    )


def _cells(reading: Reading) -> list[str]:
    share = 100 * reading.lower_case / max(1, reading.passages)
    return [
        reading.file,
        f"{reading.passages:,}",
        f"{reading.lower_case:,}",
        f"{share:.1f}",
        f"{reading.marked:,}",
        f"{reading.cut:,}",
        f"{reading.endnotes:,}",
        f"{reading.opening}",
        f"{reading.seconds:.2f}",
    ]


if __name__ == "__main__":
    typer.run(main)
