"""Inputs of any size whose processing time may grow faster than they do.

Each `Structure` repeats something that a reader, a writer or a comparison could be slow on:
brackets that never close, a paragraph without the end of a sentence, passages that differ in a
word.
"""

from __future__ import annotations

import io
import json
import tempfile
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Final, Generic, TypeVar

from _measure import passages

from tipclassify import Classifier
from tipclassify.bundle.write import write_bundle
from tipclassify.cli.output import open_output
from tipclassify.corpus.curate import LEAK_SIMILARITY, near_duplicate_pairs
from tipclassify.corpus.next import rank_to_label
from tipclassify.corpus.rows import load_corpus
from tipclassify.errors import InputError
from tipclassify.readers import ReadOptions, read_bytes
from tipclassify.readers.child import read_table_isolated
from tipclassify.readers.rows import parse_row, read_jsonl, read_sheet_lines
from tipclassify.records import Passage, Report
from tipclassify.reports.compare.comparison import compare
from tipclassify.reports.compare.ledger import follow
from tipclassify.reports.counts import summarize
from tipclassify.tagging import Tagging
from tipclassify.write import FORMATS, changes
from tipclassify.write.desk import Desk
from tipclassify.write.output import Output
from tipclassify.write.page import write_html

Content = TypeVar("Content")

_SENTENCE: Final = (
    "Police arrested nine recruiters in Karvonia, but courts convicted none of them. "
)
# a paragraph without the end of a sentence
_ENDLESS: Final = "police arrested nine traffickers and "


@dataclass(frozen=True)
class Structure(Generic[Content]):
    """Something that is read, written or compared."""

    kind: str
    name: str
    make: Callable[[int], Content]  # content of about as many bytes
    process: Callable[[Content], object]  # what is timed

    def seconds(self, size: int) -> float:
        """Measure the processor time for content of about `size` bytes."""
        content = self.make(size)
        start = time.process_time()
        self.process(content)
        return time.process_time() - start


AnyStructure = Structure[bytes] | Structure[Report] | Structure[list[str]]


def list_structures() -> list[AnyStructure]:
    """List all structures."""
    return [
        *text_structures(),
        *pdf_structures(),
        *archive_structures(),
        *row_structures(),
        *writer_structures(),
        *comparison_structures(),
        *corpus_structures(),
    ]


