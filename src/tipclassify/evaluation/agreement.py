"""Compute the agreement of annotators on each label, and list where they disagree."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Floats
from tipclassify.corpus.answers import given_labels, parse_labels, partly_annotated
from tipclassify.corpus.files import RowError, UnlabelledError, json_rows
from tipclassify.corpus.rows import Row, read_each, text_key
from tipclassify.errors import CorpusError
from tipclassify.evaluation.bootstrap import Interval, percentile_interval, wilson_interval
from tipclassify.formatting import format_figure, format_value, markdown_table
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
    rng = np.random.default_rng(seed)
    rows = []
    for label in labels:
        # 1 with the label, 0 without, -1 missing
        votes = [
            [label in given[key] if key in given else -1 for given in annotators] for key in shared
        ]
        # Coefficients depend on how often each pattern of votes occurs alone, so a bootstrap draw
        # is one multinomial. The first row counts all passages, the others the draws.
        patterns, count = np.unique(np.array(votes, np.int8), axis=0, return_counts=True)
        drawn = rng.multinomial(len(shared), count / len(shared), draws)
        counts = np.vstack([count, drawn]).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            same, kappa, f1 = _pairwise(patterns, counts)
            alpha = _krippendorff_alphas(patterns, counts)
        # The coefficient if as many passages differ as Wilson's upper limit has it.
        yes = float(count @ (patterns == 1).sum(axis=1) / (count @ (patterns >= 0).sum(axis=1)))
        by_chance = 2 * yes * (1 - yes)
        most = wilson_interval(1 - float(same[0]), len(shared)).high
        lowest = max(-1.0, 1 - most / by_chance) if by_chance else float("nan")
        kappa_low, kappa_high = percentile_interval(kappa[1:], len(shared))
        alpha_low, alpha_high = percentile_interval(alpha[1:], len(shared))
        rows.append(
            Agreement(
                label=label,
                passages=len(shared),
                same=float(same[0]),
                kappa=float(kappa[0]),
                alpha=float(alpha[0]),
                f1=float(f1[0]),
                kappa_interval=(min(kappa_low, lowest), kappa_high),
                alpha_interval=(min(alpha_low, lowest), alpha_high),
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


def _krippendorff_alphas(patterns: npt.NDArray[np.int8], counts: Floats) -> Floats:
    """Compute binary Krippendorff's alpha of each draw, with missing votes."""
    yes = (patterns == 1).sum(axis=1)
    no = (patterns == 0).sum(axis=1)
    ones = counts @ yes
    zeros = counts @ no
    observed = counts @ (yes * no / (yes + no - 1))
    return np.asarray(1 - (ones + zeros - 1) * observed / (ones * zeros))


def disagreements(
    first: Mapping[str, Row], second: Mapping[str, Row], texts: Mapping[str, str]
) -> list[dict[str, object]]:
    """Find the passages labelled differently, those with most differing labels first.

    Each has its ``id``, its ``text``, from `texts` where both lack it, and the labels of both,
    ``first`` and ``second``.
    """
    shared = [key for key in first if key in second]
    differing = {key: set(first[key]["labels"]) ^ set(second[key]["labels"]) for key in shared}
    return [
        {
            "id": key,
            "text": first[key].get("text") or second[key].get("text") or texts.get(key, ""),
            "first": first[key]["labels"],
            "second": second[key]["labels"],
        }
        for key in sorted(shared, key=lambda key: (-len(differing[key]), key))
        if differing[key]
    ]


