"""Counts add up and are adjusted as the sources say, and charts show the same figures."""

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
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from tipclassify import LABELS, Classifier
from tipclassify.cli import summary as command
from tipclassify.cli.score import score
from tipclassify.errors import InputError, MissingExtraError
from tipclassify.labels import styles
from tipclassify.records import Document, Passage, Report
from tipclassify.reports.adjust import (
    FEW,
    NOTES,
    Rates,
    adjust,
    rates_by_kind,
    rates_of,
)
from tipclassify.reports.chart import describe, draw_chart
from tipclassify.reports.counts import DIMENSIONS, NONE, Group, Summary, summarize
from tipclassify.tagging import Tagging
from tipclassify.text.kinds import kind_of_publication
from tipclassify.text.sections import FOLDED

FloatArray = npt.NDArray[np.float64]

SVG = "{http://www.w3.org/2000/svg}"
GOOD = Rates(tp=900, fn=100, fp=50, tn=950)
SECTIONED = (
    "PROSECUTION\n\nPolice arrested nine traffickers. Courts convicted no traffickers.\n\n"
    "PREVENTION\n\nThe sea is blue."
)

app = typer.Typer()
app.command()(command.summary)
app.command()(score)


def run(*args: object) -> Result:
    """Run a command in this process; a warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return CliRunner().invoke(app, [*map(str, args), "--model", "fast"], catch_exceptions=False)


def write_rows(path: Path, rows: Iterable[dict[str, object]]) -> Path:
    """Write rows of an input."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def passages(
    *labels: tuple[str, ...], low_confidence: bool = False, text: str = "Courts sat."
) -> list[Passage]:
    """Make a passage with each of these sets of labels."""
    return [
        Passage(text, 0, len(text), labels=given_labels, low_confidence=low_confidence)
        for given_labels in labels
    ]


def unlabelled(
    number: int, low_confidence: bool = False, text: str = "Courts sat."
) -> list[Passage]:
    """Make so many passages without labels."""
    no_labels: list[tuple[str, ...]] = [() for _ in range(number)]
    return passages(*no_labels, low_confidence=low_confidence, text=text)


def counted(sets: dict[tuple[str, ...], int]) -> Group:
    """Make a group of sentences about trafficking."""
    number = sum(sets.values())
    return Group((), sets, sentences=number, passages=number, on_subject=number)


def example(groups: int = 3, years: int = 0, rates: Rates | None = GOOD) -> Summary:
    """Summarize `groups` countries with 40 passages each, in `years` years."""
    counts = {
        ("positive_effort",): 12,
        ("failure",): 8,
        ("positive_effort", "failure"): 2,
        ("failure", "complicity"): 2,
        (): 16,
    }
    by: tuple[str, ...] = ("country",)
    keys: list[tuple[str | int, ...]] = [(f"Land {number}",) for number in range(groups)]
    if years:
        by = ("country", "year")
        keys = [(*key, 2000 + year) for key in keys for year in range(years)]
    group = counted(counts)
    total = sum((group for _ in keys), Group())
    known_rates = None if rates is None else dict.fromkeys(LABELS, rates)
    return Summary(
        by,
        tuple(replace(group, key=key) for key in keys),
        (total,),
        rates=known_rates,
        about={"policy": "balanced", "model": "0123"},
    )


# ---------------------------------------------------------------------------------------- adjusting


def any_rates() -> st.SearchStrategy[Rates]:
    """Draw any counts of right and wrong tags."""
    count = st.integers(0, 5_000)
    return st.builds(Rates, count, count, count, count)


@given(st.integers(1, 3_000), st.floats(0, 1), st.floats(0, 1), any_rates())
def test_the_more_are_tagged_the_more_there_are_and_an_interval_lies_among_the_passages(
    passages: int, first_share: float, second_share: float, table: Rates
) -> None:
    shares = sorted((first_share, second_share))
    few, many = (adjust(int(share * passages), passages, table) for share in shares)
    assert few.count <= many.count
    for adjusted in (few, many):
        assert 0 <= adjusted.low <= adjusted.count <= adjusted.high <= passages
        assert set(adjusted.notes) <= set(NOTES)


