"""Many inputs, one after the other or by several processes, in the order given and with the same results.

A report that cannot be read raises when its turn comes and the rest go on. Reports flow through a few at a time, since to
score several together is quicker: memory does not grow with their number.
"""

from __future__ import annotations

import glob
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

from tipclassify.errors import InputError
from tipclassify.model.classifier import Classifier
from tipclassify.pipeline.processes import in_order
from tipclassify.readers import ReadOptions, is_link, is_report, read_report
from tipclassify.readers.jsonl import read_lines, read_text_rows, rows_of_lines
from tipclassify.reporting.writers import TaggedReport, as_it_is
from tipclassify.text.document import Document, Passage
from tipclassify.text.segmentation.passages import split_passages

if TYPE_CHECKING:
    from tipclassify.text.segmentation.passages import Unit

__all__ = ["CHARACTERS", "Tagging", "expand_inputs", "made_of_inputs", "tag_input", "tag_inputs"]

_ROWS: Final = (".jsonl", ".ndjson")
CHARACTERS: Final = 400_000
"""Of reports that are scored together; more bring no more."""

_LONGEST_WAIT: Final = 0.2  # seconds until what is read is tagged, be it little: links and large PDFs are slow
_TOGETHER: Final = 8  # reports a task
_FEWEST_TASKS: Final = 16  # into which the reports left are cut, where there are as many: all processes end alike

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tagging:
    """How inputs are read, split and tagged.

    Attributes
    ----------
    model : path or None
        Folder of the model; None is the shipped one. Worker processes load it themselves.
    thresholds : tuple of (label, probability)
        In place of the policy's.
    """

    model: str | None = None
    policy: str = "balanced"
    thresholds: tuple[tuple[str, float], ...] = ()
    unit: Unit = "sentence"
    read: ReadOptions = field(default_factory=ReadOptions)

    def classifier(self) -> Classifier:
        """The classifier that tags.

        Raises
        ------
        ModelError
            When the model cannot be used.
        """
        return _classifier(self.model, self.thresholds)


@cache  # a process tags many inputs
def _classifier(model: str | None, thresholds: tuple[tuple[str, float], ...]) -> Classifier:
    return Classifier.load(model).with_thresholds(dict(thresholds))


def expand_inputs(names: Sequence[str]) -> list[str]:
    """Files and links that `names` stand for, each once, in a fixed order.

    A folder stands for the files in it, at any depth, whose suffix a reader knows (hidden ones left out); a pattern with
    ``*``, ``?`` or ``[`` for the files it matches; ``@list.txt`` for the names in that file, one a line. ``-`` is
    standard input. A name that stands for nothing stays, so that reading it tells what is wrong.

    Raises
    ------
    InputError
        When a list cannot be read, or a folder or pattern holds no report.
    """
    found: dict[str, None] = {}
    for name in names:
        found.update(dict.fromkeys(_expanded(name)))
    return list(found)


def _expanded(name: str) -> list[str]:
    if name == "-" or is_link(name):
        return [name]
    if name.startswith("@") and not os.path.exists(name):
        return _listed(name[1:])
    if os.path.isdir(name):
        files = [
            str(path)
            for path in sorted(Path(name).rglob("*"))
            if ((path.suffix and is_report(path.name)) or path.suffix.lower() in _ROWS)
            and not any(part.startswith(".") for part in path.relative_to(name).parts)
            and path.is_file()
        ]
        if not files:
            raise InputError(f"{name}: no report in this folder; it needs .html, .pdf, .docx, .txt or the like")
        return files
    if any(mark in name for mark in "*?[") and not os.path.exists(name):
        files = sorted(path for path in glob.glob(name, recursive=True) if os.path.isfile(path))
        if not files:
            raise InputError(f"{name}: matches no file; check the pattern")
        return files
    return [name]


def _listed(name: str) -> list[str]:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "not UTF-8"
        raise InputError(f"@{name}: {what}; give a text file with one path or link a line") from None
    lines = (line.strip() for line in text.splitlines())
    return [one for line in lines if line and not line.startswith("#") for one in _expanded(line)]


def tag_inputs(files: Sequence[str], tagging: Tagging, jobs: int = 1) -> Iterator[tuple[str, Iterator[TaggedReport]]]:
    """Each input with its tagged reports, in the order of `files`, by `jobs` processes.

    An input is one report, or several, one a batch of rows, where it holds ready split rows. Reports come one input after
    the other: what is not taken of one is lost when the next is asked for. `InputError` comes out of them where an input
    cannot be read.
    """
    return made_of_inputs(files, tagging, jobs, as_it_is)


def made_of_inputs(
    files: Sequence[str], tagging: Tagging, jobs: int, make: Callable[[TaggedReport], T]
) -> Iterator[tuple[str, Iterator[T]]]:
    """The same with what `make` makes of each report, in the process that tagged it: text travels lighter than passages."""
    outcomes = _Outcomes(_all_outcomes(files, tagging, jobs, make))
    for number, file in enumerate(files):
        yield file, outcomes.of(number)
        outcomes.skip(number)


def tag_input(file: str, tagging: Tagging) -> Iterator[TaggedReport]:
    """The report in one input; several, one a batch of rows, for ready split rows (``.jsonl``).

    Raises
    ------
    InputError
        When the input cannot be read.
    """
    if _holds_rows(file):
        yield from (_tagged_rows(file, rows, tagging) for rows in read_text_rows(file))
    else:
        yield from _tagged_together([_split(file, tagging)], tagging)


