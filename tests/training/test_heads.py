"""Heads start from the shipped ones: few rows move them little, many far; each is judged on unseen passages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tipclassify.training.heads import adapt_heads, out_of_fold_logits, pooled_vectors

from tipclassify import Classifier
from tipclassify.arrays import logistic
from tipclassify.model.encoder.folder import Heads
from tipclassify.model.encoder.scoring import EncoderScorer

TINY = Path(__file__).parents[1] / "files" / "tiny_encoder"
WIDTH = 8
START = Heads(np.eye(3, WIDTH) * 4, np.full(3, -2.0))  # each label is read off one direction of its own


def drawn(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pooled vectors, and the labels that `START` gives them."""
    pooled = np.random.default_rng(seed).normal(size=(rows, WIDTH)).astype(np.float32)
    return pooled, START.logits(pooled) > 0


def loss(heads: Heads, pooled: np.ndarray, truth: np.ndarray) -> float:
    return float(np.logaddexp(0, np.where(truth, -1, 1) * heads.logits(pooled)).mean())


# --------------------------------------------------------------------------------------------- one fit


def test_heads_sum_each_row_alone() -> None:
    pooled, _ = drawn(50)
    together = START.logits(pooled)
    assert together.shape == (50, 3)
    assert np.array_equal(together, np.concatenate([START.logits(pooled[i : i + 1]) for i in range(50)]))
    assert np.allclose(together, pooled @ START.weights.T + START.bias, atol=1e-5)
    assert START.logits(pooled[:0]).shape == (0, 3)


def test_a_huge_penalty_gives_the_start() -> None:
    pooled, truth = drawn(200)
    found = adapt_heads(START, pooled, ~truth, np.ones(200), penalty=1e12)
    assert np.allclose(found.weights, START.weights, atol=1e-8)
    assert np.allclose(found.bias, START.bias, atol=1e-8)


def test_no_rows_give_the_start() -> None:
    found = adapt_heads(START, np.zeros((0, WIDTH), np.float32), np.zeros((0, 3), bool), np.zeros(0))
    assert np.array_equal(found.weights, START.weights)


def test_few_rows_of_a_flipped_label_move_a_head_a_little_and_many_turn_it() -> None:
    new, right = drawn(500, seed=1)
    agree = []
    for rows in (14, 20_000):
        pooled, truth = drawn(rows)
        truth[:, 1] = ~truth[:, 1]
        found = adapt_heads(START, pooled, truth, np.ones(rows))
        given = found.logits(new) > 0
        agree.append((given == right).mean(axis=0))
        assert (given[:, [0, 2]] == right[:, [0, 2]]).mean() > 0.97  # each label on its own
    assert agree[0][1] > 0.97
    assert agree[1][1] < 0.2


def test_rows_lower_their_own_loss() -> None:
    pooled, truth = drawn(100)
    truth[:, 0] = pooled[:, 5] > 0
    found = adapt_heads(START, pooled, truth, np.ones(100), penalty=1.0)
    assert loss(found, pooled, truth) < loss(START, pooled, truth) / 2


def test_the_fit_is_where_the_slope_is_nothing() -> None:
    pooled, truth = drawn(300)
    truth[:, 2] = pooled[:, 6] > 0
    weights = np.random.default_rng(3).random(300)
    found = adapt_heads(START, pooled, truth, weights, penalty=5.0)
    design = np.column_stack([pooled, np.ones(300)])
    for j in range(3):
        moved = np.append(found.weights[j] - START.weights[j], found.bias[j] - START.bias[j])
        slope = design.T @ (weights * (logistic(found.logits(pooled)[:, j]) - truth[:, j])) + 5.0 * moved
        assert np.abs(slope).max() < 0.05


def test_a_weight_counts_as_so_many_rows() -> None:
    pooled, truth = drawn(60)
    truth[:, 0] = ~truth[:, 0]
    counts = np.arange(60) % 4
    weighted = adapt_heads(START, pooled, truth, counts.astype(float), penalty=3.0)
    repeated = adapt_heads(
        START, pooled.repeat(counts, axis=0), truth.repeat(counts, axis=0), np.ones(counts.sum()), 3.0
    )
    assert np.allclose(weighted.weights, repeated.weights, atol=1e-3)


