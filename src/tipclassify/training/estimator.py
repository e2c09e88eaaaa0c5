"""`TipClassifier`: the trainer as a scikit-learn estimator.

>>> from tipclassify import TipClassifier
>>> texts = ["Police arrested a trafficker.", "No one was convicted.", "Police took bribes."] * 40
>>> labels = [["positive_effort"], ["failure"], ["complicity"]] * 40
>>> estimator = TipClassifier(model="fast", folds=2).fit(texts, labels)
>>> estimator.predict(["Police arrested a trafficker."]).shape
(1, 3)
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import f1_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from tipclassify.arrays import Floats, Ints
from tipclassify.corpus.given import as_indicator, labelled_passages
from tipclassify.corpus.rows import Row
from tipclassify.evaluation.metrics import measure
from tipclassify.labels import LABELS, POLICIES, Policy
from tipclassify.model.classifier import Classifier
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.model.scoring import apply_thresholds
from tipclassify.records import Passage
from tipclassify.text.columns import ColumnTable, texts_as_passages
from tipclassify.training.default import adapt, save_adapted
from tipclassify.training.examples import Examples
from tipclassify.training.heads import load_encoder
from tipclassify.training.linear import fit_linear
from tipclassify.training.write import OUT_OF_FOLD, count_corpus, save

if TYPE_CHECKING:
    from sklearn.utils import Tags

_FEW: Final = 100  # fewer passages give a warning
_MODELS: Final = ("default", "fast")

RandomState = int | np.integer[Any] | np.random.RandomState | None
"""What scikit-learn takes as a `random_state`."""


class TipClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Multi-label classifier of passages, evaluated out of fold.

    `classifier_` is the fitted model, `metrics_` has its out-of-fold metrics on the training
    passages.

    Parameters
    ----------
    model : str
        ``"default"`` moves the heads of the shipped encoder, held close to where they are by
        `penalty`. ``"fast"`` fits the linear model from scratch, on these passages alone.
    penalty : float or None
        Of the default, above 0, on a log scale: half of it times the mean squared change of the
        log-odds over the passages of the corpus is added to the loss. At 1,000 hardly anything
        moves, at 1 three hundred passages are learned wholly. None chooses one by cross-validation,
        against what it costs on the fixed set; the choice and its curve are in `penalty_`.
        ``GridSearchCV`` over it works.
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
    penalty_ : PenaltyChoice, of the default
    fixed_ : FixedComparison, of the default: beside the shipped model on passages that neither
        learned
    classes_ : array of the label names, in the order of ``LABELS``
    n_passages_ : int
    """

    def __init__(
        self,
        *,
        model: str = "default",
        penalty: float | None = None,
        folds: int = 5,
        policy: Policy = "balanced",
        random_state: RandomState = 0,
        n_jobs: int | None = 1,
    ) -> None:
        self.model = model
        self.penalty = penalty
        self.folds = folds
        self.policy = policy
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Iterable[str | Passage] | ColumnTable,
        y: object = None,
        groups: Iterable[object] | None = None,
        *,
        sample_weight: npt.ArrayLike | None = None,
    ) -> TipClassifier:
        """Train on the passages `X`; the section heading of a `Passage` is a feature too.

        `X` is a list or generator of `str` or `Passage`, or a column of pandas, polars, Arrow or
        datasets. `y` has the label names of each passage, or is an indicator matrix or table
        (`corpus.given.as_indicator`). For names, pass a splitter to scikit-learn
        (``cv=KFold(5)``), which cannot stratify them. Passages of one of the `groups` (n,), any
        values, stay together in the inner folds; by default equal texts do.

        `X` may also be a whole dataset, as `load_corpus` returns it, without `y`: then labels,
        headings and groups are those of its columns. Under 100 passages give a warning.

        Raises `TypeError` when `X` is a bare string or a table, or has an element that is no text,
        `ValueError` when lengths differ, a label is unknown, or there are too few passages.
        """
        self._check_parameters()
        labelled = labelled_passages(X, y, groups)
        count = len(labelled.passages)
        weights = _check_weights(sample_weight, count)
        if not labelled.y_true[weights > 0].any():
            raise ValueError("no passage has a label: nothing to learn; label some")
        if count < _FEW:
            stays = (
                "it stays close to the shipped model"
                if self.model == "default"
                else "it knows nothing else"
            )
            warnings.warn(
                f"{count} passages are few to train on: {stays}; label at least {_FEW}",
                stacklevel=2,
            )
        self.seed_ = _seed(self.random_state)
        used: Ints = np.flatnonzero(weights)
        passages = [labelled.passages[i] for i in used]
        self.examples_ = Examples.of(
            [passage.text for passage in passages],
            labelled.y_true[used],
            labelled.groups[used],
            headings=[passage.section for passage in passages],
            weights=weights[used],
            known=labelled.known[used],
        )
        if self.model == "default":
            self._fit_default(self.examples_)
        else:
            jobs = 1 if self.n_jobs is None else self.n_jobs
            self.fitted_ = fit_linear(self.examples_, folds=self.folds, seed=self.seed_, jobs=jobs)
            self.classifier_ = Classifier(self.fitted_.model)
            self.metrics_ = self.fitted_.metrics
        self.classes_ = np.array(LABELS)
        self.n_passages_ = len(self.examples_)
        return self

    def _check_parameters(self) -> None:
        """Raise `ValueError` for the first parameter that has no meaning."""
        if self.model not in _MODELS:
            raise ValueError(f"unknown model {self.model!r}: use {', '.join(_MODELS)}")
        if self.policy not in POLICIES:
            raise ValueError(f"unknown policy {self.policy!r}: use {', '.join(POLICIES)}")
        if self.folds < 2:
            raise ValueError(f"folds is {self.folds}: use 2 or more")
        if self.penalty is not None and not 0 < self.penalty < float("inf"):
            raise ValueError(
                f"penalty is {self.penalty}: use a number above 0, or None to choose one"
            )

    def _fit_default(self, examples: Examples) -> None:
        heads = adapt(
            load_encoder(), examples, penalty=self.penalty, folds=self.folds, seed=self.seed_
        )
        self.heads_ = heads
        self.classifier_ = Classifier(EncoderScorer(heads.model))
        self.penalty_ = heads.penalty
        self.fixed_ = heads.fixed
        thresholds = self.classifier_.thresholds("balanced")
        y_pred = apply_thresholds(heads.scores, thresholds)
        self.metrics_ = measure(examples.y_true, heads.scores, y_pred, thresholds)

    def predict_proba(self, X: Iterable[str | Passage]) -> Floats:
        """Return calibrated probabilities, float array (n, labels)."""
        check_is_fitted(self)
        return self.classifier_.predict_proba(texts_as_passages(X))

    def predict(self, X: Iterable[str | Passage]) -> Ints:
        """Return predicted labels as an indicator matrix, int array (n, labels)."""
        check_is_fitted(self)
        return self.classifier_.predict(texts_as_passages(X), self.policy).astype(np.int64)

    def decision_function(self, X: Iterable[str | Passage]) -> Floats:
        """Return calibrated log-odds above the policy's thresholds, float array (n, labels).

        They are 0 or more where `predict` gives 1.
        """
        check_is_fitted(self)
        thresholds = self.classifier_.thresholds(self.policy)
        logits = self.classifier_.logits(texts_as_passages(X))
        return np.asarray(logits - np.log(thresholds) + np.log1p(-thresholds))

    def score(
        self,
        X: Iterable[str | Passage],
        y: object,
        sample_weight: npt.ArrayLike | None = None,
    ) -> float:
        """Return the macro-F1 of `predict` over the labels."""
        y_true = as_indicator(y).astype(int)
        return float(
            f1_score(
                y_true,
                self.predict(X),
                average="macro",
                sample_weight=sample_weight,
                zero_division=0,
            )
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model folder that ``train.py`` writes, replacing the one at `path`."""
        check_is_fitted(self)
        rows = _rows(self.examples_)
        if isinstance(self.classifier_.scorer, EncoderScorer):
            save_adapted(path, self.heads_, rows, seed=self.seed_, folds=self.folds)
            return
        calibrated = self.fitted_.calibrated
        save(
            path,
            self.fitted_.model,
            rows,
            calibrated.scores,
            name="the linear model, of your rows",
            corpus=count_corpus(rows, own=len(rows)),
            held_out=OUT_OF_FOLD,
            start="It started from nothing.",
            calibration="fitted on these rows, out of fold",
            meta={"settings": {"seed": self.seed_, "folds": self.folds}},
            learned=self.examples_.texts,
            calibrated=calibrated,
            seed=self.seed_,
        )

    def __sklearn_tags__(self) -> Tags:
        tags: Tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.classifier_tags.multi_label = True
        return tags


def _check_weights(sample_weight: npt.ArrayLike | None, count: int) -> Floats:
    """Check the sample weights of `count` passages, float (count,); all 1 if omitted."""
    if sample_weight is None:
        return np.ones(count)
    weights = np.asarray(sample_weight, np.float64)
    if (
        weights.shape != (count,)
        or not np.isfinite(weights).all()
        or (weights < 0).any()
        or not weights.any()
    ):
        raise ValueError(
            "sample_weight: give a number of 0 or more for each passage, and more than 0 for one"
        )
    return weights


def _rows(examples: Examples) -> list[Row]:
    """Return examples as rows of a corpus, numbered."""
    return [
        {
            "id": f"row-{number + 1}",
            "text": text,
            "section": examples.headings[number],
            "labels": tuple(
                label for label, has in zip(LABELS, examples.y_true[number], strict=True) if has
            ),
            "doc": f"group-{examples.groups[number]}",
        }
        for number, text in enumerate(examples.texts)
    ]


def _seed(random_state: RandomState) -> int:
    """Return a seed for a `random_state` of scikit-learn; an int is its own."""
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
