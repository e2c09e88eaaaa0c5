"""Scoring on a cluster: the rows of one machine, none lost or doubled.

That holds after failures of workers, inputs and runs.
"""

from __future__ import annotations

import io
import json
import math
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from conftest import ROOT, Cli
from deadly import TRIED, Deadly, blamed
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("distributed")

import dask
import dask.bag
import dask.dataframe
import fsspec
import pandas as pd
import pyarrow as pa
from distributed import Client, LocalCluster, Worker
from pyarrow import parquet

from tipclassify import InputError, ModelError
from tipclassify.dask import cluster, score_on_cluster
from tipclassify.dask.cluster import connect
from tipclassify.dask.parts import (
    Part,
    Source,
    group_reports,
)
from tipclassify.dask.work import Work, lines_of_range
from tipclassify.errors import MissingExtraError
from tipclassify.tagging import Tagging

pytestmark = pytest.mark.slow  # a cluster starts

JsonObject = dict[str, Any]  # of any depth, as `json.loads` gives it

# what is tested is who scores what; the larger model would travel for each run
FAST = Tagging("fast")
score = partial(score_on_cluster, tagging=FAST)
SAMPLES = ROOT / "data" / "samples"
TINY = ROOT / "tests" / "files" / "tiny_encoder"
REAL_INPUTS = [str(SAMPLES), str(ROOT / "tests" / "files")]
TEXTS = [
    f"{who} of Côte-Valdoria {did} {number} traffickers; „niemand“ — {number}"
    for number in range(40)
    for who, did in (
        ("Police", "arrested"),
        ("Courts", "did not convict"),
        ("Border guards", "took bribes from"),
    )
]


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


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """A file of rows, with blank lines among them and no line break at the end."""
    file = tmp_path / "rows.jsonl"
    rows = [{"text": text, "year": 2000 + number, "note": "é"} for number, text in enumerate(TEXTS)]
    written = [
        json.dumps(row, ensure_ascii=number % 2 == 0) + "\r\n" * (number % 3)
        for number, row in enumerate(rows)
    ]
    file.write_bytes("\n".join(written).encode())
    return file


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


# ------------------------------------------------------------------------------------------ cutting


def lines_of_ranges(data: bytes, step: int, longest: int) -> list[tuple[int, bytes]]:
    """Return the lines of all ranges of `step` bytes, each with where it starts."""
    lines: list[tuple[int, bytes]] = []
    for start in range(0, max(len(data), 1), step):
        end = min(start + step, len(data))
        lines += lines_of_range(io.BytesIO(data), start, end, longest)
    return lines


@given(
    st.lists(st.sampled_from(["", "a", "é—", "日本語の行", "\r", "x" * 9])),
    st.booleans(),
    st.integers(1, 12),
)
def test_every_line_is_in_one_range_whatever_the_cut(
    lines: list[str], closed: bool, step: int
) -> None:
    data = "\n".join(lines).encode()
    if closed:
        data += b"\n"
    read_lines = lines_of_ranges(data, step, 1000)
    assert [line for _, line in read_lines] == list(io.BytesIO(data))
    assert all(data[start : start + len(line)] == line for start, line in read_lines)


@given(st.lists(st.integers(0, 30)), st.integers(1, 10), st.integers(1, 8))
def test_a_line_beyond_all_measure_is_cut_off_and_the_next_ones_are_whole(
    sizes: list[int], step: int, longest: int
) -> None:
    data = b"".join(b"x" * size + b"\n" for size in sizes)
    read_lines = [line for _, line in lines_of_ranges(data, step, longest)]
    assert read_lines == [(b"x" * size + b"\n")[: longest + 1] for size in sizes]


@given(
    st.lists(st.integers(0, 10_000), unique=True, min_size=1),
    st.integers(0, 10_000),
    st.integers(1, 20),
)
def test_a_report_more_changes_the_part_it_is_in_and_few_others(
    numbers: list[int], new: int, average: int
) -> None:
    def parts(numbers: set[int]) -> list[Part]:
        sources = (Source(f"{number}.txt", None, "", 1, "s") for number in sorted(numbers))
        return list(group_reports(sources, average, 10**9))

    before = parts(set(numbers))
    after = parts({*numbers, new})
    names = [source.name for part in before for source in part.sources]
    assert names == [f"{number}.txt" for number in sorted(numbers)]
    longest = max(len(part.sources) for part in (*before, *after))
    if longest < 2 * average:  # no part was ended for being too long
        assert len(set(after) - set(before)) <= 2


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
    failures = sorted((name, error, str("gone" in name)) for name, error in done.failures)
    assert rows_of(out / "errors") == failures
    assert len(passage_rows(out)) == done.rows > 300
    assert done.inputs[-1] == str(inputs[-1])
    assert seen[-1] == (done.files, done.files)
    schema = parquet.read_schema(next((out / "passages").iterdir()))
    single_schema = parquet.read_schema(tmp_path / "one.parquet")
    assert schema.metadata == single_schema.metadata
    assert schema.equals(single_schema)


