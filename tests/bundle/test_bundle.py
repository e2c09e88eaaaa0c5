"""Bundles: their contents, detection of every change, and refusal of hostile ones."""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
import stat
import struct
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from conftest import Cli
from typer.testing import CliRunner, Result

from tipclassify import LABELS, Classifier, Passage
from tipclassify.app.desk import Desk
from tipclassify.bundle import archive as archives
from tipclassify.bundle.manifest import serialize
from tipclassify.bundle.verify import Check, verify_bundle
from tipclassify.bundle.write import write_bundle
from tipclassify.cli.bundle import bundle, verify
from tipclassify.errors import InputError, ModelError
from tipclassify.model.find import model_folder
from tipclassify.model.linear import write_linear_model
from tipclassify.readers import ReadOptions, read_report
from tipclassify.records import key
from tipclassify.reports.counts import summarize
from tipclassify.store.state import Check as StoreCheck
from tipclassify.tagging import Tagging
from tipclassify.write.desk import read_findings

JsonObject = dict[str, Any]  # of any depth, as `json.loads` gives it

FAST = Tagging("fast")  # it rounds nowhere, so that a difference of a ten-thousandth shows
SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"
STEPS = (
    "manifest",
    "versions",
    "files",
    "passages",
    "labels",
    "counts",
    "model",
    "settings",
    "scores",
    "inputs",
    "text",
    "split",
)

MODEL_STEPS = ("model", "settings", "scores")
"""Steps that need the model of the bundle."""

app = typer.Typer()
app.command()(bundle)
app.command()(verify)


def run(*args: object, stdin: bytes = b"") -> Result:
    """Run ``bundle`` or ``verify`` in this process, where a warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return CliRunner().invoke(app, list(map(str, args)), input=stdin, catch_exceptions=False)


def make_bundle(
    path: Path,
    *files: object,
    tagging: Tagging = FAST,
    **options: Any,
) -> Path:
    """Write a bundle of files to `path`, and return it."""
    with open(path, "wb") as out:
        write_bundle(list(map(str, files)), tagging, out, **options)
    return path


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of one short text, with its source."""
    path = tmp_path_factory.mktemp("small") / "small.zip"
    return make_bundle(path, SAMPLES / "excerpt.txt", with_sources=True)


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of all samples, without sources."""
    path = tmp_path_factory.mktemp("bare") / "bare.zip"
    return make_bundle(path, *sorted(SAMPLES.iterdir()))


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of one short text, with its source and its model."""
    path = tmp_path_factory.mktemp("full") / "full.zip"
    return make_bundle(path, SAMPLES / "excerpt.txt", with_sources=True, with_model=True)


@pytest.fixture(scope="session")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped fast model, but for its bias."""
    folder = tmp_path_factory.mktemp("models") / "other"
    shipped = Classifier.load("fast").model
    write_linear_model(replace(shipped, bias=shipped.bias + 8), folder)
    return folder


def content(path: Path) -> dict[str, bytes]:
    """Return the files in a bundle by name."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def manifest_of(path: Path) -> JsonObject:
    """Return the manifest in a bundle."""
    manifest: JsonObject = json.loads(content(path)["manifest.json"])
    return manifest


def passage_rows(path: Path) -> list[JsonObject]:
    """Return the passages in a bundle."""
    return [json.loads(line) for line in content(path)["passages.jsonl"].splitlines()]


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of bytes, as a manifest has it."""
    return hashlib.sha256(data).hexdigest()


def packed(path: Path, files: dict[str, bytes]) -> Path:
    """Write files to a zip file at `path`, and return it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def with_flipped_bits(data: bytes, at: int, bits: int = 1) -> bytes:
    """Return data of which some bits of one byte are changed."""
    return data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :]


def dumped(value: JsonObject, indent: int | None = None) -> bytes:
    """Serialize as bundles are, with infinity, which they never hold."""
    plain = json.loads(json.dumps(value), parse_constant=lambda _: 1e308)
    return serialize(plain, indent).replace(b"1e+308", b"1e999")


@dataclass(frozen=True)
class BundleParts:
    """The parts of a bundle, which a forger changes in place."""

    manifest: JsonObject
    rows: list[JsonObject]  # of its passages
    files: dict[str, bytes]  # without the manifest


Change = Callable[[BundleParts], object]


def forged(path: Path, of: Path, change: Change) -> Path:
    """Write a changed copy of a bundle, in which all hashes fit the changed content."""
    files = content(of)
    parts = BundleParts(json.loads(files.pop("manifest.json")), passage_rows(of), files)
    manifest = parts.manifest
    del manifest["sha256"]
    change(parts)
    files["passages.jsonl"] = b"".join(map(dumped, parts.rows))
    manifest["files"] = {
        name: {"sha256": sha256_of(data), "size": len(data)} for name, data in sorted(files.items())
    }
    manifest["sha256"] = sha256_of(dumped(manifest, 1))
    return packed(path, {**files, "manifest.json": dumped(manifest, 1)})


def results(checks: list[Check]) -> dict[str, str]:
    """Return the worst result of each step."""
    worst: dict[str, str] = {}
    for check in checks:
        if worst.get(check.check) != "differs":
            worst[check.check] = check.result
    return worst


def differences(checks: list[Check]) -> dict[str, str]:
    """Return the steps with differences, and their messages."""
    return {
        check.check: f"{check.subject}: {check.detail}"
        for check in checks
        if check.result == "differs"
    }


def detail_of(checks: list[Check], step: str) -> str:
    """Return the message of the first check of a step."""
    return next(check.detail for check in checks if check.check == step)


# What a bundle is


def test_a_bundle_and_its_inputs_pass_every_check(bare: Path) -> None:
    checks = verify_bundle(str(bare), [str(SAMPLES)])
    assert results(checks) == dict.fromkeys(STEPS, "ok")
    details = {check.check: check.detail for check in checks}
    assert "equal to the last bit" in details["scores"]
    assert "4 of 4 inputs" in details["inputs"]


