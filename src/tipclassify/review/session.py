"""Session of one annotator: requests of the page in, plain values for its JSON answers out.
Threads may share it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partialmethod
from pathlib import Path
from textwrap import shorten
from typing import Any, Final

from tipclassify.corpus.active_learning import rank
from tipclassify.corpus.loading import text_key
from tipclassify.errors import InputError, OutputError
from tipclassify.evaluation.agreement import agreement
from tipclassify.evaluation.metrics import rounded
from tipclassify.labels import LABELS, Policy, indicator
from tipclassify.model.classifier import Classifier
from tipclassify.review.derived import CorpusFile, events_path
from tipclassify.review.events import Event, History, Kind
from tipclassify.review.log import EventLog, now
from tipclassify.review.opened import OpenPassage, OpenReport

Plain = dict[str, Any]  # of values that JSON holds

_DRAWS: Final = 1_000  # of the bootstrap
# without control characters
_TEXT: Final = re.compile(r"[^\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]*")
_MIN_PASSAGES: Final = 10  # below it, a bootstrap interval would be misleading


class RefusedError(Exception):
    """A request that was refused, with the HTTP status of the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(eq=False)
class ReviewSession:
    """Session of one annotator with some reports, tagged by `classifier`, and one corpus, its event
    log beside it.

    Raises `InputError` or `CorpusError` when the corpus cannot be used.
    """

    classifier: Classifier
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
        self._second: dict[str, Plain] = {}  # passage key -> labels and scores by the second model
        if self.second:
            tagged = self.second.tag_passages(
                [passage.passage for passage in self._passages.values()], self.policy
            )
            said = [{"labels": list(one.labels), "scores": dict(one.scores)} for one in tagged]
            self._second = dict(zip(self._passages, said, strict=True))
        self._log = EventLog(events_path(self.corpus), self.notify)
        self._file = CorpusFile(self.corpus, self.notify)
        with self._log.exclusive():  # a crash may have left the corpus behind the log
            try:
                self._file.write(self._log.history)
            except OutputError as error:  # all decisions are in the log, and can still be read
                self.notify(f"warning: {error}")

    @property
    def decided(self) -> int:
        """Number of decided passages, by all annotators."""
        with self._log.guard:
            history = self._log.history
            return sum(history.final(key) is not None for key in history.by_passage)

    @property
    def disputed(self) -> int:
        """Number of passages on which annotators differ, and which the corpus leaves out until
        one is settled."""
        with self._log.guard:
            history = self._log.history
            return sum(history.disputed(key) for key in history.by_passage)

    def close(self) -> None:
        """Leave the corpus without blank lines."""
        with self._log.exclusive():
            self._file.compact(self._log.history)

    def about(self) -> Plain:
        """Answer ``GET /api/session``: annotator, model, reports and settings."""
        with self._reading() as history:
            reports = []
            for report in self._reports.values():
                counts = {"passages": len(report.passages), "notes": list(report.notes)}
                counts |= _progress(report.passages, self.annotator, history)
                reports.append(
                    {"id": report.id, "name": report.name, "title": report.title, **counts}
                )
        return {
            "annotator": self.annotator,
            "labels": list(LABELS),
            "policy": self.policy,
            "thresholds": dict(
                zip(LABELS, self.classifier.thresholds(self.policy).tolist(), strict=True)
            ),
            "model": {"name": self.model_name, "sha256": self._model_version},
            "second": self.second_name if self.second else None,
            "queue": self.queue_first,
            "blind": self.blind,
            "reports": reports,
            "corpus": str(self.corpus),
            "events": len(history),
        }

    def report(self, id: str) -> Plain:
        """Answer ``GET /api/reports/ID``: a report with all its passages."""
        if (report := self._reports.get(id)) is None:
            raise RefusedError(404, "no such report is open")
        with self._reading() as history:
            passages = [self._shown(passage, history) for passage in report.passages]
        return {"id": report.id, "name": report.name, "title": report.title, "passages": passages}

    def reasons(self, key: str) -> Plain:
        """Answer ``GET /api/reasons/KEY``: an explanation of each label; ``heading`` is the
        heading's weight."""
        passage = self._passage(key)
        with self._reading() as history:
            if self._hides_model(key, history):
                raise RefusedError(
                    409, "the model's reasons are hidden until you have decided (--blind)"
                )
        explained = self.classifier.explain(passage.passage)
        return {
            "labels": {
                label: {**found.to_dict(), "total": found.logit}
                for label, found in explained.items()
            }
        }

    def queue(self, n: int = 50) -> Plain:
        """Answer ``GET /api/queue``: the passages without this annotator's decision, most
        informative first.

        Colleagues' labels on them do not count, since the order and its reasons would show them.
        """
        with self._reading() as history:
            left = [
                p
                for key, p in self._passages.items()
                if self.annotator not in history.decisions(key)
            ]
            keys = {p.key for p in left}
            known = [
                e.about["text"]
                for key in history.by_passage
                if key not in keys and (e := history.final(key))
            ]
        votes = [[indicator(self._second[p.key]["labels"]) for p in left]] if self._second else []
        thresholds = self.classifier.thresholds(self.policy)
        picks = rank([p.passage for p in left], thresholds, n, known=known, others=votes)
        found = [
            (left[pick.index], {} if self.blind else {"why": pick.why, "score": pick.score})
            for pick in picks
        ]
        return {
            "passages": [{"key": p.key, "report": p.report, **why} for p, why in found],
            "left": len(left),
        }

    def search(self, words: str, most: int = 200) -> Plain:
        """Answer ``GET /api/search``: the passages of all reports whose text has `words`, the
        first `most`."""
        wanted = text_key(words)
        found = [
            p for p in self._passages.values() if wanted and wanted in text_key(p.passage.text)
        ]
        with self._reading() as history:
            return {
                "found": len(found),
                "passages": [self._shown(passage, history) for passage in found[:most]],
            }

    def changes(self, since: int) -> Plain:
        """Answer ``GET /api/changes``: the events after number `since`, and the passages that
        they are of."""
        with self._reading() as history:
            events = history.events[since:]
            keys = dict.fromkeys(event.key for event in events if event.key in self._passages)
            passages = [self._shown(self._passages[key], history) for key in keys]
            told = [self._told(event, history) for event in events]
            return {"next": len(history), "events": told, "passages": passages}

    def history(self, before: int = 0, n: int = 100) -> Plain:
        """Answer ``GET /api/history``: the `n` events before number `before` (0: all), the
        latest first."""
        with self._reading() as history:
            last = min(before - 1, len(history)) if before else len(history)
            events = []
            for event in history.events[max(last - n, 0) : last][::-1]:
                done, steps = event, 0
                # an odd number of steps is an undo, an even one a redo
                while done.undoes is not None:
                    done, steps = history.events[done.undoes - 1], steps + 1
                passage = self._passages.get(event.key)
                where = {
                    "report": passage and passage.report,
                    "text": shorten(str(done.about.get("text")), 120),
                }
                events.append(
                    {
                        **self._told(event, history),
                        **where,
                        "steps": steps,
                        "of": self._told(done, history),
                    }
                )
            return {"events": events, "more": last > n}

    def disagreements(self) -> Plain:
        """Answer ``GET /api/disagreements``: the passages on which annotators disagree."""
        with self._reading() as history:
            found = [passage for key, passage in self._passages.items() if history.differ(key)]
            return {"passages": [self._shown(passage, history) for passage in found]}

    def agreement(self) -> Plain:
        """Answer ``GET /api/agreement``: agreement on all passages of the log that two or more
        annotators decided.

        The figures count what each decided without seeing a colleague's decision; ``all`` has those
        of all decisions.
        """
        with self._reading() as history:
            keys = list(history.by_passage)
            each = {
                key: [e for e in history.decisions(key).values() if not e.unsure] for key in keys
            }
            compared = [e for events in each.values() if len(events) > 1 for e in events]
            alone = {
                key: {n: e.labels for n, e in history.independent(key).items() if not e.unsure}
                for key in keys
            }
            opened, names = (
                list(self._passages.values()),
                sorted({name for _, name in history.answered}),
            )
            progress = [{"annotator": name, **_progress(opened, name, history)} for name in names]
        kinds = Counter(e.blind and "colleagues" in e.blind for e in compared)
        of_model = sum("model" in (e.blind or ()) for e in compared)
        every = agreement_figures(
            {key: {e.annotator: e.labels for e in events} for key, events in each.items()}
        )
        counts = {
            "of": len(compared),
            "blind": kinds[True],
            "unknown": kinds[None],
            "model": of_model,
        }
        counted = {
            "all": every,
            "decisions": counts,
            "progress": progress,
            "disputed": self.disputed,
        }
        return {**agreement_figures(alone), **counted}

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
                    raise RefusedError(
                        409, f"event {number} is {undone.annotator}'s: only they can take it back"
                    )
                if history.is_undone(number):
                    raise RefusedError(409, f"event {number} was taken back already")
                event = append("undo", undone.key, undoes=number, request=request)
            return self._saved(event)

    def _label(
        self,
        kind: Kind,
        key: str,
        labels: Sequence[str],
        note: str | None = None,
        request: str | None = None,
        unsure: bool = False,
    ) -> Plain:
        """Save labels to disk: a decision, or the final ones of a passage that an annotator
        decided."""
        if unsure and (labels or kind != "decision"):
            raise RefusedError(400, "unsure is a decision without labels; send one or the other")
        same: dict[str, Any] = {
            "labels": tuple(label for label in LABELS if label in labels),
            "unsure": unsure or None,
        }
        stored = self._about(key)
        with self._writing() as append:
            event = self._repeated(request, kind, key=key, **same)
            if event is None:
                history = self._log.history
                if kind == "adjudication" and not history.decisions(key):
                    raise RefusedError(
                        409, "nobody has decided this passage: there is nothing to settle"
                    )
                alone = (key, self.annotator) not in history.seen
                unseen = {"colleagues": alone, "model": self._hides_model(key, history)}
                theirs = [
                    e for e in history.decisions(key).values() if e.annotator != self.annotator
                ]
                # older versions showed all
                known = kind == "decision" and all(e.blind is not None for e in theirs)
                blind = tuple(name for name, hidden in unseen.items() if hidden) if known else None
                fields = {"note": note or None, "request": request, "about": stored, "blind": blind}
                event = append(kind, key, **same, **fields)
            return self._saved(event)

    def remark(self, kind: Kind, key: str, note: str | None, request: str | None = None) -> Plain:
        """Replace the annotator's note on a passage ("" for none), or reveal what colleagues
        decided, and log that."""
        about = self._about(key)
        with self._writing() as append:
            event = self._repeated(request, kind, key=key, note=note)
            return self._saved(event or append(kind, key, note=note, request=request, about=about))

    def _about(self, key: str) -> Plain:
        """Collect what an event stores of a passage, for training and tracing it without the
        report."""
        passage = self._passage(key)
        report, tagged = self._reports[passage.report], passage.passage.to_dict()
        del tagged["low_confidence"]
        predicted = {
            "model": self._model_version,
            "model_labels": tagged.pop("labels"),
            "scores": tagged.pop("scores"),
        }
        stored = {**tagged, "report": report.name, "report_id": report.id, **predicted}
        if self._second:
            stored |= {"other_model": self.second_name, "other_labels": self._second[key]["labels"]}
        return {name: value for name, value in stored.items() if value is not None}

    def _saved(self, event: Event) -> Plain:
        """Answer a change: its event, the annotator's decision now in effect, and the passage as
        it is shown now."""
        history, passage = self._log.history, self._passages.get(event.key)
        current, shown = (
            history.decisions(event.key).get(self.annotator),
            passage and self._shown(passage, history),
        )
        return {
            "saved": True,
            "event": event.plain(),
            "decision": current and current.plain(),
            "passage": shown,
        }

    decide = partialmethod(_label, "decision")  # answers ``POST /api/decisions``
    adjudicate = partialmethod(_label, "adjudication")  # answers ``POST /api/adjudications``

    def _repeated(self, request: str | None, kind: Kind, **fields: Any) -> Event | None:
        """Return the event of a request that is repeated because its answer was lost; None for a
        new request."""
        known = self._log.history.requests.get((self.annotator, request))
        if known is not None and (
            known.kind != kind or any(getattr(known, name) != fields[name] for name in fields)
        ):
            raise RefusedError(
                409, f"request {request} was another one before; give each its own name"
            )
        return known

    @contextmanager
    def _writing(self) -> Iterator[Callable[..., Event]]:
        """Lock the log, give a function that makes and appends an event, then bring the corpus
        up to date."""
        with self._log.exclusive() as write:

            def append(kind: Kind, key: str, **fields: Any) -> Event:
                if not _TEXT.fullmatch(fields.get("note") or ""):
                    raise RefusedError(400, "a note holds control characters; write plain text")
                write(
                    event := Event(
                        len(self._log.history) + 1, kind, key, self.annotator, now(), **fields
                    )
                )
                return event

            yield append
            try:
                self._file.write(self._log.history)
            except (
                InputError,
                OutputError,
            ) as error:  # the event is saved in the log, from which the corpus can be derived later
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

    def _hides_model(self, key: str, history: History) -> bool:
        return self.blind and (key, self.annotator) not in history.answered

    def _hides_colleagues(self, key: str, history: History) -> bool:
        return (
            key,
            self.annotator,
        ) not in history.seen and self.annotator not in history.decisions(key)

    def _told(self, event: Event, history: History) -> Plain:
        """Convert an event for the page, without what a colleague said of a passage where that
        is hidden."""
        hidden = event.annotator != self.annotator and self._hides_colleagues(event.key, history)
        blank: Plain = {"labels": [], "note": None, "unsure": None, "hidden": True}
        return event.plain() | (blank if hidden else {})

    def _shown(self, passage: OpenPassage, history: History) -> Plain:
        """Convert a passage for the page: predictions, this annotator's decision, and those of
        others."""
        decisions, notes = history.decisions(passage.key), history.notes(passage.key)
        mine, settled = decisions.pop(self.annotator, None), history.settled(passage.key)
        # not rounded: the page compares them with thresholds
        scores: Plain = {"scores": dict(passage.passage.scores)}
        if no_model := self._hides_model(passage.key, history):
            scores = {"scores": {}, "labels": [], "low_confidence": False}
        no_colleagues = self._hides_colleagues(passage.key, history)
        if no_colleagues:
            settled = settled if settled and settled.annotator == self.annotator else None
            notes = {name: event for name, event in notes.items() if name == self.annotator}
        return {
            **passage.passage.to_dict(),
            **scores,
            "key": passage.key,
            "report": passage.report,
            "number": passage.number,
            "second": None if no_model else self._second.get(passage.key),
            "decision": mine and mine.plain(),
            "others": [] if no_colleagues else [event.plain() for event in decisions.values()],
            "settled": settled and settled.plain(),
            "notes": {
                name: {"note": event.note, "time": event.time} for name, event in notes.items()
            },
            "hidden": {"model": no_model, "colleagues": len(decisions) if no_colleagues else 0},
        }


