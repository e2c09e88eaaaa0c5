"""What the commands that tag reports share: inputs in, tagged reports out, failures told at the end."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import typer

from tipclassify.errors import InputError
from tipclassify.progress import progress_bar

if TYPE_CHECKING:
    from tipclassify.batch import Tagging
    from tipclassify.writers import Rows, TaggedReport

__all__ = ["Counting", "Inputs", "SentOn", "made_of_reports", "tagged_reports", "tell_sent_on"]


class Noted(Protocol):
    """What a report is made into: it says what could not be read of it."""

    @property
    def notes(self) -> tuple[str, ...]: ...


M = TypeVar("M", bound=Noted)
R = TypeVar("R", "Rows", "TaggedReport")


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
        from tipclassify.batch import made_of_inputs

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


@dataclass(frozen=True, slots=True)
class Counted(Generic[R]):
    """What a report was made into, how many passages it has, and how many of them a cascade sent on; None of no cascade."""

    made: R
    passages: int
    sent: int | None

    @property
    def notes(self) -> tuple[str, ...]:
        return self.made.notes


@dataclass(frozen=True, slots=True)
class Counting(Generic[R]):
    """Makes something of a report, and counts, in the process that tagged it.

    The first model of a cascade says once more what it leaves to the second, in a hundredth of the second's time.
    """

    make: Callable[[TaggedReport], R]
    tagging: Tagging

    def __call__(self, report: TaggedReport) -> Counted[R]:
        sent = self.tagging.classifier().sent_on(report.passages)
        return Counted(self.make(report), len(report.passages), None if sent is None else int(sent.sum()))


class SentOn:
    """How many passages of the reports that go by a cascade leaves to its second model; of other models it says nothing."""

    def __init__(self) -> None:
        self._passages = self._sent = 0
        self._cascade = False

    def noted(self, one: Counted[R]) -> R:
        """What was made of the report, which is counted."""
        if one.sent is not None:
            self._cascade = True
            self._passages += one.passages
            self._sent += one.sent
        return one.made

    def tell(self) -> None:
        """The share, on standard error."""
        if self._cascade:
            tell_sent_on(self._sent, self._passages)


def tell_sent_on(sent: int, passages: int, which: str = "") -> None:
    """How many of the passages a cascade left to its second model, on standard error."""
    told = f"{sent:,} of {passages:,} passages{which} ({sent / max(1, passages):.0%}) went on to the encoder"
    print(f"tipclassify: {told}", file=sys.stderr)


@contextlib.contextmanager
def made_of_reports(
    names: Sequence[str], tagging: Tagging, jobs: int, make: Callable[[TaggedReport], M], bar: bool = True
) -> Iterator[Iterator[M]]:
    """What `make` makes of the tagged reports of all inputs. On leaving, failures are listed on stderr and turn the exit code to 1."""
    from tipclassify.batch import expand_inputs

    inputs = Inputs(expand_inputs(names), bar)
    yield inputs.made(tagging, jobs, make)
    inputs.close()


@contextlib.contextmanager
def tagged_reports(names: Sequence[str], tagging: Tagging, jobs: int = 1) -> Iterator[Iterator[TaggedReport]]:
    """The tagged reports of all inputs, in the same way."""
    from tipclassify.writers import as_it_is

    with made_of_reports(names, tagging, jobs, as_it_is) as reports:
        yield reports