def test_it_holds_what_score_finds_and_every_hash(bare: Path) -> None:
    files = content(bare)
    assert sorted(files) == ["README.txt", "manifest.json", "passages.jsonl"]
    manifest = manifest_of(bare)
    rows = passage_rows(bare)
    inputs = list(zip(sorted(SAMPLES.iterdir()), manifest["inputs"], strict=True))
    rows_read = 0
    passages_recorded = 0
    for number, (path, recorded) in enumerate(inputs):
        (report,) = FAST.reports([str(path)])
        document = report.document
        assert document
        assert recorded["name"] == path.name
        assert recorded["sha256"] == sha256_of(path.read_bytes())
        assert recorded["text_sha256"] == sha256_of(document.text.encode())
        assert recorded["country"] == document.country
        assert recorded["year"] == document.year
        assert recorded["figures"]["passages"] == len(report.passages)
        passages_recorded += recorded["figures"]["passages"]
        for passage, row in zip(report.passages, rows[rows_read:], strict=False):
            assert row.pop("input") == number
            assert row["scores"] == dict(passage.scores)  # every bit
            assert row.pop("in_row") == passage.in_row
            assert row.pop("acronyms") == passage.acronyms
            assert {**row, "scores": None} == {**passage.to_dict(), "scores": None}
        rows_read += len(report.passages)
    assert rows_read == len(rows) == passages_recorded == manifest["figures"]["passages"]
    counts = {label: of["count"] for label, of in manifest["figures"]["labels"].items()}
    total = summarize(FAST.reports([str(path) for path in sorted(SAMPLES.iterdir())])).total
    assert counts == {label: total.count(label) for label in LABELS}
    for name, recorded in manifest["files"].items():
        assert recorded == {"sha256": sha256_of(files[name]), "size": len(files[name])}
    model = json.loads((model_folder("fast") / "model.json").read_text("utf-8"))
    assert manifest["model"]["sha256"] == model["sha256"]
    assert manifest["model"]["weights_sha256"] == model["weights_sha256"]
    assert manifest["thresholds"] == dict(zip(LABELS, model["thresholds"]["balanced"], strict=True))


def test_its_figures_are_those_of_the_summary(bare: Path) -> None:
    from tipclassify.reports.counts import summarize

    reports = [report for path in sorted(SAMPLES.iterdir()) for report in FAST.reports([str(path)])]
    summary = summarize(reports, add_up=True)
    manifest = manifest_of(bare)
    figures = [recorded["figures"] for recorded in manifest["inputs"]]
    figures.append(manifest["figures"])  # of all inputs, as the last row of the summary
    for row, recorded in zip(summary.rows(), figures, strict=True):
        for name in ("passages", "low_confidence", "none", "labels"):
            assert row[name] == recorded[name]


