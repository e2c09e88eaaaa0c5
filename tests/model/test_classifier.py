"""Behaviour of `classify`, `Classifier` and `explain`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled_rows import under

from tipclassify import LABELS, Classifier, Passage, classify

SENTENCES = [
    "Police arrested nine traffickers and referred 14 victims to shelters.",
    "The government did not convict any traffickers.",
    "Border guards took bribes from traffickers.",
    "Traffickers exploit girls from rural areas in domestic servitude.",
    "",
]


@pytest.fixture(params=["default", "fast"])
def either(request: pytest.FixtureRequest) -> Classifier:
    """Load one shipped model, then the other."""
    return Classifier.load(request.param)


def test_a_str_gives_passages_and_several_give_lists() -> None:
    text = " ".join(SENTENCES[:2])
    passages = classify(text)
    assert [passage.text for passage in passages] == SENTENCES[:2]
    assert classify([text, "", text]) == [passages, [], passages]


@pytest.mark.parametrize("wrong", [None, 3, b"bytes", ["fine", None], [float("nan")]])
def test_what_is_no_text_is_refused(wrong: object) -> None:
    with pytest.raises(TypeError, match="str"):
        classify(wrong)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "call", [classify, "predict_proba", "predict", "low_confidence", "explain_all", "embed"]
)
@pytest.mark.parametrize("kind", ["dict", "pandas", "datasets", "arrow", "two by one"])
def test_a_table_is_refused_and_its_column_named(
    classifier: Classifier, call: str | Callable[[object], object], kind: str
) -> None:
    """Its column names would be scored in place of its rows."""
    import datasets
    import pandas
    import pyarrow

    columns = {"text": SENTENCES, "doc": SENTENCES}
    tables: dict[str, object] = {
        "dict": columns,
        "pandas": pandas.DataFrame(columns),
        "datasets": datasets.Dataset.from_dict(columns),
        "arrow": pyarrow.table(columns),
        "two by one": pandas.DataFrame({"text": SENTENCES[:2]}),
    }
    function = getattr(classifier, call) if isinstance(call, str) else call
    message = r"is a (table|dict): give the column of texts, such as \w+\['text'\]$"
    with pytest.raises(TypeError, match=message):
        function(tables[kind])


def test_columns_of_tables_and_generators_are_scored_like_lists(fast: Classifier) -> None:
    import datasets
    import pandas
    import pyarrow

    expected = fast.predict_proba(SENTENCES)
    dataset = datasets.Dataset.from_dict({"text": SENTENCES})
    columns = [
        np.array(SENTENCES),
        np.array(SENTENCES, object),
        tuple(SENTENCES),
        (sentence for sentence in SENTENCES),
        pandas.Series(SENTENCES, index=range(5, 10)),
        pyarrow.array(SENTENCES),
        pyarrow.chunked_array([SENTENCES[:2], SENTENCES[2:]]),
        dataset["text"],
        dataset.with_format("numpy")["text"],
        [Passage(sentence, 0, len(sentence)) for sentence in SENTENCES],
    ]
    for column in columns:
        assert np.array_equal(fast.predict_proba(column), expected), type(column)
    assert fast.explain_all(sentence for sentence in SENTENCES) == fast.explain_all(SENTENCES)
    passages_of_texts = classify((sentence for sentence in SENTENCES), model=fast)
    assert [len(passages) for passages in passages_of_texts] == [1, 1, 1, 1, 0]


def test_a_polars_column_is_scored_like_a_list(fast: Classifier) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"text": SENTENCES})
    assert np.array_equal(fast.predict_proba(frame["text"]), fast.predict_proba(SENTENCES))
    with pytest.raises(TypeError, match="is a table"):
        fast.predict_proba(frame)


def test_what_tag_does_not_take_is_refused_in_one_line(fast: Classifier) -> None:
    with pytest.raises(TypeError, match=r"^passages is a bare str: give a list of passages$"):
        fast.tag("Police acted.")  # type: ignore[arg-type]
    message = r"^passage 0 is not a Passage but str; make it a Passage, or call classify"
    with pytest.raises(TypeError, match=message):
        fast.tag(["Police acted."])  # type: ignore[list-item]
    message = r"^text 0 is a Passage, which is split already: call Classifier.tag$"
    with pytest.raises(TypeError, match=message):
        classify([Passage("Police acted.", 0, 13)], model=fast)  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"^passages is a bare str: give a list of passages$"):
        fast.predict_proba(np.array("Police acted."))


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="screen, balanced, cite"):
        classify("The police acted.", policy="bold")


def test_a_passage_is_frozen_and_has_a_probability_for_every_label() -> None:
    passage = classify(SENTENCES[1])[0]
    assert tuple(passage.scores) == LABELS
    assert all(0 <= score <= 1 for score in passage.scores.values())
    with pytest.raises(dataclasses.FrozenInstanceError):
        passage.start = 3  # type: ignore[misc]
    keys = (
        "start",
        "end",
        "page",
        "block",
        "text",
        "section",
        "labels",
        "scores",
        "low_confidence",
    )
    assert tuple(passage.to_dict()) == keys
    assert len({passage, passage}) == 1


@pytest.mark.parametrize("policy", ["screen", "balanced", "cite"])
def test_predict_is_the_probability_against_the_threshold(either: Classifier, policy: str) -> None:
    scores = either.predict_proba(SENTENCES)
    assert scores.shape == (len(SENTENCES), 3)
    assert scores.dtype == np.float64
    assert np.array_equal(
        either.predict(SENTENCES, policy=policy), scores >= either.thresholds(policy)
    )


def test_tags_are_what_predict_says(either: Classifier) -> None:
    passages = classify(" ".join(SENTENCES), model=either)
    y_pred = either.predict(passages)
    labels = [tuple(np.array(LABELS)[row]) for row in y_pred]
    assert [passage.labels for passage in passages] == labels


def test_policies_go_from_recall_to_precision(either: Classifier) -> None:
    balanced = either.thresholds("balanced")
    assert (either.thresholds("screen") <= balanced).all()
    assert (balanced <= either.thresholds("cite")).all()


def texts_and_headings() -> st.SearchStrategy[Passage]:
    texts = st.one_of(st.text(), st.sampled_from(SENTENCES))
    return st.builds(under, st.sampled_from([None, "Forced Labor", "b. Women", ""]), texts)


@settings(max_examples=60)
@given(texts_and_headings())
def test_the_reasons_of_fast_add_up(passage: Passage) -> None:
    fast = Classifier.load("fast")
    logits = fast.logits([passage])[0]
    for j, (label, reason) in enumerate(fast.explain(passage).items()):
        assert (reason.label, reason.method) == (label, "additive")
        assert label == LABELS[j]
        summed = reason.bias + reason.heading + sum(span.weight for span in reason.spans)
        assert summed == pytest.approx(reason.logit) == pytest.approx(logits[j], abs=1e-6)
        assert reason.probability == pytest.approx(fast.predict_proba([passage])[0, j], abs=1e-6)
        assert all(passage.text[s.start : s.end] == s.text for s in reason.spans)


@settings(max_examples=20)
@given(texts_and_headings())
def test_the_reasons_of_the_default_are_falls_of_its_log_odds(passage: Passage) -> None:
    default = Classifier.load()
    logits, bare = default.logits([passage, passage.text])
    for j, (label, reason) in enumerate(default.explain(passage).items()):
        assert (reason.label, reason.method) == (label, "occlusion")
        assert label == LABELS[j]
        assert (reason.logit, reason.heading) == pytest.approx(
            (logits[j], logits[j] - bare[j]), abs=1e-9
        )
        assert all(passage.text[s.start : s.end] == s.text for s in reason.spans)


def test_the_heading_decides_what_a_law_is_about(either: Classifier) -> None:
    text = "The law was not enforced."
    labor, wages = either.predict_proba(
        [under(h, text) for h in ("Prohibition of Forced or Compulsory Labor", "Women")]
    )
    assert labor[1] > 0.5 > wages[1]


def test_no_passages_give_no_rows(either: Classifier) -> None:
    assert either.predict_proba([]).shape == either.predict([]).shape == (0, 3)
    assert either.explain_all([]) == classify([], model=either) == []


@pytest.mark.parametrize(
    ("text", "low_confidence"),
    [
        ("Timeline", True),
        ("24 June 2024", True),
        ("Norhaven, Valdoria", True),
        (
            "Le gouvernement n’a condamné aucun trafiquant et a expulsé les victimes sans examen.",
            True,
        ),
        (
            "Die Regierung verurteilte keine Menschenhändler, und die Opfer wurden abgeschoben.",
            True,
        ),
        ("El gobierno no condenó a ningún tratante y deportó a las víctimas.", True),
        ("Wqzx blorft mungle the frandip of skorvel nambits.", True),
        ("", True),
        ("No one was convicted.", False),
        ("The Government of Burkina Faso did not convict any traffickers in 2023.", False),
        ("It was a cold day and the children went to school by bus.", False),
    ],
)
def test_too_little_to_go_by_is_flagged(
    text: str, low_confidence: bool, either: Classifier
) -> None:
    assert either.low_confidence([text]).tolist() == [low_confidence]
    assert all(p.low_confidence == low_confidence for p in classify(text, model=either))


def test_thresholds_can_be_moved_for_one_label(classifier: Classifier) -> None:
    moved = classifier.with_thresholds({"failure": 0.999})
    assert moved.thresholds("cite").tolist()[1] == 0.999
    assert moved.thresholds()[[0, 2]].tolist() == classifier.thresholds()[[0, 2]].tolist()
    assert not moved.predict(["The government did not convict any traffickers."])[0, 1] or (
        classifier.predict_proba(["The government did not convict any traffickers."])[0, 1] >= 0.999
    )
    with pytest.raises(ValueError, match="between 0 and 1"):
        classifier.with_thresholds({"failure": 1.2})
    with pytest.raises(ValueError, match="unknown label"):
        classifier.with_thresholds({"mood": 0.5})
