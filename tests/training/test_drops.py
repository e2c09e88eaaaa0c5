"""The weights that foretell, from a token's vector, what masking it costs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tipclassify.corpus.rows import Row
from tipclassify.labels import LABELS
from tipclassify.model.encoder.files import EncoderModel, read_encoder_model
from tipclassify.training.reasons import fit_drop_weights

TINY = Path(__file__).parent.parent / "files" / "tiny_encoder"
# six words each
TEXTS = {
    "positive_effort": [
        "Courts convicted nine traffickers to prison",
        "Nine judges trained a shelter in",
    ],
    "failure": ["The government failed victims of traffickers", "The courts lacked money but did"],
    "complicity": ["Police officers took bribes of traffickers", "The police are complicit in it"],
}


def rows_of(texts: dict[str, list[str]], doc: str | None = None) -> list[Row]:
    """Make a row of each text with its label."""
    rows: list[Row] = []
    for label, label_texts in texts.items():
        for text in label_texts:
            row: Row = {"id": text, "text": text, "labels": [label], "section": None, "pair": None}
            rows.append({**row, "doc": doc} if doc else row)
    return rows


@pytest.fixture(scope="module")
def model() -> EncoderModel:
    return read_encoder_model(TINY)


def test_foretold_drops_are_those_of_masking(model: EncoderModel) -> None:
    weights = fit_drop_weights(model, rows_of(TEXTS))
    assert weights is not None
    # The tiny encoder sums the vectors of tokens, eight in each of these windows, and its heads are
    # the identity: masking a token costs eight times what it adds to the mean, calibrated.
    assert np.diag(weights) == pytest.approx(8 * model.scale, rel=0.05)
    again = fit_drop_weights(model, rows_of(TEXTS))
    assert again is not None
    assert again.tobytes() == weights.tobytes()


def test_real_passages_are_measured_alone(model: EncoderModel) -> None:
    real = rows_of(TEXTS, doc="hrr/2020/karvonia.html")
    invented = rows_of({"failure": ["None of the courts did act"]})
    weights = fit_drop_weights(model, [*real, *invented])
    expected = fit_drop_weights(model, real)
    assert weights is not None
    assert expected is not None
    assert weights.tobytes() == expected.tobytes()


def test_a_label_that_no_passage_is_given_leaves_no_weights(model: EncoderModel) -> None:
    texts = {label: TEXTS[label] for label in LABELS if label != "complicity"}
    assert fit_drop_weights(model, rows_of(texts)) is None
    assert fit_drop_weights(model, []) is None


def test_a_passage_of_several_windows_is_left_out(model: EncoderModel) -> None:
    long = rows_of({"failure": ["The courts failed victims of traffickers " * 4]})
    weights = fit_drop_weights(model, [*rows_of(TEXTS), *long])
    expected = fit_drop_weights(model, rows_of(TEXTS))
    assert weights is not None
    assert expected is not None
    assert weights.tobytes() == expected.tobytes()
