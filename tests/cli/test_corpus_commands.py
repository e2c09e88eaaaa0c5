"""``tipclassify corpus``: add, stats, split and agree, as their users run them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli
from hypothesis import given, settings
from hypothesis import strategies as st

from tipclassify import CorpusError
from tipclassify.corpus.curate import add_rows, near_duplicate_pairs, split_rows
from tipclassify.corpus.rows import group_rows, read_rows
from tipclassify.evaluation.agreement import agreement

ROOT = Path(__file__).resolve().parents[2]


def write(path: Path, *rows: dict[str, object]) -> Path:
    """Write rows to a file, and return its path."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def row(text: str, *labels: str, **more: object) -> dict[str, object]:
    """Return a row of a corpus: a passage with labels and further fields."""
    return {"text": text, "labels": list(labels), **more}


# ---------------------------------------------------------------------------------------------- add


def test_add_appends_what_is_new_and_leaves_what_is_there_byte_for_byte(
    cli: Cli, tmp_path: Path
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
    assert [row["id"] for row in rows] == ["g", "new-2", "new-3"]
    assert rows[1]["doc"] == "A"
    again = cli("corpus", "add", new, "--to", corpus)
    assert again.stdout.decode().startswith("added 0 passages")
    assert corpus.read_text("utf-8").split("\n") == lines


def test_add_makes_a_corpus_and_gives_ids_that_are_free(cli: Cli, tmp_path: Path) -> None:
    corpus = tmp_path / "my.jsonl"
    new = write(tmp_path / "todo.jsonl", row("A first one."))
    assert cli("corpus", "add", new, "--to", corpus).returncode == 0
    new = write(tmp_path / "todo.jsonl", row("Another one."))
    done = cli("corpus", "add", new, "--to", corpus)
    assert b"todo-1: the id is taken by another text; added as todo-1-2" in done.stderr
    assert cli("corpus", "add", new, "--to", tmp_path / "my.csv").returncode == 2
    assert [row["id"] for row in read_rows(corpus)] == ["todo-1", "todo-1-2"]


def test_the_same_text_with_other_labels_stops_the_whole_addition(cli: Cli, tmp_path: Path) -> None:
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


def test_near_duplicates_are_added_and_listed() -> None:
    long = (
        "The ministry opened a shelter for victims of forced labor in the port and funded it for "
        "a whole year"
    )
    there = [{"id": "a", "text": long, "labels": ("positive_effort",)}]
    new = [
        {"id": "b", "text": long + ".", "labels": ("positive_effort",)},
        {"id": "c", "text": long + " but", "labels": ("failure",)},
        {"id": "d", "text": "Something else is said here.", "labels": ()},
    ]
    added = add_rows(there, new)
    assert [row["id"] for row in added.rows] == ["b", "c", "d"]
    near_ids = {(row["id"], other["id"]) for row, other, _ in added.near}
    assert near_ids == {("b", "a"), ("c", "a"), ("c", "b")}
    _, _, highest_similarity = added.near[0]
    assert highest_similarity == 1.0
    row, other, _ = added.near[-1]
    assert row["labels"] != other["labels"]


def test_a_text_under_another_heading_is_another_row() -> None:
    text = "The government did not effectively enforce the law."
    there = [{"id": "a", "text": text, "labels": ("failure",), "section": "Forced Labor"}]
    new = [{"id": "b", "text": text, "labels": (), "section": "Hours of Work"}]
    assert add_rows(there, new).rows == new
    with pytest.raises(CorpusError, match="the same text, has failure"):
        add_rows(there, [{**new[0], "section": "Forced Labor"}])


# ------------------------------------------------------------------------------------- stats, split


def test_stats_count_what_is_there(cli: Cli, tmp_path: Path) -> None:
    corpus = write(
        tmp_path / "my.jsonl",
        row("One two three.", "failure", doc="A", section="prosecution", source="me"),
        row("One two.", "failure", "complicity", doc="A"),
        row("One."),
        row("Four four four four.", pair="p"),
    )
    done = cli("corpus", "stats", corpus, "-f", "jsonl")
    whole, *stats = [json.loads(line) for line in done.stdout.splitlines()]
    assert whole == {
        "part": "corpus",
        "passages": 4,
        "groups": 3,
        "docs": 1,
        "pairs": 1,
        "largest_group": 2,
    }
    counts = {(stat["part"], stat["name"]): stat.get("passages") for stat in stats}
    assert counts["label", "failure"] == 2
    assert counts["label", "(none)"] == 2
    assert counts["labels", "failure + complicity"] == 1
    assert counts["section", "(none)"] == 3
    assert counts["source", "me"] == 1
    lengths = {stat["name"]: stat for stat in stats if stat["part"] == "length"}
    words = lengths["words"]
    assert words["least"] == 1.0
    assert words["median"] == 2.5
    assert words["most"] == 4.0
    table = cli("corpus", "stats", corpus).stdout.decode()
    assert table.startswith(
        "4 passages in 3 groups (largest 2): 1 documents, 1 sets of near-identical passages\n"
    )


texts = st.text("abcd ", min_size=1).filter(str.strip)
docs = st.sampled_from([None, "A", "B", "C"])


@given(
    st.lists(st.tuples(texts, docs), min_size=2, max_size=40),
    st.floats(0.05, 0.95),
    st.integers(0, 3),
)
@settings(max_examples=30)
def test_a_split_loses_nothing_and_parts_no_group_and_no_near_twins(
    passages: list[tuple[str, str | None]], share: float, seed: int
) -> None:
    rows = [
        {"id": str(number), "text": text, "labels": (), "doc": doc}
        for number, (text, doc) in enumerate(passages)
    ]
    try:
        train, test = split_rows(rows, share, seed)
    except CorpusError:
        return
    assert sorted([*train, *test], key=lambda row: int(row["id"])) == rows
    assert (train, test) == split_rows(rows, share, seed)
    in_train = {int(row["id"]) for row in train}
    for number, group in enumerate(group_rows(rows)):
        assert (number in in_train) == (group in in_train)
    for first, second, _ in near_duplicate_pairs([row["text"] for row in rows], 0.8):
        assert (first in in_train) == (second in in_train)


def test_split_writes_two_files_near_the_share(cli: Cli, tmp_path: Path) -> None:
    data = ROOT / "data" / "corpus" / "assessment.jsonl"
    train = tmp_path / "train.jsonl"
    test = tmp_path / "test.jsonl"
    split = ("corpus", "split", data, "--train", train)
    done = cli(*split, "--test", test, "--share", 0.3, "--seed", 2)
    assert done.returncode == 0, done.stderr
    rows = read_rows(data)
    train_rows = read_rows(train)
    test_rows = read_rows(test)
    parts_ids = [row["id"] for row in (*train_rows, *test_rows)]
    assert sorted(parts_ids) == sorted(row["id"] for row in rows)
    assert len(test_rows) == pytest.approx(0.3 * len(rows), abs=3)
    for arguments, code, message in (
        (["--test", train], 2, b"give two files"),
        (["--test", test, "--share", 2], 2, b"between 0 and 1"),
        (["--test", tmp_path / "gone" / "b.jsonl"], 1, b"choose another --test\n"),
    ):
        done = cli(*split, *arguments)
        assert (done.returncode, message in done.stderr) == (code, True)


@pytest.mark.parametrize("test_path", ["link/a.jsonl", "real/below/../a.jsonl"])
def test_split_refuses_two_names_of_one_file(cli: Cli, tmp_path: Path, test_path: str) -> None:
    data = ROOT / "data" / "corpus" / "assessment.jsonl"
    (tmp_path / "real" / "below").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    train = tmp_path / "real" / "a.jsonl"
    done = cli("corpus", "split", data, "--train", train, "--test", f"{tmp_path}/{test_path}")
    assert done.returncode == 2
    assert b"give two files" in done.stderr
    assert not train.exists()


def test_one_group_cannot_be_parted() -> None:
    rows = [
        {"id": str(number), "text": f"Text number {number}", "labels": (), "doc": "A"}
        for number in range(5)
    ]
    with pytest.raises(CorpusError, match="cannot be parted"):
        split_rows(rows)


# -------------------------------------------------------------------------------------------- agree


def test_intervals_hold_the_figure_and_narrow_with_more_passages() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for passages in (50, 1_000):
        first = {str(key): ["failure"] if rng.random() < 0.4 else [] for key in range(passages)}
        second = {key: labels if rng.random() < 0.85 else [] for key, labels in first.items()}
        unused, failure, _ = agreement(first, second, draws=1_000)
        low, high = failure.kappa_interval
        assert low < failure.kappa < high
        widths.append(high - low)
        low, high = failure.alpha_interval
        assert low < failure.alpha < high
        assert np.isnan(unused.kappa_interval[0])  # nobody used the label
    assert widths[1] < widths[0] / 2


def test_disagreements_come_with_their_texts_the_largest_first(cli: Cli, tmp_path: Path) -> None:
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
    options = ("--texts", texts, "-f", "jsonl", "--most", 1)
    done = cli("corpus", "agree", first, second, *options)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    parts = [row["part"] for row in rows]
    assert parts == ["agreement", "agreement", "agreement", "disagreement"]
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


def test_ids_of_different_texts_are_not_compared(cli: Cli, tmp_path: Path) -> None:
    first = write(
        tmp_path / "a.jsonl",
        *({"id": number, "labels": [], "text": f"Text {number} of one."} for number in range(7)),
        {"id": "same", "labels": [], "text": "Courts  slept."},
        {"id": "bare", "labels": []},
    )
    second = write(
        tmp_path / "b.jsonl",
        *({"id": number, "labels": [], "text": f"Text {number} of other."} for number in range(7)),
        {"id": "same", "labels": ["failure"], "text": "courts slept."},
        {"id": "bare", "labels": [], "text": "Police acted."},
    )
    done = cli("corpus", "agree", first, second)
    assert (done.returncode, done.stdout) == (1, b"")
    differing = b"different texts under the same id: '0', '1', '2', '3', '4' and 2 more; give"
    assert differing in done.stderr


def test_only_passages_that_both_labelled_blind_to_each_other_count_and_the_rest_is_said(
    cli: Cli, tmp_path: Path
) -> None:
    def annotated(id: str, labels: list[str], blind: list[str] | None) -> dict[str, object]:
        return {"id": id, "labels": labels, "blind": blind}

    def count_compared(lines: bytes) -> set[int]:
        rows = [json.loads(line) for line in lines.splitlines()]
        return {row["passages"] for row in rows if row["part"] == "agreement"}

    first = write(
        tmp_path / "a.jsonl",
        annotated("p0", ["failure"], ["colleagues"]),
        annotated("p1", [], ["colleagues", "model"]),
        annotated("p2", [], None),
    )
    second = write(
        tmp_path / "b.jsonl",
        annotated("p0", [], ["colleagues"]),
        annotated("p1", ["failure"], []),
        annotated("p2", [], ["colleagues"]),
    )
    done = cli("corpus", "agree", first, second, "-f", "jsonl", "--draws", 0)
    counts = "1 of 3 passages, which alone count; seen: 1; not recorded: 1"
    assert f"without seeing the other: {counts}" in done.stderr.decode()
    assert count_compared(done.stdout) == {1}
    second.write_text(second.read_text("utf-8").replace("colleagues", "nobody"), "utf-8")
    done = cli("corpus", "agree", first, second, "-f", "jsonl", "--draws", 0)
    counts = "0 of 3 passages, so that all count, independent or not; seen: 3; not recorded: 0"
    assert counts in done.stderr.decode()
    assert count_compared(done.stdout) == {3}


def test_what_is_not_labelled_yet_is_left_out_of_agreement_and_reported(
    cli: Cli, tmp_path: Path
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
    counts = "0 of 1 passages, so that all count, independent or not; seen: 0; not recorded: 1"
    assert counts in blind
    table = done.stdout.decode()
    assert "| positive_effort | 1 | 1.000 | – | – | – |" in table
    assert "nan" not in table
    nobody = write(tmp_path / "c.jsonl", {**row("Police acted.", id="1"), "labels": None})
    number = write(tmp_path / "d.jsonl", {"id": "1", "labels": 7})
    without_labels = write(tmp_path / "e.jsonl", {"id": "1"})
    twice = write(tmp_path / "f.jsonl", row("A b.", id="1"), row("C d.", id="1"))
    for bad, message in (
        (nobody, "no row is labelled yet"),
        (tmp_path / "gone.jsonl", "no such file"),
        (number, "no labels; add"),
        (without_labels, "no id or no labels"),
        (twice, "stands there twice"),
    ):
        done = cli("corpus", "agree", first, bad)
        assert done.returncode == 1
        assert message in done.stderr.decode()
        assert len(done.stderr.decode().splitlines()) == 1


def test_of_many_similar_findings_the_first_are_reported_and_the_rest_counted(
    cli: Cli, tmp_path: Path
) -> None:
    rows = [
        row(f"Police freed the {who} of the {place}.")
        for who in ("men", "boys", "girls")
        for place in "abcdefghijk"
    ]
    corpus = write(tmp_path / "my.jsonl", *rows)
    done = cli("corpus", "add", corpus, "--to", corpus)
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 21
    assert lines[-1] == "tipclassify: and 13 more of this kind"
    assert lines[0] == "tipclassify: my-1: the same passage is there; left out"


def test_a_queue_with_nothing_to_ask_writes_no_file(cli: Cli, tmp_path: Path) -> None:
    known = write(tmp_path / "my.jsonl", row("Police freed the boys."))
    queue = tmp_path / "todo.jsonl"
    options = ("--model", "fast", "--out", queue)
    done = cli("corpus", "queue", known, "--against", known, *options)
    assert done.returncode == 0
    assert not queue.exists()
    assert "every passage is in --against already" in done.stderr.decode()
    done = cli("corpus", "queue", tmp_path / "gone.html", *options)
    assert done.returncode == 1
    assert not queue.exists()
    assert "gone.html: no such file" in done.stderr.decode()
