"""Behavioural tests: does a model tag the cases of each rule of the codebook as the rule says?

Three kinds of case. Rules: sentences written for one rule of the codebook, with the labels it gives. Invariance:
a change that must not matter (country, city, figure, year, date, money, heading, spelling, quotation marks, spaces)
must leave the labels as they are. Addition: an unrelated clause appended keeps them.

Source: behavioural testing of language models, Ribeiro et al. 2020 (arXiv:2005.04118).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import numpy as np

from tipclassify.errors import InputError
from tipclassify.labels import LABELS, indicator
from tipclassify.model.classifier import Classifier
from tipclassify.text.document import Passage

__all__ = ["Failure", "RuleResult", "default_cases_path", "replay_golden", "run_cases"]

_SPELLINGS: Final = (
    ("labor", "labour"), ("program ", "programme "), ("criminalize", "criminalise"), ("penalize", "penalise"),
    ("organization", "organisation"), ("center", "centre"), ("recognize", "recognise"), ("neighbor", "neighbour"),
    ("offense", "offence"), ("defense", "defence"), ("counseling", "counselling"), ("authorize", "authorise"),
)  # fmt: skip
_QUOTES: Final = (("'", "’"), (' "', " “"), ('"', "”"))
_SURFACE: Final = {"spelling": _SPELLINGS, "quotes": _QUOTES, "spaces": ((" ", "\u00a0"),)}
_NO_RULES: Final = ("slots.jsonl", "appended.jsonl", "headings.jsonl")
_CLOSE: Final = 2e-3  # weights are stored as half floats

Row = Mapping[str, Any]
Variants = tuple[Passage, list[Passage]]


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that a model gets wrong: the expected labels, and those given."""

    text: str
    expected: tuple[str, ...]
    given: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleResult:
    """The result of the cases of one rule."""

    rule: str
    passed: int
    cases: int
    failures: tuple[Failure, ...]

    @property
    def rate(self) -> float:
        """Share of cases passed, 0 to 1."""
        return self.passed / self.cases


