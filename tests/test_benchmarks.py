"""The benchmarks run, and print figures that can be true; whole runs of them are slow, and CI's
alone."""

from __future__ import annotations

import doctest
import json
import statistics
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from tipclassify import Passage
from tipclassify.corpus.holdout import held_out
from tipclassify.corpus.loading import read_rows
from tipclassify.labels import LABELS

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
import _scenarios  # noqa: E402
import quality as quality_script  # noqa: E402
import scale  # noqa: E402
import speed as speed_script  # noqa: E402
from _measure import Figure, Target  # noqa: E402


def script(name: str, *arguments: object) -> str:
    """Output of a benchmark, run in this process."""
    app = typer.Typer()
    module = import_module(name)
    app.command()(getattr(module, "main", None) or getattr(module, name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def rows_of(text: str) -> list[list[str]]:
    """Cells of the Markdown tables in a text, headers among them."""
    lines = [line.strip("| ").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the benchmarks' results files."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def real(kept: Path) -> Path:
    """A file in the shape of labelled real passages, of our own sentences."""
    rows = [
        json.loads(line)
        for line in (ROOT / "data" / "corpus" / "assessment.jsonl")
        .read_text("utf-8")
        .splitlines()[:60]
    ]
    file, labelled = (
        kept / "reports.jsonl",
        next(number for number, row in enumerate(rows) if row["labels"]),
    )
    with file.open("w", encoding="utf-8") as out:
        for number, row in enumerate(rows):
            source = f"{('hrr/2031', 'dol-pdf')[number % 2]}/Valdoria-{number // 3}.html"
            about = {"section": "Trafficking in Persons", "source": source}
            alone = {"labels_alone": []} if number == labelled else {}
            line = {
                "id": f"r{number}",
                "text": row["text"],
                "labels": row["labels"],
                **about,
                **alone,
            }
            out.write(json.dumps(line) + "\n")
    return file


@pytest.fixture(scope="module")
def quality(kept: Path, real: Path) -> tuple[str, dict[str, Any]]:
    """Output and results file of quality.py on a small corpus."""
    file = kept / "quality.json"
    small = ("--data", DATA[0], "--data", DATA[1], "--real-dev", real)
    printed = script("quality", *small, "--write", "--json", file)
    return printed, json.loads(file.read_text("utf-8"))


@pytest.fixture(scope="module")
def page(kept: Path) -> Path:
    """A saved page of a few sentences."""
    file, text = kept / "page.html", (ROOT / "data" / "samples" / "excerpt.txt").read_text("utf-8")
    file.write_text(
        f"<html><body><article><h2>Prosecution</h2><p>{text}</p></article></body></html>", "utf-8"
    )
    return file


@pytest.fixture(scope="module")
def few() -> Iterator[pytest.MonkeyPatch]:
    """Limit the source of passages to two files of the corpus."""
    texts = [row["text"] for row in read_rows(*DATA)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_measure, "sentences", lambda: texts)
        for module in (speed_script, scale):
            patch.setattr(module, "invented", lambda: DATA)
        yield patch


@pytest.fixture(scope="module")
def speed(kept: Path, page: Path, few: pytest.MonkeyPatch) -> tuple[str, dict[str, Any]]:
    """Output and results file of speed.py, run small; no process is run twice, not even to warm
    up."""
    once = cache(_measure.run)
    few.setattr(speed_script, "run", lambda *command, **_: once(*command))
    few.setattr(
        speed_script,
        "cli",
        lambda *arguments, **_: once(sys.executable, "-m", "tipclassify", *arguments),
    )
    file = kept / "speed.json"
    small = ("--runs", 1, "--passages", 60, "--train", 200, "--whole", 0.05, "--json", file)
    return script("speed", page, *small), json.loads(file.read_text("utf-8"))


# ---------------------------------------------------------------------------------------------
# figures


def test_examples_in_the_docstrings_are_true() -> None:
    for module in (_measure, _peers, _scenarios, quality_script, scale):
        found = doctest.testmod(module)
        assert (found.failed, found.attempted > 0) == (0, True), module.__name__


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_exponent_is_the_power_that_values_grow_by(power: float) -> None:
    sizes = [1_000, 10_000, 100_000, 1_000_000]
    assert _measure.exponent(sizes, [7 * size**power for size in sizes]) == pytest.approx(power)


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


def test_calls_take_turns() -> None:
    order: list[str] = []
    calls = {
        name: (lambda name=name: order.append(name) or float(len(order)))
        for name in ("ours", "peer")
    }
    assert _measure.interleaved(calls, 3) == {"ours": (1, 3, 5), "peer": (2, 4, 6)}
    assert order == ["ours", "peer"] * 3


def test_passages_have_24_words_on_average_and_are_distinct() -> None:
    texts = list(islice(_measure.passages(1), 20_000))
    assert statistics.fmean(len(text.split()) for text in texts) == pytest.approx(24, abs=0.3)
    assert len(set(texts)) > 19_990


def test_memory_of_a_process_is_seen_and_a_failure_raises() -> None:
    pytest.importorskip("psutil")
    ran = _measure.run(
        sys.executable,
        "-c",
        "import time; held = b'1' * 150_000_000; time.sleep(0.3); print('done')",
    )
    assert ran.stdout == "done\n"
    assert ran.peak is not None
    assert 150 < ran.peak < 300
    assert ran.seconds > 0.3
    with pytest.raises(subprocess.CalledProcessError):
        _measure.run(sys.executable, "-c", "raise SystemExit(1)")


def test_a_page_without_the_mark_is_refused_and_the_rest_of_one_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- x -->\nold\n<!-- end -->\nb\n<!-- y -->\n<!-- end -->\n", "utf-8")
    _measure.write_between(page, "x", r"new \1")
    assert (
        page.read_text("utf-8")
        == "a\n<!-- x -->\nnew \\1\n<!-- end -->\nb\n<!-- y -->\n<!-- end -->\n"
    )
    with pytest.raises(ValueError, match="put one in"):
        _measure.write_between(page, "z", "")


# --------------------------------------------------------------------------------------------- rows
# and figures


def test_names_of_publications_are_counted_as_right_wrong_or_unknown(tmp_path: Path) -> None:
    for name, site in {"a": "Halden Institute", "b": "The Meridian", "c": ""}.items():
        tag = f"<meta property='og:site_name' content='{site}'>"
        (tmp_path / f"{name}.html").write_text(
            f"<!doctype html>{tag}<p>Police arrested nine men in May.</p>", "utf-8"
        )
    truth = tmp_path / "truth.csv"
    truth.write_text(
        "files,publication,publisher\n*.html,Harbor Watch,Halden / Halden Institute\n", "utf-8"
    )
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "publications.py", tmp_path, "--truth", truth],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1  # one of three is wrong
    assert "b.html: publisher 'The Meridian', not 'Halden'" in done.stderr
    assert rows_of(done.stdout)[-1] == ["all", "3", "0", "0", "3", "1", "1", "1"]


def test_a_real_row_is_known_by_its_source_and_taken_once(tmp_path: Path) -> None:
    text, source = "Police freed nine dockworkers.", "hrr/2031/valdoria.html"
    files = [tmp_path / name for name in ("corpus.jsonl", "real.jsonl")]
    rows = [{"text": text, "section": "Forced Labor", "labels": ["positive_effort"]}]
    files[0].write_text(json.dumps(rows[0]) + "\n", "utf-8")
    more = [
        rows[0] | {"before": "It rained."},
        {"text": text, "section": "Prisons", "labels": [], "source": source},
    ]
    files[1].write_text("".join(json.dumps(row) + "\n" for row in more), "utf-8")
    first, second = _rows.training_rows(files[:1], files[1:])
    assert (first["section"], first["before"]) == ("Forced Labor", "It rained.")
    assert (second["doc"], second["source"]) == (source, "hrr")


def test_what_is_held_out_teaches_no_peer_and_sets_its_thresholds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = _rows.training_rows(DATA, [])
    held = {row["text"] for row, out in zip(rows, held_out(rows), strict=True) if out}
    seen: dict[str, Sequence[str]] = {}

    def fit(texts: Sequence[str], truth: Any, weights: Any) -> Any:
        assert len(texts) == len(truth) == len(weights)
        seen["taught"] = texts

        def score(others: Sequence[str]) -> Any:
            seen.setdefault("judged", others)
            return np.tile(np.linspace(0.2, 0.8, len(others))[:, None], 3)

        return score

    monkeypatch.setattr(quality_script, "peers", lambda _: {"peer": fit})
    ((_, tag),) = quality_script.fitted_peers(rows, None, None)
    assert all(any(line.endswith(text) for text in held) for line in seen["judged"])
    assert len(seen["judged"]) == sum(row["text"] in held for row in rows)
    assert not set(seen["judged"]) & set(seen["taught"])
    assert len(seen["judged"]) + len(seen["taught"]) == len(rows)
    assert tag([Passage("Police slept.", 0, 13)]).shape == (1, 3)


def test_a_tagger_is_judged_by_part_and_what_it_tags_without_cause_is_counted(real: Path) -> None:
    found = quality_script.read_set(real)
    answers = {(p.text, p.section): t for p, t in zip(found.passages, found.y_true, strict=True)}
    answers |= {(p.text, None): t for p, t in zip(found.passages, found.y_true_bare, strict=True)}
    right = quality_script.judge(
        lambda passages: np.array([answers[p.text, p.section] for p in passages]), found
    )
    assert list(right) == [quality_script.WHOLE, "dol-pdf", "hrr", quality_script.BARE]
    assert {(one["macro_f1"], one["tagged"]) for one in right.values()} == {(1.0, 0)}
    assert (
        right["hrr"]["passages"] + right["dol-pdf"]["passages"]
        == right[quality_script.WHOLE]["passages"]
        == 60
    )
    assert (
        right[quality_script.BARE]["without_label"]
        == right[quality_script.WHOLE]["without_label"] + 1
    )

    all_tagged = quality_script.judge(lambda passages: np.ones((len(passages), 3), bool), found)
    for one in all_tagged.values():
        assert one["tagged"] == one["without_label"]
        assert {of["given"] for of in one["labels"].values()} == {one["passages"]}


# ---------------------------------------------------------------------------------------------
# scripts


@pytest.mark.slow
def test_quality_has_every_method_on_every_part_with_its_counts(
    quality: tuple[str, dict[str, Any]],
) -> None:
    printed, file = quality
    sets = file["sets"]["reports"]
    assert set(sets) >= OURS | PEERS
    for name in OPTIONAL - set(sets):
        assert f"{name} is not here. For its row: " in printed
    for found in sets.values():
        assert list(found) == [quality_script.WHOLE, "dol-pdf", "hrr", quality_script.BARE]
        for part in found.values():
            for label in part["labels"].values():
                f1 = 2 * label["right"] / max(1, label["given"] + label["true"])
                assert label["f1"] == pytest.approx(f1, abs=1e-3)
            occurring = [label["f1"] for label in part["labels"].values() if label["true"]]
            assert part["macro_f1"] == pytest.approx(statistics.fmean(occurring), abs=1e-3)
            assert 0 <= part["interval"][0] <= part["interval"][1] <= 1
            assert 0 <= part["tagged"] <= part["without_label"] < part["passages"]
    assert all(sets[name][quality_script.WHOLE]["macro_f1"] > 0.4 for name in OURS)
    header, _, *rows = rows_of(printed)
    scores = {row[0]: row[1] for row in rows[: len(sets)]}  # the first table: the whole set
    assert header[:3] == ["method", "macro-F1", "95% interval"]
    assert scores == {
        name: f"{found[quality_script.WHOLE]['macro_f1']:.3f}" for name, found in sets.items()
    }


@pytest.mark.parametrize(
    ("name", "arguments", "code", "printed"),
    [
        pytest.param("quality", [], 2, "--real-dev", marks=pytest.mark.slow),
        ("scale", ["--no-measure"], 2, "needs a --json file that is there"),
        ("speed", ["--help"], 0, "--runs"),
    ],
)
def test_a_script_starts_and_says_what_it_needs(
    name: str, arguments: list[str], code: int, printed: str
) -> None:
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
    )
    assert done.returncode == code
    assert printed in (done.stderr if code else done.stdout)


def test_traces_of_bad_reading_are_counted(tmp_path: Path) -> None:
    text = "1.1\n\nFund a shelter for men.\n\n1.2 Train the judges of\n\nthe north.\n\nA/HRC/14/20, paras. 4 and 5."
    (tmp_path / "bad.txt").write_text(text, "utf-8")
    (tmp_path / "empty.txt").write_text("", "utf-8")
    printed = script("reading", tmp_path / "bad.txt", tmp_path / "empty.txt")
    row = next(row for row in rows_of(printed) if row[0] == "bad.txt")
    assert row[2:7] == ["1", "33.3", "2", "2", "0"]  # nothing of the symbol: it is no passage
    assert "empty.txt: " in printed.splitlines()[-1]
    reading = import_module("reading")
    assert doctest.testmod(reading).failed == 0


@pytest.mark.slow
def test_speed_measures_every_part_and_judges_by_its_own_figures(
    speed: tuple[str, dict[str, Any]],
) -> None:
    printed, file = speed
    assert file["versions"]["tipclassify"] in printed.splitlines()[0]
    assert file["commit"] in printed.splitlines()[0]
    parts = list(dict.fromkeys(figure["part"].split(":")[0] for figure in file["figures"]))
    assert [part.split(",")[0] for part in parts[:2]] == ["default", "fast"]
    assert parts[2:] == [
        "Cold start, whole processes",
        "Saved page to JSONL, default",
        "Saved page to JSONL, fast",
        "Size",
    ]
    scored = {figure["name"] for figure in file["figures"] if figure["unit"] == "passages/s"}
    assert scored >= OURS | PEERS | OPTIONAL
    for figure in file["figures"]:
        if not figure["samples"]:
            assert "not " in figure["note"]  # not installed, not measured
            continue
        if "less " not in figure["name"]:  # a difference of two processes can be anything
            assert min(figure["samples"]) > 0, figure
        if "bar" in figure:
            sign, limit = figure["bar"].split()
            bar, value = float(limit.replace(",", "")), figure["value"]
            assert figure["met"] == (value <= bar if sign == "≤" else value >= bar)
    bars = {figure["name"] for figure in file["figures"] if "bar" in figure}
    assert bars == {
        "default",
        "fast to TF-IDF, characters too, + LR",
        "tipclassify --help",
        "import tipclassify, less bare python",
        "first tag of default to import sklearn",
    }
    for model in OURS:
        of = {
            f["name"]: f["value"]
            for f in file["figures"]
            if f["part"].startswith(f"Saved page to JSONL, {model}:")
        }
        stages = sum(of[name] for name in ("reading", "splitting", "scoring", "writing"))
        assert stages == pytest.approx(1e3 / of["whole pipeline, one core"])


@pytest.mark.slow
@pytest.mark.skipif(
    any(find_spec(name) is None for name in ("torch", "transformers", "onnx", "safetensors")),
    reason="needs PyTorch",
)
def test_a_trial_prints_a_line_of_what_was_held_out(tmp_path: Path) -> None:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "police", "freed", "sold", "workers"]
    tokenizer = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    torch.manual_seed(0)
    sizes = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
    }
    config = BertConfig(vocab_size=64, max_position_embeddings=128, **sizes)
    BertModel(config, add_pooling_layer=False).save_pretrained(tmp_path / "base")
    tokenizer.save(str(tmp_path / "base" / "tokenizer.json"))
    with (tmp_path / "real.jsonl").open("w", encoding="utf-8") as out:
        for number in range(120):
            did, labels = (("freed", ["positive_effort"]), ("sold", ["complicity"]), ("met", []))[
                number % 3
            ]
            source = f"hrr/2031/Ward{chr(97 + number % 26)}.html"
            about = {"section": "Forced Labor", "before": "It rained.", "source": source}
            text = f"police {did} workers in ward {number}"
            out.write(json.dumps({"text": text, "labels": labels, **about}) + "\n")
    small = ("--data", DATA[1], "--real-train", tmp_path / "real.jsonl", "--passages", 60)
    chosen = (
        "--only",
        "complicity counts twice",
        "--only",
        "another seed",
        "--only",
        "previous sentence as context",
    )
    printed = script("trials", "--base", tmp_path / "base", *small, *chosen)
    lines = [line for line in printed.splitlines() if line.startswith(chosen[1::2])]
    assert len(lines) == 3
    for line in lines:
        headed, bare, tagged = line[30:].split()
        assert all(0 < float(value) <= 1 for value in (headed, bare))
        assert 0 <= float(tagged.rstrip("%")) <= 100


