"""Option ``--engine dask`` of ``tipclassify score``: distributed scoring on local processes or a cluster."""

from __future__ import annotations

import sys
import warnings
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tipclassify.progress import progress_bar

if TYPE_CHECKING:
    from tipclassify.pipeline.batch import Tagging

__all__ = ["Engine", "EngineOption", "SchedulerOption", "WorkersOption", "refuse_without_engine", "score_on_cluster"]

_MAX_SHOWN: Final = 50  # failures printed on standard error; all are in errors/


class Engine(str, Enum):
    """Engine of distributed scoring."""

    dask = "dask"


EngineOption = Annotated[
    Engine | None,
    typer.Option("--engine", help="Spread the work with Dask: over processes here, or over a cluster (--scheduler)."),
]
SchedulerOption = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="tcp://HOST:PORT", help="With --engine dask: the cluster that does the work."),
]
WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", metavar="N", min=1, help="With --engine dask: processes here; one each core by default."),
]


def refuse_without_engine(scheduler: str | None, workers: int | None) -> None:
    """Raise a usage error when an engine's options are given without ``--engine``."""
    for option, given in (("--scheduler", scheduler), ("--workers", workers)):
        if given is not None:
            raise typer.BadParameter("needs --engine dask", param_hint=f"'{option}'")


def score_on_cluster(
    names: list[str], tagging: Tagging, folder: Path | None, scheduler: str | None, workers: int | None
) -> None:
    """Score into a folder of Parquet files; failures are printed on standard error and make the exit code 1."""
    from tipclassify.pipeline.distributed import score

    if folder is None:
        raise typer.BadParameter("needs --output-dir, a folder for its Parquet files", param_hint="'--engine'")
    if scheduler is not None and workers is not None:
        raise typer.BadParameter(
            "a cluster has its own workers; leave it out with --scheduler", param_hint="'--workers'"
        )
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: print(f"tipclassify: warning: {message}", file=sys.stderr)
        try:
            with progress_bar("parts") as progress:
                done = score(
                    names, _address(folder), scheduler=scheduler, workers=workers, tagging=tagging, progress=progress
                )
        except KeyboardInterrupt:
            print("tipclassify: interrupted; the same command goes on where this stopped", file=sys.stderr)
            raise
    if done.made < done.files:
        print(f"tipclassify: {done.files - done.made} of {done.files} files were done", file=sys.stderr)
    if done.removed:
        print(f"tipclassify: removed the files of inputs that have changed or gone: {done.removed}", file=sys.stderr)
    for note in done.notes:
        print(f"tipclassify: warning: {note}", file=sys.stderr)
    if done.failures:
        for _, error in done.failures[:_MAX_SHOWN]:
            print(f"tipclassify: {error}", file=sys.stderr)
        if len(done.failures) > _MAX_SHOWN:
            print(f"tipclassify: and {len(done.failures) - _MAX_SHOWN} more, in {folder}/errors", file=sys.stderr)
        failed = len({name for name, _ in done.failures})
        if len(done.inputs) > 1:
            print(f"tipclassify: {failed} of {len(done.inputs)} inputs failed", file=sys.stderr)
        raise typer.Exit(1)


def _address(folder: Path) -> str:
    """Restore an address from a `Path`, which collapses the two slashes of ``s3://``."""
    scheme, colon, rest = folder.as_posix().partition(":/")
    return f"{scheme}://{rest}" if colon and len(scheme) > 1 and "/" not in scheme else str(folder)
