"""Evaluate a model on labelled rows: metrics, slices, confusions and errors, as plain values and
as text tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from tipclassify.arrays import Bools, Floats
from tipclassify.corpus.loading import Row, group_rows
from tipclassify.corpus.taught import pack_taught, were_taught  # noqa: F401  # the first in a doctest
from tipclassify.errors import InputError
from tipclassify.evaluation import bootstrap, metrics
from tipclassify.evaluation.behaviour_tests import row_passage
from tipclassify.formatting import aligned, shown
from tipclassify.labels import LABELS, SECTIONS, Policy, indicator
from tipclassify.model.classifier import Classifier
from tipclassify.model.common.scoring import apply_thresholds
from tipclassify.text.features.hashing import featurize

__all__ = [
    "Flattering",
    "confused_sets",
    "count_flattering",
    "evaluate_rows",
    "slices_by_field",
    "worst_errors",
]

_WORDS: Final = ("1-10", "11-20", "21-30", "31-45", "46+")
_WORD_ENDS: Final = (10, 20, 30, 45)  # of all but the last
_CLAUSES: Final = ("0", "1", "2", "3", "4+")

Figures = dict[str, Any]


def evaluate_rows(
    classifier: Classifier,
    rows: Sequence[Row],
    policy: Policy = "balanced",
    *,
    by: str | None = None,
    confusion: bool = False,
    slices: bool = False,
    reliability: bool = False,
    errors: int = 0,
    other: Classifier | None = None,
    other_name: str = "",
    taught: bytes = b"",
    draws: int = 1_000,
    seed: int = 0,
) -> tuple[dict[str, Any], list[str]]:
    """Evaluate a model on rows of a corpus, and return the figures and tables of each part asked
    for.

    `by` is a field for whose values to add the metrics (`InputError` when no row has it), `errors`
    the number of worst errors to list, `other` a model to compare with, `taught` the keys of what
    taught the model (`corpus.taught`), `draws` those of the bootstrap; 0 for no intervals.

    >>> text = "Courts convicted nine traffickers."
    >>> rows = [{"text": text, "labels": ("positive_effort",), "doc": None, "pair": None}]
    >>> values, tables = evaluate_rows(Classifier.load(), rows, draws=0)
    >>> values["parts"][0]["exact_match"], tables[0].splitlines()[0]
    (1.0, 'all passages')
    """
    if by and not any(by in row for row in rows):
        raise InputError(f"no row has a field {by!r}; choose one of {', '.join(sorted(rows[0]))}")
    y_true = np.array([indicator(row["labels"]) for row in rows], bool)
    groups, thresholds = np.array(group_rows(rows)), classifier.thresholds(policy)
    passages = list(map(row_passage, rows))
    scores = classifier.predict_proba(passages)
    y_pred = apply_thresholds(scores, thresholds)
    named = dict(zip(LABELS, thresholds.tolist(), strict=True))
    report: Figures = {
        "model": classifier.meta.get("sha256"),
        "policy": policy,
        "thresholds": named,
    }
    report |= {"draws": draws, "seed": seed, "by": by, "parts": []}
    tables: list[str] = []
    values = [str(row.get(by)) for row in rows] if by else []
    for value in (*dict.fromkeys(values), None):
        part = np.ones(len(rows), bool) if value is None else np.array(values) == value
        figures = metrics.measure(y_true[part], scores[part], y_pred[part], thresholds)
        intervals = (
            bootstrap.intervals(y_true[part], y_pred[part], groups[part], draws, seed)
            if draws
            else None
        )
        report["parts"].append(
            {"value": value, **asdict(figures), "intervals": intervals and asdict(intervals)}
        )
        table = metrics.metrics_table(
            figures, "all passages" if value is None else f"{by} = {value}"
        )
        tables.append(f"{table}\n{bootstrap.intervals_table(intervals)}" if intervals else table)
    flattering = count_flattering(rows, taught)
    report |= asdict(flattering)
    if notes := flattering.notes():
        tables.append("\n".join(notes))
    if confusion:
        report["confusion"] = confused_sets(y_true, y_pred)
        tables.append(confusion_table(report["confusion"]))
    if slices:
        report["slices"] = slices_by_field(
            rows, classifier.vocabulary, y_true, scores, y_pred, thresholds
        )
        tables.append(slices_table(report["slices"]))
    if reliability:
        bins = {
            label: metrics.reliability(y_true[:, j], scores[:, j]) for j, label in enumerate(LABELS)
        }
        report["reliability"] = {
            label: list(map(asdict, of_label)) for label, of_label in bins.items()
        }
        tables += [metrics.reliability_table(label, of_label) for label, of_label in bins.items()]
    if other:
        comparison = bootstrap.compare(
            y_true, y_pred, other.predict(passages, policy), groups, draws, seed
        )
        report["comparison"] = {"other": other_name, **asdict(comparison)}
        tables.append(bootstrap.comparison_table(comparison, other_name))
    if errors:
        report["errors"] = worst_errors(rows, y_true, scores, thresholds, errors)
        tables.append(errors_table(report["errors"]))
    return metrics.rounded(report), tables


@dataclass(frozen=True)
class Flattering:
    """Rows on which a model looks better than it is."""

    taught: int  # rows whose text taught the model
    in_view: int  # rows labelled with a model's answer in view

    def notes(self) -> list[str]:
        """Say so, a line for each kind."""
        lines = []
        if self.taught:
            lines.append(
                f"{self.taught:,} of these passages taught this model: the figures flatter; measure on others"
            )
        if self.in_view:
            lines.append(
                f"{self.in_view:,} were labelled with a model's answer in view, which draws labels towards it: "
                "the figures flatter; label some with 'tipclassify review --blind'"
            )
        return lines


def count_flattering(rows: Sequence[Row], taught: bytes = b"") -> Flattering:
    """Count the rows that taught a model, by the keys in its folder, and those labelled with an
    answer in view.

    >>> rows = [{"text": "Courts slept.", "predicted": ["failure"]}, {"text": "Police acted.", "blind": ["model"]}]
    >>> count_flattering(rows, pack_taught(["courts slept."]))
    Flattering(taught=1, in_view=1)
    """
    known = int(were_taught([row["text"] for row in rows], taught).sum())
    return Flattering(known, sum(map(_in_view, rows)))


def _in_view(row: Row) -> bool:
    """Whether a row says that its labels were given with a model's answer in view: of 'queue',
    or of 'review'."""
    if row.get("predicted") is not None:
        return True
    blind = row.get("blind")
    return blind is not None and "model" not in blind


def slices_by_field(
    rows: Sequence[Row],
    vocabulary: frozenset[str],
    y_true: Bools,
    scores: Floats,
    y_pred: Bools,
    thresholds: Floats,
) -> list[Figures]:
    """Compute the metrics by section, by length in words, and by number of clauses; `vocabulary`
    is the model's."""
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
    found = []
    for field, column in columns.items():
        for value in values[field]:
            if (here := column == value).any():
                figures = metrics.measure(y_true[here], scores[here], y_pred[here], thresholds)
                found.append({"field": field, "value": value, "metrics": asdict(figures)})
    return found


