"""What the commands that tag reports share: inputs in, tagged reports out, failures told at the end."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import typer

from tipclassify.progress import progress_bar

if TYPE_CHECKING:
    from tipclassify.batch import Failure, Tagging
    from tipclassify.writers import TaggedReport

__all__ = ["tagged_reports"]


@contextlib.contextmanager
def tagged_reports(names: Sequence[str], tagging: Tagging, jobs: int = 1) -> Iterator[Iterator[TaggedReport]]:
    """The tagged reports of all inputs. On leaving, failures are listed on stderr and turn the exit code to 1."""
    from tipclassify.batch import expand_inputs

    files = expand_inputs(names)
    failures: list[Failure] = []
    yield _reports(files, tagging, jobs, failures)
    for failure in failures:
        print(f"tipclassify: {failure.reason}", file=sys.stderr)
    if failures:
        if len(files) > 1:
            print(f"tipclassify: {len(failures)} of {len(files)} inputs failed", file=sys.stderr)
        raise typer.Exit(1)


def _reports(files: list[str], tagging: Tagging, jobs: int, failures: list[Failure]) -> Iterator[TaggedReport]:
    from tipclassify.batch import Failure, tag_inputs

    with progress_bar("reports") as progress:
        for done, result in enumerate(tag_inputs(files, tagging, jobs), 1):
            if isinstance(result, Failure):
                failures.append(result)
            else:
                yield from result
            if progress:
                progress(min(done, len(files)), len(files))
