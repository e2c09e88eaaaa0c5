"""What the commands on labelled passages share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Findings", "PathsArgument"]


class Findings(str, Enum):
    """How findings are written."""

    table = "table"
    jsonl = "jsonl"


PathsArgument = Annotated[
    list[Path], typer.Argument(metavar="PATH...", help="Labelled passages: .jsonl, .csv, .parquet, or a folder.")
]
