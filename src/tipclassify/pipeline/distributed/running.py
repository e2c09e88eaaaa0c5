"""Tasks out to the cluster, records back, whatever befalls the workers meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from itertools import islice
from typing import Any, Final

from tipclassify.errors import InputError, TipclassifyError
from tipclassify.pipeline.distributed.models import ModelFiles, ModelPlugin
from tipclassify.pipeline.distributed.parts import Failure, Part, part_name
from tipclassify.pipeline.distributed.places import what_failed
from tipclassify.pipeline.distributed.tasks import Record, Work, score_part, score_rows, write_failures

__all__ = ["model_on", "run_collection", "run_parts"]

_WAITING: Final = 1_000  # tasks that the scheduler holds at a time: there may be millions
_RETRIES: Final = 2  # of a task whose file could not be written

_KILLED: Final = "every process that read it was killed; out of memory? Give smaller batches, or leave it out"


@contextlib.contextmanager
def model_on(client: Any, model: ModelFiles) -> Iterator[None]:
    """Within it, every worker of the cluster has the model, also one that joins or is replaced.

    Raises
    ------
    InputError, ModelError
        When a worker cannot take it.
    """
    plugin = ModelPlugin(model)
    try:
        try:
            client.register_plugin(plugin)
        except ImportError as error:
            raise InputError(f"the workers cannot load tipclassify ({error}); install the same on each") from None
        yield
    finally:
        with contextlib.suppress(Exception):  # the scheduler may be gone
            client.unregister_worker_plugin(plugin.name)


def run_parts(client: Any, parts: Iterable[Part], work: Work) -> Iterator[tuple[Record, int]]:
    """Each part's record as it is done, and how many parts more than planned there are by then.

    Reports that kill the process that reads them are tried one by one, so that the others of their part are not lost. Dask blames
    everything that a lost process had been given, so what is blamed is tried once more in the end, each with nothing beside it.

    Raises
    ------
    InputError
        When no file can be written, or the scheduler is lost.
    """
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    sent: dict[str, Part] = {}
    blamed: list[Part] = []
    waiting = iter(parts)
    more = 0

    def submit(part: Part) -> Any:
        future = client.submit(score_part, part, work, pure=False, retries=_RETRIES)
        sent[future.key] = part
        return future

    running = as_completed([submit(part) for part in islice(waiting, _WAITING)], loop=client.loop)
    for future in running:
        part = sent.pop(future.key)
        try:
            yield _result(future), more
        except KilledWorker:
            if len(part.sources) > 1:
                running.update([submit(one) for one in part.single()])
                more += len(part.sources) - 1
            else:
                blamed.append(part)
        running.update([submit(part) for part in islice(waiting, 1)])
    for part in blamed:
        try:
            yield _result(submit(part)), more
        except KilledWorker:
            yield _failed(part.name(work.setting), part.sources[0].name, f"{part}: {_KILLED}", work), more


def run_collection(client: Any, partitions: dict[str, Any], work: Work) -> Iterator[tuple[Record, int]]:
    """The same for the partitions, by name, of a Bag or DataFrame. One that cannot be computed is a failure."""
    from dask import delayed
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    def failed(name: str, what: str) -> Record:
        return _failed(part_name([work.setting, "rows", name]), name, f"{name}: {what}", work)

    def outcomes(names: list[str]) -> Iterator[tuple[str, Record | None]]:
        """The record of each, None where the processes that computed it were killed."""
        calls = [delayed(score_rows)(partitions[name], name, work) for name in names]
        futures = client.compute(calls, retries=_RETRIES)  # at once: partitions may share what they are made from
        of = dict(zip((future.key for future in futures), names, strict=True))
        for future in as_completed(futures, loop=client.loop):
            record: Record | None = None
            try:
                record = _result(future)
            except TipclassifyError:
                raise
            except KilledWorker:
                pass
            except Exception as error:
                record = failed(of[future.key], f"cannot be computed ({what_failed(error)})")
            future.release()  # or what it was made from stays blamed
            yield of[future.key], record

    blamed: list[str] = []  # as in `run_parts`
    for name, record in outcomes(list(partitions)):
        if record:
            yield record, 0
        else:
            blamed.append(name)
    for name in blamed:
        for _, record in outcomes([name]):
            yield record or failed(name, _KILLED), 0


def _result(future: Any) -> Record:
    try:
        record: Record = future.result()
    except CancelledError:
        raise InputError("the Dask scheduler was lost; run it again: what is finished is not made anew") from None
    return record


def _failed(name: str, source: str, error: str, work: Work) -> Record:
    """The record of a part that no worker could finish: errors, and no file of passages."""
    failures = (Failure(source, error, again=True),)
    write_failures(name, failures, work)
    return Record(name, 0, 0, "", ((source, 0),), failures)
