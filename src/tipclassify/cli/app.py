"""Command tree, and the run of a command line: streams, signals, and errors as lines with an
exit code."""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from typer import Option
from typer.core import TyperCommand, TyperGroup

from tipclassify._version import __version__
from tipclassify.cli import (
    bundle,
    compare,
    corpus,
    desk,
    models,
    reading,
    review,
    score,
    summary,
    train,
)
from tipclassify.cli.output import flush_or_discard, merge_repeated, print_note, print_notes
from tipclassify.errors import CorpusError, ModelError, TipclassifyError, UsageError, reason_of

_SIGNALS: Final = [
    getattr(signal, name) for name in ("SIGHUP", "SIGINT", "SIGTERM") if hasattr(signal, name)
]
_EXAMPLES: Final = Path(__file__).with_name("examples.txt").read_text("utf-8").splitlines()
_MANY: Final = 9  # options above which help shows them in sections
_SECTIONS: Final = {
    "Model and labels": "model other policy threshold unit",
    "Reading": "text_column encoding allow_private",
    "Output": "format output output_dir resume bom with_sources with_model checks export",
    "Processes": "jobs engine scheduler workers",
    "Help": "help",
}


class _PlainHelp:
    """Mixin of commands and groups whose help has sections, and no types of Python, such as
    ``<list[str]>``."""

    def get_params(self, ctx: Any) -> list[Any]:
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        sections = {
            name: title
            for title, names in _SECTIONS.items()
            for name in names.split()
            if len(params) > _MANY
        }
        for param in params:
            if param.param_type_name == "argument":
                shown = {
                    "display_type_rich": lambda **_: None,
                    "get_usage_pieces": lambda _, it=param: [it.metavar],
                }
                vars(param).update(shown)
                continue
            param.rich_help_panel = param.rich_help_panel or sections.get(param.name)
            if param.is_flag:
                param.metavar = ""
        return params


class Command(_PlainHelp, TyperCommand):
    """Command whose help has sections and plain types."""


class _Group(_PlainHelp, TyperGroup):
    pass


def _examples(command: str) -> str:
    """Return the lines of ``examples.txt`` that begin with a command; two of a group's commands."""
    lines = [line for line in _EXAMPLES if f"{line} ".startswith(f"{command} ")]
    return "\n\n".join(["Examples:", *lines[: 4 if command == "tipclassify" else 2]])


app = typer.Typer(
    name="tipclassify",
    cls=_Group,
    help="Find what a report on human trafficking says of a government: positive efforts, failures, complicity.\n\n"
    "Two models come with it: the default, which reads each sentence under the heading of its section, and "
    "'--model fast', quicker and more often wrong.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog=f"{_examples('tipclassify')}\n\nExit codes: 0 done; 1 some inputs failed, the rest were done (check: a rule "
    "fell; verify: something differs); 2 usage; 3 model missing or unusable.",
)
_corpus_help, _models_help = (
    "Collect, convert, check and audit labelled passages.",
    "Add and list models with a name.",
)
corpus_app = typer.Typer(
    cls=_Group, help=_corpus_help, epilog=_examples("tipclassify corpus"), no_args_is_help=True
)
models_app = typer.Typer(
    cls=_Group, help=_models_help, epilog=_examples("tipclassify models"), no_args_is_help=True
)
app.add_typer(corpus_app, name="corpus")
app.add_typer(models_app, name="models")


def _add(to: typer.Typer, group: str, *commands: Callable[..., None]) -> None:
    """Add commands under their function names, with examples; the terminal wraps the paragraphs
    of their help."""
    for command in commands:
        name = command.__name__.rstrip("_")
        paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
        wrapped = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
        to.command(name, cls=Command, help=wrapped, epilog=_examples(f"{group} {name}"))(command)


_add(
    app,
    "tipclassify",
    score.score,
    summary.summary,
    compare.compare,
    bundle.bundle,
    bundle.verify,
    review.review,
    desk.desk,
)
_add(
    app,
    "tipclassify",
    reading.fetch,
    reading.text,
    models.explain,
    models.evaluate,
    models.check,
    models.info,
)
_add(app, "tipclassify", train.train)
_add(
    corpus_app,
    "tipclassify corpus",
    corpus.queue,
    corpus.convert,
    corpus.add,
    corpus.check,
    corpus.stats,
)
_add(corpus_app, "tipclassify corpus", corpus.split, corpus.agree, corpus.audit, corpus.rebuild)
_add(models_app, "tipclassify models", models.add, models.list_)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and stop."
        ),
    ] = False,
) -> None:
    pass


