#!/usr/bin/env python3
"""Measure how time and memory of `fast` grow with the input.

    python benchmarks/scale.py [--rows N]

Rows are generated from the sentences of ``data/`` (`_measure.passages`). Out: a Markdown table on
standard output.

- By default the command line scores JSONL to JSONL with 10,000 rows, ten times as many, and so on
  to ``--rows``.
- ``--engine dask`` scores the same rows, and saved pages, by
  `tipclassify.dask.score` with 1, 2, … workers.
- ``--training`` trains on 1,000 to 100,000 sentences; beyond the corpus, two halves are joined,
  with the labels of both.
- ``--json FILE`` adds the figures to those in the file; ``--write`` writes the tables and plots of
  docs/contributing/scale.md from them, and, for both models, from the stages in the JSON of
  ``speed.py`` on large pages.

Times are medians of ``--runs``, fewer for millions of rows; memory is the peak of the process with
its children.
"""

from __future__ import annotations

import json as json_module
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Annotated, Final, Literal, TypedDict

import typer
from _measure import (
    ROOT,
    Environment,
    ProcessResult,
    cli,
    describe_environment,
    environment_line,
    exponent,
    invented,
    markdown,
    number,
    own_pages,
    passages,
    run,
    save,
    write_between,
)
from _plots import growth_plot
from _scenarios import cost_of, scenario_table

from tipclassify.model.find import SHIPPED

LEAST: Final = 10_000  # rows of the smallest file
MOST_IN_ALL: Final = 5_000_000  # rows of all runs of a size: ten million rows are scored once
STEADY: Final = 100_000  # baseline size for the rates of larger ones
FEW: Final = 10  # rows of a run that measures start-up
SIZES: Final = (1_000, 3_000, 10_000, 24_000, 50_000, 100_000)  # sentences trained on
# for millions of passages; the default has no stage that grows otherwise
MODEL: Final = ("--model", "fast")

DISTRIBUTED: Final = """
import sys
from tipclassify.tagging import Tagging
from tipclassify.dask import score
if __name__ == "__main__":
    fast = Tagging("fast")
    source, output, workers, batch_bytes = sys.argv[1:]
    done = score(
        source,
        output,
        cluster=int(workers),
        tagging=fast,
        part_bytes=int(batch_bytes),
    )
    assert not done.failures, done.failures
    print(done.rows)
"""
TRAIN: Final = """
import json, sys, time
import numpy as np
from threadpoolctl import threadpool_limits
from tipclassify.corpus.rows import group_rows
from tipclassify.labels import label_indicator
from tipclassify.training.examples import Examples
from tipclassify.training.fit_linear import fit_linear
rows = json.load(open(sys.argv[1], encoding="utf-8"))
y_true = np.array([label_indicator(row["labels"]) for row in rows], bool)
start = time.perf_counter()
with threadpool_limits(1):
    fit_linear(Examples.of([row["text"] for row in rows], y_true, group_rows(rows)))
print(time.perf_counter() - start)
"""

# A size with its measurements; each kind of run has some of the fields.
Point = TypedDict(
    "Point",
    {
        "rows": int,
        "sentences": int,
        "what": str,  # of Dask: "rows" or "pages"
        "amount": int,  # of these
        "workers": int,
        "passages": int,
        "seconds": float,  # median of the runs
        "fastest": float,
        "slowest": float,
        "runs": int,
        "start": float,  # seconds that a run of a few rows takes
        "rate": float,  # rows a second
        "read MB": float,
        "peak MB": float | None,
    },
    total=False,
)


class KindResults(Environment):
    """Results of one kind of run, and where they were measured."""

    points: list[Point]


Results = dict[str, KindResults]  # by kind: "stream", "dask", "training"


@dataclass(frozen=True)
class Work:
    """One kind of run, and how much of it."""

    kind: Literal["stream", "dask", "training"]
    runs: int  # of each time
    rows: int  # of the largest file
    workers: Sequence[int]  # numbers of Dask workers
    pages: Sequence[Path]  # for Dask; none stands for the project's own
    copies: int  # of each page
    sizes: Sequence[int]  # sentences trained on


class LabelledText(TypedDict):
    """A sentence to train on."""

    text: str
    labels: list[str]


# ---------------------------------------------------------------------------------------- measuring


def write_rows(file: Path, count: int) -> None:
    """Write `count` rows ``{"text": …}``, nearly all distinct."""
    with file.open("w", encoding="utf-8", newline="\n") as out:
        for text in islice(passages(count), count):
            out.write(json_module.dumps({"text": text}, ensure_ascii=False) + "\n")


