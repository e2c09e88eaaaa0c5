"""``tipclassify bundle`` and ``tipclassify verify``: make and verify bundles of published figures."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Final

import typer

from tipclassify.cli import options
from tipclassify.cli.output import open_output, print_warnings, write_rows
from tipclassify.formatting import one_line

if TYPE_CHECKING:
    from tipclassify.pipeline.bundle.checking import Check

_COLOURS: Final = {"ok": typer.colors.GREEN, "differs": typer.colors.RED, "not checked": typer.colors.YELLOW}


def bundle(
    files: options.Files,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The zip file to write (whole or not at all).")
    ],
    with_sources: Annotated[
        bool,
        typer.Option(
            "--with-sources",
            help="Include the reports themselves. Off by default: you may not be allowed to pass them on.",
        ),
    ] = False,
    with_model: Annotated[
        bool,
        typer.Option(
            "--with-model",
            help="Include the model, so that others can replay the scores of a model that you trained. A model that "
            "comes with tipclassify need not be included.",
        ),
    ] = False,
    model: options.Model = None,
    policy: options.Policy = "balanced",
    threshold: options.Threshold = None,
    unit: options.Unit = "sentence",
    encoding: options.Encoding = None,
    allow_private: options.AllowPrivate = False,
) -> None:
    """Tag reports and pack what was found into a zip file that lets others check your figures.

    It holds every passage with its place, probabilities and labels; the counts; the SHA-256 of the reports, of their
    texts and of the model; thresholds and versions; and how to check all that: 'tipclassify verify FILE REPORT...'. The
    reports are not in it, unless you say --with-sources, but their passages are.

    Prints the fingerprint of the bundle, which stands for all that is in it: publish it next to the figure. The same
    reports, options and versions give the same bytes. When any report cannot be read, no bundle is written.
    """
    from tipclassify.pipeline.batch import expand_inputs
    from tipclassify.pipeline.bundle.writing import write_bundle
    from tipclassify.progress import progress_bar

    tagging = options.tagging(model, policy, threshold, unit, encoding, allow_private)
    tagging.classifier()  # report an unusable model before the first report is read
    with open_output(output, binary=True) as out, progress_bar("reports") as progress:
        made, fingerprint = write_bundle(expand_inputs(files), tagging, out, with_sources, with_model, progress)
    for one in made.inputs:
        print_warnings(one.notes)
    total = made.figures
    counts = "   ".join(f"{label} {counted['count']:,}" for label, counted in total.labels.items())
    typer.echo(f"{one_line(str(output))}: {total.passages:,} passages of {len(made.inputs):,} reports: {counts}")
    typer.echo(f"fingerprint {fingerprint}")


def verify(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="A zip file that 'tipclassify bundle' wrote.")],
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE...]",
            help="The reports it was made of: files of any name, folders, patterns, links. Other files in a folder are "
            "ignored. Not needed if the bundle includes them.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME|DIR",
            help="The model to score with; by default the one that comes with tipclassify, was added, or is in the "
            "bundle, if the bundle was made with it.",
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Exit with 1 also for what was not checked, and for probabilities that differ by rounding."
        ),
    ] = False,
    format: options.Format = "table",
    allow_private: options.AllowPrivate = False,
    output: options.Output = None,
) -> None:
    """Verify the figures of a bundle; with the reports it was made of, starting from their bytes.

    Says of each step whether it is ok, differs, or was not checked, and why. Without the reports: was anything in the
    bundle changed, do labels follow from probabilities and counts from labels, and, if the model is installed, do the
    passages get these probabilities? With the reports: do they have the same bytes, text and passages?

    Exits 1 when something differs. What was not checked is no failure, unless you say --strict. Nothing can show who
    made a bundle: compare its fingerprint with the published one. Only links that you give are downloaded.
    """
    from tipclassify.pipeline.bundle.checking import verify_bundle
    from tipclassify.readers import ReadOptions

    checks = verify_bundle(bundle, files or (), model, ReadOptions(allow_private=allow_private), exact=strict)
    if format == "jsonl":
        write_rows(output, map(asdict, checks))
    else:
        with open_output(output) as out:
            _write_table(checks, out)
    if any(check.result == "differs" or (strict and check.result == "not checked") for check in checks):
        raise typer.Exit(1)


def _write_table(checks: Sequence[Check], out: IO[str]) -> None:
    """Write a line for each check, then the number of checks by result; coloured on a terminal only."""
    coloured = out.isatty() and not os.environ.get("NO_COLOR")
    width, result_width = max(len(check.check) for check in checks) + 2, max(map(len, _COLOURS)) + 2
    for check in checks:
        result = check.result.ljust(result_width)
        if coloured:
            result = typer.style(result, fg=_COLOURS[check.result])
        subject = f"{check.subject}: " if check.subject else ""
        out.write(f"{check.check.ljust(width)}{result}{one_line(subject + check.detail)}\n")
    counted: Counter[str] = Counter(check.result for check in checks)
    out.write("\n" + "   ".join(f"{counted[result]} {result}" for result in _COLOURS) + "\n")
