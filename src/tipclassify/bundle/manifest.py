"""What a bundle holds: its inputs as they were read, and the JSON in which they are recorded.

The JSON is validated when it is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from importlib import metadata
from pathlib import PurePath
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from tipclassify._version import __version__
from tipclassify.download import download
from tipclassify.download.cache import Download
from tipclassify.errors import InputError
from tipclassify.formatting import escape_line_breaks, load_json, one_line
from tipclassify.labels import Policy
from tipclassify.model.classifier import Classifier
from tipclassify.readers import ReadOptions, format_of
from tipclassify.readers.child import read_bytes_isolated
from tipclassify.readers.limits import gunzip, read_bounded
from tipclassify.readers.rows import parse_row
from tipclassify.records import LONGEST_NAME, Passage, Unit, is_link, passage_of, public_name
from tipclassify.reports.adjust import Rates, rates_by_kind, rates_of
from tipclassify.reports.counts import Group, Summary
from tipclassify.reports.findings import Wording, natures
from tipclassify.store.state import Judgment
from tipclassify.tagging import read_with_notes
from tipclassify.tagging.inputs import ROWS as ROW_FILES
from tipclassify.text.kinds import is_measured, kind_of_document
from tipclassify.text.split import split_passages

# version of the layout; only the version of tipclassify that made another can verify it
FORMAT: Final = 3
MANIFEST: Final = "manifest.json"
PASSAGES: Final = "passages.jsonl"
ROWS: Final = "rows"  # kind of an input whose rows are passages already

_LIBRARIES: Final = (
    "numpy",
    "sentencex",
    "lxml",
    "trafilatura",
    "charset-normalizer",
    "markdown-it-py",
    "pypdfium2",
    "python-docx",
)
_NOT_OURS: Final = "not written as tipclassify writes it (a name twice, or other white space)"


Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Number = Annotated[int, msgspec.Meta(ge=0)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Acronym = Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)]
Name = Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)]  # that an acronym stands for
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]
Threshold = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Probabilities = Annotated[dict[Label, Probability], msgspec.Meta(min_length=1, max_length=100)]
# passages of a corpus; sums of squares of more would overflow
Cases = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
_Rate = Literal["tp", "fn", "fp", "tn", "dispersion"]  # fields of `Rates`
# findings by what people decided: disputed, by two; and how many were noted, and people checked
_CheckCount = Literal[
    "confirmed", "rejected", "corrected", "disputed", "unchecked", "noted", "people"
]
CheckCounts = Annotated[dict[_CheckCount, Number], msgspec.Meta(min_length=6)]
RatesByLabel = dict[Label, Annotated[dict[_Rate, Cases], msgspec.Meta(min_length=5)]]


class _Object(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A JSON object with exactly these fields."""


_Line = TypeVar("_Line", bound=_Object)


class FileDigest(_Object, frozen=True):
    """A file of the bundle."""

    sha256: Sha256
    size: Number  # bytes


class ModelId(_Object, frozen=True):
    """Identity of the scoring model: the hashes in its ``model.json``."""

    sha256: Sha256
    weights_sha256: Sha256
    corpus_sha256: str | None  # None if it records none


class Link(_Object, frozen=True):
    """Address, download time (UTC) and declared type of an input from the web."""

    url: str
    fetched: str
    content_type: str | None
    encoding: str | None


class Input(_Object, frozen=True, kw_only=True):
    """An input: hash and size of its bytes, metadata of its text, and its figures."""

    name: str  # a link, or a path without private folders
    sha256: Sha256
    size: Number  # bytes
    kind: str  # format, which decides the reader, or `ROWS`
    title: str | None = None
    country: str | None = None
    year: int | None = None
    publication: str | None = None  # its kind decides by which error rates counts are adjusted
    text_sha256: str | None = None  # of the text, in UTF-8, that offsets refer to; None for rows
    characters: int | None = None
    notes: tuple[str, ...] = ()  # the reader's warnings
    is_measured: bool = True  # whether the model was measured on such text
    link: Link | None = None
    source: str | None = None  # its path in the bundle, if included
    figures: Mapping[str, object] = {}  # its figures, unchecked when read


class StoredCheck(_Object, frozen=True, kw_only=True):
    """A line of ``checks.jsonl``: what one person decided and noted on a finding."""

    line: Annotated[int, msgspec.Meta(ge=1)]  # of its passage in ``passages.jsonl``
    labels: tuple[Label, ...]  # that it was tagged with
    annotator: str
    verdict: Judgment | Literal[""]  # "": a note alone
    right: tuple[Label, ...] | None = None  # that it should have; None of a note alone
    note: str
    time: str  # ISO 8601