def repeated(unit: str, before: str = "", after: str = "") -> Callable[[int], bytes]:
    """Return a function that makes a text of a size by repeating a unit."""
    length = len(unit.encode())

    def make(size: int) -> bytes:
        return (before + unit * (size // length) + after).encode()

    return make


# ------------------------------------------------------------------------------------------ reports


TEXTS: Final = {
    "sentences": _SENTENCE,
    "no sentence end": _ENDLESS,
    "one word": "a",
    "empty lines": "a\n\n",
    "lines": "a\n",
    "quotes": "“A",
    "brackets": "((a)",
    "numbers": "1. ",
    "abbreviations": "U.S. ",
    "clauses": "; and ",
    "bullets": "• ",
    "invisible": "\u200b ",
    "headings": "PROSECUTION\n\nPolice acted.\n\n",
    "capitals": "Karvonia ",
    "dots": ". . ",
}
MARKUP: Final = {
    "paragraphs": f"<p>{_SENTENCE}",
    "no sentence end": _ENDLESS,
    "open blocks": "<div>a ",
    "open inline": "<b><i>a ",
    "tables": "<table><tr><td>a",
    "rows": "<tr><td>a<td>b",
    "links": "<a href=x>a</a> ",
    "comments": "<!-- a -->",
    "open comments": "<!--",
    "headings": "<h2>Prosecution</h2>a ",
    "lists": "<ul><li>a",
    "breaks": "a<br>",
    "entities": "&amp;",
    "attributes": "<p class='a b c' id=x>a ",
    "scripts": "<script>a</script>b ",
    "fonts": "<font>a ",
}
MARKDOWN: Final = {
    "headings": "# a\n\nPolice acted.\n\n",
    "quotes": "> ",
    "links": "[a](b) ",
    "open links": "[",
    "emphasis": "**a ",
    "closed emphasis": "**a** _b_ ",
    "code": "`",
    "tables": "|a|b|\n",
    "images": "![a](b)",
    "lists": "* a\n",
    "nested lists": "* * a",
}


def read(suffix: str) -> Callable[[bytes], object]:
    """Return a function that reads, splits and scores a report of that suffix."""

    def process(data: bytes) -> object:
        try:
            return Classifier.load("fast").tag(read_bytes(data, f"growth{suffix}"))
        except InputError as error:
            return error  # in time is as good as read

    return process


def text_structures() -> Iterator[Structure[bytes]]:
    """List structures of text, HTML, Markdown and saved web pages."""
    for name, unit in TEXTS.items():
        yield Structure("text", name, repeated(unit), read(".txt"))
    for name, unit in MARKUP.items():
        yield Structure("html", name, repeated(unit, "<!doctype html><body>"), read(".html"))
    for name, unit in MARKDOWN.items():
        yield Structure("markdown", name, repeated(unit), read(".md"))
    head = (
        "MIME-Version: 1.0\r\n"
        "Content-Type: multipart/related; boundary=x\r\n\r\n"
        "--x\r\n"
        "Content-Type: text/html\r\n\r\n"
        "<html><body>"
    )
    mail = repeated(f"<p>{_SENTENCE}\r\n", head, "</body></html>\r\n--x--\r\n")
    yield Structure("mhtml", "paragraphs", mail, read(".mhtml"))


def pdf_structures() -> Iterator[Structure[bytes]]:
    """List structures of PDF."""
    for name, content in (
        ("lines of a page", lines_of_pdf),
        ("words of a page", words_of_pdf),
        ("rules of a page", rules_of_pdf),
    ):
        yield Structure("pdf", name, partial(pdf, 1, content), read(".pdf"))
    yield Structure("pdf", "pages", pages_of_pdf, read(".pdf"))


def pages_of_pdf(size: int) -> bytes:
    """Make a PDF of a size, with a page for each thousand bytes."""
    return pdf(max(1, size // 1_000), lines_of_pdf, size)


def pdf(pages: int, content: Callable[[int], str], size: int) -> bytes:
    """Make a PDF of a size and a number of pages, which have the same content."""
    stream = content(size // pages).encode()
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(pages))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {pages}>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for number in range(pages):
        page = f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents {5 + 2 * number} 0 R"
        objects.append(f"{page}/Resources<</Font<</F 3 0 R>>>>>>".encode())
        objects.append(b"<</Length %d>> stream\n%s\nendstream" % (len(stream), stream))
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj %s endobj\n" % (number, body)
    start = len(out)
    entries = len(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % entries
    for place in places:
        out += b"%010d 00000 n \n" % place
    out += b"trailer <</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF\n" % (entries, start)
    return bytes(out)


def lines_of_pdf(size: int) -> str:
    """Write lines of text down a page, again and again."""
    line = "BT /F 9 Tf 40 {} Td (" + _SENTENCE.strip() + ") Tj ET\n"
    return "".join(line.format(780 - 11 * (number % 70)) for number in range(size // len(line)))


def words_of_pdf(size: int) -> str:
    """Write single words all over a page."""
    word = "BT /F 3 Tf {} {} Td (word) Tj ET\n"
    count = size // len(word)
    return "".join(word.format(number * 7 % 590, number * 3 % 790) for number in range(count))


def rules_of_pdf(size: int) -> str:
    """Draw ruled lines, as those of a table, and write a few words."""
    rule = "{left} {height} m {right} {height} l S\n"
    rules = [
        rule.format(left=number * 5 % 600, right=number * 11 % 600, height=number % 800)
        for number in range(size // 24)
    ]
    return "".join(rules) + "BT /F 9 Tf 40 400 Td (Police arrested nine recruiters.) Tj ET\n"


def archive_structures() -> Iterator[Structure[bytes]]:
    """List structures of Word and EPUB."""
    run = f"<w:r><w:t>{_SENTENCE}</w:t></w:r>"
    paragraph = f"<w:p>{run}</w:p>"
    table = f"<w:tbl><w:tr><w:tc>{paragraph}</w:tc></w:tr></w:tbl>"
    for name, body in (
        ("paragraphs", repeated(paragraph)),
        ("one paragraph", repeated(run, "<w:p>", "</w:p>")),
        ("tables", repeated(table)),
    ):
        yield Structure("docx", name, partial(word_file, body), read(".docx"))
    yield Structure("epub", "one chapter", partial(epub, 1), read(".epub"))
    yield Structure("epub", "chapters", chapters_of_epub, read(".epub"))


def word_file(body: Callable[[int], bytes], size: int) -> bytes:
    """Make a Word file whose body has a size."""
    import docx

    plain = io.BytesIO()
    docx.Document().save(plain)
    out = io.BytesIO()
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "word/document.xml":
                start = data.index(b"<w:body>") + len(b"<w:body>")
                data = data[:start] + body(size) + data[start:]
            target.writestr(name, data)
    return out.getvalue()


def chapters_of_epub(size: int) -> bytes:
    """Make an EPUB of a size, with a chapter for each two thousand bytes."""
    return epub(max(1, size // 2_000), size)


def epub(chapters: int, size: int) -> bytes:
    """Make an EPUB of a size and a number of chapters, which have the same text."""
    text = repeated(
        f"<p>{_SENTENCE}</p>",
        "<html xmlns='http://www.w3.org/1999/xhtml'><body>",
        "</body></html>",
    )(size // chapters)
    items = "".join(
        f"<item id='c{number}' href='c{number}.xhtml' media-type='application/xhtml+xml'/>"
        for number in range(chapters)
    )
    spine = "".join(f"<itemref idref='c{number}'/>" for number in range(chapters))
    package = (
        "<package xmlns='http://www.idpf.org/2007/opf'>"
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>"
    )
    container = (
        "<container xmlns='urn:oasis:names:tc:opendocument:xmlns:container'>"
        "<rootfiles><rootfile full-path='p.opf'/></rootfiles></container>"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as book:
        book.writestr("mimetype", "application/epub+zip")
        book.writestr("META-INF/container.xml", container)
        book.writestr("p.opf", package)
        for number in range(chapters):
            book.writestr(f"c{number}.xhtml", text)
    return out.getvalue()


# --------------------------------------------------------------------------------------------- rows


def row_structures() -> Iterator[Structure[bytes]]:
    """List structures of JSON lines and tables."""
    row = json.dumps({"text": _SENTENCE, "section": "COURTS"}) + "\n"
    for suffix, name, make in (
        (".jsonl", "rows", repeated(row)),
        (".jsonl", "one row", repeated(_ENDLESS, '{"text": "', '"}\n')),
        (".csv", "rows", repeated(f'1,"{_SENTENCE}"\n', "id,text\n")),
        (".csv", "one cell", repeated('a""', 'text\n"', '"\n')),
        (".csv", "columns", repeated("a,", "text,", "\n")),
        (".xlsx", "rows", partial(workbook, 1)),
        (".xlsx", "columns", partial(workbook, 200)),
    ):
        yield Structure(suffix[1:], name, make, partial(read_rows, suffix))
    yield Structure("parquet", "labelled rows", parquet, read_labelled_parquet)


def workbook(cells: int, size: int) -> bytes:
    """Make a workbook of a size, with so many cells in a row."""
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(["text", *(f"c{number}" for number in range(1, cells))])
    for _ in range(size // (len(_SENTENCE) * cells)):
        sheet.append([_SENTENCE] * cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def parquet(size: int) -> bytes:
    """Make a Parquet file of labelled rows that take a size when unpacked."""
    import pyarrow
    import pyarrow.parquet

    count = size // len(_SENTENCE)
    texts = [f"{_SENTENCE}({number})" for number in range(count)]
    table = pyarrow.table({"text": texts, "labels": ["failure"] * count})
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out)
    return out.getvalue()


def read_rows(suffix: str, data: bytes) -> object:
    """Read the rows of a table or of JSON lines."""
    try:
        return list(parsed_rows(suffix, data))
    except InputError as error:
        return error


def read_labelled_parquet(data: bytes) -> object:
    """Read the rows of a Parquet file as training does."""
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        file.write(data)
        file.flush()
        return load_corpus(file.name)


def parsed_rows(suffix: str, data: bytes) -> Iterator[object]:
    """Yield the rows of a table or of JSON lines."""
    if suffix == ".xlsx":  # which is read in another process otherwise
        for number, line in read_sheet_lines(data, "growth.xlsx", ReadOptions()):
            yield parse_row(line, str(number))
        return
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(data)
        file.flush()
        is_jsonl = suffix == ".jsonl"
        batches = (
            read_jsonl(file.name) if is_jsonl else read_table_isolated(file.name, ReadOptions())
        )
        for batch in batches:
            for number, line in batch:
                yield parse_row(line, str(number))


# ------------------------------------------------------------------------------------------ writers


def different_sentences(size: int) -> str:
    """Make a report of passages with different words."""
    return "\n\n".join(texts_until(size, passages(seed=0)))


def near_identical_sentences(size: int) -> str:
    """Make a report of passages that differ in their last word."""
    return "\n\n".join(near_identical_texts(size))


def one_sentence(size: int) -> str:
    """Make a report of a single passage that never ends."""
    return _ENDLESS * (size // len(_ENDLESS))


def texts_until(size: int, texts: Iterator[str]) -> list[str]:
    """Take texts until they have a size."""
    taken = []
    left = size
    while left > 0:
        text = next(texts)
        taken.append(text)
        left -= len(text)
    return taken


REPORTS: Final = {
    "different passages": different_sentences,
    "near-identical passages": near_identical_sentences,
    "no sentence end": one_sentence,
}


@cache  # writers have their reports in common
def tagged(name: str, size: int) -> Report:
    """Make a tagged report of a size, one of `REPORTS`."""
    document = read_bytes(REPORTS[name](size).encode(), "karvonia-2024.txt")
    fast = Classifier.load("fast")
    return Report("karvonia-2024.txt", document, fast.tag(document), run=fast.run())


def writer_structures() -> Iterator[Structure[Report]]:
    """List structures that are written."""
    for name in ("different passages", "no sentence end"):
        make = partial(tagged, name)
        for output in FORMATS:
            yield Structure(f"to {output}", name, make, partial(write_report, output))
        yield Structure("to desk", name, make, write_desk)
        yield Structure("to bundle", name, make, write_to_bundle)
        yield Structure("summary", name, make, write_summary)


def write_report(output: str, report: Report) -> object:
    """Write a report in an output format."""
    out = io.BytesIO() if FORMATS[output].binary else PlainText()
    FORMATS[output].writer()([report], out, Output(Classifier.load("fast").run()))
    return out


class PlainText(io.StringIO):
    """Text stream that is no terminal."""

    def isatty(self) -> bool:
        return False


def write_desk(report: Report) -> object:
    """Write the page, the data and the index of a desk."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        context = Output(Classifier.load("fast").run(), folder=folder, index="index.html")
        desk = Desk(context, partial(open_output, inputs=frozenset()), False)
        write_html(desk.gather(folder / "a.html", [report]), io.StringIO(), context)
        return desk.write_index()


def write_to_bundle(report: Report) -> object:
    """Write the bundle of a report, which is read and tagged again."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name, "karvonia-2024.txt")
        file.write_text(report.document.text if report.document else "", "utf-8")
        return write_bundle([str(file)], Tagging("fast"), io.BytesIO())


def write_summary(report: Report) -> object:
    """Count a report by section."""
    return summarize([report], ["section"], run=Classifier.load("fast").run())


# -------------------------------------------------------------------------------------- comparisons


def comparison_structures() -> Iterator[Structure[Report]]:
    """List structures that are compared with themselves."""
    for name in REPORTS:
        make = partial(tagged, name)
        yield Structure("comparison", name, make, write_comparison)
        yield Structure("ledger", name, make, write_ledger)


def write_comparison(report: Report) -> None:
    """Compare a report with all but its first and last passages, and write what changed."""
    context = Output(Classifier.load("fast").run())
    comparison = compare(report, without_ends(report))
    changes.write_comparison_html(comparison, io.StringIO(), context, True)


def write_ledger(report: Report) -> None:
    """Follow the passages of a report over three years."""
    context = Output(Classifier.load("fast").run())
    ledger = follow([report, without_ends(report), report])
    changes.write_ledger_html(ledger, io.StringIO(), context)


def without_ends(report: Report) -> Report:
    """Return a report without its first and last passages, so that all others have moved."""
    return replace(report, passages=report.passages[1:-1] or report.passages)


# ------------------------------------------------------------------------------------ labelled rows


def near_identical_texts(size: int) -> list[str]:
    """Make texts of 14 words that differ in their last one."""
    start = "Police in Karvonia arrested nine recruiters, but the courts convicted none of"
    texts = (f"{start} case{number}." for number in range(size))
    return texts_until(size, texts)


def different_texts(size: int) -> list[str]:
    """Make texts with different words."""
    return texts_until(size, passages(seed=1))


def corpus_structures() -> Iterator[Structure[list[str]]]:
    """List structures of labelled rows."""
    for name, make in (
        ("different passages", different_texts),
        ("near-identical passages", near_identical_texts),
    ):
        yield Structure("near-identical pairs", name, make, find_pairs)
        yield Structure("labelling queue", name, make, rank_texts)


def find_pairs(texts: Sequence[str]) -> None:
    """Find the near-identical pairs of texts, and keep none."""
    deque(near_duplicate_pairs(texts, LEAK_SIMILARITY), maxlen=0)


def rank_texts(texts: Sequence[str]) -> object:
    """Rank texts by what labelling them would teach."""
    rows = [Passage(text, 0, len(text)) for text in texts]
    return rank_to_label(Classifier.load("fast").tag(rows), [0.5] * 3, 100)
