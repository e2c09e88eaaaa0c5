"""A corpus is checked row by row, and every problem is reported at once."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from conftest import Cli

from tipclassify import LABELS, CorpusError
from tipclassify.corpus.convert import read_annotated
from tipclassify.corpus.curate import counts_table
from tipclassify.corpus.given import known_labels, labelled_passages
from tipclassify.corpus.holdout import is_real
from tipclassify.corpus.rows import (
    Columns,
    Row,
    group_rows,
    labels_alone,
    load_corpus,
    read_rows,
    text_key,
)

ROOT = Path(__file__).resolve().parents[2]


def write(path: Path, *rows: object) -> Path:
    path.write_text(
        "".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows), "utf-8"
    )
    return path


def test_the_shipped_corpus_is_sound(shipped_rows: list[Row]) -> None:
    assert len(shipped_rows) >= 32_190
    assert {label for row in shipped_rows for label in row["labels"]} == set(LABELS)
    assert len({row["id"] for row in shipped_rows}) == len(shipped_rows)
    names = {name for row in shipped_rows for name in row}
    assert {"text", "labels", "section", "pair", "doc", "source"} <= names


def test_the_corpus_has_no_sentence_of_the_tutorials(shipped_rows: list[Row]) -> None:
    """They measure models there, as a user's own report would."""
    learned = {text_key(row["text"]) for row in shipped_rows if not is_real(row)}
    for file in (ROOT / "docs" / "tutorials").glob("*.jsonl"):
        rows = map(json.loads, file.read_text("utf-8").splitlines())
        assert not learned & {text_key(row["text"]) for row in rows if "text" in row}, file


def test_every_bad_row_is_reported_with_its_line_and_what_to_do(tmp_path: Path) -> None:
    file = write(
        tmp_path / "mine.jsonl",
        {"text": "Police acted.", "labels": ["positive_effort"], "id": "a"},
        {"text": "Police slept.", "labels": ["laziness"]},
        {"text": "  ", "labels": []},
        {"text": "x" * 5_000, "labels": []},
        {"text": "Another.", "labels": [], "id": "a"},
        {"text": "police  acted.", "labels": ["failure"]},
        '{"text": "broken\n',
        {"labels": []},
        {"text": "No labels."},
        [1, 2],
        {"text": "Many.", "labels": [], "stands_for": "many"},
        {"text": "Police \ud83d acted.", "labels": []},
        {"text": "Courts slept.", "labels": [], "section": "half \ud83d"},
        {"text": "Courts woke.", "labels": [], "\ud83d": "x"},
        {"text": "Whole: \U0001f600.", "labels": []},
    )
    with file.open("ab") as out:
        out.write(b'{"text": "caf\xe9", "labels": []}\n')
    with pytest.raises(CorpusError) as caught:
        read_rows(file)
    reported = caught.value.problems
    expected = {
        2: "unknown label",
        3: "empty",
        4: "split it",
        5: "taken at",
        6: "settle one",
        7: "broken JSON",
        8: "no text",
        9: "no labels",
        10: "not a JSON object",
        11: "no number of passages",
        12: "half of a character (a lone surrogate) in 'text'; write",
        13: "half of a character (a lone surrogate) in 'section'; write",
        14: "half of a character",
        16: "not UTF-8",
    }
    assert len(reported) == len(expected)
    for (line, what), problem in zip(expected.items(), reported, strict=True):
        assert problem.startswith(f"{file}:{line}: ")
        assert what in problem


