"""Tables for reading in a terminal: findings, a summary, a comparison, a ledger.

Colours are used on a terminal only, and never if ``NO_COLOR`` is set.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Final

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from tipclassify.formatting import count_with_noun, one_line
from tipclassify.labels import label_name, styles
from tipclassify.probability import probability
from tipclassify.records import Report, known, source_name
from tipclassify.reports.adjust import ASSUMPTION, NOTES
from tipclassify.reports.compare.changes import BothWays, Change
from tipclassify.reports.compare.comparison import Comparison
from tipclassify.reports.compare.ledger import Ledger
from tipclassify.reports.compare.wording import Words
from tipclassify.reports.counts import COUNTED, NONE, OVERLAP, Group, Summary, subject_line
from tipclassify.text.kinds import UNMEASURED
from tipclassify.write.file_findings import FileFindings, findings_by_file
from tipclassify.write.output import Output

_NOTE_SYMBOLS: Final = {"few": "*", "weak": "†", "unlike": "‡", "unclear": "?", "unmeasured": ""}
_CAVEATS: Final = (
    "What is new or gone by its words may have been reported before, or still be, in other words; "
    "what is no longer reported need not have stopped. "
    "Borderline: the probabilities lie so near to the threshold that another wording could have "
    "turned the tag."
)


class _Terminal:
    """A console as wide as the terminal, or `width` columns if the output is none.

    Text is printed as it is, once it has been through `one_line`: it has no markup.
    """

    def __init__(self, out: IO[str], width: int, labels: Sequence[str]) -> None:
        stream = getattr(out, "stream", out)  # a terminal takes colours here
        columns = None if out.isatty() else width
        console = Console(file=stream, highlight=False, markup=False, emoji=False, width=columns)
        self.print = console.print
        self._styles = styles(labels)

    def label(self, label: str, words: str) -> Text:
        """Make text in the colour of a label."""
        return Text(words, self._styles[label].terminal)

    def labels(self, labels: Iterable[str]) -> list[Text]:
        """Make the names of labels, in their colours."""
        return [self.label(label, label_name(label)) for label in labels]

    def print_both_ways(self, sentences: Sequence[BothWays]) -> None:
        """Print the sentences that stand in several places of one report, with other labels."""
        if sentences:
            title = f"\nSame sentence, tagged otherwise in one report: {len(sentences)}"
            self.print(title, style="bold")
        for sentence in sentences:
            self.print(f"{sentence.report}  {one_line(sentence.text)}")
            for place in sentence.describe():
                self.print(f"      {one_line(place)}")


def _table(*columns: Column, title: str | None = None, header: bool = True) -> Table:
    """Make a table without lines, two spaces between its columns."""
    return Table(
        *columns,
        title=title,
        title_justify="left",
        show_header=header,
        box=None,
        pad_edge=False,
        show_edge=False,
        padding=(0, 2, 0, 0),
    )


def _numbers(name: str) -> Column:
    return Column(name, justify="right", no_wrap=True)


def _heading(report: Report | FileFindings) -> str:
    """Make the line of a report's file, with country and year as far as they are known."""
    country_and_year = one_line(" ".join(known(report.country, report.year)))
    doubt = "" if report.is_measured else f"  {UNMEASURED}"
    return (
        one_line(source_name(report.file))
        + (f"  ({country_and_year})" if country_and_year else "")
        + doubt
    )


# ----------------------------------------------------------------------------------------- findings


def write_findings(reports: Iterable[Report], out: IO[str], output: Output) -> None:
    """Write label (``?``: doubtful), probability, page and text of tagged passages; counts."""
    labels = output.run.labels
    terminal = _Terminal(out, 110, labels)
    files = defaultdict[str, Group](Group)
    # by part: a table holds many times the memory of its text
    for findings in findings_by_file(reports, parts=True):
        files[findings.file] += findings.total
        if findings.tagged:
            terminal.print(_findings_table(findings, terminal))
    if not files:  # no input could be read, which is said elsewhere
        return
    total = sum(files.values(), Group())
    if total.tagged or total.tagged_rows:
        terminal.print()
    counts = "   ".join(f"{label} {total.count_and_share(label)}" for label in labels)
    passages = count_with_noun(total.passages, "passage")
    terminal.print(f"{passages}, {total.base:,} on trafficking: {counts}")
    for line in [*total.counted(labels), subject_line(files.values())]:
        if line:
            terminal.print(line)


