"""Which section of a narrative a heading opens."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

__all__ = ["named_section", "run_in_section", "section_of_heading"]

# Protection "of refugees" or "from discrimination" is a chapter of a human-rights report, not of a trafficking one.
_OF_OTHERS: Final = r"\b(?! (?:of|to|for|from|against) (?!.*(?:traffick|victim|survivor|exploit|forced|slavery)))"
_TIER: Final = r"tier (?:[123]|one|two|three)(?: watch ?list)?"

# Trafficking reports name their sections outright; country human-rights reports letter theirs.
_RULES: Final = tuple(
    (re.compile(pattern), section)
    for pattern, section in (
        (r"recommendation", "recommendations"),
        (r"^prosecution|law enforcement efforts|^investigations? and prosecution", "prosecution"),
        (rf"^protection{_OF_OTHERS}|victim (?:protection|assistance)|^assistance (?:to|for) victims", "protection"),
        (rf"^prevention{_OF_OTHERS}", "prevention"),
        (r"trafficking (?:profile|situation)|^profile|scope (?:and|of)|^the situation", "profile"),
        (rf"^{_TIER}$|[:(–—-] ?{_TIER}\)?$", "assessment"),
        (r"^(?:tier \w+|executive summary|summary|(?:(?:overview|assessment)(?: and | & )?)+)$", "assessment"),
    )
)
_NUMBER: Final = re.compile(r"^(?:section \d+\.?[:–—-]?|\d{1,2}(?:\.\d{1,2})*[.)]?|[ivx]{1,4}[.)]|[a-h][.)])\s+")

# What a line without the markup of a heading must say to be one: the stock names and nothing else.
_STOCK: Final = (
    r"(?:(?:prioriti[sz]ed|priority|key) )?recommendations?(?: (?:for|to) [^.;]{2,60})?|"
    r"(?:prosecution|protection|prevention)(?: efforts)?|(?:human )?trafficking profile|executive summary"
)
_NAME: Final = re.compile(rf"(?:{_STOCK}|scope and magnitude|(?:[^.;]{{2,40}}[:(–—-] ?)?{_TIER}\)?)\W*", re.IGNORECASE)
_RUN_IN: Final = re.compile(
    rf"({_STOCK})\s?(?:[.:—]|[–-](?=\s))\s*(?=\S)|(?-i:(PROSECUTION|PROTECTION|PREVENTION|TRAFFICKING PROFILE) (?=[A-Z]))",
    re.IGNORECASE,
)
_STOCK_STARTS: Final = frozenset("pri key rec pro pre hum tra exe sco".split())
_LONGEST_NAME: Final = 110


@lru_cache(maxsize=1_024)  # the reports of a year share most of their headings
def section_of_heading(heading: str) -> str:
    """The standard section that a heading opens, or the heading itself.

    >>> section_of_heading("PRIORITIZED RECOMMENDATIONS:")
    'recommendations'
    >>> section_of_heading("c. Prohibition of Child Labor")
    'c. Prohibition of Child Labor'
    """
    plain = " ".join(heading.split()).rstrip(" :.#¶§")  # the marks of links to a heading
    folded = plain.lower()
    folded = _NUMBER.sub("", folded)
    for pattern, section in _RULES:
        if pattern.search(folded):
            return section
    return plain


def named_section(line: str) -> str | None:
    """The standard section whose name a line is, if it says nothing else.

    >>> named_section("TRAFFICKING PROFILE")
    'profile'
    >>> named_section("Protection of witnesses remained weak.") is None
    True
    """
    if len(line) > _LONGEST_NAME:
        return None
    folded = line.lower()
    if not (folded[:3] in _STOCK_STARTS or "tier" in folded) or not _NAME.fullmatch(folded):
        return None
    return section_of_heading(line.rstrip(" :.–—-"))


def run_in_section(paragraph: str) -> str | None:
    """The standard section that the first words of a paragraph name, if any.

    >>> run_in_section("Protection. The ministry opened a shelter.")
    'protection'
    """
    found = paragraph[:3].lower() in _STOCK_STARTS and _RUN_IN.match(paragraph)
    return section_of_heading(found[1] or found[2]) if found else None
