"""Compute inter-annotator agreement for each label, with bootstrap intervals, and list disagreements.

Labels by passage id come in, one mapping for each annotator. Sources: kappa, Cohen 1960, averaged over pairs of
annotators (Light 1971); nominal alpha, Krippendorff 2011 ("Computing Krippendorff's Alpha-Reliability"); percentile
intervals, Efron and Tibshirani 1993, chapter 13.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Floats
from tipclassify.corpus.loading import RowError, json_rows, read_each
from tipclassify.errors import CorpusError
from tipclassify.formatting import markdown_table, shown
from tipclassify.labels import LABELS, indicator

__all__ = ["Agreement", "Disagreement", "agreement", "agreement_table", "disagreements", "disagreements_table"]
__all__ += ["intervals_table", "read_annotations", "read_texts"]

_WANTED: Final = 'write {"id": "…", "labels": […]}'

Votes = npt.NDArray[np.int8]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement on one label; undefined coefficients are NaN, for instance of a label that nobody used.

    With more than two annotators `same`, `kappa` and `f1` are means over their pairs.

    Attributes
    ----------
    passages : int
        Passages labelled by at least two annotators.
    same : float
        Observed agreement, 0 to 1.
    kappa, alpha : float
        Cohen's kappa and Krippendorff's alpha, chance-corrected agreement: 1 for perfect, 0 for chance.
    f1 : float
        F1 of one annotator against the other.
    kappa_interval, alpha_interval : (float, float)
        95% bootstrap intervals over passages; NaN without draws.
    """

    label: str
    passages: int
    same: float
    kappa: float
    alpha: float
    f1: float
    kappa_interval: Interval
    alpha_interval: Interval


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A passage that two annotators labelled differently; `text` is empty where neither file has it."""

    id: str
    text: str
    first: tuple[str, ...]
    second: tuple[str, ...]


def agreement(*annotators: Mapping[str, Sequence[str]], draws: int = 0, seed: int = 0) -> list[Agreement]:
    """Compute the agreement on each label over the passages that at least two annotators labelled.

    Parameters
    ----------
    annotators : mappings of str to sequence of str
        The labels of each passage by its id, one mapping for each annotator.
    draws : int
        Bootstrap draws of passages. A coefficient's interval excludes the draws in which it is undefined.

    Raises
    ------
    CorpusError
        When the annotators have no passage in common.

    Examples
    --------
    >>> a = {"1": ["failure"], "2": [], "3": ["failure"]}
    >>> [round(row.kappa, 2) for row in agreement(a, a)][1]
    1.0
    """
    times = Counter(key for one in annotators for key in one)
    shared = [key for key, count in times.items() if count > 1]
    if not shared:
        raise CorpusError(["the annotators have no passage id in common; check the ids"])
    no_vote = (-1,) * len(LABELS)
    votes = np.array(
        [[indicator(one[key]) if key in one else no_vote for one in annotators] for key in shared], np.int8
    )
    rng = np.random.default_rng(seed)
    rows = []
    # The coefficients depend on vote-pattern counts only, so a bootstrap draw is one multinomial.
    for j, label in enumerate(LABELS):
        patterns, count = np.unique(votes[:, :, j], axis=0, return_counts=True)
        counts = np.vstack([count, rng.multinomial(len(shared), count / len(shared), draws)]).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            same, kappa, f1 = _pair_coefficients(patterns, counts)
            alpha = _alphas(patterns, counts)
        of_all = (float(same[0]), float(kappa[0]), float(alpha[0]), float(f1[0]))
        rows.append(Agreement(label, len(shared), *of_all, _interval(kappa[1:]), _interval(alpha[1:])))
    return rows


def _pair_coefficients(patterns: Votes, counts: Floats) -> Floats:
    """Compute observed agreement, Cohen's kappa and F1 of each draw, (3, draws): means over pairs of annotators.

    Parameters
    ----------
    patterns : int8 (k, annotators)
        Votes: 1 with the label, 0 without, -1 missing.
    counts : float (draws, k)
        Number of passages with each pattern.
    """
    coefficients = []
    for x, y in combinations(patterns.T, 2):
        n = counts * ((x >= 0) & (y >= 0))
        total = n.sum(axis=1)
        same, p, q, both = (n @ votes / total for votes in (x == y, x == 1, y == 1, (x == 1) & (y == 1)))
        chance = p * q + (1 - p) * (1 - q)
        coefficients.append([same, (same - chance) / (1 - chance), 2 * both / (p + q)])
    return np.asarray(np.ma.masked_invalid(coefficients).mean(axis=0).filled(np.nan))


def _alphas(patterns: Votes, counts: Floats) -> Floats:
    """Compute binary Krippendorff's alpha with missing votes, (draws,); parameters as in `_pair_coefficients`."""
    yes, no = (patterns == 1).sum(axis=1), (patterns == 0).sum(axis=1)
    ones, zeros = counts @ yes, counts @ no
    observed = counts @ (yes * no / (yes + no - 1))
    return np.asarray(1 - (ones + zeros - 1) * observed / (ones * zeros))


