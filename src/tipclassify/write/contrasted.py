"""Writers of a contrast of publications: a table for the terminal, JSON lines, or an HTML page."""

from __future__ import annotations

from typing import IO, Final

from rich.console import Console
from rich.text import Text

from tipclassify.formatting import json_line, one_line
from tipclassify.reports.citation import Citation, cite
from tipclassify.reports.compare.contrast import Contrast
from tipclassify.reports.palette import TERMINAL
from tipclassify.reports.report import Finding, ScoringContext
from tipclassify.write.table import console_of_report_table_writer
from tipclassify.write.templating import render_template

__all__ = ["write_contrast_html", "write_contrast_jsonl", "write_contrast_table"]

_CAUTION: Final = (
    "These may contradict each other: the passages name the same matter and have opposite tags. "
    "They may also speak of different things, times or places. Read both in their sources."
)


def write_contrast_table(contrast: Contrast, out: IO[str], context: ScoringContext) -> None:
    """Write each pair with both citations."""
    console = console_of_report_table_writer(out, 120)
    title = (
        f"{contrast.subject or 'One country and year'}: {' beside '.join(contrast.publications)}"
    )
    console.print(Text(one_line(title), style="bold"))
    for pair in contrast.pairs:
        console.print(Text(f"\non {pair.matter}", style="bold"))
        _write_contrast_side(pair.effort, "positive_effort", context, console)
        _write_contrast_side(pair.failure, "failure", context, console)
    console.print(Text(f"\n{len(contrast.pairs)} pairs. {_CAUTION}"))


def _write_contrast_side(
    finding: Finding, label: str, context: ScoringContext, console: Console
) -> None:
    name = Text(label.removeprefix("positive_"), style=TERMINAL[label])
    console.print(name.append(f"  {one_line(finding.passage.text)}", style=""))
    console.print(Text(f"  {cite(finding, context).source}", style="dim"))


def write_contrast_jsonl(contrast: Contrast, out: IO[str], context: ScoringContext) -> None:
    """Write an object for each pair."""
    for pair in contrast.pairs:
        effort = _cited_contrast_side(pair.effort, context)
        failure = _cited_contrast_side(pair.failure, context)
        out.write(json_line({**pair.to_dict(), "effort": effort, "failure": failure}))


def _cited_contrast_side(finding: Finding, context: ScoringContext) -> dict[str, object]:
    return {**finding.to_dict(), "citation": cite(finding, finding.context or context).source}


def write_contrast_html(contrast: Contrast, out: IO[str], context: ScoringContext) -> None:
    """Write one page, without a script."""

    def cite_contrast_side(finding: Finding) -> Citation:
        return cite(finding, finding.context or context)

    out.writelines(
        render_template(
            "contrast.html",
            contrast=contrast,
            context=context,
            cite=cite_contrast_side,
            caution=_CAUTION,
        )
    )