def test_the_same_inputs_give_the_same_bytes(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(SAMPLES / "excerpt.txt", tmp_path / "excerpt.txt")
    monkeypatch.chdir(tmp_path)
    again = make_bundle(tmp_path / "again.zip", "excerpt.txt", with_sources=True)
    assert again.read_bytes() == small.read_bytes()
    with zipfile.ZipFile(again) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_it_names_nothing_of_the_machine_but_its_kind(tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    report = tmp_path / "private" / "caf\xe9.txt"
    # a warning, which has its name
    report.write_bytes(b"Police arrested nine traffickers in the caf\x8f. " * 3)
    without_source = make_bundle(tmp_path / "a.zip", report)
    with_source = make_bundle(tmp_path / "b.zip", report, with_sources=True)
    for bundled in (without_source, with_source):
        for data in content(bundled).values():
            assert b"private" not in data
            assert tmp_path.name.encode() not in data
    assert manifest_of(with_source)["inputs"][0]["source"] == "sources/0000-caf-.txt"


def test_sources_and_model_are_in_it_when_asked_for(full: Path, small: Path) -> None:
    assert content(small)["sources/0000-excerpt.txt"] == (SAMPLES / "excerpt.txt").read_bytes()
    assert {"model/model.json", "model/weights.npz"} < set(content(full))
    checks = verify_bundle(str(full))
    assert results(checks) == dict.fromkeys(STEPS, "ok")


def test_policy_thresholds_unit_and_encoding_are_kept(tmp_path: Path) -> None:
    report = tmp_path / "r.txt"
    text = "The ministry should: (1) fund two shelters; (2) train judges in Bogot\xe1."
    report.write_bytes(text.encode("cp1252"))
    tagging = Tagging("fast", "screen", (("failure", 0.5),), "clause", ReadOptions("cp1252"))
    path = make_bundle(tmp_path / "b.zip", report, tagging=tagging)
    manifest = manifest_of(path)
    assert manifest["policy"] == "screen"
    assert manifest["unit"] == "clause"
    assert manifest["encoding"] == "cp1252"
    assert manifest["moved"] == {"failure": 0.5}
    assert manifest["thresholds"]["failure"] == 0.5
    assert manifest["figures"]["passages"] == 2
    assert results(verify_bundle(str(path), [str(report)])) == dict.fromkeys(STEPS, "ok")
    forgery = forged(tmp_path / "f.zip", path, set_value("manifest/unit", "sentence"))
    forgery_differences = differences(verify_bundle(str(forgery), [str(report)]))
    assert "splits into 1 passage, not 2" in forgery_differences["split"]


def test_rows_that_came_ready_split_are_checked_too(tmp_path: Path) -> None:
    report = tmp_path / "rows.jsonl"
    texts = [
        "Police arrested nine traffickers.",
        "",
        "Courts convicted\u2028none.",
        "Half a \ud800 character.",
    ]
    lines = [json.dumps({"text": text, "section": "prosecution"}) + "\n\n" for text in texts]
    report.write_text("".join(lines), "utf-8")
    path = make_bundle(tmp_path / "b.zip", report, with_sources=True)
    assert [row["text"] for row in passage_rows(path)] == texts
    assert results(verify_bundle(str(path))) == dict.fromkeys(STEPS, "ok")
    forgery = forged(
        tmp_path / "f.zip", path, lambda parts: parts.rows[1].update(section="protection")
    )
    # under another heading it is no longer on the subject, and not counted
    assert set(differences(verify_bundle(str(forgery)))) == {"counts", "scores", "split"}


def test_a_book_of_narratives_splits_as_it_did(tmp_path: Path) -> None:
    book = Path(__file__).parents[1] / "files" / "book.pdf"  # its passages have countries
    path = make_bundle(tmp_path / "b.zip", book)
    assert results(verify_bundle(str(path), [str(book)])) == dict.fromkeys(STEPS, "ok")


def test_a_reference_that_speaks_of_arrests_has_no_label(tmp_path: Path) -> None:
    report = tmp_path / "rows.jsonl"
    rows = [
        {"text": "Police arrested nine traffickers.", "section": section}
        for section in ("prosecution", "References")
    ]
    report.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    path = make_bundle(tmp_path / "b.zip", report, with_sources=True)
    prose, reference = passage_rows(path)
    assert prose["labels"] == ["positive_effort"]
    assert reference["labels"] == []
    assert reference["scores"]["positive_effort"] > Classifier.load("fast").thresholds()[0]
    assert manifest_of(path)["figures"]["passages"] == 2
    assert results(verify_bundle(str(path))) == dict.fromkeys(STEPS, "ok")
    forgery = forged(tmp_path / "f.zip", path, set_value("rows/1/labels", ["positive_effort"]))
    assert {"labels", "counts"} <= set(differences(verify_bundle(str(forgery))))


def test_an_input_that_cannot_be_read_means_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    out = tmp_path / "figures.zip"
    inputs = (tmp_path / "empty.txt", SAMPLES / "excerpt.txt", tmp_path / "none.txt")
    with pytest.raises(InputError) as caught:
        run("bundle", *inputs, "-o", out, "--model", "fast")
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "empty.txt: empty" in lines[0]
    assert "none.txt: no such file" in lines[1]
    assert "2 of 3 inputs failed, so no bundle was written" in lines[2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.txt"]
    with pytest.raises(InputError, match="no inputs"):
        write_bundle([], Tagging(), io.BytesIO())


# Verifying with what is here


def test_without_the_inputs_it_says_what_was_not_checked(bare: Path) -> None:
    checks = verify_bundle(str(bare))
    open_steps = ("inputs", "text", "split")
    assert results(checks) == {
        step: "not checked" if step in open_steps else "ok" for step in STEPS
    }
    inputs = next(check for check in checks if check.check == "inputs")
    names = "excerpt.txt, karvonia-2023.html, karvonia-2024.html, karvonia-2024.txt"
    assert inputs.subject == names
    assert "name the files after the bundle" in inputs.detail


def test_inputs_are_known_by_their_bytes_not_their_names(bare: Path, tmp_path: Path) -> None:
    shutil.copy(SAMPLES / "karvonia-2023.html", tmp_path / "Report 1.bin")
    shutil.copy(SAMPLES / "karvonia-2024.txt", tmp_path / "b")
    (tmp_path / "unrelated.txt").write_text("Nothing of the kind.", "utf-8")
    checks = verify_bundle(str(bare), [str(tmp_path / "Report 1.bin"), str(tmp_path / "b")])
    assert not differences(checks)
    not_checked = {check.subject for check in checks if check.result == "not checked"}
    assert not_checked == {"excerpt.txt, karvonia-2024.html"}
    assert "2 of 4 inputs here" in detail_of(checks, "inputs")


def test_a_changed_input_is_named(bare: Path, tmp_path: Path) -> None:
    changed = tmp_path / "karvonia-2023.html"
    original = (SAMPLES / "karvonia-2023.html").read_bytes()
    changed.write_bytes(original.replace(b"nine", b"five", 1) + b" ")
    message = "karvonia-2023.html: has other bytes than karvonia-2023.html: SHA-256"
    for given in (changed, tmp_path):  # by itself, or in a folder
        given_differences = differences(verify_bundle(str(bare), [str(given)]))
        assert set(given_differences) == {"inputs"}
        assert message in given_differences["inputs"]
    changed.rename(tmp_path / "other.html")
    renamed_differences = differences(verify_bundle(str(bare), [str(tmp_path / "other.html")]))
    assert "other.html: is none of the inputs" in renamed_differences["inputs"]
    # further files in a folder do no harm
    assert not differences(verify_bundle(str(bare), [str(tmp_path)]))


def test_another_model_gives_differences_that_are_named(small: Path, other_model: Path) -> None:
    model_differences = differences(verify_bundle(str(small), model=other_model))
    assert set(model_differences) == {"model", "scores"}
    assert "given with --model; the scores in the bundle are of" in model_differences["model"]
    scores = model_differences["scores"]
    assert "7 passages scored again: 7 differ, by up to 0." in scores
    assert "labels change on" in scores
    assert " +" in scores


def test_a_model_in_the_bundle_is_used_where_it_is_unpacked(
    tmp_path: Path, other_model: Path
) -> None:
    path = make_bundle(
        tmp_path / "m.zip",
        SAMPLES / "excerpt.txt",
        tagging=Tagging(str(other_model)),
        with_sources=True,
        with_model=True,
    )
    checks = verify_bundle(str(path))  # untrusted weights are not run
    assert not differences(checks)
    assert {results(checks)[step] for step in MODEL_STEPS} == {"not checked"}
    assert "give its folder with --model" in detail_of(checks, "model")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path, ["model/model.json", "model/weights.npz"])
    checks = verify_bundle(str(path), model=tmp_path / "model")
    assert results(checks) == dict.fromkeys(STEPS, "ok")


def test_a_model_without_error_rates_gives_no_adjusted_counts(tmp_path: Path) -> None:
    shipped = Classifier.load("fast").model
    meta = dict(shipped.meta)
    meta.pop("error_table", None)
    meta.pop("corpus", None)
    write_linear_model(replace(shipped, meta=meta), tmp_path / "plain")
    path = make_bundle(
        tmp_path / "b.zip",
        SAMPLES / "excerpt.txt",
        tagging=Tagging(str(tmp_path / "plain")),
        with_sources=True,
        with_model=True,
    )
    checks = verify_bundle(str(path), model=tmp_path / "plain")
    assert results(checks) == dict.fromkeys(STEPS, "ok")
    assert "tells no error rates" in detail_of(checks, "counts")


def test_rounding_is_reported_and_counts_only_when_exactness_is_asked_for(
    small: Path, tmp_path: Path
) -> None:
    shipped = Classifier.load("fast").model
    write_linear_model(replace(shipped, bias=shipped.bias + 1e-9), tmp_path / "near")
    checks = verify_bundle(str(small), model=tmp_path / "near")
    (scores,) = [check for check in checks if check.check == "scores"]
    assert scores.result == "ok"
    assert "differ by rounding, at most" in scores.detail
    exact_checks = verify_bundle(str(small), model=tmp_path / "near", exact=True)
    assert "scores" in differences(exact_checks)
    with pytest.raises(ModelError, match="no model there"):
        verify_bundle(str(small), model=tmp_path / "nothing")


def test_a_bundle_of_the_default_is_checked_with_the_default(tmp_path: Path) -> None:
    path = make_bundle(
        tmp_path / "b.zip", SAMPLES / "excerpt.txt", tagging=Tagging(), with_sources=True
    )
    manifest = manifest_of(path)
    head = json.loads((model_folder(None) / "model.json").read_text("utf-8"))
    assert manifest["model"]["sha256"] == head["sha256"]
    assert manifest["model"]["weights_sha256"] == head["files"]["model.onnx"]
    checks = verify_bundle(str(path), exact=True)
    assert results(checks) == dict.fromkeys(STEPS, "ok")
    assert "equal to the last bit" in detail_of(checks, "scores")
    # another processor rounds by less than 0.25 (`EncoderScorer.rounding`)
    score = "rows/0/scores/complicity"
    near = forged(tmp_path / "n.zip", path, set_value(score, lambda p: p + 0.01))
    assert set(differences(verify_bundle(str(near)))) == set()
    far = forged(tmp_path / "f.zip", path, set_value(score, lambda p: p + 0.3))
    assert set(differences(verify_bundle(str(far)))) == {"scores"}
    assert set(differences(verify_bundle(str(path), model="fast"))) == {"model", "scores"}


def test_other_versions_are_reported(small: Path, tmp_path: Path) -> None:
    path = forged(tmp_path / "f.zip", small, set_value("manifest/versions/numpy", "1.0"))
    checks = verify_bundle(str(path))
    assert not differences(checks)
    assert "not '1.0' as the bundle says" in detail_of(checks, "versions")


# Changes are found


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("README.txt", {"files"}),
        ("passages.jsonl", {"files", "scores", "split"}),
        ("sources/0000-excerpt.txt", {"files", "inputs"}),
        ("model/weights.npz", {"files"}),  # the shipped one has the same hash and is used instead
        ("manifest.json", {"manifest", "files"}),  # the README has the names of inputs, too
        ("checks.jsonl", {"files", "checks"}),
        ("exports/findings.csv", {"files"}),
    ],
)
def test_one_changed_byte_is_found_and_the_file_named(
    full: Path, checked: Path, tmp_path: Path, name: str, steps: set[str]
) -> None:
    has_checks = name in ("checks.jsonl", "exports/findings.csv")
    files = content(checked if has_checks else full)
    data = files[name]
    at = len(data) // 2
    if name == "manifest.json":
        at = data.find(b"excerpt")
    elif name == "passages.jsonl":
        at = data.find(b"Police")
    elif name == "checks.jsonl":
        at = data.find(b"confirmed")
    changed = packed(tmp_path / "c.zip", {**files, name: with_flipped_bits(data, at)})
    messages = differences(verify_bundle(str(changed)))
    assert set(messages) == steps
    if name != "manifest.json":
        assert messages["files"].startswith(f"{name}: changed: SHA-256 ")
    else:
        start = "None: changed since it was made: its SHA-256 is "
        assert messages["manifest"].startswith(start)


