"""Fuzz all that reads files of others: altered files in, a document or one line out.

Reports of every format, tables, models (graph, weights, heads), bundles, stores of decisions,
journals, and the rows of a corpus. Time and memory of each file are bounded, each kind gets the
same number of files, and lines are counted by class: what they say, without names and numbers.

Each file follows from its kind, the seed and its number, so that ``--only KIND:NUMBER`` makes a
failure again.
"""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from _alterations import altered, altered_json, altered_zip
from typer import Option

ROOT: Final = Path(__file__).resolve().parents[1]
FILES: Final = ROOT / "tests" / "files"
SAMPLES: Final = ROOT / "data" / "samples"
TINY: Final = FILES / "tiny_encoder"

_MEMORY: Final = 4_000_000_000  # bytes of address space of the process that reads the files
_PATIENCE: Final = 10.0  # seconds of the processor for one file
_STARTING: Final = 30.0  # further seconds for the first file of a process, which has its imports
_SILENCE: Final = 600.0  # seconds by the clock after which a process waits for something


@dataclass
class Tally:
    """What became of the files of one kind."""

    outcomes: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)  # of the lines
    slowest: float = 0.0  # seconds of the processor
    largest: int = 0  # bytes of memory of the process after a file

    @property
    def files(self) -> int:
        """Number of files so far."""
        return self.outcomes.total()


@dataclass(frozen=True)
class Attempt:
    """What became of one file."""

    outcome: str  # "read", "a line", or what went wrong
    line: str = ""  # the class of the line
    seconds: float = 0.0  # of the processor
    memory: int = 0  # peak of the process, in bytes


class NotKeptError(Exception):
    """A promise that was broken, other than by an exception."""


# -------------------------------------------------------------------------------- sound files


@cache
def sample(name: str) -> bytes:
    """A sound file of a kind."""
    if name == "docx":
        import docx

        document = docx.Document()
        document.add_heading("Karvonia", 1)
        document.add_paragraph("Police arrested nine recruiters. Courts convicted none of them.")
        document.add_table(2, 2).cell(0, 0).text = "Convictions"
        document.save(out := io.BytesIO())
        return out.getvalue()
    if name == "eml":
        return _mail()
    if name == "jsonl":
        rows = [
            {"text": "Police arrested nine.", "section": "COURTS", "year": 2024, "id": n}
            for n in range(9)
        ]
        return b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    if name == "bundle":
        from tipclassify.bundle.write import write_bundle
        from tipclassify.tagging import Tagging

        bundle = io.BytesIO()
        report = str(SAMPLES / "excerpt.txt")
        write_bundle([report], Tagging("fast"), bundle, with_sources=True)
        return bundle.getvalue()
    if name == "mhtml":
        page = sample("html").replace(b"=", b"=3D")
        head = (
            b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=part\r\n\r\n--part\r\n"
        )
        kind = (
            b"Content-Type: text/html; charset=utf-8\r\n"
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        )
        return head + kind + page + b"\r\n--part--\r\n"
    if name == "csv":
        return b"id,text,section\n" + b'1,"Police arrested nine, then ten.",COURTS\n' * 9
    if name == "xlsx":
        import openpyxl

        book = openpyxl.Workbook()
        for row in (
            ("id", "text", "section"),
            (1, "Police arrested nine.", "COURTS"),
            (2, "Courts slept.", None),
        ):
            book.active.append(row)
        book.save(sheets := io.BytesIO())
        return sheets.getvalue()
    if name == "corpus":
        rows = [
            {"id": str(n), "text": f"Police arrested {n}.", "labels": ["failure"]} for n in range(9)
        ]
        return b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    if name == "parquet":
        import pyarrow
        from pyarrow import parquet

        texts = [f"Police arrested {number}." for number in range(9)]
        table = pyarrow.table({"text": texts, "labels": [["failure"]] * 9})
        parquet.write_table(table, rows_out := io.BytesIO())
        return rows_out.getvalue()
    if name == "store":
        return _store()
    if name == "ledger":
        return b'{"input": "a.txt", "output": "a.txt.csv", "key": "0123abcd"}\n' * 9
    places = {
        "html": SAMPLES / "karvonia-2024.html",
        "pdf": FILES / "one-column.pdf",
        "txt": SAMPLES / "excerpt.txt",
    }
    return places.get(name, FILES / f"sample.{name}").read_bytes()


