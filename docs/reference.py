"""The reference pages, made from the code: every command with its options, every public name with its docstring.

Markdown comes out, by the page's place under docs/. The command line is told in full, from what Typer knows of it. Of Python names
only the list is told, from each module's ``__all__``; mkdocstrings puts signature and docstring under each. `hooks.py` hands the
pages to MkDocs, so that nothing here is ever out of date; ``tests/test_docs.py`` sees that nothing is left out.
"""

from __future__ import annotations

import inspect
import re
import runpy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

ROOT = Path(__file__).resolve().parents[1]

MODULES = {
    "Read and tag": {
        "labels": "The labels, sections and policies.",
        "readers": "Files and links to documents.",
        "text.segmentation.passages": "Documents to passages.",
        "pipeline.batch": "Many inputs, in several processes.",
        "reporting.writers": "Tagged reports to files.",
        "pipeline.distributed": "The same on a Dask cluster.",
    },
    "Count and compare": {
        "reporting.summary": "Counts of each label, adjusted for the model's errors.",
        "reporting.comparison.comparison": "Two reports on one country.",
        "pipeline.bundle.writing": "A zip that lets somebody else check a figure.",
        "pipeline.bundle.checking": "Checking such a zip.",
    },
    "Measure": {
        "evaluation.metrics": "Precision, recall, F1, calibration.",
        "evaluation.report": "All figures of a model on labelled rows.",
        "evaluation.bootstrap": "Intervals, and one model against another.",
        "evaluation.agreement": "Two annotators.",
        "evaluation.behaviour_tests": "The codebook's cases, run on a model.",
    },
    "Label and train": {
        "corpus.loading": "Reading labelled passages.",
        "corpus.curation": "Adding, counting and splitting them.",
        "corpus.formats": "To and from annotation tools.",
        "pipeline.annotation_queue": "What to label next, from reports.",
        "pipeline.active_learning": "What to label next, from scores.",
        "training.audit": "Which labels are suspect.",
        "pipeline.real_labels": "Labels of real passages, and finding their words.",
        "training.fit": "Fitting the linear model.",
        "training.train": "From a corpus to a model folder.",
    },
}
"""The modules meant for use, beside `tipclassify` itself, by chapter."""

BORROWED = {
    "codebook.md": "data/CODEBOOK.md",
    "corpus.md": "data/README.md",
    "real.md": "data/real/README.md",
    "model.md": "models/default/README.md",
    "model-fast.md": "models/fast/README.md",
}
"""Pages that stand elsewhere in the project, and are shown as they are."""

LINKS = {
    "CODEBOOK.md": "codebook.md",
    "../CODEBOOK.md": "codebook.md",
    "../README.md": "corpus.md",
    "real/README.md": "real.md",
    "../LICENSE": "https://creativecommons.org/publicdomain/zero/1.0/",
}
"""Where their links lead on the site."""


def pages() -> dict[str, str]:
    """Markdown of each generated page, by its path under docs/."""
    return {
        "reference/command-line.md": command_line(),
        "reference/train.md": training_script(),
        "reference/python.md": top_level(),
        **{f"reference/{slug(chapter)}.md": chapter_page(chapter) for chapter in MODULES},
        **{page: borrowed(ROOT / source) for page, source in BORROWED.items()},
    }


def slug(title: str) -> str:
    """``"Read and tag"`` as ``"read-and-tag"``."""
    return title.lower().replace(" ", "-")


def borrowed(source: Path) -> str:
    """A page of the project without what is before its title; its links lead to the pages of the site."""
    text = source.read_text("utf-8")
    text = text[text.index("# ") :] if text.startswith("---") else text
    return re.sub(r"\]\(([^)#]+)", lambda m: f"]({LINKS.get(m[1], m[1])}", text)


# --------------------------------------------------------------------------------------------- command line


