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

from tipclassify.formatting import csv_cell

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "cell", ["a;=1+1", 'a;"=1+1"', "a\t=1+1", "a; =1+1", "a\n=1+1", "\0=1+1", "\x1f=1+1", "x;@y\t-z", "a;\0=1"]
)
def test_no_cell_is_a_formula_whatever_separates_cells(cell: str, delimiter: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerow(["x", csv_cell(cell), "z"])
    for row in csv.reader(io.StringIO(out.getvalue(), newline=""), delimiter=delimiter):
        for found in row:
            assert not found.lstrip('\ufffd\x00\x1f "').startswith(("=", "+", "-", "@"))
    assert not any(ord(char) < 32 and char not in "\t\r\n" for char in out.getvalue())


@pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")
def test_a_terminal_is_not_steered_by_names_or_text(tmp_path: Path) -> None:
    import pty

    name = f"a{EVIL}.txt".replace("/", "")
    (tmp_path / name).write_text(f"PROSECUTION{EVIL}\n\nPolice arrested nine {EVIL} recruiters.\n", "utf-8")
    row = {"text": f"Police arrested {EVIL} nine.", "country": EVIL, "section": EVIL, "labels": []}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    (tmp_path / f"bad{EVIL}.pdf").write_bytes(b"%PDF-1.4")
    fast = ["--model", "fast"]
    commands = [
        ["text", name],
        ["text", f"bad{EVIL}.pdf"],
        ["text", f"none{EVIL}.txt"],
        *(["score", name, "rows.jsonl", "-f", kind, *fast] for kind in ("table", "csv", "md", "jsonl")),
        ["summary", name, "rows.jsonl", "--by", "file,country", *fast],
        ["verify", name],
        ["corpus", "check", f"none{EVIL}.jsonl"],
        ["info", "--model", f"none{EVIL}"],
    ]
    script = "import sys, runpy\nfor args in ARGS:\n    sys.argv[1:] = args\n    try:\n        main()\n    except SystemExit: pass\n"
    script = f"from tipclassify.cli.app import main\nARGS = {commands!r}\n{script}"
    mine, theirs = pty.openpty()
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "dumb"}  # what is left has no escapes of our own
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