def _mail() -> bytes:
    """Make a mail of a page that says who published it, with plain text beside it.

    It says so in all the ways that are read.
    """
    article = {
        "@graph": [
            {
                "@type": ["Report", "Article"],
                "datePublished": "2021-06-01",
                "isPartOf": {"@type": "CreativeWorkSeries", "name": "Harbor Watch"},
                "publisher": [{"name": "Halden Institute"}],
            }
        ]
    }
    head = (
        "<title>2021 Harbor Report: Togo | OSCE</title>"
        "<meta property='og:site_name' content='Halden'>"
        "<link rel=canonical href='https://www.state.gov/reports/2021-harbor-report/togo/'>"
        "<meta name='dc.date' content='1 June 2021'>"
        f"<script type='application/ld+json'>{json.dumps(article)}</script>"
    )
    masthead = "United Nations A/HRC/99/7 General Assembly Distr.: General 4 April 2014"
    message = EmailMessage()
    message["Subject"] = "Compilation on Togo"
    message["Date"] = "Tue, 01 Jun 2021 09:00:00 +0000"
    message.set_content("Police arrested nine recruiters.")
    message.add_alternative(
        f"<!doctype html>{head}<p>{masthead}</p><p>Police arrested nine recruiters.</p>", "html"
    )
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="annex.pdf")
    return message.as_bytes()


def read(kind: str, chance: random.Random) -> None:
    """Read, split and score an altered report."""
    from tipclassify import Classifier
    from tipclassify.errors import InputError
    from tipclassify.readers import read_bytes
    from tipclassify.readers.rows import parse_row

    data = (altered_zip if kind in ("docx", "epub") else altered)(sample(kind), chance)
    if kind == "jsonl":
        texts: list[str] = []
        first_error: InputError | None = None
        for number, line in enumerate(data.split(b"\n"), 1):
            if not line.strip():
                continue
            try:
                texts.append(parse_row(line, f"fuzz.jsonl:{number}")["text"])
            except InputError as error:
                first_error = first_error or error
        Classifier.load("fast").predict(texts)
        if first_error:
            raise first_error
        return
    document = read_bytes(data, f"fuzz.{kind}")
    for passage in Classifier.load("fast").tag(document):
        if document.text[passage.start : passage.end] != passage.text:
            raise NotKeptError("a wrong offset")


def _store() -> bytes:
    """Make a store of two decisions."""
    from tipclassify.records import key
    from tipclassify.store import Store
    from tipclassify.store.state import Place, Shown

    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder, "my.sqlite"))
        for start, text in ((0, "Police arrested nine."), (22, "Courts slept.")):
            place = Place("ab12", start, start + len(text))
            store.decide(
                Shown(place, key(text), {"text": text}), "label", "ana", labels=["failure"]
            )
        store.close()
        return store.path.read_bytes()


def read_rows_of_table(kind: str, chance: random.Random) -> None:
    """Read the rows of an altered table."""
    from tipclassify.readers import ReadOptions
    from tipclassify.readers.child import read_table_isolated
    from tipclassify.readers.rows import read_sheet_lines

    if kind == "xlsx":  # which is read in another process otherwise
        data = altered_zip(sample(kind), chance)
        list(read_sheet_lines(data, "fuzz.xlsx", ReadOptions()))
        return
    with tempfile.NamedTemporaryFile(suffix=f".{kind}") as file:
        file.write(altered(sample(kind), chance))
        file.flush()
        list(read_table_isolated(file.name, ReadOptions()))


def read_store(kind: str, chance: random.Random) -> None:
    """Open an altered store, and export its decisions."""
    from tipclassify.store import Store
    from tipclassify.store.export import export

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "my.sqlite")
        path.write_bytes(altered(sample(kind), chance))
        store = Store(path)
        try:
            export(store, Path(folder, "my.jsonl"))
        finally:
            store.close()


