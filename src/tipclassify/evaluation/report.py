"""Show where a model errs: figures by slice, sets of labels given for others, worst errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal, TypedDict, cast

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.corpus.holdout import were_taught
from tipclassify.corpus.rows import Row, group_rows
from tipclassify.errors import InputError
from tipclassify.evaluation.behaviours import passage_of_row
from tipclassify.evaluation.bootstrap import (
    Intervals,
    compare,
    comparison_table,
    intervals,
    intervals_table,
)
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
from tipclassify.text.hashing import featurize

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

    `taught` has the keys of the passages that the model learned (`corpus.holdout`): the report says
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

    flattering = count_flattering(rows, taught)
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
        tables.append(comparison_table(comparison, other.name))
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
        groups=np.array(group_rows(rows)),
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


def count_flattering(rows: Sequence[Row], taught: bytes = b"") -> Flattering:
    """Count the rows that a model learned, and those labelled with its answer in view.

    `taught` has the keys of what it learned, as its folder has them.

    >>> from tipclassify.corpus.holdout import pack_taught
    >>> shown = {"text": "Courts slept.", "predicted": ["failure"]}
    >>> blind = {"text": "Police acted.", "blind": ["model"]}
    >>> count_flattering([shown, blind], pack_taught(["courts slept."]))
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
