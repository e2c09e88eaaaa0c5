"""The subject of a report is inferred from its tags; a few names are no unknown words."""

from __future__ import annotations

import pytest

from tipclassify.records import Passage
from tipclassify.reports.counts import Group
from tipclassify.reports.findings import (
    Subject,
    is_unknown,
    is_unread,
    on_subject,
    subject_line,
)

TAGGED = ("failure",)


def passage(
    text: str = "The council met in the capital.",
    section: str = "Press",
    labels: tuple[str, ...] = (),
    scores: dict[str, float] | None = None,
    low_confidence: bool = False,
) -> Passage:
    """Make a passage, on another subject unless its labels or probabilities say otherwise."""
    return Passage(text, 0, len(text), section, labels, scores or {}, low_confidence)


def passages(number: int, section: str = "Press", labels: tuple[str, ...] = ()) -> list[Passage]:
    """Make so many equal passages."""
    return [passage(section=section, labels=labels) for _ in range(number)]


def test_a_passage_is_about_trafficking_with_a_label_or_a_likely_one() -> None:
    tagged = passage(labels=TAGGED)
    likely = passage(scores={"failure": 0.25, "complicity": 0.01})
    unlikely = passage(scores={"failure": 0.15, "complicity": 0.01})
    report = [tagged, likely, unlikely, *passages(9)]
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
    around = passages(5, section="Prisons")
    with_label = passages(tagged, labels=TAGGED)
    without_label = passages(rest)
    report = [*around, *with_label, *without_label, *around]
    decisions = on_subject(report)
    assert len(decisions) == len(report)
    end = 5 + tagged + rest
    assert not any(decisions[:5])
    assert all(decisions[5 : 5 + tagged])
    assert set(decisions[5 + tagged : end]) == {all_of_it}
    assert not any(decisions[end:])


def test_a_heading_that_comes_again_is_another_section() -> None:
    first = [passage(labels=TAGGED), passage()]
    assert on_subject([*first, passage(section="Prisons"), passage()]) == [
        True,
        True,
        False,
        False,
    ]


def test_the_line_comes_for_long_reports_mostly_about_other_things() -> None:
    assert subject_line([Subject(13, 40)]) is not None
    assert subject_line([Subject(14, 40)]) is None  # over a third
    assert subject_line([Subject(0, 39)]) is None  # one sees at once what it is about
    assert subject_line([]) is None


def test_of_several_reports_the_line_counts_those_about_other_things() -> None:
    line = subject_line([Subject(60, 62), Subject(9, 100)])
    assert line == (
        "1 of 2 reports are mostly on other subjects: "
        "9 of their 100 passages are about trafficking."
    )


def test_a_report_that_the_model_cannot_read_has_no_subject() -> None:
    foreign = passage("Le gouvernement ignorait totalement ces plaintes.", low_confidence=True)
    assert Subject.of([foreign for _ in range(60)]) == Subject()


def test_fragments_and_names_are_no_unknown_words() -> None:
    texts = ["Port Alba, 2021", "N/A", "Khoros Province Labor Act", "Yes 14"]
    fragments = [passage(text, low_confidence=True) for text in texts]
    assert not any(is_unknown(fragment) for fragment in fragments)
    counted = Group.of((), [*fragments, passage()])
    assert (counted.unknown, counted.sentences, counted.is_unread) == (0, 1, False)
    assert not is_unread(0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "Le gouvernement ignorait totalement ces plaintes.",
        "Die Regierung hat keine Täter verurteilt.",
        "Правительство не осудило ни одного торговца людьми.",
    ],
)
def test_sentences_in_other_languages_are_unknown_words(text: str) -> None:
    foreign = passage(text, low_confidence=True)
    assert is_unknown(foreign)
    assert not is_unknown(passage(text))
    assert Group.of((), [foreign, passage()]).is_unread
