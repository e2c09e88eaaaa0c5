"""``tipclassify corpus check``: validate labelled passages."""

from __future__ import annotations

import typer

from tipclassify.cli import options


def check(paths: options.Labelled) -> None:
    """Read labelled passages as training would, and report every bad row of every file."""
    from tipclassify.corpus.loading import read_rows

    typer.echo(f"{len(read_rows(*paths))} passages, no problems")
