"""Near cases: passages of the invented corpus beside a finding whose label is in doubt."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tipclassify import Classifier
from tipclassify.corpus.rows import read_rows, shipped_corpus
from tipclassify.labels import LABELS, MEANINGS
from tipclassify.records import Block, Document, Passage, Report
from tipclassify.reports import examples as searched
from tipclassify.reports.examples import (
    Example,
    ExampleIndex,
    WordTable,
    load_examples,
)
from tipclassify.write.output import Output
from tipclassify.write.page import write_html
from tipclassify.write.reasons import doubtful

EFFORT, FAILURE, COMPLICITY = LABELS
TEXT = "The harbor ministry hired four clerks who count boats."


def report_of(scores: dict[str, float], labels: tuple[str, ...]) -> Report:
    """Make a report of one sentence."""
    passage = Passage(TEXT, 0, len(TEXT), "Overview", labels, scores, block=0)
    document = Document(TEXT, (Block(0, len(TEXT), "Overview"),), "k.html", "Karvonia")
    return Report("k.html", document, [passage])


def card_of(classifier: Classifier, scores: dict[str, float], labels: tuple[str, ...]) -> str:
    """Return the card of the one sentence of a report; "" where it has none."""
    out = io.StringIO()
    report = replace(report_of(scores, labels), run=classifier.run())
    write_html([report], out, Output(classifier.run()))
    match = re.search(r'<div class="why".*?<p class="do">.*?</div>', out.getvalue(), re.DOTALL)
    return match[0] if match else ""


def test_the_nearest_examples_share_rare_words_and_come_in_order() -> None:
    index = ExampleIndex(
        Example(text, labels)
        for text, labels in [
            ("The government hired clerks.", ()),
            ("The harbor ministry hired clerks who count boats.", (EFFORT,)),
            ("The harbor was closed to boats.", (FAILURE,)),
            ("Courts jailed nobody.", (FAILURE,)),
        ]
    )
    nearest = index.nearest(TEXT)
    assert [example.labels for example in nearest] == [(EFFORT,), ()]
    assert [example.text for example in index.nearest(TEXT, 1)] == [nearest[0].text]


def test_nothing_is_near_a_text_on_another_matter_or_without_words() -> None:
    index = ExampleIndex([Example("Courts jailed nobody.", (FAILURE,))])
    assert index.nearest(TEXT) == []
    assert index.nearest("12 + 4") == []
    assert ExampleIndex([]).nearest(TEXT) == []


def test_each_passage_of_the_corpus_is_its_own_nearest_example_with_its_labels() -> None:
    folder = shipped_corpus()
    assert folder is not None
    rows = read_rows(folder / "corpus" / "near_identical_pairs.jsonl")[::400]
    index = load_examples()
    for row in rows:
        nearest = index.nearest(row["text"], 1)[0]
        assert sorted(re.findall("[a-z]{3,}", nearest.text.lower())) == sorted(
            re.findall("[a-z]{3,}", row["text"].lower())
        )
        if nearest.text == row["text"]:
            assert set(nearest.labels) == set(row["labels"])


def test_an_installation_without_the_corpus_has_no_examples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(searched, "shipped_corpus", lambda: None)
    load_examples.cache_clear()
    try:
        assert load_examples().nearest(TEXT) == []
    finally:
        load_examples.cache_clear()


@pytest.mark.parametrize(
    ("score", "labels", "in_doubt"),
    [(0.55, (FAILURE,), True), (0.97, (FAILURE,), False), (0.45, (), True)],
)
def test_a_label_is_in_doubt_below_its_threshold_or_just_above(
    score: float, labels: tuple[str, ...], in_doubt: bool
) -> None:
    passage = Passage(TEXT, 0, len(TEXT), None, labels, {FAILURE: score})
    expected = (FAILURE,) if in_doubt else ()
    assert doubtful(passage, (FAILURE,), {FAILURE: 0.5}) == expected


def test_a_card_in_doubt_shows_the_rule_and_two_near_cases_with_their_labels(
    fast: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = [
        Example("The harbor ministry hired <clerks> who count boats.", (EFFORT, FAILURE)),
        Example("The ministry hired four clerks.", ()),
        Example("Roads are bad.", (FAILURE,)),
    ]
    monkeypatch.setattr(
        "tipclassify.write.page.load_examples",
        lambda: ExampleIndex(examples),
    )
    threshold = fast.run().thresholds[FAILURE]
    scores = dict.fromkeys(LABELS, 0.01)
    near = card_of(fast, scores | {FAILURE: min(threshold + 0.01, 0.99)}, (FAILURE,))
    assert MEANINGS[FAILURE] in near
    cases = re.findall(r"Near cases, invented: (.*?)</p>", near)[0].split(" – ")
    assert len(cases) == 2
    assert "Positive effort, " in cases[0]
    assert "“The harbor ministry hired &lt;clerks&gt; who count boats.”" in cases[0]
    assert cases[1] == "no label “The ministry hired four clerks.”"
    clear = card_of(fast, scores | {FAILURE: 0.999}, (FAILURE,))
    assert "Permalink" in clear
    assert MEANINGS[FAILURE] not in clear
    assert "Near cases, invented" not in clear


def test_a_sentence_said_again_shows_rule_and_near_case_at_its_first_place_only(
    fast: Classifier,
) -> None:
    threshold = fast.run().thresholds[FAILURE]
    scores = dict.fromkeys(LABELS, 0.01) | {FAILURE: min(threshold + 0.01, 0.99)}
    other = "Roads are bad and nobody jailed the nine traffickers."
    passages = []
    start = 0
    for sentence in (TEXT, TEXT, other):
        end = start + len(sentence)
        passages.append(Passage(sentence, start, end, "Overview", (FAILURE,), scores, block=0))
        start = end + 1
    text = "\n".join(passage.text for passage in passages)
    document = Document(text, (Block(0, len(text), "Overview"),), "k.html", "Karvonia")
    out = io.StringIO()
    report = Report("k.html", document, passages, run=fast.run())
    write_html([report], out, Output(fast.run()))
    cards = out.getvalue().split('<div class="why"')[1:]
    assert [card.count('<p class="rule">') for card in cards] == [1, 0, 1]
    assert [card.count('<p class="near">') for card in cards[:2]] == [1, 0]
    assert '<a href="#p1">' in cards[1]


def corpus_of(folder: Path, *texts: str) -> Path:
    """Write a corpus of failures; return its folder."""
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    rows = [json.dumps({"text": text, "labels": [FAILURE]}) for text in texts]
    (folder / "corpus" / "rows.jsonl").write_text("\n".join(rows), "utf-8")
    return folder


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the index is kept, apart from the user's own."""
    place = tmp_path / "cache" / "tipclassify" / "examples" / "words.npz"
    monkeypatch.setattr(searched, "resource_folder_in_user_cache", lambda _: place.parent)
    load_examples.cache_clear()
    yield place
    load_examples.cache_clear()


