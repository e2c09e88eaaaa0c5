"""One annotator at work: reports, decisions and what follows from them, as the plain values that the page is sent.

Every method may be called from any thread, and another process may write to the same log at the same time.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tipclassify._version import __version__
from tipclassify.errors import InputError
from tipclassify.evaluation.agreement import agreement
from tipclassify.evaluation.metrics import rounded
from tipclassify.labels import LABELS, indicator
from tipclassify.model.classifier import Classifier
from tipclassify.pipeline.active_learning import rank
from tipclassify.review.derived import CorpusFile, events_path
from tipclassify.review.events import Event, History, Kind
from tipclassify.review.log import EventLog, now
from tipclassify.review.opened import OpenPassage, OpenReport, about
from tipclassify.text.furniture import is_prose

__all__ = ["RefusedError", "ReviewSession", "agreement_figures"]

_DRAWS: Final = 1_000
_FEWEST: Final = 10  # passages below which an interval would only look like one


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
        self._model_version = str(classifier.meta.get("sha256", "unknown"))
        self._tell = tell
        self._reports = {report.id: report for report in reports}
        self._passages = {passage.key: passage for report in reports for passage in report.passages}
        self._second_name = second_name if second else None
        self._second: dict[str, dict[str, Any]] = {}  # key -> labels and scores by the second model
        if second:
            said = second.tag_passages([passage.passage for passage in self._passages.values()], policy)
            for key, tagged in zip(self._passages, said, strict=True):
                self._second[key] = {"labels": list(tagged.labels), "scores": dict(tagged.scores)}
        self._log = EventLog(events_path(corpus), tell)
        self._file = CorpusFile(corpus, tell)
        with self._log.exclusive():  # what a crash left undone
            self._file.write(self._log.history)

    @property
    def decided(self) -> int:
        """Passages of the corpus file, of all annotators."""
        with self._log.guard:
            history = self._log.history
            return sum(history.final(key) is not None for key in history.passages())

    # ----------------------------------------------------------------------------------------- what is shown

    def about(self) -> dict[str, Any]:
        """``GET /api/session``."""
        with self._reading() as history:
            reports = [
                {
                    "id": report.id,
                    "name": report.name,
                    "title": report.title,
                    "passages": len(report.passages),
                    "decided": sum(self.annotator in history.decisions(p.key) for p in report.passages),
                    "notes": list(report.notes),
                }
                for report in self._reports.values()
            ]
            events = len(history)
        version = str(self.classifier.meta.get("versions", {}).get("tipclassify", __version__))
        return {
            "annotator": self.annotator,
            "labels": list(LABELS),
            "policy": self.policy,
            "thresholds": dict(zip(LABELS, self.classifier.thresholds(self.policy).tolist(), strict=True)),
            "model": {"name": self._model_name, "version": version, "sha256": self._model_version},
            "second": self._second_name,
            "queue": self._queue,
            "reports": reports,
            "corpus": str(self.corpus),
            "events": events,
        }

    def report(self, id: str) -> dict[str, Any]:
        """``GET /api/reports/ID``."""
        report = self._reports.get(id)
        if report is None:
            raise RefusedError(404, "no such report is open")
        with self._reading() as history:
            passages = [self._shown(passage, history) for passage in report.passages]
        return {"id": report.id, "name": report.name, "title": report.title, "passages": passages}

    def reasons(self, key: str) -> dict[str, Any]:
        """``GET /api/reasons/KEY``: why the model says what it says; ``heading`` is what its section's heading adds."""
        explained = self.classifier.explain(self._passage(key).passage)
        return {
            "labels": {
                label: {
                    "probability": found.probability,
                    "spans": [{"start": s.start, "end": s.end, "weight": s.weight} for s in found.spans],
                    "bias": found.bias,
                    "heading": found.heading,
                    "total": found.logit,
                    "method": found.method,
                }
                for label, found in explained.items()
            }
        }

    def queue(self, n: int = 50) -> dict[str, Any]:
        """``GET /api/queue``: what this annotator has not decided, most instructive first, page furniture left out."""
        with self._reading() as history:
            said = {key: history.decisions(key) for key in self._passages}
            left = {
                key: passage.passage
                for key, passage in self._passages.items()
                if self.annotator not in said[key] and is_prose(passage.passage)
            }
            # What only others decided is not known yet: it may be what to look at first.
            known = [e.about["text"] for key in history.passages() if key not in left and (e := history.final(key))]
        silent = (math.nan,) * len(LABELS)
        names = sorted({name for key in left for name in said[key]})
        votes = [[indicator(said[key][name].labels) if name in said[key] else silent for key in left] for name in names]
        if self._second:
            votes.append([indicator(self._second[key]["labels"]) for key in left])
        keys = list(left)
        thresholds = self.classifier.thresholds(self.policy)
        picks = rank(list(left.values()), thresholds, n, known=known or None, others=votes)
        return {
            "passages": [
                {"key": key, "report": self._passages[key].report, "why": pick.why, "score": pick.score}
                for pick in picks
                for key in [keys[pick.index]]
            ],
            "left": len(left),
        }

    def changes(self, since: int) -> dict[str, Any]:
        """``GET /api/changes``: each event after the first `since`, with what now holds for its annotator and passage."""
        with self._reading() as history:
            events = [
                {
                    **event.plain(),
                    "decision": _held(history.decisions(event.key).get(event.annotator)),
                    "settled": _held(history.settled(event.key)),
                }
                for event in history.events[max(0, since) :]
            ]
            return {"next": len(history), "events": events}

    def disagreements(self) -> dict[str, Any]:
        """``GET /api/disagreements``."""
        with self._reading() as history:
            found = [passage for key, passage in self._passages.items() if history.differ(key)]
            return {"passages": [{**self._shown(passage, history), "report": passage.report} for passage in found]}

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
        return self._label("decision", key, labels, note, request)

    def adjudicate(
        self, key: str, labels: Sequence[str], note: str | None = None, request: str | None = None
    ) -> dict[str, Any]:
        """``POST /api/adjudications``: of a passage that at least one annotator decided."""
        return self._label("adjudication", key, labels, note, request)

    def undo(self, number: int, request: str | None = None) -> dict[str, Any]:
        """``POST /api/undo``: take back an event of one's own that still holds."""
        with self._writing() as append:
            history = self._log.history
            event = self._granted(request, "undo", undoes=number)
            if event is None:
                if not 0 < number <= len(history):
                    raise RefusedError(404, f"there is no event {number}")
                undone = history.events[number - 1]
                if undone.annotator != self.annotator:
                    raise RefusedError(409, f"event {number} is {undone.annotator}'s: only they can take it back")
                if not history.holds(number):
                    raise RefusedError(409, f"event {number} was taken back already")
                event = self._event("undo", undone.key, undoes=number, request=request)
                append(event)
            holds = history.decisions(event.key).get(self.annotator)
        return {"saved": True, "event": event.plain(), "decision": _held(holds)}

    def _label(
        self, kind: Kind, key: str, labels: Sequence[str], note: str | None, request: str | None
    ) -> dict[str, Any]:
        passage = self._passage(key)
        where = about(passage, self._reports[passage.report], self._model_version)
        if self._second:
            where |= {"other_model": self._second_name, "other_labels": self._second[key]["labels"]}
        where = {name: value for name, value in where.items() if value is not None}
        given = tuple(label for label in LABELS if label in labels)
        with self._writing() as append:
            event = self._granted(request, kind, key=key, labels=given)
            if event is None:
                if kind == "adjudication" and not self._log.history.decisions(key):
                    raise RefusedError(409, "nobody has decided this passage: there is nothing to settle")
                event = self._event(kind, key, labels=given, note=note or None, request=request, about=where)
                append(event)
        return {"saved": True, "event": event.plain()}

    def _event(self, kind: Kind, key: str, **fields: Any) -> Event:
        return Event(len(self._log.history) + 1, kind, key, self.annotator, now(), **fields)

    def _granted(self, request: str | None, kind: Kind, **same: Any) -> Event | None:
        """The event that this request made already: its answer was lost, and it is sent again."""
        known = self._log.history.requested(self.annotator, request)
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

    def _shown(self, passage: OpenPassage, history: History) -> dict[str, Any]:
        """A passage as the page is sent it: what the models say, what this annotator decided, and others."""
        decisions = history.decisions(passage.key)
        mine = decisions.pop(self.annotator, None)
        return {
            **passage.passage.to_dict(),
            "scores": dict(passage.passage.scores),  # in full, as they are compared with thresholds
            "key": passage.key,
            "number": passage.number,
            "second": self._second.get(passage.key),
            "decision": _held(mine),
            "others": [_held(event) for event in decisions.values()],
            "settled": _held(history.settled(passage.key)),
        }


