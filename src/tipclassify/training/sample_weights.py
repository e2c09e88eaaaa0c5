"""Weight held-out passages of real reports by how many of whole reports each stands for.

Passages were mostly chosen for being hard. Of the countries held out, however, a random sample of
whole reports was read: all passages that a model was not sure to be empty, and a random part of the
others. Each of these stands for as many as it was drawn from (Horvitz and Thompson 1952, JASA
47:663-685).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tipclassify.arrays import Floats
from tipclassify.corpus.holdout import REPORT_FAMILIES, is_real, source_family
from tipclassify.corpus.rows import Row, parse_stands_for

__all__ = ["SampleWeights", "passages_stood_for", "weigh_real_rows", "weights_within_families"]


@dataclass(frozen=True)
class SampleWeights:
    """Sample weights of the real ones of some rows, (real rows,); None: each counts once."""

    # Nobody drew passages of other genres at random: each of these counts once in calibration, and
    # not at all where whole reports are measured.
    calibration: Floats | None = None
    reports: Floats | None = None


def weigh_real_rows(rows: Sequence[Row]) -> SampleWeights:
    """Weight the real ones of `rows`; without any row that stands for others, there are none."""
    real = [row for row in rows if is_real(row)]
    families = [source_family(row["doc"]) for row in real]
    reports = weights_within_families(families, passages_stood_for(real))
    if not reports.any():
        return SampleWeights()
    drawn = {family for family, weight in zip(families, reports, strict=True) if weight}
    is_drawn = np.array([family in drawn for family in families], bool)
    return SampleWeights(np.where(is_drawn, reports, 1.0), reports)


def passages_stood_for(rows: Sequence[Row]) -> Floats:
    """Return of how many passages of whole reports each row stands for, (n,); 0 for none."""
    counts = [parse_stands_for(row.get("stands_for")) or 0.0 for row in rows]
    return np.array(counts, np.float64)


def weights_within_families(families: Sequence[str | None], stood_for: Floats) -> Floats:
    """Scale weights (n,) to a mean of 1 in each family of reports; those of other genres are 0.

    >>> weights_within_families(["hrr", "hrr", "dol", "un"], np.array([3.0, 1.0, 5.0, 1.0])).tolist()
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
