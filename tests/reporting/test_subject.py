"""The subject of a report is inferred from its tags; unknown words are distinguished from few
words."""

from __future__ import annotations

import pytest

from tipclassify.reporting.subject import (
    ReportSubject,
    are_report_tags_meaningless,
    count_unknown_report_sentences,
    is_unknown_sentence,
    report_passages_about_trafficking,
    subject_line,
)
from tipclassify.text.document import Passage

TAGGED = ("failure",)


def passage(text: str = "The council met in the capital.", **fields: object) -> Passage:
    return Passage(text, 0, len(text), **{"section": "Press", **fields})  # type: ignore[arg-type]


def test_a_passage_is_about_trafficking_with_a_label_or_a_likely_one() -> None:
    rest = [passage() for _ in range(9)]
    likely, unlikely = (
        passage(scores={"failure": score, "complicity": 0.01}) for score in (0.25, 0.15)
    )
    assert report_passages_about_trafficking([passage(labels=TAGGED), likely, unlikely, *rest]) == [
        True,
        True,
        False,
        *[False] * 9,
    ]


@pytest.mark.parametrize(
    ("tagged", "rest", "all_of_it"), [(1, 3, True), (1, 4, False), (0, 1, False)]
)
def test_a_section_of_which_a_quarter_is_tagged_is_about_trafficking(
    tagged: int, rest: int, all_of_it: bool
) -> None:
    section = [passage(labels=TAGGED)] * tagged + [passage()] * rest
    around = [passage(section="Prisons")] * 5
    assert report_passages_about_trafficking([*around, *section, *around]) == [
        *[False] * 5,
        *[True] * tagged,
        *[all_of_it] * rest,
        *[False] * 5,
    ]


def test_a_heading_that_comes_again_is_another_section() -> None:
    first = [passage(labels=TAGGED), passage()]
    assert report_passages_about_trafficking([*first, passage(section="Prisons"), passage()]) == [
        True,
        True,
        False,
        False,
    ]


def test_the_line_comes_for_long_reports_mostly_about_other_things() -> None:
    assert subject_line([ReportSubject(13, 40)]) is not None
    assert subject_line([ReportSubject(14, 40)]) is None  # over a third
    assert subject_line([ReportSubject(0, 39)]) is None  # one sees at once what it is about
    assert subject_line([]) is None


def test_of_several_reports_the_line_counts_those_about_other_things() -> None:
    line = subject_line([ReportSubject(60, 62), ReportSubject(9, 100)])
    assert (
        line
        == "1 of 2 reports are mostly on other subjects: 9 of their 100 passages are about trafficking."
    )


def test_a_report_that_the_model_cannot_read_has_no_subject() -> None:
    foreign = passage("Le gouvernement ignorait totalement ces plaintes.", low_confidence=True)
    assert ReportSubject.of([foreign] * 60) == ReportSubject()


def test_fragments_and_names_are_no_unknown_words() -> None:
    fragments = ["Port Alba, 2021", "N/A", "Khoros Province Labor Act", "Yes 14"]
    assert not any(is_unknown_sentence(passage(text, low_confidence=True)) for text in fragments)
    assert count_unknown_report_sentences(
        [*(passage(text, low_confidence=True) for text in fragments), passage()]
    ) == (0, 1)
    assert not are_report_tags_meaningless(0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "Le gouvernement ignorait totalement ces plaintes.",
        "Die Regierung hat keine Täter verurteilt.",
        "Правительство не осудило ни одного торговца людьми.",
    ],
)
def test_sentences_in_other_languages_are_unknown_words(text: str) -> None:
    assert is_unknown_sentence(passage(text, low_confidence=True))
    assert not is_unknown_sentence(passage(text))
    assert are_report_tags_meaningless(
        *count_unknown_report_sentences([passage(text, low_confidence=True), passage()])
    )
