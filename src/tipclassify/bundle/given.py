"""Inputs and exports of a bundle that are here: in the bundle itself, or given by the user."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath

from tipclassify.bundle.archive import Archive
from tipclassify.bundle.manifest import FileDigest, Manifest
from tipclassify.bundle.originals import fetch_bundle_original
from tipclassify.bundle.steps import (
    BundleVerificationStep,
    Check,
    describe_hash_unlike_bundle,
    list_for_bundle_check,
)
from tipclassify.bundle.writing import EXPORTS
from tipclassify.formatting import count_with_noun
from tipclassify.readers import ReadOptions
from tipclassify.readers.limits import LARGEST, read_bounded
from tipclassify.records import is_link
from tipclassify.tagging.inputs import expand_inputs

__all__ = ["GivenFiles", "find_given"]


@dataclass(frozen=True, slots=True)
class GivenFiles:
    """What is here of a bundle's inputs and exports."""

    # functions that read an input, by the SHA-256 of its bytes
    readers: dict[str, Callable[[], bytes]]
    checks: list[Check]


def find_given(
    manifest: Manifest,
    archive: Archive,
    digests: Mapping[str, str],
    files: Sequence[str],
    options: ReadOptions,
) -> GivenFiles:
    """Find the inputs in the bundle and among `files`, and compare exports among these.

    Files are recognised by their bytes. One with the name of an input or export and other bytes
    differs; so does one that is neither, unless it just lies in a folder that was given.

    Parameters
    ----------
    digests : mapping
        SHA-256 of each readable file of the bundle, by name.
    """
    inputs = BundleVerificationStep("inputs")
    exports = BundleVerificationStep("exports")
    readers: dict[str, Callable[[], bytes]] = {}
    wanted = {recorded.sha256 for recorded in manifest.inputs}
    for recorded in manifest.inputs:
        digest = digests.get(recorded.source or "")
        if recorded.source is None or digest is None:
            continue
        if digest == recorded.sha256:
            readers[digest] = partial(archive.read, recorded.source, LARGEST)
        else:
            differs = describe_hash_unlike_bundle(digest, recorded.sha256)
            inputs.add([f"has other bytes than {recorded.name}: {differs}"], recorded.source)
    bundled = {
        name.removeprefix(EXPORTS): digest
        for name, digest in manifest.files.items()
        if name.startswith(EXPORTS)
    }
    others: dict[str, str] = {}  # SHA-256 of the files that are neither, by name
    for file in expand_inputs(files):
        data = fetch_bundle_original(file, options).data
        digest = hashlib.sha256(data).hexdigest()
        if digest in wanted:
            # a link or standard input cannot be read twice
            is_stream = is_link(file) or file == "-"
            readers[digest] = partial(bytes, data) if is_stream else partial(read_bounded, file)
        elif any(digest == export.sha256 for export in bundled.values()):
            exports.good += 1
        else:
            others[file] = digest
    missing = {
        PurePath(recorded.name).name: recorded
        for recorded in manifest.inputs
        if recorded.sha256 not in readers
    }
    for file, digest in others.items():
        name = PurePath(file).name
        if name in missing:
            recorded = missing[name]
            differs = describe_hash_unlike_bundle(digest, recorded.sha256)
            inputs.add([f"has other bytes than {recorded.name}: {differs}"], file)
        elif name in bundled:
            differs = describe_hash_unlike_bundle(digest, bundled[name].sha256)
            exports.add([f"has other bytes than that export: {differs}"], file)
        elif file in files:  # not just one of the files in a folder
            what = "none of the inputs or exports"
            inputs.add([f"is {what}: none has the SHA-256 {digest[:12]}…"], file)
    absent = [recorded for recorded in manifest.inputs if recorded.sha256 not in readers]
    inputs.good = len(manifest.inputs) - len(absent)
    if absent:
        names = list_for_bundle_check([recorded.name for recorded in absent])
        detail = "not here; name the files after the bundle"
        inputs.others.append(Check("inputs", "not checked", detail, names))
    all_inputs = count_with_noun(len(manifest.inputs), "input")
    checks = inputs.checks(f"{inputs.good:,} of {all_inputs} here, byte for byte")
    return GivenFiles(readers, [*checks, *_checks_of_bundled_exports(bundled, exports)])


def _checks_of_bundled_exports(
    bundled: Mapping[str, FileDigest], step: BundleVerificationStep
) -> list[Check]:
    """Return the checks of the exports; none for a bundle without any."""
    if not bundled:
        return []
    given = f"; {step.good:,} of them given, byte for byte" if step.good else ""
    detail = f"{count_with_noun(len(bundled), 'export')} in the bundle{given}"
    return step.others or [Check(step.name, "ok", detail)]
