#!/usr/bin/env python3
"""Run the examples of README.md and the site and write their output back.

``python docs/refresh.py`` does so, ``--check`` only compares. A ``pycon`` block runs as a session,
each ``$`` line of a ``console`` block as a command: in the project's root for README.md, in an
empty folder with links to data, docs, models, tests and train.py for a page. Blocks under
``<!-- slow -->`` take minutes and need ``--slow``. Figures of the shipped models are copied from
their folders to the markers of `model_figures`. Counts and agreement in data/README.md are
recomputed.
"""

from __future__ import annotations

import code
import contextlib
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
from functools import cache
from pathlib import Path
from typing import Any

from tipclassify.reports.adjust import FEWEST_POSITIVES

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SLOW = "<!-- slow -->\n"
BLOCK = re.compile(rf"^({SLOW})?```(pycon|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARKED = re.compile(r"^<!-- (?!end)([a-z]+) -->\n(.*?)^<!-- end -->$", re.MULTILINE | re.DOTALL)
COLUMNS = 100
LEAST_PASSAGES = 100  # without a label for a kind of text to stand in the README
# in a card: share in per cent, both ends of its interval, and what it is a share of
FALSE_ALARMS = re.compile(
    r"(?P<rate>[\d.]+)% \[(?P<low>[\d.]+), (?P<high>[\d.]+)\] of (?P<passages>[\d,]+)"
)
Point = dict[str, Any]
"""Precision and recall, each with both ends of its interval, and ``support``, the passages."""

PointFigures = dict[str, Point]
"""By label."""

PAGES = tuple(
    page.relative_to(DOCS).as_posix()
    for page in sorted(DOCS.rglob("*.md"))
    if BLOCK.search(page.read_text("utf-8"))
)
"""Pages of the site with an example that can be run, by their path under docs/."""


def refreshed(markdown: str) -> str:
    """Return the Markdown with the present output of every example, and the models' figures."""

    def run(m: re.Match[str]) -> str:
        output = _session(m[3]) if m[2] == "pycon" else _commands(m[3])
        return f"```{m[2]}\n{output}```"

    return with_figures(BLOCK.sub(run, markdown))


def refreshed_page(markdown: str, slow: bool = False) -> str:
    """Do the same for a page of the site.

    Its commands share a folder and show standard error too.
    """
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder) / "clone"  # a page may write beside it
        there.mkdir()
        for name in ("data", "docs", "tests", "train.py", "models/default", "models/fast"):
            _lend(ROOT / name, there / name)

        def run(m: re.Match[str]) -> str:
            if m[1] and not slow:
                return m[0]
            output = _session(m[3]) if m[2] == "pycon" else _commands(m[3], there, all=True)
            return f"{m[1] or ''}```{m[2]}\n{output}```"

        return with_figures(BLOCK.sub(run, markdown))


def with_figures(markdown: str) -> str:
    """Return the Markdown with the figures of the shipped models between their markers."""
    figures = model_figures()

    def fill(m: re.Match[str]) -> str:
        text = f"{figures[m[1]]}\n" if m[1] in figures else m[2]
        return f"<!-- {m[1]} -->\n{text}<!-- end -->"

    return MARKED.sub(fill, markdown)


@cache
def model_figures() -> dict[str, str]:
    """Return the Markdown of each marker that shows figures of the shipped models."""
    default, fast = (
        json.loads((ROOT / "models" / name / "model.json").read_text("utf-8"))
        for name in ("default", "fast")
    )
    return {
        "errors": errors_of_100(default["operating_points_by_kind"]["balanced"]),
        "alarms": false_alarms("default"),
        "labels": labels_table(
            {
                **default["operating_points_by_kind"]["balanced"],
                "the three, sentences as labelled": default["operating_points"]["balanced"],
            }
        ),
        "policies": policies_table(
            default["operating_points_by_kind"], default["operating_points"]
        ),
        "kinds": kinds_table(),
        "pairs": pairs_sentence(default["near_identical_pairs"], fast["near_identical_pairs"]),
    }


def is_measured(point: Point) -> bool:
    """Return whether enough passages had the label for its figures to say anything."""
    return int(point["support"]) >= FEWEST_POSITIVES


