"""Tag the passages of human-trafficking reports: positive effort, failure, complicity.

>>> from tipclassify import classify
>>> [p.labels for p in classify("Police arrested nine traffickers. Courts convicted none of them.")]
[('positive_effort',), ('failure',)]

Names are loaded when they are first used, so that ``import tipclassify`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module

from tipclassify._version import __version__

TYPE_CHECKING = False  # type checkers take it for true; importing `typing` would cost four times all the rest
if TYPE_CHECKING:
    from typing import Any, Final

    from tipclassify.errors import CorpusError, InputError, ModelError, TipclassifyError
    from tipclassify.labels import LABELS
    from tipclassify.model.classifier import Classifier, Explanation, SpanWeight, classify
    from tipclassify.pipeline.dataset_map import tag_batch
    from tipclassify.text.document import Block, Document, Passage
    from tipclassify.training.estimator import TipClassifier

_HOME: Final = {
    "classify": "model.classifier",
    "Classifier": "model.classifier",
    "Explanation": "model.classifier",
    "SpanWeight": "model.classifier",
    "Block": "text.document",
    "Document": "text.document",
    "Passage": "text.document",
    "CorpusError": "errors",
    "InputError": "errors",
    "ModelError": "errors",
    "TipclassifyError": "errors",
    "TipClassifier": "training.estimator",
    "LABELS": "labels",
    "tag_batch": "pipeline.dataset_map",
}

__all__ = [
    "LABELS",
    "Block",
    "Classifier",
    "CorpusError",
    "Document",
    "Explanation",
    "InputError",
    "ModelError",
    "Passage",
    "SpanWeight",
    "TipClassifier",
    "TipclassifyError",
    "__version__",
    "classify",
    "tag_batch",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"tipclassify.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
