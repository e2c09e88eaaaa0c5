"""Verify a bundle: with the model, passages are scored again; with the inputs, they are read and
split again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import zip_longest
from pathlib import PurePath
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Floats
from tipclassify.download import Download
from tipclassify.errors import InputError, MissingExtraError, ModelError
from tipclassify.labels import LABELS
from tipclassify.model.classifier import Classifier, reached_labels
from tipclassify.model.common.scoring import apply_thresholds
from tipclassify.model.loading import SHIPPED, installed, model_folder
from tipclassify.pipeline.bundle.archive import LARGEST_INPUT, Archive, open_archive
from tipclassify.pipeline.bundle.manifest import (
    MANIFEST,
    PASSAGES,
    ROWS,
    Input,
    Link,
    Manifest,
    ModelId,
    Row,
    environment,
    figures,
    read_manifest,
    read_row,
)
from tipclassify.pipeline.bundle.writing import get_original, model_id, read_original, settings
from tipclassify.pipeline.inputs import expand_inputs
from tipclassify.readers import ReadOptions, is_link
from tipclassify.readers.limits import LARGEST, read_bounded
from tipclassify.reporting.summary import Group
from tipclassify.text.document import Passage

__all__ = ["Check", "verify_bundle"]

_LARGEST_MANIFEST: Final = 50_000_000  # of 20,000 inputs
_SHOWN: Final = 5  # names or line numbers in a message
# fields of an `Input`
_OF_TEXT: Final = ("size", "kind", "title", "country", "year", "text_sha256", "characters")

# functions that read the inputs that are here, by the SHA-256 of their bytes
Found = dict[str, Callable[[], bytes]]


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check."""

    check: str  # name of the step, such as "labels"
    result: Literal["ok", "differs", "not checked"]
    detail: str  # the finding, or the reason for "not checked"
    subject: str | None = None  # file or input; None for all


@dataclass
class _Step:
    """The outcomes of one check on many files or inputs."""

    name: str
    good: int = 0
    others: list[Check] = field(default_factory=list)

    def add(self, differences: Iterable[str], subject: str | None = None) -> None:
        """Add the differences of a file or input; one without any counts as ok."""
        found = [Check(self.name, "differs", detail, subject) for detail in differences]
        self.others += found
        self.good += not found

    def checks(self, when_ok: str, needed: str = "nothing to check") -> list[Check]:
        """Return the ok outcomes as one, then the others."""
        if not self.good:
            return self.others or [Check(self.name, "not checked", needed)]
        return [Check(self.name, "ok", when_ok), *self.others]


def verify_bundle(
    name: str,
    files: Sequence[str] = (),
    model: str | os.PathLike[str] | None = None,
    options: ReadOptions | None = None,
    exact: bool = False,
) -> list[Check]:
    """Verify a bundle, as far as the available inputs and models allow; return checks in order,
    each at least once.

    Raises `InputError` when it is no bundle, a hostile one, or a file cannot be read, `ModelError`
    when `model` cannot be used.

    Parameters
    ----------
    files : sequence of str
        Its inputs, recognised by hash, not by name; other files in a folder are ignored.
    model : name or path, optional
        Model to score with; by default an installed one with the hash in the manifest. That in the
        bundle is not run.
    options : ReadOptions, optional
        Download options of `files`. The manifest decides how they are read.
    exact : bool
        Whether rounding differences in probabilities count as differences.
    """
    with open_archive(name) as archive:
        manifest, fingerprint, wrong = read_manifest(
            archive.read(MANIFEST, _LARGEST_MANIFEST), f"{name}: {MANIFEST}"
        )
        others = "; ".join(_differences(environment(), manifest.versions))
        versions = others and f"others made it, and may read or round otherwise: {others}"
        classifier, of_model = _find_model(manifest.model, model)
        digests, of_files = _check_files(archive, manifest)
        inputs = _Step("inputs")
        found = _find_inputs(manifest, archive, digests, files, options or ReadOptions(), inputs)
        return [
            Check("manifest", "differs" if wrong else "ok", wrong or f"fingerprint {fingerprint}"),
            Check(
                "versions", "ok", versions or "tipclassify and its libraries are those that made it"
            ),
            *of_files,
            of_model,
            *_check_settings(manifest, classifier if of_model.result == "ok" else None),
            *inputs.checks(
                f"{inputs.good:,} of {_many(len(manifest.inputs), 'input')} here, byte for byte"
            ),
            *_check_passages(archive, manifest, classifier, found, exact),
        ]


