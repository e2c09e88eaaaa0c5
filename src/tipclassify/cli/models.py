"""``tipclassify models``, ``info`` and ``check``: list and add models, describe one, run the codebook's cases on one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from tipclassify._version import __version__
from tipclassify.cli import options
from tipclassify.cli.output import print_line, print_note, write_text
from tipclassify.formatting import aligned, one_line
from tipclassify.labels import LABELS, POLICIES
from tipclassify.progress import progress_bar


def add(
    source: Annotated[str, Argument(metavar="FOLDER-OR-URL", help="Folder of a model, or its address.")],
    name: Annotated[str | None, Option(metavar="NAME", help="To keep it under; else its folder's.")] = None,
    sha256: Annotated[str | None, Option(metavar="HASH", help="As its publisher states it: refuse others.")] = None,
    allow_private: options.AllowPrivate = False,
) -> None:
    """Put a model where --model finds it by name.

    Every file must have the SHA-256 that is stated in the model.json beside it. An interrupted download continues when
    the command is run again. A model contains no code to run, only arithmetic; whether to trust its tags is for you to
    decide, and "--sha256" refuses any model but the one that you expect.

    Models are kept in TIPCLASSIFY_MODELS, or in the cache folder of this system. Links need the extra "links".
    """
    from tipclassify.model.adding import add_model

    with progress_bar("bytes") as progress:
        added = add_model(source, name, sha256=sha256, allow_private=allow_private, progress=progress)
    print_note(f"added {added.name}, a model of kind {added.kind}, in {added.folder}")
    print_line(added.head["sha256"])


def list_(output: options.Output = None) -> None:
    """List the models that have a name here: name, kind, hash and folder.

    "default" and "fast" come with tipclassify.
    """
    from tipclassify.model.loading import SHIPPED, describe_folder, installed, model_folder

    found = [*(describe_folder(name, model_folder(name)) for name in SHIPPED), *installed()]
    rows = [(one.name, one.kind, str(one.head.get("sha256", ""))[:12] or "-", str(one.folder)) for one in found]
    write_text(output, "\n".join(aligned([list(map(one_line, row)) for row in rows], left=4)))


def info(model: options.Model = None, output: options.Output = None) -> None:
    """Describe a model: its training data, versions, metrics and thresholds."""
    from tipclassify.model.classifier import Classifier
    from tipclassify.model.loading import model_folder

    folder = model_folder(model)
    found = Classifier.load(folder)
    meta = dict(found.meta)
    corpus = meta.get("corpus", {})
    lines = {
        "tipclassify": __version__,
        "model": str(folder),
        "model hash": str(meta["sha256"]),
        "labels": ", ".join(LABELS),
        **found.scorer.about(),
        "corpus": f"{corpus.get('passages', '?')} passages, hash {corpus.get('sha256', 'not recorded')}",
        "trained with": ", ".join(f"{name} {version}" for name, version in meta.get("versions", {}).items()),
        "macro-F1": f"{meta.get('metrics', {}).get('macro_f1', '?')} ({found.scorer.measured})",
    }
    for policy in POLICIES:
        limits = zip(LABELS, found.thresholds(policy).tolist(), strict=True)
        lines[f"thresholds, {policy}"] = ", ".join(f"{label} {limit:.3f}" for label, limit in limits)
    write_text(output, "\n".join(aligned(list(lines.items()), left=2)))


def check(
    folder: Annotated[str | None, Argument(metavar="[MODEL]", help="The model, as --model takes it.")] = None,
    cases: Annotated[Path | None, Option(metavar="DIR", help="Cases; the shipped ones by default.")] = None,
    failures: Annotated[int, Option(min=0, help="Failed cases to show for each rule.")] = 0,
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
    changed = replay_golden(classifier, golden.read_bytes().splitlines()) if golden.is_file() else []
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
