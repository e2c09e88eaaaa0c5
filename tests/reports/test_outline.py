"""What changed in the world, and what only in the report: breaks, headings, denials, laws.

The reports are invented. A section that one of two does not write is a break, a tag that changes
with its heading no change of words.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tipclassify import Classifier, read_report, tag_report
from tipclassify.records import Document, Passage, Report
from tipclassify.reports.chart import describe
from tipclassify.reports.compare.changes import Change
from tipclassify.reports.compare.comparison import Comparison, compare
from tipclassify.reports.compare.ledger import Ledger, follow
from tipclassify.reports.counts import summarize
from tipclassify.write.changes import write_comparison_html, write_ledger_html
from tipclassify.write.output import Output
from tipclassify.write.rows import write_comparison_jsonl, write_ledger_csv
from tipclassify.write.terminal import write_comparison, write_ledger, write_summary

FORCED: Final = "b. Prohibition of Forced Labor"
CHILD: Final = "c. Prohibition of Child Labor"
WORK: Final = "e. Acceptable Conditions of Work"
Texts = Sequence[tuple[str, str, str]]  # section, text, and labels, by their first letters

LABELS: Final = {"P": "positive_effort", "F": "failure", "C": "complicity"}
OF_CHILDREN: Final = (
    (CHILD, "The law prohibits the worst forms of child labor on salt farms.", "P"),
    (CHILD, "Inspectors freed eleven boys from the salt farms of Lenz.", "P"),
    (CHILD, "The ministry did not inspect any of the brick kilns in the hills.", "F"),
)
REFERENCE: Final = (CHILD, "See the List of Goods at https://example.org/goods for children.", "")
KEPT: Final = (FORCED, "Courts convicted nine traffickers in the port of Osmir.", "P")
SHIPS: Final = (WORK, "The navy did not board any trawlers off Cape Orr.", "")


def report_of(classifier: Classifier, year: int, texts: Texts) -> Report:
    """Make a report whose labels are given."""
    passages = []
    start = 0
    for section, text, letters in texts:
        labels = tuple(LABELS[letter] for letter in letters)
        scores = {label: 0.99 if label in labels else 0.01 for label in LABELS.values()}
        passages.append(Passage(text, start, start + len(text), section, labels, scores))
        start += len(text) + 1
    whole = "\n".join(text for _, text, _ in texts)
    document = Document(whole, (), title=f"Karvonia {year}", country="Karvonia", year=year)
    return Report(f"{year}.html", document, passages, run=classifier.run())


def compared(classifier: Classifier, old: Texts, new: Texts) -> Comparison:
    return compare(report_of(classifier, 2021, old), report_of(classifier, 2022, new))


def change_of(comparison: Comparison, text: str) -> Change:
    """Return the one change of a passage that begins so in either report."""
    (change,) = (
        each
        for each in comparison.changes
        if any(side.text.startswith(text) for side in each.sides)
    )
    return change


def rows_of(comparison: Comparison) -> list[dict[str, object]]:
    out = io.StringIO()
    write_comparison_jsonl(comparison, out, repeated=True)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def page_of(comparison: Comparison) -> str:
    out = io.StringIO()
    write_comparison_html(comparison, out, Output(comparison.run))
    return out.getvalue()


@pytest.mark.parametrize(
    ("stub", "status"),
    [
        ((REFERENCE,), "emptied"),
        (((CHILD, "None.", ""),), "emptied"),
        ((), "absent"),
    ],
    ids=["it refers on", "a tenth of its words", "not there"],
)
def test_a_section_that_the_newer_report_does_not_write_is_one_break_and_no_change(
    classifier: Classifier, stub: Texts, status: str
) -> None:
    comparison = compared(classifier, [KEPT, *OF_CHILDREN, SHIPS], [KEPT, *stub, SHIPS])
    (line,) = comparison.break_lines()
    assert line.startswith(f"{CHILD} is no longer written in 2022")
    assert "(3 findings of 2021)" in line
    assert ("it refers to the List of Goods for children" in line) == (REFERENCE in stub)
    kinds = {group.kind for group in comparison.groups()}
    assert not kinds & {"effort_gone", "failure_gone"}
    assert comparison.counts()["gone"] == 0
    first, *rows = rows_of(comparison)
    assert (first["kind"], first["status"], first["findings"]) == ("break", status, 3)
    of_old = [row for row in rows if row["kind"] == "section_break" and row["old"]]
    assert [row["section_in_newer"] for row in of_old] == [status] * 3
    assert [row["changes"] for row in of_old] == [[]] * 3
    out = io.StringIO()
    write_comparison(comparison, out)
    assert f"Break: {CHILD}" in " ".join(out.getvalue().split())
    assert "no longer reported: " not in out.getvalue()
    assert "That is no change of what a government does." in page_of(comparison)


def test_a_section_that_is_written_again_is_a_break_too(classifier: Classifier) -> None:
    comparison = compared(classifier, [KEPT, REFERENCE, SHIPS], [KEPT, *OF_CHILDREN, SHIPS])
    (line,) = comparison.break_lines()
    assert line.startswith(f"{CHILD} is not yet written in 2021; it refers to the List")
    assert "new_failure" not in {group.kind for group in comparison.groups()}


@pytest.mark.parametrize(
    "new",
    [
        # it is shorter, and still written
        [KEPT, OF_CHILDREN[0], SHIPS],
        # it has another name
        [KEPT, *((f"d{section[1:]} and Bondage", *rest) for section, *rest in OF_CHILDREN), SHIPS],
        # its passages stand under another heading
        [KEPT, SHIPS, *((WORK, text, "") for _, text, _ in OF_CHILDREN)],
    ],
    ids=["shorter", "renamed", "joined"],
)
def test_a_section_that_is_shorter_renamed_or_joined_is_no_break(
    classifier: Classifier, new: Texts
) -> None:
    comparison = compared(classifier, [KEPT, *OF_CHILDREN, SHIPS], new)
    assert comparison.breaks == ()
    assert comparison.counts()["section_break"] == 0


def test_what_goes_from_a_section_that_is_still_written_is_no_longer_reported(
    classifier: Classifier,
) -> None:
    comparison = compared(classifier, [KEPT, *OF_CHILDREN, SHIPS], [KEPT, OF_CHILDREN[0], SHIPS])
    change = change_of(comparison, "Inspectors freed eleven")
    assert (change.kind, change.section_in_newer) == ("effort_gone", "written")


def test_reports_of_other_outlines_are_compared_as_wholes_and_say_so(
    classifier: Classifier,
) -> None:
    old = [KEPT, *OF_CHILDREN, SHIPS]
    new = [
        ("Life", "Soldiers shot two fishermen near the harbor wall.", ""),
        ("Liberty", "Guards sold permits to recruiters of domestic workers.", "C"),
        ("Security of the Person", KEPT[1], "P"),
    ]
    comparison = compared(classifier, old, new)
    assert comparison.breaks == ()
    (warning,) = comparison.warnings()
    assert "compared as wholes only (findings: 4 of 2021 and 2 of 2022)" in warning
    assert "new_complicity" not in {group.kind for group in comparison.groups()}
    assert {row["section_in_newer"] for row in rows_of(comparison)} == {None}
    assert "compared as wholes only" in page_of(comparison)


def test_a_report_that_writes_two_of_eight_sections_is_compared_as_a_whole(
    classifier: Classifier,
) -> None:
    places = ("Harbors", "Quarries", "Kitchens", "Orchards", "Brothels", "Barracks")
    more = [(name, f"Courts freed nine workers from {name.lower()}.", "P") for name in places]
    comparison = compared(classifier, [KEPT, SHIPS, *more], [KEPT, SHIPS])
    assert comparison.is_of_wholes
    assert "effort_gone" not in {group.kind for group in comparison.groups()}


def test_reports_without_headings_are_compared_by_their_words(classifier: Classifier) -> None:
    old = [("", text, labels) for _, text, labels in (KEPT, *OF_CHILDREN)]
    comparison = compared(classifier, old, [("", *KEPT[1:])])
    assert change_of(comparison, "Inspectors freed").kind == "effort_gone"
    assert comparison.warnings() == []


INSPECTED: Final = "Labor inspectors visited 40 fish farms and freed nine workers from bondage."
REWORDED: Final = "Labor inspectors visited 38 fish farms and freed two workers from bondage."


@pytest.mark.parametrize(
    ("text", "section", "cause", "kind"),
    [
        (REWORDED, FORCED, "words", "retagged"),
        (INSPECTED, WORK, "heading", "moved_retagged"),
        (REWORDED, WORK, "both", "both_retagged"),
    ],
)
def test_a_changed_tag_has_the_cause_that_its_words_and_heading_tell(
    classifier: Classifier, text: str, section: str, cause: str, kind: str
) -> None:
    old = [KEPT, (FORCED, INSPECTED, "P"), SHIPS]
    comparison = compared(classifier, old, [KEPT, (section, text, ""), SHIPS])
    change = change_of(comparison, "Labor inspectors")
    assert (change.cause, change.kind) == (cause, kind)
    moved = f"moved to “{WORK}”, where it is not about forced labor"
    assert comparison.remark(change) == ("" if cause == "words" else moved)
    assert (moved in page_of(comparison)) == (cause != "words")
    (row,) = (row for row in rows_of(comparison) if row["kind"] == kind)
    assert row["cause"] == cause


@pytest.mark.parametrize(
    ("text", "is_claim"),
    [
        ("There were no credible reports of officials who took part in trafficking.", False),
        ("The minister denied that border guards sold girls.", False),
        ("A warden wrote to a newspaper, disputing claims of forced labor in prisons.", False),
        ("Border guards sold girls to hotels, though the minister denied it.", True),
        ("The government did not prosecute any officials complicit in trafficking.", True),
    ],
)
@pytest.mark.parametrize("is_gone", [True, False], ids=["gone", "new"])
def test_a_denial_is_no_complicity_that_comes_or_goes(
    classifier: Classifier, text: str, is_claim: bool, is_gone: bool
) -> None:
    with_it: Texts = [KEPT, (FORCED, text, "C")]
    old, new = (with_it, [KEPT]) if is_gone else ([KEPT], with_it)
    change = change_of(compared(classifier, old, new), text)
    kind = "complicity_gone" if is_gone else "new_complicity"
    assert (change.kind == kind) == is_claim


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        (
            "Article 2 of Law No. 15 for 2011 criminalized the sale of children.",
            "law of 2011, first mentioned in 2022",
        ),
        ("The 2005 Human Trafficking Act set prison terms for recruiters.", "law of 2005, first"),
        ("The 2022 Human Trafficking Act set prison terms for recruiters.", ""),
        ("In 2011 a court convicted two recruiters of girls.", ""),
        ("It was the first conviction since 2016 under its antitrafficking law.", ""),
    ],
)
def test_an_older_law_that_is_newly_reported_has_its_own_year(
    classifier: Classifier, text: str, remark: str
) -> None:
    comparison = compared(classifier, [KEPT], [KEPT, (FORCED, text, "P")])
    change = change_of(comparison, text)
    assert change.kind == "new_effort"
    assert comparison.remark(change).startswith(remark)
    assert bool(comparison.remark(change)) == bool(remark)


def test_one_claim_in_other_words_in_its_place_is_not_both_new_and_gone(
    classifier: Classifier,
) -> None:
    old = "In May the anti-trafficking office opened the first shelter for adult victims."
    new = (
        "Adult victims had a first shelter in the capital, which the anti-trafficking office ran "
        "and staffed with counselors and nurses of three hospitals."
    )
    between = (FORCED, SHIPS[1], "F")
    before: Texts = [KEPT, (FORCED, old, "P")]
    change = change_of(compared(classifier, before, [KEPT, between, (FORCED, new, "P")]), "In May")
    assert change.alignment == "reworded"
    assert change.new is not None
    other_claim = compared(classifier, before, [KEPT, between, (FORCED, new, "F")])
    assert change_of(other_claim, "In May").kind == "effort_gone"


PENALTIES: Final = "The penalties were insufficient to deter violations."
NOT_COMMENSURATE: Final = "Penalties were not commensurate with those for kidnapping and arson."


@pytest.mark.parametrize(
    ("section", "labels", "alignments"),
    [(FORCED, "F", {"reworded"}), (WORK, "F", {"gone", "new"}), (FORCED, "P", {"gone", "new"})],
    ids=["one claim", "of another section", "to the contrary"],
)
def test_two_judgments_of_the_penalties_of_a_section_are_one_claim(
    classifier: Classifier, section: str, labels: str, alignments: set[str]
) -> None:
    comparison = compared(
        classifier,
        [KEPT, (FORCED, PENALTIES, "F"), SHIPS],
        [KEPT, (FORCED, SHIPS[1], ""), SHIPS, (section, NOT_COMMENSURATE, labels)],
    )
    sides = [PENALTIES, NOT_COMMENSURATE]
    found = {
        change.alignment
        for change in comparison.changes
        if any(side.text in sides for side in change.sides)
    }
    assert found == alignments


ENFORCED: Final = "The government generally enforced relevant laws, and such work was rare."
NOT_ENFORCED: Final = "Authorities did not enforce the law effectively."


def test_two_judgments_of_how_the_law_is_enforced_are_one_claim_within_a_section_alone(
    classifier: Classifier,
) -> None:
    mixed = "The government often enforced the statutes, but fines were lower than those for arson."
    one_claim = compared(
        classifier,
        [KEPT, (FORCED, ENFORCED, "P"), SHIPS],
        [KEPT, (FORCED, SHIPS[1], ""), SHIPS, (FORCED, mixed, "PF")],
    )
    assert change_of(one_claim, ENFORCED).kind == "retagged"
    old: Texts = [KEPT, (FORCED, "The government did not effectively enforce the law.", "F"), SHIPS]
    about_women = compared(classifier, old, [KEPT, SHIPS, ("Women", NOT_ENFORCED, "")])
    assert change_of(about_women, NOT_ENFORCED).alignment == "new"
    here = compared(classifier, old, [KEPT, SHIPS, (FORCED, NOT_ENFORCED, "")])
    assert change_of(here, NOT_ENFORCED).alignment == "reworded"


def test_what_a_law_bans_is_not_continued_by_whether_it_happens(classifier: Classifier) -> None:
    ban = "The law prohibits the worst forms of child labor."
    seen = "There were no confirmed reports of the worst forms of child labor."
    banned = (
        "The law banned and penalized the worst forms of child labor, and kept children from loading "
        "salt, from diving, from trawlers at night and from work in school hours."
    )
    old: Texts = [KEPT, (CHILD, ban, "P"), SHIPS]
    comparison = compared(classifier, old, [KEPT, SHIPS, (CHILD, seen, ""), (CHILD, banned, "P")])
    assert change_of(comparison, seen).alignment == "new"
    change = change_of(comparison, ban)
    assert change.new is not None
    assert change.new.text == banned


def test_the_other_half_of_a_sentence_that_was_split_is_not_new(classifier: Classifier) -> None:
    whole = (
        "While the ban on recruiters of salt workers was in force, the inspection of trawlers off "
        "Cape Orr was planned to begin in spring."
    )
    halves: Texts = [
        (FORCED, "The inspection of trawlers off Cape Orr began in spring.", "P"),
        (
            FORCED,
            "The ban on recruiters of salt workers was in force; however, newspapers told of agents "
            "who hired divers abroad, kept their passports and threatened their parents.",
            "P",
        ),
    ]
    comparison = compared(classifier, [KEPT, (FORCED, whole, "P"), SHIPS], [KEPT, SHIPS, *halves])
    assert {change_of(comparison, text).alignment for _, text, _ in halves} == {"reworded"}


def test_a_sentence_that_a_report_says_twice_is_new_once(classifier: Classifier) -> None:
    (_, freed, _) = OF_CHILDREN[1]
    twice = [KEPT, (FORCED, freed, "P"), SHIPS, (FORCED, freed, "P")]
    assert change_of(compared(classifier, [KEPT, SHIPS], twice), freed).kind == "new_effort"


def test_a_sentence_that_grew_is_not_also_new(classifier: Classifier) -> None:
    before = "The government took steps to address forced labor."
    after = (
        "The government took some steps to address forced labor, but there were numerous reports "
        "of impunity, among them long delays of wage disputes and false charges against workers whose "
        "employers kept passports, phones and identity cards locked in offices."
    )
    comparison = compared(
        classifier,
        [KEPT, (FORCED, before, "P"), SHIPS],
        [KEPT, (FORCED, SHIPS[1], ""), (FORCED, after, "PF")],
    )
    change = change_of(comparison, "The government took")
    assert (change.alignment, change.kind) == ("reworded", "retagged")


def test_neither_the_section_nor_the_subject_of_another_chapter_is_named_as_nearest(
    classifier: Classifier,
) -> None:
    verdicts = "Courts issued verdicts in most cases of forced labor on trawlers."
    near = "The prosecutor opened many cases of beatings, and courts issued few verdicts."
    old: Texts = [KEPT, (FORCED, verdicts, "P"), ("Women", "The law bans rape.", "")]
    elsewhere = compared(classifier, old, [KEPT, ("Women", near, ""), SHIPS])
    assert change_of(elsewhere, verdicts).nearest is None
    here = compared(classifier, old, [KEPT, (CHILD, near, ""), ("Women", "The law bans rape.", "")])
    nearest = change_of(here, verdicts).nearest
    assert nearest is not None
    assert nearest.text == near


def ledger_of(classifier: Classifier, *years: Texts) -> Ledger:
    return follow([report_of(classifier, year, texts) for year, texts in enumerate(years, 2021)])


def test_a_ledger_marks_the_years_that_do_not_write_a_section(classifier: Classifier) -> None:
    written = [KEPT, *OF_CHILDREN, SHIPS]
    ledger = ledger_of(classifier, written, written, [KEPT, REFERENCE, SHIPS], [KEPT, REFERENCE])
    first, *others = ledger.break_lines()
    assert first.startswith(f"{CHILD} is no longer written in 2023; it refers to the List of Goods")
    assert others == []  # the section of the navy had no finding
    lines = {line.last.passage.text: line for line in ledger.lines}
    law = lines[OF_CHILDREN[0][1]]
    told = "the same sentence from 2021 to 2022; its section is not written in 2023"
    assert law.describe("2024") == told
    assert lines[KEPT[1]].break_years == []
    out = io.StringIO()
    write_ledger_csv(ledger, out)
    rows = {row["wording now"]: row for row in csv.DictReader(io.StringIO(out.getvalue()))}
    assert rows[law.last.passage.text]["2023"] == "section not written"
    assert rows[law.last.passage.text]["2024"] == ""
    out = io.StringIO()
    write_ledger_html(ledger, out, Output(ledger.run))
    assert f"<strong>Break:</strong> {CHILD}" in out.getvalue()
    assert out.getvalue().count('<span class="vh">: its section is not written') == 4
    out = io.StringIO()
    write_ledger(ledger, out)
    assert f"Break: {CHILD}" in " ".join(out.getvalue().split())


def test_a_ledger_says_by_what_a_tag_changed(classifier: Classifier) -> None:
    ledger = ledger_of(
        classifier,
        [KEPT, (FORCED, INSPECTED, "P"), SHIPS],
        [KEPT, (FORCED, REWORDED, "PF"), SHIPS],
        [KEPT, (WORK, REWORDED, ""), SHIPS],
    )
    (line,) = (line for line in ledger.lines if line.last.passage.text == REWORDED)
    moved = f"its heading: moved to “{WORK}”, where it is not about forced labor"
    assert line.retagged_by() == {"2022": "its words", "2023": moved}
    out = io.StringIO()
    write_ledger_csv(ledger, out)
    rows = {row["wording now"]: row for row in csv.DictReader(io.StringIO(out.getvalue()))}
    assert rows[REWORDED]["labels changed"] == f"2022 by its words; 2023 by {moved}"
    assert rows[KEPT[1]]["labels changed"] == ""


def test_a_ledger_says_where_outlines_do_not_correspond(classifier: Classifier) -> None:
    other = [
        ("Life", KEPT[1], "P"),
        ("Liberty", "Guards sold permits.", "C"),
        ("Safety", "No.", ""),
    ]
    ledger = ledger_of(classifier, [KEPT, *OF_CHILDREN, SHIPS], other)
    assert ledger.breaks == ()
    (line,) = ledger.break_lines()
    assert line.startswith("the outlines of 2021 and 2022 do not correspond")


def test_counts_and_charts_by_year_mark_a_break(classifier: Classifier) -> None:
    written = [KEPT, *OF_CHILDREN, SHIPS]
    reports = [
        report_of(classifier, year, texts)
        for year, texts in ((2021, written), (2022, [KEPT, REFERENCE, SHIPS]), (2023, written))
    ]
    summary = summarize(reports, ("country", "year"))
    assert summary.group_names == ["Karvonia · 2021", "Karvonia · 2022 ‖", "Karvonia · 2023"]
    before, after = summary.break_lines()
    assert before.startswith(f"‖ Karvonia: {CHILD} is no longer written in 2022; it refers to")
    assert after.startswith(f"‖ Karvonia: {CHILD} is not yet written in 2022; it refers to")
    assert before in describe(summary)
    rows = list(summary.rows())
    assert [bool(row["breaks"]) for row in rows] == [False, True, False, False]
    out = io.StringIO()
    write_summary(summary, out)
    assert "2022 ‖" in out.getvalue()
    assert CHILD in " ".join(out.getvalue().split())


def test_counts_without_a_break_have_no_sign_and_no_column(classifier: Classifier) -> None:
    # a section on another subject may have been joined with another
    reports = [
        report_of(classifier, year, texts)
        for year, texts in ((2021, [KEPT, (WORK, *SHIPS[1:2], "F")]), (2022, [KEPT]))
    ]
    summary = summarize(reports, ("year",))
    assert summary.group_names == ["2021", "2022"]
    assert summary.break_lines() == []
    assert all("breaks" not in row for row in summary.rows())


YEARS: Final = Path(__file__).parents[3] / "shared" / "reports" / "years"


@pytest.mark.skipif(not YEARS.is_dir(), reason="no ../shared/reports/years beside the project")
@pytest.mark.parametrize(
    ("country", "old", "new", "letter"), [("ghana", 2021, 2022, "c."), ("qatar", 2022, 2023, "b.")]
)
def test_of_real_years_the_section_that_refers_on_is_the_one_break(
    country: str, old: int, new: int, letter: str
) -> None:
    fast = Classifier.load("fast")
    before, after = (
        tag_report(read_report(YEARS / f"hrr-{year}-{country}.html"), model=fast)
        for year in (old, new)
    )
    comparison = compare(before, after)
    emptied = [each for each in comparison.breaks if each.status == "emptied"]
    assert [each.section[:2] for each in emptied] == [letter]
    assert emptied[0].refers_to


@pytest.mark.skipif(not YEARS.is_dir(), reason="no ../shared/reports/years beside the project")
def test_the_edition_with_another_outline_is_compared_as_a_whole() -> None:
    fast = Classifier.load("fast")
    files = (YEARS.parent / name for name in ("hrr-2023-vietnam.html", "hrr-2024-cuba.html"))
    before, after = (tag_report(read_report(file), model=fast) for file in files)
    assert compare(before, after).is_of_wholes
