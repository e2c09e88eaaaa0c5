"""Formats that analysts have: mail, old office files, archives of reports.

Our own pages are no reports.
"""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest
from conftest import Cli

FAST = ("--model", "fast")
TEXT = "PROSECUTION\n\nPolice arrested nine traffickers, but courts convicted none of them.\n"
PAGE = f"<!doctype html><title>Togo 2021</title><h1>Togo 2021</h1><p>{TEXT.splitlines()[2]}</p>"
Done = subprocess.CompletedProcess[bytes]
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
RICH = rb"{\rtf1\ansi Police.\par}"


def zipped(members: dict[str, bytes]) -> bytes:
    """Return a zip file of these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def texts(done: Done) -> list[str]:
    """Return the text of each passage that a command wrote as JSON Lines."""
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["text"] for line in done.stdout.splitlines()]


def errors(done: Done) -> list[str]:
    """Return the lines of the log that are no warnings."""
    return [line for line in done.stderr.decode().splitlines() if "warning" not in line]


# ------------------------------------------------------------------------------------ our own pages


def test_our_own_results_are_named_and_skipped_and_the_rest_goes_on(
    cli: Cli, tmp_path: Path
) -> None:
    report = tmp_path / "report.txt"
    report.write_text(TEXT, "utf-8")
    for name in ("findings.html", "side.html", "rows.jsonl", "words.docx", "words.md"):
        assert cli("score", report, *FAST, "-o", tmp_path / name).returncode == 0
    done = cli("score", tmp_path / "findings.html", report, *FAST, "--format", "jsonl")
    assert done.returncode == 1
    (line, _) = errors(done)
    assert line.endswith(
        "findings.html: a page that tipclassify wrote, skipped; "
        "give the report that it was made from"
    )
    assert len(done.stdout.splitlines()) == 1
    folder = cli("score", tmp_path, *FAST, "--format", "jsonl")
    assert len(texts(folder)) == 1
    assert b"left out what tipclassify wrote: findings.html, " in folder.stderr
    report.unlink()  # rows without their report are an input like another
    alone = cli("score", tmp_path, *FAST, "--format", "jsonl")
    assert len(texts(alone)) == 1


def test_a_desk_and_a_comparison_are_our_own_pages(cli: Cli, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    for year in (2021, 2022):
        (reports / f"togo-{year}.html").write_text(PAGE.replace("2021", str(year)), "utf-8")
    desk = ("--format", "html", "--output-dir", reports / "desk")
    assert cli("score", reports, *FAST, *desk).returncode == 0
    old = reports / "togo-2021.html"
    new = reports / "togo-2022.html"
    assert cli("compare", old, new, *FAST, "-o", reports / "changes.html").returncode == 0
    done = cli("score", reports, *FAST, "--format", "jsonl")
    names = {Path(json.loads(line)["file"]).name for line in done.stdout.splitlines()}
    assert names == {old.name, new.name}


# --------------------------------------------------------------------------------------------- mail


def mail(html: str = "", plain: str = "", attached: bytes = b"", headers: int = 0) -> bytes:
    """Return a message with a page, text or attached file, and so many more headers."""
    message = EmailMessage()
    for number in range(headers):
        message[f"X-Relay2-{number}"] = "accepted by the relay of the harbor office"
    message["From"] = "Ines Halloran <ines@halden.example>"
    message["Subject"] = "Togo: a year of trials"
    message["Date"] = "Tue, 01 Jun 2021 09:00:00 +0000"
    if plain:
        message.set_content(plain)
    if html and plain:
        message.add_alternative(html, subtype="html")
    elif html:
        message.set_content(html, subtype="html")
    if attached:
        message.add_attachment(
            attached, maintype="application", subtype="pdf", filename="annex.pdf"
        )
    return message.as_bytes()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(mail(html=PAGE), id="a page"),
        pytest.param(mail(plain=TEXT), id="plain text"),
        pytest.param(mail(html=PAGE, plain="See the page."), id="both"),
        pytest.param(mail(html="<p></p>", plain=TEXT), id="a page without text"),
        pytest.param(mail(plain=TEXT, headers=60), id="many headers"),
        pytest.param(mail(plain=TEXT).decode().encode("utf-16"), id="in UTF-16"),
    ],
)
def test_the_text_of_a_mail_is_read(cli: Cli, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "togo.eml").write_bytes(data)
    done = cli("score", tmp_path / "togo.eml", *FAST, "--format", "jsonl")
    (row,) = map(json.loads, done.stdout.splitlines())
    assert (row["text"], row["country"]) == (TEXT.splitlines()[2], "Togo")


def test_files_attached_to_a_mail_are_named(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "togo.eml").write_bytes(mail(plain=TEXT, attached=b"%PDF-1.4"))
    done = cli("text", tmp_path / "togo.eml")
    assert (done.returncode, done.stdout.decode()) == (0, TEXT)
    assert b"togo.eml: 1 attached files are not read: annex.pdf; save them" in done.stderr


# ----------------------------------------------------------------------------------------- archives


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive of four reports, with other files among them."""
    file = tmp_path / "all.zip"
    row = json.dumps({"text": "Courts slept."}).encode()
    members = {
        "b/togo.html": PAGE.encode(),
        "a.txt": TEXT.encode(),
        "rows.jsonl": row,
        "c.txt.gz": gzip.compress(TEXT.encode()),
        "photo.png": b"\x89PNG\r\n",
        ".hidden.txt": TEXT.encode(),
        "__MACOSX/a.txt": b"\0\5\x16\7",
    }
    file.write_bytes(zipped(members))
    return file


