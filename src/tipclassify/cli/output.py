"""Read and write for the commands.

Tagged reports in; results to stdout or whole to a file, notes as lines on stderr.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

import typer

from tipclassify.errors import InputError, OutputError, UsageError, reason_of_error
from tipclassify.formatting import for_terminal, json_line
from tipclassify.progress import progress_bar
from tipclassify.whole_files import open_whole_file

if TYPE_CHECKING:
    from tipclassify.records import Failure, Report
    from tipclassify.tagging import Tagging

FileId = tuple[int, int]  # device and number of a file on it

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def print_note(line: str) -> None:
    """Print a line on standard error, prefixed with the library's name."""
    # a full or closed standard error changes neither results nor exit code
    with contextlib.suppress(OSError):
        print(f"tipclassify: {for_terminal(line)}", file=sys.stderr, flush=True)


def print_line(line: object) -> None:
    """Print a line on standard output."""
    print(for_terminal(str(line)), flush=True)


def print_notes(lines: Sequence[str], most: int = 20) -> None:
    """Print the first `most` lines of one kind on standard error, and the number of the others."""
    for line in lines[:most]:
        print_note(line)
    if len(lines) > most:
        print_note(f"and {len(lines) - most:,} more of this kind")


def print_warnings(notes: Iterable[str]) -> None:
    """Print a report's notes as warnings on standard error."""
    for note in notes:
        print_note(f"warning: {note}")


def flush_or_discard(stream: IO[str]) -> None:
    """Flush a standard stream, or drop what cannot be written.

    Python would fail again in its flush at exit.
    """
    try:
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class TaggedInputs:
    """The inputs of a command, each with its tagged reports, and the failures so far."""

    def __init__(
        self, files: Sequence[str], tagging: Tagging, jobs: int = 1, day: str = "", bar: bool = True
    ) -> None:
        self._files = files
        self._inputs = tagging.by_input(files, jobs, day)
        self._bar = bar
        self.failures: list[str] = []  # an input each, of one line or of several

    def __iter__(self) -> Iterator[tuple[str, Iterator[Report]]]:
        """Yield each input with its reports, which raise `InputError` where there are none."""
        with progress_bar("reports") if self._bar else contextlib.nullcontext() as progress:
            for done, (file, results) in enumerate(self._inputs):
                if progress:
                    progress(done, len(self._files))
                yield file, self._reports(file, results)

    def _reports(self, file: str, results: Iterable[Report | Failure]) -> Iterator[Report]:
        """Yield the reports of an input, and print the reader's warnings; then note its failures.

        Raises `InputError` when the input has no result: good rows are results, whatever the others
        are; half a report is none.
        """
        from tipclassify.records import Failure
        from tipclassify.tagging import Problems

        problems = Problems(file)
        has_result = False
        for result in results:
            if isinstance(result, Failure):
                problems.add(result)
            else:
                print_warnings(result.notes)
                has_result = not result.part
                yield result
        if error := problems.error():
            if not has_result:
                raise error
            self.failures.append(str(error))

    def reports(self) -> Iterator[Report]:
        """Iterate over the reports of all inputs; those that fail are noted.

        Where all fail, the command exits before it opens its output, which would replace one that
        holds something.
        """
        reports = self._all_reports()
        first = list(islice(reports, 1))
        if not first:
            self.end()
        return chain(first, reports)

    def _all_reports(self) -> Iterator[Report]:
        for _, reports in self:
            with self.failing():
                yield from reports

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        """Note the failure of an input without result, so that the others go on."""
        try:
            yield
        except InputError as error:
            self.failures.append(str(error))

    def end(self) -> None:
        """Print the failures, and exit with 1 if there are any."""
        for failure in self.failures:
            for line in failure.split("\n"):
                print_note(line)
        exit_failed(len(self.failures), len(self._files))


def exit_failed(failed: int, every: int, what: str = "inputs") -> None:
    """Exit with code 1 if any input failed, and print how many if there are several."""
    if failed and every > 1:
        print_note(f"{failed} of {every} {what} failed")
    if failed:
        raise typer.Exit(1)


class TerminalOutput:
    """Standard output on a terminal, without control characters of reports.

    `stream` itself takes colours.
    """

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        return self.stream.write(for_terminal(text))

    def writelines(self, lines: Iterable[str]) -> None:
        self.stream.writelines(map(for_terminal, lines))


