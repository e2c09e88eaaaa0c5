"""Bundles: their contents, detection and naming of every change, and harmless handling of
hostile ones."""

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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from tipclassify import LABELS, Classifier
from tipclassify.cli.bundle import bundle, verify
from tipclassify.errors import InputError, ModelError
from tipclassify.model.linear.model import write_linear_model
from tipclassify.model.loading import model_folder
from tipclassify.pipeline.batch import Tagging, tag_input
from tipclassify.pipeline.bundle import archive as archives
from tipclassify.pipeline.bundle.checking import Check, verify_bundle
from tipclassify.pipeline.bundle.checks import FindingCheck
from tipclassify.pipeline.bundle.manifest import dump
from tipclassify.pipeline.bundle.writing import Included, write_bundle
from tipclassify.readers import ReadOptions, read_report
from tipclassify.review.desk_session import DeskSession, read_findings_to_check

FAST = Tagging("fast")  # it rounds nowhere: what is a ten-thousandth off is found
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
)
STEPS += ("inputs", "text", "split")

app = typer.Typer()
app.command()(bundle)
app.command()(verify)


def run(*args: object, stdin: bytes = b"") -> Result:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return CliRunner().invoke(app, list(map(str, args)), input=stdin, catch_exceptions=False)


def made(
    path: Path,
    *files: object,
    tagging: Tagging = FAST,
    with_sources: bool = False,
    with_model: bool = False,
    checks: Sequence[FindingCheck] = (),
    exports: Sequence[Path] = (),
) -> Path:
    included = Included(with_sources, with_model, checks, exports)
    with open(path, "wb") as out:
        write_bundle(list(map(str, files)), tagging, out, included)
    return path


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of one short text, with its source."""
    return made(
        tmp_path_factory.mktemp("small") / "small.zip", SAMPLES / "excerpt.txt", with_sources=True
    )


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of all samples, without sources."""
    return made(tmp_path_factory.mktemp("bare") / "bare.zip", *sorted(SAMPLES.iterdir()))


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of one short text, with its source and its model."""
    path = tmp_path_factory.mktemp("full") / "full.zip"
    return made(path, SAMPLES / "excerpt.txt", with_sources=True, with_model=True)


@pytest.fixture(scope="session")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped fast model, but for its bias."""
    folder = tmp_path_factory.mktemp("models") / "other"
    shipped = Classifier.load("fast").model
    write_linear_model(replace(shipped, bias=shipped.bias + 3), folder)
    return folder


