"""The manifest of a bundle and the rows of its passages: records in Python, JSON on disk, every value checked when read."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from importlib import metadata
from typing import Annotated, Any, Final

import msgspec

from tipclassify._version import __version__
from tipclassify.errors import InputError
from tipclassify.formatting import one_line
from tipclassify.labels import LABELS, POLICIES
from tipclassify.reporting.subject import is_unknown
from tipclassify.reporting.summary import Group, Rates, Summary
from tipclassify.text.document import Passage
from tipclassify.text.furniture import is_prose
from tipclassify.text.segmentation.passages import Unit

__all__ = ["FORMAT", "MANIFEST", "PASSAGES", "README", "ROWS", "Figures", "Input", "Link", "Manifest", "ModelId"]
__all__ += ["Row", "Stored", "count_passages", "dump", "environment", "figures", "read_manifest", "read_row"]
__all__ += ["write_manifest", "write_row"]

FORMAT: Final = 1
"""Raise it for another layout: a bundle of a higher one is refused with the way out."""

MANIFEST: Final = "manifest.json"
PASSAGES: Final = "passages.jsonl"
README: Final = "README.txt"

ROWS: Final = "rows"
"""Kind of an input whose passages came ready split."""

_LIBRARIES: Final = (
    "numpy", "sentencex", "selectolax", "charset-normalizer", "markdown-it-py", "pypdfium2", "python-docx", "striprtf",
)  # fmt: skip
# Line ends to some readers of JSON lines, invisible, or not encodable.
_ESCAPED: Final = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def _one_of(names: Iterable[str]) -> msgspec.Meta:
    return msgspec.Meta(pattern=rf"^(?:{'|'.join(names)})\Z")


Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Number = Annotated[int, msgspec.Meta(ge=0)]
Label = Annotated[str, _one_of(LABELS)]
Policy = Annotated[str, _one_of(POLICIES)]
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]
Probabilities = Annotated[dict[Label, Probability], msgspec.Meta(min_length=len(LABELS))]
Cases = Annotated[float, msgspec.Meta(ge=0, le=1e12)]  # passages of a corpus; beyond it sums of squares overflow
Counts = Annotated[dict[str, int | float | tuple[str, ...] | None], msgspec.Meta(max_length=10)]
RateTable = Annotated[
    dict[Annotated[str, _one_of(one.name for one in fields(Rates))], Cases], msgspec.Meta(min_length=5)
]


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A JSON object with these fields and no others."""


class Stored(_Record, frozen=True):
    """A file of the bundle."""

    sha256: Sha256
    size: Number


class ModelId(_Record, frozen=True):
    """The model that gave the scores: the hashes in its ``model.json``, and that of its corpus where it has one."""

    sha256: Sha256
    weights_sha256: Sha256
    corpus_sha256: str | None


class Link(_Record, frozen=True):
    """Where an input of the web was found, when (UTC), and what the server said it is."""

    url: str
    fetched: str
    content_type: str | None
    encoding: str | None


class Figures(_Record, frozen=True):
    """What was counted in one input or in all, as ``tipclassify summary`` gives it."""

    passages: Number
    low_confidence: Number
    labels: dict[Label, Counts]
    none: Counts


class Input(_Record, frozen=True):
    """An input: hash and size of its bytes, what was read from them, and its figures."""

    name: str  # a link, or a path without the folders of the machine it was on
    sha256: Sha256
    size: Number
    kind: str  # which reader read it, or `ROWS`
    title: str | None
    country: str | None
    year: int | None
    text_sha256: str | None  # of the text that offsets count in, in UTF-8; None for rows
    characters: int | None
    notes: tuple[str, ...]  # what could not be read in full
    link: Link | None
    source: str | None  # its name in the bundle, where it is in it
    figures: Figures


class Manifest(_Record, frozen=True):
    """What a bundle says of itself."""

    bundle: int  # `FORMAT`
    versions: Annotated[dict[str, str | None], msgspec.Meta(max_length=50)]  # `environment`
    model: ModelId
    policy: Policy
    thresholds: Probabilities  # from which each label was given
    moved: dict[Label, Probability]  # those of them that are not the policy's
    unit: Unit
    encoding: str | None
    error_rates: Annotated[dict[Label, RateTable], msgspec.Meta(min_length=len(LABELS))] | None  # `Rates`
    inputs: tuple[Input, ...]
    figures: Figures  # of all inputs together
    files: dict[str, Stored]  # all but the manifest


class Row(_Record, frozen=True):
    """A line of ``passages.jsonl``: a tagged passage, and the number of its input in the manifest, from 0."""

    input: Number
    start: Number
    end: Number
    page: int | None
    block: int | None
    section: str | None
    text: str
    labels: tuple[Label, ...]
    scores: Probabilities
    low_confidence: bool

    def passage(self) -> Passage:
        """The passage with its labels, not its scores."""
        return Passage(
            self.text, self.start, self.end, self.section, self.labels, {}, self.low_confidence, self.page, self.block
        )


