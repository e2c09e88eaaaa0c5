"""The one loop that tags: inputs in, a `Report` or a `Failure` out, in their order.

Files are read, split and tagged by this process or by several. A long report comes in parts, and a
file of rows in batches, so that memory depends neither on the number of inputs nor on their length.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, NamedTuple

from tipclassify._version import __version__
from tipclassify.errors import InputError, TipclassifyError, unreadable
from tipclassify.labels import Policy
from tipclassify.model.classifier import Classifier
from tipclassify.readers import ReadOptions
from tipclassify.readers.child import read_report_isolated, read_table_isolated
from tipclassify.readers.rows import parse_row, read_jsonl
from tipclassify.records import (
    WITHOUT_ACRONYMS,
    Document,
    Failure,
    Report,
    Run,
    Unit,
    is_link,
    lacks_acronyms,
    passage_of,
)
from tipclassify.tagging.inputs import ROWS, TABLES, expand_inputs
from tipclassify.tagging.workers import map_in_order
from tipclassify.text.kinds import is_measured, kind_of_document
from tipclassify.text.split import check_unit, split_passages_in_parts

_READER_LOCK: Final = threading.Lock()  # PDFium and `warnings.catch_warnings` are not thread-safe
_MOST_PROBLEMS: Final = 20  # lines; a table of a million bad rows has as many problems


@dataclass(frozen=True, slots=True)
class Tagging:
    """How inputs are read, split and tagged.

    Picklable: worker processes load the model themselves.
    """

    model: str | None = None  # name or folder; None is the default model
    policy: Policy = "balanced"
    thresholds: tuple[tuple[str, float], ...] = ()  # in place of the policy's, 0 to 1, by label
    unit: Unit = "sentence"
    read: ReadOptions = field(default_factory=ReadOptions)

    def classifier(self) -> Classifier:
        """Load the classifier, once a process; raise `ModelError` when it cannot be used."""
        return Classifier.load(self.model).with_thresholds(dict(self.thresholds))

    def run(self, day: str = "") -> Run:
        """Say what tags so; `day` is the one on which the inputs are read."""
        return self.classifier().run(self.policy, self.unit, day)

    def settings(self) -> dict[str, object]:
        """Return what determines the tags of an input, besides its content, as JSON values."""
        return {
            "version": __version__,
            "model": self.run().model,
            "policy": self.policy,
            "thresholds": dict(self.thresholds),
            "unit": self.unit,
            "encoding": self.read.encoding,
            "text": self.read.text_column,
        }

    def reports(
        self,
        files: Sequence[str],
        jobs: int = 1,
        day: str = "",
        classifier: Classifier | None = None,
    ) -> Iterator[Report | Failure]:
        """Tag files and links, as `tag` does; `classifier` takes the place of the model's name."""
        for _, results in self.by_input(files, jobs, day, classifier):
            yield from results

    def by_input(
        self,
        files: Sequence[str],
        jobs: int = 1,
        day: str = "",
        classifier: Classifier | None = None,
    ) -> Iterator[tuple[str, Iterator[Report | Failure]]]:
        """Pair each file with its results, as they come; a file without rows has none.

        Consume the results of a file before you advance to the next: the rest is discarded then.
        """
        own = classifier or self.classifier()
        run = own.run(self.policy, self.unit, day)

        def run_here(task: _Task) -> _Done:
            return task.file, _tagged(self, own, task)

        work = partial(_run_in_worker, self) if jobs != 1 else run_here
        done = map_in_order(work, _tasks(files, self.read), jobs, _lost)

        def results(tasks: Iterable[_Done]) -> Iterator[Report | Failure]:
            for file, of_task in tasks:
                # a worker gives a long report back
                for result in _tagged(self, own, _Task(file)) if of_task is None else of_task:
                    yield replace(result, run=run) if isinstance(result, Report) else result

        for file, tasks in groupby(done, key=itemgetter(0)):
            yield file, results(tasks)


