"""``tipclassify corpus stats``: count the passages of a corpus."""

from __future__ import annotations

from tipclassify.cli import options
from tipclassify.cli.output import write_results


def stats(paths: options.Labelled, format: options.Format = "table", output: options.Output = None) -> None:
    """Count passages by label, set of labels, section and source, their groups, and how long they are.

    Groups are kept whole by a split: passages of one narrative ("doc"), one set of near twins ("pair") or one text.
    """
    from tipclassify.corpus.curation import corpus_stats, stats_table
    from tipclassify.corpus.loading import read_rows

    found = list(corpus_stats(read_rows(*paths)))
    write_results(output, format, found, stats_table(found))
