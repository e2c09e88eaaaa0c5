"""The command line, run in a subprocess; on the fast model unless the default is the subject."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from conftest import Cli

from tipclassify import LABELS, Classifier, __version__, classify
from tipclassify.cli import options
from tipclassify.cli.score import score
from tipclassify.labels import POLICIES
from tipclassify.write import FORMATS

TEXT = (
    "PROSECUTION\n\n"
    "Police arrested nine traffickers. The government did not convict any traffickers.\n\n"
    "Border guards took bribes from traffickers — “often”."
)


FAST = ("--model", "fast")


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A file of one short report."""
    file = tmp_path / "report.txt"
    file.write_bytes(TEXT.encode())
    return file


@pytest.mark.parametrize(
    ("command", "code", "shown"),
    [
        (
            "score report.txt --model fast",
            0,
            "3 passages, 3 on trafficking: positive_effort 1 (33%)",
        ),
        ("summary report.txt --model fast", 0, "positive_effort"),
        ("compare report.txt report.txt --model fast", 0, "3 repeated word for word"),
        ("bundle report.txt --model fast -o bundle.zip", 0, "fingerprint"),
        ("verify report.txt", 1, "not a bundle"),
        ("review gone.txt", 1, "gone.txt: no such file"),
        ("fetch Atlantis", 2, "Atlantis"),
        ("text report.txt", 0, "PROSECUTION"),
        ("explain Arrested. --model fast", 0, "(bias)"),
        ("evaluate gone.jsonl --model fast", 1, "gone.jsonl: no such file"),
        ("check --model none", 3, "none: no such model"),
        ("info --model fast", 0, "model hash"),
        ("corpus check gone.jsonl", 1, "gone.jsonl: no such file"),
    ],
)
def test_each_command_runs(
    cli: Cli, report: Path, monkeypatch: pytest.MonkeyPatch, command: str, code: int, shown: str
) -> None:
    monkeypatch.chdir(report.parent)
    done = cli(*command.split())
    assert done.returncode == code, done.stderr
    assert shown in " ".join((done.stderr if code else done.stdout).decode().split())
    assert b"Traceback" not in done.stderr


ADDED = ("before", "leans", "publication", "acronyms")


def test_jsonl_rows_are_the_passages_of_classify(cli: Cli, report: Path) -> None:
    done = cli("score", report, "--format", "jsonl")
    assert (done.returncode, done.stderr) == (0, b"")
    rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
    passages = classify(TEXT)
    assert rows == [
        {"file": report.name, "country": None, "year": None}
        | p.to_dict()
        | {"kind": "sentence", "key": p.key, "before": before if p.labels else None}
        | {"leans": False, "publication": None, "acronyms": {}}
        for before, p in zip([None, *(p.text for p in passages)], passages, strict=False)
    ]
    assert list(rows[0])[:7] == ["file", "country", "year", "start", "end", "page", "block"]
    assert list(rows[0])[7:11] == ["text", "section", "labels", "scores"]
    assert list(rows[0])[11:] == ["low_confidence", "kind", "key", *ADDED]
    assert all(TEXT[row["start"] : row["end"]] == row["text"] for row in rows)


def test_csv_has_a_column_for_each_probability_and_no_live_formula(
    cli: Cli, tmp_path: Path
) -> None:
    file = tmp_path / "=1+1.txt"
    file.write_text('=HYPERLINK(A1)\n\nPolice acted, "at last".', "utf-8")
    done = cli("score", file, "--format", "csv", *FAST)
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode(), newline="")))
    where = ("file", "country", "year", "page", "block", "start", "end", "section")
    what = ("text", "labels", *LABELS, "low_confidence", "kind", "key", *ADDED)
    assert tuple(rows[0]) == (*where, *what)
    assert rows[0]["text"] == "'=HYPERLINK(A1)"
    assert rows[1]["text"] == 'Police acted, "at last".'


def test_the_table_shows_tagged_passages_and_closes_with_counts(cli: Cli, report: Path) -> None:
    out = cli("score", report, *FAST).stdout.decode()
    assert "did not convict any traffickers" in out
    assert "[prosecution]" in out
    counts = "positive_effort 1 (33%)   failure 1 (33%)   complicity 1 (33%)"
    *_, first, second = out.rstrip().splitlines()
    assert first == f"3 passages, 3 on trafficking: {counts}"
    assert second.startswith("Counts are of sentences, each once;")
    assert "\x1b" not in out


