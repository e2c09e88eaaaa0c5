#!/usr/bin/env python3
"""Measure the speed of both models and of baselines.

    python benchmarks/speed.py

Out: a Markdown table for each part, with machine, versions and commit.

- A figure is the median of ``--runs``. Runs of compared methods are interleaved (ours, peer, ours,
  peer, …), and a ratio is the median of the ratios of each run, so that drift of the machine
  affects both alike.
- Passages are generated from the sentences of ``data/``, with 24 words on average, like sentences
  of reports (`_measure.passages`). No run repeats the passages of an earlier run.
- `default` scores on all cores, in a new process for each run; `fast` and the baselines on one
  core, in this process.
- The baselines are those of ``quality.py`` that need no PyTorch, trained on ``data/`` in this run.
  fastText gets tokenized lines.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from json import dumps
from pathlib import Path
from typing import Annotated, Final

import typer
from _measure import (
    Figure,
    Target,
    all_cores,
    compile_package,
    environment_line,
    figure_tables,
    interleaved,
    invented,
    passages,
    ratio,
    run,
    seconds,
    single_core,
)

SENTENCE: Final = "The government did not convict any traffickers."
WITH_CHARACTERS: Final = "TF-IDF, characters too, + LR"
FEWER: Final = 20  # factor of passages for `fast` over `default`, which is slower
RATE: Final = """
import json, sys, time
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


def fast_rates(count: int, runs: int, most: int | None) -> list[Figure]:
    """Measure the passages a second of `fast` and the baselines, on one core."""
    from _peers import FASTTEXT, FastText, absent_peers

    part = f"fast, one core: passages of 24 words, {count:,} in one call"
    methods = trained(most)
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
    if FASTTEXT not in methods:
        need = absent_peers()[FASTTEXT]
        figures.append(Figure(part, FASTTEXT, "passages/s", note=f"not here: {need}"))
    return figures


def trained(most: int | None) -> dict[str, Call]:
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
    for name, fit in peers().items():
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


# ------------------------------------------------------------------------------------- command line


def main(
    runs: Annotated[int, typer.Option(min=1, help="Runs of each figure.")] = 5,
    count: Annotated[
        int, typer.Option("--passages", min=FEWER, help="Passages that fast scores in a run.")
    ] = 20_000,
    train: Annotated[
        int | None, typer.Option(min=100, help="Passages the peers are trained on; all by default.")
    ] = None,
) -> None:
    """Measure the speed of the models and of the baselines."""
    print(environment_line(), end="\n\n", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = default_rate(count // FEWER, runs, folder)
        figures += fast_rates(count, runs, train)
        figures += starting(runs)
        figures += sizes(count, folder)
    print(figure_tables(figures))


if __name__ == "__main__":
    single_core()
    compile_package()
    typer.run(main)