def errors_of_100(points_by_kind: dict[str, PointFigures]) -> str:
    """Say how many of 100 tags are right and of 100 labels are found, by kind of text."""
    intro = (
        "Right: how many of 100 tags are correct. Found: how many of 100 passages that should have "
        "the tag get it. On reports left out of training ([intervals]"
        "(docs/explanation/accuracy.md#by-label)); – is not measured."
    )
    labels = list(next(iter(points_by_kind.values())))
    lines = [*textwrap.wrap(intro, COLUMNS), ""]
    lines.append(f"| text | {' | '.join(f'`{label}`' for label in labels)} |")
    lines.append(f"| --- |{' --- |' * len(labels)}")
    rare = []
    for kind, points in points_by_kind.items():
        cells = []
        for label, point in points.items():
            right, found = point["precision"], point["recall"]
            cell = f"{hundredths(right[0])} right, {hundredths(found[0])} found"
            cells.append(cell if is_measured(point) else "–")
            if label == "complicity" and is_measured(point):
                intervals = f"{whole_interval(right)} right, {whole_interval(found)} found"
                rare.append(f"{kind} {intervals} of {point['support']}")
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    few = f"Complicity rests on few passages (95% intervals): {'; '.join(rare)}."
    return "\n".join([*lines, "", *textwrap.wrap(few, COLUMNS)])


