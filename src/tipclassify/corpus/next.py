"""Choose the passages of tagged reports to label next, as rows of a queue.

Those most useful to a model that will learn them (active learning), or a random sample to measure
one on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, NamedTuple

import numpy as np

from tipclassify.arrays import Floats
from tipclassify.corpus.curate import word_shingles
from tipclassify.corpus.rows import Row, text_key
from tipclassify.labels import LABELS
from tipclassify.probability import probability
from tipclassify.records import Passage, Report

_MIN_WORDS: Final = 3  # a shorter passage is a heading or a table fragment, not worth a label
# uncertainty from which a label counts as near its threshold: 1.1 in log-odds
_NEAR_THRESHOLD: Final = 0.5
_EPSILON: Final = 1e-12  # a probability of exactly 1 has no log-odds
_WORD: Final = re.compile(r"[^\W_]+")
# fields of an input row that are not those of its source
_OWN: Final = frozenset("id text label labels predicted scores why low_confidence".split())


@dataclass(frozen=True, slots=True)
class Pick:
    """A passage to label."""

    index: int  # into the ranked passages
    score: float  # expected benefit, 0 to 1; 0 for a redundant or too short passage
    why: str  # the reason, for the annotator: "failure 0.44 near its threshold 0.41"


def rank_to_label(
    passages: Sequence[Passage],
    thresholds: Floats | Sequence[float],
    n: int,
    *,
    known: Sequence[str] = (),
    seed: int = 0,
    labels: Sequence[str] = LABELS,
) -> list[Pick]:
    """Rank passages for annotation; return the first `n`, the most informative first.

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
    >>> for pick in rank_to_label(tagged, [0.5, 0.5, 0.5], 3):
    ...     print(pick.index, pick.why)
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
    words = [_words(passage.text) for passage in passages]
    is_long = np.array([len(passage_words) >= _MIN_WORDS for passage_words in words])
    benefit = uncertainty.max(axis=1) * is_long

    def reason_to_label(i: int) -> str:
        order = np.argsort(-uncertainty[i], kind="stable").tolist()
        near = [j for j in order if uncertainty[i, j] >= _NEAR_THRESHOLD]
        each = [
            f"{label} {probability(score)}" for label, score in zip(labels, scores[i], strict=True)
        ]
        reasons = [f"{each[j]} near its threshold {cutoffs[j]:.2f}" for j in near]
        if passages[i].low_confidence:
            reasons.append("many words unknown to the model")
        if not reasons:
            nearest = order[0]
            return f"{each[nearest]} is nearest to its threshold {cutoffs[nearest]:.2f}"
        return "; ".join(reasons)

    seen = {gram for text in known for gram in word_shingles(_words(text))}
    picks: list[Pick] = []
    last: list[Pick] = []
    tie_break = np.random.default_rng(seed).permutation(len(passages))
    for i in np.lexsort((tie_break, -benefit)).tolist():
        if benefit[i] == 0:
            last.append(Pick(i, 0.0, "too short to be worth a label"))
        elif (grams := word_shingles(words[i])) <= seen:
            last.append(Pick(i, 0.0, "says what is picked or labelled already"))
        elif len(picks) < n:
            picks.append(Pick(i, round(float(benefit[i]), 4), reason_to_label(i)))
            seen |= grams
    return [*picks, *last][:n]


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
    thresholds: Floats,
    n: int,
    *,
    known: Sequence[str] = (),
    seed: int = 0,
    labels: Sequence[str] = LABELS,
) -> list[Row]:
    """Choose the `n` passages to label next, as rows; fewer if the reports have fewer.

    A passage with the text of a `known` one is left out.
    """
    candidates = _candidates(reports, known)
    passages = [candidate.passage for candidate in candidates]
    picks = rank_to_label(passages, thresholds, n, known=known, seed=seed, labels=labels)
    answers = []
    for pick in picks:
        passage = passages[pick.index]
        scores = {label: round(score, 4) for label, score in passage.scores.items()}
        answers.append({"predicted": list(passage.labels), "scores": scores, "why": pick.why})
    return _rows([candidates[pick.index] for pick in picks], answers)


def random_queue_rows(
    reports: Iterable[Report], n: int, *, known: Sequence[str] = (), seed: int = 0
) -> list[Row]:
    """Draw `n` passages at random, as rows; all, in random order, if the reports have fewer.

    Each sentence is as likely as any other, however often the reports repeat it; those with the
    text of a `known` one are left out. The rows have no predictions, so that whoever labels them
    in an editor does not see what a model says.
    """
    candidates = _candidates(reports, known)
    order = np.random.default_rng(seed).permutation(len(candidates))[:n].tolist()
    return _rows([candidates[i] for i in order], [{"why": "drawn at random"}] * len(order))


class _Candidate(NamedTuple):
    """A passage that may be queued, and its source."""

    passage: Passage
    id: str  # of the input row, or made from the report's name; may be that of another passage too
    source: Row  # further fields of its row


def _candidates(reports: Iterable[Report], known: Sequence[str]) -> list[_Candidate]:
    """List the passages that may be queued: each text once, and none that is known."""
    seen = {text_key(text) for text in known}
    candidates: list[_Candidate] = []
    for report in reports:
        for number, passage in enumerate(report.passages):
            key = text_key(passage.text)
            if key and key not in seen:
                seen.add(key)
                candidates.append(_candidate(report, passage, number))
    return candidates


def _candidate(report: Report, passage: Passage, number: int) -> _Candidate:
    """Describe a passage with its source: report, section, page and offsets.

    An input row keeps its own fields; `number` is its place in the batch of rows.
    """
    stem = PurePath(report.file.rstrip("/")).stem or "input"
    if report.document is None:
        own = {
            name: value
            for name, value in passage.extra.items()
            if name not in _OWN and value is not None
        }
        given_id = passage.extra.get("id")
        row_id = f"{stem}-{number + 1}" if given_id in (None, "") else str(given_id)
        return _Candidate(passage, row_id, {"report": report.file, **own})
    source = {
        "report": report.file,
        "doc": report.file,  # passages of one report stay on one side of a split
        "country": report.country,
        "year": report.year,
        "section": passage.section,
        "page": passage.page,
        "start": passage.start,
        "end": passage.end,
    }
    there = {name: value for name, value in source.items() if value is not None}
    return _Candidate(passage, f"{stem}-{passage.start}", there)


def _rows(candidates: Sequence[_Candidate], answers: Sequence[Row]) -> list[Row]:
    """Make the rows of candidates, with the answers of models; an id that comes again is numbered."""
    taken: Counter[str] = Counter()
    rows = []
    for candidate, answer in zip(candidates, answers, strict=True):
        taken[candidate.id] += 1
        number = taken[candidate.id]
        row_id = candidate.id if number == 1 else f"{candidate.id}-{number}"
        row = {"id": row_id, "text": candidate.passage.text, "labels": None}
        rows.append({**row, **answer, **candidate.source})
    return rows
