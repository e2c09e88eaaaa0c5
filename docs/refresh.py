#!/usr/bin/env python3
"""Run the examples of README.md and write their real output into it: ``python docs/refresh.py`` (``--check`` only compares).

A ``pycon`` block is run as a session, and each ``$`` line of a ``console`` block as a command in the root of the project.
"""

from __future__ import annotations

import code
import contextlib
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```(pycon|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def refreshed(markdown: str) -> str:
    """The same Markdown with the output of every example as it is now."""
    return BLOCK.sub(lambda m: f"```{m[1]}\n{(_session if m[1] == 'pycon' else _commands)(m[2])}```", markdown)


def _session(block: str) -> str:
    console = code.InteractiveConsole()
    out: list[str] = []
    lines = [line for line in block.splitlines() if line.startswith((">>> ", "... ", "..."))]
    for number, line in enumerate(lines):
        out.append(line)
        following = lines[number + 1] if number + 1 < len(lines) else ""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            more = console.push(line[4:])
            if more and not following.startswith("..."):
                console.push("")
        out.extend(printed.getvalue().splitlines())
    return "".join(line + "\n" for line in out)


def _commands(block: str) -> str:
    out: list[str] = []
    for line in block.splitlines():
        if not line.startswith("$ "):
            continue
        command = shlex.split(line[2:])
        if command[0] == "tipclassify":
            command = [sys.executable, "-m", *command]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
        out += [line, *(text.rstrip() for text in done.stdout.rstrip().splitlines())]
    return "".join(line + "\n" for line in out)


if __name__ == "__main__":
    readme = ROOT / "README.md"
    old = readme.read_text("utf-8")
    new = refreshed(old)
    if "--check" in sys.argv:
        sys.exit(old != new)
    readme.write_text(new, "utf-8", newline="\n")
