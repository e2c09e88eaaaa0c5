"""Of pages like those of reports, every paragraph is kept, in order, and nothing else is.

In ``pages/``, ``data-keep`` marks an element whose text is a block of its own (or gives that text,
where the page has more), ``data-section`` the section it stands under; ``§`` and ``¶`` stand for a
paragraph and a list entry of ``narrative.txt`` and ``items.txt``. Whatever is not marked is
navigation, a caption of a picture or a heading.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import sys
from itertools import cycle, islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from tipclassify import InputError
from tipclassify.readers.html.page import read_html
from tipclassify.readers.mail import read_eml
from tipclassify.records import Document
from tipclassify.text.prose import is_stock_phrase

FOLDER = Path(__file__).parents[1] / "pages"
PAGES = sorted(path.name for path in FOLDER.glob("*.html"))


def rendered(name: str) -> str:
    """A page with its placeholders filled; each page begins elsewhere in the narrative."""
    start = PAGES.index(name) * 7
    fill = {
        "§": islice(cycle((FOLDER / "narrative.txt").read_text("utf-8").splitlines()), start, None),
        "¶": islice(cycle((FOLDER / "items.txt").read_text("utf-8").splitlines()), start % 5, None),
    }
    ahead: dict[str, str] = {}

    def filled(match: re.Match[str]) -> str:
        attribute = match[1] or ""
        mark = match[2]
        text = ahead.pop(mark, None) or next(fill[mark])
        if attribute:
            ahead[mark] = text  # the element's own text is the same
        return attribute + text

    return re.sub(r'(data-keep="[^"]*)?([§¶])', filled, (FOLDER / name).read_text("utf-8"))


def marked(page: str) -> list[tuple[str, str | None]]:
    """(text, section) of each marked element."""
    tree = LexborHTMLParser(re.sub(r"<br\s*/?>", " ", page, flags=re.IGNORECASE))
    return [
        (
            " ".join((node.attributes["data-keep"] or node.text()).split()),
            node.attributes.get("data-section"),
        )
        for node in tree.css("[data-keep]")
    ]


def narrative(document: Document) -> list[tuple[str, str | None]]:
    """Return text and section of each block that is no heading."""
    return [(document.text[b.start : b.end], b.section) for b in document.blocks if not b.heading]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_keeps_its_paragraphs_and_nothing_else(name: str) -> None:
    page = rendered(name)
    blocks = narrative(read_html(page.encode(), name))
    wanted = marked(page)
    assert [text for text, _ in blocks] == [text for text, _ in wanted]
    named = [(text, section) for text, section in wanted if section]
    assert [pair for pair, (_, section) in zip(blocks, wanted, strict=True) if section] == named


NAVIGATION = (
    "Zimbabwe;Build a Custom Report;View report by;In this section;Back to Top;USA.gov".split(";")
)


def test_real_reports_keep_every_paragraph_however_their_pages_are_marked_up(real: Path) -> None:
    """Structural tags, class names and closing tags are removed step by step."""
    for path in sorted((real / "reports").glob("*.html"))[::4]:
        page = path.read_text("utf-8")
        nodes = LexborHTMLParser(page).css(".report__content p, .report__content li")
        wanted = [text for node in nodes if len(text := " ".join(node.text().split())) > 40]
        plain = re.sub(r"<(/?)(main|article)\b", r"<\1div", page)
        nameless = re.sub(r'\s(?:class|id|role)="[^"]*"', "", plain)
        broken = re.sub(r"<p\b[^>]*>", "", nameless).replace("</p>", "<br><br>")
        unclosed = page.replace("</p>", "").replace("</li>", "")
        assert not [text for text in NAVIGATION if text in read_html(page.encode(), "a").text]
        for variant in (page, plain, nameless, broken, unclosed):
            document = read_html(variant.encode(), path.name)
            assert [text for text in wanted if text not in document.text] == []


@pytest.mark.parametrize("layout", ["report__content", "wp-block-x report__content y"])
def test_a_page_of_a_known_site_is_read_without_the_library(
    layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "trafilatura", None)
    page = (
        "<p>Menu</p><h1 class=featured-content__headline>Norvia</h1>"
        f"<div class='{layout}'><h2>Prevention</h2><p class=related>{LONG}</p>"
        f"<div class=promo><p>{LONG}</p></div></div>"
        "<p>Build a report.</p>"
    )
    document = read_html(page.encode(), "page.html")
    assert document.text == f"Norvia\n\nPrevention\n\n{LONG}\n\n{LONG}"
    with pytest.raises(ImportError):
        read_html(page.replace(layout, "other").encode(), "page.html")


def test_a_known_name_that_holds_little_of_the_page_does_not_decide() -> None:
    head = "<h1 class=page-header>Norvia</h1><div class=field--name-body>In brief.</div>"
    paragraphs = [LONG for _ in range(9)]
    page = head + "".join(f"<p>{text}</p>" for text in paragraphs)
    assert texts(page)[-9:] == paragraphs


SITE = """<!DOCTYPE html><html><head><title>Tab title</title>\
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
    assert blocks(SITE) == [
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


# ------------------------------------------------------------------------------------------ details

LONG = (
    "Police arrested nine traffickers in the harbor district, and the courts convicted none of "
    "them."
)


def texts(html: str | bytes, encoding: str | None = None) -> list[str]:
    """Read a page, and return the text of each block that is no heading."""
    data = html.encode() if isinstance(html, str) else html
    return [text for text, _ in narrative(read_html(data, "page.html", encoding))]


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 1_500 + LONG,
        "<div class=nav>" * 1_500 + f"<p>{LONG}</p>" * 9,
        "<ul><li>" * 900 + LONG,
        "<b><i><span aria-hidden=true>" * 600 + LONG,
        "<table><tr><td>" * 600 + LONG,
        "<sup>" * 1_500 + LONG,
        f"<div class='{'x y-z ' * 100_000}'>{LONG}",
        f"<p data-x='{'<p>&quot;>' * 50_000}'>{LONG}",
    ],
    ids=["div", "nav", "li", "b", "td", "sup", "class", "attribute"],
)
def test_a_page_however_deep_or_wide_is_read(page: str) -> None:
    assert set(texts(page)) == {LONG}


