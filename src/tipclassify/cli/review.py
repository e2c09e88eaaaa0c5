"""``tipclassify review``: correct the labels of reports on a local page."""

from __future__ import annotations

import contextlib
import getpass
import secrets
import threading
from pathlib import Path
from typing import Annotated

import typer

from tipclassify.cli import options
from tipclassify.cli.output import print_note, print_warnings


def review(
    files: options.Files,
    corpus: Annotated[
        Path,
        typer.Option(
            "--corpus", metavar="FILE", help="Labelled passages that decisions go to; events are kept beside it."
        ),
    ] = Path("review.jsonl"),
    annotator: Annotated[
        str | None,
        typer.Option("--annotator", metavar="NAME", help="Who decides; by default the name you logged in with."),
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Loopback port; 0 takes any that is free.")] = 0,
    queue: Annotated[
        bool, typer.Option("--queue", help="Open with the passages that teach most, not with the first report.")
    ] = False,
    train_data: Annotated[
        list[Path] | None,
        typer.Option(
            "--train-data",
            metavar="PATH",
            exists=True,
            help="Labelled passages to retrain on with the corrections; the corpus in data/ of a checkout by default.",
        ),
    ] = None,
    model: options.Model = None,
    other: options.Other = None,
    policy: options.Policy = "balanced",
    threshold: options.Threshold = None,
    encoding: options.Encoding = None,
    allow_private: options.AllowPrivate = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the link only.")] = False,
) -> None:
    """Correct the tags of reports on a page of this machine, and retrain the model.

    Every decision is on disk before the page says "saved". FILE holds each decided passage once, ready for
    'train.py --data FILE'; the same name with the suffix .events holds the history of all decisions, undone ones too.
    Several annotators can share one FILE at the same time: give each a name with --annotator.
    Its "Retrain" adapts the default, or the encoder given with --model, to FILE and --train-data, measures on held-out
    passages what FILE changed, and saves to a new folder beside FILE.

    The page answers to this machine only, and to whoever has the link. Ctrl-C stops it. Needs the extra "review".
    """
    import webbrowser

    from tipclassify.errors import MissingExtraError
    from tipclassify.model.classifier import Classifier
    from tipclassify.pipeline.batch import expand_inputs
    from tipclassify.progress import progress_bar
    from tipclassify.review.opened import open_reports
    from tipclassify.review.retraining import Retraining, checkout_data, model_to_adapt
    from tipclassify.review.session import ReviewSession

    try:
        from tipclassify.review.server import listen, serve
    except ImportError:
        raise MissingExtraError("the review page", "review") from None

    if corpus.suffix != ".jsonl":
        raise typer.BadParameter(f"{corpus}: give a name that ends in .jsonl", param_hint="'--corpus'")
    tagging = options.tagging(model, policy, threshold, encoding=encoding, allow_private=allow_private)
    second = Classifier.load(other) if other else None
    socket = listen(port)
    # The corpus of an earlier session may lie in the folder under review: it is no report.
    names = [name for name in expand_inputs(files) if not _is_same(name, corpus)]
    with progress_bar("reports") as progress:
        reports, failures = open_reports(names, tagging, progress)
    for report in reports:
        print_warnings(report.notes)
    for failure in failures:
        print_note(failure)
    if not reports:
        raise typer.Exit(1)
    session = ReviewSession(
        tagging.classifier(),
        reports,
        corpus,
        annotator or _login(),
        policy=policy,
        queue=queue,
        model_name=Path(model).name if model else "default",
        second=second,
        second_name=Path(other).name if other else "",
    )
    retraining = Retraining(corpus, train_data or checkout_data(), model_to_adapt(model))
    token = secrets.token_urlsafe(32)
    link = f"http://127.0.0.1:{socket.getsockname()[1]}/?token={token}"

    def ready() -> None:
        print(link, flush=True)
        print_note(f"decisions go to {corpus}; Ctrl-C stops")
        if not no_browser:
            threading.Thread(target=webbrowser.open, args=(link,), daemon=True).start()

    with contextlib.suppress(KeyboardInterrupt):
        serve(session, retraining, socket, token, ready)
    print_note(f"decided passages in {corpus}: {session.decided}")
    if failures:
        raise typer.Exit(1)


def _is_same(name: str, corpus: Path) -> bool:
    try:
        return corpus.exists() and corpus.samefile(name)
    except OSError:  # a link, or no such file
        return False


def _login() -> str:
    """Return the name of the user who runs this."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may run as a user without a name
        return "annotator"
