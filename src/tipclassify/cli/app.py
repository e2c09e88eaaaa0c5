"""Command tree and entry point, with exit codes, UTF-8 output and errors without tracebacks for all commands.

Exit codes: 0 done; 1 some inputs failed, the rest were done; 2 usage; 3 the model is missing or unusable.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import signal
import sys
from collections.abc import Callable
from typing import Annotated, Final

import typer
from typer import Option

from tipclassify._version import __version__
from tipclassify.cli import bundle, compare, corpus, evaluate, explain, fetch, models, review, score, summary, text
from tipclassify.cli.output import print_note, show_warnings
from tipclassify.errors import ModelError, TipclassifyError

_BY_SIGNAL: Final = (129, 130, 143)  # 128 and the number of SIGHUP, SIGINT and SIGTERM

app = typer.Typer(
    name="tipclassify",
    help="Find what a report on human trafficking says of a government: positive efforts, failures, complicity.\n\n"
    "Two models come with it: the default, which reads each sentence under the heading of its section, and "
    "'--model fast', quicker and more often wrong.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done; 1 some inputs failed, the rest were done (check: a rule fell; verify: something "
    "differs); 2 usage; 3 model missing or unusable.",
)
corpus_app = typer.Typer(help="Collect, convert, check and audit labelled passages.", no_args_is_help=True)
models_app = typer.Typer(help="Add models to those that have a name, and list them.", no_args_is_help=True)
app.add_typer(corpus_app, name="corpus")
app.add_typer(models_app, name="models")


def _add(to: typer.Typer, *commands: Callable[..., None]) -> None:
    """Add commands under their function names; help paragraphs are unwrapped, for the terminal to wrap."""
    for command in commands:
        paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
        wrapped = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
        to.command(command.__name__.rstrip("_"), help=wrapped)(command)


_add(app, score.score, summary.summary, compare.compare, bundle.bundle, bundle.verify, review.review, fetch.fetch)
_add(app, text.text, explain.explain, evaluate.evaluate, models.check, models.info)
_add(corpus_app, corpus.queue, corpus.convert, corpus.add, corpus.check, corpus.stats, corpus.split, corpus.agree)
_add(corpus_app, corpus.audit, corpus.rebuild)
_add(models_app, models.add, models.list_)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    show_warnings()
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):  # not on Windows
            signal.signal(getattr(signal, name), lambda number, _: sys.exit(128 + number))
    try:
        app()
    except TipclassifyError as error:
        print_note(str(error))
        sys.exit(3 if isinstance(error, ModelError) else 1)
    except KeyboardInterrupt:
        _exit_now(130)
    except SystemExit as end:
        if end.code in _BY_SIGNAL:
            _exit_now(int(end.code))
        raise


def _exit_now(code: int) -> None:
    """End at once: Python's own exit would wait for worker processes, which end when this one does."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