@pytest.mark.parametrize(
    "unit",
    [
        "<div>",
        "<u></p>",
        "<div></b>",
        "<ul><li>",
        "<table><tr><td>",
        "<u><!--</u></u>-->",
        "<div><svg></div><g>",
    ],
)
@pytest.mark.parametrize("times", [6_000, 300_000])
def test_a_page_nested_too_deeply_is_refused_at_once(unit: str, times: int) -> None:
    with pytest.raises(
        InputError, match=r"^page\.html: nested too deeply to be a report; save it as text$"
    ):
        texts(unit * times + LONG)


@pytest.mark.parametrize(
    "unit",
    [
        "<p>x<li>y",
        "<form></form><foo/>",
        "<a name=x>",
        '<u "',
        "<![CDATA[",
        "</div>",
        "<!--><i></i>",
    ],
)
def test_markup_that_never_ends_is_read_in_a_moment(unit: str) -> None:
    """Without a watch: a time that grows with the square of the length would be minutes here."""
    with contextlib.suppress(InputError):
        texts(f"<p>{LONG}</p>" + unit * 30_000)


@pytest.mark.parametrize(
    "element",
    [
        "<section id=social-programs>{}</section>",
        "<div class=social-programs>{}</div>",
        "<div class=paywall>{}</div>",
        "<div class=alerts><ul>{}</ul></div>",
    ],
)
def test_ten_paragraphs_are_kept_whatever_the_element_around_them_is_called(element: str) -> None:
    theirs = [f"{LONG} It did so in district {number}." for number in range(10)]
    page = (
        f"<p>{LONG}</p>" * 20
        + element.format("".join(f"<p>{text}</p>" for text in theirs))
        + f"<p>{LONG}</p>" * 20
    )
    assert [text for text in texts(page) if text != LONG] == theirs


@pytest.mark.parametrize(
    "name", "paywall share subscription sponsored comments related-laws ad-unit".split()
)
def test_a_paragraph_is_kept_whatever_its_class(name: str) -> None:
    assert (
        texts(f"<p>{LONG}</p>" * 9 + f"<p class={name}>The courts sat. {LONG}</p>")[-1]
        == f"The courts sat. {LONG}"
    )


