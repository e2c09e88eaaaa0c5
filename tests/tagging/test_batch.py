"""Many inputs: expansion of names, any number of processes, interruption and resumption."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from conftest import ROOT, Cli
from typer.testing import CliRunner

from tipclassify import Classifier
from tipclassify.cli.app import app
from tipclassify.errors import InputError
from tipclassify.readers.limits import read_bounded
from tipclassify.records import Passage, Report
from tipclassify.tagging import Tagging
from tipclassify.tagging.inputs import expand_inputs
from tipclassify.tagging.resume import JOURNAL, Journal, output_names
from tipclassify.text import split as splitting

SAMPLES = ROOT / "data" / "samples"
TEXT = "PROSECUTION\n\nPolice arrested {} traffickers in {}, but courts convicted none of them."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of four reports, one below, with a hidden file and a picture."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for number, name in enumerate(("b.txt", "a.txt", "deep/c.txt", "deep/a.txt")):
        (tmp_path / "in" / name).write_text(TEXT.format(number + 2, 2010 + number), "utf-8")
    (tmp_path / "in" / ".hidden.txt").write_text("Police slept.", "utf-8")
    (tmp_path / "in" / "picture.png").write_bytes(b"\x89PNG")
    return tmp_path


def test_folders_patterns_and_lists_stand_for_their_files_once(folder: Path) -> None:
    inside = folder / "in"
    every = [str(inside / name) for name in ("a.txt", "b.txt", "deep/a.txt", "deep/c.txt")]
    with pytest.warns(UserWarning, match="left out 1 files that are no reports: picture.png"):
        assert expand_inputs([str(inside)]) == every
    assert expand_inputs([str(inside / "*.txt"), every[1]]) == every[:2]
    assert expand_inputs([str(inside / "**" / "c.txt")]) == every[3:]
    listing = folder / "list.txt"
    listing.write_text(
        f"# mine\n{every[3]}\n\n{inside / 'deep'}\nhttps://example.org/togo/\n-\n", "utf-8"
    )
    assert expand_inputs([f"@{listing}"]) == [every[3], every[2], "https://example.org/togo/", "-"]
    assert expand_inputs(["gone.txt"]) == ["gone.txt"]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("empty", "no report in this folder"),
        ("*.pdf", "matches no file"),
        ("@no.txt", "no such file"),
    ],
)
def test_a_name_that_stands_for_nothing_is_reported(tmp_path: Path, name: str, what: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=what):
        expand_inputs([name if name.startswith("@") else str(tmp_path / name)])


def test_a_folder_that_cannot_be_opened_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir
    locked = tmp_path / "reports" / "locked"
    locked.mkdir(parents=True)
    (tmp_path / "reports" / "a.txt").write_text("Police slept.\n", "utf-8")
    (tmp_path / "reports" / ".git").mkdir()

    def refuses(folder: str | Path) -> object:
        if Path(folder).name in ("locked", ".git"):  # a hidden folder is not even opened
            raise PermissionError(13, "Permission denied", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuses)
    files = expand_inputs([str(tmp_path / "reports")])
    assert files == [str(tmp_path / "reports" / "a.txt"), str(locked)]
    with pytest.raises(InputError, match=re.escape(f"{locked}: permission denied; check the path")):
        read_bounded(str(locked))


def test_a_list_that_names_itself_and_a_nul_are_reported(cli: Cli, tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text(f"@{own}\n", "utf-8")
    with pytest.raises(InputError, match="a list of inputs names itself"):
        expand_inputs([f"@{own}"])
    bad = tmp_path / "bad.txt"
    bad.write_text("a\0b.txt\n", "utf-8")
    options = ("--format", "csv", "--output-dir", tmp_path / "out", "--resume")
    done = cli("score", f"@{bad}", "--model", "fast", *options)
    assert done.returncode == 1
    assert b"a nul is in it" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("format", ["jsonl", pytest.param("md", marks=pytest.mark.slow)])
def test_output_is_the_same_for_any_number_of_processes(
    cli: Cli, folder: Path, format: str
) -> None:
    rows = folder / "rows.jsonl"
    broken = folder / "broken.jsonl"
    empty = folder / "empty.jsonl"
    row = {"text": TEXT.format(9, 2_000), "note": "x" * 600}  # 300 kB are read at a time
    lines = [json.dumps({**row, "id": number}) + "\n\n" for number in range(900)]
    rows.write_text("".join(lines), "utf-8")
    good_and_bad = ["".join(lines), '{"text": 3}\n', "".join(lines[:200])]
    good_and_bad += ["{}\n" * 1_000, "".join(lines[:3])]
    broken.write_text("".join(good_and_bad), "utf-8")
    empty.write_text("\n", "utf-8")
    files = (
        rows,
        folder / "in",
        SAMPLES / "karvonia-2024.html",
        broken,
        empty,
        folder / "gone.jsonl",
        rows,
    )
    args = ("score", "--model", "fast", *files, "--format", format)
    done = cli(*args)
    with_two_processes = cli(*args, "--jobs", 2)
    assert done.stdout == with_two_processes.stdout
    assert done.stderr == with_two_processes.stderr
    named = [
        line
        for line in done.stderr.decode().splitlines()
        if "broken.jsonl:" in line and "warning:" not in line
    ]
    assert f'tipclassify: {broken}:1801: "text" is no text' in named[0]
    for number, line in enumerate(named[1:20], 2_202):
        assert line.startswith(f'tipclassify: {broken}:{number}: no "text" field')
    assert named[20:] == [f"tipclassify: {broken}: 981 more bad rows"]
    assert done.returncode == with_two_processes.returncode == 1
    assert b"2 of 9 inputs failed" in done.stderr
    if format == "jsonl":
        texts = [line for line in done.stdout.splitlines() if b"karvonia-2024" not in line]
        assert len(texts) == 900 + 4 + 900 + 200 + 3  # all but the broken rows
        assert [json.loads(line)["id"] for line in texts[-203:]] == [*range(200), *range(3)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_good_rows_beside_bad_ones_are_written_but_not_done(
    cli: Cli, tmp_path: Path, jobs: int
) -> None:
    good = tmp_path / "good.jsonl"
    bad = tmp_path / "bad.jsonl"
    out = tmp_path / "out"
    good.write_text(
        '{"text": "Police slept."}\n{"text": null}\n{"text": "Courts slept."}\nno\n', "utf-8"
    )
    bad.write_text('{"text": null}\n', "utf-8")
    options = ("-f", "jsonl", "--model", "fast", "--jobs", jobs)
    args = ("score", good, bad, "--output-dir", out, *options)
    for again in ((), ("--resume",)):  # which names the rows again
        done = cli(*args, *again)
        lines = done.stderr.decode().splitlines()
        assert done.returncode == 1
        places = [line.partition(": ")[2].partition(": ")[0] for line in lines[1:4]]
        assert places == [f"{good}:2", f"{good}:4", f"{bad}:1"]
        assert lines[4:] == ["tipclassify: 2 of 2 inputs failed"]
        assert [path.name for path in out.iterdir()] == ["good.jsonl.jsonl"]
        texts = [
            json.loads(line)["text"]
            for line in (out / "good.jsonl.jsonl").read_text("utf-8").splitlines()
        ]
        assert texts == ["Police slept.", "Courts slept."]
    good.write_text('{"text": "Police slept."}\n', "utf-8")
    done = cli(*args, "--resume")
    assert {path.name for path in out.iterdir()} == {"good.jsonl.jsonl", JOURNAL}


def test_half_of_a_report_is_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "long.txt"
    out = tmp_path / "out"
    file.write_text("Police slept.\n\n" * 1_000, "utf-8")
    monkeypatch.setattr(splitting, "PART", 300)
    whole = Classifier.tag

    def broken(self: Classifier, passages: Sequence[Passage], *args: object) -> object:
        if len(passages) < 300:  # the last part
            raise IndexError("list index out of range")
        return whole(self, passages, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Classifier, "tag", broken)
    command = ["score", str(file), "--output-dir", str(out), "-f", "jsonl", "--model", "fast"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1
    assert f"{file}: cannot be read (IndexError: list index out of range)" in done.stderr
    assert list(out.iterdir()) == []


class _Counted(list[str]):
    """Names that count how many of them were requested."""

    asked = 0

    def __iter__(self) -> Iterator[str]:
        for name in super().__iter__():
            self.asked += 1
            yield name


def test_reports_that_nobody_takes_are_not_tagged(folder: Path) -> None:
    files = _Counted(f"{folder}/in/{'./' * number}a.txt" for number in range(1_000))
    inputs = Tagging("fast").by_input(files, 2)
    _, reports = next(inputs)
    assert len(list(reports)) == 1
    asked = -1
    while asked != files.asked:  # until nobody asks for more
        asked = files.asked
        time.sleep(0.3)
    assert asked < 200
    inputs.close()  # type: ignore[attr-defined]


def test_reports_left_untaken_are_passed_over() -> None:
    files = [
        str(SAMPLES / name) for name in ("karvonia-2023.html", "karvonia-2024.html", "excerpt.txt")
    ]
    taken = [
        (file, [result.file for result in results if isinstance(result, Report)])
        for file, results in Tagging("fast").by_input(files)
        if "2024" in file
    ]
    assert taken == [(files[1], [files[1]])]


def test_one_output_for_each_input_and_only_what_is_missing_when_resumed(
    cli: Cli, folder: Path
) -> None:
    out = folder / "out"
    args = ("--output-dir", out, "--format", "csv", "--model", "fast")
    done = cli("score", folder / "in", folder / "gone.txt", *args, "--jobs", 2)
    assert done.returncode == 1
    assert b"gone.txt: no such file" in done.stderr
    names = {"b.txt.csv", "in-a.txt.csv", "deep-a.txt.csv", "c.txt.csv"}
    assert {path.name for path in out.iterdir()} == {*names, JOURNAL}

    (out / "b.txt.csv").unlink()
    (folder / "in" / "a.txt").write_text(TEXT.format("nine", 2020), "utf-8")
    kept = (out / "c.txt.csv").stat().st_mtime_ns
    again = cli("score", folder / "in", *args, "--resume")
    assert again.returncode == 0
    assert b"2 of 4 inputs were done" in again.stderr
    assert (out / "c.txt.csv").stat().st_mtime_ns == kept
    assert (out / "b.txt.csv").exists()
    assert "arrested nine" in (out / "in-a.txt.csv").read_text("utf-8")
    other = cli("score", folder / "in", *args, "--resume", "--policy", "cite")
    assert b"inputs were done" not in other.stderr


@pytest.mark.parametrize("rest", [b"", b"file,"])
def test_an_output_that_was_emptied_or_cut_is_made_again(
    cli: Cli, folder: Path, rest: bytes
) -> None:
    out = folder / "out"
    args = ("--output-dir", out, "--format", "csv", "--model", "fast")
    assert cli("score", folder / "in", *args).returncode == 0
    cut = out / "b.txt.csv"
    whole = cut.read_bytes()
    for _ in range(2):  # its second line in the ledger counts like the first
        cut.write_bytes(rest)
        again = cli("score", folder / "in", *args, "--resume")
        assert b"3 of 4 inputs were done" in again.stderr
        assert cut.read_bytes() == whole
    nothing_left = cli("score", folder / "in", *args, "--resume").stderr
    assert b"4 of 4 inputs were done" in nothing_left
    assert b"0 reports" not in nothing_left


def test_the_journal_is_no_file_of_data_to_what_reads_the_folder(cli: Cli, folder: Path) -> None:
    out = folder / "out"
    args = ("--output-dir", out, "--format", "parquet", "--model", "fast")
    assert cli("score", folder / "in", *args).returncode == 0
    pandas = pytest.importorskip("pandas")
    assert len(pandas.read_parquet(out)) > 0


def _heeds_interrupts() -> None:
    """A background job of a shell ignores interrupts, and so would what it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


