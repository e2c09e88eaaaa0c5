"""Article pages of ten kinds of site, with their true text.

``python tests/article_pages.py`` compares readers by them. In the markup a line that ends with a
backslash goes on in the next.
"""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

FOLDER = Path(__file__).parent / "pages"
PROSE = (FOLDER / "narrative.txt").read_text("utf-8").splitlines()
ITEMS = (FOLDER / "items.txt").read_text("utf-8").splitlines()
PLACES = "Mareth Gorra Ilva Drisk Velmora Tasseria Karvonia Norvia Quenda Brennmark".split()
HEADS = [
    "What the courts did",
    "A harbor without inspectors",
    "Who pays",
    "The law",
    "After the raid",
    "What comes next",
]
NEWS = ["deckhands unpaid for a year", "court frees quarry owners", "the debt of the cane"]
OTHERS = [
    "Ferry talks end without a deal",
    "Why the salt harvest failed",
    "A minister and forty cousins",
    "Rain stops play",
]
TEASER = (
    "Traders have moved into the valleys, and the herders who lived there "
    "have nowhere left to go this winter."
)
COMMENTS = [
    "My cousin worked on one of these boats for two years "
    "and the police laughed at him when he came home.",
    "Great piece. I wonder why nobody in the ministry "
    "has answered any of the letters that we sent last spring!",
    "You forget that the owners pay for the party, and that the party pays for the judges. "
    "Follow the money.",
]
COOKIES = (
    "We use cookies to understand how visitors use our site "
    "and to show you content that may interest you."
)
NEWSLETTER = (
    "Get the week in labor and migration in your inbox every Friday, "
    "free of charge and without advertising."
)
AUTHOR = (
    "Ines Halloran has covered the southern courts since 2015 "
    "and teaches reporting at the academy in Mareth."
)


class Block(NamedTuple):
    """A block of an article.

    `text` is markup; in it a bar divides items of a list and cells of a table, whose rows are
    lines.
    """

    tag: str
    text: str


class Article(NamedTuple):
    """A page and what a reader must find in it."""

    name: str
    page: str
    title: str
    headings: list[str]
    text: str


def articles() -> Iterator[Article]:
    """Yield six pages of each kind of site."""
    for kind in KINDS:
        for number in range(6):
            draw = random.Random(f"{kind.__name__} {number}")
            place = draw.choice(PLACES)
            title = f"{place}: {draw.choice(NEWS)}"
            blocks = list(_blocks(draw, 5 + 4 * number))
            yield Article(
                name=f"{kind.__name__}-{number}",
                page=kind(draw, title, blocks),
                title=title,
                headings=[block.text for block in blocks if block.tag == "h2"],
                text="\n".join(_plain(block) for block in blocks),
            )


