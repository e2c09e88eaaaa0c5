"""Verify a bundle: what is in it, and, with its inputs and model, whether they give it again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Final

from tipclassify.bundle.archive import Archive, open_bundle_archive
from tipclassify.bundle.given import find_given
from tipclassify.bundle.manifest import (
    MANIFEST,
    Manifest,
    ModelId,
    collect_bundle_versions,
    read_manifest,
)
from tipclassify.bundle.replaying import replay_bundle
from tipclassify.bundle.steps import (
    BundleVerificationStep,
    Check,
    describe_differences_from_bundle,
    describe_hash_unlike_bundle,
)
from tipclassify.bundle.writing import (
    BundleSettings,
    id_of_model_in_folder,
    settings_of_bundle,
)
from tipclassify.errors import InputError, ModelError
from tipclassify.formatting import count_with_noun
from tipclassify.model.classifier import Classifier
from tipclassify.model.find import SHIPPED, installed_models, model_folder
from tipclassify.readers import ReadOptions

__all__ = ["Check", "verify_bundle"]

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
    with open_bundle_archive(name) as archive:
        content = archive.read(MANIFEST, _LARGEST_MANIFEST)
        manifest, fingerprint, defect = read_manifest(content, f"{name}: {MANIFEST}")
        of_manifest = Check("manifest", "ok", f"fingerprint {fingerprint}")
        if defect:
            of_manifest = Check("manifest", "differs", defect)
        classifier, of_model = _check_bundled_model(manifest.model, model)
        digests, of_files = _check_bundled_files(archive, manifest)
        given = find_given(manifest, archive, digests, files, options or ReadOptions())
        return [
            of_manifest,
            _check_of_version(manifest),
            *of_files,
            of_model,
            *_check_bundled_settings(manifest, classifier if of_model.result == "ok" else None),
            *given.checks,
            *replay_bundle(archive, manifest, classifier, given.readers, exact),
        ]


def _check_of_version(manifest: Manifest) -> Check:
    here = collect_bundle_versions()
    others = "; ".join(describe_differences_from_bundle(here, manifest.versions))
    detail = "tipclassify and its libraries are those that made it"
    if others:
        detail = f"others made it, and may read or round otherwise: {others}"
    return Check("versions", "ok", detail)


def _check_bundled_model(
    wanted: ModelId, given: str | os.PathLike[str] | None
) -> tuple[Classifier | None, Check]:
    """Load the model given, or an installed one with the wanted hash; compare all its hashes.

    That in the bundle is not run: untrusted weights may take unbounded time and memory.
    """
    name = given or _find_model_for_verifying_bundle(wanted)
    if name is None:
        inside = "where it is in the bundle and you trust it, unpack model/"
        advice = f"give its folder with --model; {inside}"
        return None, Check("model", "not checked", f"{wanted.sha256[:12]}… is not here; {advice}")
    try:
        classifier = Classifier.load(name)
        here = id_of_model_in_folder(model_folder(name))
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


def _find_model_for_verifying_bundle(wanted: ModelId) -> str | None:
    for name in (*SHIPPED, *(model.name for model in installed_models())):
        with suppress(ModelError):  # an unreadable model is not the one
            if id_of_model_in_folder(model_folder(name)).sha256 == wanted.sha256:
                return name
    return None


def _check_bundled_files(
    archive: Archive, manifest: Manifest
) -> tuple[dict[str, str], list[Check]]:
    """Compare every file with the manifest; return the SHA-256 of each readable one, and checks."""
    step = BundleVerificationStep("files")
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
            differs = describe_hash_unlike_bundle(here.sha256, stored.sha256)
            details.append(f"changed: {differs}; {sizes}")
        step.add(details, name)
    files = count_with_noun(step.good, "file")
    return digests, step.checks(f"{files} with the SHA-256 that the manifest gives")


def _check_bundled_settings(manifest: Manifest, classifier: Classifier | None) -> list[Check]:
    """Compare the manifest's thresholds and error rates with the model's for the policy."""
    if classifier is None:
        return [Check("settings", "not checked", "needs the model")]
    step = BundleVerificationStep("settings")
    moved = classifier.with_thresholds(manifest.moved)
    settings = settings_of_bundle(moved, manifest.policy, manifest.moved)
    recorded = BundleSettings(
        manifest.thresholds, manifest.error_rates, manifest.error_rates_by_kind
    )
    step.add(describe_differences_from_bundle(asdict(settings), asdict(recorded)))
    others = "".join(f", but {label}={value:g}" for label, value in manifest.moved.items())
    policy = f"thresholds and error rates are those of the policy {manifest.policy}"
    return step.checks(policy + others)
