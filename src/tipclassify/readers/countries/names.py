"""Look up countries by name or code: ISO 3166 names from CLDR (babel), Kosovo, and aliases in trafficking reports.

Names are normalized (case, accents, punctuation) before lookup. In running text the longest name wins: no "Guinea" is
found in "Papua New Guinea".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from tipclassify.errors import UsageError

__all__ = ["Country", "country_named", "extract_countries", "find_country", "fold_name"]


@dataclass(frozen=True, slots=True)
class Country:
    """Hold a country or territory of ISO 3166, or Kosovo.

    Attributes
    ----------
    name : str
        English name.
    alpha2, alpha3 : str
        ISO 3166-1 codes; for Kosovo the user-assigned XK and XKX.
    """

    name: str
    alpha2: str
    alpha3: str


# Codes of CLDR that are not in ISO 3166: groups, reserved codes, private use.
_NOT_COUNTRIES: Final = frozenset("AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ".split())
# Current alpha-3 codes where CLDR has several.
_ALPHA3: Final = {"CD": "COD", "DE": "DEU", "FR": "FRA", "MM": "MMR", "TL": "TLS", "XK": "XKX", "YE": "YEM"}
# CLDR distinguishes the two Congos by capital, and adds the administration to the two regions.
_NAMES: Final = {
    "CD": "Democratic Republic of the Congo",
    "CG": "Republic of the Congo",
    "HK": "Hong Kong",
    "MO": "Macao",
}
# Aliases, normalized by `fold_name`.
_ALIASES: Final = {
    "AE": "uae",
    "AX": "aland",
    "BA": "bosnia/bosnia hercegovina",
    "BN": "brunei darussalam",
    "BO": "plurinational state of bolivia/bolivia plurinational state of",
    "BQ": "bonaire sint eustatius and saba/bonaire saint eustatius and saba",
    "BS": "commonwealth of the bahamas",
    "CD": "drc/congo drc/dr congo/congo kinshasa/democratic republic of congo/congo democratic republic/zaire"
    "/congo democratic republic of/congo democratic republic of the/congo the democratic republic of the",
    "CG": "congo brazzaville/republic of congo/congo republic/congo republic of/congo republic of the",
    "CI": "cote d ivoire/ivory coast",
    "CN": "peoples republic of china/mainland china/china includes hong kong and macau"
    "/china includes hong kong macau and tibet/china includes tibet hong kong and macau"
    "/china includes tibet xinjiang hong kong and macau",
    "CV": "cabo verde",
    "CZ": "czech republic",
    "FK": "falkland islands malvinas",
    "FM": "federated states of micronesia/micronesia federated states of",
    "GB": "uk/great britain/britain/united kingdom of great britain and northern ireland",
    "HK": "hong kong china/hong kong sar",
    "HM": "heard island and mcdonald islands",
    "IL": "israel west bank and gaza/israel and the occupied territories/israel and the west bank and gaza",
    "IR": "islamic republic of iran/iran islamic republic of",
    "KG": "kyrgyz republic",
    "KN": "saint christopher and nevis",
    "KP": "korea north/democratic peoples republic of korea/korea democratic peoples republic of/dprk",
    "KR": "korea south/republic of korea/korea republic of",
    "KW": "state of kuwait",
    "LA": "lao pdr/lao peoples democratic republic",
    "LY": "state of libya",
    "MD": "moldova republic of",
    "MF": "saint martin french part",
    "MK": "macedonia/fyr macedonia/former yugoslav republic of macedonia/macedonia former yugoslav republic of",
    "MM": "burma/myanmar/burma myanmar",
    "MO": "macau/macao china/macau china/macau sar",
    "NL": "holland",
    "PN": "pitcairn",
    "PS": "palestine/state of palestine/palestine state of/west bank and gaza/occupied palestinian territory"
    "/occupied palestinian territories/palestinian territory",
    "QA": "state of qatar",
    "RU": "russian federation",
    "SH": "saint helena ascension and tristan da cunha",
    "SK": "slovak republic",
    "ST": "sao tome",
    "SX": "sint maarten dutch part/saint maarten",
    "SY": "syrian arab republic",
    "SZ": "swaziland",
    "TL": "east timor",
    "TR": "turkey/turkey turkiye",
    "TW": "taiwan china/taiwan province of china/chinese taipei/republic of china",
    "TZ": "united republic of tanzania/tanzania united republic of",
    "UM": "united states minor outlying islands",
    "US": "usa/united states of america",
    "VA": "holy see/vatican/holy see vatican city state",
    "VC": "saint vincent and the grenadines",
    "VE": "bolivarian republic of venezuela/venezuela bolivarian republic of",
    "VG": "virgin islands british",
    "VI": "virgin islands us",
    "VN": "viet nam",
}
# Names shared by two countries, with the codes that an error message suggests.
_AMBIGUOUS: Final = {"congo": ("CD", "CG"), "korea": ("KP", "KR"), "virgin islands": ("VG", "VI")}


def fold_name(text: str) -> str:
    """Normalize a name for lookup: lower case, no accents, single spaces, "saint" and "and" in full.

    >>> fold_name("Côte d’Ivoire"), fold_name("St. Kitts & Nevis"), fold_name("U.S. Virgin Islands")
    ('cote divoire', 'saint kitts and nevis', 'us virgin islands')
    """
    text = text.lower()
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    text = re.sub(r"['’‘ʼ`]|(?<=\b[a-z])\.(?=[a-z]\b)|(?<=\.[a-z])\.", "", text).replace("&", " and ")
    return " ".join("saint" if word == "st" else word for word in re.findall(r"[^\W_]+", text))


@dataclass(frozen=True, slots=True)
class _Index:
    countries: dict[str, Country]  # by alpha-2
    names: dict[str, str]  # normalized name: alpha-2, or "" if ambiguous
    codes: dict[str, str]  # upper case: alpha-2
    max_words: dict[str, int]  # first word of a name: words of the longest name that begins with it


def _is_alpha3(alias: str, stands_for: Sequence[str]) -> bool:
    return len(alias) == 3 and alias.isalpha() and len(stands_for) == 1


@cache  # babel reads its data for 30 ms
def _index() -> _Index:
    from babel import Locale
    from babel.core import get_global

    territories = Locale("en").territories
    alpha3 = {
        two[0]: three for three, two in get_global("territory_aliases").items() if _is_alpha3(three, two)
    } | _ALPHA3
    countries = {
        code: Country(_NAMES.get(code, name), code, alpha3[code])
        for code, name in territories.items()
        if code in alpha3 and code not in _NOT_COUNTRIES
    }
    names: dict[str, str] = dict.fromkeys(_AMBIGUOUS, "")
    for code, also in _ALIASES.items():
        names.update(dict.fromkeys(also.split("/"), code))
    for code, country in countries.items():
        name = fold_name(country.name)
        for one in (name, fold_name(territories[code])):
            names.setdefault(one, code)
            names.setdefault(f"{one} the", code)  # "Bahamas, The"
        for kind in ("republic of", "republic of the", "kingdom of", "kingdom of the", "sultanate of"):
            names.setdefault(f"{kind} {name}", code)
    codes = {"UK": "GB"}
    for code, country in countries.items():
        codes |= {code: code, country.alpha3: code}
    max_words: dict[str, int] = {}
    for name in names:
        words = name.split()
        max_words[words[0]] = max(max_words.get(words[0], 0), len(words))
    return _Index(countries, names, codes, max_words)


def find_country(text: str) -> Country:
    """Return the country of an English name or an ISO 3166 code; case and accents are ignored.

    >>> find_country("Cote d'Ivoire").alpha3, find_country("Korea, South").alpha2, find_country("tgo").name
    ('CIV', 'KR', 'Togo')

    Raises
    ------
    UsageError
        For an unknown or ambiguous name, with the most similar ones.
    """
    index = _index()
    folded = fold_name(text).removeprefix("the ")
    code = index.names.get(folded) or index.codes.get(re.sub(r"\W", "", text).upper())
    if code is None and "," in text:
        last, first = text.split(",", 1)
        code = index.names.get(fold_name(f"{first} {last}").removeprefix("the "))
    if code:
        return index.countries[code]
    suggestions = list(dict.fromkeys(index.countries[one].name for one in _similar_names(folded, index)))
    which = (
        f"which? {' or '.join(suggestions)}" if folded in _AMBIGUOUS else f"did you mean {' or '.join(suggestions)}?"
    )
    raise UsageError(
        f"{text.strip()!r} is no country that we know; "
        + (which if suggestions else "give an English name or a code of ISO 3166")
    )


def country_named(folded: str) -> str | None:
    """Return the English name for a normalized name; None for unknown and ambiguous ones."""
    code = _index().names.get(folded.removeprefix("the "))
    return _index().countries[code].name if code else None


def extract_countries(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Extract country names from normalized words; return them and the other words; an ambiguous name is "".

    >>> extract_countries("forced labor in papua new guinea".split())
    (['Papua New Guinea'], ['forced', 'labor', 'in'])
    """
    index = _index()
    found, left, i = [], [], 0
    while i < len(words):
        for n in range(index.max_words.get(words[i], 0), 0, -1):
            code = index.names.get(" ".join(words[i : i + n]))
            if code is not None:
                found.append(index.countries[code].name if code else "")
                i += n
                break
        else:
            left.append(words[i])
            i += 1
    return found, left


def _similar_names(folded: str, index: _Index) -> list[str]:
    from difflib import get_close_matches

    if folded in _AMBIGUOUS:
        return list(_AMBIGUOUS[folded])
    return [code for name in get_close_matches(folded, index.names, 3, 0.7) if (code := index.names[name])]