def environment() -> dict[str, str | None]:
    """Versions and platform, by which a passage may be read or rounded otherwise; None for a library that is not there."""
    found: dict[str, str | None] = {"tipclassify": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return {**found, "platform": f"{sys.platform}-{platform.machine() or 'unknown'}"}


def count_passages(passages: Iterable[Passage]) -> Group:
    """Count tagged passages by their labels; references, notes and the like are left out.

    >>> group = count_passages([Passage("Courts slept.", 0, 13, labels=("failure",)), Passage("12 May 2021.", 14, 26)])
    >>> group.passages, group.count("failure"), group.low_confidence
    (1, 1, 0)
    """
    prose = [passage for passage in passages if is_prose(passage)]
    sets = Counter(passage.labels for passage in prose)
    return Group((), dict(sets), sum(passage.low_confidence for passage in prose), sum(map(is_unknown, prose)))


def figures(groups: Sequence[Group], rates: Mapping[str, Mapping[str, float]] | None) -> list[Figures]:
    """The figures of each group and, last, of all together; adjusted for the model's errors where `rates` are known."""
    sets: Counter[tuple[str, ...]] = Counter()
    for group in groups:
        sets.update(group.sets)
    total = Group((), dict(sets), sum(one.low_confidence for one in groups), sum(one.unknown for one in groups))
    table = None if rates is None else {label: Rates(**rates[label]) for label in LABELS}
    rows = Summary((), tuple(groups), total, table).rows()
    return [msgspec.convert({name: row[name] for name in Figures.__struct_fields__}, Figures) for row in rows]


def write_manifest(manifest: Manifest) -> tuple[bytes, str]:
    """The file, and the fingerprint it ends with."""
    plain = msgspec.to_builtins(manifest)
    fingerprint = hashlib.sha256(dump(plain, 1)).hexdigest()
    return dump({**plain, "sha256": fingerprint}, 1), fingerprint


def write_row(number: int, passage: Passage) -> bytes:
    """The line of a tagged passage of input `number`. Probabilities keep every bit: JSON has them as Python's ``repr``."""
    row = {"input": number, **passage.to_dict(), "scores": dict(passage.scores)}
    return dump({name: row[name] for name in Row.__struct_fields__})


def dump(value: Any, indent: int | None = None) -> bytes:
    """JSON, in the one way that bundles have it."""
    written = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    return (_ESCAPED.sub(lambda char: f"\\u{ord(char[0]):04x}", written) + "\n").encode()


def read_manifest(data: bytes, where: str) -> tuple[Manifest, str, str | None]:
    """The manifest, its true fingerprint, and what is wrong with it, if anything; `InputError` when it is unreadable."""
    try:
        plain = _load(data)
        if type(number := plain.get("bundle")) is int and number > FORMAT:
            upgrade = f"of a newer tipclassify (bundle format {number}); run 'pip install -U tipclassify'"
            raise InputError(f"{where}: {upgrade}")
        told = plain.pop("sha256", None)
        if not isinstance(told, str):
            raise ValueError("no SHA-256 at its end")
        manifest = msgspec.convert(plain, Manifest)
        fingerprint = hashlib.sha256(dump(plain, 1)).hexdigest()
        for one in manifest.inputs:
            if one.source is not None and one.source not in manifest.files:
                raise ValueError(f"{one.source!r:.60} is not among its files")
    except (msgspec.ValidationError, ValueError) as error:
        reason = f"not the manifest of a bundle ({one_line(str(error)):.120})"
        raise InputError(f"{where}: {reason}; get the bundle anew") from None
    wrong = None
    if told != fingerprint:
        wrong = f"changed since it was made: its SHA-256 is {fingerprint[:12]}…, it says {told:.12}…"
    elif data != dump({**plain, "sha256": told}, 1):
        wrong = "not written as tipclassify writes it (a name twice, or other white space)"
    return manifest, fingerprint, wrong


def read_row(line: bytes, where: str) -> Row:
    """The passage on a line; `InputError` when it is none, or could be read in two ways."""
    try:
        plain = _load(line)
        row = msgspec.convert(plain, Row)
        if line != dump(plain):
            raise InputError(f"{where}: not written as tipclassify writes it (a name twice, or other white space)")
    except (msgspec.ValidationError, ValueError) as error:
        raise InputError(f"{where}: not a passage ({one_line(str(error)):.120}); get the bundle anew") from None
    return row


def _load(data: bytes) -> dict[str, Any]:
    """The JSON object in `data`; `ValueError` when there is none."""
    try:
        plain = json.loads(data.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(plain, dict):
        raise ValueError("not a JSON object")
    return plain