def read_ledger(kind: str, chance: random.Random) -> None:  # noqa: ARG001
    """Open an altered ledger, and add to it."""
    from tipclassify.tagging.resume import JOURNAL, Journal, listed_outputs

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, JOURNAL).write_bytes(altered(sample("ledger"), chance))
        listed_outputs(Path(folder))
        report = Path(folder, "in.txt")
        output = Path(folder, "in.txt.csv")
        report.touch()
        output.touch()
        Journal(Path(folder), {}).add(str(report), output)
        if not Journal(Path(folder), {}).has(str(report), output):
            raise NotKeptError("what was added is not there")


def read_corpus(kind: str, chance: random.Random) -> None:
    """Read altered labelled passages."""
    from tipclassify.corpus.rows import read_rows

    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        file.write(altered(sample(kind), chance))
        file.flush()
        read_rows(Path(file.name))


def parse_address(kind: str, chance: random.Random) -> None:  # noqa: ARG001
    """Parse an altered address."""
    from tipclassify.download import parse_url

    samples = (
        b"https://www.example.org:443/a/b.html?q=1#x",
        b"http://xn--bcher-kva.example/",
        b"http://[2001:db8::1]/",
    )
    parse_url(altered(chance.choice(samples), chance).decode("utf-8", "surrogateescape"))


def load_model(kind: str, chance: random.Random) -> None:
    """Load and run a model with one altered file, whose hashes fit."""
    from tipclassify import Classifier

    source = TINY if kind == "encoder" else ROOT / "models" / "fast"
    files = {file.name: file.read_bytes() for file in source.iterdir() if file.is_file()}
    if kind == "encoder":
        _let_tiny_graph_be_known()
        weights = {"model.json": 3, "heads.npz": 2, "words.txt": 1, "model.onnx": 1}
    else:
        weights = {"model.json": 1, "weights.npz": 1}
    (name,) = chance.choices(list(weights), list(weights.values()))
    files[name] = _altered_part(name, files[name], chance)
    _seal_model(kind, name, files)
    with tempfile.TemporaryDirectory() as folder:
        for file, data in files.items():
            Path(folder, file).write_bytes(data)
        classifier = Classifier.load(Path(folder))
        texts = ["Police arrested nine recruiters in Karvonia.", "x " * 400, "a" * 300]
        classifier.explain_all(texts)


@cache
def _let_tiny_graph_be_known() -> None:
    """Add the graph to the list of a user whose folder of models is a temporary one."""
    from tipclassify.model.encoder.session import add_known_graph

    os.environ["TIPCLASSIFY_CACHE"] = tempfile.mkdtemp()
    add_known_graph(
        (TINY / "model.onnx").read_bytes(), (TINY / "tokenizer.json").read_text("utf-8")
    )


def _altered_part(name: str, data: bytes, chance: random.Random) -> bytes:
    """Alter a file of a model, mostly as what it is."""
    if chance.random() < 0.2:
        return altered(data, chance)
    if name == "model.json":
        return altered_json(data, chance)
    return _altered_arrays(data, chance) if name.endswith(".npz") else altered(data, chance)


def _altered_arrays(data: bytes, chance: random.Random) -> bytes:
    """Alter one array of an ``.npz`` file: its shape, its type, its numbers, or take it out."""
    import numpy as np

    with np.load(io.BytesIO(data)) as archive:
        arrays = {name: archive[name] for name in archive.files}
    name = chance.choice(sorted(arrays))
    array = arrays[name]
    change = chance.choice(("shape", "type", "numbers", "missing", "transposed", "empty"))
    if change == "shape":
        arrays[name] = array.reshape(chance.choice(((-1,), (1, *array.shape), (*array.shape, 1))))
    elif change == "type":
        kinds = ("float16", "float32", "int8", "complex64", "U3", "bool", ">f8", "datetime64[s]")
        arrays[name] = np.zeros(array.shape, chance.choice(kinds))
    elif change == "numbers" and array.size:
        arrays[name] = array.copy()
        odd = chance.choice((np.nan, np.inf, -np.inf, 1e300, -1e300, 0, 2**31 - 1))
        with np.errstate(all="ignore"):
            arrays[name].flat[chance.randrange(array.size)] = np.float64(odd).astype(array.dtype)
    elif change == "missing":
        del arrays[name]
    elif change == "transposed":
        arrays[name] = array.T
    else:
        arrays[name] = array[:0]
    np.savez(out := io.BytesIO(), **arrays)
    return out.getvalue()


