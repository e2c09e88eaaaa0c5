"""Labels belong to the model: one, eleven, or others than ours go all the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import TINY
from model_heads import change_head, head_of

from tipclassify import Classifier, Document, InputError, ModelError, classify, explain
from tipclassify.app.review import Review, open_reports
from tipclassify.evaluation.behaviours import run_cases
from tipclassify.evaluation.report import evaluate_rows
from tipclassify.labels import POLICIES
from tipclassify.model.encoder.files import EncoderHeads, read_encoder_model, write_encoder_model
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.model.linear import LinearModel, write_linear_model
from tipclassify.store import Store
from tipclassify.tagging import Tagging
from tipclassify.text.templates import feature_keys, featurize

TEXT = "Officers took bribes, and courts convicted nine traffickers. Judges failed."
WORDS = frozenset(
    "officers took bribes and courts convicted nine traffickers judges failed".split()
)
LABELS_OF = {
    1: ("soil",),
    4: ("wages", "hours", "safety at work", "größe"),
    11: tuple(f"label-{number}" for number in range(11)),
}


def thresholds(labels: tuple[str, ...]) -> dict[str, tuple[float, ...]]:
    return {policy: tuple(0.5 for _ in labels) for policy in POLICIES}


def linear(labels: tuple[str, ...]) -> Classifier:
    """Return a linear model of random weights."""
    hashes = np.unique(feature_keys(featurize([TEXT], WORDS).hash))
    _, first = np.unique(hashes >> np.uint32(10), return_index=True)  # no two in a slot
    rng = np.random.default_rng(0)
    model = LinearModel(
        hashes=hashes[first],
        weights=rng.integers(-900, 900, (len(first), len(labels))).astype(np.int16),
        units=np.full(len(labels), 0.01),
        bias=np.linspace(-1, 1, len(labels)),
        vocabulary=WORDS,
        thresholds=thresholds(labels),
        meta={},
        labels=labels,
    )
    return Classifier(model)


def encoder(labels: tuple[str, ...]) -> Classifier:
    """Return the tiny encoder with heads of random weights."""
    rng = np.random.default_rng(0)
    heads = EncoderHeads(rng.normal(size=(len(labels), 3)), np.zeros(len(labels)))
    model = replace(
        read_encoder_model(TINY),
        heads=heads,
        finetuned_heads=heads,
        scale=np.ones(len(labels)),
        shift=np.zeros(len(labels)),
        thresholds=thresholds(labels),
        labels=labels,
    )
    return Classifier(EncoderScorer(model))


def save(classifier: Classifier, folder: Path) -> None:
    if isinstance(classifier.scorer, EncoderScorer):
        write_encoder_model(folder, classifier.scorer.model, classifier.meta)
    else:
        write_linear_model(classifier.model, folder)


@pytest.mark.parametrize("number", LABELS_OF)
@pytest.mark.parametrize("made", [linear, encoder])
def test_a_model_of_any_number_of_labels_loads_tags_explains_and_is_saved(
    made: type, number: int, tmp_path: Path
) -> None:
    labels = LABELS_OF[number]
    first = made(labels)
    save(first, tmp_path / "mine")
    model = Classifier.load(tmp_path / "mine")
    assert model.labels == labels
    assert np.array_equal(model.logits([TEXT]), first.logits([TEXT]))
    assert model.predict([TEXT, TEXT], "cite").shape == (2, number)
    passages = model.tag(Document.from_text(TEXT), "screen")
    assert len(passages) == 2
    for passage in passages:
        assert tuple(passage.scores) == labels
        assert set(passage.labels) == {name for name, p in passage.scores.items() if p >= 0.5}
    assert [passage.scores for passage in model.tag(passages)] == [p.scores for p in passages]
    assert [p.labels for p in classify(TEXT, model=model)] == [p.labels for p in passages]
    for reasons in (explain(passages[0], model=model), *model.explain_all(passages, 2)):
        assert tuple(reasons) == labels
    for label, reason in model.explain(passages[0]).items():
        assert reason.probability == pytest.approx(passages[0].scores[label])
        if reason.method == "additive":
            total = reason.bias + reason.heading + sum(span.weight for span in reason.spans)
            assert total == pytest.approx(reason.logit)


@pytest.mark.parametrize("made", [linear, encoder])
def test_thresholds_are_of_the_labels_of_the_model(made: type) -> None:
    model = made(LABELS_OF[4])
    moved = model.with_thresholds({"safety at work": 0.9})
    assert moved.thresholds().tolist() == [0.5, 0.5, 0.9, 0.5]
    with pytest.raises(ValueError, match="unknown label 'failure': use wages, hours, safety at"):
        model.with_thresholds({"failure": 0.5})


def test_labels_of_another_model_are_passed_over_by_a_short_explanation() -> None:
    passage = replace(classify(TEXT, model=encoder(LABELS_OF[1]))[0], labels=("wages", "none"))
    (reasons,) = encoder(LABELS_OF[4]).explain_all([passage], max_phrases=1)
    assert len(reasons["wages"].spans) == 1


@pytest.mark.parametrize(
    "labels",
    [
        [],
        [f"label{number}" for number in range(36)],
        ["a", "a"],
        ["a", "A"],
        [""],
        [" a"],
        ["a,b"],
        ["a\n"],
        ["a\x1b[2J"],
        ["a" * 61],
        ["<b>"],
        "abc",
        ["country"],
        ["low_confidence"],
    ],
)
def test_odd_labels_are_refused_in_a_line(tmp_path: Path, labels: object) -> None:
    save(linear(LABELS_OF[1]), tmp_path / "mine")
    rows = {policy: [0.5 for _ in labels] for policy in POLICIES}  # type: ignore[attr-defined]
    change_head(tmp_path / "mine", labels=labels, thresholds=rows)
    with pytest.raises(ModelError, match=r"^[^\n]*not a head that can be used[^\n]*$"):
        Classifier.load(tmp_path / "mine")


def test_labels_that_the_weights_do_not_have_are_refused(tmp_path: Path) -> None:
    save(linear(LABELS_OF[1]), tmp_path / "mine")
    rows = {policy: [0.5, 0.5] for policy in POLICIES}
    change_head(tmp_path / "mine", labels=["soil", "dust"], thresholds=rows)
    with pytest.raises(ModelError, match="not a weight table for 2 labels"):
        Classifier.load(tmp_path / "mine")
    save(encoder(LABELS_OF[1]), tmp_path / "other")
    calibration = {"scale": [1, 1], "shift": [0, 0]}
    change_head(
        tmp_path / "other", labels=["soil", "dust"], thresholds=rows, calibration=calibration
    )
    with pytest.raises(ModelError, match="not 2 x 3 finite numbers"):
        Classifier.load(tmp_path / "other")
    assert head_of(tmp_path / "other")["labels"] == ["soil", "dust"]


@pytest.mark.parametrize("number", LABELS_OF)
def test_a_model_is_measured_on_its_own_labels(number: int) -> None:
    labels = LABELS_OF[number]
    model = linear(labels)
    rows = [
        {"id": "1", "text": TEXT, "labels": labels[:1], "section": "courts"},
        {"id": "2", "text": "Courts convicted none.", "labels": ()},
    ]
    figures, tables = evaluate_rows(
        model, rows, errors=2, other=model, other_name="itself", draws=20
    )
    assert len(tables) == 3
    assert tuple(figures["thresholds"]) == labels
    with pytest.raises(InputError, match="compare models of the same labels"):
        evaluate_rows(model, rows, other=linear(("other",)), other_name="other", draws=0)
    with pytest.raises(InputError, match="give cases of this model's labels with --cases"):
        run_cases(model)


def test_a_review_queues_and_compares_a_model_s_own_labels(tmp_path: Path) -> None:
    labels = LABELS_OF[4]
    save(linear(labels), tmp_path / "mine")
    report = tmp_path / "report.txt"
    report.write_text(f"Prosecution\n\n{TEXT}\n", "utf-8")
    tagging = Tagging(str(tmp_path / "mine"))
    reports, _ = open_reports([str(report)], tagging)
    model = tagging.classifier()
    ana, ben = (
        Review(model, reports, Store(tmp_path / "my.sqlite"), name, tagging.run())
        for name in ("ana", "ben")
    )
    first, *_ = ana.queue(9)["passages"]
    ana.decide(first["key"], labels=[labels[0]])
    ben.decide(first["key"], labels=[labels[1]])
    assert list(ana.agreement()["labels"]) == list(labels)
