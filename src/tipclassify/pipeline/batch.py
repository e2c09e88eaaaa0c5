"""Tag many inputs in their order, by one process or several; memory does not depend on the
number of inputs."""

from __future__ import annotations

import contextlib
import glob
import os
import signal
import threading
import warnings
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from tipclassify.errors import InputError, TipclassifyError, broken_input
from tipclassify.labels import Policy
from tipclassify.model.classifier import Classifier
from tipclassify.pipeline.own_files import is_output_folder, own_files, says_it_is_ours
from tipclassify.pipeline.resume import LEDGER
from tipclassify.readers import ReadOptions, is_link, is_report
from tipclassify.readers.isolated import read_isolated
from tipclassify.readers.jsonl import parse_row, read_lines
from tipclassify.readers.limits import list_members, read_bounded
from tipclassify.reporting.writers import TaggedReport, identity
from tipclassify.text.document import Document, Passage
from tipclassify.text.segmentation.passages import Unit, passage_parts

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

__all__ = [
    "ROWS",
    "Tagging",
    "expand_inputs",
    "is_input",
    "map_in_order",
    "names_in_list",
    "read_with_notes",
    "tag_document",
    "tag_input",
    "tag_inputs",
    "tag_rows",
]

ROWS: Final = (".jsonl", ".ndjson")
"""Suffixes of files whose rows are passages already, one JSON object a line."""

# their rows are passages too, but a folder gives none of them
TABLES: Final = (".csv", ".tsv", ".xlsx")
# tasks submitted ahead of the consumer, for each process: it bounds the results that wait
AHEAD: Final = 8

# begins the names of hidden files, and of those by which Word locks a document
_HIDDEN: Final = (".", "~$")
_READER_LOCK: Final = threading.Lock()  # PDFium and `warnings.catch_warnings` are not thread-safe

T = TypeVar("T")
R = TypeVar("R")


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


def expand_inputs(
    names: Sequence[str], tables: Sequence[str] = (), output: Path | None = None
) -> list[str]:
    """Expand folders, patterns and lists to files and links, each once, in a fixed order.

    A folder, or a zip archive, expands to its files of a known suffix, at any depth, without hidden
    ones; a pattern with ``*``, ``?`` or ``[`` to the files it matches; ``@list.txt`` to the names
    in that file, one a line. ``-`` is standard input. Any other name, and any address, is returned
    as it is, so that reading it reports what is wrong.

    What tipclassify wrote is no input of a folder or pattern: pages, Markdown and Word files that
    say so, rows of reports that are read too, and folders inside with a ledger of `score
    --output-dir`. `output` is the folder that is written to now: none of its results is an input
    either.

    `tables` are further suffixes to accept in folders. Raises `InputError` when a list cannot be
    read, or a folder or pattern holds no report.
    """
    try:
        return list(dict.fromkeys(one for name in names for one in _expanded(name, tables, output)))
    except RecursionError:
        raise InputError(
            "a list of inputs names itself, or one that names it; take that line out"
        ) from None


def is_input(name: str, rows: Sequence[str]) -> bool:
    """Return whether a file of a folder is read: a report by its suffix, or one of the suffixes
    `rows`."""
    suffix = os.path.splitext(name)[1].lower()
    return suffix in (*ROWS, *rows) or (suffix != "" and is_report(name))


