"""``tipclassify check``: run the codebook's behaviour cases and the golden passages of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tipclassify.cli import options
from tipclassify.cli.output import write_text


def check(
    folder: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL]", help="The model, as --model takes it; the shipped one by default."),
    ] = None,
    cases: Annotated[
        Path | None, typer.Option("--cases", metavar="DIR", help="Folder of cases; the shipped ones by default.")
    ] = None,
    failures: Annotated[int, typer.Option("--failures", min=0, help="Failed cases to show for each rule.")] = 0,
    model: options.Model = None,
    output: options.Output = None,
) -> None:
    """Run the codebook's behaviour cases and replay the model's golden passages.

    Prints the share of cases passed for each rule. Exits 1 when a rule passes less often than when the model was
    trained (the rates stored in its model.json), or a golden passage scores differently: by over 0.002 with the fast
    model; with the default, which processors round differently, by over 0.15, or over 0.015 on average.
    """
    from tipclassify.evaluation.behaviour_tests import replay_golden, run_cases
    from tipclassify.model.classifier import Classifier
    from tipclassify.model.loading import model_folder

    if folder is not None and model is not None:
        raise typer.BadParameter("give the model once, as MODEL or with --model", param_hint="'--model'")
    path = model_folder(folder or model)
    classifier = Classifier.load(path)
    results = run_cases(classifier, cases)
    stored = dict(classifier.meta.get("behaviours", {})) if cases is None else {}
    golden = path / "golden.jsonl"
    changed = replay_golden(classifier, golden.read_text("utf-8").splitlines()) if golden.is_file() else []
    regressed = [r.rule for r in results if r.rate < stored.get(r.rule, 0) - 5e-5]  # stored with four decimals
    width = max(len(r.rule) for r in results)
    lines = []
    for result in results:
        note = f"  under the stored {stored[result.rule]:.1%}" if result.rule in regressed else ""
        lines.append(f"{result.rule.ljust(width)}  {result.rate:7.1%}  {result.passed}/{result.cases}{note}")
        for failure in result.failures[:failures]:
            expected, given = (", ".join(names) or "no label" for names in (failure.expected, failure.given))
            lines.append(f"    expected {expected}; given {given}: {failure.text}")
    passed, total = sum(r.passed for r in results), sum(r.cases for r in results)
    lines.append(f"\n{passed} of {total} cases passed; golden passages: {len(changed)} changed")
    for one in changed[:5]:
        lines.append(f"    stored {', '.join(one.expected)}; now {', '.join(one.given)}: {one.text}")
    write_text(output, "\n".join(lines))
    if regressed or changed:
        raise typer.Exit(1)
