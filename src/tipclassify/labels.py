"""The three labels, their order, and how a set of names becomes a row of an indicator matrix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ["LABELS", "MEANINGS", "POLICIES", "SECTIONS", "indicator"]

LABELS: Final = ("positive_effort", "failure", "complicity")
"""The labels, in the order of every array and table: columns of scores, thresholds and indicator matrices."""

MEANINGS: Final = {
    "positive_effort": "a government did something concrete against trafficking, kept it up, or meets a standard",
    "failure": "a government did not act, acted too little or too late, or its action harmed victims",
    "complicity": "officials or a state take part in trafficking, or are (not) held to account for it",
}
"""Each label in one line."""

POLICIES: Final = ("screen", "balanced", "cite")
"""Operating points: recall first, best F1, precision first."""

SECTIONS: Final = ("assessment", "recommendations", "prosecution", "protection", "prevention", "profile")
"""Sections of a narrative; a passage under any other heading keeps the heading's own text."""


def indicator(names: Iterable[str]) -> tuple[bool, bool, bool]:
    """Row of the indicator matrix, in the order of `LABELS`.

    >>> indicator(["failure"])
    (False, True, False)
    """
    present = set(names)
    if unknown := present - set(LABELS):
        raise ValueError(f"unknown label {min(unknown)!r}: use {', '.join(LABELS)}")
    effort, failure, complicity = (label in present for label in LABELS)
    return effort, failure, complicity
