"""Take labels as users hold them: lists of names, matrices, tables, numbers of a ClassLabel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Bools
from tipclassify.labels import LABELS, label_indicator
from tipclassify.text.columns import ColumnTable, column_values, names_of_table_columns

__all__ = ["as_indicator"]

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
