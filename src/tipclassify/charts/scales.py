"""Scales of a chart: where they end, and how their ends are written."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["percent", "round_up", "turn_ends_inward"]


def round_up(share: float, least: float = 0.2) -> float:
    """The end of a scale that has room for `share`: a tenth or, above a half, a fifth.

    >>> round_up(0.03), round_up(0.31), round_up(0.72)
    (0.2, 0.4, 0.8)
    """
    step = 5 if share > 0.5 else 10
    return min(max(math.ceil(share * step - 1e-9) / step, least), 1.0)


def percent(share: float) -> str:
    """A share as it stands at a scale, in whole percent."""
    return f"{share:.0%}"


def turn_ends_inward(ax: Axes) -> None:
    """First and last label of the x axis kept above it, not halfway into the next panel."""
    labels = ax.get_xticklabels()
    labels[0].set_horizontalalignment("left")
    labels[-1].set_horizontalalignment("right")