def test_a_heading_of_a_report_may_change_the_labels_of_a_sentence(tmp_path: Path) -> None:
    text = "The law was not enforced."
    rows = [
        {"text": text, "labels": ["failure"], "section": "b. Forced Labor"},
        {"text": text.upper(), "labels": [], "section": "Working Conditions"},
        # of a narrative: it decides nothing
        {"text": text, "labels": ["failure"], "section": "prosecution"},
    ]
    file = write(tmp_path / "mine.jsonl", *rows)
    read = read_rows(tmp_path, file, tmp_path / "." / "mine.jsonl")  # named thrice, read once
    assert [row["labels"] for row in read] == [("failure",), (), ("failure",)]
    write(
        file,
        *rows,
        {"text": text, "labels": []},
        {"text": text, "labels": [], "section": "B. forced  labor"},
    )
    with pytest.raises(CorpusError) as caught:
        read_rows(file)
    first, second = caught.value.problems
    assert first.startswith(f"{file}:4: no label, but the same text at {file}:3 has failure")
    assert second.startswith(f"{file}:5: no label, but the same text at {file}:1 has failure")


def test_labels_without_the_heading_are_kept(tmp_path: Path) -> None:
    rows = [
        {"text": "One.", "labels": ["failure"], "labels_alone": []},
        {"text": "Two.", "labels": [], "labels_alone": ["complicity", "failure"]},
        {"text": "Three.", "labels": [], "labels_alone": "none"},
        {"text": "Four.", "labels": ["complicity"]},
    ]
    read = read_rows(write(tmp_path / "mine.jsonl", *rows))
    alone = [labels_alone(row) for row in read]
    assert alone == [(), ("failure", "complicity"), (), ("complicity",)]
    table = load_corpus(tmp_path)
    assert table["labels_alone"][:] == ["none", "complicity;failure", "none", None]


