"""Tag many inputs in their order, by one process or several; memory does not depend on the
number of inputs."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, NamedTuple

from tipclassify.errors import InputError, TipclassifyError, broken_input
from tipclassify.labels import Policy
from tipclassify.model.classifier import Classifier
from tipclassify.pipeline.inputs import ROWS, TABLES
from tipclassify.pipeline.workers import in_worker, map_in_order
from tipclassify.readers import ReadOptions, is_link, read_report
from tipclassify.readers.isolated import read_isolated
from tipclassify.readers.jsonl import parse_row, read_lines
from tipclassify.reporting.report import TaggedReport
from tipclassify.reporting.writers import identity
from tipclassify.text.document import Document, Passage
from tipclassify.text.segmentation.passages import Unit, passage_parts

__all__ = [
    "Tagging",
    "read_with_notes",
    "tag_document",
    "tag_input",
    "tag_inputs",
    "tag_rows",
]

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
        return _classifier(self.model, self.thresholds)


@cache  # loading is slow, and a process tags many inputs
def _classifier(model: str | None, thresholds: tuple[tuple[str, float], ...]) -> Classifier:
    return Classifier.load(model).with_thresholds(dict(thresholds))


def tag_inputs(
    files: Sequence[str],
    tagging: Tagging,
    jobs: int = 1,
    make: Callable[[TaggedReport], Any] = identity,
) -> Iterator[tuple[str, Iterator[Any]]]:
    """Tag inputs with `jobs` processes; yield each with an iterator of its tagged reports, in the
    order of `files`.

    An input of rows gives one report for each batch of rows, a long report one for each part of it,
    any other input one report. With `make`, yield ``make(report)``, computed in the worker, in
    place of each report; this process tags a report in parts, one part at a time. Consume each
    iterator before you advance to the next input: the rest of it is discarded then. It ends with
    `InputError` for an unreadable input, or for bad rows, a line each, after good ones.
    """
    work = partial(_numbered_results, tagging, make, jobs == 1)
    results = (
        (number, _results(tagging, make, made) if isinstance(made, _Task) else made)
        for number, made in map_in_order(work, _tasks(files, tagging.read), jobs, _lost)
    )
    for number, of_input in groupby(results, key=itemgetter(0)):
        yield files[number], _then_errors(files[number], of_input)


def tag_input(
    file: str, tagging: Tagging, classifier: Classifier | None = None
) -> Iterator[TaggedReport]:
    """Tag one input: yield its report, its parts or batches of rows; raise `InputError` for what
    cannot be read.

    A `classifier`, if given, takes the place of that of `tagging`.
    """
    tasks = _tasks([file], tagging.read)
    yield from _then_errors(
        file, ((task.number, _results(tagging, identity, task, classifier)) for task in tasks)
    )


def tag_document(
    file: str, read: Callable[[], Document], classifier: Classifier, tagging: Tagging
) -> Iterator[TaggedReport]:
    """Read, split and tag a report, a long one in parts; the reader's warnings become the notes
    of the first."""
    document, notes = read_with_notes(read)
    for part, (within, passages) in enumerate(passage_parts(document, tagging.unit), 1):
        tagged = classifier.tag_passages(passages, tagging.policy)
        number = part if len(within.blocks) < len(document.blocks) else 0
        yield TaggedReport(file, within, tagged, notes=notes if part == 1 else (), part=number)


def read_with_notes(read: Callable[[], Document]) -> tuple[Document, tuple[str, ...]]:
    """Read a document; return it with the reader's warnings."""
    with _READER_LOCK, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        document = read()
    return document, tuple(str(one.message) for one in caught if one.category is UserWarning)


def tag_rows(
    file: str, rows: list[dict[str, Any]], classifier: Classifier, policy: Policy
) -> TaggedReport:
    """Tag rows that are passages already, each with a ``text`` and optionally a ``section``."""
    passages = [Passage(row["text"], 0, len(row["text"]), row.get("section")) for row in rows]
    return TaggedReport(file, None, classifier.tag_passages(passages, policy), rows)


class _Task(NamedTuple):
    """A report, or a batch of numbered lines of a row file, or the error of reading them."""

    number: int
    file: str
    lines: list[tuple[int, bytes]] | InputError | None = None


def _tasks(files: Sequence[str], options: ReadOptions) -> Iterator[_Task]:
    """Yield one task or more for each file."""
    for number, file in enumerate(files):
        suffix = Path(file).suffix.lower()
        if suffix not in (*ROWS, *TABLES) or is_link(file):
            yield _Task(number, file)
            continue
        from tipclassify.readers.tables import read_table

        yield _Task(number, file, [])  # so that an empty file has a result too
        try:
            for lines in read_table(file, options) if suffix in TABLES else read_lines(file):
                yield _Task(number, file, lines)
        except InputError as error:
            yield _Task(number, file, error)


def _lost(task: _Task) -> tuple[int, list[InputError]]:
    """Return the result of a task that ended its process."""
    where = task.file
    if isinstance(task.lines, list) and task.lines:
        where = f"{task.file}:{task.lines[0][0]}-{task.lines[-1][0]}"
    remedy = "save it in another format, and report this to us"
    return task.number, [
        InputError(f"{where}: cannot be read (it ends the process that reads it); {remedy}")
    ]


def _numbered_results(
    tagging: Tagging, make: Callable[[TaggedReport], Any], lazily: bool, task: _Task
) -> tuple[int, Iterable[Any] | _Task]:
    """Return the number of a task's input, and its results: an iterator, or a list that can be
    pickled.

    A report in parts is given back: the list of all its parts would take many times the memory of
    one.
    """
    if lazily:
        return task.number, _results(tagging, make, task)
    made = []
    for one in _results(tagging, lambda report: task if report.part else make(report), task):
        if one is task:
            return task.number, task
        made.append(one)
    return task.number, made


def _results(
    tagging: Tagging,
    make: Callable[[TaggedReport], Any],
    task: _Task,
    classifier: Classifier | None = None,
) -> Iterator[Any]:
    """Run a task; yield the results of `make`, and the errors of the input or of its rows."""
    classifier = classifier or tagging.classifier()
    try:
        if task.lines is None:
            # A worker process may be lost: its pool goes on without the input. This process may
            # not.
            read = partial(read_report if in_worker() else read_isolated, task.file, tagging.read)
            yield from map(make, tag_document(task.file, read, classifier, tagging))
        elif isinstance(task.lines, InputError):
            raise task.lines
        else:
            rows = []
            for number, line in task.lines:
                try:
                    rows.append(parse_row(line, f"{task.file}:{number}", tagging.read.text_column))
                except InputError as error:
                    yield error
            if rows:
                yield make(tag_rows(task.file, rows, classifier, tagging.policy))
    except InputError as error:
        yield InputError(str(error))  # subclasses of InputError do not pickle
    except TipclassifyError:
        raise
    except Exception as error:  # splitting or scoring one input must not end a batch either
        yield broken_input(task.file, error)


def _then_errors(
    file: str, results: Iterable[tuple[int, Iterable[Any]]], most: int = 20
) -> Iterator[Any]:
    """Yield the results of one input; then raise its errors as one: the first `most` lines and
    the number of others."""
    lines, more = list[str](), 0
    for one in chain.from_iterable(map(itemgetter(1), results)):
        if not isinstance(one, InputError):
            yield one
        elif len(lines) < most:
            lines.append(str(one))
        else:
            more += 1
    if lines:
        raise InputError(
            "\n".join([*lines, *[f"{file}: {more:,} more bad row{'s' * (more > 1)}"] * (more > 0)])
        )
