"""The HTML report: one file that opens without a network, for the analyst who reads and the minister who decides.

Each report's whole text with its findings marked, why each was tagged, how often such tags are wrong. Articles
(`tipclassify.writers.article`) are staged in a temporary file, since what stands above them counts them all: memory does
not grow with the number of reports. The page's policy lets no script run but ours, whatever a report holds.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from string import Template
from typing import IO, Any, Final

from tipclassify._version import __version__
from tipclassify.explanation import ADDITIVE, OCCLUSION
from tipclassify.labels import LABELS, MEANINGS
from tipclassify.subject import subject_line
from tipclassify.writers import Run, TaggedReport
from tipclassify.writers.article import Summary, article, summarize
from tipclassify.writers.markup import asset, attribute, content
from tipclassify.writers.wording import LETTERS, NAMES, badge

__all__ = ["write_html"]

_ARTICLES: Final = "<!-- articles -->\n"
_COLUMNS: Final = ("Passages here", "Right, of 100 tags", "Found, of 100 such passages", "Tagged from probability")


def write_html(reports: Iterable[TaggedReport], out: IO[str], run: Run) -> None:
    """One page for all reports. The same input gives the same bytes."""
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
        above, below = _page(summaries, run)
        out.write(above)
        staged.seek(0)
        shutil.copyfileobj(staged, out)
        out.write(below)


def _page(summaries: Sequence[Summary], run: Run) -> tuple[str, str]:
    """What stands above and below the articles."""
    style, script = asset("report.css"), asset("report.js")
    model = str(run.classifier.meta.get("sha256", "unknown"))
    thresholds = run.classifier.thresholds(run.policy).tolist()
    one = summaries[0] if len(summaries) == 1 else None
    heading = one.title if one else f"Tagged passages of {len(summaries)} reports"
    found, passages = sum(s.findings for s in summaries), sum(s.passages for s in summaries)
    line = subject_line(s.subject for s in summaries)
    page = Template(asset("report.html")).substitute(
        style=style,
        script=script,
        style_hash=_policy_hash(style),
        script_hash=_policy_hash(script),
        version=__version__,
        title=attribute(heading) + " · tagged passages",
        heading=content(heading),
        facts=f'<p class="facts">{one.facts()}</p>' if one and one.facts() else "",
        lead=f"A program read {'this report' if one else f'these {len(summaries)} reports'} and marked <strong>{found} of "
        f"{passages} passages</strong>: where a government acts against human trafficking, fails to, or has a part in it.",
        subject=f"<p><strong>{line}</strong></p>" if line else "",
        tool=attribute(f"tipclassify {__version__}, model {model[:12]}, policy {run.policy}"),
        thresholds=" ".join(f"{value:.4f}" for value in thresholds),
        legend=_legend(summaries, run, thresholds),
        notes=_notes(run, thresholds),
        contents=_contents(summaries) if len(summaries) > 1 else "",
        label_boxes="\n".join(
            f'<label class="check"><input type="checkbox" name="label" value="{LETTERS[label]}" checked> '
            f"{badge(label)} {NAMES[label]}</label>"
            for label in LABELS
        ),
        made_by=f"Made by tipclassify {__version__} with model {content(model)}, policy {content(run.policy)}.",
    )
    above, below = page.split(_ARTICLES)
    return above, below


def _policy_hash(text: str) -> str:
    """The hash by which a content security policy knows an inline script or style (W3C CSP 3, section 8.3)."""
    return "sha256-" + b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


# --------------------------------------------------------------------------------------------- what the marks mean


def _legend(summaries: Sequence[Summary], run: Run, thresholds: Sequence[float]) -> str:
    rows = []
    for label, threshold in zip(LABELS, thresholds, strict=True):
        here = sum(summary.labels[label] for summary in summaries)
        right, told = _error_rates(run, label, threshold)
        rows.append(
            f'<tr><th scope="row"><mark><u class="{LETTERS[label]}">{NAMES[label]}</u></mark> {badge(label)}'
            f"<p>{content(MEANINGS[label])}</p></th>"
            + "".join(
                f'<td data-head="{head}"><span>{value}</span></td>'
                for head, value in zip(_COLUMNS, (here, right, told, f"{threshold:.2f}"), strict=True)
            )
            + "</tr>"
        )
    return (
        "<table>\n<thead><tr>"
        + "".join(f'<th scope="col">{head}</th>' for head in ("Label", *_COLUMNS))
        + "</tr></thead>\n<tbody>\n"
        + "\n".join(rows)
        + "\n</tbody>\n</table>"
    )


def _operating_point(run: Run, label: str, threshold: float) -> dict[str, Any] | None:
    """What was measured at this threshold; None where nothing was, as after ``--threshold``."""
    point: dict[str, Any] | None = run.classifier.meta.get("operating_points", {}).get(run.policy, {}).get(label)
    return point if point and abs(point.get("threshold", -1) - threshold) < 1e-4 else None


def _error_rates(run: Run, label: str, threshold: float) -> tuple[str, str]:
    """Precision and recall at this threshold, of a hundred, with their intervals."""
    point = _operating_point(run, label, threshold)
    return tuple(  # type: ignore[return-value]  # two names, two values
        _of_hundred(point[name]) if point and point.get(name) else "not measured" for name in ("precision", "recall")
    )


def _of_hundred(interval: Sequence[float]) -> str:
    value, *bounds = (f"{100 * share:.0f}" for share in interval)
    return value + (f" <small>({'–'.join(bounds)})</small>" if bounds else "")


_HOW: Final = {
    ADDITIVE: "what its words add, in points",
    OCCLUSION: "how far its points fall when a word, a clause or the heading is masked, which is no sum",
}


def _notes(run: Run, thresholds: Sequence[float]) -> str:
    measured = [
        _operating_point(run, label, value) is not None for label, value in zip(LABELS, thresholds, strict=True)
    ]
    notes = []
    if any(measured):
        notes.append(
            "How often tags are right was measured on labelled passages that the model had not seen, at policy "
            f"{content(run.policy)}; brackets hold the 95% interval. A report may be harder than those: expect more errors."
        )
    if not all(measured):
        notes.append("Where it says “not measured”, nothing is known of the errors at the threshold used.")
    notes.append(
        '<span class="screen">Point at a marked passage, tap it, or reach it with the Tab key, to see why it was tagged: '
        f"{' or '.join(_HOW[method] for method in run.classifier.scorer.methods)}. Zero points are a probability of 0.50, +2 are "
        "0.88, −2 are 0.12. A question mark stands behind a passage that nearly has a label, and says why it has none.</span>"
    )
    notes.append(
        "“Low confidence” stands behind a passage that has few words, or many that the model does not know. References, notes, "
        "contents, dates and addresses are shown, but neither tagged nor counted as passages."
    )
    return '<div class="notes">\n' + "\n".join(f"<p>{note}</p>" for note in notes) + "\n</div>"


def _contents(summaries: Sequence[Summary]) -> str:
    heads = "".join(f'<th scope="col">{badge(label)}<span class="vh"> {NAMES[label]}</span></th>' for label in LABELS)
    rows = "\n".join(
        f'<tr><th scope="row"><a href="#r{s.number}">{content(s.title)}</a></th><td>{content(s.country or "–")}</td>'
        f"<td>{s.year or '–'}</td><td>{s.passages}</td>"
        + "".join(f"<td>{s.labels[label] or '–'}</td>" for label in LABELS)
        + "</tr>"
        for s in summaries
    )
    return (
        '<nav class="reports page" aria-labelledby="reports">\n<h2 id="reports">Reports</h2>\n<table>\n<thead><tr>'
        '<th scope="col">Report</th><th scope="col">Country</th><th scope="col">Year</th><th scope="col">Passages</th>'
        f"{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</nav>"
    )
