"""Text that would steer a terminal or run in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tipclassify.formatting import csv_cell, unformat_csv_cell

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "cell",
    [
        "a;=1+1",
        'a;"=1+1"',
        "a\t=1+1",
        "a; =1+1",
        "a\n=1+1",
        "\0=1+1",
        "\x1f=1+1",
        "x;@y\t-z",
        "a;\0=1",
    ],
)
def test_no_cell_is_a_formula_whatever_separates_cells(cell: str, delimiter: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerow(["x", csv_cell(cell), "z"])
    for row in csv.reader(io.StringIO(out.getvalue(), newline=""), delimiter=delimiter):
        for value in row:
            assert not value.lstrip('\ufffd\x00\x1f "').startswith(("=", "+", "-", "@"))
    assert not any(ord(char) < 32 and char not in "\t\r\n" for char in out.getvalue())


@given(st.text(st.sampled_from("'=-;\n\t \"a\ufeff＠")) | st.text())
@example("'=1+1")
@example("a;'=1")
@example("''\n-'")
def test_a_cell_comes_back_as_the_text_it_was(text: str) -> None:
    readable = "".join(
        "\ufffd" if (char < " " and char not in "\t\r\n") or char == "\x7f" else char
        for char in text
    )
    assert unformat_csv_cell(str(csv_cell(text))) == readable


@pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")
def test_a_terminal_is_not_steered_by_names_or_text(tmp_path: Path) -> None:
    import pty

    name = f"a{EVIL}.txt".replace("/", "")
    (tmp_path / name).write_text(
        f"PROSECUTION{EVIL}\n\nPolice arrested nine {EVIL} recruiters.\n", "utf-8"
    )
    row = {"text": f"Police arrested {EVIL} nine.", "country": EVIL, "section": EVIL, "labels": []}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    (tmp_path / f"bad{EVIL}.pdf").write_bytes(b"%PDF-1.4")
    fast = ["--model", "fast"]
    commands = [
        ["text", name],
        ["text", f"bad{EVIL}.pdf"],
        ["text", f"none{EVIL}.txt"],
        *(
            ["score", name, "rows.jsonl", "-f", kind, *fast]
            for kind in ("table", "csv", "md", "jsonl")
        ),
        ["summary", name, "rows.jsonl", "--by", "file,country", *fast],
        ["verify", name],
        ["corpus", "check", f"none{EVIL}.jsonl"],
        ["info", "--model", f"none{EVIL}"],
    ]
    script = f"""
import sys
from tipclassify.cli.app import main
for args in {commands!r}:
    sys.argv[1:] = args
    try:
        main()
    except SystemExit:
        pass
"""
    mine, theirs = pty.openpty()
    # what is left has no escapes of our own
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "dumb"}
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=theirs, stderr=theirs, cwd=tmp_path, env=environment
    )
    os.close(theirs)
    seen = b""
    try:
        while data := os.read(mine, 1 << 16):
            seen += data
    except OSError:  # how Linux says that the other side has closed
        pass
    os.close(mine)
    assert process.wait(60) == 0
    text = seen.decode()
    assert "nine" in text
    assert text.count("\ufffd]0;owned") > 10
    assert not {char for char in text if ord(char) < 32 or 127 <= ord(char) < 160} - set("\r\n\t")


# What a shell does to a stream, the exit code where results go to standard output, and the lines on
# standard error.
STREAMS = {
    ">&-": (1, 1),
    ">/dev/full": (1, 1),
    ">/dev/full 2>/dev/full": (1, 0),
    "<&- >&- 2>&-": (1, 0),
    "<&- 2>&-": (0, 0),
    "2>/dev/full": (0, 0),
    "2>&-": (0, 0),
    "| :": (0, 0),
}
COMMAND = [sys.executable, "-m", "tipclassify"]
RESULTS = [
    ["--version"],
    ["text", "a.txt"],
    ["score", "a.txt", "--model", "fast"],
    ["corpus", "check", "rows.jsonl"],
]


def in_shell(folder: Path, streams: str, args: list[str]) -> tuple[int, str]:
    """Exit code and standard error of the command, with its streams as the shell sets them."""
    (folder / "a.txt").write_text("Police arrested nine recruiters in Karvonia.\n", "utf-8")
    (folder / "rows.jsonl").write_text('{"text": "Police arrested nine.", "labels": []}\n', "utf-8")
    if streams == "| :":
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [*COMMAND, *args], stdout=writing, stderr=subprocess.PIPE, cwd=folder, timeout=60
        )
        os.close(writing)
    else:
        shell = ["sh", "-c", f'exec "$@" {streams}', "sh", *COMMAND, *args]
        done = subprocess.run(shell, capture_output=True, cwd=folder, timeout=60, check=False)
    return done.returncode, done.stderr.decode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("number", range(len(STREAMS)), ids=list(STREAMS))
def test_a_closed_or_full_stream_is_one_line_or_silence(tmp_path: Path, number: int) -> None:
    streams, wanted = list(STREAMS.items())[number]
    # each command has four of the eight
    for args in (RESULTS[number % 4], RESULTS[(number + number // 4 + 1) % 4]):
        code, errors = in_shell(tmp_path, streams, args)
        assert (code, errors.count("\n")) == wanted, (args, errors)
        assert errors == "" or errors.startswith("tipclassify: ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.slow
def test_a_file_is_written_whole_whatever_the_streams_are(tmp_path: Path) -> None:
    every_other = list(STREAMS)[::2]
    for number, streams in enumerate(["", *every_other]):
        command = ["score", "a.txt", "--model", "fast", "-o", f"{number}.csv"]
        code, errors = in_shell(tmp_path, streams, command)
        assert code == 0
        wrote = f"tipclassify: wrote {number}.csv: 1 report, 1 tagged sentence"
        assert errors.partition(" (")[0] in (wrote, "")
    assert len({file.read_bytes() for file in tmp_path.glob("*.csv")}) == 1
    assert len(list(tmp_path.iterdir())) == 3 + len(every_other)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_closed_stream_changes_no_exit_code_of_an_error(tmp_path: Path) -> None:
    assert in_shell(tmp_path, "2>&-", ["score", "--odd"]) == (2, "")
    assert in_shell(tmp_path, "2>/dev/full", ["info", "--model", "./none"]) == (3, "")
    assert in_shell(tmp_path, ">&- 2>&-", ["info", "--model", "./none"]) == (3, "")
    for args in (["text", "-"], ["explain", "-", "--model", "fast"]):
        code, errors = in_shell(tmp_path, "<&-", args)
        assert (code, errors.count("\n"), "Error" in errors) == (1, 1, False)
