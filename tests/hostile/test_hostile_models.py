"""Models made to harm: each is refused in one line.

No folder of the user's is ever replaced by one.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from conftest import Run

from tipclassify import Classifier, ModelError
from tipclassify.labels import POLICIES
from tipclassify.model.adding import add_model
from tipclassify.model.encoder.graph_check import graph_problem
from tipclassify.model.find import installed_models
from tipclassify.model.metadata import model_head_digest
from tipclassify.model.replacement import write_model_folder

TINY = Path(__file__).resolve().parents[1] / "files" / "tiny_encoder"
MODELS = Path(__file__).resolve().parents[2] / "models"
FAST = MODELS / "fast"
GRAPH = (TINY / "model.onnx").read_bytes()
TOKENIZER = (TINY / "tokenizer.json").read_bytes()


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of added models."""
    monkeypatch.setenv("TIPCLASSIFY_MODELS", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def resealed(source: Path, folder: Path, files: dict[str, bytes], **changes: object) -> Path:
    """Copy a model with other files and fields; all hashes in the copy are right."""
    shutil.copytree(source, folder)
    head = json.loads((folder / "model.json").read_text("utf-8"))
    head.update(changes)
    for name, data in files.items():
        (folder / name).write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        if "files" in head:
            head["files"][name] = digest
        else:
            head["weights_sha256"] = digest
    head["sha256"] = model_head_digest(head)
    (folder / "model.json").write_text(json.dumps(head), "utf-8")
    return folder


def refused(folder: Path) -> str:
    """Return the one line by which a model is refused."""
    with pytest.raises(ModelError) as caught:
        Classifier.load(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ------------------------------------------------------------------------------- the user's folders


def user_folder(folder: Path, *names: str) -> Path:
    """Make a folder with files of the user's."""
    folder.mkdir()
    for name in names:
        (folder / name).write_text("years of work", "utf-8")
    return folder


@pytest.mark.parametrize("names", [("thesis.txt",), ("model.json",), ("model.json", "thesis.txt")])
def test_adding_a_model_never_removes_a_folder_that_is_none(
    models: Path, names: tuple[str, ...]
) -> None:
    mine = user_folder(models / "odd", *names)
    with pytest.raises(ModelError, match=r"odd: a folder that is no model is in the way; [^\n]+$"):
        add_model(str(TINY), "odd")
    assert sorted(file.name for file in mine.iterdir()) == sorted(names)
    assert {file.read_text("utf-8") for file in mine.iterdir()} == {"years of work"}


def test_a_model_with_files_of_the_user_in_it_is_not_replaced(models: Path) -> None:
    add_model(str(TINY), "odd")
    (models / "odd" / "notes.txt").write_text("years of work", "utf-8")
    with pytest.raises(ModelError, match=r"has files of no model in it \(notes\.txt\)"):
        add_model(str(TINY), "odd")
    with pytest.raises(ModelError, match="notes"):
        write_model_folder(models / "odd", {"format": 1}, {})
    assert (models / "odd" / "notes.txt").read_text("utf-8") == "years of work"
    add_model(str(TINY), "plain")
    add_model(str(TINY), "plain")  # a model alone is


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_a_link_or_a_file_in_the_way_is_not_replaced(models: Path, tmp_path: Path) -> None:
    mine = user_folder(tmp_path / "mine", "a.part", "thesis.txt")
    (models / "odd").symlink_to(mine)
    (models / "file").write_text("years of work", "utf-8")
    for name in ("odd", "file"):
        with pytest.raises(ModelError, match="a link or file is in the way"):
            add_model(str(TINY), name)
    sha256 = json.loads((TINY / "model.json").read_text("utf-8"))["sha256"]
    (models / f".new-{sha256[:16]}").symlink_to(mine)
    with pytest.raises(ModelError, match="a link is in the way"):
        add_model(str(TINY), "new")
    assert sorted(file.name for file in mine.iterdir()) == ["a.part", "thesis.txt"]
    assert (models / "file").read_text("utf-8") == "years of work"


# ------------------------------------------------------------------------------------------- graphs


FIXED_64 = 1  # types of a field, in the three lowest bits of its key
LENGTH = 2
FIXED_32 = 5


def field(number: int, value: int | bytes) -> bytes:
    """Write a field of a protobuf message. Messages in a row are merged by any reader."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    """Write a number in base 128, lowest digit first; a high bit says that more follow."""
    start = b""
    while value > 0x7F:
        start += bytes([value & 0x7F | 0x80])
        value >>= 7
    return start + bytes([value])


def fields_of(message: bytes) -> list[tuple[int, bytes]]:
    """Return the fields of a message whose keys are one byte: number, and the whole field."""
    fields: list[tuple[int, bytes]] = []
    start = 0
    while start < len(message):
        number = message[start] >> 3
        wire_type = message[start] & 7
        end = start + 1
        if wire_type == FIXED_64:
            end += 8
        elif wire_type == FIXED_32:
            end += 4
        else:
            value, end = read_varint(message, end)
            if wire_type == LENGTH:
                end += value
        fields.append((number, message[start:end]))
        start = end
    return fields


def read_varint(message: bytes, start: int) -> tuple[int, int]:
    """Read a number that `varint` wrote; return it, and where it ends."""
    value = 0
    for place, byte in enumerate(message[start:]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, start + place + 1
    raise ValueError("the message is cut off")


def in_order(fields: Iterable[tuple[int, bytes]]) -> bytes:
    """Write fields by number, as a library writes them."""
    return b"".join(whole for _, whole in sorted(fields, key=lambda numbered: numbered[0]))


def with_fields(message: bytes, *more: tuple[int, bytes]) -> bytes:
    """Add fields to a message, each among those of its number."""
    return in_order([*fields_of(message), *more])


def graph_fields() -> bytes:
    """Return the content of the graph in the tiny model."""
    whole = next(whole for number, whole in fields_of(GRAPH) if number == 7)
    _, start = read_varint(whole, 1)
    return whole[start:]


def with_graph(*more: tuple[int, bytes]) -> bytes:
    """Return the tiny model with more fields in its graph: nodes (1), tensors (5) or others."""
    other_fields = [(number, whole) for number, whole in fields_of(GRAPH) if number != 7]
    graph = field(7, with_fields(graph_fields(), *more))
    return in_order([*other_fields, (7, graph)])


def with_tensor(*fields: bytes) -> bytes:
    """Return the tiny model with a tensor of these fields."""
    return with_graph((5, field(5, b"".join(fields))))


def with_node(*fields: bytes) -> bytes:
    """Return the tiny model with a node of these fields."""
    return with_graph((1, field(1, b"".join(fields))))


def overlong(number: int, value: bytes) -> bytes:
    """Write a field whose key has a bit beyond the 32 that readers take."""
    return varint((number << 3 | 2) + (1 << 32)) + varint(len(value)) + value


def inner_graph() -> bytes:
    """Return the body of a loop: a condition in, and out again."""
    step = field(1, field(1, b"c") + field(2, b"d") + field(4, b"Identity"))
    inputs = field(11, field(1, b"n")) + field(11, field(1, b"c"))
    output = field(12, field(1, b"d"))
    return step + inputs + output


OUTSIDE = field(13, field(1, b"location") + field(2, b"weights.bin"))
CONSTANT = field(4, b"Constant")
LOOP = (field(2, b"x"), field(4, b"Loop"))
ENTRY = field(14, field(1, b"ort_config") + field(2, b"{}"))
UNUSUAL = r"is written in an unusual way|is not one"

GRAPHS = {
    "a loop behind an overlong tag": (
        with_node(*LOOP, field(5, field(1, b"body") + overlong(6, inner_graph()))),
        UNUSUAL,
    ),
    "outside data behind an overlong tag": (
        with_tensor(field(1, 3), overlong(13, OUTSIDE), field(14, 1)),
        UNUSUAL,
    ),
    "an overlong length": (GRAPH[:-2] + b"\x80\x80\x00", UNUSUAL),
    "a graph in two parts": (GRAPH + field(7, field(2, b"name")), UNUSUAL),
    "fields in another order": (
        b"".join(whole for _, whole in reversed(fields_of(GRAPH))),
        UNUSUAL,
    ),
    "a number of eleven bytes": (GRAPH + b"\x08" + b"\x80" * 10 + b"\x01", UNUSUAL),
    "external data": (with_tensor(field(1, 3), OUTSIDE, field(14, 1)), "data outside the file"),
    "external data without its mark": (with_tensor(field(1, 3), OUTSIDE), "data outside the file"),
    "the mark alone": (with_tensor(field(14, 1)), "data outside the file"),
    "external data of a constant": (
        with_node(CONSTANT, field(5, field(5, OUTSIDE))),
        "data outside the file",
    ),
    "among the tensors of an attribute": (
        with_node(CONSTANT, field(5, field(10, OUTSIDE))),
        "lists of tensors",
    ),
    "a custom operator": (
        with_node(field(4, b"Open"), field(7, b"evil.example")),
        "not built into ONNX Runtime",
    ),
    "an operator that no encoder has": (
        with_node(field(4, b"NonMaxSuppression")),
        "an operator that no encoder needs",
    ),
    "an operator of Microsoft's": (
        with_node(field(4, b"Loop"), field(7, b"com.microsoft")),
        "that no encoder needs",
    ),
    "a loop": (with_node(*LOOP, field(5, field(6, inner_graph()))), "loops or branches"),
    "branches": (with_node(field(4, b"If"), field(5, field(11, b""))), "loops or branches"),
    "functions": (GRAPH + varint(25 << 3 | 2) + b"\0", "functions"),
    "training": (GRAPH + varint(20 << 3 | 2) + b"\0", "training steps"),
    "settings of ONNX Runtime": (with_fields(GRAPH, (14, ENTRY)), "sets options of ONNX Runtime"),
    "a sparse tensor": (with_graph((15, field(15, b""))), "sparse tensors"),
    "a field of tomorrow": (
        with_graph((31, varint(31 << 3) + b"\1")),
        "a field that no encoder needs",
    ),
    "a huge tensor": (with_tensor(field(1, 1 << 40)), "more elements than bytes"),
    "huge dimensions": (
        with_tensor(field(1, 1 << 20), field(1, 1 << 20)),
        "more elements than bytes",
    ),
    "negative dimensions": (with_tensor(field(1, (1 << 64) - 1)), "more elements than bytes"),
    "a huge constant": (
        with_node(CONSTANT, field(5, field(5, field(1, 1 << 40)))),
        "more elements than bytes",
    ),
    "truncated": (GRAPH[:-5], "is not one"),
    "endless": (GRAPH + b"\xff" * 40, "is not one"),
    "empty": (b"", "is not one"),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_that_is_more_than_arithmetic_is_refused_before_it_is_loaded(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, why = GRAPHS[name]
    started = "tipclassify.model.encoder.session.Child"
    monkeypatch.setattr(started, lambda *_, **__: pytest.fail("it was loaded"))
    assert re.search(why, refused(resealed(TINY, tmp_path / "odd", {"model.onnx": graph})))


def test_graphs_of_ours_are_sound() -> None:
    for folder in (TINY, MODELS / "default"):
        assert graph_problem((folder / "model.onnx").read_bytes()) is None
    identity = with_node(field(1, b"pooled"), field(2, b"unused"), field(4, b"Identity"))
    assert graph_problem(identity) is None


def node(operator: str, inputs: str, output: str) -> tuple[int, bytes]:
    """Return a node of a graph, with its number there."""
    names = b"".join(field(1, name.encode()) for name in inputs.split())
    return 1, field(1, names + field(2, output.encode()) + field(4, operator.encode()))


def shape(name: str, *sizes: int) -> tuple[int, bytes]:
    """Return a tensor of whole numbers, with its number in a graph."""
    data = b"".join(size.to_bytes(8, "little") for size in sizes)
    tensor = field(1, len(sizes)) + field(2, 7) + field(8, name.encode()) + field(9, data)
    return 5, field(5, tensor)


def slow_graph(times: int = 400) -> bytes:
    """Return a graph of plain arithmetic that takes hours.

    It multiplies large matrices and adds the sum of the result to each token.
    """
    steps = [shape("side", 6_000, 6_000), node("ConstantOfShape", "side", "m0")]
    steps += [node("MatMul", f"m{n} m0", f"m{n + 1}") for n in range(times)]
    return replaced_output([*steps, node("ReduceSum", f"m{times}", "odd")])


def large_graph() -> bytes:
    """Return a graph of plain arithmetic that takes 16 TB: a matrix of as many numbers."""
    steps = [
        shape("side", 2_000_000, 2_000_000),
        node("ConstantOfShape", "side", "m"),
        node("ReduceSum", "m", "odd"),
    ]
    return replaced_output(steps)


def replaced_output(steps: list[tuple[int, bytes]]) -> bytes:
    """Return the tiny graph, to whose result a number ``odd`` is added."""
    changed = with_graph(*steps, node("Add", "before odd", "pooled"))
    return with_same_length(changed)


def with_same_length(graph: bytes) -> bytes:
    """Rename the first result ``pooled`` to ``before``, which changes no length."""
    return graph.replace(b"pooled", b"before", 1)


def test_a_graph_that_takes_too_long_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert graph_problem(slow_graph()) is None  # no check can know
    folder = resealed(TINY, tmp_path / "odd", {"model.onnx": slow_graph()})
    monkeypatch.setattr("tipclassify.model.encoder.session._PATIENCE", 3.0)
    began = time.monotonic()
    message = r"^the encoder's graph took over \d s; get the model anew$"
    with pytest.raises(ModelError, match=message):
        Classifier.load(folder).predict(["Police acted."])
    assert time.monotonic() - began < 20


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux")
def test_a_graph_that_takes_all_memory_is_an_error(tmp_path: Path) -> None:
    folder = resealed(TINY, tmp_path / "odd", {"model.onnx": large_graph()})
    with pytest.raises(ModelError) as caught:
        Classifier.load(folder).predict(["Police acted."])
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_slow_graph_ends_on_a_signal_and_leaves_no_process(tmp_path: Path) -> None:
    folder = resealed(TINY, tmp_path / "odd", {"model.onnx": slow_graph()})
    (tmp_path / "a.txt").write_text("Police arrested nine recruiters.", "utf-8")
    command = [sys.executable, "-m", "tipclassify", "score", tmp_path / "a.txt"]
    command += ["--model", folder]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    children: list[bytes] = []
    while process.poll() is None and not children:
        time.sleep(0.05)
        list_children = ["pgrep", "-P", str(process.pid)]
        children = subprocess.run(list_children, capture_output=True, check=False).stdout.split()
    time.sleep(1)  # the child loads the graph, or runs it
    assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 128 + signal.SIGTERM
    process.communicate()
    assert not [child for child in children if Path("/proc", child.decode()).exists()]


def test_a_crash_of_the_library_is_an_error(tmp_path: Path) -> None:
    classifier = Classifier.load(resealed(TINY, tmp_path / "odd", {}, odd=1))
    child = classifier.scorer.graph._graph._child  # type: ignore[union-attr]
    os.kill(child.pid, signal.SIGKILL)
    message = r"^the encoder's graph cannot be run: its process ended with signal 9; "
    with pytest.raises(ModelError, match=message):
        classifier.predict(["Police acted."])


# --------------------------------------------------------------------------------------- tokenizers


def word_tokenizer(**changes: object) -> bytes:
    """Return the tokenizer of the tiny encoder with other fields."""
    return json.dumps({**json.loads(TOKENIZER), **changes}).encode()


def nested(value: object, times: int) -> object:
    """Put a value into as many lists as asked."""
    for _ in range(times):
        value = [value]
    return value


def nested_normalizer(times: int) -> object:
    """Put a normalizer into as many sequences as asked."""
    normalizer: object = {"type": "Lowercase"}
    for _ in range(times):
        normalizer = {"type": "Sequence", "normalizers": [normalizer]}
    return normalizer


BACKTRACKING = {"Regex": "(a|a)+$"}
SPLIT = {"type": "Split", "pattern": BACKTRACKING, "behavior": "Isolated", "invert": False}
REPLACE = {"type": "Replace", "pattern": BACKTRACKING, "content": ""}
DOUBLE = {"type": "Replace", "pattern": {"String": "a"}, "content": "aaaa"}
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
TEXT = {"Sequence": {"id": "A", "type_id": 0}}
WORD_MODEL = json.loads(TOKENIZER)["model"]
REPEATING = json.loads(TOKENIZER)["post_processor"]
REPEATING["single"] += [TEXT for _ in range(100_000)]

TOKENIZERS = {
    "backtracking": word_tokenizer(pre_tokenizer=SPLIT),
    "backtracking in the normalizer": word_tokenizer(normalizer=REPLACE),
    "doubling": word_tokenizer(
        normalizer={"type": "Sequence", "normalizers": [DOUBLE for _ in range(30)]}
    ),
    "doubling bytes": word_tokenizer(
        pre_tokenizer={"type": "Sequence", "pretokenizers": [BYTES for _ in range(30)]}
    ),
    "repeating": word_tokenizer(post_processor=REPEATING),
    "a long prefix": word_tokenizer(normalizer={"type": "Prepend", "prepend": "a" * 1_000}),
    "words of any length": word_tokenizer(
        model={
            **WORD_MODEL,
            "type": "WordPiece",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 10**9,
        }
    ),
    "pieces of any length": word_tokenizer(
        model={"type": "Unigram", "unk_id": 0, "vocab": [["[UNK]", 0.0], ["a" * 10**6, -1.0]]}
    ),
    "a decoder": word_tokenizer(decoder=REPLACE),
    "a key twice": TOKENIZER.replace(
        b'"pre_tokenizer"',
        b'"pre_tokenizer":' + json.dumps(SPLIT).encode() + b',"pre_tokenizer"',
    ),
    "sequences in sequences": word_tokenizer(normalizer=nested_normalizer(40)),
    "no object": b"[]",
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_tokenizer_that_could_take_hours_is_refused_or_takes_none(
    tmp_path: Path, name: str
) -> None:
    folder = resealed(TINY, tmp_path / "odd", {"tokenizer.json": TOKENIZERS[name]})
    if name != "a key twice":
        assert "tokenizer.json is not one we can use" in refused(folder)
        return
    began = time.monotonic()
    Classifier.load(folder).predict(["a" * 40 + "b"])
    assert time.monotonic() - began < 10


def test_a_tokenizer_of_any_size_is_refused_before_it_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tipclassify.model.encoder.scoring._LARGEST_TOKENIZER", 2_000)
    words = {f"word{number}": 5 + number for number in range(1_000)}
    vocabulary = {**WORD_MODEL["vocab"], **words}
    huge = word_tokenizer(model={**WORD_MODEL, "vocab": vocabulary})
    folder = resealed(TINY, tmp_path / "odd", {"tokenizer.json": huge})
    assert "not one we can use (over 0.002 MB)" in refused(folder)


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied", "/cache"), OSError("proxy\nrefused")]
)
def test_a_hub_whose_cache_or_proxy_fails_is_one_line(
    monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    hub = type(sys)("huggingface_hub")
    monkeypatch.setattr(hub, "hf_hub_download", fails, raising=False)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    with pytest.raises(ModelError, match=r"^owner/name: no model from the [^\n]+$"):
        Classifier.load("owner/name")


# --------------------------------------------------------------------------------- heads and arrays


HEADS: dict[str, dict[str, object]] = {
    "deep": {"odd": nested([], 150)},
    "a huge number": {"bias": [10**400, 0, 0]},
    "endless": {"bias": [float("inf"), 0, 0]},
    "no list": {"labels": 7},
    "labels of numbers": {"labels": [1, 2, 3]},
    "no thresholds": {"thresholds": None},
    "thresholds of text": {"thresholds": {policy: ["a", "b", "c"] for policy in POLICIES}},
    "a threshold too few": {"thresholds": {policy: [0.5, 0.5] for policy in POLICIES}},
    "no bias": {"bias": None},
    "short bias": {"bias": [0.0]},
    "format of text": {"format": "4"},
    "features of text": {"features": "x"},
    "later features": {"features": 99},
    "kind of a list": {"kind": ["linear"]},
    "corpus of a list": {"corpus": []},
    "versions of numbers": {"versions": {"numpy": 2}},
    "metrics of text": {"metrics": "good"},
    "behaviours of text": {"behaviours": {"rule": "x"}},
    "points of a list": {"operating_points": []},
    "a table of text": {"error_table": {"policies": {"balanced": {"failure": {"tp": "x"}}}}},
    "a hash of a number": {"weights_sha256": 7},
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_with_odd_values_is_refused_in_a_line(tmp_path: Path, name: str) -> None:
    refused(resealed(FAST, tmp_path / "odd", {}, **HEADS[name]))


@pytest.mark.parametrize(
    "written",
    [
        b"[" * 100_000,
        b'{"format": ' + b"9" * 5_000 + b"}",
        b'{"format": 1e999}',
        b'{"format": NaN}',
        b"[]",
        b"\xff",
    ],
)
def test_a_head_that_is_no_plain_json_is_refused_and_listed_as_unreadable(
    models: Path, written: bytes
) -> None:
    shutil.copytree(FAST, models / "odd")
    (models / "odd" / "model.json").write_bytes(written)
    assert "truncated or not a model" in refused(models / "odd")
    (listed,) = installed_models()
    assert (listed.name, listed.kind) == ("odd", "unreadable")


def test_one_bad_folder_is_one_line_of_the_list(models: Path, cli: Run) -> None:
    add_model(str(TINY), "good")
    shutil.copytree(TINY, models / "odd")
    (models / "odd" / "model.json").write_bytes(b"[" * 100_000)
    done = cli("models", "list")
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert [line.split()[:2] for line in lines[2:]] == [["good", "encoder"], ["odd", "unreadable"]]


def npz(kind: int = zipfile.ZIP_STORED, **members: npt.NDArray[np.generic] | bytes) -> bytes:
    """Return the table of ``fast`` with other arrays, or the bytes of members."""
    buffer = io.BytesIO()
    sound = np.load(FAST / "weights.npz")
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name in sound.files:
            member = members.get(name, sound[name][:8])
            if not isinstance(member, bytes):
                member = array_file(member)
            archive.writestr(f"{name}.npy", member)
    return buffer.getvalue()


def array_file(array: npt.NDArray[np.generic]) -> bytes:
    """Return an array as a file of NumPy."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array)
    return buffer.getvalue()


def header(shape: str, dtype: str = "<u4") -> bytes:
    """Return the header of an array of which nothing follows."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


ARRAYS = {
    "compressed": npz(zipfile.ZIP_DEFLATED, hashes=np.zeros(10_000_000, np.uint32)),
    "larger than it is": npz(hashes=header("(400000000,)")),
    "beyond all numbers": npz(hashes=header(f"({10**40},)")),
    "negative": npz(hashes=header("(-8,)") + b"\0" * 32),
    "of objects": npz(hashes=header("(8,)", "|O") + b"\0" * 64),
    "of nothing": npz(hashes=header("(8,)", "<U0")),
    "of code": npz(hashes=header("__import__('os').system('true')")),
    "of deep brackets": npz(hashes=header("(" * 5_000)),
    "floats": npz(weights=np.zeros((8, 3))),
    "too many columns": npz(weights=np.zeros((8, 4), np.int16)),
    "more weights than hashes": npz(weights=np.zeros((9, 3), np.int16)),
    "weights that overflow": npz(weights=np.full((8, 3), -32_768, np.int16)),
    "units that are no numbers": npz(units=np.full(3, np.nan)),
    "words that are no text": npz(words=np.full(9, 255, np.uint8)),
    "no array": npz(words=b"words"),
    "no archive": b"PK\x03\x04" + b"\0" * 500,
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_are_not_those_of_a_model_are_refused_before_they_take_memory(
    tmp_path: Path, name: str
) -> None:
    import tracemalloc

    folder = resealed(FAST, tmp_path / "odd", {"weights.npz": ARRAYS[name]})
    tracemalloc.start()
    try:
        refused(folder)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    data = bytearray(npz())
    for at in range(len(data)):
        if data[at : at + 4] == b"PK\x01\x02":
            data[at + 8] |= 1
    refused(resealed(FAST, tmp_path / "odd", {"weights.npz": bytes(data)}))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", ["model.json", "weights.npz"])
def test_a_pipe_in_place_of_a_file_does_not_hang(tmp_path: Path, name: str) -> None:
    folder = resealed(FAST, tmp_path / "odd", {})
    (folder / name).unlink()
    os.mkfifo(folder / name)
    refused(folder)


def test_a_file_beyond_all_measure_is_not_read(tmp_path: Path) -> None:
    folder = resealed(FAST, tmp_path / "odd", {})
    for name, size in (("weights.npz", 2_000_000_000), ("model.json", 6_000_000)):
        os.truncate(folder / name, size)  # a hole, which takes no room
        refused(folder)


@pytest.mark.slow
def test_the_command_line_says_so_with_its_code(tmp_path: Path, cli: Run) -> None:
    (tmp_path / "a.txt").write_text("Police arrested nine recruiters.", "utf-8")
    other_end = TOKENIZER.replace(b'"[SEP]":{', b'"[SEQ]":{')
    other_unknown = TOKENIZER.replace(b'"unk_token":"[UNK]"', b'"unk_token":"[NO]"')
    odd_letters = with_node(field(1, b"\xaf"), field(4, b"\xaf\x1b[2J"))
    golden = resealed(TINY, tmp_path / "d", {"golden.jsonl": b'{"text": 7}\n'})
    bad = [
        resealed(FAST, tmp_path / "a", {}, operating_points=[]),
        resealed(FAST, tmp_path / "b", {"weights.npz": ARRAYS["of code"]}),
        resealed(TINY, tmp_path / "c", {"model.onnx": GRAPHS["external data"][0]}),
        golden,
        resealed(TINY, tmp_path / "f", {"tokenizer.json": other_end}),
        resealed(TINY, tmp_path / "g", {"tokenizer.json": other_unknown}),
        resealed(TINY, tmp_path / "h", {}, kind="encoder", **{"\uda40": 1}),
        resealed(TINY, tmp_path / "e", {"model.onnx": odd_letters}),
    ]
    for number, folder in enumerate(bad):
        # one of two commands that read the model, by turns, and scoring
        commands: list[tuple[object, ...]] = [("check",) if number % 2 else ("info",)]
        if folder != golden:  # only checked by ``check``
            commands.append(("score", tmp_path / "a.txt"))
        for command in commands:
            done = cli(*command, "--model", folder)
            assert done.returncode == 3, done.stderr
            assert done.stdout == b""
            assert done.stderr.count(b"\n") == 1, done.stderr
