"""Decode text files, in the encoding that the user names or that is detected."""

from __future__ import annotations

import codecs
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Final

from tipclassify.errors import InputError

# The byte-order mark of UTF-32 begins with that of UTF-16, so it comes first.
BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# Python codecs not meant for files; a hostile page could name one.
_REFUSED_CODECS: Final = ("idna", "punycode", "raw-unicode-escape", "unicode-escape", "utf-7")
# By Python's name, what browsers read in its place: a superset (https://encoding.spec.whatwg.org).
_SUPERSETS: Final = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
}
_NON_ASCII: Final = re.compile(r"[^\x00-\x7f]")
# By the zero bytes among four, "x" for others: those of two letters in UTF-16, or one in UTF-32.
_WIDE_ENCODINGS: Final = {
    "x000": "utf-32-le",
    "000x": "utf-32-be",
    "x0x0": "utf-16-le",
    "0x0x": "utf-16-be",
}

# General detectors are often wrong where an English report has only quotation marks and a few
# foreign names. Most common first, which decides ties. Latin-1 is a subset of Windows-1252.
_CANDIDATES: Final = ("cp1252", "mac_roman", "cp1250", "iso8859_2", "cp1254", "cp850")

# Letters of each language beyond a to z; a plausible word takes its letters from one alphabet.
_ALPHABETS: Final = (
    "àâæçéèêëîïôœùûü",  # French
    "áéíñóúüçàèòï",  # Spanish, Catalan
    "ãáàâçéêíóôõúü",  # Portuguese
    "äöüß",  # German
    "åäöæøéü",  # Nordic
    "áðéíóúýþæö",  # Icelandic
    "àèéìíîòóùú",  # Italian
    "ąćęłńóśźż",  # Polish
    "áčďéěíňóřšťúůýž",  # Czech
    "áäčďéíĺľňóôŕšťúýž",  # Slovak
    "áéíóöőúüű",  # Hungarian
    "ăâîşţșț",  # Romanian
    "čćđšžé",  # Croatian
    "çğıİiöşüâîû",  # Turkish
)
# For each language a word in its letters, with capitals at the start or throughout.
_NAMES: Final = [
    re.compile(f"(?=..)(?:[A-Z{a.upper()}]?[a-z{a}]+|[A-Z{a.upper()}]+)|[àáèéíóúýªº]")
    for a in _ALPHABETS
]
# Quotation marks, money and signs in wrong places, and what is none of them.
_MISPLACED: Final = re.compile(
    r"""[“‘„«](?![\w“‘\[($£€…]) | (?<![\w.,;:!?%)\]’”…–—"'-])[”’»](?!\d)
    | (?<!\d)[€£¥¢](?!\d) | [^\W\d_][°©½¼¾×±²³¹‰]
    | [^\w\s!-~“‘„«”’»€£¥¢°©½¼¾×±²³¹‰–—…•·§¶†¡¿™®]""",
    re.VERBOSE,
)
_CONTEXT: Final = 40  # bytes before and after the first byte of a run that is not ASCII
_NON_ASCII_RUN: Final = re.compile(rb"[\x80-\xff]\S{0,%d}" % _CONTEXT)
_WORD: Final = re.compile(r"[^\W\d_]+")
_MAX_RUNS: Final = 20_000
_MAX_DETECTED: Final = 200_000  # bytes for the general detector
_BONUS: Final = 0.1  # of a plausible run without names, or a name in the main foreign language
# Of the control characters white space (9 to 13) is allowed, the end of a file of DOS (26), and the
# escape that steers old terminals (27).
_CONTROL_BYTES: Final = frozenset((*range(9), *range(14, 26), *range(28, 32), 127))
_ALLOWED_BYTES: Final = bytes(byte for byte in range(256) if byte not in _CONTROL_BYTES)
_MAX_CONTROL_SHARE: Final = 0.02  # of all bytes of a text
_SAMPLED: Final = 100_000  # characters at the beginning, and as many at the end, that are judged
# control characters of texts, the escape among them
_WHITE_SPACE: Final = frozenset("\t\n\v\f\r\x1b\x85")
# control, unassigned, private use, half of a character
_NO_CHARACTERS: Final = frozenset(("Cc", "Cn", "Co", "Cs"))
# of all characters; symbol fonts leave some of private use in copied text
_MAX_NO_CHARACTERS: Final = 0.05
_MIN_LETTERS: Final = 200  # of a text whose words are judged
_MIN_USUAL: Final = 0.7  # share of letters in words of usual case; random bytes have half as many
_MAX_RUN: Final = 200  # characters between spaces; encoded data have none for thousands
_MIN_PLAUSIBLE: Final = 0.6  # share of runs; below it, no candidate fits


