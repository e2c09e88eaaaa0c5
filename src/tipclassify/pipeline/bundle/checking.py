"""Verification of a bundle: a bundle in, a list of checks out, each ok, different, or not checked with the reason.

The bundle alone shows whether files, labels and counts agree. With the model, the passages are scored again; with the
inputs, they are read and split again. A check that could not be made is never reported as ok.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import zip_longest
from pathlib import PurePath
from typing import Final

import msgspec
import numpy as np

from tipclassify.errors import InputError, MissingExtraError
from tipclassify.labels import LABELS
from tipclassify.model.classifier import Classifier
from tipclassify.model.linear.scoring import apply_thresholds
from tipclassify.pipeline.batch import expand_inputs
from tipclassify.pipeline.bundle.archive import Archive, open_archive
from tipclassify.pipeline.bundle.inputs import Original, ParsedInput, get_original, read_original
from tipclassify.pipeline.bundle.manifest import (
    MANIFEST,
    PASSAGES,
    ROWS,
    Figures,
    Input,
    Manifest,
    Row,
    count_passages,
    environment,
    figures,
    read_manifest,
    read_row,
)
from tipclassify.pipeline.bundle.models import BREAKS, find_model
from tipclassify.pipeline.bundle.steps import Check, Step, differences, listed, many
from tipclassify.pipeline.bundle.writing import settings
from tipclassify.readers import ReadOptions, is_link
from tipclassify.readers.limits import LARGEST, read_bounded
from tipclassify.reporting.summary import Group
from tipclassify.text.furniture import is_furniture

__all__ = ["verify_bundle"]

_LARGEST_MANIFEST: Final = 50_000_000  # of 20,000 inputs
_UNREADABLE: Final = f"{PASSAGES} cannot be read to its end"


def verify_bundle(
    name: str,
    files: Sequence[str] = (),
    model: str | os.PathLike[str] | None = None,
    options: ReadOptions | None = None,
    exact: bool = False,
) -> list[Check]:
    """Verify a bundle, as far as the available inputs and models allow.

    Parameters
    ----------
    name : str
        Path of the bundle.
    files : sequence of str
        Its inputs, recognised by hash, not by name; other files in a folder are ignored.
    model : name or path, optional
        Model to score with, in place of an installed one or the one in the bundle.
    options : ReadOptions, optional
        Download options of `files`. The manifest decides how they are read.
    exact : bool
        Whether rounding differences in probabilities count as differences.

    Returns
    -------
    list of Check
        In the order of the steps, each step at least once.

    Raises
    ------
    InputError
        When it is no bundle, a malicious one, or a file cannot be read.
    ModelError
        When `model` cannot be used.
    """
    with open_archive(name) as archive:
        manifest, fingerprint, wrong = read_manifest(archive.read(MANIFEST, _LARGEST_MANIFEST), f"{name}: {MANIFEST}")
        classifier, found = find_model(archive, manifest.model, model)
        inputs = Step("inputs")
        here = _find_inputs(manifest, archive, files, options or ReadOptions(), inputs)
        passages = _check_passages(archive, manifest)
        readable = passages[0].result == "ok"
        head = Check("manifest", "differs", wrong) if wrong else Check("manifest", "ok", f"fingerprint {fingerprint}")
        checks = [head, _check_versions(manifest), *_check_files(archive, manifest), *passages, found]
        checks += _check_settings(manifest, classifier if found.result == "ok" else None)
        if classifier and readable:
            checks.append(_check_scores(classifier, manifest, _passages(archive, manifest.inputs), exact))
        else:
            reason = _UNREADABLE if classifier else "not replayed: needs the model"
            checks.append(Check("scores", "not checked", reason))
        again = _passages(archive, manifest.inputs) if readable else ((0, None) for _ in manifest.inputs)
        return [*checks, *_check_inputs(manifest, here, again, inputs)]


def _check_versions(manifest: Manifest) -> Check:
    other = list(differences(environment(), manifest.versions))
    if not other:
        return Check("versions", "ok", "tipclassify and its libraries are those that made it")
    return Check("versions", "ok", f"others made it, and may read or round otherwise: {'; '.join(other)}")


def _check_files(archive: Archive, manifest: Manifest) -> list[Check]:
    """Compare every file with the manifest, and report files that are not in it."""
    step = Step("files")
    for name in sorted(archive.names - manifest.files.keys() - {MANIFEST}):
        step.differs("is not in the manifest", name)
    for name, stored in manifest.files.items():
        try:
            found = archive.digest(name)
        except InputError as error:
            step.differs(str(error), name)
            continue
        if found == stored:
            step.ok()
        else:
            hashes = f"SHA-256 {found.sha256[:12]}… and {found.size:,} bytes, not {stored.sha256[:12]}…"
            step.differs(f"changed: {hashes} and {stored.size:,}", name)
    return step.checks(f"{many(step.good, 'file')} with the SHA-256 that the manifest gives")


def _passages(archive: Archive, inputs: Sequence[Input]) -> Iterator[tuple[int, list[Row]]]:
    """Yield for each input the line number of its first passage, from 1, and its passages.

    Raises
    ------
    InputError
        At the first line that is no passage or is out of order.
    """
    rows: list[Row] = []
    number, first = 0, 1
    for at, line in enumerate(archive.lines(PASSAGES), 1):
        row = read_row(line, f"line {at}")
        if not number <= row.input < len(inputs):
            raise InputError(f"line {at}: is of input {row.input}, out of order")
        while number < row.input:
            yield first, rows
            number, first, rows = number + 1, at, []
        before = rows[-1].end if rows and inputs[number].kind != ROWS else 0
        if row.end - row.start != len(row.text) or row.start < before:
            raise InputError(f"line {at}: start and end do not fit its text, or the passage before")
        rows.append(row)
    for _ in range(number, len(inputs)):
        yield first, rows
        rows = []


def _check_passages(archive: Archive, manifest: Manifest) -> list[Check]:
    """Check what needs neither model nor inputs: passages, labels, counts."""
    mislabelled: list[int] = []
    groups: list[Group] = []
    try:
        for first, rows in _passages(archive, manifest.inputs):
            lines = enumerate(rows, first)
            mislabelled += [line for line, row in lines if row.labels != _labels_of(row, manifest.thresholds)]
            groups.append(count_passages(row.passage() for row in rows))
    except InputError as error:
        left = [Check(step, "not checked", _UNREADABLE) for step in ("labels", "counts")]
        return [Check("passages", "differs", str(error)), *left]
    labels = Step("labels")
    if mislabelled:
        labels.differs(f"do not follow from probabilities and thresholds on lines {listed(mislabelled)}", PASSAGES)
    else:
        labels.ok()
    return [
        Check("passages", "ok", f"{many(len(groups), 'input')} with their passages"),
        *labels.checks("each passage has those whose probability reaches the threshold, and no others"),
        *_check_counts(manifest, groups),
    ]


def _labels_of(row: Row, thresholds: Mapping[str, float]) -> tuple[str, ...]:
    """Derive a passage's labels from its probabilities; page furniture (references, notes, …) has none."""
    if is_furniture(row.text, row.section):
        return ()
    return tuple(label for label in LABELS if row.scores[label] >= thresholds[label])


