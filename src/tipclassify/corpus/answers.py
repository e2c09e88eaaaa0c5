"""Read what annotators said of a row: its labels, in the form of whichever tool wrote it.

A label that nobody read for is unknown, which is not no.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tipclassify.corpus.files import NO, YES, RowError, UnlabelledError
from tipclassify.labels import LABELS, plain_label

NO_LABEL: Final = "none"
"""What says that no label applies, where an empty list may mean unlabelled."""


def given_labels(row: Mapping[str, Any], labels: Sequence[str] = LABELS) -> object:
    """Return the labels that a person gave a row, in whichever of the forms below; None for none.

    | labels | of |
    | --- | --- |
    | ``labels`` or ``label`` | a row of ours |
    | ``accept``, with ``answer`` | a choice task of Prodigy |
    | ``labels``, with ``annotation_id`` | Label Studio's CSV or JSON-MIN; an empty one is no answer |
    | a column a label | a table, of 1 and 0, or x |

    Raises `UnlabelledError` for what a person skipped or rejected, or only a model has labelled.

    >>> given_labels({"positive_effort": "x", "failure": 0, "complicity": "no"})
    ['positive_effort']
    """
    value = row["labels"] if row.get("labels") is not None else row.get("label")
    answer = str(row.get("answer") or "").casefold()
    if "low_confidence" in row and row.get("predicted") is None:
        raise UnlabelledError(
            "of 'score': its labels are the model's; "
            "make rows to label with 'tipclassify corpus convert'"
        )
    if answer in ("reject", "ignore"):
        raise UnlabelledError(
            f"answered {answer!r} in Prodigy, so its labels are nobody's; "
            "convert the export with 'tipclassify corpus convert', or leave the row out"
        )
    if answer == "accept" and "accept" in row:
        return row["accept"] or []
    if answer == "accept" and row.get("labels") is None and "label" in row:
        raise RowError("a yes-or-no task on one label; use tasks with options (textcat.manual)")
    if "annotation_id" in row:
        if isinstance(value, str) and value.startswith("{"):
            value = json.loads(value)
        if isinstance(value, Mapping):
            value = value.get("choices")
        if not value:
            raise UnlabelledError(
                f"unanswered in Label Studio; choose {NO_LABEL!r} there where no label applies"
            )
    if value is None and row.get("predicted") is not None:
        raise UnlabelledError(
            'not labelled yet; set "labels" to a list, [] for none '
            '(what "predicted" says is the model\'s)'
        )
    if has_columns(row, labels):
        return [label for label in annotated_labels(row, labels) if _is_yes(row, label)]
    return value


def has_columns(row: Mapping[str, Any], labels: Sequence[str]) -> bool:
    """Whether a row says yes or no in a column for each label; beside names they are scores."""
    return not {"labels", "label", "accept"} & row.keys() and any(map(row.__contains__, labels))


def annotated_labels(row: Mapping[str, Any], labels: Sequence[str] = LABELS) -> tuple[str, ...]:
    """Return the labels for which a row was read: what is said of any other is unknown, not no.

    They are in ``annotated_for``, and labels beside these are left out; without it, those with a
    value in a column of their own, else all.

    >>> annotated_labels({"positive_effort": 0, "failure": None})
    ('positive_effort',)
    """
    if row.get("annotated_for") is not None:
        return parse_labels(row["annotated_for"], labels)
    if not has_columns(row, labels):
        return tuple(labels)
    there = tuple(label for label in labels if row.get(label) == row.get(label) is not None)
    if not there:
        raise UnlabelledError("no label has a value; write 1 or 0 for one")
    return there


def partly_annotated(row: Mapping[str, Any], labels: Sequence[str] = LABELS) -> dict[str, str]:
    """Return the field ``annotated_for`` of a row that was not read for all labels; else none.

    >>> partly_annotated({"failure": 1}), partly_annotated({"labels": []})
    ({'annotated_for': 'failure'}, {})
    """
    annotated = annotated_labels(row, labels)
    return {} if len(annotated) == len(labels) else {"annotated_for": ";".join(annotated)}


def _is_yes(row: Mapping[str, Any], label: str) -> bool:
    """Whether the column of a label says yes; raise `RowError` for neither yes nor no."""
    value = str(row.get(label, "")).strip().casefold()
    if value in YES:
        return True
    if value in NO:
        return False
    raise RowError(f"{label} is {row.get(label)!r}; write 1 or x for yes, 0 for no")


def parse_labels(value: object, labels: Sequence[str] = LABELS) -> tuple[str, ...]:
    """Parse a list of label names, or text with ``;``, ``,`` or ``|`` between them.

    They come out in the order of `labels`; ``none`` alone is no label. Raises `RowError` for an
    unknown one, and any other value.

    >>> parse_labels("failure; Positive Effort"), parse_labels(["none"])
    (('positive_effort', 'failure'), ())
    """
    spelled = {plain_label(label): label for label in labels}
    if isinstance(value, str):
        value = [name for name in re.split("[;,|]", value) if name.strip()]
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise RowError('no labels; add "labels": a list of names, [] for none')
    names = [spelled.get(plain_label(name), name.strip()) for name in value]
    if NO_LABEL in names and NO_LABEL not in labels:
        names = [name for name in names if name != NO_LABEL]
        if names:
            raise RowError(f"label {NO_LABEL!r} beside {', '.join(sorted(names))}; settle one")
    if unknown := [name for name in names if name not in labels]:
        raise RowError(f"unknown label {unknown[0]!r}; use {', '.join(labels)}")
    return tuple(label for label in labels if label in names)
