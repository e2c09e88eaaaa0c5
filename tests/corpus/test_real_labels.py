"""Real passages are found by the hash of their words, however the sentences of a file are cut.

All text here is invented.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import shutil
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from operator import attrgetter
from pathlib import Path
from typing import ClassVar

import pytest
from conftest import Cli
from hypothesis import given, settings
from hypothesis import strategies as st

from tipclassify import CorpusError, InputError
from tipclassify.corpus.real import (
    PASSAGES,
    STALE,
    find_labelled,
    read_references,
    read_source,
    rebuild,
)
from tipclassify.corpus.rows import read_rows
from tipclassify.readers import RULES, read_report
from tipclassify.records import key as passage_key
from tipclassify.text.split import split_passages, text_document

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = "key words source section labels labels_alone annotator stands_for rules".split()
COURTS = "The courts of Karvonia convicted no trafficker."
POLICE = "Police in Valdoria sold two girls."
INSPECTORS = "Inspectors found nine children at the kilns."
SHELTERS = "the government didn't fund shelters"
DECREE = "the decree lapsed"


def label_row(
    text: str,
    source: str,
    section: str,
    labels: str = "",
    alone: str = "",
    stands_for: str = "",
    rules: int = RULES,
) -> list[str | int]:
    """Return the row of a passage in ``labels.csv``, which is labelled without its text."""
    words = len(text.split())
    return [passage_key(text), words, source, section, labels, alone, "first", stands_for, rules]


TEXTS = [COURTS, POLICE, INSPECTORS, SHELTERS, DECREE]
ROWS = [
    label_row(COURTS, "hrr/2020/karvonia.html", "Children", "failure", "none", "6.449"),
    label_row(POLICE, "hrr/2021/valdoria.html", "Children", "complicity"),
    label_row(INSPECTORS, "dol/2019/Karvonia", "Efforts", "positive_effort"),
    label_row(SHELTERS, "factbook/2010/17", "Trafficking in persons", "failure"),
    label_row(DECREE, "factbook", "Trafficking in persons", "", "failure"),
]
HTML = (
    "<!doctype html><html><body><h1>{0}</h1><h2>Children</h2>"
    "<p>It rained in the north. {1}</p></body></html>"
)
XML = (
    "<Countries><Country><Name>Karvonia</Name>"
    f"<Description>It rained. {INSPECTORS}</Description></Country></Countries>"
)
SITUATION = f"current situation: a source country; {SHELTERS}; {DECREE}".replace("'", "''")
SQL = f"""INSERT INTO F (A, B, C) VALUES
(16, N'Climate', N'mild'),
(17, N'Trafficking in persons', N'{SITUATION}');
"""


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Make a folder of labels of invented passages."""
    folder = tmp_path / "corpus" / "real"
    folder.mkdir(parents=True)
    write_labels(folder, ROWS)
    write_sources(folder, "https://files.example/")
    return folder


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """Make the public files that the passages are from."""
    folder = tmp_path / "public"
    for year, name, text in (("2020", "karvonia", COURTS), ("2021", "valdoria", POLICE)):
        (folder / "html" / year).mkdir(parents=True)
        (folder / "html" / year / f"{name}.html").write_text(HTML.format(name, text), "utf-8")
    (folder / "html" / "countries_2019.xml").write_text(XML, "utf-8")
    (folder / "html" / "fields_2010.sql.gz").write_bytes(gzip.compress(SQL.encode()))
    return folder


def write_labels(folder: Path, rows: Sequence[Sequence[str | int]]) -> None:
    """Write ``labels.csv``."""
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


def write_sources(folder: Path, address: str) -> None:
    """Write ``sources.json``: where the files of each source are."""
    patterns = {
        "hrr": ("hrr/{year}/{country}.html", "{year}/{country}.html"),
        "dol": ("dol/{year}/{country}", "countries_{year}.xml"),
        "factbook": ("factbook/{year}/{row}", "fields_{year}.sql.gz"),
    }
    sources = {
        name: {"source": source, "file": file, "address": address}
        for name, (source, file) in patterns.items()
    }
    sources["hrr"]["headings"] = "reader"
    (folder / "sources.json").write_text(json.dumps(sources), "utf-8")


