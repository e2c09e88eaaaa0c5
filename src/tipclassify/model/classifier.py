"""Load a model, score and tag passages, and explain scores.

The class `Classifier`, and `classify` and `explain`, which do it for a text in one call.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import compress
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Bools, Floats, logistic
from tipclassify.errors import ModelError
from tipclassify.labels import POLICIES, Policy
from tipclassify.model.find import load_scorer
from tipclassify.model.linear import LinearModel, LinearScorer
from tipclassify.model.scoring import (
    Explanation,
    Explanations,
    Scored,
    SpanWeight,
    apply_thresholds,
    count_words,
    low_confidence,
)
from tipclassify.records import Document, Passage, Passages, Run, Unit
from tipclassify.text.as_read import as_read
from tipclassify.text.columns import (
    column_values,
    refuse_table,
    texts_or_passages,
)
from tipclassify.text.prose import is_non_prose
from tipclassify.text.split import split_passages, text_document

if TYPE_CHECKING:
    from tipclassify.model.find import Scorer


class Classifier:
    """Classifier of passages, with a trained model.

    >>> classifier = Classifier.load()
    >>> classifier.predict_proba(["Police arrested three traffickers."]).shape
    (1, 3)
    """

    def __init__(
        self,
        model: LinearModel | Scorer,
        thresholds: Mapping[str, tuple[float, ...]] | None = None,
    ) -> None:
        self.scorer: Scorer = LinearScorer(model) if isinstance(model, LinearModel) else model
        self._thresholds = self.scorer.thresholds if thresholds is None else thresholds

    def __repr__(self) -> str:
        kind = "linear" if isinstance(self.scorer, LinearScorer) else "encoder"
        model_hash = str(self.meta.get("sha256", "not saved"))[:12]
        return f"Classifier({kind}, model {model_hash})"

    @classmethod
    def load(cls, model: str | os.PathLike[str] | None = None) -> Classifier:
        """Load a model from a folder, or ``"default"`` or ``"fast"``; the default for None.

        Raises
        ------
        ModelError
            When the model is missing, damaged or of a newer format.

        Examples
        --------
        >>> Classifier.load("fast").thresholds("cite").shape
        (3,)
        """
        return cls(load_scorer(model))

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the model, in column order of all scores and thresholds.

        >>> Classifier.load("fast").labels
        ('positive_effort', 'failure', 'complicity')
        """
        return self.scorer.labels

    @property
    def model(self) -> LinearModel:
        """Weight table of a linear model; `ModelError` for a model of another kind."""
        if not isinstance(self.scorer, LinearScorer):
            raise ModelError("only a linear model has a table of weights")
        return self.scorer.model

    @property
    def meta(self) -> Mapping[str, Any]:  # JSON values of many types
        """Metadata of the model: hash, corpus, metrics, operating points."""
        return self.scorer.meta

    @property
    def vocabulary(self) -> frozenset[str]:
        """Known lower-case words, which distinguish names from words."""
        return self.scorer.vocabulary

    def thresholds(self, policy: Policy = "balanced") -> Floats:
        """Return the threshold of each label under `policy`, float64 (labels,)."""
        if policy not in self._thresholds:
            raise ValueError(f"unknown policy {policy!r}: use {', '.join(POLICIES)}")
        return np.array(self._thresholds[policy], np.float64)

    def run(self, policy: Policy = "balanced", unit: Unit = "sentence", day: str = "") -> Run:
        """Say what tags under `policy`: the record that reports carry and outputs write.

        `unit` and `day` are those of `tag_report`. Raises `ValueError` for an unknown policy.
        """
        thresholds = dict(zip(self.labels, self.thresholds(policy).tolist(), strict=True))
        own = dict(zip(self.labels, self.scorer.thresholds[policy], strict=True))
        return Run(
            policy=policy,
            thresholds=thresholds,
            moved={label: value for label, value in thresholds.items() if value != own[label]},
            unit=unit,
            day=day,
            meta=self.meta,
            vocabulary=self.vocabulary,
            methods=tuple(self.scorer.methods),
            explain=self.explain_all,
        )

    def with_thresholds(self, thresholds: Mapping[str, float]) -> Classifier:
        """Return a copy with other thresholds for the given labels, under every policy.

        Raises
        ------
        ValueError
            When a label is unknown or a threshold is not between 0 and 1.
        """
        for label, value in thresholds.items():
            if label not in self.labels:
                raise ValueError(f"unknown label {label!r}: use {', '.join(self.labels)}")
            if not 0 < value < 1:
                raise ValueError(
                    f"threshold of {label} is {value}: give a probability between 0 and 1"
                )
        changed: dict[str, tuple[float, ...]] = {}
        for policy, row in self._thresholds.items():
            changed[policy] = tuple(
                thresholds.get(label, value) for label, value in zip(self.labels, row, strict=True)
            )
        return Classifier(self.scorer, changed)

    def logits(self, passages: Iterable[str | Passage]) -> Floats:
        """Compute calibrated log-odds (logits), float64 (n, labels).

        Takes what `predict_proba` takes, with the same errors.
        """
        return self._score(_checked(passages)).logits

    def predict_proba(self, passages: Iterable[str | Passage]) -> Floats:
        """Compute calibrated probabilities, float64 (n, labels).

        `passages` is a list or generator of `str` or `Passage`, or a column of pandas, polars,
        Arrow or datasets.
        Raises `TypeError` for a bare string, a table, a dict, or an element that is no text.

        Passages are not split. The section of a `Passage` is evidence: "The law was not enforced."
        is a failure under "Forced Labor", but not under "Working Conditions". A plain string has no
        section, and is treated as a sentence of a trafficking report unless its words indicate
        otherwise.
        """
        return logistic(self.logits(passages))

    def predict(self, passages: Iterable[str | Passage], policy: Policy = "balanced") -> Bools:
        """Predict labels, bool (n, labels): those of at least the probability ``thresholds(policy)``."""
        return np.asarray(apply_thresholds(self.predict_proba(passages), self.thresholds(policy)))

    def embed(self, passages: Iterable[str | Passage]) -> npt.NDArray[np.float32]:
        """Compute the pooled vector of each passage, float32 (n, width).

        It is the input of the logistic regressions. The section of a `Passage` is read before it.
        Of a passage longer than the window, the vector is that of its first window. Takes what
        `predict_proba` takes. Raises `ModelError` for ``fast``, which has no vectors.

        >>> Classifier.load().embed(["Police arrested three traffickers."]).shape
        (1, 384)
        """
        if isinstance(self.scorer, LinearScorer):
            raise ModelError("a linear model has no vectors: use the default, or another encoder")
        texts, headings = _scorer_inputs(_checked(passages))
        return self.scorer.pooled(texts, headings)

    def explain(self, passage: str | Passage) -> dict[str, Explanation]:
        """Explain the score of each label by what the passage's spans contribute to the log-odds.

        Contributions are additive for ``fast``; for ``default`` they are occlusion scores, which do
        not add up (`Explanation.method`).
        """
        return self.explain_all([passage])[0]

    def explain_all(
        self, passages: Iterable[str | Passage], max_phrases: int | None = None
    ) -> list[dict[str, Explanation]]:
        """Explain several passages, much faster than one by one; see `explain`.

        With `max_phrases`, ``default`` measures only so many phrases of three words for each label
        that a passage has, or for its most probable one: those whose tokens contribute most. With
        five, that takes about a fourth of the time, and the bias, which takes masking every word,
        is NaN. ``fast`` needs no limit.
        """
        checked = _checked(passages)
        texts, headings = _scorer_inputs(checked)
        labels = [() if isinstance(passage, str) else passage.labels for passage in checked]
        explained = self.scorer.explain_texts(texts, headings, labels, max_phrases)
        return [
            _of_source(explanation, passage)
            for explanation, passage in zip(explained, checked, strict=True)
        ]

    def low_confidence(self, passages: Iterable[str | Passage]) -> Bools:
        """Flag passages without enough known words for a reliable score, bool (n,).

        A passage is flagged if it has fewer than three words, figures and names excluded, or if
        over a third of them are unknown to the training corpus, as in text that is not English.
        """
        texts, _ = _scorer_inputs(_checked(passages))
        return low_confidence(*count_words(texts, self.vocabulary))

    def tag(
        self,
        passages: Document | Iterable[Passage],
        policy: Policy = "balanced",
        unit: Unit = "sentence",
    ) -> list[Passage]:
        """Score and label passages; returns copies.

        Of a document, which `read_report` and `Document.from_text` give, the passages are its
        sentences or clauses (`unit`). What is no prose (`tipclassify.text.prose`: references,
        contents, dates, addresses) gets no label. Raises `TypeError` for elements that are no
        `Passage`: `predict` takes plain strings. Raises `ValueError` for an unknown policy or unit.
        """
        if isinstance(passages, Document):
            passages = split_passages(passages, unit)
        thresholds = self.thresholds(policy)
        checked = []
        for number, passage in enumerate(column_values(passages, "passages")):
            if not isinstance(passage, Passage):
                raise TypeError(
                    f"passage {number} is not a Passage but {type(passage).__name__}; "
                    "make it a Passage, or call classify() or predict()"
                )
            checked.append(passage)
        scored = self._score(checked)
        scores = logistic(scored.logits)
        score_rows = scores.tolist()
        reached = apply_thresholds(scores, thresholds).tolist()
        unreliable = low_confidence(scored.words, scored.unknown).tolist()
        tagged = Passages()
        for row, passage in enumerate(checked):
            tagged.append(
                replace(
                    passage,
                    labels=labels_above(self.labels, passage, reached[row]),
                    scores=dict(zip(self.labels, score_rows[row], strict=True)),
                    low_confidence=unreliable[row],
                )
            )
        return tagged

    def _score(self, passages: Sequence[str | Passage]) -> Scored:
        texts, headings = _scorer_inputs(passages)
        return self.scorer.score_texts(texts, headings)


