"""Sentences of citations, which the scripts of pages fill in too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["SENTENCES", "CitationSentences"]


@dataclass(frozen=True, slots=True)
class CitationSentences:
    """Sentences of citations, with gaps for `str.format`; the scripts of pages fill the same."""

    section: str = "section “{section}”"
    page: str = "p. {page}"
    paragraph: str = "paragraph {paragraph}"
    paragraph_of_section: str = "paragraph {paragraph} of the section"
    characters: str = "characters {characters}"
    of_country: str = "{named} ({country_and_year})"
    address: str = ", {address}"
    read: str = " (read {read})"
    labelled: str = "{label} (probability {probability})"
    tagged: str = "Tagged as {labels} by {model}."
    without_label: str = "Tagged with no label by {model}."
    place_and_labels: str = "{place}. {tagged}"
    source: str = "{named}, {place}{address}{read}. {tagged}"
    quoted: str = "“{quote}”"
    plain: str = "“{quote}” {source}"
    bibtex: str = "@misc{{{key},\n{fields}}}\n"
    bibtex_field: str = "  {field} = {{{value}}},\n"
    ris_line: str = "{tag}  - {text}\r\n"


SENTENCES: Final = CitationSentences()
