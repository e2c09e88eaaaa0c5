"""Verify a bundle: what is in it, and, with its inputs and model, whether they give it again.

Its passages are gone through once, with one input in memory at a time.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import zip_longest
from pathlib import Path, PurePath
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Floats
from tipclassify.bundle.archive import Archive, open_archive
from tipclassify.bundle.exports import NotComparedError, differences_of_table
from tipclassify.bundle.manifest import (
    MANIFEST,
    PASSAGES,
    ROWS,
    Input,
    Link,
    Manifest,
    ModelId,
    PassageLine,
    StoredCheck,
    count_input,
    fetch,
    figures_of,
    read_line,
    read_manifest,
    read_original,
    settings_of,
    versions,
)
from tipclassify.bundle.write import (
    CHECKS,
    EXPORTS,
    MODEL,
    README,
    count_checks,
    model_id,
    readme,
)
from tipclassify.download.cache import Download
from tipclassify.errors import InputError, MissingExtraError, ModelError
from tipclassify.formatting import count_with_noun
from tipclassify.model.classifier import Classifier, labels_above
from tipclassify.model.find import SHIPPED, model_folder
from tipclassify.model.scoring import apply_thresholds
from tipclassify.readers import ReadOptions
from tipclassify.readers.limits import LARGEST, read_bounded
from tipclassify.records import Document, Passage, Report, is_link
from tipclassify.reports.counts import Group
from tipclassify.store.state import judge
from tipclassify.tagging.inputs import expand_inputs

_LARGEST_MANIFEST: Final = 50_000_000  # of 20,000 inputs
_SHOWN: Final = 5  # names or line numbers in a message
_MOST_READINGS: Final = 3  # of one input, which a bundle may list under several names
_OF_MAKER: Final = "are what its maker says"
# fields of an input that its text determines
_OF_TEXT: Final = (
    "size",
    "kind",
    "title",
    "country",
    "year",
    "publication",
    "text_sha256",
    "characters",
    "notes",
)


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
    good: int = 0  # files or inputs that are as they should be
    others: list[Check] = field(default_factory=list)

    def add(self, details: Iterable[str], subject: str | None = None) -> None:
        """Add what differs in a file or input; one without any difference counts as good."""
        checks = [Check(self.name, "differs", detail, subject) for detail in details]
        if checks:
            self.others += checks
        else:
            self.good += 1

    def checks(self, when_ok: str, needed: str = "nothing to check") -> list[Check]:
        """Return the good outcomes as one, then the others."""
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
    """Verify a bundle as far as the available inputs and models allow; return checks in order.

    Raises `InputError` when it is no bundle, a hostile one, or a file cannot be read, `ModelError`
    when `model` cannot be used.

    Parameters
    ----------
    files : sequence of str
        Its inputs and exports, recognised by hash, not by name; others in a folder are ignored.
    model : name or path, optional
        Model to score with; by default the shipped one with the hash in the manifest. That in the
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
        classifier, of_model, folder = _check_model(manifest.model, model)
        digests, of_files = _check_files(archive, manifest, folder)
        readers, of_given = _find_given(manifest, archive, digests, files, options or ReadOptions())
        of_links = []
        if links := [recorded.name for recorded in manifest.inputs if recorded.link]:
            detail = f"address and day of download {_OF_MAKER}"  # no bytes show them
            of_links = [Check("links", "not checked", detail, _listed(links))]
        return [
            of_manifest,
            _check_versions(manifest),
            *of_files,
            of_model,
            *_check_settings(manifest, classifier if of_model.result == "ok" else None),
            *of_given,
            *of_links,
            *_replay(archive, manifest, classifier, readers, exact),
        ]


def _check_versions(manifest: Manifest) -> Check:
    others = "; ".join(_differences(versions(), manifest.versions))
    detail = "tipclassify and its libraries are those that made it"
    if others:
        detail = f"others made it, and may read or round otherwise: {others}"
    return Check("versions", "ok", detail)