def default_cases_path() -> Path:
    """Find the folder of the shipped cases: inside the installed package, or in the checkout that it runs from.

    Raises
    ------
    InputError
        When neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "behaviours_data", package.parents[1] / "data" / "behaviours"):
        if (folder / "slots.jsonl").is_file():
            return folder
    raise InputError("the behaviour cases are missing: reinstall tipclassify, or give --cases")


def run_cases(classifier: Classifier, cases: str | os.PathLike[str] | None = None) -> list[RuleResult]:
    """Run the cases of every rule, rules of the codebook first, invariance and addition after.

    Raises
    ------
    InputError
        When a case file is missing or broken.
    """
    folder = Path(cases) if cases is not None else default_cases_path()
    rules = [row for file in sorted(folder.glob("*.jsonl")) if file.name not in _NO_RULES for row in _read(file)]
    if not rules:
        raise InputError(
            f"{folder}: no behaviour cases there; name a folder of .jsonl files with rule, text and labels"
        )
    results = [
        _judged(
            rule,
            passages := [_passage(row) for row in rows],
            classifier.predict(passages),
            [row["labels"] for row in rows],
        )
        for rule, of_rule in groupby(rules, key=lambda row: str(row["rule"]))
        for rows in [list(of_rule)]
    ]
    plain = [_passage(row) for row in rules if not row.get("section")]
    results += [
        _unchanged(classifier, f"invariance-{name}", list(variants))
        for name, variants in (
            *_slots(folder),
            ("heading", _headings(folder)),
            *_surface(plain),
            ("addition", _added(folder, plain)),
        )
    ]
    return [result for result in results if result.cases]  # cases of one's own may give nothing to change


def replay_golden(classifier: Classifier, lines: Iterable[str]) -> list[Failure]:
    """Find the golden passages of a model folder whose scores differ from those stored, by more than rounding.

    Rounding is what `Scorer.rounding` says of any one passage, and a tenth of it on average.
    """
    rows = [json.loads(line) for line in lines if line.strip()]
    scores = classifier.predict_proba([_passage(row) for row in rows])
    wanted = np.array([[row["scores"][label] for label in LABELS] for row in rows]).reshape(-1, len(LABELS))
    gaps = np.abs(scores - wanted)
    close = max(_CLOSE, classifier.scorer.rounding)
    if len(rows) and gaps.mean() > close / 10:  # rounding moves a few passages, another model or tokenizer most of them
        close /= 10
    return [
        Failure(rows[i]["text"], tuple(f"{s:.4f}" for s in wanted[i]), tuple(f"{s:.4f}" for s in scores[i]))
        for i in np.flatnonzero((gaps > close).any(axis=1))
    ]


# --------------------------------------------------------------------------------------------- judging


def _passage(row: Row) -> Passage:
    return Passage(row["text"], 0, len(row["text"]), row.get("section"))


def _unchanged(classifier: Classifier, rule: str, groups: list[Variants]) -> RuleResult:
    """Every variant must have the labels of its base, whatever those are."""
    base = classifier.predict([passage for passage, _ in groups])
    variants = [passage for _, others in groups for passage in others]
    expected = [_names(row) for row, (_, others) in zip(base, groups, strict=True) for _ in others]
    return _judged(rule, variants, classifier.predict(variants), expected)


def _judged(rule: str, passages: list[Passage], given: Any, expected: Iterable[Iterable[str]]) -> RuleResult:
    wrong = tuple(
        Failure(f"[{passage.section}] {passage.text}" if passage.section else passage.text, wanted, found)
        for passage, wanted, found in zip(passages, map(_ordered, expected), map(_names, given), strict=True)
        if wanted != found
    )
    return RuleResult(rule, len(passages) - len(wrong), len(passages), wrong)


def _names(row: Any) -> tuple[str, ...]:
    return tuple(label for label, given in zip(LABELS, row, strict=True) if given)


def _ordered(labels: Iterable[str]) -> tuple[str, ...]:
    return _names(indicator(labels))


# --------------------------------------------------------------------------------------------- cases


def _read(file: Path) -> list[Row]:
    try:
        return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as JSON lines ({error})") from None


def _read_if_there(file: Path) -> list[Row]:
    return _read(file) if file.is_file() else []


def _slots(folder: Path) -> Iterator[tuple[str, list[Variants]]]:
    """Sentences with a slot, filled with one country, city, figure, … after another."""
    rows = _read_if_there(folder / "slots.jsonl")
    if not rows:
        return
    fillers = json.loads((folder / "fillers.json").read_text("utf-8"))
    fillers["country"] = (folder / "countries.txt").read_text("utf-8").split("\n")[:-1]
    for slot, of_slot in groupby(rows, key=lambda row: str(row["slot"])):
        filled = ([_passage({"text": row["text"].replace("{}", word)}) for word in fillers[slot]] for row in of_slot)
        yield slot, [(first, others) for first, *others in filled]


def _headings(folder: Path) -> Iterator[Variants]:
    """A passage under headings of like meaning, which must not change its labels."""
    for row in _read_if_there(folder / "headings.jsonl"):
        first, *others = (_passage({**row, "section": heading}) for heading in row["headings"])
        yield first, others


def _surface(passages: list[Passage]) -> Iterator[tuple[str, list[Variants]]]:
    """British spelling, curly quotation marks and no-break spaces."""
    for name, replacements in _SURFACE.items():
        found = []
        for passage in passages:
            text = passage.text
            for old, new in replacements:
                text = text.replace(old, new)
            if text != passage.text:
                found.append((passage, [_passage({"text": text})]))
        yield name, found


def _added(folder: Path, passages: list[Passage]) -> Iterator[Variants]:
    clauses = [row["clause"] for row in _read_if_there(folder / "appended.jsonl")]
    ended = [passage for passage in passages[::5] if passage.text.endswith(".")]
    for number, passage in enumerate(ended if clauses else []):
        # Each clause in turn: all with all tells no more.
        two = (clauses[(2 * number + i) % len(clauses)] for i in range(2))
        yield passage, [_passage({"text": f"{passage.text[:-1]}{clause}."}) for clause in two]