def _interval(sample: Floats) -> Interval:
    defined = sample[np.isfinite(sample)]
    low, high = np.quantile(defined, [0.025, 0.975]).tolist() if len(defined) else (float("nan"), float("nan"))
    return low, high


def disagreements(
    first: Mapping[str, Sequence[str]], second: Mapping[str, Sequence[str]], texts: Mapping[str, str]
) -> list[Disagreement]:
    """Find the passages labelled differently, most differing labels first."""
    found = [
        Disagreement(
            key, texts.get(key, ""), *(tuple(name for name in LABELS if name in one[key]) for one in (first, second))
        )
        for key in first
        if key in second and set(first[key]) != set(second[key])
    ]
    return sorted(found, key=lambda row: (-len(set(row.first) ^ set(row.second)), row.id))


# --------------------------------------------------------------------------------------------- files and tables


def read_annotations(path: str | os.PathLike[str]) -> dict[str, tuple[str, ...]]:
    """Read labels by passage id from JSON lines with ``id`` and ``labels``.

    Raises
    ------
    CorpusError
        With one line for every invalid row; or when no row is labelled.

    Warns
    -----
    UserWarning
        When some rows are unlabelled (``labels`` null); they are excluded.
    """
    found: dict[str, tuple[str, ...]] = {}
    problems: list[str] = []
    unlabelled = 0
    for where, (name, labels) in read_each(json_rows(Path(path)), _annotation, problems):
        if labels is None:
            unlabelled += 1
        elif name in found:
            problems.append(f"{where}: id {name!r} stands there twice; give each passage one row")
        else:
            found[name] = labels
    if problems:
        raise CorpusError(problems)
    if not found:
        raise CorpusError([f"{path}: no row is labelled yet; {_WANTED}"])
    if unlabelled:
        warnings.warn(f"{path}: rows that are not labelled yet, left out: {unlabelled:,}", stacklevel=2)
    return found


def _annotation(row: Any) -> tuple[str, tuple[str, ...] | None]:
    try:
        name, labels = str(row["id"]), row["labels"]
        if labels is None:
            return name, None
        if not isinstance(labels, list):
            raise ValueError("labels are not a list")
        indicator(labels)
    except (KeyError, TypeError, ValueError) as error:
        raise RowError(f"{f'no {error}' if isinstance(error, KeyError) else error}; {_WANTED}") from None
    return name, tuple(labels)


def read_texts(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read texts by passage id from JSON lines validated by `read_annotations`; rows without a text are skipped."""
    return {str(row["id"]): row["text"] for _, row in json_rows(Path(path)) if isinstance(row.get("text"), str)}


def agreement_table(rows: Sequence[Agreement]) -> str:
    """Format the coefficients as a Markdown table."""
    columns = ("label", "passages", "agree", "Cohen's kappa", "Krippendorff's alpha", "F1")
    cells = [(row.label, row.passages, row.same, row.kappa, row.alpha, row.f1) for row in rows]
    return markdown_table([columns, *(list(map(shown, of_row)) for of_row in cells)])


def intervals_table(rows: Sequence[Agreement], draws: int) -> str:
    """Format the intervals as a Markdown table."""
    columns = (f"95% interval ({draws:,} draws)", "Cohen's kappa", "Krippendorff's alpha")
    cells = [
        ["–" if np.isnan(low) else f"[{low:.3f}, {high:.3f}]" for low, high in (row.kappa_interval, row.alpha_interval)]
        for row in rows
    ]
    return markdown_table([columns, *([row.label, *both] for row, both in zip(rows, cells, strict=True))])


def disagreements_table(rows: Sequence[Disagreement], most: int) -> str:
    """Format the first `most` disagreements as a Markdown table, with texts cut to 80 characters."""
    rest = f", first {most:,} shown" if len(rows) > most else ""
    title = f"{len(rows):,} passages labelled differently{rest}"
    cells = [("id", "first", "second", "passage")]
    for row in rows[:most]:
        text = shown(row.text).replace("|", "\\|")
        cells.append((row.id, shown(row.first), shown(row.second), text if len(text) <= 80 else text[:79] + "…"))
    return f"{title}\n\n{markdown_table(cells)}" if rows[:most] else title
