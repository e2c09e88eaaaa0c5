"""Bundle writer: inputs in, a zip file out.

One input is in memory at a time. Where any is unreadable, no bundle is written.
"""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, cast

import msgspec

from tipclassify._version import __version__
from tipclassify.bundle.archive import pack
from tipclassify.bundle.manifest import (
    FORMAT,
    MANIFEST,
    PASSAGES,
    CheckCounts,
    Input,
    Manifest,
    ModelId,
    StoredCheck,
    count_input,
    fetch,
    figures_of,
    passage_line,
    read_original,
    seal,
    serialize,
    settings_of,
    versions,
)
from tipclassify.download.cache import Download
from tipclassify.errors import InputError, ModelError
from tipclassify.formatting import one_line
from tipclassify.model.find import model_folder
from tipclassify.model.folder import METADATA, read_files, read_metadata, weights_digest
from tipclassify.progress import Progress
from tipclassify.readers.limits import read_bounded
from tipclassify.records import Passage, public_name
from tipclassify.reports.counts import Group
from tipclassify.resources import read_resource
from tipclassify.store.state import Check, Judgment, judge
from tipclassify.tagging import Tagging
from tipclassify.whole_files import FailingOnce

CHECKS: Final = "checks.jsonl"
EXPORTS: Final = "exports/"
"""Folder of a bundle in which exports lie."""
README: Final = "README.txt"
MODEL: Final = "model/"
"""Folder of a bundle in which the model lies."""
_OF_MODEL: Final = ("README.md", "golden.jsonl")  # optional files of a model folder
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]+")
# bytes of passages that are kept in memory before a temporary file is used
_IN_MEMORY: Final = 32_000_000

# of a finding: the key of its words, and characters in its text; none for a row
_Place = tuple[str, int, int] | tuple[str]


def write_bundle(
    files: Sequence[str],
    tagging: Tagging,
    out: IO[bytes],
    *,
    with_sources: bool = False,
    with_model: bool = False,
    checks: Sequence[Check] = (),
    exports: Sequence[Path] = (),
    progress: Progress | None = None,
) -> tuple[Manifest, str]:
    """Tag `files` and write their bundle to `out`; return the manifest and its fingerprint.

    Raises `InputError` when inputs cannot be read, with a line for each (`out` then has no valid
    bundle), `ModelError` when the model cannot be used.

    Parameters
    ----------
    files : sequence of str
        Files, links, ``-`` for standard input (see `tipclassify.tagging.inputs.expand_inputs`).
    with_sources, with_model : bool
        Whether to include the bytes of the inputs, and the model's folder.
    checks : sequence of Check
        Checks of a desk. Those of other reports are left out.
    exports : sequence of Path
        Files of findings that were exported or published.
    progress : callable, optional
        Called with (inputs done, inputs in total).
    """
    if not files:
        raise InputError("no inputs: give reports to make figures of")
    classifier = tagging.classifier()
    folder = model_folder(tagging.model)
    moved = dict(tagging.thresholds)
    settings = settings_of(classifier, tagging.policy, moved)
    packed = {}
    inputs: list[Input] = []
    total = Group(())
    findings: list[int] = []  # of each passage
    stored: list[StoredCheck] = []
    pending = _by_place(checks)
    with zipfile.ZipFile(cast("IO[bytes]", FailingOnce(out)), "w", allowZip64=False) as archive:
        if with_model:
            for name, data in _files_of_model(folder):
                packed[name] = pack(archive, name, data)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as lines:
            for original, recorded, untagged in _read_all(
                files, tagging, classifier.meta, progress
            ):
                passages = classifier.tag(untagged, tagging.policy)
                for line, passage in enumerate(passages, len(findings) + 1):
                    lines.write(passage_line(len(inputs), passage))
                    stored += _checks_of(passage, line, pending)
                group, of_input = count_input(passages, recorded, len(findings))
                findings += of_input
                source = None
                if with_sources:
                    source = _source_path(len(inputs), recorded.name)
                    packed[source] = pack(archive, source, original.data)
                total += group
                figures = figures_of(group, **settings)
                inputs.append(msgspec.structs.replace(recorded, source=source, figures=figures))
            packed[PASSAGES] = pack(archive, PASSAGES, lines)
        if checks:
            serialized = [serialize(msgspec.to_builtins(check)) for check in stored]
            packed[CHECKS] = pack(archive, CHECKS, b"".join(serialized))
        taken = {name.casefold() for name in packed}
        for file in exports:
            name = EXPORTS + (_ODD.sub("-", file.name).lstrip(".-") or "export")
            if name.casefold() in taken:
                raise InputError(f"{file}: another export has this name; rename one")
            taken.add(name.casefold())
            packed[name] = pack(archive, name, read_bounded(str(file)))
        packed[README] = pack(archive, README, readme(inputs, packed, __version__))
        model = model_id(folder)
        if model.sha256 != classifier.meta["sha256"]:
            raise ModelError(f"{folder}: changed while it was read; run this again")
        manifest = Manifest(
            bundle=FORMAT,
            versions=versions(),
            model=model,
            policy=tagging.policy,
            moved=moved,
            unit=tagging.unit,
            encoding=tagging.read.encoding,
            inputs=tuple(inputs),
            figures=figures_of(total, **settings),
            files=packed,
            checks=count_checks(stored, findings) if checks else None,
            **settings,
        )
        written, fingerprint = seal(msgspec.to_builtins(manifest))
        pack(archive, MANIFEST, written)
    return manifest, fingerprint


