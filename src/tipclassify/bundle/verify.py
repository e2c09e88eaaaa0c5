"""Verify a bundle: what is in it, and, with its inputs and model, whether they give it again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import PurePath
from typing import Final

from tipclassify.bundle.archive import Archive, open_archive
from tipclassify.bundle.manifest import (
    MANIFEST,
    FileDigest,
    Manifest,
    ModelId,
    fetch,
    read_manifest,
    versions,
)
from tipclassify.bundle.replay import Check, Step, differences, listed, other_hash, replay
from tipclassify.bundle.write import EXPORTS, Settings, model_id, settings_of
from tipclassify.errors import InputError, ModelError
from tipclassify.formatting import count_with_noun
from tipclassify.model.classifier import Classifier
from tipclassify.model.find import SHIPPED, installed_models, model_folder
from tipclassify.readers import ReadOptions
from tipclassify.readers.limits import LARGEST, read_bounded
from tipclassify.records import is_link
from tipclassify.tagging.inputs import expand_inputs

_LARGEST_MANIFEST: Final = 50_000_000  # of 20,000 inputs


def verify_bundle(
    name: str,
    files: Sequence[str] = (),
    model: str | os.PathLike[str] | None = None,
    options: ReadOptions | None = None,
    exact: bool = False,
) -> list[Check]:
    """Verify a bundle as far as the available inputs and models allow; return checks in order.

    Raises `InputError` when it is no bundle, a hostile one, or a file cannot be read, `ModelError`
    when `model` cannot be used.

    Parameters
    ----------
    files : sequence of str
        Its inputs and exports, recognised by hash, not by name; others in a folder are ignored.
    model : name or path, optional
        Model to score with; by default an installed one with the hash in the manifest. That in the
        bundle is not run.
    options : ReadOptions, optional
        Download options of `files`. The manifest decides how they are read.
    exact : bool
        Whether rounding differences in probabilities count as differences.
    """
    with open_archive(name) as archive:
        content = archive.read(MANIFEST, _LARGEST_MANIFEST)
        manifest, fingerprint, defect = read_manifest(content, f"{name}: {MANIFEST}")
        of_manifest = Check("manifest", "ok", f"fingerprint {fingerprint}")
        if defect:
            of_manifest = Check("manifest", "differs", defect)
        classifier, of_model = _check_model(manifest.model, model)
        digests, of_files = _check_files(archive, manifest)
        readers, of_given = _find_given(manifest, archive, digests, files, options or ReadOptions())
        return [
            of_manifest,
            _check_versions(manifest),
            *of_files,
            of_model,
            *_check_settings(manifest, classifier if of_model.result == "ok" else None),
            *of_given,
            *replay(archive, manifest, classifier, readers, exact),
        ]


def _check_versions(manifest: Manifest) -> Check:
    others = "; ".join(differences(versions(), manifest.versions))
    detail = "tipclassify and its libraries are those that made it"
    if others:
        detail = f"others made it, and may read or round otherwise: {others}"
    return Check("versions", "ok", detail)


def _check_model(
    wanted: ModelId, given: str | os.PathLike[str] | None
) -> tuple[Classifier | None, Check]:
    """Load the model given, or an installed one with the wanted hash; compare all its hashes.

    That in the bundle is not run: untrusted weights may take unbounded time and memory.
    """
    name = given or _installed(wanted)
    if name is None:
        inside = "where it is in the bundle and you trust it, unpack model/"
        advice = f"give its folder with --model; {inside}"
        return None, Check("model", "not checked", f"{wanted.sha256[:12]}… is not here; {advice}")
    try:
        classifier = Classifier.load(name)
        here = model_id(model_folder(name))
    except ModelError as error:
        if given:
            raise
        return None, Check("model", "not checked", str(error))
    detail = f"{here.sha256[:12]}…, {'given with --model' if given else f'here as {name}'}"
    if here == wanted:
        return classifier, Check("model", "ok", detail)
    weights = f"{wanted.sha256[:12]}…, with weights {wanted.weights_sha256[:12]}…"
    other = f"{detail}; the scores in the bundle are of {weights}"
    return classifier, Check("model", "differs", other)


def _installed(wanted: ModelId) -> str | None:
    for name in (*SHIPPED, *(model.name for model in installed_models())):
        with suppress(ModelError):  # an unreadable model is not the one
            if model_id(model_folder(name)).sha256 == wanted.sha256:
                return name
    return None


def _check_files(archive: Archive, manifest: Manifest) -> tuple[dict[str, str], list[Check]]:
    """Compare every file with the manifest; return the SHA-256 of each readable one, and checks."""
    step = Step("files")
    digests: dict[str, str] = {}
    for name in sorted(archive.names - manifest.files.keys() - {MANIFEST}):
        step.add(["is not in the manifest"], name)
    for name, stored in manifest.files.items():
        try:
            here = archive.digest(name)
        except InputError as error:
            step.add([str(error)], name)
            continue
        digests[name] = here.sha256
        details = []
        if here != stored:
            sizes = f"{here.size:,} bytes, not {stored.size:,}"
            differs = other_hash(here.sha256, stored.sha256)
            details.append(f"changed: {differs}; {sizes}")
        step.add(details, name)
    files = count_with_noun(step.good, "file")
    return digests, step.checks(f"{files} with the SHA-256 that the manifest gives")


def _check_settings(manifest: Manifest, classifier: Classifier | None) -> list[Check]:
    """Compare the manifest's thresholds and error rates with the model's for the policy."""
    if classifier is None:
        return [Check("settings", "not checked", "needs the model")]
    step = Step("settings")
    moved = classifier.with_thresholds(manifest.moved)
    settings = settings_of(moved, manifest.policy, manifest.moved)
    recorded = Settings(manifest.thresholds, manifest.error_rates, manifest.error_rates_by_kind)
    step.add(differences(asdict(settings), asdict(recorded)))
    others = "".join(f", but {label}={value:g}" for label, value in manifest.moved.items())
    policy = f"thresholds and error rates are those of the policy {manifest.policy}"
    return step.checks(policy + others)


def _find_given(
    manifest: Manifest,
    archive: Archive,
    digests: Mapping[str, str],
    files: Sequence[str],
    options: ReadOptions,
) -> tuple[dict[str, Callable[[], bytes]], list[Check]]:
    """Find the inputs in the bundle and among `files`, and compare exports among these.

    Returns functions that read an input, by the SHA-256 of its bytes, and checks.

    Files are recognised by their bytes. One with the name of an input or export and other bytes
    differs; so does one that is neither, unless it just lies in a folder that was given.

    Parameters
    ----------
    digests : mapping
        SHA-256 of each readable file of the bundle, by name.
    """
    inputs = Step("inputs")
    exports = Step("exports")
    readers: dict[str, Callable[[], bytes]] = {}
    wanted = {recorded.sha256 for recorded in manifest.inputs}
    for recorded in manifest.inputs:
        digest = digests.get(recorded.source or "")
        if recorded.source is None or digest is None:
            continue
        if digest == recorded.sha256:
            readers[digest] = partial(archive.read, recorded.source, LARGEST)
        else:
            differs = other_hash(digest, recorded.sha256)
            inputs.add([f"has other bytes than {recorded.name}: {differs}"], recorded.source)
    bundled = {
        name.removeprefix(EXPORTS): digest
        for name, digest in manifest.files.items()
        if name.startswith(EXPORTS)
    }
    others: dict[str, str] = {}  # SHA-256 of the files that are neither, by name
    for file in expand_inputs(files):
        data = fetch(file, options).data
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
            differs = other_hash(digest, recorded.sha256)
            inputs.add([f"has other bytes than {recorded.name}: {differs}"], file)
        elif name in bundled:
            differs = other_hash(digest, bundled[name].sha256)
            exports.add([f"has other bytes than that export: {differs}"], file)
        elif file in files:  # not just one of the files in a folder
            what = "none of the inputs or exports"
            inputs.add([f"is {what}: none has the SHA-256 {digest[:12]}…"], file)
    absent = [recorded for recorded in manifest.inputs if recorded.sha256 not in readers]
    inputs.good = len(manifest.inputs) - len(absent)
    if absent:
        names = listed([recorded.name for recorded in absent])
        detail = "not here; name the files after the bundle"
        inputs.others.append(Check("inputs", "not checked", detail, names))
    all_inputs = count_with_noun(len(manifest.inputs), "input")
    checks = inputs.checks(f"{inputs.good:,} of {all_inputs} here, byte for byte")
    return readers, [*checks, *_check_exports(bundled, exports)]


def _check_exports(bundled: Mapping[str, FileDigest], step: Step) -> list[Check]:
    """Return the checks of the exports; none for a bundle without any."""
    if not bundled:
        return []
    given = f"; {step.good:,} of them given, byte for byte" if step.good else ""
    detail = f"{count_with_noun(len(bundled), 'export')} in the bundle{given}"
    return step.others or [Check(step.name, "ok", detail)]
