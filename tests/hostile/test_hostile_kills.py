"""Commands that are killed at each step at which they change a file: it is whole, or absent."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from tipclassify import whole_files
from tipclassify.corpus import curate
from tipclassify.corpus import rows as corpus_rows
from tipclassify.corpus.rows import Row, read_rows
from tipclassify.model.find import load_scorer
from tipclassify.model.folder import check_metadata, kind_of_model, read_metadata, write_model
from tipclassify.training import default, heads
from tipclassify.whole_files import open_whole_file

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a copy of this process"),
]

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "tests" / "files" / "tiny_encoder"
CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate")
WRITES = os.O_WRONLY | os.O_RDWR


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do some work in a copy of this process, killed just before it changes a file a `step` time.

    Returns whether it was: False when the work has fewer steps.
    """
    child = os.fork()
    if child == 0:
        left = step

        def watch(event: str, details: tuple[object, ...]) -> None:
            nonlocal left
            flags = details[2] if event == "open" and isinstance(details[2], int) else 0
            if event in CHANGES or flags & WRITES:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)
        os.dup2(null, 2)
        sys.addaudithook(watch)
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def command(*arguments: object) -> Callable[[], object]:
    """Return a function that runs a command in this process."""
    from tipclassify.cli.app import app

    return lambda: app(list(map(str, arguments)), standalone_mode=False)