def labels_table(points_by_kind: dict[str, PointFigures]) -> str:
    """Tabulate precision and recall of each label, by kind of text."""
    lines = ["| text | label | passages | precision | recall |", "| --- | --- | --- | --- | --- |"]
    for kind, points in points_by_kind.items():
        for label, point in points.items():
            if is_measured(point):
                cells = [f"{point['support']:,}", *figures_of(point)]
                lines.append(f"| {kind} | `{label}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def policies_table(
    by_policy: dict[str, dict[str, PointFigures]], whole: dict[str, PointFigures]
) -> str:
    """Tabulate precision and recall of ``screen`` and ``cite``, by label and kind of text."""
    lines = [
        "| label | text | `screen`: precision | recall | `cite`: precision | recall |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for label in whole["cite"]:
        for kind, points in by_policy["cite"].items():
            if is_measured(points[label]):
                cells = [
                    *figures_of(by_policy["screen"][kind][label]),
                    *figures_of(points[label]),
                ]
                lines.append(f"| `{label}` | {kind} | {' | '.join(cells)} |")
    return "\n".join(lines)


def figures_of(point: Point) -> list[str]:
    """Format the precision and the recall of a label with their intervals."""
    return [interval_of(point[name]) for name in ("precision", "recall")]


def whole_interval(value: list[float]) -> str:
    """Format a share and its interval in hundredths.

    >>> whole_interval([0.5, 0.4, 0.6])
    '50 (40–60)'
    """
    share, low, high = map(hundredths, value)
    return f"{share} ({low}–{high})"


def interval_of(value: list[float]) -> str:
    """Format a figure with its interval.

    >>> interval_of([0.5, 0.4, 0.6])
    '0.50 [0.40, 0.60]'
    """
    figure, low, high = (f"{hundredths(number) / 100:.2f}" for number in value)
    return f"{figure} [{low}, {high}]"


def hundredths(share: float) -> int:
    """Round a share to hundredths, so that all tables write the same one.

    >>> hundredths(0.975)
    98
    """
    return round(100 * share)


def pairs_sentence(default: dict[str, int], fast: dict[str, int]) -> str:
    """Say how often both of two near-identical sentences are right."""
    shares = [
        f"{counts['right'] / counts['pairs']:.0%} of {counts['pairs']:,}"
        for counts in (default, fast)
    ]
    return "\n".join(
        textwrap.wrap(
            "Of two invented sentences that differ in a few words and in their labels, the "
            f"default has both right in {shares[0]} pairs left out of training, `fast` in "
            f"{shares[1]}; the corpus had fewer when it was measured.",
            COLUMNS,
        )
    )


def parts_of(model: str) -> dict[str, dict[str, str]]:
    """Return a card's table of kinds of text and section: by part, its cells by their column."""
    card = (ROOT / "models" / model / "README.md").read_text("utf-8")
    table = re.search(r"^\| part \|.*?(?=\n\n)", card, re.MULTILINE | re.DOTALL)
    if not table:
        raise ValueError(f"models/{model}/README.md: no table of parts; train the model again")
    columns, _, *rows = [line.strip("| ").split(" | ") for line in table[0].splitlines()]
    return {row[0]: dict(zip(columns, row, strict=True)) for row in rows}


def false_alarms(model: str) -> str:
    """Tabulate the share of passages without a label that get one, by kind of text, worst first.

    Parts by section and kinds of few passages, whose share says little, are left out.
    """
    shares: list[tuple[float, str]] = []
    for name, cells in parts_of(model).items():
        share = FALSE_ALARMS.fullmatch(cells["false alarms"])
        if not share or "section" in name or name == "no heading":
            continue
        if number_of(share["passages"]) >= LEAST_PASSAGES:
            rate, low, high = (float(share[name]) for name in ("rate", "low", "high"))
            shares.append((rate, f"| {name} | {rate:.0f} ({low:.0f}–{high:.0f}) |"))
    lines = [
        "Of 100 hard passages that should have no tag, so many get one (95% interval):",
        "",
        "| text | tagged |",
        "| --- | --- |",
    ]
    return "\n".join([*lines, *(line for _, line in sorted(shares, reverse=True))])


def number_of(cell: str) -> int:
    """Read a number of a card's table, such as "1,024"."""
    return int(cell.replace(",", ""))


def kinds_table() -> str:
    """Tabulate macro-F1 and false alarms of both models by kind of text and of section."""
    default = parts_of("default")
    fast = parts_of("fast")
    lines = [
        "| text | passages | groups | macro-F1, default | false alarms, default | macro-F1, fast | "
        "false alarms, fast |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, cells in default.items():
        of_fast = fast.get(name, {"macro-F1": "–", "false alarms": "–"})
        row = [
            name,
            cells["passages"],
            cells["groups"],
            cells["macro-F1"],
            cells["false alarms"],
            of_fast["macro-F1"],
            of_fast["false alarms"],
        ]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


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
        if command[0] == "tipclassify":
            command = [sys.executable, "-m", *command]
        elif command[0] == "python":
            command = [sys.executable, *command[1:]]
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


def labels_by_id(annotations: Path) -> dict[str, tuple[str, ...]]:
    """Read the labels that an annotator gave, by the id of the passage."""
    from tipclassify.evaluation.agreement import read_annotations

    return {key: row["labels"] for key, row in read_annotations(annotations).items()}


def dataset_card(markdown: str) -> str:
    """Return the card of the corpus with its counts and agreement recomputed."""
    from tipclassify.corpus.rows import read_rows
    from tipclassify.evaluation.agreement import agreement, agreement_table
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
    narratives = len({row["doc"] for row in rows if row.get("doc")})
    pairs = len({row.get("pair") for row in rows if row.get("pair")})
    table.append(f"\n{narratives} whole documents, {pairs:,} sets of near-identical passages.")
    author, reader, third_reading = (
        labels_by_id(ROOT / "data" / "annotations" / f"{name}.jsonl")
        for name in ("author", "reader", "third_reading")
    )
    differences = sum(set(author[i]) != set(reader[i]) for i in author)
    agreed = agreement_table(agreement(author, reader))
    agreed += (
        f"\n\nThey differed on {differences:,} of {len(author):,} sentences "
        f"({len(author) - len(rows):,} of these sentences were dropped later). "
        f"{len(third_reading):,} labels were decided by a third reading: of those differences, of "
        "sentences\nput in doubt by an audit with confident learning, and of sentences that an "
        "earlier encoder still disputed after five epochs\n(a fresh annotator confirmed 1,907 of "
        "2,147 such sentences; where a second agreed with the first on other labels, in 177, these "
        "hold)."
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
    for page in sorted(DOCS.rglob("*.md")):
        pages.append((page, lambda text: refreshed_page(text, slow)))
    for page, refresh in pages:
        old = page.read_text("utf-8")
        new = refresh(old)
        stale += old != new
        if "--check" not in sys.argv:
            page.write_text(new, "utf-8", newline="\n")
    return int(stale > 0 and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
