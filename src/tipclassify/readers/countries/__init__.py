"""Look up countries, and detect those of a report or a book, and the year."""

from tipclassify.readers.countries.names import Country, find_country, fold_name
from tipclassify.readers.countries.narratives import with_countries
from tipclassify.readers.countries.subject import country_and_year

__all__ = ["Country", "country_and_year", "find_country", "fold_name", "with_countries"]
