"""Bundles made to harm whoever verifies them."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tipclassify import InputError
from tipclassify.bundle.verify import verify_bundle
from tipclassify.bundle.write import write_bundle
from tipclassify.tagging import Tagging


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of one short report."""
    folder = tmp_path_factory.mktemp("bundle")
    report = folder / "a.txt"
    report.write_text("Police arrested nine recruiters in Karvonia.\n", "utf-8")
    with (folder / "a.zip").open("wb") as out:
        write_bundle([str(report)], Tagging("fast"), out)
    return folder / "a.zip"


def changed(sound: Path, to: Path, member: str, change: Callable[[bytes], bytes]) -> Path:
    """A bundle with other content of one file."""
    with zipfile.ZipFile(sound) as old, zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, change(data) if name == member else data)
    return to


def refused(bundle: Path) -> str:
    """Return the one line by which a bundle is refused."""
    with pytest.raises(InputError) as caught:
        verify_bundle(str(bundle))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "number", ["1e999", "-1e999", "NaN", "9" * 4_000, "9" * 30, "[" * 3_000, '{"a":' * 120 + "1"]
)
@pytest.mark.parametrize("member", ["manifest.json", "passages.jsonl"])
def test_odd_numbers_and_depths_are_one_line(
    sound: Path, tmp_path: Path, number: str, member: str
) -> None:
    def change(data: bytes) -> bytes:
        if member == "passages.jsonl":
            row = json.loads(data)
            return data.replace(f'"end": {row["end"]}'.encode(), f'"end": {number}'.encode())
        return re.sub(rb'"characters": \d+', f'"characters": {number}'.encode(), data, count=1)

    bundle = changed(sound, tmp_path / "odd.zip", member, change)
    if member == "manifest.json":
        assert "not the manifest of a bundle" in refused(bundle)
    else:
        results = {check.check: check.result for check in verify_bundle(str(bundle))}
        assert results["passages"] == "differs"
