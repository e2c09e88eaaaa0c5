"""Evaluate a model on labelled rows: plain values, and text tables that show them.

Beside the metrics stand the worst errors, and rows on which a model looks better than it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from tipclassify.arrays import Bools, Floats
from tipclassify.corpus.given import known_labels
from tipclassify.corpus.holdout import were_taught
from tipclassify.corpus.rows import Row, group_rows
from tipclassify.errors import InputError
from tipclassify.evaluation.bootstrap import compare, comparison_table
from tipclassify.evaluation.metrics import evaluate_scores, rounded_metric
from tipclassify.formatting import format_figure, format_value
from tipclassify.labels import Policy, label_indicator
from tipclassify.model.classifier import Classifier
from tipclassify.model.scoring import apply_thresholds
from tipclassify.records import passage_of


def evaluate_rows(
    classifier: Classifier,
    rows: Sequence[Row],
    policy: Policy = "balanced",
    *,
    by: str | None = None,
    errors: int = 0,
    other: Classifier | None = None,
    other_name: str = "",
    taught: bytes = b"",
    draws: int = 1_000,
    seed: int = 0,
) -> tuple[dict[str, object], list[str]]:
    """Evaluate a model on rows of a corpus; return the figures, and the tables of them.

    `by` is a field of the rows, to have metrics for each of its values. `errors` shows so many of
    the worst; `other` is a model to compare with. `taught` has the keys of the passages that the
    model learned (`corpus.holdout`): it is said how many of the rows are among them.

    Raises `InputError` when no row has the field `by`, or the `other` model has other labels.

    >>> text = "Courts convicted nine traffickers."
    >>> rows = [{"text": text, "labels": ("positive_effort",), "doc": None, "pair": None}]
    >>> figures, tables = evaluate_rows(Classifier.load(), rows, draws=0)
    >>> figures["parts"][0]["exact_match"], tables[0].splitlines()[0]
    (1.0, 'all passages')
    """
    if by and not any(by in row for row in rows):
        fields = ", ".join(sorted(rows[0]))
        raise InputError(f"no row has a field {by!r}; choose one of {fields}")
    labels = classifier.labels
    if other and other.labels != labels:
        raise InputError(
            f"{other_name}: its labels are {', '.join(other.labels)}, the model's are "
            f"{', '.join(labels)}; compare models of the same labels"
        )
    passages = [passage_of(row) for row in rows]
    y_true = np.array([label_indicator(row["labels"], labels) for row in rows], bool)
    known = known_labels(rows, labels)
    scores = np.where(known, classifier.predict_proba(passages), np.nan)
    thresholds = classifier.thresholds(policy)
    y_pred = apply_thresholds(scores, thresholds)
    groups = np.array(group_rows(rows))
    masks: dict[str | None, Bools] = {}
    if by:
        values = np.array([str(row.get(by)) for row in rows])
        masks |= {value: values == value for value in dict.fromkeys(values.tolist())}
    masks[None] = np.ones(len(rows), bool)
    parts = []
    tables = []
    for value, chosen in masks.items():
        evaluation = evaluate_scores(
            classifier, y_true[chosen], scores[chosen], policy, groups[chosen], draws, seed
        )
        drawn = evaluation.intervals
        parts.append(
            {
                "value": value,
                **asdict(evaluation.metrics),
                "intervals": asdict(drawn) if drawn else None,
            }
        )
        tables.append(evaluation.table("all passages" if value is None else f"{by} = {value}"))
    learned = int(were_taught([row["text"] for row in rows], taught).sum())
    in_view = sum(map(_was_in_view, rows))
    notes = []
    if learned:
        notes.append(
            f"{learned:,} of these passages are in this model's training: "
            "the figures flatter; measure on others"
        )
    if in_view:
        notes.append(
            f"{in_view:,} were labelled with a model's answer in view, "
            "which draws labels towards it: the figures flatter; "
            "label some with 'tipclassify review --blind'"
        )
    if notes:
        tables.append("\n".join(notes))
    figures: dict[str, object] = {
        "model": classifier.meta.get("sha256"),
        "policy": policy,
        "thresholds": dict(zip(labels, thresholds.tolist(), strict=True)),
        "draws": draws,
        "seed": seed,
        "by": by,
        "parts": parts,
        "taught": learned,
        "in_view": in_view,
    }
    if other:
        y_other = known & other.predict(passages, policy)
        comparison = compare(y_true, y_pred, y_other, groups, draws, seed, labels)
        figures["comparison"] = {"other": other_name, **asdict(comparison)}
        tables.append(comparison_table(comparison, other_name))
    if errors:
        worst = _worst_errors(rows, y_true != y_pred, scores, thresholds, labels, errors)
        figures["errors"] = worst
        tables.append(_errors_table(worst))
    return rounded_metric(figures), tables


def _was_in_view(row: Row) -> bool:
    """Whether a row of 'queue' or 'review' was labelled with a model's answer in view."""
    if row.get("predicted") is not None:
        return True
    blind = row.get("blind")
    if blind is None or isinstance(blind, bool):  # a bool is of a corpus not made here
        return blind is False
    return "model" not in blind


def _worst_errors(
    rows: Sequence[Row],
    wrong: Bools,
    scores: Floats,
    thresholds: Floats,
    labels: Sequence[str],
    most: int,
) -> list[dict[str, object]]:
    """Find the `most` wrong labels furthest from their threshold, worst first.

    `wrong` and `scores` are (n, labels), `thresholds` (labels,).
    """
    places = np.argwhere(wrong)
    margins = np.abs(scores - thresholds)[tuple(places.T)]
    errors = []
    for i, j in places[np.argsort(-margins, kind="stable")[:most]].tolist():
        errors.append(
            {
                "label": labels[j],
                "error": "missed" if labels[j] in rows[i]["labels"] else "false",
                "probability": float(scores[i, j]),
                "threshold": float(thresholds[j]),
                "id": str(rows[i].get("id", i)),
                "text": rows[i]["text"],
            }
        )
    return errors


def _errors_table(errors: Sequence[Row]) -> str:
    """Format the errors as plain text, two lines each: the error, and the passage."""
    lines = ["worst errors" if errors else "no errors"]
    for error in errors:
        probability = format_figure(error["probability"])
        threshold = format_figure(error["threshold"])
        lines.append(
            f"{error['error']} {error['label']}: {probability}, threshold {threshold}  "
            f"({error['id']})"
        )
        lines.append(f"    {format_value(error['text'])}")
    return "\n".join(lines)
