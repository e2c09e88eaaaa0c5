"""Take labelled passages as users hold them in Python.

Labels are lists of names, matrices or tables; passages are texts beside
them, or a dataset of `load_corpus` with both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from tipclassify.arrays import Bools, Ints
from tipclassify.corpus.answers import annotated_labels
from tipclassify.corpus.rows import Row, group_name, group_rows
from tipclassify.labels import LABELS, label_indicator
from tipclassify.records import Passage, passage_of
from tipclassify.text.columns import (
    ColumnTable,
    column_values,
    table_columns,
    texts_as_passages,
)


def as_indicator(y: object, labels: Sequence[str] = LABELS) -> Bools:
    """Convert labels to an indicator matrix, bool (n, labels), its columns in the order of `labels`.

    `y` is one of

    - the label names of each passage, ``[]`` for none: a list, or a column of a table;
    - a table with a column of 0 and 1 for each label, which are found by name, in any order;
    - an array or scipy sparse matrix (n, labels) of 0 and 1, its columns in the order of `labels`.

    Raises `ValueError`, in one line, for anything else.

    >>> as_indicator([["failure"], []]).tolist()
    [[False, True, False], [False, False, False]]
    """
    either = f"give 0 and 1 in {len(labels)} columns, or lists of label names, [] for none"
    names = table_columns(y)
    matrix = y.toarray() if hasattr(y, "toarray") else y  # of scipy, if sparse
    rows: Sequence[object]
    if names is not None:
        if sorted(names) != sorted(labels):
            raise ValueError(
                f"y is a table with the columns {', '.join(names)}: give a table with one column "
                f"of 0 and 1 for each of {', '.join(labels)}, and no other, or a column of lists "
                "of label names"
            )
        table = cast("ColumnTable", y)
        columns = [column_values(table[label], "y") for label in labels]
        rows = list(zip(*columns, strict=True))
    elif isinstance(y, str | bytes | Mapping) or y is None:
        raise ValueError(f"y is a bare {type(y).__name__}: {either}")
    else:
        rows = column_values(matrix, "y")
    rows = [row.tolist() if isinstance(row, np.ndarray) else row for row in rows]
    # rows are of one kind: a list of names and of numbers has no clear meaning
    is_numeric = isinstance(matrix, np.ndarray) and matrix.dtype.kind in "biuf"
    has_names = names is None and not is_numeric
    for row in rows:
        if isinstance(row, Sequence | set | frozenset):
            has_names = has_names and all(isinstance(value, str) for value in row)
    indicator = np.zeros((len(rows), len(labels)), bool)
    for number, row in enumerate(rows):
        if isinstance(row, str):
            raise ValueError("y holds bare strings: give each passage a list of label names")
        if not isinstance(row, Sequence | set | frozenset):
            raise ValueError(f"row {number} of y is {row!r:.40}: {either}")
        if has_names:
            if unknown := set(row) - set(labels):
                raise ValueError(
                    f"row {number} of y: unknown label {min(unknown)!r}: use {', '.join(labels)}"
                )
            indicator[number] = [label in row for label in labels]
        elif len(row) == len(labels) and all(value in (0, 1) for value in row):
            indicator[number] = list(row)
        else:
            raise ValueError(
                f"row {number} of y is {row!r:.40}: {either}; numbers of a ClassLabel need their "
                "names: features['labels'].feature.int2str(numbers)"
            )
    return indicator


def known_labels(rows: Sequence[Row], labels: Sequence[str] = LABELS) -> Bools:
    """Return for which labels somebody read each row, bool (n, labels)."""
    known = [label_indicator(annotated_labels(row, labels), labels) for row in rows]
    return np.array(known, bool).reshape(-1, len(labels))


@dataclass(frozen=True)
class LabelledPassages:
    """Passages, their labels, and the group of each, which a split keeps whole."""

    passages: list[Passage]
    y_true: Bools  # (n, labels)
    known: Bools  # (n, labels), whether somebody read for the label
    groups: Ints  # (n,)


def labelled_passages(
    X: object, y: object = None, groups: object = None, labels: Sequence[str] = LABELS
) -> LabelledPassages:
    """Check passages and their labels, and number the group of each.

    `X` is what `texts_as_passages` takes, `y` what `as_indicator` takes, `groups` any values, one
    for each passage; equal texts share a group if omitted. Without `y`, `X` is a dataset or table
    as `load_corpus` gives it: its columns have labels, headings and groups.

    Raises `TypeError` or `ValueError`, in one line, for anything else, or when lengths differ.

    >>> labelled = [["positive_effort"], ["failure"]]
    >>> labelled_passages(["Police acted.", "Courts slept."], labelled).groups.tolist()
    [0, 1]
    """
    known = None
    if y is None:
        names = table_columns(X)
        if names is None or not {"text", "labels"} <= set(names):
            remedy = "give the labels of each passage, or a dataset of load_corpus as X"
            raise ValueError(f"y is missing: {remedy}")
        table = cast("ColumnTable", X)  # it has columns
        rows = _rows_of_table(table, names)
        y = table["labels"]
        X = [passage_of(row) for row in rows]
        groups = group_rows(rows) if groups is None else groups
        known = known_labels([{"labels": (), **row} for row in rows], labels)
    passages = texts_as_passages(X)
    y_true = as_indicator(y, labels)
    count = len(passages)
    if len(y_true) != count:
        raise ValueError(
            f"{count} passages but {len(y_true)} rows of labels: give one row a passage"
        )
    if groups is None:
        groups = group_rows([{"text": passage.text} for passage in passages])
    group_names = column_values(groups, "groups")
    if len(group_names) != count:
        raise ValueError(
            f"{count} passages but {len(group_names)} groups: give the group of each passage"
        )
    number_of: dict[object, int] = {}
    numbers = [number_of.setdefault(name, len(number_of)) for name in group_names]
    if known is None:
        known = np.ones(y_true.shape, bool)
    return LabelledPassages(passages, y_true, known, np.array(numbers, np.int64))


def _rows_of_table(table: ColumnTable, names: list[str]) -> list[Row]:
    """Return text, heading, document, pair and annotated labels of each row of a table."""
    rows: list[Row] = [
        {"text": passage.text} for passage in texts_as_passages(table["text"], "X['text']")
    ]
    for name in ("section", "acronyms", "annotated_for", "doc", "pair"):
        if name not in names:
            continue
        for row, value in zip(rows, column_values(table[name], name), strict=True):
            if name in ("section", "acronyms", "annotated_for"):
                row[name] = value if isinstance(value, str) else None
            else:
                row[name] = group_name(value)
    return rows
