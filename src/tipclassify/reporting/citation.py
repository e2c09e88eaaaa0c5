"""Citations of tagged passages: plain text, BibTeX, RIS and CSL-JSON, for Zotero, EndNote etc.

A source is named by what it says of itself: title, publication, publisher, date and address. Where
nothing is known, it is the name of its file, never the folder that it lies in.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import quote, urldefrag

from tipclassify.formatting import one_line
from tipclassify.labels import LABELS, label_name
from tipclassify.readers.formats import is_link
from tipclassify.reporting.finding_row import FindingRow, finding_row
from tipclassify.reporting.probability import probability_in_words
from tipclassify.reporting.report import (
    Finding,
    ScoringContext,
    context_of,
    known,
    section_name,
    source_name,
    title_name,
)

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
"""Those of them that are dates."""

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

FRAGMENT_WORDS: Final = 6
"""Words at either end of a passage in a link to it; the browser finds what lies between."""


@dataclass(frozen=True, slots=True)
class Citation:
    """Citation of a tagged passage; each field is one line of text, and empty if unknown."""

    # for BibTeX and RIS: the same each day and from each model, as long as the input has the same
    # name
    key: str
    quote: str
    title: str
    publication: str  # empty where the title names it
    publisher: str
    date: str  # of publication: a day, month or year
    country: str
    year: str
    section: str
    page: str
    paragraph: str  # of a source without pages: under the section's heading, from 1
    characters: str  # in the text that 'tipclassify text' prints
    address: str  # web address, or the file's name
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
    def link(self) -> str:
        """The address, with a fragment that opens it at the passage; empty for a file."""
        return link_to(self.address, self.quote, self.page) if self.is_online else ""

    @property
    def issued(self) -> str:
        """Date of publication or, if it is not known, the year that the report covers."""
        return self.date or self.year

    @property
    def keywords(self) -> list[str]:
        """Labels, and the country."""
        labels = [name for name in map(label_name, LABELS) if name in self.labels]
        return labels + known(self.country)

    @property
    def place(self) -> str:
        """Section, page or paragraph, and characters."""
        parts = []
        if self.section:
            parts.append(SENTENCES.section.format(section=self.section))
        if self.page:
            parts.append(SENTENCES.page.format(page=self.page))
        if self.paragraph:
            of_section = SENTENCES.paragraph_of_section
            sentence = of_section if self.section else SENTENCES.paragraph
            parts.append(sentence.format(paragraph=self.paragraph))
        parts.append(SENTENCES.characters.format(characters=self.characters))
        return ", ".join(parts)

    @property
    def source(self) -> str:
        """Plain text without the quote, to stand below it."""
        named = ", ".join(known(self.title, self.publication, self.publisher, self.date))
        country_and_year = ", ".join(known(self.country, self.year))
        if country_and_year:
            named = SENTENCES.of_country.format(named=named, country_and_year=country_and_year)
        address = ""
        if self.address != self.title:
            address = SENTENCES.address.format(address=self.address)
        read = SENTENCES.read.format(read=self.read) if self.read else ""
        return SENTENCES.source.format(
            named=named, place=self.place, address=address, read=read, tagged=self.tagged
        )

    @property
    def tagged(self) -> str:
        """Labels, and what gave them."""
        if not self.labels:
            return SENTENCES.without_label.format(model=self.model)
        return SENTENCES.tagged.format(labels=self.labels, model=self.model)

    @property
    def plain(self) -> str:
        """Plain text, in one line."""
        return SENTENCES.plain.format(quote=self.quote, source=self.source)

    @property
    def values(self) -> dict[str, str]:
        """The fields, and what the forms of citations derive from them, by name."""
        place = f"{self.place[0].upper()}{self.place[1:]}"
        return {
            **self.fields,
            "issued": self.issued,
            "issued_year": self.issued[:4],
            "date_with_slashes": self.date.replace("-", "/"),
            "read_with_slashes": self.read.replace("-", "/"),
            "link": self.link,
            "offline_address": "" if self.is_online else self.address,
            "keywords": ", ".join(self.keywords),
            "place_and_labels": SENTENCES.place_and_labels.format(place=place, tagged=self.tagged),
            "quoted": SENTENCES.quoted.format(quote=self.quote),
            "source": self.source,
        }

    @property
    def bibtex(self) -> str:
        """Entry of a BibTeX or biblatex file, in UTF-8; the quote is its annotation."""
        values = self.values
        fields = []
        for field, name in BIBTEX_FIELDS.items():
            if values[name]:
                value = _escape_bibtex_field(field, values[name])
                fields.append(SENTENCES.bibtex_field.format(field=field, value=value))
        return SENTENCES.bibtex.format(key=self.key, fields="".join(fields))

    @property
    def ris(self) -> str:
        """Record of a RIS file, with its line ends; quote and source are its notes."""
        values = self.values
        lines = [("TY", "RPRT"), ("ID", self.key)]
        for tag, name in RIS_TAGS.items():
            texts = self.keywords if tag == "KW" else known(values[name])
            lines += [(tag, text) for text in texts]
        lines.append(("ER", ""))
        return "".join(SENTENCES.ris_line.format(tag=tag, text=text) for tag, text in lines)

    @property
    def csl(self) -> str:
        """Item of a CSL-JSON list (citeproc-js, schema 1.0.2), for Zotero, Mendeley and pandoc."""
        values = self.values
        item: dict[str, object] = {"id": self.key, "type": "report", "language": "en"}
        for variable, name in CSL_VARIABLES.items():
            text = values[name]
            value = _csl_date(text) if variable in CSL_DATES else text
            if value:
                item[variable] = value
        return json.dumps(item, ensure_ascii=False)


def _escape_bibtex_field(field: str, text: str) -> str:
    """Write the value of a BibTeX field."""
    if field == "url":  # read verbatim
        return text
    escaped = text.translate(_TEX)
    # a second pair of braces keeps the capitals of a title
    return f"{{{escaped}}}" if field == "title" else escaped


def _csl_date(date: str) -> dict[str, list[list[int]]] | None:
    """Convert a date to that of CSL-JSON; None for one that is unknown or in words.

    >>> _csl_date("2024-06")
    {'date-parts': [[2024, 6]]}
    """
    if not re.fullmatch(r"\d{4}(-\d\d){0,2}", date):
        return None
    return {"date-parts": [[int(part) for part in date.split("-")]]}


def link_to(address: str, text: str, page: str = "") -> str:
    """Make the link that opens an address at a page of a PDF, or at the words themselves.

    The latter are URL Fragment Text Directives (WICG). Cells of a table, which ``|`` separates, are
    not side by side in the source: the first and the last are searched for.

    >>> link_to("https://example.org/a#top", "Courts, at last, convicted nine.")
    'https://example.org/a#:~:text=Courts%2C%20at%20last%2C%20convicted%20nine.'
    """
    without_fragment = urldefrag(address).url
    if page:
        return f"{without_fragment}#page={page}"
    cells = [cell.split() for cell in text.split(" | ")]
    ends = [cells[0][:FRAGMENT_WORDS], cells[-1][-FRAGMENT_WORDS:]]
    if len(cells) == 1 and len(cells[0]) <= 2 * FRAGMENT_WORDS:
        ends = [cells[0]]  # the passage, which is short, is searched for as a whole
    quoted_ends = [quote(" ".join(words), safe="!~*'()") for words in ends if words]
    directive = ",".join(end.replace("-", "%2D") for end in quoted_ends)
    return f"{without_fragment}#:~:text={directive}"


def cite(finding: Finding, context: ScoringContext | None = None) -> Citation:
    """Cite a tagged passage; `TaggedReport.findings` yields those of a report.

    `context` is the model and policy that tagged it and the day on which it was read; that of the
    finding if omitted.
    Raises `ValueError` when neither is known.

    >>> from tipclassify import Document, tag_report
    >>> document = Document.from_text("Police arrested nine traffickers.", "karvonia.txt")
    >>> finding = next(tag_report(document, model="fast", day="2026-11-28").findings())
    >>> cite(finding).title, cite(finding).place, cite(finding).read
    ('karvonia.txt', 'paragraph 1, characters 0–33', '2026-11-28')
    """
    context = context_of(context, [finding])
    passage = finding.passage
    facts = context.about()
    row = finding_row(finding)
    link = context.link(finding.address) if finding.address else None
    labels = [_label_with_probability(label, passage.scores[label]) for label in passage.labels]
    return Citation(
        key=_citation_line(_citation_key(finding, row)),
        quote=_citation_line(passage.text),
        title=_citation_line(title_name(finding.title)),
        publication=_citation_line(
            _cited_publication_unless_in_title(finding.title, finding.publication)
        ),
        publisher=_citation_line(finding.publisher),
        date=_citation_line(finding.date),
        country=_citation_line(row.country),
        year=_citation_line(row.year),
        section=_citation_line(section_name(row.section) if row.section else None),
        page=_citation_line(row.page),
        paragraph=_citation_line(None if row.page else finding.paragraph),
        characters=_citation_line(f"{passage.start}–{passage.end}"),
        address=_citation_line(link or source_name(finding.file)),
        read=_citation_line(context.day),
        labels=_citation_line(" and ".join(labels)),
        model=_citation_line(
            f"{facts['tool']}, model {facts['model'][:12]}, policy {facts['policy']}"
        ),
    )


def _citation_line(value: str | int | None) -> str:
    """Format a field in one line; what is unknown is empty."""
    return one_line(str(value or ""))


def _citation_key(finding: Finding, row: FindingRow) -> str:
    """Make the key of a citation: country or title, year, and a hash of the passage's place."""
    passage = finding.passage
    place = (finding.file, passage.start, passage.end, passage.text, finding.extra.get("id"))
    digest = hashlib.sha256(repr(place).encode("utf-8", "backslashreplace")).hexdigest()[:12]
    decomposed = unicodedata.normalize("NFKD", row.country or finding.title)
    name = re.sub("[^a-z0-9]", "", decomposed.lower())
    return f"{name[:24]}{row.year or ''}-{digest}"


def _label_with_probability(label: str, score: float) -> str:
    """Name a label with its probability, never as 1.00.

    >>> _label_with_probability("positive_effort", 0.9991)
    'positive effort (probability over 0.99)'
    """
    rounded = round(score, 4)  # as pages have it, whose script cites too
    return SENTENCES.labelled.format(
        label=label_name(label), probability=probability_in_words(rounded)
    )


def _cited_publication_unless_in_title(title: str, publication: str | None) -> str | None:
    """Return the publication, unless the title says it already."""
    if publication and publication.casefold() in title.casefold():
        return None
    return publication
