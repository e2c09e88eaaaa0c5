"""Comparison of two reports: alignment, changes of labels, and the same content in every format.

A change of a label is claimed with caution: near the threshold it is borderline.
"""

from __future__ import annotations

import hashlib
import html
import io
import json
import re
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest
import typer
from accessibility import violations_of
from conftest import Cli
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from tipclassify import LABELS, Classifier
from tipclassify.cli.compare import compare as command
from tipclassify.errors import InputError, UsageError
from tipclassify.evaluation.behaviours import default_cases_path
from tipclassify.readers import read_report
from tipclassify.records import Document, Passage, Report
from tipclassify.reports.compare.changed_words import changed_words
from tipclassify.reports.compare.comparison import Comparison, compare
from tipclassify.reports.compare.matching import (
    MIN_SIMILARITY,
    PassageMatch,
    find_match_candidates,
    match_passages_of_reports,
)
from tipclassify.reports.compare.pairs import KINDS, MARGIN, PassagePair
from tipclassify.reports.compare.terms import extract_compared_terms
from tipclassify.write.compared import write_comparison_html, write_comparison_table

if TYPE_CHECKING:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import Browser, Page

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"
OLD = SAMPLES / "karvonia-2023.html"
NEW = SAMPLES / "karvonia-2024.html"

# Pairs judged by hand, a line each: verdict, section (> that of the later year), a sentence of each
# year. "=": the second succeeds the first. "x": unrelated, though they share words or structure;
# neither has a successor.
CHOSEN_ON: Final = """
= assessment | The Government of Brevonia does not fully meet the minimum standards, \
but it is making significant efforts to do so. | \
The Government of Brevonia does not meet the minimum standards \
and is not making significant efforts to do so.
= assessment | These efforts included opening more cases, training prosecutors, \
and funding a shelter in Karsk. | \
These efforts included adopting a law against forced labor and training prosecutors.
x assessment | Despite the lack of a shelter, the government gave food and beds to victims. | \
Despite the lack of a budget, the national council met in each quarter.
= prosecution | The government investigated 14 cases, compared with nine in 2022. | \
The government investigated 22 cases, compared with 14 in 2023.
= prosecution | Courts convicted seven traffickers and sentenced each \
of them to at least five years in prison. | \
Courts did not convict any traffickers, compared with seven in the previous year.
= prosecution | The government did not prosecute any officials complicit in trafficking crimes. | \
The government prosecuted two officials complicit in trafficking crimes, both of them border guards.
x prosecution | Police trained 40 recruits on how to interview children. | \
Police seized 40 boats that smugglers had used on the river.
= prosecution | Article 212 of the criminal code criminalized all forms of trafficking and \
prescribed penalties of five to 10 years' imprisonment. | \
Article 212 of the criminal code criminalized sex trafficking and labor trafficking and \
prescribed penalties of seven to 15 years' imprisonment.
= prosecution | The anti-trafficking unit of the national police had eight officers \
and no vehicle. | \
The national police enlarged the anti-trafficking unit from eight to 20 officers \
and bought it two vehicles.
x prosecution | Prosecutors appealed the acquittal of a bar owner in the port of Lenz. | \
Prosecutors indicted a bus driver who had taken girls across the border.
= protection | Authorities identified 61 victims, of whom 40 were women. | \
Authorities identified 35 victims, a decrease from 61 in the previous year.
= protection | The government funded two shelters, which assisted 52 victims. | \
The government closed one of its two shelters, and the other assisted 19 victims.
x protection | The ministry of health gave free care to victims in three hospitals. | \
The ministry of justice gave free counsel to victims in three courts.
= protection | There were no reports that the government penalized victims for \
crimes committed as a result of being trafficked. | \
Officials penalized some victims for immigration crimes committed as a result of being trafficked.
x protection | No victims received compensation during the year. | \
No victims lived in the transit center at the border during the winter.
= protection | NGOs reported that officers seldom followed the referral mechanism outside the \
capital. | \
NGOs reported that officers in the provinces now followed the referral mechanism in most cases.
= prevention | The interagency committee met four times and published its yearly report. | \
The interagency committee did not meet, and it did not publish its yearly report.
= prevention | The labor inspectorate had 30 inspectors and made 1,200 visits to farms \
and building sites. | \
With 45 inspectors, the labor inspectorate visited 2,050 farms and building sites.
x prevention | The government continued to run a hotline for victims of domestic violence. | \
The government continued to run a website on the dangers of migration.
= prevention | The government did not make efforts to reduce the demand for commercial sex acts. | \
The government made efforts to reduce the demand for commercial sex acts through billboards.
= assessment | Officials in the military reportedly took payments from mine owners \
who used forced labor. | \
There were no new reports of officials in the military taking payments from mine owners.
= prosecution | In January, the court of Osmir sentenced a former mayor to nine years for \
selling girls to hotels. | \
The former mayor of Osmir, sentenced last year for selling girls to hotels, \
was released on appeal in May.
x prosecution | In January, the court of Osmir began the trial of six recruiters. | \
In March, the court of Palas ended the trial of a brothel owner.
= prosecution | Judges often reduced charges of trafficking to lesser crimes with lighter \
sentences. | \
Prosecutors continued to reduce trafficking charges to lesser crimes, \
which carried lighter sentences.
= prosecution | The government cooperated with authorities \
in three countries on joint investigations. | \
Cooperation with foreign authorities on joint investigations ended in June.
= prosecution | Police lacked fuel, telephones, and computers with which to pursue cases \
in remote districts. | \
Police in remote districts still lacked fuel and computers.
x prosecution | The police academy taught a course on trafficking to 200 cadets. | \
The diplomatic academy taught a course on etiquette to 20 attaches.
x prosecution | Law enforcement officials detained 12 suspects at the airport. | \
Law enforcement officials inspected 12 factories at the request of unions.
= protection | The government reported spending 4 million crowns on services for \
victims, compared with 3 million the year before. | \
The government did not report how much it spent on services for victims, \
compared with 4 million crowns the year before.
= protection | Foreign victims could stay in the country for six months, \
and 11 received permits. | \
Foreign victims could stay in the country for one year, but none received permits.
= protection | Social workers screened all women arrested for prostitution. | \
Social workers no longer screened women arrested for prostitution, for want of staff.
= protection | A church ran the only shelter for boys without any help from the state. | \
The state began to pay half the costs of the only shelter for boys, which a church ran.
x protection | Victims could leave the shelter only with the consent of the director. | \
Victims could testify by video only with the consent of the judge.
= protection | Prosecutors did not seek restitution for victims in any case. | \
Prosecutors sought restitution for victims in four cases, and courts awarded it in one.
= prevention | The cabinet adopted a national action plan for 2022 to 2025 and gave it a budget. | \
The cabinet had yet to give the national action plan a budget for its second year.
= prevention | The government held 30 awareness events in schools, with funds from donors. | \
The government held 12 awareness events in markets and schools.
= prevention | Labor brokers could lawfully charge workers fees that led to debt bondage. | \
A new law forbade labor brokers to charge workers fees.
x prevention | The government provided diplomats with training before they left for their posts. | \
The government provided farmers with seeds before they left for their fields.
= prevention | The hotline of the ministry of family took 90 calls \
and led police to six victims. | \
The ministry of family shut its hotline, which had taken 90 calls in the previous year.
x prevention | The tourism board posted warnings about sex tourism in hotels. | \
The elections board posted lists of voters in town halls.
= assessment | As reported over the past five years, \
traffickers exploit Sellandian men on fishing boats. | \
As reported over the past five years, human traffickers exploit Sellandian men \
and boys on fishing boats and in salt works.
= prosecution | The 2015 law did not define the trafficking of children without means of force, \
fraud, or coercion. | \
Parliament amended the 2015 law so that the trafficking of children no longer requires force, \
fraud, or coercion.
= prosecution | Police initiated 102 investigations (88 for sex trafficking \
and 14 for labor trafficking). | \
Police initiated 73 investigations (51 for sex trafficking and 22 for labor trafficking), \
a sharp decline.
x prosecution | Investigators rarely looked into the use of forced labor on tea estates. | \
Investigators rarely spoke the languages of foreign sailors.
= prosecution | An inquiry into a consul who was accused \
of selling visas was pending at the end of the year. | \
A court acquitted the consul who was accused of selling visas.
= prosecution | Observers said that corruption among customs officers hindered the fight against \
trafficking. | \
Corruption among customs officers continued to hinder the fight against trafficking, observers said.
x prosecution | Corruption among teachers was common. | Literacy among prisoners was low.
= protection | The government did not have formal procedures to identify victims among migrants. | \
The government drafted formal procedures to identify victims among migrants but did not apply them.
= protection | Authorities jailed 17 children for begging \
and did not screen them for trafficking. | \
Authorities did not jail any children for begging and referred 44 to social services.
x protection | Authorities jailed 17 protesters outside parliament. | \
Authorities gave 17 victims a place to stay.
= protection | Men who were victims had access to counseling only. | \
Men who were victims could stay at a hostel in Tarn and had access to counseling.
= protection | The victim fund stayed empty for a third year. | \
The government paid 2 million florins into the victim fund.
x protection | The shelter in Tarn had beds for 20 women. | \
The prison in Vost had cells for 20 women.
= prevention | The government monitored recruitment agencies and withdrew the licenses of five. | \
Recruitment agencies were not monitored, and no licenses were withdrawn.
= prevention | Officials removed 300 children from work in brick kilns. | \
Officials made no inspections of brick kilns, where 300 children had been found the year before.
x prevention | The trade union published a guide for domestic workers. | \
The weather service published a guide for fishermen.
= prevention | The government ratified the ILO protocol on forced labor in June. | \
The government had not ratified the ILO protocol on forced labor by the end of the year.
x prevention | The government did not report on its efforts to prevent sex tourism. | \
The government did not report on its purchase of patrol boats.
= protection > prevention | Medical staff at the border screened migrants for signs of abuse. | \
Medical staff at the border did not screen migrants for signs of abuse.
x prevention | Textile mills relied on state-imposed labor of prisoners. | \
Salt mills closed for repairs of the dam.
"""

