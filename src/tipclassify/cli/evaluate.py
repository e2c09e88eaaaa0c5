"""``tipclassify evaluate``: measure a model on labelled passages."""

from __future__ import annotations

from typing import Annotated

import typer

from tipclassify.cli import options
from tipclassify.cli.output import write_results


def evaluate(
    labelled: options.Labelled,
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
        bool,
        typer.Option("--reliability", help="Calibration of each label: predicted and observed frequency in ten bins."),
    ] = False,
    compare: Annotated[
        str | None,
        typer.Option(
            "--compare",
            metavar="NAME|DIR",
            help="Another model, under the same policy: how much better this one is, and how surely.",
        ),
    ] = None,
    threshold: options.Threshold = None,
    draws: Annotated[
        int, typer.Option("--draws", metavar="N", min=0, help="Bootstrap draws of groups; 0 for no intervals.")
    ] = 1_000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Draws the groups.")] = 0,
    format: options.Format = "table",
    model: options.Model = None,
    policy: options.Policy = "balanced",
    output: options.Output = None,
) -> None:
    """Measure a model on passages whose labels are known.

    Prints precision, recall, F1, support, average precision, threshold and expected calibration error of each
    label, macro-F1 and exact match: the table that training prints. Below it stand 95% bootstrap intervals; passages of
    one narrative ("doc") or pair are drawn together. jsonl is one JSON object with every figure; errors and
    the comparison are in it when asked for.
    """
    from tipclassify.corpus.loading import read_rows
    from tipclassify.evaluation.report import evaluate_rows
    from tipclassify.model.classifier import Classifier

    everything = format == "jsonl"
    report, tables = evaluate_rows(
        Classifier.load(model).with_thresholds(options.parse_thresholds(threshold)),
        read_rows(*labelled),
        policy,
        by=by,
        confusion=confusion or everything,
        slices=slices or everything,
        reliability=reliability or everything,
        errors=errors,
        other=Classifier.load(compare) if compare else None,
        other_name=compare or "",
        draws=draws,
        seed=seed,
    )
    write_results(output, format, [report], "\n\n".join(tables))
