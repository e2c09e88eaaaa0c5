"""Labels in every form become one indicator matrix, by name, or are refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tipclassify import LABELS
from tipclassify.corpus.given import as_indicator

NAMES = [["failure"], [], ["positive_effort", "complicity"]]
MATRIX = np.array([[0, 1, 0], [0, 0, 0], [1, 0, 1]])


def test_a_table_with_columns_in_another_order_is_read_by_name() -> None:
    import datasets
    import pandas
    import pyarrow

    columns = {label: MATRIX[:, j].tolist() for j, label in reversed(list(enumerate(LABELS)))}
    assert list(columns) == ["complicity", "failure", "positive_effort"]
    tables = [
        pandas.DataFrame(columns),
        datasets.Dataset.from_dict(columns),
        pyarrow.table(columns),
    ]
    for table in [*tables, pandas.DataFrame(columns).astype(bool)]:
        assert np.array_equal(as_indicator(table), MATRIX), type(table)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"positive_effort": [1], "failure": [0]},
            "y is a table with the columns positive_effort, failure: give a t",
        ),
        (
            {"a": [1], "b": [0], "c": [0]},
            "y is a table with the columns a, b, c: give a table with one column of 0 and",
        ),
        (
            {"text": ["x"], **{label: [1] for label in LABELS}},
            "and no other, or a column of lists of label names",
        ),
        (
            {**{label: [1] for label in LABELS}, "failure": [2]},
            r"row 0 of y is \(1, 2, 1\): give 0 and 1 in 3 columns",
        ),
        (
            {**{label: [1] for label in LABELS}, "failure": [None]},
            r"row 0 of y is \(1, None, 1\): give 0 and 1 in 3 columns",
        ),
    ],
)
def test_unknown_and_missing_columns_and_other_values_are_refused(
    columns: dict[str, list[object]], message: str
) -> None:
    import pandas

    with pytest.raises(ValueError, match=message):
        as_indicator(pandas.DataFrame(columns, dtype=object))


def test_a_polars_table_and_its_columns_are_read() -> None:
    polars = pytest.importorskip("polars")
    columns = {label: MATRIX[:, j].tolist() for j, label in enumerate(LABELS)}
    assert np.array_equal(as_indicator(polars.DataFrame(columns)), MATRIX)
    assert np.array_equal(as_indicator(polars.DataFrame({"labels": NAMES})["labels"]), MATRIX)


def test_lists_of_names_in_every_kind_of_column_are_read(tmp_path: Path) -> None:
    import datasets
    import pandas
    import pyarrow

    pandas.DataFrame({"labels": NAMES}).to_parquet(tmp_path / "labels.parquet")
    columns = [
        NAMES,
        map(set, NAMES),
        (tuple(names) for names in NAMES),
        pandas.Series(NAMES),
        pandas.read_parquet(tmp_path / "labels.parquet")["labels"],  # arrays of numpy
        pyarrow.array(NAMES),
        datasets.Dataset.from_dict({"labels": NAMES})["labels"],
    ]
    for column in columns:
        assert np.array_equal(as_indicator(column), MATRIX), type(column)


def test_a_sparse_matrix_is_read() -> None:
    from scipy.sparse import coo_array, csr_matrix

    assert np.array_equal(as_indicator(csr_matrix(MATRIX)), MATRIX)
    assert np.array_equal(as_indicator(coo_array(MATRIX)), MATRIX)


def test_numbers_of_a_class_label_need_their_names() -> None:
    import datasets

    features = datasets.Features({"labels": datasets.Sequence(datasets.ClassLabel(names=LABELS))})
    column = datasets.Dataset.from_dict({"labels": [[0], []]}, features=features)["labels"]
    message = r"numbers of a ClassLabel need their names: features\['labels'\]\.feature"
    with pytest.raises(ValueError, match=message):
        as_indicator(column)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ("failure", "y is a bare str: give 0 and 1 in 3 columns, or lists of label names"),
        (["failure", []], "y holds bare strings: give each passage a list of label names"),
        (
            [["failure"], None],
            r"row 1 of y is None: give 0 and 1 in 3 columns, or lists of label names, "
            r"\[\] for none",
        ),
        (
            [["failure"], ["mood"]],
            "row 1 of y: unknown label 'mood': use positive_effort, failure, complicity",
        ),
        ([[0, 1], [1, 0]], r"row 0 of y is \[0, 1\]: give 0 and 1 in 3 columns"),
        ([[0, 1, 0], [1, 2]], r"row 1 of y is \[1, 2\]: give 0 and 1 in 3 columns"),
        ([[0, 1, 2]], r"row 0 of y is \[0, 1, 2\]: give 0 and 1"),
        (np.zeros((2, 2)), r"row 0 of y is \[0\.0, 0\.0\]: give 0 and 1 in 3 columns"),
        (np.zeros(3), r"row 0 of y is 0\.0: give 0 and 1 in 3 columns"),
        (np.array([[0, 1, np.nan]]), "give 0 and 1"),
        # of two kinds, or without columns
        ([["failure"], [0, 1, 0]], r"row 0 of y is \['failure'\]: give 0 and 1"),
        ([[], [0, 1, 0]], r"row 0 of y is \[\]: give 0 and 1"),
        (np.zeros((2, 0)), r"row 0 of y is \[\]: give 0 and 1"),
    ],
)
def test_what_has_no_clear_meaning_is_refused_in_one_line(y: object, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        as_indicator(y)
    assert "\n" not in str(caught.value)
