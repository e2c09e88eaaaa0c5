"""Compute the agreement of annotators on each label, and list where they disagree."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Floats
from tipclassify.corpus.rows import RowError, json_rows, parse_labels, read_each, text_key
from tipclassify.errors import CorpusError
from tipclassify.evaluation.bootstrap import Interval, percentile_interval, wilson_interval
from tipclassify.formatting import format_value, markdown_table
from tipclassify.labels import LABELS, label_indicator

__all__ = [
    "Agreement",
    "agreement",
    "agreement_intervals_table",
    "agreement_table",
    "blindness",
    "check_texts",
    "disagreements",
    "disagreements_table",
    "read_annotations",
    "read_texts",
]

_MOST_IDS: Final = 5  # named in one error
_WANTED: Final = 'write {"id": "…", "labels": […]}'


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement on one label, over the passages that at least two annotators labelled.

    `passages` is their number. A figure is NaN where it is undefined. `same` (observed agreement),
    `kappa` (Cohen 1960) and `f1` (of one annotator against the other) are means over pairs of
    annotators (Light 1971); `alpha` is nominal (Krippendorff 2011). The 95% bootstrap intervals
    over passages are NaN without draws. Where few passages differ, few draws do: the lower end is
    then that of Wilson's upper limit of the share that differs.
    """

    label: str
    passages: int
    same: float
    kappa: float
    alpha: float
    f1: float
    kappa_interval: tuple[float, float]
    alpha_interval: tuple[float, float]


def agreement(
    *annotators: Mapping[str, Sequence[str]], draws: int = 0, seed: int = 0
) -> list[Agreement]:
    """Compute the agreement on each label over the passages that at least two annotators labelled.

    Each annotator is a mapping of passage id to labels; `CorpusError` when they have no passage in
    common. A coefficient's interval excludes the bootstrap draws of passages in which it is
    undefined.

    >>> a = {"1": ["failure"], "2": [], "3": ["failure"]}
    >>> [round(row.kappa, 2) for row in agreement(a, a)][1]
    1.0
    """
    times = Counter(key for annotator in annotators for key in annotator)
    shared = [key for key, count in times.items() if count > 1]
    if not shared:
        raise CorpusError(["the annotators have no passage id in common; check the ids"])
    votes = np.full((len(shared), len(annotators), len(LABELS)), -1, np.int8)
    for i, key in enumerate(shared):
        for j, annotator in enumerate(annotators):
            if key in annotator:
                votes[i, j] = label_indicator(annotator[key])
    rng = np.random.default_rng(seed)
    rows = []
    # The coefficients depend on vote-pattern counts only, so a bootstrap draw is one multinomial.
    for j, label in enumerate(LABELS):
        patterns, count = np.unique(votes[:, :, j], axis=0, return_counts=True)
        drawn = rng.multinomial(len(shared), count / len(shared), draws)
        counts = np.vstack([count, drawn]).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            observed, kappa, f1 = _agreement_of_pairs(patterns, counts)
            alpha = _krippendorff_alphas(patterns, counts)
        lowest = _lowest_coefficient(patterns, count, float(observed[0]))
        # The first column counts all passages, the others the draws.
        rows.append(
            Agreement(
                label=label,
                passages=len(shared),
                same=float(observed[0]),
                kappa=float(kappa[0]),
                alpha=float(alpha[0]),
                f1=float(f1[0]),
                kappa_interval=_interval_of_coefficient(kappa[1:], lowest),
                alpha_interval=_interval_of_coefficient(alpha[1:], lowest),
            )
        )
    return rows


def _agreement_of_pairs(patterns: npt.NDArray[np.int8], counts: Floats) -> Floats:
    """Compute observed agreement, Cohen's kappa and F1 of each draw, (3, draws).

    Each is the mean over the pairs of annotators. `patterns`, (k, annotators), has 1 with the
    label, 0 without, -1 missing; `counts`, (draws, k), the passages of each pattern.
    """
    coefficients = []
    for x, y in combinations(patterns.T, 2):
        n = counts * ((x >= 0) & (y >= 0))
        total = n.sum(axis=1)
        observed = n @ (x == y) / total
        first_yes = n @ (x == 1) / total
        second_yes = n @ (y == 1) / total
        both_yes = n @ ((x == 1) & (y == 1)) / total
        chance = first_yes * second_yes + (1 - first_yes) * (1 - second_yes)
        kappa = (observed - chance) / (1 - chance)
        f1 = 2 * both_yes / (first_yes + second_yes)
        coefficients.append([observed, kappa, f1])
    return np.asarray(np.ma.masked_invalid(coefficients).mean(axis=0).filled(np.nan))


