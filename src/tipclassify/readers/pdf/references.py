"""Find the bibliography of a report, under its heading or by its entries alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final

from tipclassify.readers.pdf.paragraphs import Paragraph
from tipclassify.text.prose import is_non_prose, is_un_masthead

# section whose text becomes no passage (`tipclassify.text.prose`)
REFERENCES: Final = "references"
_HEADING: Final = re.compile(
    r"\W*(?:(?:\d{1,2}|[IVX]+)\.)?\s*(?:(?:list of|selected|works|end|foot)\s*)?"
    r"(?:references?|bibliograph(?:y|ies)|(?:works )?cited|(?:end|foot)notes|notes|sources"
    r"|citations)\W*",
    re.IGNORECASE,
)
_EVIDENCE: Final = re.compile(
    r"https?://|www\.\w|\bdoi:|\[(?:online|cited|previously|source|hard ?copy)|\bcited \d"
    r"|\bAvailable (?:from|at)\b|\bAccessed\b|\bRetrieved (?:from|on)\b|[Oo]n file\b|\bIbid\b"
    r"|\bet al\.|\bISBN\b|\bvol\. \d|\bpp\. \d|\b[Ee]-?mail communication\b"
)
_NUMBERED: Final = re.compile(r"[\[(]?\d{1,3}[\])]?[.:]?\s+[\"“]?[^\W\d_]")
_YEAR: Final = re.compile(r"\b(?:19|20)\d\d\b")
_MAX_ENTRY: Final = 500  # characters
_MIN_ENTRIES: Final = 4
_MAX_OTHERS: Final = 3  # consecutive paragraphs that are no entries, within a bibliography
_MIN_NOTES_SHARE: Final = 0.5  # of the paragraphs under a heading of notes
_MIN_SHARE: Final = 0.6  # of the paragraphs of a bibliography without a heading
_STRONG: Final = 2  # evidence of a paragraph that says where or when a source was found
_WEAK: Final = 1  # of one that is numbered and names a year


def find_references(paragraphs: Sequence[Paragraph]) -> set[int]:
    """Return the indexes of the paragraphs of bibliographies, headings included."""
    evidence = [_evidence(paragraph) for paragraph in paragraphs]
    entries_before = _counts_before(strength > 0 for strength in evidence)
    strong_before = _counts_before(strength == _STRONG for strength in evidence)
    ends = _ends_of_entries(paragraphs, evidence)
    note_ends = _ends_of_notes(paragraphs, evidence)
    references: set[int] = set()
    for start, paragraph in enumerate(paragraphs):
        headed = is_reference_heading(paragraph.text)
        if start in references or not (evidence[start] or headed):
            continue
        end = max(ends[start], note_ends[start]) if headed else ends[start]
        entries = entries_before[end] - entries_before[start]
        strong = strong_before[end] - strong_before[start]
        are_many = entries >= max(_MIN_ENTRIES, _MIN_SHARE * (end - start))
        if (are_many and strong * 3 >= entries) or (headed and entries):
            references.update(range(start, end))
    return references


def _counts_before(flags: Iterable[bool]) -> list[int]:
    """Count the true ones before each index, up to that after the last."""
    return list(accumulate(flags, initial=0))


def is_reference_heading(text: str) -> bool:
    """Return whether a text is the heading of a bibliography or of notes.

    >>> is_reference_heading("VIII. REFERENCES")
    True
    >>> is_reference_heading("References to children")
    False
    """
    return _HEADING.fullmatch(text) is not None


def _ends_of_entries(paragraphs: Sequence[Paragraph], evidence: Sequence[int]) -> list[int]:
    """Return for each paragraph the index after the last entry of a run that it begins.

    A few paragraphs that are no entries may be among them, but for a heading that opens other text.
    """
    ends = list(range(1, len(paragraphs) + 1))
    entry: int | None = None  # the next one
    for at in reversed(range(len(paragraphs))):
        if entry is not None and entry - at <= _MAX_OTHERS + 1:
            others = range(at + 1, entry)
            if not any(_opens_text(paragraphs[other], evidence, other) for other in others):
                ends[at] = ends[entry]
        if evidence[at]:
            entry = at
    return ends


def _ends_of_notes(paragraphs: Sequence[Paragraph], evidence: Sequence[int]) -> list[int]:
    """Return for each paragraph the index after the notes below it, if it is their heading.

    Notes are all up to the next heading that no note follows, if most of it are. Among them may be
    what is none by itself: a list of abbreviations, a quotation, the end of a note on the next
    page.
    """
    is_note = [p.marked or strength > 0 for p, strength in zip(paragraphs, evidence, strict=True)]
    is_prose = [paragraph.kind in ("text", "note") for paragraph in paragraphs]
    prose_before = _counts_before(is_prose)
    notes_before = _counts_before(p and n for p, n in zip(is_prose, is_note, strict=True))
    ends: list[int] = []
    end = len(paragraphs)
    for at in reversed(range(len(paragraphs))):
        prose = prose_before[end] - prose_before[at + 1]
        notes = notes_before[end] - notes_before[at + 1]
        are_most = notes >= max(_MIN_ENTRIES, _MIN_NOTES_SHARE * prose)
        ends.append(end if are_most else at + 1)
        if _opens_text(paragraphs[at], is_note, at):
            end = at
    return ends[::-1]


def _opens_text(paragraph: Paragraph, evidence: Sequence[int], at: int) -> bool:
    """Return whether a paragraph is a heading that no entry or note follows."""
    return paragraph.is_heading and not any(evidence[at + 1 : at + 3])


def _evidence(paragraph: Paragraph) -> int:
    """Return how much a paragraph looks like a reference: `_STRONG`, `_WEAK` or 0."""
    text = paragraph.text
    if paragraph.kind not in ("text", "heading", "note") or len(text) > _MAX_ENTRY:
        return 0
    if _EVIDENCE.search(text) or (is_non_prose(text) and not is_un_masthead(text)):
        return _STRONG
    if paragraph.kind == "heading":
        return 0
    return _WEAK if _NUMBERED.match(text) and _YEAR.search(text) else 0
