"""The command tree, and what all commands share: exit codes, UTF-8 output, errors without tracebacks.

Exit codes: 0 done; 1 some inputs failed, the rest were done; 2 usage; 3 the model is missing or unusable.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Annotated, TextIO

import typer

from tipclassify.cli import (
    bundle,
    check,
    compare,
    corpus,
    evaluate,
    explain,
    fetch,
    info,
    models,
    review,
    score,
    summary,
    text,
)
from tipclassify.cli.helps import flowing
from tipclassify.errors import ModelError, TipclassifyError

__all__ = ["app", "main"]

app = typer.Typer(
    name="tipclassify",
    help="Find what a report on human trafficking says of a government: positive efforts, failures, complicity.\n\n"
    "Two models come with it: the default, which reads each sentence under the heading of its section, and '--model fast', quicker "
    "and more often wrong.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done; 1 some inputs failed, the rest were done (check: a rule fell; verify: something differs); 2 usage; 3 model missing or unusable.",
)


for _command in (
    score.score,
    summary.summary,
    compare.compare,
    bundle.bundle,
    bundle.verify,
    review.review,
    fetch.fetch,
    text.text,
    explain.explain,
    evaluate.evaluate,
    check.check,
    info.info,
):
    app.command(_command.__name__, help=flowing(_command))(_command)
app.add_typer(corpus.app, name="corpus")
app.add_typer(models.app, name="models")


def _version(asked: bool) -> None:
    if asked:
        from tipclassify._version import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        _use_utf8(stream)
    try:
        app()
    except ModelError as error:
        _fail(error, 3)
    except TipclassifyError as error:
        _fail(error, 1)
    except KeyboardInterrupt:
        sys.exit(130)


def _use_utf8(stream: TextIO) -> None:
    with contextlib.suppress(AttributeError, ValueError):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[attr-defined]


def _fail(error: TipclassifyError, code: int) -> None:
    print(f"tipclassify: {error}", file=sys.stderr)
    sys.exit(code)
