"""Headings in, sections out: the standard section that a heading names, or its own text.

A heading that says nothing of its subject ("Description") is joined to the one that it stands under. `Outline` keeps the
headings that are open while a reader goes through a document.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from tipclassify.labels import SECTIONS

__all__ = ["Outline", "joined_heading", "named_section", "run_in_section", "section_of_heading", "without_enumerator"]

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

# "Section 7.", "Table 4:", "Part II"; "b.", "iv)", "(a)", "3.2".
_ENUMERATOR: Final = re.compile(
    r"""(?:\s*(?:
        (?:section|chapter|part|table|figure)\s+(?:\d+(?:\.\d+)*|[ivx]+|[a-z])[.):]?
        | \(?(?:\d{1,2}(?:\.\d{1,2})*[.):]?|(?:[ivx]{1,5}|[a-z])[.):])
    )(?:\s*[–—-])?(?:\s+|$))+""",
    re.IGNORECASE | re.VERBOSE,
)

# Words that name a part, column or row of a report on anything: "Law" may be on wages or on slavery.
_NO_SUBJECT: Final = frozenset(
    """act action actions activities activity additional administration age agencies agency all an analysis and annex
    answer appendix applicable april area areas article assessment at august available background bodies body by
    category challenges comments committee conclusion conclusions conditions cont context continued convention
    conventions coordinating coordination current data december department description details developments
    discussion distribution division effort efforts enforcement entities entity establishment executive february
    figure figures finding findings for framework from general government governmental implementation improvements
    in independent indicator indicators industry information institution institutions international introduction
    issue issues item january july june key latest law laws legal legislation legislative main march may measure
    measures mechanism mechanisms meets method methodology methods ministry monitoring name national new no not
    november number objective objectives october of office on or organization organizations other others outcome
    outcomes overview percent physical policies policy practice practices prevalence primary program programme
    programmes programs progress provisions purpose question questions ratification recent region regulation
    regulations regulatory related remarks response responses responsibilities responsibility result results role
    roles scope sector sectoral sectors september situation social source sources specific standard standards
    statistics status step steps subject suggested summary table tables the title to topic total type unit unknown
    with year years yes""".split()
)
_WORD: Final = re.compile(r"[^\W\d_]{2,}")  # "N/A", "9a" and "2019" have none
_CHAPTER: Final = re.compile(r"(?:section|chapter|part)\s", re.IGNORECASE)
_BY_LOOKS: Final = 7  # level of a heading that only its looks make one: below h1 to h6


def without_enumerator(heading: str) -> str:
    """The heading without the number or letter that it begins with.

    >>> without_enumerator("b. Forced Labor"), without_enumerator("Section 7. Worker Rights"), without_enumerator("Women")
    ('Forced Labor', 'Worker Rights', 'Women')
    """
    found = _ENUMERATOR.match(heading)
    return heading[found.end() :] if found else heading


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


@lru_cache(maxsize=1_024)
def _says_subject(heading: str) -> bool:
    """Whether a heading tells by itself what the text under it is about; one of a chapter does, or the next one will."""
    words = _WORD.findall(without_enumerator(heading).lower())
    return not _NO_SUBJECT.issuperset(words) or _CHAPTER.match(heading) is not None


def joined_heading(outer: str | None, inner: str) -> str:
    """The inner of two nested headings, after the outer one where it says nothing of its subject alone.

    >>> joined_heading("b. Forced Labor", "Role & Description"), joined_heading("b. Forced Labor", "Prisons")
    ('b. Forced Labor: Role & Description', 'Prisons')
    """
    return inner if outer is None or _says_subject(inner) else f"{outer.rstrip(' :.')}: {inner}"


class Outline:
    """The headings that are open at a place of a document; `section` opens the next.

    Only headings that say their subject are kept: no other is the outer one of a joined heading, which so is joined once.

    >>> outline = Outline()
    >>> headings = ("Norvia", 1), ("Child Labor", 2), ("Table 3.", 3), ("Description", 4), ("Other", 3), ("Prisons", 2)
    >>> [outline.section(heading, level) for heading, level in headings][1:]
    ['Child Labor', 'Child Labor: Table 3', 'Child Labor: Description', 'Child Labor: Other', 'Prisons']
    """

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []
        self._title: str | None = None  # the first heading; "Overview" right under it is a section of the narrative

    def section(self, heading: str, level: int | None = None) -> str:
        """Section that a heading opens.

        Parameters
        ----------
        level : int, optional
            1 to 6; None where only its looks make it a heading: then it stands under the last one that says its subject.
        """
        alone = _says_subject(heading)
        depth = _BY_LOOKS + (not alone) if level is None else level
        while self._open and self._open[-1][0] >= depth:
            self._open.pop()
        outer = self._open[-1][1] if self._open else None
        if alone and not without_enumerator(heading)[:1].islower():  # a line broken off a sentence is none
            self._open.append((depth, heading))
            self._title = self._title or heading
        section = named_section(heading) or section_of_heading(heading)
        if alone or outer is None or (section in SECTIONS and (level is None or outer == self._title)):
            return section
        around = section_of_heading(outer)
        return around if around in SECTIONS else section_of_heading(joined_heading(outer, heading))


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
