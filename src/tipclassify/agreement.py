"""How far two annotators agree, label by label.

Sources: kappa, Cohen 1960; alpha, Krippendorff 2011 ("Computing Krippendorff's Alpha-Reliability"), by the
``krippendorff`` package.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tipclassify.errors import CorpusError
from tipclassify.labels import LABELS, indicator

__all__ = ["Agreement", "agreement", "agreement_table", "read_annotations"]


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
        With one line for every bad row.
    """
    found: dict[str, tuple[str, ...]] = {}
    problems = []
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError([f"{path}: cannot be read ({error}); check the path"]) from None
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            indicator(row["labels"])
            found[str(row["id"])] = tuple(row["labels"])
        except (ValueError, KeyError, TypeError) as error:
            problems.append(f'{path}:{number}: {error}; write {{"id": "…", "labels": […]}}')
    if problems:
        raise CorpusError(problems)
    return found


def agreement_table(rows: Sequence[Agreement]) -> str:
    """The figures as a Markdown table."""
    lines = [
        "| label | passages | agree | Cohen's kappa | Krippendorff's alpha | F1 |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        alpha = "–" if row.alpha is None else f"{row.alpha:.3f}"
        lines.append(f"| {row.label} | {row.passages:,} | {row.same:.3f} | {row.kappa:.3f} | {alpha} | {row.f1:.3f} |")
    return "\n".join(lines)


def _alpha(x: npt.NDArray[np.bool_], y: npt.NDArray[np.bool_]) -> float | None:
    try:
        from krippendorff import alpha
    except ImportError:
        return None
    if x.all() and y.all():
        return None  # not defined for a single value
    return float(alpha(np.stack([x, y]).astype(int), level_of_measurement="nominal"))