def test_the_adjusted_count_is_that_of_rogan_and_gladen() -> None:
    # p = 0.4, se = 0.9, sp = 0.95: (0.4 + 0.95 - 1) / (0.9 + 0.95 - 1)
    assert adjust(400, 1_000, GOOD).count == pytest.approx(1_000 * 0.35 / 0.85)
    assert adjust(5, 1_000, GOOD).count == 0
    assert adjust(960, 1_000, GOOD).count == 1_000


def test_limits_solve_the_equation_of_the_docstring() -> None:
    adjusted = adjust(400, 1_000, GOOD)
    se = 900.5 / 1_001
    sp = 950.5 / 1_001
    var_se = se * (1 - se) / 1_002
    var_sp = sp * (1 - sp) / 1_002
    for t in (adjusted.low, adjusted.high):
        rest = 1_000 - t
        of_passages = t * se * (1 - se) + rest * sp * (1 - sp)
        of_rates = t**2 * var_se + rest**2 * var_sp
        distance = 400 - t * se - rest * (1 - sp)
        assert distance**2 == pytest.approx(1.959964**2 * 4 / 3 * (of_passages + of_rates))


def test_a_label_beyond_the_model_is_flagged_and_its_interval_is_everything() -> None:
    for table in (
        Rates(5, 5, 5, 5),
        Rates(1, 9, 9, 1),
        Rates(0, 0, 10, 90),
        Rates(9, 1, 0, 0),
        Rates(0, 0, 0, 0),
    ):
        adjusted = adjust(30, 100, table)
        assert (adjusted.count, adjusted.low, adjusted.high) == (30, 0, 100)
        assert adjusted.notes == ("weak",)
    wide = Rates(430, 570, 150, 850)  # se + sp - 1 is 0.28: defined, and wide
    assert "weak" in adjust(30, 100, wide).notes
    assert "weak" not in adjust(30, 100, Rates(430, 570, 0, 1_000)).notes


def test_few_passages_are_flagged_and_none_are_none() -> None:
    assert adjust(3, FEW - 1, GOOD).notes == ("few",)
    assert adjust(3, FEW, GOOD).notes == ()
    adjusted = adjust(0, 0, GOOD)
    assert (adjusted.count, adjusted.low, adjusted.high) == (0, 0, 0)


def test_tags_fewer_or_more_than_errors_alone_would_give_are_flagged_and_not_called_certain() -> (
    None
):
    rare = adjust(5, 1_000, GOOD)  # the rates foretell fifty false alarms
    assert rare.notes == ("unlike",)
    assert rare.low == 0
    assert rare.high > 5
    common = adjust(999, 1_000, GOOD)
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
            tp = int(rng.binomial(with_label, se))
            tn = int(rng.binomial(without, sp))
            table = Rates(tp, with_label - tp, without - tn, tn)
            adjusted = adjust(tagged, n, table)
            hits += adjusted.low <= truth <= adjusted.high
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
        right = rng.binomial(truth, differing(0.9))
        wrong = rng.binomial(42 - truth, 1 - differing(0.94))
        tagged = int(right + wrong)
        adjusted = adjust(tagged, 42, Rates(1_448, 156, 168, 2_689))
        hits += adjusted.low <= truth <= adjusted.high
    assert 0.93 < hits / 2_000 < 0.98


# -------------------------------------------------------------------------------------- error rates


