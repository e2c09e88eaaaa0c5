"""Detectors: they see order, explain themselves, and give the same bits however passages are batched."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tipclassify import Classifier, answers, windows
from tipclassify.answers import LARGEST
from tipclassify.features import featurize
from tipclassify.tokens import Tokens
from tipclassify.windows import Matches, Windows
from tipclassify.windows_training import fit_windows

VOCABULARY = frozenset("police judge helped punished the victims traffickers officials without before and".split())
PASSAGES = [
    "Police arrested nine traffickers, but courts convicted none of them.",
    "",
    "Officials took bribes.",
    "x",
    "The government did not punish victims, and it funded two shelters; nobody was deported without a hearing.",
]


def scores(detectors: Windows, tokens: Tokens, passages: int) -> npt.NDArray[np.float64]:
    found = np.zeros((passages, 3))
    rows, begin = tokens.passages()
    found[rows] = detectors.scores(tokens.stem, tokens.kind, tokens.edge, begin)
    return found


def matches(detectors: Windows, tokens: Tokens) -> Matches:
    return detectors.matches(tokens.stem, tokens.kind, tokens.edge, tokens.passages()[1])


@pytest.fixture(scope="module")
def detectors() -> Windows:
    found = Classifier.load().model.windows
    assert found is not None
    return found


def test_word_order_that_no_count_of_words_shows_is_learned() -> None:
    rng = np.random.default_rng(0)
    fillers = "the and without before judge helped".split()
    texts, truth = [], []
    for number in range(400):
        first, second = ("police", "officials") if number % 2 else ("officials", "police")
        pad = [list(rng.choice(fillers, rng.integers(1, 4))) for _ in range(3)]
        texts.append(" ".join([*pad[0], first, "punished", second, *pad[1]]))
        truth.append([bool(number % 2), False, True])
    tokens = featurize(texts, VOCABULARY).tokens
    learned, bias = fit_windows(tokens, np.array(truth), np.arange(400) < 300, epochs=25)
    found = scores(learned, tokens, 400) + bias
    held = slice(300, 400)
    assert ((found[held, 0] > 0) == np.array(truth)[held, 0]).mean() > 0.95
    again, _ = fit_windows(tokens, np.array(truth), np.arange(400) < 300, epochs=25)
    assert all((a == b).all() for a, b in zip(learned.to_arrays().values(), again.to_arrays().values(), strict=True))


@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_same_bits_in_any_batch(detectors: Windows, size: int) -> None:
    passages = PASSAGES * 7
    whole = scores(detectors, featurize(passages, VOCABULARY).tokens, len(passages))
    parts = [passages[i : i + size] for i in range(0, len(passages), size)]
    pieces = [scores(detectors, featurize(part, VOCABULARY).tokens, len(part)) for part in parts]
    assert (np.concatenate(pieces) == whole).all()
    assert not whole[1].any()


def test_a_passage_as_long_as_a_book_is_read_in_pieces(detectors: Windows, monkeypatch: pytest.MonkeyPatch) -> None:
    text = " ".join([PASSAGES[4]] * 30)
    tokens = featurize([text, PASSAGES[0]], VOCABULARY).tokens
    whole = matches(detectors, tokens)
    monkeypatch.setattr(windows, "_CHUNK", 50)
    pieces = matches(detectors, tokens)
    assert (whole.strength == pieces.strength).all()
    assert (whole.first == pieces.first).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("the police punished not victims, .", max_size=80), max_size=6))
def test_matches_add_up_to_the_score_and_lie_in_their_passage(passages: list[str]) -> None:
    detectors = Classifier.load().model.windows
    assert detectors is not None
    tokens = featurize(passages, VOCABULARY).tokens
    found = matches(detectors, tokens)
    rows, _ = tokens.passages()
    np.testing.assert_allclose(
        found.strength @ detectors.weights, scores(detectors, tokens, len(passages))[rows], atol=1e-9
    )
    assert (found.strength >= 0).all()
    for number, passage in enumerate(rows):
        assert (tokens.row[found.first[number]] == passage).all()
        assert (tokens.row[found.last[number]] == passage).all()
        assert (found.last[number] - found.first[number] < 5).all()


def test_no_window_can_sum_beyond_what_sixteen_bits_hold(detectors: Windows) -> None:
    rng = np.random.default_rng(0)
    for filters in detectors.filters:
        largest = detectors.vectors.largest(filters)
        words = detectors.vectors.of(rng.integers(0, detectors.vectors.sorts, (2_000, len(filters))).ravel())
        sums = np.einsum("nwd,wdk->nk", words.reshape(2_000, len(filters), -1), filters)
        assert (np.abs(sums) <= largest + 1e-3).all()
        assert (largest / detectors.unit <= LARGEST).all()


def test_words_forgotten_to_save_memory_are_worked_out_again(
    detectors: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = featurize(PASSAGES, VOCABULARY).tokens
    once = scores(detectors, tokens, len(PASSAGES))
    monkeypatch.setattr(answers, "_MOST_WORDS", 3)
    monkeypatch.setattr(answers, "_ROOM", 2)
    fresh = replace(detectors)
    for _ in range(3):
        for passage, row in zip(PASSAGES, once, strict=True):
            assert (scores(fresh, featurize([passage], VOCABULARY).tokens, 1) == row).all()


def test_the_file_holds_what_was_measured(detectors: Windows) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **detectors.to_arrays())
    buffer.seek(0)
    with np.load(buffer) as arrays:
        read = Windows.from_arrays(arrays)
    assert read is not None
    tokens = featurize(PASSAGES, VOCABULARY).tokens
    assert (scores(read, tokens, 5) == scores(detectors, tokens, 5)).all()
    assert Windows.from_arrays({}) is None