def test_real_passages_are_read_where_they_were_rebuilt(tmp_path: Path) -> None:
    write(tmp_path / "mine.jsonl", {"text": "One.", "labels": []})
    assert len(load_corpus(tmp_path)) == 1
    (tmp_path / "real").mkdir()
    write(
        tmp_path / "real" / "passages.jsonl",
        {"text": "Two.", "labels": [], "doc": "hrr/2020/xland.html"},
    )
    (tmp_path / "real" / "labels.csv").write_text("key,labels\n", "utf-8")
    assert load_corpus(tmp_path)["text"][:] == ["One.", "Two."]
    assert load_corpus(tmp_path)["doc"][:] == [None, "hrr/2020/xland.html"]
    write(tmp_path / "real" / "passages.jsonl", {"text": "Two."})
    with pytest.raises(CorpusError, match=r"passages\.jsonl:1: no labels"):
        read_rows(tmp_path)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_what_a_model_found_is_no_labelled_corpus(cli: Cli, tmp_path: Path, suffix: str) -> None:
    (tmp_path / "a.txt").write_text("Police arrested nine traffickers.\n", "utf-8")
    out = tmp_path / f"found{suffix}"
    assert cli("score", tmp_path / "a.txt", "--model", "fast", "-o", out).returncode == 0
    with pytest.raises(CorpusError, match="of 'score': its labels are the model's"):
        read_rows(out)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", 'text,labels\nOne.,failure\n"Two" three.,failure\n', r"a\.csv:3: broken CSV"),
        # no column says that none applies
        ("a.csv", "id,text\n1,One.\n", r"a\.csv:1: no column 'labels'; the columns are id, text: "),
        ("a.parquet", "PAR1", r"a\.parquet:1: not a Parquet file"),
        ("a.jsonl", "\n", "no labelled passages; write one JSON object a line"),
        ("a.txt", "hello\n", r"not a corpus file; use \.jsonl, \.csv, \.parquet"),
        ("gone.jsonl", None, "no such file; check the path"),
        ("empty", None, r"no \.jsonl, \.csv or \.parquet file there"),
    ],
)
def test_what_holds_no_corpus_is_refused(
    tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    if content is not None:
        (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(CorpusError, match=message):
        read_rows(tmp_path / name)


UNANSWERED = {
    "answered 'reject' in Prodigy": {"accept": ["failure"], "answer": "reject"},
    "answered 'ignore' in Prodigy": {"labels": ["failure"], "answer": "ignore"},
    "unanswered in Label Studio": {"labels": "", "annotation_id": 7},
}
ANSWERED = [
    {"accept": ["failure", "complicity"], "answer": "accept"},
    {"labels": "complicity, failure", "answer": "accept"},
    {"labels": '{"choices": ["failure", "complicity"]}', "annotation_id": 7},
    {"labels": ["Complicity", "failure "]},
    {"positive_effort": 0, "failure": 1.0, "complicity": True},
]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_each_tool_s_answers_mean_the_same_to_every_reader(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"a{suffix}"

    def write_as(row: dict[str, object]) -> None:
        row = {"text": "Police arrested two recruiters.", **row}
        if suffix == ".csv":  # which holds text
            row = {name: ";".join(v) if isinstance(v, list) else v for name, v in row.items()}
            with file.open("w", encoding="utf-8", newline="") as out:
                csv.writer(out).writerows([row, row.values()])
        elif suffix == ".parquet":
            datasets = pytest.importorskip("datasets")
            datasets.Dataset.from_list([row]).to_parquet(file)
        else:
            write(file, row)

    for row in ANSWERED:
        write_as(row)
        assert read_rows(file)[0]["labels"] == ("failure", "complicity")
        assert load_corpus(file)["labels"][:] == [["failure", "complicity"]]
        if suffix != ".parquet":
            (converted,) = read_annotated(file, suffix[1:])
            assert converted["labels"] == ("failure", "complicity")
    for message, row in UNANSWERED.items():
        write_as(row)
        with pytest.raises(CorpusError, match=message):
            read_rows(file)
        if suffix != ".parquet":
            assert read_annotated(file, suffix[1:])[0]["labels"] is None
    for answer in ("accept", "reject"):
        write_as({"label": "failure", "answer": answer})
        with pytest.raises(CorpusError, match=r"yes-or-no|answered 'reject'"):
            read_rows(file)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("x", ""), ("TRUE", "FALSE")])
def test_a_table_of_excel_is_read_in_any_country(
    encoding: str, delimiter: str, yes: str, no: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.csv"
    texts = ["La procureure, Mme Müller, a arrêté deux recruteurs.", "Le café est resté fermé."]
    with file.open("w", encoding=encoding, newline="") as out:
        table = csv.writer(out, delimiter=delimiter)
        table.writerow(["Text", "Positive Effort", "failure", "COMPLICITY", "Note"])
        table.writerows([[texts[0], yes, no, yes, ""], [texts[1], no, yes, no, "b"]])
    rows = read_rows(file)
    assert [row["text"] for row in rows] == texts
    assert [row["labels"] for row in rows] == [("positive_effort", "complicity"), ("failure",)]
    assert [row["labels"] for row in read_annotated(file)] == [row["labels"] for row in rows]


def test_groups_join_narratives_pairs_and_equal_texts() -> None:
    rows = [
        {"text": "a", "doc": "N"},
        {"text": "b", "pair": "p1"},
        {"text": "c"},
        {"text": "B "},
        {"text": "d", "doc": "N", "pair": "p1"},
    ]
    assert group_rows(rows) == [0, 0, 2, 0, 0]


def test_a_document_or_pair_of_number_0_is_a_group(tmp_path: Path) -> None:
    file = write(
        tmp_path / "mine.jsonl",
        {"text": "Police acted.", "labels": ["positive_effort"], "doc": 0},
        {"text": "Courts slept.", "labels": ["failure"], "doc": 0},
        {"text": "Guards sold visas.", "labels": ["complicity"], "pair": 0},
        {"text": "Guards sold no visas.", "labels": [], "pair": 0},
        {"text": "Alone.", "labels": [], "doc": None, "pair": None},
    )
    rows = read_rows(file)
    assert group_rows(rows) == [0, 0, 2, 2, 4]
    counts = counts_table(rows, LABELS)
    assert "3 groups (largest 2), 1 documents, 1 sets" in counts


def test_an_id_of_0_stays(tmp_path: Path) -> None:
    rows = [
        {"id": number, "text": text, "labels": []}
        for number, text in ((0, "One."), ("", "Two."), (None, "Three."))
    ]
    file = write(tmp_path / "mine.jsonl", *rows)
    assert [row["id"] for row in read_rows(file)] == ["0", "mine-2", "mine-3"]


# ------------------------------------------------------------------------------- as datasets has it


def test_every_configuration_of_the_corpus_loads_with_datasets(
    shipped_rows: list[Row], tmp_path: Path
) -> None:
    import datasets

    folders = {"corpus": ROOT / "data", "real": ROOT / "data" / "real"}
    names = {
        kind: set(datasets.get_dataset_config_names(str(folder)))
        for kind, folder in folders.items()
    }
    assert names == {"corpus": {"default", "annotations"}, "real": {"default"}}
    loaded = {
        (kind, name): datasets.load_dataset(str(folders[kind]), name, cache_dir=str(tmp_path))
        for kind in folders
        for name in names[kind]
    }
    corpus = loaded["corpus", "default"]["train"]
    assert [(row["id"], tuple(row["labels"])) for row in corpus] == [
        (row["id"], row["labels"]) for row in shipped_rows if not is_real(row)
    ]
    assert set(loaded["corpus", "annotations"]) == {"author", "reader", "third_reading"}
    with (ROOT / "data" / "real" / "labels.csv").open(encoding="utf-8", newline="") as file:
        assert len(loaded["real", "default"]["train"]) == sum(1 for _ in csv.reader(file)) - 1


def test_what_load_corpus_gives_is_written_and_read_again(tmp_path: Path) -> None:
    rows = [
        {"text": "2024-05-01 10:00:00", "labels": [], "doc": "7", "pair": None, "note": "=1+1"},
        {
            "text": "Police acted, but courts did not.",
            "labels": ["failure", "positive_effort"],
            "section": "b. Courts",
        },
    ]
    corpus = load_corpus(write(tmp_path / "mine.jsonl", *rows))
    assert corpus["labels"][:] == [[], ["positive_effort", "failure"]]
    assert corpus["text"][:] == [row["text"] for row in rows]  # no date
    corpus.to_json(tmp_path / "again.jsonl")
    corpus.to_parquet(tmp_path / "again.parquet")
    for name in ("again.jsonl", "again.parquet"):
        again = load_corpus(tmp_path / name)
        assert again.to_dict() == corpus.to_dict()
        assert again.features == corpus.features


def test_a_corpus_leaves_no_copy_of_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    corpus = load_corpus(write(tmp_path / "mine.jsonl", {"text": "One.", "labels": []}))
    assert corpus.cache_files == []
    assert list(tmp_path.iterdir()) == [tmp_path / "mine.jsonl"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_columns_of_other_names_are_named_and_can_be_chosen(tmp_path: Path, suffix: str) -> None:
    import pandas

    file = tmp_path / f"mine{suffix}"
    table = pandas.DataFrame(
        {"sentence": ["Police,\nat last.", "None."], "tag": ["failure;complicity", ""], "doc": "A"}
    )
    if suffix == ".csv":
        table.to_csv(file, index=False)
    elif suffix == ".parquet":
        table.to_parquet(file)
    else:
        table.to_json(file, orient="records", lines=True)
    with pytest.raises(CorpusError) as caught:
        read_rows(file)
    fields = "fields" if suffix == ".jsonl" else "columns"
    remedy = "name those of text and labels with --text-column and --label-"
    assert f"the {fields} are sentence, tag, doc: {remedy}" in str(caught.value)
    assert caught.value.problems[0].startswith(f"{file}:1: ")
    assert len(caught.value.problems) == (2 if suffix == ".jsonl" else 1)
    corpus = load_corpus(file, text_column="sentence", label_column="tag")
    assert corpus["text"][:] == ["Police,\nat last.", "None."]
    assert corpus["labels"][:] == [["failure", "complicity"], []]
    assert corpus["doc"][:] == ["A", "A"]
    message = "no labels" if suffix == ".jsonl" else f"the {fields} are sentence, tag, doc"
    with pytest.raises(CorpusError, match=message):
        read_rows(file, columns=Columns("sentence", "label"))


def test_the_commands_take_columns_of_other_names(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("sentence,tag\nPolice arrested nine traffickers.,positive_effort\n", "utf-8")
    named = ("--text-column", "sentence", "--label-column", "tag")
    refused = cli("corpus", "check", file)
    assert refused.returncode == 1
    no_text = b"no column 'text'; the columns are sentence, tag: name those of text and labels with"
    assert no_text in refused.stderr
    assert cli("corpus", "check", file, *named).stdout.startswith(b"1 passages, no problems;")
    assert cli("corpus", "add", file, "--to", tmp_path / "all.jsonl", *named).returncode == 0
    assert [row["labels"] for row in read_rows(tmp_path / "all.jsonl")] == [("positive_effort",)]
    measured = cli("evaluate", file, "--model", "fast", "--draws", "0", *named)
    assert measured.returncode == 0
    assert b"positive_effort" in measured.stdout


@pytest.mark.parametrize(
    "content",
    ["sentence,label\nOne.,failure\n", '{"sentence": "One.", "label": "failure"}\n'],
)
def test_labels_may_stand_in_label_beside_a_text_of_another_name(
    tmp_path: Path, content: str
) -> None:
    file = tmp_path / ("mine.jsonl" if content.startswith("{") else "mine.csv")
    file.write_text(content, "utf-8")
    (row,) = read_rows(file, columns=Columns("sentence"))
    assert (row["text"], row["labels"]) == ("One.", ("failure",))


# -------------------------------------------------------------------------------- unknown labels


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_label_without_a_value_or_a_column_is_unknown_and_stays_so(
    suffix: str, tmp_path: Path
) -> None:
    import pandas

    file = tmp_path / f"mine{suffix}"
    table = pandas.DataFrame(
        {"text": ["One.", "Two.", "Two."], "failure": [1, 0, None], "complicity": [None, None, 1]}
    )
    if suffix == ".csv":
        table.to_csv(file, index=False)
    elif suffix == ".parquet":
        table.to_parquet(file)
    else:
        table.to_json(file, orient="records", lines=True)
    expected = [(("failure",), "failure"), ((), "failure"), (("complicity",), "complicity")]
    assert [(row["labels"], row["annotated_for"]) for row in read_rows(file)] == expected
    load_corpus(file).to_json(tmp_path / "again.jsonl")  # and what is written says so
    again = read_rows(tmp_path / "again.jsonl")
    assert [(row["labels"], row["annotated_for"]) for row in again] == expected
    assert known_labels(again).tolist() == labelled_passages(load_corpus(file)).known.tolist()
    with pytest.raises(CorpusError, match=r"mine\S+: failure is None; write 1 or x for yes"):
        read_rows(file, columns=Columns(annotated=("failure",)))


def test_an_option_says_for_which_labels_rows_were_read(tmp_path: Path) -> None:
    row = {"text": "One.", "labels": ["failure", "complicity"]}
    partial = {"text": "Two.", "labels": [], "annotated_for": ["complicity"]}
    file = write(tmp_path / "mine.jsonl", row, partial)
    rows = read_rows(file, columns=Columns(annotated=("failure",)))
    assert [row["labels"] for row in rows] == [("failure",), ()]
    assert [row["annotated_for"] for row in rows] == ["failure", "complicity"]
    with pytest.raises(CorpusError, match="annotated: unknown label 'mood'"):
        read_rows(file, columns=Columns(annotated=("mood",)))
