"""Tag many inputs in their order, by one process or several.

Memory does not depend on the number of inputs.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, Generic, TypeAlias, TypeVar

from tipclassify.errors import InputError, TipclassifyError, convert_exception_to_input_error
from tipclassify.labels import Policy
from tipclassify.model.classifier import Classifier
from tipclassify.readers import ReadOptions, is_link
from tipclassify.readers.child import read_report_isolated
from tipclassify.readers.rows import parse_row, read_jsonl
from tipclassify.reports.report import TaggedReport, identity
from tipclassify.tagging.failure import Failure
from tipclassify.tagging.inputs import ROWS, TABLES
from tipclassify.tagging.workers import map_in_order
from tipclassify.text.document import Document, Passage
from tipclassify.text.split import Unit, split_passages_in_parts

__all__ = [
    "BatchProblems",
    "Result",
    "Tagged",
    "Tagging",
    "read_batch_input_with_notes",
    "tag_document",
    "tag_input",
    "tag_inputs",
    "tag_rows",
]

R = TypeVar("R")

_READER_LOCK: Final = threading.Lock()  # PDFium and `warnings.catch_warnings` are not thread-safe


@dataclass(frozen=True, slots=True)
class Tagging:
    """Options for reading, splitting and tagging inputs.

    Picklable: worker processes load the model themselves.
    """

    model: str | None = None  # name or folder; None is the default model
    policy: Policy = "balanced"  # operating point: ``"screen"``, ``"balanced"`` or ``"cite"``
    thresholds: tuple[tuple[str, float], ...] = ()  # overrides of the policy's, 0 to 1, by label
    unit: Unit = "sentence"
    read: ReadOptions = field(default_factory=ReadOptions)

    def classifier(self) -> Classifier:
        """Load the classifier, once a process; raise `ModelError` when it cannot be used."""
        return _classifier_of_worker(self.model, self.thresholds)


@cache  # loading is slow, and a process tags many inputs
def _classifier_of_worker(
    model: str | None, thresholds: tuple[tuple[str, float], ...]
) -> Classifier:
    return Classifier.load(model).with_thresholds(dict(thresholds))


@dataclass(frozen=True, slots=True)
class Tagged(Generic[R]):
    """What was made of a tagged report, of a part of a long one, or of a batch of rows."""

    output: R
    part: int = 0  # number of the part of a long report, from 1; 0 for a whole one
    notes: tuple[str, ...] = ()  # the reader's warnings, one line each


Result: TypeAlias = Tagged[R] | Failure
"""What became of an input, a row or a part: tagged, or failed."""


class BatchProblems:
    """The problems of one input: the first lines, and the number of the others."""

    _MOST: Final = 20  # lines; a table of a million bad rows has as many problems

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: list[str] = []
        self.more = 0

    def add(self, failure: Failure) -> None:
        """Keep a problem, or count it where there are many."""
        if len(self.lines) < self._MOST:
            self.lines.append(failure.error)
        else:
            self.more += 1

    def error(self) -> InputError | None:
        """Make one error of the problems, a line each; None where there are none."""
        if not self.lines:
            return None
        lines = list(self.lines)
        if self.more:
            rows = "row" if self.more == 1 else "rows"
            lines.append(f"{self.file}: {self.more:,} more bad {rows}")
        return InputError("\n".join(lines))


def tag_inputs(
    files: Sequence[str], tagging: Tagging, make: Callable[[TaggedReport], R], jobs: int = 1
) -> Iterator[tuple[str, Iterator[Result[R]]]]:
    """Tag inputs with `jobs` processes; yield each with its results, in the order of `files`.

    An input of rows gives one result for each batch of rows, a long report one for each part of it,
    any other input one: ``make(report)``, computed in the worker process. What cannot be read is a
    `Failure` among them; an input has no others after the one of the input itself. This process
    tags a report in parts, one part at a time. Consume the results of an input before you advance
    to the next: the rest of them is discarded then.
    """
    done = _done_tasks(files, tagging, make, jobs)
    for number, done_of_input in groupby(done, key=attrgetter("number")):
        yield files[number], chain.from_iterable(task.results for task in done_of_input)


def _done_tasks(
    files: Sequence[str], tagging: Tagging, make: Callable[[TaggedReport], R], jobs: int
) -> Iterator[_DoneTask[R]]:
    """Run the tasks of all inputs; yield each with its results, in the order of the tasks."""
    run: Callable[[_Task], _DoneTask[R] | _ReportTask]
    run = partial(_run_tagging_task_lazily if jobs == 1 else _run_in_worker, tagging, make)
    finished: _DoneTask[R] | _ReportTask
    for finished in map_in_order(
        run, _tagging_tasks(files, tagging.read), jobs, _failure_of_lost_task
    ):
        if isinstance(finished, _ReportTask):  # a worker has given a long report back
            yield _run_tagging_task_lazily(tagging, make, finished)
        else:
            yield finished


def tag_input(
    file: str, tagging: Tagging, classifier: Classifier | None = None
) -> Iterator[TaggedReport]:
    """Tag one input: yield its report, its parts or batches of rows.

    A `classifier`, if given, takes the place of that of `tagging`. Raises `InputError` at the end
    for what cannot be read, bad rows a line each.
    """
    problems = BatchProblems(file)
    for task in _tagging_tasks([file], tagging.read):
        for result in _results_of_tagging_task(tagging, identity, task, classifier):
            if isinstance(result, Failure):
                problems.add(result)
            else:
                yield result.output
    if error := problems.error():
        raise error


def tag_document(
    file: str, read: Callable[[], Document], classifier: Classifier, tagging: Tagging
) -> Iterator[TaggedReport]:
    """Read, split and tag a report, a long one in parts.

    The reader's warnings become the notes of the first part.
    """
    document, notes = read_batch_input_with_notes(read)
    for part, (within, passages) in enumerate(split_passages_in_parts(document, tagging.unit), 1):
        tagged = classifier.tag_passages(passages, tagging.policy)
        number = part if len(within.blocks) < len(document.blocks) else 0
        yield TaggedReport(file, within, tagged, notes=notes if part == 1 else (), part=number)


def read_batch_input_with_notes(read: Callable[[], Document]) -> tuple[Document, tuple[str, ...]]:
    """Read a document; return it with the reader's warnings."""
    with _READER_LOCK, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        document = read()
    notes = (str(note.message) for note in caught if note.category is UserWarning)
    return document, tuple(notes)


