"""Session of one annotator: requests of the page in, values for its JSON answers out.

Threads may share it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Final

from tipclassify.corpus.active_learning import rank
from tipclassify.corpus.loading import text_key
from tipclassify.errors import InputError, OutputError
from tipclassify.labels import LABELS, Policy, indicator
from tipclassify.model.classifier import Classifier
from tipclassify.review.agreement_answer import answer_agreement
from tipclassify.review.derived import CorpusFile, events_path
from tipclassify.review.events import Event, Hidden, History, Kind
from tipclassify.review.log import EventLog, now
from tipclassify.review.opened import OpenPassage, OpenReport
from tipclassify.review.view import JsonObject, ModelTags, View, count_progress

__all__ = ["RefusedError", "ReviewSession"]

# without control characters
_NOTE: Final = re.compile(r"[^\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]*")
_EXCERPT: Final = 120  # characters of a passage in the list of events

Append = Callable[[Event], None]


class RefusedError(Exception):
    """A request that was refused, with the HTTP status of the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(eq=False)
class ReviewSession:
    """Session of one annotator with some reports and one corpus, its event log beside it.

    Raises `InputError` or `CorpusError` when the corpus cannot be used.
    """

    classifier: Classifier  # that tagged the reports
    reports: Sequence[OpenReport]
    corpus: Path
    annotator: str
    policy: Policy = "balanced"
    # whether the model's suggestions are hidden until the annotator decided on a passage
    blind: bool = False
    queue_first: bool = False  # whether the page opens with the most informative passages
    model_name: str = "default"
    # passages on which it disagrees are shown, and come first in the queue
    second: Classifier | None = None
    second_name: str = "second model"
    # takes lines on torn events and files moved aside
    notify: Callable[[str], None] = lambda _: None

    def __post_init__(self) -> None:
        self._model_version = str(self.classifier.meta.get("sha256", "unknown"))
        self._reports = {report.id: report for report in self.reports}
        self._passages = {
            passage.key: passage for report in self.reports for passage in report.passages
        }
        self._second = self._tags_of_second()
        self._log = EventLog(events_path(self.corpus), self.notify)
        self._file = CorpusFile(self.corpus, self.notify)
        with self._log.exclusive():  # a crash may have left the corpus behind the log
            try:
                self._file.write(self._log.history)
            except OutputError as error:  # all decisions are in the log, and can still be read
                self.notify(f"warning: {error}")

    def _tags_of_second(self) -> dict[str, ModelTags]:
        """Tag all passages with the second model, if there is one."""
        if self.second is None:
            return {}
        passages = [passage.passage for passage in self._passages.values()]
        tagged = self.second.tag_passages(passages, self.policy)
        return {
            key: ModelTags(labels=list(passage.labels), scores=dict(passage.scores))
            for key, passage in zip(self._passages, tagged, strict=True)
        }

    @property
    def decided(self) -> int:
        """Number of decided passages, by all annotators."""
        with self._log.guard:
            return len(self._log.history.decided_keys)

    @property
    def disputed(self) -> int:
        """Number of passages that the corpus leaves out until somebody adjudicates them."""
        with self._log.guard:
            return len(self._log.history.disputed_keys)

    def close(self) -> None:
        """Leave the corpus without blank lines."""
        with self._log.exclusive():
            self._file.compact(self._log.history)

    # ---- What the page asks for

    def about(self) -> JsonObject:
        """Answer ``GET /api/session``: annotator, model, reports and settings."""
        with self._reading() as view:
            reports = [
                {
                    "id": report.id,
                    "name": report.name,
                    "title": report.title,
                    "passages": len(report.passages),
                    "notes": list(report.notes),
                    **count_progress(report.passages, self.annotator, view.history),
                }
                for report in self._reports.values()
            ]
            events = len(view.history)
        thresholds = self.classifier.thresholds(self.policy).tolist()
        return {
            "annotator": self.annotator,
            "labels": list(LABELS),
            "policy": self.policy,
            "thresholds": dict(zip(LABELS, thresholds, strict=True)),
            "model": {"name": self.model_name, "sha256": self._model_version},
            "second": self.second_name if self.second else None,
            "queue": self.queue_first,
            "blind": self.blind,
            "reports": reports,
            "corpus": str(self.corpus),
            "events": events,
        }

    def report(self, id: str) -> JsonObject:
        """Answer ``GET /api/reports/ID``: a report with all its passages."""
        report = self._reports.get(id)
        if report is None:
            raise RefusedError(404, "no such report is open")
        with self._reading() as view:
            passages = [view.passage(passage) for passage in report.passages]
        return {"id": report.id, "name": report.name, "title": report.title, "passages": passages}

    def reasons(self, key: str) -> JsonObject:
        """Answer ``GET /api/reasons/KEY``: an explanation of each label.

        ``heading`` is the heading's weight.
        """
        passage = self._passage(key)
        with self._reading() as view:
            if view.hides_model(key):
                what = "the model's reasons are hidden until you have decided (--blind)"
                raise RefusedError(409, what)
        explanations = self.classifier.explain(passage.passage)
        return {
            "labels": {
                label: {**explanation.to_dict(), "total": explanation.logit}
                for label, explanation in explanations.items()
            }
        }

    def queue(self, n: int = 50) -> JsonObject:
        """Answer ``GET /api/queue``: passages without one's own decision, most informative first.

        Colleagues' labels on them do not count, since the order and its reasons would show them.
        """
        with self._reading() as view:
            history = view.history
            left = [
                passage
                for key, passage in self._passages.items()
                if self.annotator not in history.decisions(key)
            ]
            keys = {passage.key for passage in left}
            decided = (history.final(key) for key in history.by_passage if key not in keys)
            known_texts = [event.about["text"] for event in decided if event]
        other_votes = []
        if self._second:
            other_votes.append([indicator(self._second[p.key]["labels"]) for p in left])
        picks = rank(
            [passage.passage for passage in left],
            self.classifier.thresholds(self.policy),
            n,
            known=known_texts,
            others=other_votes,
        )
        passages: list[JsonObject] = []
        for pick in picks:
            passage = left[pick.index]
            row: JsonObject = {"key": passage.key, "report": passage.report}
            if not self.blind:
                row |= {"why": pick.why, "score": pick.score}
            passages.append(row)
        return {"passages": passages, "left": len(left)}

    def search(self, words: str, most: int = 200) -> JsonObject:
        """Answer ``GET /api/search``: the first `most` passages whose text has `words`."""
        wanted = text_key(words)
        matches = [
            passage
            for passage in self._passages.values()
            if wanted and wanted in text_key(passage.passage.text)
        ]
        with self._reading() as view:
            passages = [view.passage(passage) for passage in matches[:most]]
        return {"found": len(matches), "passages": passages}

    def changes(self, since: int) -> JsonObject:
        """Answer ``GET /api/changes``: the events after number `since`, and their passages."""
        with self._reading() as view:
            events = view.history.events[since:]
            keys = dict.fromkeys(event.key for event in events if event.key in self._passages)
            return {
                "next": len(view.history),
                "events": [view.event(event) for event in events],
                "passages": [view.passage(self._passages[key]) for key in keys],
            }

    def history(self, before: int = 0, n: int = 100) -> JsonObject:
        """Answer ``GET /api/history``: `n` events before number `before`, the latest first.

        0 stands for all events.
        """
        with self._reading() as view:
            last = min(before - 1, len(view.history)) if before else len(view.history)
            latest = view.history.events[max(last - n, 0) : last]
            rows = [self._history_row(event, view) for event in reversed(latest)]
            return {"events": rows, "more": last > n}

    def _history_row(self, event: Event, view: View) -> JsonObject:
        """Convert an event for the list of events, with what it undid or did again.

        An odd number of steps back to that is an undo, an even one a redo.
        """
        done = event
        steps = 0
        while done.undoes is not None:
            done = view.history.events[done.undoes - 1]
            steps += 1
        passage = self._passages.get(event.key)
        return {
            **view.event(event),
            "report": passage and passage.report,
            "text": shorten(str(done.about.get("text")), _EXCERPT),
            "steps": steps,
            "of": view.event(done),
        }

    def disagreements(self) -> JsonObject:
        """Answer ``GET /api/disagreements``: the passages on which annotators disagree."""
        with self._reading() as view:
            differ = [p for key, p in self._passages.items() if view.history.differ(key)]
            return {"passages": [view.passage(passage) for passage in differ]}

    def agreement(self) -> JsonObject:
        """Answer ``GET /api/agreement``: see `answer_agreement`."""
        with self._reading() as view:
            return answer_agreement(view.history, list(self._passages.values()))

    # ---- What the annotator does

    def decide(
        self,
        key: str,
        labels: Sequence[str],
        note: str | None = None,
        request: str | None = None,
        unsure: bool = False,
    ) -> JsonObject:
        """Answer ``POST /api/decisions``: save the annotator's labels of a passage."""
        if unsure and labels:
            raise RefusedError(400, "unsure is a decision without labels; send one or the other")
        in_order = tuple(label for label in LABELS if label in labels)
        stored = self._stored(key)
        _check_note(note)
        with self._writing() as append:
            history = self._log.history
            event = self._repeated(request)
            if event is None:
                event = Event(
                    number=len(history) + 1,
                    kind="decision",
                    key=key,
                    annotator=self.annotator,
                    time=now(),
                    labels=in_order,
                    unsure=unsure or None,
                    note=note or None,
                    request=request,
                    about=stored,
                    blind=self._made_without(key, history),
                )
                append(event)
            elif (event.kind, event.key) != ("decision", key) or (
                (event.labels, bool(event.unsure)) != (in_order, unsure)
            ):
                raise _other_request(request)
            return self._saved(event)

    def adjudicate(
        self,
        key: str,
        labels: Sequence[str],
        note: str | None = None,
        request: str | None = None,
        unsure: bool = False,
    ) -> JsonObject:
        """Answer ``POST /api/adjudications``: save the final labels of a decided passage."""
        if unsure:
            raise RefusedError(400, "unsure is a decision without labels; send one or the other")
        in_order = tuple(label for label in LABELS if label in labels)
        stored = self._stored(key)
        _check_note(note)
        with self._writing() as append:
            event = self._repeated(request)
            if event is None:
                history = self._log.history
                if not history.decisions(key):
                    what = "nobody has decided this passage: there is nothing to settle"
                    raise RefusedError(409, what)
                event = Event(
                    number=len(history) + 1,
                    kind="adjudication",
                    key=key,
                    annotator=self.annotator,
                    time=now(),
                    labels=in_order,
                    note=note or None,
                    request=request,
                    about=stored,
                )
                append(event)
            elif (event.kind, event.key, event.labels) != ("adjudication", key, in_order):
                raise _other_request(request)
            return self._saved(event)

    def note(self, key: str, note: str, request: str | None = None) -> JsonObject:
        """Answer ``POST /api/notes``: replace one's own note on a passage; "" removes it."""
        return self._remark("note", key, note, request)

    def reveal(self, key: str, request: str | None = None) -> JsonObject:
        """Answer ``POST /api/reveals``: show what colleagues decided, and log that."""
        return self._remark("reveal", key, None, request)

    def _remark(self, kind: Kind, key: str, note: str | None, request: str | None) -> JsonObject:
        stored = self._stored(key)
        _check_note(note)
        with self._writing() as append:
            event = self._repeated(request)
            if event is None:
                event = Event(
                    number=len(self._log.history) + 1,
                    kind=kind,
                    key=key,
                    annotator=self.annotator,
                    time=now(),
                    note=note,
                    request=request,
                    about=stored,
                )
                append(event)
            elif (event.kind, event.key, event.note) != (kind, key, note):
                raise _other_request(request)
            return self._saved(event)

    def undo(self, number: int, request: str | None = None) -> JsonObject:
        """Answer ``POST /api/undo``: revoke one of the annotator's own events in effect."""
        with self._writing() as append:
            event = self._repeated(request)
            if event is None:
                undone = self._event_to_undo(number)
                event = Event(
                    number=len(self._log.history) + 1,
                    kind="undo",
                    key=undone.key,
                    annotator=self.annotator,
                    time=now(),
                    undoes=number,
                    request=request,
                )
                append(event)
            elif (event.kind, event.undoes) != ("undo", number):
                raise _other_request(request)
            return self._saved(event)

    def _event_to_undo(self, number: int) -> Event:
        history = self._log.history
        if not 0 < number <= len(history):
            raise RefusedError(404, f"there is no event {number}")
        event = history.events[number - 1]
        if event.annotator != self.annotator:
            whose = f"event {number} is {event.annotator}'s"
            raise RefusedError(409, f"{whose}: only they can take it back")
        if history.is_undone(number):
            raise RefusedError(409, f"event {number} was taken back already")
        return event

    def _made_without(self, key: str, history: History) -> tuple[Hidden, ...] | None:
        """Say what a decision is made without seeing; None where an older version showed all."""
        theirs = [event for name, event in history.decisions(key).items() if name != self.annotator]
        if any(event.blind is None for event in theirs):
            return None
        hidden: list[Hidden] = []
        if (key, self.annotator) not in history.seen:
            hidden.append("colleagues")
        if self._view(history).hides_model(key):
            hidden.append("model")
        return tuple(hidden)

    def _stored(self, key: str) -> JsonObject:
        """Collect what an event stores of a passage, to train on and trace it later."""
        passage = self._passage(key)
        report = self._reports[passage.report]
        tagged: JsonObject = dict(passage.passage.to_dict())
        stored = {
            "report": report.name,
            "report_id": report.id,
            "model": self._model_version,
            "model_labels": tagged["labels"],
            "scores": tagged["scores"],
        }
        if self._second:
            stored["other_model"] = self.second_name
            stored["other_labels"] = self._second[key]["labels"]
        for name in ("labels", "scores", "low_confidence"):
            del tagged[name]
        return {name: value for name, value in (tagged | stored).items() if value is not None}

    def _saved(self, event: Event) -> JsonObject:
        """Answer a change: its event, one's own decision in effect, and the passage as shown."""
        view = self._view(self._log.history)
        passage = self._passages.get(event.key)
        decision = view.history.decisions(event.key).get(self.annotator)
        return {
            "saved": True,
            "event": event.plain(),
            "decision": decision and decision.plain(),
            "passage": passage and view.passage(passage),
        }

    def _repeated(self, request: str | None) -> Event | None:
        """Return the event of a request that came before, and whose answer was lost."""
        return self._log.history.requests.get((self.annotator, request))

    @contextmanager
    def _writing(self) -> Iterator[Append]:
        """Lock the log, give a function that appends an event, then bring the corpus up to date."""
        with self._log.exclusive() as append:
            yield append
            try:
                self._file.write(self._log.history)
            # the event is saved in the log, from which the corpus can be derived later
            except (InputError, OutputError) as error:
                self.notify(str(error))

    @contextmanager
    def _reading(self) -> Iterator[View]:
        """Give what the annotator may see, with events of other processes, and lock it."""
        with self._log.guard:
            self._log.refresh()
            yield self._view(self._log.history)

    def _view(self, history: History) -> View:
        return View(self.annotator, self.blind, self._second, history)

    def _passage(self, key: str) -> OpenPassage:
        passage = self._passages.get(key)
        if passage is None:
            raise RefusedError(404, "no such passage is open")
        return passage


def _check_note(note: str | None) -> None:
    if not _NOTE.fullmatch(note or ""):
        raise RefusedError(400, "a note holds control characters; write plain text")


def _other_request(request: str | None) -> RefusedError:
    what = f"request {request} was another one before; give each its own name"
    return RefusedError(409, what)
