"""Fuzz all that reads files of others: altered files in, a document or one line out, within bounds
on time and memory.

Reports of every format, tables, models (graph, tokenizer, weights, head), bundles, logs of
decisions, ledgers, cached downloads, addresses, and the rows of a corpus. Lines are counted by
class: what they say, without names and numbers.

Each file follows from its kind, the seed and its number, so that ``--only KIND:NUMBER`` makes a
failure again.
"""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import random
import re
import resource
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import cache
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer import Option

ROOT: Final = Path(__file__).resolve().parents[1]
FILES: Final = ROOT / "tests" / "files"
SAMPLES: Final = ROOT / "data" / "samples"

_MEMORY: Final = 4_000_000_000  # bytes of address space of the process that reads the files
_PATIENCE: Final = 10.0  # seconds for one file
_NASTY: Final = (
    b"\0", b"\xff\xfe", b"1e999", b"9" * 5_000, b"[" * 2_000, b'{"a":' * 500, b"<table>" * 300, b"<!--", b"]]>", b"-1",
    b"#" * 3_000, b'"' * 3_000, b"\r\n\r\n", b"&#x110000;", b"\xed\xa0\x80", b"PK\x05\x06", b"4294967295", b"null",
)  # fmt: skip


@dataclass
class Tally:
    """What became of the files of one kind."""

    outcomes: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)  # of the lines
    slowest: tuple[float, int] = (0.0, 0)  # seconds, number of the file
    largest: int = 0  # bytes of memory of the process after a file


def altered(data: bytes, chance: random.Random) -> bytes:
    """Alter `data` in one to four places: cut off, overwritten, left out, doubled, or with
    something nasty put in."""
    for _ in range(chance.randint(1, 4)):
        a, b = sorted(chance.randrange(len(data) + 1) for _ in range(2))
        b = min(b, a + 400)
        part = {
            "flip": chance.randbytes(chance.randint(1, 4)),
            "drop": b"",
            "double": data[a:b] * chance.choice((2, 2, 50)),
            "insert": chance.choice(_NASTY),
        }[chance.choice(("flip", "flip", "drop", "double", "insert"))]
        data = data[:a] + part + data[min(b, a + len(part)) if len(part) < 5 else b :]
        if chance.random() < 0.05:
            data = data[:a]
    return data


def altered_zip(
    data: bytes, chance: random.Random, seal: Callable[[dict[str, bytes]], None] | None = None
) -> bytes:
    """Alter the bytes of a zip file, or more often one file in it, after which `seal` makes the
    hashes fit."""
    if chance.random() < 0.2:
        return altered(data, chance)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice(sorted(members))
    members[name] = altered(members[name], chance)
    if seal:
        seal(members)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


# --------------------------------------------------------------------------------------------- what
# is fuzzed


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
        from tipclassify.pipeline.batch import Tagging
        from tipclassify.pipeline.bundle.writing import Included, write_bundle

        bundle = io.BytesIO()
        report = str(SAMPLES / "excerpt.txt")
        write_bundle([report], Tagging("fast"), bundle, Included(sources=True))
        return bundle.getvalue()
    if name == "mhtml":
        page = sample("html").replace(b"=", b"=3D")
        head = (
            b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=part\r\n\r\n--part\r\n"
        )
        kind = b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
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
    if name == "events":
        return _events()
    if name == "ledger":
        return b'{"input": "a.txt", "output": "a.txt.csv", "key": "0123abcd"}\n' * 9
    places = {
        "html": SAMPLES / "karvonia-2024.html",
        "pdf": FILES / "one-column.pdf",
        "txt": SAMPLES / "excerpt.txt",
    }
    return places.get(name, FILES / f"sample.{name}").read_bytes()


def _mail() -> bytes:
    """A mail of a page that says who published it, in all the ways that are read, and plain text
    beside it."""
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
    head = "<title>2021 Harbor Report: Togo | OSCE</title><meta property='og:site_name' content='Halden'>"
    head += "<link rel=canonical href='https://www.state.gov/reports/2021-harbor-report/togo/'>"
    head += f"<meta name='dc.date' content='1 June 2021'><script type='application/ld+json'>{json.dumps(article)}</script>"
    masthead = "United Nations A/HRC/99/7 General Assembly Distr.: General 4 April 2014"
    message = EmailMessage()
    message["Subject"], message["Date"] = "Compilation on Togo", "Tue, 01 Jun 2021 09:00:00 +0000"
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
    from tipclassify.readers.jsonl import parse_row

    data = (altered_zip if kind in ("docx", "epub") else altered)(sample(kind), chance)
    if kind == "jsonl":
        texts, bad = list[str](), list[InputError]()
        for number, line in enumerate(data.split(b"\n"), 1):
            try:
                texts += [parse_row(line, f"fuzz.jsonl:{number}")["text"]] if line.strip() else []
            except InputError as error:
                bad.append(error)
        Classifier.load("fast").predict(texts)
        for error in bad:
            raise error
        return
    document = read_bytes(data, f"fuzz.{kind}")
    for passage in Classifier.load("fast").tag(document):
        if document.text[passage.start : passage.end] != passage.text:
            raise AssertionError("a wrong offset")


