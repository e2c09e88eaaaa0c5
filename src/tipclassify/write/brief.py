"""A brief as a page, for screen and paper, and as a Word document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from tipclassify.errors import needs_extra
from tipclassify.formatting import one_line
from tipclassify.labels import label_name
from tipclassify.reports.compare.brief import Brief, table
from tipclassify.write.documents import add_table, dateless
from tipclassify.write.output import Output
from tipclassify.write.templating import render_template


def write_brief_html(briefs: Sequence[Brief], out: IO[str], output: Output) -> None:
    """Write one page that prints as it is."""
    out.writelines(render_template("brief.html", output=output, briefs=briefs, table=table))


def write_brief_docx(briefs: Sequence[Brief], out: IO[bytes], output: Output) -> None:
    """Write a Word document with the same content; equal input gives equal bytes."""
    with needs_extra("writing Word files", "docx"):
        import docx
    word = docx.Document()
    word.core_properties.title = "; ".join(brief.title for brief in briefs)
    word.core_properties.author = output.run.about()["tool"]
    for brief in briefs:
        word.add_heading(one_line(brief.title), 1)
        add_table(word, list(table(brief)))
        for line in brief.breaks():
            word.add_paragraph(f"Break: {one_line(line)}. A count there is no change.")
        word.add_paragraph(brief.checks())
        for label in brief.run.labels:
            word.add_heading(label_name(label).capitalize(), 2)
            for found in brief.differences(label):
                word.add_paragraph().add_run(f"{found.when}, {found.checked}").bold = True
                quote = word.add_paragraph("", "Quote")
                if found.cited.before:
                    quote.add_run(f"[{found.cited.before}] ").italic = False
                quote.add_run(found.cited.quote)
                word.add_paragraph(found.cited.source)
    word.add_paragraph("; ".join(f"{name} {value}" for name, value in output.run.about().items()))
    out.write(dateless(word))
