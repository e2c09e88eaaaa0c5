"""Training chooses out of fold, warns of what is thin, and learns from headings and from a
teacher."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tipclassify.corpus.loading import group_rows, read_rows
from tipclassify.evaluation.metrics import calibration_error, measure
from tipclassify.labels import indicator
from tipclassify.model.linear.model import LinearModel
from tipclassify.model.linear.scoring import LinearScorer
from tipclassify.text.features.hashing import featurize
from tipclassify.training import fit_linear as fit
from tipclassify.training.calibration import operating_points
from tipclassify.training.examples import Examples, group_folds
from tipclassify.training.fit_linear import (
    LinearSettings,
    SoftPassage,
    build_linear_training_design,
    fit_linear,
    fit_linear_labels,
)

ROOT = Path(__file__).resolve().parents[2]


def probabilities(
    model: LinearModel, texts: list[str], headings: list[str | None] | None = None
) -> np.ndarray:
    return 1 / (1 + np.exp(-LinearScorer(model).score_texts(texts, headings).logits))


@pytest.fixture(scope="module")
def small() -> tuple[list[str], np.ndarray, list[int]]:
    batches = ("w1_assessment", "w5_complicity")
    rows = [row for row in read_rows(ROOT / "data" / "corpus") if row["source"] in batches]
    truth = np.array([indicator(row["labels"]) for row in rows])
    return [row["text"] for row in rows], truth, group_rows(rows)


def test_a_small_corpus_teaches_something_and_its_figures_are_out_of_fold(
    small: tuple[list[str], np.ndarray, list[int]],
) -> None:
    texts, truth, groups = small
    fitted = fit_linear(Examples.of(texts, truth, groups), LinearSettings(folds=3))
    assert fitted.metrics.macro_f1 > 0.5
    inside = probabilities(fitted.model, texts) >= fitted.model.thresholds["balanced"]
    resubstituted = measure(truth, inside.astype(float), inside, np.full(3, 0.5)).macro_f1
    # else the figures would be of passages it had seen
    assert resubstituted > fitted.metrics.macro_f1 + 0.05


def test_shuffled_labels_teach_nothing(small: tuple[list[str], np.ndarray, list[int]]) -> None:
    texts, truth, groups = small
    shuffled = truth[np.random.default_rng(0).permutation(len(truth))]
    fitted = fit_linear(Examples.of(texts, shuffled, groups), LinearSettings(folds=3))
    ranks = [m.average_precision - m.support / len(texts) for m in fitted.metrics.labels]
    assert max(ranks) < 0.1


def test_groups_stay_on_one_side() -> None:
    groups = np.repeat(np.arange(40), 5)
    fold = group_folds(groups, 5, seed=0)
    assert len(np.unique(fold)) == 5
    assert all(len(np.unique(fold[groups == g])) == 1 for g in range(40))


def test_a_label_that_is_absent_gets_a_warning_and_a_low_probability() -> None:
    texts = [f"Police arrested suspect number {i} in the port." for i in range(6)] + [
        "It rained."
    ] * 6
    truth = np.array([[True, False, False]] * 6 + [[False] * 3] * 6)
    with pytest.warns(UserWarning, match="is absent") as caught:
        fitted = fit_linear(Examples.of(texts, truth, range(12)), LinearSettings(folds=3))
    assert any("label failure is absent" in str(warning.message) for warning in caught)
    assert probabilities(fitted.model, ["Police arrested a suspect."])[0, 1] < 0.2


def test_one_group_cannot_be_held_out() -> None:
    with (
        pytest.raises(ValueError, match="at least two groups"),
        pytest.warns(UserWarning, match="too few"),
    ):
        fit_linear(Examples.of(["a b", "c d"], np.eye(2, 3, dtype=bool), [0, 0]))


def test_a_heading_decides_which_law_was_not_enforced() -> None:
    texts = [
        "The government did not effectively enforce the law.",
        "Authorities opened an office.",
    ] * 20
    headings = ["b. Prohibition of Forced Labor"] * 20 + ["a. Freedom of Expression"] * 20
    truth = np.zeros((40, 3), bool)
    truth[0:20:2, 1] = truth[1:20:2, 0] = True
    truth[:4, 2] = True  # some complicity, or the label would be absent
    trained = fit_linear(
        Examples.of(texts, truth, range(40), headings=headings), LinearSettings(folds=2)
    )
    assert trained.metrics.labels[1].f1 > 0.9
    bare = fit_linear(Examples.of(texts, truth, range(40)), LinearSettings(folds=2))
    assert bare.metrics.labels[1].f1 < 0.7
    law = [texts[0]] * 3
    under = ["Prohibition of Forced Labor", "Freedom of Expression", None]
    forced, speech, neither = probabilities(trained.model, law, under)[:, 1]
    assert forced > neither > speech


def test_headings_lie_in_no_clause_and_are_scaled_by_their_own_count() -> None:
    texts, headings = (
        ["Police acted."] * 4 + ["Courts did not."] * 4,
        ["Forced Labor"] * 4 + [None, "", None, ""],
    )
    features = featurize(texts, frozenset())
    bare = build_linear_training_design(features, [None] * 8)
    design = build_linear_training_design(features, headings)
    assert (design.clauses.sum(axis=1) == bare.clauses.sum(axis=1)).all()
    more = np.asarray(design.passages.sum(axis=1) - bare.passages.sum(axis=1)).ravel()
    assert len(design.hashes) == len(bare.hashes) + 4
    np.testing.assert_allclose(more, [4 * 4**-0.2] * 4 + [0] * 4)


TAUGHT = "The zorp was flooded."


def test_soft_targets_teach_and_count_in_nothing_else(
    small: tuple[list[str], np.ndarray, list[int]],
) -> None:
    texts, truth, groups = (column[::4] for column in small)
    without = fit_linear(Examples.of(texts, truth, groups), LinearSettings(folds=2))
    fitted = fit_linear(
        Examples.of(texts, truth, groups),
        LinearSettings(folds=2, soft=[SoftPassage(TAUGHT, "Zorps", [0.97, 0.01, 0.5])] * 30),
    )
    assert fitted.metrics.passages == len(texts)
    assert (
        fitted.calibrated.scores.shape == fitted.calibrated.y_pred["balanced"].shape == truth.shape
    )
    assert [m.support for m in fitted.metrics.labels] == truth.sum(axis=0).tolist()
    before, after = (
        probabilities(model, [TAUGHT], ["Zorps"])[0] for model in (without.model, fitted.model)
    )
    assert after[0] > max(before[0], 0.8)
    assert after[1] < before[1]
    assert "zorp" in fitted.model.vocabulary - without.model.vocabulary


def test_passages_held_judge_the_model_and_teach_nothing(
    small: tuple[list[str], np.ndarray, list[int]],
) -> None:
    texts, truth, groups = (column[::4] for column in small)
    held = np.arange(len(texts)) % 3 == 0
    fitted, shuffled = (
        fit_linear(
            Examples.of(texts, labels, groups),
            LinearSettings(folds=2),
            held=held,
            held_weights=np.ones(held.sum()),
        )
        for labels in (truth, np.where(held[:, None], truth[::-1], truth))
    )
    assert fitted.metrics.passages == len(fitted.calibrated.scores) == held.sum()
    assert [m.support for m in fitted.metrics.labels] == truth[held].sum(axis=0).tolist()
    for j in range(3):  # only the scale may differ, not what was learned
        one, other = (fit.model.weights[:, j].astype(float) for fit in (fitted, shuffled))
        assert np.corrcoef(one, other)[0, 1] > 0.999


def test_a_soft_target_is_what_the_fit_comes_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "_C", 1e3)
    texts = ["alpha"] * 20 + ["beta"] * 20 + ["gamma"] * 20
    design = build_linear_training_design(featurize(texts, frozenset(texts)), [None] * 60)
    target = np.repeat([[0.8], [0.3], [0.001]], 20, axis=0) * np.ones(3)
    for label_fit in fit_linear_labels(design, target, np.ones(60)):
        fitted = 1 / (1 + np.exp(-design.scores(label_fit.weights)[0] - label_fit.bias))
        np.testing.assert_allclose(fitted[::20], [0.8, 0.3, 0.0], atol=0.03)


def test_hard_targets_are_the_limit_of_soft_ones(
    small: tuple[list[str], np.ndarray, list[int]],
) -> None:
    texts, truth, _ = (column[::8] for column in small)
    design = build_linear_training_design(featurize(texts, frozenset()), [None] * len(texts))
    hard, nearly = (
        fit_linear_labels(design, target, np.ones(len(texts)))
        for target in (truth.astype(float), np.where(truth, 1.0, 0.01))
    )
    for one, other in zip(hard, nearly, strict=True):
        assert np.corrcoef(one.weights, other.weights)[0, 1] > 0.999


def test_a_vocabulary_may_be_given() -> None:
    texts = ["Police arrested a trafficker.", "No one was convicted.", "Police took bribes."] * 8
    truth = np.tile(np.eye(3, dtype=bool), (8, 1))
    assert fit_linear(
        Examples.of(texts, truth, range(24)), LinearSettings(folds=2, vocabulary=frozenset({"one"}))
    ).model.vocabulary == {"one"}


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=60))
@settings(max_examples=30)
def test_operating_points_are_ordered_and_keep_their_promise(
    rows: list[tuple[bool, float]],
) -> None:
    truth, scores = np.array([t for t, _ in rows]), np.array([s for _, s in rows])
    points = operating_points(truth, scores)
    assert points["screen"] <= points["balanced"] <= points["cite"]
    if truth.any():
        assert (scores[truth] >= points["screen"]).mean() >= 0.95


def test_calibration_error_is_the_gap_between_said_and_seen() -> None:
    assert calibration_error(np.array([True, True, False, False]), np.full(4, 0.5)) == 0
    assert calibration_error(np.array([False] * 4), np.full(4, 0.75)) == pytest.approx(0.75)


def test_macro_f1_is_the_mean_over_labels_that_occur() -> None:
    truth = np.array([[1, 0, 0], [1, 1, 0]], bool)
    metrics = measure(
        truth, truth.astype(float), np.array([[1, 0, 0], [0, 1, 0]], bool), np.full(3, 0.5)
    )
    assert [m.f1 for m in metrics.labels] == [pytest.approx(2 / 3), 1.0, 0.0]
    assert metrics.macro_f1 == pytest.approx(5 / 6)
    assert metrics.exact_match == 0.5
