"""Find the bibliography of a report, under its heading or by its entries alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from tipclassify.readers.pdf.layout.flow import Paragraph
from tipclassify.text.furniture import is_furniture

__all__ = ["REFERENCES", "find_references", "is_reference_heading"]

REFERENCES: Final = "references"
"""Section of bibliographies, whose passages get no label (`tipclassify.text.furniture`)."""

_HEADING: Final = re.compile(
    r"\W*(?:(?:\d{1,2}|[IVX]+)\.)?\s*(?:(?:list of|selected|works|end|foot)\s*)?"
    r"(?:references?|bibliograph(?:y|ies)|(?:works )?cited|(?:end|foot)notes|notes|sources|citations)\W*",
    re.IGNORECASE,
)
_EVIDENCE: Final = re.compile(
    r"https?://|www\.\w|\bdoi:|\[(?:online|cited|previously|source|hard ?copy)|\bcited \d|\bAvailable (?:from|at)\b"
    r"|\bAccessed\b|\bRetrieved (?:from|on)\b|[Oo]n file\b|\bIbid\b|\bet al\.|\bISBN\b|\bvol\. \d|\bpp\. \d"
    r"|\b[Ee]-?mail communication\b"
)
_NUMBERED: Final = re.compile(r"[\[(]?\d{1,3}[\])]?[.:]?\s+[\"“]?[^\W\d_]")
_YEAR: Final = re.compile(r"\b(?:19|20)\d\d\b")
_MAX_ENTRY: Final = 500  # characters
_MIN_ENTRIES: Final = 4
_MAX_OTHERS: Final = 3  # consecutive paragraphs that are no entries, within a bibliography
_MIN_SHARE: Final = 0.6  # of the paragraphs of a bibliography without a heading


def find_references(paragraphs: Sequence[Paragraph]) -> set[int]:
    """Return the indexes of the paragraphs of bibliographies, headings included.

    >>> entries = [f"{n} Halden Times. Trials resume. May {n}, 2021. https://halden.example/{n}" for n in range(1, 6)]
    >>> texts = ["Police arrested nine men.", *entries]
    >>> sorted(find_references([Paragraph(text, 1) for text in texts]))
    [1, 2, 3, 4, 5]
    """
    strong = [_has_evidence(paragraph) for paragraph in paragraphs]
    entry = [known or _may_be_entry(paragraph) for known, paragraph in zip(strong, paragraphs, strict=True)]
    found: set[int] = set()
    for start, paragraph in enumerate(paragraphs):
        headed = is_reference_heading(paragraph.text)
        if start not in found and (entry[start] or headed):
            end = _end_of_run(paragraphs, entry, start)
            entries, evidence = sum(entry[start:end]), sum(strong[start:end])
            enough = entries >= _MIN_ENTRIES and entries >= _MIN_SHARE * (end - start) and evidence * 3 >= entries
            if enough or (headed and entries):
                found.update(range(start, end))
    return found


def is_reference_heading(text: str) -> bool:
    """Return whether a paragraph is the heading of a bibliography or of notes.

    >>> is_reference_heading("VIII. REFERENCES"), is_reference_heading("Sources of data")
    (True, False)
    """
    return _HEADING.fullmatch(text) is not None


def _end_of_run(paragraphs: Sequence[Paragraph], entry: Sequence[bool], start: int) -> int:
    """Return the index after the last entry of a run."""
    last = start
    for at in range(start + 1, len(paragraphs)):
        if entry[at]:
            last = at
        elif at - last > _MAX_OTHERS or (paragraphs[at].is_heading and not any(entry[at + 1 : at + 3])):
            break
    return last + 1


def _has_evidence(paragraph: Paragraph) -> bool:
    """Return whether a paragraph has a link, or where or when it was found."""
    short = paragraph.kind in ("text", "heading", "note") and len(paragraph.text) <= _MAX_ENTRY
    return short and (_EVIDENCE.search(paragraph.text) is not None or is_furniture(paragraph.text))


def _may_be_entry(paragraph: Paragraph) -> bool:
    """Return whether a paragraph is numbered and names a year."""
    text = paragraph.text
    short = paragraph.kind in ("text", "note") and len(text) <= _MAX_ENTRY
    return short and _NUMBERED.match(text) is not None and _YEAR.search(text) is not None
