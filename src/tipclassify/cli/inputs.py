"""What the commands that tag reports share: inputs in, tagged reports out, failures told at the end."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

import typer

from tipclassify.errors import InputError
from tipclassify.progress import progress_bar

if TYPE_CHECKING:
    from tipclassify.pipeline.batch import Tagging
    from tipclassify.reporting.writers import TaggedReport

__all__ = ["Inputs", "made_of_reports", "tagged_reports"]


class Noted(Protocol):
    """What a report is made into: it says what could not be read of it."""

    @property
    def notes(self) -> tuple[str, ...]: ...


M = TypeVar("M", bound=Noted)


@dataclass
class Inputs:
    """Inputs on their way through a command, and what could not be read of them.

    Attributes
    ----------
    files : list of str
        All of them.
    bar : bool
        Show progress, where somebody watches; not while results are written to the same terminal.
    failures : list of str
        One line each, told by `close`.
    """

    files: list[str]
    bar: bool = True
    failures: list[str] = field(default_factory=list)

    def each(self, tagging: Tagging, jobs: int, make: Callable[[TaggedReport], M]) -> Iterator[tuple[str, Iterator[M]]]:
        """Each input with what `make` makes of its reports, where they are tagged."""
        from tipclassify.pipeline.batch import made_of_inputs

        with progress_bar("reports") if self.bar else contextlib.nullcontext() as progress:
            for done, (file, made) in enumerate(made_of_inputs(self.files, tagging, jobs, make), 1):
                yield file, made
                if progress:
                    progress(done, len(self.files))

    def made(self, tagging: Tagging, jobs: int, make: Callable[[TaggedReport], M]) -> Iterator[M]:
        """That of all inputs; one that fails gives none, or that before the fault, and is remembered."""
        for _, made in self.each(tagging, jobs, make):
            try:
                yield from map(self.noted, made)
            except InputError as error:
                self.failures.append(str(error))

    def noted(self, made: M) -> M:
        """The same; what could not be read of the report is told on stderr."""
        for note in made.notes:
            print(f"tipclassify: warning: {note}", file=sys.stderr)
        return made

    def close(self) -> None:
        """List the failures on stderr; exit with 1 if there are any."""
        for failure in self.failures:
            print(f"tipclassify: {failure}", file=sys.stderr)
        if self.failures:
            if len(self.files) > 1:
                print(f"tipclassify: {len(self.failures)} of {len(self.files)} inputs failed", file=sys.stderr)
            raise typer.Exit(1)


@contextlib.contextmanager
def made_of_reports(
    names: Sequence[str], tagging: Tagging, jobs: int, make: Callable[[TaggedReport], M], bar: bool = True
) -> Iterator[Iterator[M]]:
    """What `make` makes of the tagged reports of all inputs. On leaving, failures are listed on stderr and turn the exit code to 1."""
    from tipclassify.pipeline.batch import expand_inputs

    inputs = Inputs(expand_inputs(names), bar)
    yield inputs.made(tagging, jobs, make)
    inputs.close()


@contextlib.contextmanager
def tagged_reports(names: Sequence[str], tagging: Tagging, jobs: int = 1) -> Iterator[Iterator[TaggedReport]]:
    """The tagged reports of all inputs, in the same way."""
    from tipclassify.reporting.writers import as_it_is

    with made_of_reports(names, tagging, jobs, as_it_is) as reports:
        yield reports
