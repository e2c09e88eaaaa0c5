"""Bundle writer: inputs in, a zip file out.

One input is in memory at a time. Where any is unreadable, no bundle is written.
"""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final, cast

import msgspec

from tipclassify._version import __version__
from tipclassify.bundle.archive import LARGEST_INPUT, Packer
from tipclassify.bundle.manifest import (
    FORMAT,
    MANIFEST,
    PASSAGES,
    ROWS,
    CheckCounts,
    Input,
    Manifest,
    ModelId,
    Rate,
    RatesByLabel,
    StoredCheck,
    fetch,
    figures_of,
    passage_line,
    public_name,
    read_original,
    seal,
    serialize,
    versions,
)
from tipclassify.errors import InputError, ModelError
from tipclassify.formatting import one_line
from tipclassify.labels import Policy
from tipclassify.model.classifier import Classifier
from tipclassify.model.find import model_folder
from tipclassify.model.folder import METADATA, read_files, read_metadata, weights_digest
from tipclassify.progress import Progress
from tipclassify.readers.limits import read_bounded
from tipclassify.records import Passage
from tipclassify.reports.adjust import (
    Rates,
    rates_by_kind,
    rates_of,
)
from tipclassify.reports.counts import Figures, Group
from tipclassify.reports.findings import FirstPlaces
from tipclassify.resources import read_resource
from tipclassify.store.state import Check
from tipclassify.tagging import Tagging
from tipclassify.whole_files import FailingOnce

CHECKS: Final = "checks.jsonl"
EXPORTS: Final = "exports/"
"""Folder of a bundle in which exports lie."""
_README: Final = "README.txt"
_OF_MODEL: Final = ("README.md", "golden.jsonl")  # optional files of a model folder
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]+")
# bytes of passages that are kept in memory before a temporary file is used
_IN_MEMORY: Final = 32_000_000


_Place = tuple[str, int, int]  # key of the words, and characters in the text of its report


class CheckMatcher:
    """Finds the passages of a bundle that were checked, as they come."""

    def __init__(self, checks: Sequence[Check]) -> None:
        by_finding: defaultdict[tuple[object, ...], list[Check]] = defaultdict(list)
        for check in checks:
            by_finding[check[:4]].append(check)
        # the same words at the same characters may be in several reports, as rows are
        self._left: defaultdict[_Place, list[list[Check]]] = defaultdict(list)
        # of a row, a desk gives the number in place of characters
        self._of_rows: defaultdict[str, list[_Place]] = defaultdict(list)  # by key of the words
        for of_finding in by_finding.values():
            first = of_finding[0]
            place = first.key, first.start, first.end
            if first.start == first.end and place not in self._left:
                self._of_rows[first.key].append(place)
            self._left[place].append(of_finding)
        self.stored: list[StoredCheck] = []

    def match(self, line: int, passage: Passage) -> None:
        """Store the checks of the passage in a line of ``passages.jsonl``.

        Raises `InputError` when it has other labels than those that were checked.
        """
        key = passage.key
        place = key, passage.start, passage.end
        if not self._left.get(place):
            of_rows = self._of_rows.get(key, ())
            place = next((each for each in of_rows if self._left[each]), place)
        if not self._left.get(place):
            return
        for check in self._left[place].pop(0):
            if check.verdict and check.labels != passage.labels:
                tags = " and ".join(passage.labels) or "no label"
                checked = " and ".join(check.labels)
                what = f"{check.annotator} checked {checked} of “{one_line(passage.text):.60}”"
                remedy = "give the model, --policy and --threshold of the desk"
                raise InputError(f"{what}, which has {tags} here; {remedy}")
            stored = StoredCheck(
                line=line,
                labels=check.labels,
                annotator=check.annotator,
                verdict=check.verdict,
                note=check.note,
                time=check.at,
            )
            self.stored.append(stored)


def lines_of_findings(passages: Iterable[Passage], before: int, rows: bool) -> list[int]:
    """List for each passage of an input the line of its finding; 0 for one without a label.

    As on a desk, a sentence that a report repeats is one finding, known by its first line. `before`
    is the number of lines before the input in ``passages.jsonl``. With `rows`, the input is rows,
    which are findings of their own.
    """
    first_places = FirstPlaces[int](rows)
    return [
        first_places.of(passage, line) if passage.labels else 0
        for line, passage in enumerate(passages, before + 1)
    ]


