"""The command line as its users run it: in a process of its own."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Run

from tipclassify import LABELS, __version__, classify

TEXT = "PROSECUTION\n\nPolice arrested nine traffickers. The government did not convict any traffickers.\n\nBorder guards took bribes from traffickers — “often”."


@pytest.fixture
def report(tmp_path: Path) -> Path:
    file = tmp_path / "report.txt"
    file.write_bytes(TEXT.encode())
    return file


def test_jsonl_rows_are_the_passages_of_classify(cli: Run, report: Path) -> None:
    done = cli("score", report, "--format", "jsonl")
    assert (done.returncode, done.stderr) == (0, b"")
    rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert rows == [{"file": str(report), **p.to_dict()} for p in classify(TEXT)]
    assert [list(row) for row in rows] == [["file", "start", "end", "text", "section", "labels", "scores"]] * 3
    assert all(TEXT[row["start"] : row["end"]] == row["text"] for row in rows)


def test_csv_has_a_column_for_each_probability_and_no_live_formula(cli: Run, tmp_path: Path) -> None:
    file = tmp_path / "=1+1.txt"
    file.write_text('=HYPERLINK(A1)\n\nPolice acted, "at last".', "utf-8")
    done = cli("score", file, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode(), newline="")))
    assert {*LABELS, "file", "start", "end", "section", "text", "labels"} == set(rows[0])
    assert rows[0]["text"] == "'=HYPERLINK(A1)"
    assert rows[1]["text"] == 'Police acted, "at last".'


def test_the_table_shows_tagged_passages_and_closes_with_counts(cli: Run, report: Path) -> None:
    out = cli("score", report).stdout.decode()
    assert "did not convict any traffickers" in out
    assert "[prosecution]" in out
    assert out.rstrip().splitlines()[-1] == "3 passages: positive_effort 1   failure 1   complicity 1   (none) 0"
    assert "\x1b" not in out


def test_standard_input_is_read(cli: Run) -> None:
    done = cli("score", "-", "--format", "jsonl", stdin=TEXT.encode())
    assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == ["-"] * 3
    page = cli(
        "score", "-", "--format", "jsonl", stdin=b"<html><body><nav>Menu</nav><p>Police acted.</p></body></html>"
    )
    assert [json.loads(line)["text"] for line in page.stdout.splitlines()] == ["Police acted."]


def test_jsonl_input_is_scored_row_by_row_and_keeps_its_fields(cli: Run, tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    rows = [{"text": "Police acted. Courts slept.", "id": 7, "labels": "mine"}, {"text": "", "note": "é"}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    out = [json.loads(line) for line in cli("score", file, "-f", "jsonl").stdout.decode().splitlines()]
    assert [row["text"] for row in out] == [row["text"] for row in rows]
    assert out[0]["id"] == 7
    assert isinstance(out[0]["labels"], list)
    assert out[1]["note"] == "é"


def test_a_bad_file_is_named_and_the_rest_is_scored(cli: Run, report: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "rows.jsonl").write_text('{"text": "Police acted."}\n{"txt": 1}\n', "utf-8")
    done = cli("score", tmp_path / "gone.txt", tmp_path / "empty.txt", report, tmp_path / "rows.jsonl", "-f", "jsonl")
    assert done.returncode == 1
    told = done.stderr.decode().splitlines()
    assert len(told) == 3
    assert "gone.txt: no such file" in told[0]
    assert "empty.txt: empty" in told[1]
    assert 'rows.jsonl:2: no "text" field' in told[2]
    assert len(done.stdout.splitlines()) == 3


def test_output_is_whole_or_not_at_all(cli: Run, report: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    done = cli("score", report, "-f", "csv", "--output", out)
    assert (done.returncode, done.stdout) == (0, b"")
    assert len(out.read_text("utf-8").splitlines()) == 4
    assert cli("score", report, "--model", tmp_path, "--output", tmp_path / "no.csv").returncode == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.csv", "report.txt"]
    assert cli("score", report, "--output", tmp_path / "no" / "dir.csv").returncode == 1


@pytest.mark.parametrize(
    "args", [["score"], ["score", "--policy", "bold", "x"], ["nonsense"], ["score", "--format", "pdf", "x"]]
)
def test_wrong_usage_exits_2(cli: Run, args: list[str]) -> None:
    assert cli(*args).returncode == 2


def test_a_missing_or_damaged_model_exits_3_in_one_line(cli: Run, report: Path, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text("{", "utf-8")
    for folder in (tmp_path / "none", tmp_path):
        done = cli("score", report, "--model", folder)
        assert done.returncode == 3
        assert done.stderr.decode().startswith("tipclassify: ")
        assert len(done.stderr.splitlines()) == 1


def test_output_is_utf8_whatever_the_locale(cli: Run, report: Path) -> None:
    done = cli("score", report, "-f", "jsonl", env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"})
    assert "— “often”" in done.stdout.decode()


def test_no_colour_when_asked_even_on_a_terminal(report: Path) -> None:
    pty = pytest.importorskip("pty")  # not on Windows
    import os

    def on_terminal(env: dict[str, str]) -> bytes:
        master, slave = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "tipclassify", "score", str(report)],
            stdout=slave,
            stdin=subprocess.DEVNULL,
            env={**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "TERM": "xterm", **env},
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

    assert b"\x1b[3" in on_terminal({})
    assert b"\x1b[3" not in on_terminal({"NO_COLOR": "1"})


def test_a_closed_pipe_is_quiet(tmp_path: Path) -> None:
    long = tmp_path / "long.txt"
    long.write_text("The government did not convict any traffickers. " * 20_000, "utf-8")
    command = [sys.executable, "-m", "tipclassify", "score", str(long), "-f", "jsonl"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


def test_explain_adds_up(cli: Run) -> None:
    done = cli("explain", "The government did not convict any traffickers.", "--format", "jsonl")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["label"] for row in rows] == list(LABELS)
    for row in rows:
        assert row["bias"] + sum(span["weight"] for span in row["spans"]) == pytest.approx(row["logit"], abs=1e-6)
    assert rows[1]["given"]
    shown = cli("explain", "-", "--top", 3, stdin=b"The government did not convict any traffickers.").stdout.decode()
    assert "failure: 0.9" in shown
    assert "(bias)" in shown
    assert cli("explain", " ").returncode == 1


def test_evaluate_measures_by_field(cli: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    rows = [
        {"text": "The government did not convict any traffickers.", "labels": ["failure"], "kind": "a"},
        {"text": "Police arrested nine traffickers.", "labels": ["positive_effort"], "kind": "b"},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    out = cli("evaluate", file, "--by", "kind").stdout.decode()
    assert out.count("macro-F1 1.000   exact match 1.000") == 3
    assert "kind = a" in out
    assert cli("evaluate", file, "--by", "mood").returncode == 1
    file.write_text('{"text": "x", "labels": ["y"]}\n', "utf-8")
    done = cli("evaluate", file)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"mine.jsonl:1: unknown label" in done.stderr


def test_info_and_version(cli: Run) -> None:
    out = cli("info").stdout.decode()
    for name in ("model hash", "corpus", "trained with", "thresholds, cite", "macro-F1"):
        assert name in out
    assert cli("--version").stdout.decode().strip() == __version__


def test_the_console_script_is_the_same_program() -> None:
    script = Path(sys.executable).with_name("tipclassify" + (".exe" if sys.platform == "win32" else ""))
    if not script.exists():
        pytest.skip("not installed with its script")
    done = subprocess.run([str(script), "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == __version__