def tag(
    inputs: Iterable[str | os.PathLike[str]],
    *,
    model: str | os.PathLike[str] | Classifier | None = None,
    policy: Policy = "balanced",
    thresholds: Mapping[str, float] | None = None,
    unit: Unit = "sentence",
    read: ReadOptions | None = None,
    day: str = "",
    jobs: int = 1,
) -> Iterator[Report | Failure]:
    """Tag many inputs, one after the other: the loop beneath every command.

    Parameters
    ----------
    inputs : paths and links
        As ``tipclassify score`` takes them: files, folders, patterns, archives, ``@list.txt``.
    model, policy, unit, day
        As of `tag_report`.
    thresholds : mapping of str to float, optional
        Thresholds that take the place of the policy's, 0 to 1, by label.
    read : ReadOptions, optional
        Options for reading.
    jobs : int
        Number of processes; -1 is one for each core. With more than one, `model` is a name or path.

    Yields
    ------
    Report or Failure
        In the order of the inputs: a report for each, several for the parts of a long one or the
        batches of a file of rows; a `Failure` for an input, or a row, that cannot be read.

    Raises
    ------
    InputError
        When a list of inputs cannot be read, or a folder or pattern holds no report.
    ModelError, ValueError
        As of `tag_report`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.txt").write_text("Police arrested nine traffickers.")
    ...     [report.passages[0].labels for report in tag([folder], model="fast")]
    [('positive_effort',)]
    """
    check_unit(unit)
    _check_day(day)
    given = model if isinstance(model, Classifier) else None
    if given is not None and jobs != 1:
        raise ValueError("a Classifier is not passed on to other processes: give its name or path")
    name = None if model is None or given is not None else os.fspath(model)  # type: ignore[arg-type]
    moved = dict(thresholds or {})
    tagging = Tagging(name, policy, tuple(sorted(moved.items())), unit, read or ReadOptions())
    classifier = given.with_thresholds(moved) if given is not None else tagging.classifier()
    classifier.thresholds(policy)  # what is unknown is refused before anything is read
    files = expand_inputs([os.fspath(each) for each in inputs])
    return tagging.reports(files, jobs, day, classifier)


def tag_report(
    source: str | os.PathLike[str] | Document,
    *,
    model: str | os.PathLike[str] | Classifier | None = None,
    policy: Policy = "balanced",
    unit: Unit = "sentence",
    day: str = "",
    text_column: str = "text",
) -> Report:
    """Read a report, split it into passages, and score and label each.

    Parameters
    ----------
    source : path, link or Document
        A file of any kind that ``tipclassify score`` takes, a link, or a `Document`. Rows of
        ``.jsonl``, ``.csv`` and ``.xlsx`` files are passages already, in the column `text_column`.
    model : name, path or Classifier, optional
        As of `classify`.
    policy : str
        Operating point: ``"screen"``, ``"balanced"`` or ``"cite"``.
    unit : str
        ``"sentence"``, or ``"clause"`` to split long semicolon lists too.
    day : str
        YYYY-MM-DD on which the report was read, for citations; empty leaves it out.

    Returns
    -------
    Report
        `passages` has all of them, tagged or not. `row`, `cite`, `summarize`, `compare` and
        `write_reports` take it.

    Raises
    ------
    InputError
        When the source cannot be read, or holds no text. What could not be read in full is a
        `UserWarning`.
    ModelError
        When the model cannot be used.
    ValueError
        When the policy or the unit is unknown, or the day is none.

    Examples
    --------
    >>> document = Document.from_text("Police arrested nine traffickers. Courts convicted none.")
    >>> report = tag_report(document)
    >>> [passage.labels for passage in report.passages]
    [('positive_effort',), ('failure',)]
    """
    classifier = model if isinstance(model, Classifier) else Classifier.load(model)
    classifier.thresholds(policy)  # what is unknown is refused before anything is read
    check_unit(unit)
    _check_day(day)
    tagging = Tagging(policy=policy, unit=unit, read=ReadOptions(text_column=text_column))
    if isinstance(source, Document):
        parts = tag_document(source.source, lambda: source, classifier, tagging)
        return replace(whole(source.source, parts), run=classifier.run(policy, unit, day))
    name = os.fspath(source)
    report = whole(name, tagging.reports([name], day=day, classifier=classifier))
    for note in report.notes:
        warnings.warn(f"{name}: {note}", stacklevel=2)
    return report


def _check_day(day: str) -> None:
    """Raise `ValueError` for what is neither YYYY-MM-DD nor empty."""
    if not day:
        return
    try:
        is_written_so = date.fromisoformat(day).isoformat() == day  # it reads other forms too
    except (TypeError, ValueError):
        is_written_so = False
    if not is_written_so:
        raise ValueError(f"day is {day!r:.40}: give YYYY-MM-DD, such as '2026-11-28'")


def whole(file: str, results: Iterable[Report | Failure]) -> Report:
    """Join the results of one input to one report: the parts of a long one, batches of rows.

    Raises `InputError` when any of it cannot be read, bad rows a line each, or it has no rows.
    """
    problems = Problems(file)
    parts: list[Report] = []
    for result in results:
        if isinstance(result, Failure):
            problems.add(result)
        else:
            parts.append(result)
    if error := problems.error():
        raise error
    if not parts:
        raise InputError(f"{file}: no rows in it; give a report, or rows with a 'text' field")
    document = parts[0].document
    if document is not None:
        documents = [part.document for part in parts if part.document]
        blocks = chain.from_iterable(part.blocks for part in documents)
        document = replace(document, blocks=tuple(blocks))
    return replace(
        parts[0],
        document=document,
        passages=[passage for part in parts for passage in part.passages],
        notes=tuple(note for part in parts for note in part.notes),
        part=0,
    )


