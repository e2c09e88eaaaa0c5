"""Charts of a `Summary`: bars for each group (`bars`) or a heat map for each label (`heatmap`), as PNG or SVG.

The same summary and matplotlib version give the same bytes: no dates, matplotlib's own font, no user styles.
"""

from __future__ import annotations

import io
import warnings
from typing import IO, TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from tipclassify.errors import MissingExtraError
from tipclassify.reporting.charts.bars import draw_bars
from tipclassify.reporting.charts.heatmap import draw_heat_map
from tipclassify.reporting.charts.page import INK, describe, title_of
from tipclassify.reporting.summary import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["describe", "draw", "require_matplotlib"]

_STYLE: Final[dict[Any, Any]] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "hatch.linewidth": 0.7,
    "svg.fonttype": "none",  # real text: searchable, accessible, and in scripts that the font lacks
    "svg.hashsalt": "tipclassify",
    "text.parse_math": False,  # a file may be called cost$1$.txt
    "text.color": INK,
    "axes.edgecolor": "#999999",
}


def require_matplotlib() -> None:
    """Raise `MissingExtraError` unless matplotlib is installed."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise MissingExtraError("drawing charts", "charts") from None


def draw(summary: Summary, chart: str, format: str, out: IO[bytes]) -> None:
    """Draw ``"bars"``, or a ``"heatmap"`` of a summary by two dimensions, as ``"png"`` or ``"svg"``.

    Both have a text alternative (`describe`). `InputError` if there are too many groups for a picture.
    """
    import matplotlib

    title, text = title_of(summary), "\n".join(describe(summary))
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()  # whatever the user's style
        matplotlib.rcParams.update(_STYLE)
        # A name in Chinese, for example, is boxes in a PNG, but letters in an SVG.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure = draw_bars(summary) if chart == "bars" else draw_heat_map(summary)
        _lay_out(figure)
        if format == "svg":
            out.write(_svg(figure, title, text))
        else:
            figure.savefig(out, format="png", dpi=150, metadata={"Title": title, "Description": text, "Software": None})


def _lay_out(figure: Figure) -> None:
    """Run the layout and round its positions: the last bits of the layout solver's result vary from run to run."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for text in figure.texts:
        text.set_position([round(at, 5) for at in text.get_position()])
    for ax in figure.axes:
        ax.set_position([round(side, 5) for side in ax.get_position(original=True).bounds])


def _svg(figure: Figure, title: str, text: str) -> bytes:
    """Render the figure as SVG with a title and description (SVG 2, section 5.7; WAI-ARIA graphics)."""
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    head, _, rest = written.getvalue().partition("<svg ")
    attributes, _, drawing = rest.partition(">")
    description = f'<title id="title">{escape(title)}</title>\n<desc id="desc">{escape(text)}</desc>'
    return f'{head}<svg role="img" aria-labelledby="title desc" {attributes}>\n{description}{drawing}'.encode()
