"""Evaluate a model on labelled rows, part by part, as plain values and as text tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.corpus.loading import Row, group_corpus_rows
from tipclassify.corpus.taught import were_taught
from tipclassify.errors import InputError
from tipclassify.evaluation.behaviour_tests import passage_of_row
from tipclassify.evaluation.bootstrap import (
    Intervals,
    bootstrap_comparison_table,
    compare,
    intervals,
    intervals_table,
)
from tipclassify.evaluation.error_analysis import (
    confused_sets,
    confusion_table,
    errors_table,
    slices_by_field,
    slices_table,
    worst_errors,
)
from tipclassify.evaluation.metrics import (
    Metrics,
    measure,
    metrics_table,
    reliability,
    reliability_table,
    rounded_metric,
)
from tipclassify.labels import LABELS, Policy, label_indicator
from tipclassify.model.classifier import Classifier
from tipclassify.model.scoring import apply_thresholds

__all__ = [
    "Draws",
    "EvaluationReport",
    "Flattering",
    "OtherModel",
    "ReportParts",
    "count_rows_flattering_evaluation",
    "evaluate_rows",
]


@dataclass(frozen=True)
class ReportParts:
    """What a report has beside the metrics of all passages."""

    by: str | None = None  # a field of the rows: metrics for each of its values
    confusion: bool = False  # sets of labels given for others
    slices: bool = False  # metrics by section, length and number of clauses
    reliability: bool = False  # predicted and observed frequency
    errors: int = 0  # the number of worst errors to list


@dataclass(frozen=True)
class OtherModel:
    """A second model, to compare with."""

    classifier: Classifier
    name: str


@dataclass(frozen=True)
class Draws:
    """Draws of the bootstrap; 0 for no intervals."""

    number: int = 1_000
    seed: int = 0


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
    parts: ReportParts | None = None,
    other: OtherModel | None = None,
    taught: bytes = b"",
    draws: Draws | None = None,
) -> EvaluationReport:
    """Evaluate a model on rows of a corpus; return the figures and tables of each part asked for.

    `taught` has the keys of the passages that the model learned (`corpus.taught`): the report says
    how many of the rows are among them. Raises `InputError` when no row has the field `parts.by`.

    >>> text = "Courts convicted nine traffickers."
    >>> rows = [{"text": text, "labels": ("positive_effort",), "doc": None, "pair": None}]
    >>> report = evaluate_rows(Classifier.load(), rows, draws=Draws(0))
    >>> report.figures["parts"][0]["exact_match"], report.tables[0].splitlines()[0]
    (1.0, 'all passages')
    """
    parts = parts or ReportParts()
    draws = draws or Draws()
    if parts.by and not any(parts.by in row for row in rows):
        fields = ", ".join(sorted(rows[0]))
        raise InputError(f"no row has a field {parts.by!r}; choose one of {fields}")
    judged = _predict_evaluated_rows(classifier, rows, policy)
    figures: dict[str, object] = {
        "model": classifier.meta.get("sha256"),
        "policy": policy,
        "thresholds": dict(zip(LABELS, judged.thresholds.tolist(), strict=True)),
        "draws": draws.number,
        "seed": draws.seed,
        "by": parts.by,
    }
    measured = _evaluate_slices_of_field(judged, rows, parts.by, draws)
    figures["parts"] = [part.to_dict() for part in measured]
    tables = [part.table(parts.by) for part in measured]

    flattering = count_rows_flattering_evaluation(rows, taught)
    figures |= asdict(flattering)
    if notes := flattering.notes():
        tables.append("\n".join(notes))
    if parts.confusion:
        cells = confused_sets(judged.y_true, judged.y_pred)
        figures["confusion"] = cells
        tables.append(confusion_table(cells))
    if parts.slices:
        slices = slices_by_field(
            rows,
            classifier.vocabulary,
            judged.y_true,
            judged.scores,
            judged.y_pred,
            judged.thresholds,
        )
        figures["slices"] = slices
        tables.append(slices_table(slices))
    if parts.reliability:
        reliability_figures = {}
        for j, label in enumerate(LABELS):
            bins = reliability(judged.y_true[:, j], judged.scores[:, j])
            reliability_figures[label] = [asdict(label_bin) for label_bin in bins]
            tables.append(reliability_table(label, bins))
        figures["reliability"] = reliability_figures
    if other:
        y_other = other.classifier.predict([passage_of_row(row) for row in rows], policy)
        comparison = compare(
            judged.y_true, judged.y_pred, y_other, judged.groups, draws.number, draws.seed
        )
        figures["comparison"] = {"other": other.name, **asdict(comparison)}
        tables.append(bootstrap_comparison_table(comparison, other.name))
    if parts.errors:
        errors = worst_errors(rows, judged.y_true, judged.scores, judged.thresholds, parts.errors)
        figures["errors"] = errors
        tables.append(errors_table(errors))
    return EvaluationReport(rounded_metric(figures), tables)


@dataclass(frozen=True)
class _EvaluatedRows:
    """Labels of rows, and what a model predicts for them, as arrays of one length n."""

    y_true: Bools  # (n, 3)
    scores: Floats  # (n, 3)
    y_pred: Bools  # (n, 3)
    groups: Ints  # (n,), which the bootstrap draws whole
    thresholds: Floats  # (3,)


def _predict_evaluated_rows(
    classifier: Classifier, rows: Sequence[Row], policy: Policy
) -> _EvaluatedRows:
    thresholds = classifier.thresholds(policy)
    scores = classifier.predict_proba([passage_of_row(row) for row in rows])
    return _EvaluatedRows(
        y_true=np.array([label_indicator(row["labels"]) for row in rows], bool),
        scores=scores,
        y_pred=apply_thresholds(scores, thresholds),
        groups=np.array(group_corpus_rows(rows)),
        thresholds=thresholds,
    )


@dataclass(frozen=True)
class _EvaluationSlice:
    """Metrics on the rows of one value of a field; None for all rows."""

    value: str | None
    metrics: Metrics
    intervals: Intervals | None  # None without draws

    def to_dict(self) -> dict[str, object]:
        drawn = asdict(self.intervals) if self.intervals else None
        return {"value": self.value, **asdict(self.metrics), "intervals": drawn}

    def table(self, field: str | None) -> str:
        title = "all passages" if self.value is None else f"{field} = {self.value}"
        table = metrics_table(self.metrics, title)
        return f"{table}\n{intervals_table(self.intervals)}" if self.intervals else table


def _evaluate_slices_of_field(
    judged: _EvaluatedRows, rows: Sequence[Row], field: str | None, draws: Draws
) -> list[_EvaluationSlice]:
    """Measure the rows of each value of a field, in the order of the rows, then all rows."""
    every = np.ones(len(rows), bool)
    masks: list[tuple[str | None, Bools]] = []
    if field:
        values = [str(row.get(field)) for row in rows]
        column = np.array(values)
        masks += [(value, column == value) for value in dict.fromkeys(values)]
    masks.append((None, every))
    return [_evaluate_slice(judged, value, mask, draws) for value, mask in masks]


def _evaluate_slice(
    judged: _EvaluatedRows, value: str | None, mask: Bools, draws: Draws
) -> _EvaluationSlice:
    y_true = judged.y_true[mask]
    y_pred = judged.y_pred[mask]
    groups = judged.groups[mask]
    metrics = measure(y_true, judged.scores[mask], y_pred, judged.thresholds)
    if not draws.number:
        return _EvaluationSlice(value, metrics, None)
    drawn = intervals(y_true, y_pred, groups, draws.number, draws.seed)
    return _EvaluationSlice(value, metrics, drawn)


@dataclass(frozen=True)
class Flattering:
    """Rows on which a model looks better than it is."""

    taught: int  # rows that the model was trained on
    in_view: int  # rows labelled with a model's answer in view

    def notes(self) -> list[str]:
        """Say so, a line for each kind."""
        lines = []
        if self.taught:
            lines.append(
                f"{self.taught:,} of these passages are in this model's training: "
                "the figures flatter; measure on others"
            )
        if self.in_view:
            lines.append(
                f"{self.in_view:,} were labelled with a model's answer in view, "
                "which draws labels towards it: the figures flatter; "
                "label some with 'tipclassify review --blind'"
            )
        return lines


def count_rows_flattering_evaluation(rows: Sequence[Row], taught: bytes = b"") -> Flattering:
    """Count the rows that a model learned, and those labelled with its answer in view.

    `taught` has the keys of what it learned, as its folder has them.

    >>> from tipclassify.corpus.taught import pack_taught
    >>> shown = {"text": "Courts slept.", "predicted": ["failure"]}
    >>> blind = {"text": "Police acted.", "blind": ["model"]}
    >>> count_rows_flattering_evaluation([shown, blind], pack_taught(["courts slept."]))
    Flattering(taught=1, in_view=1)
    """
    learned = were_taught([row["text"] for row in rows], taught)
    return Flattering(taught=int(learned.sum()), in_view=sum(map(_flatters_evaluation, rows)))


def _flatters_evaluation(row: Row) -> bool:
    """Whether a row of 'queue' or 'review' was labelled with a model's answer in view."""
    if row.get("predicted") is not None:
        return True
    blind = row.get("blind")
    return blind is not None and "model" not in blind
