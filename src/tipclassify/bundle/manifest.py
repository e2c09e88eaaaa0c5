"""The manifest of a bundle, and the rows of its passages: dataclasses here, JSON on disk, nothing believed on the way back."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, get_args, get_origin, get_type_hints

from tipclassify.document import Passage
from tipclassify.errors import InputError
from tipclassify.labels import LABELS, POLICIES
from tipclassify.segment import Unit
from tipclassify.summary import Rates

__all__ = ["FORMAT", "MANIFEST", "PASSAGES", "README", "Adjusted", "Count", "Figures", "Input", "Link", "Manifest"]
__all__ += ["ModelId", "Row", "Stored", "read_manifest", "read_row", "write_manifest", "write_row"]

FORMAT: Final = 1
"""Raise it for another layout: a bundle of a higher one is refused with the way out."""

MANIFEST: Final = "manifest.json"
PASSAGES: Final = "passages.jsonl"
README: Final = "README.txt"

_UNITS: Final = get_args(Unit)
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_LARGEST_RATE: Final = 1e12  # passages of a corpus; beyond it sums of squares overflow
# Line ends to some readers of JSON lines, invisible, or not encodable.
_NOT_RAW: Final = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of the bundle."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class ModelId:
    """Which model gave the scores: the hashes in its ``model.json``, and that of its corpus where it tells it."""

    sha256: str
    weights_sha256: str
    corpus_sha256: str | None


@dataclass(frozen=True, slots=True)
class Link:
    """Where an input of the web was found, when (UTC), and what the server said it is."""

    url: str
    fetched: str
    content_type: str | None
    encoding: str | None


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A count adjusted for the model's errors, as ``tipclassify summary`` gives it."""

    count: float
    low: float
    high: float
    share: float | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """Passages with a label; the share is of all passages, None of no passages."""

    count: int
    share: float | None
    adjusted: Adjusted | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted in one input or in all."""

    passages: int
    low_confidence: int
    labels: Mapping[str, Count]
    none: Count


@dataclass(frozen=True, slots=True)
class Input:
    """One input.

    Attributes
    ----------
    name : str
        A link, or a path without what it tells of the machine it was on.
    sha256, size : str, int
        Of its bytes.
    kind : str
        Which reader read it; ``"rows"`` for passages that came ready split.
    text_sha256, characters : str, int, or None
        Of the text that offsets count in, in UTF-8; None for rows.
    notes : tuple of str
        What could not be read in full.
    source : str or None
        Its name in the bundle, where it is in it.
    """

    name: str
    sha256: str
    size: int
    kind: str
    title: str | None
    country: str | None
    year: int | None
    text_sha256: str | None
    characters: int | None
    notes: tuple[str, ...]
    link: Link | None
    source: str | None
    figures: Figures


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says of itself.

    Attributes
    ----------
    bundle : int
        `FORMAT`.
    versions : mapping of str to str or None
        Python and the libraries that read, split and score; None for one that was not there.
    platform : str
        System and processor family, by which sums may be rounded otherwise in the last bits.
    thresholds : mapping of str to float
        Probability from which each label was given; those in `moved` are not the policy's.
    error_rates : mapping of str to Rates, or None
        What counts were adjusted by.
    figures : Figures
        Of all inputs together.
    files : mapping of str to Stored
        Every file of the bundle but the manifest.
    """

    bundle: int
    tipclassify: str
    versions: Mapping[str, str | None]
    platform: str
    model: ModelId
    policy: str
    thresholds: Mapping[str, float]
    moved: Mapping[str, float]
    unit: str
    encoding: str | None
    error_rates: Mapping[str, Rates] | None
    inputs: tuple[Input, ...]
    figures: Figures
    files: Mapping[str, Stored]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of ``passages.jsonl``: a tagged passage, and which of the manifest's inputs (from 0) it is from."""

    input: int
    start: int
    end: int
    page: int | None
    block: int | None
    section: str | None
    text: str
    labels: tuple[str, ...]
    scores: Mapping[str, float]
    low_confidence: bool

    def passage(self) -> Passage:
        """The passage as it was before it was scored."""
        return Passage(self.text, self.start, self.end, self.section, page=self.page, block=self.block)


# --------------------------------------------------------------------------------------------- writing


def write_manifest(manifest: Manifest) -> tuple[bytes, str]:
    """The file, and the fingerprint it ends with."""
    plain = asdict(manifest)
    fingerprint = _digest(plain)
    return _dump({**plain, "sha256": fingerprint}, 1).encode(), fingerprint


def write_row(number: int, passage: Passage) -> bytes:
    """The line of a tagged passage of input `number`. Probabilities keep every bit: JSON has them as Python's ``repr``."""
    row = {
        "input": number,
        "start": passage.start,
        "end": passage.end,
        "page": passage.page,
        "block": passage.block,
        "section": passage.section,
        "text": passage.text,
        "labels": list(passage.labels),
        "scores": dict(passage.scores),
        "low_confidence": passage.low_confidence,
    }
    return _dump(row).encode()


def _digest(plain: Mapping[str, Any]) -> str:
    return hashlib.sha256(_dump(plain, 1).encode()).hexdigest()


def _dump(value: Any, indent: int | None = None) -> str:
    written = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    return _NOT_RAW.sub(lambda char: f"\\u{ord(char[0]):04x}", written) + "\n"


# --------------------------------------------------------------------------------------------- reading


