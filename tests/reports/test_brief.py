"""A brief has what one can hand over: counts by year, breaks, and quotes that differ, checked."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from accessibility import violations_of
from conftest import Cli

from tipclassify import Classifier, tag_report
from tipclassify.records import Document, Report
from tipclassify.reports.compare.brief import Brief, Decided, Place, briefs, table
from tipclassify.text.split import text_document
from tipclassify.write.brief import write_brief_docx, write_brief_html
from tipclassify.write.output import Output

if TYPE_CHECKING:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import Browser

KEPT = "The government did not enforce the law against forced labor on trawlers in Port Salwen."
GONE = "Police in Port Salwen arrested two recruiters who had sold men to trawlers."
CAME = "Courts in Halden convicted four traffickers of forced labor and jailed them for nine years."
LEANS = "It did not prosecute any of the owners of the trawlers in Port Salwen for forced labor."
EMPTIED = "Inspectors in Norvik did not free any children from bonded labor in 40 brick kilns."
SEE = "See the List of Goods."
YEARS = {
    2021: f"FORCED LABOR\n\n{KEPT} {GONE}\n\nCHILD LABOR\n\n{EMPTIED} {EMPTIED[:-1]} in May.",
    2022: f"FORCED LABOR\n\n{KEPT} {CAME} {LEANS}\n\nCHILD LABOR\n\n{SEE}",
}


def document(year: int) -> Document:
    made = text_document(YEARS[year], f"{year}.txt")
    return replace(made, country="Karvonia", year=year, publication="Harbor Report")


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    fast = Classifier.load("fast")
    return [tag_report(document(year), model=fast) for year in YEARS]


def quotes(brief: Brief) -> dict[str, str]:
    """Return what is quoted, and when it came or went."""
    return {
        found.cited.quote: found.when
        for label in brief.run.labels
        for found in brief.differences(label)
    }


def test_only_what_differs_in_sections_that_both_write_is_quoted(reports: list[Report]) -> None:
    (brief,), left_out = briefs([*reversed(reports), reports[0]])
    assert (brief.years, left_out) == (["2021", "2022"], ["2021.txt"])
    quoted = quotes(brief)
    assert quoted[GONE] == "no longer reported in 2022"
    assert quoted[CAME] == "newly reported in 2022"
    assert KEPT not in quoted
    assert EMPTIED not in quoted
    assert any("refers to the List of Goods" in line for line in brief.breaks())
    assert brief.checks().startswith("None of the ")


def test_what_people_decided_stands_in_place_of_the_tags(reports: list[Report]) -> None:
    came = next(each for each in reports[1].passages if each.text == CAME)
    gone = next(each for each in reports[0].passages if each.text == GONE)
    decided = {
        Place.of(came): Decided(came.labels, ("AB", "CD")),
        Place.of(gone): Decided((), ("AB",)),
    }
    (brief,), _ = briefs(reports, decided)
    efforts = brief.differences("positive_effort")
    assert [found.checked for found in efforts if found.cited.quote == CAME] == [
        "checked by AB, CD"
    ]
    assert GONE not in quotes(brief)
    assert "2 of the " in brief.checks()
    assert "2 (1 as checked)" in list(table(brief))[1]


def test_page_and_word_have_the_same_quotes_with_the_sentence_before(
    reports: list[Report], browser: Browser, axe: Axe, tmp_path: Path
) -> None:
    docx = pytest.importorskip("docx")
    made, _ = briefs(reports)
    output = Output(made[0].run)
    page, word = io.StringIO(), io.BytesIO()
    write_brief_html(made, page, output)
    write_brief_docx(made, word, output)
    words = "\n".join(each.text for each in docx.Document(io.BytesIO(word.getvalue())).paragraphs)
    for quote in quotes(made[0]):
        assert quote in words
        assert quote in page.getvalue()
    assert f"{CAME}] {LEANS}" in words
    file = tmp_path / "brief.html"
    file.write_text(page.getvalue(), "utf-8")
    for width in (390, 1400):
        tab = browser.new_page(bypass_csp=True, viewport={"width": width, "height": 900})
        tab.goto(file.as_uri())
        assert violations_of(axe, tab) == []
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.close()


def test_the_command_writes_a_page_and_refuses_one_year(cli: Cli, tmp_path: Path) -> None:
    samples = [f"data/samples/karvonia-{year}.html" for year in (2023, 2024)]
    out = tmp_path / "brief.html"
    done = cli("brief", *samples, "--model", "fast", "-o", out)
    assert done.returncode == 0, done.stderr
    assert "2023 to 2024" in out.read_text("utf-8")
    refused = cli("brief", samples[0], "--model", "fast", "-o", tmp_path / "one.html")
    assert refused.returncode == 2
    assert b"no two years" in refused.stderr
    assert not (tmp_path / "one.html").exists()
