"""Cite a tagged passage: plain text, BibTeX and RIS, for Zotero, EndNote and the like.

A source is named by what it says of itself: title, publication, publisher, date and address. Where
nothing is known, it is the name of its file, never the folder that it lies in.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urldefrag, urlsplit

from tipclassify.formatting import one_line
from tipclassify.labels import label_name
from tipclassify.probability import probability_in_words
from tipclassify.records import (
    CELL_BAR,
    Passage,
    Report,
    Run,
    cells,
    is_link,
    known,
    row,
    section_name,
    source_name,
)
from tipclassify.text.kinds import UNMEASURED

_FRAGMENT_WORDS: Final = 6  # at either end of a passage; the browser finds what lies between
_NO_URI: Final = re.compile(r"[^A-Za-z0-9\-._~:/?@!$&'()*+,;=%]|%(?![0-9A-Fa-f]{2})")

# Braces by name: BibTeX counts those after a backslash too, and reads on to the end of the file for
# one that is alone.
_TEX: Final = str.maketrans(
    {
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
)


@dataclass(frozen=True, slots=True)
class Citation:
    """Citation of a tagged passage; each text is one line, and empty if unknown."""

    # for BibTeX and RIS: the same each day and from each model
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
    address: str  # web address, or the file's name
    read: str  # day, YYYY-MM-DD
    labels: str  # with probabilities, where the model was measured on such text
    model: str  # tool, model and policy
    keywords: tuple[str, ...]  # labels, and the country
    before: str  # sentence before it in the source
    leans: bool  # whether it begins with a word for what stands there

    @property
    def is_online(self) -> bool:
        """Whether the address is a valid one of the web."""
        return is_link(self.address) and not set(self.address) & set("{}\\ ")

    @property
    def link(self) -> str:
        """The address, with a fragment that opens it at the passage; empty for a file."""
        return link_to(self.address, self.quote, self.page) if self.is_online else ""

    @property
    def place(self) -> str:
        """Section, page or paragraph, as far as they are known."""
        parts = []
        if self.section:
            parts.append(f"section “{self.section}”")
        if self.page:
            parts.append(f"p. {self.page}")
        if self.paragraph:
            of_section = " of the section" if self.section else ""
            parts.append(f"paragraph {self.paragraph}{of_section}")
        return ", ".join(parts)

    @property
    def tagged(self) -> str:
        """Labels, and what gave them."""
        return f"Tagged {f'as {self.labels}' if self.labels else 'with no label'} by {self.model}."

    @property
    def source(self) -> str:
        """Plain text without the quote, to stand below it."""
        named = ", ".join(known(self.title, self.publication, self.publisher, self.date))
        country_and_year = ", ".join(known(self.country, self.year))
        if country_and_year:
            named = f"{named} ({country_and_year})"
        address = f", {self.address}" if self.address != self.title else ""
        read = f" (read {self.read})" if self.read else ""
        leans = f" It leans on the sentence before: “{self.before}”" if self.leans else ""
        place = f", {self.place}" if self.place else ""
        return f"{named}{place}{address}{read}. {self.tagged}{leans}"

    @property
    def plain(self) -> str:
        """Plain text, in one line."""
        return f"“{self.quote}” {self.source}"

    @property
    def bibtex(self) -> str:
        """Entry of a BibTeX or biblatex file, in UTF-8; the quote is its annotation."""
        values = {
            "title": self.title,
            "series": self.publication,
            "organization": self.publisher,
            "date": self.date,
            "year": self._issued[:4],
            "pages": self.page,
            "url": self.link,
            "howpublished": "" if self.is_online else self.address,
            "urldate": self.read,
            "keywords": ", ".join(self.keywords),
            "note": f"{self.place[:1].upper()}{self.place[1:]}. {self.tagged}".removeprefix(". "),
            "annote": f"“{self.quote}”",
        }
        written = ""
        for name, value in values.items():
            escaped = value if name == "url" else value.translate(_TEX)  # a URL is read verbatim
            if name == "title":  # a second pair of braces keeps its capitals
                escaped = f"{{{escaped}}}"
            if value:
                written += f"  {name} = {{{escaped}}},\n"
        return f"@misc{{{self.key},\n{written}}}\n"

    @property
    def ris(self) -> str:
        """Record of a RIS file, with its line ends; quote and source are its notes."""
        values = [
            ("TY", "RPRT"),
            ("ID", self.key),
            ("TI", self.title),
            ("T2", self.publication),
            ("PB", self.publisher),
            ("PY", self._issued[:4]),
            ("DA", self.date.replace("-", "/")),
            ("SE", self.section),
            ("SP", self.page),
            ("UR", self.link),
            ("Y2", self.read.replace("-", "/")),
            *(("KW", keyword) for keyword in self.keywords),
            ("AB", f"“{self.quote}”"),
            ("N1", self.source),
        ]
        lines = [f"{tag}  - {value}\r\n" for tag, value in values if value]
        return "".join([*lines, "ER  - \r\n"])

    @property
    def _issued(self) -> str:
        """Date of publication or, if it is not known, the year that the report covers."""
        return self.date or self.year


def cite(report: Report, passage: Passage) -> Citation:
    """Cite a tagged passage of a report.

    Raises `ValueError` when it is not known what tagged the report.

    >>> from tipclassify import Document, tag_report
    >>> document = Document.from_text("Police arrested nine traffickers.", "karvonia.txt")
    >>> report = tag_report(document, model="fast", day="2026-11-28")
    >>> cited = cite(report, report.passages[0])
    >>> cited.title, cited.place, cited.read
    ('karvonia.txt', 'paragraph 1', '2026-11-28')
    """
    run = run_of(report)
    values = cells(row(report, passage), ())
    address = said(report, passage, "address")
    link = ascii_link(address) if address else None
    publication = said(report, passage, "publication")
    if publication and publication.casefold() in report.title.casefold():
        publication = None
    # four decimals, as every output has it
    labels = []
    for label in passage.labels:
        probability = f"probability {probability_in_words(round(passage.scores[label], 4))}"
        labels.append(f"{label_name(label)} ({probability if report.is_measured else UNMEASURED})")
    facts = run.about()
    section = values["section"]
    texts = {
        "key": _key(report, passage, values["country"], values["year"]),
        "quote": passage.text,
        "title": report.title,
        "publication": publication,
        "publisher": said(report, passage, "publisher"),
        "date": said(report, passage, "date"),
        "country": values["country"],
        "year": values["year"],
        "section": section_name(section) if isinstance(section, str) and section else None,
        "page": values["page"],
        "paragraph": None if values["page"] else report.paragraph(passage),
        "address": link or source_name(report.file),
        "read": run.day,
        "labels": " and ".join(labels),
        "before": values["before"],
        "model": f"{facts['tool']}, model {facts['model'][:12]}, policy {facts['policy']}",
    }
    lines = {name: one_line(str(value or "")) for name, value in texts.items()}
    keywords = (*map(label_name, passage.labels), *known(lines["country"]))
    return Citation(**lines, keywords=keywords, leans=bool(values["leans"]))


def _key(report: Report, passage: Passage, country: object, year: object) -> str:
    """Make the key of a citation: country or title, year, the passage's key, and which it is.

    The words of a report's second place end in -2, those of its third in -3.
    """
    decomposed = unicodedata.normalize("NFKD", str(country or report.title))
    name = re.sub("[^a-z0-9]", "", decomposed.lower())
    number = report.place_of_words(passage)
    again = f"-{number}" if number > 1 else ""
    return one_line(f"{name[:24]}{year or ''}-{passage.key}{again}")


def said(report: Report, passage: Passage, name: str) -> str | None:
    """Return what a report says of itself, or the input row of a passage in a column of that name.

    `name` is one of publication, publisher, date and address.
    """
    own: str | None = getattr(report, name)
    if own:
        return own
    value = passage.extra.get(name)
    text = value.strip() if isinstance(value, str) else ""
    if name == "address" and not is_link(text):
        return None
    return text or None


def run_of(*reports: Report) -> Run:
    """Return what tagged the reports.

    Raises `ValueError` when that is unknown, or not the same for all: counts, citations and
    comparisons of mixed tags would say something that no model found.
    """
    if not reports:
        raise ValueError("no reports: give at least one")
    runs = [report.run for report in reports if report.run is not None]
    if len(runs) < len(reports):
        raise ValueError("it is not known what tagged these: tag them with tag_report")
    first = runs[0]
    if any(run is not first and run.about() != first.about() for run in runs):
        raise ValueError("tagged by other models, policies or thresholds: tag all of them alike")
    return first


def ascii_link(link: str) -> str | None:
    """Quote the characters that a URI may not have; None for a bad host.

    Excel rejects a workbook with one bad URI.
    """
    try:
        host = urlsplit(link).netloc
    except ValueError:
        return None
    if not re.fullmatch(r"[A-Za-z0-9.-]+(:[0-9]+)?", host):
        return None
    address, mark, fragment = link.partition("#")
    return mark.join(
        _NO_URI.sub(lambda bad: quote(bad[0], errors="replace"), part)
        for part in (address, fragment)
    )


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
    cells = [cell.split() for cell in text.split(CELL_BAR)]
    ends = [cells[0][:_FRAGMENT_WORDS], cells[-1][-_FRAGMENT_WORDS:]]
    if len(cells) == 1 and len(cells[0]) <= 2 * _FRAGMENT_WORDS:
        ends = [cells[0]]  # the passage, which is short, is searched for as a whole
    quoted_ends = [quote(" ".join(words), safe="!~*'()") for words in ends if words]
    directive = ",".join(end.replace("-", "%2D") for end in quoted_ends)
    return f"{without_fragment}#:~:text={directive}"
