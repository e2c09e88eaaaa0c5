"""``tipclassify summary``: passages of reports by label, as a table, rows or a chart."""

from __future__ import annotations

import sys
from enum import Enum
from typing import Annotated, Final, Literal

from typer import Option

from tipclassify.cli import options
from tipclassify.cli.output import (
    TaggedInputs,
    expand_and_check,
    open_output,
    print_note,
)
from tipclassify.errors import UsageError, needs_extra

FormatName = Literal["table", "csv", "jsonl", "png", "svg"]
# Typer accepts no list of literals.
Dimension = Enum(
    "Dimension",
    {
        "file": "file",
        "country": "country",
        "publication": "publication",
        "year": "year",
        "section": "section",
    },
    type=str,
)
_PICTURES: Final = {"png": (".png",), "svg": (".svg",)}


def summary(
    files: options.Files,
    by: Annotated[
        list[Dimension] | None,
        Option(
            metavar="FIELD",
            help="Count by file (the default), country, publication, year or section. Repeatable.",
        ),
    ] = None,
    publication: Annotated[
        str | None,
        Option(metavar="WORDS", help="Count reports of one publication only: words of its name."),
    ] = None,
    add_up: Annotated[
        bool, Option("--add-publications", help="Add up publications: one row, one total.")
    ] = False,
    format: Annotated[FormatName | None, options.format_option(FormatName)] = None,
    model: options.Model = None,
    policy: options.Policy = "balanced",
    threshold: options.Threshold = None,
    unit: options.Unit = "sentence",
    encoding: options.Encoding = None,
    allow_private: options.AllowPrivate = False,
    jobs: options.Jobs = 1,
    output: options.Output = None,
) -> None:
    """Count the sentences of reports by label, and adjust the counts for the model's errors.

    Reports are tagged as 'score' does. Rows of a .jsonl file, also one that 'score' wrote, are
    tagged anew from their text with this model and policy; what the rows say of file, country, year
    and section is what they are counted by.

    Sections are the six of a trafficking report (assessment, recommendations, prosecution,
    protection, prevention, profile), the chapters on forced labor or trafficking and on child labor
    of other reports, and 'other'.

    A sentence counts once, however often its report repeats it; shares are of the sentences about
    trafficking. Rows of tables are counted beside them.

    Each count comes with an adjusted one (Rogan and Gladen 1978), which corrects for sentences that
    the model misses or tags wrongly, and its 95% score interval, which includes the uncertainty of
    the error rates. They were measured on passages held out of training; that they hold on these
    reports is an assumption. The balanced policy suits counting best: with screen and cite the
    result depends on the error rates more.

    Publications are not added up: where there are several, each has rows and a total of its own,
    unless --add-publications asks for sums.

    References, notes, contents, dates and addresses are not counted. One line under the table says
    so where most of a report is on other subjects than trafficking.
    """
    from tipclassify.reports.counts import summarize
    from tipclassify.write import FORMATS, rows, terminal, writer_format_of

    suffixes = {name: FORMATS[name].suffixes for name in ("table", "csv", "jsonl")} | _PICTURES
    wanted = format or (writer_format_of(output, suffixes) if output else "table")
    picture = wanted in _PICTURES
    dimensions: list[str] = list(dict.fromkeys(dimension.value for dimension in by or ()))
    if wanted == "png" and output is None and sys.stdout.isatty():
        raise options.invalid_option(
            "--format", "a picture cannot be shown here: say --output FILE.png"
        )
    if picture:
        with needs_extra("drawing charts", "charts"):  # before the tagging, which may take an hour
            import matplotlib.figure  # noqa: F401

        from tipclassify.reports.chart import draw_chart

    tagging = options.tagging_of(model, policy, threshold, unit, encoding, allow_private)
    run = tagging.run()
    inputs, read = expand_and_check(files, model, output)
    tagged_inputs = TaggedInputs(inputs, tagging, jobs)
    counted = summarize(
        tagged_inputs.reports(),
        dimensions or ["file"],
        publication=publication,
        add_up=add_up,
        run=run,
    )
    if publication and not counted.groups:
        raise UsageError(
            f"no report is of a publication called '{publication}'; --by publication lists them"
        )
    if counted.rates is None:
        print_note(
            "counts are not adjusted: this model records no error rates; "
            "train it again to have them"
        )
    with open_output(output, binary=picture, inputs=read) as out:
        if picture:
            draw_chart(counted, wanted, out, options.today())
        elif wanted == "table":
            terminal.write_summary(counted, out)
        elif wanted == "csv":
            rows.write_summary_csv(counted, out)
        else:
            rows.write_summary_jsonl(counted, out)
    tagged_inputs.end()
