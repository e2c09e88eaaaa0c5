"""The audit finds planted label errors, near-identical pairs, leaks, equal pairs, and no more."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import ROOT, Cli
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from tipclassify.cli.app import corpus_app
from tipclassify.corpus.curate import near_duplicate_pairs
from tipclassify.corpus.rows import Row, read_rows
from tipclassify.errors import CorpusError, MissingExtraError
from tipclassify.labels import LABELS
from tipclassify.training import audit
from tipclassify.training.audit import (
    Audit,
    Finding,
    audit_corpus,
    audit_rows,
    audit_table,
    count_sections,
    find_label_errors,
    find_near_identical,
    find_same_pairs,
)
from tipclassify.training.examples import Examples

LAW = (
    "The law criminalized labor trafficking and prescribed penalties of five to ten years in "
    "prison for offenders"
)
PARTS = ["label_errors", "conflicts", "same_pairs", "leaks", "balance"]


def rows_of(*rows: tuple[str, Sequence[str], Row]) -> list[Row]:
    """Make rows r0, r1, … of (text, labels, further fields)."""
    return [
        {"id": f"r{n}", "text": text, "labels": tuple(labels), **more}
        for n, (text, labels, more) in enumerate(rows)
    ]


def write(file: Path, rows: Sequence[Row]) -> Path:
    """Write rows as JSON lines."""
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def with_errors() -> tuple[list[Row], dict[str, tuple[str, ...]]]:
    """Confuse effort and failure in 30 rows; return all rows, and the true labels by id."""
    rows = [
        row
        for row in read_rows(ROOT / "data/corpus/prosecution.jsonl")
        if row["source"] == "w2_prosecution"
    ]
    confused = {("positive_effort",): ("failure",), ("failure",): ("positive_effort",)}
    with_one_of_them = [i for i, row in enumerate(rows) if row["labels"] in confused]
    truth = {}
    for i in np.random.default_rng(0).choice(with_one_of_them, 30, replace=False):
        row = rows[i]
        truth[row["id"]] = row["labels"]
        row["labels"] = confused[row["labels"]]
    return rows, truth


def ids(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """Return the two ids of each near-identical pair."""
    return [(pair["first"]["id"], pair["second"]["id"]) for pair in findings]


# ------------------------------------------------------------------------------------- label errors


@pytest.mark.slow
def test_planted_label_errors_are_found_well_above_chance() -> None:
    pytest.importorskip("cleanlab")
    rows, truth = with_errors()
    errors = find_label_errors(rows)
    # docs/how-to/label.md has the figures: 56 listed, 29 of the 30, 19 of the first 20
    assert len(errors) < 80
    assert sum(error["id"] in truth for error in errors) >= 27
    assert sum(error["id"] in truth for error in errors[:20]) >= 17
    planted = [error for error in errors[:30] if error["id"] in truth]
    well_suggested = [error for error in planted if error["suggested"] == truth[error["id"]]]
    assert len(well_suggested) >= len(planted) / 2
    qualities = [error["quality"] for error in errors]
    assert qualities == sorted(qualities)
    assert all(0 <= quality <= 1 for quality in qualities)
    assert all(error["labels"] != error["suggested"] for error in errors)


def test_a_doubted_label_is_turned_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cleanlab")
    effort = [1, 0, 0]
    failure = [0, 1, 0]
    failure_and_complicity = [0, 1, 1]
    without = [0, 0, 0]
    truth = np.tile(np.array([effort, failure, failure_and_complicity, without], bool), (5, 1))
    labels = [[LABELS[j] for j in np.flatnonzero(row)] for row in truth]
    rows = rows_of(*((f"passage {n}", row_labels, {}) for n, row_labels in enumerate(labels)))
    rows[2]["labels"] = ("complicity",)  # failure was forgotten
    rows[9]["doc"] = "x"
    rows[10]["doc"] = "x"
    rows[3]["section"] = "Prosecution"
    rows[4]["section"] = ""
    calls: list[tuple[Examples, int, int]] = []

    def adapted(
        _: object, examples: Examples, *, folds: int, seed: int, **__: object
    ) -> SimpleNamespace:
        calls.append((examples, folds, seed))
        return SimpleNamespace(scores=np.where(truth, 0.95, 0.05))

    monkeypatch.setattr(audit, "adapt", adapted)
    (error,) = find_label_errors(rows, folds=3, seed=7)
    assert error["id"] == "r2"
    assert error["labels"] == ("complicity",)
    assert error["suggested"] == ("failure", "complicity")
    ((examples, folds, seed),) = calls
    # what a passage stands under is evidence here too
    headings: list[str | None] = [None for _ in rows]
    headings[3] = "Prosecution"
    assert examples.headings == headings
    assert examples.groups[9] == examples.groups[10]
    assert len(set(examples.groups.tolist())) == len(rows) - 1
    assert (folds, seed) == (3, 7)


def test_labels_that_all_passages_have_or_none_are_not_doubted() -> None:
    pytest.importorskip("cleanlab")
    texts = [f"Police arrested suspect number {n} in the port." for n in range(6)]
    rows = rows_of(*((text, ["positive_effort"], {}) for text in texts))
    assert find_label_errors(rows, folds=3) == []
    rows += rows_of(*((f"It rained on day {n}.", [], {}) for n in range(6)))
    # cleanlab alone would fail on the one and warn of the other
    assert find_label_errors(rows, folds=3) == []


def test_a_corpus_that_cannot_be_held_out_is_refused_in_one_line() -> None:
    pytest.importorskip("cleanlab")
    rows = rows_of(
        ("Police acted.", ["positive_effort"], {"doc": "a"}),
        ("Courts slept.", ["failure"], {"doc": "a"}),
    )
    with pytest.raises(CorpusError, match=r"too small to audit: .*add rows"):
        find_label_errors(rows)


def test_without_cleanlab_the_pip_line_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "cleanlab",
        "cleanlab.multilabel_classification",
        "cleanlab.multilabel_classification.filter",
    ):
        monkeypatch.setitem(sys.modules, name, None)  # what makes `import` say that there is none
    message = re.escape("the audit needs an extra: pip install 'tipclassify[audit]'")
    with pytest.raises(MissingExtraError, match=message):
        audit_corpus(rows_of(("Police acted.", [], {})))


# -------------------------------------------------------------------------- near-identical passages


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


def test_near_pairs_of_6000_sentences_take_seconds() -> None:
    rows = [row for row in read_rows(ROOT / "data" / "corpus") if row["source"] != "mixed"]
    texts = [row["text"] for row in rows[:3_000]]
    assert len(texts) == 3_000
    copies = [f"{text} !" for text in texts]
    start = time.perf_counter()
    pairs = list(near_duplicate_pairs([*texts, *copies], 0.6))
    assert time.perf_counter() - start < 6
    assert len(pairs) > len(texts)  # each text with its copy, and then some


def test_near_identical_passages_with_different_labels_are_found_but_for_those_of_a_pair() -> None:
    rows = rows_of(
        (LAW + ".", ["positive_effort"], {}),
        (LAW.upper() + " today!", ["failure"], {}),  # near, other labels
        (LAW + " now", ["positive_effort"], {}),  # near, the same labels as the first
        # shares a part only
        ("Fishing boats from the south " + LAW.split("and")[0], ["failure"], {}),
        ("Police did nothing", ["failure"], {"pair": "p"}),
        ("Police did nothing.", ["complicity"], {"pair": "p"}),  # differ on purpose
        ("police, did nothing", ["positive_effort"], {"pair": "q"}),
    )
    conflicts = find_near_identical(rows)[0]
    assert sorted(ids(conflicts)) == [("r0", "r1"), ("r1", "r2"), ("r4", "r6"), ("r5", "r6")]
    similarities = [conflict["similarity"] for conflict in conflicts]
    assert similarities == sorted(similarities, reverse=True)
    assert similarities[0] == 1.0
    assert conflicts[0]["first"]["labels"] == ("failure",)
    assert conflicts[0]["second"]["labels"] == ("positive_effort",)


def test_a_text_that_occurs_often_is_reported_once() -> None:
    rows = rows_of(
        (LAW, ["failure"], {}),
        (LAW, ["failure"], {}),
        (LAW, ["failure"], {}),
        (LAW + " now", [], {}),
        (LAW + " now", [], {}),
        (LAW + " now", [], {}),
    )
    assert ids(find_near_identical(rows)[0]) == [("r0", "r3")]


def test_near_identical_passages_in_different_groups_leak() -> None:
    rows = rows_of(
        (LAW, ["failure"], {"doc": "a"}),
        (LAW + " now", ["failure"], {"doc": "b"}),  # the leak, whatever its labels
        # one narrative with the first, but not with the second
        (LAW + " again", ["failure"], {"doc": "a"}),
        ("Courts convicted nobody at all", [], {"pair": "p"}),
        ("Courts convicted nobody at all.", [], {"pair": "p"}),  # one pair is one group
        ("Courts convicted nobody at all then", [], {}),  # 0.75: too far for a leak
    )
    leaks = find_near_identical(rows)[1]
    assert ids(leaks) == [("r0", "r1"), ("r1", "r2")]
    assert all(leak["similarity"] >= 0.8 for leak in leaks)


# ----------------------------------------------------------------------------------- pairs, balance


def test_pairs_whose_labels_do_not_differ_are_found() -> None:
    rows = rows_of(
        ("a", ["failure"], {"pair": "same"}),
        ("b", ["failure"], {"pair": "differ"}),
        ("c", ["failure"], {"pair": "same"}),
        ("d", ["failure", "complicity"], {"pair": "differ"}),
        ("e", [], {"pair": None}),
        ("f", [], {}),
        ("g", [], {"pair": 7}),  # its twin is missing
    )
    of_two, of_one = find_same_pairs(rows)
    assert (of_two["pair"], of_two["labels"]) == ("same", ("failure",))
    assert [passage["id"] for passage in of_two["passages"]] == ["r0", "r2"]
    assert (of_one["pair"], of_one["labels"]) == ("7", ())


def test_balance_counts_each_label_by_section_the_largest_first() -> None:
    rows = rows_of(
        ("a", ["failure"], {}),
        ("b", ["failure", "complicity"], {"section": "profile"}),
        ("c", [], {"section": "profile"}),
        ("d", ["failure"], {"section": "profile"}),
    )
    profile, none = count_sections(rows)
    assert (profile["section"], profile["passages"]) == ("profile", 3)
    assert profile["counts"] == {"positive_effort": 0, "failure": 2, "complicity": 1, "(none)": 1}
    assert profile["shares"] == {
        "positive_effort": 0,
        "failure": 0.6667,
        "complicity": 0.3333,
        "(none)": 0.3333,
    }
    assert (none["section"], none["passages"], none["counts"]["failure"]) == (None, 1, 1)


# ---------------------------------------------------------------------------------- rows and tables


def test_each_part_is_counted_whole_and_shown_in_part() -> None:
    conflict = {
        "similarity": 0.9,
        "first": {"id": "a", "text": "A\nb", "labels": ()},
        "second": {"id": "long-name", "text": "A b", "labels": ("failure",)},
    }
    findings: Audit = {part: [] for part in PARTS} | {"conflicts": [conflict, conflict, conflict]}
    counts = [
        {"part": "label_errors", "count": 0},
        {"part": "conflicts", "count": 3},
        {"part": "same_pairs", "count": 0},
        {"part": "leaks", "count": 0},
        {"part": "balance", "count": 0},
    ]

    rows = list(audit_rows(findings, 2))
    assert [row for row in rows if "count" in row] == counts
    shown = {
        "part": "conflicts",
        "similarity": 0.9,
        "first": {"id": "a", "text": "A\nb", "labels": ()},
        "second": {"id": "long-name", "text": "A b", "labels": ("failure",)},
    }
    assert [row for row in rows if "count" not in row] == [shown, shown]
    assert list(audit_rows(findings, 0)) == counts

    assert audit_table(findings, 1).split("\n\n")[1].splitlines() == [
        "near-identical pairs with different labels (similarity 0.6 or more): 3, first 1 shown",
        "similarity  id         labels   text",
        "      0.90  a          (none)   A b",
        "            long-name  failure  A b",
    ]
    assert "first" not in audit_table(findings, 3)


# -------------------------------------------------------------------------------------- the command


PLAIN = 150


def run(*args: object) -> Result:
    """Run ``tipclassify corpus`` in this process."""
    return CliRunner().invoke(corpus_app, [*map(str, args)], catch_exceptions=False)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a corpus with label errors, a conflict, a pair with the same labels, and a leak."""
    rows = [{**row, "section": "prosecution"} for row in with_errors()[0][:PLAIN]]
    rows += [
        {
            "id": "c1",
            "text": f"{LAW} of Velmark.",
            "labels": ["positive_effort"],
            "section": "law",
            "doc": "x",
        },
        {
            "id": "c2",
            "text": f"{LAW} of Velmark!",
            "labels": ["failure"],
            "section": "law",
            "doc": "x",
        },
        {
            "id": "s1",
            "text": "Velmark opened a shelter — “the first”.",
            "labels": ["positive_effort"],
            "pair": "s",
        },
        {
            "id": "s2",
            "text": "Velmark gave counsel\nto children.",
            "labels": ["positive_effort"],
            "pair": "s",
        },
        {
            "id": "l1",
            "text": "Guards at the port took bribes.",
            "labels": ["complicity"],
            "doc": "y",
        },
        {
            "id": "l2",
            "text": "guards at the port took bribes",
            "labels": ["complicity"],
            "doc": "z",
        },
    ]
    return write(tmp_path_factory.mktemp("audit") / "planted.jsonl", rows)


