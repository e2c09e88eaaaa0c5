"""``tipclassify text``: print the extracted text of a report."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from tipclassify.cli import options
from tipclassify.cli.output import open_output, print_warnings, write_rows


def text(
    file: Annotated[str, Argument(metavar="FILE", help=options.REPORT_HELP)],
    blocks: Annotated[bool, Option("--blocks", help="Print paragraphs and headings as lines of JSON.")] = False,
    encoding: options.Encoding = None,
    allow_private: options.AllowPrivate = False,
    output: options.Output = None,
) -> None:
    """Print the text of a report, without what surrounds it on a page.

    The start and end that score writes count the characters of this text, so out[start:end] is the passage. It is
    UTF-8, and ends with a line break, added where the text has none.

    With --blocks, each line holds start, end, page, section, heading (whether it is one) and text.
    """
    from tipclassify.pipeline.batch import read_with_notes
    from tipclassify.readers import read_report

    document, notes = read_with_notes(lambda: read_report(file, options.read_options(encoding, allow_private)))
    print_warnings(notes)
    if blocks:
        names = ("start", "end", "page", "section", "heading")
        rows = ({name: getattr(block, name) for name in names} for block in document.blocks)
        write_rows(output, ({**row, "text": document.text[row["start"] : row["end"]]} for row in rows))
        return
    whole = document.text if document.text.endswith("\n") else document.text + "\n"
    with open_output(output, binary=True) as out:  # in text mode, Windows would change line breaks and so offsets
        out.write(whole.encode("utf-8", "replace"))  # a lone surrogate becomes one "?": offsets hold
