"""Every format says the same of a report, holds it whole, and runs nothing that a report says."""

from __future__ import annotations

import csv
import gc
import io
import json
import math
import re
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tipclassify import LABELS, Classifier
from tipclassify.errors import InputError
from tipclassify.formatting import json_line, one_line
from tipclassify.records import (
    Document,
    Passage,
    Report,
    cells,
    columns,
    section_name,
    source_name,
)
from tipclassify.records import row as row_of
from tipclassify.reports.cite import cite
from tipclassify.reports.counts import COUNTED
from tipclassify.text.split import text_document
from tipclassify.write import FORMATS, excel, writer_format_of
from tipclassify.write import rows as row_writers
from tipclassify.write.output import Output

if TYPE_CHECKING:
    from markdown_it.token import Token
    from openpyxl.workbook import Workbook
    from pyarrow import Table

COLUMNS = list(columns(LABELS))

openpyxl = pytest.importorskip("openpyxl")
docx = pytest.importorskip("docx")

HERE = [name for name in FORMATS if name != "html"]  # the report for browsers has tests of its own
TEXT = """PROSECUTION

Police arrested nine traffickers, but courts convicted none of them. \
Border guards took bribes from traffickers.

PREVENTION

The season was dry and long in the valley. Nix brolwe plimth gra."""

SCORES = {"positive_effort": 0.1, "failure": 0.91234, "complicity": 0.0}

MARKUP = (
    "<b>·</p>·<!--·&amp;·&#35;·](http://x.y)·![i](u)·[a]: /u·*·**·_·__·`·~~·|·| --- |·\\·\\\\·#·# ·"
    "- ·+ ·1. ·2)·---·===·> ·    ·\t·$·://"
).split("·")
SPACES = "\n·\r·\r\n·\n\n· ·\x0b·\x0c·\x85·\u2028·\u2029·\ufeff·\0·\x1b[31m".split("·")
FORMULAS = "=·+·-·@·\t=·＝·＋·－·＠·\"·'·,·;·_x0041_·😀·é·a·B7".split("·")
nasty_text = st.lists(
    st.sampled_from(MARKUP + SPACES + FORMULAS) | st.characters(exclude_categories=["Cs"])
).map("".join)


@pytest.fixture(scope="module")
def run(fast: Classifier) -> Output:
    return Output(fast.run())


@pytest.fixture(scope="module")
def report(fast: Classifier) -> Report:
    """A report of four sentences, of which one has doubtful labels."""
    document = replace(
        text_document(TEXT),
        title="Report on Karvonia",
        country="Karvonia",
        year=2024,
    )
    # below it is doubt about the border guards
    sure = fast.with_thresholds({"positive_effort": 0.5})
    return Report("reports/Karvonia 2024 é.txt", document, sure.tag(document))


def rows(
    *texts: str, file: str = "rows.jsonl", section: str | None = None, **fields: object
) -> Report:
    """Make a report of rows split beforehand, each labelled failure."""
    passages = [
        Passage(text, 0, len(text), section, ("failure",), SCORES, extra={"text": text, **fields})
        for text in texts
    ]
    return Report(file, None, passages)


def written(name: str, reports: Iterable[Report], run: Output) -> bytes:
    """Return the output of a format's writer."""
    raw = io.BytesIO()
    write = FORMATS[name].writer()
    tagged = map(partial(replace, run=run.run), reports)  # which holds no report
    if FORMATS[name].binary:
        write(tagged, raw, run)
        return raw.getvalue()
    out = io.TextIOWrapper(raw, "utf-8", newline="")
    write(tagged, out, run)
    out.flush()
    return raw.getvalue()


def csv_rows(data: bytes) -> list[dict[str, str]]:
    """Read the rows of a CSV file."""
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))


def workbook(data: bytes) -> Workbook:
    """Read an Excel file."""
    return openpyxl.load_workbook(io.BytesIO(data))


def word_lines(data: bytes) -> list[str]:
    """Read the paragraphs of a Word file."""
    return [paragraph.text for paragraph in docx.Document(io.BytesIO(data)).paragraphs]