def _seal_model(kind: str, altered_name: str, files: dict[str, bytes]) -> None:
    """Make the hashes of a model fit its files, where its head can be read."""
    from tipclassify.model.folder import metadata_digest

    try:
        head = json.loads(files["model.json"])
        sha256 = hashlib.sha256(files[altered_name]).hexdigest()
        if altered_name != "model.json" and kind == "linear":
            head["weights_sha256"] = sha256
        elif altered_name != "model.json":
            head["files"][altered_name] = sha256
        files["model.json"] = json.dumps({**head, "sha256": metadata_digest(head)}).encode()
    except (ValueError, TypeError, RecursionError):
        pass  # an altered head that is none


def verify(kind: str, chance: random.Random) -> None:  # noqa: ARG001
    """Verify an altered bundle, whose hashes fit where that is possible."""
    from tipclassify.bundle.manifest import seal
    from tipclassify.bundle.verify import verify_bundle

    def reseal(members: dict[str, bytes]) -> None:
        try:
            plain: dict[str, Any] = json.loads(members["manifest.json"])
            for name in plain["files"]:
                data = members[name]
                plain["files"][name] = {
                    "sha256": hashlib.sha256(data).hexdigest(),
                    "size": len(data),
                }
            del plain["sha256"]
            members["manifest.json"] = seal(plain)[0]
        except (ValueError, KeyError, TypeError, RecursionError):
            pass

    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        file.write(altered_zip(sample("bundle"), chance, reseal))
        file.flush()
        verify_bundle(file.name)


def read_parquet(kind: str, chance: random.Random) -> None:
    """Read labelled passages from an altered Parquet file."""
    from tipclassify.corpus.rows import read_rows

    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        file.write(altered(sample(kind), chance))
        file.flush()
        read_rows(Path(file.name))


READERS: Final = ("html", "mhtml", "pdf", "docx", "epub", "eml", "md", "txt", "jsonl")
KINDS: Final[Mapping[str, Callable[[str, random.Random], None]]] = {
    **dict.fromkeys(READERS, read),
    **dict.fromkeys(("linear", "encoder"), load_model),
    "bundle": verify,
    **dict.fromkeys(("csv", "xlsx"), read_rows_of_table),
    "parquet": read_parquet,
    "corpus": read_corpus,
    "store": read_store,
    "ledger": read_ledger,
    "address": parse_address,
}


# -------------------------------------------------------------------------------------- running


def attempt(kind: str, seed: int, number: int) -> Attempt:
    """Make and read one file."""
    from tipclassify.errors import TipclassifyError

    began = time.process_time()
    outcome = "read"
    line = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            KINDS[kind](kind, random.Random(f"{kind} {seed} {number}"))
    except TipclassifyError as error:
        lines = str(error).split("\n")
        names_every_row = kind in ("corpus", "parquet")
        if "report this to us" in str(error) or (len(lines) > 1 and not names_every_row):
            outcome = f"crash: {error}"
        else:
            outcome = "a line"
            line = line_class(lines[0])
    except Exception as error:
        outcome = f"crash: {type(error).__name__}: {error}"
    unit = 1 if sys.platform == "darwin" else 1_024  # bytes
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return Attempt(outcome, line, time.process_time() - began, memory)


