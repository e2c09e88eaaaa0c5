"""Counts add up, adjusted counts are what their sources say, their intervals hold, and charts
show the same figures."""

from __future__ import annotations

import csv
import io
import json
import math
import struct
import sys
import warnings
from collections.abc import Iterable
from dataclasses import replace
from importlib.resources import files
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from tipclassify import LABELS, Classifier
from tipclassify.cli import summary as command
from tipclassify.cli.score import score
from tipclassify.errors import InputError, MissingExtraError
from tipclassify.pipeline.batch import Tagging, tag_input
from tipclassify.reporting.adjustment import (
    DISPERSION,
    FEW,
    NOTES,
    AdjustmentRates,
    adjust_count,
    read_adjustment_rates,
)
from tipclassify.reporting.charts import draw_chart
from tipclassify.reporting.charts.bars import PARTS
from tipclassify.reporting.charts.description import describe_chart
from tipclassify.reporting.dimensions import DIMENSIONS
from tipclassify.reporting.group import NONE, Group
from tipclassify.reporting.palette import DARK_INKS, DARK_TINTS, INKS, TINTS, text_colour_on
from tipclassify.reporting.report import ScoringContext, TaggedReport
from tipclassify.reporting.summary import Summary, summarize
from tipclassify.reporting.writers.summed import write_summary_table
from tipclassify.text.document import Document, Passage
from tipclassify.text.segmentation.sections import FOLDED

GOOD = AdjustmentRates(tp=900, fn=100, fp=50, tn=950)
SECTIONED = (
    "PROSECUTION\n\nPolice arrested nine traffickers. Courts convicted no traffickers.\n\n"
    "PREVENTION\n\nThe sea is blue."
)

app = typer.Typer()
app.command()(command.summary)
app.command()(score)


def run(*args: object) -> Result:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return CliRunner().invoke(app, [*map(str, args), "--model", "fast"], catch_exceptions=False)


