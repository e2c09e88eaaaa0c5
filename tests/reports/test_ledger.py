"""Passages followed over the years, and publications set beside each other.

The reports are invented, of the shape of real ones.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import typer
from accessibility import violations_of
from typer.testing import CliRunner, Result

from tipclassify import Classifier
from tipclassify.cli.compare import compare as command
from tipclassify.cli.summary import summary as summary_command
from tipclassify.errors import UsageError
from tipclassify.readers import read_report
from tipclassify.records import Document, Passage, Report, Run
from tipclassify.reports.compare.align import Side, align
from tipclassify.reports.compare.comparison import compare
from tipclassify.reports.compare.ledger import Ledger, Line, follow
from tipclassify.text.split import split_passages
from tipclassify.write.changes import write_ledger_html
from tipclassify.write.output import Output

if TYPE_CHECKING:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import Browser, Page

FORCED: Final = "b. Prohibition of Forced Labor"
WORK: Final = "e. Acceptable Conditions of Work"
CHILDREN: Final = "Children"
KEPT: Final = (
    "The government did not effectively enforce the law against forced labor on fishing boats."
)
TO_MOVE: Final = (
    "Labor inspectors from the ministry visited 40 fish farms and freed nine workers from bondage."
)
PAGES: Final = {
    2021: (
        (FORCED, KEPT),
        (FORCED, "The law prohibits all forms of forced or compulsory labor."),
        (FORCED, TO_MOVE),
        (FORCED, "Police in Port Salwen arrested two recruiters who had sold men to trawlers."),
        (WORK, "Inspectors could enter workplaces without notice, and did so rarely."),
    ),
    2022: (
        (FORCED, KEPT),
        (
            FORCED,
            "The law prohibited all forms of forced or compulsory labor, including of prisoners.",
        ),
        (WORK, TO_MOVE),
        (WORK, "Inspectors could enter workplaces without notice."),
        (WORK, "They did so rarely for want of fuel, said the union of harbor workers."),
        (CHILDREN, "Soldiers used boys of the hill villages as porters and paid them nothing."),
    ),
    2023: (
        (FORCED, KEPT),
        (FORCED, "Police in Port Salwen arrested two recruiters who had sold men to trawlers."),
        (CHILDREN, "The ministry opened a school for children who had worked in the salt works."),
    ),
}
WATCH: Final = "Harbor Watch"
REVIEW: Final = "Halden Review of Child Labor"

app = typer.Typer()
app.command()(command)
summary_app = typer.Typer()
summary_app.command()(summary_command)


def run(*args: object, model: str = "fast") -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["--model", model, *map(str, args)], catch_exceptions=False)


def report_of(
    year: int,
    classifier: Classifier,
    country: str = "Karvonia",
    publication: str = WATCH,
    texts: Sequence[tuple[str, str]] | None = None,
) -> Report:
    """Make a report of sections and sentences, which are those of `PAGES` unless given."""
    passages = []
    start = 0
    for section, text in PAGES[year] if texts is None else texts:
        passages.append(Passage(text, start, start + len(text), section))
        start += len(text) + 1
    whole = "\n".join(passage.text for passage in passages)
    document = Document(
        whole, (), title=f"{country} {year}", country=country, year=year, publication=publication
    )
    tagged = classifier.tag(passages)
    run = classifier.run(day="2026-11-28")
    return Report(f"{country}-{year}.html", document, tagged, run=run)


@pytest.fixture(scope="module")
def years(classifier: Classifier) -> list[Report]:
    return [report_of(year, classifier) for year in PAGES]


def write_rows(file: Path, report: Report) -> Path:
    """Write a report as rows that were split beforehand."""
    fields = {
        "country": report.country,
        "year": report.year,
        "publication": report.publication,
    }
    rows = [
        {"text": passage.text, "section": passage.section, **fields} for passage in report.passages
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


@pytest.fixture(scope="module")
def files(years: list[Report], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("years")
    return [write_rows(folder / f"karvonia-{report.year}.jsonl", report) for report in years]


# ----------------------------------------------------------------------------------- the text first


def statuses(side: Side) -> list[str | None]:
    """Return what became of each passage; None of one that the other report lacks."""
    links = map(side.links.get, range(len(side.texts)))
    return [link.status if link else None for link in links]


def test_each_passage_is_repeated_moved_reworded_new_or_gone(
    classifier: Classifier, years: list[Report]
) -> None:
    old, new = align(years[0].passages, years[1].passages, classifier.vocabulary)
    of_old = ["repeated", "reworded", "moved", None, "reworded"]
    of_new = ["repeated", "reworded", "moved", "reworded", None, None]
    assert statuses(old) == of_old
    assert statuses(new) == of_new


def test_only_what_is_new_or_gone_is_newly_or_no_longer_reported(years: list[Report]) -> None:
    comparison = compare(years[0], years[1])
    newly = [
        pair
        for pair in comparison.changes
        if pair.kind.startswith("new_") or pair.kind.endswith("_gone")
    ]
    assert {pair.alignment for pair in newly} <= {"new", "gone"}
    gone = {pair.old.text for pair in newly if pair.old}
    assert gone == {"Police in Port Salwen arrested two recruiters who had sold men to trawlers."}
    retagged = [pair for pair in comparison.changes if pair.kind in ("retagged", "moved_retagged")]
    assert all(len(pair.sides) == 2 for pair in retagged)
    assert comparison.subject == "Harbor Watch: Karvonia"


def test_a_tag_that_alone_differs_is_listed_apart_with_the_heading_that_changed_it(
    years: list[Report],
) -> None:
    moved = years[1].passages[2]
    untagged = replace(moved, labels=(), scores=dict.fromkeys(moved.scores, 0.01))
    passages = list(years[1].passages)
    passages[2] = untagged
    pairs = compare(years[0], replace(years[1], passages=passages)).changes
    (pair,) = (pair for pair in pairs if pair.new and pair.new.text == TO_MOVE)
    assert (pair.alignment, pair.kind) == ("moved", "moved_retagged")
    gone = {pair.old.text for pair in pairs if pair.kind == "effort_gone" and pair.old}
    assert TO_MOVE not in gone


SENTENCED: Final = "A court in Osmir sentenced Anđel Rukas for selling girls"
BOARDING: Final = "The navy boarded 12 trawlers off Cape Orr"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # a heading with another name is no other section
        (
            [("Abuses at Sea", KEPT), ("Abuses at Sea", TO_MOVE)],
            [("Violations at Sea", KEPT), ("Violations at Sea", TO_MOVE)],
            ["repeated", "repeated"],
        ),
        # a sentence that is said twice, or was split, is not new
        (
            [(FORCED, KEPT), (FORCED, f"{BOARDING} and found 31 men in debt bondage below deck.")],
            [
                *((FORCED, KEPT), (FORCED, KEPT)),
                (FORCED, f"{BOARDING}."),
                (FORCED, "It found 31 men in debt bondage below deck."),
            ],
            ["repeated", "repeated", "reworded", "reworded"],
        ),
        # other people in like words are another statement
        (
            [(FORCED, f"{SENTENCED}.")],
            [(FORCED, "A court in Vost sentenced Milan Petroc and Ion Darr for selling girls.")],
            [None],
        ),
        (
            [(FORCED, f"{SENTENCED}.")],
            [(FORCED, f"{SENTENCED} to hotel owners and seized his boats.")],
            ["reworded"],
        ),
        # hyphens of prefixes are no other words
        (
            [("Anti-Semitism", "There were no reports of anti-Semitic acts.")],
            [("Antisemitism", "There were no reports of antisemitic acts.")],
            ["reworded"],
        ),
    ],
)
def test_what_became_of_passages_is_read_from_their_words(
    old: list[tuple[str, str]],
    new: list[tuple[str, str]],
    expected: list[str | None],
    classifier: Classifier,
) -> None:
    before, after = (
        [Passage(text, 0, 1, section) for section, text in texts] for texts in (old, new)
    )
    assert statuses(align(before, after, classifier.vocabulary)[1]) == expected


YEARS: Final = Path(__file__).parents[3] / "shared" / "reports" / "years"


@pytest.mark.skipif(not YEARS.is_dir(), reason="no ../shared/reports/years beside the project")
@pytest.mark.parametrize(
    ("country", "old", "new"), [("qatar", 2021, 2022), ("ghana", 2020, 2021), ("ghana", 2021, 2022)]
)
def test_on_real_years_nothing_is_new_or_gone_that_stands_word_for_word_in_the_other(
    country: str, old: int, new: int, classifier: Classifier
) -> None:
    old_passages = split_passages(read_report(YEARS / f"hrr-{old}-{country}.html"))
    new_passages = split_passages(read_report(YEARS / f"hrr-{new}-{country}.html"))
    sides = align(old_passages, new_passages, classifier.vocabulary)
    for side, other in (sides, sides[::-1]):
        became = statuses(side)
        alone = [text for text, status in zip(side.texts, became, strict=True) if status is None]
        assert set(alone).isdisjoint(other.texts)
        assert min(became.count("repeated"), became.count("reworded")) > 100  # of about 400


# --------------------------------------------------------------------------------------- the ledger


def test_a_ledger_follows_each_passage_over_the_years(years: list[Report]) -> None:
    ledger = follow(years)
    lines = {line.last.passage.text: line for line in ledger.lines}
    kept = lines[KEPT]
    assert kept.years == ["2021", "2022", "2023"]
    assert (kept.same_since, kept.labels) == ("2021", ("failure",))
    assert kept.describe("2023") == "the same sentence since 2021"
    assert ledger.lines[0] is kept  # of most years
    moved = lines[TO_MOVE]
    standings = [(standing.year, standing.status) for standing in moved.standings]
    assert standings == [("2021", "first"), ("2022", "moved")]
    not_written = "its section is not written in 2023"
    assert moved.describe("2023") == f"the same sentence from 2021 to 2022; {not_written}"
    law = lines[
        "The law prohibited all forms of forced or compulsory labor, including of prisoners."
    ]
    assert law.same_since == "2022"
    assert law.describe("2023") == "from 2021 to 2022, reworded in 2022"
    back = lines["Police in Port Salwen arrested two recruiters who had sold men to trawlers."]
    assert back.years == ["2021", "2023"]  # gone for a year, and again word for word
    assert all(len(line.standings) > 1 for line in ledger.lines)
    assert len(follow(years, everything=True).lines) > len(ledger.lines)


def ledger_of_texts(
    classifier: Classifier, *years: Sequence[str], everything: bool = False
) -> Ledger:
    """Follow sentences of one section; the first report is of 2020."""
    reports = [
        report_of(year, classifier, texts=[(FORCED, text) for text in texts])
        for year, texts in enumerate(years, 2020)
    ]
    return follow(reports, everything)


def standings_of(line: Line) -> list[tuple[str, str, str]]:
    """Return year, status and text of each place of a line."""
    return [(standing.year, standing.status, standing.passage.text) for standing in line.standings]


BOARDED: Final = "The navy boarded twelve trawlers off Cape Orr without a warrant."
BONDAGE: Final = "Officers found fishermen in debt bondage below the deck of each vessel."
BOARDED_AND_BONDAGE: Final = (
    "The navy boarded twelve trawlers off Cape Orr, where officers found fishermen in debt bondage "
    "below the deck of each vessel."
)


def test_sentences_that_were_joined_have_a_line_each_up_to_the_last_year(
    classifier: Classifier,
) -> None:
    apart = (BOARDED, BONDAGE)
    joined = (BOARDED_AND_BONDAGE,)
    lines = ledger_of_texts(classifier, apart, apart, joined, joined).lines
    assert sorted(standings_of(line) for line in lines) == [
        [
            ("2020", "first", sentence),
            ("2021", "repeated", sentence),
            ("2022", "reworded", BOARDED_AND_BONDAGE),
            ("2023", "repeated", BOARDED_AND_BONDAGE),
        ]
        for sentence in sorted(apart)
    ]


def test_each_passage_is_in_a_line_and_begins_one_at_most(classifier: Classifier) -> None:
    years = ((BONDAGE, BOARDED), (BONDAGE, KEPT, BOARDED, BONDAGE), (BOARDED_AND_BONDAGE,))
    lines = ledger_of_texts(classifier, *years, everything=True).lines
    listed = {
        (standing.year, standing.passage.start) for line in lines for standing in line.standings
    }
    count = sum(map(len, years))
    assert len(listed) == count
    assert len(lines) <= count


def test_a_sentence_said_twice_in_the_years_between_has_a_line_with_the_same_words_in_all(
    classifier: Classifier,
) -> None:
    cut = BOARDED.replace(" without a warrant", "")
    lines = ledger_of_texts(classifier, [BOARDED], [cut, BOARDED], [cut, BOARDED], [BOARDED]).lines
    (same,) = (line for line in lines if line.same_since == "2020")
    assert {standing.passage.text for standing in same.standings} == {BOARDED}
    assert len(lines) == 2


BAN: Final = "The cabinet kept its ban on recruiting workers for the oil fields of Zembla."
POLICY: Final = (
    "The policy left migrants without legal routes, which made them easier prey for traffickers."
)
BAN_AND_POLICY: Final = f"{BAN[:-1]}; {POLICY[0].lower()}{POLICY[1:]}"


def test_a_part_of_a_sentence_that_was_split_has_stood_since_the_sentence_had_it(
    classifier: Classifier,
) -> None:
    lines = ledger_of_texts(classifier, [BAN], [BAN_AND_POLICY], [BAN, POLICY]).lines
    assert [standings_of(line) for line in lines] == [
        [
            ("2020", "first", BAN),
            ("2021", "reworded", BAN_AND_POLICY),
            ("2022", "reworded", BAN),
        ],
        [("2021", "first", BAN_AND_POLICY), ("2022", "reworded", POLICY)],
    ]


def test_a_part_of_sentences_that_were_joined_stands_as_long_as_the_sentence_has_it(
    classifier: Classifier,
) -> None:
    lines = ledger_of_texts(classifier, [BAN, POLICY], [BAN_AND_POLICY], [POLICY]).lines
    of_ban, of_policy = sorted((standings_of(line) for line in lines), key=len)
    assert of_ban == [("2020", "first", BAN), ("2021", "reworded", BAN_AND_POLICY)]
    assert [text for _, _, text in of_policy] == [POLICY, BAN_AND_POLICY, POLICY]


def test_many_copies_of_a_sentence_every_second_year_do_not_multiply_lines(
    classifier: Classifier,
) -> None:
    lines = ledger_of_texts(classifier, [KEPT], [KEPT] * 30, [KEPT], [KEPT] * 30, [KEPT]).lines
    passages = 1 + 30 + 1 + 30 + 1
    standings = [standing for line in lines for standing in line.standings]
    assert len({id(standing.passage) for standing in standings}) == passages
    assert len(lines) < passages


def test_three_reports_are_a_ledger_in_every_format(files: list[Path], tmp_path: Path) -> None:
    table = run(*reversed(files)).stdout  # by their years, whatever the order
    assert table.startswith("Harbor Watch: Karvonia, 2021 to 2023")
    assert "the same sentence since 2021  failure  3 years: 2021, 2022, 2023" in table
    for name in ("l.html", "l.csv", "l.xlsx", "l.json"):
        assert run(*files, "-o", tmp_path / name).exit_code == 0
    ledger = json.loads((tmp_path / "l.json").read_text("utf-8"))
    assert ledger["years"] == ["2021", "2022", "2023"]
    assert ledger["subject"] == "Harbor Watch: Karvonia"
    assert ledger["lines"][0]["standings"][2]["status"] == "repeated"
    rows = list(csv.DictReader(io.StringIO((tmp_path / "l.csv").read_text("utf-8"))))
    assert len(rows) == sum(bool(line["labels"]) for line in ledger["lines"]) < len(ledger["lines"])
    assert rows[0]["wording now"] == KEPT
    assert rows[0]["same words since"] == "2021"
    assert rows[0]["2022"] == "same words: failure"
    book = pytest.importorskip("openpyxl").load_workbook(tmp_path / "l.xlsx")
    head, *body = book["Ledger"].values
    assert [row[head.index("wording now")] for row in body] == [row["wording now"] for row in rows]
    for name in ("l.html", "l.csv", "l.json"):
        assert str(files[0].parent) not in (tmp_path / name).read_text("utf-8")
    assert run(*files, "--all", "-o", tmp_path / "all.csv").exit_code == 0
    everything = list(csv.DictReader(io.StringIO((tmp_path / "all.csv").read_text("utf-8"))))
    assert all(row["labels"] for row in rows)
    assert not all(row["labels"] for row in everything)
    of_two = run(files[0], files[1], "--ledger").stdout
    assert of_two.startswith("Harbor Watch: Karvonia, 2021 to 2022")
    assert run(*files, "-o", tmp_path / "l.jsonl").exit_code == 2


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "json"])
def test_a_format_that_has_ledgers_only_is_refused_for_a_comparison(
    files: list[Path], tmp_path: Path, suffix: str
) -> None:
    output = tmp_path / f"changes.{suffix}"
    done = run(*files[:2], "-o", output)
    assert done.exit_code == 2
    assert "say --ledger" in done.stderr
    assert run(*files[:2], "--ledger", "-o", output).stderr == ""
    assert run(*files, "-o", output).stderr == ""


def test_a_ledger_of_two_countries_publications_or_reports_of_a_year_is_refused(
    files: list[Path], classifier: Classifier, tmp_path: Path
) -> None:
    other = write_rows(tmp_path / "other.jsonl", report_of(2022, classifier, "Zembla"))
    with pytest.raises(UsageError, match=r"about Karvonia and Zembla.*two are of 2022.*--anyway"):
        run(*files, other)
    review = write_rows(tmp_path / "review.jsonl", report_of(2022, classifier, publication=REVIEW))
    refusal = "different publications, 'Harbor Watch' and 'Halden Review of Child Labor'"
    with pytest.raises(UsageError, match=refusal):
        run(files[0], files[2], review)
    done = run(files[0], files[2], review, "--anyway")
    assert done.exit_code == 0
    assert "warning: they are of different publications" in done.stderr


def page_of(years: list[Report]) -> str:
    """Return the page of a ledger."""
    out = io.StringIO()
    write_ledger_html(follow(years), out, Output(years[0].run or Run()))
    return out.getvalue()


def test_the_page_of_a_ledger_is_inert_whatever_a_report_holds(classifier: Classifier) -> None:
    evil = (
        "<script>alert(1)</script> Police </style> convicted nine "
        "<img src=x onerror=alert(1)> traffickers."
    )
    years = [
        report_of(year, classifier, country="</title><x>", texts=[(evil, evil)])
        for year in (2021, 2022)
    ]
    page = page_of(years)
    assert not re.search(r"<script|<img|<x>", page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.fixture(params=[(1440, "light"), (390, "dark")], ids=["wide light", "narrow dark"])
def tab(
    request: pytest.FixtureRequest,
    browser: Browser,
    years: list[Report],
    tmp_path: Path,
) -> Iterator[Page]:
    """The page of the ledger, opened from the disk."""
    file = tmp_path / "ledger.html"
    file.write_text(page_of(years), "utf-8", newline="")
    width, scheme = request.param
    view = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    opened = view.new_page()
    opened.goto(file.as_uri())
    yield opened
    view.close()


def test_the_page_filters_without_a_script_fits_and_axe_finds_nothing(tab: Page, axe: Axe) -> None:
    kept = tab.locator("#lines .entry", has_text=KEPT)
    assert kept.is_visible()
    assert kept.locator(".timeline li").all_inner_texts()[0].startswith("● 2021")
    tab.locator("#show-F").uncheck()
    assert not kept.is_visible()
    tab.locator("#show-F").check()
    tab.evaluate("document.querySelectorAll('details').forEach((group) => { group.open = true; })")
    assert violations_of(axe, tab) == []
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


# ---------------------------------------------------------------------------------------- summaries

SAID: Final = {
    WATCH: (
        (FORCED, "The government did not effectively enforce the child labor law on fish farms."),
        (FORCED, "Courts convicted nine traffickers in the port of Lenz."),
    ),
    REVIEW: (
        (
            "Enforcement",
            "Inspectors effectively enforced the child labor law on fish farms in all districts.",
        ),
        ("Enforcement", "Unannounced inspections on fish farms | Yes | Yes"),
        ("Policies", "The cabinet adopted a plan for schools."),
    ),
}


@pytest.fixture(scope="module")
def beside(classifier: Classifier) -> list[Report]:
    return [
        report_of(2022, classifier, publication=name, texts=texts) for name, texts in SAID.items()
    ]


def test_publications_are_not_added_up_unless_asked_for(
    beside: list[Report], tmp_path: Path
) -> None:
    files = [write_rows(tmp_path / f"{n}.jsonl", report) for n, report in enumerate(beside)]

    def rows(*options: str) -> list[dict[str, object]]:
        arguments = ["--model", "fast", "-f", "jsonl", *options, *map(str, files)]
        done = CliRunner().invoke(summary_app, arguments)
        assert done.exit_code == 0, done.output
        return [json.loads(line) for line in done.stdout.splitlines()]

    by_country = rows("--by", "country", "--by", "year")
    groups = [row for row in by_country if not row["total"]]
    totals = [row for row in by_country if row["total"]]
    assert {row["country"] for row in groups} == {"Karvonia"}
    assert [(row["publication"], row["passages"]) for row in groups] == [(REVIEW, 3), (WATCH, 2)]
    assert [(row["publication"], row["passages"]) for row in totals] == [(REVIEW, 3), (WATCH, 2)]
    summed = rows("--by", "country", "--add-publications")
    assert [(row["total"], row["passages"]) for row in summed] == [(False, 5), (True, 5)]
    assert "publication" not in summed[0]
    of_watch = rows("--by", "country", "--publication", "harbor")
    assert [(row["total"], row["passages"]) for row in of_watch] == [(False, 2), (True, 2)]
    by_publication = rows("--by", "publication")
    assert [row["publication"] for row in by_publication if not row["total"]] == [REVIEW, WATCH]