def test_comments_of_readers_below_a_short_article_are_no_text() -> None:
    paragraphs = [f"{LONG} It did so in district {number}." for number in range(4)]
    comments = "".join(
        f"<div class=comment><p>I think that the government did nothing and that the guards "
        f"took bribes all the time, number {number}.</p></div>"
        for number in range(20)
    )
    article = (
        f"<article><h1>Norvia</h1>{''.join(f'<p>{text}</p>' for text in paragraphs)}</article>"
    )
    assert texts(f"<body>{article}<div id=comments>{comments}</div>") == paragraphs


def test_teasers_of_other_pages_below_the_text_are_no_text() -> None:
    paragraphs = [f"{LONG} It did so in district {number}." for number in range(6)]
    teasers = "".join(
        f"<h3><a href=/{number}>Ferry talks end without a deal</a></h3>"
        "<p>Traders have moved into the valleys, and the herders have nowhere left to go.</p>"
        for number in range(3)
    )
    page = f"<h1>Norvia</h1>{''.join(f'<p>{text}</p>' for text in paragraphs)}{teasers}"
    assert texts(f"<body><div>{page}</div>") == paragraphs


@pytest.mark.parametrize(
    ("attributes", "read"),
    [
        ("hidden", False),
        ("aria-hidden=true", False),
        ("style='visibility: hidden'", False),
        ("class='text d-none'", False),
        ("class='hidden'", False),
        ("class='usa-text display-none'", False),
        ("class='d-none d-md-block'", True),
        ("class='hidden lg:flex'", True),
        ("class='overflow-hidden'", True),
        ("id=more hidden", True),
    ],
)
@pytest.mark.parametrize("tag", ["p", "div"])
def test_hidden_text_is_left_out_however_it_is_hidden(
    tag: str, attributes: str, read: bool
) -> None:
    hidden = f"<{tag} {attributes}>Guards of the port sold visas to recruiters for years.</{tag}>"
    page = f"<h1>Norvia</h1><p>{LONG}</p>{hidden * 4}<p>{LONG}</p><button aria-controls=more>More"
    assert (len(texts(page)) > 2) == read
    # a page that a script shows
    assert texts(f"<body><div {attributes}><p>{LONG}</p><p>{LONG}</p></div>") == [LONG, LONG]


@pytest.mark.parametrize(
    "pixel",
    [
        "<img style='display:none' src=x>",
        "<img hidden src=x>",
        "<input class=share>",
        "<br class=d-none>",
    ],
)
def test_a_hidden_pixel_takes_nothing_with_it(pixel: str) -> None:
    page = f"<body>{pixel}<h2>Protection</h2><p>{LONG}</p><p>{LONG}</p><p>{LONG}</p>"
    assert texts(page) == [LONG, LONG, LONG]
    assert texts(f"<main>{page}</main>") == [LONG, LONG, LONG]


