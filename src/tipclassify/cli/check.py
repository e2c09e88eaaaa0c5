"""``tipclassify check``: does a model behave as the codebook says?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tipclassify.cli.options import ModelOption, OutputOption

__all__ = ["check"]


def check(
    folder: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL]", help="The model, as --model takes it; the shipped one by default."),
    ] = None,
    cases: Annotated[
        Path | None, typer.Option("--cases", metavar="DIR", help="Folder of cases; the shipped ones by default.")
    ] = None,
    failures: Annotated[int, typer.Option("--failures", min=0, help="Failed cases to show for each rule.")] = 0,
    model: ModelOption = None,
    output: OutputOption = None,
) -> None:
    """Run the codebook's behaviour cases and replay the model's golden passages.

    Prints the share of cases passed for each rule. Exits 1 when a rule passes less often than when the model was
    trained (the rates stored in its model.json), or a golden passage scores differently: by over 0.002 with the fast model; with
    the default, which processors round differently, by over 0.15, or over 0.015 on average.
    """
    from tipclassify.cli.output import open_output
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
    # Rates are stored with four decimals.
    under = [r.rule for r in results if r.rate < stored.get(r.rule, 0) - 5e-5]
    width = max(len(r.rule) for r in results)
    with open_output(output) as out:
        for result in results:
            mark = f"  under the stored {stored[result.rule]:.1%}" if result.rule in under else ""
            out.write(f"{result.rule.ljust(width)}  {result.rate:7.1%}  {result.passed}/{result.cases}{mark}\n")
            for failure in result.failures[:failures]:
                expected, given = (", ".join(names) or "no label" for names in (failure.expected, failure.given))
                out.write(f"    expected {expected}; given {given}: {failure.text}\n")
        passed, total = sum(r.passed for r in results), sum(r.cases for r in results)
        out.write(f"\n{passed} of {total} cases passed; golden passages: {len(changed)} changed\n")
        for failure in changed[:5]:
            out.write(f"    stored {', '.join(failure.expected)}; now {', '.join(failure.given)}: {failure.text}\n")
    if under or changed:
        raise typer.Exit(1)
