"""Run tasks on a Dask cluster, or on processes started here.

Parts go out, records come back, even if workers are killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import dask
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster, Security, as_completed
from distributed.core import rpc
from distributed.scheduler import KilledWorker

from tipclassify.dask.folder import PartRecord
from tipclassify.dask.parts import Part, Source, describe, part_name
from tipclassify.dask.work import Work, score_part
from tipclassify.errors import InputError, TipclassifyError
from tipclassify.records import Failure

if TYPE_CHECKING:
    import dask.bag
    import dask.dataframe
    from dask.delayed import Delayed

_PATIENCE: Final = 5  # timeout of a scheduler's answer, in seconds
_LOOPBACK: Final = "127.0.0.1"
_NOISY: Final = ("distributed", "tornado", "asyncio")
# Preload for local workers: a terminal sends Ctrl-C to all processes of a command, and the parent
# ends the workers.
_IGNORE_INTERRUPTS: Final = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
_RETRIES: Final = 2  # of a task that raised, as when its file could not be written
_KILLED: Final = (
    "every process that read it was killed; out of memory? Give smaller batches, or leave it out"
)


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A part to score."""

    part: Part
    rows: Delayed | None = None  # of a partition of a collection; None for a part that is read


def join(
    cluster: Client | str | int | None, tasks: int
) -> contextlib.AbstractContextManager[Client]:
    """Join a cluster: by a client, by the address of a scheduler, or as local processes.

    A client stays open. Of local processes, there is at most one for each of the `tasks`.
    """
    if isinstance(cluster, str):
        return connect(cluster)
    if cluster is None or isinstance(cluster, int):
        return connect(workers=min(cluster or CPU_COUNT, tasks))
    return contextlib.nullcontext(cluster)


@contextlib.contextmanager
def connect(scheduler: str | None = None, workers: int = 1) -> Iterator[Client]:
    """Connect to the scheduler at an address, or to `workers` new local processes.

    Raises `InputError` where no scheduler answers.
    """
    with _silenced():
        if scheduler is not None:
            with _client(scheduler) as client:
                yield client
            return
        with (
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host=_LOOPBACK,
                dashboard_address=f"{_LOOPBACK}:0",
                scheduler_kwargs={"dashboard": False},
                silence_logs=logging.CRITICAL,
                preload=[*dask.config.get("distributed.worker.preload"), _IGNORE_INTERRUPTS],
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            yield client


def _client(scheduler: str) -> Client:
    try:
        # Ask first: a Client takes minutes to fail on anything else. In a thread, as a notebook
        # runs an event loop.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, _greet(scheduler)).result()
        client = Client(scheduler, timeout=_PATIENCE, set_as_default=False)
    # another kind of server may answer with anything: even a MemoryError was seen
    except Exception:
        raise InputError(
            f"{scheduler}: no Dask scheduler answers there; "
            "start one with 'dask scheduler', or leave the address out"
        ) from None
    if not client.ncores():
        warnings.warn(
            f"{scheduler}: no workers there yet; waiting for one ('dask worker {scheduler}')",
            stacklevel=2,
        )
    return client


async def _greet(scheduler: str) -> None:
    async with rpc(
        scheduler, timeout=_PATIENCE, connection_args=Security().get_connection_args("client")
    ) as server:
        if (await asyncio.wait_for(server.identity(), _PATIENCE))["type"] != "Scheduler":
            raise ValueError("not a scheduler")


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Silence Dask's log messages: a worker that ends or is replaced does not concern the user."""
    names = {name for name in logging.root.manager.loggerDict if name.split(".")[0] in _NOISY}
    loggers = [logging.getLogger(name) for name in {*names, *_NOISY}]
    levels = {logger: logger.level for logger in loggers}
    try:
        for logger in levels:
            logger.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)


def tasks_of(collection: dask.bag.Bag | dask.dataframe.DataFrame, text: str) -> list[Task]:
    """Make a task for each partition of a Bag or DataFrame.

    Raises `InputError` for a table without column `text`.
    """
    columns = getattr(collection, "columns", None)
    if columns is not None and text not in columns:
        raise InputError(
            f'the DataFrame has no column "{text}"; '
            f"say which holds the text, of {', '.join(columns)}"
        )
    kind = "bag" if columns is None else "dataframe"
    tasks = []
    for number, rows in enumerate(collection.to_delayed()):
        partition = Source(f"{kind}:{number}", None, "")
        tasks.append(Task(Part("rows", (partition,)), rows))
    return tasks


def run(client: Client, tasks: Sequence[Task], work: Work) -> Iterator[list[PartRecord]]:
    """Run tasks on a cluster; yield the records of each as it completes.

    When a process is killed, Dask fails every task assigned to it. Such tasks run once more at the
    end, one at a time; a part of several reports then runs report by report, so that one bad report
    does not lose the others.
    """
    killed_tasks = []
    for task, record in _records(client, tasks, work):
        if record:
            yield [record]
        else:
            killed_tasks.append(task)
    for task in killed_tasks:
        records = []
        for source in task.part.sources:
            piece = replace(task, part=replace(task.part, sources=(source,)))
            _, record = next(_records(client, [piece], work))
            records.append(record or _failed(piece.part, _KILLED))
        yield records


def _records(
    client: Client, tasks: Sequence[Task], work: Work
) -> Iterator[tuple[Task, PartRecord | None]]:
    """Yield each task with its record, or with None if the processes that ran it were killed."""
    # Dask sends it once to each worker, also to those that join later
    shared = dask.delayed(work, traverse=False)
    calls = [dask.delayed(score_part)(task.part, task.rows, shared) for task in tasks]
    # a model is over 10 MB
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"}):
        # in one call: partitions may share intermediate results
        futures = client.compute(calls, retries=_RETRIES)
    task_of = dict(zip((future.key for future in futures), tasks, strict=True))
    for future in as_completed(futures, loop=client.loop):
        task = task_of[future.key]
        record: PartRecord | None = None
        try:
            record = future.result()
        except CancelledError:
            raise InputError(
                "the Dask scheduler was lost; run it again: what is finished is not made anew"
            ) from None
        except TipclassifyError:
            raise
        except ImportError as error:
            raise InputError(
                f"a worker lacks a package ({error}); install the same on each"
            ) from None
        except KilledWorker:
            pass
        except Exception as error:
            record = _failed(task.part, f"cannot be computed ({describe(error)})")
        future.release()  # otherwise its dependencies stay marked as failed
        yield task, record


def _failed(part: Part, error: str) -> PartRecord:
    """Make the record of a part that no worker could finish.

    It has a retryable failure of each of its inputs, and no passages.
    """
    failures = []
    for source in part.sources:
        where = str(part) if len(part.sources) == 1 else source.name
        failures.append(Failure(source.name, f"{where}: {error}", retryable=True))
    rows = {source.name: 0 for source in part.sources}
    return PartRecord(part_name([str(part)]), rows, failures=failures)