# --------------------------------------------------------------------------------- keys and finding


def test_a_passage_is_found_however_its_sentence_was_cut() -> None:
    document = text_document("In 2020 No. 7\nThe courts  slept; police acted. Nobody  asked.")
    texts = (
        "courts  slept; police",
        "7\nThe courts",
        "Nobody  asked.",
        "The courts  slept; police acted.",
    )
    wanted = {passage_key(text): len(text.split()) for text in texts}
    found = find_labelled(document, wanted)
    assert sorted(passage.text for passage in found.values()) == sorted(texts)
    whole = {passage.text for passage in found.values() if passage.sections}
    assert whole == {"Nobody  asked.", "The courts  slept; police acted."}
    assert find_labelled(document, {passage_key("police slept"): 2, "0" * 16: 0}) == {}


@settings(max_examples=20)
@given(st.data())
def test_any_run_of_words_is_found_by_its_key(data: st.DataObject) -> None:
    a_word = st.text(min_size=1, max_size=6).filter(lambda word: len(word.split()) == 1)
    a_space = st.sampled_from([" ", "\n", "\t ", " "])
    words = data.draw(st.lists(a_word, min_size=1, max_size=12))
    text = "".join(word + data.draw(a_space) for word in words)
    first = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(first + 1, len(words)))
    passage = " ".join(words[first:end])
    key = passage_key(passage)
    passages = find_labelled(text_document(text), {key: len(passage.split())})
    assert passage_key(passages[key].text) == key
    assert passages[key].text in text


def test_xml_and_sql_are_read_as_their_texts() -> None:
    assert INSPECTORS in read_source(XML.encode(), "countries_2019.xml").text
    sql = read_source(gzip.compress(SQL.encode()), "fields_2010.sql.gz").text
    assert SHELTERS in sql
    assert "mild" not in sql  # of another subject


def test_a_csv_with_a_cell_without_end_is_refused() -> None:
    endless = b'"' + b"a" * 10_000_001 + b'"'
    with pytest.raises(InputError, match="broken CSV"):
        read_source(endless, "countries.csv")


def test_xml_that_could_expand_without_end_is_refused() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    with pytest.raises(InputError, match="DOCTYPE"):
        read_source(bomb, "countries_2019.xml")
    with pytest.raises(InputError, match="broken XML"):
        read_source(b"<x><y></x>", "countries_2019.xml")


# --------------------------------------------------------------------------------------- rebuilding


def test_passages_are_found_in_a_folder_of_public_files(labels: Path, public: Path) -> None:
    rebuilt = rebuild(labels, [public])
    assert (rebuilt.missing, rebuilt.problems) == ([], [])
    assert [row["text"] for row in rebuilt.rows] == TEXTS
    assert rebuilt.rows[0] == {
        "id": f"real-{passage_key(COURTS)}",
        "text": COURTS,
        "labels": ["failure"],
        "labels_alone": "none",
        "section": "Children",
        "pair": None,
        "doc": "hrr/2020/karvonia.html",
        "source": "hrr",
        "annotator": "first",
        "stands_for": 6.449,
        "rules": RULES,
    }
    assert not {"labels_alone", "stands_for"} & rebuilt.rows[1].keys()


