"""Probabilities as texts, never 1.00 or 0.00, since no model is certain; and as log-odds."""

from __future__ import annotations

import math
from typing import Final

NEARLY_CERTAIN: Final = 0.995
"""Probability from which two decimals would round to 1.00."""

_NEARLY_IMPOSSIBLE: Final = 0.005  # below which they would round to 0.00


def probability(value: float) -> str:
    """Format a probability with two decimals, never as 1.00 or 0.00.

    >>> probability(0.003), probability(0.381), probability(0.9987)
    ('<0.01', '0.38', '>0.99')
    """
    if value < _NEARLY_IMPOSSIBLE:
        return "<0.01"
    return ">0.99" if value >= NEARLY_CERTAIN else f"{value:.2f}"


def probability_in_words(value: float) -> str:
    """Format a probability for a sentence.

    >>> probability_in_words(0.003), probability_in_words(0.381), probability_in_words(0.9987)
    ('under 0.01', '0.38', 'over 0.99')
    """
    return probability(value).replace("<", "under ").replace(">", "over ")


def log_odds_of_probability(probability: float) -> float:
    """Compute the log-odds of a probability, which may be 0 or 1."""
    return math.log(max(probability, 1e-12) / max(1 - probability, 1e-12))
