"""``tipclassify desk``: check the findings of a desk, and keep what was decided beside it."""

from __future__ import annotations

import contextlib
import getpass
import secrets
import threading
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from tipclassify.cli.output import print_note
from tipclassify.cli.review import redirect_page
from tipclassify.errors import needs_extra


def desk(
    folder: Annotated[
        Path, Argument(metavar="FOLDER", help="Of 'score --format html --output-dir FOLDER'.")
    ],
    annotator: Annotated[
        str | None, Option(metavar="INITIALS", help="Who checks; else your login name.")
    ] = None,
    port: Annotated[
        int, Option(metavar="N", min=0, max=65535, help="Loopback port; 0 takes any that is free.")
    ] = 0,
    no_browser: Annotated[bool, Option("--no-browser", help="Print the link only.")] = False,
) -> None:
    """Confirm, reject and note the findings of a desk of reports.

    What you decide is on disk before the page says "saved": in FOLDER/desk.events, with initials
    and time, every version of it. Saved findings, with their notes, tags and folders, are in
    FOLDER/desk-saved.json. Several people can share one FOLDER at the same time: give each their
    --annotator.

    The page answers to this machine only, and to whoever has the link. Ctrl-C stops it. Opened by a
    double click, the same page keeps what you decide in the browser, to export and import. Needs
    the extra "review".
    """
    import webbrowser

    with needs_extra("the desk's server", "review"):
        from tipclassify.review.desk_server import serve_desk
        from tipclassify.review.server import listen_on_loopback
    from tipclassify.review.desk_session import DeskSession

    # a container may run as a user without a name
    with contextlib.suppress(OSError, KeyError, ImportError):
        annotator = annotator or getpass.getuser()
    session = DeskSession(folder, annotator or "annotator", print_note)
    socket = listen_on_loopback(port)
    token = secrets.token_urlsafe(32)
    link = f"http://127.0.0.1:{socket.getsockname()[1]}/{token}/index.html"
    with redirect_page(link, folder) as page:

        def ready() -> None:
            print(link, flush=True)
            print_note(f"checks go to {folder / 'desk.events'}; Ctrl-C stops")
            if not no_browser:
                threading.Thread(target=webbrowser.open, args=(page.as_uri(),), daemon=True).start()

        with contextlib.suppress(KeyboardInterrupt):
            serve_desk(session, socket, token, ready)
    print_note(f"checked findings in {folder}: {session.checked}")
