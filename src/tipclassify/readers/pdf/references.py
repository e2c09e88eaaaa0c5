"""Find the bibliography of a report, under its heading or by its entries alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from tipclassify.readers.pdf.paragraphs import Paragraph
from tipclassify.text.prose import is_non_prose, is_united_nations_masthead

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
    references: set[int] = set()
    for start, paragraph in enumerate(paragraphs):
        headed = is_reference_heading(paragraph.text)
        if start in references or not (evidence[start] or headed):
            continue
        end = _end_of_entries(paragraphs, evidence, start)
        if headed:
            end = max(end, _end_of_notes(paragraphs, evidence, start))
        run = evidence[start:end]
        entries = sum(strength > 0 for strength in run)
        is_bibliography = (
            entries >= max(_MIN_ENTRIES, _MIN_SHARE * len(run))
            and run.count(_STRONG) * 3 >= entries
        )
        if is_bibliography or (headed and entries):
            references.update(range(start, end))
    return references


def is_reference_heading(text: str) -> bool:
    """Return whether a text is the heading of a bibliography or of notes.

    >>> is_reference_heading("VIII. REFERENCES")
    True
    >>> is_reference_heading("References to children")
    False
    """
    return _HEADING.fullmatch(text) is not None


def _end_of_entries(paragraphs: Sequence[Paragraph], evidence: Sequence[int], start: int) -> int:
    """Return the index after the last entry of a run."""
    last = start
    for at in range(start + 1, len(paragraphs)):
        if evidence[at]:
            last = at
            continue
        opens_text = paragraphs[at].is_heading and not any(evidence[at + 1 : at + 3])
        if opens_text or at - last > _MAX_OTHERS:
            break
    return last + 1


def _end_of_notes(paragraphs: Sequence[Paragraph], evidence: Sequence[int], start: int) -> int:
    """Return the index after the notes below their heading.

    Notes are all up to the next heading that no note follows, if most of it are. Among them may be
    what is none by itself: a list of abbreviations, a quotation, the end of a note on the next
    page.
    """

    def is_note(at: int) -> bool:
        return paragraphs[at].marked or evidence[at] > 0

    end = start + 1
    while end < len(paragraphs):
        following = range(end + 1, min(end + 3, len(paragraphs)))
        if paragraphs[end].is_heading and not any(map(is_note, following)):
            break
        end += 1
    prose = [at for at in range(start + 1, end) if paragraphs[at].kind in ("text", "note")]
    note_count = sum(map(is_note, prose))
    if note_count >= _MIN_ENTRIES and note_count >= _MIN_NOTES_SHARE * len(prose):
        return end
    return start + 1


def _evidence(paragraph: Paragraph) -> int:
    """Return how much a paragraph looks like a reference: `_STRONG`, `_WEAK` or 0."""
    text = paragraph.text
    if paragraph.kind not in ("text", "heading", "note") or len(text) > _MAX_ENTRY:
        return 0
    if _EVIDENCE.search(text) or (is_non_prose(text) and not is_united_nations_masthead(text)):
        return _STRONG
    if paragraph.kind == "heading":
        return 0
    return _WEAK if _NUMBERED.match(text) and _YEAR.search(text) else 0
