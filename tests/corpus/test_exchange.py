"""Labelled passages survive the formats of annotation tools, or what is lost is reported."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from conftest import Cli, JsonObject
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tipclassify import LABELS, CorpusError
from tipclassify.corpus.convert import FORMATS, Record, guess_format, read_records
from tipclassify.corpus.rows import read_rows

ONE = Record("Police acted,\nat “last”.", "a", ("failure", "complicity"), None, None, {"doc": "A"})
NONE = Record('He said "no".', "b", (), None, None, {})
OPEN = Record("Courts slept.", "c", None, None, None, {})
GUESSED = Record(
    "Guards took bribes.",
    "d",
    None,
    ("complicity",),
    dict(zip(LABELS, (0.02, 0.1, 0.9), strict=True)),
    {"page": 3},
)
CHECKED = Record(
    "Girls beg.", "e", (), ("failure",), dict(zip(LABELS, (0.1, 0.6, 0.2), strict=True)), {}
)
ALL = [ONE, NONE, OPEN, GUESSED, CHECKED]

label_sets = st.sets(st.sampled_from(LABELS)).map(
    lambda chosen: tuple(label for label in LABELS if label in chosen)
)
texts = st.text(min_size=1).filter(lambda text: text.strip())
names = st.text("abcdefghij_", min_size=1, max_size=8).filter(
    lambda name: name not in ("id", "data")
)
values = st.one_of(st.text(min_size=1), st.integers(-(2**40), 2**40))
probabilities = st.floats(0, 1, allow_nan=False)


@st.composite
def records(draw: st.DrawFn, meta: st.SearchStrategy[object] = values) -> list[Record]:
    """Draw records, whose further fields have values of `meta`."""
    rows = []
    for number in range(draw(st.integers(1, 4))):
        predicted = draw(st.none() | label_sets)
        scores = None if predicted is None else {label: draw(probabilities) for label in LABELS}
        fields = draw(st.dictionaries(names, meta, max_size=3))
        text = draw(texts)
        labels = draw(st.none() | label_sets)
        rows.append(Record(text, f"id-{number}", labels, predicted, scores, fields))
    return rows


def there_and_back(rows: list[Record], name: str, folder: Path) -> tuple[list[Record], list[str]]:
    """Write records in a format and read them again; return the notes on what was lost too."""
    out = BytesIO()
    notes = FORMATS[name].write(rows, out)
    path = folder / f"x.{'csv' if name == 'csv' else 'parquet' if name == 'parquet' else 'json'}"
    path.write_bytes(out.getvalue())
    return read_records(path, name), notes


@pytest.mark.parametrize("name", ["jsonl", "label-studio", "prodigy"])
@given(rows=records())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_formats_with_a_place_for_everything_give_everything_back(
    name: str, rows: list[Record], tmp_path: Path
) -> None:
    back, notes = there_and_back(rows, name, tmp_path)
    assert back == rows
    assert notes == []


@given(rows=records())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_doccano_gives_everything_back_but_takes_predictions_for_labels(
    rows: list[Record], tmp_path: Path
) -> None:
    back, notes = there_and_back(rows, "doccano", tmp_path)
    for row, again in zip(rows, back, strict=True):
        labels = row.predicted if row.labels is None else row.labels
        assert again == Record(row.text, row.id, labels, row.predicted, row.scores, row.meta)
    guessed = any(row.labels is None and row.predicted is not None for row in rows)
    assert any("no predictions apart" in note for note in notes) == guessed


@given(rows=records(meta=st.text(min_size=1)))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_csv_gives_back_all_that_is_text(rows: list[Record], tmp_path: Path) -> None:
    back, notes = there_and_back(rows, "csv", tmp_path)
    if any("U+FFFD" in note for note in notes):
        assert any("\0" in text for row in rows for text in (row.text, *row.meta.values()))
    else:
        assert back == rows


@given(rows=records())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_parquet_gives_back_everything_but_mixed_columns(
    rows: list[Record], tmp_path: Path
) -> None:
    back, notes = there_and_back(rows, "parquet", tmp_path)
    for row, again in zip(rows, back, strict=True):
        assert replace(again, meta={}) == replace(row, meta={})
        meta_as_text = {name: str(value) for name, value in row.meta.items()}
        assert {name: str(value) for name, value in again.meta.items()} == meta_as_text
        assert notes or again.meta == row.meta


def test_each_format_is_detected_from_its_content(tmp_path: Path) -> None:
    for name, kind in FORMATS.items():
        out = BytesIO()
        kind.write(ALL, out)
        path = tmp_path / f"{name}.{name if name in ('csv', 'parquet') else 'txt'}"
        path.write_bytes(out.getvalue())
        assert guess_format(path) == name


def test_a_file_of_no_format_asks_for_a_name(tmp_path: Path) -> None:
    for content in ("hello\nworld\n", "[]", '{"words": 1}\n', "", "[1, 2]"):
        (tmp_path / "x.txt").write_text(content, "utf-8")
        with pytest.raises(CorpusError, match="cannot tell the format; name it with --from"):
            guess_format(tmp_path / "x.txt")


def write_lines(path: Path, *entries: object) -> Path:
    """Write entries as JSON lines."""
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), "utf-8")
    return path


def write_array(path: Path, *entries: object) -> Path:
    """Write entries as one JSON array."""
    path.write_text(json.dumps(entries), "utf-8")
    return path


def test_a_label_studio_export_is_read(tmp_path: Path) -> None:
    """Its documentation shows ids, dates and who completed a task beside the result."""

    def annotation(
        *choices: str, was_cancelled: bool = False, ground_truth: bool = False
    ) -> JsonObject:
        value = {
            "from_name": "labels",
            "to_name": "text",
            "type": "choices",
            "value": {"choices": list(choices)},
        }
        fields = {
            "id": 1,
            "completed_by": 1,
            "result": [value] if choices else [],
            "was_cancelled": was_cancelled,
        }
        if ground_truth:
            fields["ground_truth"] = True
        return fields

    def task(number: int, *annotations: JsonObject) -> JsonObject:
        return {
            "id": number,
            "data": {"text": f"Text {number}."},
            "annotations": list(annotations),
            "predictions": [],
            "created_at": "2026-01-01T00:00:00Z",
            "project": 1,
        }

    export = write_array(
        tmp_path / "export.json",
        task(1, annotation("failure")),
        task(2, annotation()),
        task(3, annotation("failure", was_cancelled=True)),
        task(4),
        task(5, annotation("failure"), annotation("complicity", ground_truth=True)),
    )
    assert guess_format(export) == "label-studio"
    rows = read_records(export)
    assert [row.labels for row in rows] == [("failure",), (), None, None, ("complicity",)]
    assert [row.id for row in rows] == ["1", "2", "3", "4", "5"]

    two_answers = task(1, annotation("failure"), annotation("complicity"))
    write_array(export, two_answers)
    assert guess_format(export) == "label-studio"
    with pytest.raises(CorpusError, match=r"entry 1: annotators differ \(complicity / failure\)"):
        read_records(export)


def test_a_prodigy_export_is_read(tmp_path: Path) -> None:
    options = [{"id": label, "text": label} for label in LABELS]
    task = {
        "text": "Police acted.",
        "_input_hash": 1,
        "_task_hash": 2,
        "options": options,
        "_view_id": "choice",
    }
    export = write_lines(
        tmp_path / "export.json",
        {**task, "accept": ["failure"], "answer": "accept"},
        {**task, "accept": [], "answer": "accept"},
        {**task, "accept": ["failure"], "answer": "ignore"},
        {**task, "accept": ["failure"]},
    )
    assert guess_format(export) == "prodigy"
    rows = read_records(export)
    assert [row.labels for row in rows] == [("failure",), (), None, None]
    assert rows[3].predicted == ("failure",)
    write_lines(export, {"text": "x", "label": "failure", "answer": "accept"})
    with pytest.raises(CorpusError, match="a yes-or-no task"):
        read_records(export, "prodigy")


def test_a_doccano_export_is_read(tmp_path: Path) -> None:
    export = write_lines(
        tmp_path / "export.json",
        {"id": 7, "text": "Police acted.", "label": ["failure"], "Comments": [], "doc": "A"},
        {"id": 8, "text": "Girls beg.", "label": ["none"], "Comments": []},
        {"id": 9, "text": "Courts slept.", "label": [], "Comments": []},
    )
    assert guess_format(export) == "doccano"
    rows = read_records(export)
    assert [(row.id, row.labels) for row in rows] == [("7", ("failure",)), ("8", ()), ("9", None)]
    assert rows[0].meta == {"doc": "A"}


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("jsonl", {"id": 0, "text": "Police acted.", "labels": []}),
        ("doccano", {"id": 7, "passage_id": 0, "text": "Police acted.", "label": []}),
        ("doccano", {"id": 0, "passage_id": "", "text": "Police acted.", "label": []}),
        ("label-studio", {"id": 7, "data": {"text": "Police acted.", "passage_id": 0}}),
        ("prodigy", {"id": 0, "text": "Police acted.", "accept": [], "answer": "accept"}),
    ],
)
def test_an_id_of_0_stays(name: str, entry: dict[str, object], tmp_path: Path) -> None:
    file = write_lines(tmp_path / "in.jsonl", entry)
    assert [record.id for record in read_records(file, name)] == ["0"]


def test_every_bad_entry_is_reported_with_its_place(tmp_path: Path) -> None:
    good = {"text": "a", "labels": []}
    path = write_lines(
        tmp_path / "in.jsonl",
        good,
        {"text": " "},
        {"labels": []},
        {"text": "b", "labels": ["x"]},
        {"text": "b", "labels": 3},
        5,
    )
    with path.open("ab") as out:
        out.write(b'{"text": "caf\xe9"}\n{"text"\n')
    with pytest.raises(CorpusError) as caught:
        read_records(path)
    reported = [problem.removeprefix(f"{path}:") for problem in caught.value.problems]
    assert [line.split(":")[0] for line in reported] == ["2", "3", "4", "5", "6", "7", "8"]
    assert "unknown label 'x'" in reported[2]
    write_lines(path, {"text": "a", "labels": ["none", "failure"]})
    with pytest.raises(CorpusError, match="label 'none' beside failure"):
        read_records(path)
    write_lines(path, {"text": "a", "id": 1}, {"text": "b", "id": 1})
    with pytest.raises(CorpusError, match="passages 1 and 2 have the same id"):
        read_records(path)
    with pytest.raises(CorpusError, match="no such file"):
        read_records(tmp_path / "gone.jsonl")


def test_rows_of_score_become_pre_annotations_with_their_probabilities(
    cli: Cli, tmp_path: Path
) -> None:
    report = tmp_path / "r.txt"
    report.write_text(
        "Police arrested nine traffickers. The government did not convict any traffickers.", "utf-8"
    )
    for suffix in ("jsonl", "csv"):
        scored = tmp_path / f"scored.{suffix}"
        assert cli("score", report, "-o", scored, "--model", "fast").returncode == 0
        done = cli(
            "corpus", "convert", scored, "--to", "label-studio", "--out", tmp_path / "tasks.json"
        )
        assert done.returncode == 0, done.stderr
        tasks = json.loads((tmp_path / "tasks.json").read_text("utf-8"))
        assert all("annotations" not in task for task in tasks)
        (prediction,) = tasks[1]["predictions"]
        assert prediction["result"][0]["value"]["choices"] == ["failure"]
        assert 0.5 <= prediction["score"] <= 1
        assert tasks[1]["data"]["scores"]["failure"] > 0.5
        assert Path(tasks[1]["data"]["meta"]["file"]).name == report.name  # CSV names no folder


def test_what_a_format_cannot_hold_is_reported_and_unlabelled_rows_never_train(
    cli: Cli, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    out = BytesIO()
    FORMATS["jsonl"].write(ALL, out)
    rows.write_bytes(out.getvalue())
    reported = {}
    for name in ("jsonl", "csv", "parquet", "label-studio"):
        path = tmp_path / f"out.{name if name in ('csv', 'parquet', 'jsonl') else 'x'}"
        done = cli("corpus", "convert", rows, "--to", name, "--out", path)
        assert done.returncode == 0, done.stderr
        reported[name] = done.stderr.decode()
        assert "2 of them not labelled" in reported[name]
        if name in ("csv", "parquet", "jsonl"):
            with pytest.raises(CorpusError) as caught:
                read_rows(path)
            assert len(caught.value.problems) == 2  # the rest would train
    assert "come back as text" in reported["csv"]
    assert reported["label-studio"].count("\n") == 1
    done = cli(
        "corpus", "convert", rows, "--to", "jsonl", "--labelled", "--out", tmp_path / "done.jsonl"
    )
    assert b"wrote 3 passages" in done.stderr
    assert len(read_rows(tmp_path / "done.jsonl")) == 3
    done = cli("corpus", "convert", rows, "--to", "nothing", "--out", tmp_path / "x")
    assert done.returncode == 2
    done = cli("corpus", "convert", tmp_path / "gone", "--to", "csv", "--out", tmp_path / "x")
    assert (done.returncode, b"Traceback" in done.stderr) == (1, False)
    assert not (tmp_path / "x").exists()


def test_a_cell_that_looks_like_a_formula_stays_and_is_reported(tmp_path: Path) -> None:
    back, notes = there_and_back([Record("=SUM(A1)", "a", ())], "csv", tmp_path)
    assert back[0].text == "=SUM(A1)"
    assert any("begin like a formula" in note for note in notes)


@pytest.mark.parametrize(
    "text", ["'=SUM(A1)", "Police slept;'- courts too", "'Police slept'", "''@home"]
)
def test_an_apostrophe_of_a_text_comes_back_from_csv(text: str, tmp_path: Path) -> None:
    row = Record(text, "a", (), meta={"section": text})
    assert there_and_back([row], "csv", tmp_path)[0] == [row]
