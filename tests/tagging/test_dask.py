"""Scoring on a cluster: the rows of one machine, none lost or doubled.

That holds after failures of workers, inputs and runs.
"""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from conftest import ROOT, Cli
from deadly import Deadly

pytest.importorskip("distributed")

import dask
import fsspec
from distributed import Client, LocalCluster
from pyarrow import parquet

from tipclassify import InputError, ModelError
from tipclassify.dask import cluster, score_on_cluster
from tipclassify.dask.cluster import connect
from tipclassify.dask.sources import find_sources
from tipclassify.errors import MissingExtraError
from tipclassify.tagging import Tagging

pytestmark = pytest.mark.slow  # a cluster starts

# what is tested is who scores what; the larger model would travel for each run
FAST = Tagging("fast")
score = partial(score_on_cluster, tagging=FAST)
SAMPLES = ROOT / "data" / "samples"
REAL_INPUTS = [str(SAMPLES), str(ROOT / "tests" / "files")]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A cluster of two workers in this process."""
    workers = LocalCluster(
        n_workers=2, threads_per_worker=2, processes=False, dashboard_address="127.0.0.1:0"
    )
    with workers, Client(workers, set_as_default=False) as client:
        yield client


@pytest.fixture(autouse=True)
def _no_endless_wait() -> Iterator[None]:
    """Time out a test whose cluster hangs.

    On a busy machine Dask may give up workers that were killed.
    """

    def end(*_: object) -> None:
        raise TimeoutError("the cluster never answered")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(240)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """A folder of twelve reports."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(12):
        text = (
            f"PROSECUTION\n\nPolice arrested {number + 2} traffickers in {2010 + number}.\n\n"
            f"Courts convicted none."
        )
        (folder / f"karvonia-{number}.txt").write_text(text, "utf-8")
    return folder


def rows_of(path: Path) -> list[tuple[str, ...]]:
    """Return the rows of a file or folder of Parquet, sorted, with their values as text."""
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    rows: list[tuple[str, ...]] = []
    for file in files:
        table = parquet.read_table(file)
        rows += [tuple(map(str, row.values())) for row in table.to_pylist()]
    return sorted(rows)


def passage_rows(out: Path) -> list[tuple[str, ...]]:
    """Return the rows of the passages in an output folder."""
    return rows_of(out / "passages")


def passage_texts(out: Path) -> list[str]:
    """Return the text of each passage in an output folder."""
    return [row[8] for row in passage_rows(out)]


def write_times(folder: Path) -> dict[Path, int]:
    """Return when each file in a folder was written, in nanoseconds."""
    return {path: path.stat().st_mtime_ns for path in folder.iterdir()}


# ------------------------------------------------------------------------------------ the same rows


@pytest.mark.filterwarnings("ignore:.*left out:UserWarning")
def test_rows_and_failures_are_those_of_one_machine(
    client: Client, cli: Cli, tmp_path: Path
) -> None:
    inputs = [*REAL_INPUTS, tmp_path / "gone.txt"]
    single = cli("score", "--model", "fast", *inputs, "-o", tmp_path / "one.parquet")
    assert single.returncode == 1
    seen: list[tuple[int, int]] = []
    out = tmp_path / "out"
    done = score(inputs, out, cluster=client, progress=lambda *counts: seen.append(counts))
    assert passage_rows(out) == rows_of(tmp_path / "one.parquet")
    reported = [
        line.removeprefix("tipclassify: ")
        for line in single.stderr.decode().splitlines()
        if "warning: " not in line and ": wrote " not in line
    ]
    assert [error for _, error in done.failures] == reported[:-1]
    assert rows_of(out / "errors") == sorted(done.failures)
    assert len(passage_rows(out)) > 300
    assert done.inputs[-1] == str(inputs[-1])
    assert seen[-1] == (len(done.inputs), len(done.inputs))
    schema = parquet.read_schema(next((out / "passages").iterdir()))
    single_schema = parquet.read_schema(tmp_path / "one.parquet")
    assert schema.metadata == single_schema.metadata
    assert schema.equals(single_schema)