def parquet(data: bytes) -> Table:
    """Read the table of a Parquet file."""
    from pyarrow import parquet

    return parquet.read_table(io.BytesIO(data))


# -------------------------------------------------------------------------------------------------
# JSON lines

any_text = nasty_text | st.text(st.characters(codec=None))
any_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=6,
)


def finite(value: object) -> object:
    """Return the value with null for NaN and infinities, which JSON does not know."""
    if isinstance(value, dict):
        return {name: finite(part) for name, part in value.items()}
    if isinstance(value, list):
        return [finite(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@given(st.dictionaries(any_text, any_value, max_size=3))
@settings(max_examples=50)
@example({"x": float("nan"), "y": [{"z": float("-inf")}], "\u2028": "\x85\ud800"})
def test_a_line_of_json_is_one_line_and_holds_the_row(row: dict[str, object]) -> None:
    line = json_line(row)
    assert len(line.splitlines()) == 1
    assert line.encode()
    assert json.loads(line, parse_constant=pytest.fail) == json.loads(json.dumps(finite(row)))


# ------------------------------------------------------------------------------------- every format


@pytest.mark.parametrize("name", FORMATS)
def test_no_reports_and_a_report_without_passages_give_a_valid_file(name: str, run: Output) -> None:
    empty = Report("empty.txt", text_document(""), [])
    for reports in ([], [empty], [empty, empty]):
        data = written(name, reports, run)
        if name == "jsonl":
            assert data == b""
        elif name == "csv":
            assert data.decode() == ",".join(COLUMNS) + "\r\n"
        elif name == "xlsx":
            book = workbook(data)
            assert [[cell.value for cell in row] for row in book["All passages"]] == [COLUMNS]
            assert book["Counts"]["E" + str(book["Counts"].max_row)].value == 0
        elif name == "parquet":
            table = parquet(data)
            assert table.num_rows == 0
            assert table.column_names == COLUMNS
        elif name == "md":
            assert (b"No reports." in data) == (not reports)
        elif name in ("bibtex", "ris"):
            assert data == b""
        elif name == "html":
            assert b"<strong>0 sentences</strong> of 0 passages" in data
        elif name == "docx":
            assert ("empty.txt" in word_lines(data)) == bool(reports)
        elif reports:
            assert data.decode().startswith("0 passages, ")
        else:
            assert data == b""


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_input_gives_the_same_bytes_at_any_time(
    name: str, report: Report, run: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = written(name, [report, rows("a", "b")], run)
    import time

    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 90_000)
    assert written(name, [report, rows("a", "b")], run) == first
    if name == "xlsx":
        assert {part.date_time[:2] for part in ZipFile(io.BytesIO(first)).infolist()} == {(1980, 1)}


class _Watched(list[Passage]):
    """Passages that can be weakly referenced."""


@pytest.mark.parametrize("name", HERE)
def test_reports_are_let_go_as_they_are_written(name: str, run: Output) -> None:
    alive: list[weakref.ref[_Watched]] = []
    most = 0

    def reports() -> Iterator[Report]:
        nonlocal most
        for number in range(8):
            passages = _Watched(rows("Police slept.", "Courts slept.").passages)
            alive.append(weakref.ref(passages))
            most = max(most, sum(ref() is not None for ref in alive))
            yield Report(f"{number}.txt", None, passages)

    written(name, reports(), run)
    assert most <= 3  # the one drawn, ours of the last round, and the writer's


def test_csv_excel_and_parquet_hold_the_same_rows(report: Report, run: Output) -> None:
    of_rows = rows(
        "Courts slept.", file="r.jsonl", country="Mörland", year="2023", page=7, block=True
    )
    reports = [report, of_rows]
    expected = cells_of(reports)
    assert tuple(COLUMNS[-10:-7]) == LABELS
    assert list(expected[0].values())[:4] == ["Karvonia 2024 é.txt", "Karvonia", 2024, None]
    assert list(expected[-1].values())[:5] == ["r.jsonl", "Mörland", 2023, 7, None]
    table = parquet(written("parquet", reports, run)).to_pylist()
    assert table == [
        {**row, **{label: pytest.approx(row[label], abs=1e-6) for label in LABELS}}
        for row in expected
    ]
    joined = [
        [";".join(cell) if isinstance(cell, list) else cell for cell in row.values()]
        for row in expected
    ]
    _, *sheet_rows = workbook(written("xlsx", reports, run))["All passages"].values
    assert [list(row) for row in sheet_rows] == [
        [None if cell == "" else cell for cell in row] for row in joined
    ]
    csv_lines = csv_rows(written("csv", reports, run))
    assert [list(row.values()) for row in csv_lines] == [
        [csv_cell(cell) for cell in row] for row in joined
    ]


def cells_of(reports: Iterable[Report]) -> list[dict[str, object]]:
    """Return the cells of each passage of some reports, by column."""
    return [
        cells(row_of(report, passage), LABELS) for report in reports for passage in report.passages
    ]


def csv_cell(cell: object) -> str:
    """Return a cell as CSV has it."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return f"{cell:.4f}"
    return str(cell)


def test_suffixes_name_formats() -> None:
    for name, known in FORMATS.items():
        for suffix in known.suffixes:
            assert writer_format_of(Path("some.where/out" + suffix.upper())) == name
    refusal = r"out\.doc: no format has the suffix '\.doc'; use \.txt, \.jsonl, .*--format"
    with pytest.raises(InputError, match=refusal):
        writer_format_of(Path("out.doc"))
    with pytest.raises(InputError, match="no format has the suffix ''"):
        writer_format_of(Path("csv"))


# ------------------------------------------------------------------------------------------ the run


@pytest.mark.parametrize(
    ("file", "link"),
    [
        ("-", None),
        ("<text>", None),
        ("reports/a b#1.pdf", "reports/a%20b%231.pdf"),
        ("javascript:alert(1).txt", "javascript%3Aalert%281%29.txt"),
        ("\udcff.txt", "%FF.txt"),
        ("https://example.org/a b?x=1&y=%20#z#", "https://example.org/a%20b?x=1&y=%20#z%23"),
        ("HTTP://example.org:80/100%", "HTTP://example.org:80/100%25"),
        ("https://example.org/é\x01\ud800", "https://example.org/%C3%A9%01%3F"),
        ("https://user:secret@example.org/", None),
        ("https://exämple.org/", None),
        ("https://[::1", None),
        ("https:// example.org", None),
    ],
)
def test_a_link_is_a_valid_uri_or_none(run: Output, file: str, link: str | None) -> None:
    assert run.link(file) == link


def test_links_to_files_are_written_as_seen_from_the_output_and_only_within_its_folder(
    classifier: Classifier, tmp_path: Path
) -> None:
    def link_from(folder: Path, file: str) -> str | None:
        return Output(classifier.run(), folder=folder).link(file)

    assert link_from(Path("out/tables"), "reports/a.txt") is None
    assert link_from(Path("reports"), "reports/a.txt") == "a.txt"
    assert link_from(tmp_path, str(tmp_path / "in" / "a.txt")) == "in/a.txt"
    assert link_from(Path("out"), str(tmp_path / "a.txt")) is None


@pytest.mark.parametrize(
    "name", [name for name in HERE if name not in ("jsonl", "parquet", "table")]
)
def test_no_file_that_people_pass_on_tells_where_the_report_lay(
    name: str, classifier: Classifier, tmp_path: Path
) -> None:
    document = replace(
        text_document("Courts convicted none of them."), country="Karvonia", year=2024
    )
    file = tmp_path / "secret place" / "k.txt"
    context = Output(classifier.run(day="2026-11-28"), folder=tmp_path / "out")
    data = written(name, [Report(str(file), document, classifier.tag(document))], context)
    texts = [data]
    if name in ("xlsx", "docx"):
        with ZipFile(io.BytesIO(data)) as parts:
            texts = [parts.read(part) for part in parts.namelist()]
    assert any(b"k.txt" in text for text in texts)
    for text in texts:
        assert b"secret" not in text
        assert str(tmp_path).encode() not in text


# -------------------------------------------------------------------------------------------------
# JSON lines


# -------------------------------------------------------------------------------------------------
# CSV


@given(
    texts=st.lists(nasty_text, max_size=4), section=nasty_text, file=nasty_text, country=nasty_text
)
@settings(deadline=None, max_examples=60)
def test_csv_round_trips_any_text_and_no_cell_is_a_formula(
    texts: list[str], section: str, file: str, country: str, run: Output
) -> None:
    data = written("csv", [rows(*texts, section=section, file=file, country=country)], run)
    csv_lines = csv_rows(data)
    assert len(csv_lines) == len(texts)
    for row, text in zip(csv_lines, texts, strict=True):
        for cell, source in (
            (row["text"], text),
            (row["section"], section),
            (row["file"], source_name(file)),
            (row["country"], country),
        ):
            plain = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "\ufffd", source)
            added_quotes = cell.count("'") - plain.count("'")
            assert cell.replace("'", "") == plain.replace("'", "")
            assert added_quotes <= 1 + len(re.findall(r"[=+\-@＝＋－＠]", plain))
            assert not re.match(r"[\s\ufffd]*[=+\-@＝＋－＠]|[\t\r\n]", cell)
            assert not re.search(r"[;\t\r\n][\s\ufffd\"]*[=+\-@＝＋－＠]", cell)


@pytest.mark.parametrize(
    "start",
    ["=", "+", "-", "@", "\t", "\r", "\n", "  =", "\u00a0@", "＝", "＋", "－", " ＠", "\ufeff="],
)
def test_what_a_spreadsheet_would_run_is_text_in_every_column(start: str, run: Output) -> None:
    cell = start + "cmd|' /C calc'!A0"
    report = rows(cell, "A = B", file=cell, section=cell, country=cell)
    first, second = csv_rows(written("csv", [report], run))
    assert {first[name] for name in ("country", "section", "text")} == {"'" + cell}
    assert first["file"] == "C calc'!A0"  # a name without folders
    assert second["text"] == "A = B"
    book = workbook(written("xlsx", [report], run))
    assert all(cell.data_type in "snb" for sheet in book for row in sheet for cell in row)
    sheet = book["All passages"]
    assert all(sheet[at].quotePrefix for at in ("B2", "H2", "I2"))
    assert not sheet["I3"].quotePrefix


def test_csv_is_rfc_4180_and_can_begin_with_a_byte_order_mark(
    classifier: Classifier, run: Output
) -> None:
    report = rows('say "a",\nthen b', "x\ry")
    data = written("csv", [report], run)
    assert data.count(b"\r\n") == 3
    assert data.endswith(b"\r\n")
    assert b'"say ""a"",\nthen b"' in data
    assert b'"x\ry"' in data
    assert written("csv", [report], Output(classifier.run(), bom=True)) == b"\xef\xbb\xbf" + data


# -------------------------------------------------------------------------------------------------
# Excel


def test_excel_marks_given_labels_and_links_sources(report: Report, run: Output) -> None:
    reports = [
        report,
        rows("Courts slept.", file="https://example.org/?a=b&c"),
        rows("y", file="https://example.org/" + "a" * 2_100),  # too long for Excel
        rows("x", file="-"),
    ]
    sheet = workbook(written("xlsx", reports, run))["All passages"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", f"A1:T{sheet.max_row}")
    assert sheet.print_title_rows == "$1:$1"
    expected = cells_of(reports)
    coloured = {
        (cell.row, sheet.cell(1, cell.column).value)
        for row in sheet.iter_rows(min_row=2)
        for cell in row
        if cell.fill.fill_type
    }
    assert coloured == {
        (number, label) for number, row in enumerate(expected, 2) for label in row["labels"]
    }
    numbers = range(2, sheet.max_row + 1)
    assert {sheet.cell(number, 11).number_format for number in numbers} == {"0.0%"}
    assert sheet["I2"].alignment.wrap_text
    last = sheet.max_row
    assert sheet["A2"].hyperlink.target == "reports/Karvonia%202024%20%C3%A9.txt"
    assert sheet[f"A{last - 2}"].hyperlink.target == "https://example.org/?a=b&c"
    assert sheet[f"A{last - 1}"].hyperlink is None
    assert sheet[f"A{last}"].hyperlink is None
    assert sheet["A2"].data_type == "s"


def test_excel_opens_on_the_findings_with_their_citations_ready_to_filter_and_print(
    report: Report, run: Output
) -> None:
    day = replace(run, run=replace(run.run, day="2026-11-28"))
    doubtful = Passage(
        "Courts slept.", 3, 16, "b. Courts", ("failure", "complicity"), SCORES, True, 12
    )
    book = workbook(written("xlsx", [report, Report("b.pdf", None, [doubtful])], day))
    assert book.active.title == "Findings"
    head, *body = book["Findings"].values
    assert list(head) == list(excel._FINDINGS)
    tagged = [passage for passage in report.passages if passage.labels]
    assert [row[5] for row in body] == [
        *(passage.text for passage in tagged),
        "Courts slept.",
    ]
    assert [row[8] for row in body[:-1]] == [
        cite(replace(report, run=day.run), each).source for each in tagged
    ]
    assert body[0][:4] == ("Report on Karvonia", "Karvonia", 2024, "prosecution")
    assert body[-1][3:8] == ("b. Courts", 12, "Courts slept.", "failure?\ncomplicity?", 0.9123)
    assert "(read 2026-11-28)" in body[-1][8]
    for sheet in book:
        last = f"{sheet.cell(1, sheet.max_column).column_letter}{sheet.max_row}"
        assert sheet.auto_filter.ref == f"A1:{last}"
        assert sheet.freeze_panes == "A2"
        assert sheet.print_title_rows == "$1:$1"
        assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight) == ("landscape", 0)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage  # one page wide
        assert sheet["A2"].alignment.wrap_text


def test_excel_counts_add_up_and_about_describes_the_run(report: Report, run: Output) -> None:
    reports = [report, rows("a", "b", file="r.jsonl"), rows("c", file="r.jsonl")]
    book = workbook(written("xlsx", reports, run))
    assert book.sheetnames == ["Findings", "Counts", "All passages", "About"]
    head, *body = book["Counts"].values
    counts = {(row[0], row[3]): dict(zip(head, row, strict=True)) for row in body}
    assert len(counts) == len(body)
    for section in ("prosecution", "prevention"):
        passages = [p for p in report.passages if p.section == section]
        row = counts[Path(report.file).name, section]
        assert (row["country"], row["year"]) == ("Karvonia", 2024)
        assert row["passages"] == len(passages)
        labelled = sum("failure" in p.labels for p in passages)
        assert row["failure"] == labelled
        about = row["sentences on trafficking"]
        assert row["failure share"] == (round(labelled / about, 4) if about else None)
    assert counts["r.jsonl", "(all sections)"]["failure"] == 3
    assert counts["r.jsonl", "(no section)"]["failure share"] == 1
    assert counts["(all files)", "(all sections)"]["passages"] == len(report.passages) + 3
    facts = dict(list(book["About"].values)[1:])
    assert run.run.about().items() <= facts.items()
    assert (book.properties.creator, book.properties.modified.year) == (
        run.run.about()["tool"],
        2000,
    )


def test_excel_holds_text_that_xml_or_a_cell_cannot(run: Output) -> None:
    texts = {
        "nul \0 esc \x1b \ufffe \uffff": "nul \ufffd esc \ufffd \ufffd \ufffd",
        "tab\tand\r\nlines\rhere\n": "tab\tand\nlines\nhere\n",
        "_x0041_ is no A": "_x005F_x0041_ is no A",  # Excel and LibreOffice show what was meant
        "  kept  ": "  kept  ",
        "#N/A": "#N/A",
        "=1+1": "=1+1",
        "<b>&amp;": "<b>&amp;",
        "\ud800": "\ufffd",
        "x" * 32_767: "x" * 32_767,
        "x" * 32_768: "x" * 32_738 + " … [cut: too long for a cell]",
    }
    sheet = workbook(written("xlsx", [rows(*texts)], run))["All passages"]
    assert [row[8].value for row in sheet.iter_rows(min_row=2)] == list(texts.values())
    assert {row[8].data_type for row in sheet.iter_rows(min_row=2)} == {"s"}
    emoji = workbook(written("xlsx", [rows("😀" * 20_000)], run))["All passages"]["I2"].value
    assert emoji.endswith("😀 … [cut: too long for a cell]")
    assert 32_760 < len(emoji.encode("utf-16-le")) // 2 <= 32_767


def test_excel_goes_on_to_further_sheets(run: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excel, "_MOST_ROWS", 20)
    monkeypatch.setattr(excel, "_MOST_LINKS", 3)
    book = workbook(written("xlsx", [rows(*map(str, range(45)))], run))
    assert book.sheetnames[:4] == ["Findings", "Counts", "All passages", "About"]
    names = ["All passages", "All passages 2", "All passages 3"]
    assert {*names, "Findings 2", "Findings 3", "About 2"} < set(book.sheetnames)
    texts = [row[8] for name in names for row in list(book[name].values)[1:]]
    assert texts == [str(number) for number in range(45)]
    assert [book[name].max_row for name in names] == [21, 21, 6]
    assert book["All passages 3"].auto_filter.ref == "A1:T6"
    for name in names:
        links = [cell.hyperlink for cell in book[name]["A"] if cell.hyperlink]
        assert len(links) == 3


def test_excel_stops_quietly_when_a_report_fails(
    run: Output, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken() -> Iterator[Report]:
        yield rows("a")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written("xlsx", broken(), run)
    gc.collect()
    assert capfd.readouterr().err == ""


# -------------------------------------------------------------------------------------------------
# Parquet


@given(texts=st.lists(nasty_text, max_size=5), section=st.none() | nasty_text)
@settings(deadline=None, max_examples=60)
def test_parquet_round_trips_any_text(texts: list[str], section: str | None, run: Output) -> None:
    table = parquet(written("parquet", [rows(*texts, section=section)], run)).to_pylist()
    assert [row["text"] for row in table] == texts
    assert all(row["section"] == section and row["labels"] == ["failure"] for row in table)


def test_parquet_has_types_metadata_and_row_groups(
    report: Report, run: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyarrow import parquet as files

    monkeypatch.setattr(row_writers, "_ROWS_A_GROUP", 2)
    reports = [report, rows("a", file="\udcff", year=2**40)]
    file = files.ParquetFile(io.BytesIO(written("parquet", reports, run)))
    assert file.metadata.num_row_groups == -(-(len(report.passages) + 1) // 2)
    types = {field.name: str(field.type).replace("item", "element") for field in file.schema_arrow}
    assert types["labels"] == "list<element: string>"
    assert {types[label] for label in LABELS} == {"float"}
    assert (types["year"], types["start"], types["low_confidence"]) == ("int32", "int64", "bool")
    metadata = {key.decode(): value.decode() for key, value in file.schema_arrow.metadata.items()}
    assert metadata == {
        "tipclassify." + name.replace(" ", "."): value for name, value in run.run.about().items()
    }
    last = file.read().to_pylist()[-1]
    assert (last["file"], last["year"]) == ("\ufffd", None)


# -------------------------------------------------------------------------------------------------
# Markdown

TAGS = set("h1 h2 h3 p a strong table thead tbody tr th td blockquote hr ul li".split())


def parsed(data: bytes) -> list[Token]:
    """Parse CommonMark with tables, ~~strikethrough~~ and HTML."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True})
    parser.enable(["table", "strikethrough"])
    return parser.parse(data.decode())


def shown(token: Token) -> str:
    """Return what a reader sees of a token, which has no markup."""
    assert {child.type for child in token.children} <= {"text", "text_special"}
    return "".join(child.content for child in token.children)


@given(text=nasty_text, section=st.none() | nasty_text, title=nasty_text, file=nasty_text)
@example(text="- a", section="1. b", title="- c", file=" - d")
@example(text="12) a", section="---", title="+ b", file="")
@example(text="--- ---", section="> a", title="a\n===", file="")
@example(text="__a__ a_b_ _(c)_ d__", section=r"a|b\|c", title="1. a", file="](x)")
@settings(deadline=None, max_examples=60)
def test_markdown_shows_any_text_as_it_is(
    text: str, section: str | None, title: str, file: str, run: Output
) -> None:
    passage = Passage(text, 0, len(text), section, ("failure",), SCORES)
    report = Report("f" + file, Document(text, (), title=title), [passage])
    tokens = parsed(written("md", [report], run))
    assert {token.tag for token in tokens if token.tag} <= TAGS
    assert {token.type for token in tokens if not token.tag} <= {"inline"}
    kinds = [(token.type, token.tag) for token in tokens]
    heading = kinds.index(("heading_open", "h2"))
    assert shown(tokens[heading + 1]) == (one_line(title) or one_line(report.title))
    section_heading = kinds.index(("heading_open", "h3"))
    first_cell = kinds.index(("td_open", "td"))
    assert shown(tokens[section_heading + 1]) == one_line(section_name(section))
    assert shown(tokens[first_cell + 1]) == one_line(section_name(section))
    source = tokens[heading + 4].children
    if link := run.link("f" + file):
        opened, *source, closed = source
        assert (opened.type, closed.type) == ("link_open", "link_close")
        assert opened.attrs["href"] == link
    assert "".join(child.content for child in source) == one_line(source_name("f" + file))
    if one_line(text):
        quotation = kinds.index(("blockquote_open", "blockquote"))
        assert shown(tokens[quotation + 2]) == one_line(text)


def test_markdown_makes_no_link_of_an_address_in_a_report(run: Output) -> None:
    report = rows("See https://evil.example, WWW.evil.example or <me@evil.example>.")
    text = written("md", [report], run).decode()
    assert r"https\://evil.example, WWW\.evil.example or \<me\@evil.example\>" in text


def test_markdown_counts_then_quotes_what_is_tagged(report: Report, run: Output) -> None:
    passage = Passage("Courts slept.", 3, 16, None, ("failure",), SCORES, True, 12)
    paged = Report("b&c.txt", None, [passage])
    text = written("md", [report, paged], run).decode()
    head = "## Report on Karvonia\n\n[Karvonia 2024 é.txt](<reports/Karvonia%202024%20%C3%A9.txt>)"
    assert f"{head} · Karvonia · 2024" in text
    assert "| all | 4 |" in text
    assert "> Border guards took bribes from traffickers.\n\nBefore it: " in text
    assert "dry and long" not in text
    doubt = "**failure** 0.91 · doubtful: read it before you use it"
    assert f"{doubt} · b\\&c.txt, p. 12" in text
    children = [child for token in parsed(text.encode()) for child in token.children or ()]
    links = [child.attrs["href"] for child in children if child.type == "link_open"]
    assert links[1:] == ["b%26c.txt"]
    assert f"- model: {run.run.about()['model']}" in text


def test_word_has_each_finding_under_its_section_with_probability_page_and_citation(
    run: Output,
) -> None:
    tagged = Passage(
        "Courts freed\nthe \x00guards.", 5, 30, "protection", ("failure",), SCORES, page=3
    )
    untagged = Passage("The court sat in May.", 31, 52, "protection", (), SCORES, page=3)
    document = Document("", (), title="Report on Karvonia", country="Karvonia", year=2024)
    report = Report("k.pdf", document, [tagged, untagged], notes=("page 2 has no text",))
    data = written("docx", [report], run)
    word = docx.Document(io.BytesIO(data))
    lines = [(paragraph.style.name, paragraph.text) for paragraph in word.paragraphs]
    assert lines[1:4] == [
        ("Heading 1", "Report on Karvonia"),
        ("Normal", "k.pdf · Karvonia · 2024"),
        ("Normal", "Not read in full: page 2 has no text"),
    ]
    heading = lines.index(("Heading 2", "Protection"))
    cited = (
        "Report on Karvonia (Karvonia, 2024), section “Protection”, p. 3, k.pdf. Tagged as failure"
    )
    assert lines[heading + 1] == ("Quote", "Courts freed the �guards.")
    assert lines[heading + 2][1].startswith(f"failure 0.91 · {cited}")
    rows_of_counts = [[cell.text for cell in row.cells] for row in word.tables[0].rows]
    assert rows_of_counts[1:] == [
        ["Protection", "2", "2", "0", "1 (50%)", "0", "0"],
        ["all", "2", "2", "0", "1 (50%)", "0", "0"],
    ]
    assert ("Normal", COUNTED) in lines
    assert ("List Bullet", "policy: balanced") in lines


@pytest.mark.parametrize("name", ["table", "docx", "md"])
def test_no_probability_beside_a_citation_is_written_as_certain(name: str, run: Output) -> None:
    scores = SCORES | {"failure": 0.9963, "complicity": 0.0004}
    passage = Passage("Courts slept.", 3, 16, "courts", ("failure", "complicity"), scores)
    data = written(name, [Report("b.pdf", None, [passage])], run)
    text = "\n".join(word_lines(data)) if name == "docx" else data.decode()
    assert re.search(r"failure\W+>0\.99", text)
    assert re.search(r"complicity\W+<0\.01", text)
    assert not re.search(r"\b(?:1\.00|0\.00)\b", text)


@given(texts=st.lists(nasty_text | st.text(st.characters(codec=None)), max_size=4))
@settings(deadline=None, max_examples=15)
def test_word_holds_any_text(texts: list[str], run: Output) -> None:
    section = texts[0] if texts else None
    lines = word_lines(written("docx", [rows(*texts, section=section)], run))
    assert [line for line in map(one_line, texts) if line not in lines] == []


def test_markdown_puts_the_batches_of_one_file_together(run: Output) -> None:
    text = written("md", [rows("a"), rows("b"), rows("c", file="d.jsonl")], run).decode()
    assert text.count("\n## ") == 2
    assert r"| all | 2 | 2 | 0 | 2 (100%) | 0 | 0 |" in text


def test_notes_on_what_was_not_read_stand_where_the_counts_are(run: Output) -> None:
    report = Report("a.pdf", None, rows("a").passages, notes=("a.pdf: page 3 has <no> text",))
    markdown = written("md", [report], run).decode()
    assert r"Not read in full: a.pdf: page 3 has \<no\> text" in markdown
    head, _, whole, _ = workbook(written("xlsx", [report], run))["Counts"].values
    assert dict(zip(head, whole, strict=True))["notes"] == "a.pdf: page 3 has <no> text"


# -------------------------------------------------------------------------------------------- table


def test_table_shows_pages_where_there_are_any_and_what_the_report_is_about(
    report: Report, run: Output
) -> None:
    paged = [Passage("Courts slept.", 3, 16, "courts", ("failure", "complicity"), SCORES, True, 12)]
    text = written("table", [report, Report("b.pdf", None, paged)], run).decode()
    first, second = text.split("b.pdf")
    assert first.splitlines()[0].rstrip() == "Karvonia 2024 é.txt  (Karvonia 2024)"
    assert first.splitlines()[1].split() == ["label", "prob.", "passage"]
    assert second.splitlines()[1].split() == ["label", "prob.", "page", "passage"]
    assert re.search(r"failure \? +0\.91 +12 +Courts slept\.", second)
    assert re.search(r"complicity \? +<0\.01", second)
    assert second.count("[courts]") == 1


def test_table_sends_no_control_characters_to_the_terminal(run: Output) -> None:
    report = rows("a\x1b]0;title\x07b\x9b31m\ud800", file="f\x1b[2J", section="s\x1b[1m [bold]")
    text = written("table", [report], run).decode()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    assert "[s\ufffd[1m [bold]]" in text
