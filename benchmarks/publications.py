#!/usr/bin/env python3
"""Count how many publications and publishers are right, wrong and unknown.

    python benchmarks/publications.py FOLDER

The truth is in ``publications.csv``, or in ``--truth FILE``: patterns of files in FOLDER, each with
its publication and publisher, alternatives with " / " between them. Out: a Markdown table on
standard output, a row for each publisher, and each value that is wrong on standard error; with
``--list``, what each file says of itself. Exits 1 if more than one in sixty is wrong, since a wrong
name is worse than none.
"""

from __future__ import annotations

import csv
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from tipclassify.errors import InputError
from tipclassify.readers import read_report
from tipclassify.records import Document

_TRUTH: Final = Path(__file__).with_suffix(".csv")
_FIELDS: Final = ("publication", "publisher")
_VERDICTS: Final = ("right", "wrong", "unknown")
_MOST_WRONG: Final = 1 / 60


@dataclass(frozen=True, slots=True)
class Truth:
    """A file, and the names that its publication and its publisher may have."""

    path: Path
    publication: tuple[str, ...]
    publisher: tuple[str, ...]


def main(
    folder: Path,
    truth: Annotated[Path, typer.Option(help="Table of the true names.")] = _TRUTH,
    list_files: Annotated[
        bool, typer.Option("--list", help="Print what each file says of itself.")
    ] = False,
) -> None:
    """Print a table of right, wrong and unknown names by publisher."""
    warnings.simplefilter("ignore", UserWarning)  # of text that cannot be read
    counts: dict[str, Counter[tuple[str, str]]] = {}
    for expected in read_truth(truth, folder):
        try:
            document = read_report(expected.path)
        except InputError as error:
            typer.echo(str(error), err=True)
            continue
        of_publisher = counts.setdefault(expected.publisher[0], Counter())
        of_publisher["files", ""] += 1
        for field in _FIELDS:
            name = getattr(document, field)
            true_names = getattr(expected, field)
            verdict = judge(name, true_names)
            of_publisher[field, verdict] += 1
            if verdict == "wrong":
                typer.echo(f"{expected.path}: {field} {name!r}, not {true_names[0]!r}", err=True)
        if list_files:
            typer.echo(f"{expected.path.relative_to(folder)}: {described(document)}")
    total = sum(counts.values(), Counter[tuple[str, str]]())
    typer.echo("\n".join(table({**counts, "all": total})))
    wrong = max(total[field, "wrong"] for field in _FIELDS)
    sys.exit(wrong > _MOST_WRONG * total["files", ""])


def read_truth(file: Path, folder: Path) -> Iterator[Truth]:
    """Yield the files that the patterns of a table match, with their true names."""
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            names = {field: tuple(row[field].split(" / ")) for field in _FIELDS}
            for path in sorted(folder.glob(row["files"])):
                yield Truth(path, names["publication"], names["publisher"])


def judge(name: str | None, true_names: tuple[str, ...]) -> str:
    """Return whether a name is right, wrong or unknown; capitals do not count."""
    if name is None:
        return "unknown"
    return "right" if name.casefold() in {true.casefold() for true in true_names} else "wrong"


def described(document: Document) -> str:
    """Return the bibliographic fields of a document in one line."""
    names = ("title", "publication", "publisher", "country", "year", "date", "address")
    return " | ".join(str(getattr(document, name) or "–") for name in names)


def table(counts: dict[str, Counter[tuple[str, str]]]) -> Iterator[str]:
    """Yield the lines of the Markdown table."""
    columns = [(field, verdict) for field in _FIELDS for verdict in _VERDICTS]
    titles = " | ".join(f"{field} {verdict}" for field, verdict in columns)
    yield f"| publisher | files | {titles} |"
    yield "| --- |" + " ---: |" * (1 + len(columns))
    for name, count in counts.items():
        cells = " | ".join(str(count[column]) for column in columns)
        yield f"| {name} | {count['files', '']} | {cells} |"


if __name__ == "__main__":
    typer.run(main)