MANY = 1_000  # reports: not done before the signal comes


@pytest.mark.skipif(os.name == "nt", reason="signals to a process differ there")
def test_breaking_off_leaves_whole_outputs_and_no_scraps(tmp_path: Path) -> None:
    page = (SAMPLES / "karvonia-2024.html").read_text("utf-8")
    for number in range(MANY):
        (tmp_path / f"{number:04}.html").write_text(page, "utf-8")
    out = tmp_path / "out"
    asked = ["score", "--model", "fast", str(tmp_path), "--output-dir", str(out), "-f", "jsonl"]
    command = [sys.executable, "-m", "tipclassify", *asked]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, preexec_fn=_heeds_interrupts)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(list(out.glob("*.html.jsonl"))) < 5:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"--resume" in errors
    written = [path for path in out.iterdir() if path.name != JOURNAL]
    assert 5 <= len(written) < MANY
    assert len({path.read_bytes().count(b"\n") for path in written}) == 1
    assert not [path for path in out.iterdir() if path.name.startswith(".")]
    listed = [
        json.loads(line)["output"] for line in (out / JOURNAL).read_text("utf-8").splitlines()
    ]
    assert set(listed) <= {path.name for path in written}
    assert len(written) - len(listed) <= 1


def test_options_that_do_not_go_together_are_refused(cli: Cli, folder: Path) -> None:
    assert cli("score", folder / "in", "--resume").returncode == 2
    none = cli("score", folder / "in", "--jobs", 0)
    assert none.returncode == 2
    assert b"0 processes" in none.stderr
    assert (
        cli("score", folder / "in", "-o", folder / "x.csv", "--output-dir", folder).returncode == 2
    )
    assert b"no format has the suffix" in cli("score", folder / "in", "-o", folder / "x.foo").stderr
    assert cli("score", folder / "in", "--output-dir", folder / "in" / "a.txt").returncode == 1