@pytest.mark.parametrize("model", ["default", "fast"])
def test_the_shipped_models_know_their_error_rates(model: str) -> None:
    known = rates_of(Classifier.load(model).meta)
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
    rates_of_policy = rates_of(classifier.meta, policy)
    rates_of_threshold = rates_of(classifier.meta, policy, moved)
    assert rates_of_policy is not None
    assert rates_of_threshold is not None
    for label in LABELS:
        of_policy = rates_of_policy[label]
        of_threshold = rates_of_threshold[label]
        with_label = of_policy.tp + of_policy.fn
        # passages count by weight, rounded
        assert with_label == pytest.approx(of_threshold.tp + of_threshold.fn, abs=0.05)
        # Thresholds are cross-fitted there: the two differ by sampling. Of nine comparisons one
        # in 20 runs may exceed 2.8 standard errors (Bonferroni). Those of screen and cite are
        # extremes over the kinds of text, which differ more from fold to fold.
        sensitivity = of_policy.sensitivity
        error = (sensitivity * (1 - sensitivity) / with_label) ** 0.5
        bound = 2.8 * error if policy == "balanced" else 0.1
        assert sensitivity == pytest.approx(of_threshold.sensitivity, abs=bound)
        specificity = of_policy.specificity
        if moved[label] >= 0.02:  # below, the thresholds of the folds differ by half
            assert specificity == pytest.approx(of_threshold.specificity, abs=0.01)


def test_a_threshold_within_a_step_takes_its_part_of_the_step() -> None:
    meta = {"error_table": error_table(with_label={40: 8, 41: 4}, without={0: 10})}

    def at(threshold: float) -> Rates:
        by_label = rates_of(meta, moved={"failure": threshold})
        assert by_label is not None
        assert by_label["complicity"] == Rates(1, 1, 1, 1)
        return by_label["failure"]

    assert at(0.40) == Rates(12, 0, 0, 10)
    assert at(0.4025).tp == pytest.approx(10)
    assert at(0.41).tp == pytest.approx(4)
    assert at(0.0025).fp == pytest.approx(7.5)
    assert at(0.42) == Rates(0, 12, 0, 10)


def error_table(with_label: dict[int, int], without: dict[int, int]) -> dict[str, object]:
    """Make a table of errors as a model has it, with the same counts for each label.

    The counts of passages with the label and without it are by hundredth of the probability.
    """
    steps = range(100)
    histogram = {
        "with": [with_label.get(step, 0) for step in steps],
        "without": [without.get(step, 0) for step in steps],
    }
    rates = {"tp": 1, "fn": 1, "fp": 1, "tn": 1}
    return {
        "policies": {"balanced": dict.fromkeys(LABELS, rates)},
        "histogram": dict.fromkeys(LABELS, histogram),
    }


@pytest.mark.parametrize(
    ("publication", "kind"),
    [
        ("Country Reports on Human Rights Practices", "human-rights reports"),
        ("Findings on the Worst Forms of Child Labor", "Department of Labor reports"),
        ("The World Factbook", "World Factbook entries"),
        ("OECD Factbook", None),
        ("Convention 182 on the Worst Forms of Child Labor: A Review", None),
        ("Human Rights Practices Audit", None),
        (None, None),
    ],
)
def test_the_kind_of_a_publication_is_one_that_the_default_was_measured_on(
    publication: str | None, kind: str | None
) -> None:
    assert kind_of_publication(publication) == kind
    known = rates_by_kind(Classifier.load("default").meta)
    assert kind is None or set(known[kind]) == set(LABELS)


