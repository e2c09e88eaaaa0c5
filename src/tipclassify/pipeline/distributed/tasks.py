"""Tasks of a distributed run: parts go out to the cluster, records come back, even if workers are killed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from typing import Any, Final

from dask import delayed
from distributed import Client, as_completed
from distributed.scheduler import KilledWorker

from tipclassify.errors import InputError, TipclassifyError
from tipclassify.pipeline.distributed.inputs import Part, Source, part_name
from tipclassify.pipeline.distributed.places import describe_error
from tipclassify.pipeline.distributed.worker import Failure, Record, Work, score_part, write_record

__all__ = ["Task", "run", "tasks_of_collection"]

_RETRIES: Final = 2  # of a task that raised, as when its file could not be written
_KILLED: Final = "every process that read it was killed; out of memory? Give smaller batches, or leave it out"

Task = tuple[Part, Any]
"""A part and, for a partition of a collection, its delayed rows; else None."""


def tasks_of_collection(collection: Any, text: str) -> list[Task]:
    """Make a task for each partition of a Bag or DataFrame.

    Raises
    ------
    InputError
        When a DataFrame has no column `text`.
    """
    columns = getattr(collection, "columns", None)
    if columns is not None and text not in columns:
        raise InputError(f'the DataFrame has no column "{text}"; say which holds the text, of {", ".join(columns)}')
    kind = "bag" if columns is None else "dataframe"
    sources = [Source(f"{kind}:{number}", None, "") for number in range(collection.npartitions)]
    return [(Part("rows", (one,)), rows) for one, rows in zip(sources, collection.to_delayed(), strict=True)]


def run(client: Client, tasks: Sequence[Task], work: Work) -> Iterator[list[Record]]:
    """Run tasks on a cluster; yield the records of each as it completes.

    When a process is killed, Dask fails every task assigned to it. Such tasks run once more at the end, one at a time;
    a part of several reports then runs report by report, so that one bad report does not lose the others.

    Raises
    ------
    TipclassifyError
        When no file can be written, or the scheduler is lost.
    """
    blamed = []
    for task, record in _computed(client, tasks, work):
        if record:
            yield [record]
        else:
            blamed.append(task)
    for part, rows in blamed:
        alone = [next(_computed(client, [(piece, rows)], work)) for piece in part.split()]
        yield [record or _failed(piece, _KILLED, work) for (piece, _), record in alone]


def _computed(client: Client, tasks: Sequence[Task], work: Work) -> Iterator[tuple[Task, Record | None]]:
    """Yield each task with its record, or with None if the processes that ran it were killed."""
    calls = [delayed(score_part)(part, work, rows) for part, rows in tasks]
    futures = client.compute(calls, retries=_RETRIES)  # in one call: partitions may share intermediate results
    task_of = dict(zip((future.key for future in futures), tasks, strict=True))
    for future in as_completed(futures, loop=client.loop):
        task = task_of[future.key]
        record: Record | None = None
        try:
            record = future.result()
        except CancelledError:
            raise InputError("the Dask scheduler was lost; run it again: what is finished is not made anew") from None
        except TipclassifyError:
            raise
        except KilledWorker:
            pass
        except Exception as error:
            record = _failed(task[0], f"cannot be computed ({describe_error(error)})", work)
        future.release()  # otherwise its dependencies stay marked as failed
        yield task, record


def _failed(part: Part, error: str, work: Work) -> Record:
    """Write and return the record of a part that no worker could finish: one retryable failure and no passages."""
    name = part.sources[0].name
    failure = Failure(name, f"{part}: {error}", again=True)
    record = Record(part_name([work.setting, str(part)]), {name: 0}, failures=(failure,))
    write_record(record, work)
    return record
