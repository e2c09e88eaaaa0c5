"""``tipclassify corpus``: add, check and agree, as their users run them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from conftest import Cli
from hypothesis import given, settings
from hypothesis import strategies as st

from tipclassify import CorpusError
from tipclassify.corpus.curate import add_rows, near_duplicate_pairs
from tipclassify.corpus.rows import read_rows

ROOT = Path(__file__).resolve().parents[2]
ASSESSMENT = ROOT / "data" / "corpus" / "assessment.jsonl"


def write(path: Path, *rows: dict[str, object]) -> Path:
    """Write rows to a file, and return its path."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def row(text: str, *labels: str, **more: object) -> dict[str, object]:
    """Return a row of a corpus: a passage with labels and further fields."""
    return {"text": text, "labels": list(labels), **more}


def annotated(id: str, *labels: str, **more: object) -> dict[str, object]:
    """Return a row of an annotator."""
    return {"id": id, "labels": list(labels), **more}


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
        row("Cafés shut\u2028.", id="g"),
    )
    done = cli("corpus", "add", new, "--to", corpus)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().rstrip() == f"added 2 passages to {corpus}, which now has 3"
    assert b"new-1: the same passage is there as g; left out" in done.stderr
    assert b"g: the id is taken by another text; added as g-2" in done.stderr
    written = corpus.read_text("utf-8")
    assert written.startswith(f"{before}\n")
    rows = read_rows(corpus)
    assert [row["id"] for row in rows] == ["g", "new-2", "g-2"]
    assert rows[1]["doc"] == "A"
    again = cli("corpus", "add", new, "--to", corpus)
    assert again.stdout.decode().startswith("added 0 passages")
    assert corpus.read_text("utf-8") == written


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
    assert cli("corpus", "add", new, "--to", tmp_path / "my.csv").returncode == 2


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
    assert added.rows == new
    near = [(row["id"], other["id"]) for row, other, _ in added.near]
    assert (near[0], set(near)) == (("b", "a"), {("b", "a"), ("c", "a"), ("c", "b")})
    similarities = [similarity for _, _, similarity in added.near]
    assert similarities == sorted(similarities, reverse=True)
    assert similarities[0] == 1.0


def test_a_text_under_another_heading_is_another_row() -> None:
    text = "The government did not effectively enforce the law."
    there = [{"id": "a", "text": text, "labels": ("failure",), "section": "Forced Labor"}]
    new = [{"id": "b", "text": text, "labels": (), "section": "Hours of Work"}]
    assert add_rows(there, new).rows == new
    with pytest.raises(CorpusError, match="the same text, has failure"):
        add_rows(there, [{**new[0], "section": "Forced Labor"}])


def test_of_many_similar_findings_the_first_are_reported_and_the_rest_counted(
    cli: Cli, tmp_path: Path
) -> None:
    rows = [
        row(f"Police freed the {who} of the {place}.")
        for who in ("men", "boys", "girls")
        for place in "abcdefghijk"
    ]
    corpus = write(tmp_path / "my.jsonl", *rows)
    lines = cli("corpus", "add", corpus, "--to", corpus).stderr.decode().splitlines()
    assert len(lines) == 21
    assert lines[0] == "tipclassify: my-1: the same passage is there; left out"
    assert lines[-1] == "tipclassify: and 13 more of this kind"


def grams(text: str) -> set[tuple[str, ...]]:
    """Return the runs of three words of a text; of a shorter one all its words."""
    words = re.findall(r"\w+", text.lower())
    if 0 < len(words) < 3:
        return {tuple(words)}
    return {tuple(words[i : i + 3]) for i in range(len(words) - 2)}