def test_counts_of_a_known_kind_of_report_are_adjusted_by_the_errors_on_that_kind() -> None:
    poor = Rates(tp=50, fn=50, fp=0, tn=1_000)
    poor_on_failure = {label: poor if label == "failure" else GOOD for label in LABELS}
    rights = "Country Reports on Human Rights Practices"
    counts = {("failure",): 10, (): 90}
    of_rights = replace(counted(counts), key=("a",), publication=rights)
    of_kind_unknown = replace(counted(counts), key=("b",), publication="Yearbook")
    summary = replace(
        example(),
        groups=(of_rights, of_kind_unknown),
        rates_by_kind={"human-rights reports": poor_on_failure},
    )

    def estimate(group: Group) -> float:
        adjusted = summary.estimate(group, "failure")
        assert adjusted is not None
        return adjusted.count

    assert estimate(of_rights) == pytest.approx(20)
    assert estimate(of_kind_unknown) == pytest.approx(adjust(10, 100, GOOD).count)
    # what mixes kinds is adjusted by the errors on all of them together
    mixed = of_rights + of_kind_unknown
    assert mixed.publication is None
    assert estimate(mixed) == pytest.approx(adjust(20, 200, GOOD).count)
    total = sum((of_rights, of_rights), Group(()))
    assert estimate(total) == pytest.approx(40)
    note = "Error rates of human-rights reports are those on such reports alone."
    assert summary.rates_note() == note
    assert example().rates_note() is None


# ----------------------------------------------------------------------------------------- counting


def test_labels_are_counted_by_report_and_in_all(classifier: Classifier) -> None:
    both = ("positive_effort", "failure")
    effort = ("positive_effort",)
    document = Document("", (), country="Tarn", year=2024)
    earlier = replace(document, year=2023)
    reports = [
        Report("b.html", document, passages(both, effort, ())),
        Report("a.html", earlier, passages(effort)),
    ]
    summary = summarize(reports, run=classifier.run())
    assert [group.key for group in summary.groups] == [("b.html",), ("a.html",)]
    assert [summary.groups[0].count(label) for label in (*LABELS, NONE)] == [2, 1, 0, 1]
    assert summary.total.passages == 4
    assert summary.total.count("positive_effort") == 3
    by_country = summarize(reports, ("country", "year"), run=classifier.run())
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
    of_rows = [replace(each, extra=row) for each, row in zip(unlabelled(5), rows, strict=True)]
    report = Report("rows.jsonl", None, of_rows)

    def keys(*by: str) -> list[tuple[object, ...]]:
        return [group.key for group in summarize([report], by, run=classifier.run()).groups]

    assert keys("country") == [("Åland",), ("Türkiye",), ("Zambia",), (None,)]
    assert keys("year") == [(2023,), (2024,), ("FY23",), (None,)]
    assert keys("file") == [("rows.jsonl",), ("aland.html",)]
    assert keys("year", "country")[1:3] == [(2024, "Åland"), (2024, "Türkiye")]


def test_sections_are_folded_to_the_eight_of_the_genre_and_other(classifier: Classifier) -> None:
    def report(file: str, *sections: str | None) -> Report:
        with_sections = [Passage("Courts sat.", 0, 11, section) for section in sections]
        return Report(file, None, with_sections)

    forced_labor = "b. Prohibition of Forced or Compulsory Labor"
    child_labor = "c. Child Labour and Minimum Age"
    first = report("1", "INTERNET FREEDOM", None, forced_labor, "Protection")
    second = report("2", "Internet Freedom", child_labor, "protection", "Protection of Refugees")
    summary = summarize([first, second], ["section"], run=classifier.run())
    assert [(group.key[0], group.passages) for group in summary.groups] == [
        ("protection", 2),
        ("forced labor, trafficking", 1),
        ("child labor", 1),
        ("other", 3),
        (None, 1),
    ]
    both = summarize([second, first], ["file", "section"], run=classifier.run())
    assert [group.key for group in both.groups][:3] == [
        ("2", "protection"),
        ("2", "child labor"),
        ("2", "other"),
    ]
    assert len(FOLDED) == 8 + 1


def test_a_report_without_passages_is_a_row_of_zeros(classifier: Classifier) -> None:
    report = Report("empty.html", Document("", (), year=2024), [])
    summary = summarize([report], ("file", "year"), run=classifier.run())
    assert [group.key for group in summary.groups] == [("empty.html", 2024)]
    row = next(summary.rows())
    assert row["passages"] == 0
    assert row["none"]["count"] == 0
    assert row["labels"]["failure"]["count"] == 0
    assert row["labels"]["failure"]["share"] is None
    assert summarize([report], ["section"], run=classifier.run()).groups == ()
    assert math.isnan(summary.total.share("failure"))


