"""Turn rows of a corpus into arrays: examples to learn from, their groups, folds and weights.

A row of a real report gives two examples, one with its heading and one without. Held-out passages
were mostly chosen for being hard. Of the countries held out, however, a random sample of whole
reports was read: all passages that a model was not sure to be empty, and a random part of the
others. Each of these stands for as many as it was drawn from (Horvitz and Thompson 1952, JASA
47:663-685).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.corpus.given import known_labels
from tipclassify.corpus.holdout import REPORT_FAMILIES, holdout_country, is_real, source_family
from tipclassify.corpus.rows import Row, group_rows, labels_alone, parse_stands_for
from tipclassify.labels import LABELS, label_indicator
from tipclassify.records import CELL_BAR

TABLE_ROWS: Final = "rows"
"""Kind of the rows of tables, of whatever report: they are read, and counted, by themselves."""

# sample weight of a passage without its heading, beside its copy with one
_BARE_WEIGHT: Final = 0.5


@dataclass(frozen=True)
class Examples:
    """Passages to learn from, as arrays of one length n."""

    texts: list[str]
    headings: list[str | None]
    y_true: Bools  # (n, labels)
    groups: Ints  # (n,); those of one group are never parted between folds
    weights: Floats  # (n,), sample weights of 0 or more
    known: Bools  # (n, labels), whether somebody read for the label
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
        known: Bools | None = None,
    ) -> Examples:
        """Make an example of each passage; without headings, of weight 1, all known, if omitted."""
        return cls(
            texts=list(texts),
            headings=[None for _ in texts] if headings is None else list(headings),
            y_true=y_true,
            groups=np.asarray(groups, np.int64),
            weights=np.ones(len(texts)) if weights is None else weights,
            row=np.arange(len(texts)),
            known=np.ones(y_true.shape, bool) if known is None else known,
        )

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def label_weights(self) -> Floats:
        """Sample weights of each label, (n, labels): 0 where nobody read for it."""
        return self.weights[:, None] * self.known

    @property
    def first(self) -> Ints:
        """Numbers of the first example of each row: the one with its heading."""
        return np.flatnonzero(np.diff(self.row, prepend=-1))


def make_examples(rows: Sequence[Row]) -> Examples:
    """Make examples of rows: each with its heading, then real ones without it (`labels_alone`)."""
    made: list[tuple[int, str | None, Sequence[str], float]] = []  # row, heading, labels, weight
    for number, row in enumerate(rows):
        section = row.get("section") or None
        made.append((number, section, row["labels"], 1.0))
        if section and is_real(row):
            made.append((number, None, labels_alone(row), _BARE_WEIGHT))
    labels = [label_indicator(example_labels) for _, _, example_labels, _ in made]
    origin = np.array([number for number, *_ in made], np.int64)
    return Examples(
        texts=[rows[number]["text"] for number, *_ in made],
        headings=[heading for _, heading, _, _ in made],
        y_true=np.array(labels, bool).reshape(-1, len(LABELS)),
        groups=country_groups(rows)[origin],
        weights=np.array([weight for *_, weight in made], np.float64),
        row=origin,
        known=known_labels(rows)[origin],
    )


def label_matrix(rows: Sequence[Row]) -> Bools:
    """Return the labels of rows as an indicator matrix, bool (n, labels)."""
    return np.array([label_indicator(row["labels"]) for row in rows], bool).reshape(-1, len(LABELS))


def check_annotated(known: Bools) -> None:
    """Raise `ValueError` where somebody did not read for a label, bool (n, labels)."""
    if not known.all():
        raise ValueError(
            "some passages were not read for all labels, and only the default learns from these: "
            "train the default, or leave them out"
        )


def check_labelled(rows: Sequence[Row]) -> None:
    """Raise `ValueError` when no row has a label; warn of each that none has."""
    counts = label_matrix(rows).sum(axis=0)
    if not counts.any():
        raise ValueError("no passage has a label: nothing to learn; label some")
    known = known_labels(rows).sum(axis=0)
    for label, count, read in zip(LABELS, counts, known, strict=True):
        if not read:
            warnings.warn(f"{label}: nobody read for it, so it stays as it was", stacklevel=3)
        elif count == read:
            warnings.warn(
                f"{label}: every passage that was read for it has it; write 0 where it does not apply",
                stacklevel=3,
            )
        elif not count:
            warnings.warn(
                f"{label}: no passage of {read:,} has it; if nobody read for it, "
                "name the others with --annotated, and it stays as it was",
                stacklevel=3,
            )


def real_mask(rows: Sequence[Row]) -> Bools:
    """Return which rows are passages of real reports, bool (n,)."""
    return np.array([is_real(row) for row in rows], bool)


def kinds_of_rows(rows: Sequence[Row]) -> list[str]:
    """Return the kind of text of each row: `TABLE_ROWS`, else its report family; "" for invented.

    >>> rows = [{"doc": "hrr/2017/togo.html", "text": t} for t in ("Police acted.", "Police | acted.")]
    >>> kinds_of_rows(rows)
    ['hrr', 'rows']
    """
    kinds = []
    for row in rows:
        family = source_family(row.get("doc")) or ""
        kinds.append(TABLE_ROWS if family and CELL_BAR in row["text"] else family)
    return kinds


def row_headings(rows: Sequence[Row]) -> list[str | None]:
    """Return the heading of each row, None where it has none."""
    return [row.get("section") or None for row in rows]


# ------------------------------------------------------------------------------- groups and folds


def country_groups(rows: Sequence[Row]) -> Ints:
    """Number the group of each row, int (n,): the country of a real row, else its document's."""
    names = [
        holdout_country(str(row["doc"])) if is_real(row) else f"#{group}"
        for row, group in zip(rows, group_rows(rows), strict=True)
    ]
    return np.asarray(np.unique(names, return_inverse=True)[1], np.int64)


