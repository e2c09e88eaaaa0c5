"""Turn rows of a corpus into examples to learn from, and say which rows are held out.

`training_examples_of_rows` makes `Examples`, arrays of one length; a row of a real report gives
two, with its heading and without.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.corpus.holdout import holdout_country, is_real
from tipclassify.corpus.rows import Row, group_rows, labels_alone
from tipclassify.labels import LABELS, label_indicator

__all__ = [
    "Examples",
    "TrainingSplit",
    "Vectors",
    "bootstrap_groups_of_rows",
    "group_folds",
    "headings_for_training",
    "label_matrix_for_training",
    "training_examples_of_rows",
    "training_groups_by_country",
]

# sample weight of a passage without its heading, beside its copy with one
_BARE_WEIGHT: Final = 0.5

Vectors = npt.NDArray[np.float32]
"""Pooled vectors of an encoder, float32 (n, width)."""


@dataclass(frozen=True)
class Examples:
    """Passages to learn from, as arrays of one length n."""

    texts: list[str]
    headings: list[str | None]
    y_true: Bools  # (n, 3)
    groups: Ints  # (n,); those of one group are never parted between folds
    weights: Floats  # (n,), sample weights of 0 or more
    row: Ints  # (n,), ascending: the number of the row that an example was made of

    @classmethod
    def of(
        cls,
        texts: Sequence[str],
        y_true: Bools,
        groups: Sequence[int] | Ints,
        *,
        headings: Sequence[str | None] | None = None,
        weights: Floats | None = None,
    ) -> Examples:
        """Make an example of each passage; without headings, and of weight 1, if omitted."""
        if headings is None:
            headings = [None for _ in texts]
        return cls(
            texts=list(texts),
            headings=list(headings),
            y_true=y_true,
            groups=np.asarray(groups, np.int64),
            weights=np.ones(len(texts)) if weights is None else weights,
            row=np.arange(len(texts)),
        )

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def first(self) -> Ints:
        """Numbers of the first example of each row: the one with its heading."""
        return np.flatnonzero(np.diff(self.row, prepend=-1))

    def take(self, chosen: Bools) -> Examples:
        """Return the examples of a mask, bool (n,)."""
        numbers = np.flatnonzero(chosen).tolist()
        return Examples(
            [self.texts[i] for i in numbers],
            [self.headings[i] for i in numbers],
            self.y_true[chosen],
            self.groups[chosen],
            self.weights[chosen],
            self.row[chosen],
        )

    def weighted(self, weights: Floats) -> Examples:
        """Return the examples with other sample weights."""
        return replace(self, weights=weights)


@dataclass(frozen=True)
class TrainingSplit:
    """Rows of a corpus, and the mask of those held out of training."""

    rows: Sequence[Row]
    held: Bools  # (rows,)

    @property
    def held_rows(self) -> list[Row]:
        """Rows that calibrate and measure."""
        return [row for row, held in zip(self.rows, self.held, strict=True) if held]

    @property
    def training_rows(self) -> list[Row]:
        """Rows to learn from."""
        return [row for row, held in zip(self.rows, self.held, strict=True) if not held]


def training_examples_of_rows(rows: Sequence[Row], groups: Ints | None = None) -> Examples:
    """Make examples of rows: each with its heading, then real ones without it (`labels_alone`).

    `groups`, int (rows,), are those of `training_groups_by_country` if omitted.
    """
    texts: list[str] = []
    headings: list[str | None] = []
    labels: list[tuple[bool, ...]] = []
    weights: list[float] = []
    origin: list[int] = []
    for number, row in enumerate(rows):
        section = row.get("section") or None
        texts.append(row["text"])
        headings.append(section)
        labels.append(label_indicator(row["labels"]))
        weights.append(1.0)
        origin.append(number)
        if section and is_real(row):
            texts.append(row["text"])
            headings.append(None)
            labels.append(label_indicator(labels_alone(row)))
            weights.append(_BARE_WEIGHT)
            origin.append(number)
    row_groups = (
        training_groups_by_country(rows) if groups is None else np.asarray(groups, np.int64)
    )
    return Examples(
        texts,
        headings,
        np.array(labels, bool).reshape(-1, len(LABELS)),
        row_groups[origin],
        np.array(weights, np.float64),
        np.array(origin, np.int64),
    )


def training_groups_by_country(rows: Sequence[Row]) -> Ints:
    """Number the group of each row, int (n,): the country of a real row, else its document's."""
    names = [
        holdout_country(str(row["doc"])) if is_real(row) else f"#{group}"
        for row, group in zip(rows, group_rows(rows), strict=True)
    ]
    return np.asarray(np.unique(names, return_inverse=True)[1], np.int64)


def bootstrap_groups_of_rows(rows: Sequence[Row]) -> Ints:
    """Number the groups that the bootstrap draws whole, int (n,).

    They are those of `training_groups_by_country`; but a passage of a publication whose document
    nobody noted, as of 805 lines of the World Factbook, is a group of its own. Those lines are held
    out and calibrated together, since some are of one entry; drawn together, they would decide a
    draw.
    """
    groups = training_groups_by_country(rows)
    alone = [number for number, row in enumerate(rows) if _is_of_unknown_document(row)]
    groups[alone] = len(rows) + np.arange(len(alone))
    return groups


def _is_of_unknown_document(row: Row) -> bool:
    return is_real(row) and "/" not in str(row["doc"])


def label_matrix_for_training(rows: Sequence[Row]) -> Bools:
    """Return the labels of rows as an indicator matrix, bool (n, 3)."""
    return np.array([label_indicator(row["labels"]) for row in rows], bool).reshape(-1, len(LABELS))


def headings_for_training(rows: Sequence[Row]) -> list[str | None]:
    """Return the heading of each row, None where it has none."""
    return [row.get("section") or None for row in rows]


def group_folds(groups: Ints, folds: int, seed: int) -> Ints:
    """Assign each passage to a fold, int (n,), by `seed`; no group is split.

    Raises `ValueError` when there are fewer than two groups.
    """
    count = len(np.unique(groups))
    if count < 2:
        raise ValueError(
            "needs passages of at least two groups to hold some out; add rows of another narrative"
        )
    fold = np.zeros(len(groups), np.int64)
    splitter = GroupKFold(n_splits=min(folds, count), shuffle=True, random_state=seed)
    for number, (_, held) in enumerate(splitter.split(groups, groups=groups)):
        fold[held] = number
    return fold