def test_a_damaged_file_is_named(small: Path, tmp_path: Path) -> None:
    data = bytearray(small.read_bytes())
    with zipfile.ZipFile(small) as archive:
        at = archive.getinfo("passages.jsonl").header_offset + 30 + len("passages.jsonl") + 100
    data[at] ^= 0x55
    (tmp_path / "d.zip").write_bytes(data)
    checks = verify_bundle(str(tmp_path / "d.zip"))
    messages = differences(checks)
    assert "passages.jsonl is damaged" in messages["files"]
    assert "passages" in messages
    steps_of_passages = ("labels", "counts", "scores", "split")
    assert {results(checks)[step] for step in steps_of_passages} == {"not checked"}


def test_extra_and_missing_files_are_named(small: Path, tmp_path: Path) -> None:
    files = content(small)
    with_notes = packed(tmp_path / "e.zip", {**files, "notes.txt": b"x"})
    messages = differences(verify_bundle(str(with_notes)))
    assert messages == {"files": "notes.txt: is not in the manifest"}

    without_source = dict(files)
    del without_source["sources/0000-excerpt.txt"]
    messages = differences(verify_bundle(str(packed(tmp_path / "m.zip", without_source))))
    assert "sources/0000-excerpt.txt is missing" in messages["files"]

    without_passages = dict(files)
    del without_passages["passages.jsonl"]
    messages = differences(verify_bundle(str(packed(tmp_path / "p.zip", without_passages))))
    assert set(messages) == {"files", "passages"}


def set_value(path: str, value: object) -> Change:
    """Return a change of one value of the manifest or the passages: ``rows/0/scores/failure``.

    A function as value gets the former value.
    """
    *parents, key = path.split("/")

    def change(parts: BundleParts) -> None:
        holder: Any = {"manifest": parts.manifest, "rows": parts.rows}
        for parent in parents:
            holder = holder[int(parent) if parent.isdigit() else parent]
        holder[key] = value(holder[key]) if callable(value) else value

    return change


def drop_passage(parts: BundleParts) -> None:
    """Leave out a passage."""
    del parts.rows[3]


def reword_passage(parts: BundleParts) -> None:
    """Change a figure in the text of a passage."""
    passage = parts.rows[0]
    passage["text"] = passage["text"].replace("14", "41")


def change_source(parts: BundleParts) -> None:
    """Change the source, but not its hash among the inputs."""
    parts.files["sources/0000-excerpt.txt"] += b" "


def change_source_and_its_hash(parts: BundleParts) -> None:
    """Change a figure in the source, and its hash among the inputs."""
    data = parts.files["sources/0000-excerpt.txt"].replace(b"14 cases", b"41 cases")
    parts.files["sources/0000-excerpt.txt"] = data
    parts.manifest["inputs"][0] |= {"sha256": sha256_of(data), "size": len(data)}


