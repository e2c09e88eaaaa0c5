"""Heads start from the shipped ones: few rows move them a little, and many move them far.

Each is judged on passages that it did not see.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tipclassify import Classifier
from tipclassify.arrays import Bools, Floats, Vectors, logistic
from tipclassify.model.encoder.files import EncoderHeads
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.training.heads import (
    Prior,
    fit_heads,
    fit_path,
    second_moment,
)
from tipclassify.training.vectors import pooled_vectors

TINY = Path(__file__).parents[1] / "files" / "tiny_encoder"
WIDTH = 8
# each label is read off one direction of its own
START = EncoderHeads(np.eye(3, WIDTH) * 4, np.full(3, -2.0))
PRIOR = Prior(START)


def drawn(rows: int, seed: int = 0) -> tuple[Vectors, Bools]:
    """Draw pooled vectors, with the labels that `START` gives them."""
    pooled = np.random.default_rng(seed).normal(size=(rows, WIDTH)).astype(np.float32)
    return pooled, START.logits(pooled) > 0


# ------------------------------------------------------------------------------------------ one fit


def test_heads_sum_each_row_alone() -> None:
    pooled, _ = drawn(50)
    together = START.logits(pooled)
    assert together.shape == (50, 3)
    alone = np.concatenate([START.logits(pooled[i : i + 1]) for i in range(50)])
    assert np.array_equal(together, alone)
    assert np.allclose(together, pooled @ START.weights.T + START.bias, atol=1e-5)
    assert START.logits(pooled[:0]).shape == (0, 3)


def test_a_huge_penalty_gives_the_start() -> None:
    pooled, truth = drawn(200)
    heads = fit_heads(PRIOR, pooled, ~truth, np.ones(200), penalty=1e12)
    assert np.allclose(heads.weights, START.weights, atol=1e-8)
    assert np.allclose(heads.bias, START.bias, atol=1e-8)


def test_a_label_that_nobody_read_for_keeps_its_head_bit_for_bit() -> None:
    pooled, truth = drawn(200)
    known = np.ones((200, 3))
    known[:, 1] = 0
    known[100:, 2] = 0
    heads = fit_heads(PRIOR, pooled, ~truth, known, penalty=1.0)
    assert np.array_equal(heads.weights[1], START.weights[1])
    assert heads.bias[1] == START.bias[1]
    fewer = fit_heads(PRIOR, pooled[:100], ~truth[:100], np.ones(100), penalty=1.0)
    assert np.allclose(heads.weights[2], fewer.weights[2])
    assert not np.allclose(heads.weights[0], fewer.weights[0])


def test_few_rows_of_a_flipped_label_move_a_head_a_little_and_many_turn_it() -> None:
    unseen, truth_of_unseen = drawn(500, seed=1)

    def accuracy_after(rows: int) -> Floats:
        """Compute each label's accuracy after a fit to rows whose second label is flipped."""
        pooled, truth = drawn(rows)
        truth[:, 1] = ~truth[:, 1]
        heads = fit_heads(PRIOR, pooled, truth, np.ones(rows), 1_000.0)
        return np.asarray(((heads.logits(unseen) > 0) == truth_of_unseen).mean(axis=0))

    few = accuracy_after(14)
    many = accuracy_after(20_000)
    assert few[1] > 0.97
    assert many[1] < 0.2
    for accuracy in (few, many):
        assert accuracy[[0, 2]].mean() > 0.97  # each label on its own


def test_the_fit_is_where_the_slope_is_nothing() -> None:
    pooled, truth = drawn(300)
    truth[:, 2] = pooled[:, 6] > 0
    weights = np.random.default_rng(3).random(300)
    heads = fit_heads(PRIOR, pooled, truth, weights, penalty=5.0)
    errors = logistic(heads.logits(pooled)) - truth
    design = np.column_stack([pooled, np.ones(300)])
    for j in range(3):
        moved = np.append(heads.weights[j] - START.weights[j], heads.bias[j] - START.bias[j])
        slope = design.T @ (weights * errors[:, j]) + 5.0 * moved
        assert np.abs(slope).max() < 0.05


def test_a_weight_counts_as_so_many_rows() -> None:
    pooled, truth = drawn(60)
    truth[:, 0] = ~truth[:, 0]
    counts = np.arange(60) % 4
    weighted = fit_heads(PRIOR, pooled, truth, counts.astype(float), penalty=3.0)
    repeated = fit_heads(
        PRIOR,
        pooled.repeat(counts, axis=0),
        truth.repeat(counts, axis=0),
        np.ones(counts.sum()),
        3.0,
    )
    assert np.allclose(weighted.weights, repeated.weights, atol=1e-3)


def test_vectors_beyond_all_measure_break_nothing() -> None:
    pooled = np.full((4, WIDTH), 1e4, np.float32)
    heads = fit_heads(PRIOR, pooled, np.zeros((4, 3), bool), np.ones(4), 1_000.0)
    assert np.isfinite(heads.weights).all()


# -------------------------------------------------------------------------------------- out of fold


