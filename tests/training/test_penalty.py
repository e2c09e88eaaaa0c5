"""The penalty is chosen by what the user's rows gain and what real passages lose."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tipclassify import ModelError
from tipclassify.arrays import Bools, Vectors, logistic
from tipclassify.model.encoder.files import EncoderHeads, EncoderModel
from tipclassify.training.examples import Examples, group_folds
from tipclassify.training.fixed_set import (
    FixedSet,
    pack_fixed,
    read_fixed,
)
from tipclassify.training.heads import Fit, Prior, fit_path, second_moment
from tipclassify.training.penalty import (
    MOST_LOST,
    MOST_LOST_BY_A_RULE,
    PENALTIES,
    PenaltyChoice,
    choose_penalty,
)

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


def vectors(rows: int, seed: int) -> Vectors:
    """Draw vectors that hardly vary in their last direction, that of a user's rule."""
    drawn = np.random.default_rng(seed).normal(size=(rows, WIDTH)).astype(np.float32)
    drawn[:, 7] *= 0.3
    return drawn


def drawn_labels(pooled: Vectors, seed: int) -> Bools:
    """Draw labels of which `HEADS` gives the very probabilities: nothing is left to learn."""
    chance = np.random.default_rng(seed).random((len(pooled), 3))
    return np.asarray(chance < logistic(HEADS.logits(pooled)))


def fixed_set(rows: int = 2_000) -> FixedSet:
    """Make a fixed set whose last 200 passages are invented."""
    pooled = vectors(rows, 1)
    families = np.full(rows, b"hrr", "S16")
    families[-200:] = b"invented"
    keys = np.array([f"{n:016x}" for n in range(rows)], "S16")
    return FixedSet(
        pooled=pooled,
        y_true=drawn_labels(pooled, 5),
        keys=keys,
        families=families,
        groups=np.arange(rows) // 10,
        stood_for=np.arange(rows) % 3.0,
    )