@pytest.mark.parametrize(
    ("change", "steps"),
    [
        (set_value("rows/0/scores/failure", lambda p: p - 1e-4), {"scores"}),
        (set_value("rows/0/labels", ["complicity"]), {"labels", "counts"}),
        (set_value("rows/6/low_confidence", lambda doubt: not doubt), {"counts", "scores"}),
        (set_value("manifest/figures/labels/failure/count", lambda n: n + 1), {"counts"}),
        (set_value("manifest/inputs/0/figures/none/share", 0.9), {"counts"}),
        (set_value("manifest/figures/labels/failure/high", 99.0), {"counts"}),
        (set_value("manifest/inputs/0/figures", {"labels": 3}), {"counts"}),
        (set_value("manifest/figures/labels", [{"count": "\x1b[31m"}]), {"counts"}),
        (set_value("manifest/error_rates/failure/fp", 0), {"counts", "settings"}),
        (
            set_value("manifest/error_rates/failure", lambda rates: dict.fromkeys(rates, 0)),
            {"counts", "settings"},
        ),
        (set_value("manifest/thresholds/failure", 0.95), {"labels", "settings"}),
        (set_value("manifest/moved", {"failure": 0.95}), {"settings"}),
        (set_value("manifest/policy", "cite"), {"settings"}),
        (set_value("manifest/encoding", "utf-16"), {"text"}),
        (set_value("manifest/model/weights_sha256", "0" * 64), {"model"}),
        (set_value("manifest/inputs/0/title", "Another"), {"text"}),
        (set_value("manifest/inputs/0/text_sha256", "0" * 64), {"text"}),
        (set_value("manifest/inputs/0/kind", "html"), {"text"}),
        (set_value("manifest/inputs/0/size", 3), {"text"}),
        (set_value("rows/0/section", "protection"), {"scores", "split"}),  # the heading is evidence
        (set_value("rows/0/block", 77), {"split"}),
        (set_value("rows/6/start", lambda at: at + 1), {"passages"}),
        (set_value("rows/6/input", 1), {"passages"}),
        (drop_passage, {"counts", "split"}),
        (reword_passage, {"scores", "split"}),
        (change_source, {"inputs"}),
        (change_source_and_its_hash, {"files", "text", "split"}),
        (set_value("manifest/inputs/0/is_measured", False), {"counts", "text"}),
        (set_value("manifest/inputs/0/notes", ["2 pages have no text"]), {"text"}),
        (lambda parts: parts.files.update({"README.txt": b"No failures."}), {"files"}),
    ],
)
def test_a_forgery_whose_hashes_fit_is_found(
    small: Path, tmp_path: Path, change: Change, steps: set[str]
) -> None:
    forgery = forged(tmp_path / "f.zip", small, change)
    steps_with_differences = set(differences(verify_bundle(str(forgery))))
    # figures are stand-ins to the model
    optional = {"scores"} if change is reword_passage else set()
    assert steps - optional <= steps_with_differences <= steps | optional


def test_one_byte_changed_anywhere_never_passes_unseen(small: Path, tmp_path: Path) -> None:
    """A changed byte may pass where every file is still what it was: in a time stamp, say."""
    data = small.read_bytes()
    files = content(small)
    path = tmp_path / "c.zip"
    draw = random.Random(7)
    places = [
        *draw.sample(range(len(data)), 60),
        *range(len(data) - 60, len(data), 2),
        *range(0, 40, 3),
    ]
    passed = 0
    for at in places:
        path.write_bytes(with_flipped_bits(data, at, 1 << draw.randrange(8)))
        try:
            checks = verify_bundle(str(path))
        except InputError:
            continue
        if not differences(checks):
            passed += 1
            assert content(path) == files
    assert passed < len(places) / 3


def test_every_cut_is_found(small: Path, tmp_path: Path) -> None:
    data = small.read_bytes()
    for length in (0, 1, 21, 22, 42, 100, len(data) // 2, len(data) - 30, len(data) - 1):
        (tmp_path / "cut.zip").write_bytes(data[:length])
        with pytest.raises(InputError, match="not a bundle"):
            verify_bundle(str(tmp_path / "cut.zip"))


# Checks and exports of a desk


@pytest.fixture(scope="module")
def checks() -> list[StoreCheck]:
    """One finding confirmed by AB and noted by CD, one rejected; one of another report."""
    (report,) = FAST.reports([str(SAMPLES / "excerpt.txt")])
    first, second, *_ = [passage for passage in report.passages if passage.labels]

    def check(
        passage: Passage, annotator: str, labels: tuple[str, ...] | None, note: str = ""
    ) -> StoreCheck:
        return StoreCheck(
            report="",
            key=passage.key,
            start=passage.start,
            end=passage.end,
            labels=labels,
            annotator=annotator,
            note=note,
            at="2026-11-30T09:00:00.000Z",
        )

    elsewhere = replace(first, text="Another report says this.", start=3)
    return [
        check(first, "AB", first.labels),
        check(first, "CD", None, "Ask the ministry"),
        check(second, "CD", ()),
        check(elsewhere, "CD", ()),
    ]


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory, checks: list[StoreCheck]) -> Path:
    """A bundle of one short text with checks and an exported file."""
    folder = tmp_path_factory.mktemp("checked")
    (folder / "findings.csv").write_text("title,quote\nKarvonia,Police acted\n", "utf-8")
    return make_bundle(
        folder / "checked.zip",
        SAMPLES / "excerpt.txt",
        with_sources=True,
        checks=checks,
        exports=[folder / "findings.csv"],
    )


def test_two_exports_that_differ_in_case_alone_are_refused(tmp_path: Path) -> None:
    exports = [tmp_path / "a" / "findings.csv", tmp_path / "b" / "Findings.csv"]
    for export in exports:
        export.parent.mkdir()
        export.write_text("title\n", "utf-8")
    with pytest.raises(InputError, match="another export has this name"):
        make_bundle(tmp_path / "a.zip", SAMPLES / "excerpt.txt", exports=exports)


def test_checks_are_in_a_bundle_with_initials_and_time(checked: Path) -> None:
    files = content(checked)
    rows = [json.loads(line) for line in files["checks.jsonl"].splitlines()]
    checks = [(row["annotator"], row["verdict"], row["note"], row["time"][:10]) for row in rows]
    assert checks == [
        ("AB", "confirmed", "", "2026-11-30"),
        ("CD", "", "Ask the ministry", "2026-11-30"),
        ("CD", "rejected", "", "2026-11-30"),
    ]
    passages = passage_rows(checked)
    assert all(passages[row["line"] - 1]["labels"] == row["labels"] for row in rows)
    findings = sum(bool(passage["labels"]) for passage in passages)
    assert manifest_of(checked)["checks"] == {
        "confirmed": 1,
        "rejected": 1,
        "disputed": 0,
        "unchecked": findings - 2,
        "noted": 1,
        "people": 2,
    }
    verified = verify_bundle(str(checked))
    assert results(verified) == {
        **dict.fromkeys(STEPS, "ok"),
        "checks": "not checked",
        "exports": "not checked",
    }
    assert "1 confirmed, 1 rejected" in detail_of(verified, "checks")