def _held(event: Event | None) -> dict[str, Any] | None:
    """A decision or adjudication that holds, as the page is sent it."""
    if event is None:
        return None
    return {"labels": list(event.labels), "annotator": event.annotator, "time": event.time, "event": event.number}


def agreement_figures(decided: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[str, Any]:
    """Kappa and alpha of each label, with 95% intervals, over the passages that two or more annotators decided.

    Parameters
    ----------
    decided : mapping
        Passage → annotator → labels.

    Returns
    -------
    dict
        ``annotators``, ``passages`` and ``labels``: plain values, None where there is too little to say.
    """
    shared = {key: said for key, said in decided.items() if len(said) > 1}
    names = sorted({name for said in shared.values() for name in said})
    nothing = dict.fromkeys(("kappa", "kappa_low", "kappa_high", "alpha", "alpha_low", "alpha_high")) | {"n": 0}
    labels: dict[str, dict[str, Any]] = dict.fromkeys(LABELS, nothing)
    if shared:
        by_name = [{key: said[name] for key, said in shared.items() if name in said} for name in names]
        for row in agreement(*by_name, draws=_DRAWS if len(shared) >= _FEWEST else 0):
            figures = (row.kappa, *row.kappa_interval, row.alpha, *row.alpha_interval, row.passages)
            labels[row.label] = rounded(dict(zip(nothing, figures, strict=True)))
    return {"annotators": names, "passages": len(shared), "labels": labels}