def _lowest_coefficient(
    patterns: npt.NDArray[np.int8], count: npt.NDArray[np.int64], same: float
) -> float:
    """Return the coefficient if as many passages differ as Wilson's upper limit has it.

    `same` is the observed agreement. NaN where one label alone was given.
    """
    yes = float(count @ (patterns == 1).sum(axis=1) / (count @ (patterns >= 0).sum(axis=1)))
    expected = 2 * yes * (1 - yes)  # share of passages that differ by chance
    most = wilson_interval(1 - same, int(count.sum())).high
    return max(-1.0, 1 - most / expected) if expected else float("nan")


def _interval_of_coefficient(drawn: Floats, lowest: float) -> tuple[float, float]:
    """Return the percentile interval of the draws, down to `lowest` if that is lower."""
    low, high = percentile_interval(drawn)
    return min(low, lowest), high


def _krippendorff_alphas(patterns: npt.NDArray[np.int8], counts: Floats) -> Floats:
    """Compute binary Krippendorff's alpha of each draw, with missing votes."""
    yes = (patterns == 1).sum(axis=1)
    no = (patterns == 0).sum(axis=1)
    ones = counts @ yes
    zeros = counts @ no
    observed = counts @ (yes * no / (yes + no - 1))
    return np.asarray(1 - (ones + zeros - 1) * observed / (ones * zeros))


def disagreements(
    first: Mapping[str, Sequence[str]],
    second: Mapping[str, Sequence[str]],
    texts: Mapping[str, str],
) -> list[dict[str, object]]:
    """Find the passages labelled differently, those with most differing labels first.

    Each has its ``id``, its ``text``, and the labels of both, ``first`` and ``second``.
    """
    differing: dict[str, int] = {}  # number of differing labels, by passage
    for key in first:
        if key in second and (labels := set(first[key]) ^ set(second[key])):
            differing[key] = len(labels)
    return [
        {
            "id": key,
            "text": texts.get(key, ""),
            "first": tuple(first[key]),
            "second": tuple(second[key]),
        }
        for key in sorted(differing, key=lambda key: (-differing[key], key))
    ]


def read_annotations(path: str | os.PathLike[str]) -> dict[str, tuple[str, ...]]:
    """Read labels by passage id from JSON lines with ``id`` and ``labels``.

    Rows that are not labelled (null) are left out, with a warning. Raises `CorpusError` with one
    line for every invalid row, or when no row is labelled.
    """
    annotations: dict[str, tuple[str, ...]] = {}
    problems: list[str] = []
    unlabelled = 0
    for where, (name, labels) in read_each(
        json_rows(Path(path)), _labels_for_evaluating_agreement, problems
    ):
        if labels is None:
            unlabelled += 1
        elif name in annotations:
            problems.append(f"{where}: id {name!r} stands there twice; give each passage one row")
        else:
            annotations[name] = labels
    if problems:
        raise CorpusError(problems)
    if not annotations:
        raise CorpusError([f"{path}: no row is labelled yet; {_WANTED}"])
    if unlabelled:
        warnings.warn(
            f"{path}: rows that are not labelled yet, left out: {unlabelled:,}", stacklevel=2
        )
    return annotations


def _labels_for_evaluating_agreement(row: object) -> tuple[str, tuple[str, ...] | None]:
    """Return the passage id and the labels of a row; None for a row that is not labelled yet."""
    if not isinstance(row, dict) or not {"id", "labels"} <= row.keys():
        raise RowError(f"no id or no labels; {_WANTED}")
    return str(row["id"]), None if row["labels"] is None else parse_labels(row["labels"])


