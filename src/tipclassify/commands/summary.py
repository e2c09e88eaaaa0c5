"""``tipclassify summary``: how many passages of reports have each label, as a table, rows or a chart."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Final

import typer

from tipclassify.commands.options import (
    AllowPrivateOption,
    EncodingOption,
    FilesArgument,
    JobsOption,
    ModelOption,
    OutputOption,
    Policy,
    PolicyOption,
    ThresholdOption,
    Unit,
    UnitOption,
    tagging,
)
from tipclassify.labels import LABELS

if TYPE_CHECKING:
    from rich.text import Text

    from tipclassify.summary import Estimate, Group, Summary

__all__ = ["summary"]


class By(str, Enum):
    """What passages are counted by: `tipclassify.summary.DIMENSIONS`."""

    file = "file"
    country = "country"
    year = "year"
    section = "section"


class Format(str, Enum):
    """How counts are written."""

    table = "table"
    csv = "csv"
    jsonl = "jsonl"
    png = "png"
    svg = "svg"


class Chart(str, Enum):
    """How counts are drawn."""

    bars = "bars"
    heatmap = "heatmap"


_SUFFIXES: Final = {
    ".txt": Format.table,
    ".csv": Format.csv,
    ".jsonl": Format.jsonl,
    ".ndjson": Format.jsonl,
    ".png": Format.png,
    ".svg": Format.svg,
}
_PICTURES: Final = (Format.png, Format.svg)
_MARKS: Final = {"few": "*", "weak": "†", "unlike": "‡", "unclear": "?"}
_WIDTH: Final = 120  # of the table when the output is no terminal
_NO_RATES: Final = (
    "tipclassify: this model does not record its error rates (an older version trained it): counts are not adjusted; "
    "train it again to have them"
)


def summary(
    files: FilesArgument,
    by: Annotated[
        list[By] | None,
        typer.Option(
            "--by",
            help="What to count by; repeat it to combine (--by country --by year). By file, unless told otherwise; a heat "
            "map by country and year.",
        ),
    ] = None,
    format: Annotated[
        Format | None,
        typer.Option("--format", "-f", help="How to write the counts; by the suffix of --output, else a table."),
    ] = None,
    chart: Annotated[
        Chart | None,
        typer.Option(
            "--chart",
            help="What to draw as png or svg: bars, a row for each group, or heatmap, one panel for each label with the "
            "first --by downwards and the second across. Bars, unless told otherwise.",
        ),
    ] = None,
    model: ModelOption = None,
    policy: PolicyOption = Policy.balanced,  # type: ignore[attr-defined]
    threshold: ThresholdOption = None,
    unit: UnitOption = Unit.sentence,
    encoding: EncodingOption = None,
    allow_private: AllowPrivateOption = False,
    jobs: JobsOption = 1,
    output: OutputOption = None,
) -> None:
    """Count the passages of reports by label, and adjust the counts for the model's errors.

    Reports are tagged as 'score' does. Rows of a .jsonl file, also one that 'score' wrote, are tagged anew from their
    text with this model and policy; what the rows say of file, country, year and section is what they are counted by.

    Each count comes with an adjusted one (Rogan and Gladen 1978), which makes up for what the model misses and tags
    wrongly, and its 95% interval: the true counts of these passages that agree with what was tagged, by a score
    interval that knows how uncertain the model's error rates are. They were measured out of fold on the narratives of
    its corpus; that they hold on these reports is an assumption. The balanced policy suits counting best: screen and
    cite lean on the error rates more.
    """
    from tipclassify.commands.inputs import tagged_reports
    from tipclassify.commands.output import open_output
    from tipclassify.summary import summarize
    from tipclassify.writers import Run

    wanted = _format(format, output)
    picture = wanted in _PICTURES
    dimensions = list(dict.fromkeys(one.value for one in by or ()))
    if chart and not picture:
        raise typer.BadParameter("a chart is a picture: say --format png or svg", param_hint="'--chart'")
    if chart is Chart.heatmap:
        dimensions = dimensions or ["country", "year"]
        if len(dimensions) != 2:
            raise typer.BadParameter("a heat map has two sides: say --by twice", param_hint="'--by'")
    if wanted is Format.png and output is None and sys.stdout.isatty():
        raise typer.BadParameter("a picture cannot be shown here: say --output FILE.png", param_hint="'--format'")
    if picture:
        from tipclassify.charts import require_matplotlib

        require_matplotlib()  # before an hour of tagging, not after

    how = tagging(model, policy, threshold, unit, encoding, allow_private)
    run = Run(how.classifier(), how.policy)
    with tagged_reports(files, how, jobs) as reports:
        found = summarize(reports, run, dimensions or ["file"], dict(how.thresholds))
        if found.rates is None:
            print(_NO_RATES, file=sys.stderr)
        with open_output(output, binary=picture) as out:
            if wanted is Format.table:
                _write_table(found, out)
            elif wanted is Format.csv:
                _write_csv(found, out)
            elif wanted is Format.jsonl:
                _write_jsonl(found, out)
            else:
                from tipclassify.charts import draw

                draw(found, (chart or Chart.bars).value, wanted.value, out)


def _format(format: Format | None, output: Path | None) -> Format:
    from tipclassify.errors import InputError

    if format or output is None:
        return format or Format.table
    if output.suffix.lower() not in _SUFFIXES:
        known = ", ".join(suffix for suffix in _SUFFIXES if suffix != ".ndjson")
        raise InputError(f"{output}: no format has the suffix {output.suffix!r}; use {known}, or say --format")
    return _SUFFIXES[output.suffix.lower()]


# --------------------------------------------------------------------------------------------- the table


def _write_table(found: Summary, out: IO[str]) -> None:
    """Count and share of each label by group and, below, the adjusted count with its interval; then what to know of it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tipclassify.summary import ASSUMPTION, NONE, NOTES, OVERLAP

    console = Console(file=out, highlight=False, width=None if out.isatty() else _WIDTH)
    table = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
    for name in found.by:
        table.add_column(name, overflow="fold", vertical="top")
    for column in ("passages", *LABELS, NONE):
        table.add_column(column, justify="right", no_wrap=True)
    above: Sequence[Any] = ()
    for group in found.groups:
        names = [
            "" if group.key[: i + 1] == above[: i + 1] and i + 1 < len(found.by) else _shown(value, name)
            for i, (name, value) in enumerate(zip(found.by, group.key, strict=True))
        ]
        table.add_row(*map(Text, names), *_cells(found, group))
        above = group.key
    total = [Text("total"), *[Text()] * (len(found.by) - 1)]
    table.add_section()
    table.add_row(*total, *_cells(found, found.total), style="bold")
    console.print(table)

    console.print()
    console.print(Text(OVERLAP))
    if found.rates is not None:
        console.print(Text(f"Second lines: adjusted for the model's errors. {ASSUMPTION}"))
        groups = [*found.groups, found.total]
        given = {note for g in groups for label in LABELS for note in _notes(found.estimate(g, label))}
        for note, text in NOTES.items():
            if note in given:
                console.print(Text(f"{_MARKS[note]} {text}"))
    console.print(Text("   ".join(f"{name} {value}" for name, value in found.about.items())))


