"""The characters of a block in, the spans of its sentences out.

Sentence boundaries are sentencex's, mended for the register of reports: abbreviations that sentencex does not know, and
words that it takes for one ("in May. Police …"); numbers of list entries, which stay with their entry; recommendations
run together where the markup of a list was lost ("accountable;Amend"); footnote numbers, brackets and ellipses after a
full stop; headings in capitals run into the text. A line break inside a block ends nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from functools import cache, lru_cache
from itertools import accumulate
from typing import Final

from tipclassify.text.segmentation.sections import section_of_heading

__all__ = ["NO_INK", "enclosed_spans", "heading_run_in", "is_enclosed", "sentence_spans"]

NO_INK: Final = r"\s\u200b\u200e\u200f\u2060\ufeff"
"""Inside a character class: white space, and what has no width at all."""

# Words that open a sentence but belong to no name: after "U.S." or "Group B." they tell an end from an abbreviation.
_OPENERS: Final = "|".join(
    """The A An This That These Those It Its He She They Their His Her We Our In On At By For From With Without During
    Since After Before While When Where Although Though Despite Because If As Under Over To Some Many Most Several Few
    All Both Each Every No None Neither Other Others Another However Moreover Furthermore Additionally Also Then There
    Here Not Only According Among Between Until Upon What Who Why How But And Or Nor So Yet Such Through Throughout
    Authorities Officials Police Prosecutors Courts Judges Traffickers Victims Survivors Observers Inspectors
    Investigators NGOs Children Women Men Girls Boys Workers Migrants Recruiters Employers Media Nongovernmental
    One Two Three Four Five Six Seven Eight Nine Ten""".split()
)
_OPENER: Final = re.compile(rf"[\"“‘(\[]*(?:{_OPENERS})(?![\w.])")

# Abbreviations, without their last full stop. After the first kind no sentence ends; after the second one does only
# before an opener; after the third one goes on only to a figure.
_NEVER_LAST: Final = frozenset(
    """mr mrs ms mx dr prof messrs mme mlle hon gen col lt maj capt cpt cmdr cdr adm brig sgt cpl pvt pfc insp supt gov
    sen amb vs v cf viz approx ca incl excl esp e.g i.e ret""".split()
)
_SELDOM_LAST: Final = frozenset(
    """sr jr fr rev st ste mt ft pres rep reps sens det pte dem u.s u.k u.n u.s.a u.a.e e.u d.c d.r.c p.o govt dept min
    univ assn natl intl rd ave blvd bldg sq km co inc ltd corp bros ed eds trans jan feb apr jun jul aug sep sept oct
    nov dec""".split()
)
_BEFORE_NUMBER: Final = frozenset(
    """no nos art arts sec secs sect sects para paras subpara subparas par pars p pp ch chap chaps vol vols fig figs cl
    cls reg regs app tbl fn ver acct doc ref s ss rs kr jan feb mar apr jun jul aug sep sept oct nov dec""".split()
)
_ABBREVIATIONS: Final = _NEVER_LAST | _SELDOM_LAST | _BEFORE_NUMBER
# What sentencex takes for abbreviations, though reports end sentences with them.
_WORDS: Final = frozenset("may ill me ore miss mass art ark ok".split())
_CLOCK: Final = frozenset(("a.m", "p.m"))
_INITIALS: Final = re.compile(r"[A-Z](?:\.[A-Z])*|(?:\d+\.)+[a-z]")
_NUMBER: Final = re.compile(r"[(\[§]*(?:\d|[IVXLC]+\b|[a-z]\))|(?:No|Nos|Art)\.\s")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_DAY: Final = re.compile(r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|(?:EST|EDT|CET|GMT|UTC)\b")

_MARK: Final = r"(?:\(?(?:(?:\d{1,3}\.)*(?:\d{1,3}|[A-Za-z])|[ivxIVX]{1,5})[.)])"
_MARK_ALONE: Final = re.compile(rf"\W*{_MARK}\W*|[•●▪◦‣■□➢➤*·–—-]+\s*")
_MARK_HERE: Final = re.compile(rf"{_MARK} ")
_MARK_LAST: Final = re.compile(rf"(?::(?= \(?[1aAiI][.)])|;) ({_MARK} )$")
_CAPTION: Final = re.compile(
    r"\W*(?:Section|Article|Table|Figure|Chart|Map|Box|Chapter|Part|Annex|Appendix) \d{1,3}[\w().-]*\. *"
)
_SEMICOLON_ENTRY: Final = re.compile(r"[^.!?;]{0,400};")
_ENTRY_GOES_ON: Final = re.compile(r"[;,](?: (?:and|or))? *$")
_BULLETS: Final = "•●▪◦‣■□➢➤"
_BULLET: Final = re.compile(rf"[{_BULLETS}] ")
_CAPITALS: Final = re.compile(
    rf"\s*([A-Z][A-Z’'&/,-]*(?:\s+[A-Z\d&][A-Z\d’'&/,-]*){{0,7}}?)(?::\s+(?=[A-Z][a-z])|\s+(?=(?:{_OPENERS})(?![\w.])))"
)
_CAPITALS_LETTERS: Final = 8  # "NGO The" may be a slip, "PROTECTION The" is a heading

_ODD_SPACE: Final = re.compile(rf"[^\S ]|[{NO_INK[2:]}]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# A full stop or its like, and after it what sentencex may miss: a footnote number, a bracket, no space at all.
_AFTER_STOP: Final = r"""(?P<closed>["”’')\]]*)
    (?: (?P<note> \d{1,3}(?:,[ ]?\d{1,3}|[–-]\d{1,3})* | [¹²³⁰⁴-⁹]+ | (?:\[\w{1,3}\])+ | [*†‡] )? [ ]+ (?=["“‘(\[]?[A-Z0-9])
      | (?P<glued> (?=["“‘(\[]?[A-Z][a-z ] | \d{1,2}[.)][ ]?[A-Z][a-z] | • ) )
    )"""
_STOP: Final = re.compile("[.!?;…]" + _AFTER_STOP, re.VERBOSE)
_FULL_STOP: Final = re.compile(r"\." + _AFTER_STOP, re.VERBOSE)  # found twice as quickly; most blocks have no other
_SMALL_START: Final = re.compile(r"[,.;:]|[\"“‘'(\[]*(?![a-z]\w?-?[A-Z])[a-zß-öø-ÿ]")
_ADDRESS: Final = re.compile(r"@|://|\bwww\.", re.IGNORECASE)
# What stands in brackets or quotation marks. Unclosed ones hold nothing.
_ENCLOSED: Final = re.compile(r"\((?:[^()]|\([^()]*\))*\)|\[[^][]*\]|“[^“”]*”|\"(?! )[^\"]*\"|«[^«»]*»")
_NEW_SENTENCE: Final = re.compile(r" *$| +[\"“‘(\[]?[A-Z0-9]")
_SAYS: Final = re.compile(r"[^\W_¹²³⁰⁴-⁹]")
_LONGEST_ABBREVIATION: Final = 24
_LONGEST_CAPTION: Final = 40
_LONGEST_ADDRESS: Final = 200
_CLOSED: Final = 1  # number of that group: the last that matched where no note follows and nothing is glued


def sentence_spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Trimmed spans of the sentences in text[start:end], which together hold every character that is seen.

    A stop before a small letter ends nothing, unless the whole block is in small letters. Semicolons end nothing, unless
    a capital letter is glued to them. Sentences are never cut for their length.

    >>> text = "Raids began at 4 a.m. in the U.S. Police freed 12 men.1 (See para. 9.) 14 were “not found.”"
    >>> [text[a:b] for a, b in sentence_spans(text, 0, len(text))]
    ['Raids began at 4 a.m. in the U.S.', 'Police freed 12 men.1', '(See para. 9.)', '14 were “not found.”']
    """
    flat = _flat(text[start:end])
    spans = []
    a = 0
    for cut in [*_ends(flat), len(flat)]:
        b = cut
        while a < b and flat[a] == " ":
            a += 1
        while a < b and flat[b - 1] == " ":
            b -= 1
        if a < b:
            spans.append((start + a, start + b))
        a = cut
    return spans


def heading_run_in(text: str, start: int, end: int) -> int | None:
    """Where the text after a heading in capitals begins, if text[start:end] opens with one.

    >>> heading_run_in("PROSECUTION The government increased efforts.", 0, 44)
    12
    """
    found = _CAPITALS.match(text, start, end)
    if not found or sum(map(str.isalpha, found[1])) < _CAPITALS_LETTERS:
        return None
    if ":" in found[0] and section_of_heading(found[1]) == " ".join(found[1].split()):
        return None  # who speaks, "QUESTION: …", and the like
    return found.end()


def enclosed_spans(text: str) -> list[tuple[int, int]]:
    """Spans of what stands in brackets or quotation marks, with these."""
    return [found.span() for found in _ENCLOSED.finditer(text)]


def is_enclosed(spans: list[tuple[int, int]], at: int) -> bool:
    """Whether a character lies in one of the spans, between its brackets or marks."""
    number = bisect_right(spans, (at, 0)) - 1
    return number >= 0 and at < spans[number][1] - 1


def _flat(block: str) -> str:
    """The same characters with every white or invisible one as a space, so that positions stay."""
    if block.isprintable():
        return block
    return _SURROGATE.sub("\ufffd", _ODD_SPACE.sub(" ", block))


def _ends(flat: str) -> list[int]:
    """Where sentences after the first begin."""
    ends: list[int] = []
    at = 0
    small = flat.islower()
    lists = ";" in flat or ":" in flat
    for cut in _candidates(flat):
        if cut <= at or (not _ends_plainly(flat, at, cut) and _goes_on(flat, at, cut, small)):
            continue
        if lists and (moved := _MARK_LAST.search(flat, max(at, cut - _LONGEST_ABBREVIATION), cut)):
            cut = moved.start(1)  # "the following: 1." belongs to two sentences
        if not (flat[at].isalpha() or _SAYS.search(flat, at, cut)):
            if not ends:
                continue
            ends.pop()  # a stray bracket belongs to the sentence before it
        ends.append(cut)
        at = cut
    if ends and (not _SAYS.search(flat, at) or _MARK_ALONE.fullmatch(flat, at)):
        ends.pop()
    return ends


def _candidates(flat: str) -> list[int]:
    """Where a sentence may begin: after the boundaries of sentencex, and after those that it misses."""
    cuts = _ends_seen(flat)
    spoken: list[tuple[int, int]] | None = None  # most blocks have no stop to doubt
    held: list[tuple[int, int]] = []
    full_only = not ("!" in flat or "?" in flat or ";" in flat or "…" in flat)
    for stop in (_FULL_STOP if full_only else _STOP).finditer(flat):
        if stop.end() in cuts and (stop.lastindex == _CLOSED or not stop["note"]):
            continue
        if spoken is None:
            spoken = []
            for span in enclosed_spans(flat):
                (spoken if _holds_sentences(flat, *span) else held).append(span)
        if not is_enclosed(held, stop.end("closed")) and _ends_unseen(flat, stop, is_enclosed(spoken, stop.start())):
            cuts.difference_update(range(stop.start(), stop.end()))
            cuts.add(stop.end())
    if not flat.isascii() and any(bullet in flat for bullet in _BULLETS):
        cuts.update(bullet.start() for bullet in _BULLET.finditer(flat))
    if not flat[1:2].islower() and (heading := heading_run_in(flat, 0, len(flat))):
        cuts.add(heading)
    cuts.discard(len(flat))
    return sorted(cuts)


def _ends_seen(flat: str) -> set[int]:
    """Where sentencex sees a sentence end, the blanks after it left behind."""
    pieces = _segmenter()("en", flat)
    if len(pieces) == 1 and len(pieces[0]) == len(flat):
        return {len(flat)}
    ends = list(accumulate(map(len, pieces)))
    if ends and ends[-1] == len(flat) and " " not in [flat[end] for end in ends[:-1]]:  # as nearly always
        return set(ends)
    cuts: set[int] = set()
    at = 0
    for piece in pieces:
        found = flat.find(piece, at)
        if found >= 0:
            cut = at = found + len(piece)
            while flat.startswith(" ", cut):
                cut += 1
            cuts.add(cut)
    return cuts


@cache
def _segmenter() -> Callable[[str, str], list[str]]:
    from sentencex import segment

    return segment  # type: ignore[no-any-return]


def _holds_sentences(flat: str, start: int, end: int) -> bool:
    """Whether brackets or quotation marks hold whole sentences: the last one ends in them, and a new one follows."""
    if flat[start] in "([" and start and flat[start - 2 : start] not in (". ", "! ", "? "):
        return False
    return flat[end - 2] in ".!?…" and _NEW_SENTENCE.match(flat, end) is not None


def _ends_unseen(flat: str, stop: re.Match[str], spoken: bool) -> bool:
    """Whether a sentence ends at a stop where sentencex sees no end; it sees none in quotations, where `spoken` is true."""
    at = stop.start()
    before = flat[at - 1 : at]
    word = _word_before(flat, at)
    short = word.lower()
    abbreviated = flat[at] == "." and (short in _ABBREVIATIONS or _INITIALS.fullmatch(word) is not None)
    if stop["glued"] is not None:
        return not abbreviated and not before.isupper() and not before.isspace()
    if flat[at] == ";":
        return False
    if note := stop["note"]:
        if "0" <= note[0] <= "9":
            return not abbreviated and (len(word) > 2 if before.isalpha() else _YEAR.fullmatch(word) is not None)
        return note != "*" or _OPENER.match(flat, stop.end()) is not None
    bracket = stop["closed"][-1:] in (")", "]")
    if flat[stop.end()].isdigit():
        return bracket and not abbreviated
    if flat[at] == "…" or flat[at - 2 : at] == ".." or short in _WORDS:
        return True
    opener = _OPENER.match(flat, stop.end()) is not None
    if abbreviated:
        return opener or word[:1].isdigit()
    return bracket or (before.islower() if spoken else opener)


def _ends_plainly(flat: str, at: int, cut: int) -> bool:
    """Whether a long sentence ends with a word and a full stop before a capital, as nearly all do: `_goes_on` says no."""
    if cut - at < _LONGEST_CAPTION or flat[cut - 2 : cut] != ". " or not flat[cut].isupper():
        return False
    space = flat.rfind(" ", cut - _LONGEST_ABBREVIATION, cut - 2)
    return space >= 0 and _is_plain_word(flat[space + 1 : cut - 2])


@lru_cache(maxsize=4_096)  # reports end their sentences with the same words
def _is_plain_word(word: str) -> bool:
    return word.isalpha() and word[1:].islower() and word.lower() not in _ABBREVIATIONS


def _goes_on(flat: str, at: int, cut: int, small: bool) -> bool:
    """Whether the sentence from `at` goes on beyond `cut`, where sentencex or we see a boundary."""
    if cut - at < _LONGEST_ABBREVIATION and _MARK_ALONE.fullmatch(flat, at, cut):
        return True
    if at == 0 and cut < _LONGEST_CAPTION and _CAPTION.fullmatch(flat, 0, cut):
        return True
    last = cut - 1
    if flat[last] != " " and _in_address(flat, cut):
        return True
    while flat[last] == " ":
        last -= 1
    first = flat[cut]
    if not first.isupper():
        if mark := _MARK_HERE.match(flat, cut):
            if _ENTRY_GOES_ON.search(flat, max(at, cut - 6), cut):
                return True
            if flat[last] == ":" and _SEMICOLON_ENTRY.match(flat, mark.end()):
                return True
        elif not small and _SMALL_START.match(flat, cut):
            return True
    if flat[last] in ")]":
        last -= 1  # "Brig. (ret.) Moro"
    if flat[last] != ".":
        return False
    word = _word_before(flat, last)
    short = word.lower()
    if word[1:2].islower() and short not in _ABBREVIATIONS:
        return False  # a word, as nearly always: neither initials nor a clock
    if short in _NEVER_LAST and word != "V":  # "Part V." ends, "Moro v." does not
        return True
    if short in _BEFORE_NUMBER and _NUMBER.match(flat, cut):
        return True
    if short in _CLOCK:
        return _DAY.match(flat, cut) is not None
    if short in _SELDOM_LAST or (len(word) < 8 and _INITIALS.fullmatch(word)):
        return not _OPENER.match(flat, cut) and not word[0].isdigit()
    return False


def _in_address(flat: str, at: int) -> bool:
    """Whether the run of characters around a place is a link or an e-mail address."""
    start, end = max(0, at - _LONGEST_ADDRESS), at + _LONGEST_ADDRESS
    before, after = flat.rfind(" ", start, at), flat.find(" ", at, end)
    return _ADDRESS.search(flat, start if before < 0 else before, end if after < 0 else after) is not None


def _word_before(flat: str, at: int) -> str:
    """The word that ends at a full stop, without what opens before it: ``"U.S"`` of ``"(U.S."``."""
    head = flat[max(0, at - _LONGEST_ABBREVIATION) : at]
    return head[head.rfind(" ") + 1 :].lstrip("([\"“‘'")
