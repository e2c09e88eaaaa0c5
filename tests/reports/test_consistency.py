"""The same sentence in two places of a report, tagged otherwise: comparisons and ledgers say so."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest

from tipclassify import Classifier
from tipclassify.labels import LABELS
from tipclassify.records import Block, Document, Passage, Report, Run
from tipclassify.reports.compare.changes import tagged_both_ways
from tipclassify.reports.compare.comparison import compare
from tipclassify.reports.compare.ledger import follow
from tipclassify.write import changes, rows, terminal
from tipclassify.write.output import Output

EFFORT, FAILURE, COMPLICITY = LABELS
SENTENCE = "Inspectors visited two quarries & no farms."
OTHER = "Courts heard cases in the harbor at night."
TITLE = "Same sentence, tagged otherwise in one report"


def report_of(
    year: int, *places: tuple[str, str, tuple[str, ...]], run: Run | None = None
) -> Report:
    """Make a report with a paragraph for each section, text and labels."""
    passages = []
    blocks = []
    start = 0
    for section, text, labels in places:
        end = start + len(text)
        scores = dict.fromkeys(LABELS, 0.02) | dict.fromkeys(labels, 0.61)
        passages.append(Passage(text, start, end, section, labels, scores, page=4))
        blocks.append(Block(start, end, section))
        start = end + 1
    whole = "\n".join(text for _, text, _ in places)
    document = Document(whole, tuple(blocks), f"{year}.html", f"Karvonia {year}", "Karvonia", year)
    return Report(f"{year}.html", document, passages, run=run)


BOTH_WAYS = [
    ("assessment", SENTENCE, (EFFORT,)),
    ("prevention", SENTENCE, ()),
    ("protection", OTHER, (FAILURE,)),
]


@pytest.fixture
def context(fast: Classifier) -> Run:
    return fast.run()


def test_a_sentence_that_is_tagged_both_ways_is_listed_with_all_its_places() -> None:
    report = report_of(2023, *BOTH_WAYS)
    (decision,) = tagged_both_ways(report, "2023")
    assert decision.text == SENTENCE
    assert decision.describe() == [
        "Assessment, page 4: positive effort (0.61)",
        "Prevention, page 4: no label",
    ]
    of_rows = Report("rows.jsonl", None, report.passages)  # which are passages of their own
    assert tagged_both_ways(of_rows, "2023") == []


@pytest.mark.parametrize(
    "places",
    [
        [("assessment", SENTENCE, (EFFORT,)), ("prevention", SENTENCE, (EFFORT,))],
        [("assessment", "Police slept.", (EFFORT,)), ("prevention", "Police slept.", ())],
        [("assessment", SENTENCE, (EFFORT,)), ("prevention", OTHER, ())],
        [
            ("assessment", "A farm | with no inspector | Yes", (EFFORT,)),
            ("prevention", "A farm | with no inspector | Yes", ()),
        ],
    ],
    ids=["tagged alike", "a phrase", "other words", "table rows"],
)
def test_what_is_alike_or_no_sentence_is_not_listed(
    places: list[tuple[str, str, tuple[str, ...]]],
) -> None:
    assert tagged_both_ways(report_of(2023, *places), "2023") == []


def test_comparisons_and_ledgers_say_it_in_every_format(context: Run) -> None:
    old = report_of(2023, ("protection", OTHER, (FAILURE,)), run=context)
    new = report_of(2024, *BOTH_WAYS, run=context)
    comparison = compare(old, new)
    ledger = follow([new, replace(new, document=replace(new.document, year=2023))])
    assert [sentence.report for sentence in comparison.both_ways] == ["2024"]
    assert [sentence.report for sentence in ledger.both_ways] == ["2023", "2024"]
    table, page, lines = io.StringIO(), io.StringIO(), io.StringIO()
    terminal.write_comparison(comparison, table)
    changes.write_comparison_html(comparison, page, Output(context))
    rows.write_comparison_jsonl(comparison, lines)
    assert f"{TITLE}: 1\n2024  {SENTENCE}\n      Assessment, page 4: positive" in table.getvalue()
    assert f"{TITLE} <small>1</small>" in page.getvalue()
    assert "<b>2024</b> Prevention, page 4: no label" in page.getvalue()
    assert 'href="#both-ways"' in page.getvalue()
    last = json.loads(lines.getvalue().splitlines()[-1])
    assert (last["kind"], last["report"]) == ("tagged_both_ways", "2024")
    assert [place["labels"] for place in last["places"]] == [[EFFORT], []]
    terminal.write_ledger(ledger, table)
    changes.write_ledger_html(ledger, page, Output(context))
    written = io.StringIO()
    rows.write_ledger_json(ledger, written)
    assert f"{TITLE}: 2\n" in table.getvalue()
    assert f"{TITLE} <small>2</small>" in page.getvalue()
    assert len(json.loads(written.getvalue())["tagged_both_ways"]) == 2
