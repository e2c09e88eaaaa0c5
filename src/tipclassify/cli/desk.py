"""``tipclassify desk``: check the findings of a desk, and keep what was decided beside it."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from tipclassify.cli.local_page import login_name_of_user, open_page_when_ready
from tipclassify.cli.output import print_note
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
    with needs_extra("the desk's server", "review"):
        from tipclassify.app.desk_server import serve_desk
        from tipclassify.app.server import listen_on_loopback
    from tipclassify.app.desk_session import DeskSession

    session = DeskSession(folder, annotator or login_name_of_user(), print_note)
    socket = listen_on_loopback(port)
    token = secrets.token_urlsafe(32)
    link = f"http://127.0.0.1:{socket.getsockname()[1]}/{token}/index.html"
    note = f"checks go to {folder / 'desk.events'}; Ctrl-C stops"
    opened = open_page_when_ready(link, folder, note, no_browser)
    with opened as ready, contextlib.suppress(KeyboardInterrupt):
        serve_desk(session, socket, token, ready)
    print_note(f"checked findings in {folder}: {session.checked}")
