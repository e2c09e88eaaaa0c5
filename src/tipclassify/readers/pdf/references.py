"""Find the bibliography of a report, under its heading or by its entries alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from tipclassify.readers.pdf.layout.flow import Paragraph
from tipclassify.text.furniture import is_furniture

__all__ = ["REFERENCES", "find_references", "is_reference_heading"]

# section whose text becomes no passage (`tipclassify.text.furniture`)
REFERENCES: Final = "references"
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
_MIN_NOTES_SHARE: Final = 0.5  # of the paragraphs under a heading of notes
_MIN_SHARE: Final = 0.6  # of the paragraphs of a bibliography without a heading


def find_references(paragraphs: Sequence[Paragraph]) -> set[int]:
    """Return the indexes of the paragraphs of bibliographies, headings included."""
    evidence = [_evidence(paragraph) for paragraph in paragraphs]
    found: set[int] = set()
    for start, paragraph in enumerate(paragraphs):
        headed = is_reference_heading(paragraph.text)
        if start not in found and (evidence[start] or headed):
            end = _end_of_run(paragraphs, evidence, start)
            if headed:
                end = max(end, _end_of_notes(paragraphs, evidence, start))
            entries, strong = sum(map(bool, evidence[start:end])), evidence[start:end].count(2)
            enough = (
                entries >= _MIN_ENTRIES
                and entries >= _MIN_SHARE * (end - start)
                and strong * 3 >= entries
            )
            if enough or (headed and entries):
                found.update(range(start, end))
    return found


def is_reference_heading(text: str) -> bool:
    """Return whether a paragraph is the heading of a bibliography or of notes, such as "VIII.

    REFERENCES".
    """
    return _HEADING.fullmatch(text) is not None


def _end_of_run(paragraphs: Sequence[Paragraph], evidence: Sequence[int], start: int) -> int:
    """Return the index after the last entry of a run."""
    last = start
    for at in range(start + 1, len(paragraphs)):
        if evidence[at]:
            last = at
        elif at - last > _MAX_OTHERS or (
            paragraphs[at].is_heading and not any(evidence[at + 1 : at + 3])
        ):
            break
    return last + 1


def _end_of_notes(paragraphs: Sequence[Paragraph], evidence: Sequence[int], start: int) -> int:
    """Return the index after the notes below their heading.

    Notes are all up to the next heading, if most of it are. Among them may be what is none by
    itself: a list of abbreviations, a quotation, the end of a note on the next page.
    """
    end = start + 1
    while end < len(paragraphs) and not _opens_text(paragraphs, evidence, end):
        end += 1
    notes = [
        paragraphs[at].marked or evidence[at] > 0
        for at in range(start + 1, end)
        if _is_prose(paragraphs[at])
    ]
    return (
        end
        if sum(notes) >= _MIN_ENTRIES and sum(notes) >= _MIN_NOTES_SHARE * len(notes)
        else start + 1
    )


def _opens_text(paragraphs: Sequence[Paragraph], evidence: Sequence[int], at: int) -> bool:
    """Return whether a paragraph is a heading that no note follows."""
    after = range(at + 1, min(at + 3, len(paragraphs)))
    return paragraphs[at].is_heading and not any(paragraphs[i].marked or evidence[i] for i in after)


def _is_prose(paragraph: Paragraph) -> bool:
    return paragraph.kind in ("text", "note")


def _evidence(paragraph: Paragraph) -> int:
    """Return how much a paragraph looks like a reference, from 0 to 2.

    2 if it says where or when a source was found, 1 if it is numbered and names a year.
    """
    text, kind = paragraph.text, paragraph.kind
    if kind not in ("text", "heading", "note") or len(text) > _MAX_ENTRY:
        return 0
    if _EVIDENCE.search(text) or is_furniture(text):
        return 2
    return int(
        kind != "heading" and _NUMBERED.match(text) is not None and _YEAR.search(text) is not None
    )
