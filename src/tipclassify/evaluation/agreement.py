"""Compute the agreement of annotators on each label, and list where they disagree."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Floats
from tipclassify.corpus.files import RowError, json_rows
from tipclassify.corpus.rows import parse_labels, read_each, text_key
from tipclassify.errors import CorpusError
from tipclassify.evaluation.bootstrap import Interval, percentile_interval, wilson_interval
from tipclassify.formatting import format_value, markdown_table
from tipclassify.labels import LABELS

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
    *annotators: Mapping[str, Sequence[str]],
    draws: int = 0,
    seed: int = 0,
    labels: Sequence[str] = LABELS,
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
    votes = np.full((len(shared), len(annotators), len(labels)), -1, np.int8)
    for i, key in enumerate(shared):
        for j, annotator in enumerate(annotators):
            if key in annotator:
                votes[i, j] = [label in annotator[key] for label in labels]
    rng = np.random.default_rng(seed)
    rows = []
    # The coefficients depend on vote-pattern counts only, so a bootstrap draw is one multinomial.
    for j, label in enumerate(labels):
        patterns, count = np.unique(votes[:, :, j], axis=0, return_counts=True)
        drawn = rng.multinomial(len(shared), count / len(shared), draws)
        counts = np.vstack([count, drawn]).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            observed, kappa, f1 = _pairwise(patterns, counts)
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
                kappa_interval=_interval(kappa[1:], lowest),
                alpha_interval=_interval(alpha[1:], lowest),
            )
        )
    return rows


def _pairwise(patterns: npt.NDArray[np.int8], counts: Floats) -> Floats:
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


def _interval(drawn: Floats, lowest: float) -> tuple[float, float]:
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


@dataclass(frozen=True, slots=True)
class Annotations:
    """Rows of one annotator, by passage id."""

    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)  # of the labelled rows
    texts: dict[str, str] = field(default_factory=dict)  # where given
    # whether labelled without seeing a colleague's labels; None: not recorded
    blind: dict[str, bool | None] = field(default_factory=dict)


def read_annotations(path: str | os.PathLike[str], labels: Sequence[str] = LABELS) -> Annotations:
    """Read the rows of an annotator from JSON lines with ``id`` and ``labels``.

    Rows that are not labelled (null) are left out, with a warning. Raises `CorpusError` with one
    line for every invalid row, or when no row is labelled.
    """

    def parse(row: object) -> tuple[dict[str, object], tuple[str, ...] | None]:
        if not isinstance(row, dict) or not {"id", "labels"} <= row.keys():
            raise RowError(f"no id or no labels; {_WANTED}")
        return row, None if row["labels"] is None else parse_labels(row["labels"], labels)

    annotations = Annotations()
    problems: list[str] = []
    unlabelled = 0
    for where, (row, row_labels) in read_each(json_rows(Path(path)), parse, problems):
        name = str(row["id"])
        text = row.get("text")
        if isinstance(text, str):
            annotations.texts[name] = text
        if row_labels is None:
            unlabelled += 1
        elif name in annotations.labels:
            problems.append(f"{where}: id {name!r} stands there twice; give each passage one row")
        else:
            annotations.labels[name] = row_labels
            hidden = row.get("blind")  # what the annotator did not see
            annotations.blind[name] = None if hidden is None else "colleagues" in str(hidden)
    if problems:
        raise CorpusError(problems)
    if not annotations.labels:
        raise CorpusError([f"{path}: no row is labelled yet; {_WANTED}"])
    if unlabelled:
        warnings.warn(
            f"{path}: rows that are not labelled yet, left out: {unlabelled:,}", stacklevel=2
        )
    return annotations


def check_texts(first: Annotations, second: Annotations, shared: Iterable[str]) -> None:
    """Raise `CorpusError` for the `shared` ids under which two annotators have different texts.

    Ids that a tool counted from 1 may be those of other passages. A text that one of them lacks is
    not compared.

    >>> first = Annotations(texts={"1": "Courts  slept."})
    >>> check_texts(first, Annotations(texts={"1": "courts slept."}), ["1"])
    """
    differing = [
        key
        for key in shared
        if key in first.texts
        and key in second.texts
        and text_key(first.texts[key]) != text_key(second.texts[key])
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
    first: Annotations, second: Annotations, shared: Sequence[str]
) -> tuple[list[str], str]:
    """Select the `shared` passages that each annotator labelled without seeing the other's labels.

    Returns them, and a line on how many were not labelled so, or do not say.
    """
    alone = [key for key in shared if first.blind[key] and second.blind[key]]
    seen = sum(first.blind[key] is False or second.blind[key] is False for key in shared)
    count = "which alone count" if alone else "so that all count, independent or not"
    shares = f"{len(alone):,} of {len(shared):,} passages"
    rest = f"seen: {seen:,}; not recorded: {len(shared) - seen - len(alone):,}"
    return alone, f"labelled without seeing the other: {shares}, {count}; {rest}"


def agreement_table(rows: Sequence[Agreement]) -> str:
    """Format the coefficients as a Markdown table."""
    cells = [("label", "passages", "agree", "Cohen's kappa", "Krippendorff's alpha", "F1")]
    for row in rows:
        same, kappa, alpha, f1 = map(format_value, (row.same, row.kappa, row.alpha, row.f1))
        cells.append((row.label, format_value(row.passages), same, kappa, alpha, f1))
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