def _find_model(
    wanted: ModelId, given: str | os.PathLike[str] | None
) -> tuple[Classifier | None, Check]:
    """Load the model given, or an installed one with the wanted hash, if any; compare all hashes
    with the wanted."""
    # That in the bundle is not run: untrusted weights may take unbounded time and memory.
    name = given or next(
        (name for name in (*SHIPPED, *(one.name for one in installed())) if _is(name, wanted)), None
    )
    if name is None:
        advice = "give its folder with --model; where it is in the bundle and you trust it, unpack model/"
        return None, Check("model", "not checked", f"{wanted.sha256[:12]}… is not here; {advice}")
    try:
        classifier, found = Classifier.load(name), model_id(model_folder(name))
    except ModelError as error:
        if given:
            raise
        return None, Check("model", "not checked", str(error))
    detail = f"{found.sha256[:12]}…, {'given with --model' if given else f'here as {name}'}"
    if found == wanted:
        return classifier, Check("model", "ok", detail)
    weights = f"{wanted.sha256[:12]}…, with weights {wanted.weights_sha256[:12]}…"
    return classifier, Check(
        "model", "differs", f"{detail}; the scores in the bundle are of {weights}"
    )


def _is(name: str, wanted: ModelId) -> bool:
    with suppress(ModelError):  # an unreadable model is not the one
        return model_id(model_folder(name)).sha256 == wanted.sha256
    return False


def _check_files(archive: Archive, manifest: Manifest) -> tuple[dict[str, str], list[Check]]:
    """Compare every file with the manifest; return the SHA-256 of each readable one, and report
    those not in it."""
    step, digests = _Step("files"), dict[str, str]()
    for name in sorted(archive.names - manifest.files.keys() - {MANIFEST}):
        step.add(["is not in the manifest"], name)
    for name, stored in manifest.files.items():
        try:
            found = archive.digest(name)
        except InputError as error:
            step.add([str(error)], name)
            continue
        digests[name] = found.sha256
        changed = f"changed: {_hashes(found.sha256, stored.sha256)}; {found.size:,} bytes, not {stored.size:,}"
        step.add([] if found == stored else [changed], name)
    return digests, step.checks(
        f"{_many(step.good, 'file')} with the SHA-256 that the manifest gives"
    )


def _check_settings(manifest: Manifest, classifier: Classifier | None) -> list[Check]:
    """Compare the manifest's thresholds and error rates with the model's for the policy."""
    if classifier is None:
        return [Check("settings", "not checked", "needs the model")]
    step = _Step("settings")
    thresholds, rates = settings(
        classifier.with_thresholds(manifest.moved), manifest.policy, manifest.moved
    )
    stored = {"thresholds": manifest.thresholds, "error_rates": manifest.error_rates}
    step.add(_differences({"thresholds": thresholds, "error_rates": rates}, stored))
    others = "".join(f", but {label}={value:g}" for label, value in manifest.moved.items())
    return step.checks(
        f"thresholds and error rates are those of the policy {manifest.policy}{others}"
    )


def _find_inputs(
    manifest: Manifest,
    archive: Archive,
    digests: Mapping[str, str],
    files: Sequence[str],
    options: ReadOptions,
    step: _Step,
) -> Found:
    """Find the inputs in the bundle and among `files`; add those found, missing and changed to
    `step`."""
    found: Found = {}
    others: dict[str, str] = {}
    wanted = {one.sha256 for one in manifest.inputs}
    for one in manifest.inputs:
        if one.source is not None and (digest := digests.get(one.source)):
            if digest == one.sha256:
                found[digest] = partial(archive.read, one.source, LARGEST)
            else:
                step.add(
                    [f"has other bytes than {one.name}: {_hashes(digest, one.sha256)}"], one.source
                )
    for file in expand_inputs(files):
        data = get_original(file, options).data
        digest = hashlib.sha256(data).hexdigest()
        if digest not in wanted:
            others[file] = digest
        else:  # a link or standard input cannot be read twice
            found[digest] = (
                partial(bytes, data)
                if is_link(file) or file == "-"
                else partial(read_bounded, file)
            )
    missing = [one for one in manifest.inputs if one.sha256 not in found]
    step.good = len(manifest.inputs) - len(missing)
    by_end = {PurePath(one.name).name: one for one in missing}
    for file, digest in others.items():
        if same := by_end.get(PurePath(file).name):
            step.add([f"has other bytes than {same.name}: {_hashes(digest, same.sha256)}"], file)
        elif file in files:  # not just one of the files in a folder
            step.add([f"is none of the inputs: none has the SHA-256 {digest[:12]}…"], file)
    if missing:
        names = _listed([one.name for one in missing])
        step.others.append(
            Check("inputs", "not checked", "not here; name the files after the bundle", names)
        )
    return found