@pytest.mark.parametrize("model", [str(TINY), "fast"], ids=["encoder", "fast"])
def test_jsonl_cut_anywhere_gives_each_row_once(
    client: Client, cli: Cli, lines: Path, tmp_path: Path, model: str
) -> None:
    assert cli("score", lines, "--model", model, "-o", tmp_path / "one.parquet").returncode == 0
    done = score(
        lines,
        tmp_path / "out",
        cluster=client,
        part_bytes=777,
        tagging=Tagging(model),
    )
    assert passage_rows(tmp_path / "out") == rows_of(tmp_path / "one.parquet")
    assert done.files == math.ceil(lines.stat().st_size / 777)
    assert done.rows == len(TEXTS)


def test_parquet_bag_and_dataframe_give_the_rows_of_jsonl(
    client: Client, lines: Path, tmp_path: Path
) -> None:
    def without_file(folder: str) -> list[tuple[str, ...]]:
        return sorted(row[1:] for row in passage_rows(tmp_path / folder))

    score(lines, tmp_path / "jsonl", cluster=client)
    years = [2000 + number for number in range(len(TEXTS))]
    table = pa.table({"body": TEXTS, "year": years, "note": ["é" for _ in TEXTS]})
    parquet.write_table(table, tmp_path / "rows.parquet", row_group_size=7)
    done = score(
        tmp_path / "rows.parquet",
        tmp_path / "parquet",
        cluster=client,
        text="body",
        part_bytes=1500,
    )
    assert 5 < done.files < len(TEXTS) / 7
    assert without_file("parquet") == without_file("jsonl")

    rows = [{"text": text, "year": year} for text, year in zip(TEXTS, years, strict=True)]
    bag = dask.bag.from_sequence(rows, npartitions=3)
    done = score(bag, tmp_path / "bag", cluster=client)
    assert done.inputs == ("bag:0", "bag:1", "bag:2")
    assert done.made == 3
    assert without_file("bag") == without_file("jsonl")
    written = write_times(tmp_path / "bag" / "passages")
    assert score(bag, tmp_path / "bag", cluster=client).made == 0
    assert write_times(tmp_path / "bag" / "passages") == written

    table = pd.DataFrame({"body": TEXTS, "year": [float(year) for year in years]})
    frame = dask.dataframe.from_pandas(table, npartitions=2)
    score(frame, tmp_path / "frame", cluster=client, text="body")
    assert without_file("frame") == without_file("jsonl")
    message = 'no column "text"; say which holds the text, of body, year'
    with pytest.raises(InputError, match=message):
        score(frame, tmp_path / "other", cluster=client)


def test_addresses_of_fsspec_are_read_and_written(client: Client, tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/in/a.txt", b"Police arrested nine traffickers.")
    memory.pipe("/in/deep/b.jsonl", b'{"text": "Courts slept."}')
    memory.pipe("/in/.hidden.txt", b"Police slept.")
    memory.pipe("/in/picture.png", b"\x89PNG")
    memory.pipe("/list", b"# mine\nmemory://in\n")
    done = score("memory://in", "memory://out", cluster=client)
    assert done.inputs == ("memory://in/a.txt", "memory://in/deep/b.jsonl")
    listed = score("@memory://list", tmp_path / "listed", cluster=client)
    assert listed.inputs == done.inputs
    matching = score("memory://in/*.txt", tmp_path / "out", cluster=client)
    assert matching.inputs == ("memory://in/a.txt",)
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
        connect(workers=1) as mortal,
    ):
        done = score(f"deadly://{reports}", tmp_path / "out", cluster=mortal, part_reports=4)
    ((name, error),) = done.failures
    assert name == f"deadly://{reports}/karvonia-poison.txt"
    assert "killed" in error
    rows_without_file = sorted(row[1:] for row in passage_rows(tmp_path / "out"))
    assert rows_without_file == sorted(row[1:] for row in passage_rows(tmp_path / "calm"))


def test_partitions_blamed_for_a_lost_worker_are_tried_once_more_alone(
    client: Client, tmp_path: Path
) -> None:
    # Dask's two retries come before blame
    texts = ["Police acted.", "unlucky", "poison", "Courts slept."]
    bag = dask.bag.from_sequence(texts, npartitions=4).map(blamed)
    done = score(bag, tmp_path / "out", cluster=client)
    ((name, error),) = done.failures
    assert name == "bag:2"
    assert "was killed" in error
    expected = ["Courts slept.", "Police acted.", "unlucky"]
    assert sorted(passage_texts(tmp_path / "out")) == expected
    assert [TRIED[text] for text in texts] == [1, 4, 6, 1]


