"""``train.py --model encoder``: options in, a trained encoder and its table out."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tipclassify.corpus import read_rows
from tipclassify.encoder_training.recipe import train_encoder
from tipclassify.encoder_training.settings import Settings
from tipclassify.evaluation import metrics_table

__all__ = ["run_encoder"]


def run_encoder(
    data: Sequence[Path],
    out: Path,
    base: str,
    chosen: Mapping[str, Any],
    jobs: int,
    teachers: Sequence[str],
    unlabelled: Sequence[Path],
    resume: bool,
    export: bool,
) -> None:
    """Train, print the figures on what was held out, and say where things are; `chosen` are settings by name, None for as usual."""
    settings = Settings(**{name: value for name, value in chosen.items() if value is not None})
    trained = train_encoder(
        read_rows(*data),
        out,
        base,
        settings,
        teachers=teachers,
        unlabelled=unlabelled,
        resume=resume,
        export=export,
        threads=max(0, jobs),
        told=lambda line: print(f"train.py: {line}", file=sys.stderr),
    )
    if trained.metrics is None:
        print(f"kept {trained.network}", file=sys.stderr)
        return
    print(metrics_table(trained.metrics, "on the groups held out"))
    print(f"in 32-bit floats: macro-F1 {trained.float_macro_f1:.3f}")
    print(f"saved {out}; {trained.network} has the network itself", file=sys.stderr)
