"""The codebook as executable tests: does a model tag the cases of each rule as the rule says?

Three kinds of case. Rules: sentences written for one rule of the codebook, with the labels it gives. Invariance:
a change that must not matter (country, city, figure, year, date, money, spelling, quotation marks, spaces) must leave
the labels as they are. Addition: an unrelated clause appended keeps them.

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
_CLOSE: Final = 2e-3  # weights are stored as half floats


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that a model gets wrong: what it should give, and what it gives."""

    text: str
    expected: tuple[str, ...]
    given: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleResult:
    """How a model does on one rule."""

    rule: str
    passed: int
    cases: int
    failures: tuple[Failure, ...]

    @property
    def rate(self) -> float:
        """Share of cases passed, 0 to 1."""
        return self.passed / self.cases


def default_cases_path() -> Path:
    """Folder of the shipped cases: inside the installed package, or in the checkout that it runs from.

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
    """Results of every rule, rules of the codebook first, invariance and addition after.

    Raises
    ------
    InputError
        When a case file is missing or broken.
    """
    folder = Path(cases) if cases is not None else default_cases_path()
    rules = _read_rules(folder)
    results = [
        _compare(classifier, rule, [(_passage(row), tuple(row["labels"])) for row in rows])
        for rule, rows in groupby(rules, key=lambda row: str(row["rule"]))
    ]
    texts = [row["text"] for row in rules if not row.get("section")]
    for name, groups in (
        *_slot_groups(folder),
        ("invariance-heading", _headed(folder)),
        *_surface_groups(texts),
        ("invariance-addition", _added(folder, texts)),
    ):
        results.append(_unchanged(classifier, name, list(groups)))
    return [result for result in results if result.cases]  # cases of one's own may give nothing to change


def replay_golden(classifier: Classifier, lines: Iterable[str]) -> list[Failure]:
    """Golden passages of a model folder whose scores differ from those stored, by more than rounding.

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


def _passage(row: Mapping[str, Any]) -> Passage:
    return Passage(row["text"], 0, len(row["text"]), row.get("section"))


def _compare(classifier: Classifier, rule: str, cases: list[tuple[Passage, tuple[str, ...]]]) -> RuleResult:
    given = [_names(row) for row in classifier.predict([passage for passage, _ in cases])]
    expected = [_names(np.array(indicator(labels))) for _, labels in cases]
    wrong = [Failure(cases[i][0].text, expected[i], given[i]) for i in range(len(cases)) if expected[i] != given[i]]
    return RuleResult(rule, len(cases) - len(wrong), len(cases), tuple(wrong))


def _unchanged(classifier: Classifier, rule: str, groups: list[Group]) -> RuleResult:
    """Every variant must have the labels of its base, whatever those are."""
    base = classifier.predict([text for text, _ in groups])
    variants = [(i, text) for i, (_, texts) in enumerate(groups) for text in texts]
    given = classifier.predict([text for _, text in variants])
    wrong = [
        Failure(_shown(text), _names(base[i]), _names(given[v]))
        for v, (i, text) in enumerate(variants)
        if not np.array_equal(base[i], given[v])
    ]
    return RuleResult(rule, len(variants) - len(wrong), len(variants), tuple(wrong))


def _shown(passage: str | Passage) -> str:
    return passage if isinstance(passage, str) else f"[{passage.section}] {passage.text}"


def _names(row: Any) -> tuple[str, ...]:
    return tuple(label for label, given in zip(LABELS, row, strict=True) if given)


# --------------------------------------------------------------------------------------------- cases

Group = tuple[str | Passage, list[str | Passage]]
Groups = Iterator[Group]


def _read_rules(folder: Path) -> list[dict[str, Any]]:
    rows = []
    for file in sorted(folder.glob("*.jsonl")):
        if file.name not in ("slots.jsonl", "appended.jsonl", "headings.jsonl"):
            rows += _read(file)
    if not rows:
        raise InputError(
            f"{folder}: no behaviour cases there; name a folder of .jsonl files with rule, text and labels"
        )
    return rows


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as JSON lines ({error})") from None


def _slot_groups(folder: Path) -> Iterator[tuple[str, Groups]]:
    if not (folder / "slots.jsonl").is_file():
        return
    fillers = json.loads((folder / "fillers.json").read_text("utf-8"))
    fillers["country"] = (folder / "countries.txt").read_text("utf-8").split("\n")[:-1]
    for slot, rows in groupby(_read(folder / "slots.jsonl"), key=lambda row: str(row["slot"])):
        first, *others = fillers[slot]
        filled = [(r["text"].replace("{}", first), [r["text"].replace("{}", o) for o in others]) for r in rows]
        yield f"invariance-{slot}", iter(filled)


def _headed(folder: Path) -> Groups:
    """A passage under headings of like meaning, which must not change its labels."""
    file = folder / "headings.jsonl"
    for row in _read(file) if file.is_file() else []:
        first, *others = (Passage(row["text"], 0, len(row["text"]), heading) for heading in row["headings"])
        yield first, list(others)


def _surface_groups(texts: list[str]) -> Iterator[tuple[str, Groups]]:
    def spelled(text: str) -> str:
        for american, british in _SPELLINGS:
            text = text.replace(american, british)
        return text

    def curled(text: str) -> str:
        return text.replace("'", "’").replace(' "', " “").replace('"', "”")

    def spaced(text: str) -> str:
        return text.replace(" ", "\u00a0")

    changes = {
        "spelling": spelled,
        "quotes": curled,
        "spaces": spaced,
    }
    for name, change in changes.items():
        pairs = ((text, change(text)) for text in texts)
        yield f"invariance-{name}", iter([(text, [new]) for text, new in pairs if new != text])


def _added(folder: Path, texts: list[str]) -> Groups:
    file = folder / "appended.jsonl"
    clauses = [row["clause"] for row in _read(file)] if file.is_file() else []
    ended = [text for text in texts[::5] if text.endswith(".")]
    for number, text in enumerate(ended if clauses else []):
        two = (
            clauses[(2 * number + i) % len(clauses)] for i in range(2)
        )  # each clause in turn: all with all tells no more
        yield text, [text[:-1] + clause + "." for clause in two]
