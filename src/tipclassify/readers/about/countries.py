"""Look up countries by name or code.

They are those of ISO 3166, and Kosovo, by their names in CLDR (babel) and the aliases in
``countries.txt``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from tipclassify.errors import UsageError
from tipclassify.resources import read_resource


@dataclass(frozen=True, slots=True)
class Country:
    """A country or territory of ISO 3166, or Kosovo."""

    name: str  # in English
    alpha2: str  # ISO 3166-1 codes; for Kosovo the user-assigned XK and XKX
    alpha3: str
    slugs: tuple[str, ...]  # in addresses on state.gov, likeliest first


# Codes of CLDR that are not in ISO 3166: groups, reserved codes, private use.
_NOT_COUNTRIES: Final = frozenset("AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ".split())
# Current alpha-3 codes where CLDR has several.
_ALPHA3: Final = {
    "CD": "COD",
    "DE": "DEU",
    "FR": "FRA",
    "MM": "MMR",
    "TL": "TLS",
    "XK": "XKX",
    "YE": "YEM",
}
# CLDR distinguishes the two Congos by capital, and adds the administration to the two regions.
_NAMES: Final = {
    "CD": "Democratic Republic of the Congo",
    "CG": "Republic of the Congo",
    "HK": "Hong Kong",
    "MO": "Macao",
}
_KINDS: Final = (
    "republic of,republic of the,kingdom of,kingdom of the,sultanate of,federal republic of,"
    "commonwealth of,commonwealth of the,state of"
).split(",")
_MAX_WORDS: Final = 10  # of a name
# Apostrophes; full stops between and after single letters, as in "U.S.".
_APOSTROPHE_OR_ACRONYM_STOP: Final = re.compile(r"['’‘ʼ`]|(?<=\b[a-z])\.(?=[a-z]\b)|(?<=\.[a-z])\.")
_WORD: Final = re.compile(r"[^\W_]+")
# Names shared by two countries, with the codes that an error message suggests.
_AMBIGUOUS: Final = {"congo": ("CD", "CG"), "korea": ("KP", "KR"), "virgin islands": ("VG", "VI")}


@lru_cache(maxsize=1_024)  # the reports of a year share most of their headings
def fold_name(text: str) -> str:
    """Normalize a name for lookup.

    It is put in lower case, without accents, with single spaces, "saint" and "and" in full.

    >>> [fold_name(name) for name in ("Côte d’Ivoire", "St. Kitts & Nevis", "U.S. Guam")]
    ['cote divoire', 'saint kitts and nevis', 'us guam']
    """
    text = text.lower()
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(char for char in decomposed if not unicodedata.combining(char))
    text = _APOSTROPHE_OR_ACRONYM_STOP.sub("", text).replace("&", " and ")
    return " ".join("saint" if word == "st" else word for word in _WORD.findall(text))


@cache  # babel reads its data for 30 ms
def _country_index() -> tuple[dict[str, Country], dict[str, str]]:
    """Return the countries by alpha-2 code, and that code by normalized name.

    An ambiguous name has the code "".
    """
    from babel import Locale
    from babel.core import get_global

    cldr_names = Locale("en").territories
    alpha3: dict[str, str] = {}
    for alias, territories in get_global("territory_aliases").items():
        if len(alias) == 3 and alias.isalpha() and len(territories) == 1:
            alpha3[territories[0]] = alias
    alpha3 |= _ALPHA3
    names = dict.fromkeys(_AMBIGUOUS, "")
    slugs: dict[str, tuple[str, ...]] = {}  # of addresses, where they do not follow from the name
    # ``CODE: NAME/NAME | SLUG SLUG``
    for line in read_resource("readers/about/countries.txt").splitlines():
        if line.startswith("#"):
            continue
        code, _, fields = line.partition(":")
        aliases, _, written_slugs = fields.partition("|")
        names.update((name.strip(), code) for name in aliases.split("/") if name.strip())
        slugs[code] = tuple(written_slugs.split())
    countries: dict[str, Country] = {}
    for code in sorted(cldr_names.keys() & alpha3.keys() - _NOT_COUNTRIES):
        name = _NAMES.get(code, cldr_names[code])
        folded = fold_name(name)
        own_slugs = slugs.get(code) or (folded.replace(" ", "-"),)
        countries[code] = Country(name, code, alpha3[code], own_slugs)
        for spelling in (folded, fold_name(cldr_names[code])):
            names.setdefault(spelling, code)
            names.setdefault(f"{spelling} the", code)  # "Bahamas, The"
        for kind in _KINDS:
            names.setdefault(f"{kind} {folded}", code)
            names.setdefault(f"{folded} {kind}", code)  # "Gambia (Republic of The)"
    return countries, names


def find_country(text: str) -> Country:
    """Return the country of an English name or an ISO 3166 code; case and accents are ignored.

    Raises `UsageError` for an unknown or ambiguous name, with the most similar ones.

    >>> find_country("Cote d'Ivoire").alpha3, find_country("Korea, South").alpha2
    ('CIV', 'KR')
    >>> find_country("tgo").name
    'Togo'
    """
    countries, names = _country_index()
    folded = fold_name(text).removeprefix("the ")
    code = names.get(folded) or None
    if code is None:
        written = re.sub(r"\W", "", text).upper()
        if country := country_of_code("GB" if written == "UK" else written):
            return country
    if code is None and "," in text:
        last, first = text.split(",", 1)
        code = names.get(fold_name(f"{first} {last}").removeprefix("the "))
    if code:
        return countries[code]
    raise UsageError(f"{text.strip()!r} is no country that we know; {_advice(folded)}")


def country_of_code(code: str) -> Country | None:
    """Return the country of an alpha-2 or alpha-3 code in capitals."""
    countries, _ = _country_index()
    if len(code) == 2:
        return countries.get(code)
    return next((country for country in countries.values() if country.alpha3 == code), None)


def _advice(folded: str) -> str:
    """Return advice for an unknown or ambiguous name, with those that may be meant."""
    from difflib import get_close_matches

    countries, names = _country_index()
    if folded in _AMBIGUOUS:
        return f"which? {' or '.join(countries[code].name for code in _AMBIGUOUS[folded])}"
    similar = (names[name] for name in get_close_matches(folded, names, 3, 0.7))
    codes = dict.fromkeys(filter(None, similar))  # each once
    if not codes:
        return "give an English name or a code of ISO 3166"
    return f"did you mean {' or '.join(countries[code].name for code in codes)}?"


def country_named(text: str) -> str | None:
    """Return the English name of the country that a text is the name of.

    None for anything else, and for ambiguous names.
    """
    countries, names = _country_index()
    code = names.get(fold_name(text).removeprefix("the "))
    return countries[code].name if code else None


def extract_countries(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Extract country names from normalized words; return them and the other words.

    An ambiguous name is "".

    >>> extract_countries("forced labor in papua new guinea".split())
    (['Papua New Guinea'], ['forced', 'labor', 'in'])
    """
    countries, names = _country_index()
    found: list[str] = []
    other_words: list[str] = []
    at = 0
    while at < len(words):
        for length in range(_MAX_WORDS, 0, -1):  # the longest name first
            code = names.get(" ".join(words[at : at + length]))
            if code is not None:
                found.append(countries[code].name if code else "")
                at += length
                break
        else:
            other_words.append(words[at])
            at += 1
    return found, other_words
