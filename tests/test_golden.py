"""Outputs of fixed reports are what they were: a change that moves one must say so.

``python tests/test_golden.py`` writes the hashes anew; name in the commit what differs, and why.
Reports that are not here are left out. Hashes are exact on every processor: `fast` adds integers,
and the last bit of its probabilities is not written.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tipclassify import Report, read_report, summarize, tag_report
from tipclassify.text.split import split_passages
from tipclassify.write import write_reports

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "reports"
HASHES = ROOT / "tests" / "files" / "golden.json"
FORMATS = ("jsonl", "csv", "txt", "md", "bib", "ris")
# written by this version, or found in it, without a change of what was read or tagged
VERSIONS = re.compile(r"tipclassify \d+\.\d+\.\d+\S*|model [0-9a-f]{12,64}")
NAMES = (
    "data/samples/karvonia-2023.html",
    "data/samples/karvonia-2024.html",
    "data/samples/excerpt.txt",
    "tests/files/one-column.pdf",
    "tests/files/two-columns.pdf",
    "tests/files/columns-with-notes.pdf",
    "tests/files/word-report.docx",
    "tests/files/sample.epub",
    "hrr-2016-qatar.html",
    "hrr-2023-vietnam.html",
    "pdf/Ghana.pdf",
    "pdf/Tuvalu.pdf",
    "un/Slovenia.pdf",
    "un/qatar2010.pdf",
    "years/hrr-2019-ghana.html",
    "years/hrr-2020-ghana.html",
)


def place(name: str) -> Path:
    """Return where a report lies."""
    return ROOT / name if name.startswith(("data/", "tests/")) else SHARED / name


def digest(text: str) -> str:
    """Hash a text, without what changes with each version."""
    return hashlib.sha256(VERSIONS.sub("", text).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read_as(name: str) -> str:
    """Say what is read of a report: its facts, text, blocks and passages."""
    document = read_report(place(name))
    passages = [split_passages(document, unit) for unit in ("sentence", "clause")]
    facts = (document.title, document.country, document.year, document.publication, document.date)
    return repr((facts, document.text, document.blocks, passages))


def tagged(name: str) -> Report:
    """Tag a report under a name that is the same everywhere."""
    document = replace(read_report(place(name)), source=Path(name).name)
    return tag_report(document, model="fast", day="2026-12-01")


def outputs(name: str) -> Iterator[tuple[str, str]]:
    """Yield the hash of each output of a report."""
    yield "read", digest(read_as(name))
    report = tagged(name)
    with TemporaryDirectory() as folder:
        for suffix in FORMATS:
            out = Path(folder, f"out.{suffix}")
            write_reports(report, out)
            yield suffix, digest(out.read_text("utf-8"))
    rows = list(summarize(report, by=["section"]).rows())
    yield "summary", digest(json.dumps([{**row, "model": ""} for row in rows]))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", NAMES)
def test_what_is_made_of_a_report_is_what_it_was(name: str) -> None:
    if not place(name).is_file():
        pytest.skip("this report is not here")
    assert dict(outputs(name)) == json.loads(HASHES.read_text("utf-8"))[name]


if __name__ == "__main__":
    known = json.loads(HASHES.read_text("utf-8")) if HASHES.is_file() else {}
    for name in NAMES:
        if place(name).is_file():
            print(name, file=sys.stderr)
            known[name] = dict(outputs(name))
    HASHES.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