def labels_above(
    labels: Sequence[str], passage: Passage, reached: Sequence[bool]
) -> tuple[str, ...]:
    """Return the labels whose thresholds a passage `reached`; what is no prose has none."""
    if not any(reached) or is_non_prose(passage.text, passage.section):
        return ()
    return tuple(compress(labels, reached))


def _checked(passages: Iterable[str | Passage]) -> Sequence[str | Passage]:
    """Return the elements of a list, generator or column; raise `TypeError` for anything else."""
    if isinstance(passages, str):
        raise TypeError("give a list of passages, or call classify() to split a text")
    return texts_or_passages(passages, "passages")


def _scorer_inputs(passages: Sequence[str | Passage]) -> tuple[list[str], list[str | None]]:
    """Return texts as models read them, and section headings; a plain string has no heading."""
    texts: list[str] = []
    headings: list[str | None] = []
    for passage in passages:
        if isinstance(passage, str):
            texts.append(as_read(passage).text)
            headings.append(None)
        else:
            texts.append(as_read(passage.text, passage.acronyms).text)
            headings.append(passage.section)
    return texts, headings


def _of_source(
    explanations: dict[str, Explanation], passage: str | Passage
) -> dict[str, Explanation]:
    """Return explanations of a passage as it was read with their spans in its own text."""
    if isinstance(passage, str):
        passage = Passage(passage, 0, len(passage))
    read = as_read(passage.text, passage.acronyms)
    if not read.source_spans:
        return explanations
    mapped = Explanations()
    for label, explanation in explanations.items():
        spans = []
        for span in explanation.spans:
            start, end = read.source_span((span.start, span.end))
            spans.append(SpanWeight(start, end, passage.text, span.weight))
        mapped[label] = replace(explanation, spans=tuple(spans))
    return mapped


