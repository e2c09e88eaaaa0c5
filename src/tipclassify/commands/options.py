"""Options that mean the same in every command."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from tipclassify.labels import LABELS, POLICIES

__all__ = ["ModelOption", "OutputOption", "Policy", "PolicyOption", "ThresholdOption", "chosen_thresholds"]

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
