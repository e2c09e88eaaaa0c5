"""Find what a report is called, where it was published, by whom and when: its own metadata first, then its words."""

from tipclassify.readers.publication.detection import with_publication
from tipclassify.readers.publication.metadata import Metadata, front_matter, page_metadata

__all__ = ["Metadata", "front_matter", "page_metadata", "with_publication"]