def written(file: Path, texts: list[str]) -> Path:
    """Write a corpus of these texts, and return its path."""
    rows = [
        {"id": f"{file.stem}-{n}", "text": text, "labels": [], "doc": f"{file.stem}-{n}"}
        for n, text in enumerate(texts)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def remove_old_scrap(folder: Path) -> list[str]:
    """Make what is hidden in a folder two hours old; return the names."""
    names = [path.name for path in folder.iterdir() if path.name.startswith(".")]
    long_ago = time.time() - 7_200
    for name in names:
        os.utime(folder / name, (long_ago, long_ago))
    return names


def test_rows_are_added_to_a_corpus_or_not_at_all(tmp_path: Path) -> None:
    new = written(tmp_path / "new.jsonl", ["Courts slept.", "Police acted on it."])
    corpus = written(tmp_path / "corpus.jsonl", ["A shelter opened."])
    before = corpus.read_bytes()
    work = command("corpus", "add", new, "--to", corpus)
    work()  # its copies have the imports then
    after = corpus.read_bytes()
    assert len(read_rows(corpus)) == 3
    states = set()
    step = 1
    corpus.write_bytes(before)
    while killed_at(step, work):
        states.add(corpus.read_bytes())
        corpus.write_bytes(before)
        remove_old_scrap(tmp_path)
        step += 1
    assert step > 2
    assert states <= {before, after}
    assert corpus.read_bytes() == after
    assert {path.name for path in tmp_path.iterdir()} == {"new.jsonl", "corpus.jsonl"}


def test_two_additions_to_one_corpus_lose_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = written(tmp_path / "corpus.jsonl", ["A shelter opened."])
    first = written(tmp_path / "first.jsonl", ["Courts slept."])
    second = written(tmp_path / "second.jsonl", ["Police acted on it."])
    add_second = threading.Thread(target=command("corpus", "add", second, "--to", corpus))
    has_read = threading.Event()
    real_add_rows = curate.add_rows

    def add_while_another_does(there: list[Row], new: list[Row]) -> object:
        if threading.current_thread() is add_second:
            has_read.set()
        else:  # the first has read the corpus, and not written it yet
            add_second.start()
            has_read.wait(2)
        return real_add_rows(there, new)

    monkeypatch.setattr(curate, "add_rows", add_while_another_does)
    command("corpus", "add", first, "--to", corpus)()
    add_second.join()
    texts = {row["text"] for row in read_rows(corpus)}
    assert texts == {"A shelter opened.", "Courts slept.", "Police acted on it."}


def check_head(folder: Path) -> None:
    """Raise for a model whose head is not whole."""
    head = read_metadata(folder)
    check_metadata(folder, head, kind_of_model(head), head["format"])


def test_a_model_that_is_written_is_whole_or_absent_and_the_next_run_ends_it(
    tmp_path: Path,
) -> None:
    target = tmp_path / "odd"
    head = read_metadata(TINY)
    files = {name: (TINY / name).read_bytes() for name in head["files"]}
    step = 1
    while killed_at(step, lambda: write_model(target, head, files)):
        if target.exists():
            check_head(target)
        remove_old_scrap(tmp_path)
        step += 1
    assert step > 5
    assert {path.name for path in target.iterdir()} == {"model.json", *files}
    assert [path.name for path in tmp_path.iterdir()] == ["odd"]


def test_a_trained_model_replaces_the_last_one_or_leaves_it(tmp_path: Path) -> None:
    target = tmp_path / "mine"
    shutil.copytree(TINY, target)
    head = read_metadata(target)
    files = {name: (TINY / name).read_bytes() for name in head["files"]}
    step = 1
    while killed_at(step, lambda: write_model(target, {**head, "stand_in": "Arcadia"}, files)):
        check_head(target)
        assert all((target / name).read_bytes() == data for name, data in files.items())
        remove_old_scrap(tmp_path)
        step += 1
    assert step > 5
    assert read_metadata(target)["stand_in"] == "Arcadia"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.fixture
def tiny_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Rows of a training that takes a moment: its default is tiny, and no other corpus is here."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def load_tiny(_: object = None) -> object:
        return load_scorer(TINY)

    monkeypatch.setattr(default, "load_encoder", load_tiny)
    monkeypatch.setattr(heads, "load_encoder", load_tiny)
    monkeypatch.setattr(corpus_rows, "shipped_corpus", lambda: None)
    kinds = {
        "Police arrested {} traffickers.": ["positive_effort"],
        "The ministry failed to open {} shelters.": ["failure"],
        "Border guards took bribes from {} recruiters.": ["complicity"],
        "Traffickers exploit {} women in bars.": [],
    }
    rows = [
        {"id": f"{text[:6]}{n}", "text": text.format(n), "labels": labels, "doc": f"d{n}-{text}"}
        for n in range(2, 12)
        for text, labels in kinds.items()
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def by_train_script(
    rows: Path, target: Path, model: Literal["default", "fast"]
) -> Callable[[], object]:
    """Train as ``python train.py`` does."""
    script = runpy.run_path(str(ROOT / "train.py"))["train"]
    return lambda: script(data=[rows], out=target, model=model, corpus=False, jobs=1)


def by_command(rows: Path, target: Path, model: Literal["default", "fast"]) -> Callable[[], object]:
    """Train as ``tipclassify train`` does."""
    return command("train", "--data", rows, "--output", target, "--model", model, "--jobs", 1)


@pytest.mark.parametrize(
    ("train", "model"),
    [(by_train_script, "default"), (by_command, "default"), (by_command, "fast")],
)
@pytest.mark.slow
def test_a_killed_training_leaves_the_old_model_or_the_new_one(
    tmp_path: Path,
    tiny_training: Path,
    train: Callable[..., Callable[[], object]],
    model: str,
) -> None:
    place = tmp_path / "models"
    place.mkdir()
    target = place / "mine"
    work = train(tiny_training, target, model)
    work()
    new = read_metadata(target)["sha256"]
    shutil.rmtree(target)
    shutil.copytree(TINY, target)
    old = read_metadata(target)["sha256"]
    left = set()
    step = 1
    while killed_at(step, work):
        remove_old_scrap(place)
        load_scorer(target)  # which checks every hash
        left.add(read_metadata(target)["sha256"])
        if read_metadata(target)["sha256"] == new:
            shutil.rmtree(target)
            shutil.copytree(TINY, target)
        step += 1
    assert step > 12  # a folder, its files, and what takes their place
    assert left == {old, new}
    assert read_metadata(target)["sha256"] == new
    assert [path.name for path in place.iterdir()] == ["mine"]


def test_the_next_run_removes_what_killed_processes_left_and_nothing_else(tmp_path: Path) -> None:
    others = {".a.csv-notes", ".b.csv-01234567", "a.csv-01234567"}
    for name in (".a.csv-01234567", *others):
        (tmp_path / name).write_text("half", "utf-8")
    shutil.copytree(TINY, tmp_path / ".mine-01234567")
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    (tmp_path / ".mine-89abcdef").mkdir()  # within the hour
    (tmp_path / ".a.csv-ffffffff").symlink_to(tmp_path / ".a.csv-notes")
    with open_whole_file(tmp_path / "a.csv") as slow:
        remove_old_scrap(tmp_path)  # what is at work has not changed for two hours, either
        os.utime(tmp_path / ".mine-89abcdef")
        with open_whole_file(tmp_path / "a.csv") as out:
            out.write("x")
        slow.write("slow")
    assert (tmp_path / "a.csv").read_text("utf-8") == "slow"
    write_model(tmp_path / "mine", {"format": 1}, {})
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"a.csv", "mine", ".a.csv-ffffffff", ".mine-89abcdef", *others}


def test_a_file_that_a_killed_run_left_goes_at_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_files, "_LOCKED_AFTER", 0)

    def write() -> None:
        with open_whole_file(tmp_path / "a.csv") as out:
            out.write("x" * 1_000_000)

    left = 0
    step = 1
    while killed_at(step, write):
        left += any(path.name.startswith(".") for path in tmp_path.iterdir())
        write()
        assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
        (tmp_path / "a.csv").unlink()
        step += 1
    assert left
