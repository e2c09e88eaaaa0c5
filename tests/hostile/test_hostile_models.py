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
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from conftest import TINY, Cli, let_tiny_encoder_be_known
from hypothesis import given
from hypothesis import strategies as st

from tipclassify import Classifier, ModelError
from tipclassify.labels import POLICIES
from tipclassify.model.encoder.session import structure_hash
from tipclassify.model.folder import check_replaceable, metadata_digest, write_model
from tipclassify.model.linear import read_linear_model, write_linear_model

MODELS = Path(__file__).resolve().parents[2] / "models"
FAST = MODELS / "fast"
GRAPH = (TINY / "model.onnx").read_bytes()
TOKENIZER = (TINY / "tokenizer.json").read_bytes()


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models, and of graphs that are known to the user."""
    monkeypatch.setenv("TIPCLASSIFY_CACHE", str(tmp_path))
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
    head["sha256"] = metadata_digest(head)
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


def test_of_two_trainings_at_once_both_models_stay(tmp_path: Path) -> None:
    place = tmp_path / "mine"
    check_replaceable(place)
    shutil.copytree(FAST, place)  # the other was quicker
    model = read_linear_model(FAST)
    with pytest.raises(ModelError, match="another training wrote there meanwhile") as caught:
        write_linear_model(replace(model, bias=model.bias + 1), place)
    assert read_linear_model(place).bias.tolist() == model.bias.tolist()
    own = str(caught.value).rpartition("this one is ")[2]
    assert read_linear_model(own).bias.tolist() == (model.bias + 1).tolist()


@pytest.mark.parametrize("names", [("thesis.txt",), ("model.json",), ("model.json", "thesis.txt")])
def test_writing_a_model_never_removes_a_folder_that_is_none(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    mine = user_folder(tmp_path / "odd", *names)
    with pytest.raises(ModelError, match=r"odd: a folder that is no model is in the way; [^\n]+$"):
        write_model(mine, {"format": 1}, {})
    assert sorted(file.name for file in mine.iterdir()) == sorted(names)
    assert {file.read_text("utf-8") for file in mine.iterdir()} == {"years of work"}


def test_a_model_with_files_of_the_user_in_it_is_not_replaced(tmp_path: Path) -> None:
    odd = Path(shutil.copytree(TINY, tmp_path / "odd"))
    (odd / "notes.txt").write_text("years of work", "utf-8")
    with pytest.raises(ModelError, match=r"has files of no model in it \(notes\.txt\)"):
        write_model(odd, {"format": 1}, {})
    assert (odd / "notes.txt").read_text("utf-8") == "years of work"
    (odd / "notes.txt").unlink()
    write_model(odd, {"format": 1}, {})  # a model alone is


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_a_link_or_a_file_in_the_way_is_not_replaced(tmp_path: Path) -> None:
    mine = user_folder(tmp_path / "mine", "a.part", "thesis.txt")
    (tmp_path / "odd").symlink_to(mine)
    (tmp_path / "file").write_text("years of work", "utf-8")
    for name in ("odd", "file"):
        with pytest.raises(ModelError, match="a link or file is in the way"):
            write_model(tmp_path / name, {"format": 1}, {})
    assert sorted(file.name for file in mine.iterdir()) == ["a.part", "thesis.txt"]
    assert (tmp_path / "file").read_text("utf-8") == "years of work"


# ----------------------------------------------------------------------------- graphs and tokenizers


def field(number: int, value: int | bytes) -> bytes:
    """Write a field of a protobuf message; messages in a row are merged by any reader."""
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


def with_node(*fields: bytes) -> bytes:
    """Return the tiny graph with one more node."""
    return GRAPH + field(7, field(1, b"".join(fields)))


def with_tensor(*fields: bytes) -> bytes:
    """Return the tiny graph with one more tensor."""
    return GRAPH + field(7, field(5, b"".join(fields)))


WEIGHTS = np.float32([4, 0, 0]).tobytes()  # of "convicted", in the table of the tiny graph
AXIS = np.int64([2]).tobytes()
OUTSIDE = field(13, field(1, b"location") + field(2, b"weights.bin"))
LOOP = field(2, b"x") + field(4, b"Loop")
FLOATS_FIRST = field(9, b"\0\0\0\0") + field(2, 1)  # the data before their type

GRAPHS = {
    "a loop": with_node(LOOP, field(5, field(6, field(1, LOOP)))),
    "a custom operator": with_node(field(4, b"Open"), field(7, b"evil.example")),
    "external data": with_tensor(field(1, 3), OUTSIDE, field(14, 1)),
    "external data of a constant": with_node(field(4, b"Constant"), field(5, field(5, OUTSIDE))),
    "one more tensor": with_tensor(field(1, 3), field(2, 1), field(9, WEIGHTS)),
    "a tensor whose type comes last": with_tensor(field(1, 1), FLOATS_FIRST),
    "huge dimensions": with_tensor(field(1, 1 << 20), field(1, 1 << 20), field(2, 1)),
    "settings of ONNX Runtime": GRAPH + field(14, field(1, b"ort_config") + field(2, b"{}")),
    "functions": GRAPH + field(25, b""),
    "other indices": GRAPH.replace(AXIS, np.int64([1 << 40]).tobytes()),
    "more weights": GRAPH.replace(WEIGHTS, WEIGHTS * 2),
    "another output": GRAPH.replace(b"pooled", b"fooled"),
    "another operator": GRAPH.replace(b"ReduceSum", b"ReduceMax"),
    "a length written otherwise": GRAPH[:-2] + b"\x80\x80\x00",
    "a field of tomorrow": GRAPH + field(31, 1),
    "a number of eleven bytes": GRAPH + b"\x08" + b"\x80" * 10 + b"\x01",
    "a group": GRAPH + b"\x0b" * 100_000,
    "a length beyond the end": GRAPH + varint(7 << 3 | 2) + varint(1 << 62),
    "deep": b"\x3a\xff\x7f" * 100_000,
    "truncated": GRAPH[:-5],
    "endless": GRAPH + b"\xff" * 40,
    "empty": b"",
    "another file": TOKENIZER,
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_that_is_not_known_is_refused_before_it_is_loaded(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onnxruntime.InferenceSession", lambda *_, **__: pytest.fail("loaded"))
    message = refused(resealed(TINY, tmp_path / "odd", {"model.onnx": GRAPHS[name]}))
    assert re.search("none that tipclassify knows|the encoder's graph is not one", message)


@given(st.integers(0, len(GRAPH) - 1), st.integers(1, 255))
def test_a_known_graph_may_differ_in_the_numbers_of_its_table_only(at: int, change: int) -> None:
    altered = bytearray(GRAPH)
    altered[at] ^= change
    try:
        same = structure_hash(bytes(altered)) == structure_hash(GRAPH)
    except ValueError:
        same = False
    start = GRAPH.index(np.zeros((5, 3), np.float32).tobytes() + WEIGHTS)
    assert same == (start <= at < start + 4 * 3 * 37)


def test_other_weights_in_a_known_graph_are_run(tmp_path: Path) -> None:
    graph = GRAPH.replace(WEIGHTS, np.float32([0, 4, 0]).tobytes(), 1)
    folder = resealed(TINY, tmp_path / "mine", {"model.onnx": graph})
    assert Classifier.load(folder).predict(["convicted"]).tolist() == [[False, True, False]]
    for number in (np.nan, np.inf):
        graph = GRAPH.replace(WEIGHTS, np.float32([number, 0, 0]).tobytes(), 1)
        folder = resealed(TINY, tmp_path / f"odd{number}", {"model.onnx": graph})
        with pytest.raises(ModelError, match="finite") as caught:
            Classifier.load(folder).predict(["convicted"])
        assert "\n" not in str(caught.value)


BACKTRACKING = {"type": "Split", "pattern": {"Regex": "(a|a)+$"}, "behavior": "Isolated"}
TOKENIZERS = {
    "backtracking": json.dumps({**json.loads(TOKENIZER), "pre_tokenizer": BACKTRACKING}).encode(),
    "written otherwise": TOKENIZER + b"\n",
    "of another model": (MODELS / "default" / "tokenizer.json").read_bytes(),
    "no object": b"[]",
    "deep": b"[" * 100_000,
    "empty": b"",
}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_tokenizer_that_is_not_known_with_the_graph_is_refused(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokenizers.Tokenizer.from_str", lambda _: pytest.fail("loaded"))
    folder = resealed(TINY, tmp_path / "odd", {"tokenizer.json": TOKENIZERS[name]})
    assert "none that tipclassify knows" in refused(folder)


def test_what_is_fine_tuned_here_is_known_here_only(models: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(TINY, tmp_path / "mine"))
    assert f"copy known.json from there into {models}" in refused(folder)
    let_tiny_encoder_be_known()
    let_tiny_encoder_be_known()
    assert len(json.loads((models / "known.json").read_text("utf-8"))) == 1
    assert Classifier.load(folder).predict(["convicted"]).any()


@pytest.mark.parametrize("written", [b"", b"[" * 100_000, b"{}", b'[{"graph": 1}]', b"[1]"])
def test_a_list_of_known_graphs_that_is_none_is_one_line(models: Path, written: bytes) -> None:
    (models / "known.json").write_bytes(written)
    refused(Path(shutil.copytree(TINY, models / "odd")))
    assert Classifier.load("fast")


# --------------------------------------------------------------------------------- heads and arrays


def nested(value: object, times: int) -> object:
    """Put a value into as many lists as asked."""
    for _ in range(times):
        value = [value]
    return value


HEADS: dict[str, dict[str, object]] = {
    "deep": {"odd": nested([], 150)},
    "a huge number": {"bias": [10**400, 0, 0]},
    "endless": {"bias": [float("inf"), 0, 0]},
    "no list": {"labels": 7},
    "labels of numbers": {"labels": [1, 2, 3]},
    "no thresholds": {"thresholds": None},
    "thresholds of text": {"thresholds": {policy: ["a", "b", "c"] for policy in POLICIES}},
    "a threshold too few": {"thresholds": {policy: [0.5, 0.5] for policy in POLICIES}},
    **{
        f"a threshold of {number:g}": {
            "thresholds": {policy: [number, 0.5, 0.5] for policy in POLICIES}
        }
        for number in (0.0, -1.0, 1.0, 2.0, 1e308)
    },
    "a bias that overflows": {"bias": [0.0, -1e300, 0.0]},
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
def test_a_head_that_is_no_plain_json_is_refused(tmp_path: Path, written: bytes) -> None:
    odd = Path(shutil.copytree(FAST, tmp_path / "odd"))
    (odd / "model.json").write_bytes(written)
    assert "truncated or not a model" in refused(odd)


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
    "features in reverse": npz(hashes=np.arange(8, 0, -1, dtype=np.uint32) << 20),
    "units that overflow": npz(units=np.full(3, -1e300)),
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
def test_the_command_line_says_so_with_its_code(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "a.txt").write_text("Police arrested nine recruiters.", "utf-8")
    golden = resealed(TINY, tmp_path / "d", {"golden.jsonl": b'{"text": 7}\n'})
    bad = [
        resealed(FAST, tmp_path / "a", {}, operating_points=[]),
        resealed(FAST, tmp_path / "b", {"weights.npz": ARRAYS["of code"]}),
        resealed(TINY, tmp_path / "c", {"model.onnx": GRAPHS["external data"]}),
        golden,
        resealed(TINY, tmp_path / "f", {"tokenizer.json": TOKENIZERS["deep"]}),
        resealed(TINY, tmp_path / "h", {}, kind="encoder", **{"\uda40": 1}),
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
