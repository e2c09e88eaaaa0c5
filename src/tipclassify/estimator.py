"""`TipClassifier`: the trainer as a scikit-learn estimator.

>>> from tipclassify import TipClassifier
>>> texts = ["Police arrested a trafficker.", "No one was convicted.", "Police took bribes."] * 4
>>> labels = [["positive_effort"], ["failure"], ["complicity"]] * 4
>>> TipClassifier(folds=2).fit(texts, labels).predict(["Police arrested a trafficker."]).shape
(1, 3)
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import f1_score
from sklearn.utils.validation import check_is_fitted

from tipclassify.classifier import Classifier
from tipclassify.corpus import group_rows
from tipclassify.labels import LABELS, POLICIES, indicator
from tipclassify.model_file import write_model
from tipclassify.training import STRENGTHS, Progress, fit_model, model_meta

__all__ = ["TipClassifier", "as_indicator"]


class TipClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classifier of passages, each label on its own, calibrated and thresholded out of fold.

    Parameters
    ----------
    strengths : sequence of float
        Inverse regularisation strengths to choose from, for each label on its own.
    folds : int
        Folds of the inner cross-validation, 2 or more.
    policy : str
        Operating point of `predict`: ``"screen"``, ``"balanced"`` or ``"cite"``.
    seed : int
        Draws the folds.
    jobs : int
        Processes to fit with.
    detectors : bool
        Learn detectors over words in a row beside the linear part, where there are at least 500 passages.

    Attributes
    ----------
    classes_ : array of str (3,)
        ``LABELS``.
    fitted_ : Fitted
        Model, out-of-fold scores and their metrics.
    """

    def __init__(
        self,
        *,
        strengths: Sequence[float] = STRENGTHS,
        folds: int = 5,
        policy: str = "balanced",
        seed: int = 0,
        jobs: int = 1,
        detectors: bool = True,
    ) -> None:
        self.strengths = strengths
        self.folds = folds
        self.policy = policy
        self.seed = seed
        self.jobs = jobs
        self.detectors = detectors

    def fit(
        self,
        X: Iterable[str],
        y: Any,
        groups: Sequence[int] | None = None,
        progress: Progress | None = None,
        sample_weight: Any = None,
    ) -> TipClassifier:
        """Train on the passages `X`.

        Parameters
        ----------
        X : iterable of str (n,)
        y : indicator matrix (n, 3), or for each passage the names of its labels
            With names, give scikit-learn's splitters explicitly (``cv=KFold(5)``): it cannot stratify them.
        groups : sequence of int (n,), optional
            Passages of one group stay together in the inner folds; equal texts always do.
        sample_weight : sequence of float (n,), optional
            As ``weights`` of `training.fit_model`.

        Raises
        ------
        ValueError
            When lengths differ, a label is unknown, or there are too few passages to hold some out.
        """
        if self.policy not in POLICIES:
            raise ValueError(f"unknown policy {self.policy!r}: use {', '.join(POLICIES)}")
        if self.folds < 2:
            raise ValueError(f"folds is {self.folds}: use 2 or more")
        texts = list(X)
        truth = as_indicator(y)
        if len(texts) != len(truth):
            raise ValueError(f"{len(texts)} passages but {len(truth)} rows of labels: give one row a passage")
        if groups is None:
            groups = group_rows([{"text": text} for text in texts])
        self.fitted_ = fit_model(
            texts,
            truth,
            groups,
            strengths=self.strengths,
            folds=self.folds,
            seed=self.seed,
            jobs=self.jobs,
            detectors=self.detectors,
            weights=sample_weight,
            progress=progress,
        )
        self.classes_ = np.array(LABELS)
        return self

    def predict_proba(self, X: Iterable[str]) -> npt.NDArray[np.float64]:
        """Calibrated probabilities, float array (n, 3)."""
        check_is_fitted(self)
        return Classifier(self.fitted_.model).predict_proba(list(X))

    def predict(self, X: Iterable[str]) -> npt.NDArray[np.int64]:
        """Indicator matrix, int array (n, 3)."""
        check_is_fitted(self)
        return Classifier(self.fitted_.model).predict(list(X), self.policy).astype(np.int64)

    def score(self, X: Iterable[str], y: Any, sample_weight: Any = None) -> float:
        """Macro-F1 of `predict` over the three labels."""
        truth = as_indicator(y).astype(int)
        return float(f1_score(truth, self.predict(X), average="macro", sample_weight=sample_weight, zero_division=0))

    def save(
        self,
        path: str | os.PathLike[str],
        meta: Mapping[str, Any] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> None:
        """Write the model folder that `Classifier.load` and ``--model`` take, replacing the one at `path`.

        Parameters
        ----------
        meta : mapping, optional
            Further plain values for ``model.json`` (a corpus hash, say).
        files : mapping of str to str, optional
            Further text files for the folder, by name.
        """
        from dataclasses import replace

        check_is_fitted(self)
        known = model_meta(
            settings={
                "seed": self.seed,
                "folds": self.folds,
                "strengths": list(self.fitted_.strengths),
                "detectors": self.fitted_.model.windows is not None,
            },
            metrics=self.fitted_.metrics.to_dict(),
        )
        write_model(replace(self.fitted_.model, meta={**known, **(meta or {})}), path, files)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.classifier_tags.multi_label = True
        return tags


def as_indicator(y: Any) -> npt.NDArray[np.bool_]:
    """Labels as bool array (n, 3): from an indicator matrix, or from the label names of each passage.

    >>> as_indicator([["failure"], []]).tolist()
    [[False, True, False], [False, False, False]]
    """
    values = getattr(y, "values", y)
    if isinstance(values, np.ndarray) and values.dtype != object:
        matrix = values
    else:
        rows = list(values)
        if all(isinstance(row, Sequence | set | frozenset) and all(isinstance(n, str) for n in row) for row in rows):
            if any(isinstance(row, str) for row in rows):
                raise ValueError("y holds bare strings: give each passage a list of label names")
            return np.array([indicator(row) for row in rows], bool).reshape(-1, len(LABELS))
        matrix = np.array(rows)
    if matrix.ndim != 2 or matrix.shape[1] != len(LABELS) or not np.isin(matrix, (0, 1)).all():
        raise ValueError(f"y has shape {matrix.shape}: give 0 and 1 in {len(LABELS)} columns, or lists of label names")
    return matrix.astype(bool)