def confused_sets(y_true: Bools, y_pred: Bools) -> list[Figures]:
    """Count how often each true set of labels was given each set: wrong ones first, then right
    ones, largest first.

    >>> y_true = np.array([[True, True, False], [False, False, False]])
    >>> [cell["given"] for cell in confused_sets(y_true, y_true & [True, False, False])]
    [('positive_effort',), ()]
    """
    # a set of labels as one number
    true, given = (y @ (1 << np.arange(len(LABELS))) for y in (y_true, y_pred))
    pairs, of_true = (
        Counter(zip(true.tolist(), given.tolist(), strict=True)),
        Counter(true.tolist()),
    )
    names = [
        tuple(label for j, label in enumerate(LABELS) if i >> j & 1)
        for i in range(1 << len(LABELS))
    ]
    return [
        {
            "truth": names[i],
            "given": names[j],
            "passages": pairs[i, j],
            "share": pairs[i, j] / of_true[i],
        }
        for i, j in sorted(pairs, key=lambda pair: (pair[0] == pair[1], -pairs[pair], pair))
    ]


def worst_errors(
    rows: Sequence[Row], y_true: Bools, scores: Floats, thresholds: Floats, most: int
) -> list[Figures]:
    """Find the `most` errors whose probability is furthest on the wrong side of the threshold,
    worst first."""
    wrong = np.argwhere(y_true != apply_thresholds(scores, thresholds))
    margin = np.abs(scores - thresholds)[tuple(wrong.T)]
    found = []
    for i, j in wrong[np.argsort(-margin, kind="stable")[:most]].tolist():
        error = {"label": LABELS[j], "error": "missed" if y_true[i, j] else "false"}
        figures = {"probability": float(scores[i, j]), "threshold": float(thresholds[j])}
        found.append({**error, **figures, "id": str(rows[i].get("id", i)), "text": rows[i]["text"]})
    return found


def slices_table(found: Sequence[Figures]) -> str:
    """Format the slices as aligned plain text, one block for each field, with supports in
    brackets."""
    blocks: dict[str, list[tuple[str, ...]]] = {}
    for one in found:
        heads = (
            one["field"],
            "passages",
            "macro-F1",
            "exact match",
            *(f"{label} F1" for label in LABELS),
        )
        *of_all, labels = one["metrics"].values()
        f1s = (
            f"{shown(m['f1'] if m['support'] else float('nan'))} ({m['support']:,})" for m in labels
        )
        blocks.setdefault(one["field"], [heads]).append((one["value"], *map(shown, of_all), *f1s))
    return "\n\n".join("\n".join(aligned(lines)) for lines in blocks.values())


def confusion_table(cells: Sequence[Figures]) -> str:
    """Format the confusion cells as aligned plain text, with a rule between errors and exact
    matches."""
    rows = [("true labels", "given labels", "passages", "of the true")]
    for cell in cells:
        truth, given = (" + ".join(cell[name]) or "(none)" for name in ("truth", "given"))
        rows.append((truth, given, f"{cell['passages']:,}", f"{cell['share']:.1%}"))
    lines = aligned(rows, left=2)
    wrong = [cell["passages"] for cell in cells if cell["truth"] != cell["given"]]
    lines.insert(len(wrong) + 1, "-" * max(map(len, lines)))
    right = sum(cell["passages"] for cell in cells) - sum(wrong)
    return "\n".join([f"sets of labels: {sum(wrong):,} passages wrong, {right:,} right", *lines])


def errors_table(errors: Sequence[Figures]) -> str:
    """Format the errors as plain text, two lines each: the error, and the passage."""
    lines = ["worst errors" if errors else "no errors"]
    for e in errors:
        lines.append(
            f"{e['error']} {e['label']}: {e['probability']:.3f}, threshold {e['threshold']:.3f}  ({e['id']})"
        )
        lines.append(f"    {shown(e['text'])}")
    return "\n".join(lines)
