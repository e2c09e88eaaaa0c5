"""Tag one report from Python, as ``tipclassify score`` does."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from datetime import date

from tipclassify.errors import InputError
from tipclassify.labels import Policy
from tipclassify.model.classifier import Classifier
from tipclassify.readers import ReadOptions
from tipclassify.reports.report import ScoringContext, TaggedReport
from tipclassify.tagging.batch import Tagging, tag_input
from tipclassify.text.document import Document
from tipclassify.text.split import Unit, check_unit

__all__ = ["tag_input_as_one_report", "tag_report"]


def tag_report(
    source: str | os.PathLike[str] | Document,
    *,
    model: str | os.PathLike[str] | Classifier | None = None,
    policy: Policy = "balanced",
    unit: Unit = "sentence",
    day: str = "",
    text_column: str = "text",
) -> TaggedReport:
    """Read a report, split it into passages, and score and label each.

    Parameters
    ----------
    source : path, link or Document
        A file of any kind that ``tipclassify score`` takes, a link, or a `Document`. Rows of
        ``.jsonl``, ``.csv`` and ``.xlsx`` files are passages already, in the column `text_column`.
    model : name, path or Classifier, optional
        As of `classify`.
    policy : str
        Operating point: ``"screen"``, ``"balanced"`` or ``"cite"``.
    unit : str
        ``"sentence"``, or ``"clause"`` to split long semicolon lists too.
    day : str
        YYYY-MM-DD on which the report was read, for citations; empty leaves it out.

    Returns
    -------
    TaggedReport
        `passages` has all of them, tagged or not, `findings()` each with its source. `cite`,
        `summarize`, `compare` and `write_reports` take it.

    Raises
    ------
    InputError
        When the source cannot be read, or holds no text. What could not be read in full is a
        `UserWarning`.
    ModelError
        When the model cannot be used.
    ValueError
        When the policy or the unit is unknown, or the day is none.

    Examples
    --------
    >>> document = Document.from_text("Police arrested nine traffickers. Courts convicted none.")
    >>> report = tag_report(document)
    >>> [passage.labels for passage in report.passages]
    [('positive_effort',), ('failure',)]
    """
    classifier = model if isinstance(model, Classifier) else Classifier.load(model)
    context = ScoringContext(classifier, policy, day=day)
    classifier.thresholds(policy)  # what is unknown is refused before anything is read
    check_unit(unit)
    _check_day_of_reading(day)
    if isinstance(source, Document):
        tagged = classifier.tag(source, policy, unit)
        return TaggedReport(source.source, source, tagged, context=context)
    name = os.fspath(source)
    read = ReadOptions(text_column=text_column)
    report = tag_input_as_one_report(name, Tagging(policy=policy, unit=unit, read=read), classifier)
    for note in report.notes:
        warnings.warn(f"{name}: {note}", stacklevel=2)
    return replace(report, context=context)


def _check_day_of_reading(day: str) -> None:
    """Raise `ValueError` for what is neither YYYY-MM-DD nor empty."""
    if not day:
        return
    try:
        is_written_so = date.fromisoformat(day).isoformat() == day  # it reads other forms too
    except (TypeError, ValueError):
        is_written_so = False
    if not is_written_so:
        raise ValueError(f"day is {day!r:.40}: give YYYY-MM-DD, such as '2026-11-28'")


def tag_input_as_one_report(
    file: str, tagging: Tagging, classifier: Classifier | None = None
) -> TaggedReport:
    """Tag an input as one report, with all parts of a long one, or all batches of its rows.

    Raises `InputError` when it cannot be read, or has no rows.
    """
    reports = list(tag_input(file, tagging, classifier))
    if not reports:
        raise InputError(f"{file}: no rows in it; give a report, or rows with a 'text' field")
    passages = [passage for report in reports for passage in report.passages]
    extras = [row for report in reports for row in report.extras]
    notes = tuple(note for report in reports for note in report.notes)
    document = reports[0].document
    if document is not None:
        documents = [report.document for report in reports if report.document]
        blocks = [block for part in documents for block in part.blocks]
        document = replace(document, blocks=tuple(blocks))
    return replace(
        reports[0], document=document, passages=passages, extras=extras, notes=notes, part=0
    )
