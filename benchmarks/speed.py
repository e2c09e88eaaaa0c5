#!/usr/bin/env python3
"""How quick tipclassify is, on one core, beside its peers: ``python benchmarks/speed.py [PAGE.html ...]``.

Out: a Markdown table for each part, with machine, versions and commit; ``--json`` keeps every sample, ``--write`` puts
the tables into docs/scale.md.

- A figure is the median of ``--runs``, but for the 99th percentile of calls, which is of all calls. In each run ours and the peers come one after the other (ours, peer, ours, peer, …),
  and a ratio is the median of the ratios run by run, so that a machine whose speed drifts changes both alike.
- Passages are made from the sentences of ``data/`` so that they have 24 words on average, as the sentences of reports have
  (`_measure.passages`). Every run scores passages that no run before it has seen.
- ``--encoder encoder`` measures the encoder alone, on all cores (`_encoder`).
- The peers are those of ``quality.py``, trained on ``data/`` in this run. fastText gets its lines ready made, in the faster
  of its two forms.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from json import dumps
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer
from _encoder import encoder_figures
from _measure import (
    DATA,
    ROOT,
    Bar,
    Figure,
    about,
    about_line,
    all_cores,
    cli,
    compile_package,
    figure_tables,
    in_turn,
    number,
    own_pages,
    passages,
    ratio,
    run,
    save,
    seconds,
    single_core,
    with_new_words,
    write_between,
)

SENTENCE: Final = "The government did not convict any traffickers."
PAGE_KB: Final = 280  # of the saved page that the bar of pages a second is for
LINEAR: Final = "tipclassify, linear part alone"
RATE: Final = Bar(250_000, at_most=False)
TIMES: Final = {"TF-IDF, characters too, + LR": 40, "TF-IDF + LR": 6, "fastText": 2}  # as quick as these, at least
Call = Callable[[Sequence[str]], object]

# Whole processes. `sys.argv[1]` is a file.
PICKLED: Final = f"import joblib, sys; joblib.load(sys.argv[1]).predict_proba([{SENTENCE!r}])"
FIRST_TAG: Final = f"from tipclassify import classify; classify({SENTENCE!r})"
FIRST_PASS: Final = f"""
import json, sys, time
from tipclassify import Classifier
texts = json.load(open(sys.argv[1], encoding="utf-8"))
classifier = Classifier.load()
classifier.predict_proba([{SENTENCE!r}])  # the model is in place; the words are not
start = time.perf_counter()
classifier.predict_proba(texts)
print(time.perf_counter() - start)
"""
SCORE_ALL: Final = {
    "tipclassify": "from tipclassify import Classifier; Classifier.load().predict_proba(json.load(open(sys.argv[1], encoding='utf-8')))",
    "TF-IDF + LR": "import joblib; joblib.load(sys.argv[2]).predict_proba(json.load(open(sys.argv[1], encoding='utf-8')))",
    "bare python with numpy": "import numpy; json.load(open(sys.argv[1], encoding='utf-8'))",
}


@dataclass(frozen=True)
class Peers:
    """Methods that score a list of passages, ours first; those not installed; scikit-learn's as a file."""

    score: dict[str, Call]
    absent: dict[str, str]
    pickle: Path


# --------------------------------------------------------------------------------------------- what is measured


def train_peers(folder: Path, most: int | None) -> Peers:
    """Ours as shipped and without detectors, and the peers of ``quality.py``, trained on `most` passages of ``data/``."""
    import joblib
    from quality import PEERS, fasttext_model, read_passages, tfidf_pipeline

    from tipclassify import Classifier

    ours = Classifier.load()
    score: dict[str, Call] = {"tipclassify": ours.predict_proba}
    score[LINEAR] = Classifier(replace(ours.model, windows=None)).predict_proba
    corpus = read_passages([DATA])
    texts, truth = corpus.texts[:most], corpus.truth[:most]
    absent = {name: f"not installed: `{peer.pip}`" for name, peer in PEERS.items() if not peer.installed}
    for name, peer in PEERS.items():
        if name in absent:
            continue
        print(f"training {name} …", file=sys.stderr)
        if name == "fastText":
            model = fasttext_model(texts, truth)
            score["fastText, a list"] = partial(_fasttext_list, model)
            score["fastText, line by line"] = partial(_fasttext_lines, model)
        else:
            score[name] = peer.fit(texts, truth)
    pickle = folder / "tfidf.joblib"
    joblib.dump(tfidf_pipeline(texts, truth), pickle)
    return Peers(score, absent, pickle)


