"""Generate the reference pages from the code.

They have every command with its options, and every public name with its docstring.

`pages` returns Markdown by path under docs/; `hooks.py` passes it to MkDocs at each build. The
command line is written out in full from its Typer app. Python names are those of
``tipclassify.__all__``, and mkdocstrings adds signature and docstring. ``tests/test_docs.py`` checks that
nothing is left out.
"""

from __future__ import annotations

import inspect
import re
import runpy
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import NoneType
from typing import Literal, get_args, get_origin, get_type_hints

from typer import Typer
from typer.models import ArgumentInfo, OptionInfo

ROOT = Path(__file__).resolve().parents[1]
# the group "docs" does not install the package, and `finetuning` lies beside it
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]
EXAMPLES = (ROOT / "src" / "tipclassify" / "cli" / "examples.txt").read_text("utf-8").splitlines()

BORROWED = {
    "reference/codebook.md": "data/CODEBOOK.md",
    "reference/corpus.md": "data/README.md",
    "reference/real.md": "data/real/README.md",
    "reference/model.md": "models/default/README.md",
    "reference/model-fast.md": "models/fast/README.md",
    "contributing/index.md": "CONTRIBUTING.md",
    "contributing/security.md": "SECURITY.md",
    "contributing/conduct.md": "CODE_OF_CONDUCT.md",
    "contributing/changes.md": "CHANGELOG.md",
}
"""Pages kept elsewhere in the project, by their path on the site."""

LINKS = {
    "CODEBOOK.md": "codebook.md",
    "../CODEBOOK.md": "codebook.md",
    "../README.md": "corpus.md",
    "real/README.md": "real.md",
    "../LICENSE": "https://creativecommons.org/publicdomain/zero/1.0/",
    "SECURITY.md": "security.md",
    "CODE_OF_CONDUCT.md": "conduct.md",
    "docs/contributing/design.md": "design.md",
    "docs/contributing/experiments.md": "experiments.md",
    "docs/contributing/scale.md": "scale.md",
    "docs/explanation/security.md": "../explanation/security.md",
    "docs/how-to/install.md": "../how-to/install.md",
}
"""Targets on the site of links in `BORROWED` pages."""


def pages() -> dict[str, str]:
    """Return the Markdown of each generated page, by its path under docs/."""
    return {
        "reference/command-line.md": command_line(),
        "reference/train.md": training_script(),
        "reference/python.md": top_level(),
        **{page: borrowed(ROOT / source) for page, source in BORROWED.items()},
    }


def borrowed(source: Path) -> str:
    """Return a page of the project from its title on, with links to pages of the site."""
    text = source.read_text("utf-8")
    text = text[text.index("# ") :] if text.startswith("---") else text
    return re.sub(r"\]\(([^)#]+)", lambda m: f"]({LINKS.get(m[1], m[1])}", text)


# ------------------------------------------------------------------------------------- command line


@dataclass(frozen=True)
class Parameter:
    """Argument or option of a command, from its function's annotation."""

    name: str
    info: ArgumentInfo | OptionInfo
    type: object  # a class, or a `Literal`
    default: object

    @property
    def names(self) -> list[str]:
        """Names as typed on the command line (not shown for an argument)."""
        # Annotated puts the first name into the default
        declared = (self.info.default, *(self.info.param_decls or ()))
        options = [name for name in declared if isinstance(name, str) and name.startswith("-")]
        return options or [f"--{self.name.replace('_', '-')}"]

    @property
    def is_option(self) -> bool:
        return isinstance(self.info, OptionInfo)

    @property
    def is_required(self) -> bool:
        return self.default is inspect.Parameter.empty

    @property
    def metavar(self) -> str:
        """Placeholder of its value; empty for a switch."""
        if self.type is bool:
            return ""
        kinds = {int: "N", float: "NUMBER", Path: "PATH"}
        return str(self.info.metavar or kinds.get(self.type, "NAME" if self.choices else "TEXT"))

    @property
    def choices(self) -> list[str]:
        if inspect.isclass(self.type) and issubclass(self.type, Enum):
            return [str(choice.value) for choice in self.type]
        return list(get_args(self.type)) if get_origin(self.type) is Literal else []