REPEATED: Final = (
    "Courts convicted nine traffickers.",
    "Police did not investigate the owners of trawlers.",
    "Courts convicted nine traffickers. (4)",
    "Police did not investigate the owners of trawlers.",
)


@pytest.fixture(scope="module")
def repeated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a report that says two sentences twice, one of them checked at both places."""
    folder = tmp_path_factory.mktemp("repeated")
    (folder / "report.txt").write_text("\n\n".join(REPEATED), "utf-8")
    rows = passage_rows(make_bundle(folder / "unchecked.zip", folder / "report.txt"))
    assert [row["text"] for row in rows] == list(REPEATED)
    assert all(row["labels"] for row in rows)
    checks = [
        StoreCheck(
            report="",
            key=key(row["text"]),
            start=row["start"],
            end=row["end"],
            labels=tuple(row["labels"]),
            annotator="AB",
            note="",
            at="2026-11-30T09:00:00.000Z",
        )
        for row in (rows[0], rows[2])
    ]
    return make_bundle(folder / "checked.zip", folder / "report.txt", checks=checks)


def test_a_sentence_that_a_report_repeats_is_one_finding_as_on_a_desk(
    repeated: Path, tmp_path: Path
) -> None:
    counts = manifest_of(repeated)["checks"]
    assert (counts["confirmed"], counts["unchecked"]) == (1, 1)
    checks = verify_bundle(str(repeated))
    assert not differences(checks)
    assert "1 unchecked findings, 0 noted, by 1 person" in detail_of(checks, "checks")

    def count_places(parts: BundleParts) -> None:
        parts.manifest["checks"] |= {"confirmed": 2, "unchecked": 2}

    checks = verify_bundle(str(forged(tmp_path / "places.zip", repeated, count_places)))
    assert results(checks)["checks"] == "differs"


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (b'"rejected"', b'"confirmed"', "the manifest counts others"),
        (b'"line": 1,', b'"line": 999,', "are on passages that are not in the bundle"),
        (b'"labels": ["', b'"labels": ["complicity", "', "other labels than were checked"),
        (b'"verdict": "confirmed"', b'"verdict": "perhaps"', "not a check"),
    ],
)
def test_a_forged_check_whose_hash_fits_is_found(
    checked: Path, tmp_path: Path, before: bytes, after: bytes, message: str
) -> None:
    def change(parts: BundleParts) -> None:
        assert before in parts.files["checks.jsonl"]
        parts.files["checks.jsonl"] = parts.files["checks.jsonl"].replace(before, after)

    checks = verify_bundle(str(forged(tmp_path / "f.zip", checked, change)))
    differing = [check for check in checks if check.result == "differs"]
    assert {check.check for check in differing} == {"checks"}
    assert any(message in check.detail for check in differing)


def test_a_published_file_is_compared_with_the_export(checked: Path, tmp_path: Path) -> None:
    published = tmp_path / "findings.csv"
    published.write_bytes(content(checked)["exports/findings.csv"])
    checks = verify_bundle(str(checked), [str(published)])
    assert not differences(checks)
    assert "1 export given, byte for byte" in detail_of(checks, "exports")
    published.write_bytes(published.read_bytes().replace(b"acted", b"slept"))
    messages = differences(verify_bundle(str(checked), [str(published)]))
    assert set(messages) == {"exports"}
    assert "findings.csv: has other bytes than that export" in messages["exports"]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory, cli: Cli) -> Path:
    """A bundle of the samples with its counts and findings as tables."""
    folder = tmp_path_factory.mktemp("tables")
    names = []
    for command in (
        ("summary", "counts.csv"),
        ("summary", "years.jsonl", "--by", "year", "--by", "section"),
        ("score", "findings.csv"),
        ("score", "findings.jsonl"),
    ):
        verb, name, *options = command
        done = cli(verb, SAMPLES, "--model", "fast", *options, "-o", folder / name)
        assert done.returncode == 0, done.stderr
        names.append(folder / name)
    return make_bundle(folder / "tables.zip", *sorted(SAMPLES.iterdir()), exports=names)


def test_a_changed_figure_in_an_exported_table_never_passes(tables: Path, tmp_path: Path) -> None:
    checks = verify_bundle(str(tables))
    assert results(checks)["exports"] == "ok"
    assert detail_of(checks, "exports") == "4 tables as the passages give it"
    draw = random.Random(3)
    for name in ("counts.csv", "years.jsonl", "findings.csv", "findings.jsonl"):
        data = content(tables)[f"exports/{name}"]
        digits = [at for at, byte in enumerate(data) if byte in b"12345678"]
        for at in draw.sample(digits, 6):
            changed = data[:at] + bytes([data[at] + 1]) + data[at + 1 :]

            def change(parts: BundleParts, name: str = name, changed: bytes = changed) -> None:
                parts.files[f"exports/{name}"] = changed

            altered = verify_bundle(str(forged(tmp_path / "f.zip", tables, change)))
            subjects = {check.subject for check in altered if check.check == "exports"}
            assert f"exports/{name}" in subjects, data[at - 80 : at + 20]


def test_a_table_that_leaves_passages_out_or_lists_one_twice_never_passes(
    tables: Path, tmp_path: Path
) -> None:
    lines = content(tables)["exports/findings.jsonl"].splitlines(keepends=True)
    for kept, result, detail in (
        (lines[2:], "not checked", "it leaves out 2"),
        ([*lines, lines[0]], "differs", "or of one listed before"),
    ):

        def change(parts: BundleParts, kept: list[bytes] = kept) -> None:
            parts.files["exports/findings.jsonl"] = b"".join(kept)

        altered = verify_bundle(str(forged(tmp_path / "f.zip", tables, change)))
        (check,) = (one for one in altered if one.subject == "exports/findings.jsonl")
        assert check.result == result
        assert detail in check.detail


def test_an_input_that_is_listed_many_times_is_not_read_each_time(
    small: Path, tmp_path: Path
) -> None:
    def list_again(parts: BundleParts) -> None:
        parts.manifest["inputs"] *= 9

    checks = verify_bundle(str(forged(tmp_path / "f.zip", small, list_again)))
    unread = [
        check.subject for check in checks if (check.check, check.result) == ("text", "not checked")
    ]
    assert unread == ["excerpt.txt, excerpt.txt, excerpt.txt, excerpt.txt, excerpt.txt and 1 more"]


# Hostile bundles


def refused(path: Path) -> str:
    """Return the one line by which a bundle is refused."""
    with pytest.raises(InputError) as caught:
        verify_bundle(str(path))
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.isprintable()
    assert len(message) < len(str(path)) + 250
    return message


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt",
        "sources/../../evil",
        "/etc/passwd",
        "C:\\evil.txt",
        "a\\..\\b",
        "a//b",
        "./x",
        "a\nb",
        "x\x1b[31m",
        "C:x",
    ],
)
def test_names_that_leave_the_folder_are_refused(small: Path, tmp_path: Path, name: str) -> None:
    message = refused(packed(tmp_path / "h.zip", {**content(small), name: b"x"}))
    assert "a name that could be written outside of a folder; do not unpack it" in message
    assert not (tmp_path.parent / "evil.txt").exists()


def test_links_and_names_given_twice_are_refused(small: Path, tmp_path: Path) -> None:
    path = packed(tmp_path / "h.zip", content(small))
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("sources/link")
        link.create_system = 3  # Unix
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert "a folder, link or device and no file" in refused(path)
    for twice in ("manifest.json", "Manifest.JSON"):
        path = packed(tmp_path / "t.zip", content(small))
        with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
            warnings.simplefilter("ignore")
            archive.writestr(twice, b"{}")
        assert "twice, so that it can be read in two ways" in refused(path)


def test_bombs_are_refused_before_they_are_unpacked(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path / "h.zip", {**content(small), "sources/0001-bomb": b"\0" * 2_000_000})
    with monkeypatch.context() as patch:
        patch.setattr(archives, "_LARGEST_FILE", 1_000_000)
        assert "more than a bundle may hold" in refused(path)
    monkeypatch.setattr(archives, "_LARGEST", 1_000_000)
    assert "more than a bundle may hold" in refused(path)
    inputs = [SAMPLES / "karvonia-2024.html" for _ in range(40)]
    with pytest.raises(InputError, match="make several"):
        make_bundle(tmp_path / "large.zip", *inputs, with_sources=True)


def test_a_size_that_the_directory_belies_is_found(small: Path, tmp_path: Path) -> None:
    """An entry is read as far as its stated size, where its checksum does not fit."""
    path = packed(tmp_path / "h.zip", {**content(small), "README.txt": b"\0" * 3_000_000})
    true_size = struct.pack("<I", 3_000_000)
    stated_size = struct.pack("<I", 1_510)
    path.write_bytes(path.read_bytes().replace(true_size, stated_size))
    assert "README.txt is damaged" in differences(verify_bundle(str(path)))["files"]


def test_a_directory_of_too_many_files_is_refused_before_it_is_read(
    small: Path, tmp_path: Path
) -> None:
    data = small.read_bytes()
    path = tmp_path / "h.zip"
    path.write_bytes(data[:-14] + struct.pack("<HH", 60_000, 60_000) + data[-10:])
    assert "as no bundle is" in refused(path)
    path.write_bytes(data[:-10] + struct.pack("<I", 1 << 30) + data[-6:])
    assert "as no bundle is" in refused(path)
    path.write_bytes(data[:-22] + b"PK\x06\x07" + bytes(16) + data[-22:])
    assert "as no bundle is" in refused(path)


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe{}",
        b'{"bundle": NaN}',
        b'{"a":' * 100_000,
        b'{"bundle": 2, "inputs": ' + b"9" * 10_000 + b"}",
    ],
)
def test_what_is_no_manifest_is_refused(small: Path, tmp_path: Path, manifest: bytes) -> None:
    message = refused(packed(tmp_path / "h.zip", {**content(small), "manifest.json": manifest}))
    assert "get the bundle anew" in message


@pytest.mark.parametrize(("number", "by"), [(1, "an older"), (99, "a newer")])
def test_another_version_verifies_its_own_bundles(
    small: Path, tmp_path: Path, number: int, by: str
) -> None:
    bundle = packed(
        tmp_path / "b.zip", {**content(small), "manifest.json": b'{"bundle": %d}' % number}
    )
    assert f"by {by} version" in refused(bundle)


@pytest.mark.parametrize(
    "change",
    [
        set_value("manifest/inputs", {}),
        set_value("manifest/inputs/0/name", None),
        set_value("manifest/inputs/0/figures", 3),
        set_value("manifest/inputs/0/source", "sources/none"),
        set_value("manifest/inputs/0/sha256", "../../x"),
        set_value("manifest/policy", "\x1b[31mred"),
        set_value("manifest/unit", "word"),
        set_value("manifest/thresholds", {}),
        set_value("manifest/thresholds/failure", 1e999),
        set_value("manifest/error_rates/failure/tp", -1),
        set_value("manifest/extra", 1),
        set_value("manifest/bundle", True),
    ],
)
def test_a_manifest_of_other_values_is_refused(small: Path, tmp_path: Path, change: Change) -> None:
    message = refused(forged(tmp_path / "h.zip", small, change))
    assert "manifest.json" in message
    assert "get the bundle anew" in message


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"{}\n",
        b"[" * 100_000 + b"\n",
        b'{"input": 1e999}\n',
        b"9" * 10_000 + b"\n",
    ],
)
def test_what_is_no_passage_is_named(small: Path, tmp_path: Path, line: bytes) -> None:
    files = content(small)
    files["passages.jsonl"] += line
    message = differences(verify_bundle(str(packed(tmp_path / "h.zip", files))))["passages"]
    assert message.startswith("None: line 8: ")
    assert message.isprintable()


def test_a_model_in_a_bundle_is_never_run(tmp_path: Path, full: Path) -> None:
    def change(parts: BundleParts) -> None:
        weights = b"PK"
        head = json.loads(parts.files["model/model.json"])
        head["weights_sha256"] = sha256_of(weights)
        del head["sha256"]
        head["sha256"] = sha256_of(json.dumps(head, sort_keys=True).encode())
        parts.files["model/model.json"] = json.dumps(head).encode()
        parts.files["model/weights.npz"] = weights
        parts.manifest["model"]["sha256"] = head["sha256"]
        parts.manifest["model"]["weights_sha256"] = head["weights_sha256"]

    checks = verify_bundle(str(forged(tmp_path / "f.zip", full, change)))
    assert {results(checks)[step] for step in MODEL_STEPS} == {"not checked"}


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "none.zip")
    assert "not a file" in refused(tmp_path)
    (tmp_path / "text.zip").write_bytes(b"Police arrested nine traffickers." * 9)
    assert "not a bundle" in refused(tmp_path / "text.zip")


# Links


class Pages(BaseHTTPRequestHandler):
    """A site of one report in Windows-1252, whose old address leads to a new one."""

    html = (
        "<!doctype html><title>Karvonia</title>"
        "<p>Police arrested nine traffickers in “San José”.</p>"
    )
    page = html.encode("cp1252")

    def do_GET(self) -> None:
        if self.path == "/old":
            self.send_response(302)
            self.send_header("Location", "/reports/karvonia.html")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=windows-1252")
        self.send_header("Content-Length", str(len(self.page)))
        self.end_headers()
        self.wfile.write(self.page)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of a site on this machine."""
    pytest.importorskip("httpx")
    monkeypatch.setenv("TIPCLASSIFY_CACHE", str(tmp_path / "cache"))
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_link_is_bundled_as_it_was_found(site: str, tmp_path: Path) -> None:
    options = ReadOptions(allow_private=True)
    tagging = Tagging("fast", read=options)
    path = make_bundle(tmp_path / "b.zip", f"{site}/old", tagging=tagging)
    (recorded,) = manifest_of(path)["inputs"]
    assert recorded["name"] == f"{site}/old"
    assert recorded["sha256"] == sha256_of(Pages.page)
    assert recorded["link"]["url"] == f"{site}/reports/karvonia.html"
    assert recorded["link"]["encoding"] == "windows-1252"
    assert len(recorded["link"]["fetched"]) == len("YYYY-MM-DD")
    document = read_report(f"{site}/old", options)
    assert "“San José”" in document.text
    assert recorded["text_sha256"] == sha256_of(document.text.encode())
    assert results(verify_bundle(str(path)))["inputs"] == "not checked"
    (tmp_path / "saved.htm").write_bytes(Pages.page)
    for given in (str(tmp_path / "saved.htm"), f"{site}/other"):
        checks = verify_bundle(str(path), [given], options=options)
        # no bytes show the address, nor the day
        assert results(checks) == {**dict.fromkeys(STEPS, "ok"), "links": "not checked"}