def count_checks(checks: Iterable[StoredCheck], findings: Sequence[int]) -> CheckCounts:
    """Count the findings by what was decided on them.

    `findings` are those of all passages (`lines_of_findings`).
    """
    verdicts: defaultdict[int, set[str]] = defaultdict(set)
    noted: set[int] = set()
    people: set[str] = set()
    for check in checks:
        people.add(check.annotator)
        line = check.line
        if line <= len(findings):  # a bundle that was changed may name others
            line = findings[line - 1] or line
        if check.verdict:
            verdicts[line].add(check.verdict)
        if check.note:
            noted.add(line)
    counts = Counter(
        next(iter(given)) if len(given) == 1 else "disputed" for given in verdicts.values()
    )
    return CheckCounts(
        confirmed=counts["confirmed"],
        rejected=counts["rejected"],
        disputed=counts["disputed"],
        unchecked=len(set(findings) - {0}) - len(verdicts),
        noted=len(noted),
        people=len(people),
    )


@dataclass(frozen=True, slots=True)
class Included:
    """What a bundle has besides the passages and the figures."""

    sources: bool = False  # the bytes of the inputs
    model: bool = False  # the model's folder
    checks: Sequence[Check] = ()  # of a desk
    exports: Sequence[Path] = ()  # files of findings that were exported or published


def write_bundle(
    files: Sequence[str],
    tagging: Tagging,
    out: IO[bytes],
    included: Included = Included(),  # frozen
    progress: Progress | None = None,
) -> tuple[Manifest, str]:
    """Tag `files` and write their bundle to `out`; return the manifest and its fingerprint.

    Raises `InputError` when inputs cannot be read, with a line for each (`out` then has no valid
    bundle), `ModelError` when the model cannot be used.

    Parameters
    ----------
    files : sequence of str
        Files, links, ``-`` for standard input (see `tipclassify.tagging.inputs.expand_inputs`).
    included : Included
        What else the bundle has. Checks of other reports are left out.
    progress : callable, optional
        Called with (inputs done, inputs in total).
    """
    if not files:
        raise InputError("no inputs: give reports to make figures of")
    classifier = tagging.classifier()
    folder = model_folder(tagging.model)
    overrides = dict(tagging.thresholds)
    settings = settings_of(classifier, tagging.policy, overrides)
    with zipfile.ZipFile(cast("IO[bytes]", FailingOnce(out)), "w", allowZip64=False) as archive:
        packer = Packer(archive)
        if included.model:
            _pack_model(packer, folder)
        matcher = CheckMatcher(included.checks)
        inputs, total, findings = _pack_inputs(
            files, tagging, packer, included.sources, settings, matcher, progress
        )
        if included.checks:
            lines = [serialize(msgspec.to_builtins(check)) for check in matcher.stored]
            packer.add(CHECKS, io.BytesIO(b"".join(lines)))
        _pack_exports(packer, included.exports)
        packer.add(_README, io.BytesIO(_readme(inputs, included).encode()))
        model = model_id(folder)
        if model.sha256 != classifier.meta["sha256"]:
            raise ModelError(f"{folder}: changed while it was read; run this again")
        manifest = Manifest(
            bundle=FORMAT,
            versions=versions(),
            model=model,
            policy=tagging.policy,
            thresholds=settings.thresholds,
            moved=overrides,
            unit=tagging.unit,
            encoding=tagging.read.encoding,
            error_rates=settings.error_rates,
            error_rates_by_kind=settings.error_rates_by_kind,
            inputs=tuple(inputs),
            figures=cast("dict[str, object]", settings.figures(total)),
            files=packer.files.copy(),
            checks=(count_checks(matcher.stored, findings) if included.checks else None),
        )
        written, fingerprint = seal(msgspec.to_builtins(manifest))
        packer.add(MANIFEST, io.BytesIO(written))
    return manifest, fingerprint


@dataclass(frozen=True)
class Settings:
    """A model's thresholds and error rates, as the manifest has them."""

    thresholds: dict[str, float]
    error_rates: RatesByLabel | None  # None if the model records none
    error_rates_by_kind: dict[str, RatesByLabel]

    def figures(self, group: Group) -> Figures:
        """Compute the figures of a group by these rates."""
        return figures_of(group, self.thresholds, self.error_rates, self.error_rates_by_kind)


def settings_of(classifier: Classifier, policy: Policy, overrides: dict[str, float]) -> Settings:
    """Return a classifier's thresholds under a policy, and its error rates if it records them."""
    rates = rates_of(classifier.meta, policy, overrides)
    by_kind = rates_by_kind(classifier.meta, policy, overrides)
    return Settings(
        thresholds=dict(classifier.run(policy).thresholds),
        error_rates=None if rates is None else _plain(rates),
        error_rates_by_kind={kind: _plain(of_kind) for kind, of_kind in by_kind.items()},
    )