def commands() -> list[tuple[str, Callable[..., None]]]:
    """List every command of ``tipclassify``: its full name and its function."""
    from tipclassify.cli.app import app

    return list(_commands("tipclassify", app))


def _commands(name: str, app: Typer) -> Iterator[tuple[str, Callable[..., None]]]:
    for command in app.registered_commands:
        yield f"{name} {command.name}", command.callback
    for group in app.registered_groups:
        yield from _commands(f"{name} {group.name}", group.typer_instance)


def parameters(function: Callable[..., None]) -> list[Parameter]:
    """List the arguments and options of a command, in the order of its function."""
    hints = get_type_hints(function, include_extras=True)
    listed = []
    for name, parameter in inspect.signature(function).parameters.items():
        type_ = hints[name].__origin__
        info = hints[name].__metadata__[0]
        while get_args(type_) and get_origin(type_) is not Literal:  # list[X] and X | None: X
            type_ = next(inner for inner in get_args(type_) if inner is not NoneType)
        listed.append(Parameter(name, info, type_, parameter.default))
    return listed


def command_line() -> str:
    """Write the page of ``tipclassify`` and its commands."""
    from tipclassify.cli.app import DESCRIPTION, EXIT_CODES

    links = []
    sections = []
    for name, function in commands():
        links.append(f"- [`{name}`](#{_anchor(name)}): {_first_sentence(function)}")
        sections.append(f"## {name} {{ #{_anchor(name)} }}\n\n{_command(name, function)}")
    parts = [
        "# Command line",
        *map(_plain, DESCRIPTION.split("\n\n")),
        _plain(EXIT_CODES),
        "`tipclassify --version` prints the version. "
        "`--help` after any command prints the same text.",
        "\n".join(links),
        *sections,
    ]
    return "\n\n".join(parts) + "\n"


def training_script() -> str:
    """Write the page of ``train.py``."""
    function = runpy.run_path(str(ROOT / "train.py"))["train"]
    return (
        f"# train.py\n\nIt is in the root of a clone.\n\n{_command('python train.py', function)}\n"
    )


def _command(name: str, function: Callable[..., None]) -> str:
    """Write what a command does, how it is called, and its arguments and options."""
    listed = parameters(function)
    arguments = [parameter for parameter in listed if not parameter.is_option]
    options = [parameter for parameter in listed if parameter.is_option]
    usage = [name]
    required = [option for option in options if option.is_required]
    usage += [f"{option.names[0]} {option.metavar}" for option in required]
    if len(options) > len(required):
        usage.append("[OPTIONS]")
    usage += [argument.metavar for argument in arguments]
    shown = [" ".join(usage)]
    examples = [line for line in EXAMPLES if f"{line} ".startswith(f"{name} ")]
    if examples:
        shown += ["", *examples]
    block = "\n".join(shown)
    definitions = map(_definition, [*arguments, *options])
    return "\n\n".join([_described(function), f"```text\n{block}\n```", *definitions])


def _anchor(name: str) -> str:
    return name.removeprefix("tipclassify ").replace(" ", "-")


def _described(function: Callable[..., None]) -> str:
    """Return the docstring as Markdown; indented paragraphs become code blocks."""
    paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")
    return "\n\n".join(
        f"```\n{inspect.cleandoc(paragraph)}\n```"
        if paragraph.startswith("    ")
        else _plain(paragraph)
        for paragraph in paragraphs
    )


def _first_sentence(function: Callable[..., None]) -> str:
    return _plain(inspect.cleandoc(function.__doc__ or "").split("\n\n")[0])


