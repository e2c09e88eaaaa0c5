"""What the README shows is what runs."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
import typer
from conftest import Cli
from tolerances import differences
from typer.testing import CliRunner

import tipclassify
from tipclassify.cli.app import app

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
REFRESH = runpy.run_path(str(ROOT / "docs" / "refresh.py"))


def test_every_example_prints_what_the_readme_shows() -> None:
    assert README.count("```pycon") == 1
    assert README.count("```console") == 1
    assert REFRESH["with_figures"](README) == README
    assert differences(REFRESH["refreshed"](README), README) == []


def test_figures_beside_the_examples_are_those_of_the_package_and_the_models() -> None:
    written = re.sub(r"^```.*?^```$|<!-- errors -->.*?<!-- end -->", "", README, flags=re.M | re.S)
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    python = re.search(r'requires-python = ">=([\d.]+)"', project)
    debates = REFRESH["parts_of"]("default")["parliaments' debates"]["passages"]
    licences = ["2.0", "0", "1.0"]  # Apache-2.0, CC0-1.0
    assert python
    assert re.findall(r"\d[\d.,]*(?<=\d)", written) == [debates, python[1], *licences]


def test_the_readme_is_short_and_narrow() -> None:
    assert sum(any(map(str.isalnum, word)) for word in README.split()) <= 700
    assert [line for line in README.splitlines() if len(line) > 100] == []


def test_the_readme_says_what_is_untested_first_and_how_accurate_it_is() -> None:
    before = " ".join(README.partition("## Try it")[0].split())
    assert "Language models wrote the training and the test labels" in before
    assert "No figure below covers narratives of the Trafficking in Persons Report" in before
    of_accuracy = README.partition("## How accurate it is")[2]
    figures = r"\d+ right, \d+ found"
    of_each_label = rf"\| {figures} \| {figures} \| {figures} \|$"
    for kind in ("human-rights reports", "Department of Labor reports", "World Factbook entries"):
        assert re.search(rf"^\| {kind} {of_each_label}", of_accuracy, re.MULTILINE)


def test_it_is_cited_alike_everywhere() -> None:
    bibtex = dict(re.findall(r"^  (\w+) = \{+([^{}]+)\}", README, re.MULTILINE))
    assert bibtex["version"] == tipclassify.__version__
    for field in ("title", "author", "version"):
        assert bibtex[field] in (ROOT / "CITATION.cff").read_text("utf-8")
    for field in ("title", "author"):
        assert bibtex[field] in (ROOT / "paper.md").read_text("utf-8")


def test_the_dataset_card_counts_what_is_there() -> None:
    card = (ROOT / "data" / "README.md").read_text("utf-8")
    assert REFRESH["dataset_card"](card) == card


def test_every_command_and_option_the_readme_names_exists(cli: Cli) -> None:
    help_text = cli("--help").stdout.decode()
    names = set(re.findall(r"(?<!The )tipclassify (\w+)", README)) - {"import"}
    assert names >= {"score", "summary", "review", "train"}
    assert [name for name in names if name not in help_text] == []
    training = typer.Typer()
    training.command()(runpy.run_path(str(ROOT / "train.py"))["train"])
    wide = {"COLUMNS": "400"}
    help_text += CliRunner().invoke(training, ["--help"], env=wide).output
    for name in names:
        help_text += CliRunner().invoke(app, [name, "--help"], env=wide).output
    options = set(re.findall(r"(?<=[ `])--\w+", README))
    of_other_programs = {"--quiet", "--dist", "--no", "--depth", "--upgrade"}
    assert [option for option in options - of_other_programs if option not in help_text] == []


def test_the_training_example_trains(tmp_path: Path) -> None:
    from tipclassify.corpus.rows import read_rows

    rows = read_rows(ROOT / "data/corpus/assessment.jsonl")[:60]
    page = (ROOT / "docs" / "how-to" / "train.md").read_text("utf-8")
    block = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert block
    code = block[1].replace("models/mine", str(tmp_path / "mine").replace("\\", "/"))
    names = {
        "texts": [row["text"] for row in rows],
        "labels": [list(row["labels"]) for row in rows],
    }
    with pytest.warns(UserWarning, match="60 passages are few to train on"):
        exec(code, names)
    assert (tmp_path / "mine" / "model.json").is_file()


def test_every_extra_that_is_named_anywhere_exists() -> None:
    tomllib = pytest.importorskip("tomllib", reason="needs Python 3.11")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = set(settings["project"]["optional-dependencies"])
    for file in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.py")):
        text = file.read_text("utf-8")
        named = set(re.findall(r'MissingExtraError\("[^"]+", "([\w-]+)"\)', text))
        for in_brackets in re.findall(r"tipclassify\[([\w,-]+)\]", text):
            named |= set(in_brackets.split(","))
        assert named <= extras, file


def test_what_the_wheel_brings_is_there_and_small() -> None:
    tomllib = pytest.importorskip("tomllib", reason="needs Python 3.11")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = settings["tool"]["hatch"]["build"]["targets"]["wheel"]
    brought = {place: ROOT / folder for folder, place in wheel["force-include"].items()}
    assert set(brought) == {
        "tipclassify/models/default",
        "tipclassify/models/fast",
        "tipclassify/behaviours_data",
        "tipclassify/corpus_data/corpus",
    }
    assert all(any(folder.iterdir()) for folder in brought.values())
    files = [file for folder in brought.values() for file in folder.rglob("*") if file.is_file()]
    # Of them 2.5 MB are the fixed set and the vectors' moment, which every training is measured on
    # and held by.
    assert sum(file.stat().st_size for file in files) < 43_000_000


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
