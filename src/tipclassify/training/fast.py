"""Train the linear model: on labelled rows, and on a teacher's probabilities of unlabelled ones.

`train_fast` holds rows out, fits (`linear`), calibrates, measures (`measure`) and writes the folder
(`write`). `read_unlabelled` and `score_unlabelled` make the passages that a teacher scored (Hinton
et al. 2015, arXiv:1503.02531).
"""

from __future__ import annotations

import gzip
import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from itertools import compress
from pathlib import Path
from typing import Final

import numpy as np

from tipclassify.corpus.holdout import held_out
from tipclassify.corpus.rows import Row, row_key, text_key
from tipclassify.errors import InputError, ModelError
from tipclassify.formatting import load_json
from tipclassify.model.classifier import Classifier
from tipclassify.progress import Progress
from tipclassify.records import Passage, passage_of
from tipclassify.training.calibration import MIN_REAL
from tipclassify.training.examples import (
    calibration_weights,
    kinds_of_rows,
    make_examples,
    real_mask,
    report_weights,
)
from tipclassify.training.fixed_set import FixedComparison, FixedSet, fixed_rows
from tipclassify.training.linear import SoftPassage, fit_linear
from tipclassify.training.write import HELD_OUT_RULE, OUT_OF_FOLD, Trained, count_corpus, save

_BATCH: Final = 1_000  # unlabelled passages between two reports of progress
_BARE_ONE_IN: Final = 3  # scored without its heading, to train on bare text too
_LONGER_ONE_IN: Final = 6  # repeated with an empty clause at its end
_EMPTY_CLAUSES: Final = (
    ", observers said", ", in the words of one source", ", a spokesperson stated", ", sources add",
    ", according to local media", ", the document states", ", a newspaper wrote", ", by all accounts",
    ", which borders the sea", ", the largest town in the region", ", a town of some size",
    ", home to half a million people", ", as described above", ", like other years", ", again",
    " in the past year", " at the time of writing", " over the period under review",
    " during the year", " in the reporting year", " since the last report", " in the same months",
    " (see also page 12)", " (see box)", " (see chapter 3)", " (section 4)", " (see below)",
    "; the harvest is in autumn", "; winters are long and cold", "; tourism grew",
    "; the currency is pegged to the dollar", "; a census was taken in spring",
    "; the lake is the deepest of the continent", "; a new president took office in May",
    "; the river floods each year", "; the island has two airports", "; the polls closed in March",
    "; a new parliament was elected", "; the old town is on a hill", "; local elections followed",
)  # fmt: skip


