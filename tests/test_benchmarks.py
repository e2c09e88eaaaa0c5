"""The benchmarks run, and print figures that can be true."""

from __future__ import annotations

import doctest
import json
import shutil
import statistics
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tipclassify import features
from tipclassify.labels import LABELS

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / "benchmarks"
SAMPLE = ROOT / "data" / "samples" / "karvonia-2024.html"
TINY = ROOT / "tests" / "files" / "tiny_encoder"
OURS = {"tipclassify", "tipclassify, linear part alone"}
PEERS = {"TF-IDF + LR", "TF-IDF, characters too, + LR", "NB-SVM"}
OPTIONAL = {"fastText", "static embeddings + LR"}  # need packages that the project does not

sys.path.append(str(BENCHMARKS))

import _measure  # noqa: E402
import _profile  # noqa: E402
import _scenarios  # noqa: E402
import scale  # noqa: E402
from _measure import Bar, Figure  # noqa: E402


def script(name: str, *arguments: object) -> str:
    """What a benchmark prints."""
    command = [sys.executable, str(BENCHMARKS / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows_of(text: str) -> list[list[str]]:
    """Cells of the Markdown tables in a text, headers among them."""
    lines = [line.strip("| ").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with what the benchmarks keep."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def quality(kept: Path) -> tuple[str, dict[str, Any]]:
    """What quality.py prints of a small corpus, and what it keeps."""
    data = [ROOT / "data" / name for name in ("w1_assessment.jsonl", "w5_complicity.jsonl")]
    file = kept / "quality.json"
    printed = script("quality.py", "--data", data[0], "--data", data[1], "--folds", 2, "--json", file)
    return printed, json.loads(file.read_text("utf-8"))


@pytest.fixture(scope="module")
def speed(kept: Path) -> tuple[str, dict[str, Any]]:
    """What speed.py prints, run small, and what it keeps."""
    file = kept / "speed.json"
    small = ("--runs", 1, "--passages", 60, "--calls", 20, "--train", 200, "--whole", 0.2, "--json", file)
    return script("speed.py", SAMPLE, *small), json.loads(file.read_text("utf-8"))


# --------------------------------------------------------------------------------------------- figures


def test_examples_in_the_docstrings_are_true() -> None:
    for module in (_measure, _scenarios, scale):
        found = doctest.testmod(module)
        assert (found.failed, found.attempted > 0) == (0, True), module.__name__


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_exponent_is_the_power_that_values_grow_by(power: float) -> None:
    sizes = [1_000, 10_000, 100_000, 1_000_000]
    assert _measure.exponent(sizes, [7 * size**power for size in sizes]) == pytest.approx(power)


def test_a_figure_is_the_median_and_its_bar_is_worked_out() -> None:
    samples = (0.1, 0.9, 0.2, 0.3, 0.25)
    for bar, met in ((Bar(0.25), "yes"), (Bar(0.24), "no"), (Bar(0.25, False), "yes"), (Bar(0.26, False), "no")):
        cells = Figure("part", "name", "s", samples, bar=bar).cells()
        assert cells[2:6] == ["0.25", "0.1", "0.9", "5"]
        assert cells[-1] == met
    absent = Figure("part", "name", "s", bar=Bar(1), note="not installed")
    assert absent.cells()[0] == "name: not installed"
    assert set(absent.cells()[1:]) == {""}
    assert absent.met is None


def test_calls_take_turns() -> None:
    order: list[str] = []
    calls = {name: (lambda name=name: order.append(name) or float(len(order))) for name in ("ours", "peer")}
    assert _measure.in_turn(calls, 3) == {"ours": (1, 3, 5), "peer": (2, 4, 6)}
    assert order == ["ours", "peer"] * 3


def test_passages_have_24_words_on_average_and_are_distinct() -> None:
    texts = list(islice(_measure.passages(1), 20_000))
    assert statistics.fmean(len(text.split()) for text in texts) == pytest.approx(24, abs=0.3)
    assert len(set(texts)) > 19_990
    changed = _measure.with_new_words(texts[:50], 1)
    assert all(len(a.split()) == len(b.split()) and a != b for a, b in zip(texts, changed, strict=False))


def test_memory_of_a_process_is_seen_and_a_failure_raises() -> None:
    pytest.importorskip("psutil")
    ran = _measure.run(sys.executable, "-c", "import time; held = b'1' * 150_000_000; time.sleep(0.3); print('done')")
    assert ran.stdout == "done\n"
    assert ran.peak is not None
    assert 150 < ran.peak < 300
    assert ran.seconds > 0.3
    with pytest.raises(subprocess.CalledProcessError):
        _measure.run(sys.executable, "-c", "raise SystemExit(1)")


def test_own_times_add_up_and_nothing_stays_wrapped(classifier: Any) -> None:
    before = features.featurize
    texts = list(islice(_measure.passages(2), 300))
    with _profile.own_seconds() as own:
        start = time.thread_time()  # the clock that own times are counted in
        classifier.predict_proba(texts)
        took = time.thread_time() - start
    assert features.featurize is before
    assert own["classifier.Classifier.predict_proba"][1] == 1
    assert sum(seconds for seconds, _ in own.values()) == pytest.approx(took, rel=0.05)
    assert min(seconds for seconds, _ in own.values()) >= 0


def test_a_page_without_the_mark_is_refused_and_the_rest_of_one_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- x -->\nold\n<!-- end -->\nb\n<!-- y -->\n<!-- end -->\n", "utf-8")
    _measure.write_between(page, "x", r"new \1")
    assert page.read_text("utf-8") == "a\n<!-- x -->\nnew \\1\n<!-- end -->\nb\n<!-- y -->\n<!-- end -->\n"
    with pytest.raises(ValueError, match="put one in"):
        _measure.write_between(page, "z", "")


# --------------------------------------------------------------------------------------------- scripts


def test_quality_compares_on_the_same_folds_and_says_what_is_not_installed(quality: tuple[str, dict[str, Any]]) -> None:
    printed, file = quality
    header, _, *rows = rows_of(printed)
    assert header == [
        "method",
        "out-of-fold macro-F1",
        *(f"{label} F1" for label in LABELS),
        "training time ratio",
    ]
    assert len({len(line) for line in printed.splitlines() if line.startswith("|")}) == 1  # aligned

    figures = {name: [float(cell) for cell in cells] for name, *cells in rows}
    assert set(figures) >= OURS | PEERS
    for name in OPTIONAL - set(figures):
        assert f"{name} is not installed. For its row: `pip install" in printed
    for macro, *f1, ratio in figures.values():
        assert all(0 < value < 1 for value in (macro, *f1))
        assert abs(macro - sum(f1) / len(f1)) < 0.002
        assert ratio >= 0
    assert figures["TF-IDF + LR"][-1] == 1
    assert figures["tipclassify"][0] > 0.5
    assert {name: round(found["out-of-fold macro-F1"], 3) for name, found in file["methods"].items()} == {
        name: cells[0] for name, cells in figures.items()
    }


def test_speed_measures_every_part_and_judges_by_its_own_figures(speed: tuple[str, dict[str, Any]]) -> None:
    printed, file = speed
    assert file["versions"]["tipclassify"] in printed.splitlines()[0]
    assert file["commit"] in printed.splitlines()[0]
    figures = {(f["part"].split()[0].strip(","), f["name"]): f for f in file["figures"]}
    assert {part for part, _ in figures} == {"Scoring", "Cold", "One", "Saved", "Size"}
    scored = {name for part, name in figures if part == "Scoring"}
    assert scored >= OURS | PEERS | OPTIONAL
    for figure in figures.values():
        if not figure["samples"]:
            assert "not " in figure["note"]  # not installed, not measured
            continue
        if "less " not in figure["name"]:  # a difference of two processes can be anything
            assert min(figure["samples"]) > 0, figure
        if "bar" in figure:
            sign, told = figure["bar"].split()
            bar = float(told.replace(",", ""))
            value = figure["value"]
            assert figure["met"] == (value <= bar if sign == "≤" else value >= bar)
    bars = {name for (_, name), figure in figures.items() if "bar" in figure}
    assert bars >= {
        "tipclassify",
        "tipclassify to TF-IDF + LR",
        "tipclassify --help",
        "tipclassify, median",
        "tipclassify, 99th percentile",
        "two jobs to one",
    }
    assert figures["Saved", "whole pipeline, one core"].get("bar") is None  # a small page meets no bar
    stages = sum(figures["Saved", name]["value"] for name in ("reading", "splitting", "scoring", "writing"))
    assert stages == pytest.approx(1e3 / figures["Saved", "whole pipeline, one core"]["value"])


def test_the_profile_tells_functions_and_the_distance_to_memory() -> None:
    printed = script("speed.py", "--profile", "--passages", 100)
    names = [row[0] for row in rows_of(printed)]
    assert any(name.startswith("tokens.") for name in names)
    assert "GB/s" in printed


def test_the_shipped_models_are_compared_without_training(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    real = tmp_path / "real.jsonl"
    rows = [("Courts convicted nine traffickers.", ["positive_effort"]), ("Officers took bribes.", ["complicity"])]
    lines = [
        {"id": str(n), "text": f"{text} ({n})", "labels": labels, "kind": "sentence"}
        for n, (text, labels) in enumerate(rows * 3)
    ]
    real.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    models = ("--model", "default", "--model", f"cascade:{TINY}")
    printed = script("quality.py", "--shipped", "--real", real, *models, "--json", tmp_path / "kept.json")
    header, _, default, cascade = rows_of(printed)
    assert {"rules passed", "sentence macro-F1", "sent on"} <= set(header)
    assert (default[0], default[-1]) == ("default", "–")
    kept = json.loads((tmp_path / "kept.json").read_text("utf-8"))["shipped"]
    assert kept["default"]["rules passed"] > 0.7
    assert f"{kept[cascade[0]]['sent on']:.3f}" == cascade[-1]


def test_speed_measures_an_encoder_and_its_cascade(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    kept = tmp_path / "kept.json"
    script("speed.py", SAMPLE, "--encoder", TINY, "--runs", 1, "--passages", 40, "--json", kept)
    figures = {figure["name"]: figure for figure in json.loads(kept.read_text("utf-8"))["figures"]}
    rate, cascade = (figures[name]["value"] for name in ("the pages' passages", "cascade, the pages' passages"))
    assert figures["cascade to encoder"]["value"] == pytest.approx(cascade / rate)
    assert 0 <= figures["share that the cascade sends on"]["value"] <= 1
    assert figures["encoder to PyTorch"]["samples"] or "not installed" in figures["encoder to PyTorch"]["note"]


def test_a_higher_bound_of_the_cascade_sends_on_less(tmp_path: Path) -> None:
    keep = tmp_path / "kept.npz"
    small = ("--data", ROOT / "data" / "w8a_narratives.jsonl", "--linear", "--folds", 2, "--keep", keep)
    printed = script("cascade.py", *small)
    rows = [row for row in rows_of(printed) if row[0][0].isdigit()]
    sent = [float(row[1]) for row in rows]
    assert sent[: len(sent) // 2] == sorted(sent[: len(sent) // 2], reverse=True)
    assert 0 < sent[0] <= 1
    before = keep.stat().st_mtime_ns
    assert rows_of(script("cascade.py", *small)) == rows_of(printed)
    assert keep.stat().st_mtime_ns == before  # nothing was trained anew


@pytest.mark.usefixtures("speed")
def test_scale_counts_rows_trains_and_writes_the_page(kept: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    file = kept / "scale.json"
    printed = script("scale.py", "--rows", 300, "--runs", 1, "--json", file)
    assert [row[0] for row in rows_of(printed)] == ["rows", "-" * 4, "30", "300"]
    script("scale.py", "--training", "--sizes", "200,400", "--parts", "linear", "--json", file)
    found = json.loads(file.read_text("utf-8"))
    assert [point["rows"] for point in found["stream"]["points"]] == [30, 300]
    assert [point["sentences"] for point in found["training"]["points"]] == [200, 400]

    shutil.copy(ROOT / "docs" / "scale.md", tmp_path)
    write = ("--no-measure", "--json", file, "--speed", kept / "speed.json", "--write", "--docs", tmp_path)
    script("scale.py", *write)
    page = (tmp_path / "scale.md").read_text("utf-8")
    assert "to the power of" in page
    assert "a billion news pages" in page
    drawn = {plot.name: plot.read_bytes() for plot in tmp_path.glob("*.svg")}
    assert set(drawn) >= {"scale-throughput.svg", "training-time.svg"}
    script("scale.py", *write)
    assert {plot.name: plot.read_bytes() for plot in tmp_path.glob("*.svg")} == drawn


def test_dask_scores_rows_and_pages(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    file = tmp_path / "scale.json"
    small = ("--rows", 100, "--page", SAMPLE, "--copies", 2, "--runs", 1, "--workers", 1)
    script("scale.py", "--engine", "dask", *small, "--json", file)
    rows, pages = json.loads(file.read_text("utf-8"))["dask"]["points"]
    assert (rows["what"], rows["workers"], rows["amount"], rows["passages"]) == ("rows", 1, 100, 100)
    assert (pages["what"], pages["amount"]) == ("pages", 2)
    assert pages["passages"] > 2


def test_sentences_past_the_corpus_have_the_labels_of_both_halves() -> None:
    corpus = len(scale.labelled(10**4))
    assert corpus == 10**4
    rows = scale.labelled(40_000)
    assert len(rows) == 40_000
    assert all(set(row["labels"]) <= set(LABELS) for row in rows)


def test_a_work_costs_what_its_stages_cost() -> None:
    cost = _scenarios.Cost(0.2, reading=1e-5, splitting=1e-5, scoring=1e-4, writing=1e-5, written=400, memory=80)
    work = _scenarios.Work("w", documents=1_000, kilobytes=100, passages=50, why="")
    stages = cost.stages(work)
    assert stages["reading pages"] == pytest.approx(1.0)
    assert stages["scoring"] == pytest.approx(5.0)
    assert sum(stages.values()) == pytest.approx(0.2 + 1 + 0.5 + 5 + 0.5)
    table = rows_of(_scenarios.scenario_table(cost))
    assert [row[0] for row in table[2:]] == [work.name for work in _scenarios.WORKS]


@pytest.mark.usefixtures("speed")
def test_the_picture_has_every_method_of_both_files(
    kept: Path, quality: tuple[str, dict[str, Any]], tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "picture.svg"
    printed = script("picture.py", kept / "quality.json", kept / "speed.json", out)
    assert printed.startswith("![")
    assert printed.rstrip().endswith(f"]({out.as_posix()})")
    assert all(name in printed for name in quality[1]["methods"])
    first = out.read_bytes()
    script("picture.py", kept / "quality.json", kept / "speed.json", out)
    assert out.read_bytes() == first
