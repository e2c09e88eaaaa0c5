"""The penalty is chosen by what the user's rows gain and what real passages lose; calibration
likewise."""

from __future__ import annotations

import numpy as np
import pytest

from tipclassify.arrays import logistic
from tipclassify.model.encoder.folder import EncoderHeads, EncoderModel
from tipclassify.training.calibration import recalibrate
from tipclassify.training.examples import Examples, group_folds
from tipclassify.training.fit_heads import Prior, second_moment
from tipclassify.training.fit_penalty import MOST_LOST, PENALTIES, PenaltyChoice, choose_penalty
from tipclassify.training.fixed_set import FixedSet, compare_on_fixed, pack_fixed, read_fixed

WIDTH = 8
HEADS = EncoderHeads(np.eye(3, WIDTH) * 4, np.full(3, -2.0))
MODEL = EncoderModel(
    graph=b"",
    tokenizer="",
    vocabulary=frozenset(),
    heads=HEADS,
    finetuned_heads=HEADS,
    thresholds=dict.fromkeys(("screen", "balanced", "cite"), (0.5, 0.5, 0.5)),
    scale=np.ones(3),
    shift=np.zeros(3),
    window=128,
    overlap=32,
    meta={},
)


def vectors(rows: int, seed: int) -> np.ndarray:
    """Vectors that hardly vary in their last direction, as passages do in that of a user's rule."""
    found = np.random.default_rng(seed).normal(size=(rows, WIDTH)).astype(np.float32)
    found[:, 7] *= 0.3
    return found


def drawn_labels(pooled: np.ndarray, seed: int) -> np.ndarray:
    """Labels of which `HEADS` gives the very probabilities: nothing is left to learn."""
    return np.asarray(
        np.random.default_rng(seed).random((len(pooled), 3)) < logistic(HEADS.logits(pooled))
    )


def fixed_set(rows: int = 2_000) -> FixedSet:
    pooled = vectors(rows, 1)
    families = np.array([b"hrr"] * (rows - 200) + [b"invented"] * 200, "S16")
    keys = np.array([f"{n:016x}" for n in range(rows)], "S16")
    return FixedSet(pooled, drawn_labels(pooled, 5), keys, families, np.arange(rows) // 10)


def own_rows(rows: int, ruled: bool) -> tuple[Examples, np.ndarray]:
    pooled = vectors(rows, 2)
    y_true = drawn_labels(pooled, 6)
    if ruled:
        decided = np.arange(rows) % 4 == 0
        pooled[decided, 7] = 2
        y_true[decided, 0] = True
    return Examples.of([f"row {n}" for n in range(rows)], y_true, np.arange(rows) // 5), pooled


def chosen(rows: int, ruled: bool, fixed: FixedSet | None) -> PenaltyChoice:
    own, pooled = own_rows(rows, ruled)
    prior = Prior(HEADS, second_moment(vectors(5_000, 3)))
    return choose_penalty(prior, MODEL, own, pooled, group_folds(own.groups, 5, 0), fixed)


def test_a_rule_lowers_the_penalty_and_rows_as_the_model_has_them_do_not() -> None:
    rule, same = chosen(300, True, fixed_set()), chosen(300, False, fixed_set())
    assert rule.penalty < 1_000
    assert same.penalty > rule.penalty
    assert [point.penalty for point in rule.curve] == list(PENALTIES)
    taken = next(point for point in rule.curve if point.penalty == rule.penalty)
    assert taken.cost <= MOST_LOST
    assert taken.macro_f1 > rule.curve[0].macro_f1 + 0.02
    lines = rule.table().splitlines()
    assert sum(line.split()[1] == "*" for line in lines[1:8]) == 1
    assert lines[-1].startswith("* taken: the largest within a standard error")


def test_where_each_penalty_costs_too_much_the_one_that_costs_least_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tipclassify.training.fit_penalty.MOST_LOST", -1.0)
    found = chosen(100, True, fixed_set())
    assert found.penalty == min(found.curve, key=lambda point: point.cost).penalty
    assert "each costs more than" in found.reason


def test_without_a_fixed_set_the_choice_says_that_its_cost_is_unknown() -> None:
    found = chosen(300, True, None)
    assert "not known: this model has no fixed set" in found.reason
    assert all(np.isnan(point.cost) for point in found.curve)
    assert found.to_dict()["curve"][0]["cost"] is None


def test_a_fixed_set_comes_back_from_its_file_and_another_width_is_refused() -> None:
    fixed = fixed_set(300)
    found = read_fixed(pack_fixed(fixed), WIDTH)
    assert np.abs(found.pooled - fixed.pooled).max() < 0.01  # 16 bits
    assert np.array_equal(found.y_true, fixed.y_true)
    assert (found.keys.tolist(), found.groups.tolist()) == (
        fixed.keys.tolist(),
        fixed.groups.tolist(),
    )
    from tipclassify import ModelError

    with pytest.raises(ModelError, match=r"fixed.npz: not a fixed set of vectors of 9 numbers"):
        read_fixed(pack_fixed(fixed), 9)


def test_the_comparison_has_false_tags_and_both_parts() -> None:
    fixed = fixed_set(400)
    right, none = fixed.y_true, np.zeros_like(fixed.y_true)
    found = compare_on_fixed(fixed, right, right | True)
    assert (found.real_passages, found.invented_passages) == (200, 200)
    assert (found.false_tags, found.false_tags_before) == (0.0, 1.0)
    assert found.cost < 0
    assert compare_on_fixed(fixed, none, right).cost == 1
    table = found.table()
    assert "real passages: macro-F1" in table
    assert "invented passages: macro-F1" in table
    last = "200 real passages, 200 invented ones, learned by neither model"
    assert table.splitlines()[-1] == last
    words_missing = compare_on_fixed(fixed.take(~fixed.real), right[200:], right[200:])
    *figures, missing, counts = words_missing.table().splitlines()
    assert missing.startswith("real passages: not measured, their words are not here")
    assert counts.startswith("0 real passages, 200 invented ones")
    assert max(map(len, figures)) < 100  # the long line widens no column


# ---------------------------------------------------------------------------------------------
# calibration


def logits_of(rows: int, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    logits = rng.normal(size=(rows, 3)) * 2
    y_true = rng.random((rows, 3)) < logistic(logits)
    return logits / scale, y_true, np.arange(rows) // 5


def test_a_calibration_that_is_off_is_refitted_where_rows_suffice() -> None:
    raw, y_true, groups = logits_of(1_000, scale=5)
    fold = group_folds(groups, 5, 0)
    found = recalibrate(raw, y_true, groups, fold, np.ones(3), np.zeros(3))
    assert found.scale.tolist() == pytest.approx([5, 5, 5], rel=0.3)
    assert (
        found.sentence
        == "refitted on your rows, out of fold, for positive_effort, failure, complicity"
    )
    assert found.fall > 0


def test_a_calibration_that_holds_or_has_few_rows_is_kept() -> None:
    raw, y_true, groups = logits_of(1_000, scale=1)
    y_true[:, 2] = np.arange(1_000) < 40
    fold = group_folds(groups, 5, 0)
    found = recalibrate(raw, y_true, groups, fold, np.ones(3), np.zeros(3))
    assert (found.scale.tolist(), found.shift.tolist()) == ([1, 1, 1], [0, 0, 0])
    assert (
        "kept for positive_effort, failure, since a refit predicts your rows no better"
        in found.sentence
    )
    assert "kept for complicity: a refit needs 50 rows with it and without it" in found.sentence
