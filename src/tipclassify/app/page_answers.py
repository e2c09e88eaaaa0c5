"""Answers to what the review page asks for: a session in, values for JSON out.

None of them changes anything; what the annotator does is in `session`.
"""

from __future__ import annotations

from textwrap import shorten
from typing import Final, TypedDict

from tipclassify.app.agreement_answer import AgreementAnswer, summarize_agreement_in_review
from tipclassify.app.refusal import RefusedError
from tipclassify.app.session import ReviewSession
from tipclassify.app.view import Progress, ShownPassage, View, count_review_progress
from tipclassify.corpus.next import rank_to_label
from tipclassify.corpus.rows import text_key
from tipclassify.labels import LABELS, Policy, label_indicator
from tipclassify.store.events import Event, EventRow

_EXCERPT: Final = 120  # characters of a passage in the list of events


class NamedModel(TypedDict):
    """The model that tagged the reports."""

    name: str
    sha256: str


class ReportProgress(Progress):
    """An open report, and the annotator's progress on it."""

    id: str
    name: str
    title: str
    passages: int
    notes: list[str]  # the reader's warnings


class SessionAnswer(TypedDict):
    """Annotator, model, reports and settings."""

    annotator: str
    labels: list[str]
    policy: Policy
    thresholds: dict[str, float]
    model: NamedModel
    second: str | None  # name of the second model
    queue: bool  # whether the page opens with the most informative passages
    blind: bool
    reports: list[ReportProgress]
    corpus: str
    events: int


class ReportAnswer(TypedDict):
    """A report with all its passages."""

    id: str
    name: str
    title: str
    passages: list[ShownPassage]


class ReasonsAnswer(TypedDict):
    """Plain values of each label's `Explanation`, with their ``total``."""

    labels: dict[str, dict[str, object]]


class _PlaceInQueue(TypedDict):
    key: str
    report: str


class QueuedPassage(_PlaceInQueue, total=False):
    """A passage to label; why and how useful it is, where the model is not hidden."""

    why: str
    score: float


class QueueAnswer(TypedDict):
    """Passages to label next, and how many are left."""

    passages: list[QueuedPassage]
    left: int


class SearchAnswer(TypedDict):
    """The first passages that match, and the number of all."""

    found: int
    passages: list[ShownPassage]


class ChangesAnswer(TypedDict):
    """Events since the page asked last, and their passages as they are now."""

    next: int  # to ask from
    events: list[EventRow]
    passages: list[ShownPassage]


class HistoryRow(EventRow):
    """An event in the list of all."""

    report: str | None  # None where it is not open
    text: str
    steps: int  # back to what it undid or did again
    of: EventRow  # that


class HistoryAnswer(TypedDict):
    """The latest events, and whether there are earlier ones."""

    events: list[HistoryRow]
    more: bool


class DisagreementsAnswer(TypedDict):
    """Passages on which annotators disagree."""

    passages: list[ShownPassage]


def answer_about(session: ReviewSession) -> SessionAnswer:
    """Answer ``GET /api/session``: annotator, model, reports and settings."""
    with session.reading() as view:
        reports: list[ReportProgress] = [
            {
                "id": report.id,
                "name": report.name,
                "title": report.title,
                "passages": len(report.passages),
                "notes": list(report.notes),
                **count_review_progress(report.passages, session.annotator, view.history),
            }
            for report in session.reports_by_id.values()
        ]
        events = len(view.history)
    thresholds = session.classifier.thresholds(session.policy).tolist()
    return {
        "annotator": session.annotator,
        "labels": list(LABELS),
        "policy": session.policy,
        "thresholds": dict(zip(LABELS, thresholds, strict=True)),
        "model": {"name": session.model_name, "sha256": session.model_version},
        "second": session.second_name if session.second else None,
        "queue": session.queue_first,
        "blind": session.blind,
        "reports": reports,
        "corpus": str(session.corpus),
        "events": events,
    }


def answer_report(session: ReviewSession, id: str) -> ReportAnswer:
    """Answer ``GET /api/reports/ID``: a report with all its passages."""
    report = session.reports_by_id.get(id)
    if report is None:
        raise RefusedError(404, "no such report is open")
    with session.reading() as view:
        passages = [view.passage(passage) for passage in report.passages]
    return {"id": report.id, "name": report.name, "title": report.title, "passages": passages}