def _read_all(
    files: Sequence[str], tagging: Tagging, meta: Mapping[str, Any], progress: Progress | None
) -> Iterator[tuple[Download, Input, list[Passage]]]:
    """Read and split each input; after a failure, read the others only to report all that fail.

    Raises `InputError` at the end, with a line for each that failed.
    """
    failures: list[str] = []
    for number, file in enumerate(files):
        if progress:
            progress(number, len(files))
        try:
            original = fetch(file, tagging.read)
            recorded, passages = read_original(
                public_name(file), original, tagging.read.encoding, tagging.unit, meta
            )
        except InputError as error:
            failures.append(str(error))
            continue
        if not failures:
            yield original, recorded, passages
    if progress:
        progress(len(files), len(files))
    if failures:
        remedy = "no bundle was written: correct them or leave them out"
        count = f"{len(failures)} of {len(files)} inputs failed, so {remedy}"
        raise InputError("\n".join([*failures, count]))


def _by_place(checks: Sequence[Check]) -> dict[_Place, deque[list[Check]]]:
    """Group checks by finding, and findings by place.

    Several reports may have the same words at the same characters.
    """
    by_finding: defaultdict[tuple[object, ...], list[Check]] = defaultdict(list)
    for check in checks:
        by_finding[check.report, check.key, check.start, check.end].append(check)
    by_place: defaultdict[_Place, deque[list[Check]]] = defaultdict(deque)
    for of_finding in by_finding.values():
        first = of_finding[0]
        place: _Place = (first.key, first.start, first.end)
        if first.start == first.end:  # a desk has the number of a row in place of characters
            place = (first.key,)
        by_place[place].append(of_finding)
    return by_place


def _checks_of(
    passage: Passage, line: int, pending: dict[_Place, deque[list[Check]]]
) -> list[StoredCheck]:
    """Take the checks of the passage in a line of ``passages.jsonl`` out of those `pending`."""
    key = passage.key
    findings = pending.get((key, passage.start, passage.end)) or pending.get((key,))
    stored: list[StoredCheck] = []
    if not findings:
        return stored
    for check in findings.popleft():
        stored.append(
            StoredCheck(
                line=line,
                labels=passage.labels,
                annotator=check.annotator,
                verdict="" if check.labels is None else judge(passage.labels, check.labels),
                right=check.labels,
                note=check.note,
                time=check.at,
            )
        )
    return stored


def count_checks(checks: Iterable[StoredCheck], findings: Sequence[int]) -> CheckCounts:
    """Count the findings by what was decided on them.

    `findings` are the lines of those of all passages (`manifest.count_input`).
    """
    verdicts: defaultdict[int, set[tuple[Judgment, frozenset[str]]]] = defaultdict(set)
    noted: set[int] = set()
    people: set[str] = set()
    for check in checks:
        people.add(check.annotator)
        line = check.line
        if line <= len(findings):  # a bundle that was changed may name others
            line = findings[line - 1] or line
        if check.verdict:
            right = check.right if check.verdict == "corrected" else ()
            verdicts[line].add((check.verdict, frozenset(right or ())))
        if check.note:
            noted.add(line)
    counts = Counter(
        next(iter(given))[0] if len(given) == 1 else "disputed" for given in verdicts.values()
    )
    corrected: CheckCounts = {}
    if counts["corrected"]:  # which bundles of earlier versions do not have
        corrected = {"corrected": counts["corrected"]}
    return {
        "confirmed": counts["confirmed"],
        "rejected": counts["rejected"],
        **corrected,
        "disputed": counts["disputed"],
        "unchecked": len(set(findings) - {0}) - len(verdicts),
        "noted": len(noted),
        "people": len(people),
    }


def readme(inputs: Sequence[Input], names: Iterable[str], version: str) -> bytes:
    """Make the README of a bundle with files of these names, as a version of tipclassify does."""
    folders = {name.split("/")[0] for name in names}
    listed = []
    for recorded in inputs:
        fetched = f" (as of {recorded.link.fetched})" if recorded.link else ""
        listed.append(f"  {recorded.sha256}  {one_line(recorded.name)}{fetched}\n")
    sources = "not in here: give the reports yourself"
    given = " REPORT..."
    if "sources" in folders:
        sources = "the reports themselves, byte for byte"
        given = ""
    model = "not in here: the manifest has its SHA-256"
    if "model" in folders:
        model = "the model that gave the probabilities"
    decided = "what people decided on the findings, with initials and time"
    text = read_resource("bundle/readme.txt").format(
        version=version,
        sources=sources,
        model=model,
        checks=decided if CHECKS in folders else "none in here",
        exports="files of findings as they were exported"
        if "exports" in folders
        else "none in here",
        given=given,
        listed="".join(listed),
    )
    return text.encode()


def model_id(folder: Path) -> ModelId:
    """Read the identity of the model in `folder`; raise `ModelError` when that fails."""
    head = read_metadata(folder)
    try:
        corpus_sha256 = head.get("corpus", {}).get("sha256")
        return ModelId(str(head["sha256"]), weights_digest(head), corpus_sha256)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ModelError(
            f"{folder / METADATA}: cannot be read; copy or train the model anew"
        ) from None


def _files_of_model(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Read the files of a model folder; raise `ModelError` when one is unreadable or changed."""
    files = read_files(folder, read_metadata(folder), ())
    for name in (METADATA, *_OF_MODEL):
        if (folder / name).is_file():
            files[name] = (folder / name).read_bytes()
    for name, data in sorted(files.items()):
        yield MODEL + name, data


def _source_path(number: int, name: str) -> str:
    """Make the path of an input in a bundle: valid on every system, and unique by its number.

    >>> _source_path(3, "reports/Côte d'Ivoire.html")
    'sources/0003-C-te-d-Ivoire.html'
    """
    last = name.rstrip("/").split("/")[-1]
    plain = _ODD.sub("-", last).strip("-")[-80:].lstrip(".")
    return f"sources/{number:04}-{plain or 'input'}"
