"""Tag column batches: a dict of columns in, label columns out.

For ``datasets.Dataset.map`` and the like.

>>> from tipclassify import tag_batch
>>> tag_batch({"text": ["The government did not convict any traffickers."]})["labels"]
[['failure']]
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from tipclassify._version import __version__
from tipclassify.labels import Policy
from tipclassify.model.classifier import Classifier
from tipclassify.records import Passage, passage_of
from tipclassify.tagging import Tagging
from tipclassify.text.columns import column_values, table_columns

_SECTION: Final = "section"  # column of the headings, if the batch has it


class _TagBatch:
    """Tag a batch of passages, given as columns; each text is one passage, without splitting.

    ``load_dataset(…).map(tag_batch, batched=True, num_proc=4, fn_kwargs={"policy": "cite"})``

    Parameters
    ----------
    batch : mapping of str to sequence
        Columns of equal length. Without ``batched=True``, `datasets` gives one row: a text where a
        column would be; then the result is that of one row, too.
    text : str
        Column that holds the text.
    section : str or None
        Column that holds the heading above each passage, which is evidence; None where it is
        unknown. By default ``"section"`` where the batch has that column. ``section=None`` reads no
        headings.
    prefix : str, optional
        Put before the name of each column of the result. Without it, a column of the batch that a
        result would replace, such as labels that people gave, is an error; with ``prefix=""`` it is
        replaced.
    model : path, optional
        Name or folder of a trained model; the default model if omitted. It is loaded once a
        process.
    policy : str
        Operating point: ``"screen"``, ``"balanced"`` or ``"cite"``.

    Returns
    -------
    dict of str to list
        ``labels`` (list of str), a column for each label with its probability (0 to 1),
        ``low_confidence`` (bool). All are None where the text is None.

    Raises
    ------
    KeyError, TypeError
        When a column is missing, or a text or heading is not a `str`.
    ValueError
        When the policy is unknown, or a result would replace a column.
    ModelError
        When the model cannot be used.

    Notes
    -----
    `datasets` caches results by a hash of the function and its arguments. The hash of `tag_batch`
    includes the version and the default model, so that an upgrade invalidates the cache. Of `model`
    it covers the path alone: pass ``load_from_cache_file=False`` after you retrain that model.

    Examples
    --------
    >>> law = "The government did not effectively enforce the law."
    >>> tag_batch({"text": [law, law], "section": ["Forced Labor", "Working Conditions"]})["labels"]
    [['failure'], []]
    >>> row = {"text": "Courts convicted none.", "labels": ["failure"]}
    >>> tag_batch(row, prefix="model_")["model_labels"]
    ['failure']
    """

    __name__ = "tag_batch"
    __qualname__ = "tag_batch"

    def __repr__(self) -> str:
        return "<function tipclassify.tag_batch>"

    def __call__(
        self,
        batch: Mapping[str, object],
        *,
        text: str = "text",
        section: str | None = _SECTION,
        prefix: str | None = None,
        model: str | os.PathLike[str] | None = None,
        policy: Policy = "balanced",
    ) -> dict[str, Any]:  # lists of str, float, bool or None; of one row, the values
        named = table_columns(batch) or [str(name) for name in batch]
        if text not in named:
            raise KeyError(f'no column "{text}": say which holds the text, of {", ".join(named)}')
        if section == _SECTION and section not in named:
            section = None
        if section is not None and section not in named:
            raise KeyError(
                f'no column "{section}": say which holds the headings, of {", ".join(named)}'
            )
        classifier = Tagging(None if model is None else os.fspath(model)).classifier()
        results = ("labels", *classifier.labels, "low_confidence")
        names = {name: f"{prefix or ''}{name}" for name in results}
        taken = [name for name in names.values() if name in named]
        if taken and prefix is None:
            remedy = 'say prefix="model_" to keep it, or prefix="" to replace it'
            raise ValueError(
                f'the batch has a column "{taken[0]}", which the tags would replace: {remedy}'
            )
        is_one_row = batch[text] is None or isinstance(batch[text], str)
        texts = _strings(batch, text, is_one_row)
        headings: list[str | None] = [None for _ in texts]
        if section is not None:
            headings = _strings(batch, section, is_one_row)
        acronyms: list[object] = [None for _ in texts]
        if "acronyms" in named:
            column = batch["acronyms"]
            acronyms = [column] if is_one_row else list(column_values(column, "acronyms"))
        passages = [
            passage_of({"text": value, "section": heading, "acronyms": spelled_out})
            for value, heading, spelled_out in zip(texts, headings, acronyms, strict=True)
            if value is not None
        ]
        tagged = iter(classifier.tag(passages, policy))
        columns: dict[str, list[Any]] = {name: [] for name in names.values()}
        for value in texts:
            result = dict.fromkeys(results) if value is None else _result(next(tagged))
            for name, cell in result.items():
                columns[names[name]].append(cell)
        if is_one_row:
            return {name: column[0] for name, column in columns.items()}
        return columns

    def __reduce__(self) -> tuple[Callable[..., _TagBatch], tuple[str, str]]:
        """Pickle by name, with the version and the model's hash.

        So caches of results are keyed by both.
        """
        return _unpickled, (__version__, str(Classifier.load().meta["sha256"]))


def _strings(batch: Mapping[str, object], column: str, is_one_row: bool) -> list[str | None]:
    """Return the values of a column; raise `TypeError` for one that is neither a `str` nor None."""
    values = [batch[column]] if is_one_row else column_values(batch[column], column)
    strings: list[str | None] = []
    for number, value in enumerate(values):
        if value is not None and not isinstance(value, str):
            kind = f"{type(value).__name__}: {value!r:.40}"
            raise TypeError(f"row {number} of the batch: {column} is not a str but {kind}")
        strings.append(value)
    return strings


def _result(passage: Passage) -> dict[str, object]:
    """Return the values that a tagged passage has in the columns of the result."""
    return {
        "labels": list(passage.labels),
        **passage.scores,
        "low_confidence": passage.low_confidence,
    }


def _unpickled(version: str, model: str) -> _TagBatch:  # noqa: ARG001
    return tag_batch


tag_batch: Final = _TagBatch()
