"""Test the registry: finding models by name, and adding them from a folder or a local server."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from model_heads import change_head, head_of

import tipclassify
from tipclassify import Classifier, InputError, ModelError
from tipclassify.model import adding
from tipclassify.model import find as places
from tipclassify.model.adding import add_model
from tipclassify.model.find import installed_models, load_scorer, model_folder, models_folder
from tipclassify.model.folder import load_model_head
from tipclassify.model.metadata import model_kind

INSTALLED = Path(tipclassify.__file__).resolve().parent / "models"
SHIPPED = (
    INSTALLED if INSTALLED.is_dir() else Path(__file__).resolve().parents[2] / "models"
)  # of the wheel, or of the checkout
TINY = Path(__file__).parents[1] / "files" / "tiny_encoder"
HASH = head_of(TINY)["sha256"]

Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty the cache, and let the checkout have no further models."""
    monkeypatch.setenv("TIPCLASSIFY_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(places, "_checkout_models_folder", lambda: None)
    return tmp_path / "models"


# -------------------------------------------------------------------------------------------- names


def test_a_name_is_a_folder_then_one_of_the_cache_then_one_of_the_checkout(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = Path(shutil.copytree(TINY, tmp_path / "checkout" / "encoder"))
    monkeypatch.setattr(places, "_checkout_models_folder", lambda: tmp_path / "checkout")
    assert model_folder("encoder") == checkout
    cached = Path(shutil.copytree(TINY, models / "encoder"))
    assert model_folder("encoder") == cached
    monkeypatch.chdir(shutil.copytree(TINY, tmp_path / "work" / "encoder").parent)
    assert model_folder("encoder") == Path("encoder")
    assert model_folder(str(tmp_path / "checkout" / "encoder")) == checkout


def test_a_folder_that_is_no_model_does_not_hide_one(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(TINY, models / "encoder")
    (tmp_path / "work" / "encoder").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    assert model_folder("encoder") == models / "encoder"


def test_default_and_fast_come_with_the_library(models: Path) -> None:
    for name in ("default", "fast"):
        shutil.copytree(TINY, models / name)  # no model of the cache stands in for one
        assert model_folder(name).resolve() == SHIPPED / name
    assert model_folder(None) == model_folder("default")
    assert model_folder(models / "fast") == models / "fast"  # a path is that path
    assert model_kind(load_model_head(SHIPPED / "default")) == "encoder"
    assert model_kind(load_model_head(SHIPPED / "fast")) == "linear"
    assert load_scorer() is load_scorer("default")
    assert load_scorer("fast").methods == ("additive",)
    assert Classifier.load().scorer.methods == ("occlusion",)


def test_a_missing_model_is_reported_with_how_to_get_it() -> None:
    remedy = "get it with 'tipclassify models add FOLDER-OR-URL --name small'"
    with pytest.raises(ModelError, match=f"^no model 'small' here: {remedy}"):
        Classifier.load("small")
    with pytest.raises(ModelError, match="no such model: give the folder"):
        Classifier.load("No/Such/Model")


def test_a_kind_of_a_later_version_is_reported(models: Path) -> None:
    shutil.copytree(TINY, models / "odd")
    change_head(models / "odd", kind="oracle")
    with pytest.raises(ModelError, match="a model of kind 'oracle'; install a newer tipclassify"):
        Classifier.load("odd")


def test_models_are_kept_where_the_system_has_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIPCLASSIFY_MODELS", "/m")
    assert models_folder() == Path("/m")
    monkeypatch.delenv("TIPCLASSIFY_MODELS")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda: Path("/c").absolute())
    assert models_folder() == Path("/c").absolute() / "tipclassify" / "models"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda: Path("~/.cache"))
    assert models_folder() is None


# ------------------------------------------------------------------------------------ from a folder


def test_a_folder_is_added_whole_and_listed(models: Path) -> None:
    added = add_model(str(TINY))
    assert (added.name, added.kind, added.folder) == ("encoder", "encoder", models / "encoder")
    files = {file.name for file in added.folder.iterdir()}
    assert files == {"model.json", "model.onnx", "tokenizer.json", "words.txt", "heads.npz"}
    assert (added.folder / "model.json").read_bytes() == (TINY / "model.json").read_bytes()
    (installed,) = installed_models()
    assert (installed.name, installed.head["sha256"]) == ("encoder", HASH)
    assert [path.name for path in models.iterdir()] == ["encoder"]  # nothing half done is left
    assert add_model(str(TINY / "model.json"), "small").name == "small"
    assert [model.name for model in installed_models()] == ["encoder", "small"]


def test_a_linear_model_is_added_under_the_name_of_its_folder(models: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="say under which --name"):
        add_model(str(SHIPPED / "fast"))
    added = add_model(str(SHIPPED / "fast"), "copy")
    text = ["Police arrested nine traffickers."]
    logits = Classifier.load("fast").logits(text)
    assert Classifier.load("copy").logits(text).tolist() == logits.tolist()
    assert added.folder == models / "copy"
    assert add_model(str(shutil.copytree(SHIPPED / "fast", tmp_path / "Ours"))).name == "ours"


@pytest.mark.parametrize("name", ["default", "fast", "../up", "a/b", "UPPER", ".hidden", ""])
def test_names_that_would_mislead_are_refused(name: str) -> None:
    with pytest.raises(ModelError, match="no name for a model"):
        add_model(str(TINY), name)
    assert installed_models() == []


def test_a_model_with_another_hash_than_the_one_given_is_refused(models: Path) -> None:
    with pytest.raises(ModelError, match=f"is the model {HASH}, not 00ff; nothing was added"):
        add_model(str(TINY), sha256="00ff")
    assert add_model(str(TINY), sha256=HASH.upper()).name == "encoder"
    assert models.is_dir()


def test_a_damaged_folder_is_refused_and_the_model_there_stays(
    models: Path, tmp_path: Path
) -> None:
    add_model(str(TINY))
    bad = Path(shutil.copytree(TINY, tmp_path / "bad"))
    (bad / "model.onnx").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"model\.onnx is not the file that model\.json tells of"):
        add_model(str(bad))
    (bad / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"model\.onnx: missing"):
        add_model(str(bad))
    files = head_of(bad)["files"]
    change_head(bad, files={**files, "../evil": files["model.onnx"]})
    with pytest.raises(ModelError, match="no file with its hash"):
        add_model(str(bad))
    (bad / "model.json").write_text("[]", "utf-8")
    with pytest.raises(ModelError, match="not the head of a model"):
        add_model(str(bad))
    assert (models / "encoder" / "model.onnx").read_bytes() == (TINY / "model.onnx").read_bytes()


