"""Tables for reading in a terminal: findings, a summary, a comparison, a ledger.

Colours are used on a terminal only, and never if ``NO_COLOR`` is set.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import IO, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tipclassify.formatting import count_with_noun, one_line
from tipclassify.labels import label_name, styles
from tipclassify.probability import probability
from tipclassify.records import Report, Run, known
from tipclassify.reports.adjust import ASSUMPTION, NOTES
from tipclassify.reports.compare.changes import MARGIN, BothWays, Change, LabelChange
from tipclassify.reports.compare.comparison import ChangesOfKind, Comparison
from tipclassify.reports.compare.ledger import Ledger, Line
from tipclassify.reports.compare.wording import Words
from tipclassify.reports.counts import NONE, OVERLAP, Group, Key, Summary, shown_name
from tipclassify.reports.findings import KindCounts, Subject, subject_line
from tipclassify.write.file_findings import FileFindings, findings_by_file
from tipclassify.write.output import Output

_NOTE_SYMBOLS: Final = {"few": "*", "weak": "†", "unlike": "‡", "unclear": "?"}
_CAVEATS: Final = (
    "What is new or gone by its words may have been reported before, or still be, in other words; "
    "what is no longer reported need not have stopped. "
    f"Borderline: the probabilities lie within {MARGIN:g} log-odds of the threshold, so that "
    "another wording could have turned the tag."
)


def _console(out: IO[str], width: int) -> Console:
    """Make a console as wide as the terminal, or `width` columns if the output is none."""
    # a terminal takes colours here; all text has been through `one_line`
    stream = getattr(out, "stream", out)
    return Console(file=stream, highlight=False, width=None if out.isatty() else width)


def _colours(run: Run | Summary) -> dict[str, str]:
    return {label: style.terminal for label, style in styles(run.labels).items()}


def _heading(report: Report | FileFindings) -> str:
    """Make the line of a report's file, with country and year as far as they are known."""
    country_and_year = one_line(" ".join(known(report.country, report.year)))
    return one_line(report.file) + (f"  ({country_and_year})" if country_and_year else "")


# ----------------------------------------------------------------------------------------- findings


def write_findings(reports: Iterable[Report], out: IO[str], output: Output) -> None:
    """Write label (``?``: low confidence), probability, page and text of tagged passages; counts."""
    console = _console(out, 110)
    passages = 0
    kinds = KindCounts()
    subjects = defaultdict[str, Subject](Subject)
    # by part: a table holds many times the memory of its text
    for findings in findings_by_file(reports, parts=True):
        passages += findings.total.passages
        kinds += findings.total_kinds
        subjects[findings.file] += findings.subject
        if findings.tagged:
            console.print(_findings_table(findings, _colours(output.run)))
    if not subjects:  # no input could be read, which is said elsewhere
        return
    if kinds.tagged_sentences or kinds.tagged_rows:
        console.print()
    labels = output.run.labels
    counts = "   ".join(f"{label} {kinds.count_and_share(label)}" for label in labels)
    base = f"{count_with_noun(passages, 'passage')}, {kinds.on_subject:,} on trafficking"
    for line in [f"{base}: {counts}", *kinds.beside(labels)]:
        console.print(Text(line))
    if line_on_subject := subject_line(subjects.values()):
        console.print(Text(line_on_subject))


def _findings_table(findings: FileFindings, colours: dict[str, str]) -> Table:
    table = Table(
        title=Text(_heading(findings)),
        title_justify="left",
        box=None,
        pad_edge=False,
        show_edge=False,
    )
    table.add_column("label", no_wrap=True)
    table.add_column("prob.", justify="right", no_wrap=True)
    sections = findings.tagged
    has_pages = any(listed.passage.page for section in sections.values() for listed in section)
    if has_pages:
        table.add_column("page", justify="right", no_wrap=True)
    table.add_column("passage", overflow="fold")
    for section, listed_findings in sections.items():
        name = f"[{one_line(section or '') or 'no section'}]"
        other_cells = ["" for _ in table.columns[1:]]
        table.add_row(*other_cells, Text(name, style="bold"))
        for listed in listed_findings:
            passage = listed.passage
            doubt = " ?" if passage.low_confidence else ""
            labels = [Text(label + doubt, style=colours[label]) for label in passage.labels]
            scores = "\n".join(probability(passage.scores[label]) for label in passage.labels)
            page = [str(passage.page or "")] if has_pages else []
            table.add_row(Text("\n").join(labels), scores, *page, Text(one_line(passage.text)))
    return table


# ------------------------------------------------------------------------------------------ summary


