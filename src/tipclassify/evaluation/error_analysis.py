"""Where a model goes wrong: in which kinds of passages, between which sets of labels, in which passages most.

Shapes as in `evaluation`: `truth` and `given` are bool (n, 3), `scores` probabilities (n, 3), `thresholds` (3,), columns
in the order of ``LABELS``; `rows` are those of `corpus.read_rows`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.evaluation.metrics import Metrics, measure
from tipclassify.formatting import aligned
from tipclassify.labels import LABELS, SECTIONS
from tipclassify.model.linear.scoring import apply_thresholds
from tipclassify.text.features.hashing import featurize

__all__ = ["Mistake", "SetCell", "Slice"]
__all__ += ["confused_sets", "confusion_table", "errors_table", "slices", "slices_table", "worst_errors"]

_WORDS: Final = ("1-10", "11-20", "21-30", "31-45", "46+")
_WORD_ENDS: Final = (10, 20, 30, 45)  # of all but the last
_CLAUSES: Final = ("0", "1", "2", "3", "4+")

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Slice:
    """Figures of the passages that share a value: ``section`` prosecution, ``words`` 11-20, ``clauses`` 2."""

    field: str
    value: str
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class SetCell:
    """Passages of one true and one given set of labels.

    Attributes
    ----------
    share : float
        Of the passages with this true set, 0 to 1.
    """

    truth: tuple[str, ...]
    given: tuple[str, ...]
    passages: int
    share: float


@dataclass(frozen=True, slots=True)
class Mistake:
    """A label that was missed, or falsely given: `error` is ``"missed"`` or ``"false"``."""

    label: str
    error: str
    probability: float
    threshold: float
    id: str
    text: str


def slices(
    rows: Sequence[Row], vocabulary: frozenset[str], truth: Bools, scores: Floats, given: Bools, thresholds: Floats
) -> tuple[Slice, ...]:
    """Figures by section, by length in words and by number of clauses; each of the three parts all passages.

    `vocabulary` is the model's (`model_file.Model`). Slices without passages are left out.

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
    words = [_WORDS[n] for n in np.searchsorted(_WORD_ENDS, [len(text.split()) for text in texts])]
    counts = np.bincount(featurize(texts, vocabulary).clause_row, minlength=len(texts))
    clauses = [_CLAUSES[n] for n in np.minimum(counts, len(_CLAUSES) - 1)]
    order = {
        "section": (sections, dict.fromkeys((*SECTIONS, *sections))),
        "words": (words, _WORDS),
        "clauses": (clauses, _CLAUSES),
    }
    found = []
    for field, (of_row, values) in order.items():
        column = np.array(of_row)
        for value in values:
            if (here := column == value).any():
                metrics = measure(truth[here], scores[here], given[here], thresholds)
                found.append(Slice(field, value, metrics))
    return tuple(found)


def confused_sets(truth: Bools, given: Bools) -> tuple[SetCell, ...]:
    """How often each true set of labels was given each set: wrong ones first, then right ones, largest first.

    >>> truth = np.array([[True, True, False], [False, False, False]])
    >>> [(cell.truth, cell.given, cell.passages) for cell in confused_sets(truth, truth & [True, False, False])]
    [(('positive_effort', 'failure'), ('positive_effort',), 1), ((), (), 1)]
    """
    bits = 1 << np.arange(len(LABELS))  # a set of labels as one number
    number = 1 << len(LABELS)
    table = np.bincount((truth @ bits) * number + given @ bits, minlength=number**2).reshape(number, number)
    of_truth = table.sum(axis=1)
    cells = [(int(i), int(j)) for i, j in np.argwhere(table)]
    cells.sort(key=lambda cell: (cell[0] == cell[1], -table[cell], cell))
    return tuple(SetCell(_names(i), _names(j), int(table[i, j]), float(table[i, j] / of_truth[i])) for i, j in cells)


def worst_errors(
    rows: Sequence[Row], truth: Bools, scores: Floats, thresholds: Floats, most: int
) -> tuple[Mistake, ...]:
    """The `most` errors whose probability is furthest on the wrong side of the threshold, worst first.

    >>> rows = [{"id": "a", "text": "Police acted."}]
    >>> scores = np.array([[0.1, 0.9, 0.2]])
    >>> found = worst_errors(rows, np.array([[True, False, False]]), scores, np.full(3, 0.45), 5)
    >>> [(m.error, m.label) for m in found]
    [('false', 'failure'), ('missed', 'positive_effort')]
    """
    wrong = truth != apply_thresholds(scores, thresholds)
    margin = np.where(wrong, np.abs(scores - thresholds), -1.0).ravel()
    worst = np.argsort(-margin, kind="stable")[: min(most, int(wrong.sum()))]
    found = []
    for i, j in (divmod(int(at), len(LABELS)) for at in worst):
        error, name = "missed" if truth[i, j] else "false", str(rows[i].get("id", i))
        found.append(Mistake(LABELS[j], error, float(scores[i, j]), float(thresholds[j]), name, rows[i]["text"]))
    return tuple(found)


def slices_table(found: Sequence[Slice]) -> str:
    """Aligned plain text, one block a field; the F1 of a label stands with its support in brackets."""
    blocks = []
    for field in dict.fromkeys(s.field for s in found):
        lines = [(field, "passages", "macro-F1", "exact match", *(f"{label} F1" for label in LABELS))]
        for s in found:
            if s.field == field:
                macro = "–" if np.isnan(s.metrics.macro_f1) else f"{s.metrics.macro_f1:.3f}"
                f1s = (f"{m.f1:.3f} ({m.support:,})" if m.support else "– (0)" for m in s.metrics.labels)
                lines.append((s.value, f"{s.metrics.passages:,}", macro, f"{s.metrics.exact_match:.3f}", *f1s))
        blocks.append("\n".join(aligned(lines)))
    return "\n\n".join(blocks)


def confusion_table(cells: Sequence[SetCell]) -> str:
    """Aligned plain text, one row a pair of sets, with a rule between the wrong and the right."""
    columns = ("true labels", "given labels", "passages", "of the true")
    wrong = [cell for cell in cells if cell.truth != cell.given]
    rows = [(_written(c.truth), _written(c.given), f"{c.passages:,}", f"{c.share:.1%}") for c in cells]
    lines = aligned([columns, *rows], left=2)
    lines.insert(len(wrong) + 1, "-" * max(map(len, lines)))
    total, amiss = (sum(cell.passages for cell in some) for some in (cells, wrong))
    title = f"sets of labels: {amiss:,} passages wrong, {total - amiss:,} right"
    return "\n".join([title, *lines])


def errors_table(mistakes: Sequence[Mistake]) -> str:
    """Two lines an error: what was wrong, and the passage."""
    lines = ["worst errors" if mistakes else "no errors"]
    for m in mistakes:
        lines.append(f"{m.error} {m.label}: {m.probability:.3f}, threshold {m.threshold:.3f}  ({m.id})")
        lines.append(f"    {' '.join(m.text.split())}")
    return "\n".join(lines)


def _names(bits: int) -> tuple[str, ...]:
    return tuple(label for j, label in enumerate(LABELS) if bits >> j & 1)


def _written(names: Sequence[str]) -> str:
    return " + ".join(names) or "(none)"
