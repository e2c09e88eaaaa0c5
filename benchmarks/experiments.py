#!/usr/bin/env python3
"""What each part of the model is worth: ``python benchmarks/experiments.py [--real FILE.jsonl] [--write]``.

Every row trains the shipped recipe with one thing changed, most of them its linear part alone, and prints out-of-fold figures by group, the share of near-twin
sets of which both sides are right, the behaviour cases passed, and, with ``--real`` (rows with text, labels and kind), macro-F1 on
real clauses and sentences. ``--write`` puts the table into docs/experiments.md. About a minute a row, ten with detectors.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from tipclassify import classifier, features, scoring, training, windows_training
from tipclassify.behaviours import run_cases
from tipclassify.classifier import Classifier
from tipclassify.corpus import Row, group_rows, read_rows
from tipclassify.evaluation import measure, twins_right
from tipclassify.families import Family, dense_families, sparse_families
from tipclassify.labels import indicator
from tipclassify.model_file import Model

ROOT = Path(__file__).resolve().parents[1]
FIRST_FILES = re.compile(r"w\d|prosecution|protection|prevention|complicity")

# Salts of the families in families.py.
WORDS, STEMS, MARKS = {1, 2}, {4, 5, 6}, set(range(20, 60))
CLASSES, PAIRS, ACTS, OPENING, ASKING = set(range(60, 65)), {65}, {70, 71}, {80, 81, 82}, {83, 84}


@contextmanager
def without(salts: set[int]) -> Iterator[None]:
    """Families of these salts left out."""

    def fewer(all_of: Callable[..., Iterator[Family]]) -> Callable[..., Iterator[Family]]:
        return lambda *args: (family for family in all_of(*args) if family.salt not in salts)

    with ExitStack() as stack:
        stack.enter_context(changed(features, "dense_families", fewer(dense_families)))
        stack.enter_context(changed(features, "sparse_families", fewer(sparse_families)))
        stack.enter_context(changed(classifier, "score_texts", score_laid_out))
        yield


def score_laid_out(model: Model, texts: Sequence[str]) -> scoring.Scored:
    """`scoring.score_texts` by way of the features that there are: scoring itself knows all families."""
    laid = features.featurize(texts, model.vocabulary)
    known, index = scoring.known_features(model, laid)
    logits = np.tile(model.bias, (len(texts), 1))
    for label, unit in enumerate(model.units):
        logits[:, label] += features.score_sums(laid, known, model.weights[index, label].astype(np.float64))[0] * unit
    if model.windows is not None:
        rows, begin = laid.tokens.passages()
        logits[rows] += model.windows.scores(laid.tokens.stem, laid.tokens.kind, laid.tokens.edge, begin)
    return scoring.Scored(logits, laid.words, laid.unknown)


@contextmanager
def changed(module: Any, name: str, value: Any) -> Iterator[None]:
    """A module's constant or function changed for a while."""
    old = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, old)


@contextmanager
def as_shipped() -> Iterator[None]:
    """Nothing changed."""
    yield


@contextmanager
def whole_passage_only() -> Iterator[None]:
    """No best clause: neither in fitting nor in scoring."""

    def no_clause(_scores: Any, _clause_row: Any, passages: int) -> Any:
        return np.full(passages, -1)

    def nothing(_parts: Any, first: Any) -> Any:
        return np.zeros(len(first))

    with changed(training, "best_clauses", no_clause), changed(scoring, "best_parts", nothing):
        yield


