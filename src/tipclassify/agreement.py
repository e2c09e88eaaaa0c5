"""How far two annotators agree, label by label.

Sources: kappa, Cohen 1960; alpha, Krippendorff 2011 ("Computing Krippendorff's Alpha-Reliability"), by the
``krippendorff`` package.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.errors import CorpusError
from tipclassify.labels import LABELS, indicator

__all__ = ["Agreement", "AgreementInterval", "Disagreement", "agreement", "agreement_intervals", "agreement_table"]
__all__ += ["disagreements", "disagreements_table", "intervals_table", "read_annotations", "read_texts"]

_WANTED: Final = 'write {"id": "…", "labels": […]}'


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement on one label.

    Attributes
    ----------
    passages : int
        Labelled by both.
    same : float
        Share on which both agree, 0 to 1.
    kappa : float
        Chance-corrected agreement, 1 for perfect, 0 for chance; NaN where nobody used the label.
    alpha : float or None
        Krippendorff's alpha, on the same scale; None without the ``krippendorff`` package.
    f1 : float
        F1 of the second annotator taken against the first.
    """

    label: str
    passages: int
    same: float
    kappa: float
    alpha: float | None
    f1: float


def agreement(first: Mapping[str, Sequence[str]], second: Mapping[str, Sequence[str]]) -> list[Agreement]:
    """Agreement on each label over the passages (by id) that both annotators labelled.

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
    common = [key for key in first if key in second]
    if not common:
        raise CorpusError(["the two annotators have no passage id in common; check the ids"])
    a = np.array([indicator(first[key]) for key in common])
    b = np.array([indicator(second[key]) for key in common])
    rows = []
    for j, label in enumerate(LABELS):
        x, y = a[:, j], b[:, j]
        same = float((x == y).mean())
        chance = float(x.mean() * y.mean() + (1 - x.mean()) * (1 - y.mean()))
        used = bool(x.any() or y.any())
        rows.append(
            Agreement(
                label,
                len(common),
                same,
                (same - chance) / (1 - chance) if chance < 1 else float("nan"),
                _alpha(x, y) if used else None,
                float(2 * (x & y).sum() / (x.sum() + y.sum())) if used else float("nan"),
            )
        )
    return rows


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
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            name, labels = str(row["id"]), row["labels"]
            if labels is None:
                unlabelled += 1
                continue
            if not isinstance(labels, list):
                raise ValueError("labels are not a list")
            indicator(labels)
        except KeyError as error:
            problems.append(f"{path}:{number}: no {error}; {_WANTED}")
        except (ValueError, TypeError) as error:
            problems.append(f"{path}:{number}: {error}; {_WANTED}")
        else:
            if name in found:
                problems.append(f"{path}:{number}: id {name!r} stands there twice; give each passage one row")
            found[name] = tuple(labels)
    if problems:
        raise CorpusError(problems)
    if not found:
        raise CorpusError([f"{path}: no row is labelled yet; {_WANTED}"])
    if unlabelled:
        warnings.warn(f"{path}: rows that are not labelled yet, left out: {unlabelled:,}", stacklevel=2)
    return found


def _lines(path: str | os.PathLike[str]) -> list[str]:
    try:
        return Path(path).read_text("utf-8-sig").split("\n")
    except OSError as error:
        raise CorpusError([f"{path}: {(error.strerror or str(error)).lower()}; check the path"]) from None
    except UnicodeDecodeError:
        raise CorpusError([f"{path}: not UTF-8; 'tipclassify corpus convert' reads other formats"]) from None


def agreement_table(rows: Sequence[Agreement]) -> str:
    """The figures as a Markdown table."""
    lines = [
        "| label | passages | agree | Cohen's kappa | Krippendorff's alpha | F1 |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        alpha = "–" if row.alpha is None else f"{row.alpha:.3f}"
        kappa, f1 = ("–" if np.isnan(figure) else f"{figure:.3f}" for figure in (row.kappa, row.f1))
        lines.append(f"| {row.label} | {row.passages:,} | {row.same:.3f} | {kappa} | {alpha} | {f1} |")
    return "\n".join(lines)


def _alpha(x: npt.NDArray[np.bool_], y: npt.NDArray[np.bool_]) -> float | None:
    try:
        from krippendorff import alpha
    except ImportError:
        return None
    if x.all() and y.all():
        return None  # not defined for a single value
    return float(alpha(np.stack([x, y]).astype(int), level_of_measurement="nominal"))


# --------------------------------------------------------------------------------------------- how sure, and where not


@dataclass(frozen=True, slots=True)
class AgreementInterval:
    """95% intervals of kappa and alpha on one label, by drawing passages; NaN where they are not defined."""

    label: str
    kappa: tuple[float, float]
    alpha: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A passage that the two annotators labelled differently; `text` is empty where neither file has it."""

    id: str
    text: str
    first: tuple[str, ...]
    second: tuple[str, ...]


