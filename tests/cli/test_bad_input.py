"""Bad input, wrong usage and full disks: a clear line, a documented code, nothing half written."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from conftest import Cli

import tipclassify.tagging as tagging_loop
from tipclassify.corpus.convert import read_annotated
from tipclassify.corpus.rows import read_rows
from tipclassify.errors import CorpusError
from tipclassify.readers import ReadOptions
from tipclassify.records import Block, Document, Passage
from tipclassify.tagging import Tagging
from tipclassify.tagging.inputs import expand_inputs
from tipclassify.text import split as splitting
from tipclassify.write import FORMATS
from tipclassify.write.output import Output
from tipclassify.write.terminal import write_findings

T = TypeVar("T")
R = TypeVar("R")

FAST = ("--model", "fast")
TEXT = "PROSECUTION\n\nPolice arrested nine traffickers, but courts convicted none of them.\n"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A file of one short report."""
    file = tmp_path / "report.txt"
    file.write_text(TEXT, "utf-8")
    return file


# -------------------------------------------------------------------------------------------- usage


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("score", "Missing argument 'FILE...'; see 'tipclassify score --help'"),
        ("score x --format pdf", "'pdf' is not one of 'table', 'jsonl'"),
        ("score x -o out.doc", "out.doc: no format has the suffix '.doc'; use .txt, "),
        ("score x --threshold failure", "'failure' is not LABEL=VALUE"),
        ("score x --threshold failure=2", "the value must be over 0 and under 1"),
        ("score x -o .", ".: a folder; give the name of a file in it"),
        ("evaluate x --threshold failure=nan", "the value must be over 0 and under 1"),
        ("evaluate x --threshold mood=0.5", "mood"),
        ("evaluate x --draws -1", "--draws"),
        ("compare x", "give two reports or more"),
        ("compare x y -o c.csv", "say --ledger"),
        ("score x --resume", "needs --output-dir"),
        ("score x -o a.csv --output-dir b", "not both"),
        ("score x --policy no", "Invalid value for '--policy': 'no' is not one of"),
        ("score x --encoding klingon", "no encoding is called 'klingon'; try utf-8"),
        ("score x --nonsense", "No such option: --nonsense"),
        ("nonsense", "No such command 'nonsense'"),
        ("fetch Togo Narnia --year 2023", "'Narnia' is no country that we know"),
        ("fetch Togo --year 1999", "1999: no TIP Report"),
        ("corpus add x.jsonl --to x.csv", "x.csv: rows are added to .jsonl only"),
    ],
)
def test_wrong_usage_is_one_line_with_the_reason_and_exits_2(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = cli(*command.split())
    assert (done.returncode, done.stdout) == (2, b"")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.decode().startswith("tipclassify: ")
    assert reason in done.stderr.decode()
    assert not list(tmp_path.iterdir())


def test_no_command_shows_the_help_and_exits_2(cli: Cli) -> None:
    done = cli()
    assert done.returncode == 2
    assert b"Usage: tipclassify" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("score", "findings.html"),
        ("score", "findings.xlsx"),
        ("summary", "counts.csv"),
        ("corpus queue", "todo.jsonl"),
    ],
)
def test_where_no_input_can_be_read_an_output_stays_as_it_was(
    cli: Cli, tmp_path: Path, command: str, name: str
) -> None:
    output = tmp_path / name
    output.write_text("what an earlier run found", encoding="utf-8")
    missing = tmp_path / "nothere.html"
    done = cli(*command.split(), "--model", "fast", missing, "-o", output)
    assert done.returncode == 1
    assert done.stderr.decode().count("\n") == 1
    assert output.read_text("utf-8") == "what an earlier run found"


def test_a_corpus_of_bad_rows_shows_twenty_of_them_and_a_count(cli: Cli, tmp_path: Path) -> None:
    rows = "".join(
        f'{{"text": "Police acted.", "labels": ["label{number}"]}}\n' for number in range(1_000)
    )
    (tmp_path / "bad.jsonl").write_text(rows, "utf-8")
    done = cli("corpus", "check", tmp_path / "bad.jsonl")
    lines = done.stderr.decode().splitlines()
    assert (done.returncode, len(lines)) == (1, 21)
    assert "bad.jsonl:20: " in lines[19]
    assert lines[20] == "tipclassify: and 980 more of this kind"


# ------------------------------------------------------------------------------------------ outputs