def read_manifest(data: bytes, where: str) -> tuple[Manifest, str, str | None]:
    """The manifest, its fingerprint as it should be, and what is wrong with the file where it can be read all the same.

    Raises
    ------
    InputError
        When it is no manifest, or of a newer format.
    """
    plain = _load(data, where)
    written = plain.get("bundle")
    if type(written) is int and written > FORMAT:
        raise InputError(f"{where}: of a newer tipclassify (bundle format {written}); run 'pip install -U tipclassify'")
    told = plain.pop("sha256", None)
    try:
        manifest = _decoded(Manifest, plain, "")
        _refuse_impossible(manifest)
    except _UnfitError as error:
        raise InputError(f"{where}: not the manifest of a bundle ({error}); get the bundle anew") from None
    fingerprint = _digest(plain)
    wrong = None
    if told != fingerprint:
        wrong = f"changed since it was made: its SHA-256 is {fingerprint[:12]}…, it says {told!s:.12}…"
    elif data != _dump({**plain, "sha256": told}, 1).encode():
        wrong = "not written as tipclassify writes it (a name twice, or other white space)"
    return manifest, fingerprint, wrong


def read_row(line: bytes, where: str) -> Row:
    """The passage on a line.

    Raises
    ------
    InputError
        When it is none, or could be read in two ways.
    """
    plain = _load(line, where)
    try:
        row = _decoded(Row, plain, "")
        if tuple(row.scores) != LABELS or not all(0 <= score <= 1 for score in row.scores.values()):
            raise _UnfitError("scores are not a probability for each label")
    except _UnfitError as error:
        raise InputError(f"{where}: not a passage ({error})") from None
    if line != _dump(plain).encode():
        raise InputError(f"{where}: not written as tipclassify writes it (a name twice, or other white space)")
    return row


class _UnfitError(ValueError):
    """A value is not what it should be; the message says which."""


def _load(data: bytes, where: str) -> dict[str, Any]:
    def refuse(name: str) -> float:
        raise ValueError(f"{name} is no number of JSON")

    try:
        plain = json.loads(data.decode("utf-8"), parse_constant=refuse)
    except RecursionError:
        raise InputError(f"{where}: nested too deeply; get the bundle anew") from None
    except ValueError as error:
        raise InputError(f"{where}: broken JSON ({error}); get the bundle anew") from None
    if not isinstance(plain, dict):
        raise InputError(f"{where}: not a JSON object; get the bundle anew")
    return plain


def _decoded(kind: type[Kind], value: Any, where: str) -> Kind:
    """`value` as a `kind`: a plain type, an optional one, a tuple, a mapping or a dataclass of such."""
    found: Kind = _of_kind(kind, value, where)
    return found


def _of_kind(kind: Any, value: Any, where: str) -> Any:
    if isinstance(kind, UnionType):
        if value is None:
            return None
        (kind,) = (one for one in get_args(kind) if one is not NoneType)
    if is_dataclass(kind):
        return _of_dataclass(kind, value, where)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is tuple:
        if type(value) is not list:
            raise _UnfitError(f"{where or 'it'} is no list")
        return tuple(_of_kind(inner[0], one, f"{where}[{number}]") for number, one in enumerate(value))
    if origin is Mapping:
        if type(value) is not dict:
            raise _UnfitError(f"{where or 'it'} is no object")
        return {name: _of_kind(inner[1], one, f"{where}[{name!r:.40}]") for name, one in value.items()}
    if kind is float and type(value) is int:
        return value
    if type(value) is not kind:
        raise _UnfitError(f"{where or 'it'} is not {_NAMES[kind]}")
    return value


_NAMES: Final[dict[Any, str]] = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def _of_dataclass(kind: Any, value: Any, where: str) -> Any:
    if type(value) is not dict:
        raise _UnfitError(f"{where or 'it'} is no object")
    hints = _hints(kind)
    if value.keys() != hints.keys():
        odd = min(value.keys() ^ hints.keys())
        raise _UnfitError(f"{where}.{odd!s:.40} is {'missing' if odd in hints else 'unknown'}".lstrip("."))
    return kind(**{name: _of_kind(hints[name], one, f"{where}.{name}".lstrip(".")) for name, one in value.items()})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {one.name: hints[one.name] for one in fields(kind)}


def _refuse_impossible(manifest: Manifest) -> None:
    if manifest.policy not in POLICIES:
        raise _UnfitError("policy is none that tipclassify knows")
    if manifest.unit not in _UNITS:
        raise _UnfitError("unit is none that tipclassify knows")
    if tuple(manifest.thresholds) != LABELS or not set(manifest.moved) <= set(LABELS):
        raise _UnfitError("thresholds are not one for each label")
    if not all(0 <= one <= 1 for one in (*manifest.thresholds.values(), *manifest.moved.values())):
        raise _UnfitError("a threshold is no probability")
    for rates in (manifest.error_rates or {}).values():
        if not all(0 <= one <= _LARGEST_RATE for one in asdict(rates).values()):
            raise _UnfitError("error_rates are no counts")
    if manifest.error_rates is not None and tuple(manifest.error_rates) != LABELS:
        raise _UnfitError("error_rates are not those of each label")
    hashes = [*(one.sha256 for one in manifest.files.values()), *(one.sha256 for one in manifest.inputs)]
    if not all(map(_SHA256.fullmatch, [*hashes, manifest.model.sha256, manifest.model.weights_sha256])):
        raise _UnfitError("a SHA-256 is none")
    for number, one in enumerate(manifest.inputs):
        if one.source is not None and one.source not in manifest.files:
            raise _UnfitError(f"inputs[{number}].source is not among the files")
        if one.kind == "rows" and one.text_sha256 is not None:
            raise _UnfitError(f"inputs[{number}] is rows, which have no text of their own")
        if not all(math.isfinite(count.share or 0) for count in one.figures.labels.values()):
            raise _UnfitError(f"inputs[{number}].figures are no counts")
