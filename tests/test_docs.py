"""The site documents every command, option and public name, and its examples print what they show.

`mkdocs build --strict` (in .ci/run) checks links and layout; nothing here needs MkDocs. The names
to document come from ``--help`` and ``__all__``, not from the code that makes the pages.
"""

from __future__ import annotations

import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest
import typer
from conftest import Cli
from tolerances import differences

import tipclassify

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
REFERENCE = runpy.run_path(str(DOCS / "reference.py"))
REFRESH = runpy.run_path(str(DOCS / "refresh.py"))
SLOW_PAGES = ("how-to/label.md", "how-to/train.md", "tutorials/check-your-reports.md")


@cache
def pages() -> dict[str, str]:
    """Make the pages that are generated, by their path."""
    return dict(REFERENCE["pages"]())


# ------------------------------------------------------------------------------------- command line


@cache
def help_of(app: typer.Typer, *command: str) -> str:
    """Return the help of a command."""
    from typer.testing import CliRunner

    # A dumb terminal is 80 columns wide whatever COLUMNS says, and rich may have read it before.
    environment = {"COLUMNS": "400", "NO_COLOR": "1", "FORCE_COLOR": "", "TERM": "xterm"}
    with mock.patch("typer.rich_utils.MAX_WIDTH", 400):
        result = CliRunner().invoke(app, [*command, "--help"], env=environment)
    assert result.exit_code == 0
    return result.output


def options_in(help_text: str) -> set[str]:
    """Return the names of options, which begin their line of ``--help``."""
    names: set[str] = set()
    for line in help_text.splitlines():
        beginning = re.match(r"[│|*\s]*((?:--?[a-zA-Z][\w-]*[\s,/]+)+)", line)
        if beginning:
            names.update(re.split(r"[\s,/]+", beginning[1]))
    return names - {"", "--help"}


def commands_in(help_text: str) -> list[str]:
    """Return the names of commands, which begin their line of a panel of ``--help``."""
    return re.findall(r"^[│|] ([a-z]+)  ", help_text, re.MULTILINE)


def examples_in(help_text: str) -> list[str]:
    """Return the lines below "Examples:", which stand before the options."""
    below = help_text.partition("Examples:")[2].strip()
    paragraph = re.split(r"\n\s*\n", below)[0]
    return [line.strip() for line in paragraph.splitlines()]


def every_command() -> list[tuple[str, ...]]:
    """List all commands, such as ``("corpus", "check")``."""
    from tipclassify.cli.app import app

    commands: list[tuple[str, ...]] = []
    for name in commands_in(help_of(app)):
        below = commands_in(help_of(app, name))
        if below:
            commands += [(name, subcommand) for subcommand in below]
        else:
            commands.append((name,))
    return commands


def undocumented(page: str, help_text: str) -> set[str]:
    """Return the options of ``--help`` without a definition in a page or a part of one.

    A definition is at the beginning of a line.
    """
    terms = "\n".join(re.findall(r"^(`-.*)\n:   \S", page, re.MULTILINE))
    return options_in(help_text) - set(re.findall(r"`(--?[\w-]+)`", terms))


