"""Tagging of column batches: a dict of columns in, label columns out, for ``datasets.Dataset.map`` and the like.

>>> from tipclassify import tag_batch
>>> tag_batch({"text": ["The government did not convict any traffickers."]})["labels"]
[['failure']]
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tipclassify._version import __version__
from tipclassify.labels import LABELS
from tipclassify.model.classifier import Classifier
from tipclassify.pipeline.batch import Tagging
from tipclassify.text.document import Passage

__all__ = ["tag_batch"]


class _TagBatch:
    """Tag a batch of passages, given as columns of equal length; each text is one passage, without splitting.

    ``load_dataset(…).map(tag_batch, batched=True, num_proc=4, fn_kwargs={"policy": "cite"})``

    Parameters
    ----------
    text : str
        Column that holds the text.
    model : path, optional
        Name or folder of a trained model; the default model if omitted. It is loaded once a process.
    policy : str
        Operating point: ``"screen"``, ``"balanced"`` or ``"cite"``.

    Returns
    -------
    dict of str to list
        ``labels`` (list of str), a column for each label with its probability (0 to 1), ``low_confidence`` (bool). All
        are None where the text is None. They replace columns of the same names.

    Raises
    ------
    KeyError, TypeError
        When the text column is missing, or a text is not a `str`.
    ModelError
        When the model cannot be used.

    Notes
    -----
    `datasets` caches results by a hash of the function and its arguments. The hash of `tag_batch` includes the version
    and the default model, so that an upgrade invalidates the cache. Of `model` it covers the path alone: pass
    ``load_from_cache_file=False`` after you retrain that model.
    """

    __name__ = __qualname__ = "tag_batch"

    def __call__(
        self,
        batch: Mapping[str, Sequence[Any]],
        *,
        text: str = "text",
        model: str | os.PathLike[str] | None = None,
        policy: str = "balanced",
    ) -> dict[str, list[Any]]:
        if text not in batch:
            raise KeyError(f'no column "{text}": say which holds the text, of {", ".join(batch)}')
        texts = list(batch[text])
        for number, one in enumerate(texts):
            if one is not None and not isinstance(one, str):
                raise TypeError(f"row {number} of the batch: {text} is not a str but {type(one).__name__}: {one!r:.40}")
        passages = [Passage(one, 0, len(one)) for one in texts if one is not None]
        classifier = Tagging(None if model is None else os.fspath(model)).classifier()
        tagged = iter(classifier.tag_passages(passages, policy))
        rows = [None if one is None else next(tagged) for one in texts]
        return {
            "labels": [None if row is None else list(row.labels) for row in rows],
            **{label: [None if row is None else row.scores[label] for row in rows] for label in LABELS},
            "low_confidence": [None if row is None else row.low_confidence for row in rows],
        }

    def __reduce__(self) -> tuple[Callable[..., _TagBatch], tuple[str, str]]:
        """Pickle by name, with the version and the model's hash, so that caches of results are keyed by both."""
        return _unpickled, (__version__, str(Classifier.load().meta["sha256"]))


def _unpickled(version: str, model: str) -> _TagBatch:  # noqa: ARG001
    return tag_batch


tag_batch: Final = _TagBatch()
