"""Measure how time grows with size: every reader and writer, on structures of up to a megabyte.

Prints the exponent of the growth of each: 1 where twice the bytes take twice the time, 2 where they
take four times as long. Times are of the processor, so that other programs disturb little; the
process that measures is replaced when it takes too long. Exits with 1 if an
exponent is over the bound where the time is long enough to tell, or a structure does not end.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import isnan
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from _measure import about, about_line, exponent, markdown, number
from typer import Option

_SIZES: Final = (60_000, 250_000, 1_000_000)  # bytes
# of the exponent: sorting, and caches of the processor, take a little more than linear time
_BOUND: Final = 1.35
_TELLING: Final = 0.05  # seconds under which a time says nothing
_SENTENCE: Final = (
    "Police arrested nine recruiters in Karvonia, but courts convicted none of them. "
)
# a paragraph without the end of a sentence
_ENDLESS: Final = "police arrested nine traffickers and "


@dataclass(frozen=True)
class Structure:
    """What is read or written: its kind, a name, a function from a size to an input, and what is
    timed."""

    kind: str
    name: str
    make: Callable[[int], Any]
    run: Callable[[Any], object]


# -------------------------------------------------------------------------------------- readers


def repeated(unit: str, before: str = "", after: str = "") -> Callable[[int], bytes]:
    """Return a function that makes a text of a size by repeating a unit."""
    return lambda size: (before + unit * (size // len(unit.encode())) + after).encode()


def read(suffix: str) -> Callable[[bytes], object]:
    """Return a function that reads, splits and scores a report of that suffix."""

    def run(data: bytes) -> object:
        from tipclassify import Classifier
        from tipclassify.errors import InputError
        from tipclassify.readers import read_bytes

        try:
            return Classifier.load("fast").tag(read_bytes(data, f"growth{suffix}"))
        except InputError as error:
            return error  # in time is as good as read

    return run


def read_rows(suffix: str) -> Callable[[bytes], object]:
    """Return a function that reads the rows of a table or of JSON lines."""

    def run(data: bytes) -> object:
        from tipclassify.errors import InputError

        try:
            return list(parsed_rows(suffix, data))
        except InputError as error:
            return error

    return run


def parsed_rows(suffix: str, data: bytes) -> Iterator[object]:
    """Yield the rows of a table or of JSON lines."""
    from tipclassify.readers import ReadOptions
    from tipclassify.readers.jsonl import parse_row, read_lines
    from tipclassify.readers.tables import read_table, sheet_lines

    if suffix == ".xlsx":  # which is read in another process otherwise
        for number, line in sheet_lines(data, "growth.xlsx", ReadOptions()):
            yield parse_row(line, str(number))
        return
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(data)
        file.flush()
        is_jsonl = suffix == ".jsonl"
        batches = read_lines(file.name) if is_jsonl else read_table(file.name, ReadOptions())
        for batch in batches:
            for number, line in batch:
                yield parse_row(line, str(number))


def pdf(pages: int, content: Callable[[int], str]) -> Callable[[int], bytes]:
    """Return a function that makes a PDF of a size, of `pages` pages, or of as many as fit for
    0."""

    def make(size: int) -> bytes:
        count = pages or max(1, size // 1_000)
        stream = content(size // count).encode()
        kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(count))
        objects = [
            b"<</Type/Catalog/Pages 2 0 R>>",
            f"<</Type/Pages/Kids[{kids}]/Count {count}>>".encode(),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        ]
        for n in range(count):
            page = f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents {5 + 2 * n} 0 R"
            objects.append(f"{page}/Resources<</Font<</F 3 0 R>>>>>>".encode())
            objects.append(b"<</Length %d>> stream\n%s\nendstream" % (len(stream), stream))
        out, places = bytearray(b"%PDF-1.4\n"), []
        for index, one in enumerate(objects, 1):
            places.append(len(out))
            out += b"%d 0 obj %s endobj\n" % (index, one)
        start = len(out)
        out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
        out += b"".join(b"%010d 00000 n \n" % place for place in places)
        out += b"trailer <</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF\n" % (
            len(objects) + 1,
            start,
        )
        return bytes(out)

    return make


def lines_of_pdf(size: int) -> str:
    """Lines of text down a page, again and again."""
    one = "BT /F 9 Tf 40 {} Td (" + _SENTENCE.strip() + ") Tj ET\n"
    return "".join(one.format(780 - 11 * (n % 70)) for n in range(size // len(one)))


def words_of_pdf(size: int) -> str:
    """Single words all over a page."""
    one = "BT /F 3 Tf {} {} Td (word) Tj ET\n"
    return "".join(one.format(n * 7 % 590, n * 3 % 790) for n in range(size // len(one)))


def rules_of_pdf(size: int) -> str:
    """Ruled lines, as those of a table, and a few words."""
    one = "{} {} m {} {} l S\n"
    ruled = "".join(
        one.format(n * 5 % 600, n % 800, n * 11 % 600, n % 800) for n in range(size // 24)
    )
    return ruled + "BT /F 9 Tf 40 400 Td (Police arrested nine recruiters.) Tj ET\n"


def word_file(body: Callable[[int], str]) -> Callable[[int], bytes]:
    """Return a function that makes a Word file whose body has a size."""

    def make(size: int) -> bytes:
        import docx

        docx.Document().save(plain := io.BytesIO())
        out = io.BytesIO()
        with zipfile.ZipFile(plain) as source, zipfile.ZipFile(out, "w") as made:
            for name in source.namelist():
                data = source.read(name)
                if name == "word/document.xml":
                    start = data.index(b"<w:body>") + len(b"<w:body>")
                    data = data[:start] + body(size).encode() + data[start:]
                made.writestr(name, data)
        return out.getvalue()

    return make


def paragraphs(inside: str) -> Callable[[int], str]:
    """Paragraphs of Word with this in each."""
    one = f"<w:p>{inside}</w:p>"
    return lambda size: one * (size // len(one))


def epub(chapter: str, chapters: int) -> Callable[[int], bytes]:
    """Return a function that makes an EPUB of a size, of `chapters` chapters, or of as many as
    fit for 0."""

    def make(size: int) -> bytes:
        count = chapters or max(1, size // 2_000)
        text = f"<html xmlns='http://www.w3.org/1999/xhtml'><body>{chapter * (size // count // len(chapter))}</body></html>"
        items = "".join(
            f"<item id='c{n}' href='c{n}.xhtml' media-type='application/xhtml+xml'/>"
            for n in range(count)
        )
        spine = "".join(f"<itemref idref='c{n}'/>" for n in range(count))
        package = f"<package xmlns='http://www.idpf.org/2007/opf'><manifest>{items}</manifest><spine>{spine}</spine></package>"
        container = "<container xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><rootfiles><rootfile full-path='p.opf'/></rootfiles></container>"
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as book:
            book.writestr("mimetype", "application/epub+zip")
            book.writestr("META-INF/container.xml", container)
            book.writestr("p.opf", package)
            for n in range(count):
                book.writestr(f"c{n}.xhtml", text)
        return out.getvalue()

    return make


def workbook(cells: int) -> Callable[[int], bytes]:
    """Return a function that makes a workbook of a size, with so many cells in a row."""

    def make(size: int) -> bytes:
        import openpyxl

        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet()
        sheet.append(["text", *(f"c{n}" for n in range(1, cells))])
        for _ in range(size // (len(_SENTENCE) * cells)):
            sheet.append([_SENTENCE] * cells)
        book.save(out := io.BytesIO())
        return out.getvalue()

    return make


def mail(size: int) -> bytes:
    """Make a web page saved as MHTML."""
    head = "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n"
    return repeated(f"<p>{_SENTENCE}\r\n", head + "<html><body>", "</body></html>\r\n--x--\r\n")(
        size
    )


TEXTS: Final = {
    "sentences": _SENTENCE, "no sentence end": _ENDLESS, "one word": "a", "empty lines": "a\n\n", "lines": "a\n",
    "quotes": "“A", "brackets": "((a)", "numbers": "1. ", "abbreviations": "U.S. ", "clauses": "; and ", "bullets": "• ",
    "invisible": "\u200b ", "headings": "PROSECUTION\n\nPolice acted.\n\n", "capitals": "Karvonia ", "dots": ". . ",
}  # fmt: skip
MARKUP: Final = {
    "paragraphs": f"<p>{_SENTENCE}", "no sentence end": _ENDLESS, "open blocks": "<div>a ", "open inline": "<b><i>a ",
    "tables": "<table><tr><td>a", "rows": "<tr><td>a<td>b", "links": "<a href=x>a</a> ", "comments": "<!-- a -->",
    "open comments": "<!--", "headings": "<h2>Prosecution</h2>a ", "lists": "<ul><li>a", "breaks": "a<br>",
    "entities": "&amp;", "attributes": "<p class='a b c' id=x>a ", "scripts": "<script>a</script>b ", "fonts": "<font>a ",
}  # fmt: skip
MARKDOWN: Final = {
    "headings": "# a\n\nPolice acted.\n\n", "quotes": "> ", "links": "[a](b) ", "open links": "[", "emphasis": "**a ",
    "code": "`", "tables": "|a|b|\n", "images": "![a](b)", "lists": "* a\n",
}  # fmt: skip


def readers() -> Iterator[Structure]:
    """List the structures that are read."""
    for name, unit in TEXTS.items():
        yield Structure("text", name, repeated(unit), read(".txt"))
    for name, unit in MARKUP.items():
        yield Structure("html", name, repeated(unit, "<!doctype html><body>"), read(".html"))
    for name, unit in MARKDOWN.items():
        yield Structure("markdown", name, repeated(unit), read(".md"))
    yield Structure("mhtml", "paragraphs", mail, read(".mhtml"))
    for name, pages, content in (
        ("lines of a page", 1, lines_of_pdf),
        ("words of a page", 1, words_of_pdf),
        ("rules of a page", 1, rules_of_pdf),
        ("pages", 0, lines_of_pdf),
    ):
        yield Structure("pdf", name, pdf(pages, content), read(".pdf"))
    run = f"<w:r><w:t>{_SENTENCE}</w:t></w:r>"
    cell = f"<w:tbl><w:tr><w:tc><w:p>{run}</w:p></w:tc></w:tr></w:tbl>"
    yield Structure("docx", "paragraphs", word_file(paragraphs(run)), read(".docx"))
    yield Structure(
        "docx",
        "one paragraph",
        word_file(lambda size: f"<w:p>{run * (size // len(run))}</w:p>"),
        read(".docx"),
    )
    yield Structure(
        "docx", "tables", word_file(lambda size: cell * (size // len(cell))), read(".docx")
    )
    yield Structure("epub", "one chapter", epub(f"<p>{_SENTENCE}</p>", 1), read(".epub"))
    yield Structure("epub", "chapters", epub(f"<p>{_SENTENCE}</p>", 0), read(".epub"))
    row = json.dumps({"text": _SENTENCE, "section": "COURTS"}) + "\n"
    yield Structure("jsonl", "rows", repeated(row), read_rows(".jsonl"))
    yield Structure(
        "jsonl", "one row", repeated(_ENDLESS, '{"text": "', '"}\n'), read_rows(".jsonl")
    )
    yield Structure("csv", "rows", repeated(f'1,"{_SENTENCE}"\n', "id,text\n"), read_rows(".csv"))
    yield Structure("csv", "one cell", repeated('a""', 'text\n"', '"\n'), read_rows(".csv"))
    yield Structure("csv", "columns", repeated("a,", "text,", "\n"), read_rows(".csv"))
    yield Structure("xlsx", "rows", workbook(1), read_rows(".xlsx"))
    yield Structure("xlsx", "columns", workbook(200), read_rows(".xlsx"))


# -------------------------------------------------------------------------------------- writers


def tagged(unit: str) -> Callable[[int], Any]:
    """Return a function that makes a tagged report of a size by repeating a unit."""

    def make(size: int) -> Any:
        from tipclassify import Classifier
        from tipclassify.readers import read_bytes
        from tipclassify.reporting.report import TaggedReport

        document = read_bytes(repeated(unit)(size), "karvonia-2024.txt")
        return TaggedReport("karvonia-2024.txt", document, Classifier.load("fast").tag(document))

    return make


def write(kind: str) -> Callable[[Any], object]:
    """Return a function that writes a report in a format."""

    def run(report: Any) -> object:
        from tipclassify import Classifier
        from tipclassify.reporting.report import ScoringContext
        from tipclassify.reporting.writers import FORMATS

        make, write = FORMATS[kind].steps()
        out: Any = io.BytesIO() if FORMATS[kind].binary else io.StringIO()
        out.isatty = lambda: False
        write([make(report)], out, ScoringContext(Classifier.load("fast")))
        return out

    return run


def write_desk(report: Any) -> object:
    """Write the page, the data and the index of a desk."""
    from functools import partial

    from tipclassify import Classifier
    from tipclassify.cli.output import open_output
    from tipclassify.reporting.report import ScoringContext
    from tipclassify.reporting.writers.desk import Desk
    from tipclassify.reporting.writers.html import write_html

    with tempfile.TemporaryDirectory() as folder:
        context = ScoringContext(Classifier.load("fast"), folder=Path(folder), index="index.html")
        desk = Desk(context, partial(open_output, inputs=frozenset()), False)
        write_html(desk.gather(Path(folder, "a.html"), [report]), io.StringIO(), context)
        return desk.write_index()


def write_comparison(report: Any) -> object:
    """Compare a report with itself, and write what changed."""
    from tipclassify import Classifier
    from tipclassify.reporting.comparison.comparison import compare
    from tipclassify.reporting.report import ScoringContext
    from tipclassify.reporting.writers.compared import write_html

    context = ScoringContext(Classifier.load("fast"))
    return write_html(compare(report, report, context), io.StringIO(), context, True)


def write_summary(report: Any) -> object:
    """Count a report by section."""
    from tipclassify import Classifier
    from tipclassify.reporting.report import ScoringContext
    from tipclassify.reporting.summary import summarize

    return summarize([report], ScoringContext(Classifier.load("fast")), ["section"], {})


def writers() -> Iterator[Structure]:
    """List the structures that are written: a report of many passages, and one of a single
    endless one."""
    from tipclassify.reporting.writers import FORMATS

    reports = {"passages": f"{_SENTENCE}\n\n", "no sentence end": _ENDLESS}
    for name, unit in reports.items():
        for kind in FORMATS:
            yield Structure(f"to {kind}", name, tagged(unit), write(kind))
        yield Structure("to desk", name, tagged(unit), write_desk)
        yield Structure("to summary", name, tagged(unit), write_summary)
        yield Structure("to comparison", name, tagged(unit), write_comparison)


# ------------------------------------------------------------------------------------ measuring


@dataclass(frozen=True)
class Growth:
    """How long a structure takes, size by size."""

    structure: Structure
    seconds: tuple[float, ...]  # of the processor, for the sizes in their order
    exponent: float  # NaN where the times are too short to tell
    problem: str = ""  # why larger sizes have no time

    @property
    def name(self) -> str:
        """What was read or written."""
        return f"{self.structure.kind}, {self.structure.name}"

    @property
    def failure(self) -> str:
        """What is wrong with it; "" if it is not over the bound, and ends."""
        if self.problem:
            return f"{self.name}: {self.problem}"
        return f"{self.name}: exponent {self.exponent:.2f}" if self.exponent > _BOUND else ""


def structures() -> list[Structure]:
    """List all structures."""
    return [*readers(), *writers()]


def work(pipe: Connection) -> None:
    """Answer each (number of a structure, size) with the seconds of the processor that it takes."""
    warnings.simplefilter("ignore")
    known = structures()
    warm: set[str] = set()
    while task := pipe.recv():
        structure, size = known[task[0]], task[1]
        if structure.kind not in warm:  # the first of a kind imports what the others use, too
            structure.run(structure.make(2_000))
            warm.add(structure.kind)
        data = structure.make(size)
        start = time.process_time()
        structure.run(data)
        pipe.send(time.process_time() - start)


class Worker:
    """The process that measures, replaced when it hangs or dies."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=work, args=(theirs,), daemon=True
        )
        self._process.start()
        theirs.close()

    def seconds(self, index: int, size: int, patience: float) -> float | str:
        """Return the seconds that a structure of a size takes, or what went wrong."""
        try:
            self._pipe.send((index, size))
            if self._pipe.poll(patience):
                return float(self._pipe.recv())
            problem = f"no answer in {patience:g} s for {size:,} bytes"
        except (EOFError, OSError):
            problem = "its process ended"
        self.end()
        self._start()
        return problem

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def measured(
    worker: Worker, index: int, structure: Structure, sizes: Sequence[int], patience: float
) -> Growth:
    """Measure how the time of a structure grows, by the two largest sizes that take long enough."""
    times: list[float] = []
    problem = ""
    for size in sizes:
        answer = worker.seconds(index, size, patience)
        if isinstance(answer, str):
            problem = answer
            break
        times.append(answer)
    long_enough = [
        (size, seconds) for size, seconds in zip(sizes, times, strict=False) if seconds > _TELLING
    ]
    grows = float("nan")
    if len(long_enough) > 1:
        two_sizes, two_times = zip(*long_enough[-2:], strict=True)
        grows = exponent(two_sizes, two_times)
    return Growth(structure, tuple(times), grows, problem)


