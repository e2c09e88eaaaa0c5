"""How far annotators agree, label by label, with bootstrap intervals; and which passages they labelled differently.

Labels by passage id come in, a mapping for each annotator. Figures need only how many passages got each pattern of votes, so a
draw of the bootstrap is one multinomial over the few patterns there are.

Sources: kappa, Cohen 1960, for more than two annotators the mean over their pairs (Light 1971); alpha, Krippendorff 2011
("Computing Krippendorff's Alpha-Reliability"), nominal; percentile intervals, Efron and Tibshirani 1993, chapter 13.
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

from tipclassify.corpus.loading import RowError, json_rows
from tipclassify.errors import CorpusError
from tipclassify.labels import LABELS, indicator

__all__ = ["Agreement", "Disagreement", "agreement", "agreement_table", "disagreements", "disagreements_table"]
__all__ += ["intervals_table", "read_annotations", "read_texts"]

_WANTED: Final = 'write {"id": "…", "labels": […]}'

Floats = npt.NDArray[np.float64]
Votes = npt.NDArray[np.int8]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement on one label; NaN for a figure that is not defined, as where nobody used the label.

    With more than two annotators `same`, `kappa` and `f1` are means over their pairs.

    Attributes
    ----------
    passages : int
        Labelled by two annotators or more.
    same : float
        Share on which both agree, 0 to 1.
    kappa : float
        Cohen's kappa, chance-corrected agreement: 1 for perfect, 0 for chance.
    alpha : float
        Krippendorff's alpha, on the same scale.
    f1 : float
        F1 of one annotator taken against the other.
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
    """Agreement on each label over the passages (by id) that at least two annotators labelled.

    Parameters
    ----------
    annotators : mappings of str to sequence of str
        The labels of each passage, one mapping for each annotator.
    draws : int
        Bootstrap draws of passages. Draws in which a figure is not defined are left out of its interval.

    Raises
    ------
    CorpusError
        When they have no passage in common.

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
    for j, label in enumerate(LABELS):
        patterns, count = np.unique(votes[:, :, j], axis=0, return_counts=True)
        drawn = rng.multinomial(len(shared), count / len(shared), draws)
        counts = np.vstack([count, drawn]).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            same, kappa, f1 = _pair_figures(patterns, counts)
            alpha = _alphas(patterns, counts)
        of_all = (float(same[0]), float(kappa[0]), float(alpha[0]), float(f1[0]))
        rows.append(Agreement(label, len(shared), *of_all, _interval(kappa[1:]), _interval(alpha[1:])))
    return rows


def _pair_figures(patterns: Votes, counts: Floats) -> Floats:
    """Share of agreement, Cohen's kappa and F1 for each row of counts, (3, draws): means over the pairs of annotators.

    Parameters
    ----------
    patterns : int8 (k, annotators)
        Votes: 1 label given, 0 not, -1 no vote.
    counts : float (draws, k)
        How many passages have each pattern.
    """
    figures = []
    for x, y in combinations(patterns.T, 2):
        n = counts * ((x >= 0) & (y >= 0))
        total = n.sum(axis=1)
        same, p, q, both = (n @ votes / total for votes in (x == y, x == 1, y == 1, (x == 1) & (y == 1)))
        chance = p * q + (1 - p) * (1 - q)
        figures.append([same, (same - chance) / (1 - chance), 2 * both / (p + q)])
    return np.asarray(np.ma.masked_invalid(figures).mean(axis=0).filled(np.nan))


def _alphas(patterns: Votes, counts: Floats) -> Floats:
    """Krippendorff's alpha for two values and missing votes, (draws,); parameters as in `_pair_figures`."""
    given, refused = (patterns == 1).sum(axis=1), (patterns == 0).sum(axis=1)
    ones, zeros = counts @ given, counts @ refused
    observed = counts @ (given * refused / (given + refused - 1))
    return np.asarray(1 - (ones + zeros - 1) * observed / (ones * zeros))


def _interval(sample: Floats) -> Interval:
    defined = sample[np.isfinite(sample)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [0.025, 0.975])
    return float(low), float(high)


