"""``tipclassify review`` and ``tipclassify desk``: decide on a local page."""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from tipclassify.cli import options
from tipclassify.cli.output import (
    check_output,
    exit_failed,
    ids_of_inputs,
    open_output,
    print_note,
    print_notes,
    print_warnings,
)
from tipclassify.errors import OutputError, needs_extra
from tipclassify.progress import progress_bar

if TYPE_CHECKING:
    from tipclassify.app.desk import Desk
    from tipclassify.store import Store

Port = Annotated[
    int, Option(metavar="N", min=0, max=65535, help="Loopback port; 0 takes any that is free.")
]
NoBrowser = Annotated[bool, Option("--no-browser", help="Print the link only.")]


def review(
    files: options.Files,
    corpus: Annotated[Path, Option(metavar="FILE", help="Where decisions go.")] = Path(
        "review.jsonl"
    ),
    annotator: Annotated[
        str | None, Option(metavar="NAME", help="Who decides; else your login name.")
    ] = None,
    port: Port = 0,
    queue: Annotated[
        bool, Option("--queue", help="Open with the passages most useful to label.")
    ] = False,
    blind: Annotated[
        bool, Option("--blind", help="Hide what the model says of a passage until you decided.")
    ] = False,
    model: options.Model = None,
    policy: options.Policy = "balanced",
    threshold: options.Threshold = None,
    encoding: options.Encoding = None,
    allow_private: options.AllowPrivate = False,
    no_browser: NoBrowser = False,
) -> None:
    """Correct the tags of reports on a page of this machine.

    Every decision is on disk before the page says "saved", in a store beside FILE: its name with
    the suffix .sqlite. It keeps all decisions, undone ones too. FILE holds each decided passage
    once, ready for 'tipclassify train --data FILE'; it is written when the page ends. Several
    annotators can share one FILE at the same time: give each a name with --annotator. What one
    decided and noted on a passage is hidden from the others until they have decided on it, and each
    decision says whether it was. A passage on which they differ is left out of FILE, and of
    training, until somebody decides it.

    The page answers to this machine only, and to whoever has the link. Ctrl-C stops it. Needs the
    extra "review".
    """
    from tipclassify.app.review import Review, open_reports
    from tipclassify.store import Store, refuse_old_log
    from tipclassify.tagging.inputs import expand_inputs

    with needs_extra("the review page", "review"):
        from tipclassify.app.server import listen_on_loopback, serve_review

    if corpus.suffix != ".jsonl":
        raise options.invalid_option("--corpus", f"{corpus}: give a name that ends in .jsonl")
    tagging = options.tagging_of(
        model, policy, threshold, encoding=encoding, allow_private=allow_private
    )
    check_output(corpus, ids_of_inputs(files, (), model), "--corpus")
    classifier = tagging.classifier()
    socket = listen_on_loopback(port)
    # The corpus of an earlier session may lie in the folder under review: it is no report.
    names = [name for name in expand_inputs(files) if Path(name).resolve() != corpus.resolve()]
    with progress_bar("reports") as progress:
        reports, failures = open_reports(names, tagging, progress)
    print_warnings([note for report in reports for note in report.notes])
    print_notes(failures, len(failures))
    if not reports:
        raise typer.Exit(1)
    store_path = corpus.with_suffix(".sqlite")
    refuse_old_log(corpus.with_suffix(".events"), store_path)
    store = Store(store_path, "choose another --corpus")
    _write_corpus(store, corpus)  # which a crash may have left behind
    session = Review(
        classifier,
        reports,
        store,
        annotator or _login_name(),
        tagging.run(),
        blind=blind,
        queue_first=queue,
        model_name=Path(model).name if model else "default",
        corpus=str(corpus),
    )
    _serve(
        socket.getsockname()[1],
        "?token={token}",
        corpus.parent,
        f"decisions go to {store.path}, and at the end to {corpus}; Ctrl-C stops",
        no_browser,
        lambda token, ready: serve_review(
            session, socket, token, ready, lambda: _write_corpus(store, corpus)
        ),
    )
    states = store.now().values()
    decided = sum(state.final is not None for state in states)
    disputed = sum(state.is_disputed for state in states)
    left_out = ""
    if disputed:
        left_out = f"; {disputed} left out until settled, since annotators differ"
    print_note(f"decided passages in {corpus}: {decided}{left_out}")
    exit_failed(len(failures), 1)