def test_a_kept_index_is_used_until_the_corpus_changes_or_the_file_is_damaged(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first_nearest() -> str:
        load_examples.cache_clear()
        return load_examples().nearest(TEXT, 1)[0].text

    folder = tmp_path / "data"
    monkeypatch.setattr(searched, "shipped_corpus", lambda: folder)
    corpus_of(folder, "Roads are bad.", "Four clerks count boats.", "Four clerks count boats.")
    assert first_nearest() == "Four clerks count boats."
    with monkeypatch.context() as context:
        # the kept one is read, and no new one made
        context.setattr(WordTable, "of", None)
        assert first_nearest() == "Four clerks count boats."
    kept.write_bytes(kept.read_bytes()[:-200])
    assert first_nearest() == "Four clerks count boats."
    corpus_of(folder, "Roads are bad.", "The harbor ministry hired clerks.")
    assert first_nearest() == "The harbor ministry hired clerks."


def test_without_a_writable_cache_folder_the_index_is_made_each_time(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("no folder")
    corpus = corpus_of(tmp_path / "data", "Four clerks count boats.")
    monkeypatch.setattr(searched, "shipped_corpus", lambda: corpus)
    assert load_examples().nearest(TEXT, 1)[0].labels == (FAILURE,)
    assert not kept.exists()
