"""Show where a model errs: figures by slice, sets of labels given for others, worst errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final, Literal, TypedDict, cast

import numpy as np

from tipclassify.arrays import Bools, Floats
from tipclassify.corpus.loading import Row
from tipclassify.evaluation.metrics import measure
from tipclassify.formatting import format_columns, format_value
from tipclassify.labels import LABELS, SECTIONS
from tipclassify.model.scoring import apply_thresholds
from tipclassify.text.hashing import featurize

__all__ = [
    "ConfusedSets",
    "FieldSlice",
    "LabelError",
    "SliceLabelMetrics",
    "SliceMetrics",
    "confused_sets",
    "confusion_table",
    "errors_table",
    "slices_by_field",
    "slices_table",
    "worst_errors",
]

_WORDS: Final = ("1-10", "11-20", "21-30", "31-45", "46+")
_WORD_ENDS: Final = (10, 20, 30, 45)  # of all but the last
_CLAUSES: Final = ("0", "1", "2", "3", "4+")


class SliceLabelMetrics(TypedDict):
    """Plain values of a `metrics.LabelMetrics`."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int
    average_precision: float
    threshold: float
    calibration_error: float


class SliceMetrics(TypedDict):
    """Plain values of a `metrics.Metrics`."""

    passages: int
    macro_f1: float
    exact_match: float
    labels: tuple[SliceLabelMetrics, ...]


class FieldSlice(TypedDict):
    """Metrics of the passages that have one value of a field."""

    field: str  # "section", "words" or "clauses"
    value: str
    metrics: SliceMetrics


class ConfusedSets(TypedDict):
    """How often one set of labels was given for another, or for itself."""

    truth: tuple[str, ...]
    given: tuple[str, ...]
    passages: int
    share: float  # of the passages with the true set


class LabelError(TypedDict):
    """A label of a passage that was missed, or falsely given."""

    label: str
    error: Literal["missed", "false"]
    probability: float
    threshold: float
    id: str
    text: str


def slices_by_field(
    rows: Sequence[Row],
    vocabulary: frozenset[str],
    y_true: Bools,
    scores: Floats,
    y_pred: Bools,
    thresholds: Floats,
) -> list[FieldSlice]:
    """Compute the metrics by section, by length in words, and by number of clauses.

    `vocabulary` is the model's.
    """
    texts = [row["text"] for row in rows]
    sections = [str(row.get("section") or "(none)") for row in rows]
    words = np.array(_WORDS)[np.searchsorted(_WORD_ENDS, [len(text.split()) for text in texts])]
    counts = np.bincount(featurize(texts, vocabulary).clause_row, minlength=len(texts))
    clauses = np.array(_CLAUSES)[np.minimum(counts, len(_CLAUSES) - 1)]
    columns = {"section": np.array(sections), "words": words, "clauses": clauses}
    values = {
        "section": dict.fromkeys((*SECTIONS, *sections)),
        "words": _WORDS,
        "clauses": _CLAUSES,
    }
    slices: list[FieldSlice] = []
    for field, column in columns.items():
        for value in values[field]:
            here = column == value
            if here.any():
                metrics = measure(y_true[here], scores[here], y_pred[here], thresholds)
                plain = cast("SliceMetrics", asdict(metrics))
                slices.append(FieldSlice(field=field, value=value, metrics=plain))
    return slices


def confused_sets(y_true: Bools, y_pred: Bools) -> list[ConfusedSets]:
    """Count how often each true set of labels was given each set.

    Wrong ones come first, then right ones, the largest count first.

    >>> y_true = np.array([[True, True, False], [False, False, False]])
    >>> [cell["given"] for cell in confused_sets(y_true, y_true & [True, False, False])]
    [('positive_effort',), ()]
    """
    bits = 1 << np.arange(len(LABELS))  # a set of labels as one number
    true_sets = (y_true @ bits).tolist()
    given_sets = (y_pred @ bits).tolist()
    passages = Counter(zip(true_sets, given_sets, strict=True))
    true_passages = Counter(true_sets)
    cells: list[ConfusedSets] = []
    for true, given in sorted(
        passages, key=lambda pair: (pair[0] == pair[1], -passages[pair], pair)
    ):
        count = passages[true, given]
        cells.append(
            ConfusedSets(
                truth=_confused_label_set(true),
                given=_confused_label_set(given),
                passages=count,
                share=count / true_passages[true],
            )
        )
    return cells


def _confused_label_set(number: int) -> tuple[str, ...]:
    return tuple(label for j, label in enumerate(LABELS) if number >> j & 1)


def worst_errors(
    rows: Sequence[Row], y_true: Bools, scores: Floats, thresholds: Floats, most: int
) -> list[LabelError]:
    """Find the `most` errors furthest on the wrong side of their threshold, worst first."""
    wrong = np.argwhere(y_true != apply_thresholds(scores, thresholds))
    margin = np.abs(scores - thresholds)[tuple(wrong.T)]
    return [
        LabelError(
            label=LABELS[j],
            error="missed" if y_true[i, j] else "false",
            probability=float(scores[i, j]),
            threshold=float(thresholds[j]),
            id=str(rows[i].get("id", i)),
            text=rows[i]["text"],
        )
        for i, j in wrong[np.argsort(-margin, kind="stable")[:most]].tolist()
    ]


def slices_table(slices: Sequence[FieldSlice]) -> str:
    """Format the slices as aligned plain text, a block for each field; supports in brackets."""
    blocks: dict[str, list[tuple[str, ...]]] = {}
    for one_slice in slices:
        field = one_slice["field"]
        if field not in blocks:
            f1_columns = [f"{label} F1" for label in LABELS]
            blocks[field] = [(field, "passages", "macro-F1", "exact match", *f1_columns)]
        metrics = one_slice["metrics"]
        cells = [
            one_slice["value"],
            format_value(metrics["passages"]),
            format_value(metrics["macro_f1"]),
            format_value(metrics["exact_match"]),
        ]
        for label_metrics in metrics["labels"]:
            support = label_metrics["support"]
            f1 = label_metrics["f1"] if support else float("nan")
            cells.append(f"{format_value(f1)} ({support:,})")
        blocks[field].append(tuple(cells))
    return "\n\n".join("\n".join(format_columns(lines)) for lines in blocks.values())


def confusion_table(cells: Sequence[ConfusedSets]) -> str:
    """Format the cells as aligned plain text, with a rule between errors and exact matches."""
    rows = [("true labels", "given labels", "passages", "of the true")]
    for cell in cells:
        truth = " + ".join(cell["truth"]) or "(none)"
        given = " + ".join(cell["given"]) or "(none)"
        rows.append((truth, given, f"{cell['passages']:,}", f"{cell['share']:.1%}"))
    lines = format_columns(rows, left=2)
    wrong = [cell["passages"] for cell in cells if cell["truth"] != cell["given"]]
    lines.insert(len(wrong) + 1, "-" * max(map(len, lines)))
    right = sum(cell["passages"] for cell in cells) - sum(wrong)
    return "\n".join([f"sets of labels: {sum(wrong):,} passages wrong, {right:,} right", *lines])


def errors_table(errors: Sequence[LabelError]) -> str:
    """Format the errors as plain text, two lines each: the error, and the passage."""
    lines = ["worst errors" if errors else "no errors"]
    for error in errors:
        figures = f"{error['probability']:.3f}, threshold {error['threshold']:.3f}"
        lines.append(f"{error['error']} {error['label']}: {figures}  ({error['id']})")
        lines.append(f"    {format_value(error['text'])}")
    return "\n".join(lines)