def content(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def dumped(value: Any, indent: int | None = None) -> bytes:
    """Serialize as bundles are, with infinity, which they never hold."""
    plain = json.loads(json.dumps(value), parse_constant=lambda _: 1e308)
    return dump(plain, indent).replace(b"1e+308", b"1e999")


def forged(
    path: Path,
    of: Path,
    change: Callable[[dict[str, Any], list[dict[str, Any]], dict[str, bytes]], object],
) -> Path:
    """A bundle changed by somebody who knows how to make the hashes fit: `change` gets manifest,
    passages and files."""
    files = content(of)
    manifest = json.loads(files.pop("manifest.json"))
    rows = [json.loads(line) for line in files["passages.jsonl"].splitlines()]
    del manifest["sha256"]
    change(manifest, rows, files)
    files["passages.jsonl"] = b"".join(map(dumped, rows))
    manifest["files"] = {
        n: {"sha256": hashlib.sha256(d).hexdigest(), "size": len(d)}
        for n, d in sorted(files.items())
    }
    manifest["sha256"] = hashlib.sha256(dumped(manifest, 1)).hexdigest()
    return packed(path, {**files, "manifest.json": dumped(manifest, 1)})


def results(checks: list[Check]) -> dict[str, str]:
    """The worst result of each step."""
    worst: dict[str, str] = {}
    for check in checks:
        if worst.get(check.check) != "differs":
            worst[check.check] = check.result
    return worst


def wrong(checks: list[Check]) -> dict[str, str]:
    """Differences by step, with their messages."""
    return {
        check.check: f"{check.subject}: {check.detail}"
        for check in checks
        if check.result == "differs"
    }


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
    manifest = json.loads(files["manifest.json"])
    rows = [json.loads(line) for line in files["passages.jsonl"].splitlines()]
    at = counted = 0
    for number, (path, recorded) in enumerate(
        zip(sorted(SAMPLES.iterdir()), manifest["inputs"], strict=True)
    ):
        (report,) = tag_input(str(path), FAST)
        assert report.document
        assert recorded["name"] == path.name
        assert recorded["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert recorded["text_sha256"] == hashlib.sha256(report.document.text.encode()).hexdigest()
        assert (recorded["country"], recorded["year"]) == (
            report.document.country,
            report.document.year,
        )
        assert recorded["figures"]["passages"] == len(report.passages)
        counted += recorded["figures"]["passages"]
        for passage, row in zip(report.passages, rows[at:], strict=False):
            assert row.pop("input") == number
            assert row["scores"] == dict(passage.scores)  # every bit
            assert {**row, "scores": None} == {**passage.to_dict(), "scores": None}
        at += len(report.passages)
    assert at == len(rows) == counted == manifest["figures"]["passages"]
    for label in LABELS:
        assert manifest["figures"]["labels"][label]["count"] == sum(
            label in row["labels"] for row in rows
        )
    for name, recorded in manifest["files"].items():
        assert recorded == {
            "sha256": hashlib.sha256(files[name]).hexdigest(),
            "size": len(files[name]),
        }
    model = json.loads((model_folder("fast") / "model.json").read_text("utf-8"))
    assert manifest["model"]["sha256"] == model["sha256"]
    assert manifest["model"]["weights_sha256"] == model["weights_sha256"]
    assert manifest["thresholds"] == dict(zip(LABELS, model["thresholds"]["balanced"], strict=True))


def test_its_figures_are_those_of_the_summary(bare: Path) -> None:
    from tipclassify.reporting.report import ScoringContext
    from tipclassify.reporting.summary import summarize

    reports = [
        report for path in sorted(SAMPLES.iterdir()) for report in tag_input(str(path), FAST)
    ]
    *each, total = summarize(reports, ScoringContext(Classifier.load("fast")), add_up=True).rows()
    manifest = json.loads(content(bare)["manifest.json"])
    for row, recorded in zip(
        [*each, total],
        [*(i["figures"] for i in manifest["inputs"]), manifest["figures"]],
        strict=True,
    ):
        assert (row["passages"], row["low_confidence"]) == (
            recorded["passages"],
            recorded["low_confidence"],
        )
        assert (row["none"], row["labels"]) == (recorded["none"], recorded["labels"])


def test_the_same_inputs_give_the_same_bytes(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(SAMPLES / "excerpt.txt", tmp_path / "excerpt.txt")
    monkeypatch.chdir(tmp_path)
    again = made(tmp_path / "again.zip", "excerpt.txt", with_sources=True)
    assert again.read_bytes() == small.read_bytes()
    with zipfile.ZipFile(again) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_it_names_nothing_of_the_machine_but_its_kind(tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    report = tmp_path / "private" / "caf\xe9.txt"
    # a warning, which has its name
    report.write_bytes(b"Police arrested nine traffickers in the caf\x8f. " * 3)
    for files in (
        content(made(tmp_path / "a.zip", report)),
        content(made(tmp_path / "b.zip", report, with_sources=True)),
    ):
        assert not any(
            b"private" in data or tmp_path.name.encode() in data for data in files.values()
        )
    assert json.loads(files["manifest.json"])["inputs"][0]["source"] == "sources/0000-caf-.txt"


def test_sources_and_model_are_in_it_when_asked_for(full: Path, small: Path) -> None:
    assert content(small)["sources/0000-excerpt.txt"] == (SAMPLES / "excerpt.txt").read_bytes()
    assert {"model/model.json", "model/weights.npz"} < set(content(full))
    checks = verify_bundle(str(full))
    assert results(checks) == dict.fromkeys(STEPS, "ok")


def test_policy_thresholds_unit_and_encoding_are_kept(tmp_path: Path) -> None:
    report = tmp_path / "r.txt"
    report.write_bytes(
        "The ministry should: (1) fund two shelters; (2) train judges in Bogot\xe1.".encode(
            "cp1252"
        )
    )
    how = Tagging("fast", "screen", (("failure", 0.5),), "clause", ReadOptions("cp1252"))
    path = made(tmp_path / "b.zip", report, tagging=how)
    manifest = json.loads(content(path)["manifest.json"])
    assert (manifest["policy"], manifest["unit"], manifest["encoding"]) == (
        "screen",
        "clause",
        "cp1252",
    )
    assert manifest["moved"] == {"failure": 0.5}
    assert manifest["thresholds"]["failure"] == 0.5
    assert manifest["figures"]["passages"] == 2
    assert results(verify_bundle(str(path), [str(report)])) == dict.fromkeys(STEPS, "ok")
    forge = forged(tmp_path / "f.zip", path, _set("manifest/unit", "sentence"))
    assert (
        "splits into 1 passage, not 2" in wrong(verify_bundle(str(forge), [str(report)]))["split"]
    )


def test_rows_that_came_ready_split_are_checked_too(tmp_path: Path) -> None:
    report = tmp_path / "rows.jsonl"
    texts = [
        "Police arrested nine traffickers.",
        "",
        "Courts convicted\u2028none.",
        "Half a \ud800 character.",
    ]
    report.write_text(
        "".join(json.dumps({"text": text, "section": "prosecution"}) + "\n\n" for text in texts),
        "utf-8",
    )
    path = made(tmp_path / "b.zip", report, with_sources=True)
    assert [
        json.loads(line)["text"] for line in content(path)["passages.jsonl"].splitlines()
    ] == texts
    assert results(verify_bundle(str(path))) == dict.fromkeys(STEPS, "ok")
    forge = forged(
        tmp_path / "f.zip", path, lambda _, rows, __: rows[1].update(section="protection")
    )
    assert set(wrong(verify_bundle(str(forge)))) == {"scores", "split"}


def test_a_book_of_narratives_splits_as_it_did(tmp_path: Path) -> None:
    book = Path(__file__).parents[1] / "files" / "book.pdf"  # its passages have countries
    path = made(tmp_path / "b.zip", book)
    assert results(verify_bundle(str(path), [str(book)])) == dict.fromkeys(STEPS, "ok")


def test_a_reference_that_speaks_of_arrests_has_no_label(tmp_path: Path) -> None:
    report = tmp_path / "rows.jsonl"
    rows = [
        {"text": "Police arrested nine traffickers.", "section": one}
        for one in ("prosecution", "References")
    ]
    report.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    path = made(tmp_path / "b.zip", report, with_sources=True)
    prose, reference = map(json.loads, content(path)["passages.jsonl"].splitlines())
    assert (prose["labels"], reference["labels"]) == (["positive_effort"], [])
    assert reference["scores"]["positive_effort"] > Classifier.load("fast").thresholds()[0]
    assert json.loads(content(path)["manifest.json"])["figures"]["passages"] == 2
    assert results(verify_bundle(str(path))) == dict.fromkeys(STEPS, "ok")
    forge = forged(tmp_path / "f.zip", path, _set("rows/1/labels", ["positive_effort"]))
    assert {"labels", "counts"} <= set(wrong(verify_bundle(str(forge))))


def test_an_input_that_cannot_be_read_means_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    out = tmp_path / "figures.zip"
    with pytest.raises(InputError) as caught:
        run(
            "bundle",
            tmp_path / "empty.txt",
            SAMPLES / "excerpt.txt",
            tmp_path / "none.txt",
            "-o",
            out,
            "--model",
            "fast",
        )
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
    said = next(check for check in checks if check.check == "inputs")
    assert said.subject == "excerpt.txt, karvonia-2023.html, karvonia-2024.html, karvonia-2024.txt"
    assert "name the files after the bundle" in said.detail


def test_inputs_are_known_by_their_bytes_not_their_names(bare: Path, tmp_path: Path) -> None:
    shutil.copy(SAMPLES / "karvonia-2023.html", tmp_path / "Report 1.bin")
    shutil.copy(SAMPLES / "karvonia-2024.txt", tmp_path / "b")
    (tmp_path / "unrelated.txt").write_text("Nothing of the kind.", "utf-8")
    checks = verify_bundle(str(bare), [str(tmp_path / "Report 1.bin"), str(tmp_path / "b")])
    assert not wrong(checks)
    assert {c.subject for c in checks if c.result == "not checked"} == {
        "excerpt.txt, karvonia-2024.html"
    }
    assert "2 of 4 inputs here" in next(check.detail for check in checks if check.check == "inputs")


def test_a_changed_input_is_named(bare: Path, tmp_path: Path) -> None:
    changed = tmp_path / "karvonia-2023.html"
    changed.write_bytes(
        (SAMPLES / "karvonia-2023.html").read_bytes().replace(b"nine", b"five", 1) + b" "
    )
    for given in (changed, tmp_path):  # by itself, or in a folder
        found = wrong(verify_bundle(str(bare), [str(given)]))
        assert set(found) == {"inputs"}
        assert (
            "karvonia-2023.html: has other bytes than karvonia-2023.html: SHA-256"
            in found["inputs"]
        )
    changed.rename(tmp_path / "other.html")
    found = wrong(verify_bundle(str(bare), [str(tmp_path / "other.html")]))
    assert "other.html: is none of the inputs" in found["inputs"]
    # further files in a folder do no harm
    assert not wrong(verify_bundle(str(bare), [str(tmp_path)]))


def test_another_model_gives_differences_that_are_named(small: Path, other_model: Path) -> None:
    found = wrong(verify_bundle(str(small), model=other_model))
    assert set(found) == {"model", "scores"}
    assert "given with --model; the scores in the bundle are of" in found["model"]
    assert "7 passages scored again: 7 differ, by up to 0." in found["scores"]
    assert "labels change on" in found["scores"]
    assert " +" in found["scores"]


def test_a_model_that_is_not_here_is_asked_for(tmp_path: Path, other_model: Path) -> None:
    how = Tagging(str(other_model))
    path = made(tmp_path / "b.zip", SAMPLES / "excerpt.txt", tagging=how, with_sources=True)
    checks = verify_bundle(str(path))
    assert not wrong(checks)
    assert {results(checks)[step] for step in ("model", "settings", "scores")} == {"not checked"}
    assert "give its folder with --model" in next(
        check.detail for check in checks if check.check == "model"
    )
    assert results(verify_bundle(str(path), model=other_model)) == dict.fromkeys(STEPS, "ok")
    inside = made(
        tmp_path / "m.zip", SAMPLES / "excerpt.txt", tagging=how, with_sources=True, with_model=True
    )
    checks = verify_bundle(str(inside))  # untrusted weights are not run
    assert {results(checks)[step] for step in ("model", "settings", "scores")} == {"not checked"}
    with zipfile.ZipFile(inside) as archive:
        archive.extractall(tmp_path, ["model/model.json", "model/weights.npz"])
    assert results(verify_bundle(str(inside), model=tmp_path / "model")) == dict.fromkeys(
        STEPS, "ok"
    )


def test_a_model_without_error_rates_gives_no_adjusted_counts(tmp_path: Path) -> None:
    shipped = Classifier.load("fast").model
    meta = {
        name: value for name, value in shipped.meta.items() if name not in ("error_table", "corpus")
    }
    write_linear_model(replace(shipped, meta=meta), tmp_path / "plain")
    how = Tagging(str(tmp_path / "plain"))
    path = made(
        tmp_path / "b.zip", SAMPLES / "excerpt.txt", tagging=how, with_sources=True, with_model=True
    )
    checks = verify_bundle(str(path), model=tmp_path / "plain")
    assert results(checks) == dict.fromkeys(STEPS, "ok")
    assert "tells no error rates" in next(
        check.detail for check in checks if check.check == "counts"
    )


def test_rounding_is_reported_and_counts_only_when_exactness_is_asked_for(
    small: Path, tmp_path: Path
) -> None:
    shipped = Classifier.load("fast").model
    write_linear_model(replace(shipped, bias=shipped.bias + 1e-9), tmp_path / "near")
    scores = [c for c in verify_bundle(str(small), model=tmp_path / "near") if c.check == "scores"]
    assert [(c.result, "differ by rounding, at most" in c.detail) for c in scores] == [("ok", True)]
    assert "scores" in wrong(verify_bundle(str(small), model=tmp_path / "near", exact=True))
    with pytest.raises(ModelError, match="no model there"):
        verify_bundle(str(small), model=tmp_path / "nothing")


def test_a_bundle_of_the_default_is_checked_with_the_default(tmp_path: Path) -> None:
    path = made(tmp_path / "b.zip", SAMPLES / "excerpt.txt", tagging=Tagging(), with_sources=True)
    manifest = json.loads(content(path)["manifest.json"])
    head = json.loads((model_folder(None) / "model.json").read_text("utf-8"))
    assert manifest["model"]["sha256"] == head["sha256"]
    assert manifest["model"]["weights_sha256"] == head["files"]["model.onnx"]
    checks = verify_bundle(str(path), exact=True)
    assert results(checks) == dict.fromkeys(STEPS, "ok")
    assert "equal to the last bit" in next(
        check.detail for check in checks if check.check == "scores"
    )
    # another processor rounds by less than 0.15
    for away, found in ((0.01, set()), (0.2, {"scores"})):
        forge = forged(
            tmp_path / "f.zip", path, _set("rows/0/scores/complicity", lambda p, by=away: p + by)
        )
        assert set(wrong(verify_bundle(str(forge)))) == found
    assert set(wrong(verify_bundle(str(path), model="fast"))) == {"model", "scores"}


def test_other_versions_are_reported(small: Path, tmp_path: Path) -> None:
    path = forged(
        tmp_path / "f.zip", small, lambda manifest, _, __: manifest["versions"].update(numpy="1.0")
    )
    checks = verify_bundle(str(path))
    assert not wrong(checks)
    assert "not '1.0' as the bundle says" in next(
        check.detail for check in checks if check.check == "versions"
    )


# Changes are found


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("README.txt", {"files"}),
        ("passages.jsonl", {"files", "scores", "split"}),
        ("sources/0000-excerpt.txt", {"files", "inputs"}),
        ("model/weights.npz", {"files"}),  # the shipped one has the same hash and is used instead
        ("manifest.json", {"manifest"}),
    ],
)
def test_one_changed_byte_is_found_and_the_file_named(
    full: Path, tmp_path: Path, name: str, steps: set[str]
) -> None:
    files = content(full)
    data = files[name]
    at = {"manifest.json": data.find(b"excerpt"), "passages.jsonl": data.find(b"Police")}.get(
        name, len(data) // 2
    )
    data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    checks = verify_bundle(str(packed(tmp_path / "c.zip", {**files, name: data})))
    assert set(wrong(checks)) == steps
    if name != "manifest.json":
        assert wrong(checks)["files"].startswith(f"{name}: changed: SHA-256 ")
    else:
        assert wrong(checks)["manifest"].startswith(
            "None: changed since it was made: its SHA-256 is "
        )


def test_a_damaged_file_is_named(small: Path, tmp_path: Path) -> None:
    data = bytearray(small.read_bytes())
    with zipfile.ZipFile(small) as archive:
        at = archive.getinfo("passages.jsonl").header_offset + 30 + len("passages.jsonl") + 100
    data[at] ^= 0x55
    (tmp_path / "d.zip").write_bytes(data)
    checks = verify_bundle(str(tmp_path / "d.zip"))
    found = wrong(checks)
    assert "passages.jsonl is damaged" in found["files"]
    assert "passages" in found
    assert {results(checks)[step] for step in ("labels", "counts", "scores", "split")} == {
        "not checked"
    }


def test_extra_and_missing_files_are_named(small: Path, tmp_path: Path) -> None:
    files = content(small)
    found = wrong(verify_bundle(str(packed(tmp_path / "e.zip", {**files, "notes.txt": b"x"}))))
    assert found == {"files": "notes.txt: is not in the manifest"}
    source = files.pop("sources/0000-excerpt.txt")
    found = wrong(verify_bundle(str(packed(tmp_path / "m.zip", files))))
    assert "sources/0000-excerpt.txt is missing" in found["files"]
    files |= {"sources/0000-excerpt.txt": source}
    del files["passages.jsonl"]
    assert set(wrong(verify_bundle(str(packed(tmp_path / "p.zip", files))))) == {
        "files",
        "passages",
    }


def _set(path: str, value: Any) -> Callable[..., None]:
    def change(manifest: dict[str, Any], rows: list[dict[str, Any]], _: dict[str, bytes]) -> None:
        *way, last = path.split("/")
        at: Any = {"manifest": manifest, "rows": rows}
        for step in way:
            at = at[int(step) if step.isdigit() else step]
        at[last] = value(at[last]) if callable(value) else value

    return change


def _drop(_: Any, rows: list[dict[str, Any]], __: Any) -> None:
    del rows[3]


def _reword(_: Any, rows: list[dict[str, Any]], __: Any) -> None:
    rows[0]["text"] = rows[0]["text"].replace("14", "41")


def _resource(_: Any, __: Any, files: dict[str, bytes]) -> None:
    files["sources/0000-excerpt.txt"] += b" "


def _resource_all(manifest: Any, _: Any, files: dict[str, bytes]) -> None:
    data = files["sources/0000-excerpt.txt"].replace(b"14 cases", b"41 cases")
    files["sources/0000-excerpt.txt"] = data
    manifest["inputs"][0] |= {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


@pytest.mark.parametrize(
    ("change", "steps"),
    [
        (_set("rows/0/scores/failure", lambda p: p - 1e-4), {"scores"}),
        (_set("rows/0/labels", ["complicity"]), {"labels", "counts"}),
        (_set("rows/6/low_confidence", lambda doubt: not doubt), {"counts", "scores"}),
        (_set("manifest/figures/labels/failure/count", lambda n: n + 1), {"counts"}),
        (_set("manifest/inputs/0/figures/none/share", 0.9), {"counts"}),
        (_set("manifest/figures/labels/failure/high", 99.0), {"counts"}),
        (_set("manifest/inputs/0/figures", {"labels": 3}), {"counts"}),
        (_set("manifest/figures/labels", [{"count": "\x1b[31m"}]), {"counts"}),
        (_set("manifest/error_rates/failure/fp", 0), {"counts", "settings"}),
        (
            _set("manifest/error_rates/failure", lambda rates: dict.fromkeys(rates, 0)),
            {"counts", "settings"},
        ),
        (_set("manifest/thresholds/failure", 0.95), {"labels", "settings"}),
        (_set("manifest/moved", {"failure": 0.95}), {"settings"}),
        (_set("manifest/policy", "cite"), {"settings"}),
        (_set("manifest/encoding", "utf-16"), {"text"}),
        (_set("manifest/model/weights_sha256", "0" * 64), {"model"}),
        (_set("manifest/inputs/0/title", "Another"), {"text"}),
        (_set("manifest/inputs/0/text_sha256", "0" * 64), {"text"}),
        (_set("manifest/inputs/0/kind", "html"), {"text"}),
        (_set("manifest/inputs/0/size", 3), {"text"}),
        (_set("rows/0/section", "protection"), {"scores", "split"}),  # the heading is evidence
        (_set("rows/0/block", 77), {"split"}),
        (_set("rows/6/start", lambda at: at + 1), {"passages"}),
        (_set("rows/6/input", 1), {"passages"}),
        (_drop, {"counts", "split"}),
        (_reword, {"scores", "split"}),
        (_resource, {"inputs"}),
        (_resource_all, {"text", "split"}),
    ],
)
def test_a_forgery_whose_hashes_fit_is_found(
    small: Path, tmp_path: Path, change: Callable[..., None], steps: set[str]
) -> None:
    found = wrong(verify_bundle(str(forged(tmp_path / "f.zip", small, change))))
    optional = {"scores"} if change is _reword else set()  # figures are stand-ins to the model
    assert steps - optional <= set(found) <= steps | optional


def test_one_byte_changed_anywhere_never_passes_unseen(small: Path, tmp_path: Path) -> None:
    """A changed byte may pass where every file is still what it was: in a time stamp, say."""
    data, files = small.read_bytes(), content(small)
    path = tmp_path / "c.zip"
    draw = random.Random(7)
    places = [
        *draw.sample(range(len(data)), 60),
        *range(len(data) - 60, len(data), 2),
        *range(0, 40, 3),
    ]
    passed = 0
    for at in places:
        path.write_bytes(data[:at] + bytes([data[at] ^ (1 << draw.randrange(8))]) + data[at + 1 :])
        try:
            checks = verify_bundle(str(path))
        except InputError:
            continue
        if not wrong(checks):
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
def checks() -> list[FindingCheck]:
    """One finding confirmed by AB and noted by CD, one rejected; one of another report."""
    (report,) = tag_input(str(SAMPLES / "excerpt.txt"), FAST)
    first, second, *_ = [passage for passage in report.passages if passage.labels]

    def check(passage: Any, annotator: str, verdict: str, note: str = "") -> FindingCheck:
        place = passage.start, passage.end, passage.labels
        time = "2026-11-30T09:00:00.000Z"
        key = f"key-{passage.start}"
        return FindingCheck(key, passage.text, *place, annotator, verdict, note, time)

    elsewhere = replace(first, text="Another report says this.", start=3)
    return [
        check(first, "AB", "confirmed"),
        check(first, "CD", "", "Ask the ministry"),
        check(second, "CD", "rejected"),
        check(elsewhere, "CD", "rejected"),
    ]


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory, checks: list[FindingCheck]) -> Path:
    """A bundle of one short text with checks and an exported file."""
    folder = tmp_path_factory.mktemp("checked")
    (folder / "findings.csv").write_text("title,quote\nKarvonia,Police acted\n", "utf-8")
    return made(
        folder / "checked.zip",
        SAMPLES / "excerpt.txt",
        with_sources=True,
        checks=checks,
        exports=[folder / "findings.csv"],
    )


def test_checks_are_in_a_bundle_with_initials_and_time(checked: Path) -> None:
    files = content(checked)
    rows = [json.loads(line) for line in files["checks.jsonl"].splitlines()]
    said = [(row["annotator"], row["verdict"], row["note"], row["time"][:10]) for row in rows]
    assert said == [
        ("AB", "confirmed", "", "2026-11-30"),
        ("CD", "", "Ask the ministry", "2026-11-30"),
        ("CD", "rejected", "", "2026-11-30"),
    ]
    passages = [json.loads(line) for line in files["passages.jsonl"].splitlines()]
    assert all(passages[row["line"] - 1]["labels"] == row["labels"] for row in rows)
    unchecked = sum(bool(passage["labels"]) for passage in passages) - 2
    assert json.loads(files["manifest.json"])["checks"] == {
        "confirmed": 1, "rejected": 1, "disputed": 0, "unchecked": unchecked, "noted": 1, "people": 2
    }  # fmt: skip
    found = results(verify_bundle(str(checked)))
    assert found == dict.fromkeys((*STEPS, "checks", "exports"), "ok")


@pytest.mark.parametrize("name", ["checks.jsonl", "exports/findings.csv"])
def test_one_changed_byte_of_a_check_or_an_export_is_found_and_named(
    checked: Path, tmp_path: Path, name: str
) -> None:
    files = content(checked)
    at = files[name].index(b"c")
    files[name] = files[name][:at] + b"C" + files[name][at + 1 :]
    found = wrong(verify_bundle(str(packed(tmp_path / "c.zip", files))))
    assert found["files"].startswith(f"{name}: changed: SHA-256 ")


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
    def change(_: Any, __: Any, files: dict[str, bytes]) -> None:
        assert before in files["checks.jsonl"]
        files["checks.jsonl"] = files["checks.jsonl"].replace(before, after)

    found = verify_bundle(str(forged(tmp_path / "f.zip", checked, change)))
    details = [check.detail for check in found if check.result == "differs"]
    assert {check.check for check in found if check.result == "differs"} == {"checks"}
    assert any(message in detail for detail in details)


def test_a_published_file_is_compared_with_the_export(checked: Path, tmp_path: Path) -> None:
    published = tmp_path / "findings.csv"
    published.write_bytes(content(checked)["exports/findings.csv"])
    found = verify_bundle(str(checked), [str(published)])
    assert not wrong(found)
    assert "1 of them given" in next(c.detail for c in found if c.check == "exports")
    published.write_bytes(published.read_bytes().replace(b"acted", b"slept"))
    found_wrong = wrong(verify_bundle(str(checked), [str(published)]))
    assert set(found_wrong) == {"exports"}
    assert "findings.csv: has other bytes than that export" in found_wrong["exports"]


def test_a_check_of_other_labels_is_refused(tmp_path: Path, checks: list[FindingCheck]) -> None:
    other = [replace(checks[0], labels=("complicity", "failure"))]
    with pytest.raises(InputError, match=r"AB checked complicity and failure of “.*give the model"):
        made(tmp_path / "b.zip", SAMPLES / "excerpt.txt", checks=other)


# Hostile bundles


def _refused(path: Path) -> str:
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
    message = _refused(packed(tmp_path / "h.zip", {**content(small), name: b"x"}))
    assert "a name that could be written outside of a folder; do not unpack it" in message
    assert not (tmp_path.parent / "evil.txt").exists()


def test_links_and_names_given_twice_are_refused(small: Path, tmp_path: Path) -> None:
    path = packed(tmp_path / "h.zip", content(small))
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("sources/link")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert "a folder, link or device and no file" in _refused(path)
    for twice in ("manifest.json", "Manifest.JSON"):
        path = packed(tmp_path / "t.zip", content(small))
        with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
            warnings.simplefilter("ignore")
            archive.writestr(twice, b"{}")
        assert "twice, so that it can be read in two ways" in _refused(path)


def test_bombs_are_refused_before_they_are_unpacked(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path / "h.zip", {**content(small), "sources/0001-bomb": b"\0" * 2_000_000})
    with monkeypatch.context() as patch:
        patch.setattr(archives, "_LARGEST_FILE", 1_000_000)
        assert "more than a bundle may hold" in _refused(path)
    monkeypatch.setattr(archives, "_LARGEST", 1_000_000)
    assert "more than a bundle may hold" in _refused(path)
    with pytest.raises(InputError, match="make several"):
        made(tmp_path / "large.zip", *[SAMPLES / "karvonia-2024.html"] * 40, with_sources=True)


def test_a_size_that_the_directory_belies_is_found(small: Path, tmp_path: Path) -> None:
    """An entry that unpacks to more than it says is read only as far as it says, and does not
    have its checksum."""
    path = packed(tmp_path / "h.zip", {**content(small), "README.txt": b"\0" * 3_000_000})
    data = bytearray(path.read_bytes())
    for at in (i for i in range(len(data) - 4) if data[i : i + 4] == struct.pack("<I", 3_000_000)):
        data[at : at + 4] = struct.pack("<I", 1_510)
    path.write_bytes(data)
    assert "README.txt is damaged" in wrong(verify_bundle(str(path)))["files"]


def test_a_directory_of_too_many_files_is_refused_before_it_is_read(
    small: Path, tmp_path: Path
) -> None:
    data = small.read_bytes()
    path = tmp_path / "h.zip"
    path.write_bytes(data[:-14] + struct.pack("<HH", 60_000, 60_000) + data[-10:])
    assert "as no bundle is" in _refused(path)
    path.write_bytes(data[:-10] + struct.pack("<I", 1 << 30) + data[-6:])
    assert "as no bundle is" in _refused(path)
    path.write_bytes(data[:-22] + b"PK\x06\x07" + bytes(16) + data[-22:])
    assert "as no bundle is" in _refused(path)


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe{}",
        b'{"bundle": NaN}',
        b'{"bundle": 1}',
        b'{"bundle": 99}',
        b'{"a":' * 100_000,
        b'{"bundle": 1, "inputs": ' + b"9" * 10_000 + b"}",
    ],
)
def test_what_is_no_manifest_is_refused(small: Path, tmp_path: Path, manifest: bytes) -> None:
    message = _refused(packed(tmp_path / "h.zip", {**content(small), "manifest.json": manifest}))
    assert "install a newer tipclassify" in message or "get the bundle anew" in message


