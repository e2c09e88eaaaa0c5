"""Read, split and tag many inputs, one after the other or in several processes, in the order given and with the same results.

A report that cannot be read raises when its turn comes, and the rest go on. Memory does not grow with the number of inputs.
"""

from __future__ import annotations

import glob
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from tipclassify.errors import InputError
from tipclassify.model.classifier import Classifier
from tipclassify.pipeline.processes import in_order
from tipclassify.readers import ReadOptions, is_link, is_report, read_report
from tipclassify.readers.jsonl import parse_rows, read_lines
from tipclassify.reporting.writers import TaggedReport, as_it_is
from tipclassify.text.document import Document, Passage

if TYPE_CHECKING:
    from tipclassify.text.segmentation.passages import Unit

__all__ = ["ROWS", "Tagging", "expand_inputs", "made_of_inputs", "names_in_list", "tag_document", "tag_input"]
__all__ += ["tag_inputs", "tag_rows"]

ROWS: Final = (".jsonl", ".ndjson")
"""Suffixes of files of passages that are split already, one JSON object a line."""

_READING: Final = threading.Lock()  # PDFium, and the recording of warnings, take one thread a process

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


def expand_inputs(names: Sequence[str], tables: Sequence[str] = ()) -> list[str]:
    """List the files and links that `names` stand for, each once, in a fixed order.

    A folder stands for the files in it, at any depth, whose suffix a reader knows (hidden ones left out); a pattern with
    ``*``, ``?`` or ``[`` for the files it matches; ``@list.txt`` for the names in that file, one a line. ``-`` is
    standard input. A name that stands for nothing stays, so that reading it tells what is wrong; so does any address.

    Parameters
    ----------
    tables : sequence of str
        Further suffixes of files that count in a folder.

    Raises
    ------
    InputError
        When a list cannot be read, or a folder or pattern holds no report.
    """
    found: dict[str, None] = {}
    for name in names:
        found.update(dict.fromkeys(_expanded(name, (*ROWS, *tables))))
    return list(found)


def _expanded(name: str, rows: Sequence[str]) -> list[str]:
    if name == "-" or "://" in name.removeprefix("@"):
        return [name]
    if name.startswith("@") and not os.path.exists(name):
        return [one for listed in _listed(name[1:]) for one in _expanded(listed, rows)]
    if os.path.isdir(name):
        files = [
            str(path)
            for path in sorted(Path(name).rglob("*"))
            if ((path.suffix and is_report(path.name)) or path.suffix.lower() in rows)
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
    return names_in_list(text)


def names_in_list(text: str) -> list[str]:
    """List the names in a list of inputs; blank lines and those with ``#`` in front do not count."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def tag_inputs(files: Sequence[str], tagging: Tagging, jobs: int = 1) -> Iterator[tuple[str, Iterator[TaggedReport]]]:
    """Yield each input with its tagged reports, in the order of `files`, by `jobs` processes.

    An input is one report, or several, one a batch of rows, where it holds ready split rows. Reports come one input after
    the other: what is not taken of one is lost when the next is asked for. `InputError` comes out of them where an input
    cannot be read.
    """
    return made_of_inputs(files, tagging, jobs, as_it_is)


def made_of_inputs(
    files: Sequence[str], tagging: Tagging, jobs: int, make: Callable[[TaggedReport], T]
) -> Iterator[tuple[str, Iterator[T]]]:
    """Yield the same with ``make(report)`` in place of each report, made in the process that tagged it."""
    failed: set[int] = set()
    results = in_order(partial(_results, tagging, make), _tasks(files, failed), jobs)
    for number, of_input in groupby(results, key=itemgetter(0)):
        yield files[number], _until_error(of_input, failed)


def tag_input(file: str, tagging: Tagging) -> Iterator[TaggedReport]:
    """Yield the tagged report in one input; several, one a batch of rows, for ready split rows (``.jsonl``).

    Raises
    ------
    InputError
        When the input cannot be read.
    """
    for _, reports in tag_inputs([file], tagging):
        yield from reports


def tag_document(file: str, read: Callable[[], Document], classifier: Classifier, tagging: Tagging) -> TaggedReport:
    """Read, split and tag a report; its notes are the warnings of its reader."""
    with _READING, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        document = read()
    notes = tuple(str(one.message) for one in caught if one.category is UserWarning)
    return TaggedReport(file, document, classifier.tag(document, tagging.policy, tagging.unit), notes=notes)


def tag_rows(file: str, rows: list[dict[str, Any]], classifier: Classifier, policy: str) -> TaggedReport:
    """Tag rows that are passages already, each with a ``text`` and perhaps a ``section``."""
    passages = [Passage(row["text"], 0, len(row["text"]), row.get("section")) for row in rows]
    return TaggedReport(file, None, classifier.tag_passages(passages, policy), rows)


class _Task(NamedTuple):
    """Work for one process: a report, or a batch of numbered lines (or why there are none) of a file of rows."""

    number: int
    file: str
    lines: list[tuple[int, bytes]] | InputError | None = None


def _tasks(files: Sequence[str], failed: set[int]) -> Iterator[_Task]:
    """Yield at least one task for each file; no more for a file whose number is in `failed`."""
    for number, file in enumerate(files):
        if Path(file).suffix.lower() not in ROWS or is_link(file):
            yield _Task(number, file)
            continue
        yield _Task(number, file, [])  # an empty file has a result too
        try:
            for lines in read_lines(file):
                if number in failed:
                    break
                yield _Task(number, file, lines)
        except InputError as error:
            yield _Task(number, file, error)


def _results(tagging: Tagging, make: Callable[[TaggedReport], T], task: _Task) -> tuple[int, list[T | InputError]]:
    """Do a task: the number of its input, what `make` made, and the error that ends the input, if any."""
    made: list[T | InputError] = []
    classifier = tagging.classifier()
    try:
        if task.lines is None:
            report = tag_document(task.file, partial(read_report, task.file, tagging.read), classifier, tagging)
            made.append(make(report))
        elif isinstance(task.lines, InputError):
            raise task.lines
        else:
            rows, wrong = parse_rows(task.lines, task.file)
            if rows:
                made.append(make(tag_rows(task.file, rows, classifier, tagging.policy)))
            if wrong:
                raise wrong
    except InputError as error:
        made.append(InputError(str(error)))  # its children do not pickle
    return task.number, made


def _until_error(results: Iterable[tuple[int, list[T | InputError]]], failed: set[int]) -> Iterator[T]:
    """Yield what was made of one input; raise the error that ends it, and note its number in `failed`."""
    for number, made in results:
        for one in made:
            if isinstance(one, InputError):
                failed.add(number)
                raise one
            yield one
