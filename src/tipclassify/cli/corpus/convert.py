"""``tipclassify corpus convert``: convert labelled passages to and from the formats of annotation tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from tipclassify.cli.output import open_output, print_note
from tipclassify.errors import CorpusError

FormatName = Literal["jsonl", "csv", "parquet", "doccano", "label-studio", "argilla", "prodigy", "fasttext"]


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="Labelled passages, or rows of 'score' or 'corpus queue'.")
    ],
    to: Annotated[FormatName, typer.Option("--to", help="Format to write.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", "--out", metavar="FILE", help="File to write, whole or not at all.")
    ],
    read_as: Annotated[
        FormatName | None, typer.Option("--from", help="Format of IN; detected from its content by default.")
    ] = None,
    labelled: Annotated[
        bool, typer.Option("--labelled", help="Leave out passages that nobody has labelled yet.")
    ] = False,
) -> None:
    """Convert labelled passages to and from doccano, Label Studio, Argilla, Prodigy, fastText, CSV and Parquet.

    jsonl is the format that training reads. Predictions (rows of 'tipclassify score -f jsonl' and 'corpus queue')
    become pre-annotations with their probabilities where the tool takes them. Fields that a format cannot hold are
    listed on standard error, a line each. Passages that nobody has labelled stay so, and training refuses them.

    Where no label may also mean that nobody looked, a passage to which none applies has the label "none": in doccano,
    Argilla and fastText; set it up there beside the other three.
    """
    from tipclassify.corpus.formats import FORMATS, read_records

    reading = read_records(source, read_as)
    records = [record for record in reading.records if record.labels is not None or not labelled]
    if not records:
        raise CorpusError([f"{source}: no passage is labelled yet; label some, or leave out --labelled"])
    with open_output(output, binary=True) as stream:
        lost = FORMATS[to].write(records, stream)
    for note in (*reading.notes, *lost):
        print_note(note)
    unlabelled = sum(record.labels is None for record in records)
    print_note(f"wrote {len(records):,} passages to {output}, {unlabelled:,} of them not labelled")
