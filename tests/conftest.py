"""Shared fixtures: the command line in a subprocess, the shipped models, a browser, a folder of
real text."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from command_server import CommandServer
from hypothesis import settings

from tipclassify import Classifier

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
CHROMIUM = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update "
    "--disable-sync --no-first-run"
)

Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    """The shipped default."""
    return Classifier.load()


@pytest.fixture(scope="session")
def fast() -> Classifier:
    """The shipped linear model."""
    return Classifier.load("fast")


@pytest.fixture(scope="session")
def cli() -> Iterator[Run]:
    """Run ``tipclassify`` in a subprocess: ``cli("score", "x.txt", stdin=b"…", env={…})``.

    On Linux it is forked from a Python that has its imports already, unless `env` holds what Python
    itself reads.
    """
    server = CommandServer() if sys.platform == "linux" else None

    def run(
        *args: object, stdin: bytes = b"", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        asked, environment = list(map(str, args)), {**os.environ, **(env or {})}
        if server and not any(name.startswith(("PYTHON", "LC_")) for name in env or {}):
            return server.run(asked, stdin, environment, timeout=120)
        command = [sys.executable, "-m", "tipclassify", *asked]
        return subprocess.run(
            command, input=stdin, capture_output=True, env=environment, timeout=120, check=False
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
def browser() -> Iterator[Any]:
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
def axe() -> Any:
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


# machines differ; a test must not fail for being slow
settings.register_profile("here", deadline=None)
settings.load_profile("here")