# Written at the same time, and kept aside when the threshold was chosen.
KEPT_ASIDE: Final = """
= assessment | The Government of Murenia increased its overall efforts, \
and so the country was upgraded. | \
The Government of Murenia did not increase its overall efforts, and so the country was downgraded.
= assessment | However, the government did not convict any traffickers, \
and shelters remained full. | \
However, the government convicted fewer traffickers, and shelters still turned victims away.
= prosecution | Murenia's 2008 statute punished trafficking with two to eight years and a fine. | \
Murenia's 2008 statute punished trafficking with four to 12 years and a fine of up to 5,000 lira.
= prosecution | Prosecutors charged 31 defendants and courts convicted 12, \
all of them under the trafficking statute. | \
Prosecutors charged 18 defendants under the trafficking statute, and courts acquitted most of them.
= prosecution | The government suspended a prison director suspected of hiring out inmates, \
but opened no case. | \
The prison director suspended last year for hiring out inmates returned to his post.
= prosecution | Officers of the coast guard received training on indicators \
of forced labor at sea. | \
Officers of the coast guard received no training during the year.
x prosecution | Officers of the tax office received bonuses. | \
Officers of the coast guard caught smugglers off Cape Orr.
x prosecution | Courts heard cases more quickly after a reform of procedure. | \
Courts heard witnesses behind a screen at the request of victims.
= prosecution | Trials lasted up to six years, and many witnesses gave up. | \
Trials were shorter than before, and fewer witnesses gave up.
x prosecution | The government extradited one suspect to a neighboring country. | \
The government compensated one farmer for a flooded field.
= protection | The state identified 120 victims of trafficking and referred 98 of them to care. | \
The state identified 77 victims of trafficking but did not say how many it referred to care.
= protection | NGOs provided most of the care, with grants of 600,000 lira from the government. | \
The government cut its grants to NGOs, which provided nearly all care, to 150,000 lira.
= protection | The law allowed victims to work while they awaited trial, and 14 did so. | \
While they awaited trial, victims were not allowed to work despite a law that permits it.
x protection | The law allowed parties to campaign while they awaited registration. | \
The law obliged doctors to report wounds from firearms.
= protection | A shelter for male victims opened in the city of Dol with 15 beds. | \
The shelter for male victims in Dol, opened last year, doubled its beds to 30.
x protection | A school for the blind opened in the city of Dol. | \
A bridge over the Sava linked the two halves of the city.
= protection | Police deported 45 Anzari women without interviews. | \
Police interviewed Anzari women through interpreters before they deported any.
= prevention | The anti-trafficking commissioner issued three reports and advised the cabinet. | \
The post of anti-trafficking commissioner stayed vacant, and no reports were issued.
= prevention | The ministry of labor fined 40 employers for withholding passports. | \
The ministry of labor did not fine employers who withheld passports.
x prevention | The ministry of labor moved to a new building. | \
The ministry of culture fined 40 cinemas.
= prevention | Posters in four languages told migrants of their rights. | \
Radio spots and posters in four languages told migrants of their rights.
x prevention | Buses in the capital carried posters against litter. | \
Ships under the flag of Murenia carried ore to the north.
= prevention | The government did not regulate fishing crews, who worked without contracts. | \
A decree of March obliges boat owners to give fishing crews contracts.
x prevention | The government banned the import of goods made with forced labor. | \
The government banned the sale of spirits near schools.
= assessment | Traffickers lure girls from the hill villages with offers of work as maids. | \
Traffickers lure girls from hill villages and refugee camps with offers of work abroad.
= protection | Victims who testified received no protection from threats. | \
Two victims who testified received police protection.
x protection | Victims of the flood received tents from the army. | \
Victims spoke at a conference of the bar.
= prosecution | The government, with a foreign partner, \
taught judges about victim-centered trials. | \
The government stopped its courses for judges on victim-centered trials.
x prosecution | Judges wore robes of red cloth. | The government taught judges accounting.
= prevention | The hotline answered in two languages and closed at night. | \
The hotline now answers in five languages around the clock.
x prevention | The museum closed at night. | The harbor opened to ferries.
= prosecution | Two police officers accused of raping a victim in custody were not arrested. | \
A court sentenced the two police officers who had raped a victim in custody.
x prosecution | Two police horses were sold. | Two soldiers were hurt in a fall.
= protection | The government repatriated 25 Murenian victims from the Gulf. | \
The government paid for the return of 40 Murenian victims from the Gulf.
x protection | The government repatriated works of art. | \
The government paid for the wells of 40 villages.
"""