def _check_counts(manifest: Manifest, groups: Sequence[Group]) -> list[Check]:
    step = Step("counts")
    try:
        found = figures(groups, manifest.error_rates)
    except (ArithmeticError, ValueError):
        return [Check("counts", "differs", "the error rates in the manifest are impossible")]
    stored = [*((one.name, one.figures) for one in manifest.inputs), ("all inputs", manifest.figures)]
    for (name, figure), counted in zip(stored, found, strict=True):
        step.compare(msgspec.to_builtins(counted), msgspec.to_builtins(figure), name)
    adjusted = "adjusted by the model's error rates" if manifest.error_rates else "the model tells no error rates"
    agree = f"{step.good} of {len(stored)} agree" if step.wrong else f"{_in_words(manifest.figures)}; {adjusted}"
    return step.checks(agree)


def _in_words(one: Figures) -> str:
    labels = ", ".join(f"{label} {counts['count']:,}" for label, counts in one.labels.items())
    return f"{labels}, none {one.none['count']:,} of {one.passages:,}"


def _check_settings(manifest: Manifest, classifier: Classifier | None) -> list[Check]:
    """Compare the manifest's thresholds and error rates with the model's for the policy."""
    if classifier is None:
        return [Check("settings", "not checked", "needs the model")]
    step = Step("settings")
    try:
        moved = classifier.with_thresholds(manifest.moved)
        thresholds, rates = settings(moved, manifest.policy, manifest.moved)
    except BREAKS as error:
        step.differs(f"the model cannot tell them ({type(error).__name__}: {error})")
    else:
        stored = {"thresholds": manifest.thresholds, "error_rates": manifest.error_rates}
        step.compare({"thresholds": thresholds, "error_rates": rates}, stored)
    others = "".join(f", but {label}={value:g}" for label, value in manifest.moved.items())
    return step.checks(f"thresholds and error rates are those of the policy {manifest.policy}{others}")