@given(
    st.lists(st.lists(st.sampled_from("abc"), max_size=9).map(" ".join), max_size=12),
    st.sampled_from([0.2, 0.5, 0.6, 0.8, 1.0]),
)
@settings(max_examples=30)
def test_the_search_for_near_pairs_misses_none(texts: list[str], least: float) -> None:
    expected = {}
    for j, b in enumerate(map(grams, texts)):
        for i, a in enumerate(map(grams, texts[:j])):
            if a | b and len(a & b) / len(a | b) >= least:
                expected[i, j] = len(a & b) / len(a | b)
    pairs = list(near_duplicate_pairs(texts, least))
    assert {(i, j): similarity for i, j, similarity in pairs} == expected
    assert len(pairs) == len(expected)


# -------------------------------------------------------------------------------------------- check


def test_check_counts_what_is_there(cli: Cli, tmp_path: Path) -> None:
    corpus = write(
        tmp_path / "my.jsonl",
        row("One two three.", "failure", doc="A", section="prosecution", source="me"),
        row("One two.", "failure", "complicity", doc="A"),
        row("One."),
        row("Four four four four.", pair="p"),
    )
    head, *tables = cli("corpus", "check", corpus).stdout.decode().split("\n\n")
    assert head == (
        "4 passages, no problems; 3 groups (largest 2), 1 documents, "
        "1 sets of near-identical passages"
    )
    cells = [[line.split() for line in table.splitlines()] for table in tables]
    assert cells[0][1:] == [
        ["positive_effort", "0", "0.0%"],
        ["failure", "2", "50.0%"],
        ["complicity", "1", "25.0%"],
        ["(none)", "2", "50.0%"],
    ]
    assert cells[1][1:] == [
        ["(none)", "2", "50.0%"],
        ["failure", "1", "25.0%"],
        ["failure", "+", "complicity", "1", "25.0%"],
    ]
    assert cells[2][1:] == [["(none)", "3", "75.0%"], ["prosecution", "1", "25.0%"]]
    assert cells[3][1:] == [["(none)", "3", "75.0%"], ["me", "1", "25.0%"]]
    assert cells[4][1] == ["words", "1", "1.2", "1.8", "2.5", "3.2", "3.8", "4"]


# -------------------------------------------------------------------------------------------- agree


def test_disagreements_come_with_their_texts_the_largest_first(cli: Cli, tmp_path: Path) -> None:
    text = "Guards | sold visas."
    first = write(
        tmp_path / "a.jsonl",
        annotated("1", "failure"),
        annotated("2", "failure", text=text),
        annotated("3"),
    )
    second = write(
        tmp_path / "b.jsonl", annotated("1"), annotated("2", "complicity"), annotated("3")
    )
    out = cli("corpus", "agree", first, second, "--draws", 100).stdout.decode()
    assert "2 passages labelled differently" in out
    assert "| 2 | failure | complicity | Guards \\| sold visas. |" in out
    assert out.index("| 2 | failure") < out.index("| 1 | failure")
    assert "| failure | 3 | 0.333 | 0.000 [" in out
    texts = write(tmp_path / "texts.jsonl", row("Courts slept.", id="1"))
    options = ("--texts", texts, "-f", "jsonl", "--most", 1)
    done = cli("corpus", "agree", first, second, *options)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["part"] for row in rows] == [*["agreement"] * 3, "disagreement"]
    labels = {"first": ["failure"], "second": ["complicity"]}
    assert rows[3] == {"part": "disagreement", "id": "2", "text": text, **labels}
    assert rows[1]["kappa_interval"][0] <= rows[1]["kappa"]
    none = cli("corpus", "agree", first, second, "--draws", 0, "--most", 0).stdout.decode()
    assert none.rstrip().endswith("2 passages labelled differently, first 0 shown")
    assert "[" not in none


