"""Take labelled passages as users hold them: texts with labels, or a dataset of `load_corpus`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from tipclassify.arrays import Bools, Ints
from tipclassify.corpus.indicator import as_indicator
from tipclassify.corpus.loading import Row, group_corpus_rows, group_name
from tipclassify.text.columns import (
    ColumnTable,
    column_values,
    names_of_table_columns,
    texts_as_passages,
)
from tipclassify.text.document import Passage

__all__ = ["LabelledPassages", "labelled_passages"]

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
        groups = group_corpus_rows(rows) if groups is None else groups
    passages = texts_as_passages(X)
    y_true = as_indicator(y)
    count = len(passages)
    if len(y_true) != count:
        raise ValueError(
            f"{count} passages but {len(y_true)} rows of labels: give one row a passage"
        )
    if groups is None:
        groups = group_corpus_rows([{"text": passage.text} for passage in passages])
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
