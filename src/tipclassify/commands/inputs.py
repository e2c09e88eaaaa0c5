"""What the commands that tag reports share: inputs in, tagged reports out, failures told at the end."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from tipclassify.errors import InputError
from tipclassify.progress import progress_bar

if TYPE_CHECKING:
    from tipclassify.batch import Tagging
    from tipclassify.classifier import Classifier
    from tipclassify.writers import TaggedReport

__all__ = ["Inputs", "SentOn", "tagged_reports"]


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

    def each(self, tagging: Tagging, jobs: int) -> Iterator[tuple[str, Iterator[TaggedReport]]]:
        """Each input with its reports; one that fails gives none, or those before the fault, and is remembered."""
        from tipclassify.batch import tag_inputs

        with progress_bar("reports") if self.bar else contextlib.nullcontext() as progress:
            for done, (file, reports) in enumerate(tag_inputs(self.files, tagging, jobs), 1):
                yield file, reports
                if progress:
                    progress(done, len(self.files))

    def reports(self, tagging: Tagging, jobs: int) -> Iterator[TaggedReport]:
        """The reports of all inputs."""
        for _, reports in self.each(tagging, jobs):
            try:
                yield from map(self.noted, reports)
            except InputError as error:
                self.failures.append(str(error))

    def noted(self, report: TaggedReport) -> TaggedReport:
        """The report; what could not be read of it is told on stderr."""
        for note in report.notes:
            print(f"tipclassify: warning: {note}", file=sys.stderr)
        return report

    def close(self) -> None:
        """List the failures on stderr; exit with 1 if there are any."""
        for failure in self.failures:
            print(f"tipclassify: {failure}", file=sys.stderr)
        if self.failures:
            if len(self.files) > 1:
                print(f"tipclassify: {len(self.failures)} of {len(self.files)} inputs failed", file=sys.stderr)
            raise typer.Exit(1)


class SentOn:
    """How many passages of the reports that go by a cascade leaves to its second model; of other models it says nothing."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self._passages = self._sent = 0
        self._cascade = False

    def noted(self, report: TaggedReport) -> TaggedReport:
        """The report, counted. The first model of a cascade says it once more, in a hundredth of the time of the second."""
        sent = self._classifier.sent_on(report.passages)
        if sent is not None:
            self._cascade = True
            self._passages += len(sent)
            self._sent += int(sent.sum())
        return report

    def tell(self) -> None:
        """The share, on standard error."""
        if self._cascade:
            share = self._sent / max(1, self._passages)
            told = f"{self._sent:,} of {self._passages:,} passages ({share:.0%}) went on to the encoder"
            print(f"tipclassify: {told}", file=sys.stderr)


@contextlib.contextmanager
def tagged_reports(
    names: Sequence[str], tagging: Tagging, jobs: int = 1, bar: bool = True
) -> Iterator[Iterator[TaggedReport]]:
    """The tagged reports of all inputs. On leaving, failures are listed on stderr and turn the exit code to 1."""
    from tipclassify.batch import expand_inputs

    inputs = Inputs(expand_inputs(names), bar)
    yield inputs.reports(tagging, jobs)
    inputs.close()