# Successors in the two sample narratives, by their openings; "?" before those that one may judge
# either way.
SUCCESSORS: Final = """
Karvonia does
? Over the year → Its main advances
? These efforts → Against these
? Official complicity → Migration officers
This page covers
Investigate and
Screen foreign
Open a shelter
? Ban the charging → Write and publish
The government modestly → Law enforcement
Article 141 of
The article nonetheless → Parliament amended
Police opened
Courts convicted
Table 1. Karvonia
Figure | 2021
Investigations
Suspects charged
Traffickers convicted
Victims identified
Shelter budget
The judicial
Karvonian police → Cooperation with
Prosecutors charged → In May the Port
The deputy mayor
? Police did not → Police in
? The government increased → Protection efforts
Authorities identified
Of these, 36 → Of these, 31
No state shelter
The ministry of social
? A church charity → Two aid groups
Border guards
The law gave → The migration
No victim obtained
The government maintained → The government
The national
? The 2022–2025 → Under the 2022
to keep a single → a single national
The ministry of labor
A hotline run
Recruitment agencies → Parliament banned
The foreign ministry
Traffickers exploit
Men from poorer
Relatives force
Some prison governors
"""

app = typer.Typer()
app.command()(command)


def align(
    old: Sequence[Passage], new: Sequence[Passage], vocabulary: frozenset[str]
) -> list[PassageMatch]:
    """Match the passages of two reports."""
    terms = extract_compared_terms([passage.text for passage in (*old, *new)], vocabulary)
    return match_passages_of_reports(old, new, terms, find_match_candidates(old, new, terms))


def run(*args: object, stdin: str = "", model: str = "fast") -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(
        app, ["--model", model, *map(str, args)], input=stdin, catch_exceptions=False
    )


@pytest.fixture(scope="module")
def vocabulary(classifier: Classifier) -> frozenset[str]:
    return classifier.vocabulary


@pytest.fixture(scope="module")
def karvonia(classifier: Classifier) -> Comparison:
    """The comparison of the two sample narratives."""
    old = tagged(classifier, read_report(OLD))
    new = tagged(classifier, read_report(NEW))
    return compare(old, new, classifier.run())


def tagged(classifier: Classifier, document: Document) -> Report:
    """Tag the passages of a document."""
    return Report(document.source, document, classifier.tag(document))


def passages(*texts: str, section: str | None = None) -> list[Passage]:
    """Make passages without offsets of a document."""
    return [Passage(text, 0, len(text), section) for text in texts]


def report(
    *texts: str,
    classifier: Classifier,
    source: str = "a.txt",
    title: str | None = None,
    country: str | None = None,
) -> Report:
    """Make a report of these sentences, with their true offsets."""
    cut = []
    start = 0
    for text in texts:
        cut.append(Passage(text, start, start + len(text)))
        start += len(text) + 1
    document = Document(" ".join(texts), (), source=source, title=title, country=country)
    return Report(document.source, document, classifier.tag(cut))


def changed(classifier: Classifier, old: str, new: str) -> list[tuple[str, bool]]:
    """List the labels that a rewording of one sentence changes, and whether each came."""
    comparison = compare(
        report(old, classifier=classifier),
        report(new, classifier=classifier),
        classifier.run(),
    )
    assert [pair.alignment for pair in comparison.pairs] == ["reworded"]
    return [(change.label, change.came) for change in comparison.pairs[0].changes]


# ---------------------------------------------------------------------------------------- alignment


def judged(lines: str) -> tuple[list[Passage], list[Passage], set[tuple[int, int]]]:
    """Join judged pairs to a report of each year.

    Returns the passages of both years, and the index pairs of successors.
    """
    old: list[Passage] = []
    new: list[Passage] = []
    successors: set[tuple[int, int]] = set()
    for number, line in enumerate(lines.strip().splitlines()):
        verdict, before, after = line.split(" | ")
        sections = verdict[2:].split(" > ")
        old += passages(before, section=sections[0])
        new += passages(after, section=sections[-1])
        if verdict.startswith("="):
            successors.add((number, number))
    return old, new, successors


def score(lines: str, vocabulary: frozenset[str]) -> tuple[int, int]:
    """Count the successors found and the wrong matches."""
    old, new, successors = judged(lines)
    matches = {(match.old, match.new) for match in align(old, new, vocabulary)}
    return len(matches & successors), len(matches - successors)


def test_of_the_judged_pairs_nearly_all_successors_are_found(vocabulary: frozenset[str]) -> None:
    assert (len(judged(CHOSEN_ON)[0]), len(judged(CHOSEN_ON)[2])) == (60, 41)
    right, wrong = score(CHOSEN_ON, vocabulary)
    assert right >= 39  # 40 when this was written
    assert wrong <= 5  # of 19 made to be mistaken; 4 when this was written


def test_of_the_pairs_kept_aside_nearly_all_successors_are_found_too(
    vocabulary: frozenset[str],
) -> None:
    assert (len(judged(KEPT_ASIDE)[0]), len(judged(KEPT_ASIDE)[2])) == (35, 22)
    right, wrong = score(KEPT_ASIDE, vocabulary)
    assert right >= 21  # all when this was written
    assert wrong <= 1  # none when this was written


def test_in_the_sample_narratives_successors_are_found_and_nothing_else(
    karvonia: Comparison,
) -> None:
    lines = SUCCESSORS.strip().splitlines()
    likely = [line.removeprefix("? ").split(" → ") for line in lines]
    sure = [line.split(" → ") for line in lines if not line.startswith("? ")]
    successors = [
        (pair.old.passage.text, pair.new.passage.text)
        for pair in karvonia.pairs
        if pair.old and pair.new
    ]
    for pair in karvonia.pairs:  # a gone passage and one that stands in its place, in other words
        if pair.alignment == "gone" and pair.instead and pair.old and pair.nearest:
            successors.append((pair.old.passage.text, pair.nearest.passage.text))

    def known(old: str, new: str, openings: list[list[str]]) -> bool:
        return any(old.startswith(pair[0]) and new.startswith(pair[-1]) for pair in openings)

    assert [pair for pair in successors if not known(*pair, likely)] == []
    assert sum(known(*pair, sure) for pair in successors) >= len(sure) - 2


