"""``tipclassify evaluate``: how well a model does on labelled passages."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from tipclassify.cli.options import (
    Findings,
    ModelOption,
    OutputOption,
    Policy,
    PolicyOption,
    ThresholdOption,
    chosen_thresholds,
)
from tipclassify.labels import LABELS

__all__ = ["evaluate"]


def evaluate(
    labelled: Annotated[
        list[Path],
        typer.Argument(metavar="LABELLED...", help="Labelled passages: .jsonl, .csv, .parquet, or a folder."),
    ],
    by: Annotated[
        str | None, typer.Option("--by", metavar="FIELD", help="One table for each value of this field.")
    ] = None,
    confusion: Annotated[
        bool, typer.Option("--confusion", help="Which sets of labels were given for which, wrong ones first.")
    ] = False,
    errors: Annotated[int, typer.Option("--errors", metavar="N", min=0, help="Show the N worst errors.")] = 0,
    slices: Annotated[
        bool, typer.Option("--slices", help="Figures by section, length in words and number of clauses.")
    ] = False,
    reliability: Annotated[
        bool, typer.Option("--reliability", help="For each label, what was said and what was seen in ten bins.")
    ] = False,
    compare: Annotated[
        str | None,
        typer.Option(
            "--compare",
            metavar="NAME|DIR",
            help="Another model, under the same policy: how much better this one is, and how surely.",
        ),
    ] = None,
    threshold: ThresholdOption = None,
    draws: Annotated[
        int, typer.Option("--draws", metavar="N", min=0, help="Bootstrap draws of groups; 0 for no intervals.")
    ] = 1_000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Draws the groups.")] = 0,
    format: Annotated[Findings, typer.Option("--format", "-f", help="How to write the figures.")] = Findings.table,
    model: ModelOption = None,
    policy: PolicyOption = Policy.balanced,  # type: ignore[attr-defined]
    output: OutputOption = None,
) -> None:
    """Measure a model on passages whose labels are known.

    Prints precision, recall, F1, support, average precision, threshold and expected calibration error of each
    label, macro-F1 and exact match: the table that training prints. Below it stand 95% bootstrap intervals; passages of
    one narrative ("doc") or pair are drawn together. jsonl is one JSON object with every figure; errors and
    the comparison are in it when asked for.
    """
    import json

    import numpy as np

    from tipclassify.cli.output import open_output
    from tipclassify.corpus.loading import group_rows, read_rows
    from tipclassify.errors import InputError
    from tipclassify.evaluation import bootstrap as resampling
    from tipclassify.evaluation import error_analysis as where
    from tipclassify.evaluation import metrics as evaluation
    from tipclassify.labels import indicator
    from tipclassify.model.classifier import Classifier
    from tipclassify.model.linear.scoring import apply_thresholds
    from tipclassify.text.document import Passage

    chosen = chosen_thresholds(threshold)
    classifier = Classifier.load(model)
    other = Classifier.load(compare) if compare else None
    rows = read_rows(*labelled)
    if by and not any(by in row for row in rows):
        raise InputError(f"no row has a field {by!r}; choose one of {', '.join(sorted(rows[0]))}")
    truth = np.array([indicator(row["labels"]) for row in rows], bool)
    groups = np.array(group_rows(rows))
    policy_thresholds = dict(zip(LABELS, classifier.thresholds(policy.value).tolist(), strict=True))
    thresholds = np.array([chosen.get(label, value) for label, value in policy_thresholds.items()])
    passages = [Passage(row["text"], 0, len(row["text"]), row.get("section") or None) for row in rows]
    scores = classifier.predict_proba(passages)
    given = apply_thresholds(scores, thresholds)

    parts = {(None, "all passages"): np.ones(len(rows), bool)}
    if by:
        values = np.array([str(row.get(by)) for row in rows])
        parts = {(value, f"{by} = {value}"): values == value for value in dict.fromkeys(values.tolist())} | parts
    tables: list[str] = []
    report: dict[str, Any] = {
        "model": classifier.meta.get("sha256"),
        "policy": policy.value,
        "thresholds": dict(zip(LABELS, thresholds.tolist(), strict=True)),
        "draws": draws,
        "seed": seed,
        "by": by,
        "parts": [],
    }
    for (value, title), part in parts.items():
        metrics = evaluation.measure(truth[part], scores[part], given[part], thresholds)
        intervals = resampling.intervals(truth[part], given[part], groups[part], draws, seed) if draws else None
        table = evaluation.metrics_table(metrics, title)
        tables.append(table + "\n" + resampling.intervals_table(intervals) if intervals else table)
        report["parts"].append(
            {"value": value, **asdict(metrics), "intervals": asdict(intervals) if intervals else None}
        )

    everything = format is Findings.jsonl
    if confusion or everything:
        cells = where.confused_sets(truth, given)
        report["confusion"] = [asdict(cell) for cell in cells]
        tables.append(where.confusion_table(cells))
    if slices or everything:
        found = where.slices(rows, classifier.vocabulary, truth, scores, given, thresholds)
        report["slices"] = [asdict(one) for one in found]
        tables.append(where.slices_table(found))
    if reliability or everything:
        bins = {label: evaluation.reliability(truth[:, j], scores[:, j]) for j, label in enumerate(LABELS)}
        report["reliability"] = {label: [asdict(b) for b in of_label] for label, of_label in bins.items()}
        tables.extend(evaluation.reliability_table(label, of_label) for label, of_label in bins.items())
    if other:
        comparison = resampling.compare(truth, given, other.predict(passages, policy.value), groups, draws, seed)
        report["comparison"] = {"other": compare, **asdict(comparison)}
        tables.append(resampling.comparison_table(comparison, compare or ""))
    if errors:
        mistakes = where.worst_errors(rows, truth, scores, thresholds, errors)
        report["errors"] = [asdict(mistake) for mistake in mistakes]
        tables.append(where.errors_table(mistakes))
    with open_output(output) as out:
        if everything:
            out.write(json.dumps(evaluation.rounded(report), ensure_ascii=False) + "\n")
        else:
            out.write("\n\n".join(tables) + "\n")