def read_texts(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read texts by passage id, where given, from a file of annotations."""
    return {
        str(row["id"]): row["text"]
        for _, row in json_rows(Path(path))
        if isinstance(row, dict) and isinstance(row.get("text"), str)
    }


def check_texts(first: Mapping[str, str], second: Mapping[str, str], shared: Iterable[str]) -> None:
    """Raise `CorpusError` for the `shared` ids under which two annotators have different texts.

    Ids that a tool counted from 1 may be those of other passages. A text that one of them lacks is
    not compared.

    >>> check_texts({"1": "Courts  slept."}, {"1": "courts slept."}, ["1"])
    """
    differing = [
        key
        for key in shared
        if key in first and key in second and text_key(first[key]) != text_key(second[key])
    ]
    if not differing:
        return
    names = ", ".join(map(repr, differing[:_MOST_IDS]))
    if len(differing) > _MOST_IDS:
        names += f" and {len(differing) - _MOST_IDS:,} more"
    raise CorpusError(
        [f"the annotators have different texts under the same id: {names}; give each text its own"]
    )


def blindness(
    first: str | os.PathLike[str], second: str | os.PathLike[str], shared: Sequence[str]
) -> tuple[list[str], str]:
    """Select the `shared` passages that each annotator labelled without seeing the other's labels.

    The rows of both files say so in ``blind``. Returns the passages, and a line on how many were
    not labelled so, or do not say.
    """
    first_blind = _blind_rows_for_evaluating_agreement(first)
    second_blind = _blind_rows_for_evaluating_agreement(second)
    alone = [key for key in shared if first_blind[key] and second_blind[key]]
    seen = sum(first_blind[key] is False or second_blind[key] is False for key in shared)
    count = "which alone count" if alone else "so that all count, independent or not"
    shares = f"{len(alone):,} of {len(shared):,} passages"
    rest = f"seen: {seen:,}; not recorded: {len(shared) - seen - len(alone):,}"
    return alone, f"labelled without seeing the other: {shares}, {count}; {rest}"


def _blind_rows_for_evaluating_agreement(path: str | os.PathLike[str]) -> dict[str, bool | None]:
    """Return by id whether a row was labelled without its colleagues' labels; None: not said."""
    blind_rows: dict[str, bool | None] = {}
    for _, row in json_rows(Path(path)):
        if isinstance(row, dict):
            hidden = row.get("blind")  # what the annotator did not see
            blind_rows[str(row["id"])] = None if hidden is None else "colleagues" in str(hidden)
    return blind_rows


def agreement_table(rows: Sequence[Agreement]) -> str:
    """Format the coefficients as a Markdown table."""
    cells = [("label", "passages", "agree", "Cohen's kappa", "Krippendorff's alpha", "F1")]
    for row in rows:
        cells.append(
            (
                format_value(row.label),
                format_value(row.passages),
                format_value(row.same),
                format_value(row.kappa),
                format_value(row.alpha),
                format_value(row.f1),
            )
        )
    return markdown_table(cells)


def agreement_intervals_table(rows: Sequence[Agreement], draws: int) -> str:
    """Format the intervals as a Markdown table."""
    columns = (f"95% interval ({draws:,} draws)", "Cohen's kappa", "Krippendorff's alpha")
    cells = [
        (row.label, str(Interval(*row.kappa_interval)), str(Interval(*row.alpha_interval)))
        for row in rows
    ]
    return markdown_table([columns, *cells])


def disagreements_table(rows: Sequence[Mapping[str, object]], most: int) -> str:
    """Format the first `most` disagreements as a Markdown table, texts cut to 80 characters."""
    rest = f", first {most:,} shown" if len(rows) > most else ""
    title = f"{len(rows):,} passages labelled differently{rest}"
    cells = [("id", "first", "second", "passage")]
    for row in rows[:most]:
        text = format_value(row["text"]).replace("|", "\\|")
        text = text if len(text) <= 80 else text[:79] + "…"
        cells.append(
            (str(row["id"]), format_value(row["first"]), format_value(row["second"]), text)
        )
    return f"{title}\n\n{markdown_table(cells)}" if rows[:most] else title
