"""Inputs of a command go in, their tagged reports come out; failures are listed at the end and make the exit code 1."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import typer

from tipclassify.cli.output import print_doubts, print_note
from tipclassify.errors import InputError
from tipclassify.progress import progress_bar

if TYPE_CHECKING:
    from tipclassify.pipeline.batch import Tagging
    from tipclassify.reporting.writers import TaggedReport

    Make = Callable[[TaggedReport], Any] | None


def tag_each(
    files: Sequence[str], tagging: Tagging, jobs: int, make: Make = None, bar: bool = True
) -> Iterator[tuple[str, Iterator[Any]]]:
    """Each input with its tagged reports, or what `make` makes of them in the process that tagged them; a progress bar too."""
    from tipclassify.pipeline.batch import made_of_inputs, tag_inputs

    every = made_of_inputs(files, tagging, jobs, make) if make else tag_inputs(files, tagging, jobs)
    with progress_bar("reports") if bar else contextlib.nullcontext() as progress:
        for done, (file, made) in enumerate(every, 1):
            yield file, map(_print_doubts, made)
            if progress:
                progress(done, len(files))


def _print_doubts(made: Any) -> Any:
    print_doubts(made.notes)
    return made


@contextlib.contextmanager
def list_failures(inputs: int) -> Iterator[list[str]]:
    """Failures that are added to the list are printed on leaving, and exit with 1."""
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
    """The tagged reports of all inputs, or what `make` makes of them; an input that fails gives those before the fault."""
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