def write_summary(summary: Summary, out: IO[str]) -> None:
    """Write counts and shares by group, adjusted ones with intervals below, then caveats."""
    console = _console(out, 120)
    table = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
    for name in summary.by:
        table.add_column(name, overflow="fold", vertical="top")
    for column in ("passages", *summary.labels, NONE):
        table.add_column(column, justify="right", no_wrap=True)
    file_names = summary.file_names
    above: Key = ()
    last = len(summary.by) - 1
    for group in summary.groups:
        names = []
        for place, (dimension, value) in enumerate(zip(summary.by, group.key, strict=True)):
            # names that the group above has, too, are left out
            is_repeated = place < last and group.key[: place + 1] == above[: place + 1]
            shown = file_names[value] if dimension == "file" else value
            names.append(Text("" if is_repeated else shown_name(shown, dimension)))
        table.add_row(*names, *_summary_cells(summary, group))
        above = group.key
    table.add_section()
    no_names = ["" for _ in summary.by[1:]]
    for name, total in zip(summary.total_names, summary.shown_totals, strict=True):
        table.add_row(Text(name), *no_names, *_summary_cells(summary, total), style="bold")
    console.print(table)
    console.print(Text("\n".join(["", *_summary_caveats(summary)])))


def _summary_caveats(summary: Summary) -> list[str]:
    lines = []
    if on_subject := subject_line(summary.subjects):
        lines.append(on_subject)
    lines.append(OVERLAP)
    if summary.rates is not None:
        lines.append(f"Second lines: adjusted for the model's errors. {ASSUMPTION}")
        if rates_note := summary.rates_note():
            lines.append(rates_note)
        lines += [f"{_NOTE_SYMBOLS[note]} {NOTES[note]}" for note in summary.notes()]
    lines.append("   ".join(f"{name} {value}" for name, value in summary.about.items()))
    return lines


def _summary_cells(summary: Summary, group: Group) -> list[Text]:
    cells = [Text(f"{group.passages:,}")]
    for label in (*summary.labels, NONE):
        share = f"{group.share(label):4.0%}" if group.passages else "   –"
        cell = Text(f"{group.count(label):,} {share}")
        if estimate := summary.estimate(group, label):
            symbols = "".join(_NOTE_SYMBOLS[note] for note in estimate.notes)
            interval = f"({estimate.low:,.0f}–{estimate.high:,.0f})"
            cell.append(f"\n{symbols}{estimate.count:,.0f} {interval}", style="dim")
        cells.append(cell)
    return cells


# --------------------------------------------------------------------------------------- comparison


def write_comparison(comparison: Comparison, out: IO[str], repeated: bool = False) -> None:
    """Write the changes by kind, with changed words highlighted, then counts and caveats.

    Repeated passages are written only if `repeated`.
    """
    console = _console(out, 120)
    old, new = comparison.names
    if comparison.subject:
        console.print(Text(f"{comparison.subject}: {old} set against {new}", style="bold"))
    console.print(Text(f"{old}  {_heading(comparison.old)}"))
    console.print(Text(f"{new}  {_heading(comparison.new)}"))
    writer = _ChangeTables(comparison, console)
    for group in comparison.groups(repeated):
        writer.write(group)
    _write_both_ways(comparison.both_ways, console)
    counts = comparison.counts()
    counted = (
        f"{len(comparison.old.passages)} passages of {old}, "
        f"{len(comparison.new.passages)} of {new}: "
        f"{counts['repeated']} repeated word for word, {counts['moved']} moved, "
        f"{counts['reworded']} reworded, {counts['gone']} gone, {counts['new']} new"
    )
    console.print(Text(f"\n{counted}\n{_CAVEATS}"))


def _write_both_ways(sentences: Sequence[BothWays], console: Console) -> None:
    """Write the sentences that stand in several places of one report, with different labels."""
    if not sentences:
        return
    console.print(
        Text(f"\nSame sentence, tagged otherwise in one report: {len(sentences)}", style="bold")
    )
    for sentence in sentences:
        console.print(Text(f"{sentence.report}  {one_line(sentence.text)}"))
        for place in sentence.describe():
            console.print(Text(f"      {one_line(place)}", style="dim"))


