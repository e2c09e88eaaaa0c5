"""Books are read along their spine, chapter by chapter, and cannot harm."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from tipclassify import InputError
from tipclassify.readers import read_report
from tipclassify.readers.epub import read_epub
from tipclassify.readers.html.page import read_html

FILES = Path(__file__).parents[1] / "files"


def book(**changed: str | None) -> bytes:
    """The sample with other files, by the last part of their names; None leaves one out."""
    out = io.BytesIO()
    with zipfile.ZipFile(FILES / "sample.epub") as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            text = changed.get(Path(name).stem, old.read(name))
            if text is not None:
                new.writestr(name, text)
    return out.getvalue()


def test_a_book_is_its_chapters_in_order() -> None:
    document = read_report(FILES / "sample.epub")
    assert document.title == "Trafficking Narratives 2024: Karvonia"
    assert [(b.section, b.heading, document.text[b.start : b.end]) for b in document.blocks] == [
        ("Karvonia", True, "Karvonia"),
        ("prosecution", True, "Prosecution"),
        (
            "prosecution",
            False,
            "Police opened 29 investigations, compared with 34 the year before.",
        ),
        ("prosecution", False, "Courts convicted 11 traffickers."),
        ("prosecution", False, "In May the Port Åske court convicted two officers."),
        ("protection", True, "Protection"),
        ("protection", False, "The third shelter opened at Velhår in October."),
    ]


@pytest.mark.parametrize(
    "attributes", ['epub:type="footnote"', 'role="doc-footnote"', 'class="footnote"']
)
def test_a_note_that_stands_aside_is_read(attributes: str) -> None:
    page = (
        f"<h1>Prosecution</h1><p>Courts met.</p><aside {attributes}><p>Gazette 12.</p></aside>"
        f"<aside><p>Ad.</p></aside>"
    )
    document = read_epub(book(chapter1=f"<html><body>{page}</body></html>"), "a.epub")
    assert "Gazette 12." in document.text
    assert "Ad." not in document.text


@pytest.mark.parametrize("attributes", ['epub:type="pagebreak"', 'role="doc-pagebreak"'])
def test_printed_page_numbers_are_no_text(attributes: str) -> None:
    page = (
        f"<h1>Prosecution</h1><p>Courts con<span {attributes}>12</span>victed nine.</p>"
        f"<div {attributes}>Page 13</div><p>Police left<span {attributes}/>.</p>"
    )
    document = read_epub(book(chapter1=f"<html><body>{page}</body></html>"), "a.epub")
    assert "Prosecution\n\nCourts convicted nine.\n\nPolice left." in document.text
    broken = f"<h1>Prosecution</h1><p>Courts convicted<br {attributes}/>nine men.</p>"
    assert "convicted nine" in read_html(broken.encode(), "a.html").text
    unclosed = f"<h1>Prosecution</h1><p>Courts <span {attributes}>convicted nine traffickers.</p>"
    assert "convicted nine" in read_html(unclosed.encode(), "a.html").text


@pytest.mark.parametrize("missing", ["chapter1", "nav", "book", "container"])
def test_a_missing_file_is_passed_over_or_reported(missing: str) -> None:
    try:
        document = read_epub(book(**{missing: None}), "a.epub")
    except InputError as error:
        assert missing in ("book", "container")
        assert str(error).startswith("a.epub: incomplete, ")  # noqa: PT017
    else:
        assert (
            "Courts convicted 11" not in document.text
            if missing == "chapter1"
            else "Courts" in document.text
        )


def test_a_chapter_named_again_is_read_once() -> None:
    with zipfile.ZipFile(FILES / "sample.epub") as archive:
        package = archive.read("OEBPS/book.opf").decode()
    again = package.replace("</spine>", '<itemref idref="one"/>' * 9 + "</spine>")
    assert read_epub(book(book=again), "a.epub") == read_epub(book(), "a.epub")


def test_entities_never_swell() -> None:
    laughs = '<!DOCTYPE container [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><container>&b;</container>'
    for encoding in ("utf-8", "utf-16"):
        with pytest.raises(InputError, match="incomplete, it names no book"):
            read_epub(book(container=laughs.encode(encoding)), "a.epub")  # type: ignore[arg-type]


def test_a_locked_book_is_reported() -> None:
    empty = "<html><body><p> </p></body></html>"
    data = io.BytesIO(book(chapter1=empty, **{"chapter 2": empty, "chapter3": empty}))
    with pytest.raises(
        InputError, match=r"^a\.epub: no readable text in it; give the report in another format$"
    ):
        read_epub(data.getvalue(), "a.epub")
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr("META-INF/rights.xml", "<rights/>")
    with pytest.raises(
        InputError, match=r"^a\.epub: locked against copying \(DRM\); give the report in another"
    ):
        read_epub(data.getvalue(), "a.epub")
