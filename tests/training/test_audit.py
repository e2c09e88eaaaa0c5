"""The audit finds planted label errors, near-identical pairs, leaks and pairs without a difference, and
nothing else."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, Run
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tipclassify.cli.app import corpus_app
from tipclassify.corpus.loading import Row, read_rows
from tipclassify.corpus.near_duplicates import near_duplicate_pairs
from tipclassify.errors import CorpusError, MissingExtraError
from tipclassify.labels import LABELS
from tipclassify.training import audit
from tipclassify.training.audit import (
    audit_corpus,
    audit_rows,
    audit_table,
    find_label_errors,
    find_near_identical_pairs,
    find_same_pairs,
    section_balance,
)
from tipclassify.training.examples import Examples
from tipclassify.training.fit_heads import HeadSettings

LAW = "The law criminalized labor trafficking and prescribed penalties of five to ten years in prison for offenders"
PARTS = ["label_errors", "conflicts", "same_pairs", "leaks", "balance"]


def rows_of(*rows: tuple[str, Sequence[str], dict[str, Any]]) -> list[Row]:
    """Rows r0, r1, … of (text, labels, further fields)."""
    return [
        {"id": f"r{n}", "text": text, "labels": tuple(labels), **more}
        for n, (text, labels, more) in enumerate(rows)
    ]


def write(file: Path, rows: Sequence[Row]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def with_errors() -> tuple[list[Row], dict[str, tuple[str, ...]]]:
    """Rows, 30 of them with effort and failure confused, and the true labels of those by id."""
    rows = [
        row
        for row in read_rows(ROOT / "data/corpus/prosecution.jsonl")
        if row["source"] == "w2_prosecution"
    ]
    turned = {("positive_effort",): ("failure",), ("failure",): ("positive_effort",)}
    plain = [i for i, row in enumerate(rows) if row["labels"] in turned]
    truth = {}
    for i in np.random.default_rng(0).choice(plain, 30, replace=False):
        truth[rows[i]["id"]] = rows[i]["labels"]
        rows[i]["labels"] = turned[rows[i]["labels"]]
    return rows, truth


def ids(found: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(twins["first"]["id"], twins["second"]["id"]) for twins in found]


# ---------------------------------------------------------------------------------------------
# label errors


def test_planted_label_errors_are_found_well_above_chance() -> None:
    pytest.importorskip("cleanlab")
    rows, truth = with_errors()
    found = find_label_errors(rows)
    # docs/how-to/label.md has the figures: 56 listed, 29 of the 30, 19 of the first 20
    assert len(found) < 80
    assert sum(error["id"] in truth for error in found) >= 27
    assert sum(error["id"] in truth for error in found[:20]) >= 17
    first = [error for error in found[:30] if error["id"] in truth]
    assert sum(error["suggested"] == truth[error["id"]] for error in first) >= len(first) / 2
    assert [error["quality"] for error in found] == sorted(error["quality"] for error in found)
    assert all(
        0 <= error["quality"] <= 1 and error["labels"] != error["suggested"] for error in found
    )


def test_a_doubted_label_is_turned_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cleanlab")
    truth = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 1], [0, 0, 0]] * 5, bool)
    rows = rows_of(
        *(
            (f"passage {n}", [LABELS[j] for j in np.flatnonzero(row)], {})
            for n, row in enumerate(truth)
        )
    )
    rows[2]["labels"] = ("complicity",)  # failure was forgotten
    rows[9]["doc"] = rows[10]["doc"] = "x"
    rows[3]["section"], rows[4]["section"] = "Prosecution", ""
    asked: list[Any] = []

    def adapted(_: Any, examples: Examples, settings: HeadSettings, __: Any) -> SimpleNamespace:
        asked.append((examples, settings))
        return SimpleNamespace(scores=np.where(truth, 0.95, 0.05))

    monkeypatch.setattr(audit, "adapt_to_own", adapted)
    found = find_label_errors(rows, folds=3, seed=7)
    assert [(error["id"], error["labels"], error["suggested"]) for error in found] == [
        ("r2", ("complicity",), ("failure", "complicity"))
    ]
    # what a passage stands under is evidence here too
    headings = [None, None, None, "Prosecution", *[None] * 16]
    ((examples, settings),) = asked
    assert examples.headings == headings
    assert examples.groups[9] == examples.groups[10]
    assert len(set(examples.groups.tolist())) == len(rows) - 1
    assert (settings.folds, settings.seed, settings.penalty) == (3, 7, None)


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
    with pytest.raises(
        MissingExtraError,
        match=re.escape("the audit needs an extra: pip install 'tipclassify[audit]'"),
    ):
        audit_corpus(rows_of(("Police acted.", [], {})))


# --------------------------------------------------------------------------------------------- near
# twins


def grams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + 3]) for i in range(len(words) - 2)} or (
        {tuple(words)} if words else set()
    )


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
    found = list(near_duplicate_pairs(texts, least))
    assert {(i, j): similarity for i, j, similarity in found} == expected
    assert len(found) == len(expected)


def test_near_pairs_of_6000_sentences_take_seconds() -> None:
    texts = [
        row["text"] for row in read_rows(ROOT / "data" / "corpus") if row["source"] != "mixed"
    ][:3_000]
    assert len(texts) == 3_000
    start = time.perf_counter()
    found = sum(1 for _ in near_duplicate_pairs([*texts, *(f"{text} !" for text in texts)], 0.6))
    assert time.perf_counter() - start < 6
    assert found > len(texts)  # each text with its copy, and then some


def test_near_twins_with_different_labels_are_found_but_for_those_of_a_pair() -> None:
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
    found = find_near_identical_pairs(rows)[0]
    assert sorted(ids(found)) == [("r0", "r1"), ("r1", "r2"), ("r4", "r6"), ("r5", "r6")]
    assert [twins["similarity"] for twins in found] == sorted(
        (twins["similarity"] for twins in found), reverse=True
    )
    assert found[0]["similarity"] == 1.0
    assert (found[0]["first"]["labels"], found[0]["second"]["labels"]) == (
        ("failure",),
        ("positive_effort",),
    )


def test_a_text_that_occurs_often_is_reported_once() -> None:
    rows = rows_of(*[(LAW, ["failure"], {})] * 3, *[(LAW + " now", [], {})] * 3)
    assert ids(find_near_identical_pairs(rows)[0]) == [("r0", "r3")]


def test_near_twins_in_different_groups_leak() -> None:
    rows = rows_of(
        (LAW, ["failure"], {"doc": "a"}),
        (LAW + " now", ["failure"], {"doc": "b"}),  # the leak, whatever its labels
        # one narrative with the first, but not with the second
        (LAW + " again", ["failure"], {"doc": "a"}),
        ("Courts convicted nobody at all", [], {"pair": "p"}),
        ("Courts convicted nobody at all.", [], {"pair": "p"}),  # one pair is one group
        ("Courts convicted nobody at all then", [], {}),  # 0.75: too far for a leak
    )
    found = find_near_identical_pairs(rows)[1]
    assert ids(found) == [("r0", "r1"), ("r1", "r2")]
    assert all(twins["similarity"] >= 0.8 for twins in found)


# ---------------------------------------------------------------------------------------------
# pairs, balance


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
    found = find_same_pairs(rows)
    assert [(same["pair"], same["labels"]) for same in found] == [("same", ("failure",)), ("7", ())]
    assert [passage["id"] for passage in found[0]["passages"]] == ["r0", "r2"]


def test_balance_counts_each_label_by_section_the_largest_first() -> None:
    rows = rows_of(
        ("a", ["failure"], {}),
        ("b", ["failure", "complicity"], {"section": "profile"}),
        ("c", [], {"section": "profile"}),
        ("d", ["failure"], {"section": "profile"}),
    )
    profile, none = section_balance(rows)
    assert (profile["section"], profile["passages"]) == ("profile", 3)
    assert profile["counts"] == {"positive_effort": 0, "failure": 2, "complicity": 1, "(none)": 1}
    assert profile["shares"] == {
        "positive_effort": 0,
        "failure": 0.6667,
        "complicity": 0.3333,
        "(none)": 0.3333,
    }
    assert (none["section"], none["passages"], none["counts"]["failure"]) == (None, 1, 1)


# --------------------------------------------------------------------------------------------- rows
# and tables


def test_each_part_is_counted_whole_and_shown_in_part() -> None:
    first = {"id": "a", "text": "A\nb", "labels": ()}
    twins = {
        "similarity": 0.9,
        "first": first,
        "second": {"id": "long-name", "text": "A b", "labels": ("failure",)},
    }
    found: dict[str, list[dict[str, Any]]] = {
        part: [twins] * 3 if part == "conflicts" else [] for part in PARTS
    }
    rows = list(audit_rows(found, 2))
    assert [(row["part"], row["count"]) for row in rows if "count" in row] == list(
        zip(PARTS, [0, 3, 0, 0, 0], strict=True)
    )
    assert [row for row in rows if "count" not in row] == [
        {
            "part": "conflicts",
            "similarity": 0.9,
            "first": {"id": "a", "text": "A\nb", "labels": ()},
            "second": {"id": "long-name", "text": "A b", "labels": ("failure",)},
        }
    ] * 2
    assert audit_table(found, 1).split("\n\n")[1].splitlines() == [
        "near-identical pairs with different labels (similarity 0.6 or more): 3, first 1 shown",
        "similarity  id         labels   text",
        "      0.90  a          (none)   A b",
        "            long-name  failure  A b",
    ]
    assert "first" not in audit_table(found, 3)
    assert [row["count"] for row in audit_rows(found, 0)] == [0, 3, 0, 0, 0]


# --------------------------------------------------------------------------------------------- the
# command


PLAIN = 150


def run(*args: object) -> Any:
    """Run ``tipclassify corpus`` in this process."""
    return CliRunner().invoke(corpus_app, [*map(str, args)], catch_exceptions=False)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus with something for each part: label errors, a conflict, a same-label pair, a
    leak."""
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
    # aligned
    assert (
        len({line.index(word) for line, word in ((conflicts[2], "c1"), (conflicts[3], "c2"))}) == 1
    )
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
    cli: Run, planted: Path, tmp_path: Path
) -> None:
    (tmp_path / "cleanlab.py").write_text(
        "raise ModuleNotFoundError('No module named cleanlab')\n", "utf-8"
    )
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = cli("corpus", "audit", planted, env={"PYTHONPATH": path})
    assert (done.returncode, done.stdout) == (1, b"")
    assert (
        done.stderr.decode()
        == "tipclassify: the audit needs an extra: pip install 'tipclassify[audit]'\n"
    )


def test_check_counts_passages_or_reports_every_problem(
    cli: Run, planted: Path, tmp_path: Path
) -> None:
    count = len(planted.read_bytes().splitlines())
    done = cli("corpus", "check", planted)
    assert (done.returncode, done.stdout.decode(), done.stderr) == (
        0,
        f"{count} passages, no problems\n",
        b"",
    )
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