VARIANTS: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "as shipped": (as_shipped, {"detectors": True}),
    "16 detectors of each width": (lambda: changed(windows_training, "DETECTORS", {3: 16, 5: 16}), {"detectors": True}),
    "32 detectors of each width": (lambda: changed(windows_training, "DETECTORS", {3: 32, 5: 32}), {"detectors": True}),
    "128 detectors of each width": (
        lambda: changed(windows_training, "DETECTORS", {3: 128, 5: 128}),
        {"detectors": True},
    ),
    "linear part alone": (as_shipped, {}),
    "words and stems only": (lambda: without(MARKS | CLASSES | PAIRS | ACTS | OPENING | ASKING), {}),
    "without marked stems": (lambda: without(MARKS), {}),
    "without class sequences": (lambda: without(CLASSES), {}),
    "without class pairs of a clause": (lambda: without(PAIRS), {}),
    "without who acts": (lambda: without(ACTS), {}),
    "without imperatives": (lambda: without(ASKING), {}),
    "without words (stems stay)": (lambda: without(WORDS), {}),
    "classes only": (lambda: without(WORDS | STEMS), {}),
    "no best clause": (whole_passage_only, {}),
    "no length scaling": (lambda: changed(features, "_LENGTH_POWER", 0.0), {"strengths": (0.12,)}),
    "unit length": (lambda: changed(features, "_LENGTH_POWER", 0.5), {"strengths": (16.0,)}),
    "weaker regularisation": (as_shipped, {"strengths": (5.0,)}),
    "stronger regularisation": (as_shipped, {"strengths": (0.2,)}),
}


def main(
    data: Annotated[Path, typer.Option(help="Labelled passages.")] = ROOT / "data",
    real: Annotated[Path | None, typer.Option(help="Real labelled passages with a kind: clause or sentence.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Rows to run, by name; all by default.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Put the table into docs/experiments.md.")] = False,
) -> None:
    """Train every variant and print the table."""
    rows = read_rows(data)
    judged = read_rows(real) if real else []
    lines = [
        "| variant | out-of-fold macro-F1 | all labels right | near twins right | behaviour cases | real clauses | real sentences |"
    ]
    lines.append("| --- " * 7 + "|")
    variants = {name: (change, options, rows) for name, (change, options) in VARIANTS.items()}
    early = [row for row in rows if FIRST_FILES.match(str(row.get("source")))]
    if len(early) < len(rows):
        variants["as shipped, first 5,500 sentences only"] = (as_shipped, {"detectors": True}, early)
    for name, (change, options, chosen) in variants.items():
        if only and name not in only:
            continue
        print(name, file=sys.stderr)
        with change():
            lines.append(f"| {name} | {' | '.join(figures(chosen, judged, options))} |")
    table = "\n".join(lines)
    print(table)
    if write:
        page = ROOT / "docs" / "experiments.md"
        text = re.sub(
            r"(<!-- table -->\n).*?(<!-- end -->)",
            lambda m: f"{m[1]}{table}\n{m[2]}",
            page.read_text("utf-8"),
            flags=re.DOTALL,
        )
        page.write_text(text, "utf-8", newline="\n")


def figures(rows: list[Row], judged: list[Row], options: dict[str, Any]) -> list[str]:
    """The cells of one row."""
    truth = np.array([indicator(row["labels"]) for row in rows])
    texts = [row["text"] for row in rows]
    # In this process: workers would not see what was changed.
    fitted = training.fit_model(texts, truth, group_rows(rows), jobs=1, **{"detectors": False, **options})
    classifier = Classifier(fitted.model)
    rules = [r for r in run_cases(classifier) if not r.rule.startswith("invariance")]
    right, pairs = twins_right([row.get("pair") for row in rows], truth, fitted.given["balanced"])
    cells = [fitted.metrics.macro_f1, fitted.metrics.exact_match, right / max(pairs, 1)]
    cells.append(sum(r.passed for r in rules) / sum(r.cases for r in rules))
    for kind in ("clause", "sentence"):
        part = [row for row in judged if row.get("kind") == kind]
        if part:
            wanted = np.array([indicator(row["labels"]) for row in part])
            scores = classifier.predict_proba([row["text"] for row in part])
            thresholds = classifier.thresholds()
            cells.append(measure(wanted, scores, scores >= thresholds, thresholds).macro_f1)
        else:
            cells.append(float("nan"))
    return ["–" if np.isnan(cell) else f"{cell:.3f}" for cell in cells]


if __name__ == "__main__":
    typer.run(main)
