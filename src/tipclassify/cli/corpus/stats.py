"""``tipclassify corpus stats``: what is in a corpus."""

from __future__ import annotations

from typing import Annotated

import typer

from tipclassify.cli.corpus.options import PathsArgument, write_findings
from tipclassify.cli.options import Findings, OutputOption

__all__ = ["stats"]


def stats(
    paths: PathsArgument,
    format: Annotated[Findings, typer.Option("--format", "-f", help="How to write the counts.")] = Findings.table,
    output: OutputOption = None,
) -> None:
    """Count passages by label, set of labels, section and source, their groups, and how long they are.

    Groups are what a split keeps together: passages of one narrative ("doc"), one set of near twins ("pair") or one text.
    """
    from tipclassify.corpus.curation import corpus_stats, stats_table
    from tipclassify.corpus.loading import read_rows

    found = list(corpus_stats(read_rows(*paths)))
    write_findings(output, format, found, lambda: stats_table(found))
