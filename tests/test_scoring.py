"""Scores: the same bits however passages are batched and by how many threads, and the same sums as the features laid out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tipclassify import Classifier, packing, words
from tipclassify.corpus import read_rows
from tipclassify.features import featurize, score_sums
from tipclassify.model_file import PLACE_BITS, STEPS, Model
from tipclassify.scoring import known_features, score_texts
from tipclassify.words import WordTable

ODD = [
    "",
    "x",
    "the",
    "Страна 中国 𝐀bc 😀 test",
    "\ud800",
    "State of the X, and Y",
    "a " * 9_000,
    "not " * 5_000 + "punished",
]

# Words of every sort that the families know of, and what parts clauses.
WORDS = """the of and but although , ; . , State Republic Kessara Norvia bin 12 2019 five police officials official government
    traffickers victims NGO NGOs judge labor inspectors law enforcement did not no never only limited few failed refused declined increased
    will would plans plan intends adequate inadequate convicted prosecuted punished deported detained bribes complicity shelters
    funded trained investigate prosecute Vigorously Increase Train ensure people children zqxv s a in for""".split()


@pytest.fixture(scope="module")
def model() -> Model:
    return Classifier.load().model


@pytest.fixture(scope="module")
def passages(pytestconfig: pytest.Config) -> list[str]:
    texts = [row["text"] for row in read_rows(pytestconfig.rootpath / "data")]
    return [*texts[::29], *ODD]


@pytest.mark.parametrize("size", [1, 7, 4_096])
def test_the_same_bits_in_any_batch(model: Model, passages: list[str], size: int) -> None:
    whole = score_texts(model, passages)
    parts = [score_texts(model, passages[i : i + size]) for i in range(0, len(passages), size)]
    for name in ("logits", "words", "unknown"):
        assert (np.concatenate([getattr(part, name) for part in parts]) == getattr(whole, name)).all()


def test_the_same_bits_from_threads_that_meet_words_at_once(model: Model, passages: list[str]) -> None:
    whole = score_texts(model, passages).logits
    fresh = replace(model, vocabulary=model.vocabulary | {"anotherword"})  # tables of words start empty
    parts = [passages[i : i + 40] for i in range(0, len(passages), 40)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda part: score_texts(fresh, part).logits, parts))
    assert (np.concatenate(found) == whole).all()


def sums_of_features(model: Model, texts: list[str]) -> list[np.ndarray]:
    features = featurize(texts, model.vocabulary)
    known, index = known_features(model, features)
    return [
        score_sums(features, known, model.weights[index, j].astype(np.float64))[0] * unit + bias
        for j, (unit, bias) in enumerate(zip(model.units, model.bias, strict=True))
    ]


def test_scores_are_the_sums_of_the_features(model: Model, passages: list[str]) -> None:
    linear = replace(model, windows=None)
    np.testing.assert_allclose(
        score_texts(linear, passages).logits, np.stack(sums_of_features(model, passages), axis=1), atol=1e-12
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("not police punished victims Kessara 12 , . ; ’é", max_size=90), max_size=5))
def test_scores_are_the_sums_of_the_features_of_any_text(texts: list[str]) -> None:
    model = Classifier.load().model
    linear = replace(model, windows=None)
    found = score_texts(linear, texts).logits
    if texts:
        np.testing.assert_allclose(found, np.stack(sums_of_features(model, texts), axis=1), atol=1e-12)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join), min_size=1, max_size=6))
def test_scores_are_the_sums_of_the_features_of_any_words(texts: list[str]) -> None:
    model = Classifier.load().model
    found = score_texts(replace(model, windows=None), texts)
    np.testing.assert_allclose(found.logits, np.stack(sums_of_features(model, texts), axis=1), atol=1e-12)
    features = featurize(texts, model.vocabulary)
    assert found.words.tolist() == features.words.tolist()
    assert found.unknown.tolist() == features.unknown.tolist()


def test_a_two_word_entry_of_the_lexicon_ends_with_its_passage(model: Model) -> None:
    one, other = "Prosecutors closed one agency", "officials took bribes"  # "agency officials" is an entry
    alone = [score_texts(model, [text]).logits[0] for text in (one, other)]
    assert (score_texts(model, [one, other]).logits == alone).all()
    kinds = featurize([one, other], model.vocabulary).tokens.kind
    assert kinds.tolist() == [k for text in (one, other) for k in featurize([text], model.vocabulary).tokens.kind]
    assert featurize([f"{one} {other}"], model.vocabulary).tokens.kind.tolist() != kinds.tolist()


def test_words_whose_places_are_taken_are_found_all_the_same(
    model: Model, passages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = score_texts(model, passages[:300]).logits
    monkeypatch.setattr(words, "_TO_SLOT", np.uint64(62))  # four places
    monkeypatch.setattr(words, "_ROOM", 4)
    table = WordTable(model.vocabulary)
    monkeypatch.setattr("tipclassify.tokens.word_table", lambda _: table)
    for _ in range(2):
        assert (score_texts(model, passages[:300]).logits == whole).all()


def test_a_clause_as_long_as_a_book_sums_as_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    packed = rng.integers(-(2**63), 2**63, 5_000).view(np.uint64)
    begin = np.array([0, 1, 7, 4_000])
    length = np.diff(np.append(begin, len(packed)))
    found = packing.add_up(packed, begin, length)
    monkeypatch.setattr(packing, "_LONGEST", 100)
    assert (packing.add_up(packed, begin, length) == found).all()
    lanes = packing.lanes_of(packed)[:, packing.LANE_OF].astype(np.int64)
    assert (np.add.reduceat(lanes, begin) == found.T).all()


def test_each_feature_of_the_shipped_model_has_a_place_of_its_own(model: Model) -> None:
    assert len(np.unique(model.hashes >> np.uint32(32 - PLACE_BITS))) == len(model.hashes)
    assert np.abs(model.weights).max() == STEPS


def test_words_without_end_do_not_fill_the_memory(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"Officials punished victims kx{number}q of ab{number}zz." for number in range(60)]
    whole = score_texts(model, texts).logits
    monkeypatch.setattr(words, "_MOST_WORDS", 10)
    for module in ("tokens", "written_words"):
        monkeypatch.setattr(f"tipclassify.{module}.word_table", lambda _: table)
    for size in (1, 5):  # without arrays, and with
        table = WordTable(model.vocabulary)
        for text, row in zip(texts, whole, strict=True):
            assert (score_texts(model, [text] * size).logits == row).all()
        assert 1 < table._met.count < 30