@dataclass(frozen=True)
class Parameter:
    """An argument or option of a command, from its function's annotation."""

    name: str
    of: Any  # typer's ArgumentInfo or OptionInfo
    type: Any
    default: Any

    @property
    def names(self) -> list[str]:
        """What is typed: none for an argument."""
        written = (self.of.default, *(self.of.param_decls or ()))  # in Annotated the first name arrives as the default
        given = [name for name in written if isinstance(name, str) and name.startswith("-")]
        return given or [f"--{self.name.replace('_', '-')}"]

    @property
    def is_option(self) -> bool:
        return type(self.of).__name__ == "OptionInfo"

    @property
    def metavar(self) -> str:
        """What stands for its value; nothing for a switch."""
        if self.type is bool:
            return ""
        kinds = {int: "N", float: "NUMBER", Path: "PATH"}
        return str(self.of.metavar or kinds.get(self.type, "NAME" if self.choices else "TEXT"))

    @property
    def choices(self) -> list[str]:
        if inspect.isclass(self.type) and issubclass(self.type, Enum):
            return [str(one.value) for one in self.type]
        return list(get_args(self.type)) if get_origin(self.type) is Literal else []


def commands() -> list[tuple[str, Callable[..., None]]]:
    """Every command of ``tipclassify`` by its full name, and its function."""
    from tipclassify.cli.app import app

    return list(_commands("tipclassify", app))


def _commands(name: str, app: Any) -> Iterator[tuple[str, Callable[..., None]]]:
    for one in app.registered_commands:
        yield f"{name} {one.name}", one.callback
    for group in app.registered_groups:
        yield from _commands(f"{name} {group.name}", group.typer_instance)


def parameters(function: Callable[..., None]) -> list[Parameter]:
    """The arguments and options of a command, in the order of its function."""
    hints = get_type_hints(function, include_extras=True)
    found = []
    for name, parameter in inspect.signature(function).parameters.items():
        type_, info = hints[name].__origin__, hints[name].__metadata__[0]
        while get_args(type_) and get_origin(type_) is not Literal:  # list[X] and X | None: X
            type_ = next(one for one in get_args(type_) if one is not NoneType)
        found.append(Parameter(name, info, type_, parameter.default))
    return found


def command_line() -> str:
    """The page of ``tipclassify`` and its commands."""
    from tipclassify.cli.app import app

    found = commands()
    parts = [
        "# Command line",
        _plain(app.info.help),
        _plain(app.info.epilog),
        "`tipclassify --version` prints the version. `--help` after any command prints what stands here.",
        "\n".join(f"- [`{name}`](#{_anchor(name)}): {_first_sentence(function)}" for name, function in found),
        *(f"## {name} {{ #{_anchor(name)} }}\n\n{_command(name, function)}" for name, function in found),
    ]
    return "\n\n".join(parts) + "\n"


def training_script() -> str:
    """The page of ``train.py``."""
    function = runpy.run_path(str(ROOT / "train.py"))["train"]
    return f"# train.py\n\nIt stands in the root of a clone.\n\n{_command('python train.py', function)}\n"


def _command(name: str, function: Callable[..., None]) -> str:
    found = parameters(function)
    arguments = [one for one in found if not one.is_option]
    options = [one for one in found if one.is_option]
    needed = [f"{one.names[0]} {one.metavar}" for one in options if one.default is inspect.Parameter.empty]
    more = ["[OPTIONS]"] if len(options) > len(needed) else []
    usage = " ".join([name, *needed, *more, *(one.metavar for one in arguments)])
    return "\n\n".join([_described(function), f"```text\n{usage}\n```", *map(_definition, [*arguments, *options])])


def _anchor(name: str) -> str:
    return name.removeprefix("tipclassify ").replace(" ", "-")


def _described(function: Callable[..., None]) -> str:
    """The docstring; what it indents stays as it is."""
    paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")
    return "\n\n".join(
        f"```\n{inspect.cleandoc(paragraph)}\n```" if paragraph.startswith("    ") else _plain(paragraph)
        for paragraph in paragraphs
    )