def _blocks(draw: random.Random, size: int) -> Iterator[Block]:
    """Yield paragraphs, and now and then a heading, a list, a table or a quotation."""
    prose = draw.sample(PROSE, min(size, len(PROSE)))
    for number, text in enumerate(prose):
        if number > 1 and number % 4 == 2 and draw.random() < 0.8:
            yield Block("h2", HEADS[number // 4 % len(HEADS)])
        if number % 3 == 1 and draw.random() < 0.4:
            words = text.split()
            words[5:8] = [f'<a href="/x{number}">{" ".join(words[5:8])}</a>']
            text = " ".join(words)
        yield Block("p", text)
        if number % 6 == 4:
            items = Block("ul", "|".join(draw.sample(ITEMS, 3)))
            quotation = Block("blockquote", f"“{draw.choice(PROSE)}”")
            yield draw.choice([items, quotation, TABLE])


TABLE = Block("table", "Year|Cases|Convictions\n2021|14|3\n2022|19|none")


def _plain(block: Block) -> str:
    """Return what a reader sees of a block, an item or cell a line."""
    return re.sub(r"<[^>]+>", "", block.text).replace("|", "\n")


def _html(
    blocks: list[Block], between: str = "", p: str = "<p>{}</p>", h: str = "<h2>{}</h2>"
) -> str:
    """Return blocks as markup, with navigation of the site after the third."""
    parts = []
    for number, (tag, text) in enumerate(blocks):
        if tag == "ul":
            items = "".join(f"<li>{item}</li>" for item in text.split("|"))
            parts.append(f"<ul>{items}</ul>")
        elif tag == "table":
            parts.append(f"<table>{_rows(text)}</table>")
        elif tag == "blockquote":
            parts.append(f"<blockquote><p>{text}</p></blockquote>")
        elif tag == "h2":
            parts.append(h.format(text))
        else:
            parts.append(p.format(text))
        if number == 2:
            parts.append(between)
    return "\n".join(parts)


def _rows(text: str) -> str:
    """Return the rows of a table as markup."""
    rows = []
    for line in text.splitlines():
        cells = "".join(f"<td>{cell}</td>" for cell in line.split("|"))
        rows.append(f"<tr>{cells}</tr>")
    return "".join(rows)


def _links(texts: list[str], tag: str = "li") -> str:
    """Return links to other pages, each in an element of its own."""
    return "".join(
        f'<{tag}><a href="/{number}">{text}</a></{tag}>' for number, text in enumerate(texts)
    )


def _cards(tag: str = "h3", name: str = "card") -> str:
    """Return teasers of other articles."""
    return "".join(
        f'<div class="{name}"><{tag}><a href="#">{headline}</a></{tag}><p>{TEASER}</p></div>'
        for headline in OTHERS
    )


def _page(title: str, site: str, body: str) -> str:
    """Return a whole page."""
    head = f'<head><meta charset="utf-8"><title>{title} | {site}</title></head>'
    return f'<!DOCTYPE html><html lang="en">{head}<body>{body}</body></html>'


def news(draw: random.Random, title: str, blocks: list[Block]) -> str:
    """The site of a newspaper, with comments."""
    place = title.split(":")[0]
    newsletter = (
        f'<div class="inline-newsletter"><h4>The Friday Letter</h4><p>{NEWSLETTER}</p>'
        "<form><input><button>Sign up</button></form></div>"
    )
    ad = '<div class="ad-slot" data-slot="mid"><span>Advertisement</span></div>'
    more = f'<aside class="related"><h4>Read more</h4><ul>{_links(OTHERS[:2])}</ul></aside>'
    between = draw.choice([newsletter, ad, more])
    comments = "".join(f"<div class=comment><p>{comment}</p></div>" for comment in COMMENTS)
    return _page(
        title,
        "The Meridian",
        f"""<div id="cookie-banner"><p>{COOKIES}</p><button>Accept all</button></div>
<header class="site-header"><a class="logo" href="/">The Meridian</a>\
<nav><ul>{_links(PLACES)}</ul></nav></header>
<main><article class="article"><header><a class="kicker" href="/w">World</a><h1>{title}</h1>
<div class="byline">By <a href="/a">Ines Halloran</a> in {place}</div>\
<time>12 June 2023, 6.00</time>
<ul class="share-bar"><li><a href="#">Share</a></li><li><a href="#">Tweet</a></li>\
<li><a href="#">Email</a></li></ul></header>
<div class="article-body">{_html(blocks, between)}</div>
<div class="tags"><ul>{_links(["Slavery", "Fishing"])}</ul></div>\
<div class="author-bio"><p>{AUTHOR}</p></div></article>
<section class="comments" id="comments"><h2>Comments</h2>{comments}</section>
<section class="most-read"><h2>Most read</h2>{_cards(name="teaser")}</section></main>
<footer><ul>{_links(["Privacy policy", "Contact us"])}</ul>\
<p>© 2023 Meridian Media. All rights reserved.</p></footer>""",
    )


def blog(draw: random.Random, title: str, blocks: list[Block]) -> str:
    """A blog of the commonest make, with a side column and comments."""
    author = '<div class="comment-author">Ansel says:</div>'
    time = '<div class="comment-meta">May 3, 2021 at 4:10 pm</div>'
    comments = "".join(
        f'<li class="comment">{author}{time}<p>{comment}</p><a href="#">Reply</a></li>'
        for comment in draw.sample(COMMENTS, 2)
    )
    widgets = (
        f'<section class="widget"><h2>About</h2><p>{AUTHOR}</p></section>'
        f'<section class="widget"><h2>Recent Posts</h2><ul>{_links(OTHERS)}</ul></section>'
    )
    return _page(
        title,
        "Coast Watch",
        f"""<div id="page" class="hfeed site">\
<a class="skip-link screen-reader-text" href="#c">Skip to content</a>
<header id="masthead"><p class="site-title"><a href="/">Coast Watch</a></p>\
<p class="site-description">Notes from the quay</p></header>
<div id="content"><div id="primary">\
<article id="post-9" class="post-9 post type-post hentry category-sea">
<header class="entry-header"><h1 class="entry-title">{title}</h1>\
<div class="entry-meta">Posted on <a href="/d">May 2, 2021</a> by \
<a href="/b">Ansel Brook</a></div></header>
<div class="entry-content">{_html(blocks)}
<div class="sharedaddy sd-sharing-enabled"><h3 class="sd-title">Share this:</h3>\
<ul>{_links(["Twitter", "Facebook"])}</ul></div>
<div id="jp-relatedposts" class="jp-relatedposts"><h3>Related</h3>\
{_cards("h4", "jp-relatedposts-post")}</div></div>
<footer class="entry-footer">Posted in <a href="/c">Sea</a> | Tagged <a href="/t">boats</a>\
</footer></article>
<div id="comments" class="comments-area"><h2>{len(COMMENTS)} thoughts on “{title}”</h2>\
<ol class="comment-list">{comments}</ol>
<div id="respond"><h3>Leave a Reply</h3><p class="comment-notes">\
Your email address will not be published. Required fields are marked *</p></div></div></div>
<aside id="secondary" class="widget-area">{widgets}</aside></div>
<footer class="site-footer"><p>Proudly powered by WordPress</p></footer></div>""",
    )


def charity(_draw: random.Random, title: str, blocks: list[Block]) -> str:
    """The site of a charity, with an appeal for gifts in the middle of the article."""
    appeal = (
        '<div class="cta-box"><h3>Stand with them</h3>'
        "<p>Your gift today keeps two lawyers at work for a month.</p>"
        '<a href="/g">Donate now</a></div>'
    )
    menu = _links(["Our work", "Stories", "Donate"])
    return _page(
        title,
        "Anchor Alliance",
        f"""<div class="dialog-off-canvas-main-canvas"><header role="banner">\
<div class="region-header"><ul class="menu">{menu}</ul></div></header>
<div class="region region-breadcrumb"><ol><li><a href="/">Home</a></li><li>Stories</li></ol></div>
<main role="main"><article class="node node--type-story">\
<h1 class="page-title"><span>{title}</span></h1>
<div class="field field--name-field-date">3 May 2022</div>\
<div class="field field--name-body field__item">{_html(blocks, appeal)}</div>
<div class="field--name-field-tags"><div class="field__label">Tags</div>\
<div class="field__item"><a href="/t">Sea</a></div></div></article>
<div class="views-element-container block-views-related"><h2>Related stories</h2>\
{_cards(name="views-row")}</div></main>
<footer role="contentinfo"><p>Anchor Alliance is a registered charity \
and spends nine tenths of its income on shelter and legal aid.</p></footer></div>
<div id="sliding-popup"><p>{COOKIES}</p><button>OK</button></div>""",
    )


def ministry(_draw: random.Random, title: str, blocks: list[Block]) -> str:
    """The site of a ministry, with a list of contents."""
    contents = [block.text for block in blocks if block.tag == "h2"]
    return _page(
        title,
        "Ministry of Labor",
        f"""<div class="gov-banner">\
<p>This is an official website of the government of Norvia.</p></div>
<header class="gov-header"><a href="/">Ministry of Labor</a><nav aria-label="Menu">\
<ul>{_links(["News", "Services"])}</ul></nav></header>
<div class="gov-width-container"><main id="content"><h1 class="gov-heading-xl">{title}</h1>\
<p class="gov-metadata">Published 4 May 2022</p>
<nav role="navigation" class="contents-list"><h2>Contents</h2><ol>{_links(contents)}</ol></nav>
<div class="govspeak">{_html(blocks)}</div>\
<div class="print-link"><a href="#">Print this page</a></div>
<div class="feedback"><h2>Is this page useful?</h2><button>Yes</button><button>No</button></div>\
</main>
<aside class="related-navigation"><h2>Related content</h2><ul>{_links(OTHERS)}</ul></aside></div>
<footer><h2>Topics</h2><ul>{_links(PLACES)}</ul><p>All content is available \
under the Open Government Licence, except where otherwise stated.</p></footer>""",
    )


def wiki(_draw: random.Random, title: str, blocks: list[Block]) -> str:
    """An encyclopedia, with marks of notes after its sentences."""
    note = '<sup class="reference"><a href="#n1">[1]</a></sup>'
    with_notes = [Block(tag, text.replace(". ", f".{note} ")) for tag, text in blocks]
    edit = '<span class="mw-editsection">[<a href="/e">edit</a>]</span>'
    heading = f'<div class="mw-heading"><h2>{{}}</h2>{edit}</div>'
    contents = f'<div id="toc" class="toc"><h2>Contents</h2><ul>{_links(HEADS)}</ul></div>'
    return _page(
        title,
        "Openpedia",
        f"""<div id="mw-navigation"><ul>{_links(["Main page", "Random article"])}</ul></div>
<div id="content" class="mw-body"><h1 id="firstHeading">{title}</h1>\
<div id="siteSub">From Openpedia, the open encyclopedia</div>
<div id="mw-content-text"><div class="mw-parser-output">\
<div class="hatnote">For the river, see <a href="/r">Gorra (river)</a>.</div>
<table class="infobox"><tr><th>Capital</th><td>Mareth</td></tr>\
<tr><th>Population</th><td>4,100,000</td></tr></table>
{_html(with_notes, contents, h=heading)}
<div class="navbox"><ul>{_links(PLACES)}</ul></div></div></div>\
<div id="catlinks"><a href="/c">Labor</a></div></div>
<div id="footer"><p>This page was last edited on 4 May 2022, at 10:12.</p>\
<p>Text is available under a Creative Commons license.</p></div>""",
    )


def app(_draw: random.Random, title: str, blocks: list[Block]) -> str:
    """A page that a script writes, whose classes say how it looks and not what it means."""
    text = _html(blocks, p='<p class="mb-4 text-lg">{}</p>', h='<h2 class="text-2xl mt-6">{}</h2>')
    return _page(
        title,
        "Ledger",
        f"""<div id="__next"><div class="flex h-16 px-4"><a href="/">Ledger</a>\
<div class="flex">{_links(PLACES[:5], "div")}</div></div>
<div class="mx-auto max-w-3xl"><h1 class="text-4xl font-bold">{title}</h1>\
<div class="text-sm text-gray-500">4 May 2022 · 6 min read</div>
<div class="prose mt-8">{text}</div>
<div class="mt-12 flex"><button>Copy link</button></div></div>
<div class="bg-gray-100 py-8"><h3 class="text-xl">Keep reading</h3>\
<div class="grid grid-cols-3">{_cards("h4", "rounded p-4")}</div></div>
<div class="bg-black text-white p-8"><p>Subscribe to the Ledger \
and get a new story every Sunday morning, wherever you are.</p><p>© 2022 Ledger Inc.</p></div>\
</div>""",
    )


def tables(_draw: random.Random, title: str, blocks: list[Block]) -> str:
    """A page of the early web, laid out by a table."""
    menu = _links(["Who we are", "Publications", "Links"], "div")
    return f"""<html><head><title>{title}</title></head><body bgcolor=white><table width="100%">\
<tr><td colspan=2><font size=5>Institute for Coastal Peoples</font></td></tr>
<tr><td width=150 valign=top>{menu}</td>\
<td valign=top><h1>{title}</h1><p><i>May 2004</i></p>
{_html(blocks, h="<p><b>{}</b></p>")}<p align=center><a href="top">Back to top</a></p></td></tr>
<tr><td colspan=2 align=center><font size=1>Copyright 2004 Institute for Coastal Peoples. \
<a href="mailto:x">Webmaster</a></font></td></tr></table></body></html>"""


def broadcaster(_draw: random.Random, title: str, blocks: list[Block]) -> str:
    """The site of a broadcaster, each paragraph in a component of its own."""
    paragraph = (
        '<div data-component="text-block" class="sc-18fde0d6-0">'
        '<p class="sc-eb7bd5f6-0">{}</p></div>'
    )
    heading = '<div data-component="subheadline-block"><h2 class="sc-518485e5-0">{}</h2></div>'
    links = (
        f'<div data-component="links-block"><p>More on this:</p><ul>{_links(OTHERS[:2])}</ul></div>'
    )
    return _page(
        title,
        "Coast News",
        f"""<header><nav>{_links(PLACES, "div")}</nav></header><main id="main-content"><article>
<div data-component="headline-block"><h1>{title}</h1></div>\
<div data-component="byline-block"><div>Ines Halloran</div><div>Coast News, Mareth</div>\
<time>3 hours ago</time></div>
<figure><img src="b.jpg"><figcaption>The quay at dawn.</figcaption></figure>\
{_html(blocks, links, paragraph, heading)}
<div data-component="tags"><ul>{_links(PLACES[:2])}</ul></div></article>
<section data-component="related-content"><h2>Related</h2>{_cards()}</section></main>\
<footer>{_links(["Terms of use", "Cookies"], "div")}<p>Copyright © 2024 Coast News. \
The broadcaster is not responsible for the content of other sites.</p></footer>""",
    )


def discussed(draw: random.Random, title: str, blocks: list[Block]) -> str:
    """A short article under which readers write more than its author did."""
    voices = [f"{draw.choice(COMMENTS)} {draw.choice(COMMENTS)}" for _ in range(2 * len(blocks))]
    thread = "".join(
        f'<li class="comment"><h4>reader{n}</h4><p>{voice}</p></li>'
        for n, voice in enumerate(voices)
    )
    return _page(
        title,
        "Harbor Notes",
        f"""<header><nav><ul>{_links(PLACES)}</ul></nav></header><main><article class="post">\
<h1>{title}</h1>
<div class="post-body">{_html(blocks)}</div></article>
<section class="comments" id="comments"><h2>{len(voices)} comments</h2>\
<ol class="comment-list">{thread}</ol></section></main>
<footer><p>© 2023 Harbor Notes. All rights reserved.</p></footer>""",
    )


def agency(_draw: random.Random, title: str, blocks: list[Block]) -> str:
    """The site of an international agency, with a press release."""
    menu = _links(["About us", "Topics", "Media"])
    return _page(
        title,
        "Office for Labor Rights",
        f"""<a href="#m" class="visually-hidden">Skip to main content</a>\
<div class="topbar"><select><option>English</option></select></div>
<div class="megamenu"><ul>{menu}</ul></div>\
<div class="container" id="m"><div class="row"><div class="col-md-8 press-release">
<div class="label">Press release</div><h1>{title}</h1><div class="date">04 May 2022</div>\
<div class="social-links">{_links(["Facebook", "X"], "span")}</div>
<div class="text">{_html(blocks)}</div><div class="contact"><h4>For media inquiries</h4>\
<p>Please write to the press desk of the Office in Mareth (press@example.org).</p></div></div>
<div class="col-md-4"><div class="panel"><h3>See also</h3>{_cards("h4", "item")}</div></div></div>\
</div>
<div id="footer"><div class="foot-links">{_links(["Employment", "Contact us"], "span")}</div>\
<p>© Office for Labor Rights 2022</p></div>""",
    )


Kind = Callable[[random.Random, str, list[Block]], str]
"""A kind of site: a source of chance, title and blocks of an article in, its page out."""

KINDS: tuple[Kind, ...] = (
    news, blog, charity, ministry, wiki, app, tables, broadcaster, agency, discussed
)  # fmt: skip


def shingle_f1(extracted: str, expected: str, size: int = 4) -> float:
    """Return the F1 of the runs of `size` words, each as often as it occurs."""
    runs_extracted = _runs(extracted, size)
    runs_expected = _runs(expected, size)
    total = runs_extracted.total() + runs_expected.total()
    if total == 0:
        return 0.0
    return 2 * (runs_extracted & runs_expected).total() / total


def _runs(text: str, size: int) -> Counter[tuple[str, ...]]:
    """Count the runs of `size` words in a text."""
    words = re.findall(r"\w+", text)
    starts = range(len(words) - size + 1)
    return Counter(tuple(words[start : start + size]) for start in starts)


def main() -> None:
    """Print the mean F1 and the share of headings kept, by reader and kind of site."""
    import trafilatura

    from tipclassify.readers.html.page import read_html

    readers: dict[str, Callable[[str], str]] = {
        "tipclassify": lambda page: read_html(page.encode(), "page.html").text,
        "trafilatura": lambda page: trafilatura.extract(page, include_comments=False) or "",
    }
    try:
        from resiliparse.extract.html2text import extract_plain_text

        readers["resiliparse"] = lambda page: extract_plain_text(
            page, main_content=True, alt_texts=False
        )
    except ImportError:
        print("resiliparse is not installed", file=sys.stderr)
    for name, read in readers.items():
        scores: dict[str, list[float]] = {}
        headings_kept = []
        for article in articles():
            extracted = read(article.page)
            kind = article.name.partition("-")[0]
            scores.setdefault(kind, []).append(shingle_f1(extracted, article.text))
            headings_kept += [heading in extracted for heading in article.headings]
        by_kind = "  ".join(f"{kind} {fmean(values):.3f}" for kind, values in scores.items())
        f1 = fmean(chain.from_iterable(scores.values()))
        print(f"{name:12} F1 {f1:.3f}  headings {fmean(headings_kept):.3f}  | {by_kind}")


if __name__ == "__main__":
    main()
