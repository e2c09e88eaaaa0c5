"""What the commands on labelled passages share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from tipclassify.cli.options import Findings

__all__ = ["PathsArgument", "write_findings", "write_rows"]

PathsArgument = Annotated[
    list[Path], typer.Argument(metavar="PATH...", help="Labelled passages: .jsonl, .csv, .parquet, or a folder.")
]


def write_rows(path: Path | None, rows: Iterable[dict[str, Any]]) -> None:
    """Rows as JSON lines, to a file that appears whole or not at all, or to stdout for None."""
    from tipclassify.cli.output import open_output
    from tipclassify.formatting import json_line

    with open_output(path) as out:
        out.writelines(map(json_line, rows))


def write_findings(
    path: Path | None, format: Findings, rows: Iterable[dict[str, Any]], table: Callable[[], str]
) -> None:
    """Rows as JSON lines, or the table, as `format` asks."""
    from tipclassify.cli.output import open_output

    if format is Findings.jsonl:
        write_rows(path, rows)
        return
    with open_output(path) as out:
        out.write(table() + "\n")
