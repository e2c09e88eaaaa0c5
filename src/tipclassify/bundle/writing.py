"""Bundle writer: inputs in, a zip file out.

One input is in memory at a time. Where any is unreadable, no bundle is written.
"""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final, cast

import msgspec

from tipclassify._version import __version__
from tipclassify.bundle.archive import LARGEST_INPUT, BundlePacker
from tipclassify.bundle.checks import (
    CHECKS,
    BundleCheckMatcher,
    FindingCheck,
    count_bundle_checks,
    list_lines_of_findings,
)
from tipclassify.bundle.manifest import (
    FORMAT,
    MANIFEST,
    PASSAGES,
    ROWS,
    BundleFigures,
    Input,
    Manifest,
    ModelId,
    RatesByLabel,
    collect_bundle_versions,
    compute_bundle_figures,
    seal_bundle_manifest,
    serialize_for_bundle,
    write_bundle_row,
)
from tipclassify.bundle.originals import (
    fetch_bundle_original,
    public_name_of_bundle_input,
    read_bundle_original,
)
from tipclassify.errors import InputError, ModelError
from tipclassify.formatting import one_line
from tipclassify.labels import LABELS, Policy
from tipclassify.model.classifier import Classifier
from tipclassify.model.find import model_folder
from tipclassify.model.folder import load_model_head, read_model_files
from tipclassify.model.metadata import HEAD, model_weights_digest
from tipclassify.progress import Progress
from tipclassify.readers.limits import read_bounded
from tipclassify.reports.adjustment import (
    AdjustmentRates,
    read_adjustment_rates,
    read_adjustment_rates_by_kind,
)
from tipclassify.reports.group import Group
from tipclassify.resources import read_resource
from tipclassify.tagging import Tagging
from tipclassify.whole_files import WholeFileFailingOnce

__all__ = [
    "EXPORTS",
    "BundleSettings",
    "Included",
    "id_of_model_in_folder",
    "settings_of_bundle",
    "write_bundle",
]

EXPORTS: Final = "exports/"
"""Folder of a bundle in which exports lie."""
_README: Final = "README.txt"
_OF_MODEL: Final = ("README.md", "golden.jsonl")  # optional files of a model folder
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]+")
# bytes of passages that are kept in memory before a temporary file is used
_IN_MEMORY: Final = 32_000_000


@dataclass(frozen=True, slots=True)
class Included:
    """What a bundle has besides the passages and the figures."""

    sources: bool = False  # the bytes of the inputs
    model: bool = False  # the model's folder
    checks: Sequence[FindingCheck] = ()  # of a desk
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
    settings = settings_of_bundle(classifier, tagging.policy, overrides)
    with zipfile.ZipFile(
        cast("IO[bytes]", WholeFileFailingOnce(out)), "w", allowZip64=False
    ) as archive:
        packer = BundlePacker(archive)
        if included.model:
            _pack_model(packer, folder)
        matcher = BundleCheckMatcher(included.checks)
        inputs, total, lines_of_findings = _pack_inputs_of_bundle(
            files, tagging, packer, included.sources, settings, matcher, progress
        )
        if included.checks:
            lines = [serialize_for_bundle(msgspec.to_builtins(check)) for check in matcher.stored]
            packer.add(CHECKS, io.BytesIO(b"".join(lines)))
        _pack_bundle_exports(packer, included.exports)
        packer.add(_README, io.BytesIO(_readme_of_bundle(inputs, included).encode()))
        model = id_of_model_in_folder(folder)
        if model.sha256 != classifier.meta["sha256"]:
            raise ModelError(f"{folder}: changed while it was read; run this again")
        manifest = Manifest(
            bundle=FORMAT,
            versions=collect_bundle_versions(),
            model=model,
            policy=tagging.policy,
            thresholds=settings.thresholds,
            moved=overrides,
            unit=tagging.unit,
            encoding=tagging.read.encoding,
            error_rates=settings.error_rates,
            error_rates_by_kind=settings.error_rates_by_kind,
            inputs=tuple(inputs),
            figures=settings.figures(total),
            files=packer.files.copy(),
            checks=(
                count_bundle_checks(matcher.stored, lines_of_findings) if included.checks else None
            ),
        )
        written, fingerprint = seal_bundle_manifest(msgspec.to_builtins(manifest))
        packer.add(MANIFEST, io.BytesIO(written))
    return manifest, fingerprint


@dataclass(frozen=True)
class BundleSettings:
    """A model's thresholds and error rates, as the manifest has them."""

    thresholds: dict[str, float]
    error_rates: RatesByLabel | None  # None if the model records none
    error_rates_by_kind: dict[str, RatesByLabel]

    def figures(self, group: Group) -> BundleFigures:
        """Compute the figures of a group by these rates."""
        return compute_bundle_figures(group, self.error_rates, self.error_rates_by_kind)