def section_of(command: Iterable[str]) -> str:
    """Return what the reference says of a command."""
    page = pages()["reference/command-line.md"]
    parts = re.split(r"^## tipclassify (.+) \{.*\}$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True)).get(" ".join(command), "")


def test_every_command_and_option_is_documented() -> None:
    from tipclassify.cli.app import app

    commands = every_command()
    assert {("score",), ("review",), ("corpus", "queue"), ("corpus", "agree")} <= set(commands)
    for command in commands:
        section = section_of(command)
        assert section, command
        assert undocumented(section, help_of(app, *command)) == set(), command
    # the question is a real one
    assert {"--policy", "--output-dir", "-o"} <= options_in(help_of(app, "score"))


def test_help_has_plain_words_for_types_and_begins_with_examples_that_parse() -> None:
    from tipclassify.cli.app import app

    pythonic = re.compile(
        r"<(?:list|bool|str|int|float|path|Path)\b|\[\[|\.\.\.\.|\.\.\.\]\.\.\.|\}"
    )
    for group in ((), ("corpus",)):
        text = help_of(app, *group)
        assert not pythonic.search(text)
        assert len(examples_in(text)) >= 2
        assert text.index("Examples:") < text.index("─ Options ─")
    for command in every_command():
        text = help_of(app, *command)
        assert not pythonic.search(text), command
        if len(options_in(text)) > 9:
            panels = re.findall(r"^╭─ ([A-Z][a-z ]+) ─", text, re.MULTILINE)
            assert {"Model and labels", "Help"} <= set(panels), command
        examples = examples_in(text)
        assert len(examples) in (1, 2), command
        for example in examples:
            program, *words = shlex.split(example)
            assert program == "tipclassify"
            assert tuple(words[: len(command)]) == command
            parse(words)


def parse(words: list[str]) -> None:
    """Parse a command line without running it; Click raises for a wrong command or option."""
    from typer import Context
    from typer.main import get_command

    from tipclassify.cli.app import app

    command = get_command(app)
    context = None
    rest = list(words)
    while hasattr(command, "commands"):
        name = rest.pop(0)
        assert name in command.commands, words
        context = Context(command, info_name=name, parent=context)
        command = command.commands[name]
    command.make_context(" ".join(words), rest, parent=context)


def test_help_shows_its_commands_in_five_groups_and_an_example_that_writes_html() -> None:
    from tipclassify.cli.app import app

    text = help_of(app)
    panels = re.findall(r"^╭─ ([A-Z][a-z ]+) ─", text, re.MULTILINE)
    assert panels == [
        "Options",
        "Read reports",
        "Count and compare",
        "Share a figure",
        "Label and measure",
        "Models",
    ]
    assert any(example.endswith(".html") for example in examples_in(text))


def commands_shown() -> list[tuple[str, str]]:
    """List command lines of `tipclassify` in code blocks that no test runs, with their pages."""
    shown = []
    for page in WRITTEN:
        text = page.read_text("utf-8")
        for block in re.findall(r"^```(?:text|sh)?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            for line in block.splitlines():
                if line.startswith("tipclassify "):
                    shown.append((page.relative_to(ROOT).as_posix(), line))
    return shown


def test_every_command_that_a_page_shows_can_be_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = commands_shown()
    assert len(shown) > 20
    monkeypatch.chdir(tmp_path)
    for page, line in shown:
        try:
            parse(shlex.split(line, comments=True)[1:])
        except Exception as error:
            pytest.fail(f"{page}: {line}: {error}")


def test_every_option_of_the_training_script_is_documented() -> None:
    app = typer.Typer()
    app.command()(runpy.run_path(str(ROOT / "train.py"))["train"])
    assert {"--penalty", "--no-corpus"} <= options_in(help_of(app))
    of_typer = {"--install-completion", "--show-completion"}
    assert undocumented(pages()["reference/train.md"], help_of(app)) - of_typer == set()


# ---------------------------------------------------------------------------------------------
# Python


def public_names() -> list[str]:
    """List the names of the package."""
    return [f"tipclassify.{name}" for name in tipclassify.__all__]


def names_on_no_page(page_texts: dict[str, str], names: Iterable[str]) -> list[str]:
    """Return the names without a docstring on any page."""
    text = "\n".join(page_texts.values())
    documented = set(re.findall(r"^::: (\S+)$", text, re.MULTILINE))
    for heading in re.findall(r"^ +heading: (\S+)$", text, re.MULTILINE):
        documented.add(f"tipclassify.{heading}")
    return [name for name in names if name not in documented]


def test_every_public_name_is_documented() -> None:
    names = public_names()
    assert "tipclassify.classify" in names
    missing = names_on_no_page(pages(), names)
    assert missing == ["tipclassify.__version__"]
    assert "`tipclassify.__version__`" in pages()["reference/python.md"]


# -------------------------------------------------------------------------------------------- pages


def test_every_page_is_in_the_navigation() -> None:
    nav = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:")[2]
    named = re.findall(r"([\w/-]+\.md)$", nav, re.MULTILINE)
    there = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")} | set(pages())
    assert len(named) == len(set(named))
    assert set(named) == there


@pytest.mark.skipif(sys.platform == "win32", reason="the pages show cp and head")
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.slow] if page in SLOW_PAGES else [])
        for page in REFRESH["PAGES"]
    ],
)
def test_every_example_prints_what_the_page_shows(
    page: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pypdfium2", reason="the tutorial reads a PDF")

    def run(command: list[str], cwd: Path, **options: object) -> subprocess.CompletedProcess[str]:
        """Run a command of a page, by the fixture `cli` where it is one of ours."""
        _, *words = command
        if words[:2] != ["-m", "tipclassify"]:
            return subprocess.run(command, cwd=cwd, **options)
        arguments = words[2:]
        with monkeypatch.context() as in_folder:
            in_folder.chdir(cwd)
            done = cli(*arguments)
        output = (done.stderr + done.stdout).decode()
        return subprocess.CompletedProcess(command, done.returncode, output)

    subprocess_with_run = SimpleNamespace(**{**vars(subprocess), "run": run})
    monkeypatch.setitem(REFRESH["_commands"].__globals__, "subprocess", subprocess_with_run)
    text = (DOCS / page).read_text("utf-8")
    assert "```console" in text or "```pycon" in text
    assert REFRESH["with_figures"](text) == text
    assert differences(REFRESH["refreshed_page"](text), text) == []


def test_the_pages_are_short_and_the_tutorials_leave_nothing_in_the_clone() -> None:
    texts = {page: page.read_text("utf-8") for page in DOCS.rglob("*.md")}
    assert sum(len(text.split()) for text in texts.values()) <= 17_000
    for page, text in texts.items():
        if page.parent.name == "tutorials":
            written = re.findall(r" (?:-o|--output|--corpus) (\S+)|^\$ cp \S+ (\S+)", text, re.M)
            assert [
                name for names in written for name in names if name[:3] not in ("", "../")
            ] == []


def test_pictures_are_small_and_have_alternative_text() -> None:
    images = list((DOCS / "images").glob("*.png"))
    assert images
    assert [image.name for image in images if image.stat().st_size > 200_000] == []
    for page in DOCS.rglob("*.md"):
        assert re.findall(r"!\[\s*\]\(", page.read_text("utf-8")) == [], page


WRITTEN = [
    *DOCS.rglob("*.md"),
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "data/README.md")),
]


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_line_is_too_long_and_no_figure_is_missing(page: Path) -> None:
    text = page.read_text("utf-8")
    assert re.findall(r"@@\w+@@", text) == []  # stands where a figure was to be filled in
    generated = re.compile(
        r"^```.*?^```$|^<!-- [a-z]+ -->$.*?^<!-- end -->$", re.MULTILINE | re.DOTALL
    )
    assert [line for line in generated.sub("", text).splitlines() if len(line) > 160] == []