def test_passages_equal_but_for_spaces_quotes_and_case_are_the_same(
    vocabulary: frozenset[str],
) -> None:
    old = passages("“No one” was  charged.")
    new = passages('"no ONE" was\u00a0charged.')
    assert align(old, new, vocabulary) == [PassageMatch(0, 0, 1.0, True)]


def test_a_turn_from_did_to_did_not_is_a_rewording(vocabulary: frozenset[str]) -> None:
    old = passages("The government convicted nine traffickers.")
    new = passages("The government did not convict traffickers.")
    (match,) = align(old, new, vocabulary)
    assert not match.equal


def test_figures_and_function_words_join_nothing(vocabulary: frozenset[str]) -> None:
    old = passages("There were 14 of them in 2022.")
    new = passages("There were also 14 of those in 2022.")
    assert align(old, new, vocabulary) == []


def test_two_words_in_common_are_a_subject_and_no_passage(vocabulary: frozenset[str]) -> None:
    old = passages("Domestic violence rose.", "Victims identified | 49 | 58")
    new = passages(
        "The law covers domestic violence in its third chapter.",
        "Victims identified | 49 | 58 | 73",
    )
    assert [(match.old, match.new) for match in align(old, new, vocabulary)] == [(1, 1)]


CONVICTED: Final = "Courts convicted nine traffickers in May."
# Similar to the sentence above by 0.37.
FAR: Final = "Judges convicted traffickers of lesser crimes, and higher courts released several."


def test_the_same_section_goes_first_and_another_needs_more(vocabulary: frozenset[str]) -> None:
    near = "Courts convicted seven traffickers in open court."
    old = passages(CONVICTED, section="prosecution")
    old += passages("Fees are banned.", section="prevention")
    elsewhere = passages(near, section="prevention")
    here = passages(near, section="a. Prosecution")
    assert [(m.old, m.new) for m in align(old, elsewhere + here, vocabulary)] == [(0, 1)]
    assert align(old, passages(FAR, section="prosecution"), vocabulary)
    assert not align(old, passages(FAR, section="prevention"), vocabulary)


def test_a_renamed_heading_is_no_other_section(vocabulary: frozenset[str]) -> None:
    old = passages(CONVICTED, section="Law Enforcement")
    assert align(old, passages(FAR, section="Courts and Police"), vocabulary)


def test_repeated_passages_are_joined_in_their_order(vocabulary: frozenset[str]) -> None:
    old = passages("None.", section="a") + passages("None.", "None.", section="b")
    new = (
        passages("None.", section="b")
        + passages("None.", section="a")
        + passages("None.", section="b")
    )
    assert [(m.old, m.new) for m in align(old, new, vocabulary)] == [(0, 1), (1, 0), (2, 2)]


def test_names_join_what_little_else_does(vocabulary: frozenset[str]) -> None:
    old = passages("The deputy mayor, Anđel Rukas, kept his post.", "The sea is cold.")
    new = passages("The roads are bad.", "Prosecutors indicted Anđel Rukas, the deputy mayor.")
    assert [(m.old, m.new) for m in align(old, new, vocabulary)] == [(0, 1)]


def test_nothing_joins_nothing(vocabulary: frozenset[str]) -> None:
    assert align([], [], vocabulary) == []
    assert align(passages("A b c."), [], vocabulary) == []
    assert align([], passages("", "?!"), vocabulary) == []
    assert align(passages("?!"), passages("…"), vocabulary) == []


SENTENCES: Final = [
    text for line in CHOSEN_ON.strip().splitlines()[:40] for text in line.split(" | ")[1:]
]
ODD_TEXTS: Final = [
    "",
    "None.",
    "No.\u00a0",
    "“None.”",
    "12 | 14",
    "Ärzte İ ß \ud800",
    "\0 \x1b[1m",
]
SECTIONS: Final = ["prosecution", "a. Prosecution", "protection", None]
ANY_PASSAGE = st.builds(
    lambda text, section: Passage(text, 0, len(text), section),
    st.sampled_from([*SENTENCES, *ODD_TEXTS]),
    st.sampled_from(SECTIONS),
)
ANY_REPORT = st.lists(ANY_PASSAGE, max_size=25)


@settings(max_examples=30)
@given(ANY_REPORT, ANY_REPORT)
def test_alignment_is_one_to_one_and_the_same_from_both_sides(
    vocabulary: frozenset[str], old: list[Passage], new: list[Passage]
) -> None:
    matches = align(old, new, vocabulary)
    assert len({match.old for match in matches}) == len(matches)
    assert len({match.new for match in matches}) == len(matches)
    assert all(0 <= match.old < len(old) and 0 <= match.new < len(new) for match in matches)
    assert all(MIN_SIMILARITY <= match.similarity <= 1 for match in matches)
    swapped = [PassageMatch(m.new, m.old, m.similarity, m.equal, m.alike) for m in matches]
    assert sorted(swapped) == align(new, old, vocabulary)


@settings(max_examples=20)
@given(ANY_REPORT)
def test_a_report_against_itself_is_all_the_same(
    vocabulary: frozenset[str], either: list[Passage]
) -> None:
    matches = align(either, either, vocabulary)
    assert matches == [PassageMatch(number, number, 1.0, True) for number in range(len(either))]


def test_large_reports_are_aligned_in_bounded_time(vocabulary: frozenset[str]) -> None:
    texts = [
        f"{text} District {number} had {number % 7} more."
        for number, text in enumerate(SENTENCES * 13)
    ]
    old = passages(*texts)
    new = passages(*(text.replace("more", "fewer") for text in reversed(texts)))
    begun = time.process_time()
    matches = align(old, new, vocabulary)
    assert time.process_time() - begun < 4  # a third of a second on an idle core
    assert len(old) > 1_000
    assert len(matches) > len(old) * 0.9


# ------------------------------------------------------------------------------------ label changes


def test_a_turn_takes_one_label_and_gives_another(classifier: Classifier) -> None:
    old = "Courts convicted nine traffickers."
    new = "Courts did not convict any traffickers."
    assert changed(classifier, old, new) == [("failure", True), ("positive_effort", False)]
    assert changed(classifier, new, old) == [("failure", False), ("positive_effort", True)]


def test_a_change_of_figures_changes_no_label(classifier: Classifier) -> None:
    old = "Police arrested nine traffickers."
    new = "Police arrested 12 traffickers."
    assert changed(classifier, old, new) == []


def scored(classifier: Classifier, text: str, **scores: float) -> Passage:
    """Make a passage with these probabilities, and the labels that they give."""
    thresholds = dict(zip(LABELS, classifier.thresholds().tolist(), strict=True))
    all_scores = {label: scores.get(label, 0.001) for label in LABELS}
    given_labels = tuple(label for label in LABELS if all_scores[label] >= thresholds[label])
    return Passage(text, 0, len(text), None, given_labels, all_scores)


def compared(classifier: Classifier, old: Sequence[Passage], new: Sequence[Passage]) -> Comparison:
    """Compare passages that were tagged already."""
    return compare(Report("a", None, old), Report("b", None, new), classifier.run())


