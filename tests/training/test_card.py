"""The card of a model is one that the Hugging Face hub reads: front matter with licence, base,
data and figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tipclassify import LABELS, POLICIES
from tipclassify.evaluation.bootstrap import intervals
from tipclassify.evaluation.metrics import measure, reliability
from tipclassify.training.model_card import (
    BaseEncoder,
    CardFacts,
    CardFigures,
    CorpusFacts,
    FineTuning,
    FineTuningRun,
    model_card,
)
from tipclassify.training.parts import Part

yaml = pytest.importorskip("yaml", reason="comes with huggingface_hub")

CORPUS: dict[str, Any] = {
    "passages": 90,
    "real": 60,
    "own": 0,
    "held_out": 9,
    "sha256": "0" * 64,
    "labels": dict.fromkeys(LABELS, 30),
}
BASE = BaseEncoder("owner/small-encoder", "Apache-2.0", "1" * 64)
RUN = FineTuningRun(
    epochs=1,
    invented=10,
    batch=4,
    seed=0,
    rate=0.001,
    decay=0.9,
    no_heading=0.3,
    other_heading=0.25,
    stand_in="Arcadia",
    twins=2,
    other_genres=2,
)
OF_THE_DEFAULT: dict[str, Any] = {
    "encoder": BASE.name,
    "fine_tuning": FineTuning(BASE, RUN, bits=7),
    "start": "They started from those of the fine-tuning.",
}


def card(real: bool, **about: Any) -> str:
    y_true = np.eye(3, dtype=bool).repeat(30, axis=0)
    y_pred = y_true.copy()
    y_pred[:3, 0] = False
    scores = np.where(y_pred, 0.9, 0.1)
    metrics = measure(y_true, scores, y_pred, np.full(3, 0.5))
    part = Part("real passages", metrics, intervals(y_true, y_pred, range(90), draws=20), 0.1)
    point = {"threshold": 0.5, "precision": [0.9, 0.8, 1.0], "recall": [0.9, 0.8, None]}
    corpus = CorpusFacts(**{**CORPUS, "real": 60 if real else 0})
    facts = CardFacts("mine: ours", corpus, "passages held out", "fitted on these", **about)
    figures = CardFigures(
        real=real,
        parts=[part],
        points={policy: dict.fromkeys(LABELS, point) for policy in POLICIES},
        reliability=list(
            zip(*(reliability(y_true[:, j], scores[:, j]) for j in range(3)), strict=True)
        ),
        contrast_pairs=(1, 2),
        behaviours=[],
    )
    return model_card(facts, figures)


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
        "real passages of countries that taught nothing"
    }
    assert read.data.license == "apache-2.0"


def test_a_linear_model_of_a_users_own_rows_names_no_base_and_no_data_of_ours() -> None:
    found = front_matter(card(False))
    assert "base_model" not in found
    assert "datasets" not in found
    assert found["model-index"][0]["results"][0]["dataset"]["name"] == "passages out of fold"