def write_rows(path: Path, rows: Iterable[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def passages(
    *labels: tuple[str, ...], low_confidence: bool = False, text: str = "Courts sat."
) -> list[Passage]:
    return [Passage(text, 0, len(text), None, one, {}, low_confidence) for one in labels]


def example(groups: int = 3, years: int = 0, rates: AdjustmentRates | None = GOOD) -> Summary:
    """`groups` countries with 40 passages each, in `years` years."""
    sets = {
        ("positive_effort",): 12,
        ("failure",): 8,
        ("positive_effort", "failure"): 2,
        ("failure", "complicity"): 2,
    }
    by = ("country", "year") if years else ("country",)
    keys = [
        (f"Land {i}", *([2000 + y] if years else []))
        for i in range(groups)
        for y in range(years or 1)
    ]
    made = tuple(Group(key, {**sets, (): 16}) for key in keys)
    total = Group((), {labels: n * len(keys) for labels, n in {**sets, (): 16}.items()})
    known = None if rates is None else dict.fromkeys(LABELS, rates)
    return Summary(by, made, total, known, {"policy": "balanced", "model": "0123"})


# ---------------------------------------------------------------------------------------------
# adjusting


def rates(least: int = 0) -> st.SearchStrategy[AdjustmentRates]:
    count = st.integers(least, 5_000)
    return st.builds(AdjustmentRates, count, count, count, count)


@st.composite
def counts(draw_: st.DrawFn, many: int = 3_000) -> tuple[int, int]:
    n = draw_(st.integers(1, many))
    return draw_(st.integers(0, n)), n


@given(counts(), rates())
def test_an_adjusted_count_lies_in_its_interval_and_the_interval_among_the_passages(
    of: tuple[int, int], table: AdjustmentRates
) -> None:
    found = adjust_count(*of, table)
    assert 0 <= found.low <= found.count <= found.high <= of[1]
    assert set(found.notes) <= set(NOTES)


@given(counts(), counts(), rates())
def test_the_more_are_tagged_the_more_there_are(
    one: tuple[int, int], other: tuple[int, int], table: AdjustmentRates
) -> None:
    few, many = sorted((min(one[0], other[1]), min(other[0], other[1])))
    assert adjust_count(few, other[1], table).count <= adjust_count(many, other[1], table).count


@given(counts(), st.integers(1, 5_000), st.integers(1, 5_000))
def test_what_never_errs_counts_rightly(of: tuple[int, int], with_label: int, without: int) -> None:
    assert adjust_count(*of, AdjustmentRates(with_label, 0, 0, without)).count == pytest.approx(
        of[0]
    )


def test_the_adjusted_count_is_that_of_rogan_and_gladen() -> None:
    # p = 0.4, se = 0.9, sp = 0.95: (0.4 + 0.95 - 1) / (0.9 + 0.95 - 1)
    assert adjust_count(400, 1_000, GOOD).count == pytest.approx(1_000 * 0.35 / 0.85)
    assert adjust_count(5, 1_000, GOOD).count == 0
    assert adjust_count(960, 1_000, GOOD).count == 1_000


def test_limits_solve_the_equation_of_the_docstring() -> None:
    found = adjust_count(400, 1_000, GOOD)
    se, sp = 900.5 / 1_001, 950.5 / 1_001
    var_se, var_sp = se * (1 - se) / 1_002, sp * (1 - sp) / 1_002
    for t in (found.low, found.high):
        rest = 1_000 - t
        variance = t * se * (1 - se) + rest * sp * (1 - sp) + t**2 * var_se + rest**2 * var_sp
        assert (400 - t * se - rest * (1 - sp)) ** 2 == pytest.approx(
            1.959964**2 * 4 / 3 * variance
        )


def test_the_interval_knows_how_little_a_small_table_tells() -> None:
    def width(table: AdjustmentRates) -> float:
        return adjust_count(400, 1_000, table).high - adjust_count(400, 1_000, table).low

    assert (
        width(AdjustmentRates(9_000, 1_000, 500, 9_500))
        < width(GOOD)
        < width(AdjustmentRates(45, 5, 3, 57))
    )
    assert width(AdjustmentRates(4, 1, 1, 4)) == 1_000


def test_the_more_errors_go_together_the_wider_the_interval_and_the_count_is_the_same() -> None:
    apart, usual, together = (
        adjust_count(400, 1_000, replace(GOOD, dispersion=d)) for d in (1.0, DISPERSION, 4.0)
    )
    assert apart.high - apart.low < usual.high - usual.low < together.high - together.low
    assert usual == adjust_count(400, 1_000, GOOD)
    assert apart.count == usual.count == together.count


def test_a_label_beyond_the_model_is_flagged_and_its_interval_is_everything() -> None:
    for table in (
        AdjustmentRates(5, 5, 5, 5),
        AdjustmentRates(1, 9, 9, 1),
        AdjustmentRates(0, 0, 10, 90),
        AdjustmentRates(9, 1, 0, 0),
        AdjustmentRates(0, 0, 0, 0),
    ):
        found = adjust_count(30, 100, table)
        assert (found.count, found.low, found.high, found.notes) == (30, 0, 100, ("weak",))
    assert (
        "weak" in adjust_count(30, 100, AdjustmentRates(430, 570, 150, 850)).notes
    )  # 0.28: defined, and wide
    assert "weak" not in adjust_count(30, 100, AdjustmentRates(430, 570, 0, 1_000)).notes


def test_few_passages_are_flagged() -> None:
    assert adjust_count(3, FEW - 1, GOOD).notes == ("few",)
    assert adjust_count(3, FEW, GOOD).notes == ()


def test_no_passages_are_none() -> None:
    found = adjust_count(0, 0, GOOD)
    assert (found.count, found.low, found.high) == (0, 0, 0)


def test_tags_fewer_or_more_than_errors_alone_would_give_are_flagged_and_not_called_certain() -> (
    None
):
    rare = adjust_count(5, 1_000, GOOD)  # the rates foretell fifty false alarms
    assert rare.notes == ("unlike",)
    assert rare.low == 0
    assert rare.high > 5
    common = adjust_count(999, 1_000, GOOD)
    assert common.notes == ("unlike",)
    assert common.low < 1_000
    assert common.high == 1_000


@pytest.mark.parametrize("n", [50, 200, 2_000])
@pytest.mark.parametrize(
    ("se", "sp", "with_label", "without"),
    [
        (0.90, 0.94, 1_604, 2_857),
        (0.79, 0.98, 558, 3_903),
        (0.96, 0.85, 1_505, 2_956),
        (0.80, 0.90, 60, 120),
    ],
)
def test_intervals_cover_the_true_count(
    se: float, sp: float, with_label: int, without: int, n: int
) -> None:
    rng = np.random.default_rng(0)
    covered = []
    for prevalence in (0.05, 0.1, 0.2, 0.35, 0.5):
        hits = 0
        for _ in range(300):
            truth = int(rng.binomial(n, prevalence))
            tagged = int(rng.binomial(truth, se) + rng.binomial(n - truth, 1 - sp))
            tp, tn = int(rng.binomial(with_label, se)), int(rng.binomial(without, sp))
            found = adjust_count(tagged, n, AdjustmentRates(tp, with_label - tp, without - tn, tn))
            hits += found.low <= truth <= found.high
        covered.append(hits / 300)
    assert min(covered) > 0.92
    # over 95%: errors are independent here, in narratives they are not
    assert 0.95 < np.mean(covered) < 0.99


def test_intervals_cover_the_true_count_of_narratives_that_differ() -> None:
    rng = np.random.default_rng(0)

    # 0.008 of the variance of a passage is its narrative's: 4/3 times at 42
    def differing(mean: float) -> float:
        return float(rng.beta(mean * 124, (1 - mean) * 124))

    hits = 0
    for _ in range(2_000):
        truth = int(rng.binomial(42, 0.35))
        tagged = int(
            rng.binomial(truth, differing(0.9)) + rng.binomial(42 - truth, 1 - differing(0.94))
        )
        found = adjust_count(tagged, 42, AdjustmentRates(1_448, 156, 168, 2_689))
        hits += found.low <= truth <= found.high
    assert 0.93 < hits / 2_000 < 0.98


# ---------------------------------------------------------------------------------------------
# error rates


@pytest.mark.parametrize("model", ["default", "fast"])
def test_the_shipped_models_know_their_error_rates(model: str) -> None:
    known = read_adjustment_rates(Classifier.load(model).meta)
    assert known is not None
    assert set(known) == set(LABELS)
    assert all(
        0.5 < table.sensitivity < 1 and 0.9 < table.specificity < 1 for table in known.values()
    )


@pytest.mark.parametrize("policy", ["screen", "balanced", "cite"])
def test_rates_at_a_moved_threshold_agree_with_those_of_the_policy_that_has_it(
    classifier: Classifier, policy: str
) -> None:
    moved = dict(zip(LABELS, classifier.thresholds(policy).tolist(), strict=True))
    of_policy, of_threshold = (
        read_adjustment_rates(classifier.meta, policy, m) for m in (None, moved)
    )
    assert of_policy is not None
    assert of_threshold is not None
    for label in LABELS:
        one, other = of_policy[label], of_threshold[label]
        # passages count by weight, rounded
        assert one.tp + one.fn == pytest.approx(other.tp + other.fn, abs=0.05)
        # Thresholds are cross-fitted there: the two differ by sampling. Of nine comparisons one
        # in 20 runs may exceed 2.8 standard errors (Bonferroni).
        error = (one.sensitivity * (1 - one.sensitivity) / (one.tp + one.fn)) ** 0.5
        assert one.sensitivity == pytest.approx(other.sensitivity, abs=2.8 * error)
        # Below 0.01 the thresholds of the folds differ by half, and a thousandth more or less moves
        # many passages.
        near = 0.01 if moved[label] >= 0.01 else 0.05
        assert one.specificity == pytest.approx(other.specificity, abs=near)


def test_a_threshold_within_a_step_takes_its_part_of_the_step() -> None:
    zero = [0] * 100
    counted = {"with": [*zero[:40], 8, 4, *zero[42:]], "without": [10, *zero[1:]]}
    same = {label: {"tp": 1, "fn": 1, "fp": 1, "tn": 1} for label in LABELS}
    meta = {
        "error_table": {"policies": {"balanced": same}, "histogram": dict.fromkeys(LABELS, counted)}
    }

    def at(threshold: float) -> AdjustmentRates:
        found = read_adjustment_rates(meta, overrides={"failure": threshold})
        assert found is not None
        assert found["complicity"] == AdjustmentRates(1, 1, 1, 1)
        return found["failure"]

    assert at(0.40) == AdjustmentRates(12, 0, 0, 10)
    assert at(0.4025).tp == pytest.approx(10)
    assert at(0.41).tp == pytest.approx(4)
    assert at(0.0025).fp == pytest.approx(7.5)
    assert at(0.42) == AdjustmentRates(0, 12, 0, 10)


@pytest.mark.parametrize(("stated", "expected"), [({}, DISPERSION), ({"dispersion": 2}, 2.0)])
def test_the_dispersion_is_the_models_where_it_states_one(
    stated: dict[str, float], expected: float
) -> None:
    counted = {"with": [1] * 100, "without": [1] * 100}
    same = {label: {"tp": 1, "fn": 1, "fp": 1, "tn": 1} for label in LABELS}
    table = {"policies": {"balanced": same}, "histogram": dict.fromkeys(LABELS, counted), **stated}
    found = read_adjustment_rates({"error_table": table}, overrides={"failure": 0.4})
    assert found is not None
    assert [rates.dispersion for rates in found.values()] == [expected] * len(LABELS)


# ---------------------------------------------------------------------------------------------
# counting


def test_labels_are_counted_by_report_and_in_all(classifier: Classifier) -> None:
    both, effort = ("positive_effort", "failure"), ("positive_effort",)
    reports = [
        TaggedReport(
            "b.html", Document("", (), country="Tarn", year=2024), passages(both, effort, ())
        ),
        TaggedReport("a.html", Document("", (), country="Tarn", year=2023), passages(effort)),
    ]
    found = summarize(reports, ScoringContext(classifier))
    assert [group.key for group in found.groups] == [("b.html",), ("a.html",)]
    assert [found.groups[0].count(label) for label in (*LABELS, NONE)] == [2, 1, 0, 1]
    assert found.total.passages == 4
    assert found.total.count("positive_effort") == 3
    by_country = summarize(reports, ScoringContext(classifier), ("country", "year"))
    assert [(group.key, group.passages) for group in by_country.groups] == [
        (("Tarn", 2023), 1),
        (("Tarn", 2024), 3),
    ]


def test_rows_are_counted_under_what_they_say(classifier: Classifier) -> None:
    rows: list[dict[str, object]] = [
        {"country": "Zambia", "year": 2023},
        {"country": "Åland", "year": "2024", "file": "aland.html"},
        {"country": "Türkiye", "year": 2024.0},
        {"country": None, "year": float("nan")},
        {"country": " Zambia ", "year": "FY23"},
    ]
    report = TaggedReport("rows.jsonl", None, passages(*[()] * 5), rows)

    def keys(*by: str) -> list[tuple[object, ...]]:
        return [group.key for group in summarize([report], ScoringContext(classifier), by).groups]

    assert keys("country") == [("Åland",), ("Türkiye",), ("Zambia",), (None,)]
    assert keys("year") == [(2023,), (2024,), ("FY23",), (None,)]
    assert keys("file") == [("rows.jsonl",), ("aland.html",)]
    assert keys("year", "country")[1:3] == [(2024, "Åland"), (2024, "Türkiye")]


def test_sections_are_folded_to_the_eight_of_the_genre_and_other(classifier: Classifier) -> None:
    def report(file: str, *sections: str | None) -> TaggedReport:
        return TaggedReport(
            file, None, [Passage("Courts sat.", 0, 11, section) for section in sections]
        )

    reports = [
        report(
            "1",
            "INTERNET FREEDOM",
            None,
            "b. Prohibition of Forced or Compulsory Labor",
            "Protection",
        ),
        report(
            "2",
            "Internet Freedom",
            "c. Child Labour and Minimum Age",
            "protection",
            "Protection of Refugees",
        ),
    ]
    found = summarize(reports, ScoringContext(classifier), ["section"])
    assert [(group.key[0], group.passages) for group in found.groups] == [
        *(
            ("protection", 2),
            ("forced labor, trafficking", 1),
            ("child labor", 1),
            ("other", 3),
            (None, 1),
        ),
    ]
    both = summarize(reports[::-1], ScoringContext(classifier), ["file", "section"])
    assert [group.key for group in both.groups][:3] == [
        ("2", "protection"),
        ("2", "child labor"),
        ("2", "other"),
    ]
    assert len(FOLDED) == 8 + 1


def test_a_report_without_passages_is_a_row_of_zeros(classifier: Classifier) -> None:
    report = TaggedReport("empty.html", Document("", (), year=2024), [])
    found = summarize([report], ScoringContext(classifier), ("file", "year"))
    assert [group.key for group in found.groups] == [("empty.html", 2024)]
    row = next(found.rows())
    assert row["passages"] == row["none"]["count"] == row["labels"]["failure"]["count"] == 0
    assert row["labels"]["failure"]["share"] is None
    assert summarize([report], ScoringContext(classifier), ["section"]).groups == ()
    assert math.isnan(found.total.share("failure"))


def test_a_report_that_the_model_cannot_read_is_flagged(classifier: Classifier) -> None:
    def notes(text: str) -> tuple[str, ...]:
        unread = passages(*[()] * 20, low_confidence=True, text=text) + passages(*[()] * 20)
        found = summarize([TaggedReport("es.html", None, unread)], ScoringContext(classifier))
        assert (found.total.passages, found.total.low_confidence) == (40, 20)
        estimate = found.estimate(found.total, "failure")
        assert estimate is not None
        return estimate.notes

    assert notes("El gobierno no condenó a ningún tratante.") == ("unclear",)
    assert notes("Khoros Province") == ()  # a cell of a table, not another language


def test_the_table_says_in_one_line_that_a_report_is_mostly_about_other_things(
    classifier: Classifier,
) -> None:
    def line(*reports: TaggedReport) -> str:
        out = io.StringIO()
        write_summary_table(summarize(reports, ScoringContext(classifier)), out)
        return next(
            (line for line in out.getvalue().splitlines() if "about trafficking" in line), ""
        )

    text = "The council met in the capital."
    dull = [Passage(text, 0, len(text), "Press", (), {"failure": 0.01})] * 60
    found = [Passage(text, 0, len(text), "Forced Labor", ("failure",))] * 3
    batches = (TaggedReport("a.jsonl", None, dull), TaggedReport("a.jsonl", None, found))
    assert (
        line(*batches)
        == "3 of 63 passages are about trafficking; the rest of this report is on other subjects."
    )
    other = TaggedReport("b.jsonl", None, found * 20)
    assert line(*batches, other).startswith(
        "1 of 2 reports are mostly on other subjects: 3 of their 63"
    )
    assert line(other) == ""


def test_adjusted_counts_of_groups_add_up_to_the_adjusted_total() -> None:
    found = example()
    parts = [found.estimate(group, "failure") for group in found.groups]
    whole = found.estimate(found.total, "failure")
    assert whole is not None
    assert sum(part.count for part in parts if part) == pytest.approx(whole.count)


def test_dimensions_of_the_command_are_those_of_the_library() -> None:
    assert tuple(one.value for one in command.Dimension) == DIMENSIONS


# --------------------------------------------------------------------------------------------- the
# command


@pytest.fixture
def report(tmp_path: Path) -> Path:
    file = tmp_path / "report.txt"
    file.write_text(SECTIONED, "utf-8")
    return file


def test_jsonl_has_a_row_for_each_group_and_one_for_all(report: Path) -> None:
    done = run("summary", report, "--by", "section", "-f", "jsonl")
    assert (done.exit_code, done.stderr) == (0, "")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["section"], row["total"], row["passages"]) for row in rows] == [
        ("prosecution", False, 2),
        ("prevention", False, 1),
        (None, True, 3),
    ]
    failure = rows[0]["labels"]["failure"]
    assert (failure["count"], failure["share"], failure["notes"]) == (1, 0.5, ["few"])
    assert failure["low"] <= failure["adjusted"] <= failure["high"]
    assert rows[0]["policy"] == "balanced"