def table_row(growth: Growth, sizes: Sequence[int]) -> list[str]:
    """Return the cells of a structure in the table."""
    missing = [""] * (len(sizes) - len(growth.seconds))
    return [growth.name, *map(number, growth.seconds), *missing, number(growth.exponent)]


def main(
    kind: Annotated[
        list[str] | None, Option(help="Of the table's first column; repeatable; else all.")
    ] = None,
    most: Annotated[int, Option(min=1_000, metavar="BYTES", help="Largest size.")] = _SIZES[-1],
    patience: Annotated[float, Option(min=1, metavar="SECONDS", help="For one size.")] = 300.0,
) -> None:
    """Measure; print a table, the worst exponent first; exit with 1 if one is over the bound."""
    sizes = sorted({min(size, most) for size in _SIZES})
    if len(sizes) == 1:
        sizes = [most // 4, most]
    growths: list[Growth] = []
    worker = Worker()
    for index, structure in enumerate(structures()):
        if kind and structure.kind not in kind:
            continue
        growth = measured(worker, index, structure, sizes, patience)
        growths.append(growth)
        print(*table_row(growth, sizes), growth.problem, file=sys.stderr, flush=True)
    worker.end()
    growths.sort(key=lambda growth: 0.0 if isnan(growth.exponent) else -growth.exponent)
    failures = [growth.failure for growth in growths if growth.failure]
    headings = ["structure", *(f"{size:,} bytes, s" for size in sizes), "exponent"]
    print(about_line(about()))
    print(markdown(headings, [table_row(growth, sizes) for growth in growths]))
    print(f"\n{len(growths)} structures, {len(failures)} over {_BOUND} or without an end")
    print(*failures, sep="\n")
    raise typer.Exit(bool(failures))


if __name__ == "__main__":
    typer.run(main)
