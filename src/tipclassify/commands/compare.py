"""``tipclassify compare``: two years of one country, what was newly reported and what no longer."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Final

import typer

from tipclassify.commands.options import (
    AllowPrivateOption,
    EncodingOption,
    ModelOption,
    OutputOption,
    Policy,
    PolicyOption,
    ThresholdOption,
    Unit,
    UnitOption,
    tagging,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from tipclassify.batch import Tagging
    from tipclassify.comparison import Change, Comparison, Group, Pair, Piece
    from tipclassify.writers import Finding, TaggedReport

__all__ = ["compare"]


class Format(str, Enum):
    """How a comparison is written."""

    table = "table"
    jsonl = "jsonl"
    html = "html"


_SUFFIXES: Final = {
    ".txt": Format.table,
    ".jsonl": Format.jsonl,
    ".ndjson": Format.jsonl,
    ".html": Format.html,
    ".htm": Format.html,
}
_COLOURS: Final = {"positive_effort": "green", "failure": "yellow", "complicity": "red"}
_WIDTH: Final = 120  # of the table when the output is no terminal
_OLD_HELP: Final = "A report: a file of any kind that score takes, or a link; '-' is standard input."


def compare(
    old: Annotated[str, typer.Argument(metavar="OLD", help=_OLD_HELP)],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The report of a later year.")],
    format: Annotated[
        Format | None,
        typer.Option(
            "--format",
            "-f",
            help="How to write the comparison; by the suffix of --output, else a table. html is one page.",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also list the passages that are the same in both.")
    ] = False,
    model: ModelOption = None,
    policy: PolicyOption = Policy.balanced,  # type: ignore[attr-defined]
    threshold: ThresholdOption = None,
    unit: UnitOption = Unit.sentence,
    encoding: EncodingOption = None,
    allow_private: AllowPrivateOption = False,
    output: OutputOption = None,
) -> None:
    """Compare two reports of one country: what the later one newly reports, and what it no longer does.

    Passages are matched one to one by the rarer words that they share: the same, reworded, or found in one report only.
    Listed first are those whose labels changed: failures newly reported, efforts no longer reported, complicity new or gone,
    failures no longer reported, efforts newly reported; then what was reworded and what only one report has.

    'No longer reported' means that no passage of NEW was found to match, or that the matching one is not tagged so. It does
    not mean that anything stopped. A change is marked borderline where the probabilities on both sides lie so near to the
    threshold that another wording could have turned the tag.
    """
    from tipclassify.commands.output import open_output
    from tipclassify.comparison import compare as compare_reports
    from tipclassify.writers import Run

    if old == new == "-":
        raise typer.BadParameter("standard input can hold one of the two reports only", param_hint="'NEW'")
    wanted = _format(format, output)
    how = tagging(model, policy, threshold, unit, encoding, allow_private)
    run = Run(how.classifier(), how.policy, folder=output.parent if output else None)
    found = compare_reports(_tagged(old, how), _tagged(new, how), run)
    if doubts := found.doubts():
        print(f"tipclassify: warning: {'; '.join(doubts)}", file=sys.stderr)
    with open_output(output) as out:
        if wanted is Format.table:
            _write_table(found, out, everything)
        elif wanted is Format.jsonl:
            _write_jsonl(found, out, everything)
        else:
            from tipclassify.writers.side_by_side import write_side_by_side

            write_side_by_side(found, out, run, everything)


def _tagged(file: str, how: Tagging) -> TaggedReport:
    """The report in an input, all of its batches where it holds rows; what could not be read of it is told on stderr."""
    from dataclasses import replace

    from tipclassify.batch import tag_input
    from tipclassify.errors import InputError

    reports = list(tag_input(file, how))
    if not reports:
        raise InputError(f"{file}: no rows in it; give a report, or rows with a 'text' field")
    for report in reports:
        for note in report.notes:
            print(f"tipclassify: warning: {note}", file=sys.stderr)
    passages = [passage for report in reports for passage in report.passages]
    return replace(reports[0], passages=passages, extras=[row for report in reports for row in report.extras])


def _format(format: Format | None, output: Path | None) -> Format:
    from tipclassify.errors import InputError

    if format or output is None:
        return format or Format.table
    if output.suffix.lower() not in _SUFFIXES:
        raise InputError(
            f"{output}: no format has the suffix {output.suffix!r}; use .txt, .jsonl, .html, or say --format"
        )
    return _SUFFIXES[output.suffix.lower()]


# --------------------------------------------------------------------------------------------- rows


def _write_jsonl(found: Comparison, out: IO[str], everything: bool) -> None:
    """One object a pair, in the order of the table."""
    import json
    import re

    # Line ends to some readers of JSON lines, or not encodable.
    not_raw = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
    for group in found.groups(everything):
        for pair in group.pairs:
            row = json.dumps(pair.to_dict(), ensure_ascii=False)
            out.write(not_raw.sub(lambda char: f"\\u{ord(char[0]):04x}", row) + "\n")


# --------------------------------------------------------------------------------------------- the table


def _write_table(found: Comparison, out: IO[str], everything: bool) -> None:
    """Pairs under their kinds, each side with its changed words marked, then counts and what to know of them.

    Changed words are struck out or bold on a terminal, and stand in ``[-old-]`` and ``{+new+}`` elsewhere.
    """
    from rich.console import Console
    from rich.text import Text

    from tipclassify.comparison import MARGIN
    from tipclassify.writers.cells import one_line

    console = Console(file=out, highlight=False, width=None if out.isatty() else _WIDTH)
    for name, report in zip(found.names, (found.old, found.new), strict=True):
        document = report.document
        about = " ".join(str(known) for known in (document.country, document.year) if known) if document else ""
        console.print(Text(f"{name}  {one_line(report.file)}{f'  ({one_line(about)})' if about else ''}"))
    for group in found.groups(everything):
        _write_group(group, found.names, console)
    console.print()
    counts, (before, after) = found.counts(), found.names
    console.print(
        Text(
            f"{len(found.old.passages)} passages of {before}, {len(found.new.passages)} of {after}: {counts['same']} the same, "
            f"{counts['reworded']} reworded, {counts['dropped']} not found in {after}, {counts['new']} not found in {before}"
        )
    )
    console.print(
        Text(
            "What is not found may be reported in other words; what is no longer reported need not have stopped. "
            f"Borderline: the probabilities lie within {MARGIN:g} log-odds of the threshold, so that another wording "
            "could have turned the tag."
        )
    )


def _write_group(group: Group, names: tuple[str, str], console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    title = Text(f"{group.title}: {len(group.pairs)}", style="bold")
    also = [f"{group.borderline} of them borderline"] if group.borderline else []
    also += [f"{group.elsewhere} more under other headings"] if group.elsewhere else []
    title.append(f" ({', '.join(also)})" if also else "", style="not bold")
    console.print()
    console.print(title)
    table = Table(box=None, pad_edge=False, show_edge=False, show_header=False)
    table.add_column(no_wrap=True, vertical="top")
    table.add_column(overflow="fold")
    styled = console.is_terminal and not console.is_dumb_terminal
    for number, pair in enumerate(group.pairs):
        if number:
            table.add_row()
        table.add_row("", _heading(pair, names))
        old, new = pair.words()
        if pair.alignment == "same":
            table.add_row("both", _marked(new, styled, False))
            continue
        if pair.old:
            table.add_row(names[0], _marked(old, styled, False))
        if pair.new:
            table.add_row(names[1], _marked(new, styled, True))
        if pair.nearest and pair.changes:
            near = Text(f"nearest, similarity {pair.nearness:.2f}: {_plain(pair.nearest)}", style="dim")
            table.add_row(Text(names[0] if pair.old is None else names[1], style="dim"), near)
    console.print(table)


def _heading(pair: Pair, names: tuple[str, str]) -> Text:
    """What changed, and where: ``+failure 0.04 → 0.91  [prosecution]  p. 4 → 5  similarity 0.82``."""
    from rich.text import Text

    from tipclassify.writers.cells import one_line

    sides = [side.passage for side in (pair.old, pair.new) if side]
    parts = [_change(change) for change in pair.changes]
    if not parts:
        parts = [Text(label, style=_COLOURS[label]) for label in sides[-1].labels]
    parts.append(Text(f"[{_arrow([one_line(side.section or '') or 'no section' for side in sides])}]", style="bold"))
    if any(side.page for side in sides):
        parts.append(Text("p. " + _arrow([str(side.page or "?") for side in sides])))
    if pair.alignment == "reworded":
        parts.append(Text(f"similarity {pair.similarity:.2f}"))
    if len(sides) == 1:
        parts.append(Text(f"not found in {names[0] if pair.old is None else names[1]}"))
    if any(side.low_confidence for side in sides):
        parts.append(Text("low confidence"))
    return Text("  ").join(parts)


def _change(change: Change) -> Text:
    from rich.text import Text

    scores = _arrow([f"{score:.2f}" for score in (change.old, change.new) if score is not None])
    text = Text(f"{'+' if change.came else '-'}{change.label} {scores}", style=_COLOURS[change.label])
    return text.append(" borderline", style="italic") if change.borderline else text


def _arrow(values: list[str]) -> str:
    return " → ".join(dict.fromkeys(values))


def _marked(pieces: list[Piece], styled: bool, is_new: bool) -> Text:
    from rich.text import Text

    from tipclassify.writers.cells import one_line

    text = Text()
    for piece in pieces:
        words = piece.text.rstrip()
        gap = " " if len(words) < len(piece.text) else ""
        words = one_line(words)
        if not piece.changed or not words:
            text.append(words + gap)
        elif styled:
            text.append(words, style="bold" if is_new else "strike")
            text.append(gap)
        else:
            text.append(f"{{+{words}+}}{gap}" if is_new else f"[-{words}-]{gap}")
    return text


def _plain(finding: Finding) -> str:
    from tipclassify.writers.cells import one_line

    return one_line(finding.passage.text)
