"""Display names of labels, sections and probabilities, and terminal colours of labels."""

from __future__ import annotations

from typing import Final

from tipclassify.labels import SECTIONS

__all__ = ["COLOURS", "LETTERS", "NAMES", "probability", "section_name"]

COLOURS: Final = {"positive_effort": "green", "failure": "yellow", "complicity": "red"}
LETTERS: Final = {"positive_effort": "P", "failure": "F", "complicity": "C"}
NAMES: Final = {"positive_effort": "Positive effort", "failure": "Failure", "complicity": "Complicity"}


def section_name(section: str | None) -> str:
    """Make the display name of a section.

    >>> section_name("prosecution"), section_name("a. Conduct of Officials"), section_name(None)
    ('Prosecution', 'a. Conduct of Officials', 'No section')
    """
    if section is None:
        return "No section"
    return section.capitalize() if section in SECTIONS else section


def probability(value: float) -> str:
    """Format a probability with two decimals, never as 1.00.

    >>> probability(0.381), probability(0.9987)
    ('0.38', '>0.99')
    """
    return ">0.99" if value >= 0.995 else f"{value:.2f}"
