"""Detect the country and the year of a report, and the countries of a book of narratives.

The title of a report is asked first, then its address, then its first lines. In a book, such as the
TIP Report, each country has a heading with its tier.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Final
from urllib.parse import unquote, urlsplit

from tipclassify.readers.about.countries import country_named, extract_countries, fold_name
from tipclassify.records import Document
from tipclassify.text.sections import section_named_by

_CITED: Final = re.compile(r"[\"“]([^\"“”]+)[\"”](?:,.{0,30})?\Z")  # a title, with its date
MAX_TITLE: Final = 1_000  # characters; patterns take time that grows with the square of it
_OPENING: Final = 1_500  # characters of the text searched for the country and the year
_OPENING_LINES: Final = 14  # a masthead has up to ten lines above the title
_MAX_HEADING: Final = 100  # characters
_SEVERAL: Final = ""  # in place of a country: several, so that no other place is asked
_FIRST_YEAR: Final = 1990
_NOW: Final = 2026  # when this was written
# A year, but not that of an act, nor part of a date ("2024-05-01"), a range ("2009-2017",
# "2021/22") or a longer number.
_YEAR: Final = re.compile(
    r"(?<![Aa]ct )(?<![^\W_])(?<!\d[-/–])((?:19|20)\d\d)(?![^\W_])(?!\s?[-/–]\s?(?:\d\d|\d{4})(?!\d))"
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

# In the first sentence of a narrative of the TIP Report.
_FORMULA: Final = re.compile(
    r"\bgovernment of ([^.;:\n]{3,60}?) (?:does not|did not|fully meets?)\b"
    r"[^.]{0,60}\bminimum standards",
    re.IGNORECASE,
)

# "the financial year ended 31 March 2019", "the year ended …"
_PERIOD: Final = re.compile(
    r"\b(?:(?:financial|fiscal|calendar|reporting)\s(?:year|period)|year\send(?:ed|ing))\b"
    r"[^.;:\n]{0,40}",
    re.IGNORECASE,
)

_GENRE: Final = frozenset(
    """report reports narrative narratives practices review assessment profile survey statement
    statements tip hrr hrp""".split()
)
# Other words in titles and file names of reports.
_FILLER: Final = _GENRE | frozenset(
    """a an the of on in for and to from by with its country countries state department government
    annual yearly year human rights right trafficking persons person anti labor labour forced child
    modern slavery exploitation efforts situation status combating combatting against tier 2a 2b
    watch list watchlist special case world global national international monitoring
    overview analysis summary update findings worst forms events chapter chapters section part full
    text final draft copy en eng english pdf html index page v1 v2 no us usdos dos
    gov""".split()
)
# Titles of documents on one state, which name it last: "Compilation on Norvia", "Advance questions
# to Norvia".
_DOCUMENTS: Final = _GENRE | frozenset(
    """compilation summary questions replies responses comments information observations
    recommendations outcome conclusions decision submission issues mission visit study follow-up
    statement findings""".split()
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
    """introduction methodology tier tiers placement placements glossary acknowledgments
    acknowledgements heroes country countries narrative narratives report reports definitions
    definition stories summary preface foreword letter message contents data topics topic special
    maps map guide faq faqs index overview statement credits home about search news standards law
    laws enforcement victims traffickers trafficking training toolkit download pdf part annex
    appendix regions region table tables how what why who we the world full""".split()
)
# Also names of persons and other places: no evidence before a colon ("Jordan: a life").
_AMBIGUOUS_NAMES: Final = frozenset({"Georgia", "Jordan", "Chad", "Jersey"})
_MAX_NAME_WORDS: Final = 10
_TITLE_PARTS: Final = re.compile(r"\s*[|•»]\s*")
_LINE_PARTS: Final = re.compile(r"\s*[:|(–—]\s*|\s+-\s+")
_UP_TO_FOUR_WORDS: Final = re.compile(r"[^\W\d_][\w'’.-]*(?: [^\W\d_][\w'’.-]*){0,3}")
_WHOLE_YEAR: Final = re.compile(_YEAR_DIGITS)
_YEAR_AT_EDGE: Final = re.compile(rf"{_YEAR_DIGITS}(?!\d)|.*(?<!\d){_YEAR_DIGITS}$")
_SUFFIX: Final = re.compile(
    r"(?:\.(?:html?|xhtml|php|aspx?|pdf|txt|text|md|docx?|epub|rtf|jsonl|csv|gz))+$", re.IGNORECASE
)
_TIER: Final = r"(?:tier (?:[123]|one|two|three)(?:[:,]? watch ?list)?|special case)"
_NAME: Final = r"([^\W\d_][^.;:!?()]{1,50}?)"
# "Norvia (Tier 2)", "Special Case: Norvia"
_NAME_WITH_TIER: Final = re.compile(
    rf"{_NAME}\s*[:(–—-]+\s*{_TIER}\)?\W*|special case[:\s–—-]+{_NAME}", re.IGNORECASE
)
_TIER_ALONE: Final = re.compile(
    rf"\W*(?:tier(?: ranking| placement)?\W+)?{_TIER}\W*", re.IGNORECASE
)
_TIER_REACH: Final = 3  # blocks after the name: a map with its labels may stand between
_BACK_MATTER: Final = re.compile(
    r"(?:appendi|annex|glossary|index\b|acknowledg|relevant international)", re.IGNORECASE
)
_MIN_TIERED: Final = 2  # narratives of a book
_MIN_NAMED: Final = 3  # the same where headings are names of countries alone
_MIN_LISTED: Final = 5  # the same where the title is the first of them
_MIN_IN_ORDER: Final = 0.75  # of the alphabet; a yearbook may go by regions

_Subject = tuple[str | None, int | None]
"""What one place says of the country and the year, None where it does not say them."""


def detect_country_and_year(
    title: str | None, source: str, opening: str, address: str | None = None
) -> _Subject:
    """Detect the country and the year of a report, from 1990 to next year.

    None where the evidence is ambiguous. The title is searched first, then the `address` that the
    report itself gives, the address or path that it was read from (of a path the file name only),
    last the first characters of the text. A country has its English name; a title in the form of
    the TIP Report may give an unknown one, too.

    >>> detect_country_and_year("2023 Trafficking in Persons Report: Karvonia", "x.html", "")
    ('Karvonia', 2023)
    >>> detect_country_and_year("Qatar - United States Department of State", "hrr-2016.html", "")
    ('Qatar', 2016)
    >>> detect_country_and_year("Georgia Tech", "georgia-tech.html", "Jordan joined the team.")
    (None, None)
    """
    country: str | None = None
    year: int | None = None
    for detect, text in (
        (_subject_of_title, (title or "")[:MAX_TITLE]),
        (_subject_of_path, address or ""),
        (_subject_of_path, source),
        (_subject_of_opening, opening[:_OPENING]),
    ):
        if text and (country is None or year is None):
            country_here, year_here = detect(text)
            country = country_here if country is None else country
            year = year_here if year is None else year
    return country or None, year


def latest_year() -> int:
    """Return the year of today; a clock that is wrong by years takes none from a report."""
    return max(date.today().year, _NOW)


def _years(text: str) -> set[int]:
    """Return the years in a text that a report may cover."""
    last = latest_year() + 1
    return {year for year in map(int, _YEAR.findall(text)) if _FIRST_YEAR <= year <= last}


def _single_year(text: str) -> int | None:
    years = _years(text)
    return years.pop() if len(years) == 1 else None


def _names_report(text: str) -> bool:
    return not _GENRE.isdisjoint(fold_name(text).split())


def _subject_of_title(title: str) -> _Subject:
    title = " ".join(_PUBLISHER.sub(" | ", title).split())
    country, other_words = _country_of_line(title)
    for part in _TITLE_PARTS.split(title):
        country = _country_in_pattern(part) or country
    is_dated = _names_report(title) or not other_words
    return country, _single_year(title) if is_dated else None


def _country_in_pattern(line: str) -> str | None:
    """Return the country in a title of the form of a TIP or human-rights report, known or not."""
    match = _YEAR.search(line) and (_TYPE_FIRST.fullmatch(line) or _NAME_FIRST.fullmatch(line))
    if not match:
        return None
    name = match[1].strip(" .")
    words = fold_name(name).split()
    countries, other_words = extract_countries(words)
    if countries:
        only_fillers = _FILLER.issuperset(word for word in other_words if not word.isdigit())
        return countries[0] if len(set(countries)) == 1 and only_fillers else None
    is_name = name[:1].isupper() and _UP_TO_FOUR_WORDS.fullmatch(name)
    if not is_name or not _NOT_COUNTRIES.isdisjoint(words):
        return None
    return " ".join(word.capitalize() for word in name.split()) if name.isupper() else name


def _country_of_line(line: str) -> tuple[str | None, list[str]]:
    """Return the country of a line that names nothing else, None or `_SEVERAL`.

    Returns also the words that are in no title of a report.
    """
    words = [word for word in fold_name(line).split() if not _WHOLE_YEAR.fullmatch(word)]
    countries, others = extract_countries(words)
    other_words = [word for word in others if word not in _FILLER and not word.isdigit()]
    if len(set(countries)) > 1:
        return _SEVERAL, other_words
    country = countries[0] if countries else None
    if not country:  # none, or an ambiguous name
        return None, other_words
    if not other_words or _names_document_on(country, line, other_words):
        return country, other_words
    # "Norvia: a year of reforms", "Falkland Islands (Islas Malvinas)"
    begins_with_country = country_named(_LINE_PARTS.split(line)[0]) == country
    is_clear = begins_with_country and country not in _AMBIGUOUS_NAMES
    return country if is_clear else None, other_words


def _names_document_on(country: str, line: str, other_words: list[str]) -> bool:
    """Return whether a title names a document, and at its end the country that it is on."""
    if _DOCUMENTS.isdisjoint([*other_words, *fold_name(line).split()]):
        return False
    words = line.rstrip(" .*†)]0123456789,").split()
    for start in range(max(1, len(words) - _MAX_NAME_WORDS), len(words)):
        if country_named(" ".join(words[start:])) == country:
            before = " ".join(words[:start]) + " "
            return _ON_COUNTRY.search(before) is not None and _PLACES.search(before) is None
    return False


def _subject_of_path(source: str) -> _Subject:
    """Detect the subject by a web address, or by the name of a file."""
    if source in ("-", "<text>"):
        return None, None
    path = urlsplit(source).path if "://" in source else re.split(r"[/\\]", source)[-1]
    parts = [part for part in _SUFFIX.sub("", unquote(path)).split("/") if part]
    country: str | None = None
    for part in reversed(parts):
        country, other_words = _country_of_line(part)
        if country is not None or other_words:
            break
    # A year inside the name of a file is that of the report only if the name is one of a report.
    is_dated = country or _names_report(path) or any(map(_YEAR_AT_EDGE.match, parts))
    return country, _single_year("/".join(parts)) if is_dated else None


def _subject_of_opening(opening: str) -> _Subject:
    """Detect the subject by the headings of a masthead, and by the first sentences."""
    countries: set[str] = set()
    years: set[int] = set()
    years_of_statement: set[int] = set()  # of a company
    lines = [_CITED.sub(r"\1", line.strip()) for line in opening.splitlines() if line.strip()]
    for line in lines[:_OPENING_LINES]:
        if len(line) > _MAX_HEADING or line.endswith("."):
            continue  # a sentence, not a heading
        country, other_words = _country_of_line(line)
        in_pattern = _country_in_pattern(line)
        if in_pattern or country is not None:
            countries.add(in_pattern or country or _SEVERAL)
        if in_pattern or (country and not other_words and _names_report(line)):
            years |= _years(line)
        elif "statement" in fold_name(line).split():
            years_of_statement |= _years(line)
    for match in _FORMULA.finditer(opening):
        if name := country_named(match[1]):
            countries.add(name)
    for match in _PERIOD.finditer(opening):
        years_of_statement |= _years(match[0])
    years = years or years_of_statement
    country = countries.pop() if len(countries) == 1 else None
    return country, years.pop() if len(years) == 1 else None


# --------------------------------------------------------------------------- books of narratives


def with_block_countries(document: Document) -> Document:
    """Return the document with the country of each block.

    It is unchanged unless it has narratives of several countries.

    >>> from tipclassify.text.split import text_document
    >>> document = text_document(
    ...     "ARVENIA: Tier 2\\n\\nCourts slept.\\n\\nBELMORIA: Tier 3\\n\\nPolice acted."
    ... )
    >>> [block.country for block in with_block_countries(document).blocks]
    ['Arvenia', 'Arvenia', 'Belmoria', 'Belmoria']
    """
    texts = [document.text[block.start : block.end].strip() for block in document.blocks]
    headings = [number for number, block in enumerate(document.blocks) if block.heading]
    with_tier = {number: _country_with_tier(texts, number) for number in headings}
    alone = {number: _country_alone(texts[number]) for number in headings}
    chapters = [texts[number] for number, country in alone.items() if country]
    is_book = any(with_tier.values())
    # Headings of a report on one country may name others: those that put questions to it, say.
    if not is_book and len(set(alone.values()) - {None}) >= _MIN_NAMED:
        is_book = detect_country_and_year(document.title, "", "")[0] is None
    if not is_book and len(chapters) >= _MIN_LISTED:
        is_book = _is_first_of_list(document.title or "", chapters)
        document = replace(document, title=None) if is_book else document
    starts: dict[int, str | None] = {}  # country of each narrative by the number of its first block
    for number in headings:
        country = with_tier[number] or alone[number]
        if (is_book and country) or _BACK_MATTER.match(texts[number]):
            starts[number] = country
    if len(set(starts.values()) - {None}) < _MIN_TIERED:
        return document
    narrative: str | None = None
    blocks = []
    for number, block in enumerate(document.blocks):
        narrative = starts.get(number, narrative)
        blocks.append(replace(block, country=narrative))
    return replace(document, blocks=tuple(blocks), country=None)


def _country_alone(heading: str) -> str | None:
    """Return the country that a heading names and nothing else, but for what belongs to it.

    >>> [_country_alone(text) for text in ("Togo", "Serbia (including Kosovo)", "Togo: Tier 2")]
    ['Togo', 'Serbia', None]
    """
    before_bracket = heading.partition("(")[0]
    return country_named(heading) or country_named(before_bracket.partition("/")[0])


def _is_first_of_list(title: str, chapters: list[str]) -> bool:
    """Return whether a title is the first of chapters that are in alphabetical order, but for some.

    So is the first heading of a yearbook without a title page.
    """
    names = [fold_name(chapter) for chapter in chapters]
    ascends = [first <= second for first, second in pairwise(names)]
    is_first = fold_name(title) == names[0] and ascends[0]
    return is_first and sum(ascends) >= _MIN_IN_ORDER * len(ascends)


def _country_with_tier(texts: list[str], number: int) -> str | None:
    """Return the country of a heading that names its tier, or stands before one that does."""
    text = texts[number]
    if match := _NAME_WITH_TIER.fullmatch(text):
        name = match[1] or match[2]
    else:
        following = texts[number + 1 : number + 1 + _TIER_REACH]
        if section_named_by(text) or not any(map(_TIER_ALONE.fullmatch, following)):
            return None
        name = text
    name = " ".join(name.split())
    country = country_named(name)
    if country is None and name.isupper():
        return name.title()
    return country or name