_EACH_FORMAT = """
import os, resource, sys
from tipclassify import classify
from tipclassify.cli.app import main
classify("Police acted.", model="fast")  # once for all
report, folder, *names = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # every write to a file fails, as on a full disk
command = ["tipclassify", "score", report, "--model", "fast"]
for name in names:
    if not os.fork():
        sys.argv = [*command, "-f", name, "-o", f"{folder}/out.{name}"]
        main()
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of a file")
def test_a_full_disk_is_one_line_and_leaves_no_scrap_whatever_the_format(
    report: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    for name in FORMATS:
        (folder / f"out.{name}").write_text("old")
    command = [sys.executable, "-c", _EACH_FORMAT, report, folder, *FORMATS]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    assert done.stdout.split() == ["1" for _ in FORMATS]
    assert [line.partition(": cannot be written (")[0] for line in done.stderr.splitlines()] == [
        f"tipclassify: {folder}/out.{name}" for name in FORMATS
    ]
    assert {file.name: file.read_text() for file in folder.iterdir()} == {
        f"out.{name}": "old" for name in FORMATS
    }


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_below_standard_output_is_one_line(report: Path, unbuffered: str) -> None:
    command = [sys.executable, "-m", "tipclassify", "score", report, *FAST, "-f", "jsonl"]
    env = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=env)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "tipclassify: standard output: cannot be written (no space left on device)"
    )
    assert len(done.stderr.splitlines()) == 1


# ------------------------------------------------------------------------------------------- inputs


def test_a_folder_names_what_it_leaves_out_but_no_lock_file(report: Path) -> None:
    for name in ("a.csv", "b.xlsx", "~$report.docx", ".hidden.csv"):
        (report.parent / name).write_bytes(b"x")
    with pytest.warns(UserWarning, match=r"left out 2 files that are no reports: a\.csv, b\.xlsx$"):
        assert expand_inputs([str(report.parent)]) == [str(report)]


TABLE = (
    "id;sentence;section\n1;Police arrested nine traffickers.;Forced Labor\n2;;\n"
    "3;“Courts” slept.;\n"
)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
def test_a_csv_is_read_row_by_row(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "sentences.csv"
    file.write_bytes(TABLE.encode(encoding))
    tagging = Tagging("fast", read=ReadOptions(text_column="sentence"))
    with pytest.warns(UserWarning, match=r"sentences\.csv: row 3 without a text, left out"):
        (rows,) = tagging.reports([str(file)])
    assert [(passage.text, passage.section) for passage in rows.passages] == [
        ("Police arrested nine traffickers.", "Forced Labor"),
        ("“Courts” slept.", None),
    ]
    assert [passage.extra["id"] for passage in rows.passages] == ["1", "3"]


def test_a_workbook_is_read_row_by_row(cli: Cli, tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (("id", " text"), (1, "Police arrested nine traffickers."), (2, "Courts slept.")):
        book.active.append(row)
    book.save(tmp_path / "sentences.xlsx")
    done = cli("score", tmp_path / "sentences.xlsx", *FAST, "-f", "jsonl")
    rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [(row["id"], row["text"]) for row in rows] == [
        (1, "Police arrested nine traffickers."),
        (2, "Courts slept."),
    ]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        (
            "a.csv",
            b"id,sentence\n1,Police slept.\n",
            "no column 'text' in the first row (id, sentence); name one by",
        ),
        ("a.csv", b'text\n"Police" slept.\n', "a.csv:2: broken CSV"),
        ("a.xlsx", b"PK\x03\x04 no zip", "damaged or incomplete file"),
        ("a.jsonl", b'{"sentence": "Police slept."}\n', 'a.jsonl:1: no "text" field'),
    ],
)
def test_a_table_that_cannot_be_read_is_one_line(
    cli: Cli, tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(data)
    done = cli("score", tmp_path / name, *FAST)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert reason in done.stderr.decode()


def test_a_cell_of_a_table_may_be_long(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "text\n" + "Police arrested a trafficker. " * 5_000 + "\n", "utf-8"
    )
    done = cli("score", tmp_path / "a.csv", *FAST, "-f", "jsonl")
    assert (done.returncode, done.stdout.count(b"\n")) == (0, 1)


def test_our_own_csv_is_read_without_its_apostrophes(cli: Cli, tmp_path: Path) -> None:
    texts = [
        "- Police arrested nine traffickers;",
        "+ Courts slept; - prosecutors too.",
        "@home 'twas so.",
    ]
    rows = [{"text": text, "section": "=Labor"} for text in texts]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    file = tmp_path / "a.csv"
    tabs = tmp_path / "b.tsv"
    assert cli("score", tmp_path / "a.jsonl", *FAST, "-o", file).returncode == 0
    written = file.read_text("utf-8")
    for cell in ("'- Police", "'+ Courts slept; '- prosecutors", "'@home 'twas", "'=Labor"):
        assert cell in written
    lines = "".join(f"'{text}\t'=Labor\n" for text in texts).replace("; -", "; '-")
    tabs.write_text("text\tsection\n" + lines, "utf-8")
    rows_by_file = {}
    for name in ("a.jsonl", "a.csv", "b.tsv"):
        scored = cli("score", tmp_path / name, *FAST, "-f", "jsonl").stdout
        rows_by_file[name] = [json.loads(line) for line in scored.splitlines()]
    for field in ("text", "section", "scores"):
        wanted = [row[field] for row in rows_by_file["a.jsonl"]]
        assert [row[field] for row in rows_by_file["a.csv"]] == wanted
        assert [row[field] for row in rows_by_file["b.tsv"]] == wanted
    done = cli("corpus", "convert", file, "--to", "jsonl", "--out", tmp_path / "c.jsonl")
    assert (done.returncode, [row["text"] for row in read_annotated(tmp_path / "c.jsonl")]) == (
        0,
        texts,
    )
    (tmp_path / "d.csv").write_text(written.replace("low_confidence", "sure"), "utf-8")
    assert [row["text"] for row in read_rows(tmp_path / "d.csv")] == texts


def test_the_text_column_is_a_field_of_json_lines_too(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"sentence": "Police slept.", "text": "no"}\n', "utf-8")
    done = cli("score", tmp_path / "a.jsonl", *FAST, "-f", "jsonl", "--text-column", "sentence")
    assert json.loads(done.stdout)["text"] == "Police slept."


def test_empty_rows_of_a_csv_are_named_and_left_out_and_spaces_in_its_header_are_not_meant(
    tmp_path: Path,
) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(
        "id, text, label\n1,Police slept.,failure\n2,,\n3, ,\n4,Courts slept.,\n", "utf-8"
    )
    what = r"mine\.csv: lines 3, 4 without a text, left out"
    with pytest.warns(UserWarning, match=what):
        assert [row["labels"] for row in read_annotated(file)] == [("failure",), ()]
    with pytest.warns(UserWarning, match=what):
        assert [row["labels"] for row in read_rows(file)] == [("failure",), ()]


def test_label_studio_boxes_are_refused(tmp_path: Path) -> None:
    box = {"type": "rectanglelabels", "value": {"rectanglelabels": ["Car"]}}
    task = {
        "id": 1,
        "data": {"text": "Police slept.", "image": "a.png"},
        "annotations": [{"result": [box]}],
    }
    (tmp_path / "tasks.json").write_text(json.dumps([task]), "utf-8")
    with pytest.raises(CorpusError, match="annotated with rectanglelabels, not with choices"):
        read_annotated(tmp_path / "tasks.json")


@pytest.mark.parametrize("command", [("text",), ("score", *FAST, "-f", "jsonl")])
def test_what_a_reader_warns_of_is_one_line(
    cli: Cli, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "a.txt").write_bytes(
        "Café police slept in the cold. ".encode() * 40 + b"\x81 Courts slept."
    )
    done = cli(*command, tmp_path / "a.txt")
    assert done.returncode == 0
    (warning,) = [
        line for line in done.stderr.decode().splitlines() if "mostly on other subjects" not in line
    ]
    assert warning.startswith(f"tipclassify: warning: {tmp_path}/a.txt: not quite utf-8; ")


# ------------------------------------------------------------------------------------- long reports


def test_a_long_report_is_tagged_in_parts_cut_between_sections(
    report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    three = "Police slept.\n\nCourts slept.\n\nJudges slept.\n\n"
    report.write_text(
        f"PROSECUTION\n\n{three}PROTECTION\n\n{three}{three}{three}PREVENTION\n\n{three}", "utf-8"
    )
    (whole,) = Tagging("fast").reports([str(report)])
    monkeypatch.setattr(splitting, "PART", 4)
    parts = list(Tagging("fast").reports([str(report)]))
    assert [passage for part in parts for passage in part.passages] == list(whole.passages)
    assert [(part.part, len(part.passages)) for part in parts] == [(1, 6), (2, 6), (3, 3)]
    blocks = [block for part in parts if part.document for block in part.document.blocks]
    assert whole.document is not None
    assert tuple(blocks) == whole.document.blocks
    assert parts[2].passages[0].section == "prevention"


def test_a_part_ends_with_its_country_unless_that_is_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lengths = (
        ("A", "prosecution", 3),
        ("A", "protection", 2),
        ("B", "protection", 3),
        ("C", "prosecution", 2),
        ("C", "protection", 4),
        ("C", "prevention", 1),
    )
    blocks: list[Block] = []
    for country, section, length in lengths:
        for start in range(14 * len(blocks), 14 * (len(blocks) + length), 14):
            blocks.append(Block(start, start + 14, section, country=country))
    document = Document("Police slept.\n" * len(blocks), tuple(blocks))
    monkeypatch.setattr(splitting, "PART", 4)
    parts = list(splitting.split_passages_in_parts(document))
    # A; B and the start of C; the rest of C
    assert [len(passages) for _, passages in parts] == [5, 6, 4]
    assert [block for part, _ in parts for block in part.blocks] == blocks
    assert [passage for _, passages in parts for passage in passages] == [
        Passage(
            "Police slept.",
            block.start,
            block.end - 1,
            block.section,
            block=n,
            country=block.country,
        )
        for n, block in enumerate(blocks)
    ]


def test_a_worker_gives_a_long_report_back_and_the_results_are_those_of_one_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [str(tmp_path / f"{name}.txt") for name in ("a", "long", "z")]
    for file, sentences in zip(files, (1, 1_000, 2), strict=True):
        Path(file).write_text("Police slept.\n\n" * sentences, "utf-8")
    monkeypatch.setattr(splitting, "PART", 300)
    one_job = [(file, list(results)) for file, results in Tagging("fast").by_input(files)]
    sent: list[bytes] = []

    def in_a_worker(
        work: Callable[[T], R], tasks: Iterable[T], jobs: int, _lost: Callable[[T], R]
    ) -> Iterator[R]:
        assert jobs == 2
        for task in tasks:
            sent.append(pickle.dumps(work(task)))
            yield pickle.loads(sent[-1])

    monkeypatch.setattr(tagging_loop, "map_in_order", in_a_worker)
    two_jobs = [(file, list(results)) for file, results in Tagging("fast").by_input(files, 2)]
    assert two_jobs == one_job
    assert [len(results) for _, results in one_job] == [1, 3, 1]
    assert len(sent[1]) < 1_000


def test_a_table_of_a_long_report_comes_part_by_part_and_counts_it_as_one(
    report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report.write_text(f"{TEXT}\n" * 80 + "The capital lies on a river.\n\n" * 400, "utf-8")
    monkeypatch.setattr(splitting, "PART", 40)
    parts = list(Tagging("fast").reports([str(report)]))
    out = io.StringIO()
    write_findings(iter(parts), out, Output(Tagging("fast").classifier().run()))
    tagged = sum(any(passage.labels for passage in part.passages) for part in parts)
    assert out.getvalue().count(report.name) == tagged > 1
    assert "480 passages, " in out.getvalue()
    assert (
        "passages are about trafficking; the rest of this report is on other subjects."
        in out.getvalue()
    )


def test_no_output_replaces_what_is_read(cli: Cli, report: Path, tmp_path: Path) -> None:
    model = tmp_path / "mine"
    shutil.copytree(Path(__file__).parents[2] / "models" / "fast", model)
    head = model / "model.json"
    before = head.read_bytes()
    listed = tmp_path / "list.txt"
    listed.write_text(f"{report}\n", "utf-8")
    for command in (
        ("score", report, "--model", model, "-o", head, "-f", "jsonl"),
        ("summary", report, "--model", model, "-o", head, "-f", "jsonl"),
        ("explain", "Police slept.", "--model", model, "-o", head),
        ("score", f"@{listed}", "--model", model, "-o", listed, "-f", "jsonl"),
    ):
        done = cli(*command)
        assert done.returncode == 2, done.stderr
        assert b"is an input, which the output would replace" in done.stderr
    assert head.read_bytes() == before
    assert listed.read_text("utf-8") == f"{report}\n"
