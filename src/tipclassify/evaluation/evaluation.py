"""Evaluate a model on passages whose labels are known."""

from __future__ import annotations

import os
from dataclasses import dataclass

from tipclassify.corpus.labelled import labelled_passages
from tipclassify.evaluation.bootstrap import Intervals, intervals, intervals_table
from tipclassify.evaluation.metrics import Metrics, measure, metrics_table
from tipclassify.labels import Policy
from tipclassify.model.classifier import Classifier
from tipclassify.model.scoring import apply_thresholds

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Metrics of a model on labelled passages; its text is a table of them."""

    metrics: Metrics
    intervals: Intervals | None  # 95%, by bootstrap over groups; None without draws
    policy: Policy
    model: str  # SHA-256

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the labels that occur."""
        return self.metrics.macro_f1

    def __str__(self) -> str:
        table = metrics_table(self.metrics, "all passages")
        return table if self.intervals is None else f"{table}\n{intervals_table(self.intervals)}"


def evaluate(
    X: object,
    y: object = None,
    *,
    model: str | os.PathLike[str] | Classifier | None = None,
    policy: Policy = "balanced",
    groups: object = None,
    draws: int = 1_000,
    seed: int = 0,
) -> Evaluation:
    """Measure a model on passages whose labels are known.

    Parameters
    ----------
    X : passages, or a dataset of `load_corpus`
        `str` or `Passage`, in a list or a column (n,); of a dataset, `y` and `groups` may be
        omitted.
    y : labels
        Label names of each passage, or an indicator matrix or table (n, 3).
    model : name, path or Classifier, optional
        As of `classify`.
    policy : str
        Operating point: ``"screen"``, ``"balanced"`` or ``"cite"``.
    groups : values, optional
        Group of each passage (n,), such as its report: the bootstrap draws groups whole. By
        default equal texts.
    draws, seed : int
        Draws of the bootstrap, 0 for no intervals, and their seed.

    Returns
    -------
    Evaluation

    Raises
    ------
    TypeError, ValueError
        When passages or labels have no clear meaning, lengths differ, there are none, the policy
        is unknown, or `draws` is below 0.
    ModelError
        When the model cannot be used.

    Examples
    --------
    >>> texts = ["Courts convicted nine traffickers."]
    >>> evaluation = evaluate(texts, [["positive_effort"]], draws=0)
    >>> evaluation.macro_f1, evaluation.metrics.passages
    (1.0, 1)
    """
    if draws < 0:
        raise ValueError(f"draws is {draws}: give 0 or more")
    known = labelled_passages(X, y, groups)
    if not known.passages:
        raise ValueError("no passages: give at least one")
    classifier = model if isinstance(model, Classifier) else Classifier.load(model)
    thresholds = classifier.thresholds(policy)
    scores = classifier.predict_proba(known.passages)
    y_pred = apply_thresholds(scores, thresholds)
    metrics = measure(known.y_true, scores, y_pred, thresholds)
    drawn = intervals(known.y_true, y_pred, known.groups, draws, seed) if draws else None
    return Evaluation(metrics, drawn, policy, str(classifier.meta.get("sha256", "")))
