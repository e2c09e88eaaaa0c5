"""Draw reproducible SVG plots, with a white background for dark pages."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OURS: Final = "#b3261e"
_STYLE: Final[dict[str, object]] = {
    "svg.hashsalt": "tipclassify",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
}


@contextmanager
def plot(file: Path) -> Iterator[Axes]:
    """Yield axes, and write the plot at the end of the context."""
    if not find_spec("matplotlib"):
        print("plots need an extra: pip install 'tipclassify[charts]'", file=sys.stderr)
        raise typer.Exit(2)
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        yield figure.subplots()
        staged = file.with_name(f".{file.name}.part")
        figure.savefig(staged, format="svg", metadata={"Date": None})
        os.replace(staged, file)


def growth_plot(file: Path, sizes: list[float], values: list[float], x: str, y: str) -> None:
    """Plot values against sizes on logarithmic axes."""
    with plot(file) as axes:
        axes.plot(sizes, values, "o-", color=OURS)
        axes.set(
            xscale="log", yscale="log", xlabel=x, ylabel=y, ylim=(min(values) / 3, max(values) * 3)
        )
        axes.yaxis.set_minor_formatter("")
