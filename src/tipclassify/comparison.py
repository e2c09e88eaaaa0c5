"""Two reports of one country side by side: which passages stayed, were reworded, are new or gone; which labels changed.

Two tagged reports come in, OLD and NEW; what goes out is a `Comparison`: pairs of passages, those whose labels changed
first. Nothing here says that a government began or stopped something: a label is reported, or it is not found.

**Alignment** (`align`) is one to one. Passages that are equal but for white space, quotation marks and case are the
same. Among the others the similarity of two passages is the cosine of their tf-idf vectors (Salton and Buckley 1988,
Information Processing & Management 24:513-523), rarity counted over both reports. The vectors hold stems (tokens.py) of
the words that carry matter and the words of names; figures and function words, "not" among them, are left out, so that
the successor of "The government convicted nine" is found in "The government did not convict anyone". The most similar
pair is joined first, then the most similar of what is left: each pair is the best that either passage still has, and
their similarities add up to at least half of what any matching reaches (Preis 1999, STACS, LNCS 1563:259-269). Where
similarities are equal, the pair nearest in position is joined.

`SIMILAR` was chosen on 60 pairs of sentences judged by hand, 41 reworded and 19 unrelated but of like build: it finds 40
of the 41 and joins 4 of the 19. Of 35 pairs kept aside it finds all 22 reworded ones and joins none of the 13 others; of
the 39 successors in the two sample narratives it finds 38, and joins nothing that is none (`tests/test_compare.py` holds
them all). Word order, as longest common subsequence or as word pairs, was tried as a part of the similarity and made it
worse: successors are often turned around.

**Borderline** is a change of label that the model may owe to wording alone: both probabilities (or the only one) lie within
`MARGIN` log-odds of the threshold, or the passages are the same. Clauses that say nothing ("during the reporting period"),
appended to the sentences of data/behaviours, turn two or three labels of a hundred; of those turned, nine in ten lie
within 1.0 before and after.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from tipclassify.document import Passage
from tipclassify.labels import LABELS
from tipclassify.tokens import I64, NAME, NUMBER, U64, hash_word, tokenize, words_of
from tipclassify.writers import Finding, Run, TaggedReport

__all__ = ["APART", "KINDS", "MARGIN", "SIMILAR"]
__all__ += ["Change", "Comparison", "Group", "Kind", "Match", "Pair", "Piece", "align", "changed_words", "compare"]

SIMILAR: Final = 0.32
"""Similarity from which two passages of one section are the same passage reworded."""

APART: Final = 0.15
"""How much more similar passages of different sections must be; a heading that only one report has is no other section."""

MARGIN: Final = 1.0
"""Log-odds from the threshold within which a change of label is borderline."""

_NEAR: Final = 0.2  # below it, the nearest passage of the other report is on another subject
_FEWEST_SHARED: Final = 3  # words; two make "domestic violence" or "minimum wage", which is a subject and no passage
_MOST_RIVALS: Final = 100  # candidates kept for a passage: a report of one line a thousand times must not fill memory
_LONGEST: Final = 2_000  # words of a passage; matching more of them word by word would take minutes

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Alignment = Literal["same", "reworded", "new", "dropped"]


class Kind(NamedTuple):
    """What a pair is listed under; `{old}` and `{new}` stand for the names of the reports."""

    title: str
    meaning: str


KINDS: Final = {
    "new_failure": Kind("Failures newly reported", "tagged as failure in {new}, not in {old}"),
    "effort_gone": Kind("Efforts no longer reported", "tagged as positive effort in {old}, not found so in {new}"),
    "new_complicity": Kind("Complicity newly reported", "tagged as complicity in {new}, not in {old}"),
    "complicity_gone": Kind("Complicity no longer reported", "tagged as complicity in {old}, not found so in {new}"),
    "failure_gone": Kind("Failures no longer reported", "tagged as failure in {old}, not found so in {new}"),
    "new_effort": Kind("Efforts newly reported", "tagged as positive effort in {new}, not in {old}"),
    "reworded": Kind("Reworded, same labels", "figures or words changed, labels did not"),
    "new": Kind(
        "Other passages not found in {old}", "passages of {new} without a label, to which none of {old} was matched"
    ),
    "dropped": Kind(
        "Other passages not found in {new}", "passages of {old} without a label, to which none of {new} was matched"
    ),
    "same": Kind("Same", "equal but for white space, quotation marks and case"),
}
"""In the order in which they are listed: what an analyst must see first stands first."""

_CAME: Final = {"failure": "new_failure", "complicity": "new_complicity", "positive_effort": "new_effort"}
_WENT: Final = {"failure": "failure_gone", "complicity": "complicity_gone", "positive_effort": "effort_gone"}
_ORDER: Final = {kind: place for place, kind in enumerate(KINDS)}


# --------------------------------------------------------------------------------------------- what comes out


@dataclass(frozen=True, slots=True)
class Change:
    """A label that one passage of a pair has and the other has not.

    Attributes
    ----------
    came : bool
        NEW has it; otherwise OLD has it.
    old, new : float or None
        Probability of the label on each side; None where there is no passage.
    borderline : bool
        The model may owe it to wording alone: see `MARGIN`.
    """

    label: str
    came: bool
    old: float | None
    new: float | None
    borderline: bool

    @property
    def kind(self) -> str:
        """The key of `KINDS` for it."""
        return (_CAME if self.came else _WENT)[self.label]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        old, new = (None if score is None else round(score, 4) for score in (self.old, self.new))
        return {
            "label": self.label,
            "change": "came" if self.came else "went",
            "old": old,
            "new": new,
            "borderline": self.borderline,
        }


class Piece(NamedTuple):
    """A stretch of a passage, and whether the other passage of the pair has other words for it."""

    text: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """A passage of OLD and its counterpart in NEW, or one of them alone.

    Attributes
    ----------
    similarity : float or None
        0 to 1; None where there is one passage only.
    changes : tuple of Change
        Labels that came or went, the one it is listed under first.
    nearest : Finding or None
        For a passage alone: the most similar passage of the other report, where there is one to speak of.
    nearness : float or None
        How similar that is.
    """

    alignment: Alignment
    old: Finding | None
    new: Finding | None
    similarity: float | None = None
    changes: tuple[Change, ...] = ()
    nearest: Finding | None = None
    nearness: float | None = None

    @property
    def kind(self) -> str:
        """The key of `KINDS` that it is listed under: of several changes, clear ones go before borderline ones."""
        return self.changes[0].kind if self.changes else self.alignment

    def words(self) -> tuple[list[Piece], list[Piece]]:
        """Both texts in pieces, changed and unchanged; a passage alone is one unchanged piece."""
        if self.old and self.new:
            return changed_words(self.old.passage.text, self.new.passage.text)
        return ([Piece(self.old.passage.text, False)] if self.old else []), (
            [Piece(self.new.passage.text, False)] if self.new else []
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: what changed, and each side as ``score --format jsonl`` writes it."""
        nearest = None
        if self.nearest and self.nearness is not None:
            nearest = {"similarity": round(self.nearness, 4), **self.nearest.passage.to_dict()}
        return {
            "kind": self.kind,
            "alignment": self.alignment,
            "similarity": None if self.similarity is None else round(self.similarity, 4),
            "changes": [change.to_dict() for change in self.changes],
            "old": self.old.to_dict() if self.old else None,
            "new": self.new.to_dict() if self.new else None,
            "nearest": nearest,
        }