def test_what_score_wrote_is_summarized_as_the_report_it_is_from(
    report: Path, tmp_path: Path
) -> None:
    scored = tmp_path / "scored.jsonl"
    assert run("score", report, "-o", scored).exit_code == 0
    by = ("--by", "file", "--by", "section", "--policy", "screen", "-f", "jsonl")
    assert run("summary", scored, *by).stdout == run("summary", report, *by).stdout


def test_labels_in_the_rows_are_not_believed(tmp_path: Path) -> None:
    row = {
        "text": "The sea is blue and calm today.",
        "labels": ["complicity"],
        "scores": {"complicity": 0.99},
    }
    done = run("summary", write_rows(tmp_path / "in.jsonl", [row]), "-f", "jsonl")
    assert json.loads(done.stdout.splitlines()[0])["labels"]["complicity"]["count"] == 0


def test_a_threshold_moves_counts_and_error_rates(report: Path) -> None:
    def failure(*options: str) -> dict[str, float]:
        rows = run("summary", report, "-f", "jsonl", *options).stdout.splitlines()
        assert json.loads(rows[0])["policy"] == (
            "balanced, failure=0.999" if options else "balanced"
        )
        found: dict[str, float] = json.loads(rows[0])["labels"]["failure"]
        return found

    assert failure()["count"] == 1
    moved = failure("--threshold", "failure=0.999")
    assert moved["count"] == 0
    assert moved["high"] > 1  # hardly any failure reaches so far: none tagged says little


