"""``tipclassify corpus``: add, stats, split and agree, as their users run them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run
from hypothesis import given, settings
from hypothesis import strategies as st

from tipclassify import CorpusError
from tipclassify.corpus.curation import add_rows, corpus_stats, split_rows
from tipclassify.corpus.loading import group_rows, read_rows
from tipclassify.corpus.near_duplicates import near_duplicate_pairs
from tipclassify.evaluation.agreement import agreement, disagreements

ROOT = Path(__file__).resolve().parents[2]


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def row(text: str, *labels: str, **more: Any) -> dict[str, Any]:
    return {"text": text, "labels": list(labels), **more}


# --------------------------------------------------------------------------------------------- add


def test_add_appends_what_is_new_and_leaves_what_is_there_byte_for_byte(
    cli: Run, tmp_path: Path
) -> None:
    corpus = tmp_path / "my.jsonl"
    before = '{"labels":[],  "text":"Girls beg.", "id":"g"}'  # no line end, unusual spacing
    corpus.write_text(before, "utf-8")
    new = write(
        tmp_path / "new.jsonl",
        row("girls  beg."),
        row("Police acted.", "positive_effort", doc="A"),
        row("Cafés shut\u2028."),
    )
    done = cli("corpus", "add", new, "--to", corpus)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().rstrip() == f"added 2 passages to {corpus}, which now has 3"
    assert b"new-1: the same passage is there as g; left out" in done.stderr
    lines = corpus.read_text("utf-8").split("\n")
    assert lines[0] == before
    rows = read_rows(corpus)
    assert [one["id"] for one in rows] == ["g", "new-2", "new-3"]
    assert rows[1]["doc"] == "A"
    again = cli("corpus", "add", new, "--to", corpus)
    assert again.stdout.decode().startswith("added 0 passages")
    assert corpus.read_text("utf-8").split("\n") == lines


def test_add_makes_a_corpus_and_gives_ids_that_are_free(cli: Run, tmp_path: Path) -> None:
    corpus = tmp_path / "my.jsonl"
    assert (
        cli(
            "corpus", "add", write(tmp_path / "todo.jsonl", row("A first one.")), "--to", corpus
        ).returncode
        == 0
    )
    done = cli("corpus", "add", write(tmp_path / "todo.jsonl", row("Another one.")), "--to", corpus)
    assert b"todo-1: the id is taken by another text; added as todo-1-2" in done.stderr
    assert [one["id"] for one in read_rows(corpus)] == ["todo-1", "todo-1-2"]


def test_the_same_text_with_other_labels_stops_the_whole_addition(cli: Run, tmp_path: Path) -> None:
    corpus = write(tmp_path / "my.jsonl", row("Courts slept.", "failure", id="c"))
    before = corpus.read_bytes()
    new = write(
        tmp_path / "new.jsonl", row("Police acted.", "positive_effort"), row("courts slept.")
    )
    done = cli("corpus", "add", new, "--to", corpus)
    assert done.returncode == 1
    assert b"new-2: no label, but c, the same text, has failure; settle one" in done.stderr
    assert corpus.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_rows_that_training_would_refuse_are_refused(cli: Run, tmp_path: Path) -> None:
    corpus = tmp_path / "my.jsonl"
    new = write(
        tmp_path / "new.jsonl",
        {"text": "Open.", "labels": None, "predicted": []},
        row("x", "laziness"),
    )
    done = cli("corpus", "add", new, "--to", corpus)
    assert done.returncode == 1
    assert b"new.jsonl:1: not labelled yet" in done.stderr
    assert b"new.jsonl:2: unknown label 'laziness'" in done.stderr
    assert not corpus.exists()
    assert cli("corpus", "add", new, "--to", tmp_path / "my.csv").returncode == 2


def test_near_duplicates_are_added_and_listed() -> None:
    long = "The ministry opened a shelter for victims of forced labor in the port and funded it for a whole year"
    there = [{"id": "a", "text": long, "labels": ("positive_effort",)}]
    new = [
        {"id": "b", "text": long + ".", "labels": ("positive_effort",)},
        {"id": "c", "text": long + " but", "labels": ("failure",)},
        {"id": "d", "text": "Something else is said here.", "labels": ()},
    ]
    added = add_rows(there, new)
    assert [one["id"] for one in added.rows] == ["b", "c", "d"]
    assert {(row["id"], other["id"]) for row, other, _ in added.near} == {
        ("b", "a"),
        ("c", "a"),
        ("c", "b"),
    }
    assert added.near[0][2] == 1.0
    assert added.near[-1][0]["labels"] != added.near[-1][1]["labels"]


# ---------------------------------------------------------------------------------------------
# stats, split


def test_stats_count_what_is_there(cli: Run, tmp_path: Path) -> None:
    corpus = write(
        tmp_path / "my.jsonl",
        row("One two three.", "failure", doc="A", section="prosecution", source="me"),
        row("One two.", "failure", "complicity", doc="A"),
        row("One."),
        row("Four four four four.", pair="p"),
    )
    found = [
        json.loads(line)
        for line in cli("corpus", "stats", corpus, "-f", "jsonl").stdout.splitlines()
    ]
    assert found[0] == {
        "part": "corpus",
        "passages": 4,
        "groups": 3,
        "docs": 1,
        "pairs": 1,
        "largest_group": 2,
    }
    counts = {(one["part"], one["name"]): one.get("passages") for one in found[1:]}
    assert counts["label", "failure"] == 2
    assert counts["label", "(none)"] == 2
    assert counts["labels", "failure + complicity"] == 1
    assert counts["section", "(none)"] == 3
    assert counts["source", "me"] == 1
    words = next(one for one in found if one["part"] == "length" and one["name"] == "words")
    assert (words["least"], words["median"], words["most"]) == (1.0, 2.5, 4.0)
    table = cli("corpus", "stats", corpus).stdout.decode()
    assert table.startswith(
        "4 passages in 3 groups (largest 2): 1 documents, 1 sets of near-identical passages\n"
    )


@given(
    st.lists(
        st.tuples(
            st.text("abcd ", min_size=1).filter(str.strip), st.sampled_from([None, "A", "B", "C"])
        ),
        min_size=2,
        max_size=40,
    ),
    st.floats(0.05, 0.95),
    st.integers(0, 3),
)
@settings(max_examples=30)
def test_a_split_loses_nothing_and_parts_no_group_and_no_near_twins(
    passages: list[tuple[str, str | None]], share: float, seed: int
) -> None:
    rows = [
        {"id": str(i), "text": text, "labels": (), "doc": doc}
        for i, (text, doc) in enumerate(passages)
    ]
    try:
        train, test = split_rows(rows, share, seed)
    except CorpusError:
        return
    assert sorted([*train, *test], key=lambda one: int(one["id"])) == rows
    assert (train, test) == split_rows(rows, share, seed)
    side = {one["id"]: number for number, part in enumerate((train, test)) for one in part}
    groups = group_rows(rows)
    assert all(side[str(i)] == side[str(g)] for i, g in enumerate(groups))
    assert all(
        side[str(i)] == side[str(j)]
        for i, j, _ in near_duplicate_pairs([one["text"] for one in rows], 0.8)
    )


def test_split_writes_two_files_near_the_share(cli: Run, tmp_path: Path) -> None:
    data, train, test = (
        ROOT / "data" / "corpus" / "assessment.jsonl",
        tmp_path / "train.jsonl",
        tmp_path / "test.jsonl",
    )
    done = cli(
        "corpus", "split", data, "--train", train, "--test", test, "--share", 0.3, "--seed", 2
    )
    assert done.returncode == 0, done.stderr
    rows, parts = read_rows(data), [read_rows(train), read_rows(test)]
    assert sorted(one["id"] for part in parts for one in part) == sorted(one["id"] for one in rows)
    assert len(parts[1]) == pytest.approx(0.3 * len(rows), abs=3)
    done = cli("corpus", "split", data, "--train", train, "--test", train)
    assert (done.returncode, b"give two files" in done.stderr) == (2, True)
    done = cli("corpus", "split", data, "--train", train, "--test", test, "--share", 2)
    assert (done.returncode, b"between 0 and 1" in done.stderr) == (2, True)


def test_one_group_cannot_be_parted() -> None:
    rows = [{"id": str(i), "text": f"Text number {i}", "labels": (), "doc": "A"} for i in range(5)]
    with pytest.raises(CorpusError, match="cannot be parted"):
        split_rows(rows)


def test_stats_of_the_shipped_corpus_add_up() -> None:
    rows = read_rows(ROOT / "data" / "corpus" / "assessment.jsonl")
    counts = corpus_stats(rows).counts
    for part in ("labels", "section", "source"):
        assert sum(count.passages for count in counts if count.part == part) == len(rows)


# ---------------------------------------------------------------------------------------------
# agree


def test_intervals_hold_the_figure_and_narrow_with_more_passages() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for n in (50, 1_000):
        first = {str(i): ["failure"] if rng.random() < 0.4 else [] for i in range(n)}
        second = {key: labels if rng.random() < 0.85 else [] for key, labels in first.items()}
        unused, found, _ = agreement(first, second, draws=1_000)
        assert found.kappa_interval[0] < found.kappa < found.kappa_interval[1]
        assert found.alpha_interval[0] < found.alpha < found.alpha_interval[1]
        widths.append(found.kappa_interval[1] - found.kappa_interval[0])
        assert np.isnan(unused.kappa_interval[0])  # nobody used the label
    assert widths[1] < widths[0] / 2


def test_disagreements_come_with_their_texts_the_largest_first(cli: Run, tmp_path: Path) -> None:
    first = write(
        tmp_path / "a.jsonl",
        {"id": "1", "labels": ["failure"]},
        {"id": "2", "labels": ["failure"], "text": "Guards | sold visas."},
        {"id": "3", "labels": []},
    )
    second = write(
        tmp_path / "b.jsonl",
        {"id": "1", "labels": []},
        {"id": "2", "labels": ["complicity"]},
        {"id": "3", "labels": []},
    )
    out = cli("corpus", "agree", first, second, "--draws", 100).stdout.decode()
    assert "2 passages labelled differently" in out
    assert "| 2 | failure | complicity | Guards \\| sold visas. |" in out
    assert out.index("| 2 | failure") < out.index("| 1 | failure")
    assert "| 95% interval (100 draws) | Cohen's kappa | Krippendorff's alpha |" in out
    texts = write(tmp_path / "texts.jsonl", {"id": "1", "text": "Courts slept.", "labels": []})
    lines = cli(
        "corpus", "agree", first, second, "--texts", texts, "-f", "jsonl", "--most", 1
    ).stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [one["part"] for one in rows] == ["agreement"] * 3 + ["disagreement"]
    assert rows[3] == {
        "part": "disagreement",
        "id": "2",
        "text": "Guards | sold visas.",
        "first": ["failure"],
        "second": ["complicity"],
    }
    assert rows[1]["kappa_interval"][0] <= rows[1]["kappa"]
    none = cli("corpus", "agree", first, second, "--draws", 0, "--most", 0).stdout.decode()
    assert none.rstrip().endswith("2 passages labelled differently, first 0 shown")
    assert "interval" not in none


def test_only_passages_that_both_labelled_blind_to_each_other_count_and_the_rest_is_said(
    cli: Run, tmp_path: Path
) -> None:
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    blind: list[list[list[str] | None]] = [
        [["colleagues"]] * 2,
        [["colleagues", "model"], []],
        [None, ["colleagues"]],
    ]
    for side, file in enumerate((first, second)):
        rows = [
            {"id": f"p{n}", "labels": ["failure"] * (n == side), "blind": one[side]}
            for n, one in enumerate(blind)
        ]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    done = cli("corpus", "agree", first, second, "-f", "jsonl", "--draws", 0)
    assert (
        "without seeing the other: 1 of 3 passages, which alone count; seen: 1; not recorded: 1"
        in done.stderr.decode()
    )
    assert {
        row["passages"]
        for row in map(json.loads, done.stdout.splitlines())
        if row["part"] == "agreement"
    } == {1}
    second.write_text(second.read_text("utf-8").replace("colleagues", "nobody"), "utf-8")
    done = cli("corpus", "agree", first, second, "-f", "jsonl", "--draws", 0)
    assert (
        "0 of 3 passages, so that all count, independent or not; seen: 3; not recorded: 0"
        in done.stderr.decode()
    )
    assert {
        row["passages"]
        for row in map(json.loads, done.stdout.splitlines())
        if row["part"] == "agreement"
    } == {3}


def test_disagreements_of_equal_annotators_are_none() -> None:
    assert disagreements({"1": ["failure"]}, {"1": ["failure"]}, {}) == []


def test_what_is_not_labelled_yet_is_left_out_of_agreement_and_reported(
    cli: Run, tmp_path: Path
) -> None:
    first = write(
        tmp_path / "a.jsonl", row("Police acted.", id="1"), row("Courts slept.", "failure", id="2")
    )
    second = write(
        tmp_path / "b.jsonl",
        row("Police acted.", id="1"),
        {**row("Courts slept.", id="2"), "labels": None},
    )
    second.write_text(second.read_text("utf-8") + "\n\n", "utf-8")  # an editor's blank lines
    done = cli("corpus", "agree", first, second)
    assert done.returncode == 0, done.stderr
    warning, blind = done.stderr.decode().splitlines()
    assert warning == f"tipclassify: warning: {second}: rows that are not labelled yet, left out: 1"
    assert (
        "0 of 1 passages, so that all count, independent or not; seen: 0; not recorded: 1" in blind
    )
    table = done.stdout.decode()
    assert "| positive_effort | 1 | 1.000 | – | – | – |" in table
    assert "nan" not in table
    nobody = write(tmp_path / "c.jsonl", {**row("Police acted.", id="1"), "labels": None})
    for bad, why in (
        (nobody, "no row is labelled yet"),
        (tmp_path / "gone.jsonl", "no such file"),
        (write(tmp_path / "d.jsonl", {"id": "1", "labels": 7}), "no labels; add"),
        (write(tmp_path / "e.jsonl", {"id": "1"}), "no id or no labels"),
        (
            write(tmp_path / "f.jsonl", row("A b.", id="1"), row("C d.", id="1")),
            "stands there twice",
        ),
    ):
        done = cli("corpus", "agree", first, bad)
        assert done.returncode == 1
        assert why in done.stderr.decode()
        assert len(done.stderr.decode().splitlines()) == 1


def test_of_many_similar_findings_the_first_are_reported_and_the_rest_counted(
    cli: Run, tmp_path: Path
) -> None:
    rows = [
        row(f"Police freed the {a} of the {b}.")
        for a in ("men", "boys", "girls")
        for b in "abcdefghijk"
    ]
    corpus = write(tmp_path / "my.jsonl", *rows)
    done = cli("corpus", "add", corpus, "--to", corpus)
    lines = done.stderr.decode().splitlines()
    assert (len(lines), lines[-1]) == (21, "tipclassify: and 13 more of this kind")
    assert lines[0] == "tipclassify: my-1: the same passage is there; left out"


def test_a_queue_with_nothing_to_ask_writes_no_file(cli: Run, tmp_path: Path) -> None:
    known = write(tmp_path / "my.jsonl", row("Police freed the boys."))
    done = cli(
        "corpus",
        "queue",
        known,
        "--against",
        known,
        "--model",
        "fast",
        "--out",
        tmp_path / "todo.jsonl",
    )
    assert (done.returncode, (tmp_path / "todo.jsonl").exists()) == (0, False)
    assert "every passage is in --against already" in done.stderr.decode()
    done = cli(
        "corpus",
        "queue",
        tmp_path / "gone.html",
        "--model",
        "fast",
        "--out",
        tmp_path / "todo.jsonl",
    )
    assert (done.returncode, (tmp_path / "todo.jsonl").exists()) == (1, False)
    assert "gone.html: no such file" in done.stderr.decode()
