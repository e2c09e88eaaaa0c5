"""Bundles made to harm whoever verifies them."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tipclassify import InputError
from tipclassify.bundle import archive
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


def test_a_bomb_is_refused_before_it_is_read(sound: Path, tmp_path: Path) -> None:
    bomb = changed(sound, tmp_path / "bomb.zip", "passages.jsonl", lambda data: data * 200_000)
    assert bomb.stat().st_size < 1_000_000
    assert "unpacks to over 200 times its size" in refused(bomb)


def test_the_passages_of_one_input_are_bounded_when_written_and_when_read(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (archive, __import__("tipclassify.bundle.replay", fromlist=["x"])):
        monkeypatch.setattr(module, "LARGEST_INPUT", 300)
    twice = changed(sound, tmp_path / "twice.zip", "passages.jsonl", lambda data: data * 2)
    passages = next(check for check in verify_bundle(str(twice)) if check.check == "passages")
    assert passages.result == "differs"
    assert "have over 0.0003 MB" in passages.detail
    monkeypatch.setattr("tipclassify.bundle.write.LARGEST_INPUT", 300)
    report = tmp_path / "b.txt"
    report.write_text("Police arrested nine recruiters in Karvonia. " * 9, "utf-8")
    with (
        pytest.raises(InputError, match="its passages have over"),
        (tmp_path / "b.zip").open("wb") as out,
    ):
        write_bundle([str(report)], Tagging("fast"), out)


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