def at_log_odds(classifier: Classifier, label: str, away: float) -> float:
    """Return the probability whose log-odds are so far above those of the label's threshold."""
    threshold = classifier.thresholds()[LABELS.index(label)]
    return float(1 / (1 + (1 - threshold) / threshold * np.exp(-away)))


BAN: Final = "The cabinet kept its ban on recruiting workers for the oil fields of Zembla."
POLICY: Final = (
    "The policy left migrants without legal routes, which made them easier prey for traffickers."
)
BAN_AND_POLICY: Final = f"{BAN[:-1]}; {POLICY[0].lower()}{POLICY[1:]}"


@pytest.mark.parametrize("is_split", [True, False], ids=["split", "joined"])
@pytest.mark.parametrize(
    ("of_ban", "of_policy", "changed_labels"),
    [
        ({"positive_effort": 0.99}, {"failure": 0.99}, []),
        ({"failure": 0.99}, {"positive_effort": 0.99}, []),
        ({"positive_effort": 0.99}, {"failure": 0.02}, [(POLICY, "failure")]),
        ({"positive_effort": 0.99, "failure": 0.02}, {}, [(BAN, "failure")]),
        (
            {"positive_effort": 0.99, "complicity": 0.99},
            {"failure": 0.99, "complicity": 0.99},
            [(BAN, "complicity"), (POLICY, "complicity")],
        ),
    ],
)
def test_the_labels_of_a_sentence_split_or_joined_are_compared_with_those_of_all_its_parts(
    classifier: Classifier,
    is_split: bool,
    of_ban: dict[str, float],
    of_policy: dict[str, float],
    changed_labels: list[tuple[str, str]],
) -> None:
    whole = [scored(classifier, BAN_AND_POLICY, positive_effort=0.99, failure=0.99)]
    parts = [scored(classifier, BAN, **of_ban), scored(classifier, POLICY, **of_policy)]
    old, new = (whole, parts) if is_split else (parts, whole)
    changes = []
    for pair in compared(classifier, old, new).pairs:
        assert pair.alignment == "reworded"
        part = pair.new if is_split else pair.old
        assert part is not None
        changes += [(part.passage.text, change.label) for change in pair.changes]
    assert sorted(changes) == changed_labels


def test_a_sentence_said_twice_is_compared_as_a_whole_each_time(classifier: Classifier) -> None:
    old = scored(classifier, BAN_AND_POLICY, positive_effort=0.99, failure=0.99)
    again = scored(classifier, BAN_AND_POLICY.replace("kept", "kept up"), failure=0.99)
    pairs = compared(classifier, [old], [old, again]).pairs
    assert [[change.label for change in pair.changes] for pair in pairs if pair.new] == [
        ["positive_effort"],
        [],
    ]


@pytest.mark.parametrize(
    ("before", "after", "borderline"),
    [(-0.9, 0.9, True), (-1.1, 0.9, False), (-0.9, 1.1, False), (-3, 3, False)],
)
def test_a_change_is_borderline_where_both_sides_are_near_the_threshold(
    classifier: Classifier, before: float, after: float, borderline: bool
) -> None:
    assert MARGIN == 1.0
    score_before = at_log_odds(classifier, "failure", before)
    score_after = at_log_odds(classifier, "failure", after)
    old = scored(classifier, "Courts convicted nine traffickers.", failure=score_before)
    new = scored(classifier, "Courts convicted seven traffickers.", failure=score_after)
    comparison = compared(classifier, [old], [new])
    (pair,) = comparison.pairs
    (change,) = pair.changes
    assert (change.came, change.borderline) == (True, borderline)
    assert (change.old, change.new) == (score_before, score_after)


def test_a_passage_alone_is_borderline_by_its_own_probability(classifier: Classifier) -> None:
    near = at_log_odds(classifier, "failure", 0.5)
    far = at_log_odds(classifier, "failure", 2)
    old = [
        scored(classifier, "The sea is cold.", failure=near),
        scored(classifier, "Roads are bad.", failure=far),
    ]
    comparison = compared(classifier, old, [])
    assert [
        (pair.alignment, pair.changes[0].borderline, pair.changes[0].new)
        for pair in comparison.pairs
    ] == [
        ("gone", False, None),
        ("gone", True, None),  # clear changes first
    ]


def test_what_differs_in_case_only_changes_labels_at_the_border_only(
    classifier: Classifier,
) -> None:
    old = scored(classifier, "The Sea is cold.", failure=0.01)
    new = scored(classifier, "The sea is cold.", failure=0.99)
    comparison = compared(classifier, [old], [new])
    assert [(p.alignment, p.kind, p.changes[0].borderline) for p in comparison.pairs] == [
        ("repeated", "moved_retagged", True)
    ]


@pytest.mark.parametrize(
    ("model", "most"),
    [("fast", 0.004), pytest.param("default", 0.02, marks=pytest.mark.slow)],  # 6,150 passages
)
def test_few_labels_are_turned_by_empty_clauses_and_not_borderline(model: str, most: float) -> None:
    classifier = Classifier.load(model)
    folder = default_cases_path()
    rows = [
        json.loads(line)
        for file in sorted(folder.glob("[c-f]*.jsonl"))
        for line in file.read_text("utf-8").splitlines()
    ]
    texts = [row["text"] for row in rows if row["text"].endswith(".")]
    clauses = [
        json.loads(line)["clause"]
        for line in (folder / "appended.jsonl").read_text("utf-8").splitlines()
    ]
    # Log-odds above those of the thresholds, without and with an empty clause at the end.
    border = np.log(classifier.thresholds() / (1 - classifier.thresholds()))
    before = np.repeat(classifier.logits(texts) - border, len(clauses), axis=0)
    longer = [text[:-1] + clause + "." for text in texts for clause in clauses]
    after = classifier.logits(longer) - border
    turned = (before >= 0) != (after >= 0)
    is_borderline = np.maximum(np.abs(before), np.abs(after)) <= MARGIN
    assert turned.sum() > 20
    # of all labels: changes that wording alone made and that count as clear
    assert (turned & ~is_borderline).mean() < most


def test_kinds_are_listed_by_how_pressing_they_are(karvonia: Comparison) -> None:
    kinds = [pair.kind for pair in karvonia.pairs]
    order = list(KINDS)
    ranks = [order.index(kind) for kind in kinds]
    assert ranks == sorted(ranks)
    assert order[:4] == ["new_failure", "effort_gone", "new_complicity", "complicity_gone"]
    with_labels = {"new_failure", "effort_gone", "new_effort", "retagged"}
    without_labels = {"reworded", "new", "gone", "repeated"}
    assert with_labels | without_labels <= set(kinds)


def test_each_passage_is_listed_once(karvonia: Comparison) -> None:
    listed_old = Counter(pair.old.passage.start for pair in karvonia.pairs if pair.old)
    listed_new = Counter(pair.new.passage.start for pair in karvonia.pairs if pair.new)
    assert listed_old == Counter(passage.start for passage in karvonia.old.passages)
    assert listed_new == Counter(passage.start for passage in karvonia.new.passages)


