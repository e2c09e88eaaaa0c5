"""``tipclassify corpus``: labelled passages before a model is trained on them. One file a command."""

from __future__ import annotations

import typer

from tipclassify.cli.corpus.add import add
from tipclassify.cli.corpus.agree import agree
from tipclassify.cli.corpus.audit import audit
from tipclassify.cli.corpus.check import check
from tipclassify.cli.corpus.convert import convert
from tipclassify.cli.corpus.queue import queue
from tipclassify.cli.corpus.rebuild import rebuild
from tipclassify.cli.corpus.split import split
from tipclassify.cli.corpus.stats import stats
from tipclassify.cli.helps import flowing

__all__ = ["add", "agree", "app", "audit", "check", "convert", "queue", "rebuild", "split", "stats"]

app = typer.Typer(help="Collect, convert, check and audit labelled passages.", no_args_is_help=True)
for _command in (queue, convert, add, check, stats, split, agree, audit, rebuild):
    app.command(_command.__name__, help=flowing(_command))(_command)