def _fasttext_list(model: Any, lines: Sequence[str]) -> object:
    return model.predict(lines, k=-1)


def _fasttext_lines(model: Any, lines: Sequence[str]) -> object:
    return [model.predict(line, k=-1) for line in lines]


def _ready(name: str, texts: list[str]) -> list[str]:
    """The passages as the method takes them; that takes none of its time."""
    from quality import fasttext_line

    return list(map(fasttext_line, texts)) if name.startswith("fastText") else texts


def scoring(peers: Peers, count: int, runs: int, folder: Path) -> list[Figure]:
    """Passages scored a second, all in one call, and by the first call of a process."""
    part = f"Scoring {count:,} passages in one call"
    fresh = passages(1)
    methods: dict[str, Callable[[list[str]], float]]
    methods = {name: partial(_timed, name, score) for name, score in peers.score.items()}
    ours = methods["tipclassify"]
    methods["tipclassify, first pass of a fresh process"] = partial(_first_pass, folder)
    methods["tipclassify, the same with a word in each passage that nobody has seen"] = lambda texts: _first_pass(
        folder, with_new_words(texts, 1)
    )
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in methods}
    megabytes: list[float] = []
    for turn in range(-1, runs):  # the first is to warm up
        size = count if turn >= 0 else count // 4
        for name, method in methods.items():
            texts = list(islice(fresh, size))
            own = ours(texts)
            theirs = own if method is ours else method(texts)
            if turn >= 0:
                rates[name].append((size / own, size / theirs))
            if turn >= 0 and method is ours:
                megabytes.append(sum(len(text.encode()) for text in texts) / own / 1e6)
    figures = []
    for name, pairs in rates.items():
        own_rates, rate = zip(*pairs, strict=True)
        beside = None if name == "tipclassify" else ratio(own_rates, rate)
        figures.append(Figure(part, name, "passages/s", rate, beside, RATE if name == "tipclassify" else None))
    figures.insert(1, Figure(part, "tipclassify, by size", "MB/s", tuple(megabytes)))
    absent = [Figure(part, name, "passages/s", note=why) for name, why in peers.absent.items()]
    figures = _faster_fasttext(figures)
    return figures + _times(part, figures, rates) + absent


def _times(part: str, figures: list[Figure], rates: dict[str, list[tuple[float, float]]]) -> list[Figure]:
    """How many times as quick as those peers that a bar names, by the pairs of each run."""
    found = []
    for peer in figures:
        if peer.name in TIMES:
            (pairs,) = (pairs for pairs in rates.values() if tuple(rate for _, rate in pairs) == peer.samples)
            times = tuple(own / theirs for own, theirs in pairs)
            found.append(
                Figure(part, f"tipclassify to {peer.name}", "×", times, bar=Bar(TIMES[peer.name], at_most=False))
            )
    return found


def _timed(name: str, score: Call, texts: list[str]) -> float:
    return seconds(partial(score, _ready(name, texts)))


def _faster_fasttext(figures: list[Figure]) -> list[Figure]:
    """Of fastText's two forms the faster, under its own name."""
    both = [figure for figure in figures if figure.name.startswith("fastText")]
    others = [figure for figure in figures if figure not in both]
    if not both:
        return figures
    best = max(both, key=lambda figure: figure.value)
    return [*others, replace(best, name="fastText", note=best.name.partition(", ")[2])]


def _first_pass(folder: Path, texts: list[str]) -> float:
    file = folder / "passages.json"
    file.write_text(dumps(texts), "utf-8")
    return float(run(sys.executable, "-c", FIRST_PASS, file).stdout)


def starting(peers: Peers, runs: int) -> list[Figure]:
    """Whole processes, and what an import or a first tag adds to the process without it."""
    part = "Cold start, whole processes"
    codes = {"bare python": "pass", "import numpy": "import numpy", "import tipclassify": "import tipclassify"}
    codes |= {"load and tag one sentence": FIRST_TAG, "unpickle scikit-learn's TF-IDF + LR, predict one": PICKLED}
    calls = {name: partial(_process, "-c", code, peers.pickle) for name, code in codes.items()}
    calls["tipclassify --help"] = partial(_process, "-m", "tipclassify", "--help")
    in_turn(calls, 1)  # files into the system's cache
    took = in_turn(calls, runs)
    bars = {"tipclassify --help": Bar(0.35)}
    first = took["load and tag one sentence"]
    figures = [
        Figure(part, name, "s", samples, ratio(first, samples), bars.get(name)) for name, samples in took.items()
    ]

    def difference(more: str, less: str, bar: float) -> Figure:
        samples = tuple(a - b for a, b in zip(took[more], took[less], strict=True))
        return Figure(part, f"{more}, less {less}", "s", samples, bar=Bar(bar))

    pickled = tuple(b / a for a, b in zip(first, took["unpickle scikit-learn's TF-IDF + LR, predict one"], strict=True))
    return [
        *figures,
        difference("import tipclassify", "bare python", 0.02),
        difference("load and tag one sentence", "import numpy", 0.15),
        Figure(part, "scikit-learn's first prediction to ours", "×", pickled, bar=Bar(5, at_most=False)),
    ]


