"""A document says what it is called, who published it in what series and when, or nothing.

It never says a path.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pdf_pages import PROSE as PDF_PROSE
from pdf_pages import column, make_pdf

from tipclassify.download.cache import Download
from tipclassify.readers import read_bytes, read_report
from tipclassify.readers.about.titles import TitleLine, title_of_first_page
from tipclassify.records import Document
from tipclassify.reports.cite import said

PROSE = (
    "<p>The police of the capital arrested nine traffickers in May, and the courts convicted "
    "none of them.</p>"
) * 4


def page(head: str, body: str = PROSE) -> Document:
    """Read a web page with this head."""
    return read_bytes(
        f"<!doctype html><head>{head}</head><body>{body}</body>".encode(), "some/where/page.html"
    )


def markdown(matter: str) -> Document:
    """Read Markdown with this front matter."""
    return read_bytes(
        f"---\n{matter}\n---\n\nPolice arrested nine men.\n".encode(), "some/where/page.md"
    )


def text(words: str, name: str = "some/where/a.txt") -> Document:
    """Read plain text."""
    return read_bytes(words.encode(), name)


@pytest.mark.parametrize(
    ("head", "publisher"),
    [
        ("<meta property='og:site_name' content='Halden Institute'>", "Halden Institute"),
        ("<meta name='DC.publisher' content='Halden Institute'>", "Halden Institute"),
        (
            "<meta name='citation_publisher' content='OSCE'>",
            "Organization for Security and Co-operation in Europe",
        ),
        # an address, not a name
        ("<meta property='og:site_name' content='www.norvia.example'>", None),
        ("<meta property='og:site_name' content='Refworld'>", None),  # a library of others' reports
        (
            "<link rel=canonical href='https://2009-2017.state.gov/karvonia/'>",
            "United States Department of State",
        ),
        ("<link rel=canonical href='https://notstate.gov/karvonia/'>", None),
        (
            "<title>Norvia must act | OHCHR</title>",
            "Office of the United Nations High Commissioner for Human Rights",
        ),
        ("<title>OHCHR</title>", None),
        ("<title>Norvia - Chapter two</title>", None),
    ],
)
def test_the_publisher_is_named_by_the_page_or_its_domain(head: str, publisher: str | None) -> None:
    assert page(head).publisher == publisher


@pytest.mark.parametrize(
    ("head", "publication"),
    [
        (
            "<link rel=canonical href='https://www.state.gov/reports/"
            "2019-trafficking-in-persons-report-2/norvia/'>",
            "Trafficking in Persons Report",
        ),
        # not the site of its publisher
        ("<link rel=canonical href='https://a.example/tiprpt/norvia/'>", None),
        ("<meta name=citation_journal_title content='Harbor Law Review'>", "Harbor Law Review"),
        ("<title>2023 Harbor Labor Report: Togo</title>", "Harbor Labor Report"),
        ("<title>Togo – 2023 Harbor Narratives</title>", "Harbor Narratives"),
        ("<title>Harbor Report 2023</title>", "Harbor Report"),
        ("<title>Report: police of Togo free nine</title>", None),
        ("<title>Togo: police report nine arrests</title>", None),
    ],
)
def test_the_publication_is_named_by_tags_an_address_or_the_title(
    head: str, publication: str | None
) -> None:
    assert page(head).publication == publication


def test_linked_data_name_publisher_and_date() -> None:
    article = {
        "@context": "https://schema.org",
        "@graph": [
            {"@type": "WebSite", "name": "Halden", "datePublished": "1999-01-01"},
            {
                "@type": "Report",
                "datePublished": "2021-06-01T08:00:00+00:00",
                "publisher": {"@type": "Organization", "name": "Halden Institute"},
                "url": "https://halden.example/norvia",
            },
        ],
    }
    document = page(f"<script type='application/ld+json'>{json.dumps(article)}</script>")
    assert document.publisher == "Halden Institute"
    assert (document.date, document.address) == ("2021", "https://halden.example/norvia")


@pytest.mark.parametrize(
    ("head", "body", "date"),
    [
        ("<meta name=dcterms.issued content=2021-03-30>", "", "2021-03-30"),
        ("<meta property=article:published_time content=2021-03-02T17:48:38Z>", "", "2021"),
        # the report is released on another day than its page was made
        ("<meta name=dc.date content=2021-03-02>", "<p>March 30, 2021</p>", "2021"),
        ("<meta name=dc.date content=2021-03-30>", "<p>Harbor, 30 March 2021</p>", "2021-03-30"),
        ("<meta name=dc.date content=2021-03-30>", "<script>2021-03-30</script>", "2021"),
        ("", "<p>March 30, 2021</p>", None),
    ],
)
def test_a_day_of_a_content_system_counts_only_where_the_page_shows_it(
    head: str, body: str, date: str | None
) -> None:
    assert page(head, body + PROSE).date == date


@pytest.mark.parametrize(
    "data", ["{", "[[[[1]]]]", "3", '{"@graph": 1}', '{"@type": ["Report", 3], "publisher": 9}']
)
def test_broken_linked_data_say_nothing(data: str) -> None:
    document = page(f"<script type='application/ld+json'>{data}</script>")
    assert (document.publication, document.publisher, document.date) == (None, None, None)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "https://halden.example/",
        "/norvia",
        "c:/files/norvia.html",
        "file:///home/norvia",
    ],
)
def test_only_an_address_of_the_web_is_one(address: str) -> None:
    assert page(f"<link rel=canonical href='{address}'>").address is None


def test_the_address_of_a_copy_in_an_archive_is_that_of_the_page() -> None:
    address = "http://www.state.gov/j/tip/rls/tiprpt/2012/norvia.htm"
    archived = f"https://web.archive.org/web/20130501000000/{address}"
    document = page(f"<link rel=canonical href='{archived}'>")
    assert document.address == address
    assert document.publication == "Trafficking in Persons Report"
    assert document.publisher == "United States Department of State"


def test_a_link_is_the_address_unless_the_page_names_another() -> None:
    def read(head: str) -> str | None:
        data = f"<!doctype html><head>{head}</head>{PROSE}".encode()
        link = "http://example.org/a?session=9"
        return read_bytes(
            data, link, got=Download(data, "text/html", None, link, "2026-11-30")
        ).address

    assert read("") == "http://example.org/a?session=9"
    assert read("<meta property=og:url content=http://example.org/a>") == "http://example.org/a"


def test_a_title_that_is_only_a_country_gets_the_publication_that_the_page_names() -> None:
    head = (
        "<title>Qatar</title>"
        "<link rel=canonical href='https://www.state.gov/reports/"
        "2016-country-reports-on-human-rights-practices/qatar/'>"
    )
    document = page(head)
    assert document.title == "2016 Country Reports on Human Rights Practices: Qatar"
    assert page("<title>Qatar</title>").title == "Qatar"


def test_front_matter_names_all_fields() -> None:
    document = markdown(
        'title: "Norvia\\u2019s harbors: \\\n  \\ a study"\npublication: Harbor Watch\n'
        "publisher: ILO\n"
        "date: 2021-06-01T08:00:00-04:00\nsource_url: https://halden.example/norvia"
    )
    assert document.title == "Norvia’s harbors: a study"
    assert (document.publication, document.publisher) == (
        "Harbor Watch",
        "International Labour Organization",
    )
    assert (document.date, document.address) == ("2021", "https://halden.example/norvia")


def test_front_matter_without_an_address_of_the_web_has_none() -> None:
    document = markdown("title: Norvia\nurl: /news/norvia\ndate: soon")
    assert (document.title, document.address, document.date) == ("Norvia", None, None)


MASTHEAD = """United Nations                A/HRC/99/7*
General Assembly              Distr.: General
                              4 April 2014
                              Original: English