def disagreements(
    first: Mapping[str, Sequence[str]], second: Mapping[str, Sequence[str]], texts: Mapping[str, str]
) -> list[Disagreement]:
    """Passages labelled differently, those that differ on most labels first."""
    found = [
        Disagreement(key, texts.get(key, ""), _ordered(first[key]), _ordered(second[key]))
        for key in first
        if key in second and set(first[key]) != set(second[key])
    ]
    return sorted(found, key=lambda row: (-len(set(row.first) ^ set(row.second)), row.id))


def _ordered(labels: Sequence[str]) -> tuple[str, ...]:
    return tuple(label for label in LABELS if label in labels)


# --------------------------------------------------------------------------------------------- files and tables


def read_annotations(path: str | os.PathLike[str]) -> dict[str, tuple[str, ...]]:
    """Labels by passage id, from JSON lines with ``id`` and ``labels``.

    Raises
    ------
    CorpusError
        With one line for every bad row; or when no row is labelled.

    Warns
    -----
    UserWarning
        When some rows are not labelled yet (``labels`` null): they are left out.
    """
    found: dict[str, tuple[str, ...]] = {}
    problems = []
    unlabelled = 0
    for where, row in json_rows(Path(path)):
        try:
            name, labels = _annotation(row)
            if labels is None:
                unlabelled += 1
            elif name in found:
                raise RowError(f"id {name!r} stands there twice; give each passage one row")
            else:
                found[name] = labels
        except RowError as error:
            problems.append(f"{where}: {error}")
        except (KeyError, TypeError, ValueError) as error:
            what = f"no {error}" if isinstance(error, KeyError) else error
            problems.append(f"{where}: {what}; {_WANTED}")
    if problems:
        raise CorpusError(problems)
    if not found:
        raise CorpusError([f"{path}: no row is labelled yet; {_WANTED}"])
    if unlabelled:
        warnings.warn(f"{path}: rows that are not labelled yet, left out: {unlabelled:,}", stacklevel=2)
    return found


def _annotation(row: Any) -> tuple[str, tuple[str, ...] | None]:
    if isinstance(row, RowError):
        raise row
    name, labels = str(row["id"]), row["labels"]
    if labels is None:
        return name, None
    if not isinstance(labels, list):
        raise ValueError("labels are not a list")
    indicator(labels)
    return name, tuple(labels)


def read_texts(path: str | os.PathLike[str]) -> dict[str, str]:
    """Texts by passage id, of those rows of JSON lines that have both; `read_annotations` has checked the file."""
    return {str(row["id"]): row["text"] for _, row in json_rows(Path(path)) if isinstance(row.get("text"), str)}


def agreement_table(rows: Sequence[Agreement]) -> str:
    """The figures as a Markdown table."""
    columns = ("label", "passages", "agree", "Cohen's kappa", "Krippendorff's alpha", "F1")
    return _markdown(
        columns,
        [
            (row.label, f"{row.passages:,}", *("–" if np.isnan(x) else f"{x:.3f}" for x in figures))
            for row in rows
            for figures in [(row.same, row.kappa, row.alpha, row.f1)]
        ],
    )


def intervals_table(rows: Sequence[Agreement], draws: int) -> str:
    """The intervals as a Markdown table."""
    columns = (f"95% interval ({draws:,} draws)", "Cohen's kappa", "Krippendorff's alpha")
    return _markdown(columns, [(row.label, *map(_ends, (row.kappa_interval, row.alpha_interval))) for row in rows])


def disagreements_table(rows: Sequence[Disagreement], most: int) -> str:
    """The first `most` disagreements as a Markdown table, texts cut to a line."""
    rest = f", first {most:,} shown" if len(rows) > most else ""
    title = f"{len(rows):,} passages labelled differently{rest}"
    if not rows[:most]:
        return title
    cells = []
    for row in rows[:most]:
        first, second = (", ".join(labels) or "(none)" for labels in (row.first, row.second))
        text = " ".join(row.text.split()).replace("|", "\\|")
        cells.append((row.id, first, second, text if len(text) <= 80 else text[:79] + "…"))
    return f"{title}\n\n{_markdown(('id', 'first', 'second', 'passage'), cells)}"


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _ends(interval: Interval) -> str:
    return "–" if np.isnan(interval[0]) else f"[{interval[0]:.3f}, {interval[1]:.3f}]"
