"""``tipclassify text``: the text that a report is read as."""

from __future__ import annotations

from typing import Annotated

import typer

from tipclassify.cli.options import AllowPrivateOption, EncodingOption, OutputOption

__all__ = ["text"]


def text(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="A report: a file of any kind that score takes, a link, '-' for standard input."
        ),
    ],
    blocks: Annotated[
        bool, typer.Option("--blocks", help="Print each paragraph and heading as a line of JSON, with where it stands.")
    ] = False,
    encoding: EncodingOption = None,
    allow_private: AllowPrivateOption = False,
    output: OutputOption = None,
) -> None:
    """Print the text of a report, without what surrounds it on a page.

    The start and end that score writes count the characters of this text, so out[start:end] is the passage. It is UTF-8,
    and ends with a line break, added where the text has none.

    With --blocks, each line holds start, end, page, section, heading (whether it is one) and text.
    """
    from tipclassify.cli.output import open_output
    from tipclassify.formatting import json_line
    from tipclassify.readers import ReadOptions, read_report

    document = read_report(file, ReadOptions(encoding, allow_private))
    with open_output(output, binary=True) as out:  # in a text stream, Windows would add characters to line breaks
        if not blocks:
            out.write(_encoded(document.text if document.text.endswith("\n") else document.text + "\n"))
            return
        for block in document.blocks:
            row = {
                "start": block.start,
                "end": block.end,
                "page": block.page,
                "section": block.section,
                "heading": block.heading,
                "text": document.text[block.start : block.end],
            }
            out.write(json_line(row).encode("utf-8"))


def _encoded(written: str) -> bytes:
    return written.encode("utf-8", "replace")  # a lone surrogate becomes one "?": offsets hold
