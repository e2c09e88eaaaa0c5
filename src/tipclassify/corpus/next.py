"""Choose the passages of tagged reports to label next, as rows of a queue.

Those most useful to a model that will learn them (active learning), or a random sample to measure
one on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Final

import numpy as np

from tipclassify.arrays import Floats
from tipclassify.corpus.curate import word_shingles
from tipclassify.corpus.rows import Row, first_id, text_key
from tipclassify.labels import LABELS
from tipclassify.probability import probability
from tipclassify.records import Passage, Report, public_name

_MIN_WORDS: Final = 3  # a shorter passage is a heading or a table fragment, not worth a label
# uncertainty from which a label counts as near its threshold: 1.1 in log-odds
_NEAR_THRESHOLD: Final = 0.5
_EPSILON: Final = 1e-12  # a probability of exactly 1 has no log-odds
_WORD: Final = re.compile(r"[^\W_]+")
# fields of an input row that are not those of its source
_NOT_OF_SOURCE: Final = frozenset(
    "id text label labels predicted scores why low_confidence".split()
)


def rank_to_label(
    passages: Sequence[Passage],
    thresholds: Floats | Sequence[float],
    n: int,
    *,
    known: Sequence[str] = (),
    seed: int = 0,
    labels: Sequence[str] = LABELS,
) -> list[tuple[int, str]]:
    """Rank passages for annotation; return index and reason of the first `n`, the best first.

    Fewer are returned where there are fewer. A passage ranks high when a label's log-odds lie near
    its threshold (uncertainty sampling, Lewis and Gale 1994, by the most uncertain label). Passages
    that differ from an earlier one in names and figures only come last. Passages that differ in one
    other word do not: that word often decides the label.

    `thresholds` are those of the `labels` (k,), `known` the texts of labelled passages; `seed`
    orders equal scores.

    >>> texts = {
    ...     "Police arrested a recruiter.": 0.98,
    ...     "A new unit was formed.": 0.52,
    ...     "A new unit was formed!": 0.82,
    ... }
    >>> tagged = []
    >>> for text, score in texts.items():
    ...     scores = {"positive_effort": score, "failure": 0.02, "complicity": 0.02}
    ...     tagged.append(Passage(text, 0, len(text), scores=scores))
    >>> for index, why in rank_to_label(tagged, [0.5, 0.5, 0.5], 3):
    ...     print(index, why)
    1 positive_effort 0.52 near its threshold 0.50
    0 positive_effort 0.98 is nearest to its threshold 0.50
    2 says what is picked or labelled already
    """
    if not passages or n < 1:
        return []
    scores = np.array([[passage.scores[label] for label in labels] for passage in passages])
    cutoffs = np.asarray(thresholds, np.float64)
    probabilities = np.clip(scores, _EPSILON, 1 - _EPSILON)
    distance = np.log(probabilities / (1 - probabilities)) - np.log(cutoffs / (1 - cutoffs))
    uncertainty = 2 / (1 + np.exp(np.abs(distance)))  # (m, k), 1 at the threshold
    benefit = uncertainty.max(axis=1)
    seen = {gram for text in known for gram in word_shingles(_words(text))}
    picks: list[tuple[int, str]] = []
    redundant: list[tuple[int, str]] = []
    short: list[tuple[int, str]] = []
    tie_break = np.random.default_rng(seed).permutation(len(passages))
    for i in np.lexsort((tie_break, -benefit)).tolist():
        words = _words(passages[i].text)
        grams = word_shingles(words)
        if len(words) < _MIN_WORDS:
            short.append((i, "too short to be worth a label"))
        elif grams <= seen:
            redundant.append((i, "says what is picked or labelled already"))
        elif len(picks) < n:
            picks.append((i, _reason(passages[i], uncertainty[i], cutoffs, labels)))
            seen |= grams
    return [*picks, *redundant, *short][:n]


def _reason(
    passage: Passage, uncertainty: Floats, thresholds: Floats, labels: Sequence[str]
) -> str:
    """Say why a passage is worth a label, for the annotator: its most uncertain labels first."""
    order = np.argsort(-uncertainty, kind="stable").tolist()
    each = [f"{label} {probability(passage.scores[label])}" for label in labels]
    reasons = [
        f"{each[j]} near its threshold {thresholds[j]:.2f}"
        for j in order
        if uncertainty[j] >= _NEAR_THRESHOLD
    ]
    if passage.low_confidence:
        reasons.append("many words unknown to the model")
    nearest = order[0]
    fallback = f"{each[nearest]} is nearest to its threshold {thresholds[nearest]:.2f}"
    return "; ".join(reasons) or fallback


def _words(text: str) -> list[str]:
    """Split into lower-case words, with figures replaced by "0" and names by "A".

    A name is a run of words inside the passage that begin with a capital.

    >>> _words("In 2020 police met 9 men of New Valdoria.")
    ['in', '0', 'police', 'met', '0', 'men', 'of', 'A']
    """
    words: list[str] = []
    for number, written in enumerate(_WORD.findall(text)):
        word = written.lower()
        if written[0].isdigit():
            word = "0"
        elif number and written[0].isupper():
            word = "A"
        is_repeated = bool(words) and word == words[-1]
        if not (is_repeated and word in ("0", "A")):  # a run of names is one name
            words.append(word)
    return words


def queue_rows(
    reports: Iterable[Report],
    thresholds: Floats | None,
    n: int,
    *,
    known: Sequence[str] = (),
    seed: int = 0,
    labels: Sequence[str] = LABELS,
) -> list[Row]:
    """Choose the `n` passages to label next, as rows; fewer if the reports have fewer.

    Each text is a candidate once, and none of a `known` text is. Without `thresholds`, passages are
    drawn at random, and the rows have no predictions, so that whoever labels them in an editor does
    not see what a model says.
    """
    seen = {text_key(text) for text in known}
    passages: list[Passage] = []
    sources: list[Row] = []
    for report in reports:
        for number, passage in enumerate(report.passages, 1):
            key = text_key(passage.text)
            if key and key not in seen:
                seen.add(key)
                passages.append(passage)
                sources.append(_source(report, passage, number))
    if thresholds is None:
        order = np.random.default_rng(seed).permutation(len(passages))[:n].tolist()
        picks = [(i, "drawn at random") for i in order]
    else:
        picks = rank_to_label(passages, thresholds, n, known=known, seed=seed, labels=labels)
    taken: Counter[str] = Counter()
    rows = []
    for i, why in picks:
        source = dict(sources[i])
        row_id = source.pop("id")
        taken[row_id] += 1
        if taken[row_id] > 1:  # an id that comes again is numbered
            row_id = f"{row_id}-{taken[row_id]}"
        row: Row = {"id": row_id, "text": passages[i].text, "labels": None}
        if thresholds is not None:
            row["predicted"] = list(passages[i].labels)
            row["scores"] = {name: round(score, 4) for name, score in passages[i].scores.items()}
        row["why"] = why
        rows.append({**row, **source})
    return rows


def _source(report: Report, passage: Passage, number: int) -> Row:
    """Describe where a passage is from: id, report, section, page and offsets.

    An input row keeps its own fields; `number` is its place in the batch of rows.
    """
    stem = PurePath(report.file.rstrip("/")).stem or "input"
    file = public_name(report.file)
    if report.document is None:
        own = passage.extra
        source: Row = {"id": first_id(own.get("id"), f"{stem}-{number}"), "report": file}
        source |= {name: value for name, value in own.items() if name not in _NOT_OF_SOURCE}
    else:
        source = {
            "id": f"{stem}-{passage.start}",
            "report": file,
            "doc": file,  # passages of one report stay on one side of a split
            "country": report.country,
            "year": report.year,
            "section": passage.section,
            "acronyms": dict(passage.acronyms),
            "page": passage.page,
            "start": passage.start,
            "end": passage.end,
        }
    return {name: value for name, value in source.items() if value is not None}
