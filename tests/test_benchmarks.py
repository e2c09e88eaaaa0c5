"""The benchmarks run, and print figures that can be true; only CI runs them whole.

A whole run is slow.
"""

from __future__ import annotations

import doctest
import json
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
from tipclassify import Passage
from tipclassify.arrays import Bools, Floats
from tipclassify.corpus.holdout import held_out
from tipclassify.corpus.rows import read_rows

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / "benchmarks"
DATA = [ROOT / "data" / "corpus" / name for name in ("assessment.jsonl", "prevention.jsonl")]
OURS = {"default", "fast"}
PEERS = {"TF-IDF + LR", "TF-IDF, characters too, + LR", "NB-SVM"}
OPTIONAL = {"fastText", "static embeddings + LR"}  # need what the project does not

sys.path.append(str(BENCHMARKS))

import _measure  # noqa: E402
import _peers  # noqa: E402
import _rows  # noqa: E402
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
def results_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the folder of the benchmarks' results files."""
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def real(results_folder: Path) -> Path:
    """Write a file in the shape of labelled real passages, of our own sentences."""
    lines = (ROOT / "data" / "corpus" / "assessment.jsonl").read_text("utf-8").splitlines()
    ours = [json.loads(line) for line in lines[:60]]
    rows = []
    for number, row in enumerate(ours):
        folder = "dol-pdf" if number % 2 else "hrr/2031"
        rows.append(
            {
                "id": f"r{number}",
                "text": row["text"],
                "labels": row["labels"],
                "section": "Trafficking in Persons",
                "source": f"{folder}/Valdoria-{number // 3}.html",
            }
        )
    first_with_labels = next(row for row in rows if row["labels"])
    first_with_labels["labels_alone"] = []
    file = results_folder / "reports.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


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
    for module in (_measure, _peers, quality_script):
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


# --------------------------------------------------------------------------------- rows and figures


def test_a_real_row_is_known_by_its_source_and_taken_once(tmp_path: Path) -> None:
    text = "Police freed nine dockworkers."
    source = "hrr/2031/valdoria.html"
    corpus = tmp_path / "corpus.jsonl"
    row = {"text": text, "section": "Forced Labor", "labels": ["positive_effort"]}
    corpus.write_text(json.dumps(row) + "\n", "utf-8")
    real = tmp_path / "real.jsonl"
    real_rows = [
        {**row, "before": "It rained."},
        {"text": text, "section": "Prisons", "labels": [], "source": source},
    ]
    real.write_text("".join(json.dumps(real_row) + "\n" for real_row in real_rows), "utf-8")
    first, second = _rows.training_rows([corpus], [real])
    assert (first["section"], first["before"]) == ("Forced Labor", "It rained.")
    assert (second["doc"], second["source"]) == (source, "hrr")


def test_what_is_held_out_teaches_no_peer_and_sets_its_thresholds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = _rows.training_rows(DATA, [])
    held = {row["text"] for row, out in zip(rows, held_out(rows), strict=True) if out}
    taught: list[str] = []
    judged: list[Sequence[str]] = []  # of each call

    def fit(
        texts: Sequence[str], truth: Bools, weights: Floats
    ) -> Callable[[Sequence[str]], Floats]:
        assert len(texts) == len(truth) == len(weights)
        taught.extend(texts)

        def score(texts: Sequence[str]) -> Floats:
            judged.append(texts)
            return np.tile(np.linspace(0.2, 0.8, len(texts))[:, None], 3)

        return score

    monkeypatch.setattr(quality_script, "peers", lambda _: {"peer": fit})
    ((_, tag),) = quality_script.fitted_peers(rows, None, None)
    for_thresholds = judged[0]
    assert all(any(line.endswith(text) for text in held) for line in for_thresholds)
    assert len(for_thresholds) == sum(row["text"] in held for row in rows)
    assert not set(for_thresholds) & set(taught)
    assert len(for_thresholds) + len(taught) == len(rows)
    assert tag([Passage("Police slept.", 0, 13)]).shape == (1, 3)


def test_a_tagger_is_judged_by_part_and_what_it_tags_without_cause_is_counted(real: Path) -> None:
    judged_set = quality_script.read_set(real)
    answers = {}
    for i, passage in enumerate(judged_set.passages):
        answers[passage.text, passage.section] = judged_set.y_true[i]
        answers[passage.text, None] = judged_set.y_true_bare[i]

    def tag_rightly(passages: Sequence[Passage]) -> Bools:
        return np.array([answers[passage.text, passage.section] for passage in passages])

    def tag_all(passages: Sequence[Passage]) -> Bools:
        return np.ones((len(passages), 3), bool)

    parts = quality_script.judge(tag_rightly, judged_set)
    assert list(parts) == [quality_script.WHOLE, "dol-pdf", "hrr", quality_script.BARE]
    for part in parts.values():
        assert part["macro_f1"] == 1
        assert part["tagged"] == 0
    whole = parts[quality_script.WHOLE]
    assert whole["passages"] == 60
    assert parts["hrr"]["passages"] + parts["dol-pdf"]["passages"] == 60
    assert parts[quality_script.BARE]["without_label"] == whole["without_label"] + 1

    for part in quality_script.judge(tag_all, judged_set).values():
        assert part["tagged"] == part["without_label"]
        assert {label["given"] for label in part["labels"].values()} == {part["passages"]}


# ------------------------------------------------------------------------------------------ scripts


@pytest.mark.slow
def test_quality_has_every_method_on_every_part_with_its_counts(real: Path) -> None:
    printed = script("quality", real, "--data", DATA[0], "--data", DATA[1])
    parts = ("all passages, 60", "dol-pdf, 30", "hrr, 30", "all passages, read without")
    titles = [line for line in printed.splitlines() if line.startswith("### reports: ")]
    assert len(titles) == len(parts)
    for title, part in zip(titles, parts, strict=True):
        assert title.startswith(f"### reports: {part}")
    header, _, *rows = rows_of(printed)
    assert header[:3] == ["method", "macro-F1", "95% interval"]
    rows = [row for row in rows if row[0] in OURS | PEERS | OPTIONAL]
    methods = {row[0] for row in rows}
    assert methods >= OURS | PEERS
    assert len(rows) == len(methods) * len(parts)
    for name in OPTIONAL - methods:
        assert f"{name} is not here. For its row: " in printed
    for _, macro_f1, interval, *labels, alarms in rows:
        low, high = map(float, interval.split(" to "))
        assert 0 <= low <= high <= 1
        scores = []
        for cell in labels:
            score, right, given, true = map(float, re.findall(r"[\d.]+", cell))
            assert score == pytest.approx(2 * right / max(1, given + true), abs=1e-3)
            scores += [score] if true else []
        assert float(macro_f1) == pytest.approx(statistics.fmean(scores), abs=2e-3)
        tagged, without = map(int, re.findall(r"(\d+)/(\d+)", alarms)[0])
        assert 0 <= tagged <= without < 60
    assert all(float(row[1]) > 0.4 for row in rows[: len(methods)] if row[0] in OURS)


@pytest.mark.parametrize("name", ["quality", "speed"])
def test_a_script_says_what_it_takes(name: str) -> None:
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), "--help"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=True)
    assert "--base" in done.stdout


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
@pytest.mark.parametrize("kind", ["txt", "store", "events", "corpus"])
def test_altered_files_are_read_or_refused_in_a_line(kind: str) -> None:
    pytest.importorskip("resource", reason="fuzz.py bounds memory as Unix does")
    printed = script("fuzz", "--seconds", 3, "--kind", kind)
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
