#!/usr/bin/env python3
"""Measure how time and memory of `fast` grow with the number of rows, and with processes.

    python benchmarks/scale.py [--rows N] [--jobs 1,2]

Rows are generated from the sentences of ``data/`` (`_measure.passages`). Out: a Markdown table on
standard output, with a row for each size and each number of processes of ``--jobs``. Times are
medians of ``--runs``; memory is the peak of the process with its children.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import typer
from _measure import (
    ProcessResult,
    cli,
    environment_line,
    exponent,
    markdown,
    number,
    passages,
)

LEAST: Final = 10_000  # rows of the smallest file
# for millions of passages; the default has no stage that grows otherwise
MODEL: Final = ("--model", "fast")


def write_rows(file: Path, count: int) -> None:
    """Write `count` rows ``{"text": …}``, nearly all distinct."""
    with file.open("w", encoding="utf-8", newline="\n") as out:
        for text in islice(passages(count), count):
            out.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")


def score_rows(source: Path, folder: Path, jobs: int, count: int) -> ProcessResult:
    """Score JSONL to JSONL; raise `RuntimeError` when a run does not keep the number of rows."""
    output = folder / "out.jsonl"
    done = cli("score", source, *MODEL, "-f", "jsonl", "-o", output, "--jobs", jobs)
    with output.open("rb") as written:
        rows = sum(1 for _ in written)
    if rows != count:
        raise RuntimeError(f"{count} rows went in, {rows} came out")
    return done


def cells(processes: int, count: int, done: Sequence[ProcessResult]) -> list[str]:
    """Make the row of a table of several runs of the same."""
    seconds = [result.seconds for result in done]
    peaks = [result.peak for result in done if result.peak is not None]
    took = statistics.median(seconds)
    return [
        f"{count:,}",
        str(processes),
        number(took),
        number(min(seconds)),
        number(max(seconds)),
        number(count / took),
        number(max(peaks) if peaks else None),
    ]


def main(
    rows: Annotated[int, typer.Option(help="Rows of the largest file.", min=1)] = 1_000_000,
    runs: Annotated[int, typer.Option(help="Runs of each.", min=1)] = 3,
    jobs: Annotated[str, typer.Option(help="Numbers of processes, joined by commas.")] = "1",
) -> None:
    """Measure, and print a table."""
    counts = [rows]
    while counts[0] // 10 >= min(LEAST, rows // 10) and len(counts) < 3:
        counts.insert(0, counts[0] // 10)
    table = []
    alone = []  # seconds of one process, by size
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "rows.jsonl"
        for count in counts:
            write_rows(source, count)
            for processes in map(int, jobs.split(",")):
                print(f"{count:,} rows, {processes} processes …", file=sys.stderr)
                done = [score_rows(source, folder, processes, count) for _ in range(runs)]
                table.append(cells(processes, count, done))
                if processes == 1:
                    alone.append(statistics.median(result.seconds for result in done))
    columns = "rows, processes, seconds, min, max, passages/s, peak memory MB".split(", ")
    print(markdown(columns, table))
    if len(alone) == len(counts) > 1:
        print(f"\nTime grows as rows to the power of {exponent(counts, alone):.2f}.")
    print(f"\n{environment_line()}")


if __name__ == "__main__":
    typer.run(main)