def test_a_report_that_the_model_cannot_read_is_flagged(classifier: Classifier) -> None:
    def notes(text: str) -> tuple[str, ...]:
        half_unread = unlabelled(20, low_confidence=True, text=text) + unlabelled(20)
        report = Report("es.html", None, half_unread)
        summary = summarize([report], run=classifier.run())
        assert (summary.total.passages, summary.total.low_confidence) == (40, 20)
        estimate = summary.estimate(summary.total, "failure")
        assert estimate is not None
        return estimate.notes

    assert notes("El gobierno no condenó a ningún tratante.") == ("unclear",)
    assert notes("Khoros Province") == ()  # a cell of a table, not another language


def test_dimensions_of_the_command_are_those_of_the_library() -> None:
    assert tuple(dimension.value for dimension in command.Dimension) == DIMENSIONS


# -------------------------------------------------------------------------------------- the command


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


def test_a_threshold_moves_counts_and_error_rates(report: Path) -> None:
    def policy_and_failure(*options: str) -> tuple[str, dict[str, float]]:
        lines = run("summary", report, "-f", "jsonl", *options).stdout.splitlines()
        row = json.loads(lines[0])
        return row["policy"], row["labels"]["failure"]

    policy, failure = policy_and_failure()
    assert policy == "balanced"
    assert failure["count"] == 1
    policy, failure = policy_and_failure("--threshold", "failure=0.999")
    assert policy == "balanced, failure=0.999"
    assert failure["count"] == 0
    assert failure["high"] > 1  # hardly any failure reaches so far: none tagged says little


def test_csv_has_the_same_rows_and_no_live_formula(tmp_path: Path) -> None:
    rows = [
        {"text": "Police acted.", "country": "=1+1", "labels": ["complicity"]},
        {"text": "Police acted.", "country": "Côte d'Ivoire"},
    ]
    file = write_rows(tmp_path / "in.jsonl", rows)
    out = tmp_path / "counts.csv"
    assert run("summary", file, "--by", "country", "-o", out).exit_code == 0
    read = list(csv.DictReader(io.StringIO(out.read_text("utf-8"), newline="")))
    assert [row["country"] for row in read] == ["'=1+1", "Côte d'Ivoire", ""]
    assert [row["total"] for row in read] == ["false", "false", "true"]
    assert [name for name in read[0] if name.startswith("failure")] == [
        "failure",
        "failure_share",
        "failure_adjusted",
        "failure_low",
        "failure_high",
        "failure_adjusted_share",
        "failure_notes",
    ]
    assert read[2]["passages"] == "2"
    assert read[2]["complicity"] == "0"  # labels in the rows are not believed
    assert float(read[2]["failure_low"]) <= float(read[2]["failure_adjusted"])


def test_the_table_has_counts_adjusted_counts_and_what_they_assume(report: Path) -> None:
    done = run("summary", report, "--by", "section")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["section", "sentences", *LABELS, NONE, "table", "rows"]
    assert lines[1].split()[:6] == ["prosecution", "2", "1", "50%", "1", "50%"]
    assert lines[2].split()[:2] == ["*1", "(0–2)"]
    assert lines[5].startswith("total")
    text = " ".join(done.stdout.split())
    assert "That is not known" in text
    assert "* fewer than 30 passages" in text
    assert "\x1b" not in done.stdout


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
    nothing = run("summary", tmp_path / "gone.txt", "-f", "svg")
    assert nothing.exit_code == 1
    assert nothing.stdout == ""  # a chart of nothing would say that nothing was found


