"""The benchmarks run, and print figures that can be true; only CI runs them whole.

A whole run is slow.
"""

from __future__ import annotations

import doctest
import re
import statistics
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import import_module
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import tipclassify
from tipclassify.arrays import Bools, Floats
from tipclassify.corpus.holdout import held_out
from tipclassify.corpus.rows import read_rows

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / "benchmarks"
DATA = [ROOT / "data" / "corpus" / name for name in ("assessment.jsonl", "prevention.jsonl")]
OURS = {"default", "fast"}
PEERS = {"TF-IDF + LR", "TF-IDF, characters too, + LR", "NB-SVM"}
OPTIONAL = {"fastText"}  # needs what the project does not

sys.path.append(str(BENCHMARKS))

import _measure  # noqa: E402
import _peers  # noqa: E402
import quality as quality_script  # noqa: E402
import speed as speed_script  # noqa: E402
from _measure import Figure, Target  # noqa: E402


def script(name: str, *arguments: object) -> str:
    """Run a benchmark in this process, and return what it prints."""
    app = typer.Typer()
    module = import_module(name)
    app.command()(getattr(module, "main", None) or getattr(module, name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def rows_of(text: str) -> list[list[str]]:
    """Read the cells of the Markdown tables in a text, headers among them."""
    lines = [line.strip("| ").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines]


@pytest.fixture(scope="module")
def few() -> Iterator[pytest.MonkeyPatch]:
    """Limit the source of passages to two files of the corpus."""
    texts = [row["text"] for row in read_rows(*DATA)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_measure, "sentences", lambda: texts)
        patch.setattr(speed_script, "invented", lambda: DATA)
        yield patch


# ------------------------------------------------------------------------------------------ figures


def test_examples_in_the_docstrings_are_true() -> None:
    for module in (_measure, _peers):
        examples = doctest.testmod(module)
        assert examples.failed == 0, module.__name__
        assert examples.attempted > 0, module.__name__


def test_a_figure_is_the_median_and_its_bar_is_worked_out() -> None:
    samples = (0.1, 0.9, 0.2, 0.3, 0.25)
    for bar, met in (
        (Target(0.25), "yes"),
        (Target(0.24), "no"),
        (Target(0.25, False), "yes"),
        (Target(0.26, False), "no"),
    ):
        cells = Figure("part", "name", "s", samples, target=bar).cells()
        assert cells[2:6] == ["0.25", "0.1", "0.9", "5"]
        assert cells[-1] == met
    absent = Figure("part", "name", "s", target=Target(1), note="not installed")
    assert absent.cells()[0] == "name: not installed"
    assert set(absent.cells()[1:]) == {""}
    assert absent.target_met is None


def test_passages_have_24_words_on_average_and_are_distinct() -> None:
    texts = list(islice(_measure.passages(1), 20_000))
    assert statistics.fmean(len(text.split()) for text in texts) == pytest.approx(24, abs=0.3)
    assert len(set(texts)) > 19_990


def test_memory_of_a_process_is_seen_and_a_failure_raises() -> None:
    pytest.importorskip("psutil")
    code = "import time; held = b'1' * 150_000_000; time.sleep(0.3); print('done')"
    ran = _measure.run(sys.executable, "-c", code)
    assert ran.stdout == "done\n"
    assert ran.peak is not None
    assert 150 < ran.peak < 300
    assert ran.seconds > 0.3
    with pytest.raises(subprocess.CalledProcessError):
        _measure.run(sys.executable, "-c", "raise SystemExit(1)")


# ------------------------------------------------------------------------------------------ quality


def test_what_is_held_out_teaches_no_peer_and_is_measured_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taught, judged = quality_script.split(read_rows(*DATA))
    rows = taught + judged
    held = {row["text"] for row, out in zip(rows, held_out(rows), strict=True) if out}
    assert {row["text"] for row in judged} == held
    learned: list[Sequence[str]] = []  # of each call

    def fit(
        texts: Sequence[str], truth: Bools, weights: Floats
    ) -> Callable[[Sequence[str]], Floats]:
        assert len(texts) == len(truth) == len(weights)
        learned.append(texts)
        return lambda texts: np.tile(np.linspace(0.2, 0.8, len(texts))[:, None], 3)

    in_pytorch = _peers.IN_PYTORCH[0]
    monkeypatch.setattr(quality_script, "peers", lambda _: {"peer": fit, in_pytorch: fit})
    _, _, *methods = quality_script.scored(taught, judged, None, 50)
    of_each = [("peer", f"{len(taught)}"), ("peer", "50"), (in_pytorch, "50")]
    assert [method for method, _ in methods] == of_each
    assert [len(texts) for texts in learned] == [len(taught), 50, 50]
    assert learned[1] == learned[2] == learned[0][:50]
    assert not any(line.endswith(text) for line in learned[0] for text in held)

    right = quality_script.label_matrix(judged).astype(float)
    turned = 1 - right  # as certain, and always wrong: calibration does not turn it round
    for scores, low, high in ((right, 0.99, 1), (turned, 0, 0.7)):
        whole, *_ = quality_script.judge(scores, judged)
        assert low <= whole.metrics.macro_f1 <= high


# ------------------------------------------------------------------------------------------ scripts


@pytest.mark.slow
def test_quality_has_every_method_once() -> None:
    printed = script("quality", "--data", DATA[0], "--data", DATA[1])
    header, _, *rows = rows_of(printed)
    assert header[:3] == ["method", "learned from", "macro-F1"]
    methods = {row[0] for row in rows}
    assert len(rows) == len(methods)
    assert methods >= OURS | PEERS
    for name in (OPTIONAL | {*_peers.IN_PYTORCH}) - methods:
        assert f"{name} is not here. For its row: " in printed
    for row in rows:
        macro_f1, low, high = map(float, re.findall(r"\d\.\d{3}", row[2]))
        assert 0 <= low <= macro_f1 <= high <= 1
        assert macro_f1 > (0.8 if row[0] in OURS else 0.4)


@pytest.mark.slow
def test_speed_measures_every_part_and_judges_by_its_own_figures(
    few: pytest.MonkeyPatch,
) -> None:
    once = cache(_measure.run)  # no process is run twice, not even to warm up
    few.setattr(speed_script, "run", lambda *command, **_: once(*command))
    printed = script("speed", "--runs", 1, "--passages", 60, "--train", 200)
    assert f"tipclassify {tipclassify.__version__}" in printed.splitlines()[0]
    parts = [line[4:].split(":")[0] for line in printed.splitlines() if line.startswith("### ")]
    assert [part.split(",")[0] for part in parts] == ["default", "fast", "Cold start", "Size"]
    rows = rows_of(printed)  # without the empty cells at the end of a row
    assert {row[0].split(":")[0] for row in rows} >= OURS | PEERS | OPTIONAL
    bars = set()
    for name, _, value, *_, bar, met in (row for row in rows if row[-1] in ("yes", "no")):
        bars.add(name)
        figure = float(value.replace(",", ""))
        sign, limit = bar.split()
        assert (met == "yes") == (figure <= float(limit) if sign == "≤" else figure >= float(limit))
    assert bars == {
        "default",
        "fast to TF-IDF, characters too, + LR",
        "tipclassify --help",
        "import tipclassify, less bare python",
        "first tag of default to import sklearn",
    }


# -------------------------------------------------------------------------------------------- scale


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_scale_has_a_row_for_each_size_and_number_of_processes() -> None:
    printed = script("scale", "--rows", 300, "--runs", 1, "--jobs", "1,2")
    cells = [row[:2] for row in rows_of(printed)[2:]]
    assert cells == [[rows, jobs] for rows in ("30", "300") for jobs in ("1", "2")]
    assert "to the power of" in printed


# ---------------------------------------------------------------------------- fuzz and growth


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["txt", "store", "corpus"])
def test_altered_files_are_read_or_refused_in_a_line(kind: str) -> None:
    pytest.importorskip("resource", reason="fuzz.py bounds memory as Unix does")
    printed = script("fuzz", "--files", 100, "--kind", kind)
    assert printed.splitlines()[1].startswith(kind)
    assert "\n0 failures" in printed


@pytest.mark.slow
def test_growth_has_a_row_for_each_structure_of_a_kind() -> None:
    pytest.importorskip("resource", reason="growth.py bounds time as Unix does")
    printed = script("growth", "--kind", "markdown", "--most", 4000)
    _, _, *rows = rows_of(printed)
    assert len(rows) > 5
    assert all(row[0].startswith("markdown, ") for row in rows)
    assert f"{len(rows)} structures, 0 over" in printed