def test_addresses_of_fsspec_are_read_and_written(client: Client, tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/in/a.txt", b"Police arrested nine traffickers.")
    memory.pipe("/in/deep/b.jsonl", b'{"text": "Courts slept."}')
    memory.pipe("/in/.hidden.txt", b"Police slept.")
    memory.pipe("/in/picture.png", b"\x89PNG")
    done = score("memory://in", "memory://out", cluster=client)
    assert done.inputs == ("memory://in/a.txt", "memory://in/deep/b.jsonl")
    matching = score("memory://in/*.txt", tmp_path / "out", cluster=client)
    assert matching.inputs == ("memory://in/a.txt",)
    gone = score(["memory://in/a.txt", "memory://in/gone.txt"], tmp_path / "some", cluster=client)
    assert [name for name, _ in gone.failures] == ["memory://in/gone.txt"]
    memory.pipe("/in/a.txt", b"Police arrested ten traffickers.")
    assert score("memory://in", "memory://out", cluster=client).made == 1
    texts: set[str] = set()
    for file in memory.find("/out/passages"):
        table = parquet.read_table(io.BytesIO(memory.cat(file)))
        texts.update(table.column("text").to_pylist())
    assert texts == {"Police arrested ten traffickers.", "Courts slept."}


# ---------------------------------------------------------------------------------- what goes wrong


def test_a_report_that_kills_its_readers_is_reported_and_nothing_else_is_lost_or_doubled(
    client: Client, reports: Path, tmp_path: Path
) -> None:
    score(reports, tmp_path / "calm", cluster=client)
    fsspec.register_implementation("deadly", Deadly, clobber=True)
    (reports / "karvonia-poison.txt").write_text("Police slept.", "utf-8")
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        connect(1, 1) as mortal,
    ):
        done = score(f"deadly://{reports}", tmp_path / "out", cluster=mortal)
    ((name, error),) = done.failures
    assert name.endswith("/karvonia-poison.txt")
    assert "was killed" in error
    assert passage_rows(tmp_path / "out") == passage_rows(tmp_path / "calm")


def test_what_is_done_is_not_made_again_and_what_changed_or_failed_is(
    client: Client, reports: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = score(reports, out, cluster=client)
    assert first.made == 12
    rows = passage_rows(out)
    written = write_times(out / "passages")
    no_client = cast(Client, object())  # that fails when it is asked to do anything
    again = score(reports, out, cluster=no_client)
    assert again.made == 0
    assert write_times(out / "passages") == written

    (reports / "karvonia-3.txt").write_text("Police arrested two traffickers.", "utf-8")
    (reports / "karvonia-4.txt").unlink()
    (reports / "blank.txt").write_text("  ", "utf-8")
    half = out / "passages" / f".{'0' * 32}"
    half.write_bytes(b"of a worker that was killed")
    (out / "passages" / ".DS_Store").write_bytes(b"of another program")
    changed = score(reports, out, cluster=client)
    assert (changed.made, changed.removed, len(changed.failures)) == (2, 2, 1)
    of_changed = [row[8] for row in passage_rows(out) if row[0].endswith("-3.txt")]
    assert of_changed == ["Police arrested two traffickers."]
    assert len(passage_rows(out)) == len(rows) - 1 - 2
    assert not half.exists()
    assert (out / "passages" / ".DS_Store").exists()

    file = reports / "karvonia-5.txt"
    times = file.stat()
    before = [source.stamp for source in find_sources([f"file://{file}"], str(out))]
    file.write_bytes(file.read_bytes().replace(b"7", b"8"))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert before != [source.stamp for source in find_sources([f"file://{file}"], str(out))]
    assert file.stat().st_size == times.st_size
    whole = passage_rows(out)
    damaged = next(path for path in write_times(out / "passages") if "failed" not in path.name)
    damaged.write_bytes(damaged.read_bytes()[:-9])
    score(reports, out, cluster=client)
    differing = set(passage_rows(out)) ^ set(whole)
    assert {Path(row[0]).name for row in differing} == {"karvonia-5.txt"}
    assert any("arrested 8 traffickers" in row[8] for row in differing)

    failed = score(reports, out, cluster=client)
    assert (failed.made, failed.failures) == (1, changed.failures)
    (reports / "blank.txt").write_text("Courts slept.", "utf-8")
    mended = score(reports, out, cluster=client)
    assert (mended.made, mended.removed, mended.failures) == (1, 1, ())
    assert len(passage_rows(out)) == len(rows) - 2


def test_a_bad_line_is_an_error_and_the_others_are_scored(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(
        b'{"text": "Police acted."}\n{"txt": 1}\n{broken\n\xff\n{"text": "Courts slept."}\n'
    )
    done = score(file, tmp_path / "out", cluster=client)
    assert passage_texts(tmp_path / "out") == ["Courts slept.", "Police acted."]
    places = [error.partition(": ")[0] for _, error in done.failures]
    assert places == [f"{file}:2", f"{file}:3", f"{file}:4"]


def test_a_folder_of_other_results_is_refused(
    client: Client, reports: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    score(reports, out, cluster=client)
    other_tagging = Tagging("fast", policy="cite", unit="clause")
    message = "holds results of another policy and unit; choose another output folder"
    with pytest.raises(InputError, match=message):
        score(reports, out, cluster=client, tagging=other_tagging)
    with pytest.raises(InputError, match="holds the results of other inputs"):
        score(SAMPLES, out, cluster=client)
    (tmp_path / "mine" / "passages").mkdir(parents=True)
    (tmp_path / "mine" / "passages" / "my.parquet").write_bytes(b"")
    with pytest.raises(InputError, match="holds files of something else"):
        score(reports, tmp_path / "mine", cluster=client)
    (tmp_path / "in.txt").write_bytes(b"x")
    with pytest.raises(InputError, match=r"in\.txt: a file; choose another output folder"):
        score(reports, tmp_path / "in.txt", cluster=client)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("-", "workers cannot read standard input"),
        ("dropbox://x/y.txt", "dropboxdrivefs"),
        ("nonsense://x/y.txt", "Protocol not known: nonsense"),
        ("empty", "no report in this folder"),
        ("*.pdf", "matches no file"),
        ("memory://nowhere/*.pdf", "no report there"),
        ("@no.txt", "no such file"),
    ],
)
def test_a_name_that_stands_for_nothing_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, what: str
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=what) as reported:
        score(name, tmp_path / "out")
    assert "\n" not in str(reported.value)
    assert not (tmp_path / "out").exists()