def _hashes(found: str, stored: str) -> str:
    return f"SHA-256 {found[:12]}…, not {stored[:12]}…"


def _check_passages(
    archive: Archive, manifest: Manifest, classifier: Classifier | None, found: Found, exact: bool
) -> list[Check]:
    """Go once through the inputs and their passages: what follows from what, and what comes out
    of it again."""
    text, split = _Step("text"), _Step("split")
    groups: list[Group] = []
    # for each line, whether its labels do not follow from its probabilities
    forged: list[bool] = []
    unsure: list[bool] = []  # for each line scored again, whether low_confidence differs
    stored, again = [_probabilities(())], [_probabilities(())]
    each, broken = _passages(archive, manifest.inputs), ""
    for one in manifest.inputs:
        parts = _read_again(one, manifest, found[one.sha256], text) if one.sha256 in found else None
        try:
            rows = next(each, None)
        except InputError as error:
            rows, broken = None, str(error)
        if rows is None:
            continue
        passages = [row.passage() for row in rows]
        groups.append(Group.of((), passages))
        stored.append(_probabilities(rows))
        for passage, reached in zip(
            passages, apply_thresholds(stored[-1], _array(manifest.thresholds)), strict=True
        ):
            forged.append(passage.labels != reached_labels(passage, reached.tolist()))
        if parts is not None:
            split.add(_split_otherwise(parts, passages), one.name)
        if classifier:
            tagged = classifier.tag_passages(passages, manifest.policy)
            again.append(_probabilities(tagged))
            unsure += [
                row.low_confidence != new.low_confidence
                for row, new in zip(rows, tagged, strict=True)
            ]

    needed = "needs the inputs, as they were, and their passages"
    of_text = text.checks(
        f"the same text, title, country and year from {_many(text.good, 'input')}", needed
    )
    if broken:
        unread = f"{PASSAGES} cannot be read to its end"
        open_steps = [
            Check(step, "not checked", unread) for step in ("labels", "counts", "scores", "split")
        ]
        return [*of_text, Check("passages", "differs", broken), *open_steps]
    labels = Check(
        "labels",
        "ok",
        "each passage has those whose probability reaches the threshold, and no others",
    )
    if any(forged):
        wrong = f"do not follow from probabilities and thresholds on {_lines(forged)}"
        labels = Check("labels", "differs", wrong, PASSAGES)
    scores = Check("scores", "not checked", "not replayed: needs the model")
    if classifier:
        scores = _check_scores(
            classifier, manifest, np.concatenate(stored), np.concatenate(again), unsure, exact
        )
    return [
        *of_text,
        Check("passages", "ok", f"{_many(len(groups), 'input')} with their passages"),
        *split.checks(
            f"the same passages, at the same characters, from {_many(split.good, 'input')}", needed
        ),
        labels,
        *_check_counts(manifest, groups),
        scores,
    ]


def _passages(archive: Archive, inputs: Sequence[Input]) -> Iterator[list[Row]]:
    """Yield the passages of each input; raise `InputError` at the first line that is none or is
    out of order."""
    rows: list[Row] = []
    number = size = 0
    for at, line in enumerate(archive.lines(PASSAGES), 1):
        row = read_row(line, f"line {at}")
        if not number <= row.input < len(inputs):
            raise InputError(f"line {at}: is of input {row.input}, out of order")
        while number < row.input:
            yield rows
            number, rows, size = number + 1, [], 0
        size += len(line)
        if size > LARGEST_INPUT:
            raise InputError(
                f"line {at}: the passages of input {number} have over {LARGEST_INPUT / 1e6:g} MB"
            )
        before = rows[-1].end if rows and inputs[number].kind != ROWS else 0
        if row.end - row.start != len(row.text) or row.start < before:
            raise InputError(f"line {at}: start and end do not fit its text, or the passage before")
        rows.append(row)
    yield rows
    yield from ([] for _ in inputs[number + 1 :])


def _read_again(
    one: Input, manifest: Manifest, read: Callable[[], bytes], step: _Step
) -> list[Passage] | None:
    """Read and split an input again, and compare it with the manifest; None if it cannot be
    read."""
    link = one.link or Link(one.name, "", None, None)
    try:
        got = Download(read(), link.content_type, link.encoding, link.url, link.fetched)
        about, parts = read_original(one.name, got, manifest.encoding, manifest.unit)
    except MissingExtraError as error:
        step.others.append(
            Check("text", "not checked", str(error).removeprefix(f"{one.name}: "), one.name)
        )
    except InputError as error:
        step.add([f"cannot be read here: {error}"], one.name)
    else:
        step.add(
            (
                text
                for name in _OF_TEXT
                for text in _differences(about[name], getattr(one, name), name)
            ),
            one.name,
        )
        return parts
    return None