@dataclass(frozen=True, slots=True)
class Group:
    """The pairs of one kind.

    Attributes
    ----------
    elsewhere : int
        Pairs with a change of this kind that are listed under another kind, for a change that goes before it.
    """

    kind: str
    title: str
    meaning: str
    pairs: tuple[Pair, ...]
    elsewhere: int

    @property
    def borderline(self) -> int:
        """Pairs whose changes are all borderline."""
        return sum(bool(pair.changes) and pair.changes[0].borderline for pair in self.pairs)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two reports and the pairs of their passages, in the order in which they are to be read."""

    old: TaggedReport
    new: TaggedReport
    pairs: tuple[Pair, ...]

    @property
    def names(self) -> tuple[str, str]:
        """What to call the reports: their years where known and different, or OLD and NEW."""
        (_, old), (_, new) = map(_subject, (self.old, self.new))
        return (str(old), str(new)) if old and new and old != new else ("OLD", "NEW")

    def groups(self, same: bool = False) -> list[Group]:
        """The kinds that have pairs, most pressing first; passages that are the same only when asked for."""
        listed: dict[str, list[Pair]] = defaultdict(list)
        all_of: dict[str, int] = defaultdict(int)
        for pair in self.pairs:
            listed[pair.kind].append(pair)
            for kind in {change.kind for change in pair.changes}:
                all_of[kind] += 1
        old, new = self.names
        return [
            Group(
                kind,
                about.title.format(old=old, new=new),
                about.meaning.format(old=old, new=new),
                tuple(listed[kind]),
                max(all_of[kind] - len(listed[kind]), 0),
            )
            for kind, about in KINDS.items()
            if (listed[kind] or all_of[kind]) and (same or kind != "same")
        ]

    def counts(self) -> dict[Alignment, int]:
        """How many pairs were aligned how."""
        found: dict[Alignment, int] = {"same": 0, "reworded": 0, "new": 0, "dropped": 0}
        for pair in self.pairs:
            found[pair.alignment] += 1
        return found

    def doubts(self) -> list[str]:
        """Why the two may not be what they are compared as, one line each."""
        (here, old), (there, new) = map(_subject, (self.old, self.new))
        found = []
        if here and there and here != there:
            found.append(f"OLD is about {here} and NEW about {there}: differences are those of two countries")
        if old and new and old == new:
            found.append(f"both reports are of {old}: are they two years?")
        if old and new and old > new:
            found.append(f"OLD is of {old} and NEW of {new}: give the earlier one first")
        return found


def _subject(report: TaggedReport) -> tuple[str | None, int | None]:
    """Country and year, where document or rows tell one of each."""
    if report.document:
        return report.document.country, report.document.year
    countries, years = ({row.get(name) for row in report.extras} for name in ("country", "year"))
    country = countries.pop() if len(countries) == 1 else None
    year = years.pop() if len(years) == 1 else None
    return (country if isinstance(country, str) else None), (year if type(year) is int else None)


def compare(old: TaggedReport, new: TaggedReport, run: Run) -> Comparison:
    """Compare two tagged reports.

    >>> from tipclassify import Classifier
    >>> from tipclassify.segment import text_document
    >>> run = Run(Classifier.load())
    >>> texts = "Courts convicted nine traffickers.", "Courts did not convict any traffickers."
    >>> documents = [text_document(text) for text in texts]
    >>> old, new = (TaggedReport("x", d, run.classifier.tag(d)) for d in documents)
    >>> [(c.label, c.came) for c in compare(old, new, run).pairs[0].changes]
    [('failure', True), ('positive_effort', False)]
    """
    thresholds = dict(zip(LABELS, run.classifier.thresholds(run.policy).tolist(), strict=True))
    matches, nearest = _aligned(old.passages, new.passages, run.classifier.model.vocabulary)
    before, after = list(old.findings()), list(new.findings())
    placed: list[tuple[int, Pair]] = []
    for i, j, similarity, same in matches:
        left, right = before[i], after[j]
        changes = _changes(left.passage, right.passage, thresholds, same)
        placed.append((j, Pair("same" if same else "reworded", left, right, similarity, changes)))
    for i in sorted(set(range(len(before))) - {match.old for match in matches}):
        near = nearest[0].get(i)
        changes = _changes(before[i].passage, None, thresholds)
        closest = (after[near[0]], near[1]) if near else (None, None)
        placed.append((i, Pair("dropped", before[i], None, None, changes, *closest)))
    for j in sorted(set(range(len(after))) - {match.new for match in matches}):
        near = nearest[1].get(j)
        changes = _changes(None, after[j].passage, thresholds)
        closest = (before[near[0]], near[1]) if near else (None, None)
        placed.append((j, Pair("new", None, after[j], None, changes, *closest)))
    placed.sort(key=_place)
    return Comparison(old, new, tuple(pair for _, pair in placed))


def _place(placed: tuple[int, Pair]) -> tuple[int, bool, bool, int]:
    """By kind; clear changes before borderline ones, pairs before passages alone, then as they stand in the report."""
    position, pair = placed
    alone = pair.old is None or pair.new is None
    return _ORDER[pair.kind], bool(pair.changes) and pair.changes[0].borderline, alone, position


def _changes(
    old: Passage | None, new: Passage | None, thresholds: dict[str, float], same: bool = False
) -> tuple[Change, ...]:
    changes = []
    for label in LABELS:
        had, has = (passage is not None and label in passage.labels for passage in (old, new))
        if had == has:
            continue
        scores = [None if passage is None else passage.scores[label] for passage in (old, new)]
        threshold = _log_odds(thresholds[label])
        near = all(abs(_log_odds(score) - threshold) <= MARGIN for score in scores if score is not None)
        changes.append(Change(label, has, scores[0], scores[1], near or same))
    return tuple(sorted(changes, key=lambda change: (change.borderline, _ORDER[change.kind])))


def _log_odds(probability: float) -> float:
    return math.log(max(probability, 1e-12) / max(1 - probability, 1e-12))


# --------------------------------------------------------------------------------------------- alignment


class Match(NamedTuple):
    """Indices of two passages that belong together; `same` means equal but for white space, quotes and case."""

    old: int
    new: int
    similarity: float
    same: bool


def align(old: Sequence[Passage], new: Sequence[Passage], vocabulary: frozenset[str]) -> list[Match]:
    """Passages that belong together, each in one match at most, ascending by `Match.old`.

    `vocabulary` holds the words known in lower case, by which names are told (`tipclassify.tokens.tokenize`).

    >>> texts = "Courts convicted nine traffickers.", "In May, courts convicted no traffickers."
    >>> align(*([Passage(text, 0, len(text))] for text in texts), frozenset({"courts"}))
    [Match(old=0, new=0, similarity=1.0, same=False)]
    """
    return _aligned(old, new, vocabulary)[0]


_Nearest = dict[int, tuple[int, float]]


def _aligned(
    old: Sequence[Passage], new: Sequence[Passage], vocabulary: frozenset[str]
) -> tuple[list[Match], tuple[_Nearest, _Nearest]]:
    """The matches, and for each passage of either report its nearest in the other."""
    before, after = _sections(old, new)
    matches = [Match(i, j, 1.0, True) for i, j in _same(old, new, before, after)]
    taken_old, taken_new = ({match[side] for match in matches} for side in (0, 1))
    rivals = _similar(old, new, vocabulary)
    apart = np.array([before[i] != after[j] for i, j in zip(rivals.old, rivals.new, strict=True)], bool)
    score = np.where(rivals.enough, rivals.similarity - np.where(apart, APART, 0.0), 0.0)
    for at in _best_first(rivals, score, len(old), len(new)):
        i, j = int(rivals.old[at]), int(rivals.new[at])
        if score[at] >= SIMILAR and i not in taken_old and j not in taken_new:
            taken_old.add(i)
            taken_new.add(j)
            matches.append(Match(i, j, float(rivals.similarity[at]), False))
    nearest: tuple[_Nearest, _Nearest] = ({}, {})
    for at in _best_first(rivals, rivals.similarity, len(old), len(new)):
        i, j, similarity = int(rivals.old[at]), int(rivals.new[at]), float(rivals.similarity[at])
        nearest[0].setdefault(i, (j, similarity))
        nearest[1].setdefault(j, (i, similarity))
    return sorted(matches), nearest


def _best_first(rivals: _Candidates, score: Floats, olds: int, news: int) -> list[int]:
    """Pairs by falling score, those nearest in position first: in the same order when OLD and NEW change places."""
    gap = np.abs(rivals.old / max(olds, 1) - rivals.new / max(news, 1))
    low, high = np.minimum(rivals.old, rivals.new), np.maximum(rivals.old, rivals.new)
    order: list[int] = np.lexsort([high, low, gap, -score]).tolist()
    return order


_LETTERING: Final = re.compile(r"^(?:[a-z]|[0-9]+|[ivx]+)[.)]\s+")


def _sections(old: Sequence[Passage], new: Sequence[Passage]) -> tuple[list[str], list[str]]:
    """The section of each passage. All headings that one report alone has count as one: they may be renamed ones."""
    names = [[_LETTERING.sub("", _folded(p.section or "")) for p in passages] for passages in (old, new)]
    shared = set(names[0]) & set(names[1])
    here, there = ([name if name in shared else "\0" for name in of_report] for of_report in names)
    return here, there


def _same(
    old: Sequence[Passage], new: Sequence[Passage], before: Sequence[str], after: Sequence[str]
) -> Iterator[tuple[int, int]]:
    """Equal passages: first within a section, then across, each time in the order of the text."""
    left = {i: _folded(passage.text) for i, passage in enumerate(old)}
    right = {j: _folded(passage.text) for j, passage in enumerate(new)}
    for within in (True, False):
        waiting: dict[tuple[str, str], list[int]] = defaultdict(list)
        for i in sorted(left, reverse=True):
            waiting[left[i], before[i] if within else ""].append(i)
        for j in sorted(right):
            if stack := waiting.get((right[j], after[j] if within else "")):
                i = stack.pop()
                del left[i], right[j]
                yield i, j


_QUOTES: Final = str.maketrans(dict.fromkeys("‘’‚‛´`", "'") | dict.fromkeys("“”„‟«»", '"'))


def _folded(text: str) -> str:
    return " ".join(text.translate(_QUOTES).casefold().split())


# --------------------------------------------------------------------------------------------- similarity

# Words that hold sentences together, not what they are about. Negation is one of them: a report that turns from "did" to
# "did not" is the successor we look for.
_FUNCTION_WORDS: Final = frozenset(
    """a about after again all also although an and any are as at be been before being between both but by can could did do
    does during each for from had has have he her here him his however if in into is it its may might more most must no nor
    not of on one only or other out over per she should so some such than that the their them then there these they this
    those to under up was were when where which while who whom whose will with without would""".split()
)
_EMPTY: Final = np.array(sorted({NUMBER, *map(hash_word, _FUNCTION_WORDS)}), np.uint64)


class _Vectors(NamedTuple):
    """Sparse unit vectors: entry k says that passage `row[k]` holds `value[k]` of `term[k]`; ascending by row, then term."""

    row: I64
    term: I64
    value: Floats


class _Candidates(NamedTuple):
    """Pairs that share words: passage of OLD and of NEW, similarity, and whether they share enough to be one passage."""

    old: I64
    new: I64
    similarity: Floats
    enough: Bools


def _similar(old: Sequence[Passage], new: Sequence[Passage], vocabulary: frozenset[str]) -> _Candidates:
    """All pairs that are at all alike.

    An inverted index of NEW gives each passage of OLD the few it shares words with; no table of all pairs is made.
    """
    left, right, terms = _vectors([p.text for p in old], [p.text for p in new], vocabulary)
    by_term = np.argsort(right.term, kind="stable")
    posted, weight = right.row[by_term], right.value[by_term]
    ends = np.cumsum(np.bincount(right.term, minlength=terms))
    sizes = np.bincount(right.row, minlength=len(new))
    of_row = np.searchsorted(left.row, np.arange(len(old) + 1))
    found = []
    for i in range(len(old)):
        entries = range(of_row[i], of_row[i + 1])
        if not entries:
            continue
        lists = [slice(ends[t - 1] if t else 0, ends[t]) for t in left.term[of_row[i] : of_row[i + 1]].tolist()]
        sharing = np.concatenate([posted[one] for one in lists])
        added = np.concatenate([left.value[k] * weight[one] for k, one in zip(entries, lists, strict=True)])
        cosine = np.minimum(np.bincount(sharing, added, len(new)), 1.0)
        alike = np.flatnonzero(cosine >= _NEAR)
        gap = np.abs(i / len(old) - alike / len(new))
        best = alike[np.lexsort([gap, -cosine[alike]])[:_MOST_RIVALS]]
        shared = np.bincount(sharing, minlength=len(new))[best]
        enough = shared >= np.minimum(_FEWEST_SHARED, np.minimum(sizes[best], len(entries)))
        found.append((np.full(len(best), i), best, cosine[best], enough))
    if not found:
        return _Candidates(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, bool))
    return _Candidates(*map(np.concatenate, zip(*found, strict=True)))


def _vectors(old: Sequence[str], new: Sequence[str], vocabulary: frozenset[str]) -> tuple[_Vectors, _Vectors, int]:
    """tf-idf vectors of the passages of both reports, and the number of terms."""
    words = [_words(texts, vocabulary) for texts in (old, new)]
    terms, number = np.unique(np.concatenate([term for _, term in words]), return_inverse=True)
    counted = []
    for (row, _), of_word in zip(words, np.split(number.ravel(), [len(words[0][0])]), strict=True):
        key, count = np.unique(row * max(len(terms), 1) + of_word, return_counts=True)
        counted.append((*np.divmod(key, max(len(terms), 1)), count))
    holding = sum(np.bincount(term, minlength=len(terms)) for _, term, _ in counted)
    rarity = np.log1p((len(old) + len(new)) / np.maximum(holding, 1))
    vectors = []
    for row, term, count in counted:
        value = count * rarity[term]
        length = np.sqrt(np.bincount(row, value**2))
        vectors.append(_Vectors(row, term, value / length[row]))
    return vectors[0], vectors[1], len(terms)


def _words(texts: Sequence[str], vocabulary: frozenset[str]) -> tuple[I64, U64]:
    """Passage and stem of each word that carries matter; a name counts by its words, whole."""
    if not texts:
        return np.zeros(0, np.int64), np.zeros(0, np.uint64)
    tokens = tokenize(texts, vocabulary)
    name = tokens.word == NAME
    plain = ~name & ~np.isin(tokens.word, _EMPTY)
    found = [
        (row, hash_word(word))
        for row, start, end in zip(*(a[name].tolist() for a in (tokens.row, tokens.start, tokens.end)), strict=True)
        for word in words_of(texts[row][start:end])
        if word not in _FUNCTION_WORDS
    ]
    rows = np.array([row for row, _ in found], np.int64)
    names = np.array([word for _, word in found], np.uint64)
    return np.append(tokens.row[plain], rows), np.append(tokens.stem[plain], names)


# --------------------------------------------------------------------------------------------- word by word

# A figure with its sign and a word with its opening bracket or quote are one: "($1.8".
_WORD: Final = re.compile(r"[(\[“‘\"$€£¥+−-]*\w+(?:[.,'’/:-]\w+)*%?\s*|[^\w\s]\s*|\s+")


def changed_words(old: str, new: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts cut into pieces that the other has too, and pieces that it has not.

    Unchanged function words and punctuation between two changes count as changed: a text that alternates at each word
    cannot be read.

    >>> changed_words("Police opened 34 cases.", "Police opened 29 cases.")[1]
    [Piece(text='Police opened ', changed=False), Piece(text='29 ', changed=True), Piece(text='cases.', changed=False)]
    """
    left, right = _WORD.findall(old), _WORD.findall(new)
    if max(len(left), len(right)) > _LONGEST:
        equal = _folded(old) == _folded(new)
        return [Piece(old, not equal)], [Piece(new, not equal)]
    a, b = ([_folded(word) for word in words] for words in (left, right))
    runs = [run for run in SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks() if run.size]
    kept = [
        run
        for at, run in enumerate(runs)
        if any(word.isalnum() and word not in _FUNCTION_WORDS for word in a[run.a : run.a + run.size])
        or (at == 0 and run.a == run.b == 0)
        or (at == len(runs) - 1 and run.a + run.size == len(a) and run.b + run.size == len(b))
    ]
    same_old = {k for run in kept for k in range(run.a, run.a + run.size)}
    same_new = {k for run in kept for k in range(run.b, run.b + run.size)}
    return _pieces(left, same_old), _pieces(right, same_new)


def _pieces(words: Sequence[str], same: set[int]) -> list[Piece]:
    pieces: list[Piece] = []
    for at, word in enumerate(words):
        changed = at not in same
        if pieces and pieces[-1].changed == changed:
            pieces[-1] = Piece(pieces[-1].text + word, changed)
        else:
            pieces.append(Piece(word, changed))
    return pieces
