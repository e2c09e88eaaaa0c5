"""Normalise an encoder's input: names masked (entity masking), American spelling, straight apostrophes.

All names become one placeholder: without that some labels changed with the country. Names are narrower than those of
the fast model: words of place names ("New", "Port") and rare words at the start of a sentence are kept.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np

from tipclassify.text.features.lexicon import GEOGRAPHIC
from tipclassify.text.features.tokenizer import NAME, batches, tokenize, words_of
from tipclassify.text.features.vocabulary import american

__all__ = ["COUNTRY_WORDS", "MaskedText", "mask_names", "normalize_spelling"]

Span = tuple[int, int]

_CAPITALISED: Final = re.compile(r"[^\W\d_a-zß-öø-ÿ][^\W\d_]*(?:[-'’](?!s\b)[^\W\d_]+)*")
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_WITHIN_NAME: Final = re.compile(r"-|\s(?:(?:and|of|the|de|da|do|du|la|al|el)\s){0,2}(?:d['’])?|")
_TITLES: Final = frozenset("Mr Mrs Ms Dr St Gen Col Lt Capt Sgt".split())  # a full stop after these does not end a name
_ARTICLE: Final = re.compile(r"\b[Tt]he\s$")
_OPENING: Final = re.compile(r"(?:^|[.!?:;…(\"“”•—\n])[\s\"'“‘(]*$")
_POSSESSIVE: Final = re.compile(r"['’]s?\b")
_STRAIGHT: Final = str.maketrans("‘’“”", "''\"\"")
_LOOKBEHIND: Final = 8  # characters before a name, enough to detect the start of a sentence


# Names that single words do not identify: of ordinary words, or with commas or brackets inside.
_COUNTRY_NAMES: Final = re.compile(
    r"""\b(?:[Tt]he\ )?(?:
        United\ (?:States|Kingdom) | Holy\ See | Ivory\ Coast | El\ Salvador | Isle\ of\ Man | State\ of\ Palestine
        | Dominican\ Republic | Russian\ Federation | French\ Southern\ Territories
        | (?:Bouvet|Christmas|Norfolk)\ Island
        | (?:Åland|Cayman|Cook|Faroe|Marshall|Solomon|U\.S\.\ Virgin|Cocos\ \(Keeling\))\ Islands
        | Falkland\ Islands\ \(Malvinas\) | Bonaire,\ Sint\ Eustatius\ and\ Saba
        | Saint\ Helena,\ Ascension\ and\ Tristan\ da\ Cunha
    )(?!\w)""",
    re.VERBOSE,
)

# Words of country names and demonyms, which are names even at the start of a sentence.
COUNTRY_WORDS: Final = frozenset(
    """afghanistan africa aland albania algeria america andorra angola anguilla antarctica antigua arabia argentina
    armenia aruba asia australia austria azerbaijan bahamas bahrain bangladesh barbados barbuda belarus belgium
    belize benin bermuda bhutan bissau bolivia bonaire bosnia botswana brazil britain brunei bulgaria burkina burma
    burundi cabo caicos caledonia cambodia cameroon canada cayman chad chile china colombia comoros congo croatia
    cuba curacao cyprus czechia darussalam denmark djibouti dominica ecuador egypt england eritrea estonia eswatini
    ethiopia europe falkland faroe faso fiji finland france futuna gabon gambia georgia germany ghana gibraltar
    greece greenland grenada grenadines guadeloupe guam guatemala guernsey guiana guinea guyana haiti helena
    herzegovina holland honduras hungary iceland india indonesia iran iraq ireland israel italy ivoire jamaica japan
    jersey jordan kazakhstan kenya kiribati kitts korea kosovo kuwait kyrgyzstan lanka laos latvia lebanon leone
    lesotho leste liberia libya liechtenstein lithuania lucia luxembourg macao macau macedonia madagascar malawi
    malaysia maldives mali malta marino marshall martinique mauritania mauritius mayotte mexico micronesia moldova
    monaco mongolia montenegro montserrat morocco mozambique myanmar namibia nauru nepal netherlands nevis nicaragua
    niger nigeria niue norway oman pakistan palau palestine panama papua paraguay peru philippines pitcairn poland
    polynesia portugal principe qatar reunion rica rico romania russia rwanda samoa saudi scotland senegal serbia
    seychelles sierra singapore slovakia slovenia solomon somalia somaliland spain sri sudan suriname svalbard
    swaziland sweden switzerland syria taiwan tajikistan tanzania thailand tibet timor tobago togo tokelau tonga
    trinidad tunisia turkey turkiye turkmenistan tuvalu uganda ukraine uruguay uzbekistan vanuatu venezuela vietnam
    wales yemen zambia zealand zimbabwe
    afghan african albanian algerian american andorran angolan antiguan arab argentine argentinian armenian asian
    australian austrian azerbaijani azeri bahamian bahraini bangladeshi barbadian basotho belarusian belgian
    belizean beninese bermudian bhutanese bolivian bosnian batswana brazilian british bruneian bulgarian burkinabe
    burmese burundian cambodian cameroonian canadian chadian chilean chinese colombian comoran comorian congolese
    croatian cuban cypriot czech danish djiboutian dominican dutch ecuadorian egyptian emirati english eritrean
    estonian ethiopian european fijian filipino filipina finnish french gabonese gambian georgian german ghanaian
    greek grenadian guatemalan guinean guyanese haitian honduran hungarian icelandic indian indonesian iranian iraqi
    irish israeli italian ivorian ivoirian jamaican japanese jordanian kazakh kazakhstani kenyan kosovar kosovan
    kurdish kuwaiti kyrgyz kyrgyzstani lao laotian latvian lebanese liberian libyan lithuanian macedonian malagasy
    malawian malaysian maldivian malian maltese marshallese mauritanian mauritian mexican micronesian moldovan
    mongolian montenegrin moroccan mosotho mozambican namibian nauruan nepali nepalese nicaraguan nigerian nigerien
    norwegian omani pakistani palauan palestinian panamanian paraguayan peruvian philippine polish portuguese qatari
    romanian russian rwandan salvadoran samoan saudi scottish senegalese serbian seychellois singaporean slovak
    slovakian slovene slovenian somali spanish sudanese surinamese swazi swedish swiss syrian taiwanese tajik
    tajikistani tanzanian thai tibetan timorese togolese tongan tunisian turk turkish turkmen tuvaluan ugandan
    ukrainian uruguayan uzbek uzbekistani vanuatuan venezuelan vietnamese welsh yemeni zambian zimbabwean
    uae uk us usa drc prc dprk""".split()
)


@dataclass(frozen=True)
class MaskedText:
    """Text with names masked and spelling normalised, aligned with the original text."""

    text: str  # input of the encoder
    source_spans: list[Span] = field(default_factory=list)  # of each replaced name or word in the original, ascending
    placeholder_spans: list[Span] = field(default_factory=list)  # of its replacement in `text`

    def source_span(self, span: Span) -> Span:
        """Map a span of `text` to the original text; inside a placeholder, to the whole name.

        >>> masked = mask_names(["In Valdoria police acted."], frozenset({"in", "police"}), "X")[0]
        >>> masked.text, masked.source_span((3, 4)), masked.source_span((5, 11))
        ('In X police acted.', (3, 11), (12, 18))
        """
        return self._source_offset(span[0], first=True), self._source_offset(span[1], first=False)

    def _source_offset(self, at: int, first: bool) -> int:
        # the last placeholder that starts at or before `at` (before it, for the end of a span)
        number = bisect_right(self.placeholder_spans, at if first else at - 1, key=lambda span: span[0]) - 1
        if number < 0:
            return at
        (start, end), (_, placeholder_end) = self.source_spans[number], self.placeholder_spans[number]
        if at < placeholder_end or (at == placeholder_end and not first):
            return start if first else end
        return end + at - placeholder_end


def mask_names(texts: Sequence[str], vocabulary: frozenset[str], placeholder: str) -> list[MaskedText]:
    """Replace every name by `placeholder`; `vocabulary` is that of `tokenizer.tokenize`.

    >>> texts = ["Do not jail them. Kenya's courts met Ada Obi."]
    >>> [masked.text for masked in mask_names(texts, frozenset({"do", "not"}), "X")]
    ["Do not jail them. X's courts met X."]
    """
    found = []
    for _, batch in batches(texts):
        tokens = tokenize(batch, vocabulary)
        at = np.flatnonzero(tokens.word == NAME)
        countries = [[name.span() for name in _COUNTRY_NAMES.finditer(text)] for text in batch]
        names = [list(spans) for spans in countries]
        spans = zip(tokens.row[at].tolist(), tokens.start[at].tolist(), tokens.end[at].tolist(), strict=True)
        for row, start, end in spans:
            names[row].extend(_split_names(batch[row], (start, end), vocabulary, countries[row]))
        for text, of_text in zip(batch, names, strict=True):
            found.append(_replace(text, [(*span, placeholder) for span in _merge_overlaps(of_text)]))
    return found


def _merge_overlaps(spans: list[Span]) -> list[Span]:
    """Sort spans and merge overlapping ones."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _split_names(text: str, within: Span, vocabulary: frozenset[str], countries: list[Span]) -> Iterator[Span]:
    """Split a name of the fast model, which may span commas, full stops and brackets, into names."""
    run: list[Span] = []
    for word in _CAPITALISED.finditer(text, *within):
        if run and not _is_same_name(text, run[-1], word.start()):
            yield from _trim_name(text, run, vocabulary, countries)
            run = []
        run.append(word.span())
    if run:
        yield from _trim_name(text, run, vocabulary, countries)


