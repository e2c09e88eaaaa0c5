"""An input that kills the process which reads it costs that input only.

That holds for any number of processes.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tipclassify.errors import InputError, TipclassifyError
from tipclassify.readers.child import parse_answer, read_report_isolated
from tipclassify.records import Block, Document, PageStart
from tipclassify.tagging.workers import map_in_order

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

SAMPLE = Path(__file__).parents[1] / "files" / "one-column.pdf"
PAGE = "<!doctype html><h2>Prosecution</h2><p>Police arrested nine recruiters in Karvonia.</p>"


@pytest.fixture
def deadly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of three pages and two PDFs.

    The library that reads PDFs crashes, as one written in C may.
    """
    library = tmp_path / "library" / "pypdfium2"
    library.mkdir(parents=True)
    crash = "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n"
    (library / "__init__.py").write_text(crash, "utf-8")
    paths = [str(library.parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    monkeypatch.syspath_prepend(str(library.parent))
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a", "c", "e"):
        (folder / f"{name}.html").write_text(PAGE, "utf-8")
    for name in ("b", "d"):
        shutil.copy(SAMPLE, folder / f"{name}.pdf")
    return folder


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command with the fast model."""
    line = [sys.executable, "-m", "tipclassify", *map(str, arguments), "--model", "fast"]
    return subprocess.run(line, capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_input_that_kills_its_process_costs_that_input_only(deadly: Path, jobs: int) -> None:
    done = command("score", deadly, "--jobs", jobs, "-f", "jsonl")
    assert done.returncode == 1, done.stderr
    assert len(done.stdout.splitlines()) == 3
    errors = [line for line in done.stderr.splitlines() if "cannot be read" in line]
    assert len(errors) == 2, done.stderr
    assert "b.pdf: cannot be read" in errors[0]
    assert "d.pdf: cannot be read" in errors[1]
    assert "2 of 5 inputs failed" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_single_report_that_kills_its_process_is_one_line(deadly: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tipclassify", "text", str(deadly / "b.pdf")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "its process ended with signal 11" in done.stderr


def test_the_reading_process_ends_with_its_parent(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(PAGE, "utf-8")
    script = (
        "import sys, os, signal; from tipclassify.readers import child\n"
        "child.read_report_isolated(sys.argv[1]); print(child._child._process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "a.html"], capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    child = Path("/proc") / done.stdout.decode().strip()
    deadline = time.monotonic() + 5
    while child.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not child.exists()


def test_what_a_reader_warns_of_and_refuses_comes_through(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(PAGE, "utf-8")
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.4 nothing")
    assert "nine recruiters" in read_report_isolated(str(tmp_path / "a.html")).text
    with pytest.raises(InputError, match=r"bad\.pdf: [^\n]+$"):
        read_report_isolated(str(tmp_path / "bad.pdf"))


def test_only_documents_and_rows_come_out_of_the_child() -> None:
    block = {"start": 0, "end": 4, "page": 1, "later_pages": [[2, 2]]}
    document = {"text": "Text", "blocks": [block], "source": "a.html"}
    fields = {"notes": ["note"], "problem": "", "document": document, "rows": [[2, "{}"]]}
    answer = parse_answer(json.dumps(fields).encode())
    expected = Block(0, 4, page=1, later_pages=(PageStart(2, 2),))
    assert answer.document == Document("Text", (expected,), "a.html")
    assert (answer.notes, answer.problem, answer.rows) == (["note"], "", [(2, "{}")])
    for hostile in (
        b"\x80\x04cos\nsystem\n",
        json.dumps({**fields, "document": {**document, "blocks": [{"start": "0"}]}}).encode(),
        json.dumps({**fields, "rows": [["2", 3]]}).encode(),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            parse_answer(hostile)


def end_or_square(number: int) -> int | str:
    """Return the square of a number, or, for some, end the process."""
    if number % 5 == 3:
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


@pytest.mark.parametrize("jobs", [2, 3])
def test_tasks_that_kill_their_process_are_told_apart_from_those_beside_them(jobs: int) -> None:
    def lost(number: int) -> int | str:
        return f"lost {number}"

    wanted = [f"lost {number}" if number % 5 == 3 else number * number for number in range(12)]
    assert list(map_in_order(end_or_square, range(12), jobs, lost)) == wanted
    with pytest.raises(TipclassifyError, match="a worker process died"):
        list(map_in_order(end_or_square, range(12), jobs))
