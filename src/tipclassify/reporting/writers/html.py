"""The HTML report: one file that opens without a network, for the analyst who reads and the minister who decides.

Each report's whole text with its findings marked, why each was tagged, how often such tags are wrong. Articles
(`tipclassify.reporting.writers.article`) are staged in a temporary file, since what stands above them counts them all: memory does
not grow with the number of reports. The page's policy lets no script run but ours, whatever a report holds.
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
from tipclassify.reporting.writers import Run, TaggedReport
from tipclassify.reporting.writers.article import Summary, article, summarize
from tipclassify.reporting.writers.templating import asset, policy_hash, rendered

__all__ = ["write_html"]

_COLUMNS: Final = ("Passages here", "Right, of 100 tags", "Found, of 100 such passages", "Tagged from probability")
_REASONS: Final = {
    ADDITIVE: "what its words add, in points",
    OCCLUSION: "how far its points fall when a word, a clause or the heading is masked, which is no sum",
}


@dataclass(frozen=True, slots=True)
class LegendRow:
    """A label in the legend: its passages here, its threshold, and the error rates measured at that, if any were."""

    label: str
    here: int
    threshold: float
    measured: bool
    precision: Sequence[float] = ()
    recall: Sequence[float] = ()


def write_html(reports: Iterable[TaggedReport], out: IO[str], run: Run) -> None:
    """Write one page for all reports. The same input gives the same bytes."""
    summaries: list[Summary] = []
    parts: Counter[str] = Counter()
    rows: Counter[str] = Counter()
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as staged:
        for number, report in enumerate(reports, 1):
            if report.document is None:  # a batch of rows, of which one input may have many
                parts[report.file] += 1
            summary = summarize(report, number, parts[report.file])
            staged.writelines(article(report, summary, run, rows[report.file] + 1))
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
            legend=_legend(summaries, run),
            columns=_COLUMNS,
            reasons=[_REASONS[method] for method in run.classifier.scorer.methods],
            model=str(run.classifier.meta.get("sha256", "unknown")),
            policy=run.policy,
            style=style,
            script=script,
            style_hash=policy_hash(style),
            script_hash=policy_hash(script),
        )
        out.writelines(page)


def _legend(summaries: Sequence[Summary], run: Run) -> list[LegendRow]:
    """A row for each label; nothing was measured at a threshold of the user's."""
    points = run.classifier.meta.get("operating_points", {}).get(run.policy, {})
    legend = []
    for label, threshold in run.thresholds.items():
        point = points.get(label, {})
        measured = bool(point) and abs(point.get("threshold", -1) - threshold) < 1e-4
        rates = (point.get("precision", ()), point.get("recall", ())) if measured else ()
        legend.append(LegendRow(label, sum(s.labels[label] for s in summaries), threshold, measured, *rates))
    return legend
