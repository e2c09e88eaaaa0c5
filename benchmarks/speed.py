#!/usr/bin/env python3
"""Measure the speed of both models and of baselines.

    python benchmarks/speed.py [PAGE.html ...]

Out: a Markdown table for each part, with machine, versions and commit; ``--json`` saves every
sample, ``--write`` puts the tables into docs/contributing/scale.md.

- A figure is the median of ``--runs``. Runs of compared methods are interleaved (ours, peer, ours,
  peer, …), and a ratio is the median of the ratios of each run, so that drift of the machine
  affects both alike.
- Passages are generated from the sentences of ``data/``, with 24 words on average, like sentences
  of reports (`_measure.passages`). No run repeats the passages of an earlier run.
- `default` scores on all cores, in a new process for each run; `fast` and the baselines on one
  core, in this process.
- The baselines are those of ``quality.py``, trained on ``data/`` in this run. fastText gets
  tokenized lines.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from json import dumps
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer
from _measure import (
    ROOT,
    Figure,
    Target,
    all_cores,
    cli,
    compile_package,
    describe_environment,
    environment_line,
    figure_tables,
    interleaved,
    invented,
    own_pages,
    passages,
    ratio,
    run,
    save,
    seconds,
    single_core,
    write_between,
)

SENTENCE: Final = "The government did not convict any traffickers."
WITH_CHARACTERS: Final = "TF-IDF, characters too, + LR"
FEWER: Final = 20  # factor of passages for `fast` over `default`, which is slower
MOST_PAGES: Final = 2  # pages for `default` in a run
RATE: Final = """
import json, sys, time
from tipclassify.write.output import Output
from tipclassify import Classifier
texts = json.load(open(sys.argv[1], encoding="utf-8"))
classifier = Classifier.load("default")
classifier.predict_proba(texts[:50])
start = time.perf_counter()
classifier.predict_proba(texts)
print(len(texts) / (time.perf_counter() - start))
"""
SCORE_ALL: Final = """
import json, sys
from tipclassify import Classifier
Classifier.load(sys.argv[2]).predict_proba(json.load(open(sys.argv[1], encoding="utf-8")))
"""
Call = Callable[[Sequence[str]], object]


@dataclass(frozen=True)
class Work:
    """What is measured, and how much of it."""

    runs: int  # of each figure
    pages: Sequence[Path]  # none stands for the project's own
    passages: int  # that `fast` scores in a run
    trained_on: int | None  # passages of the peers; None: all
    base: Path | None  # folder of the encoder of static embeddings
    one_job: float  # seconds that the command line works with one job


T = TypeVar("T")


# ----------------------------------------------------------------------------------------- passages


def default_rate(count: int, runs: int, folder: Path) -> list[Figure]:
    """Measure the passages a second of the default on all cores."""
    fresh = passages(3)
    file = folder / "passages.json"
    rates = []
    with all_cores() as cores:
        for _ in range(runs):
            file.write_text(dumps(list(islice(fresh, count))), "utf-8")
            rates.append(float(run(sys.executable, "-c", RATE, file).stdout))
    part = f"default, {cores} cores: passages of 24 words, {count:,} in one call"
    return [Figure(part, "default", "passages/s", tuple(rates), target=Target(600, at_most=False))]


def fast_rates(count: int, runs: int, most: int | None, base: Path | None) -> list[Figure]:
    """Measure the passages a second of `fast` and the baselines, on one core."""
    from _peers import FASTTEXT, FastText, absent_peers

    part = f"fast, one core: passages of 24 words, {count:,} in one call"
    methods = trained(most, base)
    fresh = passages(1)
    rates: dict[str, list[float]] = {name: [] for name in methods}
    # All methods get the same passages in a run; the first run, -1, is a warm-up.
    for turn in range(-1, runs):
        texts = list(islice(fresh, count if turn >= 0 else count // 4))
        lines = list(map(FastText.line, texts))
        for name, score in methods.items():
            took = seconds(partial(score, lines if name == FASTTEXT else texts))
            if turn >= 0:
                rates[name].append(len(texts) / took)
    ours = rates["fast"]
    figures = []
    for name, samples in rates.items():
        to_ours = None if name == "fast" else ratio(ours, samples)
        figures.append(Figure(part, name, "passages/s", tuple(samples), to_ours))
    for name in methods:
        if name != "fast":
            times = tuple(a / b for a, b in zip(ours, rates[name], strict=True))
            target = Target(25, at_most=False) if name == WITH_CHARACTERS else None
            figures.append(Figure(part, f"fast to {name}", "×", times, target=target))
    return figures + [
        Figure(part, name, "passages/s", note=f"not here: {need}")
        for name, need in absent_peers(base).items()
    ]


def trained(most: int | None, base: Path | None) -> dict[str, Call]:
    """Return the scoring functions: `fast`, then baselines trained on `most` invented passages."""
    import numpy as np
    from _peers import FastText, peers

    from tipclassify import Classifier
    from tipclassify.corpus.rows import read_rows
    from tipclassify.labels import label_indicator

    rows = read_rows(*invented())[:most]
    texts = [row["text"] for row in rows]
    y_true = np.array([label_indicator(row["labels"]) for row in rows], bool)
    methods: dict[str, Call] = {"fast": Classifier.load("fast").predict_proba}
    for name, fit in peers(base).items():
        print(f"training {name} …", file=sys.stderr)
        score = fit(texts, y_true, np.ones(len(texts)))
        methods[name] = score.predict if isinstance(score, FastText) else score
    return methods


# ---------------------------------------------------------------------------------------- processes


def starting(runs: int) -> list[Figure]:
    """Measure whole processes: imports, and the first tag of each model."""
    part = "Cold start, whole processes"
    first = "first tag of default"
    codes = {name: name for name in ("import numpy", "import sklearn", "import tipclassify")}
    for model in ("default", "fast"):
        codes[f"first tag of {model}"] = (
            f"from tipclassify import classify; classify({SENTENCE!r}, model={model!r})"
        )
    calls = {
        name: partial(_process, "-c", code)
        for name, code in {"bare python": "pass", **codes}.items()
    }
    calls["tipclassify --help"] = partial(_process, "-m", "tipclassify", "--help")
    with all_cores():
        interleaved(calls, 1)  # warm the file cache
        took = interleaved(calls, runs)
    targets = {"tipclassify --help": Target(0.35)}
    figures = [
        Figure(part, name, "s", samples, ratio(took[first], samples), targets.get(name))
        for name, samples in took.items()
    ]
    pairs = zip(took["import tipclassify"], took["bare python"], strict=True)
    less = tuple(ours - bare for ours, bare in pairs)
    times = tuple(a / b for a, b in zip(took[first], took["import sklearn"], strict=True))
    figures.append(
        Figure(part, "import tipclassify, less bare python", "s", less, target=Target(0.02))
    )
    return [*figures, Figure(part, f"{first} to import sklearn", "×", times, target=Target(1))]


def _process(*arguments: object) -> float:
    return run(sys.executable, *arguments, watched=False).seconds


def saved_pages(
    model: str, pages: Sequence[Path], runs: int, target: float, folder: Path
) -> list[Figure]:
    """Measure saved pages to JSONL: by stage on one core, and by the command line."""
    kilobytes = statistics.fmean(page.stat().st_size for page in pages) / 1e3
    part = f"Saved page to JSONL, {model}: {len(pages)} pages of {kilobytes:.0f} kB on average"
    output = folder / "out.jsonl"
    page_stages(model, pages[:1], output)  # to warm up
    took = [page_stages(model, pages, output) for _ in range(runs)]
    with output.open("rb") as written:
        count = sum(1 for _ in written)
    rate = tuple(len(pages) / sum(stages.values()) for stages in took)
    figures = [Figure(part, "whole pipeline, one core", "pages/s", rate)]
    whole = statistics.median(sum(stages.values()) for stages in took)
    for stage in took[0]:
        times = tuple(1e3 * stages[stage] / len(pages) for stages in took)
        share = statistics.median(times) * len(pages) / whole / 10
        figures.append(Figure(part, stage, "ms/page", times, note=f"{share:.0f}%"))
    counted = {"kB a page": kilobytes, "passages a page": count / len(pages)}
    figures += [Figure(part, name, "", (value,)) for name, value in counted.items()]
    written_bytes = output.stat().st_size / max(count, 1)
    figures.append(Figure(part, "written a passage", "bytes", (written_bytes,)))

    copies = folder / f"copies-{model}"
    copies.mkdir()
    # one job takes about `target` seconds
    many = max(2, round(target * rate[0] / len(pages))) * len(pages)
    for copy in range(many):
        page = pages[copy % len(pages)]
        shutil.copyfile(page, copies / f"{copy:06}{page.suffix}")
    score = partial(cli, "score", copies, "--model", model, "-f", "jsonl", "-o", output, "--jobs")
    title = f"tipclassify score, {many:,} pages"
    one_job = f"{title}, --jobs 1, all cores"
    two_jobs = f"{title}, --jobs 2, all cores"
    with all_cores() as cores:
        calls = {
            one_job: lambda: score(1, watched=False).seconds,
            two_jobs: lambda: score(2, watched=False).seconds,
        }
        run_seconds = interleaved(calls, runs)
        peak = score(1).peak
    for name, samples in run_seconds.items():
        rates = tuple(many / sample for sample in samples)
        figures.append(Figure(part, name, "pages/s", rates))
    if cores > 1:
        pairs = zip(run_seconds[one_job], run_seconds[two_jobs], strict=True)
        speedup = tuple(alone / both for alone, both in pairs)
        figures.append(Figure(part, "two jobs to one", "×", speedup))
    else:
        note = "not measured: one core only"
        figures.append(Figure(part, "two jobs to one", "×", note=note))
    return [*figures, memory(part, "peak memory, one job", peak)]


def page_stages(model: str, pages: Sequence[Path], output: Path) -> dict[str, float]:
    """Measure the seconds of each stage for all pages."""
    from tipclassify import Classifier
    from tipclassify.readers import read_report
    from tipclassify.records import Report
    from tipclassify.text.split import split_passages
    from tipclassify.write import FORMATS
    from tipclassify.write.output import Output

    classifier = Classifier.load(model)
    target = Output(classifier.run())
    write = FORMATS["jsonl"].writer()
    took = dict.fromkeys(("reading", "splitting", "scoring", "writing"), 0.0)

    def timed(stage: str, call: Callable[[], T]) -> T:
        start = time.perf_counter()
        result = call()
        took[stage] += time.perf_counter() - start
        return result

    with output.open("w", encoding="utf-8", newline="") as out:
        for page in pages:
            document = timed("reading", partial(read_report, page))
            split = timed("splitting", partial(split_passages, document))
            tagged = timed("scoring", partial(classifier.tag, split))
            report = Report(str(page), document, tagged)
            timed("writing", partial(write, [report], out, target))
    return took


def sizes(count: int, folder: Path) -> list[Figure]:
    """Measure the size of each model, and the memory of a process that scores `count` passages."""
    from tipclassify.model.find import model_folder

    part = "Size"
    figures = []
    texts = folder / "texts.json"
    for model, many in (("default", max(1, count // FEWER)), ("fast", count)):
        texts.write_text(dumps(list(islice(passages(4), many))), "utf-8")
        files = [file for file in model_folder(model).iterdir() if file.is_file()]
        megabytes = sum(file.stat().st_size for file in files) / 1e6
        figures.append(Figure(part, f"{model}, its folder", "MB", (megabytes,)))
        peak = run(sys.executable, "-c", SCORE_ALL, texts, model).peak
        figures.append(memory(part, f"peak memory, {model}, {many:,} passages", peak))
    peak = run(sys.executable, "-c", "import numpy, time; time.sleep(0.2)").peak
    return [*figures, memory(part, "peak memory, bare python with numpy", peak)]


def memory(part: str, name: str, peak: float | None) -> Figure:
    """Make a figure of memory; not measured without psutil."""
    note = "not measured: `pip install psutil`" if peak is None else ""
    return Figure(part, name, "MB", () if peak is None else (peak,), note=note)


def measure_work(work: Work) -> list[Figure]:
    """Measure every part, and say on standard error which are done."""
    runs = work.runs
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pages = work.pages or own_pages(folder)
        for part in (
            partial(default_rate, work.passages // FEWER, runs, folder),
            partial(fast_rates, work.passages, runs, work.trained_on, work.base),
            partial(starting, runs),
            partial(saved_pages, "default", pages[:MOST_PAGES], runs, work.one_job, folder),
            partial(saved_pages, "fast", pages, runs, work.one_job, folder),
            partial(sizes, work.passages, folder),
        ):
            figures += part()
            print(figures[-1].part, file=sys.stderr)
    return figures


# ------------------------------------------------------------------------------------- command line


def main(
    pages: Annotated[
        list[Path] | None,
        typer.Argument(help="Saved pages; else those of tests/pages and data/samples."),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Keep every sample in this file.")] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Put the tables into docs/contributing/scale.md.")
    ] = False,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each figure.")] = 5,
    count: Annotated[
        int, typer.Option("--passages", min=FEWER, help="Passages that fast scores in a run.")
    ] = 20_000,
    train: Annotated[
        int | None, typer.Option(min=100, help="Passages the peers are trained on; all by default.")
    ] = None,
    base: Annotated[
        Path | None, typer.Option(help="Folder of all-MiniLM-L6-v2, for static embeddings.")
    ] = None,
    whole: Annotated[
        float, typer.Option(help="Seconds that the command line works with one job.")
    ] = 8.0,
) -> None:
    """Measure the speed of the models and of the baselines."""
    where = describe_environment()
    print(environment_line(where), end="\n\n", flush=True)
    work = Work(
        runs=runs,
        pages=pages or (),
        passages=count,
        trained_on=train,
        base=base,
        one_job=whole,
    )
    figures = measure_work(work)
    tables = figure_tables(figures)
    if not pages:
        tables += "\n\nNo pages were given: those of tests/pages and data/samples are small."
    print(tables)
    if json:
        save(json, {**where, "runs": runs, "figures": [figure.to_dict() for figure in figures]})
    if write:
        write_between(
            ROOT / "docs" / "contributing" / "scale.md",
            "speed",
            f"{environment_line(where)}\n\n{tables}",
        )


if __name__ == "__main__":
    single_core()
    compile_package()
    typer.run(main)
