"""A bundle in, what holds of it out: a list of checks, each ok, differing, or not made and why.

Without anything else: is the bundle whole, do labels follow from probabilities, counts from labels? With the model, which
is in the bundle, or the shipped one, or given: do the passages get these probabilities? With the inputs: do they read, and
split, as they did? Nothing here counts as right because it could not be looked at.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from tipclassify._version import __version__
from tipclassify.bundle.archive import Archive, open_archive
from tipclassify.bundle.checks import Check, Step, many
from tipclassify.bundle.manifest import MANIFEST, Manifest, read_manifest
from tipclassify.bundle.models import BREAKS, find_model
from tipclassify.bundle.originals import Originals
from tipclassify.bundle.replay import Replay
from tipclassify.bundle.versions import platform_name, versions
from tipclassify.bundle.walk import Walk
from tipclassify.classifier import Classifier
from tipclassify.errors import InputError
from tipclassify.labels import LABELS
from tipclassify.readers import ReadOptions
from tipclassify.summary import error_rates

__all__ = ["verify_bundle"]

_LARGEST_MANIFEST: Final = 50_000_000  # of 20,000 inputs


def verify_bundle(
    name: str,
    files: Sequence[str] = (),
    model: str | os.PathLike[str] | None = None,
    options: ReadOptions | None = None,
    exact: bool = False,
) -> list[Check]:
    """Check a bundle, as far as what is here allows.

    Parameters
    ----------
    files : sequence of str
        Its inputs, whatever their names; further files in a folder do no harm.
    model : name or path, optional
        Model to score with, in place of the one in the bundle or the shipped one.
    options : ReadOptions, optional
        How `files` are fetched where they are links. They are read as the bundle says.
    exact : bool
        Probabilities that differ by rounding only count as different.

    Returns
    -------
    list of Check
        In the order of the steps, each step at least once.

    Raises
    ------
    InputError
        When it is no bundle, or one that is made to do harm, or a file cannot be read.
    ModelError
        When `model` cannot be used.
    """
    with open_archive(name) as archive:
        manifest, fingerprint, wrong = read_manifest(archive.read(MANIFEST, _LARGEST_MANIFEST), f"{name}: {MANIFEST}")
        classifier, found = find_model(archive, manifest.model, model)
        originals = Originals(archive, manifest, files, options or ReadOptions())
        head = Check("manifest", "differs", wrong) if wrong else Check("manifest", "ok", f"fingerprint {fingerprint}")
        checks = [head, _versions(manifest), *_files(archive, manifest)]
        replay = Replay(classifier, manifest.policy, manifest.thresholds, exact) if classifier else None
        walk = Walk(manifest, originals, replay)
        walk.through(archive)
        settings = _settings(manifest, classifier if found.result == "ok" else None)
        return [*checks, *walk.of_passages(), found, settings, walk.of_scores(), *walk.of_inputs()]


def _versions(manifest: Manifest) -> Check:
    there = {"tipclassify": manifest.tipclassify, **manifest.versions, "platform": manifest.platform}
    here = {"tipclassify": __version__, **versions(), "platform": platform_name()}
    other = [
        f"{name} {version or '(none)'}, here {here.get(name) or '(none)'}"
        for name, version in there.items()
        if here.get(name) != version
    ]
    if not other:
        return Check("versions", "ok", f"tipclassify {__version__} and its libraries are those that made it")
    return Check("versions", "ok", f"others made it, and may read or round otherwise: {'; '.join(other)}")


def _files(archive: Archive, manifest: Manifest) -> list[Check]:
    """Every file against the manifest, and files that it does not know."""
    step = Step("files")
    for name in archive.names:
        if name not in manifest.files and name != MANIFEST:
            step.differs("is not in the manifest", name)
    for name, told in manifest.files.items():
        try:
            found = archive.stored(name)
        except InputError as error:
            step.differs(str(error), name)
            continue
        if found == told:
            step.ok()
        else:
            step.differs(
                f"changed: SHA-256 {found.sha256[:12]}… and {found.size:,} bytes, not {told.sha256[:12]}… and {told.size:,}",
                name,
            )
    return step.checks(f"{many(step.good, 'file')} with the SHA-256 that the manifest gives")


def _settings(manifest: Manifest, classifier: Classifier | None) -> Check:
    """Thresholds and error rates of the manifest against those that the model has for its policy."""
    if classifier is None:
        return Check("settings", "not checked", "needs the model")
    try:
        policy = dict(zip(LABELS, classifier.thresholds(manifest.policy).tolist(), strict=True))
        rates = error_rates(classifier.meta, manifest.policy, manifest.moved)
    except BREAKS as error:
        return Check("settings", "differs", f"the model cannot tell them ({type(error).__name__}: {error})")
    own = {**policy, **manifest.moved}
    wrong = [
        f"threshold of {label} is {manifest.thresholds[label]:g}, not {own[label]:g}"
        for label in LABELS
        if manifest.thresholds[label] != own[label]
    ]
    if rates != manifest.error_rates:
        wrong.append("error rates are not the model's")
    if wrong:
        return Check("settings", "differs", "; ".join(wrong))
    moved = "".join(f", but {label}={value:g}" for label, value in manifest.moved.items())
    return Check("settings", "ok", f"thresholds and error rates are those of the policy {manifest.policy}{moved}")
