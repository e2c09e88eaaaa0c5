"""Many inputs, one after the other or by several processes, in the order given and with the same results.

A report that cannot be read raises when its turn comes and the rest go on. Reports flow through one at a time: memory does
not grow with their number.
"""

from __future__ import annotations

import glob
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tipclassify.classifier import Classifier
from tipclassify.document import Passage
from tipclassify.errors import InputError
from tipclassify.readers import ReadOptions, is_link, is_report, read_report
from tipclassify.readers.rows import read_text_rows
from tipclassify.writers import TaggedReport

if TYPE_CHECKING:
    from tipclassify.segment import Unit

__all__ = ["Tagging", "expand_inputs", "tag_input", "tag_inputs"]

_ROWS: Final = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Tagging:
    """How inputs are read, split and tagged.

    Attributes
    ----------
    model : path or None
        Folder of the model; None is the shipped one. Worker processes load it themselves.
    thresholds : tuple of (label, probability)
        In place of the policy's.
    """

    model: str | None = None
    policy: str = "balanced"
    thresholds: tuple[tuple[str, float], ...] = ()
    unit: Unit = "sentence"
    read: ReadOptions = field(default_factory=ReadOptions)

    def classifier(self) -> Classifier:
        """The classifier that tags.

        Raises
        ------
        ModelError
            When the model cannot be used.
        """
        return _classifier(self.model, self.thresholds)


@cache  # a process tags many inputs
def _classifier(model: str | None, thresholds: tuple[tuple[str, float], ...]) -> Classifier:
    return Classifier.load(model).with_thresholds(dict(thresholds))


def expand_inputs(names: Sequence[str]) -> list[str]:
    """Files and links that `names` stand for, each once, in a fixed order.

    A folder stands for the files in it, at any depth, whose suffix a reader knows (hidden ones left out); a pattern with
    ``*``, ``?`` or ``[`` for the files it matches; ``@list.txt`` for the names in that file, one a line. ``-`` is
    standard input. A name that stands for nothing stays, so that reading it tells what is wrong.

    Raises
    ------
    InputError
        When a list cannot be read, or a folder or pattern holds no report.
    """
    found: dict[str, None] = {}
    for name in names:
        found.update(dict.fromkeys(_expanded(name)))
    return list(found)


def _expanded(name: str) -> list[str]:
    if name == "-" or is_link(name):
        return [name]
    if name.startswith("@") and not os.path.exists(name):
        return _listed(name[1:])
    if os.path.isdir(name):
        files = [
            str(path)
            for path in sorted(Path(name).rglob("*"))
            if ((path.suffix and is_report(path.name)) or path.suffix.lower() in _ROWS)
            and not any(part.startswith(".") for part in path.relative_to(name).parts)
            and path.is_file()
        ]
        if not files:
            raise InputError(f"{name}: no report in this folder; it needs .html, .pdf, .docx, .txt or the like")
        return files
    if any(mark in name for mark in "*?[") and not os.path.exists(name):
        files = sorted(path for path in glob.glob(name, recursive=True) if os.path.isfile(path))
        if not files:
            raise InputError(f"{name}: matches no file; check the pattern")
        return files
    return [name]


def _listed(name: str) -> list[str]:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "not UTF-8"
        raise InputError(f"@{name}: {what}; give a text file with one path or link a line") from None
    lines = (line.strip() for line in text.splitlines())
    return [one for line in lines if line and not line.startswith("#") for one in _expanded(line)]


def tag_inputs(files: Sequence[str], tagging: Tagging, jobs: int = 1) -> Iterator[tuple[str, Iterator[TaggedReport]]]:
    """Each input with its tagged reports, in the order of `files`, by `jobs` processes.

    An input is one report, or several, one a batch of rows, where it holds ready split rows. Use up the reports of one
    input before the next is asked for; `InputError` comes out of them where an input cannot be read.
    """
    if jobs == 1 or len(files) < 2:
        for file in files:
            yield file, tag_input(file, tagging)
        return
    from joblib import Parallel, delayed

    workers = Parallel(n_jobs=jobs, return_as="generator", pre_dispatch="2*n_jobs", batch_size=1)
    results = workers(delayed(_all_of)(file, tagging) for file in files)
    for file, result in zip(files, results, strict=True):
        yield file, _given(result)


def _all_of(file: str, tagging: Tagging) -> list[TaggedReport] | InputError:
    try:
        return list(tag_input(file, tagging))
    except InputError as error:
        return InputError(str(error))


def _given(result: list[TaggedReport] | InputError) -> Iterator[TaggedReport]:
    if isinstance(result, InputError):
        raise result
    yield from result


def tag_input(file: str, tagging: Tagging) -> Iterator[TaggedReport]:
    """The report in one input; several, one a batch of rows, for ready split rows (``.jsonl``).

    Raises
    ------
    InputError
        When the input cannot be read.
    """
    classifier = tagging.classifier()
    if Path(file).suffix.lower() in _ROWS and not is_link(file):
        for rows in read_text_rows(file):
            split = [Passage(row["text"], 0, len(row["text"]), row.get("section")) for row in rows]
            yield TaggedReport(file, None, classifier.tag_passages(split, tagging.policy), rows)
        return
    with warnings.catch_warnings(record=True) as doubts:
        warnings.simplefilter("always", UserWarning)
        document = read_report(file, tagging.read)
    passages = classifier.tag(document, tagging.policy, tagging.unit)
    notes = tuple(str(doubt.message) for doubt in doubts if doubt.category is UserWarning)
    yield TaggedReport(file, document, passages, notes=notes)