class _Outcomes(Generic[T]):
    """Outcomes in the order of their inputs, one input at a time."""

    def __init__(self, outcomes: Iterator[tuple[int, T | InputError]]) -> None:
        self._outcomes = outcomes
        self._next: tuple[int, T | InputError] | None = None

    def of(self, number: int) -> Iterator[T]:
        """What was made of input `number`; raises the `InputError` that ends it."""
        while self._is_at(number):
            assert self._next is not None
            outcome, self._next = self._next[1], None
            if isinstance(outcome, InputError):
                raise outcome
            yield outcome

    def skip(self, number: int) -> None:
        """Leave out what is left of input `number`."""
        while self._is_at(number):
            self._next = None

    def _is_at(self, number: int) -> bool:
        self._next = self._next or next(self._outcomes, None)
        return self._next is not None and self._next[0] == number


@dataclass(frozen=True, slots=True)
class _Inputs:
    """A task: some inputs with their numbers."""

    numbered: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class _Lines:
    """A task: numbered lines of an input with ready split rows, or why there are none."""

    number: int
    file: str
    lines: list[tuple[int, bytes]] | InputError


def _all_outcomes(
    files: Sequence[str], tagging: Tagging, jobs: int, make: Callable[[TaggedReport], T]
) -> Iterator[tuple[int, T | InputError]]:
    if jobs == 1:
        return _outcomes(enumerate(files), tagging, make)
    done = in_order(partial(_done, tagging, make), _tasks(files), jobs)
    return (outcome for outcomes in done for outcome in outcomes)


def _tasks(files: Sequence[str]) -> Iterator[_Inputs | _Lines]:
    """A few reports each, single ones at the end, or a batch of rows, so that one long file of rows is spread as well."""
    left = len(files)
    for rows, run in groupby(enumerate(files), key=lambda numbered: _holds_rows(numbered[1])):
        if not rows:
            while some := tuple(islice(run, max(1, min(_TOGETHER, left // _FEWEST_TASKS)))):
                left -= len(some)
                yield _Inputs(some)
            continue
        for number, file in run:
            left -= 1
            try:
                for lines in read_lines(file):
                    yield _Lines(number, file, lines)
            except InputError as error:
                yield _Lines(number, file, error)


def _done(
    tagging: Tagging, make: Callable[[TaggedReport], T], task: _Inputs | _Lines
) -> list[tuple[int, T | InputError]]:
    if isinstance(task, _Inputs):
        return list(_outcomes(task.numbered, tagging, make))
    if isinstance(task.lines, InputError):
        return [(task.number, task.lines)]
    rows, wrong = rows_of_lines(task.lines, task.file)
    done: list[tuple[int, T | InputError]] = []
    if rows:
        done.append((task.number, make(_tagged_rows(task.file, rows, tagging))))
    if wrong:
        done.append((task.number, InputError(str(wrong))))
    return done


def _outcomes(
    numbered: Iterable[tuple[int, str]], tagging: Tagging, make: Callable[[TaggedReport], T]
) -> Iterator[tuple[int, T | InputError]]:
    """Outcomes of inputs. Several reports are scored together, which takes two thirds of the time, unless reading is slow."""
    read: list[tuple[int, _Split | InputError]] = []
    size, since = 0, time.monotonic()
    for number, file in numbered:
        if _holds_rows(file):
            yield from _of_read(read, tagging, make)
            try:
                yield from ((number, make(_tagged_rows(file, rows, tagging))) for rows in read_text_rows(file))
            except InputError as error:
                yield number, error
            read.clear()
        else:
            try:
                found = _split(file, tagging)
                size += len(found.document.text)
                read.append((number, found))
            except InputError as error:
                read.append((number, InputError(str(error))))
        if size >= CHARACTERS or time.monotonic() - since >= _LONGEST_WAIT:
            yield from _of_read(read, tagging, make)
            read.clear()
        if not read:
            size, since = 0, time.monotonic()
    yield from _of_read(read, tagging, make)


def _of_read(
    read: Sequence[tuple[int, _Split | InputError]], tagging: Tagging, make: Callable[[TaggedReport], T]
) -> Iterator[tuple[int, T | InputError]]:
    tagged = _tagged_together([found for _, found in read if isinstance(found, _Split)], tagging)
    for number, found in read:
        yield number, found if isinstance(found, InputError) else make(next(tagged))


class _Split(NamedTuple):
    """A report that is read and split, not yet tagged."""

    file: str
    document: Document
    passages: list[Passage]
    notes: tuple[str, ...]


def _split(file: str, tagging: Tagging) -> _Split:
    with warnings.catch_warnings(record=True) as doubts:
        warnings.simplefilter("always", UserWarning)
        document = read_report(file, tagging.read)
    notes = tuple(str(doubt.message) for doubt in doubts if doubt.category is UserWarning)
    return _Split(file, document, split_passages(document, tagging.unit), notes)


def _tagged_together(reports: Sequence[_Split], tagging: Tagging) -> Iterator[TaggedReport]:
    passages = [passage for report in reports for passage in report.passages]
    tagged = iter(tagging.classifier().tag_passages(passages, tagging.policy))
    for file, document, split, notes in reports:
        yield TaggedReport(file, document, list(islice(tagged, len(split))), notes=notes)


def _tagged_rows(file: str, rows: list[dict[str, Any]], tagging: Tagging) -> TaggedReport:
    split = [Passage(row["text"], 0, len(row["text"]), row.get("section")) for row in rows]
    return TaggedReport(file, None, tagging.classifier().tag_passages(split, tagging.policy), rows)


def _holds_rows(file: str) -> bool:
    return Path(file).suffix.lower() in _ROWS and not is_link(file)