@cache
def _events() -> bytes:
    """A log of two decisions, as the review page writes it."""
    from tipclassify.review.events import Event
    from tipclassify.review.log import EventLog, now

    about = {"text": "Police arrested nine.", "report_id": "ab12", "block": 1, "section": "COURTS"}
    with tempfile.TemporaryDirectory() as folder:
        log = EventLog(Path(folder, "my.events"))
        for number in (1, 2):
            with log.exclusive() as write:
                write(
                    Event(
                        number,
                        "decision",
                        f"key{number}",
                        "ana",
                        now(),
                        labels=("failure",),
                        about=about,
                    )
                )
        return log.path.read_bytes()


def read_rows_of_table(kind: str, chance: random.Random) -> None:
    """Read the rows of an altered table."""
    from tipclassify.readers import ReadOptions
    from tipclassify.readers.tables import read_table

    with tempfile.NamedTemporaryFile(suffix=f".{kind}") as file:
        file.write((altered_zip if kind == "xlsx" else altered)(sample(kind), chance))
        file.flush()
        for _ in read_table(file.name, ReadOptions()):
            pass


def read_log(kind: str, chance: random.Random) -> None:  # noqa: ARG001
    """Open an altered log of decisions, and derive the corpus from it."""
    from tipclassify.review.derived import CorpusFile
    from tipclassify.review.log import EventLog

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "my.events").write_bytes(altered(sample("events"), chance))
        log = EventLog(Path(folder, "my.events"))
        CorpusFile(Path(folder, "my.jsonl")).write(log.history)


def read_ledger(kind: str, chance: random.Random) -> None:  # noqa: ARG001
    """Open an altered ledger, and add to it."""
    from tipclassify.pipeline.resume import LEDGER, Ledger, listed_outputs

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, LEDGER).write_bytes(altered(sample("ledger"), chance))
        listed_outputs(Path(folder))
        report, output = Path(folder, "in.txt"), Path(folder, "in.txt.csv")
        report.touch()
        output.touch()
        Ledger(Path(folder), {}).add(str(report), output)
        if not Ledger(Path(folder), {}).has(str(report), output):
            raise AssertionError("what was added is not there")


def read_corpus(kind: str, chance: random.Random) -> None:
    """Read altered labelled passages."""
    from tipclassify.corpus.loading import read_rows

    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        file.write(altered(sample(kind), chance))
        file.flush()
        read_rows(Path(file.name))


def parse_address(kind: str, chance: random.Random) -> None:  # noqa: ARG001
    """Parse an altered address."""
    from tipclassify.download.request import parse_url

    samples = (
        b"https://www.example.org:443/a/b.html?q=1#x",
        b"http://xn--bcher-kva.example/",
        b"http://[2001:db8::1]/",
    )
    parse_url(altered(chance.choice(samples), chance).decode("utf-8", "surrogateescape"))


def load_graph(kind: str, chance: random.Random) -> None:  # noqa: ARG001
    """Check an altered graph, and run it in a process of its own where it passes."""
    from tipclassify.errors import ModelError
    from tipclassify.model.encoder.graph_check import graph_problem
    from tipclassify.model.encoder.onnx_session import RemoteGraph

    graph = altered((FILES / "tiny_encoder" / "model.onnx").read_bytes(), chance)
    if problem := graph_problem(graph):
        raise ModelError(f"the encoder's graph {problem}")
    RemoteGraph(graph).pooled([[2, 5, 3], [2, 3]])


def load_model(kind: str, chance: random.Random) -> None:
    """Load and run a model with one altered file, whose hashes fit."""
    from tipclassify import Classifier
    from tipclassify.model.common.folder import digest

    source = FILES / "tiny_encoder" if kind == "encoder" else ROOT / "models" / "fast"
    with tempfile.TemporaryDirectory() as folder:
        files = {file.name: file.read_bytes() for file in source.iterdir() if file.is_file()}
        head = json.loads(files["model.json"])
        name = chance.choice(["model.json", *head.get("files", ["weights.npz"])])
        files[name] = altered(files[name], chance)
        if name == "model.json":
            try:
                head = json.loads(files[name])
                files[name] = json.dumps({**head, "sha256": digest(head)}).encode()
            except (ValueError, TypeError, RecursionError):
                pass
        else:
            sha256 = hashlib.sha256(files[name]).hexdigest()
            changed = (
                {"weights_sha256": sha256}
                if kind == "linear"
                else {"files": {**head["files"], name: sha256}}
            )
            head |= changed
            files["model.json"] = json.dumps({**head, "sha256": digest(head)}).encode()
        for name, data in files.items():
            Path(folder, name).write_bytes(data)
        classifier = Classifier.load(Path(folder))
        classifier.explain_all(["Police arrested nine recruiters in Karvonia.", "x " * 400])


def verify(kind: str, chance: random.Random) -> None:  # noqa: ARG001
    """Verify an altered bundle, whose hashes fit where that is possible."""
    from tipclassify.pipeline.bundle.checking import verify_bundle
    from tipclassify.pipeline.bundle.manifest import seal

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


