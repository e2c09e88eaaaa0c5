"""Every valid notation of a row of JSON Lines is read as the same row.

A bad one is reported with its line.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tipclassify.errors import InputError
from tipclassify.readers import rows
from tipclassify.readers.rows import parse_row, read_jsonl


def read_batches(path: Path) -> Iterator[list[dict[str, object]]]:
    """Read a file in batches of parsed rows."""
    for lines in read_jsonl(str(path)):
        yield [parse_row(line, f"{path}:{number}") for number, line in lines]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
json_rows = st.builds(
    lambda fields, text: {**fields, "text": text},
    st.dictionaries(st.text(), values, max_size=4),
    st.text(),
)
starts = st.sampled_from(["", " ", "\t ", "\ufeff", "\ufeff "])
ends = st.sampled_from(["\n", "\r\n", " \n", "\n\n \n"])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A path that the tests write to in turn."""
    return tmp_path_factory.mktemp("rows") / "rows.jsonl"


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(starts, json_rows, st.booleans(), ends)),
    ended=st.booleans(),
)
def test_rows_are_read_as_json_says(
    file: Path, rows: list[tuple[str, dict[str, object], bool, str]], ended: bool
) -> None:
    text = "".join(
        start + json.dumps(row, ensure_ascii=ascii_only) + end
        for start, row, ascii_only, end in rows
    )
    file.write_bytes((text if ended else text.rstrip()).encode("utf-8", "surrogatepass"))
    read_rows = list(itertools.chain.from_iterable(read_batches(file)))
    assert read_rows == [row for _, row, _, _ in rows]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b'{"text": "a"} {"text": "b"}', "broken JSON (Extra data: line 1 column 15 (char 14))"),
        (b'{"text": "a"', "broken JSON (Expecting ',' delimiter"),
        (b"\xef\xbb\xbf", "broken JSON (Expecting value: line 1 column 1 (char 0))"),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}", "broken JSON (Unexpected UTF-8 BOM"),
        (b'["text"]', 'no "text" field'),
        (b'"text"', 'no "text" field'),
        (b'{"text": 1}', '"text" is no text'),
        (b'{"text": "a", "section": 3}', '"section" is no text; write the heading'),
        (b'{"text": "a", "section": false}', '"section" is no text; write the heading'),
        (b'{"text": "caf\xe9"}', "not UTF-8"),
    ],
)
def test_a_bad_row_is_reported_with_its_line(file: Path, line: bytes, what: str) -> None:
    file.write_bytes(b'{"text": "Police acted."}\n\n' + line)
    with pytest.raises(InputError, match=re.escape(f"rows.jsonl:3: {what}")):
        list(read_batches(file))


def test_batches_are_bounded_and_hold_every_row(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(
        "".join(f'{{"text": "a", "id": {number}}}\n' for number in range(2_345)), "utf-8"
    )
    read_rows = list(itertools.chain.from_iterable(read_batches(file)))
    assert [row["id"] for row in read_rows] == list(range(2_345))
    monkeypatch.setattr(rows, "_BATCH_SIZE", 1_000)  # bytes
    lengths = [
        [len(f'{{"text": "a", "id": {row["id"]}}}\n') for row in batch]
        for batch in read_batches(file)
    ]
    assert sum(map(len, lengths)) == 2_345
    assert all(1_000 <= sum(batch) < 1_000 + batch[-1] for batch in lengths[:-1])


@pytest.mark.parametrize("length", [1_001, 1_002, 2_002, 2_003, 5_000])
@pytest.mark.parametrize("end", ["\n", '\n{"text": "Courts slept."}\n'])
def test_a_line_over_the_limit_is_not_read_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, end: str
) -> None:
    monkeypatch.setattr(rows, "LARGEST", 1_000)
    file = tmp_path / "rows.jsonl"
    file.write_text(
        '{"text": "Police slept."}\n' + json.dumps({"text": "x" * (length - 12)}) + end, "utf-8"
    )
    lines = list(itertools.chain.from_iterable(read_jsonl(str(file))))
    number, long = lines[1]
    numbers_after = [number for number, _ in lines[2:]]
    assert numbers_after == ([] if end == "\n" else [3])
    assert len(long) == 1_001
    with pytest.raises(InputError, match=re.escape("2: a line of over 0 MB; split it")):
        parse_row(long, str(number))