def test_a_cut_ledger_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("x", "utf-8")
    out = tmp_path / "in.txt.csv"
    out.write_text("x", "utf-8")
    Journal(tmp_path, {}).add(str(tmp_path / "in.txt"), out)
    with open(tmp_path / JOURNAL, "a", encoding="utf-8") as ledger:
        ledger.write('{"input": "b.t')
    assert Journal(tmp_path, {}).has(str(tmp_path / "in.txt"), out)
    assert not Journal(tmp_path, {"policy": "cite"}).has(str(tmp_path / "in.txt"), out)


def test_output_names_never_collide() -> None:
    files = [
        "x/a/1.html",
        "y/a/1.html",
        "x/b/1.html",
        "-",
        "https://example.org/togo/",
        ".../..",
        "1.html",
    ]
    names = output_names(files, ".csv")
    assert len(set(names)) == len(files)
    assert all(
        name.endswith(".csv") and "/" not in name and not name.startswith(".") for name in names
    )
    # one file on Windows and macOS
    upper, lower = output_names(["a/Togo.html", "b/togo.html"], ".csv")
    assert upper.casefold() != lower.casefold()


def test_a_file_name_may_be_of_any_bytes(cli: Cli, tmp_path: Path) -> None:
    file = os.fsencode(tmp_path / "caf") + b"\xe9.txt"
    with open(file, "wb") as out:
        out.write(b"Police arrested nine traffickers.\n")
    for _ in range(2):  # the second run finds it in the ledger
        options = (
            "--model",
            "fast",
            "--format",
            "csv",
            "--output-dir",
            tmp_path / "out",
            "--resume",
        )
        done = cli("score", os.fsdecode(file), *options)
        assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").glob("*.csv"))) == 1


def test_what_a_reader_could_not_read_is_reported_and_the_rest_scored(
    cli: Cli, tmp_path: Path
) -> None:
    file = tmp_path / "torn.txt"
    file.write_bytes(b"\xef\xbb\xbf" + b"Police arrested nine traffickers in Caf\xe9 Velmar.\n" * 3)
    done = cli("score", file, file, "--format", "jsonl", "--model", "fast")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 3
    errors = done.stderr.decode().splitlines()
    assert len(errors) == 1
    assert errors[0].startswith(f"tipclassify: warning: {file}: ")


def test_what_is_wrong_is_reported_in_one_line_with_processes_started_already(
    cli: Cli, tmp_path: Path
) -> None:
    done = cli("score", tmp_path, tmp_path / "gone.txt", "--jobs", 2, "--model", tmp_path / "none")
    assert done.returncode == 3
    assert done.stderr.decode().startswith(f"tipclassify: {tmp_path / 'none'}: ")
    assert done.stderr.count(b"\n") == 1
