"""Classify a text, or explain a sentence, in one call; `Classifier` has all the rest."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import overload

from tipclassify.labels import Policy
from tipclassify.model.classifier import Classifier
from tipclassify.model.explanation import Explanation
from tipclassify.records import Passage
from tipclassify.text.columns import column_values, refuse_table_for_text_column
from tipclassify.text.split import split_passages, text_document

__all__ = ["classify", "explain"]


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
    refuse_table_for_text_column(text, "text")
    if isinstance(text, bytes | bytearray) or not isinstance(text, Iterable):
        raise TypeError(f"classify takes a str or several, not {type(text).__name__}")
    passages_of_texts = []
    for number, element in enumerate(column_values(text, "text")):
        if isinstance(element, Passage):
            raise TypeError(
                f"text {number} is a Passage, which is split already: call Classifier.tag_passages"
            )
        if not isinstance(element, str):
            kind = type(element).__name__
            raise TypeError(f"text {number} is not a str but {kind}: {element!r:.40}")
        passages_of_texts.append(split_passages(text_document(element)))
    # Scored together, which is faster than text by text.
    every = [passage for passages in passages_of_texts for passage in passages]
    tagged = iter(classifier.tag_passages(every, policy))
    return [[next(tagged) for _ in passages] for passages in passages_of_texts]


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
        One for each of ``LABELS``.

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
