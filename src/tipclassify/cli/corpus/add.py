"""``tipclassify corpus add``: add labelled passages to a corpus file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tipclassify.cli.output import open_output, print_notes
from tipclassify.errors import InputError
from tipclassify.formatting import json_line


def add(
    new: Annotated[
        list[Path], typer.Argument(metavar="NEW...", help="Labelled passages: .jsonl, .csv, .parquet, or a folder.")
    ],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="Corpus to add them to (.jsonl); made if absent.")],
) -> None:
    """Add labelled passages to a corpus file, checked as training would check them.

    Rows without an id get one. A text that is in the file already with the same labels is left out and listed; if its
    labels differ, nothing is added until you resolve that. Near duplicates are added, and listed for you to look at.
    The existing content stays byte for byte; either all rows are added or none.
    """
    from tipclassify.corpus.curation import add_rows
    from tipclassify.corpus.loading import read_rows

    if to.suffix.lower() != ".jsonl":
        raise InputError(
            f"{to}: rows are added to .jsonl only; convert it with 'tipclassify corpus convert --to jsonl'"
        )
    before = to.read_bytes() if to.exists() else b""
    there = read_rows(to) if before.strip() else []
    added = add_rows(there, read_rows(*new))
    same = ((name, "" if name == other else f" as {other}") for name, other in added.repeated)
    print_notes([f"{name}: the same passage is there{other}; left out" for name, other in same])
    print_notes([f"{name}: the id is taken by another text; added as {given}" for name, given in added.renamed])
    print_notes(
        [
            f"{pair.id}: nearly the text of {pair.other} ({pair.similarity:.2f}); "
            f"labels {', '.join(pair.labels) or 'none'}, there {', '.join(pair.other_labels) or 'none'}"
            for pair in added.near
        ]
    )
    if added.rows:
        with open_output(to, binary=True) as out:
            out.write(before + b"\n" if before and not before.endswith(b"\n") else before)
            for row in added.rows:
                first = {"id": row["id"], "text": row["text"], "labels": list(row["labels"])}
                out.write(json_line(first | {name: row[name] for name in row if name not in first}).encode())
    typer.echo(f"added {len(added.rows):,} passages to {to}, which now has {len(there) + len(added.rows):,}")
