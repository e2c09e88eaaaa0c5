"""Progress on a terminal: how far the work is, and the time left."""

from __future__ import annotations

import io
import re
import sys
import time

import pytest

from tipclassify.progress import progress_bar


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_time_left_is_known_though_each_report_takes_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr("rich.console.monotonic", lambda: now[0])
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    shown = Terminal()
    monkeypatch.setattr("sys.stderr", shown)
    with progress_bar("reports") as progress:
        assert progress
        for done in range(4):
            now[0] = 60.0 * done
            progress(done, 10)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.getvalue())
    assert "3/10" in text
    assert "0:07:00" in text


def test_there_is_no_bar_where_standard_error_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr("sys.stderr", shown)
    with progress_bar("reports") as progress:
        assert progress is None
    assert shown.getvalue() == ""


def test_off_a_terminal_progress_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    with progress_bar("reading", every=0.05) as progress:
        assert progress is not None
        progress(3, 1_000)
        time.sleep(0.2)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) >= 2  # also where the work does not move
    assert lines[0].startswith("reading: 3 of 1,000, ")
    with progress_bar("reading") as progress:
        assert progress is None