# Base of usage errors. Typer has a copy of Click since 0.26, and Click's own before.
_ClickException: Final[Any] = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)


def main() -> None:
    """Run the command line and exit with its code."""
    run(app, "tipclassify")


def run(app: typer.Typer, program: str, refusal: type[Exception] = TipclassifyError) -> NoReturn:
    """Run a command line and exit with its code; a `refusal` is an error of its input."""
    for name, flags, mode in (
        ("stdin", os.O_WRONLY, "r"),
        ("stdout", os.O_RDONLY, "w"),
        ("stderr", os.O_WRONLY, "w"),
    ):
        # closed: its use shall fail, and the next file opened not be taken for it
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.open(os.devnull, flags), mode))  # noqa: SIM115
    # PYTHONUNBUFFERED: a short write loses its rest
    if isinstance(getattr(sys.stdout, "buffer", None), io.RawIOBase):
        sys.stdout = open(sys.stdout.fileno(), "w", closefd=False)  # noqa: SIM115
    # Click puts a wrapper in place of a broken one, which hides that it is
    streams = sys.stdout, sys.stderr
    for stream in streams:
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    warnings.showwarning = lambda message, *_: print_note(f"warning: {message}", program)
    # Of worker processes: on a signal we exit without Python's clean-up, of which a helper of
    # theirs would warn.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _end)
    try:
        code = _exit_code(app, program, refusal)
    except KeyboardInterrupt:
        code = 130
    except SystemExit as end:  # Rich and Click end with 1 when a pipe is broken
        code = 0 if isinstance(end.__context__, BrokenPipeError) else int(end.code or 0)
    _end(0)
    for stream in streams:
        flush_or_discard(stream)
    # Python's own exit would wait for worker processes, which end when this one does
    if code > 128:
        os._exit(code)
    sys.exit(code)


def _exit_code(app: typer.Typer, program: str, refusal: type[Exception]) -> int:
    """Run the command line; print its error, if any, and return the exit code."""
    try:
        code = app(prog_name=program, standalone_mode=False)
        sys.stdout.flush()
        return code or 0
    except _ClickException as error:
        if type(error).__name__ != "NoArgsIsHelpError":  # whose message, the help, Rich has printed
            command = error.ctx.command_path if getattr(error, "ctx", None) else program
            message = " ".join(error.format_message().replace("Value error, ", "").split()).rstrip(
                "."
            )
            print_note(f"{message}; see '{command} --help'", program)
        return int(error.exit_code)
    except CorpusError as error:
        print_notes(merge_repeated(error.problems), program=program)
        return 1
    except (TipclassifyError, refusal) as error:
        print_note(str(error), program)
        return 3 if isinstance(error, ModelError) else 2 if isinstance(error, UsageError) else 1
    except BrokenPipeError:
        return 0
    # of a file that is not an input: the ledger, a cache, a temporary folder
    except OSError as error:
        print_note(
            f"{error.filename or 'output'}: {reason_of(error)}; free it, or name another", program
        )
        return 1


def _end(number: int, _: object = None) -> None:
    """Unwind on the first signal, and end at once on the next: an exception in a cleanup might
    be lost, or hang."""
    for each in _SIGNALS:
        if signal.getsignal(each) is _end:
            signal.signal(each, lambda number, _: os._exit(128 + number))
    if number:
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)