def _is_same_name(text: str, word: Span, following: int) -> bool:
    """Test whether a capitalised word and the next one belong to the same name."""
    between = text[word[1] : following]
    if between.startswith(".") and (word[1] - word[0] == 1 or text[word[0] : word[1]] in _TITLES):
        between = between[1:]
    return _WITHIN_NAME.fullmatch(between) is not None


def _trim_name(text: str, run: list[Span], vocabulary: frozenset[str], countries: list[Span]) -> Iterator[Span]:
    """Trim a run of capitalised words to its name; yield nothing if it holds none."""
    words = [words_of(text[a:b]) for a, b in run]
    unknown = [
        any(one not in vocabulary for one in folded) or any(start <= a and b <= end for start, end in countries)
        for (a, b), folded in zip(run, words, strict=True)
    ]
    first, last = run[0][0], run[-1][1]
    article = _ARTICLE.search(text, max(0, first - _LOOKBEHIND), first)
    if article:
        first = article.start()
    elif _OPENING.search(text[max(0, first - _LOOKBEHIND) : first] if first > _LOOKBEHIND else text[:first]):
        country = bool(COUNTRY_WORDS.intersection(words[0]))
        if not any(unknown[1:]):
            if country or (unknown[0] and _POSSESSIVE.match(text, run[0][1])):
                yield (first, last if len(run) == 1 else run[0][1])
            return
        if not unknown[0] and not GEOGRAPHIC.intersection(words[0]):
            first = run[1][0]  # an ordinary word: "Do", "Minor", "Some"
    if any(unknown) and not _is_acronyms(text[first:last]):
        yield (first, last)


