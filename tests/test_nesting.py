"""Pages too deep to parse are refused at once, whatever they hide closing tags in; no other page is."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest

from tipclassify.errors import InputError
from tipclassify.readers.html import nesting
from tipclassify.readers.html.nesting import check_nesting

PAGES = sorted((Path(__file__).parent / "pages").glob("*.html"))
TAGS = b"""<u> </u> <div> </div> <p> </p> <b> </b> <a> </a> <li> </li> <ul> </ul> <table> </table> <tr> <td> </td> <svg>
</svg> <g> <g/> </g> <math> <mi> </mi> <foo> <foo/> </foo> <!-- --> <!--> <script> </script> <title> </title> <select>
</select> <option> <button> </button> <form> </form> <object> </object> <template> </template> <u|x="</u>"> <u|x='> '>
<u|="> " ' x <![CDATA[ ]]> </br> <br> <nobr> <font|color=x> </font> <foreignObject> </foreignObject> <h1> </h1> <dd>
<dl> </dl> <textarea> </textarea> <marquee> </marquee> <noscript> <iframe> </iframe> <rt> <style> </style> <em/> <div/>
<path/>""".replace(b"|", b" ").split()


@pytest.mark.parametrize(
    "unit",
    [
        b"<div>",
        b"<u></p>",
        b"<div></b>",
        b"<div></p></br></li>",
        b"<foo/>",
        b"<opx>",
        b"<u><!--</u></u>-->",
        b"<!--><u>",
        b"<u><script></u></u></script>",
        b"<script><!--</script><u>",
        b'<u title="</u></u>">',
        b"<u a=b'>",
        b"</3 </u><u>",
        b"<div><table></div>",
        b"<foo><ul></foo>",
        b"<div><svg></div><foo/>",
        b"<svg><div><foo/></svg>",
        b"<svg><![CDATA[></g></g>]]><g>",
        b"<svg><script></g></g></script><g>",
        b"<![CDATA[<iframe><mi>",
        b"<form></form><foo/>",
        b"<svg></p><foo/>",
        b"<marquee><select></font></marquee>",
    ],
)
def test_what_nests_is_refused(unit: bytes) -> None:
    with pytest.raises(InputError, match=r"^a\.html: nested too deeply to be a report; save it as text$"):
        check_nesting(b"<html><body>" + unit * 6_000, "a.html")


@pytest.mark.parametrize(
    "unit",
    [
        b"<u></u>",
        b"<div><b></div>x</b>",
        b"<a name=x>",
        b"<p>x<li>y<option>z",
        b"<dl><dt>x<dd>y</dl>",
        b'<svg><path d="M0"/><g><path/></g></svg>',
        b"<table><tr><td><div>x</div></table>",
        b"<script>if (a < b && c<d) '<div>'</script>",
        b'<div title="<u>"></div>',
        b"<textarea><u><u></textarea>",
        b"<form><input></form>",
        b"<!-- <u> <div> --><br><img src=x>",
        b"<td><font color=red>x</font>",
        b'<div class="a" id=b\n data-x=\'{"y": "<i>"}\'><span/></span></div>',
    ],
)
def test_what_does_not_nest_is_read(unit: bytes) -> None:
    check_nesting(b"<html><body>" + unit * 6_000, "a.html")


def test_markup_that_is_closed_in_its_tag_does_not_nest_in_xhtml() -> None:
    check_nesting(b'\n<?xml version="1.0"?><html>' + b"<span/><foo />" * 6_000, "a.html")


@pytest.mark.parametrize(
    "unit", [b'<u "', b'<u a="', b"<", b"<![CDATA[", b"<svg><![CDATA[", b"<svg><script>", b"</div>"]
)
def test_what_never_ends_is_looked_through_once(unit: bytes) -> None:
    """Without a watch: one search to the end of the page from each of its tags would take minutes here."""
    with contextlib.suppress(InputError):
        check_nesting(b"<foo>" * 1_900 + b"<br></br>" * 5_000 + unit * 200_000, "a.html")


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_pages_of_sites_are_far_from_deep(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nesting, "_MIN_TAGS", 0)
    monkeypatch.setattr(nesting, "_MAX_DEPTH", 20)
    check_nesting(page.read_bytes(), page.name)


def test_no_page_that_the_parser_makes_deep_is_taken_for_flat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nesting, "_MIN_TAGS", 0)
    monkeypatch.setattr(nesting, "_MAX_DEPTH", 10)
    draw = random.Random(3)
    deep = 0
    for _ in range(400):
        page = b"x" + b"".join(draw.choices(TAGS, k=draw.randint(1, 5))) * 60
        if _depth(page) > 7 * nesting._MAX_DEPTH:  # a level may hold some that are not counted: tr and td in a table
            deep += 1
            with pytest.raises(InputError):
                check_nesting(page, "a.html")
    assert deep > 20


def _depth(page: bytes) -> int:
    """Elements within each other, in the parser's tree."""
    from selectolax.lexbor import LexborHTMLParser

    deepest = 0
    for node in LexborHTMLParser(page).root.traverse(include_text=False):  # type: ignore[union-attr]
        depth, at = 0, node
        while at is not None:
            depth, at = depth + 1, at.parent  # type: ignore[assignment]
        deepest = max(deepest, depth)
    return deepest