def test_a_worker_of_another_version_ends_the_run_in_one_line(
    client: Client, reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = iter(["9.0"])
    here = Tagging.settings

    def newer(tagging: Tagging) -> dict[str, object]:
        settings = here(tagging)
        return {**settings, "version": next(versions, settings["version"])}

    monkeypatch.setattr(Tagging, "settings", newer)
    message = r"a worker has version .*, not 9\.0; install the same everywhere"
    with pytest.raises(ModelError, match=message):
        score(reports, tmp_path / "out", cluster=client)


# --------------------------------------------------------------------------------- the command line


def test_the_command_scores_by_processes_of_its_own_and_says_what_one_machine_says(
    cli: Cli, reports: Path, tmp_path: Path
) -> None:
    (reports / "blank.txt").write_bytes(b"")
    single = cli("score", "--model", "fast", reports, "-o", tmp_path / "one.parquet")
    engine = ("--engine", "dask", "--output-dir", tmp_path / "out")
    on_cluster = cli("score", "--model", "fast", *engine, reports)
    assert on_cluster.returncode == single.returncode == 1
    assert on_cluster.stdout == b""
    reported = [
        line
        for line in single.stderr.splitlines()
        if b": wrote " not in line and b"mostly on" not in line
    ]
    assert on_cluster.stderr.splitlines() == reported  # no word of Dask's
    assert reported[-1] == b"tipclassify: 1 of 13 inputs failed"
    assert passage_rows(tmp_path / "out") == rows_of(tmp_path / "one.parquet")


def test_processes_that_are_killed_at_their_start_are_one_line(
    reports: Path, tmp_path: Path
) -> None:
    with (
        dask.config.set({"distributed.worker.preload": ["import os; os._exit(9)"]}),
        pytest.raises(InputError, match="processes of Dask do not start") as reported,
    ):
        score(reports, tmp_path / "out", cluster=1)
    assert "\n" not in str(reported.value)


def test_a_scheduler_that_is_not_there_is_one_line(
    reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # it takes connections and says nothing
        deaf_address = f"tcp://127.0.0.1:{deaf.getsockname()[1]}"
        for address in ("tcp://127.0.0.1:9", deaf_address, "nonsense"):
            message = f"{address}: no Dask scheduler answers there; start one"
            with pytest.raises(InputError, match=message) as reported:
                score(reports, tmp_path / "out", cluster=address)
            assert "\n" not in str(reported.value)


@pytest.mark.parametrize(
    "options",
    [
        "--engine dask",
        "--engine spark --output-dir out",
        "--engine dask --output-dir out --format csv",
        "--engine dask --output-dir out --jobs 2",
        "--engine dask -o out.parquet",
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(
    options: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from tipclassify.cli.app import app

    with pytest.raises(SystemExit) as stopped:
        app(["score", str(SAMPLES / "excerpt.txt"), *options.split()])
    assert stopped.value.code == 2
    assert "Error" in capsys.readouterr().err


def test_without_the_extra_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tipclassify.cli.app import app

    monkeypatch.setitem(sys.modules, "distributed", None)
    message = r"^the Dask engine needs an extra: pip install 'tipclassify\[dask\]'$"
    with pytest.raises(MissingExtraError, match=message):
        app(["score", "--engine", "dask", str(SAMPLES), "--output-dir", str(tmp_path / "out")])


def test_dask_is_not_imported_until_it_is_asked_for() -> None:
    report = str(SAMPLES / "excerpt.txt")
    code = f"""
import sys
sys.argv = ["tipclassify", "score", "--model", "fast", {report!r}]
import tipclassify, tipclassify.dask, tipclassify.__main__ as command
try:
    command.main()
except SystemExit:
    pass
print([name for name in ("dask", "distributed", "fsspec", "pyarrow") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