def _first_sentence(function: Callable[..., None]) -> str:
    return _plain(inspect.cleandoc(function.__doc__ or "").split("\n\n")[0])


def _definition(one: Parameter) -> str:
    """An argument or option: its names and what it takes; what it does and its default."""
    names = [part for name in one.names for part in name.split("/")]  # --corpus/--no-corpus
    term = ", ".join(f"`{name}`" for name in names) if one.is_option else f"`{one.metavar}`"
    term += f" `{one.metavar}`" if one.is_option and one.metavar else ""
    told = [_plain(one.of.help or "")]
    if one.choices:
        told.append("One of " + ", ".join(f"`{choice}`" for choice in one.choices) + ".")
    if one.default is inspect.Parameter.empty:
        told += ["Required."] if one.is_option else []
    elif one.type is bool:
        told += [f"Default: `{names[0 if one.default else 1]}`."] if len(names) > 1 else []
    elif one.default is not None:
        told.append(f"Default: `{_value(one.default)}`.")
    return f"{term}\n:   {' '.join(told)}"


def _value(value: Any) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Path) and value.is_absolute():
        return value.relative_to(ROOT).as_posix()  # the default of --out lies in the clone, wherever that is
    return str(value)


def _plain(text: str) -> str:
    """Text on one line in which Markdown sees no marks; what is in single quotes or double backticks is code."""
    escaped = re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))
    code = re.compile(r"(?<![\w\"])'([^']+)'(?!\w)")
    return code.sub(lambda m: "`" + re.sub(r"\\(.)", r"\1", m[1]) + "`", escaped)


# --------------------------------------------------------------------------------------------- Python


def top_level() -> str:
    """The page of what ``import tipclassify`` has."""
    import tipclassify

    chapters = {
        "Tag text": ["classify", "Classifier", "tag_batch", "LABELS"],
        "What comes back": ["Passage", "Explanation", "SpanWeight", "Document", "Block"],
        "Train": ["TipClassifier"],
        "Errors": ["TipclassifyError", "InputError", "ModelError", "CorpusError"],
    }
    placed = {name for names in chapters.values() for name in names}
    chapters["More"] = [name for name in tipclassify.__all__ if name not in placed and name != "__version__"]
    parts = [
        "# Python: tipclassify",
        "What `import tipclassify` has. `tipclassify.__version__` is the version, a `str`.",
    ]
    for chapter, names in chapters.items():
        parts += [f"## {chapter}", *(_directive("tipclassify", name) for name in names)] if names else []
    return "\n\n".join(parts) + "\n"


def chapter_page(chapter: str) -> str:
    """The page of the modules of one chapter; names that `tipclassify` has itself are not repeated."""
    import tipclassify

    parts = [f"# Python: {chapter.lower()}"]
    for module, told in MODULES[chapter].items():
        parts += [f"## tipclassify.{module}", told]
        names = import_module(f"tipclassify.{module}").__all__
        parts += [_directive(f"tipclassify.{module}", name) for name in names if name not in tipclassify.__all__]
    return "\n\n".join(parts) + "\n"


def _directive(module: str, name: str) -> str:
    """What mkdocstrings puts the signature and docstring of a name in place of."""
    value = getattr(import_module(module), name)
    made_by = type(value)
    if callable(value) and made_by.__module__.startswith("tipclassify."):
        # An object that acts as a function: its class has the docstring, and nobody is to make another.
        home = import_module(made_by.__module__)
        written = next(key for key, one in vars(home).items() if one is made_by)  # it may call itself by another name
        options = ["options:", f"  heading: {name}", f"  toc_label: {name}", "  merge_init_into_class: false"]
        options += [
            "  members: [__call__]",
            "  filters: []",
            "  show_symbol_type_heading: false",
            "  show_symbol_type_toc: false",
        ]
        return f"::: {home.__name__}.{written}\n    " + "\n    ".join(options)
    return f"::: {module}.{name}"