def _process(*arguments: object) -> float:
    return run(sys.executable, *arguments).seconds


def latency(peers: Peers, calls: int, runs: int) -> list[Figure]:
    """Milliseconds of a call with one passage; blocks of calls in turn."""
    from tipclassify import classify

    part = f"One passage a call, {calls:,} calls"
    methods: dict[str, Callable[[str], object]] = {"tipclassify, classify(text)": classify}
    methods |= {name: partial(_one, score) for name, score in peers.score.items() if name != "fastText, a list"}
    block = max(1, calls // runs)
    fresh = passages(2)
    took: dict[str, list[list[float]]] = {name: [] for name in methods}
    for number_of_block in range(-1, runs):  # the first is to warm up
        for name, method in methods.items():
            texts = list(islice(fresh, block))  # each its own: what classify(text) has met of words is kept
            times = [1e3 * seconds(partial(method, text)) for text in _ready(name, texts)]
            if number_of_block >= 0:
                took[name].append(times)
    ours = [statistics.median(times) for times in took["tipclassify"]]
    bars = {("tipclassify", "median"): Bar(0.2), ("tipclassify", "99th percentile"): Bar(0.5)}
    figures = []
    for name, blocks in took.items():
        every = [time for times in blocks for time in times]
        for what, percentile in (("median", 50), ("99th percentile", 99)):
            samples = tuple(_percentile(times, percentile) for times in blocks)
            beside = ratio(ours, samples) if percentile == 50 and name != "tipclassify" else None
            value = _percentile(every, percentile)
            figures.append(Figure(part, f"{name}, {what}", "ms", samples, beside, bars.get((name, what)), value=value))
    return figures


def _percentile(times: Sequence[float], percent: int) -> float:
    """A time that was measured: that of all calls lies between those of the blocks."""
    return float(np.percentile(times, percent, method="inverted_cdf"))


def _one(score: Call, text: str) -> object:
    return score([text])


def saved_pages(pages: Sequence[Path], runs: int, target: float, folder: Path) -> list[Figure]:
    """Saved pages to JSONL: in this process, stage by stage, and by the command line with one job and with two."""
    from tipclassify.workers import settle_in

    kilobytes = statistics.fmean(page.stat().st_size for page in pages) / 1e3
    part = f"Saved page to JSONL, {len(pages)} pages of {kilobytes:.0f} kB on average"
    output = folder / "out.jsonl"
    settle_in()  # as the command line does
    page_stages(pages, output)  # to warm up
    took = [page_stages(pages, output) for _ in range(runs)]
    with output.open("rb") as written:
        passages = sum(1 for _ in written)
    rate = tuple(len(pages) / sum(stages.values()) for stages in took)
    like = abs(kilobytes / PAGE_KB - 1) < 0.2
    note = "" if like else f"no bar: that of 100 is for pages of {PAGE_KB} kB"
    bar = Bar(100, at_most=False) if like else None
    figures = [Figure(part, "whole pipeline, one core", "pages/s", rate, bar=bar, note=note)]
    whole = statistics.median(sum(stages.values()) for stages in took)
    for stage in took[0]:
        times = tuple(1e3 * stages[stage] / len(pages) for stages in took)
        share = statistics.median(times) * len(pages) / whole / 10
        figures.append(Figure(part, stage, "ms/page", times, note=f"{share:.0f}%"))
    counted = {"kB a page": kilobytes, "passages a page": passages / len(pages)}
    figures += [Figure(part, name, "", (value,)) for name, value in counted.items()]
    figures.append(Figure(part, "written a passage", "bytes", (output.stat().st_size / max(passages, 1),)))

    halves = folder / "copies" / "0", folder / "copies" / "1"
    for half in halves:
        half.mkdir(parents=True)
    count = max(2, round(target * rate[0] / len(pages))) * len(pages)  # one job works for about `target` seconds
    for copy in range(count):
        page = pages[copy % len(pages)]
        shutil.copyfile(page, halves[copy % 2] / f"{copy:06}{page.suffix}")
    score = partial(cli, "score", halves[0].parent, "-f", "jsonl", "-o", output, "--jobs")
    one, two, apart = (f"tipclassify score, {count:,} pages, {how}" for how in ("--jobs 1", "--jobs 2", "two commands"))
    with all_cores() as cores:
        ran = in_turn(
            {
                one: lambda: score(1, watched=False).seconds,
                two: lambda: score(2, watched=False).seconds,
                apart: lambda: _side_by_side(halves, folder),
            },
            runs,
        )
        peak = score(1).peak
    for name, samples in ran.items():
        figures.append(Figure(part, name, "pages/s", tuple(count / seconds for seconds in samples)))
    for more, name, bar in ((two, "two jobs to one", Bar(1.8, at_most=False)), (apart, "two commands to one", None)):
        speedup = tuple(a / b for a, b in zip(ran[one], ran[more], strict=True)) if cores > 1 else ()
        note = "" if speedup else "not measured: one core only"
        figures.append(Figure(part, name, "×", speedup, bar=bar, note=note))
    return [*figures, memory(part, "peak memory, one job", [peak])]


def _side_by_side(halves: Sequence[Path], folder: Path) -> float:
    """Seconds that commands which know nothing of one another take for a half each: what this machine's cores give at best."""
    start = time.perf_counter()
    with ThreadPoolExecutor(len(halves)) as pool:
        for _ in pool.map(lambda half: cli("score", half, "-o", folder / f"{half.name}.jsonl", watched=False), halves):
            pass
    return time.perf_counter() - start


def memory(part: str, name: str, peaks: Sequence[float | None]) -> Figure:
    """A figure of memory, of which nothing is known without psutil."""
    held = tuple(peak for peak in peaks if peak is not None)
    return Figure(part, name, "MB", held, note="" if held else "not measured: `pip install psutil`")


def page_stages(pages: Sequence[Path], output: Path) -> dict[str, float]:
    """Seconds that each stage takes for all pages, as many scored together as the command line scores."""
    from tipclassify import Classifier
    from tipclassify.batch import CHARACTERS
    from tipclassify.readers import read_report
    from tipclassify.segment import split_passages
    from tipclassify.writers import FORMATS, Run, TaggedReport

    run_of = Run(Classifier.load())
    make, write = FORMATS["jsonl"].steps()
    took = dict.fromkeys(("reading", "splitting", "scoring", "writing"), 0.0)

    def timed(stage: str, call: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = call()
        took[stage] += time.perf_counter() - start
        return result

    def score_and_write() -> None:
        passages = [passage for _, _, split in read for passage in split]
        tagged = iter(timed("scoring", partial(run_of.classifier.tag_passages, passages)))
        for page, document, split in read:
            report = TaggedReport(str(page), document, list(islice(tagged, len(split))))
            timed("writing", lambda report=report: write([make(report)], out, run_of))  # type: ignore[misc]
        read.clear()

    read: list[tuple[Path, Any, list[Any]]] = []
    with output.open("w", encoding="utf-8", newline="") as out:
        for page in pages:
            document = timed("reading", partial(read_report, page))
            read.append((page, document, timed("splitting", partial(split_passages, document))))
            if sum(len(document.text) for _, document, _ in read) >= CHARACTERS:
                score_and_write()
        score_and_write()
    return took


def sizes(peers: Peers, count: int, runs: int, folder: Path) -> list[Figure]:
    """The model's file, and the memory of a process that has scored."""
    from tipclassify.model_file import default_model_path

    part = "Size"
    files = [
        file.stat().st_size / 1e6
        for file in default_model_path().iterdir()
        if file.name.startswith(("model", "weights"))
    ]
    figures = [Figure(part, "model file (weights and JSON)", "MB", (sum(files),))]
    figures.append(Figure(part, "scikit-learn's TF-IDF + LR, pickled", "MB", (peers.pickle.stat().st_size / 1e6,)))
    texts = folder / "passages.json"
    texts.write_text(dumps(list(islice(passages(3), count))), "utf-8")
    for name, code in SCORE_ALL.items():
        peaks = [run(sys.executable, "-c", f"import json, sys; {code}", texts, peers.pickle).peak for _ in range(runs)]
        figures.append(memory(part, f"peak memory, {name}, {count:,} passages", peaks))
    return figures


# --------------------------------------------------------------------------------------------- profile


def profile(count: int) -> str:
    """Where each microsecond of a passage goes, and how far that is from reading its bytes once."""
    from _profile import least_seconds, own_seconds, worked

    from tipclassify import Classifier

    classifier = Classifier.load()
    fresh = passages(4)
    classifier.predict_proba(list(islice(fresh, count)))  # to warm up
    plain, watched = [], []
    spent: dict[str, tuple[float, int]] = {}
    for _ in range(5):
        texts = list(islice(fresh, count))
        plain.append(worked(partial(classifier.predict_proba, texts)))
        texts = list(islice(fresh, count))
        with own_seconds() as own:
            watched.append(worked(partial(classifier.predict_proba, texts)))
        for name, (took, calls) in own.items():
            before = spent.get(name, (0.0, 0))
            spent[name] = before[0] + took, before[1] + calls
    whole = 1e6 * statistics.median(plain) / count
    lines = ["| function | µs a passage | share | calls a passage |", "| --- | ---: | ---: | ---: |"]
    total = sum(took for took, _ in spent.values())
    for name, (took, calls) in sorted(spent.items(), key=lambda item: -item[1][0]):
        if took > total / 200:
            per = len(watched) * count
            lines.append(f"| {name} | {number(1e6 * took / per)} | {100 * took / total:.1f}% | {number(calls / per)} |")
    size = statistics.fmean(len(text.encode()) for text in texts)
    block = np.ones(2**28, np.uint8).view(
        np.uint64
    )  # eight bytes at a time: single ones are slow to widen, not to read
    bandwidth = block.nbytes / min(worked(block.sum) for _ in range(5))
    reading = 1e6 * size / bandwidth
    split = 1e6 * worked(lambda: [text.split() for text in texts]) / count
    lines.append(
        f"\n{number(whole)} µs a passage; watching it took {100 * (statistics.median(watched) / statistics.median(plain) - 1):.0f}% more. "
    )
    lines[-1] += (
        f"Reading its {size:.0f} bytes once takes {number(reading)} µs at {bandwidth / 1e9:.1f} GB/s: {number(whole / reading)} times less. "
    )
    lines[-1] += f"`str.split` alone takes {number(split)} µs.\n\n"
    least = {name: 1e6 * took / count for name, took in least_seconds(classifier.model, texts).items()}
    parts = ", ".join(f"{name} {number(took)}" for name, took in least.items())
    lines[-1] += (
        f"The passes alone that these features cannot do without take {number(sum(least.values()))} µs in numpy: {parts}."
    )
    return "\n".join(lines)


# --------------------------------------------------------------------------------------------- command line


def main(
    pages: Annotated[
        list[Path] | None, typer.Argument(help="Saved pages; else those of tests/pages and data/samples.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Keep every sample in this file.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Put the tables into docs/scale.md.")] = False,
    profile_only: Annotated[
        bool, typer.Option("--profile", help="Only tell where the time of a passage goes.")
    ] = False,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each figure.")] = 5,
    count: Annotated[int, typer.Option("--passages", min=10, help="Passages scored in a run.")] = 20_000,
    calls: Annotated[int, typer.Option(min=10, help="Calls with one passage.")] = 2_000,
    train: Annotated[
        int | None, typer.Option(min=100, help="Passages the peers are trained on; all by default.")
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(metavar="NAME|DIR", help="Only measure this encoder, its cascade, and PyTorch beside it."),
    ] = None,
    whole: Annotated[float, typer.Option(help="Seconds that the command line works with one job.")] = 8.0,
) -> None:
    """Measure how quick tipclassify is, on one core, beside its peers."""
    where = about()
    print(about_line(where), end="\n\n", flush=True)
    if profile_only:
        print(profile(count))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = pages or own_pages(folder)
        parts: list[Callable[[], list[Figure]]]
        peers = train_peers(folder, train) if encoder is None else None
        parts = [partial(encoder_figures, encoder, given, count, runs, folder)] if encoder is not None else []
        parts += (
            []
            if peers is None
            else [
                partial(scoring, peers, count, runs, folder),
                partial(starting, peers, runs),
                partial(latency, peers, calls, runs),
                partial(saved_pages, given, runs, whole, folder),
                partial(sizes, peers, count, runs, folder),
            ]
        )
        figures = []
        for part in parts:
            figures += part()
            print(figures[-1].part, file=sys.stderr)
    tables = figure_tables(figures)
    if not pages:
        tables += "\n\nNo pages were given: those of tests/pages and data/samples are small."
    print(tables)
    if json:
        save(json, {**where, "runs": runs, "figures": [figure.to_dict() for figure in figures]})
    if write:
        write_between(ROOT / "docs" / "scale.md", "speed", f"{about_line(where)}\n\n{tables}")


if __name__ == "__main__":
    single_core()
    compile_package()
    typer.run(main)