class Problems:
    """The problems of one input: the first lines, and the number of the others."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._lines: list[str] = []
        self._more = 0

    def add(self, failure: Failure) -> None:
        """Keep a problem, or count it where there are many."""
        if len(self._lines) < _MOST_PROBLEMS:
            self._lines.append(failure.error)
        else:
            self._more += 1

    def error(self) -> InputError | None:
        """Make one error of the problems, a line each; None where there are none."""
        if not self._lines:
            return None
        lines = list(self._lines)
        if self._more:
            rows = "row" if self._more == 1 else "rows"
            lines.append(f"{self._file}: {self._more:,} more bad {rows}")
        return InputError("\n".join(lines))


# ------------------------------------------------------------------------------- what is one task


class _Task(NamedTuple):
    """A report to read, or a batch of rows, or a file of rows that cannot be read any further."""

    file: str
    rows: list[tuple[int, bytes]] | None = None  # numbered lines; None for a report
    error: str = ""
    is_first: bool = False  # batch of its file


# a file with the results of a task; None for a long report that the main process is to tag
_Done = tuple[str, Iterable[Report | Failure] | None]


def _tasks(files: Sequence[str], options: ReadOptions) -> Iterator[_Task]:
    for file in files:
        suffix = Path(file).suffix.lower()
        if suffix not in (*ROWS, *TABLES) or is_link(file):
            yield _Task(file)
            continue
        yield _Task(file, [])  # so that a file without rows is named too
        try:
            is_table = suffix in TABLES
            batches = read_table_isolated(file, options) if is_table else read_jsonl(file)
            for number, lines in enumerate(batches):
                yield _Task(file, lines, is_first=not number)
        except InputError as error:
            yield _Task(file, error=str(error))


def _tagged(tagging: Tagging, classifier: Classifier, task: _Task) -> Iterator[Report | Failure]:
    file = task.file
    if task.error:
        yield Failure(file, task.error)
        return
    try:
        if task.rows is None:
            read = partial(read_report_isolated, file, tagging.read)
            yield from tag_document(file, read, classifier, tagging)
            return
        parsed = []
        for number, line in task.rows:
            try:
                parsed.append(parse_row(line, f"{file}:{number}", tagging.read.text_column))
            except InputError as error:
                yield Failure(file, str(error))
        if parsed:
            report = tag_rows(file, parsed, classifier, tagging.policy)
            if task.is_first and any(map(lacks_acronyms, parsed)):
                report = replace(report, notes=(f"{file}: {WITHOUT_ACRONYMS}",))
            yield report
    except InputError as error:
        yield Failure(file, str(error))
    except TipclassifyError:
        raise
    except Exception as error:  # splitting or scoring one input must not end a batch either
        yield Failure(file, str(unreadable(file, error)))


def _run_in_worker(tagging: Tagging, task: _Task) -> _Done:
    """Run a task in a worker process, whose results are pickled.

    A report in parts is given back: the list of all its parts would take many times the memory of
    one.
    """
    results: list[Report | Failure] = []
    for result in _tagged(tagging, tagging.classifier(), task):
        if isinstance(result, Report) and result.part:
            return task.file, None
        results.append(result)
    return task.file, results


def _lost(task: _Task) -> _Done:
    """Return the result of a task that ended its process."""
    where = task.file
    if task.rows:
        first, _ = task.rows[0]
        last, _ = task.rows[-1]
        where = f"{task.file}:{first}-{last}"
    remedy = "save it in another format, and report this to us"
    problem = f"{where}: cannot be read (it ends the process that reads it); {remedy}"
    return task.file, [Failure(task.file, problem)]


def tag_rows(
    file: str, rows: Iterable[dict[str, Any]], classifier: Classifier, policy: Policy
) -> Report:
    """Tag rows that are passages already, each with a ``text`` and optionally a ``section``.

    Rows may have further JSON values, which their passages keep.
    """
    passages = [replace(passage_of(row), extra=row) for row in rows]
    return Report(file, None, classifier.tag(passages, policy))


def tag_document(
    file: str, read: Callable[[], Document], classifier: Classifier, tagging: Tagging
) -> Iterator[Report]:
    """Read, split and tag a report, a long one in parts.

    The reader's warnings become the notes of the first part.
    """
    document, notes = read_with_notes(read)
    reads_like = kind_of_document(document)
    is_measured_kind = is_measured(reads_like, classifier.meta)
    for part, (within, passages) in enumerate(split_passages_in_parts(document, tagging.unit), 1):
        tagged = classifier.tag(passages, tagging.policy)
        number = part if len(within.blocks) < len(document.blocks) else 0
        yield Report(
            file,
            within,
            tagged,
            notes=notes if part == 1 else (),
            part=number,
            reads_like=reads_like,
            is_measured=is_measured_kind,
        )


def read_with_notes(read: Callable[[], Document]) -> tuple[Document, tuple[str, ...]]:
    """Read a document; return it with the reader's warnings."""
    with _READER_LOCK, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        document = read()
    notes = (str(note.message) for note in caught if note.category is UserWarning)
    return document, tuple(notes)
