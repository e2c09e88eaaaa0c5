"""Training chooses out of fold, warns of thin labels, and learns from headings and a teacher."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tipclassify.arrays import Bools, Floats, logistic
from tipclassify.corpus.rows import group_rows, read_rows
from tipclassify.errors import TipclassifyError
from tipclassify.evaluation.metrics import measure
from tipclassify.labels import label_indicator
from tipclassify.model.linear import LinearModel, LinearScorer
from tipclassify.text.templates import featurize
from tipclassify.training import linear
from tipclassify.training.examples import Examples, group_folds
from tipclassify.training.linear import (
    FittedLinear,
    SoftPassage,
    fit_labels,
    fit_linear,
    make_design,
)

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class SmallCorpus:
    """Passages of two batches of the corpus."""

    texts: list[str]
    y_true: Bools  # (n, 3)
    groups: list[int]

    def __getitem__(self, rows: slice) -> SmallCorpus:
        """Return some of the passages."""
        return SmallCorpus(self.texts[rows], self.y_true[rows], self.groups[rows])

    def examples(self) -> Examples:
        """Return the passages as training takes them."""
        return Examples.of(self.texts, self.y_true, self.groups)


@pytest.fixture(scope="module")
def small() -> SmallCorpus:
    """Read two batches of the corpus."""
    batches = ("w1_assessment", "w5_complicity")
    rows = [row for row in read_rows(ROOT / "data" / "corpus") if row["source"] in batches]
    y_true = np.array([label_indicator(row["labels"]) for row in rows])
    return SmallCorpus([row["text"] for row in rows], y_true, group_rows(rows))


def probabilities(
    model: LinearModel, texts: list[str], headings: list[str | None] | None = None
) -> Floats:
    """Score passages, (n, 3)."""
    return logistic(LinearScorer(model).score_texts(texts, headings).logits)


def correlation(weights: Floats, others: Floats) -> float:
    """Compute how far two heads agree."""
    return float(np.corrcoef(weights.astype(float), others.astype(float))[0, 1])


def test_a_small_corpus_teaches_something_and_its_figures_are_out_of_fold(
    small: SmallCorpus,
) -> None:
    fitted = fit_linear(small.examples(), folds=3)
    assert fitted.metrics.macro_f1 > 0.5
    inside = probabilities(fitted.model, small.texts) >= fitted.model.thresholds["balanced"]
    resubstituted = measure(small.y_true, inside.astype(float), inside, np.full(3, 0.5)).macro_f1
    # else the figures would be of passages it had seen
    assert resubstituted > fitted.metrics.macro_f1 + 0.05


def test_shuffled_labels_teach_nothing(small: SmallCorpus) -> None:
    shuffled = small.y_true[np.random.default_rng(0).permutation(len(small.y_true))]
    examples = Examples.of(small.texts, shuffled, small.groups)
    fitted = fit_linear(examples, folds=3)
    gains = [
        label.average_precision - label.support / len(small.texts)
        for label in fitted.metrics.labels
    ]
    assert max(gains) < 0.1


def test_groups_stay_on_one_side() -> None:
    groups = np.repeat(np.arange(40), 5)
    fold = group_folds(groups, 5, seed=0)
    assert len(np.unique(fold)) == 5
    assert all(len(np.unique(fold[groups == g])) == 1 for g in range(40))


def test_a_label_that_is_absent_gets_a_warning_and_a_low_probability() -> None:
    arrests = [f"Police arrested suspect number {i} in the port." for i in range(6)]
    rain = ["It rained." for _ in range(6)]
    y_true = np.zeros((12, 3), bool)
    y_true[:6, 0] = True
    examples = Examples.of(arrests + rain, y_true, range(12))
    with pytest.warns(UserWarning, match="is absent") as caught:
        fitted = fit_linear(examples, folds=3)
    assert any("label failure is absent" in str(warning.message) for warning in caught)
    assert probabilities(fitted.model, ["Police arrested a suspect."])[0, 1] < 0.2


def test_one_group_cannot_be_held_out() -> None:
    examples = Examples.of(["a b", "c d"], np.eye(2, 3, dtype=bool), [0, 0])
    with (
        pytest.raises(ValueError, match="at least two groups"),
        pytest.warns(UserWarning, match="too few"),
    ):
        fit_linear(examples)


def test_a_heading_decides_which_law_was_not_enforced() -> None:
    law = "The government did not effectively enforce the law."
    office = "Authorities opened an office."
    texts = [office if number % 2 else law for number in range(40)]
    headings = [
        "b. Prohibition of Forced Labor" if number < 20 else "a. Freedom of Expression"
        for number in range(40)
    ]
    y_true = np.zeros((40, 3), bool)
    y_true[0:20:2, 1] = True  # the law, under forced labor
    y_true[1:20:2, 0] = True  # the office, under forced labor
    y_true[:4, 2] = True  # some complicity, or the label would be absent
    with_headings = Examples.of(texts, y_true, range(40), headings=headings)
    trained = fit_linear(with_headings, folds=2)
    assert trained.metrics.labels[1].f1 > 0.9
    bare = fit_linear(Examples.of(texts, y_true, range(40)), folds=2)
    assert bare.metrics.labels[1].f1 < 0.7
    under = ["Prohibition of Forced Labor", "Freedom of Expression", None]
    forced, speech, neither = probabilities(trained.model, [law, law, law], under)[:, 1]
    assert forced > neither > speech


TAUGHT = "The zorp was flooded."


def test_soft_targets_teach_and_count_in_nothing_else(small: SmallCorpus) -> None:
    corpus = small[::4]
    soft = [SoftPassage(TAUGHT, "Zorps", [0.97, 0.01, 0.5]) for _ in range(30)]
    without = fit_linear(corpus.examples(), folds=2)
    fitted = fit_linear(corpus.examples(), folds=2, soft=soft)
    assert fitted.metrics.passages == len(corpus.texts)
    assert fitted.calibrated.scores.shape == corpus.y_true.shape
    assert fitted.calibrated.y_pred["balanced"].shape == corpus.y_true.shape
    supports = [label.support for label in fitted.metrics.labels]
    assert supports == corpus.y_true.sum(axis=0).tolist()
    before = probabilities(without.model, [TAUGHT], ["Zorps"])[0]
    after = probabilities(fitted.model, [TAUGHT], ["Zorps"])[0]
    assert after[0] > max(before[0], 0.8)
    assert after[1] < before[1]
    assert "zorp" in fitted.model.vocabulary - without.model.vocabulary


def test_passages_held_judge_the_model_and_teach_nothing(small: SmallCorpus) -> None:
    corpus = small[::4]
    held = np.arange(len(corpus.texts)) % 3 == 0
    with_other_held_labels = np.where(held[:, None], corpus.y_true[::-1], corpus.y_true)

    def fit(y_true: Bools) -> FittedLinear:
        return fit_linear(
            Examples.of(corpus.texts, y_true, corpus.groups),
            folds=2,
            held=held,
            held_weights=np.ones(held.sum()),
        )

    fitted = fit(corpus.y_true)
    shuffled = fit(with_other_held_labels)
    assert fitted.metrics.passages == len(fitted.calibrated.scores) == held.sum()
    supports = [label.support for label in fitted.metrics.labels]
    assert supports == corpus.y_true[held].sum(axis=0).tolist()
    for j in range(3):  # only the scale may differ, not what was learned
        assert correlation(fitted.model.weights[:, j], shuffled.model.weights[:, j]) > 0.999


def test_a_soft_target_is_what_the_fit_comes_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "_C", 1e3)
    texts = np.repeat(["alpha", "beta", "gamma"], 20).tolist()
    features = featurize(texts, frozenset(texts))
    design = make_design(features, [None for _ in texts])
    target = np.repeat([[0.8], [0.3], [0.001]], 20, axis=0) * np.ones(3)
    ((heads, biases),) = fit_labels(design, target, [np.ones(60)])
    for column, bias in zip(heads.T, biases, strict=True):
        fitted = logistic(design.scores(column)[0] + bias)
        np.testing.assert_allclose(fitted[::20], [0.8, 0.3, 0.0], atol=0.03)


def test_a_process_that_is_killed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tipclassify.training.linear._fit_label", lambda *_: os._exit(9))
    design = make_design(featurize(["No one was convicted."], frozenset()), [None])
    with pytest.raises(TipclassifyError, match="was killed; out of memory") as killed:
        fit_labels(design, np.ones((1, 3)), [np.ones(1)], jobs=2)
    assert "\n" not in str(killed.value)


def test_a_vocabulary_may_be_given() -> None:
    three = ["Police arrested a trafficker.", "No one was convicted.", "Police took bribes."]
    texts = np.tile(three, 8).tolist()
    y_true = np.tile(np.eye(3, dtype=bool), (8, 1))
    examples = Examples.of(texts, y_true, range(24))
    fitted = fit_linear(examples, folds=2, vocabulary=frozenset({"one"}))
    assert fitted.model.vocabulary == {"one"}


def test_macro_f1_is_the_mean_over_labels_that_occur() -> None:
    truth = np.array([[1, 0, 0], [1, 1, 0]], bool)
    tagged = np.array([[1, 0, 0], [0, 1, 0]], bool)
    metrics = measure(truth, truth.astype(float), tagged, np.full(3, 0.5))
    assert [label.f1 for label in metrics.labels[:2]] == [pytest.approx(2 / 3), 1.0]
    absent = metrics.labels[2]
    assert np.isnan([absent.precision, absent.recall, absent.f1]).all()  # of nothing
    assert metrics.macro_f1 == pytest.approx(5 / 6)
    assert metrics.exact_match == 0.5
