"""``tipclassify corpus split``: split labelled passages into a training and a test file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tipclassify.cli import options
from tipclassify.cli.output import open_output, print_note
from tipclassify.errors import InputError
from tipclassify.formatting import json_line


def split(
    paths: options.Labelled,
    train: Annotated[Path, typer.Option("--train", metavar="FILE", help="Write the passages to train on (.jsonl).")],
    test: Annotated[Path, typer.Option("--test", metavar="FILE", help="Write the passages to test on (.jsonl).")],
    share: Annotated[float, typer.Option("--share", help="Part to test on, between 0 and 1.")] = 0.2,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Draws the groups.")] = 0,
) -> None:
    """Split labelled passages into two files, with no near duplicates across them.

    Groups (narratives, sets of near twins, equal texts) stay whole, and so do passages of nearly the same text; the
    share is approximated as far as they allow. The same seed gives the same files.
    """
    from tipclassify.corpus.curation import split_rows
    from tipclassify.corpus.loading import read_rows

    if train.absolute() == test.absolute():
        raise InputError(f"{train}: is named for both parts; give two files")
    parts = split_rows(read_rows(*paths), share, seed)
    with open_output(train) as first, open_output(test) as second:
        for out, rows in zip((first, second), parts, strict=True):
            out.writelines(json_line({**row, "labels": list(row["labels"])}) for row in rows)
    sizes = (f"{len(rows):,} passages to {file}" for rows, file in zip(parts, (train, test), strict=True))
    print_note(f"wrote {', '.join(sizes)}")