def test_ids_of_different_texts_are_not_compared(cli: Cli, tmp_path: Path) -> None:
    first = write(
        tmp_path / "a.jsonl",
        *(annotated(f"{number}", text=f"Text {number} of one.") for number in range(7)),
        annotated("same", text="Courts  slept."),
        annotated("bare"),
    )
    second = write(
        tmp_path / "b.jsonl",
        *(annotated(f"{number}", text=f"Text {number} of other.") for number in range(7)),
        annotated("same", "failure", text="courts slept."),
        annotated("bare", text="Police acted."),
    )
    done = cli("corpus", "agree", first, second)
    assert (done.returncode, done.stdout) == (1, b"")
    differing = b"different texts under the same id: '0', '1', '2', '3', '4' and 2 more; give"
    assert differing in done.stderr


def test_only_passages_that_both_labelled_blind_to_each_other_count_and_the_rest_is_said(
    cli: Cli, tmp_path: Path
) -> None:
    first = write(
        tmp_path / "a.jsonl",
        annotated("p0", "failure", blind=["colleagues"]),
        annotated("p1", blind=["colleagues", "model"]),
        annotated("p2", blind=None),
    )
    second = write(
        tmp_path / "b.jsonl",
        annotated("p0", blind=["colleagues"]),
        annotated("p1", "failure", blind=[]),
        annotated("p2", blind=["colleagues"]),
    )

    def check(counts: str, compared: int) -> None:
        done = cli("corpus", "agree", first, second, "-f", "jsonl", "--draws", 0)
        assert f"without seeing the other: {counts}" in done.stderr.decode()
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert {row["passages"] for row in rows if row["part"] == "agreement"} == {compared}

    check("1 of 3 passages, which alone count; seen: 1; not recorded: 1", 1)
    second.write_text(second.read_text("utf-8").replace("colleagues", "nobody"), "utf-8")
    all_count = "so that all count, independent or not"
    check(f"0 of 3 passages, {all_count}; seen: 3; not recorded: 0", 3)


def test_what_is_not_labelled_yet_is_left_out_of_agreement_and_reported(
    cli: Cli, tmp_path: Path
) -> None:
    first = write(tmp_path / "a.jsonl", annotated("1"), annotated("2", "failure"))
    second = write(tmp_path / "b.jsonl", annotated("1"), {"id": "2", "labels": None})
    second.write_text(second.read_text("utf-8") + "\n\n", "utf-8")  # an editor's blank lines
    done = cli("corpus", "agree", first, second)
    assert done.returncode == 0, done.stderr
    warning, _ = done.stderr.decode().splitlines()
    assert warning == f"tipclassify: warning: {second}: rows that are not labelled yet, left out: 1"
    table = done.stdout.decode()
    assert "| positive_effort | 1 | 1.000 | – | – | – |" in table
    assert "nan" not in table


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"id": "1", "labels": None}], "no row is labelled yet"),
        ([{"id": "1", "labels": 7}], "no labels; add"),
        ([{"id": "1"}], "no id or no labels"),
        ([annotated("1"), annotated("1")], "stands there twice"),
        ([], "no row is labelled yet"),
    ],
)
def test_annotations_that_cannot_be_compared_are_refused_in_one_line(
    cli: Cli, tmp_path: Path, rows: list[dict[str, object]], message: str
) -> None:
    first = write(tmp_path / "a.jsonl", annotated("1"))
    done = cli("corpus", "agree", first, write(tmp_path / "b.jsonl", *rows))
    assert (done.returncode, done.stdout) == (1, b"")
    (line,) = done.stderr.decode().splitlines()
    assert message in line


def test_a_queue_with_nothing_to_ask_writes_no_file(cli: Cli, tmp_path: Path) -> None:
    known = write(tmp_path / "my.jsonl", row("Police freed the boys."))
    queue = tmp_path / "todo.jsonl"
    options = ("--model", "fast", "--out", queue)
    for report, code, message in (
        (known, 0, "every passage is in --against already"),
        (tmp_path / "gone.html", 1, "gone.html: no such file"),
    ):
        done = cli("corpus", "queue", report, "--against", known, *options)
        assert (done.returncode, queue.exists()) == (code, False)
        assert message in done.stderr.decode()
