"""Bundle writer: inputs in, a zip file out. One input is in memory at a time; an unreadable input stops it all."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib import resources
from typing import IO, TYPE_CHECKING, Final

import msgspec

from tipclassify._version import __version__
from tipclassify.errors import InputError, ModelError
from tipclassify.formatting import one_line
from tipclassify.labels import LABELS
from tipclassify.model.classifier import Classifier
from tipclassify.model.loading import model_folder
from tipclassify.pipeline.bundle.archive import Packer
from tipclassify.pipeline.bundle.inputs import bundled_name, get_original, public_name, read_original
from tipclassify.pipeline.bundle.manifest import (
    FORMAT,
    MANIFEST,
    PASSAGES,
    Input,
    Manifest,
    count_passages,
    environment,
    figures,
    seal,
    write_row,
)
from tipclassify.pipeline.bundle.models import model_id, pack_model
from tipclassify.reporting.summary import Group, error_rates

if TYPE_CHECKING:
    from tipclassify.pipeline.batch import Tagging

__all__ = ["settings", "write_bundle"]

_README: Final = "README.txt"
_EXTRAS: Final = ("pdf", "docx", "rtf")  # formats whose reader needs the extra of the same name
_IN_MEMORY: Final = 32_000_000  # bytes of passages that are kept in memory before a temporary file is used


def write_bundle(
    files: Sequence[str],
    tagging: Tagging,
    out: IO[bytes],
    with_sources: bool = False,
    with_model: bool = False,
    done: Callable[[int, int], None] | None = None,
) -> tuple[Manifest, str]:
    """Tag `files` and write their bundle to `out`.

    Parameters
    ----------
    files : sequence of str
        Files, links, ``-`` for standard input (see `tipclassify.pipeline.batch.expand_inputs`).
    with_sources, with_model : bool
        Whether to include the bytes of the inputs, and the model folder.
    done : callable, optional
        Called with (inputs done, inputs in total) after each.

    Returns
    -------
    (Manifest, str)
        The manifest and its fingerprint.

    Raises
    ------
    InputError
        When inputs cannot be read, with a line for each; `out` then has no valid bundle.
    ModelError
        When the model cannot be used.
    """
    if not files:
        raise InputError("no inputs: give reports to make figures of")
    classifier, folder = tagging.classifier(), model_folder(tagging.model)
    with zipfile.ZipFile(out, "w", allowZip64=False) as archive:
        packer = Packer(archive)
        if with_model:
            pack_model(packer, folder)
        inputs, groups = _pack_inputs(files, tagging, packer, with_sources, done)
        overrides = dict(tagging.thresholds)
        thresholds, rates = settings(classifier, tagging.policy, overrides)
        *each, total = figures(groups, rates)
        inputs = [msgspec.structs.replace(one, figures=counted) for one, counted in zip(inputs, each, strict=True)]
        packer.add(_README, io.BytesIO(_readme(inputs, with_sources, with_model).encode()))
        model = model_id(folder)
        if model.sha256 != classifier.meta["sha256"]:
            raise ModelError(f"{folder}: changed while it was read; run this again")
        manifest = Manifest(
            bundle=FORMAT,
            versions=environment(),
            model=model,
            policy=tagging.policy,
            thresholds=thresholds,
            moved=overrides,
            unit=tagging.unit,
            encoding=tagging.read.encoding,
            error_rates=rates,
            inputs=tuple(inputs),
            figures=total,
            files=packer.files.copy(),
        )
        written, fingerprint = seal(msgspec.to_builtins(manifest))
        packer.add(MANIFEST, io.BytesIO(written))
    return manifest, fingerprint


def settings(
    classifier: Classifier, policy: str, overrides: dict[str, float]
) -> tuple[dict[str, float], dict[str, dict[str, float]] | None]:
    """Return a classifier's thresholds and, if recorded, its error rates under a policy, each by label."""
    rates = error_rates(classifier.meta, policy, overrides)
    thresholds = dict(zip(LABELS, classifier.thresholds(policy).tolist(), strict=True))
    return thresholds, None if rates is None else {label: asdict(rates[label]) for label in LABELS}


def _pack_inputs(
    files: Sequence[str],
    tagging: Tagging,
    packer: Packer,
    with_sources: bool,
    done: Callable[[int, int], None] | None,
) -> tuple[list[Input], list[Group]]:
    """Read, tag and pack each input; return their manifest entries and their counts."""
    classifier = tagging.classifier()
    inputs: list[Input] = []
    groups: list[Group] = []
    failures: list[str] = []
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as lines:
        for number, file in enumerate(files):
            name = public_name(file)
            try:
                got = get_original(file, tagging.read)
                about, _, parts = read_original(name, got, tagging.read.encoding, tagging.unit)
            except InputError as error:
                failures.append(str(error))
            else:
                if not failures:  # after a failure, inputs are read only to report all that fail
                    passages = classifier.tag_passages(parts, tagging.policy)
                    lines.writelines(write_row(number, passage) for passage in passages)
                    if with_sources:
                        source = bundled_name(number, name)
                        packer.add(source, io.BytesIO(got.data))
                        about = msgspec.structs.replace(about, source=source)
                    inputs.append(about)
                    groups.append(count_passages(passages))
            if done:
                done(number + 1, len(files))
        if failures:
            count = f"{len(failures)} of {len(files)} inputs failed"
            raise InputError("\n".join([*failures, f"{count}, so no bundle was written: mend them or leave them out"]))
        lines.seek(0)
        packer.add(PASSAGES, lines)
    return inputs, groups


def _readme(inputs: Sequence[Input], with_sources: bool, with_model: bool) -> str:
    extras = [kind for kind in _EXTRAS if any(one.kind == kind for one in inputs)]
    package = f"'tipclassify[{','.join(extras)}]=={__version__}'" if extras else f"tipclassify=={__version__}"
    sources = "the reports themselves, byte for byte" if with_sources else "not in here: give the reports yourself"
    model = "the model that gave the probabilities" if with_model else "not in here: the manifest has its SHA-256"
    given = "" if with_sources else " REPORT..."
    fetched = [f" (as of {one.link.fetched})" if one.link else "" for one in inputs]
    lines = (f"  {one.sha256}  {one_line(one.name)}{when}\n" for one, when in zip(inputs, fetched, strict=True))
    listed = "".join(lines)
    template = resources.files("tipclassify.pipeline.bundle").joinpath("readme.txt").read_text("utf-8")
    return template.format(
        version=__version__, package=package, sources=sources, model=model, given=given, listed=listed
    )
