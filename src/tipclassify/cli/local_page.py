"""Open the local page that a command serves, in the browser of whoever started it."""

from __future__ import annotations

import contextlib
import getpass
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from tipclassify.cli.output import print_note
from tipclassify.whole_files import lock, remove_scrap


def login_name_of_user() -> str:
    """Return the user's login name, or "annotator" where there is none."""
    # a container may run as a user without a name
    with contextlib.suppress(OSError, KeyError, ImportError):
        return getpass.getuser() or "annotator"
    return "annotator"


@contextlib.contextmanager
def open_page_when_ready(
    link: str, folder: Path, note: str, no_browser: bool
) -> Iterator[Callable[[], None]]:
    """Give the function that a server calls once it listens at `link`.

    It prints the link and the note, and opens the page unless there is to be `no_browser`.
    """
    import webbrowser

    with write_redirect_page(link, folder) as page:

        def ready() -> None:
            print(link, flush=True)
            print_note(note)
            if not no_browser:
                threading.Thread(target=webbrowser.open, args=(page.as_uri(),), daemon=True).start()

        yield ready


@contextlib.contextmanager
def write_redirect_page(link: str, folder: Path) -> Iterator[Path]:
    """Write a page for this user only that leads to `link`.

    The link itself does not go on a browser's command line, which all users may read.
    """
    import tempfile

    for left in folder.resolve().glob(".tipclassify-review-*.html"):  # by a session that was killed
        remove_scrap(left)
    # of mode 600
    handle, name = tempfile.mkstemp(".html", ".tipclassify-review-", folder.resolve())
    held = os.dup(handle)
    try:
        lock(held)
        with open(handle, "w", encoding="utf-8") as page:
            page.write('<!doctype html><meta name="referrer" content="no-referrer">')
            page.write("<title>tipclassify review</title>")
            page.write(f'<meta http-equiv="refresh" content="0; url={link}">')
            page.write(f'<a href="{link}">Open the page</a>')
        yield Path(name)
    finally:
        os.close(held)
        with contextlib.suppress(OSError):
            os.unlink(name)