def test_the_same_rows_give_the_same_bytes() -> None:
    pooled, truth = drawn(500)
    found = [adapt_heads(START, pooled, ~truth, np.ones(500)) for _ in range(2)]
    assert found[0].weights.tobytes() == found[1].weights.tobytes()
    assert found[0].bias.tobytes() == found[1].bias.tobytes()


def test_vectors_beyond_all_measure_break_nothing() -> None:
    pooled = np.full((4, WIDTH), 1e4, np.float32)
    found = adapt_heads(START, pooled, np.zeros((4, 3), bool), np.ones(4))
    assert np.isfinite(found.weights).all()


# --------------------------------------------------------------------------------------------- out of fold


def test_a_row_is_never_judged_by_a_head_that_saw_its_fold() -> None:
    pooled, truth = drawn(400)
    pooled[:, 7] = 0
    odd = np.arange(400) % 4 == 0
    pooled[odd, 7], truth[odd, 1] = 6, True  # only rows of this fold have the direction, and all of them the label
    fold = np.where(odd, 0, 1 + np.arange(400) % 3)
    crossed = out_of_fold_logits(START, pooled, truth, np.ones(400), fold, penalty=1.0)
    assert np.allclose(
        crossed[odd, 1], adapt_heads(START, pooled[~odd], truth[~odd], np.ones(300), 1.0).logits(pooled[odd])[:, 1]
    )
    seen = adapt_heads(START, pooled, truth, np.ones(400), penalty=1.0).logits(pooled)
    assert (seen[odd, 1] > 0).mean() > 0.9  # with its own fold it would be right
    assert (crossed[odd, 1] > 0).mean() < 0.7


def test_rows_of_no_fold_teach_all_and_are_not_scored() -> None:
    pooled, truth = drawn(120)
    truth[:, 0] = ~truth[:, 0]
    fold = np.repeat([-1, 0, 1], 40)
    crossed = out_of_fold_logits(START, pooled, truth, np.ones(120), fold, penalty=1.0)
    assert (crossed[fold == -1] == 0).all()
    for number in (0, 1):
        taught = fold != number
        heads = adapt_heads(START, pooled[taught], truth[taught], np.ones(80), 1.0)
        assert np.array_equal(crossed[~taught], heads.logits(pooled[~taught]))


# --------------------------------------------------------------------------------------------- pooled vectors


@pytest.fixture
def scorer() -> EncoderScorer:
    found = Classifier.load(TINY).scorer
    assert isinstance(found, EncoderScorer)
    return found


def test_pooled_vectors_are_what_the_heads_score(scorer: EncoderScorer) -> None:
    texts, headings = ["Courts convicted them.", "Officers met.", ""], [None, "Bribes", "Bribes"]
    pooled = pooled_vectors(scorer, texts, headings)
    assert pooled.dtype == np.float32
    wanted = scorer.model.heads.logits(pooled) * scorer.model.scale + scorer.model.shift
    assert np.array_equal(wanted, scorer.logits(texts, headings))
    assert pooled_vectors(scorer, [], []).shape == (0, 3)


def test_what_was_read_once_is_kept_and_another_heading_is_read_anew(
    scorer: EncoderScorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tipclassify.training import heads

    monkeypatch.setattr(heads, "_CACHE_ROWS", 2)
    texts = ["Courts convicted them.", "Officers met.", "Judges failed."]
    reported: list[tuple[int, int]] = []
    first = pooled_vectors(scorer, texts, [None] * 3, cache=tmp_path, progress=lambda *at: reported.append(at))
    assert reported == [(2, 3), (3, 3)]
    read: list[Any] = []
    plain = EncoderScorer.pooled
    monkeypatch.setattr(
        EncoderScorer, "pooled", lambda self, texts, headings=None: read.append(texts) or plain(self, texts, headings)
    )
    again = pooled_vectors(scorer, texts, [None] * 3, cache=tmp_path)
    assert read == []
    assert again.tobytes() == first.tobytes()
    more = pooled_vectors(scorer, [*texts, "Police acted."], [None, "Bribes", None, None], cache=tmp_path)
    assert read == [texts[:2], [texts[2], "Police acted."]]
    assert more[1].tolist() != first[1].tolist()