def _expanded(name: str, rows: Sequence[str], output: Path | None) -> list[str]:
    if name == "-" or "://" in name:
        return [name]
    if name.startswith("@") and not os.path.exists(name):
        try:
            listed = names_in_list(read_bounded(name[1:]).decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise InputError(
                f"{name}: not UTF-8; give a text file with one path or link a line"
            ) from None
        return [one for inner in listed for one in _expanded(inner, rows, output)]
    if os.path.isdir(name):
        return _files_of_folder(name, rows, output)
    if _is_archive(name) and os.path.isfile(name):
        return _members(name, rows)
    if any(mark in name for mark in "*?[") and not os.path.exists(name):
        paths = [
            Path(path) for path in sorted(glob.glob(name, recursive=True)) if os.path.isfile(path)
        ]
        own = {path for path in paths if path.name == LEDGER or says_it_is_ours(path)}
        _warn_of_own(name, own)
        files = [str(path) for path in paths if path not in own]
        if files:
            return [
                one
                for file in files
                for one in (_members(file, rows) if _is_archive(file) else [file])
            ]
        raise InputError(f"{name}: matches no file; check the pattern")
    return [name]


def _files_of_folder(name: str, rows: Sequence[str], output: Path | None) -> list[str]:
    """List the inputs in a folder, and the folders in it that cannot be opened, which are named
    when their turn comes."""
    found, locked, own = list[Path](), list[str](), set[Path]()
    for folder, inside, names in os.walk(name, onerror=lambda error: locked.append(error.filename)):
        visible = [one for one in inside if not one.startswith(_HIDDEN)]
        results = {one for one in visible if _is_written_to(os.path.join(folder, one), output)}
        own |= {Path(folder, one) for one in results}
        inside[:] = [one for one in visible if one not in results]
        found += (Path(folder, one) for one in names if not one.startswith(_HIDDEN))
    paths = sorted(filter(Path.is_file, found))
    files = [path for path in paths if _is_archive(path.name) or is_input(path.name, rows)]
    others = sorted(set(paths) - set(files))
    written_to = output is not None and _is_same(name, output)
    written = own_files(Path(name), files, reading_rows=not written_to)
    _warn_of_own(name, own | written)
    inputs: list[str] = []
    for path in files:
        if path not in written:
            inputs += _members(str(path), rows) if _is_archive(path.name) else [str(path)]
    if not inputs and not locked:
        raise InputError(
            f"{name}: no report in this folder; it needs .html, .pdf, .docx, .txt or the like"
        )
    if others:
        named = _first_names([other.name for other in others])
        warnings.warn(
            f"{name}: left out {len(others):,} files that are no reports: {named}", stacklevel=2
        )
    return [*inputs, *locked]


def _is_written_to(folder: str, output: Path | None) -> bool:
    return is_output_folder(folder) or (output is not None and _is_same(folder, output))


def _is_same(folder: str, other: Path) -> bool:
    try:
        return os.path.samefile(folder, other)
    except OSError:  # it is not there yet
        return False


def _warn_of_own(name: str, own: Collection[Path]) -> None:
    """Warn of results that are left out; a ledger alone is nothing to tell."""
    if named := sorted(path.name for path in own if path.name != LEDGER):
        warnings.warn(
            f"{name}: left out what tipclassify wrote: {_first_names(named)}", stacklevel=2
        )


def _is_archive(name: str) -> bool:
    return name.lower().endswith(".zip")


def _members(archive: str, rows: Sequence[str]) -> list[str]:
    """Return the reports in a zip archive; the archive itself if it has none, so that reading it
    reports what is wrong."""
    try:
        members = list_members(archive)
    except InputError:
        return [archive]
    files = [member for member in members if is_input(member, rows)]
    others = [member for member in members if not is_input(member, rows)]
    if files and others:
        named = _first_names(others)
        warnings.warn(
            f"{archive}: left out {len(others):,} files that are no reports: {named}", stacklevel=2
        )
    return files or [archive]


def _first_names(files: Sequence[str]) -> str:
    return ", ".join(os.path.basename(file) for file in files[:3]) + (
        ", …" if len(files) > 3 else ""
    )


def names_in_list(text: str) -> list[str]:
    """Parse a list of inputs, one a line, without blank lines and comments (``#``)."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


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
            read = partial(read_isolated, task.file, tagging.read)
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


def map_in_order(
    work: Callable[[T], R], tasks: Iterable[T], jobs: int, lost: Callable[[T], R] | None = None
) -> Iterator[R]:
    """Map `work` over `tasks` in `jobs` processes (-1: one for each core; 1: this process); yield
    results in order.

    `work` must be picklable. An exception in it is raised in the order of its task. If a process
    dies, the tasks that were under way run again, one at a time; for one that ends its process even
    then, the result is ``lost(task)``. Without `lost`, a process that dies raises
    `TipclassifyError`.

    >>> list(map_in_order(len, ["Police", "slept"], 1))
    [6, 5]
    """
    if jobs == 1:
        yield from map(work, tasks)
        return
    from joblib import effective_n_jobs

    processes = effective_n_jobs(jobs)
    pool = _pool(processes)
    ahead: deque[tuple[T, Future[R]]] = deque()
    finished = False
    try:
        for task in tasks:
            while len(ahead) >= AHEAD * processes or (ahead and ahead[0][1].done()):
                if _is_broken(ahead[0][1]):
                    pool = _recovered(pool, processes, work, ahead, lost)
                yield ahead.popleft()[1].result()
            try:
                ahead.append((task, _submit(pool, work, task)))
            except BrokenExecutor:
                pool = _recovered(pool, processes, work, ahead, lost)
                ahead.append((task, _submit(pool, work, task)))
        while ahead:
            if _is_broken(ahead[0][1]):
                pool = _recovered(pool, processes, work, ahead, lost)
            yield ahead.popleft()[1].result()
        finished = True
    finally:
        pool.shutdown(wait=finished, cancel_futures=True)


def _pool(processes: int) -> ProcessPoolExecutor:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    return ProcessPoolExecutor(processes, get_context("spawn"), _start_process)


def _submit(pool: ProcessPoolExecutor, work: Callable[[T], R], task: T) -> Future[R]:
    with _interrupts_ignored():
        return pool.submit(work, task)


def _is_broken(future: Future[R]) -> bool:
    """Wait for a task, and return whether its pool lost a process before it was done."""
    return isinstance(future.exception(), BrokenExecutor)


def _recovered(
    pool: ProcessPoolExecutor,
    processes: int,
    work: Callable[[T], R],
    ahead: deque[tuple[T, Future[R]]],
    lost: Callable[[T], R] | None,
) -> ProcessPoolExecutor:
    """Run the tasks of a broken pool again, each alone, and return a new pool for the next."""
    pool.shutdown(wait=True, cancel_futures=True)
    alone = _pool(1)
    try:
        for number, (task, future) in enumerate(ahead):
            if not future.cancelled() and not _is_broken(future):
                continue
            again = _submit(alone, work, task)
            if _is_broken(again):
                if lost is None:
                    raise TipclassifyError(
                        f"a worker process died ({again.exception()}); try fewer --jobs"
                    )
                alone.shutdown(wait=True, cancel_futures=True)
                alone, again = _pool(1), Future()
                again.set_result(lost(task))
            ahead[number] = task, again
    finally:
        alone.shutdown(wait=True, cancel_futures=True)
    return _pool(processes)


def _start_process() -> None:
    """Ignore interrupts, since the parent shuts the pool down; end with the parent; limit numpy
    to one thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.update(
        dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    )


def _end_with_parent() -> None:
    """End this process when its parent has ended, by whatever signal: nobody would take its
    results."""
    from multiprocessing import parent_process

    if (parent := parent_process()) is not None:
        parent.join()
    os._exit(1)


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C here, so that a process started meanwhile inherits that before its own code
    runs."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)