def _definition(parameter: Parameter) -> str:
    """Write the definition of an argument or option.

    It has names, placeholder, help text, choices and default.
    """
    # --corpus/--no-corpus
    names = [part for name in parameter.names for part in name.split("/")]
    if parameter.is_option:
        term = ", ".join(f"`{name}`" for name in names)
        if parameter.metavar:
            term += f" `{parameter.metavar}`"
    else:
        term = f"`{parameter.metavar}`"
    sentences = [_plain(parameter.info.help or "")]
    if parameter.choices and "One of " not in sentences[0]:
        choices = ", ".join(f"`{choice}`" for choice in parameter.choices)
        sentences.append(f"One of {choices}.")
    if parameter.is_required:
        if parameter.is_option:
            sentences.append("Required.")
    elif parameter.type is bool:
        if len(names) > 1:
            sentences.append(f"Default: `{names[0] if parameter.default else names[1]}`.")
    elif parameter.default is not None:
        sentences.append(f"Default: `{_value(parameter.default)}`.")
    return f"{term}\n:   {' '.join(sentences)}"


def _value(value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Path) and value.is_absolute():
        # the default of --out lies in the clone, wherever that is
        return value.relative_to(ROOT).as_posix()
    return str(value)


def _plain(text: str) -> str:
    """Join text to one line with Markdown escaped; text in single quotes becomes code."""
    escaped = re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))
    code = re.compile(r"(?<![\w\"])'([^']+)'(?!\w)")
    return code.sub(lambda m: "`" + re.sub(r"\\(.)", r"\1", m[1]) + "`", escaped)


# ---------------------------------------------------------------------------------------------
# Python


def top_level() -> str:
    """Write the page of the names in ``tipclassify`` itself."""
    import tipclassify

    chapters = {
        "Tag text": ["classify", "explain", "tag_batch", "Classifier"],
        "Read and tag reports": ["read_report", "tag_report", "tag", "score_on_cluster"],
        "Write and cite": ["write_reports", "row", "key", "cite"],
        "Count and compare": ["summarize", "compare"],
        "Measure and train": ["load_corpus", "evaluate", "TipClassifier"],
        "Names and types": ["LABELS", "POLICIES", "Policy", "Unit", "ReadOptions"],
        "Texts and passages": ["Passage", "Document", "Block", "Explanation"],
        "Tagged reports": ["Report", "Run", "Failure"],
        "Results": ["Summary", "Evaluation"],
        "Errors": ["TipclassifyError", "InputError", "OutputError", "ModelError", "CorpusError"],
    }
    placed = {name for names in chapters.values() for name in names}
    chapters["More"] = [
        name for name in tipclassify.__all__ if name not in placed and name != "__version__"
    ]
    parts = [
        "# Python: tipclassify",
        "The names of `import tipclassify`. `tipclassify.__version__` is the version, a `str`.",
    ]
    for chapter, names in chapters.items():
        parts += (
            [f"## {chapter}", *(_directive("tipclassify", name) for name in names)] if names else []
        )
    return "\n\n".join(parts) + "\n"


def _directive(module: str, name: str) -> str:
    """Write the directive that mkdocstrings replaces by the signature and docstring of a name."""
    value = getattr(import_module(module), name)
    cls = type(value)
    if callable(value) and cls.__module__.startswith("tipclassify."):
        # A callable instance: the docstring is that of its class, which is not meant for users.
        home = import_module(cls.__module__)
        # `cls.__name__` may differ
        attribute = next(key for key, value_of_key in vars(home).items() if value_of_key is cls)
        options = [
            "options:",
            f"  heading: {name}",
            f"  toc_label: {name}",
            "  merge_init_into_class: false",
        ]
        options += [
            "  members: [__call__]",
            "  filters: []",
            "  show_symbol_type_heading: false",
            "  show_symbol_type_toc: false",
        ]
        return f"::: {home.__name__}.{attribute}\n    " + "\n    ".join(options)
    return f"::: {module}.{name}"
