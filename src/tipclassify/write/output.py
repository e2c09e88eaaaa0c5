"""What a writer writes for: the run that tagged the reports, and options of the output."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tipclassify.records import Run, is_link
from tipclassify.reports.cite import ascii_link


@dataclass(frozen=True, slots=True)
class Output:
    """Run to record, and options of the output."""

    run: Run
    # of the output, to which links are relative; None is the working folder
    folder: Path | None = None
    bom: bool = False  # whether CSV begins with a byte order mark, by which Excel recognises UTF-8
    index: str = ""  # link to the index of all pages, from a page of its folder

    def link(self, file: str) -> str | None:
        """Make the URI of an input, in ASCII, with no scheme of a file's name.

        None for standard input, bad links, and files that do not lie in the folder of the output or
        below it: a link to these would give away where they are, and lead nowhere on another
        machine.

        >>> Output(Run()).link("reports/Côte d'Ivoire.html")
        'reports/C%C3%B4te%20d%27Ivoire.html'
        """
        if file in ("-", "<text>", ""):
            return None
        if is_link(file):
            return ascii_link(file)
        try:
            relative = Path(os.path.relpath(file, self.folder or "."))
        except ValueError:  # another drive of a Windows machine
            return None
        # a page in a folder of a desk leads to the pages beside that
        most_folders_up = Path(self.index).parts.count("..")
        if relative.parts.count("..") > most_folders_up:
            return None
        return quote(os.fsencode(relative.as_posix()))