def test_a_label_of_what_is_no_passage_is_left_out(labels: Path, public: Path) -> None:
    half = "The courts of Karvonia"
    rows = [
        label_row(half, "hrr/2020/karvonia.html", "Children", rules=1),  # half a sentence
        label_row(COURTS, "hrr/2020/karvonia.html", "Trafficking", rules=1),  # another heading
        label_row(POLICE, "hrr/2021/valdoria.html", "Children", rules=1),
        label_row("It rained in the south.", "hrr/2020/karvonia.html", "Children", rules=1),
        label_row(SHELTERS, "factbook/2010/17", "Trafficking in persons", rules=1),
    ]
    write_labels(labels, rows)
    rebuilt = rebuild(labels, [public])
    assert [row["text"] for row in rebuilt.rows] == [POLICE, SHELTERS]
    assert {row["rules"] for row in rebuilt.rows} == {RULES}
    assert [reference.words for reference in rebuilt.stale] == [len(half.split()), 7]
    assert [reference.words for reference in rebuilt.missing] == [5]


def test_rows_without_a_file_keep_the_rules_of_their_labels(
    labels: Path, public: Path, tmp_path: Path
) -> None:
    write_labels(labels, [label_row(POLICE, "hrr/2021/valdoria.html", "Children", rules=1)])
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"text": POLICE}), "utf-8")
    (row,) = rebuild(labels, [rows]).rows
    assert row["rules"] == 1
    (labels / PASSAGES).write_text(json.dumps(row), "utf-8")
    (row,) = rebuild(labels, [public]).rows  # the file is read, since the rules are others now
    assert row["rules"] == RULES


def test_rows_with_a_text_are_matched_by_key(labels: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl.gz"
    lines = [json.dumps({"text": text}) for text in (POLICE.upper(), "Nobody asked.", DECREE)]
    rows.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert [row["text"] for row in rebuild(labels, [rows]).rows] == [POLICE.upper(), DECREE]
    rows.write_bytes(gzip.compress(b'{"text": "x"}\n{"id": 1}'))
    with pytest.raises(InputError, match=r'rows.jsonl.gz:2: no "text" field'):
        rebuild(labels, [rows])


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (["xyz", 2, "hrr/2020/a.html", "", "", "", "first", "", 1], "key 'xyz'"),
        (["0" * 16, "two", "hrr/2020/a.html", "", "", "", "first", "", 1], "invalid literal"),
        (label_row("x", "hrr/2020/a.html", "", "effort"), "unknown label 'effort'"),
        (label_row("x", "hrr/2020/a.html", "", stands_for="many"), "no number of passages"),
        (label_row("x", "hrr/2020/a.html", "", stands_for="nan"), "no number of passages"),
        (["0" * 16, 2, "hrr/2020/a.html"], "too few columns"),
    ],
)
def test_a_bad_row_of_labels_is_named(labels: Path, row: list[str | int], what: str) -> None:
    write_labels(labels, [ROWS[0], row])
    with pytest.raises(CorpusError, match=f"labels.csv:3: .*{what}"):
        read_references(labels / "labels.csv")


def test_a_source_of_no_family_is_refused(labels: Path) -> None:
    write_labels(labels, [label_row("Courts slept.", "ilo/2020/x.html", "")])
    with pytest.raises(CorpusError, match=r"sources.json: .*'ilo'"):
        rebuild(labels, [labels])


# ------------------------------------------------------------------------------------- command line