def _plain(rates: Mapping[str, Rates]) -> RatesByLabel:
    return {label: cast("dict[Rate, float]", asdict(of_label)) for label, of_label in rates.items()}


def _pack_inputs(
    files: Sequence[str],
    tagging: Tagging,
    packer: Packer,
    with_sources: bool,
    settings: Settings,
    matcher: CheckMatcher,
    progress: Progress | None,
) -> tuple[list[Input], Group, list[int]]:
    """Read, tag and pack each input.

    Returns their manifest entries, the counts of all, and of each passage the line of its finding.
    """
    classifier = tagging.classifier()
    inputs: list[Input] = []
    groups: list[Group] = []
    failures: list[str] = []
    findings: list[int] = []
    line = 0  # of passages.jsonl
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as lines:
        for number, file in enumerate(files):
            if progress:
                progress(number, len(files))
            name = public_name(file)
            try:
                original = fetch(file, tagging.read)
                read = read_original(name, original, tagging.read.encoding, tagging.unit)
            except InputError as error:
                failures.append(str(error))
            if failures:  # inputs are read only to report all that fail
                continue
            passages = classifier.tag(read.passages, tagging.policy)
            findings += lines_of_findings(passages, line, read.recorded.kind == ROWS)
            before = lines.tell()
            for passage in passages:
                line += 1
                lines.write(passage_line(number, passage))
                matcher.match(line, passage)
            if lines.tell() - before > LARGEST_INPUT:
                most = f"over {LARGEST_INPUT / 1e6:g} MB"
                raise InputError(f"{file}: its passages have {most}; split it")
            source = _source_path(number, name) if with_sources else None
            if source:
                packer.add(source, io.BytesIO(original.data))
            group = Group.of((), passages, read.recorded.publication)
            groups.append(group)
            figures = cast("dict[str, object]", settings.figures(group))
            recorded = msgspec.structs.replace(read.recorded, source=source, figures=figures)
            inputs.append(recorded)
        if progress:
            progress(len(files), len(files))
        if failures:
            remedy = "no bundle was written: correct them or leave them out"
            count = f"{len(failures)} of {len(files)} inputs failed, so {remedy}"
            raise InputError("\n".join([*failures, count]))
        lines.seek(0)
        packer.add(PASSAGES, lines)
    return inputs, sum(groups, Group(())), findings


def _pack_exports(packer: Packer, exports: Sequence[Path]) -> None:
    """Add exported files by their names; raise `InputError` when two have the same."""
    taken = {name.casefold() for name in packer.files}
    for file in exports:
        name = EXPORTS + (_ODD.sub("-", file.name).lstrip(".-") or "export")
        if name.casefold() in taken:
            raise InputError(f"{file}: another export has this name; rename one")
        taken.add(name.casefold())
        packer.add(name, io.BytesIO(read_bounded(str(file))))


def _readme(inputs: Sequence[Input], included: Included) -> str:
    listed = []
    for recorded in inputs:
        fetched = f" (as of {recorded.link.fetched})" if recorded.link else ""
        listed.append(f"  {recorded.sha256}  {one_line(recorded.name)}{fetched}\n")
    sources = "not in here: give the reports yourself"
    given = " REPORT..."
    if included.sources:
        sources = "the reports themselves, byte for byte"
        given = ""
    model = "not in here: the manifest has its SHA-256"
    if included.model:
        model = "the model that gave the probabilities"
    checks = "none in here"
    if included.checks:
        checks = "what people decided on the findings, with initials and time"
    return read_resource("bundle/readme.txt").format(
        version=__version__,
        sources=sources,
        model=model,
        checks=checks,
        exports="files of findings as they were exported" if included.exports else "none in here",
        given=given,
        listed="".join(listed),
    )


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


def _pack_model(packer: Packer, folder: Path) -> None:
    """Add the files of a model folder; raise `ModelError` when one is unreadable or changed."""
    files = read_files(folder, read_metadata(folder), ())
    for name in (METADATA, *_OF_MODEL):
        if (folder / name).is_file():
            files[name] = (folder / name).read_bytes()
    for name, data in sorted(files.items()):
        packer.add(f"model/{name}", io.BytesIO(data))


def _source_path(number: int, name: str) -> str:
    """Make the path of an input in a bundle: valid on every system, and unique by its number.

    >>> _source_path(3, "reports/Côte d'Ivoire.html")
    'sources/0003-C-te-d-Ivoire.html'
    """
    last = name.rstrip("/").split("/")[-1]
    plain = _ODD.sub("-", last).strip("-")[-80:].lstrip(".")
    return f"sources/{number:04}-{plain or 'input'}"
