#!/usr/bin/env python3
"""Quality against speed in one picture: ``python benchmarks/picture.py quality.json speed.json docs/quality-speed.svg``.

In: what ``quality.py --json`` and ``speed.py --json`` have kept; a method is drawn when both have it. Out: the picture, and
on standard output the line of Markdown that shows it. Up and to the right is better.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from _measure import number
from _plots import OURS, PEERS, plot

KINDS: Final = {
    "out-of-fold macro-F1": "out of fold",
    "clause macro-F1": "real clauses",
    "sentence macro-F1": "real sentences",
}
SPOTS: Final = [(x, y) for y in (-3, -13, 8, -23, 18, -33, 28, -43) for x in (8, -8)]  # beside a point, nearest first


def picture(
    quality: Annotated[Path, typer.Argument(help="JSON of quality.py.")],
    speed: Annotated[Path, typer.Argument(help="JSON of speed.py.")],
    out: Annotated[Path, typer.Argument(help="SVG to write.")],
) -> None:
    """Draw quality against speed, ours and the peers."""
    methods = shared(*(json.loads(file.read_text("utf-8")) for file in (quality, speed)))
    if not methods:
        print("picture.py: no method is in both files; run quality.py and speed.py on one machine", file=sys.stderr)
        raise typer.Exit(1)
    draw(methods, out)
    told = "; ".join(
        f"{name} {values['out-of-fold macro-F1']:.2f} at {number(rate)}" for name, (rate, values) in methods.items()
    )
    print(f"![Macro-F1 out of fold against passages a second on one core: {told}]({out.as_posix()})")


def shared(quality: dict[str, Any], speed: dict[str, Any]) -> dict[str, tuple[float, dict[str, float]]]:
    """Method → (passages a second, its macro-F1s), of those that both files have."""
    rates = {f["name"]: f["value"] for f in speed["figures"] if f["unit"] == "passages/s" and f["samples"]}
    return {name: (rates[name], found) for name, found in quality["methods"].items() if name in rates}


def draw(methods: dict[str, tuple[float, dict[str, float]]], out: Path) -> None:
    """A panel for each kind of passages that every method was judged on, a named point for each method."""
    kinds = [kind for kind in KINDS if all(values.get(kind) is not None for _, values in methods.values())]
    rates = [rate for rate, _ in methods.values()]
    with plot(out, 1.2 + 4.4 * len(kinds), 4.2, panels=len(kinds)) as panels:
        for axes, kind in zip(panels, kinds, strict=True):
            axes.set(xscale="log", xlabel="passages a second, one core", ylabel=f"macro-F1, {KINDS[kind]}")
            axes.set_xlim(min(rates) / 1.8, max(rates) * 2.2)
            axes.margins(y=0.12)
            points = {name: (rate, values[kind]) for name, (rate, values) in methods.items()}
            for name, point in points.items():
                axes.plot(*point, "o", color=_color(name), markersize=7)
        panels[0].figure.draw_without_rendering()  # where points are is known from here on
        for axes, kind in zip(panels, kinds, strict=True):
            write_names(axes, {name: (rate, values[kind]) for name, (rate, values) in methods.items()})


def _color(name: str) -> str:
    return OURS if name.startswith("tipclassify") else PEERS


def write_names(axes: Any, points: dict[str, tuple[float, float]]) -> None:
    """Each name beside its point, where it covers no other name or point and stays inside."""
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
