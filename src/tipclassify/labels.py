"""The labels, the operating points and the standard sections, in their fixed order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

__all__ = ["LABELS", "MEANINGS", "POLICIES", "SECTIONS", "Policy", "label_indicator", "label_name"]

LABELS: Final = ("positive_effort", "failure", "complicity")
"""Labels, in column order of all scores, thresholds and indicator matrices."""

MEANINGS: Final = {
    "positive_effort": (
        "a government did something concrete against trafficking, kept it up, or meets a standard"
    ),
    "failure": (
        "a government did not act, acted too little or too late, or its action harmed victims"
    ),
    "complicity": (
        "officials or a state take part in trafficking, or are (not) held to account for it"
    ),
}
"""One-line definition of each label."""

Policy = Literal["screen", "balanced", "cite"]
"""Name of an operating point."""

POLICIES: Final[tuple[Policy, ...]] = ("screen", "balanced", "cite")
"""Operating points: high recall, best F1, high precision."""

SECTIONS: Final = (
    "assessment",
    "recommendations",
    "prosecution",
    "protection",
    "prevention",
    "profile",
)
"""Standard sections of a narrative; under another heading, its text is a passage's section."""


def label_name(label: str) -> str:
    """Return a label in plain words.

    >>> label_name("positive_effort")
    'positive effort'
    """
    return label.replace("_", " ")


def label_indicator(names: Iterable[str]) -> tuple[bool, bool, bool]:
    """Encode label names as a row of the indicator matrix.

    Raises `ValueError` when a name is no label.

    >>> label_indicator(["failure"])
    (False, True, False)
    """
    present = set(names)
    if unknown := present - set(LABELS):
        raise ValueError(f"unknown label {min(unknown)!r}: use {', '.join(LABELS)}")
    effort, failure, complicity = (label in present for label in LABELS)
    return effort, failure, complicity
