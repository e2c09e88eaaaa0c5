"""Markdown is read as its rendered page: the markup goes, the text stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from tipclassify.readers import read_report
from tipclassify.readers.text import read_markdown

FILES = Path(__file__).parents[1] / "files"


def blocks(markdown: str) -> list[tuple[bool, str]]:
    """Read Markdown; return of each block whether it is a heading, and its text."""
    document = read_markdown(markdown.encode(), "a.md")
    return [(b.heading, document.text[b.start : b.end]) for b in document.blocks]


def test_a_report_in_markdown() -> None:
    document = read_report(FILES / "sample.md")
    assert document.title == "2024 Trafficking Narratives: Karvonia"
    assert [(b.section, b.heading, document.text[b.start : b.end]) for b in document.blocks] == [
        ("Karvonia", True, "Karvonia"),
        (
            "Karvonia",
            False,
            "Karvonia does not yet fully meet the Institute's minimum standards, although its "
            "government is making"
            " significant efforts.",
        ),
        ("recommendations", True, "Prioritized Recommendations"),
        (
            "recommendations",
            False,
            "Investigate and prosecute officials suspected of aiding traffickers;",
        ),
        ("recommendations", False, "Open a shelter for men."),
        ("recommendations", False, "Stop lodging boys in juvenile detention."),
        ("prosecution", True, "Prosecution"),
        ("prosecution", False, "Courts convicted 11 traffickers & sent nine of them to prison."),
        ("prosecution", False, "Figure | 2022–23 | 2023–24"),
        ("prosecution", False, "Investigations opened | 34 | 29"),
        ("Conduct of Officials", True, "Conduct of Officials"),
        ("Conduct of Officials", False, "Three officers allegedly sold 60 work permits."),
        ("Conduct of Officials", False, "The head of the service refused to hand over the files."),
        ("Conduct of Officials", False, "No victim obtained compensation."),
        ("Conduct of Officials", False, "Official Gazette of Karvonia, no. 211."),
    ]


@pytest.mark.parametrize(
    ("markdown", "wanted"),
    [
        ("**Police** acted.", [(False, "Police acted.")]),
        ("**Police acted.**", [(False, "Police acted.")]),
        ("**Police**\n\nThey acted.", [(True, "Police"), (False, "They acted.")]),
        ("*a*<br>b  \nc", [(False, "a b c")]),
        ("One \\* two &lt; three ~~gone~~", [(False, "One * two < three gone")]),
        (
            "Courts acquitted all of them, as they had the year before.\n---\nB",
            [(False, "Courts acquitted all of them, as they had the year before."), (False, "B")],
        ),
        ("---\nNot front matter\n\n---\nText.", [(False, "Not front matter"), (False, "Text.")]),
        ("---\n**Not front matter**\n---\nText.", [(True, "Not front matter"), (False, "Text.")]),
        (
            "<p>One.</p>\n<script>two()</script>\n<ul><li>Three &amp; four</li></ul>",
            [(False, "One."), (False, "Three & four")],
        ),
        ("<!-- a\n\nb -->\n\nText.", [(False, "Text.")]),
        (
            "[ref]: https://example.org\n\nSee [the law][ref] and <https://example.org>.",
            [(False, "See the law and https://example.org.")],
        ),
    ],
)  # fmt: skip
def test_marks_go_and_text_stays(markdown: str, wanted: list[tuple[bool, str]]) -> None:
    assert blocks(markdown) == wanted


def test_the_title_is_the_top_heading_where_nothing_else_names_it() -> None:
    assert read_markdown(b"## 2\n\n# Karvonia *2024*\n\nText.", "a.md").title == "Karvonia 2024"
    assert read_markdown(b"Text.", "a.md").title is None
    assert read_markdown(b"+++\ntitle = 'Karvonia'\n+++\nText.", "a.md").title == "Karvonia"
