"""One file that breaks a reader is one line, in every command; the others are done."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from conftest import Cli

import tipclassify.tagging as tagging_loop
from tipclassify import InputError
from tipclassify.formatting import load_json
from tipclassify.readers import ReadOptions, read_bytes
from tipclassify.readers import rows as sheets
from tipclassify.records import Document, Failure
from tipclassify.tagging import Tagging
from tipclassify.tagging.resume import JOURNAL, Journal

GOOD = "Police arrested nine recruiters in Karvonia.\n"
DEEP = b'{"text": "Police acted.", "odd": ' + b"[" * 1_000 + b"]" * 1_000 + b"}\n"


@pytest.mark.parametrize(
    "error",
    [ValueError("max() arg is an empty sequence"), MemoryError(), KeyError("\n x"), SystemError()],
)
def test_whatever_a_reader_raises_is_one_line(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr("tipclassify.readers.text.read_text", broken)
    with pytest.raises(
        InputError,
        match=rf"^odd\.txt: cannot be read \({type(error).__name__}[^\n]*report this to us$",
    ):
        read_bytes(GOOD.encode(), "odd.txt")


def test_whatever_splitting_or_scoring_raises_ends_one_input_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "odd", "z"):
        (tmp_path / f"{name}.txt").write_text(GOOD + name, "utf-8")
    whole = tagging_loop.split_passages_in_parts

    def broken(document: Document, *args: object) -> object:
        if document.text.endswith("odd"):
            raise IndexError("list index out of range")
        return whole(document, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(tagging_loop, "split_passages_in_parts", broken)
    done: list[str] = []
    failed: list[str] = []
    files = [str(tmp_path / f"{name}.txt") for name in ("a", "odd", "z")]
    for file, results in Tagging("fast").by_input(files):
        for result in results:
            if isinstance(result, Failure):
                failed.append(result.error)
            else:
                done.append(Path(file).stem)
    assert done == ["a", "z"]
    assert len(failed) == 1
    assert "odd.txt: cannot be read (IndexError: list index out of range)" in failed[0]


@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_row_nested_a_thousand_deep_is_one_line_and_the_rest_goes_on(
    cli: Cli, tmp_path: Path, jobs: int
) -> None:
    (tmp_path / "a.txt").write_text(GOOD, "utf-8")
    (tmp_path / "m.jsonl").write_bytes(DEEP)
    (tmp_path / "z.txt").write_text(GOOD, "utf-8")
    done = cli("score", tmp_path, "--model", "fast", "-f", "jsonl", "--jobs", jobs)
    outcome, *errors = done.stderr.decode().splitlines()
    assert (done.returncode, len(done.stdout.splitlines()), len(errors)) == (1, 2, 2)
    assert outcome.startswith("tipclassify: 2 reports, 2 tagged passages")
    assert "m.jsonl:1: broken JSON (nested too deeply)" in errors[0]
    for command in (
        ("summary",),
        ("corpus", "queue", "-o", tmp_path / "q.jsonl"),
        ("corpus", "check"),
        ("evaluate",),
        ("bundle", "-o", tmp_path / "x.zip"),
    ):
        options = () if command == ("corpus", "check") else ("--model", "fast")
        done = cli(*command, tmp_path / "m.jsonl", *options)
        assert done.returncode == 1, command
        assert b"Traceback" not in done.stderr
        assert b"nested too deeply" in done.stderr or command == done.stderr


def test_json_is_bounded_in_depth_and_numbers() -> None:
    for text in (
        "[" * 100 + "]" * 100,
        json.dumps([{"a": {}} if number % 2 else [] for number in range(10_000)]),
        '"[[["',
        "1e300",
        "-123456789012345678",
    ):
        assert load_json(text) == json.loads(text)
    for text in (
        "[" * 102 + "]" * 102,
        '{"a":' * 102 + "1" + "}" * 102,
        "[" * 10**6,
        "1e999",
        "NaN",
        "1" * 19,
        "\ud800",
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            load_json(text)
    assert load_json("[NaN, 1e999, " + "1" * 19 + "]", strict=False)[1] == float("inf")


def test_a_country_that_is_a_list_does_not_end_a_comparison(cli: Cli, tmp_path: Path) -> None:
    for name, country in (("old", ["Karvonia"]), ("new", {"a": 1})):
        row = {"text": GOOD, "country": country, "year": [2020]}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    done = cli("compare", tmp_path / "old.jsonl", tmp_path / "new.jsonl", "--model", "fast")
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr


HEAD = '<row r="1"><c r="A1" t="inlineStr"><is><t>text</t></is></c></row>'
SHEETS = {
    "a row beyond all": HEAD
    + '<row r="9999999999"><c t="inlineStr"><is><t>Police slept.</t></is></c></row>',
    "the last cell of each row": HEAD + '<row><c r="XFD1"/></row>' * 40_000,
}


@pytest.mark.parametrize("name", SHEETS)
def test_a_sheet_that_names_far_places_does_not_fill_all_before_them(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    monkeypatch.setattr(sheets, "_MOST_ROWS", 10_000)
    monkeypatch.setattr(sheets, "_MOST_CELLS", 1_000_000)
    plain = io.BytesIO()
    openpyxl.Workbook().save(plain)
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    sheet = f'<worksheet xmlns="{space}"><sheetData>{SHEETS[name]}</sheetData></worksheet>'
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(tmp_path / "odd.xlsx", "w") as odd:
        for member in source.namelist():
            odd.writestr(member, sheet if member.endswith("sheet1.xml") else source.read(member))
    data = (tmp_path / "odd.xlsx").read_bytes()
    with pytest.raises(InputError, match=r"odd\.xlsx: has rows or cells beyond what Excel shows"):
        list(sheets.read_sheet_lines(data, "odd.xlsx", ReadOptions()))


def test_a_ledger_of_any_bytes_is_read_past(tmp_path: Path) -> None:
    report = tmp_path / "in.txt"
    output = tmp_path / "in.txt.csv"
    for file in (report, output):
        file.write_text("Police slept.", "utf-8")
    (tmp_path / JOURNAL).write_bytes(
        b'\xff\xfe{"key": "\xe9"}\n[[[[\n{"key": 7'
    )  # the last line cut off, by a full disk
    Journal(tmp_path, {}).add(str(report), output)
    assert Journal(tmp_path, {}).has(str(report), output)


def test_neither_the_order_of_inputs_nor_the_processes_change_a_line(
    cli: Cli, tmp_path: Path
) -> None:
    names = ["a.txt", "b.html", "c.jsonl", "d.txt"]
    page = f"<!doctype html><h2>Prosecution</h2><p>{GOOD}</p>"
    rows = [json.dumps({"text": GOOD.strip() + " " * n}) for n in range(3)]
    (tmp_path / "a.txt").write_text(GOOD * 3, "utf-8")
    (tmp_path / "b.html").write_text(page, "utf-8")
    (tmp_path / "c.jsonl").write_text("\n".join(rows), "utf-8")
    (tmp_path / "d.txt").write_text("Courts convicted none of the officials.\n", "utf-8")
    outputs = {}
    for jobs, order in ((1, names), (2, names[::-1])):
        files = [tmp_path / name for name in order]
        done = cli("score", *files, "--model", "fast", "-f", "jsonl", "--jobs", jobs)
        assert done.returncode == 0, done.stderr
        outputs[jobs] = done.stdout.splitlines()
    assert sorted(outputs[1]) == sorted(outputs[2])
    reports = [json.loads(line)["file"] for line in outputs[2]]
    assert list(dict.fromkeys(reports)) == [str(tmp_path / name) for name in names[::-1]]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("columns.csv", b'"the first\nname",sect\x0bion,\x1b[31m\r\nPolice acted.,a,b\r\n'),
        ("fields.jsonl", b'{"the first\\nname": "Police acted.", "labels": []}\n'),
    ],
)
def test_names_of_columns_over_several_lines_are_named_in_one(
    cli: Cli, tmp_path: Path, name: str, data: bytes
) -> None:
    file = tmp_path / name
    file.write_bytes(data)
    for command in ("score", "evaluate"):
        stderr = cli(command, file, "--model", "fast").stderr.decode()
        assert stderr.startswith(f"tipclassify: {file}:")
        assert len(stderr.splitlines()) == 1
        assert "\x1b" not in stderr
