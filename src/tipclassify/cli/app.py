"""Command tree and entry point, with exit codes, UTF-8 output and errors without tracebacks for all commands.

Exit codes: 0 done; 1 some inputs failed, the rest were done; 2 usage; 3 the model is missing or unusable.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer import Option
from typer.core import TyperCommand, TyperGroup

from tipclassify._version import __version__
from tipclassify.cli import bundle, compare, corpus, models, reading, review, score, summary
from tipclassify.cli.output import print_note, print_notes, show_warnings
from tipclassify.errors import CorpusError, ModelError, TipclassifyError, UsageError

_BY_SIGNAL: Final = (129, 130, 143)  # 128 and the number of SIGHUP, SIGINT and SIGTERM
_EXAMPLES: Final = Path(__file__).with_name("examples.txt").read_text("utf-8").splitlines()


class _PlainHelp:
    """Mixin of commands and groups whose help shows no types of Python, such as ``<list[str]>``."""

    def get_params(self, ctx: Any) -> list[Any]:
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            if param.param_type_name == "argument":
                shown = {"display_type_rich": lambda **_: None, "get_usage_pieces": lambda _, it=param: [it.metavar]}
                vars(param).update(shown)
            elif param.is_flag:
                param.metavar = ""
        return params


class _Command(_PlainHelp, TyperCommand):
    pass


class _Group(_PlainHelp, TyperGroup):
    pass


app = typer.Typer(
    name="tipclassify",
    cls=_Group,
    help="Find what a report on human trafficking says of a government: positive efforts, failures, complicity.\n\n"
    "Two models come with it: the default, which reads each sentence under the heading of its section, and "
    "'--model fast', quicker and more often wrong.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done; 1 some inputs failed, the rest were done (check: a rule fell; verify: something "
    "differs); 2 usage; 3 model missing or unusable.",
)
corpus_app = typer.Typer(cls=_Group, help="Collect, convert, check and audit labelled passages.", no_args_is_help=True)
models_app = typer.Typer(cls=_Group, help="Add models to those that have a name, and list them.", no_args_is_help=True)
app.add_typer(corpus_app, name="corpus")
app.add_typer(models_app, name="models")


def _add(to: typer.Typer, group: str, *commands: Callable[..., None]) -> None:
    """Add commands under their function names, with examples; the terminal wraps the paragraphs of their help."""
    for command in commands:
        name = command.__name__.rstrip("_")
        paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
        wrapped = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
        examples = [line for line in _EXAMPLES if f"{line} ".startswith(f"{group} {name} ")]
        to.command(name, cls=_Command, help=wrapped, epilog="\n\n".join(["Examples:", *examples]))(command)


_add(app, "tipclassify", score.score, summary.summary, compare.compare, bundle.bundle, bundle.verify, review.review)
_add(app, "tipclassify", reading.fetch, reading.text, models.explain, models.evaluate, models.check, models.info)
_add(corpus_app, "tipclassify corpus", corpus.queue, corpus.convert, corpus.add, corpus.check, corpus.stats)
_add(corpus_app, "tipclassify corpus", corpus.split, corpus.agree, corpus.audit, corpus.rebuild)
_add(models_app, "tipclassify models", models.add, models.list_)


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


# Base of usage errors. Typer has a copy of Click since 0.26, and Click's own before.
_ClickException: Final[Any] = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


def main() -> None:
    """Run the command line and exit with its code."""
    with contextlib.suppress(AttributeError):  # no standard output
        if isinstance(sys.stdout.buffer, io.RawIOBase):  # PYTHONUNBUFFERED: the rest of a short write would be lost
            sys.stdout = open(sys.stdout.fileno(), "w", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    show_warnings()
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):  # not on Windows
            signal.signal(getattr(signal, name), lambda number, _: sys.exit(128 + number))
    try:
        sys.exit(app(prog_name="tipclassify", standalone_mode=False))
    except _ClickException as error:
        if type(error).__name__ != "NoArgsIsHelpError":  # whose message, the help, Rich has printed
            command = error.ctx.command_path if getattr(error, "ctx", None) else "tipclassify"
            message = " ".join(error.format_message().replace("Value error, ", "").split()).rstrip(".")
            print_note(f"{message}; see '{command} --help'")
        sys.exit(error.exit_code)
    except CorpusError as error:
        print_notes(error.problems)
        sys.exit(1)
    except TipclassifyError as error:
        print_note(str(error))
        sys.exit(3 if isinstance(error, ModelError) else 2 if isinstance(error, UsageError) else 1)
    except OSError as error:  # of a file that is not an input: the ledger, a cache, a temporary folder
        print_note(f"{error.filename or 'output'}: {(error.strerror or str(error)).lower()}; free it, or name another")
        sys.exit(1)
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