# ------------------------------------------------------------------------------------- from the web


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.path.rpartition("/")[2], self.headers.get("Range")))
        data = self.server.files.get(self.path.rpartition("/")[2])
        if data is None:
            self.send_error(404)
            return
        start = 0
        requested = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if requested and self.server.knows_parts:
            start = int(requested[1])
            if start >= len(data):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        most = len(data)
        if self.server.breaks_off and len(data) > 500:
            most = self.server.breaks_off.pop(0)
        self.wfile.write(data[start : start + most])
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Serve `files`.

    Answers on the longer ones break off after the numbers of bytes in ``breaks_off``, one by one.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = {file.name: file.read_bytes() for file in TINY.iterdir()}
        self.asked: list[tuple[str, str | None]] = []
        self.breaks_off: list[int] = []
        self.knows_parts = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/models/encoder"

    def of(self, name: str) -> list[str | None]:
        return [asked for file, asked in self.asked if file == name]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Serve the tiny encoder; nothing waits before it tries again."""
    pytest.importorskip("httpx")
    monkeypatch.setattr("tipclassify.download.time.sleep", lambda _: None)
    serving = Server()
    thread = threading.Thread(
        target=serving.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    yield serving
    serving.shutdown()
    serving.server_close()
    thread.join()


def fetch(server: Server, **more: str) -> places.InstalledModel:
    return add_model(server.url, allow_private=True, **more)


def test_a_model_is_fetched_from_an_address(server: Server, models: Path) -> None:
    added = fetch(server)
    for name, data in server.files.items():
        assert (added.folder / name).read_bytes() == data
    assert Classifier.load("encoder").meta["sha256"] == HASH
    again = add_model(f"{server.url}/model.json", "again", allow_private=True)
    assert again.folder == models / "again"


def test_a_private_address_is_refused_unless_it_is_allowed(server: Server) -> None:
    with pytest.raises(InputError, match="leads to a private or local address"):
        add_model(server.url)
    assert server.asked == []


def test_a_transfer_that_breaks_off_goes_on_at_once(server: Server) -> None:
    server.breaks_off = [10**6, 300, 300]  # the head comes whole; the graph in three pieces
    added = fetch(server)
    assert server.of("model.onnx") == [None, "bytes=300-", "bytes=600-"]
    assert (added.folder / "model.onnx").read_bytes() == server.files["model.onnx"]


def test_a_run_that_broke_off_is_taken_up_by_the_next(server: Server, models: Path) -> None:
    server.breaks_off = [10**6, 400, 0, 0]
    with pytest.raises(InputError, match=r"model\.onnx: the connection was lost; try again later"):
        fetch(server)
    assert installed_models() == []
    server.breaks_off = []
    server.asked.clear()
    added = fetch(server)
    assert server.of("model.onnx") == ["bytes=400-"]
    assert (added.folder / "model.onnx").read_bytes() == server.files["model.onnx"]
    assert [path.name for path in models.iterdir()] == ["encoder"]


def test_a_server_that_knows_no_parts_sends_the_file_anew(server: Server) -> None:
    server.knows_parts = False
    server.breaks_off = [10**6, 300]
    added = fetch(server)
    assert server.of("model.onnx") == [None, "bytes=300-"]
    assert (added.folder / "model.onnx").read_bytes() == server.files["model.onnx"]


def test_a_file_with_another_hash_is_refused(server: Server, models: Path) -> None:
    server.files["model.onnx"] = b"x" * len(server.files["model.onnx"])
    message = r"model\.onnx is not the file that model\.json tells of .* nothing was added"
    with pytest.raises(ModelError, match=message):
        fetch(server)
    assert installed_models() == []
    assert not list(models.rglob("*.part"))  # what is wrong is not gone on with


def test_a_part_of_another_file_is_no_beginning(server: Server, models: Path) -> None:
    server.breaks_off = [10**6, 400, 0]
    with pytest.raises(InputError):
        fetch(server)
    (part,) = models.rglob("model.onnx.part")
    part.write_bytes(b"other" * 80)
    server.breaks_off = []
    server.asked.clear()
    assert fetch(server).name == "encoder"
    assert server.of("model.onnx") == ["bytes=400-", None]


def test_what_is_there_already_is_not_fetched_again(server: Server, models: Path) -> None:
    staged = models / f".encoder-{HASH[:16]}"
    staged.mkdir(parents=True)
    shutil.copy(TINY / "model.onnx", staged)
    # whole, but not renamed
    (staged / "tokenizer.json.part").write_bytes(server.files["tokenizer.json"])
    fetch(server)
    assert server.of("model.onnx") == []
    assert server.of("tokenizer.json") == [f"bytes={len(server.files['tokenizer.json'])}-"]


def test_an_address_without_a_model_is_reported(server: Server) -> None:
    del server.files["model.json"]
    with pytest.raises(InputError, match=r"model\.json: no such page \(404\)"):
        fetch(server)
    server.files["model.json"] = b"<html>"
    with pytest.raises(ModelError, match="not the head of a model"):
        fetch(server)


def test_a_head_beyond_all_measure_is_not_read(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "LARGEST_HEAD", 100)
    with pytest.raises(InputError, match="not a file that we can use"):
        fetch(server)


def test_models_are_added_and_listed_on_the_command_line(
    cli: Run, server: Server, models: Path
) -> None:
    env = {"TIPCLASSIFY_MODELS": str(models)}
    done = cli("models", "add", server.url, "--allow-private", "--sha256", HASH, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().strip() == HASH
    rows = [line.split() for line in cli("models", "list", env=env).stdout.decode().splitlines()]
    assert [row[:2] for row in rows[:2]] == [["default", "encoder"], ["fast", "linear"]]
    assert [Path(row[3]).resolve() for row in rows[:2]] == [SHIPPED / "default", SHIPPED / "fast"]
    assert ["encoder", "encoder", HASH[:12], str(models / "encoder")] in rows[2:]
    graph = (models / "encoder" / "model.onnx").read_bytes()
    assert hashlib.sha256(graph).hexdigest() in (TINY / "model.json").read_text()
