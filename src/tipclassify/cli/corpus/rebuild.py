"""``tipclassify corpus rebuild``: rebuild the labelled passages of real reports from public files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from tipclassify.cli import options
from tipclassify.cli.output import print_notes, show_warnings, write_rows


def rebuild(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder with labels.csv and sources.json, such as data/real.")
    ],
    given: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FOLDER_OR_JSONL",
            help="Read source files in a folder, or rows with a 'text' field (.jsonl, .jsonl.gz); download nothing.",
        ),
    ] = None,
    allow_private: options.AllowPrivate = False,
) -> None:
    """Find the labelled passages of real reports in the public files that they are from; write FOLDER/passages.jsonl.

    labels.csv has the labels and the hash of each passage's words, sources.json the addresses of the files. Files that
    are not in the download cache are downloaded, one after another; the labels in data/real need some 1,600 files. An
    interrupted run continues where it stopped, and passages found before are not searched for again. Training on data/
    includes data/real/passages.jsonl.

    Prints how many passages of each kind of source were found, and which sources lack some. Downloads need the extra
    "links". Exits 1 when a file could not be downloaded or read, or nothing was found; what was found is still written.
    """
    from tipclassify.pipeline.real_labels import PASSAGES, rebuild
    from tipclassify.progress import progress_bar

    show_warnings()
    with progress_bar("files") as progress:
        found = rebuild(folder, given, allow_private=allow_private, progress=progress)
    print_notes(found.problems)
    if found.rows:
        write_rows(folder / PASSAGES, found.rows)
    there, missing = Counter(row["source"] for row in found.rows), Counter(one.family for one in found.missing)
    for family in sorted(there | missing):
        lacking = Counter(one.source for one in found.missing if one.family == family)
        named = ", ".join(source for source, _ in lacking.most_common(3)) + (", …" if len(lacking) > 3 else "")
        rest = f"; missing from {len(lacking):,} sources: {named}" if lacking else ""
        typer.echo(f"{family}: {there[family]:,} of {there[family] + missing[family]:,}{rest}")
    end = f"wrote {folder / PASSAGES}" if found.rows else "nothing is written"
    typer.echo(f"found {len(found.rows):,} of {len(found.rows) + len(found.missing):,} passages; {end}")
    if found.problems or not found.rows:
        raise typer.Exit(1)
