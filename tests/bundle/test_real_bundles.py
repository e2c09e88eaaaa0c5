"""Bundles of real reports verify to the last bit, and with any byte altered they do not."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from conftest import Cli

GENRES = "real/pages/genres/rochelleterman+uprs/v.1/Data/raw-data/txts"
REPORTS = {
    "page": "reports/hrr-2016-qatar.html",
    "Labor PDF": "reports/pdf/Belize.pdf",
    "UN PDF": "reports/un/qatar2010.pdf",
    "plain text": f"{GENRES}/gabon2012.txt",
    "folder": "reports/years",
}


def altered(bundle: Path, name: str, target: Path) -> Path:
    """Copy a bundle with another byte in the middle of one of its files."""
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(target, "w") as new:
        for member in old.namelist():
            data = bytearray(old.read(member))
            if member == name:
                data[len(data) // 2] ^= 1
            new.writestr(member, bytes(data))
    return target


def make_bundle(report: Path, model: str, cli: Cli, folder: Path) -> Path:
    """Pack a report with its file and its findings as published."""
    findings = folder / "findings.csv"
    bundle = folder / "bundle.zip"
    assert cli("score", report, "--model", model, "-o", findings).returncode == 0
    packed = ("--with-sources", "--export", findings, "-o", bundle)
    assert cli("bundle", report, "--model", model, *packed).returncode == 0
    return bundle


@pytest.mark.slow
@pytest.mark.parametrize("model", ["fast", "default"])
@pytest.mark.parametrize("kind", REPORTS)
def test_a_bundle_of_real_reports_verifies_to_the_last_bit(
    kind: str, model: str, real: Path, cli: Cli, tmp_path: Path
) -> None:
    report = real / REPORTS[kind]
    done = cli("verify", make_bundle(report, model, cli, tmp_path), report, "--strict")
    assert done.returncode == 0, done.stdout.decode()
    assert b"equal to the last bit" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("kind", REPORTS)
def test_with_any_file_altered_it_does_not(kind: str, real: Path, cli: Cli, tmp_path: Path) -> None:
    bundle = make_bundle(real / REPORTS[kind], "fast", cli, tmp_path)
    with zipfile.ZipFile(bundle) as archive:
        names = archive.namelist()
    assert {"README.txt", "manifest.json", "passages.jsonl", "exports/findings.csv"} < set(names)
    of_reports = [name for name in names if name.startswith("sources/")]
    for name in {*names} - {*of_reports[1:]}:  # of a folder, one report
        other = altered(bundle, name, tmp_path / "altered.zip")
        assert cli("verify", other).returncode == 1, name