Human Rights Council
Agenda item 6

{kind}

Police arrested nine traffickers, whom A/HRC/98/1 names, on 5 May 2013.
"""


def test_a_masthead_of_the_united_nations_gives_symbol_and_date() -> None:
    document = text(MASTHEAD.format(kind="Visit to the harbors"))
    assert (document.publication, document.publisher) == ("A/HRC/99/7", "United Nations")
    assert (document.date, document.address) == ("2014-04-04", "https://undocs.org/A/HRC/99/7")


def test_a_review_of_the_united_nations_has_the_name_of_its_series() -> None:
    kind = "Report of the Working Group on the Universal Periodic Review"
    assert text(MASTHEAD.format(kind=kind)).publication == "Universal Periodic Review"


def test_a_masthead_in_large_type_is_no_title_and_a_note_mark_no_part_of_one() -> None:
    lines = [TitleLine("GENERAL", True, 20), TitleLine("Review∗", True, 14)]
    assert title_of_first_page(lines, 10) == "Review"
    assert title_of_first_page([*lines, TitleLine("Togo*", True, 14)], 10) == "Review: Togo"


def test_a_symbol_that_a_report_cites_is_not_its_own() -> None:
    document = text(
        "Police arrested nine men.\n\nThe General Assembly said so in A/HRC/99/7, para. 3.\n"
    )
    assert (document.publication, document.publisher, document.address) == (None, None, None)


def test_the_author_of_a_pdf_is_its_publisher_if_it_is_a_known_one() -> None:
    def publisher(author: str) -> str | None:
        data = make_pdf(column(60, 700, PDF_PROSE)).replace(
            b"<</Title()>>", f"<</Title()/Author({author})>>".encode()
        )
        return read_bytes(data, "some/where/x.pdf").publisher

    assert publisher("U. S. Department of Labor") == "United States Department of Labor"
    assert publisher("Ansel Brook") is None


def test_a_saved_page_has_the_address_that_it_was_saved_from() -> None:
    head = b"MIME-Version: 1.0\nSnapshot-Content-Location: https://halden.example/norvia\n"
    head += b"Content-Type: multipart/related; boundary=x\n\n--x\nContent-Type: text/html\n\n"
    document = read_bytes(head + f"<!doctype html>{PROSE}\n--x--\n".encode(), "some/where/x.mhtml")
    assert document.address == "https://halden.example/norvia"


def test_rows_have_their_publication_in_columns(tmp_path: Path) -> None:
    from tipclassify.tagging import Tagging

    file = tmp_path / "rows.csv"
    file.write_text(
        "text,publication,publisher\nPolice arrested nine men.,Harbor Watch,ILO\nCourts slept., ,\n"
    )
    (report,) = Tagging("fast").reports([str(file)])
    sources = [
        (said(report, each, "publication"), said(report, each, "publisher"))
        for each in report.passages
    ]
    assert sources == [("Harbor Watch", "ILO"), (None, None)]


def test_real_pages_name_their_publication(real: Path) -> None:
    for path in (real / "reports").glob("hrr-*.html"):
        document = read_report(path)
        assert document.publication == "Country Reports on Human Rights Practices"
        assert document.publisher == "United States Department of State"
        assert document.address is not None
        assert document.address.startswith("https://www.state.gov/")
