"""What kind of text a report looks like by its words.

A warning comes where the model was not measured on that kind.
"""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

from conftest import Cli

from tipclassify import Classifier, Document, Report, row, tag_report
from tipclassify.formatting import json_line
from tipclassify.labels import LABELS
from tipclassify.model.linear import LinearModel
from tipclassify.reports.cite import cite, run_of
from tipclassify.reports.compare.comparison import compare
from tipclassify.reports.counts import summarize
from tipclassify.text.kinds import UNMEASURED, kind_of, kind_warning, load_kinds, words_of
from tipclassify.training.measure import FAMILIES
from tipclassify.write import terminal
from tipclassify.write.changes import write_comparison_html
from tipclassify.write.output import Output

STATEMENT = (
    "Our suppliers sign our code of conduct, and our procurement team audits the supply chain "
    "of our group every year. This statement was approved by the board of directors of the company "
    "for the financial year, and our policies on modern slavery are part of the training "
    "that our employees and managers complete. "
)
RECIPE = (
    "Peel the pears and simmer them with sugar, butter, cinnamon and red wine until soft, "
    "then whisk the eggs and fold in the flour; bake the cake in a hot oven for forty minutes "
    "and let it cool on a rack before you dust it. "
)


def kind(text: str) -> str | None:
    """Name the kind of a text."""
    return kind_of(words_of([text]))


def test_a_text_is_named_by_its_words_and_by_no_name_of_a_country_or_firm() -> None:
    assert kind(STATEMENT * 5) == "companies' statements"
    with_name = STATEMENT.replace("Our suppliers", "Karvonia Tin suppliers")
    assert kind(with_name * 5) == "companies' statements"


def test_a_short_text_is_not_named() -> None:
    assert kind(STATEMENT) is None
    assert kind("") is None


def test_a_text_unlike_all_kinds_is_said_to_be_so() -> None:
    assert kind(RECIPE * 40) == ""


def test_a_known_publication_decides_and_not_the_words() -> None:
    """Names, or lists of them, may make half of the words of a report that is well known."""
    publication = "Findings on the Worst Forms of Child Labor"
    document = replace(Document.from_text(RECIPE * 40), publication=publication)
    named = tag_report(document, model="fast")
    assert (named.reads_like, named.is_measured) == ("Department of Labor reports", True)


def test_only_a_kind_that_the_model_was_not_measured_on_is_doubtful() -> None:
    shipped = Classifier.load("fast").model
    assert isinstance(shipped, LinearModel)
    document = Document.from_text(f"{STATEMENT * 5}\n\nPolice arrested nine traffickers.")

    def tagged(kinds: dict[str, int]) -> Report:
        model = replace(shipped, meta={**shipped.meta, "kinds": kinds})
        return tag_report(document, model=Classifier(model), policy="screen")

    measured = tagged({"companies' statements": 9})
    assert measured.is_measured
    doubtful = tagged({"human-rights reports": 9})
    assert doubtful.reads_like == "companies' statements"
    assert not doubtful.is_measured
    by_row = {row(doubtful, each)["low_confidence"] for each in doubtful.passages if each.labels}
    assert by_row == {True}
    assert any(each.labels for each in measured.passages)
    assert not any(row(measured, each)["low_confidence"] for each in measured.passages)
    assert kind_warning("statutes") == (
        "reads like statutes, on which this model was not measured: "
        "check its tags before you count them"
    )


def test_no_output_has_a_figure_of_a_kind_that_was_not_measured() -> None:
    report = tag_report(
        Document.from_text(f"{RECIPE * 40}\n\nPolice arrested nine traffickers.", "cake.txt"),
        model="fast",
    )
    finding = next(each for each in report.passages if each.labels)
    summary = summarize(report)
    for figures in summary.figures(summary.total)["labels"].values():
        assert (figures["adjusted"], figures["notes"]) == (None, ["unmeasured"])
    table = StringIO()
    terminal.write_summary(summary, table)
    assert table.getvalue().count("not measured  ") == 2 * len(LABELS)
    assert "probability" not in cite(report, finding).plain
    assert UNMEASURED in cite(report, finding).plain
    page = StringIO()
    write_comparison_html(compare(report, report), page, Output(run_of(report)))
    assert page.getvalue().count(UNMEASURED) == 2


def test_a_row_is_tagged_alike_in_any_company_and_its_file_warned_of(
    cli: Cli, tmp_path: Path
) -> None:
    """Rows of a file may be of any kind: none is doubtful for what its neighbours say."""
    tagged_row = {"text": "Police arrested nine traffickers."}
    alone, among = tmp_path / "alone.jsonl", tmp_path / "among.jsonl"
    alone.write_text(json_line(tagged_row), "utf-8")
    among.write_text(
        json_line(tagged_row) + "".join(json_line({"text": RECIPE}) for _ in range(30)), "utf-8"
    )
    first, second = (cli("score", file, "-f", "jsonl") for file in (alone, among))
    rows = [json.loads(done.stdout.splitlines()[0]) for done in (first, second)]
    assert rows[0]["labels"] == ["positive_effort"]
    assert {**rows[0], "file": ""} == {**rows[1], "file": ""}
    assert "reads unlike every kind of text" not in first.stderr.decode()
    assert "reads unlike every kind of text" in second.stderr.decode()


def test_the_kinds_are_those_that_the_cards_measure() -> None:
    assert set(load_kinds().names) == set(FAMILIES.values())


def test_score_warns_of_a_text_unlike_what_was_measured(cli: Cli, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.txt"
    recipe.write_text(RECIPE * 30, "utf-8")
    done = cli("score", recipe, "-f", "jsonl")
    assert done.returncode == 0
    warning = "reads unlike every kind of text on which this model was measured"
    assert warning in done.stderr.decode()
