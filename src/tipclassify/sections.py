"""Which section of a narrative a heading opens."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["section_of_heading"]

# Trafficking reports name their sections outright; country human-rights reports letter theirs.
_RULES: Final = tuple(
    (re.compile(pattern), section)
    for pattern, section in (
        (r"recommendation", "recommendations"),
        (r"^prosecution|law enforcement efforts", "prosecution"),
        (r"^protection|victim (protection|assistance)", "protection"),
        (r"^prevention", "prevention"),
        (r"trafficking profile|^profile|scope (and|of)|^the situation", "profile"),
        (r"^(tier \w+( watch list)?|executive summary|summary|((overview|assessment)( and | & )?)+)$", "assessment"),
    )
)


def section_of_heading(heading: str) -> str:
    """The standard section that a heading opens, or the heading itself.

    >>> section_of_heading("PRIORITIZED RECOMMENDATIONS:")
    'recommendations'
    >>> section_of_heading("c. Prohibition of Child Labor")
    'c. Prohibition of Child Labor'
    """
    plain = " ".join(heading.split()).rstrip(" :.#¶§")  # the marks of links to a heading
    folded = plain.lower()
    for pattern, section in _RULES:
        if pattern.search(folded):
            return section
    return plain
