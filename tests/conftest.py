"""Shared fixtures: commands in a subprocess, the shipped models, a browser, real text."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from command_server import CommandServer, limit_files
from hypothesis import HealthCheck, settings

from tipclassify import Classifier
from tipclassify.corpus.rows import Row, read_rows
from tipclassify.model.encoder.session import add_known_graph

if TYPE_CHECKING:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
TINY = ROOT / "tests" / "files" / "tiny_encoder"
CHROMIUM = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update "
    "--disable-sync --no-first-run"
)

# What `pytest -m quick` leaves out, since it starts processes or browsers, or trains: whole folders,
# single files, and in the others each test that takes one of these fixtures.
LONG_ROOMS = frozenset(["app", "bundle", "cli", "hostile", "tagging", "training"])
LONG_FILES = frozenset(
    [
        "test_benchmarks.py",
        "test_corpus.py",  # which reads all labelled passages
        "test_docs.py",
        "test_imports.py",
        "test_readme.py",
    ]
)
LONG_FIXTURES = frozenset(["browser", "cli", "real"])

JsonObject = dict[str, Any]
"""A JSON object, as `json.loads` returns it."""

Cli = Callable[..., subprocess.CompletedProcess[bytes]]
"""The fixture `cli`."""


_CACHE = TemporaryDirectory()  # in place of the user's
os.environ["TIPCLASSIFY_CACHE"] = _CACHE.name

# Under nohup, or in the background, these are ignored, and children would ignore them too. A signal
# that is handled, here by doing nothing, has its default in the programs that are started.
for _name in ("SIGHUP", "SIGINT", "SIGQUIT"):
    _signal = getattr(signal, _name, None)  # Windows lacks some
    if _signal is not None and signal.getsignal(_signal) is signal.SIG_IGN:
        signal.signal(_signal, lambda *_: None)


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the quick tier, and let files with others begin.

    Two processes that share the files then end at about the same time.
    """
    long_files = set()
    for item in items:
        if is_quick(item):
            item.add_marker(pytest.mark.quick)
        else:
            long_files.add(item.path)
    items.sort(key=lambda item: item.path not in long_files)


def is_quick(item: pytest.Item) -> bool:
    """Decide whether a test belongs to the quick tier."""
    fixtures = getattr(item, "fixturenames", ())
    return not (
        item.path.parent.name in LONG_ROOMS
        or item.path.name in LONG_FILES
        or LONG_FIXTURES.intersection(fixtures)
        or item.get_closest_marker("slow")
    )


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    """The shipped default."""
    return Classifier.load()


@pytest.fixture(scope="session")
def fast() -> Classifier:
    """The shipped linear model."""
    return Classifier.load("fast")


def let_tiny_encoder_be_known() -> None:
    """Add the graph of ``files/tiny_encoder`` to the list of the user, as fine-tuning does."""
    tokenizer = (TINY / "tokenizer.json").read_text("utf-8")
    add_known_graph((TINY / "model.onnx").read_bytes(), tokenizer)


@pytest.fixture(scope="session", autouse=True)
def tiny_encoder_is_known() -> None:
    let_tiny_encoder_be_known()


@pytest.fixture(scope="session")
def shipped_rows() -> list[Row]:
    """Rows of the folder ``data``, which no test changes: the corpus, and what else is there."""
    return read_rows(ROOT / "data")


@pytest.fixture(scope="session")
def cli() -> Iterator[Cli]:
    """Run ``tipclassify`` in a subprocess: ``cli("score", "x.txt", stdin=b"…", env={…})``.

    With `most_bytes` no file that it writes may be larger, as on a full disk (not on Windows).
    On Linux it is forked from a Python that has its imports already, unless `env` holds what Python
    itself reads.
    """
    server = CommandServer() if sys.platform == "linux" else None

    def run(
        *args: object,
        stdin: bytes = b"",
        env: dict[str, str] | None = None,
        most_bytes: int | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        asked = [str(arg) for arg in args]
        environment = {**os.environ, **(env or {})}
        if server and not any(name.startswith(("PYTHON", "LC_")) for name in env or {}):
            return server.run(asked, stdin, environment, timeout=120, most_bytes=most_bytes)
        return subprocess.run(
            [sys.executable, "-m", "tipclassify", *asked],
            input=stdin,
            capture_output=True,
            env=environment,
            timeout=120,
            check=False,
            preexec_fn=None if most_bytes is None else partial(limit_files, most_bytes),
        )

    yield run
    if server:
        server.close()


def lacking(what: str) -> NoReturn:
    """Skip the test for want of a program or package; fail instead where CI should have it."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}; CI must run this test", pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, headless: one of the path, or Google Chrome where its installer puts it."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        lacking("needs playwright: pip install playwright")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next(filter(None, map(shutil.which, names)), None)
    place = {"executable_path": path} if path else {"channel": "chrome"}
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(args=CHROMIUM.split(), **place)
        except Error as error:
            if path:
                raise
            lacking(f"needs Chromium or Google Chrome ({error.message.splitlines()[0]})")
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def axe() -> Axe:
    """What finds faults of accessibility in a page of the browser."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        lacking("needs axe: pip install axe-playwright-python")
    return Axe()


@pytest.fixture(scope="session")
def real() -> Path:
    """Folder of real text to measure on; tests that need it are skipped where it is absent."""
    if not (SHARED / "real" / "dev.jsonl").is_file():
        pytest.skip("no real text here")
    return SHARED


# Machines differ: a test must not fail for being slow. The same examples everywhere, so that it
# passes or fails for what changed; CI has a step of its own with others, by a seed that it prints.
_IN_ANY_TIME = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("same", derandomize=True, database=None, **_IN_ANY_TIME)
settings.register_profile("random", database=None, print_blob=True, **_IN_ANY_TIME)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
