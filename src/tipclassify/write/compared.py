"""Writers of a comparison: a table for the terminal, JSON lines, or an HTML page side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import IO, Final, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tipclassify.formatting import json_line, one_line
from tipclassify.labels import label_name
from tipclassify.probability import probability
from tipclassify.reports.compare.changed_words import ComparedWords
from tipclassify.reports.compare.comparison import Comparison, PairGroup
from tipclassify.reports.compare.consistency import SplitDecisionInReport
from tipclassify.reports.compare.pairs import MARGIN, LabelChange, PassagePair
from tipclassify.reports.palette import TERMINAL
from tipclassify.write.output import Output
from tipclassify.write.table import console_of_report_table_writer, report_table_heading
from tipclassify.write.templating import render_template

__all__ = [
    "write_comparison_html",
    "write_comparison_jsonl",
    "write_comparison_table",
    "write_split_decisions_of_reports",
]


def write_comparison_jsonl(comparison: Comparison, out: IO[str], repeated: bool = False) -> None:
    """Write an object a pair, in the table's order, then one a sentence that is tagged both ways.

    Repeated passages are written only if `repeated`.
    """
    for group in comparison.groups(repeated):
        out.writelines(json_line(pair.to_dict()) for pair in group.pairs)
    out.writelines(json_line(decision.to_dict()) for decision in comparison.split_decisions)


def write_comparison_html(
    comparison: Comparison, out: IO[str], output: Output, repeated: bool = False
) -> None:
    """Write one page for a comparison; repeated passages only if `repeated`.

    It has no script: CSS reads its filters.
    """
    page = render_template(
        "side_by_side.html",
        comparison=comparison,
        groups=comparison.groups(repeated),
        output=output,
    )
    out.writelines(page)


_CAVEATS: Final = (
    "What is new or gone by its words may have been reported before, or still be, in other words; "
    "what is no longer reported need not have stopped. "
    f"Borderline: the probabilities lie within {MARGIN:g} log-odds of the threshold, so that "
    "another wording could have turned the tag."
)


def write_comparison_table(comparison: Comparison, out: IO[str], repeated: bool = False) -> None:
    """Write the pairs by kind, with changed words highlighted, then counts and caveats.

    Repeated passages are written only if `repeated`.
    """
    console = console_of_report_table_writer(out, 120)
    old, new = comparison.names
    if comparison.subject:
        console.print(Text(f"{comparison.subject}: {old} set against {new}", style="bold"))
    console.print(Text(f"{old}  {report_table_heading(comparison.old)}"))
    console.print(Text(f"{new}  {report_table_heading(comparison.new)}"))
    for group in comparison.groups(repeated):
        _write_pair_group(group, comparison.names, console)
    write_split_decisions_of_reports(comparison.split_decisions, console)
    console.print(Text(f"\n{_comparison_counts(comparison)}\n{_CAVEATS}"))


def _comparison_counts(comparison: Comparison) -> str:
    old, new = comparison.names
    counts = comparison.counts()
    return (
        f"{len(comparison.old.passages)} passages of {old}, "
        f"{len(comparison.new.passages)} of {new}: "
        f"{counts['repeated']} repeated word for word, {counts['moved']} moved, "
        f"{counts['reworded']} reworded, {counts['gone']} gone, {counts['new']} new"
    )


def write_split_decisions_of_reports(
    decisions: Sequence[SplitDecisionInReport], console: Console
) -> None:
    """Write the sentences that stand in several places of one report, with different labels."""
    if not decisions:
        return
    console.print(
        Text(f"\nSame sentence, tagged otherwise in one report: {len(decisions)}", style="bold")
    )
    for decision in decisions:
        console.print(Text(f"{decision.report}  {one_line(decision.text)}"))
        for place in decision.describe_places_in_report():
            console.print(Text(f"      {one_line(place)}", style="dim"))


class _ChangeMarking(NamedTuple):
    """How changed words are set off: between two marks, or in a style."""

    before: str
    after: str
    style: str


_STYLED_OLD: Final = _ChangeMarking("", "", "strike")
_STYLED_NEW: Final = _ChangeMarking("", "", "bold")
_PLAIN_OLD: Final = _ChangeMarking("[-", "-]", "")
_PLAIN_NEW: Final = _ChangeMarking("{+", "+}", "")


def _write_pair_group(group: PairGroup, names: tuple[str, str], console: Console) -> None:
    title = Text(f"\n{group.title}: {len(group.pairs)}", style="bold")
    remarks = []
    if group.borderline:
        remarks.append(f"{group.borderline} of them borderline")
    if group.elsewhere:
        remarks.append(f"{group.elsewhere} more under other headings")
    console.print(title.append(f" ({', '.join(remarks)})" if remarks else "", style="not bold"))
    table = Table(box=None, pad_edge=False, show_edge=False, show_header=False)
    table.add_column(no_wrap=True, vertical="top")
    table.add_column(overflow="fold")
    is_styled = console.is_terminal and not console.is_dumb_terminal
    for number, pair in enumerate(group.pairs):
        if number:
            table.add_row()
        _add_pair_to_table(table, pair, names, is_styled)
    console.print(table)


def _add_pair_to_table(
    table: Table, pair: PassagePair, names: tuple[str, str], is_styled: bool
) -> None:
    old_name, new_name = names
    words = pair.words()
    table.add_row("", _heading_of_pair(pair, names))
    is_one_text = pair.old and pair.new and pair.alignment != "reworded"
    if pair.old and not is_one_text:
        table.add_row(
            old_name, _mark_changed_words(words.old, _STYLED_OLD if is_styled else _PLAIN_OLD)
        )
    if pair.new:
        name = "both" if is_one_text else new_name
        table.add_row(
            name, _mark_changed_words(words.new, _STYLED_NEW if is_styled else _PLAIN_NEW)
        )
    if pair.nearest and pair.changes:
        what = "perhaps in its place" if pair.instead else "nearest"
        text = one_line(pair.nearest.passage.text)
        nearest = f"{what}, similarity {pair.nearness:.2f}: {text}"
        other_name = new_name if pair.old else old_name
        table.add_row(Text(other_name, style="dim"), Text(nearest, style="dim"))


def _heading_of_pair(pair: PassagePair, names: tuple[str, str]) -> Text:
    """Format changes and place: ``+failure 0.04 → 0.91  [protection]  p. 4 → 5``."""
    old_name, new_name = names
    passages = [side.passage for side in pair.sides]
    if pair.changes:
        parts = [_label_change_in_pair_heading(change) for change in pair.changes]
    else:
        labels = passages[-1].labels
        parts = [Text(label_name(label), style=TERMINAL[label]) for label in labels]
    sections = _join_by_arrow(
        one_line(passage.section or "") or "no section" for passage in passages
    )
    parts.append(Text(f"[{sections}]", style="bold"))
    facts = []
    # one of the two may have none: a web page
    if pages := [str(passage.page) for passage in passages if passage.page]:
        facts.append("p. " + _join_by_arrow(pages))
    if pair.alignment == "reworded":
        facts.append(f"similarity {pair.similarity:.2f}")
    if len(passages) == 1:
        facts.append(f"not in {new_name if pair.old else old_name}")
    if pair.shared:
        facts.append("split, joined or said twice")
    if any(passage.low_confidence for passage in passages):
        facts.append("low confidence")
    return Text("  ").join([*parts, *map(Text, facts)])


def _label_change_in_pair_heading(change: LabelChange) -> Text:
    scores = _join_by_arrow(
        probability(score) for score in (change.old, change.new) if score is not None
    )
    sign = "+" if change.came else "-"
    text = Text(f"{sign}{label_name(change.label)} {scores}", style=TERMINAL[change.label])
    return text.append(" borderline", style="italic") if change.borderline else text


def _join_by_arrow(values: Iterable[str]) -> str:
    return " → ".join(dict.fromkeys(values))


def _mark_changed_words(segments: Sequence[ComparedWords], marking: _ChangeMarking) -> Text:
    """Format a text with its changed words set off."""
    text = Text()
    for segment in segments:
        words = one_line(segment.text.rstrip())
        if segment.changed and words:
            text.append(f"{marking.before}{words}{marking.after}", marking.style)
        else:
            text.append(words)
        text.append(" " if segment.text[-1:].isspace() else "")
    return text
