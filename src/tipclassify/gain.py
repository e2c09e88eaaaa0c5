"""What added rows change: the same model trained without them and with them, both judged on passages that neither saw.

Base rows and added rows come in, two comparisons go out: on the held-out passages of the base corpus, and on those of the
added rows. Folds go by group over both together, so that no near twin of a held-out passage teaches, and both models are
judged on the same passages: a paired bootstrap over groups says whether a difference could be chance.

It is the linear part alone that is trained, twice: the detectors would take as many hours as it takes minutes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tipclassify.corpus import Row, group_rows, read_rows, row_weights
from tipclassify.errors import CorpusError
from tipclassify.evaluation import aligned
from tipclassify.labels import indicator
from tipclassify.resampling import Comparison, Difference, compare
from tipclassify.training import fit_model

__all__ = ["Gain", "chosen_weights", "gain", "gain_of_files", "gain_table"]

_FEW: Final = 20  # groups; fewer make any interval too narrow


@dataclass(frozen=True, slots=True)
class Gain:
    """What the added rows changed; in each `Comparison`, "this" is the model with them, "other" the one without.

    Attributes
    ----------
    weight : float or None
        How much each added row counted; None where they differ.
    base, added : int
        Rows of each kind, all of them held out once.
    on_base, on_added : Comparison
        F1 of both models on the held-out base rows, and on the held-out added rows.
    """

    weight: float | None
    folds: int
    base: int
    added: int
    on_base: Comparison
    on_added: Comparison


def gain(
    base_rows: Sequence[Row],
    added_rows: Sequence[Row],
    weight: float | Sequence[float] = 1.0,
    seed: int = 0,
    folds: int = 5,
    *,
    jobs: int = 1,
    draws: int = 1_000,
    progress: Callable[[int, int], None] | None = None,
) -> Gain:
    """Train without and with `added_rows` (as `corpus.read_rows` gives them), and compare on what is held out.

    Parameters
    ----------
    weight : float or sequence of float
        How much each added row counts, above 0: one number, or one a row.
    progress : callable, optional
        Called with (fits done, fits in all).

    Raises
    ------
    CorpusError
        When there is too little to hold some of it out.
    """
    each = np.broadcast_to(np.asarray(weight, np.float64), len(added_rows))
    if not (each > 0).all():
        raise CorpusError([f"a weight is {np.min(each):g}: give a number above 0"])
    rows = [*base_rows, *added_rows]
    is_added = np.arange(len(rows)) >= len(base_rows)
    groups = np.array(group_rows(rows), np.int64)
    for name, part in (("base", ~is_added), ("added", is_added)):
        if len(np.unique(groups[part])) < 2:
            raise CorpusError(
                [f"the {name} rows are not of two groups at least: nothing of them can be held out; add more"]
            )
    texts = [row["text"] for row in rows]
    truth = np.array([indicator(row["labels"]) for row in rows], bool)
    given = []
    base = np.ones(len(base_rows))
    for half, counted in enumerate((np.zeros(len(added_rows)), each)):
        told = _half(progress, half)
        try:
            fitted = fit_model(
                texts,
                truth,
                groups,
                folds=folds,
                seed=seed,
                jobs=jobs,
                detectors=False,
                weights=np.append(base, counted),
                progress=told,
            )
        except ValueError as error:
            raise CorpusError([f"too small to say what the added rows change: {error}"]) from error
        given.append(fitted.given["balanced"])
    without, with_them = given
    on_base, on_added = (
        compare(truth[part], with_them[part], without[part], groups[part], draws, seed)
        for part in (~is_added, is_added)
    )
    one = float(each[0]) if len(set(each.tolist())) == 1 else None
    return Gain(one, folds, len(base_rows), len(added_rows), on_base, on_added)


def chosen_weights(options: Sequence[str]) -> dict[str, float]:
    """Weights by file, from ``FILE=WEIGHT`` as ``--weight`` takes it.

    >>> chosen_weights(["my.jsonl=3"])
    {'my.jsonl': 3.0}
    """
    weights: dict[str, float] = {}
    for option in options:
        path, _, written = option.rpartition("=")
        try:
            weights[path] = float(written)
        except ValueError:
            weights[path] = float("nan")
        if not path or not 0 < weights[path] < float("inf"):
            raise CorpusError([f"--weight {option}: give FILE=WEIGHT with a number above 0, such as my.jsonl=3"])
    return weights


def gain_of_files(
    paths: Sequence[str | os.PathLike[str]],
    weights: Mapping[str, float],
    seed: int = 0,
    folds: int = 5,
    *,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Gain:
    """What the rows of the weighted files change, beside all other rows of `paths`.

    Raises
    ------
    CorpusError
        When rows are bad, a weighted file is not among `paths`, or there is too little to hold some of it out.
    """
    rows = read_rows(*paths)
    added = {row["id"] for path in weights for row in read_rows(path)}
    parts = [row for row in rows if row["id"] not in added], [row for row in rows if row["id"] in added]
    every = dict(zip((row["id"] for row in rows), row_weights(rows, weights), strict=True))
    return gain(*parts, [every[row["id"]] for row in parts[1]], seed, folds, jobs=jobs, progress=progress)


def _half(progress: Callable[[int, int], None] | None, half: int) -> Callable[[int, int], None] | None:
    if progress is None:
        return None
    return lambda done, total: progress(half * total + done, 2 * total)


def gain_table(found: Gain) -> str:
    """The comparisons as aligned plain text, each with a sentence that says what it means."""
    counted = "" if found.weight in (None, 1) else f", each counted {found.weight:g} times"
    title = f"what {found.added:,} added rows changed{counted} (linear part alone, {found.folds} folds by group)"
    parts = [title]
    for name, one, number in (("added rows", found.on_added, found.added), ("base rows", found.on_base, found.base)):
        rows = [("F1", "without", "with", "difference", "95% interval"), *map(_cells, one.differences)]
        head = f"on {number:,} held-out {name}, {one.groups:,} groups"
        parts.append("\n".join([head, *aligned(rows), _sentence(one, name)]))
    return "\n\n".join(parts)


def _cells(row: Difference) -> tuple[str, ...]:
    before, after = ("–" if np.isnan(x) else f"{x:.3f}" for x in (row.other, row.this))
    change = "–" if np.isnan(row.difference) else f"{round(row.difference, 3) + 0.0:+.3f}"  # never -0.000
    return row.figure, before, after, change, str(row.interval)


def _sentence(found: Comparison, name: str) -> str:
    """What the macro-F1 says, in words."""
    macro = found.differences[0]
    few = f" Few groups ({found.groups}) make the interval too narrow." if found.groups < _FEW else ""
    if np.isnan(macro.interval.low):
        return f"Nothing can be said of the {name}: no interval is defined."
    if macro.interval.low > 0:
        return f"The added rows help on {name}: macro-F1 rises by {macro.difference:.3f} {macro.interval}.{few}"
    if macro.interval.high < 0:
        return f"The added rows hurt on {name}: macro-F1 falls by {-macro.difference:.3f} {macro.interval}.{few}"
    return f"No difference can be told on {name}: the interval of macro-F1 {macro.interval} spans 0.{few}"