READERS: Final = ("html", "mhtml", "pdf", "docx", "epub", "eml", "md", "txt", "jsonl")
KINDS: Final[dict[str, Callable[[str, random.Random], None]]] = {
    **dict.fromkeys(READERS, read),
    **dict.fromkeys(("linear", "encoder"), load_model),
    "graph": load_graph,
    "bundle": verify,
    **dict.fromkeys(("csv", "xlsx"), read_rows_of_table),
    "corpus": read_corpus,
    "events": read_log,
    "ledger": read_ledger,
    "address": parse_address,
}


# ---------------------------------------------------------------------------------------------
# running it


def attempt(kind: str, seed: int, number: int) -> str:
    """Make and read one file; return "read", "a line: " and its class, or what went wrong."""
    from tipclassify.errors import TipclassifyError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            KINDS[kind](kind, random.Random(f"{kind} {seed} {number}"))
    except TipclassifyError as error:
        lines = str(error).split("\n")
        # it names every bad row
        if "report this to us" in str(error) or (len(lines) > 1 and kind != "corpus"):
            return f"crash: {error}"
        return f"a line: {line_class(lines[0])}"
    except Exception as error:
        return f"crash: {type(error).__name__}: {error}"
    return "read"


def line_class(line: str) -> str:
    """Return what a line says, without the name before it, and without numbers, quotes and what is
    in brackets.

    >>> line_class("fuzz.pdf: unpacks to 812 MB, over 100 (see 'x')")
    'unpacks to N MB, over N'
    """
    what = line.partition(": ")[2] or line
    what = re.sub(r"\([^()]*\)?|'[^']*'|\"[^\"]*\"", "", what)
    return " ".join(re.sub(r"[0-9][0-9,.]*", "N", what).partition(";")[0].split())[:60]


def work(tasks: Any) -> None:
    """Answer each (kind, seed, number) with its outcome, seconds, and the peak of memory so far."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    while task := tasks.recv():
        began = time.perf_counter()
        outcome = attempt(*task)
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
            1 if sys.platform == "darwin" else 1_024
        )
        tasks.send((outcome, time.perf_counter() - began, used))


def start() -> tuple[Any, Any]:
    """Start the process that reads the files; it is ended when it dies of one, or hangs."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=work, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def main(
    seconds: Annotated[float, Option(min=1, help="When to stop.")] = 60.0,
    seed: Annotated[int, Option(help="The same seed makes the same files.")] = 0,
    kind: Annotated[
        list[str] | None, Option(help=f"Of {', '.join(KINDS)}; repeatable; else all.")
    ] = None,
    only: Annotated[
        str, Option(metavar="KIND:NUMBER", help="Make one file again, with its traceback.")
    ] = "",
) -> None:
    """Fuzz for some seconds; print a table; exit 1 when a file crashed a reader, hung, or took
    too much memory."""
    if only:
        name, _, number = only.partition(":")
        KINDS[name](name, random.Random(f"{name} {seed} {number}"))
        return
    tallies = {name: Tally() for name in kind or KINDS}
    failures = []
    process, pipe = start()
    fresh = True  # whether the process has its imports yet to do
    deadline = time.monotonic() + seconds
    for number in count():
        for name, tally in tallies.items():
            if time.monotonic() > deadline:
                break
            try:
                pipe.send((name, seed, number))
                answer = pipe.recv() if pipe.poll(_PATIENCE + 20 * (fresh or number == 0)) else None
            except (EOFError, OSError):
                answer = ("killed its process", 0.0, 0)
            outcome, taken, used = answer or (f"no answer in {_PATIENCE:g} s", _PATIENCE, 0)
            outcome, _, said = (
                outcome.partition(": ") if outcome.startswith("a line: ") else (outcome, "", "")
            )
            tally.classes.update([said] if said else [])
            if outcome not in ("read", "a line"):
                failures.append(f"{name}:{number}  {' '.join(outcome.split())[:160]}")
                outcome = "failed"
            tally.outcomes[outcome] += 1
            tally.slowest = max(tally.slowest, (taken, number))
            tally.largest = max(tally.largest, used)
            if answer is None or used == 0:
                process.kill()
                process.join()
                process, pipe = start()
            fresh = answer is None or used == 0
        else:
            continue
        break
    process.kill()
    process.join()
    print("kind       files    read  a line  failed  slowest, s   peak, MB")
    for name, tally in tallies.items():
        read_, line, failed = (tally.outcomes[one] for one in ("read", "a line", "failed"))
        cells = f"{tally.outcomes.total():8,}{read_:8,}{line:8,}{failed:8,}{tally.slowest[0]:12.2f}"
        print(f"{name:8}{cells}{tally.largest / 1e6:11,.0f}")
    print("\nlines by class")
    for name, tally in tallies.items():
        for said, times in tally.classes.most_common():
            print(f"{name:8}{times:8,}  {said}")
    print(f"\n{len(failures)} failures")
    print(*failures, sep="\n")
    raise typer.Exit(bool(failures))


if __name__ == "__main__":
    typer.run(main)
