"""The card of a model is one that the Hugging Face hub reads: front matter with licence, base,
data and figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tipclassify import LABELS, POLICIES
from tipclassify.evaluation.bootstrap import intervals
from tipclassify.evaluation.metrics import measure, reliability
from tipclassify.training.evidence import CardFacts, CorpusFacts, Part, _model_card

yaml = pytest.importorskip("yaml", reason="comes with huggingface_hub")

CORPUS: dict[str, Any] = {
    "passages": 90,
    "real": 60,
    "own": 0,
    "held_out": 9,
    "sha256": "0" * 64,
    "labels": dict.fromkeys(LABELS, 30),
}
BASE = {"name": "owner/small-encoder", "licence": "Apache-2.0", "sha256": "1" * 64}
RUN = {
    "epochs": 1,
    "invented": 10,
    "batch": 4,
    "seed": 0,
    "rate": 0.001,
    "decay": 0.9,
    "no_heading": 0.3,
    "other_heading": 0.25,
    "stand_in": "Arcadia",
    "twins": 2,
    "other_genres": 2,
}
OF_THE_DEFAULT = {
    "encoder": BASE["name"],
    "fine_tuning": {"base": BASE, "run": RUN, "bits": 7},
    "start": "They started from those of the fine-tuning.",
}


def card(real: bool, own: int = 0, **about: Any) -> str:
    y_true = np.eye(3, dtype=bool).repeat(30, axis=0)
    y_pred = y_true.copy()
    y_pred[:3, 0] = False
    scores = np.where(y_pred, 0.9, 0.1)
    metrics = measure(y_true, scores, y_pred, np.full(3, 0.5))
    part = Part("real passages", metrics, intervals(y_true, y_pred, range(90), draws=20), 0.1)
    point = {"threshold": 0.5, "precision": [0.9, 0.8, 1.0], "recall": [0.9, 0.8, None]}
    corpus = CorpusFacts(**{**CORPUS, "real": 60 if real else 0, "own": own})
    facts = CardFacts("mine: ours", corpus, "passages held out", "fitted on these", **about)
    return _model_card(
        facts=facts,
        corpus=corpus,
        real=real,
        parts=[part],
        points={policy: dict.fromkeys(LABELS, point) for policy in POLICIES},
        reliability=list(
            zip(*(reliability(y_true[:, j], scores[:, j]) for j in range(3)), strict=True)
        ),
        contrast_pairs=(1, 2),
        behaviours=[],
    )


def front_matter(text: str) -> dict[str, Any]:
    assert text.startswith("---\n")
    head, _, body = text[4:].partition("\n---\n")
    assert body.startswith("\n# Model card: mine: ours\n")
    found: dict[str, Any] = yaml.safe_load(head)
    return found


def test_the_card_of_an_encoder_has_what_the_hub_asks_for() -> None:
    found = front_matter(card(True, **OF_THE_DEFAULT))
    assert found["license"] == "apache-2.0"
    assert found["language"] == ["en"]
    assert found["pipeline_tag"] == "text-classification"
    assert found["base_model"] == "owner/small-encoder"
    assert found["datasets"] == ["tipclassify-corpus"]
    (model,) = found["model-index"]
    (result,) = model["results"]
    figures = {metric["name"]: metric["value"] for metric in result["metrics"]}
    assert figures["recall of positive_effort"] == 0.9
    assert figures["precision of failure"] == 1.0
    assert figures["macro-F1"] == pytest.approx((0.947 + 2) / 3, abs=0.001)
    assert len(figures) == 1 + 3 * len(LABELS)


def test_the_hubs_own_library_reads_card_and_figures() -> None:
    hub = pytest.importorskip("huggingface_hub")
    read = hub.ModelCard(card(True, **OF_THE_DEFAULT))
    results = read.data.eval_results
    assert {result.metric_type for result in results} == {"f1", "precision", "recall"}
    assert {result.dataset_name for result in results} == {
        "real passages about countries left out of training"
    }
    assert read.data.license == "apache-2.0"


def test_a_linear_model_of_a_users_own_rows_names_no_base_and_no_data_of_ours() -> None:
    found = front_matter(card(False))
    assert "base_model" not in found
    assert "datasets" not in found
    assert found["model-index"][0]["results"][0]["dataset"]["name"] == "passages out of fold"


def test_the_card_opens_with_use_errors_who_labelled_what_was_never_tested_and_whom_to_tell() -> (
    None
):
    body = card(True, **OF_THE_DEFAULT).partition("# Model card: mine: ours\n")[2]
    first = body.strip().splitlines()[:5]
    assert [line.partition("**")[2].partition("**")[0] for line in first] == [
        "Use",
        "Errors",
        "Labelled by",
        "Never tested",
        "Tell us",
    ]
    assert "`failure` has precision 0.900 and recall 0.900" in first[1]
    assert "10.0% of the passages without a label" in first[1]
    assert "language models of one family" in first[2]
    assert "Trafficking in Persons Report" in first[3]


def test_a_card_of_the_users_rows_alone_does_not_say_that_language_models_labelled_them() -> None:
    body = card(False, own=90)
    assert "**Labelled by**: 90 passages by whoever trained this model." in body
    assert "language models of one family" not in body


def test_the_recipe_of_a_card_is_an_appendix() -> None:
    before, _, appendix = card(True, **OF_THE_DEFAULT).partition("## Appendix: how it was made\n")
    assert "batches of 4" in appendix
    assert "batches of" not in before
    assert "## Operating points" in before