def agreement_intervals(
    first: Mapping[str, Sequence[str]], second: Mapping[str, Sequence[str]], draws: int = 1_000, seed: int = 0
) -> list[AgreementInterval]:
    """Percentile bootstrap over the passages that both labelled (Efron and Tibshirani 1993, chapter 13).

    Passages with the same two answers are interchangeable, so a draw is one multinomial over the four of them. Draws in which
    a figure is not defined (nobody used the label) are left out.
    """
    common = [key for key in first if key in second]
    a, b = (np.array([indicator(by[key]) for key in common]).reshape(-1, len(LABELS)) for by in (first, second))
    rng = np.random.default_rng(seed)
    found = []
    for j, label in enumerate(LABELS):
        cells = np.bincount(2 * a[:, j] + b[:, j], minlength=4)
        neither, only_b, only_a, both = rng.multinomial(len(common), cells / len(common), draws).T.astype(float)
        n = float(len(common))
        x, y = (only_a + both) / n, (only_b + both) / n
        chance = x * y + (1 - x) * (1 - y)
        with np.errstate(divide="ignore", invalid="ignore"):
            kappa = ((neither + both) / n - chance) / (1 - chance)
            # Krippendorff 2011 for two values and nothing missing: the 2n answers hold `ones` of one value.
            ones = only_a + only_b + 2 * both
            alpha = 1 - (2 * n - 1) * (only_a + only_b) / (ones * (2 * n - ones))
        found.append(AgreementInterval(label, _middle(kappa), _middle(alpha)))
    return found


def _middle(sample: npt.NDArray[np.float64]) -> tuple[float, float]:
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


def read_texts(path: str | os.PathLike[str]) -> dict[str, str]:
    """Texts by passage id, of those rows of JSON lines that have both; `read_annotations` has checked the file."""
    rows = (json.loads(line) for line in _lines(path) if line.strip())
    return {str(row["id"]): row["text"] for row in rows if isinstance(row.get("text"), str)}


def intervals_table(rows: Sequence[AgreementInterval], draws: int) -> str:
    """The intervals as a Markdown table."""
    lines = [f"| 95% interval ({draws:,} draws) | Cohen's kappa | Krippendorff's alpha |", "| --- | --- | --- |"]
    lines += [f"| {row.label} | {_ends(row.kappa)} | {_ends(row.alpha)} |" for row in rows]
    return "\n".join(lines)


def disagreements_table(rows: Sequence[Disagreement], most: int) -> str:
    """The first `most` disagreements as a Markdown table, texts cut to a line."""
    rest = f", first {most:,} shown" if len(rows) > most else ""
    lines = [f"{len(rows):,} passages labelled differently{rest}"]
    if rows and most:
        lines += ["", "| id | first | second | passage |", "| --- | --- | --- | --- |"]
    for row in rows[:most]:
        first, second = (", ".join(labels) or "(none)" for labels in (row.first, row.second))
        text = " ".join(row.text.split()).replace("|", "\\|")
        lines.append(f"| {row.id} | {first} | {second} | {text if len(text) <= 80 else text[:79] + '…'} |")
    return "\n".join(lines)


def _ends(interval: tuple[float, float]) -> str:
    return "–" if np.isnan(interval[0]) else f"[{interval[0]:.3f}, {interval[1]:.3f}]"


def _ordered(labels: Sequence[str]) -> tuple[str, ...]:
    return tuple(label for label in LABELS if label in labels)
