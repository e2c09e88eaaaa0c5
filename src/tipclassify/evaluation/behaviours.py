"""Run behavioural tests of a model: case files come in, pass rates go out.

After Ribeiro et al. 2020 (arXiv:2005.04118).
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, cycle, islice
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from tipclassify.errors import InputError, ModelError
from tipclassify.formatting import load_json
from tipclassify.labels import LABELS, label_indicator
from tipclassify.model.classifier import Classifier
from tipclassify.records import Passage
from tipclassify.resources import shipped_data_folder

_SPELLINGS: Final = (
    ("labor", "labour"),
    ("program ", "programme "),
    ("criminalize", "criminalise"),
    ("penalize", "penalise"),
    ("organization", "organisation"),
    ("center", "centre"),
    ("recognize", "recognise"),
    ("neighbor", "neighbour"),
    ("offense", "offence"),
    ("defense", "defence"),
    ("counseling", "counselling"),
    ("authorize", "authorise"),
)  # American and British
_QUOTES: Final = (("'", "’"), (' "', " “"), ('"', "”"))
_SURFACE: Final = {"spelling": _SPELLINGS, "quotes": _QUOTES, "spaces": ((" ", "\u00a0"),)}
_NOT_RULES: Final = ("slots.jsonl", "appended.jsonl", "headings.jsonl")
_STORAGE_ROUNDING: Final = 2e-3  # of probabilities: a linear model stores its weights in 16 bits


class _ReferenceOutput(msgspec.Struct):
    text: str
    scores: dict[str, float]
    section: str | None = None


@dataclass(frozen=True, slots=True)
class FailedCase:
    """A failed case: its expected and its predicted labels."""

    text: str
    expected: tuple[str, ...]
    given: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _RuleCase:
    """A case of a rule of the codebook."""

    rule: str
    passage: Passage
    expected: tuple[str, ...]  # labels


@dataclass(frozen=True, slots=True)
class RuleResult:
    """Result of the cases of one rule."""

    rule: str
    passed: int
    cases: int
    failures: tuple[FailedCase, ...]

    @property
    def rate(self) -> float:
        """Share of cases passed, 0 to 1."""
        return self.passed / self.cases


def default_cases_path() -> Path:
    """Find the folder of the shipped cases, in the installed package or in the checkout."""
    folder = shipped_data_folder("behaviours_data", "data/behaviours", holds="slots.jsonl")
    if folder is None:
        raise InputError("the behaviour cases are missing: reinstall tipclassify, or give --cases")
    return folder


def run_cases(
    classifier: Classifier, cases: str | os.PathLike[str] | None = None
) -> list[RuleResult]:
    """Run all cases: rules of the codebook first, then invariance and addition.

    Raises `InputError` for case files that cannot be read.
    """
    folder = Path(cases) if cases is not None else default_cases_path()
    rows = []
    for file in sorted(folder.glob("*.jsonl")):
        if file.name not in _NOT_RULES:
            rows += _read_case_file(file)
    if not rows:
        what = "no behaviour cases there; name a folder of .jsonl files with rule, text and labels"
        raise InputError(f"{folder}: {what}")
    try:
        rule_cases = [
            _RuleCase(
                str(row["rule"]),
                passage_of_row(row),
                _label_names_of_case(label_indicator(row["labels"])),
            )
            for row in rows
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{folder}: not rows with rule, text and labels ({error}); correct them"
        ) from None
    by_rule: defaultdict[str, list[_RuleCase]] = defaultdict(list)
    for case in rule_cases:
        by_rule[case.rule].append(case)
    results = [
        _run_rule_cases(rule, classifier, cases_of_rule) for rule, cases_of_rule in by_rule.items()
    ]
    plain = [case.passage for case in rule_cases if not case.passage.section]
    groups: defaultdict[str, list[_CaseVariation]] = defaultdict(list)
    for variation in _behaviour_case_variations(folder, plain):
        groups[variation.of].append(variation)
    for name, group in groups.items():
        rule = f"invariance-{name}"
        predicted = classifier.predict([variation.passage for variation in group])
        variant_cases = []
        for variation, row in zip(group, predicted, strict=True):
            for variant in variation.variants:
                variant_cases.append(_RuleCase(rule, variant, _label_names_of_case(row)))
        results.append(_run_rule_cases(rule, classifier, variant_cases))
    return [result for result in results if result.cases]  # a user's cases may have no text to vary


def evaluate_reference_outputs(
    classifier: Classifier, lines: Iterable[str | bytes]
) -> list[FailedCase]:
    """Find reference outputs of a model's folder that it no longer gives, but for rounding.

    The tolerance is 0.002 or the scorer's `rounding`, the larger, for one passage, and a tenth of
    it for the mean over all. Raises `ModelError` when a line is no reference output.
    """
    try:
        rows = [
            msgspec.convert(load_json(line), _ReferenceOutput) for line in lines if line.strip()
        ]
        stored_rows = [[row.scores[label] for label in LABELS] for row in rows]
        stored = np.array(stored_rows).reshape(-1, len(LABELS))
    except (ValueError, KeyError) as error:
        raise ModelError(
            f"golden.jsonl of the model: no reference outputs ({error}); get the model anew"
        ) from None
    passages = [Passage(row.text, 0, len(row.text), row.section) for row in rows]
    scores = classifier.predict_proba(passages)
    gaps = np.abs(scores - stored)
    tolerance = max(_STORAGE_ROUNDING, classifier.scorer.rounding)
    # rounding changes few scores, another model or tokenizer most
    if len(rows) and gaps.mean() > tolerance / 10:
        tolerance /= 10
    changed = []
    for i in np.flatnonzero((gaps > tolerance).any(axis=1)):
        expected = tuple(f"{score:.4f}" for score in stored[i])
        given = tuple(f"{score:.4f}" for score in scores[i])
        changed.append(FailedCase(rows[i].text, expected, given))
    return changed


def passage_of_row(row: Mapping[str, Any]) -> Passage:  # of JSON values, unchecked
    """Convert a row with a ``text`` to a passage under its ``section``."""
    return Passage(row["text"], 0, len(row["text"]), row.get("section") or None)


def _run_rule_cases(rule: str, classifier: Classifier, cases: Sequence[_RuleCase]) -> RuleResult:
    """Predict the labels of the cases of a rule, and compare them with those expected."""
    failures = []
    predicted_rows = classifier.predict([case.passage for case in cases])
    for case, row in zip(cases, predicted_rows, strict=True):
        predicted = _label_names_of_case(row)
        if predicted != case.expected:
            text = case.passage.text
            if case.passage.section:
                text = f"[{case.passage.section}] {text}"
            failures.append(FailedCase(text, case.expected, predicted))
    return RuleResult(rule, len(cases) - len(failures), len(cases), tuple(failures))


def _label_names_of_case(row: Iterable[bool]) -> tuple[str, ...]:
    return tuple(compress(LABELS, row))


def _read_case_file(file: Path) -> list[dict[str, Any]]:
    """Read JSON lines; empty for a file that a user's folder of cases lacks."""
    try:
        return [load_json(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as JSON lines ({error})") from None


@dataclass(frozen=True, slots=True)
class _CaseVariation:
    """A passage, and variants of it that must have the same labels."""

    of: str  # what varies
    passage: Passage
    variants: list[Passage]


def _behaviour_case_variations(folder: Path, plain: list[Passage]) -> Iterator[_CaseVariation]:
    """Yield variations of the cases of a folder: of slots and headings, and of `plain` passages."""
    if slots := _read_case_file(folder / "slots.jsonl"):
        fillers = json.loads((folder / "fillers.json").read_text("utf-8"))
        fillers["country"] = (folder / "countries.txt").read_text("utf-8").split("\n")[:-1]
        for row in slots:
            texts = [row["text"].replace("{}", word) for word in fillers[row["slot"]]]
            first, *others = [passage_of_row({"text": text}) for text in texts]
            yield _CaseVariation(row["slot"], first, others)
    for row in _read_case_file(folder / "headings.jsonl"):  # headings of equivalent meaning
        first, *others = [
            passage_of_row({**row, "section": heading}) for heading in row["headings"]
        ]
        yield _CaseVariation("heading", first, others)
    for name, replacements in _SURFACE.items():
        for passage in plain:
            text = passage.text
            for old, new in replacements:
                text = text.replace(old, new)
            if text != passage.text:
                yield _CaseVariation(name, passage, [passage_of_row({"text": text})])
    # Unrelated clauses in rotation, two to every fifth passage: every combination would show no
    # more.
    clauses = cycle([row["clause"] for row in _read_case_file(folder / "appended.jsonl")])
    for passage in plain[::5]:
        if passage.text.endswith("."):
            longer = [f"{passage.text[:-1]}{clause}." for clause in islice(clauses, 2)]
            yield _CaseVariation(
                "addition", passage, [passage_of_row({"text": text}) for text in longer]
            )
