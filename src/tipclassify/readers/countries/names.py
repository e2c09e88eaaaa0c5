"""Look up countries by name or code.

They are those of ISO 3166, by their names in CLDR (babel), Kosovo, and the aliases in
``names.txt``.
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
    "republic of", "republic of the", "kingdom of", "kingdom of the", "sultanate of", "federal republic of",
    "commonwealth of", "commonwealth of the", "state of",
)  # fmt: skip
_MAX_WORDS: Final = 10  # of a name
# Names shared by two countries, with the codes that an error message suggests.
_AMBIGUOUS: Final = {"congo": ("CD", "CG"), "korea": ("KP", "KR"), "virgin islands": ("VG", "VI")}


@lru_cache(maxsize=1_024)  # the reports of a year share most of their headings
def fold_name(text: str) -> str:
    """Normalize a name for lookup.

    It is in lower case, without accents, with single spaces, "saint" and "and" in full.

    >>> fold_name("Côte d’Ivoire"), fold_name("St. Kitts & Nevis"), fold_name("U.S. Virgin Islands")
    ('cote divoire', 'saint kitts and nevis', 'us virgin islands')
    """
    text = text.lower()
    if not text.isascii():
        text = "".join(
            c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)
        )
    text = re.sub(r"['’‘ʼ`]|(?<=\b[a-z])\.(?=[a-z]\b)|(?<=\.[a-z])\.", "", text).replace(
        "&", " and "
    )
    return " ".join("saint" if word == "st" else word for word in re.findall(r"[^\W_]+", text))


@cache  # babel reads its data for 30 ms
def _index() -> tuple[dict[str, Country], dict[str, str], dict[str, str]]:
    """Return the countries by alpha-2 code, and that code by name and by any code.

    Names are normalized; an ambiguous one has the code "".
    """
    from babel import Locale
    from babel.core import get_global

    lines = read_resource("readers/countries/names.txt").splitlines()
    rows = [re.split(r"[:|] *", line) for line in lines if not line.startswith("#")]
    slugs = {code: tuple(more[0].split()) for code, _, *more in rows if more}
    territories = Locale("en").territories
    aliases = get_global("territory_aliases").items()
    alpha3 = {
        two[0]: three
        for three, two in aliases
        if len(three) == 3 and three.isalpha() and len(two) == 1
    }
    alpha3 |= _ALPHA3
    countries = {}
    for code in territories.keys() & alpha3.keys() - _NOT_COUNTRIES:
        name = _NAMES.get(code, territories[code])
        countries[code] = Country(
            name, code, alpha3[code], slugs.get(code, (fold_name(name).replace(" ", "-"),))
        )
    names = dict.fromkeys(_AMBIGUOUS, "")
    names |= {
        alias.strip(): code
        for code, aliases, *_ in rows
        for alias in aliases.split("/")
        if alias.strip()
    }
    for code, country in sorted(countries.items()):
        name = fold_name(country.name)
        for one in (name, fold_name(territories[code])):
            names.setdefault(one, code)
            names.setdefault(f"{one} the", code)  # "Bahamas, The"
        for kind in _KINDS:
            names.setdefault(f"{kind} {name}", code)
            names.setdefault(f"{name} {kind}", code)  # "Gambia (Republic of The)"
    codes = {key: code for code, country in countries.items() for key in (code, country.alpha3)} | {
        "UK": "GB"
    }
    return countries, names, codes


def find_country(text: str) -> Country:
    """Return the country of an English name or an ISO 3166 code; case and accents are ignored.

    Raises `UsageError` for an unknown or ambiguous name, with the most similar ones.

    >>> find_country("Cote d'Ivoire").alpha3, find_country("Korea, South").alpha2, find_country("tgo").name
    ('CIV', 'KR', 'Togo')
    """
    from difflib import get_close_matches

    countries, names, codes = _index()
    folded = fold_name(text).removeprefix("the ")
    code = names.get(folded) or codes.get(re.sub(r"\W", "", text).upper())
    if code is None and "," in text:
        last, first = text.split(",", 1)
        code = names.get(fold_name(f"{first} {last}").removeprefix("the "))
    if code:
        return countries[code]
    similar = (names[name] for name in get_close_matches(folded, names, 3, 0.7))
    meant = _AMBIGUOUS.get(folded) or dict.fromkeys(filter(None, similar))
    suggestions = " or ".join(countries[one].name for one in meant)
    which = f"which? {suggestions}" if folded in _AMBIGUOUS else f"did you mean {suggestions}?"
    advice = which if suggestions else "give an English name or a code of ISO 3166"
    raise UsageError(f"{text.strip()!r} is no country that we know; {advice}")


def country_named(folded: str) -> str | None:
    """Return the English name for a normalized name; None for unknown and ambiguous ones."""
    countries, names, _ = _index()
    code = names.get(folded.removeprefix("the "))
    return countries[code].name if code else None


def extract_countries(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Extract country names from normalized words; return them and the other words.

    An ambiguous name is "".

    >>> extract_countries("forced labor in papua new guinea".split())
    (['Papua New Guinea'], ['forced', 'labor', 'in'])
    """
    countries, names, _ = _index()
    found, left, i = [], [], 0
    while i < len(words):
        for n in range(_MAX_WORDS, 0, -1):
            code = names.get(" ".join(words[i : i + n]))
            if code is not None:
                found.append(countries[code].name if code else "")
                i += n
                break
        else:
            left.append(words[i])
            i += 1
    return found, left
