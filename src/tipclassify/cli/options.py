"""Options shared by the commands, each declared once."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer
from typer import Argument, Option
from typer.models import OptionInfo

from tipclassify.cli.output import print_note
from tipclassify.errors import UsageError
from tipclassify.formatting import count_with_noun
from tipclassify.labels import LABELS
from tipclassify.labels import Policy as PolicyName
from tipclassify.records import Unit as UnitName

if TYPE_CHECKING:
    from tipclassify.corpus.files import Columns
    from tipclassify.corpus.rows import Row
    from tipclassify.readers import ReadOptions
    from tipclassify.tagging import Tagging


def invalid_option(option: str, reason: str) -> typer.BadParameter:
    """Make the usage error of an invalid option value."""
    return typer.BadParameter(reason, param_hint=f"'{option}'")


def _refuse_zero(jobs: int) -> int:
    if jobs == 0:
        raise invalid_option(
            "--jobs", "0 processes do nothing; give 1 or more, or -1 for one each core"
        )
    return jobs


REPORT_HELP = "A report: a file of any kind that score takes, or a link; '-' is standard input."
LABELLED_HELP = (
    "Labelled passages: .jsonl, .csv, .parquet, .sqlite of a desk or review, or a folder."
)

Files = Annotated[
    list[str],
    Argument(
        metavar="FILE...",
        help="Reports, folders, links, patterns, or '@list.txt' with one of these a line; "
        "see 'tipclassify score --help' for all kinds.",
    ),
]
ScoredFiles = Annotated[
    list[str],
    Argument(
        metavar="FILE...",
        help="Reports (text, Markdown, HTML, PDF, Word, EPUB, mail, each also as .gz), links, "
        "folders, .zip, patterns, '@list.txt' with one of these a line, '-' for standard input. A "
        ".jsonl, .csv or .xlsx file with a column or field 'text' is scored row by row, without "
        "splitting; .jsonl output keeps its other fields. A folder gives its reports and .jsonl "
        "files; name tables one by one.",
    ),
]
Labelled = Annotated[list[Path], Argument(metavar="PATH...", help=LABELLED_HELP)]
Model = Annotated[
    str | None,
    Option(metavar="NAME|DIR", help="default, fast, or the folder of another."),
]
Policy = Annotated[
    PolicyName, Option(help="screen: few missed; balanced: best F1; cite: fewer wrong.")
]
Threshold = Annotated[
    list[str] | None,
    Option(metavar="LABEL=VALUE", help="Minimum probability of a label. Repeatable."),
]
Unit = Annotated[
    UnitName, Option(help="Split reports to sentences, or long semicolon lists also to clauses.")
]
TextColumn = Annotated[
    str, Option(metavar="NAME", help="Column of tables, field of .jsonl, with the text.")
]
LabelColumn = Annotated[
    str, Option(metavar="NAME", help="Column or field with the labels: names, joined by ';'.")
]
AnnotatedFor = Annotated[
    str,
    Option(
        "--annotated",
        metavar="LABELS",
        help="The labels, joined by ',', that were annotated; others count as unknown.",
    ),
]
Encoding = Annotated[
    str | None, Option(metavar="NAME", help="Of text and HTML files (cp1252); by default detected.")
]
AllowPrivate = Annotated[
    bool, Option("--allow-private", help="Let links lead to private and loopback addresses.")
]
Jobs = Annotated[
    int,
    Option(
        "--jobs",
        "-j",
        metavar="N",
        callback=_refuse_zero,
        help="Processes; -1: one for each core.",
    ),
]
Draws = Annotated[int, Option(metavar="N", min=0, help="Bootstrap draws; 0 for no intervals.")]
Seed = Annotated[int, Option(metavar="N", min=0, help="Random seed.")]
Most = Annotated[
    int, Option(metavar="N", min=0, help="Findings to write of each part, the worst first.")
]
Format = Annotated[
    Literal["table", "jsonl"], Option("--format", "-f", help="A table, or a JSON object a line.")
]
Output = Annotated[
    Path | None,
    Option("--output", "-o", metavar="FILE", help="Write to FILE (atomic)."),
]
NewFile = Annotated[
    Path,
    Option("--output", "-o", "--out", metavar="FILE", help="Write to FILE (atomic)."),
]


def parse_thresholds(given: Sequence[str] | None) -> dict[str, float]:
    """Parse ``["failure=0.4"]`` to ``{"failure": 0.4}``.

    The last of several for one label applies.
    """
    chosen = {}
    for option in given or ():
        label, _, written = option.partition("=")
        try:
            value = float(written)
        except ValueError:
            raise invalid_option("--threshold", f"{option!r} is not LABEL=VALUE") from None
        if not 0 < value < 1:
            raise invalid_option("--threshold", f"{option!r}: the value must be over 0 and under 1")
        chosen[label] = value
    return chosen


def tagging_of(
    model: str | None,
    policy: PolicyName,
    threshold: Sequence[str] | None = None,
    unit: UnitName = "sentence",
    encoding: str | None = None,
    allow_private: bool = False,
    text_column: str = "text",
) -> Tagging:
    """Combine the options of a command into one picklable value for worker processes."""
    from tipclassify.tagging import Tagging

    thresholds = parse_thresholds(threshold)
    tagging = Tagging(
        model=model,
        policy=policy,
        thresholds=tuple(sorted(thresholds.items())),
        unit=unit,
        read=read_options(encoding, allow_private, text_column),
    )
    if thresholds:
        try:
            tagging.classifier()
        except ValueError as error:  # a label that the model does not have
            raise invalid_option("--threshold", str(error)) from None
    return tagging


def read_options(
    encoding: str | None, allow_private: bool, text_column: str = "text"
) -> ReadOptions:
    """Combine the options for reading; `typer.BadParameter` for an unknown encoding."""
    from tipclassify.readers import ReadOptions
    from tipclassify.readers.encodings import codec_of

    if encoding is not None and codec_of(encoding) is None:
        raise invalid_option(
            "--encoding", f"no encoding is called {encoding!r}; try utf-8, cp1252 or macintosh"
        )
    return ReadOptions(encoding, allow_private, text_column=text_column)


def columns_of(text_column: str, label_column: str, annotated: str = "") -> Columns:
    """Combine the options that name the columns of labelled passages, and what they were read for."""
    from tipclassify.corpus.files import Columns

    names = tuple(name.strip() for name in annotated.split(",") if name.strip())
    return Columns(text_column, label_column, names)


def read_labelled(
    paths: Sequence[Path], columns: Columns, labels: Sequence[str] = LABELS
) -> list[Row]:
    """Read labelled passages of files and folders, and those decided in stores."""
    from tipclassify.corpus.rows import read_rows
    from tipclassify.store.export import read_decided

    files = [path for path in paths if path.suffix.lower() != ".sqlite"]
    decided = {}
    for store in paths:
        if store not in files:
            decided[store], disputed = read_decided(store)
            if disputed:
                left_out = count_with_noun(disputed, "passage")
                print_note(f"{store}: {left_out} left out until settled, since annotators differ")
    return read_rows(*files, columns=columns, labels=labels, decided=decided)


def today() -> str:
    """Return the day (UTC) as YYYY-MM-DD.

    It is that of SOURCE_DATE_EPOCH (reproducible-builds.org) if it is set.
    """
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or time.time()
    try:
        return datetime.fromtimestamp(int(seconds), timezone.utc).date().isoformat()
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"SOURCE_DATE_EPOCH: {seconds!r} are no seconds since 1970; correct it, or unset it"
        ) from None


def format_option(formats: object) -> OptionInfo:
    """Declare the option of the output format, one of a `Literal` of names."""
    names = ", ".join(get_args(formats))
    option: OptionInfo = Option(
        "--format",
        "-f",
        metavar="FORMAT",
        help=f"One of {names}; by the suffix of --output, else table.",
    )
    return option
