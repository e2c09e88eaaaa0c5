"""Scores are sums of feature weights, to the bit the same in any batch and with any threads.

The same holds with headings, and additive explanations add up to the score.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tipclassify.arrays import Bools, Floats
from tipclassify.corpus.rows import Row, group_rows
from tipclassify.labels import label_indicator
from tipclassify.model.linear import MAX_WEIGHT, SLOT_BITS, LinearModel, LinearScorer
from tipclassify.model.scoring import count_words
from tipclassify.text import words
from tipclassify.text.templates import (
    cue_scopes,
    feature_keys,
    featurize,
    heading_hashes,
    length_scale,
    structure_of,
)
from tipclassify.text.tokens import tokenize
from tipclassify.text.words import VocabularyTable
from tipclassify.training.examples import Examples
from tipclassify.training.linear import fit_linear

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

# Words of every kind that the feature templates distinguish, and punctuation that ends clauses.
WORDS = """
    the of and but although , ; . , State Republic Kessara Norvia bin 12 2019 five police officials
    official government traffickers victims NGO NGOs judge labor inspectors law enforcement did not
    no never only limited few failed refused declined increased will would plans plan intends
    adequate inadequate convicted prosecuted punished deported detained bribes complicity shelters
    funded trained investigate prosecute Vigorously Increase Train ensure people children zqxv s a
    in for
