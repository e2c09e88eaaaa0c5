"""A table for reading in a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import IO, Final

from tipclassify.labels import LABELS
from tipclassify.writers import Run, TaggedReport, findings

__all__ = ["write_table"]

_COLOURS: Final = {"positive_effort": "green", "failure": "yellow", "complicity": "red"}
_WIDTH: Final = 110  # when the output is no terminal


def write_table(reports: Iterable[TaggedReport], out: IO[str], run: Run) -> None:  # noqa: ARG001
    """Label (with ``?`` where confidence is low), probability and passage of every tagged passage, then counts.

    Coloured on a terminal only, never with ``NO_COLOR`` set.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=out, highlight=False, width=None if out.isatty() else _WIDTH)
    counts: Counter[str] = Counter()
    total, file, section = 0, None, None
    table: Table | None = None
    for finding in findings(reports):
        passage = finding.passage
        total += 1
        counts.update(passage.labels)
        if not passage.labels:
            counts["(none)"] += 1
            continue
        if table is None or finding.file != file:
            if table is not None:
                console.print(table)
            file, section = finding.file, None
            table = Table(title=Text(file), title_justify="left", box=None, pad_edge=False, show_edge=False)
            table.add_column("label", no_wrap=True)
            table.add_column("prob.", justify="right", no_wrap=True)
            table.add_column("passage", overflow="fold")
        if passage.section != section:
            section = passage.section
            table.add_row("", "", Text(f"[{section or 'no section'}]", style="bold"))
        labels, scores = Text(), Text()
        for number, label in enumerate(passage.labels):
            doubt = " ?" if passage.low_confidence else ""
            labels.append("\n" * bool(number) + label + doubt, style=_COLOURS[label])
            scores.append("\n" * bool(number) + f"{passage.scores[label]:.2f}")
        table.add_row(labels, scores, Text(" ".join(passage.text.split())))
    if table is not None:
        console.print(table)
        console.print()
    shown = [f"{label} {counts[label]}" for label in (*LABELS, "(none)")]
    console.print(Text(f"{total} passages: " + "   ".join(shown)))
