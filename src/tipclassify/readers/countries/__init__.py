"""Look up countries by name or code, and detect the country and year of a report."""

from tipclassify.readers.countries.names import Country, find_country, fold_name
from tipclassify.readers.countries.subject import country_and_year

__all__ = ["Country", "country_and_year", "find_country", "fold_name"]
