"""Chart of a `Summary`, as PNG or SVG: a row of bars for each group."""

from __future__ import annotations

import warnings
from typing import IO

from tipclassify.reports.charts.bars import draw_bars
from tipclassify.reports.charts.description import describe_chart
from tipclassify.reports.charts.figure import (
    lay_out_figure,
    set_chart_style,
    svg_of_figure,
    title_of_chart,
)
from tipclassify.reports.summary import Summary

__all__ = ["draw_chart"]


def draw_chart(summary: Summary, format: str, out: IO[bytes]) -> None:
    """Draw bars for each group as ``"png"`` or ``"svg"``.

    It has a text alternative (`describe_chart`); the same summary and matplotlib version give
    the same bytes. `InputError` if there are too many groups for a picture.
    """
    import matplotlib

    title = title_of_chart(summary)
    description = "\n".join(describe_chart(summary))
    with matplotlib.rc_context(), warnings.catch_warnings():
        set_chart_style()
        # A name in Chinese, for example, is boxes in a PNG, but letters in an SVG.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure = draw_bars(summary)
        lay_out_figure(figure)
        if format == "svg":
            out.write(svg_of_figure(figure, title, description))
        else:
            metadata = {"Title": title, "Description": description, "Software": None}
            figure.savefig(out, format="png", dpi=150, metadata=metadata)
