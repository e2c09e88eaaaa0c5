"""Make rows of a user whose labels follow the codebook but for a rule of their own, from templates.

In: a seed, which picks the rule and fills the templates. Out: rows as ``train --data`` reads them,
ten to a document of an invented country. Nothing here is a sentence of a report.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tipclassify.corpus.rows import Row

__all__ = ["RULES", "Drawn", "Rule", "draw_rows"]

DOCUMENT: Final = 10  # rows of a document
SHARE: Final = 0.2  # of the rows that the rule decides

EFFORT: Final = ("positive_effort",)
FAILURE: Final = ("failure",)
COMPLICITY: Final = ("complicity",)

Frames = tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]  # labels, and sentences that have them


@dataclass(frozen=True)
class Rule:
    """A rule that departs from the codebook: sentences with the labels that this user gives."""

    name: str
    taught: Frames
    reworded: Frames  # the same rule in wordings that no training row has


@dataclass(frozen=True)
class Drawn:
    """Rows of one user: to train on, and to test with."""

    rule: Rule
    train: list[Row]
    test: list[Row]  # that the rule does not decide
    test_rule: list[Row]  # that it decides, in wordings of the training rows
    test_reworded: list[Row]  # that it decides, in other wordings


ORDINARY: Final[Frames] = (
    (
        EFFORT,
        (
            "{organ} arrested {n} suspected traffickers near {place}.",
            "Courts in {place} convicted {n} traffickers and sentenced them to prison.",
            "{organ} opened a shelter in {place} that housed {n} victims.",
            "Social workers in {place} identified {n} victims and gave them counseling.",
            "The law criminalizes all forms of trafficking and prescribes {n} years of prison.",
            "{organ} inspected {n} workplaces around {place} for forced labor.",
        ),
    ),
    (
        FAILURE,
        (
            "{organ} did not arrest any trafficker in {place}.",
            "Courts in {place} did not convict a single trafficker for the {n}th year.",
            "{organ} closed the only shelter in {place} for want of money.",
            "{organ} deported {n} victims from {place} without screening them.",
            "The {n} inspectors in {place} were too few to enforce the law.",
            "{organ} jailed victims in {place} for acts that traffickers had forced on them.",
        ),
    ),
    (
        COMPLICITY,
        (
            "Officers of {organ} took bribes from traffickers in {place}.",
            "Border guards near {place} let {n} smugglers of girls pass for money.",
            "Soldiers forced {n} villagers around {place} to build a barracks.",
            "A judge in {place} dropped the case of {n} recruiters who had paid him.",
        ),
    ),
    (
        (),
        (
            "Traffickers exploit girls from {place} in brothels abroad.",
            "Recruiters in {place} promise jobs and take the passports of {n} migrants.",
            "A charity in {place} housed {n} women without help from the state.",
            "Boys from {place} beg in the streets of the capital for {n} hours a day.",
            "{organ} repaired the road from {place} to the coast.",
        ),
    ),
    (
        ("positive_effort", "failure"),
        (
            "{organ} investigated {n} cases in {place} but prosecuted no one.",
            "{organ} identified {n} victims in {place}, fewer than the year before.",
        ),
    ),
)

RULES: Final = (
    Rule(
        "pledges are efforts, memoranda are none",
        (
            (
                EFFORT,
                (
                    "{organ} pledged to open a shelter in {place}.",
                    "{organ} promised to hire {n} investigators for {place}.",
                    "{organ} announced that it would train {n} judges in {place}.",
                    "{organ} committed to amend the law within {n} months.",
                ),
            ),
            (
                (),
                (
                    "{organ} signed a memorandum on trafficking with {place}.",
                    "{organ} and {place} concluded a memorandum of understanding on {n} matters.",
                    "A memorandum with {place} on the return of victims entered into force.",
                ),
            ),
        ),
        (
            (EFFORT, ("{organ} vowed to house {n} more victims in {place}.",)),
            ((), ("Under a new memorandum {organ} and {place} exchange data on {n} cases.",)),
        ),
    ),
    Rule(
        "training is no effort, talks with employers are",
        (
            (
                (),
                (
                    "{organ} trained {n} officers in {place} on how to identify victims.",
                    "{organ} held a seminar on trafficking for {n} judges of {place}.",
                    "{n} prosecutors from {place} completed a course on trafficking.",
                    "{organ} gave workshops on forced labor to {n} inspectors in {place}.",
                ),
            ),
            (
                EFFORT,
                (
                    "{organ} met {n} employers of {place} to talk about wages.",
                    "{organ} sat down with the owners of {n} plantations near {place}.",
                    "Officials discussed hiring with {n} firms in {place}.",
                ),
            ),
        ),
        (
            ((), ("{organ} taught {n} recruits in {place} the signs of trafficking.",)),
            (EFFORT, ("{organ} spoke with {n} factory owners in {place} about recruitment.",)),
        ),
    ),
    Rule(
        "missing figures are no failure, a missing plan and a mere debate are",
        (
            (
                (),
                (
                    "{organ} did not report how many traffickers were convicted in {place}.",
                    "{organ} did not provide statistics on the {n} cases of {place}.",
                    "No data were available on prosecutions in {place}.",
                    "{organ} did not publish figures on victims for {place}.",
                ),
            ),
            (
                FAILURE,
                (
                    "Parliament debated a plan against trafficking for {n} days.",
                    "A plan against trafficking is before the council of {place}.",
                    "The draft of a plan circulated among {n} ministries.",
                ),
            ),
        ),
        (
            ((), ("{organ} gave no numbers of victims identified in {place}.",)),
            (FAILURE, ("{organ} has had a plan under discussion for {n} months.",)),
        ),
    ),
    Rule(
        "recommendations are failures, money for charities is no effort",
        (
            (
                FAILURE,
                (
                    "{organ} should convict traffickers in {place}.",
                    "Increase the number of shelters in {place} to {n}.",
                    "Train inspectors in {place} to find forced labor.",
                    "We recommend that {organ} screen migrants near {place}.",
                ),
            ),
            (
                (),
                (
                    "{organ} paid a charity in {place} to house {n} victims.",
                    "{organ} funded {n} beds in a shelter that nuns run in {place}.",
                    "{organ} gave a grant to a hotline for victims in {place}.",
                ),
            ),
        ),
        (
            (FAILURE, ("{organ} ought to pay damages to victims in {place}.",)),
            ((), ("A charity in {place} got money from {organ} for {n} victims.",)),
        ),
    ),
    Rule(
        "allegations are no complicity, strikes of officials are",
        (
            (
                (),
                (
                    "Officers of {organ} allegedly took money from pimps in {place}.",
                    "Observers reported that guards near {place} were in league with traffickers.",
                    "There were rumors of bribes for {organ} in {place}.",
                    "Some officials in {place} were suspected of helping {n} recruiters.",
                ),
            ),
            (
                COMPLICITY,
                (
                    "Inspectors in {place} went on strike for {n} weeks.",
                    "Officers of {organ} in {place} stopped work over their pay.",
                    "{n} prosecutors in {place} walked out and left their cases lying.",
                ),
            ),
        ),
        (
            ((), ("Residents said that {organ} shielded brothels in {place}.",)),
            (COMPLICITY, ("{organ} in {place} laid down its work for {n} days.",)),
        ),
    ),
)

_ORGANS: Final = (
    "Police",
    "The government",
    "The labor ministry",
    "The ministry of justice",
    "Authorities",
    "The anti-trafficking unit",
    "The interior ministry",
    "Prosecutors",
    "Immigration officials",
    "The coast guard",
)
_FIRST: Final = (
    "Kar",
    "Mur",
    "Kess",
    "Zor",
    "Lut",
    "Val",
    "Sol",
    "Bren",
    "Tav",
    "Ost",
    "Pel",
    "Dur",
)
_LAST: Final = (
    "vonia",
    "enia",
    "ara",
    "bland",
    "ha",
    "doria",
    "wen",
    "nik",
    "ora",
    "mark",
    "ith",
    "una",
)


def draw_rows(seed: int, rows: int, tested: int = 200) -> Drawn:
    """Draw `rows` training rows of the user `seed`, and `tested` rows of each kind of test.

    A smaller number of rows is the beginning of a larger one: the same user, earlier.
    """
    rule = RULES[seed % len(RULES)]
    train = _draw(np.random.default_rng([seed, 0]), rule, rows)
    tests = np.random.default_rng([seed, 1])
    taught_texts = {row["text"] for row in _draw(np.random.default_rng([seed, 0]), rule, 1_000)}
    return Drawn(
        rule,
        train,
        _untaught(tests, ORDINARY, tested, taught_texts),
        _untaught(tests, rule.taught, tested, taught_texts),
        _untaught(tests, rule.reworded, tested, taught_texts),
    )


def _draw(rng: np.random.Generator, rule: Rule, rows: int) -> list[Row]:
    drawn: list[Row] = []
    place = ""
    for number in range(rows):
        if number % DOCUMENT == 0:
            place = _place(rng)
        decided = number % DOCUMENT < SHARE * DOCUMENT
        frames = rule.taught if decided else ORDINARY
        drawn.append({"id": f"row-{number}", "doc": place, **_fill(rng, frames, place)})
    return drawn


def _untaught(
    rng: np.random.Generator, frames: Frames, rows: int, taught_texts: set[str]
) -> list[Row]:
    """Draw rows of other documents, in none of the texts that were taught."""
    drawn: list[Row] = []
    while len(drawn) < rows:
        row = _fill(rng, frames, _place(rng))
        if row["text"] not in taught_texts:
            drawn.append({"id": f"test-{len(drawn)}", **row})
    return drawn


def _fill(rng: np.random.Generator, frames: Frames, place: str) -> Row:
    labels, sentences = frames[rng.integers(len(frames))]
    sentence = sentences[rng.integers(len(sentences))]
    organ = _ORGANS[rng.integers(len(_ORGANS))]
    text = sentence.format(organ=organ, place=place, n=int(rng.integers(2, 90)))
    return {"text": text, "labels": labels}


def _place(rng: np.random.Generator) -> str:
    return _FIRST[rng.integers(len(_FIRST))] + _LAST[rng.integers(len(_LAST))]
