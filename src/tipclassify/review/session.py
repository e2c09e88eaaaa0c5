"""One annotator at work: reports, decisions and what follows from them, as the plain values that the page is sent.

Every method may be called from any thread, and another process may write to the same log at the same time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tipclassify._version import __version__
from tipclassify.errors import InputError
from tipclassify.labels import LABELS, indicator
from tipclassify.model.classifier import Classifier
from tipclassify.review.derived import CorpusFile, events_path
from tipclassify.review.events import Event, History, Kind
from tipclassify.review.log import EventLog, now
from tipclassify.review.opened import OpenPassage, OpenReport, about
from tipclassify.review.queueing import next_passages
from tipclassify.review.showing import agreement_figures, held, passage_row, reason_rows, said_by, settlement

__all__ = ["RefusedError", "ReviewSession"]


class RefusedError(Exception):
    """A request that cannot be granted.

    Attributes
    ----------
    status : int
        400 not understood, 404 no such passage, 409 not as things stand, 507 not saved.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class ReviewSession:
    """What one annotator does to some reports and one corpus.

    Parameters
    ----------
    corpus : Path
        File of the corpus; its log lies beside it (`derived.events_path`).
    queue : bool
        The page opens with what teaches most, not with the first report.
    second : Classifier, optional
        A second model: what it sees differently is shown, and comes first in the queue.
    tell : callable
        Called with one line on what a person should know (torn lines, files moved out of the way).

    Raises
    ------
    InputError, CorpusError
        When the corpus cannot be used.
    """

    def __init__(
        self,
        classifier: Classifier,
        reports: Sequence[OpenReport],
        corpus: Path,
        annotator: str,
        *,
        policy: str = "balanced",
        queue: bool = False,
        model_name: str = "default",
        second: Classifier | None = None,
        second_name: str = "second model",
        tell: Callable[[str], None] = lambda line: print(f"tipclassify: {line}", file=sys.stderr, flush=True),
    ) -> None:
        self.classifier = classifier
        self.policy = policy
        self.annotator = annotator
        self.corpus = corpus
        self._queue = queue
        self._model_name = model_name
        self._tell = tell
        self._reports = {report.id: report for report in reports}
        self._passages = {passage.key: passage for report in reports for passage in report.passages}
        self._second_name = None if second is None else second_name
        self._second = {} if second is None else said_by(second, list(self._passages.values()), policy)
        self._log = EventLog(events_path(corpus), tell)
        self._file = CorpusFile(corpus, tell)
        with self._log.exclusive():  # what a crash left undone
            self._file.write(self._log.history)

    @property
    def model_version(self) -> str:
        """SHA-256 of the model, by which its tags can be told from another's."""
        return str(self.classifier.meta.get("sha256", "unknown"))

    @property
    def decided(self) -> int:
        """Passages of the corpus file, of all annotators."""
        with self._log.guard:
            history = self._log.history
            return sum(history.final(key) is not None for key in history.passages())

    def corpus_now(self) -> bytes:
        """The corpus with what everybody has decided up to this moment."""
        with self._writing():
            return self._file.data(self._log.history)

    # ----------------------------------------------------------------------------------------- what is shown

    def about(self) -> dict[str, Any]:
        """``GET /api/session``."""
        with self._reading() as history:
            decided = {
                report.id: sum(self.annotator in history.decisions(p.key) for p in report.passages)
                for report in self._reports.values()
            }
            events = len(history)
        meta = self.classifier.meta
        thresholds = self.classifier.thresholds(self.policy).tolist()
        return {
            "annotator": self.annotator,
            "labels": list(LABELS),
            "policy": self.policy,
            "thresholds": dict(zip(LABELS, thresholds, strict=True)),
            "model": {
                "name": self._model_name,
                "version": str(meta.get("versions", {}).get("tipclassify", __version__)),
                "sha256": self.model_version,
            },
            "second": self._second_name,
            "queue": self._queue,
            "reports": [
                {
                    "id": report.id,
                    "name": report.name,
                    "title": report.title,
                    "passages": len(report.passages),
                    "decided": decided[report.id],
                    "notes": list(report.notes),
                }
                for report in self._reports.values()
            ],
            "corpus": str(self.corpus),
            "events": events,
        }

    def report(self, id: str) -> dict[str, Any]:
        """``GET /api/reports/ID``."""
        report = self._reports.get(id)
        if report is None:
            raise RefusedError(404, "no such report is open")
        with self._reading() as history:
            passages = [
                passage_row(passage, history, self.annotator, self._second.get(passage.key))
                for passage in report.passages
            ]
        return {"id": report.id, "name": report.name, "title": report.title, "passages": passages}

    def reasons(self, key: str) -> dict[str, Any]:
        """``GET /api/reasons/KEY``."""
        return reason_rows(self.classifier, self._passage(key))

    def queue(self, n: int = 50) -> dict[str, Any]:
        """``GET /api/queue``: what this annotator has not decided, most instructive first."""
        with self._reading() as history:
            said = {
                passage: {name: event.labels for name, event in history.decisions(key).items()}
                for key, passage in self._passages.items()
            }
            left = [passage for passage in said if self.annotator not in said[passage]]
            # What only others decided is not known yet: it may be what to look at first.
            open_keys = {passage.key for passage in left}
            decided = (history.final(key) for key in history.passages() if key not in open_keys)
            known = [event.about["text"] for event in decided if event]
        picks = next_passages(
            [passage.passage for passage in left],
            [said[passage] for passage in left],
            known,
            self.classifier.thresholds(self.policy),
            n,
            np.array([indicator(self._second[p.key]["labels"]) for p in left], bool) if self._second else None,
        )
        return {
            "passages": [
                {"key": left[pick.index].key, "report": left[pick.index].report, "why": pick.why, "score": pick.score}
                for pick in picks
            ],
            "left": len(left),
        }

    def changes(self, since: int) -> dict[str, Any]:
        """``GET /api/changes``: each event after the first `since`, with what now holds for its annotator and passage."""
        with self._reading() as history:
            events = [
                {
                    **event.plain(),
                    "decision": held(history.decisions(event.key).get(event.annotator)),
                    "settled": settlement(history.settled(event.key)),
                }
                for event in history.events[max(0, since) :]
            ]
            return {"next": len(history), "events": events}

    def disagreements(self) -> dict[str, Any]:
        """``GET /api/disagreements``."""
        with self._reading() as history:
            found = [passage for key, passage in self._passages.items() if history.differ(key)]
            return {
                "passages": [
                    {
                        **passage_row(passage, history, self.annotator, self._second.get(passage.key)),
                        "report": passage.report,
                    }
                    for passage in found
                ]
            }

    def agreement(self) -> dict[str, Any]:
        """``GET /api/agreement``: over all passages of the log that two or more annotators decided."""
        with self._reading() as history:
            said = {key: {a: e.labels for a, e in history.decisions(key).items()} for key in history.passages()}
        return agreement_figures(said)

    # ----------------------------------------------------------------------------------------- what is done

    def decide(
        self, key: str, labels: Sequence[str], note: str | None = None, request: str | None = None
    ) -> dict[str, Any]:
        """``POST /api/decisions``: on disk when this returns. A `request` that was granted before gives its event again."""
        return {"saved": True, "event": self._do("decision", self._passage(key), labels, note, request).plain()}

    def adjudicate(
        self, key: str, labels: Sequence[str], note: str | None = None, request: str | None = None
    ) -> dict[str, Any]:
        """``POST /api/adjudications``: of a passage that at least one annotator decided."""
        return {"saved": True, "event": self._do("adjudication", self._passage(key), labels, note, request).plain()}

    def undo(self, number: int, request: str | None = None) -> dict[str, Any]:
        """``POST /api/undo``: take back an event of one's own that still holds."""
        with self._writing() as append:
            history = self._log.history
            if known := self._granted(request, "undo", undoes=number):
                mine = history.decisions(known.key).get(self.annotator)
                return {"saved": True, "event": known.plain(), "decision": held(mine)}
            if not 0 < number <= len(history):
                raise RefusedError(404, f"there is no event {number}")
            undone = history.events[number - 1]
            if undone.annotator != self.annotator:
                raise RefusedError(409, f"event {number} is {undone.annotator}'s: only they can take it back")
            if not history.holds(number):
                raise RefusedError(409, f"event {number} was taken back already")
            number_now = len(history) + 1
            event = Event(number_now, "undo", undone.key, self.annotator, now(), undoes=number, request=request)
            append(event)
            holds = history.decisions(undone.key).get(self.annotator)
        return {"saved": True, "event": event.plain(), "decision": held(holds)}

    def _do(
        self, kind: Kind, passage: OpenPassage, labels: Sequence[str], note: str | None, request: str | None
    ) -> Event:
        told = about(passage, self._reports[passage.report], self.model_version)
        if self._second:
            told |= {"other_model": self._second_name, "other_labels": self._second[passage.key]["labels"]}
        told = {name: value for name, value in told.items() if value is not None}
        given = tuple(label for label in LABELS if label in labels)
        with self._writing() as append:
            history = self._log.history
            if known := self._granted(request, kind, key=passage.key, labels=given):
                return known
            if kind == "adjudication" and not history.decisions(passage.key):
                raise RefusedError(409, "nobody has decided this passage: there is nothing to settle")
            who = (passage.key, self.annotator, now())
            event = Event(len(history) + 1, kind, *who, given, None, note or None, request, told)
            append(event)
        return event

    def _granted(self, request: str | None, kind: Kind, **same: Any) -> Event | None:
        """The event that this request made already: its answer was lost, and it is sent again."""
        known = self._log.history.asked(self.annotator, request)
        if known is not None and (known.kind != kind or any(getattr(known, name) != same[name] for name in same)):
            raise RefusedError(409, f"request {request} was another one before; give each its own name")
        return known

    @contextmanager
    def _writing(self) -> Iterator[Callable[[Event], None]]:
        """Hold the log while events are appended, then bring the corpus up to date."""
        with self._log.exclusive() as append:
            yield append
            try:
                self._file.write(self._log.history)
            except InputError as error:  # the event is safe in the log, and the corpus will follow from it
                self._tell(str(error))

    @contextmanager
    def _reading(self) -> Iterator[History]:
        """The history with what other processes added, held still."""
        with self._log.guard:
            self._log.refresh()
            yield self._log.history

    def _passage(self, key: str) -> OpenPassage:
        passage = self._passages.get(key)
        if passage is None:
            raise RefusedError(404, "no such passage is open")
        return passage
