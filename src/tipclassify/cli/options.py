"""Options shared by the commands, each declared once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tipclassify.labels import LABELS

if TYPE_CHECKING:
    from tipclassify.pipeline.batch import Tagging

PolicyName = Literal["screen", "balanced", "cite"]
UnitName = Literal["sentence", "clause"]


def _not_zero(jobs: int) -> int:
    if jobs == 0:
        raise typer.BadParameter("0 processes do nothing; give 1 or more, or -1 for one each core")
    return jobs


Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...",
        help="Reports (text, Markdown, HTML, PDF, Word, EPUB, RTF, each also as .gz), links, folders, patterns, "
        "'@list.txt' with one of these a line, '-' for standard input. A .jsonl file with a 'text' field is scored row "
        "by row, without splitting, and keeps its other fields.",
    ),
]
Labelled = Annotated[
    list[Path], typer.Argument(metavar="PATH...", help="Labelled passages: .jsonl, .csv, .parquet, or a folder.")
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME|DIR",
        help="default, fast, another model of 'tipclassify models list', or the folder of one.",
    ),
]
Other = Annotated[
    str | None,
    typer.Option(
        "--other", metavar="NAME|DIR", help="A second model: passages whose labels the two see differently come first."
    ),
]
Policy = Annotated[
    PolicyName,
    typer.Option(
        "--policy",
        help="Operating point: screen misses little (recall), balanced has the best F1, "
        "cite is seldom wrong (precision).",
    ),
]
Threshold = Annotated[
    list[str] | None,
    typer.Option(
        "--threshold",
        metavar="LABEL=VALUE",
        help="Probability from which a label is given, in place of the policy's; may be repeated.",
    ),
]
Unit = Annotated[
    UnitName, typer.Option("--unit", help="Split reports to sentences, or long semicolon lists also to clauses.")
]
Encoding = Annotated[
    str | None,
    typer.Option(
        "--encoding", metavar="NAME", help="Encoding of text and HTML files, such as cp1252; detected by default."
    ),
]
AllowPrivate = Annotated[
    bool, typer.Option("--allow-private", help="Let links lead to private and loopback addresses.")
]
Jobs = Annotated[
    int,
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        callback=_not_zero,
        help="Processes; -1 is one for each core. Results are the same.",
    ),
]
Format = Annotated[
    Literal["table", "jsonl"],
    typer.Option("--format", "-f", help="How to write the results: to read, or one JSON object a line."),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to FILE (whole or not at all), not stdout.")
]


def parse_thresholds(given: Sequence[str] | None) -> dict[str, float]:
    """Parse ``["failure=0.4"]`` to ``{"failure": 0.4}``; the last of several for one label applies."""
    chosen = {}
    for option in given or ():
        label, _, written = option.partition("=")
        if label not in LABELS:
            raise typer.BadParameter(
                f"{option!r} is not LABEL=VALUE with a label of {', '.join(LABELS)}", param_hint="'--threshold'"
            )
        try:
            value = float(written)
        except ValueError:
            value = float("nan")
        if not 0 < value < 1:
            raise typer.BadParameter(f"{option!r}: the value must lie between 0 and 1", param_hint="'--threshold'")
        chosen[label] = value
    return chosen


def tagging(
    model: str | None,
    policy: str,
    threshold: Sequence[str] | None = None,
    unit: UnitName = "sentence",
    encoding: str | None = None,
    allow_private: bool = False,
) -> Tagging:
    """Combine the options of a command into one picklable value for worker processes."""
    from tipclassify.pipeline.batch import Tagging
    from tipclassify.readers import ReadOptions

    thresholds = tuple(sorted(parse_thresholds(threshold).items()))
    return Tagging(model, policy, thresholds, unit, ReadOptions(encoding, allow_private))