# -------------------------------------------------------------------------------------- in one call


@overload
def classify(  # type: ignore[overload-overlap]  # a str is an iterable of str; the first form wins
    text: str,
    *,
    model: str | os.PathLike[str] | Classifier | None = None,
    policy: Policy = "balanced",
) -> list[Passage]: ...
@overload
def classify(
    text: Iterable[str],
    *,
    model: str | os.PathLike[str] | Classifier | None = None,
    policy: Policy = "balanced",
) -> list[list[Passage]]: ...
def classify(
    text: str | Iterable[str],
    *,
    model: str | os.PathLike[str] | Classifier | None = None,
    policy: Policy = "balanced",
) -> list[Passage] | list[list[Passage]]:
    """Split a text into passages, and score and label each.

    Parameters
    ----------
    text : str, or a list, pandas Series or datasets column of str
        One text, or several; several give one list of passages each.
    model : name, path or Classifier, optional
        ``"default"``, ``"fast"``, or the folder of a trained model; by default ``"default"``.
    policy : str
        Operating point: ``"screen"``, ``"balanced"`` or ``"cite"``.

    Returns
    -------
    list of Passage, or one such list per text
        ``text[p.start:p.end] == p.text`` for each passage `p`.

    Raises
    ------
    ModelError
        When the model cannot be used.
    TypeError
        When a text is not a `str`.

    Examples
    --------
    >>> [p.labels for p in classify("The government did not convict any traffickers.")]
    [('failure',)]
    """
    classifier = model if isinstance(model, Classifier) else Classifier.load(model)
    if isinstance(text, str):
        return classifier.tag(text_document(text), policy)
    refuse_table(text, "text")
    if isinstance(text, bytes | bytearray) or not isinstance(text, Iterable):
        raise TypeError(f"classify takes a str or several, not {type(text).__name__}")
    passages_of_texts = []
    for number, element in enumerate(column_values(text, "text")):
        if isinstance(element, Passage):
            raise TypeError(
                f"text {number} is a Passage, which is split already: call Classifier.tag"
            )
        if not isinstance(element, str):
            kind = type(element).__name__
            raise TypeError(f"text {number} is not a str but {kind}: {element!r:.40}")
        passages_of_texts.append(split_passages(text_document(element)))
    # Scored together, which is faster than text by text.
    every = [passage for passages in passages_of_texts for passage in passages]
    tagged = iter(classifier.tag(every, policy))
    by_text: list[list[Passage]] = []
    for passages in passages_of_texts:
        by_text.append(Passages(next(tagged) for _ in passages))
    return by_text


def explain(
    passage: str | Passage,
    *,
    section: str | None = None,
    model: str | os.PathLike[str] | Classifier | None = None,
) -> dict[str, Explanation]:
    """Explain the score of each label of one sentence; see `Explanation`.

    Parameters
    ----------
    passage : str or Passage
        The sentence; it is not split.
    section : str, optional
        Heading above a `str`, which is evidence; a `Passage` has its own.
    model : name, path or Classifier, optional
        As of `classify`.

    Returns
    -------
    dict of str to Explanation
        One for each label of the model.

    Raises
    ------
    TypeError
        When `passage` is neither a `str` nor a `Passage`.
    ModelError
        When the model cannot be used.

    Examples
    --------
    >>> reasons = explain("Border guards took bribes from recruiters.", model="fast")["complicity"]
    >>> total = reasons.bias + reasons.heading + sum(span.weight for span in reasons.spans)
    >>> abs(total - reasons.logit) < 1e-6
    True
    """
    classifier = model if isinstance(model, Classifier) else Classifier.load(model)
    if isinstance(passage, str):
        passage = Passage(passage, 0, len(passage), section)
    return classifier.explain(passage)
