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

__all__ = ["Country", "country_named", "extract_countries", "find_country", "fold_name"]


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
    "republic of",
    "republic of the",
    "kingdom of",
    "kingdom of the",
    "sultanate of",
    "federal republic of",
    "commonwealth of",
    "commonwealth of the",
    "state of",
)
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


@dataclass(frozen=True, slots=True)
class _CountryIndex:
    """The countries by alpha-2 code, and that code by name and by any code."""

    countries: dict[str, Country]
    names: dict[str, str]  # normalized; an ambiguous one has the code ""
    codes: dict[str, str]


@cache  # babel reads its data for 30 ms
def _country_index() -> _CountryIndex:
    """Read the names, the codes and the aliases of all countries."""
    from babel import Locale

    cldr_names = Locale("en").territories
    alpha3 = _alpha3_country_codes()
    aliases = _read_country_aliases()
    countries: dict[str, Country] = {}
    for code in cldr_names.keys() & alpha3.keys() - _NOT_COUNTRIES:
        name = _NAMES.get(code, cldr_names[code])
        slugs = aliases[code].slugs if code in aliases else ()
        own_slug = fold_name(name).replace(" ", "-")
        countries[code] = Country(name, code, alpha3[code], slugs or (own_slug,))
    names = dict.fromkeys(_AMBIGUOUS, "")
    for code, others in aliases.items():
        names.update(dict.fromkeys(others.names, code))
    for code, country in sorted(countries.items()):
        name = fold_name(country.name)
        for spelling in (name, fold_name(cldr_names[code])):
            names.setdefault(spelling, code)
            names.setdefault(f"{spelling} the", code)  # "Bahamas, The"
        for kind in _KINDS:
            names.setdefault(f"{kind} {name}", code)
            names.setdefault(f"{name} {kind}", code)  # "Gambia (Republic of The)"
    codes = {"UK": "GB"}
    for code, country in countries.items():
        codes[code] = code
        codes[country.alpha3] = code
    return _CountryIndex(countries, names, codes)


@dataclass(frozen=True, slots=True)
class _CountryAliases:
    """What ``countries.txt`` says of a country."""

    names: list[str]
    slugs: tuple[str, ...]  # as of `Country`; none where they follow from its name


def _read_country_aliases() -> dict[str, _CountryAliases]:
    """Read the aliases of countries, by alpha-2 code: ``CODE: NAME/NAME | SLUG SLUG``."""
    aliases: dict[str, _CountryAliases] = {}
    for line in read_resource("readers/about/countries.txt").splitlines():
        if line.startswith("#"):
            continue
        code, _, fields = line.partition(":")
        names, _, slugs = fields.partition("|")
        names_of_country = [name.strip() for name in names.split("/") if name.strip()]
        aliases[code] = _CountryAliases(names_of_country, tuple(slugs.split()))
    return aliases


def _alpha3_country_codes() -> dict[str, str]:
    """Return the alpha-3 codes of CLDR by their alpha-2 code."""
    from babel.core import get_global

    codes: dict[str, str] = {}
    for alias, territories in get_global("territory_aliases").items():
        if len(alias) == 3 and alias.isalpha() and len(territories) == 1:
            codes[territories[0]] = alias
    return codes | _ALPHA3


def find_country(text: str) -> Country:
    """Return the country of an English name or an ISO 3166 code; case and accents are ignored.

    Raises `UsageError` for an unknown or ambiguous name, with the most similar ones.

    >>> find_country("Cote d'Ivoire").alpha3, find_country("Korea, South").alpha2
    ('CIV', 'KR')
    >>> find_country("tgo").name
    'Togo'
    """
    index = _country_index()
    folded = fold_name(text).removeprefix("the ")
    code = index.names.get(folded) or index.codes.get(re.sub(r"\W", "", text).upper())
    if code is None and "," in text:
        last, first = text.split(",", 1)
        code = index.names.get(fold_name(f"{first} {last}").removeprefix("the "))
    if code:
        return index.countries[code]
    advice = _advice_on_unrecognised_country_name(folded, index)
    raise UsageError(f"{text.strip()!r} is no country that we know; {advice}")


def _advice_on_unrecognised_country_name(folded: str, index: _CountryIndex) -> str:
    """Return advice for an unknown or ambiguous name, with those that may be meant."""
    from difflib import get_close_matches

    if folded in _AMBIGUOUS:
        names = " or ".join(index.countries[code].name for code in _AMBIGUOUS[folded])
        return f"which? {names}"
    similar = (index.names[name] for name in get_close_matches(folded, index.names, 3, 0.7))
    codes = dict.fromkeys(filter(None, similar))  # each once
    if not codes:
        return "give an English name or a code of ISO 3166"
    names = " or ".join(index.countries[code].name for code in codes)
    return f"did you mean {names}?"


def country_named(folded: str) -> str | None:
    """Return the English name for a normalized name; None for unknown and ambiguous ones."""
    index = _country_index()
    code = index.names.get(folded.removeprefix("the "))
    return index.countries[code].name if code else None


def extract_countries(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Extract country names from normalized words; return them and the other words.

    An ambiguous name is "".

    >>> extract_countries("forced labor in papua new guinea".split())
    (['Papua New Guinea'], ['forced', 'labor', 'in'])
    """
    index = _country_index()
    countries: list[str] = []
    other_words: list[str] = []
    at = 0
    while at < len(words):
        for length in range(_MAX_WORDS, 0, -1):  # the longest name first
            code = index.names.get(" ".join(words[at : at + length]))
            if code is not None:
                countries.append(index.countries[code].name if code else "")
                at += length
                break
        else:
            other_words.append(words[at])
            at += 1
    return countries, other_words
