"""Tag the passages of human-trafficking reports: positive effort, failure, complicity.

>>> from tipclassify import classify
>>> [p.labels for p in classify("Police arrested nine traffickers. Courts convicted none of them.")]
[('positive_effort',), ('failure',)]

Each name is imported on first use, so that ``import tipclassify`` is nearly free.
"""

from __future__ import annotations

from importlib import import_module

from tipclassify._version import __version__

# type checkers read it as true; importing `typing` would take four times as long as all the rest
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from tipclassify.corpus.rows import load_corpus
    from tipclassify.dask import score_on_cluster
    from tipclassify.errors import (
        CorpusError,
        InputError,
        ModelError,
        OutputError,
        TipclassifyError,
    )
    from tipclassify.evaluation.metrics import Evaluation, evaluate
    from tipclassify.labels import LABELS, POLICIES, Policy
    from tipclassify.model.classifier import Classifier, classify, explain
    from tipclassify.model.scoring import Explanation
    from tipclassify.readers import ReadOptions, read_report
    from tipclassify.records import Block, Document, Failure, Passage, Report, Run, Unit, key, row
    from tipclassify.reports.cite import cite
    from tipclassify.reports.compare.comparison import compare
    from tipclassify.reports.counts import Summary, summarize
    from tipclassify.tagging import tag, tag_report
    from tipclassify.tagging.batches import tag_batch
    from tipclassify.training.estimator import TipClassifier
    from tipclassify.write import write_reports

_NAMES_OF: Final = {
    "corpus.rows": ("load_corpus",),
    "dask": ("score_on_cluster",),
    "errors": ("CorpusError", "InputError", "ModelError", "OutputError", "TipclassifyError"),
    "evaluation.metrics": ("Evaluation", "evaluate"),
    "labels": ("LABELS", "POLICIES", "Policy"),
    "model.classifier": ("Classifier", "classify", "explain"),
    "model.scoring": ("Explanation",),
    "readers": ("ReadOptions", "read_report"),
    "records": ("Block", "Document", "Failure", "Passage", "Report", "Run", "Unit", "key", "row"),
    "reports.cite": ("cite",),
    "reports.compare.comparison": ("compare",),
    "reports.counts": ("Summary", "summarize"),
    "tagging": ("tag", "tag_report"),
    "tagging.batches": ("tag_batch",),
    "training.estimator": ("TipClassifier",),
    "write": ("write_reports",),
}

__all__ = [
    "LABELS",
    "POLICIES",
    "Block",
    "Classifier",
    "CorpusError",
    "Document",
    "Evaluation",
    "Explanation",
    "Failure",
    "InputError",
    "ModelError",
    "OutputError",
    "Passage",
    "Policy",
    "ReadOptions",
    "Report",
    "Run",
    "Summary",
    "TipClassifier",
    "TipclassifyError",
    "Unit",
    "__version__",
    "cite",
    "classify",
    "compare",
    "evaluate",
    "explain",
    "key",
    "load_corpus",
    "read_report",
    "row",
    "score_on_cluster",
    "summarize",
    "tag",
    "tag_batch",
    "tag_report",
    "write_reports",
]


def __getattr__(name: str) -> object:
    for module, names in _NAMES_OF.items():
        if name in names:
            try:
                value = getattr(import_module(f"tipclassify.{module}"), name)
            except ModuleNotFoundError as error:  # after ``pip install --no-deps``
                from tipclassify.errors import package_of

                package = package_of(error)
                message = f"{name} needs {package}: pip install {package}"
                raise ModuleNotFoundError(message, name=error.name) from None
            globals()[name] = value  # this function is not asked for it again
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