def test_csv_has_the_same_rows_and_no_live_formula(tmp_path: Path) -> None:
    rows = [
        {"text": "Police acted.", "country": "=1+1"},
        {"text": "Police acted.", "country": "Côte d'Ivoire"},
    ]
    out = tmp_path / "counts.csv"
    assert (
        run(
            "summary", write_rows(tmp_path / "in.jsonl", rows), "--by", "country", "-o", out
        ).exit_code
        == 0
    )
    read = list(csv.DictReader(io.StringIO(out.read_text("utf-8"), newline="")))
    assert [row["country"] for row in read] == ["'=1+1", "Côte d'Ivoire", ""]
    assert [row["total"] for row in read] == ["false", "false", "true"]
    expected = ["", *("_share _adjusted _low _high _adjusted_share _notes").split()]
    assert [name for name in read[0] if name.startswith("failure")] == [
        f"failure{end}" for end in expected
    ]
    assert read[2]["passages"] == "2"
    assert float(read[2]["failure_low"]) <= float(read[2]["failure_adjusted"])


def test_the_table_has_counts_adjusted_counts_and_what_they_assume(report: Path) -> None:
    done = run("summary", report, "--by", "section")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["section", "passages", *LABELS, NONE]
    assert lines[1].split()[:6] == ["prosecution", "2", "1", "50%", "1", "50%"]
    assert lines[2].split()[:2] == ["*1", "(0–2)"]
    assert lines[5].startswith("total")
    text = " ".join(done.stdout.split())
    assert "That is not known" in text
    assert "* fewer than 30 passages" in text
    assert "\x1b" not in done.stdout