def _cells(found: Summary, group: Group) -> list[Text]:
    from rich.text import Text

    from tipclassify.summary import NONE

    cells = [Text(f"{group.passages:,}")]
    for label in (*LABELS, NONE):
        share = f"{group.share(label):4.0%}" if group.passages else "   –"
        cell = Text(f"{group.count(label):,} {share}")
        estimate = found.estimate(group, label) if label != NONE else None
        if estimate is not None:
            cell.append(f"\n{_adjusted(estimate)}", style="dim")
        cells.append(cell)
    return cells


def _adjusted(estimate: Estimate) -> str:
    marks = "".join(_MARKS[note] for note in estimate.notes)
    return f"{marks}{estimate.count:,.0f} ({estimate.low:,.0f}–{estimate.high:,.0f})"


def _notes(estimate: Estimate | None) -> Sequence[str]:
    return estimate.notes if estimate else ()


def _shown(value: Any, name: str) -> str:
    from tipclassify.writers.cells import one_line

    return f"(no {name})" if value is None else one_line(str(value))


# --------------------------------------------------------------------------------------------- rows


def _write_jsonl(found: Summary, out: IO[str]) -> None:
    """One object for each group, and one with ``"total": true``."""
    import json

    for row in found.rows():
        out.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write_csv(found: Summary, out: IO[str]) -> None:
    """The same rows with ``failure``, ``failure_share``, ``failure_adjusted``, … as columns; notes joined by ``;``."""
    import csv

    writer = csv.writer(out, lineterminator="\r\n")
    for number, row in enumerate(map(_flat, found.rows())):
        if not number:
            writer.writerow(row)
        writer.writerow(map(_cell, row.values()))


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        of_labels = value if name == "labels" else {name: value} if name == "none" else {}
        for label, figures in of_labels.items():
            flat.update({label if key == "count" else f"{label}_{key}": figure for key, figure in figures.items()})
        if not of_labels:
            flat[name] = value
    return flat


def _cell(value: Any) -> Any:
    from tipclassify.writers.cells import looks_like_a_formula

    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ";".join(value)
    return "'" + value if isinstance(value, str) and looks_like_a_formula(value) else value