def marked_as_utf_8(data: bytes) -> bytes:
    """Encode bytes that begin with a byte order mark as UTF-8 without it; others stay as they are.

    >>> marked_as_utf_8("Nine fled.".encode("utf-16"))
    b'Nine fled.'
    """
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace").encode()
    return data


def decode_file(
    data: bytes,
    source: str,
    encoding: str | None = None,
    declared: str | None = None,
    *,
    words: bool = False,
) -> str:
    """Decode a file in the `encoding` that the user names, or as detected (`decode`).

    Raises `InputError` when the bytes are no text, the encoding is unknown, or `data` is not valid
    in it; with `words`, also where it is text, but has no words, such as encoded data.

    >>> decode_file(b"caf\\x8e", "menu.txt", "macintosh")
    'café'
    """
    lossy_encoding: str | None = None
    text = ""
    if encoding is not None:
        codec = codec_of(encoding)
        if codec is None:
            raise InputError(
                f"{source}: no encoding is called {encoding!r}; try utf-8, cp1252 or macintosh"
            )
        try:
            text = data.decode(codec).removeprefix("\ufeff")
        except UnicodeError:
            raise InputError(
                f"{source}: not in {encoding}; give another encoding, or none to detect it"
            ) from None
        binary = _is_binary(text.encode("latin-1", "replace"))
    else:
        has_mark = any(data.startswith(mark) for mark, _ in BYTE_ORDER_MARKS)
        binary = _is_binary(data) and not has_mark and not _wide_encoding(data)
        if not binary:
            text, lossy_encoding = _decode_as_detected(data, declared)
    if binary or not _looks_like_text(text):
        raise InputError(f"{source}: not text (binary data); give PDF, Word, HTML, EPUB or text")
    if words and not _has_words(text):
        raise InputError(f"{source}: not text (no words in it); give PDF, Word, HTML, EPUB or text")
    _warn_of_loss(text, lossy_encoding, source)
    return text


def decode(data: bytes, declared: str | None = None, source: str = "<text>") -> str:
    """Decode `data` in the encoding that fits.

    It is that of the byte-order mark, UTF-8, the declared one, or the most plausible. A file of
    mostly valid UTF-8 is read as UTF-8. Invalid bytes become U+FFFD, with a warning.

    >>> decode(b"caf\\xe9")
    'café'
    """
    text, lossy_encoding = _decode_as_detected(data, declared)
    _warn_of_loss(text, lossy_encoding, source)
    return text