class Manifest(_Object, frozen=True):
    """Content of ``manifest.json``, but for its own hash."""

    bundle: int  # `FORMAT`
    # from `versions`
    versions: Annotated[dict[str, str | None], msgspec.Meta(max_length=50)]
    model: ModelId
    policy: Policy
    thresholds: Probabilities
    moved: dict[Label, Threshold]  # overrides of the policy's thresholds
    unit: Unit
    encoding: str | None
    # `Rates`, of all reports that measured the model, and of each kind by itself
    error_rates: RatesByLabel | None
    error_rates_by_kind: Annotated[dict[str, RatesByLabel], msgspec.Meta(max_length=50)]
    inputs: Annotated[tuple[Input, ...], msgspec.Meta(min_length=1)]
    figures: Mapping[str, object]  # figures of all inputs together, unchecked when read
    files: dict[str, FileDigest]  # all but the manifest
    checks: CheckCounts | None = None  # None without ``checks.jsonl``


class PassageLine(_Object, frozen=True):
    """A line of ``passages.jsonl``: a tagged passage."""

    input: Number  # index in the manifest's inputs
    start: Number
    end: Number
    page: int | None
    block: int | None
    section: str | None
    text: str
    labels: tuple[Label, ...]
    scores: Probabilities
    low_confidence: bool
    in_row: bool  # of a table
    acronyms: Annotated[dict[Acronym, Name], msgspec.Meta(max_length=100)]

    def passage(self) -> Passage:
        """Make the passage with its labels and probabilities."""
        return Passage(
            self.text,
            self.start,
            self.end,
            self.section,
            self.labels,
            self.scores,
            low_confidence=self.low_confidence,
            page=self.page,
            block=self.block,
            in_row=self.in_row,
            acronyms=self.acronyms,
        )


def versions() -> dict[str, str | None]:
    """Collect the versions and platform that affect reading and rounding; None: not installed."""
    versions: dict[str, str | None] = {
        "tipclassify": __version__,
        "python": platform.python_version(),
    }
    for name in _LIBRARIES:
        versions[name] = None
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {**versions, "platform": f"{sys.platform}-{platform.machine() or 'unknown'}"}


def settings_of(classifier: Classifier, policy: Policy, moved: dict[str, float]) -> dict[str, Any]:
    """Return a classifier's thresholds and error rates under a policy, as a manifest has them."""
    rates = rates_of(classifier.meta, policy, moved)
    by_kind = rates_by_kind(classifier.meta, policy, moved)
    return {
        "thresholds": dict(classifier.run(policy).thresholds),
        "error_rates": None if rates is None else _plain(rates),
        "error_rates_by_kind": {kind: _plain(table) for kind, table in by_kind.items()},
    }


def _plain(rates: Mapping[str, Rates]) -> dict[str, dict[str, float]]:
    return {label: asdict(of_label) for label, of_label in rates.items()}


def count_input(
    passages: Sequence[Passage], recorded: Input, before: int
) -> tuple[Group, list[int]]:
    """Count the passages of an input, and list the line of the finding of each; 0 without a label.

    A sentence that a report repeats is one finding, known by its first line in ``passages.jsonl``,
    and counts once, as in `summarize`. `before` is the number of lines before the input. Input rows
    are findings of their own.
    """
    lines = list(map(str, range(before + 1, before + len(passages) + 1)))
    places = None if recorded.kind == ROWS else dict[Wording, str]()
    of_passages = list(natures(passages, lines, places))
    findings = [
        int(nature.first or line) if passage.labels else 0
        for passage, nature, line in zip(passages, of_passages, lines, strict=True)
    ]
    group = Group.of((), passages, of_passages, recorded.publication, recorded.is_measured)
    return group, findings


def figures_of(
    group: Group,
    thresholds: Mapping[str, float],
    error_rates: RatesByLabel | None,
    error_rates_by_kind: Mapping[str, RatesByLabel],
) -> dict[str, Any]:
    """Compute the figures of a group; counts are adjusted for errors if rates are known."""
    rates = summary_rates(error_rates, error_rates_by_kind)
    summary = Summary(by=(), groups=(), totals=(group,), labels=tuple(thresholds), **rates)
    return summary.figures(group)


def summary_rates(
    error_rates: RatesByLabel | None, error_rates_by_kind: Mapping[str, RatesByLabel]
) -> dict[str, Any]:
    """Make of a manifest's error rates those of a `Summary`."""
    return {
        "rates": None if error_rates is None else _rates(error_rates),
        "rates_by_kind": {kind: _rates(table) for kind, table in error_rates_by_kind.items()},
    }


def _rates(rates: RatesByLabel) -> dict[str, Rates]:
    return {label: Rates(**of_label) for label, of_label in rates.items()}


def seal(plain: dict[str, object]) -> tuple[bytes, str]:
    """Serialize a manifest; return its bytes, and the fingerprint (SHA-256) that ends them."""
    fingerprint = hashlib.sha256(serialize(plain, 1)).hexdigest()
    return serialize({**plain, "sha256": fingerprint}, 1), fingerprint


