"""Plain text is read in any encoding, and lost characters are reported."""

from __future__ import annotations

import base64
import codecs
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tipclassify import InputError
from tipclassify.readers import ReadOptions, read_bytes
from tipclassify.readers.encodings import decode, decode_file
from tipclassify.readers.text import read_text
from tipclassify.text.split import split_passages

# What a report has beyond ASCII: quotation marks, dashes, a currency, and the names of one country.
PROSE = {
    "marks": (
        "The ministry’s report said that courts “did not convict” any traffickers—the first such "
        "year."
    ),
    "apostrophe": (
        "The government did not convict any traffickers, and the ministry’s fund stayed closed."
    ),
    "money": "The government allocated £1.3 million to shelters – half of what it had promised.",
    "French": (
        "Police arrested Cédric Lefèvre at Besançon. The “fund” of the Conseil général closed in "
        "août."
    ),
    "Spanish": (
        "The court at Cañete released Íñigo Muñoz; Señora Ibáñez’s shelter in Mérida has 20 beds."
    ),
    "Portuguese": "In São Brás the judge, João Simões, let a petition of the Associação lapse.",
    "German": (
        "Prosecutors in Lüneck charged Günther Weiß. The Behörde für Größeres did not answer."
    ),
    "Nordic": "Port Åskøy’s mayor, Sørine Bjørgård, resigned; two officers fled to Mörk.",
    "Italian": "The sindaco of Forlimà said that the città “cannot pay”, and Niccolò Perrò agreed.",
    "Polish": "Jagoda Wiśniewska-Żak of Łęczna said that the ministry’s “fund” was empty.",
    "Czech": (
        "The court in Třebíč sentenced Zdeněk Růžička to nine years; his brother’s firm, Dvůr, "
        "closed."
    ),
    "Hungarian": "Judge Sztójay of Kőröstető released Erzsébet Szűcs and Gergő Bőhm.",
    "Croatian": "Anđel Rukas of Čelvin and Žarko Palvić protected the “club” for years.",
    "Romanian": "Police in Târgu Bâlea arrested Ionuţ Văcaru; the judge at Braşeni freed him.",
    "Turkish": "Police in Şarkışla arrested Çağlar Işık; Doğan’s café in İzmir was not searched.",
}
BYTES = ("cp1252", "iso8859_1", "iso8859_15", "iso8859_2", "cp1250", "cp1254", "mac_roman", "cp850")
WIDE = (
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "utf-32-le",
    "utf-32-be",
)