def unknown_names(text: str) -> list[str]:
    """List what a text has in backticks and does not exist.

    That are Python files, folders of the project, and names of its modules.
    """
    package = ROOT / "src" / "tipclassify"
    packages = "|".join(path.name for path in package.iterdir() if path.is_dir())
    files = re.findall(
        rf"`((?:[\w/]+/)?\w+\.py|(?:benchmarks|data|docs|tests|{packages})/[\w/.]*)`", text
    )
    names = re.findall(rf"`(?:tipclassify\.)?((?:{packages})(?:\.\w+)+)`", text)
    names = [name for name in names if name != "model.json"]
    modules = {name: import_module(f"tipclassify.{name.rpartition('.')[0]}") for name in names}
    unknown = []
    for file in files:
        if not any((place / file).exists() for place in (ROOT, ROOT / "data", package)):
            unknown.append(file)
    for name, module in modules.items():
        if not hasattr(module, name.rpartition(".")[2]):
            unknown.append(name)
    return unknown


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_and_name_in_a_page_exists(page: Path) -> None:
    # what the changelog takes leave of, and what git ignores
    gone = ("`data/unlabelled/`", "`data/real/passages.jsonl`")
    text = page.read_text("utf-8")
    assert unknown_names(re.sub("|".join(gone), "", text)) == []


def test_the_tutorials_labels_are_those_of_its_report() -> None:
    from tipclassify.corpus.rows import read_rows

    pytest.importorskip("pypdfium2")
    from tipclassify.readers import read_report

    text = read_report(str(ROOT / "tests" / "files" / "two-columns.pdf")).text
    rows = read_rows(DOCS / "tutorials" / "ana.jsonl")
    assert [row["text"] for row in rows if text[row["start"] : row["end"]] != row["text"]] == []
    changed = [row for row in rows if list(row["labels"]) != row["model_labels"]]
    sentence = f"decided all {len(rows)} passages and changed {len(changed)} of them"
    tutorial = (DOCS / "tutorials" / "check-your-reports.md").read_text("utf-8")
    assert sentence in " ".join(tutorial.split())
