"""Evaluate a model on labelled rows: metrics as plain values for JSON, and as plain-text tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from tipclassify.corpus.loading import Row, group_rows
from tipclassify.errors import InputError
from tipclassify.evaluation import bootstrap, error_analysis, metrics
from tipclassify.labels import LABELS, indicator
from tipclassify.model.classifier import Classifier
from tipclassify.model.linear.scoring import apply_thresholds
from tipclassify.text.document import Passage

__all__ = ["evaluate_rows"]


def evaluate_rows(
    classifier: Classifier,
    rows: Sequence[Row],
    policy: str = "balanced",
    *,
    by: str | None = None,
    confusion: bool = False,
    slices: bool = False,
    reliability: bool = False,
    errors: int = 0,
    other: Classifier | None = None,
    other_name: str = "",
    draws: int = 1_000,
    seed: int = 0,
) -> tuple[dict[str, Any], list[str]]:
    """Evaluate a model on rows of a corpus; each option adds a part.

    Parameters
    ----------
    by : str, optional
        Field for which to add the metrics of each value.
    errors : int
        Number of worst errors to list.
    other : Classifier, optional
        A model to compare with, under the same policy.
    draws : int
        Bootstrap draws of groups (`corpus.loading.group_rows`); 0 for no intervals.

    Raises
    ------
    InputError
        When no row has the field `by`.

    Examples
    --------
    >>> text = "Courts convicted nine traffickers."
    >>> rows = [{"text": text, "labels": ("positive_effort",), "doc": None, "pair": None}]
    >>> values, tables = evaluate_rows(Classifier.load(), rows, draws=0)
    >>> values["parts"][0]["exact_match"], tables[0].splitlines()[0]
    (1.0, 'all passages')
    """
    if by and not any(by in row for row in rows):
        raise InputError(f"no row has a field {by!r}; choose one of {', '.join(sorted(rows[0]))}")
    y_true = np.array([indicator(row["labels"]) for row in rows], bool)
    groups = np.array(group_rows(rows))
    thresholds = classifier.thresholds(policy)
    passages = [Passage(row["text"], 0, len(row["text"]), row.get("section") or None) for row in rows]
    scores = classifier.predict_proba(passages)
    y_pred = apply_thresholds(scores, thresholds)
    report: dict[str, Any] = {
        "model": classifier.meta.get("sha256"),
        "policy": policy,
        "thresholds": dict(zip(LABELS, thresholds.tolist(), strict=True)),
        "draws": draws,
        "seed": seed,
        "by": by,
        "parts": [],
    }
    tables: list[str] = []
    parts = {(None, "all passages"): np.ones(len(rows), bool)}
    if by:
        values = np.array([str(row.get(by)) for row in rows])
        parts = {(value, f"{by} = {value}"): values == value for value in dict.fromkeys(values.tolist())} | parts
    for (value, title), part in parts.items():
        figures = metrics.measure(y_true[part], scores[part], y_pred[part], thresholds)
        intervals = bootstrap.intervals(y_true[part], y_pred[part], groups[part], draws, seed) if draws else None
        report["parts"].append({"value": value, **asdict(figures), "intervals": intervals and asdict(intervals)})
        table = metrics.metrics_table(figures, title)
        tables.append(f"{table}\n{bootstrap.intervals_table(intervals)}" if intervals else table)
    if confusion:
        cells = error_analysis.confused_sets(y_true, y_pred)
        report["confusion"] = list(map(asdict, cells))
        tables.append(error_analysis.confusion_table(cells))
    if slices:
        found = error_analysis.slices(rows, classifier.vocabulary, y_true, scores, y_pred, thresholds)
        report["slices"] = list(map(asdict, found))
        tables.append(error_analysis.slices_table(found))
    if reliability:
        bins = {label: metrics.reliability(y_true[:, j], scores[:, j]) for j, label in enumerate(LABELS)}
        report["reliability"] = {label: list(map(asdict, of_label)) for label, of_label in bins.items()}
        tables += [metrics.reliability_table(label, of_label) for label, of_label in bins.items()]
    if other:
        comparison = bootstrap.compare(y_true, y_pred, other.predict(passages, policy), groups, draws, seed)
        report["comparison"] = {"other": other_name, **asdict(comparison)}
        tables.append(bootstrap.comparison_table(comparison, other_name))
    if errors:
        mistakes = error_analysis.worst_errors(rows, y_true, scores, thresholds, errors)
        report["errors"] = list(map(asdict, mistakes))
        tables.append(error_analysis.errors_table(mistakes))
    return metrics.rounded(report), tables
