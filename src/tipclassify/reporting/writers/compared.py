"""Writers of a comparison: a table for the terminal, JSON lines, or an HTML page with passages
side by side."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tipclassify.formatting import json_line, one_line
from tipclassify.reporting.comparison.alignment import Segment
from tipclassify.reporting.comparison.comparison import MARGIN, Change, Comparison, Group, Pair
from tipclassify.reporting.palette import TERMINAL
from tipclassify.reporting.report import ScoringContext
from tipclassify.reporting.writers.table import console_of, heading_of
from tipclassify.reporting.writers.templating import rendered

__all__ = ["write_html", "write_jsonl", "write_table"]


def write_jsonl(comparison: Comparison, out: IO[str], same: bool = False) -> None:
    """Write one object for each pair, in the order of the table; repeated passages only if
    `same`."""
    out.writelines(
        json_line(pair.to_dict()) for group in comparison.groups(same) for pair in group.pairs
    )


def write_html(
    comparison: Comparison, out: IO[str], context: ScoringContext, same: bool = False
) -> None:
    """Write one page for a comparison; repeated passages only if `same`. It has no script: CSS
    reads its filters."""
    groups = comparison.groups(same)
    out.writelines(
        rendered("side_by_side.html", comparison=comparison, groups=groups, context=context)
    )


def write_table(comparison: Comparison, out: IO[str], same: bool = False) -> None:
    """Write the pairs by kind, with changed words highlighted, then counts, caveats; repeated
    ones only if `same`."""
    console = console_of(out, 120)
    before, after = comparison.names
    if comparison.subject:
        console.print(Text(f"{comparison.subject}: {before} set against {after}", style="bold"))
    console.print(
        Text(f"{before}  {heading_of(comparison.old)}\n{after}  {heading_of(comparison.new)}")
    )
    for group in comparison.groups(same):
        _write_group(group, comparison.names, console)
    counts = comparison.counts()
    console.print(
        Text(
            f"\n{len(comparison.old.passages)} passages of {before}, {len(comparison.new.passages)} of {after}: "
            f"{counts['repeated']} repeated word for word, {counts['moved']} moved, {counts['reworded']} reworded, "
            f"{counts['gone']} gone, {counts['new']} new\n"
            "What is new or gone by its words may have been reported before, or still be, in other words; "
            "what is no longer reported need not have stopped. "
            f"Borderline: the probabilities lie within {MARGIN:g} log-odds of the threshold, so that another wording "
            "could have turned the tag."
        )
    )


def _write_group(group: Group, names: tuple[str, str], console: Console) -> None:
    also = [f"{group.borderline} of them borderline"] if group.borderline else []
    also += [f"{group.elsewhere} more under other headings"] if group.elsewhere else []
    title = Text(f"\n{group.title}: {len(group.pairs)}", style="bold")
    console.print(title.append(f" ({', '.join(also)})" if also else "", style="not bold"))
    table = Table(box=None, pad_edge=False, show_edge=False, show_header=False)
    table.add_column(no_wrap=True, vertical="top")
    table.add_column(overflow="fold")
    styled = console.is_terminal and not console.is_dumb_terminal
    for number, pair in enumerate(group.pairs):
        if number:
            table.add_row()
        table.add_row("", _heading(pair, names))
        old, new = pair.words()
        both = pair.old and pair.new and pair.alignment != "reworded"
        if pair.old and not both:
            table.add_row(
                names[0], _marked(old, *(("", "", "strike") if styled else ("[-", "-]", "")))
            )
        if pair.new:
            name = "both" if both else names[1]
            table.add_row(name, _marked(new, *(("", "", "bold") if styled else ("{+", "+}", ""))))
        if pair.nearest and pair.changes:
            what = "perhaps in its place" if pair.instead else "nearest"
            near = f"{what}, similarity {pair.nearness:.2f}: {one_line(pair.nearest.passage.text)}"
            table.add_row(Text(names[pair.old is not None], style="dim"), Text(near, style="dim"))
    console.print(table)


def _heading(pair: Pair, names: tuple[str, str]) -> Text:
    """Format the changes and place of a pair: ``+failure 0.04 → 0.91  [prosecution]  p. 4 → 5
    similarity 0.82``."""
    sides = [side.passage for side in pair.sides]
    parts = [_change(change) for change in pair.changes]
    parts = parts or [
        Text(label.replace("_", " "), style=TERMINAL[label]) for label in sides[-1].labels
    ]
    parts.append(
        Text(
            f"[{_arrow(one_line(side.section or '') or 'no section' for side in sides)}]",
            style="bold",
        )
    )
    facts = []
    # one of the two may have none: a web page
    if pages := [str(side.page) for side in sides if side.page]:
        facts.append("p. " + _arrow(pages))
    if pair.alignment == "reworded":
        facts.append(f"similarity {pair.similarity:.2f}")
    if len(sides) == 1:
        facts.append(f"not in {names[pair.old is not None]}")
    if pair.shared:
        facts.append("split, joined or said twice")
    if any(side.low_confidence for side in sides):
        facts.append("low confidence")
    return Text("  ").join([*parts, *map(Text, facts)])


def _change(change: Change) -> Text:
    scores = _arrow(f"{score:.2f}" for score in (change.old, change.new) if score is not None)
    name = change.label.replace("_", " ")
    text = Text(f"{'+' if change.came else '-'}{name} {scores}", style=TERMINAL[change.label])
    return text.append(" borderline", style="italic") if change.borderline else text


def _arrow(values: Iterable[str]) -> str:
    return " → ".join(dict.fromkeys(values))


def _marked(segments: list[Segment], before: str, after: str, style: str) -> Text:
    """Format a text with its changed words in a style, or between `before` and `after`."""
    text = Text()
    for segment in segments:
        words = one_line(segment.text.rstrip())
        changed = segment.changed and words
        text.append(f"{before}{words}{after}" if changed else words, style if changed else "")
        text.append(" " if segment.text[-1:].isspace() else "")
    return text
