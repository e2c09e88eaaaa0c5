"""``tipclassify corpus convert``, ``add`` and ``split``: write files of labelled passages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from typer import Argument, Option

from tipclassify.cli import options
from tipclassify.cli.output import (
    check_output,
    file_ids_of_arguments,
    open_output,
    print_line,
    print_note,
    print_notes,
)
from tipclassify.corpus.loading import Row, read_rows
from tipclassify.errors import CorpusError, UsageError
from tipclassify.formatting import json_line
from tipclassify.whole_files import lock_folder

if TYPE_CHECKING:
    from tipclassify.corpus.curation import Addition

FormatName = Literal["jsonl", "csv", "parquet", "doccano", "label-studio", "prodigy"]


def convert(
    source: Annotated[
        Path, Argument(metavar="IN", help="Labelled passages, or rows of 'score' or 'queue'.")
    ],
    to: Annotated[
        FormatName,
        Option("--to", metavar="FORMAT", help=f"One of {', '.join(get_args(FormatName))}."),
    ],
    output: options.NewFile,
    read_as: Annotated[
        FormatName | None, Option("--from", metavar="FORMAT", help="Of IN; else detected.")
    ] = None,
    labelled: Annotated[
        bool, Option("--labelled", help="Leave out passages that nobody has labelled.")
    ] = False,
) -> None:
    """Convert labelled passages to and from doccano, Label Studio, Prodigy, CSV and Parquet.

    jsonl is the format that training reads. Predictions (rows of 'tipclassify score -f jsonl' and
    'corpus queue') become pre-annotations with their probabilities where the tool takes them.
    Fields that a format cannot hold are listed on standard error, a line each. Passages that nobody
    has labelled stay so, and training refuses them; so do tasks that an annotator skipped, rejected
    or ignored.

    Where no label may also mean that nobody looked, a passage to which none applies has the label
    "none": in doccano; set it up there beside the other three.
    """
    from tipclassify.corpus.formats import FORMATS, read_records

    records = [
        record
        for record in read_records(source, read_as)
        if record.labels is not None or not labelled
    ]
    if not records:
        raise CorpusError(
            [f"{source}: no passage is labelled yet; label some, or leave out --labelled"]
        )
    with open_output(output, binary=True, inputs=file_ids_of_arguments([source])) as stream:
        lost = FORMATS[to].write(records, stream)
    print_notes(lost)
    unlabelled = sum(record.labels is None for record in records)
    print_note(f"wrote {len(records):,} passages to {output}, {unlabelled:,} of them not labelled")


def add(
    new: Annotated[list[Path], Argument(metavar="NEW...", help=options.LABELLED_HELP)],
    to: Annotated[
        Path, Option("--to", metavar="FILE", help="Corpus to add them to (.jsonl); made if absent.")
    ],
    text_column: options.TextColumn = "text",
    label_column: options.LabelColumn = "labels",
) -> None:
    """Add labelled passages to a corpus file, checked as training would check them.

    Rows without an id get one. A text that is in the file already, under the same heading and with
    the same labels, is left out and listed; if its labels differ, nothing is added until you
    resolve that. Near duplicates are added, and listed for you to look at. The existing content
    stays byte for byte; either all rows are added or none.
    """
    from tipclassify.corpus.curation import add_rows

    if to.suffix.lower() != ".jsonl":
        raise UsageError(
            f"{to}: rows are added to .jsonl only; "
            "'tipclassify corpus convert --to jsonl' makes one"
        )
    with lock_folder(to.parent):  # what another process adds at the same time would be lost
        before = to.read_bytes() if to.exists() else b""
        there = read_rows(to) if before.strip() else []
        added = add_rows(
            there, read_rows(*new, columns=options.columns_from_options(text_column, label_column))
        )
        _print_added_rows(added)
        if added.rows:
            _write_added_rows(to, before, added.rows)
    total = len(there) + len(added.rows)
    print_line(f"added {len(added.rows):,} passages to {to}, which now has {total:,}")


def _print_added_rows(added: Addition) -> None:
    """Note which rows are left out, renamed, or nearly there already."""
    repeated = []
    for name, earlier in added.repeated:
        known_as = "" if name == earlier else f" as {earlier}"
        repeated.append(f"{name}: the same passage is there{known_as}; left out")
    print_notes(repeated)
    renamed = [
        f"{name}: the id is taken by another text; added as {given}"
        for name, given in added.renamed
    ]
    print_notes(renamed)
    near = []
    for row, other, similarity in added.near:
        here = ", ".join(row["labels"]) or "none"
        there = ", ".join(other["labels"]) or "none"
        near.append(
            f"{row['id']}: nearly the text of {other['id']} ({similarity:.2f}); "
            f"labels {here}, there {there}"
        )
    print_notes(near)


def _write_added_rows(to: Path, before: bytes, rows: Sequence[Row]) -> None:
    """Write a corpus file: what it had before, byte for byte, then the new rows."""
    # no inputs: it keeps all that is there
    with open_output(to, binary=True, inputs=frozenset(), option="--to") as out:
        out.write(before)
        if before and not before.endswith(b"\n"):
            out.write(b"\n")
        for row in rows:
            first = {"id": row["id"], "text": row["text"], "labels": list(row["labels"])}
            others = {name: value for name, value in row.items() if name not in first}
            out.write(json_line(first | others).encode())


def split(
    paths: options.Labelled,
    train: Annotated[
        Path, Option("--train", metavar="FILE", help="Write the passages to train on (.jsonl).")
    ],
    test: Annotated[
        Path, Option("--test", metavar="FILE", help="Write the passages to test on (.jsonl).")
    ],
    share: Annotated[float, Option(metavar="PART", help="Part to test on, between 0 and 1.")] = 0.2,
    seed: options.Seed = 0,
) -> None:
    """Split labelled passages into two files, with no near duplicates across them.

    Groups (narratives, near-identical sentences, equal texts) stay whole, and so do passages of
    nearly the same text; the share is approximated as far as they allow. The same seed gives the
    same files.
    """
    from tipclassify.corpus.curation import split_rows

    # Files that need not exist: their folders may be links, and a link as the file is replaced.
    if train.parent.resolve() / train.name == test.parent.resolve() / test.name:
        raise UsageError(f"{train}: is named for both parts; give two files")
    read = file_ids_of_arguments(paths)
    check_output(train, read, "--train")
    check_output(test, read, "--test")
    train_rows, test_rows = split_rows(read_rows(*paths), share, seed)
    with (
        open_output(train, inputs=read, option="--train") as train_out,
        open_output(test, inputs=read, option="--test") as test_out,
    ):
        train_out.writelines(map(_json_line_for_split_command, train_rows))
        test_out.writelines(map(_json_line_for_split_command, test_rows))
    sizes = f"{len(train_rows):,} passages to {train}, {len(test_rows):,} passages to {test}"
    print_note(f"wrote {sizes}")


def _json_line_for_split_command(row: Row) -> str:
    """Write a labelled passage as a line of JSON."""
    return json_line({**row, "labels": list(row["labels"])})