def desk(
    folder: Annotated[
        Path, Argument(metavar="FOLDER", help="Of 'score --format html --output-dir FOLDER'.")
    ],
    annotator: Annotated[
        str | None, Option(metavar="INITIALS", help="Who checks; else your login name.")
    ] = None,
    port: Port = 0,
    no_browser: NoBrowser = False,
) -> None:
    """Confirm, reject or correct each tag of a desk of reports.

    What you decide is on disk before the page says "saved": in FOLDER/tipclassify.sqlite, with
    initials and time, every version of it. Several people can share one FOLDER at the same time:
    give each their --annotator. FOLDER/decided.jsonl has each finding that was decided and is not
    disputed once, ready for 'tipclassify train --data' and 'evaluate'; it is written when the page
    ends. It has no passage that the model missed. A word behind # in a note is a code of your own:
    the search finds its findings ("#shelters"), and FOLDER/codes.csv has them, a row each.

    The page answers to this machine only, and to whoever has the link. Ctrl-C stops it. Opened by a
    double click, the same page shows the findings only. Needs the extra "review".
    """
    with needs_extra("the desk's server", "review"):
        from tipclassify.app.server import listen_on_loopback, serve_desk
    from tipclassify.app.desk import Desk

    corpus = folder / "decided.jsonl"
    checked = Desk(folder, annotator or _login_name())
    socket = listen_on_loopback(port)
    _serve(
        socket.getsockname()[1],
        "{token}/index.html",
        folder,
        f"checks go to {checked.store.path}, and at the end to {corpus}; Ctrl-C stops",
        no_browser,
        lambda token, ready: serve_desk(checked, socket, token, ready),
    )
    _write_corpus(checked.store, corpus)
    _write_codes(checked, folder / "codes.csv")
    print_note(f"checked findings in {folder}: {checked.checked}")


def _write_corpus(store: Store, corpus: Path) -> None:
    from tipclassify.store.export import export

    try:
        if note := export(store, corpus):
            print_note(note)
    except OutputError as error:  # all decisions are in the store, and can still be read
        print_note(f"warning: {error}")


def _write_codes(checked: Desk, table: Path) -> None:
    """Write the findings with codes; without any there is no table."""
    from tipclassify.write.rows import write_csv_rows

    rows = checked.coded()
    if not rows and not table.exists():
        return
    try:
        with open_output(table, inputs=frozenset()) as out:
            write_csv_rows(rows, out, ["code"])
        print_note(f"findings with codes in {table}: {len(rows)}")
    except OutputError as error:  # the notes are in the store
        print_note(f"warning: {error}")


def _login_name() -> str:
    """Return the user's login name, or "annotator" where there is none."""
    # a container may run as a user without a name
    with contextlib.suppress(OSError, KeyError, ImportError):
        return getpass.getuser() or "annotator"
    return "annotator"


def _serve(
    port: int,
    path: str,
    folder: Path,
    note: str,
    no_browser: bool,
    serve: Callable[[str, Callable[[], None]], None],
) -> None:
    """Serve until Ctrl-C: `serve` takes a token, and what to call once it listens.

    That prints the link and the note, and opens the page unless there is to be `no_browser`.
    """
    import webbrowser

    token = secrets.token_urlsafe(32)
    link = f"http://127.0.0.1:{port}/{path.format(token=token)}"
    with redirect_page(link, folder) as page, contextlib.suppress(KeyboardInterrupt):

        def ready() -> None:
            print(link, flush=True)
            print_note(note)
            if not no_browser:
                threading.Thread(target=webbrowser.open, args=(page.as_uri(),), daemon=True).start()

        serve(token, ready)


@contextlib.contextmanager
def redirect_page(link: str, folder: Path) -> Iterator[Path]:
    """Write a page for this user only that leads to `link`.

    The link itself does not go on a browser's command line, which all users may read.
    """
    import tempfile

    for left in folder.resolve().glob(".tipclassify-review-*.html"):  # by a session that was killed
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > 3_600:
                left.unlink()
    # of mode 600
    handle, name = tempfile.mkstemp(".html", ".tipclassify-review-", folder.resolve())
    try:
        with open(handle, "w", encoding="utf-8") as page:
            page.write('<!doctype html><meta name="referrer" content="no-referrer">')
            page.write("<title>tipclassify review</title>")
            page.write(f'<meta http-equiv="refresh" content="0; url={link}">')
            page.write(f'<a href="{link}">Open the page</a>')
        yield Path(name)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(name)
