"""``tipclassify review``: correct the labels of reports on a local page."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from tipclassify.cli import options
from tipclassify.cli.local_page import login_name_of_user, open_page_when_ready
from tipclassify.cli.output import exit_failed, print_note, print_notes, print_warnings
from tipclassify.errors import needs_extra
from tipclassify.progress import progress_bar


def review(
    files: options.Files,
    corpus: Annotated[Path, Option(metavar="FILE", help="Where decisions go.")] = Path(
        "review.jsonl"
    ),
    annotator: Annotated[
        str | None, Option(metavar="NAME", help="Who decides; else your login name.")
    ] = None,
    port: Annotated[
        int, Option(metavar="N", min=0, max=65535, help="Loopback port; 0 takes any that is free.")
    ] = 0,
    queue: Annotated[
        bool, Option("--queue", help="Open with the passages most useful to label.")
    ] = False,
    blind: Annotated[
        bool, Option("--blind", help="Hide what the model says of a passage until you decided.")
    ] = False,
    train_data: Annotated[
        list[Path] | None, Option(metavar="PATH", exists=True, help="To retrain on. Repeatable.")
    ] = None,
    model: options.Model = None,
    other: options.Other = None,
    policy: options.Policy = "balanced",
    threshold: options.Threshold = None,
    encoding: options.Encoding = None,
    allow_private: options.AllowPrivate = False,
    no_browser: Annotated[bool, Option("--no-browser", help="Print the link only.")] = False,
) -> None:
    """Correct the tags of reports on a page of this machine, and retrain the model.

    Every decision is on disk before the page says "saved". FILE holds each decided passage once,
    ready for 'tipclassify train --data FILE'; the same name with the suffix .events holds the
    history of all decisions, undone ones too. Several annotators can share one FILE at the same
    time: give each a name with --annotator. What one decided and noted on a passage is hidden from
    the others until they have decided on it, and each decision says whether it was. A passage on
    which they differ is left out of FILE, and of training, until somebody decides it. Its "Retrain"
    adapts the default, or the encoder given with --model, to FILE and --train-data, measures on
    passages held out of every training what that changed, and saves to a new folder beside FILE.

    The page answers to this machine only, and to whoever has the link. Ctrl-C stops it. Needs the
    extra "review".
    """
    from tipclassify.app.opened import open_reports_for_review
    from tipclassify.app.retraining import Retraining, model_to_retrain
    from tipclassify.app.session import ReviewSession
    from tipclassify.model.classifier import Classifier
    from tipclassify.tagging.inputs import expand_inputs

    with needs_extra("the review page", "review"):
        from tipclassify.app.server import listen_on_loopback, serve_review

    if corpus.suffix != ".jsonl":
        raise options.invalid_option("--corpus", f"{corpus}: give a name that ends in .jsonl")
    tagging = options.tagging_of(
        model, policy, threshold, encoding=encoding, allow_private=allow_private
    )
    for name in files:
        if name == str(corpus) or (
            os.path.isfile(name) and corpus.is_file() and os.path.samefile(name, corpus)
        ):
            raise options.invalid_option(
                "--corpus", f"{corpus}: is an input; decisions go to a file of their own"
            )
    socket = listen_on_loopback(port)
    # The corpus of an earlier session may lie in the folder under review: it is no report.
    names = [name for name in expand_inputs(files) if Path(name).resolve() != corpus.resolve()]
    with progress_bar("reports") as progress:
        reports, failures = open_reports_for_review(names, tagging, progress)
    print_warnings([note for report in reports for note in report.notes])
    print_notes(failures, len(failures))
    if not reports:
        raise typer.Exit(1)
    session = ReviewSession(
        tagging.classifier(),
        reports,
        corpus,
        annotator or login_name_of_user(),
        policy=policy,
        blind=blind,
        queue_first=queue,
        model_name=Path(model).name if model else "default",
        second=Classifier.load(other) if other else None,
        second_name=Path(other).name if other else "",
        notify=print_note,
    )
    retraining = Retraining(corpus, train_data or (), model_to_retrain(model))
    token = secrets.token_urlsafe(32)
    link = f"http://127.0.0.1:{socket.getsockname()[1]}/?token={token}"

    note = f"decisions go to {corpus}; Ctrl-C stops"
    with open_page_when_ready(link, corpus.parent, note, no_browser) as ready:
        with contextlib.suppress(KeyboardInterrupt):
            serve_review(session, retraining, socket, token, ready)
        session.close()
    left_out = (
        f"; {session.disputed} left out until adjudicated, since annotators differ"
        if session.disputed
        else ""
    )
    print_note(f"decided passages in {corpus}: {session.decided}{left_out}")
    exit_failed(len(failures), 1)
