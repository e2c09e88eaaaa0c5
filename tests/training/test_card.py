"""The card of a model is one that the Hugging Face hub reads.

Its front matter has the licence, the base, the data and the figures.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import JsonObject

from tipclassify import LABELS, Classifier
from tipclassify.model.encoder.files import read_encoder_model
from tipclassify.model.linear import LinearScorer
from tipclassify.training import write
from tipclassify.training.measure import Predictions, measure_parts
from tipclassify.training.write import count_corpus, save

yaml = pytest.importorskip("yaml", reason="comes with huggingface_hub")

TINY = Path(__file__).parents[1] / "files" / "tiny_encoder"
OF_ENCODER = {
    "base": {"name": "owner/small-encoder", "licence": "Apache-2.0", "sha256": "1" * 64},
    "training": {
        "settings": {
            "epochs": 1,
            "invented": 10,
            "batch": 4,
            "seed": 0,
            "rate": 0.001,
            "decay": 0.9,
            "no_heading": 0.3,
            "other_heading": 0.25,
            "stand_in": "Arcadia",
            "near_identical_pairs": 2,
            "other_genres": 2,
        }
    },
    "weight_bits": 7,
}

Card = Callable[..., str]


@pytest.fixture
def card(fast: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Card:
    """Write the card of a model that misses 3 of 30 efforts, and else makes no mistake."""
    case = {"rule": "bribes", "text": "Officers took bribes.", "labels": ["complicity"]}
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "a.jsonl").write_text(json.dumps(case), "utf-8")
    monkeypatch.setattr(write, "default_cases_path", lambda: tmp_path / "cases")
    assert isinstance(fast.scorer, LinearScorer)
    linear = fast.scorer.model
    encoder = replace(read_encoder_model(TINY), thresholds=linear.thresholds)

    def write_card(
        *, real: bool, of_encoder: bool = False, own: int = 0, of_companies: int = 0
    ) -> str:
        """Write it of passages of reports if `real`; `own` are the user's, `of_companies` more.

        Those of companies have no label.
        """
        rows = [
            {
                "id": str(number),
                "text": f"Passage {number}.",
                "labels": (label,),
                "doc": f"hrr/2020/country-{number % 10}.html" if real else f"own-{number % 10}",
            }
            for label in LABELS
            for number in range(30)
        ]
        rows += [
            {
                "id": f"company-{number}",
                "text": f"Our suppliers, {number}.",
                "labels": (),
                "doc": f"company-statements/{number}",
            }
            for number in range(of_companies)
        ]
        scores = np.vstack([np.eye(3).repeat(30, axis=0), np.zeros((of_companies, 3))])
        scores[:3, 0] = 0.0
        trained = save(
            tmp_path / "mine",
            encoder if of_encoder else linear,
            rows,
            scores,
            name="mine: ours",
            corpus=count_corpus(rows, own=own),
            held_out="passages held out",
            start="They started from those of the fine-tuning.",
            calibration="fitted on these",
            meta=OF_ENCODER if of_encoder else {},
        )
        return (trained.out / "README.md").read_text("utf-8")

    return write_card


def front_matter(text: str) -> JsonObject:
    """Read what a card says to programs."""
    assert text.startswith("---\n")
    head, _, body = text[4:].partition("\n---\n")
    assert body.startswith("\n# Model card: mine: ours\n")
    return dict(yaml.safe_load(head))


def test_the_card_of_an_encoder_has_what_the_hub_asks_for(card: Card) -> None:
    fields = front_matter(card(real=True, of_encoder=True))
    assert fields["license"] == "apache-2.0"
    assert fields["language"] == ["en"]
    assert fields["pipeline_tag"] == "text-classification"
    assert fields["base_model"] == "owner/small-encoder"
    assert fields["datasets"] == ["tipclassify-corpus"]
    (model,) = fields["model-index"]
    (result,) = model["results"]
    figures = {metric["name"]: metric["value"] for metric in result["metrics"]}
    assert figures["recall of positive_effort"] == 0.9
    assert figures["precision of failure"] == 1.0
    assert figures["macro-F1"] == pytest.approx((0.947 + 2) / 3, abs=0.001)
    assert len(figures) == 1 + 3 * len(LABELS)


def test_the_hubs_own_library_reads_card_and_figures(card: Card) -> None:
    hub = pytest.importorskip("huggingface_hub")
    read = hub.ModelCard(card(real=True, of_encoder=True))
    results = read.data.eval_results
    assert {result.metric_type for result in results} == {"f1", "precision", "recall"}
    assert {result.dataset_name for result in results} == {"real passages left out of training"}
    assert read.data.license == "apache-2.0"


def test_a_linear_model_of_a_users_own_rows_names_no_base_and_no_data_of_ours(
    card: Card,
) -> None:
    fields = front_matter(card(real=False, own=90))
    assert "base_model" not in fields
    assert "datasets" not in fields
    (result,) = fields["model-index"][0]["results"]
    assert result["dataset"]["name"] == "passages out of fold"


def test_the_card_opens_with_use_errors_who_labelled_what_was_never_tested_and_whom_to_tell(
    card: Card,
) -> None:
    body = card(real=True, of_encoder=True).partition("# Model card: mine: ours\n")[2]
    first = body.strip().splitlines()[:5]
    assert [line.partition("**")[2].partition("**")[0] for line in first] == [
        "Use",
        "Errors",
        "Labelled by",
        "Never tested",
        "Tell us",
    ]
    # All passages have a label, so nothing measures false alarms.
    assert "`positive_effort` has precision 1.000 and recall 0.900" in first[1]
    assert "`failure` has precision 1.000 and recall 1.000" in first[1]
    assert "language models of one family" in first[2]
    assert "Trafficking in Persons Report" in first[3]


def test_a_figure_that_nothing_measures_is_a_dash(card: Card) -> None:
    of_labelled_passages_alone = card(real=True)
    assert "the share of passages without a label that get one: –." in of_labelled_passages_alone
    with_companies = card(real=True, of_companies=4)
    assert "| companies' statements | 4 | 4 | – | (0) | (0) | (0) | 0.0% [0.0, 49.0] of 4 |" in (
        with_companies
    )
    assert "nan" not in of_labelled_passages_alone + with_companies


def test_false_alarms_have_an_interval_that_draws_documents_whole() -> None:
    y_true = np.zeros((40, 3), bool)
    y_true[30:, 1] = True
    y_pred = y_true.copy()
    y_pred[:6, 0] = True  # all of one document
    documents = np.arange(40) // 6
    predictions = Predictions(
        y_true, y_pred.astype(float), {"balanced": y_pred}, documents, np.ones(len(y_true))
    )
    rows = [{"text": "Here.", "labels": (), "doc": "hrr/2031/here.html"}] * 40
    whole, *_ = measure_parts(rows, predictions, np.full(3, 0.5), seed=0)
    assert (whole.unlabelled, whole.false_alarm_rate) == (30, 0.2)
    assert whole.false_alarms == "20.0% [0.0, 80.0] of 30"


def test_a_card_of_the_users_rows_alone_does_not_say_that_language_models_labelled_them(
    card: Card,
) -> None:
    body = card(real=False, own=90)
    assert "**Labelled by**: 90 passages by whoever trained this model." in body
    assert "language models of one family" not in body


def test_the_recipe_of_a_card_is_an_appendix(card: Card) -> None:
    text = card(real=True, of_encoder=True)
    before, _, appendix = text.partition("## Appendix: how it was made\n")
    assert "batches of 4" in appendix
    assert "batches of" not in before
    assert "## Operating points" in before
