"""Run behavioural tests of a model: case files come in, pass rates go out.

After Ribeiro et al. 2020 (arXiv:2005.04118).
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, cycle, groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from tipclassify.errors import InputError, ModelError
from tipclassify.formatting import load_json
from tipclassify.labels import LABELS, indicator
from tipclassify.model.classifier import Classifier
from tipclassify.resources import shipped_folder
from tipclassify.text.document import Passage

__all__ = [
    "FailedCase",
    "RuleResult",
    "default_cases_path",
    "replay_golden",
    "row_passage",
    "run_cases",
]

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
    folder = shipped_folder("behaviours_data", "data/behaviours", holds="slots.jsonl")
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
    rules = [
        row
        for file in sorted(folder.glob("*.jsonl"))
        if file.name not in _NOT_RULES
        for row in _read(file)
    ]
    if not rules:
        what = "no behaviour cases there; name a folder of .jsonl files with rule, text and labels"
        raise InputError(f"{folder}: {what}")
    try:
        each = [
            (str(row["rule"]), row_passage(row), _names(indicator(row["labels"]))) for row in rules
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{folder}: not rows with rule, text and labels ({error}); correct them"
        ) from None
    results = []
    for rule, of_rule in groupby(each, key=itemgetter(0)):
        _, passages, expected = zip(*of_rule, strict=True)
        results.append(_compare(rule, classifier, passages, expected))
    plain = [passage for _, passage, _ in each if not passage.section]
    groups: defaultdict[str, list[_Variation]] = defaultdict(list)
    for variation in _variations(folder, plain):
        groups[variation.of].append(variation)
    for name, group in groups.items():
        variants = [variant for variation in group for variant in variation.variants]
        expected_labels = [
            _names(row)
            for row, variation in zip(
                classifier.predict([variation.passage for variation in group]), group, strict=True
            )
            for _ in variation.variants
        ]
        results.append(_compare(f"invariance-{name}", classifier, variants, expected_labels))
    return [result for result in results if result.cases]  # a user's cases may have no text to vary


def replay_golden(classifier: Classifier, lines: Iterable[str | bytes]) -> list[FailedCase]:
    """Find reference outputs of a model's folder that it no longer gives, but for rounding.

    The tolerance is 0.002 or the scorer's `rounding`, the larger, for one passage, and a tenth of
    it for the mean over all. Raises `ModelError` when a line is no reference output.
    """
    try:
        rows = [
            msgspec.convert(load_json(line), _ReferenceOutput) for line in lines if line.strip()
        ]
        stored = np.array([[row.scores[label] for label in LABELS] for row in rows]).reshape(
            -1, len(LABELS)
        )
    except (ValueError, KeyError) as error:
        raise ModelError(
            f"golden.jsonl of the model: no reference outputs ({error}); get the model anew"
        ) from None
    scores = classifier.predict_proba(
        [Passage(row.text, 0, len(row.text), row.section) for row in rows]
    )
    gaps = np.abs(scores - stored)
    tolerance = max(_STORAGE_ROUNDING, classifier.scorer.rounding)
    # rounding changes few scores, another model or tokenizer most
    if len(rows) and gaps.mean() > tolerance / 10:
        tolerance /= 10
    return [
        FailedCase(
            rows[i].text, tuple(f"{s:.4f}" for s in stored[i]), tuple(f"{s:.4f}" for s in scores[i])
        )
        for i in np.flatnonzero((gaps > tolerance).any(axis=1))
    ]


def row_passage(row: Mapping[str, Any]) -> Passage:
    """Convert a row with a ``text`` to a passage under its ``section``."""
    return Passage(row["text"], 0, len(row["text"]), row.get("section") or None)


def _compare(
    rule: str,
    classifier: Classifier,
    passages: Sequence[Passage],
    expected: Iterable[tuple[str, ...]],
) -> RuleResult:
    wrong = []
    for passage, true, row in zip(passages, expected, classifier.predict(passages), strict=True):
        if true != (predicted := _names(row)):
            text = f"[{passage.section}] {passage.text}" if passage.section else passage.text
            wrong.append(FailedCase(text, true, predicted))
    return RuleResult(rule, len(passages) - len(wrong), len(passages), tuple(wrong))


def _names(row: Iterable[bool]) -> tuple[str, ...]:
    return tuple(compress(LABELS, row))


def _read(file: Path) -> list[dict[str, Any]]:
    """Read JSON lines; empty for a file that a user's folder of cases lacks."""
    try:
        return [load_json(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as JSON lines ({error})") from None


@dataclass(frozen=True, slots=True)
class _Variation:
    """A passage, and variants of it that must have the same labels."""

    of: str  # what varies
    passage: Passage
    variants: list[Passage]


def _variations(folder: Path, plain: list[Passage]) -> Iterator[_Variation]:
    """Yield variations of the cases of a folder: of slots and headings, and of `plain` passages."""
    if slots := _read(folder / "slots.jsonl"):
        fillers = json.loads((folder / "fillers.json").read_text("utf-8"))
        fillers["country"] = (folder / "countries.txt").read_text("utf-8").split("\n")[:-1]
        for row in slots:
            first, *others = (
                row_passage({"text": row["text"].replace("{}", word)})
                for word in fillers[row["slot"]]
            )
            yield _Variation(row["slot"], first, others)
    for row in _read(folder / "headings.jsonl"):  # headings of equivalent meaning
        first, *others = (row_passage({**row, "section": heading}) for heading in row["headings"])
        yield _Variation("heading", first, others)
    for name, replacements in _SURFACE.items():
        for passage in plain:
            text = passage.text
            for old, new in replacements:
                text = text.replace(old, new)
            if text != passage.text:
                yield _Variation(name, passage, [row_passage({"text": text})])
    # Unrelated clauses in rotation, two to every fifth passage: every combination would show no
    # more.
    clauses = cycle([row["clause"] for row in _read(folder / "appended.jsonl")])
    for passage in plain[::5]:
        if passage.text.endswith("."):
            longer = [f"{passage.text[:-1]}{clause}." for clause in islice(clauses, 2)]
            yield _Variation("addition", passage, [row_passage({"text": text}) for text in longer])
