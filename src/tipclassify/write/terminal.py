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
from tipclassify.reports.compare.changes import MARGIN, BothWays, Change
from tipclassify.reports.compare.comparison import Comparison
from tipclassify.reports.compare.ledger import Ledger
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
    """Make a console as wide as the terminal, or `width` columns if the output is none.

    Text is printed as it is, once it has been through `one_line`: it has no markup.
    """
    stream = getattr(out, "stream", out)  # a terminal takes colours here
    columns = None if out.isatty() else width
    return Console(file=stream, highlight=False, markup=False, emoji=False, width=columns)


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
    for line in [f"{base}: {counts}", *kinds.beside(labels), subject_line(subjects.values())]:
        if line:
            console.print(line)


def _findings_table(findings: FileFindings, colours: dict[str, str]) -> Table:
    table = Table(
        title=_heading(findings), title_justify="left", box=None, pad_edge=False, show_edge=False
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
        table.add_row(*other_cells, name, style="bold")
        for listed in listed_findings:
            passage = listed.passage
            doubt = " ?" if passage.low_confidence else ""
            labels = [Text(label + doubt, colours[label]) for label in passage.labels]
            scores = "\n".join(probability(passage.scores[label]) for label in passage.labels)
            page = [str(passage.page or "")] if has_pages else []
            table.add_row(Text("\n").join(labels), scores, *page, one_line(passage.text))
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
            names.append("" if is_repeated else shown_name(shown, dimension))
        table.add_row(*names, *_summary_cells(summary, group))
        above = group.key
    table.add_section()
    no_names = ["" for _ in summary.by[1:]]
    for name, total in zip(summary.total_names, summary.shown_totals, strict=True):
        table.add_row(name, *no_names, *_summary_cells(summary, total), style="bold")
    console.print(table)
    console.print()
    if on_subject := subject_line(summary.subjects):
        console.print(on_subject)
    console.print(OVERLAP)
    if summary.rates is not None:
        console.print(f"Second lines: adjusted for the model's errors. {ASSUMPTION}")
        if rates_note := summary.rates_note():
            console.print(rates_note)
        for note in summary.notes():
            console.print(f"{_NOTE_SYMBOLS[note]} {NOTES[note]}")
    console.print("   ".join(f"{name} {value}" for name, value in summary.about.items()))


def _summary_cells(summary: Summary, group: Group) -> list[str]:
    cells = [f"{group.passages:,}"]
    for label in (*summary.labels, NONE):
        share = f"{group.share(label):4.0%}" if group.passages else "   –"
        cell = f"{group.count(label):,} {share}"
        if estimate := summary.estimate(group, label):
            symbols = "".join(_NOTE_SYMBOLS[note] for note in estimate.notes)
            interval = f"({estimate.low:,.0f}–{estimate.high:,.0f})"
            cell += f"\n{symbols}{estimate.count:,.0f} {interval}"
        cells.append(cell)
    return cells


# --------------------------------------------------------------------------------------- comparison


def write_comparison(comparison: Comparison, out: IO[str], repeated: bool = False) -> None:
    """Write the changes by kind, with changed words between signs, then counts and caveats.

    Repeated passages are written only if `repeated`.
    """
    console = _console(out, 120)
    old, new = comparison.names
    if comparison.subject:
        console.print(one_line(f"{comparison.subject}: {old} set against {new}"), style="bold")
    console.print(f"{old}  {_heading(comparison.old)}")
    console.print(f"{new}  {_heading(comparison.new)}")
    for group in comparison.groups(repeated):
        remarks = []
        if group.borderline:
            remarks.append(f"{group.borderline} of them borderline")
        if group.elsewhere:
            remarks.append(f"{group.elsewhere} more under other headings")
        remark = f" ({', '.join(remarks)})" if remarks else ""
        console.print(f"\n{group.title}: {len(group.changes)}{remark}", style="bold")
        table = Table(box=None, pad_edge=False, show_edge=False, show_header=False)
        table.add_column(no_wrap=True, vertical="top")
        table.add_column(overflow="fold")
        for number, change in enumerate(group.changes):
            if number:
                table.add_row()
            _add_change(table, change, comparison)
        console.print(table)
    _write_both_ways(comparison.both_ways, console)
    counts = comparison.counts()
    console.print(
        f"\n{len(comparison.old.passages)} passages of {old}, "
        f"{len(comparison.new.passages)} of {new}: "
        f"{counts['repeated']} repeated word for word, {counts['moved']} moved, "
        f"{counts['reworded']} reworded, {counts['gone']} gone, {counts['new']} new\n{_CAVEATS}"
    )


def _write_both_ways(sentences: Sequence[BothWays], console: Console) -> None:
    """Write the sentences that stand in several places of one report, with different labels."""
    if sentences:
        title = f"\nSame sentence, tagged otherwise in one report: {len(sentences)}"
        console.print(title, style="bold")
    for sentence in sentences:
        console.print(f"{sentence.report}  {one_line(sentence.text)}")
        for place in sentence.describe():
            console.print(f"      {one_line(place)}")


def _add_change(table: Table, change: Change, comparison: Comparison) -> None:
    """Add what changed and where, and the passage in both reports, or the nearest of the other."""
    old_name, new_name = comparison.names
    words = change.words()
    table.add_row("", _change_heading(change, comparison))
    is_one_text = change.old and change.new and change.alignment != "reworded"
    if change.old and not is_one_text:
        table.add_row(old_name, _marked(words.old, "[-", "-]"))
    if change.new:
        table.add_row("both" if is_one_text else new_name, _marked(words.new, "{+", "+}"))
    if change.nearest and change.labels:
        what = "perhaps in its place" if change.instead else "nearest"
        nearest = f"{what}, similarity {change.nearness:.2f}: {one_line(change.nearest.text)}"
        table.add_row(new_name if change.old else old_name, nearest)


def _change_heading(change: Change, comparison: Comparison) -> Text:
    """Format changes and place: ``+failure 0.04 → 0.91  [protection]  p. 4 → 5``."""
    old_name, new_name = comparison.names
    colours = _colours(comparison.run)
    passages = change.sides
    parts = []
    for of_label in change.labels:
        scores = [probability(score) for score in (of_label.old, of_label.new) if score is not None]
        sign = "+" if of_label.came else "-"
        borderline = " borderline" if of_label.borderline else ""
        words = f"{sign}{label_name(of_label.label)} {_arrow(scores)}{borderline}"
        parts.append(Text(words, colours[of_label.label]))
    if not change.labels:
        parts += [Text(label_name(label), colours[label]) for label in passages[-1].labels]
    sections = _arrow(one_line(side.section or "") or "no section" for side in passages)
    parts.append(Text(f"[{sections}]", "bold"))
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


def _marked(segments: Sequence[Words], before: str, after: str) -> str:
    """Format a text with its changed words between two signs."""
    text = ""
    for segment in segments:
        words = one_line(segment.text.rstrip())
        text += f"{before}{words}{after}" if segment.changed and words else words
        if segment.text[-1:].isspace():
            text += " "
    return text


def _arrow(values: Iterable[str]) -> str:
    return " → ".join(dict.fromkeys(values))


# ------------------------------------------------------------------------------------------- ledger


def write_ledger(ledger: Ledger, out: IO[str], everything: bool = False) -> None:
    """Write the lines that have a label, or with `everything` all, most years first."""
    console = _console(out, 120)
    colours = _colours(ledger.run)
    latest = ledger.years[-1]
    subject = ledger.subject or "Passages that persist"
    console.print(one_line(f"{subject}, {ledger.years[0]} to {latest}"), style="bold")
    shown = [line for line in ledger.lines if line.labels or everything]
    for line in shown:
        labels = [Text(label_name(label), colours[label]) for label in line.labels]
        heading = Text(f"\n{line.describe(latest)}  ").append(Text(", ").join(labels))
        console.print(heading.append(f"  {len(line.years)} years: {', '.join(line.years)}"))
        if line.first.passage.text != line.last.passage.text:
            console.print(f"{line.first.year}  {one_line(line.first.passage.text)}")
        console.print(f"{line.last.year}  {one_line(line.last.passage.text)}")
    _write_both_ways(ledger.both_ways, console)
    counts = {label: sum(label in line.labels for line in shown) for label in ledger.run.labels}
    tagged = ", ".join(f"{label_name(label)} {count}" for label, count in counts.items())
    counted = f"{len(shown)} passages stood in two years or more ({tagged})"
    left_out = len(ledger.lines) - len(shown)
    if left_out:
        counted = f"{counted}; {left_out} more without a label, which --all shows"
    console.print(f"\n{counted}.")