def _check_scores(
    classifier: Classifier, manifest: Manifest, passages: Iterable[tuple[int, list[Row]]], exact: bool
) -> Check:
    """Score the passages again and compare probabilities, labels and low confidence."""
    thresholds = np.array([manifest.thresholds[label] for label in LABELS])
    scored, unequal, largest, where = 0, 0, 0.0, ""
    changed: list[str] = []
    unequal_confidence: list[int] = []
    for first, rows in passages:
        if not rows:
            continue
        try:
            with np.errstate(all="ignore"):
                tagged = classifier.tag_passages([row.passage() for row in rows], manifest.policy)
        except BREAKS as error:
            return Check("scores", "differs", f"the model cannot score the passages ({type(error).__name__}: {error})")
        stored, found = (np.array([[one.scores[label] for label in LABELS] for one in some]) for some in (rows, tagged))
        gaps = np.where(np.isnan(found), np.inf, np.abs(found - stored))
        scored += len(rows)
        unequal += int(gaps.any(axis=1).sum())
        if gaps.max() > largest:
            largest = float(gaps.max())
            row, column = np.unravel_index(int(np.argmax(gaps)), gaps.shape)
            values = f"{stored[row, column]:.6f}, here {found[row, column]:.6f}"
            where = f"{PASSAGES}:{first + row}, {LABELS[column]} {values}"
        before, after = (apply_thresholds(scores, thresholds) for scores in (stored, found))
        for row in np.flatnonzero((before != after).any(axis=1)):
            moved = [f"{'-' if before[row, i] else '+'}{LABELS[i]}" for i in np.flatnonzero(before[row] != after[row])]
            changed.append(f"{first + row} {' '.join(moved)}")
        pairs = enumerate(zip(rows, tagged, strict=True), first)
        unequal_confidence += [line for line, (one, again) in pairs if one.low_confidence != again.low_confidence]
    good, differ = not unequal, "equal to the last bit"
    if unequal and largest <= classifier.scorer.rounding and not changed:
        good, differ = not exact, f"{unequal:,} differ by rounding, at most {largest:.1g}"
    elif unequal:
        differ = f"{unequal:,} differ, by up to {largest:.2g} ({where})"
    labels = f"labels change on lines {listed(changed)}" if changed else "no label changes"
    confidence_note = f"; low_confidence differs on lines {listed(unequal_confidence)}" if unequal_confidence else ""
    detail = f"{many(scored, 'passage')} scored again: {differ}; {labels}{confidence_note}"
    return Check("scores", "ok" if good and not unequal_confidence else "differs", detail)


