"""Weight held-out passages of real reports to the proportions of whole reports.

Passages were mostly chosen for being hard. Post-stratification (Little 1993) weights them to match
whole reports; the proportions come from a random sample of unlabelled passages, which the encoder
scored when it was exported (``natural`` in its ``model.json``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tipclassify.arrays import Floats
from tipclassify.corpus.holdout import holdout_natural_weights, is_real, source_family
from tipclassify.corpus.loading import Row

__all__ = ["SampleWeights", "weigh_real_rows"]


@dataclass(frozen=True)
class SampleWeights:
    """Sample weights of the real ones of some rows, (real rows,); None: each counts once."""

    # Nobody knows in what proportions documents of other genres hold their passages: each of these
    # counts once in calibration, and not at all where whole reports are measured.
    calibration: Floats | None = None
    reports: Floats | None = None


def weigh_real_rows(
    rows: Sequence[Row], strata: Floats, natural: Mapping[str, Sequence[float]] | None
) -> SampleWeights:
    """Weight the real ones of `rows` to the proportions `natural` of each family of reports.

    `strata`, (n, 3), are probabilities of all rows by the heads of the fine-tuning: the
    proportions were counted in these. Without proportions there are no weights.
    """
    real = np.array([is_real(row) for row in rows], bool)
    if natural is None or not real.any():
        return SampleWeights()
    families = [str(source_family(row["doc"])) for row in rows if is_real(row)]
    weights = holdout_natural_weights(families, strata[real], natural)
    known = np.isin(families, list(natural))
    return SampleWeights(weights, np.where(known, weights, 0.0) if known.any() else weights)
