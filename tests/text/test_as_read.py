"""Models read a passage without its marks, with acronyms spelled out, at offsets of the source."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tipclassify import Classifier, Document, Passage
from tipclassify.text.acronyms import find_acronyms
from tipclassify.text.replaced import replace_spans
from tipclassify.text.split import split_passages

SPELLED = "The Vessian Patriotic Army (VPA) is the army of the state.\n\n"
USED = "The VPA took boys of twelve from two schools and made them fight."


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("of the Ministry of Mines (MoM) in it", {"MoM": "ministry of mines"}),
        ("the national anti-trafficking board (NAB)", {"NAB": "national anti-trafficking board"}),
        # of another language: the capitalised words
        ("the Armed Forces of Karvonia (FAK) fled", {"FAK": "armed forces of karvonia"}),
        ("According to the Mine Board of Ruvia (MBR)", {"MBR": "mine board of ruvia"}),
        (
            "Board of Mines, Use of Water, and Work by Children (JTK)",
            {"JTK": "board of mines, use of water, and work by children"},
        ),
        # known to the package, of a country, no name, no acronym
        ("the International Labor Organization (ILO)", {}),
        ("in the United States (US)", {}),
        ("it was late. (VPA)", {}),
        ("the army in question (see above)", {}),
        # the first name counts
        ("Patriotic Army (PA) and Police Academy (PA)", {"PA": "patriotic army"}),
    ],
)
def test_a_name_before_a_bracket_is_what_its_acronym_stands_for(
    text: str, names: dict[str, str]
) -> None:
    assert find_acronyms(text) == names


@pytest.mark.parametrize("model", ["default", "fast"])
def test_an_acronym_counts_as_its_name(model: str) -> None:
    classifier = Classifier.load(model)
    document = Document.from_text(SPELLED + USED)
    passage = split_passages(document)[-1]
    assert passage.text == USED
    spelled = USED.replace("VPA", "vessian patriotic army")
    assert (classifier.predict_proba([passage]) == classifier.predict_proba([spelled])).all()
    tagged = classifier.tag(document)[-1]
    assert tagged.labels == ("complicity",)
    assert document.text[tagged.start : tagged.end] == tagged.text == USED

    reasons = classifier.explain(passage)["complicity"]
    assert all(span.source == USED for span in reasons.spans)
    assert any("VPA" in span.text for span in reasons.spans)


@pytest.mark.parametrize("model", ["default", "fast"])
def test_marks_around_a_passage_change_no_score(model: str) -> None:
    classifier = Classifier.load(model)
    plain = "police freed nine girls from a farm, and nobody was charged."
    edits = [
        f"12. {plain}",
        f"(b) {plain}",
        f"• {plain}",
        f"“{plain}”",
        f'3. "{plain}"',
        f"In addition, {plain}",
        f"  {plain}\n",
        plain.replace("farm,", "farm,[3]"),
        plain.replace("nobody", "no-\nbody"),
    ]
    scores = classifier.predict_proba([plain, *edits])
    assert (scores == scores[0]).all()
    for edit in edits:
        for span in classifier.explain(edit)["failure"].spans:
            assert span.source == edit
            assert span.text.strip("\n") in edit


def test_a_passage_without_its_document_is_read_as_it_is() -> None:
    classifier = Classifier.load("fast")
    passage = Passage(USED, 0, len(USED))
    assert (classifier.predict_proba([passage]) == classifier.predict_proba([USED])).all()


@given(st.text("ab ", max_size=30), st.data())
def test_a_span_of_a_replaced_text_is_found_in_the_original(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    changes = [(a, b, "XY") for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
    read = replace_spans(text, changes)
    for at, character in enumerate(read.text):
        start, end = read.source_span((at, at + 1))
        if character in "XY":
            assert (start, end, "XY") in changes
        else:
            assert text[start:end] == character
