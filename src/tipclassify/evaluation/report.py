"""Evaluate a model on labelled rows, part by part, as plain values and as text tables.

Beside the metrics, parts show where the model errs: slices, sets of labels given for others, the
worst errors, and rows on which it looks better than it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import compress
from typing import Final, Literal

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.corpus.holdout import were_taught
from tipclassify.corpus.rows import Row, group_rows, passage_of_row
from tipclassify.errors import InputError
from tipclassify.evaluation.bootstrap import compare, comparison_table, intervals, intervals_table
from tipclassify.evaluation.metrics import (
    Metrics,
    measure,
    metrics_table,
    reliability,
    reliability_table,
    rounded_metric,
)
from tipclassify.formatting import format_columns, format_value
from tipclassify.labels import LABELS, SECTIONS, Policy, label_indicator
from tipclassify.model.classifier import Classifier
from tipclassify.model.scoring import apply_thresholds
from tipclassify.text.templates import featurize

_WORDS: Final = ("1-10", "11-20", "21-30", "31-45", "46+")
_WORD_ENDS: Final = (10, 20, 30, 45)  # of all but the last
_CLAUSES: Final = ("0", "1", "2", "3", "4+")


@dataclass(frozen=True)
class Judged:
    """Labels of rows, and what a model predicts for them, as arrays of one length n."""

    y_true: Bools  # (n, labels)
    scores: Floats  # (n, labels)
    y_pred: Bools  # (n, labels)
    groups: Ints  # (n,), which the bootstrap draws whole
    thresholds: Floats  # (labels,)
    labels: tuple[str, ...] = LABELS

    def measure(self, chosen: Bools) -> Metrics:
        """Compute the metrics of the chosen rows."""
        return measure(
            self.y_true[chosen],
            self.scores[chosen],
            self.y_pred[chosen],
            self.thresholds,
            self.labels,
        )


@dataclass(frozen=True)
class EvaluationReport:
    """Figures of an evaluation as plain values, and the tables that show them."""

    figures: dict[str, object]
    tables: list[str]


def evaluate_rows(
    classifier: Classifier,
    rows: Sequence[Row],
    policy: Policy = "balanced",
    *,
    by: str | None = None,
    confusion: bool = False,
    slices: bool = False,
    calibration: bool = False,
    errors: int = 0,
    other: Classifier | None = None,
    other_name: str = "",
    taught: bytes = b"",
    draws: int = 1_000,
    seed: int = 0,
) -> EvaluationReport:
    """Evaluate a model on rows of a corpus; return the figures and tables of each part asked for.

    `by` is a field of the rows, to have metrics for each of its values. `confusion` shows sets of
    labels given for others, `slices` metrics by section, length and number of clauses,
    `calibration` predicted and observed frequencies, `errors` so many of the worst; `other` is a
    model to compare with. `taught` has the keys of the passages that the model learned
    (`corpus.holdout`): the report says how many of the rows are among them.

    Raises `InputError` when no row has the field `by`, or the `other` model has other labels.

    >>> text = "Courts convicted nine traffickers."
    >>> rows = [{"text": text, "labels": ("positive_effort",), "doc": None, "pair": None}]
    >>> report = evaluate_rows(Classifier.load(), rows, draws=0)
    >>> report.figures["parts"][0]["exact_match"], report.tables[0].splitlines()[0]
    (1.0, 'all passages')
    """
    if by and not any(by in row for row in rows):
        fields = ", ".join(sorted(rows[0]))
        raise InputError(f"no row has a field {by!r}; choose one of {fields}")
    if other and other.labels != classifier.labels:
        raise InputError(
            f"{other_name}: its labels are {', '.join(other.labels)}, the model's are "
            f"{', '.join(classifier.labels)}; compare models of the same labels"
        )
    judged = _judge(classifier, rows, policy)
    figures: dict[str, object] = {
        "model": classifier.meta.get("sha256"),
        "policy": policy,
        "thresholds": dict(zip(judged.labels, judged.thresholds.tolist(), strict=True)),
        "draws": draws,
        "seed": seed,
        "by": by,
    }
    figures["parts"], tables = _measure_by(judged, rows, by, draws, seed)
    learned = int(were_taught([row["text"] for row in rows], taught).sum())
    in_view = sum(map(_was_in_view, rows))
    figures |= {"taught": learned, "in_view": in_view}
    if notes := _flattering(learned, in_view):
        tables.append(notes)
    if confusion:
        cells = confused_sets(judged)
        figures["confusion"] = [asdict(cell) for cell in cells]
        tables.append(confusion_table(cells))
    if slices:
        measured = slice_metrics(judged, rows, classifier.vocabulary)
        figures["slices"] = [asdict(one) for one in measured]
        tables.append(slices_table(measured))
    if calibration:
        bins_by_label = {}
        for j, label in enumerate(judged.labels):
            bins = reliability(judged.y_true[:, j], judged.scores[:, j])
            bins_by_label[label] = [asdict(label_bin) for label_bin in bins]
            tables.append(reliability_table(label, bins))
        figures["reliability"] = bins_by_label
    if other:
        comparison = compare(
            judged.y_true,
            judged.y_pred,
            other.predict([passage_of_row(row) for row in rows], policy),
            judged.groups,
            draws,
            seed,
            judged.labels,
        )
        figures["comparison"] = {"other": other_name, **asdict(comparison)}
        tables.append(comparison_table(comparison, other_name))
    if errors:
        worst = worst_errors(judged, rows, errors)
        figures["errors"] = [asdict(error) for error in worst]
        tables.append(errors_table(worst))
    return EvaluationReport(rounded_metric(figures), tables)


def _judge(classifier: Classifier, rows: Sequence[Row], policy: Policy) -> Judged:
    thresholds = classifier.thresholds(policy)
    scores = classifier.predict_proba([passage_of_row(row) for row in rows])
    labels = classifier.labels
    return Judged(
        y_true=np.array([label_indicator(row["labels"], labels) for row in rows], bool),
        scores=scores,
        y_pred=apply_thresholds(scores, thresholds),
        groups=np.array(group_rows(rows)),
        thresholds=thresholds,
        labels=labels,
    )


def _measure_by(
    judged: Judged, rows: Sequence[Row], field: str | None, draws: int, seed: int
) -> tuple[list[dict[str, object]], list[str]]:
    """Measure the rows of each value of a field, in the order of the rows, then all rows."""
    masks: dict[str | None, Bools] = {}
    if field:
        values = [str(row.get(field)) for row in rows]
        masks |= {value: np.array(values) == value for value in dict.fromkeys(values)}
    masks[None] = np.ones(len(rows), bool)
    figures = []
    tables = []
    for value, chosen in masks.items():
        metrics = judged.measure(chosen)
        title = "all passages" if value is None else f"{field} = {value}"
        table = metrics_table(metrics, title)
        drawn = None
        if draws:
            drawn = intervals(
                judged.y_true[chosen],
                judged.y_pred[chosen],
                judged.groups[chosen],
                draws,
                seed,
                labels=judged.labels,
            )
            table += f"\n{intervals_table(drawn)}"
        intervals_figures = asdict(drawn) if drawn else None
        figures.append({"value": value, **asdict(metrics), "intervals": intervals_figures})
        tables.append(table)
    return figures, tables


# -------------------------------------------------------- rows on which a model looks better


def _was_in_view(row: Row) -> bool:
    """Whether a row of 'queue' or 'review' was labelled with a model's answer in view."""
    if row.get("predicted") is not None:
        return True
    blind = row.get("blind")
    if blind is None or isinstance(blind, bool):  # a bool is of a corpus not made here
        return blind is False
    return "model" not in blind