def test_reports_in_an_archive_are_read_as_those_of_a_folder(
    cli: Cli, archive: Path, tmp_path: Path
) -> None:
    done = cli("score", archive, *FAST, "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    files = [json.loads(line)["file"] for line in done.stdout.splitlines()]
    members = ("a.txt", "b/togo.html", "c.txt.gz", "rows.jsonl")
    assert files == [f"{archive.name}/{member}" for member in members]
    assert b"all.zip: left out 1 files that are no reports: photo.png" in done.stderr
    folder = cli("score", tmp_path, *FAST, "--format", "jsonl")
    assert len(texts(folder)) == 4
    pattern = cli("score", tmp_path / "*.zip", *FAST, "--format", "jsonl", "--jobs", "2")
    assert len(texts(pattern)) == 4


def test_one_report_of_an_archive_has_a_path(cli: Cli, archive: Path) -> None:
    done = cli("text", archive / "a.txt")
    assert done.returncode == 0
    assert done.stdout.decode() == TEXT
    absent = cli("text", archive / "z.txt")
    assert absent.returncode == 1
    assert b"'z.txt' is missing" in absent.stderr


def test_outputs_for_the_reports_of_an_archive_are_resumed(
    cli: Cli, archive: Path, tmp_path: Path
) -> None:
    command = ("score", archive, *FAST, "--format", "csv", "--output-dir", tmp_path / "out")
    assert cli(*command).returncode == 0
    assert len(list((tmp_path / "out").glob("*.csv"))) == 4
    assert b"4 of 4 inputs were done" in cli(*command, "--resume").stderr


def test_an_archive_in_an_archive_is_not_opened(cli: Cli, tmp_path: Path) -> None:
    inner = zipped({"a.txt": TEXT.encode()})
    (tmp_path / "outer.zip").write_bytes(zipped({"inner.zip": inner, "b.txt": TEXT.encode()}))
    done = cli("score", tmp_path / "outer.zip", *FAST, "--format", "jsonl")
    assert len(texts(done)) == 1
    assert b"left out 1 files that are no reports: inner.zip" in done.stderr


# ---------------------------------------------------------------------------------- what is not read

OLD = "save it as .docx or PDF"
NO_REPORT = "an archive; 'tipclassify score' takes one that has reports in it"
LONG_HEADER = b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x" + b';a="' * 200_000
NOT_READ = {
    "a mail of a file": (
        "a.eml",
        mail(attached=b"%PDF-1.4"),
        "no text in this mail; save the report that is attached to it, or linked in it",
    ),
    "a hostile header": (
        "a.eml",
        LONG_HEADER + b"\n\n--x\n\nText.\n",
        "a header longer than any program writes; save its text",
    ),
    "Outlook": ("a.msg", OLE, "an Outlook message (.msg); save it as .eml, HTML or text"),
    "OpenDocument": (
        "a.odt",
        zipped({"content.xml": b"<x/>"}),
        f"an OpenDocument text (.odt); {OLD}",
    ),
    "rich text, packed": (
        "a.rtf.gz",
        gzip.compress(RICH, mtime=0),
        f"a rich-text file (.rtf); {OLD}",
    ),
    "rich text": ("rich.doc", RICH, f"a rich-text file (.rtf); {OLD}"),
    "old Word": (
        "old.docx",
        OLE + "WordDocument".encode("utf-16-le"),
        f"an old Word file (.doc); {OLD}",
    ),
    "no report": ("a.zip", zipped({"photo.png": b"\x89PNG"}), NO_REPORT),
    "empty": ("a.zip", zipped({}), NO_REPORT),
    "a bomb": (
        "a.zip",
        zipped({"a.txt": bytes(11_000_000)}),
        "unpacks to over 200 times its size, as no report does",
    ),
    "too many": (
        "a.zip",
        zipped({f"{n}.txt": b"" for n in range(10_001)}),
        "10,001 files in it, over 10,000; split it",
    ),
    "cut off": (
        "a.zip",
        zipped({"a.txt": TEXT.encode()})[:-30],
        "damaged or incomplete file; download it or save it again",
    ),
}


@pytest.mark.parametrize("kind", NOT_READ)
def test_what_is_not_read_is_one_line_and_the_rest_goes_on(
    cli: Cli, tmp_path: Path, kind: str
) -> None:
    name, data, message = NOT_READ[kind]
    (tmp_path / name).write_bytes(data)
    (tmp_path / "b.txt").write_text(TEXT, "utf-8")
    done = cli("score", tmp_path / name, tmp_path / "b.txt", *FAST, "--format", "jsonl")
    assert done.returncode == 1
    assert f"{name}: {message}" in errors(done)[0]
    assert len(done.stdout.splitlines()) == 1
