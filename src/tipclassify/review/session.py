"""Session of one annotator: requests of the page in, plain values for its JSON answers out.

All methods are thread-safe, and other processes may write to the same log at the same time.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from tipclassify._version import __version__
from tipclassify.errors import InputError
from tipclassify.evaluation.agreement import agreement
from tipclassify.evaluation.metrics import rounded
from tipclassify.formatting import visible
from tipclassify.labels import LABELS, indicator
from tipclassify.model.classifier import Classifier
from tipclassify.pipeline.active_learning import rank
from tipclassify.review.derived import CorpusFile, events_path
from tipclassify.review.events import Event, History, Kind
from tipclassify.review.log import EventLog, now
from tipclassify.review.opened import OpenPassage, OpenReport, about
from tipclassify.text.furniture import is_prose

__all__ = ["RefusedError", "ReviewSession", "agreement_figures"]

Plain = dict[str, Any]  # of values that JSON holds

_DRAWS: Final = 1_000  # of the bootstrap
_MIN_PASSAGES: Final = 10  # below it, a bootstrap interval would be misleading


class RefusedError(Exception):
    """A request that was refused, with the HTTP status of the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class ReviewSession:
    """Session of one annotator with some reports, tagged by `classifier`, and one corpus, its event log beside it.

    `queue` says whether the page opens with the most informative passages. Passages on which a `second` model disagrees
    are shown, and come first in the queue. `notify` takes lines on torn events and files moved aside. Raises
    `InputError` or `CorpusError` when the corpus cannot be used.
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
        notify: Callable[[str], None] = lambda line: print(
            f"tipclassify: {visible(line)}", file=sys.stderr, flush=True
        ),
    ) -> None:
        self.classifier = classifier
        self.policy = policy
        self.annotator = annotator
        self.corpus = corpus
        self._queue = queue
        self._model_name = model_name
        self._model_version = str(classifier.meta.get("sha256", "unknown"))
        self._notify = notify
        self._reports = {report.id: report for report in reports}
        self._passages = {passage.key: passage for report in reports for passage in report.passages}
        self._second_name = second_name if second else None
        self._second: dict[str, Plain] = {}  # passage key -> labels and scores by the second model
        if second:
            passages = second.tag_passages([passage.passage for passage in self._passages.values()], policy)
            for key, tagged in zip(self._passages, passages, strict=True):
                self._second[key] = {"labels": list(tagged.labels), "scores": dict(tagged.scores)}
        self._log = EventLog(events_path(corpus), notify)
        self._file = CorpusFile(corpus, notify)
        with self._log.exclusive():  # a crash may have left the corpus behind the log
            self._file.write(self._log.history)

    @property
    def decided(self) -> int:
        """Number of decided passages, by all annotators."""
        with self._log.guard:
            history = self._log.history
            return sum(history.final(key) is not None for key in history.passages())

    def about(self) -> Plain:
        """Answer ``GET /api/session``: annotator, model, reports and settings."""
        with self._reading() as history:
            reports = [
                {
                    **{"id": report.id, "name": report.name, "title": report.title, "notes": list(report.notes)},
                    "passages": len(report.passages),
                    "decided": sum(self.annotator in history.decisions(p.key) for p in report.passages),
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

    def report(self, id: str) -> Plain:
        """Answer ``GET /api/reports/ID``: a report with all its passages."""
        report = self._reports.get(id)
        if report is None:
            raise RefusedError(404, "no such report is open")
        with self._reading() as history:
            passages = [self._shown(passage, history) for passage in report.passages]
        return {"id": report.id, "name": report.name, "title": report.title, "passages": passages}

    def reasons(self, key: str) -> Plain:
        """Answer ``GET /api/reasons/KEY``: an explanation of each label; ``heading`` is the heading's weight."""
        explained = self.classifier.explain(self._passage(key).passage)
        return {"labels": {label: {**asdict(found), "total": found.logit} for label, found in explained.items()}}

    def queue(self, n: int = 50) -> Plain:
        """Answer ``GET /api/queue``: prose without this annotator's decision, most informative first."""
        with self._reading() as history:
            decisions = {key: history.decisions(key) for key in self._passages}
            undecided = {
                key: passage.passage
                for key, passage in self._passages.items()
                if self.annotator not in decisions[key] and is_prose(passage.passage)
            }
            # Passages that only others decided do not count as known: disagreement may put them first.
            known = [
                e.about["text"] for key in history.passages() if key not in undecided and (e := history.final(key))
            ]
        no_vote = (math.nan,) * len(LABELS)
        votes = [
            [indicator(decisions[key][name].labels) if name in decisions[key] else no_vote for key in undecided]
            for name in sorted({name for key in undecided for name in decisions[key]})
        ]
        if self._second:
            votes.append([indicator(self._second[key]["labels"]) for key in undecided])
        keys = list(undecided)
        thresholds = self.classifier.thresholds(self.policy)
        picks = rank(list(undecided.values()), thresholds, n, known=known, others=votes)
        return {
            "passages": [
                {"key": key, "report": self._passages[key].report, "why": pick.why, "score": pick.score}
                for key, pick in ((keys[pick.index], pick) for pick in picks)
            ],
            "left": len(undecided),
        }

    def changes(self, since: int) -> Plain:
        """Answer ``GET /api/changes``: the events after number `since`, with the current decision and adjudication."""
        with self._reading() as history:
            events = [
                {
                    **event.plain(),
                    "decision": _decision_dict(history.decisions(event.key).get(event.annotator)),
                    "settled": _decision_dict(history.settled(event.key)),
                }
                for event in history.events[max(0, since) :]
            ]
            return {"next": len(history), "events": events}

    def disagreements(self) -> Plain:
        """Answer ``GET /api/disagreements``: the passages on which annotators disagree."""
        with self._reading() as history:
            found = [passage for key, passage in self._passages.items() if history.differ(key)]
            return {"passages": [{**self._shown(passage, history), "report": passage.report} for passage in found]}

    def agreement(self) -> Plain:
        """Answer ``GET /api/agreement``: agreement on all passages of the log that two or more annotators decided."""
        with self._reading() as history:
            decided = {key: {a: e.labels for a, e in history.decisions(key).items()} for key in history.passages()}
        return agreement_figures(decided)

    def decide(self, key: str, labels: Sequence[str], note: str | None = None, request: str | None = None) -> Plain:
        """Answer ``POST /api/decisions``: save a decision to disk. A repeated `request` returns its first event."""
        return self._label("decision", key, labels, note, request)

    def adjudicate(self, key: str, labels: Sequence[str], note: str | None = None, request: str | None = None) -> Plain:
        """Answer ``POST /api/adjudications``: save the final labels of a passage that an annotator decided."""
        return self._label("adjudication", key, labels, note, request)

    def undo(self, number: int, request: str | None = None) -> Plain:
        """Answer ``POST /api/undo``: revoke one of the annotator's own events that is in effect."""
        with self._writing() as append:
            history = self._log.history
            event = self._repeated(request, "undo", undoes=number)
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
            current = history.decisions(event.key).get(self.annotator)
        return {"saved": True, "event": event.plain(), "decision": _decision_dict(current)}

    def _label(self, kind: Kind, key: str, labels: Sequence[str], note: str | None, request: str | None) -> Plain:
        passage = self._passage(key)
        stored = about(passage, self._reports[passage.report], self._model_version)
        if self._second:
            stored |= {"other_model": self._second_name, "other_labels": self._second[key]["labels"]}
        stored = {name: value for name, value in stored.items() if value is not None}
        ordered = tuple(label for label in LABELS if label in labels)
        with self._writing() as append:
            event = self._repeated(request, kind, key=key, labels=ordered)
            if event is None:
                if kind == "adjudication" and not self._log.history.decisions(key):
                    raise RefusedError(409, "nobody has decided this passage: there is nothing to settle")
                event = self._event(kind, key, labels=ordered, note=note or None, request=request, about=stored)
                append(event)
        return {"saved": True, "event": event.plain()}

    def _event(self, kind: Kind, key: str, **fields: Any) -> Event:
        return Event(len(self._log.history) + 1, kind, key, self.annotator, now(), **fields)

    def _repeated(self, request: str | None, kind: Kind, **fields: Any) -> Event | None:
        """Return the event of a request that is repeated because its answer was lost; None for a new request."""
        known = self._log.history.requested(self.annotator, request)
        if known is not None and (known.kind != kind or any(getattr(known, name) != fields[name] for name in fields)):
            raise RefusedError(409, f"request {request} was another one before; give each its own name")
        return known

    @contextmanager
    def _writing(self) -> Iterator[Callable[[Event], None]]:
        """Lock the log while events are appended, then bring the corpus up to date."""
        with self._log.exclusive() as append:
            yield append
            try:
                self._file.write(self._log.history)
            except InputError as error:  # the event is saved in the log, from which the corpus can be derived later
                self._notify(str(error))

    @contextmanager
    def _reading(self) -> Iterator[History]:
        """Give the history, refreshed with events of other processes, and locked."""
        with self._log.guard:
            self._log.refresh()
            yield self._log.history

    def _passage(self, key: str) -> OpenPassage:
        passage = self._passages.get(key)
        if passage is None:
            raise RefusedError(404, "no such passage is open")
        return passage

    def _shown(self, passage: OpenPassage, history: History) -> Plain:
        """Convert a passage for the page: predictions, this annotator's decision, and those of others."""
        decisions = history.decisions(passage.key)
        mine = decisions.pop(self.annotator, None)
        return {
            **passage.passage.to_dict(),
            "scores": dict(passage.passage.scores),  # not rounded, as the page compares them with thresholds
            "key": passage.key,
            "number": passage.number,
            "second": self._second.get(passage.key),
            "decision": _decision_dict(mine),
            "others": [_decision_dict(event) for event in decisions.values()],
            "settled": _decision_dict(history.settled(passage.key)),
        }