""".split()


HEADINGS = ["prosecution", None, "b. Protection of Victims", "", "prevention", "Qwzx Vbnm"]


@pytest.fixture(scope="module")
def model(shipped_rows: list[Row]) -> LinearModel:
    """Fit a model on some rows of the corpus."""
    rows = shipped_rows[::20]
    y_true = np.array([label_indicator(row["labels"]) for row in rows])
    texts = [row["text"] for row in rows]
    headings = [row["section"] for row in rows]
    examples = Examples.of(texts, y_true, group_rows(rows), headings=headings)
    return fit_linear(examples, folds=2).model


@pytest.fixture(scope="module")
def scorer(model: LinearModel) -> LinearScorer:
    return LinearScorer(model)


@pytest.fixture(scope="module")
def passages(shipped_rows: list[Row]) -> list[str]:
    """Return texts of other rows of the corpus, and odd ones."""
    return [*(row["text"] for row in shipped_rows[::29]), *ODD]


def under(passages: list[str]) -> list[str | None]:
    """Give each passage a heading."""
    return [HEADINGS[number % len(HEADINGS)] for number in range(len(passages))]


@pytest.mark.parametrize("size", [1, 7, 4_096])
def test_the_same_bits_in_any_batch(scorer: LinearScorer, passages: list[str], size: int) -> None:
    headings = under(passages)
    whole = scorer.score_texts(passages, headings)
    parts = [
        scorer.score_texts(passages[i : i + size], headings[i : i + size])
        for i in range(0, len(passages), size)
    ]
    for name in ("logits", "words", "unknown"):
        of_parts = np.concatenate([getattr(part, name) for part in parts])
        assert (of_parts == getattr(whole, name)).all()


def test_the_same_bits_from_threads_that_meet_words_at_once(
    model: LinearModel, scorer: LinearScorer, passages: list[str]
) -> None:
    whole = scorer.score_texts(passages).logits
    # tables of words start empty
    fresh = replace(model, vocabulary=model.vocabulary | {"anotherword"})
    parts = [passages[i : i + 40] for i in range(0, len(passages), 40)]
    with ThreadPoolExecutor(8) as pool:
        logits = list(pool.map(lambda part: LinearScorer(fresh).score_texts(part).logits, parts))
    assert (np.concatenate(logits) == whole).all()


def sums_of_features(model: LinearModel, texts: list[str]) -> Floats:
    """Sum the features of each passage as a score is defined, and its best clause once more."""
    features = featurize(texts, model.vocabulary)
    keys = feature_keys(features.hash)
    place = np.searchsorted(model.hashes, keys).clip(max=len(model.hashes) - 1)
    is_known = model.hashes[place] == keys
    weights = model.weights[place] * is_known[:, None].astype(float)

    def scaled_sum(chosen: Bools) -> Floats:
        return np.asarray(weights[chosen].sum(axis=0) * length_scale(chosen.sum()))

    scores = []
    for row in range(len(texts)):
        total = scaled_sum(features.row == row)
        clauses = np.flatnonzero(features.clause_row == row)
        if len(clauses):
            total += np.max([scaled_sum(features.clause == clause) for clause in clauses], axis=0)
        scores.append(total * model.units + model.bias)
    return np.array(scores)


def test_scores_are_the_sums_of_the_features(
    model: LinearModel, scorer: LinearScorer, passages: list[str]
) -> None:
    # in parts, since each sum looks through the features of all passages of its part
    parts = [passages[start : start + 50] for start in range(0, len(passages), 50)]
    expected = np.concatenate([sums_of_features(model, part) for part in parts])
    np.testing.assert_allclose(scorer.score_texts(passages).logits, expected, atol=1e-12)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join), min_size=1, max_size=6)
)
def test_scores_are_the_sums_of_the_features_of_any_words(
    model: LinearModel, scorer: LinearScorer, texts: list[str]
) -> None:
    scored = scorer.score_texts(texts)
    np.testing.assert_allclose(scored.logits, sums_of_features(model, texts), atol=1e-12)
    word_counts, unknown_counts = count_words(texts, model.vocabulary)
    assert scored.words.tolist() == word_counts.tolist()
    assert scored.unknown.tolist() == unknown_counts.tolist()


def test_a_two_word_entry_of_the_lexicon_ends_with_its_passage(
    model: LinearModel, scorer: LinearScorer
) -> None:
    # "agency officials" is an entry
    first = "Prosecutors closed one agency"
    second = "officials took bribes"
    alone = [scorer.score_texts([text]).logits[0] for text in (first, second)]
    assert (scorer.score_texts([first, second]).logits == alone).all()

    def kinds(texts: list[str]) -> list[int]:
        """Return the kind of each token of some passages."""
        return structure_of(tokenize(texts, model.vocabulary)).kind.tolist()

    assert kinds([first, second]) == kinds([first]) + kinds([second])
    assert kinds([f"{first} {second}"]) != kinds([first, second])


def test_words_whose_slots_are_taken_are_found_all_the_same(
    model: LinearModel, scorer: LinearScorer, passages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = scorer.score_texts(passages[:300]).logits
    monkeypatch.setattr(words, "_TO_SLOT", np.uint64(62))  # four slots
    table = VocabularyTable(model.vocabulary)
    monkeypatch.setattr("tipclassify.text.tokens.vocabulary_table", lambda _: table)
    for _ in range(2):
        assert (scorer.score_texts(passages[:300]).logits == whole).all()


@pytest.mark.parametrize(
    ("text", "reached"),
    [
        ("not one boat", "one boat"),
        ("not one boat, one car", "one boat"),  # to the end of the clause
        (
            "not ships boats cars trucks bikes trams trains planes",
            "ships boats cars trucks bikes trams trains",
        ),
        ("not ships never cars", "ships cars"),  # the next of its class takes over
        ("limited boats not cars", "boats not cars cars"),  # one of another class does not
    ],
)
def test_how_far_a_negation_reaches(text: str, reached: str) -> None:
    tokens = tokenize([text], frozenset(text.split()))
    inside = sorted(cue_scopes(structure_of(tokens))[1].tolist())
    assert [text[tokens.start[at] : tokens.end[at]] for at in inside] == reached.split()


def test_each_feature_has_a_slot_of_its_own(model: LinearModel) -> None:
    assert len(np.unique(model.hashes >> np.uint32(32 - SLOT_BITS))) == len(model.hashes)
    assert np.abs(model.weights).max() == MAX_WEIGHT


def test_words_without_end_do_not_fill_the_memory(
    model: LinearModel, scorer: LinearScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"Officials punished victims kx{number}q of ab{number}zz." for number in range(60)]
    whole = scorer.score_texts(texts).logits
    monkeypatch.setattr(words, "_MOST_WORDS", 10)
    for text, row in zip(texts, whole, strict=True):
        assert (scorer.score_texts([text]).logits == row).all()
    assert 1 < len(words.vocabulary_table(model.vocabulary)) < 30


@pytest.mark.parametrize(
    "heading", ["prosecution", "Protection: Prosecution of Victims", "Qwzx Vbnm"]
)
def test_a_heading_adds_the_scaled_sum_of_its_weights_whatever_the_passage(
    model: LinearModel, scorer: LinearScorer, heading: str
) -> None:
    hashes = heading_hashes(heading)
    rows = [row for key in feature_keys(hashes) for row in np.flatnonzero(model.hashes == key)]
    weights = model.weights[rows].sum(axis=0) * model.units
    amount = length_scale(np.array(len(hashes))) * weights
    assert (heading == "Qwzx Vbnm") == (len(rows) == 0)
    texts = [
        "Police arrested nine suspects.",
        "",
        "The law was not enforced, and courts convicted no one.",
    ]
    bare = scorer.score_texts(texts).logits
    headed = scorer.score_texts(texts, [heading, heading, heading]).logits
    np.testing.assert_allclose(headed - bare, [amount, amount, amount], atol=1e-12)


@pytest.mark.parametrize("none", [None, "", " ", "b.", "…"])
def test_an_empty_heading_is_none(scorer: LinearScorer, none: str | None) -> None:
    text = "Police arrested nine suspects."
    assert (scorer.score_texts([text], [none]).logits == scorer.score_texts([text]).logits).all()


def test_headings_that_do_not_match_the_texts_are_refused(scorer: LinearScorer) -> None:
    texts = ["Police acted.", "Courts did not."]
    for headings in ([], ["prosecution"], [None, None, None]):
        with pytest.raises(ValueError, match="give one for each text"):
            scorer.score_texts(texts, headings)