def train_fast(
    rows: Sequence[Row],
    out: str | os.PathLike[str],
    *,
    own: int = 0,
    soft: Sequence[SoftPassage] = (),
    teacher: str = "",
    vocabulary: frozenset[str] | None = None,
    measured: Sequence[Row] = (),
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Trained:
    """Fit the linear model, measure it on what is held out, and write its folder.

    The last `own` of `rows` are the user's, and are not held out. `soft` passages have the
    probabilities of a `teacher`, named for the card, and are learned with empty clauses at the end
    too (`with_empty_clauses`), which a sum of words would else count. `measured` are rows with words of which the
    held-out ones are the fixed set; by default `rows` themselves. Errors are those of `fit_linear`.
    """
    held = held_out(rows)
    held[len(rows) - own :] = False
    real = real_mask(rows)
    if (held & real).sum() < MIN_REAL:
        held[:] = False  # too few: all rows are judged out of fold
    held_rows = list(compress(rows, held))
    learned_rows = list(compress(rows, ~held))
    examples = make_examples(rows)
    first = examples.first
    calibrating = None
    if held_rows:
        calibrating = np.zeros(len(examples), bool)
        calibrating[first[held & real]] = True  # with their headings
    fitted = fit_linear(
        replace(examples, weights=np.where(held[examples.row], 0.0, examples.weights)),
        soft=with_empty_clauses(soft, seed),
        vocabulary=vocabulary,
        held=calibrating,
        held_weights=calibration_weights(held_rows),
        held_kinds=[kind for kind in kinds_of_rows(held_rows) if kind] or None,
        seed=seed,
        jobs=jobs,
        progress=progress,
    )
    classifier = Classifier(fitted.model)
    calibrated = fitted.calibrated
    if held_rows:
        scores = classifier.predict_proba([passage_of(row) for row in held_rows])
    else:
        y_pred = {policy: labels[first] for policy, labels in calibrated.y_pred.items()}
        calibrated = replace(calibrated, scores=calibrated.scores[first], y_pred=y_pred)
        scores = calibrated.scores
    fixed = compare_with_shipped(classifier, measured or rows, learned_rows, seed)
    calibrated_on = "the real passages held out" if held_rows else "these rows, out of fold"
    trained = save(
        out,
        fitted.model,
        held_rows or rows,
        scores,
        name="the linear model, of your rows" if own else "fast",
        corpus=count_corpus(rows, held_out=len(held_rows), own=own),
        held_out=f"the rows held out: {HELD_OUT_RULE}" if held_rows else OUT_OF_FOLD,
        start="It started from nothing.",
        calibration=f"fitted on {calibrated_on}",
        meta={"settings": {"seed": seed, "soft": len(soft)}},
        learned=[row["text"] for row in learned_rows],
        calibrated=calibrated,
        weights=report_weights(held_rows),
        fixed=fixed if own else None,
        soft=len(soft),
        teacher=teacher,
        seed=seed,
    )
    return replace(trained, fixed=fixed)


def compare_with_shipped(
    classifier: Classifier, measured: Sequence[Row], learned: Sequence[Row], seed: int = 0
) -> FixedComparison | None:
    """Compare a linear model with the shipped one on the fixed set of `measured`.

    Rows among those `learned` are left out. None where nothing is left, and, with a warning,
    where the shipped one cannot be read: while its features change, it is of others.
    """
    known = set(map(row_key, learned))
    held_rows = list(compress(measured, held_out(measured)))
    chosen = (held_rows[i] for i in fixed_rows(held_rows))
    rows = [row for row in chosen if row_key(row) not in known]
    if not rows:
        return None
    try:
        shipped = Classifier.load("fast")
    except ModelError as error:
        warnings.warn(f"not compared with the shipped model: {error}", stacklevel=2)
        return None
    passages = [passage_of(row) for row in rows]
    fixed = FixedSet.of(rows, np.zeros((len(rows), 0), np.float32))
    return fixed.compare(classifier.predict(passages), shipped.predict(passages), seed)


def read_unlabelled(paths: Sequence[Path], known: Sequence[str], seed: int) -> list[Row]:
    """Read distinct passages from JSON lines, shuffled, but none of the texts `known`.

    A row has ``text``, ``section`` (None without a heading) and ``source``, its document, empty if
    not known. Raises `InputError` when a file is not JSON lines with a ``text``.
    """
    seen = set(map(text_key, known))
    passages: list[Row] = []
    for path in paths:
        open_text = gzip.open if path.suffix == ".gz" else open
        try:
            with open_text(path, "rt", encoding="utf-8") as lines:
                for row in map(load_json, lines):
                    key = text_key(row["text"])
                    if key in seen:
                        continue
                    seen.add(key)
                    passages.append(
                        {
                            "text": row["text"],
                            "section": row.get("section") or None,
                            "source": str(row.get("source") or ""),
                        }
                    )
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
            problem = f"{path}: not JSON lines with a text each ({error})"
            raise InputError(f"{problem}; give a .jsonl or .jsonl.gz file") from None
    order = np.random.default_rng([seed, 2]).permutation(len(passages))
    return [passages[i] for i in order.tolist()]


def with_empty_clauses(soft: Sequence[SoftPassage], seed: int) -> list[SoftPassage]:
    """Repeat some passages with a clause at the end that says nothing, and the same probabilities.

    >>> soft = [SoftPassage("Police arrested nine.", None, [0.9, 0.1, 0.1])] * 6
    >>> len(with_empty_clauses(soft, seed=0))
    7
    """
    rng = np.random.default_rng([seed, 3])
    chosen = rng.permutation(len(soft))[: len(soft) // _LONGER_ONE_IN]
    clauses = rng.choice(_EMPTY_CLAUSES, len(chosen))
    longer = [
        replace(soft[i], text=f"{soft[i].text.removesuffix('.')}{clause}.")
        for i, clause in zip(chosen.tolist(), clauses.tolist(), strict=True)
    ]
    return [*soft, *longer]


def score_unlabelled(
    teacher: Classifier, pool: Sequence[Row], progress: Progress | None = None
) -> list[SoftPassage]:
    """Compute a teacher's probabilities; one passage in three is scored without its heading."""
    passages = [
        Passage(row["text"], 0, len(row["text"]), row["section"] if number % _BARE_ONE_IN else None)
        for number, row in enumerate(pool)
    ]
    soft: list[SoftPassage] = []
    for first in range(0, len(passages), _BATCH):
        batch = passages[first : first + _BATCH]
        scores = teacher.predict_proba(batch).tolist()
        soft += (
            SoftPassage(passage.text, passage.section, row)
            for passage, row in zip(batch, scores, strict=True)
        )
        if progress:
            progress(len(soft), len(pool))
    return soft