def line_class(line: str) -> str:
    """Return what a line says, without the name before it, numbers, quotes and what is in brackets.

    >>> line_class("fuzz.pdf: unpacks to 812 MB, over 100 (see 'x')")
    'unpacks to N MB, over N'
    """
    what = line.partition(": ")[2] or line
    what = re.sub(r"\([^()]*\)?|'[^']*'|\"[^\"]*\"", "", what)
    return " ".join(re.sub(r"[0-9][0-9,.]*", "N", what).partition(";")[0].split())[:60]


def work(tasks: Connection) -> None:
    """Answer each (kind, seed, number) with its `Attempt`; end where one takes too long."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    known = set[str]()
    while task := tasks.recv():
        patience = _PATIENCE if task[0] in known else _PATIENCE + _STARTING
        signal.setitimer(signal.ITIMER_PROF, patience)  # its signal ends the process
        done = attempt(*task)
        signal.setitimer(signal.ITIMER_PROF, 0)
        known.add(task[0])
        tasks.send(done)


class Reader:
    """The process that reads the files, replaced when it dies of one, or hangs."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._tasks, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=work, args=(theirs,), daemon=True
        )
        self._process.start()
        theirs.close()

    def read(self, kind: str, seed: int, number: int) -> Attempt:
        """Return what becomes of a file."""
        try:
            self._tasks.send((kind, seed, number))
            if self._tasks.poll(_SILENCE):
                done: Attempt = self._tasks.recv()
                return done
            problem = f"no answer in {_SILENCE:g} s by the clock"
        except (EOFError, OSError):
            self._process.join(10)
            code = self._process.exitcode
            problem = f"ended its process with {code}"
            if code == -signal.SIGPROF:
                problem = f"no answer in {_PATIENCE:g} s of the processor"
        self.end()
        self._start()
        return Attempt(problem)

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def main(
    files: Annotated[int, Option(min=1, help="Files of each kind.")] = 100,
    seed: Annotated[int, Option(help="The same seed makes the same files.")] = 0,
    kind: Annotated[
        list[str] | None, Option(help=f"Of {', '.join(KINDS)}; repeatable; else all.")
    ] = None,
    only: Annotated[
        str, Option(metavar="KIND:NUMBER", help="Make one file again, with its traceback.")
    ] = "",
) -> None:
    """Fuzz with so many files; exit 1 when one crashed a reader, hung, or took too much memory."""
    if only:
        name, _, number = only.partition(":")
        KINDS[name](name, random.Random(f"{name} {seed} {number}"))
        return
    tallies = {name: Tally() for name in kind or KINDS}
    failures = list[str]()
    reader = Reader()
    for name, tally in tallies.items():
        for number in range(files):
            done = reader.read(name, seed, number)
            if done.outcome not in ("read", "a line"):
                failures.append(f"{name}:{number}  {' '.join(done.outcome.split())[:160]}")
                print(failures[-1], file=sys.stderr, flush=True)
            count_attempt(tally, done)
    reader.end()
    print_tallies(tallies)
    print(f"\n{len(failures)} failures")
    print(*failures, sep="\n")
    raise typer.Exit(bool(failures))


def count_attempt(tally: Tally, done: Attempt) -> None:
    """Add what became of a file to those of its kind."""
    tally.outcomes[done.outcome if done.outcome in ("read", "a line") else "failed"] += 1
    if done.line:
        tally.classes[done.line] += 1
    tally.slowest = max(tally.slowest, done.seconds)
    tally.largest = max(tally.largest, done.memory)


def print_tallies(tallies: Mapping[str, Tally]) -> None:
    """Print a table of the kinds, and their lines by class."""
    print("kind       files    read  a line  failed  slowest, s   peak, MB")
    for name, tally in tallies.items():
        counts = [tally.files, *(tally.outcomes[each] for each in ("read", "a line", "failed"))]
        cells = "".join(f"{count:8,}" for count in counts)
        print(f"{name:8}{cells}{tally.slowest:12.2f}{tally.largest / 1e6:11,.0f}")
    print("\nlines by class")
    for name, tally in tallies.items():
        for line, times in tally.classes.most_common():
            print(f"{name:8}{times:8,}  {line}")


if __name__ == "__main__":
    typer.run(main)
