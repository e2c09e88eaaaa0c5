#!/usr/bin/env python3
"""Run the examples of README.md and the site and write their output back: ``python
docs/refresh.py``.

``--check`` only compares. A ``pycon`` block runs as a session, each ``$`` line of a ``console``
block as a command: in the project's root for README.md, in an empty folder with links to data,
docs, models, tests and train.py for a page. Blocks under ``<!-- slow -->`` take minutes and need
``--slow``. Counts and agreement in data/README.md are recomputed.
"""

from __future__ import annotations

import code
import contextlib
import io
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("index.md", "get-started.md", "models.md", "tutorial.md", "figures.md", "limits.md")
SLOW = "<!-- slow -->\n"
BLOCK = re.compile(rf"^({SLOW})?```(pycon|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def refreshed(markdown: str) -> str:
    """Return the Markdown with the present output of every example."""
    return BLOCK.sub(
        lambda m: f"```{m[2]}\n{(_session if m[2] == 'pycon' else _commands)(m[3])}```", markdown
    )


def refreshed_page(markdown: str, slow: bool = False) -> str:
    """Do the same for a page of the site, whose commands share a folder and show standard error
    too."""
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        for name in ("data", "docs", "tests", "train.py", "models/default", "models/fast"):
            _lend(ROOT / name, there / name)

        def run(m: re.Match[str]) -> str:
            if m[1] and not slow:
                return m[0]
            return f"{m[1] or ''}```{m[2]}\n{_session(m[3]) if m[2] == 'pycon' else _commands(m[3], there, all=True)}```"

        return BLOCK.sub(run, markdown)


def _lend(source: Path, to: Path) -> None:
    to.parent.mkdir(exist_ok=True)
    try:
        to.symlink_to(source)
    except OSError:  # Windows may not let us
        (shutil.copytree if source.is_dir() else shutil.copy)(source, to)


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


def _commands(block: str, folder: Path = ROOT, all: bool = False) -> str:
    out: list[str] = []
    for line in block.splitlines():
        if not line.startswith("$ "):
            continue
        command = shlex.split(line[2:])
        if command[0] in ("tipclassify", "python"):
            command = [
                sys.executable,
                *(["-m", *command] if command[0] == "tipclassify" else command[1:]),
            ]
        errors = subprocess.STDOUT if all else subprocess.PIPE
        done = subprocess.run(
            command,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
            check=False,
        )
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, line, done.stdout, done.stderr)
        out += [line, *(text.rstrip() for text in done.stdout.rstrip().splitlines())]
    return "".join(line + "\n" for line in out)


def dataset_card(markdown: str) -> str:
    """Return the card of the corpus with its counts and agreement recomputed."""
    from tipclassify.corpus.loading import read_rows
    from tipclassify.evaluation.agreement import agreement, agreement_table, read_annotations
    from tipclassify.labels import LABELS

    folder = ROOT / "data" / "corpus"
    rows = read_rows(folder)
    counts: dict[str, list[int]] = {}
    for file in sorted(folder.iterdir()):
        cells = counts.setdefault(f"`{file.name}`", [0] * (len(LABELS) + 2))
        for row in read_rows(file):
            for number, has in enumerate(
                [True, *(label in row["labels"] for label in LABELS), not row["labels"]]
            ):
                cells[number] += has
    table = [
        f"| file | passages | {' | '.join(LABELS)} | none |",
        "| --- " * (len(LABELS) + 3) + "|",
    ]
    table += [
        f"| {name} | {' | '.join(f'{n:,}' for n in cells)} |" for name, cells in counts.items()
    ]
    total = [sum(column) for column in zip(*counts.values(), strict=True)]
    table.append(f"| **all** | {' | '.join(f'{n:,}' for n in total)} |")
    narratives = len({row["doc"] for row in rows if row["doc"]})
    pairs = len({row["pair"] for row in rows if row["pair"]})
    table.append(f"\n{narratives} whole documents, {pairs:,} sets of near twins.")
    author, reader, settled = (
        read_annotations(ROOT / "data" / "annotations" / f"{name}.jsonl")
        for name in ("author", "reader", "settled")
    )
    differences = sum(set(author[i]) != set(reader[i]) for i in author)
    agreed = agreement_table(agreement(author, reader))
    agreed += (
        f"\n\nThey differed on {differences:,} of {len(author):,} sentences. {len(settled):,} labels were settled: "
        "of those differences, of sentences\nput in doubt by an audit with confident learning, and of sentences that "
        "the shipped encoder still disputed after five epochs\n(a fresh reader confirmed 1,907 of 2,147 such "
        "sentences; where a second agreed with the first on other labels, in 177, these hold)."
    )
    for name, text in (("counts", "\n".join(table)), ("agreement", agreed)):
        markdown = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- end -->)",
            lambda m, t=text: f"{m[1]}{t}\n{m[2]}",
            markdown,
            flags=re.DOTALL,
        )
    return markdown


def main() -> int:
    """Refresh all pages; return 1 when ``--check`` finds an outdated one."""
    stale = 0
    slow = "--slow" in sys.argv
    pages = [(ROOT / "README.md", refreshed), (ROOT / "data" / "README.md", dataset_card)]
    pages += [(ROOT / "docs" / name, lambda text: refreshed_page(text, slow)) for name in PAGES]
    for page, refresh in pages:
        old = page.read_text("utf-8")
        new = refresh(old)
        stale += old != new
        if "--check" not in sys.argv:
            page.write_text(new, "utf-8", newline="\n")
    return int(stale > 0 and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