# ---------------------------------------------------------------------------------------------
# scale


@pytest.mark.slow
@pytest.mark.usefixtures("speed")
def test_scale_counts_rows_trains_and_writes_the_page(kept: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    file = kept / "scale.json"
    printed = script("scale", "--rows", 300, "--runs", 1, "--json", file)
    assert [row[0] for row in rows_of(printed)] == ["rows", "-" * 4, "30", "300"]
    script("scale", "--training", "--sizes", "100,200", "--json", file)
    found = json.loads(file.read_text("utf-8"))
    assert [point["rows"] for point in found["stream"]["points"]] == [30, 300]
    assert [point["sentences"] for point in found["training"]["points"]] == [100, 200]

    marks = ("stream", "training", "scenarios")
    page = tmp_path / "scale.md"
    page.write_text("".join(f"<!-- {mark} -->\n<!-- end -->\n" for mark in marks), "utf-8")
    write = (
        "--no-measure",
        "--json",
        file,
        "--speed",
        kept / "speed.json",
        "--write",
        "--docs",
        tmp_path,
    )
    script("scale", *write)
    assert "to the power of" in page.read_text("utf-8")
    assert "a billion news pages" in page.read_text("utf-8")
    drawn = {plot.name: plot.read_bytes() for plot in tmp_path.glob("*.svg")}
    assert set(drawn) >= {"scale-throughput.svg", "training-time.svg"}
    script("scale", *write)
    assert {plot.name: plot.read_bytes() for plot in tmp_path.glob("*.svg")} == drawn


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_dask_scores_rows_and_pages(page: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    file = tmp_path / "scale.json"
    small = ("--rows", 100, "--page", page, "--copies", 2, "--runs", 1, "--workers", 1)
    script("scale", "--engine", "dask", *small, "--json", file)
    rows, pages = json.loads(file.read_text("utf-8"))["dask"]["points"]
    assert (rows["what"], rows["workers"], rows["amount"], rows["passages"]) == (
        "rows",
        1,
        100,
        100,
    )
    assert (pages["what"], pages["amount"]) == ("pages", 2)
    assert pages["passages"] > 2


@pytest.mark.usefixtures("few")
def test_sentences_past_the_corpus_have_the_labels_of_both_halves() -> None:
    assert len(scale.labelled(500)) == 500
    rows = scale.labelled(2_000)  # the corpus has 820
    assert len(rows) == 2_000
    assert all(set(row["labels"]) <= set(LABELS) for row in rows)


def test_a_work_costs_what_its_stages_cost() -> None:
    cost = _scenarios.Cost(
        0.2, reading=1e-5, splitting=1e-5, scoring=1e-4, writing=1e-5, written=400, memory=80
    )
    work = _scenarios.Work("w", documents=1_000, kilobytes=100, passages=50, why="")
    stages = cost.stages(work)
    assert stages["reading pages"] == pytest.approx(1.0)
    assert stages["scoring"] == pytest.approx(5.0)
    assert sum(stages.values()) == pytest.approx(0.2 + 1 + 0.5 + 5 + 0.5)
    slower = _scenarios.Cost(
        0.2, reading=1e-5, splitting=1e-5, scoring=1e-2, writing=1e-5, written=400, memory=80
    )
    table = rows_of(_scenarios.scenario_table({"fast": cost, "default": slower}))
    assert [row[:2] for row in table[2:]] == [
        [work.name, model] for work in _scenarios.WORKS for model in ("fast", "default")
    ]
