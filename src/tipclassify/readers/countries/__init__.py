"""Look up countries, and detect those of a report or a book, and the year."""

from tipclassify.readers.countries.names import Country, find_country, fold_country_name
from tipclassify.readers.countries.narratives import with_countries_of_blocks
from tipclassify.readers.countries.subject import detect_country_and_year

__all__ = [
    "Country",
    "detect_country_and_year",
    "find_country",
    "fold_country_name",
    "with_countries_of_blocks",
]
