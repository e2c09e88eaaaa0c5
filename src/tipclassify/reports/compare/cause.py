"""Why a finding differs between two years, as far as text and headings tell.

A tag that changes with its heading has not changed by its words; a denial is no complicity that
comes or goes; a law has a year of its own.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from tipclassify.records import Passage, section_name
from tipclassify.reports.compare.outline import are_alike
from tipclassify.reports.compare.wording import fold, heading
from tipclassify.text.sections import fold_section

Cause = Literal["words", "heading", "both"]

_SUBJECTS: Final = {
    "forced labor, trafficking": "forced labor",
    "child labor": "child labor",
}
_DENIAL: Final = re.compile(
    r"\b(?:no|not any|without)\b(?: \w+){0,2} (?:reports?|evidence|indications?|allegations?|signs?"
    r"|complaints?|cases|instances|information)\b"
    r"|\b(?:no|none of the) (?:\w+ ){0,2}(?:officials?|officers?|employees?|members) (?:was|were)\b"
    r"|\b(?:denied|denying|disputed|disputing|refuted|refuting)\b",
    re.IGNORECASE,
)
_TURN: Final = re.compile(
    r"\b(?:although|but|despite|however|nevertheless|though|while|yet)\b", re.I
)
_LAW: Final = r"(?:act|code|constitution|decree|law|legislation|ordinance|statute)"
_LAW_YEAR: Final = re.compile(
    rf"\b{_LAW}\b(?:,? no\. ?\d+|,? number \d+)?,? (?:of|for|from|in) (?P<after>(?:19|20)\d\d)\b"
    rf"|\b(?:an?|its|the|under) (?P<before>(?:19|20)\d\d)"
    rf" (?:(?!in\b|its\b|of\b|on\b|the\b|under\b)[\w-]+ ){{0,4}}?{_LAW}\b",
    re.IGNORECASE,
)
# subjects that a report judges anew each year: two such sentences of a section are one claim
_STANDARD: Final = re.compile(
    r"(?:the )?(?:(?:authorities|government|police) (?:\w+ ){0,3}?(?P<enforcement>enforced?)\b"
    r"|(?P<means>fines|funding|penalties|resources|sanctions)\b)",
    re.IGNORECASE,
)


def cause(old: Passage, new: Passage) -> Cause:
    """Say by what the tags of two passages that continue each other changed.

    >>> here, there = (Passage("It acted.", 0, 9, name) for name in ("Prisons", "Women"))
    >>> cause(here, there)
    'heading'
    """
    if fold(old.text) == fold(new.text):
        return "heading" if heading(old) != heading(new) else "words"
    return "both" if _has_moved(old, new) else "words"


def moved_to(old: Passage, new: Passage) -> str:
    """Say where a passage has moved, and whether that is on another subject; empty if it has not.

    >>> old = Passage("It acted.", 0, 9, "b. Forced Labor")
    >>> moved_to(old, Passage("It acted.", 0, 9, "e. Wages"))
    'moved to “e. Wages”, where it is not about forced labor'
    """
    if not _has_moved(old, new):
        return ""
    moved = f"moved to “{section_name(new.section)}”"
    subject = _subject(old)
    if subject and _subject(new) != subject:
        moved += f", where it is not about {subject}"
    return moved


def _has_moved(old: Passage, new: Passage) -> bool:
    """Test whether a passage stands under another heading, which is not the old one renamed."""
    before, after = heading(old), heading(new)
    return before != after and not are_alike(before, after)


def _subject(passage: Passage) -> str:
    return _SUBJECTS.get(fold_section(passage.section or ""), "")


def is_denial(text: str) -> bool:
    """Test whether a text says only that there is nothing to report, or somebody denied it.

    >>> is_denial("There were no reports of officials complicit in trafficking.")
    True
    >>> is_denial("There were no convictions, but reports of officials who sold permits.")
    False
    """
    return _DENIAL.search(text) is not None and _TURN.search(text) is None


def law_year(text: str) -> int | None:
    """Return the year of the law that a text names first.

    >>> law_year("Article 2 of Law No. 15 for 2011 criminalized it.")
    2011
    """
    found = _LAW_YEAR.search(text)
    return int(found["after"] or found["before"]) if found else None


def standard_of(text: str) -> str:
    """Return what a sentence judges that every year's report judges; empty for other sentences.

    >>> standard_of("The penalties were insufficient."), standard_of("Police paid penalties.")
    ('penalties', '')
    >>> standard_of("The government did not effectively enforce the law.")
    'enforcement'
    """
    subject = _STANDARD.match(text)
    if subject is None:
        return ""
    return subject["means"].lower() if subject["means"] else "enforcement"