def test_standard_input_is_read(cli: Cli) -> None:
    done = cli("score", "-", "--format", "jsonl", *FAST, stdin=TEXT.encode())
    files = [json.loads(line)["file"] for line in done.stdout.splitlines()]
    assert files == ["-", "-", "-"]
    page = b"<html><body><nav>Menu</nav><p>Police acted.</p></body></html>"
    done = cli("score", "-", "--format", "jsonl", *FAST, stdin=page)
    assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == ["Police acted."]


def test_jsonl_input_is_scored_row_by_row_and_keeps_its_fields(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    rows = [
        {"text": "Police acted. Courts slept.", "id": 7, "labels": "mine"},
        {"text": "", "note": "é"},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    out = [
        json.loads(line)
        for line in cli("score", file, "-f", "jsonl", *FAST).stdout.decode().splitlines()
    ]
    assert [row["text"] for row in out] == [row["text"] for row in rows]
    assert out[0]["id"] == 7
    assert isinstance(out[0]["labels"], list)
    assert out[1]["note"] == "é"


def test_citations_have_the_day_of_the_run_which_can_be_set(cli: Cli, report: Path) -> None:
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", options.today())
    asked = ("score", report, "--format", "ris", *FAST)
    assert b"Y2  - 2026/11/28\r\n" in cli(*asked, env={"SOURCE_DATE_EPOCH": "1795871499"}).stdout
    wrong = cli(*asked, env={"SOURCE_DATE_EPOCH": "today"})
    assert (wrong.returncode, wrong.stdout) == (2, b"")
    assert wrong.stderr.startswith(
        b"tipclassify: SOURCE_DATE_EPOCH: 'today' are no seconds since 1970; "
        b"correct it, or unset it"
    )


def test_a_bad_file_is_named_and_the_rest_is_scored(cli: Cli, report: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "rows.jsonl").write_text(
        '{"text": "The sun shone."}\n{"txt": 1}\n{"text": "It rained."}\n', "utf-8"
    )
    files = (tmp_path / "gone.txt", tmp_path / "empty.txt", report, tmp_path / "rows.jsonl")
    done = cli("score", *files, "-f", "jsonl", *FAST)
    assert done.returncode == 1
    errors = done.stderr.decode().splitlines()
    assert errors.pop(0).startswith(
        "tipclassify: 2 reports, 3 tagged sentences (positive_effort 1, "
    )
    assert len(errors) == 4
    assert errors[3] == "tipclassify: 3 of 4 inputs failed"
    assert "gone.txt: no such file" in errors[0]
    assert "empty.txt: empty" in errors[1]
    assert 'rows.jsonl:2: no "text" field' in errors[2]
    assert len(done.stdout.splitlines()) == 3 + 2  # the rows around the broken one too


@pytest.mark.parametrize("suffix", [".html", ".csv", ""])
def test_what_was_written_and_what_is_doubtful_is_said_on_standard_error(
    cli: Cli, report: Path, tmp_path: Path, suffix: str
) -> None:
    words = (
        "La policía detuvo a nueve traficantes, "
        "pero los tribunales no condenaron a ninguno de ellos."
    )
    names = ("es.txt", "cells.txt", "other.txt", "contents.txt")
    foreign, cells, other, contents = (tmp_path / name for name in names)
    contents.write_text(
        "Contents\n\n1. Prosecution ........ 7\n2. Protection ........ 9\n", "utf-8"
    )
    foreign.write_text(f"{words}\n\n{words}", "utf-8")
    cells.write_text(
        "Kiosk 4\n\nMiners, Port Alba\n\nNot applicable\n\nPolice arrested nine traffickers.",
        "utf-8",
    )
    other.write_text("The choir met in the village in May and sang about roads. " * 50, "utf-8")
    out = tmp_path / f"out{suffix}"
    to_file = ("--output", out) if suffix else ()
    done = cli("score", report, foreign, cells, other, contents, *FAST, *to_file)
    assert done.returncode == 0
    lines = [line.removeprefix("tipclassify: ") for line in done.stderr.decode().splitlines()]
    unknown = "2 of 2 sentences are in words that the model does not know"
    assert f"warning: {foreign}: {unknown}" in lines[0]
    assert f"warning: {cells}: doubtful in 3 of 4 passages" in lines[1]
    assert f"warning: {other}: mostly on other subjects: 0 of 50 passages" in lines[2]
    assert f"warning: {contents}: no sentence in it" in lines[3]
    if suffix:
        counts = "positive_effort 2, failure 1, complicity 1"
        assert lines[4:] == [f"wrote {out}: 5 reports, 4 tagged sentences ({counts})"]
    else:
        assert lines[4:] == []  # the table ends with these counts


def test_warnings_are_counted_after_the_twentieth_and_a_folder_of_outputs_is_summed_up(
    cli: Cli, tmp_path: Path
) -> None:
    for number in range(23):
        (tmp_path / f"{number:02}.txt").write_text(
            "La policía detuvo a nueve traficantes en el puerto.", "utf-8"
        )
    done = cli("score", tmp_path, "--format", "csv", "--output-dir", tmp_path / "out", *FAST)
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 22
    assert lines[20] == "tipclassify: and 3 more of this kind"
    assert lines[21].startswith(
        f"tipclassify: wrote {tmp_path / 'out'}: 23 reports, 0 tagged sentences ("
    )


def test_output_is_whole_or_not_at_all(cli: Cli, report: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    done = cli("score", report, "-f", "csv", "--output", out, *FAST)
    assert (done.returncode, done.stdout) == (0, b"")
    assert len(out.read_text("utf-8").splitlines()) == 4
    assert (
        cli("score", report, "--model", tmp_path, "--output", tmp_path / "no.csv").returncode == 3
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.csv", "report.txt"]
    assert cli("score", report, "--output", tmp_path / "no" / "dir.csv", *FAST).returncode == 1


def test_a_missing_or_damaged_model_exits_3_in_one_line(
    cli: Cli, report: Path, tmp_path: Path
) -> None:
    (tmp_path / "model.json").write_text("{", "utf-8")
    for folder in (tmp_path / "none", tmp_path):
        done = cli("score", report, "--model", folder)
        assert done.returncode == 3
        assert done.stderr.decode().startswith("tipclassify: ")
        assert len(done.stderr.splitlines()) == 1


def test_output_is_utf8_whatever_the_locale(cli: Cli, report: Path) -> None:
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    done = cli("score", report, "-f", "jsonl", *FAST, env=env)
    assert "— “often”" in done.stdout.decode()


def test_no_colour_when_asked_even_on_a_terminal(report: Path) -> None:
    pty = pytest.importorskip("pty")  # not on Windows
    import os

    def on_terminal(env: dict[str, str]) -> bytes:
        master, slave = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "tipclassify", "score", str(report), *FAST],
            stdout=slave,
            stdin=subprocess.DEVNULL,
            env={
                **{k: v for k, v in os.environ.items() if k != "NO_COLOR"},
                "TERM": "xterm",
                **env,
            },
        )
        os.close(slave)
        out = b""
        try:
            while chunk := os.read(master, 65_536):
                out += chunk
        except OSError:
            pass  # Linux tells the end of a pseudo-terminal by an error
        os.close(master)
        process.wait(60)
        return out

    colour = re.compile(rb"\x1b\[3\d")
    assert colour.search(on_terminal({}))
    assert not colour.search(on_terminal({"NO_COLOR": "1"}))


def test_a_closed_pipe_is_quiet(tmp_path: Path) -> None:
    long = tmp_path / "long.txt"
    long.write_text("The government did not convict any traffickers. " * 4_000, "utf-8")
    command = [sys.executable, "-m", "tipclassify", "score", str(long), "-f", "jsonl", *FAST]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


NONE_CONVICTED = "The government did not convict any traffickers."


def test_explain_adds_up_with_fast(cli: Cli) -> None:
    asked = ("explain", NONE_CONVICTED, "--section", "Prosecution", "--model", "fast")
    rows = [json.loads(line) for line in cli(*asked, "--format", "jsonl").stdout.splitlines()]
    assert [row["label"] for row in rows] == list(LABELS)
    for row in rows:
        summed = row["bias"] + row["heading"] + sum(span["weight"] for span in row["spans"])
        assert summed == pytest.approx(row["logit"], abs=1e-6)
    assert any(row["heading"] for row in rows)
    assert rows[1]["given"]
    shown = cli(*asked, "--top", 3).stdout.decode()
    assert "(bias)" in shown
    assert "(the heading “Prosecution”)" in shown


def test_explain_shows_what_decides_and_reads_standard_input(cli: Cli) -> None:
    shown = cli("explain", "-", "--top", 3, stdin=NONE_CONVICTED.encode()).stdout.decode()
    assert "failure: 0.9" in shown
    assert "(they do not add up)" in shown
    assert cli("explain", " ").returncode == 1


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Two passages that the shipped model gets right, and one of another kind that it does not."""
    rows = [
        {
            "text": "The government did not convict any traffickers.",
            "labels": ["failure"],
            "kind": "a",
        },
        {"text": "Police arrested nine traffickers.", "labels": ["positive_effort"], "kind": "a"},
        {
            "text": "Courts did not convict any of the recruiters.",
            "labels": ["complicity"],
            "kind": "b",
            "id": "odd",
        },
    ]
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def test_evaluate_measures_by_field_and_shows_only_what_was_asked_for(cli: Cli, mine: Path) -> None:
    out = cli("evaluate", mine, "--by", "kind", *FAST).stdout.decode()
    assert [part.splitlines()[0] for part in out.split("\n\n")] == [
        "kind = a",
        "kind = b",
        "all passages",
    ]
    assert out.count("macro-F1 1.000   exact match 1.000") == 1
    assert out.count("groups 2   draws 1,000") == out.count("groups 3   draws 1,000") == 1
    assert out.count("no 95% intervals") == 1  # kind b is one passage
    bare = cli("evaluate", mine, "--draws", 0, *FAST).stdout.decode()
    assert "95%" not in bare
    assert bare == out.split("\n\n")[2].split("95% interval")[0]


def test_evaluate_shows_what_it_is_asked_for(cli: Cli, mine: Path) -> None:
    asked = ("--errors", 1, "--draws", 0)
    out = cli("evaluate", mine, *asked, *FAST).stdout.decode().split("\n\n")
    assert [block.split("\n")[0] for block in out] == ["all passages", "worst errors"]
    assert "(odd)\n    Courts did not convict any of the recruiters." in out[-1]
    assert out[-1].count("threshold") == 1
    assert cli("evaluate", mine, "--compare", mine.with_name("none"), *FAST).returncode == 3


def test_evaluate_jsonl_is_one_object_with_every_figure(
    cli: Cli, mine: Path, fast: Classifier
) -> None:
    folder = Path(__file__).resolve().parents[2] / "models" / "fast"
    asked = ("--by", "kind", "-f", "jsonl", "--errors", 9, "--compare", folder, "--draws", 50)
    done = cli("evaluate", mine, *asked, *FAST)
    assert (done.returncode, done.stderr) == (0, b"")
    (line,) = done.stdout.splitlines()
    evaluation = json.loads(line)
    assert evaluation["model"] == fast.meta["sha256"]
    parts = evaluation["parts"]
    assert [part["value"] for part in parts] == ["a", "b", None]
    assert [part["passages"] for part in parts] == [2, 1, 3]
    assert parts[2]["intervals"]["labels"][1]["f1"].keys() == {"low", "high"}
    assert parts[1]["intervals"]["macro_f1"] == {"low": None, "high": None}
    errors = {(error["id"], error["label"], error["error"]) for error in evaluation["errors"]}
    assert errors == {("odd", "failure", "false"), ("odd", "complicity", "missed")}
    for difference in evaluation["comparison"]["differences"]:
        assert difference["difference"] == difference["better"] == 0


def test_evaluate_takes_thresholds_in_place_of_the_policys(
    cli: Cli, mine: Path, fast: Classifier
) -> None:
    args = ("--threshold", "failure=0.9999", "--threshold", "complicity=1e-9", "--draws", 0)
    evaluation = json.loads(cli("evaluate", mine, *args, "-f", "jsonl", *FAST).stdout)
    assert evaluation["thresholds"]["failure"] == 0.9999
    effort, failure, complicity = evaluation["parts"][0]["labels"]
    assert failure["recall"] == 0
    assert complicity["recall"] == 1
    assert complicity["precision"] == pytest.approx(1 / 3, abs=1e-3)
    assert effort["threshold"] == pytest.approx(fast.thresholds()[0], abs=1e-4)


def test_evaluate_reports_bad_fields_and_bad_rows(cli: Cli, mine: Path) -> None:
    assert cli("evaluate", mine, "--by", "mood", *FAST).returncode == 1
    mine.write_text('{"text": "x", "labels": ["y"]}\n', "utf-8")
    done = cli("evaluate", mine, *FAST)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"mine.jsonl:1: unknown label" in done.stderr


def test_info_and_version(cli: Cli) -> None:
    for model, kind in (("default", "encoder, "), ("fast", "features")):
        out = cli("info", "--model", model).stdout.decode()
        for name in ("model hash", "corpus", "trained with", "thresholds, cite", "macro-F1", kind):
            assert name in out
    assert cli("--version").stdout.decode().strip() == __version__


def test_the_choices_of_options_are_what_the_library_has() -> None:
    assert get_args(options.PolicyName) == POLICIES
    assert get_args(get_args(get_type_hints(score)["format"])[0]) == tuple(FORMATS)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_or_device_is_written_to_and_never_replaced(
    cli: Cli, report: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    received: list[bytes] = []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()), daemon=True)
    reader.start()
    done = cli("score", report, *FAST, "--format", "jsonl", "-o", pipe)
    reader.join(20)
    assert done.returncode == 0, done.stderr
    assert pipe.is_fifo()
    assert {path.name for path in tmp_path.iterdir()} == {"pipe", "report.txt"}
    assert received[0].count(b"\n") == 3
