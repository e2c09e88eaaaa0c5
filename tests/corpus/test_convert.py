"""Labelled passages survive the formats of annotation tools, or what is lost is reported."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path
from typing import get_args

import pytest
from conftest import Cli, JsonObject
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tipclassify import LABELS, CorpusError
from tipclassify.cli.corpus import FormatName
from tipclassify.corpus.convert import FORMATS, guess_format, read_annotated, write_annotated
from tipclassify.corpus.rows import Row, read_rows


def scores(*probabilities: float) -> dict[str, float]:
    return dict(zip(LABELS, probabilities, strict=True))


ALL: list[Row] = [
    {"id": "a", "text": "Police acted,\nat “last”.", "labels": ("failure", "complicity"), "doc": 1},
    {"id": "b", "text": 'He said "no".', "labels": ()},
    {"id": "c", "text": "Courts slept.", "labels": None},
    {
        "id": "d",
        "text": "Guards took bribes.",
        "labels": None,
        "predicted": ("complicity",),
        "scores": scores(0.02, 0.1, 0.9),
        "page": 3,
    },
    {
        "id": "e",
        "text": "Girls beg.",
        "labels": (),
        "predicted": ("failure",),
        "scores": scores(0.1, 0.6, 0.2),
    },
]

label_sets = st.sets(st.sampled_from(LABELS)).map(
    lambda chosen: tuple(label for label in LABELS if label in chosen)
)
texts = st.text(min_size=1).filter(lambda text: text.strip())
names = st.text("abcdefghij_", min_size=1, max_size=8).filter(lambda name: name != "id")
values = st.one_of(st.text(min_size=1), st.integers(-(2**40), 2**40))


@st.composite
def drawn_rows(draw: st.DrawFn, others: st.SearchStrategy[object] = values) -> list[Row]:
    """Draw rows, whose further fields have values of `others`."""
    rows = []
    for number in range(draw(st.integers(1, 4))):
        row = {"id": f"id-{number}", "text": draw(texts), "labels": draw(st.none() | label_sets)}
        if draw(st.booleans()):
            row["predicted"] = draw(label_sets)
            row["scores"] = {label: draw(st.floats(0, 1, allow_nan=False)) for label in LABELS}
        rows.append({**row, **draw(st.dictionaries(names, others, max_size=3))})
    return rows


def there_and_back(rows: list[Row], name: str, folder: Path) -> tuple[list[Row], list[str]]:
    """Write rows in a format and read them again; return the notes on what was lost too."""
    out = BytesIO()
    notes = write_annotated(rows, name, out)
    path = folder / ("x.csv" if name == "csv" else "x.json")
    path.write_bytes(out.getvalue())
    return read_annotated(path, name), notes


same_folder = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("name", ["jsonl", "label-studio", "prodigy"])
@given(rows=drawn_rows())
@same_folder
def test_formats_with_a_place_for_everything_give_everything_back(
    name: str, rows: list[Row], tmp_path: Path
) -> None:
    assert there_and_back(rows, name, tmp_path) == (rows, [])


@given(rows=drawn_rows(others=st.text(min_size=1)))
@same_folder
def test_csv_gives_back_all_that_is_text(rows: list[Row], tmp_path: Path) -> None:
    back, notes = there_and_back(rows, "csv", tmp_path)
    if any("are replaced" in note for note in notes):
        given_texts = [value for row in rows for value in row.values() if isinstance(value, str)]
        assert any(re.search("[\x00-\x1f\x7f]", text) for text in given_texts)
    else:
        assert back == rows


def test_the_command_takes_each_format_and_each_is_detected(tmp_path: Path) -> None:
    assert set(get_args(FormatName)) == set(FORMATS)
    for name in FORMATS:
        out = BytesIO()
        write_annotated(ALL, name, out)
        path = tmp_path / f"{name}.{'csv' if name == 'csv' else 'txt'}"
        path.write_bytes(out.getvalue())
        assert guess_format(path) == name


@pytest.mark.parametrize("content", ["hello\nworld\n", "[]", '{"words": 1}\n', "", "[1, 2]"])
def test_a_file_of_no_format_asks_for_a_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.txt").write_text(content, "utf-8")
    with pytest.raises(CorpusError, match="cannot tell the format; name it with --from"):
        guess_format(tmp_path / "x.txt")


def write_lines(path: Path, *entries: object) -> Path:
    """Write entries as JSON lines."""
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), "utf-8")
    return path


def test_a_file_of_doccano_is_refused_in_one_line(cli: Cli, tmp_path: Path) -> None:
    export = write_lines(
        tmp_path / "export.jsonl",
        {"id": 7, "text": "Police acted.", "label": ["failure"], "Comments": []},
        {"id": 9, "text": "Courts slept.", "label": [], "Comments": []},
    )
    done = cli("corpus", "convert", export, "--to", "jsonl", "-o", tmp_path / "out.jsonl")
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert "as a file of doccano, which is not converted; rename" in line
    assert not (tmp_path / "out.jsonl").exists()


def test_a_label_studio_export_is_read(tmp_path: Path) -> None:
    """Its documentation shows ids, dates and who completed a task beside the result."""

    def annotation(*choices: str, **more: bool) -> JsonObject:
        value = {
            "from_name": "labels",
            "to_name": "text",
            "type": "choices",
            "value": {"choices": list(choices)},
        }
        return {"id": 1, "completed_by": 1, "result": [value] if choices else [], **more}

    def task(number: int, *annotations: JsonObject) -> JsonObject:
        return {
            "id": number,
            "data": {"text": f"Text {number}."},
            "annotations": list(annotations),
            "predictions": [],
            "created_at": "2026-01-01T00:00:00Z",
        }

    tasks = [
        task(1, annotation("failure")),
        task(2, annotation("none")),
        task(3, annotation("failure", was_cancelled=True)),
        task(4),
        task(5, annotation("failure"), annotation("complicity", ground_truth=True)),
        task(6, annotation()),
        task(7, annotation("failure"), annotation()),
    ]
    export = tmp_path / "export.json"
    export.write_text(json.dumps(tasks), "utf-8")
    rows = read_annotated(export)
    labels = [("failure",), (), None, None, ("complicity",), None, ("failure",)]
    assert [row["labels"] for row in rows] == labels
    assert [row["id"] for row in rows] == ["1", "2", "3", "4", "5", "6", "7"]

    two_answers = task(1, annotation("failure"), annotation("complicity"))
    export.write_text(json.dumps([two_answers]), "utf-8")
    with pytest.raises(CorpusError, match=r"entry 1: annotators differ \(complicity / failure\)"):
        read_annotated(export)


def test_a_prodigy_export_is_read(tmp_path: Path) -> None:
    task = {
        "text": "Police acted.",
        "_input_hash": 1,
        "options": [{"id": label, "text": label} for label in LABELS],
        "_view_id": "choice",
    }
    export = write_lines(
        tmp_path / "export.json",
        {**task, "accept": ["failure"], "answer": "accept"},
        {**task, "accept": [], "answer": "accept"},
        {**task, "accept": ["failure"], "answer": "ignore"},
    )
    rows = read_annotated(export)
    assert [row["labels"] for row in rows] == [("failure",), (), None]
    write_lines(export, {"text": "x", "label": "failure", "answer": "accept"})
    with pytest.raises(CorpusError, match="a yes-or-no task"):
        read_annotated(export, "prodigy")


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("jsonl", {"id": 0, "text": "Police acted.", "labels": []}),
        ("label-studio", {"id": 7, "data": {"text": "Police acted.", "passage_id": 0}}),
        ("label-studio", {"id": 0, "data": {"text": "Police acted.", "passage_id": ""}}),
        ("prodigy", {"id": 0, "text": "Police acted.", "accept": [], "answer": "accept"}),
    ],
)
def test_an_id_of_0_stays(name: str, entry: dict[str, object], tmp_path: Path) -> None:
    file = write_lines(tmp_path / "in.jsonl", entry)
    assert [row["id"] for row in read_annotated(file, name)] == ["0"]


def test_every_bad_entry_is_reported_with_its_place(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "in.jsonl",
        {"text": "a", "labels": []},
        {"text": " "},
        {"labels": []},
        {"text": "b", "labels": ["x"]},
        {"text": "b", "labels": 3},
        5,
    )
    with path.open("ab") as out:
        out.write(b'{"text": "caf\xe9"}\n{"text"\n')
    with pytest.raises(CorpusError) as caught:
        read_annotated(path)
    reported = [problem.removeprefix(f"{path}:") for problem in caught.value.problems]
    assert [line.split(":")[0] for line in reported] == ["2", "3", "4", "5", "6", "7", "8"]
    assert "unknown label 'x'" in reported[2]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"text": "a", "labels": ["none", "failure"]}], "label 'none' beside failure"),
        ([{"text": "a", "id": 1}, {"text": "b", "id": 1}], "passages 1 and 2 have the same id"),
        ([{"text": "a", "labels": [], "scores": {"failure": 1}}], "scores are not a probability"),
        ([{"text": "a", "options": [], "answer": "ACCEPT"}], "unknown answer 'ACCEPT'"),
    ],
)
def test_entries_that_contradict_are_refused(
    entries: list[object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(CorpusError, match=message):
        read_annotated(write_lines(tmp_path / "in.jsonl", *entries))


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_rows_of_score_become_pre_annotations_with_their_probabilities(
    cli: Cli, tmp_path: Path, suffix: str
) -> None:
    report = tmp_path / "r.txt"
    report.write_text(
        "Police arrested nine traffickers. The government did not convict any traffickers.", "utf-8"
    )
    scored = tmp_path / f"scored.{suffix}"
    assert cli("score", report, "-o", scored, "--model", "fast").returncode == 0
    tasks_file = tmp_path / "tasks.json"
    done = cli("corpus", "convert", scored, "--to", "label-studio", "--out", tasks_file)
    assert done.returncode == 0, done.stderr
    tasks = json.loads(tasks_file.read_text("utf-8"))
    assert all("annotations" not in task for task in tasks)
    (prediction,) = tasks[1]["predictions"]
    assert prediction["result"][0]["value"]["choices"] == ["failure"]
    assert 0.5 <= prediction["score"] <= 1
    assert tasks[1]["data"]["meta"]["scores"]["failure"] > 0.5
    assert Path(tasks[1]["data"]["meta"]["file"]).name == report.name  # CSV names no folder


def test_what_a_format_cannot_hold_is_reported_and_unlabelled_rows_never_train(
    cli: Cli, tmp_path: Path
) -> None:
    rows = write_lines(tmp_path / "rows.jsonl", *ALL)
    reported = {}
    for name in ("jsonl", "csv", "label-studio"):
        path = tmp_path / f"out.{name}"
        done = cli("corpus", "convert", rows, "--to", name, "--out", path)
        assert done.returncode == 0, done.stderr
        reported[name] = done.stderr.decode()
        assert "2 of them not labelled" in reported[name]
        if name != "label-studio":
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
    done = cli("corpus", "convert", tmp_path / "gone", "--to", "csv", "--out", tmp_path / "x")
    assert (done.returncode, b"Traceback" in done.stderr) == (1, False)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "text", ["=SUM(A1)", "'=SUM(A1)", "Police slept;'- courts too", "'Police slept'", "''@home"]
)
def test_formulas_and_apostrophes_of_a_text_come_back_from_csv(text: str, tmp_path: Path) -> None:
    row = {"id": "a", "text": text, "labels": (), "section": text}
    assert there_and_back([row], "csv", tmp_path) == ([row], [])


def test_half_a_character_is_replaced_in_csv_and_reported(tmp_path: Path) -> None:
    row = {"id": "a", "text": "Police \ud83d acted.", "labels": ()}
    back, notes = there_and_back([row], "csv", tmp_path)
    assert back[0]["text"] == "Police \ufffd acted."
    assert notes == ["1 cells hold characters that CSV cannot; they are replaced"]
