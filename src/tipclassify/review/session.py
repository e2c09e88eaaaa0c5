"""Session of one annotator: requests of the page in, plain values for its JSON answers out. Threads may share it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partialmethod
from pathlib import Path
from typing import Any, Final

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

Plain = dict[str, Any]  # of values that JSON holds

_DRAWS: Final = 1_000  # of the bootstrap
_MIN_PASSAGES: Final = 10  # below it, a bootstrap interval would be misleading


class RefusedError(Exception):
    """A request that was refused, with the HTTP status of the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(eq=False)
class ReviewSession:
    """Session of one annotator with some reports, tagged by `classifier`, and one corpus, its event log beside it.

    Raises `InputError` or `CorpusError` when the corpus cannot be used.
    """

    classifier: Classifier
    reports: Sequence[OpenReport]
    corpus: Path
    annotator: str
    policy: str = "balanced"
    queue_first: bool = False  # whether the page opens with the most informative passages
    model_name: str = "default"
    second: Classifier | None = None  # passages on which it disagrees are shown, and come first in the queue
    second_name: str = "second model"
    notify: Callable[[str], None] = lambda _: None  # takes lines on torn events and files moved aside

    def __post_init__(self) -> None:
        self._model_version = str(self.classifier.meta.get("sha256", "unknown"))
        self._reports = {report.id: report for report in self.reports}
        self._passages = {passage.key: passage for report in self.reports for passage in report.passages}
        self._second: dict[str, Plain] = {}  # passage key -> labels and scores by the second model
        if self.second:
            tagged = self.second.tag_passages([passage.passage for passage in self._passages.values()], self.policy)
            said = [{"labels": list(one.labels), "scores": dict(one.scores)} for one in tagged]
            self._second = dict(zip(self._passages, said, strict=True))
        self._log = EventLog(events_path(self.corpus), self.notify)
        self._file = CorpusFile(self.corpus, self.notify)
        with self._log.exclusive():  # a crash may have left the corpus behind the log
            self._file.write(self._log.history)

    @property
    def decided(self) -> int:
        """Number of decided passages, by all annotators."""
        with self._log.guard:
            history = self._log.history
            return sum(history.final(key) is not None for key in history.by_passage)

    def about(self) -> Plain:
        """Answer ``GET /api/session``: annotator, model, reports and settings."""
        with self._reading() as history:
            reports = []
            for report in self._reports.values():
                decided = sum(self.annotator in history.decisions(p.key) for p in report.passages)
                counts = {"passages": len(report.passages), "decided": decided, "notes": list(report.notes)}
                reports.append({"id": report.id, "name": report.name, "title": report.title, **counts})
            events = len(history)
        return {
            "annotator": self.annotator,
            "labels": list(LABELS),
            "policy": self.policy,
            "thresholds": dict(zip(LABELS, self.classifier.thresholds(self.policy).tolist(), strict=True)),
            "model": {"name": self.model_name, "sha256": self._model_version},
            "second": self.second_name if self.second else None,
            "queue": self.queue_first,
            "reports": reports,
            "corpus": str(self.corpus),
            "events": events,
        }

    def report(self, id: str) -> Plain:
        """Answer ``GET /api/reports/ID``: a report with all its passages."""
        if (report := self._reports.get(id)) is None:
            raise RefusedError(404, "no such report is open")
        with self._reading() as history:
            passages = [self._shown(passage, history) for passage in report.passages]
        return {"id": report.id, "name": report.name, "title": report.title, "passages": passages}

    def reasons(self, key: str) -> Plain:
        """Answer ``GET /api/reasons/KEY``: an explanation of each label; ``heading`` is the heading's weight."""
        explained = self.classifier.explain(self._passage(key).passage)
        return {"labels": {label: {**asdict(found), "total": found.logit} for label, found in explained.items()}}

    def queue(self, n: int = 50) -> Plain:
        """Answer ``GET /api/queue``: the passages without this annotator's decision, most informative first."""
        with self._reading() as history:
            decisions = {key: history.decisions(key) for key in self._passages}
            mine = {key for key, by_annotator in decisions.items() if self.annotator in by_annotator}
            left = [p for key, p in self._passages.items() if key not in mine]
            keys = {p.key for p in left}
            # Passages that only others decided do not count as known: disagreement may put them first.
            known = [e.about["text"] for key in history.by_passage if key not in keys and (e := history.final(key))]
        no_vote = (math.nan,) * len(LABELS)
        votes = [
            [indicator(decisions[p.key][name].labels) if name in decisions[p.key] else no_vote for p in left]
            for name in sorted({name for p in left for name in decisions[p.key]})
        ]
        if self._second:
            votes.append([indicator(self._second[p.key]["labels"]) for p in left])
        thresholds = self.classifier.thresholds(self.policy)
        picks = rank([p.passage for p in left], thresholds, n, known=known, others=votes)
        found = [(left[pick.index], {"why": pick.why, "score": pick.score}) for pick in picks]
        return {"passages": [{"key": p.key, "report": p.report, **why} for p, why in found], "left": len(left)}

    def changes(self, since: int) -> Plain:
        """Answer ``GET /api/changes``: the events after number `since`, with the current decision and adjudication."""
        with self._reading() as history:
            events = []
            for event in history.events[since:]:
                made, settled = history.decisions(event.key).get(event.annotator), history.settled(event.key)
                now_held = {"decision": made and made.plain(), "settled": settled and settled.plain()}
                events.append(event.plain() | now_held)
            return {"next": len(history), "events": events}

    def disagreements(self) -> Plain:
        """Answer ``GET /api/disagreements``: the passages on which annotators disagree."""
        with self._reading() as history:
            found = [passage for key, passage in self._passages.items() if history.differ(key)]
            return {"passages": [{**self._shown(passage, history), "report": passage.report} for passage in found]}

    def agreement(self) -> Plain:
        """Answer ``GET /api/agreement``: agreement on all passages of the log that two or more annotators decided."""
        with self._reading() as history:
            decided = {key: {a: e.labels for a, e in history.decisions(key).items()} for key in history.by_passage}
        return agreement_figures(decided)

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
                event = append("undo", undone.key, undoes=number, request=request)
            current = history.decisions(event.key).get(self.annotator)
        return {"saved": True, "event": event.plain(), "decision": current and current.plain()}

    def _label(
        self, kind: Kind, key: str, labels: Sequence[str], note: str | None = None, request: str | None = None
    ) -> Plain:
        """Save labels to disk: a decision, or the final ones of a passage that an annotator decided."""
        passage = self._passage(key)
        stored = about(passage, self._reports[passage.report], self._model_version)
        if self._second:
            stored |= {"other_model": self.second_name, "other_labels": self._second[key]["labels"]}
        ordered = tuple(label for label in LABELS if label in labels)
        with self._writing() as append:
            event = self._repeated(request, kind, key=key, labels=ordered)
            if event is None:
                if kind == "adjudication" and not self._log.history.decisions(key):
                    raise RefusedError(409, "nobody has decided this passage: there is nothing to settle")
                event = append(kind, key, labels=ordered, note=note or None, request=request, about=stored)
        return {"saved": True, "event": event.plain()}

    decide = partialmethod(_label, "decision")  # answers ``POST /api/decisions``
    adjudicate = partialmethod(_label, "adjudication")  # answers ``POST /api/adjudications``

    def _repeated(self, request: str | None, kind: Kind, **fields: Any) -> Event | None:
        """Return the event of a request that is repeated because its answer was lost; None for a new request."""
        known = self._log.history.requests.get((self.annotator, request))
        if known is not None and (known.kind != kind or any(getattr(known, name) != fields[name] for name in fields)):
            raise RefusedError(409, f"request {request} was another one before; give each its own name")
        return known

    @contextmanager
    def _writing(self) -> Iterator[Callable[..., Event]]:
        """Lock the log, give a function that makes and appends an event, then bring the corpus up to date."""
        with self._log.exclusive() as write:

            def append(kind: Kind, key: str, **fields: Any) -> Event:
                write(event := Event(len(self._log.history) + 1, kind, key, self.annotator, now(), **fields))
                return event

            yield append
            try:
                self._file.write(self._log.history)
            except InputError as error:  # the event is saved in the log, from which the corpus can be derived later
                self.notify(str(error))

    @contextmanager
    def _reading(self) -> Iterator[History]:
        """Give the history, refreshed with events of other processes, and locked."""
        with self._log.guard:
            self._log.refresh()
            yield self._log.history

    def _passage(self, key: str) -> OpenPassage:
        if (passage := self._passages.get(key)) is None:
            raise RefusedError(404, "no such passage is open")
        return passage

    def _shown(self, passage: OpenPassage, history: History) -> Plain:
        """Convert a passage for the page: predictions, this annotator's decision, and those of others."""
        decisions = history.decisions(passage.key)
        mine, settled = decisions.pop(self.annotator, None), history.settled(passage.key)
        return {
            **passage.passage.to_dict(),
            "scores": dict(passage.passage.scores),  # not rounded, as the page compares them with thresholds
            "key": passage.key,
            "number": passage.number,
            "second": self._second.get(passage.key),
            "decision": mine and mine.plain(),
            "others": [event.plain() for event in decisions.values()],
            "settled": settled and settled.plain(),
        }


def agreement_figures(decided: Mapping[str, Mapping[str, Sequence[str]]]) -> Plain:
    """Compute kappa and alpha of each label, with 95% intervals, over passages decided by two or more annotators.

    `decided` has the labels by passage key, then annotator. The figures are plain values, None with too few passages.
    """
    shared = {key: given for key, given in decided.items() if len(given) > 1}
    names = sorted({name for given in shared.values() for name in given})
    nothing = dict.fromkeys(("kappa", "kappa_low", "kappa_high", "alpha", "alpha_low", "alpha_high")) | {"n": 0}
    labels: dict[str, Plain] = dict.fromkeys(LABELS, nothing)
    if shared:
        by_name = [{key: given[name] for key, given in shared.items() if name in given} for name in names]
        for row in agreement(*by_name, draws=_DRAWS if len(shared) >= _MIN_PASSAGES else 0):
            figures = (row.kappa, *row.kappa_interval, row.alpha, *row.alpha_interval, row.passages)
            labels[row.label] = rounded(dict(zip(nothing, figures, strict=True)))
    return {"annotators": names, "passages": len(shared), "labels": labels}