def _flattering(taught: int, in_view: int) -> str:
    """Say how many rows the model learned, and how many were labelled with an answer in view."""
    lines = []
    if taught:
        lines.append(
            f"{taught:,} of these passages are in this model's training: "
            "the figures flatter; measure on others"
        )
    if in_view:
        lines.append(
            f"{in_view:,} were labelled with a model's answer in view, "
            "which draws labels towards it: the figures flatter; "
            "label some with 'tipclassify review --blind'"
        )
    return "\n".join(lines)


# ------------------------------------------------------------------------------------- slices


@dataclass(frozen=True)
class Slice:
    """Metrics of the passages that have one value of a field."""

    field: str  # "section", "words" or "clauses"
    value: str
    metrics: Metrics


def slice_metrics(judged: Judged, rows: Sequence[Row], vocabulary: frozenset[str]) -> list[Slice]:
    """Compute the metrics by section, by length in words, and by number of clauses.

    `vocabulary` is the model's.
    """
    texts = [row["text"] for row in rows]
    sections = [str(row.get("section") or "(none)") for row in rows]
    words = np.array(_WORDS)[np.searchsorted(_WORD_ENDS, [len(text.split()) for text in texts])]
    counts = np.bincount(featurize(texts, vocabulary).clause_row, minlength=len(texts))
    clauses = np.array(_CLAUSES)[np.minimum(counts, len(_CLAUSES) - 1)]
    columns = {
        "section": (np.array(sections), dict.fromkeys((*SECTIONS, *sections))),
        "words": (words, _WORDS),
        "clauses": (clauses, _CLAUSES),
    }
    slices = []
    for field, (column, values) in columns.items():
        for value in values:
            here = column == value
            if here.any():
                slices.append(Slice(field, value, judged.measure(here)))
    return slices


