"""Citations of tagged passages in three forms: plain text, BibTeX, and RIS for Zotero, EndNote and the like."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import asdict, dataclass
from typing import Final

from tipclassify.formatting import one_line
from tipclassify.labels import LABELS
from tipclassify.readers.formats import is_link
from tipclassify.reporting.writers import Finding, ScoringContext, context_of, known, section_name, source_name
from tipclassify.reporting.writers.rows import row_of

__all__ = ["Citation", "cite"]

# Braces by name: BibTeX counts those after a backslash too, and reads on to the end of the file for one that is alone.
_TEX: Final = str.maketrans(
    {"\\": r"\textbackslash{}", "{": r"\textbraceleft{}", "}": r"\textbraceright{}", "~": r"\textasciitilde{}"}
    | {"^": r"\textasciicircum{}", **{char: f"\\{char}" for char in "%&_#$"}}
)


@dataclass(frozen=True, slots=True)
class Citation:
    """Citation of a tagged passage; each field is one line of text, and empty if unknown."""

    key: str  # for BibTeX and RIS: the same each day and from each model, as long as the input has the same name
    quote: str
    title: str
    country: str
    year: str
    section: str
    page: str
    paragraph: str  # of a source without pages: under the section's heading, from 1
    characters: str  # in the text that 'tipclassify text' prints
    address: str  # web address or file
    read: str  # day, YYYY-MM-DD
    labels: str  # with probabilities
    model: str  # tool, model and policy

    @property
    def fields(self) -> dict[str, str]:
        """Names and values."""
        return asdict(self)

    @property
    def is_online(self) -> bool:
        """Whether the address is a valid one of the web."""
        return is_link(self.address) and not set(self.address) & set("{}\\ ")

    @property
    def keywords(self) -> list[str]:
        """Labels, and the country."""
        return [*(label for label in LABELS if label in self.labels), *known(self.country)]

    @property
    def place(self) -> str:
        """Section, page or paragraph, and characters."""
        parts = [f"section “{self.section}”"] if self.section else []
        parts += [f"p. {self.page}"] if self.page else []
        parts += [f"paragraph {self.paragraph}" + " of the section" * bool(self.section)] if self.paragraph else []
        return ", ".join([*parts, f"characters {self.characters}"])

    @property
    def source(self) -> str:
        """Plain text without the quote, to stand below it."""
        about = ", ".join(known(self.country, self.year))
        named = f"{self.title} ({about})" if about else self.title
        address = "" if self.address == self.title else f", {self.address}"
        read = f" (read {self.read})" if self.read else ""
        return f"{named}, {self.place}{address}{read}. Tagged {self.labels or 'with no label'} by {self.model}."

    @property
    def plain(self) -> str:
        """Plain text, in one line."""
        return f"“{self.quote}” {self.source}"

    @property
    def bibtex(self) -> str:
        """Entry of a BibTeX or biblatex file, in UTF-8; the quote is its annotation."""
        note = f"{self.place[0].upper()}{self.place[1:]}. Tagged {self.labels or 'with no label'} by {self.model}."
        fields = {"title": self.title, "year": self.year, "pages": self.page}
        fields |= {"url" if self.is_online else "howpublished": self.address, "urldate": self.read}
        fields |= {"keywords": ", ".join(self.keywords), "note": note, "annote": f"“{self.quote}”"}
        # BibTeX reads a URL verbatim; a second pair of braces keeps the capitals of a title.
        values = {name: text if name == "url" else text.translate(_TEX) for name, text in fields.items() if text}
        values["title"] = f"{{{values['title']}}}"
        lines = [f"  {name} = {{{value}}},\n" for name, value in values.items()]
        return f"@misc{{{self.key},\n{''.join(lines)}}}\n"

    @property
    def ris(self) -> str:
        """Record of a RIS file, with its line ends; quote and source are its notes."""
        fields = [("TY", "RPRT"), ("ID", self.key), ("TI", self.title), ("PY", self.year), ("SE", self.section)]
        fields += [("SP", self.page), ("UR", self.address * self.is_online), ("Y2", self.read.replace("-", "/"))]
        fields += [*(("KW", word) for word in self.keywords), ("AB", f"“{self.quote}”"), ("N1", self.source)]
        return "".join(f"{tag}  - {text}\r\n" for tag, text in fields if text) + "ER  - \r\n"


def cite(finding: Finding, context: ScoringContext | None = None) -> Citation:
    """Cite a tagged passage; `TaggedReport.findings` yields those of a report.

    `context` is the model and policy that tagged it and the day on which it was read; that of the finding if omitted.
    Raises `ValueError` when neither is known.

    >>> from tipclassify import Document, tag_report
    >>> document = Document.from_text("Police arrested nine traffickers.", "karvonia.txt")
    >>> finding = next(tag_report(document, model="fast", day="2026-11-28").findings())
    >>> cite(finding).title, cite(finding).place, cite(finding).read
    ('karvonia.txt', 'paragraph 1, characters 0–33', '2026-11-28')
    """
    context = context_of(context, [finding])
    passage, about, row = finding.passage, context.about(), row_of(finding)
    place = finding.file, passage.start, passage.end, passage.text, finding.extra.get("id")
    digest = hashlib.sha256(repr(place).encode("utf-8", "backslashreplace")).hexdigest()[:12]
    named = re.sub("[^a-z0-9]", "", unicodedata.normalize("NFKD", row["country"] or finding.title).lower())
    values = {
        "key": f"{named[:24]}{row['year'] or ''}-{digest}",
        "quote": passage.text,
        "title": source_name(finding.title),
        "country": row["country"],
        "year": row["year"],
        "section": row["section"] and section_name(row["section"]),
        "page": row["page"],
        "paragraph": None if row["page"] else finding.paragraph,
        "characters": f"{passage.start}–{passage.end}",
        "address": (is_link(finding.file) and context.link(finding.file)) or source_name(finding.file),
        "read": context.day,
        "labels": " and ".join(f"{label} ({passage.scores[label]:.4f})" for label in passage.labels),
        "model": f"{about['tool']}, model {about['model'][:12]}, policy {about['policy']}",
    }
    return Citation(**{name: one_line(str(value or "")) for name, value in values.items()})
