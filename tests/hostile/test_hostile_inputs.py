"""One file that breaks a reader is one line, in every command; the others are done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Cli

import tipclassify.tagging as tagging_loop
from tipclassify import InputError
from tipclassify.formatting import load_json
from tipclassify.readers import read_bytes
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
    assert outcome.startswith("tipclassify: 2 reports, 2 tagged sentences")
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