def _find_inputs(
    manifest: Manifest, archive: Archive, files: Sequence[str], options: ReadOptions, step: Step
) -> dict[str, Callable[[], bytes]]:
    """Find the inputs among `files` and in the bundle; return a function that reads each, by SHA-256.

    Files that are no input, or have other bytes, are added to `step` as differences.
    """
    found: dict[str, Callable[[], bytes]] = {}
    others: dict[str, str] = {}
    wanted = {one.sha256 for one in manifest.inputs}
    for file in expand_inputs(files):
        original = get_original(file, options)
        if original.sha256 not in wanted:
            others[file] = original.sha256
        elif is_link(file) or file == "-":  # cannot be read twice
            found[original.sha256] = partial(bytes, original.data)
        else:
            found[original.sha256] = partial(read_bounded, file)
    for one in manifest.inputs:
        if one.source in archive.names and one.sha256 not in found:
            try:
                digest = archive.digest(one.source).sha256
            except InputError as error:
                step.differs(str(error), one.name)
                continue
            if digest == one.sha256:
                found[digest] = partial(archive.read, one.source, LARGEST)
            else:
                step.differs(f"has other bytes than {one.name}: {_hashes(digest, one.sha256)}", one.source)
    missing = {PurePath(one.name).name: one for one in manifest.inputs if one.sha256 not in found}
    for file, digest in others.items():
        if same := missing.get(PurePath(file).name):
            step.differs(f"has other bytes than {same.name}: {_hashes(digest, same.sha256)}", file)
        elif file in files:  # not just one of the files in a folder
            step.differs(f"is none of the inputs: none has the SHA-256 {digest[:12]}…", file)
    return found


def _hashes(found: str, stored: str) -> str:
    return f"SHA-256 {found[:12]}…, not {stored[:12]}…"


def _check_inputs(
    manifest: Manifest,
    found: Mapping[str, Callable[[], bytes]],
    passages: Iterable[tuple[int, list[Row] | None]],
    inputs: Step,
) -> list[Check]:
    """Read and split the available inputs again, and compare them with the manifest and the passages."""
    text, offsets, split = Step("text"), Step("offsets"), Step("split")
    for one, (first, rows) in zip(manifest.inputs, passages, strict=True):
        if one.sha256 not in found:
            inputs.skip("not here; name the files after the bundle", one.name)
            continue
        inputs.ok()
        try:
            original = Original(one.name, found[one.sha256](), one.link)
            parsed = read_original(original, manifest.encoding, manifest.unit)
        except MissingExtraError as error:
            text.skip(str(error).removeprefix(f"{one.name}: "), one.name)
            continue
        except InputError as error:
            text.differs(f"cannot be read here: {error}", one.name)
            continue
        about = {"size": len(original.data), **parsed.about}
        text.compare(about, {name: getattr(one, name) for name in about}, one.name)
        if rows is not None:
            _compare_offsets(offsets, one.name, parsed, first, rows)
            _compare_split(split, one.name, parsed, first, rows)
    needed = "needs the inputs, as they were, and their passages"
    return [
        *inputs.checks(f"{inputs.good:,} of {many(len(manifest.inputs), 'input')} here, byte for byte"),
        *text.checks(f"the same text, title, country and year from {many(text.good, 'input')}", needed),
        *offsets.checks(f"each passage is where the bundle says in {many(offsets.good, 'input')}", needed),
        *split.checks(f"the same passages from {many(split.good, 'input')}", needed),
    ]


def _compare_offsets(step: Step, name: str, parsed: ParsedInput, first: int, rows: Sequence[Row]) -> None:
    text = parsed.document.text if parsed.document else None  # rows are their own texts
    wrong = [line for line, row in enumerate(rows, first) if text and text[row.start : row.end] != row.text]
    if wrong:
        step.differs(f"characters from start to end are not the passage on lines {listed(wrong)}", name)
    else:
        step.ok()


def _compare_split(step: Step, name: str, parsed: ParsedInput, first: int, rows: Sequence[Row]) -> None:
    stored = [replace(row.passage(), labels=(), low_confidence=False) for row in rows]
    if stored == parsed.passages:
        return step.ok()
    pairs = enumerate(zip_longest(stored, parsed.passages), first)
    line = next(line for line, (there, here) in pairs if there != here)
    passages = many(len(parsed.passages), "passage")
    return step.differs(f"splits into {passages}, not {len(stored):,}; other from line {line} on", name)