def own_rows(rows: int, ruled: bool) -> tuple[Examples, Vectors]:
    """Make a user's rows, labelled as the model does, and if `ruled` by a rule of the user's."""
    pooled = vectors(rows, 2)
    y_true = drawn_labels(pooled, 6)
    if ruled:
        decided = np.arange(rows) % 4 == 0
        pooled[decided, 7] = 2
        y_true[decided, 0] = True
    texts = [f"row {n}" for n in range(rows)]
    return Examples.of(texts, y_true, np.arange(rows) // 5), pooled


def chosen(rows: int, ruled: bool, fixed: FixedSet | None) -> PenaltyChoice:
    """Choose the penalty for a user's rows."""
    own, pooled = own_rows(rows, ruled)
    return choose_penalty(MODEL, own, pooled, fits(own, pooled), fixed)


def fits(own: Examples, pooled: Vectors) -> list[Fit]:
    """Fit heads under each penalty."""
    prior = Prior(HEADS, second_moment(vectors(5_000, 3)))
    fold = group_folds(own.groups, 5, 0)
    return fit_path(prior, pooled, own.y_true, own.label_weights, fold, PENALTIES)


def test_a_rule_lowers_the_penalty_and_rows_as_the_model_has_them_do_not() -> None:
    for_rule = chosen(300, True, fixed_set())
    without_rule = chosen(300, False, fixed_set())
    assert for_rule.penalty < 1_000
    assert without_rule.penalty > for_rule.penalty
    assert [point.penalty for point in for_rule.curve] == list(PENALTIES)
    taken = next(point for point in for_rule.curve if point.penalty == for_rule.penalty)
    assert taken.cost <= (MOST_LOST_BY_A_RULE if for_rule.rule else MOST_LOST)
    assert taken.macro_f1 > for_rule.curve[0].macro_f1 + 0.02
    lines = for_rule.table().splitlines()
    assert sum(line.split()[1] == "*" for line in lines[1:8]) == 1
    assert lines[8].startswith("* taken: the largest within a standard error")


def test_a_rule_against_the_model_is_told_from_wrong_labels_and_is_not_charged_for_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fixed = fixed_set()
    agreeing, pooled = own_rows(300, ruled=False)
    against = np.zeros(300, bool)
    against[:60] = True
    pooled[against] = 0.1 * pooled[against]
    pooled[against, 0] = 2.0  # the model is sure of the first label, and of no other
    y_true = agreeing.y_true.copy()
    y_true[against] = False
    fixed.pooled[:200] = 0.1 * fixed.pooled[:200]
    fixed.pooled[:200, 0] = 2.0
    fixed.y_true[:200] = [True, False, False]  # labelled by what the user rejects

    def choose(labels: Bools) -> PenaltyChoice:
        own = Examples.of(agreeing.texts, labels, agreeing.groups)
        return choose_penalty(MODEL, own, pooled, fits(own, pooled), fixed)

    by_rule = choose(y_true)
    assert re.match(
        r"6\d of your rows contradict the model's labels by a rule; 2\d\d", by_rule.rule
    )
    assert by_rule.rule in by_rule.table()
    apart = Examples.of(agreeing.texts, y_true, agreeing.groups)
    monkeypatch.setattr("tipclassify.training.penalty._FEWEST_OF_A_RULE", 300)
    charged = choose_penalty(MODEL, apart, pooled, fits(apart, pooled), fixed)
    assert charged.rule == ""
    assert by_rule.curve[-1].rise < 0.8 * charged.curve[-1].rise
    assert by_rule.penalty <= charged.penalty
    monkeypatch.undo()
    wrong = agreeing.y_true ^ (np.random.default_rng(7).random((300, 3)) < 0.15)
    assert choose(wrong).rule == ""


def test_where_each_penalty_costs_too_much_the_one_that_costs_least_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tipclassify.training.penalty.MOST_LOST", -1.0)
    monkeypatch.setattr("tipclassify.training.penalty.MOST_LOST_BY_A_RULE", -1.0)
    choice = chosen(100, True, fixed_set())
    cheapest = min(choice.curve, key=lambda point: point.cost)
    assert choice.penalty == cheapest.penalty
    assert "each costs more than" in choice.reason


def test_without_a_fixed_set_the_choice_says_that_its_cost_is_unknown() -> None:
    choice = chosen(300, True, None)
    assert "not known: this model has no fixed set" in choice.reason
    assert all(np.isnan(point.cost) for point in choice.curve)


def test_a_fixed_set_comes_back_from_its_file_and_another_width_is_refused() -> None:
    fixed = fixed_set(300)
    again = read_fixed(pack_fixed(fixed), WIDTH)
    assert np.abs(again.pooled - fixed.pooled).max() < 0.01  # 16 bits
    assert np.array_equal(again.y_true, fixed.y_true)
    assert again.keys.tolist() == fixed.keys.tolist()
    assert again.groups.tolist() == fixed.groups.tolist()
    assert again.stood_for.tolist() == fixed.stood_for.tolist()
    with pytest.raises(ModelError, match=r"fixed.npz: not a fixed set of vectors of 9 numbers"):
        read_fixed(pack_fixed(fixed), 9)


def test_the_comparison_has_false_tags_and_both_parts() -> None:
    fixed = fixed_set(400)
    right = fixed.y_true
    tag_all = np.ones_like(right)
    comparison = fixed.compare(right, tag_all)
    assert (comparison.real_passages, comparison.invented_passages) == (200, 200)
    assert (comparison.false_tags, comparison.false_tags_before) == (0.0, 1.0)
    assert comparison.parts["real passages"].differences[0].difference > 0
    table = comparison.table()
    assert "on 200 real passages of the fixed set, learned by neither model" in table
    assert "on 200 invented passages of the fixed set, learned by neither model" in table
    assert "false alarms 0.0%, before 100.0%" in table.splitlines()
    words_missing = fixed.take(~fixed.real).compare(right[200:], right[200:])
    of_invented, missing = words_missing.table().split("\n\n")
    assert "real passages" not in of_invented
    assert missing.startswith("real passages: not measured, their words are not here")
