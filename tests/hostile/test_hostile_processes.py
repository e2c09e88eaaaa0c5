"""Processes that are ended while they work: no child outlives its parent.

What was half written goes.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def family(process: int) -> set[int]:
    """Return the numbers of a process and all its descendants."""
    members = {process}
    while True:
        folders = list(Path("/proc").glob("[0-9]*"))
        children = {int(folder.name) for folder in folders if parent(folder) in members}
        if children <= members:
            return members
        members |= children


def parent(path: Path) -> int:
    """Return the number of the parent of a process, or 0 where the process has ended."""
    try:
        return int(path.joinpath("stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def alive(process: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def started(folder: Path, *args: str) -> tuple[subprocess.Popen[bytes], set[int]]:
    """Start a run with two worker processes over many reports; return once it wrote the first."""
    (folder / "in").mkdir(exist_ok=True)
    for number in range(60):
        (folder / "in" / f"{number}.txt").write_text(
            "Police arrested nine recruiters in Karvonia.\n\n" * 2_000, "utf-8"
        )
    command = ["score", str(folder / "in"), "--jobs", "2", "--model", "fast", "-f", "jsonl", *args]
    command += ["--output-dir", str(folder / "out")]
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen([sys.executable, "-m", "tipclassify", *command], stderr=errors)
    deadline = time.monotonic() + 60
    while not list(folder.glob("out/*.txt.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.02)
    return process, family(process.pid)


@pytest.mark.parametrize("how", ["SIGTERM", "SIGHUP", "SIGKILL"])
def test_children_end_with_their_parent(tmp_path: Path, how: str) -> None:
    process, everyone = started(tmp_path)
    assert len(everyone) > 2
    process.send_signal(getattr(signal, how))
    code = process.wait(5)
    assert code == (-signal.SIGKILL if how == "SIGKILL" else 128 + getattr(signal, how))
    deadline = time.monotonic() + 2
    while any(map(alive, everyone)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [number for number in everyone if alive(number)] == []
    assert b"Warning" not in (tmp_path / "errors").read_bytes()
    if how != "SIGKILL":
        assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.parametrize("wait", [0.1, 0.4, 0.8])
def test_a_second_interrupt_does_not_hang(tmp_path: Path, wait: float) -> None:
    process, _ = started(tmp_path) if wait == 0.8 else (early(tmp_path), None)
    time.sleep(wait)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    assert process.wait(5) in (130, -signal.SIGINT)


INTERRUPTED = """
import signal, sys
from tipclassify.cli import app, output
def work(**_):
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        if sys.argv[1] == "cleanup":
            signal.raise_signal(signal.SIGINT)
class Stream:
    def flush(self):
        signal.raise_signal(signal.SIGINT)
    def __getattr__(self, name):
        return getattr(sys.__stdout__, name)
app.app = work
if sys.argv[1] == "end":
    sys.stdout = Stream()
app.main()
"""


@pytest.mark.parametrize("where", ["cleanup", "end"])
def test_a_second_interrupt_ends_with_130_wherever_it_lands(where: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, where], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (130, b"")


def early(folder: Path) -> subprocess.Popen[bytes]:
    """Start a run, and return it at its first line.

    Python itself ends with 1 when interrupted before that, in its own imports.
    """
    (folder / "a.txt").write_text("Police arrested nine recruiters.\n\n" * 20_000, "utf-8")
    command = ["score", str(folder / "a.txt"), "--jobs", "2", "--model", "fast"]
    command += ["-o", str(folder / "a.csv")]
    script = "import os; os.write(1, b'.'); from tipclassify.__main__ import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", script, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout
    with process.stdout as first:
        assert first.read(1) == b"."
    return process
