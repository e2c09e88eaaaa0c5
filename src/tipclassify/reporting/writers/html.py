"""HTML writer: one self-contained page with each report's full text, its findings, their reasons and error rates.

Articles (`tipclassify.reporting.writers.article`) are staged in a temporary file, since the page's header has totals:
memory does not grow with the number of reports. The content security policy allows our script only.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO, Final

from markupsafe import Markup

from tipclassify.model.explanation import ADDITIVE, OCCLUSION
from tipclassify.reporting.subject import subject_line
from tipclassify.reporting.writers import ScoringContext, TaggedReport
from tipclassify.reporting.writers.article import ReportSummary, article, summarize_report
from tipclassify.reporting.writers.templating import asset, policy_hash, rendered

__all__ = ["write_html"]

_COLUMNS: Final = ("Passages here", "Right, of 100 tags", "Found, of 100 such passages", "Tagged from probability")
_REASONS: Final = {
    ADDITIVE: "what its words add, in points",
    OCCLUSION: "how far its points fall when a word, a clause or the heading is masked, which is no sum",
}


@dataclass(frozen=True, slots=True)
class LegendRow:
    """A label in the legend.

    Attributes
    ----------
    here : int
        Number of its passages in these reports.
    threshold : float
        Its probability threshold.
    measured : bool
        Whether error rates were measured at this threshold.
    precision, recall : sequence of float
        Rate, low and high of its 95% interval, 0 to 1; empty if not measured.
    """

    label: str
    here: int
    threshold: float
    measured: bool
    precision: Sequence[float] = ()
    recall: Sequence[float] = ()


def write_html(reports: Iterable[TaggedReport], out: IO[str], context: ScoringContext) -> None:
    """Write one page for all reports. The same input gives the same bytes."""
    summaries: list[ReportSummary] = []
    parts: Counter[str] = Counter()
    rows: Counter[str] = Counter()
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as staged:
        for number, report in enumerate(reports, 1):
            if report.document is None:  # a batch of rows: one input may have many
                parts[report.file] += 1
            summary = summarize_report(report, number, parts[report.file])
            staged.writelines(article(report, summary, context, rows[report.file] + 1))
            if report.document is None:
                rows[report.file] += len(report.passages)
            summaries.append(summary)
        staged.seek(0)
        one = summaries[0] if len(summaries) == 1 else None
        style, script = asset("report.css"), asset("report.js")
        page = rendered(
            "report.html",
            articles=map(Markup, iter(partial(staged.read, 1 << 16), "")),
            summaries=summaries,
            one=one,
            heading=one.title if one else f"Tagged passages of {len(summaries)} reports",
            subject_line=subject_line(summary.subject for summary in summaries),
            legend=_legend(summaries, context),
            columns=_COLUMNS,
            reasons=[_REASONS[method] for method in context.classifier.scorer.methods],
            model=str(context.classifier.meta.get("sha256", "unknown")),
            policy=context.policy,
            style=style,
            script=script,
            style_hash=policy_hash(style),
            script_hash=policy_hash(script),
        )
        out.writelines(page)


def _legend(summaries: Sequence[ReportSummary], context: ScoringContext) -> list[LegendRow]:
    """Make the legend's rows; error rates are left out at a threshold that the user set, where none were measured."""
    points = context.classifier.meta.get("operating_points", {}).get(context.policy, {})
    legend = []
    for label, threshold in context.thresholds.items():
        point = points.get(label, {})
        measured = bool(point) and abs(point.get("threshold", -1) - threshold) < 1e-4
        rates = (point.get("precision", ()), point.get("recall", ())) if measured else ()
        legend.append(LegendRow(label, sum(s.labels[label] for s in summaries), threshold, measured, *rates))
    return legend