def test_without_matplotlib_the_extra_is_named_before_anything_is_read(
    report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setattr(
        "tipclassify.cli.summary.TaggedInputs",
        lambda *_: pytest.fail("reports were read"),
    )
    with pytest.raises(MissingExtraError, match=r"pip install 'tipclassify\[charts\]'"):
        run("summary", report, "-f", "svg")


# ------------------------------------------------------------------------------------------- charts


def drawn(summary: Summary, format: str = "svg") -> bytes:
    """Draw a chart; a warning is an error."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_chart(summary, format, out)
    return out.getvalue()


def texts(svg: bytes) -> list[str]:
    """Return the words of a picture, text by text."""
    elements = ElementTree.fromstring(svg).iter(f"{SVG}text")
    return ["".join(element.itertext()) for element in elements]


def size(svg: bytes) -> tuple[float, float]:
    """Return width and height in inches."""
    root = ElementTree.fromstring(svg)
    width = float(root.get("width", "").removesuffix("pt"))
    height = float(root.get("height", "").removesuffix("pt"))
    return width / 72, height / 72


@pytest.fixture(scope="module")
def svg() -> bytes:
    return drawn(example())


def test_an_svg_says_what_it_shows_and_is_the_same_each_time(svg: bytes) -> None:
    root = ElementTree.fromstring(svg)
    description = root.find(f"{SVG}desc")
    assert root.find(f"{SVG}title") is not None
    assert description is not None
    assert description.text == "\n".join(describe(example()))
    assert "Land 1: 40 sentences; positive_effort 35% (adjusted 35%" in (description.text or "")
    assert root.get("aria-labelledby") == "title desc"
    assert svg == drawn(example())
    assert b"dc:date" not in svg


def test_under_a_chart_stand_its_source_and_the_day() -> None:
    """A chart is passed on without the command that drew it."""
    summary = example(groups=1)
    named = replace(summary, groups=(replace(summary.groups[0], publication="Harbor\nWatch"),))
    out = io.BytesIO()
    draw_chart(named, "svg", out, "2026-12-03")
    written = " ".join(texts(out.getvalue()))
    assert "Source: Harbor Watch; 40 sentences about trafficking." in written
    assert "2026-12-03" in written


def test_what_is_too_uncertain_to_use_is_marked_and_explained() -> None:
    summary = example(groups=2, years=1)
    small_group = replace(counted({("failure",): 3}), key=("Land 0", 2000))
    few = replace(summary, groups=(small_group, summary.groups[1]))
    bars = texts(drawn(few))
    assert any("as too uncertain to use: fewer than 30" in text for text in bars)


def test_pictures_grow_with_their_rows_each_of_which_is_named() -> None:
    few = drawn(example(2))
    many = drawn(example(12))
    assert min(size(few)) > 2
    assert 0.25 * 10 < size(many)[1] - size(few)[1] < 0.5 * 10
    names = [text.split()[1] for text in texts(many) if text.startswith("Land ")]
    assert names == list(map(str, range(12)))


def test_a_png_has_the_size_and_content_of_the_svg(svg: bytes) -> None:
    png = drawn(example(), format="png")
    pixels = struct.unpack(">II", png[16:24])
    assert pixels == pytest.approx([150 * side for side in size(svg)], abs=1)
    assert b"Land 0: 40 sentences; positive_effort 35%" in png
    assert b"matplotlib" not in png.lower()


def test_more_groups_than_a_picture_holds_are_refused() -> None:
    with pytest.raises(InputError, match="601 rows are too many"):
        drawn(example(groups=600))


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
    summary = replace(
        example(), groups=tuple(replace(counted({(): 40}), key=(name,)) for name in names)
    )
    picture = drawn(summary, format)
    if format == "svg":
        shown = texts(picture)
        written = ["Türkiye", "人身取引", "$x_1$", "<b>&", "a\ufffd[1m", "(no country)"]
        assert {f"{name}   40" for name in written} <= set(shown)
        shortened = [text for text in shown if "xxx" in text or "many" in text]
        assert len(shortened) == 2
        assert max(map(len, shortened)) < 60


def test_files_are_called_by_their_names_and_numbered_where_those_are_the_same() -> None:
    def called(*files: str) -> list[str]:
        groups = tuple(replace(counted({(): 40}), key=(file,)) for file in files)
        summary = replace(example(), by=("file",), groups=groups)
        return [line.split(":")[0] for line in describe(summary)][:-1]

    assert called("2023/togo.html", "2024/cuba.html") == ["togo.html", "cuba.html"]
    assert called("/home/ana/2023/togo.html", "/home/ana/2024/togo.html") == [
        "togo.html (1)",
        "togo.html (2)",
    ]


def test_a_model_of_other_labels_is_counted_and_drawn_by_these() -> None:
    labels = ("finance", "travel")
    counts = {("finance",): 3, ("finance", "travel"): 2, (): 5}
    summary = Summary(
        ("file",), (replace(counted(counts), key=("a.txt",)),), (counted(counts),), labels=labels
    )
    row = next(summary.rows())
    assert row["labels"] == {
        "finance": {"count": 5, "share": 0.5},
        "travel": {"count": 2, "share": 0.2},
    }
    shown = texts(drawn(summary))
    assert {"finance", "travel"} <= set(shown)


def test_drawing_leaves_matplotlib_as_it_was(svg: bytes) -> None:
    import matplotlib

    pyplot = "matplotlib.pyplot" in sys.modules
    with matplotlib.rc_context({"axes.facecolor": "red", "text.parse_math": True}):
        before = matplotlib.rcParams.copy()  # to ask for all values would load pyplot
        again = drawn(example())
        assert matplotlib.rcParams.copy() == before
    assert again == svg  # nor does the user's style reach the picture
    assert ("matplotlib.pyplot" in sys.modules) == pyplot


def test_letters_of_a_model_s_own_labels_are_no_other_keys() -> None:
    shown = styles([*LABELS, "neglect", "risk", "arrest", "raid"])
    assert [style.letter for style in shown.values()] == ["P", "F", "C", "E", "I", "T", "D"]


def channels(colour: str) -> FloatArray:
    """Return red, green and blue of a colour such as "#ffffff", each 0 to 1."""
    return np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])


def linear(colour: str) -> FloatArray:
    """Return red, green and blue as light, 0 to 1 (sRGB)."""
    values = channels(colour)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2)."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    first_light = float(weights @ linear(first)) + 0.05
    second_light = float(weights @ linear(second)) + 0.05
    return max(first_light, second_light) / min(first_light, second_light)


# What eyes without red or green cones see (Machado, Oliveira and Fernandes 2009, severity 1).
PROTANOPIA = [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]
DEUTERANOPIA = [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]


def as_seen(colour: str, eyes: list[list[float]]) -> FloatArray:
    """Return red, green and blue as such eyes see a colour, each 0 to 1."""
    return np.clip(np.array(eyes) @ linear(colour), 0, 1) ** (1 / 2.2)


def test_the_palette_is_told_apart_by_any_eye_and_can_be_read() -> None:
    shown = styles(LABELS).values()
    for inks, tints, papers in (
        (
            [style.ink for style in shown],
            [style.tint for style in shown],
            ["#ffffff", "#fcfbf8", "#eeebe3", "#e0dbce"],
        ),
        (
            [style.dark_ink for style in shown],
            [style.dark_tint for style in shown],
            ["#171715", "#21211e", "#2b2925", "#4a463c"],
        ),
    ):
        assert min(contrast(ink, tint) for ink, tint in zip(inks, tints, strict=True)) >= 4.5
        assert min(contrast(ink, paper) for ink in inks for paper in papers) >= 4.5
        for eyes in (PROTANOPIA, DEUTERANOPIA):
            seen = [as_seen(ink, eyes) for ink in inks]
            for first, second in combinations(seen, 2):
                assert np.linalg.norm(first - second) > 0.15
