"""Probabilities as texts: two decimals, and never 1.00, since no model is certain."""

from __future__ import annotations

from typing import Final

__all__ = ["NEARLY_CERTAIN", "probability", "probability_in_words"]

NEARLY_CERTAIN: Final = 0.995
"""Probability from which two decimals would round to 1.00."""


def probability(value: float) -> str:
    """Format a probability with two decimals, never as 1.00.

    >>> probability(0.381), probability(0.9987)
    ('0.38', '>0.99')
    """
    return ">0.99" if value >= NEARLY_CERTAIN else f"{value:.2f}"


def probability_in_words(value: float) -> str:
    """Format a probability for a sentence.

    >>> probability_in_words(0.381), probability_in_words(0.9987)
    ('0.38', 'over 0.99')
    """
    return "over 0.99" if value >= NEARLY_CERTAIN else f"{value:.2f}"