def file_ids(names: Iterable[str | os.PathLike[str] | None]) -> frozenset[FileId]:
    """Return the identities of files: of every name of one, whatever links lead to it.

    ``-`` is what standard input comes from. Of a folder, the files in it count. Links to the web and
    what is missing have none.
    """
    identities = set[FileId]()
    for name in names:
        path = os.fspath(name or "")
        with contextlib.suppress(OSError, ValueError):
            status = os.fstat(0) if path == "-" else os.stat(path)
            if stat.S_ISREG(status.st_mode):
                identities.add((status.st_dev, status.st_ino))
            elif stat.S_ISDIR(status.st_mode):
                for folder, _, files in os.walk(path):
                    identities |= file_ids(os.path.join(folder, file) for file in files)
    return frozenset(identities)


def ids_of_inputs(
    names: Sequence[str], files: Sequence[str], model: str | None
) -> frozenset[FileId]:
    """Return the identities of what a command on reports reads.

    These are the `files` to which its `names` expand, lists of names, and the model.
    """
    from tipclassify.model.find import model_folder

    lists = [name[1:] for name in names if name.startswith("@")]
    named = [name for name in names if not os.path.isdir(name)]
    return file_ids([*files, *named, *lists, model_folder(model)])


def expand_and_check(
    names: Sequence[str],
    model: str | None,
    output: Path | None,
    others: Iterable[Path | None] = (),
) -> tuple[list[str], frozenset[FileId]]:
    """Expand the inputs of a command; return them, and the identities of all that it reads.

    It reads `others` too. Raises `UsageError` if the output would replace one of these.
    """
    from tipclassify.tagging.inputs import expand_inputs

    inputs = expand_inputs(names)
    read = ids_of_inputs(names, inputs, model) | file_ids(others)
    check_output(output, read)
    return inputs, read


def check_output(path: Path | None, inputs: frozenset[FileId], option: str = "--output") -> None:
    """Raise `UsageError` if an output would replace an input."""
    if path is not None and path.is_file() and file_ids([path]) & inputs:
        raise UsageError(
            f"{path}: is an input, which the output would replace; choose another {option}"
        )


def write_results(
    path: Path | None,
    format: str,
    rows: Iterable[Mapping[str, object]],
    table: str = "",
    *,
    inputs: frozenset[FileId],
    option: str = "--output",
) -> None:
    """Write the rows as JSON lines, or the table and a line break, depending on `format`.

    `inputs` and `option` are those of `open_output`.
    """
    with open_output(path, inputs=inputs, option=option) as out:
        if format == "jsonl":
            out.writelines(map(json_line, rows))
        else:
            out.write(table)
            out.write("\n")


@contextlib.contextmanager
def open_output(
    path: Path | None,
    binary: bool = False,
    *,
    inputs: frozenset[FileId],
    option: str = "--output",
) -> Iterator[IO[Any]]:  # of str or bytes, as `binary` says
    """Open a text (or binary) stream to `path`, or to stdout for None.

    A file is renamed into place when complete. Raises `OutputError` when the stream cannot be
    opened, written or closed, `UsageError` if it is one of the `inputs`: each caller says what it
    reads (`file_ids`). Both advise another `option`, the one that names the output.
    """
    check_output(path, inputs, option)
    try:
        with _standard_output(binary) if path is None else open_whole_file(path, binary) as out:
            yield out
    except OSError as error:
        remedy = "free some space, or choose" if error.errno in _FULL else "choose"
        where = path or "standard output"
        raise OutputError(
            f"{where}: cannot be written ({reason_of_error(error)}); {remedy} another {option}"
        ) from None


@contextlib.contextmanager
def _standard_output(binary: bool) -> Iterator[IO[Any]]:  # of str or bytes, as `binary` says
    try:
        if binary:
            yield sys.stdout.buffer
        elif sys.stdout.isatty():
            yield cast("IO[str]", TerminalOutput(sys.stdout))
        else:
            yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        flush_or_discard(sys.stdout)
        if isinstance(error, BrokenPipeError):  # the reader (head, less) has closed the pipe
            raise typer.Exit from None
        raise