def test_audit_prints_five_tables(planted: Path) -> None:
    pytest.importorskip("cleanlab")
    done = run("audit", planted, "--most", 5)
    assert (done.exit_code, done.stderr) == (0, "")
    tables = [table.splitlines() for table in done.stdout.rstrip("\n").split("\n\n")]
    errors, conflicts, pairs, leaks, balance = tables
    assert re.fullmatch(r"likely label errors: \d+, first 5 shown", errors[0])
    assert errors[1].split() == ["quality", "id", "labels", "suggested", "text"]
    assert len(errors) == 2 + 5
    assert conflicts[2].index("c1") == conflicts[3].index("c2")  # aligned
    assert conflicts[2].endswith("of Velmark.")
    assert conflicts[0].endswith(f": {(len(conflicts) - 2) // 2}")
    assert [line.split()[:2] for line in pairs[-2:]] == [["s", "s1"], ["s2", "positive_effort"]]
    # a line end in a text breaks no table
    assert pairs[-1].endswith("Velmark gave counsel to children.")
    assert "“the first”" in pairs[-2]
    assert "l1" in leaks[2]
    assert "l2" in leaks[3]
    assert not any("c1" in line for line in leaks)
    assert balance[0] == "sections: 3"
    assert [line.split()[0] for line in balance[2:]] == ["prosecution", "(no", "law"]
    assert balance[-1].split() == ["law", "2", "1", "(50%)", "1", "(50%)", "0", "(0%)", "0", "(0%)"]


