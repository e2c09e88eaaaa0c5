"""The citation of a tagged passage: its fields, and the forms in which it is written.

A source is named by what it says of itself: title, publication, publisher, date and address. Where
nothing is known, it is the name of its file, never the folder that it lies in.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from tipclassify.labels import LABELS, label_name
from tipclassify.records import is_link, known
from tipclassify.reports.citation.formats import (
    render_bibtex_entry,
    render_ris_record,
)
from tipclassify.reports.citation.links import link_to
from tipclassify.reports.citation.sentences import SENTENCES

__all__ = ["Citation"]


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
        return render_bibtex_entry(self.key, self.values)

    @property
    def ris(self) -> str:
        """Record of a RIS file, with its line ends; quote and source are its notes."""
        return render_ris_record(self.key, self.values, self.keywords)
