"""A corpus is checked row by row, and every problem is told at once."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tipclassify import LABELS, CorpusError
from tipclassify.corpus import corpus_digest, group_rows, load_corpus, read_rows

ROOT = Path(__file__).resolve().parents[1]


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_the_shipped_corpus_is_sound() -> None:
    corpus = load_corpus(ROOT / "data")
    assert len(corpus) >= 5_495
    assert corpus.features["labels"].feature.names == list(LABELS)
    assert len(set(corpus["id"])) == len(corpus)
    assert {"text", "labels", "section", "pair", "doc", "source"} <= set(corpus.column_names)


def test_every_bad_row_is_told_with_its_line_and_what_to_do(tmp_path: Path) -> None:
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
    )
    with file.open("ab") as out:
        out.write(b'{"text": "caf\xe9", "labels": []}\n')
    with pytest.raises(CorpusError) as caught:
        read_rows(file)
    told = caught.value.problems
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
        11: "not UTF-8",
    }
    assert len(told) == len(expected)
    for (line, what), problem in zip(expected.items(), told, strict=True):
        assert problem.startswith(f"{file}:{line}: ")
        assert what in problem


def test_csv_and_parquet_hold_the_same_rows(tmp_path: Path) -> None:
    import datasets

    rows = [
        {"id": "1", "text": "Police, as ever, acted.", "labels": ["positive_effort", "complicity"], "doc": "A"},
        {"id": "2", "text": "They did\nnot.", "labels": [], "doc": None},
    ]
    jsonl = write(tmp_path / "c.jsonl", *rows)
    with (tmp_path / "c.csv").open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["id", "text", "labels", "doc"])
        writer.writerows([r["id"], r["text"], ";".join(r["labels"]), r["doc"]] for r in rows)
    datasets.Dataset.from_list(rows).to_parquet(tmp_path / "c.parquet")
    first, *others = (
        [(r["id"], r["text"], r["labels"], r.get("doc")) for r in read_rows(f)]
        for f in (jsonl, tmp_path / "c.csv", tmp_path / "c.parquet")
    )
    assert all(other == first for other in others)


def test_paths_that_hold_no_corpus_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "notes.txt", "hello\n")
    with pytest.raises(CorpusError) as caught:
        read_rows(tmp_path / "gone.jsonl", tmp_path / "empty", tmp_path / "notes.txt")
    assert len(caught.value.problems) == 3
    write(tmp_path / "blank.jsonl", "\n")
    with pytest.raises(CorpusError, match="no labelled passages"):
        read_rows(tmp_path / "blank.jsonl")


def test_groups_join_narratives_pairs_and_equal_texts() -> None:
    rows = [
        {"text": "a", "doc": "N"},
        {"text": "b", "pair": "p1"},
        {"text": "c"},
        {"text": "B "},
        {"text": "d", "doc": "N", "pair": "p1"},
    ]
    assert group_rows(rows) == [0, 0, 2, 0, 0]


def test_no_pair_or_narrative_of_the_corpus_spans_two_groups() -> None:
    rows = read_rows(ROOT / "data")
    groups = group_rows(rows)
    for name in ("pair", "doc"):
        of: dict[str, set[int]] = {}
        for row, group in zip(rows, groups, strict=True):
            if row.get(name):
                of.setdefault(row[name], set()).add(group)
        assert all(len(found) == 1 for found in of.values())
    assert len(set(groups)) > 2_000


def test_the_digest_tells_corpora_apart() -> None:
    row = {"id": "1", "text": "a", "labels": ("failure",)}
    assert corpus_digest([row]) == corpus_digest([dict(row)])
    assert corpus_digest([row]) != corpus_digest([{**row, "labels": ()}])
