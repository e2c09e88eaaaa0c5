"""Desk: the index page of a folder of report pages, to search and filter them all, with the changes from year to year.

A page opened from a disk may not read files, but may run scripts beside it: ``data/`` has one for each report (several
for a long one), with its passages and an inverted index of their words. The next index page is made from these scripts,
so that no report is scored twice.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import unicodedata
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import quote, unquote

from tipclassify.errors import OutputError
from tipclassify.formatting import json_line, load_json
from tipclassify.labels import LABELS
from tipclassify.reporting.citation import cite
from tipclassify.reporting.comparison.comparison import compare
from tipclassify.reporting.writers import Finding, ScoringContext, TaggedReport
from tipclassify.reporting.writers.compared import write_html
from tipclassify.reporting.writers.rows import row_of
from tipclassify.reporting.writers.templating import rendered
from tipclassify.text.document import Document, Passage

__all__ = ["Desk"]

_BEFORE, _AFTER = "tipclassify.add(", ");\n"  # of the JSON in a script
_MOST_BYTES: Final = 1_500_000  # estimated, of a script, which stays under 2 MB
_WORD: Final = re.compile(r"[^\W_]+")
_ID: Final = re.compile(r'data-desk="([0-9a-f]{16})"')

Head = dict[str, Any]


class Desk:
    """The index of the pages in ``context.folder``; passages of two reports at most are in memory at a time.

    `open_file` opens a file that takes its place when it is complete. With `resume`, reports of earlier runs stay.
    """

    def __init__(
        self, context: ScoringContext, open_file: Callable[[Path], AbstractContextManager[IO[str]]], resume: bool
    ) -> None:
        self._context, self._open, self._resume = context, open_file, resume
        self._folder = context.folder or Path()
        self.index: Final = self._folder / "index.html"
        self._heads: dict[Path, Head] = {}  # data of each page, without its passages
        try:
            for name in ("data", "changes"):
                (self._folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{error.filename}: {(error.strerror or '').lower()}; choose another folder") from None
        for script in sorted((self._folder / "data").glob("*.html.js")) if resume else ():
            page = self._folder / script.name.removesuffix(".js")
            if page.is_file() and not (data := _load(script)):
                warnings.warn(f"{script}: not whole; its report is listed when it is scored again", stacklevel=2)
            elif page.is_file():
                self._heads[page] = {name: data[name] for name in data if name not in ("passages", "words", "found")}

    def page_of(self, file: str, named: Path, same: Callable[[str, Path], bool]) -> Path:
        """Choose the page of an input: that of an earlier run, or `named` unless another input has it.

        ``same(file, named)`` tests whether that page was made of the same bytes.
        """
        link = self._context.link(file)
        if earlier := [page for page, head in self._heads.items() if link and head["link"] == link]:
            return earlier[0]
        if named != self.index and (named not in self._heads or same(file, named)):
            return named
        digest = hashlib.sha256(file.encode("utf-8", "backslashreplace")).hexdigest()[:8]
        return named.with_name(f"{named.stem}-{digest}.html")

    def has(self, page: Path) -> bool:
        """Return whether the data of a page are complete."""
        return page in self._heads

    def files(self, page: Path) -> list[Path]:
        """List the files of a page."""
        return [page, self._script(page), self._folder / "changes" / page.name, self.index]

    def gather(self, page: Path, reports: Iterable[TaggedReport]) -> Iterator[TaggedReport]:
        """Pass the reports of an input on to the writer of its page, then write their data."""
        head: Head = {}
        rows, size, counts, about = list[list[Any]](), 0, Counter[str](), set[tuple[Any, Any]]()
        for number, report in enumerate(reports, 1):
            if not head:
                whole = Finding(report.file, Passage("", 0, 0), {}, report.country, report.year, report.title)
                head = {**cite(whole, self._context).fields, "page": quote(page.name), "file": report.file}
                head |= {"link": self._context.link(report.file), "year": report.year, "scripts": 1}
            prefix = "p" if number == 1 else f"r{number}p"  # of the ids in the page
            for at, finding in enumerate(report.findings(), 1 if report.document else 1 + counts["all"]):
                if size > _MOST_BYTES:
                    head["scripts"] += 1
                    self._write(self._script(page, head["scripts"]), {"page": head["page"]}, rows)
                    rows, size = [], 0
                rows.append(self._row(finding, f"{prefix}{at}"))
                size += 2 * len(rows[-1][-1].encode()) + 150
                about.add(rows[-1][0][:2])
                counts.update(finding.passage.labels)
            counts["all"] += len(report.passages)
            yield report
        if head:
            if len(about) == 1:  # rows, or narratives, of one country and year
                head["country"], head["year"] = about.pop()
            head |= {"counts": [counts[label] for label in LABELS], "total": counts["all"]}
            self._write(self._script(page), head, rows)
            self._heads[page] = head

    def _row(self, finding: Finding, name: str) -> list[Any]:
        """Make the row of a passage: what the desk shows, cites and compares."""
        row = row_of(finding)
        cited = cite(replace(finding, country=row["country"], year=row["year"]), self._context)
        bits = sum(1 << n for n, label in enumerate(LABELS) if label in row["labels"])
        place = row["country"], row["year"], row["section"], cited.section
        scores, low = [row[label] for label in LABELS], int(row["low_confidence"])
        identity = cited.key, name if bits else ""
        return [place, row["start"], row["end"], row["page"], cited.paragraph, bits, scores, low, *identity, cited.quote]

    def _script(self, page: Path, number: int = 1) -> Path:
        return self._folder / "data" / f"{page.name}.{f'{number}.' if number > 1 else ''}js"

    def _write(self, script: Path, data: Head, rows: list[list[Any]]) -> None:
        """Write a script of passages, each of their places once, and the index of their words."""
        places: dict[Any, int] = {}
        passages = [[places.setdefault(place, len(places)), *row] for place, *row in rows]
        found: defaultdict[str, list[str]] = defaultdict(list)
        for number, row in enumerate(rows):
            for word in sorted(set(_words(row[-1]))):
                found[word].append(str(number))
        data = {**data, "words": " ".join(found), "found": ",".join(map(" ".join, found.values()))}
        with self._open(script) as out:
            out.write(_BEFORE + json_line({**data, "places": list(places), "passages": passages})[:-1] + _AFTER)

    def write_index(self) -> tuple[int, int]:
        """Write what changed from year to year, then the index page; return the number of reports and of findings."""
        heads = sorted(self._heads.values(), key=lambda head: (head["country"] or head["title"], head["year"] or 0))
        for head in heads:
            head["before"] = self._compare(head, heads)
        known = _ID.search(self.index.read_text("utf-8")) if self.index.is_file() else None
        desk = known[1] if known else secrets.token_hex(8)  # under which the browser keeps the saved findings
        with self._open(self.index) as out:
            out.writelines(rendered("desk.html", reports=heads, desk=desk))
        return len(heads), sum(sum(head["counts"]) for head in heads)

    def _compare(self, new: Head, heads: list[Head]) -> int | None:
        """Write what changed since the last report of the same country, the one titled alike; return its year."""
        earlier = [old for old in heads if old["country"] == new["country"] and old["year"] and new["year"]]
        earlier = [old for old in earlier if old["country"] and old["year"] < new["year"]]
        if not earlier:
            return None
        old = max(earlier, key=lambda old: (old["year"], SequenceMatcher(None, old["title"], new["title"]).ratio()))
        pages = [self._folder / unquote(head["page"]) for head in (old, new)]
        target = self.files(pages[1])[2]
        made = target.stat().st_mtime_ns if self._resume and target.is_file() else 0
        if made < max(self._script(page).stat().st_mtime_ns for page in pages):
            context = replace(self._context, folder=target.parent)
            with self._open(target) as out:
                write_html(compare(*map(self._report, (old, new)), context), out, context)
        return int(old["year"])

    def _report(self, head: Head) -> TaggedReport:
        """Read a report again from its scripts."""
        page = self._folder / unquote(head["page"])
        passages = []
        for number in (*range(2, head["scripts"] + 1), 1):  # the rest, with what stands above, was written last
            data = _load(self._script(page, number)) or {"passages": []}
            for place, start, end, at, _, bits, scores, low, _, _, text in data["passages"]:
                labels = tuple(label for n, label in enumerate(LABELS) if bits >> n & 1)
                section, tags = data["places"][place][2], dict(zip(LABELS, scores, strict=True))
                passages.append(Passage(text, start, end, section, labels, tags, bool(low), at))
        file = head["file"]
        if head["link"] and "://" not in head["link"]:
            file = os.path.relpath(self._folder / unquote(head["link"]))
        return TaggedReport(file, Document("", (), file, head["title"], head["country"], head["year"]), passages)


def _words(text: str) -> list[str]:
    """Split a text to words, in lower case and without accents, as ``desk_data.js`` does."""
    lower = unicodedata.normalize("NFKD", text.lower())
    plain = lower if lower.isascii() else "".join(c for c in lower if not unicodedata.category(c).startswith("M"))
    return _WORD.findall(plain)


def _load(script: Path) -> Head | None:
    """Read the data of a script; None if it is not whole."""
    with suppress(OSError, ValueError):
        data = load_json(script.read_text("utf-8")[len(_BEFORE) : -len(_AFTER)], strict=False)
        return data if isinstance(data, dict) and data.keys() >= {"page", "places", "passages"} else None
    return None
