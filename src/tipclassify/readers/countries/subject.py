"""The country and the year that a report is about, from its title, its address or its first lines.

Each is asked in turn, and answers only where it leaves no doubt: a wrong country is worse than none. A line tells the
country when nothing else is left of it but the words that titles of reports are made of, so that "Georgia Tech", "Michael
Jordan" and "New Mexico" tell none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final
from urllib.parse import unquote, urlsplit

from tipclassify.readers.countries.names import fold_name, named, scan

__all__ = ["country_and_year"]

_OPENING: Final = 600
"""Characters of the text that may tell what it is about."""

_SEVERAL: Final = ""
"""In place of a country: the line names more than one."""

# A year, but not a part of a date ("2024-05-01"), of a span ("2009-2017", "2021/22") or of a longer number.
_YEAR: Final = re.compile(r"(?<![^\W_])(?<!\d[-/–])((?:19|20)\d\d)(?![^\W_])(?!\s?[-/–]\s?(?:\d\d|\d{4})(?!\d))")
_KIND: Final = r"""(?:annual\s+)?(?:
    (?:human\s+)?trafficking(?:\s+in\s+persons)?(?:\s+(?:reports?|narratives?))? | tip\s+reports?
    | (?:country\s+)?reports?\s+on\s+human\s+rights(?:\s+practices)? | human\s+rights\s+reports?)"""
_PARTED: Final = r"(?:\s*[:–—]\s*|\s+-\s+)"
_Y: Final = r"(?:19|20)\d\d"
# "2023 Trafficking in Persons Report: Karvonia" and "Karvonia – 2024 Trafficking Narratives"
_KIND_FIRST: Final = re.compile(rf"(?:{_Y}\s+)?{_KIND}(?:,?\s+\(?{_Y}\)?)?{_PARTED}(.+)", re.IGNORECASE | re.VERBOSE)
_NAME_FIRST: Final = re.compile(rf"(.+?){_PARTED}{_Y}\s+{_KIND}", re.IGNORECASE | re.VERBOSE)
_PUBLISHER: Final = re.compile(r"\W*\b(?:U\.?\s?S\.?|United States) Department of State\b\W*", re.IGNORECASE)

# Sentences with which the narratives of the TIP Report begin.
_FORMULAE: Final = (
    re.compile(
        r"\bgovernment of ([^.;:\n]{3,60}?) (?:does not|did not|fully meets?)\b[^.]{0,60}\bminimum standards",
        re.IGNORECASE,
    ),
    re.compile(
        r"^\s*([^\W\d_][^.;:\n]{2,60}?) (?:is|are) (?:primarily |principally |mainly )?an? (?:source|transit|destination)\b"
        r"[^.]{0,80}\bcountr(?:y|ies)\b",
        re.IGNORECASE | re.MULTILINE,
    ),
)

_GENRE: Final = frozenset(
    "report reports narrative narratives practices review assessment profile survey tip hrr hrp".split()
)
# What titles and file names of reports hold beside the country.
_FILLER: Final = _GENRE | frozenset(
    "a an the of on in for and to from by with its country countries state department government annual yearly year human "
    "rights right trafficking persons person anti labor labour forced child modern slavery exploitation efforts situation "
    "status combating combatting against tier 2a 2b watch list watchlist special case narratives world global "
    "national international monitoring overview analysis summary update findings worst forms events chapter chapters "
    "section part full text final draft copy en eng english pdf html index page v1 v2 no us usdos dos state gov".split()
)
# Pages of a report that stand where a country would.
_NO_NAME: Final = frozenset(
    "introduction methodology tier tiers placement placements glossary acknowledgments acknowledgements heroes country "
    "countries narrative narratives report reports definitions definition stories summary preface foreword letter message "
    "contents data topics topic special maps map guide faq faqs index overview statement credits home about search news "
    "standards law laws enforcement victims traffickers trafficking training toolkit download pdf part annex appendix "
    "regions region table tables how what why who we the world full".split()
)
# Also names of persons and of other places: before a colon they prove nothing ("Jordan: a life").
_SHARED: Final = frozenset({"Georgia", "Jordan", "Chad", "Jersey"})
_SUFFIX: Final = re.compile(
    r"(?:\.(?:html?|xhtml|php|aspx?|pdf|txt|text|md|docx?|epub|rtf|jsonl|csv|gz))+$", re.IGNORECASE
)


def country_and_year(title: str | None, source: str, opening: str) -> tuple[str | None, int | None]:
    """English name of the country a report is about, and its year; None for what is in doubt.

    Parameters
    ----------
    title : str or None
        What the report calls itself; asked first.
    source : str
        Its address or path; asked where the title is silent. Of a path the file name alone counts.
    opening : str
        Its text, of which the first 600 characters are asked last.

    Returns
    -------
    (str or None, int or None)
        A title in the form of the TIP Report gives the country as it is written there, known or not. The year lies
        between 1990 and the next one.

    Examples
    --------
    >>> country_and_year("2023 Trafficking in Persons Report: Karvonia", "x.html", "")
    ('Karvonia', 2023)
    >>> country_and_year("Qatar - United States Department of State", "hrr-2016-qatar.html", "")
    ('Qatar', 2016)
    >>> country_and_year("Georgia Tech", "georgia-tech.html", "Jordan joined the team.")
    (None, None)
    """
    country: str | None = None
    year: int | None = None
    for ask, text in ((_ask_title, title or ""), (_ask_source, source), (_ask_opening, opening[:_OPENING])):
        if text and (country is None or year is None):
            told, told_year = ask(text)
            country = told if country is None else country
            year = told_year if year is None else year
    return country or None, year


def _years(text: str) -> list[int]:
    last = date.today().year + 1
    return [year for year in map(int, dict.fromkeys(_YEAR.findall(text))) if 1990 <= year <= last]


def _only(years: list[int]) -> int | None:
    return years[0] if len(years) == 1 else None


def _ask_title(title: str) -> tuple[str | None, int | None]:
    title = " ".join(_PUBLISHER.sub(" | ", title).split())
    country, rest = _of_line(title)
    for part in re.split(r"\s*[|•»]\s*", title):
        country = _in_pattern(part) or country
    is_report = not rest or bool(_GENRE.intersection(fold_name(title).split()))
    return country, _only(_years(title)) if is_report else None


def _in_pattern(line: str) -> str | None:
    """The country of a title in the form of a TIP or human-rights report, as it is written there."""
    match = _YEAR.search(line) and (_KIND_FIRST.fullmatch(line) or _NAME_FIRST.fullmatch(line))
    if not match:
        return None
    name = match[1].strip(" .")
    words = fold_name(name).split()
    found, rest = scan(words)
    if found:
        return found[0] if len(set(found)) == 1 and _FILLER.issuperset(w for w in rest if not w.isdigit()) else None
    if not name[:1].isupper() or not re.fullmatch(r"[^\W\d_][\w'’.-]*(?: [^\W\d_][\w'’.-]*){0,3}", name):
        return None
    if not _NO_NAME.isdisjoint(words):
        return None
    return " ".join(word.capitalize() for word in name.split()) if name.isupper() else name


def _of_line(line: str) -> tuple[str | None, list[str]]:
    """The country of a line in which nothing else is named, and the words that stand in the way."""
    found, left = scan([word for word in fold_name(line).split() if not re.fullmatch(_Y, word)])
    rest = [word for word in left if word not in _FILLER and not word.isdigit()]
    if len(set(found)) > 1:
        return _SEVERAL, rest
    if not found or not found[0]:
        return None, rest
    if rest and (found[0] in _SHARED or named(fold_name(re.split(r"\s*[:|–—]\s*|\s+-\s+", line)[0])) != found[0]):
        return None, rest
    return found[0], rest


def _ask_source(source: str) -> tuple[str | None, int | None]:
    if source in ("-", "<text>"):
        return None, None
    is_address = "://" in source
    path = unquote(urlsplit(source).path if is_address else re.split(r"[/\\]", source)[-1])
    parts = [part for part in _SUFFIX.sub("", path).split("/") if part]
    for i, part in enumerate(parts):
        # state.gov: /reports/2021-trafficking-in-persons-report/togo/
        if is_address and re.match(rf"{_Y}-.*(?:report|practices)", part):
            slug = parts[i + 1] if i + 1 < len(parts) else ""
            return named(fold_name(slug)), _only(_years(part))
    years = _years("/".join(parts))
    country: str | None = None
    for part in reversed(parts):
        country, rest = _of_line(part)
        if country is not None or rest:
            break
    at_edge = any(re.match(rf"{_Y}(?!\d)|.*(?<!\d){_Y}$", part) for part in parts)
    return country, _only(years) if at_edge or country or _GENRE.intersection(fold_name(path).split()) else None


def _ask_opening(opening: str) -> tuple[str | None, int | None]:
    countries: set[str] = set()
    years: set[int] = set()
    for line in _first_lines(opening):
        pattern = _in_pattern(line)
        told, rest = _of_line(line)
        countries.update(name for name in (told if pattern is None else pattern,) if name is not None)
        if pattern or (told and not rest and _GENRE.intersection(fold_name(line).split())):
            years.update(_years(line))
    for formula in _FORMULAE:
        countries.update(name for match in formula.finditer(opening) if (name := named(fold_name(match[1]))))
    return countries.pop() if len(countries) == 1 else None, _only(list(years))


def _first_lines(opening: str) -> Iterator[str]:
    lines = [line.strip() for line in opening.splitlines() if line.strip()]
    # What ends in a full stop is a sentence, not a heading.
    yield from (line for line in lines[:6] if len(line) <= 100 and not line.endswith("."))
