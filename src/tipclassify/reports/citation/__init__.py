"""Citations of tagged passages: plain text, BibTeX and RIS, for Zotero, EndNote etc.

`citing` makes one of a finding; the scripts of pages, which cite too, share `sentences` and
`formats`.
"""

from tipclassify.reports.citation.citation import Citation
from tipclassify.reports.citation.citing import cite
from tipclassify.reports.citation.formats import (
    BIBTEX_FIELDS,
    CSL_DATES,
    CSL_VARIABLES,
    RIS_TAGS,
    TEX_ESCAPES,
)
from tipclassify.reports.citation.links import FRAGMENT_WORDS, link_to
from tipclassify.reports.citation.sentences import SENTENCES, CitationSentences

__all__ = [
    "BIBTEX_FIELDS",
    "CSL_DATES",
    "CSL_VARIABLES",
    "FRAGMENT_WORDS",
    "RIS_TAGS",
    "SENTENCES",
    "TEX_ESCAPES",
    "Citation",
    "CitationSentences",
    "cite",
    "link_to",
]
