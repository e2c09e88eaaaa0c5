"""Inputs of a command in, tagged reports out; failures are listed at the end and make the exit code 1."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import typer

from tipclassify.cli.output import print_note, print_warnings
from tipclassify.errors import InputError
from tipclassify.progress import progress_bar

if TYPE_CHECKING:
    from tipclassify.pipeline.batch import Tagging
    from tipclassify.reporting.writers import TaggedReport

    Make = Callable[[TaggedReport], Any] | None


def tag_each(
    files: Sequence[str], tagging: Tagging, jobs: int, make: Make = None, bar: bool = True
) -> Iterator[tuple[str, Iterator[Any]]]:
    """Yield each input with its tagged reports, or with ``make(report)`` from the worker; show a progress bar."""
    from tipclassify.pipeline.batch import tag_inputs

    every = tag_inputs(files, tagging, jobs, make) if make else tag_inputs(files, tagging, jobs)
    with progress_bar("reports") if bar else contextlib.nullcontext() as progress:
        for done, (file, made) in enumerate(every, 1):
            yield file, map(_print_warnings, made)
            if progress:
                progress(done, len(files))


def _print_warnings(made: Any) -> Any:
    print_warnings(made.notes)
    return made


@contextlib.contextmanager
def list_failures(inputs: int) -> Iterator[list[str]]:
    """Collect failures in a list; on leaving, print them and, if there are any, exit with 1."""
    failures: list[str] = []
    yield failures
    for failure in failures:
        print_note(failure)
    if failures:
        if inputs > 1:
            print_note(f"{len(failures)} of {inputs} inputs failed")
        raise typer.Exit(1)


@contextlib.contextmanager
def tagged_reports(
    names: Sequence[str], tagging: Tagging, jobs: int, make: Make = None, bar: bool = True
) -> Iterator[Iterator[Any]]:
    """Iterate over the tagged reports of all inputs, or ``make(report)`` of each; collect inputs that fail."""
    from tipclassify.pipeline.batch import expand_inputs

    files = expand_inputs(names)
    with list_failures(len(files)) as failures:

        def reports() -> Iterator[Any]:
            for _, made in tag_each(files, tagging, jobs, make, bar):
                try:
                    yield from made
                except InputError as error:
                    failures.append(str(error))

        yield reports()
