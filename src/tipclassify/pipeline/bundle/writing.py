"""Bundle writer: inputs in, a zip file out.

One input is in memory at a time; an unreadable input stops it all.
"""

from __future__ import annotations

import hashlib
import io
import re
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path, PurePath
from typing import IO, Any, Final, cast

import msgspec

from tipclassify._version import __version__
from tipclassify.download import Download, download
from tipclassify.errors import InputError, ModelError
from tipclassify.formatting import one_line
from tipclassify.labels import LABELS, Policy
from tipclassify.model.classifier import Classifier
from tipclassify.model.common.folder import HEAD, load_head, read_files, weights_digest
from tipclassify.model.loading import model_folder
from tipclassify.pipeline.batch import Tagging, read_with_notes
from tipclassify.pipeline.bundle.archive import LARGEST_INPUT, Packer
from tipclassify.pipeline.bundle.manifest import (
    FORMAT,
    MANIFEST,
    PASSAGES,
    ROWS,
    Input,
    Link,
    Manifest,
    ModelId,
    environment,
    figures,
    seal,
    write_row,
)
from tipclassify.pipeline.inputs import ROWS as ROW_FILES
from tipclassify.readers import ReadOptions, is_link
from tipclassify.readers.formats import detect_format, suffix_of
from tipclassify.readers.isolated import read_bytes_isolated
from tipclassify.readers.jsonl import parse_row
from tipclassify.readers.limits import gunzip, read_bounded
from tipclassify.reporting.adjustment import error_rates
from tipclassify.reporting.summary import Group
from tipclassify.resources import read_resource
from tipclassify.scrap import FailsOnce
from tipclassify.text.document import Passage
from tipclassify.text.segmentation.passages import Unit, split_passages

__all__ = ["get_original", "model_id", "read_original", "settings", "write_bundle"]

# as in the manifest; None if the model records none
RatesByLabel = dict[str, dict[str, float]] | None

_README: Final = "README.txt"
_OF_MODEL: Final = ("README.md", "golden.jsonl")  # optional files of a model folder
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]+")
# bytes of passages that are kept in memory before a temporary file is used
_IN_MEMORY: Final = 32_000_000


def write_bundle(
    files: Sequence[str],
    tagging: Tagging,
    out: IO[bytes],
    with_sources: bool = False,
    with_model: bool = False,
    done: Callable[[int, int], None] | None = None,
) -> tuple[Manifest, str]:
    """Tag `files` and write their bundle to `out`; return the manifest and its fingerprint.

    Raises `InputError` when inputs cannot be read, with a line for each (`out` then has no valid
    bundle), `ModelError` when the model cannot be used.

    Parameters
    ----------
    files : sequence of str
        Files, links, ``-`` for standard input (see `tipclassify.pipeline.inputs.expand_inputs`).
    with_sources, with_model : bool
        Whether to include the bytes of the inputs, and the model folder.
    done : callable, optional
        Called with (inputs done, inputs in total).
    """
    if not files:
        raise InputError("no inputs: give reports to make figures of")
    classifier, folder = tagging.classifier(), model_folder(tagging.model)
    overrides = dict(tagging.thresholds)
    thresholds, rates = settings(classifier, tagging.policy, overrides)
    with zipfile.ZipFile(cast("IO[bytes]", FailsOnce(out)), "w", allowZip64=False) as archive:
        packer = Packer(archive)
        if with_model:
            _pack_model(packer, folder)
        inputs, total = _pack_inputs(files, tagging, packer, with_sources, rates, done)
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
            figures=figures(total, rates),
            files=packer.files.copy(),
        )
        written, fingerprint = seal(msgspec.to_builtins(manifest))
        packer.add(MANIFEST, io.BytesIO(written))
    return manifest, fingerprint


def settings(
    classifier: Classifier, policy: Policy, overrides: dict[str, float]
) -> tuple[dict[str, float], RatesByLabel]:
    """Return a classifier's thresholds and, if recorded, its error rates under a policy, each by
    label."""
    rates = error_rates(classifier.meta, policy, overrides)
    thresholds = dict(zip(LABELS, classifier.thresholds(policy).tolist(), strict=True))
    return thresholds, None if rates is None else {label: asdict(rates[label]) for label in LABELS}


def _pack_inputs(
    files: Sequence[str],
    tagging: Tagging,
    packer: Packer,
    with_sources: bool,
    rates: RatesByLabel,
    done: Callable[[int, int], None] | None,
) -> tuple[list[Input], Group]:
    """Read, tag and pack each input; return their manifest entries and the counts of all."""
    classifier = tagging.classifier()
    inputs: list[Input] = []
    groups: list[Group] = []
    failures: list[str] = []
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as lines:
        for number, file in enumerate(files):
            if done:
                done(number, len(files))
            name = _public_name(file)
            try:
                got = get_original(file, tagging.read)
                about, parts = read_original(name, got, tagging.read.encoding, tagging.unit)
            except InputError as error:
                failures.append(str(error))
            if failures:  # inputs are read only to report all that fail
                continue
            passages = classifier.tag_passages(parts, tagging.policy)
            before = lines.tell()
            lines.writelines(write_row(number, passage) for passage in passages)
            if lines.tell() - before > LARGEST_INPUT:
                raise InputError(
                    f"{file}: its passages have over {LARGEST_INPUT / 1e6:g} MB; split it"
                )
            source = _bundled_name(number, name) if with_sources else None
            if source:
                packer.add(source, io.BytesIO(got.data))
            groups.append(Group.of((), passages))
            inputs.append(Input(**about, source=source, figures=figures(groups[-1], rates)))
        if done:
            done(len(files), len(files))
        if failures:
            count = f"{len(failures)} of {len(files)} inputs failed"
            raise InputError(
                "\n".join(
                    [*failures, f"{count}, so no bundle was written: mend them or leave them out"]
                )
            )
        lines.seek(0)
        packer.add(PASSAGES, lines)
    return inputs, sum(groups, Group(()))


