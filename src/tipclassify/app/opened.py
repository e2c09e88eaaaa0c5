"""Reports under review: inputs in, tagged reports out.

Each passage has a key that is stable across sessions.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tipclassify.errors import InputError
from tipclassify.readers.limits import read_bounded
from tipclassify.records import Failure, Passage, Report, is_link
from tipclassify.tagging import Problems, Tagging


@dataclass(frozen=True, slots=True)
class OpenPassage:
    """A tagged passage of a report under review."""

    key: str  # of `review_passage_id`
    report: str  # id of its report
    number: int  # in that, from 1
    passage: Passage


@dataclass(frozen=True, slots=True)
class OpenReport:
    """A report under review."""

    id: str  # first 16 hex digits of the SHA-256 of its bytes
    name: str  # of the file, or a link
    title: str
    passages: tuple[OpenPassage, ...]
    notes: tuple[str, ...] = ()  # the reader's warnings


def review_passage_id(digest: str, start: int, end: int, text: str) -> str:
    """Make a URL-safe key of a passage from the SHA-256 of its report, its offsets and its text.

    >>> review_passage_id("ab12", 0, 13, "Police acted.")
    'vWYFJD2q75pSMl9yCavu8MRW'
    """
    whole = f"{digest}\n{start}\n{end}\n{text}".encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(hashlib.sha256(whole).digest()[:18]).decode("ascii")


def open_reports_for_review(
    files: Sequence[str], tagging: Tagging, progress: Callable[[int, int], None] | None = None
) -> tuple[list[OpenReport], list[str]]:
    """Read and tag inputs; return the reports, each once, and a line for each that failed."""
    reports: dict[str, OpenReport] = {}
    failures = []
    for done, file in enumerate(files, 1):
        try:
            report = _open_report_for_review(file, tagging)
            reports.setdefault(report.id, report)
        except InputError as error:
            failures.append(str(error))
        if progress:
            progress(done, len(files))
    return list(reports.values()), failures


def _tagged(file: str, tagging: Tagging) -> list[Report]:
    problems = Problems(file)
    parts: list[Report] = []
    for result in tagging.reports([file]):
        if isinstance(result, Failure):
            problems.add(result)
        else:
            parts.append(result)
    if error := problems.error():
        raise error
    return parts


def _open_report_for_review(file: str, tagging: Tagging) -> OpenReport:
    """Read and tag one input; input rows become one report."""
    parts = _tagged(file, tagging)
    document = parts[0].document if parts else None
    passages = [passage for part in parts for passage in part.passages]
    if not passages:
        raise InputError(f"{file}: no passages in it; give a report with sentences")
    if is_link(file) or file == "-":  # which cannot be read twice
        text = document.text if document else "\n".join(passage.text for passage in passages)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    else:
        digest = hashlib.sha256(read_bounded(file)).hexdigest()
    opened = []
    for number, passage in enumerate(passages, 1):
        # Rows have no offsets in a text: their numbers distinguish rows of the same text.
        start = number if document is None else passage.start
        end = number if document is None else passage.end
        key = review_passage_id(digest, start, end, passage.text)
        opened.append(OpenPassage(key, digest[:16], number, passage))
    name = file if is_link(file) or file == "-" else Path(file).name
    title = (document.title if document else None) or name
    return OpenReport(
        digest[:16],
        name,
        title,
        tuple(opened),
        tuple(note for part in parts for note in part.notes),
    )
