"""References and the like are no passages of a report, and have no labels as rows.

Prose that resembles them stays prose.
"""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tipclassify import Classifier
from tipclassify.records import Passage
from tipclassify.text.prose import is_non_prose
from tipclassify.text.split import split_passages, text_document

TITLE = "Courts convicted nine traffickers of forced labor."


@pytest.mark.parametrize(
    "line",
    [
        "UNITED NATIONS | A",
        "United Nations A/HRC/12/93",
        "General Assembly | Distr.",
        "CEDAW/C/KRV/CO/7-8 Distr.: General",
        "S/2013/12 Distr.: General 4 May 2013",
        "Security Council S/2013/12",
        "Economic and Social Council | Distr.: General",
        "UNITED NATIONS | E",
        "LIMITED E/CN.15/2012/L.5",
        "GENERAL A/HRC/12/93 20 JULY 2009 Original: ENGLISH",
        "11 December 2012 English",
        "Original: English/French",
        "[English only]",
        "Agenda item 6",
        "GE.12-18655 (E) 191212 311212",
        "27 October–7 November 2014",
        "Human Rights Council Twelfth session",
    ],
)
def test_the_masthead_of_a_united_nations_document_is_no_prose(line: str) -> None:
    assert is_non_prose(line)


@pytest.mark.parametrize(
    "line",
    [
        "The General Assembly met.",
        "General Assembly resolution 60/251 bans it.",
        "Security Council resolution S/RES/12 (2013) bans it.",
        "General A/C and/or B/C of 2013 rose.",
        "Police closed the session",
        "Agenda item 6 was dropped.",
        "English courts convicted nine.",
        "Training session",
    ],
)
def test_a_sentence_that_begins_as_a_masthead_does_is_prose(line: str) -> None:
    assert not is_non_prose(line)


@pytest.mark.parametrize(
    "section",
    [
        "REFERENCES",
        "References 16",
        "VIII. References:",
        "Notes",
        "End Notes",
        "Notes and References",
        "Table of Contents",
        "b. List of Acronyms and Abbreviations",
        "Selected Bibliography",
        "Works Cited",
        "Acknowledgments",
        "Annex: Endnotes",
    ],
)
def test_nothing_under_a_heading_of_references_notes_or_contents_is_prose(section: str) -> None:
    assert is_non_prose(TITLE, section)


@pytest.mark.parametrize(
    "section",
    [
        None,
        "",
        "prosecution",
        "Referral of Victims",
        "Sources of Forced Labor",
        "List of Goods",
        "References to Trafficking in Law",
        "Notes on Enforcement",
        "End Child Labor",
        "Table 4. Laws and Regulations",
        "Prosecution: Tables",
    ],
)
def test_a_heading_that_says_more_is_one_of_the_report(section: str | None) -> None:
    assert not is_non_prose(TITLE, section)


@pytest.mark.parametrize(
    "text",
    [
        "Ibid.",
        "17. Ibid., p. 12.",
        "January 2, 2022.",
        "2 January 2022",
        "Accessed on March 14, 2021.",
        "Enacted: 2016.",
        "Source on file.",
        "Reporting.",
        "U.S. Embassy- Port Alba.",
        "U.S. Embassy Port Alba official. E-mail communication to USDOL official. June 27, 2019.",
        "94 U.S. Embassy – Port Alba. Reporting. February 10, 2022.",
        "https://courts.example/case?id=12",
        "Accessed January 18, 2019. https://labour.example/courts.htm",
        "Port Alba: August 3, 2021. https://news.example/kilns-under-14",
        "Port Alba: The Harbor Times, February 26, 2021. https://harbor.example/maids",
        "3. Ostrander, Mila. The children of the kilns. Port Alba: Harbor Press, 2019.",
        (
            "Ostrander, Mila. Kiln owner freed after two days. May 3, 2021. "
            "https://harbor.example/kilns"
        ),
        "help@shelter.example",
        "Tel: +00 12 345-678",
        "P.O. Box 1200",
        "200 Harbor Avenue NW",
        "Port Alba, KV 20210",
        "Prosecution ........ 14",
        "(2,48)",
        "2013 – 2021",
        "69.4%",
        "arrow_forward",
        "expand_more expand_less",
        "Change settings Accept Not sure about cookies?",
        "This website uses cookies to improve what you see.",
        "Mila Ostrander, Chief Executive Officer",
        "Signed: Mila Ostrander, Director of Halden Ltd, 14 June 2019",
    ],
)
def test_a_bare_reference_date_address_or_icon_is_no_prose(text: str) -> None:
    assert is_non_prose(text)
    assert is_non_prose(f"{text} ")


@pytest.mark.parametrize(
    "text",
    [
        "On January 2, 2022, police arrested nine traffickers.",
        "January 2022 saw the first conviction of a trafficker.",
        "The law was enacted on March 3, 2016.",
        "14 suspects were arrested in Port Alba on March 3, 2020.",
        "14 Norvian suspects were arrested in Port Alba, March 3, 2020.",
        "(2,14) Police did not investigate any cases in 2021.",
        "3. Train inspectors on forced labor.",
        "The U.S. Embassy in Port Alba reported that officials took bribes.",
        "U.S. Embassy officials visited the shelter.",
        "Reporting officers took bribes.",
        "Victims can call the hotline or write to help@shelter.example for a place in the shelter.",
        "The ministry published its plan at https://plan.example in May.",
        "Officials failed to stop the abuse. https://news.example/abuse",
        "Port Alba: police freed nine children.",
        "2021 was a bad year.",
        "None.",
        "Children sold cookies on the quays of Port Alba.",
        "The Director of Prisons took bribes.",
        "The Chief Executive resigned",
        "Courts convicted 12 traffickers in 2021.",
        "Police identified 14 victims, compared with 20 in 2021.",
    ],
)
def test_a_sentence_that_holds_a_date_an_address_or_a_number_is_prose(text: str) -> None:
    assert not is_non_prose(text)


def test_what_is_no_prose_has_scores_and_no_labels(classifier: Classifier) -> None:
    prose, reference = classifier.tag(
        [Passage(TITLE, 0, len(TITLE), "prosecution"), Passage(TITLE, 0, len(TITLE), "References")],
        "screen",
    )
    assert "positive_effort" in prose.labels
    assert reference.labels == ()
    assert set(reference.scores) == set(prose.scores)


def test_what_is_no_prose_is_no_passage() -> None:
    document = text_document(f"24 Jun 2024\n\n{TITLE}\n\nTimeline\n\n{TITLE}")
    *blocks, last = document.blocks
    document = replace(document, blocks=(*blocks, replace(last, section="References")))
    assert [(passage.text, passage.start) for passage in split_passages(document)] == [(TITLE, 13)]


@given(
    st.lists(
        st.sampled_from(
            ["U.S. Embassy ", "Aa ", "Aa, ", "May 3, ", "2019", ". ", ": ", "a", "@", "_", "(", "1"]
        )
    )
)
def test_any_text_can_be_looked_at(parts: list[str]) -> None:
    assert is_non_prose("".join(parts)) in (True, False)


@pytest.mark.parametrize(
    "part",
    ["Aa ", "Aa, ", "U.S. Embassy Aa ", "1.", ". ", "a_", "May 3, 2019 ", "2019: ", "a@", "- "],
)
def test_time_does_not_explode_with_the_length_of_a_text(part: str) -> None:
    text = (part * 400)[:400]
    started = time.process_time()
    for _ in range(20):
        is_non_prose(text)
    assert time.process_time() - started < 1
