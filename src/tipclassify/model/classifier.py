"""The classifier: load a model, score passages, tag them, say why.

It knows nothing of training, nor of what kind a model is (`scorer`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, overload

import numpy as np
import numpy.typing as npt

from tipclassify.errors import ModelError
from tipclassify.labels import LABELS, POLICIES
from tipclassify.model.explanation import Explanation, SpanWeight
from tipclassify.model.linear.model import Model
from tipclassify.model.linear.scoring import apply_thresholds, is_doubtful, logistic
from tipclassify.model.loading import load_scorer
from tipclassify.model.scorer import Linear, Scorer
from tipclassify.text.document import Document, Passage
from tipclassify.text.furniture import is_furniture
from tipclassify.text.segmentation.passages import Unit, split_passages, text_document

__all__ = ["Classifier", "Explanation", "SpanWeight", "classify"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Classifier:
    """A trained model at work.

    >>> classifier = Classifier.load()
    >>> classifier.predict_proba(["Police arrested three traffickers."]).shape
    (1, 3)
    """

    def __init__(self, model: Model | Scorer, thresholds: Mapping[str, tuple[float, ...]] | None = None) -> None:
        self.scorer: Scorer = Linear(model) if isinstance(model, Model) else model
        self._thresholds = self.scorer.thresholds if thresholds is None else thresholds

    @classmethod
    def load(cls, model: str | os.PathLike[str] | None = None) -> Classifier:
        """The model in a folder, or of a name: ``"default"``, ``"fast"``, one that ``tipclassify models list`` shows.

        Without, it is ``"default"``.

        Raises
        ------
        ModelError
            When the model is missing, damaged, of a newer format or for other labels.
        """
        return cls(load_scorer(model))

    @property
    def model(self) -> Model:
        """The table of weights of a linear model.

        Raises
        ------
        ModelError
            When the model is of another kind.
        """
        if not isinstance(self.scorer, Linear):
            raise ModelError(
                f"{self.scorer.about()['kind'].partition(',')[0]}: only a linear model has a table of weights"
            )
        return self.scorer.model

    @property
    def meta(self) -> Mapping[str, Any]:
        """What the model says of itself: hash, corpus, metrics, operating points."""
        return self.scorer.meta

    @property
    def vocabulary(self) -> frozenset[str]:
        """Words that the model knows in lower case, by which names are told from words."""
        return self.scorer.vocabulary

    def thresholds(self, policy: str = "balanced") -> Floats:
        """Probability from which each label is given under `policy`, in the order of ``LABELS``."""
        if policy not in self._thresholds:
            raise ValueError(f"unknown policy {policy!r}: use {', '.join(POLICIES)}")
        return np.array(self._thresholds[policy], np.float64)

    def with_thresholds(self, thresholds: Mapping[str, float]) -> Classifier:
        """The same model with other thresholds, for every policy, of the labels given.

        Raises
        ------
        ValueError
            When a label is unknown or a threshold is not between 0 and 1.
        """
        for label, value in thresholds.items():
            if label not in LABELS:
                raise ValueError(f"unknown label {label!r}: use {', '.join(LABELS)}")
            if not 0 < value < 1:
                raise ValueError(f"threshold of {label} is {value}: give a probability between 0 and 1")
        moved = {
            policy: tuple(thresholds.get(label, old) for label, old in zip(LABELS, row, strict=True))
            for policy, row in self._thresholds.items()
        }
        return Classifier(self.scorer, moved)

    def logits(self, passages: Sequence[str | Passage]) -> Floats:
        """Calibrated log-odds, float array (n, 3)."""
        return self.scorer.score_texts(*_read(passages)).logits

    def predict_proba(self, passages: Sequence[str | Passage]) -> Floats:
        """Calibrated probability of each label, float array (n, 3) in the order of ``LABELS``.

        `passages` are scored as they are, without splitting. The section of a `Passage` is evidence: "The law was not enforced."
        fails on trafficking under "Forced Labor" and not under "Working Conditions". A bare string has no heading, and is read
        as a sentence of a trafficking report unless its own words say otherwise.
        """
        return logistic(self.logits(passages))

    def predict(self, passages: Sequence[str | Passage], policy: str = "balanced") -> Bools:
        """Labels of each passage, bool array (n, 3): those whose probability is at least ``thresholds(policy)``."""
        return np.asarray(apply_thresholds(self.predict_proba(passages), self.thresholds(policy)))

    def explain(self, passage: str | Passage) -> dict[str, Explanation]:
        """For each label, what every stretch of the passage adds to the log-odds, or how far they fall without it.

        `Explanation.method` says which: reasons of ``fast`` add up, those of ``default`` do not.
        """
        return self.explain_all([passage])[0]

    def explain_all(self, passages: Sequence[str | Passage]) -> list[dict[str, Explanation]]:
        """The same for several passages, several times as fast as one by one."""
        return self.scorer.explain_texts(*_read(passages))

    def doubtful(self, passages: Sequence[str | Passage]) -> Bools:
        """Passages the model has too little to go by, bool array (n,).

        The rule: fewer than three words besides figures and names, or over a third of those words unknown to the
        training corpus, as in text that is not English.
        """
        return is_doubtful(self.scorer.score_texts(*_read(passages)))

    def tag(self, document: Document, policy: str = "balanced", unit: Unit = "sentence") -> list[Passage]:
        """Passages of a document with their scores and labels; `unit` is how far it is split."""
        return self.tag_passages(split_passages(document, unit), policy)

    def tag_passages(self, passages: Sequence[Passage], policy: str = "balanced") -> list[Passage]:
        """The same passages with scores and labels.

        What is no prose of the report (`tipclassify.text.furniture`: references, notes, contents, dates, addresses) has no label.
        """
        thresholds = self.thresholds(policy)
        if not passages:
            return []
        found = self.scorer.score_texts(*_read(passages))
        scores = logistic(found.logits)
        given = (apply_thresholds(scores, thresholds) @ _BITS).tolist()
        return [
            replace(
                passage,
                labels=_labels_of(passage, bits),
                scores=dict(zip(LABELS, row, strict=True)),
                low_confidence=doubtful,
            )
            for passage, bits, row, doubtful in zip(
                passages, given, scores.tolist(), is_doubtful(found).tolist(), strict=True
            )
        ]


@overload
def classify(  # type: ignore[overload-overlap]  # a str is an iterable of str; the first form wins
    text: str, *, model: str | os.PathLike[str] | Classifier | None = None, policy: str = "balanced"
) -> list[Passage]: ...
@overload
def classify(
    text: Iterable[str], *, model: str | os.PathLike[str] | Classifier | None = None, policy: str = "balanced"
) -> list[list[Passage]]: ...
def classify(
    text: str | Iterable[str],
    *,
    model: str | os.PathLike[str] | Classifier | None = None,
    policy: str = "balanced",
) -> list[Passage] | list[list[Passage]]:
    """Split a text into passages and tag each.

    Parameters
    ----------
    text : str, or a list, pandas Series or datasets column of str
        One text, or several: then one list of passages for each.
    model : name, path or Classifier, optional
        ``"default"``, ``"fast"``, or the folder of a trained model; ``"default"`` without.
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
    if isinstance(text, bytes | bytearray | Mapping) or not isinstance(text, Iterable):
        raise TypeError(f"classify takes a str or several, not {type(text).__name__}")
    split = []
    for number, one in enumerate(text):
        if not isinstance(one, str):
            raise TypeError(f"text {number} is not a str but {type(one).__name__}: {one!r:.40}")
        split.append(split_passages(text_document(one)))
    tagged = iter(classifier.tag_passages([passage for passages in split for passage in passages], policy))
    return [[next(tagged) for _ in passages] for passages in split]


_BITS: Final = 1 << np.arange(len(LABELS))
_LABELS_OF: Final = tuple(
    tuple(label for bit, label in zip(_BITS, LABELS, strict=True) if bits & bit) for bits in range(1 << len(LABELS))
)


def _labels_of(passage: Passage, bits: int) -> tuple[str, ...]:
    return () if bits and is_furniture(passage.text, passage.section) else _LABELS_OF[bits]


def _read(passages: Sequence[str | Passage]) -> tuple[list[str], list[str | None]]:
    """Texts, and the heading of the section of each; a bare text has none."""
    if isinstance(passages, str):
        raise TypeError("give a list of passages, or call classify() to split a text")
    texts: list[str] = []
    headings: list[str | None] = []
    for number, passage in enumerate(passages):
        if isinstance(passage, Passage):
            texts.append(passage.text)
            headings.append(passage.section)
        elif isinstance(passage, str):
            texts.append(passage)
            headings.append(None)
        else:
            raise TypeError(f"passage {number} is not a str or Passage but {type(passage).__name__}: {passage!r:.40}")
    return texts, headings
