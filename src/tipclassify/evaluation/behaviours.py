"""Run behavioural tests of a model: case files come in, pass rates go out.

After Ribeiro et al. 2020 (arXiv:2005.04118).
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
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
from tipclassify.records import Passage, passage_of
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


_Case = tuple[Passage, tuple[str, ...]]  # a passage and its expected labels


def run_cases(
    classifier: Classifier, cases: str | os.PathLike[str] | None = None
) -> list[RuleResult]:
    """Run all cases: rules of the codebook first, then invariance and addition.

    Raises `InputError` for case files that cannot be read, or for the shipped cases with a model of
    other labels.
    """
    if cases is None and not set(LABELS) <= set(classifier.labels):
        raise InputError(
            f"the behaviour cases of tipclassify are of the labels {', '.join(LABELS)}: "
            "give cases of this model's labels with --cases"
        )
    folder = Path(cases) if cases is not None else default_cases_path()
    labels = classifier.labels
    by_rule: defaultdict[str, list[_Case]] = defaultdict(list)
    plain = []  # passages without a heading, which invariance and addition vary
    variations: defaultdict[str, list[tuple[Passage, list[Passage]]]] = defaultdict(list)
    try:
        for file in sorted(folder.glob("*.jsonl")):
            for row in [] if file.name in _NOT_RULES else _read_cases(file):
                passage = passage_of(row)
                expected = compress(labels, label_indicator(row["labels"], labels))
                by_rule[str(row["rule"])].append((passage, tuple(expected)))
                if not passage.section:
                    plain.append(passage)
        for name, passage, variants in _variations(folder, plain):
            variations[name].append((passage, variants))
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        what = "not rows with rule, text and labels, or with what cases vary by"
        raise InputError(f"{folder}: {what} ({error}); correct them") from None
    if not by_rule:
        what = "no behaviour cases there; name a folder of .jsonl files with rule, text and labels"
        raise InputError(f"{folder}: {what}")

    results = [_run_rule(rule, classifier, rule_cases) for rule, rule_cases in by_rule.items()]
    for name, varied in variations.items():
        given = _predict(classifier, [passage for passage, _ in varied])
        invariant = [
            (variant, expected)
            for (_, variants), expected in zip(varied, given, strict=True)
            for variant in variants
        ]
        results.append(_run_rule(f"invariance-{name}", classifier, invariant))
    return [result for result in results if result.cases]  # a user's cases may have no text to vary


def evaluate_reference_outputs(
    classifier: Classifier, lines: Iterable[str | bytes]
) -> list[FailedCase]:
    """Find reference outputs of a model's folder that it no longer gives, but for rounding.

    The tolerance is 0.002 or the scorer's `rounding`, the larger, for one passage, and a tenth of
    it for the mean over all. Raises `ModelError` when a line is no reference output.
    """
    labels = classifier.labels
    try:
        rows = [
            msgspec.convert(load_json(line), _ReferenceOutput) for line in lines if line.strip()
        ]
        stored_rows = [[row.scores[label] for label in labels] for row in rows]
        stored = np.array(stored_rows).reshape(-1, len(labels))
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


def _predict(classifier: Classifier, passages: Sequence[Passage]) -> list[tuple[str, ...]]:
    return [tuple(compress(classifier.labels, row)) for row in classifier.predict(passages)]


def _run_rule(rule: str, classifier: Classifier, cases: Sequence[_Case]) -> RuleResult:
    """Predict the labels of the cases of a rule, and compare them with those expected."""
    failures = []
    predictions = _predict(classifier, [passage for passage, _ in cases])
    for (passage, expected), predicted in zip(cases, predictions, strict=True):
        if predicted != expected:
            heading = f"[{passage.section}] " if passage.section else ""
            failures.append(FailedCase(f"{heading}{passage.text}", expected, predicted))
    return RuleResult(rule, len(cases) - len(failures), len(cases), tuple(failures))


def _read_cases(file: Path) -> list[dict[str, Any]]:
    """Read JSON lines; empty for a file that a user's folder of cases lacks."""
    try:
        return [load_json(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as JSON lines ({error})") from None


def _variations(
    folder: Path, plain: Sequence[Passage]
) -> Iterator[tuple[str, Passage, list[Passage]]]:
    """Yield what varies, a passage, and variants of it that must have the same labels.

    They are of the slots and headings of a folder of cases, and of its `plain` passages.
    """
    if slots := _read_cases(folder / "slots.jsonl"):
        fillers = json.loads((folder / "fillers.json").read_text("utf-8"))
        fillers["country"] = (folder / "countries.txt").read_text("utf-8").split("\n")[:-1]
        for row in slots:
            texts = [row["text"].replace("{}", word) for word in fillers[row["slot"]]]
            first, *others = [passage_of({"text": text}) for text in texts]
            yield row["slot"], first, others
    for row in _read_cases(folder / "headings.jsonl"):  # headings of equivalent meaning
        first, *others = [passage_of({**row, "section": heading}) for heading in row["headings"]]
        yield "heading", first, others
    for name, replacements in _SURFACE.items():
        for passage in plain:
            text = passage.text
            for old, new in replacements:
                text = text.replace(old, new)
            if text != passage.text:
                yield name, passage, [passage_of({"text": text})]
    # Unrelated clauses in rotation, two to every fifth passage: every combination would show no
    # more.
    clauses = cycle([row["clause"] for row in _read_cases(folder / "appended.jsonl")])
    for passage in plain[::5]:
        if passage.text.endswith("."):
            longer = [f"{passage.text[:-1]}{clause}." for clause in islice(clauses, 2)]
            yield "addition", passage, [passage_of({"text": text}) for text in longer]