def test_a_pair_of_several_changes_counts_elsewhere_too(karvonia: Comparison) -> None:
    groups = {group.kind: group for group in karvonia.groups()}
    for kind, group in groups.items():
        alone = [pair for pair in karvonia.pairs if len(pair.sides) == 1]
        all_of = [pair for pair in alone if kind in {change.kind for change in pair.changes}]
        if all_of:
            assert len(group.pairs) + group.elsewhere == len(all_of)
    assert "repeated" not in groups
    assert karvonia.groups(repeated=True)[-1].kind == "repeated"


def test_a_report_against_itself_has_no_changes(classifier: Classifier) -> None:
    narrative = tagged(classifier, read_report(NEW))
    comparison = compare(narrative, narrative, classifier.run())
    assert {pair.alignment for pair in comparison.pairs} == {"repeated"}
    assert comparison.groups() == []
    page = page_of(comparison, classifier, repeated=False)
    assert "Nothing: the passages of both reports are the same." in page


def test_to_swap_the_reports_swaps_what_is_new_and_gone(
    karvonia: Comparison, classifier: Classifier
) -> None:
    back = compare(karvonia.new, karvonia.old, classifier.run())

    def changes_of(pair: PassagePair, swapped: bool = False) -> set[tuple[str, bool, bool]]:
        return {
            (change.label, change.came != swapped, change.borderline) for change in pair.changes
        }

    changes = {(str(pair.old), str(pair.new)): changes_of(pair) for pair in karvonia.pairs}
    changes_back = {
        (str(pair.new), str(pair.old)): changes_of(pair, swapped=True) for pair in back.pairs
    }
    assert changes_back == changes
    assert back.counts()["new"] == karvonia.counts()["gone"]
    assert back.counts()["gone"] == karvonia.counts()["new"]


def test_the_nearest_passage_is_named_for_one_that_is_alone(karvonia: Comparison) -> None:
    opening = "Karvonian police worked with"
    (pair,) = (p for p in karvonia.pairs if p.old and p.old.passage.text.startswith(opening))
    assert pair.kind == "effort_gone"
    assert pair.nearest is not None
    assert "neighboring states" in pair.nearest.passage.text
    assert pair.nearness is not None
    assert 0.2 <= pair.nearness < 1


# -------------------------------------------------------------------------------------------- words


@settings(max_examples=50)
@given(
    st.sampled_from(SENTENCES) | st.text(max_size=60),
    st.sampled_from(SENTENCES) | st.text(max_size=60),
)
def test_the_pieces_are_the_text(old: str, new: str) -> None:
    segments = changed_words(old, new)
    assert "".join(segment.text for segment in segments.old) == old
    assert "".join(segment.text for segment in segments.new) == new


@settings(max_examples=30)
@given(st.sampled_from(SENTENCES), st.sampled_from(SENTENCES))
def test_what_is_unchanged_is_in_both_texts(old: str, new: str) -> None:
    segments = changed_words(old, new)
    left, right = (
        "".join("".join(piece.text for piece in side if not piece.changed).casefold().split())
        for side in (segments.old, segments.new)
    )
    assert left == right


def test_figures_alone_are_marked() -> None:
    segments = changed_words(
        "They spent ($1.8 million) on 34 beds.", "They spent ($2.1 million) on 34 beds."
    )
    both = (*segments.old, *segments.new)
    assert [segment.text.strip() for segment in both if segment.changed] == ["($1.8", "($2.1"]


def test_small_words_between_changes_are_changed_too() -> None:
    segments = changed_words("Police of the north acted.", "Guards of the south slept.")
    assert [segment.changed for segment in segments.old] == [True, False]


def test_texts_of_thousands_of_words_are_not_compared_word_by_word() -> None:
    long = "a b " * 2_000
    assert changed_words(long, long + "c").old == [(long, True)]
    assert changed_words(long, long).old == [(long, False)]


# -------------------------------------------------------------------------------------- the command


def test_the_table_lists_changes_first_and_marks_words() -> None:
    done = run(OLD, NEW, model="default")
    assert done.exit_code == 0
    assert done.stderr == ""
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    assert lines[0].endswith("Karvonia: 2023 set against 2024")
    assert lines[1] == f"2023  {OLD}  (Karvonia 2023)"
    titles = [line.split(":")[0] for line in lines if re.match(r"[A-Z][^:]+: \d+", line)]
    assert titles[:3] == [
        "Failures newly reported",
        "Efforts no longer reported",
        "Complicity newly reported",
    ]
    assert "Repeated word for word" not in titles
    gone_words = (
        "2023  The foreign ministry [-briefed its-] diplomats "
        "on the treatment of household staff [-before they left"
    )
    assert gone_words in done.stdout
    new_words = (
        "2024  The foreign ministry {+did not repeat its briefings for+} diplomats on the treatment"
    )
    assert new_words in done.stdout
    assert "\x1b" not in done.stdout
    flowing = " ".join(done.stdout.split())
    assert "what is no longer reported need not have stopped" in flowing
    counts = (
        r"60 passages of 2023, 62 of 2024: "
        r"\d+ repeated word for word, \d+ moved, \d+ reworded, \d+ gone"
    )
    assert re.search(counts, flowing)


def test_the_table_writes_no_probability_as_certain(classifier: Classifier) -> None:
    old = scored(classifier, "Courts convicted nine traffickers.", failure=0.0004)
    new = scored(classifier, "Courts convicted seven traffickers.", failure=0.9963)
    out = io.StringIO()
    write_comparison_table(compared(classifier, [old], [new]), out)
    assert "+failure <0.01 → >0.99" in out.getvalue()


def test_on_a_terminal_words_are_struck_and_bold(cli: Cli) -> None:
    # which typer reads once, so in a process apart
    terminal = {"FORCE_COLOR": "1", "NO_COLOR": "", "TERM": "xterm"}
    done = cli("compare", OLD, NEW, "--model", "fast", env=terminal).stdout.decode()
    assert "\x1b[9mbriefed its\x1b[0m" in done
    assert "\x1b[1mdid not repeat its briefings for\x1b[0m" in done
    assert "[-" not in done


def test_all_lists_the_same_too() -> None:
    assert "\nRepeated word for word: " in run(OLD, NEW, "--all").stdout
    assert run(OLD, OLD, "--all").stdout.count("\nRepeated word for word: ") == 1


