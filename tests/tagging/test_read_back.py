"""A passage scored alone, from its row in any format, has the scores that it had in its report."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import datasets
import pyarrow.parquet
import pytest
from conftest import Cli, JsonObject
from hypothesis import given, settings
from hypothesis import strategies as st
from tolerances import PROBABILITY

from tipclassify import (
    Classifier,
    Document,
    Passage,
    Report,
    classify,
    explain,
    row,
    tag,
    tag_batch,
    tag_report,
)
from tipclassify.app.desk import Desk
from tipclassify.app.review import Review, open_reports
from tipclassify.bundle.verify import verify_bundle
from tipclassify.bundle.write import write_bundle
from tipclassify.corpus.next import queue_rows
from tipclassify.corpus.rows import read_rows
from tipclassify.records import WITHOUT_ACRONYMS, passage_of
from tipclassify.store import Store
from tipclassify.store.export import rows
from tipclassify.tagging import Tagging
from tipclassify.write import write_reports
from tipclassify.write.desk import read_findings

ACRONYMS = (
    "The Valdorian People's Army (VPA) freed 12 children.",
    "Prosecutors of the Ministry of Mines (MoM) charged no one.",
    "Staff of the Karvonian Migrants' Aid (KMA) sheltered 30 women.",
)
SENTENCES = (
    "The VPA recruited children in March.",
    "Officials of the MoM, police said, took bribes from KMA.",
    "The KMA trained 40 inspectors; the MoM didn't.",
    "=SUM of fines: “$1,200”, paid to the MoM",
    "The law prohibits all forms of forced labor.",
    "Courts convicted none of the VPA's officers.",
)
HEADINGS = ("Prosecution", "b. Prohibition of Forced Labor", "PROTECTION", "Working Conditions")


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Make a report with acronyms, headings, and characters that tables treat in their own way."""
    # no control characters, which CSV replaces, and no rare scripts, which are taken for binary data
    characters = st.characters(max_codepoint=0x24F, exclude_categories=["Cc"]) | st.sampled_from(
        "“”‘’—…•\u2009\u2028"
    )
    odd = st.text(characters, min_size=1, max_size=30)
    pieces = st.sampled_from([*ACRONYMS, *SENTENCES]) | odd
    blocks = []
    for heading, sentences in draw(
        st.lists(
            st.tuples(st.sampled_from(HEADINGS), st.lists(pieces, min_size=1, max_size=5)),
            min_size=1,
            max_size=3,
        )
    ):
        blocks += [heading, " ".join(sentences)]
    return "\n\n".join([draw(st.sampled_from(ACRONYMS)), *blocks])


def rows_read_back(report: Report, file: Path, folder: Path) -> Iterator[tuple[str, list[Passage]]]:
    """Yield the passages of a report, without scores, as each format gives them."""
    rows = [row(report, passage) for passage in report.passages]
    yield "row", list(map(passage_of, rows))
    for suffix in ("jsonl", "csv"):
        written = folder / f"out.{suffix}"
        write_reports(report, written)
        (again,) = tag([written], model="fast")
        assert isinstance(again, Report)
        yield suffix, [passage_of(passage.extra) for passage in again.passages]
    write_reports(report, folder / "out.parquet")
    table = pyarrow.parquet.read_table(folder / "out.parquet").to_pylist()
    yield "parquet", list(map(passage_of, table))
    bundle = io.BytesIO()
    write_bundle([str(file)], Tagging("fast"), bundle)
    lines = zipfile.ZipFile(bundle).read("passages.jsonl").splitlines()
    yield "bundle", [passage_of(json.loads(line)) for line in lines]


def check(text: str, model: Classifier, tolerance: float) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "report.txt"
        file.write_text(text, "utf-8")
        report = tag_report(file, model=model)
        in_report = model.predict_proba(report.passages)
        assert classify(report.document.text, model=model) == report.passages
        for name_of_format, passages in rows_read_back(report, file, folder):
            assert [passage.text for passage in passages] == [
                passage.text for passage in report.passages
            ], name_of_format
            alone = model.predict_proba(passages)
            assert abs(alone - in_report).max(initial=0) <= tolerance, name_of_format
        queue = queue_rows([report], None, len(report.passages))
        of_texts = {passage.key: passage.scores for passage in reversed(report.passages)}
        for passage in model.tag(map(passage_of, queue)):
            for label, score in of_texts[passage.key].items():
                assert abs(passage.scores[label] - score) <= tolerance
        for passage in report.passages[:3]:
            for label, reason in explain(passage, model=model).items():
                assert abs(reason.probability - passage.scores[label]) <= tolerance


@given(texts())
@settings(max_examples=20)
def test_scores_of_fast_are_the_same_to_the_bit(fast: Classifier, text: str) -> None:
    check(text, fast, 0)


@given(texts())
@settings(max_examples=5)
def test_scores_of_the_default_are_the_same(classifier: Classifier, text: str) -> None:
    check(text, classifier, PROBABILITY)