def tag_rows(
    file: str, rows: list[dict[str, Any]], classifier: Classifier, policy: Policy
) -> TaggedReport:
    """Tag rows that are passages already, each with a ``text`` and optionally a ``section``.

    Rows may have further JSON values, which the report keeps.
    """
    passages = [Passage(row["text"], 0, len(row["text"]), row.get("section")) for row in rows]
    return TaggedReport(file, None, classifier.tag_passages(passages, policy), rows)


@dataclass(frozen=True, slots=True)
class _ReportTask:
    """A report to read and tag."""

    number: int  # of the input
    file: str


@dataclass(frozen=True, slots=True)
class _RowsTask:
    """A batch of numbered lines of a file of rows."""

    number: int
    file: str
    lines: list[tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class _UnreadableTask:
    """A file of rows that cannot be read any further."""

    number: int
    file: str
    failure: Failure


_Task: TypeAlias = _ReportTask | _RowsTask | _UnreadableTask


@dataclass(frozen=True, slots=True)
class _DoneTask(Generic[R]):
    """The results of a task."""

    number: int  # of the input
    results: Iterable[Result[R]]


def _tagging_tasks(files: Sequence[str], options: ReadOptions) -> Iterator[_Task]:
    """Yield one task or more for each file."""
    for number, file in enumerate(files):
        suffix = Path(file).suffix.lower()
        if suffix not in (*ROWS, *TABLES) or is_link(file):
            yield _ReportTask(number, file)
            continue
        from tipclassify.readers.rows import read_table

        yield _RowsTask(number, file, [])  # so that an empty file has a result too
        try:
            for lines in read_table(file, options) if suffix in TABLES else read_jsonl(file):
                yield _RowsTask(number, file, lines)
        except InputError as error:
            yield _UnreadableTask(number, file, Failure(file, str(error)))


def _run_tagging_task_lazily(
    tagging: Tagging, make: Callable[[TaggedReport], R], task: _Task
) -> _DoneTask[R]:
    """Run a task in this process, as its results are taken."""
    return _DoneTask(task.number, _results_of_tagging_task(tagging, make, task))


def _run_in_worker(
    tagging: Tagging, make: Callable[[TaggedReport], R], task: _Task
) -> _DoneTask[R] | _ReportTask:
    """Run a task in a worker process, whose results are pickled.

    A report in parts is given back: the list of all its parts would take many times the memory of
    one.
    """
    results: list[Result[R]] = []
    for result in _results_of_tagging_task(tagging, make, task):
        if isinstance(task, _ReportTask) and isinstance(result, Tagged) and result.part:
            return task
        results.append(result)
    return _DoneTask(task.number, results)


def _failure_of_lost_task(task: _Task) -> _DoneTask[R]:
    """Return the result of a task that ended its process."""
    where = task.file
    if isinstance(task, _RowsTask) and task.lines:
        first_number, _ = task.lines[0]
        last_number, _ = task.lines[-1]
        where = f"{task.file}:{first_number}-{last_number}"
    remedy = "save it in another format, and report this to us"
    problem = f"{where}: cannot be read (it ends the process that reads it); {remedy}"
    return _DoneTask(task.number, [Failure(task.file, problem)])


def _results_of_tagging_task(
    tagging: Tagging,
    make: Callable[[TaggedReport], R],
    task: _Task,
    classifier: Classifier | None = None,
) -> Iterator[Result[R]]:
    """Run a task: yield what `make` makes of its reports, and what failed."""
    try:
        for report in _tagged_reports_of_task(tagging, task, classifier or tagging.classifier()):
            if isinstance(report, Failure):
                yield report
            else:
                yield Tagged(make(report), report.part, report.notes)
    except InputError as error:
        yield Failure(task.file, str(error))
    except TipclassifyError:
        raise
    except Exception as error:  # splitting or scoring one input must not end a batch either
        yield Failure(task.file, str(convert_exception_to_input_error(task.file, error)))


def _tagged_reports_of_task(
    tagging: Tagging, task: _Task, classifier: Classifier
) -> Iterator[TaggedReport | Failure]:
    """Yield the tagged reports of a task, and the rows that could not be read."""
    if isinstance(task, _UnreadableTask):
        yield task.failure
    elif isinstance(task, _ReportTask):
        read = partial(read_report_isolated, task.file, tagging.read)
        yield from tag_document(task.file, read, classifier, tagging)
    else:
        rows = []
        for number, line in task.lines:
            try:
                rows.append(parse_row(line, f"{task.file}:{number}", tagging.read.text_column))
            except InputError as error:
                yield Failure(task.file, str(error))
        if rows:
            yield tag_rows(task.file, rows, classifier, tagging.policy)
