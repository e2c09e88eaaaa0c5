"""``tipclassify brief``: a page to hand over on a country over the years."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from tipclassify.cli import options
from tipclassify.cli.output import (
    exit_failed,
    expand_and_check,
    open_output,
    print_note,
    print_notes,
    print_warnings,
)
from tipclassify.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tipclassify.reports.compare.brief import Decided, Place
    from tipclassify.store.state import Check


def brief(
    files: options.Files,
    output: Annotated[
        Path, Option("--output", "-o", metavar="FILE", help="A page (.html) or Word (.docx).")
    ],
    checks: Annotated[
        Path | None,
        Option(metavar="DESK", help="Folder of a desk: what people decided stands for the tags."),
    ] = None,
    model: options.Model = None,
    policy: options.Policy = "balanced",
    threshold: options.Threshold = None,
    encoding: options.Encoding = None,
    allow_private: options.AllowPrivate = False,
) -> None:
    """Write a brief for each country with two or more years of one publication.

    It has the counts by year, as tagged and as checked, the sections that one of two years omits,
    and the five strongest findings of each label that are newly or no longer reported: quoted with
    the sentence before, cited, and with who checked them. Borderline tags and table rows are not
    quoted.
    """
    from tipclassify.reports.compare.brief import briefs
    from tipclassify.store.checks import read_checks
    from tipclassify.tagging import whole
    from tipclassify.write import writer_format_of
    from tipclassify.write.brief import write_brief_docx, write_brief_html
    from tipclassify.write.output import Output

    wanted = writer_format_of(output, {"html": (".html", ".htm"), "docx": (".docx",)})
    tagging = options.tagging_of(
        model, policy, threshold, encoding=encoding, allow_private=allow_private
    )
    inputs, read = expand_and_check(files, model, output)
    decided = _decided(read_checks(checks, print_note)) if checks else {}
    day = options.today()
    reports = []
    failures = []
    for file in inputs:
        try:
            reports.append(whole(file, tagging.reports([file], day=day)))
        except InputError as error:
            failures.append(str(error))
    print_warnings([note for report in reports for note in report.notes])
    print_notes(failures, len(failures))
    made, left_out = briefs(reports, decided)
    if not made:
        raise UsageError("no two years of one country and publication: give both")
    if left_out:
        print_note(f"left out, without a second year, or a year twice: {', '.join(left_out)}")
    target = Output(tagging.run(day), folder=output.parent)
    with open_output(output, binary=wanted == "docx", inputs=read) as out:
        if wanted == "docx":
            write_brief_docx(made, out, target)
        else:
            write_brief_html(made, out, target)
    exit_failed(len(failures), len(inputs))


def _decided(checks: Iterable[Check]) -> dict[Place, Decided]:
    """Gather what people agree on, by finding."""
    from tipclassify.reports.compare.brief import Decided, Place

    answers: defaultdict[Place, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for check in checks:
        if check.labels is not None:
            answers[Place(check.key, check.start, check.end)][check.annotator] = check.labels
    return {
        place: Decided(next(iter(given.values())), tuple(given))
        for place, given in answers.items()
        if len({frozenset(labels) for labels in given.values()}) == 1
    }