def _readme(inputs: Sequence[Input], with_sources: bool, with_model: bool) -> str:
    fetched = [f" (as of {one.link.fetched})" if one.link else "" for one in inputs]
    lines = (
        f"  {one.sha256}  {one_line(one.name)}{when}\n"
        for one, when in zip(inputs, fetched, strict=True)
    )
    sources, given = "not in here: give the reports yourself", " REPORT..."
    if with_sources:
        sources, given = "the reports themselves, byte for byte", ""
    model = (
        "the model that gave the probabilities"
        if with_model
        else "not in here: the manifest has its SHA-256"
    )
    text = read_resource("pipeline/bundle/readme.txt")
    return text.format(
        version=__version__, sources=sources, model=model, given=given, listed="".join(lines)
    )


def model_id(folder: Path) -> ModelId:
    """Read the identity of the model in `folder`; raise `ModelError` when that fails."""
    head = load_head(folder)
    try:
        return ModelId(
            str(head["sha256"]), weights_digest(head), head.get("corpus", {}).get("sha256")
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ModelError(f"{folder / HEAD}: cannot be read; copy or train the model anew") from None


def _pack_model(packer: Packer, folder: Path) -> None:
    """Add the files of a model folder; raise `ModelError` when one cannot be read or has another
    hash."""
    files = read_files(folder, load_head(folder), ())
    files |= {
        name: (folder / name).read_bytes()
        for name in (HEAD, *_OF_MODEL)
        if (folder / name).is_file()
    }
    for name, data in sorted(files.items()):
        packer.add(f"model/{name}", io.BytesIO(data))


def get_original(file: str, options: ReadOptions) -> Download:
    """Read a file, a link, or standard input for ``-``, as a download; raise `InputError` when
    that fails."""
    if is_link(file):
        return download(file, allow_private=options.allow_private)
    return Download(read_bounded(file), None, None, _public_name(file), "")


def _public_name(file: str) -> str:
    """Make an input's public name: only the last part of a path that is absolute or leads out of
    the working folder.

    >>> _public_name("/home/jane/secret/qatar.html"), _public_name("reports/qatar.html"), _public_name("../qatar.html")
    ('qatar.html', 'reports/qatar.html', 'qatar.html')
    """
    if is_link(file) or file == "-":
        return file
    path = PurePath(file)
    return path.name if path.anchor or ".." in path.parts else path.as_posix()


def _bundled_name(number: int, name: str) -> str:
    """Make the path of an input in a bundle: valid on every system, and unique by its number.

    >>> _bundled_name(3, "reports/Côte d'Ivoire.html")
    'sources/0003-C-te-d-Ivoire.html'
    """
    end = name.rstrip("/").split("/")[-1]
    return f"sources/{number:04}-{_ODD.sub('-', end).strip('-')[-80:].lstrip('.') or 'input'}"


def read_original(
    name: str, got: Download, encoding: str | None, unit: Unit
) -> tuple[dict[str, Any], list[Passage]]:
    """Read and split an input; return fields of its `Input`, and its passages, without scores.

    Raises `InputError` when it cannot be read.
    """
    link = Link(got.url, got.fetched, got.content_type, got.encoding) if is_link(name) else None
    digest = hashlib.sha256(got.data).hexdigest()
    about: dict[str, Any] = {"name": name, "sha256": digest, "size": len(got.data), "kind": ROWS}
    about |= {
        "notes": (),
        "link": link,
        **dict.fromkeys(("title", "country", "year", "text_sha256", "characters")),
    }
    if PurePath(name).suffix.lower() in ROW_FILES and not link:
        lines = (
            (number, line) for number, line in enumerate(io.BytesIO(got.data), 1) if line.strip()
        )
        rows = [parse_row(line, f"{name}:{number}") for number, line in lines]
        return about, [
            Passage(row["text"], 0, len(row["text"]), row.get("section")) for row in rows
        ]
    document, about["notes"] = read_with_notes(
        partial(read_bytes_isolated, got.data, name, ReadOptions(encoding), got)
    )
    plain = gunzip(got.data, name)
    about["kind"] = detect_format(
        plain, name, suffix_of(got.url) or suffix_of(name), got.content_type
    )
    about |= {key: getattr(document, key) for key in ("title", "country", "year")}
    written = document.text.encode("utf-8", "surrogatepass")  # JSON may have lone surrogates
    about["text_sha256"] = hashlib.sha256(written).hexdigest()
    about["characters"] = len(document.text)
    return about, split_passages(document, unit)