def _findings_table(findings: FileFindings, terminal: _Terminal) -> Table:
    columns = [Column("label", no_wrap=True), _numbers("prob.")]
    has_pages = any(mark.passage.page for marks in findings.tagged.values() for mark in marks)
    if has_pages:
        columns.append(_numbers("page"))
    columns.append(Column("passage", overflow="fold"))
    table = _table(*columns, title=_heading(findings))
    for section, marks in findings.tagged.items():
        name = f"[{one_line(section or '') or 'no section'}]"
        table.add_row(*["" for _ in columns[1:]], name, style="bold")
        for mark in marks:
            passage = mark.passage
            doubt = " ?" if mark.is_doubtful else ""
            labels = [terminal.label(label, label + doubt) for label in passage.labels]
            scores = "\n".join(probability(passage.scores[label]) for label in passage.labels)
            page = [str(passage.page or "")] if has_pages else []
            table.add_row(Text("\n").join(labels), scores, *page, one_line(passage.text))
    return table


# ------------------------------------------------------------------------------------------ summary


def write_summary(summary: Summary, out: IO[str]) -> None:
    """Write counts and shares by group, adjusted ones with intervals below, then caveats."""
    terminal = _Terminal(out, 120, summary.labels)
    by = Column(" · ".join(summary.by), overflow="fold")
    names = ("sentences", *summary.labels, NONE, "table rows")
    table = _table(by, *map(_numbers, names))
    for name, group in zip(summary.group_names, summary.groups, strict=True):
        table.add_row(name, *_summary_cells(summary, group))
    table.add_section()
    for name, total in zip(summary.total_names, summary.totals, strict=True):
        table.add_row(name, *_summary_cells(summary, total), style="bold")
    lines = [subject_line(summary.files), *summary.break_lines()]
    lines.append(f"{COUNTED} Table rows are beside them. {OVERLAP}")
    if summary.rates is not None:
        lines.append(f"Second lines: adjusted for the model's errors. {ASSUMPTION}")
        lines.append(summary.rates_note())
        lines += [f"{_NOTE_SYMBOLS[note]} {NOTES[note]}".strip() for note in summary.notes()]
    lines.append("   ".join(f"{name} {value}" for name, value in summary.about.items()))
    terminal.print(table)
    terminal.print()
    for line in filter(None, lines):
        terminal.print(line)


def _summary_cells(summary: Summary, group: Group) -> list[str]:
    cells = [f"{group.base:,}"]
    for label in (*summary.labels, NONE):
        share = f"{group.share(label):4.0%}" if group.base else "   –"
        cell = f"{group.count(label):,} {share}"
        if estimate := summary.estimate(group, label):
            symbols = "".join(_NOTE_SYMBOLS[note] for note in estimate.notes)
            interval = f"({estimate.low:,.0f}–{estimate.high:,.0f})"
            cell += f"\n{symbols}{estimate.count:,.0f} {interval}"
        elif summary.rates and label != NONE:
            cell += "\nnot measured"
        cells.append(cell)
    return [*cells, f"{group.tagged_rows:,}"]


# --------------------------------------------------------------------------------------- comparison


def write_comparison(comparison: Comparison, out: IO[str], repeated: bool = False) -> None:
    """Write the changes by kind, with changed words between signs, then counts and caveats.

    Repeated passages are written only if `repeated`.
    """
    terminal = _Terminal(out, 120, comparison.run.labels)
    old, new = comparison.names
    if comparison.subject:
        terminal.print(one_line(f"{comparison.subject}: {old} compared with {new}"), style="bold")
    terminal.print(f"{old}  {_heading(comparison.old)}")
    terminal.print(f"{new}  {_heading(comparison.new)}")
    for line in comparison.break_lines():
        terminal.print(one_line(f"Break: {line}"))
    for group in comparison.groups(repeated):
        remarks = []
        if group.borderline:
            remarks.append(f"{group.borderline} of them borderline")
        if group.elsewhere:
            remarks.append(f"{group.elsewhere} more under other headings")
        remark = f" ({', '.join(remarks)})" if remarks else ""
        terminal.print(f"\n{group.title}: {len(group.changes)}{remark}", style="bold")
        table = _table(Column(no_wrap=True), Column(overflow="fold"), header=False)
        for number, change in enumerate(group.changes):
            if number:
                table.add_row()
            table.add_row("", _change_heading(change, comparison.remark(change), terminal))
            for name, text in _sides(change, comparison.names):
                table.add_row(name, text)
        terminal.print(table)
    terminal.print_both_ways(comparison.both_ways)
    counts = comparison.counts()
    in_breaks = counts["section_break"]
    apart = f", {in_breaks} in sections that only one of them writes" if in_breaks else ""
    terminal.print(
        f"\n{len(comparison.old.passages)} passages of {old}, "
        f"{len(comparison.new.passages)} of {new}: "
        f"{counts['repeated']} repeated word for word, {counts['moved']} moved, "
        f"{counts['reworded']} reworded, {counts['gone']} gone, {counts['new']} new{apart}\n"
        f"{_CAVEATS}"
    )