def passage_line(number: int, passage: Passage) -> bytes:
    """Serialize a tagged passage of input `number`; probabilities keep every bit."""
    row = {
        "input": number,
        **passage.to_dict(),
        "scores": dict(passage.scores),
        "in_row": passage.in_row,
        "acronyms": dict(passage.acronyms),
    }
    return serialize({name: row[name] for name in PassageLine.__struct_fields__})


def serialize(value: object, indent: int | None = None) -> bytes:
    """Serialize a value as the canonical JSON of bundles."""
    written = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    return (escape_line_breaks(written) + "\n").encode()


def read_manifest(data: bytes, where: str) -> tuple[Manifest, str, str | None]:
    """Parse a manifest; return it, its computed fingerprint, and its defect or None.

    Raises `InputError` when it is none.
    """
    try:
        plain = msgspec.convert(load_json(data), dict[str, object])
        number = plain.get("bundle")
        if type(number) is int and number != FORMAT:
            by = "a newer" if number > FORMAT else "an older"
            what = f"made by {by} version of tipclassify (bundle format {number})"
            raise InputError(f"{where}: {what}; verify it with that version")
        stated = plain.pop("sha256", None)
        if not isinstance(stated, str):
            raise ValueError("no SHA-256 at its end")
        manifest = msgspec.convert(plain, Manifest)
        whole, fingerprint = seal(plain)
        for rates in (manifest.error_rates, *manifest.error_rates_by_kind.values()):
            if rates is not None and rates.keys() != manifest.thresholds.keys():
                raise ValueError("error rates of other labels than it has thresholds of")
        if unknown := manifest.moved.keys() - manifest.thresholds.keys():
            raise ValueError(f"a threshold of {min(unknown)!r:.60}, which is no label of it")
        for recorded in manifest.inputs:
            if recorded.source is not None and recorded.source not in manifest.files:
                raise ValueError(f"{recorded.source!r:.60} is not among its files")
    except ValueError as error:  # a `msgspec.ValidationError` is one
        reason = f"not the manifest of a bundle ({one_line(str(error)):.120})"
        raise InputError(f"{where}: {reason}; get the bundle anew") from None
    defect = None if data == whole else _NOT_OURS
    if stated != fingerprint:
        computed = f"its SHA-256 is {fingerprint[:12]}…, it says {stated:.12}…"
        defect = f"changed since it was made: {computed}"
    return manifest, fingerprint, defect


def read_line(line: bytes, kind: type[_Line], where: str) -> _Line:
    """Parse a line of passages or checks; raise `InputError` when it is none."""
    try:
        return msgspec.convert(load_json(line), kind)
    except ValueError as error:
        name = "passage" if kind is PassageLine else "check"
        reason = f"not a {name} ({one_line(str(error)):.120})"
        raise InputError(f"{where}: {reason}; get the bundle anew") from None


def fetch(file: str, options: ReadOptions) -> Download:
    """Read a file, a link, or standard input for ``-``, as a download.

    Raises `InputError` when that fails.
    """
    if is_link(file):
        return download(file, allow_private=options.allow_private)
    return Download(read_bounded(file), None, None, public_name(file), "")


def read_original(
    name: str, original: Download, encoding: str | None, unit: Unit, meta: Mapping[str, Any]
) -> tuple[Input, list[Passage]]:
    """Read and split an input; raise `InputError` when it cannot be read.

    Returns its entry of the manifest, but for what is counted, and its passages. `meta` is the
    model's, which says on what kinds of text it was measured.
    """
    data = original.data
    digest = hashlib.sha256(data).hexdigest()
    if PurePath(name).suffix.lower() in ROW_FILES and not is_link(name):
        passages = []
        for number, line in enumerate(io.BytesIO(data), 1):
            if line.strip():
                row = parse_row(line, f"{name}:{number}")
                passages.append(passage_of(row))
        return Input(name=name, sha256=digest, size=len(data), kind=ROWS), passages
    document, notes = read_with_notes(
        partial(read_bytes_isolated, data, name, ReadOptions(encoding), original)
    )
    link = None
    if is_link(name):
        link = Link(original.url, original.fetched, original.content_type, original.encoding)
    written = document.text.encode("utf-8", "surrogatepass")  # JSON may have lone surrogates
    recorded = Input(
        name=name,
        sha256=digest,
        size=len(data),
        kind=format_of(gunzip(data, name), name, original),
        title=document.title,
        country=document.country,
        year=document.year,
        publication=document.publication,
        text_sha256=hashlib.sha256(written).hexdigest(),
        characters=len(document.text),
        notes=notes,
        link=link,
        is_measured=is_measured(kind_of_document(document), meta),
    )
    return recorded, split_passages(document, unit)