@pytest.mark.parametrize(
    ("declaration", "encoding"),
    [
        ('<meta charset="windows-1252">', "cp1252"),
        ('<meta http-equiv=Content-Type content="text/html; charset=ISO-8859-1">', "cp1252"),
        ("<META CONTENT='text/html;charset=us-ascii'>", "cp1252"),
        ('<?xml version="1.0" encoding="iso-8859-2"?>', "iso-8859-2"),
        ("<meta charset=utf-16>", "utf-8"),
        ("<meta charset=no-such-thing>", "utf-8"),
        ("<meta charset=iso-8859-1>", "utf-8"),
        ("", "utf-8-sig"),
        ("", "utf-16"),
        ("<meta charset=utf-8>", "utf-16-le"),
        ("<meta charset=gb2312>", "gb18030"),
        ("<meta charset=shift_jis>", "cp932"),
        ("<meta charset=windows-31j>", "cp932"),
        ("<meta charset=euc-kr>", "cp949"),
        ("<meta charset=tis-620>", "cp874"),
        ("<meta charset=windows-874>", "cp874"),
        ("<meta charset=iso-8859-8-i>", "iso-8859-8"),
    ],
)
def test_a_page_is_decoded_as_it_declares_or_as_it_is(declaration: str, encoding: str) -> None:
    lines = {
        "iso-8859-2": "Wałęsa paid 12 zł.",
        "gb18030": "The 鎔 said so.",
        "cp932": "髙橋は①を保護した。",
        "cp949": "똠방 경찰은 아홉 명을 체포했다.",
        "cp874": "ตำรวจ “จับกุม” เก้าคน.",
        "iso-8859-8": "המשטרה עצרה תשעה סוחרים.",
    }
    line = lines.get(encoding, "“Café” – the señor’s.")
    assert texts(f"{declaration}<body><p>{line}</p>".encode(encoding)) == [line]


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("<html><body><nav>Menu</nav></body></html>", "save it complete, or as text"),
        (
            "<frameset><frame src=menu.htm><frame src=text.htm></frameset>",
            r"frames \(menu.htm, text.htm\); give the one",
        ),
        (
            "<meta http-equiv=refresh content='0; url=https://x.example/y'><p> </p>",
            "leads on to https://x.example/y",
        ),
        (
            "<div id=root></div><script src=app.js></script>",
            "a script draws it: open it in a browser",
        ),
        (
            "<noscript>Please enable JavaScript.</noscript><body><script>x</script>",
            "a script draws it",
        ),
        (
            "<title>Just a moment...</title><p>Checking your connection before you go on.</p>",
            "the site's error page",
        ),
        (
            "<title>404 - Page not found</title><p>We could not find what you asked for.</p>",
            "the site's error page",
        ),
        ("", "no readable text"),
    ],
)
def test_a_page_without_text_is_reported_with_a_way_out(page: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        texts(page)
    assert str(caught.value).startswith("page.html: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("page", "title"),
    [
        (
            "<title>Norvia - United States Department of State</title><h1>2023 Report: Norvia</h1>",
            "2023 Report: Norvia",
        ),
        (
            "<title>2019 TIP Report: Norvia - U.S. Embassy in Norvia</title><h1>Norvia</h1>",
            "2019 TIP Report: Norvia",
        ),
        ("<title>Norvia | Coast Watch</title><h1>Coast Watch</h1>", "Norvia"),
        ("<title>Norvia: forced labour – Wikipedia</title>", "Norvia: forced labour"),
        (
            (
                "<title>Coast Watch » Norvia 2020</title>"
                "<meta property=og:site_name content='Coast Watch'>"
            ),
            "Norvia 2020",
        ),
        ("<title>OHCHR | Norvia must act</title>", "Norvia must act"),
        ("<title>Norvia - 2024 Report</title>", "Norvia - 2024 Report"),
        ("<title>Norvia</title><svg><title>Cookie icon</title></svg>", "Norvia"),
        ("<svg><title>Cookie icon</title></svg><h2>Norvia</h2>", "Norvia"),
        ("<title> </title>", None),
    ],
)
def test_the_title_is_the_reports_not_the_sites(page: str, title: str | None) -> None:
    assert read_html(f"{page}<p>{LONG}</p>".encode(), "page.html").title == title


@pytest.mark.parametrize(
    "line",
    [
        "See also section 6.",
        "Released on 18 June 2024, the men returned to their villages.",
        "Published reports said that officers sold visas.",
        "By law, recruiters must register.",
        "Print and broadcast media reported on the trial.",
        "(c) Train judges;",
        "Posted to the border, the guards took bribes.",
        "Cookie factories hired children.",
        "Search operations freed 12 men.",
        "Train judges",
    ],
)
def test_a_line_of_a_report_is_no_stock_line(line: str) -> None:
    assert not is_stock_phrase(line)
    assert texts(f"<p>{LONG}</p><ul><li>{line}</li></ul><p>{LONG}</p><p>{LONG}</p>")[1] == line


@pytest.mark.parametrize(
    ("paragraph", "section"),
    [
        ("<p><strong>PROSECUTION</strong> The police acted.</p>", "prosecution"),
        ("<p><strong>Trafficking Profile:</strong> Girls are sold.</p>", "profile"),
        ("<p>PREVENTION<br>The ministry met once.</p>", "prevention"),
        ("<p><u>Prioritized Recommendations</u></p><p>Train judges.</p>", "recommendations"),
        ("<p>NORVIA: Tier 2 Watch List</p><p>The government acted.</p>", "assessment"),
        ("<h3>II. Protection and assistance</h3><p>A shelter opened.</p>", "protection"),
        ("<h3>3.1 Prosecution</h3><p>A court sat.</p>", "prosecution"),
        ("<h3>Protection of Refugees</h3><p>The law protects them.</p>", "Protection of Refugees"),
        ("<h3>Prevention of torture</h3><p>The law bans it.</p>", "Prevention of torture"),
        ("<p>Prevention of trafficking remained weak.</p>", None),
        (
            (
                "<div><section><header><h2>Prevention</h2></header>"
                "<p>The ministry met.</p></section></div>"
            ),
            "prevention",
        ),
        (
            (
                "<article><header><h2><a href=x>Prevention</a></h2></header>"
                "<p>The ministry met.</p></article>"
            ),
            "prevention",
        ),
        ("<dl><dt>Prevention</dt><dd>The ministry met.</dd></dl>", "prevention"),
        ("<label>Prevention</label><div>The ministry met.</div>", "prevention"),
    ],
)
def test_the_section_that_a_paragraph_stands_under(paragraph: str, section: str | None) -> None:
    blocks = read_html(paragraph.encode(), "x").blocks
    assert blocks[-1].section == section


TAGS = """<p> </p> <div> </div> <b> </b> <a href=x> <a> </a> <br> <table> <tr> <td> </td> </tr>
</table> <ul> <li> </ul> <h1> <h2> </h2> <main> </main> <article> </article> <nav>
</nav> <sup> </sup> <pre> </pre> <button> </button> <x-y> </x-y> <svg> </svg> <script>
</script> <style> </style> <!-- --> <![CDATA[ ]]> <details> <summary> <form>
<div/class=sidebar> <div/hidden> <p/class=share> <section/id=toc> <a/href="#f">1</a>
&nbsp; &amp;lt; &#0; &shy; < > " ' = <frameset> <template> </template> <plaintext>
<select> <option> <textarea> </textarea> <header> <footer> <a/role=tab/href=#t>
<div/id=t> <label> <q"r'=s> Prosecution • 12. [1]"""
SOUP = st.lists(
    st.sampled_from([*TAGS.split(), LONG, "Officials took bribes.", "\n\n", " ", "\u200b", "é"]),
    max_size=40,
)


@given(SOUP)
@settings(max_examples=100, deadline=None)
def test_no_soup_of_tags_breaks_the_reader(pieces: list[str]) -> None:
    try:
        document = read_html("".join(pieces).encode(), "page.html")
    except InputError:
        return
    blocks = document.blocks
    assert all(
        document.text[b.start : b.end].strip() == document.text[b.start : b.end] != ""
        for b in blocks
    )
    assert all(a.end + 2 == b.start for a, b in itertools.pairwise(blocks))
    assert all(b.heading or b.section is None or b.section.strip() for b in blocks)


@pytest.mark.parametrize(
    ("page", "kept"),
    [
        ("<p>The <button>TVPA</button> requires a report.</p>", ["The TVPA requires a report."]),
        (
            "<ul><li><label><input type=checkbox> Train the judges.</label></li></ul>",
            ["Train the judges."],
        ),
        ("<table><tr><td class=rating>Poor</td><td>Norvia</td></tr></table>", ["Poor | Norvia"]),
        ("<p><a name=top>The government acted.</a></p>", ["The government acted."]),
        (
            "<p>Police<br>arrested two.<br><br>Courts met.</p>",
            ["Police arrested two.", "Courts met."],
        ),
        ("<p>It must:<br>• Act.<br>• Pay.</p>", ["It must:", "• Act.", "• Pay."]),
        (
            "<h4>The government did nothing at all about it, and said so.</h4><p>It met.</p>",
            ["It met."],
        ),
        (f"<h4>{LONG} {LONG}</h4>", [f"{LONG} {LONG}"]),
        ("<aside><p>Related: nothing.</p></aside><p>It met.</p>", ["It met."]),
        ("<p>Nine were held</p><p>See <i>Annex</i></p>", ["Nine were held", "See Annex"]),
        ("<div hidden=until-found><p>It met.</p></div>", ["It met."]),
        (f"<title>404 victims identified in Norvia</title><p>{LONG}</p>", [LONG]),
        (
            '<?xml version="1.0"?><html><head><script src="a.js"/><title/></head><p>It met.</p>',
            ["It met."],
        ),
        (
            "<table><tr><td rowspan=2>Courts</td><td>Convictions</td><td rowspan=3>2023</td></tr>"
            "<tr><td>Sentences</td></tr><tr><td colspan=2>Fines</td></tr><tr><td>Police</td></tr>"
            "</table><table><tr><td>Raids</td></tr></table>",
            "Courts | Convictions | 2023;Courts | Sentences | 2023;Fines | 2023;Police;Raids".split(
                ";"
            ),
        ),
        (
            "<table><tr><th rowspan=2>Country<th colspan=2>Cases<th rowspan=2>Notes</tr>"
            "<tr><th>2022<th>2023</tr></table>",
            ["Country | Cases | Notes", "Country | 2022 | 2023 | Notes"],
        ),
    ],
)
def test_small_things_in_pages(page: str, kept: list[str]) -> None:
    assert texts(page) == kept


@pytest.mark.parametrize(
    ("cell", "rows"),
    [
        ("", ["Courts | 9 convictions", "Courts | 7 sentences"]),
        ("<p>Trials</p><p>Fines</p>", ["Trials", "Fines", "Courts", "9 convictions"]),
        ("Opened cases " * 12, [f"{'Opened cases ' * 12}| Courts | 9 convictions"]),
        ("<a href=/>Navy</a>", ["Navy | Courts | 9 convictions", "Navy | Courts | 7 sentences"]),
        ("<h3>Trials</h3>", ["Courts", "9 convictions"]),
    ],
)
def test_a_cell_over_several_rows_takes_its_column_in_each_of_them(
    cell: str, rows: list[str]
) -> None:
    table = (
        f"<tr><td rowspan=2>{cell}</td><td rowspan=2>Courts</td><td>9 convictions</td></tr>"
        "<tr><td>7 sentences</td></tr>"
    )
    read = texts(f"<table>{table}</table>")
    assert read[: len(rows)] == rows
    assert read[-1].endswith("Courts | 7 sentences")


def test_the_text_of_a_mail_may_have_no_headers_of_its_own() -> None:
    mail = (
        b"Subject: Norvia\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=part\n\n"
        b"--part\n\nPolice arrested nine traffickers.\n--part--\n"
    )
    document = read_eml(mail, "norvia.eml")
    assert (document.title, document.text) == ("Norvia", "Police arrested nine traffickers.")


def test_all_that_a_mail_shows_is_text_though_its_elements_are_those_of_menus() -> None:
    shown = ["Dear readers,", LONG, "The court freed two.", "Yours, Mila Ostrander, Harbor Watch"]
    page = (
        f"<table class=newsletter><tr><td class=social-share>{shown[0]}</td></tr>"
        f"<tr><td><div class=sidebar>{shown[1]}</div></td></tr><tr><td class=teaser>"
        f"<a href=x>The court</a> freed two.</td></tr></table><div class=footer>{shown[3]}</div>"
    )
    mail = f"Subject: Norvia\nMIME-Version: 1.0\nContent-Type: text/html\n\n{page}"
    assert read_eml(mail.encode(), "norvia.eml").text.split("\n\n") == shown


def test_quotation_marks_and_the_signature_of_a_mail_are_no_text() -> None:
    mail = (
        b"Subject: Norvia\nContent-Type: text/plain\n\n"
        b"See below.\n-- \nMila Ostrander\nHarbor Watch\n\n"
        b"> The ministry of the interior opened a shelter for women in\n"
        b"> the port, and its police arrested nine of the traffickers.\n> -- \n> Salo\n"
    )
    text = read_eml(mail, "norvia.eml").text
    assert "Ostrander" not in text
    assert "Salo" not in text
    assert "shelter for women in\nthe port, and" in text


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("14<sup>2</sup> convictions in 2023<sup>3</sup>.", "14 convictions in 2023."),
        ("fined 12<sup>[4]</sup> men, 2<sup>3,4</sup> twice", "fined 12 men, 2 twice"),
        ("9 km<sup>2</sup>, 20m<sup>3</sup>, 10<sup>6</sup>", "9 km2, 20m3, 106"),
        ("the 1<sup>st</sup> of 9<sup>1</sup>/<sub>2</sub>", "the 1st of 91/2"),
        ("fined 110<sup>2</sup> men", "fined 110 men"),
    ],
)
def test_a_raised_number_after_a_figure_is_a_note_unless_it_is_an_exponent(
    written: str, read: str
) -> None:
    assert read_html(f"<p>{written}</p>".encode(), "a.html").text == read
