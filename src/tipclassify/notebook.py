"""Show passages, reports and explanations in a notebook, in the colours of their labels.

Records call this in `_repr_html_`, so it takes plain values and needs no package.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import islice
from typing import Final

from tipclassify.formatting import one_line
from tipclassify.labels import label_name, styles

_MOST: Final = 200  # passages shown
_STRONGEST: Final = 6  # spans of an explanation marked


def passages_html(
    passages: Iterable[tuple[str, Sequence[str], Mapping[str, float]]], count: int, title: str = ""
) -> str:
    """Show passages (text, labels, probabilities), the first 200 of `count`, as HTML."""
    lines = [f"<p><b>{_plain(title)}</b></p>"] if title else []
    for text, labels, scores in islice(passages, _MOST):
        looks = styles(tuple(scores) or tuple(labels))
        colours = "opacity:.6"
        if labels:
            colours = f"color:{looks[labels[0]].ink};background:{looks[labels[0]].tint}"
        tags = ", ".join(
            f"{label_name(label)} {scores[label]:.2f}" if label in scores else label_name(label)
            for label in labels
        )
        lines.append(
            f'<p style="margin:.2em 0"><span style="{colours}">{_plain(text)}</span> '
            f"<small>{_plain(tags)}</small></p>"
        )
    if count > _MOST:
        lines.append(f"<p>and {count - _MOST:,} more</p>")
    return "".join(lines)


def explanation_html(
    label: str, probability: float, text: str, spans: Sequence[tuple[int, int, float]]
) -> str:
    """Show a text as HTML with its strongest spans (start, end, weight) marked.

    Spans for the label have its colour, those against it are struck through.
    """
    marked: list[tuple[int, int, float]] = []
    for start, end, weight in spans:
        if weight and all(end <= other[0] or other[1] <= start for other in marked):
            marked.append((start, end, weight))
        if len(marked) == _STRONGEST:
            break
    look = styles([label])[label]
    parts = []
    at = 0
    for start, end, weight in sorted(marked):
        css = f"color:{look.ink};background:{look.tint}"
        if weight < 0:
            css = "text-decoration:line-through"
        parts += [
            _plain(text[at:start]),
            f'<span style="{css}" title="{weight:+.2f}">{_plain(text[start:end])}</span>',
        ]
        at = end
    parts.append(_plain(text[at:]))
    return f"<p><b>{_plain(label_name(label))} {probability:.2f}</b> {''.join(parts)}</p>"


def _plain(text: str) -> str:
    # the spaces around a span stay, where `one_line` strips them
    before = " " * (text[:1].isspace())
    after = " " * (text[1:] != "" and text[-1:].isspace())
    return escape(f"{before}{one_line(text)}{after}")
