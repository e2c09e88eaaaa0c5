"""A passage in a call of its own has the same bits as among others, though no array is made of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tipclassify import Classifier, scoring, written_words
from tipclassify.characters import cased_words, characters_of
from tipclassify.corpus import read_rows
from tipclassify.model_file import Model
from tipclassify.scoring import Scored, score_texts

ODD = [
    "x the",
    "the",
    "The The",
    "\ud800 police",
    "Ärzte ﬁned ﬀ ½ ² ﹩5 ＠ K ſ İstanbul 𝐏olice 𝟏𝟐",
    "State of the X, and Y",
    "a State of Norvia and the Republic of the Kessara",
    "a State police Norvia",
    "Kessara zqx Norvia, Kessara zqxv Norvia",
    "the Al bin Kessara, of the 12, 13 and 14 May",
    "a " * 9_000,
    "not " * 5_000 + "punished",
    "police, " * 3_000,
    "Norvia, " * 2_500,
]

# What names, figures, clauses and features are made of.
WORDS = """the The of and And but But although , ; . : — – State Republic Kessara Norvia bin de los 12 2019 five thousand May police Police
    officials official government Government traffickers victims NGO NGOs judge labor labour inspectors law enforcement did not no never only
    limited few failed refused declined decline increased will would plans plan intends adequate inadequate convicted prosecuted punished
    deported detained bribes complicity shelters funded trained investigate Investigate prosecute Vigorously Increase Train ensure people
    children zqxv Zqxv s S a in for ’s “no” café É United Kingdom yet to lack rather than declined_to US$5 $5""".split()


@pytest.fixture(scope="module")
def model() -> Model:
    return Classifier.load().model


@pytest.fixture(scope="module")
def sentences(pytestconfig: pytest.Config) -> list[str]:
    return [row["text"] for row in read_rows(pytestconfig.rootpath / "data")][::13]


def check(model: Model, texts: list[str]) -> list[bool]:
    """Hold each text alone, whatever its length, against all in one batch; gives which were read without arrays."""
    whole = score_texts(model, [*texts, *["Police."] * (scoring._FEW + 1)])
    plain = []
    for row, text in enumerate(texts):
        found = Scored(model.bias[None].copy(), np.zeros(1, np.int64), np.zeros(1, np.int64))
        plain.append(scoring._score_few(model, [text], found))
        if plain[-1]:
            assert found.logits[0].tolist() == whole.logits[row].tolist(), text
            assert (found.words[0], found.unknown[0]) == (whole.words[row], whole.unknown[row]), text
    return plain


def test_sentences_of_the_corpus_have_the_same_bits_without_arrays(model: Model, sentences: list[str]) -> None:
    assert np.mean(check(model, sentences)) > 0.99


def test_two_sentences_in_a_row_have_the_same_bits_without_arrays(model: Model, sentences: list[str]) -> None:
    pairs = [f"{one} {other}" for one, other in zip(sentences[::9], sentences[4::9], strict=False)]
    assert np.mean(check(model, pairs)) > 0.99
    assert np.mean(check(model, [pair.replace(",", " ") for pair in pairs])) > 0.99  # longer clauses


def test_odd_passages_have_the_same_bits_without_arrays(model: Model) -> None:
    assert all(check(model, ODD))


def test_a_model_without_detectors_has_the_same_bits_without_arrays(model: Model, sentences: list[str]) -> None:
    assert np.mean(check(replace(model, windows=None), sentences[::20])) > 0.99


def test_a_model_that_knows_no_word_has_the_same_bits_without_arrays(model: Model, sentences: list[str]) -> None:
    assert np.mean(check(replace(model, vocabulary=frozenset()), sentences[::20])) > 0.99


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("odd", ["", "Fines of US$5", "police " * 100, "Police acted."])
def test_calls_of_a_few_passages_have_the_same_bits(model: Model, sentences: list[str], size: int, odd: str) -> None:
    texts = [odd, *sentences[: size - 1]]
    whole = score_texts(model, [*texts, *sentences[:9]])
    few = score_texts(model, texts)
    for one, of_all in zip(few, whole, strict=True):
        assert one.tolist() == of_all[:size].tolist()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=60).map(" ".join))
def test_words_of_every_sort_have_the_same_bits_without_arrays(text: str) -> None:
    assert check(Classifier.load().model, [text, f"{text} police"])[1] == ("US$" not in text)


MOSTLY_LATIN = st.text(st.characters(max_codepoint=0x17F) | st.sampled_from("‘’“”–—…ıﬁ½\u2028,; aA1"), max_size=120)


@settings(max_examples=200, deadline=None)
@given(MOSTLY_LATIN | st.text(max_size=120))
def test_any_text_has_the_same_bits_without_arrays(text: str) -> None:
    check(Classifier.load().model, [text, f"{text} police {text}"])


@settings(max_examples=200, deadline=None)
@given(MOSTLY_LATIN | st.text(max_size=60))
def test_words_are_cut_as_the_arrays_cut_them(text: str) -> None:
    if (words := cased_words(text)) is not None:
        assert "".join(words).replace(",", "").lower() == characters_of([text]).spelled().replace(" ", "")


@pytest.mark.parametrize("text", ["See www.example.org.", "Write to a@b.org", "Fines of US$5", "Полиция", "http://a"])
def test_what_is_rare_is_left_to_the_arrays(model: Model, text: str) -> None:
    assert cased_words(text) is None
    assert check(model, [text]) == [False]


def test_a_call_of_one_passage_makes_no_arrays_of_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Officials did not punish traffickers, and Kessara’s police took bribes."
    classifier = Classifier.load()
    whole = classifier.predict_proba([text] * 5)[0]

    def refuse(*_: object) -> None:
        raise AssertionError("arrays")

    monkeypatch.setattr(scoring, "read_words", refuse)
    assert classifier.predict_proba([text])[0].tolist() == whole.tolist()
    with pytest.raises(AssertionError, match="arrays"):
        classifier.predict_proba([text] * 5)


def test_the_same_bits_from_threads_that_meet_words_one_by_one(model: Model, sentences: list[str]) -> None:
    texts = sentences[:400]
    whole = score_texts(model, texts).logits
    fresh = replace(model, vocabulary=model.vocabulary | {"yetanotherword"})  # tables of words start empty
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: score_texts(fresh, [text]).logits, texts))
    assert (np.concatenate(found) == whole).all()


def test_written_words_without_end_do_not_fill_the_memory(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"Officials punished victims Kx{number}q of ab{number}zz." for number in range(60)]
    whole = score_texts(model, texts).logits
    monkeypatch.setattr(written_words, "_MOST_WORDS", 10)
    fresh = replace(model)
    for text, row in zip(texts, whole, strict=True):
        assert (score_texts(fresh, [text]).logits == row).all()
        assert len(fresh.one_passage._words._words) < 20
