"""Tag the passages of human-trafficking reports: positive effort, failure, complicity.

>>> from tipclassify import classify
>>> [p.labels for p in classify("Police arrested nine traffickers. Courts convicted none of them.")]
[('positive_effort',), ('failure',)]

Each name is imported on first use, so that ``import tipclassify`` is nearly free.
"""

from __future__ import annotations

from importlib import import_module

from tipclassify._version import __version__

TYPE_CHECKING = False  # type checkers read it as true; importing `typing` would take four times as long as all the rest
if TYPE_CHECKING:
    from typing import Any, Final

    from tipclassify.errors import CorpusError, InputError, ModelError, TipclassifyError
    from tipclassify.labels import LABELS
    from tipclassify.model.classifier import Classifier, Explanation, SpanWeight, classify
    from tipclassify.pipeline.dataset_map import tag_batch
    from tipclassify.text.document import Block, Document, Passage
    from tipclassify.training.estimator import TipClassifier

_NAMES_OF: Final = {
    "errors": ("CorpusError", "InputError", "ModelError", "TipclassifyError"),
    "labels": ("LABELS",),
    "model.classifier": ("Classifier", "Explanation", "SpanWeight", "classify"),
    "pipeline.dataset_map": ("tag_batch",),
    "text.document": ("Block", "Document", "Passage"),
    "training.estimator": ("TipClassifier",),
}

__all__ = ["LABELS", "Block", "Classifier", "CorpusError", "Document", "Explanation", "InputError", "ModelError"]
__all__ += ["Passage", "SpanWeight", "TipClassifier", "TipclassifyError", "__version__", "classify", "tag_batch"]


def __getattr__(name: str) -> Any:
    for module, names in _NAMES_OF.items():
        if name in names:
            value = globals()[name] = getattr(import_module(f"tipclassify.{module}"), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
