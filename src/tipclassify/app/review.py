"""Review of reports by one annotator: what the page asks for, and what the annotator decides.

What colleagues decided on a passage is hidden until the annotator decided on it, or asked to see
it; with ``--blind``, so are the model's tags. Threads may share a review.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tipclassify.app.agreement import agreement_by_annotator, progress
from tipclassify.app.parts import Parts
from tipclassify.app.refusal import RefusedError
from tipclassify.corpus.next import rank_to_label
from tipclassify.errors import InputError
from tipclassify.model.classifier import Classifier
from tipclassify.probability import probability
from tipclassify.records import Passage, Run, is_link
from tipclassify.store import RequestReusedError, Store, plain
from tipclassify.store.state import Decision, Kind, Place, Shown, State, Tags
from tipclassify.tagging import Tagging, whole
from tipclassify.write.page import report_digest

Answer = dict[str, Any]

_QUEUE: Final = 50  # passages: an hour's work
# without control characters
_NOTE: Final = re.compile(r"[^\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]*")


@dataclass(frozen=True, slots=True)
class OpenPassage:
    """A tagged passage of a report under review."""

    place: Place
    number: int  # in its report, from 1
    passage: Passage

    @property
    def id(self) -> str:
        """Its name on the page and in a corpus."""
        return passage_id(self.place)


@dataclass(frozen=True, slots=True)
class OpenReport:
    """A report under review."""

    sha256: str  # of its bytes, or of the text where it has no file
    name: str  # of the file, or a link
    title: str
    passages: tuple[OpenPassage, ...]
    notes: tuple[str, ...] = ()  # the reader's warnings

    @property
    def id(self) -> str:
        """Its name on the page."""
        return self.sha256[:16]


def passage_id(place: Place) -> str:
    """Make the name of a place, which fits in an address."""
    return f"{place.report[:16]}-{place.start}-{place.end}"


def open_reports(
    files: Sequence[str], tagging: Tagging, progress: Callable[[int, int], None] | None = None
) -> tuple[list[OpenReport], list[str]]:
    """Read and tag inputs; return the reports, each once, and a line for each that failed."""
    reports: dict[str, OpenReport] = {}
    failures = []
    for done, file in enumerate(files, 1):
        try:
            report = _open_report(file, tagging)
            reports.setdefault(report.sha256, report)
        except InputError as error:
            failures.append(str(error))
        if progress:
            progress(done, len(files))
    return list(reports.values()), failures


def _open_report(file: str, tagging: Tagging) -> OpenReport:
    """Read and tag one input; input rows become one report."""
    report = whole(file, tagging.reports([file]))
    document = report.document
    passages = report.passages
    if not passages:
        raise InputError(f"{file}: no passages in it; give a report with sentences")
    is_file = not is_link(file) and file != "-"
    sha256 = report_digest(report)
    opened = []
    for number, passage in enumerate(passages, 1):
        # Rows have no offsets in a text: their numbers distinguish rows of the same text.
        place = Place(sha256, number, number)
        if document is not None:
            place = Place(sha256, passage.start, passage.end)
        opened.append(OpenPassage(place, number, passage))
    name = Path(file).name if is_file else file
    title = (document.title if document else None) or name
    return OpenReport(sha256, name, title, tuple(opened), report.notes)


@dataclass(eq=False)
class Review:
    """Reports under review by one annotator, and the store of what all decide."""

    classifier: Classifier  # that tagged the reports
    reports: Sequence[OpenReport]
    store: Store
    annotator: str
    run: Run = field(default_factory=Run)  # which model and policy tagged them
    # whether the model's tags are hidden until the annotator decided on a passage
    blind: bool = False
    queue_first: bool = False  # whether the page opens with the most informative passages
    model_name: str = "default"
    corpus: str = ""  # file that the page names

    def __post_init__(self) -> None:
        self.annotator = plain(self.annotator)
        self.labels = self.run.labels
        self.parts = Parts(self.run.styles)
        self.reports_by_id = {report.id: report for report in self.reports}
        self.passages = {
            passage.id: passage for report in self.reports for passage in report.passages
        }

    def passage(self, id: str) -> OpenPassage:
        """Return an open passage; refuse the request if there is none of this name."""
        if id not in self.passages:
            raise RefusedError(404, "no such passage is open")
        return self.passages[id]

    # ---- What the annotator may see

    def hides_model(self, state: State) -> bool:
        """Return whether the model's tags of a passage are hidden."""
        return self.blind and self.annotator not in state.answered

    def hides_colleagues(self, state: State) -> bool:
        """Return whether what colleagues decided on a passage is hidden."""
        return self.annotator not in state.seen and self.annotator not in state.decisions

    def event(self, event: Decision, state: State) -> Answer:
        """Convert an event, without what a colleague said of a passage where that is hidden."""
        row: Answer = {
            "id": event.id,
            "kind": event.kind,
            "key": passage_id(event.place),
            "annotator": event.annotator,
            "time": event.at,
            "labels": list(event.labels),
            "unsure": event.unsure or None,
            "note": event.note,
            "blind": event.blind,
            "undoes": event.undoes,
        }
        if event.annotator != self.annotator and self.hides_colleagues(state):
            row |= {"labels": [], "note": None, "unsure": None, "hidden": True}
        return {name: value for name, value in row.items() if value is not None}

    def row(self, passage: OpenPassage, state: State) -> Answer:
        """Convert a passage: tags, the annotator's own decision, and those of others."""
        decisions = state.decisions
        mine = decisions.pop(self.annotator, None)
        settled = state.settled
        notes = state.notes
        no_model = self.hides_model(state)
        no_colleagues = self.hides_colleagues(state)
        if no_colleagues:
            if settled and settled.annotator != self.annotator:
                settled = None
            notes = {name: event for name, event in notes.items() if name == self.annotator}
        tagged = passage.passage
        row: Answer = {
            "key": passage.id,
            "report": passage.place.report[:16],
            "number": passage.number,
            "text": tagged.text,
            "section": tagged.section,
            "page": tagged.page,
            "labels": [] if no_model else list(tagged.labels),
            # not rounded: the page compares them with thresholds
            "scores": {} if no_model else dict(tagged.scores),
            "low_confidence": tagged.low_confidence and not no_model,
            "decision": self.event(mine, state) if mine else None,
            "others": []
            if no_colleagues
            else [self.event(event, state) for event in decisions.values()],
            "settled": self.event(settled, state) if settled else None,
            "notes": {
                name: {"note": event.note, "time": event.at} for name, event in notes.items()
            },
            "hidden": {"model": no_model, "colleagues": len(decisions) if no_colleagues else 0},
        }
        row["shown"] = {label: probability(score) for label, score in row["scores"].items()}
        row["said"] = self.parts.render("said", passage=row, annotator=self.annotator)
        if mine or decisions:
            sides = [row["decision"], *row["others"]] if mine else row["others"]
            answers = [set(side["labels"]) for side in sides if not side.get("unsure")]
            row["agreed"] = [
                label for label in self.labels if answers and all(label in one for one in answers)
            ]
            row["settling"] = self.parts.render(
                "settling", passage=row, annotator=self.annotator, sides=sides
            )
        return row

    # ---- What the page asks for

    def about(self) -> Answer:
        """Answer ``GET /api/session``: annotator, model, reports and settings."""
        with self.store.reading():
            states = self.store.now()
            last = self.store.last
        return {
            "annotator": self.annotator,
            "labels": list(self.labels),
            "policy": self.run.policy,
            "thresholds": self.run.thresholds,
            "model": {"name": self.model_name, "sha256": self.run.model},
            "queue": self.queue_first,
            "blind": self.blind,
            "reports": [
                {
                    "id": report.id,
                    "name": report.name,
                    "title": report.title,
                    "passages": len(report.passages),
                    **progress((p.place for p in report.passages), self.annotator, states),
                }
                for report in self.reports_by_id.values()
            ],
            "corpus": self.corpus,
            "events": last,
            "undo": self.store.to_take_back(self.annotator) is not None,
        }

    def report(self, id: str) -> Answer:
        """Answer ``GET /api/reports/ID``: a report with all its passages."""
        report = self.reports_by_id.get(id)
        if report is None:
            raise RefusedError(404, "no such report is open")
        states = self.store.now(report.sha256)
        rows = [self.row(p, states.get(p.place) or State()) for p in report.passages]
        return {"id": report.id, "name": report.name, "title": report.title, "passages": rows}

    def reasons(self, id: str) -> Answer:
        """Answer ``GET /api/reasons/ID``: an explanation of each label, and its table and text."""
        passage = self.passage(id)
        if self.hides_model(self.store.on(passage.place)):
            what = "the model's reasons are hidden until you have decided (--blind)"
            raise RefusedError(409, what)
        explanations = self.classifier.explain(passage.passage)
        return {
            "labels": {
                label: self.parts.reason(
                    passage.passage, label, explanation, self.run.thresholds[label]
                )
                for label, explanation in explanations.items()
            }
        }

    def queue(self, n: int = _QUEUE) -> Answer:
        """Answer ``GET /api/queue``: passages without one's own decision, most informative first.

        Colleagues' labels on them do not count, since the order and its reasons would show them.
        """
        states = self.store.now()
        left = []
        known = []
        for passage in self.passages.values():
            state = states.get(passage.place)
            if state and self.annotator in state.decisions:
                known.append(passage.passage.text)
            else:
                left.append(passage)
        picks = rank_to_label(
            [passage.passage for passage in left],
            self.classifier.thresholds(self.run.policy),
            n,
            known=known,
            labels=self.labels,
        )
        queued = []
        for index, reason in picks:
            passage = left[index]
            why = {} if self.blind else {"why": reason}
            queued.append({"key": passage.id, "report": passage.place.report[:16], **why})
        return {"passages": queued}

    def changes(self, since: int) -> Answer:
        """Answer ``GET /api/changes``: the events after number `since`, and their passages."""
        with self.store.reading():
            events = self.store.since(since)
            states = {place: self.store.on(place) for place in {e.place for e in events}}
            last = self.store.last
        ids = {passage_id(place): place for place in states}
        return {
            "next": last,
            "events": [self.event(event, states[event.place]) for event in events],
            "passages": [
                self.row(self.passages[name], states[place])
                for name, place in ids.items()
                if name in self.passages
            ],
        }

    def disagreements(self) -> Answer:
        """Answer ``GET /api/disagreements``: the passages on which annotators disagree."""
        states = self.store.now()
        differ = [
            p for p in self.passages.values() if p.place in states and states[p.place].differs
        ]
        return {"passages": [self.row(p, states[p.place]) for p in differ]}

    def agreement(self) -> Answer:
        """Answer ``GET /api/agreement``: how far annotators agree, as figures and as a page."""
        states = self.store.now()
        places = [passage.place for passage in self.passages.values()]
        figures = agreement_by_annotator(states, places, self.labels)
        page = self.parts.render(
            "agreement",
            annotator=self.annotator,
            opened=len(places),
            corpus=shlex.quote(self.corpus),
            **figures,
        )
        return {**figures, "html": page}

    # ---- What the annotator does

    def decide(
        self,
        id: str,
        kind: Kind = "label",
        labels: Sequence[str] = (),
        unsure: bool = False,
        note: str | None = None,
        request: str | None = None,
    ) -> Answer:
        """Answer ``POST /api/decisions``: save labels, a settlement, a note ("" removes it), a look.

        A look is at what colleagues decided, before one's own decision.
        """
        passage = self.passage(id)
        if unsure and (labels or kind != "label"):
            raise RefusedError(400, "unsure is a decision without labels; send one or the other")
        if not _NOTE.fullmatch(note or ""):
            raise RefusedError(400, "a note holds control characters; write plain text")
        if unknown := set(labels).difference(self.labels):
            wanted = ", ".join(self.labels)
            raise RefusedError(400, f"unknown label {min(unknown)!r}: use {wanted}")
        if kind == "note":
            note = note or ""
        with self.store.writing():
            is_new = self.store.of_request(self.annotator, request) is None
            if kind == "settle" and is_new and not self.store.on(passage.place).decisions:
                raise RefusedError(
                    409, "nobody has decided this passage: there is nothing to settle"
                )
            event = self.store.decide(
                self._shown(passage),
                kind,
                self.annotator,
                labels=tuple(label for label in self.labels if label in labels),
                unsure=unsure,
                note=note,
                hides_model=self.blind,
                request=request,
            )
            return self._saved(event)

    def undo(self, request: str | None = None) -> Answer:
        """Answer ``POST /api/undo``: take back the annotator's last event."""
        with self.store.writing():
            event = self.store.of_request(self.annotator, request)
            if event and event.kind != "undo":
                raise RequestReusedError(request)
            if event is None:
                undone = self.store.to_take_back(self.annotator)
                if undone is None:
                    raise RefusedError(409, "there is nothing to take back")
                event = self.store.undo(undone.id, self.annotator, request)
            return self._saved(event)

    def _shown(self, passage: OpenPassage) -> Shown:
        report = self.reports_by_id[passage.place.report[:16]]
        tagged = passage.passage
        scores = {label: round(score, 4) for label, score in tagged.scores.items()}
        tags = [Tags(self.run.model, self.run.policy, tagged.labels, scores)]
        row = {
            "text": tagged.text,
            "section": tagged.section,
            "page": tagged.page,
            "block": tagged.block,
            "acronyms": dict(tagged.acronyms),
        }
        return Shown(passage.place, tagged.key, row, report.name, report.title, tags=tags)

    def _saved(self, event: Decision) -> Answer:
        """Answer a change: its event, and the passage as shown."""
        state = self.store.on(event.place)
        passage = self.passages.get(passage_id(event.place))
        return {
            "saved": True,
            "event": self.event(event, state),
            "passage": self.row(passage, state) if passage else None,
            "undo": self.store.to_take_back(self.annotator) is not None,
        }