def read_annotations(
    path: str | os.PathLike[str], labels: Sequence[str] = LABELS
) -> dict[str, Row]:
    """Read the labelled rows of an annotator, by id, from JSON lines with ``id`` and ``labels``.

    Rows that are not labelled (null) are left out, with a warning. Raises `CorpusError` with one
    line for every invalid row, or when no row is labelled.
    """

    def parse(row: object) -> Row:
        if not isinstance(row, dict) or not {"id", "labels"} <= row.keys():
            raise RowError(f"no id or no labels; {_WANTED}")
        try:
            given = given_labels(row, labels)
        except UnlabelledError:
            given = None
        if given is not None and partly_annotated(row, labels):
            raise RowError("was not read for all labels; agreement needs rows that were")
        return {**row, "labels": None if given is None else parse_labels(given, labels)}

    annotations: dict[str, Row] = {}
    problems: list[str] = []
    unlabelled = 0
    for where, row in read_each(json_rows(Path(path)), parse, problems):
        name = str(row["id"])
        if row["labels"] is None:
            unlabelled += 1
        elif name in annotations:
            problems.append(f"{where}: id {name!r} stands there twice; give each passage one row")
        else:
            annotations[name] = row
    if problems:
        raise CorpusError(problems)
    if not annotations:
        raise CorpusError([f"{path}: no row is labelled yet; {_WANTED}"])
    if unlabelled:
        warnings.warn(
            f"{path}: rows that are not labelled yet, left out: {unlabelled:,}", stacklevel=2
        )
    return annotations


def check_texts(first: Mapping[str, Row], second: Mapping[str, Row]) -> None:
    """Raise `CorpusError` for the ids under which two annotators have different texts.

    Ids that a tool counted from 1 may be those of other passages. A text that one of them lacks is
    not compared.

    >>> check_texts({"1": {"text": "Courts  slept."}}, {"1": {"text": "courts slept."}})
    """
    differing = []
    for key, row in first.items():
        text = row.get("text")
        other = second.get(key, {}).get("text")
        if text and other and text_key(str(text)) != text_key(str(other)):
            differing.append(key)
    if not differing:
        return
    names = ", ".join(map(repr, differing[:_MOST_IDS]))
    if len(differing) > _MOST_IDS:
        names += f" and {len(differing) - _MOST_IDS:,} more"
    raise CorpusError(
        [f"the annotators have different texts under the same id: {names}; give each text its own"]
    )


def blindness(first: Mapping[str, Row], second: Mapping[str, Row]) -> tuple[list[str], str]:
    """Select the shared passages that each annotator labelled without seeing the other's labels.

    Returns their ids, and a line on how many were not labelled so, or do not say.
    """
    alone = []
    seen = 0
    shared = [key for key in first if key in second]
    for key in shared:
        # what each annotator did not see; None where that is not recorded
        hidden = [annotator[key].get("blind") for annotator in (first, second)]
        blind = [None if names is None else "colleagues" in str(names) for names in hidden]
        if all(blind):
            alone.append(key)
        seen += False in blind
    count = "which alone count" if alone else "so that all count, independent or not"
    shares = f"{len(alone):,} of {len(shared):,} passages"
    rest = f"seen: {seen:,}; not recorded: {len(shared) - seen - len(alone):,}"
    return alone, f"labelled without seeing the other: {shares}, {count}; {rest}"


def agreement_table(rows: Sequence[Agreement]) -> str:
    """Format the coefficients as a Markdown table, with their 95% intervals where there are any."""
    drawn = not np.isnan([row.kappa_interval[1] for row in rows]).all()
    interval = " [95% interval]" if drawn else ""
    coefficients = (f"Cohen's kappa{interval}", f"Krippendorff's alpha{interval}")
    cells = [("label", "passages", "agree", *coefficients, "F1")]
    for row in rows:
        cells.append(
            (
                row.label,
                format_value(row.passages),
                format_value(row.same),
                _with_interval(row.kappa, row.kappa_interval),
                _with_interval(row.alpha, row.alpha_interval),
                format_value(row.f1),
            )
        )
    return markdown_table(cells)


def _with_interval(value: float, ends: tuple[float, float]) -> str:
    return (
        format_value(value) if np.isnan(ends).any() else f"{format_figure(value)} {Interval(*ends)}"
    )


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