@pytest.mark.parametrize(
    "change",
    [
        _set("manifest/inputs", {}),
        _set("manifest/inputs/0/name", None),
        _set("manifest/inputs/0/figures", 3),
        _set("manifest/inputs/0/source", "sources/none"),
        _set("manifest/inputs/0/sha256", "../../x"),
        _set("manifest/policy", "\x1b[31mred"),
        _set("manifest/unit", "word"),
        _set("manifest/thresholds", {}),
        _set("manifest/thresholds/failure", 1e999),
        _set("manifest/error_rates/failure/tp", -1),
        _set("manifest/extra", 1),
        _set("manifest/bundle", True),
    ],
)
def test_a_manifest_of_other_values_is_refused(
    small: Path, tmp_path: Path, change: Callable[..., None]
) -> None:
    message = _refused(forged(tmp_path / "h.zip", small, change))
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
    found = wrong(verify_bundle(str(packed(tmp_path / "h.zip", files))))
    assert found["passages"].startswith("None: line 8: ")
    assert found["passages"].isprintable()


def test_a_model_in_a_bundle_is_never_run(tmp_path: Path, full: Path) -> None:
    def change(manifest: dict[str, Any], _: Any, files: dict[str, bytes]) -> None:
        head = json.loads(files["model/model.json"])
        head["weights_sha256"] = hashlib.sha256(b"PK").hexdigest()
        del head["sha256"]
        head["sha256"] = hashlib.sha256(json.dumps(head, sort_keys=True).encode()).hexdigest()
        files |= {"model/model.json": json.dumps(head).encode(), "model/weights.npz": b"PK"}
        manifest["model"] |= {"sha256": head["sha256"], "weights_sha256": head["weights_sha256"]}

    checks = verify_bundle(str(forged(tmp_path / "f.zip", full, change)))
    assert {results(checks)[step] for step in ("model", "settings", "scores")} == {"not checked"}


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert "no such file" in _refused(tmp_path / "none.zip")
    assert "not a file" in _refused(tmp_path)
    (tmp_path / "text.zip").write_bytes(b"Police arrested nine traffickers." * 9)
    assert "not a bundle" in _refused(tmp_path / "text.zip")