def test_jsonl_points_at_exact_characters() -> None:
    rows = [json.loads(line) for line in run(OLD, NEW, "-f", "jsonl", "--all").stdout.splitlines()]
    texts = {"old": read_report(OLD).text, "new": read_report(NEW).text}
    years = {"old": 2023, "new": 2024}
    seen = Counter()
    for row in rows:
        for side, text in texts.items():
            passage = row[side]
            if passage:
                seen[side] += 1
                assert text[passage["start"] : passage["end"]] == passage["text"]
                assert passage["year"] == years[side]
        for change in row["changes"]:
            had = row["old"] is not None and change["label"] in row["old"]["labels"]
            has = row["new"] is not None and change["label"] in row["new"]["labels"]
            came = change["change"] == "came"
            assert (had, has) == (not came, came)
            assert change["old"] == (row["old"] and row["old"]["scores"][change["label"]])
    # without the three notes of each, which are no prose of a report
    assert seen == {"old": 60, "new": 62}
    of_the_pair = {"kind", "alignment", "similarity", "shared", "changes"}
    assert set(rows[0]) == of_the_pair | {"old", "new", "nearest"}


def test_the_same_reports_give_the_same_bytes() -> None:
    for name in ("table", "jsonl", "html"):
        first = run(OLD, NEW, "-f", name)
        again = run(OLD, NEW, "-f", name)
        assert first.stdout_bytes == again.stdout_bytes


@pytest.mark.parametrize(
    ("old", "new", "warned"),
    [
        (OLD, NEW, ""),
        (NEW, NEW, "tipclassify: warning: both reports are of 2024: are they two years?\n"),
    ],
)
def test_equal_years_are_reported_in_one_line(old: Path, new: Path, warned: str) -> None:
    done = run(old, new)
    assert (done.exit_code, done.stderr) == (0, warned)


def test_reversed_years_are_refused() -> None:
    refusal = r"OLD is of 2024 and NEW of 2023: give the earlier one first; --anyway"
    with pytest.raises(UsageError, match=refusal):
        run(NEW, OLD)


def test_two_countries_are_refused_in_a_line_without_folders(tmp_path: Path) -> None:
    other = tmp_path / "valdoria-2022.html"
    other.write_text(OLD.read_text("utf-8").replace("Karvonia", "France"), "utf-8")
    with pytest.raises(UsageError) as refused:
        run(other, NEW)
    line = str(refused.value)
    assert line.startswith(
        "valdoria-2022.html and karvonia-2024.html: they are about France and Karvonia"
    )
    assert "\n" not in line
    assert str(tmp_path) not in line


def write_rows(file: Path, rows: Sequence[dict[str, object]]) -> Path:
    """Write a report of rows that were split beforehand."""
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def test_two_publications_are_refused_unless_asked_for(tmp_path: Path) -> None:
    def write_publication(publication: str, year: int) -> Path:
        rows = [
            {"text": f"Courts convicted {number} men.", "year": year, "publication": publication}
            for number in ("six", "two")
        ]
        return write_rows(tmp_path / f"{year}.jsonl", rows)

    watch = write_publication("Harbor Watch", 2023)
    review = write_publication("Halden Review", 2024)
    refusal = r"different publications, 'Harbor Watch' and 'Halden Review'.*--anyway"
    with pytest.raises(UsageError, match=refusal):
        run(watch, review)
    done = run(watch, review, "--anyway")
    assert done.exit_code == 0
    assert "warning: they are of different publications" in done.stderr


def shared(matched: int, old: int, new: int, classifier: Classifier) -> list[Report]:
    """Make two reports of so many passages, of which `matched` are in both.

    The other passages have no word in common.
    """
    words = ["".join(letters) for letters in product("bdfgklmnpr", "aeiou", "bdfgklmnpr")]
    common = [f"Courts in {word.title()} convicted nine traffickers." for word in words[:matched]]
    only_old = [f"Ol{word}." for word in words[matched:old]]
    only_new = [f"Ne{word}." for word in words[matched:new]]
    return [
        report(*common, *only_old, classifier=classifier),
        report(*common, *only_new, classifier=classifier),
    ]


@pytest.mark.parametrize(
    ("matched", "old", "new", "warned"),
    [
        (7, 124, 180, "7 of 124"),
        (7, 180, 124, "7 of 124"),
        (1, 20, 20, "1 of 20"),
        (2, 20, 20, ""),  # a tenth
        (0, 20, 60, "0 of 20"),
        (0, 19, 60, ""),  # too few passages to tell
        (0, 60, 19, ""),
        (20, 20, 400, ""),  # all of the shorter one, however long the other is
        (0, 0, 60, ""),
    ],
)
def test_reports_that_share_next_to_nothing_may_be_two_publications(
    classifier: Classifier, matched: int, old: int, new: int, warned: str
) -> None:
    comparison = compare(*shared(matched, old, new, classifier), classifier.run())
    counts = comparison.counts()
    assert counts["repeated"] + counts["reworded"] == matched
    line = (
        f"only {warned} passages match: "
        "they may be two publications, so 'new' and 'gone' mean little"
    )
    assert comparison.warnings() == comparison.publication_warnings()
    assert comparison.warnings() == ([line] if warned else [])
    if warned:
        assert f"Note: {line}." in html.unescape(page_of(comparison, classifier))


def test_reworded_passages_match_as_well(karvonia: Comparison) -> None:
    reworded = tuple(pair for pair in karvonia.pairs if pair.alignment != "repeated")
    assert replace(karvonia, pairs=reworded).publication_warnings() == []
    alone = tuple(pair for pair in karvonia.pairs if len(pair.sides) == 1)
    (line,) = replace(karvonia, pairs=alone).publication_warnings()
    shorter = min(len(karvonia.old.passages), len(karvonia.new.passages))
    assert line.startswith(f"only 0 of {shorter} passages match")


def test_two_publications_are_reported_in_one_line(tmp_path: Path, classifier: Classifier) -> None:
    def write_passages(file: Path, tagged_report: Report) -> Path:
        texts = [passage.text for passage in tagged_report.passages]
        rows = [{"text": text, "country": "Chad", "year": 2023} for text in texts]
        return write_rows(file, rows)

    old, new = shared(1, 30, 40, classifier)
    old_file = write_passages(tmp_path / "old.jsonl", old)
    new_file = write_passages(tmp_path / "new.jsonl", new)
    assert run(old_file, new_file).stderr == (
        "tipclassify: warning: both reports are of 2023: are they two years?; "
        "only 1 of 30 passages match: "
        "they may be two publications, so 'new' and 'gone' mean little\n"
    )


def test_the_suffix_of_the_output_names_the_format(tmp_path: Path) -> None:
    for name, beginning in (("a.html", "<!DOCTYPE html>"), ("a.jsonl", '{"kind"'), ("a.txt", "")):
        assert run(OLD, NEW, "-o", tmp_path / name).stdout == ""
        assert (tmp_path / name).read_text("utf-8").startswith(beginning)
    refusal = r"a\.doc: no format has the suffix '\.doc'; use \.txt, \.jsonl, \.html"
    with pytest.raises(InputError, match=refusal):
        run(OLD, NEW, "-o", tmp_path / "a.doc")


def test_what_cannot_be_read_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.txt"):
        run(OLD, tmp_path / "missing.txt")
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(InputError, match=r"empty\.jsonl: no rows in it"):
        run(tmp_path / "empty.jsonl", NEW)
    assert run("-", "-").exit_code == 2