def _change_heading(change: Change, remark: str, terminal: _Terminal) -> Text:
    """Format changes and place: ``+failure 0.04 → 0.91  [protection]  p. 4 → 5``."""
    passages = change.sides
    parts = [] if change.labels else terminal.labels(passages[-1].labels)
    for of_label in change.labels:
        scores = [probability(score) for score in (of_label.old, of_label.new) if score is not None]
        sign = "+" if of_label.came else "-"
        borderline = " borderline" if of_label.borderline else ""
        words = f"{sign}{label_name(of_label.label)} {_arrow(scores)}{borderline}"
        parts.append(terminal.label(of_label.label, words))
    sections = _arrow(one_line(side.section or "") or "no section" for side in passages)
    parts.append(Text(f"[{sections}]", "bold"))
    # one of the two may have none: a web page
    if pages := _arrow(str(passage.page) for passage in passages if passage.page):
        parts.append(Text(f"p. {pages}"))
    if any(passage.low_confidence for passage in passages):
        parts.append(Text("doubtful"))
    if remark:
        parts.append(Text(one_line(remark)))
    return Text("  ").join(parts)


def _sides(change: Change, names: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the passage in both reports, or the nearest of the other, each after a name."""
    old_name, new_name = names
    old_words, new_words = change.words()
    is_one_text = change.old and change.new and change.alignment != "reworded"
    if change.old and not is_one_text:
        yield old_name, _marked(old_words, "[-", "-]")
    if change.new:
        yield "both" if is_one_text else new_name, _marked(new_words, "{+", "+}")
    if change.nearest and change.labels:
        what = "perhaps in its place" if change.instead else "nearest"
        nearest = f"{what}, similarity {change.nearness:.2f}: {one_line(change.nearest.text)}"
        yield new_name if change.old else old_name, nearest


def _marked(segments: Sequence[Words], before: str, after: str) -> str:
    """Format a text with its changed words between two signs."""
    text = ""
    for segment, changed in segments:
        words = one_line(segment.rstrip())
        text += f"{before}{words}{after}" if changed and words else words
        if segment[-1:].isspace():
            text += " "
    return text


def _arrow(values: Iterable[str]) -> str:
    return " → ".join(dict.fromkeys(values))


# ------------------------------------------------------------------------------------------- ledger


def write_ledger(ledger: Ledger, out: IO[str], everything: bool = False) -> None:
    """Write the lines that have a label, or with `everything` all, most years first."""
    terminal = _Terminal(out, 120, ledger.run.labels)
    latest = ledger.years[-1]
    subject = ledger.subject or "Passages that persist"
    terminal.print(one_line(f"{subject}, {ledger.years[0]} to {latest}"), style="bold")
    for line_of_break in ledger.break_lines():
        terminal.print(one_line(f"Break: {line_of_break}"))
    shown = [line for line in ledger.lines if line.labels or everything]
    counts = Counter[str]()
    for line in shown:
        counts.update(line.labels)
        labels = Text(", ").join(terminal.labels(line.labels))
        years = f"  {len(line.years)} years: {', '.join(line.years)}"
        terminal.print(Text.assemble(f"\n{line.describe(latest)}  ", labels, years))
        for year, by in line.retagged_by().items():
            terminal.print(one_line(f"tagged otherwise in {year}, by {by}"))
        if line.first.passage.text != line.last.passage.text:
            terminal.print(f"{line.first.year}  {one_line(line.first.passage.text)}")
        terminal.print(f"{line.last.year}  {one_line(line.last.passage.text)}")
    terminal.print_both_ways(ledger.both_ways)
    tagged = ", ".join(f"{label_name(label)} {counts[label]}" for label in ledger.run.labels)
    counted = f"{len(shown)} passages stood in two years or more ({tagged})"
    left_out = len(ledger.lines) - len(shown)
    if left_out:
        counted = f"{counted}; {left_out} more without a label, which --all shows"
    terminal.print(f"\n{counted}.")
