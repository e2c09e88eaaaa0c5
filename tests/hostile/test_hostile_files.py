"""Files that a run must not lose, read twice or stumble over.

These are its inputs, its own results, files of odd names, and those of other runs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import pytest
from conftest import Cli

from tipclassify import InputError
from tipclassify.model.folder import read_metadata, write_model
from tipclassify.store import Store
from tipclassify.store.export import export
from tipclassify.store.state import Place, Shown
from tipclassify.tagging.inputs import expand_inputs
from tipclassify.tagging.resume import JOURNAL, output_names

ROOT = Path(__file__).resolve().parents[2]
FAST = ("--model", "fast")
TEXT = (
    "<h2>Prosecution</h2><p>Police arrested nine recruiters in Karvonia, "
    "but courts convicted none of them.</p>"
)
ROW = {"id": "a", "text": "Police arrested nine recruiters.", "labels": ["positive_effort"]}


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a page, a Markdown file, rows, labelled passages and a list."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.html").write_text(TEXT, "utf-8")
    (tmp_path / "note.md").write_text(
        "# Prosecution\n\nPolice arrested nine recruiters.\n", "utf-8"
    )
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROW) + "\n", "utf-8")
    rows = [
        {**ROW, "id": str(n), "text": f"Police arrested {n} recruiters.", "doc": str(n)}
        for n in range(9)
    ]
    (tmp_path / "labelled.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows), "utf-8"
    )
    (tmp_path / "list.txt").write_text("page.html\n", "utf-8")
    return tmp_path


# ---------------------------------------------------------------------------- no output is an input

REPLACED = {
    "a page": ("score page.html -o page.html", "page.html"),
    "another spelling": ("score page.html -o ./x/../page.html", "page.html"),
    "one of several": ("score page.html note.md -o note.md", "note.md"),
    "in a folder": ("score . -o rows.jsonl", "rows.jsonl"),
    "a list": ("score @list.txt -f table -o list.txt", "list.txt"),
    "of a list": ("score @list.txt -o page.html", "page.html"),
    "an output folder": ("score note.md page.html --output-dir . -f md", None),
    "summary": ("summary rows.jsonl -o rows.jsonl", "rows.jsonl"),
    "compare": ("compare page.html note.md -f table -o note.md", "note.md"),
    "bundle": ("bundle page.html -o page.html", "page.html"),
    "text": ("text page.html -o page.html", "page.html"),
    "queue": ("corpus queue page.html -o page.html", "page.html"),
    "convert": ("corpus convert rows.jsonl --to csv -o rows.jsonl", "rows.jsonl"),
    "agree": ("corpus agree rows.jsonl labelled.jsonl -o labelled.jsonl", "labelled.jsonl"),
    "evaluate": ("evaluate labelled.jsonl -o labelled.jsonl", "labelled.jsonl"),
    "review": ("review rows.jsonl --corpus rows.jsonl --no-browser", "rows.jsonl"),
}
WITHOUT_MODEL = ("text", "corpus")


@pytest.mark.parametrize("name", REPLACED)
def test_no_output_replaces_an_input(cli: Cli, work: Path, name: str) -> None:
    line, file = REPLACED[name]
    (work / "corpus").mkdir()
    (work / "x").mkdir()
    shutil.copy(work / "labelled.jsonl", work / "corpus" / "l.jsonl")
    if name == "an output folder":  # whose page of the Markdown file has the name of another input
        (work / "note.md.md").write_text("# Prosecution\n\nPolice acted.\n", "utf-8")
        line = "score note.md note.md.md --output-dir . -f md"
        file = "note.md.md"
    before = {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}
    arguments = line.split()
    scored = arguments[0] not in WITHOUT_MODEL and "--model" not in arguments
    done = cli(*arguments, *(FAST if scored else ()))
    assert done.returncode == 2, done.stderr
    errors = done.stderr.decode().splitlines()
    assert len([error for error in errors if "input" in error and str(file) in error]) == 1, errors
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
@pytest.mark.parametrize("kind", ["symbolic", "hard", "of the folder", "to the input"])
def test_no_output_replaces_an_input_by_a_link(cli: Cli, work: Path, kind: str) -> None:
    source = "page.html"
    output = "out.html"
    if kind == "symbolic":
        (work / "out.html").symlink_to("page.html")
    elif kind == "hard":
        os.link(work / "page.html", work / "out.html")
    elif kind == "of the folder":
        (work / "same").symlink_to(work)
        output = "same/page.html"
    else:
        (work / "link.html").symlink_to("page.html")
        source = "link.html"
        output = "page.html"
    done = cli("score", source, "-o", output, *FAST)
    assert done.returncode == 2
    assert (work / "page.html").read_text("utf-8") == TEXT


def test_standard_input_is_an_input(work: Path) -> None:
    command = [sys.executable, "-m", "tipclassify", "score", "-", "-o", "page.html", *FAST]
    with (work / "page.html").open("rb") as page:
        done = subprocess.run(command, stdin=page, capture_output=True, check=False)
    assert done.returncode == 2, done.stderr
    assert (work / "page.html").read_text("utf-8") == TEXT


# -------------------------------------------------------------------------------------- own results


@pytest.mark.parametrize("format", ["html", "jsonl"])
@pytest.mark.parametrize("inside", ["rep/findings", "rep"])
def test_results_in_the_folder_of_reports_are_no_reports(
    cli: Cli, work: Path, format: str, inside: str
) -> None:
    (work / "rep").mkdir()
    for name in ("a", "b"):
        (work / "rep" / f"{name}.html").write_text(TEXT, "utf-8")
    notes = []
    for _ in range(3):
        done = cli("score", "rep", "--output-dir", inside, "--resume", "-f", format, *FAST)
        assert done.returncode == 0, done.stderr
        notes.append(done.stderr.decode())
    first, *resumed = notes
    assert "2 reports" in first
    for note in resumed:
        assert "tipclassify: 2 of 2 inputs were done" in note.splitlines()
    ledger = (work / inside / JOURNAL).read_text("utf-8").splitlines()
    assert len(ledger) == 2
    if inside == "rep/findings":
        lines = cli("summary", "rep", "-f", "jsonl", *FAST).stdout.count(b"\n")
        assert lines == 3  # the two and their total


def test_one_line_of_our_head_does_not_leave_a_page_out(cli: Cli, work: Path) -> None:
    ours = '<!DOCTYPE html><html><head><meta name="generator" content="tipclassify 1">'
    (work / "page.html").write_text(ours + TEXT, "utf-8")
    with (work / "note.md").open("a") as note:
        note.write("\n- tool: tipclassify 0.1.0\n")
    done = cli("score", work, *FAST, "--format", "jsonl")
    names = {json.loads(line)["file"] for line in done.stdout.splitlines()}
    assert names > {"page.html", "note.md"}  # and no folder of the user's


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_place_of_a_journal_or_input_does_not_hang(cli: Cli, work: Path) -> None:
    os.mkfifo(work / "out.jsonl")
    os.mkfifo(work / JOURNAL)
    assert cli("score", work, *FAST, "-f", "csv").returncode == 0
    done = cli("score", "page.html", *FAST, "-f", "csv", "--output-dir", ".", "--resume")
    assert done.returncode == 1
    assert f"{JOURNAL}: no file; move it, or choose another folder" in done.stderr.decode()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", ["passages.jsonl", "stale.csv"])
def test_a_pipe_in_place_of_a_corpus_does_not_hang(cli: Cli, work: Path, name: str) -> None:
    rows = work / "rows.jsonl"
    rows.write_text('{"text": "Police slept.", "labels": ["failure"]}\n', "utf-8")
    os.mkfifo(work / name)
    commands: list[tuple[str | Path, ...]] = [("rebuild", work, "--from", rows)]
    if name.endswith(".jsonl"):
        commands.append(("add", rows, "--to", work / name))
    for command in commands:
        done = cli("corpus", *command)
        assert (done.returncode, done.stdout) == (2, b"")
        assert f"{name}: not a file; move it, or choose another" in done.stderr.decode()


def test_a_protected_file_stays_and_another_keeps_its_rights(cli: Cli, work: Path) -> None:
    output = work / "out.csv"
    output.write_text("mine", "utf-8")
    output.chmod(0o444)
    done = cli("score", "page.html", *FAST, "-o", output)
    assert (done.returncode, output.read_text("utf-8")) == (1, "mine")
    assert "out.csv: cannot be written (protected from writing)" in done.stderr.decode()
    output.chmod(0o640)
    assert cli("score", "page.html", *FAST, "-o", output).returncode == 0
    assert output.stat().st_mode & 0o777 == 0o640


@pytest.mark.usefixtures("work")
def test_results_alone_are_inputs_where_their_rows_are_named(cli: Cli) -> None:
    assert cli("score", "page.html", "-f", "jsonl", "--output-dir", "found", *FAST).returncode == 0
    assert expand_inputs(["found"]) == [str(Path("found", "page.html.jsonl"))]
    assert expand_inputs(["found/page.html.jsonl"]) == ["found/page.html.jsonl"]
    assert cli("score", "page.html", "-o", "found.md", *FAST).returncode == 0
    with (
        pytest.warns(UserWarning, match="wrote: found.md"),
        pytest.raises(InputError, match="matches no file"),
    ):
        expand_inputs(["found.m*"])


# -------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize("letter", ["a", "\u1e69", "e\u0301", "年"])
def test_a_name_of_any_length_has_its_output(cli: Cli, work: Path, letter: str) -> None:
    names = [
        letter * ((size - 5) // len(letter.encode())) + ".html" for size in (225, 235, 245, 255)
    ]
    (work / "in").mkdir()
    for name in names:
        (work / "in" / name).write_text(TEXT, "utf-8")
    options = ("--output-dir", "out", "-f", "jsonl", *FAST)
    done = cli("score", "in", *options)
    assert done.returncode == 0, done.stderr
    done = cli("score", "in", *options, "--resume")
    assert f"{len(set(names))} of {len(set(names))} inputs were done".encode() in done.stderr, (
        done.stderr
    )


def test_an_output_may_have_the_longest_name(cli: Cli, work: Path) -> None:
    for name in ("a" * 250 + ".html", "年" * 83 + ".csv"):
        done = cli("score", "page.html", "-o", name, *FAST)
        assert done.returncode == 0, done.stderr
        assert (work / name).is_file()


@pytest.mark.parametrize("letter", ["a", "é", "年"])
def test_a_corpus_and_a_model_may_have_the_longest_names(tmp_path: Path, letter: str) -> None:
    """Their locks, and what is staged beside them, have names that are cut."""
    stem = letter * ((255 - len(".sqlite-journal")) // len(letter.encode()))
    corpus = tmp_path / f"{stem}.jsonl"
    store = Store(corpus.with_suffix(".sqlite"))
    passage = Shown(Place("ab" * 32, 1, 14), "k", {"text": "Police slept."})
    store.decide(passage, "label", "ana")
    export(store, corpus)
    assert corpus.read_bytes().count(b"\n") == 1
    model = tmp_path / (letter * (255 // len(letter.encode())))
    for version in (1, 2):
        head = {"format": version, "weights_sha256": 64 * "0"}
        write_model(model, head, {"weights.npz": b""})
    assert read_metadata(model)["format"] == 2
    assert list(tmp_path.glob(".*")) == []


def test_names_are_cut_by_bytes_and_never_collide() -> None:
    names = output_names([f"{'年' * 100}{n}.html" for n in range(20)], ".parquet")
    assert len(set(names)) == 20
    for name in names:
        assert len(unicodedata.normalize("NFD", f".{name}-01234567.1234").encode()) <= 255


# --------------------------------------------------------------------------------------- other runs


@pytest.mark.skipif(os.name != "posix", reason="a file in use cannot be removed elsewhere")
def test_two_runs_on_one_folder_both_end_well(work: Path) -> None:
    (work / "in").mkdir()
    for number in range(40):
        (work / "in" / f"{number}.txt").write_text(
            "Police arrested nine recruiters.\n\n" * 400, "utf-8"
        )
    command = [sys.executable, "-m", "tipclassify", "score", "in", "--output-dir", "out"]
    command += ["--resume", "-f", "jsonl"]
    runs = []
    for _ in range(3):
        runs.append(subprocess.Popen([*command, *FAST], stderr=subprocess.PIPE))
        time.sleep(0.4)
    for run in runs:
        assert run.communicate()[1].count(b"Error") == 0
        assert run.returncode == 0
    assert len(list((work / "out").glob("*.txt.jsonl"))) == 40
    assert not list((work / "out").glob(".*"))
    outputs = (work / "out").glob("*.txt.jsonl")
    assert len({path.read_bytes().replace(path.name[:-6].encode(), b"") for path in outputs}) == 1
