"""Probabilities mean what they say, and thresholds keep what they promise.

Both hold where passages count unequally too.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tipclassify.arrays import Bools, Floats, Ints, logistic
from tipclassify.labels import POLICIES
from tipclassify.training.calibration import calibrate, choose_thresholds, platt


def simulated(rows: int, seed: int = 0) -> tuple[Floats, Bools]:
    """Draw raw scores, and labels whose log-odds are twice the score and one less."""
    raw = np.random.default_rng(seed).normal(0, 2, (rows, 3))
    chance = np.random.default_rng(seed + 1).random((rows, 3))
    return raw, chance < logistic(2 * raw - 1)


# --------------------------------------------------------------------------------------- thresholds

ranked = st.lists(
    st.tuples(st.booleans(), st.integers(0, 50), st.integers(1, 4)), min_size=1, max_size=60
)


def columns(rows: list[tuple[bool, int, int]]) -> tuple[Bools, Floats, Ints]:
    """Return the labels, scores and weights of rows."""
    truth, scores, weights = zip(*rows, strict=True)
    return np.array(truth), np.array(scores) / 50, np.array(weights)


def precision_and_recall(
    truth: Bools, scores: Floats, weights: Ints | Floats, threshold: float
) -> tuple[float, float]:
    """Compute precision and recall at a threshold."""
    given = scores >= threshold
    hits = weights @ (truth & given)
    return float(hits / max(weights @ given, 1e-12)), float(hits / max(weights @ truth, 1e-12))


@given(ranked)
def test_thresholds_are_ordered_and_keep_their_promise(rows: list[tuple[bool, int, int]]) -> None:
    truth, scores, weights = columns(rows)
    points = choose_thresholds(truth, scores, weights.astype(float))
    assert points["screen"] <= points["balanced"] <= points["cite"]
    if not truth.any():
        assert set(points.values()) == {0.5}
        return
    _, recall = precision_and_recall(truth, scores, weights, points["screen"])
    assert recall >= 0.95

    def is_sure(threshold: float) -> bool:
        precision, _ = precision_and_recall(truth, scores, weights, threshold)
        hits = (truth & (scores >= threshold)).sum()
        return bool(precision >= 0.95 and hits >= min(10, truth.sum()))

    if any(is_sure(score) for score in np.unique(scores)):
        precision, _ = precision_and_recall(truth, scores, weights, points["cite"])
        assert precision >= 0.95


def f1_at(truth: Bools, scores: Floats, threshold: float) -> float:
    """Compute the F1 at a threshold."""
    precision, recall = precision_and_recall(truth, scores, np.ones(len(truth)), threshold)
    return 2 * precision * recall / max(precision + recall, 1e-12)


def test_no_threshold_has_a_clearly_better_f1_than_the_balanced_one() -> None:
    raw, truth = simulated(5_000)
    scores = logistic(2 * raw[:, 0] - 1)  # calibrated
    balanced = choose_thresholds(truth[:, 0], scores)["balanced"]
    best = max(f1_at(truth[:, 0], scores, score) for score in np.unique(scores))
    assert f1_at(truth[:, 0], scores, balanced) >= best - 0.005


def test_cite_is_sure_where_any_threshold_is() -> None:
    """Of two thresholds whose F1 is alike the higher one may be the less sure."""
    counts = {
        (0.9, True): 8_000,
        (0.9, False): 422,
        (0.8, True): 18,
        (0.1, True): 1_982,
        (0.1, False): 90_000,
    }
    scores = np.repeat([score for score, _ in counts], list(counts.values()))
    truth = np.repeat([true for _, true in counts], list(counts.values()))
    points = choose_thresholds(truth, scores)
    assert points["cite"] <= 0.8
    assert truth[scores >= points["cite"]].mean() >= 0.95 > truth[scores == 0.9].mean()


def test_a_weight_counts_as_so_many_passages() -> None:
    raw, truth = simulated(400)
    weights = 1 + np.arange(400) % 3
    scores = logistic(2 * raw[:, 0] - 1)
    weighted = choose_thresholds(truth[:, 0], scores, weights.astype(float))
    assert weighted == choose_thresholds(truth[:, 0].repeat(weights), scores.repeat(weights))
    assert weighted != choose_thresholds(truth[:, 0], scores)


def two_kinds(right: dict[str, float]) -> tuple[Bools, Floats, npt.NDArray[np.str_]]:
    """Make 200 passages of each kind at each score; from 0.5 up so many of a kind are right."""
    truth: list[bool] = []
    scores: list[float] = []
    kinds: list[str] = []
    for kind, share in right.items():
        for score in (0.9, 0.7, 0.5, 0.01):
            labelled = round(200 * (share if score < 0.9 else 1)) if score > 0.1 else 2
            truth += [number < labelled for number in range(200)]
            scores += [score] * 200
            kinds += [kind] * 200
    return np.array(truth), np.array(scores), np.array(kinds)


def test_cite_keeps_its_promise_on_each_kind_of_text() -> None:
    truth, scores, kinds = two_kinds({"hrr": 0.99, "dol": 0.88})
    pooled = choose_thresholds(truth, scores)["cite"]
    points = choose_thresholds(truth, scores, kind=kinds)
    hard = kinds == "dol"
    assert truth[hard & (scores >= pooled)].mean() < 0.95
    for kind in ("hrr", "dol"):
        assert truth[(kinds == kind) & (scores >= points["cite"])].mean() >= 0.95


def test_rows_of_tables_and_a_kind_that_is_never_so_precise_do_not_bind_cite() -> None:
    truth, scores, kinds = two_kinds({"hrr": 0.99, "dol": 0.88})
    pooled = choose_thresholds(truth, scores)["cite"]
    rows = np.where(kinds == "dol", "rows", kinds)
    assert choose_thresholds(truth, scores, kind=rows)["cite"] == pooled
    half = np.arange(len(truth)) % 2 == 0
    hopeless = truth & ~((kinds == "dol") & half)
    alone = choose_thresholds(hopeless, scores)["cite"]
    assert choose_thresholds(hopeless, scores, kind=kinds)["cite"] == alone


def test_screen_finds_the_labels_of_each_kind_of_text() -> None:
    truth, scores, kinds = two_kinds({"hrr": 0.99, "dol": 0.88})
    low = scores.copy()
    low[(kinds == "dol") & truth & (scores == 0.5)] = 0.02
    pooled = choose_thresholds(np.concatenate([truth] * 2), np.concatenate([scores, low]))
    points = choose_thresholds(truth, low, kind=kinds)
    assert points["screen"] <= 0.02 < pooled["balanced"]
    found = low >= points["screen"]
    for kind in ("hrr", "dol"):
        assert found[truth & (kinds == kind)].mean() >= 0.95


def test_a_precision_is_not_read_off_a_handful() -> None:
    scores = np.linspace(0.99, 0.01, 99)
    truth = np.zeros(99, bool)
    truth[:3] = True
    truth[4:44] = np.tile([True, True, False, False], 10)
    cite = choose_thresholds(truth, scores)["cite"]
    assert (scores >= cite).sum() > 10  # the first three are right, which may be luck


def test_equal_scores_are_not_parted() -> None:
    points = choose_thresholds(np.array([True, False, True, False]), np.array([0.7, 0.7, 0.7, 0.2]))
    assert all(0.2 < value < 0.7 for value in points.values())


# ------------------------------------------------------------------------------------ probabilities


def test_calibration_finds_what_the_labels_follow() -> None:
    raw, truth = simulated(5_000)
    scale, shift = platt(raw[:, 0], truth[:, 0])
    assert (scale, shift) == (pytest.approx(2, abs=0.2), pytest.approx(-1, abs=0.2))


def test_weights_of_calibration_count_as_so_many_rows() -> None:
    raw, truth = simulated(300)
    weights = np.arange(300) % 4
    weighted = platt(raw[:, 0], truth[:, 0], weights.astype(float))
    repeated = platt(raw[:, 0].repeat(weights), truth[:, 0].repeat(weights))
    assert weighted == pytest.approx(repeated, abs=1e-3)
    assert weighted != pytest.approx(platt(raw[:, 0], truth[:, 0]), abs=1e-3)


def test_what_cannot_be_calibrated_stays_as_it_is() -> None:
    raw = np.linspace(-3, 3, 40)
    assert platt(raw, raw < 0) == (1.0, 0.0)  # it would turn the label's meaning round
    assert platt(raw, np.arange(40) == 39) == (1.0, 0.0)  # one passage is no evidence
    assert platt(raw, raw > -9) == (1.0, 0.0)


def test_no_passage_is_judged_by_a_calibration_that_saw_its_fold() -> None:
    raw, truth = simulated(600)
    fold = np.arange(600) % 3
    in_flipped_fold = fold == 1
    flipped = truth.copy()
    flipped[in_flipped_fold] = ~flipped[in_flipped_fold]
    plain = calibrate(raw, truth, fold)
    changed = calibrate(raw, flipped, fold)
    assert np.array_equal(changed.scores[in_flipped_fold], plain.scores[in_flipped_fold])
    assert not np.allclose(changed.scores[fold == 0], plain.scores[fold == 0], atol=0.01)
    for policy in POLICIES:
        before = plain.y_pred[policy]
        after = changed.y_pred[policy]
        assert np.array_equal(after[in_flipped_fold], before[in_flipped_fold])
        assert before.dtype == bool
    assert changed.thresholds != plain.thresholds  # the ones that ship are of all


def test_probabilities_of_weighted_passages_are_those_of_the_whole() -> None:
    raw, truth = simulated(30_000)
    hard = np.abs(2 * raw[:, 0] - 1) < 1
    chosen = hard | (np.arange(30_000) % 20 == 0)  # of the easy ones, one in twenty was labelled
    weights = np.where(hard, 1.0, 20.0)[chosen]
    fold = np.arange(chosen.sum()) % 5
    weights /= weights.mean()
    calibration = calibrate(raw[chosen], truth[chosen], fold, weights=weights)
    probability = logistic(raw[:, 0] * calibration.scale[0] + calibration.shift[0])
    for low, high in ((0.0, 0.1), (0.3, 0.7), (0.9, 1.0)):
        part = (probability >= low) & (probability <= high)
        assert probability[part].mean() == pytest.approx(truth[part, 0].mean(), abs=0.03)
