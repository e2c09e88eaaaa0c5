"""Detect the country and the year of a report.

Its title is asked first, then its address, then its first lines.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final
from urllib.parse import unquote, urlsplit

from tipclassify.readers.countries.names import country_named, extract_countries, fold_name

__all__ = ["country_and_year"]

_CITED: Final = re.compile(r"[\"“]([^\"“”]+)[\"”](?:,.{0,30})?\Z")  # a title, with its date
_OPENING: Final = 1_500  # characters of the text searched for the country and the year
_OPENING_LINES: Final = 14  # a masthead has up to ten lines above the title
_MAX_HEADING: Final = 100  # characters
_SEVERAL: Final = ""  # in place of a country: the line names several
# A year, but not part of a date ("2024-05-01"), a range ("2009-2017", "2021/22") or a longer
# number.
_YEAR: Final = re.compile(
    r"(?<![^\W_])(?<!\d[-/–])((?:19|20)\d\d)(?![^\W_])(?!\s?[-/–]\s?(?:\d\d|\d{4})(?!\d))"
)
_REPORT_TYPE: Final = r"""(?:annual\s+)?(?:
    (?:human\s+)?trafficking(?:\s+in\s+persons)?(?:\s+(?:reports?|narratives?))? | tip\s+reports?
    | (?:country\s+)?reports?\s+on\s+human\s+rights(?:\s+practices)? | human\s+rights\s+reports?)"""
_SEPARATOR: Final = r"(?:\s*[:–—]\s*|\s+-\s+)"
_YEAR_DIGITS: Final = r"(?:19|20)\d\d"
# "2023 Trafficking in Persons Report: Karvonia" and "Karvonia – 2024 Trafficking Narratives"
_TYPE_FIRST: Final = re.compile(
    rf"(?:{_YEAR_DIGITS}\s+)?{_REPORT_TYPE}(?:,?\s+\(?{_YEAR_DIGITS}\)?)?{_SEPARATOR}(.+)",
    re.IGNORECASE | re.VERBOSE,
)
_NAME_FIRST: Final = re.compile(
    rf"(.+?){_SEPARATOR}{_YEAR_DIGITS}\s+{_REPORT_TYPE}", re.IGNORECASE | re.VERBOSE
)
_PUBLISHER: Final = re.compile(
    r"\W*\b(?:U\.?\s?S\.?|United States) Department of State\b\W*", re.IGNORECASE
)

# First sentences of narratives of the TIP Report.
_FORMULAE: Final = (
    re.compile(
        r"\bgovernment of ([^.;:\n]{3,60}?) (?:does not|did not|fully meets?)\b[^.]{0,60}\bminimum standards",
        re.IGNORECASE,
    ),
    re.compile(
        r"^\s*([^\W\d_][^.;:\n]{2,60}?) (?:is|are) (?:primarily |principally |mainly )?"
        r"an? (?:source|transit|destination)\b[^.]{0,80}\bcountr(?:y|ies)\b",
        re.IGNORECASE | re.MULTILINE,
    ),
)

_GENRE: Final = frozenset(
    "report reports narrative narratives practices review assessment profile survey tip hrr hrp".split()
)
# Other words in titles and file names of reports.
_FILLER: Final = _GENRE | frozenset(
    "a an the of on in for and to from by with its country countries state department government annual yearly "
    "year human rights right trafficking persons person anti labor labour forced child modern slavery "
    "exploitation efforts situation status combating combatting against tier 2a 2b watch list watchlist "
    "special case narratives world global national international monitoring overview analysis summary update "
    "findings worst forms events chapter chapters section part full text final draft copy en eng english pdf "
    "html index page v1 v2 no us usdos dos state gov".split()
)
# Titles of documents on one state, which name it last: "Compilation on Norvia", "Advance questions
# to Norvia".
_DOCUMENTS: Final = _GENRE | frozenset(
    "compilation summary questions replies responses comments information observations recommendations outcome "
    "conclusions decision submission issues mission visit study follow-up statement findings".split()
)
_ON_COUNTRY: Final = re.compile(
    r"(?:\b(?:on|to|in|of|for|concerning|regarding|by)|[:–—|])\s+(?:the\s+)?$", re.IGNORECASE
)
_PLACES: Final = re.compile(
    r"\b(?:gulf|bay|sea|strait|coast|horn|university|bank|embassy|college)\s+of\s+(?:the\s+)?$",
    re.IGNORECASE,
)
# Parts of a report with the title pattern of a country.
_NOT_COUNTRIES: Final = frozenset(
    "introduction methodology tier tiers placement placements glossary acknowledgments acknowledgements heroes "
    "country countries narrative narratives report reports definitions definition stories summary preface "
    "foreword letter message contents data topics topic special maps map guide faq faqs index overview "
    "statement credits home about search news standards law laws enforcement victims traffickers trafficking "
    "training toolkit download pdf part annex appendix regions region table tables how what why who we the "
    "world full".split()
)
# Also names of persons and other places: no evidence before a colon ("Jordan: a life").
_AMBIGUOUS_NAMES: Final = frozenset({"Georgia", "Jordan", "Chad", "Jersey"})
_MAX_NAME_WORDS: Final = 10
_SUFFIX: Final = re.compile(
    r"(?:\.(?:html?|xhtml|php|aspx?|pdf|txt|text|md|docx?|epub|rtf|jsonl|csv|gz))+$", re.IGNORECASE
)


def country_and_year(
    title: str | None, source: str, opening: str, address: str | None = None
) -> tuple[str | None, int | None]:
    """Detect the country and the year of a report, from 1990 to next year.

    None where the evidence is ambiguous. The title is searched first, then the `address` that the
    report itself gives, the address or path that it was read from (of a path the file name only),
    last the first characters of the text. A country has its English name; a title in the form of
    the TIP Report may give an unknown one, too.

    >>> country_and_year("2023 Trafficking in Persons Report: Karvonia", "x.html", "")
    ('Karvonia', 2023)
    >>> country_and_year("Qatar - United States Department of State", "hrr-2016-qatar.html", "")
    ('Qatar', 2016)
    >>> country_and_year("Georgia Tech", "georgia-tech.html", "Jordan joined the team.")
    (None, None)
    """
    country: str | None = None
    year: int | None = None
    for extract, text in (
        (_from_title, title or ""),
        (_from_source, address or ""),
        (_from_source, source),
        (_from_opening, opening[:_OPENING]),
    ):
        if text and (country is None or year is None):
            found_country, found_year = extract(text)
            country = found_country if country is None else country
            year = found_year if year is None else year
    return country or None, year


def _years(text: str) -> list[int]:
    last = date.today().year + 1
    return [year for year in map(int, dict.fromkeys(_YEAR.findall(text))) if 1990 <= year <= last]


def _single(years: list[int]) -> int | None:
    return years[0] if len(years) == 1 else None


def _from_title(title: str) -> tuple[str | None, int | None]:
    title = " ".join(_PUBLISHER.sub(" | ", title).split())
    country, rest = _country_of_line(title)
    for part in re.split(r"\s*[|•»]\s*", title):
        country = _country_in_pattern(part) or country
    is_report = not rest or bool(_GENRE.intersection(fold_name(title).split()))
    return country, _single(_years(title)) if is_report else None


def _country_in_pattern(line: str) -> str | None:
    """Return the country in a title of the form of a TIP or human-rights report, known or not."""
    match = _YEAR.search(line) and (_TYPE_FIRST.fullmatch(line) or _NAME_FIRST.fullmatch(line))
    if not match:
        return None
    name = match[1].strip(" .")
    words = fold_name(name).split()
    found, rest = extract_countries(words)
    if found:
        return (
            found[0]
            if len(set(found)) == 1 and _FILLER.issuperset(w for w in rest if not w.isdigit())
            else None
        )
    is_name = name[:1].isupper() and re.fullmatch(
        r"[^\W\d_][\w'’.-]*(?: [^\W\d_][\w'’.-]*){0,3}", name
    )
    if not is_name or not _NOT_COUNTRIES.isdisjoint(words):
        return None
    return " ".join(word.capitalize() for word in name.split()) if name.isupper() else name


def _country_of_line(line: str) -> tuple[str | None, list[str]]:
    """Return the country of a line that names nothing else.

    Returns with it the other words outside report titles.
    """
    found, left = extract_countries(
        [word for word in fold_name(line).split() if not re.fullmatch(_YEAR_DIGITS, word)]
    )
    rest = [word for word in left if word not in _FILLER and not word.isdigit()]
    if len(set(found)) > 1:
        return _SEVERAL, rest
    if not found or not found[0]:
        return None, rest
    if rest and found[0] not in _AMBIGUOUS_NAMES and _is_alternative_name(line, found[0]):
        return found[0], []
    if rest and _names_document_on(line, rest, found[0]):
        return found[0], rest
    if rest and (
        found[0] in _AMBIGUOUS_NAMES
        or country_named(fold_name(re.split(r"\s*[:|–—]\s*|\s+-\s+", line)[0])) != found[0]
    ):
        return None, rest
    return found[0], rest


def _is_alternative_name(line: str, country: str) -> bool:
    """Return whether a line is a country's name with another in brackets.

    Such a line is "Falkland Islands (Islas Malvinas)".
    """
    match = re.fullmatch(r"([^()]+)\(([^()]+)\)\W*", line)
    return (
        match is not None
        and country_named(fold_name(match[1])) == country
        and not re.search(r"\d", match[2])
    )


def _names_document_on(line: str, rest: list[str], country: str) -> bool:
    """Return whether a title names a document, and at its end the country that it is on."""
    if _DOCUMENTS.isdisjoint([*rest, *fold_name(line).split()]):
        return False
    words = line.rstrip(" .*†)]0123456789,").split()
    for start in range(max(1, len(words) - _MAX_NAME_WORDS), len(words)):
        if country_named(fold_name(" ".join(words[start:]))) == country:
            before = " ".join(words[:start]) + " "
            return _ON_COUNTRY.search(before) is not None and _PLACES.search(before) is None
    return False


def _from_source(source: str) -> tuple[str | None, int | None]:
    if source in ("-", "<text>"):
        return None, None
    is_address = "://" in source
    path = unquote(urlsplit(source).path if is_address else re.split(r"[/\\]", source)[-1])
    parts = [part for part in _SUFFIX.sub("", path).split("/") if part]
    for i, part in enumerate(parts):
        # state.gov: /reports/2021-trafficking-in-persons-report/togo/
        if is_address and re.match(rf"{_YEAR_DIGITS}-.*(?:report|practices)", part):
            slug = parts[i + 1] if i + 1 < len(parts) else ""
            return country_named(fold_name(slug)), _single(_years(part))
    years = _years("/".join(parts))
    country: str | None = None
    for part in reversed(parts):
        country, rest = _country_of_line(part)
        if country is not None or rest:
            break
    at_edge = any(
        re.match(rf"{_YEAR_DIGITS}(?!\d)|.*(?<!\d){_YEAR_DIGITS}$", part) for part in parts
    )
    return country, _single(years) if at_edge or country or _GENRE.intersection(
        fold_name(path).split()
    ) else None


def _from_opening(opening: str) -> tuple[str | None, int | None]:
    countries: set[str] = set()
    years: set[int] = set()
    lines = [_CITED.sub(r"\1", line.strip()) for line in opening.splitlines() if line.strip()]
    for line in lines[:_OPENING_LINES]:
        if len(line) > _MAX_HEADING or line.endswith("."):
            continue  # a sentence, not a heading
        pattern = _country_in_pattern(line)
        found_country, rest = _country_of_line(line)
        countries.update(
            name for name in (found_country if pattern is None else pattern,) if name is not None
        )
        if pattern or (found_country and not rest and _GENRE.intersection(fold_name(line).split())):
            years.update(_years(line))
    for formula in _FORMULAE:
        countries.update(
            name
            for match in formula.finditer(opening)
            if (name := country_named(fold_name(match[1])))
        )
    return countries.pop() if len(countries) == 1 else None, _single(list(years))