def _is_acronyms(name: str) -> bool:
    """Test whether a name consists of acronyms of organisations only: labels depend on UNICEF being no government.

    >>> _is_acronyms("UNICEF"), _is_acronyms("the DRC"), _is_acronyms("Karvonia")
    (True, False, False)
    """
    words = _LETTERS.findall(name.removeprefix("the ").removeprefix("The "))
    return bool(words) and all(len(word) > 1 and word.isupper() and word.lower() not in COUNTRY_WORDS for word in words)


def normalize_spelling(text: str) -> str:
    """Normalise spelling and apostrophes, names unchanged: for headings.

    >>> normalize_spelling("Workers’ Rights and Forced Labour")
    "Workers' Rights and Forced labor"
    """
    return _replace(text, []).text


def _replace(text: str, names: list[tuple[int, int, str]]) -> MaskedText:
    """Replace spans of a text by the given strings, and normalise its spelling."""
    parts, spans, placeholder_spans, last, length = [], [], [], 0, 0
    for start, end, replacement in _add_spellings(text, names):
        length += start - last
        spans.append((start, end))
        placeholder_spans.append((length, length + len(replacement)))
        parts += [text[last:start], replacement]
        last, length = end, length + len(replacement)
    return MaskedText("".join([*parts, text[last:]]).translate(_STRAIGHT), spans, placeholder_spans)


def _add_spellings(text: str, names: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Add replacements for British words outside names, in American spelling."""
    words = []
    for word in _LETTERS.finditer(text):
        plain = _american(word.group())
        if plain and not any(start < word.end() and word.start() < end for start, end, _ in names):
            words.append((*word.span(), plain))
    return sorted(names + words) if words else names


@lru_cache(1 << 15)
def _american(word: str) -> str:
    """Return the American spelling of a British word, "" for any other word."""
    folded = word.lower()
    plain = american(folded)
    return "" if plain == folded else plain