def _check_model(
    wanted: ModelId, given: str | os.PathLike[str] | None
) -> tuple[Classifier | None, Check, Path | None]:
    """Load the model given, or the shipped one with the wanted hash; compare all its hashes.

    Returns its folder where they agree.

    That in the bundle is not run: untrusted weights may take unbounded time and memory.
    """
    name = given or _shipped(wanted)
    if name is None:
        inside = "where it is in the bundle and you trust it, unpack model/"
        advice = f"give its folder with --model; {inside}"
        detail = f"{wanted.sha256[:12]}… is not here; {advice}"
        return None, Check("model", "not checked", detail), None
    try:
        classifier = Classifier.load(name)
        here = model_id(model_folder(name))
    except ModelError as error:
        if given:
            raise
        return None, Check("model", "not checked", str(error)), None
    detail = f"{here.sha256[:12]}…, {'given with --model' if given else f'here as {name}'}"
    if here == wanted:
        return classifier, Check("model", "ok", detail), model_folder(name)
    weights = f"{wanted.sha256[:12]}…, with weights {wanted.weights_sha256[:12]}…"
    other = f"{detail}; the scores in the bundle are of {weights}"
    return classifier, Check("model", "differs", other), None


def _shipped(wanted: ModelId) -> str | None:
    for name in SHIPPED:
        with suppress(ModelError):  # an unreadable model is not the one
            if model_id(model_folder(name)).sha256 == wanted.sha256:
                return name
    return None


def _check_files(
    archive: Archive, manifest: Manifest, model: Path | None
) -> tuple[dict[str, str], list[Check]]:
    """Compare every file with the manifest; return the SHA-256 of each readable one, and checks.

    Those that no other step follows are compared with what they should be: the README with one made
    anew, the files of a model with those in its folder here.
    """
    step = _Step("files")
    digests: dict[str, str] = {}
    for name in sorted(archive.names - manifest.files.keys() - {MANIFEST}):
        step.add(["is not in the manifest"], name)
    followed = {PASSAGES, *(recorded.source for recorded in manifest.inputs)}
    if manifest.checks is not None:
        followed.add(CHECKS)
    version = manifest.versions.get("tipclassify")
    alone: list[str] = []
    for name, stored in manifest.files.items():
        try:
            here = archive.digest(name)
        except InputError as error:
            step.add([str(error)], name)
            continue
        digests[name] = here.sha256
        expected = None
        if name == README and version == versions()["tipclassify"]:
            expected = readme(manifest.inputs, manifest.files, str(version))
        elif model and name.startswith(MODEL) and (model / name[len(MODEL) :]).is_file():
            expected = read_bounded(str(model / name[len(MODEL) :]))
        if here != stored:
            sizes = f"{here.size:,} bytes, not {stored.size:,}"
            differs = _other_hash(here.sha256, stored.sha256)
            step.add([f"changed: {differs}; {sizes}"], name)
        elif expected is not None and here.sha256 != hashlib.sha256(expected).hexdigest():
            step.add(["is not what it should be by the manifest, or the model"], name)
        else:
            step.good += 1
            if expected is None and name not in followed and not name.startswith(EXPORTS):
                alone.append(name)
    if alone:
        detail = "nothing here shows what should be in it"
        step.others.append(Check("files", "not checked", detail, _listed(alone)))
    files = count_with_noun(step.good, "file")
    return digests, step.checks(f"{files} with the SHA-256 that the manifest gives")