def test_control_characters_of_a_country_do_not_reach_the_terminal(tmp_path: Path) -> None:
    rows = [{"text": "Police acted.", "country": "a\x1b[31m\nred"}]
    done = run("summary", write_rows(tmp_path / "in.jsonl", rows), "--by", "country")
    assert "a\ufffd[31m red" in done.stdout


def test_a_model_without_error_rates_still_counts(
    report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = Classifier.load("fast")
    meta = {name: value for name, value in fast.meta.items() if name != "error_table"}
    old = Classifier(replace(fast.model, meta=meta))
    monkeypatch.setattr(Tagging, "classifier", lambda _: old)
    for form in ("table", "csv", "jsonl", "svg"):
        done = run("summary", report, "-f", form)
        assert done.exit_code == 0
        assert done.stderr.count("\n") == 1
        assert "counts are not adjusted" in done.stderr
        assert "0.9" not in done.stdout or form == "svg"
        assert "adjusted" not in done.stdout


def test_an_input_that_fails_is_reported_and_the_rest_is_counted(
    report: Path, tmp_path: Path
) -> None:
    done = run("summary", tmp_path / "gone.txt", report, "-f", "jsonl")
    assert done.exit_code == 1
    assert "gone.txt: no such file" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["passages"] == 3
    nothing = run("summary", tmp_path / "gone.txt", "--chart", "heatmap", "-f", "svg")
    assert nothing.exit_code == 1
    assert nothing.stdout == ""  # a chart of nothing would say that nothing was found


def test_the_suffix_names_the_format(report: Path, tmp_path: Path) -> None:
    assert run("summary", report, "-o", tmp_path / "a.PNG").exit_code == 0
    assert (tmp_path / "a.PNG").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(
        InputError, match=r"no format has the suffix '.xls'; use .txt, .csv, .jsonl, .png, .svg"
    ):
        run("summary", report, "-o", tmp_path / "a.xls")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--chart", "bars"], "say --format png or svg"),
        (["--chart", "heatmap", "-f", "svg", "--by", "year"], "say --by twice"),
        (["--by", "planet"], "planet"),
    ],
)
def test_options_that_do_not_go_together_are_usage_errors(
    report: Path, options: list[str], message: str
) -> None:
    done = run("summary", report, *options)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())


