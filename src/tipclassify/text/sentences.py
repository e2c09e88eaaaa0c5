"""Split a block of text into sentences: the boundaries of sentencex, corrected for reports."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate, pairwise
from typing import Final

from tipclassify.text.lexicon import WORDS
from tipclassify.text.sections import section_of_heading

# white space and zero-width characters, of a character class
BLANK: Final = r"\s\u200b\u200e\u200f\u2060\ufeff"

_OPENERS: Final = "|".join(WORDS["openers"])
_OPENER: Final = re.compile(rf"[\"“‘(\[]*(?:{_OPENERS})(?![\w.])")
_NEVER_FINAL: Final = frozenset(WORDS["never_final"])
_SELDOM_FINAL: Final = frozenset(WORDS["seldom_final"])
_BEFORE_NUMBER: Final = frozenset(WORDS["before_number"])
_ABBREVIATIONS: Final = _NEVER_FINAL | _SELDOM_FINAL | _BEFORE_NUMBER
# Abbreviations to sentencex, but ordinary words at the end of sentences in reports.
_FALSE_ABBREVIATIONS: Final = frozenset("may ill me ore miss mass art ark ok".split())
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_INITIALS: Final = re.compile(r"[A-Z](?:\.[A-Z])*|(?:\d+\.)+[a-z]")
_WEEKDAY: Final = re.compile(
    r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|(?:EST|EDT|CET|GMT|UTC)\b"
)
_NUMBER: Final = re.compile(r"[(\[§]*(?:\d|[IVXLC]+\b|[a-z]\))|(?:No|Nos|Art)\.\s")

_ENUMERATOR: Final = r"(?:\(?(?:(?:\d{1,3}\.)*(?:\d{1,3}|[A-Za-z])|[ivxIVX]{1,5})[.)])"
_ENUMERATOR_ALONE: Final = re.compile(rf"\W*{_ENUMERATOR}\W*|[•●▪◦‣■□➢➤*·–—-]+\s*")
_ENUMERATOR_HERE: Final = re.compile(rf"{_ENUMERATOR} ")
_ENUMERATOR_LAST: Final = re.compile(rf"(?::(?= \(?[1aAiI][.)])|;) ({_ENUMERATOR} )$")
# An entry of a list without stops begins with its number, and ends with that of the next one where
# sentencex cuts: "1. Fund shelters 2. "
_ENTRY: Final = re.compile(r"\(?(\d{1,3})[.)]+ ")
_NEXT_ENTRY: Final = re.compile(r"(?P<before>\S*) (?P<entry>\(?(?P<number>\d{1,3})[.)]+ )$")
# What sentencex takes for the number of an item. It returns the items of a list whole, and takes
# for one whatever begins with a number, even one that ends a bracket: "(in May 2019) ".
_ITEM_NUMBER: Final = re.compile(r"\(?(?:\d{1,4}|[A-Za-z]|[ivxIVX]{1,5})[.)]+ +")
_ITEM_NUMBERS: Final = re.compile(rf"(?:{_ITEM_NUMBER.pattern})+")
_BEFORE_ITEM: Final = tuple(".!?:;,…\"”’')]")
_CAPTIONS: Final = "Section|Article|Table|Figure|Chart|Map|Box|Chapter|Part|Annex|Appendix"
_CAPTION: Final = re.compile(rf"\W*(?:{_CAPTIONS}) \d{{1,3}}[\w().-]*\. *")
_REFERENCE: Final = re.compile(
    rf"(?:{_CAPTIONS}|Paragraph|Page|Rule)s?|and|or|to|\w+\.", re.IGNORECASE
)
_SEMICOLON_ENTRY: Final = re.compile(r"[^.!?;]{0,400};")
_ENTRY_CONTINUES: Final = re.compile(r"[;,](?: (?:and|or))? *$")
_BULLETS: Final = "•●▪◦‣■□➢➤"
_BULLET: Final = re.compile(rf"[{_BULLETS}] ")
_CAPITAL_HEADING: Final = re.compile(
    r"\s*([A-Z][A-Z’'&/,-]*(?:\s+[A-Z\d&][A-Z\d’'&/,-]*){0,7}?)"
    rf"(?::\s+(?=[A-Z][a-z])|\s+(?=(?:{_OPENERS})(?![\w.])))"
)
_MIN_CAPITALS: Final = 8  # letters; "NGO The" may be a slip, "PROTECTION The" is a heading

_ODD_SPACE: Final = re.compile(rf"[^\S ]|[{BLANK[2:]}]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SPACES: Final = re.compile(" *")
# A stop, and what may follow it at a boundary that sentencex misses: a footnote number, a bracket,
# no space at all.
_STOP: Final = re.compile(
    r"""[.!?;…](?P<closed>["”’')\]]*)
    (?: (?P<note> \d{1,3}(?:,[ ]?\d{1,3}|[–-]\d{1,3})* | [¹²³⁰⁴-⁹]+ | (?:\[\w{1,3}\])+ | [*†‡] )?
        [ ]+ (?=["“‘(\[]?[A-Z0-9])
      | (?P<glued> (?=["“‘(\[]?[A-Z][a-z ] | \d{1,2}[.)][ ]?[A-Z][a-z] | • ) )
    )""",
    re.VERBOSE,
)
_LOWER_START: Final = re.compile(r"[,.;:]|[\"“‘'(\[]*(?![a-z]\w?-?[A-Z])[a-zß-öø-ÿ]")
_ADDRESS: Final = re.compile(r"@|://|\bwww\.", re.IGNORECASE)
# Closed brackets and quotations, the delimiters included.
_ENCLOSED: Final = re.compile(
    r"\((?:[^()]|\([^()]*\))*\)|\[[^][]*\]|“[^“”]*”|\"(?! )[^\"]*\"|«[^«»]*»"
)
_NEW_SENTENCE: Final = re.compile(r" *$| +[\"“‘(\[]?[A-Z0-9]")
# Groups of note numbers after a full stop, up to the next sentence or the end.
_NOTE_GROUPS: Final = re.compile(
    r"[.!?][\"”’)\]]* *((?:[(\[]\d{1,3}(?:(?:, ?|; ?|[–-])\d{1,3})*[)\]] *)+)"
    r"(?=[\"“‘(\[]?[A-Z0-9]|(?P<lower>[a-z])|[†‡§*•]|\Z)"
)
_ALPHANUMERIC: Final = re.compile(r"[^\W_¹²³⁰⁴-⁹]")
_MAX_ABBREVIATION: Final = 24
_MAX_INITIALS: Final = 8
_MAX_CAPTION: Final = 40
_MAX_ADDRESS: Final = 200
# characters that sentencex gets at once: its time grows with the square of quotation marks
_PART: Final = 10_000


def sentence_spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Split text[start:end] into sentences, and return their trimmed spans.

    The spans cover all visible characters. A stop before a lower-case letter is no boundary, unless
    the whole block is in lower case. A semicolon is one only if a capital letter follows without a
    space. Sentences are never split for their length.

    >>> text = "Raids began at 4 a.m. in the U.S. Police freed 12 men.1 (See para. 9.)"
    >>> [text[a:b] for a, b in sentence_spans(text, 0, len(text))]
    ['Raids began at 4 a.m. in the U.S.', 'Police freed 12 men.1', '(See para. 9.)']
    """
    flat = _flatten_spaces(text[start:end])
    spans = []
    for begin, cut in pairwise([0, *_cuts(flat), len(flat)]):
        sentence = flat[begin:cut].lstrip(" ")
        if sentence:
            first = start + cut - len(sentence)
            spans.append((first, first + len(sentence.rstrip(" "))))
    return spans


def run_in_heading(text: str, start: int, end: int) -> int | None:
    """Return the offset after a heading in capitals at the start of text[start:end], if any.

    >>> run_in_heading("PROSECUTION The government increased efforts.", 0, 44)
    12
    """
    heading = _CAPITAL_HEADING.match(text, start, end)
    if not heading or sum(map(str.isalpha, heading[1])) < _MIN_CAPITALS:
        return None
    if ":" in heading[0] and section_of_heading(heading[1]) == " ".join(heading[1].split()):
        return None  # a speaker, as in "QUESTION: …"
    return heading.end()


def enclosed_spans(text: str) -> list[tuple[int, int]]:
    """Return the spans of brackets and quotations, the delimiters included."""
    return [match.span() for match in _ENCLOSED.finditer(text)]


def is_enclosed(spans: list[tuple[int, int]], at: int) -> bool:
    """Test whether a character lies inside one of the spans, before its closing delimiter."""
    number = bisect_right(spans, (at, 0)) - 1
    return number >= 0 and at < spans[number][1] - 1


def _flatten_spaces(block: str) -> str:
    """Replace each white or invisible character by a space, so that offsets stay valid."""
    if block.isprintable():
        return block
    return _SURROGATE.sub("\ufffd", _ODD_SPACE.sub(" ", block))


def _cuts(flat: str) -> list[int]:
    """Return the start of each sentence but the first."""
    ends: list[int] = []
    at = 0
    all_lower = flat.islower()
    if not _ALPHANUMERIC.search(flat):
        return []
    may_have_list = ";" in flat or ":" in flat
    for cut in _behind_notes(flat, _candidates(flat)):
        if cut <= at or _goes_on(flat, at, cut, all_lower):
            continue
        number = None
        if may_have_list:
            number = _ENUMERATOR_LAST.search(flat, max(at, cut - _MAX_ABBREVIATION), cut)
        if number:
            cut = number.start(1)  # "the following: 1.": the number belongs to the next sentence
        elif own := _ENTRY.match(flat, at):
            cut = _before_next_entry(flat, cut, own)
        if at and not (flat[at].isalpha() or _ALPHANUMERIC.search(flat, at, cut)):
            ends.pop()  # a stray bracket belongs to the sentence before it
        ends.append(cut)
        at = cut
    if ends and (not _ALPHANUMERIC.search(flat, at) or _ENUMERATOR_ALONE.fullmatch(flat, at)):
        ends.pop()
    return ends


def _behind_notes(flat: str, cuts: list[int]) -> list[int]:
    """Move cuts behind the groups of note numbers that follow: "… closed. (1,2) Police …"."""
    # Before a lower-case word only if sentencex sees a boundary: "(1) arrest" may follow "e.g.".
    notes = [
        note for note in _NOTE_GROUPS.finditer(flat) if not note["lower"] or note.start(1) in cuts
    ]
    if not notes or _are_item_numbers(flat, notes):
        return cuts
    inside_notes = {at for note in notes for at in range(note.start(1), note.end())}
    behind_notes = {note.end() for note in notes} - {len(flat)}
    return sorted((set(cuts) - inside_notes) | behind_notes)


def _are_item_numbers(flat: str, notes: list[re.Match[str]]) -> bool:
    """Test whether the groups number items: consecutive, the one before the first above them."""
    numbers = [note[1].strip()[1:-1] for note in notes]
    if not numbers[0].isdigit() or notes[-1].end() == len(flat):
        return False
    first = int(numbers[0])
    # before 1 there is none
    begun = len(notes) > 1 if first == 1 else f"({first - 1})" in flat[: notes[0].start()]
    return begun and numbers == [str(first + n) for n in range(len(numbers))]


def _before_next_entry(flat: str, cut: int, own: re.Match[str]) -> int:
    """Return the start of the number after a sentence's `own`, if it ends in that; else `cut`."""
    last = _NEXT_ENTRY.search(flat, max(own.end(), cut - _MAX_ABBREVIATION), cut)
    if not last or _REFERENCE.fullmatch(last["before"]):
        return cut
    return last.start("entry") if int(last["number"]) == int(own[1]) + 1 else cut


def _candidates(flat: str) -> list[int]:
    """Return possible sentence starts: the boundaries of sentencex, and those that it misses."""
    cuts = _sentencex_cuts(flat)
    # computed on demand: most blocks have no stop that sentencex may have missed
    quoted: list[tuple[int, int]] | None = None
    fragments: list[tuple[int, int]] = []
    for stop in _STOP.finditer(flat):
        if stop.end() in cuts and not stop["note"]:
            continue
        if quoted is None:
            quoted = []
            for start, end in enclosed_spans(flat):
                # whether it ends with a stop, and a new sentence follows
                if flat[end - 2] in ".!?…" and _NEW_SENTENCE.match(flat, end):
                    quoted.append((start, end))
                else:
                    fragments.append((start, end))
        if is_enclosed(fragments, stop.end("closed")):
            continue
        if _is_missed_end(flat, stop, is_enclosed(quoted, stop.start())):
            cuts.difference_update(range(stop.start(), stop.end()))
            cuts.add(stop.end())
    if not flat.isascii():
        cuts.update(bullet.start() for bullet in _BULLET.finditer(flat))
    if not flat[1:2].islower() and (heading := run_in_heading(flat, 0, len(flat))):
        cuts.add(heading)
    cuts.discard(len(flat))
    return sorted(cuts)


def _sentencex_cuts(flat: str) -> set[int]:
    """Return the boundaries of sentencex."""
    from sentencex import segment

    cuts: set[int] = set()
    start = 0
    while start < len(flat):
        sentences = segment("en", flat[start : start + _PART])
        ends = list(accumulate(map(len, sentences), initial=start))[1:]
        last = ends.pop()
        ends_in_items: list[int] = []
        for item_start, item_end in pairwise([start, *ends, last]):
            numbers = _ITEM_NUMBERS.match(flat, item_start, item_end)
            if numbers:
                sentences = segment("en", flat[numbers.end() : item_end])
                ends_of_item = accumulate(map(len, sentences), initial=numbers.end())
                ends_in_items += list(ends_of_item)[1:-1]
        for end in ends + ends_in_items:
            cuts.add(_SPACES.match(flat, end).end())  # type: ignore[union-attr]
        # The part may have cut its last sentence: sentencex gets that again with the next part.
        start = ends[-1] if ends and last < len(flat) else last
    return cuts - _before_enclosed_numbers(flat, cuts)


def _before_enclosed_numbers(flat: str, cuts: set[int]) -> set[int]:
    """Return the cuts before numbers in brackets or quotations, where nothing has ended."""
    inside: set[int] = set()
    enclosed: list[tuple[int, int]] | None = None  # computed on demand: few texts have numbers
    for cut in cuts:
        if not _ITEM_NUMBER.match(flat, cut) or _ends_before_item(flat, cut):
            continue
        if enclosed is None:
            enclosed = enclosed_spans(flat)
        if is_enclosed(enclosed, cut):
            inside.add(cut)
    return inside


def _ends_before_item(flat: str, cut: int) -> bool:
    """Test whether a stop, a comma or a closing delimiter stands before a possible boundary."""
    return flat[max(0, cut - _MAX_ABBREVIATION) : cut].rstrip(" ").endswith(_BEFORE_ITEM)


def _is_missed_end(flat: str, stop: re.Match[str], quoted: bool) -> bool:
    """Test whether a stop is a boundary that sentencex missed; inside quotations it misses all."""
    at = stop.start()
    before = flat[at - 1 : at]
    if stop["glued"] is not None:
        number = before.isdigit() and flat[stop.end()].isdigit()  # "$1,000.50. He did not pay."
        return not (number or before.isupper() or before.isspace())
    if flat[at] == ";":
        return False
    word = _word_before(flat, at)
    abbreviated = flat[at] == "." and (
        word.lower() in _ABBREVIATIONS or _INITIALS.fullmatch(word) is not None
    )
    opener = _OPENER.match(flat, stop.end()) is not None
    if note := stop["note"]:
        if "0" <= note[0] <= "9":
            # "No. 12" has a number, "in 2019. 12" a note
            return len(word) > 2 if before.isalpha() else _YEAR.fullmatch(word) is not None
        return note != "*" or opener
    bracket = stop["closed"][-1:] in (")", "]")
    if flat[stop.end()].isdigit():
        return bracket and not abbreviated
    omission = flat[at] == "…" or flat[at - 2 : at] == ".."
    if (omission and not stop["closed"].startswith("]")) or word.lower() in _FALSE_ABBREVIATIONS:
        return True
    if abbreviated:
        return opener
    return bracket or (before.islower() if quoted else opener)


def _goes_on(flat: str, at: int, cut: int, all_lower: bool) -> bool:
    """Test whether the sentence from `at` continues beyond the possible boundary `cut`."""
    if cut - at < _MAX_ABBREVIATION and _ENUMERATOR_ALONE.fullmatch(flat, at, cut):
        return True
    if at == 0 and cut < _MAX_CAPTION and _CAPTION.fullmatch(flat, 0, cut):
        return True
    # "(a) A report by paragraph 15 (a) of the annex"
    number = _ITEM_NUMBER.match(flat, cut)
    if number and flat.startswith(number[0], at) and not _ends_before_item(flat, cut):
        return True
    last = cut - 1
    if flat[last] != " " and _is_in_address(flat, cut):
        return True
    while flat[last] == " ":
        last -= 1
    first = flat[cut]
    if not first.isupper():
        if mark := _ENUMERATOR_HERE.match(flat, cut):
            if _ENTRY_CONTINUES.search(flat, max(at, cut - 6), cut):
                return True
            if flat[last] == ":" and _SEMICOLON_ENTRY.match(flat, mark.end()):
                return True
        elif not all_lower and _LOWER_START.match(flat, cut):
            return True
    if flat[last] != ".":
        return False
    word = _word_before(flat, last)
    short = word.lower()
    if short in _NEVER_FINAL and word != "V":  # "Part V." ends, "Moro v." does not
        return True
    if short in _BEFORE_NUMBER and _NUMBER.match(flat, cut):
        return True
    if short in ("a.m", "p.m"):
        return _WEEKDAY.match(flat, cut) is not None
    is_initial = len(word) < _MAX_INITIALS and _INITIALS.fullmatch(word)
    return bool(short in _SELDOM_FINAL or is_initial) and not _OPENER.match(flat, cut)


def _is_in_address(flat: str, at: int) -> bool:
    """Test whether the characters around an offset, up to spaces, are a link or e-mail address."""
    start = max(0, at - _MAX_ADDRESS)
    end = at + _MAX_ADDRESS
    before = flat.rfind(" ", start, at)
    after = flat.find(" ", at, end)
    if before >= 0:
        start = before
    if after >= 0:
        end = after
    return _ADDRESS.search(flat, start, end) is not None


def _word_before(flat: str, at: int) -> str:
    """Return the word before a full stop, without opening punctuation: ``"U.S"`` of ``"(U.S."``."""
    head = flat[max(0, at - _MAX_ABBREVIATION) : at]
    return head[head.rfind(" ") + 1 :].lstrip("([\"“‘'")
