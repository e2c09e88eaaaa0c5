"""`TipClassifier`: the trainer as a scikit-learn estimator.

>>> from tipclassify import TipClassifier
>>> texts = ["Police arrested a trafficker.", "No one was convicted.", "Police took bribes."] * 40
>>> labels = [["positive_effort"], ["failure"], ["complicity"]] * 40
>>> TipClassifier(model="fast", folds=2).fit(texts, labels).predict(["Police arrested a trafficker."]).shape
(1, 3)
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import f1_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from tipclassify.arrays import Bools, Floats, Ints, logistic
from tipclassify.corpus.indicator import as_indicator
from tipclassify.corpus.labelled import labelled_passages
from tipclassify.evaluation.metrics import measure
from tipclassify.labels import LABELS, POLICIES, Policy
from tipclassify.model.classifier import Classifier
from tipclassify.model.encoder.folder import write_encoder
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.model.linear.model import write_model
from tipclassify.model.linear.scoring import apply_thresholds
from tipclassify.text.columns import as_passages
from tipclassify.text.document import Passage
from tipclassify.training.fit import fit_model, group_folds, model_meta
from tipclassify.training.heads import adapt_heads, out_of_fold_logits, pooled_vectors
from tipclassify.training.train import load_encoder

__all__ = ["TipClassifier"]

_FEW: Final = 100  # fewer passages give a warning


class TipClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Multi-label classifier of passages, evaluated out of fold.

    `classifier_` is the fitted model, `metrics_` has its out-of-fold metrics on the training passages.

    Parameters
    ----------
    model : str
        ``"default"`` refits the heads of the shipped encoder, regularised towards the shipped ones: few passages change
        them little, many a lot. ``"fast"`` fits the linear model from scratch, on these passages alone.
    folds : int
        Folds of the inner cross-validation, 2 or more; `random_state` draws them.
    policy : str
        Operating point of `predict`: ``"screen"``, ``"balanced"`` or ``"cite"``.
    random_state : int, RandomState or None
        As in scikit-learn: the same int, the same folds; None draws others at each fit.
    n_jobs : int or None
        Processes to fit the fast model with; None is 1, -1 one for each core.

    Attributes
    ----------
    classifier_ : Classifier
    metrics_ : Metrics
    classes_ : array of the label names, in the order of ``LABELS``
    n_passages_ : int
    """

    def __init__(
        self,
        *,
        model: str = "default",
        folds: int = 5,
        policy: Policy = "balanced",
        random_state: Any = 0,
        n_jobs: int | None = 1,
    ) -> None:
        self.model = model
        self.folds = folds
        self.policy = policy
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Iterable[str | Passage],
        y: Any = None,
        groups: Iterable[Any] | None = None,
        *,
        sample_weight: Any = None,
    ) -> TipClassifier:
        """Train on the passages `X`; the section heading of a `Passage` is a feature too.

        `X` is a list or generator of `str` or `Passage`, or a column of pandas, polars, Arrow or datasets. `y` has the
        label names of each passage, or is an indicator matrix or table (`corpus.indicator.as_indicator`). For names,
        pass a splitter to scikit-learn (``cv=KFold(5)``), which cannot stratify them. Passages of one of the `groups`
        (n,), any values, stay together in the inner folds; by default equal texts do.

        `X` may also be a whole dataset, as `load_corpus` returns it, without `y`: then labels, headings and groups are
        those of its columns. Under 100 passages give a warning.

        Raises `TypeError` when `X` is a bare string or a table, or has an element that is no text, `ValueError` when
        lengths differ, a label is unknown, or there are too few passages.
        """
        for name, value, choices in (("model", self.model, ("default", "fast")), ("policy", self.policy, POLICIES)):
            if value not in choices:
                raise ValueError(f"unknown {name} {value!r}: use {', '.join(choices)}")
        if self.folds < 2:
            raise ValueError(f"folds is {self.folds}: use 2 or more")
        known = labelled_passages(X, y, groups)
        passages, y_true = known.passages, known.y_true
        if not y_true.any():
            raise ValueError("no passage has a label: nothing to learn; label some")
        if len(passages) < _FEW:
            stays = "it stays close to the shipped model" if self.model == "default" else "it knows nothing else"
            warnings.warn(f"{len(passages)} passages are few to train on: {stays}; label at least {_FEW}", stacklevel=2)
        weights = np.ones(len(passages)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        if (
            weights.shape != (len(passages),)
            or not np.isfinite(weights).all()
            or (weights < 0).any()
            or not weights.any()
        ):
            raise ValueError("sample_weight: give a number of 0 or more for each passage, and more than 0 for one")
        self.seed_ = _seed(self.random_state)
        used = np.flatnonzero(weights)
        texts, headings = [passages[i].text for i in used], [passages[i].section for i in used]
        y_true, of, weights = y_true[used], known.groups[used], weights[used]
        if self.model == "default":
            self._fit_default(texts, headings, y_true, of, weights)
        else:
            options: Any = {"folds": self.folds, "seed": self.seed_, "jobs": 1 if self.n_jobs is None else self.n_jobs}
            fitted = fit_model(texts, y_true, of, headings=headings, weights=weights, **options)
            self.classifier_, self.metrics_ = Classifier(fitted.model), fitted.metrics
        self.classes_, self.n_passages_ = np.array(LABELS), len(texts)
        return self

    def _fit_default(
        self, texts: list[str], headings: list[str | None], y_true: Bools, groups: Ints, weights: Floats
    ) -> None:
        scorer = load_encoder()
        model, start = scorer.model, scorer.model.heads
        pooled = pooled_vectors(scorer, texts, headings)
        raw = out_of_fold_logits(start, pooled, y_true, weights, group_folds(groups, self.folds, self.seed_))
        scores, thresholds = logistic(raw * model.scale + model.shift), np.array(model.thresholds["balanced"])
        self.metrics_ = measure(y_true, scores, apply_thresholds(scores, thresholds), thresholds)
        heads = adapt_heads(start, pooled, y_true, weights)
        meta = {**model.meta, "adapted_from": model.meta["sha256"]}
        self.classifier_ = Classifier(EncoderScorer(replace(model, heads=heads, meta=meta)))

    def predict_proba(self, X: Iterable[str | Passage]) -> Floats:
        """Return calibrated probabilities, float array (n, 3)."""
        check_is_fitted(self)
        return self.classifier_.predict_proba(as_passages(X))

    def predict(self, X: Iterable[str | Passage]) -> Ints:
        """Return predicted labels as an indicator matrix, int array (n, 3)."""
        check_is_fitted(self)
        return self.classifier_.predict(as_passages(X), self.policy).astype(np.int64)

    def score(self, X: Iterable[str | Passage], y: Any, sample_weight: Any = None) -> float:
        """Return the macro-F1 of `predict` over the three labels."""
        y_true = as_indicator(y).astype(int)
        return float(f1_score(y_true, self.predict(X), average="macro", sample_weight=sample_weight, zero_division=0))

    def save(
        self,
        path: str | os.PathLike[str],
        meta: Mapping[str, Any] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> None:
        """Write a model folder for `Classifier.load` and ``--model``, replacing the one at `path`.

        `meta` has further plain values for ``model.json`` (a corpus hash, say), `files` further text files by name.
        """
        check_is_fitted(self)
        settings = {"seed": self.seed_, "folds": self.folds, "passages": self.n_passages_}
        known = model_meta(settings=settings, metrics=self.metrics_.to_dict(), **(meta or {}))
        scorer = self.classifier_.scorer
        if isinstance(scorer, EncoderScorer):
            kept = {key: scorer.meta[key] for key in ("base", "natural", "adapted_from") if key in scorer.meta}
            write_encoder(path, scorer.model, {**kept, **known}, files)
        else:
            write_model(replace(self.classifier_.model, meta=known), path, files)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.classifier_tags.multi_label = True
        return tags


def _seed(random_state: Any) -> int:
    """Return a seed for a `random_state` of scikit-learn; an int is its own."""
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
