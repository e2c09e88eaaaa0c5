"""Words of a batch of passages as one numpy table, with what does not bear on a label folded away.

Case, accents, curly quotes and British spelling go; every figure becomes one stand-in, every name (a run of
capitalised words that are neither the lexicon's nor known in lower case) another, so that neither the
number nor the country decides a tag. Only distinct words are looked at one by one; the rest is arrays.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.lexicon import GEOGRAPHIC, class_of

__all__ = ["NAME", "NUMBER", "Tokens", "hash_word", "known_words", "tokenize", "words_of"]

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

NUMBER: Final = 1  # the hash that stands for every figure
NAME: Final = 2  # and for every name
_DROPPED: Final = 0

_FIGURES: Final = frozenset(
    """two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion
    dozen dozens hundreds thousands dollar dollars euro euros pound pounds usd eur
    rupee rupees franc francs peso pesos dinar dinars dirham dirhams riyal riyals rial rials shilling shillings yen yuan
    baht dong birr kyat taka naira cedi cedis kwacha rand lek lei leu leva lev zloty koruna kroner krona rubles ruble
    hryvnia lari tenge som somoni manat afghani ringgit rupiah riel kip won tugrik real reais bolivares quetzales
    lempiras cordobas colones soles gourdes gourde january february march april
    june july august september october november december""".split()
)
_LONGEST: Final = 40  # letters of a word that is looked at
_JOINING: Final = frozenset("and of the de du la le da do del dos el al au aux es sur".split())
_BRITISH: Final = tuple(
    (re.compile(pattern), plain)
    for pattern, plain in (
        (r"^(lab|fav|col|hon|neighb|harb|behavi|endeav)our", r"\1or"),
        (r"^(\w{3,}|un\w+)is(e|ed|es|ing|ation|ations|ational|er|ers)$", r"\1iz\2"),
        (r"^program(me|med)$", "program"),
        (r"^programmes$", "programs"),
        (r"^(cent|theat|fib)re(s?)$", r"\1er\2"),
        (r"^(defen|offen|licen)c(e|es|ed|ing)$", r"\1s\2"),
        (r"^(trave|labe|counse|mode|cance|signa|marsha)ll(ing|ed|er|ers|or|ors)$", r"\1l\2"),
        (r"^(fulfil|enrol|instal|instil)(ment|ments|s)$", r"\1l\2"),
        (r"^judgement", "judgment"),
        (r"^cheque", "check"),
    )
)


@dataclass(frozen=True)
class Tokens:
    """One row a token, in reading order.

    Attributes
    ----------
    row : int64 (n,)
        Passage the token belongs to.
    start, end : int64 (n,)
        Its characters in that passage, half-open.
    word, stem : uint64 (n,)
        Hash of the folded word and of its first five letters (a cheap stem).
    kind : int64 (n,)
        Class in the lexicon, 0 for none.
    edge : bool (n,)
        Punctuation stands before it: a new clause may begin.
    known : bool (n,)
        The vocabulary or the lexicon has it, or it is a name or a figure.
    """

    row: I64
    start: I64
    end: I64
    word: U64
    stem: U64
    kind: I64
    edge: Bools
    known: Bools


def tokenize(passages: Sequence[str], vocabulary: frozenset[str]) -> Tokens:
    """Tokens of each passage.

    `vocabulary` holds the words known in lower case (`known_words`); a capitalised word outside it that the
    lexicon does not know either is a name.

    >>> t = tokenize(["Valdoria opened 12 shelters."], frozenset({"shelters"}))
    >>> int(t.word[0]) == NAME, int(t.word[2]) == NUMBER, t.start.tolist()
    (True, True, [0, 9, 16, 19])
    """
    folded = _fold("\n".join(passages))
    spaced = folded.lower().translate(_NOT_WORD)
    words = spaced.split()
    code = np.frombuffer(spaced.encode("utf-32-le", "surrogatepass"), np.uint32)
    step = np.diff((code != 32).astype(np.int8), prepend=np.int8(0), append=np.int8(0))
    start, end = np.flatnonzero(step == 1), np.flatnonzero(step == -1)
    original = np.frombuffer(folded.encode("utf-32-le", "surrogatepass"), np.uint32)
    upper = (original[start] >= 65) & (original[start] <= 90)
    breaks = np.append(0, np.cumsum(np.isin(original, _BREAKS)))
    edge = np.diff(breaks[start], prepend=0) > 0
    length = np.fromiter(map(len, passages), np.int64, len(passages)) + 1
    offset = np.cumsum(length) - length
    row = np.searchsorted(offset, start, "right") - 1

    distinct = {word: number for number, word in enumerate(dict.fromkeys(words))}
    which = np.fromiter(map(distinct.__getitem__, words), np.int64, len(words))
    about = np.array([_about(word) for word in distinct], np.uint64).reshape(-1, 4)
    common = np.array([_american(word) in vocabulary for word in distinct], bool)
    word, stem, kind, sort = about.T[:, which] if len(which) else np.zeros((4, 0), np.uint64)
    strange = (kind == 0) & ~common[which] & (sort != _FIGURE)
    plain = (sort == _JOIN) & np.isin(word, (_THE, _AND, _OF))
    named = upper & ((sort == _GEOGRAPHIC) | ((strange | (sort == _JOIN)) & ~plain))
    joining = (sort == _JOIN) | (strange & ~upper & (end - start <= 3))
    kept = word != _DROPPED
    start, end = start - offset[row], end - offset[row]
    tokens = Tokens(row, start, end, word, stem, kind.astype(np.int64), edge, ~strange | upper)
    return _merge(_take(tokens, kept), named[kept], joining[kept], (upper & (word == _STATE))[kept])


def known_words(texts: Iterable[str], least: int = 2) -> frozenset[str]:
    """Words that stand in lower case at least `least` times: the vocabulary of `tokenize`."""
    counts: dict[str, int] = {}
    for text in texts:
        for word in _fold(text).translate(_NOT_WORD).split():
            if word.islower():
                counts[word] = counts.get(word, 0) + 1
    return frozenset(_american(word) for word, n in counts.items() if n >= least)


def words_of(text: str) -> list[str]:
    """Folded words of one text, figures and names as they are.

    >>> words_of("The organisation didn’t act.")
    ['the', 'organization', 'didn', 't', 'act']
    """
    return [_american(word) for word in _fold(text).lower().translate(_NOT_WORD).split()]


# --------------------------------------------------------------------------------------------- names, figures


def _merge(t: Tokens, name: Bools, joining: Bools, state: Bools) -> Tokens:
    """Fold each run of names, and of figures, into one token; "State of X", "Republic of the X", "X and Y" are runs."""
    if not len(t.row):
        return t
    same = np.append(False, t.row[1:] == t.row[:-1])  # the token before is of the same passage
    of_name = _shift((t.word == _OF) & same & _shift(name & same, -1), -1)
    name = name | (state & (of_name | (_shift(name, 1) & same)))
    for _ in range(2):
        left = _shift(name, 1) & same
        right = _shift(name & same, -1)
        further = _shift(joining & same & right, -1)
        name = name | (joining & left & (right | further))
    figure = (t.word == NUMBER) & ~name
    again = same & ((name & _shift(name, 1)) | (figure & _shift(figure, 1)))
    article = joining & ~name & _shift(name & same, -1) & (t.word == _THE)
    head = ~again & ~article
    at = np.flatnonzero(head)
    run_end = np.append(at[1:], len(head)) - 1
    run_end -= article[run_end]  # an article before the next name is not the end of this run
    edges = np.append(0, np.cumsum(t.edge & ~again))  # a comma inside a name or figure parts nothing
    edge = np.diff(edges[at + 1], prepend=0) > 0
    standin = np.where(name, np.uint64(NAME), np.uint64(0))
    return Tokens(
        row=t.row[at],
        start=t.start[at],
        end=t.end[np.maximum(run_end, at)],
        word=np.where(name, standin, t.word)[at],
        stem=np.where(name, standin, t.stem)[at],
        kind=np.where(name, 0, t.kind)[at],
        edge=edge,
        known=t.known[at],
    )


def _shift(flags: Bools, by: int) -> Bools:
    out = np.zeros_like(flags)
    if by > 0:
        out[by:] = flags[:-by]
    else:
        out[:by] = flags[-by:]
    return out


def _take(t: Tokens, keep: Bools) -> Tokens:
    edges = np.append(0, np.cumsum(t.edge))
    at = np.flatnonzero(keep)
    taken = {f.name: getattr(t, f.name)[at] for f in fields(t)}
    taken["edge"] = np.diff(edges[at + 1], prepend=0) > 0  # a dropped token hands its edge on
    return Tokens(**taken)


# --------------------------------------------------------------------------------------------- words

_PLAIN, _JOIN, _GEOGRAPHIC, _FIGURE = 0, 1, 2, 3


@cache
def _about(word: str) -> tuple[int, int, int, int]:
    """Word hash, stem hash, lexicon class and sort of a folded word."""
    word = _american(word)
    if word[0].isdigit() or word in _FIGURES:
        return NUMBER, NUMBER, 0, _FIGURE
    if len(word) == 1 and word != "a":
        return _DROPPED, _DROPPED, 0, _PLAIN
    sort = _JOIN if word in _JOINING else _GEOGRAPHIC if word in GEOGRAPHIC else _PLAIN
    return hash_word(word), hash_word(word[:5] + "*"), class_of(word), sort


@cache
def _american(word: str) -> str:
    if len(word) > _LONGEST:  # no word: a key or picture in letters, on which the patterns would take forever
        return word
    for pattern, plain in _BRITISH:
        word, done = pattern.subn(plain, word)
        if done:
            break
    return word


def hash_word(text: str) -> int:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") | 4  # never a stand-in


_THE, _AND, _OF, _STATE = (np.uint64(hash_word(word)) for word in ("the", "and", "of", "state"))


# --------------------------------------------------------------------------------------------- characters


class _Fold(dict[int, str]):
    """Code point → one plain character: accents off, typographic marks to their ASCII form."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        base = unicodedata.normalize("NFKD", char)[:1] or char
        if len(base.lower()) != 1 or 0xD800 <= code <= 0xDFFF:
            base = " "
        self[code] = base
        return base


class _NotWord(dict[int, str]):
    """Code point → itself when a letter or digit, a space otherwise."""

    def __missing__(self, code: int) -> str:
        self[code] = char = chr(code) if chr(code).isalnum() else " "
        return char


_FOLD = _Fold({ord(a): b for a, b in zip("‘’“”–—…ı", "''\"\",,.i", strict=True)})
_NOT_WORD = _NotWord()
_BREAKS: Final = np.array([ord(c) for c in ",;:\n"], np.uint32)


_SIGN = re.compile(r"\b(?:US|CA|AU|NZ|HK)(?=\$)")  # "US$5" is a figure, not a country
_LINK = re.compile(
    r"(?:https?://|www\.)\S+|(?<![^\s(<\[])[^\s@]+@[^\s@]+\.\w+"
)  # an address says nothing, whatever words it is made of


def _fold(text: str) -> str:
    """Same length out as in, so that offsets stay true."""
    text = text if text.isascii() else text.translate(_FOLD)
    text = _SIGN.sub("  ", text) if "$" in text else text
    return _LINK.sub(lambda link: "weblink"[: len(link[0])].ljust(len(link[0])), text)