def _split_otherwise(parts: Sequence[Passage], passages: Sequence[Passage]) -> Iterator[str]:
    stored = (replace(passage, labels=(), low_confidence=False) for passage in passages)
    pairs = enumerate(zip_longest(stored, (replace(part, country=None) for part in parts)), 1)
    other = next((number for number, (there, here) in pairs if there != here), None)
    if other is not None:
        yield f"splits into {_many(len(parts), 'passage')}, not {len(passages):,}; other from passage {other} on"


def _array(by_label: Mapping[str, float]) -> Floats:
    return np.array([by_label[label] for label in LABELS])


def _probabilities(passages: Sequence[Any]) -> Floats:
    """Return the probabilities of rows or passages, float64 (n, 3)."""
    return np.array([_array(one.scores) for one in passages]).reshape(-1, len(LABELS))


def _check_counts(manifest: Manifest, groups: Sequence[Group]) -> list[Check]:
    step = _Step("counts")
    try:
        found = [
            figures(group, manifest.error_rates) for group in (*groups, sum(groups, Group(())))
        ]
    except (ArithmeticError, ValueError):
        return [Check("counts", "differs", "the error rates in the manifest are impossible")]
    total = manifest.figures
    stored = [*((one.name, one.figures) for one in manifest.inputs), ("all inputs", total)]
    for (name, figure), counted in zip(stored, found, strict=True):
        step.add(_differences(counted, figure), name)
    if step.others:
        return step.checks(f"{step.good} of {len(stored)} agree")
    labels = ", ".join(f"{label} {counts['count']:,}" for label, counts in total["labels"].items())
    adjusted = (
        "adjusted by the model's error rates"
        if manifest.error_rates
        else "the model tells no error rates"
    )
    return step.checks(
        f"{labels}, none {total['none']['count']:,} of {total['passages']:,}; {adjusted}"
    )


def _check_scores(
    classifier: Classifier,
    manifest: Manifest,
    stored: Floats,
    found: Floats,
    unsure: list[bool],
    exact: bool,
) -> Check:
    """Compare the probabilities of all passages with those found now, and the labels and low
    confidence by them."""
    gaps = np.where(np.isnan(found), np.inf, np.abs(found - stored)).max(axis=1)
    largest, unequal = float(gaps.max(initial=0)), int((gaps > 0).sum())
    had, has = (apply_thresholds(scores, _array(manifest.thresholds)) for scores in (stored, found))
    moved = (had != has).any(axis=1)
    good, differ = not unequal, "equal to the last bit"
    if unequal and largest <= classifier.scorer.rounding and not moved.any():
        good, differ = not exact, f"{unequal:,} differ by rounding, at most {largest:.1g}"
    elif unequal:
        differ = f"{unequal:,} differ, by up to {largest:.2g}, on {_lines(gaps > 0)}"
    labels = "no label changes"
    if moved.any():
        counts = zip(LABELS, (has & ~had).sum(axis=0), (had & ~has).sum(axis=0), strict=True)
        changes = ", ".join(
            f"{label} +{more} -{fewer}" for label, more, fewer in counts if more or fewer
        )
        labels = f"labels change on {_lines(moved)}: {changes}"
    confidence = f"; low_confidence differs on {_lines(unsure)}" if any(unsure) else ""
    detail = f"{_many(len(gaps), 'passage')} scored again: {differ}; {labels}{confidence}"
    return Check("scores", "ok" if good and not any(unsure) else "differs", detail)


def _differences(found: Any, stored: Any, where: str = "") -> Iterator[str]:
    if isinstance(found, dict) and isinstance(stored, dict):
        for name in found | stored:
            yield from _differences(
                found.get(name), stored.get(name), f"{where}.{name}".lstrip(".")
            )
    elif found != stored:
        yield f"{where} is {found!r:.80}, not {stored!r:.80} as the bundle says"


def _lines(which: npt.ArrayLike) -> str:
    """List the lines of `passages.jsonl` for which a value, one for each line, is true."""
    return f"lines {_listed((np.flatnonzero(which) + 1).tolist())}"


def _listed(names: Sequence[object]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(str, names[:_SHOWN])) + more


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
