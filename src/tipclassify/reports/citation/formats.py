"""Render citations as BibTeX and RIS, for Zotero, EndNote and the like.

In: the key of a citation and its values by name, as `Citation.values` has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tipclassify.records import known
from tipclassify.reports.citation.sentences import SENTENCES

__all__ = [
    "BIBTEX_FIELDS",
    "CSL_DATES",
    "CSL_VARIABLES",
    "RIS_TAGS",
    "TEX_ESCAPES",
    "render_bibtex_entry",
    "render_ris_record",
]

# Names in three formats of citations, each with the key in `Citation.values` of what it holds. The
# scripts of pages, which cite too, take them from here.
BIBTEX_FIELDS: Final = {
    "title": "title",
    "series": "publication",
    "organization": "publisher",
    "date": "date",
    "year": "issued_year",
    "pages": "page",
    "url": "link",
    "howpublished": "offline_address",
    "urldate": "read",
    "keywords": "keywords",
    "note": "place_and_labels",
    "annote": "quoted",
}
"""Fields of a BibTeX entry."""

RIS_TAGS: Final = {
    "TI": "title",
    "T2": "publication",
    "PB": "publisher",
    "PY": "issued_year",
    "DA": "date_with_slashes",
    "SE": "section",
    "SP": "page",
    "UR": "link",
    "Y2": "read_with_slashes",
    "KW": "keywords",  # a line for each
    "AB": "quoted",
    "N1": "source",
}
"""Tags of a RIS record."""

CSL_VARIABLES: Final = {
    "title": "title",
    "collection-title": "publication",
    "publisher": "publisher",
    "issued": "issued",
    "accessed": "read",
    "page": "page",
    "section": "section",
    "URL": "link",
    "keyword": "keywords",
    "abstract": "quoted",
    "note": "source",
}
"""Variables of a CSL-JSON item."""

CSL_DATES: Final = ("issued", "accessed")
"""Those of a CSL-JSON item that are dates."""

# Braces by name: BibTeX counts those after a backslash too, and reads on to the end of the file for
# one that is alone.
TEX_ESCAPES: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "%": r"\%",
    "&": r"\&",
    "_": r"\_",
    "#": r"\#",
    "$": r"\$",
}
"""Characters that TeX would read as commands, and how they are written."""

_TEX: Final = str.maketrans(TEX_ESCAPES)


def render_bibtex_entry(key: str, values: Mapping[str, str]) -> str:
    """Render an entry of a BibTeX or biblatex file."""
    fields = []
    for field, name in BIBTEX_FIELDS.items():
        if values[name]:
            value = _escape_bibtex_field(field, values[name])
            fields.append(SENTENCES.bibtex_field.format(field=field, value=value))
    return SENTENCES.bibtex.format(key=key, fields="".join(fields))


def _escape_bibtex_field(field: str, text: str) -> str:
    """Write the value of a BibTeX field."""
    if field == "url":  # read verbatim
        return text
    escaped = text.translate(_TEX)
    # a second pair of braces keeps the capitals of a title
    return f"{{{escaped}}}" if field == "title" else escaped


def render_ris_record(key: str, values: Mapping[str, str], keywords: Sequence[str]) -> str:
    """Render a record of a RIS file, with its line ends."""
    lines = [("TY", "RPRT"), ("ID", key)]
    for tag, name in RIS_TAGS.items():
        texts = keywords if tag == "KW" else known(values[name])
        lines += [(tag, text) for text in texts]
    lines.append(("ER", ""))
    return "".join(SENTENCES.ris_line.format(tag=tag, text=text) for tag, text in lines)