def stream(counts: Sequence[int], runs: int, folder: Path) -> list[Point]:
    """Measure ``tipclassify score`` from JSONL to JSONL, smallest file first.

    Raises `RuntimeError` when a run does not keep the number of rows.
    """
    points: list[Point] = []
    source = folder / "rows.jsonl"
    output = folder / "out.jsonl"
    write_rows(source, FEW)
    start = statistics.median(
        cli("score", source, *MODEL, "-f", "jsonl", "-o", output).seconds
        for _ in range(max(3, runs))
    )
    for count in counts:
        print(f"{count:,} rows …", file=sys.stderr)
        write_rows(source, count)
        done = []
        for _ in range(max(1, min(runs, MOST_IN_ALL // count))):
            done.append(cli("score", source, *MODEL, "-f", "jsonl", "-o", output))
            with output.open("rb") as written:
                rows = sum(1 for _ in written)
            if rows != count:
                raise RuntimeError(f"{count} rows went in, {rows} came out")
        points.append(
            {
                "rows": count,
                **_measured(done),
                "read MB": source.stat().st_size / 1e6,
                "start": start,
            }
        )
    return points


def _measured(done: Sequence[ProcessResult]) -> Point:
    took = [result.seconds for result in done]
    peaks = [result.peak for result in done if result.peak is not None]
    return {
        "seconds": statistics.median(took),
        "fastest": min(took),
        "slowest": max(took),
        "runs": len(took),
        "peak MB": max(peaks) if peaks else None,
    }


def distribute(work: Work, folder: Path) -> list[Point]:
    """Measure Dask on rows and on copies of the pages, by number of workers."""
    workers = work.workers
    pages = work.pages or own_pages(folder)
    count = min(work.rows, MOST_IN_ALL)
    rows = folder / "rows.jsonl"
    write_rows(rows, count)
    page_folder = folder / "pages"
    page_folder.mkdir()
    for copy in range(work.copies):
        for page in pages:
            shutil.copyfile(page, page_folder / f"{copy:06}-{page.name}")
    script = folder / "distributed_score.py"
    script.write_text(DISTRIBUTED, "utf-8")
    # bytes of a part: at least four parts for each worker
    part = max(1, rows.stat().st_size // (4 * max(workers)))
    points: list[Point] = []
    inputs = (("rows", rows, count), ("pages", page_folder, work.copies * len(pages)))
    for what, source, amount in inputs:
        done: dict[int, list[ProcessResult]] = {n: [] for n in workers}
        for turn in range(work.runs):
            for n in workers:
                print(f"{amount:,} {what}, {n} workers …", file=sys.stderr)
                output = folder / f"{what}-{n}-{turn}"
                done[n].append(run(sys.executable, script, source, output, n, part))
        counts = {result.stdout.strip() for results in done.values() for result in results}
        if len(counts) != 1:
            listed = ", ".join(sorted(counts))
            raise RuntimeError(f"runs differ in the number of passages: {listed}")
        points += [
            {
                "what": what,
                "workers": n,
                "amount": amount,
                "passages": int(min(counts)),
                **_measured(results),
            }
            for n, results in done.items()
        ]
    return points


def train(sizes: Sequence[int], folder: Path) -> list[Point]:
    """Measure training with cross-validation, once for each size, in a process on one core."""
    points: list[Point] = []
    rows = folder / "corpus.json"
    for size in sizes:
        rows.write_text(json_module.dumps(labelled(size)), "utf-8")
        print(f"training on {size:,} sentences …", file=sys.stderr)
        done = run(sys.executable, "-c", TRAIN, rows)
        points.append({"sentences": size, "seconds": float(done.stdout), "peak MB": done.peak})
    return points


def labelled(size: int) -> list[LabelledText]:
    """Return `size` labelled sentences: the corpus, then joined halves with the labels of both."""
    from tipclassify.corpus.rows import read_rows

    draw = random.Random(0)
    rows: list[LabelledText] = [
        {"text": row["text"], "labels": list(row["labels"])} for row in read_rows(*invented())
    ]
    draw.shuffle(rows)
    chosen = rows[:size]
    while len(chosen) < size:
        first = draw.choice(rows)
        second = draw.choice(rows)
        first_words = first["text"].split()
        second_words = second["text"].split()
        words = first_words[: len(first_words) // 2] + second_words[len(second_words) // 2 :]
        labels = sorted({*first["labels"], *second["labels"]})
        chosen.append({"text": " ".join(words), "labels": labels})
    return chosen


def measure_work(work: Work) -> list[Point]:
    """Measure one kind of run, in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if work.kind == "training":
            return train(work.sizes, folder)
        if work.kind == "dask":
            return distribute(work, folder)
        return stream(row_counts(work.rows), work.runs, folder)


# ------------------------------------------------------------------------------------------- tables


def tables(results: Results) -> dict[str, str]:
    """Format each kind of figures as Markdown, by its marker in docs/contributing/scale.md."""
    texts = {}
    for marker, to_table in (
        ("stream", stream_table),
        ("dask", dask_table),
        ("training", training_table),
    ):
        if marker in results and results[marker]["points"]:
            table = to_table(results[marker]["points"])
            texts[marker] = f"{table}\n\n{environment_line(results[marker])}"
    return texts


def stream_table(points: Sequence[Point]) -> str:
    """Format a row for each size; below, the growth of time and memory."""
    cells = [
        [
            f"{p['rows']:,}",
            *(number(p[key]) for key in ("seconds", "fastest", "slowest")),
            str(p["runs"]),
            number(p["rows"] / p["seconds"]),
            number(_own_rate(p)),
            number(p["read MB"] / p["seconds"]),
            number(p["peak MB"]),
        ]
        for p in points
    ]
    columns = (
        "rows",
        "seconds",
        "min",
        "max",
        "runs",
        "passages/s",
        "less start-up",
        "MB/s read",
        "peak memory, MB",
    )
    return f"{markdown(columns, cells)}{growth(points, 'rows')}{steadiness(points)}"


def _own_rate(point: Point) -> float:
    """Compute rows a second without the start-up of the process."""
    return float(point["rows"] / (point["seconds"] - point["start"]))


def steadiness(points: Sequence[Point]) -> str:
    """Compare the rate of the largest size with that of 100,000 rows, with start-up and without."""
    if len(points) < 2:
        return ""
    last = points[-1]
    base = next((p for p in points if p["rows"] >= STEADY), points[0])
    whole = last["rows"] / last["seconds"] / (base["rows"] / base["seconds"])
    return (
        f" Start-up is {number(last['start'])} s; without it {last['rows']:,} rows run at "
        f"{_own_rate(last) / _own_rate(base):.2f} times the rate of {base['rows']:,} "
        f"({whole:.2f} with it)."
    )


def growth(points: Sequence[Point], size: Literal["rows", "sentences"]) -> str:
    """Format the growth exponents of time and memory, and how the rate changes with size."""
    if len(points) < 2:
        return ""
    sizes = [p[size] for p in points]
    rates = [p[size] / p["seconds"] for p in points]
    power = exponent(sizes, [p["seconds"] for p in points])
    text = f"\n\nTime grows as {size} to the power of {power:.2f}"
    peaks = [p["peak MB"] for p in points if p["peak MB"]]
    if len(peaks) == len(points):
        text += f", memory to the power of {exponent(sizes, peaks):.2f}"
    return (
        f"{text}; the largest runs at {rates[-1] / rates[0]:.2f} times the rate of the smallest "
        "(start-up is in it)."
    )


def dask_table(points: Sequence[Point]) -> str:
    """Format a row for each number of workers; the speed-up is against the first number."""
    cells = []
    for p in points:
        # the first number of workers asked for
        alone = next(q for q in points if q["what"] == p["what"])
        cells.append(
            [
                f"{p['amount']:,} {p['what']}",
                str(p["workers"]),
                *(number(p[key]) for key in ("seconds", "fastest", "slowest")),
                str(p["runs"]),
                number(p["amount"] / p["seconds"]) if p["what"] == "pages" else "",
                number(p["passages"] / p["seconds"]),
                number(p["peak MB"]),
                f"{alone['seconds'] / p['seconds']:.2f}",
            ]
        )
    columns = (
        "work",
        "workers",
        "seconds",
        "min",
        "max",
        "runs",
        "pages/s",
        "passages/s",
        "peak memory, MB",
        "speed-up",
    )
    return markdown(columns, cells)


def training_table(points: Sequence[Point]) -> str:
    """Format a row for each size; below, the growth of time and memory."""
    cells = [
        [
            f"{p['sentences']:,}",
            *(number(x) for x in (p["seconds"], 1e3 * p["seconds"] / p["sentences"], p["peak MB"])),
        ]
        for p in points
    ]
    columns = ("sentences", "seconds", "ms a sentence", "peak memory, MB")
    return f"{markdown(columns, cells)}{growth(points, 'sentences')}"


def plots(results: Results, folder: Path) -> None:
    """Plot throughput, training time and memory against size, as far as they were measured."""
    scored = results["stream"]["points"] if "stream" in results else []
    trained = results["training"]["points"] if "training" in results else []
    for p in scored:
        p["rate"] = p["rows"] / p["seconds"]
    for file, points, size, key, label in (
        ("scale-throughput", scored, "rows", "rate", "passages a second, start-up in it"),
        ("scale-memory", scored, "rows", "peak MB", "peak memory (MB)"),
        ("training-time", trained, "sentences", "seconds", "seconds"),
        ("training-memory", trained, "sentences", "peak MB", "peak memory (MB)"),
    ):
        if points and all(p[key] for p in points):
            sizes = [p[size] for p in points]
            values = [p[key] for p in points]
            growth_plot(folder / f"{file}.svg", sizes, values, size, label)


# ------------------------------------------------------------------------------------- command line


def main(
    rows: Annotated[int, typer.Option(min=100, help="Rows of the largest file.")] = 1_000_000,
    engine: Annotated[Literal["local", "dask"], typer.Option(help="What scores.")] = "local",
    workers: Annotated[str, typer.Option(help="Numbers of Dask workers.")] = "1,2",
    pages: Annotated[
        list[Path] | None,
        typer.Option("--page", help="Saved page for Dask; repeatable. Else the project's own."),
    ] = None,
    copies: Annotated[int, typer.Option(min=1, help="Copies of the pages that Dask scores.")] = 100,
    training: Annotated[bool, typer.Option("--training", help="Measure training instead.")] = False,
    sizes: Annotated[str, typer.Option(help="Sentences trained on.")] = ",".join(map(str, SIZES)),
    runs: Annotated[int, typer.Option(min=1, help="Runs of each time.")] = 5,
    json: Annotated[
        Path | None, typer.Option(help="Keep the figures in this file, beside those in it.")
    ] = None,
    speed: Annotated[
        Path | None, typer.Option(help="With --write: the JSON of speed.py, run on large pages.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write docs/contributing/scale.md and its plots.")
    ] = False,
    docs: Annotated[Path, typer.Option(help="Folder of scale.md.")] = (
        ROOT / "docs" / "contributing"
    ),
    measure: Annotated[
        bool, typer.Option("--measure/--no-measure", help="Only write what --json holds.")
    ] = True,
) -> None:
    """Measure how time and memory of the fast model grow with the work."""
    if engine == "dask" and not find_spec("distributed"):
        print(
            "scale.py: --engine dask needs an extra: pip install 'tipclassify[dask]'",
            file=sys.stderr,
        )
        raise typer.Exit(2)
    if (speed and not write) or not (measure or (json and json.is_file())):
        print(
            "scale.py: --speed goes with --write; --no-measure needs a --json file that is there",
            file=sys.stderr,
        )
        raise typer.Exit(2)
    work = Work(
        kind=_kind_of_work(engine, training),
        runs=runs,
        rows=rows,
        workers=_numbers(workers),
        pages=pages or (),
        copies=copies,
        sizes=_numbers(sizes),
    )
    results: Results = {}
    if json and json.is_file():
        results = json_module.loads(json.read_text("utf-8"))
    if measure:
        points = measure_work(work)
        results[work.kind] = {**describe_environment(), "points": points}
        if json:
            save(json, results)
    texts = tables(results)
    print("\n\n".join(texts.values()))
    if speed:
        measured = json_module.loads(speed.read_text("utf-8"))
        texts["scenarios"] = scenario_table({model: cost_of(measured, model) for model in SHIPPED})
    if write:
        for marker, text in texts.items():
            write_between(docs / "scale.md", marker, text)
        plots(results, docs)


def _kind_of_work(
    engine: Literal["local", "dask"], training: bool
) -> Literal["stream", "dask", "training"]:
    if training:
        return "training"
    return "dask" if engine == "dask" else "stream"


def row_counts(most: int) -> list[int]:
    """Return 10,000, ten times as many, and so on to `most`.

    >>> row_counts(1_000_000), row_counts(2_000)
    ([10000, 100000, 1000000], [200, 2000])
    """
    counts = [most]
    while counts[0] >= 10 * LEAST or len(counts) < 2:
        counts.insert(0, counts[0] // 10)
    return counts


def _numbers(listed: str) -> list[int]:
    return [int(number) for number in listed.split(",")]


if __name__ == "__main__":
    typer.run(main)
