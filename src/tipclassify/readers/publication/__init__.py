"""Detect the title of a report, its publication, its publisher and its date.

Its own metadata are asked first, then its words.
"""

from tipclassify.readers.publication.detection import with_publication_fields
from tipclassify.readers.publication.masthead import is_masthead
from tipclassify.readers.publication.metadata import (
    SourceMetadata,
    absolute_address_in_page_metadata,
    metadata_in_front_matter,
    metadata_of_web_page,
)
from tipclassify.readers.publication.publishers import known_publisher

__all__ = [
    "SourceMetadata",
    "absolute_address_in_page_metadata",
    "is_masthead",
    "known_publisher",
    "metadata_in_front_matter",
    "metadata_of_web_page",
    "with_publication_fields",
]