def test_audit_writes_jsonl_to_a_file_and_the_same_twice(planted: Path, tmp_path: Path) -> None:
    pytest.importorskip("cleanlab")
    options = ("audit", planted, "--format", "jsonl", "--folds", 4, "--seed", 3, "--most", 12)
    done = run(*options, "--output", tmp_path / "audit.jsonl")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    written = (tmp_path / "audit.jsonl").read_bytes().decode()
    assert run(*options).stdout == written
    rows = [json.loads(line) for line in written.splitlines()]
    heads = [row for row in rows if "count" in row]
    assert [row["part"] for row in heads] == PARTS
    for head in heads:
        part = [row for row in rows if row["part"] == head["part"] and row is not head]
        assert len(part) == min(12, head["count"])
    first = {row["part"]: row for row in reversed(rows) if "count" not in row}
    assert list(first["label_errors"]) == ["part", "quality", "id", "text", "labels", "suggested"]
    assert first["conflicts"]["first"]["labels"] == ["positive_effort"]
    assert first["conflicts"]["second"]["id"] == "c2"
    assert [passage["id"] for passage in first["same_pairs"]["passages"]][-2:] == ["s1", "s2"]
    assert first["leaks"]["similarity"] == 1
    assert first["balance"]["passages"] == PLAIN


