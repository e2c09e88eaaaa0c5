"""Findings: the particular first, templates folded, rows and what is said again counted apart.

The subject of a report is inferred from its tags; a few names are no unknown words.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import docx
import numpy as np
import pytest

from tipclassify import Classifier
from tipclassify.labels import LABELS
from tipclassify.records import Block, Document, Passage, Report
from tipclassify.reports import findings
from tipclassify.reports.counts import COUNTED, Group, subject_line
from tipclassify.reports.findings import (
    count_particulars,
    is_template,
    is_unknown,
    natures,
    on_subject,
    wording,
)
from tipclassify.text.split import split_passages, text_document
from tipclassify.write import FORMATS
from tipclassify.write.output import Output
from tipclassify.write.page import write_html

EFFORT, FAILURE, COMPLICITY = LABELS
SUMMARY = "In May the Harbor Court in Port Salwen jailed nine recruiters for forced labor."
AGAIN = "In May the Harbor Court in Port Salwen jailed nine recruiters for forced labor. (4)"
ROW = "Ministry of Harbors | Enforces laws on forced labor. | Yes"
TEMPLATE = "The law prohibits all forms of forced or compulsory labor."
PLAIN = "Inspectors visit quarries before dawn and return at night."


def passage(text: str, start: int, label: str = EFFORT) -> Passage:
    """Make a passage with one label."""
    scores = dict.fromkeys(LABELS, 0.01) | {label: 0.9}
    return Passage(text, start, start + len(text), "Overview", (label,), scores, block=0)


def report_of(*texts: str, file: str = "karvonia.pdf", country: str = "Karvonia") -> Report:
    """Make a report of one paragraph, each sentence of which is an effort."""
    whole = " ".join(texts)
    passages = []
    start = 0
    for text in texts:
        passages.append(passage(text, start))
        start += len(text) + 1
    blocks = (Block(0, len(whole), "Overview"),)
    document = Document(whole, blocks, file, "Karvonia 2024", country, 2024)
    return Report(file, document, passages)


def tagged(fast: Classifier, *reports: Report) -> list[Report]:
    """Say of reports that the fast model tagged them."""
    return [replace(report, run=fast.run()) for report in reports]


def page_of(fast: Classifier, *reports: Report) -> str:
    """Return the page of some reports."""
    out = io.StringIO()
    write_html(tagged(fast, *reports), out, Output(fast.run()))
    return out.getvalue()


def box_of(page: str, letter: str = "P") -> str:
    """Return the box with the count and the strongest findings of a label."""
    match = re.search(rf'<div class="count {letter}"[^>]*>.*?</ol>', page, re.DOTALL)
    assert match
    return match[0]


def test_a_sentence_of_many_countries_is_a_template_whatever_its_names_and_figures() -> None:
    assert is_template(TEMPLATE)
    assert not is_template(SUMMARY)
    assert not is_template(PLAIN)
    assert not is_template("")


def test_the_shipped_table_holds_hashes_and_counts_alone() -> None:
    with np.load(Path(findings.__file__).with_name("common_phrases.npz")) as table:
        assert sorted(table.files) == ["countries", "phrases"]
        assert table["phrases"].dtype == np.uint32
        assert table["countries"].min() >= 10
        assert len(table["phrases"]) == len(table["countries"])


def test_the_same_words_are_one_sentence_whatever_notes_and_quotation_marks() -> None:
    assert wording(SUMMARY) == wording(AGAIN) == wording(f"“{SUMMARY}”")
    assert wording(SUMMARY) != wording(PLAIN)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (SUMMARY, 3),
        ("The law prohibits forced labor.", 0),
        ("The government did nothing. (12,13)", 0),
        ("Courts convicted 12 recruiters.", 1),
        ("Courts convicted a recruiter in 2023.", 1),
        ("Courts sent him to Port Salwen.", 1),
    ],
)
def test_figures_dates_bodies_and_places_make_a_sentence_particular(text: str, number: int) -> None:
    assert count_particulars(text) == number


def test_a_sentence_said_again_and_a_row_of_a_table_count_apart() -> None:
    passages = [passage(text, 10 * n) for n, text in enumerate((SUMMARY, ROW, AGAIN, PLAIN))]
    found = list(natures(passages, ["a", "b", "c", "d"], {}))
    assert [(nature.kind, nature.first) for nature in found] == [
        ("sentence", None),
        ("table row", None),
        ("sentence", "a"),
        ("sentence", None),
    ]
    counts = Group.of((), passages, found)
    assert (counts.count(EFFORT), counts.rows[EFFORT], counts.base) == (2, 1, 2)
    assert counts.words() == "2 sentences and 1 table row"
    rows = list(natures(passages, ["a", "b", "c", "d"], None))
    assert all(nature.first is None for nature in rows)  # input rows are passages of their own


def test_the_same_words_with_another_label_are_another_finding() -> None:
    effort = passage(SUMMARY, 0)
    failure = passage(SUMMARY, 90, FAILURE)
    found = natures([effort, failure], ["a", "b"], {})
    assert [nature.first for nature in found] == [None, None]


def test_the_particular_leads_the_first_screen(fast: Classifier) -> None:
    others = ("Two clerks met in Velm.", "It fined 9 men.")
    page = page_of(fast, report_of(TEMPLATE, ROW, PLAIN, SUMMARY, *others, AGAIN))
    box = box_of(page)
    links = re.findall(r'<a href="#(\w+)">([^<]*)</a>', box)
    assert links[0] == ("p4", SUMMARY)
    assert len(links) == 3
    assert TEMPLATE not in box
    assert ROW not in box
    count = '<strong class="number" data-all="5">5</strong>'
    share = '<span class="share">sentences, 100% of 5 on subject</span>'
    assert f"{count} {share}" in box
    assert "5 sentences and 1 table row" in page


def test_a_sentence_of_three_countries_at_hand_comes_last(fast: Classifier) -> None:
    shared = "The ministry of fish pays 40 divers to watch piers."

    def report(country: str) -> Report:
        own = (
            PLAIN.replace("dawn", country),
            SUMMARY.replace("May", country),
            f"It met {country} twice in Velm.",
        )
        return report_of(shared, *own, file=f"{country}.pdf", country=country)

    two = (report("Karvonia"), report("Zembla"))
    three = (*two, report("Velmar"))
    assert shared not in box_of(page_of(fast, *three))
    assert shared in box_of(page_of(fast, *two))


@pytest.mark.parametrize(
    ("paragraph", "kinds"),
    [
        (f"Harbor board | Plans patrols. {SUMMARY}", ["table row", "table row"]),
        (f"{SUMMARY} Its office is in Velm | Port Salwen.", ["sentence", "table row"]),
        (f"{SUMMARY} {PLAIN}", ["sentence", "sentence"]),
    ],
    ids=["sentences of a cell", "a bar in prose", "prose"],
)
def test_each_sentence_of_a_row_of_a_table_is_of_the_row(paragraph: str, kinds: list[str]) -> None:
    assert [passage.kind for passage in split_passages(text_document(paragraph))] == kinds


def placed_report(*places: tuple[str, str, tuple[str, ...]]) -> Report:
    """Make a report with a paragraph for each section, text and labels."""
    texts = [text for _, text, _ in places]
    passages = []
    blocks = []
    start = 0
    for number, (section, text, labels) in enumerate(places):
        end = start + len(text)
        scores = dict.fromkeys(LABELS, 0.01) | dict.fromkeys(labels, 0.9)
        passages.append(Passage(text, start, end, section, labels, scores, block=number))
        blocks.append(Block(start, end, section))
        start = end + 1
    document = Document("\n".join(texts), tuple(blocks), "k.html", "Karvonia 2024", "Karvonia")
    return Report("k.html", document, passages)


def card_of(page: str, name: str) -> str:
    """Return the card of a passage."""
    match = re.search(rf'<div class="why" id="{name}w".*?<p class="do">.*?</div>', page, re.DOTALL)
    assert match
    return " ".join(match[0].split())


def test_the_card_of_a_sentence_said_again_links_its_first_place(fast: Classifier) -> None:
    report = placed_report(
        ("Summary", SUMMARY, (EFFORT,)),
        ("Prosecution", PLAIN, (EFFORT,)),
        ("Prosecution", AGAIN, (EFFORT,)),
    )
    page = page_of(fast, report)
    said_before = 'Said before, and counted there: <a href="#p1">first place</a>.'
    assert [said_before in card_of(page, f"p{n}") for n in (1, 2, 3)] == [False, False, True]
    assert "<strong>2 sentences</strong>" in page


def test_the_card_says_where_the_same_sentence_is_tagged_otherwise(fast: Classifier) -> None:
    report = placed_report(
        ("Summary", SUMMARY, (EFFORT,)),
        ("Prosecution", SUMMARY, (FAILURE,)),
        ("Profile", SUMMARY, ()),
    )
    page = page_of(fast, report)
    card = card_of(page, "p1")
    otherwise = "The same words are tagged otherwise in"
    assert f'{otherwise} <a href="#p2">passage 2</a>, Prosecution: failure.' in card
    # one without a label has no mark to lead to
    assert f"{otherwise} passage 3, Profile: no label." in card
    ids = set(re.findall(r'id="([^"]+)"', page))
    document = page.split("<script>")[0]
    assert set(re.findall(r'href="#([^"]+)"', document)) <= ids


def test_counts_by_kind_stand_under_the_table(fast: Classifier) -> None:
    report = report_of(ROW, SUMMARY, PLAIN, AGAIN)
    out = io.StringIO()
    FORMATS["table"].writer()(tagged(fast, report), out, Output(fast.run()))
    lines = out.getvalue().splitlines()
    counts = "positive_effort 2 (100%)   failure 0   complicity 0"
    assert lines[-4:] == [
        f"4 passages, 2 on trafficking: {counts}",
        COUNTED,
        "Counted beside them: 1 table row with a label (positive effort 1).",
        "Said again, in 1 further place.",
    ]


def test_counts_by_kind_stand_in_markdown_and_word(fast: Classifier) -> None:
    report = report_of(ROW, SUMMARY, PLAIN, AGAIN)
    out = io.StringIO()
    FORMATS["md"].writer()(tagged(fast, report), out, Output(fast.run()))
    markdown = out.getvalue()
    assert "| all | 4 | 2 | 2 (100%) | 0 | 0 | 1 |" in markdown
    assert COUNTED in markdown
    assert "Counted beside them: 1 table row with a label (positive effort 1)." in markdown
    assert markdown.count("table row · ") == 1
    assert markdown.count("stands before in this report, counted there · ") == 1
    binary = io.BytesIO()
    FORMATS["docx"].writer()(tagged(fast, report), binary, Output(fast.run()))
    paragraphs = [paragraph.text for paragraph in docx.Document(binary).paragraphs]
    assert any("Counted beside them: 1 table row" in text for text in paragraphs)
    assert sum(" · table row · " in text for text in paragraphs) == 1


def test_a_sentence_said_again_counts_once_over_the_parts_of_a_file(fast: Classifier) -> None:
    parts = [replace(report_of(SUMMARY), part=1), replace(report_of(AGAIN, PLAIN), part=2)]
    out = io.StringIO()
    FORMATS["table"].writer()(tagged(fast, *parts), out, Output(fast.run()))
    assert "3 passages, 2 on trafficking: positive_effort 2" in out.getvalue()


# ------------------------------------------------------------------------------------------ subject

TAGGED = ("failure",)


def on_press(
    text: str = "The council met in the capital.",
    section: str = "Press",
    labels: tuple[str, ...] = (),
    scores: dict[str, float] | None = None,
    low_confidence: bool = False,
) -> Passage:
    """Make a passage, on another subject unless its labels or probabilities say otherwise."""
    return Passage(text, 0, len(text), section, labels, scores or {}, low_confidence)


def many_on_press(
    number: int, section: str = "Press", labels: tuple[str, ...] = ()
) -> list[Passage]:
    """Make so many equal passages."""
    return [on_press(section=section, labels=labels) for _ in range(number)]


def test_a_passage_is_about_trafficking_with_a_label_or_a_likely_one() -> None:
    tagged = on_press(labels=TAGGED)
    likely = on_press(scores={"failure": 0.25, "complicity": 0.01})
    unlikely = on_press(scores={"failure": 0.15, "complicity": 0.01})
    report = [tagged, likely, unlikely, *many_on_press(9)]
    decisions = on_subject(report)
    assert len(decisions) == len(report)
    assert decisions[:3] == [True, True, False]
    assert not any(decisions[3:])


@pytest.mark.parametrize(
    ("tagged", "rest", "all_of_it"), [(1, 3, True), (1, 4, False), (0, 1, False)]
)
def test_a_section_of_which_a_quarter_is_tagged_is_about_trafficking(
    tagged: int, rest: int, all_of_it: bool
) -> None:
    around = many_on_press(5, section="Prisons")
    with_label = many_on_press(tagged, labels=TAGGED)
    without_label = many_on_press(rest)
    report = [*around, *with_label, *without_label, *around]
    decisions = on_subject(report)
    assert len(decisions) == len(report)
    end = 5 + tagged + rest
    assert not any(decisions[:5])
    assert all(decisions[5 : 5 + tagged])
    assert set(decisions[5 + tagged : end]) == {all_of_it}
    assert not any(decisions[end:])


def test_a_heading_that_comes_again_is_another_section() -> None:
    first = [on_press(labels=TAGGED), on_press()]
    assert on_subject([*first, on_press(section="Prisons"), on_press()]) == [
        True,
        True,
        False,
        False,
    ]


def about(passages: int, on_subject: int) -> Group:
    """Make the counts of a report of so many passages."""
    return Group(passages=passages, on_subject=on_subject)


def test_the_line_comes_for_long_reports_mostly_about_other_things() -> None:
    assert subject_line([about(40, 13)]) is not None
    assert subject_line([about(40, 14)]) is None  # over a third
    assert subject_line([about(39, 0)]) is None  # one sees at once what it is about
    assert subject_line([]) is None


def test_of_several_reports_the_line_counts_those_about_other_things() -> None:
    line = subject_line([about(62, 60), about(100, 9)])
    assert line == (
        "1 of 2 reports are mostly on other subjects: "
        "9 of their 100 passages are about trafficking."
    )


def group_of(passages: Iterable[Passage]) -> Group:
    """Count passages as those of input rows, each by itself."""
    of_group = list(passages)
    names = [str(number) for number, _ in enumerate(of_group)]
    return Group.of((), of_group, list(natures(of_group, names, None)))


def test_a_report_that_the_model_cannot_read_has_no_subject() -> None:
    foreign = on_press("Le gouvernement ignorait totalement ces plaintes.", low_confidence=True)
    assert subject_line([group_of(foreign for _ in range(60))]) is None


def test_fragments_and_names_are_no_unknown_words() -> None:
    texts = ["Port Alba, 2021", "N/A", "Khoros Province Labor Act", "Yes 14"]
    fragments = [on_press(text, low_confidence=True) for text in texts]
    assert not any(is_unknown(fragment) for fragment in fragments)
    counted = group_of([*fragments, on_press()])
    assert (counted.unknown, counted.judged, counted.is_unread) == (0, 1, False)
    assert not Group().is_unread


@pytest.mark.parametrize(
    "text",
    [
        "Le gouvernement ignorait totalement ces plaintes.",
        "Die Regierung hat keine Täter verurteilt.",
        "Правительство не осудило ни одного торговца людьми.",
    ],
)
def test_sentences_in_other_languages_are_unknown_words(text: str) -> None:
    foreign = on_press(text, low_confidence=True)
    assert is_unknown(foreign)
    assert not is_unknown(on_press(text))
    assert group_of([foreign, on_press()]).is_unread