# Links


class _Pages(BaseHTTPRequestHandler):
    page = "<!doctype html><title>Karvonia</title><p>Police arrested nine traffickers in “San José”.</p>".encode(
        "cp1252"
    )

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
    pytest.importorskip("httpx")
    monkeypatch.setenv("TIPCLASSIFY_CACHE", str(tmp_path / "cache"))
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_link_is_bundled_as_it_was_found(site: str, tmp_path: Path) -> None:
    options = ReadOptions(allow_private=True)
    path = made(tmp_path / "b.zip", f"{site}/old", tagging=Tagging("fast", read=options))
    (recorded,) = json.loads(content(path)["manifest.json"])["inputs"]
    assert recorded["name"] == f"{site}/old"
    assert recorded["sha256"] == hashlib.sha256(_Pages.page).hexdigest()
    assert recorded["link"]["url"] == f"{site}/reports/karvonia.html"
    assert recorded["link"]["encoding"] == "windows-1252"
    assert len(recorded["link"]["fetched"]) == len("YYYY-MM-DD")
    document = read_report(f"{site}/old", options)
    assert "“San José”" in document.text
    assert recorded["text_sha256"] == hashlib.sha256(document.text.encode()).hexdigest()
    assert results(verify_bundle(str(path)))["inputs"] == "not checked"
    (tmp_path / "saved.htm").write_bytes(_Pages.page)
    for given in (str(tmp_path / "saved.htm"), f"{site}/other"):
        assert results(verify_bundle(str(path), [given], options=options)) == dict.fromkeys(
            STEPS, "ok"
        )


