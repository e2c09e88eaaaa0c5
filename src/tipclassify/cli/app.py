"""Define the command tree, and run a command line.

That is its streams, its signals, and errors as lines with an exit code.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Annotated, Any, Final, NoReturn

import typer
from typer import Option
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from tipclassify._version import __version__
from tipclassify.cli import (
    brief,
    bundle,
    compare,
    corpus,
    models,
    read,
    review,
    score,
    summary,
    train,
)
from tipclassify.cli.output import (
    flush_or_discard,
    print_note,
    print_notes,
)
from tipclassify.errors import (
    CorpusError,
    ModelError,
    TipclassifyError,
    UsageError,
    package_of,
    reason_of_error,
)
from tipclassify.resources import read_resource

_SIGNALS: Final = [
    getattr(signal, name) for name in ("SIGHUP", "SIGINT", "SIGTERM") if hasattr(signal, name)
]
_EXAMPLES: Final = read_resource("cli/examples.txt").splitlines()
_MANY: Final = 9  # options above which help shows them in sections
_SECTIONS: Final = {
    "Model and labels": "model other policy threshold unit",
    "Reading": "text_column encoding allow_private",
    "Output": "format output output_dir resume bom with_sources with_model checks export",
    "Processes": "jobs",
    "Help": "help",
}
_SHOWN_FIRST: Final = ("summary", "compare", "explain")
"""Commands of which ``tipclassify --help`` shows one example, below those of ``score``."""
_SECTION_OF: Final = {name: title for title, names in _SECTIONS.items() for name in names.split()}


class _PlainHelp:
    """Mixin of commands and groups whose help has sections.

    It shows no types of Python, such as ``<list[str]>``.
    """

    # Any, since the base's own context and parameters are in a private module of Typer.
    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, as help shows them."""
        params: list[TyperArgument | TyperOption] = super().get_params(ctx)  # type: ignore[misc]
        sections = _SECTION_OF if len(params) > _MANY else {}
        for param in params:
            if isinstance(param, TyperArgument):
                param.display_type_rich = _show_no_type  # type: ignore[method-assign]
                continue
            param.rich_help_panel = param.rich_help_panel or sections.get(param.name or "")
            if param.is_flag:
                param.metavar = ""
        return params


def _show_no_type(ctx: object) -> None:
    """Show no type of an argument, which Typer has no option for."""


class Command(_PlainHelp, TyperCommand):
    """Command whose help has sections and plain types."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """List the parts of the usage line: arguments by their metavar, without Typer's braces."""
        arguments = [param for param in self.get_params(ctx) if isinstance(param, TyperArgument)]
        names = [argument.metavar or str(argument.name) for argument in arguments]
        return [self.options_metavar or "", *names]


class _CommandGroup(_PlainHelp, TyperGroup):
    pass


def _examples(command: str, most: int = 2) -> list[str]:
    """Return the first lines of ``examples.txt`` that begin with a command."""
    return [line for line in _EXAMPLES if f"{line} ".startswith(f"{command} ")][:most]


def _help_with_examples(paragraphs: list[str], examples: list[str]) -> str:
    """Put the examples of a command below the first paragraph of its help."""
    first, *others = paragraphs
    shown = "\n".join(["Examples:", *(f"  {example}" for example in examples)])
    return "\n\n".join([first, shown, *others])


def _group(description: str, examples: list[str], name: str | None = None) -> typer.Typer:
    """Make a group of commands that prints its help when it is called alone."""
    return typer.Typer(
        name=name,
        cls=_CommandGroup,
        help=_help_with_examples(description.split("\n\n"), examples),
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )


DESCRIPTION: Final = (
    "Mark each sentence of a report on human trafficking in which a government acted or failed, or "
    "that tells of officials' complicity. All of it runs on this computer; nothing is uploaded.\n\n"
    "Two models come with it: the default, which reads each sentence under the heading of its "
    "section, and '--model fast', quicker and more often wrong."
)
EXIT_CODES: Final = (
    "Exit codes: 0 done; 1 some inputs failed, the rest were done (check: a rule fell; verify: "
    "something differs; train: the shipped model is better, and stays); 2 usage; 3 model missing or "
    "unusable."
)

_first_examples = _examples("tipclassify score")
for _name in _SHOWN_FIRST:
    _first_examples += _examples(f"tipclassify {_name}", most=1)
