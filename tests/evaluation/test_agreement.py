"""Agreement of annotators, against figures computed by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tipclassify import CorpusError
from tipclassify.corpus.holdout import is_real
from tipclassify.corpus.rows import Row
from tipclassify.evaluation.agreement import (
    agreement,
    read_annotations,
)
from tipclassify.evaluation.bootstrap import wilson_interval

ROOT = Path(__file__).resolve().parents[2]
FIRST = {"1": ["failure"], "2": ["failure"], "3": [], "4": []}
SECOND = {"1": ["failure"], "2": [], "3": [], "4": [], "5": ["failure"]}


def test_kappa_and_f1_are_those_of_the_textbook() -> None:
    effort, failure, _ = agreement(FIRST, SECOND)
    # Both say failure once in four, one of them twice: observed 3/4, by chance 1/2.
    assert failure.passages == 4
    assert failure.same == 0.75
    assert failure.kappa == pytest.approx(0.5)
    assert failure.f1 == pytest.approx(2 / 3)
    assert effort.same == 1.0
    assert np.isnan([effort.kappa, effort.alpha, effort.f1, *effort.kappa_interval]).all()


@pytest.mark.parametrize("passages", [10, 100])
def test_full_agreement_on_a_sample_is_not_taken_for_certain(passages: int) -> None:
    labels = {str(i): ["failure"] if i % 2 else [] for i in range(passages)}
    failure = agreement(labels, labels, labels, draws=200)[1]
    assert failure.kappa == failure.alpha == 1.0
    # Wilson's upper limit of the share that may differ, of a half that would by chance
    most = wilson_interval(0.0, passages).high
    assert failure.kappa_interval == failure.alpha_interval == (pytest.approx(1 - 2 * most), 1.0)
    one_differs = agreement(labels, {**labels, "0": ["failure"]}, draws=200)[1]
    assert one_differs.kappa_interval[0] < failure.kappa_interval[0]


def test_alpha_is_that_of_the_package() -> None:
    krippendorff = pytest.importorskip("krippendorff")
    expected = krippendorff.alpha([[1, 1, 0, 0], [1, 0, 0, 0]], level_of_measurement="nominal")
    assert agreement(FIRST, SECOND)[1].alpha == pytest.approx(expected)


def test_alpha_of_three_annotators_with_gaps_is_that_of_the_package() -> None:
    krippendorff = pytest.importorskip("krippendorff")
    rng = np.random.default_rng(2)
    votes = rng.integers(0, 2, (60, 3)).astype(float)
    votes[:, 1] = np.where(rng.random(60) < 0.7, votes[:, 0], votes[:, 1])
    votes[rng.random((60, 3)) < 0.3] = np.nan
    expected = krippendorff.alpha(votes.T, level_of_measurement="nominal")
    annotators = []
    for votes_of_annotator in votes.T:
        labels = {}
        for i in np.flatnonzero(~np.isnan(votes_of_annotator)):
            labels[str(i)] = ["failure"] if votes_of_annotator[i] else []
        annotators.append(labels)
    assert agreement(*annotators)[1].alpha == pytest.approx(expected)


def test_figures_of_three_annotators_are_the_means_of_their_pairs() -> None:
    third = {"1": ["failure"], "2": ["failure"], "3": ["failure"], "4": []}
    of_all = agreement(FIRST, SECOND, third)[1]
    pairs = [agreement(a, b)[1] for a, b in ((FIRST, SECOND), (FIRST, third), (SECOND, third))]
    for name in ("same", "kappa", "f1"):
        of_pairs = [getattr(pair, name) for pair in pairs]
        assert getattr(of_all, name) == pytest.approx(np.mean(of_pairs))


def test_annotators_without_a_passage_in_common_are_reported() -> None:
    with pytest.raises(CorpusError, match="no passage id in common"):
        agreement({"a": []}, {"b": []})


def test_intervals_hold_the_figure_and_narrow_with_more_passages() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for passages in (50, 1_000):
        first = {str(key): ["failure"] if rng.random() < 0.4 else [] for key in range(passages)}
        second = {key: labels if rng.random() < 0.85 else [] for key, labels in first.items()}
        unused, failure, _ = agreement(first, second, draws=1_000)
        low, high = failure.kappa_interval
        assert low < failure.kappa < high
        widths.append(high - low)
        low, high = failure.alpha_interval
        assert low < failure.alpha < high
        assert np.isnan(unused.kappa_interval[0])  # nobody used the label
    assert widths[1] < widths[0] / 2


def test_labels_of_another_codebook_are_compared() -> None:
    labels = ["only"]
    (row,) = agreement({"1": ["only"], "2": []}, {"1": ["only"], "2": ["only"]}, labels=labels)
    assert (row.label, row.same) == ("only", 0.5)


def shipped_annotations(name: str) -> dict[str, tuple[str, ...]]:
    """Read the labels of an annotator of the corpus, by id."""
    rows = read_annotations(ROOT / "data" / "annotations" / f"{name}.jsonl")
    return {key: row["labels"] for key, row in rows.items()}


@pytest.fixture
def invented(shipped_rows: list[Row]) -> list[Row]:
    """Return the invented rows; the annotators of real ones are in data/real/labels.csv."""
    return [row for row in shipped_rows if not is_real(row)]


def test_every_passage_of_the_corpus_was_labelled_twice(invented: list[Row]) -> None:
    ids = {row["id"] for row in invented}
    assert ids <= shipped_annotations("author").keys()
    assert ids <= shipped_annotations("reader").keys()


def test_where_both_agree_the_corpus_says_the_same_unless_a_third_reading_decided(
    invented: list[Row],
) -> None:
    author = shipped_annotations("author")
    reader = shipped_annotations("reader")
    third_reading = shipped_annotations("third_reading")
    for row in invented:
        key = row["id"]
        if key in third_reading:
            assert set(row["labels"]) == set(third_reading[key]), key
        else:
            assert set(row["labels"]) == set(author[key]) == set(reader[key]), key
