"""A `Summary` drawn as a picture: bars for each group (`bars`), or a heat map with one panel for each label (`heatmap`).

Both are put on a `page`, with the `names` of what was counted; a picture also tells in words what it shows (`describe`).

The same summary and matplotlib give the same bytes: no dates, the font that matplotlib brings, none of the user's style.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from tipclassify.errors import MissingExtraError
from tipclassify.reporting.charts.bars import draw_bars
from tipclassify.reporting.charts.heatmap import draw_heat_map
from tipclassify.reporting.charts.names import describe
from tipclassify.reporting.charts.page import INK, title_of
from tipclassify.reporting.summary import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["describe", "draw", "require_matplotlib"]

_DPI: Final = 150


def require_matplotlib() -> None:
    """Nothing, where charts can be drawn.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise MissingExtraError("drawing charts", "charts") from None


def draw(found: Summary, chart: str, format: str, out: IO[bytes]) -> None:
    """Draw a summary.

    Parameters
    ----------
    chart : str
        ``"bars"``, or ``"heatmap"`` for a summary by two things.
    format : str
        ``"png"`` or ``"svg"``. Both tell in words what they show (`describe`).

    Raises
    ------
    InputError
        When there are too many groups for a picture.
    MissingExtraError
        When matplotlib is not installed.
    """
    require_matplotlib()
    with _house_style():
        figure = draw_bars(found) if chart == "bars" else draw_heat_map(found)
        _lay_out(figure)
        title, text = title_of(found), "\n".join(describe(found))
        if format == "svg":
            out.write(_svg(figure, title, text))
        else:
            metadata = {"Title": title, "Description": text, "Software": None}
            figure.savefig(out, format="png", dpi=_DPI, metadata=metadata)


def _lay_out(figure: Figure) -> None:
    """Put everything in its place, for good: the last bits of what the solver finds differ from one run to the next."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for part in figure.subfigs:
        part.bbox_relative.set_points(part.bbox_relative.get_points().round(5))
        for text in part.texts:
            x, y = text.get_position()
            text.set_position((round(x, 5), round(y, 5)))
    for ax in figure.axes:
        left, bottom, width, height = (round(side, 5) for side in ax.get_position(original=True).bounds)
        ax.set_position((left, bottom, width, height))


@contextlib.contextmanager
def _house_style() -> Iterator[None]:
    """Matplotlib's own defaults and font whatever the user's style; what others draw in this process stays theirs."""
    import matplotlib

    ours: dict[Any, Any] = {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "hatch.linewidth": 0.7,
        "svg.fonttype": "none",  # text stays text: found, read aloud, and in scripts that the font lacks
        "svg.hashsalt": "tipclassify",
        "text.parse_math": False,  # a file may be called cost$1$.txt
        "text.color": INK,
        "axes.edgecolor": "#999999",
    }
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(ours)
        # A heading in Chinese, say: boxes in a PNG, letters in an SVG.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield


def _svg(figure: Figure, title: str, text: str) -> bytes:
    """The figure as SVG that says what it is and shows (SVG 2, section 5.7; WAI-ARIA graphics)."""
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    head, _, rest = written.getvalue().partition("<svg ")
    attributes, _, drawing = rest.partition(">")
    told = f'<title id="title">{escape(title)}</title>\n<desc id="desc">{escape(text)}</desc>'
    return f'{head}<svg role="img" aria-labelledby="title desc" {attributes}>\n{told}{drawing}'.encode()