app = _group(DESCRIPTION, _first_examples, "tipclassify")
app.info.epilog = EXIT_CODES
corpus_app = _group(
    "Collect, convert and check labelled passages.\n\n"
    "'tipclassify corpus COMMAND --help' says more of each.",
    [
        *_examples("tipclassify corpus queue"),
        *_examples("tipclassify corpus check"),
    ],
)


def _add_commands(
    to: typer.Typer, group: str, *commands: Callable[..., None], panel: str | None = None
) -> None:
    """Add commands under their function names, in one panel of the group's help.

    The terminal wraps the paragraphs of their help.
    """
    for command in commands:
        name = command.__name__
        paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
        wrapped = [" ".join(paragraph.split()) for paragraph in paragraphs]
        register = to.command(
            name,
            cls=Command,
            help=_help_with_examples(wrapped, _examples(f"{group} {name}")),
            rich_help_panel=panel,
        )
        register(command)


_LABEL: Final = "Label and measure"
_MODELS: Final = "Models"
_add_commands(
    app,
    "tipclassify",
    score.score,
    models.explain,
    review.desk,
    read.fetch,
    read.text,
    panel="Read reports",
)
_add_commands(
    app, "tipclassify", summary.summary, compare.compare, brief.brief, panel="Count and compare"
)
_add_commands(app, "tipclassify", bundle.bundle, bundle.verify, panel="Share a figure")
_add_commands(app, "tipclassify", review.review, models.evaluate, panel=_LABEL)
_add_commands(app, "tipclassify", train.train, models.info, models.check, panel=_MODELS)
_add_commands(
    corpus_app,
    "tipclassify corpus",
    corpus.queue,
    corpus.convert,
    corpus.add,
    corpus.check,
    corpus.agree,
    corpus.rebuild,
)
app.add_typer(corpus_app, name="corpus", rich_help_panel=_LABEL)


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
    run_commands(app, "tipclassify")


def run_function(command: Callable[..., None], program: str) -> NoReturn:
    """Run a program of one command, such as ``train.py``, and exit with its code."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(cls=Command)(command)
    run_commands(app, program, ValueError)


def run_commands(
    app: typer.Typer, program: str, refusal: type[Exception] = TipclassifyError
) -> NoReturn:
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
            reconfigure = stream.reconfigure  # type: ignore[union-attr]
            reconfigure(encoding="utf-8", errors="backslashreplace")
    warnings.showwarning = lambda message, *_: print_note(f"warning: {message}")
    # Of worker processes: on a signal we exit without Python's clean-up, of which a helper of
    # theirs would warn.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _end_on_signal)
    try:
        code = _exit_code(app, program, refusal)
    except KeyboardInterrupt:
        code = 130
    except SystemExit as end:  # Rich and Click end with 1 when a pipe is broken
        code = 0 if isinstance(end.__context__, BrokenPipeError) else int(end.code or 0)
    _end_on_signal(0)
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
            message = error.format_message().replace("Value error, ", "")
            in_one_line = " ".join(message.split()).rstrip(".")
            print_note(f"{in_one_line}; see '{command} --help'")
        return int(error.exit_code)
    except CorpusError as error:
        print_notes(error.problems)
        return 1
    except (TipclassifyError, refusal) as error:
        print_note(str(error))
        if isinstance(error, ModelError):
            return 3
        return 2 if isinstance(error, UsageError) else 1
    except ModuleNotFoundError as error:  # after ``pip install --no-deps``
        package = package_of(error)
        if package == "tipclassify":  # of ours: a fault
            raise
        print_note(f"this needs {package}: pip install {package}")
        return 1
    except BrokenPipeError:
        return 0
    # of a file that is not an input: the journal, a cache, a temporary folder
    except OSError as error:
        print_note(
            f"{error.filename or 'output'}: {reason_of_error(error)}; free it, or name another"
        )
        return 1


def _end_on_signal(number: int, _: object = None) -> None:
    """Unwind on the first signal, and end at once on the next.

    An exception in a cleanup might be lost, or hang.
    """
    for each in _SIGNALS:
        if signal.getsignal(each) is _end_on_signal:
            signal.signal(each, lambda number, _: os._exit(128 + number))
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    if number:
        raise SystemExit(128 + number)
