"""Detect the title of a report, its publication, its publisher and its date.

Its own metadata are asked first, then its words.
"""

from tipclassify.readers.publication.detection import with_publication
from tipclassify.readers.publication.masthead import is_masthead
from tipclassify.readers.publication.metadata import (
    Metadata,
    front_matter,
    page_metadata,
    web_address,
)
from tipclassify.readers.publication.publishers import known_publisher

__all__ = [
    "Metadata",
    "front_matter",
    "is_masthead",
    "known_publisher",
    "page_metadata",
    "web_address",
    "with_publication",
]
