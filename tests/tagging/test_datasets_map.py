"""`tag_batch` in ``datasets.Dataset.map``: the classifier's tags.

From several processes, and cached by hash.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import datasets
import pytest
from datasets.fingerprint import Hasher

from tipclassify import LABELS, Classifier, ModelError, Passage, tag_batch
from tipclassify.tagging import batches as mapping

FIVE_TEXTS = (
    "Police arrested nine traffickers.",
    "The government did not convict any traffickers.",
    "Border guards took bribes from traffickers.",
    "Yes.",
    None,
)
TEXTS = [*FIVE_TEXTS, *FIVE_TEXTS, *FIVE_TEXTS]


@pytest.fixture
def table(tmp_path: Path) -> datasets.Dataset:
    """A data set of texts, read from a file."""
    file = tmp_path / "in.jsonl"
    file.write_text(
        "".join(
            json.dumps({"text": text, "id": number}) + "\n" for number, text in enumerate(TEXTS)
        ),
        "utf-8",
    )
    return datasets.load_dataset(
        "json", data_files=str(file), split="train", cache_dir=str(tmp_path / "cache")
    )


def test_two_processes_give_the_tags_of_the_classifier(
    table: datasets.Dataset, classifier: Classifier
) -> None:
    tagged = table.map(
        tag_batch, batched=True, batch_size=4, num_proc=2, fn_kwargs={"policy": "cite"}
    )
    assert tagged.column_names == ["text", "id", "labels", *LABELS, "low_confidence"]
    assert tagged["id"][:] == list(range(len(TEXTS)))
    for row in tagged:
        if row["text"] is None:
            assert {row[name] for name in (*LABELS, "low_confidence", "labels")} == {None}
            continue
        (given,) = classifier.predict([row["text"]], "cite")
        assert row["labels"] == [label for label, has in zip(LABELS, given, strict=True) if has]
        assert [row[label] for label in LABELS] == classifier.predict_proba([row["text"]])[
            0
        ].tolist()
        assert row["low_confidence"] == classifier.low_confidence([row["text"]])[0]


def test_what_was_tagged_comes_from_the_cache(
    table: datasets.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = table.map(tag_batch, batched=True)
    monkeypatch.setattr(mapping, "Tagging", None)  # whoever tags again fails
    again = table.map(tag_batch, batched=True)
    assert again.cache_files == first.cache_files
    assert again["labels"][:] == first["labels"][:]
    with pytest.raises(TypeError):
        table.map(tag_batch, batched=True, fn_kwargs={"policy": "cite"})


def test_the_hash_is_the_same_in_another_process_and_changes_with_the_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = Hasher.hash(tag_batch)
    code = (
        "from datasets.fingerprint import Hasher\n"
        "from tipclassify import tag_batch\n"
        "print(Hasher.hash(tag_batch))"
    )
    there = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert there.stdout.strip() == here
    monkeypatch.setattr(mapping, "__version__", "0.0.0")
    assert Hasher.hash(tag_batch) != here


def test_it_pickles_to_itself_in_a_few_bytes() -> None:
    packed = pickle.dumps(tag_batch)
    assert len(packed) < 300
    assert pickle.loads(packed) is tag_batch


def test_another_column_and_bad_input_are_reported(tmp_path: Path) -> None:
    batch = {"body": ["Police arrested nine traffickers."]}
    assert tag_batch(batch, text="body")["labels"] == [["positive_effort"]]
    assert tag_batch({"text": []}) == {name: [] for name in ("labels", *LABELS, "low_confidence")}
    with pytest.raises(KeyError, match="body"):
        tag_batch(batch)
    with pytest.raises(TypeError, match="row 1 of the batch: text is not a str but int"):
        tag_batch({"text": ["a", 1]})
    with pytest.raises(ModelError):
        tag_batch({"text": ["a"]}, model=tmp_path)
    with pytest.raises(ValueError, match="unknown policy"):
        tag_batch({"text": ["a"]}, policy="bold")


LAW = "The government did not effectively enforce the law."


def test_the_heading_in_a_column_is_evidence(classifier: Classifier) -> None:
    headings = ["Forced Labor", "Working Conditions", None]
    texts = [LAW, LAW, LAW]
    passages = [Passage(LAW, 0, len(LAW), heading) for heading in headings]
    expected = classifier.predict_proba(passages)[:, 1].tolist()
    for name, more in (("section", {}), ("heading", {"section": "heading"})):
        tags = tag_batch({"text": texts, name: headings}, **more)  # type: ignore[arg-type]
        assert tags["failure"] == expected
    assert expected[0] > 0.9
    assert expected[1] < 0.1
    without_headings = tag_batch({"text": texts, "section": headings}, section=None)
    assert len(set(without_headings["failure"])) == 1
    message = 'no column "chapter": say which holds the headings, of text'
    with pytest.raises(KeyError, match=message):
        tag_batch({"text": [LAW]}, section="chapter")
    with pytest.raises(TypeError, match="row 0 of the batch: section is not a str but int: 7"):
        tag_batch({"text": [LAW], "section": [7]})


def test_labels_that_are_there_are_never_replaced_unasked() -> None:
    batch = {"text": [LAW], "labels": [["complicity"]]}
    message = 'has a column "labels", which the tags would replace: say prefix="model_"'
    with pytest.raises(ValueError, match=message):
        tag_batch(batch)
    tagged = datasets.Dataset.from_dict(batch).map(
        tag_batch, batched=True, fn_kwargs={"prefix": "model_"}
    )
    assert tagged["labels"][:] == [["complicity"]]
    assert tagged["model_labels"][:] == [["failure"]]
    assert {"model_failure", "model_low_confidence"} <= set(tagged.column_names)
    assert tag_batch(batch, prefix="")["labels"] == [["failure"]]


def test_a_single_row_gives_a_single_result() -> None:
    expected = tag_batch({"text": [LAW], "section": ["Forced Labor"]})
    single = tag_batch({"text": LAW, "section": "Forced Labor"})
    assert single == {name: column[0] for name, column in expected.items()}
    assert set(tag_batch({"text": None}).values()) == {None}
    rows = datasets.Dataset.from_dict({"text": TEXTS[:5]})
    assert rows.map(tag_batch)[:] == rows.map(tag_batch, batched=True)[:]


@pytest.mark.parametrize("kind", ["numpy", "pandas", "arrow"])
def test_batches_of_other_formats_are_read(kind: str) -> None:
    rows = datasets.Dataset.from_dict(
        {"text": [LAW, LAW], "section": ["Forced Labor", "Working Conditions"]}
    )
    tagged = rows.with_format(kind).map(tag_batch, batched=True).with_format(None)
    assert tagged["labels"][:] == [["failure"], []]
