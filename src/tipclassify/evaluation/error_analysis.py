"""Analyse errors: metrics by slice, confusion of label sets, worst errors.

Shapes as in `metrics`: `y_true` and `y_pred` are bool (n, 3), `scores` probabilities (n, 3), `thresholds` (3,), columns
in the order of ``LABELS``; `rows` are those of `corpus.read_rows`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tipclassify.arrays import Bools, Floats
from tipclassify.evaluation.metrics import Metrics, measure
from tipclassify.formatting import aligned, shown
from tipclassify.labels import LABELS, SECTIONS
from tipclassify.model.linear.scoring import apply_thresholds
from tipclassify.text.features.hashing import featurize

__all__ = [
    "LabelError",
    "SetCell",
    "Slice",
    "confused_sets",
    "confusion_table",
    "errors_table",
    "slices",
    "slices_table",
]
__all__ += ["worst_errors"]

_WORDS: Final = ("1-10", "11-20", "21-30", "31-45", "46+")
_WORD_ENDS: Final = (10, 20, 30, 45)  # of all but the last
_CLAUSES: Final = ("0", "1", "2", "3", "4+")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Slice:
    """Metrics of a slice of the passages, such as ``section`` prosecution, ``words`` 11-20 or ``clauses`` 2."""

    field: str
    value: str
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class SetCell:
    """Cell of the confusion matrix of label sets; `share` is of the passages with this true set, 0 to 1."""

    truth: tuple[str, ...]
    given: tuple[str, ...]
    passages: int
    share: float


@dataclass(frozen=True, slots=True)
class LabelError:
    """False negative (`error` is ``"missed"``) or false positive (``"false"``) of one label."""

    label: str
    error: str
    probability: float
    threshold: float
    id: str
    text: str


def slices(
    rows: Sequence[Row], vocabulary: frozenset[str], y_true: Bools, scores: Floats, y_pred: Bools, thresholds: Floats
) -> tuple[Slice, ...]:
    """Compute the metrics by section, by length in words, and by number of clauses.

    Each of the three is a partition of all passages; empty slices are omitted. `vocabulary` is the model's.

    >>> rows = [{"text": "Police acted, but courts did not.", "section": "prosecution"}, {"text": "Police acted."}]
    >>> none = np.zeros((2, 3), bool)
    >>> for s in slices(rows, frozenset(), none, none * 0.5, none, np.full(3, 0.5)):
    ...     print(s.field, s.value, s.metrics.passages)
    section prosecution 1
    section (none) 1
    words 1-10 2
    clauses 1 1
    clauses 2 1
    """
    texts = [row["text"] for row in rows]
    sections = [str(row.get("section") or "(none)") for row in rows]
    words = np.array(_WORDS)[np.searchsorted(_WORD_ENDS, [len(text.split()) for text in texts])]
    counts = np.bincount(featurize(texts, vocabulary).clause_row, minlength=len(texts))
    clauses = np.array(_CLAUSES)[np.minimum(counts, len(_CLAUSES) - 1)]
    fields = (
        ("section", np.array(sections), dict.fromkeys((*SECTIONS, *sections))),
        ("words", words, _WORDS),
        ("clauses", clauses, _CLAUSES),
    )
    return tuple(
        Slice(field, value, measure(y_true[here], scores[here], y_pred[here], thresholds))
        for field, column, values in fields
        for value in values
        if (here := column == value).any()
    )


def confused_sets(y_true: Bools, y_pred: Bools) -> tuple[SetCell, ...]:
    """Count how often each true set of labels was given each set: wrong ones first, then right ones, largest first.

    >>> y_true = np.array([[True, True, False], [False, False, False]])
    >>> [(cell.truth, cell.given, cell.passages) for cell in confused_sets(y_true, y_true & [True, False, False])]
    [(('positive_effort', 'failure'), ('positive_effort',), 1), ((), (), 1)]
    """
    bits = 1 << np.arange(len(LABELS))  # a set of labels as one number
    pairs = Counter(zip((y_true @ bits).tolist(), (y_pred @ bits).tolist(), strict=True))
    of_true = Counter((y_true @ bits).tolist())
    order = sorted(pairs, key=lambda pair: (pair[0] == pair[1], -pairs[pair], pair))
    return tuple(SetCell(_names(i), _names(j), pairs[i, j], pairs[i, j] / of_true[i]) for i, j in order)


def worst_errors(
    rows: Sequence[Row], y_true: Bools, scores: Floats, thresholds: Floats, most: int
) -> tuple[LabelError, ...]:
    """Find the `most` errors whose probability is furthest on the wrong side of the threshold, worst first.

    >>> rows = [{"id": "a", "text": "Police acted."}]
    >>> scores = np.array([[0.1, 0.9, 0.2]])
    >>> found = worst_errors(rows, np.array([[True, False, False]]), scores, np.full(3, 0.45), 5)
    >>> [(m.error, m.label) for m in found]
    [('false', 'failure'), ('missed', 'positive_effort')]
    """
    wrong = np.argwhere(y_true != apply_thresholds(scores, thresholds))
    margin = np.abs(scores - thresholds)[tuple(wrong.T)]
    return tuple(
        LabelError(
            LABELS[j],
            "missed" if y_true[i, j] else "false",
            float(scores[i, j]),
            float(thresholds[j]),
            str(rows[i].get("id", i)),
            rows[i]["text"],
        )
        for i, j in wrong[np.argsort(-margin, kind="stable")[:most]].tolist()
    )


def slices_table(found: Sequence[Slice]) -> str:
    """Format the slices as aligned plain text, one block for each field, with the support of each label in brackets."""
    blocks = []
    for field in dict.fromkeys(s.field for s in found):
        lines = [(field, "passages", "macro-F1", "exact match", *(f"{label} F1" for label in LABELS))]
        for value, metrics in ((s.value, s.metrics) for s in found if s.field == field):
            f1s = (f"{shown(m.f1 if m.support else float('nan'))} ({m.support:,})" for m in metrics.labels)
            lines.append((value, *map(shown, (metrics.passages, metrics.macro_f1, metrics.exact_match)), *f1s))
        blocks.append("\n".join(aligned(lines)))
    return "\n\n".join(blocks)


def confusion_table(cells: Sequence[SetCell]) -> str:
    """Format the confusion cells as aligned plain text, with a rule between errors and exact matches."""
    columns = ("true labels", "given labels", "passages", "of the true")
    written = [[" + ".join(names) or "(none)" for names in (cell.truth, cell.given)] for cell in cells]
    rows = [(*two, f"{cell.passages:,}", f"{cell.share:.1%}") for two, cell in zip(written, cells, strict=True)]
    lines = aligned([columns, *rows], left=2)
    wrong = [cell.passages for cell in cells if cell.truth != cell.given]
    lines.insert(len(wrong) + 1, "-" * max(map(len, lines)))
    right = sum(cell.passages for cell in cells) - sum(wrong)
    return "\n".join([f"sets of labels: {sum(wrong):,} passages wrong, {right:,} right", *lines])


def errors_table(errors: Sequence[LabelError]) -> str:
    """Format the errors as plain text, two lines each: the error, and the passage."""
    lines = ["worst errors" if errors else "no errors"]
    for e in errors:
        lines.append(f"{e.error} {e.label}: {e.probability:.3f}, threshold {e.threshold:.3f}  ({e.id})")
        lines.append(f"    {shown(e.text)}")
    return "\n".join(lines)


def _names(bits: int) -> tuple[str, ...]:
    return tuple(label for j, label in enumerate(LABELS) if bits >> j & 1)