def test_an_acronym_turns_a_tag_only_where_its_name_is_known(fast: Classifier) -> None:
    sentence = "The VPA recruited 40 children."
    (alone,) = classify(sentence, model=fast)
    *_, in_report = classify(f"{ACRONYMS[0]} {sentence}", model=fast)
    assert in_report.scores["complicity"] > alone.scores["complicity"] + 0.2


def lines_of(report: Report) -> list[JsonObject]:
    return [row(report, passage) for passage in report.passages]


def test_a_table_of_an_earlier_version_says_once_that_acronyms_are_missing(
    tmp_path: Path, cli: Cli
) -> None:
    file = tmp_path / "a.txt"
    file.write_text(" ".join([*ACRONYMS, *SENTENCES]), "utf-8")
    rows = lines_of(tag_report(file, model="fast"))
    for each in rows:
        del each["acronyms"]
    old = tmp_path / "old.jsonl"
    old.write_text("".join(json.dumps(each) + "\n" for each in rows), "utf-8")
    done = cli("score", old, "--model", "fast", "-f", "jsonl")
    assert done.returncode == 0
    assert done.stderr.decode().count(WITHOUT_ACRONYMS) == 1
    assert f"{old}: {WITHOUT_ACRONYMS}" in done.stderr.decode()
    done = cli("score", file, "--model", "fast", "-f", "csv", "-o", tmp_path / "new.csv")
    done = cli("score", tmp_path / "new.csv", "--model", "fast", "-f", "jsonl")
    assert (done.returncode, done.stderr) == (0, b"")
    labelled = tmp_path / "labelled.jsonl"
    line = {"text": "The VPA slept.", "labels": [], "start": 0, "end": 14}
    labelled.write_text(json.dumps(line) + "\n", "utf-8")
    with pytest.warns(UserWarning, match="rows without"):
        read_rows(labelled)
    labelled.write_text(json.dumps({**line, "acronyms": {"VPA": "army"}}) + "\n", "utf-8")
    (labelled_row,) = read_rows(labelled)
    assert passage_of(labelled_row).acronyms == {"VPA": "army"}


@pytest.mark.parametrize("acronyms", [["MoM"], {"MoM": 3}, "MoM", {"MoM": "m" * 161}])
def test_acronyms_that_are_no_names_are_one_line(
    acronyms: object, tmp_path: Path, cli: Cli
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps({"text": "The MoM slept.", "acronyms": acronyms}) + "\n", "utf-8")
    done = cli("score", file, "--model", "fast")
    assert done.returncode == 1
    lines = done.stderr.decode().splitlines()
    assert [line for line in lines if '"acronyms" is no object of names' in line] == lines[:1]


def test_a_bundle_verifies_to_the_last_bit(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text(" ".join([*ACRONYMS, *SENTENCES]), "utf-8")
    bundle = tmp_path / "a.zip"
    with bundle.open("wb") as out:
        write_bundle([str(file)], Tagging("fast"), out)
    results = verify_bundle(str(bundle), [str(file)], exact=True)
    assert {check.check for check in results if check.result == "differs"} == set()
    assert any("equal to the last bit" in check.detail for check in results)


def test_a_data_set_of_rows_has_the_scores_of_the_report(tmp_path: Path, fast: Classifier) -> None:
    report = tag_report(Document.from_text(" ".join([*ACRONYMS, *SENTENCES])), model=fast)
    file = tmp_path / "rows.jsonl"
    write_reports(report, file)
    table = datasets.Dataset.from_json(str(file), cache_dir=str(tmp_path / "cache"))
    tagged = table.map(tag_batch, fn_kwargs={"model": "fast", "prefix": "again_"})
    for label in fast.labels:
        scores = [passage.scores[label] for passage in report.passages]
        assert tagged[f"again_{label}"][:] == scores


def test_what_people_decide_in_a_review_or_on_a_desk_keeps_the_acronyms(
    tmp_path: Path, fast: Classifier, cli: Cli
) -> None:
    file = tmp_path / "a.txt"
    file.write_text(" ".join([*ACRONYMS, *SENTENCES]), "utf-8")
    reports, _ = open_reports([str(file)], Tagging("fast"))
    review = Review(fast, reports, Store(tmp_path / "my.sqlite"), "ann", fast.run())
    tagged = [each.passage for each in reports[0].passages]
    for each in reports[0].passages:
        review.decide(each.id, labels=["failure"])
    assert cli("score", file, "--model", "fast", "-f", "html", "--output-dir", tmp_path / "desk")
    desk = Desk(tmp_path / "desk", "ann")
    for finding in read_findings(tmp_path / "desk"):
        place = (finding["report"], finding["start"], finding["end"])
        desk.check(place, finding["key"], ["failure"], None, None)
    for store in (review.store, desk.store):
        decided = list(rows(store.now(), store.passages()))
        assert any(each["acronyms"] for each in decided)
        for passage in fast.tag(map(passage_of, decided)):
            (scores,) = (each.scores for each in tagged if each.text == passage.text)
            assert passage.scores == scores
