"""The model card (Mitchell et al. 2019, arXiv:1810.03993) that training writes beside the weights."""

from __future__ import annotations

from typing import Any

from tipclassify.labels import LABELS, MEANINGS, POLICIES
from tipclassify.training import Fitted

__all__ = ["model_card"]


def model_card(fitted: Fitted, corpus: dict[str, Any], name: str) -> str:
    """Markdown for the model folder's README."""
    metrics = fitted.metrics
    figures = "\n".join(
        f"| {m.label} | {m.precision:.3f} | {m.recall:.3f} | {m.f1:.3f} | {m.support} | {m.average_precision:.3f} "
        f"| {m.calibration_error:.3f} |"
        for m in metrics.labels
    )
    points = "\n".join(
        f"| {policy} | " + " | ".join(f"{t:.3f}" for t in fitted.model.thresholds[policy]) + " |" for policy in POLICIES
    )
    meanings = "\n".join(f"- `{label}`: {MEANINGS[label]}" for label in LABELS)
    return f"""# Model card: {name}

A linear one-vs-rest classifier over hashed n-grams that tags sentences of English reports on what governments do
about human trafficking. A sentence takes every label that applies, or none:

{meanings}

## Trained on
{corpus["passages"]:,} labelled passages, corpus SHA-256 `{corpus["sha256"]}`. See the corpus's own card for how it was written and
labelled.

## How good it is
Out of fold on that corpus, folds by group (narrative, pair), calibration and thresholds cross-fitted. **These are figures on the corpus, not on real
reports**: measure on labelled sentences of your own with `tipclassify evaluate`.

| label | precision | recall | F1 | support | average precision | ECE |
| --- | --- | --- | --- | --- | --- | --- |
{figures}

Macro-F1 {metrics.macro_f1:.3f}; all labels of a passage right: {metrics.exact_match:.3f}. ECE is the expected calibration error over ten bins.

## Operating points
Probability from which a label is given.

| policy | {" | ".join(LABELS)} |
| --- | --- | --- | --- |
{points}

`balanced` has the best F1; `screen` keeps recall at 0.95 or more; `cite` keeps precision at 0.95 or more, or as high as it gets.

## Use it for
Finding the passages of a report that deserve reading, sorting them, and counting them with the error rates above in mind.

## Do not use it for
Judging a state, a person or a case without reading the passage; text that is not English; text that is not a report on what
governments do about trafficking. A tag says what the sentence claims, not whether it is true.
"""
