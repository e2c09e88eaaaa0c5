#!/usr/bin/env python3
"""Draw quality on real passages against speed: ``python benchmarks/picture.py speed.json docs/quality-speed.svg``.

In: JSON of ``quality.py --write`` and of ``speed.py --json``; methods in both are drawn. Out: the plot, and on standard
output a line of Markdown for it. Up and to the right is better.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from _measure import ROOT, number
from _plots import OURS, PEERS, plot
from quality import WHOLE

from tipclassify.model.loading import SHIPPED

SPOTS: Final = [(x, y) for y in (-3, -13, 8, -23, 18, -33, 28, -43) for x in (8, -8)]  # label offsets, nearest first

Points = dict[str, tuple[float, float]]  # method → passages a second, macro-F1


def picture(
    speed: Annotated[Path, typer.Argument(help="JSON of speed.py.")],
    out: Annotated[Path, typer.Argument(help="SVG to write.")],
    quality: Annotated[Path, typer.Option(help="JSON of quality.py.")] = ROOT / "benchmarks" / "quality.json",
) -> None:
    """Draw quality against speed of our models and the baselines."""
    judged, timed = (json.loads(file.read_text("utf-8")) for file in (quality, speed))
    panels = {name: points for name, found in judged.get("sets", {}).items() if (points := shared(found, timed))}
    if not panels:
        print("picture.py: no method is in both files; run quality.py and speed.py on one machine", file=sys.stderr)
        raise typer.Exit(1)
    cores = timed["machine"]["cores"]
    draw(panels, f"passages a second, one core (default: {cores})", out)
    title, points = next(iter(panels.items()))
    values = "; ".join(f"{name} {f1:.2f} at {number(rate)}" for name, (rate, f1) in points.items())
    speeds = f"passages a second on one core, default on {cores}"
    print(f"![Macro-F1 on {title} against {speeds}: {values}]({out.as_posix()})")


def shared(methods: dict[str, Any], speed: dict[str, Any]) -> Points:
    """Return the points of the methods in both files."""
    rates = {f["name"]: f["value"] for f in speed["figures"] if f["unit"] == "passages/s" and f["samples"]}
    return {name: (rates[name], found[WHOLE]["macro_f1"]) for name, found in methods.items() if name in rates}


def draw(panels: dict[str, Points], x: str, out: Path) -> None:
    """Draw a panel for each set of real passages, with a labelled point for each method."""
    rates = [rate for points in panels.values() for rate, _ in points.values()]
    with plot(out, 1.2 + 4.4 * len(panels), 4.2, panels=len(panels)) as every:
        for axes, (title, points) in zip(every, panels.items(), strict=True):
            axes.set(xscale="log", xlabel=x, ylabel=f"macro-F1, {title}")
            axes.set_xlim(min(rates) / 1.8, max(rates) * 2.2)
            axes.margins(y=0.12)
            for name, point in points.items():
                axes.plot(*point, "o", color=_color(name), markersize=7)
        every[0].figure.draw_without_rendering()  # fixes the positions of the points
        for axes, points in zip(every, panels.values(), strict=True):
            write_names(axes, points)


def _color(name: str) -> str:
    return OURS if name in SHIPPED else PEERS


def write_names(axes: Any, points: Points) -> None:
    """Write each name beside its point, inside the axes and without overlap."""
    from matplotlib.transforms import Bbox

    taken = [Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in axes.transData.transform(list(points.values()))]
    for name, point in points.items():
        for spot in SPOTS:
            side = "left" if spot[0] > 0 else "right"
            label = axes.annotate(
                name, point, spot, textcoords="offset points", ha=side, color=_color(name), fontsize=8.5
            )
            label.set_in_layout(False)
            box = label.get_window_extent()
            inside = axes.bbox.x0 < box.x0 and box.x1 < axes.bbox.x1 and axes.bbox.y0 < box.y0 and box.y1 < axes.bbox.y1
            if inside and not box.count_overlaps(taken):
                break
            if spot != SPOTS[-1]:
                label.remove()
        taken.append(box)


if __name__ == "__main__":
    typer.run(picture)