# The commands


def test_the_commands_from_end_to_end(tmp_path: Path, other_model: Path) -> None:
    out = tmp_path / "figures.zip"
    done = run(
        "bundle",
        SAMPLES,
        "-o",
        out,
        "--model",
        "fast",
        "--policy",
        "cite",
        "--threshold",
        "failure=0.4",
    )
    assert done.exit_code == 0, done.output
    first, second = done.stdout.splitlines()
    assert "passages of 4 reports: positive_effort" in first
    fingerprint = second.removeprefix("fingerprint ")
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


def test_a_desk_is_checked_bundled_and_verified(tmp_path: Path, cli: Callable[..., Any]) -> None:
    folder = tmp_path / "desk"
    done = cli("score", SAMPLES, "--model", "fast", "-f", "html", "--output-dir", folder)
    assert done.returncode == 0
    session = DeskSession(folder, "AB")
    keys = [*read_findings_to_check(folder, print)]
    session.check(keys[0], True)
    session.check(keys[1], False)
    (tmp_path / "saved.bib").write_text("@misc{a}\n", "utf-8")
    out = tmp_path / "figures.zip"
    asked = ("--model", "fast", "--checks", folder, "--export", tmp_path / "saved.bib")
    done = run("bundle", SAMPLES, "-o", out, *asked)
    assert done.exit_code == 0, done.output
    assert (
        f"findings: 1 confirmed, 1 rejected, 0 disputed, {len(keys) - 2} unchecked" in done.stdout
    )
    done = run("verify", out, SAMPLES, tmp_path / "saved.bib", "--strict")
    assert done.exit_code == 0, done.output
    assert "checks" in done.stdout
    assert "1 export in the bundle; 1 of them given, byte for byte" in done.stdout


def test_standard_input_can_be_bundled_and_checked(tmp_path: Path) -> None:
    text = (SAMPLES / "excerpt.txt").read_bytes()
    assert (
        run("bundle", "-", "-o", tmp_path / "b.zip", "--model", "fast", stdin=text).exit_code == 0
    )
    done = run("verify", tmp_path / "b.zip", "-", "--strict", stdin=text)
    assert done.exit_code == 0, done.output


def test_the_help_says_why_sources_are_left_out() -> None:
    done = run("bundle", "--help")
    assert "if you may share them" in " ".join(done.stdout.replace("│", " ").split())


def test_names_from_a_bundle_cannot_steer_the_terminal(small: Path, tmp_path: Path) -> None:
    path = forged(tmp_path / "f.zip", small, _set("manifest/inputs/0/title", "\x1b[2J\x07"))
    done = run("verify", path)
    assert done.exit_code == 1
    assert "\x1b" not in done.stdout
