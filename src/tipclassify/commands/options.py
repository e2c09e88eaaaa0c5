"""Options that mean the same in every command."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from tipclassify.labels import POLICIES

__all__ = ["ModelOption", "OutputOption", "Policy", "PolicyOption"]

Policy = Enum("Policy", {name: name for name in POLICIES}, type=str)  # type: ignore[misc]

ModelOption = Annotated[
    Path | None, typer.Option("--model", metavar="DIR", help="Folder of a trained model; the shipped one by default.")
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
