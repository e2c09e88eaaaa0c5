"""Rich text: paragraphs, rows and notes, whatever program wrote them."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

import pytest

from tipclassify import InputError
from tipclassify.errors import MissingExtraError
from tipclassify.readers import read_report
from tipclassify.readers.rtf import read_rtf

FILES = Path(__file__).parent / "files"


def texts(body: str) -> list[str]:
    fonts = r"{\fonttbl{\f0\froman\fcharset0 Times;}{\f1\fcharset238 Times CE;}}"
    document = read_rtf(rf"{{\rtf1\ansi\ansicpg1252\deff0{fonts}{body}}}".encode(), "a.rtf")
    return [document.text[b.start : b.end] for b in document.blocks]


def test_a_report_in_rich_text() -> None:
    document = read_report(FILES / "sample.rtf")
    assert document.title == "2024 Trafficking Narratives: Karvonia"
    blocks = [(b.section, b.heading, document.text[b.start : b.end]) for b in document.blocks]
    assert [text for _, heading, text in blocks if heading] == [
        "2024 Trafficking Narratives: Karvonia",
        "Overview and Assessment",
        "Prioritized Recommendations",
        "Prosecution",
        "Conduct of Officials",
        "Protection",
        "Prevention",
    ]
    for block in (
        ("recommendations", False, "Investigate and prosecute officials suspected of aiding traffickers;"),
        ("prosecution", False, "Figure | 2022–23 | 2023–24"),
        ("prevention", False, "inspection of the fishing fleet;"),
        ("Notes", False, "Official Gazette of Karvonia, no. 211, 17 November 2023."),
    ):
        assert block in blocks
    assert "November. Police opened 29" in document.text
    assert "Jørn Palvić, called the reports “harbor gossip” and refused" in document.text
    assert "courts.example" not in document.text


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (r"One.\par Two\line goes on.\par", ["One.", "Two goes on."]),
        (r"\'93caf\'e9\'94 {\f1 Pala\'e8}\u8212?\u-10179?\u-8704? end", ["“café” Palač—😀 end"]),
        (r"{\pict\pngblip " + "89504e47" * 200 + r"}Text.", ["Text."]),
        (r'See {\field{\*\fldinst{HYPERLINK "https://a.example/"}}{\fldrslt{the law}}}.', ["See the law."]),
        (r"{\header Officials failed.}Text{\*\footnote {\super 1} Note.} goes on.", ["Text goes on.", "1 Note."]),
        (r"co\-operate nine\_fold a\~b", ["cooperate nine-fold a b"]),
        (r"\trowd\intbl 2023\cell 14\cell\row Text.", ["2023 | 14", "Text."]),
        (r"{\info{\title A \{b\}}}{\*\generator X;}PROTECTION\par Text.", ["PROTECTION", "Text."]),
    ],
)
def test_marks_become_text(body: str, wanted: list[str]) -> None:
    assert texts(body) == wanted


def test_characters_outside_the_code_page_are_reported() -> None:
    with pytest.warns(UserWarning, match=r"a\.rtf: 1 characters are not in its code page"):
        assert texts(r"caf\'81 closed") == ["caf\ufffd closed"]


@pytest.mark.parametrize(
    "body",
    [
        r"{\fonttbl " + r"\f1" * 100_000,
        r"{\fonttbl \f1" + r"\fcharset1" * 50_000,
        r"{\field{\*\fldinst{HYPERLINK " * 20_000,
        "{" * 100_000,
        r"{\footnote " * 20_000,
        r"\'9" * 50_000,
    ],
)
def test_hostile_marks_take_no_time(body: str) -> None:
    start = time.process_time()
    with contextlib.suppress(InputError):
        read_rtf(b"{\\rtf1 Text. " + body.encode(), "a.rtf")
    assert time.process_time() - start < 5


def test_broken_numbers_and_a_missing_extra_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"^a\.rtf: damaged RTF file; open it and save it as \.docx$"):
        read_rtf(rb"{\rtf1\uc Text.}", "a.rtf")
    monkeypatch.setitem(sys.modules, "striprtf", None)
    with pytest.raises(MissingExtraError, match=r"a\.rtf: reading RTF files needs an extra"):
        read_rtf(rb"{\rtf1 Text.}", "a.rtf")