@pytest.fixture
def site(public: Path) -> Iterator[str]:
    """Serve the public files, and give their address."""

    class Quiet(SimpleHTTPRequestHandler):
        extensions_map: ClassVar[dict[str, str]] = {
            ".html": "text/html",
            ".xml": "text/plain",
            ".gz": "application/octet-stream",
        }

        def log_message(self, format: str, *args: object) -> None:
            pass

    handler = partial(Quiet, directory=str(public / "html"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_the_command_downloads_what_is_missing_once(
    cli: Cli, labels: Path, public: Path, site: str, tmp_path: Path
) -> None:
    pytest.importorskip("httpx")
    write_sources(labels, site)
    valdoria = public / "html" / "2021" / "valdoria.html"
    page = valdoria.read_bytes()
    valdoria.unlink()
    cache = {"TIPCLASSIFY_CACHE": str(tmp_path / "cache")}
    first = cli("corpus", "rebuild", labels, "--allow-private", env=cache)
    assert first.returncode == 1
    (line,) = first.stderr.decode().splitlines()  # no progress bar where nobody watches
    assert "no such page (404)" in line
    assert "hrr: 1 of 2; missing from 1 sources: hrr/2021/valdoria.html" in first.stdout.decode()
    assert f"found 4 of 5 passages; wrote {labels / PASSAGES}" in first.stdout.decode()

    (labels / PASSAGES).unlink()
    valdoria.write_bytes(page)
    for cached in (public / "html").glob("*_*"):
        cached.unlink()
    again = cli("corpus", "rebuild", labels, "--allow-private", env=cache)
    assert (again.returncode, again.stderr) == (0, b"")
    assert [row["text"] for row in read_rows(labels / PASSAGES)] == TEXTS
    names = sorted(path.name for path in labels.iterdir())
    assert names == ["labels.csv", PASSAGES, "sources.json"]


def test_downloads_stop_where_none_succeeds(
    labels: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("httpx")
    from tipclassify import download as links

    urls = []

    def fail(url: str, **_: object) -> links.Download:
        urls.append(url)
        raise links.LinkError(f"{url}: no answer")

    monkeypatch.setenv("TIPCLASSIFY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(links, "download", fail)
    rebuilt = rebuild(labels)
    assert urls[0] == "https://files.example/2020/karvonia.html"
    assert len(urls) == 3
    assert len(rebuilt.missing) == 5
    assert rebuilt.problems[-1].startswith("3 downloads failed in a row")


def test_the_command_keeps_what_an_earlier_run_found(
    cli: Cli, labels: Path, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"text": "Another."}), "utf-8")
    nothing = cli("corpus", "rebuild", labels, "--from", rows)
    assert (nothing.returncode, (labels / PASSAGES).exists()) == (1, False)
    assert b"found 0 of 5 passages; nothing is written" in nothing.stdout
    rows.write_text(json.dumps({"text": COURTS}), "utf-8")
    assert cli("corpus", "rebuild", labels, "--from", rows).returncode == 0
    before = (labels / PASSAGES).read_bytes()
    rows.write_text("{}", "utf-8")
    bad = cli("corpus", "rebuild", labels, "--from", rows)
    assert (bad.returncode, bad.stdout, len(bad.stderr.splitlines())) == (1, b"", 1)
    assert (labels / PASSAGES).read_bytes() == before
    rows.write_text(json.dumps({"text": POLICE}), "utf-8")
    other = tmp_path / "other.jsonl"
    other.write_text(json.dumps({"text": DECREE}), "utf-8")
    both = cli("corpus", "rebuild", labels, "--from", rows, "--from", other)
    assert b"found 3 of 5 passages" in both.stdout


def test_the_command_lists_labels_of_no_passage(cli: Cli, labels: Path, public: Path) -> None:
    section = "Trafficking"  # which the page does not have
    write_labels(labels, [label_row(COURTS, "hrr/2020/karvonia.html", section, "failure"), ROWS[1]])
    done = cli("corpus", "rebuild", labels, "--from", public)
    assert done.returncode == 0, done.stderr
    assert b"hrr: 1 of 2; no passage any more: 1\n" in done.stdout
    with (labels / STALE).open(encoding="utf-8", newline="") as file:
        (listed,) = csv.DictReader(file)
    assert listed == {
        "key": passage_key(COURTS),
        "source": "hrr/2020/karvonia.html",
        "section": section,
        "labels": "failure",
    }
    write_labels(labels, ROWS[:2])
    assert cli("corpus", "rebuild", labels, "--from", public).returncode == 0
    assert not (labels / STALE).exists()


def test_training_refuses_labels_of_other_rules(cli: Cli, labels: Path, tmp_path: Path) -> None:
    write_labels(labels, [label_row(COURTS, "hrr/2020/karvonia.html", "Children", rules=1)])
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"text": COURTS}), "utf-8")
    assert cli("corpus", "rebuild", labels, "--from", rows).returncode == 0
    done = cli("train", "--data", labels / PASSAGES, "--output", tmp_path / "mine")
    assert (done.returncode, done.stdout) == (1, b"")
    (line,) = done.stderr.decode().splitlines()
    assert "made by other rules of the reader (1 of hrr)" in line
    assert f"'tipclassify corpus rebuild {labels}'" in line


