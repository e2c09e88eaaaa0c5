"""Session of one annotator: what they do on the review page in, events in the log out.

Threads may share it. What the page asks for is in `page_answers`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

from tipclassify.app.opened import OpenPassage, OpenReport
from tipclassify.app.refusal import RefusedError, refuse_reused_request
from tipclassify.app.view import ModelTags, ShownPassage, View
from tipclassify.labels import LABELS, Policy
from tipclassify.model.classifier import Classifier
from tipclassify.store.events import Event, EventRow, Hidden, History, Kind
from tipclassify.store.log import now
from tipclassify.store.shared_corpus import SharedCorpus

# without control characters
_NOTE: Final = re.compile(r"[^\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]*")


class SavedAnswer(TypedDict):
    """Answer to a change that is on disk."""

    saved: bool
    event: EventRow
    decision: EventRow | None  # one's own in effect
    passage: ShownPassage | None  # None where it is not open


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
        self.model_version = str(self.classifier.meta.get("sha256", "unknown"))
        self.reports_by_id = {report.id: report for report in self.reports}
        self.passages_by_key = {
            passage.key: passage for report in self.reports for passage in report.passages
        }
        self.second_tags = self._tags_of_second()
        self._shared = SharedCorpus(self.corpus, self.notify)

    def _tags_of_second(self) -> dict[str, ModelTags]:
        """Tag all passages with the second model, if there is one."""
        if self.second is None:
            return {}
        passages = [passage.passage for passage in self.passages_by_key.values()]
        tagged = self.second.tag(passages, self.policy)
        return {
            key: ModelTags(labels=list(passage.labels), scores=dict(passage.scores))
            for key, passage in zip(self.passages_by_key, tagged, strict=True)
        }

    @property
    def decided(self) -> int:
        """Number of decided passages, by all annotators."""
        return self._shared.decided

    @property
    def disputed(self) -> int:
        """Number of passages that the corpus leaves out until somebody adjudicates them."""
        return self._shared.disputed

    def close(self) -> None:
        """Leave the corpus without blank lines."""
        self._shared.close()

    @contextmanager
    def reading(self) -> Iterator[View]:
        """Give what the annotator may see, with events of other processes, and lock it."""
        with self._shared.reading_events() as history:
            yield self._view_of(history)

    def passage(self, key: str) -> OpenPassage:
        """Return an open passage; refuse the request if there is none of this key."""
        passage = self.passages_by_key.get(key)
        if passage is None:
            raise RefusedError(404, "no such passage is open")
        return passage

    # ---- What the annotator does

    def decide(
        self,
        key: str,
        labels: Sequence[str],
        note: str | None = None,
        request: str | None = None,
        unsure: bool = False,
    ) -> SavedAnswer:
        """Answer ``POST /api/decisions``: save the annotator's labels of a passage."""
        if unsure and labels:
            raise RefusedError(400, "unsure is a decision without labels; send one or the other")
        in_order = tuple(label for label in LABELS if label in labels)
        stored = self._passage_record(key)
        _check_note_text(note)
        with self._shared.writing_events() as append:
            history = self._shared.history
            event = self._event_of_request(request)
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
                    blind=self._hidden_from_annotator(key, history),
                )
                append(event)
            elif (event.kind, event.key) != ("decision", key) or (
                (event.labels, bool(event.unsure), event.note) != (in_order, unsure, note or None)
            ):
                raise refuse_reused_request(request)
            return self._answer_saved(event)

    def adjudicate(
        self,
        key: str,
        labels: Sequence[str],
        note: str | None = None,
        request: str | None = None,
        unsure: bool = False,
    ) -> SavedAnswer:
        """Answer ``POST /api/adjudications``: save the final labels of a decided passage."""
        if unsure:
            raise RefusedError(400, "unsure is a decision without labels; send one or the other")
        in_order = tuple(label for label in LABELS if label in labels)
        stored = self._passage_record(key)
        _check_note_text(note)
        with self._shared.writing_events() as append:
            event = self._event_of_request(request)
            if event is None:
                history = self._shared.history
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
            elif (event.kind, event.key) != ("adjudication", key) or (
                (event.labels, event.note) != (in_order, note or None)
            ):
                raise refuse_reused_request(request)
            return self._answer_saved(event)

    def note(self, key: str, note: str, request: str | None = None) -> SavedAnswer:
        """Answer ``POST /api/notes``: replace one's own note on a passage; "" removes it."""
        return self._save_remark("note", key, note, request)

    def reveal(self, key: str, request: str | None = None) -> SavedAnswer:
        """Answer ``POST /api/reveals``: show what colleagues decided, and log that."""
        return self._save_remark("reveal", key, None, request)

    def _save_remark(
        self, kind: Kind, key: str, note: str | None, request: str | None
    ) -> SavedAnswer:
        stored = self._passage_record(key)
        _check_note_text(note)
        with self._shared.writing_events() as append:
            event = self._event_of_request(request)
            if event is None:
                event = Event(
                    number=len(self._shared.history) + 1,
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
                raise refuse_reused_request(request)
            return self._answer_saved(event)

    def undo(self, number: int, request: str | None = None) -> SavedAnswer:
        """Answer ``POST /api/undo``: revoke one of the annotator's own events in effect."""
        with self._shared.writing_events() as append:
            event = self._event_of_request(request)
            if event is None:
                undone = self._event_to_undo(number)
                event = Event(
                    number=len(self._shared.history) + 1,
                    kind="undo",
                    key=undone.key,
                    annotator=self.annotator,
                    time=now(),
                    undoes=number,
                    request=request,
                )
                append(event)
            elif (event.kind, event.undoes) != ("undo", number):
                raise refuse_reused_request(request)
            return self._answer_saved(event)

    def _event_to_undo(self, number: int) -> Event:
        history = self._shared.history
        if not 0 < number <= len(history):
            raise RefusedError(404, f"there is no event {number}")
        event = history.events[number - 1]
        if event.annotator != self.annotator:
            whose = f"event {number} is {event.annotator}'s"
            raise RefusedError(409, f"{whose}: only they can take it back")
        if history.is_undone(number):
            raise RefusedError(409, f"event {number} was taken back already")
        return event

    def _hidden_from_annotator(self, key: str, history: History) -> tuple[Hidden, ...] | None:
        """Say what a decision is made without seeing; None where an older version showed all."""
        theirs = [event for name, event in history.decisions(key).items() if name != self.annotator]
        if any(event.blind is None for event in theirs):
            return None
        hidden: list[Hidden] = []
        if (key, self.annotator) not in history.seen:
            hidden.append("colleagues")
        if self._view_of(history).hides_model(key):
            hidden.append("model")
        return tuple(hidden)

    def _passage_record(self, key: str) -> dict[str, object]:
        """Collect what an event stores of a passage, to train on and trace it later."""
        passage = self.passage(key)
        report = self.reports_by_id[passage.report]
        tagged = passage.passage.to_dict()
        stored: dict[str, object] = {
            "start": tagged["start"],
            "end": tagged["end"],
            "page": tagged["page"],
            "block": tagged["block"],
            "text": tagged["text"],
            "section": tagged["section"],
            "report": report.name,
            "report_id": report.id,
            "model": self.model_version,
            "model_labels": tagged["labels"],
            "scores": tagged["scores"],
        }
        if self.second_tags:
            stored["other_model"] = self.second_name
            stored["other_labels"] = self.second_tags[key]["labels"]
        return {name: value for name, value in stored.items() if value is not None}

    def _answer_saved(self, event: Event) -> SavedAnswer:
        """Answer a change: its event, one's own decision in effect, and the passage as shown."""
        view = self._view_of(self._shared.history)
        passage = self.passages_by_key.get(event.key)
        decision = view.history.decisions(event.key).get(self.annotator)
        return {
            "saved": True,
            "event": event.plain(),
            "decision": decision.plain() if decision else None,
            "passage": view.passage(passage) if passage else None,
        }

    def _event_of_request(self, request: str | None) -> Event | None:
        """Return the event of a request that came before, and whose answer was lost."""
        return self._shared.history.requests.get((self.annotator, request))

    def _view_of(self, history: History) -> View:
        return View(self.annotator, self.blind, self.second_tags, history)


def _check_note_text(note: str | None) -> None:
    if not _NOTE.fullmatch(note or ""):
        raise RefusedError(400, "a note holds control characters; write plain text")
