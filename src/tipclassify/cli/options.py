"""Options that mean the same in every command."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tipclassify.labels import LABELS, POLICIES

if TYPE_CHECKING:
    from tipclassify.pipeline.batch import Tagging

__all__ = ["AllowPrivateOption", "EncodingOption", "FilesArgument", "Findings", "JobsOption", "ModelOption"]
__all__ += ["OtherOption", "OutputFormat", "OutputOption", "Policy", "PolicyOption", "ThresholdOption", "Unit"]
__all__ += ["UnitOption", "chosen_thresholds", "tagging"]

Policy = Enum("Policy", {name: name for name in POLICIES}, type=str)  # type: ignore[misc]


def _some_processes(jobs: int) -> int:
    if jobs == 0:
        raise typer.BadParameter("0 processes do nothing; give 1 or more, or -1 for one each core")
    return jobs


class OutputFormat(str, Enum):
    """How tagged reports are written: the keys of `tipclassify.reporting.writers.FORMATS`, which is too heavy for ``--help``."""

    table = "table"
    jsonl = "jsonl"
    csv = "csv"
    xlsx = "xlsx"
    parquet = "parquet"
    html = "html"
    md = "md"


class Findings(str, Enum):
    """How figures and findings are written."""

    table = "table"
    jsonl = "jsonl"


class Unit(str, Enum):
    """How far reports are split."""

    sentence = "sentence"
    clause = "clause"


FilesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...",
        help="Reports (text, Markdown, HTML, PDF, Word, EPUB, RTF, each also as .gz), links, folders, patterns, '@list.txt' "
        "with one of these a line, '-' for standard input. A .jsonl file with a 'text' field is scored row by row, "
        "without splitting, and keeps its other fields.",
    ),
]
UnitOption = Annotated[
    Unit, typer.Option("--unit", help="Split reports to sentences, or long semicolon lists also to clauses.")
]
EncodingOption = Annotated[
    str | None,
    typer.Option(
        "--encoding", metavar="NAME", help="Encoding of text and HTML files, such as cp1252; detected by default."
    ),
]
AllowPrivateOption = Annotated[
    bool, typer.Option("--allow-private", help="Let links lead to private and loopback addresses.")
]
JobsOption = Annotated[
    int,
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        callback=_some_processes,
        help="Processes; -1 is one for each core. Results are the same.",
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME|DIR",
        help="default, fast, another model of 'tipclassify models list', or the folder of one.",
    ),
]
OtherOption = Annotated[
    str | None,
    typer.Option(
        "--other", metavar="NAME|DIR", help="A second model: passages whose labels the two see differently come first."
    ),
]
PolicyOption = Annotated[
    Policy,
    typer.Option(
        "--policy",
        help="Operating point: screen misses little (recall), balanced has the best F1, cite is seldom wrong (precision).",
    ),
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to FILE (whole or not at all), not stdout.")
]
ThresholdOption = Annotated[
    list[str] | None,
    typer.Option(
        "--threshold",
        metavar="LABEL=VALUE",
        help="Probability from which a label is given, in place of the policy's; may be repeated.",
    ),
]


def chosen_thresholds(given: Sequence[str] | None) -> dict[str, float]:
    """``["failure=0.4"]`` as ``{"failure": 0.4}``; of two for one label the last holds."""
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
    policy: Policy,
    threshold: Sequence[str] | None,
    unit: Unit = Unit.sentence,
    encoding: str | None = None,
    allow_private: bool = False,
) -> Tagging:
    """The options of a command as one value that worker processes can take."""
    from tipclassify.pipeline.batch import Tagging
    from tipclassify.readers import ReadOptions

    return Tagging(
        model,
        policy.value,
        tuple(sorted(chosen_thresholds(threshold).items())),
        unit.value,
        ReadOptions(encoding, allow_private),
    )