def _decode_as_detected(data: bytes, declared: str | None) -> tuple[str, str | None]:
    """Decode a file in the encoding that fits; return that, too, if some bytes are not valid."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _decode_in(encoding, data[len(mark) :])
    if wide := _wide_encoding(data):
        return _decode_in(wide, data)
    # valid UTF-8 is UTF-8, whatever the server declares
    for codec in filter(None, ("utf-8", codec_of(declared))):
        with suppress(UnicodeError):
            return data.decode(codec), None
    # text in another encoding has hardly any character that is valid UTF-8
    text = data.decode("utf-8", "replace")
    if len(_NON_ASCII.findall(text)) > 3 * text.count("\ufffd"):
        return text, "utf-8"
    return _decode_in(guess_encoding(data) or "cp1252", data)


def _decode_in(encoding: str, data: bytes) -> tuple[str, str | None]:
    try:
        return data.decode(encoding), None
    except UnicodeError:
        return data.decode(encoding, "replace"), encoding


def _warn_of_loss(text: str, lossy_encoding: str | None, source: str) -> None:
    if lossy_encoding:
        lost = text.count("\ufffd")
        warnings.warn(
            f"{source}: not quite {lossy_encoding}; {lost} characters are lost (\ufffd); "
            "name the encoding if it is another",
            stacklevel=3,
        )


def codec_of(encoding: str | None) -> str | None:
    """Return the Python codec of that name.

    One that browsers read as a superset is that: Latin-1 is Windows-1252.
    """
    try:
        name = codecs.lookup(encoding or "").name
        " ".encode(name)  # fails for bytes-to-bytes codecs
    except (LookupError, ValueError):
        return None
    if name in _REFUSED_CODECS:
        return None
    return _SUPERSETS.get(name, name)


# -------------------------------------------------------------------------------- detection


def _wide_encoding(data: bytes) -> str | None:
    """Detect UTF-16 or UTF-32 without a byte-order mark, by where zero bytes of English text are.

    >>> _wide_encoding("Police arrested nine.".encode("utf-16-be"))
    'utf-16-be'
    """
    head = data[:4_000]
    quarter = len(head) // 4
    if quarter < 1 or head.count(0) < quarter:
        return None
    zeros = "".join("0" if head[place::4].count(0) > quarter * 0.7 else "x" for place in range(4))
    return _WIDE_ENCODINGS.get(zeros)


def _is_binary(data: bytes) -> bool:
    """Return whether bytes are not text in UTF-8 or a one-byte encoding.

    Zero bytes, or more than a few control characters other than white space and escape, make them
    binary.

    >>> _is_binary(b"Police\\r\\n"), _is_binary(b"\\x89PNG\\x00")
    (False, True)
    """
    controls = data.translate(None, _ALLOWED_BYTES)
    return b"\0" in controls or len(controls) > _MAX_CONTROL_SHARE * len(data)


def _looks_like_text(text: str) -> bool:
    """Return whether decoded bytes are characters of a text; those of a program are in no encoding.

    >>> [_looks_like_text(text) for text in ("Police acted.", "\ufffd\ue021\x07E\ufffd")]
    [True, False]
    """
    counts = Counter(_sample(text))
    bad = counts["\ufffd"]  # in place of bytes that cannot be decoded
    for char, count in counts.items():
        if char not in _WHITE_SPACE and unicodedata.category(char) in _NO_CHARACTERS:
            bad += count
    return bad <= _MAX_NO_CHARACTERS * counts.total()


def _has_words(text: str) -> bool:
    """Return whether most letters are in words of usual case, with spaces between them.

    Usual are capitals at the start or throughout. Scripts without capitals, of which some have no
    spaces, pass; so does a text of few letters.

    >>> [_has_words(50 * part) for part in ("Courts slept. ", "qW8zTy", "警察逮捕了九人")]
    [True, False, True]
    """
    sample = _sample(text)
    words = _WORD.findall(sample)
    cased = [word for word in words if word.lower() != word.upper()]
    letters = sum(map(len, cased))
    if letters < _MIN_LETTERS or 2 * letters < sum(map(len, words)):
        return True
    usual = sum(len(word) for word in cased if word.islower() or word.isupper() or word.istitle())
    unbroken = sum(len(run) for run in sample.split() if len(run) > _MAX_RUN)
    return usual >= _MIN_USUAL * letters and 2 * unbroken < len(sample)


def _sample(text: str) -> str:
    """Return the beginning and the end of a long text."""
    if len(text) <= 2 * _SAMPLED:
        return text
    return f"{text[:_SAMPLED]}\n{text[-_SAMPLED:]}"


def guess_encoding(data: bytes) -> str | None:
    """Return the one-byte encoding with the highest plausibility score, or None.

    >>> guess_encoding("the “harbor gossip” of José Peña’s office".encode("mac_roman"))
    'mac_roman'
    """
    runs = list(dict.fromkeys(islice(_non_ascii_runs(data), _MAX_RUNS)))
    best: str | None = None
    best_score = _MIN_PLAUSIBLE * len(runs)
    for encoding in _CANDIDATES:
        score = _plausibility([run.decode(encoding, "replace") for run in runs])
        if score > best_score:
            best = encoding
            best_score = score
    if best is not None:
        return best
    from charset_normalizer import from_bytes

    match = from_bytes(data[:_MAX_DETECTED]).best()
    return match.encoding if match else None


def _non_ascii_runs(data: bytes) -> Iterator[bytes]:
    """Yield each run of non-blank bytes with non-ASCII ones, with the word that it ends."""
    end = 0
    for run in _NON_ASCII_RUN.finditer(data):
        start = run.start()
        before = data[max(end, start - _CONTEXT) : start]
        ends_with_blank = not before[-1:].strip()
        yield run[0] if ends_with_blank else before.split()[-1] + run[0]
        end = run.end()


def _plausibility(runs: list[str]) -> float:
    """Count the runs that may stand in a text; ties go to signs, and to names of one language."""
    plausible = 0
    without_names = 0
    names_of_language = Counter[int]()
    for run in runs:
        names = [word for word in _WORD.findall(run) if not word.isascii()]
        languages = [
            {number for number, pattern in enumerate(_NAMES) if pattern.fullmatch(name)}
            for name in names
        ]
        if all(languages) and not _MISPLACED.search(run):
            plausible += 1
            without_names += not names
            for fitting in languages:
                names_of_language.update(fitting)
    in_one_language = max(names_of_language.values(), default=0)
    return plausible + _BONUS * (without_names + in_one_language)
