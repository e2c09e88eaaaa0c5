"""Which country: by its name or code, or what a report is about by its title, address and first lines."""

from tipclassify.readers.countries.names import Country, find_country, fold_name
from tipclassify.readers.countries.subject import country_and_year

__all__ = ["Country", "country_and_year", "find_country", "fold_name"]