def test_a_thin_corpus_is_not_audited(tmp_path: Path) -> None:
    pytest.importorskip("cleanlab")
    file = write(tmp_path / "thin.jsonl", rows_of(("Police acted.", ["positive_effort"], {})))
    done = CliRunner().invoke(corpus_app, ["audit", str(file)])
    # which the command line tells in a line, as of bad rows below
    assert isinstance(done.exception, CorpusError)
    assert str(done.exception).startswith("too small to audit")


def test_audit_without_cleanlab_says_what_to_install(
    cli: Cli, planted: Path, tmp_path: Path
) -> None:
    (tmp_path / "cleanlab.py").write_text(
        "raise ModuleNotFoundError('No module named cleanlab')\n", "utf-8"
    )
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = cli("corpus", "audit", planted, env={"PYTHONPATH": path})
    assert (done.returncode, done.stdout) == (1, b"")
    message = "tipclassify: the audit needs an extra: pip install 'tipclassify[audit]'\n"
    assert done.stderr.decode() == message


def test_check_counts_passages_or_reports_every_problem(
    cli: Cli, planted: Path, tmp_path: Path
) -> None:
    count = len(planted.read_bytes().splitlines())
    done = cli("corpus", "check", planted)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == f"{count} passages, no problems\n"
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text": "a", "labels": ["x"]}\n{"text": "", "labels": []}\n', "utf-8")
    for command in ("check", "audit"):
        done = cli("corpus", command, planted, bad)
        assert (done.returncode, done.stdout) == (1, b"")
        errors = done.stderr.decode()
        assert f"{bad}:1: unknown label" in errors
        assert f"{bad}:2: empty text" in errors
        assert len(errors.splitlines()) == 2


@pytest.mark.parametrize(
    "args", [[], ["audit"], ["check"], ["audit", "x", "--most", "-1"], ["audit", "x", "-f", "csv"]]
)
def test_wrong_usage_of_corpus_exits_2(args: list[str]) -> None:
    assert run(*args).exit_code == 2
