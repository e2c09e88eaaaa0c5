"""``tipclassify corpus``: labelled passages before a model is trained on them. One file a command."""

from __future__ import annotations

import typer

from tipclassify.commands.corpus.add import add
from tipclassify.commands.corpus.agree import agree
from tipclassify.commands.corpus.audit import audit
from tipclassify.commands.corpus.check import check
from tipclassify.commands.corpus.convert import convert
from tipclassify.commands.corpus.queue import queue
from tipclassify.commands.corpus.rebuild import rebuild
from tipclassify.commands.corpus.split import split
from tipclassify.commands.corpus.stats import stats
from tipclassify.commands.helps import flowing

__all__ = ["add", "agree", "app", "audit", "check", "convert", "queue", "rebuild", "split", "stats"]

app = typer.Typer(help="Collect, convert, check and audit labelled passages.", no_args_is_help=True)
for _command in (queue, convert, add, check, stats, split, agree, audit, rebuild):
    app.command(_command.__name__, help=flowing(_command))(_command)
