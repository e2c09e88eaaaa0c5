"""Desk of one person: findings of a folder of pages, whose labels are confirmed or corrected.

The pages are those on the disk, with buttons; what people decide is in a store beside them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal

from tipclassify.app.refusal import RefusedError
from tipclassify.errors import InputError
from tipclassify.labels import LABELS
from tipclassify.records import acronyms_of
from tipclassify.store import RequestReusedError, plain
from tipclassify.store.checks import open_desk
from tipclassify.store.state import Kind, Place, Shown, State, Tags, judge
from tipclassify.write.desk import read_findings

_FILES: Final = re.compile(r"(?:changes/)?[^/\\]+\.html|data/[0-9a-f]{8}\.js")
_CODE: Final = re.compile(r"(?<!\w)#(\w[\w-]*)")
_CODED: Final = ("title", "country", "year", "section", "page", "text")  # beside a code
_SOURCES: Final = re.compile(r"\b(script|style)-src (?!'self')")
_BUTTONS: Final = (
    '<link rel="stylesheet" href="{folder}decide.css">'
    '<script type="module" src="{folder}decide.js"></script></body>'
)


class Desk:
    """Decisions on the findings in a desk's `folder` by `annotator`, one of several people.

    Raises `InputError` when the folder is no desk or its store cannot be used. Warns of data files
    that are not whole.
    """

    def __init__(self, folder: Path, annotator: str) -> None:
        if not (folder / "index.html").is_file() or not (folder / "data").is_dir():
            what = "no desk: there is no index.html with data/ in it"
            remedy = "make one with 'tipclassify score … --format html --output-dir'"
            raise InputError(f"{folder}: {what}; {remedy}")
        self.folder = folder
        self.annotator = plain(annotator)
        self._findings: dict[Place, Shown] = {}
        self._counted: set[Place] = set()  # sentences, each once, as the pages count them
        self._labels = LABELS
        for row in read_findings(folder):
            place = Place(row["report"], row["start"], row["end"])
            scores = {label: row[label] for label in row["labels"]}
            tags = [Tags(row["model"], "", row["labels"], scores)]
            kept: dict[str, object] = {
                name: row[name] for name in ("text", "section", "page") if name in row
            }
            kept["acronyms"] = acronyms_of(row)
            if "again" not in row and row.get("kind") != "table row":
                self._counted.add(place)
            self._labels = tuple(row["labels_of_model"])
            self._findings[place] = Shown(
                place, row["key"], kept, row["address"], row["title"], tags=tags
            )
        self.store = open_desk(folder)

    @property
    def checked(self) -> int:
        """Number of findings that somebody decided on."""
        return sum(bool(state.decisions) for state in self.store.now().values())

    def counts(self) -> dict[str, dict[str, int]]:
        """Count the findings with each label as checked, by report: as people say, else as tagged.

        Only reports of which somebody decided a finding. Where people differ, the tags hold.
        """
        finals = {place: state.final for place, state in self.store.now().items()}
        reports = {place.report for place, final in finals.items() if final}
        counts = {report: Counter[str]() for report in reports}
        for place in self._counted:
            if place.report in reports:
                final = finals.get(place)
                counts[place.report].update(
                    final.labels if final else self._findings[place].tags[0].labels
                )
        return {report: dict(of_report) for report, of_report in counts.items()}

    def file(self, name: str) -> Path | None:
        """Return a file of the desk that may be served; no other is."""
        path = self.folder / name
        with suppress(OSError, ValueError):  # a name that is too long, or has a NUL
            if _FILES.fullmatch(name) and not path.is_symlink() and path.is_file():
                return path
        return None

    def page(self, path: Path) -> str:
        """Return a page with the script that fills its buttons, which its own policy lets in."""
        folder = "../" * (len(path.relative_to(self.folder).parts) - 1)
        head, end_of_head, body = path.read_text("utf-8").partition("</head>")
        head = _SOURCES.sub(r"\1-src 'self' ", head)
        if "connect-src" not in head:
            head = head.replace("base-uri 'none'", "connect-src 'self'; base-uri 'none'", 1)
        return head + end_of_head + _BUTTONS.format(folder=folder).join(body.rsplit("</body>", 1))

    def state(self, since: int = 0) -> dict[str, Any]:
        """Answer ``GET api/checks``: what was decided and noted by the events after `since`."""
        with self.store.reading():
            changed = dict.fromkeys(event.place for event in self.store.since(since))
            checks = [
                self._row(place, self.store.on(place))
                for place in changed
                if place in self._findings
            ]
            return {
                "annotator": self.annotator,
                "next": self.store.last,
                "checks": checks,
                "counts": self.counts(),
            }

    def _row(self, place: Place, state: State) -> dict[str, Any]:
        """Return what each person decided and noted on a finding."""
        tagged = tuple(self._findings[place].tags[0].labels)
        people: dict[str, dict[str, Any]] = {}
        for name, event in state.decisions.items():
            verdict = judge(tagged, event.labels)
            people[name] = {
                "verdict": verdict,
                "labels": event.labels,
                "at": event.at,
                "note": "",
            }
        for name, event in state.notes.items():
            person = people.setdefault(name, {"verdict": "", "labels": tagged, "at": event.at})
            person["note"] = event.note
        codes = {code for event in state.notes.values() for code in _codes(event.note)}
        return {**place._asdict(), "people": people, "codes": sorted(codes)}

    def coded(self) -> list[dict[str, object]]:
        """Make a row for each code that somebody gave a finding, code by code.

        Labels are those as checked, else as tagged.
        """
        states = self.store.now()
        rows: list[dict[str, object]] = []
        for finding in read_findings(self.folder):
            state = states.get(Place(finding["report"], finding["start"], finding["end"]))
            if state is None:
                continue
            final = state.final
            for name, event in state.notes.items():
                for code in _codes(event.note):
                    about = {column: finding.get(column, "") for column in _CODED}
                    labels = final.labels if final else finding["labels"]
                    decided = {"labels": "; ".join(labels), "annotator": name, "note": event.note}
                    rows.append({"code": code, **about, **decided, "citation": finding["source"]})
        return sorted(rows, key=lambda row: str(row["code"]))

    def check(
        self,
        place: tuple[str, int, int],
        key: str,
        labels: Sequence[str] | Literal["withdrawn"] | None,
        note: str | None,
        request: str | None,
    ) -> dict[str, Any]:
        """Answer ``POST api/checks``: give the labels that a finding should have, or note.

        Those that it has confirm them, none reject them. A note "" removes one's own.
        """
        shown = self._findings.get(Place(*place))
        if shown is None or shown.key != key:
            raise RefusedError(404, "no such finding is on this desk")
        if (labels is None) == (note is None):
            raise RefusedError(400, "send labels or a note")
        if labels == "withdrawn":
            self._withdraw(shown, request)
        else:
            if unknown := set(labels or ()).difference(self._labels):
                raise RefusedError(400, f"no label of this desk: {min(unknown)!r}")
            # in the order of the model's
            right = [label for label in self._labels if label in (labels or ())]
            kind: Kind = "note" if labels is None else "label"
            self.store.decide(
                shown,
                kind,
                self.annotator,
                labels=right,
                note=note,
                hides_model=None,
                request=request,
            )
        return {
            "saved": True,
            "check": self._row(shown.place, self.store.on(shown.place)),
            "counts": self.counts(),
            "next": self.store.last,
        }

    def _withdraw(self, shown: Shown, request: str | None) -> None:
        """Take back one's own labels of a finding."""
        with self.store.writing():
            earlier = self.store.of_request(self.annotator, request)
            if earlier and (earlier.kind != "undo" or earlier.place != shown.place):
                raise RequestReusedError(request)
            mine = self.store.on(shown.place).decisions.get(self.annotator)
            if mine and not earlier:
                self.store.undo(mine.id, self.annotator, request)
            elif not earlier:
                raise RefusedError(409, "you have not checked this finding")


def _codes(note: str | None) -> list[str]:
    """Return the codes in a note, each once: words behind a ``#``.

    >>> _codes("#Shelters are closed, see #un-report; case no#7; #shelters")
    ['shelters', 'un-report']
    """
    return list(dict.fromkeys(_CODE.findall((note or "").lower())))
