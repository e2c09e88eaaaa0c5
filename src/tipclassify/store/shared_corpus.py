"""Corpus file and event log of a review: events in, both files kept in step.

Threads and processes may share them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tipclassify.errors import InputError, OutputError
from tipclassify.store.derived import ReviewCorpusFile, events_path
from tipclassify.store.events import Event, History
from tipclassify.store.log import EventLog

AppendEvent = Callable[[Event], None]


class SharedCorpus:
    """Corpus file at `path`, its event log beside it.

    `notify` takes lines on torn events and files moved aside. Raises `InputError` or `CorpusError`
    when the corpus cannot be used.
    """

    def __init__(self, path: Path, notify: Callable[[str], None]) -> None:
        self._notify = notify
        self._log = EventLog(events_path(path), notify)
        self._file = ReviewCorpusFile(path, notify)
        with self._log.exclusive():  # a crash may have left the corpus behind the log
            try:
                self._file.write(self._log.history)
            except OutputError as error:  # all decisions are in the log, and can still be read
                notify(f"warning: {error}")

    @property
    def history(self) -> History:
        """The events, for use within `reading_events` and `writing_events` only."""
        return self._log.history

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

    @contextmanager
    def writing_events(self) -> Iterator[AppendEvent]:
        """Lock the log, give a function that appends an event, then bring the corpus up to date."""
        with self._log.exclusive() as append:
            yield append
            try:
                self._file.write(self._log.history)
            # the event is saved in the log, from which the corpus can be derived later
            except (InputError, OutputError) as error:
                self._notify(str(error))

    def reading_events(self) -> AbstractContextManager[History]:
        """Keep other threads from writing, and give the events with those of other processes."""
        return self._log.reading()
