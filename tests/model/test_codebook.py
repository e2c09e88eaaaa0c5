"""The codebook, one plain sentence for each row of "Borderline cases", and the rules around them.

Pass rates over all cases in data/behaviours are the business of ``tipclassify check``; here they
must not fall below those stored with the model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tolerances import TURNED, most_turned

from tipclassify import Classifier, InputError, classify
from tipclassify.corpus.rows import Row
from tipclassify.evaluation.behaviours import RuleResult, evaluate_reference_outputs, run_cases
from tipclassify.records import Passage

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

ROOT = Path(__file__).resolve().parents[2]
P = "positive_effort"
F = "failure"
C = "complicity"

BORDERLINE = [
    (
        "Valdoria was granted a waiver from downgrade because it has a written plan that, if "
        "carried out, would make significant efforts.",
        {P},
    ),
    ("Law enforcement efforts decreased from 12 prosecutions to one.", {P, F}),
    ("The government prosecuted only one offender.", {P, F}),
    ("Police conducted a limited number of investigations.", {F}),
    ("The ministry completed a new draft law on trafficking, which awaits review.", {P}),
    ("The draft law against trafficking remains pending before parliament.", {F}),
    (
        "Despite its 2004 law prohibiting all forms of trafficking, the government prosecuted no "
        "one.",
        {P, F},
    ),
    ("The law prohibits all forms of forced labor.", {P}),
    ("The government did not effectively enforce the law.", {F}),
    ("Foreign workers may not leave the country without the permission of their employer.", {F}),
    ("Official corruption continued to impede anti-trafficking efforts.", {C}),
    ("Police returned runaway victims to the brothel owners and demanded money for it.", {C}),
    ("Authorities denied that trafficking was a problem in the country.", {F}),
    ("A court quashed the conviction of a trafficking victim.", {P}),
    ("The civil war hampered the government's ability to combat trafficking.", {F}),
    ("An NGO ran the only shelter for victims.", set()),
    ("Business owners were complicit in the trade.", set()),
    ("An NGO held a workshop for teachers on child trafficking.", set()),
    ("The government cut its budget for shelters from $85,000 to $40,000.", {P, F}),
    ("No one was ever punished under the 2008 statute.", {F}),
    (
        "The law prescribes penalties of one to five years' imprisonment, "
        "which were not commensurate with those for rape.",
        {P, F},
    ),
    ("Penalties were rarely applied.", {F}),
    ("The Ministry of Labor is responsible for enforcing the law.", set()),
    ("The government did not receive any complaints of forced labor.", set()),
    ("The ministry kept no record of complaints.", {F}),
    ("The minimum age for employment is 15, and children under 18 may not do hazardous work.", {P}),
    ("Under the proposed bill, victims would receive compensation.", set()),
    ("A court acquitted the three suspected traffickers.", {F}),
    ("The sending government refused to waive the diplomat's immunity.", {F, C}),
    ("The government denied that prisoners were forced to work in its cotton fields.", {F, C}),
    (
        "Doctors sent abroad by their government had to hand over most of their wages and their "
        "passports.",
        {C},
    ),
    ("The government abolished compulsory labor days.", {P}),
    ("The army released 96 children from its ranks.", {P, C}),
    ("Armed rebels forced boys to fight and girls to cook.", set()),
    ("Although the law forbids it, private employers withheld the passports of workers.", {P}),
    ("The president pledged to punish officials who had taken bribes from traffickers.", set()),
    ("The inspectorate hired 12 additional labor inspectors.", {P}),
    ("The government prosecuted nine traffickers, compared with 14 in the previous year.", {P}),
    (
        "Despite a general lack of significant efforts, the authorities took some steps against "
        "trafficking.",
        {P, F},
    ),
    ("Valdoria remained on Tier 2 Watch List.", set()),
    ("Officials threatened journalists who reported on forced labor in state farms.", {C}),
    ("The trial of two police officers for sex trafficking was postponed again.", {F, C}),
    ("Prosecutors charged a mayor with labor trafficking, and his trial was under way.", {P, C}),
]

SUBJECT = [
    ("Officials did not effectively enforce the law.", "b. Forced Labor", {F}),
    ("Officials did not effectively enforce the law.", "e. Wages, Hours and Safety", set()),
    ("Officials did not effectively enforce the law.", None, {F}),
    ("There were too few inspectors.", "c. Child Labor", {F}),
    ("There were too few inspectors.", "e. Wages, Hours and Safety", set()),
    ("Police arrested two reporters for insulting the president.", "Freedom of the Press", set()),
    ("Guards beat inmates, and no one was charged.", "Prison Conditions", set()),
    ("Wardens forced inmates to work on their farms.", "Prison Conditions", {C}),
    ("Border officers screened asylum seekers for trafficking.", "Protection of Refugees", {P}),
    ("A court sentenced a former minister to nine years for fraud.", "Corruption", set()),
    ("A court sentenced an officer for selling passports to traffickers.", "Corruption", {P, C}),
    (
        "The law sets 18 as the age of marriage, but officials did not enforce it.",
        "Children",
        set(),
    ),
    ("The law prohibits the use of children in prostitution.", "Children", {P}),
    ("The ministry opened two shelters for battered women.", "Women", set()),
    ("Ministry of Labor: Enforces child labor law.", "Table 5. Agencies: Role", set()),
    (
        "The coordinating committee did not meet.",
        "Table 8. Bodies That Coordinate Work on Child Labor",
        {F},
    ),
    ("Decree 88 lists 30 tasks that are closed to children.", "Table 4. Child Labor Laws", {P}),
    ("Hire more labor inspectors.", "Table 11. Suggested Actions on Child Labor", set()),
]

TURNS = [
    (
        "Police did not arrest or fine trafficking victims.",
        {P},
        "Police did not stop arresting and fining trafficking victims.",
        {F},
    ),
    (
        "The government convicted nine traffickers.",
        {P},
        "The government did not convict any traffickers.",
        {F},
    ),
    (
        "The ministry opened a shelter for victims.",
        {P},
        "The ministry planned to open a shelter for victims.",
        set(),
    ),
    ("The ministry opened a shelter for victims.", {P}, "Open a shelter for victims.", set()),
    (
        "The government identified more victims.",
        {P},
        "The government identified fewer victims.",
        {F},
    ),
    (
        "Border guards took bribes from traffickers.",
        {C},
        "Recruiters took bribes from traffickers.",
        set(),
    ),
    (
        "Penalties were sufficient to deter violations.",
        {P},
        "Penalties were not sufficient to deter violations.",
        {F},
    ),
    (
        "The government funded two shelters.",
        {P},
        "The government no longer funded two shelters.",
        {F},
    ),
    (
        "The government has adopted an action plan.",
        {P},
        "The government has yet to adopt an action plan.",
        {F},
    ),
    (
        "The government convicted two officials of trafficking.",
        {P, C},
        "The government did not convict any officials of trafficking.",
        {F, C},
    ),
]

# Cases that the shipped model gets wrong: known, counted in the rates of the model card, and to be
# mended by better training. A case that begins to pass makes its test fail, so that it is taken off
# this list.
WRONG: set[str] = set()

Case = tuple[str | set[str] | None, ...]  # texts, a heading, labels


def texts_of(case: Case) -> set[str]:
    """Return the texts of a case, and its heading."""
    return {part for part in case if isinstance(part, str)}


def known(cases: Sequence[Case]) -> list[ParameterSet]:
    """Turn cases into parameters; those in `WRONG` are expected to fail."""
    wrong = pytest.mark.xfail(strict=True, reason="known failure of the shipped model")
    return [pytest.param(*case, marks=wrong if texts_of(case) & WRONG else ()) for case in cases]


def tagged(classifier: Classifier, text: str) -> set[str]:
    """Return the labels of a text of one passage."""
    (passage,) = classify(text, model=classifier)
    return set(passage.labels)


@pytest.mark.parametrize(("text", "labels"), known(BORDERLINE))
def test_a_borderline_case_is_tagged_as_the_codebook_says(
    text: str, labels: set[str], classifier: Classifier
) -> None:
    assert tagged(classifier, text) == labels


@pytest.mark.parametrize(("text", "heading", "labels"), known(SUBJECT))
def test_words_and_heading_decide_what_a_passage_is_about(
    text: str, heading: str | None, labels: set[str], classifier: Classifier
) -> None:
    (passage,) = classifier.tag([Passage(text, 0, len(text), heading)])
    assert set(passage.labels) == labels


@pytest.mark.parametrize(("text", "labels", "turned", "turned_labels"), known(TURNS))
def test_a_few_words_turn_the_label(
    text: str, labels: set[str], turned: str, turned_labels: set[str], classifier: Classifier
) -> None:
    assert tagged(classifier, text) == labels
    assert tagged(classifier, turned) == turned_labels


Results = dict[str, RuleResult]


@pytest.fixture(scope="module", params=["fast", pytest.param("default", marks=pytest.mark.slow)])
def checked(request: pytest.FixtureRequest) -> tuple[Classifier, Results]:
    """Check a shipped model by rule; the encoder takes a minute for ten thousand passages."""
    model = Classifier.load(request.param)
    return model, {result.rule: result for result in run_cases(model)}


@pytest.mark.parametrize(
    "row",
    [{"text": "Police slept."}, {"rule": "a", "text": "Police slept.", "labels": ["no such"]}, [1]],
)
def test_cases_that_are_none_are_refused(row: object, fast: Classifier, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    with pytest.raises(InputError, match="not rows with rule, text and labels"):
        run_cases(fast, tmp_path)


@pytest.mark.parametrize(
    ("file", "row"),
    [
        ("slots", {"text": "{} slept.", "slot": "body"}),
        ("headings", {"text": "Police slept."}),
        ("headings", {"text": "Police slept.", "headings": []}),
        ("appended", {"words": "again"}),
    ],
)
def test_what_cases_vary_by_is_one_line_where_it_is_broken(
    file: str, row: object, fast: Classifier, tmp_path: Path
) -> None:
    case = {"rule": "a", "text": "Police slept.", "labels": []}
    for name, line in (("a", case), (file, row)):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(line) + "\n", "utf-8")
    with pytest.raises(
        InputError, match="not rows with rule, text and labels, or with what cases vary by"
    ):
        run_cases(fast, tmp_path)


def test_a_rule_in_two_files_is_one_rule(fast: Classifier, tmp_path: Path) -> None:
    for name, rules in (("a", ["near", "far"]), ("b", ["near"])):
        rows = [{"rule": rule, "text": "Police slept.", "labels": []} for rule in rules]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(lines, "utf-8")
    cases = {result.rule: result.cases for result in run_cases(fast, tmp_path)}
    assert (cases["near"], cases["far"]) == (2, 1)


def test_no_rule_falls_under_the_rate_stored_with_the_model(
    checked: tuple[Classifier, Results],
) -> None:
    model, results = checked
    assert len(results) >= 70
    for rule, result in results.items():
        assert result.cases >= 25 or rule.startswith("invariance"), rule
    stored = model.meta["behaviours"]
    assert results.keys() == stored.keys()
    turned = {
        rule: cases
        for rule, result in results.items()
        if (cases := round(abs(result.rate - stored[rule]) * result.cases))
    }
    if "base" in model.meta:
        assert sum(turned.values()) <= TURNED * sum(result.cases for result in results.values())
        assert {
            rule: cases
            for rule, cases in turned.items()
            if cases > most_turned(results[rule].cases)
        } == {}
    else:
        assert turned == {}  # `fast` adds integers


def test_names_and_spelling_change_no_tag(checked: tuple[Classifier, Results]) -> None:
    model, results = checked
    assert results["invariance-country"].cases > 6_000
    # Exact on every processor: what a model reads of them is the same, token for token.
    for name in ("country", "city", "spaces"):
        assert results[f"invariance-{name}"].failures == (), name
    of_years = results["invariance-year"]
    assert len(of_years.failures) <= most_turned(of_years.cases) * ("base" in model.meta)
    assert results["invariance-heading"].cases > 300
    assert results["invariance-heading"].rate > (0.9 if "base" in model.meta else 0.8)
    # An encoder reads spellings and quotation marks, which the linear model folds: some tags near a
    # threshold change.
    for name in ("spelling", "quotes"):
        assert results[f"invariance-{name}"].rate > 0.9, name
    assert results["invariance-addition"].rate > 0.85


def test_figures_change_no_tag(checked: tuple[Classifier, Results]) -> None:
    _, results = checked
    assert results["invariance-figure"].rate > 0.9


def test_the_behaviour_cases_are_no_training_sentences(shipped_rows: list[Row]) -> None:
    def key(text: str) -> str:
        return " ".join(re.findall(r"\w+", text.lower()))

    in_training = {key(row["text"]) for row in shipped_rows}
    texts = []
    for file in (ROOT / "data/behaviours").glob("*.jsonl"):
        if file.name not in ("slots.jsonl", "appended.jsonl"):
            lines = file.read_text("utf-8").splitlines()
            texts += [json.loads(line)["text"] for line in lines]
    assert len(texts) > 1_500
    assert [text for text in texts if key(text) in in_training] == []


def test_a_changed_model_fails_its_golden_passages(classifier: Classifier) -> None:
    scores = {"positive_effort": 0.0, "failure": 0.0, "complicity": 0.99}
    line = json.dumps({"text": "Police acted.", "scores": scores})
    (failure,) = evaluate_reference_outputs(classifier, [line])
    assert failure.text == "Police acted."
