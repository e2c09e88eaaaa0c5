"""Pages lose the site around them and keep every paragraph; text is decoded."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

import pytest

from tipclassify import Classifier, InputError
from tipclassify.readers import read_report
from tipclassify.readers.html.page import read_html
from tipclassify.readers.text import decode
from tipclassify.text.split import split_passages

PAGE = """<!DOCTYPE html><html><head><title>Tab title</title>\
<script>var p = "Police took bribes.";</script></head><body>
<header><a href="/">Home</a><nav><ul><li>The government failed.</li></ul></nav></header>
<div class="breadcrumb__wrapper"><p>Home Reports Norvia failed to act.</p></div>
<main class="nav__main-content"><article>
<h1>Norvia: <em>2024</em> report</h1>
<nav class="report-toc"><p>In this section: officials took bribes.</p></nav>
<h2>PROSECUTION</h2><p>Police <b>arrested</b> nine&nbsp;traffickers.<br>Courts convicted none.</p>
<ul><li>Fund shelters;</li><li>train <a href="#">judges</a>.</li></ul>
<p><strong>Trafficking Profile</strong></p><div>Girls are exploited. <span>Boys beg.</span>\
<p>Nested paragraph.</p>tail text</div>
<table><tr><th>Year</th><th>Cases</th></tr><tr><td>2023</td><td>14</td></tr></table>
<aside>Related: complicit officials.</aside><div class="social-share">\
<p>Share this failure.</p></div>
<ul><li><a href="/a">Afghanland</a></li><li><a href="/b">Belmark</a></li></ul>
</article></main><footer><p>The government of the footer failed.</p></footer></body></html>"""


def blocks(html: str) -> list[tuple[str | None, bool, str]]:
    """Read a page; return section and text of each block, and whether it is a heading."""
    document = read_html(html.encode(), "page.html")
    return [(b.section, b.heading, document.text[b.start : b.end]) for b in document.blocks]


def test_a_page_keeps_its_text_and_loses_the_site() -> None:
    assert blocks(PAGE) == [
        ("Norvia: 2024 report", True, "Norvia: 2024 report"),
        ("prosecution", True, "PROSECUTION"),
        ("prosecution", False, "Police arrested nine traffickers. Courts convicted none."),
        ("prosecution", False, "Fund shelters;"),
        ("prosecution", False, "train judges."),
        ("profile", True, "Trafficking Profile"),
        ("profile", False, "Girls are exploited. Boys beg."),
        ("profile", False, "Nested paragraph."),
        ("profile", False, "tail text"),
        ("profile", False, "Year | Cases"),
        ("profile", False, "2023 | 14"),
    ]


def test_a_page_without_main_is_read_from_its_body() -> None:
    assert [text for *_, text in blocks("<p>One.<div id=menu>Two.</div><p>Three.")] == [
        "One.",
        "Three.",
    ]


@pytest.mark.parametrize(
    "html", ["<html><body><nav>Menu</nav></body></html>", "<html></html>", "<p> </p>"]
)
def test_a_page_without_text_is_reported(html: str) -> None:
    with pytest.raises(InputError, match=r"page.html: no readable text"):
        read_html(html.encode(), "page.html")


def test_the_declared_encoding_of_a_page_is_used() -> None:
    page = '<html><head><meta charset="iso-8859-2"></head><body><p>Wałęsa żył.</p></body></html>'
    assert "Wałęsa żył." in read_html(page.encode("iso-8859-2"), "p").text


@pytest.mark.parametrize(
    "data",
    [
        "café".encode(),
        codecs.BOM_UTF8 + "café".encode(),
        codecs.BOM_UTF16_LE + "café".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "café".encode("utf-16-be"),
        "café".encode("cp1252"),
    ],
)
def test_text_is_decoded(data: bytes) -> None:
    assert decode(data) == "café"


# --------------------------------------------------------------------------------------- real pages


def report_proper(page: str) -> tuple[list[str], str]:
    """Paragraphs, and all text, of the report in a state.gov page, by the class that holds it."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(page)
    texts = (re.sub(r"\s+", " ", node.text()).strip() for node in tree.css(".report__content p"))
    everything = " ".join(node.text(separator=" ") for node in tree.css(".report__content"))
    return [text for text in dict.fromkeys(texts) if len(text) > 40], re.sub(r"\s+", "", everything)


def test_real_pages_keep_every_paragraph_and_no_navigation_is_tagged(
    real: Path, classifier: Classifier
) -> None:
    pages = sorted((real / "reports").glob("*.html"))
    assert len(pages) == 10
    for path in pages:
        document = read_report(path)
        wanted, everything = report_proper(path.read_text("utf-8"))
        assert len(wanted) > 30
        assert [text for text in wanted if text not in document.text] == [], path.name
        passages = split_passages(document)
        outside = [p for p in passages if re.sub(r"\s+", "", p.text) not in everything]
        assert [p.text for p in classifier.tag(outside) if p.labels] == [], path.name
        for navigation in (
            "Zimbabwe",
            "Build a Custom Report",
            "View report by",
            "In this section",
            "Back to Top",
            "USA.gov",
        ):
            assert navigation not in document.text, path.name
        assert any("Labor" in (p.section or "") for p in passages), path.name