def test_what_is_done_is_not_made_again_and_what_changed_is(
    client: Client, reports: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (reports / "blank.txt").write_text("  ", "utf-8")
    first = score(reports, out, cluster=client, part_reports=2)
    assert first.made == first.files > 2
    assert len(first.failures) == 1
    written = write_times(out / "passages")
    no_client = cast(Client, object())  # that fails when it is asked to do anything
    again = score(reports, out, cluster=no_client, part_reports=2)
    assert again.made == 0
    assert again.rows == first.rows
    assert again.failures == first.failures
    assert write_times(out / "passages") == written

    (reports / "karvonia-3.txt").write_text("Police arrested two traffickers.", "utf-8")
    (reports / "karvonia-4.txt").unlink()
    changed = score(reports, out, cluster=client, part_reports=2)
    assert 1 <= changed.made <= 2 < changed.files
    rows = passage_rows(out)
    changed_texts = [row[8] for row in rows if row[0].endswith("-3.txt")]
    assert changed_texts == ["Police arrested two traffickers."]
    assert not [row for row in rows if row[0].endswith("-4.txt")]
    assert len(rows) == changed.rows == first.rows - 1 - 2


def test_a_part_made_again_is_the_same_file_and_leftovers_go(
    client: Client, reports: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    score(reports, out, cluster=client)
    before = passage_rows(out)
    next((out / "records").iterdir()).write_bytes(b'{"name": ')  # cut off
    (out / "passages" / "part-0.parquet").write_bytes(b"of an input that is gone")
    again = score(reports, out, cluster=client)
    assert again.made == 1
    assert again.removed == 1
    assert passage_rows(out) == before


def test_a_bad_line_is_an_error_and_the_others_are_scored(client: Client, tmp_path: Path) -> None:
    expected = ["Courts slept.", "Police acted."]
    file = tmp_path / "rows.jsonl"
    file.write_bytes(
        b'{"text": "Police acted."}\n{"txt": 1}\n{broken\n\xff\n{"text": "Courts slept."}\n'
    )
    done = score(file, tmp_path / "out", cluster=client)
    assert passage_texts(tmp_path / "out") == expected
    places = [error.partition(": ")[0] for _, error in done.failures]
    assert places == [f"{file}, byte 26", f"{file}, byte 37", f"{file}, byte 45"]

    rows = ["Police acted.", 7, {"text": None}, {"text": "Courts slept."}]
    bag = dask.bag.from_sequence(rows, npartitions=1)
    done = score(bag, tmp_path / "bag", cluster=client)
    assert passage_texts(tmp_path / "bag") == expected
    errors = [error for _, error in done.failures]
    assert errors == [f'bag:0, row {row}: no "text" that is text' for row in (1, 2)]

    broken = dask.bag.from_sequence([1, 0], npartitions=2).map(lambda number: "a" * (1 // number))
    done = score(broken, tmp_path / "broken", cluster=client)
    assert [name for name, _ in done.failures] == ["bag:1"]
    assert "ZeroDivisionError" in done.failures[0][1]
    assert done.rows == 1


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
        ("memory://nowhere/*.pdf", "matches no file"),
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


def test_the_model_leaves_the_workers_with_the_run(
    client: Client, reports: Path, tmp_path: Path
) -> None:
    done = score(reports, tmp_path / "out", cluster=client, part_reports=1)
    assert done.made == 12

    def count_models(dask_worker: Worker) -> int:
        return sum(isinstance(value, Work) for value in dask_worker.data.values())

    deadline = time.monotonic() + 5
    while any(client.run(count_models).values()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert list(client.run(count_models).values()) == [0, 0]


def test_a_worker_of_another_version_ends_the_run_in_one_line(
    client: Client, reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init = Work.__init__

    def newer(self: Work, *args: object) -> None:
        init(self, *args)
        self.settings["version"] = "9.0"

    monkeypatch.setattr(Work, "__init__", newer)
    message = r"a worker has tipclassify .*, not 9\.0; install the same everywhere"
    with pytest.raises(ModelError, match=message):
        score(reports, tmp_path / "out", cluster=client)


# --------------------------------------------------------------------------------- the command line


def test_the_command_scores_by_processes_of_its_own_and_says_what_one_machine_says(
    cli: Cli, reports: Path, tmp_path: Path
) -> None:
    (reports / "blank.txt").write_bytes(b"")
    listing = tmp_path / "list.txt"
    listing.write_text(f"# mine\n{reports}\n", "utf-8")
    single = cli("score", "--model", "fast", f"@{listing}", "-o", tmp_path / "one.parquet")
    engine = ("--engine", "dask", "--workers", 1, "--output-dir", tmp_path / "out")
    on_cluster = cli("score", "--model", "fast", *engine, f"@{listing}")
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
        "--workers 2 --output-dir out",
        "--scheduler tcp://127.0.0.1:9 --output-dir out",
        "--engine dask --output-dir out --format csv",
        "--engine dask --output-dir out --jobs 2",
        "--engine dask --output-dir out --scheduler tcp://127.0.0.1:9 --workers 2",
        "--engine spark --output-dir out",
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