def settings_of_bundle(
    classifier: Classifier, policy: Policy, overrides: dict[str, float]
) -> BundleSettings:
    """Return a classifier's thresholds under a policy, and its error rates if it records them."""
    rates = read_adjustment_rates(classifier.meta, policy, overrides)
    by_kind = read_adjustment_rates_by_kind(classifier.meta, policy, overrides)
    return BundleSettings(
        thresholds=dict(zip(LABELS, classifier.thresholds(policy).tolist(), strict=True)),
        error_rates=None if rates is None else _plain_rates(rates),
        error_rates_by_kind={kind: _plain_rates(of_kind) for kind, of_kind in by_kind.items()},
    )


def _plain_rates(rates: Mapping[str, AdjustmentRates]) -> RatesByLabel:
    return {label: asdict(rates[label]) for label in LABELS}


def _pack_inputs_of_bundle(
    files: Sequence[str],
    tagging: Tagging,
    packer: BundlePacker,
    with_sources: bool,
    settings: BundleSettings,
    matcher: BundleCheckMatcher,
    progress: Progress | None,
) -> tuple[list[Input], Group, list[int]]:
    """Read, tag and pack each input.

    Returns their manifest entries, the counts of all, and of each passage the line of its finding.
    """
    classifier = tagging.classifier()
    inputs: list[Input] = []
    groups: list[Group] = []
    failures: list[str] = []
    lines_of_findings: list[int] = []
    line = 0  # of passages.jsonl
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as lines:
        for number, file in enumerate(files):
            if progress:
                progress(number, len(files))
            name = public_name_of_bundle_input(file)
            try:
                original = fetch_bundle_original(file, tagging.read)
                text = read_bundle_original(name, original, tagging.read.encoding, tagging.unit)
            except InputError as error:
                failures.append(str(error))
            if failures:  # inputs are read only to report all that fail
                continue
            passages = classifier.tag_passages(text.passages, tagging.policy)
            lines_of_findings += list_lines_of_findings(passages, line, text.kind == ROWS)
            before = lines.tell()
            for passage in passages:
                line += 1
                lines.write(write_bundle_row(number, passage))
                matcher.match(line, passage)
            if lines.tell() - before > LARGEST_INPUT:
                most = f"over {LARGEST_INPUT / 1e6:g} MB"
                raise InputError(f"{file}: its passages have {most}; split it")
            source = _bundled_name(number, name) if with_sources else None
            if source:
                packer.add(source, io.BytesIO(original.data))
            group = Group.of((), passages, text.publication)
            groups.append(group)
            inputs.append(text.recorded(source, settings.figures(group)))
        if progress:
            progress(len(files), len(files))
        if failures:
            remedy = "no bundle was written: correct them or leave them out"
            count = f"{len(failures)} of {len(files)} inputs failed, so {remedy}"
            raise InputError("\n".join([*failures, count]))
        lines.seek(0)
        packer.add(PASSAGES, lines)
    return inputs, sum(groups, Group(())), lines_of_findings


def _pack_bundle_exports(packer: BundlePacker, exports: Sequence[Path]) -> None:
    """Add exported files by their names; raise `InputError` when two have the same."""
    taken = {name.casefold() for name in packer.files}
    for file in exports:
        name = EXPORTS + (_ODD.sub("-", file.name).lstrip(".-") or "export")
        if name.casefold() in taken:
            raise InputError(f"{file}: another export has this name; rename one")
        taken.add(name.casefold())
        packer.add(name, io.BytesIO(read_bounded(str(file))))


def _readme_of_bundle(inputs: Sequence[Input], included: Included) -> str:
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


def id_of_model_in_folder(folder: Path) -> ModelId:
    """Read the identity of the model in `folder`; raise `ModelError` when that fails."""
    head = load_model_head(folder)
    try:
        corpus_sha256 = head.get("corpus", {}).get("sha256")
        return ModelId(str(head["sha256"]), model_weights_digest(head), corpus_sha256)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ModelError(f"{folder / HEAD}: cannot be read; copy or train the model anew") from None


def _pack_model(packer: BundlePacker, folder: Path) -> None:
    """Add the files of a model folder; raise `ModelError` when one is unreadable or changed."""
    files = read_model_files(folder, load_model_head(folder), ())
    for name in (HEAD, *_OF_MODEL):
        if (folder / name).is_file():
            files[name] = (folder / name).read_bytes()
    for name, data in sorted(files.items()):
        packer.add(f"model/{name}", io.BytesIO(data))


def _bundled_name(number: int, name: str) -> str:
    """Make the path of an input in a bundle: valid on every system, and unique by its number.

    >>> _bundled_name(3, "reports/Côte d'Ivoire.html")
    'sources/0003-C-te-d-Ivoire.html'
    """
    last = name.rstrip("/").split("/")[-1]
    plain = _ODD.sub("-", last).strip("-")[-80:].lstrip(".")
    return f"sources/{number:04}-{plain or 'input'}"