def _check_settings(manifest: Manifest, classifier: Classifier | None) -> list[Check]:
    """Compare the manifest's thresholds and error rates with the model's for the policy."""
    if classifier is None:
        return [Check("settings", "not checked", "needs the model")]
    step = _Step("settings")
    moved = classifier.with_thresholds(manifest.moved)
    settings = settings_of(moved, manifest.policy, manifest.moved)
    step.add(_differences(settings, {name: getattr(manifest, name) for name in settings}))
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
    inputs = _Step("inputs")
    exports = _Step("exports")
    readers: dict[str, Callable[[], bytes]] = {}
    for recorded in manifest.inputs:
        if recorded.source is None or recorded.source not in digests:
            continue
        digest = digests[recorded.source]
        if digest == recorded.sha256:
            readers[digest] = partial(archive.read, recorded.source, LARGEST)
        else:
            inputs.add(_other_bytes(recorded.name, digest, recorded.sha256), recorded.source)
    wanted = {recorded.sha256 for recorded in manifest.inputs}
    exported = {
        name.removeprefix(EXPORTS): digest.sha256
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
        elif digest in exported.values():
            exports.good += 1
        else:
            others[file] = digest
    absent = [recorded for recorded in manifest.inputs if recorded.sha256 not in readers]
    input_of_name = {PurePath(recorded.name).name: recorded for recorded in absent}
    for file, digest in others.items():
        name = PurePath(file).name
        if same_name := input_of_name.get(name):
            inputs.add(_other_bytes(same_name.name, digest, same_name.sha256), file)
        elif name in exported:
            exports.add(_other_bytes("that export", digest, exported[name]), file)
        elif file in files:  # not just one of the files in a folder
            what = "none of the inputs or exports"
            inputs.add([f"is {what}: none has the SHA-256 {digest[:12]}…"], file)
    inputs.good = len(manifest.inputs) - len(absent)
    if absent:
        detail = "not here; name the files after the bundle"
        names = _listed([recorded.name for recorded in absent])
        inputs.others.append(Check("inputs", "not checked", detail, names))
    all_inputs = count_with_noun(len(manifest.inputs), "input")
    checks = inputs.checks(f"{inputs.good:,} of {all_inputs} here, byte for byte")
    if exports.good or exports.others:
        given = count_with_noun(exports.good, "export")
        checks += exports.checks(f"{given} given, byte for byte as in the bundle")
    return readers, checks


def _replay(
    archive: Archive,
    manifest: Manifest,
    classifier: Classifier | None,
    readers: Mapping[str, Callable[[], bytes]],
    exact: bool,
) -> list[Check]:
    """Check texts, passages, labels, counts, scores and people's checks.

    Parameters
    ----------
    classifier : Classifier, optional
        Model that scores the passages again.
    readers : mapping
        Functions that read the inputs that are here, by the SHA-256 of their bytes.
    exact : bool
        Whether rounding differences in probabilities count as differences.
    """
    names = tuple(manifest.thresholds)
    thresholds = np.array(list(manifest.thresholds.values()))
    text = _Step("text")
    split = _Step("split")
    groups: list[Group] = []  # passages of each input
    # probabilities of each input, as stored and as scored again
    stored_scores: list[Floats] = []
    new_scores: list[Floats] = []
    # of each passage
    labels: list[tuple[str, ...]] = []
    findings: list[int] = []  # the line of its finding
    labels_differ: list[bool] = []  # from those that follow from its probabilities
    confidence_differs: list[bool] = []  # when scored again
    rows_by_input = _passages(archive, manifest.inputs, manifest.thresholds.keys())
    unreadable = ""
    readings: Counter[str] = Counter()
    unread: list[str] = []
    for recorded in manifest.inputs:
        again = None
        readings[recorded.sha256] += 1
        if readings[recorded.sha256] > _MOST_READINGS:
            unread.append(recorded.name)
        elif recorded.sha256 in readers:
            again = _read_again(recorded, manifest, readers[recorded.sha256], text, classifier)
        try:
            rows = next(rows_by_input, None)
        except InputError as error:
            unreadable = str(error)
            rows = None
        if rows is None:
            continue
        passages = [row.passage() for row in rows]
        scores = _probabilities(passages, names)
        stored_scores.append(scores)
        group, of_input = count_input(passages, recorded, len(findings))
        groups.append(group)
        findings += of_input
        for passage, above in zip(
            passages, apply_thresholds(scores, thresholds).tolist(), strict=True
        ):
            labels.append(passage.labels)
            labels_differ.append(passage.labels != labels_above(names, passage, above))
        if again is not None:
            split.add(_split_differences(again, passages), recorded.name)
        if classifier:
            tagged = classifier.tag(passages, manifest.policy)
            new_scores.append(_probabilities(tagged, names))
            for row, passage in zip(rows, tagged, strict=True):
                confidence_differs.append(row.low_confidence != passage.low_confidence)
    if unread:
        detail = f"has the same bytes as {_MOST_READINGS} others, and is not read again"
        text.others.append(Check("text", "not checked", detail, _listed(unread)))
    inputs = count_with_noun(text.good, "input")
    of_text = text.checks(
        f"the same text, title, country, year and notes from {inputs}",
        "needs the inputs, as they were, and their passages",
    )
    if unreadable:
        detail = f"{PASSAGES} cannot be read to its end"
        steps = ["labels", "counts", "scores", "split"]
        if manifest.checks is not None:
            steps.append("checks")
        if any(name.startswith(EXPORTS) for name in manifest.files):
            steps.append("exports")
        not_checked = [Check(step, "not checked", detail) for step in steps]
        return [*of_text, Check("passages", "differs", unreadable), *not_checked]
    inputs = count_with_noun(split.good, "input")
    of_split = split.checks(
        f"the same passages, at the same characters, from {inputs}",
        "needs the inputs, as they were, and their passages",
    )
    inputs = count_with_noun(len(groups), "input")
    rule = "each passage has those whose probability reaches the threshold, and no others"
    of_labels = Check("labels", "ok", rule)
    if any(labels_differ):
        what = "do not follow from probabilities and thresholds"
        lines = _lines_that(labels_differ)
        of_labels = Check("labels", "differs", f"{what} on {lines}", PASSAGES)
    of_scores = Check("scores", "not checked", "not replayed: needs the model")
    if classifier:
        of_scores = _check_scores(
            manifest=manifest,
            exact=exact,
            rounding=classifier.scorer.rounding,
            stored=np.concatenate(stored_scores),
            new=np.concatenate(new_scores),
            confidence_differs=confidence_differs,
        )
    return [
        *of_text,
        Check("passages", "ok", f"{inputs} with their passages"),
        *of_split,
        of_labels,
        *_check_counts(manifest, groups),
        of_scores,
        *_check_decisions(archive, manifest, labels, findings),
        *_check_exports(archive, manifest),
    ]


def _passages(
    archive: Archive, inputs: Sequence[Input], labels: Set[str]
) -> Iterator[list[PassageLine]]:
    """Yield the passages of each input.

    Raises `InputError` at the first line that is no passage or out of order.
    """
    rows: list[PassageLine] = []
    number = 0  # of the input
    for line_number, line in enumerate(archive.lines(PASSAGES), 1):
        where = f"line {line_number}"
        row = read_line(line, PassageLine, where)
        if row.scores.keys() != labels:
            raise InputError(f"{where}: has probabilities of other labels than the manifest")
        if not number <= row.input < len(inputs):
            raise InputError(f"{where}: is of input {row.input}, out of order")
        while number < row.input:
            yield rows
            number += 1
            rows = []
        before = rows[-1].end if rows and inputs[number].kind != ROWS else 0
        if row.end - row.start != len(row.text) or row.start < before:
            what = "start and end do not fit its text, or the passage before"
            raise InputError(f"{where}: {what}")
        rows.append(row)
    yield rows
    for _ in inputs[number + 1 :]:
        yield []


def _read_again(
    recorded: Input,
    manifest: Manifest,
    read: Callable[[], bytes],
    step: _Step,
    classifier: Classifier | None,
) -> list[Passage] | None:
    """Read and split an input again, and compare it with the manifest; None if unreadable."""
    link = recorded.link or Link(recorded.name, "", None, None)
    meta = classifier.meta if classifier else {}
    followed = (*_OF_TEXT, "is_measured") if classifier else _OF_TEXT
    try:
        original = Download(read(), link.content_type, link.encoding, link.url, link.fetched)
        again, passages = read_original(
            recorded.name, original, manifest.encoding, manifest.unit, meta
        )
    except MissingExtraError as error:
        detail = str(error).removeprefix(f"{recorded.name}: ")
        step.others.append(Check("text", "not checked", detail, recorded.name))
        return None
    except InputError as error:
        step.add([f"cannot be read here: {error}"], recorded.name)
        return None
    details = [
        detail
        for name in followed
        for detail in _differences(getattr(again, name), getattr(recorded, name), name)
    ]
    step.add(details, recorded.name)
    return passages


def _split_differences(again: Sequence[Passage], passages: Sequence[Passage]) -> list[str]:
    """Describe where an input is split otherwise; an empty list where it is not."""
    stored = (replace(passage, labels=(), scores={}, low_confidence=False) for passage in passages)
    here = (replace(passage, country=None) for passage in again)
    for number, (old, new) in enumerate(zip_longest(stored, here), 1):
        if old != new:
            counts = f"{count_with_noun(len(again), 'passage')}, not {len(passages):,}"
            return [f"splits into {counts}; other from passage {number} on"]
    return []


def _check_counts(manifest: Manifest, groups: Sequence[Group]) -> list[Check]:
    """Compare the figures in the manifest with the counts of the passages."""
    step = _Step("counts")
    settings = manifest.thresholds, manifest.error_rates, manifest.error_rates_by_kind
    try:
        counted = [figures_of(group, *settings) for group in groups]
        total = figures_of(sum(groups, Group(())), *settings)
    except (ArithmeticError, ValueError):
        return [Check("counts", "differs", "the error rates in the manifest are impossible")]
    for recorded, here in zip(manifest.inputs, counted, strict=True):
        step.add(_differences(here, recorded.figures), recorded.name)
    step.add(_differences(total, manifest.figures), "all inputs")
    if step.others:
        return step.checks(f"{step.good} of {len(groups) + 1} agree")
    labels = ", ".join(f"{label} {counts['count']:,}" for label, counts in total["labels"].items())
    adjusted = "the model tells no error rates"
    if manifest.error_rates:
        adjusted = "adjusted by the model's error rates"
    none = f"none {total['none']['count']:,}"
    return step.checks(f"{labels}, {none}; {adjusted}")


def _check_scores(
    manifest: Manifest,
    exact: bool,
    rounding: float,
    stored: Floats,
    new: Floats,
    confidence_differs: Sequence[bool],
) -> Check:
    """Compare the probabilities of all passages, (n, labels), and their labels, with new ones."""
    gaps = np.where(np.isnan(new), np.inf, np.abs(new - stored)).max(axis=1)
    largest = float(gaps.max(initial=0))
    unequal = int((gaps > 0).sum())
    thresholds = np.array(list(manifest.thresholds.values()))
    had = apply_thresholds(stored, thresholds)
    has = apply_thresholds(new, thresholds)
    changed = (had != has).any(axis=1)
    good = not unequal
    scores = "equal to the last bit"
    if unequal and largest <= rounding and not changed.any():
        good = not exact
        scores = f"{unequal:,} differ by rounding, at most {largest:.1g}"
    elif unequal:
        scores = f"{unequal:,} differ, by up to {largest:.2g}, on {_lines_that(gaps > 0)}"
    labels = "no label changes"
    if changed.any():
        gained = (has & ~had).sum(axis=0)
        lost = (had & ~has).sum(axis=0)
        counts = zip(manifest.thresholds, gained, lost, strict=True)
        changes = [f"{label} +{more} -{fewer}" for label, more, fewer in counts if more or fewer]
        labels = f"labels change on {_lines_that(changed)}: {', '.join(changes)}"
    confidence = ""
    if any(confidence_differs):
        good = False
        confidence = f"; low_confidence differs on {_lines_that(confidence_differs)}"
    detail = f"{count_with_noun(len(gaps), 'passage')} scored again: {scores}; {labels}{confidence}"
    return Check("scores", "ok" if good else "differs", detail)


def _check_decisions(
    archive: Archive, manifest: Manifest, labels: Sequence[tuple[str, ...]], findings: Sequence[int]
) -> list[Check]:
    """Check that what people decided is on passages with these labels, and its counts."""
    if manifest.checks is None:
        return []
    step = _Step("checks")
    checks: list[StoredCheck] = []
    try:
        for number, line in enumerate(archive.lines(CHECKS), 1):
            checks.append(read_line(line, StoredCheck, f"line {number}"))
    except InputError as error:
        return [Check("checks", "differs", str(error), CHECKS)]
    details: defaultdict[str, list[str]] = defaultdict(list)  # lines by what is wrong with them
    for number, check in enumerate(checks, 1):
        if check.line > len(labels):
            details["are on passages that are not in the bundle"].append(str(number))
        elif check.verdict and check.labels != labels[check.line - 1]:
            details["are on passages with other labels than were checked"].append(str(number))
        elif check.right is not None and check.verdict != judge(check.labels, check.right):
            details["have another verdict than their labels"].append(str(number))
    wrong = [f"lines {_listed(lines)} {what}" for what, lines in details.items()]
    step.add(wrong, CHECKS)
    counted = count_checks(checks, findings)
    if counted != manifest.checks:
        step.add(["the manifest counts others than there are"], CHECKS)
    verdicts = f"{counted['confirmed']:,} confirmed, {counted['rejected']:,} rejected"
    if corrected := counted.get("corrected"):
        verdicts += f", {corrected:,} corrected"
    others = f"{counted['disputed']:,} disputed, {counted['unchecked']:,} unchecked"
    people = f"by {counted['people']:,} {'person' if counted['people'] == 1 else 'people'}"
    summary = f"{verdicts}, {others} findings, {counted['noted']:,} noted, {people}"
    if step.others:
        return step.others
    says = f"initials, times and what is noted {_OF_MAKER}"
    return [Check("checks", "ok", summary), Check("checks", "not checked", says, CHECKS)]


def _check_exports(archive: Archive, manifest: Manifest) -> list[Check]:
    """Compare the tables among the exports with the passages."""

    def reports() -> Iterator[Report]:
        rows_by_input = _passages(archive, manifest.inputs, manifest.thresholds.keys())
        for recorded, rows in zip(manifest.inputs, rows_by_input, strict=True):
            about = Document(
                "",
                (),
                title=recorded.title,
                country=recorded.country,
                year=recorded.year,
                publication=recorded.publication,
            )
            passages = [row.passage() for row in rows]
            yield Report(recorded.name, about, passages, is_measured=recorded.is_measured)

    step = _Step("exports")
    names = [name for name in manifest.files if name.startswith(EXPORTS)]
    for name in names:
        try:
            data = archive.read(name, LARGEST)
            step.add(differences_of_table(name, data, manifest, reports), name)
        except (NotComparedError, InputError) as error:
            step.others.append(Check("exports", "not checked", str(error), name))
    agree = f"{count_with_noun(step.good, 'table')} as the passages give it"
    return step.checks(agree) if names else []


def _probabilities(passages: Sequence[Passage], labels: Sequence[str]) -> Floats:
    """Return the probabilities of passages as an array, float64 (n, labels)."""
    table = [[passage.scores[label] for label in labels] for passage in passages]
    return np.array(table, np.float64).reshape(-1, len(labels))


def _lines_that(which: npt.ArrayLike) -> str:
    """List the lines of `passages.jsonl` for which a value, one for each line, is true."""
    return f"lines {_listed((np.flatnonzero(which) + 1).tolist())}"


def _differences(here: object, stored: object, where: str = "") -> Iterator[str]:
    """Describe each value, of nested dictionaries, that is another than in the bundle.

    >>> list(_differences({"failure": {"count": 3}}, {"failure": {"count": 4}}))
    ['failure.count is 3, not 4 as the bundle says']
    """
    if isinstance(here, dict) and isinstance(stored, dict):
        for name in here | stored:
            inner = f"{where}.{name}".lstrip(".")
            yield from _differences(here.get(name), stored.get(name), inner)
    elif here != stored:
        yield f"{where} is {here!r:.80}, not {stored!r:.80} as the bundle says"


def _other_hash(here: str, stored: str) -> str:
    """Describe a SHA-256 that is another than the stored one."""
    return f"SHA-256 {here[:12]}…, not {stored[:12]}…"


def _other_bytes(name: str, here: str, stored: str) -> list[str]:
    return [f"has other bytes than {name}: {_other_hash(here, stored)}"]


def _listed(names: Sequence[object]) -> str:
    """Join the first names, and count the others."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(str, names[:_SHOWN])) + more