class _ChangeTables:
    """Writes the changes of a comparison, a table for each kind."""

    def __init__(self, comparison: Comparison, console: Console) -> None:
        self._names = comparison.names
        self._colours = _colours(comparison.run)
        self._console = console
        self._is_styled = console.is_terminal and not console.is_dumb_terminal

    def write(self, group: ChangesOfKind) -> None:
        title = Text(f"\n{group.title}: {len(group.changes)}", style="bold")
        remarks = []
        if group.borderline:
            remarks.append(f"{group.borderline} of them borderline")
        if group.elsewhere:
            remarks.append(f"{group.elsewhere} more under other headings")
        noted = title.append(f" ({', '.join(remarks)})" if remarks else "", style="not bold")
        self._console.print(noted)
        table = Table(box=None, pad_edge=False, show_edge=False, show_header=False)
        table.add_column(no_wrap=True, vertical="top")
        table.add_column(overflow="fold")
        for number, change in enumerate(group.changes):
            if number:
                table.add_row()
            self._add(table, change)
        self._console.print(table)

    def _add(self, table: Table, change: Change) -> None:
        old_name, new_name = self._names
        words = change.words()
        table.add_row("", self._heading(change))
        is_one_text = change.old and change.new and change.alignment != "reworded"
        if change.old and not is_one_text:
            table.add_row(old_name, self._marked(words.old, "[-", "-]", "strike"))
        if change.new:
            name = "both" if is_one_text else new_name
            table.add_row(name, self._marked(words.new, "{+", "+}", "bold"))
        if change.nearest and change.labels:
            what = "perhaps in its place" if change.instead else "nearest"
            text = one_line(change.nearest.text)
            nearest = f"{what}, similarity {change.nearness:.2f}: {text}"
            other_name = new_name if change.old else old_name
            table.add_row(Text(other_name, style="dim"), Text(nearest, style="dim"))

    def _heading(self, change: Change) -> Text:
        """Format changes and place: ``+failure 0.04 → 0.91  [protection]  p. 4 → 5``."""
        old_name, new_name = self._names
        passages = change.sides
        if change.labels:
            parts = [self._label_change(of_label) for of_label in change.labels]
        else:
            labels = passages[-1].labels
            parts = [Text(label_name(label), style=self._colours[label]) for label in labels]
        sections = _arrow(one_line(side.section or "") or "no section" for side in passages)
        parts.append(Text(f"[{sections}]", style="bold"))
        facts = []
        # one of the two may have none: a web page
        if pages := [str(passage.page) for passage in passages if passage.page]:
            facts.append("p. " + _arrow(pages))
        if change.alignment == "reworded":
            facts.append(f"similarity {change.similarity:.2f}")
        if len(passages) == 1:
            facts.append(f"not in {new_name if change.old else old_name}")
        if change.shared:
            facts.append("split, joined or said twice")
        if any(passage.low_confidence for passage in passages):
            facts.append("low confidence")
        return Text("  ").join([*parts, *map(Text, facts)])

    def _label_change(self, change: LabelChange) -> Text:
        scores = [probability(score) for score in (change.old, change.new) if score is not None]
        sign = "+" if change.came else "-"
        colour = self._colours[change.label]
        text = Text(f"{sign}{label_name(change.label)} {_arrow(scores)}", style=colour)
        return text.append(" borderline", style="italic") if change.borderline else text

    def _marked(self, segments: Sequence[Words], before: str, after: str, style: str) -> Text:
        """Format a text with its changed words in a style, or between two marks."""
        text = Text()
        for segment in segments:
            words = one_line(segment.text.rstrip())
            if not segment.changed or not words:
                text.append(words)
            elif self._is_styled:
                text.append(words, style)
            else:
                text.append(f"{before}{words}{after}")
            text.append(" " if segment.text[-1:].isspace() else "")
        return text


def _arrow(values: Iterable[str]) -> str:
    return " → ".join(dict.fromkeys(values))


# ------------------------------------------------------------------------------------------- ledger


def write_ledger(ledger: Ledger, out: IO[str], everything: bool = False) -> None:
    """Write the lines that have a label, or with `everything` all, most years first."""
    console = _console(out, 120)
    subject = ledger.subject or "Passages that persist"
    title = one_line(f"{subject}, {ledger.years[0]} to {ledger.years[-1]}")
    console.print(Text(title, style="bold"))
    shown = [line for line in ledger.lines if line.labels or everything]
    colours = _colours(ledger.run)
    for line in shown:
        _write_line(line, ledger.years[-1], console, colours)
    _write_both_ways(ledger.both_ways, console)
    counts = {label: sum(label in line.labels for line in shown) for label in ledger.run.labels}
    tagged = ", ".join(f"{label_name(label)} {count}" for label, count in counts.items())
    counted = f"{len(shown)} passages stood in two years or more ({tagged})"
    left_out = len(ledger.lines) - len(shown)
    if left_out:
        counted = f"{counted}; {left_out} more without a label, which --all shows"
    console.print(Text(f"\n{counted}."))


def _write_line(line: Line, latest: str, console: Console, colours: dict[str, str]) -> None:
    labels = Text(", ").join(Text(label_name(label), style=colours[label]) for label in line.labels)
    heading = Text("\n").append(f"{line.describe(latest)}  ", style="bold").append(labels)
    heading.append(f"  {len(line.years)} years: {', '.join(line.years)}")
    console.print(heading)
    first_words = line.first.passage.text
    last_words = line.last.passage.text
    if first_words != last_words:
        console.print(Text(f"{line.first.year}  {one_line(first_words)}", style="dim"))
    console.print(Text(f"{line.last.year}  {one_line(last_words)}"))