def answer_reasons(session: ReviewSession, key: str) -> ReasonsAnswer:
    """Answer ``GET /api/reasons/KEY``: an explanation of each label.

    ``heading`` is the heading's weight.
    """
    passage = session.passage(key)
    with session.reading() as view:
        if view.hides_model(key):
            what = "the model's reasons are hidden until you have decided (--blind)"
            raise RefusedError(409, what)
    explanations = session.classifier.explain(passage.passage)
    return {
        "labels": {
            label: {**explanation.to_dict(), "total": explanation.logit}
            for label, explanation in explanations.items()
        }
    }


def answer_queue(session: ReviewSession, n: int = 50) -> QueueAnswer:
    """Answer ``GET /api/queue``: passages without one's own decision, most informative first.

    Colleagues' labels on them do not count, since the order and its reasons would show them.
    """
    with session.reading() as view:
        history = view.history
        left = [
            passage
            for key, passage in session.passages_by_key.items()
            if session.annotator not in history.decisions(key)
        ]
        keys = {passage.key for passage in left}
        decided = (history.final(key) for key in history.by_passage if key not in keys)
        known_texts = [event.about["text"] for event in decided if event]
    other_votes = []
    if session.second_tags:
        other_votes.append([label_indicator(session.second_tags[p.key]["labels"]) for p in left])
    picks = rank_to_label(
        [passage.passage for passage in left],
        session.classifier.thresholds(session.policy),
        n,
        known=known_texts,
        others=other_votes,
    )
    passages: list[QueuedPassage] = []
    for pick in picks:
        passage = left[pick.index]
        queued = QueuedPassage(key=passage.key, report=passage.report)
        if not session.blind:
            queued["why"] = pick.why
            queued["score"] = pick.score
        passages.append(queued)
    return {"passages": passages, "left": len(left)}


def answer_search(session: ReviewSession, words: str, most: int = 200) -> SearchAnswer:
    """Answer ``GET /api/search``: the first `most` passages whose text has `words`."""
    wanted = text_key(words)
    matches = [
        passage
        for passage in session.passages_by_key.values()
        if wanted and wanted in text_key(passage.passage.text)
    ]
    with session.reading() as view:
        passages = [view.passage(passage) for passage in matches[:most]]
    return {"found": len(matches), "passages": passages}


def answer_changes(session: ReviewSession, since: int) -> ChangesAnswer:
    """Answer ``GET /api/changes``: the events after number `since`, and their passages."""
    with session.reading() as view:
        events = view.history.events[since:]
        keys = dict.fromkeys(event.key for event in events if event.key in session.passages_by_key)
        return {
            "next": len(view.history),
            "events": [view.event(event) for event in events],
            "passages": [view.passage(session.passages_by_key[key]) for key in keys],
        }


def answer_history(session: ReviewSession, before: int = 0, n: int = 100) -> HistoryAnswer:
    """Answer ``GET /api/history``: `n` events before number `before`, the latest first.

    0 stands for all events.
    """
    with session.reading() as view:
        last = min(before - 1, len(view.history)) if before else len(view.history)
        latest = view.history.events[max(last - n, 0) : last]
        rows = [_history_row(session, event, view) for event in reversed(latest)]
        return {"events": rows, "more": last > n}


def _history_row(session: ReviewSession, event: Event, view: View) -> HistoryRow:
    """Convert an event for the list of events, with what it undid or did again.

    An odd number of steps back to that is an undo, an even one a redo.
    """
    done = event
    steps = 0
    while done.undoes is not None:
        done = view.history.events[done.undoes - 1]
        steps += 1
    passage = session.passages_by_key.get(event.key)
    return {
        **view.event(event),
        "report": passage.report if passage else None,
        "text": shorten(str(done.about.get("text")), _EXCERPT),
        "steps": steps,
        "of": view.event(done),
    }


def answer_disagreements(session: ReviewSession) -> DisagreementsAnswer:
    """Answer ``GET /api/disagreements``: the passages on which annotators disagree."""
    with session.reading() as view:
        differ = [p for key, p in session.passages_by_key.items() if view.history.differ(key)]
        return {"passages": [view.passage(passage) for passage in differ]}


def answer_agreement(session: ReviewSession) -> AgreementAnswer:
    """Answer ``GET /api/agreement``: see `summarize_agreement_in_review`."""
    with session.reading() as view:
        return summarize_agreement_in_review(view.history, list(session.passages_by_key.values()))
