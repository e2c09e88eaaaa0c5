"""Take labels as users hold them: lists of names, matrices, tables, numbers of a ClassLabel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Bools, Ints
from tipclassify.corpus.rows import Row, group_name, group_rows
from tipclassify.labels import LABELS, label_indicator
from tipclassify.records import Passage
from tipclassify.text.columns import (
    ColumnTable,
    column_values,
    names_of_table_columns,
    texts_as_passages,
)

_EITHER = f"give 0 and 1 in {len(LABELS)} columns, or lists of label names"


def as_indicator(y: object) -> Bools:
    """Convert labels to an indicator matrix, bool (n, 3), its columns in the order of ``LABELS``.

    `y` is one of

    - the label names of each passage, ``[]`` for none: a list, or a column of a table;
    - a table with a column of 0 and 1 for each label, which are found by name, in any order;
    - an array or scipy sparse matrix (n, 3) of 0 and 1, its columns in the order of ``LABELS``;
    - a datasets column of ``ClassLabel`` numbers, whose names are in its features.

    Raises `ValueError`, in one line, for anything else.

    >>> as_indicator([["failure"], []]).tolist()
    [[False, True, False], [False, False, False]]
    """
    names = names_of_table_columns(y)
    if names is not None:
        return _indicator_from_table(cast("ColumnTable", y), names)
    if hasattr(y, "toarray"):  # a sparse matrix of scipy
        y = y.toarray()
    if isinstance(y, np.ndarray) and y.dtype != object:
        return _indicator_from_matrix(y)
    if isinstance(y, str | bytes | Mapping) or y is None:
        raise ValueError(f"y is a bare {type(y).__name__}: {_EITHER}")
    classes = _names_of_class_labels(y)
    rows: list[Sequence[object] | set[object] | frozenset[object]] = []
    for number, value in enumerate(column_values(y, "y")):
        row = value.tolist() if isinstance(value, np.ndarray) else value
        if isinstance(row, str):
            raise ValueError("y holds bare strings: give each passage a list of label names")
        if not isinstance(row, Sequence | set | frozenset):
            raise ValueError(f"row {number} of y is {row!r:.40}: {_EITHER}, [] for none")
        if classes is not None:
            row = [_name_of_class_label(at, classes, number) for at in row]
        rows.append(row)
    if all(isinstance(name, str) for row in rows for name in row):
        return _indicator_from_names(cast("list[Sequence[str]]", rows))
    lengths = {len(row) for row in rows}
    if lengths != {len(LABELS)}:
        raise ValueError(
            f"y has rows of {' and '.join(map(str, sorted(lengths)))} values that are no names: "
            f"{_EITHER}; "
            "numbers of a ClassLabel need their names: features['labels'].feature.int2str(numbers)"
        )
    return _indicator_from_matrix(np.array([list(row) for row in rows]))


def _indicator_from_names(rows: Sequence[Sequence[str]]) -> Bools:
    indicators = []
    for number, row in enumerate(rows):
        try:
            indicators.append(label_indicator(row))
        except ValueError as error:
            raise ValueError(f"row {number} of y: {error}") from None
    return np.array(indicators, bool).reshape(-1, len(LABELS))


def _indicator_from_matrix(matrix: npt.NDArray[np.generic]) -> Bools:
    if matrix.ndim != 2 or matrix.shape[1] != len(LABELS) or not np.isin(matrix, (0, 1)).all():
        raise ValueError(f"y has shape {matrix.shape}: {_EITHER}")
    return np.asarray(matrix.astype(bool))


def _indicator_from_table(table: ColumnTable, names: Sequence[str]) -> Bools:
    """Read the column of each label by its name."""
    if set(names) != set(LABELS) or len(names) != len(LABELS):
        raise ValueError(
            f"y is a table with the columns {', '.join(names)}: give a table with one column of "
            f"0 and 1 for each of {', '.join(LABELS)}, and no other, or a column of lists of "
            "label names"
        )
    columns = []
    for label in LABELS:
        values = column_values(table[label], "y")
        bad = [value for value in values if value not in (0, 1)]
        if bad:
            raise ValueError(f"column {label} of y has the value {bad[0]!r:.40}: give 0 and 1")
        columns.append(np.array(values, bool))
    return np.stack(columns, axis=1)


def _name_of_class_label(label: object, classes: Sequence[str], row: int) -> str:
    """Return the name of a ``ClassLabel`` number of a row; -1 is one that nobody gave."""
    # a bool is an int, and would be 0 or 1
    if (
        not isinstance(label, int | np.integer)
        or isinstance(label, bool)
        or not 0 <= label < len(classes)
    ):
        raise ValueError(
            f"row {row} of y has {label!r:.40}, which is no number of a label: "
            f"give numbers from 0 to {len(classes) - 1}, [] for none"
        )
    return classes[int(label)]


def _names_of_class_labels(column: object) -> list[str] | None:
    """Return the names of a datasets column of ``ClassLabel`` numbers; None for any other."""
    features = getattr(column, "features", None)
    name = getattr(column, "column_name", None)
    if isinstance(features, Mapping) and name in features:
        features = features[name]
    names = getattr(getattr(features, "feature", None), "names", None)
    return None if names is None else list(names)


_KEPT_WHOLE: Final = ("doc", "pair")  # columns whose equal values share a group


@dataclass(frozen=True)
class LabelledPassages:
    """Passages, their labels, and the group of each, which a split keeps whole."""

    passages: list[Passage]
    y_true: Bools  # (n, 3)
    groups: Ints  # (n,)


def labelled_passages(X: object, y: object = None, groups: object = None) -> LabelledPassages:
    """Check passages and their labels, and number the group of each.

    `X` is what `texts_as_passages` takes, `y` what `as_indicator` takes, `groups` any values, one
    for each passage; equal texts share a group if omitted. Without `y`, `X` is a dataset or table
    as `load_corpus` gives it: its columns have labels, headings and groups.

    Raises `TypeError` or `ValueError`, in one line, for anything else, or when lengths differ.

    >>> labelled = [["positive_effort"], ["failure"]]
    >>> labelled_passages(["Police acted.", "Courts slept."], labelled).groups.tolist()
    [0, 1]
    """
    if y is None:
        names = names_of_table_columns(X)
        if names is None or not {"text", "labels"} <= set(names):
            remedy = "give the labels of each passage, or a dataset of load_corpus as X"
            raise ValueError(f"y is missing: {remedy}")
        table = cast("ColumnTable", X)  # it has columns
        rows = _rows_of_labelled_table(table, names)
        y = table["labels"]
        X = [Passage(row["text"], 0, len(row["text"]), row.get("section") or None) for row in rows]
        groups = group_rows(rows) if groups is None else groups
    passages = texts_as_passages(X)
    y_true = as_indicator(y)
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
    return LabelledPassages(passages, y_true, np.array(numbers, np.int64))


def _rows_of_labelled_table(table: ColumnTable, names: list[str]) -> list[Row]:
    """Return text, heading, document and pair of each row of a table."""
    texts = [passage.text for passage in texts_as_passages(table["text"], "X['text']")]
    rows: list[Row] = [{"text": text} for text in texts]
    if "section" in names:
        for row, value in zip(rows, column_values(table["section"], "section"), strict=True):
            row["section"] = value if isinstance(value, str) else None
    for name in _KEPT_WHOLE:
        if name in names:
            for row, value in zip(rows, column_values(table[name], name), strict=True):
                row[name] = group_name(value)
    return rows
