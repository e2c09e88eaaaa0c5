"""Pages of a desk in ``changes/``: what changed between two years, a ledger over all, publications
side by side.

Reports are compared only with those of their own country and publication.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import quote, unquote

from tipclassify.reporting.comparison.comparison import compare
from tipclassify.reporting.comparison.contrast import contrast
from tipclassify.reporting.comparison.ledger import build_ledger
from tipclassify.reporting.report import ScoringContext, TaggedReport
from tipclassify.reporting.writers import contrasted, followed
from tipclassify.reporting.writers.compared import write_html

__all__ = ["write_changes"]

_EARLIER: Final = 5  # reports that each is compared with; what stood longer is in the ledger

Head = dict[str, Any]  # of a report, as the desk has it
OpenFile = Callable[[Path], AbstractContextManager[IO[str]]]


def write_changes(
    heads: Sequence[Head],
    folder: Path,
    context: ScoringContext,
    open_file: OpenFile,
    parts: Callable[[Head], list[Path]],
    report_of: Callable[[Head], TaggedReport],
    resume: bool,
) -> None:
    """Write the pages of all reports, and note in each head their links.

    ``head["changes"]`` lists years and links, latest first; ``head["ledger"]`` and
    ``head["beside"]`` are links or "". `parts` lists the data files of a report, of which the last
    is written last; with `resume`, pages newer than these stay.
    """
    pages = folder / "changes"
    # Links lead from these pages to the reports' pages.
    context = replace(context, folder=Path(pages.name), index="../index.html")

    def is_current(target: Path, used: Sequence[Head]) -> bool:
        newest = max(parts(head)[-1].stat().st_mtime_ns for head in used)
        return resume and target.is_file() and target.stat().st_mtime_ns >= newest

    for head in heads:
        head["changes"], head["ledger"], head["beside"] = [], "", ""
    for series in _series(heads).values():
        for at, new in enumerate(series):
            for old in reversed(series[max(0, at - _EARLIER) : at]):
                target = pages / _page_of(old, new, series[at - 1])
                if not is_current(target, (old, new)):
                    found = compare(report_of(old), report_of(new), context)
                    if found.publication_warnings():
                        continue
                    with open_file(target) as out:
                        write_html(found, out, context)
                new["changes"].append({"year": old["year"], "link": _link(target)})
        if len(series) > 2 and all(head["changes"] for head in series[1:]):
            target = pages / f"ledger-{_digest(series[0])}.html"
            if not is_current(target, series):
                ledger = build_ledger([report_of(head) for head in series], context)
                with open_file(target) as out:
                    followed.write_html(ledger, out, context)
            for head in series:
                head["ledger"] = _link(target)
    for beside in _same_year(heads):
        target = pages / f"beside-{_digest(beside[0], beside[0]['year'])}.html"
        if not is_current(target, beside):
            with open_file(target) as out:
                contrasted.write_html(
                    contrast([report_of(head) for head in beside], context), out, context
                )
        for head in beside:
            head["beside"] = _link(target)


def _series(heads: Sequence[Head]) -> dict[tuple[str, str], list[Head]]:
    """Gather the reports of each country and publication, one a year, in the order of their
    years."""
    found: defaultdict[tuple[str, str], dict[int, Head]] = defaultdict(dict)
    for head in heads:
        if head["country"] and head["year"]:
            found[head["country"], head.get("series") or ""].setdefault(head["year"], head)
    return {key: [of_year[year] for year in sorted(of_year)] for key, of_year in found.items()}


def _same_year(heads: Sequence[Head]) -> list[list[Head]]:
    """Gather the reports of different publications on the same country and year."""
    found: defaultdict[tuple[str, int], dict[str, Head]] = defaultdict(dict)
    for head in heads:
        if head["country"] and head["year"] and head.get("series"):
            found[head["country"], head["year"]].setdefault(head["series"], head)
    return [list(publications.values()) for publications in found.values() if len(publications) > 1]


def _page_of(old: Head, new: Head, last: Head) -> str:
    """Name the page of what changed: that of the report before has the name of the report's own
    page."""
    page = unquote(new["page"])
    return page if old is last else f"{page.removesuffix('.html')}-since-{old['year']}.html"


def _digest(head: Head, *more: object) -> str:
    named = "\0".join(map(str, (head["country"], head.get("series"), *more)))
    return hashlib.sha256(named.encode("utf-8", "backslashreplace")).hexdigest()[:8]


def _link(target: Path) -> str:
    return f"changes/{quote(target.name)}"