def _progress(passages: Sequence[OpenPassage], annotator: str, history: History) -> Plain:
    """Count the passages that an annotator decided, is unsure of among these, and noted
    something on."""
    mine = [event for p in passages if (event := history.decisions(p.key).get(annotator))]
    noted = sum(annotator in history.notes(p.key) for p in passages)
    return {
        "decided": len(mine),
        "unsure": sum(bool(event.unsure) for event in mine),
        "noted": noted,
    }


def agreement_figures(decided: Mapping[str, Mapping[str, Sequence[str]]]) -> Plain:
    """Compute kappa and alpha of each label, with 95% intervals, over passages decided by two or
    more annotators.

    `decided` has the labels by passage key, then annotator. The figures are plain values, None with
    too few passages.
    """
    shared = {key: given for key, given in decided.items() if len(given) > 1}
    names = sorted({name for given in shared.values() for name in given})
    nothing = dict.fromkeys(
        ("kappa", "kappa_low", "kappa_high", "alpha", "alpha_low", "alpha_high")
    ) | {"n": 0}
    labels: dict[str, Plain] = dict.fromkeys(LABELS, nothing)
    if shared:
        by_name = [
            {key: given[name] for key, given in shared.items() if name in given} for name in names
        ]
        for row in agreement(*by_name, draws=_DRAWS if len(shared) >= _MIN_PASSAGES else 0):
            figures = (row.kappa, *row.kappa_interval, row.alpha, *row.alpha_interval, row.passages)
            labels[row.label] = rounded(dict(zip(nothing, figures, strict=True)))
    return {"annotators": names, "passages": len(shared), "labels": labels}