# The commands


def test_the_commands_from_end_to_end(tmp_path: Path, other_model: Path) -> None:
    out = tmp_path / "figures.zip"
    options = ("--model", "fast", "--policy", "cite", "--threshold", "failure=0.4")
    done = run("bundle", SAMPLES, "-o", out, *options)
    assert done.exit_code == 0, done.output
    first, counted, last = done.stdout.splitlines()
    assert "passages of 4 reports: positive_effort" in first
    assert counted.startswith("Counts are of sentences")
    fingerprint = last.removeprefix("fingerprint ")
    assert len(fingerprint) == 64
    done = run("verify", out, SAMPLES)
    assert done.exit_code == 0, done.output
    assert fingerprint in done.stdout
    assert done.stdout.splitlines()[-1] == "12 ok   0 differs   0 not checked"
    assert run("verify", out, "--strict").exit_code == 1
    assert run("verify", out).exit_code == 0
    assert run("verify", out, SAMPLES, "--strict").exit_code == 0
    done = run("verify", out, "--model", other_model, "--format", "jsonl")
    assert done.exit_code == 1
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["check"] for row in rows if row["result"] == "differs"} == {"model", "scores"}
    assert all(set(row) == {"check", "result", "detail", "subject"} for row in rows)


def test_a_desk_is_checked_bundled_and_verified(tmp_path: Path, cli: Cli) -> None:
    folder = tmp_path / "desk"
    done = cli("score", SAMPLES, "--model", "fast", "-f", "html", "--output-dir", folder)
    assert done.returncode == 0
    session = Desk(folder, "AB")
    keys = [(row["report"], row["start"], row["end"]) for row in read_findings(folder)]
    first, second, third = list(read_findings(folder))[:3]
    corrected = sorted({"failure", "complicity"} ^ {*third["labels"]}) or ["complicity"]
    for row, right in ((first, first["labels"]), (second, []), (third, corrected)):
        place = row["report"], row["start"], row["end"]
        session.check(place, row["key"], right, None, None)
    (tmp_path / "saved.bib").write_text("@misc{a}\n", "utf-8")
    out = tmp_path / "figures.zip"
    options = ("--model", "fast", "--checks", folder, "--export", tmp_path / "saved.bib")
    done = run("bundle", SAMPLES, "-o", out, *options)
    assert done.exit_code == 0, done.output
    decided = "findings: 1 confirmed, 1 rejected, 1 corrected, 0 disputed"
    counts = f"{decided}, {len(keys) - 3} unchecked"
    assert counts in done.stdout
    done = run("verify", out, SAMPLES, tmp_path / "saved.bib")
    assert done.exit_code == 0, done.output
    assert "1 export given, byte for byte" in done.stdout
    assert done.stdout.splitlines()[-1] == "14 ok   0 differs   2 not checked"
    assert run("verify", out, SAMPLES, tmp_path / "saved.bib", "--strict").exit_code == 1


def test_standard_input_can_be_bundled_and_checked(tmp_path: Path) -> None:
    text = (SAMPLES / "excerpt.txt").read_bytes()
    done = run("bundle", "-", "-o", tmp_path / "b.zip", "--model", "fast", stdin=text)
    assert done.exit_code == 0
    done = run("verify", tmp_path / "b.zip", "-", "--strict", stdin=text)
    assert done.exit_code == 0, done.output


def test_names_from_a_bundle_cannot_steer_the_terminal(small: Path, tmp_path: Path) -> None:
    path = forged(tmp_path / "f.zip", small, set_value("manifest/inputs/0/title", "\x1b[2J\x07"))
    done = run("verify", path)
    assert done.exit_code == 1
    assert "\x1b" not in done.stdout
