"""``tipclassify bundle`` and ``tipclassify verify``: bundles of published figures."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from typer import Argument, Option

from tipclassify.cli import options
from tipclassify.cli.output import (
    check_output,
    expand_and_check,
    file_ids,
    open_output,
    print_line,
    print_note,
    print_warnings,
    write_results,
)
from tipclassify.formatting import format_columns, one_line
from tipclassify.progress import progress_bar


def bundle(
    files: options.Files,
    output: options.NewFile,
    with_sources: Annotated[
        bool, Option("--with-sources", help="Include the reports, if you may share them.")
    ] = False,
    with_model: Annotated[
        bool, Option("--with-model", help="Include the model, if it is your own.")
    ] = False,
    checks: Annotated[
        Path | None,
        Option(
            metavar="DESK|FILE", help="Include who checked what: a desk, or its tipclassify.sqlite."
        ),
    ] = None,
    export: Annotated[
        list[Path] | None,
        Option(metavar="FILE", help="Include a file of findings as published. Repeatable."),
    ] = None,
    model: options.Model = None,
    policy: options.Policy = "balanced",
    threshold: options.Threshold = None,
    unit: options.Unit = "sentence",
    encoding: options.Encoding = None,
    allow_private: options.AllowPrivate = False,
) -> None:
    """Tag reports and pack what was found into a zip file that lets others check your figures.

    It holds every passage with its place, probabilities and labels; the counts; the SHA-256 of the
    reports, of their texts and of the model; thresholds and versions; and how to check it:
    'tipclassify verify FILE REPORT...'. With --checks, also which findings people confirmed,
    rejected or noted, with initials and time.

    Prints the fingerprint of the bundle, which stands for all that is in it: publish it next to the
    figure. The same reports, options and versions give the same bytes. When any report cannot be
    read, no bundle is written. Tables (.csv, .xlsx) are not taken: save them as .jsonl.
    """
    from tipclassify.bundle.write import write_bundle
    from tipclassify.formatting import count_with_noun
    from tipclassify.reports.counts import COUNTED
    from tipclassify.store.checks import read_checks

    tagging = options.tagging_of(model, policy, threshold, unit, encoding, allow_private)
    tagging.classifier()  # report an unusable model before the first report is read
    exports = export or []
    inputs, read = expand_and_check(files, model, output, [checks, *exports])
    checked = read_checks(checks, print_note) if checks else ()
    with open_output(output, binary=True, inputs=read) as out, progress_bar("reports") as progress:
        manifest, fingerprint = write_bundle(
            inputs,
            tagging,
            out,
            with_sources=with_sources,
            with_model=with_model,
            checks=checked,
            exports=exports,
            progress=progress,
        )
    print_warnings([note for recorded in manifest.inputs for note in recorded.notes])
    total = cast("dict[str, Any]", manifest.figures)  # computed here, not read
    counts = "   ".join(
        f"{label} {of_label['count']:,}" for label, of_label in total["labels"].items()
    )
    reports = count_with_noun(len(manifest.inputs), "report")
    print_line(f"{one_line(str(output))}: {total['passages']:,} passages of {reports}: {counts}")
    print_line(COUNTED)
    if manifest.checks:
        counted = manifest.checks
        decided = f"{counted['confirmed']:,} confirmed, {counted['rejected']:,} rejected"
        if corrected := counted.get("corrected"):
            decided += f", {corrected:,} corrected"
        others = f"{counted['disputed']:,} disputed, {counted['unchecked']:,} unchecked"
        print_line(f"findings: {decided}, {others}")
    print_line(f"fingerprint {fingerprint}")


def verify(
    bundle: Annotated[
        str, Argument(metavar="BUNDLE", help="A zip file that 'tipclassify bundle' wrote.")
    ],
    files: Annotated[
        list[str] | None, Argument(metavar="[FILE...]", help="The reports, and exported files.")
    ] = None,
    model: Annotated[
        str | None, Option(metavar="NAME|DIR", help="Model to use; by default an installed one.")
    ] = None,
    strict: Annotated[
        bool, Option("--strict", help="Exit 1 for what was not checked and for rounding, too.")
    ] = False,
    format: options.Format = "table",
    allow_private: options.AllowPrivate = False,
    output: options.Output = None,
) -> None:
    """Verify the figures of a bundle; with the reports it was made of, starting from their bytes.

    Says of each step whether it is ok, differs, or was not checked, and why. Without the reports:
    was anything in the bundle changed, do labels follow from probabilities and counts from labels,
    and, if the model is installed, do the passages get these probabilities? With the reports: do
    they have the same bytes, text and passages? A model in the bundle is not run: if you trust it,
    unpack its folder and name that with --model.

    Tables among the exports are compared with the passages. No byte shows who noted what and when,
    nor where and when an input was downloaded: these are not checked.

    Exits 1 when something differs. What was not checked is no failure, unless you say --strict.
    Nothing can show who made a bundle: compare its fingerprint with the published one. Only links
    that you give are downloaded.
    """
    from tipclassify.bundle.verify import verify_bundle
    from tipclassify.readers import ReadOptions

    read = file_ids([bundle, *(files or ()), model])
    check_output(output, read)
    checks = verify_bundle(
        bundle, files or (), model, ReadOptions(allow_private=allow_private), exact=strict
    )
    rows = []
    for check in checks:
        detail = f"{check.subject}: {check.detail}" if check.subject else check.detail
        rows.append((check.check, check.result, one_line(detail)))
    lines = format_columns(rows, left=3)
    counted: Counter[str] = Counter(check.result for check in checks)
    results = ("ok", "differs", "not checked")
    lines.append("\n" + "   ".join(f"{counted[result]} {result}" for result in results))
    write_results(output, format, map(asdict, checks), "\n".join(lines), inputs=read)
    if counted["differs"] or (strict and counted["not checked"]):
        raise typer.Exit(1)