def writable(text: str, encoding: str) -> bool:
    """Tell whether an encoding has all characters of a text."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        pytest.param(text, encoding, id=f"{name}-{encoding}")
        for name, text in PROSE.items()
        for encoding in (*WIDE, *BYTES)
        if writable(text, encoding)
    ],
)
def test_prose_is_decoded(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_other_scripts_are_left_to_the_guesser_for_all_languages() -> None:
    text = "Правительство не осудило ни одного торговца людьми, и суд закрыл дело в мае."
    assert decode(text.encode("cp1251")) == text


def test_what_is_valid_utf_8_is_utf_8_whatever_a_server_says() -> None:
    assert decode("café".encode(), "iso-8859-1") == "café"
    assert decode("Wałęsa żył".encode("iso-8859-2"), "iso-8859-2") == "Wałęsa żył"


def test_latin_1_is_read_as_windows_1252_as_browsers_do() -> None:
    assert decode(b"\x93harbor\x94 gossip \xfc", "iso-8859-1") == decode_file(
        b"\x93harbor\x94 gossip \xfc", "", "latin-1"
    )
    assert decode(b"\x93harbor\x94 gossip \xfc", "iso-8859-1") == "“harbor” gossip ü"


def test_a_few_bad_bytes_do_not_turn_utf_8_into_something_else() -> None:
    data = "The ministry’s “fund” of José Peña ".encode() + b"closed\x94 in May."
    with pytest.warns(UserWarning, match=r"a\.txt: not quite utf-8; 1 characters are lost"):
        assert (
            decode(data, source="a.txt")
            == "The ministry’s “fund” of José Peña closed\ufffd in May."
        )


def test_a_byte_that_windows_1252_lacks_is_reported() -> None:
    with pytest.warns(UserWarning, match="not quite cp1252; 1 characters are lost"):
        assert (
            decode(b"The ministry\x92s \x93fund\x94 stayed \x81 closed.")
            == "The ministry’s “fund” stayed \ufffd closed."
        )


def test_guessing_takes_no_time_that_grows_with_the_square() -> None:
    start = time.process_time()
    assert decode(b"x" * 1_000_000 + b" caf\xe9").endswith(" café")
    decode(b"\xe9" * 1_000_000)
    decode(b"\xe9 " * 300_000)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_half_a_character_at_the_end_is_reported(encoding: str) -> None:
    with pytest.warns(UserWarning, match=f"not quite {encoding}"):
        assert decode("Police arrested nine.".encode(encoding)[:-1]).startswith(
            "Police arrested nin"
        )


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_utf_8_is_never_guessed(text: str) -> None:
    assert decode(codecs.BOM_UTF8 + text.encode()) == text
    if "\x00" not in text and not text.startswith("\ufeff"):
        assert decode(text.encode()) == text


# ------------------------------------------------------------------------------ the encoding option


def test_the_named_encoding_is_used_and_nothing_else() -> None:
    data = "Dvořák’s".encode("cp1250")
    assert read_bytes(data, "a.txt", ReadOptions(encoding="windows-1250")).text == "Dvořák’s"
    page = '<meta charset="utf-8"><p>Dvořák’s shelter closed.'.encode("cp1250")
    assert (
        read_bytes(page, "a.html", ReadOptions(encoding="windows-1250")).text
        == "Dvořák’s shelter closed."
    )
    assert (
        read_bytes(b"# A\n\ncaf\x8e", "a.md", ReadOptions(encoding="macintosh")).text == "A\n\ncafé"
    )
    assert decode_file("\ufeffcafé".encode("utf-16-le"), "a.txt", "utf-16-le") == "café"


@pytest.mark.parametrize(
    "encoding", ["klingon", "hex", "punycode", "idna", "unicode_escape", "undefined", "", "a\0b"]
)
def test_a_name_that_is_no_encoding_of_text_is_reported(encoding: str) -> None:
    with pytest.raises(
        InputError, match=r"a\.txt: no encoding is called .*; try utf-8, cp1252 or macintosh"
    ):
        decode_file(b"Police", "a.txt", encoding)


@pytest.mark.parametrize("encoding", ["unicode_escape", "punycode", "hex", "x" * 2_000])
def test_a_page_or_server_cannot_name_a_codec_that_makes_no_text(encoding: str) -> None:
    assert decode(b"\\ud800 caf\xe9", encoding) == "\\ud800 café"


# -------------------------------------------------------------------------------------------- pages


def test_form_feeds_part_pages_and_a_sentence_goes_on_over_them() -> None:
    text = (
        "PROTECTION\n\nThe only shelter\n\n\fclosed in May.\n\nIt held nine.\n\f\fPREVENTION\n\n"
        "No one was trained.\n"
    )
    document = read_text(text.encode(), "report.txt")
    assert document.text == text
    assert [(b.page, " ".join(text[b.start : b.end].split())) for b in document.blocks] == [
        (1, "PROTECTION"),
        (1, "The only shelter closed in May."),
        (2, "It held nine."),
        (4, "PREVENTION"),
        (4, "No one was trained."),
    ]
    assert next((p.page, p.text) for p in split_passages(document)) == (
        1,
        "The only shelter\n\n\fclosed in May.",
    )


def test_a_sentence_after_a_form_feed_is_on_the_page_on_which_it_begins() -> None:
    text = (
        "The ministry of the interior opened a shelter for\n"
        "women in the port in May. It was closed when the\n"
        "\fmoney for its guards had been spent. The police of\n"
        "the port arrested nine of the people who had come.\n"
    )
    passages = split_passages(read_text(text.encode(), "report.txt"))
    assert [(p.page, p.text.split()[0]) for p in passages] == [(1, "The"), (1, "It"), (2, "The")]


@pytest.mark.parametrize(
    ("data", "refused"),
    [
        (bytes(range(9, 14)) + b"\x1a\x1b Police acted.", False),
        ("Zażółć gęślą jaźń – “caf\xe9”".encode("cp1250", "replace"), False),
        (b"\x01" + b"Police acted. " * 4, False),
        (b"\x01" + b"Police acted. " * 3, True),
        (b"\x7f\x7f Police acted.", True),
        (b"Police acted. " * 100 + b"\0", True),
        ("Police acted.".encode("utf-16"), False),
        ("Police acted.".encode("utf-16-be"), False),
    ],
)
def test_bytes_are_no_text_with_a_zero_or_many_control_characters(
    data: bytes, refused: bool
) -> None:
    if refused:
        with pytest.raises(InputError, match=r"^a: not text"):
            decode_file(data, "a")
    else:
        decode_file(data, "a")


def test_the_named_encoding_does_not_make_binary_data_text() -> None:
    for data in (b"Police\0acted", "Police acted.".encode("utf-16-le"), b"\x01\x02\x03"):
        with pytest.raises(InputError, match="not text"):
            read_text(data, "a.txt", "cp1252")


def test_a_text_copied_from_a_page_has_a_title_and_its_navigation_is_no_passage() -> None:
    title = "Norvia: a lack of inspectors reported at the harbor"
    prose = "The government of Norvia did not open a shelter. Officials took bribes."
    text = (
        "abusearrow-downarrow-leftarrow-rightburgerchevron-downClock "
        "iconclosedeletedownloademailfacebookfilterglobe\n"
        f"Article\n\n24 Jun 2024\n\nAuthor:\nOffice of Labor\n\n{title}\n\n"
        f'"2024 Trafficking in Persons Report: Norvia", 24 June 2024\n\n{prose}\n\nTimeline'
    )
    document = read_bytes(text.encode(), "copied.txt")
    assert (document.title, document.country, document.year) == (title, "Norvia", 2024)
    assert [document.text[b.start : b.end].strip() for b in document.blocks if b.heading] == [title]
    assert [p.text for p in split_passages(document)] == prose.replace(". ", ".\n").splitlines()
    plain = read_bytes(f"{title}\n\n{prose}".encode(), "plain.txt")
    assert plain.title is None


def program() -> bytes:
    """Return the head of an ELF file: small numbers of 32 bits, which UTF-32 would be, too."""
    numbers = [0x464C457F, 1]
    numbers += [number * 0x1001 % 0x3000 for number in range(900)]
    numbers += [0x110000 for _ in range(99)]
    return b"".join(number.to_bytes(4, "little") for number in numbers)


def noise(allowed: range) -> bytes:
    """Return random bytes of this range."""
    draw = random.Random(7)
    return bytes(draw.choices(allowed, k=4_000))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(program(), id="a program, whose zeros are as those of UTF-32"),
        pytest.param(codecs.BOM_UTF16_LE + noise(range(256)), id="noise after a byte order mark"),
        pytest.param(noise(range(128, 256)), id="noise of letters with accents"),
        pytest.param(base64.b64encode(noise(range(256))), id="encoded data"),
    ],
)
def test_what_does_not_look_like_text_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match=r"^noise: not text"):
        read_bytes(data, "noise")


@pytest.mark.parametrize(
    "text",
    [
        "警察在五月逮捕了九名人贩子。法院没有判任何人有罪。" * 40,
        "حكمت المحكمة على تسعة من المتاجرين بالبشر في أيار. " * 40,
        "POLICE ARRESTED NINE TRAFFICKERS. COURTS CONVICTED NONE. " * 40,
        "\uf0b7 Police arrested nine traffickers, and the courts convicted none of them.\n" * 40,
        "Year 2021 | 14 | 3\n" * 300,
        "Read https://example.org/reports/2021/the-long-name-of-a-report-on-harbors.html first. "
        * 40,
    ],
)
def test_any_script_and_any_table_is_text(text: str) -> None:
    assert read_bytes(text.encode(), "a.txt").text.strip() == text.strip()


def test_a_page_with_pictures_in_it_is_text() -> None:
    picture = base64.b64encode(noise(range(256)) * 9).decode()
    page = (
        f"<!doctype html><img src='data:image/png;base64,{picture}'>"
        "<p>Police arrested nine traffickers in May.</p>"
    )
    assert read_bytes(page.encode(), "a.html").text == "Police arrested nine traffickers in May."
