"""Full disks and killed processes: no half file stays, no model is gone, no scrap piles up."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import Cli

from tipclassify import ModelError
from tipclassify.cli.review import redirect_page
from tipclassify.model.folder import METADATA, read_file
from tipclassify.records import key
from tipclassify.store import Store
from tipclassify.store.export import export
from tipclassify.store.state import Place, Shown

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits and locks of POSIX")

FAST = Path(__file__).resolve().parents[2] / "models" / "fast"
SAMPLE = Path(__file__).resolve().parents[2] / "data" / "samples" / "karvonia-2024.html"


def limited(kilobytes: int, code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python where no file may grow beyond a size, as on a full disk."""
    limit = (
        "from resource import RLIM_INFINITY, RLIMIT_FSIZE, setrlimit\n"
        f"setrlimit(RLIMIT_FSIZE, ({kilobytes * 1000}, RLIM_INFINITY))\n"
    )
    line = [sys.executable, "-c", limit + code, *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("kilobytes", [1, 5])
@pytest.mark.parametrize("format", ["xlsx", "docx", "html", "csv", "parquet", "bundle"])
def test_a_full_disk_is_one_line_and_leaves_nothing(
    cli: Cli, tmp_path: Path, format: str, kilobytes: int
) -> None:
    out = tmp_path / f"out.{'zip' if format == 'bundle' else format}"
    asked = ("bundle", "--with-sources", SAMPLE) if format == "bundle" else ("score", SAMPLE)
    done = cli(*asked, "-o", out, "--model", "fast", most_bytes=1_000 * kilobytes)
    errors = done.stderr.decode()
    assert done.returncode == 1, errors
    assert errors.count("\n") == 1, errors
    assert "free some space" in errors
    assert "Exception ignored" not in errors
    assert list(tmp_path.iterdir()) == []


# -------------------------------------------------------------------------- the review page's files


def decide(store: Store, number: int, text: str) -> None:
    """Add a decision to a store."""
    shown = Shown(Place("ab" * 32, number, number + 5), key(text), {"text": text})
    store.decide(shown, "label", "ana", labels=["failure"])


DECIDE = """
import sys; from pathlib import Path
from tipclassify.errors import OutputError
from tipclassify.records import key
from tipclassify.store import Store
from tipclassify.store.export import export
from tipclassify.store.state import Place, Shown
store = Store(Path(sys.argv[1]))
saved = 0
try:
    for number in range(1_000):
        text = f"Courts convicted {number}. " * 20
        shown = Shown(Place("cd" * 32, number, number + 5), key(text), {"text": text})
        store.decide(shown, "label", "ana", labels=["failure"])
        saved += 1
except OutputError as error:
    print(error)
print(saved, store.last)
"""


def test_a_decision_that_does_not_fit_is_not_called_saved(tmp_path: Path) -> None:
    path = tmp_path / "my.sqlite"
    store = Store(path)
    decide(store, 1, "Police arrested nine.")
    done = limited(150, DECIDE, path)
    error, counts = done.stdout.splitlines()
    assert "my.sqlite: not saved (the disk is full" in error
    assert "free some space" in error
    saved, last = map(int, counts.split())
    assert last == saved + 1  # the page goes on with what is saved
    assert saved > 10
    again = Store(path)
    assert again.last == last
    decide(again, 2, "Courts slept.")  # once there is space
    assert sorted(file.name for file in tmp_path.iterdir()) == ["my.sqlite"]


EXPORT = """
import sys; from pathlib import Path
from tipclassify.errors import OutputError
from tipclassify.store import Store
from tipclassify.store.export import export
try:
    export(Store(Path(sys.argv[1])), Path(sys.argv[1]).with_suffix(".jsonl"))
except OutputError as error:
    print(error)
"""


def test_a_corpus_file_that_does_not_fit_leaves_no_half_of_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "my.sqlite")
    corpus = tmp_path / "my.jsonl"
    decide(store, 1, "Police arrested nine.")
    export(store, corpus)
    before = corpus.read_bytes()
    for number in range(2, 12):
        decide(store, number, f"Courts convicted {number}. " * 20)
    done = limited(2, EXPORT, tmp_path / "my.sqlite")
    assert (
        "my.jsonl: not up to date (file too large); the decisions are safe in my.sqlite; "
        "free some space"
    ) in done.stdout
    assert corpus.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["my.jsonl", "my.sqlite"]
    export(store, corpus)  # once there is space
    assert corpus.read_bytes().count(b"\n") == 11


def test_pages_of_killed_sessions_are_removed_and_those_of_others_stay(tmp_path: Path) -> None:
    left = tmp_path / ".tipclassify-review-dead.html"
    left.write_text("of a killed session", "utf-8")
    os.utime(left, (0, 0))
    other = tmp_path / ".tipclassify-review-notes.txt"
    other.write_text("mine", "utf-8")
    with redirect_page("http://127.0.0.1:1/?token=a", tmp_path) as first:
        assert not left.exists()
        with redirect_page("http://127.0.0.1:2/?token=b", tmp_path) as second:
            assert first.exists()
            assert second.exists()
    assert list(tmp_path.iterdir()) == [other]


# ------------------------------------------------------------------------------------------- models


KILLED = """
import sys; from pathlib import Path
from tipclassify.model.folder import METADATA, read_metadata, write_model
source, target = map(Path, sys.argv[1:3])
print(".", flush=True)
for number in range(10_000):
    files = {file.name: file.read_bytes() for file in source.iterdir() if file.name != METADATA}
    write_model(target, read_metadata(source), files)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="exchanged in one step where the system can")
def test_a_model_is_never_gone_however_its_replacement_is_killed(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    for file in FAST.iterdir():  # the head alone says which model it is
        (tmp_path / "source" / file.name).write_bytes(file.read_bytes()[:200_000])
    target = tmp_path / "mine"
    shutil.copytree(tmp_path / "source", target)
    for number in range(8):
        line = [sys.executable, "-c", KILLED, str(tmp_path / "source"), str(target)]
        with subprocess.Popen(line, stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.read(1)
            deadline = time.monotonic() + 0.2 + 0.04 * number
            while time.monotonic() < deadline:
                assert (target / METADATA).is_file()
            process.send_signal(signal.SIGKILL)
        assert (target / METADATA).is_file()
    with pytest.raises(ModelError):  # it was cut off above, and is whole all the same
        read_file(target / "none", 1)