def test_a_picture_does_not_go_to_a_terminal(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(typer.BadParameter, match="say --output"):
        command.summary([str(report)], format="png")


def test_without_matplotlib_the_extra_is_named_before_anything_is_read(
    report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setattr(
        "tipclassify.cli.summary.tagged_reports_of_command",
        lambda *_: pytest.fail("reports were read"),
    )
    with pytest.raises(MissingExtraError, match=r"pip install 'tipclassify\[charts\]'"):
        run("summary", report, "-f", "svg")


# ---------------------------------------------------------------------------------------------
# charts


def drawn(found: Summary, chart: str = "bars", format: str = "svg") -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_chart(found, chart, format, out)
    return out.getvalue()


def texts(svg: bytes) -> list[str]:
    return [
        "".join(one.itertext())
        for one in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    ]


def size(svg: bytes) -> tuple[float, float]:
    """Width and height in inches."""
    root = ElementTree.fromstring(svg)
    width, height = (
        float(root.get(side, "").removesuffix("pt")) / 72 for side in ("width", "height")
    )
    return width, height


@pytest.fixture(scope="module")
def svg() -> bytes:
    return drawn(example())


def test_an_svg_says_what_it_shows_and_is_the_same_each_time(svg: bytes) -> None:
    root = ElementTree.fromstring(svg)
    title, text = (root.find(f"{{http://www.w3.org/2000/svg}}{name}") for name in ("title", "desc"))
    assert title is not None
    assert text is not None
    assert text.text == "\n".join(describe_chart(example()))
    assert "Land 1: 40 passages; positive_effort 35% (adjusted 35%" in (text.text or "")
    assert root.get("aria-labelledby") == "title desc"
    assert svg == drawn(example())
    assert b"dc:date" not in svg


def test_a_heat_map_shows_the_adjusted_shares_and_their_intervals() -> None:
    found = example(groups=2, years=2)
    estimate = found.estimate(found.groups[0], "complicity")
    assert estimate is not None
    shown = texts(drawn(found, "heatmap"))
    assert shown.count(f"{100 * estimate.count / 40:.0f}") >= 4
    assert shown.count(f"{100 * estimate.low / 40:.0f}–{100 * estimate.high / 40:.0f}") == 4
    assert [name for name in shown if name.startswith("Land")] == ["Land 0", "Land 1"]
    assert shown.count("2001") == len(LABELS)


def test_what_is_too_uncertain_to_use_is_marked_in_both_charts_and_explained() -> None:
    found = example(groups=2, years=1)
    assert not any("?" in text for text in texts(drawn(found, "heatmap")))
    few = replace(found, groups=(Group(("Land 0", 2000), {("failure",): 3}), found.groups[1]))
    assert "100?" in texts(drawn(few, "heatmap"))
    bars = texts(drawn(few))
    assert any("Hollow = too uncertain to use: fewer than 30" in text for text in bars)
    assert "adjusted, but too uncertain to use (why: see below)" in bars


def test_years_ascend_in_a_heat_map_though_the_first_country_lacks_one() -> None:
    found = example(groups=2, years=3)
    shown = texts(drawn(replace(found, groups=found.groups[1:]), "heatmap"))
    assert [text for text in shown if text.startswith("200")][:3] == ["2000", "2001", "2002"]


@pytest.mark.parametrize("chart", ["bars", "heatmap"])
def test_pictures_grow_with_their_rows_each_of_which_is_named(chart: str) -> None:
    few, many = (drawn(example(n, 1 if chart == "heatmap" else 0), chart) for n in (2, 12))
    assert min(size(few)) > 2
    assert 0.25 * 10 < size(many)[1] - size(few)[1] < 0.5 * 10
    names = [text.split()[1] for text in texts(many) if text.startswith("Land ")]
    assert names == list(map(str, range(12)))


def test_a_png_has_the_size_and_content_of_the_svg(svg: bytes) -> None:
    png = drawn(example(), format="png")
    assert struct.unpack(">II", png[16:24]) == tuple(
        pytest.approx(150 * side, abs=1) for side in size(svg)
    )
    assert b"Land 0: 40 passages; positive_effort 35%" in png
    assert b"matplotlib" not in png.lower()


def test_more_groups_than_a_picture_holds_are_refused() -> None:
    with pytest.raises(InputError, match="601 rows are too many"):
        drawn(example(groups=600))
    with pytest.raises(InputError, match="6,100 cells are too many"):
        drawn(example(groups=61, years=100), "heatmap")


@pytest.mark.parametrize("format", ["png", "svg"])
def test_any_name_can_be_drawn(format: str) -> None:
    names = [
        "Türkiye",
        "人身取引",
        "$x_1$",
        "<b>&",
        "a\x1b[1m",
        "x" * 300,
        "many words " * 30,
        None,
        "",
    ]
    found = replace(example(), groups=tuple(Group((name,), {(): 40}) for name in names))
    picture = drawn(found, "bars", format)
    if format == "svg":
        shown = texts(picture)
        written = ["Türkiye", "人身取引", "$x_1$", "<b>&", "a\ufffd[1m", "(no country)"]
        assert {f"{name}   40" for name in written} <= set(shown)
        assert [len(text) < 60 for text in shown if "xxx" in text or "many" in text] == [True] * 2


def test_files_are_called_by_their_names_and_numbered_where_those_are_the_same() -> None:
    def called(*files: str) -> list[str]:
        found = replace(
            example(), by=("file",), groups=tuple(Group((file,), {(): 40}) for file in files)
        )
        return [line.split(":")[0] for line in describe_chart(found)][:-1]

    assert called("2023/togo.html", "2024/cuba.html") == ["togo.html", "cuba.html"]
    assert called("/home/ana/2023/togo.html", "/home/ana/2024/togo.html") == [
        "togo.html (1)",
        "togo.html (2)",
    ]


def test_drawing_leaves_matplotlib_as_it_was(svg: bytes) -> None:
    import matplotlib

    pyplot = "matplotlib.pyplot" in sys.modules
    with matplotlib.rc_context({"axes.facecolor": "red", "text.parse_math": True}):
        before = matplotlib.rcParams.copy()  # to ask for all values would load pyplot
        again = drawn(example())
        assert matplotlib.rcParams.copy() == before
    assert again == svg  # nor does the user's style reach the picture
    assert ("matplotlib.pyplot" in sys.modules) == pyplot


def test_neighbours_in_the_stack_differ_without_colour() -> None:
    def grey(colour: str) -> float:
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return 0.299 * red + 0.587 * green + 0.114 * blue

    for part, following in pairwise(PARTS):
        differ_in_grey = abs(grey(part.colour) - grey(following.colour)) > 0.15
        assert differ_in_grey or part.hatch != following.hatch
    assert len({round(grey(colour), 1) for colour in INKS.values()}) == len(LABELS)


def linear(colour: str) -> np.ndarray:
    """Red, green and blue as light, 0 to 1 (sRGB)."""
    values = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def test_the_palette_is_told_apart_by_any_eye_and_can_be_read() -> None:
    dichromats = {  # Machado, Oliveira and Fernandes 2009, severity 1: no red, no green cones
        "protan": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
        "deutan": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    }
    weights = np.array([0.2126, 0.7152, 0.0722])

    def contrast(one: str, other: str) -> float:
        dark, light = sorted(float(weights @ linear(colour)) + 0.05 for colour in (one, other))
        return light / dark

    for inks, tints, papers in (
        (INKS, TINTS, ["#ffffff", "#fcfbf8", "#eeebe3", "#e0dbce"]),
        (DARK_INKS, DARK_TINTS, ["#171715", "#21211e", "#2b2925", "#4a463c"]),
    ):
        assert min(contrast(inks[label], tints[label]) for label in LABELS) >= 4.5
        assert min(contrast(ink, paper) for ink in inks.values() for paper in papers) >= 4.5
        for ink in inks.values():  # figures on a heat map, from white to the ink
            shades = np.linspace([1, 1, 1], [int(ink[i : i + 2], 16) / 255 for i in (1, 3, 5)], 21)
            hexes = [
                "#" + "".join(f"{round(255 * part):02x}" for part in shade) for shade in shades
            ]
            words = {"white": "#ffffff", "black": "#000000"}
            assert (
                min(
                    contrast(words[text_colour_on(s)], h)
                    for s, h in zip(shades, hexes, strict=True)
                )
                >= 4.5
            )
        for matrix in dichromats.values():
            seen = [
                np.clip(np.array(matrix) @ linear(ink), 0, 1) ** (1 / 2.2) for ink in inks.values()
            ]
            assert min(np.linalg.norm(one - other) for one, other in combinations(seen, 2)) > 0.15


def test_the_review_page_has_the_palette_of_the_reports() -> None:
    css = files("tipclassify.review").joinpath("static", "review.css").read_text("utf-8")
    for inks, tints in ((INKS, TINTS), (DARK_INKS, DARK_TINTS)):
        assert "; ".join(f"--{label[0]}: {inks[label]}" for label in LABELS) in css
        assert "; ".join(f"--{label[0]}-tint: {tints[label]}" for label in LABELS) in css


def test_the_real_sample_has_the_counts_of_its_passages(classifier: Classifier) -> None:
    sample = Path(__file__).parents[2] / "data" / "samples" / "karvonia-2024.html"
    tagged = list(tag_input(str(sample), Tagging()))
    found = summarize(tagged, ScoringContext(classifier), ["section"])
    for label in LABELS:
        expected = sum(label in passage.labels for report in tagged for passage in report.passages)
        assert (
            sum(group.count(label) for group in found.groups)
            == found.total.count(label)
            == expected
            > 0
        )