@pytest.mark.parametrize("arguments", [["nowhere"], ["{labels}", "--from", "nowhere.jsonl"]])
def test_the_command_says_in_one_line_what_it_cannot_read(
    cli: Cli, labels: Path, arguments: list[str]
) -> None:
    filled = [argument.replace("{labels}", str(labels)) for argument in arguments]
    done = cli("corpus", "rebuild", *filled)
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("tipclassify: nowhere")
    assert "no such file" in line


# ------------------------------------------------------------------------------- the shipped labels


def test_the_rules_of_the_reader_have_another_number_when_passages_move() -> None:
    """If this fails: raise `RULES`, note the digest, and see `corpus rebuild` for the labels."""
    pytest.importorskip("pypdfium2")
    names = "book.pdf columns-with-notes.pdf one-column.pdf two-columns.pdf word-office.docx"
    files = [*sorted((ROOT / "data" / "samples").iterdir())]
    files += [ROOT / "tests" / "files" / name for name in names.split()]
    digest = hashlib.sha256()
    for file in files:
        for passage in split_passages(read_report(file)):
            digest.update(f"{passage.key} {passage.section}\n".encode())
    assert (RULES, digest.hexdigest()[:16]) == (2, "b40ba15aa1c011ef")


def test_the_shipped_labels_are_whole_and_hold_no_sentence() -> None:
    folder = ROOT / "data" / "real"
    references = read_references(folder / "labels.csv")
    assert references == sorted(references, key=attrgetter("source", "key"))
    families = json.loads((folder / "sources.json").read_text("utf-8"))
    assert {reference.family for reference in references} == families.keys()
    assert all(family["address"].startswith("https://") for family in families.values())
    assert f"{len(references):,} passages" in (folder / "README.md").read_text("utf-8")
    assert max(len(reference.section or "") for reference in references) < 140
    needless = [reference for reference in references if reference.labels_alone == reference.labels]
    assert needless == []


@pytest.fixture
def pages(real: Path) -> Path:
    """Source files of labelled passages."""
    folder = real / "real" / "pages"
    if not folder.is_dir():
        pytest.skip("no real pages here")
    pytest.importorskip("pypdfium2")
    return folder


def assert_passages(pages: Path, folder: Path, families: Sequence[str], names: str) -> None:
    """Check that the labels of source files are of passages that the reader gives today."""
    shipped = ROOT / "data" / "real"
    shutil.copy(shipped / "sources.json", folder)
    files = {path.relative_to(pages).as_posix() for path in pages.glob(names)}
    with (shipped / "labels.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    rows = [row for row in rows if row[2] in files and row[2].partition("/")[0] in families]
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    rebuilt = rebuild(folder, [pages])
    assert {row["rules"] for row in rebuilt.rows} == {RULES}
    lost = Counter(label.source for label in [*rebuilt.stale, *rebuilt.missing])
    assert len(rebuilt.rows) >= 0.99 * len(rows) > 100, lost


def test_labels_of_some_reports_are_passages_under_their_heading(
    pages: Path, tmp_path: Path
) -> None:
    assert_passages(pages, tmp_path, ("dol-pdf",), "dol-pdf/[E-G]*.pdf")


@pytest.mark.slow
def test_labels_of_all_reports_at_hand_are_passages_under_their_heading(
    pages: Path, tmp_path: Path
) -> None:
    assert_passages(pages, tmp_path, ("dol-pdf", "hrr"), "*/**/*.*")
