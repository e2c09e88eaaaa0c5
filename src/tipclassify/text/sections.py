"""Map headings to sections: the standard section that a heading names, or else its own text."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from tipclassify.labels import SECTIONS
from tipclassify.text.lexicon import WORDS

# Protection "of refugees" or "from discrimination" is a chapter of a human-rights report, not of a
# trafficking one.
_OF_OTHERS: Final = (
    r"\b(?! (?:of|to|for|from|against) (?!.*(?:traffick|victim|survivor|exploit|forced|slavery)))"
)
_TIER: Final = r"tier (?:[123]|one|two|three)(?: watch ?list)?"
# verdict of a report on child labor
_ADVANCEMENT: Final = r"(?:no|minimal|moderate|significant) advancement"

# Trafficking reports name their sections; headings of other reports stay as they are.
_RULES: Final = tuple(
    (re.compile(pattern), section)
    for pattern, section in (
        (r"recommendation", "recommendations"),
        (r"^prosecution|law enforcement efforts|^investigations? and prosecution", "prosecution"),
        (
            rf"^protection{_OF_OTHERS}|victim (?:protection|assistance)"
            r"|^assistance (?:to|for) victims",
            "protection",
        ),
        (rf"^prevention{_OF_OTHERS}", "prevention"),
        (r"trafficking (?:profile|situation)|^profile|scope (?:and|of)|^the situation", "profile"),
        (rf"^{_TIER}$|[:(–—-] ?{_TIER}\)?$|^{_ADVANCEMENT}\b", "assessment"),
        (
            r"^(?:tier \w+|executive summary|summary|(?:(?:overview|assessment)(?: and | & )?)+)$",
            "assessment",
        ),
    )
)

FOLDED: Final = (*SECTIONS, "forced labor, trafficking", "child labor", "other")
"""The eight sections that reports on trafficking have, and all others."""

_LABOR: Final = (
    (
        re.compile(r"child.*(?:labou?r|work|soldier)|minimum (?:working )?age", re.IGNORECASE),
        "child labor",
    ),
    (
        re.compile(r"forced|compulsory|bond(?:ed|age)|slavery|traffick", re.IGNORECASE),
        "forced labor, trafficking",
    ),
)

# Names that make a line without markup a heading, if it holds nothing else.
_STOCK: Final = (
    r"(?:(?:prioriti[sz]ed|priority|key) )?recommendations?(?: (?:for|to) [^.;]{2,60})?|"
    r"(?:prosecution|protection|prevention)(?: efforts)?|(?:human )?trafficking profile|"
    r"executive summary"
)
_NAME: Final = re.compile(
    rf"(?:{_STOCK}|scope and magnitude|(?:[^.;]{{2,40}}[:(–—-] ?)?{_TIER}\)?)\W*", re.IGNORECASE
)
_RUN_IN: Final = re.compile(
    rf"({_STOCK})\s?(?:[.:—]|[–-](?=\s))\s*(?=\S)"
    r"|(?-i:(PROSECUTION|PROTECTION|PREVENTION|TRAFFICKING PROFILE) (?=[A-Z]))",
    re.IGNORECASE,
)
_STOCK_STARTS: Final = frozenset("pri key rec pro pre hum tra exe sco".split())
_MAX_NAME: Final = 110

# "Section 7.", "Table 4:", "Part II"; "b.", "iv)", "(a)", "3.2".
_ENUMERATOR: Final = re.compile(
    r"""(?:\s*(?:
        (?:section|chapter|part|table|figure)\s+(?:\d+(?:\.\d+)*|[ivx]+|[a-z])[.):]?
        | \(?(?:\d{1,2}(?:\.\d{1,2})*[.):]?|(?:[ivx]{1,5}|[a-z])[.):])
    )(?:\s*[–—-])?(?:\s+|$))+""",
    re.IGNORECASE | re.VERBOSE,
)

# "Table 2. Key Laws (Cont.)"
_CONTINUED: Final = re.compile(r"[(\[](?:cont(?:[’']?d|inued|inuing)?\.?)[)\]]\W*$", re.IGNORECASE)
_REFERENCE_WORDS: Final = frozenset(WORDS["references"])
_FILLER_WORDS: Final = frozenset(WORDS["reference_fillers"])
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_GENERIC_WORDS: Final = frozenset(WORDS["generic"])
_WORD: Final = re.compile(r"[^\W\d_]{2,}")  # "N/A", "9a" and "2019" have none
# kinds of numbers before a heading; one letter may be a Roman number
_NUMBER_KINDS: Final = tuple(
    re.compile(rf"\s*{kind}\s")
    for kind in (
        r"\d{1,2}[.):]",
        r"\d{1,2}(?:\.\d{1,2})[.):]?",
        r"\d{1,2}(?:\.\d{1,2}){2}[.):]?",
        r"[IVX]{1,5}[.):]",
        r"[ivx]{1,5}[.)]",
        r"\([ivx]{1,5}\)",
        r"[A-Z][.):]",
        r"[a-z][.)]",
        r"\([a-z]\)",
    )
)
_FIRST_NUMBER: Final = re.compile(r"\s*\(?(?:(?:\d{1,2}\.)*1|[AaIi])[.):]")
_CHAPTER: Final = re.compile(r"(?:section|chapter|part)\s", re.IGNORECASE)
_UNMARKED_LEVEL: Final = 7  # level of a heading without markup: below h1 to h6


def without_enumerator(heading: str) -> str:
    """Strip the leading number or letter of a heading.

    >>> headings = ("b. Forced Labor", "Section 7. Worker Rights", "Women")
    >>> [without_enumerator(heading) for heading in headings]
    ['Forced Labor', 'Worker Rights', 'Women']
    """
    enumerator = _ENUMERATOR.match(heading)
    return heading[enumerator.end() :] if enumerator else heading


@lru_cache(maxsize=1_024)  # the reports of a year share most of their headings
def section_of_heading(heading: str) -> str:
    """Return the standard section that a heading names, or the heading itself.

    >>> section_of_heading("PRIORITIZED RECOMMENDATIONS:")
    'recommendations'
    >>> section_of_heading("c. Prohibition of Child Labor")
    'c. Prohibition of Child Labor'
    """
    plain = " ".join(heading.split()).rstrip(" :.#¶§")  # "#" and "¶" are link anchors
    folded = without_enumerator(plain.lower())
    for pattern, section in _RULES:
        if pattern.search(folded):
            return section
    return plain


@lru_cache(maxsize=1_024)
def fold_section(section: str) -> str:
    """Fold a section to one of `FOLDED`, so that reports of any kind are counted by the same few.

    >>> sections = ("prosecution", "c. Prohibition of Child Labor", "INTERNET FREEDOM")
    >>> [fold_section(section) for section in sections]
    ['prosecution', 'child labor', 'other']
    """
    named = section_of_heading(section)
    if named in SECTIONS:
        return named
    return next((name for pattern, name in _LABOR if pattern.search(named)), "other")


@lru_cache(maxsize=1_024)
def names_non_prose(heading: str) -> bool:
    """Test whether a heading names references, notes, contents or abbreviations only.

    >>> headings = ("Table of contents", "VIII. REFERENCES", "Notes on courts")
    >>> [names_non_prose(heading) for heading in headings]
    [True, True, False]
    """
    words = set(_LETTERS.findall(without_enumerator(heading).lower()))
    return not words.isdisjoint(_REFERENCE_WORDS) and words <= _REFERENCE_WORDS | _FILLER_WORDS


def without_continuation(heading: str) -> str:
    """Strip the note that a heading is repeated on another page.

    >>> without_continuation("Table 2. Key Laws (Cont.)")
    'Table 2. Key Laws'
    >>> without_continuation("(continued)")
    ''
    """
    note = _CONTINUED.search(heading)
    return heading[: note.start()].rstrip() if note else heading


@lru_cache(maxsize=1_024)
def _is_specific(heading: str) -> bool:
    """Test whether a heading is specific; those of chapters are, since their subheadings are."""
    words = _WORD.findall(without_enumerator(heading).lower())
    return not _GENERIC_WORDS.issuperset(words) or _CHAPTER.match(heading) is not None


def _is_sibling(heading: str, following: str) -> bool:
    """Test whether the number of a following heading is of the same kind, but not its first.

    >>> headings = ("3. Data", "1. Data", "a. Data", "Data")
    >>> [_is_sibling("1. Child Labor", following) for following in headings]
    [True, False, False, False]
    """
    if _FIRST_NUMBER.match(following):
        return False
    for kind in _NUMBER_KINDS:
        if kind.match(heading):
            return kind.match(following) is not None
    return False


def join_headings(outer: str | None, inner: str) -> str:
    """Join nested headings if the inner one is generic; otherwise return the inner one.

    >>> [join_headings("b. Forced Labor", inner) for inner in ("Role & Description", "Prisons")]
    ['b. Forced Labor: Role & Description', 'Prisons']
    """
    return inner if outer is None or _is_specific(inner) else f"{outer.rstrip(' :.')}: {inner}"


class HeadingOutline:
    """Stack of open headings while a document is read; `section` opens the next one.

    Only specific headings are kept as parents, so that a heading is joined to one parent only;
    contents are none. A heading that is continued on another page is the same one.

    >>> outline = HeadingOutline()
    >>> headings = [("Norvia", 1), ("Child Labor", 2), ("Table 3.", 3), ("Prisons", 2)]
    >>> [outline.section(heading, level) for heading, level in headings]
    ['Norvia', 'Child Labor', 'Child Labor: Table 3', 'Prisons']
    >>> outline = HeadingOutline()
    >>> [outline.section(heading) for heading in ("Contents", "Prisons", "Prisons (cont.)")]
    ['Contents', 'Prisons', 'Prisons']
    """

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []
        self._last = ""  # section of the last heading
        # the first heading; an "Overview" directly below is the narrative's assessment
        self._title: str | None = None

    def section(self, heading: str, level: int | None = None) -> str:
        """Open a heading, and return its section.

        `level` is lower for higher headings, or None without markup: below the last specific one.
        """
        whole = without_continuation(heading)
        if whole or not self._last:
            self._last = self._section(whole or heading, level)
        return self._last

    def _section(self, heading: str, level: int | None) -> str:
        specific = _is_specific(heading)
        depth = level
        if depth is None:  # a generic heading stands below a specific one
            depth = _UNMARKED_LEVEL if specific else _UNMARKED_LEVEL + 1
        while self._open and self._open[-1][0] >= depth:
            self._open.pop()
        if level is None and self._open and _is_sibling(self._open[-1][1], heading):
            self._open.pop()
        outer = self._open[-1][1] if self._open else None
        is_parent = specific and not names_non_prose(heading)
        # a broken-off line of a sentence is no heading
        if is_parent and not without_enumerator(heading)[:1].islower():
            self._open.append((depth, heading))
            self._title = self._title or heading
        section = section_named_by(heading) or section_of_heading(heading)
        if specific or outer is None:
            return section
        if section in SECTIONS and (level is None or outer == self._title):
            return section
        outer_section = section_of_heading(outer)
        if outer_section in SECTIONS:
            return outer_section
        return section_of_heading(join_headings(outer, heading))


def section_named_by(line: str) -> str | None:
    """Return the standard section whose name makes up the whole line, if any.

    >>> section_named_by("TRAFFICKING PROFILE")
    'profile'
    >>> section_named_by("Protection of witnesses remained weak.") is None
    True
    """
    if len(line) > _MAX_NAME:
        return None
    folded = line.lower()
    if not (folded[:3] in _STOCK_STARTS or "tier" in folded) or not _NAME.fullmatch(folded):
        return None
    return section_of_heading(line.rstrip(" :.–—-"))


def run_in_section(paragraph: str) -> str | None:
    """Return the standard section that the first words of a paragraph name, if any.

    >>> run_in_section("Protection. The ministry opened a shelter.")
    'protection'
    """
    if paragraph[:3].lower() not in _STOCK_STARTS:
        return None
    heading = _RUN_IN.match(paragraph)
    return section_of_heading(heading[1] or heading[2]) if heading else None
