"""Pages of several reports of a country: what changed between two, what persists over the years.

They have no script: CSS reads their filters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

from tipclassify.records import Passage, Report
from tipclassify.reports.cite import Citation, cite
from tipclassify.reports.compare.comparison import Comparison
from tipclassify.reports.compare.ledger import Ledger
from tipclassify.write.output import Output
from tipclassify.write.templating import render_template


def write_comparison_html(
    comparison: Comparison, out: IO[str], output: Output, repeated: bool = False
) -> None:
    """Write one page for a comparison; repeated passages only if `repeated`."""
    groups = comparison.groups(repeated)
    out.writelines(
        render_template("comparison.html", output=output, comparison=comparison, groups=groups)
    )


def write_ledger_html(
    ledger: Ledger,
    out: IO[str],
    output: Output,
    cite_passage: Callable[[Report, Passage], Citation] = cite,
) -> None:
    """Write one page for a ledger: a timeline for each passage that persists."""
    out.writelines(render_template("ledger.html", output=output, ledger=ledger, cite=cite_passage))