def test_standard_input_and_rows_are_reports_too(tmp_path: Path) -> None:
    courts = {"id": "C", "text": "Courts convicted nine traffickers."}
    police = {"id": "P", "text": "Police arrested two more."}
    report_fields = {"year": 2022, "country": "Oz"}
    file = write_rows(tmp_path / "rows.jsonl", [courts | report_fields, police | report_fields])
    done = run(file, "-", "-f", "jsonl", stdin="Courts did not convict any traffickers.\n")
    rows_by_kind = {row["kind"]: row for row in map(json.loads, done.stdout.splitlines())}
    old = rows_by_kind["retagged"]["old"]
    assert (old["id"], old["year"]) == ("C", 2022)
    warning = "tipclassify: warning: both reports are of 2022: are they two years?\n"
    assert run(file, file).stderr == warning


def test_options_reach_the_tags() -> None:
    few = run(OLD, NEW, "-f", "jsonl", "--threshold", "failure=0.99").stdout
    many = run(OLD, NEW, "-f", "jsonl", "--threshold", "failure=0.1").stdout
    assert few.count('"new_failure"') < many.count('"new_failure"')
    assert run(OLD, NEW, "--threshold", "failure=2").exit_code == 2


def test_a_hostile_report_cannot_run_a_terminal(tmp_path: Path) -> None:
    bad = tmp_path / "bad\x1b[31m.txt"
    text = "PROSECUTION \x1b]0;x\x07\n\nPolice \x1b[2J arrested \x9b31m nine traffickers."
    bad.write_text(text, "utf-8")
    done = run(bad, OLD)
    assert "\x1b" not in done.stdout
    assert "\x9b" not in done.stdout
    assert "\x9b" not in run(bad, OLD, "-f", "jsonl").stdout


# ----------------------------------------------------------------------------------------- the page


def page_of(comparison: Comparison, classifier: Classifier, repeated: bool = True) -> str:
    """Return the HTML page of a comparison, with or without its repeated passages."""
    out = io.StringIO()
    write_comparison_html(comparison, out, classifier.run(), repeated)
    return out.getvalue()


@pytest.fixture(scope="module")
def page(karvonia: Comparison, classifier: Classifier) -> str:
    return page_of(karvonia, classifier)


def test_the_page_is_whole_and_its_policy_lets_nothing_else_in(page: str) -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert policy in page
    assert not re.search(r"<script|<link|<img|\son\w+=|\sstyle=|url\(|@import", page)
    variables_used = set(re.findall(r"var\((--[a-z-]+)\)", style))
    variables_set = set(re.findall(r"(--[a-z-]+):", style))
    assert variables_used <= variables_set


def test_both_texts_can_be_read_off_the_page(page: str, karvonia: Comparison) -> None:
    paragraphs = re.findall(r'<p class="said">(.*?)</p>', page, re.DOTALL)
    texts = [html.unescape(re.sub(r"</?(?:ins|del|bdi)>", "", markup)) for markup in paragraphs]
    expected = []
    for pair in karvonia.pairs:
        same_words = pair.alignment in ("repeated", "moved")
        if pair.old and not same_words:
            expected.append(pair.old.passage.text)
        if pair.new:
            expected.append(pair.new.passage.text)
    assert texts == expected
    assert "<del>briefed its</del> diplomats" in page
    assert "<ins>did not repeat its briefings for</ins> diplomats" in page


def test_the_page_counts_what_it_lists(page: str, karvonia: Comparison) -> None:
    assert page.count('<li class="pair ') == len(karvonia.pairs)
    for group in karvonia.groups(repeated=True):
        assert f'id="show-{group.kind}"' in page
        assert f"{html.escape(group.title)} <small>{len(group.pairs)}</small>" in page
    assert "need not have stopped" in page
    assert not re.search(r"(?i)\bhas stopped|\bstopped doing|no longer does", page)


def test_a_hostile_report_is_inert(classifier: Classifier) -> None:
    script = "<script>alert(1)</script>"
    evil = f"{script} Police & courts \u202e convicted \0 nine </style> traffickers."
    old = report(
        evil,
        classifier=classifier,
        title='"><img src=x onerror=alert(1)>',
        source="javascript:alert(1)",
    )
    new = report(
        evil.replace("nine", "<b>ten"),
        "Guards took bribes </p>",
        classifier=classifier,
        country="</title><x>",
    )
    page = page_of(compare(old, new, classifier.run()), classifier)
    assert not re.search(r"<script|<img|<x>|<b>ten|href=\"javascript:", page)
    assert "\0" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_pages_of_a_source_are_named(classifier: Classifier) -> None:
    old = report("Police arrested nine traffickers.", classifier=classifier)
    new = replace(old, passages=[replace(old.passages[0], page=7)])
    comparison = compare(old, new, classifier.run())
    assert "<b>OLD and NEW</b> · page 7" in page_of(comparison, classifier)


# ------------------------------------------------------------------------------------- in a browser


@pytest.fixture(
    scope="module", params=[(1440, "light"), (390, "dark")], ids=["wide light", "narrow dark"]
)
def tab(
    request: pytest.FixtureRequest,
    browser: Browser,
    page: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Page]:
    """The samples' page, opened from the disk. A network request fails the test."""
    file = tmp_path_factory.mktemp("compared") / "compared.html"
    file.write_text(page, "utf-8", newline="")
    width, scheme = request.param
    # axe is a script that the page's policy would not let in.
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    asked: list[str] = []
    opened = context.new_page()
    opened.set_default_timeout(5_000)
    opened.on("request", lambda sent: asked.append(sent.url))
    opened.goto(file.as_uri())
    yield opened
    context.close()
    assert asked == [file.as_uri()]


def test_filters_work_without_a_script(tab: Page) -> None:
    group = tab.locator("#effort_gone")
    clear = group.locator(".pair.clear")
    borderline = group.locator(".pair.borderline")
    assert clear.first.is_visible()
    if borderline.count():
        tab.locator("#show-borderline").uncheck()
        assert not borderline.first.is_visible()
    assert clear.first.is_visible()
    tab.locator("#show-effort_gone").uncheck()
    assert not group.is_visible()
    assert tab.locator("#failure_gone").is_visible()
    for name in ("borderline", "effort_gone"):
        tab.locator(f"#show-{name}").check()
    assert group.is_visible()
    assert not tab.locator("#repeated .pair").first.is_visible()  # folded
    tab.locator("#repeated summary").click()
    assert tab.locator("#repeated .pair").first.is_visible()


def test_changed_words_differ_without_colour(tab: Page) -> None:
    line = "(name) => getComputedStyle(document.querySelector(name)).textDecorationLine"
    assert tab.evaluate(line, "del") == "line-through"
    assert tab.evaluate(line, "ins") == "underline"


def test_axe_finds_nothing_and_nothing_runs_over(tab: Page, axe: Axe) -> None:
    tab.evaluate("document.querySelectorAll('details').forEach((group) => { group.open = true; })")
    assert violations_of(axe, tab) == []
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