def test_a_row_is_never_judged_by_a_head_that_saw_its_fold() -> None:
    pooled, truth = drawn(400)
    pooled[:, 7] = 0
    odd = np.arange(400) % 4 == 0
    # only rows of this fold have the direction, and all of them the label
    pooled[odd, 7] = 6
    truth[odd, 1] = True
    fold = np.where(odd, 0, 1 + np.arange(400) % 3)
    under_each = fit_path(PRIOR, pooled, truth, np.ones(400), fold, (100.0, 1.0))
    crossed = under_each[1].out_of_fold
    of_other_folds = fit_heads(PRIOR, pooled[~odd], truth[~odd], np.ones(300), 1.0)
    assert np.allclose(crossed[odd, 1], of_other_folds.logits(pooled[odd])[:, 1], atol=1e-3)
    alone = fit_heads(PRIOR, pooled, truth, np.ones(400), penalty=1.0)
    assert np.allclose(under_each[1].heads.weights, alone.weights, atol=1e-4)  # a path is as exact
    seen = alone.logits(pooled)
    assert (seen[odd, 1] > 0).mean() > 0.9  # with its own fold it would be right
    assert (crossed[odd, 1] > 0).mean() < 0.7


def test_where_the_corpus_varies_a_change_costs_more() -> None:
    rng = np.random.default_rng(5)
    deviations = np.array([3, 3, 3, 3, 3, 3, 0.1, 0.1], np.float32)
    corpus = rng.normal(size=(5_000, WIDTH)).astype(np.float32) * deviations
    corpus_prior = Prior(START, second_moment(corpus))
    pooled = rng.normal(size=(300, WIDTH)).astype(np.float32)
    # a direction in which passages of the corpus hardly differ
    pooled[:, 7] = np.sign(pooled[:, 7])
    truth = START.logits(pooled) > 0
    truth[:, 0] = pooled[:, 7] > 0

    def change_of_corpus(heads: EncoderHeads) -> float:
        return float(np.abs(START.logits(corpus) - heads.logits(corpus))[:, 0].mean())

    def accuracy(heads: EncoderHeads) -> float:
        return float(((heads.logits(pooled) > 0) == truth)[:, 0].mean())

    with_corpus = fit_heads(corpus_prior, pooled, truth, np.ones(300), 30.0)
    without = fit_heads(PRIOR, pooled, truth, np.ones(300), 30.0)
    assert accuracy(with_corpus) > accuracy(without)  # it learns more
    assert change_of_corpus(with_corpus) < change_of_corpus(without)


def test_fewer_rows_than_dimensions_have_the_same_solution() -> None:
    pooled, truth = drawn(5)
    truth[:, 0] = ~truth[:, 0]
    few = fit_heads(PRIOR, pooled, truth, np.ones(5), 2.0)
    weights = np.concatenate([np.ones(5), np.zeros(20)])
    more = fit_heads(PRIOR, np.tile(pooled, (5, 1)), np.tile(truth, (5, 1)), weights, 2.0)
    assert np.allclose(few.weights, more.weights, atol=1e-6)
    assert np.allclose(few.bias, more.bias, atol=1e-6)


# ----------------------------------------------------------------------------------- pooled vectors


@pytest.fixture
def scorer() -> EncoderScorer:
    tiny = Classifier.load(TINY).scorer
    assert isinstance(tiny, EncoderScorer)
    return tiny


def test_pooled_vectors_are_what_the_heads_score(scorer: EncoderScorer) -> None:
    texts = ["Courts convicted them.", "Officers met.", ""]
    headings = [None, "Bribes", "Bribes"]
    reported: list[tuple[int, int]] = []
    pooled = pooled_vectors(scorer, texts, headings, lambda *at: reported.append(at))
    assert reported == [(3, 3)]
    assert pooled.dtype == np.float32
    wanted = scorer.model.heads.logits(pooled) * scorer.model.scale + scorer.model.shift
    assert np.array_equal(wanted, scorer.logits(texts, headings))
    assert pooled_vectors(scorer, [], []).shape == (0, 3)


def test_vectors_of_passages_seen_before_are_kept_by_what_the_encoder_read(
    scorer: EncoderScorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIPCLASSIFY_CACHE", str(tmp_path))
    texts = ["Courts convicted them.", "Officers met.", "Courts convicted them."]
    headings = [None, "Bribes", "Bribes"]
    reported: list[tuple[int, int]] = []

    def read(count: int) -> Vectors:
        reported.clear()
        given = texts[:count], headings[:count]
        return pooled_vectors(scorer, *given, lambda *at: reported.append(at), keep=True)

    expected = pooled_vectors(scorer, texts, headings)
    assert not (tmp_path / "vectors").exists()
    assert np.array_equal(read(2), expected[:2])
    assert np.array_equal(read(3), expected)
    assert reported == [(1, 1)]  # the third alone
    assert np.array_equal(read(3), expected)
    assert reported == []
    (file,) = (tmp_path / "vectors").iterdir()
    assert b"onvicted" not in file.read_bytes()
    cut = file.read_bytes()[:-30]
    altered = bytearray(file.read_bytes())
    altered[altered.index(expected[0].tobytes())] ^= 1
    for written in (cut, altered, b""):
        file.write_bytes(written)
        assert np.array_equal(read(3), expected)
        assert reported == [(3, 3)]
    if hasattr(os, "mkfifo"):
        file.unlink()
        os.mkfifo(file)
        assert np.array_equal(read(3), expected)