def _decision_dict(event: Event | None) -> Plain | None:
    """Convert a decision or adjudication for the page."""
    if event is None:
        return None
    return {"labels": list(event.labels), "annotator": event.annotator, "time": event.time, "event": event.number}


def agreement_figures(decided: Mapping[str, Mapping[str, Sequence[str]]]) -> Plain:
    """Compute kappa and alpha of each label, with 95% intervals, over passages decided by two or more annotators.

    `decided` has the labels by passage key, then annotator. The figures are plain values, None with too few passages.
    """
    shared = {key: by_annotator for key, by_annotator in decided.items() if len(by_annotator) > 1}
    names = sorted({name for by_annotator in shared.values() for name in by_annotator})
    nothing = dict.fromkeys(("kappa", "kappa_low", "kappa_high", "alpha", "alpha_low", "alpha_high")) | {"n": 0}
    labels: dict[str, Plain] = dict.fromkeys(LABELS, nothing)
    if shared:
        by_name = [
            {key: by_annotator[name] for key, by_annotator in shared.items() if name in by_annotator} for name in names
        ]
        for row in agreement(*by_name, draws=_DRAWS if len(shared) >= _MIN_PASSAGES else 0):
            figures = (row.kappa, *row.kappa_interval, row.alpha, *row.alpha_interval, row.passages)
            labels[row.label] = rounded(dict(zip(nothing, figures, strict=True)))
    return {"annotators": names, "passages": len(shared), "labels": labels}