def slices_table(slices: Sequence[Slice]) -> str:
    """Format the slices as aligned plain text, a block for each field; supports in brackets."""
    blocks: dict[str, list[list[str]]] = {}
    for one in slices:
        metrics = one.metrics
        if one.field not in blocks:
            f1_columns = [f"{row.label} F1" for row in metrics.labels]
            blocks[one.field] = [[one.field, "passages", "macro-F1", "exact match", *f1_columns]]
        figures = (metrics.passages, metrics.macro_f1, metrics.exact_match)
        cells = [one.value, *map(format_value, figures)]
        for row in metrics.labels:
            f1 = row.f1 if row.support else float("nan")
            cells.append(f"{format_value(f1)} ({row.support:,})")
        blocks[one.field].append(cells)
    return "\n\n".join("\n".join(format_columns(lines)) for lines in blocks.values())


# ------------------------------------------------------------------------------------- errors


@dataclass(frozen=True)
class ConfusedSets:
    """How often one set of labels was given for another, or for itself."""

    truth: tuple[str, ...]
    given: tuple[str, ...]
    passages: int
    share: float  # of the passages with the true set


def confused_sets(judged: Judged) -> list[ConfusedSets]:
    """Count how often each true set of labels was given each set.

    Wrong ones come first, then right ones, the largest count first.

    >>> y_true = np.array([[True, True, False], [False, False, False]])
    >>> y_pred = y_true & [True, False, False]
    >>> judged = Judged(y_true, y_true * 1.0, y_pred, np.arange(2), np.full(3, 0.5))
    >>> [cell.given for cell in confused_sets(judged)]
    [('positive_effort',), ()]
    """
    # a set of labels as its columns from the last, so that sets sort by their later labels
    true_sets = [tuple(row) for row in judged.y_true[:, ::-1].tolist()]
    given_sets = [tuple(row) for row in judged.y_pred[:, ::-1].tolist()]
    passages = Counter(zip(true_sets, given_sets, strict=True))
    true_passages = Counter(true_sets)
    cells = []
    for true, given in sorted(
        passages, key=lambda pair: (pair[0] == pair[1], -passages[pair], pair)
    ):
        count = passages[true, given]
        cells.append(
            ConfusedSets(
                truth=tuple(compress(judged.labels, true[::-1])),
                given=tuple(compress(judged.labels, given[::-1])),
                passages=count,
                share=count / true_passages[true],
            )
        )
    return cells


def confusion_table(cells: Sequence[ConfusedSets]) -> str:
    """Format the cells as aligned plain text, with a rule between errors and exact matches."""
    rows = [("true labels", "given labels", "passages", "of the true")]
    for cell in cells:
        truth = " + ".join(cell.truth) or "(none)"
        given = " + ".join(cell.given) or "(none)"
        rows.append((truth, given, f"{cell.passages:,}", f"{cell.share:.1%}"))
    lines = format_columns(rows, left=2)
    wrong = [cell.passages for cell in cells if cell.truth != cell.given]
    lines.insert(len(wrong) + 1, "-" * max(map(len, lines)))
    right = sum(cell.passages for cell in cells) - sum(wrong)
    return "\n".join([f"sets of labels: {sum(wrong):,} passages wrong, {right:,} right", *lines])


@dataclass(frozen=True)
class LabelError:
    """A label of a passage that was missed, or falsely given."""

    label: str
    error: Literal["missed", "false"]
    probability: float
    threshold: float
    id: str
    text: str


def worst_errors(judged: Judged, rows: Sequence[Row], most: int) -> list[LabelError]:
    """Find the `most` errors furthest on the wrong side of their threshold, worst first."""
    wrong = np.argwhere(judged.y_true != judged.y_pred)
    margin = np.abs(judged.scores - judged.thresholds)[tuple(wrong.T)]
    return [
        LabelError(
            label=judged.labels[j],
            error="missed" if judged.y_true[i, j] else "false",
            probability=float(judged.scores[i, j]),
            threshold=float(judged.thresholds[j]),
            id=str(rows[i].get("id", i)),
            text=rows[i]["text"],
        )
        for i, j in wrong[np.argsort(-margin, kind="stable")[:most]].tolist()
    ]


def errors_table(errors: Sequence[LabelError]) -> str:
    """Format the errors as plain text, two lines each: the error, and the passage."""
    lines = ["worst errors" if errors else "no errors"]
    for error in errors:
        figures = f"{error.probability:.3f}, threshold {error.threshold:.3f}"
        lines.append(f"{error.error} {error.label}: {figures}  ({error.id})")
        lines.append(f"    {format_value(error.text)}")
    return "\n".join(lines)