def bootstrap_groups(rows: Sequence[Row]) -> Ints:
    """Number the groups that the bootstrap draws whole, int (n,).

    They are those of `country_groups`; but a passage of a publication whose document nobody noted,
    as of 805 lines of the World Factbook, is a group of its own. Those lines are held out and
    calibrated together, since some are of one entry; drawn together, they would decide a draw.
    """
    groups = country_groups(rows)
    alone = [
        number for number, row in enumerate(rows) if is_real(row) and "/" not in str(row["doc"])
    ]
    groups[alone] = len(rows) + np.arange(len(alone))
    return groups


def group_folds(groups: Ints, folds: int, seed: int) -> Ints:
    """Assign each passage to a fold, int (n,), by `seed`; no group is split.

    Raises `ValueError` when there are fewer than two groups.
    """
    unique = np.unique(groups)
    if len(unique) < 2:
        raise ValueError(
            "needs passages of at least two groups to hold some out; add rows of another narrative"
        )
    # as scikit-learn's shuffled GroupKFold, whose import takes longer than some hundred rows' fit
    shuffled = np.random.RandomState(seed).permutation(unique)
    fold = np.zeros(len(groups), np.int64)
    for number, held in enumerate(np.array_split(shuffled, min(folds, len(unique)))):
        fold[np.isin(groups, held)] = number
    return fold


# -------------------------------------------------------------------------------- sample weights


def report_weights(rows: Sequence[Row]) -> Floats | None:
    """Weight the real ones of `rows` to match whole reports, float (real rows,).

    One of a genre of which nobody drew a sample weighs nothing. None where none stands for others.
    """
    real = [row for row in rows if is_real(row)]
    families = [source_family(row["doc"]) for row in real]
    weights = family_weights(families, passages_stood_for(real))
    return weights if weights.any() else None


def calibration_weights(rows: Sequence[Row]) -> Floats | None:
    """Weight real rows as `report_weights` does, but those of genres that nobody drew count once."""
    weights = report_weights(rows)
    if weights is None:
        return None
    families = np.array([source_family(row["doc"]) for row in rows if is_real(row)], str)
    drawn = np.isin(families, families[weights > 0])
    return np.where(drawn, weights, 1.0)


def passages_stood_for(rows: Sequence[Row]) -> Floats:
    """Return of how many passages of whole reports each row stands for, (n,); 0 for none."""
    counts = [parse_stands_for(row.get("stands_for")) or 0.0 for row in rows]
    return np.array(counts, np.float64)


def family_weights(families: Sequence[str | None], stood_for: Floats) -> Floats:
    """Scale weights (n,) to a mean of 1 in each family of reports; those of other genres are 0.

    >>> family_weights(["hrr", "hrr", "dol", "un"], np.array([3.0, 1.0, 5.0, 1.0])).tolist()
    [1.5, 0.5, 1.0, 0.0]
    """
    names = np.array(families, object)
    weights = np.zeros(len(stood_for))
    for family in REPORT_FAMILIES:
        members = names == family
        total = stood_for[members].sum()
        if total:
            weights[members] = stood_for[members] * members.sum() / total
    return weights
